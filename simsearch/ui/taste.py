"""Likes and dislikes: hits that the others shall be more like, or less, as long as a query is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import streamlit as st

from simsearch import Hit, Library, PhotoError, SimsearchError
from simsearch.ui import places
from simsearch.ui.part import Part
from simsearch.ui.words import noted, plain, say, say_count, show_error

SAID = noted("More like"), noted("Less like")  # above what is liked and what is not
_STATE, _ABOUT, _SAVED = "tastes", "taste-about", "saved-album"
_MOST = 12  # questions of a visit whose likes are kept
_SIDE = 64  # pixels
_PART_SIDE = 800  # pixels of a part that is kept as an example

# What the icon says is written out for those who cannot see it. The cross lies on the corner of its photo.
STYLE = """
<style>
  [class*="st-key-back-"] [data-testid="stMarkdownContainer"] {
      position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
  .st-key-taste { align-items: center; }
  .st-key-taste > :has([data-testid="stPopover"]) { margin-left: auto; }
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


class Query(NamedTuple):
    """What was asked, and with which part of it."""

    picture: bytes | Hit
    part: Part | None


def current() -> Taste:
    """Return what is liked and what is not."""
    return _tastes().get(st.session_state.get(_ABOUT), Taste())


def turn_to(question: object) -> None:
    """Go by the likes and dislikes of a question, which are kept for when one comes back to it."""
    if st.session_state.get(_ABOUT) != question:
        st.session_state[_ABOUT] = question
        st.session_state.pop(_SAVED, None)


def _tastes() -> dict[object, Taste]:
    tastes: dict[object, Taste] = st.session_state.setdefault(_STATE, {})
    return tastes


def _keep(taste: Taste) -> None:
    tastes = _tastes()
    tastes.pop(st.session_state.get(_ABOUT), None)
    tastes[st.session_state.get(_ABOUT)] = taste
    for question in [*tastes][:-_MOST]:
        del tastes[question]


def note(hit: Hit, liked: bool) -> None:
    """Note that a hit is liked, or that it is not."""
    take_back(hit)
    taste = current()
    if liked:
        taste = taste._replace(liked=(*taste.liked, hit))
    else:
        taste = taste._replace(disliked=(*taste.disliked, hit))
    _keep(taste)


def leave_out_gone(library: Library) -> None:
    """Take back what was said of photos that are not in the library any more, and say so, once."""
    taste = current()
    kept = Taste(*(tuple(hit for hit in hits if _is_there(library, hit)) for hits in taste))
    gone = sum(map(len, taste)) - sum(map(len, kept))
    if gone:
        _keep(kept)
        st.info(
            say_count(
                gone,
                "{n} photo with a thumb is not in the library any more: it counts no longer.",
                "{n} photos with a thumb are not in the library any more: they count no longer.",
            )
        )


def _is_there(library: Library, hit: Hit) -> bool:
    try:
        return library.photo(hit).id == hit.id
    except PhotoError:
        return False


def show(library: Library, query: Query | None) -> None:
    """Show what is liked and what is not, each with a way to take it back, and offer to save a query so."""
    taste = current()
    if not any(taste) and query is None:
        return
    with st.container(key="taste", horizontal=True, gap="small"):
        for words, hits in zip(map(say, SAID), taste, strict=True):
            if hits:
                st.markdown(words, width="content")
            for hit in hits:
                name = hit.path.name
                show_example(f"{hit.id}", library.thumbnail(hit), name, partial(take_back, hit))
        if query is not None:
            with st.popover(say("Save as album"), icon=":material/photo_album:"):
                _ask_name(library, query)


def show_example(key: str, jpeg: bytes | None, name: str, take_back: Callable[[], None]) -> None:
    """Show a picture that is liked or not, with a cross that takes it back."""
    with st.container(key=f"tasted-{key}", width=_SIDE):
        if jpeg:
            st.image(jpeg, width="stretch", alt=name)
        else:
            st.caption(plain(name))
        st.button(
            say("Take back {name}", name=plain(name)),
            key=f"back-{key}",
            icon=":material/close:",
            help=say("Take back: {name}", name=plain(name)),
            on_click=take_back,
        )


def _ask_name(library: Library, query: Query) -> None:
    """Ask for the name of an album of the query and what is liked, and make it."""
    st.caption(
        say("It holds the photos that belong together with this picture and what you like, new ones too.")
    )
    with st.form("album", border=False):
        name = st.text_input(say("Name"), placeholder=say("my espresso cups"), max_chars=100)
        asked = st.form_submit_button(say("Save"), icon=":material/check:")
    if asked:
        st.session_state.pop(_SAVED, None)
        try:
            liked, disliked = current()
            picture = query.picture
            if query.part:  # what is searched with is the part
                picture = library.preview(picture, _PART_SIDE, query.part)
            st.session_state[_SAVED] = library.albums.save(name, [picture, *liked], disliked).name
        except SimsearchError as error:
            show_error(error)
    if saved := st.session_state.get(_SAVED):
        count = library.albums.count(saved) if saved in library.albums else 0
        st.success(f"{plain(saved)}: {say_count(count, '{n} photo', '{n} photos')}")
        if st.button(say("Open the album"), icon=":material/photo_album:", type="tertiary"):
            places.go_to_album(saved)


def take_back(hit: Hit) -> None:
    """Forget whether a hit is liked."""
    liked, disliked = (tuple(other for other in hits if other.id != hit.id) for hits in current())
    _keep(Taste(liked, disliked))
