"""The clusters of a library: made when they are first asked for, and kept beside its indexes."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import numpy as np

from simsearch.clustering import Clustering, Members, Names, told_names
from simsearch.errors import DerivedFileError, WriteError
from simsearch.index.files import AnotherSpace
from simsearch.indexes import Indexes
from simsearch.ranking import Found
from simsearch.searching import Hit, Searcher
from simsearch.store import Store

_log = logging.getLogger("simsearch")

FILE_NAME = "index.clusters"
_WORTH_A_FILE = 2_000  # photos; fewer are clustered as quickly as a file is read
_NOTHING = Members(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Cluster:
    """Photos that look alike.

    Attributes
    ----------
    typical
        The one nearest to their centre.
    label
        What most of them are called, if they are so clearly more often than others: by the user's labels
        where there are any, else by their folders. None where there is no such name.
    photos
        (n,) int64: their ids, best first.
    """

    typical: Hit
    label: str | None
    photos: np.ndarray

    @property
    def size(self) -> int:
        """How many photos there are."""
        return len(self.photos)


class Clusters:
    """Tells the clusters of a library; may be used from several threads."""

    def __init__(self, store: Store, indexes: Indexes, searcher: Searcher) -> None:
        self._store = store
        self._indexes = indexes
        self._searcher = searcher
        self._path = store.path.with_name(FILE_NAME)
        # The mark of a space, a generation, and the clusters in them.
        self._made: tuple[str, int, Clustering] = ("", -1, Clustering({}))
        self._lock = threading.Lock()

    def tell(self, dim: int, grain: str, among: np.ndarray | None) -> list[Cluster]:
        """Return the clusters of a grain, largest first.

        Parameters
        ----------
        dim
            Width of the embeddings.
        among
            (n,) int64: ids of the photos that alone are told of; None stands for all.
        """
        members = self._current(dim).grains.get(grain, _NOTHING)
        groups = list((members if among is None else members.among(among)).each())
        labels = self._store.labels()
        names = [Names(labels)] if labels else told_names(self._store.folders())
        hits = self._searcher.hits([Found(int(photos[0]), 1.0, 1.0) for photos in groups])
        typical = {hit.id: hit for hit in hits}
        return [
            Cluster(typical[first], next(filter(None, (name.of(photos) for name in names)), None), photos)
            for photos in groups
            if (first := int(photos[0])) in typical  # else it was forgotten just now
        ]

    def _current(self, dim: int) -> Clustering:
        with self._lock:
            with self._indexes.lock:
                mark = self._indexes.vectors(dim).mark
            if self._made[0] != mark or not self._holds(self._made[1]):
                self._made = self._loaded(mark) or self._built(dim)
            return self._made[2]

    def _holds(self, generation: int) -> bool:
        """Whether no photo came or went since a generation."""
        return generation == self._store.generation or (
            generation >= 0 and not len(self._store.changed(generation))
        )

    def _loaded(self, mark: str) -> tuple[str, int, Clustering] | None:
        """Return the clusters in the file, or None where it is of no use."""
        try:
            origin = self._indexes.origin(self._store.generation)
            made, generation = Clustering.load(self._path, origin, self._store.mark)
        except (FileNotFoundError, AnotherSpace):
            return None
        except DerivedFileError as error:
            _log.warning("%s: %s; it is made anew.", error.path, error.reason)
            return None
        return (mark, generation, made) if self._holds(generation) else None

    def _built(self, dim: int) -> tuple[str, int, Clustering]:
        """Return clusters made anew, and write them to the file where that is worth it."""
        with self._indexes.lock:
            # Before the photos are read: what changes meanwhile is then seen later.
            generation = self._store.generation
            vectors = self._indexes.vectors(dim)
            graph = self._indexes.whole_graph(dim)
            if graph is None or not len(graph):
                return vectors.mark, generation, Clustering({})
            ids, (lists, cosines) = graph.ids, graph.lists
            index = self._indexes.current("auto", dim)

        def read(places: np.ndarray) -> np.ndarray:
            with self._indexes.lock:
                there = index.holds(ids[places])  # not all may be, if some went meanwhile
                found = np.zeros((len(places), index.dim), dtype=np.float32)
                found[there] = index.vectors(ids[places][there])
                return found

        made = Clustering.build(ids, lists, cosines, read)
        if len(ids) >= _WORTH_A_FILE:
            try:
                made.save(self._path, self._indexes.origin(generation, vectors))
            except WriteError as error:
                _log.info("%s", error)
        return vectors.mark, generation, made
