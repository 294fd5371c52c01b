"""Which photos of a library show the same as files that are not in it, and which of two is better.

Whole copies are among the nearest by their sketches, crops among the nearest by their embeddings; of both
only what proves the same when it is laid over the photo, and looked at closely, counts, as in
:mod:`simsearch.pairs`. A photo whose file is gone, or another one by now, is no counterpart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch import calibration, candidates, copies
from simsearch.bursts import borders
from simsearch.candidates import NEAR, Candidates
from simsearch.closer import Closer
from simsearch.copies import CROP, RESAVED
from simsearch.facts import Exposure
from simsearch.intake import Intake, Taken
from simsearch.inventory import BURST, THE_LIBRARYS, THIS, Known
from simsearch.pairs import Comparing, Pair, Pairs, Progress, Sketch
from simsearch.presence import Presence, Presences
from simsearch.remote import path_of
from simsearch.store import parsed_time
from simsearch.versions import Version, advantage

if TYPE_CHECKING:
    from simsearch.indexes import Indexes
    from simsearch.store import Store

_AT_ONCE = 1_000  # embeddings that are read and searched for together
_SHOTS = 40  # photos of the same time that a file is compared with, as in a burst: twenty on either side

_Found = Iterator[tuple[int, list[Pair]]]  # files by their numbers, and how they and photos show the same


class Verdict(NamedTuple):
    """What is known of a file, and the id of the library's photo, if it is about one."""

    known: Known
    photo: int | None = None


class _Likeness(NamedTuple):
    """A photo that shows the same as a file; the rank is 2 of a whole copy, 1 where the file is a part."""

    rank: int
    photo: int
    version: Version
    pair: Pair

    def says_more_than(self, other: _Likeness) -> bool:
        if self.rank != other.rank:
            return self.rank > other.rank
        if self.rank == 2:
            return advantage(self.version, other.version) is not None
        return self.pair.match.agreement > other.pair.match.agreement


class Counterparts:
    """Looks for the photos that show the same as files of an intake.

    Parameters
    ----------
    dim
        Width of the embeddings.
    """

    def __init__(
        self,
        store: Store,
        indexes: Indexes,
        intake: Intake,
        dim: int,
        presences: Presences,
        progress: Progress,
    ) -> None:
        self._store = store
        self._presences = presences
        self._indexes = indexes
        self._intake = intake
        self._dim = dim
        self._progress = progress
        self._pairs = Pairs(store, indexes)
        self._comparing = Comparing(self._thumbnail, self._sketch, self._shot)
        self._closer = Closer(self._path)

    def _thumbnail(self, number: int) -> bytes | None:
        return self._intake.thumbnail(number) if number < 0 else self._store.thumbnail(number)

    def _sketch(self, number: int) -> Sketch | None:
        return self._intake.sketch(number) if number < 0 else self._pairs.sketch(number)

    def of_library(self) -> dict[str, Verdict]:
        """Return what is known of the files of which photos show the same, by their contents."""
        known: dict[str, Verdict] = {}
        for find in (self._copied, self._cropped):
            left = [
                one for one in self._intake.firsts().tolist() if self._intake.files[one].sha256 not in known
            ]
            for number, pairs in find(np.array(left, dtype=np.int64)) if left else ():
                if verdict := self._judged(number, pairs):
                    known[self._intake.files[number].sha256] = verdict
        return known

    def among(self, numbers: np.ndarray) -> list[Pair]:
        """Return those of some files, (n,) int64 ascending, that are whole copies of each other."""
        seen, prints = self._intake.prints(numbers)
        if len(seen) < 2:
            return []
        pairs = self._proven(self._comparing.copy, candidates.copies(seen, prints, seen))
        return [pair for pair in pairs if pair.match.is_whole]

    def _copied(self, numbers: np.ndarray) -> _Found:
        """Yield files that are whole copies of photos, or nearly so."""
        ids, prints = self._pairs.prints(self._progress)
        seen, own = self._intake.prints(numbers)
        if len(seen) and len(ids):
            both = np.concatenate([seen, ids]), np.concatenate([own, prints])
            found = candidates.copies(*both, seen, apart=True)
            yield from self._each("looking for copies", self._comparing.copy, numbers, found)

    def _cropped(self, numbers: np.ndarray) -> _Found:
        """Yield files that are parts of photos, or of which photos are parts."""
        found = candidates.crops(numbers, *self._near(numbers), numbers, self._pairs.stand_ins())
        yield from self._each("looking for crops", self._comparing.crop, numbers, found)

    def _each(
        self,
        doing: str,
        compare: Callable[[int, int, int], Pair | None],
        numbers: np.ndarray,
        found: Candidates,
    ) -> _Found:
        for done, number in enumerate(numbers.tolist(), 1):
            yield number, self._proven(compare, found.of(np.array([number])))
            self._progress(doing, done, len(numbers))

    def _proven(self, compare: Callable[[int, int, int], Pair | None], some: Candidates) -> list[Pair]:
        alike = self._comparing.alike(compare, some)
        return [pair for pair in alike if self._closer.shows_same(*pair[:3]) is not False]

    def _shot(self, number: int) -> Exposure | None:
        """Return the camera, and when it took a file or a photo, where that is told."""
        if number < 0:
            return self._intake.files[number].shot
        return self._pairs.shot(number)

    def _path(self, number: int) -> Path | None:
        """Return where a file or a photo is, if it is there just now."""
        if number < 0:
            return self._intake.files[number].path
        version = self._version(number)
        return path_of(version.path) if version and self._presences.of(number) is Presence.HERE else None

    def _near(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the photos nearest to files, and their cosines, (n, NEAR) int64 and float32."""
        near, cosines = [], []
        for start in range(0, len(numbers), _AT_ONCE):
            embeddings = self._intake.vectors(numbers[start : start + _AT_ONCE])
            with self._indexes.lock:
                index = self._indexes.current("auto", self._dim)
                found = index.search(self._indexes.projected(embeddings), NEAR)
            near.append(found[0])
            cosines.append(found[1])
        return np.concatenate(near), np.concatenate(cosines)

    def _judged(self, number: int, pairs: list[Pair]) -> Verdict | None:
        """Return what is known of a file, by the photo that says most of it."""
        best = None
        for pair in pairs:
            photo_id = pair.part if pair.whole == number else pair.whole
            version = self._version(photo_id)
            if version is None or self._presences.of(photo_id) is Presence.LOST:
                continue
            rank = 2 if pair.match.is_whole else int(pair.part == number)
            found = _Likeness(rank, photo_id, version, pair)
            if best is None or found.says_more_than(best):
                best = found
        if best is None:
            return None
        mine = self._intake.files[number].version
        return Verdict(_same_picture(mine, number, best.version, best.pair), best.photo)

    def _version(self, photo_id: int) -> Version | None:
        rows = self._store.query(
            """SELECT roots.path, photos.path, width, height, size, mtime_ns,
                      (taken_at IS NOT NULL) + (camera IS NOT NULL) + (latitude IS NOT NULL)
               FROM photos JOIN roots ON roots.id = root_id WHERE missing_since IS NULL AND photos.id = ?""",
            photo_id,
        )
        return Version(path_of(rows[0][0], rows[0][1]), *rows[0][2:]) if rows else None

    # Of the same scene

    def burst(self, number: int, within: timedelta) -> Verdict | None:
        """Return that a file shows the scene of a photo that its camera took at the same time, or None."""
        file = self._intake.files[number]
        apart = self._shots(file, within) if file.taken_at else {}
        ids = np.array([*apart], dtype=np.int64)
        with self._indexes.lock:
            index = self._indexes.current("auto", self._dim)
            ids = ids[index.holds(ids)]
            if not len(ids):
                return None
            looks = self._indexes.vectors(self._dim).space.looks
            own = looks(self._indexes.projected(self._intake.vectors(np.array([number]))))
            cosines = looks(index.vectors(ids)) @ own[0]
        seconds = np.array([abs(apart[photo_id].total_seconds()) for photo_id in ids.tolist()])
        alike = cosines >= borders(calibration.same_scene(self._store), seconds, file.camera)
        nearest = (int(ids[place]) for place in np.argsort(-cosines, kind="stable") if alike[place])
        there = (one for one in nearest if self._presences.of(one) is not Presence.LOST)
        if (photo_id := next(there, None)) is None:
            return None
        later = apart[photo_id].total_seconds()
        pause = f"{abs(later):.0f}" if abs(later) >= 1 else f"{abs(later):.2f}".rstrip("0").rstrip(".")
        reason = f"taken {pause} s {'after' if later >= 0 else 'before'} it"
        return Verdict(Known(file.path, BURST, reason=reason), photo_id)

    def _shots(self, file: Taken, within: timedelta) -> dict[int, timedelta]:
        """Return photos that a file's camera took at the same time, and how long before it.

        Clocks are compared as they stood; those that are nearest come first.
        """
        assert file.taken_at is not None
        taken_at = file.taken_at.replace(tzinfo=None)
        try:  # as text, what has an offset or parts of a second comes after that second
            since = (taken_at - within).replace(microsecond=0)
            until = taken_at + within + timedelta(seconds=1)
        except OverflowError:  # the last day that there is
            return {}
        rows = self._store.query(
            """SELECT id, taken_at FROM photos WHERE missing_since IS NULL AND camera IS ?
               AND taken_at >= ? AND taken_at < ? ORDER BY id""",
            file.camera,
            since.isoformat(),
            until.isoformat(),
        )
        moments = ((photo_id, parsed_time(text)) for photo_id, text in rows)
        apart = {photo_id: taken_at - moment.replace(tzinfo=None) for photo_id, moment in moments if moment}
        near = sorted(apart, key=lambda photo_id: abs(apart[photo_id]))[:_SHOTS]
        return {photo_id: apart[photo_id] for photo_id in near if abs(apart[photo_id]) <= within}


def _same_picture(mine: Version, number: int, theirs: Version, pair: Pair) -> Known:
    """Return what is known of a file that a photo shows the same as."""
    path, mine_is_whole = path_of(mine.path), pair.whole == number
    if not pair.match.is_whole:
        best, other = (mine, theirs) if mine_is_whole else (theirs, mine)
        changes = copies.changes(best, other, pair.match)
        return Known(path, CROP, None, THIS if mine_is_whole else THE_LIBRARYS, "shows all of it", changes)
    on_mine = pair.match if mine_is_whole else pair.match.reversed()
    on_theirs = on_mine.reversed()
    if reason := advantage(mine, theirs, settle=False, **on_mine.of_the_whole):
        return Known(path, RESAVED, None, THIS, reason, copies.changes(mine, theirs, on_mine))
    reason = advantage(theirs, mine, settle=False, **on_theirs.of_the_whole)
    changes = copies.changes(theirs, mine, on_theirs)
    return Known(path, RESAVED, None, THE_LIBRARYS if reason else None, reason or "", changes)
