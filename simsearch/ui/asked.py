"""What was asked on the page Search, and what was found."""

from __future__ import annotations

from typing import NamedTuple

from simsearch import Hit
from simsearch.ui.part import Part


class Asked(NamedTuple):
    """What was asked, with which part of it, and what was found.

    Attributes
    ----------
    query
        A picture, or a photo of the library.
    crop
        The part of it that was searched with; None for all of it.
    hits
        All that were found; fewer are shown at first.
    may_be_more
        Whether there may be others, as many as were looked for having been found.
    milliseconds
        How long it took to "decode", "encode" and "search".
    """

    query: bytes | Hit
    crop: Part | None
    hits: list[Hit]
    may_be_more: bool
    milliseconds: dict[str, float]
