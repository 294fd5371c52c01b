"""What of a folder is in the library already, as a command."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch import tables
from simsearch.cli.terminal import (
    COULD_NOT_RUN,
    INTERRUPTED,
    NOT_WELL,
    OK,
    ProgressBar,
    complain,
    counted,
    expect_room,
    open_library,
    printable,
    use_one_thread,
)

if TYPE_CHECKING:
    from simsearch import Inventory, Known

_BETTER = "BETTER"  # in the place of the verdict: what a person must not overlook

_LISTED = {  # of each list what it holds: one, many, and in a sum
    "new": ("new file", "new files", "new"),
    "bursts": ("file of a burst", "files of a burst", "of a burst"),
    "better": ("file that may be better", "files that may be better", "perhaps better than the library's"),
}
_AWAY = " (which is not there just now)"


def known(options: argparse.Namespace) -> int:
    """Say which photos of a folder are in the library already, and list those worth copying."""
    use_one_thread()  # the workers need the cores
    csv = options.csv and tables.place_of(options.csv)
    lists = {what: tables.place_of(name) for what in _LISTED if (name := getattr(options, what))}
    expect_room(csv, *lists.values())
    with open_library(options) as library, ProgressBar("file") as bar:
        try:
            inventory = library.known(
                options.folder,
                minutes=options.within,
                workers=options.workers,
                progress=lambda doing, done, total: bar.update(done, total, doing),
            )
        except ValueError as error:
            complain(f"{error}; see simsearch known --help")
            return COULD_NOT_RUN
        except KeyboardInterrupt:
            bar.close()
            complain("stopped; nothing was listed")
            return INTERRUPTED
    _print(inventory, as_json=options.json)
    if csv:
        inventory.write_csv(csv)
    _write_lists(inventory, lists, null=options.null)
    return NOT_WELL if inventory.of("unreadable") else OK


def _print(inventory: Inventory, *, as_json: bool) -> None:
    if as_json:
        for file in inventory.files:
            print(json.dumps(_as_json(file)))
        complain(str(inventory))
        return
    order = ("exact", "re-saved", "crop", "burst", "new", "unreadable", _BETTER)
    for _, line in sorted((order.index(_word(file)), _as_text(file)) for file in inventory.files):
        print(line)
    print(inventory)
    if better := inventory.better:
        print(f"{counted(len(better), 'file')} better than what the library has: {_BETTER}, above")


def _word(file: Known) -> str:
    return _BETTER if file.is_better else file.verdict


def _as_text(file: Known) -> str:
    line = f"{_word(file):<10}  {printable(file.path)}"
    other = printable(_other(file) or "") + (_AWAY if file.is_away else "")
    changes = f" ({', '.join(file.changes)})" if file.changes else ""
    if file.verdict == "unreadable":
        return f"{line}: {printable(file.reason)}"
    if file.verdict == "burst":
        return f"{line}: as {other}, {file.reason}"
    if file.is_better:
        return f"{line}: {file.reason}; the library has {other}{changes}"
    if file.verdict == "exact":
        return f"{line}: equal to {other}"
    if file.better:
        return f"{line}: of {other}{changes}, which is better: {file.reason}"
    return f"{line}: of {other}{changes}" if other else line


def _other(file: Known) -> str | None:
    """Return the path of what shows the same."""
    return None if file.photo is None else str(getattr(file.photo, "path", file.photo))


def _as_json(file: Known) -> dict[str, Any]:
    return {**file._asdict(), "path": str(file.path), "photo": _other(file), "offline": file.is_away}


def _write_lists(inventory: Inventory, lists: dict[str, Path], *, null: bool) -> None:
    """Write the lists that are wished for, say how to copy what is in them, and what is in none."""
    found = {"new": inventory.of("new"), "bursts": inventory.of("burst"), "better": inventory.perhaps_better}
    write = {
        "new": inventory.write_new,
        "bursts": inventory.write_bursts,
        "better": inventory.write_better,
    }
    for what, path in lists.items():
        write[what](path, null=null)
        _explain(inventory.folder, path, counted(len(found[what]), *_LISTED[what][:2]), null=null)
    others = {
        **{_LISTED[what][2]: len(files) for what, files in found.items() if what not in lists},
        "unreadable": len(inventory.of("unreadable")),
        "no photos": inventory.skipped,
    }
    if lists and any(others.values()):
        told = ", ".join(f"{number:,} {what}" for what, number in others.items() if number)
        complain(f"in no such list, so not copied: {told}")


def _explain(folder: Path, path: Path, files: str, *, null: bool) -> None:
    flag = "--from0 " if null else ""
    names, source = shlex.quote(str(path)), shlex.quote(f"{folder}/")
    complain(
        f"{files} listed in {printable(path)}; to copy into a new folder: "
        f"rsync -a {flag}--files-from={names} {source} {_new_folder()}"
    )


def _new_folder() -> str:
    """Return a folder to copy to: one of its own for each card, as cameras use the same names again."""
    name = f"~/Pictures/card-{date.today()}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(f"{one}/" for one in names if not os.path.lexists(os.path.expanduser(one)))
