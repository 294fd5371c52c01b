"""The page Library; indexing itself is in another process, see test_running."""

import shutil
from datetime import datetime, timedelta

import pytest

from simsearch import Library, SimsearchError
from simsearch.running import recorded, sole_writer
from tests.conftest import paint
from tests.test_app import on, press

pytest.importorskip("streamlit")


@pytest.fixture
def started(monkeypatch):
    """What was started, in place of starting it."""
    started: list[tuple[tuple[str, ...], bool]] = []
    monkeypatch.setattr(
        Library, "start", lambda self, *folders, retry_failed=False: started.append((folders, retry_failed))
    )
    return started


def bodies(page):
    return " ".join(element.proto.body for element in page.get("html"))


def test_folders_and_the_last_run_are_shown(filled, album):
    page = on(filled, "library")
    assert str(album) in bodies(page) and "4 photos" in bodies(page) and ">offline<" not in bodies(page)
    assert page.info[0].value.startswith("Last indexed today at") and "4 added" in page.info[0].value


def test_a_folder_that_is_away_is_marked(filled, album):
    shutil.rmtree(album)
    page = on(filled, "library")
    assert ">offline<" in bodies(page)
    assert any("shown from their thumbnails" in caption.value for caption in page.caption)


def test_a_folder_can_be_added_from_the_first_page_on(page, started, tmp_path, album):
    page.run()
    assert not (tmp_path / "library").exists()  # looking makes nothing
    assert "None" not in [element.value for element in page.markdown]
    page.text_input[0].set_value(str(album))
    press(page, "Index it")
    assert started == [((str(album),), False)]


def test_what_cannot_be_indexed_is_one_sentence(filled, tmp_path, monkeypatch):
    page = on(filled, "library")
    page.text_input[0].set_value(str(tmp_path / "nowhere"))
    press(page, "Index it")
    assert "no such folder" in page.error[0].value
    page.text_input[0].set_value(" ")
    press(page, "Index it")
    assert "Type the path" in page.info[-1].value

    def refuse(*_, **__):
        raise SimsearchError("it is being indexed by another.")

    monkeypatch.setattr(Library, "start", refuse)
    press(page, "Look for changes")
    assert "being indexed by another" in page.error[0].value


def test_failures_are_listed_with_reasons_and_can_be_tried_again(page, started, tmp_path, album):
    paint(album / "good.png", "red")
    (album / "broken.png").write_text("x")
    (album / "notes.txt").write_text("x")
    with Library.open(tmp_path / "library") as library:
        library.sync(album)
    page = on(page, "library")
    table = page.dataframe[0].value
    assert table.values.tolist() == [["broken.png", "not a picture, or of a kind not read here", str(album)]]
    assert "1 files skipped" in [expander.label for expander in page.expander]
    press(page, "Try them again")
    assert started == [((), True)]


def test_a_run_is_shown_while_it_goes_on_and_can_be_stopped(filled, tmp_path, monkeypatch):
    stopped = []
    monkeypatch.setattr(Library, "stop", lambda self: stopped.append(self.path))
    with sole_writer(tmp_path / "library"), recorded(tmp_path / "library") as run:
        page = on(filled, "library")
        assert page.get("progress")[0].proto.text.startswith("Looking through")
        run.progress(300, 1200)
        run.state["began"] = (datetime.now().astimezone() - timedelta(seconds=10)).isoformat()
        run.note()
        page.run()
        text = page.get("progress")[0].proto.text
        assert text.startswith("300 of 1,200 photos · ") and text.endswith("s left")
        press(page, "Stop")
        assert stopped == [tmp_path / "library"]
    page.run()
    assert not page.get("progress") and "cut off" in page.warning[0].value


def test_a_run_that_did_not_succeed_says_why(filled, tmp_path):
    with pytest.raises(SimsearchError), recorded(tmp_path / "library"):
        raise SimsearchError("the *disk* is full; free some space.")
    page = on(filled, "library")
    assert "the \\*disk\\* is full" in page.error[0].value
