"""What the commands print of hits whose scores mean something, and of votes."""

import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from simsearch import Hit, Library
from tests.conftest import paint

NEAR, SCENE, KIND, NOT = "near-identical", "same scene", "same kind", "probably unrelated"


def hit(number, trust, *, copies=()):
    facts = 8, 8, None, None, None, None, False
    paths = tuple(Path(f"/photos/{name}.jpg") for name in copies)
    return Hit(Path(f"/photos/{number}.jpg"), 1 - number / 10, number, *facts, 0.5, trust, 0.99, paths)


@pytest.fixture
def indexed(run, library, album):
    paint(album / "red.png", "red")
    paint(album / "more" / "blue.png", "blue")
    assert run("index", album)[0] == 0
    return album / "red.png"


@pytest.fixture
def answer(monkeypatch):
    """Have every search give these hits; return what was asked."""

    def answer(*hits):
        asked = []

        def search(self, image, k, **options):
            asked.append((image, options))
            return [*hits]

        monkeypatch.setattr(Library, "search", search)
        return asked

    return answer


def test_each_hit_has_its_word_and_the_copies_folded_into_it(run, indexed, answer):
    asked = answer(hit(1, NEAR, copies=["a", "b"]), hit(2, SCENE), hit(3, KIND))
    code, out, err = run("search", indexed)
    assert code == 0 and out.splitlines() == [
        "0.900  near-identical      /photos/1.jpg  (and 2 near-identical)",
        "0.800  same scene          /photos/2.jpg",
        "0.700  same kind           /photos/3.jpg",
    ]
    assert err == "simsearch: 2 near-identical photos left out; --all shows them\n"
    assert asked[0][1]["fold"] is True


@pytest.mark.parametrize(
    ("hits", "shown", "said"),
    [
        ([hit(1, KIND), hit(2, NOT), hit(3, NOT)], [1], "2 more photos probably unrelated; --all shows them"),
        ([hit(1, NOT)], [], "nothing in the library is similar; --all shows the nearest all the same"),
        ([hit(1, KIND)], [1], ""),
        ([hit(1, None), hit(2, None)], [1, 2], ""),  # nobody knows what they mean
        ([], [], ""),
    ],
)
def test_results_end_where_they_mean_nothing(run, indexed, answer, hits, shown, said):
    asked = answer(*hits)
    for form in ("--paths", "--json"):
        code, out, err = run("search", indexed, form)
        paths = [json.loads(line)["path"] if form == "--json" else line for line in out.splitlines()]
        assert (code, paths) == (0, [f"/photos/{number}.jpg" for number in shown])
        assert err == (f"simsearch: {said}\n" if said else "")
    code, out, err = run("search", indexed, "--all")
    assert len(out.splitlines()) == len(hits) and err == ""
    assert asked[-1][1]["fold"] is False


def test_several_examples_make_one_query(run, indexed, answer, tmp_path):
    asked = answer()
    assert (
        run("search", "a.jpg", "b.jpg", "--minus", "c.jpg", "--minus", "d.jpg", "--diversity", "0.5")[0] == 0
    )
    [(image, options)] = asked
    assert (image, options["minus"], options["diversity"]) == (["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"], 0.5)
    assert options["rerank"] is True
    run("search", "a.jpg", "--no-rerank", "--diversity", "0")
    assert asked[-1][1]["rerank"] is False


@pytest.mark.parametrize("wrong", ["2", "-1", "x", "nan"])
def test_a_diversity_that_is_none_is_refused(run, indexed, wrong):
    code, out, err = run("search", indexed, f"--diversity={wrong}")
    assert (code, out) == (2, "") and "from 0 to 1" in err and err.count("\n") == 1


def test_votes_are_bars(run, indexed, answer):
    answer(*(hit(number, KIND) for number in range(1, 4)), hit(4, NOT))
    code, out, err = run("suggest", indexed)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["looks like photos/, 3 of 4", "  3  ###############       /photos"]
    told = json.loads(run("suggest", indexed, "--json")[1])
    assert told == {
        "kind": "/photos", "confidence": 0.75, "asked": 4, "votes": [{"kind": "/photos", "photos": 3}]
    }  # fmt: skip


def test_a_picture_unlike_anything_is_told_so(run, indexed, answer):
    answer(hit(1, NOT))
    assert run("suggest", indexed)[:2] == (0, "unlike anything here\n")


def test_where_all_lies_in_one_folder_nothing_is_suggested(run, library, album, answer):
    picture = paint(album / "red.png", "red")
    run("index", album)
    answer(hit(1, KIND))
    code, out, err = run("suggest", picture)
    assert (code, out) == (2, "") and "all photos lie in one folder" in err


def test_an_empty_library_suggests_nothing(run, library, album):
    run("index", album)
    code, out, err = run("suggest", paint(album.parent / "x.png", "red"))
    assert (code, out) == (2, "") and "holds no photos yet" in err


def test_hits_are_written_to_new_files(run, indexed, tmp_path, album):
    files = [tmp_path / name for name in ("a.zip", "a.csv", "a.pdf")]
    options = "--zip", files[0], "--csv", files[1], "--contact-sheet", files[2]
    code, out, err = run("search", indexed, *options)
    assert code == 0 and len(out.splitlines()) == 2
    assert err == f"simsearch: 2 hits written to {', '.join(map(str, files))}\n"
    assert sorted(ZipFile(files[0]).namelist()) == ["blue.png", "red.png"]
    code, out, err = run("search", indexed, *options)
    assert code == 2 and out == "" and "there is such a file already" in err
    assert run("search", indexed, "--zip", tmp_path / "hits.jpg")[0] == 2


def test_hits_that_cannot_be_archived_are_named(run, indexed, tmp_path, album):
    query = shutil.copy(indexed, tmp_path / "query.png")
    indexed.unlink()
    code, _, err = run("search", query, "--zip", tmp_path / "a.zip")
    assert code == 1 and f"1 photo could not be put into the archive: {indexed}" in err
    assert ZipFile(tmp_path / "a.zip").namelist()[0] == "blue.png"


def test_no_file_is_written_of_nothing(run, indexed, tmp_path, answer):
    answer(hit(1, NOT))
    code, _, err = run("search", indexed, "--csv", tmp_path / "a.csv")
    assert code == 0 and "no file was written" in err and not (tmp_path / "a.csv").exists()
