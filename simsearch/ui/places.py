"""The way from one page to another."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

ALBUM = "open-album"  # where the name of the album is kept that is open
_PAGES = "pages"


def remember(**pages: StreamlitPage) -> None:
    """Remember pages by name, for this session."""
    st.session_state[_PAGES] = pages


def go_to_search() -> None:
    """Show the page Search."""
    st.switch_page(st.session_state[_PAGES]["search"])


def go_to_album(name: str) -> None:
    """Show an album on the page Albums."""
    st.session_state[ALBUM] = name
    st.switch_page(st.session_state[_PAGES]["albums"])
