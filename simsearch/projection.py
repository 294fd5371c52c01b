"""Search in a library's collection in Milvus, as its catalog sees it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import numpy as np

from simsearch.among import Among
from simsearch.errors import StorageError
from simsearch.index import MILVUS
from simsearch.index.exact import ExactIndex
from simsearch.index.graph import K
from simsearch.index.milvus import MilvusIndex
from simsearch.index.milvus_address import is_missing, without_password
from simsearch.index.rows import Best, nobody, products, usable
from simsearch.pushed import NEWER, changed_since, common, names, opened, pushed_states
from simsearch.store import Store
from simsearch.vectors import SearchVectors

_SECONDS = 5.0  # for a request of a search; a person waits
_SECONDS_UNASKED = 5.0  # for which a push of somebody else may go unnoticed
_MANY = 20_000  # photos that came since the push; to compare with so many takes as long as the server does
_AT_ONCE = 5_000  # photos that are read
_KEPT = 20_000  # vectors and lists of neighbours: 20 and 5 MB

_log = logging.getLogger("simsearch")


def _not_pushed(address: str) -> StorageError:
    reason = "does not hold this library as it is searched now"
    return StorageError(
        without_password(address), reason, f"fill it with: simsearch push {without_password(address)}"
    )


class Projection:
    """The collection as this catalog sees it: what that lacks is compared here, and what is gone is left out.

    It may lag behind the catalog, as a push writes it, and it may be ahead of it, where the catalog is a
    copy. So it is asked for candidates alone: whether a photo is there, what it looks like, and whether
    filters leave it, the catalog says.

    To be used while :attr:`lock` is held.

    Parameters
    ----------
    address
        Of the server.

    Raises
    ------
    StorageError
        Here and in every method: when the server cannot be used, or was not given this library.
    """

    engine = MILVUS

    def __init__(self, store: Store, vectors: SearchVectors, address: str) -> None:
        if is_missing(address):  # it would be made
            raise _not_pushed(address)
        self.lock = threading.RLock()
        self.made_for = vectors
        self._store = store
        self._prefix = names(store, vectors).library
        self._collection = opened(store, vectors, address, _SECONDS)
        self._known: dict[int, np.ndarray] = {}  # search vectors of photos
        self._lists: dict[int, Best] = {}  # their neighbours
        try:
            self._asked_at, (self._base, effort) = time.monotonic(), self._state()
            self._collection.load()
        except BaseException:
            self.close()
            raise
        self._index = MilvusIndex(self._collection, effort)
        self._start()

    def close(self) -> None:
        """Close the connection."""
        self._collection.close()

    def _state(self) -> tuple[int, int]:
        """Return the generation that the collection is equal to, but for what came since, and the effort."""
        where = self._collection.address
        if not self._collection.exists() or not (pushed := self._collection.pushed()):
            others = pushed_states(self._collection, self._prefix).values()
            if any(other.states[-1][0] > self._store.generation for other in others):
                raise StorageError(where, NEWER, "copy library.db anew from where it is indexed")
            raise _not_pushed(where)
        if (base := common(self._store, pushed)) is None:
            remedy = "copy library.db anew or, where this one counts, run: simsearch push --force"
            raise StorageError(where, "holds another history of this library", remedy)
        return base, pushed.effort

    def _start(self) -> None:
        """Begin with what the collection holds."""
        self._newer = ExactIndex(self.made_for.width)  # photos that came since, or became others
        self._superseded = np.empty(0, dtype=np.int64)  # their ids, and those of photos that went
        self._seen = self._base

    def keep_up(self) -> None:
        """Take note of what changed in the catalog, and in the collection, since the last time."""
        if (now := time.monotonic()) - self._asked_at > _SECONDS_UNASKED:
            base, self._index.effort = self._state()
            self._asked_at = now
            if base != self._base:
                self._base = base
                self._start()
        generation = self._store.generation
        if generation != self._seen:
            self._follow()
            self._seen = generation

    def _follow(self) -> None:
        changed = changed_since(self._store, self._seen)
        for photo_id in changed.tolist():
            self._known.pop(photo_id, None)
        self._lists = {}
        self._newer.remove(changed[self._newer.holds(changed)])
        for start in range(0, len(changed), _AT_ONCE):
            some = changed[start : start + _AT_ONCE]
            there = some[self.holds(some)]
            self._newer.add(there, self.vectors(there))
        self._superseded = np.union1d(self._superseded, changed)
        if len(self._newer) > _MANY:
            where, missing = self._collection.address, len(self._newer)
            _log.warning("%s lacks %d photos; bring it up to date with: simsearch push", where, missing)

    def __len__(self) -> int:
        return self._store.counts()["photos"]

    def holds(self, ids: np.ndarray) -> np.ndarray:
        """Return which of some ids, (n,) int64, are there and can be compared, (n,) bool."""
        there = self._store.select("TRUE", (), of=ids)
        self._read(there)
        sound: np.ndarray = np.array([key in self._known for key in there.tolist()], dtype=bool)
        held: np.ndarray = np.isin(ids, there[sound])
        return held

    def vectors(self, ids: np.ndarray) -> np.ndarray:
        """Return the search vectors of some ids, (n,) int64: (n, width) float32.

        Raises
        ------
        ValueError
            When an id is not there.
        """
        self._read(ids)
        try:
            found = [self._known[key] for key in ids.tolist()]
        except KeyError as error:
            raise ValueError(f"id {error} is not in the index") from None
        return np.array(found, dtype=np.float32).reshape(len(ids), self.made_for.width)

    def _read(self, ids: np.ndarray) -> None:
        """Have the search vectors of photos at hand, of those that have sound embeddings."""
        if len(self._known) + len(ids) > _KEPT:
            self._known = {}
        unknown = np.array([key for key in ids.tolist() if key not in self._known], dtype=np.int64)
        embeddings = self._store.vectors_of(unknown, self.made_for.dim)
        sound = usable(embeddings)
        unknown, found = unknown[sound], self.made_for.of(embeddings[sound])
        sound = usable(found)  # an embedding may be the very mean that it is seen from
        self._known |= dict(zip(unknown[sound].tolist(), found[sound], strict=True))

    def scores(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the inner products of a query, (width,) float32, with some ids, (n,) int64."""
        return products(self.vectors(ids), query)

    def search(self, vectors: np.ndarray, k: int, among: Among | None = None) -> Best:
        """Find the photos with the largest inner product with each query; see :meth:`MilvusIndex.search`."""
        ids, scores = nobody(len(vectors), k)
        for row, query in enumerate(vectors):
            found, theirs = self._best(query, k, among)
            ids[row, : len(found)], scores[row, : len(found)] = found, theirs
        return ids, scores

    def _best(self, query: np.ndarray, k: int, among: Among | None) -> Best:
        """Return at most k, best first, equal scores by id."""
        newer = self._answers(self._superseded[self._newer.holds(self._superseded)], among)
        found = np.append(self._found(query, k, among), self._newer.search(query[None], k, newer)[0])
        found = found[found >= 0]
        scores = self.scores(query, found)
        order = np.lexsort((found, -scores))[:k]
        return found[order], scores[order]

    def _found(self, query: np.ndarray, k: int, among: Among | None) -> np.ndarray:
        """Return at least k ids, (n,) int64, as the server finds them, where there are so many."""
        asked = k
        while True:
            (ids,), _ = self._index.search(query[None], asked, among.expression if among else None)
            answers = self._answers(ids[(ids >= 0) & ~np.isin(ids, self._superseded)], among)
            if len(answers) >= k or ids[-1] < 0:
                return answers
            asked *= 2  # so many went, or became others

    def _answers(self, ids: np.ndarray, among: Among | None) -> np.ndarray:
        """Return those of some ids, (n,) int64, that are there, and that filters leave."""
        ids = ids[self.holds(ids)]
        return ids if among is None else ids[among.hold(ids)]

    def neighbours(self, ids: np.ndarray) -> Best:
        """Return the nearest others of some photos; see :meth:`simsearch.index.graph.Graph.neighbours`.

        They are as the server tells them: a list that lacks the newest photos ranks nearly as well.
        """
        known = ids[self.holds(ids)]
        unknown = np.array([key for key in known.tolist() if key not in self._lists], dtype=np.int64)
        if len(self._lists) + len(unknown) > _KEPT:
            self._lists, unknown = {}, known
        if len(unknown):
            self._lists |= dict(zip(unknown.tolist(), self._listed(unknown), strict=True))
        others, cosines = nobody(len(ids), K)
        for row, key in enumerate(ids.tolist()):
            if key in self._lists:
                others[row], cosines[row] = self._lists[key]
        return others, cosines

    def _listed(self, ids: np.ndarray) -> Iterator[Best]:
        for key, (others, cosines) in zip(
            ids.tolist(), self._index.nearest(self.vectors(ids), K + 1), strict=True
        ):
            order = np.lexsort((others, -cosines))  # copies come by their ids, as in the graph
            rest = order[others[order] != key][:K]
            missing = (0, K - len(rest))
            yield (
                np.pad(others[rest], missing, constant_values=-1),
                np.pad(cosines[rest], missing, constant_values=-np.inf),
            )
