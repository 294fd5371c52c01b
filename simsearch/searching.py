"""From a picture to the photos most like it: encode the query, ask an index, say what was found."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch import parts, pixels, reach
from simsearch.errors import FolderError, PhotoError, StorageError
from simsearch.filters import Filters, below, condition
from simsearch.folders import absolute_path
from simsearch.index.rows import usable
from simsearch.indexes import Indexes
from simsearch.parts import Box
from simsearch.pixels import AnyPicture
from simsearch.store import Row, Store

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from simsearch.encoder import Encoder
    from simsearch.why import Why


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
        Whether its file is not there just now, as on an unplugged disk; its thumbnail is.
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


_ENOUGH_FOR_A_MEAN = 100  # photos; that of fewer is too much each one's own

Photo = Hit | int | str | os.PathLike[str]  # of the library: a hit, an id, or a path


class Searcher:
    """Answers queries from a store and the indexes over it; may be used from several threads."""

    def __init__(self, store: Store, indexes: Indexes, encoder: Callable[[], Encoder]) -> None:
        self._store = store
        self._indexes = indexes
        self._encoder = encoder
        self._selected: tuple[Any, Any] = (None, None)  # the last filters, and the ids that they left
        self._lock = threading.Lock()

    def encoded(self, image: AnyPicture | Hit, crop: Box | None = None) -> np.ndarray:
        """Return the embedding of a picture or a part of it, (dim,) float32; raise as :meth:`upright`."""
        encoder = self._encoder()
        side = encoder.input_size
        picture, name = self.upright(image, crop, at_least=2 * side)
        try:
            return encoder.encode(pixels.letterbox(picture, side))
        except ValueError as error:
            raise PhotoError(name, str(error)) from error

    def upright(
        self, image: AnyPicture | Hit, crop: Box | None = None, *, at_least: int
    ) -> tuple[Image.Image, str]:
        """Decode a picture or a part of it, and say what to call it.

        A hit whose file cannot be read is taken from its thumbnail.

        Raises
        ------
        PhotoError
            When the picture cannot be read, and there is no thumbnail of it.
        ValueError
            When crop is no box, or none of it is on the picture.
        """
        try:
            source, name = pixels.take(image.path if isinstance(image, Hit) else image)
            return parts.decode(source, name, crop, at_least=at_least), name
        except PhotoError:
            thumbnail = self._store.thumbnail(image.id) if isinstance(image, Hit) else None
            if not isinstance(image, Hit) or thumbnail is None:
                raise
            part = crop and parts.shares(crop, image.width, image.height)
            return parts.decode(thumbnail, image.path, part, at_least=at_least), str(image.path)

    def why(self, image: AnyPicture | Hit, hit: Hit, crop: Box | None) -> Why:
        """Show which parts of a picture and of a hit are alike; raise as :meth:`upright`."""
        from simsearch import why

        at_least = max(2 * self._encoder().input_size, why.SIDE)
        query, name = self.upright(image, crop, at_least=at_least)
        found, _ = self.upright(hit, at_least=at_least)
        try:
            return why.explain(query, found, self._encoder(), self._from_mean())
        except ValueError as error:
            raise PhotoError(name, str(error)) from error

    def _from_mean(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """Return what sees embeddings from the mean of the library's photos; None where they are too few."""
        from simsearch import why

        for _, vectors in self._store.vectors(self._encoder().dim):  # some thousands, which will do
            vectors = vectors[usable(vectors)]
            return why.centred(vectors.mean(axis=0)) if len(vectors) >= _ENOUGH_FOR_A_MEAN else None
        return None

    def known(self, photo: Photo, crop: Box | None = None) -> tuple[int, np.ndarray]:
        """Return id and embedding, or a part's, of a library's photo; raise PhotoError where it is none."""
        photo_id = self._id_of(photo)
        vector = None if photo_id is None else self._store.vector(photo_id)
        if photo_id is None or vector is None:
            raise PhotoError(
                str(photo), "not in this library", "index its folder, or search with the picture"
            )
        if not usable(vector[None])[0]:
            reason, remedy = "its embedding is damaged", "make it anew with: simsearch doctor --repair"
            raise PhotoError(str(photo), reason, remedy)
        if crop is not None:
            vector = self.encoded(self.hits([photo_id], [1.0])[0], crop)
        return photo_id, vector

    def _id_of(self, photo: Photo) -> int | None:
        if isinstance(photo, Hit):
            return photo.id
        return photo if isinstance(photo, int) else self._store.id_of(absolute_path(photo))

    def among(self, filters: Filters) -> np.ndarray | None:
        """Return ids, (n,) int64, of the photos that filters leave; None stands for all."""
        asked = condition(filters, self._store.roots())
        if asked is None:
            return None
        with self._lock:  # the same few filters are asked again and again, on the page
            key = self._store.generation, asked
            if self._selected[0] != key:
                self._selected = key, self._store.select(*asked)
            selected: np.ndarray = self._selected[1]
        if (folder := filters.get("under")) is not None and not len(selected):
            if not self._store.knows(*below(absolute_path(folder), self._store.roots())):
                raise FolderError(folder, "nothing of it is in the library", "check the spelling")
        return selected

    def nearest(self, vector: np.ndarray, k: int, engine: str, among: np.ndarray | None) -> list[Hit]:
        """Return the k photos nearest to an embedding, (dim,) float32, best first."""
        with self._indexes.lock:
            index = self._indexes.current(engine, len(vector))
            query = self._indexes.projected(vector)
            try:
                ids, scores = index.search(query[None], min(k, max(len(index), 1)), among)
            except StorageError:  # the next search connects, and fills, anew
                self._indexes.forget(engine)
                raise
        return self.hits(ids[0].tolist(), scores[0].tolist())

    def hits(self, ids: list[int], scores: list[float]) -> list[Hit]:
        """Return what is known of photos; ids that are not there are left out."""
        rows = self._store.rows(photo_id for photo_id in ids if photo_id >= 0)
        there = _there(list(rows.values()))
        # float16 rounding can lift the cosine of a picture with itself a little over 1.
        return [
            Hit(row.path, min(score, 1.0), row.id, *row.about, row.path not in there)
            for photo_id, score in zip(ids, scores, strict=True)
            if (row := rows.get(photo_id))
        ]


def _there(rows: list[Row]) -> set[Path]:
    """Return the paths of those photos whose file is there."""
    by_root: dict[Path, list[Path]] = {}
    for row in rows:
        by_root.setdefault(row.root, []).append(row.path)
    return set[Path]().union(*(reach.there(root, paths) for root, paths in by_root.items()))
