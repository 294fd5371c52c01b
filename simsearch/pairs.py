"""Which photos of a library show the same picture; each is looked for once, and what was found is kept.

Nothing is compared with everything. Whole copies are among the nearest by their sketches, and crops among
the nearest by their embeddings, which the graph of neighbours knows already. Of the candidates only what
proves the same when one is laid over the other becomes a pair: first of thumbnails, and then of the files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch import candidates, reach, registration, sketches
from simsearch.candidates import NEAR, Candidates
from simsearch.closer import OPENED, Closer
from simsearch.facts import Exposure, are_two, exposure
from simsearch.registration import Match, View
from simsearch.sketches import Place
from simsearch.store import parsed_time

if TYPE_CHECKING:
    from simsearch.indexes import Indexes
    from simsearch.store import Store

Progress = Callable[[str, int, int], None]  # what is done just now, and how much of it is done and to do

_SKETCHED_AT_ONCE = 500  # between two commits
_COMPARED_AT_ONCE = 200
_LOOKED_AT_ONCE = 20  # pairs of files: of large photos a second or two
_TILE = OPENED - 2  # wholes that are looked at in turn: kept beside them are a part and the one before it
_CONTOURS = 0.78  # cosine; of a thousand brightened photos one has less, and of mere look-alikes most
_FITS = 0.72  # correlation with a part, below which it is not worth a closer look
_VIEWS = 512  # decoded thumbnails that are kept: 75 MB
_SKETCHES = 10_000  # 40 MB
_CHECKED = 2  # how files were looked at; raised when more is seen: every pair is then looked at once more
_COPIES, _CROPS, _EVERYTHING = 1, 2, 3  # what photos were compared for
_READ_AT_ONCE = 10_000
_WHOLE = Place(0, 0.0, 0.0, 1.0, 1.0)
_NOTHING = Match(_WHOLE, 0.0, False, False)  # what is kept of two that do not show the same

Sketch = tuple[np.ndarray, float]  # (SIDE, SIDE) uint8, and the photo's height by its width


class Pair(NamedTuple):
    """Two photos that show the same.

    Attributes
    ----------
    whole, part
        Their ids.
    match
        How the part lies in the whole, or the copy on the other.
    checked
        Whether their files were looked at closely; otherwise thumbnails alone tell.
    """

    whole: int
    part: int
    match: Match
    checked: bool = False


class Pairs:
    """The pairs of a library, and the sketches that they are found by."""

    def __init__(self, store: Store, indexes: Indexes) -> None:
        self._store = store
        self._indexes = indexes
        self._closer = Closer(self._path)

    def known(self) -> list[Pair]:
        """Return the pairs that were found, of photos that are there."""
        rows = self._store.query(
            """SELECT pairs.* FROM pairs JOIN photos AS one ON one.id = whole
               JOIN photos AS other ON other.id = part
               WHERE agreement > 0 AND one.missing_since IS NULL AND other.missing_since IS NULL
               ORDER BY whole, part"""
        )
        return [
            Pair(
                whole,
                part,
                Match(Place(*place), agreement, bool(tone), bool(colour), burnt),
                checked == _CHECKED,
            )
            for whole, part, *place, agreement, tone, colour, burnt, checked in rows
        ]

    def prints(self, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """Return ids, (n,) int64 ascending, and prints, (n, 8, 8) float32, of all photos, but the blank."""
        self._sketch(progress)
        return self._prints("TRUE")

    def sketch(self, photo_id: int) -> Sketch | None:
        """Return what there is of a photo's sketch, once :meth:`prints` has seen to it that there is one."""
        rows = self._store.query(
            "SELECT grey, width, height FROM sketches JOIN photos ON id = photo_id WHERE id = ?", photo_id
        )
        if not rows or len(rows[0][0]) != sketches.SIDE**2:
            return None
        grey, width, height = rows[0]
        return _pixels([grey])[0], height / width

    def stand_ins(self) -> dict[int, tuple[int, int]]:
        """Return of photos that have whole copies, by id, the one of most pixels, and how they lie on it."""
        rows = self._store.query(
            """SELECT id, sha256 FROM photos WHERE missing_since IS NULL AND (
                   id IN (SELECT whole FROM pairs) OR id IN (SELECT part FROM pairs) OR sha256 IN (
                       SELECT sha256 FROM photos WHERE sha256 <> '' AND missing_since IS NULL
                       GROUP BY sha256 HAVING count(*) > 1)) ORDER BY width * height DESC, id"""
        )
        beside: dict[int, list[tuple[int, int]]] = defaultdict(list)  # copies of each, and how they lie on it
        first: dict[str, int] = {}
        for photo_id, sha256 in rows:
            equal = first.setdefault(sha256 or str(photo_id), photo_id)
            beside[equal].append((photo_id, 0))
            beside[photo_id].append((equal, 0))
        for whole, part, match, _ in self.known():
            if match.is_whole:
                beside[whole].append((part, match.place.turn))
                beside[part].append((whole, sketches.back(match.place.turn)))
        found: dict[int, tuple[int, int]] = {}
        for best, _ in rows:
            waiting = [] if best in found else [(best, 0)]
            while waiting:
                photo_id, turn = waiting.pop()
                if photo_id not in found:
                    found[photo_id] = best, turn
                    waiting += [(copy, sketches.then(laid, turn)) for copy, laid in beside[photo_id]]
        return found

    def shot(self, photo_id: int) -> Exposure | None:
        """Return the camera, and when it took a photo, where that is told."""
        told = self._store.query("SELECT camera, taken_at FROM photos WHERE id = ?", photo_id)
        return exposure(told[0][0], parsed_time(told[0][1])) if told else None

    def compare(self, one: int, other: int) -> Pair | None:
        """Look whether two photos that were no candidates show the same; what comes of it is kept."""
        return self.comparer()(one, other)

    def comparer(self) -> Callable[[int, int], Pair | None]:
        """Return :meth:`compare` for a run of many: it keeps what it has read, and is soon out of date."""
        comparing = Comparing(self._store.thumbnail, self.sketch, self.shot)
        rejected = set(self._store.query("SELECT whole, part FROM pairs WHERE agreement = 0"))

        def compare(one: int, other: int) -> Pair | None:
            if (one, other) in rejected or (other, one) in rejected:
                return None
            found = self._compared(comparing, one, other)
            found = found and self._looked_at(found)
            if found is None:
                rejected.add((one, other))
            self._keep([found or Pair(one, other, _NOTHING)])
            return found

        return compare

    def _compared(self, comparing: Comparing, one: int, other: int) -> Pair | None:
        ids, prints = self._prints(f"photo_id IN ({int(one)}, {int(other)})")
        if len(ids) < 2:
            return None
        turns = sketches.best_turns(*(prints[ids == photo_id] for photo_id in (one, other)))[1]
        if found := comparing.copy(one, other, int(turns[0])):
            return found
        crops = (comparing.crop(one, other, turn) for turn in range(sketches.TURNS))
        return next((crop for crop in crops if crop), None)

    def keep_up(self, dim: int, progress: Progress) -> None:
        """Look for the copies of photos that came or changed since the last time; it can be stopped anywhere.

        Parameters
        ----------
        dim
            Width of the embeddings.
        """
        self._sketch(progress)
        comparing = Comparing(self._store.thumbnail, self.sketch, self.shot)
        pending = self._pending(_COPIES)
        if len(pending):
            progress("looking for copies", 0, len(pending))
            found = candidates.copies(*self._prints("TRUE", self._pending(_EVERYTHING)), pending)
            self._compare_all("looking for copies", _COPIES, pending, found, comparing, progress)
        self._look_closer(progress)
        pending = self._pending(_CROPS)
        if len(pending):
            progress("looking for crops", 0, len(pending))
            found = candidates.crops(*self._neighbours(dim), pending, self.stand_ins())
            self._compare_all("looking for crops", _CROPS, pending, found, comparing, progress)
        self._look_closer(progress)

    def _compare_all(
        self,
        doing: str,
        stage: int,
        pending: np.ndarray,
        found: Candidates,
        comparing: Comparing,
        progress: Progress,
    ) -> None:
        """Compare candidates and keep what is the same, the pending photos being done one by one."""
        compare = comparing.copy if stage == _COPIES else comparing.crop
        for start in range(0, len(pending), _COMPARED_AT_ONCE):
            block = pending[start : start + _COMPARED_AT_ONCE]
            some = found.of(block)
            self._keep(comparing.alike(compare, some), block.tolist(), stage)
            progress(doing, start + len(block), len(pending))

    def _look_closer(self, progress: Progress) -> None:
        """Look at the files of pairs that thumbnails alone have told of so far, where they can be read."""
        shot = lru_cache(None)(self.shot)
        unchecked = [pair for pair in self.known() if not pair.checked and not are_two(*map(shot, pair[:2]))]
        there = self._there({photo_id for pair in unchecked for photo_id in pair[:2]})
        unchecked = in_tiles(pair for pair in unchecked if there.issuperset(pair[:2]))
        for start in range(0, len(unchecked), _LOOKED_AT_ONCE):
            progress("looking closer", start, len(unchecked))
            block = unchecked[start : start + _LOOKED_AT_ONCE]
            looked = [
                (self._looked_at(pair) or pair._replace(match=_NOTHING, checked=True)) for pair in block
            ]
            self._keep([pair for pair in looked if pair.checked])
        if unchecked:
            progress("looking closer", len(unchecked), len(unchecked))

    def _looked_at(self, pair: Pair) -> Pair | None:
        """Return a pair as its files tell; None where they differ."""
        same = self._closer.shows_same(*pair[:3])
        return None if same is False else pair._replace(checked=same is not None)

    def _path(self, photo_id: int) -> Path | None:
        """Return where a photo's file is, if it is there just now."""
        return self._store.rows([photo_id])[photo_id].path if self._there({photo_id}) else None

    def _there(self, photo_ids: set[int]) -> set[int]:
        """Return those of some photos whose file is there just now."""
        by_root: dict[Path, dict[Path, int]] = defaultdict(dict)
        for photo_id, row in self._store.rows(photo_ids).items():
            by_root[row.root][row.path] = photo_id
        return {by_path[path] for root, by_path in by_root.items() for path in reach.there(root, by_path)}

    def _keep(self, found: list[Pair], compared: Iterable[int] = (), stage: int = 0) -> None:
        with self._store.aside() as db:
            # What went or changed meanwhile has no sketch.
            db.executemany(
                """INSERT OR REPLACE INTO pairs SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
                   WHERE (SELECT count(*) FROM sketches WHERE photo_id IN (?1, ?2)) = 2""",
                [(*pair[:2], *pair.match.place, *pair.match[1:], _CHECKED * pair.checked) for pair in found],
            )
            sql = "UPDATE sketches SET compared = ? WHERE photo_id = ?"
            db.executemany(sql, [(stage, photo_id) for photo_id in compared])

    def _sketch(self, progress: Progress) -> None:
        """Make the sketches that are lacking."""
        lacking = [
            row[0]
            for row in self._store.query(
                """SELECT photo_id FROM thumbnails JOIN photos ON id = photo_id WHERE missing_since IS NULL
                   AND photo_id NOT IN (SELECT photo_id FROM sketches) ORDER BY photo_id"""
            )
        ]
        for start in range(0, len(lacking), _SKETCHED_AT_ONCE):
            progress("sketching", start, len(lacking))
            block = lacking[start : start + _SKETCHED_AT_ONCE]
            seen = [(one, self._store.thumbnail(one)) for one in block]
            made = [(one, _sketch_of(thumbnail), thumbnail) for one, thumbnail in seen]
            with self._store.aside() as db:
                # A photo may have become another meanwhile.
                db.executemany(
                    """INSERT OR REPLACE INTO sketches SELECT photo_id, ?2, 0 FROM thumbnails
                       WHERE photo_id = ?1 AND jpeg = ?3""",
                    made,
                )

    def _pending(self, stage: int) -> np.ndarray:
        """Return ids, (n,) int64 ascending, of the photos to compare: of those of equal bytes only one."""
        rows = self._store.query(
            """SELECT first FROM (SELECT min(id) AS first FROM photos WHERE missing_since IS NULL
                                  GROUP BY CASE sha256 WHEN '' THEN id ELSE sha256 END)
               JOIN sketches ON photo_id = first WHERE compared < ? ORDER BY first""",
            stage,
        )
        return np.array([row[0] for row in rows], dtype=np.int64)

    def _prints(self, condition: str, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return ids, (n,) int64 ascending, and prints, (n, 8, 8) float32, of photos, but the blank.

        Parameters
        ----------
        condition
            In SQL.
        among
            (m,) int64: ids of all that may be among them.
        """
        ids, blocks, last = [np.empty(0, np.int64)], [np.empty((0, 8, 8), np.float32)], 0
        sql = f"""SELECT photo_id, grey FROM sketches JOIN photos ON id = photo_id
                  WHERE missing_since IS NULL AND length(grey) = ? AND photo_id > ? AND {condition}
                  ORDER BY photo_id LIMIT ?"""
        while rows := self._store.query(sql, sketches.SIDE**2, last, _READ_AT_ONCE):
            prints = sketches.prints(_pixels(row[1] for row in rows))
            some, seen = np.array([row[0] for row in rows]), prints.any(axis=(1, 2))
            if among is not None:
                seen &= np.isin(some, among)
            ids.append(some[seen])
            blocks.append(prints[seen])
            last = rows[-1][0]
        return np.concatenate(ids), np.concatenate(blocks)

    def _neighbours(self, dim: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ids, (n,), and of each the nearest photos and their cosines, (n, NEAR)."""
        with self._indexes.lock:
            graph = self._indexes.graph(dim)
            if graph is None:  # of very many photos it is made by whoever needs it first
                self._indexes.refresh(dim)
                graph = self._indexes.graph(dim)
            ids = graph.ids if graph else np.empty(0, np.int64)
            near, cosines = graph.neighbours(ids) if graph else (np.empty((0, NEAR), np.int64),) * 2
            return ids, near[:, :NEAR], cosines[:, :NEAR]


class Comparing:
    """Lays photos over each other; what it has decoded and sketched it keeps for the next.

    Parameters
    ----------
    thumbnail, sketch, shot
        Give those of photos by their ids, or None.
    """

    def __init__(
        self,
        thumbnail: Callable[[int], bytes | None],
        sketch: Callable[[int], Sketch | None],
        shot: Callable[[int], Exposure | None],
    ) -> None:
        self._thumbnail = thumbnail
        self._sketch = sketch
        self._shot = lru_cache(_SKETCHES)(shot)
        self._view = lru_cache(_VIEWS)(self._read_view)
        self._seen = lru_cache(_SKETCHES)(self._read_seen)

    def alike(self, compare: Callable[[int, int, int], Pair | None], some: Candidates) -> list[Pair]:
        """Return the pairs of candidates, compared by :meth:`copy` or :meth:`crop`; two shots are none."""
        found = (
            compare(one, other, turn)
            for one, other, turn in zip(*(column.tolist() for column in some[1:]), strict=True)
            if not are_two(self._shot(one), self._shot(other))
        )
        return [pair for pair in found if pair]

    def copy(self, one: int, other: int, turn: int) -> Pair | None:
        """Return the pair where one photo is all of another, but for an edge, however it was turned."""
        first, second = self._seen(one), self._seen(other)
        if first is None or second is None or _fit(first[0], second[0], turn) < _CONTOURS:
            return None
        for whole, part, laid in ((one, other, turn), (other, one, sketches.back(turn))):
            if found := self._matched(whole, part, _WHOLE._replace(turn=laid)):
                return found
        return None

    def crop(self, one: int, other: int, turn: int) -> Pair | None:
        """Return the pair where one photo is a part of another, and lies there turned so."""
        first, second = self._seen(one), self._seen(other)
        if first is None or second is None:
            return None
        for (whole, part), (around, within), laid in (
            ((one, other), (first, second), turn),
            ((other, one), (second, first), sketches.back(turn)),
        ):
            slope = 1 / within[1] if laid & 4 else within[1]
            fits, place = sketches.find_part(around[0], within[0], slope / around[1], laid)
            if fits >= _FITS and (found := self._matched(whole, part, place)):
                return found
        return None

    def _matched(self, whole: int, part: int, start: Place) -> Pair | None:
        around, within = self._view(whole), self._view(part)
        match = registration.match(around, within, start) if around and within else None
        return match and Pair(whole, part, match)

    def _read_view(self, photo_id: int) -> View | None:
        thumbnail = self._thumbnail(photo_id)
        try:
            return View(thumbnail) if thumbnail else None
        except (OSError, ValueError):  # doctor names it
            return None

    def _read_seen(self, photo_id: int) -> tuple[np.ndarray, float] | None:
        """Return a photo's contours, and its height by its width."""
        found = self._sketch(photo_id)
        return found and (sketches.contours(found[0][None])[0], found[1])


def in_tiles(pairs: Iterable[Pair]) -> list[Pair]:
    """Return pairs in an order in which few files have to be kept: some wholes, with all of their parts."""
    some = list(pairs)
    places = {whole: place for place, whole in enumerate(sorted({pair.whole for pair in some}))}
    return sorted(some, key=lambda pair: (places[pair.whole] // _TILE, pair.part, pair.whole))


def _fit(contours: np.ndarray, others: np.ndarray, turn: int) -> float:
    """Return how well the contours of two photos fit, the others turned: their cosine."""
    lengths = np.linalg.norm(contours) * np.linalg.norm(others)
    return float((contours * sketches.turned(others, turn)).sum() / max(lengths, 1e-3))


def _sketch_of(thumbnail: bytes | None) -> bytes:
    try:
        return sketches.sketch(thumbnail).tobytes() if thumbnail else b""
    except (OSError, ValueError):  # it is damaged, and doctor names it
        return b""


def _pixels(sketched: Iterable[bytes]) -> np.ndarray:
    """Return sketches as they are kept, (n, SIDE, SIDE) uint8."""
    return np.frombuffer(b"".join(sketched), np.uint8).reshape(-1, sketches.SIDE, sketches.SIDE)
