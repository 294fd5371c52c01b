"""The page Library; indexing itself is in another process, see test_running."""

import shutil
from datetime import datetime, timedelta

import pytest

from simsearch import Library, SimsearchError, encoder, list_backbones
from simsearch.checks import Finding
from simsearch.embeddings import number_of
from simsearch.running import recorded, sole_writer
from tests.conftest import paint
from tests.test_app import markup, on, press
from tests.toy import OtherEncoder, ToyEncoder

pytest.importorskip("streamlit")
from simsearch.ui import words  # noqa: E402
from simsearch.ui.words import plain  # noqa: E402


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


def captions(page):
    return " ".join(caption.value for caption in page.caption)


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
    table = markup(page, 'class="failures"')[0]
    assert f"broken.png<span>{album}</span></td><td>not a picture, or of a kind not read here</td>" in table
    assert "1 file skipped" in [expander.label for expander in page.expander]
    press(page, "Try them again")
    assert started == [((), True)]


def test_a_run_is_shown_while_it_goes_on_and_can_be_stopped(filled, tmp_path, monkeypatch):
    stopped = []
    monkeypatch.setattr(Library, "stop", lambda self: stopped.append(self.path))
    with sole_writer(tmp_path / "library"), recorded(tmp_path / "library") as run:
        run.enter(tmp_path)
        page = on(filled, "library")
        assert page.get("progress")[0].proto.text.startswith("Looking through")
        assert f"In {words.plain(str(tmp_path))}" in captions(page)
        run.progress(300, 1200)
        run.state["began"] = (datetime.now().astimezone() - timedelta(seconds=10)).isoformat()
        run.note()
        page.run()
        text = page.get("progress")[0].proto.text
        assert text.startswith("300 of 1,200 photos · ") and text.endswith("s left")
        assert on(page, "").get("progress")[0].proto.text.startswith("300 of 1,200")  # searching meanwhile
        run.progress(1200, 1200)
        run.note()
        page = on(page, "library")
        assert page.get("progress")[0].proto.text.startswith("All 1,200 photos are read; the index")
        press(page, "Stop")
        assert stopped == [tmp_path / "library"]
    page.run()
    assert not page.get("progress") and "cut off" in page.warning[0].value


def test_a_run_that_did_not_succeed_says_why(filled, tmp_path):
    with pytest.raises(SimsearchError), recorded(tmp_path / "library"):
        raise SimsearchError("the *disk* is full; free some space.")
    page = on(filled, "library")
    assert "the \\*disk\\* is full" in page.error[0].value


def test_failures_are_narrowed_by_reason_and_shown_some_at_a_time(page, tmp_path, album):
    for number in range(25):
        (album / f"{number:02}.png").write_text("x")
    paint(album / "black.png", "black")
    with Library.open(tmp_path / "library") as library:
        library.sync(album)
    page = on(page, "library")
    assert "26 files could not be used" in [one.value for one in page.subheader]
    assert page.selectbox[0].options[0] == "All reasons"
    assert "19.png" in markup(page, 'class="failures"')[0] and "20.png" not in bodies(page)
    press(page, "Next")
    assert "20.png" in bodies(page) and "black.png" in bodies(page) and "00.png" not in bodies(page)
    page.selectbox[0].set_value(next(iter(library_reasons(tmp_path))))
    page.run()
    assert "00.png" in bodies(page) and "black.png" not in bodies(page)


def library_reasons(tmp_path):
    with Library.open(tmp_path / "library") as library:
        return library.failure_reasons()


def test_a_folder_is_forgotten_and_its_files_stay(filled, album):
    page = on(filled, "library")
    assert any("Their files stay on the disk" in one.value for one in page.markdown)
    press(page, "Forget it")
    assert "4 photos are forgotten." in page.success[0].value
    assert str(album) not in bodies(page) and len(list(album.rglob("*.jpg"))) == 4
    page.run()
    assert not page.success


def test_all_that_goes_with_a_folder_is_said_before(page, tmp_path, album):
    sub = album / "sub **x**"
    for number in range(3):
        paint(sub / f"{number}.png", (200, 40 * number, 0))
    paint(album / "one.png", (0, 0, 200))
    with Library.open(tmp_path / "library") as library:
        library.sync(sub)
        library.sync(album)
    on(page, "library")
    said = " ".join(one.value for one in page.markdown)
    assert "forgets 4 photos of this folder" in said and "forgets 3 photos of this folder" in said
    assert said.count(f"the folders inside it: {plain(str(sub))}") == 1 and "labels" in said
    assert not page.warning
    press(page, "Forget it")
    assert "4 photos are forgotten." in page.success[0].value


def test_of_a_folder_that_is_away_it_is_said_that_it_cannot_be_indexed_again(filled, album):
    shutil.rmtree(album)
    page = on(filled, "library")
    assert "cannot be indexed again" in page.warning[0].value


def test_a_folder_without_photos_can_be_forgotten(page, tmp_path, album):
    photo = paint(album / "one.png", (0, 0, 200))
    with Library.open(tmp_path / "library") as library:
        library.sync(album)
        library.forget(photo)
        assert library.roots() == [album]
    press(on(page, "library"), "Forget it")
    assert not page.error
    with Library.open(tmp_path / "library") as library:
        assert library.roots() == []


def test_photos_that_are_gone_are_dropped(filled, tmp_path, album):
    next(album.rglob("red.jpg")).unlink()
    with Library.open(tmp_path / "library") as library:
        library.sync(album)
    page = on(filled, "library")
    assert ">1 missing<" in bodies(page)
    press(page, "Forget those that are gone")
    assert "1 photo is forgotten." in page.success[0].value and "missing" not in bodies(page)


def test_what_another_process_is_in_the_way_of_is_one_sentence(filled, tmp_path):
    page = on(filled, "library")
    with sole_writer(tmp_path / "library"):
        press(page, "Forget it")
    assert "in use by another simsearch" in page.error[0].value


# Health


def checked(page, label):
    press(page, label)
    for _ in range(300):
        if not page.get("progress"):
            return page
        page.run()
    raise AssertionError("it did not end")


def test_all_is_well_or_what_is_wrong_is_repaired_at_a_second_click(filled, monkeypatch):
    page = checked(on(filled, "library"), "Check its health")
    assert page.success[0].value == "All is well." and "Looked at today at" in captions(page)
    asked = []

    def check(library, *, repair, progress):
        asked.append(repair)
        progress(1, 2)
        return [Finding("2 photos have *no* thumbnail", "made anew" if repair else "repair it", repair)]

    monkeypatch.setattr(Library, "check", check)
    page = checked(page, "Check its health")
    assert page.warning[0].value == "2 photos have \\*no\\* thumbnail – repair it" and not page.success
    page = checked(page, "Repair now")
    assert "made anew" in page.success[0].value and not page.warning
    assert asked == [False, True] and "Repair now" not in [button.label for button in page.button]


@pytest.mark.parametrize(
    ("error", "sentence"), [(SimsearchError("it is odd."), "it is odd"), (KeyError("secret"), "(KeyError)")]
)
def test_a_check_that_fails_is_one_sentence(filled, monkeypatch, error, sentence):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Library, "check", fail)
    page = checked(on(filled, "library"), "Check its health")
    assert sentence in page.error[0].value and "secret" not in page.error[0].value


def test_a_check_can_be_stopped(filled, monkeypatch):
    def endless(library, *, repair, progress):
        while True:
            progress(1, 4)

    monkeypatch.setattr(Library, "check", endless)
    page = press(on(filled, "library"), "Check its health")
    page.run()
    assert page.get("progress")[0].proto.text == "1 of 4 photos looked at ..."
    assert "Stopped before all was looked at." in [one.value for one in checked(page, "Stop").info]


def test_the_exam_is_one_click_away(filled):
    page = press(on(filled, "library"), "Examine how well photos are found")
    assert "How well are your photos found?" in [one.value for one in page.subheader]
    while any(button.label == "Stop" for button in page.button):
        page.run()
    assert "Altered photos" in [one.value for one in page.subheader], "it has begun, too"


# Networks


@pytest.fixture
def two_networks(filled, tmp_path, monkeypatch):
    toys = {toy.identity: toy for toy in (ToyEncoder(), OtherEncoder())}
    with Library.open(tmp_path / "library") as library:
        library.embeddings.switch(OtherEncoder())
        library.embeddings.switch(ToyEncoder())
    monkeypatch.setattr(encoder, "stored_encoder", lambda identity, *_, **__: toys[identity])
    return filled


def test_the_network_is_named_and_another_can_be_chosen(filled, monkeypatch):
    asked = []
    monkeypatch.setattr(Library, "start", lambda self, *folders, **options: asked.append((folders, options)))
    page = on(filled, "library")
    assert [one.label for one in page.expander if one.label.startswith("Network")] == ["Network: toy"]
    chosen = next(one for one in page.selectbox if one.label == "Another network")
    assert len(chosen.options) == len(list_backbones())
    assert any(option.startswith("ResNet50 · 94") and "74.9% right" in option for option in chosen.options)
    chosen.set_value("ResNet50").run()
    press(page, "Make its embeddings")
    assert asked == [((), {"backbone": "ResNet50"})]


def test_a_network_that_waits_can_serve_again_or_be_dropped(two_networks, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(Library, "start", lambda self, *folders, **options: asked.append(options))
    page = on(two_networks, "library")
    assert '>toy</span><span class="mark">serves<' in bodies(page) and ">other</span>" in bodies(page)
    press(page, "Let it serve")
    assert asked == [{"backbone": number_of(OtherEncoder.identity)}]
    press(page, "Drop them")
    assert ">other</span>" not in bodies(page)
    with Library.open(tmp_path / "library") as library:
        assert len(library.embeddings.sets()) == 1
