"""The clusters of a library as a command."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from simsearch import tables
from simsearch.cli.terminal import OK, complain, counted, expect_room, need_photos, open_library, printable

if TYPE_CHECKING:
    from simsearch import Library

_SHOWN = 20  # the largest; a screen of them
_NO_LABEL = "-"


def clusters(options: argparse.Namespace) -> int:
    """Print the clusters of photos that look alike, largest first."""
    if options.csv is not None:
        expect_room(tables.place_of(options.csv))  # before the work is done
    with open_library(options) as library:
        need_photos(library)
        found = library.clusters(options.grain, under=options.under)
        alone = library.count(under=options.under) - sum(cluster.size for cluster in found)
        if options.csv is not None:
            tables.save(options.csv, _as_csv(library, found, options.under))
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


def _as_csv(library: Library, found: list[Any], under: str | None) -> bytes:
    """Return each photo with the label and the number of its cluster, as `learn folders --labels` reads it.

    Those that belong to no cluster come last, and have neither.
    """
    paths = library.paths(under=under)
    rows = [
        (path, cluster.label or "", number)
        for number, cluster in enumerate(found, 1)
        for photo in cluster.photos.tolist()
        if (path := paths.pop(photo, None))
    ]
    return tables.as_csv(("path", "label", "cluster"), rows + [(path, "", "") for path in paths.values()])
