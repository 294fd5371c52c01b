"""The self-exam: how well a library is searched, measured on its own photos.

A known item (as in the evaluation of search engines) is a photo that somebody looks for with an altered
copy of it: there is one right answer, so that nobody need judge. The copies are made of thumbnails, which
are there even when a disk is not. They go the whole way of a user's search.

Calibration learns from altered photos, too; the exam takes others, wherever there are enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simsearch import lessons
from simsearch.among import Among
from simsearch.calibration import altered
from simsearch.comparison import perform
from simsearch.distortions import DISTORTIONS, FOILS
from simsearch.errors import LibraryError
from simsearch.index.rows import usable
from simsearch.indexes import Indexes
from simsearch.kinds import K, Precision, may_ask, precision, short_names
from simsearch.ranking import Examples, Found, Ranker, Wish
from simsearch.store import Store
from simsearch.trust import NEAR_IDENTICAL, SAME_SCENE, UNRELATED

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

SAMPLE = 100  # photos: in ten seconds, what is found of 100 can be told to within a few
_ENGINE_QUERIES = 200  # the 95th percentile is the tenth slowest
_MORE_OF_KINDS = 10  # times as many photos ask for their kind: their embeddings are there
_WISH = Wish(K, "auto", True, 0.0, False)  # as a user's search is by default
_NOBODY = np.array([], dtype=np.int64)

Progress = Callable[[str, int, int], None]
"""Called with what is done just now, and how much of it is done and to do."""


class Answer(NamedTuple):
    """What came of searching for a known photo.

    Attributes
    ----------
    rank
        Of the photo or an exact copy, from 1; None where it is not among the first ``K``.
    word
        What it is called there, one of ``trust.WORDS``; None where it is not found, or that is not known.
    """

    rank: int | None
    word: str | None


class Examiner:
    """Examines one library.

    Parameters
    ----------
    progress
        Called as things get done.
    """

    def __init__(self, store: Store, indexes: Indexes, encoder: Encoder, progress: Progress) -> None:
        self._store = store
        self._indexes = indexes
        self._encoder = encoder
        self._progress = progress
        self._ranker = Ranker(store, indexes)

    def examine(self, sample: int, engines: Sequence[str]) -> dict[str, Any]:
        """Examine the library; see :meth:`simsearch.Library.exam`."""
        started = time.perf_counter()
        photos = self._photos()
        asked = photos[:sample]
        answers, foils, queries = self._known_items(asked)
        each = zip(*answers, strict=True)
        return {
            "library": str(self._store.path.parent),
            "photos": len(photos),
            "asked": len(answers),
            "skipped": len(asked) - len(answers),
            "engine": self._indexes.chosen("auto"),
            "distortions": [
                {"distortion": name, **figures(some)} for name, some in zip(DISTORTIONS, each, strict=True)
            ],
            "overall": figures([answer for some in answers for answer in some]),
            "foils": [{"foil": name, **_foil_figures(foils[name])} for name in FOILS],
            "engines": self._engines(engines, queries),
            "kinds": self._kinds(photos, _MORE_OF_KINDS * sample),
            "seconds": time.perf_counter() - started,
        }

    def _photos(self) -> np.ndarray:
        """Return all photos, (n,) int64, those last that calibration learns from: the same every time."""
        return self._store.some_ids(self._store.counts()["photos"])[::-1]

    def _shown(self, photos: Iterable[int], doing: str, total: int) -> Iterator[int]:
        for done, photo_id in enumerate(photos):
            self._progress(doing, done, total)
            yield photo_id
        if total:
            self._progress(doing, total, total)

    # Known items

    def _known_items(
        self, photos: np.ndarray
    ) -> tuple[list[list[Answer]], dict[str, list[list[Found]]], np.ndarray]:
        """Search with altered photos, (n,) int64.

        Returns
        -------
        The answers to each photo that could be altered, by distortion; what answered the foils; and some of
        the queries, (q, dim) float32.

        Raises
        ------
        LibraryError
            When none could be altered.
        """
        answers, kept = [], []
        foils: dict[str, list[list[Found]]] = {name: [] for name in FOILS}
        random, a_photo = np.random.default_rng(0), -(-_ENGINE_QUERIES // max(len(photos), 1))
        for photo_id in self._shown(photos.tolist(), "searching with altered photos", len(photos)):
            made = self._altered(photo_id)
            if made is None:
                continue
            answers.append(self._answers(photo_id, made))
            kept.append(random.permutation(made)[:a_photo])
            shown = altered(self._store, photo_id, self._encoder, FOILS)
            own = np.array(self._store.copies(photo_id))
            for name, embedding in zip(foils, [] if shown is None else shown, strict=False):
                # What shows nothing of a photo is like it all the same: it is of its colours.
                foils[name].append(self._find(embedding, without=own))
        if not answers:
            reason = f"none of the {len(photos):,} photos asked for has a sound embedding and thumbnail"
            raise LibraryError(self._store.path.parent, reason, "run: simsearch doctor --repair")
        return answers, foils, np.concatenate(kept)[:_ENGINE_QUERIES]

    def known_item(self, photo_id: int) -> list[Answer] | None:
        """Search with a photo altered in each way; None where it cannot be altered, or is not searched."""
        made = self._altered(photo_id)
        return None if made is None else self._answers(photo_id, made)

    def _altered(self, photo_id: int) -> np.ndarray | None:
        """Return the embeddings, (ways, dim) float32, of a photo that is searched, altered in each way."""
        made = altered(self._store, photo_id, self._encoder, DISTORTIONS)
        return made if made is not None and self._is_searchable(photo_id) else None

    def _answers(self, photo_id: int, made: np.ndarray) -> list[Answer]:
        own = self._store.copies(photo_id)
        return [_answer(self._find(embedding), own) for embedding in made]

    def _is_searchable(self, photo_id: int) -> bool:
        with self._indexes.lock:
            index = self._indexes.current("auto", self._encoder.dim)
            return bool(index.holds(np.array([photo_id]))[0])

    def _find(
        self, embedding: np.ndarray, without: np.ndarray = _NOBODY, among: np.ndarray | None = None
    ) -> list[Found]:
        dislikes = np.empty((0, len(embedding)), dtype=np.float32)
        return self._ranker.find(
            Examples(embedding[None], dislikes, without), _WISH, None if among is None else Among(among)
        )

    # Engines

    def _engines(self, engines: Sequence[str], queries: np.ndarray) -> list[dict[str, Any]]:
        steps, done = 2 * len(engines), count()

        def step(doing: str) -> None:
            self._progress(f"comparing engines: {doing}", next(done), steps)

        performances = perform(self._indexes, engines, queries, K, step)
        return [performance._asdict() for performance in performances]

    # Kinds

    def _kinds(self, photos: np.ndarray, most: int) -> dict[str, Any]:
        """Measure how well photos, (n,) int64 in the order in which they ask, find their kind."""
        labels = self._store.labels()
        kinds = labels or self._short_folders()
        asked = [one for one in may_ask(kinds, photos)[:most].tolist() if self._is_searchable(one)]
        among = np.array([*kinds]) if len(kinds) < len(photos) else None

        by = "labels" if labels else "folders"
        doing = f"searching for photos of the same {by}"
        shown = self._shown(asked, doing, len(asked))
        found = precision(kinds, shown, lambda photo_id: self.nearest(photo_id, among))
        return {
            "by": by,
            "said": _said(by, len(set(kinds.values())), found) + self._taught(),
            **found._asdict(),
            # Labels are the user's own words: whatever comes of them is told.
            "each": [kind._asdict() for kind in found.each] if labels or found.clear else [],
        }

    def nearest(self, photo_id: int, among: np.ndarray | None = None) -> list[int]:
        """Return the ids of the photos that a search finds with a photo, without itself.

        Parameters
        ----------
        among
            (n,) int64: ids of the photos that alone may answer; None stands for all.
        """
        embedding = self._store.vector(photo_id)
        if embedding is None or not usable(embedding[None])[0]:  # damaged just now
            return []
        return [found.id for found in self._find(embedding, np.array([photo_id]), among)]

    def _taught(self) -> str:
        """Say so where photos are examined on what they were taught."""
        if lessons.last(self._store)["lesson"] != "folders":
            return ""
        return (
            " The library was taught with these very photos: what that gains on others, simsearch learn says."
        )

    def _short_folders(self) -> dict[int, str]:
        folders = self._store.folders()
        names = short_names(set(folders.values()))
        return {photo_id: names[folder] for photo_id, folder in folders.items()}


def _answer(hits: Sequence[Found], own: Sequence[int]) -> Answer:
    """Say where among hits a photo is, known by the ids of itself and its copies."""
    for rank, hit in enumerate(hits, start=1):
        if hit.id in own:
            return Answer(rank, hit.trust)
    return Answer(None, None)


def figures(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the figures of some searches for known photos; see :meth:`simsearch.Library.exam`."""
    ranks = np.array([answer.rank or np.inf for answer in answers])
    words = [answer.word for answer in answers]
    known = any(words)
    return {
        "asked": len(answers),
        "hit_at_1": float((ranks <= 1).mean()),
        "hit_at_10": float((ranks <= 10).mean()),
        "mean_reciprocal_rank": float((1 / ranks).mean()),
        "near_identical": words.count(NEAR_IDENTICAL) / len(words) if known else None,
        "same_scene": words.count(SAME_SCENE) / len(words) if known else None,
    }


def _foil_figures(answered: Sequence[Sequence[Found]]) -> dict[str, Any]:
    """Return how many of some searches found nothing similar; None where that is not known."""
    nothing = [all(hit.trust == UNRELATED for hit in hits) for hits in answered]
    known = any(hit.trust for hits in answered for hit in hits)
    return {"asked": len(nothing), "nothing_similar": sum(nothing) / len(nothing) if known else None}


def _said(by: str, kinds: int, found: Precision) -> str:
    """Say in a sentence whether kinds mean something."""
    one, have = by.removesuffix("s"), "lie in" if by == "folders" else "have"
    if kinds == 1:
        return f"All photos {have} one {one}, which tells nothing."
    if not found.asked:
        return f"No {one} has two photos, so the {by} tell nothing."
    means = "mean something" if found.clear else "tell little of what photos show"
    return (
        f"The {by} {means} here: of a photo's first {K} hits {found.precision_at_15:.0%} {have} its {one}, "
        f"where chance would give {found.chance:.0%}."
    )
