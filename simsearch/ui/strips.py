"""Strips of photos that belong together, each a way to others like it."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import streamlit as st

from simsearch import Hit, Library
from simsearch.ui import places, thumbs
from simsearch.ui.words import plain, say

_WIDTH = 130  # pixels of a photo

# A strip goes on to the side, so that it is in one order on a phone, too.
STYLE = """
<style>
  [class*="st-key-strip-"] {
      flex-wrap: nowrap; overflow-x: auto; padding-bottom: .5rem; scrollbar-width: thin;
  }
  [class*="st-key-strip-"] > div { flex: none; }
  [class*="st-key-frame-"] { gap: .2rem; }
  [class*="st-key-frame-"] button { min-height: 1.75rem; padding: 0; }
  [class*="st-key-frame-"] button p { font-size: .8rem; }
  .frame { margin: 0; font-size: .75rem; line-height: 1.35; }
  .frame img, .frame .gone { width: 100%; height: 7rem; object-fit: contain; border-radius: .35rem;
      background: rgba(128, 128, 128, .1); box-sizing: border-box; margin-bottom: .2rem; }
  .frame.marked img { outline: 2px solid rgba(34, 139, 84, .8); outline-offset: -2px; }
  .frame .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .frame .chip { font-weight: 500; padding: .05rem .5rem; border-radius: 1rem;
      background: rgba(34, 139, 84, .28); }
  .strip-head { line-height: 1.4; }
  .strip-head span { opacity: .75; font-size: .85rem; }
</style>
"""


def head(title: str, more: str) -> None:
    """Show what is above a strip, both as text."""
    st.html(f'<div class="strip-head"><b>{html.escape(title)}</b> <span>{html.escape(more)}</span></div>')


def show(
    library: Library,
    stamp: str,
    name: str,
    photos: Sequence[Hit],
    said: Callable[[Hit], str] = lambda _: "",
    marked: tuple[int, str] | None = None,
) -> None:
    """Show photos side by side.

    Parameters
    ----------
    name
        Tells the strip from the others of the page.
    said
        Returns what is said below a photo, besides its name.
    marked
        The id of a photo, and what marks it out.
    """
    with st.container(key=f"strip-{name}", horizontal=True, gap="small"):
        for photo in photos:
            chip = marked[1] if marked and marked[0] == photo.id else ""
            with st.container(key=f"frame-{photo.id}", width=_WIDTH):
                _show_frame(library, stamp, photo, said(photo), chip)


def _show_frame(library: Library, stamp: str, photo: Hit, said: str, chip: str) -> None:
    mark = f' <span class="chip">{html.escape(chip)}</span>' if chip else ""
    st.html(
        f'<figure class="frame {"marked" if chip else ""}" title="{html.escape(str(photo.path))}">'
        f"{thumbs.img(library, stamp, photo)}<figcaption>"
        f'<div class="name">{html.escape(photo.path.name)}</div>{html.escape(said)}{mark}'
        "</figcaption></figure>"
    )
    if st.button(
        say("More like this"),
        key=f"like-in-strip-{photo.id}",
        type="tertiary",
        icon=":material/image_search:",
        help=say("Search for photos like {name}", name=plain(photo.path.name)),
    ):
        places.search_like(photo)
