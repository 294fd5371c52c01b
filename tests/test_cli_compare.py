"""The command compare-backbones: what it prints, and what it refuses."""

import json
import os
import re
import sys

import pytest

from tests.conftest import paint
from tests.test_benchmark import toys  # noqa: F401


@pytest.fixture
def photos(album, toys):  # noqa: F811
    for number in range(3):
        paint(album / "warm" / f"{number}.png", (200, 15 * number, 0))
        paint(album / "cold" / f"{number}.png", (20, 15 * number, 200))
    return album


@pytest.fixture(autouse=True)
def _idle(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))


def test_it_prints_a_table_for_a_person(run, photos):
    code, out, err = run("compare-backbones", "toy", "red-eyed", "--photos", photos)
    assert code == 0
    lines = out.splitlines()
    assert re.fullmatch(
        r"Measured on 6 photos, in 2 folders, by \d+ process(es)?; \* is the best of a column", lines[0]
    )
    assert lines[1].split("  ")[0] == "network" and lines[1].endswith("folder: first   of 15")
    # What all have in common is nobody's best; photos, bytes and hits are as the toys are.
    assert re.fullmatch(r"toy +\*?\S+ +\*?\S+ +27 +\*\d\d\.\d% +100\.0% +100\.0%  100\.0%", lines[2])
    assert re.fullmatch(r"red-eyed +\*?\S+ +\*?\S+ +\*21 +\d\d\.\d% +100\.0% +100\.0%  100\.0%", lines[3])
    assert len({len(line) for line in lines[1:4]}) == 1
    assert "folder: how many hits of 6 photos lie in the photo's folder (40.0% by chance)" in lines
    assert re.search(r"^(toy|red-eyed) indexes \d+\.\d times as|^They index equally quickly", out, re.M)
    assert lines[-1].startswith("Maybe only chance, with so few photos: altered photos found first; ")
    assert "red-eyed: searching with altered photos: 100%" in err and "load" not in err


def test_what_is_clearly_behind_is_said(run, album, toys):  # noqa: F811
    for folder in range(10):
        for side in (8, 16, 24, 32):
            paint(album / str(folder) / f"{side}.png", (200, 20 * folder, 0), size=(side, side))
    out = run("compare-backbones", "toy", "red-eyed", "--photos", album)[1]
    clear = re.search(r"^Clearly different: (.*?)\.", out, re.MULTILINE)
    assert clear and "15 hits of the same folder (red-eyed behind the best)" in clear[1]


def test_json_is_one_object_a_network(run, photos):
    code, out, _ = run("compare-backbones", "toy", "nonsense", "--photos", photos, "--sample", 4, "--json")
    told, refused = map(json.loads, out.splitlines())
    assert code == 1
    assert (told["name"], told["photos"], told["asking"], told["behind"]) == ("toy", 4, 4, [])
    assert told["bytes"] == {"embedding": 6, "index": 21} and told["precision_at_15"] == 1
    assert refused == {"name": "nonsense", "reason": "backbone nonsense: not known; choose another."}


def test_a_network_that_cannot_be_had_is_one_line(run, photos):
    code, out, _ = run("compare-backbones", "nonsense", "toy", "--photos", photos)
    assert code == 1 and "\nnot measured: backbone nonsense: not known; choose another.\n" in out
    assert re.search(r"^toy +\d", out, re.MULTILINE) and "*" not in out.split("column")[1]
    code, out, _ = run("compare-backbones", "nonsense", "--photos", photos)
    assert code == 1 and len(out.splitlines()) == 2


def test_the_librarys_photos_are_the_default(run, library, photos):
    paint(photos / "broken.png", (1, 2, 3)).write_bytes(b"no picture")
    code, out, err = run("compare-backbones", "toy")
    assert (code, out) == (2, "") and "no library here yet" in err
    run("index", photos)
    code, out, _ = run("compare-backbones", "toy", "--sample", 5)
    assert code == 0 and "Measured on 5 photos of 6, in 2 folders" in out
    out = run("compare-backbones", "toy", "--photos", photos)[1]
    assert f"failed  {photos / 'broken.png'}: not a picture" in out


def test_without_two_folders_there_is_a_dash(run, photos):
    code, out, _ = run("compare-backbones", "toy", "--photos", photos / "warm")
    assert code == 0 and re.search(r"^toy .* -  +-$", out, re.MULTILINE)
    assert "folder: tells nothing here" in out


def test_quality_is_drawn_against_speed(run, photos, tmp_path):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "plot.png"
    code, _, err = run("compare-backbones", "toy", "red-eyed", "--photos", photos, "--plot", plot)
    assert code == 0 and plot.read_bytes().startswith(b"\x89PNG") and f"drawn in {plot}" in err


def test_of_a_handful_of_photos_no_speed_is_told(run, photos, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("simsearch.benchmark._SHORTEST", 10)
    plot = tmp_path / "plot.png"
    code, out, err = run("compare-backbones", "toy", "red-eyed", "--photos", photos, "--plot", plot)
    assert code == 0 and re.search(r"^toy +-  ", out, re.MULTILINE) and not plot.exists()
    assert "Too few photos to tell how quick the networks are." in out and "nothing is drawn" in err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("there.png", "there is such a file already"),
        ("no/plot.png", "no such folder"),
        ("plot.jpg", "a plot is a PNG; choose a name that ends in .png"),
    ],
)
def test_a_plot_that_cannot_be_written_is_refused_before_the_work(run, photos, tmp_path, name, words):
    (tmp_path / "there.png").write_bytes(b"a photo")
    code, out, err = run("compare-backbones", "toy", "--photos", photos, "--plot", tmp_path / name)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1
    assert (tmp_path / "there.png").read_bytes() == b"a photo"


def test_without_matplotlib_there_is_one_sentence(run, photos, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, out, err = run("compare-backbones", "toy", "--photos", photos, "--plot", tmp_path / "plot.png")
    assert (code, out) == (2, "") and 'pip install "simsearch[plot]"' in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "NAME"),
        (("toy", "--sample", "0"), "at least 1"),
        (("toy", "--photos", "no-such-folder"), "no such folder"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(run, photos, arguments, words):
    code, out, err = run("compare-backbones", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_a_busy_machine_is_told(run, photos, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    assert "speeds will be rough" in run("compare-backbones", "toy", "--photos", photos)[2]


def test_ctrl_c_says_that_nothing_is_kept(run, photos, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("simsearch.exam.altered", interrupted)
    code, out, err = run("compare-backbones", "toy", "--photos", photos)
    assert (code, out) == (130, "") and err.endswith("simsearch: stopped; nothing of it is kept.\n")
