"""What the three engines on this machine share: vectors under ids, ranked exactly in the end, and a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from simsearch.index import files
from simsearch.index.files import Origin
from simsearch.index.rows import Best, Rows, Selection, checked_vectors, nobody

Arrays = dict[str, list[np.ndarray]]
_FEW = 20_000  # vectors; to compare with so many takes as long as to choose which to compare with
_SHARE_FEW = 8  # and so does one of so many: their nearest lie far apart, and an engine must look far


class LocalIndex(ABC):
    """An index that holds its vectors; engines differ in which of them they look at.

    Parameters
    ----------
    rows
        The vectors.
    """

    engine: ClassVar[str]

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def holds(self, ids: np.ndarray) -> np.ndarray:
        """Return which of some ids, (n,) int64, are there, (n,) bool."""
        there: np.ndarray = self._rows.find(ids) >= 0
        return there

    @property
    def has_gaps(self) -> bool:
        """Whether vectors were removed that a file would not hold."""
        return self._rows.has_gaps

    def vectors(self, ids: np.ndarray) -> np.ndarray:
        """Return the vectors of some ids, (n,) int64, as they are kept: (n, dim) float32.

        Raises
        ------
        ValueError
            When an id is not there.
        """
        return self._rows.take(self._rows.located(ids))

    def scores(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the inner products of a query, (dim,) float32, with some ids, (n,) int64, as a search does.

        Raises
        ------
        ValueError
            When an id is not there.
        """
        return self._rows.scores(query, self._rows.located(ids))

    @property
    def precision(self) -> str:
        """How vectors are kept."""
        return self._rows.precision

    @abstractmethod
    def __str__(self) -> str:
        """Say in a sentence how it searches, and why so."""

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self._rows.dim

    @property
    def nbytes(self) -> int:
        """How many bytes the index takes."""
        return self._rows.nbytes

    @property
    def worn(self) -> bool:
        """Whether it should be made anew."""
        return self._rows.worn

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Add vectors, (n, dim), under ids, (n,) integers; they are found at once.

        Raises
        ------
        ValueError
            When an id is negative, comes twice or is there already, or a vector has another width, a NaN
            or an infinity, or is zero. Nothing is added then.
        """
        start = self._rows.count
        vectors = self._rows.append(ids, vectors)
        if len(vectors):
            self._added(np.arange(start, self._rows.count), vectors)

    def remove(self, ids: np.ndarray) -> None:
        """Remove vectors by their ids, (n,) integers; they are gone at once.

        Raises
        ------
        ValueError
            When an id comes twice or is not there. Nothing is removed then.
        """
        self._removed(self._rows.remove(ids))

    def search(self, vectors: np.ndarray, k: int, among: np.ndarray | None = None) -> Best:
        """Find the vectors with the largest inner product with each query.

        Parameters
        ----------
        vectors
            (q, dim).
        k
            At least 1; may exceed the number of vectors there are.
        among
            (m,) int64: the ids that alone may answer, in any order; those that are not there are ignored.
            None stands for all.

        Returns
        -------
        ids, scores
            (q, k) int64 and float32, best first, equal scores by id, padded with -1 and -inf. Scores are
            those of the vectors as they are kept, and there are k wherever k vectors may answer.

        Raises
        ------
        ValueError
            When k is below 1 or the vectors cannot be used.
        """
        vectors = checked_vectors(vectors, self.dim)
        ids, scores = nobody(len(vectors), k)
        selection = None if among is None else self._rows.selection(among)
        there = min(k, len(self) if selection is None else len(selection.rows))
        best = self._best_of_all if selection and self._are_few(selection) else self._best
        for row, query in enumerate(vectors if there else vectors[:0]):
            ids[row, :there], scores[row, :there] = best(query, there, selection)
        return ids, scores

    def _are_few(self, selection: Selection) -> bool:
        return len(selection.rows) < max(_FEW, self._rows.count // _SHARE_FEW)

    def _best_of_all(self, query: np.ndarray, k: int, selection: Selection | None) -> Best:
        """Compare all that may answer."""
        return self._rows.best(query, k, selection.rows if selection else None)

    def _best(self, query: np.ndarray, k: int, selection: Selection | None) -> Best:
        rows = self._candidates(query, k, selection)
        return self._best_of_all(query, k, selection) if rows is None else self._rows.best(query, k, rows)

    def scanned(self, vectors: np.ndarray, k: int = 15) -> np.ndarray:
        """Return the share of all vectors that a search for k looks at, (q,) float64, by query (q, dim)."""
        return np.ones(len(checked_vectors(vectors, self.dim)))

    def compared(self, vectors: np.ndarray, k: int) -> np.ndarray:
        """Return the share of all vectors that a search compares exactly, (q,) float64."""
        there = min(k, len(self))
        candidates = (
            self._candidates(query, there, None) for query in checked_vectors(vectors, self.dim) if there
        )
        return np.array([1.0 if rows is None else len(rows) / len(self) for rows in candidates])

    def rebuilt(self) -> Self:
        """Return an index of the same vectors without gaps, made for as many as there are now."""
        index = self._empty()
        for ids, vectors in self._rows.blocks():
            index.add(ids, vectors)
        index.settle()
        return index

    def settle(self) -> None:  # noqa: B027  (a hook)
        """Get ready to search, now that many were added; otherwise the first search does."""

    def save(self, path: Path, origin: Origin) -> None:
        """Write the index to a file.

        Raises
        ------
        WriteError
            When it cannot be written.
        """
        if self._rows.has_gaps:
            self.rebuilt().save(path, origin)
        else:
            parameters, arrays = self._content()
            files.save(path, self.engine, origin, parameters, {**self._rows.arrays(), **arrays})

    @classmethod
    def load(
        cls, path: Path, origin: Origin, mark_of: Callable[[int], str] | None = None
    ) -> tuple[Self, int]:
        """Read an index from a file; its vectors are mapped from it where the file system can.

        Parameters
        ----------
        origin
            What it is expected to be made from; it may be of an earlier generation.
        mark_of
            Tells the mark of an earlier generation; by default none is checked.

        Returns
        -------
        The index, and the generation it is of.

        Raises
        ------
        FileNotFoundError
            When there is none.
        DerivedFileError
            When it is damaged, or was made from something else or by a newer version.
        """
        saved = files.load(path, cls.engine, origin, mark_of)
        with files.explained(path):
            rows = Rows.of(saved.arrays["ids"], saved.arrays["kept"], saved.arrays["scales"])
            return cls._restored(rows, saved.parameters, saved.arrays), saved.origin.generation

    @abstractmethod
    def _empty(self) -> Self:
        """Return an index of this kind without vectors."""

    def _added(self, rows: np.ndarray, vectors: np.ndarray) -> None:  # noqa: B027  (a hook)
        """Take note of new rows, (n,) int64, and their vectors, (n, dim) float32."""

    def _removed(self, rows: np.ndarray) -> None:  # noqa: B027  (a hook)
        """Take note of rows, (n,) int64, that are gaps now."""

    @abstractmethod
    def _candidates(self, query: np.ndarray, k: int, selection: Selection | None) -> np.ndarray | None:
        """Return at least k rows to rank, (m,) int64, each once and no gaps; None stands for all that may be.

        Parameters
        ----------
        query
            (dim,) float32.
        k
            No more than may be.
        selection
            The rows that may be, where those are not all. They may lie anywhere, seen from the query.
        """

    def _content(self) -> tuple[dict[str, Any], Arrays]:
        """Return what is saved beside the rows: parameters, and arrays as parts one behind the other."""
        return {}, {}

    @classmethod
    @abstractmethod
    def _restored(cls, rows: Rows, parameters: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Return the index that :meth:`_content` was the content of."""
