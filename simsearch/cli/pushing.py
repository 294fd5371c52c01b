"""The command that fills a Milvus server."""

from __future__ import annotations

import argparse
import json
from typing import Any

from simsearch.cli.terminal import OK, ProgressBar, complain, counted, open_library


def push(options: argparse.Namespace) -> int:
    """Fill a Milvus server with the library, or bring it up to date."""
    with open_library(options) as library, ProgressBar() as bar:
        pushed = library.push(
            options.address,
            shards=options.shards,
            recall=options.recall,
            force=options.force,
            progress=lambda doing, done, total: bar.update(done, total, doing),
        )
    if options.json:
        print(json.dumps(pushed))
        return OK
    _print_pushed(pushed)
    if pushed["recall"] < options.recall:
        complain(f"that is less than the recall of {options.recall:g} wished for")
    return OK


def _print_pushed(pushed: dict[str, Any]) -> None:
    print(
        f"{pushed['sent']:,} sent, {pushed['unchanged']:,} unchanged, {pushed['removed']:,} removed: "
        f"{counted(pushed['photos'], 'photo')} in {pushed['address']} ({pushed['seconds']:.0f} s)"
    )
    for name in pushed["dropped"]:
        print(f"dropped {name}, which nothing searches any more")
    print(
        f"found {pushed['recall']:.1%} (± {pushed['error']:.1%}) of the 15 true nearest "
        f"of {counted(pushed['queries'], 'photo')}"
    )
    print("To search with it: simsearch search PICTURE --engine milvus")
