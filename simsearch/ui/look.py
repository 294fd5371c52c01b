"""The look that all pages share."""

from __future__ import annotations

import streamlit as st

from simsearch.ui import assets
from simsearch.ui.words import is_german, noted, say

# What Streamlit says itself, in English to all: for those who read or hear German, the browser puts it right.
_ENGLISH = (
    noted("Skip to main content"),
    noted("App pages"),
    noted("Sidebar"),
    noted("Expand sidebar"),
    noted("Collapse sidebar"),
    noted("Press Enter to apply"),
    noted("Press Enter to submit form"),
    noted("Choose an option"),
    noted("Choose options"),
    noted("Select all"),
    noted("No results"),
    noted("No options to select"),
    noted("{name} options available."),
    noted("Open"),
    noted("Close"),
    noted("Dismiss"),
    noted("Clear value"),
    noted("Clear entry"),
    noted("Clear all"),
    noted("Clear date"),
    noted("Choose date"),
    noted("Choose date, {name}"),
    noted("Previous month"),
    noted("Next month"),
    noted("Fullscreen"),
    noted("Fullscreen: {name}"),
    noted("Close fullscreen"),
    noted("Show data"),
    noted("Show chart"),
    noted("Download as CSV"),
    noted("Download as PNG"),
    noted("Copy Vega-Lite spec"),
    noted("Copy to clipboard"),
    noted("Search"),
    noted("Help for {name}"),
    noted("Shortcut {name}"),
    noted("Switch camera"),
    noted("Clear photo"),
)

# Streamlit's fields for files speak English only.
# What is chosen is told by its frame and its weight: in its own colour it would be hard to read in the dark.
_STYLE = """
<style>
  .stMainBlockContainer { padding: 4.5rem clamp(1rem, 3vw, 3rem) 5rem; }
  [data-testid="stButtonGroup"] button[data-selected="true"],
  [data-testid="stButtonGroup"] button[data-selected="true"] p {
      color: inherit !important; font-weight: 600;
  }
  .st-key-unframed { position: absolute; width: 0; }
  [data-testid="stProgressBarTrack"] > div { background-color: #c4374a; }
  [class*="st-key-pages-"] {
      position: sticky; top: 3.5rem; z-index: 2; padding: .4rem .6rem; border-radius: .5rem;
      background: rgba(128, 128, 128, .14); backdrop-filter: blur(12px);
  }
  [data-testid="stFileUploaderDropzone"] button p { font-size: 0; }
  [data-testid="stFileUploaderDropzone"] button p::after { content: "PICK"; font-size: 1rem; }
  [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
  .gone { display: grid; place-items: center; font-size: .75rem; overflow-wrap: anywhere; padding: .5rem; }
  div > dl.figures { display: grid; grid-template-columns: 1fr auto; gap: .1rem .75rem; font-size: .9rem;
      margin: 0; padding: 0; }
  .figures dt { font-weight: 400; margin: 0; padding: 0; }
  .figures dd { margin: 0; padding: 0; font-weight: 600; text-align: right;
      font-variant-numeric: tabular-nums; }
</style>
"""


def show() -> None:
    """Show nothing, but give all that is shown its look; and see that no other page frames it."""
    st.html(_STYLE.replace("PICK", say("Choose a file")))
    # Streamlit sends no header that says so.
    component = st.components.v2.component("simsearch_unframed", html="<i></i>", js=assets.text("frame.js"))
    with st.container(key="unframed"):
        component(key="unframed-script")
        if is_german():
            _speak()


def _speak() -> None:
    component = st.components.v2.component(
        "simsearch_speaking", html="<i></i>", js=assets.text("speaking.js")
    )
    component(key="speaking", data={english: say(english) for english in _ENGLISH})
