"""An array on disk that goes on in memory."""

from __future__ import annotations

import numpy as np


class Column:
    """An array that grows at its end and never copies what it has; the start may be mapped from a file."""

    def __init__(self, start: np.ndarray) -> None:
        self._memory = [start]
        self._used = len(start)  # of the last one

    def __len__(self) -> int:
        return sum(map(len, self._memory[:-1])) + self._used

    def append(self, values: np.ndarray) -> None:
        """Add values, (n, ...), at the end."""
        if not len(values):
            return
        last = self._memory[-1]
        if self._used + len(values) > len(last):
            # As much again as there is: few parts, and memory that is not written to is not taken.
            size = max(len(values), len(self))
            self._memory[-1] = last[: self._used]
            last = np.empty((size, *last.shape[1:]), dtype=last.dtype)
            self._memory.append(last)
            self._used = 0
        last[self._used : self._used + len(values)] = values
        self._used += len(values)

    def parts(self) -> list[np.ndarray]:
        """Return the rows as arrays that belong one behind the other, without copying; at least one."""
        *full, last = self._memory
        parts = [*full, last[: self._used]]
        return [part for part in parts if len(part)] or parts[:1]

    def whole(self) -> np.ndarray:
        """Return the rows as one array; a copy where there are several parts."""
        parts = self.parts()
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows, (m,) int64, as a new array."""
        parts = self.parts()
        if len(parts) == 1:
            return parts[0].take(rows, axis=0)  # several times as fast as parts[0][rows]
        taken = np.empty((len(rows), *parts[0].shape[1:]), parts[0].dtype)
        start = 0
        for part in parts:
            here = (rows >= start) & (rows < start + len(part))
            taken[here] = part[rows[here] - start]
            start += len(part)
        return taken
