"""Looking for copies in a thread of its own: the page stays alive, and all who open it share one hunt."""

from __future__ import annotations

import threading

import streamlit as st

from simsearch import CopyGroup, Library
from simsearch.ui.words import say, told
from simsearch.ui.work import Work

_PATIENCE = 1.0  # seconds; what is found as quickly needs no progress shown
_SECONDS_A_LOOK = 1.0
_STATE = "hunt"


class Hunt(Work[list[CopyGroup]]):
    """A search for copies; its key is the stamp of the library, and what stands for the decisions."""

    key: tuple[str, int]

    def __init__(self, library: Library, key: tuple[str, int]) -> None:
        super().__init__(key, lambda progress: library.groups.copies(progress=progress))

    @property
    def groups(self) -> list[CopyGroup] | None:
        """What was found, once it has ended well."""
        return self.outcome


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


@st.cache_resource(max_entries=1, show_spinner=False)
def _hunts(key: str) -> _Hunts:
    return _Hunts()


def key_of(library: Library) -> tuple[str, int]:
    """Return what stands for all that a hunt depends on: photos, and decisions."""
    return library.stamp, hash(frozenset(library.groups.verdicts().items()))


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
        hunt = st.session_state[_STATE] = _hunts(library.key).join(library)
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
    return _hunts(library.key).count


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
