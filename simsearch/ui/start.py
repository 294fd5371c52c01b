"""Before anything is asked: how much is here, and some of it to start from."""

from __future__ import annotations

import streamlit as st

from simsearch import Hit, Library
from simsearch.ui import grid, hits
from simsearch.ui.words import say, say_count

_MOST = 18
_DRAWN, _TURN, _NAME = "sample", "sample-turn", "named"


def show(library: Library) -> None:
    """Show the page without a query."""
    st.subheader(
        say_count(len(library), "{n} photo is ready", "{n} photos are ready"),
        anchor=False,
    )
    st.caption(say("The most similar ones appear here. Nothing leaves this machine; photos are only read."))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            say("Or start from one of yours"), key=_NAME, placeholder=say("words of its name or folder")
        )
        st.button(say("Others"), icon=":material/casino:", on_click=_draw_again, disabled=bool(text.strip()))
    found = library.named(text, _MOST) if text.strip() else _drawn(library)
    if not found:
        st.info(say("No photo has these words in its name or folder."))
    more = grid.Deed(hits.search_like, say("More like this"))
    grid.show(library, found, "hits-start", {"open": more, "more": more}, scored=False)


def _drawn(library: Library) -> list[Hit]:
    """Return photos drawn at random, which stay until others are asked for."""
    if _DRAWN not in st.session_state:
        st.session_state[_DRAWN] = library.sample(_MOST)
    drawn: list[Hit] = st.session_state[_DRAWN]
    return drawn


def _draw_again() -> None:
    st.session_state.pop(_DRAWN, None)
