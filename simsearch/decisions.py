"""What the user decided about photos that look the same; it holds for as long as the photos are known."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from simsearch.store import Store

DIFFERENT, KEEP = "different", "keep"
_MOST = 200  # photos: 20,000 pairs


class Decisions:
    """The decisions that are kept in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[tuple[int, int], str]:
        """Return what was decided of two photos, by their ids, the smaller first."""
        rows = self._store.query("SELECT first, second, verdict FROM decisions ORDER BY first, second")
        return {(first, second): verdict for first, second, verdict in rows}

    def decide(self, photo_ids: Iterable[int], verdict: str | None) -> int:
        """Decide of each two of some photos, or take back what was decided; return of how many pairs.

        Of very many it is decided of each and the first alone.
        """
        ids = list(dict.fromkeys(photo_ids))
        couples = combinations(ids, 2) if len(ids) <= _MOST else ((ids[0], other) for other in ids[1:])
        pairs = [(min(couple), max(couple)) for couple in couples]
        with self._store.aside() as db:
            before = db.total_changes
            if verdict is None:
                db.executemany("DELETE FROM decisions WHERE first = ? AND second = ?", pairs)
            else:
                sql = "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?)"
                db.executemany(sql, [(*pair, verdict) for pair in pairs])
            return db.total_changes - before
