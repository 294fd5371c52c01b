"""Sets of embeddings in one library: those that serve, and beside them those of other networks.

Another network's embeddings are made beside the old ones, from the files, while the old ones go on serving.
Only when no photo lacks one do they change places, in one transaction; the old ones stay until the user
removes them, so that the way back costs nothing. A run that is stopped is continued by the next.

A photo whose file cannot be read just now, as on an unplugged disk, gets the embedding of its thumbnail,
which stands in until an indexing run finds the file again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simsearch import albums, calibration, lessons, pixels, ray_pool
from simsearch.backbones import BACKBONES
from simsearch.child import Task
from simsearch.encoder import (
    EncoderIdentity,
    asked_for,
    keep_network,
    network_path,
    open_encoder,
    stored_encoder,
)
from simsearch.errors import BackboneError, PhotoError
from simsearch.folders import networks_of
from simsearch.indexes import Indexes
from simsearch.indexing import workforce
from simsearch.pool import Examine
from simsearch.report import Report
from simsearch.running import Run, recorded, sole_writer
from simsearch.store import STAND_IN, Root, Store
from simsearch.survey import is_online
from simsearch.sync import SECONDS_A_BATCH, Progress

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

TRAINED = "-tuned-"  # part of the name of a network that was trained here
# The photos that a set lacks, or has a thumbnail's embedding of. Who has none in the set that serves was
# found damaged, and is examined by the next run of indexing.
_LACKING = """FROM photos JOIN embeddings ON embeddings.photo_id = id
              LEFT JOIN spare_embeddings AS spare ON spare.set_id = ? AND spare.photo_id = id
              WHERE (spare.photo_id IS NULL OR spare.stand_in)"""


def number_of(encoder: EncoderIdentity) -> str:
    """Return eight digits that tell an encoder from others."""
    return hashlib.sha256(encoder.to_json().encode()).hexdigest()[:8]


class EmbeddingSet(NamedTuple):
    """The embeddings that one network made of a library's photos.

    Attributes
    ----------
    encoder
        What made them.
    photos
        How many photos have one.
    lacking
        How many have none, or only a thumbnail's.
    serves
        Whether searches use it.
    bytes
        What the embeddings take in the database.
    """

    encoder: EncoderIdentity
    photos: int
    lacking: int
    serves: bool
    bytes: int

    @property
    def number(self) -> str:
        """What tells it from other sets of the library, also where networks share a name."""
        return number_of(self.encoder)


class Switch(NamedTuple):
    """What came of having another network serve.

    Attributes
    ----------
    encoder
        Of the network that was asked for.
    encoded
        How many embeddings this run made from files.
    stand_ins
        How many it made from thumbnails, for want of a readable file.
    lacking
        How many photos have none because nothing of them can be read; the next run of indexing sees to them.
    serves
        Whether the network serves now: not where the run was stopped.
    seconds
        For how long it ran.
    """

    encoder: EncoderIdentity
    encoded: int
    stand_ins: int
    lacking: int
    serves: bool
    seconds: float


class Embeddings:
    """The sets of embeddings of one library.

    Parameters
    ----------
    expect
        Called with the network that is about to serve.
    """

    def __init__(self, store: Store, indexes: Indexes, expect: Callable[[Encoder], None]) -> None:
        self._store = store
        self._folder = store.path.parent
        self._networks = networks_of(self._folder)
        self._indexes = indexes
        self._expect = expect

    def sets(self) -> list[EmbeddingSet]:
        """Return the set that serves, if the library has photos yet, and then the others, oldest first."""
        serving = self._serving()
        if serving is None:
            return []
        lacking = self._count("photos WHERE facts = ?", STAND_IN)
        size = self._bytes("embeddings LIMIT 1", self._total())
        sets = [EmbeddingSet(serving, self._total(), lacking, True, size)]
        return sets + [self._described(number, encoder) for number, encoder in self._waiting()]

    def _described(self, number: int, encoder: EncoderIdentity) -> EmbeddingSet:
        photos = self._count("spare_embeddings WHERE set_id = ?", number)
        whole = self._count("spare_embeddings WHERE set_id = ? AND stand_in = 0", number)
        size = self._bytes("spare_embeddings WHERE set_id = ? LIMIT 1", photos, number)
        return EmbeddingSet(encoder, photos, max(self._total() - whole, 0), False, size)

    def _total(self) -> int:
        """Return how many photos there are, also those that are missing; to count embeddings takes longer."""
        counts = self._store.counts()
        return counts["photos"] + counts["missing"]

    def _count(self, rows: str, *values: int) -> int:
        return int(self._store.query(f"SELECT count(*) FROM {rows}", *values)[0][0])

    def _bytes(self, row: str, count: int, *values: int) -> int:
        """Return what so many embeddings take, which are all of one length."""
        one = self._store.query(f"SELECT length(vector) FROM {row}", *values)
        return count * one[0][0] if one else 0

    def _waiting(self) -> list[tuple[int, EncoderIdentity]]:
        rows = self._store.query("SELECT id, encoder FROM sets ORDER BY id")
        return [(number, EncoderIdentity.from_json(encoder)) for number, encoder in rows]

    def _serving(self) -> EncoderIdentity | None:
        stored = self._store.setting("encoder")
        return EncoderIdentity.from_json(stored) if stored else None

    def open(
        self,
        backbone: str,
        *,
        weights: str | os.PathLike[str] | None = None,
        pixels: str | None = None,
        say: Callable[[str], None] | None = None,
    ) -> Encoder:
        """Return the network of a set of this library, by its name or number, or any other.

        It takes a while where the network has to be made first; see :func:`simsearch.encoder.open_encoder`.

        Raises
        ------
        BackboneError
            When there is no such network, it cannot be had, or two sets go by that name.
        """
        named = [one.encoder for one in self.sets() if _goes_by(one.encoder, backbone)]
        if weights is None and pixels is None and len(named) > 1:
            raise _ambiguous(backbone, named)
        if weights is not None or pixels is not None or not named:
            asked_for(backbone, weights, pixels)  # what is misspelt is no run
        with sole_writer(self._folder), recorded(self._folder) as run:  # others see that something is done
            if weights is None and pixels is None and named:
                encoder = self._again(named[0], say)
            else:
                encoder = open_encoder(backbone, weights=weights, pixels=pixels, say=say)
            run.state["report"] = Report().summary()
            return encoder

    def _again(self, identity: EncoderIdentity, say: Callable[[str], None] | None) -> Encoder:
        """Return the network of a set, fetched anew where it is a published one that was lost."""
        try:
            return stored_encoder(identity, self._networks, say=say)
        except BackboneError:
            if identity.backbone not in BACKBONES:
                raise
            encoder = open_encoder(identity.backbone, say=say)
            if encoder.identity != identity:
                raise
            return encoder

    def switch(
        self,
        encoder: Encoder,
        *,
        workers: int | None = None,
        on: str | None = None,
        progress: Progress | None = None,
    ) -> Switch:
        """Have another network serve, once its embeddings of all photos are made.

        It repeats the last lesson (see :meth:`simsearch.Library.learn`), as a space is learnt from
        embeddings.

        Parameters
        ----------
        encoder
            One of :meth:`open`, or of your own.
        workers, on
            Number of processes, and where they are, as for :meth:`simsearch.Library.sync`.
        progress
            Called with the number of photos done and to do in the current folder.

        Raises
        ------
        ClusterError
            When Ray or the cluster cannot be used, or is gone; what was done is kept.
        LibraryError
            When another process is indexing into this library.
        """
        if on:
            ray_pool.check(on)
        started = time.monotonic()
        with sole_writer(self._folder):
            keep_network(encoder, self._networks)  # of one that serves it may have been lost
            if self._serving() is None:  # there are no photos yet
                self._expect(encoder)
                with self._store.transaction():
                    self._store.set_setting("encoder", encoder.identity.to_json())
            if self._serving() == encoder.identity:
                return Switch(encoder.identity, 0, 0, 0, True, time.monotonic() - started)
            with recorded(self._folder) as run:
                filling = _Filling(self._store, self._set_of(encoder.identity), encoder, run, progress)
                filling.fill(on, workers)
                if filling.interrupted:
                    run.state["problem"] = _stopped(encoder.identity.backbone)
                else:
                    self._exchange(filling.number, encoder)
                    self._indexes.refresh(encoder.dim)
                    calibration.keep_up(self._store, self._indexes, encoder)
                    made = filling.encoded + filling.stand_ins
                    run.state["report"] = Report(updated=made, unchanged=self._total() - made).summary()
            done = filling.encoded, filling.stand_ins, filling.lacking
            return Switch(encoder.identity, *done, not filling.interrupted, time.monotonic() - started)

    def _set_of(self, identity: EncoderIdentity) -> int:
        """Return the number of a network's set, which is made where there is none."""
        with self._store.aside() as db:
            db.execute("INSERT OR IGNORE INTO sets (encoder) VALUES (?)", (identity.to_json(),))
            found = db.execute("SELECT id FROM sets WHERE encoder = ?", (identity.to_json(),))
            return int(found.fetchone()[0])

    def _exchange(self, number: int, encoder: Encoder) -> None:
        """Have a set serve, and the one that did wait; all that depends on it changes with it, or nothing."""
        store = self._store
        self._expect(encoder)
        old = store.setting("encoder")
        with store.transaction(), store.aside() as db:
            kept = db.execute("INSERT INTO sets (encoder) VALUES (?)", (old,)).lastrowid
            db.execute(
                """INSERT INTO spare_embeddings SELECT ?, photo_id, vector, facts = ? FROM embeddings
                   JOIN photos ON id = photo_id""",
                (kept, STAND_IN),
            )
            # Who had none in the old set was hidden for that.
            db.execute(
                """UPDATE photos SET missing_since = NULL
                   WHERE facts = ? AND id NOT IN (SELECT photo_id FROM embeddings)""",
                (STAND_IN,),
            )
            db.execute("UPDATE photos SET facts = 0 WHERE facts = ?", (STAND_IN,))
            db.execute("DELETE FROM embeddings")
            db.execute(
                "INSERT INTO embeddings SELECT photo_id, vector FROM spare_embeddings WHERE set_id = ?",
                (number,),
            )
            db.execute(
                """UPDATE photos SET facts = ? WHERE id IN
                   (SELECT photo_id FROM spare_embeddings WHERE set_id = ? AND stand_in)""",
                (STAND_IN, number),
            )
            db.execute(
                """UPDATE photos SET facts = ?, missing_since = coalesce(missing_since, ?)
                   WHERE id NOT IN (SELECT photo_id FROM embeddings)""",
                (STAND_IN, time.time()),
            )
            db.execute("UPDATE failures SET size = NULL, mtime_ns = NULL")  # this network may see something
            db.execute("DELETE FROM sets WHERE id = ?", (number,))
            store.set_setting("encoder", encoder.identity.to_json())
            calibration.forget(store)
            albums.encode_anew(store, encoder)
            lessons.learn_from_others(store, encoder.dim)

    def waiting(self, backbone: str) -> EmbeddingSet:
        """Return the set of a network that does not serve, by the network's name or the set's number.

        Raises
        ------
        BackboneError
            When the library has none, or several, or it serves.
        """
        return self._described(*self._one_waiting(backbone))

    def remove(self, backbone: str) -> EncoderIdentity:
        """Drop the embeddings of a network that does not serve; raise as :meth:`waiting`.

        The database gets no smaller, but what comes next takes their room.

        Raises
        ------
        LibraryError
            When another process is indexing into this library.
        """
        with sole_writer(self._folder):
            number, identity = self._one_waiting(backbone)
            with self._store.transaction(), self._store.aside() as db:
                db.execute("DELETE FROM sets WHERE id = ?", (number,))
            (self._networks / network_path(identity).name).unlink(missing_ok=True)
            if TRAINED in identity.backbone:
                (self._networks / f"{identity.backbone}.keras").unlink(missing_ok=True)
            return identity

    def _one_waiting(self, backbone: str) -> tuple[int, EncoderIdentity]:
        found = [(number, one) for number, one in self._waiting() if _goes_by(one, backbone)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(backbone, [identity for _, identity in found])
        serving = self._serving()
        if serving and _goes_by(serving, backbone):
            remedy = "first have another serve: simsearch index --backbone NAME"
            raise BackboneError(backbone, "its embeddings are the ones that serve", remedy)
        raise BackboneError(
            backbone, "the library has no embeddings of it", "see which it has with: simsearch status"
        )


def _goes_by(encoder: EncoderIdentity, name: str) -> bool:
    return name.lower() in (encoder.backbone.lower(), number_of(encoder))


def _ambiguous(name: str, encoders: list[EncoderIdentity]) -> BackboneError:
    reason = f"the library has embeddings of {len(encoders)} networks of that name"
    return BackboneError(name, reason, f"name one by its number, such as {number_of(encoders[0])}")


def _stopped(backbone: str) -> str:
    return f"not all embeddings of {backbone} are made; to go on: simsearch index --backbone {backbone}"


class _Filling:
    """Makes the embeddings that a set lacks."""

    def __init__(
        self,
        store: Store,
        number: int,
        encoder: Encoder,
        run: Run,
        progress: Progress | None,
    ) -> None:
        self.number = number
        self.encoded = self.stand_ins = self.lacking = 0
        self.interrupted = False
        self._store = store
        self._encoder = encoder
        self._run = run
        self._progress = progress
        self._batch: list[tuple[int, int, bytes, bool]] = []
        self._due = 0.0

    def fill(self, on: str | None, workers: int | None) -> None:
        """Encode the files that can be read, and the thumbnails of the others."""
        try:
            if self._store.query(f"SELECT id {_LACKING} LIMIT 1", self.number):
                with workforce(on, workers) as examiners:
                    self._encode_online(*examiners)
            self._write()
            self._encode_thumbnails()
        except KeyboardInterrupt:
            self.interrupted = True
        finally:  # whatever stops it, what was done is kept
            self._write()
            self.lacking = len(self._without())

    def _without(self) -> list[int]:
        """Return the photos that have no embedding in the set, not even their thumbnail's."""
        sql = f"SELECT id {_LACKING} AND spare.photo_id IS NULL ORDER BY id"
        return [photo_id for (photo_id,) in self._store.query(sql, self.number)]

    def _encode_online(self, examine: Examine, workers: int) -> None:
        for root in self._store.roots():
            self._run.enter(root.path)
            if is_online(self._store, root):
                self._encode_files(root, examine, workers)

    def _encode_files(self, root: Root, examine: Examine, workers: int) -> None:
        """Encode each content of a folder once, for all photos that have it."""
        by_content: dict[str, list[tuple[int, Path]]] = {}
        sql = f"SELECT id, path, sha256 {_LACKING} AND root_id = ? AND missing_since IS NULL ORDER BY id"
        for photo_id, path, sha256 in self._store.query(sql, self.number, root.id):
            by_content.setdefault(sha256, []).append((photo_id, root.path / path))
        hashes = {photos[0][1]: sha256 for sha256, photos in by_content.items()}
        if not hashes:
            return
        tasks = (Task(path) for path in hashes)
        with closing(examine(tasks, self._encoder.recipe, workers=min(workers, len(hashes)))) as answers:
            for done, answer in enumerate(answers, 1):
                sha256 = hashes[answer.task.path]
                if answer.payload and answer.facts["sha256"] == sha256:
                    vector = answer.payload[: 2 * self._encoder.dim]
                    self._keep((photo_id for photo_id, _ in by_content[sha256]), vector)
                self._tell(done, len(hashes))

    def _encode_thumbnails(self) -> None:
        photos = self._without()
        for done, photo_id in enumerate(photos, 1):
            if vector := self._of_thumbnail(photo_id):
                self._keep([photo_id], vector, stand_in=True)
            self._tell(done, len(photos))

    def _of_thumbnail(self, photo_id: int) -> bytes | None:
        jpeg, side = self._store.thumbnail(photo_id), self._encoder.input_size
        if jpeg is None:
            return None
        try:
            image = pixels.decode(jpeg, "a thumbnail", at_least=2 * side).image
            return self._encoder.encode(pixels.letterbox(image, side)).astype("<f2").tobytes()
        except (PhotoError, ValueError):
            return None

    def _keep(self, photos: Iterable[int], vector: bytes, *, stand_in: bool = False) -> None:
        rows = [(self.number, photo_id, vector, stand_in) for photo_id in photos]
        self._batch += rows
        if stand_in:
            self.stand_ins += len(rows)
        else:
            self.encoded += len(rows)
        if time.monotonic() > self._due:
            self._write()
            self._due = time.monotonic() + SECONDS_A_BATCH

    def _write(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            # A photo may have been forgotten meanwhile, and then its row must not come back.
            sql = """INSERT OR REPLACE INTO spare_embeddings
                     SELECT ?, id, ?, ? FROM photos WHERE id = ?"""
            with self._store.aside() as db:
                rows = ((number, vector, stand_in, photo_id) for number, photo_id, vector, stand_in in batch)
                db.executemany(sql, rows)

    def _tell(self, done: int, total: int) -> None:
        self._run.progress(done, total)
        if self._progress:
            self._progress(done, total)
