"""How well clusters agree with a folder of class folders, beside other methods, and how long they take.

The photos are indexed, seen in the space that the library learns by itself, and clustered without a look at
their folders. A cluster is held against the class: the folder directly below FOLDER.

simsearch   what it has, at each grain, by the graph of neighbours; nobody says how many
k-means     FAISS's, spherical, told how many classes there are, or given the root of the number of photos
HDBSCAN     scikit-learn's, clusters of 5, 10 or 20 photos at least
Ward        scikit-learn's, told how many classes there are; it compares each photo with each

AMI         adjusted mutual information with the classes: 1 is the same, 0 no better than chance.
pure        the share of photos whose class is that of most in their cluster.
nowhere     the share of photos in no cluster; for AMI each of them is one by itself.

Then vectors as hard as photos' embeddings (`synthetic` in scripts/bench_index.py), with none of the classes:
how long the graph of so many takes, which a library has anyway, and how long the clusters at all grains.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_index import synthetic
from scripts.bench_quality import class_of, embeddings
from scripts.bench_report import Findings, Parser, Table, count, photo_files, run, say
from simsearch import FolderError, Library

# Library does not hand out vectors: under it, the rooms do.
from simsearch.clustering import GRAINS, Clustering
from simsearch.index.graph import Graph
from simsearch.indexes import Indexes
from simsearch.store import Store

_SIZES = [10_000, 100_000]
_HDBSCAN = (5, 10, 20)  # photos in a cluster, at least
_AGREEMENT = {
    "backbone": "backbone",
    "method": "method",
    "clusters": "clusters",
    "ami": "AMI",
    "pure": "pure",
    "nowhere": "nowhere",
    "seconds": "seconds",
}
_TIME = {
    "vectors": "vectors",
    "graph_seconds": "graph s",
    "seconds": "clusters s",
    **{grain: grain for grain in GRAINS},
}


# Agreement with classes


def clusters(ids: np.ndarray, vectors: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    """Return the labels, (n,) int64, of ids, (n,) ascending, at each grain, -1 where nowhere, and seconds."""
    graph = Graph.build(ids, vectors)
    lists, cosines = graph.lists
    started = time.perf_counter()
    made = Clustering.build(ids, lists, cosines, lambda places: vectors[places])
    seconds = time.perf_counter() - started
    labels = {}
    for grain, members in made.grains.items():
        labels[grain] = np.full(len(ids), -1)
        for number, photos in enumerate(members.each()):
            labels[grain][np.searchsorted(ids, photos)] = number
    return labels, seconds


def k_means(vectors: np.ndarray, number: int) -> np.ndarray:
    """Return the labels, (n,) int64, that spherical k-means gives vectors, (n, dim) float32."""
    import faiss

    means = faiss.Kmeans(
        vectors.shape[1], number, niter=25, spherical=True, seed=1, min_points_per_centroid=1
    )
    means.train(vectors)
    return np.asarray(means.index.search(vectors, 1)[1][:, 0])


def others(vectors: np.ndarray, classes: int) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Yield the names of other methods, and what gives their labels."""
    from sklearn.cluster import HDBSCAN, AgglomerativeClustering

    yield f"k-means, k = {classes}", partial(k_means, vectors, classes)
    root = round(len(vectors) ** 0.5)
    yield f"k-means, k = {root}", partial(k_means, vectors, root)
    for least in _HDBSCAN:
        if least < len(vectors):
            method = HDBSCAN(min_cluster_size=least, min_samples=min(5, least), copy=True)
            yield f"HDBSCAN, {least}", partial(method.fit_predict, vectors)
    ward = AgglomerativeClustering(n_clusters=classes, linkage="ward")
    yield f"Ward, k = {classes}", partial(ward.fit_predict, vectors)


def agreement(classes: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Hold labels, (n,), -1 where nowhere, against classes, (n,) int64."""
    from sklearn.metrics import adjusted_mutual_info_score

    nowhere = labels < 0
    apart = labels.copy()
    apart[nowhere] = labels.max(initial=-1) + 1 + np.arange(nowhere.sum())
    counted = [np.bincount(classes[labels == one]).max() for one in np.unique(labels[~nowhere])]
    return {
        "clusters": len(counted),
        "ami": float(adjusted_mutual_info_score(classes, apart)),
        "pure": float(sum(counted) / max((~nowhere).sum(), 1)),
        "nowhere": float(nowhere.mean()),
    }


def _agreements(folder: Path, backbone: str) -> Iterator[dict[str, Any]]:
    say(f"{backbone}: indexing {folder} ...")
    with tempfile.TemporaryDirectory(prefix="simsearch-bench-") as place:
        with Library.open(place, backbone=backbone) as library:
            if library.sync(folder).interrupted:
                raise KeyboardInterrupt
            store = Store(Path(place))
            ids, paths, raw = embeddings(store, library.encoder.dim)
            vectors = Indexes(store).vectors(library.encoder.dim).of(raw)
            store.close()
    classes = np.unique([class_of(path, folder) for path in paths], return_inverse=True)[1]
    say(f"{backbone}: clustering {len(ids):,} photos ...")
    labels, seconds = clusters(ids, vectors)
    for grain, one in labels.items():
        yield {"method": f"simsearch, {grain}", **agreement(classes, one), "seconds": seconds}
    for name, method in others(vectors, int(classes.max()) + 1):
        started = time.perf_counter()
        one = method()
        yield {"method": name, "seconds": time.perf_counter() - started, **agreement(classes, one)}


# Time


def timed(size: int) -> dict[str, Any]:
    """Measure with so many vectors."""
    say(f"clustering {size:,} vectors ...")
    vectors = synthetic(size).vectors
    started = time.perf_counter()
    graph = Graph.build(np.arange(size), vectors)
    graph_seconds = time.perf_counter() - started
    started = time.perf_counter()
    lists, cosines = graph.lists
    made = Clustering.build(graph.ids, lists, cosines, lambda places: vectors[places])
    seconds = time.perf_counter() - started
    found = {grain: len(members.sizes) for grain, members in made.grains.items()}
    return {"vectors": size, "graph_seconds": graph_seconds, "seconds": seconds, **found}


def _measure(options: argparse.Namespace) -> Findings:
    tables = []
    subject = {}
    if options.folder is not None:
        folder = options.folder.expanduser().resolve()
        if len({class_of(path, folder) for path in photo_files(folder)}) < 2:
            raise FolderError(folder, "has no two classes", "give it a folder of photos for each class")
        subject = {"folder": str(folder)}
        rows = [{"backbone": name, **row} for name in options.backbone for row in _agreements(folder, name)]
        tables.append(Table("agreement", _AGREEMENT, rows, []))
    if options.sizes:
        tables.append(Table("time", _TIME, [timed(size) for size in options.sizes], []))
    return Findings(subject, tables)


def main(arguments: list[str] | None = None) -> int:
    """Measure agreement and time, and print them."""
    parser = Parser(__doc__, "python scripts/bench_clusters.py ~/labelled-photos --sizes 1000000")
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help="holds a folder for each class (default: only time)",
    )
    parser.add_backbones()
    parser.add_argument(
        "--sizes", type=count, nargs="*", default=_SIZES, metavar="N",
        help=f"numbers of vectors to time (default: {' '.join(map(str, _SIZES))})",
    )  # fmt: skip
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
