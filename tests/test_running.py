"""Runs as processes of their own, and what others see of them."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from simsearch import FolderError, Library, LibraryError, SimsearchError, running
from tests.conftest import paint
from tests.test_watch import until


def test_a_run_can_be_looked_at_by_others(tmp_path):
    assert running.last(tmp_path) is None
    with running.sole_writer(tmp_path), running.recorded(tmp_path) as run:
        run.progress(1, 3)
        run.note()
        seen = running.last(tmp_path)
        assert seen and seen["running"] and (seen["pid"], seen["done"], seen["total"]) == (os.getpid(), 1, 3)
    seen = running.last(tmp_path)
    assert seen and not seen["running"] and seen["ended"] and seen["report"] is None


def test_the_state_of_a_run_that_was_killed_says_that_it_no_longer_runs(tmp_path):
    code = (
        "import os, pathlib, sys; from simsearch.running import recorded, sole_writer\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "with sole_writer(place), recorded(place): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    seen = running.last(tmp_path)
    assert seen and not seen["running"] and seen["ended"] is None
    with running.sole_writer(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"ended": null, "pid": "x", "born": 1}'])
def test_a_damaged_state_is_none(tmp_path, text):
    (tmp_path / running.STATE_NAME).write_text(text)
    assert running.last(tmp_path) is None


def test_other_writers_leave_the_record_of_the_last_run_alone(toy_library, album):
    paint(album / "1.png", "red")
    toy_library.sync(album)
    toy_library.forget(album / "1.png")
    toy_library.prune()
    toy_library.check(repair=True)
    assert toy_library.run["report"]["added"] == 1 and not toy_library.run["running"]


def test_a_run_says_in_which_folder_it_is(toy_library, album):
    for name in ("one", "two"):
        paint(album / name / "1.png", "red")
    seen = []
    toy_library.sync(album / "one", album / "two", progress=lambda *_: seen.append(toy_library.run["folder"]))
    assert seen[0] == str(album / "one") and toy_library.run["folder"] == str(album / "two")


@pytest.mark.parametrize("content", [b"no database at all" * 100, None])
def test_a_lock_that_cannot_be_used_is_one_sentence(tmp_path, content):
    path = tmp_path / running.LOCK_NAME
    path.write_bytes(content) if content else path.mkdir()
    with pytest.raises(LibraryError, match="cannot be used as a lock .*delete that file"):
        with running.sole_writer(tmp_path):
            pass


def test_who_asks_whether_a_run_goes_on_does_not_stop_another(tmp_path):
    """Asking takes the lock for a moment."""
    (tmp_path / running.STATE_NAME).write_text(json.dumps({**running._FRESH, "since": "2026-01-01"}))
    asking = threading.Event()

    def ask():
        while not asking.is_set():
            running.last(tmp_path)
            time.sleep(0.002)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(50):
            with running.sole_writer(tmp_path):
                pass
    finally:
        asking.set()
        thread.join()


def test_a_state_that_cannot_be_written_does_not_stop_the_run(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with running.recorded(tmp_path) as run:
        run.progress(1, 2)


def test_what_is_no_folder_is_not_started(toy_library, album):
    with pytest.raises(FolderError, match="no such folder"):
        toy_library.start(album / "nowhere")
    assert toy_library.run is None


@pytest.mark.network
def test_indexing_goes_on_in_a_process_of_its_own(tmp_path, album):
    for number in range(5):
        paint(album / f"{number}.png", (50 * number, 100, 90), (60, 40))
    with Library.open(tmp_path / "library") as library:
        library.start(album)
        state = library.run
        assert state and state["pid"] != os.getpid()
        until(lambda: (library.run or {})["ended"], 60)
        assert len(library) == 5
        assert (library.run or {})["report"]["added"] == 5
        with (
            running.sole_writer(library.path),
            pytest.raises(SimsearchError, match="in use by another simsearch"),
        ):
            library.start()


@pytest.mark.network
def test_a_process_that_indexes_can_be_stopped(tmp_path, album):
    for number in range(3000):
        paint(album / f"{number}.bmp", (number % 256, number // 16, 90), (30, 20))
    with Library.open(tmp_path / "library") as library:
        library.start(album)
        until(lambda: (library.run or {})["done"] > 0, 60)
        library.stop()
        until(lambda: (library.run or {})["ended"], 30)
        state = library.run or {}
        assert state["report"]["interrupted"] and 0 < state["report"]["added"] == len(library) < 3000
        library.stop()  # there is nothing to stop any more


def test_whoever_waits_gets_its_turn(tmp_path):
    code = (
        "import pathlib, sys, time; from simsearch.running import recorded, sole_writer\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "with sole_writer(place), recorded(place): print('has it', flush=True); time.sleep(2)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    assert other.stdout and other.stdout.readline()
    with pytest.raises(LibraryError, match=f"process {other.pid}"), running.sole_writer(tmp_path):
        pass
    started = time.monotonic()
    with running.sole_writer(tmp_path, wait=True):
        assert time.monotonic() - started > 0.1
    other.wait()
    other.stdout.close()
