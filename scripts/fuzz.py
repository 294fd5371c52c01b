"""Whether any file at all can crash, hang or confuse indexing.

Good files are damaged in ways that chance chooses: bytes flipped, cut short, spans zeroed or doubled, fields
turned to extremes, pieces swapped, metadata blown up, the start of one format put before another; and some
get a name no program likes. Whole folders of files known to be hostile are added by --with. All are indexed
by Library.sync in a process of its own, with a time limit, and then a second time.

It must end well: the run neither crashes nor hangs, each file is in exactly one state and the counts add up
to the files there are, no worker outlives the run, and the second run looks into nothing, failed or not.
A worker that dies is no fault, that is what workers are for; it is told with its file. The exit code is 1
where anything was otherwise; --keep DIR keeps the files in question. The same --seed makes the same files.

Without FOLDER pictures are drawn and saved in each format that is read. FOLDER itself is only read.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from PIL import Image

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import processes
from scripts.bench_report import Findings, Parser, Table, cores, photo_files, run, say
from scripts.bench_search import child_environment
from scripts.made_photos import draw_photo
from scripts.processes import Memory, Sampler
from simsearch import FolderError

_SUFFIXES = ("jpg", "png", "webp", "tif", "bmp", "gif", "avif", "jp2", "ppm")
_SIDE = 200
_LARGEST = 2_000_000  # bytes; a good file that is larger would only take room
_HEADER = 2_000  # bytes; half of the damage is done where formats say what follows
_MOST_DAMAGES = 3  # to one file
_SECONDS_FOR_WORKERS = 5.0
# What files begin with: "draw this", in each format.
_STARTS = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    b"GIF89a\xff\xff\xff\xff",
    b"RIFF\xff\xff\xff\xffWEBPVP8X",
    b"II*\x00\x08\x00\x00\x00",
    b"MM\x00*\x00\x00\x00\x08",
    b"BM\xff\xff\xff\x7f\x00\x00\x00\x006\x00\x00\x00",
    b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    b"P6\n99999 99999\n255\n",
)
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_NAMES = (
    b"-rf.jpg",
    b" .jpg",
    b"two\nlines.jpg",
    b"bell\x07.png",
    b"%s%n%d.jpg",
    b"'; DROP TABLE photos; --.jpg",
    b"a\\b.jpg",
    b"..jpg.jpg",
    b"no text \xff\xfe.jpg",
    b".hidden.jpg",
    b"no suffix",
    b"film.mov",
    b"UPPER.JPG",
    b"a*?[x].png",
    "e\u0301 and \u00e9.jpg".encode(),
    "\u202egpj.exe.jpg".encode(),
    "\U0001f4f7\u200d.webp".encode(),
    b"n" * 251 + b".jpg",
    b"/".join([b"deep"] * 60) + b"/1.jpg",
)


# Ways to damage a file: bytes in, bytes out


def _span(data: bytes, rng: Random) -> tuple[int, int]:
    """Return the ends of a piece, up to an eighth of the whole, in half of the cases near the start."""
    start = rng.randrange(max(1, min(len(data), _HEADER) if rng.random() < 0.5 else len(data)))
    return start, min(len(data), start + rng.randint(1, max(1, len(data) // 8)))


def flip_bytes(data: bytes, rng: Random) -> bytes:
    """Change up to 30 bytes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 30)):
        place, _end = _span(data, rng)
        if place < len(changed):
            changed[place] ^= rng.randrange(1, 256)
    return bytes(changed)


def cut_short(data: bytes, rng: Random) -> bytes:
    """Leave out the end."""
    return data[: rng.randrange(max(1, len(data)))]


def zero_span(data: bytes, rng: Random) -> bytes:
    """Overwrite a piece with zeros."""
    start, end = _span(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def double_span(data: bytes, rng: Random) -> bytes:
    """Repeat a piece, up to a thousand times where it is small."""
    start, end = _span(data, rng)
    times = rng.choice([2, 3, 1000 if end - start < 64 else 2])
    return data[:start] + data[start:end] * times + data[end:]


def extreme_fields(data: bytes, rng: Random) -> bytes:
    """Set up to 4 numbers of 1, 2 or 4 bytes, wherever they are, to what a decoder does not expect."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        form = rng.choice([">B", ">H", "<H", ">I", "<I"])
        width = struct.calcsize(form)
        place = min(_span(data, rng)[0], len(changed) - width)
        if place >= 0:
            struct.pack_into(form, changed, place, rng.choice(_EXTREMES) & (1 << 8 * width) - 1)
    return bytes(changed)


def swap_pieces(data: bytes, rng: Random) -> bytes:
    """Cut it into pieces of a length and put them together in another order, but for the first."""
    length = rng.choice([4, 16, 64, 512, 4096])
    pieces = [data[start : start + length] for start in range(0, len(data), length)]
    for _ in range(rng.randint(1, 8)):
        if len(pieces) > 2:
            one, other = rng.sample(range(1, len(pieces)), 2)
            pieces[one], pieces[other] = pieces[other], pieces[one]
    return b"".join(pieces)


def grow_metadata(data: bytes, rng: Random) -> bytes:
    """Put metadata of up to 4 MB of nonsense where the format has its place, else at the end."""
    size = rng.choice([1, 100, 65_533, 1_000_000, 4_000_000])
    nonsense = b"Exif\0\0MM\0*\0\0\0\x08" + rng.randbytes(min(size, 1000)) * (size // 1000 + 1)
    if data.startswith(b"\xff\xd8"):
        pieces = [nonsense[start : start + 65_533] for start in range(0, len(nonsense), 65_533)]
        return data[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in pieces) + data[2:]
    if data.startswith(b"\x89PNG"):  # 33 bytes: signature and first chunk; the checksum is no check for text
        return data[:33] + struct.pack(">I", len(nonsense)) + b"eXIf" + nonsense + b"\0\0\0\0" + data[33:]
    if data.startswith(b"RIFF"):
        return data + b"EXIF" + struct.pack("<I", len(nonsense)) + nonsense
    return data + nonsense


def change_start(data: bytes, rng: Random) -> bytes:
    """Put the first bytes of some format over those that are there, or before them."""
    start = rng.choice(_STARTS)
    return start + (data if rng.random() < 0.5 else data[len(start) :])


DAMAGES: dict[str, Callable[[bytes, Random], bytes]] = {
    damage.__name__: damage
    for damage in (
        flip_bytes,
        cut_short,
        zero_span,
        double_span,
        extreme_fields,
        swap_pieces,
        grow_metadata,
        change_start,
    )
}


# The files


def draw_good(folder: Path) -> list[Path]:
    """Draw a few pictures in each format that can be read."""
    paths = []
    for number, suffix in enumerate(_SUFFIXES * 2):
        path = folder / f"{number}.{suffix}"
        Image.open(BytesIO(draw_photo(number, _SIDE))).save(path)
        paths.append(path)
    return paths


def make_files(folder: Path, good: list[Path], count: int, rng: Random) -> None:
    """Write so many damaged files; their names say what was done to them."""
    kinds: dict[str, list[Path]] = {}  # of which each is as likely: most collections are of one
    for path in good:
        kinds.setdefault(path.suffix.lower(), []).append(path)
    names = list(_NAMES)
    for number in range(count):
        source = rng.choice(kinds[rng.choice(sorted(kinds))])
        data, done = source.read_bytes(), []
        for damage in rng.sample(sorted(DAMAGES), rng.randint(1, _MOST_DAMAGES)):
            data = DAMAGES[damage](data, rng)
            done.append(damage)
        suffix = source.suffix if rng.random() < 0.9 else f".{rng.choice(_SUFFIXES)}"
        name = os.fsencode(f"{number:06}-{'-'.join(done)}{suffix}")
        _write(folder, name, data)
        if names:
            _write(folder, b"names/" + names.pop(), source.read_bytes())


def _write(folder: Path, name: bytes, data: bytes) -> None:
    path = folder / os.fsdecode(name)
    with suppress(OSError):  # some file systems refuse such names, too
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def take_in(folder: Path, others: Iterable[Path]) -> None:
    """Copy other folders into one, each file as it is.

    Raises
    ------
    FolderError
        When one is missing.
    """
    for number, other in enumerate(others):
        if not other.is_dir():
            raise FolderError(other, "no such folder", "name a folder of files")
        shutil.copytree(other, folder / f"with-{number}-{other.name.lstrip('.')}")


def files_below(folder: Path) -> set[str]:
    """Return all files below a folder; those of hidden folders are nobody's business."""
    found = set()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found |= {os.path.join(place, name) for name in names}
    return found


# Indexing them


class Outcome(NamedTuple):
    """What came of one run: what it tells, or how it ended without telling; and what was seen of it."""

    told: dict[str, Any]
    trouble: str | None
    seconds: float
    parent: Memory
    worker: Memory
    outlived: int


def index(folder: Path, library: Path, network: str, workers: int, limit: float) -> Outcome:
    """Index a folder in a process of its own, which is ended when it takes too long."""
    with tempfile.TemporaryDirectory(prefix="simsearch-fuzz-") as place:
        environment = processes.marked(child_environment(Path(place)))
        command = [sys.executable, "-P", "-m", "scripts.one_run"]
        started = time.monotonic()
        with subprocess.Popen(
            [*command, str(library), network, str(folder), str(workers)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        ) as process:  # fmt: skip
            with Sampler(process.pid) as sampler:
                trouble = None
                try:
                    said, errors = process.communicate(timeout=limit)
                except subprocess.TimeoutExpired:
                    trouble = f"did not end in {limit:.0f} seconds"
                    process.kill()
                    said, errors = process.communicate()
        seconds = time.monotonic() - started
        left = processes.outlived(environment, _SECONDS_FOR_WORKERS)
    if not trouble and process.returncode:
        words = errors.decode(errors="replace").strip().rpartition("\n")[2]
        trouble = f"ended with exit code {process.returncode}: {words}"
    told = {} if trouble else json.loads(said)
    return Outcome(told, trouble, seconds, sampler.parent, sampler.worker, len(left))


# What must be


class Fault(NamedTuple):
    """An expectation that was broken, and the files that have to do with it."""

    sentence: str
    files: list[str]


def named(report: dict[str, Any], state: str) -> list[str]:
    """Return the files that a report has in a state that is told with names."""
    return [path for path, _ in report[state]]


def faults(first: Outcome, second: Outcome | None, files: set[str], known: set[str]) -> list[Fault]:
    """Name what is not as it must be.

    Parameters
    ----------
    second
        The run after, if there was one.
    files
        All that were there to index.
    known
        Those that the library has as photos.
    """
    runs = [("first", first)] + ([("second", second)] if second else [])
    found = [Fault(f"the {which} run {run.trouble}", []) for which, run in runs if run.trouble]
    found += [
        Fault(f"{run.outlived} processes outlived the {which} run", []) for which, run in runs if run.outlived
    ]
    if first.trouble:
        return found
    found += _miscounted(first.told["report"], files, known)
    if second and not second.trouble:
        found += _not_settled(first.told["report"], second.told)
    return [fault for fault in found if fault.sentence]


def _miscounted(report: dict[str, Any], files: set[str], known: set[str]) -> list[Fault]:
    states = Counter([*known, *named(report, "failed"), *named(report, "skipped")])
    found = []
    if several := sorted(path for path, times in states.items() if times > 1):
        found.append(Fault(f"{len(several)} files are in more than one state", several))
    if without := sorted(files - states.keys()):
        found.append(Fault(f"{len(without)} files are in no state", without))
    if unknown := sorted(states.keys() - files):
        found.append(Fault(f"{len(unknown)} files are reported that are not there", unknown))
    photos = report["added"] + report["updated"] + report["unchanged"] + report["moved"]
    counted = photos + len(report["failed"]) + len(report["skipped"])
    if counted != len(files):
        found.append(Fault(f"{counted} files are counted in place of {len(files)}", []))
    return found


def _not_settled(first: dict[str, Any], told: dict[str, Any]) -> list[Fault]:
    """Compare the second run with the first, after which there should be nothing left to do."""
    second, found = told["report"], []
    if told["workers"]:
        looked_at = sorted(told["seconds"])
        found.append(Fault(f"the second run looked into {len(looked_at)} files", looked_at))
    for state in ("failed", "skipped"):
        if differing := sorted({tuple(one) for one in first[state]} ^ {tuple(one) for one in second[state]}):
            paths = sorted({path for path, _ in differing})
            found.append(Fault(f"{len(paths)} {state} files differ in the second run", paths))
    photos = first["added"] + first["updated"] + first["unchanged"] + first["moved"]
    if second["unchanged"] != photos:
        found.append(Fault(f"{second['unchanged']} of {photos} photos are unchanged in the second run", []))
    return found


def grouped(refused: Iterable[tuple[str, str]]) -> Counter[str]:
    """Count reasons, whatever the numbers and the quoted words in them are."""
    return Counter(
        re.sub(r"\d[\d,.]*|0x[0-9a-f]+", "N", re.sub(r"(['\"]).*\1", "...", reason)) for _, reason in refused
    )


def keep(found: list[Fault], deaths: list[list[str]], folder: Path, to: Path) -> None:
    """Copy the files that are in question; all, where nobody knows which."""
    if any(not fault.files for fault in found):
        shutil.copytree(folder, to / "all", dirs_exist_ok=True)
    to.mkdir(parents=True, exist_ok=True)
    for path in {path for fault in found for path in fault.files} | {path for path, _ in deaths if path}:
        with suppress(OSError):
            shutil.copy2(path, to)


# The whole


def fuzz(place: Path, options: argparse.Namespace) -> Findings:
    """Do all of it in an empty folder."""
    folder, library = place / "photos", place / "library"
    folder.mkdir()
    say(f"damaging {options.files} files ...")
    make_files(folder, _good_files(place, options.folder), options.files, Random(options.seed))
    take_in(folder, [other.expanduser().resolve() for other in options.others])
    files = files_below(folder)
    say(f"indexing {len(files)} files ...")
    first = index(folder, library, options.backbone, options.workers, options.limit)
    second = (
        None if first.trouble else index(folder, library, options.backbone, options.workers, options.limit)
    )
    found = faults(first, second, files, set() if first.trouble else known_photos(library))
    deaths = first.told.get("deaths", [])
    if options.keep and (found or deaths):
        keep(found, deaths, folder, options.keep.expanduser())
    subject = {
        "folder": str(options.folder) if options.folder else "drawn pictures",
        "files": len(files),
        "backbone": options.backbone,
        "workers": options.workers,
        "seed": options.seed,
    }
    sentences = [_sentence(fault, folder) for fault in found]
    return Findings(subject, tables(first, second, folder), sentences)


def _good_files(place: Path, folder: Path | None) -> list[Path]:
    if folder:
        good = [path for path in photo_files(folder) if path.stat().st_size <= _LARGEST]
        if not good:
            raise FolderError(folder, f"holds no photos of up to {_LARGEST:,} bytes", "name another folder")
        return good
    (place / "good").mkdir()
    return draw_good(place / "good")


def known_photos(library: Path) -> set[str]:
    """Return the paths of a library's photos."""
    from scripts.torture import look

    return {photo.path for photo in look(library)[0].values()}


def _sentence(fault: Fault, folder: Path) -> str:
    names = [os.path.relpath(path, folder) for path in fault.files]
    return ascii(f"{fault.sentence}: {', '.join(names)}" if names else fault.sentence).strip("'\"")


def tables(first: Outcome, second: Outcome | None, folder: Path) -> list[Table]:
    """Lay out what came of the runs."""
    report = first.told.get("report", {"failed": [], "skipped": []})
    states = {state: report.get(state, 0) for state in ("added", "updated", "unchanged", "moved")}
    states |= {state: len(report[state]) for state in ("skipped", "failed")}
    reasons = grouped(report["failed"] + report["skipped"])
    seconds = first.told.get("seconds", {})
    slowest = max(seconds, key=lambda path: float(seconds[path]), default="")
    facts = {
        "seconds, first run": first.seconds,
        "seconds, second run": second.seconds if second else 0.0,
        "seconds for the slowest file": float(seconds.get(slowest, 0.0)),
        "workers that died": len(first.told.get("deaths", [])),
        "peak MB of the parent": first.parent.peak,
        "peak MB of a worker": first.worker.peak,
    }
    notes = [f"Slowest: {ascii(os.path.relpath(slowest, folder))}"] if slowest else []
    notes += [
        f"Died ({how}): {ascii(os.path.relpath(path, folder)) if path else 'before any file'}"
        for path, how in first.told.get("deaths", [])
    ]
    return [
        Table("states", {"state": "state", "files": "files"}, _rows("state", "files", states), []),
        Table(
            "reasons",
            {"reason": "not used because", "files": "files"},
            _rows("reason", "files", dict(reasons.most_common())),
            [],
        ),
        Table("run", {"what": "what", "value": "value"}, _rows("what", "value", facts), notes),
    ]


def _rows(what: str, value: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{what: name, value: one} for name, one in values.items()]


def _measure(options: argparse.Namespace) -> Findings:
    with tempfile.TemporaryDirectory(prefix="simsearch-fuzz-") as place:
        return fuzz(Path(place).resolve(), options)


def main(arguments: list[str] | None = None) -> int:
    """Index damaged files and print what came of it."""
    parser = Parser(__doc__, "python scripts/fuzz.py ~/Pictures/2024 --files 5000 --keep suspects")
    parser.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER", help="good photos (default: it draws some)"
    )
    parser.add_count("--files", 2000, "files to damage")
    parser.add_argument(
        "--with", dest="others", type=Path, action="append", default=[], metavar="DIR",
        help="add all files of a folder as they are; may be given several times",
    )  # fmt: skip
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where files in question are copied to")
    parser.add_count("--seed", 1, "what chance begins with")
    parser.add_count("--limit", 1800, "seconds that a run may take")
    parser.add_count("--workers", cores(), "worker processes")
    parser.add_backbone()
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
