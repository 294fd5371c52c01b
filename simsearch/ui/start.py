"""Before anything is asked: how much is here, and some of it to start from."""

from __future__ import annotations

import streamlit as st

from simsearch import Hit, Library
from simsearch.ui import grid, hits
from simsearch.ui.ready import is_busy
from simsearch.ui.words import say, say_count

_MOST = 18
_SECONDS_A_LOOK = 1.0
_DRAWN, _TURN, _NAME = "sample", "sample-turn", "named"


def show(library: Library) -> None:
    """Show the page without a query."""
    drawn = _drawn(library)
    # While photos come, the number goes on by itself, and what is drawn follows until it is complete.
    live = st.fragment(_show_count, run_every=_SECONDS_A_LOOK if is_busy(library) else None)
    live(library, len(library), len(drawn) < _MOST)
    st.caption(say("The most similar ones appear here. Nothing leaves this machine; photos are only read."))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            say("Or start from one of yours"), key=_NAME, placeholder=say("words of its name or folder")
        )
        st.button(say("Others"), icon=":material/casino:", on_click=_draw_again, disabled=bool(text.strip()))
    found = library.named(text, _MOST) if text.strip() else drawn
    if not found:
        st.info(say("No photo has these words in its name or folder."))
    more = grid.Deed(hits.search_like, say("More like this"))
    grid.show(library, found, "hits-start", {"open": more, "more": more}, scored=False)


def _show_count(library: Library, before: int, wanting: bool) -> None:
    count = len(library)
    if wanting and count != before:
        st.rerun()  # there are more to be drawn
    st.subheader(say_count(count, "{n} photo is ready", "{n} photos are ready"), anchor=False)


def _drawn(library: Library) -> list[Hit]:
    """Return photos drawn at random, which stay until others are asked for; the first few get company."""
    drawn: list[Hit] = st.session_state.setdefault(_DRAWN, [])
    if len(drawn) < min(_MOST, len(library)):
        known = {photo.id for photo in drawn}
        others = [photo for photo in library.sample(_MOST) if photo.id not in known]
        drawn.extend(others[: _MOST - len(drawn)])
    return drawn


def _draw_again() -> None:
    st.session_state.pop(_DRAWN, None)
