"""How long one waits for an answer: a cold command, and a query in a library that is already open.

cold  `simsearch search PICTURE` as a whole process, from its start to its end, beside a process that only
      imports the libraries such a command cannot do without (numpy, PIL, faiss, ai_edge_litert). They run
      in turn. Cold means a new process: the files are in the system's memory, because each command
      runs once before. Peak memory is the largest of the runs, as the system accounts for it.
warm  queries in one process with network and index loaded, for a picture of 300 pixels in a file:
      decode (read, decode, letterbox), encode (the network), find (the nearest of a known photo's
      embedding, and their records), and the whole of Library.search, each timed by itself.

Without --library the demo gallery is drawn and indexed in a temporary place. For Linux and macOS.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import IO, Any, NamedTuple

import numpy as np

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import simsearch
from scripts.bench_report import Findings, Parser, Table, run, say, spread
from simsearch import Library, LibraryError, SimsearchError

_BARE = "import numpy, PIL, faiss, ai_edge_litert"
# Times a command and takes its peak memory. It is a program of its own because a child's peak is never below
# its parent's size at its start, and this process is larger than some that it measures.
_STOPWATCH = """
import os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
started = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - started, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
_PICTURE_SIDE = 300
_WARM_QUERIES_A_REPEAT = 10
_COLD_HEADINGS = {
    "process": "cold process",
    "milliseconds": "ms",
    "times_bare": "times bare imports",
    "peak_megabytes": "peak MB",
}
_WARM_HEADINGS = {"step": "warm query", "p50_milliseconds": "p50 ms", "p95_milliseconds": "p95 ms"}


class Run(NamedTuple):
    """What one process took."""

    seconds: float
    peak_megabytes: float


def run_process(command: list[str], environment: dict[str, str]) -> Run:
    """Run a command to its end; its executable is named by its path.

    Raises
    ------
    SimsearchError
        When it fails.
    """
    with tempfile.TemporaryFile() as errors:
        stopwatch = [sys.executable, "-I", "-S", "-c", _STOPWATCH, *command]
        done = subprocess.run(
            stopwatch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            check=False,
        )
        if done.returncode:
            raise SimsearchError(f"{' '.join(command)} failed: {last_line(errors)}")
    seconds, peak = done.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return Run(float(seconds), int(peak) * unit / 1e6)


def last_line(file: IO[bytes]) -> str:
    """Return the last line of what a process said, which names what went wrong."""
    file.seek(0)
    return file.read().decode(errors="replace").strip().rpartition("\n")[2] or "it said nothing"


def child_environment(place: Path) -> dict[str, str]:
    """Return an environment in which children find this simsearch, installed or not, and compiled.

    Installing a package compiles it, so a user's command never waits for that; in a checkout, or where
    PYTHONDONTWRITEBYTECODE is set, each would. All children therefore share compiled files in ``place``.
    """
    here = str(Path(simsearch.__file__).parents[1])
    paths = [here, os.environ.get("PYTHONPATH", "")]
    settings = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONPYCACHEPREFIX": str(place / "compiled"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return os.environ | settings


def cold_commands(library: Path, picture: Path) -> dict[str, list[str]]:
    """Name the processes that are compared; the bare imports come first."""
    search = ["search", str(picture), "--library", str(library)]
    commands = {
        "bare imports": [sys.executable, "-c", _BARE],
        "python -m simsearch.cli search": [sys.executable, "-m", "simsearch.cli", *search],
    }
    script = Path(sys.executable).with_name("simsearch")
    if script.exists():
        commands["simsearch search"] = [str(script), *search]
    return commands


def measure_cold(
    commands: dict[str, list[str]], environment: dict[str, str], repeats: int
) -> list[dict[str, Any]]:
    """Run the commands in turn; one row each, compared with the first."""
    for command in commands.values():
        run_process(command, environment)  # brings its files into memory
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            runs[name].append(run_process(command, environment))
    bare = median(one.seconds for one in next(iter(runs.values())))
    return [
        {
            "process": name,
            "milliseconds": spread([1000 * one.seconds for one in of_one]),
            "times_bare": median(one.seconds for one in of_one) / bare,
            "peak_megabytes": max(one.peak_megabytes for one in of_one),
        }
        for name, of_one in runs.items()
    ]


def measure_warm(library: Library, picture: Path, queries: int) -> list[dict[str, Any]]:
    """Time the steps of a query and the query as a whole; one row each."""
    # Library.search is one call; its first steps are taken here as it takes them.
    from simsearch import pixels

    def prepare() -> np.ndarray:
        decoded = pixels.decode(pixels.read(picture)[0], picture, at_least=2 * side)
        return pixels.letterbox(decoded.image, side)

    library.load()
    encoder, known = library.encoder, library.search(picture)[0]
    side = encoder.input_size
    square = prepare()
    steps: dict[str, Callable[[], object]] = {
        "decode": prepare,
        "encode": lambda: encoder.encode(square),
        "find": lambda: library.similar(known),
        "Library.search": lambda: library.search(picture),
    }
    times: dict[str, list[float]] = {step: [] for step in steps}
    for _ in range(queries):
        for step, take in steps.items():
            started = time.perf_counter()
            take()
            times[step].append(1000 * (time.perf_counter() - started))
    return [{"step": step, **_percentiles(values)} for step, values in times.items()]


def _percentiles(milliseconds: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return {"p50_milliseconds": float(p50), "p95_milliseconds": float(p95)}


def build_demo(place: Path, environment: dict[str, str]) -> Path:
    """Draw and index the demo gallery; return the library."""
    say("drawing and indexing the demo gallery ...")
    run_process([sys.executable, "-m", "simsearch.cli", "demo", str(place)], environment)
    return place / "library"


def draw_query(place: Path) -> Path:
    """Draw a picture that is in no library, with ``_PICTURE_SIDE`` pixels on its longer side."""
    from simsearch.demo import draw_picture

    picture = draw_picture("espresso cups", seed=1_000_000)
    scale = _PICTURE_SIDE / max(picture.size)
    path = place / "query.jpg"
    picture.resize((round(picture.width * scale), round(picture.height * scale))).save(path, quality=90)
    return path


def _measure(options: argparse.Namespace) -> Findings:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simsearch-bench-")))
        environment = child_environment(place)
        folder = options.library.expanduser().resolve() if options.library else build_demo(place, environment)
        library = stack.enter_context(Library.open(folder, create=False))
        if not len(library):
            raise LibraryError(folder, "holds no photos", "index some with: simsearch index FOLDER")
        picture = draw_query(place)
        say(f"timing {options.repeats} processes of each kind ...")
        cold = measure_cold(cold_commands(folder, picture), environment, options.repeats)
        queries = _WARM_QUERIES_A_REPEAT * options.repeats
        say(f"timing {queries} queries ...")
        warm = measure_warm(library, picture, queries)
        subject = {
            "library": str(folder) if options.library else "the demo gallery",
            "photos": len(library),
            "backbone": library.backbone,
            "repeats": options.repeats,
            "queries": queries,
        }
    note = f'Bare imports: python -c "{_BARE}".'
    return Findings(
        subject, [Table("cold", _COLD_HEADINGS, cold, [note]), Table("warm", _WARM_HEADINGS, warm, [])]
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure a cold command and warm queries and print both."""
    parser = Parser(__doc__, "python scripts/bench_search.py --library index")
    parser.add_argument("--library", type=Path, metavar="DIR", help="default: the demo gallery, drawn anew")
    parser.add_count("--repeats", 15, "processes of each kind, and ten warm queries for each")
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
