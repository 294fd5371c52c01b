"""A hit that was opened: why it is one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from simsearch import Hit, Library, SimsearchError
from simsearch.ui.asked import Asked
from simsearch.ui.words import plain, say, show_error


def show(library: Library, hits: Sequence[Hit], place: int, asked: Asked) -> None:
    """Show one of the hits in a dialog.

    Parameters
    ----------
    hits
        All that are shown.
    place
        Which of them it is, from 0.
    """
    st.dialog(say("Why this one?"), width="medium")(_show_why)(library, hits[place], asked)


def _show_why(library: Library, hit: Hit, asked: Asked) -> None:
    try:
        why = library.why(asked.query, hit, crop=asked.crop)
    except SimsearchError as error:
        show_error(error)
        return
    with st.container(key="why"):
        query, found = st.columns(2)
        query.image(why.query, caption=say("What you asked with"))
        found.image(why.hit, caption=plain(hit.path.name))
    if why.note:
        st.info(why.note, icon=":material/frame_inspect:")
    st.caption(
        say(
            "The brighter, the more like the other picture it is to the network; grey is no more than chance."
        )
    )
