"""How good the network's own idea of similarity is: leave-one-out retrieval in a folder of class folders.

Every photo in turn is the query, the others are ranked by the cosine of their raw embeddings (no learnt
space, no re-ranking, equal cosines by id), and a photo is right where it is in the same class: the
same folder directly below FOLDER.

P@1, P@15  the share of right photos among the first 1 and 15. Always divided by 15: a class of 8
           photos cannot have more than 7/15.
mAP        the mean over the queries of average precision: the precision at the rank of each right
           photo, averaged over all right photos.
images/s   photos indexed a second, worker processes' start included.

A photo alone in its class, or directly in FOLDER, has nothing to find: it is ranked but does not ask.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_report import Findings, Parser, Table, photo_files, run, say
from simsearch import FolderError, Library

_SCORES_AT_ONCE = 4_000_000  # about 100 MB while a block of queries is ranked, whatever the collection
_HEADINGS = {
    "backbone": "backbone",
    "photos": "photos",
    "classes": "classes",
    "precision_at_1": "P@1",
    "precision_at_15": "P@15",
    "mean_average_precision": "mAP",
    "images_per_second": "images/s",
}


class Quality(NamedTuple):
    """How well the photos of a class find each other; means over the queries."""

    queries: int
    precision_at_1: float
    precision_at_15: float
    mean_average_precision: float


def precision_at(relevant: np.ndarray, k: int) -> np.ndarray:
    """Return the share of relevant items among the first k.

    Parameters
    ----------
    relevant
        (queries, ranked items) bool, best first. Where there are fewer than k, those missing count as wrong.

    Returns
    -------
    (queries,) float64
    """
    share: np.ndarray = relevant[:, :k].sum(axis=1) / k
    return share


def average_precision(relevant: np.ndarray) -> np.ndarray:
    """Return the precision at each relevant item's rank, averaged over the relevant items.

    Parameters
    ----------
    relevant
        (queries, ranked items) bool, best first, all items ranked.

    Returns
    -------
    (queries,) float64; 0 where nothing is relevant.
    """
    precisions = relevant.cumsum(axis=1) / np.arange(1, relevant.shape[1] + 1)
    mean: np.ndarray = (precisions * relevant).sum(axis=1) / np.maximum(relevant.sum(axis=1), 1)
    return mean


def rank_others(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Rank all items but the query itself by inner product with each query.

    Parameters
    ----------
    vectors
        (n, dim) float32 of unit length.
    queries
        (q,) int64: which of them ask.

    Returns
    -------
    (q, n - 1) int64, best first, equal scores by number.
    """
    scores = vectors[queries] @ vectors.T
    scores[np.arange(len(queries)), queries] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :-1]


def leave_one_out(vectors: np.ndarray, labels: np.ndarray) -> Quality:
    """Let every item that has company in its class look for the others.

    Parameters
    ----------
    vectors
        (n, dim) float32 of unit length.
    labels
        (n,) int64: the class of each.

    Raises
    ------
    ValueError
        When no class has two items.
    """
    asking = np.flatnonzero(np.bincount(labels)[labels] > 1)
    if not len(asking):
        raise ValueError("no class has two items")
    sums = np.zeros(3)
    step = max(1, _SCORES_AT_ONCE // len(vectors))
    for start in range(0, len(asking), step):
        queries = asking[start : start + step]
        relevant = labels[rank_others(vectors, queries)] == labels[queries, None]
        figures = precision_at(relevant, 1), precision_at(relevant, 15), average_precision(relevant)
        sums += [figure.sum() for figure in figures]
    return Quality(len(asking), *(float(total) for total in sums / len(asking)))


def class_of(path: Path, folder: Path) -> str:
    """Name a photo's class; one that lies directly in the folder is a class of its own."""
    return path.relative_to(folder).parts[0]


def embeddings(library: Path, dim: int) -> tuple[list[Path], np.ndarray]:
    """Read all photos' paths and embeddings, (n, dim) float32 of unit length, by id."""
    # Library finds photos and does not hand out vectors. Its store may, and documents their format.
    from simsearch.store import Store

    paths, blocks = [], []
    with closing(Store(library)) as store:
        for ids, vectors in store.vectors(dim):
            rows = store.rows(ids.tolist())
            paths += [rows[photo_id].path for photo_id in ids.tolist()]
            blocks.append(vectors)
    stacked = np.concatenate(blocks) if blocks else np.zeros((0, dim), np.float32)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)  # float16 in the store: not quite 1
    return paths, stacked / lengths


def _measure_backbone(folder: Path, backbone: str) -> dict[str, Any]:
    say(f"{backbone}: indexing {folder} ...")
    with tempfile.TemporaryDirectory(prefix="simsearch-bench-") as place:
        with Library.open(place, backbone=backbone) as library:
            report = library.sync(folder)
            dim = library.encoder.dim
        if report.interrupted:
            raise KeyboardInterrupt
        paths, vectors = embeddings(Path(place), dim)
    sizes = _class_sizes(folder, paths)
    numbers = {name: number for number, name in enumerate(sizes)}
    labels = np.array([numbers[class_of(path, folder)] for path in paths])
    say(f"{backbone}: ranking {len(paths):,} photos ...")
    return {
        "backbone": backbone,
        "photos": len(paths),
        "failed": len(report.failed),
        "classes": sum(size > 1 for size in sizes.values()),
        **leave_one_out(vectors, labels)._asdict(),
        "images_per_second": report.added / report.seconds,
    }


def _class_sizes(folder: Path, paths: list[Path]) -> Counter[str]:
    sizes = Counter(class_of(path, folder) for path in paths)
    if max(sizes.values(), default=0) < 2:
        raise FolderError(folder, "has no two photos of a class", "give it a folder of photos for each class")
    return sizes


def _measure(options: argparse.Namespace) -> Findings:
    folder = options.folder.expanduser().resolve()
    _class_sizes(folder, photo_files(folder))  # before the first network is loaded
    rows = [_measure_backbone(folder, backbone) for backbone in options.backbone]
    notes = ["Raw embeddings, exact cosine, the photo itself left out; P@15 is divided by 15 in any class."]
    return Findings({"folder": str(folder)}, [Table("quality", _HEADINGS, rows, notes)])


def main(arguments: list[str] | None = None) -> int:
    """Measure the quality of each backbone and print it."""
    parser = Parser(
        __doc__, "python scripts/bench_quality.py ~/labelled-photos --backbone efficientnet-lite2"
    )
    parser.add_folder()
    parser.add_backbones()
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
