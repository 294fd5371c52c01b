"""What the user decided about photos that look the same; it holds for as long as they show what they did."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations

import numpy as np

from simsearch import registration, sketches
from simsearch.joined import Joined
from simsearch.registration import View
from simsearch.sketches import Place
from simsearch.store import Store

DIFFERENT, KEEP = "different", "keep"
_NEARLY = 3.0  # grey levels: as near pictures are that were saved again
_MOST = 1_000  # photos of which each two differ: 500,000 pairs

_READ = "SELECT first, second, verdict FROM decisions ORDER BY first, second"
_WRITE = "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?)"
_OF_ONE = "FROM decisions WHERE first = ?1 OR second = ?1"
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

    def overwritten(self, photo_id: int, thumbnail: bytes) -> None:
        """Forget what was decided of a photo, where its file shows something else by now.

        What was kept with it stays kept together. One that was turned, or saved again, shows the same.

        Parameters
        ----------
        thumbnail
            A JPEG of what the file shows now; the store still holds that of before.
        """
        if not self._store.query(f"SELECT 1 {_OF_ONE} LIMIT 1", photo_id):
            return
        before = self._store.thumbnail(photo_id)
        if before is None or _show_same(before, thumbnail):
            return
        with self._store.aside() as db:
            decided = _verdicts(db.execute(_READ))
            sets = _kept_sets(decided)
            left = [one for some in sets if photo_id in some for one in some if one != photo_id]
            db.execute(f"DELETE {_OF_ONE}", (photo_id,))
            for other in left:
                couples = (_couple(one, other) for one in left if one != other)
                link = next((couple for couple in couples if decided.get(couple) != DIFFERENT), None)
                if link:
                    db.execute(_WRITE, (*link, KEEP))


def _show_same(one: bytes, other: bytes) -> bool:
    """Whether two thumbnails (JPEG) show the same picture, however it was turned."""
    if one == other:
        return True
    try:
        before, now = (sketches.sketch(thumbnail) for thumbnail in (one, other))
        if np.abs(before.astype(np.int16) - now).mean() < _NEARLY:  # also where little is to be seen
            return True
        prints = sketches.prints(np.array([before, now]))
        turn = int(sketches.best_turns(prints[:1], prints[1:])[1][0])
        match = registration.match(View(one), View(other), Place(turn, 0, 0, 1, 1))
    except (OSError, ValueError):  # doctor names what is damaged
        return True
    return match is not None and match.is_whole


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
