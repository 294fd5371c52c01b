"""The photos that alone may answer: by their ids, one by one, or as Milvus is asked for them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from simsearch.expressions import expression
from simsearch.filters import Condition, Filters
from simsearch.store import Store


class Among:
    """Photos by their ids, (n,) int64."""

    def __init__(self, ids: np.ndarray) -> None:
        self._ids = ids

    @property
    def ids(self) -> np.ndarray:
        """Their ids, (n,) int64."""
        return self._ids

    @property
    def expression(self) -> str:
        """What Milvus is to ask of a photo."""
        return f"id in {self.ids.tolist()}"

    def hold(self, ids: np.ndarray) -> np.ndarray:
        """Return which of some ids, (n,) int64, they are, (n,) bool."""
        there: np.ndarray = np.isin(ids, self.ids)
        return there


class Filtered(Among):
    """Photos that filters leave; how they are told is worked out when it is asked for.

    Parameters
    ----------
    condition
        What the filters ask, in SQL.
    """

    def __init__(self, store: Store, filters: Filters, condition: Condition) -> None:
        self._store = store
        self._filters = filters
        self._condition = condition

    @cached_property
    def ids(self) -> np.ndarray:
        """Their ids, (n,) int64, ascending."""
        return self._store.select(*self._condition)

    @cached_property
    def expression(self) -> str:
        """What Milvus is to ask of a photo."""
        return expression(self._filters, self._store)

    def hold(self, ids: np.ndarray) -> np.ndarray:
        """Return which of some ids, (n,) int64, they are, (n,) bool."""
        if "ids" in self.__dict__:  # worked out already
            return super().hold(ids)
        there: np.ndarray = np.isin(ids, self._store.select(*self._condition, of=ids))
        return there
