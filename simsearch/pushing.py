"""Fills a library's collection in Milvus from its catalog, and brings it up to date.

The catalog is gone through by ids, and each photo is compared with its row by a stamp: what differs is
written again, and what the catalog does not know is deleted. So a push that was killed is continued by the
next one, and it makes no difference what happened to the collection meanwhile.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np

from simsearch.columns import Photos, photos
from simsearch.errors import LibraryError, StorageError
from simsearch.index.milvus import EFFORTS, MilvusIndex
from simsearch.index.milvus_collection import Collection, Pushed
from simsearch.index.rows import usable
from simsearch.pushed import NEWER, names, opened, pushed_states, remember
from simsearch.store import Store
from simsearch.vectors import SearchVectors

_IDS_AT_ONCE = 5_000
_QUERIES = 200  # photos whose nearest are looked for, to measure how many are found
_K = 15
_SAME = 1e-6  # scores that differ by less are equal: which of several copies is found makes no difference
_SECONDS = 600.0  # for a request: a server takes minutes to read a large collection into memory

Progress = Callable[[str, int, int], None]  # what is done, how much of it is done, and to do


class _Truth:
    """How near the true nearest of some photos are, gathered while all pass by.

    Parameters
    ----------
    ids, queries
        (q,) int64 and (q, width) float32: photos, which are not their own neighbours.
    """

    def __init__(self, ids: np.ndarray, queries: np.ndarray) -> None:
        self.ids, self.queries = ids, queries
        self._best: np.ndarray = np.full((len(ids), _K), -np.inf, dtype=np.float32)

    def pass_by(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Look at more photos: (n,) int64 and (n, width) float32."""
        scores = self.queries @ vectors.T
        scores[self.ids[:, None] == ids] = -np.inf
        scores = np.concatenate([self._best, scores], axis=1)
        self._best = np.partition(scores, -_K, axis=1)[:, -_K:]

    def recall(self, index: MilvusIndex) -> np.ndarray:
        """Return the shares of their true nearest that an index finds, (q,) float64.

        Found is what is as near as the last of them: of equal photos any is as good.
        """
        ids, scores = index.search(self.queries, _K + 1)
        scores[ids == self.ids[:, None]] = -np.inf  # itself
        there = np.isfinite(self._best).sum(axis=1)
        last = np.where(np.isfinite(self._best), self._best, np.inf).min(axis=1)
        found = (scores >= last[:, None] - _SAME).sum(axis=1)
        shares: np.ndarray = np.minimum(found, there) / np.maximum(there, 1)
        return np.where(there, shares, 1.0)


def push(
    store: Store,
    dim: int,
    address: str,
    *,
    shards: int,
    recall: float,
    force: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Bring a library's collection up to date; see :meth:`simsearch.Library.push`."""
    generation, vectors = store.generation, SearchVectors(store, dim)
    with closing(opened(store, vectors, address, _SECONDS)) as collection:
        done = _Push(store, vectors, collection, progress).run(shards, recall, force)
    remember(store, address, generation)
    return done


class _Push:
    """One push of a library to a server."""

    def __init__(
        self, store: Store, vectors: SearchVectors, collection: Collection, progress: Progress
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._collection = collection
        self._progress = progress
        self._prefix = names(store, vectors).library
        self._counts = {"sent": 0, "unchanged": 0, "removed": 0}

    def run(self, shards: int, recall: float, force: bool) -> dict[str, Any]:
        """Bring the collection up to date; return what was done, and how well it finds."""
        started = time.monotonic()
        # Before anything is read: what changes meanwhile is then later than the push.
        state = self._store.generation, self._store.mark(self._store.generation)
        truth = self._sample()
        known = {} if force else self._known_states()
        is_new = self._ready(shards)
        self._reconcile(truth)
        self._collection.seal(lambda done, total: self._progress("indexed by Milvus", done, total))
        effort, shares = self._tuned(truth, recall)
        self._finish(known, state, effort)
        return {
            "address": self._collection.address,
            "collection": self._collection.name,
            "photos": self._collection.count(),
            **self._counts,
            "dropped": self._drop_outdated(is_new),
            "recall": float(shares.mean()),
            "error": float(shares.std() / math.sqrt(len(shares))),
            "queries": len(shares),
            "effort": effort,
            "seconds": time.monotonic() - started,
        }

    def _sample(self) -> _Truth:
        ids = np.array(self._store.random_ids(_QUERIES), dtype=np.int64)
        embeddings = self._store.vectors_of(ids, self._vectors.dim)
        sound = usable(embeddings)
        if not sound.any():
            remedy = "make the embeddings anew with: simsearch doctor --repair"
            raise LibraryError(self._store.path.parent, "holds no photo with a sound embedding", remedy)
        return _Truth(ids[sound], self._vectors.of(embeddings[sound]))

    def _known_states(self) -> dict[str, Pushed]:
        """Return what the library's collections were made equal to: states that this catalog was in."""
        states = pushed_states(self._collection, self._prefix)
        for pushed in states.values():
            generation, mark = pushed.states[-1]
            if mark == self._store.mark(generation):
                continue
            if generation > self._store.generation:
                remedy = "push from the newest library.db or, where this one counts, with --force"
                raise StorageError(self._collection.address, NEWER, remedy)
            reason = "holds another history of this library (a backup's, or a copy's that went its own way)"
            remedy = "if this library is the one that counts, run: simsearch push --force"
            raise StorageError(self._collection.address, reason, remedy)
        return states

    def _ready(self, shards: int) -> bool:
        """Have the collection there; return whether it is new."""
        if is_new := not self._collection.exists():
            self._collection.create(self._vectors.width, shards)
        else:
            self._collection.load()
        return is_new

    def _reconcile(self, truth: _Truth) -> None:
        """Make the collection equal to the catalog."""
        last, total = self._store.last_id(), self._store.counts()["photos"]
        for low in range(0, last + 1, _IDS_AT_ONCE):
            some = photos(self._store, self._vectors.dim, low, low + _IDS_AT_ONCE - 1)
            search_vectors = self._vectors.of(some.embeddings)
            sound = usable(search_vectors)  # an embedding may be the very mean that it is seen from
            some, search_vectors = some.some(np.flatnonzero(sound)), search_vectors[sound]
            truth.pass_by(some.ids, search_vectors)
            self._write(some, search_vectors, low, low + _IDS_AT_ONCE - 1)
            self._progress("compared and sent", self._counts["sent"] + self._counts["unchanged"], total)
        while len(strange := self._collection.ids_above(last)):
            self._delete(strange)

    def _write(self, some: Photos, search_vectors: np.ndarray, low: int, high: int) -> None:
        """Make the rows with ids from low to high equal to photos."""
        there, stamps = self._collection.stamps(low, high, fresh=low == 0)
        self._delete(there[~np.isin(there, some.ids)])
        known = dict(zip(there.tolist(), stamps.tolist(), strict=True))
        wanted = zip(some.ids.tolist(), some.stamps.tolist(), strict=True)
        due = np.flatnonzero([known.get(key) != stamp for key, stamp in wanted])
        if len(due):
            sent = some.some(due)
            self._collection.upsert(sent.ids, search_vectors[due], sent.stamps, sent.columns)
        self._counts["sent"] += len(due)
        self._counts["unchanged"] += len(some.ids) - len(due)

    def _delete(self, ids: np.ndarray) -> None:
        if len(ids):
            self._collection.delete(ids)
            self._counts["removed"] += len(ids)

    def _tuned(self, truth: _Truth, recall: float) -> tuple[int, np.ndarray]:
        """Return the least effort that finds enough of the true nearest, or the most, and what it finds."""
        index = MilvusIndex(self._collection)
        for effort in EFFORTS:
            index.effort = effort
            shares = truth.recall(index)
            if shares.mean() >= recall:
                break
        return effort, shares

    def _finish(self, known: dict[str, Pushed], state: tuple[int, str], effort: int) -> None:
        """Write down what the collection is equal to now."""
        if not self._vectors.hold(self._vectors.dim):
            reason = "was given another network, or learnt something else, meanwhile"
            raise LibraryError(self._store.path.parent, reason, "push again")
        before = known.get(self._collection.name)
        if known and self._collection.pushed() != before:
            raise StorageError(self._collection.address, "somebody else pushed to it meanwhile", "push again")
        states = (*(before.states if before else ()), state)
        self._collection.set_pushed(Pushed(effort, states))

    def _drop_outdated(self, is_new: bool) -> list[str]:
        """Drop what was made for other networks or spaces of this library; return the names.

        Where one has just taken the place of another, copies of the catalog still search in that: it goes
        with the next push.
        """
        others = pushed_states(self._collection, self._prefix)
        others.pop(self._collection.name, None)
        old = sorted(others, key=lambda name: others[name].states[-1])
        if is_new:
            del old[-1:]
        for name in old:
            self._collection.drop(name)
        return old
