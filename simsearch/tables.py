"""Tables for other programs, and files that a person names for what is written down."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from simsearch.derived import write_atomically, write_error
from simsearch.errors import WriteError
from simsearch.folders import expanded_path
from simsearch.photos import SUFFIXES


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table with its head; names of files are written as they are, whether or not they are text."""
    text = StringIO()
    table = csv.writer(text)
    table.writerow(head)
    table.writerows(rows)
    return os.fsencode(text.getvalue())


def place_of(file: str | os.PathLike[str]) -> Path:
    """Return where a file that somebody names is written, without links.

    Raises
    ------
    FolderError
        When it cannot be a path.
    WriteError
        When it has the name of a photo.
    """
    path = expanded_path(file)
    target = Path(os.path.realpath(path))
    if not SUFFIXES.isdisjoint((path.suffix.lower(), target.suffix.lower())):
        raise WriteError(path, "that is the name of a photo", "choose another name")
    return target


def save(file: str | os.PathLike[str], content: bytes) -> None:
    """Write a file as somebody named it, in place of what is there, whole or not at all.

    Links are followed, and what is no file but takes bytes, such as /dev/stdout, is given them.

    Raises
    ------
    WriteError
        When it cannot be written, or has the name of a photo.
    """
    path = place_of(file)
    if path.is_file() or not path.exists():
        write_atomically(path, content)
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise write_error(path, error) from error
