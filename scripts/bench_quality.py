"""How well photos of one kind find each other: leave-one-out retrieval in a folder of class folders.

Every photo in turn is the query, the others are ranked, and a photo is right where it is in the same class:
the same folder directly below FOLDER. The query is in no other photo's list of neighbours either. First with
nothing learnt from labels,

raw        by the cosine of the embeddings as the network gives them
space      by the cosine in the space that the library learns by itself
search     as a user's search ranks: in that space, and by shared neighbours

then with the folders as labels. "known" are photos of the learnt kinds, a fifth of which was held out, asking
for those that were not; "unseen" are photos of the half of the kinds that was not told, asking all others.
Last, what the words mean: of the first 15 hits of each photo, those called "same kind" or better; and how
many pictures that show nothing of the kind (drawn ones, and those in --unlike) are told so.

P@1, P@15  the share of right photos among the first 1 and 15. Always divided by 15: a class of 8
           photos cannot have more than 7/15.
mAP        the mean over the queries of average precision: the precision at the rank of each right
           photo, averaged over all right photos.
accuracy   the share of photos whose class is the one that their 15 nearest vote for.
images/s   photos indexed a second, worker processes' start included.

A photo alone in its class, or directly in FOLDER, has nothing to find: it is ranked but does not ask.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_report import Findings, Parser, Table, photo_files, run, say
from scripts.retrieval import leave_one_out, precision_at, quality, rank_others, with_company
from simsearch import FolderError, LearningError, Library, PhotoError

# Library does not hand out vectors, nor rank a whole collection thousands of times: under it, the rooms do.
from simsearch.among import Among
from simsearch.indexes import Indexes
from simsearch.pixels import decode, letterbox, take
from simsearch.ranking import Examples, Found, Ranker, Wish
from simsearch.store import Store
from simsearch.trust import UNRELATED

_HELD_OUT = 5  # one photo of so many
_DRAWN = 12  # of each sort of picture that shows nothing
_QUALITY = {
    "backbone": "backbone",
    "ranking": "ranking",
    "photos": "photos",
    "classes": "classes",
    "precision_at_1": "P@1",
    "precision_at_15": "P@15",
    "mean_average_precision": "mAP",
    "images_per_second": "images/s",
}
_LABELS = {
    "backbone": "backbone",
    "photos": "photos asking",
    "ranking": "ranking",
    "precision_at_1": "P@1",
    "precision_at_15": "P@15",
    "accuracy": "accuracy",
    "seconds": "learnt in s",
}
_WORDS = {
    "backbone": "backbone",
    "called": "hits called same kind or better",
    "right": "of those, right",
    "found": "right hits so called",
    "unlike": "pictures unlike all",
    "nothing": "told so",
}


class Subject(NamedTuple):
    """A library with its photos' ids, raw embeddings, (n, dim) float32, and classes, (n,) int64."""

    library: Library
    ranker: Ranker
    ids: np.ndarray
    vectors: np.ndarray
    classes: np.ndarray

    def found(
        self,
        embedding: np.ndarray,
        k: int,
        *,
        photo: int | None,
        rerank: bool,
        among: np.ndarray | None = None,
    ) -> list[Found]:
        """Search as a user does, with an embedding, (dim,) float32, of a photo of the library or of none."""
        photos = np.array([] if photo is None else [photo], dtype=np.int64)
        examples = Examples(embedding[None], embedding[None][:0], photos)
        allowed = None if among is None else Among(among)
        return self.ranker.find(examples, Wish(k, "exact", rerank, 0.0, False), allowed)

    def relevant(
        self, asking: np.ndarray, *, rerank: bool, k: int, among: np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        """Yield for each photo that asks, by its place, which of the first k others are of its class."""
        for place in asking.tolist():
            photo = int(self.ids[place])
            found = self.found(self.vectors[place], k, photo=photo, rerank=rerank, among=among)
            places = np.searchsorted(self.ids, [hit.id for hit in found])
            yield (self.classes[places] == self.classes[place])[None]


def class_of(path: Path, folder: Path) -> str:
    """Name a photo's class; one that lies directly in the folder is a class of its own."""
    return path.relative_to(folder).parts[0]


def embeddings(store: Store, dim: int) -> tuple[np.ndarray, list[Path], np.ndarray]:
    """Read all photos' ids, paths and embeddings, (n, dim) float32 of unit length, by id."""
    paths, blocks, numbers = [], [np.zeros((0, dim), np.float32)], [np.zeros(0, np.int64)]
    for ids, vectors in store.vectors(dim):
        rows = store.rows(ids.tolist())
        paths += [rows[photo_id].path for photo_id in ids.tolist()]
        blocks.append(vectors)
        numbers.append(ids)
    stacked = np.concatenate(blocks)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)  # float16 in the store: not quite 1
    return np.concatenate(numbers), paths, stacked / lengths


class _Rows(NamedTuple):
    quality: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    words: list[dict[str, Any]]


def _measure_backbone(folder: Path, backbone: str, unlike: list[Path]) -> _Rows:
    say(f"{backbone}: indexing {folder} ...")
    with tempfile.TemporaryDirectory(prefix="simsearch-bench-") as place:
        with Library.open(place, backbone=backbone) as library:
            report = library.sync(folder)
            if report.interrupted:
                raise KeyboardInterrupt
            store = Store(Path(place))
            ids, paths, vectors = embeddings(store, library.encoder.dim)
            sizes = _class_sizes(folder, paths)
            numbers = {name: number for number, name in enumerate(sizes)}
            classes = np.array([numbers[class_of(path, folder)] for path in paths])
            subject = Subject(library, Ranker(store, Indexes(store)), ids, vectors, classes)
            named = {"backbone": backbone, "photos": len(paths), "failed": len(report.failed)}
            named["classes"] = sum(size > 1 for size in sizes.values())
            say(f"{backbone}: ranking {len(paths):,} photos ...")
            ranked = [{**named, **row} for row in _rankings(subject)]
            ranked[0]["images_per_second"] = report.added / report.seconds
            words = {"backbone": backbone, **_words(subject, unlike)}
            say(f"{backbone}: learning the folders ...")
            labels = [{"backbone": backbone, **row} for row in _labels(subject, paths, Path(place))]
            store.close()
            return _Rows(ranked, labels, [words])


def _class_sizes(folder: Path, paths: list[Path]) -> Counter[str]:
    sizes = Counter(class_of(path, folder) for path in paths)
    if max(sizes.values(), default=0) < 2:
        raise FolderError(folder, "has no two photos of a class", "give it a folder of photos for each class")
    return sizes


# Without labels


def _rankings(subject: Subject) -> Iterator[dict[str, Any]]:
    asking = with_company(subject.classes)
    yield {"ranking": "raw", **leave_one_out(subject.vectors, subject.classes)._asdict()}
    for name, rerank in (("space", False), ("search", True)):
        relevant = subject.relevant(asking, rerank=rerank, k=len(subject.ids))
        yield {"ranking": name, **quality(relevant)._asdict()}


def _words(subject: Subject, unlike: list[Path]) -> dict[str, Any]:
    """Measure what the words are worth."""
    called = right = there = 0
    for place in with_company(subject.classes).tolist():
        photo = int(subject.ids[place])
        hits = subject.found(subject.vectors[place], 15, photo=photo, rerank=True)
        same = (
            subject.classes[np.searchsorted(subject.ids, [hit.id for hit in hits])] == subject.classes[place]
        )
        so_called = np.array([hit.trust not in (None, UNRELATED) for hit in hits])
        called += int(so_called.sum())
        right += int((so_called & same).sum())
        there += int(same.sum())
    nothing = [
        all(hit.trust == UNRELATED for hit in subject.found(vector, 15, photo=None, rerank=True))
        for vector in _encoded(subject.library, unlike)
    ]
    return {
        "called": called,
        "right": right / max(called, 1),
        "found": right / max(there, 1),
        "unlike": len(nothing),
        "nothing": float(np.mean(nothing)),
    }


def _encoded(library: Library, unlike: list[Path]) -> Iterator[np.ndarray]:
    """Yield the embeddings of pictures that show nothing of what a library holds."""
    side = library.encoder.input_size
    pictures: list[Path | Image.Image] = [*unlike, *drawn_pictures()]
    for picture in pictures:
        try:
            source, name = take(picture)
            yield library.encoder.encode(letterbox(decode(source, name, at_least=2 * side).image, side))
        except (PhotoError, ValueError):  # damaged; the network sees nothing in it
            continue


def drawn_pictures() -> Iterator[Image.Image]:
    """Yield pictures of nothing: noise fine and coarse, gradients, stripes, plain colours, surfaces."""
    size = (300, 400, 3)
    for seed in range(_DRAWN):
        random = np.random.default_rng(seed)
        yield Image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
        grain = random.integers(0, 256, (*random.integers(3, 40, 2), 3), dtype=np.uint8)
        yield Image.fromarray(grain).resize((400, 300), Image.Resampling.BICUBIC)
        ends = random.integers(0, 256, (2, 1, 3))
        ramp = np.linspace(0, 1, 400)[None, :, None]
        gradient = np.broadcast_to(ends[0] * (1 - ramp) + ends[1] * ramp, size)
        yield Image.fromarray(gradient.astype(np.uint8))
        waves = np.sin(np.arange(400) * random.uniform(0.05, 1))[None, :, None] > random.uniform(-0.5, 0.5)
        yield Image.fromarray(np.broadcast_to(np.where(waves, ends[0], ends[1]), size).astype(np.uint8))
        yield Image.new("RGB", (400, 300), tuple(random.integers(0, 256, 3).tolist()))


# With labels


def _labels(subject: Subject, paths: list[Path], place: Path) -> Iterator[dict[str, Any]]:
    """Yield how photos that were not learnt from are found: of kinds that were told, and of others."""
    sizes = np.bincount(subject.classes)
    random = np.random.default_rng(0)
    large = np.flatnonzero(sizes >= 2 * _HELD_OUT)
    if len(large) < 4:
        say("too few classes of ten photos or more to learn from")
        return
    held_out = np.zeros(len(paths), dtype=bool)
    for number in large:
        members = np.flatnonzero(subject.classes == number)
        held_out[random.permutation(members)[: len(members) // _HELD_OUT]] = True
    told = np.isin(subject.classes, large) & ~held_out
    yield from _learnt_from(subject, paths, place, "known", told, np.flatnonzero(held_out), told)
    half = random.permutation(large)[: len(large) // 2]
    others = np.flatnonzero(np.isin(subject.classes, large) & ~np.isin(subject.classes, half))
    told = np.isin(subject.classes, half)
    yield from _learnt_from(subject, paths, place, "unseen", told, others, np.ones(len(paths), dtype=bool))


def _learnt_from(
    subject: Subject,
    paths: list[Path],
    place: Path,
    name: str,
    told: np.ndarray,
    asking: np.ndarray,
    answering: np.ndarray,
) -> Iterator[dict[str, Any]]:
    labels = place / "labels.csv"
    with labels.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((paths[at], subject.classes[at]) for at in np.flatnonzero(told))
    raw = [row[answering[row]][:15] for row in rank_others(subject.vectors, asking)]
    yield {"photos": name, "ranking": "raw", **_found(subject, asking, raw)}
    started = time.perf_counter()
    try:
        subject.library.learn("folders", labels=labels, force=True)
    except LearningError as error:
        say(str(error))
        return
    seconds = time.perf_counter() - started
    among = None if answering.all() else subject.ids[answering]
    for ranking, rerank in (("learnt", False), ("learnt search", True)):
        rows = [
            np.searchsorted(
                subject.ids,
                [
                    hit.id
                    for hit in subject.found(
                        subject.vectors[at], 15, photo=int(subject.ids[at]), rerank=rerank, among=among
                    )
                ],
            )
            for at in asking.tolist()
        ]
        yield {"photos": name, "ranking": ranking, **_found(subject, asking, rows), "seconds": seconds}


def _found(subject: Subject, asking: np.ndarray, rows: Iterable[np.ndarray]) -> dict[str, float]:
    """Return the means over photos that ask, by the places of the first 15 that each found."""
    found = np.array([subject.classes[row] for row in rows])
    relevant = found == subject.classes[asking, None]
    votes = np.array([np.bincount(row).argmax() for row in found])
    return {
        "precision_at_1": float(precision_at(relevant, 1).mean()),
        "precision_at_15": float(precision_at(relevant, 15).mean()),
        "accuracy": float((votes == subject.classes[asking]).mean()),
    }


def _measure(options: argparse.Namespace) -> Findings:
    folder = options.folder.expanduser().resolve()
    _class_sizes(folder, photo_files(folder))  # before the first network is loaded
    unlike = [path for other in options.unlike for path in photo_files(other.expanduser().resolve())]
    rows = [_measure_backbone(folder, backbone, unlike) for backbone in options.backbone]
    tables = [
        Table("quality", _QUALITY, [row for one in rows for row in one.quality], []),
        Table("folders as labels", _LABELS, [row for one in rows for row in one.labels], []),
        Table("what the words mean", _WORDS, [row for one in rows for row in one.words], []),
    ]
    return Findings({"folder": str(folder)}, tables)


def main(arguments: list[str] | None = None) -> int:
    """Measure the quality of each backbone and print it."""
    parser = Parser(
        __doc__, "python scripts/bench_quality.py ~/labelled-photos --backbone efficientnet-lite2"
    )
    parser.add_folder()
    parser.add_backbones()
    parser.add_argument(
        "--unlike", nargs="*", type=Path, default=[], metavar="DIR", help="pictures unlike any in FOLDER"
    )
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
