"""The page Albums, and saving one on the page Search, driven as in test_app."""

import io

import pytest
from PIL import Image

from simsearch import Library
from simsearch.ranking import Ranker
from simsearch.trust import Trust
from tests.conftest import paint
from tests.test_app import ask, captions, markup, names, on, png, press

pytest.importorskip("streamlit")

NAME = "my *red* <b>things</b>"
SHOWN = r"my \*red\* \<b\>things\</b\>"
TRUST = Trust(pairs=(0.0,), foils=(0.9,), near=0.99999, scene=0.9999)


@pytest.fixture
def known(filled, monkeypatch):
    """The page on red and orange, blue and sky, of which it is known what scores mean."""
    monkeypatch.setattr(Ranker, "_known_trust", lambda ranker, space: TRUST)
    return filled


@pytest.fixture
def red(known, tmp_path, album):
    """The page Albums with one of red things."""
    with Library.open(tmp_path / "library") as library:
        library.albums.save(NAME, album / "my **colours**" / "red.jpg")
    return on(known, "albums")


def opened(page):
    return press(page, SHOWN)


def stored(tmp_path):
    with Library.open(tmp_path / "library") as library:
        return {album.name: album[1:3] for album in library.albums}


def shown(page):
    """The names of the photos of the open album."""
    return names(page)


def popover_save(page, name):
    page.text_input[0].set_value(name)
    return press(page, "Save")


def problems(page):
    return [block.value.replace("\\", "") for block in page.error]


# Saving


def test_a_query_and_what_is_liked_are_saved_as_an_album_and_opened(known, tmp_path):
    page = ask(known, *png((200, 10, 0)))
    press(page, next(b.label for b in page.button if b.label.startswith("Like ")))
    press(page, [b.label for b in page.button if b.label.startswith("Dislike ")][-1])
    popover_save(page, f"  {NAME} ")
    assert stored(tmp_path) == {NAME: (2, 1)}
    [told] = [block.value for block in page.success]
    assert told.startswith(f"{SHOWN}: ") and told.endswith(("photo", "photos"))
    press(page, "Open the album")
    assert SHOWN in [block.value for block in page.subheader]
    assert "More like" in [block.value for block in page.markdown]


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "that is no name; choose one of 1 to 100"), (NAME.upper(), "there is one already")],
)
def test_a_name_that_cannot_be_one_is_a_sentence_and_can_be_put_right(red, tmp_path, name, words):
    page = ask(on(red, ""), *png((200, 10, 0)))
    popover_save(page, name)
    [problem] = problems(page)
    assert words in problem and not page.success
    popover_save(page, "another")
    assert not page.error and page.success and len(stored(tmp_path)) == 2


def test_a_part_that_is_searched_with_is_what_is_kept(known, tmp_path, monkeypatch):
    monkeypatch.setattr("simsearch.ui.part.drawn", lambda name: (0.5, 0.0, 0.5, 1.0))
    page = ask(known, *png((200, 10, 0)))
    popover_save(page, "half")
    with Library.open(tmp_path / "library") as library:
        [example] = library.albums.examples("half")
        assert Image.open(io.BytesIO(example.jpeg)).size == (4, 8)


# All


def test_without_albums_the_page_says_how_to_make_one(known):
    page = on(known, "albums")
    assert "None yet. Search with a picture" in " ".join(block.value for block in page.markdown)
    press(page, "Search")
    assert page.file_uploader


def test_each_album_has_a_cover_its_name_and_how_many_photos_there_are(red):
    [cover] = markup(red, 'class="cover"')
    assert cover.count("<img") == 2 and "&lt;b&gt;" in cover and "<b>" not in cover
    assert markup(red, ">2 photos<") and SHOWN in [button.label for button in red.button]


def test_an_album_that_no_photo_belongs_to_shows_its_examples(known, tmp_path):
    with Library.open(tmp_path / "library") as library:
        library.albums.save("green", png((0, 200, 0))[1])
    page = on(known, "albums")
    assert markup(page, "data:image/jpeg") and markup(page, ">0 photos<")
    press(page, "green")
    assert not shown(page) and "0 photos" in captions(page)


# One


def test_thumbs_change_the_album_at_once(red, tmp_path):
    page = opened(red)
    assert shown(page) == ["red.jpg", "orange.jpg"] and "2 photos" in captions(page)
    press(page, r"Dislike orange\.jpg")
    assert shown(page) == ["red.jpg"] and stored(tmp_path) == {NAME: (1, 1)}
    press(page, "Take back Less like 1")
    assert shown(page) == ["red.jpg", "orange.jpg"]
    press(page, r"Like orange\.jpg")
    assert stored(tmp_path) == {NAME: (2, 0)}


def test_the_last_like_stays_and_it_is_said_why(red, tmp_path):
    page = press(opened(red), r"Dislike red\.jpg")
    assert "like another photo first" in problems(page)[0] and stored(tmp_path) == {NAME: (1, 0)}
    press(page, r"Dislike orange\.jpg")
    assert not page.error


def test_more_like_this_leads_to_the_search(red):
    page = press(opened(red), "More like this")
    assert page.file_uploader and captions(page).startswith(r"More like red\.jpg")


def test_an_album_is_renamed(red, tmp_path):
    page = opened(red)
    page.text_input[0].set_value(" a\nb ")
    press(page, "Rename")
    assert "a name has 1 to 100" in problems(page)[0]
    page.text_input[0].set_value(" Rötliches ")
    press(page, "Rename")
    assert stored(tmp_path) == {"Rötliches": (1, 0)} and not page.error
    assert "Rötliches" in [block.value for block in page.subheader] and shown(page)
    press(page, "All albums")
    assert "Rötliches" in [button.label for button in page.button]


def test_an_album_is_dropped_and_the_photos_stay(red, tmp_path):
    page = press(opened(red), "Drop this album")
    assert stored(tmp_path) == {} and "None yet" in page.markdown[0].value
    with Library.open(tmp_path / "library") as library:
        assert len(library) == 4


def test_one_that_was_dropped_elsewhere_is_no_longer_open(red, tmp_path):
    page = opened(red)
    with Library.open(tmp_path / "library") as library:
        library.albums.drop(NAME)
    press(page, r"Dislike orange\.jpg")
    assert "there is none of that name" in problems(page)[0] and "None yet" in page.markdown[0].value


def test_many_photos_are_shown_in_steps(red, monkeypatch):
    monkeypatch.setattr("simsearch.ui.albums._AT_ONCE", 1)
    page = opened(red)
    assert shown(page) == ["red.jpg"] and "2 photos" in captions(page)
    press(page, "Show 1 more")
    assert shown(page) == ["red.jpg", "orange.jpg"]
    assert not [button for button in page.button if button.label.startswith("Show")]


def test_many_examples_are_shown_in_steps(red, tmp_path, monkeypatch, album):
    monkeypatch.setattr("simsearch.ui.albums._EXAMPLES", 1)
    with Library.open(tmp_path / "library") as library:
        library.albums.extend(NAME, [png((200, shade, 0))[1] for shade in (1, 2)], png((0, 200, 0))[1])
    page = opened(red)

    def examples():
        return [button.label for button in page.button if button.label.startswith("Take back")]

    assert examples() == ["Take back More like 1", "Take back Less like 1"]
    press(page, "Show more")
    assert len(examples()) == 3
    press(page, "Show more")
    assert len(examples()) == 4 and "Show more" not in [button.label for button in page.button]


def test_in_a_small_library_it_is_said_why_only_what_is_liked_is_there(filled, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        library.albums.save(NAME, album / "my **colours**" / "red.jpg")
    page = opened(on(filled, "albums"))
    assert shown(page) == ["red.jpg"] and "cannot be told in so small a library" in captions(page)


def test_in_a_library_where_scores_mean_something_it_is_said_that_nothing_else_is_like_it(
    known, tmp_path, album
):
    paint(album / "green.png", (0, 200, 0))
    with Library.open(tmp_path / "library") as library:
        library.sync(album)
        library.albums.save(NAME, album / "green.png")
    page = opened(on(known, "albums"))
    assert shown(page) == ["green.png"]
    assert "Nothing else in the library is like these enough" in captions(page)
    assert "so small a library" not in captions(page)
