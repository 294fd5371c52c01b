"""The self-exam as a command."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from simsearch.cli.terminal import (
    OK,
    ProgressBar,
    counted,
    open_library,
    print_table,
    printable,
    use_one_thread,
)

_KINDS_SHOWN = 40  # the worst; a screen of them


def exam(options: argparse.Namespace) -> int:
    """Measure how well the library's own photos are found."""
    use_one_thread()
    with open_library(options) as library, ProgressBar("step") as bar:
        told = library.exam(
            options.sample,
            engines=options.engines,
            progress=lambda doing, done, total: bar.update(done, total, doing),
        )
    if options.json:
        print(json.dumps(told))
        return OK
    asked = f"{told['asked']:,} of {counted(told['photos'], 'photo')} in {printable(told['library'])}"
    skipped = f"; {told['skipped']:,} more are damaged (see simsearch doctor)" if told["skipped"] else ""
    print(f"Asked for: {asked}, with engine {told['engine']}, in {told['seconds']:.0f} s{skipped}")
    _print_distortions([*told["distortions"], {"distortion": "all", **told["overall"]}])
    _print_foils(told["foils"])
    if told["engines"]:
        _print_engines(told["engines"])
    _print_kinds(told["kinds"])
    return OK


def _print_distortions(rows: Iterable[dict[str, Any]]) -> None:
    print("\nIs a photo found by an altered copy of it?")
    shares = ("hit_at_1", "hit_at_10", "near_identical", "same_scene")
    print_table(
        ["altered", "first", "in 10", "near-identical", "same scene", "mean 1/rank"],
        [
            [row["distortion"], *(_share(row[name]) for name in shares), f"{row['mean_reciprocal_rank']:.3f}"]
            for row in rows
        ],
    )


def _print_foils(foils: Iterable[dict[str, Any]]) -> None:
    known = [foil for foil in foils if foil["nothing_similar"] is not None]
    if not known:
        print("\nWhat scores mean is not known yet: it is learnt after indexing, from 20 photos on.")
        return
    print('\nIs "nothing similar" said to a picture that shows nothing?')
    print_table(
        ["made of a photo", "said"], [[foil["foil"], _share(foil["nothing_similar"])] for foil in known]
    )


def _print_engines(engines: Iterable[dict[str, Any]]) -> None:
    print("\nHow do the engines find the 15 nearest?")
    print_table(
        ["engine", "found", "half within", "95% within", "looks at", "memory"],
        [
            [
                row["engine"],
                _share(row["recall"], 1),
                f"{row['milliseconds_p50']:.2f} ms",
                f"{row['milliseconds_p95']:.2f} ms",
                _share(row["scanned"], 1),
                f"{row['bytes'] / 1e6:,.1f} MB",
            ]
            for row in engines
        ],
    )


def _print_kinds(kinds: dict[str, Any]) -> None:
    print(f"\n{kinds['said']}")
    if kinds["each"]:
        print_table(
            [kinds["by"].removesuffix("s"), "photos", "asked", "first", "of 15", "by chance"],
            [
                [
                    printable(kind["name"]),
                    f"{kind['photos']:,}",
                    f"{kind['asked']:,}",
                    *(_share(kind[name]) for name in ("precision_at_1", "precision_at_15", "chance")),
                ]
                for kind in kinds["each"][:_KINDS_SHOWN]
            ],
        )
    if len(kinds["each"]) > _KINDS_SHOWN:
        print(f"{len(kinds['each']) - _KINDS_SHOWN:,} more do better (--json lists them)")


def _share(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}%}"
