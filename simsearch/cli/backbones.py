"""The table of networks as a command."""

from __future__ import annotations

import argparse
import json

from simsearch.cli.terminal import OK, print_table


def backbones(options: argparse.Namespace) -> int:
    """List the networks there are."""
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
    return OK
