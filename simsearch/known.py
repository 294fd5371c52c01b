"""What of a folder a library has already: a memory card, or what a phone held, before it is copied.

Nothing of it is taken up. What has the bytes of a photo is known without being decoded; the rest is read as
for indexing, kept aside, and compared with the photos. What is left is compared with itself, so that each new
picture is named once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simsearch import copies, photos
from simsearch.child import Answer, Task
from simsearch.copies import EXACT
from simsearch.counterparts import Counterparts, Verdict
from simsearch.errors import FolderError
from simsearch.intake import Intake, Taken
from simsearch.inventory import NEW, THE_OTHER, UNREADABLE, Inventory, Known
from simsearch.pairs import Progress
from simsearch.photos import Walk
from simsearch.pool import examine_all
from simsearch.presence import Presence, Presences
from simsearch.ranking import Found
from simsearch.reach import need_folder, unread
from simsearch.survey import plan
from simsearch.sync import MOST_HASHES

if TYPE_CHECKING:
    from simsearch.encoder import Encoder
    from simsearch.indexes import Indexes
    from simsearch.searching import Searcher
    from simsearch.store import Store


class Stocktaking:
    """One look at a folder.

    Parameters
    ----------
    within
        The longest time between two photos of a burst.
    workers
        Number of processes.
    progress
        Called with what is done just now, and how much of it is done and to do.
    """

    def __init__(
        self,
        store: Store,
        indexes: Indexes,
        searcher: Searcher,
        encoder: Encoder,
        *,
        within: timedelta,
        workers: int,
        progress: Progress,
    ) -> None:
        self._store = store
        self._indexes = indexes
        self._searcher = searcher
        self._encoder = encoder
        self._within = within
        self._workers = workers
        self._progress = progress
        self._presences = Presences(store)

    def of(self, folder: Path) -> Inventory:
        """Say what of a folder, an absolute path without links, the library has.

        Raises
        ------
        FolderError
            When it cannot be read, holds no photos, or photos that are the library's own.
        """
        walk = self._found(folder)
        refused = [Known(folder / path, UNREADABLE, reason=why) for path, why in walk.failed + walk.unread]
        with Intake(2 * self._encoder.dim) as intake:
            verdicts = [Verdict(known) for known in refused]
            verdicts += self._read(folder, walk, intake)
            verdicts += self._compared(intake)
        ids = {verdict.photo for verdict in verdicts if verdict.photo is not None}
        hits = {
            hit.id: replace(hit, offline=self._presences.of(hit.id) is Presence.AWAY)
            for hit in self._searcher.hits([Found(one, 1.0, 1.0) for one in sorted(ids)])
        }
        files = [
            known._replace(photo=hits.get(photo)) if photo is not None else known for known, photo in verdicts
        ]
        return Inventory(folder, tuple(sorted(files, key=lambda file: file.path)), len(walk.skipped))

    def _found(self, folder: Path) -> Walk:
        need_folder(folder)
        walk = photos.find(folder)
        if walk.unread and not walk.photos:
            raise unread(folder, walk.unread[0].reason)
        if not walk.photos and not walk.failed:
            raise FolderError(folder, "holds no photos", "choose the folder they are in")
        if own := self._own(folder, walk):
            reason = f"is indexed: {own:,} of the photos in it are the library's own"
            raise FolderError(folder, reason, "name a folder that is not")
        return walk

    def _own(self, folder: Path, walk: Walk) -> int:
        """Return how many of the files are photos of the library, as they were indexed."""
        found = {folder / file.path: file[1:] for file in walk.photos}
        return sum(
            found.get(place.base / path) == (known.size, known.mtime_ns)
            for place in plan(self._store, [folder])
            if place.root
            for path, known in self._store.known(place.root, place.parts).items()
        )

    # Reading

    def _read(self, folder: Path, walk: Walk, intake: Intake) -> Iterator[Verdict]:
        """Have the workers read all files; what is to be compared is taken in."""
        total = len(walk.photos)
        numbers = {folder / file.path: place - total for place, file in enumerate(walk.photos)}
        again: list[Task] = []  # what has the bytes of photos whose files are lost, and was not decoded
        for answer in self._answers(self._tasks(folder, walk), total):
            if "reason" not in answer.facts and not answer.payload and self._same(answer) is None:
                again.append(Task(answer.task.path))
            else:
                yield from self._taken(answer, numbers, intake)
        for answer in self._answers(again, len(again)) if again else ():
            yield from self._taken(answer, numbers, intake)

    def _taken(self, answer: Answer, numbers: dict[Path, int], intake: Intake) -> Iterator[Verdict]:
        """Yield what is known of a file already, or take it in."""
        path = answer.task.path
        if "reason" in answer.facts:
            yield Verdict(Known(path, UNREADABLE, reason=answer.facts["reason"]))
        elif (same := self._same(answer)) is not None:
            yield Verdict(Known(path, EXACT), same)
        else:
            intake.take(numbers[path], answer)

    def _answers(self, tasks: Iterable[Task], total: int) -> Iterator[Answer]:
        workers = min(self._workers, total)
        with closing(examine_all(iter(tasks), self._encoder.recipe, workers=workers)) as answers:
            for done, answer in enumerate(answers, 1):
                yield answer
                self._progress("reading", done, total)

    def _tasks(self, folder: Path, walk: Walk) -> Iterator[Task]:
        """Tell the workers for each file which contents need no work: those of photos that are there."""
        gone = {photo_id for photo_id, *_ in self._store.missing()}
        hashes = self._store.hashes_by_size({file.size for file in walk.photos}, without=gone)
        for file in walk.photos:
            same = hashes.get(file.size, set())
            yield Task(folder / file.path, frozenset(same if len(same) <= MOST_HASHES else ()))

    def _same(self, answer: Answer) -> int | None:
        """Return the first photo with a file's bytes whose own file is there, else one that is away."""
        sql = "SELECT id FROM photos WHERE missing_since IS NULL AND sha256 = ? ORDER BY id"
        ids = [photo_id for (photo_id,) in self._store.query(sql, answer.facts["sha256"])]
        of = self._presences.of
        here = (photo_id for photo_id in ids if of(photo_id) is Presence.HERE)
        away = (photo_id for photo_id in ids if of(photo_id) is Presence.AWAY)
        return next(here, None) or next(away, None)

    # Comparing

    def _compared(self, intake: Intake) -> Iterator[Verdict]:
        """Compare what has the bytes of no photo with the photos, and what is left with itself."""
        counterparts = Counterparts(
            self._store, self._indexes, intake, self._encoder.dim, self._presences, self._progress
        )
        known = counterparts.of_library()
        left: dict[int, Taken] = {}
        for number, file in sorted(intake.files.items()):
            if verdict := known.get(file.sha256):
                yield verdict._replace(known=verdict.known._replace(path=file.path))
            else:
                left[number] = file
        firsts = np.array([number for number in intake.firsts().tolist() if number in left], dtype=np.int64)
        files = [copies.File(number, file.sha256, file.version, file.shot) for number, file in left.items()]
        again = set()
        for best, others in copies.grouped(files, counterparts.among(firsts), set(), lambda *_: None):
            for same in others:
                again.add(same.id)
                path, other = left[same.id].path, left[best].path
                yield Verdict(Known(path, same.relation, other, THE_OTHER, same.reason, same.changes))
        for number in left.keys() - again:
            yield counterparts.burst(number, self._within) or Verdict(Known(left[number].path, NEW))
