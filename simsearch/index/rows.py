"""The vectors of an index and their ids, row by row: what every engine ranks by in the end.

A row number is the place of a vector in the order they came. Removing an id leaves a gap, so that the
numbers of the others hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from simsearch.index.column import Column

Best = tuple[np.ndarray, np.ndarray]  # ids and scores
PRECISIONS = ("float32", "float16", "int8")
_ROWS_AT_ONCE = 16_384
_SCANNED_AT_ONCE = 2_048  # rows made float32: they fit into a cache, and BLAS does not wait for threads
_PASSED_BY = 4  # rows are read one behind the other in the time in which one of many is fetched
_BY_CHANCE = 2  # times as many as are expected: where k is 15, one of 1,000 searches meets them by chance
_BLOCK = 256  # scores whose maximum stands for them
_SHORTEST, _LONGEST = 0.5, 2.0  # vectors that pass for unit vectors
# Sums of the same products in another order differ by less, for such vectors of up to 4,096 numbers.
_SUMMING_ERROR = 4e-5
_WITHOUT_COPIED_SIGNS = np.int32(-0x70000001)  # 0x8FFFFFFF: but for the first, copies of a float16's sign
_OFFSET = np.float32(2.0**112)  # exponents are 15 too large in a float16, 127 in a float32


class Selection(NamedTuple):
    """Rows that alone may answer.

    Attributes
    ----------
    rows
        (m,) int64, ascending; no gaps.
    allowed
        (count,) bool: the same, as a mask over all rows.
    """

    rows: np.ndarray
    allowed: np.ndarray

    @property
    def share(self) -> float:
        """The share of all rows that they are."""
        return len(self.rows) / len(self.allowed)

    def is_aside(self, k: int, nearer: int) -> bool:
        """Tell whether so many of all rows are nearer to a query than the k-th of these that it is no chance.

        Then these are not spread as the others are, and their nearest lie where nobody looked.
        """
        return nearer > _BY_CHANCE * k / self.share


class Rows:
    """Vectors under ids.

    Parameters
    ----------
    dim
        Width of the vectors.
    precision
        How they are kept: "float32", "float16" (loses nothing where they come from float16) or "int8"
        (a quarter of float32's size, cosines to about 0.001). They are taken and given as float32 always.

    Attributes
    ----------
    ids
        (count,) int64, those of gaps included.
    live
        (count,) bool: False at gaps.
    """

    def __init__(self, dim: int, precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision}")
        self.dim = dim
        self.precision = precision
        self.ids = np.empty(0, dtype=np.int64)
        self.live = np.empty(0, dtype=bool)
        self._kept = Column(np.empty((0, dim), dtype=precision))
        self._scales = Column(np.empty(0, dtype=np.float32))  # what an int8 row is multiplied by
        self._gaps = 0
        self._largest_id = -1
        self._by_id: np.ndarray | None = None  # rows in the order of their ids, where that is not their own

    @classmethod
    def of(cls, ids: np.ndarray, kept: np.ndarray, scales: np.ndarray) -> Rows:
        """Return rows over arrays as :meth:`arrays` gives them; ``kept`` may be mapped from a file."""
        scaled = len(kept) if kept.dtype == np.int8 else 0
        if not len(ids) == len(kept) or len(scales) != scaled:
            raise ValueError(f"{len(ids):,} ids and {len(scales):,} scales for {len(kept):,} vectors")
        rows = cls(kept.shape[1], kept.dtype.name)
        rows.ids, rows.live = ids, np.ones(len(ids), dtype=bool)
        rows._kept, rows._scales = Column(kept), Column(scales)
        rows._largest_id = int(ids.max(initial=-1))
        if (np.diff(ids) <= 0).any():
            rows._sort()
        return rows

    def arrays(self) -> dict[str, list[np.ndarray]]:
        """Return what :meth:`of` needs, each as parts that belong one behind the other, without gaps."""
        if self._gaps:
            raise ValueError("there are gaps")
        return {"ids": [self.ids], "kept": self._kept.parts(), "scales": self._scales.parts()}

    def __len__(self) -> int:
        """Return how many vectors there are, gaps not counted."""
        return self.count - self._gaps

    @property
    def count(self) -> int:
        """How many rows there are, gaps included."""
        return len(self.ids)

    @property
    def has_gaps(self) -> bool:
        """Whether some rows were removed."""
        return self._gaps > 0

    @property
    def worn(self) -> bool:
        """Whether more than a quarter of the rows are gaps."""
        return 4 * self._gaps > self.count

    @property
    def nbytes(self) -> int:
        """How many bytes the rows take."""
        columns = [part for column in (self._kept, self._scales) for part in column.parts()]
        return sum(array.nbytes for array in (self.ids, self.live, *columns))

    def append(self, ids: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Add vectors, (n, dim), under ids, (n,) integers; return the vectors as they are kept, as float32.

        Raises
        ------
        ValueError
            When an id is negative, comes twice or is there already, or a vector cannot be used.
        """
        vectors = checked_vectors(vectors, self.dim)
        ids = checked_ids(ids, len(vectors))
        known = self.find(ids) >= 0
        if known.any():
            raise ValueError(f"id {ids[known][0]} is in the index already")
        ascending = self._by_id is None and bool((np.diff(ids, prepend=self._largest_id) > 0).all())
        vectors = self._kept_as(vectors)
        self.ids = np.concatenate([self.ids, ids])
        self.live = np.concatenate([self.live, np.ones(len(ids), dtype=bool)])
        self._largest_id = max(self._largest_id, int(ids.max(initial=-1)))
        if not ascending:
            self._sort()
        return vectors

    def remove(self, ids: np.ndarray) -> np.ndarray:
        """Leave gaps where ids were; return their rows.

        Raises
        ------
        ValueError
            When an id comes twice or is not there.
        """
        ids = checked_ids(ids, ids.size)
        rows = self.located(ids)
        self.live[rows] = False
        self._gaps += len(rows)
        if self._by_id is not None:
            self._sort()
        return rows

    def find(self, ids: np.ndarray) -> np.ndarray:
        """Return the rows of ids, (n,) int64, -1 where an id is not there."""
        if not len(self) or not len(ids) or ids.min() > self._largest_id:
            return np.full(len(ids), -1)
        order = self._by_id
        known = self.ids if order is None else self.ids[order]
        place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        rows = place if order is None else order[place]
        return np.where((self.ids[rows] == ids) & self.live[rows], rows, -1)

    def selection(self, ids: np.ndarray) -> Selection:
        """Return the rows of ids, (n,) int64, in any order; an id that is not there has none."""
        allowed = np.isin(self.ids, ids) & self.live  # by a table, where ids are as close as a store's are
        return Selection(np.flatnonzero(allowed), allowed)

    def located(self, ids: np.ndarray) -> np.ndarray:
        """Return the rows of ids, (n,) int64.

        Raises
        ------
        ValueError
            When an id is not there.
        """
        rows = self.find(ids)
        if (rows < 0).any():
            raise ValueError(f"id {ids[rows < 0][0]} is not in the index")
        return rows

    def _sort(self) -> None:
        rows = np.flatnonzero(self.live)
        self._by_id = rows[np.argsort(self.ids[rows], kind="stable")]

    def _kept_as(self, vectors: np.ndarray) -> np.ndarray:
        """Keep vectors in the precision of the rows; return what they are then, as float32."""
        if self.precision != "int8":
            kept = vectors.astype(self.precision, copy=False)
            self._kept.append(kept)
            return kept.astype(np.float32, copy=False)
        scales = np.abs(vectors).max(axis=1, initial=0) / 127
        numbers = np.rint(vectors / scales[:, None])
        self._scales.append(scales)
        self._kept.append(numbers.astype(np.int8))
        rounded: np.ndarray = numbers * scales[:, None]
        return rounded

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of some rows, (m,) int64, as (m, dim) float32."""
        vectors = _float32(self._kept.take(rows))
        if self.precision == "int8":
            vectors *= self._scales.take(rows)[:, None]
        return vectors

    def nearest(self, queries: np.ndarray, k: int) -> np.ndarray:
        """Find the k nearest for many queries at once, as exact as float32 sums are.

        Parameters
        ----------
        queries
            (q, dim) float32.
        k
            No more than there are vectors.

        Returns
        -------
        (q, k) int64: rows, in no order.
        """
        best_rows: np.ndarray = np.empty((len(queries), 0), dtype=np.int64)
        best: np.ndarray = np.empty((len(queries), 0), dtype=np.float32)
        for start in range(0, self.count, _ROWS_AT_ONCE):
            rows = start + np.flatnonzero(self.live[start : start + _ROWS_AT_ONCE])
            best = np.concatenate([best, queries @ self.take(rows).T], axis=1)
            best_rows = np.concatenate([best_rows, np.broadcast_to(rows, (len(queries), len(rows)))], axis=1)
            if best.shape[1] > k:
                chosen = np.argpartition(best, -k, axis=1)[:, -k:]
                best = np.take_along_axis(best, chosen, axis=1)
                best_rows = np.take_along_axis(best_rows, chosen, axis=1)
        return best_rows

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield ids, (n,) int64, and vectors, (n, dim) float32, of rows that are no gaps, in order."""
        for start in range(0, self.count, _ROWS_AT_ONCE):
            rows = start + np.flatnonzero(self.live[start : start + _ROWS_AT_ONCE])
            yield self.ids[rows], self.take(rows)

    def best(self, query: np.ndarray, k: int, rows: np.ndarray | None) -> Best:
        """Rank vectors exactly by their inner product with a query.

        Parameters
        ----------
        query
            (dim,) float32.
        rows
            (m,) int64, each once and no gaps among them; None stands for all.

        Returns
        -------
        ids, scores
            At most k, int64 and float32, best first, equal scores by id. Equal vectors have equal scores,
            whatever their rows.
        """
        scores = self._scan(query) if rows is None else self._products(query, rows)
        near = _perhaps_best(scores, k)
        rows = near if rows is None else rows[near]
        ids, scores = self.ids[rows], self.scores(query, rows)
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]

    def _products(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the inner products of a query with some rows, (m,) float32, about."""
        if _PASSED_BY * len(rows) >= self.count:
            return self._scan(query).take(rows)
        products = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _SCANNED_AT_ONCE):
            block = slice(start, start + _SCANNED_AT_ONCE)
            np.matmul(self.take(rows[block]), query, out=products[block])
        return products

    def _scan(self, query: np.ndarray) -> np.ndarray:
        """Return all inner products with a query, (count,) float32, about; -inf at gaps."""
        scores = np.empty(self.count, dtype=np.float32)
        start = 0
        for part in self._kept.parts():
            step = len(part) if self.precision == "float32" else _SCANNED_AT_ONCE
            for at in range(0, len(part), max(step, 1)):
                block = _float32(part[at : at + step])
                np.matmul(block, query, out=scores[start : start + len(block)])
                start += len(block)
        if self.precision == "int8":
            scores *= self._scales.whole()
        if self._gaps:
            scores[~self.live] = -np.inf
        return scores

    def scores(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return inner products, (m,) float32; see :func:`products`."""
        blocks = [
            products(self.take(rows[start : start + _ROWS_AT_ONCE]), query)
            for start in range(0, len(rows), _ROWS_AT_ONCE)
        ]
        return np.concatenate(blocks or [np.empty(0, dtype=np.float32)])


def nobody(count: int, k: int) -> Best:
    """Return ids and scores of a search before any is found, (count, k) int64 and float32: -1 and -inf.

    Raises
    ------
    ValueError
        When k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return np.full((count, k), -1, dtype=np.int64), np.full((count, k), -np.inf, dtype=np.float32)


def products(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Return inner products, (n,) float32, that do not depend on what else is computed with them."""
    exact: np.ndarray = (vectors * query.astype(np.float64)).sum(axis=1)
    return exact.astype(np.float32)


def _float32(kept: np.ndarray) -> np.ndarray:
    """Return numbers as float32, without copying where they are; there is no infinity among them.

    The bits of a float16 are moved to where float32 has them, and the exponent's offset is made good: five
    times as fast as NumPy, which converts number by number. Nothing is rounded.
    """
    if kept.dtype != np.float16:
        return kept.astype(np.float32, copy=False)
    bits = kept.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _WITHOUT_COPIED_SIGNS
    numbers = bits.view(np.float32)
    numbers *= _OFFSET
    return numbers


def usable(vectors: np.ndarray) -> np.ndarray:
    """Return which vectors, (n, dim) float32, pass for unit vectors, (n,) bool; with a NaN they do not."""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    passing: np.ndarray = (squares > _SHORTEST**2) & (squares < _LONGEST**2)
    return passing


def checked_vectors(vectors: np.ndarray, dim: int) -> np.ndarray:
    """Return vectors as (n, dim) float32, contiguous.

    Raises
    ------
    ValueError
        When they have another shape, or one has a NaN or an infinity, is zero, or is far from unit
        length, which inner products must not be mistaken for cosines with.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"vectors must have the shape (n, {dim}), not {vectors.shape}")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    bad = np.flatnonzero(~usable(vectors))
    if len(bad):
        raise ValueError(f"vector {bad[0]} {_fault(vectors[bad[0]])}")
    return vectors


def checked_ids(ids: np.ndarray, count: int) -> np.ndarray:
    """Return ids as (count,) int64; raise ValueError where one is negative, or comes twice."""
    if ids.shape != (count,) or ids.dtype.kind not in "iu":
        raise ValueError(f"ids must be {count} whole numbers, not {ids.dtype} of the shape {ids.shape}")
    largest = np.iinfo(np.int64).max
    outside = (ids < 0) | (ids > largest)
    if outside.any():
        raise ValueError(f"an id must be from 0 to {largest}, not {ids[outside][0]}")
    ids = ids.astype(np.int64)
    ordered = np.sort(ids)
    if (twice := ordered[1:][np.diff(ordered) == 0]).size:
        raise ValueError(f"id {twice[0]} comes twice")
    return ids


def _fault(vector: np.ndarray) -> str:
    if not np.isfinite(vector).all():
        return "has a NaN or an infinity"
    if not vector.any():
        return "is zero"
    return f"has the length {np.linalg.norm(vector.astype(np.float64)):.3g}, where 1 is expected"


def _perhaps_best(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the places, (m,) int64, of all scores that may be among the k best once they are exact.

    The k-th largest maximum of a block is a bound that k scores reach, and costs one pass where selecting
    from a million scores would cost more than computing them.
    """
    blocks = len(scores) // _BLOCK
    if blocks >= k:
        maxima = scores[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
        bound = np.partition(maxima, blocks - k)[blocks - k]
    else:
        bound = np.partition(scores, len(scores) - k)[len(scores) - k] if len(scores) > k else -np.inf
    return np.flatnonzero((scores >= bound - _SUMMING_ERROR) & (scores > -np.inf))
