"""The maps of a library: where each photo lies in two dimensions, near those that are like it.

A map lives in a file beside the indexes. Photos that came since lie amid their neighbours, and so does a
query; where many came or went, the map is made anew.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch import layout, program
from simsearch.errors import DerivedFileError, LibraryError, SimsearchError, WriteError
from simsearch.index import files as saving
from simsearch.index.files import AnotherSpace
from simsearch.indexes import Indexes
from simsearch.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from simsearch.index.files import Origin
    from simsearch.index.graph import Graph
    from simsearch.indexes import Load

_log = logging.getLogger("simsearch")

_ENGINE = "map"
_SAMPLE = 20_000  # photos tell the main directions of a million
_STALE = 20  # one of so many came or went: the map is made anew
_AMID = 10  # neighbours that a photo is placed amid
_LONE = 200  # photos that came and have no neighbour on the map: so many are searched for


class Map(NamedTuple):
    """Where photos lie.

    Attributes
    ----------
    ids
        (n,) int64, ascending: the photos.
    positions
        (n, 2) float32: x to the right and y upwards, in a unit of its own.
    method
        "pca" or "tsne".
    due
        Whether a better one is to be made: by the method that was asked for, or as many photos came or went.
    unkept
        Why no other process will have it, in a sentence; None where it is kept.
    """

    ids: np.ndarray
    positions: np.ndarray
    method: str
    due: bool
    unkept: str | None = None

    @property
    def hint(self) -> str | None:
        """How to get a better one, in a sentence, where what that takes is not installed."""
        if len(self.ids) < layout.FEWEST or layout.is_installed("tsne"):
            return None
        return f"On a better map photos lie closer to those like them; for that: {layout.HOW_TO_GET_TSNE}"

    def amid(self, ids: Sequence[int], cosines: Sequence[float]) -> tuple[float, float]:
        """Return where lies what is like some photos, as much as cosines say; some may not be on the map."""
        near, likeness = np.array([ids], dtype=np.int64), np.array([cosines], dtype=np.float32)
        [[x, y]] = layout.amid(self.ids, self.positions, near, likeness).tolist()
        return x, y


class _Layout(NamedTuple):
    """A map as it was made, of which generation and in which space; ids and positions as in :class:`Map`."""

    ids: np.ndarray
    positions: np.ndarray
    generation: int
    space: str


class Layouts:
    """The maps of a library, kept up to date; may be used from several threads."""

    def __init__(self, store: Store, indexes: Indexes) -> None:
        self._store = store
        self._indexes = indexes
        self._kept: dict[str, _Layout] = {}
        self._read: dict[str, object] = {}  # what told the file that was read last from others
        # The generation and the layout that each is of, and the map.
        self._maps: dict[str, tuple[int, _Layout, Map]] = {}
        self._making = threading.Lock()
        self._unkept: dict[str, str] = {}  # why what was made last is in no file
        self._lock = threading.RLock()

    def current(self, method: str | None, dim: int, progress: layout.Progress | None = None) -> Map:
        """Return the map by a method, or by the best there is, made anew where it is due.

        Parameters
        ----------
        dim
            Width of the embeddings.
        progress
            Called with the number of steps done and to do.
        """
        with self._making:  # who comes second finds it made
            found = self.at_hand(method, dim)
            if not found.due:
                return found
            wanted = self._wanted(method)
            made = self._made(wanted, dim, progress or (lambda *_: None))
            with self._lock:
                self._keep(wanted, made)
                return self.at_hand(method, dim)

    def at_hand(self, method: str | None, dim: int) -> Map:
        """Return what there is of a map, however outdated, or else one by "pca", made in a second or two."""
        wanted = self._wanted(method)
        with self._lock:
            kept = self._known(wanted)
            if kept is None and wanted != "pca":
                return self.at_hand("pca", dim)._replace(due=True)
            if kept is None:
                kept = self._made("pca", dim, lambda *_: None)
                self._keep("pca", kept)
            # Before photos are read, as when one is made.
            generation = self._store.generation
            of_generation, of_layout, found = self._maps.get(wanted, (-1, None, None))
            if found is None or of_generation != generation or of_layout is not kept:
                found = self._followed(kept, wanted, dim)
                self._maps[wanted] = generation, kept, found
            return found

    def _wanted(self, method: str | None) -> str:
        return "pca" if self._store.counts()["photos"] < layout.FEWEST else method or layout.best_method()

    def place(self, found: Map, vector: np.ndarray, dim: int) -> tuple[float, float]:
        """Return where on a map a picture lands, amid the photos that are most like it.

        Parameters
        ----------
        vector
            (dim,) float32: its embedding.

        Raises
        ------
        LibraryError
            When there is no photo on the map.
        """
        if not len(found.ids):
            remedy = "run: simsearch doctor --repair"
            raise LibraryError(self._store.path.parent, "holds no photo that can be laid out", remedy)
        with self._indexes.lock:
            index = self._indexes.current("auto", dim)
            query = self._indexes.projected(vector[None])
            [ids], [cosines] = index.search(query, _AMID)
        return found.amid(ids, cosines)

    # A map that was made

    def _photos(self, dim: int) -> np.ndarray:
        """Return the ids of the photos that can be found, (n,) int64, ascending."""
        ids = self._store.select("TRUE", ())
        with self._indexes.lock:
            there: np.ndarray = ids[self._indexes.current("auto", dim).holds(ids)]
        return there

    def _followed(self, kept: _Layout, method: str, dim: int) -> Map:
        """Return a map of the photos there are now; those that came lie amid their neighbours."""
        photos = self._photos(dim)
        stay = np.isin(kept.ids, photos) & ~np.isin(kept.ids, self._store.changed(kept.generation))
        ids, positions = kept.ids[stay], kept.positions[stay]
        came = photos[~np.isin(photos, ids)]
        due = _STALE * (len(came) + len(kept.ids) - len(ids)) > len(photos)
        ids, positions = self._with(ids, positions, came, dim)
        return Map(ids, positions, method, due or len(ids) < len(photos), self._unkept.get(method))

    def _with(
        self, ids: np.ndarray, positions: np.ndarray, came: np.ndarray, dim: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ids and positions with those of photos that came, where they have neighbours there."""
        if not len(ids):
            return ids, positions
        with self._indexes.lock:
            graph = self._indexes.graph(dim)
            while graph is not None and len(came):  # some are neighbours of others that came
                near, cosines = (column[:, :_AMID] for column in graph.neighbours(came))
                known = np.isin(near, ids).any(axis=1)
                if not known.any():
                    break
                places = layout.amid(ids, positions, near[known], cosines[known])
                ids, positions = layout.merged(ids, positions, came[known], places)
                came = came[~known]
            if 0 < len(came) <= _LONE:
                index = self._indexes.current("auto", dim)
                near, cosines = index.search(index.vectors(came), _AMID, ids)
                ids, positions = layout.merged(
                    ids, positions, came, layout.amid(ids, positions, near, cosines)
                )
        return ids, positions

    # Making one

    def _made(self, method: str, dim: int, progress: layout.Progress) -> _Layout:
        # Before photos are read: what changes meanwhile is then followed later.
        generation = self._store.generation
        with self._indexes.lock:
            vectors = self._indexes.vectors(dim)
            index = self._indexes.current("auto", dim)
            sample = self._store.some_ids(_SAMPLE)
            centre, axes = layout.main_directions(index.vectors(sample[index.holds(sample)]))
        blocks = [(ids, (block - centre) @ axes) for ids, block in vectors.blocks()]
        ids = np.concatenate([np.empty(0, dtype=np.int64), *(ids for ids, _ in blocks)])
        positions = np.concatenate([np.empty((0, 2), dtype=np.float32), *(places for _, places in blocks)])
        if method == "tsne":
            positions = layout.neighbourly(_rows(self._graph(dim), ids), positions, progress)
        return _Layout(ids, positions, generation, vectors.mark)

    def _graph(self, dim: int) -> Graph | None:
        with self._indexes.lock:
            graph = self._indexes.graph(dim)
            if graph is None:  # the next run of indexing would make it
                self._indexes.refresh(dim)
                graph = self._indexes.graph(dim)
            return graph

    # Its file

    def _keep(self, method: str, made: _Layout) -> None:
        """Keep a map, also in its file; a library that cannot be written works, too."""
        self._kept[method] = made
        origin = self._indexes.origin(made.generation)._replace(space=made.space)
        arrays = {"ids": [made.ids], "positions": [made.positions]}
        try:
            saving.save(self._path(method), _ENGINE, origin, {"method": method}, arrays)
            self._read[method] = self._status(method)
            self._unkept.pop(method, None)
        except WriteError as error:
            _log.info("%s", error)
            self._unkept[method] = str(error)

    def _known(self, method: str) -> _Layout | None:
        """Return the map that was made last, here or by another process, in the space of today, or None."""
        origin = self._indexes.origin(self._store.generation)
        status = self._status(method)
        if status != self._read.get(method):
            self._read[method] = status
            try:
                self._kept[method] = _load(self._path(method), origin, self._store.mark)
            except (AnotherSpace, FileNotFoundError):
                pass
            except DerivedFileError as error:
                _log.warning("%s: %s; it is made anew.", error.path, error.reason)
        kept = self._kept.get(method)
        return kept if kept and kept.space == origin.space else None

    def _path(self, method: str) -> Path:
        return _path_in(self._store.path.parent, method)

    def _status(self, method: str) -> tuple[int, int, int] | None:
        """Return what tells the file that is there now from others."""
        try:
            status = self._path(method).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def make_apart(folder: Path) -> None:
    """Have the map of the library in a folder made by a process of its own, and wait for it.

    Raises
    ------
    SimsearchError
        When it could not be made or kept.
    """
    done = subprocess.run(
        program.command("cli", "map", "--library", str(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=program.environment(),
        check=False,
    )
    if done.returncode:
        sentence = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise SimsearchError(
            sentence.removeprefix("simsearch: ") or f"map: it ended with exit code {done.returncode}."
        )


def files(folder: Path) -> list[tuple[Path, Load]]:
    """Return the files of maps in a library's folder, which need not be there, and what loads each."""
    return [(_path_in(folder, method), _load) for method in layout.METHODS]


def _path_in(folder: Path, method: str) -> Path:
    return folder / f"index.map-{method}"


def _load(path: Path, origin: Origin, mark_of: Callable[[int], str]) -> _Layout:
    saved = saving.load(path, _ENGINE, origin, mark_of)
    with saving.explained(path):
        ids, positions = saved.arrays["ids"], saved.arrays["positions"]
        if ids.dtype != np.int64 or positions.dtype != np.float32 or positions.shape != (len(ids), 2):
            raise ValueError(f"{len(positions):,} positions for {len(ids):,} ids")
        if not np.isfinite(positions).all() or (np.diff(ids) <= 0).any():
            raise ValueError("positions that are nowhere, or ids out of order")
        return _Layout(ids, positions, saved.origin.generation, saved.origin.space)


def _rows(graph: Graph | None, ids: np.ndarray) -> np.ndarray:
    """Return the places among ids, (n,) ascending, of the nearest of each, (n, k) int64, -1 where none is."""
    if graph is None or not len(ids):
        return np.full((len(ids), 1), -1)
    near = graph.neighbours(ids)[0][:, : layout.NEIGHBOURS]
    places = np.minimum(np.searchsorted(ids, near), len(ids) - 1)
    return np.where(ids[places] == near, places, -1)
