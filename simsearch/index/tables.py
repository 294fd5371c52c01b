"""The hash tables of an LSH index: rows by their codes, one table for each group of hyperplanes."""

from __future__ import annotations

import numpy as np

_RECENT = 512  # rows that wait at least until they are sorted in
_SHARE_RECENT = 64  # one of so many may wait


class SortedTables:
    """Tables in memory: the rows of a bucket lie side by side, and looking into it is reading a slice.

    Rows added lately wait in :attr:`recent` until there are enough of them to sort anew, so that adding
    costs little. Whoever searches looks at all of them.

    Parameters
    ----------
    rows
        (tables, n) uint32: in each table ordered by their codes. May be mapped from a file.
    starts
        (tables, 2 ** bits + 1) int64: where in its table the rows of a code start.

    Attributes
    ----------
    recent
        (n,) int64: rows that are in no bucket yet.
    """

    def __init__(self, rows: np.ndarray, starts: np.ndarray) -> None:
        self._rows = rows
        self._starts = starts
        self.recent = np.empty(0, dtype=np.int64)
        self._recent_codes = np.empty((0, len(rows)), dtype=np.uint16)

    @classmethod
    def empty(cls, tables: int, bits: int) -> SortedTables:
        """Return tables without rows."""
        return cls(
            np.empty((tables, 0), dtype=np.uint32), np.zeros((tables, (1 << bits) + 1), dtype=np.int64)
        )

    @property
    def nbytes(self) -> int:
        """How many bytes the tables take."""
        return self._rows.nbytes + self._starts.nbytes

    def add(self, rows: np.ndarray, codes: np.ndarray) -> None:
        """Add rows, (n,) int64, with their codes, (n, tables) uint16."""
        self.recent = np.concatenate([self.recent, rows])
        self._recent_codes = np.concatenate([self._recent_codes, codes])
        if len(self.recent) > max(_RECENT, self._rows.shape[1] // _SHARE_RECENT):
            self.sort_in()

    def remove(self, rows: np.ndarray) -> None:
        """Do nothing: whoever searches leaves out rows that are gaps."""

    def sort_in(self) -> None:
        """Sort the recent rows into the tables."""
        tables, count = self._rows.shape
        rows = np.empty((tables, count + len(self.recent)), dtype=np.uint32)
        starts = np.empty_like(self._starts)
        for table in range(tables):
            sizes = np.diff(self._starts[table])
            sorted_codes = np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes)
            codes = np.concatenate([sorted_codes, self._recent_codes[:, table]])
            unsorted = np.concatenate([self._rows[table], self.recent.astype(np.uint32)])
            rows[table] = unsorted[np.argsort(codes, kind="stable")]  # of 16 bits: by radix, in linear time
            starts[table, 0] = 0
            np.cumsum(np.bincount(codes, minlength=len(sizes)), out=starts[table, 1:])
        self._rows, self._starts = rows, starts
        self.recent, self._recent_codes = self.recent[:0], self._recent_codes[:0]

    def look(self, tables: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the rows in some buckets, (m,) integers; those in several buckets come several times.

        Parameters
        ----------
        tables, codes
            (p,) int64: the buckets.
        """
        first = self._starts[tables, codes]
        sizes = self._starts[tables, codes + 1] - first
        ends = np.cumsum(sizes)
        # The slices one behind the other: what to add to 0, 1, 2, ... is the same all through a slice.
        shifts = np.repeat(tables * self._rows.shape[1] + first - (ends - sizes), sizes)
        found: np.ndarray = self._rows.reshape(-1).take(np.arange(len(shifts)) + shifts)
        return found.astype(np.int64)

    def arrays(self) -> dict[str, list[np.ndarray]]:
        """Return the tables as arrays to be saved."""
        if len(self.recent):
            self.sort_in()
        return {"table_rows": [self._rows], "table_starts": [self._starts]}
