"""Bursts: photos of one scene, one shortly after the other, and the sharpest of each."""

from __future__ import annotations

import streamlit as st

from simsearch import Burst, Hit, Library
from simsearch.ui import hunt, paging, ready, strips
from simsearch.ui.words import day, duration, number, say, say_count

_PAGE = "bursts-page"
_AT_ONCE = 10  # bursts; each has its sharpest looked for
_AT_FIRST = 12  # photos of a burst that are shown
_MINUTES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


# The stamp stands for the library, and the hunt for its copies, of which one is in a burst.
@st.cache_resource(max_entries=4, show_spinner=False)
def _found(_library: Library, stamp: str, hunts: int, minutes: float) -> list[Burst]:
    return _library.groups.bursts(minutes)


@st.cache_data(max_entries=1_000, show_spinner=False)
def _sharpest(_library: Library, stamp: str, ids: tuple[int, ...], _photos: tuple[Hit, ...]) -> int | None:
    sharpest = _library.groups.sharpest(_photos)
    return sharpest.id if sharpest else None


@st.cache_data(max_entries=2, show_spinner=False)
def _undated(_library: Library, stamp: str) -> int:
    return len(_library) - _library.count(since="0001")


def show(library: Library) -> None:
    """Show the bursts, or say why there are none."""
    st.html(strips.STYLE)
    ready.load(library)
    minutes = st.select_slider(
        say("Longest time from one photo to the next"),
        _MINUTES,
        2.0,
        format_func=_time,
        on_change=paging.first,
        args=(_PAGE,),
    )
    stamp = library.stamp
    with st.spinner(say("Looking for bursts ...")):
        found = _found(library, stamp, hunt.count(library), minutes)
    undated = _undated(library, stamp)
    if undated:
        st.caption(
            say_count(
                undated,
                "{n} photo does not say when it was taken, and is in no burst.",
                "{n} photos do not say when they were taken, and are in no burst.",
            )
        )
    if not found:
        st.info(
            say_count(
                len(library) - undated,
                "No bursts found among {n} photo that says when it was taken.",
                "No bursts found among {n} photos that say when they were taken.",
            )
        )
        return
    photos = sum(len(burst.photos) for burst in found)
    bursts = say_count(len(found), "{n} burst", "{n} bursts")
    st.markdown(f"**{bursts}, {say_count(photos, '{n} photo', '{n} photos')}**")
    for burst in paging.page(_PAGE, found, _AT_ONCE):
        with st.container(border=True, key=f"burst-{burst.photos[0].id}"):
            _show_burst(library, stamp, burst)


def _time(minutes: float) -> str:
    return duration(minutes * 60) if minutes < 1 else f"{number(minutes)} min"


def _show_burst(library: Library, stamp: str, burst: Burst) -> None:
    first = burst.photos[0]
    sharpest = _sharpest(library, stamp, tuple(photo.id for photo in burst.photos), burst.photos)
    taken = f"{day(first.taken_at)}, {_clock(first)}" if first.taken_at else ""
    camera = f" · {first.camera}" if first.camera else ""
    strips.head(say_count(len(burst.photos), "{n} photo", "{n} photos"), f"{taken}{camera}")
    name = f"more-of-burst-{first.id}"
    shown = paging.beginning(name, burst.photos, _AT_FIRST)
    marked = (sharpest, say("sharpest")) if sharpest is not None else None
    strips.show(library, stamp, f"burst-{first.id}", shown, _clock, marked)
    paging.offer_rest(name, len(burst.photos) - len(shown))


def _clock(photo: Hit) -> str:
    return f"{photo.taken_at:%H:%M:%S}" if photo.taken_at else ""
