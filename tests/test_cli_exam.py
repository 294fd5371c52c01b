"""The command exam: what it prints."""

import json
import re

import pytest

from simsearch import Library
from tests.conftest import paint


@pytest.fixture
def indexed(run, library, album):
    for number in range(12):
        paint(album / "warm" / f"{number}.png", (200, 5 * number, 0))
        paint(album / "cold" / f"{number}.png", (0, 5 * number, 200))
    assert run("index", album)[0] == 0
    return album


def test_it_prints_tables_for_a_person(run, indexed, library):
    code, out, err = run("exam", "--sample", 5)
    assert code == 0
    lines = out.splitlines()
    assert re.fullmatch(rf"Asked for: 5 of 24 photos in {library}, with engine exact, in \d+ s", lines[0])
    assert re.search(r"^altered +first  in 10  near-identical  same scene  mean 1/rank$", out, re.MULTILINE)
    assert re.search(r"^recompressed +\d+% +\d+% +\S+ +\S+ +\d\.\d{3}$", out, re.MULTILINE)
    assert re.search(r"^exact +100\.0%  +\d+\.\d\d ms +\d+\.\d\d ms +100\.0% +0\.0 MB$", out, re.MULTILINE)
    assert "The folders mean something here: of a photo's first 15 hits 100% lie in its folder" in out
    assert re.search(r"^warm +12 +12 +100% +100% +48%$", out, re.MULTILINE)
    assert "searching with altered photos: 100%" in err and "comparing engines: asking lsh" in err


def test_json_is_one_object(run, indexed):
    code, out, _ = run("exam", "--sample", 3, "--engines", "exact", "faiss", "--json")
    told = json.loads(out)
    assert code == 0 and len(out.splitlines()) == 1
    assert told["asked"] == 3 and [row["engine"] for row in told["engines"]] == ["exact", "faiss"]


def test_no_engine_need_be_compared(run, indexed):
    code, out, _ = run("exam", "--sample", 3, "--engines")
    assert code == 0 and "15 nearest" not in out


def test_damaged_photos_are_told(run, indexed, library):
    with Library.open(library) as opened, opened._store.transaction():
        opened._store._write("UPDATE thumbnails SET jpeg = 'x' WHERE photo_id < 3")
    out = run("exam", "--engines")[1]
    assert "Asked for: 22 of 24 photos" in out and "; 2 more are damaged (see simsearch doctor)\n" in out


def test_many_kinds_are_cut_short(run, library, album):
    for number in range(82):
        side = 8 + 8 * (number % 2)
        paint(album / str(number // 2) / f"{side}.png", (200, 4 * (number // 2), 0), (side, side))
    run("index", album)
    out = run("exam", "--sample", 10, "--engines")[1]
    assert "1 more do better (--json lists them)" in out


def test_an_empty_library_is_one_sentence(run, library):
    Library.open(library).close()
    code, out, err = run("exam")
    assert (code, out) == (2, "") and "holds no photos yet" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"), [(("--sample", "0"), "at least 1"), (("--engines", "best"), "invalid choice")]
)
def test_what_makes_no_sense_is_one_sentence(run, indexed, arguments, words):
    code, out, err = run("exam", *arguments)
    assert (code, out) == (2, "") and words in err


def test_ctrl_c_ends_it_cleanly(run, indexed, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("simsearch.exam.altered", interrupted)
    code, out, err = run("exam")
    assert (code, out) == (130, "") and "Traceback" not in err
