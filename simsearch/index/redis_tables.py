"""The hash tables of an LSH index in a Redis server, so that several processes share them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from simsearch.errors import StorageError
from simsearch.index.rows import Rows

_EXAMPLE = "redis://127.0.0.1:6379"
_IDS_AT_ONCE = 10_000
_SECONDS = 30  # that a server may take for an answer


class RedisTables:
    """Tables that datasketch's MinHashLSH keeps in Redis: a band for each table, a code as its hash value.

    What Redis holds are photo ids, not rows, so that processes whose rows differ can share it. It costs
    2 to 3 kB a photo there, and a journey to the server for each table and query.

    Parameters
    ----------
    address
        Such as redis://127.0.0.1:6379, with ``:password@`` before the host and ``/number`` behind the port
        where they are needed.
    name
        What the keys in Redis start with; the same name must mean the same hyperplanes.
    tables
        How many.
    rows
        Where ids stand for rows.

    Raises
    ------
    StorageError
        When the server cannot be used. All methods raise it.
    """

    nbytes = 0  # of this process's memory
    recent = np.empty(0, dtype=np.int64)  # rows that are in no bucket yet: none

    def __init__(self, address: str, name: str, tables: int, rows: Rows) -> None:
        server = _server(address)
        self._address = _without_password(address)
        self._rows = rows
        self._token = f"{name}_filled"
        with self._explained():
            from datasketch import MinHashLSH
            from redis import Redis

            self._redis = Redis(**server)
            self._redis.ping()
            # Keys as bytes: datasketch would otherwise pickle them.
            storage = {"type": "redis", "basename": name.encode(), "redis": server}
            self._lsh = MinHashLSH(
                num_perm=tables, params=(tables, 1), storage_config=storage, prepickle=False
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            remedy = "install it with: pip install redis"
            raise StorageError(
                self._address, f"the Python package {error.name} is missing", remedy
            ) from error
        except Exception as error:
            from redis import RedisError

            if not isinstance(error, RedisError):
                raise
            reason = str(error).rstrip(".")
            raise StorageError(
                self._address, reason, "start the server, mend the address, or leave --lsh-storage out"
            ) from error

    def fill(self, rows: np.ndarray, codes: np.ndarray) -> None:
        """Add all rows there are, and leave a token: where it is gone, the server has lost the tables."""
        self.add(rows, codes)
        with self._explained():
            self._redis.set(self._token, b"1")

    def add(self, rows: np.ndarray, codes: np.ndarray) -> None:
        """Add rows, (n,) int64, with their codes, (n, tables) uint16, where another process has not yet."""
        from datasketch import LeanMinHash

        for start in range(0, len(rows), _IDS_AT_ONCE):
            block = slice(start, start + _IDS_AT_ONCE)
            keys = _keys(self._rows.ids[rows[block]])
            with self._explained():
                there = self._lsh.keys.getmany(*keys)
                wanted = [[_band(code) for code in of_one] for of_one in codes[block].tolist()]
                changed = [place for place, bands in enumerate(wanted) if there[place] != bands]
                self._remove(keys[place] for place in changed if there[place])
                with self._lsh.insertion_session() as session:
                    for place in changed:
                        values = codes[start + place].astype(np.uint64)
                        hashed = LeanMinHash(seed=1, hashvalues=values, scheme="legacy")
                        session.insert(keys[place], hashed, check_duplication=False)

    def remove(self, rows: np.ndarray) -> None:
        """Remove rows, (n,) int64."""
        keys = _keys(self._rows.ids[rows])
        with self._explained():
            there = self._lsh.keys.getmany(*keys)
            self._remove(key for key, bands in zip(keys, there, strict=True) if bands)

    def _remove(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._lsh.remove(key)

    def look(self, tables: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the rows in some buckets, (m,) int64; those in several buckets come several times.

        Parameters
        ----------
        tables, codes
            (p,) int64: the buckets.
        """
        found: list[bytes] = []
        with self._explained():
            if not self._redis.exists(self._token):
                reason = "has lost the tables, as a server that keeps nothing does when it is started anew"
                raise StorageError(self._address, reason, "search again; they are filled anew")
            for table in np.unique(tables):
                bands = [_band(code) for code in codes[tables == table].tolist()]
                for bucket in self._lsh.hashtables[table].getmany(*bands):
                    found.extend(bucket)
        rows = self._rows.find(np.frombuffer(b"".join(found), ">i8").astype(np.int64))
        return rows[rows >= 0]  # another process may know photos that this one does not yet


def _server(address: str) -> dict[str, Any]:
    """Return what Redis is connected with."""
    try:
        parts = urlsplit(address)
        if parts.scheme != "redis" or not parts.hostname:
            raise ValueError
        return {
            "host": parts.hostname,
            "port": parts.port or 6379,
            "db": int(parts.path.strip("/") or 0),
            "username": unquote(parts.username or "") or None,
            "password": unquote(parts.password or "") or None,
            "socket_timeout": _SECONDS,
        }
    except ValueError:
        shown = _without_password(address)
        reason = "not the address of a Redis server"
        raise StorageError(shown, reason, f"give one like {_EXAMPLE}") from None


def _without_password(address: str) -> str:
    """Return an address as it may be shown."""
    return re.sub(r"//[^/]*@", "//", address)


def _keys(ids: np.ndarray) -> list[bytes]:
    """Return ids, (n,) int64, as keys."""
    return [photo_id.to_bytes(8, "big") for photo_id in ids.tolist()]


def _band(code: int) -> bytes:
    """Return a code as MinHashLSH names a bucket: the bytes of its hash values, high ones first."""
    return code.to_bytes(8, "big")
