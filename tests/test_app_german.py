"""Each page in German, driven as in test_app."""

import re

import pytest

from tests.test_app import on, press

pytest.importorskip("streamlit")
from simsearch.ui import words  # noqa: E402

HEADINGS = {
    "albums": "Alben",
    "groups": "Fotos, die zusammengehören",
    "compare": "Eine Anfrage, drei Verfahren",
    "map": "Die Fotos auf einer Karte",
    "exam": "Wie gut werden die Fotos gefunden?",
}
# Words that no German sentence of a page has.
ENGLISH = re.compile(r"\b(the|and|of|is|are|photos|with|found|nothing|looks)\b")


@pytest.fixture
def german(filled, monkeypatch):
    monkeypatch.setattr(words, "is_german", lambda: True)
    return filled


def texts(page):
    """What a page says, but in buttons and in what is drawn by the browser."""
    blocks = [*page.subheader, *page.caption, *page.markdown, *page.info, *page.success, *page.error]
    shown = [
        re.sub(r"<style>.*?</style>", "", block.proto.body, flags=re.DOTALL) for block in page.get("html")
    ]
    widgets = [*page.button, *page.toggle, *page.slider, *page.select_slider, *page.selectbox]
    return [*(block.value for block in blocks), *shown, *(widget.label for widget in widgets)]


def english(page):
    return [text for text in texts(page) if ENGLISH.search(re.sub(r"<[^>]*>", " ", text))]


@pytest.mark.parametrize("name", HEADINGS)
def test_a_page_is_in_german(german, name):
    page = on(german, name)
    assert HEADINGS[name] in [block.value for block in page.subheader]
    assert not page.error and english(page) == []


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ("Bursts", "**2 Serien, 4 Fotos**"),
        ("Clusters", "**1 Gruppe, 4 Fotos**"),
    ],
)
def test_groups_are_in_german(german, view, says):
    page = on(german, "groups")
    page.button_group[0].set_value(view)
    page.run()
    assert not page.exception and english(page) == []
    assert [text for text in texts(page) if text.startswith(says)]


def test_what_engines_answer_is_in_german(german):
    page = press(on(german, "compare"), "Zufälliges Foto")
    assert not page.exception and english(page) == []
    assert "#### Exakt" in [block.value for block in page.markdown]
    assert any("Trefferquote gegen exakt" in text and "100 %" in text for text in texts(page))


def test_an_exam_is_in_german(german):
    page = press(on(german, "exam"), "Prüfen")
    assert not page.exception and english(page) == []
    assert any(text.startswith("Von 40 veränderten Fotos werden **") for text in texts(page))


def test_what_goes_wrong_is_told_in_german(german):
    page = on(german, "compare")
    page.file_uploader[0].upload("a.jpg", b"no picture", "image/jpeg")
    page.run()
    [problem] = [block.value.replace("\\", "") for block in page.error]
    kind = "kein Bild oder von einer Art, die hier nicht gelesen wird"
    assert problem == f"Das Bild: {kind}; ein anderes Bild versuchen."
