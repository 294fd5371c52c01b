"""A button that copies a text to the visitor's clipboard."""

from __future__ import annotations

import streamlit as st

from simsearch.ui import assets
from simsearch.ui.words import say

_HTML = """
<button type="button">
  <svg class="sheets" viewBox="0 0 20 20" aria-hidden="true">
    <rect x="7" y="6" width="9" height="11" rx="1.5"/><path d="M13 3.5H5.5A1.5 1.5 0 0 0 4 5v9"/></svg>
  <svg class="check" viewBox="0 0 20 20" aria-hidden="true"><path d="m4 10.5 4 4 8-9"/></svg>
  <span class="label"></span>
</button>
<div class="live" aria-live="polite"></div>
"""


def offer(text: str, label: str, key: str) -> None:
    """Show a button that copies a text, which is never read as anything else.

    Parameters
    ----------
    label
        What the button says.
    """
    css, js = assets.text("clipboard.css"), assets.text("clipboard.js")
    component = st.components.v2.component("simsearch_clipboard", html=_HTML, css=css, js=js)
    said = {"label": label, "copied": say("Copied"), "failed": say("Could not be copied")}
    component(key=key, data={"text": text, **said}, width="content")
