"""Small pictures of the library's photos, to stand in HTML."""

from __future__ import annotations

import base64
import html

import streamlit as st

from simsearch import Hit, Library, PhotoError

_SIDE = 240  # pixels
_LARGE = 1_200


def img(library: Library, stamp: str, photo: Hit) -> str:
    """Return a photo as HTML; without a thumbnail, its name takes its place."""
    source = small(library, stamp, photo)
    if source:
        return f'<img src="{source}" alt="{html.escape(photo.path.name)}">'
    return f'<div class="gone">{html.escape(photo.path.name)}</div>'


def small(library: Library, stamp: str, photo: Hit) -> str:
    """Return a photo as an address that holds it; empty where it has gone, or is damaged."""
    return _small(library, stamp, photo.id, photo)


def large(library: Library, photo: Hit) -> str:
    """Return a photo as HTML, from its file where that is there.

    Raises
    ------
    PhotoError
        When neither file nor thumbnail can be read.
    """
    source = address(library.preview(photo, _LARGE))
    return f'<img src="{source}" alt="{html.escape(photo.path.name)}">'


@st.cache_data(max_entries=5_000, show_spinner=False)
def _small(_library: Library, stamp: str, photo_id: int, _photo: Hit) -> str:
    try:
        thumbnail = _library.thumbnail(_photo)
        small = _library.preview(thumbnail, _SIDE) if thumbnail else b""
    except PhotoError:
        return ""
    return address(small) if small else ""


def address(jpeg: bytes) -> str:
    """Return a JPEG as an address that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
