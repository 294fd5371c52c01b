"""The truth: one SQLite file with every photo's facts, embedding and thumbnail.

It is migrated, never rebuilt. A photo, its embedding and its thumbnail are written in one transaction,
so a process killed at any instant leaves whole photos or none. Whatever is made from the store carries
its :attr:`Store.generation`, which every transaction that changes something raises.

Embeddings are unit vectors, stored as little-endian float16: ``numpy.frombuffer(blob, "<f2")``.
"""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simsearch import schema
from simsearch.photos import Found
from simsearch.remote import path_of

FILE_NAME = "library.db"
STAND_IN = -1  # for the version of facts: the embedding is the thumbnail's until the file can be read
_FEW_SIZES = 1_000
_ROWS_AT_ONCE = 2_500  # 13 MB as float32; more at once are no faster


class Root(NamedTuple):
    """A folder that is indexed."""

    id: int
    path: Path


class Row(NamedTuple):
    """A photo as the store knows it; ``path`` is absolute, ``taken_at`` a datetime.

    ``about`` are width, height, taken_at, camera, latitude and longitude.
    """

    id: int
    path: Path
    root: Path
    about: tuple[int, int, datetime | None, str | None, float | None, float | None]


class Known(NamedTuple):
    """What tells whether a file has changed since it was indexed; ``facts`` may be STAND_IN."""

    id: int
    size: int
    mtime_ns: int
    sha256: str
    missing: bool
    facts: int


class About(NamedTuple):
    """What a photo's file says of it; ``taken_at`` is ISO 8601, and ``facts`` the version that read it."""

    width: int
    height: int
    taken_at: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    facts: int


class Content(NamedTuple):
    """What is worked out from a photo's bytes alone, so that equal files share it."""

    sha256: str
    about: About
    vector: bytes
    thumbnail: bytes


class Tally(NamedTuple):
    """How many photos that are there lie in each folder (absolute path), and have a camera and a day.

    ``days`` are as they are stored, "2023-05-01".
    """

    folders: Counter[str]
    cameras: Counter[str]
    days: Counter[str]


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
        self._counted: tuple[int, dict[str, int]] = (-1, {})  # the last counts, and their generation
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
        self._file = _identity(self.path)

    def is_there(self) -> bool:
        """Return whether the file is still in its place; once deleted or replaced, it can be read on."""
        return _identity(self.path) == self._file

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
        with self.aside() as db:
            yield
            db.execute("UPDATE settings SET value = value + 1 WHERE name = 'generation'")
            db.execute(schema.MARK)

    @contextmanager
    def aside(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, to make whole or not at all what no search and no index depends on.

        The generation stays: for tables of rooms of their own, such as albums. Inside another transaction it
        is a part of that.
        """
        with self._lock, self._explained():
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that only reads, and all of it as it is now, whatever is written meanwhile."""
        with self._explained():
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            try:
                db.execute("PRAGMA query_only = ON")
                db.execute("BEGIN")
                db.execute("SELECT count(*) FROM settings").fetchone()  # it starts with the first read
                yield db
            finally:
                db.close()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT, for rooms that have tables of their own."""
        return self._all(sql, *values)

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

    def last_id(self) -> int:
        """Return the highest id that a photo ever had."""
        return int(self._value("SELECT max(seq) FROM sqlite_sequence WHERE name = 'photos'") or 0)

    def set_setting(self, name: str, value: str) -> None:
        """Set a setting (inside a :meth:`transaction`)."""
        self._write("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value)

    def learnt(self, name: str) -> bytes | None:
        """Return what was learnt under a name, or None."""
        content: bytes | None = self._value("SELECT content FROM learnt WHERE name = ?", name)
        return content

    def set_learnt(self, name: str, content: bytes | None) -> None:
        """Keep what was learnt, or forget it (inside a :meth:`transaction`)."""
        if content is None:
            self._write("DELETE FROM learnt WHERE name = ?", name)
        else:
            self._write("INSERT OR REPLACE INTO learnt VALUES (?, ?)", name, content)

    def roots(self) -> list[Root]:
        """Return the folders that are indexed, by path."""
        rows = self._all("SELECT id, path FROM roots ORDER BY path")
        return [Root(id, path_of(path)) for id, path in rows]

    def add_root(self, path: Path) -> Root:
        """Add a folder (inside a transaction)."""
        return Root(self._write("INSERT INTO roots (path) VALUES (?)", str(path)), path)

    # Photos

    def known(self, root: Root, parts: frozenset[str] = frozenset([""])) -> dict[str, Known]:
        """Return the photos of a root by their paths below it.

        Parameters
        ----------
        parts
            Only those that are, or are below, one of these paths; '' stands for all.
        """
        sql = """SELECT path, id, size, mtime_ns, sha256, missing_since IS NOT NULL, facts FROM photos
                 WHERE root_id = ?"""
        if "" in parts:
            return self._known(sql, root.id)
        known: dict[str, Known] = {}
        for part in parts:
            for at_or_below, values in ways_to_be_below(part):
                known |= self._known(f"{sql} AND {at_or_below}", root.id, *values)
        return known

    def _known(self, sql: str, *values: Any) -> dict[str, Known]:
        with self._lock, self._explained():  # row by row: at a million photos, all at once take a gigabyte
            return {path: Known(*known) for path, *known in self._db.execute(sql, values)}

    def some_paths(self, root: Root) -> list[str]:
        """Return the paths of up to 200 photos of a root that are there, the first and the last by path."""
        sql = """SELECT path FROM photos WHERE root_id = ? AND missing_since IS NULL
                 ORDER BY path {} LIMIT 100"""
        return [path for order in ("ASC", "DESC") for (path,) in self._all(sql.format(order), root.id)]

    def hashes_by_size(self, sizes: set[int], *, without: set[int]) -> dict[int, set[str]]:
        """Return the SHA-256 of photos by size, for some sizes, without those of some photos (ids)."""
        hashes: dict[int, set[str]] = {}
        # Through the index where they are few; it costs more than reading all where they are many.
        few = len(sizes) <= _FEW_SIZES
        sql = "SELECT size, sha256, id FROM photos"
        chosen = f"{sql} WHERE size IN (SELECT value FROM json_each(?))" if few else sql
        for size, sha256, photo_id in self._all(chosen, *([json.dumps(list(sizes))] if few else [])):
            if size in sizes and photo_id not in without:
                hashes.setdefault(size, set()).add(sha256)
        return hashes

    def same_content(self, sha256: str) -> list[tuple[int, Root, Path]]:
        """Return id, root and absolute path of the photos with this content; damaged ones are left out."""
        sql = """SELECT photos.id, roots.id, roots.path, photos.path FROM photos
                 JOIN roots ON roots.id = root_id
                 JOIN embeddings ON embeddings.photo_id = photos.id
                 JOIN thumbnails ON thumbnails.photo_id = photos.id
                 WHERE sha256 = ? ORDER BY photos.id"""
        return [
            (id, Root(root_id, path_of(root)), path_of(root, path))
            for id, root_id, root, path in self._all(sql, sha256)
        ]

    def copies(self, photo_id: int) -> list[int]:
        """Return the ids of the photos that are there with a photo's content, itself among them."""
        sql = """SELECT id FROM photos WHERE missing_since IS NULL AND (id = ?1 OR sha256 =
                 (SELECT sha256 FROM photos WHERE id = ?1 AND sha256 != '')) ORDER BY id"""
        return [row[0] for row in self._all(sql, photo_id)]

    def content(self, photo_id: int) -> Content:
        """Return what was worked out from a photo's bytes."""
        sql = f"""SELECT sha256, vector, jpeg, {", ".join(About._fields)} FROM photos
                  JOIN embeddings ON embeddings.photo_id = id JOIN thumbnails ON thumbnails.photo_id = id
                  WHERE id = ?"""
        sha256, vector, jpeg, *about = self._all(sql, photo_id)[0]
        return Content(sha256, About(*about), vector, jpeg)

    def put(self, root: Root, found: Found, content: Content) -> None:
        """Add a photo, or replace what is known of the one at this path (inside a transaction)."""
        photo_id = self._db.execute(
            """INSERT INTO photos (root_id, path, size, mtime_ns, sha256, width, height)
               VALUES (?, ?, ?, ?, ?, 0, 0)
               ON CONFLICT (root_id, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
               sha256 = excluded.sha256, missing_since = NULL RETURNING id""",
            (root.id, *found, content.sha256),
        ).fetchone()[0]
        self.describe(photo_id, content.about)
        self._write("INSERT OR REPLACE INTO embeddings VALUES (?, ?)", photo_id, content.vector)
        self._write("INSERT OR REPLACE INTO thumbnails VALUES (?, ?)", photo_id, content.thumbnail)
        self._forget_failure(root, found.path)

    def describe(self, photo_id: int, about: About) -> None:
        """Write down what a photo's file says of it (inside a transaction).

        Two shots are not compared with each other: where it is told anew what a photo is a shot of, its
        copies are looked for once more.
        """
        sql = "SELECT camera, taken_at FROM photos WHERE id = ?"
        if self._all(sql, photo_id) != [(about.camera, about.taken_at)]:
            self._write("DELETE FROM sketches WHERE photo_id = ?", photo_id)
            self._write("DELETE FROM pairs WHERE whole = ?1 OR part = ?1", photo_id)
        self._write(f"UPDATE photos SET {' = ?, '.join(About._fields)} = ? WHERE id = ?", *about, photo_id)

    def move(self, photo_id: int, root: Root, found: Found) -> None:
        """Say where a photo is now; it keeps its id (inside a transaction)."""
        sql = """UPDATE photos SET root_id = ?, path = ?, size = ?, mtime_ns = ?, missing_since = NULL
                 WHERE id = ?"""
        self._write(sql, root.id, *found, photo_id)
        self._forget_failure(root, found.path)

    def forget(self, condition: str, values: tuple[Any, ...]) -> int:
        """Drop the photos and failures that meet a condition; return how many photos (inside a transaction).

        Parameters
        ----------
        condition
            SQL over what both tables have: root_id and path.
        """
        self._write(f"DELETE FROM failures WHERE {condition}", *values)
        return self._db.execute(f"DELETE FROM photos WHERE {condition}", values).rowcount

    def drop(self, photo_ids: Iterable[int]) -> None:
        """Drop photos (inside a transaction)."""
        self._db.executemany("DELETE FROM photos WHERE id = ?", ((photo_id,) for photo_id in photo_ids))

    def drop_root(self, root: Root) -> None:
        """Forget a folder of which no photo is left (inside a transaction)."""
        self._write("DELETE FROM roots WHERE id = ?", root.id)

    def set_missing(self, photo_ids: Iterable[int], missing: bool) -> None:
        """Mark photos whose file is gone, or is back (inside a transaction)."""
        since = time.time() if missing else None
        sql = "UPDATE photos SET missing_since = ? WHERE id = ?"
        self._db.executemany(sql, ((since, photo_id) for photo_id in photo_ids))

    # Mending

    def doubt(self, photo_ids: Iterable[int], drop: str) -> None:
        """Have the next look at photos' files examine them anew; they keep their ids (inside a transaction).

        Parameters
        ----------
        drop
            What of them is of no use: "embeddings", "thumbnails" or nothing. A photo without an embedding
            passes for missing until it has one.
        """
        ids = [(photo_id,) for photo_id in photo_ids]
        # No file has this time, and no content this hash: nothing passes for unchanged or known.
        self._db.executemany("UPDATE photos SET sha256 = '', mtime_ns = -1 WHERE id = ?", ids)
        if drop:
            self._db.executemany(f"DELETE FROM {drop} WHERE photo_id = ?", ids)
        if drop == "embeddings":
            sql = "UPDATE photos SET missing_since = coalesce(missing_since, ?) WHERE id = ?"
            self._db.executemany(sql, [(time.time(), *one) for one in ids])

    def tidy(self) -> None:
        """Drop what belongs to no photo, and write down anew when embeddings came (inside a transaction)."""
        self._write("UPDATE photos SET missing_since = NULL WHERE typeof(missing_since) IN ('text', 'blob')")
        for table in ("embeddings", "thumbnails"):
            self._write(f"DELETE FROM {table} WHERE photo_id NOT IN (SELECT id FROM photos)")
        self._write(
            f"UPDATE changes SET generation = {schema.GENERATION} WHERE generation > {schema.GENERATION}"
        )
        self._write(
            f"""INSERT INTO changes SELECT photo_id, {schema.GENERATION} FROM embeddings
                WHERE photo_id NOT IN (SELECT photo_id FROM changes)"""
        )

    # Failures

    def failures(self, root: Root) -> dict[str, tuple[int | None, int | None, str]]:
        """Return the files of a root that could not be used: size, mtime_ns and reason by path."""
        sql = "SELECT path, size, mtime_ns, reason FROM failures WHERE root_id = ?"
        return {path: (size, at, reason) for path, size, at, reason in self._all(sql, root.id)}

    def all_failures(
        self, most: int | None = None, *, skip: int = 0, reason: str | None = None
    ) -> list[tuple[Path, str]]:
        """Return the path of every file that could not be used, or of so many, and why, by path."""
        sql = """SELECT roots.path, failures.path, reason FROM failures JOIN roots ON roots.id = root_id
                 WHERE ? IS NULL OR reason = ? ORDER BY roots.path, failures.path LIMIT ? OFFSET ?"""
        rows = self._all(sql, reason, reason, -1 if most is None else most, skip)
        return [(path_of(root, path), why) for root, path, why in rows]

    def failure_reasons(self) -> dict[str, int]:
        """Return why files could not be used, and how many for that reason, most first."""
        sql = "SELECT reason, count(*) FROM failures GROUP BY reason ORDER BY count(*) DESC, reason"
        return dict(self._all(sql))

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

    # Kinds

    def set_labels(self, labels: dict[int, str]) -> None:
        """Say what photos are of, by their ids, and forget what was said before (inside a transaction)."""
        self._write("DELETE FROM labels")
        self._db.executemany("INSERT INTO labels VALUES (?, ?)", labels.items())

    def add_labels(self, labels: dict[int, str]) -> None:
        """Say what more photos are of; what was said of one already stays (inside a transaction)."""
        self._db.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?)", labels.items())

    def labels(self, photo_ids: Iterable[int] | None = None) -> dict[int, str]:
        """Return what the user said that photos are of, by their ids: of some, or of all that are there."""
        sql = """SELECT photo_id, label FROM labels JOIN photos ON id = photo_id
                 WHERE missing_since IS NULL"""
        if photo_ids is None:
            return dict(self._all(sql))
        some = f"{sql} AND photo_id IN (SELECT value FROM json_each(?))"
        return dict(self._all(some, json.dumps(list(photo_ids))))

    def has_labels(self) -> bool:
        """Whether the user said of any photo what it is of."""
        return bool(self._value("SELECT EXISTS (SELECT 1 FROM labels)"))

    def paths(self, photo_ids: Iterable[int] | None = None) -> dict[int, str]:
        """Return the absolute paths of photos that are there by ids: of all, or some in the order given."""
        sql = """SELECT photos.id, rtrim(roots.path, '/') || '/' || photos.path FROM photos
                 JOIN roots ON roots.id = root_id WHERE missing_since IS NULL"""
        if photo_ids is None:
            with self._lock, self._explained():
                return dict(self._db.execute(f"{sql} ORDER BY photos.id"))
        some = list(photo_ids)
        found = dict(self._all(f"{sql} AND photos.id IN (SELECT value FROM json_each(?))", json.dumps(some)))
        return {photo_id: found[photo_id] for photo_id in some if photo_id in found}

    def size(self, photo_ids: Iterable[int]) -> int:
        """Return how many bytes the files of some photos had when they were indexed, in all."""
        sql = "SELECT coalesce(sum(size), 0) FROM photos WHERE id IN (SELECT value FROM json_each(?))"
        return int(self._value(sql, json.dumps(list(photo_ids))))

    def folders(self) -> dict[int, str]:
        """Return the absolute path of the folder that each photo that is there lies in, by their ids."""
        return {photo_id: path.rpartition("/")[0] for photo_id, path in self.paths().items()}

    def dates(self) -> dict[int, datetime]:
        """Return when the photos that are there were taken, by their ids, of those that say so."""
        sql = "SELECT id, taken_at FROM photos WHERE missing_since IS NULL AND taken_at IS NOT NULL"
        with self._lock, self._explained():
            told = ((photo_id, parsed_time(text)) for photo_id, text in self._db.execute(sql))
            return {photo_id: moment for photo_id, moment in told if moment}

    def kinds(self) -> int:
        """Return how many labels there are, and folders of photos that are there and have none."""
        folder = "root_id || '/' || rtrim(path, replace(path, '/', ''))"
        sql = f"""SELECT count(DISTINCT coalesce('label ' || label, {folder}))
                  FROM photos LEFT JOIN labels ON photo_id = id WHERE missing_since IS NULL"""
        return int(self._value(sql))

    def tally(self) -> Tally:
        """Count the photos that are there by folder, camera and day."""
        tops = {root.id: root.path.as_posix().rstrip("/") for root in self.roots()}
        ways: Counter[tuple[int, str]] = Counter()
        cameras: Counter[str | None] = Counter()
        days: Counter[str | None] = Counter()
        sql = """SELECT root_id, path, camera, substr(taken_at, 1, 10) FROM photos
                 WHERE missing_since IS NULL"""
        with self._lock, self._explained():  # in one go, and here: SQLite takes twice the time to group them
            rows = self._db.execute(sql)
            while some := rows.fetchmany(_ROWS_AT_ONCE):
                root_ids, paths, some_cameras, some_days = zip(*some, strict=True)
                ways.update(zip(root_ids, [path[: path.rfind("/") + 1] for path in paths], strict=True))
                cameras.update(some_cameras)
                days.update(some_days)
        folders = Counter[str]()
        for (root_id, way), photos in ways.items():
            folders[f"{tops[root_id]}/{way}".rstrip("/") or "/"] += photos
        return Tally(folders, _named(cameras), _named(days))

    # Reading for search

    def rows(self, photo_ids: Iterable[int]) -> dict[int, Row]:
        """Return photos by id; ids that are not there are left out."""
        sql = """SELECT photos.id, roots.path, photos.path,
                        width, height, taken_at, camera, latitude, longitude
                 FROM photos JOIN roots ON roots.id = root_id
                 WHERE photos.id IN (SELECT value FROM json_each(?))"""
        rows = {}
        roots: dict[str, Path] = {}
        asked = json.dumps([int(photo_id) for photo_id in photo_ids])  # in one go: a search has hundreds
        for photo_id, root, path, width, height, taken, *rest in self._all(sql, asked):
            about = (width, height, parsed_time(taken), *rest)
            folder = roots.setdefault(root, path_of(root))
            rows[photo_id] = Row(photo_id, folder / path, folder, about)
        return rows

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

    def select(self, condition: str, values: tuple[Any, ...], of: np.ndarray | None = None) -> np.ndarray:
        """Return ids, (n,) int64, of the photos that are there and meet an SQL condition.

        Parameters
        ----------
        of
            (m,) int64: only those of these ids.
        """
        sql = f"SELECT id FROM photos WHERE missing_since IS NULL AND ({condition})"
        if of is not None:
            sql, values = (
                f"{sql} AND id IN (SELECT value FROM json_each(?))",
                (*values, json.dumps(of.tolist())),
            )
        return np.array([row[0] for row in self._all(f"{sql} ORDER BY id", *values)], dtype=np.int64)

    def count(self, condition: str, values: tuple[Any, ...]) -> int:
        """Return how many photos, there or missing, meet an SQL condition."""
        return int(self._value(f"SELECT count(*) FROM photos WHERE {condition}", *values))

    def knows(self, condition: str, values: tuple[Any, ...]) -> bool:
        """Whether a photo or a failure meets an SQL condition over root_id and path."""
        sql = (
            """SELECT EXISTS (SELECT 1 FROM photos WHERE {0}) OR EXISTS (SELECT 1 FROM failures WHERE {0})"""
        )
        return bool(self._value(sql.format(condition), *values, *values))

    def missing(self) -> list[tuple[int, Path, Path]]:
        """Return id, root and absolute path of the photos whose file is gone, by path."""
        sql = """SELECT photos.id, roots.path, photos.path FROM photos JOIN roots ON roots.id = root_id
                 WHERE missing_since IS NOT NULL ORDER BY roots.path, photos.path"""
        return [(id, path_of(root), path_of(root, path)) for id, root, path in self._all(sql)]

    def random_ids(self, most: int) -> list[int]:
        """Return the ids of as many photos that are there, drawn anew each time; fewer where few are."""
        # The next one after a random number, found by its key: to draw from all ids would read all of them.
        last = self._value("SELECT max(id) FROM photos WHERE missing_since IS NULL") or 0
        after = "SELECT min(id) FROM photos WHERE missing_since IS NULL AND id >= ?"
        drawn = (self._value(after, random.randint(1, last)) for _ in range(4 * most if last else 0))
        return list(dict.fromkeys(drawn))[:most]

    def named(self, words: Sequence[str], most: int) -> list[int]:
        """Return ids of photos whose path below their root has all words in it, by path."""
        # instr, not LIKE: no sign in them has a meaning.
        has_all = "".join(" AND instr(lower(path), lower(?)) > 0" for _ in words)
        sql = f"SELECT id FROM photos WHERE missing_since IS NULL{has_all} ORDER BY path, id LIMIT ?"
        return [row[0] for row in self._all(sql, *words, most)]

    def some_ids(self, most: int) -> np.ndarray:
        """Return ids, (n,) int64, of photos that are there, in random order, the same every time."""
        ids = self.select("TRUE", ())
        return np.random.default_rng(0).permutation(ids)[:most]

    def thumbnail(self, photo_id: int) -> bytes | None:
        """Return a photo's thumbnail (JPEG), or None where there is no such photo."""
        jpeg: bytes | None = self._value("SELECT jpeg FROM thumbnails WHERE photo_id = ?", photo_id)
        return jpeg

    def vector(self, photo_id: int) -> np.ndarray | None:
        """Return a photo's embedding, (dim,) float32, or None where there is no such photo."""
        blob = self._value("SELECT vector FROM embeddings WHERE photo_id = ?", photo_id)
        if blob is None:
            return None
        return np.frombuffer(blob[: len(blob) // 2 * 2], "<f2").astype(np.float32)

    def vectors_of(self, photo_ids: np.ndarray, dim: int) -> np.ndarray:
        """Return the embeddings of some photos, (n,) int64: (n, dim) float32, NaN where one has none."""
        sql = "SELECT photo_id, vector FROM embeddings WHERE photo_id IN (SELECT value FROM json_each(?))"
        found = dict(self._all(sql, json.dumps(photo_ids.tolist())))
        nothing = np.full(dim, np.nan, "<f2").tobytes()
        blobs = (found.get(photo_id, b"") for photo_id in photo_ids.tolist())
        packed = b"".join(blob if _is_whole(blob, dim) else nothing for blob in blobs)
        return np.frombuffer(packed, "<f2").reshape(len(photo_ids), dim).astype(np.float32)

    def vectors(self, dim: int, *, since: int = -1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield ids, (n,) int64, and embeddings, (n, dim) float32, of photos that are there, by id.

        What is stored there but has another length comes as NaN.

        Parameters
        ----------
        since
            Only those that changed after this generation.
        """
        changed = "AND photo_id IN (SELECT photo_id FROM changes WHERE generation > ?)" if since >= 0 else ""
        sql = f"""SELECT photo_id, vector FROM embeddings JOIN photos ON id = photo_id
                  WHERE missing_since IS NULL AND photo_id > ? {changed} ORDER BY photo_id LIMIT ?"""
        last, no_embedding = 0, np.full(dim, np.nan, "<f2").tobytes()
        while rows := self._all(sql, last, *([since] if changed else []), _ROWS_AT_ONCE):
            ids = np.array([row[0] for row in rows], dtype=np.int64)
            whole = (row[1] if _is_whole(row[1], dim) else no_embedding for row in rows)
            packed = np.frombuffer(b"".join(whole), "<f2")
            yield ids, packed.reshape(len(rows), dim).astype(np.float32)
            last = int(ids[-1])

    def changed(self, since: int) -> np.ndarray:
        """Return ids, (n,) int64, of photos that came, went or were encoded anew after a generation."""
        rows = self._all("SELECT photo_id FROM changes WHERE generation > ? ORDER BY photo_id", since)
        return np.array([row[0] for row in rows], dtype=np.int64)

    def refiled(self, since: int) -> np.ndarray:
        """Return ids, (n,) int64, of photos of which filters ask something else since a generation."""
        rows = self._all("SELECT photo_id FROM refiled WHERE generation > ? ORDER BY photo_id", since)
        return np.array([row[0] for row in rows], dtype=np.int64)

    def counts(self) -> dict[str, int]:
        """Return how many photos can be searched, are missing, and how many files failed."""
        generation = self.generation
        if self._counted[0] != generation:  # at a million photos, counting takes a quarter of a second
            there, missing = self._all(
                "SELECT count(*) - count(missing_since), count(missing_since) FROM photos"
            )[0]
            failed = self._value("SELECT count(*) FROM failures")
            self._counted = generation, {"photos": there, "missing": missing, "failed": failed}
        return dict(self._counted[1])

    def counts_by_root(self) -> dict[int, dict[str, int]]:
        """Return the same for each folder that is indexed, by its id."""
        sql = """SELECT roots.id, count(photos.id) - count(missing_since), count(missing_since),
                        (SELECT count(*) FROM failures WHERE failures.root_id = roots.id)
                 FROM roots LEFT JOIN photos ON photos.root_id = roots.id GROUP BY roots.id"""
        names = ("photos", "missing", "failed")
        return {root_id: dict(zip(names, counts, strict=True)) for root_id, *counts in self._all(sql)}


def _named(counts: Counter[str | None]) -> Counter[str]:
    return Counter({name: count for name, count in counts.items() if isinstance(name, str)})


def ways_to_be_below(part: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the SQL conditions, and their values, of which a path that is ``part`` or below it meets one.

    Apart they are answered by the index over root and path, in one condition they are not.
    """
    return [("path = ?", (part,)), ("path >= ? AND path < ?", (f"{part}/", f"{part}0"))]  # "0" follows "/"


def parsed_time(text: object) -> datetime | None:
    """Return a time as it is stored, or None where that is none: a damaged one must not stop a search."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _is_whole(blob: object, dim: int) -> bool:
    return isinstance(blob, bytes) and len(blob) == 2 * dim


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that takes its place; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
