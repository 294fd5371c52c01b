"""Whether a large collection costs more than a small one: memory while indexing, and a second run's speed.

For each of --files a collection of so many small photos (96 pixels, 2 to 5 kB, each another picture, 500 in a
folder) is made in a temporary place and indexed into a new library by the real command. Every fifth of a
second the memory of its process and of each worker is looked at: the peak, and the mean over the last quarter
of the time. For workers the largest is told. Resident memory counts what processes have in common in each of
them, and what is mapped from files, as an index is, which the system may take back; "not of files" leaves the
latter out, and --json has the proportional share as well. Sizes to compare are in one run of this script.

Then the command runs again over the unchanged files, as a new process each time: files per second are of the
run as it reports itself, without the start of Python. At last a search, as a process of its own, and warm
ones in a running library, in turns with plain ones: what re-ranking and judging make longer is told.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_report import Findings, Parser, Table, cores, count, run, say, spread
from scripts.bench_search import child_environment, cold_commands, last_line, run_process
from scripts.made_photos import make_photos
from scripts.processes import Memory, Sampler, index_command
from simsearch import Library, SimsearchError, running

_WARM_QUERIES = 30
_SIDE = 96
_HEADINGS = {
    "files": "files",
    "indexed_per_second": "indexed/s",
    "parent_peak": "parent peak MB",
    "parent_late": "at the end",
    "parent_peak_anonymous": "not of files",
    "worker_peak": "worker peak MB",
    "worker_late": "at the end",
    "second_run_per_second": "second run files/s",
    "second_run_peak": "peak MB",
    "search_milliseconds": "search ms",
    "warm_milliseconds": "warm",
    "reranking_milliseconds": "of it re-ranking",
    "library_megabytes": "library MB",
}
_NOTES = [
    "Peak and mean over the last quarter of resident memory; not of files: the peak of what is not mapped.",
    "Second run: over the unchanged files, in a new process.",
]


class Indexed(NamedTuple):
    """What a run of the command took."""

    seconds: float
    parent: Memory
    worker: Memory


def index(command: list[str], library: Path, environment: dict[str, str]) -> Indexed:
    """Run a command that indexes good photos.

    Raises
    ------
    SimsearchError
        When it fails.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        with process, Sampler(process.pid) as sampler:
            code = process.wait()
        if code:
            raise SimsearchError(f"indexing failed: {last_line(errors)}")
    return Indexed(seconds_of_last_run(library), sampler.parent, sampler.worker)


def seconds_of_last_run(library: Path) -> float:
    """Return what the last run into a library says it took.

    Raises
    ------
    SimsearchError
        When it says nothing.
    """
    last = running.last(library)
    if not last or not last["report"]:
        raise SimsearchError(f"no report of the run was left in {library}")
    return float(last["report"]["seconds"])


def index_again(command: list[str], library: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Run the command once more; return seconds, and peak megabytes as the system accounts for them."""
    peak = run_process(command, environment).peak_megabytes  # too short a run to be sampled
    return seconds_of_last_run(library), peak


def megabytes(folder: Path) -> float:
    """Return the size of all files of a folder."""
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


def measure_size(place: Path, files: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure with a collection of so many files, made in an empty folder; return its row."""
    photos, library = place / "photos", place / "library"
    environment = child_environment(place)
    say(f"making {files:,} photos ...")
    query = list(make_photos(photos, files, _SIDE))[-1]
    flags = ["--backbone", options.backbone, "--workers", str(options.workers)]
    command = index_command(sys.executable, [photos], library, *flags)
    say("indexing them ...")
    first = index(command, library, environment)
    again = [index_again(command, library, environment) for _ in range(options.repeats)]
    search = cold_commands(library, query)["python -m simsearch.cli search"]
    searches = [run_process(search, environment) for _ in range(1 + options.repeats)][1:]
    return {
        "files": files,
        "indexed_per_second": files / first.seconds,
        "second_run_per_second": spread([files / seconds for seconds, _ in again]),
        "second_run_peak": max(peak for _, peak in again),
        "search_milliseconds": spread([1000 * one.seconds for one in searches]),
        "search_peak": max(one.peak_megabytes for one in searches),
        **warm_queries(library, query),
        "library_megabytes": megabytes(library),
        **_memory("parent", first.parent),
        **_memory("worker", first.worker),
    }


def warm_queries(library: Path, query: Path) -> dict[str, float]:
    """Return the median milliseconds of a query in a running library, and what of it re-ranking adds."""
    took: dict[bool, list[float]] = {True: [], False: []}
    with Library.open(library, create=False) as opened:
        opened.load()
        for _ in range(_WARM_QUERIES):  # in turns: a machine that slows down does so for both
            for rerank in (True, False):
                started = time.perf_counter()
                opened.search(
                    query, rerank=rerank
                )  # not folded: half of these drawn photos are near-identical
                took[rerank].append(1000 * (time.perf_counter() - started))
    whole, plain = median(took[True]), median(took[False])
    return {"warm_milliseconds": whole, "reranking_milliseconds": whole - plain}


def _memory(whose: str, memory: Memory) -> dict[str, float]:
    return {f"{whose}_{name}": value for name, value in memory._asdict().items()}


def _measure(options: argparse.Namespace) -> Findings:
    rows = []
    for files in options.files:
        with tempfile.TemporaryDirectory(prefix="simsearch-bench-") as place:
            rows.append(measure_size(Path(place).resolve(), files, options))
    subject = {"backbone": options.backbone, "workers": options.workers, "repeats": options.repeats}
    return Findings(subject, [Table("scale", _HEADINGS, rows, _NOTES)])


def main(arguments: list[str] | None = None) -> int:
    """Measure collections of several sizes and print a row for each."""
    parser = Parser(__doc__, "python scripts/bench_scale.py --files 1000 10000")
    sizes = [1_000, 10_000, 100_000]
    parser.add_argument(
        "--files", type=count, nargs="+", default=sizes, metavar="N",
        help=f"photos in each collection (default: {' '.join(map(str, sizes))})",
    )  # fmt: skip
    parser.add_count("--workers", cores(), "worker processes")
    parser.add_count("--repeats", 3, "second runs, and searches")
    parser.add_backbone()
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
