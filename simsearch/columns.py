"""What is written to Milvus of a photo: what its search vector is made of, and what filters ask."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from simsearch.expressions import cut, seconds
from simsearch.index.rows import usable
from simsearch.store import Store, parsed_time


class Photos(NamedTuple):
    """Photos as they are in the catalog.

    Attributes
    ----------
    ids, embeddings
        (n,) int64 ascending, and (n, dim) float32.
    stamps
        (n,) int64: what tells a row from what it was, by all that is in it.
    columns
        Of each name n values; see :data:`simsearch.index.milvus_collection.COLUMNS`.
    """

    ids: np.ndarray
    embeddings: np.ndarray
    stamps: np.ndarray
    columns: dict[str, list[Any]]

    def some(self, which: np.ndarray) -> Photos:
        """Return those at some places, (m,) int64."""
        columns = {name: [values[place] for place in which.tolist()] for name, values in self.columns.items()}
        return Photos(self.ids[which], self.embeddings[which], self.stamps[which], columns)


def photos(store: Store, dim: int, low: int, high: int) -> Photos:
    """Return the photos with ids from low to high that are there and have a sound embedding."""
    rows = store.query(
        """SELECT photos.id, vector, rtrim(roots.path, '/') || '/' || photos.path, taken_at,
                  coalesce(camera, ''), coalesce(label, ''), max(width, height)
           FROM photos JOIN roots ON roots.id = root_id JOIN embeddings ON embeddings.photo_id = photos.id
           LEFT JOIN labels ON labels.photo_id = photos.id
           WHERE missing_since IS NULL AND photos.id BETWEEN ? AND ? ORDER BY photos.id""",
        low,
        high,
    )
    rows = [row for row in rows if len(row[1]) == 2 * dim]
    columns: dict[str, list[Any]] = {
        "folder": [f"{row[2].rpartition('/')[0]}/" for row in rows],
        "camera": [cut(row[4]) for row in rows],
        "label": [cut(row[5]) for row in rows],
        "taken": [seconds(parsed_time(row[3])) for row in rows],
        "side": [row[6] for row in rows],
    }
    told = zip(*columns.values(), strict=True)
    stamps = np.array([_stamp(row[1], one) for row, one in zip(rows, told, strict=True)], dtype=np.int64)
    embeddings = np.frombuffer(b"".join(row[1] for row in rows), "<f2").reshape(len(rows), dim)
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    found = Photos(ids, embeddings.astype(np.float32), stamps, columns)
    return found.some(np.flatnonzero(usable(found.embeddings)))


def _stamp(vector: bytes, told: tuple[Any, ...]) -> int:
    """Return a hash of a row, as a signed int64."""
    digest = hashlib.blake2b(vector + repr(told).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
