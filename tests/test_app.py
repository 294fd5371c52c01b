"""The page, driven by Streamlit's own test harness, with the toy in place of a network."""

import io

import pytest
from PIL import Image

from simsearch import Library
from tests.conftest import paint
from tests.toy import ToyEncoder

pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

COLOURS = {"red": (200, 0, 0), "orange": (200, 90, 0), "blue": (0, 0, 200), "sky": (60, 90, 200)}


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page on a library in a temporary folder."""
    import streamlit as st

    open_library = Library.open.__func__  # type: ignore[attr-defined]
    opened = []

    def open_with_toy(cls, /, path=None, **options):
        opened.append(open_library(cls, path, encoder=ToyEncoder(), **options))
        return opened[-1]

    monkeypatch.setattr(Library, "open", classmethod(open_with_toy))
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(tmp_path / "library"))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file("../app.py", default_timeout=30)
    for library in opened:
        library.close()


@pytest.fixture
def filled(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        exif = Image.Exif()
        exif[0x0132] = "2019:07:21 16:05:09"
        for name, colour in COLOURS.items():
            paint(album / "my **colours**" / f"{name}.jpg", colour, exif=exif)
        library.sync(album)
    return page.run()


def png(colour):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(stream, "PNG")
    return "unseen.png", stream.getvalue(), "image/png"


def ask(page, name, data, kind):
    page.file_uploader[0].upload(name, data, kind)
    page.run()
    assert not page.exception
    return page


def cards(page):
    """The text under each hit, in order."""
    return [block.proto.body for block in page.get("html") if 'class="score"' in block.proto.body]


@pytest.mark.parametrize("made", [False, True])
def test_an_empty_library_explains_how_to_fill_it(page, tmp_path, made):
    if made:
        Library.open(tmp_path / "library").close()
    page.run()
    assert not page.exception
    assert [block.value for block in page.code] == ["simsearch index ~/Pictures", "simsearch demo"]


def test_an_uploaded_picture_finds_the_most_similar_photos(filled):
    page = ask(filled, *png((255, 40, 0)))
    assert [next(name for name in COLOURS if f"{name}.jpg" in card) for card in cards(page)] == [
        "red", "orange", "sky", "blue",
    ]  # fmt: skip
    assert any("4 hits in" in caption.value for caption in page.caption)


def test_a_hit_shows_score_name_folder_and_date_as_text(filled):
    card = cards(ask(filled, *png((200, 0, 0))))[0]
    assert 'red.jpg<span class="score">1.00</span>' in card
    assert "my **colours** · 21 July 2019" in card


def test_more_like_this_and_back(filled):
    page = ask(filled, *png((200, 0, 0)))
    next(button for button in page.button if button.label == "More like this").click()
    page.run()
    assert len(cards(page)) == 3 and "red.jpg" not in "".join(cards(page))
    assert "orange.jpg" in cards(page)[0]
    next(button for button in page.button if button.label == "Back to the uploaded picture").click()
    page.run()
    assert "red.jpg" in cards(page)[0]


def test_the_number_of_hits_can_be_chosen(filled, album, tmp_path):
    with Library.open(tmp_path / "library") as library:
        for number in range(8):
            paint(album / f"{number}.png", (10 * number + 10, 0, 50))
        library.sync(album)
    page = ask(filled, *png((200, 0, 0)))
    assert len(cards(page)) == 12
    page.slider[0].set_value(5)
    page.run()
    assert len(cards(page)) == 5


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"this is text", "not a picture"), (png((1, 2, 3))[1][:45], "cut short")],
)
def test_a_file_that_is_no_picture_is_one_sentence(filled, data, words):
    page = ask(filled, "holiday.jpg", data, "image/jpeg")
    [error] = page.error
    assert words in error.value.replace("\\", "")
    assert not cards(page)


def test_markup_in_a_file_name_stays_text(filled, album, tmp_path):
    name = "<img src=x onerror=alert(1)>.png"
    with Library.open(tmp_path / "library") as library:
        paint(album / name, (200, 200, 200))
        library.sync(album)
    card = cards(ask(filled, *png((200, 200, 200))))[0]
    assert "&lt;img src=x" in card and "<img" not in card


def test_a_photo_that_vanished_is_still_shown(filled, album):
    page = ask(filled, *png((200, 0, 0)))
    (album / "my **colours**" / "red.jpg").unlink()
    next(button for button in page.button if button.label == "More like this").click()
    page.run()
    assert not page.exception and not page.error
    assert len(cards(page)) == 3


def test_a_library_that_cannot_be_used_is_one_sentence_as_text(page, tmp_path, monkeypatch):
    folder = tmp_path / "my **library**"
    folder.mkdir()
    (folder / "library.db").write_bytes(b"this is text" * 100)
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(folder))
    page.run()
    assert not page.exception and not page.code and not page.title
    [error] = page.error
    assert "**" not in error.value and "restore it from a backup" in error.value.replace("\\", "")


def test_a_query_is_asked_once_however_often_the_page_runs(filled, monkeypatch):
    page = ask(filled, *png((200, 0, 0)))
    monkeypatch.setattr(Library, "search", None)
    monkeypatch.setattr(Library, "preview", None)
    page.run()
    assert not page.exception and len(cards(page)) == 4
