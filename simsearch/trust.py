"""What a score means in one library, learnt from the library itself, without labels.

A score alone says little: how alike two unrelated photos are depends on what else there is. Three things
are learnt, all from cosines in the space that is searched:

- how alike two random photos are, to say how many pairs a hit is closer than;
- how alike a photo stays to itself when it is altered a little or framed otherwise: a hit as alike as that
  is near-identical, or the same scene;
- how alike to the library a picture seems that shows nothing, see ``FOILS`` in :mod:`simsearch.distortions`.
  This is the null hypothesis of a test, and is drawn, not assumed (conformal p-values: S. Bates et al.,
  "Testing for outliers with conformal p-values", 2023). Rank by rank, a query's best scores are held
  against what the foils' best scores of that rank seldom exceed, and the results end behind the last rank
  that does (a step-up test as in Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate",
  1995): one very near photo will do, and so will many that are fairly near.

Of those hits the same kind are the ones that share their neighbours with the query (R. A. Jarvis and
E. A. Patrick, "Clustering using a similarity measure based on shared near neighbors", 1973); the list is cut
where this agreement ceases.
"""

from __future__ import annotations

import json
import math
from typing import NamedTuple

import numpy as np

NEAR_IDENTICAL, SAME_SCENE, SAME_KIND, UNRELATED = WORDS = (
    "near-identical",
    "same scene",
    "same kind",
    "probably unrelated",
)

NEIGHBOURS = 20  # ranks that are looked at, of a query and of each of its hits
SAMPLE = 1_000  # photos whose pairs stand for all: half a million pairs
_LEVEL = 0.05  # the share of pictures that show nothing to which something will seem alike all the same
_FEWEST = round(1 / _LEVEL)  # photos, and foils: of fewer a 20th cannot be told
# Only a query's nearest, one of so many photos, are held against a foil's; what comes behind is the library's
# bulk. With 40, of the hits in libraries of 100 photos 4 to 9 in 100 more are wrong.
_TAIL = 60
_AGREEING = (
    3 / 8
)  # of a hit's neighbours; a half finds 14 in 100 groceries fewer, and 3 in 100 fewer are wrong
_SLIGHTLY = 0.25  # of the slightly altered photos may miss "near-identical"
_HALF = 0.5  # of the reframed photos may miss "same scene"
_SHARES = np.concatenate(
    [np.arange(99) / 100, np.arange(990, 999) / 1_000, np.arange(9_990, 10_000) / 10_000]
)


class Nearest(NamedTuple):
    """Photos near to something, or to several things.

    Attributes
    ----------
    ids
        (..., n) int64, best first, padded with -1.
    cosines
        (..., n) float32, padded with -inf.
    """

    ids: np.ndarray
    cosines: np.ndarray


class Judgement(NamedTuple):
    """What the scores of one query mean.

    Attributes
    ----------
    words
        One of ``WORDS`` for each hit; ``UNRELATED`` only behind all others.
    shares
        For each hit the share of random pairs of the library that are less alike, at least; below 1.
    meaning
        How many hits, from the first, mean something: 0 when nothing in the library is similar.
    """

    words: list[str]
    shares: list[float]
    meaning: int


class Trust(NamedTuple):
    """What was learnt of a library.

    Attributes
    ----------
    pairs
        The cosines that the shares 0, 0.01 ... 0.99, 0.991 ... 0.999, 0.9991 ... 0.9999 of random pairs do
        not exceed, ascending; so far as their number tells.
    foils
        By rank, the cosine that the best of a foil seldom exceed, descending; it holds for all ranks behind,
        too.
    near
        From here on a hit is near-identical.
    scene
        From here on it is the same scene.
    """

    pairs: tuple[float, ...]
    foils: tuple[float, ...]
    near: float
    scene: float

    def judge(self, hits: Nearest, looks: np.ndarray, lists: Nearest, nearest: Nearest) -> Judgement:
        """Say what the hits of a query mean.

        Parameters
        ----------
        hits
            (k,): in the order in which they are shown, which need not be that of their cosines.
        looks
            (k,) float: how alike they and the query look, see :meth:`simsearch.space.Space.looks`; these are
            the cosines where folders were not learnt.
        lists
            (k, n): of each hit its nearest in the library. The query is not among them where it is a photo of
            the library itself.
        nearest
            (m,): the query's nearest in the whole library, ``NEIGHBOURS`` of them however few are shown,
            since the later ones bear witness to the first.
        """
        cosines = np.asarray(hits.cosines, dtype=np.float64)
        agreement = self._agreement(cosines, lists, nearest)
        surplus = np.cumsum(agreement - _AGREEING)
        kind = int(surplus.argmax()) + 1 if len(agreement) and surplus.max() >= 0 else 0
        # A copy needs no witnesses, nor does the same scene where anything stands out at all.
        surely = looks >= (self.scene if agreement.any() else self.near)
        meaning = max(kind, int((surely * np.arange(1, len(cosines) + 1)).max(initial=0)))
        words = [
            NEAR_IDENTICAL if look >= self.near else SAME_SCENE if look >= self.scene else SAME_KIND
            for look in looks[:meaning].tolist()
        ]
        return Judgement(words + [UNRELATED] * (len(cosines) - meaning), self.shares(cosines), meaning)

    def shares(self, scores: np.ndarray) -> list[float]:
        """Return for each cosine the share of random pairs that are less alike, at least."""
        beaten = np.searchsorted(self.pairs, np.asarray(scores, dtype=np.float64))
        known = np.concatenate([[0.0], _SHARES])  # as alike as the least alike pair: it beats none
        shares: list[float] = known[beaten].tolist()
        return shares

    def _agreement(self, cosines: np.ndarray, lists: Nearest, nearest: Nearest) -> np.ndarray:
        """Return which share of each hit's neighbours that stand out are the query's, too, (k,) float64."""
        standing = int(self._standing_out(nearest.cosines[None])[0])
        if not standing:
            return np.zeros(len(cosines))
        each = self._standing_out(lists.cosines)
        counted = np.arange(lists.cosines.shape[1]) < each[:, None]
        shared = (np.isin(lists.ids, nearest.ids[:standing]) & counted).sum(axis=1)
        # The query would be among its neighbours: nearer than the last, or the first.
        last = np.where(counted, lists.cosines, np.inf).min(axis=1, initial=np.inf)
        mutual = (cosines > last) | (each == 0)
        agreement = (shared + mutual) / np.maximum(each, 1)
        # Of whom the graph knows nothing yet nobody bears witness, neither for nor against.
        agreement = np.where((lists.ids >= 0).any(axis=1), agreement, _AGREEING)
        # However many neighbours they share: what is no nearer than a foil's twentieth is not near.
        alone: np.ndarray = np.where(cosines > self.foils[-1], agreement, 0.0)
        return alone

    def _standing_out(self, cosines: np.ndarray) -> np.ndarray:
        """Return of lists of nearest, (m, k), how many, from the first, stand out from foils', (m,) int."""
        ranks = cosines.shape[1]
        seldom = np.array(self.foils + self.foils[-1:] * max(ranks - len(self.foils), 0))[:ranks]
        counts: np.ndarray = ((cosines > seldom) * np.arange(1, ranks + 1)).max(axis=1, initial=0)
        return counts

    def to_json(self) -> str:
        """Write it down as a JSON object."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> Trust:
        """Read what :meth:`to_json` wrote; raise ValueError for anything else."""
        try:
            fields = json.loads(text)
            if sorted(fields) != sorted(cls._fields):
                raise ValueError("other fields")
            pairs, foils = (tuple(map(_cosine, fields[name])) for name in ("pairs", "foils"))
            trust = cls(pairs, foils, _cosine(fields["near"]), _cosine(fields["scene"]))
        except (RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"not what was learnt of a library ({error}): {text:.80}") from error
        if not 1 <= len(pairs) <= len(_SHARES) or not 1 <= len(foils) <= NEIGHBOURS:
            raise ValueError(f"too many or too few cosines: {text:.80}")
        if (
            list(pairs) != sorted(pairs)
            or list(foils) != sorted(foils, reverse=True)
            or trust.scene > trust.near
        ):
            raise ValueError(f"cosines out of order: {text:.80}")
        return trust


def learn(
    sample: np.ndarray, count: int, foils: np.ndarray, slight: np.ndarray, reframed: np.ndarray
) -> Trust | None:
    """Learn what scores mean; None where too little is known to tell.

    Parameters
    ----------
    sample
        (n, dim) float32, of unit length or zero: vectors of photos drawn at random, up to ``SAMPLE``.
    count
        How many photos the library has.
    foils
        (f, k) float: of each foil the best scores in the library, best first, about ``NEIGHBOURS``; the
        photo it was made of is left out. Foils of a hundred photos will do.
    slight
        (s,) float: the cosines of photos and their slightly altered selves.
    reframed
        (r,) float: the cosines of photos and what is left of them in another frame.

    Raises
    ------
    ValueError
        When there is a NaN among them.
    """
    foils = foils[:, : min(max(count // _TAIL, 1), NEIGHBOURS)]
    if min(count, len(sample), len(foils)) < _FEWEST or not (
        foils.shape[1] and len(slight) and len(reframed)
    ):
        return None
    pairs = _pairs(sample)
    if np.isnan(np.concatenate([pairs, foils.ravel(), slight, reframed])).any():
        raise ValueError("there is a NaN among the cosines")
    known = _SHARES[: np.searchsorted(_SHARES, 1 - 1 / len(pairs), side="right")]
    near = float(np.quantile(slight, _SLIGHTLY))
    scene = min(near, float(np.quantile(reframed, _HALF)))
    if near <= np.median(foils[:, 0]):  # altered photos are no more like themselves than what shows nothing
        return None
    return Trust(
        tuple(_cosine(cosine) for cosine in np.quantile(pairs, known, method="higher").tolist()),
        tuple(_cosine(cosine) for cosine in _seldom(foils).tolist()),
        _cosine(near),
        _cosine(scene),
    )


def _pairs(vectors: np.ndarray) -> np.ndarray:
    """Return the cosines of all pairs of vectors, (n, dim), once each, (n * (n - 1) / 2,)."""
    cosines: np.ndarray = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return cosines


def _seldom(foils: np.ndarray) -> np.ndarray:
    """Return by rank what scores of foils, (f, k), seldom exceed at any rank, (k,), descending.

    The same share of the foils is let through at every rank, so small that no more than the level are let
    through at any rank.
    """
    ordered = np.sort(foils, axis=0)
    places = [np.searchsorted(column, scores) for column, scores in zip(ordered.T, foils.T, strict=True)]
    furthest = np.sort(np.max(places, axis=0))
    place = furthest[min(math.ceil((1 - _LEVEL) * (len(foils) + 1)), len(foils)) - 1]
    return np.minimum.accumulate(ordered[place])


def _cosine(value: object) -> float:
    """Return a number as a cosine; raise ValueError where it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1.01 <= value <= 1.01:
        raise ValueError("not a cosine")
    return float(min(max(value, -1.0), 1.0))
