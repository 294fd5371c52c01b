"""What the user decided about photos that look the same; it holds for as long as the photos are known."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations

from simsearch.joined import Joined
from simsearch.store import Store

DIFFERENT, KEEP = "different", "keep"
_MOST = 1_000  # photos of which each two differ: 500,000 pairs

_READ = "SELECT first, second, verdict FROM decisions ORDER BY first, second"
_WRITE = "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?)"
_DROP_AMONG = """DELETE FROM decisions WHERE first IN (SELECT value FROM json_each(?1))
                 AND second IN (SELECT value FROM json_each(?1))"""
_UNKEEP = "DELETE FROM decisions WHERE (first = ?1 OR second = ?1) AND verdict = ?2"

Couple = tuple[int, int]  # ids, the smaller first


class Verdicts(dict[Couple, str]):
    """What was decided of two photos, as it is stored: of photos to keep, of each and one of them."""

    def of(self, one: int, other: int) -> str | None:
        """Return what was decided of two photos; what is kept with the same photo is kept together."""
        if verdict := self.get(_couple(one, other)):
            return verdict
        return KEEP if self._kept.of(one) == self._kept.of(other) else None

    @property
    def _kept(self) -> Joined:
        if not hasattr(self, "_joined"):
            self._joined = _joined(self)
        return self._joined


class Decisions:
    """The decisions that are kept in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> Verdicts:
        """Return what was decided."""
        return _verdicts(self._store.query(_READ))

    def decide(self, photo_ids: Iterable[int], verdict: str | None) -> int:
        """Decide about each two of some photos, or take back what was decided; return of how many pairs.

        A photo that is taken back from others that stay leaves all that was kept with them.

        Raises
        ------
        ValueError
            When of too many photos each two are to differ.
        """
        ids = list(dict.fromkeys(photo_ids))
        if verdict == DIFFERENT and len(ids) > _MOST:
            raise ValueError(f"{len(ids):,} photos are too many to differ at once, of {_MOST:,} at most")
        with self._store.aside() as db:
            if verdict == DIFFERENT:
                db.executemany(_WRITE, ((*_couple(*pair), DIFFERENT) for pair in combinations(ids, 2)))
            elif verdict == KEEP:
                _drop_among(db, ids)
                _keep(db, ids)
            else:
                return _take_back(db, ids)
        return _pairs(len(ids))


def _keep(db: sqlite3.Connection, ids: list[int]) -> None:
    """Keep the first with each other: all are kept together by that."""
    db.executemany(_WRITE, ((*_couple(ids[0], other), KEEP) for other in ids[1:]))


def _take_back(db: sqlite3.Connection, ids: list[int]) -> int:
    """Part photos that are kept together, or differ; return how many pairs they were."""
    decided = _verdicts(db.execute(_READ))
    named = set(ids)
    count = sum(named.issuperset(pair) for pair, verdict in decided.items() if verdict == DIFFERENT)
    links = Counter(one for pair, verdict in decided.items() if verdict == KEEP for one in pair)
    for together in _kept_sets(decided):
        parted = named.intersection(together)
        count += _pairs(len(parted))
        if len(parted) > 1:
            centre = max(together, key=links.__getitem__)
            stays = centre if centre in parted else next(one for one in ids if one in parted)
            left = [stays, *(one for one in together if one not in parted)]
            db.executemany(_UNKEEP, ((one, KEEP) for one in together))
            _keep(db, left)
    _drop_among(db, ids)
    return count


def _kept_sets(decided: Verdicts) -> list[list[int]]:
    kept, sets = _joined(decided), defaultdict(list)
    pairs = (pair for pair, verdict in decided.items() if verdict == KEEP)
    for photo_id in sorted({photo_id for pair in pairs for photo_id in pair}):
        sets[kept.of(photo_id)].append(photo_id)
    return list(sets.values())


def _drop_among(db: sqlite3.Connection, ids: list[int]) -> None:
    db.execute(_DROP_AMONG, (json.dumps(ids),))


def _verdicts(rows: Iterable[tuple[int, int, str]]) -> Verdicts:
    return Verdicts({(first, second): verdict for first, second, verdict in rows})


def _joined(decided: Verdicts) -> Joined:
    joined = Joined()
    for pair, verdict in decided.items():
        if verdict == KEEP:
            joined.join(*pair)
    return joined


def _couple(one: int, other: int) -> Couple:
    return min(one, other), max(one, other)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
