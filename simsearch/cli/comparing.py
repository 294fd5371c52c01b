"""Backbones compared on the user's own photos, as a command."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simsearch import plots
from simsearch.cli.terminal import (
    INTERRUPTED,
    NOT_WELL,
    OK,
    ProgressBar,
    complain,
    counted,
    expect_room,
    print_refused,
    print_table,
    printable,
    use_one_thread,
)

if TYPE_CHECKING:
    from simsearch import Benchmark

_NOTHING = "-"
_NEARLY = 0.1  # of a speed: what it varies by from run to run
# Columns of the table: what each is of a measured backbone, how it is written, and whether more is better.
_Column = tuple[str, Callable[[Any], float | None], str, bool]
_COLUMNS: tuple[_Column, ...] = (
    ("photos/s", lambda one: one.images_per_second, ",.1f", True),
    ("ms a query", lambda one: one.milliseconds.get("all"), ",.1f", False),
    ("bytes a photo", lambda one: sum(one.bytes.values()), ",.0f", False),
    ("first", lambda one: one.hit_at_1, ".1%", True),
    ("in 10", lambda one: one.hit_at_10, ".1%", True),
    ("folder: first", lambda one: one.precision_at_1, ".1%", True),
    ("of 15", lambda one: one.precision_at_15, ".1%", True),
)
_QUALITIES = {
    "hit_at_1": "altered photos found first",
    "hit_at_10": "altered photos found in 10",
    "precision_at_1": "first hit of the same folder",
    "precision_at_15": "15 hits of the same folder",
}


def compare_backbones(options: argparse.Namespace) -> int:
    """Measure backbones on the user's own photos."""
    use_one_thread()
    from simsearch import compare_backbones

    if options.plot is not None:  # before the work is done
        expect_room(plots.place_of(options.plot))
        plots.need_matplotlib()
    _warn_if_busy()
    try:
        with ProgressBar() as bar:
            told = compare_backbones(
                options.names,
                options.photos,
                options.library,
                sample=options.sample,
                progress=lambda doing, done, total: bar.update(done, total, doing),
            )
    except KeyboardInterrupt:
        complain("stopped; nothing of it is kept.")
        return INTERRUPTED
    if options.json:
        _print_json(told)
    else:
        _print_text(told)
    if options.plot is not None:
        _draw(options.plot, told.figures)
    return NOT_WELL if told.refused else OK


def _warn_if_busy() -> None:
    load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if load > cores / 4:
        complain(f"others use this machine (load {load:.1f}, {counted(cores, 'core')}): speeds will be rough")


def _print_json(told: Benchmark) -> None:
    same = {"photos": told.photos, "altered": told.altered, "asking": told.asking, "chance": told.chance}
    for one in told.figures:
        print(json.dumps({**vars(one), **same, "workers": told.workers, "failed": len(told.failed)}))
    for name, reason in told.refused.items():
        print(json.dumps({"name": name, "reason": reason}))


def _print_text(told: Benchmark) -> None:
    print_refused("failed", told.failed)
    of = f" of {told.collection:,}" if told.photos < told.collection else ""
    workers = counted(told.workers, "process", "processes")
    where = f"{counted(told.photos, 'photo')}{of}, in {counted(told.folders, 'folder')}"
    print(f"Measured on {where}, by {workers}; * is the best of a column")
    if told.figures:
        print_table(*_table(told.figures))
        _explain(told)
    for reason in told.refused.values():
        print(f"not measured: {printable(reason)}")
    if len(told.figures) > 1:
        print(_speeds(told.figures))
        print(_qualities(told.figures))


def _table(measured: Sequence[Any]) -> tuple[list[str], list[list[str]]]:
    columns = [[_named(one) for one in measured]]
    for _, value, form, more_is_better in _COLUMNS:
        values = [value(one) for one in measured]
        cells = [_NOTHING if number is None else f"{number:{form}}" for number in values]
        there = [number for number in values if number is not None]
        best = f"{(max if more_is_better else min)(there):{form}}" if there else _NOTHING
        # What looks equal is equal; where all are, none is best.
        marked = len(set(cells)) > 1
        columns.append([f"*{cell}" if marked and cell == best else cell for cell in cells])
    return ["network", *(name for name, *_ in _COLUMNS)], [list(row) for row in zip(*columns, strict=True)]


def _named(one: Any) -> str:
    """Return what to call a network in a table: of a file, its name is enough."""
    return printable(os.path.basename(one.name))


def _explain(told: Benchmark) -> None:
    print("photos/s: files in, rows out; the workers' start and the first tenth of the photos do not count")
    print("ms a query: to decode, encode and search; the median")
    print("bytes a photo: its embedding as stored, and its row in the index that is searched")
    print(f"first, in 10: where {counted(told.altered, 'photo')} altered in ten ways find the photo itself")
    if told.chance is None:
        print("folder: tells nothing here, as there are not two folders of two photos or more")
    else:
        chance = f"{told.chance:.1%} by chance"
        print(
            f"folder: how many hits of {counted(told.asking, 'photo')} lie in the photo's folder ({chance})"
        )


def _speeds(measured: Sequence[Any]) -> str:
    known = [one for one in measured if one.images_per_second]
    if len(known) < 2:
        return "Too few photos to tell how quick the networks are."
    slow, *_, quick = sorted(known, key=lambda one: float(one.images_per_second))
    times = quick.images_per_second / slow.images_per_second
    if times < 1 + _NEARLY:
        return "They index equally quickly, within a tenth, which is what speeds vary by from run to run."
    said = f"{_named(quick)} indexes {times:.1f} times as quickly as {_named(slow)}"
    return f"{said} (on an idle machine this varies by a tenth from run to run)."


def _qualities(measured: Sequence[Any]) -> str:
    """Say what differs clearly between them, and what may be chance."""
    clear, open_ = [], []
    for quality, words in _QUALITIES.items():
        if getattr(measured[0], quality) is None:
            continue
        behind = [_named(one) for one in measured if quality in one.behind]
        if behind:
            clear.append(f"{words} ({', '.join(behind)} behind the best)")
        else:
            open_.append(words)
    parts = [f"Clearly different: {'; '.join(clear)}."] if clear else []
    if open_:
        parts.append(f"Maybe only chance, with so few photos: {'; '.join(open_)}.")
    return " ".join(parts)


def _draw(file: str, measured: Sequence[Any]) -> None:
    known = [one for one in measured if one.images_per_second and one.hit_at_1 is not None]
    if not known:
        complain("no speed is known, so nothing is drawn")
        return
    panels = {}
    for quality in ("hit_at_1", "precision_at_15"):
        words = _QUALITIES[quality]
        if getattr(known[0], quality) is not None:
            panels[f"{words[0].upper()}{words[1:]}"] = [
                plots.Point(
                    _named(one),
                    one.images_per_second,
                    getattr(one, quality),
                    one.errors[quality],
                )
                for one in known
            ]
    plots.save(file, plots.quality_against_speed(panels))
    complain(f"quality against speed is drawn in {printable(file)}")
