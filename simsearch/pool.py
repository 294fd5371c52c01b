"""Worker processes, and an account of every file handed to them.

One thread drives one process. A process that dies is replaced, and the file it was on is tried once more,
first thing in the new one: what killed the process may have been another file's damage, or the system.
A file that fails twice, or hangs, is answered with the reason; the others are handed out again.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import Any, NamedTuple

from simsearch import child, memory
from simsearch.child import Task

# One in work and one waiting at the worker, so that it never waits for the parent between two photos;
# more would leave one worker with a queue when the others are done.
FILES_AHEAD = 2
# Answers are looked for this often: waking up for each one takes the workers a hundredth of their time.
SECONDS_A_LOOK = 0.03


class Answer(NamedTuple):
    """What a worker said of a task: facts, then embedding and thumbnail in one run of bytes."""

    task: Task
    facts: dict[str, Any]
    payload: bytes


def examine_all(
    tasks: Iterable[Task], recipe: tuple[str, list[str]], *, workers: int
) -> Generator[Answer, None, None]:
    """Examine every task on ``workers`` processes; yield each answer once, in the order they come.

    Closing the generator stops the processes.
    """
    pool = _Pool(tasks, recipe, child.memory_limit(workers))
    drivers = [threading.Thread(target=pool.drive, daemon=True) for _ in range(workers)]
    watchdog = threading.Thread(target=pool.watch, daemon=True)
    try:  # from the first thread on: an interrupt may come between two of them
        _start([watchdog, *drivers])
        yield from pool.answers(workers)
    finally:
        pool.close()
        _join(drivers)
        pool.unwatch()  # only now: a driver may wait for a worker until the end
        _join([watchdog])


def suitable_workers() -> int:
    """Return how many worker processes suit this machine: one a core, each with a gigabyte of memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min(cores, memory.total() >> 30), 1)


def _start(threads: list[threading.Thread]) -> None:
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as error:  # the system has no more
        raise child.not_started(str(error)) from None


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        if thread.ident is not None:  # it was started
            thread.join()


class _Pool:
    def __init__(self, tasks: Iterable[Task], recipe: tuple[str, list[str]], memory_limit: int) -> None:
        self._tasks = iter(tasks)
        self._recipe = recipe
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._unwatched = threading.Event()
        self._working: set[child.Child] = set()
        self._answers: SimpleQueue[Answer | BaseException | None] = SimpleQueue()

    def answers(self, drivers: int) -> Iterator[Answer]:
        while drivers:
            if self._answers.empty():
                time.sleep(SECONDS_A_LOOK)
            answer = self._answers.get()
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                drivers -= 1
            else:
                yield answer

    def drive(self) -> None:
        """Keep one worker busy until there is nothing left to hand out (the body of a thread)."""
        waiting: deque[Task] = deque()  # handed to the worker, or to be: the first is in work
        suspect = None
        try:
            while self._refill(waiting):
                with self._worker() as current:
                    suspect = self._serve(current, waiting, suspect)
        except BaseException as error:  # handed to the thread that reads the answers
            self._answers.put(error)
        finally:
            self._answers.put(None)

    @contextmanager
    def _worker(self) -> Iterator[child.Child]:
        try:
            started = child.Child(self._recipe, self._memory_limit)
        except OSError as error:  # too many processes or open files, too little memory
            raise child.not_started(error.strerror or str(error)) from None
        self._working.add(started)
        try:
            if self._closed.is_set():  # close() may have looked before there was anything to see
                started.kill()
            started.await_ready()
            yield started
        finally:
            self._working.discard(started)
            started.stop()

    def _serve(self, current: child.Child, waiting: deque[Task], suspect: Task | None) -> Task | None:
        """Have a worker do what there is; return the file it died on, if that is to be tried once more."""
        while self._refill(waiting):
            self._send_ahead(current, waiting)
            try:
                facts, payload = current.receive()
            except child.Gone as gone:
                # A hang is not tried again: it took thirty times what the slowest photo takes, and would
                # take as long once more.
                if not gone.overdue and waiting[0] is not suspect:
                    return waiting[0]
                blamed = {"reason": gone.reason, "retry": gone.killed}
                self._answers.put(Answer(waiting.popleft(), blamed, b""))
                return None
            self._answers.put(Answer(waiting.popleft(), facts, payload))
        return None

    def _send_ahead(self, current: child.Child, waiting: deque[Task]) -> None:
        while len(waiting) < FILES_AHEAD and self._take(waiting):
            pass
        for task in islice(waiting, current.due, None):
            if not current.send(task):
                break

    def _refill(self, waiting: deque[Task]) -> bool:
        return not self._closed.is_set() and bool(waiting or self._take(waiting))

    def _take(self, waiting: deque[Task]) -> Task | None:
        with self._lock:
            task = next(self._tasks, None)
        if task:
            waiting.append(task)
        return task

    def watch(self) -> None:
        """Stop workers that are stuck (the body of a thread)."""
        while not self._unwatched.wait(child.SECONDS_A_TICK):
            for current in list(self._working):
                current.tick()

    def close(self) -> None:
        self._closed.set()
        for current in list(self._working):
            current.kill()

    def unwatch(self) -> None:
        self._unwatched.set()
