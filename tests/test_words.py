"""The page speaks English and German: every sentence is in the catalogue, and none that nobody says."""

import ast
import re
import string
from datetime import datetime
from pathlib import Path

import pytest

import simsearch.ui
from simsearch.ui import german, german_errors, meaning, words

# Which arguments of these are sentences.
SAID = {"say": [0], "noted": [0], "say_count": [1, 2]}


def calls():
    for file in sorted(Path(simsearch.ui.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            name = getattr(node, "func", None)
            name = getattr(name, "id", getattr(name, "attr", None))
            if isinstance(node, ast.Call) and name in SAID:
                yield file.name, name, node


def sentences():
    return {
        node.args[place].value
        for _, name, node in calls()
        for place in SAID[name]
        if isinstance(node.args[place], ast.Constant)
    }


def fields(sentence):
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None)


def test_every_sentence_has_a_german_one_and_none_is_left_over():
    said = sentences()
    assert sorted(said - german.TEXTS.keys()) == []
    assert sorted(german.TEXTS.keys() - said) == []


def test_no_sentence_is_put_together_where_it_is_said():
    odd = [
        (file, node.lineno)
        for file, name, node in calls()
        for place in SAID[name]
        if not isinstance(node.args[place], ast.Constant | ast.Name | ast.Subscript | ast.Attribute)
        and file != "words.py"
    ]
    assert odd == []


@pytest.mark.parametrize("english", sorted(german.TEXTS))
def test_a_german_sentence_has_the_same_values(english):
    assert fields(german.TEXTS[english]) == fields(english)


def test_both_catalogues_translate_alike():
    both = german.TEXTS.keys() & german_errors.PHRASES.keys()
    assert {text: german.TEXTS[text] for text in both} == {text: german_errors.PHRASES[text] for text in both}


# One word for one thing: "Aufnahme" is a photo's date, what is indexed is "eingelesen"; nobody is addressed.
OTHER_WORDS = re.compile(
    r"(?i:fast (identisch|gleich)|verwandt|gemocht|merkmale|gesundheit)"
    r"|neue Aufnahme|[Dd]ie Aufnahme\b|Bild aufnehmen"
    r"|(derselben|dieselbe) Szene|(?<=[a-zäöüß,] )Ihr(e[rnm]?)?\b|\b(du|dein\w*|Sie können)\b"
)


@pytest.mark.parametrize("texts", [german.TEXTS, german_errors.PHRASES], ids=["page", "library"])
def test_german_has_one_word_for_one_thing(texts):
    assert [text for text in texts.values() if OTHER_WORDS.search(text)] == []


@pytest.fixture
def german_browser(monkeypatch):
    monkeypatch.setattr(words, "is_german", lambda: True)


def test_numbers_days_and_times_are_english():
    assert (words.number(12345.678, 1), words.percent(0.5)) == ("12,345.7", "50%")
    assert words.day(datetime(2020, 3, 9)) == "9 March 2020"
    assert [words.duration(seconds) for seconds in (5, 600, 7200)] == ["5 s", "10 min", "2.0 h"]


def test_numbers_days_and_times_are_german(german_browser):
    assert (words.number(12345.678, 1), words.percent(0.125, 1)) == ("12.345,7", "12,5 %")
    assert words.day(datetime(2020, 3, 9)) == "9. März 2020"
    assert words.duration(7200) == "2,0 h"


def test_values_are_filled_in_and_whole_numbers_grouped(monkeypatch):
    monkeypatch.setitem(german.TEXTS, "{n} photos in {where}", "{n} Fotos in {where}")
    monkeypatch.setitem(german.TEXTS, "{n} photo in {where}", "{n} Foto in {where}")
    many = (1234, "{n} photo in {where}", "{n} photos in {where}")
    assert words.say_count(*many, where="{n}") == "1,234 photos in {n}"
    monkeypatch.setattr(words, "is_german", lambda: True)
    assert words.say_count(*many, where="a") == "1.234 Fotos in a"
    assert words.say_count(1, *many[1:], where="a") == "1 Foto in a"


def test_no_text_stands_in_a_decorator_where_the_language_is_not_known():
    """What Streamlit shows while a cached function works is English for all, unless nothing is shown."""
    shown = [
        keyword.value
        for file in Path(simsearch.ui.__file__).parent.glob("*.py")
        for keyword in ast.walk(ast.parse(file.read_text()))
        if isinstance(keyword, ast.keyword) and keyword.arg == "show_spinner"
    ]
    assert shown and all(ast.unparse(value) == "False" for value in shown)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0.0 kB"),
        (1_540, "1.5 kB"),
        (9_960, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (5_350_000, "5.3 MB"),
        (999_950_000, "1.0 GB"),
        (1_234_567_890, "1.2 GB"),
    ],
)
def test_sizes_of_files_are_said_as_people_do(count, said):
    assert words.file_size(count) == said


def test_sizes_of_files_are_german(german_browser):
    assert words.file_size(1_234_567_890) == "1,2 GB"


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.5, "50%"),
        (0.979, "97%"),
        (0.998, "99.8%"),
        (0.9995, "99.95%"),
        (0.99999, "99.99%"),
        (1, "100%"),
    ],
)
def test_pairs_beaten_are_never_rounded_up(share, said):
    assert meaning.pairs_beaten(share) == said
