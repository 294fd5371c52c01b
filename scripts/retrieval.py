"""How well ranked answers are: precision and mean average precision, each photo in turn being the query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_SCORES_AT_ONCE = 4_000_000  # about 100 MB while a block of queries is ranked, whatever the collection


class Quality(NamedTuple):
    """How well the photos of a class find each other; means over the queries."""

    queries: int
    precision_at_1: float
    precision_at_15: float
    mean_average_precision: float


def precision_at(relevant: np.ndarray, k: int) -> np.ndarray:
    """Return the share of relevant items among the first k.

    Parameters
    ----------
    relevant
        (queries, ranked items) bool, best first. Where there are fewer than k, those missing count as wrong.

    Returns
    -------
    (queries,) float64
    """
    share: np.ndarray = relevant[:, :k].sum(axis=1) / k
    return share


def average_precision(relevant: np.ndarray) -> np.ndarray:
    """Return the precision at each relevant item's rank, averaged over the relevant items.

    Parameters
    ----------
    relevant
        (queries, ranked items) bool, best first, all items ranked.

    Returns
    -------
    (queries,) float64; 0 where nothing is relevant.
    """
    precisions = relevant.cumsum(axis=1) / np.arange(1, relevant.shape[1] + 1)
    mean: np.ndarray = (precisions * relevant).sum(axis=1) / np.maximum(relevant.sum(axis=1), 1)
    return mean


def quality(rankings: Iterable[np.ndarray]) -> Quality:
    """Return the means over queries.

    Parameters
    ----------
    rankings
        Blocks of (queries, ranked items) bool: which are relevant, best first, all items ranked.

    Raises
    ------
    ValueError
        When nobody asks.
    """
    sums, asked = np.zeros(3), 0
    for relevant in rankings:
        figures = precision_at(relevant, 1), precision_at(relevant, 15), average_precision(relevant)
        sums += [figure.sum() for figure in figures]
        asked += len(relevant)
    if not asked:
        raise ValueError("no class has two items")
    return Quality(asked, *(float(total) for total in sums / asked))


def rank_others(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Rank all items but the query itself by inner product with each query.

    Parameters
    ----------
    vectors
        (n, dim) float32 of unit length.
    queries
        (q,) int64: which of them ask.

    Returns
    -------
    (q, n - 1) int64, best first, equal scores by number.
    """
    scores = vectors[queries] @ vectors.T
    scores[np.arange(len(queries)), queries] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :-1]


def with_company(labels: np.ndarray) -> np.ndarray:
    """Return which items, (q,) int64, have others of their class, by labels (n,) int64."""
    return np.flatnonzero(np.bincount(labels)[labels] > 1)


def leave_one_out(vectors: np.ndarray, labels: np.ndarray) -> Quality:
    """Let every item that has company in its class look for the others.

    Parameters
    ----------
    vectors
        (n, dim) float32 of unit length.
    labels
        (n,) int64: the class of each.

    Raises
    ------
    ValueError
        When no class has two items.
    """
    asking = with_company(labels)
    step = max(1, _SCORES_AT_ONCE // max(len(vectors), 1))
    blocks = (asking[start : start + step] for start in range(0, len(asking), step))
    return quality(labels[rank_others(vectors, block)] == labels[block, None] for block in blocks)
