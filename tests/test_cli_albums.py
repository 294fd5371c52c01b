"""The command for albums."""

import json

import pytest
from PIL import Image

from simsearch import Library
from simsearch.ranking import Ranker
from tests.conftest import paint
from tests.test_albums import TRUST
from tests.test_cli_library import Terminal


@pytest.fixture
def indexed(run, library, album, monkeypatch):
    """Three reds and three blues, of which it is known what scores mean."""
    monkeypatch.setattr(Ranker, "_known_trust", lambda ranker, space: TRUST)
    for number in range(3):
        paint(album / f"red-{number}.png", (200, 20 * number, 0))
        paint(album / f"blue-{number}.png", (0, 20 * number, 200))
    assert run("index", album)[0] == 0
    return album


def stored():
    with Library.open(create=False) as library:
        return [album[:3] for album in library.albums]


def test_an_album_is_made_shown_and_extended(run, indexed):
    code, out, err = run("album", "my cups", "--like", indexed / "red-0.png")
    assert (code, out, err) == (0, "my cups: 3 photos, from 1 example\n", "")
    code, out, _ = run("album", "My Cups")
    assert code == 0 and out.splitlines()[0] == f"1.000  near-identical      {indexed / 'red-0.png'}"
    assert len(out.splitlines()) == 3 and "same kind" in out
    blues, red = [indexed / "blue-0.png", indexed / "blue-1.png"], indexed / "red-2.png"
    code, out, _ = run("album", "MY CUPS", "--like", *blues, "--minus", red)
    assert (code, out) == (0, "my cups: 5 photos, from 4 examples\n")
    _, out, _ = run("album", "my cups", "--paths")
    assert len(out.splitlines()) == 5 and str(indexed / "red-2.png") not in out
    hits = [json.loads(line) for line in run("album", "my cups", "--json")[1].splitlines()]
    assert len(hits) == 5 and hits[0]["score"] == 1 and hits[0]["trust"] == "near-identical"


def test_albums_are_listed(run, indexed):
    code, out, _ = run("album")
    assert (code, out) == (0, "no albums yet; to make one: simsearch album NAME --like PICTURE\n")
    assert run("album", "--json")[:2] == (0, "")
    run("album", "Übung", "--like", indexed / "blue-0.png", "--minus", indexed / "red-0.png")
    run("album", "cups", "--like", indexed / "red-0.png")
    code, out, _ = run("album")
    assert code == 0 and out.splitlines() == [
        "album  photos  likes  dislikes",
        "cups        3      1         0",
        "Übung       3      1         1",
    ]
    made = [json.loads(line) for line in run("album", "--json")[1].splitlines()]
    assert [(one["name"], one["photos"], one["likes"], one["dislikes"]) for one in made] == [
        ("cups", 3, 1, 0), ("Übung", 3, 1, 1),
    ]  # fmt: skip
    assert made[0]["made_at"].endswith("+00:00")
    told = json.loads(run("album", "cups", "--like", indexed / "red-1.png", "--json")[1])
    assert told["likes"] == 2


def test_it_is_renamed_and_dropped_when_somebody_agrees(run, indexed, monkeypatch):
    run("album", "cups", "--like", indexed / "red-0.png")
    assert run("album", "cups", "--rename", " Espresso cups ")[:2] == (0, "cups is now Espresso cups\n")
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    code, out, _ = run("album", "espresso cups", "--drop")
    assert code == 0 and out.endswith("nothing was dropped\n") and stored() == [("Espresso cups", 1, 0)]
    monkeypatch.setattr("sys.stdin", None)
    code, _, err = run("album", "espresso cups", "--drop")
    assert code == 2 and "Add --yes" in err
    code, out, _ = run("album", "espresso cups", "--drop", "--yes")
    assert code == 0 and out.splitlines()[-1] == "Espresso cups was dropped" and stored() == []
    assert json.loads(run("status", "--json")[1])["photos"] == 6


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cups"], "album cups: there is none of that name; there are Mine."),
        (["cups", "--drop", "--yes"], "there is none of that name"),
        (
            ["cups", "--minus", "{}/red-0.png"],
            "nothing would tell what belongs there; like another photo first",
        ),
        (["cups", "--like", "{}/gone.png"], "gone.png: no such file or directory; check the path."),
        (["x" * 101, "--like", "{}/red-0.png"], "a name has 1 to 100 characters"),
        (["", "--like", "{}/red-0.png"], "album '': that is no name; choose one of 1 to 100 characters."),
        (["Mine", "--like", "{}/blue-0.png", "{}/nope.png"], "nope.png: no such file or directory"),
        (["Mine", "--rename", "a\nb"], "a name has 1 to 100 characters"),
        (["Mine", "--minus", "{}/red-0.png"], "like another photo first"),
        (["Mine", "--drop", "--rename", "x"], "one thing at a time; see simsearch album --help"),
        (["Mine", "--yes"], "--yes is for --drop alone"),
        (["Mine", "--rename", "x", "--json"], "nothing to print"),
        (["--drop"], "name the album that is meant"),
        (["--paths"], "name the album that is meant"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run, indexed, arguments, sentence):
    run("album", "Mine", "--like", indexed / "red-0.png")
    code, out, err = run("album", *(argument.format(indexed) for argument in arguments))
    assert (code, out) == (2, "") and sentence in err and err.count("\n") == 1
    assert stored() == [("Mine", 1, 0)]


def test_in_a_small_library_it_is_said_why_only_what_is_liked_is_shown(run, indexed, monkeypatch):
    monkeypatch.setattr(Ranker, "_known_trust", lambda ranker, space: None)
    run("album", "Mine", "--like", indexed / "red-0.png")
    code, out, err = run("album", "Mine", "--paths")
    assert (code, out) == (0, f"{indexed / 'red-0.png'}\n") and "only what is liked is shown" in err


def test_where_nothing_else_is_like_it_that_is_said(run, indexed):
    Image.effect_noise((8, 8), 90).convert("RGB").save(indexed / "noise.png")
    run("index", indexed)
    run("album", "Mine", "--like", indexed / "noise.png")
    code, out, err = run("album", "Mine", "--paths")
    assert (code, out) == (0, f"{indexed / 'noise.png'}\n")
    assert err == "simsearch: nothing else in the library is like these enough: only what is liked is shown\n"


def test_an_album_without_photos_says_so(run, indexed, tmp_path):
    run("album", "Mine", "--like", paint(tmp_path / "green.png", (0, 200, 0)))
    assert run("album", "Mine") == (0, "", "simsearch: no photo of the library belongs there\n")
    assert run("album", "Mine", "--json")[:2] == (0, "")
