"""The hits that are selected, and what can be done with them together."""

from __future__ import annotations

import streamlit as st

from simsearch import Hit, Library
from simsearch.ui import selection
from simsearch.ui.words import say


def show(library: Library, selected: list[Hit]) -> None:
    """Show the bar of what is selected."""
    with st.container(key="selected", horizontal=True, gap="small"):
        st.markdown(say("{n} selected", n=len(selected)), width="content")
        st.button(say("Clear"), key="clear-selected", type="tertiary", on_click=selection.clear)
