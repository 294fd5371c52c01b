"""The torture: its judgement on cases made by hand, and a little of it for real."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from scripts import processes, torture
from scripts.torture import Collection, Photo, Tally, differences, doubled, lost, report
from simsearch import Library
from tests.conftest import paint
from tests.toy import ToyEncoder

GOOD = Photo("/a/1.jpg", "sha-1", "content-1", missing=False)
DISK = {"/a/1.jpg": "sha-1"}
WELL = (0, "")


# What counts as lost


def test_a_photo_that_is_as_it_was_is_not_lost():
    assert lost({1: GOOD}, {1: GOOD}, DISK) == []


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (GOOD._replace(content="content-2"), "another embedding"),
        (GOOD._replace(sha256="sha-2"), "another photo"),
        (GOOD._replace(path="/a/2.jpg"), "said to be at /a/2.jpg"),
        (GOOD._replace(missing=True), "said to be gone"),
    ],
)
def test_a_photo_that_changed_while_its_file_did_not_is_lost(now, word):
    [sentence] = lost({1: GOOD}, {1: now}, DISK)
    assert sentence.startswith("/a/1.jpg: ") and word in sentence


def test_a_photo_that_is_no_longer_there_is_lost_whatever_became_of_its_file():
    assert lost({1: GOOD}, {}, DISK) == lost({1: GOOD}, {}, {}) == ["/a/1.jpg: no longer in the library"]


def test_a_photo_without_an_embedding_is_lost():
    [sentence] = lost({}, {1: GOOD._replace(content=None)}, DISK)
    assert "no embedding" in sentence


@pytest.mark.parametrize(
    ("now", "disk"),
    [
        (GOOD._replace(missing=True), {}),
        (GOOD._replace(path="/a/2.jpg"), {"/a/2.jpg": "sha-1"}),
        (GOOD._replace(sha256="sha-2", content="content-2"), {"/a/1.jpg": "sha-2"}),
        (GOOD, {"/a/1.jpg": "sha-2"}),
    ],
    ids=["taken away", "renamed", "overwritten", "overwritten, not yet seen"],
)
def test_a_photo_that_follows_its_file_is_not_lost(now, disk):
    assert lost({1: GOOD}, {1: now}, disk) == []


def test_two_photos_at_one_path_are_doubled():
    assert doubled({1: GOOD, 2: GOOD}) == ["/a/1.jpg"]
    assert doubled({1: GOOD, 2: GOOD._replace(path="/a/2.jpg")}) == []


def test_outcomes_differ_where_one_has_something_else_or_nothing():
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 3, "d": 4}) == ["b", "c", "d"]


# A library


@pytest.fixture
def indexed(toy_library, album):
    paint(album / "1.png", "red")
    paint(album / "deep" / "2.png", "blue")
    (album / "3.png").write_text("this is text")
    toy_library.sync(album)
    return toy_library


def test_a_library_is_looked_at(indexed, album):
    photos, wrong = torture.look(indexed.path)
    assert wrong == []
    assert sorted(photo.path for photo in photos.values()) == [
        str(album / "1.png"),
        str(album / "deep" / "2.png"),
    ]
    assert all(photo.content and not photo.missing for photo in photos.values())


def test_a_row_that_refers_to_none_is_a_fault_of_the_database(indexed):
    with sqlite3.connect(indexed.path / "library.db") as db:
        db.execute("DELETE FROM roots")
    db.close()
    assert torture.look(indexed.path)[1] == ["database: a row of photos refers to none"] * 2 + [
        "database: a row of failures refers to none"
    ]


def test_two_libraries_of_the_same_files_are_equal_whatever_happened_before(indexed, album, tmp_path):
    (album / "1.png").rename(album / "4.png")
    indexed.sync()
    with Library.open(tmp_path / "fresh", encoder=ToyEncoder()) as fresh:
        fresh.sync(album)
        one, other = torture.outcome(indexed.path), torture.outcome(fresh.path)
        assert differences(one, other) == []
        assert set(one) == {
            str(album / "4.png"), str(album / "deep" / "2.png"), f"{album / '3.png'} (failed)"
        }  # fmt: skip
        paint(album / "5.png", "green")
        fresh.sync()
        assert differences(one, torture.outcome(fresh.path)) == [str(album / "5.png")]


class Forgetful:
    """A library of two photos that finds those it is told to, and may change meanwhile."""

    def __init__(self, found, changes):
        self._found, self._changes, self._asked = found, changes, 0

    def __len__(self):
        return 2

    @property
    def generation(self):
        self._asked += self._changes
        return self._asked

    def search(self, picture, *, engine):
        return [SimpleNamespace(id=photo_id, path=f"/{photo_id}") for photo_id in self._found]


@pytest.mark.parametrize(
    ("found", "changes", "trouble"),
    [
        ([1, 2], False, None),
        ([1], True, None),
        ([1], False, "1 photos are found in place of 2 (exact)"),
        ([1, 1], False, "a photo is found twice (exact)"),
    ],
)
def test_a_search_is_judged(found, changes, trouble):
    library = Forgetful(found, changes)
    assert torture.search(library, Path("1.png"), "exact") == trouble  # type: ignore[arg-type]


# The collection


@pytest.fixture
def sources(tmp_path):
    return torture.make_sources(tmp_path / "sources", 12)


def contents(collection):
    names = {path: os.path.relpath(path, collection.folder) for path in collection.hashes()}
    return {names[path]: sha256 for path, sha256 in collection.hashes().items()}


def test_made_pictures_all_differ(sources):
    assert len({path.read_bytes() for path in sources}) == len(sources) == 12


def test_a_seed_makes_the_same_collection_and_the_same_changes(sources, tmp_path):
    seen = []
    for number in range(2):
        place = tmp_path / str(number)
        place.mkdir()
        collection = Collection(place, sources, Random(3), link=False)
        before = contents(collection)
        collection.change()
        collection.change()
        seen.append((before, contents(collection)))
    assert seen[0] == seen[1]
    before, after = seen[0]
    assert set(before) - set(after) and set(after) - set(before)  # renamed or taken away; added
    assert any(after.get(path, sha256) != sha256 for path, sha256 in before.items())  # overwritten
    assert len(set(before.values())) < len(before)  # there are copies


def test_photos_of_a_folder_are_linked_to_and_never_written(sources, tmp_path):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in sources}
    place = tmp_path / "place"
    place.mkdir()
    collection = Collection(place, sources, Random(1), link=True)
    assert any(path.is_symlink() for path in collection.folder.rglob("*"))
    for _ in range(8):
        collection.change()
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in sources} == before


# Moments


def test_a_moment_by_the_clock_is_counted_from_when_it_is_first_asked_for():
    moment = torture.after(0.05)
    time.sleep(0.06)
    assert not moment()
    time.sleep(0.06)
    assert moment()


def test_a_moment_by_a_file_comes_when_it_was_written_so_often(tmp_path):
    moment = torture.touched(tmp_path, "library.*", 2)
    assert not moment() and not moment()
    (tmp_path / "other").write_text("1")
    (tmp_path / "library.db").write_text("1")
    assert not moment()
    (tmp_path / "library.db").write_text("12")
    assert moment()


@pytest.mark.parametrize(("one", "other"), [(False, False), (False, True), (True, False), (True, True)])
def test_both_moments_must_be_reached(one, other):
    assert torture.both(lambda: one, lambda: other)() == (one and other)


def test_a_transaction_is_seen(indexed):
    database = indexed.path / "library.db"
    assert not torture._is_writing(database)
    with indexed._store.transaction():
        assert torture._is_writing(database)


# Processes


def test_processes_of_a_run_are_known_and_those_that_outlive_it_are_ended():
    environment = processes.marked(dict(os.environ))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=environment)
    try:
        assert processes.alive(processes.marked(dict(os.environ))) == []
        assert [process.pid for process in processes.outlived(environment, 0.1)] == [child.pid]
        assert child.wait(10) == -signal.SIGKILL
        assert processes.outlived(environment, 0.1) == []
    finally:
        child.kill()
        child.wait()


# The report


class Silent:
    made = 7

    def __init__(self, **failed):
        self.failed = Counter(failed)


def judged(tally, searcher=None, doctor=WELL, differing=()):
    return report({}, tally, searcher or Silent(), doctor, list(differing), left=0)  # type: ignore[arg-type]


def test_all_is_well_where_nothing_was_lost():
    tally = Tally()
    tally.phases.update(["commit", "commit", "walking"])
    tally.runs = 5
    findings = judged(tally)
    assert list(findings.broken) == []
    counts = {row["what"]: row["count"] for row in findings.tables[0].rows}
    assert (counts["kills"], counts["searches"], counts["photos lost"]) == (3, 7, 0)
    assert counts["runs that ended before their kill"] == 2
    assert [row["count"] for row in findings.tables[1].rows] == [0, 1, 0, 2, 0, 0]


def test_each_trouble_is_told_and_makes_the_exit_code_1():
    tally = Tally()
    tally.lost, tally.doubled, tally.damaged, tally.orphans = ["/1: gone"], ["/2"], ["database: torn"], 3
    findings = judged(tally, Silent(oops=2), (1, "wrong"), ["/4"])
    assert list(findings.broken) == [
        "lost: /1: gone",
        "twice in the library: /2",
        "database: torn",
        "search failed 2 times: oops",
        "3 workers outlived their killed parent",
        "doctor (exit code 1): wrong",
        "differs from an undisturbed run: /4",
    ]


# For real


@pytest.mark.network
def test_a_little_torture_loses_nothing(capsys):
    code = torture.main(["--kills", "3", "--pictures", "12", "--workers", "1", "--json"])
    printed = capsys.readouterr()
    assert (code, json.loads(printed.out)["broken"]) == (0, []), printed.err
    told = json.loads(printed.out)
    assert sum(row["count"] for row in told["phases"]) == 3


@pytest.mark.slow
@pytest.mark.network
def test_real_photos_survive_fifty_kills(real_photos, tmp_path, capsys):
    for path in sorted((real_photos / "caltech40" / "watch").iterdir()):
        shutil.copy(path, tmp_path)
    code = torture.main([str(tmp_path), "--kills", "50", "--seed", "2"])
    assert code == 0, capsys.readouterr().err
