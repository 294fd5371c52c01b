"""The page Exam, driven as in test_app."""

import itertools
import re
import threading
import time

import pytest

from simsearch import Library, StorageError
from tests.conftest import paint
from tests.test_app import markup, on, press

pytest.importorskip("streamlit")
from simsearch.ui.work import Desks  # noqa: E402


@pytest.fixture
def examined(page, tmp_path, album):
    """The page on two folders of two colours, gone to but not pressed."""
    with Library.open(tmp_path / "library") as library:
        for number in range(12):
            paint(album / "<warm>" / f"{number}.png", (200, 5 * number, 0))
            paint(album / "cold" / f"{number}.png", (0, 5 * number, 200))
        library.sync(album)
    return on(page.run(), "exam")


def examine(page):
    """Press the button, and wait for what comes of it."""
    press(page, "Examine")
    return awaited(page, lambda: all(button.label != "Stop" for button in page.button))


def awaited(page, there):
    for _ in range(60):  # each run waits a second for what is under way
        if there():
            return page
        page.run()
    raise AssertionError("it did not end in a minute")


def sentences(page):
    return [block.value for block in page.markdown]


def test_nothing_is_asked_before_the_button_is_pressed(examined, monkeypatch):
    monkeypatch.setattr(Library, "exam", None)
    on(examined, "exam")
    assert [button.label for button in examined.button] == ["Examine"]
    assert not sentences(examined)


def test_the_exam_is_told_at_a_glance(examined):
    page = examine(examined)
    assert re.match(
        r"Of 240 altered photos, \*\*\d+ are found first\*\*\. The hardest: of 24 ", sentences(page)[0]
    )
    [altered] = markup(page, "turned by 90 degrees")
    assert altered.count('class="bar"') == 10 and altered.count('class="more"') == 10
    assert re.search(
        r'>saved again as a poor JPEG</div>.*?<div class="count">\d+ <span>of 24</span>', altered
    )
    assert len(markup(page, "<dt>Half the searches within</dt>")) == 3
    assert any(
        "of a photo's first 15 hits 100% lie in its folder" in text.replace("\\", "")
        for text in sentences(page)
    )
    [folders] = markup(page, ">cold<")
    assert "&lt;warm&gt;" in folders and "<warm>" not in folders and 'style="left: 47.8%"' in folders
    assert any(caption.value.startswith("24 of 24 photos asked for") for caption in page.caption)


def test_what_came_of_it_stays_and_says_when_it_is_out_of_date(examined, tmp_path, album):
    page = examine(examined)
    on(page, "library")
    on(page, "exam")
    assert sentences(page) and not page.info
    with Library.open(tmp_path / "library") as library:
        paint(album / "new.png", (10, 200, 10))
        library.sync(album)
    on(page, "exam")
    assert page.info[0].value == "The library has changed since this exam."


def test_how_many_are_asked_for_can_be_chosen(examined, monkeypatch):
    asked = []
    exam = Library.exam

    def noting(library, sample, **options):
        asked.append(sample)
        return exam(library, sample, **options)

    monkeypatch.setattr(Library, "exam", noting)
    examined.select_slider[0].set_value(30)
    examine(examined)
    assert asked == [30]


def told(**changes):
    row = {"asked": 1, "hit_at_1": 1.0, "hit_at_10": 1.0, "near_identical": None, "same_scene": None}
    times = {"milliseconds_p50": 0.1, "milliseconds_p95": 0.2}
    engine = {"engine": "exact", "recall": 1.0, **times, "scanned": 1.0, "bytes": 10}
    kinds = {"by": "labels", "said": "Labels [tell] nothing.", "each": []}
    return {
        "photos": 3, "asked": 1, "skipped": 2, "seconds": 1.0, "overall": row, "kinds": kinds,
        "engines": [engine],
        "distortions": [{"distortion": "upside down", **row}],
        "foils": [{"foil": "a blot", "asked": 1, "nothing_similar": None}],
        **changes,
    }  # fmt: skip


def test_what_is_not_known_is_said_to_be_so(examined, monkeypatch):
    monkeypatch.setattr(Library, "exam", lambda *_, **__: told())
    page = examine(examined)
    assert sentences(page)[0] == "Of 1 altered photo, **1 is found first**."
    assert markup(page, ">upside down<")
    captions = [caption.value for caption in page.caption]
    assert any("from 20 photos on" in text for text in captions) and any(
        "2 more are damaged" in text for text in captions
    )
    assert sentences(page)[-1] == r"Labels \[tell\] nothing\."


def test_what_is_said_of_hits_and_of_nothing(examined, monkeypatch):
    row = {"asked": 100, "hit_at_1": 0.97, "hit_at_10": 1.0, "near_identical": 0.4, "same_scene": 0.3}
    foils = [{"foil": "a detail", "asked": 100, "nothing_similar": 0.93}]
    kind = {"name": "cup", "precision_at_15": 0.5, "chance": 0.1}
    kinds = {"by": "labels", "said": "The labels mean something.", "each": [kind] * 14}
    changes = {
        "overall": row,
        "distortions": [{"distortion": "mirrored", **row}],
        "foils": foils,
        "kinds": kinds,
    }
    monkeypatch.setattr(Library, "exam", lambda *_, **__: told(**changes))
    page = examine(examined)
    assert "The hardest: of 100 photos mirrored, 97 are." in sentences(page)[0]
    assert "Of these, 40% are called near-identical to their photo, and 30% the same scene." in sentences(
        page
    )
    assert "93 <span>of 100</span>" in markup(page, "enlarged from a detail")[0]
    assert [one.count("cup") for one in markup(page, ">cup<")] == [12, 2]
    assert page.expander[0].label == "2 more, which do better"


def test_an_exam_that_fails_is_one_sentence(examined, monkeypatch):
    def failing(*_, **__):
        raise StorageError("redis://nowhere", "cannot be reached", "start it")

    monkeypatch.setattr(Library, "exam", failing)
    examine(examined)
    assert "cannot be reached" in examined.error[0].value.replace("\\", "") and not examined.exception


def test_an_exam_goes_on_when_the_page_is_left_and_can_be_stopped(examined, monkeypatch):
    begun = threading.Event()

    def endless(library, sample, progress):
        for number in itertools.count():
            progress("asking", number % 9, 9)
            begun.set()
            time.sleep(0.01)

    monkeypatch.setattr(Library, "exam", endless)
    page = press(examined, "Examine")
    assert begun.wait(10) and [button.label for button in page.button if not button.disabled] == ["Stop"]
    on(page, "library")
    page = press(on(page, "exam"), "Stop")
    awaited(page, lambda: page.info)
    assert page.info[0].value == "Stopped before all was looked at."


def test_a_desk_stays_while_work_is_under_way_however_many_libraries_come_after():
    desks, end = Desks(most=2), threading.Event()
    busy, idle = desks.desk("first", "exam"), desks.desk("first", "health")
    busy.begin("long", lambda progress: end.wait(20))
    idle.begin("short", lambda progress: None)
    waited_for(idle)
    for key in ("second", "third"):
        assert desks.desk(key, "exam").last is None
    assert desks.desk("first", "exam") is busy and busy.busy
    assert desks.desk("first", "health") is not idle  # what came of it made room
    end.set()
    waited_for(busy)
    for key in ("second", "third"):
        desks.desk(key, "exam")
    assert desks.desk("first", "exam") is not busy  # as soon as it has ended


def waited_for(desk):
    desk.last.wait(20)
    assert not desk.busy


def test_a_desk_that_is_asked_for_is_kept_though_all_others_are_busy():
    desks, end = Desks(most=1), threading.Event()
    desks.desk("first", "exam").begin("long", lambda progress: end.wait(20))
    wanted = desks.desk("second", "exam")
    assert desks.desk("second", "exam") is wanted
    end.set()
