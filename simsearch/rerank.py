"""A better order than by cosine alone: what the neighbours say, what the user likes, and variety.

Photos of one thing are not only alike, they are alike to the same others. So a candidate is ranked half by
its cosine with the query and half by the neighbours that both have (R. A. Jarvis and E. A. Patrick,
"Clustering using a similarity measure based on shared near neighbors", 1973; as profiles weighted by rank
and expanded by the nearest ones' own: Z. Zhong et al., "Re-ranking person re-identification with
k-reciprocal encoding", 2017). The neighbours of every photo are in a graph; those of the query are its hits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simsearch.space import unit

NEIGHBOURS = 20  # of the query and of each photo, that are looked at
POOL = 30  # nearest that are candidates at least, besides the neighbours of the query's neighbours
FEWEST = 100  # photos; of fewer, 20 are no neighbourhood
_FADING = 0.93  # from one rank to the next: the nearest neighbour counts four times as much as the last
_EXPANDED = 3  # of the nearest, whose own neighbours are taken into the query's profile ...
_EXPANSION_FADING = 0.7  # ... each with less: it may be of another kind
_SHARED = 0.5  # of the score; more finds the crowd better, and loses the nearest to it
_AGAINST = 0.5  # weight of what the query shall not be like; more forgets what it shall be like

_ROWS_AT_ONCE = 512  # of products: 40 MB where 20,000 photos are folded

_WEIGHTS = _FADING ** np.arange(NEIGHBOURS)
_EXPANSION = _EXPANSION_FADING ** np.arange(_EXPANDED)

NeighboursOf = Callable[
    [np.ndarray], np.ndarray
]  # (m,) ids -> (m, at least NEIGHBOURS) ids, best first, or -1


class Profile(NamedTuple):
    """The photos around a query: ids, (m,) int64 ascending, and weights, (m,) float64 of length 1."""

    ids: np.ndarray
    weights: np.ndarray

    def of(self, ids: np.ndarray) -> np.ndarray:
        """Return the weights of some ids, of any shape; 0 where they are not in it."""
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        weights: np.ndarray = np.where(self.ids[places] == ids, self.weights[places], 0.0)
        return weights


def query_vector(likes: np.ndarray, dislikes: np.ndarray) -> np.ndarray:
    """Return what to search for, (dim,) float32 of unit length, from examples of what is wanted and not.

    The mean of the ones, less a part of the mean of the others (J. J. Rocchio, "Relevance feedback in
    information retrieval", 1971).

    Parameters
    ----------
    likes, dislikes
        (n, dim) and (m, dim) float32, unit vectors; at least one is liked.
    """
    if len(likes) == 1 and not len(dislikes):
        vector: np.ndarray = likes[0]  # as it is, to the last bit
        return vector
    wanted = likes.mean(axis=0)
    if len(dislikes):
        wanted = wanted - _AGAINST * dislikes.mean(axis=0)
    combined: np.ndarray = unit(wanted[None])[0]
    return combined


def profile(nearest: np.ndarray, lists: np.ndarray) -> Profile:
    """Return the profile of a query.

    Parameters
    ----------
    nearest
        (n,) int64: the ids of its nearest, best first, up to :data:`NEIGHBOURS`; at least one.
    lists
        (n, NEIGHBOURS) int64: their neighbours' ids, best first, or -1.
    """
    nearest, lists = nearest[:NEIGHBOURS], lists[:_EXPANDED, :NEIGHBOURS]
    ids = np.concatenate([nearest, lists.ravel()])
    weights = np.concatenate(
        [_WEIGHTS[: len(nearest)], np.outer(_EXPANSION[: len(lists)], _WEIGHTS[: lists.shape[1]]).ravel()]
    )
    known, places = np.unique(ids[ids >= 0], return_inverse=True)
    summed = np.bincount(places, weights=weights[ids >= 0])
    return Profile(known, summed / np.linalg.norm(summed))


def scores(cosines: np.ndarray, ids: np.ndarray, lists: np.ndarray, query: Profile) -> np.ndarray:
    """Return what candidates are ranked by, (n,) float32: 1 is the query itself.

    One without neighbours is not known to the graph yet, and ranked by its cosine: to have nothing in common
    with the query would hide nine of ten photos that were just added.

    Parameters
    ----------
    cosines
        (n,) float32: with the query.
    ids
        (n,) int64.
    lists
        (n, NEIGHBOURS) int64: their neighbours' ids, best first, or -1.
    """
    weights = np.where(lists >= 0, _WEIGHTS[: lists.shape[1]], 0.0)
    # The candidate is in its own profile: for a photo that the query is very near to, it is in both.
    common = (query.of(lists) * weights).sum(axis=1) + query.of(ids)
    lengths = np.sqrt((weights**2).sum(axis=1) + 1)
    shared = np.where((lists >= 0).any(axis=1), common / lengths, cosines)
    blended: np.ndarray = ((1 - _SHARED) * cosines + _SHARED * shared).astype(np.float32)
    return blended


def order(
    scores: np.ndarray, cosines: np.ndarray, ids: np.ndarray, copies: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of candidates, (n,) int64, best first, equal scores by id, and their scores, falling.

    The nearest by cosine comes first, and so do all that are near-identical: however many others are around
    it, the crowd must not hide the very picture that was looked for.

    Parameters
    ----------
    scores, cosines, ids
        (n,).
    copies
        (n,) bool: which are near-identical to the query.
    """
    first = copies | (cosines >= cosines.max(initial=-np.inf))
    ranked = np.where(first, cosines, scores)
    places = np.lexsort((ids, -ranked, ~first))
    return places, np.maximum.accumulate(ranked[places][::-1])[::-1]


def varied(vectors: np.ndarray, scores: np.ndarray, k: int, diversity: float) -> np.ndarray:
    """Return the places of k candidates, each as good and as different from those before it as can be.

    Maximal marginal relevance (J. Carbonell and J. Goldstein, "The use of MMR, diversity-based reranking for
    reordering documents and producing summaries", 1998).

    Parameters
    ----------
    vectors
        (n, dim) float32, unit vectors, best first.
    scores
        (n,) float32.
    diversity
        From 0, the order as it is, to 1, as different as can be.
    """
    chosen: list[int] = []
    value = (1 - diversity) * scores.astype(np.float64)
    nearest = np.zeros(len(scores))  # how like one that is chosen already
    for _ in range(min(k, len(scores))):
        best = int(np.argmax(value - diversity * nearest))
        chosen.append(best)
        nearest = np.maximum(nearest, vectors @ vectors[best])
        value[best] = -np.inf
    return np.array(chosen, dtype=np.int64)


def folded(vectors: np.ndarray, copies_from: float) -> np.ndarray:
    """Return for each photo the place of the first that it is a near-identical one of, (n,) int64.

    Parameters
    ----------
    vectors
        (n, dim) float32, unit vectors, best first.
    copies_from
        The cosine of near-identical photos.
    """
    places = np.arange(len(vectors))
    first = places.copy()
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        block = vectors[start : start + _ROWS_AT_ONCE] @ vectors[start:].T >= copies_from
        for place, alike in enumerate(block, start):
            if first[place] == place:  # it stands for those behind it that nobody stands for yet
                behind = start + np.flatnonzero(alike)
                behind = behind[behind > place]
                first[behind[first[behind] == behind]] = place
    return first
