"""The pictures that were dropped on the page last: so that a reload, and Back, still have them.

They are the server's, not a session's: a browser that reloads begins another session. Who does not know a
key, which is made of the picture itself, cannot ask for it. Their bytes are bounded, however many visits.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import streamlit as st

_MOST = 128 << 20  # bytes: some twenty originals of today's cameras; of larger ones, the last alone


class Dropped:
    """Pictures by their keys, those that were used last; may be used from several threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, picture: bytes) -> str:
        """Keep a picture, and return its key; those that were not used for longest make room."""
        key = hashlib.sha256(picture).hexdigest()[:24]
        with self._lock:
            self._pictures[key] = picture
            self._pictures.move_to_end(key)
            while len(self._pictures) > 1 and sum(map(len, self._pictures.values())) > self._most:
                self._pictures.popitem(last=False)
        return key

    def picture(self, key: str) -> bytes | None:
        """Return a picture, or None where it made room for others."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)


@st.cache_resource(show_spinner=False)
def dropped() -> Dropped:
    """Return those of this server."""
    return Dropped()
