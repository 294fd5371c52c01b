"""What a picture may be of: the votes of its neighbours, as labels or folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

VOTERS = 10  # nearest photos


class Vote(NamedTuple):
    """How many of the nearest photos are of a kind.

    Attributes
    ----------
    kind
        A label that the user gave, or the folder that photos lie in.
    photos
        How many.
    """

    kind: str
    photos: int


class Suggestion(NamedTuple):
    """What a picture may be of.

    Attributes
    ----------
    kind
        What most say; None where the picture is unlike anything in the library.
    confidence
        The share, 0 to 1, of those asked who say so. Who is unlike the picture says nothing.
    asked
        How many were asked.
    votes
        For all kinds that were named, most first.
    """

    kind: str | None
    confidence: float
    asked: int
    votes: list[Vote]


def suggest(voters: Iterable[str], asked: int) -> Suggestion:
    """Count votes.

    Parameters
    ----------
    voters
        What each photo is of that is like the picture, nearest first.
    asked
        How many were asked, the unlike ones included.
    """
    votes = [Vote(kind, photos) for kind, photos in Counter(voters).most_common()]  # ties: who is nearest
    if not votes:
        return Suggestion(None, 0.0, asked, [])
    return Suggestion(votes[0].kind, votes[0].photos / asked, asked, votes)
