"""Tables for other programs, and files that a person names for what is written down."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import IO

from simsearch.derived import write_error, writing
from simsearch.errors import WriteError
from simsearch.folders import expanded_path
from simsearch.photos import SUFFIXES

Target = str | os.PathLike[str] | IO[bytes]  # a file as somebody names it, or opened for bytes


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
    with saving(file) as stream:
        stream.write(content)


@contextmanager
def saving(file: Target) -> Iterator[IO[bytes]]:
    """Open a file for what is written bit by bit, otherwise as :func:`save`; or take one that is open."""
    if not isinstance(file, str | os.PathLike):
        yield file
        return
    path = place_of(file)
    if path.is_file() or not path.exists():
        with writing(path) as stream:
            yield stream
        return
    try:
        with path.open("wb") as stream:
            yield stream
    except OSError as error:
        raise write_error(path, error) from error
