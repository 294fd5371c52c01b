"""Whether the library can be used: loaded, and not being indexed just now."""

from __future__ import annotations

import gc

import streamlit as st

from simsearch import Library
from simsearch.ui.words import say


def load(library: Library) -> None:
    """Load the network and the index, once."""
    with st.spinner(say("Getting ready (the first time takes half a minute) ...")):
        _load(library, library.key)


@st.cache_resource(max_entries=1, show_spinner=False)
def _load(_library: Library, key: str) -> None:
    _library.load()
    # Streamlit collects garbage after each run, and all that is loaded now would be looked through each time:
    # a tenth of a second in which nothing else is done.
    gc.unfreeze()  # a library that was here before is of no use any more
    gc.collect()
    gc.freeze()


def is_busy(library: Library) -> bool:
    """Whether a run of indexing is under way."""
    run = library.run
    return bool(run and run["running"])
