"""Photo files: which there are below a folder, and why the others are not looked at."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from simsearch.errors import reason_of
from simsearch.remote import Entry, RemotePath, lexists

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

    ``unread`` holds the folders that could not be listed ('' or ending in '/'), or what may be a folder or a
    file: nothing is known of the files below them.
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
    pending = [part] if not part or _is_folder(walk, root, part) else []
    while pending:
        folder = pending.pop()
        if folder in without:
            continue
        prefix = f"{folder}/" if folder else ""
        try:
            entries = sorted(_entries(root / folder), key=lambda entry: entry.name)
        except OSError as error:
            walk.unread.append(Refused(prefix, f"folder cannot be read ({reason_of(error)})"))
            continue
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        pending += [f"{prefix}{name}" for name in reversed(folders) if name and not name.startswith(".")]
        hidden = [f"{prefix}{name}" for name in folders if name.startswith(".")]
        walk.skipped.extend(Refused(f"{path}/", "a hidden folder") for path in hidden if path not in without)
        if "" in folders:  # in an object store
            walk.skipped.append(Refused(f"{prefix}/", "a folder without a name"))
        for entry in entries:
            if _is_link_to_folder(entry):
                walk.skipped.append(
                    Refused(prefix + entry.name, "a link to a folder; index that folder itself")
                )
            elif not entry.is_dir(follow_symlinks=False):
                _sort_into(walk, prefix + entry.name, entry.stat)
    return walk


def _entries(folder: Path) -> Sequence[os.DirEntry[str] | Entry]:
    if isinstance(folder, RemotePath):
        return folder.entries()
    with os.scandir(folder) as listing:
        return list(listing)


def _is_link_to_folder(entry: os.DirEntry[str] | Entry) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:  # a link in a circle, or into a folder that may not be entered: no more is known of it
        return False


def _is_folder(walk: Walk, root: Path, part: str) -> bool:
    """Whether there is a folder; what is none is sorted in."""
    path = root / part
    try:
        if path.is_dir() and not path.is_symlink():
            return True
        if lexists(path):
            _sort_into(walk, part, path.stat)
    except OSError as error:  # as over a network; that does not say that it is gone
        walk.unread.append(Refused(part, f"cannot be read ({reason_of(error)})"))
    return False


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
