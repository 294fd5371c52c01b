"""Whether the library is well: one click looks, a second one mends, and another leads to the exam."""

from __future__ import annotations

from typing import Any

import streamlit as st

from simsearch import Library
from simsearch.ui import exam, places
from simsearch.ui.ready import is_busy
from simsearch.ui.words import plain, say, say_count, show_failure, time_of, told
from simsearch.ui.work import Progress, Work, desk

_SECONDS_A_LOOK = 0.5


def show(library: Library) -> None:
    """Show the ways to look after the library, and what came of the last look."""
    st.subheader(say("Is all well?"), anchor=False)
    place = desk(library.key, "health")
    work = place.last
    if work and work.running:
        st.fragment(_show_progress, run_every=_SECONDS_A_LOOK)(work)
        return
    if work:
        _show_outcome(library, work)
        if work.ended:
            st.caption(say("Looked at {when}.", when=time_of(work.ended)))
    with st.container(horizontal=True):
        if st.button(
            say("Check its health"),
            icon=":material/health_and_safety:",
            help=say("Reads database, thumbnails, network and index through; nothing is changed."),
        ):
            _begin(library, repair=False)
        if st.button(
            say("Examine how well photos are found"),
            icon=":material/fact_check:",
            disabled=not len(library),
        ):
            exam.begin(library)
            places.go_to_exam()


def _begin(library: Library, *, repair: bool) -> None:
    def check(progress: Progress) -> Any:
        return library.check(repair=repair, progress=lambda done, total: progress("checking", done, total))

    desk(library.key, "health").begin(repair, check)
    st.rerun()


def _show_progress(work: Work[Any]) -> None:
    if not work.running:
        st.rerun()
    _, done, total = work.progress
    words = (
        say("{done} of {total} photos looked at ...", done=done, total=total) if total else say("Looking ...")
    )
    st.progress(done / total if total else 0.0, words)
    if not work.key:  # mending is not left half done
        st.button(say("Stop"), icon=":material/stop_circle:", on_click=work.stop)


def _show_outcome(library: Library, work: Work[Any]) -> None:
    if work.error:
        show_failure(work.error)
    elif work.stopped:
        st.info(say("Stopped before all was looked at."))
    elif not work.outcome:
        st.success(say("All is well."), icon=":material/check_circle:")
    else:
        for finding in work.outcome:
            text = f"{plain(told(finding.problem))} – {plain(told(finding.remedy))}"
            if finding.mended:
                st.success(text, icon=":material/build_circle:")
            else:
                st.warning(text, icon=":material/warning:")
        if not work.key:
            _offer_repair(library, sum(not finding.mended for finding in work.outcome))


def _offer_repair(library: Library, count: int) -> None:
    with st.popover(
        say_count(count, "Repair it", "Repair all {n}"), icon=":material/build:", disabled=is_busy(library)
    ):
        st.write(
            say(
                "What is damaged is made anew from the photos, and files of the index from the database. "
                "No photo is changed."
            )
        )
        if st.button(say("Repair now"), type="primary"):
            _begin(library, repair=True)
