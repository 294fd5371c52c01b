"""The graph of nearest neighbours: of each photo those most like it, for ranking by the neighbours shared.

Of each vector a few more than :data:`K` are kept: where some of them go, most lists are still long enough,
and only the others are made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from simsearch.index import clusters, files, ranked
from simsearch.index.files import Origin
from simsearch.index.ranked import KEPT, NOBODY, Read
from simsearch.index.rows import nobody

K = 20
_ENGINE = "graph"
_FEW = 12_000  # lists; to compare so many vectors with all takes no longer than to cluster them all
_LISTS_AT_ONCE = 512  # made together: as many as are worth reading all vectors for
_ROWS_AT_ONCE = 4_096  # renumbered in memory that stays in the cache: twice as fast


class Graph:
    """Of each vector the nearest others and their cosines: inner products of unit vectors."""

    def __init__(self) -> None:
        self._ids = np.empty(0, dtype=np.int64)  # ascending
        self._lists = ranked.empty(0)  # of rows: places in _ids

    @classmethod
    def build(cls, ids: np.ndarray, vectors: np.ndarray) -> Graph:
        """Return the graph of vectors.

        Parameters
        ----------
        ids
            (n,) int64, ascending, each once.
        vectors
            (n, dim) float32 or float16, of unit length; not copied.
        """
        graph = cls()
        graph.update(ids, ids[:0], lambda some: vectors[np.searchsorted(ids, some)].astype(np.float32))
        return graph

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> np.ndarray:
        """Those that it knows, (n,) int64, ascending."""
        return self._ids

    @property
    def nbytes(self) -> int:
        """How many bytes the graph takes."""
        return self._ids.nbytes + self._lists.nbytes

    def neighbours(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest others of some vectors.

        Parameters
        ----------
        ids
            (m,) int64, in any order; one that is not there has no neighbours.

        Returns
        -------
        ids, cosines
            (m, K) int64 and float32, best first, equal cosines by id, padded with -1 and -inf.
        """
        if not len(self):
            return nobody(len(ids), K)
        places = np.minimum(np.searchsorted(self._ids, ids), len(self) - 1)
        keys = self._lists[places, :K]
        keys[self._ids[places] != ids] = NOBODY
        rows, cosines = ranked.decoded(keys)
        return np.where(rows < 0, -1, self._ids.take(rows)), cosines

    @property
    def lists(self) -> tuple[np.ndarray, np.ndarray]:
        """Of all that it knows the nearest others, as places in :attr:`ids`, and their cosines.

        (n, K) int32 and float32, best first, equal cosines by id, padded with -1 and -inf; copied.
        """
        return ranked.decoded(self._lists[:, :K])

    def update(
        self, added: np.ndarray, removed: np.ndarray, vectors_of: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        """Follow a change of the vectors.

        Parameters
        ----------
        added
            (n,) int64, in any order: those that came, and those that are others now.
        removed
            (n,) int64, in any order: those that went. What is not there, or is also added, may be among them.
        vectors_of
            Gives the vectors of ids, (m,) int64, that are there now: (m, dim) float32 of unit length.
        """
        added = np.unique(added)
        stay = ~np.isin(self._ids, np.concatenate([added, removed]))
        ids = np.sort(np.concatenate([self._ids[stay], added]), kind="stable")  # merges what is in order
        lists = _renumbered(self._lists, stay, np.searchsorted(ids, self._ids[stay]), len(ids))
        _complete(lists, np.searchsorted(ids, added), lambda rows: vectors_of(ids[rows]))
        self._ids, self._lists = ids, lists

    def save(self, path: Path, origin: Origin) -> None:
        """Write the graph to a file.

        Raises
        ------
        WriteError
            When it cannot be written.
        """
        files.save(path, _ENGINE, origin, {}, {"ids": [self._ids], "lists": [self._lists]})

    @classmethod
    def load(
        cls, path: Path, origin: Origin, mark_of: Callable[[int], str] | None = None
    ) -> tuple[Graph, int]:
        """Read a graph from a file; it is mapped from it where the file system can.

        Parameters
        ----------
        origin
            What it is expected to be made from; it may be of an earlier generation.
        mark_of
            Tells the mark of an earlier generation; by default none is checked.

        Returns
        -------
        The graph, and the generation it is of.

        Raises
        ------
        FileNotFoundError
            When there is none.
        DerivedFileError
            When it is damaged, or was made from something else or by a newer version.
        """
        saved = files.load(path, _ENGINE, origin, mark_of)
        with files.explained(path):
            graph = cls()
            graph._ids, graph._lists = saved.arrays["ids"], saved.arrays["lists"]
            fitting = graph._lists.shape == (*graph._ids.shape, KEPT)
            if not (fitting and graph._ids.dtype == graph._lists.dtype == np.int64):
                raise ValueError(f"{len(graph._lists):,} lists for {len(graph):,} ids")
            return graph, saved.origin.generation


def _renumbered(lists: np.ndarray, stay: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Return lists for so many rows: those of the rows that stay, at their new places, without the others.

    Parameters
    ----------
    stay
        (n,) bool: which of the rows.
    places
        (s,) int64, ascending: where those that stay are now.
    """
    renumbered = ranked.empty(count)
    if np.array_equal(places, np.arange(len(stay))):
        renumbered[: len(stay)] = lists
        return renumbered
    now = np.full(len(stay) + 1, -1)
    now[:-1][stay] = places  # and the last, by which nobody goes, stays nobody
    rows_before = np.flatnonzero(stay)
    for start in range(0, len(places), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        rows, cosines = ranked.decoded(lists[rows_before[block]])
        rows = now[rows]
        cosines[rows < 0] = -np.inf
        renumbered[places[block]] = np.sort(ranked.encoded(cosines, rows), axis=1)[:, ::-1]
    return renumbered


def _complete(lists: np.ndarray, added: np.ndarray, read: Read) -> None:
    """Make the lists that are too short, and take the rows that were added into those of others, in place.

    A list that is shorter than it might be still holds the nearest there are, down to its last: what is
    farther is not taken in, since others that are not in the list may be nearer.
    """
    lengths = (lists != NOBODY).sum(axis=1)
    short = np.flatnonzero(lengths < min(K, len(lists) - 1))
    if len(short) > _FEW:
        clusters.fill(lists, read)
        return
    least = ranked.decoded(lists[np.arange(len(lists)), lengths - 1])[1]
    least[short] = np.inf
    for start in range(0, len(short), _LISTS_AT_ONCE):
        wanted = short[start : start + _LISTS_AT_ONCE]
        is_new = np.isin(wanted, added)
        made = ranked.empty(len(wanted))
        for rows, cosines in ranked.products(read, wanted, np.arange(len(lists))):
            made = ranked.improved(made, rows, cosines)
            which, places = np.divmod(np.flatnonzero(cosines >= least[rows]), len(rows))
            which, places = which[is_new[which]], places[is_new[which]]
            ranked.enter(lists, rows[places], ranked.encoded(cosines[which, places], wanted[which]))
        lists[wanted] = made
