"""The map of the library as a command."""

from __future__ import annotations

import argparse
import json

from simsearch import tables
from simsearch.cli.terminal import (
    OK,
    ProgressBar,
    complain,
    counted,
    expect_room,
    need_photos,
    open_library,
    printable,
    use_one_thread,
)

UNKEPT = 1
_DIGITS = 4  # of positions; near-identical photos are hundredths apart


def map(options: argparse.Namespace) -> int:
    """Lay the photos out in two dimensions."""
    use_one_thread()
    if options.csv is not None:
        expect_room(tables.place_of(options.csv))  # before the work is done
    with open_library(options) as library, ProgressBar("step") as bar:
        need_photos(library)
        made = library.map(options.method, progress=bar.update)
        paths = library.paths() if options.csv is not None or options.json else {}
    places = zip(made.ids.tolist(), made.positions.tolist(), strict=True)
    rows = [
        (str(paths[photo_id]), round(x, _DIGITS), round(y, _DIGITS))
        for photo_id, (x, y) in places
        if photo_id in paths
    ]
    if options.csv is not None:
        tables.save(options.csv, tables.as_csv(("path", "x", "y"), rows))
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
