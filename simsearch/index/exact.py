"""Exact search: every vector is compared. The truth that the others are measured against."""

from __future__ import annotations

from typing import Any

import numpy as np

from simsearch.index.local import LocalIndex
from simsearch.index.rows import Rows, Selection


class ExactIndex(LocalIndex):
    """Compares the query with every vector.

    Parameters
    ----------
    dim
        Width of the vectors.
    precision
        How vectors are kept, see :class:`Rows`; float32 is several times as fast as the others.
    """

    engine = "exact"

    def __init__(self, dim: int, *, precision: str = "float32") -> None:
        super().__init__(Rows(dim, precision))

    def __str__(self) -> str:
        return "exact: every photo is compared"

    def _empty(self) -> ExactIndex:
        return ExactIndex(self.dim, precision=self._rows.precision)

    def _candidates(self, query: np.ndarray, k: int, selection: Selection | None) -> None:
        return None

    @classmethod
    def _restored(cls, rows: Rows, parameters: dict[str, Any], arrays: dict[str, np.ndarray]) -> ExactIndex:
        index = cls(rows.dim, precision=rows.precision)
        index._rows = rows
        return index
