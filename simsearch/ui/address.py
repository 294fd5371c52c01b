"""What is asked, in the address of the page: it can be bookmarked, and Back goes back to it.

like      the id of a photo of the library
picture   the key of a picture that was dropped (see :mod:`simsearch.ui.dropped`)
k         how many hits are shown, where that is not 15

What else is in it are filters (see :mod:`simsearch.ui.filters`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from simsearch.ui.filters import from_address, to_address

K = 15
MOST = 960  # hits; nobody looks at more
_LIKE, _PICTURE, _K = "like", "picture", "k"
_LAST = "last-address"


class Question(NamedTuple):
    """What the page is asked: a photo of the library by its id, or a picture by its key."""

    photo: int | None = None
    picture: str | None = None

    @property
    def name(self) -> str:
        """Tells it from others."""
        return f"photo-{self.photo}" if self.photo is not None else f"picture-{self.picture}"


def question() -> Question | None:
    """Return what the address asks, if anything."""
    if photo := _number(_LIKE):
        return Question(photo=photo)
    picture = st.query_params.get(_PICTURE)
    return Question(picture=picture) if picture else None


def shown() -> int:
    """Return how many hits the address wants shown."""
    return min(_number(_K) or K, MOST)


def filters() -> dict[str, str]:
    """Return what else the address says that makes sense: which photos may answer."""
    return to_address(from_address(st.query_params.to_dict()))


def ask(question: Question) -> None:
    """Put a question into the address, in place of the one that is there."""
    _write(question, K, filters())


def show(k: int) -> None:
    """Have so many hits shown."""
    _write(question(), k, filters())


def filter_by(chosen: Mapping[str, str]) -> None:
    """Put filters into the address, in place of those that are there."""
    _write(question(), shown(), chosen)


def remember() -> None:
    """Keep what the address says, for when another page has been looked at."""
    st.session_state[_LAST] = dict(st.query_params.to_dict())


def recall() -> None:
    """Ask again what was asked before another page was looked at, where the address is bare."""
    if not st.query_params and (last := st.session_state.get(_LAST)):
        st.query_params.from_dict(last)


def _number(name: str) -> int | None:
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 19 and int(text) else None


def _write(wanted: Question | None, k: int, chosen: Mapping[str, str]) -> None:
    asked = dict(chosen)
    if wanted and wanted.photo is not None:
        asked[_LIKE] = str(wanted.photo)
    elif wanted and wanted.picture:
        asked[_PICTURE] = wanted.picture
    if k != K:
        asked[_K] = str(k)
    # What says the same in other words stays as it is: else Back would seem to do nothing, and lose Forward.
    if (wanted, k, dict(chosen)) != (question(), shown(), filters()):
        st.query_params.from_dict(asked)
