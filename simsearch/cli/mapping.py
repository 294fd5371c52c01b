"""The map of the library as a command."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable

from simsearch.cli.terminal import (
    OK,
    ProgressBar,
    complain,
    counted,
    open_library,
    printable,
    use_one_thread,
)

UNKEPT = 1
_DIGITS = 4  # of positions; near-identical photos are hundredths apart

_Row = tuple[str, float, float]


def map(options: argparse.Namespace) -> int:
    """Lay the photos out in two dimensions."""
    use_one_thread()
    with open_library(options) as library, ProgressBar("step") as bar:
        made = library.map(options.method, progress=bar.update)
        paths = library.paths() if options.csv or options.json else {}
    places = zip(made.ids.tolist(), made.positions.tolist(), strict=True)
    rows = [
        (str(paths[photo_id]), round(x, _DIGITS), round(y, _DIGITS))
        for photo_id, (x, y) in places
        if photo_id in paths
    ]
    if options.csv:
        _write(options.csv, rows)
    if options.json:
        for path, x, y in rows:
            print(json.dumps({"path": path, "x": x, "y": y}))
        return OK
    if made.unkept and not options.csv:
        complain(made.unkept)
        return UNKEPT
    told = f"{counted(len(made.ids), 'photo')} laid out by {made.method}"
    print(f"{told}, in {printable(options.csv)}" if options.csv else f"{told}; to look at: simsearch app")
    if made.hint:
        print(made.hint)
    return OK


def _write(path: str, rows: Iterable[_Row]) -> None:
    from simsearch.errors import WriteError, reason_of

    try:
        # As the names of files are, whether or not they are text.
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "x", "y"))
            writer.writerows(rows)
    except OSError as error:
        reason = f"cannot be written ({reason_of(error)})"
        raise WriteError(path, reason, "choose another --csv") from error
