"""The command map: what it prints and writes."""

import json

import pytest

from simsearch import layout
from simsearch.errors import WriteError
from tests.test_layout import shades


@pytest.fixture
def indexed(run, library, album):
    shades(album, range(12))
    (album / "warm" / "0.png").rename(album / "warm" / 'odd, "name".png')
    run("index", album)
    return album


def test_the_command_lays_out_and_writes_positions(run, indexed, tmp_path):
    assert run("map")[:2] == (0, "12 photos laid out by pca; to look at: simsearch app\n")
    code, out, _ = run("map", "--csv", tmp_path / "map.csv")
    assert (code, out) == (0, f"12 photos laid out by pca, in {tmp_path / 'map.csv'}\n")
    lines = (tmp_path / "map.csv").read_text().splitlines()
    assert lines[0] == "path,x,y" and len(lines) == 13
    assert any(line.startswith(f'"{indexed}/warm/odd, ""name"".png",') for line in lines)


def test_json_is_one_object_a_photo(run, indexed):
    code, out, _ = run("map", "--json", "--method", "pca")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and len(told) == 12 and all(one.keys() == {"path", "x", "y"} for one in told)


def test_a_csv_that_cannot_be_written_is_one_sentence(run, indexed, tmp_path):
    code, out, err = run("map", "--csv", indexed)
    assert (code, out) == (2, "") and "there is such a file already" in err and len(err.splitlines()) == 1


def test_it_says_how_to_get_a_better_map(run, library, album, monkeypatch):
    shades(album, range(50))
    run("index", album)
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    code, out, _ = run("map")
    assert code == 0 and out.splitlines()[1].endswith('pip install "simsearch[map]"')
    code, out, err = run("map", "--method", "tsne")
    assert (code, out) == (2, "") and "not installed" in err


def test_a_map_that_cannot_be_kept_is_said(run, indexed, monkeypatch, tmp_path):
    def full(path, *_):
        raise WriteError(path, "the disk is full", "free some space")

    monkeypatch.setattr("simsearch.index.files.save", full)
    code, out, err = run("map")
    assert (code, out) == (1, "") and err.rstrip().endswith("map-pca: the disk is full; free some space.")
    assert run("map", "--csv", tmp_path / "map.csv")[0] == 0
