"""The indexing pipeline: from folders on disk to rows in the store, and a report of every file.

Workers read, hash, decode and encode; only this process writes. What is committed is whole, so a run
that is stopped, killed or unplugged is simply continued by the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from simsearch.child import Task
from simsearch.photos import Found, Refused, Walk
from simsearch.pool import Answer, examine_all
from simsearch.report import Report
from simsearch.store import Content, Root, Store
from simsearch.survey import Survey

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
    workers: int,
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
    progress
        Called with the number of files done and to do, after each file that had to be looked at.
    """
    run = _Run(store, root, vector_bytes)
    tasks = run.compare(found.walk, found.place.below)
    run.examine(tasks, recipe, workers, progress)
    return run.report


class _Run:
    """One folder's run: decides the state of every file, writes it, then counts it."""

    def __init__(self, store: Store, root: Root, vector_bytes: int) -> None:
        self.report = Report()
        self._store = store
        self._root = root
        self._vector_bytes = vector_bytes
        self._known = store.known(root)

    def compare(self, walk: Walk, below: str) -> dict[Path, tuple[Task, Found]]:
        """Settle what needs no look into the files; return what does, by absolute path."""
        store, report = self._store, self.report
        failures = store.failures(self._root)
        report.skipped += self._named(walk.skipped)
        report.failed += self._named(walk.failed + walk.unread)
        changed, returned, forgotten = [], [], []
        for found in walk.photos:
            before, failure = self._known.get(found.path), failures.get(found.path)
            if before and (before.size, before.mtime_ns) == found[1:]:
                report.unchanged += 1
                returned += [before.id] if before.missing else []
                forgotten += [found.path] if failure else []
            elif failure and failure[:2] == found[1:]:
                report.failed += self._named([Refused(found.path, failure[2])])
            else:
                changed.append(found)
        gone, without_file = self._absent(walk, below, failures)
        forgotten += without_file
        if returned or gone or forgotten:
            with store.transaction():
                store.set_missing(returned, False)
                store.set_missing(gone, True)
                store.forget_failures(self._root, forgotten)
        return self._tasks(changed)

    def _tasks(self, changed: list[Found]) -> dict[Path, tuple[Task, Found]]:
        """Tell the workers for each file which contents need no work.

        Those are its own from before, and those of photos that this run leaves as they are: of another
        that is about to be overwritten nothing would be left to share.
        """
        overwritten = {self._known[found.path].id for found in changed if found.path in self._known}
        lasting = self._store.hashes_by_size({found.size for found in changed}, without=overwritten)
        # Scans and bitmaps all have one size. Past some number, hashing is not worth the telling.
        shared = {size: frozenset(hashes) for size, hashes in lasting.items() if len(hashes) <= MOST_HASHES}
        tasks = {}
        for found in changed:
            before = self._known.get(found.path)
            own = {before.sha256} if before else set()
            path = self._root.path / found.path
            tasks[path] = Task(path, shared.get(found.size, frozenset()) | own), found
        return tasks

    def _absent(self, walk: Walk, below: str, failures: Iterable[str]) -> tuple[list[int], list[str]]:
        """Find the photos (ids) and failures (paths) whose file is gone; a folder not read says nothing."""
        present = {found.path for found in walk.photos} | {refused.path for refused in walk.failed}
        unread = tuple(refused.path for refused in walk.unread)

        def gone(path: str) -> bool:
            return path.startswith(below) and path not in present and not path.startswith(unread)

        photos_gone = [known.id for path, known in self._known.items() if not known.missing and gone(path)]
        return photos_gone, [path for path in failures if gone(path)]

    def _named(self, refused: Iterable[Refused]) -> list[Refused]:
        return [Refused(str(self._root.path / path), reason) for path, reason in refused]

    def examine(
        self,
        tasks: dict[Path, tuple[Task, Found]],
        recipe: tuple[str, list[str]],
        workers: int,
        progress: Progress | None,
    ) -> None:
        """Have the workers examine what is new or changed, and write their answers in batches."""
        if not tasks:
            return
        batch: list[tuple[Found, Answer]] = []
        due = time.monotonic() + SECONDS_A_BATCH
        examined = examine_all([task for task, _ in tasks.values()], recipe, workers=min(workers, len(tasks)))
        with closing(examined) as answers:
            try:
                for done, answer in enumerate(answers, 1):
                    batch.append((tasks[answer.task.path][1], answer))
                    if progress:
                        progress(done, len(tasks))
                    if time.monotonic() > due:
                        self._write(batch)
                        batch, due = [], time.monotonic() + SECONDS_A_BATCH
            except KeyboardInterrupt:
                self.report.interrupted = True
            finally:  # whatever stops the run, what was done is kept
                self._write(batch)

    def _write(self, batch: list[tuple[Found, Answer]]) -> None:
        with self._store.transaction():
            states = [self._settle(found, answer) for found, answer in batch]
        # Counted only now: an interrupted transaction is written again as a whole.
        for state in states:
            if isinstance(state, Refused):
                self.report.failed += self._named([state])
            else:
                setattr(self.report, state, getattr(self.report, state) + 1)

    def _settle(self, walked: Found, answer: Answer) -> str | Refused:
        """Write what is now known of one file; return the state it ends in."""
        facts, path = answer.facts, walked.path
        if "reason" in facts:
            self._store.put_failure(
                self._root, path, facts["reason"], found=None if facts["retry"] else walked
            )
            return Refused(path, facts["reason"])
        found = Found(path, facts["size"], facts["mtime_ns"])  # as it was when it was read
        here, same = self._known.get(path), self._store.same_content(facts["sha256"])
        if here and here.sha256 == facts["sha256"]:  # only touched
            self._store.move(here.id, self._root, found)
            return "unchanged"
        if not here and (origin := _moved_from(same)):
            self._store.move(origin, self._root, found)
            return "moved"
        if answer.payload:
            content = self._content(facts, answer.payload)
        elif same:
            content = self._store.content(same[0][0])
        else:  # another process has just taken away what this file had in common with others
            self._store.put_failure(self._root, path, _TRY_AGAIN, found=None)
            return Refused(path, _TRY_AGAIN)
        self._store.put(self._root, found, content)
        return "updated" if here else "added"

    def _content(self, facts: dict[str, Any], payload: bytes) -> Content:
        vector, thumbnail = payload[: self._vector_bytes], payload[self._vector_bytes :]
        return Content(facts["sha256"], facts["width"], facts["height"], facts["taken_at"], vector, thumbnail)


def _moved_from(same: list[tuple[int, Path, Path]]) -> int | None:
    """Return the photo among those of one content whose file is gone while its disk is there."""
    for photo_id, root, path in same:
        if not os.path.lexists(path) and _is_online(root):
            return photo_id
    return None


def _is_online(root: Path) -> bool:
    """Whether a root can be trusted to lack what it lacks: the mount point of an absent disk is empty."""
    with suppress(OSError), os.scandir(root) as entries:
        return any(entries)
    return False
