"""Albums: a name for a few examples of what belongs there and what does not.

Which photos belong is decided anew whenever the library changes (see :mod:`simsearch.membership`), so that an
album takes up photos as they arrive. An example is kept with its embedding and a small picture of itself: it
may be of no photo of the library, or that may go.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch import pixels
from simsearch.errors import AlbumError, PhotoError
from simsearch.index.rows import usable
from simsearch.indexes import Indexes
from simsearch.membership import Kept, members
from simsearch.pixels import AnyPicture
from simsearch.ranking import Found, Ranker
from simsearch.searching import Hit, Searcher, several
from simsearch.store import Store, parsed_time

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

_log = logging.getLogger("simsearch")

_LONGEST = 100  # characters of a name
_SHOWN = 20  # characters of what cannot be one
_NAMED = 5  # albums that an error names

_Row = tuple[int, int | None, bytes]  # of an example: liked, photo_id, vector


class Album(NamedTuple):
    """An album: its name, how many examples say what belongs there and what does not, and since when."""

    name: str
    likes: int
    dislikes: int
    made_at: datetime | None


class Example(NamedTuple):
    """What was said of a picture: whether it is liked, the id of the photo that it is, and a JPEG of it."""

    id: int
    liked: bool
    photo: int | None
    jpeg: bytes


class Albums:
    """The albums of a library, in the order of their names; may be used from several threads.

    Names are the same whatever their case. Whatever takes a name raises AlbumError where there is no such
    album, and whatever takes a picture PhotoError where it cannot be read.
    """

    def __init__(
        self, store: Store, indexes: Indexes, searcher: Searcher, encoder: Callable[[], Encoder]
    ) -> None:
        self._store = store
        self._indexes = indexes
        self._searcher = searcher
        self._encoder = encoder
        self._ranker = Ranker(store, indexes)
        # By the number of an album: the generation and the examples that its photos are of, and these.
        self._found: dict[int, tuple[int, list[_Row], list[Found]]] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Album]:
        rows = self._store.query(
            """SELECT name, count(*) FILTER (WHERE liked), count(*) FILTER (WHERE NOT liked), made_at
               FROM albums JOIN examples ON album_id = albums.id GROUP BY albums.id"""
        )
        albums = [Album(name, likes, dislikes, parsed_time(at)) for name, likes, dislikes, at in rows]
        return iter(sorted(albums, key=lambda album: _key(album.name)))

    def __contains__(self, name: str) -> bool:
        return self._number(name) is not None

    def __getitem__(self, name: str) -> Album:
        for album in self:
            if _key(album.name) == _key(name):
                return album
        raise self._unknown(name)

    def save(
        self,
        name: str,
        likes: AnyPicture | Hit | Sequence[AnyPicture | Hit],
        minus: AnyPicture | Hit | Sequence[AnyPicture | Hit] = (),
    ) -> Album:
        """Make an album.

        Parameters
        ----------
        name
            1 to 100 printable characters; blanks around them are left out.
        likes, minus
            Examples of what belongs there and of what does not: one or several pictures, or hits.

        Raises
        ------
        AlbumError
            When there is one already, the name cannot be used, or nothing is liked.
        """
        name = _checked(name)
        examples = self._examples(likes, minus)
        with self._store.aside() as db:
            if self._number(name) is not None:
                raise AlbumError(name, "there is one already", "choose another name, or drop that one first")
            at = datetime.now(UTC).isoformat(timespec="seconds")
            made = db.execute("INSERT INTO albums (name, made_at) VALUES (?, ?)", (name, at)).lastrowid or 0
            _put(db, made, name, examples)
        return self[name]

    def extend(
        self,
        name: str,
        likes: AnyPicture | Hit | Sequence[AnyPicture | Hit] = (),
        minus: AnyPicture | Hit | Sequence[AnyPicture | Hit] = (),
    ) -> Album:
        """Add examples to an album, all of them or, where one cannot be read, none.

        Parameters
        ----------
        likes, minus
            As for :meth:`save`.

        Raises
        ------
        AlbumError
            When nothing would be liked any more.
        """
        self._known(name)  # before pictures are decoded
        examples = self._examples(likes, minus)
        with self._store.aside() as db:
            _put(db, self._known(name), name, examples)
        return self[name]

    def photos(self, name: str, *, most: int | None = None) -> list[Hit]:
        """Return the photos that belong to an album, or so many: first what is liked, then best first.

        How many there are is decided by what they are like, anew whenever the library changes. A photo that
        is liked always belongs, one that is disliked never does. Where it is not known what scores mean, as
        in a library of fewer than 20 photos, nothing else belongs.
        """
        return self._searcher.hits(self._belonging(name)[:most])

    def count(self, name: str) -> int:
        """Return how many photos belong to an album."""
        return len(self._belonging(name))

    def _belonging(self, name: str) -> list[Found]:
        number = self._known(name)
        sql = "SELECT liked, photo_id, vector FROM examples WHERE album_id = ? ORDER BY id"
        rows = [(liked, photo, vector) for liked, photo, vector in self._store.query(sql, number)]
        with self._lock:
            generation = self._store.generation
            if self._found.get(number, ())[:2] != (generation, rows):
                self._found[number] = generation, rows, self._members(name, rows)
            return self._found[number][2]

    def _members(self, name: str, rows: list[_Row]) -> list[Found]:
        dim = self._encoder().dim
        kept: tuple[list[tuple[np.ndarray, int]], ...] = ([], [])
        damaged = 0
        for liked, photo, blob in rows:
            vector = _sound(blob, dim)
            if vector is None and photo is not None:
                vector = _vector_of(self._store, photo, dim)
            if vector is None:
                damaged += 1
            else:
                kept[bool(liked)].append((vector, -1 if photo is None else photo))
        if damaged:
            _log.warning(
                "album %s: %d of %d examples damaged and left out; make them anew with: "
                "simsearch doctor --repair",
                name,
                damaged,
                len(rows),
            )
        dislikes, likes = (_joined(examples, dim) for examples in kept)
        return members(self._ranker, self._indexes, likes, dislikes)

    @property
    def knows_scores(self) -> bool:
        """Whether it is known what scores mean; where it is not, an album holds what is liked, no more."""
        return self._ranker.knows_scores

    def examples(self, name: str) -> list[Example]:
        """Return what was said of an album, in the order in which it was."""
        sql = "SELECT id, liked, photo_id, jpeg FROM examples WHERE album_id = ? ORDER BY id"
        rows = self._store.query(sql, self._known(name))
        return [
            Example(number, bool(liked), photo, jpeg if isinstance(jpeg, bytes) else b"")
            for number, liked, photo, jpeg in rows
        ]

    def like(self, name: str, picture: AnyPicture | Hit) -> None:
        """Say that a picture, or a photo of the library, belongs to an album."""
        self.extend(name, [picture])

    def dislike(self, name: str, picture: AnyPicture | Hit) -> None:
        """Say that a picture, or a photo of the library, does not belong to an album.

        Raises
        ------
        AlbumError
            When it is the only one that is liked.
        """
        self.extend(name, minus=[picture])

    def take_back(self, name: str, example: int) -> None:
        """Drop an example, by its id.

        Raises
        ------
        AlbumError
            When the album has no such example, or it is the only one that is liked.
        """
        with self._store.aside() as db:
            number = self._known(name)
            sql = "DELETE FROM examples WHERE album_id = ? AND id = ?"
            if not db.execute(sql, (number, example)).rowcount:
                raise AlbumError(name, f"it has no example {example}", "look at its examples again")
            _need_a_like(db, number, name)

    def rename(self, name: str, new: str) -> None:
        """Give an album another name; raise AlbumError where that is another's, or cannot be used."""
        new = _checked(new)
        with self._store.aside() as db:
            number = self._known(name)
            if self._number(new) not in (None, number):
                raise AlbumError(new, "there is one already", "choose another name")
            db.execute("UPDATE albums SET name = ? WHERE id = ?", (new, number))

    def drop(self, name: str) -> None:
        """Forget an album; the photos stay."""
        with self._store.aside() as db:
            number = self._known(name)
            db.execute("DELETE FROM albums WHERE id = ?", (number,))
        with self._lock:
            self._found.pop(number, None)

    def _number(self, name: str) -> int | None:
        """Return the number of an album, or None where there is none of that name."""
        rows = self._store.query("SELECT id, name FROM albums")
        return next((number for number, other in rows if _key(other) == _key(name)), None)

    def _known(self, name: str) -> int:
        number = self._number(name)
        if number is None:
            raise self._unknown(name)
        return number

    def _unknown(self, name: str) -> AlbumError:
        names = [album.name for album in self]
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        there = (
            f"there are {', '.join(names[:_NAMED])}{more}"
            if names
            else "make it with: simsearch album NAME --like PICTURE"
        )
        return AlbumError(name, "there is none of that name", there)

    def _examples(
        self,
        likes: AnyPicture | Hit | Sequence[AnyPicture | Hit],
        minus: AnyPicture | Hit | Sequence[AnyPicture | Hit],
    ) -> list[_Example]:
        sides = (several(likes), True), (several(minus), False)
        return [self._example(picture, liked) for pictures, liked in sides for picture in pictures]

    def _example(self, picture: AnyPicture | Hit, liked: bool) -> _Example:
        own = self._searcher.own(picture)
        if isinstance(own, Hit):
            photo, vector = self._searcher.known(own)
            jpeg = self._store.thumbnail(photo)
            if jpeg is not None:
                return _Example(liked, photo, _packed(vector), jpeg)
        # Decoded once: an open file, or a pipe, can be read but once.
        image, _ = self._searcher.upright(own, at_least=2 * self._encoder().input_size)
        vector = self._searcher.encoded(image)
        photo_id = own.id if isinstance(own, Hit) else None
        return _Example(liked, photo_id, _packed(vector), pixels.shrink(image, pixels.THUMBNAIL_SIDE))


class _Example(NamedTuple):
    """An example as it is stored."""

    liked: bool
    photo: int | None
    vector: bytes
    jpeg: bytes


def _put(db: sqlite3.Connection, album: int, name: str, examples: list[_Example]) -> None:
    """Add examples, each in place of what was said of the same photo or picture before."""
    before = """DELETE FROM examples WHERE album_id = ?1 AND photo_id IS ?2
                AND (photo_id IS NOT NULL OR vector = ?3)"""
    sql = "INSERT INTO examples (album_id, liked, photo_id, vector, jpeg) VALUES (?, ?, ?, ?, ?)"
    for example in examples:
        db.execute(before, (album, example.photo, example.vector))
        db.execute(sql, (album, *example))
    _need_a_like(db, album, name)


def _need_a_like(db: sqlite3.Connection, album: int, name: str) -> None:
    """Raise AlbumError where nothing is liked, which undoes the transaction."""
    if not db.execute("SELECT count(*) FROM examples WHERE album_id = ? AND liked", (album,)).fetchone()[0]:
        raise AlbumError(name, "nothing would tell what belongs there", "like another photo first")


def _key(name: str) -> str:
    """Return what equal names have in common, however they are typed."""
    return unicodedata.normalize("NFC", name.strip()).casefold()


def _checked(name: str) -> str:
    """Return a name without blanks around it; raise AlbumError where it cannot be one."""
    name = unicodedata.normalize("NFC", name.strip())
    if not name:
        raise AlbumError("''", "that is no name", f"choose one of 1 to {_LONGEST} characters")
    if len(name) > _LONGEST or not name.isprintable():
        reason = f"a name has 1 to {_LONGEST} characters, all of which can be printed"
        raise AlbumError(name[:_SHOWN], reason, "choose another name")
    return name


def _packed(vector: np.ndarray) -> bytes:
    return vector.astype("<f2").tobytes()


def _sound(blob: object, dim: int) -> np.ndarray | None:
    """Return an embedding as it was packed, (dim,) float32, or None where it is damaged."""
    if not isinstance(blob, bytes) or len(blob) != 2 * dim:
        return None
    vector = np.frombuffer(blob, "<f2").astype(np.float32)
    return vector if usable(vector[None])[0] else None


def _vector_of(store: Store, photo: int, dim: int) -> np.ndarray | None:
    """Return the embedding of a photo of the library, (dim,) float32, or None where that is damaged, too."""
    vector = store.vector(photo)
    return None if vector is None else _sound(_packed(vector), dim)


def _joined(examples: list[tuple[np.ndarray, int]], dim: int) -> Kept:
    vectors = np.array([vector for vector, _ in examples], dtype=np.float32).reshape(-1, dim)
    return Kept(vectors, np.array([photo for _, photo in examples], dtype=np.int64))


# Mending


def damaged(store: Store, dim: int) -> list[int]:
    """Return the ids of the examples whose embedding is damaged."""
    rows = store.query("SELECT id, vector FROM examples ORDER BY id")
    return [number for number, blob in rows if _sound(blob, dim) is None]


def mend(store: Store, encoder: Encoder) -> None:
    """Make damaged embeddings of examples anew: from the photo that it is, else from its picture."""
    _encode_anew(store, encoder, damaged(store, encoder.dim))


def encode_anew(store: Store, encoder: Encoder) -> None:
    """Make the embeddings of all examples anew, as those of the photos have been by another network."""
    _encode_anew(store, encoder, [number for (number,) in store.query("SELECT id FROM examples")])


def _encode_anew(store: Store, encoder: Encoder, numbers: list[int]) -> None:
    for number in numbers:
        [(photo, jpeg)] = store.query("SELECT photo_id, jpeg FROM examples WHERE id = ?", number)
        vector = None if photo is None else _vector_of(store, photo, encoder.dim)
        if vector is None:
            try:
                image = pixels.decode(jpeg, "an example", at_least=2 * encoder.input_size).image
                vector = encoder.encode(pixels.letterbox(image, encoder.input_size))
            except (PhotoError, ValueError):
                continue
        with store.aside() as db:
            db.execute("UPDATE examples SET vector = ? WHERE id = ?", (_packed(vector), number))
