"""The truth: one SQLite file with every photo's facts, embedding and thumbnail.

It is migrated, never rebuilt. A photo, its embedding and its thumbnail are written in one transaction,
so a process killed at any instant leaves whole photos or none. Whatever is made from the store carries
its :attr:`Store.generation`, which every transaction that changes something raises.

Embeddings are unit vectors, stored as little-endian float16: ``numpy.frombuffer(blob, "<f2")``.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simsearch import schema
from simsearch.photos import Found

FILE_NAME = "library.db"
LOCK_NAME = "indexing.lock"
_ROWS_AT_ONCE = 10_000


class Root(NamedTuple):
    """A folder that is indexed."""

    id: int
    path: Path


class Row(NamedTuple):
    """A photo as the store knows it; ``path`` is absolute."""

    id: int
    path: Path
    width: int
    height: int
    taken_at: datetime | None


class Known(NamedTuple):
    """What tells whether a file has changed since it was indexed."""

    id: int
    size: int
    mtime_ns: int
    sha256: str
    missing: bool


class Content(NamedTuple):
    """What is worked out from a photo's bytes alone, so that equal files share it."""

    sha256: str
    width: int
    height: int
    taken_at: str | None
    vector: bytes
    thumbnail: bytes


class Store:
    """The database of one library; may be used from several threads.

    Parameters
    ----------
    folder
        The library's folder, which exists.

    Raises
    ------
    LibraryError
        When the file is not one of ours, is damaged, or was written by a newer version.
    WriteError
        When it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._lock = threading.RLock()
        with self._explained():
            self._db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            try:
                schema.migrate(self._db, self.path)
                self._db.execute("PRAGMA foreign_keys = ON")
                # FULL: what was committed survives a power cut. Batches are a second apart: it costs little.
                self._db.execute("PRAGMA synchronous = FULL")
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        with self._lock:  # SQLite does not survive being closed while another thread reads
            self._db.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise schema.explain(error, self.path) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is written inside whole or not at all, and raise the generation."""
        with self._lock, self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("UPDATE settings SET value = value + 1 WHERE name = 'generation'")
                self._db.execute(schema.MARK)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def sole_writer(self) -> Iterator[None]:
        """Keep other processes from indexing into this library meanwhile; they may go on reading.

        The lock is SQLite's on a file of its own, so it ends with the process, however that ends.

        Raises
        ------
        LibraryError
            When another process is indexing.
        """
        with self._explained():
            lock = sqlite3.connect(self.path.with_name(LOCK_NAME), timeout=0, isolation_level=None)
            try:
                lock.execute("BEGIN EXCLUSIVE")
                yield
            finally:
                lock.close()

    def _all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            return self._db.execute(sql, values).fetchall()

    def _value(self, sql: str, *values: Any) -> Any:
        rows = self._all(sql, *values)
        return rows[0][0] if rows else None

    def _write(self, sql: str, *values: Any) -> int:
        """Run one statement of a :meth:`transaction`; return the id of a row it inserted."""
        return self._db.execute(sql, values).lastrowid or 0

    # Settings and roots

    @property
    def generation(self) -> int:
        """Raised by every change; equal generations mean equal contents."""
        return int(self._value("SELECT value FROM settings WHERE name = 'generation'"))

    def mark(self, generation: int) -> str:
        """Return the mark of a generation: that of another history differs. Empty where there is none."""
        return str(self._value("SELECT mark FROM marks WHERE generation = ?", generation) or "")

    def setting(self, name: str) -> str | None:
        """Return a setting, or None where it was never set."""
        value: str | None = self._value("SELECT value FROM settings WHERE name = ?", name)
        return value

    def set_setting(self, name: str, value: str) -> None:
        """Set a setting (inside a :meth:`transaction`)."""
        self._write("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value)

    def roots(self) -> list[Root]:
        """Return the folders that are indexed, by path."""
        rows = self._all("SELECT id, path FROM roots ORDER BY path")
        return [Root(id, Path(path)) for id, path in rows]

    def add_root(self, path: Path) -> Root:
        """Add a folder (inside a transaction)."""
        return Root(self._write("INSERT INTO roots (path) VALUES (?)", str(path)), path)

    # Photos

    def known(self, root: Root) -> dict[str, Known]:
        """Return every photo of a root by its path below it."""
        sql = """SELECT path, id, size, mtime_ns, sha256, missing_since IS NOT NULL FROM photos
                 WHERE root_id = ?"""
        return {path: Known(*known) for path, *known in self._all(sql, root.id)}

    def hashes_by_size(self, sizes: set[int], *, without: set[int]) -> dict[int, set[str]]:
        """Return the SHA-256 of photos by size, for some sizes, without those of some photos (ids)."""
        hashes: dict[int, set[str]] = {}
        for size, sha256, photo_id in self._all("SELECT size, sha256, id FROM photos") if sizes else ():
            if size in sizes and photo_id not in without:
                hashes.setdefault(size, set()).add(sha256)
        return hashes

    def same_content(self, sha256: str) -> list[tuple[int, Path, Path]]:
        """Return id, root and absolute path of the photos with this content."""
        sql = """SELECT photos.id, roots.path, photos.path FROM photos JOIN roots ON roots.id = root_id
                 WHERE sha256 = ? ORDER BY photos.id"""
        return [(id, Path(root), Path(root, path)) for id, root, path in self._all(sql, sha256)]

    def content(self, photo_id: int) -> Content:
        """Return what was worked out from a photo's bytes."""
        sql = """SELECT sha256, width, height, taken_at, vector, jpeg FROM photos
                 JOIN embeddings ON embeddings.photo_id = id JOIN thumbnails ON thumbnails.photo_id = id
                 WHERE id = ?"""
        return Content(*self._all(sql, photo_id)[0])

    def put(self, root: Root, found: Found, content: Content) -> None:
        """Add a photo, or replace what is known of the one at this path (inside a transaction)."""
        photo_id = self._db.execute(
            """INSERT INTO photos (root_id, path, size, mtime_ns, sha256, width, height, taken_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (root_id, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
               sha256 = excluded.sha256, width = excluded.width, height = excluded.height,
               taken_at = excluded.taken_at, missing_since = NULL RETURNING id""",
            (root.id, *found, *content[:4]),
        ).fetchone()[0]
        self._write("INSERT OR REPLACE INTO embeddings VALUES (?, ?)", photo_id, content.vector)
        self._write("INSERT OR REPLACE INTO thumbnails VALUES (?, ?)", photo_id, content.thumbnail)
        self._forget_failure(root, found.path)

    def move(self, photo_id: int, root: Root, found: Found) -> None:
        """Say where a photo is now; it keeps its id (inside a transaction)."""
        sql = """UPDATE photos SET root_id = ?, path = ?, size = ?, mtime_ns = ?, missing_since = NULL
                 WHERE id = ?"""
        self._write(sql, root.id, *found, photo_id)
        self._forget_failure(root, found.path)

    def set_missing(self, photo_ids: Iterable[int], missing: bool) -> None:
        """Mark photos whose file is gone, or is back (inside a transaction)."""
        since = time.time() if missing else None
        sql = "UPDATE photos SET missing_since = ? WHERE id = ?"
        self._db.executemany(sql, ((since, photo_id) for photo_id in photo_ids))

    # Failures

    def failures(self, root: Root) -> dict[str, tuple[int | None, int | None, str]]:
        """Return the files of a root that could not be used: size, mtime_ns and reason by path."""
        sql = "SELECT path, size, mtime_ns, reason FROM failures WHERE root_id = ?"
        return {path: (size, at, reason) for path, size, at, reason in self._all(sql, root.id)}

    def put_failure(self, root: Root, path: str, reason: str, *, found: Found | None) -> None:
        """Remember why a file failed, until it changes or, without ``found``, until the next run."""
        size, mtime_ns = (found.size, found.mtime_ns) if found else (None, None)
        sql = "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)"
        self._write(sql, root.id, path, size, mtime_ns, reason)

    def _forget_failure(self, root: Root, path: str) -> None:
        self._write("DELETE FROM failures WHERE root_id = ? AND path = ?", root.id, path)

    def forget_failures(self, root: Root, paths: Iterable[str]) -> None:
        """Forget failures of files that are gone (inside a transaction)."""
        for path in paths:
            self._forget_failure(root, path)

    # Reading for search

    def rows(self, photo_ids: Iterable[int]) -> dict[int, Row]:
        """Return photos by id; ids that are not there are left out."""
        sql = """SELECT photos.id, roots.path, photos.path, width, height, taken_at FROM photos
                 JOIN roots ON roots.id = root_id WHERE photos.id = ?"""
        found = (row for photo_id in photo_ids for row in self._all(sql, photo_id))
        return {
            id: Row(id, Path(root, path), width, height, datetime.fromisoformat(taken) if taken else None)
            for id, root, path, width, height, taken in found
        }

    def id_of(self, path: Path) -> int | None:
        """Return the id of the photo at an absolute path, or None."""
        for root in self.roots():
            if path.is_relative_to(root.path):
                below = path.relative_to(root.path).as_posix()
                sql = "SELECT id FROM photos WHERE root_id = ? AND path = ?"
                found: int | None = self._value(sql, root.id, below)
                if found is not None:
                    return found
        return None

    def any_id(self) -> int | None:
        """Return the id of any photo that is there, or None."""
        # The next after a random number, or the first where there is none.
        sql = """SELECT id FROM photos WHERE missing_since IS NULL
                 ORDER BY id >= (SELECT abs(random()) % (max(id) + 1) FROM photos) DESC, id LIMIT 1"""
        photo_id: int | None = self._value(sql)
        return photo_id

    def thumbnail(self, photo_id: int) -> bytes | None:
        """Return a photo's thumbnail (JPEG), or None where there is no such photo."""
        jpeg: bytes | None = self._value("SELECT jpeg FROM thumbnails WHERE photo_id = ?", photo_id)
        return jpeg

    def vector(self, photo_id: int) -> np.ndarray | None:
        """Return a photo's embedding, (dim,) float32, or None where there is no such photo."""
        blob = self._value("SELECT vector FROM embeddings WHERE photo_id = ?", photo_id)
        return None if blob is None else np.frombuffer(blob, "<f2").astype(np.float32)

    def vectors(self, dim: int, *, since: int = -1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield ids, (n,) int64, and embeddings, (n, dim) float32, of photos that are there, by id.

        Parameters
        ----------
        since
            Only those that changed after this generation.
        """
        changed = "AND photo_id IN (SELECT photo_id FROM changes WHERE generation > ?)" if since >= 0 else ""
        sql = f"""SELECT photo_id, vector FROM embeddings JOIN photos ON id = photo_id
                  WHERE missing_since IS NULL AND photo_id > ? {changed} ORDER BY photo_id LIMIT ?"""
        last = 0
        while rows := self._all(sql, last, *([since] if changed else []), _ROWS_AT_ONCE):
            ids = np.array([row[0] for row in rows], dtype=np.int64)
            packed = np.frombuffer(b"".join(row[1] for row in rows), "<f2")
            yield ids, packed.reshape(len(rows), dim).astype(np.float32)
            last = int(ids[-1])

    def changed(self, since: int) -> np.ndarray:
        """Return ids, (n,) int64, of photos that came, went or were encoded anew after a generation."""
        rows = self._all("SELECT photo_id FROM changes WHERE generation > ? ORDER BY photo_id", since)
        return np.array([row[0] for row in rows], dtype=np.int64)

    def counts(self) -> dict[str, int]:
        """Return how many photos can be searched, are missing, and how many files failed."""
        there, missing = self._all(
            "SELECT count(*) - count(missing_since), count(missing_since) FROM photos"
        )[0]
        return {"photos": there, "missing": missing, "failed": self._value("SELECT count(*) FROM failures")}
