"""How much of the time indexing spends on what nobody can avoid: decoding the photos.

Two things are timed in turn, on the same files and with the same number of processes:

decoding alone  read the file, Pillow's Image.open, draft("RGB", (2 * side, 2 * side)) where side is the
                network's input size, ImageOps.exif_transpose, RGB, bicubic resize into a grey square of
                that side. Nothing else. The processes take file after file from one shared counter; they
                are started and have decoded a picture before the clock starts.
indexing        Library.sync into a new library as a user gets it: start of the worker processes, file
                walk, hashes, thumbnails, the network, and everything committed to the database.

Files that cannot be decoded count as tried in both. All files are read once before, so both find them in
memory. Figures are medians over the repeats, with the smallest and the largest.

"Indexing, once started" leaves out the time to the first finished photo: what large collections tend to.
For a small folder --copies makes a larger one in a temporary place: each copy of a photo has 12 other
bytes after its end, so that it is the same picture and another file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageOps

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_report import Findings, Parser, Spread, Table, cores, photo_files, run, say, spread
from scripts.made_photos import free_box
from simsearch import Library, SimsearchError

_HEADINGS = {
    "backbone": "backbone",
    "measured": "measured",
    "images_per_second": "images/s",
    "share_of_decoding": "of decoding alone",
}
_NOTES = [
    "Decoding alone: read, open, draft to twice the input side, upright, RGB, letterbox; warm processes.",
    "Indexing: Library.sync into a new library, start of its worker processes included.",
    "Once started: the same runs from the first finished photo on.",
]


def decode_alone(data: bytes, side: int) -> Image.Image:
    """Do what every indexer of photos must: from a file's bytes to an upright square of ``side`` pixels."""
    image: Image.Image = Image.open(BytesIO(data))
    image.draft("RGB", (2 * side, 2 * side))
    upright = ImageOps.exif_transpose(image).convert("RGB")
    scale = side / max(upright.size)
    size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
    square = Image.new("RGB", (side, side), (127, 127, 127))
    small = upright.resize(size, Image.Resampling.BICUBIC)
    square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return square


def decode_share(files: list[Path], side: int, taken: Any, parent: Connection) -> None:
    """Decode files until none is left to take (the body of a process); tell the parent how many failed."""
    warnings.simplefilter("ignore")  # damaged files are expected, and are not this program's to report
    warm_up = BytesIO()
    Image.new("RGB", (4 * side, 3 * side)).save(warm_up, "JPEG")
    decode_alone(warm_up.getvalue(), side)
    Image.init()
    parent.send("warm")
    parent.recv()
    failed = 0
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(files):
            break
        try:
            decode_alone(files[number].read_bytes(), side)
        except Exception:  # decoders raise anything at all on damaged files
            failed += 1
    parent.send(failed)


@contextmanager
def warm_decoders(files: list[Path], side: int, processes: int) -> Iterator[list[Connection]]:
    """Start processes that decode the files once they are sent anything; give the pipes to them."""
    context = multiprocessing.get_context("spawn")  # a fork would have our libraries loaded already
    taken = context.Value("q", 0)
    children, pipes = [], []
    for _ in range(processes):
        ours, theirs = context.Pipe()
        child = context.Process(target=decode_share, args=(files, side, taken, theirs), daemon=True)
        child.start()
        theirs.close()  # so that a child's death ends its pipe
        children.append(child)
        pipes.append(ours)
    try:
        for pipe in pipes:
            pipe.recv()
        yield pipes
    finally:
        for child, pipe in zip(children, pipes, strict=True):
            child.terminate()
            child.join()
            pipe.close()


def time_decoding(files: list[Path], side: int, processes: int) -> tuple[float, int]:
    """Decode all files on warm processes; return the seconds it took and the number that failed.

    Raises
    ------
    SimsearchError
        When a file kills the process that decodes it.
    """
    try:
        with warm_decoders(files, side, processes) as pipes:
            started = time.perf_counter()
            for pipe in pipes:
                pipe.send("go")
            failed = sum(pipe.recv() for pipe in pipes)
            return time.perf_counter() - started, failed
    except (EOFError, ConnectionError):
        raise SimsearchError("A decoding process died; find the photo by indexing the folder.") from None


class Indexing(NamedTuple):
    """Seconds that indexing took, as a whole and from the first finished photo on."""

    whole: float
    once_started: float


def time_indexing(folder: Path, backbone: str, workers: int) -> Indexing:
    """Index a folder into a new library."""
    first = 0.0

    def note_first(done: int, total: int) -> None:
        nonlocal first
        first = first or time.perf_counter()

    with tempfile.TemporaryDirectory(prefix="simsearch-bench-") as place:
        started = time.perf_counter()
        with Library.open(place, backbone=backbone) as library:
            report = library.sync(folder, workers=workers, progress=note_first)
        ended = time.perf_counter()
    if report.interrupted:
        raise KeyboardInterrupt
    return Indexing(ended - started, ended - first)


def copy_photos(files: list[Path], folder: Path, to: Path, copies: int) -> None:
    """Write ``copies`` of each file below ``to``, equal to the eye and different in content.

    A photo that is cut short by more than the 12 bytes that are added stays damaged.
    """
    for number in range(copies):
        for file in files:
            copy = to / str(number) / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes() + free_box(number))


def _input_side(backbone: str) -> int:
    """Return the network's input size; where this machine has not converted the network yet, do it now."""
    with (
        tempfile.TemporaryDirectory(prefix="simsearch-bench-") as place,
        Library.open(place, backbone=backbone) as library,
    ):
        return library.encoder.input_size


def _measure_backbone(
    folder: Path, files: list[Path], backbone: str, options: argparse.Namespace
) -> list[dict[str, Any]]:
    side = _input_side(backbone)
    rates: dict[str, list[float]] = {"decoding alone": [], "indexing": [], "indexing, once started": []}
    failed = 0
    for repeat in range(options.repeats):
        say(f"{backbone}: {len(files):,} files, repeat {repeat + 1} of {options.repeats} ...")
        seconds, failed = time_decoding(files, side, options.workers)
        indexing = time_indexing(folder, backbone, options.workers)
        rates["decoding alone"].append(len(files) / seconds)
        rates["indexing"].append(len(files) / indexing.whole)
        rates["indexing, once started"].append((len(files) - 1) / indexing.once_started)
    spreads = {measured: spread(values) for measured, values in rates.items()}
    decoding: Spread = spreads["decoding alone"]
    return [
        {
            "backbone": backbone,
            "measured": measured,
            "images_per_second": rate,
            "share_of_decoding": rate.median / decoding.median,
            "failed_to_decode": failed,
        }
        for measured, rate in spreads.items()
    ]


def _measure_folder(folder: Path, options: argparse.Namespace) -> Findings:
    files = photo_files(folder)
    size = sum(len(file.read_bytes()) for file in files)  # and the files are in memory now
    rows = [
        row for backbone in options.backbone for row in _measure_backbone(folder, files, backbone, options)
    ]
    subject = {
        "folder": str(options.folder.expanduser().resolve()),
        "copies": options.copies,
        "files": len(files),
        "megabytes": round(size / 1e6),
        "processes": options.workers,
        "repeats": options.repeats,
    }
    return Findings(subject, [Table("pipeline", _HEADINGS, rows, _NOTES)])


def _measure(options: argparse.Namespace) -> Findings:
    folder = options.folder.expanduser().resolve()
    files = photo_files(folder)
    if options.copies == 1:
        return _measure_folder(folder, options)
    with tempfile.TemporaryDirectory(prefix="simsearch-bench-photos-") as place:
        copy_photos(files, folder, Path(place), options.copies)
        return _measure_folder(Path(place).resolve(), options)


def main(arguments: list[str] | None = None) -> int:
    """Measure decoding and indexing with each backbone and print both."""
    parser = Parser(__doc__, "python scripts/bench_pipeline.py ~/Pictures/2024 --repeats 5")
    parser.add_folder()
    parser.add_backbones()
    parser.add_count("--workers", cores(), "processes for either measurement")
    parser.add_count("--repeats", 3, "measurements of each kind, in turn")
    parser.add_count("--copies", 1, "measure with so many copies of every photo")
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
