"""Worker processes, and an account of every file handed to them.

One thread drives one process. A process that dies or hangs costs the file it was on: that file is
answered with the reason, the process is replaced, and its other files are handed out again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from simsearch import worker
from simsearch.errors import SimsearchError

SECONDS_A_FILE = 60.0  # the largest photo takes two; after this a decoder is stuck, not slow
# One in work and one waiting at the worker, so that it never waits for the parent between two photos;
# more would leave one worker with a queue when the others are done.
FILES_AHEAD = 2
# Answers are looked for this often: waking up for each one takes the workers a hundredth of their time.
SECONDS_A_LOOK = 0.03


class Task(NamedTuple):
    """A file to examine, and the hashes that need no work (see :func:`simsearch.worker.examine`)."""

    path: Path
    known: frozenset[str] = frozenset()


class Answer(NamedTuple):
    """What a worker said of a task: facts, then embedding and thumbnail in one run of bytes."""

    task: Task
    facts: dict[str, Any]
    payload: bytes


class _Gone(Exception):
    """The worker died or was stopped; the text says how."""


class _Worker:
    """One child process; :attr:`deadline` is the moment by which it must have answered."""

    def __init__(self, recipe: tuple[str, list[str]]) -> None:
        self.deadline = time.monotonic() + SECONDS_A_FILE
        self.overdue = False
        self._last_words = ""
        self._errors = tempfile.TemporaryFile()  # decoders chatter; only how it ended is of interest
        self._process = subprocess.Popen(
            # -P: a file called numpy.py in the current folder is not numpy.
            [sys.executable, "-P", "-m", "simsearch.worker", json.dumps(recipe)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=1 << 17,  # a whole answer in one read
            env=_environment(),
            start_new_session=True,
        )
        try:
            self.receive()
        except _Gone as gone:
            message = f"a worker process did not start: {self._last_words or gone}"
            raise SimsearchError(f"{message}; try again, or with --workers 1.") from None

    def send(self, task: Task) -> None:
        assert self._process.stdin is not None
        try:
            worker.send(self._process.stdin, {"path": str(task.path), "known": sorted(task.known)})
        except OSError:
            pass  # receive() finds out how it ended

    def receive(self) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdout is not None
        try:
            return worker.receive(self._process.stdout)
        except (EOFError, ValueError):
            self.stop()
            raise _Gone(self._how_it_ended()) from None
        finally:
            self.deadline = time.monotonic() + SECONDS_A_FILE

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                try:
                    stream.close()
                except OSError:  # the pipe was broken with words still in it
                    pass
        self._process.wait()
        if not self._errors.closed:
            self._errors.seek(0)
            self._last_words = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            self._errors.close()

    def stop_if_overdue(self) -> None:
        if time.monotonic() > self.deadline:
            self.overdue = True
            self.kill()

    def _how_it_ended(self) -> str:
        if self.overdue:
            return f"reading it took longer than {SECONDS_A_FILE:.0f} seconds"
        code = self._process.returncode
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"reading it crashed the decoder ({name})"


def _environment() -> dict[str, str]:
    """Return the environment of a worker: our own search path, and one thread for every library."""
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def examine_all(
    tasks: Iterable[Task], recipe: tuple[str, list[str]], *, workers: int
) -> Generator[Answer, None, None]:
    """Examine every task on ``workers`` processes; yield each answer once, in the order they come.

    Closing the generator stops the processes.
    """
    pool = _Pool(tasks, recipe)
    threads = [threading.Thread(target=pool.drive, daemon=True) for _ in range(workers)]
    watchdog = threading.Thread(target=pool.watch, daemon=True)
    for thread in [*threads, watchdog]:
        thread.start()
    try:
        yield from pool.answers(len(threads))
    finally:
        pool.close()
        for thread in [*threads, watchdog]:
            thread.join()


class _Pool:
    def __init__(self, tasks: Iterable[Task], recipe: tuple[str, list[str]]) -> None:
        self._tasks = iter(tasks)
        self._recipe = recipe
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._working: set[_Worker] = set()
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
        waiting: deque[Task] = deque()
        current: _Worker | None = None
        try:
            while self._refill(waiting):
                if current is None:
                    current = self._start()
                    for task in waiting:
                        current.send(task)
                current = self._await_one(current, waiting)
        except BaseException as error:  # handed to the thread that reads the answers
            self._answers.put(error)
        finally:
            if current:
                self._end(current)
            self._answers.put(None)

    def _refill(self, waiting: deque[Task]) -> bool:
        return not self._closed.is_set() and bool(waiting or self._take(waiting))

    def _take(self, waiting: deque[Task]) -> Task | None:
        with self._lock:
            task = next(self._tasks, None)
        if task:
            waiting.append(task)
        return task

    def _await_one(self, current: _Worker, waiting: deque[Task]) -> _Worker | None:
        """Get the answer to the oldest task, having topped up the ones sent ahead."""
        while len(waiting) < FILES_AHEAD:
            task = self._take(waiting)
            if task is None:
                break
            current.send(task)
        try:
            facts, payload = current.receive()
        except _Gone as gone:
            self._end(current)
            if self._closed.is_set():
                return None
            self._answers.put(Answer(waiting.popleft(), {"reason": str(gone), "retry": False}, b""))
            return None
        self._answers.put(Answer(waiting.popleft(), facts, payload))
        return current

    def _start(self) -> _Worker:
        started = _Worker(self._recipe)
        self._working.add(started)
        return started

    def _end(self, ended: _Worker) -> None:
        self._working.discard(ended)
        ended.stop()

    def watch(self) -> None:
        """Stop workers that are stuck (the body of a thread)."""
        while not self._closed.wait(1.0):
            for current in list(self._working):
                current.stop_if_overdue()

    def close(self) -> None:
        self._closed.set()
        for current in list(self._working):
            current.kill()
