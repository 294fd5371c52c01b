"""The indexes of one library: made when first asked for, kept up to date, rebuilt beside the serving one."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch.errors import DerivedFileError, StorageError, WriteError
from simsearch.index import ENGINES, EXACT_BELOW, MILVUS, suitable_engine
from simsearch.index.files import AnotherSpace
from simsearch.index.milvus_address import without_password
from simsearch.neighbourhood import Neighbourhood
from simsearch.store import Store
from simsearch.vectors import SPACE, SearchVectors

if TYPE_CHECKING:
    import numpy as np

    from simsearch.index.files import Origin
    from simsearch.index.graph import Graph
    from simsearch.index.local import LocalIndex
    from simsearch.index.tuning import Tuning
    from simsearch.projection import Projection

_log = logging.getLogger("simsearch")

# Reads a file: given its path, what it is to be made from, and what gives the mark of a generation.
Load = Callable[[Path, "Origin", Callable[[int], str]], object]

RECALL = 0.95  # that LSH is tuned to where nobody wished for another
_WORTH_A_FILE = 2_000  # vectors; reading fewer from the store takes no longer
_SECONDS_TO_BUILD = 5_000  # vectors; an index of fewer is built anew while the query waits
_OUTGROWN = 4  # times as many photos as LSH was tuned with: it is tuned anew
_STALE = 20  # one of so many changed: the file is written anew
_CLASSES = {
    "exact": ("simsearch.index.exact", "ExactIndex"),
    "faiss": ("simsearch.index.faiss_index", "FaissIndex"),
    "lsh": ("simsearch.index.lsh", "LshIndex"),
    "graph": ("simsearch.index.graph", "Graph"),
}


@dataclass
class _Held:
    """An index, what it is made of, up to which generation, and that of its file (-1: there is none)."""

    index: Any
    vectors: SearchVectors
    generation: int
    saved: int = -1


class Indexes:
    """The indexes of a library; may be used from several threads.

    Parameters
    ----------
    store
        What they are made from.
    lsh_storage
        Where the tables of LSH live: the address of a Redis server, or None for this process's memory.
    milvus
        Address of the Milvus server that the engine "milvus" asks; None for the one that was pushed to last.
    """

    def __init__(self, store: Store, lsh_storage: str | None = None, milvus: str | None = None) -> None:
        self._store = store
        self._lsh_storage = lsh_storage
        self._milvus = milvus
        self._projection: Projection | None = None
        self._projecting = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._auto = (-1, "")  # a generation, and the engine that suits it
        self._vectors: SearchVectors | None = None  # those looked at last
        self._rebuilding: set[str] = set()
        self._failed: dict[str, int] = {}  # at which generation an index could not be rebuilt
        self._neighbourhood = Neighbourhood(
            store, self.origin, lambda engine, vectors: self.current(engine, vectors.dim)
        )
        self.lock = threading.RLock()  # held while an index is searched: changes are made in place

    def chosen(self, engine: str) -> str:
        """Return the engine that is meant: "auto" stands for the one that suits the number of photos."""
        if engine != "auto":
            return engine
        generation = self._store.generation
        if self._auto[0] != generation:
            self._auto = generation, suitable_engine(self._store.counts()["photos"])
        return self._auto[1]

    def vectors(self, dim: int) -> SearchVectors:
        """Return what embeddings of a width are compared by now."""
        with self.lock:
            if self._vectors is None or not self._vectors.hold(dim):
                self._vectors = SearchVectors(self._store, dim)
            return self._vectors

    def projected(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the search vectors of embeddings, (n, dim) float32, for the index that was asked for last.

        To be used while :attr:`lock` is held: another process may choose another space at any time.
        """
        vectors = self._vectors or self.vectors(embeddings.shape[1])
        return vectors.of(embeddings)

    @property
    def milvus(self) -> str | None:
        """Address of the Milvus server that was named or, where none was, that was pushed to last."""
        from simsearch.pushed import ADDRESS

        return self._milvus or self._store.setting(ADDRESS)

    def served(self) -> dict[str, Any] | None:
        """Return address and state of that server, as the catalog knows them; see :meth:`Library.status`."""
        from simsearch.pushed import lacking

        if self.milvus is None:
            return None
        return {"address": without_password(self.milvus), "lacks": lacking(self._store)}

    def projection(self, dim: int) -> Projection:
        """Return what the engine "milvus" searches in, which has a lock of its own.

        A server that does not answer must not hold up those who search on this machine.

        Raises
        ------
        StorageError
            When no server is named, it cannot be used, or it was not given this library.
        """
        from simsearch.projection import Projection

        vectors = self.vectors(dim)
        with self._projecting:
            if self._projection is None or self._projection.made_for is not vectors:
                self._close_projection()
                if self.milvus is None:
                    remedy = "fill one with: simsearch push milvus://HOST"
                    raise StorageError("engine milvus", "no Milvus server holds this library", remedy)
                self._projection = Projection(self._store, vectors, self.milvus)
            return self._projection

    def _close_projection(self) -> None:
        if self._projection:
            self._projection.close()
        self._projection = None

    def close(self) -> None:
        """Close what is open to a server."""
        with self._projecting:
            self._close_projection()

    def current(self, engine: str, dim: int) -> LocalIndex:
        """Return an index of what the store holds now; to be used while :attr:`lock` is held.

        Parameters
        ----------
        dim
            Width of the embeddings.
        """
        name = self.chosen(engine)
        with self.lock:
            vectors = self.vectors(dim)
            held = self._up_to_date(name, vectors)
            if held.index.worn and len(held.index) < _SECONDS_TO_BUILD:
                held = self._held[name] = self._shared(self._built(name, vectors))
            elif held.index.worn:
                self._rebuild_beside(name, vectors)
            index: LocalIndex = held.index
            return index

    def graph(self, dim: int, engine: str = "auto") -> Graph | None:
        """Return the graph of nearest neighbours, to be used while :attr:`lock` is held.

        It is None where there are many photos and the next run of indexing is to make it. Where it is to
        follow a few changes, it reads the vectors in the index of an engine.
        """
        with self.lock:
            return self._neighbourhood.current(self.vectors(dim), engine)

    def whole_graph(self, dim: int) -> Graph | None:
        """Return the graph of all photos as they are now, however long that takes; None where there are none.

        To be used while :attr:`lock` is held.
        """
        with self.lock:
            vectors = self.vectors(dim)
            self._neighbourhood.refresh(vectors)
            return self._neighbourhood.current(vectors, "auto")

    def forget(self, engine: str) -> None:
        """Let go of an index; it is loaded or made anew when it is asked for."""
        if engine == MILVUS:
            self.close()
            return
        with self.lock:
            self._held.pop(self.chosen(engine), None)

    def refresh(self, dim: int) -> None:
        """Bring up to date the files that are there or worth having: the next process then starts quickly."""
        with self.lock:
            vectors = self.vectors(dim)
            worth_it = self.chosen("auto") if self._store.counts()["photos"] >= _WORTH_A_FILE else None
            for name in ENGINES:
                if name == worth_it or self._path(name).exists():
                    try:
                        self._refresh_one(name, vectors)
                    except StorageError as error:  # photos were indexed all the same
                        _log.warning("%s", error)
            self._neighbourhood.refresh(vectors)

    def _refresh_one(self, name: str, vectors: SearchVectors) -> None:
        tuned = self.tuned if name == "lsh" else None
        if tuned and (
            self._store.counts()["photos"] > _OUTGROWN * tuned["photos"]
            or tuned.get("space", "") != vectors.mark  # what was measured holds no more
            or tuned.get("encoder") not in (None, self._store.setting("encoder"))
        ):
            self._tune(vectors, tuned["wish"], tuned["knobs"], None)
            return
        held = self._up_to_date(name, vectors)
        if held.index.worn:
            held = self._held[name] = self._shared(self._built(name, vectors))
        self._save(name, held)

    def tune(self, dim: int, wish: float, knobs: dict[str, int], compact: bool | None) -> Tuning:
        """Choose the settings of LSH for a recall, 0 to 1, but for the knobs that are given, and keep them.

        Raises
        ------
        ValueError
            When a knob cannot be turned so far; nothing is changed then.
        """
        with self.lock:
            return self._tune(self.vectors(dim), wish, knobs, compact)

    def _tune(
        self, vectors: SearchVectors, wish: float, knobs: dict[str, int], compact: bool | None
    ) -> Tuning:
        if compact is None:
            compact = self._compact
        generation = self._store.generation
        held = self._filled(self._lsh(vectors.width, "int8" if compact else "float16"), vectors, generation)
        tuning: Tuning = held.index.tune(wish, **knobs)
        told = {"wish": wish, "knobs": knobs, "photos": len(held.index), "space": vectors.mark}
        told["encoder"] = self._store.setting("encoder")
        told |= {**tuning._asdict(), "settings": tuning.settings._asdict()}
        with self._store.transaction():
            self._store.set_setting("compact", str(int(compact)))
            self._store.set_setting("lsh", json.dumps(told))
        self._save("lsh", held)
        self._held["lsh"] = self._shared(held)
        return tuning

    @property
    def tuned(self) -> dict[str, Any] | None:
        """What :meth:`tune` chose and measured, or None where it was never asked."""
        told = self._store.setting("lsh")
        return None if told is None else dict(json.loads(told))

    def reason(self) -> str:
        """Say in a sentence what searches where no engine is named, and why."""
        if self._milvus:
            return f"Milvus at {without_password(self._milvus)}"
        count = self._store.counts()["photos"]
        if suitable_engine(count) == "exact":
            return f"exact: every photo is compared, as there are fewer than {EXACT_BELOW:,}"
        from simsearch.index.faiss_index import reason

        return reason(count)

    # One index

    def _up_to_date(self, name: str, vectors: SearchVectors) -> _Held:
        held = self._held.get(name)
        if (
            held is None
            or held.vectors is not vectors
            or (held.generation != self._store.generation and not self._suits(held.index))
        ):
            held = self._loaded(name, vectors) or self._built(name, vectors)
            if held.saved < 0:
                self._save(name, held)
            self._held[name] = self._shared(held)
        try:
            self._catch_up(held)
        except BaseException:  # Ctrl-C in the middle of it, say: what is half done must not serve
            self._held.pop(name, None)
            raise
        return held

    def _loaded(self, name: str, vectors: SearchVectors) -> _Held | None:
        """Return the index in the file, brought up to date, or None where there is none of any use."""
        path = self._path(name)
        try:
            index, generation = _class(name).load(
                path, self.origin(self._store.generation, vectors), self._store.mark
            )
            if index.dim != vectors.width:
                raise DerivedFileError(path, f"holds vectors of {index.dim} numbers, not of {vectors.width}")
            held = _Held(index, vectors, generation, generation)
            self._catch_up(held)
            photos = self._store.counts()["photos"]
            if len(index) != photos and held.generation == self._store.generation:
                photos = sum(len(ids) for ids, _ in vectors.blocks())  # some may have no sound embedding
                if len(index) != photos:
                    raise DerivedFileError(path, f"holds {len(index):,} photos, where there are {photos:,}")
        except (FileNotFoundError, AnotherSpace):
            return None
        except DerivedFileError as error:
            _log.warning("%s: %s; it is made anew.", error.path, error.reason)
            return None
        return held if self._suits(index) else None

    def _suits(self, index: LocalIndex) -> bool:
        """Tell whether an index has the settings that are wanted; another process may have tuned."""
        tuned = self.tuned if index.engine == "lsh" else None
        as_tuned = tuned is None or index.settings._asdict() == tuned["settings"]  # type: ignore[attr-defined]
        return as_tuned and index.precision == self._precision(index.engine)

    def _built(self, name: str, vectors: SearchVectors) -> _Held:
        """Return an index made anew from the store."""
        # Before settings and photos are read: what changes meanwhile is then seen later.
        generation = self._store.generation
        if name != "lsh":
            empty = _class(name)(vectors.width, precision=self._precision(name))
            return self._filled(empty, vectors, generation)
        tuned = self.tuned is not None
        held = self._filled(self._lsh(vectors.width, self._precision("lsh")), vectors, generation)
        if not tuned and len(held.index):
            held.index.tune(RECALL)
        return held

    def _lsh(self, dim: int, precision: str) -> LocalIndex:
        from simsearch.index.lsh import LshIndex
        from simsearch.index.tuning import Settings, usual

        tuned = self.tuned
        settings = Settings(**tuned["settings"]) if tuned else usual(self._store.counts()["photos"])
        return LshIndex(dim, settings, precision=precision)

    def _filled(self, index: LocalIndex, vectors: SearchVectors, generation: int) -> _Held:
        for ids, block in vectors.blocks():
            index.add(ids, block)
        index.settle()
        return _Held(index, vectors, generation)

    @property
    def _compact(self) -> bool:
        return self._store.setting("compact") == "1"

    def _precision(self, name: str) -> str:
        if name == "exact":
            return "float32"  # several times as quick to compare with
        return "int8" if self._compact else "float16"  # as in the store

    def _catch_up(self, held: _Held) -> None:
        """Apply what changed in the store since; other processes may write to it meanwhile."""
        generation = self._store.generation
        if generation == held.generation:
            return
        index: LocalIndex = held.index
        changed = self._store.changed(held.generation)
        index.remove(changed[index.holds(changed)])
        for ids, block in held.vectors.blocks(held.generation) if len(changed) else ():
            index.remove(ids[index.holds(ids)])  # changed again after we asked what had changed
            index.add(ids, block)
        held.generation = generation

    def _rebuild_beside(self, name: str, vectors: SearchVectors) -> None:
        """Build an index anew in a thread; until it is ready the worn one serves."""
        worn = self._held[name]
        if name in self._rebuilding or self._failed.get(name) == worn.generation:
            return
        self._rebuilding.add(name)

        def rebuild() -> None:
            try:
                held = self._built(name, vectors)
                self._save(name, held)
                with self.lock:
                    if self._held.get(name) is worn:  # nobody tuned or refreshed meanwhile
                        self._held[name] = self._shared(held)
            except Exception as error:  # no memory; the library was closed meanwhile: the worn one serves on
                self._failed[name] = worn.generation
                _log.info("index.%s could not be made anew: %s", name, error)
            finally:
                self._rebuilding.discard(name)

        threading.Thread(target=rebuild, daemon=True).start()

    def _shared(self, held: _Held) -> _Held:
        """Move the tables of LSH to where they shall live."""
        if self._lsh_storage and held.index.engine == "lsh":
            held.index.share(self._lsh_storage, self._store.setting("library") or "")
        return held

    # Its file

    def files(self) -> list[tuple[Path, Load]]:
        """Return the files of indexes, which need not be there, and what loads each."""
        return [(self._path(name), _class(name).load) for name in _CLASSES]

    def fault(self, path: Path, load: Load) -> str | None:
        """Return why a file made from the store cannot be used, or None where it can; nothing is changed."""
        reason = None
        for _ in range(2):  # another process may write a newer file while we look
            try:
                origin = self.origin(self._store.generation)
                load(path, origin, self._store.mark)
                return None
            except (FileNotFoundError, AnotherSpace):
                return None
            except DerivedFileError as error:
                reason = error.reason
        return reason

    def _save(self, name: str, held: _Held) -> None:
        """Write an index to its file, where it is worth it; a library that cannot be written works, too."""
        changed = len(held.index) if held.saved < 0 else len(self._store.changed(held.saved))
        if (name == "exact" and len(held.index) < _WORTH_A_FILE) or _STALE * changed <= len(held.index):
            return
        if held.index.has_gaps:  # which a file does not hold; nor need we, then
            held.index = held.index.rebuilt()
            self._shared(held)
        try:
            held.index.save(self._path(name), self.origin(held.generation, held.vectors))
            held.saved = held.generation
        except WriteError as error:
            _log.info("%s", error)

    def _path(self, name: str) -> Path:
        return self._store.path.with_name(f"index.{name}")

    def origin(self, generation: int, vectors: SearchVectors | None = None) -> Origin:
        """Return what is told of a file that is made from the store as it was at a generation."""
        from simsearch.index.files import Origin

        space = vectors.mark if vectors else self._store.setting(SPACE) or ""
        library, encoder = self._store.setting("library") or "", self._store.setting("encoder") or ""
        return Origin(library, encoder, generation, self._store.mark(generation), space)


def _class(name: str) -> Any:
    module, its_class = _CLASSES[name]
    return getattr(import_module(module), its_class)
