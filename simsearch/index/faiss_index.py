"""FAISS behind the protocol: a fast look at sign bits, then an exact look at the best."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from simsearch.index.local import Arrays, LocalIndex
from simsearch.index.rows import Rows, Selection, checked_vectors

RABITQ_FROM = 20_000  # vectors; fewer are compared one by one in a millisecond
INVERTED_FROM = 300_000  # vectors; reading the sign bits of all takes longer than choosing lists
_FACTORY = {"flat": "SQfp16", "rabitq": "RaBitQfs", "inverted": "IVF{lists},RaBitQfs"}
_TIERS = {
    "flat": "every photo is compared",
    "rabitq": "the sign bits of all photos are read and the best compared exactly",
    "inverted": "sign bits are read in some lists only, and the best compared exactly",
}
_CANDIDATES = 80  # times k are ranked exactly: the 15 nearest are among the first 1,200 by sign bits
_WAITING = 512  # vectors that may wait, compared one by one, before FAISS gets them, or ...
_SHARE_WAITING = 64  # ... one of so many
_SAMPLE = 5_000  # vectors to train with at least, and ...
_SAMPLE_A_LIST = 50
_ROWS_AT_ONCE = 4_096
_ROUNDS = 6  # of k-means: more change the lists, hardly what is found in them
_QUERIES = 64  # of the collection's own vectors, to measure how many lists must be read ...
_MISSED = 0.002  # ... until no more than this share of what all lists give is missed


class FaissIndex(LocalIndex):
    """FAISS in three tiers.

    flat
        Every vector is compared.
    rabitq
        Of every vector its signs are kept, one bit a number (RaBitQ: Gao and Long, SIGMOD 2024). All are
        read, and the best are ranked exactly.
    inverted
        The same in the lists nearest to the query. How many that must be is measured when it is built.

    Without a rotation before the signs: on embeddings of photos it adds 0.1 points of recall, on others it
    costs some, and always time.

    Parameters
    ----------
    dim
        Width of the vectors.
    precision
        How vectors are kept, see :class:`Rows`.
    tier
        By default the one for the number of vectors there are at the first search.
    """

    engine = "faiss"

    def __init__(self, dim: int, *, precision: str = "float32", tier: str | None = None) -> None:
        if tier not in (None, *_FACTORY):
            raise ValueError(f"tier must be one of {', '.join(_FACTORY)}, not {tier}")
        super().__init__(Rows(dim, precision))
        self._asked_tier = tier
        self._tier = "flat"
        self._faiss: Any = None
        self._fed = 0  # rows that FAISS has

    def __str__(self) -> str:
        self.settle()
        inverted = self._faiss is not None and self._tier == "inverted"
        lists = f" ({self._faiss.nprobe} of {self._faiss.nlist})" if inverted else ""
        return f"FAISS {self._tier}: {_TIERS[self._tier]}{lists}"

    @property
    def nbytes(self) -> int:
        """How many bytes the index takes."""
        self.settle()
        a_row = 8 if self._tier == "inverted" else 0  # its number, in a list
        return super().nbytes + self._fed * (a_row + int(self._faiss.sa_code_size() if self._fed else 0))

    @property
    def worn(self) -> bool:
        """Whether it should be made anew: more than a quarter are gaps, or another tier would suit."""
        outgrown = self._faiss is not None and self._tier != self._suitable_tier()
        return self._rows.worn or outgrown

    def scanned(self, vectors: np.ndarray, k: int = 15) -> np.ndarray:
        """Return the share of all vectors whose sign bits are read."""
        everything = super().scanned(vectors, k)
        self.settle()
        if self._tier != "inverted" or not len(vectors):
            return everything
        sizes = np.array([self._faiss.get_list_size(number) for number in range(self._faiss.nlist)])
        lists = self._faiss.quantizer.search(checked_vectors(vectors, self.dim), self._faiss.nprobe)[1]
        share: np.ndarray = (sizes[lists].sum(axis=1) + self._rows.count - self._fed) / self._rows.count
        return share

    def _empty(self) -> FaissIndex:
        return FaissIndex(self.dim, precision=self._rows.precision, tier=self._asked_tier)

    def _suitable_tier(self) -> str:
        if self._asked_tier:
            return self._asked_tier
        return suitable_tier(self._rows.count)

    def settle(self) -> None:
        """Train FAISS, and give it what it does not have yet unless that is little."""
        if not self._rows.count:
            return
        if self._faiss is None:
            self._tier = self._suitable_tier()
            self._faiss = _trained(self._rows, _FACTORY[self._tier])
            self._feed()
            if self._tier == "inverted":
                self._choose_lists()
        elif self._rows.count - self._fed > max(_WAITING, self._fed // _SHARE_WAITING):
            self._feed()

    def _feed(self) -> None:
        while self._fed < self._rows.count:
            rows = np.arange(self._fed, min(self._fed + _ROWS_AT_ONCE, self._rows.count))
            self._faiss.add(self._rows.take(rows))
            self._fed += len(rows)

    def _choose_lists(self) -> None:
        """Find out how many lists must be read, from the nearest of some of the vectors themselves."""
        k = min(15, len(self._rows))
        if not k:
            return
        live = np.flatnonzero(self._rows.live)
        queries = self._rows.take(live[:: -(-len(live) // _QUERIES)])
        nearest = self._rows.nearest(queries, k)

        def found_with(lists: int) -> float:
            self._faiss.nprobe = lists
            _, found = self._faiss.search(queries, min(_CANDIDATES * k, self._fed))
            return float(np.mean([np.isin(*pair) for pair in zip(nearest, found, strict=True)]))

        # Sign bits miss some whatever lists are read: what counts is what reading fewer misses beyond that.
        enough = found_with(self._faiss.nlist) - _MISSED
        next((lists for lists in _doubled(self._faiss.nlist) if found_with(lists) >= enough), None)

    def _candidates(self, query: np.ndarray, k: int, selection: Selection | None) -> np.ndarray | None:
        """Return the most promising rows, and those FAISS does not have yet.

        Where one of five may answer, their nearest are five times as far down the list. If they are farther,
        all must be compared: there, sign bits tell little.
        """
        self.settle()
        share, allowed = (selection.share, selection.allowed) if selection else (1.0, self._rows.live)
        count = int(_CANDIDATES * k / share)
        if count >= self._fed:
            return None
        found = self._look(query, count, share)
        places = np.flatnonzero(allowed[found])
        waiting = self._fed + np.flatnonzero(allowed[self._fed :])
        if len(places) < k or (selection and selection.is_aside(k, int(places[k - 1]))):
            return None
        return np.concatenate([found[places], waiting])

    def _look(self, query: np.ndarray, count: int, share: float) -> np.ndarray:
        """Return so many rows, or fewer, (n,) int64, best first by sign bits, gaps among them.

        Where a share of all may answer, as many more lists are read.
        """
        import faiss

        parameters = None
        if self._tier == "inverted":
            parameters = faiss.SearchParametersIVF()
            parameters.nprobe = min(int(self._faiss.nprobe / share), self._faiss.nlist)
        with _one_thread():
            found: np.ndarray = self._faiss.search(query[None], count, params=parameters)[1][0]
        return found[found >= 0]

    def _content(self) -> tuple[dict[str, Any], Arrays]:
        import faiss

        self.settle()
        self._feed()
        serialized = faiss.serialize_index(self._faiss) if self._fed else np.empty(0, dtype=np.uint8)
        return {"tier": self._tier, "asked_tier": self._asked_tier}, {"faiss": [serialized]}

    @classmethod
    def _restored(cls, rows: Rows, parameters: dict[str, Any], arrays: dict[str, np.ndarray]) -> FaissIndex:
        import faiss

        index = cls(rows.dim, precision=rows.precision, tier=parameters["asked_tier"])
        index._rows = rows
        index._tier = parameters["tier"]
        if not rows.count:
            return index
        index._faiss = faiss.deserialize_index(arrays["faiss"])
        index._fed = index._faiss.ntotal
        if (index._fed, index._faiss.d) != (rows.count, rows.dim):
            found = f"{index._fed:,} vectors of {index._faiss.d}"
            raise ValueError(f"FAISS has {found}, where there are {rows.count:,} of {rows.dim}")
        return index


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have FAISS answer on one thread: a query is over too soon to share.

    Its threads and those of NumPy's BLAS, spinning while they wait, get in each other's way: 8 ms for 1.
    """
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def suitable_tier(count: int) -> str:
    """Return the tier for a number of vectors."""
    return "flat" if count < RABITQ_FROM else "rabitq" if count < INVERTED_FROM else "inverted"


def reason(count: int) -> str:
    """Say in a sentence which tier a number of vectors gets, and why."""
    tier = suitable_tier(count)
    most = {"flat": RABITQ_FROM, "rabitq": INVERTED_FROM}.get(tier)
    why = f"fewer than {most:,}" if most else f"{INVERTED_FROM:,} or more"
    return f"FAISS {tier}: {_TIERS[tier]}, as there are {why}"


def _trained(rows: Rows, factory: str) -> Any:
    """Return an empty FAISS index for vectors like these."""
    import faiss

    # Half the square root, but not so many that k-means lacks vectors for them.
    lists = max(min(1 << int(np.log2(rows.count)) // 2 - 1 if rows.count > 4 else 1, rows.count // 40), 1)
    index = faiss.index_factory(rows.dim, factory.format(lists=lists), faiss.METRIC_INNER_PRODUCT)
    if hasattr(index, "cp"):
        index.cp.niter = _ROUNDS
    wanted = max(_SAMPLE, _SAMPLE_A_LIST * lists)
    sample = rows.take(np.arange(0, rows.count, -(-rows.count // wanted)))
    index.train(sample)
    return index


def _doubled(most: int) -> list[int]:
    """Return 8, 16, 32 ... and last the most."""
    return [*(1 << power for power in range(3, most.bit_length()) if 1 << power < most), most]
