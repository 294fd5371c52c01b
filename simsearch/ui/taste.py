"""Likes and dislikes: hits that the others shall be more like, or less, for as long as a query stays."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from simsearch import Hit, Library
from simsearch.ui.words import plain

_STATE = "taste"
_SIDE = 64  # pixels

# What the icon says is written out for those who cannot see it. The cross lies on the corner of its photo.
STYLE = """
<style>
  [class*="st-key-like-"] [data-testid="stMarkdownContainer"],
  [class*="st-key-dislike-"] [data-testid="stMarkdownContainer"],
  [class*="st-key-back-"] [data-testid="stMarkdownContainer"] {
      position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
  .st-key-taste { align-items: center; }
  .st-key-taste p { font-size: .85rem; opacity: .8; }
  [class*="st-key-tasted-"] { position: relative; }
  [class*="st-key-tasted-"] img {
      width: 4rem; height: 4rem; object-fit: cover; border-radius: .5rem;
  }
  [class*="st-key-tasted-"] [data-testid="stElementToolbar"] { display: none; }
  [class*="st-key-back-"] { position: absolute; top: -.4rem; right: -.4rem; width: auto; }
  [class*="st-key-back-"] button {
      min-height: 0; width: 1.5rem; height: 1.5rem; padding: 0; border-radius: 50%;
  }
  [class*="st-key-back-"] [data-testid="stIconMaterial"] { font-size: 1rem; }
</style>
"""


class Taste(NamedTuple):
    """The hits that are liked and those that are not, in the order in which that was said."""

    liked: tuple[Hit, ...] = ()
    disliked: tuple[Hit, ...] = ()


def current() -> Taste:
    """Return what is liked and what is not."""
    taste: Taste = st.session_state.get(_STATE, Taste())
    return taste


def forget() -> None:
    """Forget all likes and dislikes."""
    st.session_state.pop(_STATE, None)


def ask(hit: Hit) -> None:
    """Show the two thumbs of a hit."""
    name = plain(hit.path.name)
    st.button(
        f"Like {name}",
        key=f"like-{hit.id}",
        type="tertiary",
        icon=":material/thumb_up:",
        help="Rank photos like this one higher",
        on_click=_note,
        args=(hit, True),
    )
    st.button(
        f"Dislike {name}",
        key=f"dislike-{hit.id}",
        type="tertiary",
        icon=":material/thumb_down:",
        help="Rank photos like this one lower",
        on_click=_note,
        args=(hit, False),
    )


def show(library: Library) -> None:
    """Show what is liked and what is not, where something is, each with a way to take it back."""
    taste = current()
    if not any(taste):
        return
    with st.container(key="taste", horizontal=True, gap="small"):
        for words, hits in zip(("More like", "Less like"), taste, strict=True):
            if hits:
                st.markdown(words, width="content")
            for hit in hits:
                with st.container(key=f"tasted-{hit.id}", width=_SIDE):
                    _show_one(library, hit)


def _show_one(library: Library, hit: Hit) -> None:
    thumbnail = library.thumbnail(hit)
    if thumbnail:
        st.image(thumbnail, width="stretch")
    else:
        st.caption(plain(hit.path.name))
    st.button(
        f"Take back {plain(hit.path.name)}",
        key=f"back-{hit.id}",
        icon=":material/close:",
        help=f"Take back: {plain(hit.path.name)}",
        on_click=_take_back,
        args=(hit,),
    )


def _note(hit: Hit, liked: bool) -> None:
    _take_back(hit)
    taste = current()
    if liked:
        taste = taste._replace(liked=(*taste.liked, hit))
    else:
        taste = taste._replace(disliked=(*taste.disliked, hit))
    st.session_state[_STATE] = taste


def _take_back(hit: Hit) -> None:
    liked, disliked = (tuple(other for other in hits if other.id != hit.id) for hits in current())
    st.session_state[_STATE] = Taste(liked, disliked)
