"""Bursts: photos of one scene, one shortly after the other, and the sharpest of each."""

from __future__ import annotations

import html

import streamlit as st

from simsearch import Burst, Hit, Library
from simsearch.ui import hunt, paging, places, search, thumbs
from simsearch.ui.words import plain

_PAGE = "bursts-page"
_AT_ONCE = 10  # bursts; each has its sharpest looked for
_AT_FIRST = 12  # photos of a burst that are shown
_WIDTH = 130  # pixels of a photo
_MINUTES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

# A strip goes on to the side, so that time runs in one direction on a phone, too.
_STYLE = """
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
      background: rgba(128, 128, 128, .1); box-sizing: border-box; }
  .frame.sharpest img { outline: 2px solid rgba(34, 139, 84, .8); outline-offset: -2px; }
  .frame .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .frame .chip { font-weight: 500; padding: .05rem .5rem; border-radius: 1rem;
      background: rgba(34, 139, 84, .28); }
  .burst { line-height: 1.4; }
  .burst span { opacity: .75; font-size: .85rem; }
</style>
"""


# The generation stands for the library, and the hunt for its copies, of which one is in a burst.
@st.cache_resource(max_entries=4, show_spinner="Looking for bursts ...")
def _found(_library: Library, folder: str, generation: int, hunts: int, minutes: float) -> list[Burst]:
    return _library.groups.bursts(minutes)


@st.cache_data(max_entries=1_000, show_spinner=False)
def _sharpest(
    _library: Library, generation: int, ids: tuple[int, ...], _photos: tuple[Hit, ...]
) -> int | None:
    sharpest = _library.groups.sharpest(_photos)
    return sharpest.id if sharpest else None


@st.cache_data(max_entries=2, show_spinner=False)
def _undated(_library: Library, folder: str, generation: int) -> int:
    return len(_library) - _library.count(since="0001")


def show(library: Library) -> None:
    """Show the bursts, or say why there are none."""
    st.html(_STYLE)
    search.warm_up(library, str(library.path))
    minutes = st.select_slider(
        "Longest time from one photo to the next",
        _MINUTES,
        2.0,
        format_func=_time,
        on_change=paging.first,
        args=(_PAGE,),
    )
    generation = library.generation
    found = _found(library, str(library.path), generation, hunt.count(library), minutes)
    undated = _undated(library, str(library.path), generation)
    if undated:
        st.caption(
            "1 photo does not say when it was taken, and is in no burst."
            if undated == 1
            else f"{undated:,} photos do not say when they were taken, and are in no burst."
        )
    if not found:
        st.info(f"No bursts found among {len(library) - undated:,} photos that say when they were taken.")
        return
    photos = sum(len(burst.photos) for burst in found)
    st.markdown(f"**{len(found):,} {'burst' if len(found) == 1 else 'bursts'}, {photos:,} photos**")
    for burst in paging.page(_PAGE, found, _AT_ONCE):
        with st.container(border=True, key=f"burst-{burst.photos[0].id}"):
            _show_burst(library, generation, burst)


def _time(minutes: float) -> str:
    return f"{minutes * 60:.0f} s" if minutes < 1 else f"{minutes:.0f} min"


def _show_burst(library: Library, generation: int, burst: Burst) -> None:
    first = burst.photos[0]
    sharpest = _sharpest(library, generation, tuple(photo.id for photo in burst.photos), burst.photos)
    taken = f"{first.taken_at.day} {first.taken_at:%B %Y, %H:%M:%S}" if first.taken_at else ""
    camera = f" · {html.escape(first.camera)}" if first.camera else ""
    st.html(f'<div class="burst"><b>{len(burst.photos):,} photos</b> <span>{taken}{camera}</span></div>')
    name = f"more-of-burst-{first.id}"
    shown = paging.beginning(name, burst.photos, _AT_FIRST)
    with st.container(key=f"strip-{first.id}", horizontal=True, gap="small"):
        for photo in shown:
            with st.container(key=f"frame-{photo.id}", width=_WIDTH):
                _show_frame(library, generation, photo, sharpest == photo.id)
    paging.offer_rest(name, len(burst.photos) - len(shown))


def _show_frame(library: Library, generation: int, photo: Hit, is_sharpest: bool) -> None:
    chip = ' <span class="chip">sharpest</span>' if is_sharpest else ""
    clock = f"{photo.taken_at:%H:%M:%S}" if photo.taken_at else ""
    st.html(
        f'<figure class="frame {"sharpest" if is_sharpest else ""}" title="{html.escape(str(photo.path))}">'
        f"{thumbs.img(library, generation, photo)}<figcaption>"
        f'<div class="name">{html.escape(photo.path.name)}</div>{clock}{chip}</figcaption></figure>'
    )
    if st.button(
        "More like this",
        key=f"like-burst-{photo.id}",
        type="tertiary",
        icon=":material/image_search:",
        help=f"Search for photos like {plain(photo.path.name)}",
    ):
        st.session_state["photo"] = photo
        places.go_to_search()
