"""The queries of this visit, small and in a row: each a way back to it."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from simsearch import Library, Query
from simsearch.ui import address, thumbs
from simsearch.ui.address import Question
from simsearch.ui.words import plain, say

_STATE = "trail"
_MOST = 12
_SIDE = 96  # pixels

STYLE = """
<style>
  .st-key-trail { gap: .4rem; flex-wrap: wrap; }
  [class*="st-key-step-"] { width: auto; }
  [class*="st-key-step-"] button {
      width: 3rem; height: 3rem; min-height: 0; padding: 0; border-radius: .5rem; background-size: cover;
      background-position: center; border: 1px solid rgba(128, 128, 128, .3);
  }
  [class*="st-key-step-"] button:hover { filter: brightness(1.08); }
  [class*="st-key-step-"] button:disabled { outline: 2px solid #c4374a; outline-offset: 1px; opacity: 1; }
  [class*="st-key-step-"] button [data-testid="stMarkdownContainer"] {
      position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
</style>
"""


class _Step(NamedTuple):
    question: Question
    name: str
    small: str  # an address that holds it


def note(library: Library, question: Question, query: Query, name: str) -> None:
    """Remember a query that was answered."""
    steps: list[_Step] = st.session_state.setdefault(_STATE, [])
    if all(step.question != question for step in steps):
        small = thumbs.address(library.preview(query, _SIDE))
        steps.append(_Step(question, name, small))
        del steps[:-_MOST]


def show(current: Question | None) -> None:
    """Show the queries of this visit, once there are two."""
    steps: list[_Step] = st.session_state.get(_STATE, [])
    if not steps or [step.question for step in steps] == [current]:
        return
    st.caption(say("Asked before"))
    pictures = "".join(
        f".st-key-step-{number} button {{ background-image: url({step.small}); }}"
        for number, step in enumerate(steps)
    )
    st.html(f"<style>{pictures}</style>")
    with st.container(key="trail", horizontal=True):
        for number, step in enumerate(steps):
            # German declines it.
            named = say("Back to {name}", name=plain(step.name))
            st.button(
                named if step.question.picture is None else say("Back to the dropped picture"),
                key=f"step-{number}",
                disabled=step.question == current,
                on_click=address.ask,
                args=(step.question,),
            )
