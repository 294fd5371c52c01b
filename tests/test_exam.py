"""The self-exam, on colours that can be computed by hand, and on real photos."""

import json
import shutil
import sqlite3

import numpy as np
import pytest

from simsearch import Library, LibraryError
from simsearch.distortions import DISTORTIONS, FOILS
from simsearch.exam import Answer, figures
from simsearch.indexes import Indexes
from tests.conftest import paint

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def by_name(told):
    return {row["distortion"]: row for row in told["distortions"]}


def without_times(told):
    """What must be the same every time."""
    engines = [{k: v for k, v in row.items() if "milliseconds" not in k} for row in told["engines"]]
    return {**told, "engines": engines, "seconds": None}


def shades(album, count, folder="all"):
    """Photos of different colours, each another file."""
    for number in range(count):
        colour = (40 + 37 * number % 200, 40 + 59 * number % 200, 40 + 83 * number % 200)
        paint(album / folder / f"{number}.png", colour)


def damage(library, sql, *values):
    with sqlite3.connect(library.path / "library.db") as db:
        db.execute(sql, values)
    db.close()


# By hand


def test_the_figures_of_ranks_by_hand():
    told = figures([Answer(1, None), Answer(2, None), Answer(11, None), Answer(None, None)])
    assert (told["asked"], told["hit_at_1"], told["hit_at_10"]) == (4, 0.25, 0.5)
    assert told["mean_reciprocal_rank"] == pytest.approx((1 + 1 / 2 + 1 / 11 + 0) / 4)
    assert told["near_identical"] is None and told["same_scene"] is None


def test_the_words_of_answers_by_hand():
    words = ["near-identical", "near-identical", "same scene", "probably unrelated"]
    told = figures([Answer(1, word) for word in words] + [Answer(None, None)])
    assert (told["near_identical"], told["same_scene"]) == (0.4, 0.2)


def test_known_items_by_hand(toy_library, album):
    for name, colour in {"1": RED, "2": GREEN, "3": BLUE}.items():
        paint(album / f"{name}.png", colour)
    toy_library.sync(album, workers=1)
    told = toy_library.exam()
    assert (told["photos"], told["asked"], told["skipped"], told["engine"]) == (3, 3, 0, "exact")
    rows = by_name(told)
    assert [*rows] == [*DISTORTIONS]
    # One colour stays the same colour, but for grey, which is equally far from all three: they come by id.
    for name, row in rows.items():
        expected = (1 / 3, (1 + 1 / 2 + 1 / 3) / 3) if name == "grey" else (1, 1)
        assert (row["hit_at_1"], row["mean_reciprocal_rank"]) == pytest.approx(expected), name
        assert (row["asked"], row["hit_at_10"]) == (3, 1)
    assert told["overall"]["asked"] == 30
    assert told["overall"]["hit_at_1"] == pytest.approx((9 + 1 / 3) / 10)


def test_an_exact_copy_counts_as_the_photo(toy_library, album):
    paint(album / "1.png", RED)
    paint(album / "2.png", BLUE)
    toy_library.sync(album, workers=1)
    shutil.copy(album / "2.png", album / "3.png")
    toy_library.sync(album)
    # In grey they come by id, and the second blue passes for found where the first one is.
    assert by_name(toy_library.exam())["grey"]["mean_reciprocal_rank"] == pytest.approx(
        (1 + 1 / 2 + 1 / 2) / 3
    )


def test_photos_that_are_only_much_alike_are_no_copies(toy_library, album):
    for number in range(3):
        paint(album / f"{number}.png", BLUE, size=(8 + 8 * number, 8 + 8 * number))
    toy_library.sync(album, workers=1)
    told = toy_library.exam()
    assert told["overall"]["hit_at_1"] == pytest.approx(1 / 3)  # the one with the lowest id
    assert told["overall"]["hit_at_10"] == 1


def test_the_engines_are_asked_the_same(toy_library, album):
    shades(album, 60)
    toy_library.sync(album)
    exact, faiss, lsh = toy_library.exam(30)["engines"]
    assert [row["engine"] for row in (exact, faiss, lsh)] == ["exact", "faiss", "lsh"]
    assert (exact["recall"], exact["scanned"], faiss["recall"]) == (1, 1, 1)
    assert 0.8 < lsh["recall"] <= 1 and 0 < lsh["scanned"] <= 1
    for row in (exact, faiss, lsh):
        assert 0 < row["milliseconds_p50"] <= row["milliseconds_p95"] and row["bytes"] > 60 * 3 * 2


def test_an_engine_can_be_left_out(toy_library, album, monkeypatch):
    shades(album, 5)
    toy_library.sync(album)
    made = []
    current = Indexes.current

    def noting(indexes, engine, dim):
        made.append(engine)
        return current(indexes, engine, dim)

    monkeypatch.setattr(Indexes, "current", noting)
    assert [row["engine"] for row in toy_library.exam(engines=["faiss"])["engines"]] == ["faiss"]
    assert "lsh" not in made
    assert toy_library.exam(engines=())["engines"] == []


# Kinds


def kinds_of(library):
    return library.exam(engines=())["kinds"]


def two_folders(album):
    for number in range(12):
        paint(album / "warm" / f"{number}.png", (200, 5 * number, 0))
        paint(album / "cold" / f"{number}.png", (0, 5 * number, 200))


def test_folders_that_mean_something_have_a_table(toy_library, album):
    two_folders(album)
    toy_library.sync(album)
    kinds = kinds_of(toy_library)
    assert kinds["by"] == "folders" and kinds["clear"]
    assert kinds["said"] == (
        "The folders mean something here: of a photo's first 15 hits 100% lie in its folder, "
        "where chance would give 48%."
    )
    assert kinds["each"] == [
        {
            "name": name,
            "photos": 12,
            "asked": 12,
            "precision_at_1": 1,
            "precision_at_15": 1,
            "chance": pytest.approx(11 / 23),
        }
        for name in ("cold", "warm")
    ]


def test_folders_that_mean_nothing_have_none(toy_library, album):
    for number in range(40):
        paint(album / f"2023-{number % 4}" / f"{number}.png", (200, 5 * number, 0))
    toy_library.sync(album)
    kinds = kinds_of(toy_library)
    assert kinds["said"].startswith("The folders tell little of what photos show here: of a photo's first")
    assert not kinds["clear"] and kinds["each"] == [] and kinds["asked"] == 40


def test_it_is_said_where_it_was_taught_what_it_is_examined_on(toy_library, album):
    for kind, colour in (("red", 200), ("blue", 90)):
        for number in range(6):
            mixed = (10 + number, 20, colour) if kind == "blue" else (colour, 10 + number, 20)
            paint(album / kind / f"{number}.png", mixed)
    toy_library.sync(album)
    assert "taught" not in kinds_of(toy_library)["said"]
    toy_library.learn("folders", force=True)
    assert "taught with these very photos" in kinds_of(toy_library)["said"]


def test_one_folder_and_folders_of_one_photo_tell_nothing(toy_library, album):
    shades(album, 3)
    toy_library.sync(album)
    assert kinds_of(toy_library)["said"] == "All photos lie in one folder, which tells nothing."
    for number in range(3):
        (album / str(number)).mkdir()
        (album / "all" / f"{number}.png").rename(album / str(number) / "x.png")
    toy_library.sync(album)
    assert kinds_of(toy_library)["said"] == "No folder has two photos, so the folders tell nothing."


def test_labels_take_the_place_of_folders(toy_library, album):
    two_folders(album)
    paint(album / "grey.png", (90, 90, 90))
    toy_library.sync(album)
    store = toy_library._store
    ids = [store.id_of(album / kind / f"{number}.png") for kind in ("warm", "cold") for number in range(12)]
    with store.transaction():  # every other one, whatever its colour
        store.set_labels({photo_id: "odd" if place % 2 else "even" for place, photo_id in enumerate(ids)})
    kinds = kinds_of(toy_library)
    assert kinds["by"] == "labels" and not kinds["clear"]
    assert "have its label" in kinds["said"]
    assert sorted((kind["name"], kind["photos"]) for kind in kinds["each"]) == [("even", 12), ("odd", 12)]


def test_photos_without_a_label_do_not_answer(toy_library, album):
    for number in range(6):
        paint(album / f"{number}.png", (200, 5 * number, 0))
    toy_library.sync(album)
    store = toy_library._store
    ends = [store.id_of(album / f"{number}.png") for number in (0, 5)]
    with store.transaction():
        store.set_labels(dict.fromkeys(ends, "cup"))
    assert kinds_of(toy_library)["precision_at_1"] == 1


# Whatever the library


def test_an_empty_library_is_one_sentence(toy_library):
    with pytest.raises(LibraryError, match=r"holds no photos yet; index some: simsearch index FOLDER\.$"):
        toy_library.exam()


@pytest.mark.parametrize("count", [1, 2, 20, 40])
def test_it_works_with_few_photos(toy_library, album, count):
    shades(album, count)
    toy_library.sync(album)
    told = toy_library.exam(30)
    assert (told["photos"], told["asked"]) == (count, min(count, 30))
    assert told["engines"][0]["recall"] == 1 and told["overall"]["hit_at_10"] > 0
    assert json.loads(json.dumps(told)) == told


def test_it_works_with_300_photos_that_have_learnt_their_space(toy_library, album):
    shades(album, 300)
    toy_library.sync(album)
    told = toy_library.exam(20)
    assert (told["asked"], told["overall"]["asked"]) == (20, 200)
    assert json.loads(json.dumps(told)) == told


def test_photos_of_one_colour_are_no_trouble(toy_library, album):
    for number in range(25):
        paint(album / f"{number}.png", RED, size=(8 + number, 8 + number))
    toy_library.sync(album)
    told = toy_library.exam()
    assert told["asked"] == 25 and told["engines"][0]["recall"] == 1
    assert all(foil["nothing_similar"] is None for foil in told["foils"])


def test_it_is_the_same_every_time_and_whether_photos_are_online_or_not(toy_library, album):
    shades(album, 30, "one")
    shades(album, 30, "two")
    toy_library.sync(album)
    told = without_times(toy_library.exam(25))
    shutil.rmtree(album)
    with Library.open(toy_library.path, encoder=toy_library.encoder) as again:
        assert without_times(again.exam(25)) == told
    assert told["asked"] == 25


def test_damaged_photos_are_skipped_and_counted(toy_library, album):
    shades(album, 6)
    toy_library.sync(album)
    damage(toy_library, "UPDATE thumbnails SET jpeg = 'x' WHERE photo_id = 2")
    damage(toy_library, "UPDATE embeddings SET vector = x'00' WHERE photo_id = 3")
    with Library.open(toy_library.path, encoder=toy_library.encoder) as library:
        told = library.exam()
    assert (told["photos"], told["asked"], told["skipped"]) == (6, 4, 2)


def test_where_all_are_damaged_it_says_so(toy_library, album):
    shades(album, 2)
    toy_library.sync(album)
    damage(toy_library, "DELETE FROM thumbnails")
    with pytest.raises(LibraryError, match="none of the 2 photos asked for has a sound .* doctor --repair"):
        toy_library.exam()


@pytest.mark.parametrize(
    ("options", "words"), [({"sample": 0}, "at least 1"), ({"engines": ["best"]}, "not best")]
)
def test_what_makes_no_sense_is_refused(toy_library, options, words):
    with pytest.raises(ValueError, match=words):
        toy_library.exam(**options)


def test_progress_is_told_from_nothing_to_all(toy_library, album):
    shades(album, 3)
    toy_library.sync(album)
    told = []
    toy_library.exam(2, progress=lambda *what: told.append(what))
    altered = "searching with altered photos"
    assert [what for what in told if what[0] == altered] == [(altered, done, 2) for done in range(3)]
    assert "comparing engines: getting lsh ready" in [what[0] for what in told]
    assert all(0 <= done <= total for _, done, total in told)


# With the network


@pytest.mark.network
def test_real_photos_are_found_and_what_shows_nothing_is_not(real_photos, tmp_path):
    kinds = ("chair", "hedgehog", "laptop")
    for kind in kinds:
        for path in sorted((real_photos / "caltech40" / kind).iterdir())[:40]:
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / path.name).symlink_to(path)
    with Library.open(tmp_path / "library") as library:
        assert library.sync(*(tmp_path / kind for kind in kinds)).added == 120
        told = library.exam(20)
    rows = by_name(told)
    assert rows["recompressed"]["hit_at_1"] == 1 and rows["darker"]["hit_at_1"] == 1
    assert rows["cropped to 50 %"]["hit_at_1"] <= rows["cropped to 70 %"]["hit_at_1"]
    assert told["overall"]["hit_at_10"] > 0.9
    assert rows["recompressed"]["near_identical"] + rows["recompressed"]["same_scene"] > 0.9
    assert [foil["foil"] for foil in told["foils"]] == [*FOILS]
    assert np.mean([foil["nothing_similar"] for foil in told["foils"]]) > 0.7
    assert told["kinds"]["clear"]
    assert sorted(kind["name"] for kind in told["kinds"]["each"]) == sorted(kinds)
