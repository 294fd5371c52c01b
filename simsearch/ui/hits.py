"""The hits: photos with what they mean, as far as they mean something, and what can be done with each."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from simsearch import Hit, Library, PhotoError, SimsearchError
from simsearch.ui import taste
from simsearch.ui.asked import Asked
from simsearch.ui.words import plain, show_error

_COPY_SIDE = 160  # pixels
_UNFOLDED, _ALL = "unfolded", "unrelated-too"
_CHIPS = {"near-identical": "near", "same scene": "scene", "same kind": "kind"}  # by what a hit's score means

# A grid of our own: Streamlit's columns would put each hit in a row of its own on a phone. Rows of hits have
# one height, photos their own proportions. Chips take the text's colour, so that they can be read on any
# background, and differ by their dots, too. Where nothing can be hovered over, what their tooltip says is
# written below. What folds near-identical photos lies on the corner of theirs.
STYLE = """
<style>
  [class*="st-key-hits-"] {
      --height: 15rem; display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.5rem;
      align-items: start;
  }
  [class*="st-key-hit-"] { gap: .4rem; container-type: inline-size; position: relative; }
  [class*="st-key-hit-"] img {
      height: var(--height); object-fit: contain; border-radius: .5rem; background: rgba(128, 128, 128, .08);
  }
  [class*="st-key-hit-"] button { min-height: 1.75rem; padding-top: 0; padding-bottom: 0; }
  .facts { font-size: .85rem; line-height: 1.4; overflow-wrap: anywhere; }
  .facts .name { display: flex; justify-content: space-between; align-items: baseline; gap: .1rem .5rem; }
  .facts .score { font-weight: 600; white-space: nowrap; }
  .facts .chip { font-size: .75rem; font-weight: 500; padding: .05rem .5rem; border-radius: 1rem; }
  .chip::before {
      content: ""; display: inline-block; width: .55em; height: .55em; margin-right: .4em; border-radius: 50%;
      border: 1.5px solid currentColor; box-sizing: border-box;
  }
  .chip.near { background: rgba(34, 139, 84, .26); }
  .chip.near::before { background: currentColor; }
  .chip.scene { background: rgba(57, 135, 184, .24); }
  .chip.scene::before { background: linear-gradient(90deg, currentColor 50%, transparent 50%); }
  .chip.kind { background: rgba(128, 128, 128, .18); }
  .facts .where { opacity: .7; }
  .facts .beats { display: none; font-size: .75rem; opacity: .7; }
  [class*="st-key-copies-"] {
      position: absolute; top: calc(var(--height) - 2.25rem); right: .5rem; width: auto; z-index: 1;
  }
  [class*="st-key-copies-"] button, [class*="st-key-copies-"] button:hover {
      padding: 0 .6rem; border-radius: 1rem; background: rgba(20, 20, 20, .72); color: #fff;
  }
  [class*="st-key-copies-"] button p { font-size: .75rem; }
  .copies { display: grid; grid-template-columns: repeat(auto-fill, minmax(4rem, 1fr)); gap: .4rem; }
  .copies figure { margin: 0; min-width: 0; }
  .copies .copy { width: 100%; height: 4rem; object-fit: cover; border-radius: .35rem; }
  .copies figcaption { font-size: .7rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .st-key-hits-unrelated img { opacity: .6; filter: grayscale(.5); }
  .st-key-hits-unrelated [class*="st-key-hit-"]:hover img { opacity: 1; filter: none; }
  .st-key-rest { align-items: center; }
  @media (hover: none) { .facts .beats { display: block; } }
  @media (max-width: 640px) {
      [class*="st-key-hits-"] {
          --height: 9rem; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.25rem .75rem;
      }
  }
  @container (max-width: 23rem) {
      [class*="st-key-why-"] [data-testid="stMarkdownContainer"] {
          position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
      }
  }
  @container (max-width: 15rem) {
      .facts .name { flex-wrap: wrap; }
      [class*="st-key-more-"] [data-testid="stMarkdownContainer"] {
          position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
      }
  }
</style>
"""


# As in search.py: the underscore keeps Streamlit from hashing the library, whose generation stands for it.
@st.cache_data(max_entries=1_000, show_spinner=False)
def small(_library: Library, generation: int, path: str) -> str:
    """Return a photo of the library as an address that holds it; without one where it has gone."""
    try:
        thumbnail = _library.thumbnail(_library.photo(path))
        small = _library.preview(thumbnail, _COPY_SIDE) if thumbnail else b""
    except PhotoError:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode()}" if small else ""


def forget() -> None:
    """Forget what was unfolded and shown of the last query."""
    for name in (_UNFOLDED, _ALL):
        st.session_state.pop(name, None)


def show(library: Library, asked: Asked) -> None:
    """Show the hits that mean something, and the others on request."""
    related = meaningful(asked.hits)
    offer = partial(_offer, library, asked)
    show_grid(library, asked.hits[:related], "hits-related", offer)
    unrelated = asked.hits[related:]
    if not unrelated:
        return
    if not related:
        st.subheader("Nothing in your collection is similar", anchor=False)
    shown = bool(st.session_state.get(_ALL))
    with st.container(key="rest", horizontal=True, gap="small"):
        count = f"{len(unrelated)} more," if related else f"The nearest {len(unrelated)} are"
        st.caption(f"{count} probably unrelated", width="content")
        label = "Hide them" if shown else "Show them"
        st.button(label, key="show-rest", type="tertiary", on_click=_turn, args=(_ALL, not shown))
    if shown:
        show_grid(library, unrelated, "hits-unrelated", offer)


def meaningful(hits: list[Hit]) -> int:
    """Return how many hits, from the first, are related to the query, or may be."""
    return max((place for place, hit in enumerate(hits, 1) if hit.related), default=0)


def _turn(name: str, value: object) -> None:
    st.session_state[name] = value


def show_grid(library: Library, hits: list[Hit], key: str, offer: Callable[[Hit], None]) -> None:
    """Show photos in a grid, and below each of them what is offered."""
    if not hits:
        return
    with st.container(key=key):
        for hit in hits:
            with st.container(key=f"hit-{hit.id}"):
                thumbnail = library.thumbnail(hit)
                if thumbnail:
                    st.image(thumbnail, width="stretch")
                st.html(_facts(hit))
                with st.container(horizontal=True, gap="small"):
                    offer(hit)
                if hit.copies:
                    _show_copies(library, hit)


def _offer(library: Library, asked: Asked, hit: Hit) -> None:
    taste.ask(hit)
    ask_more(hit)
    if st.button(
        "Why this one?",
        key=f"why-{hit.id}",
        type="tertiary",
        icon=":material/help:",
        help="Why this one?",
    ):
        _show_why(library, hit, asked)


def ask_more(hit: Hit) -> bool:
    """Show the button that makes a photo the next query; return whether it was pressed."""
    return st.button(
        "More like this",
        key=f"more-{hit.id}",
        type="tertiary",
        icon=":material/image_search:",
        on_click=_turn,
        args=("photo", hit),
    )


def _facts(hit: Hit) -> str:
    taken = f" · {hit.taken_at.day} {hit.taken_at:%B %Y}" if hit.taken_at else ""
    away = " · offline" if hit.offline else ""
    beats = "" if hit.beats is None else f"closer than {hit.beats * 100:.4g} % of"
    return (
        f'<div class="facts" title="{html.escape(str(hit.path))}">'
        f'<div class="name">{html.escape(hit.path.name)}{_mark(hit, beats)}</div>'
        f'<div class="where">{html.escape(hit.path.parent.name)}{taken}{away}</div>'
        f"{f'<div class=beats>{beats} pairs</div>' if beats else ''}</div>"
    )


def _mark(hit: Hit, beats: str) -> str:
    """Return what a hit's score means; where that is not known, the score."""
    if hit.trust not in _CHIPS:
        title = f' title="{beats} random pairs of your photos"' if beats else ""
        return f'<span class="score"{title}>{hit.score:.2f}</span>'
    title = f"{beats} random pairs of your photos; score {hit.score:.2f}"
    return f'<span class="score chip {_CHIPS[hit.trust]}" title="{title}">{hit.trust}</span>'


def _show_copies(library: Library, hit: Hit) -> None:
    unfolded: frozenset[int] = st.session_state.get(_UNFOLDED, frozenset())
    is_open = hit.id in unfolded
    st.button(
        f"{'Hide ' if is_open else '+'}{len(hit.copies)} near-identical",
        key=f"copies-{hit.id}",
        type="tertiary",
        icon=":material/photo_library:",
        on_click=_turn,
        args=(_UNFOLDED, unfolded ^ {hit.id}),
    )
    if is_open:
        st.html(f'<div class="copies">{"".join(_figure(library, path) for path in hit.copies)}</div>')


def _figure(library: Library, path: Path) -> str:
    source = small(library, library.generation, str(path))
    name = html.escape(path.name)
    picture = f'<img class="copy" src="{source}" alt="{name}">' if source else ""
    return f'<figure title="{html.escape(str(path))}">{picture}<figcaption>{name}</figcaption></figure>'


@st.dialog("Why this one?", width="medium")
def _show_why(library: Library, hit: Hit, asked: Asked) -> None:
    try:
        why = library.why(asked.query, hit, crop=asked.crop)
    except SimsearchError as error:
        show_error(error)
        return
    with st.container(key="why"):
        query, found = st.columns(2)
        query.image(why.query, caption="What you asked with")
        found.image(why.hit, caption=plain(hit.path.name))
    if why.note:
        st.info(why.note, icon=":material/frame_inspect:")
    st.caption(
        "The brighter, the more like the other picture it is to the network; grey is no more than chance."
    )
