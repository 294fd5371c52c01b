"""The way from one page to another."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from simsearch import Hit

ALBUM = "open-album"  # where the name of the album is kept that is open
_PAGES = "pages"
_HERE, _CAME = "here", "came"


def remember(**pages: StreamlitPage) -> None:
    """Remember pages by name, for this session."""
    st.session_state[_PAGES] = pages


def arrive(page: str) -> None:
    """Note which page is shown."""
    st.session_state[_CAME] = st.session_state.get(_HERE) not in (None, page)
    st.session_state[_HERE] = page


def came() -> bool:
    """Whether another page was shown just before."""
    return bool(st.session_state.get(_CAME))


def go_to_search() -> None:
    """Show the page Search."""
    st.switch_page(st.session_state[_PAGES]["search"])


def search_like(photo: Hit) -> None:
    """Show the page Search with photos like one of the library."""
    address = {"like": str(photo.id)}
    st.switch_page(st.session_state[_PAGES]["search"], query_params=address)


def go_to_exam() -> None:
    """Show the page Exam."""
    st.switch_page(st.session_state[_PAGES]["exam"])


def go_to_album(name: str) -> None:
    """Show an album on the page Albums."""
    st.session_state[ALBUM] = name
    st.switch_page(st.session_state[_PAGES]["albums"])
