"""A library in a folder whose name is no text."""

import os

import pytest

from simsearch import Library
from tests.conftest import paint
from tests.test_app import ask, names, on, png

pytest.importorskip("streamlit")


@pytest.fixture
def odd(page, tmp_path, monkeypatch):
    """The page on a library that is found in a current folder of an undecodable name."""
    here = tmp_path / os.fsdecode(b"caf\xe9")
    paint(here / "index" / "README.md", "red", format="png")
    monkeypatch.chdir(here)
    monkeypatch.delenv("SIMSEARCH_LIBRARY")
    with Library.open() as library:
        assert library.path == here / "index"
        for name in ("red", "blue", "green"):
            paint(tmp_path / "photos" / f"{name}.jpg", name)
        library.sync(tmp_path / "photos")
    return page.run()


def test_it_is_searched(odd):
    assert not odd.exception and not odd.error
    assert names(ask(odd, *png((255, 0, 0))))[0] == "red.jpg"


@pytest.mark.parametrize("name", ["albums", "groups", "map", "learn", "compare", "exam", "library"])
def test_every_page_is_shown(odd, name):
    on(odd, name)
    assert not odd.error


def test_its_errors_are_one_sentence(odd, tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9") / "index" / "library.db").write_bytes(b"x" * 4096)
    page = odd.run()
    assert not page.exception
    [error] = [one.value for one in page.error]
    assert "caf?" in error.replace("\\", "")
