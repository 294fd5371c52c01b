"""Photos to be taken elsewhere: their files in a ZIP archive, or a table of what is known of them."""

from __future__ import annotations

import os
import stat
import time
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from simsearch import tables
from simsearch.errors import PhotoError, reason_of
from simsearch.searching import Hit

LEFT_OUT = "left out.txt"  # in an archive, where it does not hold all
_COLUMNS = (
    "path",
    "score",
    "trust",
    "taken",
    "camera",
    "width",
    "height",
    "latitude",
    "longitude",
    "not there now",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is one to a spreadsheet
_NOT_IN_NAMES = frozenset('<>:"/\\|?*')  # on Windows
_NOT_NAMES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"}
_LONGEST = 200  # bytes of a name; 255 are possible, and a number may have to go in
_PIECE = 1 << 20


def as_csv(photos: Iterable[Hit]) -> bytes:
    """Return photos as a table, in their order."""
    rows = (
        (
            photo.path,
            round(photo.score, 6),
            photo.trust,
            photo.taken_at and photo.taken_at.isoformat(),
            _as_text(photo.camera),
            photo.width,
            photo.height,
            photo.latitude,
            photo.longitude,
            "yes" if photo.offline else "",
        )
        for photo in photos
    )
    return tables.as_csv(_COLUMNS, rows)


def _as_text(said: str | None) -> str | None:
    """Keep what a photo says of itself from being a formula; paths are absolute, and never one."""
    return f"'{said}" if said and said.startswith(_FORMULA) else said


def write_zip(photos: Iterable[Hit], file: IO[bytes]) -> list[Hit]:
    """Write the files of photos into an archive, as they are, without their folders.

    Photos do not shrink any more, so they are stored. Names that two have get a number: a.jpg, a (2).jpg.

    Returns
    -------
    The photos that are not there just now or cannot be read; the archive names them in a file of text.
    """
    left: dict[Hit, str] = {}
    taken: set[str] = set()
    with ZipFile(file, "w") as archive:
        for photo in photos:
            try:
                _add(archive, photo, taken)
            except PhotoError as error:
                left[photo] = error.reason
        if left:
            lines = "".join(f"{_on_one_line(photo.path)}: {reason}\r\n" for photo, reason in left.items())
            archive.writestr(unique_name(LEFT_OUT, taken), os.fsencode(lines), ZIP_DEFLATED)
    return [*left]


def _on_one_line(path: Path) -> str:
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in str(path))


def _add(archive: ZipFile, photo: Hit, taken: set[str]) -> None:
    """Add the file of a photo; raise PhotoError where it cannot be read, and be as before."""
    if photo.offline:  # the disk that it is on might keep us waiting
        raise PhotoError(photo.path, "not there just now")
    try:
        facts = photo.path.stat()
        if not stat.S_ISREG(facts.st_mode):  # a pipe would block us
            raise PhotoError(photo.path, "not a regular file")
        entry = _entry(facts)
        source = photo.path.open("rb")
    except OSError as error:
        raise PhotoError(photo.path, reason_of(error)) from error
    entry.filename = unique_name(photo.path.name, taken)
    with source:
        try:
            with archive.open(entry, "w") as target:
                for piece in _pieces(source, photo.path):
                    target.write(piece)
        except PhotoError:  # what is listed in the end is what there is
            archive.filelist.remove(entry)
            del archive.NameToInfo[entry.filename]
            raise


def _entry(facts: os.stat_result) -> ZipInfo:
    """Return what an archive says of a file, in the years that it knows."""
    written = time.localtime(facts.st_mtime)[:6]
    entry = ZipInfo("photo", min(max(written, (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 59)))
    entry.external_attr = (facts.st_mode & 0xFFFF) << 16
    entry.file_size = facts.st_size
    return entry


def _pieces(source: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        while piece := source.read(_PIECE):
            yield piece
    except OSError as error:
        raise PhotoError(path, reason_of(error)) from error


def unique_name(name: str, taken: set[str]) -> str:
    """Return a name that any system takes for a file, and that differs from those taken; note it there.

    Parameters
    ----------
    taken
        In the form in which names are the same to systems that tell no case, or compose letters otherwise.
    """
    stem, suffix = os.path.splitext(_safe(name))
    unique, number = stem + suffix, 1
    while _folded(unique) in taken:
        number += 1
        unique = f"{stem} ({number}){suffix}"
    taken.add(_folded(unique))
    return unique


def _safe(name: str) -> str:
    """Return a name without what some system does not take."""
    text = "".join(
        "_" if char in _NOT_IN_NAMES or unicodedata.category(char) in ("Cc", "Cs") else char for char in name
    )
    stem, suffix = os.path.splitext(text.strip(" "))
    suffix = _cut(suffix.rstrip(". "), _LONGEST // 2)
    stem = _cut(stem, _LONGEST - len(suffix.encode())).rstrip(". ") or "photo"
    first = stem.partition(".")[0].rstrip(" ").casefold()
    return f"_{stem}{suffix}" if first in _NOT_NAMES or stem.startswith(".") else stem + suffix


def _cut(text: str, size: int) -> str:
    """Return as many whole letters of a text as so many bytes hold."""
    return text.encode()[:size].decode(errors="ignore")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
