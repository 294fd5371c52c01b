"""What was asked on the page Search, and what was found."""

from __future__ import annotations

from typing import NamedTuple

from simsearch import Hit
from simsearch.ui.part import Part


class Asked(NamedTuple):
    """What was asked, with which part of it, and what was found."""

    query: bytes | Hit
    crop: Part | None
    hits: list[Hit]
