"""Text that comes from outside, such as names of files and errors, made safe to show."""

from __future__ import annotations

import streamlit as st

from simsearch import SimsearchError


def plain(text: str) -> str:
    """Make text safe where Streamlit reads Markdown."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()<>#+-.!|~$:&" else char for char in text)


def show_error(error: SimsearchError) -> None:
    """Show an error as one sentence."""
    st.error(plain(str(error)), icon=":material/broken_image:")
