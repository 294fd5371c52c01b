"""Which photos belong together with some examples: decided by what they are like, however many that makes.

Each picture that is liked is searched for by itself, since examples may be of several sorts and their mean
of none. What is related to one of them belongs, unless it is clearly more like something that is disliked.
Then the neighbours vote: a photo of whose own nearest enough belong does so as well, and so on (T. Cover and
P. Hart, "Nearest neighbor pattern classification", 1967), which finds those that no example is near to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch import rerank
from simsearch.ranking import Examples, Found, Ranker, Wish
from simsearch.trust import NEAR_IDENTICAL, SAME_KIND, UNRELATED

if TYPE_CHECKING:
    from simsearch.index.graph import Graph
    from simsearch.index.local import LocalIndex
    from simsearch.indexes import Indexes

# By which a photo must be more like a dislike than like any like. At 0, with three dislikes, 1 in 100 more of
# those that stay are right, and 2 in 100 of those that belong are lost.
_CLEARLY = 0.05
_ENOUGH = 3 / 8  # of a photo's neighbours; a half finds 2 in 100 fewer, and 1 in 100 fewer are wrong
_MOST = 1 / 2  # of them where those have joined: kinds of many photos are not found in one step
_ROUNDS = 20  # each reaches as far as neighbours are apart
_FADING = 0.85  # from one neighbour to the next: kinds of a few photos have few among 20
_AT_FIRST = 60  # hits that are asked for ...
_MORE = 4  # ... and times as many while the last of them is related, too


class Kept(NamedTuple):
    """Examples.

    Attributes
    ----------
    vectors
        (n, dim) float32: their embeddings.
    photos
        (n,) int64: their ids where they are photos of the library, else -1.
    """

    vectors: np.ndarray
    photos: np.ndarray


def members(ranker: Ranker, indexes: Indexes, likes: Kept, dislikes: Kept) -> list[Found]:
    """Return the photos that belong together with what is liked: first what is liked, then best first.

    A photo that is liked always belongs, one that is disliked never does. Where it is not known what scores
    mean, as in a library of a few photos, nothing else belongs.

    Parameters
    ----------
    likes, dislikes
        Of one width; there may be none.
    """
    dim = likes.vectors.shape[1]
    with indexes.lock:  # so that all of it is about one state of the library
        found = _related(ranker, likes)
        index, graph = indexes.current("auto", dim), indexes.graph(dim)
        wanted, unwanted = indexes.projected(likes.vectors), indexes.projected(dislikes.vectors)
        ids = np.array(sorted({*found, *likes.photos.tolist()}), dtype=np.int64)
        ids = ids[index.holds(ids)]
        fits = _nearest(index, ids, wanted) > _nearest(index, ids, unwanted) - _CLEARLY
        ids = ids[(fits & ~np.isin(ids, dislikes.photos)) | np.isin(ids, likes.photos)]
        shares = None
        if graph is not None and len(graph) >= rerank.FEWEST:
            ids, shares = _with_neighbours(graph, ids, dislikes.photos)
            ids, shares = ids[there := index.holds(ids)], shares[there]
        cosines = _nearest(index, ids, wanted)
    liked = np.isin(ids, likes.photos)
    scores = np.where(liked, 1.0, cosines if shares is None else (cosines + shares) / 2)
    order = np.lexsort((ids, -scores, ~liked))
    columns = (column[order].tolist() for column in (ids, scores, cosines, liked))
    return [_told(found, *row) for row in zip(*columns, strict=True)]


def _related(ranker: Ranker, likes: Kept) -> dict[int, Found]:
    """Return by their ids the photos that are related to one of the likes, each as found with the nearest."""
    found: dict[int, Found] = {}
    for vector, photo in zip(likes.vectors, likes.photos, strict=True):
        example = Examples(vector[None], vector[None][:0], np.array([photo]))
        for one in _all_hits(ranker, example):
            if one.trust not in (None, UNRELATED) and (
                one.id not in found or one.cosine > found[one.id].cosine
            ):
                found[one.id] = one
    return found


def _all_hits(ranker: Ranker, example: Examples) -> list[Found]:
    """Return the hits of an example, as many as there are related ones at least."""
    count = _AT_FIRST
    while True:
        hits = ranker.find(example, Wish(count, "auto", True, 0.0, False), None)
        if len(hits) < count or hits[-1].trust in (None, UNRELATED):
            return hits
        count *= _MORE


def _nearest(index: LocalIndex, ids: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """Return the cosines of photos, (n,) int64, with the nearest of examples, (m, width): (n,) float32."""
    nearest: np.ndarray = (index.vectors(ids) @ examples.T).max(axis=1, initial=-np.inf)
    return nearest


def _with_neighbours(graph: Graph, ids: np.ndarray, never: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Have the photos join of whose neighbours enough belong, then those of whose neighbours most do.

    Parameters
    ----------
    ids
        (n,) int64: those that belong.
    never
        (m,) int64: those that never do.

    Returns
    -------
    Ids, (k,) int64 ascending, and for each the share of its neighbours that belong, (k,) float64, of which
    nearer ones count for more.
    """
    enough, shares = _ENOUGH, np.zeros(len(ids))
    for _ in range(_ROUNDS):
        before = len(ids)
        ids, shares = _joined_by(graph, ids, never, enough)
        if len(ids) == before:
            break
        enough = _MOST
    return ids, shares


def _joined_by(
    graph: Graph, ids: np.ndarray, never: np.ndarray, enough: float
) -> tuple[np.ndarray, np.ndarray]:
    """Have the photos join of whose neighbours such a share belongs; see :func:`_with_neighbours`."""
    around = np.unique(graph.neighbours(ids)[0])
    maybe = np.union1d(ids, around[(around >= 0) & ~np.isin(around, never)])
    lists, _ = graph.neighbours(maybe)
    weights = np.where(lists >= 0, _FADING ** np.arange(lists.shape[1]), 0.0)
    shares = (weights * np.isin(lists, ids)).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
    join = (shares >= enough) | np.isin(maybe, ids)
    return maybe[join], shares[join]


def _told(found: dict[int, Found], photo_id: int, score: float, cosine: float, liked: bool) -> Found:
    """Say what a photo means that belongs; nothing is known of scores where nothing was found."""
    one = found.get(photo_id)
    word = one.trust if one else SAME_KIND if found else None
    beats = one.beats if one else None
    return Found(photo_id, score, cosine, NEAR_IDENTICAL if liked and found else word, beats)
