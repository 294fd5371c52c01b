"""Whether a collection survives an indexer that is killed again and again while somebody searches.

A collection of small pictures in nested folders, with copies, damaged files and files that are no photos, is
indexed by the real command (`python -m simsearch.cli index`), which is killed by SIGKILL --kills times: at
random moments of a run's length, and on purpose in the middle of a commit and of the writing of an index.
It is stopped first, so that what it was doing can be told. Between two kills photos are added, changed,
touched, renamed, taken away and returned. All the while another handle of the library searches.

After each kill: the database is whole; each photo that was committed before is there, once, with the same
embedding and thumbnail; the workers end by themselves. In the end a last run is left alone, then
`simsearch doctor` must find nothing, and the library must equal that of an undisturbed run over the files.

With FOLDER the collection is made of links to its photos, beside changed copies; FOLDER itself is only read.
The exit code is 1 where anything was lost. The same --seed makes the same changes; when a kill strikes still
differs with the machine. For Linux and macOS.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import IO, Any, NamedTuple

import psutil

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import processes
from scripts.bench_report import Findings, Parser, Table, cores, photo_files, run, say
from scripts.bench_search import child_environment, last_line
from scripts.made_photos import draw_photo, free_box
from simsearch import Library, NoLibrary, SimsearchError, running, store

PHASES = ("start-up", "walking", "encoding", "commit", "index refresh", "ending")
_SIDE = 480  # pixels of a made picture: a worker takes some milliseconds for it, so that a run lasts
_DAMAGED_A_SHARE = 20  # one of so many pictures is there a second time cut short, and once as no photo
_ADDED_A_SHARE = 3  # of the pictures so many are added between two kills, ...
_MOST_ADDED = 100  # ... but no more: it is a second's work, which is how often there is a commit
_CHANGED_A_SHARE = 50  # of the pictures so many meet with each of the other changes
_LONGER = 1.25
_RUNS_A_KILL = 5  # runs may end before their kill; after so many a kill something is wrong
_SECONDS_FOR_WORKERS = 10.0  # a worker that is building its network ends when it is ready
_SECONDS_A_LOOK = 0.001  # a commit is over in some milliseconds
_LOOKS_AT_WORKERS = 30  # looks between two at the process table, which takes longer
_SECONDS_A_RUN = 600.0
_SECONDS_A_SEARCH = 0.05  # between two searches, so that indexing gets on
_TUNED_FROM = 50  # photos; from then on there is an index file to write in each run
_FACTS = "size, mtime_ns, sha256, width, height, taken_at, camera, latitude, longitude, facts"


# What the library holds


class Photo(NamedTuple):
    """A photo as the database has it; ``content`` is the hash of embedding and thumbnail, None without."""

    path: str
    sha256: str
    content: str | None
    missing: bool
    facts: tuple[Any, ...] = ()


def look(library: Path) -> tuple[dict[int, Photo], list[str]]:
    """Read all photos by id, and say what is wrong with the database as such."""
    with closing(sqlite3.connect(library / store.FILE_NAME, timeout=30)) as db:
        wrong = [f"database: {text}" for (text,) in db.execute("PRAGMA quick_check") if text != "ok"]
        wrong += [
            f"database: a row of {row[0]} refers to none" for row in db.execute("PRAGMA foreign_key_check")
        ]
        rows = db.execute(
            f"""SELECT photos.id, roots.path || '/' || photos.path, sha256, vector, jpeg,
                missing_since IS NOT NULL, {_FACTS} FROM photos JOIN roots ON roots.id = root_id
                LEFT JOIN embeddings e ON e.photo_id = photos.id
                LEFT JOIN thumbnails t ON t.photo_id = photos.id"""
        ).fetchall()
    photos = {}
    for photo_id, path, sha256, vector, jpeg, missing, *facts in rows:
        whole = vector is not None and jpeg is not None
        content = hashlib.sha256(vector + jpeg).hexdigest() if whole else None
        photos[photo_id] = Photo(path, sha256, content, bool(missing), tuple(facts))
    return photos, wrong


def doubled(photos: Mapping[int, Photo]) -> list[str]:
    """Name the paths at which there is more than one photo."""
    paths = Counter(photo.path for photo in photos.values())
    return [path for path, count in paths.items() if count > 1]


def lost(before: Mapping[int, Photo], after: Mapping[int, Photo], disk: Mapping[str, str]) -> list[str]:
    """Say which photos of an earlier look are not as they were, though nothing happened to their file.

    Parameters
    ----------
    disk
        SHA-256 of the files that are there, by path.
    """
    found = [
        (was.path, trouble)
        for photo_id, was in before.items()
        if (trouble := _trouble(was, after.get(photo_id), disk))
    ]
    half = [(photo.path, "has no embedding or no thumbnail") for photo in after.values() if not photo.content]
    return [f"{path}: {trouble}" for path, trouble in found + half]


def _trouble(was: Photo, now: Photo | None, disk: Mapping[str, str]) -> str | None:
    if now is None:
        return "no longer in the library"
    if now.sha256 != was.sha256:
        changed = now.path == was.path and disk.get(was.path) != was.sha256
        return None if changed else "has become another photo"
    if now.content != was.content:
        return "has another embedding or thumbnail"
    if now.path != was.path:
        return f"is said to be at {now.path}" if was.path in disk else None
    if now.missing and not was.missing and disk.get(was.path) == was.sha256:
        return "is said to be gone"
    return None


def outcome(library: Path) -> dict[str, Any]:
    """Return by path what a user gets of a library: photos that are there, and failures."""
    photos, _ = look(library)
    found: dict[str, Any] = {
        photo.path: (photo.content, *photo.facts) for photo in photos.values() if not photo.missing
    }
    with closing(sqlite3.connect(library / store.FILE_NAME, timeout=30)) as db:
        failures = db.execute(
            """SELECT roots.path || '/' || failures.path, size, mtime_ns, reason
               FROM failures JOIN roots ON roots.id = root_id"""
        ).fetchall()
    return found | {f"{path} (failed)": failure for path, *failure in failures}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name what two outcomes do not have in common."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


# The collection


class Collection:
    """A folder of photos that changes, always in the same way for a seed.

    Parameters
    ----------
    sources
        Files it is filled with.
    link
        Whether to link to them, in place of copying.
    """

    def __init__(self, place: Path, sources: list[Path], rng: Random, *, link: bool) -> None:
        self.folder, self._aside = place / "photos", place / "aside"
        self._sources, self._rng = sources, rng
        self._made = 0
        self._away: list[tuple[Path, Path]] = []  # where it is, where it was
        for folder in (self.folder, self._aside):
            folder.mkdir()
        self._photos: list[Path] = []  # those that are there and no damaged ones
        for source in sources:
            path = self._new_path(source.suffix)
            path.symlink_to(source) if link else shutil.copyfile(source, path)
            self._photos.append(path)
        for source in sources[::_DAMAGED_A_SHARE]:
            shutil.copyfile(source, self._new_path(source.suffix))  # a copy is a photo of its own
            data = source.read_bytes()
            self._new_path(source.suffix).write_bytes(data[: len(data) // 2])
            self._new_path(".jpg").write_text("this is no photo")
            self._new_path(".mov").write_text("nor is this")

    def _new_path(self, suffix: str) -> Path:
        """Return a path that was never used, in folders as deep as chance has it."""
        self._made += 1
        branches = [f"{self._rng.randrange(4)}" for _ in range(self._rng.randrange(4))]
        path = self.folder.joinpath(*branches, f"{self._made:06}{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _taken(self, count: int) -> list[Path]:
        """Take some photos out of those that may change."""
        taken = self._rng.sample(self._photos, min(count, len(self._photos) // 2))
        self._photos = [path for path in self._photos if path not in set(taken)]
        return taken

    def _fresh(self) -> bytes:
        """Return a photo that was never there: another one's picture in a file of its own."""
        self._made += 1
        return self._rng.choice(self._sources).read_bytes() + free_box(self._made)

    def change(self) -> None:
        """Let happen to some photos what happens to photos."""
        few = 1 + min(_MOST_ADDED, len(self._sources)) // _CHANGED_A_SHARE
        for place, home in self._away[:few]:
            place.rename(home)
            self._photos.append(home)
        del self._away[:few]
        for happens in (self._rename, self._take_away, self._touch, self._overwrite):
            for path in self._taken(few):
                happens(path)
        for _ in range(min(_MOST_ADDED, 1 + len(self._sources) // _ADDED_A_SHARE)):
            path = self._new_path(".jpg")
            path.write_bytes(self._fresh())
            self._photos.append(path)

    def _rename(self, path: Path) -> None:
        to = self._new_path(path.suffix)
        path.rename(to)
        self._photos.append(to)

    def _take_away(self, path: Path) -> None:
        aside = self._aside / path.name  # names are never used twice
        path.rename(aside)
        self._away.append((aside, path))

    def _touch(self, path: Path) -> None:
        data = path.read_bytes()
        self._write(path, data)
        changed = path.stat().st_mtime_ns - self._rng.randrange(1, 10**15)
        os.utime(path, ns=(changed, changed))

    def _overwrite(self, path: Path) -> None:
        self._write(path, self._fresh())

    def _write(self, path: Path, data: bytes) -> None:
        path.unlink()  # never through a link
        path.write_bytes(data)
        self._photos.append(path)

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of all files that are there, by path."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def make_sources(place: Path, count: int) -> list[Path]:
    """Draw the pictures of a collection; return their paths."""
    place.mkdir()
    paths = [place / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(draw_photo(number, _SIDE, quality=85))
    return paths


# The indexer, and when it is killed


class Indexer:
    """The real command, indexing a collection into a library."""

    def __init__(self, folder: Path, library: Path, environment: dict[str, str], *options: str) -> None:
        self.library = library
        self.environment = processes.marked(environment)
        self._command = processes.index_command(sys.executable, [folder], library, *options)

    def finish(self) -> list[str]:
        """Leave it alone until it ends; return what it says of each file it did not use.

        Raises
        ------
        SimsearchError
            When it fails or never ends.
        """
        try:
            done = subprocess.run(
                [*self._command, "--verbose"],
                env=self.environment, capture_output=True, text=True, timeout=_SECONDS_A_RUN, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SimsearchError(f"indexing did not end in {_SECONDS_A_RUN:.0f} seconds") from None
        if done.returncode not in (0, 1):
            raise SimsearchError(f"indexing failed: {done.stderr.strip()}")
        skipped = [line for line in done.stdout.splitlines() if line.startswith("skipped")]
        with Library.open(
            self.library, create=False
        ) as library:  # a run names only the failures that are new
            return sorted([*skipped, *(f"failed  {path}: {reason}" for path, reason in library.failures())])

    def kill(self, reached: Callable[[], bool]) -> str | None:
        """Start it and kill it when a moment is reached; return its phase then, None if it ended before.

        Raises
        ------
        SimsearchError
            When it fails by itself.
        """
        self._left_before = unfinished(self.library)
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                self._command, env=self.environment, stdout=subprocess.DEVNULL, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
            try:
                if not self._wait(process, reached):
                    _check_end(process.returncode, errors)
                    return None
                return self._phase(process.pid)
            finally:
                process.kill()
                process.wait()

    def _wait(self, process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> bool:
        """Wait for a moment, and stop the process there; return False if it ends before."""
        self._had_workers = False
        looks = 0
        while process.poll() is None:
            if reached():
                return _stop(process.pid)
            if not looks % _LOOKS_AT_WORKERS:
                self._had_workers |= bool(_children(process.pid))
            looks += 1
            time.sleep(_SECONDS_A_LOOK)
        return False

    def _phase(self, pid: int) -> str:
        """Tell what a stopped indexer was doing."""
        if _is_writing(self.library / store.FILE_NAME):
            return "commit"
        if unfinished(self.library) - self._left_before:
            return "index refresh"
        if _children(pid):
            return "encoding"
        if self._had_workers:
            return "ending"
        last = running.last(self.library)
        return "walking" if last and last["pid"] == pid else "start-up"


def unfinished(library: Path, what: str = "index.*") -> set[Path]:
    """Return the files, by default of indexes, that somebody is writing, or was when he was killed."""
    return set(library.glob(f".{what}.unfinished"))


def _stop(pid: int) -> bool:
    """Stop a process; return whether it is still there."""
    with suppress(ProcessLookupError, psutil.Error):
        os.kill(pid, signal.SIGSTOP)
        process = psutil.Process(pid)
        while (status := process.status()) != psutil.STATUS_STOPPED:  # while it waits for the disk
            if status == psutil.STATUS_ZOMBIE:
                return False
            time.sleep(_SECONDS_A_LOOK)
        return True
    return False


def _children(pid: int) -> list[Any]:
    with suppress(psutil.Error):
        return list(psutil.Process(pid).children())
    return []


def _is_writing(database: Path) -> bool:
    """Whether somebody is in the middle of a transaction."""
    if not database.with_name(f"{database.name}-wal").exists():  # nor let us be in the way of its making
        return False
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        db.execute("ROLLBACK")
        return False


def _check_end(code: int | None, errors: IO[bytes]) -> None:
    if code not in (0, 1):  # 1: some files could not be used, as is meant to be
        raise SimsearchError(f"indexing failed: {last_line(errors)}")


def moment(library: Path, seconds: float, rng: Random) -> Callable[[], bool]:
    """Return a moment to kill at: half of them anywhere in a run of some seconds, the others aimed."""
    database = library / store.FILE_NAME
    aims: list[Callable[[], bool]] = [
        touched(library, running.STATE_NAME),
        both(after(rng.uniform(0, seconds)), lambda: _is_writing(database)),
        touched(library, f"{store.FILE_NAME}-wal", rng.randrange(1, 4)),
    ]
    if any(library.glob("index.*")):  # else none is written by so small a library
        aims.append(touched(library, ".index.*.unfinished"))
    return after(rng.uniform(0, seconds)) if rng.random() < 0.5 else rng.choice(aims)


def after(seconds: float) -> Callable[[], bool]:
    """Return a moment so long from when it is first asked for."""
    begun: list[float] = []

    def reached() -> bool:
        begun[:] = begun or [time.monotonic()]
        return time.monotonic() - begun[0] >= seconds

    return reached


def both(one: Callable[[], bool], other: Callable[[], bool]) -> Callable[[], bool]:
    """Return the moment when both are reached."""
    return lambda: one() and other()


def touched(folder: Path, pattern: str, times: int = 1) -> Callable[[], bool]:
    """Return the moment when files of a pattern are seen to be written for the so-manieth time."""
    seen: list[Any] = []

    def reached() -> bool:
        with suppress(OSError):
            now = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.glob(pattern)]
            if not seen or seen[-1] != now:
                seen.append(now)
        return len(seen) > times

    return reached


# Whoever searches


class Searcher(threading.Thread):
    """Searches all the time, with a handle of its own; every search must succeed."""

    def __init__(self, library: Path, backbone: str, picture: Path) -> None:
        super().__init__(daemon=True)
        self.made, self.failed = 0, Counter[str]()
        self._library, self._backbone, self._picture = library, backbone, picture
        self._over = threading.Event()

    def run(self) -> None:
        """Search until :meth:`end`."""
        while not self._over.is_set():
            with suppress(NoLibrary):  # not yet
                self._search_on()
            self._over.wait(_SECONDS_A_SEARCH)

    def _search_on(self) -> None:
        try:
            with Library.open(self._library, backbone=self._backbone, create=False) as library:
                while not self._over.wait(_SECONDS_A_SEARCH):
                    self.made += 1
                    engine = ("auto", "exact", "lsh")[self.made % 3]
                    if trouble := search(library, self._picture, engine):
                        self.failed[trouble] += 1
        except NoLibrary:
            raise
        except Exception as error:  # whatever it is, it must not be
            self.failed[f"{type(error).__name__}: {error}"] += 1

    def end(self) -> None:
        """Stop searching."""
        self._over.set()
        self.join()


def search(library: Library, picture: Path, engine: str) -> str | None:
    """Search once; say what is wrong with the answer, if anything is."""
    generation = library.generation
    hits = library.search(picture, engine=engine)
    if len({hit.id for hit in hits}) < len(hits) or len({hit.path for hit in hits}) < len(hits):
        return f"a photo is found twice ({engine})"
    expected = min(15, len(library))
    if library.generation == generation and len(hits) != expected:
        return f"{len(hits)} photos are found in place of {expected} ({engine})"
    return None


# The whole


class Tally:
    """What has happened so far."""

    def __init__(self) -> None:
        self.phases: Counter[str] = Counter()
        self.runs = 0
        self.photos: dict[int, Photo] = {}
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.damaged: list[str] = []
        self.orphans = 0

    def take_stock(self, library: Path, disk: Mapping[str, str]) -> None:
        """Compare the library with what it was when this was last asked."""
        if not (library / store.FILE_NAME).exists():  # killed before it began
            return
        try:
            photos, wrong = look(library)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) and not self.photos:  # killed while it was made
                return
            raise
        self.damaged += wrong
        self.doubled += doubled(photos)
        self.lost += lost(self.photos, photos, disk)
        self.photos = photos


def torment(collection: Collection, indexer: Indexer, kills: int, seconds: float, rng: Random) -> Tally:
    """Kill the indexer so many times, and look after each."""
    tally, tuned = Tally(), False
    while tally.phases.total() < kills:
        if tally.runs == _RUNS_A_KILL * kills:
            raise SimsearchError(f"only {tally.phases.total()} of {tally.runs} runs could be killed")
        started, committed = time.monotonic(), len(tally.photos)
        phase = indexer.kill(moment(indexer.library, seconds, rng))
        took = time.monotonic() - started
        tally.orphans += len(processes.outlived(indexer.environment, _SECONDS_FOR_WORKERS))
        tally.phases.update([phase] if phase else [])
        tally.runs += 1
        tally.take_stock(indexer.library, collection.hashes())
        if not tuned and len(tally.photos) >= _TUNED_FROM:
            with Library.open(indexer.library, create=False) as library:
                library.tune()
            tuned = True
        if phase is None:
            seconds = took
        elif len(tally.photos) == committed:  # what was not committed makes the next run longer
            seconds *= _LONGER
        collection.change()
        say(f"run {tally.runs}: {phase or 'ended by itself'}, {len(tally.photos)} photos committed")
    return tally


def examine(library: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Let `simsearch doctor` look at a library; return its exit code and what it says."""
    command = [sys.executable, "-P", "-m", "simsearch.cli", "doctor", "--json", "--library", str(library)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout or done.stderr).strip()


def torture(place: Path, options: argparse.Namespace) -> Findings:
    """Do all of it in an empty folder."""
    rng = Random(options.seed)
    made = not options.folder
    say("making the collection ...")
    sources = make_sources(place / "sources", options.pictures) if made else photo_files(options.folder)
    collection = Collection(place, sources, rng, link=not made)
    environment = child_environment(place)
    flags = ["--backbone", options.backbone, "--workers", str(options.workers)]
    for measured in ("compiling", "measured"):
        started = time.monotonic()
        Indexer(collection.folder, place / measured, environment, *flags).finish()
        seconds = time.monotonic() - started
    say(f"an undisturbed run takes {seconds:.1f} s; killing {options.kills} ...")
    indexer = Indexer(collection.folder, place / "library", environment, *flags)
    searcher = Searcher(indexer.library, options.backbone, sources[0])
    searcher.start()
    try:
        tally = torment(collection, indexer, options.kills, seconds, rng)
        told = indexer.finish()
        tally.take_stock(indexer.library, collection.hashes())
    finally:
        searcher.end()
    code, said = examine(indexer.library, environment)
    fresh = Indexer(collection.folder, place / "fresh", environment, *flags)
    differing = sorted(set(told) ^ set(fresh.finish()))
    differing += differences(outcome(indexer.library), outcome(fresh.library))
    subject = {
        "collection": str(options.folder) if options.folder else f"{options.pictures} made pictures",
        "files": len(collection.hashes()),
        "backbone": options.backbone,
        "workers": options.workers,
        "seed": options.seed,
        "undisturbed_seconds": round(seconds, 1),
    }
    left = len(unfinished(indexer.library, "*"))
    return report(subject, tally, searcher, (code, said), differing, left)


def report(
    subject: dict[str, Any],
    tally: Tally,
    searcher: Searcher,
    doctor: tuple[int, str],
    differing: list[str],
    left: int,
) -> Findings:
    """Put all that was found into tables, and what must not be into sentences."""
    found = {
        "kills": tally.phases.total(),
        "runs that ended before their kill": tally.runs - tally.phases.total(),
        "photos committed": len(tally.photos),
        "photos lost": len(tally.lost),
        "photos doubled": len(tally.doubled),
        "faults of the database": len(tally.damaged),
        "searches": searcher.made,
        "searches failed": searcher.failed.total(),
        "orphaned workers": tally.orphans,
        "unfinished files left for later runs": left,
        "findings of the doctor": len(doctor[1].splitlines()) if doctor[0] else 0,
        "differences from an undisturbed run": len(differing),
    }
    broken = [f"lost: {text}" for text in tally.lost]
    broken += [f"twice in the library: {path}" for path in tally.doubled]
    broken += tally.damaged
    broken += [f"search failed {times} times: {text}" for text, times in searcher.failed.items()]
    broken += [f"{tally.orphans} workers outlived their killed parent"] if tally.orphans else []
    broken += [f"doctor (exit code {doctor[0]}): {doctor[1]}"] if doctor[0] else []
    broken += [f"differs from an undisturbed run: {text}" for text in differing]
    tables = [
        Table("torture", {"what": "what", "count": "count"}, _rows("what", found), []),
        Table("phases", {"phase": "killed in", "count": "times"}, _rows("phase", tally.phases, PHASES), []),
    ]
    return Findings(subject, tables, broken)


def _rows(what: str, counts: Mapping[str, int], names: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [{what: name, "count": counts[name]} for name in names or counts]


def _measure(options: argparse.Namespace) -> Findings:
    with tempfile.TemporaryDirectory(prefix="simsearch-torture-") as place:
        return torture(Path(place).resolve(), options)


def main(arguments: list[str] | None = None) -> int:
    """Torture a library and print how it stood it."""
    parser = Parser(__doc__, "python scripts/torture.py --kills 200 --seed 7")
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="default: pictures it draws")
    parser.add_count("--kills", 50, "times the indexer is killed")
    parser.add_count("--pictures", 300, "pictures it draws")
    parser.add_count("--seed", 1, "what chance begins with")
    parser.add_count("--workers", cores(), "worker processes")
    parser.add_backbone()
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
