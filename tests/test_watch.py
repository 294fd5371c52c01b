import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from simsearch import Library, Report, running, survey, watch
from simsearch.running import sole_writer
from tests.conftest import paint
from tests.toy import ToyEncoder


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(watch, "SECONDS_QUIET", 0.3)
    monkeypatch.setattr(watch, "SECONDS_A_DISK", 0.2)


@pytest.fixture
def watched(tmp_path, album, quick):
    """A library that follows an album, and its reports so far; each report is added as it comes."""
    paint(album / "first.png", "red")
    with follow(tmp_path / "library", album) as reports:
        until(lambda: len(reports) == 1)
        with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
            yield library, reports


@contextmanager
def follow(place, album):
    """Follow an album in a thread; give the reports."""
    reports: list[Report] = []
    stop = threading.Event()

    def run():
        with Library.open(place, encoder=ToyEncoder()) as library:
            for report in library.watch(album):
                reports.append(report)
                if stop.is_set():
                    return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield reports
    stop.set()
    number = 0
    while thread.is_alive() and number < 200:
        number += 1
        paint(album / "last.png", (number, 2, 3))  # something it has to report
        thread.join(0.5)
    assert not thread.is_alive()


def until(so, seconds=20):
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_what_happens_in_a_folder_is_taken_up(watched, album):
    library, reports = watched
    paint(album / "new" / "2.png", "blue")
    until(lambda: len(library) == 2)
    (album / "new" / "2.png").rename(album / "renamed.png")
    until(lambda: reports[-1].moved == 1)
    (album / "renamed.png").unlink()
    until(lambda: len(library) == 1)
    paint(album / "first.png", "green", (9, 9))
    until(lambda: reports[-1].updated == 1)
    assert len(library) == 1


def test_a_burst_is_few_runs(watched, album):
    library, reports = watched
    for number in range(60):
        paint(album / "burst" / f"{number}.png", (number, 0, 9))
    until(lambda: len(library) == 61)
    assert len(reports) < 20


def test_a_folder_that_goes_away_and_comes_back_is_kept_and_followed_again(watched, album):
    library, reports = watched
    away = album.parent / "unplugged"
    album.rename(away)
    until(lambda: library.search(away / "first.png")[0].offline)
    paint(album / "forgotten.txt.png", "white").rename(album / ".keep")  # the mount point is not quite empty
    time.sleep(1)
    assert len(library) == 1 and library.missing() == []
    assert not library.status()["folders"][0]["online"]
    shutil.rmtree(album)
    away.rename(album)
    until(lambda: not library.search(album / "first.png")[0].offline)
    paint(album / "2.png", "blue")
    until(lambda: len(library) == 2)


def test_changes_wait_while_another_process_indexes(watched, album, tmp_path):
    library, reports = watched
    with sole_writer(tmp_path / "library"):
        paint(album / "2.png", "blue")
        time.sleep(1)
        assert len(library) == 1
    until(lambda: len(library) == 2)


@pytest.mark.parametrize("place", ["library", ".hidden/library"])
def test_a_library_inside_what_it_follows_does_not_follow_itself(album, quick, place, monkeypatch):
    runs = []
    note = running.Run.note

    def count(run):
        runs.append(run)
        note(run)

    monkeypatch.setattr(running.Run, "note", count)
    paint(album / "1.png", "red")
    with follow(album / place, album) as reports:
        until(lambda: len(reports) == 1)
        time.sleep(2)
        assert len(set(runs)) <= 2  # the first, and one that looks at what came before it was followed


def test_what_is_no_photo_is_no_reason_to_look(watched, album, monkeypatch):
    library, reports = watched
    looked: list[Path] = []
    plan_changes = survey.plan_changes

    def note(store, paths):
        looked.extend(paths)
        return plan_changes(store, paths)

    monkeypatch.setattr("simsearch.indexing.plan_changes", note)
    (album / "notes.txt").write_text("x")
    paint(album / ".hidden" / "1.png", "red")
    (album / ".2.png").write_text("x")
    paint(album / "3.png", "red")
    until(lambda: album / "3.png" in looked)
    assert set(looked) <= {album / "3.png", album}


def test_a_folder_that_is_away_when_watching_begins_is_waited_for(tmp_path, album, quick):
    paint(album / "1.png", "red")
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        library.sync(album)
    album.rename(album.parent / "unplugged")
    with follow(tmp_path / "library", album) as reports:
        until(lambda: len(reports) == 1)
        assert reports[0].offline == [(str(album), "no such folder")]
        paint(album.parent / "unplugged" / "2.png", "blue")
        (album.parent / "unplugged").rename(album)
        until(lambda: len(reports) == 2)
        assert reports[1].added == 1


def test_an_interrupt_in_the_first_run_ends_the_watch(toy_library, album):
    for number in range(3):
        paint(album / f"{number}.png", "red")

    def interrupt(done, total):
        raise KeyboardInterrupt

    reports = list(toy_library.watch(album, progress=interrupt))
    assert [report.interrupted for report in reports] == [True]


def test_the_command_follows_a_folder_until_it_is_stopped(tmp_path, album):
    paint(album / "first.png", "red")
    code = (
        "import sys; from simsearch import Library, cli; from tests.toy import ToyEncoder\n"
        "opened = Library.open.__func__\n"
        "Library.open = classmethod(lambda cls, path, backbone=None, **more: opened(cls, path, "
        "encoder=ToyEncoder(), **more))\n"
        "cli.run()"
    )
    watching = subprocess.Popen(
        [sys.executable, "-c", code, "index", album, "--watch", "--library", tmp_path / "library"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout and watching.stderr
    assert watching.stdout.readline().startswith("1 added")
    while "watching" not in watching.stderr.readline():
        pass
    paint(album / "2.png", "blue")
    assert "1 photo can be searched" in watching.stdout.readline()
    assert watching.stdout.readline().startswith("1 added")
    watching.send_signal(2)
    assert watching.wait(20) == 0
    assert "no longer watching" in watching.stderr.read()
    watching.stdout.close()
    watching.stderr.close()
