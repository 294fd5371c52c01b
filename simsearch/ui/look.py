"""The look that all pages share."""

from __future__ import annotations

import streamlit as st

from simsearch.ui import assets
from simsearch.ui.words import say

# Streamlit's fields for files speak English only.
# What is chosen is told by its frame and its weight: in its own colour it would be hard to read in the dark.
_STYLE = """
<style>
  .stMainBlockContainer { padding: 4.5rem clamp(1rem, 3vw, 3rem) 5rem; }
  [data-testid="stButtonGroup"] button[data-selected="true"],
  [data-testid="stButtonGroup"] button[data-selected="true"] p {
      color: inherit !important; font-weight: 600;
  }
  .st-key-unframed { position: absolute; }
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
