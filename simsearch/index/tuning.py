"""Settings of an LSH index from a wish: the share of the true nearest that it is to find."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from simsearch.index.hyperplanes import MAX_BITS, Hyperplanes, reach_of
from simsearch.index.rows import Rows

K = 15  # the nearest that are to be found
_QUERIES = 200  # of the collection's own vectors; their mean recall is good to about a hundredth
_OTHERS = 1_000  # vectors that stand for all, to see how many are looked at ...
_OTHERS_QUERIES = 50  # ... by so many of the queries
_UNLIKE = 0.02  # of the photos may be unlike all others; comparing them with all costs so much on average
_TABLES = (16, 24, 32)
_TABLES_FOR_FEW = (*_TABLES, 48)  # a table takes 6 bytes a photo, which matters where photos are many
_FEW = 100_000
MAX_TABLES = 256  # of 16 bits: more than any collection needs
_HITS = (1, 2, 3, 4, 6, 9, 12)
# Seconds, on one core, where the collection is larger than the processor's caches.
_AN_ENTRY = 12e-9  # to read a photo's number in a bucket and count it
_A_SCAN = 25e-9  # to compare a signature
_A_PROBE = 60e-9  # to choose a bucket
_UNNOTICED = 5e-4  # nobody notices so much; of settings as quick as that, the one that scans least


class Settings(NamedTuple):
    """The knobs of an LSH index.

    Attributes
    ----------
    bits
        Hyperplanes a table, 1 to 16. More make smaller buckets.
    tables
        1 to 256. More find more, and take 6 bytes a photo each.
    probes
        Buckets a query looks into, over all tables together. More find more, and scan more.
    hits
        Tables in which a photo must be met to be scanned (collision counting: Gan et al., "Locality-
        sensitive hashing scheme based on dynamic collision counting", SIGMOD 2012). More scan less, and
        need more probes.
    """

    bits: int
    tables: int
    probes: int
    hits: int = 1


class Tuning(NamedTuple):
    """Settings, and what was measured with them on queries that they were not chosen by.

    Attributes
    ----------
    settings
        The knobs.
    recall
        The share of the 15 nearest that was found.
    error
        Its standard error, as another sample of photos would ask for other neighbours.
    scanned
        The share of the collection whose signature was compared.
    queries
        How many asked.
    """

    settings: Settings
    recall: float
    error: float
    scanned: float
    queries: int


class Sample(NamedTuple):
    """Vectors of a collection that ask for their nearest.

    Attributes
    ----------
    rows
        (q,) int64: those of the queries.
    queries
        (q, dim) float32.
    nearest
        (q, k) int64: the rows of the nearest, without the query itself.
    """

    rows: np.ndarray
    queries: np.ndarray
    nearest: np.ndarray

    def cosines(self, rows: Rows, center: np.ndarray) -> np.ndarray:
        """Return the cosines of the queries and their nearest, seen from a centre, (q, k) float32."""
        nearest = rows.take(self.nearest.reshape(-1)).reshape(*self.nearest.shape, rows.dim)
        return cosines(self.queries[:, None] - center, nearest - center)

    def unlike_below(self, rows: Rows, center: np.ndarray) -> float:
        """Return the cosine that all but a few queries have with all their nearest, seen from a centre."""
        return float(np.quantile(self.cosines(rows, center).min(axis=1), _UNLIKE))


def draw_sample(rows: Rows, seed: int) -> Sample:
    """Draw queries from a collection and find their nearest by comparing with every vector."""
    live = np.flatnonzero(rows.live)
    if not len(live):
        return Sample(live, np.empty((0, rows.dim), dtype=np.float32), live.reshape(0, 0))
    chosen = np.random.default_rng(seed).choice(live, min(_QUERIES, len(live)), replace=False)
    queries = rows.take(chosen)
    nearest = rows.nearest(queries, min(K + 1, len(live)))
    itself = nearest == chosen[:, None]
    # A copy may have taken the query's place among them; then any other will do for it.
    itself[:, -1] |= ~itself.any(axis=1)
    return Sample(chosen, queries, nearest[~itself].reshape(len(chosen), -1))


def choose(rows: Rows, center: np.ndarray, wish: float, seed: int, **knobs: int) -> Settings:
    """Choose settings with which a recall is reached, scanning few vectors in little time.

    No table is built for it. Whether a query meets a vector with so many probes depends on the two and on
    the hyperplanes alone. So a sample of queries with their nearest tells how many probes are needed, and
    a sample of the collection what else is met on the way.

    Parameters
    ----------
    rows
        The collection.
    center
        (dim,) float32: where the hyperplanes are to pass through.
    wish
        The recall, from 0 to 1.
    seed
        Of the hyperplanes.
    knobs
        Settings that are not to be chosen, by their names.
    """
    if len(rows) < 2:
        return checked(usual(len(rows))._replace(**knobs))
    sample = draw_sample(rows, seed)
    # Those that are unlike all others are compared with all, see LshIndex: the wish is for the rest.
    alike = sample.cosines(rows, center).min(axis=1) >= sample.unlike_below(rows, center)
    wish = min(max(wish - (~alike).mean(), 0) / alike.mean(), 1.0)
    queries, nearest = sample.queries[alike], rows.take(sample.nearest[alike].reshape(-1))
    others = rows.take(np.linspace(0, rows.count - 1, min(_OTHERS, rows.count)).astype(np.int64))
    found = []
    all_bits, all_tables = _to_try(len(rows), knobs)
    for bits, tables in product(all_bits, all_tables):
        planes = Hyperplanes.draw(rows.dim, tables, bits, seed).through(center)
        trial = _Trial(planes, queries, nearest, others, len(rows))
        for hits in [knobs["hits"]] if "hits" in knobs else _HITS:
            if hits <= tables and knobs.get("probes", 1) <= planes.reach:
                found.append(trial.outcome(hits, wish, knobs.get("probes")))
    if not found:  # then it is the largest that was tried that does not suffice
        checked(Settings(max(all_bits), max(all_tables), 1)._replace(**knobs))
    return _best(found, wish)


class _Outcome(NamedTuple):
    settings: Settings
    recall: float
    seconds: float
    scanned: float


def _best(found: list[_Outcome], wish: float) -> Settings:
    """Return the settings that scan least of those that are quick and fulfil the wish."""
    most = max(outcome.recall for outcome in found)
    good = [outcome for outcome in found if outcome.recall >= min(wish, most)]
    quickest = min(outcome.seconds for outcome in good)
    quick = [outcome for outcome in good if outcome.seconds < quickest + _UNNOTICED]
    return min(quick, key=lambda outcome: outcome.scanned).settings


class _Trial:
    """What queries would meet with some hyperplanes."""

    def __init__(
        self, planes: Hyperplanes, queries: np.ndarray, nearest: np.ndarray, others: np.ndarray, count: int
    ) -> None:
        self._planes = planes
        self._count = count
        self._aims = [planes.aim(query) for query in queries]
        codes = planes.codes(nearest).reshape(len(queries), -1, planes.tables)
        each = zip(self._aims, codes, strict=True)
        # (queries, k, tables) and (some queries, others, tables): what it costs to get there.
        self._to_nearest = np.sort([aim.crossing_costs(of_one) for aim, of_one in each], axis=2)
        met = planes.codes(others)
        self._to_others = np.array([aim.crossing_costs(met) for aim in self._aims[:_OTHERS_QUERIES]])

    def outcome(self, hits: int, wish: float, probes: int | None) -> _Outcome:
        """Return what so many hits come to, with given probes or with the fewest that fulfil the wish."""
        planes = self._planes
        checked(Settings(planes.bits, planes.tables, 1 if probes is None else probes, hits))
        each = zip(self._aims, self._to_nearest[:, :, hits - 1], strict=True)
        needed = np.array([aim.probes_within(costs) for aim, costs in each])
        if probes is None:
            probes = int(min(np.quantile(needed, wish, method="higher"), planes.reach))
        dearest = [aim.dearest(probes) for aim in self._aims[:_OTHERS_QUERIES]]
        met = (self._to_others <= np.reshape(dearest, (-1, 1, 1))).sum(axis=2)
        scanned = float((met >= hits).mean())
        seconds = self._count * (met.mean() * _AN_ENTRY + scanned * _A_SCAN) + probes * _A_PROBE
        settings = Settings(planes.bits, planes.tables, probes, hits)
        return _Outcome(settings, float((needed <= probes).mean()), float(seconds), scanned)


def checked(settings: Settings) -> Settings:
    """Return settings that make sense.

    Raises
    ------
    ValueError
        When a knob cannot be turned so far.
    """
    bits, tables, probes, hits = settings
    reach = reach_of(tables, bits) if 1 <= bits <= MAX_BITS else 0
    for name, value, most in (
        ("bits", bits, MAX_BITS),
        ("tables", tables, MAX_TABLES),
        ("hits", hits, tables),
        ("probes", probes, reach),
    ):
        if not 1 <= value <= most:
            raise ValueError(f"{name} must be from 1 to {most:,}, not {value:,}")
    return settings


def usual(count: int) -> Settings:
    """Return settings that will do for a number of vectors."""
    bits = _bits_to_try(count)[-1]
    return Settings(bits, tables=16, probes=max((1 << bits) // 64, 64))


def _to_try(count: int, knobs: dict[str, int]) -> tuple[list[int], list[int]]:
    """Return the bits and the tables to try for a number of vectors."""
    for name in knobs.keys() & {"bits", "tables"}:
        checked(Settings(8, 8, 8)._replace(**{name: knobs[name]}))
    bits = [knobs["bits"]] if "bits" in knobs else _bits_to_try(count)
    tables = [knobs["tables"]] if "tables" in knobs else [*(_TABLES_FOR_FEW if count < _FEW else _TABLES)]
    return bits, tables


def _bits_to_try(count: int) -> list[int]:
    """Return numbers of bits that put 2, 8 or 32 vectors into a bucket, about."""
    return sorted({int(min(max(np.log2(max(count, 1) / size), 4), MAX_BITS)) for size in (2, 8, 32)})


def cosines(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the cosines of vectors, (..., dim), and others, (..., dim), as far as their shapes match."""
    lengths = np.linalg.norm(some, axis=-1) * np.linalg.norm(others, axis=-1)
    products = np.einsum("...i,...i->...", some, others)
    quotients: np.ndarray = products / np.maximum(lengths, np.finfo(np.float32).tiny)
    return quotients
