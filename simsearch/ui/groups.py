"""Groups: photos that belong together, as copies, bursts of one scene, or clusters that look alike."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from simsearch import Library, SimsearchError
from simsearch.ui import bursts, clusters, copies
from simsearch.ui.words import noted, say, show_error

_VIEWS: dict[str, Callable[[Library], None]] = {
    noted("Copies"): copies.show,
    noted("Bursts"): bursts.show,
    noted("Clusters"): clusters.show,
}


def show(library: Library) -> None:
    """Show the page."""
    st.subheader(say("Photos that belong together"), anchor=False)
    names = list(_VIEWS)
    view = st.segmented_control(
        say("Groups of"),
        names,
        default=names[0],
        format_func=say,
        key="view",
        label_visibility="collapsed",
    )
    try:
        _VIEWS[view or names[0]](library)
    except SimsearchError as error:
        show_error(error)
