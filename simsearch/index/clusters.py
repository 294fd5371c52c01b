"""The nearest neighbours of each of many vectors, most of them, without comparing each with each.

Vectors are clustered, and each visits the clusters nearest to it, as a search in an inverted file does
(Jégou, Douze and Schmid, PAMI 2011). Whom a visitor meets, meets the visitor: a pair is found where either
of the two visits the other, as in NN-descent (Dong, Moses and Li, WWW 2011), which takes half the visits.
"""

from __future__ import annotations

import numpy as np

from simsearch.index import ranked
from simsearch.index.ranked import Read

_CLUSTER = 500  # vectors on average: with fewer BLAS is slower, with more it has more to do
_LARGEST = 4 * _CLUSTER  # copies of one photo, which cannot be told apart, would all be in one cluster
_MOST = 50_000  # clusters: 16 bits count them, and what is divided
_VISITED = 16  # by each, no more than ranked.KEPT: of a million as hard as photos' 0.99 of 20 are found
_SAMPLE = 50  # vectors a cluster are enough to find the clusters
_ROUNDS = 6  # of k-means: more change the clusters, hardly what is found in them
_ROWS_AT_ONCE = 2_048  # whose products with the centres are not much beside the rest


class Clusters:
    """Clusters of vectors, and who visits which.

    Parameters
    ----------
    visited
        (n, v) uint16: the clusters that each of n rows visits, the one it belongs to first.
    """

    def __init__(self, visited: np.ndarray) -> None:
        self._visited = visited
        self.count = int(visited.max()) + 1
        self._visits = [_grouped(column, self.count) for column in visited.T]

    def members(self, number: int) -> np.ndarray:
        """Return the rows of a cluster, (m,) int32 ascending."""
        rows, starts = self._visits[0]
        return rows[starts[number] : starts[number + 1]]

    def visitors(self, number: int) -> np.ndarray:
        """Return the rows that visit a cluster without belonging to it, (m,) int32 ascending."""
        slices = [rows[starts[number] : starts[number + 1]] for rows, starts in self._visits[1:]]
        return np.sort(np.concatenate(slices)) if slices else np.empty(0, dtype=np.int32)

    def visit(self, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return which rows, (p,), visit or share the cluster of the others, (p,), one by one, (p,) bool."""
        there: np.ndarray = (self._visited[rows] == self._visited[others, :1]).any(axis=1)
        return there


def fill(lists: np.ndarray, read: Read) -> None:
    """Make lists, (n, KEPT), of all rows among themselves, in place; see :mod:`simsearch.index.ranked`."""
    clusters = Clusters(_visited(read, len(lists)))
    for number in range(clusters.count):
        members = clusters.members(number)
        lists[members] = ranked.nearest(read, members, members)
    for number in range(clusters.count):
        _introduce(clusters, number, read, lists)


def _introduce(clusters: Clusters, number: int, read: Read, lists: np.ndarray) -> None:
    """Compare the members of a cluster with its visitors, and take each into the other's list."""
    members = clusters.members(number)
    least = _last(lists, members)
    for visitors, cosines in ranked.products(read, members, clusters.visitors(number)):
        met, visiting = np.divmod(np.flatnonzero(cosines > _last(lists, visitors)), len(visitors))
        ranked.enter(lists, visitors[visiting], ranked.encoded(cosines[met, visiting], members[met]))
        met, visiting = np.divmod(np.flatnonzero(cosines > least[:, None]), len(visitors))
        # Who visits back, meets or has met the visitor there, and would have it twice.
        once = ~clusters.visit(members[met], visitors[visiting])
        met, visiting = met[once], visiting[once]
        ranked.enter(lists, members[met], ranked.encoded(cosines[met, visiting], visitors[visiting]))


def _last(lists: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the cosines, (m,) float32, that others must exceed to come into the lists of some rows."""
    return ranked.decoded(lists[rows, -1])[1]


def _visited(read: Read, count: int) -> np.ndarray:
    """Return the clusters that each row visits, (count, v) uint16, nearest first."""
    centres = _centres(read, count)
    numbers = np.arange(len(centres))
    visited = np.empty((count, min(_VISITED, len(centres))), dtype=np.uint16)
    for start in range(0, count, _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, count))
        lists = ranked.improved(ranked.empty(len(rows)), numbers, read(rows) @ centres.T)
        visited[rows] = ranked.decoded(lists[:, : visited.shape[1]])[0]
    _divide(visited[:, 0], len(centres))
    return visited


def _centres(read: Read, count: int) -> np.ndarray:
    """Return the centres of clusters, (c, dim) float32 of unit length."""
    import faiss

    wanted = min(-(-count // _CLUSTER), _MOST)
    sample = read(np.arange(0, count, max(count // (_SAMPLE * wanted), 1)))
    means = faiss.Kmeans(
        sample.shape[1], wanted, niter=_ROUNDS, spherical=True, seed=1, min_points_per_centroid=1
    )
    means.train(sample)
    return np.asarray(means.centroids)


def _divide(own: np.ndarray, count: int) -> None:
    """Give what is beyond the size of a cluster in ``own``, (n,) uint16, to new ones, in place."""
    rows, starts = _grouped(own, count)
    for number in np.flatnonzero(np.diff(starts) > _LARGEST):
        for start in range(starts[number] + _LARGEST, starts[number + 1], _LARGEST):
            own[rows[start : min(start + _LARGEST, starts[number + 1])]] = count
            count += 1


def _grouped(numbers: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, (n,) int32, in the order of their numbers, and where those of each start."""
    starts = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(numbers, minlength=count), out=starts[1:])
    return np.argsort(numbers, kind="stable").astype(np.int32), starts
