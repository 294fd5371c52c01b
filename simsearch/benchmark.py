"""Backbones compared on a user's own photos: how quick each is, what it takes, and how well it finds.

Every backbone indexes the same photos, where they are, into a library of its own in a temporary folder; there
it answers the questions of the self-exam, the same ones as the others, and then that library is gone. So two
backbones can be compared photo by photo, which tells smaller differences from chance than their means do.
"""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from simsearch.encoder import LiteRTEncoder, open_encoder
from simsearch.errors import BackboneError, FolderError, LibraryError, PhotoError, SimsearchError
from simsearch.exam import SAMPLE as KNOWN_ITEMS
from simsearch.exam import Examiner
from simsearch.folders import plain_path
from simsearch.indexes import Indexes
from simsearch.indexing import Indexer
from simsearch.kinds import K, is_clear, may_ask, precision, standard_error
from simsearch.library import Library
from simsearch.photos import Refused, find
from simsearch.pool import suitable_workers
from simsearch.ranking import Wish
from simsearch.remote import path_of
from simsearch.searching import Searcher
from simsearch.store import Store

SAMPLE = 1_000  # photos: most networks index and examine so many in a minute or two
_A_FOLDER = 10  # photos from each folder at least, where it has them: fewer hardly find each other
_MOST_KIN = 1_000  # photos that ask for their folder
_QUERIES = 30  # that are timed
_WARM_UP = 3  # queries before that; and a tenth of the photos that are indexed
_SHORTEST = 0.3  # seconds of indexing that tell a speed: answers are looked for every thirtieth
_WISH = Wish(K, "auto", True, 0.0, False)  # as a user's search is by default
_log = logging.getLogger("simsearch")

QUALITIES = ("hit_at_1", "hit_at_10", "precision_at_1", "precision_at_15")
"""What is compared photo by photo."""

Progress = Callable[[str, int, int], None]
"""Called with what is done just now, and how much of it is done and to do."""


@dataclass(frozen=True)
class Figures:
    """What was measured of one backbone.

    Attributes
    ----------
    name
        As it was asked for.
    identity
        What tells its embeddings from others'.
    images_per_second
        Files in, rows out, by all workers; without their start and the first tenth of each indexed folder.
        None for too few photos.
    milliseconds
        Of a query: to "decode", to "encode", to "search", and "all" three; medians. Empty where every file
        was gone by then.
    bytes
        A photo: its "embedding" as stored, and its row in the "index" that searches it.
    hit_at_1, hit_at_10
        The share of altered photos that are found first, or among ten. None where none could be altered.
    precision_at_1, precision_at_15
        The share of a photo's first hit, or of its first 15, that lie in its folder; where that has fewer
        others, of so many. None where there are not two folders, or no photo has another in its own.
    errors
        The standard errors of these four, by name.
    behind
        Those of the four in which another backbone is better, beyond chance.
    """

    name: str
    identity: str
    images_per_second: float | None
    milliseconds: dict[str, float]
    bytes: dict[str, float]
    hit_at_1: float | None
    hit_at_10: float | None
    precision_at_1: float | None
    precision_at_15: float | None
    errors: dict[str, float]
    behind: tuple[str, ...]


@dataclass(frozen=True)
class Benchmark:
    """Backbones, measured on the same photos.

    Attributes
    ----------
    figures
        Of each backbone that could be measured, in the order in which they were asked for.
    refused
        Why the others could not be, a sentence each, by name.
    photos, collection
        How many photos were used, of how many.
    folders
        How many folders these lie in.
    altered, asking
        How many of them were altered and searched for, and how many asked for their folder.
    chance
        The share of 15 hits that lie in a photo's folder by chance; None where nobody asked.
    workers
        How many processes indexed.
    failed
        ``(path, reason)`` of each file that could not be used.
    """

    figures: tuple[Figures, ...]
    refused: dict[str, str]
    photos: int
    collection: int
    folders: int
    altered: int
    asking: int
    chance: float | None
    workers: int
    failed: tuple[Refused, ...]


class _Photos(NamedTuple):
    """What is indexed: the photos, the folders that they are below, of how many, and what is none of them."""

    paths: list[Path]
    roots: list[Path]
    collection: int
    failed: list[Refused]


class _Outcome(NamedTuple):
    """What came of one backbone: as in :class:`Figures`, and by photos what they found, two numbers each."""

    name: str
    identity: str
    rate: float | None
    milliseconds: dict[str, float]
    bytes: dict[str, float]
    known: dict[Path, tuple[float, float]]
    kin: dict[Path, tuple[float, float]]
    chance: dict[Path, float]
    failed: dict[str, str]


def compare_backbones(
    names: Sequence[str],
    photos: str | os.PathLike[str] | None = None,
    library: str | os.PathLike[str] | None = None,
    *,
    sample: int = SAMPLE,
    progress: Progress | None = None,
) -> Benchmark:
    """Measure backbones on photos of yours: speed, size, and how well they find.

    They are measured one after the other, on all cores. Photos are only read, no library is changed, and what
    is made for it in a temporary folder is deleted, also when it is interrupted.

    Parameters
    ----------
    names
        Networks as :mod:`simsearch.backbones` names them, paths of ``.keras`` or ``.tflite`` files, or
        ``NAME=FILE`` for a network with weights from a file.
    photos
        A folder of photos; by default those of a library.
    library
        The folder of that library; by default :func:`simsearch.folders.default_folder`.
    sample
        How many photos to use at most: the same ones every time, from as many folders as can give ten each.
    progress
        Called with what is done just now, and how much of it is done and to do.

    Returns
    -------
    The figures of those that could be measured, and why the others could not be.

    Raises
    ------
    FolderError
        When there is no such folder, or it holds no photos.
    LibraryError
        When there is no library, or it holds no photos, or its folders are not there just now.
    ValueError
        When there is no name, or sample is below 1.
    """
    if not names:
        raise ValueError("there must be a backbone")
    if sample < 1:
        raise ValueError(f"sample must be at least 1, not {sample}")
    tell = progress or (lambda *_: None)
    chosen = _below(photos) if photos is not None else _of_library(library)
    chosen = chosen._replace(paths=_sampled(chosen.paths, sample))
    # All of them first: what has to be converted or is misspelt is known before hours of work.
    refused = {name: reason for name in dict.fromkeys(names) if (reason := _refusal(name))}
    ready = [name for name in dict.fromkeys(names) if name not in refused]
    if ready:
        _read_once(chosen.paths, tell)
    outcomes = []
    for name in ready:
        try:
            outcomes.append(_outcome(name, chosen, tell))
        except SimsearchError as error:  # what stops it is its own, and not the others'
            refused[name] = str(error)
    return _compared(outcomes, refused, chosen)


# The photos


def _below(folder: str | os.PathLike[str]) -> _Photos:
    root = plain_path(folder)
    if not root.is_dir():
        raise FolderError(root, "no such folder", "check the spelling, and that its disk is connected")
    walk = find(root)
    if walk.unread and not walk.photos:
        raise FolderError(root, walk.unread[0].reason, "check its permissions")
    if not walk.photos:
        raise FolderError(root, "holds no photos", "choose the folder they are in")
    failed = [Refused(str(root / path), reason) for path, reason in walk.failed + walk.unread]
    return _Photos([root / file.path for file in walk.photos], [root], len(walk.photos), failed)


def _of_library(folder: str | os.PathLike[str] | None) -> _Photos:
    with Library.open(folder, create=False) as library:
        if not len(library):
            remedy = "index some: simsearch index FOLDER, or name a folder with --photos"
            raise LibraryError(library.path, "holds no photos yet", remedy)
        roots = library.roots(online=True)
        paths = [path for path in library.paths().values() if any(map(path.is_relative_to, roots))]
        if not paths:
            raise LibraryError(library.path, "none of its folders is there just now", "connect their disk")
        return _Photos(paths, roots, len(paths), [])


def _sampled(paths: Iterable[Path], most: int) -> list[Path]:
    """Return some photos, the same ones every time, from folders that are drawn until there are enough.

    Of so many folders at once that each gives ten, one photo each in turns: a photo alone in its folder would
    tell nothing of folders.
    """
    paths = sorted(paths)
    if len(paths) <= most:
        return paths
    random = np.random.default_rng(0)
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for place in random.permutation(len(paths)).tolist():
        by_folder[paths[place].parent].append(paths[place])
    folders, at_once = [*by_folder.values()], max(most // _A_FOLDER, 2)
    drawn: list[Path] = []
    for start in range(0, len(folders), at_once):
        for turn in itertools.zip_longest(*folders[start : start + at_once]):
            drawn += [path for path in turn if path is not None]
            if len(drawn) >= most:
                return sorted(drawn[:most])
    return sorted(drawn)


def _read_once(paths: Sequence[Path], tell: Progress) -> None:
    """Read every file, so that the first backbone need not wait for the disk where the others do not."""
    for done, path in enumerate(paths, 1):
        with suppress(OSError), path.open("rb", buffering=0) as file:  # the workers say what is wrong with it
            while file.read(1 << 20):
                pass
        tell("reading the photos", done, len(paths))


# One backbone


def _opened(name: str, say: Callable[[str], None] | None = None) -> LiteRTEncoder:
    backbone, weights = _taken_apart(name)
    wanted: dict[str, Any] = {} if weights is None else {"weights": weights}
    return open_encoder(backbone, say=say, **wanted)


def _taken_apart(name: str) -> tuple[str, str | None]:
    """Return a backbone's name, or its file's, and the file of its weights where one is named."""
    backbone, equals, weights = name.partition("=")
    if not equals or os.path.exists(os.path.expanduser(name)):
        return name, None
    if not weights:
        raise BackboneError(name, "names no file of weights", "write it as NAME=FILE.h5")
    return backbone, weights


def _refusal(name: str) -> str | None:
    """Return why a backbone cannot be had; None where it is ready."""
    try:
        _opened(name, _log.warning)
    except BackboneError as error:
        return str(error)
    return None


def _outcome(name: str, photos: _Photos, tell: Progress) -> _Outcome:
    with TemporaryDirectory(prefix="simsearch-compare-") as folder, closing(Store(Path(folder))) as store:
        return _Trial(name, store, _opened(name), tell).outcome(photos)


class _Clock:
    """Measures how quickly photos come, from a tenth of a folder on: by then all workers are at work."""

    def __init__(self) -> None:
        self._last = 0.0  # when a photo came
        self._photos, self._seconds = 0, 0.0
        self.rate: float | None = None  # photos a second

    def note(self, done: int, total: int) -> None:
        """Note that a photo came, of so many of its folder: each begins anew, with workers of its own."""
        now = time.perf_counter()
        if done > total // 10 + 1:
            self._photos += 1
            self._seconds += now - self._last
            if self._seconds > _SHORTEST:
                self.rate = self._photos / self._seconds
        self._last = now


class _Trial:
    """A backbone at work in a library of its own."""

    def __init__(self, name: str, store: Store, encoder: LiteRTEncoder, tell: Progress) -> None:
        self._name = name
        self._store = store
        self._encoder = encoder
        self._tell = tell
        self._indexes = Indexes(store)
        self._searcher = Searcher(store, self._indexes, lambda: encoder)
        self._examiner = Examiner(store, self._indexes, encoder, tell)

    def outcome(self, photos: _Photos) -> _Outcome:
        """Index photos, and answer all questions about them."""
        rate, failed = self._index(photos)
        ids = {path_of(path): photo_id for photo_id, path in self._store.paths().items()}
        gone = {str(path): "its file is no longer there" for path in photos.paths if path not in ids}
        failed = gone | failed
        if not ids:
            raise BackboneError(self._name, "makes nothing of any photo", next(iter(failed.values())))
        # In an order that the photos' paths decide: ids are given as workers answer.
        shuffled = np.random.default_rng(1).permutation(len(photos.paths)).tolist()
        asked = [path for place in shuffled if (path := photos.paths[place]) in ids]
        milliseconds = self._timed(asked)
        known = self._known(asked[:KNOWN_ITEMS], ids)
        kin, chance = self._kin(asked, ids)
        identity = str(self._encoder.identity)
        return _Outcome(self._name, identity, rate, milliseconds, self._bytes(), known, kin, chance, failed)

    def _index(self, photos: _Photos) -> tuple[float | None, dict[str, str]]:
        """Index photos; return how many a second, and why some could not be."""
        with self._store.transaction():
            for root in photos.roots:
                self._store.add_root(root)
        clock, doing, came = _Clock(), f"{self._name}: indexing", itertools.count(1)

        def note(done: int, total: int) -> None:
            clock.note(done, total)
            self._tell(doing, next(came), len(photos.paths))

        report = Indexer(self._store, self._indexes, lambda: self._encoder, progress=note).take_up(
            photos.paths
        )
        if report.interrupted:
            raise KeyboardInterrupt
        return clock.rate, dict(report.failed + report.skipped)

    def _timed(self, asked: Sequence[Path]) -> dict[str, float]:
        """Return how many milliseconds a query with a photo's file takes, step by step: medians."""
        steps: dict[str, list[float]] = {"decode": [], "encode": [], "search": [], "all": []}
        queries = asked[: _WARM_UP + _QUERIES]
        for place, path in self._shown(queries, "timing queries"):
            with suppress(PhotoError):  # gone just now
                query = self._searcher.query(path, None)
                started = time.perf_counter()
                self._searcher.find(self._searcher.examples([query], [], None), _WISH, None)
                search = 1000 * (time.perf_counter() - started)
                took = {**query.milliseconds, "search": search}
                if place >= _WARM_UP or len(queries) <= _WARM_UP:
                    for step, milliseconds in {**took, "all": sum(took.values())}.items():
                        steps[step].append(milliseconds)
        return {step: median(times) for step, times in steps.items() if times}

    def _bytes(self) -> dict[str, float]:
        with self._indexes.lock:
            index = self._indexes.current("auto", self._encoder.dim)
            return {"embedding": 2 * self._encoder.dim, "index": index.nbytes / max(len(index), 1)}

    def _known(self, asked: Sequence[Path], ids: dict[Path, int]) -> dict[Path, tuple[float, float]]:
        """Return of photos the shares of their altered copies that find them first, and among ten."""
        found = {}
        for _, path in self._shown(asked, "searching with altered photos"):
            if answers := self._examiner.known_item(ids[path]):
                ranks = np.array([answer.rank or np.inf for answer in answers])
                found[path] = float((ranks <= 1).mean()), float((ranks <= 10).mean())
        return found

    def _kin(
        self, asked: Sequence[Path], ids: dict[Path, int]
    ) -> tuple[dict[Path, tuple[float, float]], dict[Path, float]]:
        """Return of photos the shares of their first hit and of their first 15 in their folder; by chance."""
        folders = {photo_id: str(path.parent) for path, photo_id in ids.items()}
        if len(set(folders.values())) < 2:
            return {}, {}
        allowed = set(may_ask(folders, np.array([*folders], dtype=np.int64)).tolist())
        kin, chance = {}, {}
        able = [path for path in asked if ids[path] in allowed][:_MOST_KIN]
        for _, path in self._shown(able, "searching for photos of the same folder"):
            found = precision(folders, [ids[path]], self._examiner.nearest)
            kin[path] = found.precision_at_1, found.precision_at_15
            chance[path] = found.chance
        return kin, chance

    def _shown(self, paths: Sequence[Path], doing: str) -> Iterator[tuple[int, Path]]:
        for place, path in enumerate(paths):
            yield place, path
            self._tell(f"{self._name}: {doing}", place + 1, len(paths))


# All together


def _compared(outcomes: Sequence[_Outcome], refused: dict[str, str], photos: _Photos) -> Benchmark:
    """Put together what came of all, of questions that every backbone could be asked."""
    altered = _common([outcome.known for outcome in outcomes])
    kin = _common([outcome.kin for outcome in outcomes])
    asked = [([one.known for one in outcomes], altered), ([one.kin for one in outcomes], kin)]
    # In the order of QUALITIES: of each backbone one number a photo, (backbones, photos).
    tables = [
        np.array([[found[path][column] for path in paths] for found in answers])
        for answers, paths in asked
        for column in (0, 1)
    ]
    groups = [_numbers(altered), _numbers(altered), *2 * [_numbers([path.parent for path in kin])]]
    failed = {path: reason for outcome in outcomes for path, reason in outcome.failed.items()}
    return Benchmark(
        tuple(_figures(outcome, place, tables, groups) for place, outcome in enumerate(outcomes)),
        refused,
        photos=len(photos.paths),
        collection=photos.collection,
        folders=len({path.parent for path in photos.paths}),
        altered=len(altered),
        asking=len(kin),
        chance=float(np.mean([outcomes[0].chance[path] for path in kin])) if kin else None,
        workers=min(suitable_workers(), len(photos.paths)),
        failed=(*photos.failed, *sorted(Refused(*item) for item in failed.items())),
    )


def _common(asked: Sequence[dict[Path, Any]]) -> list[Path]:
    """Return the photos that all were asked about, by path."""
    return sorted(set(asked[0]).intersection(*asked[1:])) if asked else []


def _numbers(groups: Sequence[Path]) -> np.ndarray:
    """Return which group each photo is of, (n,) integers."""
    return np.unique([str(group) for group in groups], return_inverse=True)[1]


def _figures(
    outcome: _Outcome, place: int, tables: Sequence[np.ndarray], groups: Sequence[np.ndarray]
) -> Figures:
    """Return the figures of one of the backbones, and in what others are ahead of it."""
    values: dict[str, float | None] = dict.fromkeys(QUALITIES)
    errors, behind = {}, []
    for quality, table, group in zip(QUALITIES, tables, groups, strict=True):
        if table.size:
            values[quality] = float(table[place].mean())
            errors[quality] = standard_error(table[place], group)
            if any(is_clear(other - table[place], group) for other in table):
                behind.append(quality)
    return Figures(
        outcome.name,
        outcome.identity,
        outcome.rate,
        outcome.milliseconds,
        outcome.bytes,
        values["hit_at_1"],
        values["hit_at_10"],
        values["precision_at_1"],
        values["precision_at_15"],
        errors,
        tuple(behind),
    )
