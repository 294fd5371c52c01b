"""Looking for copies in a thread of its own: the page stays alive, and all who open it share one hunt."""

from __future__ import annotations

import threading

import streamlit as st

from simsearch import CopyGroup, Library
from simsearch.ui.words import say, told

_PATIENCE = 1.0  # seconds; what is found as quickly needs no progress shown
_SECONDS_A_LOOK = 1.0
_STATE = "hunt"


class _Stopped(Exception):
    """Asked to stop: what was found is kept by the library."""


class Hunt:
    """A search for copies that is under way, or was.

    Attributes
    ----------
    key
        The generation of the library, and what stands for the decisions, that it began with.
    groups
        What was found, once it has ended well.
    error
        Why it has not.
    stopped
        Whether it was asked to stop before it was done.
    """

    def __init__(self, library: Library, key: tuple[int, int]) -> None:
        self.key = key
        self.groups: list[CopyGroup] | None = None
        self.error: Exception | None = None
        self.stopped = False
        self._progress = "getting ready", 0, 0
        self._asked_to_stop = False
        self._thread = threading.Thread(target=self._run, args=(library,), daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        return self._thread.is_alive()

    @property
    def progress(self) -> tuple[str, int, int]:
        """What is done just now, and of how many photos it is done and to do."""
        return self._progress

    def stop(self) -> None:
        """Stop it soon."""
        self._asked_to_stop = True

    def wait(self, seconds: float) -> None:
        """Wait for its end, but no longer."""
        self._thread.join(seconds)

    def _run(self, library: Library) -> None:
        try:
            self.groups = library.groups.copies(progress=self._tell)
        except _Stopped:
            self.stopped = True
        except Exception as error:  # told by whoever waits for it
            self.error = error

    def _tell(self, *progress: object) -> None:
        self._progress = progress  # type: ignore[assignment]
        if self._asked_to_stop:
            raise _Stopped


class _Hunts:
    """The last hunt of a library, of which there is one at a time, and how many have been."""

    def __init__(self) -> None:
        self.begun = 0
        self._last: Hunt | None = None
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """Rises when a hunt begins, and again when it ends."""
        return 2 * self.begun - bool(self._last and self._last.running)

    def join(self, library: Library) -> Hunt:
        """Return the hunt under way, or what the last one found if nothing has changed, or begin one."""
        key = key_of(library)
        with self._lock:
            last = self._last
            if last is None or not (last.running or (last.groups is not None and last.key == key)):
                self._last = last = Hunt(library, key)
                self.begun += 1
            return last


@st.cache_resource(show_spinner=False)
def _hunts(folder: str) -> _Hunts:
    return _Hunts()


def key_of(library: Library) -> tuple[int, int]:
    """Return what stands for all that a hunt depends on: photos, and decisions."""
    return library.generation, hash(frozenset(library.groups.verdicts().items()))


def found(library: Library) -> Hunt | None:
    """Return the hunt of this session once it has ended well; until then, show how far it is.

    It stays the same until :func:`forget`, so that nothing moves under the hands of who decides.

    Raises
    ------
    SimsearchError
        When it failed.
    """
    hunt: Hunt | None = st.session_state.get(_STATE)
    if hunt is None:
        hunt = st.session_state[_STATE] = _hunts(str(library.path)).join(library)
    hunt.wait(_PATIENCE)
    if hunt.running:
        st.fragment(_show_progress, run_every=_SECONDS_A_LOOK)(hunt)
        return None
    if hunt.stopped:
        st.info(say("Stopped before all photos were compared. What was found is kept."))
        st.button(say("Go on"), icon=":material/play_arrow:", on_click=forget)
        return None
    if hunt.error:
        forget()
        raise hunt.error
    return hunt


def count(library: Library) -> int:
    """Return a number that rises when a hunt begins, and again when it ends."""
    return _hunts(str(library.path)).count


def forget() -> None:
    """Look again when the page is shown next."""
    st.session_state.pop(_STATE, None)


def _show_progress(hunt: Hunt) -> None:
    if not hunt.running:
        st.rerun()
    doing, done, total = hunt.progress
    doing = told(doing)
    doing = f"{doing[0].upper()}{doing[1:]}"
    shown = say("{doing}: {done} of {total} photos ...", doing=doing, done=done, total=total)
    st.progress(done / total if total else 0.0, shown if total else f"{doing} ...")
    st.caption(
        say("The first time takes some minutes where photos are many. It goes on when the page is left.")
    )
    st.button(
        say("Stop"),
        icon=":material/stop_circle:",
        on_click=hunt.stop,
        help=say("What is found is kept, and the next time goes on."),
    )
