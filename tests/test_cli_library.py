"""The commands that look after a library: what they say first, and what they then do."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from simsearch import Library
from simsearch.cli import terminal
from simsearch.running import sole_writer
from tests.conftest import paint


@pytest.fixture
def indexed(run, library, album):
    """red.png and deep/blue.png."""
    paint(album / "red.png", (200, 0, 0), (40, 8))
    paint(album / "deep" / "blue.png", (0, 0, 200))
    assert run("index", album)[0] == 0
    return album


class Terminal:
    """Somebody who answers."""

    def __init__(self, answer):
        self.answer = answer

    def isatty(self):
        return True

    def readline(self):
        return self.answer


@pytest.mark.parametrize("answer", ["y\n", "Yes\n"])
def test_forget_says_what_it_will_drop_and_drops_it_when_somebody_agrees(run, indexed, monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, out, _ = run("forget", indexed / "deep")
    assert code == 0
    assert out.startswith(f"1 photo at or below {indexed / 'deep'} will be dropped")
    assert out.endswith("1 photo dropped from the library\n")
    assert (indexed / "deep" / "blue.png").exists()
    assert json.loads(run("status", "--json")[1])["photos"] == 1


@pytest.mark.parametrize("answer", ["n\n", "", "what\n"])
def test_forget_drops_nothing_when_nobody_agrees(run, indexed, monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, out, _ = run("forget", indexed)
    assert code == 0 and out.endswith("nothing was dropped\n")
    assert json.loads(run("status", "--json")[1])["photos"] == 2


def test_without_a_terminal_yes_must_be_said(run, indexed, tmp_path, monkeypatch):
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        code, _, err = run("forget", indexed)
        assert code == 2 and "Add --yes" in err
        assert run("forget", indexed, "--yes")[0] == 0
    assert json.loads(run("status", "--json")[1])["photos"] == 0
    code, _, err = run("forget", tmp_path / "elsewhere", "--yes")
    assert code == 2 and "not in this library" in err


@pytest.mark.parametrize("command", [("forget", "{}"), ("search", "{}/red.png", "--under", "{}")])
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("misspelt", "nothing of it is in the library"),
        ("~nobody-of-this-name/x", "no such user"),
        ("caf\udce9", "not valid text"),
        ("", "no path"),
    ],
)
def test_a_path_that_cannot_be_meant_is_one_sentence(run, indexed, command, path, words, monkeypatch):
    monkeypatch.chdir(indexed)
    filled = [part.format(path) if part == "{}" else part.format(indexed) for part in command]
    code, out, err = run(*filled)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_a_root_that_is_forgotten_is_named(run, indexed):
    out = run("forget", indexed, "--yes")[1]
    assert out.endswith(f"2 photos dropped from the library\n{indexed} is no longer indexed\n")


def test_what_failed_before_is_counted_and_no_news(run, indexed):
    (indexed / "broken.png").write_text("x")
    assert run("sync")[0] == 1
    code, out, _ = run("sync")
    assert code == 0 and "failed  1 file as before (simsearch status --failed names them)\n" in out
    assert "1 failed (3 files in" in out


def test_status_tells_of_a_run_that_was_cut_off(run, indexed, library):
    assert "last run:" in run("status")[1]
    state = json.loads((library / "indexing.json").read_text())
    cut_off = {**state, "ended": None, "report": None, "done": 3, "total": 9}
    (library / "indexing.json").write_text(json.dumps(cut_off))
    assert "3 of 9 files; stopped early; to go on: simsearch sync" in run("status")[1]
    with sole_writer(library):
        assert f"3 of 9 files (process {os.getpid()})" in run("status")[1]
        code, _, err = run("index")
        assert code == 2 and f"process {os.getpid()}" in err


def test_no_library_is_made_for_a_folder_that_is_not_there(run, library, tmp_path):
    code, _, err = run("index", tmp_path / "nowhere")
    assert code == 2 and "no such folder" in err and not library.exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk at hand")
def test_output_that_does_not_fit_is_one_sentence(tmp_path):
    Library.open(tmp_path).close()
    command = [sys.executable, "-m", "simsearch.cli", "status", "--library", tmp_path]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr == (
        "simsearch: the output cannot be written, as its disk is full\n"
    )


def test_sync_prune_names_what_is_gone_and_drops_it(run, indexed):
    assert run("sync", "--prune", "--yes")[1].endswith("no photo is gone\n")
    (indexed / "red.png").unlink()
    code, out, _ = run("sync")
    assert code == 0 and "1 no longer there" in out and "dropped" not in out
    code, out, _ = run("sync", "--prune", "--yes")
    assert code == 0
    assert f"gone  {indexed / 'red.png'}: its file is no longer there" in out
    assert out.endswith("1 photo dropped from the library\n")
    assert json.loads(run("status", "--json")[1])["missing"] == 0


def test_sync_prune_asks_first(run, indexed, monkeypatch):
    (indexed / "red.png").unlink()
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    code, out, _ = run("sync", "--prune")
    assert code == 0 and out.endswith("nothing was dropped\n")
    assert json.loads(run("status", "--json")[1])["missing"] == 1


def test_sync_keeps_what_is_offline_and_says_so(run, indexed, tmp_path):
    other = paint(tmp_path / "usb" / "green.png", "green").parent
    run("index", other)
    shutil.rmtree(other)
    code, out, _ = run("sync", "--prune", "--yes")
    assert code == 0 and f"offline  {other}: no such folder" in out and "no photo is gone" in out
    assert f"{other} (1 photo, offline)" in run("status")[1]
    hits = run("search", indexed / "red.png")[1].splitlines()
    assert [line.endswith("green.png  (offline)") for line in sorted(hits, key=len)] == [False, False, True]


def test_status_failed_lists_every_file_that_failed(run, indexed):
    (indexed / "broken.png").write_text("x")
    assert run("sync")[0] == 1
    assert run("status", "--failed")[1] == (
        f"failed  {indexed / 'broken.png'}: not a picture, or of a kind not read here\n"
    )
    listed = json.loads(run("status", "--failed", "--json")[1])
    assert listed == {
        "path": str(indexed / "broken.png"),
        "reason": "not a picture, or of a kind not read here",
    }
    shutil.copy(indexed / "red.png", indexed / "broken.png")
    assert run("sync", "--retry-failed")[0] == 0
    assert run("status", "--failed")[1] == ""


def test_filters_decide_which_photos_answer(run, indexed):
    query = indexed / "red.png"
    assert (
        run("search", query, "--under", indexed / "deep", "--paths")[1]
        == f"{indexed / 'deep' / 'blue.png'}\n"
    )
    assert run("search", query, "--kind", "deep", "--paths")[1] == f"{indexed / 'deep' / 'blue.png'}\n"
    code, out, err = run("search", query, "--min-size", 30)
    assert (code, len(out.splitlines())) == (0, 1)
    assert err == "simsearch: 1 of 2 photos are as asked for\n"
    code, out, err = run("search", query, "--since", "2020", "--until", "2021")
    assert (code, out) == (0, "")
    assert err == "simsearch: 0 of 2 photos are as asked for; 2 more do not say when they were taken\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "yesterday"), "since must be a date"),
        (("--min-size", "0"), "at least 1"),
        (("--kind", ""), "must be a label"),
        (("--under", "elsewhere"), "not in this library"),
    ],
)
def test_a_filter_that_makes_no_sense_is_one_sentence(run, indexed, arguments, words):
    code, out, err = run("search", indexed / "red.png", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_names_with_control_characters_are_fit_for_a_terminal():
    assert terminal.printable("a\x1b[31m.png") == "a?[31m.png"
    assert terminal.printable(os.fsdecode(b"caf\xe9.png")) == r"caf\xe9.png"
