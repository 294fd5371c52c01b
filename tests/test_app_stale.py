"""A library that is deleted, or replaced by another in its place, under a page that is open."""

import shutil

import pytest

from simsearch import Library
from tests.conftest import paint
from tests.test_app import ask, cards, on, png, press

pytest.importorskip("streamlit")


def made(folder, photos, **colours):
    """Make a library, of which the page knows nothing."""
    with Library.open(folder) as library:
        for name, colour in colours.items():
            paint(photos / f"{name}.jpg", colour)
        library.sync(photos)


@pytest.fixture
def stale(filled, tmp_path):
    """A page that knows a library which is gone."""
    ask(filled, *png((200, 0, 0)))
    press(filled, r"Like orange\.jpg")
    shutil.rmtree(tmp_path / "library")
    return filled


@pytest.mark.parametrize("name", ["", "albums", "learn", "map"])
def test_a_deleted_library_is_not_served_any_more(stale, name):
    on(stale, name) if name else stale.run()
    assert not stale.exception
    assert stale.title[0].value == "Which of your photos are like this one?"


def test_of_another_library_in_its_place_the_page_knows_nothing_old(stale, tmp_path):
    made(tmp_path / "library", tmp_path / "others", red=(190, 10, 0), green=(0, 200, 0))
    stale.run()
    assert not stale.exception
    assert "2 photos are ready" in [one.value for one in stale.subheader]
    assert {card["name"] for card in cards(stale)} == {"red.jpg", "green.jpg"}
    ask(stale, *png((200, 0, 0)))
    assert [card["path"] for card in cards(stale)] == [
        str(tmp_path / "others" / f"{name}.jpg") for name in ("red", "green")
    ]


def test_libraries_of_equal_generations_have_different_stamps(tmp_path, page):
    for name in ("one", "other"):
        made(tmp_path / name, tmp_path / f"photos-{name}", red=(190, 10, 0))
    with Library.open(tmp_path / "one") as one, Library.open(tmp_path / "other") as other:
        assert one.generation == other.generation and one.stamp != other.stamp and one.key != other.key
        before = one.stamp
        assert one.stamp == before
        one.forget(tmp_path / "photos-one")
        assert one.stamp != before


def test_a_library_is_there_until_its_file_is_replaced(tmp_path, page):
    made(tmp_path / "one", tmp_path / "photos", red=(190, 10, 0))
    with Library.open(tmp_path / "one") as library:
        assert library.is_there()
        library.forget(tmp_path / "photos")
        assert library.is_there()
        shutil.copy(tmp_path / "one" / "library.db", tmp_path / "restored.db")
        (tmp_path / "restored.db").replace(tmp_path / "one" / "library.db")
        assert not library.is_there()
        shutil.rmtree(tmp_path / "one")
        assert not library.is_there()
