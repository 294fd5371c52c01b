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

from simsearch import photos
from simsearch.errors import FolderError
from simsearch.photos import Found, Refused, Walk
from simsearch.pool import Answer, Task, examine_all
from simsearch.report import Report
from simsearch.store import Content, Known, Root, Store

SECONDS_A_BATCH = 1.0  # what a power cut may cost; a commit waits for the disk, so not after every photo


Progress = Callable[[int, int], None]  # files done, files to do


def sync(
    store: Store,
    folder: Path,
    *,
    recipe: tuple[str, list[str]],
    vector_bytes: int,
    workers: int,
    progress: Progress | None = None,
) -> Report:
    """Bring the store up to date with one folder, which may lie inside a folder that is indexed already.

    Parameters
    ----------
    recipe
        How a worker builds the encoder.
    vector_bytes
        Length of an embedding in the store.
    progress
        Called with the number of files done and to do, after each file that had to be looked at.

    Raises
    ------
    FolderError
        When the folder holds no photos; nothing is changed then.
    """
    started = time.monotonic()
    root, below = _root_of(store, folder)
    walk = photos.find(root.path if root else folder, below)
    _refuse_empty(store, folder, root, below, walk)
    if root is None:
        with store.transaction():
            root = store.add_root(folder)
    run = _Run(store, root, vector_bytes)
    tasks = run.compare(walk, below)
    run.examine(tasks, recipe, workers, progress)
    run.report.seconds = time.monotonic() - started
    return run.report


def _root_of(store: Store, folder: Path) -> tuple[Root | None, str]:
    """Find the root that ``folder`` is or lies in, and the way from there to it ('' or 'a/b/')."""
    for root in store.roots():
        if folder.is_relative_to(root.path):
            below = folder.relative_to(root.path).as_posix()
            return root, "" if below == "." else f"{below}/"
    return None, ""


def _refuse_empty(store: Store, folder: Path, root: Root | None, below: str, walk: Walk) -> None:
    if walk.photos or walk.failed:
        return
    if walk.unread:
        raise FolderError(folder, walk.unread[0].reason, "check its permissions")
    known = sum(path.startswith(below) for path in store.known(root)) if root else 0
    if known:
        reason = f"suddenly without photos, though {known} of its photos are in the library"
        raise FolderError(folder, reason, "nothing was changed; is its disk unplugged")
    raise FolderError(folder, "holds no photos", "choose the folder they are in")


class _Run:
    """One folder's run: decides the state of every file, writes it, then counts it."""

    def __init__(self, store: Store, root: Root, vector_bytes: int) -> None:
        self.report = Report()
        self._store = store
        self._root = root
        self._vector_bytes = vector_bytes
        self._known: dict[str, Known] = {}

    def compare(self, walk: Walk, below: str) -> dict[Path, tuple[Task, Found]]:
        """Settle what needs no look into the files; return what does, by absolute path."""
        store, report = self._store, self.report
        self._known = store.known(self._root)
        failures = store.failures(self._root)
        hashes = store.hashes_by_size()
        report.skipped += self._named(walk.skipped)
        report.failed += self._named(walk.failed + walk.unread)
        tasks, returned = {}, []
        for found in walk.photos:
            before, failure = self._known.get(found.path), failures.get(found.path)
            if before and (before.size, before.mtime_ns) == found[1:]:
                report.unchanged += 1
                returned += [before.id] if before.missing else []
            elif failure and failure[:2] == found[1:]:
                report.failed += self._named([Refused(found.path, failure[2])])
            else:
                path = self._root.path / found.path
                tasks[path] = Task(path, frozenset(hashes.get(found.size, ()))), found
        gone, forgotten = self._absent(walk, below, failures)
        report.missing = len(gone)
        if returned or gone or forgotten:
            with store.transaction():
                store.set_missing(returned, False)
                store.set_missing(gone, True)
                store.forget_failures(self._root, forgotten)
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
        self.report.failed.sort()  # workers answer in no order

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
        if not answer.payload:
            return self._settle_known_content(found, facts["sha256"])
        vector, thumbnail = answer.payload[: self._vector_bytes], answer.payload[self._vector_bytes :]
        content = Content(
            facts["sha256"], facts["width"], facts["height"], facts["taken_at"], vector, thumbnail
        )
        self._store.put(self._root, found, content)
        return "updated" if path in self._known else "added"

    def _settle_known_content(self, found: Found, sha256: str) -> str:
        """Settle a file whose content the store has: touched, moved here, or another copy."""
        store, here = self._store, self._known.get(found.path)
        same = store.same_content(sha256)
        if here:
            if here.id in (photo_id for photo_id, _, _ in same):
                store.move(here.id, self._root, found)
                return "unchanged"
        else:
            for photo_id, root, path in same:
                if not os.path.lexists(path) and _is_online(root):
                    store.move(photo_id, self._root, found)
                    return "moved"
        store.put(self._root, found, store.content(same[0][0]))
        return "updated" if here else "added"


def _is_online(root: Path) -> bool:
    """Whether a root can be trusted to lack what it lacks: the mount point of an absent disk is empty."""
    with suppress(OSError), os.scandir(root) as entries:
        return any(entries)
    return False
