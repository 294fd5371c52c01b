"""What is in a library besides its photos to be found: folders, what is gone, and dropping it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from simsearch.errors import FolderError
from simsearch.filters import below
from simsearch.reach import is_gone
from simsearch.store import Store
from simsearch.survey import online


def folders(store: Store) -> list[dict[str, Any]]:
    """Return of each root its ``path``, whether it is ``online``, and how many photos it has."""
    counts, there = store.counts_by_root(), online(store)
    return [
        {"path": str(root.path), "online": root.path in there, **counts[root.id]} for root in store.roots()
    ]


def missing(store: Store, *, prunable: bool) -> dict[Path, int]:
    """Return the ids of the photos whose file is gone, by path, or only of those that may be dropped.

    Those are certainly gone, now, from a folder that is there.
    """
    there = online(store) if prunable else set()
    return {
        path: photo_id
        for photo_id, root, path in store.missing()
        if not prunable or (root in there and is_gone(path))
    }


def prune(store: Store, photos: Iterable[Path] | None) -> int:
    """Drop photos whose file is gone, of some or of all; return how many."""
    gone = missing(store, prunable=True)
    ids = list(gone.values()) if photos is None else [gone[path] for path in photos if path in gone]
    if ids:
        with store.transaction():
            store.drop(ids)
    return len(ids)


def forget(store: Store, path: Path, *, dry_run: bool) -> int:
    """Drop all that is known at or below a path, or only count it; return how many photos that is."""
    where = below(path, store.roots())
    if not store.knows(*where) and not any(root.path.is_relative_to(path) for root in store.roots()):
        raise FolderError(path, "nothing of it is in the library", "check the spelling")
    if dry_run:
        return store.count(*where)
    with store.transaction():
        count = store.forget(*where)
        for root in store.roots():
            if root.path.is_relative_to(path):
                store.drop_root(root)
    return count
