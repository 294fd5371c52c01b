"""From a picture to the photos most like it: encode the query, ask an index, say what was found."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from simsearch import parts, pixels, reach
from simsearch.among import Among, Filtered
from simsearch.errors import FolderError, PhotoError
from simsearch.filters import Filters, below, condition
from simsearch.folders import absolute_path
from simsearch.index.rows import usable
from simsearch.indexes import Indexes
from simsearch.parts import Box
from simsearch.pixels import AnyPicture
from simsearch.ranking import Examples, Found, Ranker, Wish
from simsearch.store import Row, Store
from simsearch.trust import UNRELATED
from simsearch.vectors import sound_embeddings

if TYPE_CHECKING:
    from PIL import Image

    from simsearch.encoder import Encoder, EncoderIdentity
    from simsearch.why import Why


@dataclass(frozen=True)
class Hit:
    """A photo of the library that answers a search.

    Attributes
    ----------
    path
        Where the photo is (absolute).
    score
        What it was ranked by, best first: half its cosine with the query, half how many of their nearest
        photos both have in common; the cosine alone in libraries of less than a hundred photos.
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
    cosine
        With the query, or the nearest of several examples, in the space that the library has learnt: 1 is the
        same picture to the network, unrelated ones are near 0 (or near 0.4, where nothing is learnt).
    trust
        What that means in this library: "near-identical", "same scene", "same kind" or "probably unrelated";
        None where there are too few photos to tell.
    beats
        The share, 0 to 1, of random pairs of its photos that are less alike, at least; None likewise.
    copies
        The near-identical photos, as paths, that were folded into this hit.
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
    cosine: float = 1.0
    trust: str | None = None
    beats: float | None = None
    copies: tuple[Path, ...] = ()

    @property
    def related(self) -> bool:
        """Whether it means anything, or that is not known: what comes after the last such hit does not."""
        return self.trust != UNRELATED


@dataclass(frozen=True, eq=False)
class Query:
    """A picture, or a part of one, that has been decoded and encoded: to search with it more than once.

    Attributes
    ----------
    name
        What to call it in an error.
    image
        Upright, sRGB; as large as the network needs it, not as its file has it.
    embedding
        (dim,) float32.
    encoder
        What made that; a library that has taken another network encodes the image anew.
    photo
        Its id where it is a photo of the library, which is then not among the answers; else None.
    milliseconds
        How long it took to "decode" and to "encode".
    """

    name: str
    image: Image.Image
    embedding: np.ndarray
    encoder: EncoderIdentity
    photo: int | None
    milliseconds: dict[str, float]


_ENOUGH_FOR_A_MEAN = 100  # photos; that of fewer is too much each one's own

Photo = Hit | int | str | os.PathLike[str]  # of the library: a hit, an id, or a path
Asked = AnyPicture | Hit | Query  # what can be searched with
_Picture = TypeVar("_Picture", bound=Asked)


class Searcher:
    """Answers queries from a store and the indexes over it; may be used from several threads."""

    def __init__(self, store: Store, indexes: Indexes, encoder: Callable[[], Encoder]) -> None:
        self._store = store
        self._indexes = indexes
        self._encoder = encoder
        self._ranker = Ranker(store, indexes)
        self._selected: tuple[Any, Among] | None = None  # the last filters, and what they left
        self._lock = threading.Lock()

    def query(self, image: AnyPicture | Hit, crop: Box | None) -> Query:
        """Decode and encode a picture or a part of it, once for all; raise as :meth:`upright`."""
        encoder = self._encoder()
        started = time.perf_counter()
        picture, name = self.upright(image, crop, at_least=2 * encoder.input_size)
        decoded = time.perf_counter()
        photo, embedding = None, None
        if isinstance(image, Hit):
            photo, embedding = self.known(image)
        if embedding is None or crop is not None:
            embedding = self._encoded(picture, name)
        took = {"decode": decoded - started, "encode": time.perf_counter() - decoded}
        milliseconds = {step: 1000 * seconds for step, seconds in took.items()}
        return Query(name, picture, embedding, encoder.identity, photo, milliseconds)

    def encoded(self, image: Asked, crop: Box | None = None) -> np.ndarray:
        """Return the embedding of a picture or a part of it, (dim,) float32; raise as :meth:`upright`."""
        if isinstance(image, Query) and crop is None and image.encoder == self._encoder().identity:
            return image.embedding
        return self._encoded(*self.upright(image, crop, at_least=2 * self._encoder().input_size))

    def _encoded(self, picture: Image.Image, name: str) -> np.ndarray:
        encoder = self._encoder()
        try:
            return encoder.encode(pixels.letterbox(picture, encoder.input_size))
        except ValueError as error:
            raise PhotoError(name, str(error)) from error

    def upright(self, image: Asked, crop: Box | None = None, *, at_least: int) -> tuple[Image.Image, str]:
        """Decode a picture or a part of it, and say what to call it.

        A hit whose file cannot be read is taken from its thumbnail.

        Raises
        ------
        PhotoError
            When the picture cannot be read, and there is no thumbnail of it, or a hit is no photo of the
            library, or not any more.
        ValueError
            When crop is no box, or none of it is on the picture.
        """
        if isinstance(image, Hit):
            image = self.hit(image)
        if isinstance(image, Query):
            return image.image if crop is None else parts.decode(
                image.image, image.name, crop, at_least=at_least
            ), image.name
        try:
            source, name = pixels.take(image.path if isinstance(image, Hit) else image)
            return parts.decode(source, name, crop, at_least=at_least), name
        except PhotoError:
            thumbnail = self._store.thumbnail(image.id) if isinstance(image, Hit) else None
            if not isinstance(image, Hit) or thumbnail is None:
                raise
            part = crop and parts.shares(crop, image.width, image.height)
            return parts.decode(thumbnail, image.path, part, at_least=at_least), str(image.path)

    def why(self, image: Asked, hit: Hit, crop: Box | None) -> Why:
        """Show which parts of a picture and of a hit are alike; raise as :meth:`upright`."""
        from simsearch import why

        at_least = max(2 * self._encoder().input_size, why.SIDE)
        query, name = self.upright(image, crop, at_least=at_least)
        found, _ = self.upright(hit, at_least=at_least)
        try:
            return why.explain(query, found, self._encoder(), self._projection())
        except ValueError as error:
            raise PhotoError(name, str(error)) from error

    def _projection(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """Return what sees embeddings in the library's space, or from its mean; None for a few photos."""
        from simsearch import why

        dim = self._encoder().dim
        with self._indexes.lock:
            vectors = self._indexes.vectors(dim)
        if vectors.mark:
            return vectors.of
        for _, embeddings in sound_embeddings(self._store, dim):
            return why.centred(embeddings.mean(axis=0)) if len(embeddings) >= _ENOUGH_FOR_A_MEAN else None
        return None

    def examples(self, likes: Sequence[Asked], dislikes: Sequence[Asked], crop: Box | None) -> Examples:
        """Return what is looked for, from pictures, of the first one maybe a part, and photos of the library.

        It raises as :meth:`upright`.
        """
        seen: list[list[np.ndarray]] = []
        photos: list[int] = []
        for pictures, part in ((likes, crop), (dislikes, None)):
            seen.append([])
            for place, picture in enumerate(pictures):
                box = part if place == 0 else None
                if isinstance(picture, Hit):
                    photo_id, embedding = self.known(picture, box)
                    photos.append(photo_id)
                else:
                    embedding = self.encoded(picture, box)
                    if isinstance(picture, Query):
                        photos += [] if picture.photo is None else [picture.photo]
                    elif (
                        pictures is dislikes
                    ):  # a photo of the library that is not wanted is no answer, either
                        photos += self._known_ids(picture)
                seen[-1].append(embedding)
        liked, disliked = np.array(seen[0]), np.array(seen[1]).reshape(-1, len(seen[0][0]))
        return Examples(liked, disliked, np.array(photos, dtype=np.int64))

    def known(self, photo: Photo, crop: Box | None = None) -> tuple[int, np.ndarray]:
        """Return id and embedding, or a part's, of a library's photo; raise PhotoError where it is none."""
        photo_id = self._id_of(photo)
        vector = None if photo_id is None else self._store.vector(photo_id)
        if photo_id is None or vector is None:
            raise _unknown(photo)
        if not usable(vector[None])[0]:
            reason, remedy = "its embedding is damaged", "make it anew with: simsearch doctor --repair"
            raise PhotoError(_name_of(photo), reason, remedy)
        if crop is not None:
            vector = self.encoded(self.hits([Found(photo_id, 1.0, 1.0)])[0], crop)
        return photo_id, vector

    def own(self, image: Asked) -> Asked:
        """Return a picture as a hit of itself where it is a photo of the library, named by its path."""
        ids = [] if isinstance(image, Hit | Query) else self._known_ids(image)
        return next(iter(self.hits([Found(photo_id, 1.0, 1.0) for photo_id in ids])), image)

    def _known_ids(self, picture: AnyPicture) -> list[int]:
        """Return the id of the photo that a path names, or none."""
        photo_id = (
            self._store.id_of(absolute_path(picture)) if isinstance(picture, str | os.PathLike) else None
        )
        return [] if photo_id is None else [photo_id]

    def hit(self, photo: Photo) -> Hit:
        """Return a photo of the library as a hit of itself; raise PhotoError where it is none.

        A hit stays what it is, but for where its file is by now.
        """
        if isinstance(photo, Hit):
            row = self._store.rows([photo.id]).get(photo.id)
            if row is None:
                raise _unknown(photo)
            return photo if photo.path == row.path else replace(photo, path=row.path)
        return self.hits([Found(self.known(photo)[0], 1.0, 1.0)])[0]

    def _id_of(self, photo: Photo) -> int | None:
        if isinstance(photo, Hit):
            return photo.id
        return photo if isinstance(photo, int) else self._store.id_of(absolute_path(photo))

    def among(self, filters: Filters) -> Among | None:
        """Return the photos that filters leave; None stands for all."""
        asked = condition(filters, self._store.roots())
        if asked is None:
            return None
        if (folder := filters.get("under")) is not None:
            if not self._store.knows(*below(absolute_path(folder), self._store.roots())):
                raise FolderError(folder, "nothing of it is in the library", "check the spelling")
        with self._lock:  # the same few filters are asked again and again, on the page
            key = self._store.generation, asked
            if self._selected is None or self._selected[0] != key:
                self._selected = key, Filtered(self._store, filters, asked)
            return self._selected[1]

    def find(self, examples: Examples, wish: Wish, among: Among | None) -> list[Hit]:
        """Return the photos most like examples, best first; see :meth:`Ranker.find`."""
        return self.hits(self._ranker.find(examples, wish, among))

    def hits(self, found: list[Found]) -> list[Hit]:
        """Return what is known of photos; those that are not there are left out."""
        rows = self._store.rows({photo_id for one in found for photo_id in (one.id, *one.copies)})
        there = _there([rows[one.id] for one in found if one.id in rows])
        return [
            Hit(
                row.path,
                min(one.score, 1.0),  # rounding to float16 can lift it a little over 1
                row.id,
                *row.about,
                row.path not in there,
                min(one.cosine, 1.0),
                one.trust,
                one.beats,
                tuple(rows[copy].path for copy in one.copies if copy in rows),
            )
            for one in found
            if (row := rows.get(one.id))
        ]


def several(pictures: _Picture | Sequence[_Picture]) -> list[_Picture]:
    """Return one picture or several as a list."""
    return [*pictures] if isinstance(pictures, list | tuple) else [pictures]  # type: ignore[list-item]


def _unknown(photo: Photo) -> PhotoError:
    return PhotoError(_name_of(photo), "not in this library", "index its folder, or search with the picture")


def _name_of(photo: Photo) -> str:
    return str(photo.path if isinstance(photo, Hit) else photo)


def _there(rows: list[Row]) -> set[Path]:
    """Return the paths of those photos whose file is there."""
    by_root: dict[Path, list[Path]] = {}
    for row in rows:
        by_root.setdefault(row.root, []).append(row.path)
    return set[Path]().union(*(reach.there(root, paths) for root, paths in by_root.items()))
