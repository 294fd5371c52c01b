"""Work in a thread of its own: the page stays alive, and it goes on when the page is left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, Generic, TypeVar

import streamlit as st

Progress = Callable[[str, int, int], None]
_Outcome = TypeVar("_Outcome")


class _Stopped(Exception):
    """Asked to stop."""


class Work(Generic[_Outcome]):
    """Something that takes long, and is under way or was.

    Parameters
    ----------
    key
        What it was begun with, such as the stamp of the library or what was wished for.
    do
        Does it, and calls what it is given with what is being done, and how much of that is done and to do.

    Attributes
    ----------
    outcome
        What came of it, once it has ended well.
    error
        Why it has not.
    stopped
        Whether it was asked to stop before it was done.
    ended
        When it ended.
    """

    def __init__(self, key: Hashable, do: Callable[[Progress], _Outcome]) -> None:
        self.key = key
        self.outcome: _Outcome | None = None
        self.error: Exception | None = None
        self.stopped = False
        self.ended: datetime | None = None
        self._progress = "getting ready", 0, 0
        self._asked_to_stop = False
        self._thread = threading.Thread(target=self._run, args=(do,), daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        return self._thread.is_alive()

    @property
    def progress(self) -> tuple[str, int, int]:
        """What is done just now, and how much of it is done and to do."""
        return self._progress

    def stop(self) -> None:
        """Stop it soon."""
        self._asked_to_stop = True

    def wait(self, seconds: float) -> None:
        """Wait for its end, but no longer."""
        self._thread.join(seconds)

    def _run(self, do: Callable[[Progress], _Outcome]) -> None:
        try:
            self.outcome = do(self._tell)
        except _Stopped:
            self.stopped = True
        except Exception as error:  # told by whoever waits for it
            self.error = error
        self.ended = datetime.now().astimezone()

    def _tell(self, doing: str, done: int, total: int) -> None:
        self._progress = doing, done, total
        if self._asked_to_stop:
            raise _Stopped


class Desk:
    """Where work of one sort lies, of which there is one piece at a time; the last stays until the next."""

    def __init__(self) -> None:
        self.last: Work[Any] | None = None
        self._lock = threading.Lock()

    def begin(self, key: Hashable, do: Callable[[Progress], object]) -> None:
        """Begin work where none is under way."""
        with self._lock:
            if not (self.last and self.last.running):
                self.last = Work(key, do)


@st.cache_resource(max_entries=3, show_spinner=False)  # one of each sort
def desk(key: str, sort: str) -> Desk:
    """Return the desk for a sort of work on a library, by its key."""
    return Desk()
