"""Long lists, some at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from simsearch.ui.words import say

AT_ONCE = 20
_MORE = 48  # whenever more of a beginning are asked for
_Row = TypeVar("_Row")


def page(name: str, rows: Sequence[_Row], at_once: int = AT_ONCE) -> Sequence[_Row]:
    """Return what of a list is to be shown, and show where that is, with ways to go on and back."""
    if len(rows) <= at_once:
        return rows
    last = (len(rows) - 1) // at_once
    number = min(st.session_state.get(name, 0), last)
    first = number * at_once
    with st.container(key=f"pages-{name}", horizontal=True, vertical_alignment="center", gap="small"):
        _turn(name, number - 1, "Previous", say("Previous"), ":material/chevron_left:", disabled=number == 0)
        ends = {"first": first + 1, "last": min(first + at_once, len(rows)), "n": len(rows)}
        st.markdown(say("{first} to {last} of {n}", **ends), width="content")
        _turn(name, number + 1, "Next", say("Next"), ":material/chevron_right:", disabled=number == last)
    return rows[first : first + at_once]


def beginning(name: str, rows: Sequence[_Row], at_first: int) -> Sequence[_Row]:
    """Return the first of many, and those that were asked for since by :func:`offer_rest`."""
    return rows[: at_first + st.session_state.get(name, 0)]


def offer_rest(name: str, left: int) -> None:
    """Say how many are left after a beginning, and offer some of them."""
    if not left:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(say("and {n} more", n=left), width="content")
        st.button(
            say("Show {n}", n=min(left, _MORE)),
            key=f"show-{name}",
            type="tertiary",
            on_click=_go,
            args=(name, st.session_state.get(name, 0) + _MORE),
        )


def first(name: str) -> None:
    """Go back to the beginning, as of another list."""
    st.session_state.pop(name, None)


def _turn(name: str, number: int, way: str, label: str, icon: str, *, disabled: bool) -> None:
    st.button(label, key=f"{name}-{way}", icon=icon, disabled=disabled, on_click=_go, args=(name, number))


def _go(name: str, number: int) -> None:
    st.session_state[name] = number
