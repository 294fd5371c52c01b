"""The grid of hits: what the browser is sent, and what is done when it asks; driven as in test_app."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simsearch import Library, calibration
from tests.conftest import COLOURS, paint
from tests.test_app import ask, captions, cards, click, names, png, press, toggle

st = pytest.importorskip("streamlit")
from simsearch.ui import german, grid, words  # noqa: E402


@pytest.fixture
def library(toy_library, album):
    """Four photos: blue, orange, red and sky."""
    for name, colour in COLOURS.items():
        paint(album / f"{name}.png", colour)
    toy_library.sync(album)
    return toy_library


@pytest.fixture
def state(monkeypatch):
    """What Streamlit would remember of a visitor."""
    state: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", state)
    return state


@pytest.fixture
def show(library, album, state, monkeypatch):
    """Show the photos; return what the browser is sent, the deeds that are done, and the ask for more."""
    sent: dict[str, Any] = {}

    def component(name, **_):
        return lambda *, key, data, on_asked_change: sent.update(data, ask=on_asked_change)

    monkeypatch.setattr(st.components.v2, "component", component)
    monkeypatch.setattr(words, "is_german", lambda: False)
    done = []

    def deed(name):
        return grid.Deed(lambda hit: done.append((name, hit.path.stem)), "")

    deeds = {name: deed(name) for name in "ab"}

    def show(*asked, hits=None):
        hits = hits or [library.photo(album / f"{name}.png") for name in ("blue", "orange", "red")]
        if asked:
            state["photos"] = {"asked": list(asked)}
            sent["ask"]()
        grid.show(library, hits, "photos", deeds)
        return json.loads(json.dumps({name: value for name, value in sent.items() if name != "ask"}))

    show.done = done  # type: ignore[attr-defined]
    return show


def deed(number, name, about):
    return {"number": number, "deed": name, "about": about}


def test_pictures_are_sent_once_and_again_when_they_got_lost(show):
    first = show()
    known = [card["picture"] for card in first["cards"]]
    assert sorted(first["pictures"]) == sorted(known) and len(known) == 3
    assert all(url.startswith("data:image/jpeg;base64,") for url in first["pictures"].values())
    assert show()["pictures"] == {}
    assert list(show(deed(1, "want", [known[1]]))["pictures"]) == [known[1]]
    assert show()["pictures"] == {}


def test_a_picture_is_sent_again_when_its_photo_has_changed(show, library, album):
    before = show()["cards"]
    paint(album / "orange.png", (1, 200, 1), (16, 8))
    library.sync(album)
    after = show()
    changed = [new["picture"] for old, new in zip(before, after["cards"], strict=True) if old != new]
    assert len(changed) == 1 and list(after["pictures"]) == changed


def test_copies_are_sent_when_they_are_unfolded_and_nothing_else_is(show, library, album):
    copies = [str(album / f"{name}.png") for name in ("red", "sky")]
    hits = [replace(library.photo(1), copies=tuple(map(Path, copies)))]
    [card] = show(hits=hits)["cards"]
    assert [copy["path"] for copy in card["copies"]] == copies and card["fold"] == "+2 near-identical"
    library.forget(copies[1])
    sent = show(deed(1, "want", [*copies, "/etc/passwd", str(album / "orange.png"), 5]), hits=hits)
    assert sorted(sent["pictures"]) == sorted(copies)
    assert sent["pictures"][copies[0]] and not sent["pictures"][copies[1]]


def test_few_pictures_are_remembered_as_sent(show, monkeypatch):
    monkeypatch.setattr(grid, "_MOST", 2)
    cards = show()["cards"]
    assert list(show()["pictures"]) == [cards[0]["picture"]]


def test_deeds_are_done_once_and_in_order(show):
    ids = {card["name"]: card["id"] for card in show()["cards"]}
    first = deed(7, "a", ids["orange.png"])
    assert show(first)["done"] == 7
    assert show(deed(8, "b", ids["red.png"]), first)["done"] == 8
    assert show.done == [("a", "orange"), ("b", "red")]


@pytest.mark.parametrize(
    "odd",
    [
        deed(9, "open", 1),
        deed(9, "a", 99),
        deed(9, "a", [1]),
        deed("9", "a", 1),
        deed(9, "want", 1),
        {"deed": "a"},
        None,
    ],
)
def test_what_nobody_can_have_asked_for_is_not_done(show, odd):
    show()
    assert show(odd)["pictures"] == {} and show.done == []


def test_a_photo_whose_thumbnail_is_gone_is_shown_by_its_name(show, monkeypatch):
    monkeypatch.setattr(Library, "thumbnail", lambda library, hit: None)
    sent = show()
    assert {card["picture"] for card in sent["cards"]} == {""} and sent["pictures"] == {}


def test_a_card_speaks_german(library, monkeypatch):
    monkeypatch.setattr(words, "is_german", lambda: True)
    told = grid.card(replace(library.photo(1), trust="same kind", beats=0.998, score=0.834, offline=True))
    assert (told["word"], told["score"], told["offline"]) == (german.TEXTS["same kind"], "0,83", "offline")
    assert told["means"].startswith("ähnlicher als 99,8 %")


# On the page


@pytest.fixture
def many(filled, tmp_path, album, monkeypatch):
    # Flat colours mean nothing to each other; where the hits would end depends on the order of indexing.
    monkeypatch.setattr(calibration, "_learnt", lambda *_: None)
    with Library.open(tmp_path / "library") as library:
        for number in range(40):
            paint(album / f"{number}.png", (200, 5 * number, 0))
        library.sync(album)
    return filled


def test_more_hits_are_shown_without_searching_again(many, monkeypatch):
    page = ask(many, *png((200, 0, 0)))
    first = names(page)
    assert len(first) == 15
    monkeypatch.setattr(Library, "search", None)
    press(page, "Show 15 more")
    assert len(names(page)) == 30 and names(page)[:15] == first
    press(page, "Show 10 more")
    assert len(names(page)) == 40
    assert not [button for button in page.button if button.label.startswith("Show")]


def test_hits_are_selected_for_as_long_as_the_query_stays(filled):
    page = ask(filled, *png((200, 0, 0)))
    for place in (0, 2, 0, 1):
        click(page, f"select-{cards(page)[place]['id']}")
    assert "**2 selected**" in [block.value for block in page.markdown]
    press(page, "Clear")
    assert not page.markdown
    click(page, f"select-{cards(page)[0]['id']}")
    press(page, "More like this")
    assert not page.markdown and "decode" in captions(page)


def test_of_more_than_are_looked_for_at_once_all_can_be_shown_and_then_no_more(many, album, tmp_path):
    with Library.open(tmp_path / "library") as library:
        for number in range(61 - len(library)):
            paint(album / f"more {number}.png", (200, number, number))
        library.sync(album)
    page = ask(many, *png((200, 0, 0)))
    toggle(page, "Fold near-identical photos into one").set_value(False)
    page.run()
    for shown in (15, 30, 45, 60):
        assert len(names(page)) == shown
        press(page, "Show 15 more")
    assert len(names(page)) == 61
    assert not [button for button in page.button if button.label.startswith("Show")]
