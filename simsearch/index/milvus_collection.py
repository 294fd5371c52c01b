"""A collection in a Milvus server: vectors under ids, and beside each what filters ask for.

What Milvus promises is less than it seems, and two of its kinds differ (measured with the server 2.3.5 and
milvus-lite 3.2): a read may be some seconds behind a write unless it is asked to be "Strong", which takes
0.2 seconds; an insert of an id that is there makes two rows, so only upserts are used; right after a write
the index is not made yet, and what is found meanwhile tells nothing of what will be found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from simsearch.errors import StorageError
from simsearch.index import milvus_address, milvus_client
from simsearch.index.rows import checked_vectors

# The columns by which rows are filtered, and the longest text that they take, in bytes; None is a number.
COLUMNS = {"folder": 16_384, "camera": 1_024, "label": 1_024, "taken": None, "side": None}
_STAMP = "stamp"
_M, _EF_CONSTRUCTION = 32, 200
_SECONDS_BEHIND = 10.0  # twice what a "Bounded" read may be behind a write
_ROWS_A_WRITE = 1_000  # a request may have 64 MB, and 4 MB where a proxy stands before the server
_IDS_A_REQUEST = 10_000
_SECONDS_A_LOOK = 0.3
_TRIALS = 20
_SECONDS_WITHOUT_PROGRESS = 600.0  # in which an index grows by something, however large
_STATES_KEPT = 20
_LEAST_INDEXED = 1_024  # rows; Milvus makes no index for a segment of fewer, and compares with all of them


class Pushed(NamedTuple):
    """What a collection was made equal to, and how it is searched.

    Attributes
    ----------
    effort
        How many rows HNSW keeps in view (its efSearch).
    states
        Generations of the catalog and their marks, those of the last pushes, the newest last.
    """

    effort: int
    states: tuple[tuple[int, str], ...]


class Collection:
    """One collection, which need not be there yet.

    Parameters
    ----------
    seconds
        After which a request is given up.

    Raises
    ------
    StorageError
        Here and in every method: when the server cannot be reached, refuses, or has no such collection.
    """

    def __init__(self, address: str, name: str, seconds: float = 60.0) -> None:
        self.address = milvus_address.without_password(address)
        self.name = name
        self._seconds = seconds
        self._written = -_SECONDS_BEHIND  # when, by time.monotonic
        parsed = milvus_address.parsed(address)
        self._is_lite = "://" not in parsed.uri
        self._client = milvus_client.connect(self.address, parsed)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    # The collection as a whole

    def exists(self) -> bool:
        """Whether it is there."""
        with self._explained():
            return bool(self._client.has_collection(self.name, timeout=self._seconds))

    def names(self, prefix: str) -> list[str]:
        """Return the names of all collections that begin so."""
        with self._explained():
            return sorted(
                name
                for name in self._client.list_collections(timeout=self._seconds)
                if name.startswith(prefix)
            )

    def create(self, dim: int, shards: int) -> None:
        """Make it, empty, for vectors of so many numbers, spread over so many shards for writing."""
        from pymilvus import DataType

        with self._explained():
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
            schema.add_field(_STAMP, DataType.INT64)
            for column, longest in COLUMNS.items():
                if longest is None:
                    schema.add_field(column, DataType.INT64)
                else:
                    schema.add_field(column, DataType.VARCHAR, max_length=longest)
            index = self._index_params()
            self._client.create_collection(
                self.name, schema=schema, index_params=index, num_shards=shards, timeout=self._seconds
            )

    def _index_params(self) -> Any:
        params = self._client.prepare_index_params()
        how = {"M": _M, "efConstruction": _EF_CONSTRUCTION}
        params.add_index("vector", index_type="HNSW", metric_type="IP", params=how)
        return params

    def drop(self, name: str | None = None) -> None:
        """Drop it, or another one of the server's."""
        name = name or self.name
        states = self._states(name)
        with self._explained():
            for state in states:  # with an alias, newer servers would not
                self._client.drop_alias(_alias(name, state), timeout=self._seconds)
            self._client.drop_collection(name, timeout=self._seconds)

    @cached_property
    def dim(self) -> int:
        """Width of its vectors."""
        with self._explained():
            told = self._client.describe_collection(self.name, timeout=self._seconds)
        fields = {field["name"]: field for field in told["fields"]}
        return int(fields["vector"]["params"]["dim"])

    def load(self) -> None:
        """Have the server keep it in memory, as it has to be for a search.

        It may have been released, or its making stopped halfway.
        """
        with self._explained():
            if not self._client.list_indexes(self.name, timeout=self._seconds):
                self._client.create_index(self.name, self._index_params(), timeout=self._seconds)
            self._client.load_collection(self.name, timeout=self._seconds)

    def pushed(self, name: str | None = None) -> Pushed | None:
        """Return what :meth:`set_pushed` last told of it, or of another one; None where it never did."""
        told = sorted(self._states(name or self.name))
        return (
            Pushed(told[-1][2], tuple((generation, mark) for generation, mark, _ in told)) if told else None
        )

    def set_pushed(self, pushed: Pushed) -> None:
        """Write down, with the collection, what it is equal to.

        Aliases say it: the server 2.3.5 forgets properties when it is started again.
        """
        known = self._states(self.name)
        newest = (*pushed.states[-1], pushed.effort)
        kept = {state for state in known if state[:2] in pushed.states[-_STATES_KEPT:-1]} | {newest}
        with self._explained():
            if newest not in known:
                self._client.create_alias(self.name, _alias(self.name, newest), timeout=self._seconds)
            for state in set(known) - kept:
                self._client.drop_alias(_alias(self.name, state), timeout=self._seconds)

    def _states(self, name: str) -> list[tuple[int, str, int]]:
        """Return the states that aliases tell of: generation, mark and effort."""
        with self._explained():
            aliases = self._client.list_aliases(name, timeout=self._seconds)["aliases"]
        prefix = _alias(name)
        told = [alias.removeprefix(prefix).split("_") for alias in aliases if alias.startswith(prefix)]
        return [(int(generation), mark, int(effort)) for generation, mark, effort in told]

    def count(self, where: str = "") -> int:
        """Return how many rows there are, or meet an expression."""
        rows = self._query(where, ["count(*)"])
        return int(rows[0]["count(*)"])

    # Rows

    def upsert(
        self, ids: np.ndarray, vectors: np.ndarray, stamps: np.ndarray, columns: Mapping[str, list[Any]]
    ) -> None:
        """Write rows, whether they are there or not.

        Parameters
        ----------
        ids, vectors, stamps
            (n,) int64, (n, dim) float32 and (n,) int64: a stamp tells a row from what it was before.
        columns
            For each of :data:`COLUMNS` n values.

        Raises
        ------
        ValueError
            When a vector cannot be used; milvus-lite would take a NaN. Nothing is written then.
        """
        vectors = checked_vectors(vectors, self.dim)
        rows = [
            {"id": key, "vector": vector, _STAMP: stamp, **dict(zip(COLUMNS, values, strict=True))}
            for key, vector, stamp, values in zip(
                ids.tolist(),
                vectors,
                stamps.tolist(),
                zip(*(columns[name] for name in COLUMNS), strict=True),
                strict=True,
            )
        ]
        with self._explained():
            for start in range(0, len(rows), _ROWS_A_WRITE):
                self._client.upsert(self.name, rows[start : start + _ROWS_A_WRITE], timeout=self._seconds)
        self._written = time.monotonic()

    def delete(self, ids: np.ndarray) -> None:
        """Delete rows by their ids, (n,) int64; those that are not there are ignored."""
        with self._explained():
            for start in range(0, len(ids), _IDS_A_REQUEST):
                some = ids[start : start + _IDS_A_REQUEST].tolist()
                self._client.delete(self.name, filter=f"id in {some}", timeout=self._seconds)
        self._written = time.monotonic()

    def stamps(self, low: int, high: int, *, fresh: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids, (n,) int64 ascending, that are from low to high, both included, and their stamps.

        Parameters
        ----------
        fresh
            Whether what was written in the last seconds must be seen; later reads then see it as well.
        """
        rows = self._query(f"id >= {low} and id <= {high}", ["id", _STAMP], fresh=fresh)
        found = np.array([(row["id"], row[_STAMP]) for row in rows], dtype=np.int64).reshape(-1, 2)
        found = found[np.argsort(found[:, 0])]
        return found[:, 0], found[:, 1]

    def ids_above(self, low: int) -> np.ndarray:
        """Return some ids, (n,) int64, that are above one; none where there is none."""
        rows = self._query(f"id > {low}", ["id"], fresh=True, limit=_IDS_A_REQUEST)
        return np.array([row["id"] for row in rows], dtype=np.int64)

    def vectors(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return those of some ids, (n,) int64, that are there, and their vectors, (m, dim) float32."""
        rows = []
        for start in range(0, len(ids), _IDS_A_REQUEST):
            some = ids[start : start + _IDS_A_REQUEST].tolist()
            rows += self._query(f"id in {some}", ["id", "vector"])
        return self._vectors_of(rows)

    def matching(self, where: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids, (n,) int64, of all that meet an expression, and their vectors, (n, dim) float32."""
        return self._vectors_of(self._query(where or "id >= 0", ["id", "vector"]))

    def _vectors_of(self, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        ids = np.array([row["id"] for row in rows], dtype=np.int64)
        vectors = np.array([row["vector"] for row in rows], dtype=np.float32)
        return ids, vectors.reshape(len(rows), self.dim)

    def _query(
        self, where: str, columns: list[str], *, fresh: bool | None = None, **options: int
    ) -> list[dict[str, Any]]:
        options["consistency_level"] = self._consistency(fresh)  # type: ignore[assignment]
        with self._explained():
            return list(self._client.query(self.name, where, columns, timeout=self._seconds, **options))

    def _consistency(self, fresh: bool | None = None) -> str:
        """Return how fresh a read has to be; unless that is said, it must see writes of our own."""
        if fresh is None:
            fresh = time.monotonic() - self._written < _SECONDS_BEHIND
        return "Strong" if fresh else "Bounded"

    def search(
        self, vectors: np.ndarray, k: int, effort: int, where: str = "", *, with_vectors: bool = False
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return for each query, (q, dim) float32, the ids of about the nearest, (n,) int64, best first.

        Beside them are their scores, (n,) float32, or their vectors, (n, dim) float32. There may be fewer
        than k.

        Parameters
        ----------
        k
            At most 16,384.
        where
            An expression of Milvus, which the answers meet; "" stands for all.
        """
        how = {"metric_type": "IP", "params": {"ef": max(effort, k)}}
        with self._explained():
            found = self._client.search(
                self.name,
                data=list(vectors),
                limit=k,
                filter=where,
                search_params=how,
                output_fields=["vector"] if with_vectors else [],
                timeout=self._seconds,
                consistency_level=self._consistency(),
            )
        if with_vectors:
            return [self._vectors_of([{**hit["entity"], "id": hit["id"]} for hit in hits]) for hits in found]
        return [_scores_of(list(hits)) for hits in found]

    def seal(self, progress: Callable[[int, int], None]) -> None:
        """Write all to disk, and wait until it is searched by its index, not row by row.

        Parameters
        ----------
        progress
            Called with the number of rows that are indexed, and of all.
        """
        with self._explained():
            self._client.flush(self.name, timeout=_SECONDS_WITHOUT_PROGRESS)
            if self._is_lite:  # what it holds in memory has no index until it is read from disk
                self._reload()
            before, since = -1, time.monotonic()
            while (pending := self._pending(progress)) > 0:
                if pending != before:
                    before, since = pending, time.monotonic()
                elif time.monotonic() - since > _SECONDS_WITHOUT_PROGRESS:
                    raise self._stuck("makes no progress with its index")
                time.sleep(_SECONDS_A_LOOK)

    def _pending(self, progress: Callable[[int, int], None]) -> int:
        """Return how many rows, or parts of them, are still to be indexed, or read by those who search."""
        told = self._client.describe_index(self.name, "vector", timeout=self._seconds)
        if told.get("state") == "Failed":
            raise self._stuck("failed to make its index")
        pending, total = int(told["pending_index_rows"]), int(told["total_rows"])
        progress(max(total - pending, 0), total)
        if pending or self._is_lite:
            return pending
        # That an index is made does not yet mean that those who search have it: for seconds they have neither
        # the segment as it was written nor its index, and look at a part of what came to them as it was sent.
        loaded = self._client.list_loaded_segments(self.name, timeout=self._seconds)
        ready = {one.segment_id for one in loaded if one.index_name}
        written = self._client.list_persistent_segments(self.name, timeout=self._seconds)
        # A small one, which gets no index, they go on to search as it was sent, for 20 seconds.
        return sum(one.num_rows >= _LEAST_INDEXED and one.segment_id not in ready for one in written)

    def _stuck(self, reason: str) -> StorageError:
        return StorageError(self.address, f"the server {reason}", "look into its log, and push again")

    def _reload(self) -> None:
        """Release and load; milvus-lite may still be writing a file that it is to read."""
        for trial in range(_TRIALS):
            try:
                self._client.release_collection(self.name, timeout=self._seconds)
                self._client.load_collection(self.name, timeout=self._seconds)
                return
            except Exception:
                if trial == _TRIALS - 1:
                    raise
                time.sleep(_SECONDS_A_LOOK)

    def _explained(self) -> AbstractContextManager[None]:
        return milvus_client.explained(self.address)


def _alias(name: str, state: tuple[int, str, int] | None = None) -> str:
    """Return the alias that tells of a state, or what all such begin with."""
    return f"{name}__" + ("_".join(map(str, state)) if state else "")


def _scores_of(hits: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([hit["id"] for hit in hits], dtype=np.int64)
    return ids, np.array([hit["distance"] for hit in hits], dtype=np.float32)
