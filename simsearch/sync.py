"""The indexing pipeline: from folders on disk to rows in the store, and a report of every file.

Workers read, hash, decode and encode; only this process writes. What is committed is whole, so a run
that is stopped, killed or unplugged is simply continued by the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from simsearch import facts
from simsearch.child import Answer, Task
from simsearch.decisions import Decisions
from simsearch.photos import Found, Refused
from simsearch.pool import Examine
from simsearch.reach import is_gone
from simsearch.report import Report
from simsearch.store import STAND_IN, About, Content, Root, Store
from simsearch.survey import Survey, is_online

MOST_HASHES = 50  # told to a worker for one file; the request then still fits a pipe (see child.PIPE_BYTES)
SECONDS_A_BATCH = 1.0  # what a power cut may cost; a commit waits for the disk, so not after every photo
_TRY_AGAIN = "its content changed while it was indexed; run it again"

Progress = Callable[[int, int], None]  # files done, files to do


def sync(
    store: Store,
    root: Root,
    found: Survey,
    *,
    recipe: tuple[str, list[str]],
    vector_bytes: int,
    examine: Examine,
    workers: int,
    retry: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring the store up to date with what was found in one place.

    Parameters
    ----------
    root
        The root it is or lies in.
    recipe
        How a worker builds the encoder.
    vector_bytes
        Length of an embedding in the store.
    examine, workers
        What has files examined, and by how many.
    retry
        Whether to look again at files that failed and have not changed since.
    progress
        Called with the number of files done and to do, after each file that had to be looked at.
    """
    run = _Run(store, root, found.place.parts, vector_bytes)
    changed = run.compare(found, retry)
    run.examine(changed, recipe, workers, progress, examine)
    run.report.seconds_saved = run.report.reused * run.seconds_a_photo / workers
    return run.report


class _Run:
    """One folder's run: decides the state of every file, writes it, then counts it."""

    def __init__(self, store: Store, root: Root, parts: frozenset[str], vector_bytes: int) -> None:
        self.report = Report()
        self._store = store
        self._root = root
        self._vector_bytes = vector_bytes
        self._known = store.known(root, parts)
        self._encoding = (0.0, 0)  # seconds that workers took, and over how many photos

    def compare(self, found: Survey, retry: bool) -> dict[str, Found]:
        """Settle what needs no look into the files; return what does, by path."""
        store, report, walk = self._store, self.report, found.walk
        failures = store.failures(self._root)
        report.skipped += self._named(walk.skipped)
        report.failed += self._named(walk.failed + walk.unread)
        unlisted = [
            refused
            for refused in walk.failed + walk.unread
            if failures.get(_text(refused.path), (None, None, ""))[2] != refused.reason
        ]
        changed: dict[str, Found] = {}
        returned, forgotten = [], []
        for file in walk.photos:
            before, failure = self._known.get(file.path), failures.get(file.path)
            same = before is not None and (before.size, before.mtime_ns) == file[1:]
            if before and same and before.facts == facts.VERSION:
                report.unchanged += 1
                returned += [before.id] if before.missing else []
                forgotten += [file.path] if failure else []
            elif failure and failure[:2] == file[1:] and not retry:
                report.failed_before += self._named([Refused(file.path, failure[2])])
            else:
                changed[file.path] = file
        report.failed += report.failed_before
        gone, without_file = self._absent(found, failures)
        forgotten += without_file
        if returned or gone or forgotten or unlisted:
            with store.transaction():
                for path, reason in unlisted:
                    store.put_failure(self._root, _text(path), reason, found=None)
                store.set_missing(returned, False)
                store.set_missing(gone, True)
                store.forget_failures(self._root, forgotten)
        return changed

    def _tasks(self, changed: dict[str, Found]) -> Iterator[Task]:
        """Tell the workers for each file which contents need no work.

        Those are its own from before, and those of photos that this run leaves as they are: of another
        that is about to be overwritten nothing would be left to share.
        """
        overwritten = {self._known[path].id for path in changed if path in self._known}
        lasting = self._store.hashes_by_size({file.size for file in changed.values()}, without=overwritten)
        # Scans and bitmaps all have one size. Past some number, hashing is not worth the telling.
        shared = {size: frozenset(hashes) for size, hashes in lasting.items() if len(hashes) <= MOST_HASHES}
        for path, file in changed.items():
            before = self._known.get(path)
            if before and before.facts == STAND_IN:
                yield Task(self._root.path / path)
            else:
                own = {before.sha256} if before else set()
                yield Task(self._root.path / path, shared.get(file.size, frozenset()) | own)

    def _absent(self, found: Survey, failures: Iterable[str]) -> tuple[list[int], list[str]]:
        """Find the photos (ids) and failures (paths) whose file is gone; a folder not read says nothing."""
        walk = found.walk
        present = {file.path for file in walk.photos} | {_text(refused.path) for refused in walk.failed}
        unread = tuple(refused.path for refused in walk.unread)

        def gone(path: str) -> bool:
            return path not in present and found.place.covers(path) and not path.startswith(unread)

        photos_gone = [known.id for path, known in self._known.items() if not known.missing and gone(path)]
        return photos_gone, [path for path in failures if gone(path)]

    def _named(self, refused: Iterable[Refused]) -> list[Refused]:
        return [Refused(str(self._root.path / path), reason) for path, reason in refused]

    def examine(
        self,
        changed: dict[str, Found],
        recipe: tuple[str, list[str]],
        workers: int,
        progress: Progress | None,
        examine: Examine,
    ) -> None:
        """Have the workers examine what is new or changed, and write their answers in batches."""
        if not changed:
            return
        batch: list[tuple[Found, Answer]] = []
        due = time.monotonic() + SECONDS_A_BATCH
        examined = examine(self._tasks(changed), recipe, workers=min(workers, len(changed)))
        with closing(examined) as answers:
            try:
                for done, answer in enumerate(answers, 1):
                    path = answer.task.path.relative_to(self._root.path).as_posix()
                    batch.append((changed[path], answer))
                    if progress:
                        progress(done, len(changed))
                    if time.monotonic() > due:
                        self._write(batch)
                        batch, due = [], time.monotonic() + SECONDS_A_BATCH
            except KeyboardInterrupt:
                self.report.interrupted = True
            finally:  # whatever stops the run, what was done is kept
                self._write(batch)

    def _write(self, batch: list[tuple[Found, Answer]]) -> None:
        if not batch:
            return
        with self._store.transaction():
            states = [self._settle(found, answer) for found, answer in batch]
            self._time(answer for _, answer in batch)
        # Counted only now: an interrupted transaction is written again as a whole.
        for state, (_, answer) in zip(states, batch, strict=True):
            if isinstance(state, Refused):
                self.report.failed += self._named([state])
            else:
                setattr(self.report, state, getattr(self.report, state) + 1)
                self.report.reused += state != "unchanged" and not answer.payload

    def _moved_from(self, same: list[tuple[int, Root, Path]]) -> int | None:
        """Return the photo among those of one content whose file is gone while its disk is there."""
        for photo_id, root, path in same:
            if is_gone(path) and is_online(self._store, root):
                return photo_id
        return None

    def _time(self, answers: Iterable[Answer]) -> None:
        """Keep for later runs how long a worker takes for a photo."""
        seconds = [answer.facts["seconds"] for answer in answers if answer.payload]
        if seconds:
            self._encoding = self._encoding[0] + sum(seconds), self._encoding[1] + len(seconds)
            self._store.set_setting("seconds_a_photo", f"{self._encoding[0] / self._encoding[1]:.4f}")

    @property
    def seconds_a_photo(self) -> float:
        """How long a worker takes to decode and encode a photo: in this run, or in the last that did."""
        return float(self._store.setting("seconds_a_photo") or 0)

    def _settle(self, walked: Found, answer: Answer) -> str | Refused:
        """Write what is now known of one file; return the state it ends in."""
        told, path = answer.facts, walked.path
        if "reason" in told:
            self._store.put_failure(self._root, path, told["reason"], found=None if told["retry"] else walked)
            return Refused(path, told["reason"])
        found = Found(path, told["size"], told["mtime_ns"])  # as it was when it was read
        here, same = self._known.get(path), self._store.same_content(told["sha256"])
        stands_in = here and here.facts == STAND_IN and answer.payload
        if (
            here and here.sha256 == told["sha256"] and not stands_in
        ):  # touched, or made before facts were read
            self._store.move(here.id, self._root, found)
            self._store.describe(here.id, _about(told))
            return "unchanged"
        if not here and (origin := self._moved_from(same)):
            self._store.move(origin, self._root, found)
            return "moved"
        if answer.payload:
            vector, thumbnail = answer.payload[: self._vector_bytes], answer.payload[self._vector_bytes :]
            content = Content(told["sha256"], _about(told), vector, thumbnail)
        elif same:
            content = self._store.content(same[0][0])
        else:  # another process has just taken away what this file had in common with others
            self._store.put_failure(self._root, path, _TRY_AGAIN, found=None)
            return Refused(path, _TRY_AGAIN)
        if here and here.sha256 != content.sha256:
            Decisions(self._store).overwritten(here.id, content.thumbnail)
        self._store.put(self._root, found, content)
        return "updated" if here else "added"


def _about(told: dict[str, Any]) -> About:
    return About(**told["about"], facts=facts.VERSION)


def _text(path: str) -> str:
    r"""Return a path as it can be stored and shown, also where its bytes are no text: caf\xe9.jpg."""
    return os.fsencode(path).decode(errors="backslashreplace")
