"""The clusters of a library as a command."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch.cli.terminal import COULD_NOT_RUN, OK, complain, counted, open_library, printable
from simsearch.errors import WriteError, reason_of

if TYPE_CHECKING:
    from simsearch import Library

_SHOWN = 20  # the largest; a screen of them
_NO_LABEL = "-"


def clusters(options: argparse.Namespace) -> int:
    """Print the clusters of photos that look alike, largest first."""
    filters = {} if options.under is None else {"under": options.under}
    with open_library(options) as library:
        if not len(library):
            complain("the library holds no photos yet; run: simsearch index FOLDER")
            return COULD_NOT_RUN
        found = library.clusters(options.grain, **filters)
        alone = library.count(**filters) - sum(cluster.size for cluster in found)
        if options.csv is not None:
            _write(library, found, Path(options.csv))
        if options.json:
            _print_json(library, found)
            return OK
    _print_text(found if options.all else found[:_SHOWN])
    if not options.all and len(found) > _SHOWN:
        complain(f"{counted(len(found) - _SHOWN, 'more cluster')}; --all shows them")
    if alone:
        complain(f"{counted(alone, 'photo')} {'belongs' if alone == 1 else 'belong'} to no cluster")
    return OK


def _print_text(found: list[Any]) -> None:
    labels = [printable(cluster.label or _NO_LABEL) for cluster in found]
    sizes = [f"{cluster.size:,}" for cluster in found]
    widths = [max(map(len, column), default=0) for column in (labels, sizes)]
    for cluster, label, size in zip(found, labels, sizes, strict=True):
        print(f"{label:<{widths[0]}}  {size:>{widths[1]}}  {printable(cluster.typical.path)}")


def _print_json(library: Library, found: list[Any]) -> None:
    for cluster in found:
        told = {"label": cluster.label, "photos": cluster.size, "typical": str(cluster.typical.path)}
        paths = library.paths(cluster.photos.tolist()).values()
        print(json.dumps({**told, "paths": [str(path) for path in paths]}))


def _write(library: Library, found: list[Any], file: Path) -> None:
    """Write each photo with the label and the number of its cluster, as `learn folders --labels` reads it.

    Raises
    ------
    WriteError
        When the file cannot be written.
    """
    try:
        with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
            rows = csv.writer(stream)
            rows.writerow(["path", "label", "cluster"])
            for number, cluster in enumerate(found, 1):
                for path in library.paths(cluster.photos.tolist()).values():
                    rows.writerow([path, cluster.label or "", number])
    except OSError as error:
        raise WriteError(file, reason_of(error), "name another file") from error
