"""What folders hold, looked at before anything is written.

A folder that is indexed becomes a root. One that lies in a root is part of it, unless it is hidden there;
a root around another leaves it alone, so that each can be offline by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from simsearch import photos
from simsearch.errors import FolderError
from simsearch.photos import Walk
from simsearch.store import Root, Store


class Place(NamedTuple):
    """A folder to look at.

    ``base`` is the root that it is or lies in, and ``root`` that root's row, None where it is to become
    one. ``below`` is the way from there ('' or 'a/b/'), and ``without`` are the roots inside, likewise.
    """

    base: Path
    root: Root | None
    below: str
    without: frozenset[str]


class Survey(NamedTuple):
    """A place, and every file found in it."""

    place: Place
    walk: Walk


def plan(store: Store, folders: Iterable[Path]) -> list[Place]:
    """Return the places to look at for some folders, none twice, with the roots that lie in them."""
    roots = {root.path: root for root in store.roots()}
    wanted = set(folders)
    wanted |= {path for path in roots if any(_holds(folder, path) for folder in wanted)}
    bases = set(roots)
    chosen: list[tuple[Path, str]] = []
    for folder in sorted(wanted):  # a folder comes before what lies in it
        base = max((base for base in bases if _holds(base, folder)), default=folder)
        bases.add(base)
        below = _way(base, folder)
        if not any(base == other and below.startswith(covered) for other, covered in chosen):
            chosen.append((base, below))
    return [Place(base, roots.get(base), below, _inside(base, bases)) for base, below in chosen]


def _inside(base: Path, bases: Iterable[Path]) -> frozenset[str]:
    return frozenset(_way(base, inner) for inner in bases if base in inner.parents)


def _holds(folder: Path, path: Path) -> bool:
    """Whether ``path`` is found below ``folder``, or is it."""
    return path.is_relative_to(folder) and not any(
        part.startswith(".") for part in path.relative_to(folder).parts
    )


def _way(base: Path, folder: Path) -> str:
    return "" if folder == base else f"{folder.relative_to(base).as_posix()}/"


def survey(store: Store, place: Place) -> Survey:
    """Find every file of a place.

    Raises
    ------
    FolderError
        When there is no photo in it.
    """
    folder = place.base / place.below
    if not folder.is_dir():
        raise FolderError(folder, "no such folder", "check the spelling, and that its disk is connected")
    walk = photos.find(place.base, place.below, without=place.without)
    if walk.photos or walk.failed:
        return Survey(place, walk)
    if walk.unread:
        raise FolderError(folder, walk.unread[0].reason, "check its permissions")
    known = sum(path.startswith(place.below) for path in store.known(place.root)) if place.root else 0
    if known:
        reason = f"suddenly without photos, though {known} of its photos are in the library"
        raise FolderError(folder, reason, "nothing was changed; is its disk unplugged")
    raise FolderError(folder, "holds no photos", "choose the folder they are in")
