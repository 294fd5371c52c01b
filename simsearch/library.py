"""A collection of photos that can be searched: the one module that knows all the others."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch import pixels, store
from simsearch.backbones import DEFAULT_BACKBONE
from simsearch.backbones import backbone as known_backbone
from simsearch.errors import (
    EncoderMismatch,
    FolderError,
    NoLibrary,
    PhotoError,
    SimsearchError,
)
from simsearch.folders import default_folder, make_home, plain_path
from simsearch.photos import Refused
from simsearch.pixels import AnyPicture
from simsearch.report import Report
from simsearch.store import Root, Store

if TYPE_CHECKING:
    import numpy as np

    from simsearch.encoder import Encoder
    from simsearch.index.faiss_index import FlatIndex
    from simsearch.survey import Place, Survey

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
        When it was taken by the camera's own clock, or None where the photo does not say.
    """

    path: Path
    score: float
    id: int
    width: int
    height: int
    taken_at: datetime | None


class Library:
    """Photos, their embeddings and an index over them, kept in one folder.

    Use :meth:`open`. A library may be used from several threads, and searched while another process
    indexes into it.
    """

    def __init__(self, path: Path, store: Store, backbone: str, encoder: Encoder | None) -> None:
        self.path = path
        self.backbone = backbone
        self._store = store
        self._encoder = encoder
        self._index: FlatIndex | None = None
        self._indexed_generation = -1
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        backbone: str | None = None,
        encoder: Encoder | None = None,
        create: bool = True,
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
        try:
            name = _agree(
                folder, opened.setting("encoder"), encoder.identity.backbone if encoder else backbone
            )
            if encoder is None:
                known_backbone(name)
        except SimsearchError:
            opened.close()
            raise
        return cls(folder, opened, name, encoder)

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
    def encoder(self) -> Encoder:
        """The network that makes the embeddings; loaded at first use, and built at the very first."""
        with self._lock:
            if self._encoder is None:
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
        progress: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Bring the library up to date with folders of photos: index what is new or has changed.

        Parameters
        ----------
        folders
            By default all that were indexed before.
        workers
            Number of processes; by default one a core.
        progress
            Called with the number of files done and to do in the current folder.

        Raises
        ------
        FolderError
            When no folder can be used. If some can, the others are failures in the report.
        LibraryError
            When another process is indexing into this library.
        """
        from simsearch.survey import plan
        from simsearch.sync import sync

        started = time.monotonic()
        with self._store.sole_writer():
            places = plan(self._store, [plain_path(folder) for folder in folders or self.roots()])
            surveys, report = self._survey(places)
            encoder = self.encoder
            for root, survey in self._settle_roots(surveys, encoder):
                report += sync(
                    self._store,
                    root,
                    survey,
                    recipe=encoder.recipe,
                    vector_bytes=2 * encoder.dim,
                    workers=workers or _cores(),
                    progress=progress,
                )
                if report.interrupted:
                    break
            report.missing = self._store.counts()["missing"]
        report.failed.sort()  # workers answer in no order
        report.seconds = time.monotonic() - started
        return report

    def _survey(self, places: list[Place]) -> tuple[list[Survey], Report]:
        """Look at every place; one that cannot be used is a failure in the report, if others can."""
        from simsearch.survey import survey

        surveys, problems = [], []
        for place in places:
            try:
                surveys.append(survey(self._store, place))
            except FolderError as error:
                problems.append(error)
        if not places:
            raise FolderError("no folder", "the library has none yet", "name a folder of photos")
        if not surveys:
            raise problems[0]
        return surveys, Report(failed=[Refused(str(error.path), error.reason) for error in problems])

    def _settle_roots(self, surveys: list[Survey], encoder: Encoder) -> list[tuple[Root, Survey]]:
        """Write down what makes the embeddings, and the folders that are new."""
        store = self._store
        if store.setting("encoder") and all(survey.place.root for survey in surveys):
            return [(survey.place.root, survey) for survey in surveys if survey.place.root]
        with store.transaction():
            store.set_setting("encoder", encoder.identity.to_json())
            return [(survey.place.root or store.add_root(survey.place.base), survey) for survey in surveys]

    def load(self) -> None:
        """Load network and index now, so that the first search is as quick as the next."""
        self._current_index(self.encoder.dim)

    def search(self, image: AnyPicture, k: int = 15) -> list[Hit]:
        """Find the photos most like a picture, which need not be in the library.

        Parameters
        ----------
        image
            A path, the bytes of a file, an open file, or a Pillow image.
        k
            How many; there are fewer only where the library has fewer.

        Raises
        ------
        PhotoError
            When the picture cannot be read.
        ValueError
            When k is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        source, name = pixels.take(image)
        side = self.encoder.input_size
        picture = pixels.decode(source, name, at_least=2 * side)
        try:
            vector = self.encoder.encode(pixels.letterbox(picture.image, side))
        except ValueError as error:
            raise PhotoError(name, str(error)) from error
        return self._nearest(vector, k)

    def similar(self, photo: Hit | int | str | os.PathLike[str], k: int = 15) -> list[Hit]:
        """Find the photos most like one of the library's own, which is not among them.

        Parameters
        ----------
        photo
            A hit, a photo's id, or its path.

        Raises
        ------
        PhotoError
            When the photo is not in the library.
        ValueError
            When k is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        photo_id = self._id_of(photo)
        vector = None if photo_id is None else self._store.vector(photo_id)
        if vector is None:
            raise PhotoError(
                str(photo), "not in this library", "index its folder, or search with the picture"
            )
        return [hit for hit in self._nearest(vector, k + 1) if hit.id != photo_id][:k]

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

    def status(self) -> dict[str, Any]:
        """Return the library's facts as plain values: where it is, counts, folders, network, size."""
        stored = self._store.setting("encoder")
        return {
            "library": str(self.path),
            **self._store.counts(),
            "folders": [str(path) for path in self.roots()],
            "backbone": self.backbone,
            "weights": json.loads(stored)["weights"] if stored else None,
            "index": "FAISS flat (exact inner product)",
            "bytes": sum(file.stat().st_size for file in self.path.glob(f"{store.FILE_NAME}*")),
        }

    def _id_of(self, photo: Hit | int | str | os.PathLike[str]) -> int | None:
        if isinstance(photo, Hit):
            return photo.id
        if isinstance(photo, int):
            return photo
        path = Path(photo).expanduser()
        return self._store.id_of(path.parent.resolve() / path.name)  # the photo may itself be a link

    def _nearest(self, vector: np.ndarray, k: int) -> list[Hit]:
        index = self._current_index(len(vector))
        ids, scores = index.search(vector[None], min(k, max(len(index), 1)))
        best = [(int(photo_id), float(score)) for photo_id, score in zip(ids[0], scores[0], strict=True)]
        rows = self._store.rows(photo_id for photo_id, _ in best if photo_id >= 0)
        # float16 rounding can lift the cosine of a picture with itself a little over 1.
        return [
            Hit(row.path, min(score, 1.0), row.id, row.width, row.height, row.taken_at)
            for photo_id, score in best
            if (row := rows.get(photo_id))
        ]

    def _current_index(self, dim: int) -> FlatIndex:
        """Return an index of what the store holds now; another process may have added to it."""
        from simsearch.index.faiss_index import FlatIndex

        with self._lock:
            generation = self._store.generation
            if self._index is None or generation != self._indexed_generation:
                index = FlatIndex(dim)
                for ids, vectors in self._store.vectors(dim):
                    index.add(ids, vectors)
                self._index, self._indexed_generation = index, generation
            return self._index


def _agree(folder: Path, stored: str | None, asked: str | None) -> str:
    """Return the name of the network to use: the library's own, which nobody may contradict."""
    if stored is None:
        return asked or DEFAULT_BACKBONE
    name: str = json.loads(stored)["backbone"]
    if asked not in (None, name):
        raise EncoderMismatch(folder, name, asked)
    return name


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
