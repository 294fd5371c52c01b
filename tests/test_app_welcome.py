"""The first visit: no library, or an empty one."""

from pathlib import Path

import pytest

from simsearch import FolderError, Library
from simsearch.running import recorded, sole_writer
from tests.conftest import paint
from tests.test_app import cards, on, press
from tests.test_app_library import started  # noqa: F401

pytest.importorskip("streamlit")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home folder with a folder for photos, and a link to it by another name."""
    home = tmp_path / "home"
    (home / "Pictures").mkdir(parents=True)
    (home / "Bilder").symlink_to(home / "Pictures")
    monkeypatch.setattr(Path, "home", lambda: home)
    return home


def labels(page):
    return [button.label for button in page.button]


@pytest.mark.parametrize("name", ["", "albums", "learn", "library"])
def test_every_page_begins_with_the_welcome(page, name):
    page = on(page.run(), name) if name else page.run()
    assert page.title[0].value == "Which of your photos are like this one?"
    promises = next(one.proto.body for one in page.get("html") if 'class="promises"' in one.proto.body)
    assert "Nothing leaves this machine" in promises and "Photos are only read" in promises
    assert page.text_input[0].label == "The folder with your photos"


def test_usual_folders_are_offered_once_and_one_click_starts(page, started, home):  # noqa: F811
    page.run()
    assert [label for label in labels(page) if "Index ~" in label or "Index \\~" in label] == [
        "Index \\~/Pictures"
    ]
    press(page, "Index \\~/Pictures")
    assert started == [((str(home / "Pictures"),), False)]


@pytest.mark.parametrize("path", ["~nobody-at-all/x", "/no/such/folder"])
def test_a_wrong_path_is_one_sentence(page, path):
    page.run()
    page.text_input[0].set_value(path)
    press(page, "Index it")
    assert len(page.error) == 1 and "check the spelling" in page.error[0].value


def test_the_first_run_is_shown_at_once_and_searching_begins_with_the_first_photos(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        page.run()
        with sole_writer(library.path), recorded(library.path) as run:
            page.run()
            assert page.title[0].value == "Your photos are being looked at"
            assert page.get("progress") and not page.text_input
            run.progress(1, 100)
            run.note()
            page.run()
            assert page.get("progress")[0].proto.text.startswith("1 of 100 photos")
        paint(album / "1.png", "red")
        library.sync(album)
        page.run()
        assert not page.title and "1 photo is ready" in [one.value for one in page.subheader]
        for number in range(2, 21):
            paint(album / f"{number}.png", (number * 12, 40, 90))
        library.sync(album)
        page.run()
        assert "20 photos are ready" in [one.value for one in page.subheader]
        drawn = [card["name"] for card in cards(page)]
        assert drawn[0] == "1.png" and len(set(drawn)) == 18
        page.run()
        assert [card["name"] for card in cards(page)] == drawn


def test_a_folder_without_photos_leads_back_to_the_field(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library, pytest.raises(FolderError):
        library.sync(album)
    page.run()
    assert "did not succeed" in page.error[0].value and "holds no photos" in page.error[0].value
    assert page.text_input
