"""How many copies of photos are found, beside pHash, and how long it takes to find all near pairs of vectors.

copies  Of N photos of FOLDER six copies are made each: recompressed at JPEG quality 30, scaled to a quarter
        of both sides, cropped to 70 % of them (anywhere), rotated by 90 degrees, mirrored, and brightened by
        half. All are indexed, and `Library.groups.copies` is asked. A copy is found where it is in one group
        with its original. Photos that hold the same picture already are among the N as they come; so what is
        called a false pair may be a true one: --sheet FILE draws all such pairs for you to look at.
pHash   the package imagehash as it is used: 64 bits, a pair where no more than 8 or 10 of them differ. A copy
        is found where that holds for it and its original.
        False pairs are those of different originals, both as they came: of simsearch, the groups that hold
        two; of pHash, the pairs.
pairs   Vectors as hard as photos' embeddings (`synthetic` in scripts/bench_index.py), a tenth of which are
        near copies of others. All pairs with a cosine of at least 0.95 are looked for in the graph of
        neighbours; recall is measured against the exact pairs of a sample of vectors.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_index import synthetic, unit
from scripts.bench_report import Findings, Parser, Table, cores, count, photo_files, run, say
from simsearch import CopyGroup, FolderError, Library
from simsearch.distortions import DISTORTIONS
from simsearch.index.graph import Graph  # Library does not find pairs of vectors alone

_SIZES = [10_000, 30_000, 100_000]
_PHOTOS = 2_000
_KEPT = 0.7  # of both sides, by a crop
_QUALITY = 90  # of the copies that are not poor on purpose: as editors save them
_BITS = (8, 10)  # that may differ between two pHashes: what its users allow, and imagededup's default
_NEAR = 0.95  # cosine: as near as a photo and its recompressed copy
_NOISE = 0.25  # length, of a near copy's difference from its original: cosines from 0.96 on
_COPIED = 10  # one of so many vectors is a near copy
_ASKED = 1_000  # vectors whose exact pairs are compared with those found

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def _cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = (max(1, round(side * _KEPT)) for side in image.size)
    left, top = (int(rng.integers(0, most + 1)) for most in (image.width - width, image.height - height))
    return image.crop((left, top, left + width, top + height))


def _by(name: str) -> Change:
    return lambda image, _: DISTORTIONS[name](image)


CHANGES: dict[str, Change] = {
    "recompressed": _by("recompressed"),
    "quarter size": _by("quarter size"),
    "cropped": _cropped,
    "rotated": _by("rotated by 90 degrees"),
    "mirrored": _by("mirrored"),
    "brighter": _by("brighter"),
}
_COPIES_HEADINGS = {
    "method": "method",
    **{name: name for name in CHANGES},
    "false": "false pairs",
    "rate": "of all",
}
_PAIRS_HEADINGS = {
    "vectors": "vectors",
    "seconds": "seconds",
    "pairs": "pairs",
    "recall": "recall",
    "exact": "exact pairs of the sample",
    "microseconds": "microseconds a vector",
}


# Copies


def make_copies(photos: list[Path], place: Path) -> None:
    """Copy photos to the folder "original" in a place, and what is made of them to one folder a change."""
    rng = np.random.default_rng(0)
    for name in ("original", *CHANGES):
        (place / name).mkdir(parents=True)
    for number, photo in enumerate(photos):
        with Image.open(photo) as opened:
            image = opened.convert("RGB")
        # Saved again without loss, so that suffix and Exif tell nobody which of them was the first.
        image.save(place / "original" / f"{number:06}.png", compress_level=1)
        for name, change in CHANGES.items():
            quality = 30 if name == "recompressed" else _QUALITY
            made = image if name == "recompressed" else change(image, rng)
            made.save(place / name / f"{number:06}.jpg", quality=quality)


def found_copies(groups: list[CopyGroup], number: int) -> dict[str, float]:
    """Return the share of each change's copies, of so many, that are in one group with their original."""
    group_of = {}
    for place, group in enumerate(groups):
        for photo in (group.best, *(copy.photo for copy in group.copies)):
            group_of[photo.path.parent.name, photo.path.stem] = place
    found = dict.fromkeys(CHANGES, 0)
    for (change, stem), place in group_of.items():
        if change in found and group_of.get(("original", stem)) == place:
            found[change] += 1
    return {change: hits / number for change, hits in found.items()}


def false_pairs(groups: list[CopyGroup]) -> set[tuple[str, str]]:
    """Return the names of originals, as pairs, that are in one group."""
    false = set()
    for group in groups:
        photos = [group.best, *(copy.photo for copy in group.copies)]
        stems = sorted(photo.path.stem for photo in photos if photo.path.parent.name == "original")
        false |= {(one, other) for place, one in enumerate(stems) for other in stems[place + 1 :]}
    return false


def _measure_copies(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    photos = photo_files(options.folder)
    chosen = np.random.default_rng(0).permutation(len(photos))[: options.photos]
    photos = [photos[place] for place in sorted(chosen.tolist())]
    with tempfile.TemporaryDirectory(prefix="simsearch-bench-") as here:
        place = Path(here)
        say(f"making {len(CHANGES)} copies of each of {len(photos):,} photos ...")
        make_copies(photos, place / "photos")
        say("indexing ...")
        with Library.open(place / "library", backbone=options.backbone) as library:
            if library.sync(place / "photos").interrupted:
                raise KeyboardInterrupt
            say("looking for copies ...")
            started = time.perf_counter()
            groups = library.groups.copies()
            seconds = time.perf_counter() - started
            started = time.perf_counter()
            library.groups.copies()
            again = time.perf_counter() - started
        false = false_pairs(groups)
        if options.sheet:
            _draw_sheet(sorted(false), place / "photos" / "original", options.sheet)
        pairs = len(photos) * (len(photos) - 1) / 2
        rows = [
            {
                "method": "simsearch",
                **found_copies(groups, len(photos)),
                "false": len(false),
                "rate": len(false) / pairs,
            }
        ]
        say("computing pHash ...")
        rows += _by_phash(place / "photos", len(photos))
    files = len(photos) * (1 + len(CHANGES))
    note = f"simsearch: {files:,} files in {seconds:.0f} s the first time, {again:.1f} s the second."
    return rows, [note]


def _by_phash(place: Path, number: int) -> list[dict[str, Any]]:
    try:
        import imagehash
    except ImportError:
        say("pHash is left out, as the package imagehash is not installed")
        return []
    bits = {
        name: np.array(
            [imagehash.phash(Image.open(file)).hash.ravel() for file in sorted((place / name).iterdir())]
        )
        for name in ("original", *CHANGES)
    }
    signs = bits["original"].astype(np.float32) * 2 - 1
    apart = ((signs.shape[1] - signs @ signs.T) / 2)[np.triu_indices(number, 1)]
    return [
        {
            "method": f"pHash, up to {most} bits",
            **{
                name: float(((bits["original"] != bits[name]).sum(axis=1) <= most).mean()) for name in CHANGES
            },
            "false": int((apart <= most).sum()),
            "rate": float((apart <= most).mean()),
        }
        for most in _BITS
    ]


def _draw_sheet(pairs: list[tuple[str, str]], originals: Path, file: Path) -> None:
    """Draw pairs of originals, eight in a row."""
    side, across = 100, 8
    sheet = Image.new("RGB", (across * (2 * side + 10), -(-max(len(pairs), 1) // across) * side), "white")
    for number, pair in enumerate(pairs):
        row, column = divmod(number, across)
        for place, stem in enumerate(pair):
            with Image.open(originals / f"{stem}.png") as image:
                image.thumbnail((side - 4, side - 4))
                sheet.paste(image, (column * (2 * side + 10) + place * side, row * side))
    sheet.save(file)


# Pairs


def with_copies(size: int) -> np.ndarray:
    """Return so many vectors, (size, 128) float32 of unit length, a tenth of them near copies of others."""
    vectors = synthetic(size).vectors
    rng = np.random.default_rng(1)
    order = rng.permutation(size)
    copied = order[: size // _COPIED]
    # Of a tenth of the rest, so that one has a copy, another two or five, as photos do.
    sources = rng.choice(order[len(copied) :][: max(size // _COPIED, 1)], len(copied))
    noise = rng.standard_normal((len(copied), vectors.shape[1])).astype(np.float32)
    lengths = rng.uniform(0, _NOISE, (len(copied), 1)).astype(np.float32)
    vectors[copied] = unit(vectors[sources] + unit(noise) * lengths)
    return vectors


def near_pairs(graph: Graph, cosine: float) -> np.ndarray:
    """Return the pairs of vectors from a cosine on, (m, 2) int64, the smaller id first, each once."""
    near, cosines = graph.neighbours(graph.ids)
    ones, places = np.nonzero(cosines >= cosine)
    pairs = np.sort(np.stack([graph.ids[ones], near[ones, places]], axis=1), axis=1)
    return np.unique(pairs, axis=0)


def timed(size: int) -> dict[str, Any]:
    """Find the pairs of so many vectors."""
    say(f"pairs of {size:,} vectors ...")
    vectors = with_copies(size)
    started = time.perf_counter()
    pairs = near_pairs(Graph.build(np.arange(size), vectors), _NEAR)
    seconds = time.perf_counter() - started
    found = defaultdict(set)
    for one, other in pairs.tolist():
        found[one].add(other)
        found[other].add(one)
    asked = np.random.default_rng(2).choice(size, min(_ASKED, size), replace=False)
    hits = exact = 0
    for some in np.array_split(asked, -(-len(asked) // 50)):
        products = vectors[some] @ vectors.T
        products[np.arange(len(some)), some] = -1
        for one, row in zip(some.tolist(), products, strict=True):
            true = set(np.flatnonzero(row >= _NEAR).tolist())
            exact, hits = exact + len(true), hits + len(true & found[one])
    return {
        "vectors": size,
        "seconds": seconds,
        "pairs": len(pairs),
        "recall": hits / max(exact, 1),
        "exact": exact,
        "microseconds": 1e6 * seconds / size,
    }


def plot(rows: list[dict[str, Any]], file: Path) -> None:
    """Draw seconds against vectors, both by powers of ten, beside a line that is linear."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = np.array([row["vectors"] for row in rows], dtype=float)
    seconds = np.array([row["seconds"] for row in rows])
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    axes.loglog(sizes, seconds, "o-", color="#2b8cbe", label="all near pairs, by the graph")
    axes.loglog(sizes, seconds[0] * sizes / sizes[0], "--", color="#8a8a8a", label="linear")
    axes.loglog(
        sizes, seconds[0] * (sizes / sizes[0]) ** 2, ":", color="#c4374a", label="each with each: quadratic"
    )
    for size, second in zip(sizes, seconds, strict=True):
        axes.annotate(f"{second:,.1f} s", (size, second), (0, -14), textcoords="offset points", ha="center")
    axes.set(xlabel="vectors", ylabel="seconds", title=f"Near-duplicate pairs, {cores()} cores")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=120)


def _measure(options: argparse.Namespace) -> Findings:
    tables, subject = [], {}
    if options.folder is not None:
        if options.photos < 2:
            raise FolderError(options.folder, "one photo has no false pairs", "ask for --photos 2 or more")
        rows, notes = _measure_copies(options)
        subject = {
            "folder": str(options.folder),
            "photos": min(options.photos, len(photo_files(options.folder))),
        }
        tables.append(Table("copies", _COPIES_HEADINGS, rows, notes))
    if options.sizes:
        rows = [timed(size) for size in options.sizes]
        if options.plot:
            plot(rows, options.plot)
        tables.append(Table("pairs", _PAIRS_HEADINGS, rows, []))
    return Findings(subject, tables)


def main(arguments: list[str] | None = None) -> int:
    """Measure copies and pairs, and print them."""
    parser = Parser(
        __doc__, "python scripts/bench_groups.py ~/Pictures --sizes 10000 1000000 --plot pairs.png"
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="photos (default: only pairs)")
    parser.add_backbone()
    parser.add_count("--photos", _PHOTOS, "how many photos copies are made of")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="draw the false pairs")
    parser.add_argument(
        "--sizes", type=count, nargs="*", default=_SIZES, metavar="N",
        help=f"numbers of vectors to find pairs of (default: {' '.join(map(str, _SIZES))})",
    )  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw seconds against vectors")
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
