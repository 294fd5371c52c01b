"""Search in a Milvus server: for more vectors than one machine holds, and for several people at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from simsearch.index.milvus_collection import COLUMNS, Collection
from simsearch.index.rows import Best, checked_ids, checked_vectors, nobody, products

EFFORTS = (64, 128, 256, 512, 1024)  # rows that HNSW keeps in view; twice as many take nearly twice as long
_MOST = 16_384  # rows that one search may ask for
# Rows; to compare with so many takes 20 ms. Milvus makes no index for a segment of less than 1,024 rows, and
# looks at a part of them all the same: of 60 photos in one folder it missed a tenth of the nearest.
_FEW = 2_000
_IDS_IN_VIEW = 10_000  # that a search may be narrowed to at once; an expression of more takes long to read
_NARROWED = 4  # times the effort where not all may answer: HNSW then passes by those that may not
_NO_FILTER: dict[str, Any] = {name: "" if longest else 0 for name, longest in COLUMNS.items()}


class MilvusIndex:
    """An index whose vectors lie in a collection; it keeps the promises of a local one.

    Scores are computed here, of the vectors as they are kept, so that equal ones are equal.

    Parameters
    ----------
    collection
        It exists.
    effort
        One of :data:`EFFORTS`, about: the more, the more of the true nearest are found.
    """

    engine = "milvus"

    def __init__(self, collection: Collection, effort: int = EFFORTS[1]) -> None:
        self.collection = collection
        self.effort = effort
        self.dim = collection.dim

    def __len__(self) -> int:
        return self.collection.count()

    def __str__(self) -> str:
        return (
            f"milvus: {self.collection.name} in {self.collection.address}, by HNSW with {self.effort} in view"
        )

    def holds(self, ids: np.ndarray) -> np.ndarray:
        """Return which of some ids, (n,) int64, are there, (n,) bool."""
        there: np.ndarray = np.isin(ids, self.collection.vectors(ids)[0])
        return there

    def vectors(self, ids: np.ndarray) -> np.ndarray:
        """Return the vectors of some ids, (n,) int64: (n, dim) float32.

        Raises
        ------
        ValueError
            When an id is not there.
        """
        there, vectors = self.collection.vectors(ids)
        order = np.argsort(there)
        places = np.searchsorted(there[order], ids)
        gone = (places == len(there)) | (there[order][np.minimum(places, len(there) - 1)] != ids)
        if gone.any():
            raise ValueError(f"id {ids[gone][0]} is not in the index")
        return vectors[order][places]

    def scores(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the inner products of a query, (dim,) float32, with some ids, (n,) int64, as a search does.

        Raises
        ------
        ValueError
            When an id is not there.
        """
        return products(self.vectors(ids), query)

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Add vectors, (n, dim), under ids, (n,) integers, for searches without filters.

        Raises
        ------
        ValueError
            As :meth:`LocalIndex.add` does.
        StorageError
            Here and below: when the server cannot be used.
        """
        vectors, ids = checked_vectors(vectors, self.dim), checked_ids(ids, len(vectors))
        if (known := self.holds(ids)).any():
            raise ValueError(f"id {ids[known][0]} is in the index already")
        columns = {name: [nothing] * len(ids) for name, nothing in _NO_FILTER.items()}
        self.collection.upsert(ids, vectors, np.zeros(len(ids), dtype=np.int64), columns)

    def remove(self, ids: np.ndarray) -> None:
        """Remove vectors by their ids, (n,) integers; raise ValueError where one is not there."""
        ids = checked_ids(ids, ids.size)
        if (gone := ~self.holds(ids)).any():
            raise ValueError(f"id {ids[gone][0]} is not in the index")
        self.collection.delete(ids)

    def search(self, vectors: np.ndarray, k: int, among: np.ndarray | str | None = None) -> Best:
        """Find the vectors with the largest inner product with each query, or about; see :class:`LocalIndex`.

        Parameters
        ----------
        vectors
            (q, dim).
        k
            At least 1. No more than 16,384 answer.
        among
            (m,) int64: the ids that alone may answer; or an expression of Milvus that they meet.

        Returns
        -------
        ids, scores
            (q, k) int64 and float32, best first, equal scores by id, padded with -1 and -inf.

        Raises
        ------
        ValueError
            When k is below 1 or the vectors cannot be used.
        """
        vectors = checked_vectors(vectors, self.dim)
        ids, scores = nobody(len(vectors), k)
        for where in _expressions(among) if len(vectors) else ():
            for row, (found, theirs) in enumerate(self._candidates(vectors, min(k, _MOST), where)):
                merged = np.append(ids[row], found), np.append(scores[row], products(theirs, vectors[row]))
                order = np.lexsort((merged[0], -merged[1]))[:k]
                ids[row], scores[row] = merged[0][order], merged[1][order]
        return ids, scores

    def nearest(self, vectors: np.ndarray, k: int) -> list[Best]:
        """Return for each query, (q, dim) float32, about the k nearest, as the server scores them."""
        return self.collection.search(vectors, k, EFFORTS[0])

    def _candidates(self, queries: np.ndarray, k: int, where: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return for each query ids and vectors, k where there are k."""
        if where and self.collection.count(where) <= _FEW:
            return [self.collection.matching(where)] * len(queries)
        effort = self.effort * _NARROWED if where else self.effort
        found = self.collection.search(queries, k, effort, where, with_vectors=True)
        if all(len(ids) == k for ids, _ in found):
            return found
        # HNSW may not reach what lies behind many that may not answer, or behind many copies.
        there = self.collection.count(where)
        if there > _MOST or all(len(ids) >= min(k, there) for ids, _ in found):
            return found
        return [self.collection.matching(where)] * len(queries)


def _expressions(among: np.ndarray | str | None) -> list[str]:
    """Return what the answers meet, each one of these; none where nothing may answer."""
    if among is None or isinstance(among, str):
        return [among or ""]
    each = np.unique(among)
    starts = range(0, len(each), _IDS_IN_VIEW)
    return [f"id in {each[start : start + _IDS_IN_VIEW].tolist()}" for start in starts]
