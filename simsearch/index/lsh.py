"""Random-projection LSH: vectors in buckets by the sides of hyperplanes they lie on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from simsearch.index.column import Column
from simsearch.index.hyperplanes import Aim, Hyperplanes
from simsearch.index.local import Arrays, LocalIndex
from simsearch.index.rows import Best, Rows, Selection, checked_vectors
from simsearch.index.tables import SortedTables
from simsearch.index.tuning import K, Sample, Settings, Tuning, checked, choose, cosines, draw_sample

if TYPE_CHECKING:
    from simsearch.index.redis_tables import RedisTables

_CODES_A_WORD = 4  # uint16 codes in a uint64, of which bits are counted at once
_RERANKED = 20  # times k are ranked exactly, those whose signatures differ least, ...
_RERANKED_AT_LEAST = 500  # ... and at least so many
_MORE_PROBES = 4  # times as many, where too few were found
_SAMPLE = 100_000  # vectors that the mean is taken of
_HASHED_AT_ONCE = 16_384
_A_LEAP = 1.3  # times as many probes, while the wish is not fulfilled
_STEPS = 10  # back, at most
_A_STEP = 1.08  # times as few probes, until the wish is just fulfilled
_OUTGROWN = 4  # times as many vectors as the mean was taken of: it is taken anew


class LshIndex(LocalIndex):
    """Random-projection LSH, several tables, buckets probed in the order of how near they are to the query.

    Nothing is trained: hyperplanes are random, through the mean of the vectors.

    Parameters
    ----------
    dim
        Width of the vectors.
    settings
        The knobs.
    precision
        How vectors are kept, see :class:`Rows`.
    seed
        Of the hyperplanes.
    hyperplanes
        In place of drawing them.
    """

    engine = "lsh"

    def __init__(
        self,
        dim: int,
        settings: Settings,
        *,
        precision: str = "float32",
        seed: int = 0,
        hyperplanes: Hyperplanes | None = None,
    ) -> None:
        checked(settings)
        super().__init__(Rows(dim, precision))
        self.settings = settings
        self.hyperplanes = hyperplanes or Hyperplanes.draw(dim, settings.tables, settings.bits, seed)
        self._seed = seed
        self._centered_on = 0  # vectors, when their mean was taken
        self._settled_with = 0  # vectors, when it was last settled
        self._unlike_below = -1.0  # a cosine; see _is_unlike
        self._forget_codes()

    def _forget_codes(self) -> None:
        self._tables: SortedTables | RedisTables = SortedTables.empty(
            self.settings.tables, self.settings.bits
        )
        self._signatures = Column(_signatures(np.empty((0, self.settings.tables), dtype=np.uint16)))

    def __str__(self) -> str:
        bits, tables, probes, hits = self.settings
        met = f"met in {hits} of them" if hits > 1 else "met"
        return (
            f"random-projection LSH: {bits} bits x {tables} tables, {probes:,} buckets looked into, "
            f"and photos {met} scanned"
        )

    @property
    def nbytes(self) -> int:
        """How many bytes the index takes."""
        signatures = sum(part.nbytes for part in self._signatures.parts())
        return super().nbytes + signatures + self._tables.nbytes

    @property
    def worn(self) -> bool:
        """Whether it should be made anew: many gaps, or many more vectors than it was settled with."""
        outgrown = 0 < _OUTGROWN * self._settled_with < self._rows.count
        return super().worn or outgrown

    def share(self, address: str, library: str) -> None:
        """Move the tables to a Redis server, where other processes with the same hyperplanes share them.

        Parameters
        ----------
        address
            Such as redis://127.0.0.1:6379.
        library
            The mark of the library, which keeps it apart from others on that server.

        Raises
        ------
        StorageError
            When the server cannot be used; adding, removing and searching raise it then, too.
        """
        from simsearch.index.redis_tables import RedisTables

        hyperplanes = self.hyperplanes.center.tobytes() + self.hyperplanes.normals.tobytes()
        name = f"simsearch-{library}-{hashlib.sha256(hyperplanes).hexdigest()[:16]}"
        tables = RedisTables(address, name, self.settings.tables, self._rows)
        rows = np.flatnonzero(self._rows.live)
        tables.fill(rows, self._codes().take(rows, axis=0))
        self._tables = tables

    def _codes(self) -> np.ndarray:
        """Return the codes of all rows, (count, tables) uint16."""
        return self._signatures.whole().view(np.uint16)[:, : self.settings.tables]

    def scanned(self, vectors: np.ndarray, k: int = 15) -> np.ndarray:
        """Return the share of all vectors whose signature is compared with the query's."""
        there = min(k, len(self))
        queries = checked_vectors(vectors, self.dim)
        return np.array([self._scanned_by(query, there) if there else 0.0 for query in queries])

    def compared(self, vectors: np.ndarray, k: int) -> np.ndarray:
        """Return the share of all vectors that a search compares exactly."""
        shares = super().compared(vectors, k)
        for number, query in enumerate(checked_vectors(vectors, self.dim) if len(self) else ()):
            if self._falls_back(query, min(k, len(self))):
                shares[number] = 1
        return shares

    def _scanned_by(self, query: np.ndarray, k: int) -> float:
        rows = self._met(self.hyperplanes.aim(query), k)
        return 1.0 if rows is None or self._falls_back(query, k) else len(rows) / len(self)

    def _falls_back(self, query: np.ndarray, k: int) -> bool:
        """Tell whether a search compares all photos, because the query is unlike what it found."""
        return self._is_unlike(query, super()._best(query, k, None)[0])

    def probes_needed(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return how many buckets a query, (dim,) float32, must look into to scan each of some ids, (n,).

        Returns
        -------
        (n,) int64; more than the settings' probes for those that it misses.
        """
        vectors = self._rows.take(self._rows.located(ids))
        return self.hyperplanes.aim(query).probes_needed(self.hyperplanes.codes(vectors), self.settings.hits)

    def tune(self, wish: float, **knobs: int) -> Tuning:
        """Choose the settings that find a wished share of the nearest, 0 to 1, and take them.

        Parameters
        ----------
        knobs
            Settings that are not to be chosen, by their names.
        """
        settings = choose(self._rows, self.hyperplanes.center, wish, self._seed, **knobs)
        if settings[:2] != self.settings[:2]:
            self.hyperplanes = Hyperplanes.draw(self.dim, settings.tables, settings.bits, self._seed)
            self.settings = settings
            self._recenter()
        self.settle()
        self.settings = settings
        sample = draw_sample(self._rows, seed=self._seed + 1)
        return self.measure(sample) if "probes" in knobs else self._fewest_probes(sample, wish)

    def _fewest_probes(self, sample: Sample, wish: float) -> Tuning:
        """Take the probes near those chosen that scan least and fulfil a wish on the safe side of chance."""

        def with_probes(probes: float) -> Tuning:
            self.settings = self.settings._replace(probes=min(max(int(probes), 1), self.hyperplanes.reach))
            return self.measure(sample)

        def enough(tuning: Tuning) -> bool:
            everything = tuning.settings.probes == self.hyperplanes.reach
            return everything or tuning.recall >= min(wish + tuning.error, 1)

        best = with_probes(self.settings.probes)
        while not enough(best):
            best = with_probes(best.settings.probes * _A_LEAP + 1)
        for _ in range(_STEPS if best.settings.probes > 1 else 0):
            fewer = with_probes(best.settings.probes / _A_STEP)
            # Fewer may scan more: queries that miss much pass for unlike all, and are compared with all.
            if not enough(fewer) or fewer.scanned > best.scanned:
                break
            best = fewer
        self.settings = best.settings
        return best

    def measure(self, sample: Sample) -> Tuning:
        """Return the recall, and the share scanned, for queries whose nearest are known."""
        k = sample.nearest.shape[1]
        found = [self._rows.find(self.search(query[None], k + 1)[0][0]) for query in sample.queries]
        if not k:  # a single photo has no neighbours to miss
            return Tuning(self.settings, 1.0, 0.0, 1.0, len(sample.queries))
        hits = [np.isin(*pair).mean() for pair in zip(sample.nearest, found, strict=True)]
        error = float(np.std(hits) / np.sqrt(len(hits)))
        scanned = float(self.scanned(sample.queries, k + 1).mean())
        return Tuning(self.settings, float(np.mean(hits)), error, scanned, len(hits))

    def cosines(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the cosines of a query, (dim,) float32, and some ids, (n,) int64, seen from the centre."""
        vectors = self._rows.take(self._rows.located(ids))
        return cosines(query - self.hyperplanes.center, vectors - self.hyperplanes.center)

    def sample_cosines(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the cosines, seen from the centre, of sample photos and their nearest, and any others."""
        if not len(self):
            return np.empty(0), np.empty(0)
        sample = draw_sample(self._rows, self._seed)
        live = np.flatnonzero(self._rows.live)
        some = live[:: -(-len(live) // len(sample.rows))]
        others = self._rows.take(some) - self.hyperplanes.center
        queries = sample.queries - self.hyperplanes.center
        each = zip(sample.rows, queries, strict=True)
        shifted = [cosines(query, others[some != row]) for row, query in each]
        return sample.cosines(self._rows, self.hyperplanes.center).reshape(-1), np.concatenate(shifted)

    def settle(self) -> None:
        """Take the mean of all vectors, which came in an order that may mean something, as the centre."""
        if isinstance(self._tables, SortedTables):
            if self._rows.count > self._centered_on:
                self._recenter()
            self._tables.sort_in()
        self._settled_with = self._rows.count
        self._learn_unlike()

    def _learn_unlike(self) -> None:
        if len(self) > 1:
            sample = draw_sample(self._rows, self._seed + 2)
            self._unlike_below = sample.unlike_below(self._rows, self.hyperplanes.center)

    def _best(self, query: np.ndarray, k: int, selection: Selection | None) -> Best:
        best = super()._best(query, k, selection)
        return self._best_of_all(query, k, selection) if self._is_unlike(query, best[0]) else best

    def _is_unlike(self, query: np.ndarray, ids: np.ndarray) -> bool:
        """Tell whether a query is less like its nearest than the photos of the collection are like theirs.

        Then they are as far from each other as any two, no bucket brings them together, and what was found
        is not the nearest: all must be compared. The 8th hit of 15 tells: the last may be poor because
        some were missed, as happens to any query.
        """
        middle = self._rows.take(self._rows.find(ids[: K // 2 + 1][-1:]))[0] - self.hyperplanes.center
        return float(cosines(query - self.hyperplanes.center, middle)) < self._unlike_below

    def _empty(self) -> LshIndex:
        hyperplanes = self.hyperplanes
        return LshIndex(
            self.dim, self.settings, precision=self.precision, seed=self._seed, hyperplanes=hyperplanes
        )

    def _added(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        if self._outgrown and isinstance(self._tables, SortedTables):
            self._recenter()
            if self._settled_with:
                self._learn_unlike()
        else:
            self._enter(rows, self.hyperplanes.codes(vectors))

    def _removed(self, rows: np.ndarray) -> None:
        self._tables.remove(rows)

    @property
    def _outgrown(self) -> bool:
        """Whether the centre is the mean of so few that it should be taken anew."""
        return self._rows.count > _OUTGROWN * self._centered_on

    def _recenter(self) -> None:
        """Move the hyperplanes to the mean of all vectors, and hash all anew."""
        self._centered_on = self._rows.count
        self._forget_codes()
        if not len(self):
            return
        live = np.flatnonzero(self._rows.live)
        sample = live[:: -(-len(live) // _SAMPLE)]
        parts = np.array_split(sample, -(-len(sample) // _HASHED_AT_ONCE))
        total = np.sum([self._rows.take(part).sum(axis=0, dtype=np.float64) for part in parts], axis=0)
        self.hyperplanes = self.hyperplanes.through((total / len(sample)).astype(np.float32))
        rows = np.arange(self._rows.count)
        blocks = np.array_split(rows, -(-len(rows) // _HASHED_AT_ONCE))
        codes = [self.hyperplanes.codes(self._rows.take(block)) for block in blocks]
        self._enter(rows, np.concatenate(codes))

    def _enter(self, rows: np.ndarray, codes: np.ndarray) -> None:
        self._signatures.append(_signatures(codes))
        self._tables.add(rows, codes)

    def _candidates(self, query: np.ndarray, k: int, selection: Selection | None) -> np.ndarray | None:
        """Return what was met, the likelier of it where it is much."""
        aim = self.hyperplanes.aim(query)
        if selection:
            return self._met_among(aim, k, selection)
        rows = self._met(aim, k)
        return rows if rows is None else _likeliest(rows, self._differing(aim, rows), k)

    def _met_among(self, aim: Aim, k: int, selection: Selection) -> np.ndarray | None:
        """Return the likeliest of a selection that were met; None where its nearest may lie anywhere.

        Where one of five may answer, their nearest are farther away: five times as many buckets are looked
        into.
        """
        met = self._look(aim, int(self.settings.probes / selection.share))
        differing, allowed = self._differing(aim, met), selection.allowed.take(met)
        rows, bits = met[allowed], differing[allowed]
        if len(rows) < k:
            return None
        if selection.is_aside(k, int((differing < np.partition(bits, k - 1)[k - 1]).sum())):
            return None
        return _likeliest(rows, bits, k)

    def _differing(self, aim: Aim, rows: np.ndarray) -> np.ndarray:
        """Return in how many bits the signatures of rows, (m,), differ from the query's, (m,) uint16."""
        bits = np.bitwise_count(self._signatures.take(rows) ^ _signatures(aim.code[None]))
        differing: np.ndarray = bits[:, 0].astype(np.uint16)
        for word in bits.T[1:]:  # one by one: NumPy is slow in summing many short rows
            differing += word
        return differing

    def _met(self, aim: Aim, k: int) -> np.ndarray | None:
        """Return at least k rows in the nearest buckets, looking into more where those are few; or None."""
        probes = self.settings.probes
        while len(rows := self._look(aim, probes)) < k:
            if probes >= aim.reach:
                return None
            probes *= _MORE_PROBES
        return rows

    def _look(self, aim: Aim, probes: int) -> np.ndarray:
        """Return the rows met in enough of the nearest buckets, (m,) int64, each once and no gaps."""
        met = np.sort(self._tables.look(*aim.probes(probes)))  # much quicker than numpy.unique
        again = self.settings.hits - 1
        often = met[again:][met[again:] == met[: max(len(met) - again, 0)]]
        rows = np.concatenate([often[np.flatnonzero(np.diff(often, prepend=-1))], self._tables.recent])
        return rows[self._rows.live.take(rows)] if self._rows.has_gaps else rows

    def _content(self) -> tuple[dict[str, Any], Arrays]:
        tables = self._tables
        if not isinstance(tables, SortedTables):
            tables = SortedTables.empty(self.settings.tables, self.settings.bits)
            tables.add(np.arange(self._rows.count), self._codes())
        parameters = {
            **self.settings._asdict(),
            "seed": self._seed,
            "centered_on": self._centered_on,
            "settled_with": self._settled_with,
            "unlike_below": self._unlike_below,
        }
        arrays = {
            "normals": [self.hyperplanes.normals],
            "center": [self.hyperplanes.center],
            "signatures": self._signatures.parts(),
            **tables.arrays(),
        }
        return parameters, arrays

    @classmethod
    def _restored(cls, rows: Rows, parameters: dict[str, Any], arrays: dict[str, np.ndarray]) -> LshIndex:
        settings = Settings(*(parameters[name] for name in Settings._fields))
        hyperplanes = Hyperplanes(arrays["center"], arrays["normals"])
        index = cls(
            rows.dim,
            settings,
            precision=rows.precision,
            seed=parameters["seed"],
            hyperplanes=hyperplanes,
        )
        index._rows = rows
        index._centered_on = parameters["centered_on"]
        index._settled_with = int(parameters["settled_with"])
        index._unlike_below = float(parameters["unlike_below"])
        tables, starts = arrays["table_rows"], arrays["table_starts"]
        found = (hyperplanes.tables, hyperplanes.bits, len(arrays["signatures"]), tables.shape, starts.shape)
        expected = (
            settings.tables,
            settings.bits,
            rows.count,
            (settings.tables, rows.count),
            (settings.tables, (1 << settings.bits) + 1),
        )
        if found != expected:
            raise ValueError(f"tables, bits and counts are {found}, where {expected} belong to the settings")
        index._signatures = Column(arrays["signatures"])
        index._tables = SortedTables(tables, starts)
        return index


def _likeliest(rows: np.ndarray, differing: np.ndarray, k: int) -> np.ndarray:
    """Return those rows, (m,) int64, that are worth ranking exactly: the signatures of which differ least."""
    most = max(_RERANKED * k, _RERANKED_AT_LEAST)
    likeliest: np.ndarray = rows if len(rows) <= most else rows[np.argpartition(differing, most)[:most]]
    return likeliest


def _signatures(codes: np.ndarray) -> np.ndarray:
    """Pack codes, (n, tables) uint16, into words whose bits are counted at once, (n, words) uint64."""
    return np.pad(codes, ((0, 0), (0, -codes.shape[1] % _CODES_A_WORD))).view(np.uint64)
