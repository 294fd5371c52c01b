"""A collection of photos that can be searched: the one module that knows all the others."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from simsearch import pixels, running, store
from simsearch.backbones import DEFAULT_BACKBONE
from simsearch.backbones import backbone as known_backbone
from simsearch.errors import (
    EncoderMismatch,
    FolderError,
    LibraryError,
    NoLibrary,
    PhotoError,
    SimsearchError,
    StorageError,
)
from simsearch.filters import Filters, below, condition
from simsearch.folders import absolute_path, default_folder, make_home, plain_path
from simsearch.index import ENGINES
from simsearch.index.rows import usable
from simsearch.indexes import Indexes
from simsearch.pixels import AnyPicture
from simsearch.report import Report
from simsearch.store import Store
from simsearch.survey import is_online, online

if TYPE_CHECKING:
    import numpy as np

    from simsearch.comparison import Similarities
    from simsearch.encoder import Encoder
    from simsearch.health import Finding
    from simsearch.indexing import Found

_log = logging.getLogger("simsearch")


@dataclass(frozen=True)
class Hit:
    """A photo of the library that answers a search.

    Attributes
    ----------
    path
        Where the photo is (absolute).
    score
        Cosine of the two embeddings: 1 is the same picture to the network, unrelated ones are near 0.3.
    id
        The photo's number in the library; it stays when the photo moves.
    width, height
        Pixels, upright.
    taken_at
        When it was taken by the camera's own clock, with its offset from UTC where the photo has it, or None
        where the photo does not say.
    camera
        Make and model, or None.
    latitude, longitude
        Where it was taken, in degrees, or None.
    offline
        Whether the indexed folder it is in is not there just now, as on an unplugged disk.
    """

    path: Path
    score: float
    id: int
    width: int
    height: int
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    offline: bool


class Library:
    """Photos, their embeddings and an index over them, kept in one folder.

    Use :meth:`open`. A library may be used from several threads, and searched while another process
    indexes into it.
    """

    def __init__(
        self, path: Path, store: Store, backbone: str | None, encoder: Encoder | None, lsh_storage: str | None
    ) -> None:
        self.path = path
        self._store = store
        self._asked = backbone  # None where the library's own will do
        self._encoder = encoder
        self._indexes = Indexes(store, lsh_storage)
        self._selected: tuple[Any, np.ndarray | None] = (None, None)  # the last filters, and what they left
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        backbone: str | None = None,
        encoder: Encoder | None = None,
        create: bool = True,
        lsh_storage: str | None = None,
    ) -> Library:
        """Open the library in a folder, making it where there is none.

        Parameters
        ----------
        path
            The folder; by default :func:`default_folder`.
        backbone
            Name of the pretrained network; by default the one the library was made with.
        encoder
            An encoder of your own in place of a named backbone.
        create
            Whether to make a library where there is none.
        lsh_storage
            Address of a Redis server that holds the tables of the engine "lsh", such as
            redis://127.0.0.1:6379, so that several processes share them; by default
            ``$SIMSEARCH_LSH_STORAGE``, else this process's memory.

        Raises
        ------
        NoLibrary
            When there is none and none is to be made.
        LibraryError
            When what is there cannot be used.
        EncoderMismatch
            When the library was made with another network than the one asked for.
        BackboneError
            When there is no such backbone.
        WriteError
            When the folder cannot be written.
        """
        folder = Path(path).expanduser().absolute() if path is not None else default_folder()
        if backbone is not None:
            known_backbone(backbone)
        if not (folder / store.FILE_NAME).is_file():
            if not create:
                raise NoLibrary(folder)
            make_home(folder)
        opened = Store(folder)
        asked = encoder.identity.backbone if encoder else backbone
        storage = lsh_storage or os.environ.get("SIMSEARCH_LSH_STORAGE")
        library = cls(folder, opened, asked, encoder, storage)
        try:
            name = library.backbone
            if encoder is None:
                known_backbone(name)
        except SimsearchError:
            opened.close()
            raise
        return library

    def close(self) -> None:
        """Close the library's files."""
        self._store.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return how many photos can be found."""
        return self._store.counts()["photos"]

    @property
    def backbone(self) -> str:
        """Name of the network that the library was made with, or will be."""
        return _agree(self.path, self._store.setting("encoder"), self._asked)

    @property
    def encoder(self) -> Encoder:
        """The network that makes the embeddings; loaded at first use, and built at the very first."""
        with self._lock:
            # The first run of another process may have chosen another since we opened an empty library.
            if self._encoder is None or self._encoder.identity.backbone != self.backbone:
                from simsearch.encoder import open_encoder

                self._encoder = open_encoder(self.backbone, say=_log.warning)
            stored = self._store.setting("encoder")
            if stored and json.loads(stored) != json.loads(self._encoder.identity.to_json()):
                from simsearch.encoder import EncoderIdentity

                asked = self._encoder.identity
                raise EncoderMismatch(self.path, EncoderIdentity.from_json(stored), asked)
            return self._encoder

    def sync(
        self,
        *folders: str | os.PathLike[str],
        workers: int | None = None,
        retry_failed: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Bring the library up to date with folders of photos: index what is new or has changed.

        Parameters
        ----------
        folders
            By default all that were indexed before.
        workers
            Number of processes; by default one a core, and fewer where memory is scarce.
        retry_failed
            Whether to look again at files that failed and have not changed since.
        progress
            Called with the number of files done and to do in the current folder.

        Raises
        ------
        FolderError
            When no folder can be used. If some can, the others are in the report: as offline where they are
            indexed already, else as failures.
        LibraryError
            When another process is indexing into this library; it says which.
        """
        from simsearch.indexing import find

        with running.sole_run(self.path) as run:
            found = find(self._store, [plain_path(folder) for folder in folders or self.roots()])
            return self._index(run, found, workers, retry_failed, progress)

    def watch(
        self,
        *folders: str | os.PathLike[str],
        workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Report]:
        """Bring the library up to date as :meth:`sync` does, and go on, for ever, as the folders change.

        Yields
        ------
        Report
            Of the first run, then of each that found something new. While another process indexes into this
            library, the changes wait.
        """
        from simsearch.indexing import find_changes
        from simsearch.watch import Watch

        yield self.sync(*folders, workers=workers, progress=progress)
        with Watch(self.roots).following() as watch:
            for changed in watch.batches():
                before = self.generation
                with running.sole_run(self.path, wait=True) as run:
                    found = find_changes(self._store, changed)
                    report = self._index(run, found, workers, False, progress)
                if report.interrupted or self.generation != before:
                    yield report
                if report.interrupted:
                    return

    def _index(
        self,
        run: running.Running,
        found: Found,
        workers: int | None,
        retry: bool,
        progress: Callable[[int, int], None] | None,
    ) -> Report:
        from simsearch.indexing import index
        from simsearch.pool import suitable_workers

        def told(done: int, total: int) -> None:
            run.progress(done, total)
            if progress:
                progress(done, total)

        encoder = self.encoder
        report = index(
            self._store, found, encoder, workers=workers or suitable_workers(), retry=retry, progress=told
        )
        self._indexes.refresh(encoder.dim)
        report.seconds = time.monotonic() - run.started
        run.state["report"] = report.summary()
        return report

    def load(self) -> None:
        """Load network and index now, so that the first search is as quick as the next."""
        self._indexes.current("auto", self.encoder.dim)

    def search(
        self, image: AnyPicture, k: int = 15, *, engine: str = "auto", **filters: Unpack[Filters]
    ) -> list[Hit]:
        """Find the photos most like a picture, which need not be in the library.

        Parameters
        ----------
        image
            A path, the bytes of a file, an open file, or a Pillow image.
        k
            How many; there are fewer only where the library, or what the filters leave of it, has fewer.
        engine
            "exact" compares every photo, "faiss" and "lsh" look at few and may miss some; "auto" takes
            the one that suits the number of photos.
        filters
            Which photos may answer: ``under``, ``since``, ``until``, ``camera``, ``min_size``; see
            :class:`simsearch.filters.Filters`.

        Raises
        ------
        PhotoError
            When the picture cannot be read.
        FolderError
            When the library knows nothing below the folder of a filter.
        StorageError
            When the tables of LSH are in a Redis server that cannot be used.
        ValueError
            When k is below 1, there is no such engine, or a filter makes no sense.
        """
        _check(k, engine)
        among = self._among(filters)
        return self._nearest(self._encoded(image), k, engine, among)

    def similar(
        self,
        photo: Hit | int | str | os.PathLike[str],
        k: int = 15,
        *,
        engine: str = "auto",
        **filters: Unpack[Filters],
    ) -> list[Hit]:
        """Find the photos most like one of the library's own, which is not among them.

        Parameters
        ----------
        photo
            A hit, a photo's id, or its path.
        k, engine, filters
            As for :meth:`search`, and so are the other errors.

        Raises
        ------
        PhotoError
            When the photo is not in the library.
        """
        _check(k, engine)
        among = self._among(filters)
        photo_id, vector = self._known(photo)
        return [hit for hit in self._nearest(vector, k + 1, engine, among) if hit.id != photo_id][:k]

    def compare(self, image: AnyPicture | Hit, k: int = 15) -> dict[str, Any]:
        """Let every engine answer the same query, a picture or a photo of the library.

        Returns
        -------
        ``answers``, one for each engine with ``engine``, ``about``, ``hits``, ``milliseconds`` (of the
        search alone), ``recall``, ``scanned`` and ``compared`` (shares of the library), and ``bytes``;
        ``missed``, the true nearest that LSH did not find, each with ``hit``, ``cosine`` (as hashed) and
        ``probes_needed`` (None where no number suffices); and ``settings``, those of LSH.

        Raises
        ------
        PhotoError
            When the picture cannot be read or the photo is not in the library.
        StorageError
            When the tables of LSH are in a Redis server that cannot be used.
        ValueError
            When k is below 1.
        """
        from simsearch.comparison import compare

        _check(k, "auto")
        vector = self._known(image)[1] if isinstance(image, Hit) else self._encoded(image)
        answers, misses, settings = compare(self._indexes, vector, k)
        exact = dict(zip(answers[0].ids, answers[0].scores, strict=True))
        return {
            "answers": [
                {**answer._asdict(), "hits": self._hits(answer.ids, answer.scores)} for answer in answers
            ],
            "missed": [
                {**miss._asdict(), "hit": hit}
                for miss in misses
                for hit in self._hits([miss.id], [exact[miss.id]])
            ],
            "settings": settings,
        }

    def random(self) -> Hit | None:
        """Return any photo of the library, as a hit of itself; None where there is none."""
        photo_id = self._store.any_id()
        return next(iter(self._hits([photo_id], [1.0])), None) if photo_id is not None else None

    def lsh_settings(self) -> dict[str, int]:
        """Return the settings of the engine "lsh": tuned ones, or what suits the library."""
        from simsearch.comparison import lsh_settings

        return lsh_settings(self._indexes, self.encoder.dim)

    def lsh_similarities(self) -> Similarities:
        """Return how alike photos of this library are to LSH: cosines of a sample, seen from their mean."""
        from simsearch.comparison import similarities

        return similarities(self._indexes, self.encoder.dim)

    def lsh_curve(self, bits: int, tables: int, probes: int, hits: int) -> list[tuple[float, float]]:
        """Return the S-curve of LSH with these settings: cosines, and how likely a photo there is found."""
        from simsearch.comparison import found_curve

        return found_curve(bits, tables, probes, hits)

    def tune(self, recall: float = 0.95, *, compact: bool | None = None, **knobs: int) -> dict[str, Any]:
        """Choose the settings of the engine "lsh" for this library, and keep them.

        Parameters
        ----------
        recall
            The share of the 15 true nearest that it shall find, above 0 and up to 1.
        compact
            Whether the engines "faiss" and "lsh" keep vectors in 8 bits a number: a quarter of the memory
            of 32, and the last places among the hits may change. By default as it was; at first, no.
        knobs
            ``bits``, ``tables``, ``probes`` and ``hits`` that are not to be chosen.

        Returns
        -------
        ``wish``, ``settings``, and, as measured on ``queries`` of the library's own photos, ``recall``
        with its standard ``error``, and ``scanned``, the share of the library looked at.

        Raises
        ------
        LibraryError
            When the library holds no photos.
        StorageError
            When the tables of LSH are in a Redis server that cannot be used; the settings are kept.
        ValueError
            When recall or a knob is out of its range.
        """
        if not 0 < recall <= 1:
            raise ValueError(f"recall must be above 0 and up to 1, not {recall}")
        if not len(self):
            raise LibraryError(self.path, "holds no photos yet", "index some: simsearch index FOLDER")
        tuning = self._indexes.tune(self.encoder.dim, recall, knobs, compact)
        return {"wish": recall, **tuning._asdict(), "settings": tuning.settings._asdict()}

    def thumbnail(self, hit: Hit) -> bytes | None:
        """Return a hit's thumbnail (JPEG, at most 400 pixels a side), or None if it has left the library."""
        return self._store.thumbnail(hit.id)

    def preview(self, image: AnyPicture | Hit, side: int) -> bytes:
        """Return a picture upright, as a JPEG of at most ``side`` pixels, whatever its format.

        A hit whose file cannot be read is shown from its thumbnail.

        Raises
        ------
        PhotoError
            When the picture cannot be read, and there is no thumbnail of it.
        """
        try:
            source, name = pixels.take(image.path if isinstance(image, Hit) else image)
            return pixels.shrink(pixels.decode(source, name, at_least=side).image, side)
        except PhotoError:
            if isinstance(image, Hit) and (thumbnail := self.thumbnail(image)):
                return thumbnail
            raise

    @property
    def generation(self) -> int:
        """A number that every change raises: equal generations find equal hits."""
        return self._store.generation

    def roots(self) -> list[Path]:
        """Return the folders that are indexed."""
        return [root.path for root in self._store.roots()]

    def failures(self) -> list[tuple[Path, str]]:
        """Return the path of every file that could not be used, and why."""
        return self._store.all_failures()

    def missing(self, *, prunable: bool = False) -> list[Path]:
        """Return the photos whose file is gone; they return to search when it does.

        Parameters
        ----------
        prunable
            Only those that :meth:`prune` would drop.
        """
        roots = online(self.roots()) if prunable else self.roots()
        return [path for root, path in self._store.missing() if root in roots]

    def count(self, **filters: Unpack[Filters]) -> int:
        """Return how many photos can be found that filters leave; see :meth:`search`."""
        among = self._among(filters)
        return len(self) if among is None else len(among)

    def forget(self, path: str | os.PathLike[str], *, dry_run: bool = False) -> int:
        """Drop what is known of a photo, or of all below a folder; return how many photos that was.

        The files themselves are left alone, and those that are still there are indexed by the next
        :meth:`sync` of a folder around them. A root is forgotten as well, so that it is not synced again.

        Parameters
        ----------
        dry_run
            Whether only to count.

        Raises
        ------
        FolderError
            When nothing below it is in the library.
        LibraryError
            When another process is indexing into this library.
        """
        folder = absolute_path(path)
        where = below(folder, self._store.roots())
        if dry_run:
            return self._store.count(*where)
        with running.sole_run(self.path), self._store.transaction():
            count = self._store.forget(*where)
            for root in self._store.roots():
                if root.path.is_relative_to(folder):
                    self._store.drop_root(root)
        return count

    def prune(self) -> int:
        """Drop the photos whose file is gone while its folder is there; return how many.

        Those in folders that are offline are kept. :meth:`sync` finds out what is gone, and :meth:`missing`
        names it.

        Raises
        ------
        LibraryError
            When another process is indexing into this library.
        """
        with running.sole_run(self.path), self._store.transaction():
            return self._store.forget_missing(root for root in self._store.roots() if is_online(root.path))

    def start(self, *folders: str | os.PathLike[str], retry_failed: bool = False) -> None:
        """Do what :meth:`sync` does in a process of its own, which outlives this one; see :attr:`run`.

        Raises
        ------
        FolderError
            When something is no folder.
        SimsearchError
            When it could not start, or another process is indexing.
        """
        for folder in folders:
            if not plain_path(folder).is_dir():
                raise FolderError(folder, "no such folder", "check the spelling")
        flags = ["--retry-failed"] if retry_failed else []
        running.start(self.path, [*flags, "--", *(str(plain_path(folder)) for folder in folders)])

    def stop(self) -> None:
        """Stop the process that is indexing into this library, if there is one; what it has done is kept."""
        running.stop(self.path)

    @property
    def run(self) -> dict[str, Any] | None:
        """The run of indexing that is under way or was the last; see :func:`simsearch.running.last`."""
        return running.last(self.path)

    def status(self) -> dict[str, Any]:
        """Return the library's facts as plain values: where it is, counts, folders, network, size.

        Of each folder there are ``path``, ``online``, and how many ``photos``, ``missing`` and ``failed``.
        """
        stored = self._store.setting("encoder")
        return {
            "library": str(self.path),
            **self._store.counts(),
            "folders": self._folders(),
            "backbone": self.backbone,
            "weights": json.loads(stored)["weights"] if stored else None,
            "engine": self._indexes.reason(),
            "lsh": self._indexes.tuned,
            "bytes": sum(
                file.stat().st_size
                for pattern in (f"{store.FILE_NAME}*", "index.*")
                for file in self.path.glob(pattern)
            ),
        }

    def check(
        self, *, repair: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> list[Finding]:
        """Look whether the library is well: database, embeddings, thumbnails, network and index files.

        Parameters
        ----------
        repair
            Whether to mend what can be: photos with something damaged are examined anew from their files,
            and files made from the database are deleted, to be made anew. Without it nothing is changed.
        progress
            Called with the number of photos done and to do.

        Returns
        -------
        What is or was wrong, one finding a kind, with ``problem``, ``remedy`` and ``mended``; none where
        all is well.

        Raises
        ------
        LibraryError
            When it is to be mended while another process is indexing into it.
        EncoderMismatch
            When this library was opened with another encoder than the one it was made with.
        """
        from simsearch.mending import Doctor

        doctor = Doctor(self._store, self._indexes, self.backbone, lambda: self.encoder, progress)
        if not repair:
            return doctor.check()
        with running.sole_run(self.path) as run:
            return doctor.mend(lambda found: self._index(run, found, None, True, progress))

    def _folders(self) -> list[dict[str, Any]]:
        counts, there = self._store.counts_by_root(), online(self.roots())
        return [
            {"path": str(root.path), "online": root.path in there, **counts[root.id]}
            for root in self._store.roots()
        ]

    def _id_of(self, photo: Hit | int | str | os.PathLike[str]) -> int | None:
        if isinstance(photo, Hit):
            return photo.id
        if isinstance(photo, int):
            return photo
        return self._store.id_of(absolute_path(photo))

    def _known(self, photo: Hit | int | str | os.PathLike[str]) -> tuple[int, np.ndarray]:
        """Return the id and the embedding of a photo of the library."""
        photo_id = self._id_of(photo)
        vector = None if photo_id is None else self._store.vector(photo_id)
        if photo_id is None or vector is None:
            raise PhotoError(
                str(photo), "not in this library", "index its folder, or search with the picture"
            )
        if not usable(vector[None])[0]:
            reason, remedy = "its embedding is damaged", "make it anew with: simsearch doctor --repair"
            raise PhotoError(str(photo), reason, remedy)
        return photo_id, vector

    def _encoded(self, image: AnyPicture) -> np.ndarray:
        source, name = pixels.take(image)
        side = self.encoder.input_size
        picture = pixels.decode(source, name, at_least=2 * side)
        try:
            return self.encoder.encode(pixels.letterbox(picture.image, side))
        except ValueError as error:
            raise PhotoError(name, str(error)) from error

    def _among(self, filters: Filters) -> np.ndarray | None:
        """Return ids, (n,) int64, of the photos that filters leave; None stands for all."""
        asked = condition(filters, self._store.roots())
        if asked is None:
            return None
        with self._lock:  # the same few filters are asked again and again, on the page
            key = self.generation, asked
            if self._selected[0] != key:
                self._selected = key, self._store.select(*asked)
            return self._selected[1]

    def _nearest(self, vector: np.ndarray, k: int, engine: str, among: np.ndarray | None = None) -> list[Hit]:
        with self._indexes.lock:
            index = self._indexes.current(engine, len(vector))
            try:
                ids, scores = index.search(vector[None], min(k, max(len(index), 1)), among)
            except StorageError:  # the next search connects, and fills, anew
                self._indexes.forget(engine)
                raise
        return self._hits(ids[0].tolist(), scores[0].tolist())

    def _hits(self, ids: list[int], scores: list[float]) -> list[Hit]:
        rows = self._store.rows(photo_id for photo_id in ids if photo_id >= 0)
        there = online(row.root for row in rows.values())
        # float16 rounding can lift the cosine of a picture with itself a little over 1.
        return [
            Hit(row.path, min(score, 1.0), row.id, *row.about, row.root not in there)
            for photo_id, score in zip(ids, scores, strict=True)
            if (row := rows.get(photo_id))
        ]


def _check(k: int, engine: str) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if engine not in ("auto", *ENGINES):
        raise ValueError(f"engine must be one of auto, {', '.join(ENGINES)}, not {engine}")


def _agree(folder: Path, stored: str | None, asked: str | None) -> str:
    """Return the name of the network to use: the library's own, which nobody may contradict."""
    if stored is None:
        return asked or DEFAULT_BACKBONE
    name: str = json.loads(stored)["backbone"]
    if asked not in (None, name):
        raise EncoderMismatch(folder, name, asked)
    return name
