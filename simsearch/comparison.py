"""The same query answered by every engine: how long it took, what it found, and what it missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch.index import ENGINES
from simsearch.indexes import Indexes

if TYPE_CHECKING:
    from simsearch.index.local import LocalIndex
    from simsearch.index.lsh import LshIndex

_REPEATS = 7  # of a query; their median is told
_SAME = 1e-6  # two scores so close are a tie, and either photo is right


class Answer(NamedTuple):
    """What an engine answered.

    Attributes
    ----------
    about
        How it searches, in a sentence.
    ids, scores
        Of the photos it found, best first.
    milliseconds
        Of the search alone, the query's embedding being there.
    recall
        The share of the true nearest that it found; either of two that tie is right.
    scanned, compared
        The share of all photos of which it looked at anything, and whose vectors it compared exactly.
    bytes
        Memory that the index takes.
    """

    engine: str
    about: str
    ids: list[int]
    scores: list[float]
    milliseconds: float
    recall: float
    scanned: float
    compared: float
    bytes: int


class Miss(NamedTuple):
    """One of the true nearest that LSH did not find, and why.

    Attributes
    ----------
    cosine
        Of the angle to the query as it is hashed, seen from the mean of all photos.
    probes_needed
        How many buckets would have had to be looked into; None where no number suffices. Where it is no
        more than the settings' probes, it was found, but too many others had a more similar signature.
    """

    id: int
    cosine: float
    probes_needed: int | None


def compare(
    indexes: Indexes, vector: np.ndarray, k: int, own: int | None
) -> tuple[list[Answer], list[Miss], dict[str, int]]:
    """Let every engine answer a query, an embedding (dim,) float32; say what LSH missed, and its settings.

    Where it is that of a photo of the library, its ``own`` id is left out of all answers.
    """
    with indexes.lock:
        for engine in ENGINES:  # making one may take seconds, in which photos come and go
            indexes.current(engine, len(vector))
        exact, *_ = engines = [indexes.current(engine, len(vector)) for engine in ENGINES]
        vector = indexes.projected(vector[None])[0]
        found, scores = exact.search(vector[None], min(_wanted(k, own), max(len(exact), 1)))
        others = (found[0] >= 0) & (found[0] != own)
        true_ids, truth = found[0][others][:k], scores[0][others][:k]
        answers = [_answer(index, vector, own, exact, truth) for index in engines]
        missed = _missed(true_ids, truth, answers[-1])
        lsh: LshIndex = engines[-1]  # type: ignore[assignment]
        return answers, _misses(lsh, vector, missed), lsh.settings._asdict()


def _wanted(k: int, own: int | None) -> int:
    """Return how many to look for, so that k are left without the photo that is asked with."""
    return k if own is None else k + 1


def _answer(
    index: LocalIndex, vector: np.ndarray, own: int | None, exact: LocalIndex, truth: np.ndarray
) -> Answer:
    """Let an engine find as many as there are true scores, (k,), the best first."""
    if len(truth) == 0:
        return Answer(index.engine, str(index), [], [], 0.0, 1.0, 0.0, 0.0, index.nbytes)
    k = _wanted(len(truth), own)
    found, _ = _timed(index, vector, k)  # the first search may finish building
    ids, scores = _scored(exact, vector, found[found != own][: len(truth)])
    times = [_timed(index, vector, k)[1] for _ in range(_REPEATS)]
    return Answer(
        index.engine,
        str(index),
        ids.tolist(),
        scores.tolist(),
        median(times),
        _recall(scores, truth),
        float(index.scanned(vector[None], k)[0]),
        float(index.compared(vector[None], k)[0]),
        index.nbytes,
    )


def _timed(index: LocalIndex, vector: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    """Return the ids that a search finds, (k,) int64, and the milliseconds that it takes."""
    started = time.perf_counter()
    found = index.search(vector[None], k)[0][0]
    return found, 1000 * (time.perf_counter() - started)


def _scored(exact: LocalIndex, vector: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of what was found, and true scores: an engine's own may be those of 8 bits."""
    ids = found[exact.holds(found)]
    return ids, exact.scores(vector, ids)


def _recall(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of the true nearest, (k,) scores, that are among what was found."""
    return float((scores >= truth[-1] - _SAME).sum() / len(truth))


def _missed(ids: np.ndarray, scores: np.ndarray, answer: Answer) -> np.ndarray:
    """Return which of the true nearest are not in an answer, nor others as good in their place."""
    right = sum(score >= scores[-1] - _SAME for score in answer.scores)
    ties = right - len({*answer.ids} & {*ids.tolist()})
    missed = [photo_id for photo_id in ids.tolist() if photo_id not in answer.ids]
    return np.array(missed[: max(len(missed) - ties, 0)], dtype=np.int64)


def _misses(lsh: LshIndex, vector: np.ndarray, ids: np.ndarray) -> list[Miss]:
    ids = ids[lsh.holds(ids)]
    if not len(ids):
        return []
    needed, cosines = lsh.probes_needed(vector, ids), lsh.cosines(vector, ids)
    reach = lsh.hyperplanes.reach
    each = zip(ids.tolist(), cosines.tolist(), needed.tolist(), strict=True)
    return [Miss(photo_id, cosine, probes if probes <= reach else None) for photo_id, cosine, probes in each]


class Performance(NamedTuple):
    """How an engine answered many queries.

    Attributes
    ----------
    about
        How it searches, in a sentence.
    recall
        The share of the true nearest that it found; either of two that tie is right.
    milliseconds_p50, milliseconds_p95
        Of the search alone, the query's embedding being there: half of them, and 95 of 100, took no longer.
    scanned
        The share of all photos of which it looked at anything.
    bytes
        Memory that the index takes.
    """

    engine: str
    about: str
    recall: float
    milliseconds_p50: float
    milliseconds_p95: float
    scanned: float
    bytes: int


def perform(
    indexes: Indexes, engines: Sequence[str], queries: np.ndarray, k: int, step: Callable[[str], None]
) -> list[Performance]:
    """Let engines answer queries, embeddings (q, dim) float32, at least one of them.

    What is done is told to ``step``, twice for each engine: making one may take long.
    """
    dim = queries.shape[1]
    with indexes.lock:
        for engine in engines:  # making one may take seconds, in which photos come and go
            step(f"getting {engine} ready")
            indexes.current(engine, dim)
        exact = indexes.current("exact", dim)
        vectors = indexes.projected(queries)
        truth = exact.search(vectors, min(k, max(len(exact), 1)))[1]
        performances = []
        for engine in engines:
            step(f"asking {engine}")
            performances.append(_performance(indexes.current(engine, dim), exact, vectors, truth))
        return performances


def _performance(index: LocalIndex, exact: LocalIndex, vectors: np.ndarray, truth: np.ndarray) -> Performance:
    k = truth.shape[1]
    index.search(vectors[:1], k)  # the first search may finish building
    times, recalls = [], []
    for vector, scores in zip(vectors, truth, strict=True):
        found, milliseconds = _timed(index, vector, k)
        times.append(milliseconds)
        recalls.append(_recall(_scored(exact, vector, found)[1], scores))
    p50, p95 = np.percentile(times, [50, 95]).tolist()
    scanned = float(index.scanned(vectors, k).mean())
    return Performance(
        index.engine, str(index), float(np.mean(recalls)), p50, p95, scanned, int(index.nbytes)
    )


def lsh_settings(indexes: Indexes, dim: int) -> dict[str, int]:
    """Return the settings of LSH."""
    with indexes.lock:
        lsh: LshIndex = indexes.current("lsh", dim)  # type: ignore[assignment]
        return lsh.settings._asdict()


class Similarities(NamedTuple):
    """Cosines of pairs of photos, seen from the mean of all photos, as LSH sees them.

    Attributes
    ----------
    nearest
        Of photos and their 15 nearest.
    others
        Of photos and any others.
    """

    nearest: list[float]
    others: list[float]


def similarities(indexes: Indexes, dim: int) -> Similarities:
    """Return the cosines in a sample of the library."""
    with indexes.lock:
        lsh: LshIndex = indexes.current("lsh", dim)  # type: ignore[assignment]
        nearest, others = lsh.sample_cosines()
    return Similarities(nearest.tolist(), others.tolist())


def found_curve(bits: int, tables: int, probes: int, hits: int) -> list[tuple[float, float]]:
    """Return how likely LSH with these settings finds a photo, by its cosine to the query: the S-curve."""
    from simsearch.index.hyperplanes import found_probability

    cosines = np.linspace(-0.2, 1, 41)
    found = found_probability(cosines, bits, tables, probes, hits)
    return list(zip(cosines.tolist(), found.tolist(), strict=True))
