"""Learning a space from kinds that the user named, and saying honestly what it gains.

Photos that it did not learn from are the measure: of the kinds that it knows, and of kinds that it was
not told of, which a space learnt from others must not spoil. They are sought among photos that nobody
labelled as well: a space can pull what it learnt from out of the crowd and leave behind what is like it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from simsearch import space
from simsearch.errors import LearningError
from simsearch.kinds import is_clear
from simsearch.space import Space, Spread

K = 15
SMALLEST_KIND = 4  # photos: one is held out, and the others must show how a kind varies
_HELD_OUT = 5  # one of so many at a time
_ASKED = 400  # photos that ask in each measurement: their mean is good to two points at worst
_SPLITS = 3  # of the kinds into halves, to choose the border with
_OTHER_SPLITS = 2  # and to measure with
_BORDERS = (0.3, 0.4, 0.5, 0.6, 0.7)
_TOLERANCE = 0.005  # that kinds may lose: half a photo in a hundred
# Precision at 1 and at 15 and accuracy that other kinds may lose. Votes of a kind that nobody told of are
# split where some of its photos pass for one that was told: where its nearest are right, that is little.
_ALLOWED = np.array([_TOLERANCE, _TOLERANCE, 4 * _TOLERANCE])
_CLEARLY = 2.5  # standard errors of a gain: one of two tries comes to that by chance one time in eighty
_STRANGERS = 0.02  # share of the photos that nobody labelled that may be taken for one of the kinds ...
_NEAR_BORDER = 0.05  # ... and is above the border or hardly below
_PERHAPS, _SURELY = 0.1, 0.5  # of a kind's photos that are less like their nearest than one that is as well


class Quality(NamedTuple):
    """How well photos find others of their kind.

    Attributes
    ----------
    precision_at_1, precision_at_15
        The share of the first, or of the first 15, that are of the photo's kind; where there are fewer
        photos of the kind, of so many.
    accuracy
        The share of photos whose kind is the one that their 15 nearest vote for, weighted by their scores.
    """

    precision_at_1: float
    precision_at_15: float
    accuracy: float


class Gain(NamedTuple):
    """What a space changes, on photos that it was not learnt from.

    Attributes
    ----------
    before, after
        Of photos of the kinds it knows.
    others_before, others_after
        Of photos of kinds that it was not told of; None where there are too few kinds to leave some out.
    asked, others_asked
        How many photos of either that was measured with.
    """

    before: Quality
    after: Quality
    others_before: Quality | None
    others_after: Quality | None
    asked: int
    others_asked: int

    @property
    def is_loss(self) -> bool:
        """Whether search is worse with it, by more than one photo of those that asked."""
        if _is_worse(self.before[:2], self.after[:2], self.asked):
            return True
        if self.others_before is None or self.others_after is None:
            return False
        allowed = np.maximum(_ALLOWED, 1 / self.others_asked)
        lost = np.subtract(self.others_before, self.others_after)
        return bool((lost > allowed + 1e-6).any())  # for rounding


def _is_worse(before: tuple[float, ...], after: tuple[float, ...], asked: int) -> bool:
    tolerance = max(_TOLERANCE, 1 / asked) + 1e-6  # for rounding
    return any(now < was - tolerance for was, now in zip(before, after, strict=True))


class _Photos(NamedTuple):
    """What is learnt from and measured with.

    Attributes
    ----------
    spread, embeddings
        Of the library; (n, dim) float32, the photos'.
    old
        (n, width) float32: their search vectors in the space that the library has without labels.
    kinds
        (n,) integers; -1 for those that nobody labelled.
    looks
        (n,) integers: the kinds, and for those that nobody labelled the one that they surely look like, or
        -1.
    """

    spread: Spread
    embeddings: np.ndarray
    old: np.ndarray
    kinds: np.ndarray
    looks: np.ndarray

    def of(self, here: np.ndarray) -> _Photos:
        """Return some of them, (n,) bool."""
        some = (array[here] for array in (self.embeddings, self.old, self.kinds, self.looks))
        return _Photos(self.spread, *some)


def learn(
    spread: Spread,
    embeddings: np.ndarray,
    kinds: np.ndarray,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Space, Gain]:
    """Learn a space from labelled photos, and measure what it gains over the one that needs no labels.

    The same is done with some of the labels and measured with the others. What is held back is the labels:
    of how the library's photos are spread, which knows none, all trials know, as the space will that is
    searched in.

    Photos that nobody labelled answer in all measurements, but do not ask. Some of them may be of the kinds;
    counted as wrong, they would be so more often before than after, when photos that were learnt from come
    first. So those that are as like a labelled photo, in the space without labels, as such photos are each
    other count as one of its kind, which favours that space, and those of which this is not sure are left
    out.

    Parameters
    ----------
    spread
        Of the whole library.
    embeddings
        (n, dim) float32: the labelled ones, and a sample of the others.
    kinds
        (n,) integers from 0, each of which comes at least :data:`SMALLEST_KIND` times; -1 for photos that
        nobody labelled.
    progress
        Called with the number of trials done and to do.

    Raises
    ------
    LearningError
        When there are fewer than two kinds, or the photos do not differ.
    """
    if int(kinds.max(initial=-1)) < 1:
        raise LearningError("one kind cannot be told from others", "label photos of at least two kinds")
    before = space.pca(spread) if spread.count >= space.PCA_FROM else Space()
    old = before.project(embeddings)
    looks, sure = _looks(old, kinds)
    photos = _Photos(*_in_main_directions(spread, embeddings), old, kinds, looks).of(sure)
    labelled = photos.kinds >= 0
    # What was held out answers as well where photos that nobody labelled look as if they were of the kinds.
    open_kinds = bool((looks != kinds).any())
    folds, splits = _folds(photos.kinds), _splits(photos.kinds, _OTHER_SPLITS, seed=2)
    trials = []
    for number, held_out in enumerate(folds):
        progress(number, len(folds) + len(splits))
        trials.append(_trial(photos, labelled & ~held_out, held_out, ~held_out | open_kinds))
    border = float(np.median([trial.border for trial in trials]))
    known = _mean(trials)
    all_of_them = np.ones(len(photos.kinds), dtype=bool)
    others = []
    for number, told in enumerate(splits, len(folds)):
        progress(number, len(folds) + len(splits))
        others.append(_trial(photos, told, labelled & ~told, all_of_them))
    learnt = space.folders(spread, embeddings[kinds >= 0], kinds[kinds >= 0], border)
    unknown = _mean(others) if others else (None, None, 0)
    return learnt, Gain(known[0], known[1], unknown[0], unknown[1], known[2], unknown[2])


def held_out(kinds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return which photos, (n,) bool, to keep from learning: the same share of every kind, or less.

    Parameters
    ----------
    kinds
        (n,) integers; -1 for photos that nobody labelled.
    groups
        (n,) integers: photos of one group, copies of each other, are kept from it together or not at all.
    """
    random = np.random.default_rng(0)
    held = np.zeros(len(kinds), dtype=bool)
    for kind in range(int(kinds.max(initial=-1)) + 1):
        own, sizes = np.unique(groups[kinds == kind], return_counts=True)
        order = random.permutation(len(own))[: len(own) - 1]  # one stays to be learnt from
        left = max(int(sizes.sum()) // _HELD_OUT, 1)
        for place in order:
            if sizes[place] <= left:
                held |= groups == own[place]
                left -= sizes[place]
    return held & (kinds >= 0)


def compare(old: np.ndarray, new: np.ndarray, kinds: np.ndarray, held_out: np.ndarray) -> tuple[Trial, Trial]:
    """Measure two sets of embeddings on photos that were not learnt from, as :func:`learn` does.

    Parameters
    ----------
    old, new
        (n, dim) and (n, other dim) float32.
    kinds
        (n,) integers from 0; -1 for photos that nobody labelled.
    held_out
        (n,) bool: labelled photos that nothing was learnt from.

    Returns
    -------
    Of either, what those found ``before`` and ``after`` the kinds of the others are learnt, photo by photo.

    Raises
    ------
    LearningError
        When there are fewer than two kinds, or the photos do not differ.
    """
    looks, sure = _looks(_plain(old).project(old), kinds)
    tried = []
    for embeddings in (old, new):
        in_main_directions = _in_main_directions(Spread([embeddings]), embeddings)
        plain = _plain(embeddings).project(embeddings)
        photos = _Photos(*in_main_directions, plain, kinds, looks).of(sure)
        asking = held_out[sure]
        answers = ~asking | bool((photos.looks != photos.kinds).any())
        tried.append(_trial(photos, (photos.kinds >= 0) & ~asking, asking, answers))
    return tried[0], tried[1]


def _plain(embeddings: np.ndarray) -> Space:
    spread = Spread([embeddings])
    return space.pca(spread) if spread.count >= space.PCA_FROM else Space()


def is_better(before: np.ndarray, after: np.ndarray, kinds: np.ndarray) -> bool:
    """Whether more of the first 15 are right, beyond chance, and the very first about as often.

    What the same photos found is compared, photo by photo, so that a gain of one point in a hundred may be
    clear. Two tries may be compared with the same, and the better one be taken.

    Parameters
    ----------
    before, after
        (q, 3) float64, as in :class:`Trial`.
    kinds
        (q,) integers: photos of one kind gain together, maybe.
    """
    lost = _is_worse(mean(before)[:1], mean(after)[:1], len(kinds))
    return not lost and is_clear(after[:, 1] - before[:, 1], kinds, _CLEARLY)


class Trial(NamedTuple):
    """What came of learning from some photos.

    Attributes
    ----------
    border
        As it was chosen.
    kinds
        (q,) integers: of the photos that asked.
    before, after
        (q, 3) float64: what each of them found, as :class:`Quality` is of all.
    """

    border: float
    kinds: np.ndarray
    before: np.ndarray
    after: np.ndarray


def _trial(photos: _Photos, told: np.ndarray, asking: np.ndarray, answers: np.ndarray) -> Trial:
    """Learn from some photos, (n,) bool, and measure with others; see :func:`_found`."""
    fitted = _fitted(photos, told).parts(photos.embeddings)
    border = _border(photos, told, fitted.membership[photos.looks < 0])
    asked = _some(np.flatnonzero(asking))
    before, after = (_found(one, photos.looks, asked, answers) for one in (photos.old, fitted.joined(border)))
    return Trial(border, photos.kinds[asked], before, after)


def mean(found: np.ndarray) -> Quality:
    """Return how well photos find their kind on average, from what each found, (q, 3) float64."""
    return Quality(*found.mean(axis=0).tolist())


def _mean(trials: list[Trial]) -> tuple[Quality, Quality, int]:
    before, after = (
        mean(np.concatenate(found))
        for found in ([trial.before for trial in trials], [trial.after for trial in trials])
    )
    return before, after, sum(len(trial.kinds) for trial in trials)


def _in_main_directions(spread: Spread, embeddings: np.ndarray) -> tuple[Spread, np.ndarray]:
    """Return both as seen in the main directions, in which all is learnt: trials take a third of the time."""
    variances, axes = spread.main_directions(min(space.BASIS, spread.count - 1))
    seen = Spread([])
    seen.count, seen.mean, seen.covariance = spread.count, np.zeros(len(variances)), np.diag(variances)
    return seen, (embeddings - spread.mean.astype(np.float32)) @ axes.astype(np.float32)


def _looks(old: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what kinds photos look like, (n,) integers, -1 for none, and of which it is sure, (n,) bool."""
    looks, sure = kinds.copy(), np.ones(len(kinds), dtype=bool)
    strangers = np.flatnonzero(kinds < 0)
    best = np.zeros(len(strangers))
    for kind in range(int(kinds.max()) + 1) if len(strangers) else ():
        own = old[_some(np.flatnonzero(kinds == kind))]
        among = own @ own.T
        np.fill_diagonal(among, -np.inf)
        least, enough = np.quantile(among.max(axis=1), (_PERHAPS, _SURELY))
        alike = (old[strangers] @ own.T).max(axis=1)
        sure[strangers[alike > least]] = False
        closer = (alike > enough) & (alike > best)
        looks[strangers[closer]], best[closer] = kind, alike[closer]
    return looks, sure | (looks >= 0)


def _folds(kinds: np.ndarray) -> list[np.ndarray]:
    """Return which photos are kept from learning, (n,) bool: the same share of every kind.

    There are several ways, each with others, where of one too few could ask.
    """
    random = np.random.default_rng(0)
    folds = [np.zeros(len(kinds), dtype=bool) for _ in range(_HELD_OUT)]
    for kind in range(int(kinds.max()) + 1):
        photos = random.permutation(np.flatnonzero(kinds == kind))
        share = max(len(photos) // _HELD_OUT, 1)
        for number, fold in enumerate(folds):
            fold[photos[number * share : (number + 1) * share]] = True
    return [fold for fold in folds[: -(-_ASKED // int(folds[0].sum()))] if fold.any()]


def _splits(kinds: np.ndarray, number: int, seed: int) -> list[np.ndarray]:
    """Return which photos are of kinds that are told, (n,) bool, for some ways of telling half of them."""
    names = np.unique(kinds[kinds >= 0])
    if len(names) < 3:  # two must be told, and one not
        return []
    random = np.random.default_rng(seed)
    told = [random.permutation(names)[: max(len(names) // 2, 2)] for _ in range(number)]
    return [np.isin(kinds, some) for some in told]


def _border(photos: _Photos, told: np.ndarray, strangers: np.ndarray) -> float:
    """Return the membership from which a photo counts as one of a kind.

    The lower it is, the better the kinds are found that were told, and the worse all others: it is the
    lowest with which others are found as well as before, and few that nobody labelled are above it.

    Parameters
    ----------
    told
        (n,) bool: the photos that are learnt from; what the other labels are is not looked at.
    strangers
        (m,) float32: the memberships of photos that nobody labelled.
    """
    few = [
        border
        for border in _BORDERS
        if not len(strangers) or (strangers > border - _NEAR_BORDER).mean() <= _STRANGERS
    ]
    some = photos.of(told | (photos.kinds < 0))
    splits = _splits(some.kinds, _SPLITS, seed=1)
    if not splits:
        return (few or _BORDERS[-1:])[0] if len(strangers) else space.USUAL_BORDER
    asked = [_some(np.flatnonzero((some.kinds >= 0) & ~split)) for split in splits]
    answers = np.ones(len(some.kinds), dtype=bool)

    def quality(vectors: Iterable[np.ndarray]) -> np.ndarray:
        found = [_quality(one, some.looks, ask, answers) for one, ask in zip(vectors, asked, strict=True)]
        mean: np.ndarray = np.mean(found, axis=0)
        return mean

    parts = [_fitted(some, split).parts(some.embeddings) for split in splits]
    wanted = quality([some.old] * len(splits)) - _ALLOWED
    for border in few:
        if (quality(part.joined(border) for part in parts) >= wanted).all():
            return border
    return _BORDERS[-1]


def _fitted(photos: _Photos, told: np.ndarray) -> Space:
    """Return the space learnt from some photos only, (n,) bool."""
    kinds = np.unique(photos.kinds[told], return_inverse=True)[1]
    return space.folders(photos.spread, photos.embeddings[told], kinds, space.USUAL_BORDER)


def _some(photos: np.ndarray) -> np.ndarray:
    """Return some of the photos, (m,) int64, evenly chosen."""
    return photos[:: -(-len(photos) // _ASKED)] if len(photos) else photos


def _quality(vectors: np.ndarray, kinds: np.ndarray, asked: np.ndarray, answers: np.ndarray) -> Quality:
    """Measure how well photos find their kind; see :func:`_found`."""
    return mean(_found(vectors, kinds, asked, answers))


def _found(vectors: np.ndarray, kinds: np.ndarray, asked: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return how well each photo finds its kind, (q, 3) float64, as :class:`Quality` tells it of all.

    Parameters
    ----------
    vectors
        (n, width) float32: search vectors.
    kinds
        (n,) integers; -1 for photos that are of none, which answer, but are never right and do not vote.
    asked
        (q,) int64: the photos that ask.
    answers
        (n,) bool: the photos that may answer, the one that asks left out.
    """
    gallery = np.flatnonzero(answers)
    scores = vectors[asked] @ vectors[gallery].T
    scores[asked[:, None] == gallery] = -np.inf
    first = min(K, len(gallery) - 1)
    best = np.argpartition(-scores, first, axis=1)[:, :first]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, 1), axis=1), axis=1)
    found, own = kinds[gallery[best]], kinds[asked]
    right = found == own[:, None]
    there = np.bincount(kinds[answers & (kinds >= 0)], minlength=int(kinds.max()) + 1)[own] - answers[asked]
    possible = np.clip(there, 1, first)
    precision = np.where(np.arange(first) < possible[:, None], right, False).sum(axis=1) / possible
    votes = np.zeros((len(asked), int(kinds.max()) + 1))
    weights = np.where(found >= 0, np.maximum(np.take_along_axis(scores, best, axis=1), 0), 0)
    np.add.at(votes, (np.arange(len(asked))[:, None], found), weights)  # those of none add nothing
    accurate = votes.argmax(axis=1) == own
    return np.column_stack([right[:, 0], precision, accurate]).astype(np.float64)
