"""The run of indexing that is under way, or was the last: one at a time, and any process can look at it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from simsearch.errors import LibraryError, SimsearchError

LOCK_NAME = "indexing.lock"
STATE_NAME = "indexing.json"
LOG_NAME = "indexing.log"
_SECONDS_A_NOTE = 0.5
_SECONDS_A_TRY = 1.0


class Running:
    """A run that writes down how far it is."""

    def __init__(self, folder: Path) -> None:
        self.started = time.monotonic()
        self._path = folder / STATE_NAME
        self._noted = 0.0
        self.state: dict[str, Any] = {
            "pid": os.getpid(),
            "born": _birth(os.getpid()),
            "since": _now(),
            "began": None,
            "done": 0,
            "total": 0,
            "ended": None,
            "report": None,
            "problem": None,
        }

    def progress(self, done: int, total: int) -> None:
        """Note that so many files are done, now and then."""
        if done < self.state["done"] or not self.state["began"]:  # the first folder, or another one
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
def sole_run(folder: Path, *, wait: bool = False) -> Iterator[Running]:
    """Keep other processes from indexing into the library in a folder meanwhile; they may go on reading.

    The lock is SQLite's on a file of its own, so it ends with the process, however that ends.

    Parameters
    ----------
    wait
        Whether to wait until no other process is indexing.

    Raises
    ------
    LibraryError
        When another process is indexing; it says which.
    """
    lock = sqlite3.connect(folder / LOCK_NAME, timeout=0, isolation_level=None)
    try:
        while not _locked(lock):
            if not wait:
                raise LibraryError(folder, _who(last(folder)), "wait for it to finish and try again")
            time.sleep(_SECONDS_A_TRY)
        run = Running(folder)
        run.note()
        try:
            yield run
        except SimsearchError as error:
            run.state["problem"] = str(error)
            raise
        finally:
            run.state["ended"] = _now()
            run.note()
    finally:
        lock.close()


def _locked(lock: sqlite3.Connection) -> bool:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True


def last(folder: Path) -> dict[str, Any] | None:
    """Return the state of the run that is under way or was the last, or None where there was none.

    Returns
    -------
    ``pid``, ``since`` and ``ended`` (ISO 8601; None while it runs), ``running``, ``done`` and ``total`` files
    in the folder it is in and when it ``began`` with them, the ``report`` (a mapping; None before the end,
    and where it was killed), and the ``problem`` that ended it (a sentence, or None).
    """
    try:
        state = json.loads((folder / STATE_NAME).read_text())
        running = state["ended"] is None and _birth(state["pid"]) == state["born"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**state, "running": running}


def start(folder: Path, arguments: list[str]) -> None:
    """Start ``simsearch index`` with some arguments as a process of its own, which outlives this one.

    Raises
    ------
    SimsearchError
        When it ended at once; it says why.
    """
    command = [sys.executable, "-P", "-m", "simsearch.cli", "index", "--library", str(folder), *arguments]
    search_path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    with open(folder / LOG_NAME, "w+b") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": search_path},
            start_new_session=True,
        )
        while process.poll() is None:
            if (state := last(folder)) and state["pid"] == process.pid:
                # It is nobody's child once we are gone; until then somebody must take note of its end.
                threading.Thread(target=process.wait, daemon=True).start()
                return
            time.sleep(0.05)
        if process.returncode not in (0, 1):
            log.seek(0)
            words = log.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise SimsearchError(words.removeprefix("simsearch: ") or f"it ended with {process.returncode}")


def stop(folder: Path) -> None:
    """Ask the process that is indexing, if any, to stop; what it has done is kept."""
    state = last(folder)
    if state and state["running"]:
        with suppress(ProcessLookupError):
            os.kill(state["pid"], signal.SIGTERM)


def _who(state: dict[str, Any] | None) -> str:
    if not state or not state["running"]:
        return "being indexed by another simsearch"
    far = f", {state['done']:,} of {state['total']:,} files" if state["total"] else ""
    at = datetime.fromisoformat(state["since"])
    return f"being indexed by another simsearch (process {state['pid']}, since {at:%H:%M}{far})"


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _birth(pid: int) -> float | None:
    """Return when a process started, which tells it from a later one of its number; None where it is over."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return float(process.create_time())
    return None
