"""Who writes to a library: one process at a time. And how far the run of indexing is, for others to see."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from simsearch import program
from simsearch.errors import LibraryError, SimsearchError, WriteError

LOCK_NAME = "indexing.lock"
STATE_NAME = "indexing.json"
_SECONDS_A_NOTE = 0.5
_SECONDS_A_TRY = 0.05
_TRIES = 10  # before the library is in use: who asks whether it is holds the lock for a moment
_SECONDS_TO_START = 30.0


_FRESH: dict[str, Any] = {
    "pid": 0,
    "since": "",
    "folder": None,
    "began": None,
    "done": 0,
    "total": 0,
    "ended": None,
    "report": None,
    "problem": None,
}


@contextmanager
def sole_writer(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep other processes from writing to the library in a folder meanwhile; they may go on reading.

    The lock is SQLite's on a file of its own, so it ends with the process, however that ends.

    Parameters
    ----------
    wait
        Whether to wait until no other process writes.

    Raises
    ------
    LibraryError
        When another process does; it says which, where that is indexing. When the lock cannot be used.
    """
    with _lock(folder) as locked:
        tries = 0
        while not locked():
            tries += 1
            if tries > _TRIES and not wait:
                raise LibraryError(folder, _who(last(folder)), "wait for it to finish and try again")
            time.sleep(_SECONDS_A_TRY)
        yield


@contextmanager
def _lock(folder: Path) -> Iterator[Callable[[], bool]]:
    """Give what tries to lock; what was locked is let go of in the end."""
    path = folder / LOCK_NAME
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:

            def locked() -> bool:
                try:
                    db.execute("PRAGMA journal_mode = MEMORY")  # locking then works on a full disk, too
                    db.execute("BEGIN EXCLUSIVE")
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error):
                        raise
                    return False
                return True

            yield locked
    except sqlite3.DatabaseError as error:
        if "full" in str(error):
            raise WriteError(
                folder, "the disk is full", "free some space; what is indexed is kept"
            ) from error
        remedy = "make the folder writable, or delete that file while nothing is indexing"
        raise LibraryError(path, f"cannot be used as a lock ({error})", remedy) from error


class Run:
    """A run of indexing that writes down how far it is."""

    def __init__(self, folder: Path) -> None:
        self._started = time.monotonic()
        self._path = folder / STATE_NAME
        self._noted = 0.0
        self.state: dict[str, Any] = {**_FRESH, "pid": os.getpid(), "since": _now()}

    @property
    def seconds(self) -> float:
        """For how long it has been running."""
        return time.monotonic() - self._started

    def enter(self, folder: Path) -> None:
        """Note that it is in another folder."""
        self.state |= {"folder": str(folder), "began": None, "done": 0, "total": 0}
        self.note()

    def progress(self, done: int, total: int) -> None:
        """Note that so many files are done, now and then."""
        if done <= self.state["done"] or not self.state["began"]:  # the first folder, or another one
            self.state["began"] = _now()
        self.state |= {"done": done, "total": total}
        if time.monotonic() - self._noted > _SECONDS_A_NOTE:
            self.note()

    def note(self) -> None:
        """Write the state down; where that fails, nobody is told and the run goes on."""
        self._noted = time.monotonic()
        unfinished = self._path.with_suffix(".unfinished")  # of one run at a time
        with suppress(OSError):
            unfinished.write_text(json.dumps(self.state))  # not synced: after a power cut it is of no use
            os.replace(unfinished, self._path)


@contextmanager
def recorded(folder: Path) -> Iterator[Run]:
    """Write down what a run of indexing does meanwhile, and how it ended; inside :func:`sole_writer`."""
    run = Run(folder)
    run.note()
    try:
        yield run
    except SimsearchError as error:
        run.state["problem"] = str(error)
        raise
    finally:
        run.state["ended"] = _now()
        run.note()


def last(folder: Path) -> dict[str, Any] | None:
    """Return the state of the run that is under way or was the last, or None where there was none.

    Returns
    -------
    ``pid``, ``since`` and ``ended`` (ISO 8601; None while it runs), ``running``, the indexed ``folder`` that
    it is in or was last, ``done`` and ``total`` files in there and when it ``began`` with them, the
    ``report`` (a mapping; None before the end, and where it was killed), and the ``problem`` that ended it (a
    sentence, or None).
    """
    try:
        state: dict[str, Any] = json.loads((folder / STATE_NAME).read_text())
        if state.keys() != _FRESH.keys():  # of another version
            return None
    except (OSError, ValueError, AttributeError):
        return None
    return {**state, "running": state["ended"] is None and _is_locked(folder)}


def _is_locked(folder: Path) -> bool:
    """Whether a process writes to the library: a number and a time of its start may be another's by now."""
    try:
        with _lock(folder) as locked:
            return not locked()
    except SimsearchError:
        return False


def start(folder: Path, arguments: list[str]) -> None:
    """Start ``simsearch index`` with some arguments as a process of its own, which outlives this one.

    Raises
    ------
    SimsearchError
        When it ended at once; it says why.
    """
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            program.command("cli", "index", "--library", str(folder), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            env=program.environment(),
            start_new_session=True,
        )
        end = time.monotonic() + _SECONDS_TO_START
        while process.poll() is None and time.monotonic() < end:
            if (state := last(folder)) and state["pid"] == process.pid:
                break
            time.sleep(0.05)
        # It is nobody's child once we are gone; until then somebody must take note of its end.
        threading.Thread(target=process.wait, daemon=True).start()
        if process.returncode not in (None, 0, 1):
            words.seek(0)
            sentence = words.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise SimsearchError(
                sentence.removeprefix("simsearch: ") or f"it ended with exit code {process.returncode}."
            )


def stop(folder: Path) -> None:
    """Ask the process that is indexing, if any, to stop; what it has done is kept.

    Raises
    ------
    LibraryError
        When it is somebody else's.
    """
    state = last(folder)
    if state and state["running"]:
        try:
            os.kill(state["pid"], signal.SIGTERM)
        except ProcessLookupError:
            pass
        except PermissionError:
            raise LibraryError(folder, _who(state), "only who started it can stop it") from None


def _who(state: dict[str, Any] | None) -> str:
    if not state or not state["running"]:
        return "in use by another simsearch"
    far = f", {state['done']:,} of {state['total']:,} files" if state["total"] else ""
    at = datetime.fromisoformat(state["since"])
    return f"being indexed by another simsearch (process {state['pid']}, since {at:%H:%M}{far})"


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
