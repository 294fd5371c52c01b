"""FAISS behind the index protocol."""

from __future__ import annotations

import numpy as np


class FlatIndex:
    """Exact search by inner product, which for unit vectors is the cosine.

    Parameters
    ----------
    dim
        Width of the vectors.
    """

    def __init__(self, dim: int) -> None:
        import faiss

        self.dim = dim
        self._index = faiss.IndexIDMap(faiss.IndexFlatIP(dim))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Add vectors, (n, dim) float32 of unit length, under ids, (n,) int64, none of them there yet."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)

    def search(self, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the k vectors with the largest inner product.

        Parameters
        ----------
        vectors
            (q, dim) float32.
        k
            At least 1; may exceed the number of vectors.

        Returns
        -------
        ids, scores
            (q, k) int64 and float32, best first, equal scores by id; padded with -1 and -inf.

        Raises
        ------
        ValueError
            When k is below 1 or the vectors have another width.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise ValueError(f"vectors must have the shape (n, {self.dim}), not {vectors.shape}")
        ids = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        for row, vector in enumerate(np.ascontiguousarray(vectors, dtype=np.float32)):
            best_ids, best_scores = self._search_one(vector, k)
            ids[row, : len(best_ids)], scores[row, : len(best_ids)] = best_ids, best_scores
        return ids, scores

    def _search_one(self, vector: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        # FAISS keeps any of several equal scores at the k-th place, and copies of a photo have equal scores.
        # So look past k until the score falls, then decide by id.
        wanted = min(k + 1, len(self))
        while True:
            scores, ids = self._index.search(vector[None], max(wanted, 1))
            scores, ids = scores[0][ids[0] >= 0], ids[0][ids[0] >= 0]
            if wanted >= len(self) or scores[-1] < scores[k - 1]:
                break
            wanted = min(2 * wanted, len(self))
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]
