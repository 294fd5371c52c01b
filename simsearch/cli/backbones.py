"""The networks there are, as a command; and dropping one's embeddings from a library."""

from __future__ import annotations

import argparse
import json

from simsearch.cli.terminal import (
    COULD_NOT_RUN,
    OK,
    agreed,
    complain,
    is_terminal,
    open_library,
    print_table,
    printable,
)


def backbones(options: argparse.Namespace) -> int:
    """List the networks there are, or drop the embeddings of one from a library."""
    if options.remove is not None:
        return _remove(options)
    if options.yes or options.library is not None:
        complain("--library and --yes are for --remove alone; see simsearch backbones --help")
        return COULD_NOT_RUN
    from simsearch import list_backbones

    rows = list_backbones()
    if options.json:
        for row in rows:
            print(json.dumps(row))
        return OK
    print_table(
        ["network", "input", "width", "parameters", "top-1", "size", "here"],
        [
            [
                row["name"],
                f"{row['input_size']} px",
                f"{row['width']:,}",
                f"{row['parameters'] / 1e6:.1f} M",
                "-" if row["top1"] is None else f"{row['top1']:.1f}%",
                f"{row['bytes'] / 1e6:,.0f} MB",
                row["here"] or "-",
            ]
            for row in rows
        ],
    )
    print("To use one: simsearch index FOLDER --backbone NAME (or a .keras or .tflite file of your own)")
    print("Those that a library has embeddings of, your own among them: simsearch status")
    return OK


def _remove(options: argparse.Namespace) -> int:
    with open_library(options) as library:
        one = library.embeddings.waiting(options.remove)
        name = printable(str(one.encoder))
        print(
            f"{one.photos:,} embeddings of {name} will be dropped ({one.bytes / 1e6:,.1f} MB); no photo is."
        )
        if not agreed("Drop them?", yes=options.yes):
            return OK if is_terminal() else COULD_NOT_RUN
        library.embeddings.remove(options.remove)
        print(f"the embeddings of {name} were dropped")
    return OK
