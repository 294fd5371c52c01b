"""Pictures to search with, decoded and encoded once however often a page runs."""

from __future__ import annotations

import streamlit as st

from simsearch import Hit, Library, Query
from simsearch.ui.part import Part

_SIDE = 800  # pixels; the query is the largest picture on the page


def encoded(library: Library, name: str, picture: bytes | Hit, crop: Part | None = None) -> Query:
    """Return a picture or a part of it as a query; its name tells it from others.

    Raises
    ------
    PhotoError
        When the picture cannot be read.
    """
    return _encoded(library, _stamp(library, picture), name, crop, picture)


def preview(library: Library, name: str, picture: bytes | Hit, query: Query) -> bytes:
    """Return the picture of a query as a JPEG, as large as it is shown."""
    return _preview(library, _stamp(library, picture), name, query)


def _stamp(library: Library, picture: bytes | Hit) -> str:
    """Return what says whether a photo of the library is the same still; other pictures always are."""
    return library.stamp if isinstance(picture, Hit) else library.key


@st.cache_resource(max_entries=16, show_spinner=False)
def _encoded(_library: Library, stamp: str, name: str, crop: Part | None, _picture: bytes | Hit) -> Query:
    return _library.query(_picture, crop=crop)


@st.cache_data(max_entries=16, show_spinner=False)
def _preview(_library: Library, stamp: str, name: str, _query: Query) -> bytes:
    return _library.preview(_query, _SIDE)
