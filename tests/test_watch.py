import subprocess
import sys
import threading
import time

import pytest

from simsearch import Library, Report
from simsearch.running import sole_run
from tests.conftest import paint
from tests.toy import ToyEncoder


@pytest.fixture
def watched(tmp_path, album):
    """A library that follows an album, and its reports so far; each report is added as it comes."""
    paint(album / "first.png", "red")
    reports: list[Report] = []
    stop = threading.Event()

    def follow():
        with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
            for report in library.watch(album):
                reports.append(report)
                if stop.is_set():
                    return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    until(lambda: len(reports) == 1)
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        yield library, reports
    stop.set()
    if album.is_dir():
        paint(album / "last.png", (1, 2, 3))
        thread.join(20)
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


def test_a_burst_is_one_run(watched, album):
    library, reports = watched
    for number in range(60):
        paint(album / "burst" / f"{number}.png", (number, 0, 9))
    until(lambda: len(library) == 61)
    assert len(reports) <= 4


def test_a_folder_that_goes_away_and_comes_back_is_kept_and_followed_again(watched, album):
    library, reports = watched
    album.rename(album.parent / "unplugged")
    time.sleep(2)
    assert len(library) == 1 and library.search(album.parent / "unplugged" / "first.png")[0].offline
    (album.parent / "unplugged").rename(album)
    until(lambda: not library.similar(1) and not library.search(album / "first.png")[0].offline)
    time.sleep(6)  # until the watch has seen it, too
    paint(album / "2.png", "blue")
    until(lambda: len(library) == 2)


def test_changes_wait_while_another_process_indexes(watched, album, tmp_path):
    library, reports = watched
    with sole_run(tmp_path / "library"):
        paint(album / "2.png", "blue")
        time.sleep(2)
        assert len(library) == 1
    until(lambda: len(library) == 2)


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
    time.sleep(1)
    paint(album / "2.png", "blue")
    assert "1 photos can be searched" in watching.stdout.readline()
    assert watching.stdout.readline().startswith("1 added")
    watching.send_signal(2)
    assert watching.wait(20) == 0
    assert "no longer watching" in watching.stderr.read()
    watching.stdout.close()
    watching.stderr.close()
