"""Filters on the page, driven as in test_app, and in its address."""

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simsearch import Library
from tests.conftest import paint

pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

from simsearch.ui import filters, votes, words  # noqa: E402

PHOTOS = {  # path, when, maker and model
    "2023/may/1.jpg": ("2023:05:01 10:00:00", "Apple iPhone 12"),
    "2023/may/2.jpg": ("2023:05:31 23:59:59", "Apple iPhone 12 Pro"),
    "2023/june/3.jpg": ("2023:06:15 12:00:00", "Apple iPhone 12 Pro"),
    "<b>old/4.jpg": ("2019:12:31 23:59:59", "Canon EOS 20D"),
    "<b>old/5.jpg": (None, None),
}


def script():
    import streamlit as st

    from simsearch import Library
    from simsearch.ui import filters

    library = Library.open()
    try:
        st.session_state["returned"] = filters.choose(library)
    finally:
        library.close()


@pytest.fixture
def chooser(page, tmp_path, album):
    """What chooses filters, on a few photos."""
    with Library.open(tmp_path / "library") as library:
        for number, (path, (taken, camera)) in enumerate(PHOTOS.items()):
            exif = Image.Exif()
            if taken:
                exif[0x0132] = taken
            if camera:
                exif[0x010F], exif[0x0110] = camera.split(" ", 1)
            paint(album / path, (200, 40 * number, 0), exif=exif)
        library.sync(album)
    return shown(AppTest.from_function(script, default_timeout=30))


def shown(page):
    page.run()
    assert not page.exception and not page.error
    return page


def pick(page, label, option):
    box = next(one for one in page.selectbox if one.label == label)
    if option is None:
        box.set_value(None)
    else:
        box.select_index(next(number for number, told in enumerate(box.options) if told.startswith(option)))
    return shown(page)


def press(page, label):
    next(button for button in page.button if button.label in (label, f"*Remove filter:* {label}")).click()
    return shown(page)


def chips(page):
    """The labels of what takes filters back; in emphasis is what only those hear who cannot see."""
    return [button.label.removeprefix("*Remove filter:* ") for button in page.button]


def returned(page):
    return page.session_state["returned"]


def test_nothing_is_chosen_at_first(chooser):
    assert returned(chooser) == {}
    assert not chooser.caption and not chooser.button
    options = {box.label: box.options for box in chooser.selectbox}
    assert options == {
        "Folder": ["2023/ (3)", "2023/june/ (1)", "2023/may/ (2)", "<b>old/ (2)"],
        "Taken": ["2023 (3)", "2019 (1)", "Between two days …"],
        "Camera": ["Apple iPhone 12 Pro (2)", "Apple iPhone 12 (1)", "Canon EOS 20D (1)"],
        "Kind": ["2023/june/ (1)", "2023/may/ (2)", "<b>old/ (2)"],
    }


def test_what_is_chosen_is_returned_and_can_be_taken_back(chooser, album):
    pick(chooser, "Folder", "2023/may")
    assert returned(chooser) == {"under": str(album / "2023" / "may")}
    pick(chooser, "Camera", "Apple iPhone 12 (")
    pick(chooser, "Kind", "2023/may")
    assert returned(chooser)["camera"] == "Apple iPhone 12" and len(returned(chooser)) == 3
    assert [one.value for one in chooser.caption] == ["1 of 5 photos is left"]
    assert chips(chooser)[1:] == ["Apple iPhone 12", r"2023/may/", "Clear all"]
    press(chooser, "Apple iPhone 12")
    assert "camera" not in returned(chooser)
    pick(chooser, "Kind", None)
    assert returned(chooser) == {"under": str(album / "2023" / "may")}
    pick(chooser, "Camera", "Canon")
    press(chooser, "Clear all")
    assert returned(chooser) == {} and all(box.value is None for box in chooser.selectbox)


def test_a_time_is_a_year_a_month_or_lies_between_days(chooser):
    pick(chooser, "Taken", "2023")
    assert returned(chooser) == {"since": "2023", "until": "2023"}
    assert [one.value for one in chooser.caption] == [
        "1 photo does not say when it was taken.", "3 of 5 photos are left"
    ]  # fmt: skip
    pick(chooser, "Month", "May (2)")
    assert returned(chooser) == {"since": "2023-05", "until": "2023-05"}
    assert chips(chooser)[0] == "May 2023"
    pick(chooser, "Taken", "Between")
    assert returned(chooser) == {"since": "2023-05-01", "until": "2023-05-31"}
    chooser.date_input[1].set_value(date(2023, 5, 30))
    shown(chooser)
    assert chips(chooser)[0] == "1 May 2023 – 30 May 2023" and chooser.caption[1].value[0] == "1"
    chooser.date_input[0].set_value(None)
    shown(chooser)
    assert returned(chooser) == {"until": "2023-05-30"} and chips(chooser)[0] == "Until 30 May 2023"
    press(chooser, "Until 30 May 2023")
    assert returned(chooser) == {} and not chooser.date_input
    pick(chooser, "Taken", "Between")
    assert len(chooser.date_input) == 2 and returned(chooser) == {}


def test_filters_that_leave_nothing_are_told_in_one_sentence(chooser):
    pick(chooser, "Camera", "Canon")
    pick(chooser, "Taken", "2023")
    assert [one.value for one in chooser.info] == ["The filters leave no photo: remove one of them."]


def test_it_can_be_chosen_from_elsewhere(chooser, album):
    """As an address does: of other libraries, times and cameras, too."""
    chooser.session_state["filters"] = filters.from_address(
        {"since": "1999", "until": "1999", "camera": "iphone", "min_size": "2000"}
    )
    shown(chooser)
    assert returned(chooser) == {"since": "1999", "until": "1999", "camera": "iphone", "min_size": 2000}
    assert [one.value for one in chooser.date_input] == [date(1999, 1, 1), date(1999, 12, 31)]
    assert {one.label: one.value for one in chooser.selectbox}["Camera"] == "iphone"
    assert chips(chooser) == [
        "1999", "iphone", "2,000 pixels or more", "Clear all"
    ]  # fmt: skip


def test_what_is_not_there_stays_chosen_and_leaves_nothing(chooser):
    chooser.session_state["filters"] = filters.from_address({"kind": "gone"})
    shown(chooser)
    assert returned(chooser) == {"kind": "gone"} and chooser.button[0].label == "*Remove filter:* gone"
    assert [one.value for one in chooser.info] == ["The filters leave no photo: remove one of them."]
    pick(chooser, "Kind", "2023/may")
    assert not chooser.info
    chooser.session_state["filters"] = filters.from_address({"under": "/nowhere"})
    shown(chooser)
    assert returned(chooser) == {"under": "/nowhere"} and chooser.info


def test_a_kind_may_be_the_end_of_a_folder(chooser):
    chooser.session_state["filters"] = filters.from_address({"kind": "may"})
    shown(chooser)
    assert [one.value for one in chooser.caption] == ["2 of 5 photos are left"]


def test_in_german(chooser, monkeypatch):
    monkeypatch.setattr(words, "is_german", lambda: True)
    monkeypatch.setattr(filters, "is_german", lambda: True)
    shown(chooser)
    pick(chooser, "Aufgenommen", "2023")
    pick(chooser, "Monat", "Mai")
    assert (
        chooser.button[0].label == "*Filter entfernen:* Mai 2023"
        and chooser.caption[1].value == "2 von 5 Fotos bleiben übrig"
    )


def test_without_dates_and_cameras_there_is_nothing_to_choose(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        paint(album / "1.png", "red")
        library.sync(album)
    assert not shown(AppTest.from_function(script, default_timeout=30)).selectbox


@pytest.mark.parametrize(
    "parameters",
    [
        {"since": "yesterday"}, {"since": "2023-13"}, {"until": "2023-02-30"}, {"until": "0000"},
        {"until": "9999"}, {"since": "20230501"}, {"since": "2023-05-01 10:00"}, {"since": "٢٠٢٣"},
        {"under": "photos"}, {"under": "/"}, {"under": "/a\0"}, {"camera": " "}, {"camera": "\udcff"},
        {"kind": ""},
        {"min_size": "0"}, {"min_size": "-1"}, {"min_size": "1e3"}, {"min_size": "9" * 5000},
        {"like": "7", "colour": "red"},
    ],
)  # fmt: skip
def test_nonsense_in_an_address_is_left_out(parameters):
    assert filters.from_address({**parameters, "kind ": "x"}) == {}


parts = st.lists(st.sampled_from(["a", "b", "photos"]), min_size=1, max_size=4)
folders = parts.map(lambda parts: "/" + "/".join(parts))


@given(st.lists(folders | parts.map("/".join), unique=True), st.lists(folders.map(Path), unique=True))
def test_no_two_kinds_are_called_the_same(kinds, roots):
    called = votes.shown(kinds, roots)
    assert len(set(called)) == len(called) == len(kinds)


def test_folders_are_called_as_shortly_as_may_be():
    roots = [Path("/a/photos"), Path("/b/photos"), Path("/c/other")]
    kinds = ["/a/photos/cup", "/b/photos/cup", "/c/other/cup", "/c/other/mug", "label"]
    assert votes.shown(kinds, roots) == [
        "/a/photos/cup/", "/b/photos/cup/", "other/cup/", "mug/", "label"
    ]  # fmt: skip


dates = st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(str)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/ "), min_size=1)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "under": names.map(lambda name: f"/{name}"),
            "since": dates | dates.map(lambda day: day[:7]),
            "until": dates | dates.map(lambda day: day[:4]),
            "camera": names,
            "kind": names,
            "min_size": st.integers(1, 99_999),
        },
    )
)
def test_an_address_says_what_is_chosen(chosen):
    address = filters.to_address(chosen)
    assert all(isinstance(value, str) for value in address.values())
    assert filters.from_address(address) == chosen


def test_what_a_program_asks_for_is_kept_as_text():
    address = filters.to_address(
        {"under": Path("/a"), "since": datetime(2023, 5, 1, 10), "until": date(2023, 5, 2), "camera": None}
    )
    assert address == {"under": "/a", "since": "2023-05-01", "until": "2023-05-02"}
