"""How much of the truth an index finds, and in what time, beside exact search; by ann-benchmarks' rules.

One query at a time. The scores of the ids that come back are computed here, from the data, whatever the
index says they are; an id that comes twice is an error. An id is right where its score reaches the 15th best
there is, so that of equal ones any will do. The truth is brute force. One build serves many query settings.

real            embeddings of the photos in FOLDER as the network makes them. A tenth of them, drawn at
                random, is held out and asks.
real-pca128     the same, centred, their 128 main directions, unit length; learnt without those that ask.
synthetic       128 wide, of low intrinsic dimension: 8 normal factors, mixed at random, bent by a sine, each
                number by another amount, unit length. Its local intrinsic dimension (Levina and Bickel, 15
                neighbours, a million vectors) is 9.7, which is that of photos' embeddings in real-pca128.

exact, faiss and LSH are what simsearch has; "FAISS flat" and HNSW are FAISS's own, for comparison. What is
printed goes to results.csv and a plot, recall.png, in the folder named by --out. A row that is there already,
measured on this machine, is not measured again; where the code has changed since, --fresh does it.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_quality import embeddings
from scripts.bench_report import Findings, Parser, Table, cores, machine, photo_files, run, say
from simsearch import FolderError, Library, SimsearchError
from simsearch.index.exact import ExactIndex
from simsearch.index.faiss_index import FaissIndex, suitable_tier
from simsearch.index.local import LocalIndex
from simsearch.index.lsh import LshIndex
from simsearch.index.tuning import Settings, usual
from simsearch.store import Store

K = 15
_EPSILON = 1e-6  # what float32 may make of the scores of equal vectors
_SEED = 0
_SIZES = [10_000, 100_000, 1_000_000]
_SMALLEST = 100  # vectors; what is found among fewer says nothing
_INVERTED_MEASURED_FROM = 100_000  # below, its lists are hardly longer than what is ranked exactly
_FACTORS, _WIDTH, _POOL = 8, 128, 1_000
_VECTORS_AT_ONCE = 10_000  # as each block is computed whole, its numbers are the same in a set of any size
_TRUTH_AT_ONCE = 16_384
_SPARE = 35  # more than k, in case float32 sums order the nearest otherwise than exact ones
_WARM_UP = 10
_ADDED, _ROUNDS, _NOISE = 1_000, 5, 0.02
_WISHES = (0.95, 0.97)
_PROBES = {"probes / 4": 0.25, "probes / 2": 0.5, "as tuned": 1.0, "probes x 2": 2.0, "probes x 4": 4.0}
_PLAIN = Settings(bits=10, tables=5, probes=5, hits=1)  # as many probes as tables: the query's own buckets
_EF_SEARCH = (32, 64, 128, 256)
_SET = ("dataset", "n", "data", "queries", "where")
_KEY = (*_SET, "engine", "build", "query")
_FIGURES = (
    "recall", "p50_milliseconds", "p95_milliseconds", "p99_milliseconds", "build_seconds", "tuning_seconds",
    "bytes_a_vector", "scanned", "add_milliseconds", "added_found",
)  # fmt: skip
_COLUMNS = (*_KEY, *_FIGURES, "detail")
_HEADINGS = {
    "engine": "engine",
    "build": "build",
    "query": "query",
    "recall": f"recall@{K}",
    "p50_milliseconds": "p50 ms",
    "p95_milliseconds": "p95 ms",
    "p99_milliseconds": "p99 ms",
    "times_exact": "times exact",
    "build_seconds": "build s",
    "tuning_seconds": "tuning s",
    "bytes_a_vector": "bytes/vector",
    "scanned": "scanned",
    "add_milliseconds": f"add {_ADDED:,} ms",
}
_NOTES = [
    f"recall@{K}: the share of the {K} nearest, equal ones counting alike. times exact: p50 of exact / p50.",
    "scanned: the share of the vectors that are looked at, at their sign bits too; HNSW: that are compared.",
    f"add {_ADDED:,} ms: until {_ADDED:,} more vectors are found, adding and one search; the median of "
    f"{_ROUNDS}.",
]
_ONLY = "-"  # the one query setting there is
_MISSED_LEAST = 0.002  # what is drawn as finding all
_RECALL_TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 1)

Row = dict[str, Any]


# Data sets


class Data(NamedTuple):
    """Vectors to index and others that ask, (n, dim) and (q, dim) float32 of unit length."""

    vectors: np.ndarray
    queries: np.ndarray


class Dataset(NamedTuple):
    """A data set that is made when it is needed; ``mark`` says what it is made from."""

    name: str
    n: int
    queries: int
    mark: str
    load: Callable[[], Data]


def synthetic(n: int, seed: int = _SEED) -> Data:
    """Draw vectors of low intrinsic dimension, see the top of this file; the first are the same for any n."""
    rng = np.random.default_rng([seed, 0])
    mixing = rng.standard_normal((_FACTORS, _WIDTH)) / np.sqrt(_FACTORS)
    mixing *= rng.uniform(0.1, 4.1, _WIDTH)
    parts = [
        _bent(np.random.default_rng([seed, part]), mixing, n_there) for part, n_there in ((1, n), (2, _POOL))
    ]
    return Data(*parts)


def _bent(rng: np.random.Generator, mixing: np.ndarray, n: int) -> np.ndarray:
    vectors = np.empty((n, _WIDTH), dtype=np.float32)
    for start in range(0, n, _VECTORS_AT_ONCE):
        block = unit(np.sin(rng.standard_normal((_VECTORS_AT_ONCE, _FACTORS)) @ mixing))
        vectors[start : start + _VECTORS_AT_ONCE] = block[: n - start]
    return vectors


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors, (n, dim), at unit length, as float32."""
    scaled: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled.astype(np.float32)


def hold_out(vectors: np.ndarray, seed: int = _SEED) -> Data:
    """Draw a tenth of the vectors, (n, dim), at least one, to ask for their nearest among the others."""
    order = np.random.default_rng(seed).permutation(len(vectors))
    held = max(len(vectors) // 10, 1)
    return Data(vectors[np.sort(order[held:])], vectors[order[:held]])


def project(data: Data, width: int = _WIDTH) -> Data:
    """Return the main directions of centred vectors at unit length, learnt from those that are indexed."""
    center = data.vectors.mean(axis=0, dtype=np.float64)
    centered = data.vectors - center
    directions = np.linalg.eigh(centered.T @ centered)[1][:, : -width - 1 : -1]
    return Data(unit(centered @ directions), unit((data.queries - center) @ directions))


def _photo_sets(folder: Path, out: Path, asked: int) -> list[Dataset]:
    """Return the data sets made from the photos of a folder, which are indexed where they are not yet."""
    vectors = _photo_vectors(folder, out)
    data = hold_out(vectors)
    if len(data.vectors) < _SMALLEST:
        reason = f"holds {len(vectors):,} photos, too few to hold some out"
        raise FolderError(folder, reason, f"name one of {_SMALLEST * 10 // 9 + 1} or more")
    mark = f"{zlib.crc32(vectors.tobytes()):08x}"
    n, queries = len(data.vectors), min(asked, len(data.queries))
    sets = [Dataset("real", n, queries, mark, lambda: data)]
    if min(data.vectors.shape) > _WIDTH:
        sets.append(Dataset(f"real-pca{_WIDTH}", n, queries, mark, lambda: project(data)))
    return sets


def _photo_vectors(folder: Path, out: Path) -> np.ndarray:
    folder = folder.expanduser().resolve()
    photo_files(folder)  # says what is wrong with the folder before a network is loaded
    place = out / f"library-{zlib.crc32(os.fsencode(folder)):08x}"  # one for each folder
    say(f"indexing {folder} ...")
    with Library.open(place) as library:
        report = library.sync(folder)
        dim = library.encoder.dim
    if report.interrupted:
        raise KeyboardInterrupt
    with closing(Store(place)) as store:
        return embeddings(store, dim)[2]


def _synthetic_set(n: int, asked: int) -> Dataset:
    return Dataset("synthetic", n, min(asked, _POOL), f"seed {_SEED}", partial(synthetic, n))


# What is right


def kth_scores(vectors: np.ndarray, queries: np.ndarray, k: int = K) -> np.ndarray:
    """Return the k-th best inner product with each query, by brute force.

    Parameters
    ----------
    vectors, queries
        (n, dim) and (q, dim) float32.

    Returns
    -------
    (q,) float64
    """
    best = np.empty((len(queries), 0), dtype=np.float32)
    ids = np.empty((len(queries), 0), dtype=np.int64)
    for start in range(0, len(vectors), _TRUTH_AT_ONCE):
        scores = queries @ vectors[start : start + _TRUTH_AT_ONCE].T
        numbers = np.broadcast_to(start + np.arange(scores.shape[1]), scores.shape)
        best, ids = np.concatenate([best, scores], axis=1), np.concatenate([ids, numbers], axis=1)
        if best.shape[1] > k + _SPARE:
            kept = np.argpartition(best, -k - _SPARE, axis=1)[:, -k - _SPARE :]
            best, ids = np.take_along_axis(best, kept, axis=1), np.take_along_axis(ids, kept, axis=1)
    exact = [true_scores(vectors, query, near) for query, near in zip(queries, ids, strict=True)]
    return np.sort(np.array(exact), axis=1)[:, -min(k, len(vectors))]


def true_scores(vectors: np.ndarray, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the inner products, (m,) float64, of a query with the vectors of some ids, -1 standing for none.

    Raises
    ------
    ValueError
        When an id comes twice or is that of no vector.
    """
    ids = ids[ids != -1]
    if len(np.unique(ids)) < len(ids):
        raise ValueError(f"an id comes twice among {ids.tolist()}")
    if len(ids) and not 0 <= ids.min() <= ids.max() < len(vectors):
        raise ValueError(f"there are {len(vectors):,} vectors, and no such ids as among {ids.tolist()}")
    scores: np.ndarray = (vectors[ids] * query.astype(np.float64)).sum(axis=1)
    return scores


def recall(scores: np.ndarray, kth: float, k: int = K) -> float:
    """Return the share of k answers that are right: those whose score reaches the k-th best there is.

    Parameters
    ----------
    scores
        (m,) float64: of the answers, at most k; where there are fewer, those missing count as wrong.
    """
    return float((scores >= kth - _EPSILON).sum() / k)


# What is measured


class Subject:
    """An index as it is measured; this one is one of simsearch's."""

    removes = True

    def __init__(self, index: LocalIndex) -> None:
        self.index: Any = index

    def __str__(self) -> str:
        return str(self.index)

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return int(self.index.nbytes)

    def build(self, vectors: np.ndarray) -> None:
        """Index vectors, (n, dim) float32, under their row numbers."""
        self.add(np.arange(len(vectors)), vectors)
        str(self.index)  # some learn at the first look; that is part of building

    def tune(self) -> None:
        """Choose settings, where that is a step of its own."""

    def use(self, query_setting: str) -> None:
        """Take one of the query settings."""

    def search(self, query: np.ndarray, k: int) -> np.ndarray:
        """Return the ids, (at most k,) int64, nearest to a query, (dim,) float32."""
        ids: np.ndarray = self.index.search(query[None], k)[0][0]
        return ids

    def scanned(self, queries: np.ndarray) -> float:
        """Return the share of the vectors that queries, (q, dim), look at, on average."""
        return float(self.index.scanned(queries).mean())

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Add vectors, (n, dim) float32; their ids, (n,) int64, follow those there are."""
        self.index.add(ids, vectors)

    def remove(self, ids: np.ndarray) -> None:
        """Remove what was added last."""
        self.index.remove(ids)


class TunedLsh(Subject):
    """LSH with the settings that find a wished share of the nearest, and with more and fewer probes."""

    def __init__(self, dim: int, n: int, wish: float) -> None:
        super().__init__(LshIndex(dim, usual(n)))
        self._wish = wish

    def tune(self) -> None:
        """Let it choose; the settings are kept, to vary the probes from there."""
        self._tuned = self.index.tune(self._wish).settings

    def use(self, query_setting: str) -> None:
        """Change the number of probes."""
        probes = max(round(self._tuned.probes * _PROBES[query_setting]), 1)
        self.index.settings = self._tuned._replace(probes=min(probes, self.index.hyperplanes.reach))


class FaissFlat(Subject):
    """FAISS's own exact search, the usual baseline."""

    def __init__(self, dim: int) -> None:
        import faiss

        self.index = faiss.IndexFlatIP(dim)

    def __str__(self) -> str:
        return "every vector is compared"

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return int(self.index.ntotal * self.index.d * 4)

    def search(self, query: np.ndarray, k: int) -> np.ndarray:
        """Return the ids, (at most k,) int64, nearest to a query, (dim,) float32."""
        ids: np.ndarray = self.index.search(query[None], k)[1][0]
        return ids

    def scanned(self, queries: np.ndarray) -> float:
        """Return the share of the vectors that queries look at: all."""
        return 1.0

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Add vectors; FAISS numbers them itself, as they are numbered here."""
        self.index.add(vectors)

    def remove(self, ids: np.ndarray) -> None:
        """Remove what was added last."""
        self.index.remove_ids(ids)


class Hnsw(FaissFlat):
    """FAISS's graph of neighbours, the reference for what can be had without removing."""

    removes = False

    def __init__(self, dim: int) -> None:
        import faiss

        self.index = faiss.IndexHNSWFlat(dim, 32, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = 40
        cvar: Any = faiss.cvar  # it has more than its type tells
        self._statistics = cvar.hnsw_stats

    def __str__(self) -> str:
        return "from neighbour to neighbour through a graph in which each vector has 32, and 64 at the bottom"

    @property
    def nbytes(self) -> int:
        """How many bytes it takes: vectors and graph."""
        hnsw = self.index.hnsw
        graph = 4 * hnsw.neighbors.size() + 8 * hnsw.offsets.size() + 4 * hnsw.levels.size()
        return super().nbytes + int(graph)

    def use(self, query_setting: str) -> None:
        """Change how many vectors are kept in mind on the way."""
        self.index.hnsw.efSearch = int(query_setting.split()[1])

    def scanned(self, queries: np.ndarray) -> float:
        """Return how many inner products are computed, as a share of the vectors, on average."""
        self._statistics.reset()
        self.index.search(queries, K)
        return float(self._statistics.ndis / len(queries) / self.index.ntotal)


class Contender(NamedTuple):
    """What is to be measured: how it is made, and the query settings that one build of it serves."""

    engine: str
    build: str
    queries: Sequence[str]
    make: Callable[[int], Subject]


def contenders(n: int, hnsw_up_to: int) -> list[Contender]:
    """Return what is to be measured with n vectors, exact search first."""
    exact = Contender("exact", "float32", [_ONLY], lambda dim: Subject(ExactIndex(dim)))
    flat = Contender("FAISS flat", "IndexFlatIP", [_ONLY], FaissFlat)
    hnsw = Contender("HNSW", "M 32, efC 40", [f"efSearch {ef}" for ef in _EF_SEARCH], Hnsw)
    return [exact, flat, *_faiss_tiers(n), *_lsh(n), *([hnsw] if n <= hnsw_up_to else [])]


def _faiss_tiers(n: int) -> Iterator[Contender]:
    def make(dim: int, tier: str | None = None, precision: str = "float32") -> Subject:
        return Subject(FaissIndex(dim, tier=tier, precision=precision))

    for tier in ("flat", "rabitq", "inverted"):
        if tier == suitable_tier(n):
            yield Contender("faiss", tier, [_ONLY], make)
        elif tier != "inverted" or n >= _INVERTED_MEASURED_FROM:
            yield Contender("faiss", tier, [_ONLY], partial(make, tier=tier))
    yield Contender("faiss", "compact (int8)", [_ONLY], partial(make, precision="int8"))


def _lsh(n: int) -> Iterator[Contender]:
    for wish in _WISHES:
        yield Contender("LSH", f"tuned to {wish}", list(_PROBES), partial(TunedLsh, n=n, wish=wish))
    plain = f"{_PLAIN.bits} bits x {_PLAIN.tables} tables"
    yield Contender("LSH", plain, ["no probing"], lambda dim: Subject(LshIndex(dim, _PLAIN)))


# Measuring


def _measure_contender(
    contender: Contender, queries: Sequence[str], data: Data, kth: np.ndarray
) -> list[Row]:
    """Build once and measure with some query settings; as many ask as there are scores to reach."""
    subject = contender.make(data.vectors.shape[1])
    say(f"  {contender.engine} {contender.build}: building ...")
    build_seconds = _seconds(lambda: subject.build(data.vectors))
    tuning_seconds = _seconds(subject.tune)
    about = {
        "engine": contender.engine,
        "build": contender.build,
        "build_seconds": build_seconds,
        "tuning_seconds": tuning_seconds,
        "bytes_a_vector": subject.nbytes / len(data.vectors),
        "detail": str(subject),
    }
    rows = []
    for query_setting in queries:
        subject.use(query_setting)
        rows.append({"query": query_setting, **_measure_queries(subject, data, kth)})
    adding = _measure_adding(subject, data.vectors)  # last, because not everything can be removed again
    return [{**about, **row, **adding} for row in rows]


def _seconds(step: Callable[[], None]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def _measure_queries(subject: Subject, data: Data, kth: np.ndarray) -> Row:
    """Ask one by one; ``kth``, (q,) float64, holds the scores that right answers to the first q reach."""
    for query in data.queries[-_WARM_UP:]:
        subject.search(query, K)
    found, milliseconds = [], []
    for query in data.queries[: len(kth)]:
        started = time.perf_counter()
        ids = subject.search(query, K)
        milliseconds.append(1e3 * (time.perf_counter() - started))
        found.append(ids)
    answers = zip(data.queries, found, kth, strict=False)
    shares = [recall(true_scores(data.vectors, query, ids), score) for query, ids, score in answers]
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99]).tolist()
    return {
        "recall": float(np.mean(shares)),
        "p50_milliseconds": p50,
        "p95_milliseconds": p95,
        "p99_milliseconds": p99,
        "scanned": subject.scanned(data.queries[: len(kth)]),
    }


def _measure_adding(subject: Subject, vectors: np.ndarray) -> Row:
    """Add vectors like those there are, ask for one, and remove them again where that can be done."""
    rng = np.random.default_rng(_SEED)
    start, milliseconds, found = len(vectors), [], []
    for _ in range(_ROUNDS):
        like = vectors[rng.integers(len(vectors), size=_ADDED)]
        added = unit(like + _NOISE * rng.standard_normal(like.shape))
        ids = np.arange(start, start + _ADDED)
        started = time.perf_counter()
        subject.add(ids, added)
        nearest = subject.search(added[-1], K)
        milliseconds.append(1e3 * (time.perf_counter() - started))
        found.append(ids[-1] in nearest)
        if subject.removes:
            subject.remove(ids)
        else:
            start += _ADDED
    return {"add_milliseconds": float(np.median(milliseconds)), "added_found": float(np.mean(found))}


class Results:
    """Rows in a CSV file, each under what it is a measurement of.

    Parameters
    ----------
    path
        The file; made when the first row is put in.
    fresh
        Whether rows from earlier runs count as not there. They stay until they are measured anew.

    Raises
    ------
    SimsearchError
        When the file is there and is not one of ours.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self.path = path
        self._rows = {_key(row): row for row in _read_rows(path)}
        self._stale = set(self._rows) if fresh else set()

    def find(self, about: Row) -> Row | None:
        """Return the finished row with the same key, if there is one."""
        return None if _key(about) in self._stale else self._rows.get(_key(about))

    def put(self, rows: list[Row]) -> None:
        """Take in finished rows and write the file."""
        for row in rows:
            self._rows[_key(row)] = row
            self._stale.discard(_key(row))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(self._rows.values())
        unfinished.replace(self.path)  # whoever stops the run here loses nothing


def _key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in _KEY)


def _read_rows(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            raise SimsearchError(f"{path}: has other columns than this script writes; move it away.")
        rows: list[Row] = [dict(row) for row in reader]
    for row in rows:
        row.update({column: float(row[column]) for column in _FIGURES}, n=int(row["n"]))
    return rows


def _measure_set(dataset: Dataset, options: argparse.Namespace, where: str, results: Results) -> Table:
    """Measure what is not finished yet of a data set, and lay all of it out."""

    @cache
    def load() -> tuple[Data, np.ndarray]:
        say(f"{dataset.name}, {dataset.n:,} vectors ...")
        data = dataset.load()
        return data, kth_scores(data.vectors, data.queries[: dataset.queries])

    values = (dataset.name, dataset.n, dataset.mark, dataset.queries, where)
    about: Row = dict(zip(_SET, values, strict=True))
    rows = []
    for contender in contenders(dataset.n, options.hnsw_up_to):
        build = {**about, "engine": contender.engine, "build": contender.build}
        keys: list[Row] = [{**build, "query": query} for query in contender.queries]
        if missing := [key["query"] for key in keys if not results.find(key)]:
            measured = _measure_contender(contender, missing, *load())
            results.put([{**about, **row} for row in measured])
        rows += [{**row} for key in keys if (row := results.find(key))]
    return _table(dataset, rows, options.hnsw_up_to)


def _table(dataset: Dataset, rows: list[Row], hnsw_up_to: int) -> Table:
    for row in rows:
        row["times_exact"] = rows[0]["p50_milliseconds"] / row["p50_milliseconds"]
    notes = [f"{dataset.name}, {dataset.n:,} vectors, {dataset.queries:,} queries, one at a time.", *_NOTES]
    notes.append(f"faiss chooses {suitable_tier(dataset.n)} by itself for so many vectors, compact or not.")
    # What the others do their names say.
    chosen = [row for row in rows if row["engine"] == "LSH" or row["build"] == "inverted"]
    notes += dict.fromkeys(f"{row['build']}: {row['detail']}." for row in chosen)
    if dataset.n > hnsw_up_to:
        notes.append(f"HNSW is left out above {hnsw_up_to:,} vectors; --hnsw-up-to changes that.")
    notes.append(
        f"LSH looks into four times as many buckets where it found fewer than {K}, compares all where"
    )
    notes.append("a query is unlike all, and ranks the 500 likeliest of those it found.")
    lost = dict.fromkeys(f"{row['engine']} {row['build']}" for row in rows if row["added_found"] < 1)
    if lost:
        notes.append(f"Some vectors just added were not found by {', '.join(lost)}.")
    return Table(f"{dataset.name}-{dataset.n}", _HEADINGS, rows, notes)


# The plot


def plot(tables: list[Table], path: Path) -> bool:
    """Draw recall against time, a panel a table; return whether matplotlib is there to do it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    columns = int(np.ceil(np.sqrt(len(tables))))
    lines = -(-len(tables) // columns)
    figure = Figure(figsize=(6.5 * columns, 4.6 * lines + 1.2), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    fullest_first = sorted(tables, key=lambda table: -len(table.rows))  # so that the legend has their order
    series = list(dict.fromkeys(key for table in fullest_first for key in _series(table)))
    for panel, table in zip(panels, tables, strict=False):
        _draw_panel(panel, table, series)
    for panel in panels[len(tables) :]:
        panel.set_visible(False)
    drawn = {line.get_label(): line for panel in panels for line in panel.get_lines()}
    labels = [" ".join(key) for key in series]
    handles = [drawn[label] for label in labels]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(2 * columns + 1, 6), fontsize=9)
    figure.savefig(path, dpi=110)
    return True


def _series(table: Table) -> dict[tuple[str, str], list[Row]]:
    """Return the rows of each build, from little effort in a query to much."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in table.rows:
        found.setdefault((row["engine"], row["build"]), []).append(row)
    return found


def _draw_panel(panel: Any, table: Table, series: list[tuple[str, str]]) -> None:
    from matplotlib.ticker import LogLocator

    for key, rows in _series(table).items():
        number = series.index(key)
        times = [row["p50_milliseconds"] for row in rows]
        panel.plot(
            times, [row["recall"] for row in rows], label=" ".join(key), color=f"C{number % 10}",
            marker="osD^v<>Ph*"[number % 10], markersize=8, linewidth=1.5, alpha=0.85,
        )  # fmt: skip
    panel.set_title(f"{table.rows[0]['dataset']}, {table.rows[0]['n']:,} vectors")
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter("")
    panel.set_xlabel("p50 of a query, ms")
    panel.set_ylabel(f"recall@{K}")
    # Misses on a logarithmic scale: from 0.95 to 0.99 is as far as it is for whoever looks for a photo.
    panel.set_yscale("function", functions=(_stretch, _shrink))
    panel.set_ylim(0, 1.0005)
    panel.set_yticks(_RECALL_TICKS, [f"{tick:g}" for tick in _RECALL_TICKS])
    panel.grid(True, alpha=0.3)


def _stretch(recalls: np.ndarray) -> np.ndarray:
    stretched: np.ndarray = -np.log10(np.maximum(1 + _MISSED_LEAST - recalls, _MISSED_LEAST / 2))
    return stretched


def _shrink(stretched: np.ndarray) -> np.ndarray:
    recalls: np.ndarray = 1 + _MISSED_LEAST - 10.0**-stretched
    return recalls


# The script


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) < _SMALLEST:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {_SMALLEST}, not {text}")
    return int(text)


def threads() -> dict[str, int]:
    """Return how many threads NumPy and FAISS may use, which is what they take by default."""
    import faiss

    # NumPy does not tell; these are what its BLAS goes by.
    named = [os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]
    numpy_threads = next((int(text) for text in named if text.isdecimal()), cores())
    return {"numpy_threads": numpy_threads, "faiss_threads": faiss.omp_get_max_threads()}


def _warn_if_busy() -> None:
    # What runs on all cores waits for the slowest one: 1 ms becomes 8, where others stay as they are.
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    if load > cores() / 4:
        say(f"others use this machine (load {load:.1f}, {cores()} cores): times will not be comparable")


def _measure(options: argparse.Namespace) -> Findings:
    out = options.out.expanduser()
    results = Results(out / "results.csv", fresh=options.fresh)
    used = threads()
    where = f"{machine()['processor']}, {used['numpy_threads']} and {used['faiss_threads']} threads"
    sets = _photo_sets(options.folder, out, options.queries) if options.folder else []
    sets += [_synthetic_set(n, options.queries) for n in options.sizes]
    if not sets:
        raise SimsearchError("nothing to measure; name a folder of photos, or --sizes")
    _warn_if_busy()
    tables = [_measure_set(dataset, options, where, results) for dataset in sets]
    if not plot(tables, out / "recall.png"):
        tables[-1].notes.append("There is no plot: matplotlib is not installed.")
    return Findings({**used, "k": K, "results": str(results.path)}, tables)


def main(arguments: list[str] | None = None) -> int:
    """Measure the indexes, print it, and plot it."""
    parser = Parser(__doc__, "python scripts/bench_index.py ~/Pictures --sizes 10000 100000")
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="photos to measure with, too")
    parser.add_argument(
        "--sizes", type=_size, nargs="*", default=_SIZES, metavar="N",
        help=f"how many synthetic vectors (default: {' '.join(map(str, _SIZES))})",
    )  # fmt: skip
    parser.add_count(
        "--queries", 200, f"how many ask, of at most {_POOL:,}; 200 tell an LSH recall to a hundredth"
    )
    parser.add_count("--hnsw-up-to", 200_000, "vectors up to which HNSW is built; a million take minutes")
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench-index"), metavar="DIR",
        help="where results and plot go (default: build/bench-index)",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="measure anew what is in results.csv already")
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
