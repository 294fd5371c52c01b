"""Work in a thread of its own: the page stays alive, and it goes on when the page is left."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, Generic, TypeVar

import streamlit as st

_MOST = 6  # desks: an exam, a check and a lesson, of this library and of the one before it
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

    @property
    def busy(self) -> bool:
        """Whether work is under way."""
        return bool(self.last and self.last.running)

    def begin(self, key: Hashable, do: Callable[[Progress], object]) -> None:
        """Begin work where none is under way."""
        with self._lock:
            if not self.busy:
                self.last = Work(key, do)


class Desks:
    """The desks of a server, by the library's key and the sort of work; may be used from several threads.

    Of libraries that were replaced the outcomes make room for others, but no desk goes with work under way:
    what is begun beside it would be a second piece.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._desks: OrderedDict[tuple[str, str], Desk] = OrderedDict()
        self._lock = threading.Lock()

    def desk(self, key: str, sort: str) -> Desk:
        """Return the desk for a sort of work on a library, by its key."""
        name = key, sort
        with self._lock:
            wanted = self._desks.setdefault(name, Desk())
            self._desks.move_to_end(name)
            idle = [other for other, desk in self._desks.items() if other != name and not desk.busy]
            for other in idle[: max(len(self._desks) - self._most, 0)]:  # those not used for longest
                del self._desks[other]
            return wanted


@st.cache_resource(show_spinner=False)
def _desks() -> Desks:
    return Desks()


def desk(key: str, sort: str) -> Desk:
    """Return this server's desk for a sort of work on a library, by its key."""
    return _desks().desk(key, sort)
