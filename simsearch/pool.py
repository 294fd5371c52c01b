"""Worker processes, and an account of every file handed to them.

One thread drives one process. A process that dies is replaced, and the file it was on is tried once more,
first thing in the new one: what killed the process may have been another file's damage, or the system.
A file that fails twice, or hangs, is answered with the reason; the others are handed out again.
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
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from simsearch import worker
from simsearch.errors import SimsearchError

SECONDS_A_FILE = 60.0  # the largest photo takes two; after this a decoder is stuck, not slow
SECONDS_A_TICK = 1.0
# One in work and one waiting at the worker, so that it never waits for the parent between two photos;
# more would leave one worker with a queue when the others are done.
FILES_AHEAD = 2
# No system's pipe holds less unread. A request sent ahead is smaller, so that the parent never waits to write
# it while the worker waits to write an answer: at that moment the pipe is empty, because the worker has taken
# out the request it answers, and there is no third (FILES_AHEAD).
PIPE_BYTES = 4096
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
    """The worker ended, ``how``; ``overdue`` when we stopped it, ``killed`` when somebody else did."""

    def __init__(self, code: int, *, overdue: bool) -> None:
        self.overdue = overdue
        self.killed = not overdue and code in (-signal.SIGKILL, -signal.SIGTERM)
        self.how = _signal_name(-code) if code < 0 else f"exit code {code}"
        self.reason = f"reading it crashed the decoder ({self.how})"
        if overdue or code == -signal.SIGALRM:  # the worker's own alarm, when we were stopped meanwhile
            self.how = f"took longer than {SECONDS_A_FILE:.0f} seconds"
            self.reason = f"reading it {self.how}"
        elif self.killed:
            self.reason = f"the process reading it was killed ({self.how}), perhaps for want of memory"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have only numbers
        return f"signal {number}"


class _Worker:
    """One child process, driven by one thread; others may only :meth:`kill` and :meth:`tick`."""

    def __init__(self, recipe: tuple[str, list[str]]) -> None:
        self.due = 1  # answers it owes; the first is "ready"
        self._received = 0
        self._seen = 0  # the watchdog's: answers received at the last tick, ...
        self._silent = 0.0  # ... for how long there was none, ...
        self._overdue_at = -1  # ... and how many there were when that was too long
        self._last_words = ""
        self._errors = tempfile.TemporaryFile()  # decoders chatter; only how it ended is of interest
        # Twice the time, so that its own alarm is only heard where nobody watches it.
        arguments = [json.dumps(recipe), str(2 * SECONDS_A_FILE)]
        try:
            self._process = subprocess.Popen(
                # -P: a file called numpy.py in the current folder is not numpy.
                [sys.executable, "-P", "-m", "simsearch.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=1 << 17,  # a whole answer in one read
                env=_environment(),
                start_new_session=True,
            )
        except OSError:
            self._errors.close()
            raise

    def await_ready(self) -> None:
        try:
            self.receive()
        except _Gone as gone:
            words = "" if gone.overdue else self._last_words
            raise _not_started(words or gone.how) from None

    def send(self, task: Task) -> bool:
        """Hand over a task, unless it has to wait until the worker is idle (see PIPE_BYTES)."""
        assert self._process.stdin is not None
        request = worker.frame({"path": str(task.path), "known": sorted(task.known)})
        if self.due and len(request) > PIPE_BYTES:
            return False
        self.due += 1
        try:
            worker.send(self._process.stdin, request)
        except OSError:
            pass  # receive() finds out how it ended
        return True

    def receive(self) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdout is not None
        try:
            answer = worker.receive(self._process.stdout)
        except (EOFError, ValueError):
            self.stop()
            overdue = self._overdue_at == self._received
            raise _Gone(self._process.returncode, overdue=overdue) from None
        self.due -= 1
        self._received += 1
        return answer

    def kill(self) -> None:
        self._process.kill()

    def tick(self) -> None:
        """Count one more second without an answer, and kill a worker that has had too many.

        The watchdog's ticks are counted, not the clock's: while this whole process is stopped (Ctrl-Z, a
        suspended laptop) answers wait to be read and nobody is late.
        """
        if self._seen != self._received or not self.due:
            self._seen, self._silent = self._received, 0.0
        self._silent += SECONDS_A_TICK
        if self._silent > SECONDS_A_FILE:
            self._overdue_at = self._seen  # an answer that comes this moment makes it untrue
            self.kill()

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


def _not_started(why: str) -> SimsearchError:
    return SimsearchError(f"a worker process did not start: {why}; try again, or with --workers 1.")


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


def _start(threads: list[threading.Thread]) -> None:
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as error:  # the system has no more
        raise _not_started(str(error)) from None


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        if thread.ident is not None:  # it was started
            thread.join()


class _Pool:
    def __init__(self, tasks: Iterable[Task], recipe: tuple[str, list[str]]) -> None:
        self._tasks = iter(tasks)
        self._recipe = recipe
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._unwatched = threading.Event()
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
    def _worker(self) -> Iterator[_Worker]:
        try:
            started = _Worker(self._recipe)
        except OSError as error:  # too many processes or open files, too little memory
            raise _not_started(error.strerror or str(error)) from None
        self._working.add(started)
        try:
            if self._closed.is_set():  # close() may have looked before there was anything to see
                started.kill()
            started.await_ready()
            yield started
        finally:
            self._working.discard(started)
            started.stop()

    def _serve(self, current: _Worker, waiting: deque[Task], suspect: Task | None) -> Task | None:
        """Have a worker do what there is; return the file it died on, if that is to be tried once more."""
        while self._refill(waiting):
            self._send_ahead(current, waiting)
            try:
                facts, payload = current.receive()
            except _Gone as gone:
                # A hang is not tried again: it took thirty times what the slowest photo takes, and would
                # take as long once more.
                if not gone.overdue and waiting[0] is not suspect:
                    return waiting[0]
                blamed = {"reason": gone.reason, "retry": gone.killed}
                self._answers.put(Answer(waiting.popleft(), blamed, b""))
                return None
            self._answers.put(Answer(waiting.popleft(), facts, payload))
        return None

    def _send_ahead(self, current: _Worker, waiting: deque[Task]) -> None:
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
        while not self._unwatched.wait(SECONDS_A_TICK):
            for current in list(self._working):
                current.tick()

    def close(self) -> None:
        self._closed.set()
        for current in list(self._working):
            current.kill()

    def unwatch(self) -> None:
        self._unwatched.set()
