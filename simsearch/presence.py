"""Whether photos are still as the library knows them, asked of their files just now."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from simsearch import reach
from simsearch.remote import path_of
from simsearch.store import Root, Store
from simsearch.survey import is_online


class Presence(Enum):
    """What there is of a photo: its file as it was indexed, none or another, or nothing can be told."""

    HERE = auto()
    LOST = auto()
    AWAY = auto()


class Presences:
    """Asks once for each photo."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._online: dict[int, bool] = {}
        self._known: dict[int, Presence] = {}

    def of(self, photo_id: int) -> Presence:
        """Return what there is of a photo; of one whose root is away nothing can be told."""
        if photo_id not in self._known:
            self._known[photo_id] = self._asked(photo_id)
        return self._known[photo_id]

    def _asked(self, photo_id: int) -> Presence:
        rows = self._store.query(
            """SELECT roots.id, roots.path, photos.path, size, mtime_ns FROM photos
               JOIN roots ON roots.id = root_id WHERE missing_since IS NULL AND photos.id = ?""",
            photo_id,
        )
        if not rows:  # another process has just dropped it
            return Presence.LOST
        [(root_id, base, below, *known)] = rows
        root = Root(root_id, path_of(base))
        if not self._is_online(root):
            return Presence.AWAY
        path = root.path / below
        return reach.answer(root.path, lambda: _look(path, tuple(known)), Presence.AWAY)

    def _is_online(self, root: Root) -> bool:
        if root.id not in self._online:
            self._online[root.id] = is_online(self._store, root)
        return self._online[root.id]


def _look(path: Path, known: tuple[int, ...]) -> Presence:
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Presence.LOST
    except OSError:  # an unreadable folder or a failing disk
        return Presence.AWAY
    return Presence.HERE if (facts.st_size, facts.st_mtime_ns) == known else Presence.LOST
