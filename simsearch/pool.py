"""Worker processes, and an account of every file handed to them: one thread drives one process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from queue import SimpleQueue
from typing import Protocol

from simsearch import child, memory
from simsearch.child import Answer, Task
from simsearch.supervisor import Supervisor, watch

# Answers are looked for this often: waking up for each one takes the workers a hundredth of their time.
SECONDS_A_LOOK = 0.03


class Examine(Protocol):
    """How files are examined; :func:`examine_all` does it on this machine."""

    def __call__(
        self, tasks: Iterable[Task], recipe: tuple[str, list[str]], *, workers: int
    ) -> Generator[Answer, None, None]:
        """Yield an answer to each task."""


def examine_all(
    tasks: Iterable[Task], recipe: tuple[str, list[str]], *, workers: int
) -> Generator[Answer, None, None]:
    """Examine every task on ``workers`` processes; yield each answer once, in the order they come.

    Closing the generator stops the processes.
    """
    limit = child.memory_limit(workers)
    supervisors = [Supervisor(recipe, limit) for _ in range(workers)]
    pool = _Pool(tasks, supervisors)
    drivers = [threading.Thread(target=pool.drive, args=[one], daemon=True) for one in supervisors]
    over = threading.Event()
    watchdog = threading.Thread(target=watch, args=[supervisors, over], daemon=True)
    try:  # from the first thread on: an interrupt may come between two of them
        _start([watchdog, *drivers])
        yield from pool.answers()
    finally:
        pool.close()
        _join(drivers)
        over.set()  # only now: a driver may wait for a worker until the end
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
    def __init__(self, tasks: Iterable[Task], supervisors: list[Supervisor]) -> None:
        self._tasks = iter(tasks)
        self._supervisors = supervisors
        self._lock = threading.Lock()
        self._answers: SimpleQueue[Answer | BaseException | None] = SimpleQueue()

    def answers(self) -> Iterator[Answer]:
        drivers = len(self._supervisors)
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

    def drive(self, supervisor: Supervisor) -> None:
        """Keep one worker busy until there is nothing left to hand out (the body of a thread)."""
        try:
            for answer in supervisor.examine(self._handed_out()):
                self._answers.put(answer)
        except BaseException as error:  # handed to the thread that reads the answers
            self._answers.put(error)
        finally:
            supervisor.stop()
            self._answers.put(None)

    def _handed_out(self) -> Iterator[Task]:
        """Yield the tasks that no other worker was handed."""
        while True:
            with self._lock:
                task = next(self._tasks, None)
            if task is None:
                return
            yield task

    def close(self) -> None:
        for supervisor in self._supervisors:
            supervisor.close()
