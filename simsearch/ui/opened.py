"""One hit, opened: large, with what is known of it, what is alike in it, and what can be done with it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO

import streamlit as st
from PIL import Image

from simsearch import Hit, Library, PhotoError, SimsearchError
from simsearch.ui import address, clipboard, meaning, reveal, taste, thumbs
from simsearch.ui.asked import Asked
from simsearch.ui.part import Part
from simsearch.ui.words import day, file_size, number, say, say_count, show_error, told

_PLACE, _ALIKE = "opened-place", "opened-alike"  # which hit, and whether it is seen what is alike in it
_SIDE = 1_400  # pixels
_COPIES = 12  # that are shown

# The picture keeps its place and height while one leafs through, so that nothing jumps.
STYLE = """
<style>
  .st-key-opened-picture img { width: 100%; height: min(66vh, 48rem); object-fit: contain; display: block;
      border-radius: .5rem; background: rgba(128, 128, 128, .08); }
  .opened-alike { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
  .opened-alike figure { margin: 0; min-width: 0; }
  .opened-alike img { width: 100%; max-height: 60vh; object-fit: contain; display: block;
      border-radius: .5rem; }
  .opened-alike figcaption { font-size: .875rem; opacity: .7; text-align: center; overflow-wrap: anywhere;
      margin-top: .35rem; }
  .st-key-opened-turn { align-items: center; }
  .st-key-opened-turn p { white-space: nowrap; font-variant-numeric: tabular-nums; font-size: .875rem; }
  .opened-name { font-size: 1.15rem; font-weight: 600; line-height: 1.3; overflow-wrap: anywhere; }
  .opened-trust { margin-top: .5rem; font-size: .9rem; line-height: 1.45; }
  .opened-trust div { opacity: .8; }
  .stHtml dl.opened-facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem .9rem;
      margin: 0; padding: 0; font-size: .875rem; line-height: 1.4; }
  .opened-facts dt { opacity: .7; }
  .opened-facts dd { margin: 0; overflow-wrap: anywhere; }
  .st-key-opened-do { gap: .1rem 1.25rem; align-items: center; }
  .opened-copies { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fill, minmax(5rem, 1fr)); }
  .opened-copies figure { margin: 0; min-width: 0; }
  .opened-copies img, .opened-copies .gone { width: 100%; height: 5rem; object-fit: cover; overflow: hidden;
      border-radius: .35rem; font-size: .7rem; }
  .opened-copies figcaption { font-size: .75rem; overflow-wrap: anywhere; line-height: 1.3; }
  @media (max-width: 640px) {
      .st-key-opened-picture img { height: auto; max-height: 60vh; }
      .opened-alike { gap: .5rem; }
  }
</style>
"""


@st.cache_data(max_entries=30, show_spinner=False)
def _large(_library: Library, stamp: str, photo_id: int, offline: bool, _photo: Hit) -> bytes:
    return _library.preview(_photo, _SIDE)


@st.cache_data(max_entries=30, show_spinner=False)
def _why(
    _library: Library,
    stamp: str,
    query: bytes | Hit,
    crop: Part | None,
    photo_id: int,
    offline: bool,
    _photo: Hit,
) -> tuple[bytes, bytes, str | None]:
    return tuple(_library.why(query, _photo, crop=crop))  # type: ignore[return-value]


def show(library: Library, hits: Sequence[Hit], place: int, asked: Asked) -> None:
    """Open one of the hits; from there, the others can be leafed through."""
    st.session_state[_PLACE] = place
    st.session_state[_ALIKE] = False
    # What was liked ranks the hits anew once they are seen again.
    st.dialog(say("Hit"), width="large", on_dismiss="rerun")(_show)(library, hits, asked)


def _show(library: Library, hits: Sequence[Hit], asked: Asked) -> None:
    st.html(STYLE)
    place = min(st.session_state.get(_PLACE, 0), len(hits) - 1)
    hit = hits[place]
    picture, about = st.columns([5, 3], gap="medium")
    with picture:
        _show_views(library, hit, asked)
    with about:
        _turn(place, len(hits))
        st.html(_said(hit))
        st.html(_facts(library, hit))
        try:
            _offer(library, hit)
        except SimsearchError as error:
            show_error(error)
        _show_copies(library, hit)


def _turn(place: int, count: int) -> None:
    """Offer the way to the hits before and after, by the arrow keys, too."""
    with st.container(key="opened-turn", horizontal=True, gap="small", horizontal_alignment="distribute"):
        _offer_turn(say("Previous"), "Left", place - 1, count)
        st.markdown(say("{place} of {count}", place=place + 1, count=count), width="content")
        _offer_turn(say("Next"), "Right", place + 1, count)


def _offer_turn(label: str, arrow: str, place: int, count: int) -> None:
    st.button(
        label,
        key=f"opened-{arrow.lower()}",
        type="tertiary",
        shortcut=arrow,
        disabled=not 0 <= place < count,
        on_click=_keep,
        args=(_PLACE, place),
    )


def _keep(name: str, value: int) -> None:
    st.session_state[name] = value


def _show_views(library: Library, hit: Hit, asked: Asked) -> None:
    """Show the photo or what is alike in it; the latter is worked out only when it is asked for."""
    alike = bool(st.session_state.get(_ALIKE))
    try:
        with st.container(key="opened-picture" if not alike else None):
            (_show_alike if alike else _show_photo)(library, hit, asked)
    except SimsearchError as error:
        show_error(error)


def _show_photo(library: Library, hit: Hit, _: Asked) -> None:
    jpeg = _large(library, library.stamp, hit.id, hit.offline, hit)
    width, height = Image.open(BytesIO(jpeg)).size
    st.html(_img(jpeg, hit.path.name, f'width="{width}" height="{height}"'))
    if max(width, height) < min(_SIDE, max(hit.width, hit.height)):
        st.caption(say("Its file is not there just now: this is its thumbnail."))


def _show_alike(library: Library, hit: Hit, asked: Asked) -> None:
    with st.spinner(say("Looking ...")):
        stamp = library.stamp
        query, found, note = _why(library, stamp, asked.query, asked.crop, hit.id, hit.offline, hit)
    sides = (query, say("What you asked with")), (found, hit.path.name)
    figures = "".join(
        f"<figure>{_img(jpeg, said)}<figcaption>{html.escape(said)}</figcaption></figure>"
        for jpeg, said in sides
    )
    st.html(f'<div class="opened-alike">{figures}</div>')
    if note:
        st.info(told(note), icon=":material/frame_inspect:")
    st.caption(
        say(
            "The brighter, the more like the other picture it is to the network; grey is no more than chance."
        )
    )


def _img(jpeg: bytes, said: str, more: str = "") -> str:
    source = thumbs.address(jpeg)
    return f'<img src="{source}" alt="{html.escape(said)}" {more}>'


def _said(hit: Hit) -> str:
    """Return a hit's name, and what its score means."""
    name = f'<div class="opened-name">{html.escape(hit.path.name)}</div>'
    word = f"<b>{html.escape(meaning.word(hit.trust))}</b>" if hit.trust else ""
    means = [meaning.sentence(hit.trust)]
    if hit.beats is not None:
        share = meaning.pairs_beaten(hit.beats)
        means.append(say("Closer than {share} of random pairs of your photos.", share=share))
    return f'{name}<div class="opened-trust">{word}<div>{html.escape(" ".join(means))}</div></div>'


def _facts(library: Library, hit: Hit) -> str:
    rows = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in _told(library, hit)
    )
    return f'<dl class="opened-facts">{rows}</dl>'


def _told(library: Library, hit: Hit) -> Iterator[tuple[str, str]]:
    """Yield what is known of a photo: of what, and in words."""
    yield say("Score"), number(hit.score, 2)
    yield say("Folder"), str(hit.path.parent)
    if hit.taken_at:
        yield say("Taken"), f"{day(hit.taken_at)}, {hit.taken_at:%H:%M}"
    if hit.camera:
        yield say("Camera"), hit.camera
    millions = number(hit.width * hit.height / 1e6, 1)
    size = say("{width} × {height} pixels", width=f"{hit.width}", height=f"{hit.height}")
    yield say("Size"), f"{size} ({millions} MP)" if hit.width * hit.height >= 1e6 else size
    yield say("File"), file_size(library.bytes_of([hit]))
    if hit.latitude is not None and hit.longitude is not None:
        north = say("{degrees}° N") if hit.latitude >= 0 else say("{degrees}° S")
        east = say("{degrees}° E") if hit.longitude >= 0 else say("{degrees}° W")
        where = zip((north, east), (hit.latitude, hit.longitude), strict=True)
        yield say("Place"), ", ".join(text.format(degrees=number(abs(angle), 4)) for text, angle in where)


def _offer(library: Library, hit: Hit) -> None:
    """Offer what can be done with a hit."""
    alike = bool(st.session_state.get(_ALIKE))
    with st.container(key="opened-do", horizontal=True, gap="small"):
        # A button, as the arrow keys would turn anything else that is chosen from, and not the pages.
        st.button(
            say("Show the photo") if alike else say("Show what is alike"),
            key="opened-view",
            type="tertiary",
            icon=":material/image:" if alike else ":material/compare:",
            on_click=_keep,
            args=(_ALIKE, not alike),
        )
        if st.button(
            say("More like this"), key="opened-more", type="tertiary", icon=":material/image_search:"
        ):
            address.ask(address.Question(photo=hit.id))
            st.rerun()
        _ask_taste(hit)
        clipboard.offer(str(hit.path), say("Copy path"), "opened-copy")
        if not hit.offline and reveal.is_offered():
            _offer_file(library, hit, say("Open folder"), ":material/folder_open:", reveal.show_in_folder)
            _offer_file(library, hit, say("Open photo"), ":material/open_in_new:", reveal.open_photo)


def _offer_file(
    library: Library, hit: Hit, label: str, icon: str, do: Callable[[Library, Hit], None]
) -> None:
    if st.button(label, key=f"opened-{do.__name__}", type="tertiary", icon=icon):
        do(library, hit)


def _ask_taste(hit: Hit) -> None:
    """Show the two thumbs, which say what they were told, and take it back when pressed again."""
    liked, disliked = (any(other.id == hit.id for other in hits) for hits in taste.current())
    for label, said, is_on, icon in (
        (say("Like"), True, liked, "thumb_up"),
        (say("Dislike"), False, disliked, "thumb_down"),
    ):
        st.button(
            label,
            key=f"opened-{icon}",
            type="primary" if is_on else "tertiary",
            icon=f":material/{icon}:",
            help=say("Press again to take it back") if is_on else None,
            on_click=taste.take_back if is_on else taste.note,
            args=(hit,) if is_on else (hit, said),
        )


def _show_copies(library: Library, hit: Hit) -> None:
    if not hit.copies:
        return
    title = say_count(
        len(hit.copies), "{n} near-identical photo folded into it", "{n} near-identical photos folded into it"
    )
    with st.expander(title, icon=":material/photo_library:"), st.container(key="opened-copies"):
        st.html(f'<div class="opened-copies">{"".join(_figures(library, hit))}</div>')
        more = len(hit.copies) - _COPIES
        if more > 0:
            st.caption(say("and {n} more", n=more))


def _figures(library: Library, hit: Hit) -> Iterator[str]:
    for path in hit.copies[:_COPIES]:
        try:
            picture = thumbs.img(library, library.stamp, library.photo(path))
        except PhotoError:  # it has left the library meanwhile
            picture = ""
        name = html.escape(path.name)
        yield f'<figure title="{html.escape(str(path))}">{picture}<figcaption>{name}</figcaption></figure>'
