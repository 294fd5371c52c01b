"""Clusters: the photos that look alike, at three grains."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st

from simsearch import Hit, Library, PhotoError
from simsearch.ui import paging, ready, strips
from simsearch.ui.words import noted, say, say_count

_PAGE = "clusters-page"
_AT_ONCE = 10  # clusters
_AT_FIRST = 10  # photos of a cluster that are shown
LATER = noted("Clusters are looked for once all photos are indexed.")
_GRAINS = {"coarse": noted("Few, large"), "medium": noted("Medium"), "fine": noted("Many, small")}


# The stamp stands for the library, which keeps its clusters itself.
@st.cache_resource(max_entries=6, show_spinner=False)
def _found(_library: Library, stamp: str, grain: str) -> list[Any]:
    return list(_library.clusters(grain))


@st.cache_resource(max_entries=1, show_spinner=False)
def _last(key: str) -> dict[str, list[Any]]:
    """Return the clusters of each grain that were shown last of a library, for all sessions."""
    return {}


def at_hand(library: Library, grain: str) -> list[Any] | None:
    """Return the clusters of a grain.

    While photos are indexed it is those that were shown last, or None: to look for them holds up each search,
    and would be done anew whenever some photos more are there.
    """
    last = _last(library.key)
    if not ready.is_busy(library):
        last[grain] = _found(library, library.stamp, grain)
    return last.get(grain)


def show(library: Library) -> None:
    """Show the clusters of a grain, or say that there are none."""
    st.html(strips.STYLE)
    ready.load(library)
    grain = st.segmented_control(
        say("Clusters"),
        list(_GRAINS),
        default="medium",
        format_func=lambda grain: say(_GRAINS[grain]),
        on_change=paging.first,
        args=(_PAGE,),
    )
    stamp = library.stamp
    with st.spinner(say("Looking for photos that look alike ...")):
        found = at_hand(library, grain or "medium")
    if found is None:
        st.info(say(LATER))
        return
    if not found:
        st.info(say("No clusters found among {n} photos: no two of them are much alike.", n=len(library)))
        return
    together = sum(cluster.size for cluster in found)
    clusters = say_count(len(found), "{n} cluster", "{n} clusters")
    st.markdown(f"**{clusters}, {say_count(together, '{n} photo', '{n} photos')}**")
    alone = len(library) - together
    if alone > 0 and not ready.is_busy(library):
        st.caption(
            say_count(
                alone,
                "{n} photo is like no others, and in no cluster.",
                "{n} photos are like no others, and in no cluster.",
            )
        )
    for cluster in paging.page(_PAGE, found, _AT_ONCE):
        with st.container(border=True, key=f"cluster-{cluster.typical.id}"):
            _show_cluster(library, stamp, grain or "medium", cluster)


def _show_cluster(library: Library, stamp: str, grain: str, cluster: Any) -> None:
    count = say_count(cluster.size, "{n} photo", "{n} photos")
    strips.head(cluster.label or say("Without a name"), count)
    name = f"more-of-cluster-{grain}-{cluster.typical.id}"
    shown = paging.beginning(name, cluster.photos.tolist(), _AT_FIRST)
    photos = [photo for photo_id in shown if (photo := _photo(library, photo_id))]
    marked = (cluster.typical.id, say("typical"))
    strips.show(library, stamp, f"{grain}-{cluster.typical.id}", photos, marked=marked)
    paging.offer_rest(name, cluster.size - len(shown))


def _photo(library: Library, photo_id: int) -> Hit | None:
    with suppress(PhotoError):  # it was forgotten just now
        return library.photo(photo_id)
    return None
