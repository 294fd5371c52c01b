"""The graph of a library's nearest neighbours, kept up to date beside its indexes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from simsearch.errors import DerivedFileError, WriteError
from simsearch.index.files import AnotherSpace
from simsearch.store import Store
from simsearch.vectors import SearchVectors

if TYPE_CHECKING:
    from simsearch.index.files import Origin
    from simsearch.index.graph import Graph
    from simsearch.index.local import LocalIndex

_log = logging.getLogger("simsearch")

FILE_NAME = "index.graph"
_FEW = 5_000  # photos; the graph of fewer is made while the query waits, in a third of a second
_MANY = 200_000  # photos; the graph of more takes half a second to follow a change
_FEW_CHANGES = 100  # photos that came or went; more are left to whoever indexes them
_WORTH_A_FILE = 100  # photos; of fewer nobody is ranked by their neighbours
_STALE = 20  # one of so many changed: the file is written anew


class Neighbourhood:
    """Which photos are each other's nearest; to be used while the lock of the indexes is held.

    A graph that is a little out of date serves as well: a photo that it does not know yet is ranked by its
    own score, and one that is gone is no candidate.

    Parameters
    ----------
    origin
        Tells what a graph of a generation is made from.
    index
        Gives an index that holds the search vectors.
    """

    def __init__(
        self,
        store: Store,
        origin: Callable[[int, SearchVectors], Origin],
        index: Callable[[SearchVectors], LocalIndex],
    ) -> None:
        self._store = store
        self._origin = origin
        self._index = index
        self._path = store.path.with_name(FILE_NAME)
        self._vectors: SearchVectors | None = None
        self._graph: Graph | None = None
        self._generation = -1
        self._saved = -1  # the generation of the file
        self._seen = -1  # the generation at which was decided what to do

    def current(self, vectors: SearchVectors) -> Graph | None:
        """Return the graph, or None where it is yet to be made by the next run of indexing."""
        generation = self._store.generation
        if self._vectors is not vectors:
            self._load(vectors)
        if generation not in (self._generation, self._seen):
            self._seen = generation
            count = self._store.counts()["photos"]
            changed = len(self._store.changed(self._generation)) if self._graph else count
            if count <= _FEW or (changed <= _FEW_CHANGES and count <= _MANY):
                self._follow(vectors)
            else:
                self._load(vectors)  # whoever changed so much may have written it anew by now
        return self._graph

    def refresh(self, vectors: SearchVectors) -> None:
        """Bring graph and file up to date, after photos were indexed."""
        if self._vectors is not vectors:
            self._load(vectors)
        if self._generation != self._store.generation:
            self._follow(vectors)
        if self._graph is not None and (
            self._saved < 0 or _STALE * len(self._store.changed(self._saved)) > len(self._graph)
        ):
            self._save(vectors)

    def _load(self, vectors: SearchVectors) -> None:
        """Take the graph from its file; none where there is none of any use."""
        from simsearch.index.graph import Graph

        self._vectors, self._graph, self._generation, self._saved = vectors, None, -1, -1
        origin = self._origin(self._store.generation, vectors)
        try:
            self._graph, self._generation = Graph.load(self._path, origin, self._store.mark)
            self._saved = self._generation
        except (FileNotFoundError, AnotherSpace):
            pass
        except DerivedFileError as error:
            _log.warning("%s: %s; it is made anew.", error.path, error.reason)

    def _follow(self, vectors: SearchVectors) -> None:
        """Take over what changed in the store since."""
        from simsearch.index.graph import Graph

        generation = self._store.generation
        changed = self._store.changed(self._generation)
        index = self._index(vectors)
        there = index.holds(changed)
        graph = self._graph or Graph()
        graph.update(changed[there], changed[~there], index.vectors)
        self._graph, self._generation = graph, generation

    def _save(self, vectors: SearchVectors) -> None:
        if self._graph is None or len(self._graph) < _WORTH_A_FILE:
            return
        try:
            self._graph.save(self._path, self._origin(self._generation, vectors))
            self._saved = self._generation
        except WriteError as error:
            _log.info("%s", error)
