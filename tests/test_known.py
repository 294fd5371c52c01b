import csv
import os

import numpy as np
import pytest
from PIL import Image

from simsearch import FolderError, Hit, Library, LibraryError, WriteError, calibration
from simsearch.inventory import Inventory, Known
from simsearch.sync import MOST_HASHES
from tests.conftest import paint
from tests.toy import PerilousEncoder, ToyEncoder

SIZE = (480, 360)


def scene(number, tint=(255, 255, 255)):
    """A picture with something to see all over, other than those of other numbers."""
    levels = np.random.default_rng(number)
    coarse, fine = (levels.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in ((9, 12), (36, 48)))
    below, above = (Image.fromarray(some).resize(SIZE, Image.Resampling.BICUBIC) for some in (coarse, fine))
    image = Image.blend(below, above, 0.35)
    return Image.fromarray((np.asarray(image) * (np.array(tint) / 255)).astype(np.uint8))


def save(image, path, taken_at=None, camera=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken_at:
        exif[0x0132] = taken_at
    if camera:
        exif[0x0110] = camera
    image.save(path, exif=exif, **{"quality": 92, **options})
    return path


@pytest.fixture
def card(tmp_path):
    """An empty folder that is not indexed."""
    folder = tmp_path / "card"
    folder.mkdir()
    return folder


@pytest.fixture
def filled(toy_library, album):
    """A library of twelve scenes, 0.jpg to 11.jpg."""
    for number in range(12):
        save(scene(number), album / f"{number}.jpg")
    toy_library.sync(album, workers=1)
    return toy_library


def told(library, folder, **options):
    """What is known of each file, by its name."""
    return {file.path.name: file for file in library.known(folder, workers=1, **options).files}


def of(file):
    """The name of what a file is said to show as well."""
    return file.photo.path.name if isinstance(file.photo, Hit) else file.photo and file.photo.name


def test_each_file_has_one_verdict_and_names_the_photo(filled, album, card):
    (card / "same.jpg").write_bytes((album / "3.jpg").read_bytes())
    save(scene(4).resize((160, 120)), card / "small.jpg")
    save(scene(5).crop((60, 40, 400, 300)), card / "part.jpg")
    save(scene(99), card / "other.jpg")
    (card / "broken.jpg").write_bytes((album / "3.jpg").read_bytes()[:3000])
    (card / "notes.txt").write_text("x")
    inventory = filled.known(card, workers=1)
    files = {file.path.name: file for file in inventory.files}
    assert {name: (file.verdict, of(file)) for name, file in files.items()} == {
        "same.jpg": ("exact", "3.jpg"),
        "small.jpg": ("re-saved", "4.jpg"),
        "part.jpg": ("crop", "5.jpg"),
        "other.jpg": ("new", None),
        "broken.jpg": ("unreadable", None),
    }
    assert (files["small.jpg"].better, files["small.jpg"].changes) == ("the library's", ("scaled to 33%",))
    assert files["small.jpg"].reason == "more pixels: 480 x 360 against 160 x 120"
    assert files["part.jpg"].better == "the library's" and files["part.jpg"].reason == "shows all of it"
    assert files["broken.jpg"].reason == "cut short: the end of the file is missing"
    assert inventory.skipped == 1 and not inventory.better
    assert str(inventory) == (
        "6 files: 1 exact, 1 re-saved, 1 crop, 0 of a burst, 1 new, 1 unreadable, 1 no photos"
    )


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT])
def test_a_turned_copy_is_known_and_the_older_file_is_better(filled, card, turn):
    path = save(scene(2).transpose(turn), card / "turned.jpg")
    for written, better in ((2e9, "the library's"), (1e9, "this file")):
        os.utime(path, (written, written))
        file = told(filled, card)["turned.jpg"]
        assert (file.verdict, of(file), file.better) == ("re-saved", "2.jpg", better)
        assert file.reason == "the older file"


def test_a_better_version_than_the_librarys_is_told(toy_library, album, card):
    save(scene(0).resize((120, 90)), album / "thumb.jpg")
    save(scene(1).crop((60, 40, 400, 300)), album / "part.jpg")
    toy_library.sync(album, workers=1)
    save(scene(0), card / "whole.jpg")
    save(scene(1), card / "around.jpg")
    files = told(toy_library, card)
    assert files["whole.jpg"][1:] == (
        "re-saved",
        toy_library.photo(album / "thumb.jpg"),
        "this file",
        "more pixels: 480 x 360 against 120 x 90",
        ("scaled to 25%",),
    )
    assert (files["around.jpg"].verdict, files["around.jpg"].better) == ("crop", "this file")
    assert [file.path.name for file in toy_library.known(card, workers=1).better] == [
        "around.jpg",
        "whole.jpg",
    ]


@pytest.mark.parametrize(
    ("better", "reason", "changes", "listed"),
    [
        ("this file", "more pixels", (), True),
        ("the library's", "more pixels; but the other is a camera raw", (), True),
        (None, "", ("other colours",), True),
        ("the library's", "more pixels", ("saved again",), False),
    ],
)
def test_what_may_be_better_is_listed_as_well(tmp_path, better, reason, changes, listed):
    file = Known(tmp_path / "a.jpg", "re-saved", None, better, reason, changes)
    inventory = Inventory(tmp_path, (file,), 0)
    inventory.write_better(tmp_path / "better.txt")
    assert (tmp_path / "better.txt").read_text() == ("./a.jpg\n" if listed else "")
    assert inventory.better == ([file] if better == "this file" else [])


def test_of_several_versions_in_the_library_the_best_is_named(filled, album, card):
    save(scene(6).resize((200, 150)), album / "deep" / "small.jpg")
    filled.sync(album, workers=1)
    save(scene(6).resize((210, 158)), card / "mine.jpg")
    assert of(told(filled, card)["mine.jpg"]) == "6.jpg"


def test_neither_of_two_is_better_for_its_name_or_age(filled, album, card):
    path = card / "a.jpg"
    path.write_bytes((album / "7.jpg").read_bytes() + b"\0")  # what follows a JPEG's end is no part of it
    os.utime(path, (1e9, 1e9))
    file = told(filled, card)["a.jpg"]
    assert (file.verdict, file.better, file.changes) == ("re-saved", None, ("saved again",))


def test_what_the_folder_has_several_times_is_new_once_and_in_its_best_version(filled, card):
    first = save(scene(50), card / "first.jpg")
    (card / "deep").mkdir()
    (card / "deep" / "equal.jpg").write_bytes(first.read_bytes())
    save(scene(50).resize((160, 120)), card / "a-small.jpg")
    save(scene(51), card / "another.jpg")
    files = told(filled, card)
    assert {name: (file.verdict, of(file), file.better) for name, file in files.items()} == {
        "first.jpg": ("new", None, None),
        "equal.jpg": ("exact", "first.jpg", "the other file"),
        "a-small.jpg": ("re-saved", "first.jpg", "the other file"),
        "another.jpg": ("new", None, None),
    }


def test_equal_files_of_a_known_picture_are_all_known(filled, card):
    first = save(scene(8).resize((160, 120)), card / "a.jpg")
    (card / "b.jpg").write_bytes(first.read_bytes())
    assert {of(file) for file in told(filled, card).values()} == {"8.jpg"}


def test_many_photos_of_one_size_are_known_by_their_bytes(toy_library, album, card):
    for number in range(MOST_HASHES + 2):
        paint(album / f"{number}.bmp", (number, 9, 9))
    toy_library.sync(album, workers=1)
    for number in (0, MOST_HASHES):
        paint(card / f"{number}.bmp", (number, 9, 9))
    files = told(toy_library, card)
    assert {name: (file.verdict, of(file)) for name, file in files.items()} == {
        f"{number}.bmp": ("exact", f"{number}.bmp") for number in (0, MOST_HASHES)
    }


def test_pages_of_one_colour_are_known_by_their_bytes_alone(filled, card):
    paint(card / "blank.jpg", (200, 200, 200), SIZE)
    paint(card / "blank-too.jpg", (210, 210, 210), SIZE)
    assert {file.verdict for file in told(filled, card).values()} == {"new"}


def test_what_the_library_lost_is_new(filled, album, card):
    (card / "a.jpg").write_bytes((album / "3.jpg").read_bytes())
    (album / "3.jpg").unlink()
    filled.sync(workers=1)
    assert told(filled, card)["a.jpg"].verdict == "new"


def overwrite(path):
    save(scene(98), path)


@pytest.mark.parametrize("lose", [os.remove, overwrite])
def test_a_photo_whose_file_was_lost_since_the_last_sync_does_not_count(filled, album, card, lose):
    (card / "same.jpg").write_bytes((album / "3.jpg").read_bytes())
    save(scene(4).resize((160, 120)), card / "small.jpg")
    save(scene(5).crop((60, 40, 400, 300)), card / "part.jpg")
    (card / "kept.jpg").write_bytes((album / "6.jpg").read_bytes())
    for number in (3, 4, 5):
        lose(album / f"{number}.jpg")
    files = told(filled, card)
    assert {name: file.verdict for name, file in files.items()} == {
        "same.jpg": "new",
        "small.jpg": "new",
        "part.jpg": "new",
        "kept.jpg": "exact",
    }


@pytest.mark.parametrize(("lost", "other"), [("a", "b"), ("b", "a")])
def test_another_photo_counts_in_place_of_a_lost_one(toy_library, album, card, lost, other):
    for name in "ab":
        save(scene(0), album / f"{name}.jpg")
    toy_library.sync(album, workers=1)
    (card / "same.jpg").write_bytes((album / "a.jpg").read_bytes())
    save(scene(0).resize((160, 120)), card / "small.jpg")
    (album / f"{lost}.jpg").unlink()
    files = told(toy_library, card)
    assert {name: (file.verdict, of(file)) for name, file in files.items()} == {
        "same.jpg": ("exact", f"{other}.jpg"),
        "small.jpg": ("re-saved", f"{other}.jpg"),
    }


def test_photos_of_a_folder_that_is_away_count_and_are_marked(filled, album, card, tmp_path):
    (card / "same.jpg").write_bytes((album / "3.jpg").read_bytes())
    save(scene(4).resize((160, 120)), card / "small.jpg")
    save(scene(99), card / "other.jpg")
    album.rename(tmp_path / "elsewhere")
    inventory = filled.known(card, workers=1)
    assert {file.path.name: (file.verdict, file.is_away) for file in inventory.files} == {
        "same.jpg": ("exact", True),
        "small.jpg": ("re-saved", True),
        "other.jpg": ("new", False),
    }
    assert str(inventory).endswith("0 unreadable; of 2 the library's photo is not there just now")
    inventory.write_csv(tmp_path / "all.csv")
    with open(tmp_path / "all.csv", newline="") as file:
        assert [row["offline"] for row in csv.DictReader(file)] == ["", "yes", "yes"]


def test_a_photo_that_is_there_is_named_before_one_that_is_away(filled, album, card, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for number in (3, 60):
        save(scene(number), other / f"{number}-too.jpg")
    (other / "3-too.jpg").write_bytes((album / "3.jpg").read_bytes())
    filled.sync(other, workers=1)
    (card / "same.jpg").write_bytes((album / "3.jpg").read_bytes())
    album.rename(tmp_path / "elsewhere")
    file = told(filled, card)["same.jpg"]
    assert (of(file), file.is_away) == ("3-too.jpg", False)


# Bursts

SHOT, CAMERA = "2021:05:01 10:00:00", "Pixel 7"


@pytest.fixture
def scenic(toy_library, album):
    """A library of one photo that says when it was taken."""
    save(scene(0, (255, 90, 60)), album / "shot.jpg", SHOT, CAMERA)
    toy_library.sync(album, workers=1)
    return toy_library


@pytest.mark.parametrize(
    ("number", "tint", "taken_at", "camera", "reason"),
    [
        (1, (255, 90, 60), "2021:05:01 10:01:30", CAMERA, "taken 90 s after it"),
        (1, (255, 90, 60), "2021:05:01 09:58:00", CAMERA, "taken 120 s before it"),
        (1, (255, 90, 60), "2021:05:01 10:02:01", CAMERA, None),
        (1, (255, 90, 60), "2021:05:01 10:00:10", "Pixel 8", None),
        (1, (255, 90, 60), "2021:05:01 10:00:10", None, None),
        (1, (255, 90, 60), None, CAMERA, None),
        (1, (20, 90, 255), "2021:05:01 10:00:10", CAMERA, None),
        (1, (255, 90, 60), "9999:12:31 23:59:59", CAMERA, None),
    ],
)
def test_a_burst_is_one_scene_one_camera_and_two_minutes(
    scenic, card, number, tint, taken_at, camera, reason
):
    save(scene(number, tint), card / "a.jpg", taken_at, camera)
    file = told(scenic, card)["a.jpg"]
    expected = ("new", "", None) if reason is None else ("burst", reason, "shot.jpg")
    assert (file.verdict, file.reason, of(file)) == expected


@pytest.mark.parametrize(("seconds", "verdict"), [(1, "burst"), (59, "new")])
def test_the_sooner_the_less_alike_a_burst_need_be(scenic, card, monkeypatch, seconds, verdict):
    """0.966 is more than 0.96, which will do at one moment where 0.99 is one scene, and less than 0.975."""
    monkeypatch.setattr(calibration, "same_scene", lambda store: 0.99)
    save(scene(1, (255, 195, 170)), card / "a.jpg", f"2021:05:01 10:00:{seconds:02}", CAMERA)
    assert told(scenic, card)["a.jpg"].verdict == verdict


def test_a_burst_of_which_the_photo_was_lost_is_new(scenic, album, card):
    save(scene(9, (20, 90, 255)), album / "still here.jpg")
    scenic.sync(workers=1)
    save(scene(1, (255, 90, 60)), card / "a.jpg", "2021:05:01 10:00:10", CAMERA)
    assert told(scenic, card)["a.jpg"].verdict == "burst"
    (album / "shot.jpg").unlink()
    assert told(scenic, card)["a.jpg"].verdict == "new"


def test_the_time_of_a_burst_can_be_chosen(scenic, card):
    save(scene(1, (255, 90, 60)), card / "a.jpg", "2021:05:01 10:04:00", CAMERA)
    assert told(scenic, card)["a.jpg"].verdict == "new"
    assert told(scenic, card, minutes=4.0)["a.jpg"].verdict == "burst"


@pytest.mark.parametrize("minutes", [0, -1, 1441, float("nan")])
def test_a_burst_lasts_no_longer_than_a_day(scenic, card, minutes):
    with pytest.raises(ValueError, match="minutes must be above 0"):
        scenic.known(card, minutes=minutes)


# Nothing is changed, and nothing stops it


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_neither_folder_nor_library_is_changed(filled, album, card):
    save(scene(3).resize((160, 120)), card / "a.jpg")
    save(scene(90), card / "b.jpg")
    before = contents(album), contents(card), filled.generation, filled.status()["photos"], filled.roots()
    told(filled, card)
    assert before == (
        contents(album),
        contents(card),
        filled.generation,
        filled.status()["photos"],
        filled.roots(),
    )
    assert filled.failures() == [] and filled.run is not None and filled.run["report"]["added"] == 12


def test_hostile_files_cost_themselves_only(filled, album, card):
    whole = (album / "1.jpg").read_bytes()
    (card / "empty.jpg").touch()
    (card / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (card / "text.jpg").write_text("no picture")
    paint(card / "folder.jpg" / "inside.jpg", (0, 0, 0))  # the toy sees nothing in black
    (card / "loop.jpg").symlink_to(card / "loop.jpg")
    (card / "dead.jpg").symlink_to(card / "nowhere.jpg")
    (card / "around").symlink_to(card)
    (card / ".hidden.jpg").write_bytes(whole)
    os.mkfifo(card / "pipe.jpg")
    os.close(os.open(os.fsencode(card) + b"/caf\xe9.jpg", os.O_CREAT | os.O_WRONLY))
    (card / "link.jpg").symlink_to(album / "2.jpg")
    (card / "good.jpg").write_bytes(whole)
    inventory = filled.known(card, workers=2)
    verdicts = {os.fsencode(file.path.name): (file.verdict, file.reason) for file in inventory.files}
    assert verdicts.pop(b"good.jpg") == verdicts.pop(b"link.jpg") == ("exact", "")
    assert {verdict for verdict, _ in verdicts.values()} == {"unreadable"}
    assert all(reason for _, reason in verdicts.values())
    assert set(verdicts) == {
        b"empty.jpg",
        b"cut.jpg",
        b"text.jpg",
        b"inside.jpg",
        b"loop.jpg",
        b"dead.jpg",
        b"caf\xe9.jpg",
    }
    assert inventory.skipped == 3  # the link to a folder, what is hidden, the pipe
    inventory.write_csv(card.parent / "all.csv")


def test_a_file_that_crashes_its_worker_costs_that_file(tmp_path, album, card):
    save(scene(0), album / "a.jpg")
    with Library.open(tmp_path / "perilous", encoder=PerilousEncoder()) as library:
        library.sync(album, workers=1)
        paint(card / "perilous.png", (255, 0, 0))
        save(scene(0).resize((160, 120)), card / "small.jpg")
        files = told(library, card)
    assert files["small.jpg"].verdict == "re-saved"
    assert files["perilous.png"].reason == "reading it crashed the decoder (SIGABRT)"


def test_it_can_be_stopped(filled, card):
    save(scene(60), card / "a.jpg")

    def stop(doing, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.known(card, workers=1, progress=stop)
    assert told(filled, card)["a.jpg"].verdict == "new"


def test_progress_says_what_is_done(filled, card):
    save(scene(60), card / "a.jpg")
    seen = []
    filled.known(card, workers=1, progress=lambda *step: seen.append(step))
    assert ("reading", 1, 1) in seen
    assert ("looking for copies", 1, 1) in seen and ("looking for crops", 1, 1) in seen


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_read_is_told(filled, card):
    save(scene(60), card / "a.jpg")
    paint(card / "secret" / "b.jpg", (9, 9, 9))
    (card / "secret").chmod(0)
    try:
        inventory = filled.known(card, workers=1)
    finally:
        (card / "secret").chmod(0o755)
    [unreadable] = inventory.of("unreadable")
    assert unreadable.path.name == "secret" and "cannot be read" in unreadable.reason


# Which folders can be asked about


def test_a_folder_of_the_librarys_own_photos_is_refused(filled, album, tmp_path):
    for folder in (album, tmp_path):
        with pytest.raises(FolderError, match="12 of the photos in it are the library's own; name a folder"):
            filled.known(folder)


def test_a_folder_below_an_indexed_one_can_be_asked_about_until_it_is_indexed(filled, album):
    save(scene(1).resize((160, 120)), album / "incoming" / "a.jpg")
    assert told(filled, album / "incoming")["a.jpg"].verdict == "re-saved"
    filled.sync(workers=1)
    with pytest.raises(FolderError, match="library's own"):
        filled.known(album / "incoming")


def test_another_card_where_an_indexed_one_was_can_be_asked_about(filled, album):
    for path in album.iterdir():
        path.unlink()
    save(scene(70), album / "0.jpg")
    assert told(filled, album)["0.jpg"].verdict == "new"


def test_folders_that_cannot_be_meant_are_refused(filled, card, tmp_path):
    (card / "notes.txt").write_text("x")
    paint(tmp_path / "a.jpg", (1, 2, 3))
    for folder, words in (
        (tmp_path / "nowhere", "no such folder"),
        (card, "holds no photos"),
        (tmp_path / "a.jpg", "not a folder"),
    ):
        with pytest.raises(FolderError, match=words):
            filled.known(folder)


def test_a_library_without_photos_knows_nothing(toy_library, card):
    save(scene(0), card / "a.jpg")
    with pytest.raises(LibraryError, match="holds no photos yet"):
        toy_library.known(card)


# Lists


def test_the_table_holds_all_and_the_list_the_new_ones(filled, album, card, tmp_path):
    (card / 'a, "b".jpg').write_bytes((album / "3.jpg").read_bytes())
    save(scene(99), card / "deep" / "#new one.jpg")
    inventory = filled.known(card, workers=1)
    inventory.write_csv(tmp_path / "all.csv")
    with open(tmp_path / "all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["verdict"], row["photo"]) for row in rows] == [
        (str(card / 'a, "b".jpg'), "exact", str(album / "3.jpg")),
        (str(card / "deep" / "#new one.jpg"), "new", ""),
    ]
    inventory.write_new(tmp_path / "new.txt")
    assert (tmp_path / "new.txt").read_text() == "./deep/#new one.jpg\n"


def test_names_with_line_breaks_go_into_no_list_of_lines(filled, card, tmp_path):
    save(scene(99), card / "two\nlines.jpg")
    inventory = filled.known(card, workers=1)
    with pytest.raises(WriteError, match="1 of the names has line breaks; end names with zero bytes"):
        inventory.write_new(tmp_path / "new.txt")
    assert not (tmp_path / "new.txt").exists()
    inventory.write_new(tmp_path / "new.txt", null=True)
    assert (tmp_path / "new.txt").read_bytes() == b"./two\nlines.jpg\0"


def test_the_toy_tells_the_scenes_of_a_burst_apart():
    toy, (red, blue) = ToyEncoder(), (scene(1, tint) for tint in ((255, 90, 60), (20, 90, 255)))
    assert toy.encode(np.asarray(red)) @ toy.encode(np.asarray(blue)) < 0.8
