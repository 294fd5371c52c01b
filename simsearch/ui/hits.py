"""The hits: photos with what they mean, as far as they mean something, and what can be done with each."""

from __future__ import annotations

from functools import partial

import streamlit as st

from simsearch import Hit, Library
from simsearch.ui import address, grid, opened, selection, taking, taste
from simsearch.ui.asked import Asked
from simsearch.ui.words import say

_ALL, _OPENED = "unrelated-too", "opened-hit"
_NEAREST = 4  # a row on a wide window, two on a phone

STYLE = """
<style>
  .facts { font-size: .85rem; line-height: 1.4; overflow-wrap: anywhere; }
  .st-key-rest { align-items: center; }
</style>
"""


def forget() -> None:
    """Forget what was opened, selected and shown of the last query."""
    selection.clear()
    for name in (_ALL, _OPENED):
        st.session_state.pop(name, None)


def show(library: Library, asked: Asked, shown: int) -> None:
    """Show the hits that mean something, and the others on request; so many of them at once.

    Where none means anything, the nearest few are shown all the same, as what they are.
    """
    count = meaningful(asked.hits)
    nearest = asked.hits[: 0 if count else _NEAREST]
    related, unrelated = asked.hits[:count], asked.hits[count + len(nearest) :]
    first, others = related[:shown], unrelated[:shown] if st.session_state.get(_ALL) else []
    _show_grid(library, first, "hits-related")
    _offer_more("related", shown, len(related) - len(first), may_be_more=asked.may_be_more and not unrelated)
    if nearest:
        st.subheader(say("Nothing in your collection is similar"), anchor=False)
        st.caption(say("The nearest, though probably unrelated"))
        _show_grid(library, nearest, "hits-nearest")
    if unrelated:
        _offer_unrelated(len(unrelated))
    _show_grid(library, others, "hits-unrelated", faint=True)
    if others and len(related) <= shown:
        _offer_more("unrelated", shown, len(unrelated) - len(others), may_be_more=asked.may_be_more)
    visible = [*first, *nearest, *others]
    if selected := selection.current():
        taking.show(library, selected, selection.clear, shown={hit.id for hit in visible})
    place = _place(visible, st.session_state.pop(_OPENED, None))
    if place is not None:
        opened.show(library, visible, place, asked)


def meaningful(hits: list[Hit]) -> int:
    """Return how many hits, from the first, are related to the query, or may be."""
    return max((place for place, hit in enumerate(hits, 1) if hit.related), default=0)


def _show_grid(library: Library, hits: list[Hit], key: str, *, faint: bool = False) -> None:
    liked, disliked = taste.current()
    like, dislike = (partial(taste.note, liked=liked) for liked in (True, False))
    deeds = {
        "open": grid.Deed(_open, say("Open it")),
        "select": grid.Deed(selection.turn, say("Select it")),
        "like": grid.Deed(like, say("Rank photos like this one higher")),
        "dislike": grid.Deed(dislike, say("Rank photos like this one lower")),
        "more": grid.Deed(search_like, say("More like this")),
    }
    grid.show(
        library,
        hits,
        key,
        deeds,
        liked=[hit.id for hit in liked],
        disliked=[hit.id for hit in disliked],
        selected=[hit.id for hit in selection.current()],
        faint=faint,
    )


def search_like(hit: Hit) -> None:
    """Make a photo the next query, on the page Search."""
    address.ask(address.Question(photo=hit.id))


def _open(hit: Hit) -> None:
    st.session_state[_OPENED] = hit.id


def _place(hits: list[Hit], photo_id: int | None) -> int | None:
    return next((place for place, hit in enumerate(hits) if hit.id == photo_id), None)


def _offer_more(which: str, shown: int, left: int, *, may_be_more: bool) -> None:
    more = min(left, address.K) or (address.K if may_be_more else 0)
    if more and shown < address.MOST:
        st.button(
            say("Show {n} more", n=more),
            key=f"more-{which}",
            on_click=address.show,
            args=(min(shown + address.K, address.MOST),),
        )


def _offer_unrelated(count: int) -> None:
    with st.container(key="rest", horizontal=True, gap="small"):
        st.caption(say("{n} more, probably unrelated", n=count), width="content")
        shown = bool(st.session_state.get(_ALL))
        label = say("Hide them") if shown else say("Show them")
        st.button(label, key="show-rest", type="tertiary", on_click=_turn, args=(not shown,))


def _turn(shown: bool) -> None:
    st.session_state[_ALL] = shown
