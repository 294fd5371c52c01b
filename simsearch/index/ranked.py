"""Lists of the best rows by cosine, many at a time: made from matrix products, and merged.

A list is a row of :data:`KEPT` keys, best first. A key holds a cosine and a row in one int64 that is the
larger, the larger the cosine, and among equal cosines the smaller the row: to rank is to sort whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Read = Callable[[np.ndarray], np.ndarray]  # from rows, (m,) integers, to vectors, (m, dim) float32

KEPT = 24  # in a list: with four to spare, to remove one of a hundred leaves hardly a list too short
_ROWS_AT_ONCE = 16_384
_PRODUCTS_AT_ONCE = 1 << 22  # 16 MB: larger ones are no quicker
_GROUP = 16  # products whose maximum stands for them
_LOWEST = np.finfo(np.float32).min


def encoded(cosines: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return keys, int64, of cosines, float32 without NaN, and rows, integers below 2 ** 31.

    The bits of a float32 are in the order of the numbers, but for those below zero, which are the wrong way
    round.
    """
    bits = (cosines + np.float32(0)).view(np.int32)  # + 0 makes a zero of a minus zero
    bits ^= (bits >> 31) & 0x7FFFFFFF
    return (bits.astype(np.int64) << 32) | (~rows.astype(np.int64) & 0xFFFFFFFF)


def decoded(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows, int32, and cosines, float32, of keys."""
    bits = (keys >> 32).astype(np.int32)
    bits ^= (bits >> 31) & 0x7FFFFFFF
    return ~keys.astype(np.int32), bits.view(np.float32)


NOBODY = encoded(np.array([-np.inf], dtype=np.float32), np.array([-1]))[0]  # below every other key


def empty(count: int) -> np.ndarray:
    """Return so many lists without anybody, (count, KEPT) int64."""
    return np.full((count, KEPT), NOBODY)


def products(read: Read, wanted: np.ndarray, among: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Compare some rows with others.

    Parameters
    ----------
    wanted, among
        (w,) and (n,) integers, each ascending.

    Yields
    ------
    rows, cosines
        Some of ``among``, (r,), and (w, r) float32: their cosines, -inf where a row meets itself.
    """
    vectors = read(wanted)
    step = min(_PRODUCTS_AT_ONCE // max(len(wanted), 1) + 1, _ROWS_AT_ONCE)
    for start in range(0, len(among), step):
        rows = among[start : start + step]
        cosines = vectors @ read(rows).T
        places = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
        itself = np.flatnonzero(rows[places] == wanted)
        cosines[itself, places[itself]] = -np.inf
        yield rows, cosines


def improved(lists: np.ndarray, rows: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Return lists, (w, KEPT), with the best of rows, (r,), by their cosines, (w, r), taken in."""
    least = np.maximum(decoded(lists[:, -1])[1], _LOWEST)
    groups = len(rows) // _GROUP
    if groups >= KEPT:
        # So many products reach the KEPT-th largest maximum of a group: what does not, is not wanted.
        maxima = cosines[:, : groups * _GROUP].reshape(-1, _GROUP, groups).max(axis=1)
        least = np.maximum(least, np.partition(maxima, groups - KEPT, axis=1)[:, groups - KEPT])
    owners, places = np.divmod(np.flatnonzero(cosines >= least[:, None]), len(rows))
    return _merged(lists, owners, encoded(cosines[owners, places], rows[places]))


def nearest(read: Read, wanted: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the lists, (w, KEPT), of some rows among others, each ascending."""
    lists = empty(len(wanted))
    for rows, cosines in products(read, wanted, among):
        lists = improved(lists, rows, cosines)
    return lists


def enter(lists: np.ndarray, owners: np.ndarray, keys: np.ndarray) -> None:
    """Take keys, (p,), into the lists of their owners, (p,) integers, where they are good enough."""
    order = np.argsort(owners, kind="stable")
    touched, owners = np.unique(owners[order], return_inverse=True)
    lists[touched] = _merged(lists[touched], owners, keys[order])


def _merged(lists: np.ndarray, owners: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return lists with keys, (p,), taken in; owners, (p,) integers, ascend."""
    counts = np.bincount(owners, minlength=len(lists))
    first = np.cumsum(counts) - counts
    both = np.full((len(lists), KEPT + counts.max(initial=0)), NOBODY)
    both[:, :KEPT] = lists
    both[owners, KEPT + np.arange(len(owners)) - first[owners]] = keys
    both.sort(axis=1)
    return both[:, : -KEPT - 1 : -1]
