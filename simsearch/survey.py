"""What folders hold, looked at before anything is written.

A folder that is indexed becomes a root. One that lies in a root is part of it, unless it is hidden there;
a root around another leaves it alone, so that each can be offline by itself.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from simsearch import photos, reach
from simsearch.errors import FolderError
from simsearch.photos import Walk
from simsearch.remote import RemotePath
from simsearch.store import Known, Root, Store

_MANY = 10  # photos; fewer may well have been replaced by others


class Place(NamedTuple):
    """Folders and files to look at, in one root.

    ``base`` is the root's path, and ``root`` its row, None where it is to become one. ``parts`` are the ways
    from there ('' for all of it, 'a/b', 'a/b/1.jpg'), and ``without`` the roots inside, likewise.
    """

    base: Path
    root: Root | None
    parts: frozenset[str]
    without: frozenset[str]

    def covers(self, path: str) -> bool:
        """Whether a path below the base is looked at."""
        return "" in self.parts or any(way in self.parts for way in _ways_to(path))


class Survey(NamedTuple):
    """A place, and every file found in it."""

    place: Place
    walk: Walk


def plan(store: Store, folders: Iterable[Path]) -> list[Place]:
    """Return the places to look at for some folders, none twice, with the roots that lie in them.

    Every place has one part.
    """
    roots = {root.path: root for root in store.roots()}
    wanted = set(folders)
    wanted |= {path for path in roots if any(_holds(folder, path) for folder in wanted)}
    bases = set(roots)
    places: list[Place] = []
    for folder in sorted(wanted):  # a folder comes before what lies in it
        base = max((base for base in bases if _holds(base, folder)), default=folder)
        bases.add(base)
        part = _way(base, folder)
        if not any(place.base == base and place.covers(part) for place in places):
            places.append(Place(base, roots.get(base), frozenset([part]), frozenset()))
    return [place._replace(without=_inside(place.base, bases)) for place in places]


def plan_changes(store: Store, paths: Iterable[Path]) -> list[Place]:
    """Return the places to look at as something happened to some paths; those outside roots are left out."""
    roots = {root.path: root for root in store.roots()}
    parts: dict[Path, set[str]] = {}
    for path in paths:
        base = max((base for base in roots if _holds(base, path)), default=None)
        if base:
            parts.setdefault(base, set()).add(_way(base, path))
    return [
        Place(base, roots[base], frozenset(parts[base]), _inside(base, roots))
        for base in sorted(parts)
        if is_online(store, roots[base])
    ]


def is_online(store: Store, root: Root) -> bool:
    """Whether a root can be trusted to lack what it lacks.

    It cannot where it is away or empty, or holds none of its photos, or of those that were looked at:
    something else is where it was, such as the mount point of an absent disk with a file forgotten in it.
    """
    known = [root.path / path for path in store.some_paths(root)]
    return reach.is_any_there(root.path, known) if known else reach.holds_anything(root.path)


def online(store: Store) -> set[Path]:
    """Return the paths of those roots that are online."""
    return {root.path for root in store.roots() if is_online(store, root)}


def online_disks(store: Store) -> set[Path]:
    """Return the same without addresses, which are not asked."""
    roots = (root for root in store.roots() if not isinstance(root.path, RemotePath))
    return {root.path for root in roots if is_online(store, root)}


def _is_strange(known: dict[str, Known], walk: Walk) -> bool:
    """Whether none of the many photos that were known are there, moved or not: another disk, or none."""
    if len(known) < _MANY:
        return False
    same = {(photo.size, photo.mtime_ns) for photo in known.values()}
    return not any(file.path in known or file[1:] in same for file in walk.photos)


def _ways_to(path: str) -> Iterable[str]:
    """Yield a path and the folders it is in: 'a/b/1.jpg', 'a/b', 'a'."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _inside(base: Path, bases: Iterable[Path]) -> frozenset[str]:
    return frozenset(_way(base, inner) for inner in bases if base in inner.parents)


def _holds(folder: Path, path: Path) -> bool:
    """Whether ``path`` is found below ``folder``, or is it."""
    return path.is_relative_to(folder) and not any(
        part.startswith(".") for part in path.relative_to(folder).parts
    )


def _way(base: Path, folder: Path) -> str:
    return "" if folder == base else folder.relative_to(base).as_posix()


def look(place: Place) -> Survey:
    """Find every file of a place; what is gone is not found."""
    walk = Walk([], [], [], [])
    for part in sorted(place.parts):
        if not (part and place.covers(part.rpartition("/")[0])):
            photos.find(place.base, part, without=place.without, into=walk)
    return Survey(place, walk)


def survey(store: Store, place: Place) -> Survey:
    """Find every file of a place that somebody named, which must hold photos.

    Raises
    ------
    FolderError
        When there is no photo in it.
    """
    [part] = place.parts
    folder = place.base / part
    reach.need_folder(folder)
    found = look(place)
    if found.walk.unread and not found.walk.photos:
        raise reach.unread(folder, found.walk.unread[0].reason)
    known = store.known(place.root, place.parts) if place.root else {}
    if not _is_strange(known, found.walk) and (found.walk.photos or found.walk.failed):
        return found
    if known:
        reason = f"suddenly without any of the {len(known)} photos that the library knows in it"
        remedy = f"nothing was changed; connect its disk, or run: simsearch forget {shlex.quote(str(folder))}"
        raise FolderError(folder, reason, remedy)
    raise FolderError(folder, "holds no photos", "choose the folder they are in")
