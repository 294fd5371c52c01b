"""The graph of a library's nearest neighbours, kept up to date beside its indexes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

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
_STALE = 20  # one of so many of many photos changed: the file is written anew

_File = tuple[int, int, int] | None  # what tells a file from the one before it; None where there is none


class Neighbourhood:
    """Which photos are each other's nearest; to be used while the lock of the indexes is held.

    A graph that is a little out of date serves as well: a photo that it does not know yet is ranked by its
    own cosine, and one that is gone is no candidate.

    Parameters
    ----------
    origin
        Tells what a graph of a generation is made from.
    index
        Gives the index of an engine, which holds the search vectors.
    """

    def __init__(
        self,
        store: Store,
        origin: Callable[[int, SearchVectors], Origin],
        index: Callable[[str, SearchVectors], LocalIndex],
    ) -> None:
        self._store = store
        self._origin = origin
        self._index = index
        self._path = store.path.with_name(FILE_NAME)
        self._vectors: SearchVectors | None = None
        self._graph: Graph | None = None
        self._generation = -1
        self._file: _File = None  # that was read or written last
        self._saved = -1  # the generation of it, where it is of use
        self._seen = -1  # the generation at which was decided what to do

    def current(self, vectors: SearchVectors, engine: str) -> Graph | None:
        """Return the graph, or None where it is yet to be made by the next run of indexing."""
        generation = self._store.generation
        if self._vectors is not vectors:
            self._start(vectors)
        if generation != self._generation and (generation != self._seen or self._file != self._found()):
            self._seen = generation
            if not self._is_quick() and self._file != self._found():
                self._load(vectors)  # whoever changed so much has written it anew
            if self._generation != generation and self._is_quick():
                self._follow(vectors, engine)
        return self._graph

    def refresh(self, vectors: SearchVectors) -> None:
        """Bring graph and file up to date, after photos were indexed."""
        if self._vectors is not vectors:
            self._start(vectors)
        if self._generation != self._store.generation:
            self._follow(vectors, "auto")
        if self._graph is not None and self._is_worth_writing(len(self._graph)):
            self._save(vectors)

    def _is_quick(self) -> bool:
        """Tell whether a query can wait for the graph to follow what changed."""
        count = self._store.counts()["photos"]
        if count <= _FEW or self._graph is None:
            return count <= _FEW
        return count <= _MANY and len(self._store.changed(self._generation)) <= _FEW_CHANGES

    def _is_worth_writing(self, count: int) -> bool:
        """Tell whether others cannot follow quickly from the file to this graph of so many photos."""
        if self._saved < 0 or self._file != self._found():
            return True
        changes = len(self._store.changed(self._saved))
        return _STALE * changes > count or (changes > _FEW_CHANGES and count <= _MANY)

    def _start(self, vectors: SearchVectors) -> None:
        """Forget the graph of other vectors, and take that of these from the file."""
        self._vectors, self._graph, self._generation = vectors, None, -1
        self._load(vectors)

    def _load(self, vectors: SearchVectors) -> None:
        """Take the graph from its file, where that is of use and newer than the one there is."""
        from simsearch.index.graph import Graph

        generation = self._store.generation
        self._file, self._saved = self._found(), -1
        try:
            graph, self._saved = Graph.load(self._path, self._origin(generation, vectors), self._store.mark)
        except (FileNotFoundError, AnotherSpace):
            return
        except DerivedFileError as error:
            if generation == self._store.generation:
                _log.warning("%s: %s; it is made anew.", error.path, error.reason)
            else:  # it may be newer than we thought that the library is
                self._load(vectors)
            return
        if self._saved > self._generation:
            self._graph, self._generation = graph, self._saved

    def _follow(self, vectors: SearchVectors, engine: str) -> None:
        """Take over what changed in the store since, reading the vectors in the index of an engine."""
        from simsearch.index.graph import Graph

        # In this order: what changes meanwhile is then followed twice, rather than never.
        generation = self._store.generation
        changed = self._store.changed(self._generation)
        if self._graph is not None and not len(changed):  # a setting did, or what scores mean
            self._generation = generation
            return
        index = self._index(engine, vectors)
        there = index.holds(changed)
        graph = self._graph or Graph()
        # Besides what went, what the index cannot hold: an embedding may be damaged by now.
        gone = np.concatenate([changed[~there], graph.ids[~index.holds(graph.ids)]])
        graph.update(changed[there], gone, index.vectors)
        self._graph, self._generation = graph, generation

    def _save(self, vectors: SearchVectors) -> None:
        if self._graph is None or len(self._graph) < _WORTH_A_FILE:
            return
        try:
            self._graph.save(self._path, self._origin(self._generation, vectors))
            self._file, self._saved = self._found(), self._generation
        except WriteError as error:
            _log.info("%s", error)

    def _found(self) -> _File:
        """Return what tells the file that is there now from others."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
