"""Random hyperplanes: the sides of them a vector lies on are the bits of its code, one code a table.

Two vectors at the angle a lie on the same side of a random hyperplane through the origin with the
probability 1 - a / pi (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002).
Hyperplanes that are orthogonal to each other tell more than independent ones (Ji et al., "Super-bit
locality-sensitive hashing", NIPS 2012). A query that lies close to a hyperplane may have its neighbours on
the other side, so buckets are probed in the order of the squared distances to the hyperplanes that have to
be crossed (Lv et al., "Multi-probe LSH", VLDB 2007), here over all tables together.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

MAX_BITS = 16  # a code is a uint16
_WEAK_BITS = 10  # of a code's bits, those nearest to the query that may be crossed: 1,024 buckets a table
_OUT_OF_REACH = np.float32(1e6)  # far above the squares of distances between unit vectors
_STREAM = 0x4C5348  # so that vectors somebody draws with the same seed are not our hyperplanes
_PAIRS = 400  # drawn for a probability; its error is at most a fortieth
_ROUNDING = np.float32(1 + 1e-5)
_VECTORS_AT_ONCE = 16_384
_CROSSINGS = (np.arange(1 << _WEAK_BITS)[:, None] >> np.arange(_WEAK_BITS) & 1).astype(np.float32)


class Hyperplanes:
    """Hyperplanes through a centre.

    Parameters
    ----------
    center
        (dim,) float32: the mean of what is hashed. Embeddings of unrelated photos share a mean; seen from
        the origin they lie close together, and on the same side of most hyperplanes.
    normals
        (tables, bits, dim) float32 of unit length.
    """

    def __init__(self, center: np.ndarray, normals: np.ndarray) -> None:
        self.center = center
        self.normals = normals
        self.tables, self.bits, self.dim = normals.shape
        _check_bits(self.bits)

    @property
    def reach(self) -> int:
        """How many buckets can be probed, over all tables."""
        return reach_of(self.tables, self.bits)

    @classmethod
    def draw(cls, dim: int, tables: int, bits: int, seed: int) -> Hyperplanes:
        """Draw hyperplanes through the origin at random, orthogonal in blocks of dim."""
        _check_bits(bits)
        rng = np.random.default_rng([_STREAM, seed])
        count = tables * bits
        blocks = [_orthonormal(rng, min(dim, count - start), dim) for start in range(0, count, dim)]
        normals = np.concatenate(blocks).reshape(tables, bits, dim)
        return cls(np.zeros(dim, dtype=np.float32), normals.astype(np.float32))

    def through(self, center: np.ndarray) -> Hyperplanes:
        """Return the same hyperplanes through another centre, (dim,) float32."""
        return Hyperplanes(center, self.normals)

    def codes(self, vectors: np.ndarray) -> np.ndarray:
        """Return the codes of vectors, (n, dim) float32, as (n, tables) uint16; bit 0 is the first normal."""
        codes = np.empty((len(vectors), self.tables), dtype=np.uint16)
        for start in range(0, len(vectors), _VECTORS_AT_ONCE):
            block = vectors[start : start + _VECTORS_AT_ONCE] - self.center
            sides = block @ self.normals.reshape(-1, self.dim).T > 0
            packed = np.packbits(sides.reshape(-1, self.tables, self.bits), axis=2, bitorder="little")
            place = codes[start : start + len(block)]
            place[:] = packed[:, :, 0]
            if self.bits > 8:
                place |= packed[:, :, 1].astype(np.uint16) << 8
        return codes

    def aim(self, query: np.ndarray) -> Aim:
        """Return where a query, (dim,) float32, lies among the hyperplanes."""
        return Aim(self.normals @ (query - self.center))


class Aim:
    """Where a query lies among the hyperplanes, and so which buckets to look into first.

    Parameters
    ----------
    distances
        (tables, bits) float32: of the query to each hyperplane, negative on the other side.

    Attributes
    ----------
    code
        (tables,) uint16: the query's own buckets.
    """

    def __init__(self, distances: np.ndarray) -> None:
        tables, bits = distances.shape
        weak = min(bits, _WEAK_BITS)
        self.code = ((distances > 0) @ (1 << np.arange(bits))).astype(np.uint16)
        self._squares = distances * distances
        self._weak = np.argpartition(self._squares, weak - 1, axis=1)[:, :weak]
        crossings = _CROSSINGS[: 1 << weak, :weak]
        # (tables, 2 ** weak): what each bucket within reach costs.
        self._costs = np.take_along_axis(self._squares, self._weak, axis=1) @ crossings.T
        self._masks = (1 << self._weak).astype(np.float32) @ crossings.T  # whole numbers, all exact

    @property
    def reach(self) -> int:
        """How many buckets can be probed, over all tables."""
        return self._costs.size

    def probes(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the cheapest buckets over all tables: their tables and codes, each (count,) int64."""
        costs = self._costs.ravel()
        best = np.argpartition(costs, count - 1)[:count] if count < len(costs) else np.arange(len(costs))
        tables = best // self._costs.shape[1]
        return tables, self.code[tables] ^ self._masks.ravel()[best].astype(np.int64)

    def probes_needed(self, codes: np.ndarray, hits: int = 1) -> np.ndarray:
        """Return how many probes it takes until each of some codes is met in so many tables.

        Parameters
        ----------
        codes
            (m, tables) uint16.

        Returns
        -------
        (m,) int64; :attr:`reach` + 1 where even all do not suffice.
        """
        return self.probes_within(np.sort(self.crossing_costs(codes), axis=1)[:, hits - 1])

    def crossing_costs(self, codes: np.ndarray) -> np.ndarray:
        """Return what it costs to get to the buckets of codes, (m, tables), as (m, tables) float32."""
        tables = len(self.code)
        squares = np.full((tables, MAX_BITS), _OUT_OF_REACH)
        np.put_along_axis(squares, self._weak, np.take_along_axis(self._squares, self._weak, axis=1), axis=1)
        crossed = np.unpackbits((codes ^ self.code).view(np.uint8), axis=1, bitorder="little")
        costs: np.ndarray = np.einsum("mtb,tb->mt", crossed.reshape(len(codes), tables, MAX_BITS), squares)
        return costs

    def probes_within(self, costs: np.ndarray) -> np.ndarray:
        """Return how many buckets cost no more than each of some costs; reach + 1 for those out of reach."""
        # The same cost may have been summed up in another order.
        within = np.searchsorted(self._ascending, costs * _ROUNDING, side="right")
        return np.where(costs < _OUT_OF_REACH, within, self.reach + 1)

    def dearest(self, probes: int) -> float:
        """Return what the last of so many probes costs."""
        return float(self._ascending[min(probes, self.reach) - 1] * _ROUNDING)

    @cached_property
    def _ascending(self) -> np.ndarray:
        return np.sort(self._costs, axis=None)


def reach_of(tables: int, bits: int) -> int:
    """Return how many buckets can be probed, over all tables."""
    return tables << min(bits, _WEAK_BITS)


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= MAX_BITS:
        raise ValueError(f"bits must be from 1 to {MAX_BITS}, not {bits}")


def _orthonormal(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    """Draw vectors of unit length at right angles to each other, (count, dim), all equally likely."""
    q, r = np.linalg.qr(rng.standard_normal((count, dim)).T)
    vectors: np.ndarray = (q * np.sign(np.diag(r))).T  # QR alone would favour some
    return vectors


def found_probability(cosines: np.ndarray, bits: int, tables: int, probes: int, hits: int) -> np.ndarray:
    """Return how likely a query meets vectors at some cosines, (n,), with so many probes, in so many tables.

    There is no formula for probes that the query directs, so pairs are drawn and counted. How far the two
    of a pair lie from a random hyperplane are two normal numbers with the pair's cosine as correlation.
    """
    rng = np.random.default_rng(0)
    cosines = np.clip(cosines, -1, 1)[:, None, None]
    values = 1 << np.arange(bits)
    found = np.zeros(len(cosines))
    for _ in range(_PAIRS):
        query, other = rng.standard_normal((2, tables, bits), dtype=np.float32)
        others = cosines * query + np.sqrt(1 - cosines**2) * other
        codes = ((others > 0) @ values).astype(np.uint16)
        found += Aim(query).probes_needed(codes, hits) <= min(probes, reach_of(tables, bits))
    return found / _PAIRS
