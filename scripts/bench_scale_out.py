"""What it costs and brings to hand over to engines beyond one machine, measured on this one.

ray    indexes a folder into new libraries with processes of this machine and with actors of Ray on this
       machine (simsearch index --on ray), with each number of --workers, in turns. Told apart are the
       seconds up to the first photo that is done, which is what starting takes, and photos per second over
       the last three quarters of them: the slope of a line through the moments at which they were done, as
       Ray hands over whole blocks, and the first would else count as having taken no time.
       What follows, as learning a space and building an index, is in the whole only. Files that fail count
       as done.

       Figures are medians over the repeats, with the smallest and the largest.
milvus fills a Milvus server that is there with made vectors of 128 numbers, as hard as photos' embeddings
       are (see bench_index.py), and asks it and the indexes of this machine the same queries in turns, one
       at a time. It is searched as far as finding 98 in 100 of the true nearest takes, as after a push, and
       as a search does: the vectors of what it found come along, and are scored here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_index import synthetic
from scripts.bench_report import Findings, Parser, Table, count, photo_files, run, say, spread
from simsearch import Library

# Library does not tell a search in its index from what comes before and after: under it, the rooms do.
from simsearch.index.exact import ExactIndex
from simsearch.index.faiss_index import FaissIndex
from simsearch.index.milvus import EFFORTS, MilvusIndex
from simsearch.index.milvus_collection import COLUMNS, Collection

_RAY_HEADINGS = {
    "encoded": "encoded",
    "workers": "workers",
    "startup_seconds": "to the first photo s",
    "photos_per_second": "photos/s",
    "seconds": "whole s",
}
_RAY_NOTES = [
    "Each run is into a new library; all on this one machine.",
    "Whole: up to the library that can be searched, with a space learnt and an index built.",
]


_MILVUS_HEADINGS = {
    "rows": "vectors",
    "engine": "index",
    "p50": "p50 ms",
    "p95": "p95 ms",
    "recall": "recall at 15",
    "added_per_second": "taken in a second",
    "built_seconds": "built after s",
}
_NAME = "simsearch_benchmark"
_K, _QUERIES, _RECALL = 15, 200, 0.98
_ROWS_AT_ONCE = 5_000


class Indexing(NamedTuple):
    """What a run took: up to the first photo, how many a second then, and as a whole."""

    startup_seconds: float
    photos_per_second: float
    seconds: float


def time_indexing(folder: Path, backbone: str, workers: int, on: str | None) -> Indexing:
    """Index a folder into a new library."""
    done: list[float] = []
    with tempfile.TemporaryDirectory(prefix="simsearch-bench-") as place:
        with Library.open(place, backbone=backbone) as library:
            started = time.perf_counter()
            report = library.sync(
                folder, workers=workers, on=on, progress=lambda *_: done.append(time.perf_counter())
            )
            ended = time.perf_counter()
    if report.interrupted:
        raise KeyboardInterrupt
    late = np.array(done[len(done) // 4 :]) - started
    rate = np.polynomial.Polynomial.fit(late, np.arange(len(late)), 1).convert().coef[1]
    return Indexing(done[0] - started, float(rate), ended - started)


def measure_ray(options: argparse.Namespace) -> Findings:
    """Measure indexing with local processes and with actors of Ray."""
    folder = options.folder.expanduser().resolve()
    files = photo_files(folder)
    size = sum(len(file.read_bytes()) for file in files)  # and the files are in memory now
    kinds = list(product([None, "ray"], options.workers))
    runs: dict[tuple[str | None, int], list[Indexing]] = {kind: [] for kind in kinds}
    for repeat in range(options.repeats):
        for on, workers in kinds:  # in turns: a machine that slows down does so for all
            say(f"{on or 'local'}, {workers} workers, repeat {repeat + 1} of {options.repeats} ...")
            runs[on, workers].append(time_indexing(folder, options.backbone, workers, on))
    subject = {
        "folder": str(folder),
        "files": len(files),
        "megabytes": round(size / 1e6),
        "backbone": options.backbone,
        "repeats": options.repeats,
    }
    return Findings(subject, [Table("ray", _RAY_HEADINGS, [_row(*run) for run in runs.items()], _RAY_NOTES)])


def _row(kind: tuple[str | None, int], runs: list[Indexing]) -> dict[str, Any]:
    on, workers = kind
    figures = {name: spread([getattr(run, name) for run in runs]) for name in Indexing._fields}
    return {"encoded": "on Ray" if on else "locally", "workers": workers, **figures}


def measure_milvus(options: argparse.Namespace) -> Findings:
    """Measure search in a Milvus server against search in this process."""
    rows: list[dict[str, Any]] = []
    for number in options.rows:
        data = synthetic(number)
        queries = data.queries[:_QUERIES]
        indexes = {
            "exact": _filled_here(ExactIndex(data.vectors.shape[1]), data.vectors),
            "faiss": _filled_here(FaissIndex(data.vectors.shape[1]), data.vectors),
        }
        truth = indexes["exact"][0].search(queries, _K)[0]
        say(f"{number:,} vectors to {options.milvus} ...")
        collection = Collection(options.milvus, _NAME, 600.0)
        try:
            indexes["milvus"] = _filled_there(collection, data.vectors, queries, truth)
            rows += [
                {"rows": number, "engine": engine, **asked, "added_per_second": rate, "built_seconds": built}
                for (engine, (_, rate, built)), asked in zip(
                    indexes.items(),
                    _asked([index for index, *_ in indexes.values()], queries, truth),
                    strict=True,
                )
            ]
        finally:
            collection.drop()
            collection.close()
    return Findings({"queries": _QUERIES, "k": _K}, [Table("milvus", _MILVUS_HEADINGS, rows, [])])


def _filled_here(index: Any, vectors: np.ndarray) -> tuple[Any, int, float]:
    """Return an index, vectors taken in a second, and seconds until it was built."""
    started = time.perf_counter()
    index.add(np.arange(len(vectors)), vectors)
    added = time.perf_counter()
    index.settle()
    return index, round(len(vectors) / (added - started)), round(time.perf_counter() - added, 1)


def _filled_there(
    collection: Collection, vectors: np.ndarray, queries: np.ndarray, truth: np.ndarray
) -> tuple[Any, int, float]:
    """Return the same of a collection, searched as far as it takes."""
    if collection.exists():
        collection.drop()
    collection.create(vectors.shape[1], shards=1)
    started = time.perf_counter()
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        ids = np.arange(start, min(start + _ROWS_AT_ONCE, len(vectors)))
        columns = {name: [0 if longest is None else ""] * len(ids) for name, longest in COLUMNS.items()}
        collection.upsert(ids, vectors[ids], ids, columns)
    added = time.perf_counter()
    collection.seal(lambda *_: None)
    built = time.perf_counter() - added
    index = MilvusIndex(collection)
    for index.effort in EFFORTS:
        if _recall(index.search(queries, _K)[0], truth) >= _RECALL:
            break
    return index, round(len(vectors) / (added - started)), round(built, 1)


def _asked(indexes: list[Any], queries: np.ndarray, truth: np.ndarray) -> list[dict[str, Any]]:
    """Return how long each index takes for a query, and what it finds."""
    took: list[list[float]] = [[] for _ in indexes]
    found: list[list[np.ndarray]] = [[] for _ in indexes]
    for query in queries:
        for index, times, ids in zip(indexes, took, found, strict=True):
            started = time.perf_counter()
            ids.append(index.search(query[None], _K)[0][0])
            times.append(1000 * (time.perf_counter() - started))
    return [
        {
            "p50": round(float(np.percentile(times, 50)), 2),
            "p95": round(float(np.percentile(times, 95)), 2),
            "recall": round(_recall(np.array(ids), truth), 4),
        }
        for times, ids in zip(took, found, strict=True)
    ]


def _recall(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([np.isin(true, some).mean() for true, some in zip(truth, found, strict=True)]))


class _Part(Parser):
    """Arguments of one part; --json stands before its name."""

    def __init__(self, **options: Any) -> None:
        argparse.ArgumentParser.__init__(self, **options)


def _add_ray(parts: Any) -> None:
    part = parts.add_parser("ray", help="encoding on Ray against encoding in local processes")
    part.add_folder()
    part.add_backbone()
    part.add_argument(
        "--workers", type=count, nargs="+", default=[1, 2], metavar="N",
        help="numbers of processes, or actors (default: 1 2)",
    )  # fmt: skip
    part.add_count("--repeats", 3, "measurements of each kind, in turns")
    part.set_defaults(measure=measure_ray)


def _add_milvus(parts: Any) -> None:
    part = parts.add_parser("milvus", help="search in a Milvus server against search in this process")
    part.add_argument("milvus", metavar="ADDRESS", help="of the server, such as milvus://127.0.0.1:19530")
    part.add_argument(
        "--rows", type=count, nargs="+", default=[50_000, 500_000], metavar="N",
        help="numbers of vectors (default: 50000 500000)",
    )  # fmt: skip
    part.set_defaults(measure=measure_milvus)


def main(arguments: list[str] | None = None) -> int:
    """Measure one part and print its table."""
    parser = Parser(__doc__, "python scripts/bench_scale_out.py ray ~/Pictures/2024 --repeats 5")
    parts = parser.add_subparsers(title="parts", required=True, metavar="PART", parser_class=_Part)
    _add_ray(parts)
    _add_milvus(parts)
    return run(parser, lambda options: options.measure(options), arguments)


if __name__ == "__main__":
    sys.exit(main())
