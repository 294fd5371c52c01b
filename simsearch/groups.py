"""Photos that belong together: copies of one picture, and bursts of one scene."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch import bursts, calibration, copies, tables
from simsearch.bursts import Shot
from simsearch.copies import File, Group
from simsearch.decisions import DIFFERENT, KEEP, Decisions, Verdicts
from simsearch.errors import PhotoError, WriteError
from simsearch.facts import exposure
from simsearch.folders import expanded_path
from simsearch.handing import Copy, CopyGroup, as_csv, as_script
from simsearch.pairs import Pairs, Progress
from simsearch.pixels import THUMBNAIL_SIDE
from simsearch.ranking import Found
from simsearch.remote import path_of
from simsearch.searching import Hit, Photo, Searcher
from simsearch.sketches import decoded
from simsearch.store import parsed_time
from simsearch.versions import Version

if TYPE_CHECKING:
    from simsearch.indexes import Indexes
    from simsearch.store import Store

_VERDICTS = {"different": DIFFERENT, "keep": KEEP, "undecided": None}


class Burst(NamedTuple):
    """Photos of one scene, in the order in which they were taken."""

    photos: tuple[Hit, ...]


class Groups:
    """Finds what belongs together in a library; reached as :attr:`simsearch.Library.groups`."""

    def __init__(self, store: Store, indexes: Indexes, searcher: Searcher, dim: Callable[[], int]) -> None:
        self._store = store
        self._indexes = indexes
        self._searcher = searcher
        self._dim = dim
        self._pairs = Pairs(store, indexes)
        self._decisions = Decisions(store)

    def copies(
        self,
        *,
        under: str | os.PathLike[str] | None = None,
        kept: bool = False,
        progress: Progress | None = None,
    ) -> list[CopyGroup]:
        """Find the photos of which there are copies; no photo is changed.

        The first time every photo is compared with the few that may show the same, later only new ones are;
        what was found is kept, however early it is stopped.

        Parameters
        ----------
        under
            Only groups with a photo below this folder.
        kept
            Whether to list also what the user decided to keep.
        progress
            Called with what is done just now, and how much of it is done and to do.

        Returns
        -------
        The groups, those with most copies first. A raw and the picture that the camera saved beside it are
        no copies of each other.

        Raises
        ------
        FolderError
            When the library knows nothing below the folder.
        """
        among = self._below(under)
        self._pairs.keep_up(self._dim(), progress or (lambda *_: None))
        decided = self._decisions.all()
        different = {pair for pair, verdict in decided.items() if verdict == DIFFERENT}
        files = self._files()
        found = copies.grouped(files, self._pairs.known(), different, self._pairs.comparer())
        if among is not None:
            found = [group for group in found if not among.isdisjoint(_ids(group))]
        groups = self._told(found, {file.id: file for file in files}, decided, kept)
        return sorted(groups, key=lambda group: (-len(group.copies), group.best.path))

    def bursts(self, minutes: float = 2.0, *, under: str | os.PathLike[str] | None = None) -> list[Burst]:
        """Find the photos of one scene that were taken one shortly after the other, by one camera.

        The sooner after the other, the less alike they need be, where the camera is known. Photos that do not
        say when they were taken are in no burst. Of copies that :meth:`copies` has found one stands for all.

        Parameters
        ----------
        minutes
            The longest time from one photo to the next of the same scene.
        under
            Only photos below this folder.

        Returns
        -------
        The bursts, the latest first.

        Raises
        ------
        FolderError
            When the library knows nothing below the folder.
        ValueError
            When minutes is not above 0, or more than a day has.
        """
        within = bursts.longest_pause(minutes)
        among = self._below(under)
        shots = self._shots(among)
        with self._indexes.lock:
            index = self._indexes.current("auto", self._dim())
            there = index.holds(np.array([shot.id for shot in shots], dtype=np.int64))
            shots = [shot for shot, held in zip(shots, there.tolist(), strict=True) if held]
            looks = self._indexes.vectors(self._dim()).space.looks
            found = bursts.bursts(
                shots,
                lambda ids: looks(index.vectors(ids)),
                calibration.same_scene(self._store),
                within,
            )
        hits = self._hits(photo_id for burst in found for photo_id in burst)
        told = [Burst(tuple(hits[one] for one in burst if one in hits)) for burst in found]
        told = [burst for burst in told if len(burst.photos) > 1]
        return sorted(told, key=lambda burst: _clock(burst.photos[0]), reverse=True)

    def as_csv(self, groups: Iterable[CopyGroup]) -> bytes:
        """Return groups of copies as a table (CSV), one line a copy."""
        return as_csv(groups)

    def as_script(self, groups: Iterable[CopyGroup]) -> bytes:
        """Return a shell script for the user to run, which moves the worse versions to a folder.

        It leaves alone what is to be kept, all crops, and whatever has changed meanwhile.
        """
        return as_script(groups)

    def save(
        self,
        groups: Iterable[CopyGroup],
        *,
        csv: str | os.PathLike[str] | None = None,
        script: str | os.PathLike[str] | None = None,
    ) -> None:
        """Write groups of copies to files, as :meth:`as_csv` and :meth:`as_script` return them.

        A file that is there is replaced.

        Raises
        ------
        WriteError
            When a file cannot be written, has the name of a photo, or would be both.
        """
        groups = list(groups)
        if csv is not None and script is not None and expanded_path(csv) == expanded_path(script):
            raise WriteError(expanded_path(csv), "the table would be lost", "name another for the script")
        for file, content in ((csv, as_csv), (script, as_script)):
            if file is not None:
                tables.save(file, content(groups))

    def sharpest(self, photos: Iterable[Hit]) -> Hit | None:
        """Return the sharpest of photos of one scene, as their thumbnails tell; None where none does."""
        rated = [(self._sharpness(photo), photo) for photo in photos]
        best = max(rated, key=lambda one: (one[0], -one[1].id), default=None)
        return best[1] if best and best[0] >= 0 else None

    def decide(self, verdict: str, *photos: Photo) -> int:
        """Decide about photos that look the same; it holds for all runs to come.

        What is decided of a photo is forgotten when its file is overwritten with another picture.

        Parameters
        ----------
        verdict
            "different": they are not the same; "keep": they are, and all are to stay, whichever becomes the
            best; "undecided" takes back what was decided of each two of them.
        photos
            Two or more of the library's own.

        Returns
        -------
        Of how many pairs that was decided.

        Raises
        ------
        PhotoError
            When one is not in the library.
        ValueError
            When there is no such verdict, there are no two photos, or more than 1,000 are to differ.
        """
        if verdict not in _VERDICTS:
            raise ValueError(f"verdict must be one of {', '.join(_VERDICTS)}, not {verdict}")
        hits = [self._searcher.hit(photo) for photo in photos]
        ids = {hit.id: None for hit in hits}
        if len(ids) < 2:
            raise ValueError("name two photos or more")
        there = self._store.rows(ids)
        for hit in hits:
            if hit.id not in there:
                raise PhotoError(hit.path, "no longer in this library", "look for copies again")
        return self._decisions.decide(ids, _VERDICTS[verdict])

    def decisions(self) -> list[tuple[Hit, Hit, str]]:
        """Return what was decided of two photos: "different", or "keep" of one and each kept with it."""
        decided = self._decisions.all()
        hits = self._hits(photo_id for pair in decided for photo_id in pair)
        told = []
        for pair, verdict in decided.items():
            if hits.keys() >= set(pair):
                one, other = sorted((hits[photo_id] for photo_id in pair), key=lambda hit: hit.path)
                told.append((one, other, verdict))
        return sorted(told, key=lambda decision: (decision[0].path, decision[1].path))

    def verdicts(self) -> Verdicts:
        """Return the same by their ids, the smaller first: at once, however many they are."""
        return self._decisions.all()

    def _below(self, folder: str | os.PathLike[str] | None) -> set[int] | None:
        """Return the ids of the photos below a folder; None stands for all."""
        among = None if folder is None else self._searcher.among({"under": folder})
        return None if among is None else set(among.ids.tolist())

    def _files(self) -> list[File]:
        """Return the files of which there may be copies."""
        rows = self._store.query(
            """SELECT photos.id, sha256, camera, taken_at,
                      roots.path, photos.path, width, height, size, mtime_ns,
                      (taken_at IS NOT NULL) + (camera IS NOT NULL) + (latitude IS NOT NULL)
               FROM photos JOIN roots ON roots.id = root_id WHERE missing_since IS NULL AND (
                   photos.id IN (SELECT whole FROM pairs) OR photos.id IN (SELECT part FROM pairs)
                   OR sha256 IN (SELECT sha256 FROM photos WHERE missing_since IS NULL AND sha256 <> ''
                                 GROUP BY sha256 HAVING count(*) > 1))
               ORDER BY photos.id"""
        )
        return [
            File(
                photo_id,
                sha256 or str(photo_id),
                Version(path_of(root, path), *about),
                exposure(camera, parsed_time(taken_at)),
            )
            for photo_id, sha256, camera, taken_at, root, path, *about in rows
        ]

    def _told(
        self, groups: list[Group], files: dict[int, File], decided: Verdicts, kept: bool
    ) -> list[CopyGroup]:
        """Return groups with what is known of their photos, without those that need no decision any more."""
        hits = self._hits(photo_id for group in groups for photo_id in _ids(group))
        named = {photo_id for couple in decided for photo_id in couple}
        told = []
        for best, others in groups:
            known = [other.id for other in others if other.id in named]
            some = [
                Copy(
                    hits[same.id],
                    *same[1:4],
                    decided.of(best, same.id) is not None,
                    *_bytes(files[same.id]),
                    same.checked,
                    _another_file(hits.get(same.equal_to or 0), hits[same.id]),
                    any(decided.of(same.id, other) == KEEP for other in known if other != same.id),
                )
                for same in others
                if same.id in hits and best in hits and not _are_one_file(hits[best], hits[same.id])
            ]
            if best in hits and any(kept or not copy.kept for copy in some):
                size, sha256 = _bytes(files[best])
                told.append(CopyGroup(hits[best], size, tuple(some), sha256))
        return told

    def _shots(self, among: set[int] | None) -> list[Shot]:
        """Return the photos that say when they were taken, of copies one: the best of those that say it.

        What was taken at another time is another shot, however alike.
        """
        instead = self._pairs.stand_ins()
        rows = self._store.query(
            """SELECT id, taken_at, camera FROM photos WHERE missing_since IS NULL AND taken_at IS NOT NULL
               ORDER BY id"""
        )
        shots: dict[tuple[int, datetime], Shot] = {}
        for photo_id, taken_at, camera in rows:
            moment = parsed_time(taken_at)
            if moment and (among is None or photo_id in among):
                best, _ = instead.get(photo_id, (photo_id, 0))
                one = best, moment.replace(tzinfo=None)
                if best == photo_id or one not in shots:
                    shots[one] = Shot(photo_id, moment, camera)
        # What says the second alone, as a program may have saved it, is the shot that says more.
        told_finer = {(best, moment.replace(microsecond=0)) for best, moment in shots if moment.microsecond}
        return [shot for one, shot in shots.items() if one not in told_finer]

    def _sharpness(self, photo: Hit) -> float:
        thumbnail = self._store.thumbnail(photo.id)
        try:
            return bursts.sharpness(decoded(thumbnail or b"", "L", THUMBNAIL_SIDE))
        except (OSError, ValueError):  # doctor names it
            return -1.0

    def _hits(self, photo_ids: Iterable[int]) -> dict[int, Hit]:
        found = self._searcher.hits([Found(photo_id, 1.0, 1.0) for photo_id in dict.fromkeys(photo_ids)])
        return {hit.id: hit for hit in found}


def _are_one_file(one: Hit, other: Hit) -> bool:
    """Whether two paths lead to one file: links, hard links, or indexed folders that overlap."""
    try:
        return one.path.samefile(other.path)
    except OSError:  # one is not there now
        return False


def _another_file(equal: Hit | None, photo: Hit) -> Hit | None:
    """Return what has a photo's bytes, but not where it is the same file."""
    return None if equal is None or _are_one_file(equal, photo) else equal


def _bytes(file: File) -> tuple[int, str]:
    """Return how many bytes a file has, and their SHA-256, or nothing where its id stands for them."""
    return file.version.size, "" if file.content == str(file.id) else file.content


def _ids(group: Group) -> list[int]:
    ids = [group.best, *(same.id for same in group.copies)]
    return ids + [same.equal_to for same in group.copies if same.equal_to]


def _clock(photo: Hit) -> datetime:
    return photo.taken_at.replace(tzinfo=None) if photo.taken_at else datetime.min
