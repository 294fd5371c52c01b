"""Photo files: which there are below a folder, and why the others are not looked at."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from simsearch.errors import reason_of

# Of camera raws, those LibRaw knows.
RAW_SUFFIXES = frozenset(
    (
        ".dng .nef .nrw .cr2 .cr3 .crw .arw .srf .sr2 .orf .rw2 .raf .pef .srw .3fr .erf .kdc .dcr .mrw .x3f"
        " .rwl .iiq .mef .mos .gpr"
    ).split()
)
SUFFIXES = RAW_SUFFIXES | frozenset(
    (
        ".jpg .jpeg .jpe .jfif .mpo .png .webp .avif .avifs .heic .heif .hif .tif .tiff .bmp .gif .jp2 .j2k"
        " .jpf .jpx .ppm .pgm .pnm"
    ).split()
)


class Found(NamedTuple):
    """A photo file on disk: path below its root ('/' between parts), bytes, nanoseconds."""

    path: str
    size: int
    mtime_ns: int


class Refused(NamedTuple):
    """A file that is not looked at, or could not be, and why."""

    path: str
    reason: str


class Walk(NamedTuple):
    """Every file below a folder, each in exactly one of the first three lists.

    Folders that are left out, hidden ones and links, are among the skipped as one each.

    ``unread`` holds the folders that could not be listed ('' or ending in '/'): nothing is known of the files
    below them.
    """

    photos: list[Found]
    skipped: list[Refused]
    failed: list[Refused]
    unread: list[Refused]


def find(
    root: Path, part: str = "", *, without: frozenset[str] = frozenset(), into: Walk | None = None
) -> Walk:
    """List the files below ``root``, or below one folder in it, by name.

    Hidden files and folders are left alone and links to folders are not followed, so a walk ends.

    Parameters
    ----------
    part
        That folder, or a single file; what is gone is not found. Paths are relative to ``root`` either way.
    without
        Folders to leave out.
    into
        A walk to add to.
    """
    walk = into or Walk([], [], [], [])
    if part and not _is_folder(root / part):
        if os.path.lexists(root / part):
            _sort_into(walk, part, (root / part).stat)
        return walk
    pending = [part]
    while pending:
        folder = pending.pop()
        if folder in without:
            continue
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(root / folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            walk.unread.append(Refused(prefix, f"folder cannot be read ({reason_of(error)})"))
            continue
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        pending += [f"{prefix}{name}" for name in reversed(folders) if not name.startswith(".")]
        hidden = [f"{prefix}{name}" for name in folders if name.startswith(".")]
        walk.skipped.extend(Refused(f"{path}/", "a hidden folder") for path in hidden if path not in without)
        for entry in entries:
            if _is_link_to_folder(entry):
                walk.skipped.append(
                    Refused(prefix + entry.name, "a link to a folder; index that folder itself")
                )
            elif not entry.is_dir(follow_symlinks=False):
                _sort_into(walk, prefix + entry.name, entry.stat)
    return walk


def _is_link_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a link in a circle, or into a folder that may not be entered: no more is known of it
        return False


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _sort_into(walk: Walk, path: str, stat_it: Callable[[], os.stat_result]) -> None:
    name = path.rpartition("/")[2]
    suffix = os.path.splitext(name)[1].lower()
    if name.startswith("."):
        walk.skipped.append(Refused(path, "hidden"))
    elif suffix not in SUFFIXES:
        walk.skipped.append(Refused(path, f"not a kind of photo read here ({suffix or 'no suffix'})"))
    elif not path.isprintable() and not _is_text(path):
        walk.failed.append(Refused(path, "the file's name is not valid text; rename it"))
    else:
        try:
            facts = stat_it()
        except OSError as error:
            walk.failed.append(Refused(path, f"cannot be read ({reason_of(error)})"))
            return
        if stat.S_ISREG(facts.st_mode):
            walk.photos.append(Found(path, facts.st_size, facts.st_mtime_ns))
        else:  # a pipe or a device would block whoever opens it
            walk.skipped.append(Refused(path, "not a regular file"))


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes that no encoding explains; SQLite could not store them
        return False
    return True
