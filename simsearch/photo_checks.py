"""Whether photos are sound as they are stored: embeddings, thumbnails and facts.

They are read from one snapshot, photo by photo, so that a large library takes no more memory than a small
one, and photos that arrive meanwhile raise no false alarm.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from simsearch.checks import Problem
from simsearch.index.rows import usable
from simsearch.pixels import THUMBNAIL_SIDE
from simsearch.remote import path_of
from simsearch.store import STAND_IN, Store, parsed_time
from simsearch.worker import examine

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

_LENGTH_ERROR = 0.01  # float16 rounds the length of a unit vector by less than a thousandth
_SAME = 0.9999  # cosine; two different photos are further apart
_ALIKE = 0.99  # cosine of two encodings of one file, however another processor rounds
_DARK = 16  # mean brightness, of 255, of a thumbnail that is black but for the noise of JPEG
_SAMPLE, _TRIES = 8, 200  # photos encoded anew, and looked at for that: of many the disk may be away

Progress = Callable[[int, int], None]  # photos done, photos to do


class _Fault(NamedTuple):
    """What a photo "has", what of it is to be made anew, and whether nobody can use that as it is."""

    what: str
    drop: str = ""
    useless: bool = False


class _Photo(NamedTuple):
    """A photo's row as it is, sound or not."""

    id: int
    path: Path
    size: Any
    mtime_ns: Any
    sha256: Any
    width: Any
    height: Any
    taken_at: Any
    latitude: Any
    longitude: Any
    vector: Any
    jpeg: Any


def examine_photos(
    store: Store, encoder: Encoder | None, *, only: list[int] | None = None, progress: Progress | None = None
) -> list[Problem]:
    """Return what is wrong with photos, each under the first thing that is.

    Parameters
    ----------
    encoder
        What made the embeddings; without, they are not looked at.
    only
        Ids of the photos to look at; by default all.
    """
    black = _black(encoder) if encoder else None
    found: dict[_Fault, list[int]] = {}
    with store.snapshot() as db:
        total = db.execute("SELECT count(*) FROM photos").fetchone()[0] if only is None else len(only)
        for done, photo in enumerate(_photos(db, only), 1):
            fault = _embedding_fault(photo, encoder.dim) if encoder else None
            if fault := fault or _thumbnail_fault(photo, black) or _facts_fault(photo):
                found.setdefault(fault, []).append(photo.id)
            if progress:
                progress(done, total)
        problems = [
            Problem(fault.what, photos=tuple(ids), drop=fault.drop, useless=fault.useless)
            for fault, ids in found.items()
        ]
        faulty = {photo_id for ids in found.values() for photo_id in ids}
        return problems + (_other_embeddings(db, encoder, faulty, only) if encoder else [])


def _photos(db: sqlite3.Connection, only: list[int] | None) -> Iterator[_Photo]:
    """Yield photos by id, or some of them; those of no indexed folder are left out."""
    sql = """SELECT id, (SELECT roots.path FROM roots WHERE roots.id = root_id) AS root, path, size, mtime_ns,
                    sha256, width, height, taken_at, latitude, longitude, vector, jpeg
             FROM photos LEFT JOIN embeddings ON embeddings.photo_id = id
             LEFT JOIN thumbnails ON thumbnails.photo_id = id WHERE root NOT NULL"""
    some = "" if only is None else " AND id IN (SELECT value FROM json_each(?))"
    rows = db.execute(f"{sql}{some} ORDER BY id", () if only is None else (json.dumps(only),))
    for photo_id, root, path, *rest in rows:
        yield _Photo(photo_id, path_of(root, path), *rest)


def _embedding_fault(photo: _Photo, dim: int) -> _Fault | None:
    if photo.vector is None:
        return _Fault("no embedding", "embeddings", useless=True)
    if not isinstance(photo.vector, bytes) or len(photo.vector) != 2 * dim:
        return _Fault(f"an embedding that is not {2 * dim:,} bytes long", "embeddings", useless=True)
    length = np.linalg.norm(_unpacked(photo.vector))
    if not np.isfinite(length):
        return _Fault("an embedding with a NaN or an infinity", "embeddings", useless=True)
    if abs(length - 1) > _LENGTH_ERROR:
        useless = not usable(_unpacked(photo.vector)[None])[0]
        return _Fault("an embedding whose length is not 1", "embeddings", useless)
    return None


def _thumbnail_fault(photo: _Photo, black: np.ndarray | None) -> _Fault | None:
    if photo.jpeg is None:
        return _Fault("no thumbnail", "thumbnails", useless=True)
    try:
        image = Image.open(BytesIO(photo.jpeg), formats=("JPEG",))
        if max(image.size) > THUMBNAIL_SIDE:
            return _Fault(f"a thumbnail of more than {THUMBNAIL_SIDE} pixels a side", "thumbnails")
        image.draft("L", (1, 1))  # an eighth of its size, which reads the file to its end all the same
        image.load()
    except Exception:  # decoders raise anything at all on damaged files
        return _Fault("a thumbnail that is no whole JPEG", "thumbnails", useless=True)
    if black is not None and float(_unpacked(photo.vector) @ black) > _SAME:
        if np.asarray(image.convert("L")).mean() > _DARK:
            return _Fault("the embedding of a black picture, which they are not", "embeddings")
    return None


def _facts_fault(photo: _Photo) -> _Fault | None:
    sizes = (photo.size, photo.width, photo.height)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return _Fault("a size, width or height that cannot be")
    if not re.fullmatch("[0-9a-f]{64}", str(photo.sha256)):
        return _Fault("a SHA-256 that cannot be")
    if photo.taken_at is not None and parsed_time(photo.taken_at) is None:
        return _Fault("a time that cannot be")
    place = (photo.latitude, photo.longitude)
    if place != (None, None) and not all(isinstance(degrees, float) for degrees in place):
        return _Fault("a place that cannot be")
    return None


def _black(encoder: Encoder) -> np.ndarray | None:
    """Return what the network makes of a picture that was never decoded; None where that is nothing."""
    try:
        return encoder.encode(np.zeros((encoder.input_size, encoder.input_size, 3), dtype=np.uint8))
    except ValueError:
        return None


def _other_embeddings(
    db: sqlite3.Connection, encoder: Encoder, faulty: set[int], only: list[int] | None
) -> list[Problem]:
    """Encode a few files anew; return that they differ from what is stored, where they do."""
    # Embeddings of thumbnails are known to be others; the next run of indexing sees to them.
    sql = "SELECT id FROM photos WHERE missing_since IS NULL AND facts <> ?"
    ids = only or [row[0] for row in db.execute(sql, (STAND_IN,))]
    if not only:
        random.Random(len(ids)).shuffle(ids)  # the same in each check of the same library
    cosines: dict[int, float] = {}
    for photo_id in [photo_id for photo_id in ids if photo_id not in faulty][:_TRIES]:
        for photo in _photos(db, [photo_id]) if len(cosines) < _SAMPLE else ():
            if (vector := _encoded(photo, encoder)) is not None:
                cosines[photo_id] = float(vector @ _unpacked(photo.vector))
    differ = [photo_id for photo_id, cosine in cosines.items() if not cosine >= _ALIKE]
    if 2 * len(differ) > len(cosines):
        what = f"the network gives {len(differ)} of {len(cosines)} photos other embeddings than the library's"
        remedy = "delete its file in $SIMSEARCH_CACHE, to have it made anew, or index into a new library here"
        return [Problem(what, remedy)]
    what = "another embedding than their file gives"
    return [Problem(what, photos=tuple(differ), drop="embeddings")] if differ else []


def _encoded(photo: _Photo, encoder: Encoder) -> np.ndarray | None:
    """Return the embedding of a photo's file, or None where it is away, has changed or cannot be read."""
    try:
        facts = photo.path.stat()
    except (OSError, ValueError):
        return None
    if (facts.st_size, facts.st_mtime_ns) != (photo.size, photo.mtime_ns):
        return None
    found, payload = examine(photo.path, frozenset(), encoder)
    same = payload and (found["size"], found["mtime_ns"]) == (photo.size, photo.mtime_ns)
    return _unpacked(payload[: 2 * encoder.dim]) if same else None


def _unpacked(blob: bytes) -> np.ndarray:
    return np.frombuffer(blob, "<f2").astype(np.float32)
