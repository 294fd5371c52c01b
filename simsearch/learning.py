"""Learning a space from kinds that the user named, and saying honestly what it gains.

Photos that it did not learn from are the measure: of the kinds that it knows, and of kinds that it was
not told of, which a space learnt from others must not spoil.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simsearch import space
from simsearch.errors import LearningError
from simsearch.space import Space, Spread

K = 15
SMALLEST_KIND = 4  # photos: one is held out, and the others must show how a kind varies
_HELD_OUT = 5  # one of so many
_ASKED = 400  # photos that ask in each split: their mean is good to two points at worst
_SPLITS = 3  # of the kinds into halves, to choose the border with
_OTHER_SPLITS = 2  # and to measure with
_BORDERS = (0.3, 0.4, 0.5, 0.6, 0.7)
_TOLERANCE = 0.005  # that other kinds may lose: half a photo in a hundred


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
    """

    before: Quality
    after: Quality
    others_before: Quality | None
    others_after: Quality | None

    @property
    def is_loss(self) -> bool:
        """Whether search is worse with it."""
        if self.after.precision_at_15 < self.before.precision_at_15:
            return True
        if self.others_before is None or self.others_after is None:
            return False
        pairs = zip(self.others_before, self.others_after, strict=True)
        return any(
            after < before - 2 * _TOLERANCE for before, after in pairs
        )  # both are measured with errors


def learn(spread: Spread, embeddings: np.ndarray, kinds: np.ndarray) -> tuple[Space, Gain]:
    """Learn a space from labelled photos, and measure what it gains.

    Where a kind begins, so that a photo of none of them is not taken for one, is chosen by learning only half
    of the kinds and looking at the others.

    Parameters
    ----------
    spread
        Of the whole library.
    embeddings
        (n, dim) float32: the labelled ones.
    kinds
        (n,) integers from 0; each comes at least :data:`SMALLEST_KIND` times.

    Raises
    ------
    LearningError
        When there are fewer than two kinds, or the photos do not differ.
    """
    count = int(kinds.max(initial=-1)) + 1
    if count < 2:
        raise LearningError("one kind cannot be told from others", "label photos of at least two kinds")
    held_out = _held_out(kinds)
    seen = Spread([embeddings[~held_out]])
    before = space.pca(seen) if seen.count >= space.PCA_FROM else Space()
    border = _border(seen, before, embeddings[~held_out], kinds[~held_out])
    trained = space.folders(seen, embeddings[~held_out], kinds[~held_out], border)
    known = [
        _quality(one.project(embeddings), kinds, np.flatnonzero(held_out), ~held_out)
        for one in (before, trained)
    ]
    others = _gain_of_others(seen, before, embeddings, kinds, border)
    return space.folders(spread, embeddings, kinds, border), Gain(known[0], known[1], *others)


def _held_out(kinds: np.ndarray) -> np.ndarray:
    """Return which photos are kept from learning, (n,) bool: the same share of every kind."""
    random = np.random.default_rng(0)
    held_out = np.zeros(len(kinds), dtype=bool)
    for kind in range(int(kinds.max()) + 1):
        photos = np.flatnonzero(kinds == kind)
        held_out[random.permutation(photos)[: max(len(photos) // _HELD_OUT, 1)]] = True
    return held_out


def _splits(kinds: np.ndarray, number: int, seed: int) -> list[np.ndarray]:
    """Return which photos are of kinds that are told, (n,) bool, for some ways of telling half of them."""
    count = int(kinds.max()) + 1
    if count < 3:  # two must be told, and one not
        return []
    random = np.random.default_rng(seed)
    told = [random.permutation(count)[: max(count // 2, 2)] for _ in range(number)]
    return [np.isin(kinds, some) for some in told]


def _border(seen: Spread, before: Space, embeddings: np.ndarray, kinds: np.ndarray) -> float:
    """Return the membership from which a photo counts as one of a kind.

    The lower it is, the better the kinds are found that were told, and the worse all others: it is the
    lowest with which others are found as well as before.
    """
    splits = _splits(kinds, _SPLITS, seed=1)
    if not splits:
        return space.USUAL_BORDER
    old = before.project(embeddings)
    parts = [_told(seen, embeddings, kinds, told, space.USUAL_BORDER).parts(embeddings) for told in splits]
    wanted = np.mean([_others(old, kinds, told) for told in splits], axis=0) - _TOLERANCE
    for border in _BORDERS:
        vectors = (some.joined(border) for some in parts)
        found = [_others(some, kinds, told) for some, told in zip(vectors, splits, strict=True)]
        if (np.mean(found, axis=0) >= wanted).all():
            return border
    return _BORDERS[-1]


def _told(seen: Spread, embeddings: np.ndarray, kinds: np.ndarray, told: np.ndarray, border: float) -> Space:
    """Return the space learnt from photos of some kinds only, (n,) bool."""
    return space.folders(seen, embeddings[told], np.unique(kinds[told], return_inverse=True)[1], border)


def _others(vectors: np.ndarray, kinds: np.ndarray, told: np.ndarray) -> Quality:
    """Measure how well photos of kinds that were not told find their own among all."""
    return _quality(vectors, kinds, np.flatnonzero(~told), np.ones(len(kinds), dtype=bool))


def _gain_of_others(
    seen: Spread, before: Space, embeddings: np.ndarray, kinds: np.ndarray, border: float
) -> tuple[Quality, Quality] | tuple[None, None]:
    """Return how well kinds that were not told are found, before and after, on average over some splits."""
    splits = _splits(kinds, _OTHER_SPLITS, seed=2)
    if not splits:
        return None, None
    old = before.project(embeddings)
    new = [_told(seen, embeddings, kinds, told, border).project(embeddings) for told in splits]
    was = np.mean([_others(old, kinds, told) for told in splits], axis=0)
    found = [_others(vectors, kinds, told) for vectors, told in zip(new, splits, strict=True)]
    return Quality(*was.tolist()), Quality(*np.mean(found, axis=0).tolist())


def _some(photos: np.ndarray) -> np.ndarray:
    """Return some of the photos, (m,) int64, evenly chosen."""
    return photos[:: -(-len(photos) // _ASKED)] if len(photos) else photos


def _quality(vectors: np.ndarray, kinds: np.ndarray, asked: np.ndarray, answers: np.ndarray) -> Quality:
    """Measure how well photos find their kind.

    Parameters
    ----------
    vectors
        (n, width) float32: search vectors.
    kinds
        (n,) integers.
    asked
        (q,) int64: the photos that ask.
    answers
        (n,) bool: the photos that may answer, the one that asks left out.
    """
    asked = _some(asked)
    gallery = np.flatnonzero(answers)
    scores = vectors[asked] @ vectors[gallery].T
    scores[asked[:, None] == gallery] = -np.inf
    first = min(K, len(gallery) - 1)
    best = np.argpartition(-scores, first, axis=1)[:, :first]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, 1), axis=1), axis=1)
    right = kinds[gallery[best]] == kinds[asked, None]
    there = np.bincount(kinds[gallery], minlength=int(kinds.max()) + 1)[kinds[asked]] - answers[asked]
    possible = np.clip(there, 1, first)
    precision = np.where(np.arange(first) < possible[:, None], right, False).sum(axis=1) / possible
    votes = np.zeros((len(asked), int(kinds.max()) + 1))
    weights = np.maximum(np.take_along_axis(scores, best, axis=1), 0)
    np.add.at(votes, (np.arange(len(asked))[:, None], kinds[gallery[best]]), weights)
    accurate = votes.argmax(axis=1) == kinds[asked]
    return Quality(float(right[:, 0].mean()), float(precision.mean()), float(accurate.mean()))
