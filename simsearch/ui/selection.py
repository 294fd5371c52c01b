"""The hits that a visitor has selected, for as long as a query stays."""

from __future__ import annotations

import streamlit as st

from simsearch import Hit

_STATE = "selected-hits"


def current() -> list[Hit]:
    """Return the hits that are selected, in the order in which they were."""
    return [*st.session_state.get(_STATE, {}).values()]


def turn(hit: Hit) -> None:
    """Select a hit, or no longer."""
    chosen: dict[int, Hit] = st.session_state.setdefault(_STATE, {})
    if chosen.pop(hit.id, None) is None:
        chosen[hit.id] = hit


def clear() -> None:
    """Select none."""
    st.session_state.pop(_STATE, None)
