"""The page where a Milvus server searches: beside it there is the catalog, and nothing else."""

import sqlite3
from contextlib import closing

import pytest

from simsearch import Library
from simsearch.store import FILE_NAME
from tests.test_app import ask, captions, names, png

st = pytest.importorskip("streamlit")

pytestmark = pytest.mark.scale


@pytest.fixture
def served(filled, tmp_path, album, monkeypatch):
    """The page on a copy of the catalog, whose library was pushed and whose photos are elsewhere."""
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    address = f"milvus://{tmp_path}/server.db"
    with Library.open(tmp_path / "library") as library:
        assert library.push(address)["photos"] == 4
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(sqlite3.connect(tmp_path / "library" / FILE_NAME)) as db:
        db.execute("VACUUM INTO ?", (str(copy / FILE_NAME),))
    album.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(copy))
    monkeypatch.setenv("SIMSEARCH_MILVUS", address)
    st.cache_resource.clear()
    return filled.run()


def test_a_copy_of_the_catalog_is_enough(served, tmp_path):
    ask(served, *png((200, 10, 10)))
    assert not served.exception and not served.error
    assert names(served)[0] == "red.jpg"
    assert "Auto is Milvus at milvus" in captions(served)
    assert not list((tmp_path / "copy").glob("index.*")), "nothing was built beside it"


def test_a_server_that_holds_another_library_is_named(filled, tmp_path, monkeypatch):
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    monkeypatch.setenv("SIMSEARCH_MILVUS", f"milvus://{tmp_path}/empty.db")
    st.cache_resource.clear()
    page = filled.run()
    ask(page, *png((200, 10, 10)))
    assert "does not hold this library" in page.error[0].value and not page.exception
