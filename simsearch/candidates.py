"""Which photos may show the same picture: few of all, found without comparing each with each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simsearch import sketches
from simsearch.index import ranked
from simsearch.index.graph import Graph
from simsearch.sketches import TURNS, back, then

NEAR = 10  # of a photo's neighbours may be crops of it; with 20, one in a hundred crops more is found
_NEAR_FROM = 0.5  # cosine in the library's space; of crops to 70 % of Caltech photos one in 200 has less ...
_NEAREST = 5  # ... and of groceries, in a library of 180, every second: so many count however far they are
_ALIKE = 0.8  # cosine of two prints, turned as they fit best; of 200 photos brightened by half one has less
_FEW = 20  # one of so many photos is new: these are compared with all, which is then quicker than a graph
_ROWS_AT_ONCE = 512  # of those: as many as are worth reading all prints for
_PAIRS_AT_ONCE = 10_000  # of prints: 5 MB
# How what is turned so, by the row, lies on what is turned so, by the column.
_BETWEEN = np.array([[then(back(one), other) for other in range(TURNS)] for one in range(TURNS)])


class Candidates(NamedTuple):
    """Pairs of photos to compare, (m,) int64 each.

    Attributes
    ----------
    owners
        The one that they are compared for, ascending.
    ones, others
        Ids.
    turns
        How the other may lie on the one, see :func:`simsearch.sketches.turned`.
    """

    owners: np.ndarray
    ones: np.ndarray
    others: np.ndarray
    turns: np.ndarray

    def of(self, pending: np.ndarray) -> Candidates:
        """Return those of some owners, (n,) int64 that are neighbours in ascending order."""
        ends = np.searchsorted(self.owners, [pending[0], pending[-1] + 1])
        return Candidates(*(column[slice(*ends)] for column in self))


def copies(ids: np.ndarray, prints: np.ndarray, pending: np.ndarray, *, apart: bool = False) -> Candidates:
    """Return which photos may be whole copies of each other.

    Parameters
    ----------
    ids
        (n,) int64, ascending.
    prints
        (n, 8, 8) float32: theirs, see :func:`simsearch.sketches.prints`.
    pending
        (p,) int64, ascending: at least one of two is among them.
    apart
        Whether the other one is not.
    """
    invariants, rows = sketches.invariants(prints), np.arange(len(ids))
    wanted = np.flatnonzero(np.isin(ids, pending))
    if _FEW * len(wanted) > len(ids) and not apart:
        wanted = rows
        near = Graph.build(rows, invariants).neighbours(rows)[0]
    else:
        blocks = np.split(wanted, range(_ROWS_AT_ONCE, len(wanted), _ROWS_AT_ONCE))
        among = np.setdiff1d(rows, wanted, assume_unique=True) if apart else rows
        lists = [ranked.nearest(invariants.__getitem__, block, among) for block in blocks]
        near = ranked.decoded(np.concatenate(lists))[0]
    pairs = _pairs(wanted, near)
    turns, alike = np.zeros(len(pairs), np.int64), np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        cosines, turns[some] = sketches.best_turns(prints[pairs[some, 0]], prints[pairs[some, 1]])
        alike[some] = cosines >= _ALIKE
    return _owned(ids[pairs[alike]], turns[alike], pending)


def crops(
    ids: np.ndarray,
    near: np.ndarray,
    cosines: np.ndarray,
    pending: np.ndarray,
    stand_ins: dict[int, tuple[int, int]],
) -> Candidates:
    """Return which photos may be parts of each other.

    Parameters
    ----------
    ids
        (n,) int64, ascending.
    near, cosines
        (n, k) int64 and float32: the photos nearest to each, and how near they are.
    pending
        (p,) int64, ascending: at least one of two is among them.
    stand_ins
        For photos of which there are copies, by id, the copy that is compared in their place, and how they
        lie on it.
    """
    likely = (cosines >= _NEAR_FROM) | (np.arange(near.shape[1]) < _NEAREST)
    pairs = _pairs(ids, np.where(likely, near, -1))
    known = np.array(sorted(stand_ins), dtype=np.int64)
    turns = np.zeros(pairs.shape, dtype=np.int64)
    if len(known):
        instead = np.array([stand_ins[one] for one in known.tolist()], dtype=np.int64)
        places = np.minimum(np.searchsorted(known, pairs), len(known) - 1)
        stand_in = known[places] == pairs
        turns = np.where(stand_in, instead[places, 1], 0)
        pairs = np.where(stand_in, instead[places, 0], pairs)
    swapped = pairs[:, 0] > pairs[:, 1]
    pairs[swapped], turns[swapped] = pairs[swapped, ::-1], turns[swapped, ::-1]
    # As one of the second's copies lies beside one of the first's, both upright.
    laid = np.unique(np.column_stack([pairs, _BETWEEN[turns[:, 1], turns[:, 0]]]), axis=0)
    laid = laid[laid[:, 0] != laid[:, 1]]
    return _owned(laid[:, :2], laid[:, 2], pending)


def _pairs(rows: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return each pair of a row and one near to it, once, the smaller first, (m, 2) int64.

    Parameters
    ----------
    rows, near
        (n,) and (n, k) integers; below 0 is nobody.
    """
    pairs = np.stack([np.repeat(rows, near.shape[1]), near.ravel()], axis=1).astype(np.int64)
    pairs = np.sort(pairs[(pairs[:, 1] >= 0) & (pairs[:, 0] != pairs[:, 1])], axis=1)
    return np.unique(pairs, axis=0)


def _owned(pairs: np.ndarray, turns: np.ndarray, pending: np.ndarray) -> Candidates:
    """Return pairs of which a photo is pending, by that photo."""
    first, second = np.isin(pairs, pending).T
    owners = np.where(first, pairs[:, 0], pairs[:, 1])
    kept = np.flatnonzero(first | second)
    kept = kept[np.argsort(owners[kept], kind="stable")]
    return Candidates(owners[kept], pairs[kept, 0], pairs[kept, 1], turns[kept])
