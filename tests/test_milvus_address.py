"""Where a Milvus server is, what is shown of that, and what is said where nothing can talk to it."""

import subprocess
import sys

import pytest

from simsearch import Library, LibraryError, StorageError
from simsearch.index.milvus_address import Address, parsed, without_password
from simsearch.index.milvus_collection import Collection
from tests.conftest import paint
from tests.toy import ToyEncoder

SERVER = "milvus://127.0.0.1:1"


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("milvus://host", Address("http://host:19530", "", "")),
        ("milvus://host:1", Address("http://host:1", "", "")),
        ("milvus://10.0.0.7/photos", Address("http://10.0.0.7:19530", "", "photos")),
        ("milvus://host/photos/", Address("http://host:19530", "", "photos")),
        ("milvus://root:Milvus@host:2", Address("http://host:2", "root:Milvus", "")),
        ("milvus://a%40b:c%2Fd%3A@host", Address("http://host:19530", "a@b:c/d:", "")),
        ("milvus://key@host", Address("http://host:19530", "key", "")),
        ("milvus+tls://u:p@host/d", Address("https://host:19530", "u:p", "d")),
        ("milvus://[::1]:7", Address("http://[::1]:7", "", "")),
        ("milvus:///srv/photos.db", Address("/srv/photos.db", "", "")),
        ("milvus:///srv/my%20photos.db", Address("/srv/my photos.db", "", "")),
    ],
)
def test_an_address_is_read(address, meant):
    assert parsed(address) == meant


@pytest.mark.parametrize(
    "address",
    [
        "",
        "host",
        "host:19530",
        "http://host",
        "milvus:",
        "milvus://",
        "milvus:///",
        "milvus:///srv/photos",
        "milvus://host:port",
        "milvus://host:99999",
        "milvus+tls:///srv/photos.db",
        "milvus://:1",
        "milvus://[::1",
        "milvus://u:s/e@c@host",
        "root:s@host:19530",
    ],
)
def test_what_is_no_address_is_one_sentence(address):
    with pytest.raises(StorageError, match=r"not the address of a Milvus server; give one like milvus://12"):
        parsed(address)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("milvus://host/photos", "milvus://host/photos"),
        ("milvus://root:secret@host:1/photos", "milvus://host:1/photos"),
        ("milvus+tls://root:secret@host", "milvus+tls://host"),
        ("milvus://root:secret@more@host", "milvus://host"),
        ("milvus:///srv/a@b.db", "milvus:///srv/a@b.db"),
        # None that can be used; what was meant is told all the same, but for the password.
        ("milvus://root:sec/ret@host", "milvus://host"),
        ("root:secret@host:1", "host:1"),
        ("http://root:secret@host", "http://host"),
    ],
)
def test_no_password_is_shown(address, shown):
    assert without_password(address) == shown


def test_an_error_does_not_tell_the_password(run, library, album):
    paint(album / "1.png", "red")
    assert run("index", album)[0] == 0
    for address in ("milvus://root:sec/ret@127.0.0.1", "root:secret@127.0.0.1"):
        code, out, words = run("push", address)
        assert (code, out) == (2, "") and "sec" not in words


# Without pymilvus


@pytest.fixture
def _without_pymilvus(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)


MISSING = "pymilvus is not installed; install what talks to it: pip install 'simsearch[milvus]'"


@pytest.mark.usefixtures("_without_pymilvus")
def test_without_pymilvus_there_is_one_sentence(run, library, album):
    with pytest.raises(StorageError, match="pymilvus is not installed"):
        Collection("milvus://u:secret@host", "any")
    picture = paint(album / "1.png", "red")
    assert run("index", album)[0] == 0
    for command in (
        ["push", SERVER],
        ["search", picture, "--engine", "milvus", "--milvus", SERVER],
        ["search", picture, "--milvus", SERVER],
    ):
        code, out, words = run(*command)
        assert (code, out, words.count("\n")) == (2, "", 1)
        assert f"{SERVER}: {MISSING}" in words
    assert run("search", picture, "--paths")[:2] == (0, f"{picture}\n")


def test_where_no_server_is_known_it_is_said_how_to_name_one(run, library, album):
    picture = paint(album / "1.png", "red")
    assert run("index", album)[0] == 0
    code, out, words = run("push")
    assert (code, out) == (2, "") and "no Milvus server is known; name one: simsearch push milvus://" in words
    code, out, words = run("search", picture, "--engine", "milvus")
    assert (code, out) == (2, "") and "no Milvus server holds this library; fill one with: simsearch" in words


def test_a_library_without_photos_is_not_pushed_and_needs_no_server(tmp_path, album):
    picture = paint(album / "1.png", "red")
    with Library.open(tmp_path / "library", encoder=ToyEncoder(), milvus=SERVER) as library:
        library.load()
        assert library.search(picture) == []
        with pytest.raises(LibraryError, match="holds no photos yet; index some"):
            library.push()


@pytest.mark.parametrize(
    ("option", "what"),
    [
        (["--shards", "17"], "must be at most 16, not 17"),
        (["--recall", "1.1"], "must be a number from 0 to 1, not 1.1"),
    ],
)
def test_what_is_out_of_range_is_refused_before_anything_is_done(run, library, album, option, what):
    paint(album / "1.png", "red")
    assert run("index", album)[0] == 0
    code, out, words = run("push", SERVER, *option)
    assert (code, out, words.count("\n")) == (2, "", 1) and what in words


def test_searching_here_loads_nothing_of_milvus(tmp_path, album):
    code = f"""
import sys
from simsearch import Library
from tests.toy import ToyEncoder
with Library.open({str(tmp_path / "library")!r}, encoder=ToyEncoder()) as library:
    library.sync({str(album)!r})
    for engine in ("auto", "exact", "faiss", "lsh"):
        assert len(library.search({str(album / "3.png")!r}, engine=engine, since=None)) == 5
    assert library.search({str(album / "3.png")!r}, k=9, under={str(album)!r}, camera="x") == []
print(*sorted({{"pymilvus", "grpc", "pandas", "milvus_lite"}} & set(sys.modules)))
"""
    for number in range(5):
        paint(album / f"{number}.png", (200, 30 * number, 0))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
