import os
from datetime import date

import pytest
from PIL import Image

from simsearch import Library
from simsearch.choices import Choice
from tests.conftest import paint
from tests.toy import ToyEncoder

PHOTOS = {  # path, when, maker and model
    "1.jpg": ("2023:05:01 10:00:00", "Apple iPhone 12"),
    "2023/2.jpg": ("2023:05:31 23:59:59", "Apple iPhone 12 Pro"),
    "2023/Käse & <b>100 %/3.jpg": ("2019:12:31 23:59:59", "Apple iPhone 12 Pro"),
    "2023/Käse & <b>100 %/4.jpg": (None, None),
    '2023/It\'s "a"_b/5.jpg': (None, "Canon EOS 20D"),
    "20230/6.jpg": (None, None),
    "2023 /7.jpg": (None, None),
}


@pytest.fixture
def library(toy_library, album):
    for number, (path, (taken, camera)) in enumerate(PHOTOS.items()):
        exif = Image.Exif()
        if taken:
            exif[0x0132] = taken
        if camera:
            exif[0x010F], exif[0x0110] = camera.split(" ", 1)
        paint(album / path, (200, 30 * number, 0), exif=exif)
    toy_library.sync(album)
    return toy_library


def counted(library, album):
    """What each choice leaves, which is what it says."""
    found = library.choices()
    filters = [
        *({"under": folder.name} for folder in found.folders),
        *({"camera": camera.name} for camera in found.cameras),
        *({"kind": kind.name} for kind in found.kinds),
        *({"since": month.name, "until": month.name} for month in found.months),
    ]
    told = [one.photos for some in found[:4] for one in some]
    assert [library.count(**one) for one in filters] == told
    return {os.path.relpath(folder.name, album): folder.photos for folder in found.folders}, found


def test_every_choice_leaves_as_many_photos_as_it_says(library, album):
    folders, found = counted(library, album)
    assert folders == {
        ".": 7, "2023": 4, "2023/It's \"a\"_b": 1, "2023/Käse & <b>100 %": 2, "2023 ": 1, "20230": 1
    }  # fmt: skip
    assert list(folders)[:2] == [".", "2023"]
    assert found.cameras == [
        Choice("Apple iPhone 12 Pro", 2), Choice("Apple iPhone 12", 1), Choice("Canon EOS 20D", 1)
    ]  # fmt: skip
    assert [kind.photos for kind in found.kinds] == [1, 1, 1, 2, 1, 1]
    assert found.months == [Choice("2019-12", 1), Choice("2023-05", 2)]
    assert found[4:] == (date(2019, 12, 31), date(2023, 5, 31), 4)


def test_a_folder_that_is_indexed_by_itself_counts_for_the_one_around_it(tmp_path, album):
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        paint(album / "in" / "deep" / "1.png", "red")
        paint(album / "2.png", "blue")
        library.sync(album / "in")
        library.sync(album)
        assert len(library.roots()) == 2
        assert counted(library, album)[0] == {".": 2, "in": 1, "in/deep": 1}


def test_choices_follow_the_library(library, album):
    before = library.choices()
    assert library.choices() is before
    (album / "1.jpg").unlink()
    library.sync(album)
    folders, found = counted(library, album)
    assert (folders["."], found.undated, found.first) == (6, 4, date(2019, 12, 31))
    with library._store.transaction():
        ids = library._store.select("camera IS NULL", ()).tolist()
        library._store.set_labels(dict.fromkeys(ids, "fine, old") | {ids[0]: "x"})
    _, found = counted(library, album)
    assert found.kinds == [Choice("fine, old", 2), Choice("x", 1)]


def test_without_dates_and_cameras_there_are_none_to_choose(toy_library, album):
    paint(album / "1.png", "red")
    undecodable = os.fsencode(album) + b"/caf\xe9"
    os.mkdir(undecodable)
    os.rename(paint(album / "2.png", "blue"), undecodable + b"/2.png")
    toy_library.sync(album)
    folders, found = counted(toy_library, album)
    assert folders == {".": 1} and found.kinds == found.folders
    assert found[3:] == ([], None, None, 1) and found.cameras == []


def test_an_empty_library_offers_nothing(toy_library):
    assert toy_library.choices() == ([], [], [], [], None, None, 0)


def test_a_damaged_date_is_none(library, album):
    with library._store.transaction():
        library._store._write("UPDATE photos SET taken_at = 'x' WHERE path = '1.jpg'")
    found = library.choices()
    assert (found.undated, found.months) == (5, [Choice("2019-12", 1), Choice("2023-05", 1)])
