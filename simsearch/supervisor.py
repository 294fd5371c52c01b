"""One worker process that is always there, and an account of every file handed to it.

A process that dies is replaced, and the file it was on is tried once more, first thing in the new one: what
killed the process may have been another file's damage, or the system. A file that fails twice, or hangs, is
answered with the reason; the others are handed out again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from simsearch import child
from simsearch.child import Answer, Task

# One in work and one waiting at the worker, so that it never waits for the parent between two photos;
# more would leave one worker with a queue when the others are done.
FILES_AHEAD = 2


class Supervisor:
    """Keeps one worker process, driven by one thread; others may only :meth:`tick` and :meth:`close`.

    Parameters
    ----------
    recipe
        How the worker builds the encoder.
    memory_limit
        Bytes that it may have.
    """

    def __init__(self, recipe: tuple[str, list[str]], memory_limit: int) -> None:
        self._recipe = recipe
        self._memory_limit = memory_limit
        self._worker: child.Child | None = None
        self._suspect: Task | None = None  # a worker died on it once
        self._closed = threading.Event()

    def examine(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """Answer tasks in order, and take each only when the worker can do with it.

        The worker is started with the first task, and stays for the next call.

        Raises
        ------
        SimsearchError
            When no worker can be started.
        """
        unasked = iter(tasks)
        waiting: deque[Task] = deque()  # handed to the worker, or to be: the first is in work
        while not self._closed.is_set() and (waiting or _take(unasked, waiting)):
            worker = self._worker or self._start()
            _send_ahead(worker, waiting, unasked)
            try:
                facts, payload = worker.receive()
            except child.Gone as gone:
                self.stop()
                if not self._is_to_blame(waiting[0], gone):
                    continue
                facts, payload = {"reason": gone.reason, "retry": gone.killed}, b""
            yield Answer(waiting.popleft(), facts, payload)

    def _start(self) -> child.Child:
        try:
            started = child.Child(self._recipe, self._memory_limit)
        except OSError as error:  # too many processes or open files, too little memory
            raise child.not_started(error.strerror or str(error)) from None
        self._worker = started
        try:
            if self._closed.is_set():  # close() may have looked before there was anything to see
                started.kill()
            started.await_ready()
        except BaseException:
            self.stop()
            raise
        return started

    def _is_to_blame(self, task: Task, gone: child.Gone) -> bool:
        # A hang is not tried again: it took thirty times what the slowest photo takes, and would take as
        # long once more.
        if gone.overdue or task is self._suspect:
            return True
        self._suspect = task
        return False

    def tick(self) -> None:
        """Count one more second; a worker that is stuck is stopped."""
        if worker := self._worker:
            worker.tick()

    def close(self) -> None:
        """Have whoever waits for an answer stop waiting, now and ever after."""
        self._closed.set()
        if worker := self._worker:
            worker.kill()

    def stop(self) -> None:
        """End the worker; the next task starts another."""
        if worker := self._worker:
            self._worker = None
            worker.stop()


def watch(supervisors: Iterable[Supervisor], over: threading.Event) -> None:
    """Stop workers that are stuck, until it is over (the body of a thread)."""
    while not over.wait(child.SECONDS_A_TICK):
        for supervisor in supervisors:
            supervisor.tick()


def _send_ahead(worker: child.Child, waiting: deque[Task], unasked: Iterator[Task]) -> None:
    while len(waiting) < FILES_AHEAD and _take(unasked, waiting):
        pass
    for task in islice(waiting, worker.due, None):
        if not worker.send(task):
            break


def _take(unasked: Iterator[Task], waiting: deque[Task]) -> bool:
    taken = list(islice(unasked, 1))
    waiting.extend(taken)
    return bool(taken)
