"""Copies, bursts and decisions of a library of painted pictures, from the files to what the user is told."""

import hashlib
import os
import shutil
import sqlite3
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from simsearch import FolderError, Library, PhotoError, WriteError
from tests.conftest import paint
from tests.scenes import texture
from tests.toy import ToyEncoder

NOON = datetime(2019, 7, 21, 12)


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def taken(seconds, camera="Nikon D50"):
    """What Exif says of a photo."""
    exif = Image.Exif()
    exif[0x0132] = f"{NOON + timedelta(seconds=seconds):%Y:%m:%d %H:%M:%S}"
    exif[0x0110] = camera
    return exif


def fill(album):
    beach, dunes = texture(1), texture(2)
    save(album / "holiday" / "beach.jpg", beach, quality=95, exif=taken(0))
    shutil.copy(album / "holiday" / "beach.jpg", album / "holiday" / "beach copy.jpg")
    save(album / "sent" / "beach.jpg", beach.resize((300, 225)), quality=50)
    save(album / "sent" / "part.jpg", beach.crop((100, 90, 500, 390)), quality=90)
    save(album / "holiday" / "dunes.png", dunes)
    save(album / "sent" / "dunes.jpg", dunes.convert("L").transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    save(album / "alone.jpg", texture(3))


def synced(folder, paint_album):
    """Make a library of an album, both in a folder."""
    paint_album(folder / "album")
    with Library.open(folder / "library", encoder=ToyEncoder()) as library:
        library.sync(folder / "album", workers=1)
    return folder


@contextmanager
def copied(made, folder):
    """Copy a library and its album, which is much quicker than to index it once more, and open it."""
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with sqlite3.connect(folder / "library" / "library.db") as db:
        db.execute("UPDATE roots SET path = ?", (str(folder / "album"),))
    db.close()
    with Library.open(folder / "library", encoder=ToyEncoder()) as library:
        yield library


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return synced(tmp_path_factory.mktemp("groups"), fill)


@pytest.fixture(scope="module")
def kept_library(made, tmp_path_factory):
    """A library that nobody changes, and the folder of its photos."""
    folder = tmp_path_factory.mktemp("kept")
    with copied(made, folder) as library:
        yield library, folder / "album"


@pytest.fixture
def library(made, tmp_path, album):
    """One to be changed."""
    with copied(made, tmp_path) as library:
        yield library


def names(groups, album):
    """The copies of each best, by their paths below the album."""
    return {
        group.best.path.relative_to(album).as_posix(): [
            copy.photo.path.relative_to(album).as_posix() for copy in group.copies
        ]
        for group in groups
    }


def state(folder):
    """All that tells whether a file was touched."""
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


BEACH = {"holiday/beach.jpg": ["holiday/beach copy.jpg", "sent/beach.jpg", "sent/part.jpg"]}
DUNES = {"holiday/dunes.png": ["sent/dunes.jpg"]}
ALL = BEACH | DUNES


# Copies


def test_copies_are_told_with_the_best_and_what_was_done(kept_library):
    library, album = kept_library
    groups = library.groups.copies()
    assert names(groups, album) == ALL and list(names(groups, album)) == list(ALL), "those with most first"
    beach, dunes = groups
    told = [(copy.relation, copy.changes, copy.reason) for copy in beach.copies]
    assert told[0] == ("exact", (), "the shorter name")
    assert told[1] == ("re-saved", ("scaled to 50%",), "more pixels: 600 x 450 against 300 x 225")
    assert told[2] in [("crop", (f"{share}% of it",), "shows all of it") for share in (43, 44, 45)], "4/9"
    [copy] = dunes.copies
    assert copy.relation == "re-saved"  # both are as old
    assert copy.reason == "saved without loss, as PNG; but the other may be the one that was not edited"
    assert copy.changes == ("mirrored", "other colours", "saved as JPG")
    for group in groups:
        assert group.best == library.photo(group.best.path)
        assert group.size == group.best.path.stat().st_size
        for copy in group.copies:
            assert copy.photo == library.photo(copy.photo.path) and not copy.kept
            assert copy.size == copy.photo.path.stat().st_size


@pytest.mark.parametrize(
    ("under", "found"),
    [("", ALL), ("sent", ALL), ("holiday", ALL), ("sent/part.jpg", BEACH), ("alone.jpg", {})],
)
def test_groups_with_a_photo_below_a_folder(kept_library, under, found):
    library, album = kept_library
    assert names(library.groups.copies(under=album / under), album) == found
    assert names(library.groups.copies(under=str(album / under)), album) == found


@pytest.mark.parametrize("ask", ["copies", "bursts"])
def test_a_folder_that_the_library_does_not_know_is_an_error(kept_library, ask):
    library, album = kept_library
    with pytest.raises(FolderError, match="nowhere"):
        getattr(library.groups, ask)(under=album / "nowhere")


def test_how_far_it_is_is_told_and_the_second_time_there_is_nothing_to_do(library, album):
    told = []
    library.groups.copies(progress=lambda *what: told.append(what))
    # Of two files of equal bytes one is compared.
    assert [what for what in told if what[1] == what[2]] == [
        ("looking for copies", 6, 6),
        ("looking closer", 2, 2),
        ("looking for crops", 6, 6),
        ("looking closer", 1, 1),
    ]
    assert told[0] == ("sketching", 0, 7)
    before = len(told)
    assert names(library.groups.copies(progress=lambda *what: told.append(what)), album) == ALL
    assert len(told) == before


def test_what_was_found_is_there_when_the_library_is_opened_again(library, tmp_path, album):
    found = library.groups.copies()
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as again:
        told = []
        assert again.groups.copies(progress=lambda *what: told.append(what)) == found and told == []


def test_photos_that_come_go_and_move_are_followed(library, album):
    library.groups.copies()
    save(album / "new" / "alone.jpg", texture(3).resize((900, 675)))
    (album / "sent" / "beach.jpg").unlink()
    (album / "holiday" / "dunes.png").rename(album / "new" / "renamed.png")
    library.sync(workers=1)
    assert names(library.groups.copies(), album) == {
        "holiday/beach.jpg": ["holiday/beach copy.jpg", "sent/part.jpg"],
        "new/alone.jpg": ["alone.jpg"],
        "new/renamed.png": ["sent/dunes.jpg"],
    }


def test_what_is_left_when_the_best_is_deleted_is_grouped_anew(library, album):
    library.groups.copies()
    for name in ("beach.jpg", "beach copy.jpg"):
        (album / "holiday" / name).unlink()
    library.sync(workers=1)
    left = {"sent/beach.jpg": ["sent/part.jpg"]} | DUNES
    assert names(library.groups.copies(), album) == left
    library.prune()
    assert names(library.groups.copies(), album) == left


def test_a_raw_and_its_picture_are_no_copies_of_each_other(library, album):
    with library._store.aside() as db:  # what counts is its name
        db.execute("UPDATE photos SET path = 'sent/dunes.nef' WHERE path = 'holiday/dunes.png'")
    assert names(library.groups.copies(), album) == BEACH


def test_copies_with_the_same_bytes_are_told_so_unless_they_are_one_file(library, album):
    """Neither is the best of their group."""
    for name in ("beach", "part"):
        shutil.copy2(album / "sent" / f"{name}.jpg", album / f"{name} again.jpg")
    library.sync(workers=1)
    equal = {copy.photo.path.name: copy.equal_to for copy in library.groups.copies()[0].copies}
    first = {name: library.photo(album / f"{name} again.jpg") for name in ("beach", "part")}
    assert equal == {
        "beach copy.jpg": None,
        "beach.jpg": first["beach"],
        "beach again.jpg": None,
        "part.jpg": first["part"],
        "part again.jpg": None,
    }
    (album / "part again.jpg").unlink()
    (album / "part again.jpg").hardlink_to(album / "sent" / "part.jpg")
    equal = {copy.photo.path.name: copy.equal_to for copy in library.groups.copies()[0].copies}
    assert equal["part.jpg"] is None and equal["beach.jpg"] == first["beach"]


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_file_is_no_copy_of_itself(library, album, link):
    """By another name: a link was a file of its own when it was indexed, or is one through another folder."""
    for name in ("holiday/beach copy.jpg", "sent/dunes.jpg"):
        best = album / "holiday" / ("beach.jpg" if "beach" in name else "dunes.png")
        (album / name).unlink()
        getattr(album / name, link)(best)
    assert names(library.groups.copies(), album) == {"holiday/beach.jpg": ["sent/beach.jpg", "sent/part.jpg"]}
    (album / "holiday" / "beach.jpg").unlink()
    assert "holiday/beach.jpg" in names(library.groups.copies(), album), "one that is not there is kept"


@pytest.mark.parametrize("photos", [0, 1])
def test_of_hardly_any_photos_there_are_no_groups(toy_library, album, photos):
    if photos:
        save(album / "1.jpg", texture(1), exif=taken(0))
        toy_library.sync(album, workers=1)
    for ask in (toy_library.groups.copies, toy_library.groups.bursts, toy_library.groups.decisions):
        assert ask() == []


def test_pages_of_one_colour_are_copies_only_with_equal_bytes(toy_library, album):
    paint(album / "1.png", (200, 0, 0), (60, 40))
    paint(album / "2.png", (200, 0, 0), (60, 41))
    shutil.copy(album / "1.png", album / "3.png")
    toy_library.sync(album, workers=1)
    assert names(toy_library.groups.copies(), album) == {"1.png": ["3.png"]}


@pytest.mark.parametrize("version", range(1, 6))
def test_a_library_of_every_format_can_be_asked(version, tmp_path):
    shutil.copy(Path(__file__).parent / "data" / f"library-{version}.db", tmp_path / "library.db")
    with Library.open(tmp_path, encoder=ToyEncoder()) as library:
        assert library.groups.copies() == [] and library.groups.bursts() == []
        red, blue = library.groups._store.query("SELECT id FROM photos ORDER BY id")
        assert library.groups.decide("keep", red[0], blue[0]) == 1
        triggers = library._store.query("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        assert {"thumbnail_came", "pair_went", "photo_went_missing"} <= {name for (name,) in triggers}


# Nothing else is touched


def test_neither_photos_nor_what_a_search_depends_on_are_changed(library, album):
    for folder in [album, *album.rglob("*")]:
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    before, generation = state(album), library.generation
    try:
        groups = library.groups.copies()
        library.groups.bursts()
        library.groups.sharpest(copy.photo for copy in groups[0].copies)
        library.groups.decide("different", groups[0].best, groups[0].copies[0].photo)
        library.groups.copies(kept=True)
        library.groups.as_script(groups)
        library.groups.as_csv(groups)
        library.groups.decisions()
    finally:
        for folder in [album, *album.rglob("*")]:
            folder.chmod(0o755 if folder.is_dir() else 0o644)
    assert state(album) == before
    assert library.generation == generation


def test_table_and_script_are_two_files(kept_library, tmp_path):
    groups = kept_library[0].groups
    with pytest.raises(WriteError, match="the table would be lost"):
        groups.save([], csv=tmp_path / "one", script=str(tmp_path / "one"))
    assert not (tmp_path / "one").exists()
    groups.save([], csv=tmp_path / "one", script=tmp_path / "two")
    assert (tmp_path / "one").exists() and (tmp_path / "two").exists()


# Decisions


@pytest.mark.parametrize("form", ["hit", "id", "path", "text path"])
def test_what_is_to_be_kept_is_listed_only_when_asked(library, album, form):
    best, copy = ((album / name) for name in ("holiday/dunes.png", "sent/dunes.jpg"))
    photos = [
        {"hit": library.photo(one), "id": library.photo(one).id, "path": one, "text path": str(one)}[form]
        for one in (best, copy)
    ]
    assert library.groups.decide("keep", *photos) == 1
    assert names(library.groups.copies(), album) == BEACH
    groups = library.groups.copies(kept=True)
    assert names(groups, album) == ALL
    assert [[one.kept for one in group.copies] for group in groups] == [[False] * 3, [True]]
    assert library.groups.decisions() == [(library.photo(best), library.photo(copy), "keep")]
    assert library.groups.decide("undecided", *photos) == 1
    assert names(library.groups.copies(), album) == ALL and library.groups.decisions() == []


def test_a_group_is_listed_again_when_something_new_is_in_it(library, album):
    [beach, _] = library.groups.copies()
    photos = [beach.best, *(copy.photo for copy in beach.copies)]
    assert library.groups.decide("keep", *photos) == 6
    assert names(library.groups.copies(), album) == DUNES
    save(album / "new.jpg", texture(1).resize((240, 180)))
    library.sync(workers=1)
    [again, _] = library.groups.copies()
    assert {copy.photo.path.name: copy.kept for copy in again.copies} == {
        "beach copy.jpg": True,
        "beach.jpg": True,
        "new.jpg": False,
        "part.jpg": True,
    }


def test_what_is_kept_stays_so_when_another_becomes_the_best(library, album):
    [beach, _] = library.groups.copies()
    library.groups.decide("keep", beach.best, *(copy.photo for copy in beach.copies))
    save(album / "large.png", texture(1).resize((900, 675)))
    library.sync(workers=1)
    library.groups.decide("keep", album / "large.png", album / "sent/part.jpg")
    assert names(library.groups.copies(), album) == DUNES
    library.groups.decide("undecided", album / "large.png", album / "sent/part.jpg")
    [again, _] = library.groups.copies()
    assert again.best.path.name == "large.png"


def test_of_many_copies_all_are_kept(library, album):
    (album / "many").mkdir()
    many = [album / "many" / f"{number}.jpg" for number in range(205)]
    for file in many:
        shutil.copy(album / "alone.jpg", file)
    library.sync(workers=1)
    library.groups.decide("keep", *many, album / "alone.jpg")
    assert "alone.jpg" not in names(library.groups.copies(), album)
    [kept] = (group for group in library.groups.copies(kept=True) if group.best.path.name == "alone.jpg")
    assert [copy.kept for copy in kept.copies] == [True] * 205


def test_what_differs_is_no_group(library, album):
    library.groups.decide("different", album / "holiday/dunes.png", album / "sent/dunes.jpg")
    assert names(library.groups.copies(kept=True), album) == BEACH
    library.groups.decide("different", album / "holiday/beach copy.jpg", album / "sent/part.jpg")
    left = names(library.groups.copies(), album)
    assert left == {"holiday/beach.jpg": ["holiday/beach copy.jpg", "sent/beach.jpg"]}, (
        "of equal bytes all do"
    )


def test_decisions_hold_for_as_long_as_the_photos_are_known(library, album, tmp_path):
    library.groups.decide("different", album / "holiday/dunes.png", album / "sent/dunes.jpg")
    (album / "holiday/dunes.png").rename(album / "moved.png")
    library.sync(workers=1)
    assert names(library.groups.copies(), album) == BEACH
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as again:
        assert [verdict for *_, verdict in again.groups.decisions()] == ["different"]
    library.forget(album / "moved.png")
    assert library.groups.decisions() == []
    library.sync(workers=1)
    assert names(library.groups.copies(), album) == BEACH | {"moved.png": ["sent/dunes.jpg"]}


def touched(path):
    os.utime(path, (1e9, 1e9))


def turned_by_exif(path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    save(path, Image.open(path), exif=exif)


def another_photo(path):
    save(path, texture(9 if path.suffix == ".png" else 10))


def the_other_photo(path):
    """What the library knows already: it is not decoded again."""
    shutil.copy(path.parents[1] / "alone.jpg", path)


@pytest.mark.parametrize(
    ("overwrite", "stays"),
    [(touched, True), (turned_by_exif, True), (another_photo, False), (the_other_photo, False)],
)
@pytest.mark.parametrize("verdict", ["keep", "different"])
def test_a_decision_holds_for_what_the_files_showed(library, album, overwrite, stays, verdict):
    files = album / "holiday/dunes.png", album / "sent/dunes.jpg"
    library.groups.decide(verdict, *files)
    for file in files:
        overwrite(file)
    library.sync(workers=1)
    assert library.count() == 7
    assert [verdict for *_, verdict in library.groups.decisions()] == ([verdict] if stays else [])


@pytest.mark.parametrize(
    ("verdict", "photos", "sentence"),
    [
        ("same", 2, "verdict must be one of different, keep, undecided, not same"),
        ("", 2, "verdict must be one of"),
        ("keep", 0, "name two photos or more"),
        ("keep", 1, "name two photos or more"),
        ("keep", "twice", "name two photos or more"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(kept_library, verdict, photos, sentence):
    library, album = kept_library
    both = [album / "alone.jpg", album / "holiday/dunes.png"]
    named = [both[0], library.photo(both[0])] if photos == "twice" else both[:photos]
    with pytest.raises(ValueError, match=sentence):
        library.groups.decide(verdict, *named)
    assert library.groups.decisions() == []


def test_a_decision_about_a_stranger_is_refused(kept_library):
    library, album = kept_library
    with pytest.raises(PhotoError, match="not in this library"):
        library.groups.decide("keep", album / "alone.jpg", album / "stranger.jpg")
    assert library.groups.decisions() == []


# Bursts


def shoot(album):
    """Three reds within two minutes, a blue between, two reds an hour later, others that stay alone."""
    red, blue = (200, 10, 10), (10, 10, 200)
    for name, colour, seconds, camera in [
        ("a1", red, 0, "Nikon"),
        ("a2", red, 50, "Nikon"),
        ("a3", red, 120, "Nikon"),
        ("blue", blue, 60, "Nikon"),
        ("phone", red, 10, "Phone"),
        ("b1", red, 4000, "Nikon"),
        ("b2", red, 4119, "Nikon"),
        ("late", red, 5000, "Nikon"),
    ]:
        paint(album / name[0] / f"{name}.jpg", colour, (40, 30), exif=taken(seconds, camera))
    paint(album / "undated.jpg", red, (40, 30))


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    return synced(tmp_path_factory.mktemp("bursts"), shoot)


@pytest.fixture
def shots(shot, tmp_path, album):
    with copied(shot, tmp_path) as library:
        yield library


def stems(bursts):
    return [[photo.path.stem for photo in burst.photos] for burst in bursts]


@pytest.mark.parametrize(
    ("minutes", "found"),
    [
        (2, [["b1", "b2"], ["a1", "a2", "a3"]]),
        (1, [["a1", "a2"]]),
        (0.5, []),
        (20, [["b1", "b2", "late"], ["a1", "a2", "a3"]]),
        (24 * 60, [["a1", "a2", "a3", "b1", "b2", "late"]]),
    ],
)
def test_bursts_are_of_one_scene_camera_and_time_the_latest_first(shots, minutes, found):
    assert stems(shots.groups.bursts(minutes)) == found


def test_two_minutes_are_the_usual(shots):
    assert shots.groups.bursts() == shots.groups.bursts(2) != []


@pytest.mark.parametrize(("under", "found"), [("a", [["a1", "a2", "a3"]]), ("b", [["b1", "b2"]]), ("l", [])])
def test_bursts_below_a_folder(shots, album, under, found):
    assert stems(shots.groups.bursts(under=album / under)) == found


@pytest.mark.parametrize("minutes", [0, -1, 24 * 60 + 1, float("inf"), float("nan")])
def test_a_burst_lasts_longer_than_nothing_and_not_more_than_a_day(kept_library, minutes):
    with pytest.raises(ValueError, match="minutes must be above 0 and up to 1,440, not"):
        kept_library[0].groups.bursts(minutes)


def test_photos_that_are_missing_are_in_no_burst(shots, album):
    (album / "a" / "a2.jpg").unlink()
    shots.sync(workers=1)
    assert stems(shots.groups.bursts(2)) == [["b1", "b2"], ["a1", "a3"]]
    (album / "b" / "b1.jpg").unlink()
    shots.sync(workers=1)
    assert stems(shots.groups.bursts(2)) == [["a1", "a3"]]


@pytest.fixture
def shots_with_copies(toy_library, album):
    """A burst of two, the first also in a folder of its own: enlarged, and without what Exif tells."""
    save(album / "roll" / "1.jpg", texture(1, (400, 300)), exif=taken(0), quality=90)
    save(album / "roll" / "2.jpg", texture(4, (400, 300)), exif=taken(30), quality=90)
    toy_library.sync(album, workers=1)
    assert stems(toy_library.groups.bursts()) == [["1", "2"]]
    return toy_library


@pytest.mark.parametrize("exif", [None, taken(0)])
def test_of_copies_one_is_in_a_burst(shots_with_copies, album, exif):
    """The best of those that tell when they were taken."""
    save(album / "prints" / "large.jpg", texture(1, (400, 300)).resize((800, 600)), exif=exif or b"")
    shots_with_copies.sync(workers=1)
    assert names(shots_with_copies.groups.copies(), album) == {"prints/large.jpg": ["roll/1.jpg"]}
    assert stems(shots_with_copies.groups.bursts()) == [["large" if exif else "1", "2"]]


@pytest.mark.parametrize(("seconds", "found"), [(0, [["1", "2"]]), (10, [["1", "again", "2"]])])
def test_a_shot_of_another_time_is_no_copy_in_a_burst(shots_with_copies, album, seconds, found):
    """However alike: the camera stood still."""
    save(album / "roll" / "again.jpg", texture(1, (400, 300)), exif=taken(seconds), quality=80)
    shots_with_copies.sync(workers=1)
    shots_with_copies.groups.copies()
    assert stems(shots_with_copies.groups.bursts()) == found


def test_a_copy_elsewhere_takes_nothing_from_the_bursts_of_a_folder(shots_with_copies, album):
    save(album / "prints" / "large.jpg", texture(1, (400, 300)).resize((800, 600)), exif=taken(0))
    shots_with_copies.sync(workers=1)
    shots_with_copies.groups.copies()
    assert stems(shots_with_copies.groups.bursts(under=album / "roll")) == [["1", "2"]]


# The sharpest


def test_the_sharpest_of_a_scene(toy_library, album):
    photo = texture(1, (400, 300))
    for name, radius in (("blurred", 2), ("sharp", 0), ("soft", 1)):
        save(album / f"{name}.jpg", photo.filter(ImageFilter.GaussianBlur(radius)))
    toy_library.sync(album, workers=1)
    photos = [toy_library.photo(album / f"{name}.jpg") for name in ("blurred", "sharp", "soft")]
    assert toy_library.groups.sharpest(photos).path.stem == "sharp"
    assert toy_library.groups.sharpest(photos[::2]).path.stem == "soft"
    assert toy_library.groups.sharpest(iter(photos[:1])) == photos[0]
    assert toy_library.groups.sharpest([]) is None
    with toy_library._store.aside() as db:
        db.execute("UPDATE thumbnails SET jpeg = x'00' WHERE photo_id = ?", (photos[1].id,))
    assert toy_library.groups.sharpest(photos).path.stem == "soft", "a damaged thumbnail tells nothing"
    assert toy_library.groups.sharpest(photos[1:2]) is None
