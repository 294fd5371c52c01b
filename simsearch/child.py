"""A worker process as its parent sees it: what it was handed, what it owes, and how it ended."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from simsearch import memory, program, worker
from simsearch.errors import SimsearchError

SECONDS_A_FILE = 60.0  # the largest photo takes two; after this a decoder is stuck, not slow
SECONDS_A_TICK = 1.0
# What a worker may have. Photos of more than a few megapixels are rare: with many workers each may have more
# than its share, though not more than there is. What takes more than four gigabytes is no photo.
_LEAST_MEMORY, _MOST_MEMORY = 2 << 30, 4 << 30
# No system's pipe holds less unread. A request sent ahead is smaller, so that the parent never waits to write
# it while the worker waits to write an answer: at that moment the pipe is empty, because the worker has taken
# out the request it answers, and there is no third (FILES_AHEAD).
PIPE_BYTES = 4096


class Task(NamedTuple):
    """A file to examine, and the hashes that need no work (see :func:`simsearch.worker.examine`)."""

    path: Path
    known: frozenset[str] = frozenset()


class Answer(NamedTuple):
    """What a worker said of a task: facts, then embedding and thumbnail in one run of bytes."""

    task: Task
    facts: dict[str, Any]
    payload: bytes


class Gone(Exception):
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


class Child:
    """One child process, driven by one thread; others may only :meth:`kill` and :meth:`tick`."""

    def __init__(self, recipe: tuple[str, list[str]], memory_limit: int) -> None:
        self.due = 1  # answers it owes; the first is "ready"
        self._received = 0
        self._seen = 0  # the watchdog's: answers received at the last tick, ...
        self._silent = 0.0  # ... for how long there was none, ...
        self._overdue_at = -1  # ... and how many there were when that was too long
        self._last_words = ""
        self._errors = tempfile.TemporaryFile()  # decoders chatter; only how it ended is of interest
        # Twice the time, so that its own alarm is only heard where nobody watches it.
        arguments = [json.dumps(recipe), str(2 * SECONDS_A_FILE), str(memory_limit)]
        try:
            self._process = subprocess.Popen(
                program.command("worker", *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=1 << 17,  # a whole answer in one read
                # One thread for every library: there is a worker a core.
                env=program.environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
                start_new_session=True,
            )
        except OSError:
            self._errors.close()
            raise

    def await_ready(self) -> None:
        """Wait until it has loaded its network; raise SimsearchError where it cannot."""
        try:
            self.receive()
        except Gone as gone:
            words = "" if gone.overdue else self._last_words
            raise not_started(words or gone.how) from None

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
        """Wait for the next answer; raise :class:`Gone` where there will be none."""
        assert self._process.stdout is not None
        try:
            answer = worker.receive(self._process.stdout)
        except (EOFError, ValueError):
            self.stop()
            overdue = self._overdue_at == self._received
            raise Gone(self._process.returncode, overdue=overdue) from None
        self.due -= 1
        self._received += 1
        return answer

    def kill(self) -> None:
        """End the process; whoever waits in :meth:`receive` finds out."""
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
        """End the process and put away what belongs to it."""
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


def memory_limit(workers: int) -> int:
    """Return the bytes that each of some workers may have."""
    most = memory.total() * 3 // 4
    return min(max(most // workers, min(_LEAST_MEMORY, most)), _MOST_MEMORY)


def not_started(why: str) -> SimsearchError:
    """Say why there is no worker."""
    return SimsearchError(f"a worker process did not start: {why}; try again, or with --workers 1.")
