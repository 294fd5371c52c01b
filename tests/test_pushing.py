"""Filling Milvus, the real server and milvus-lite: the collection equals the catalog, whatever happens."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from scripts.bench_index import synthetic, unit
from simsearch import Library, StorageError, columns
from simsearch.expressions import UNKNOWN, seconds
from simsearch.index.milvus_collection import COLUMNS
from simsearch.pushed import opened
from simsearch.vectors import SearchVectors
from tests import generated, milvus_server
from tests.conftest import paint
from tests.test_pool import until
from tests.test_projection import assert_same
from tests.toy import ToyEncoder

pytestmark = pytest.mark.scale
REPOSITORY = Path(__file__).parents[1]
every_server = pytest.mark.parametrize("server", ["milvus", "milvus-lite"])
DIM = 16
MANY = 12_000  # rows; they are compared and sent 5,000 at a time


@pytest.fixture
def address(server):
    return milvus_server.shared_address(server)


@pytest.fixture
def colours(toy_library, album):
    """A library of 60 photos, of which every third says what took it and when."""
    for number in range(60):
        exif = None
        if number % 3 == 0:
            exif = {271: "Canon", 272: "Canon EOS 20D", 36867: f"2023:05:{number % 28 + 1:02} 10:00:00"}
        paint_with(album / "ab"[number % 2] / f"{number:02}.png", (200, 4 * number, 10), exif)
    assert toy_library.sync(album).added == 60
    return toy_library


def paint_with(path, colour, exif=None, size=(9, 8)):
    from PIL import Image

    told = Image.Exif()
    for tag, value in (exif or {}).items():
        (told.get_ifd(0x8769) if tag > 0x8769 else told)[tag] = value
    return paint(path, colour, size, exif=told)


def rows(count):
    return unit(synthetic(count).vectors[:, :DIM])


def collection_of(library, address):
    vectors = SearchVectors(library._store, library.encoder.dim)
    return closing(opened(library._store, vectors, address, 60.0))


def assert_equal(library, address):
    """The collection has the photos that the catalog has, and of each one the same, bit by bit."""
    store, vectors = library._store, SearchVectors(library._store, library.encoder.dim)
    with collection_of(library, address) as collection:
        photos = columns.photos(store, vectors.dim, 0, store.last_id())
        assert len(photos.ids) == len(library) == collection.count()
        for start in range(0, len(photos.ids), 4_000):
            ids = photos.ids[start : start + 4_000]
            there, stamps = collection.stamps(ids[0], ids[-1], fresh=True)
            np.testing.assert_array_equal(there, ids)
            np.testing.assert_array_equal(stamps, photos.stamps[start : start + 4_000])
            there, found = collection.vectors(ids)
            order = np.argsort(there)
            np.testing.assert_array_equal(there[order], ids)
            np.testing.assert_array_equal(found[order], vectors.of(photos.embeddings[start : start + 4_000]))
        assert not len(collection.ids_above(store.last_id()))


def counts(pushed):
    return tuple(pushed[name] for name in ("photos", "sent", "unchanged", "removed"))


# The life of a collection


@every_server
def test_a_push_makes_the_collection_equal_to_the_catalog(colours, album, address):
    store = colours._store
    assert counts(colours.push(address)) == (60, 60, 0, 0)
    assert_equal(colours, address)
    with collection_of(colours, address) as collection:
        rows = {row["id"]: row for row in collection._query("id >= 0", ["id", *COLUMNS])}
    for key in range(1, 61):
        hit = colours.photo(key)
        known = hit.taken_at is not None
        assert known == (hit.camera is not None) == (int(hit.path.stem) % 3 == 0)
        assert rows[key] == {
            "id": key,
            "folder": f"{hit.path.parent}/",
            "camera": "Canon EOS 20D" if known else "",
            "label": "",
            "taken": seconds(datetime(2023, 5, int(hit.path.stem) % 28 + 1, 10)) if known else UNKNOWN,
            "side": 9,
        }
    again = colours.push(address)
    assert counts(again) == (60, 0, 60, 0)
    assert (again["dropped"], again["recall"], again["queries"]) == ([], 1.0, 60)
    assert again["address"] == address.replace(f"{milvus_server.USER}@", "") == store.setting("milvus")
    # Changed, moved, gone, new, labelled.
    paint(album / "a" / "00.png", (10, 200, 10))
    (album / "c").mkdir()
    (album / "a" / "02.png").rename(album / "c" / "02.png")
    (album / "a" / "04.png").unlink()
    paint(album / "c" / "new.png", (5, 5, 200))
    colours.sync(album)
    assert counts(colours.push(address)) == (60, 3, 57, 1)
    assert_equal(colours, address)
    with store.transaction():
        store.set_labels({7: "seven", 8: "eight"})
    assert counts(colours.push(address)) == (60, 2, 58, 0)
    colours.forget(album / "b")
    assert counts(colours.push(address)) == (30, 0, 30, 30)
    assert_equal(colours, address)


@every_server
def test_what_strangers_did_to_the_rows_is_mended(colours, album, address):
    gone = colours.photo(album / "a" / "58.png")
    gone.path.unlink()
    colours.sync(album)
    colours.push(address)
    ours = [key for key in (3, 4, 5, 6, 7) if key != gone.id][:4]
    columns = {name: [""] if longest else [0] for name, longest in COLUMNS.items()}
    with collection_of(colours, address) as collection:
        for key in (ours[0], gone.id, 10**6, 2**62):  # the last two nobody has
            collection.upsert(
                np.array([key]), np.eye(1, collection.dim, dtype=np.float32), np.array([0]), columns
            )
        collection.delete(np.array(ours[1:]))
    assert counts(colours.push(address)) == (59, 4, 55, 3)
    assert_equal(colours, address)


@every_server
def test_a_push_that_was_killed_is_gone_on_with(tmp_path, server):
    lite = f"milvus://{tmp_path}/lite.db"  # which no other process may have open
    address = lite if server == "milvus-lite" else milvus_server.shared_address(server)
    generated.generate(tmp_path / "library", rows(MANY))
    code = f"""
from tests import generated
with generated.opened({str(tmp_path / "library")!r}, {DIM}) as library:
    library.push({address!r}, progress=lambda *done: print(*done, flush=True))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    with process:
        assert process.stdout
        assert process.stdout.readline().split()[-2:] == ["4999", str(MANY)]  # an id is never 0
        process.kill()
    assert process.returncode == -signal.SIGKILL
    with generated.opened(tmp_path / "library", DIM) as library:
        told = library.push(address)
        assert told["unchanged"] >= 4_999 and told["sent"] + told["unchanged"] == MANY
        assert_equal(library, address)


# Histories


def copied(library, to):
    with closing(sqlite3.connect(library.path / "library.db")) as db:
        db.execute("VACUUM INTO ?", (str(to),))


@pytest.fixture
def stale(colours, tmp_path, address):
    """A copy of the library as it is pushed before anything is done in a test."""
    colours.push(address)
    (tmp_path / "copy").mkdir()
    copied(colours, tmp_path / "copy" / "library.db")
    with Library.open(tmp_path / "copy", encoder=ToyEncoder()) as copy:
        yield copy


@every_server
def test_an_old_copy_of_the_library_searches_but_does_not_push(colours, stale, album, address):
    paint(album / "new.png", (200, 0, 11))
    gone = colours.photo(album / "a" / "00.png")
    gone.path.unlink()
    colours.sync(album)
    colours.push(address)
    query = paint(album.parent / "query.png", (200, 0, 10))
    with Library.open(stale.path, encoder=ToyEncoder(), milvus=address) as copy:
        hits = copy.search(query, k=100)
        assert {hit.id for hit in hits} == {*range(1, 61)} - {gone.id}  # not the new one
    with pytest.raises(StorageError, match="newer state of this library than this copy.*--force"):
        stale.push(address)
    assert_equal(colours, address)
    assert counts(stale.push(address, force=True))[0] == 60
    assert_equal(stale, address)
    colours.push(address)  # it knows the copy's state as its own
    assert_equal(colours, address)


@every_server
def test_a_copy_that_went_its_own_way_is_refused(colours, stale, album, address):
    for library, name in ((colours, "one"), (stale, "other")):
        paint(album / "new.png", (200, 0, 50 if name == "one" else 90))
        library.sync(album)
    colours.push(address)
    refused = "newer state of this library than this copy|holds another history of this library"
    with pytest.raises(StorageError, match=f"({refused}).*--force"):
        stale.push(address)
    with Library.open(stale.path, encoder=ToyEncoder(), milvus=address) as copy:
        for engine in ("milvus", "exact"):  # the photo of its own history, not the other's of the same number
            [first, *_] = copy.search(paint(album.parent / "query.png", (200, 0, 90)), engine=engine)
            assert first.path.name == "new.png" and first.cosine > 0.9999
    stale.push(address, force=True)
    assert_equal(stale, address)
    with pytest.raises(StorageError, match=refused):
        colours.push(address)
    with Library.open(colours.path, encoder=ToyEncoder(), milvus=address) as library:
        with pytest.raises(StorageError, match="holds another history of this library; copy library.db anew"):
            library.search(album / "new.png")


@every_server
def test_a_restored_backup_shows_what_came_after_it(colours, stale, album, address):
    """It is behind the collection, and goes on by itself: the collection knows nothing of that."""
    for number in range(5):
        paint(album / f"lost {number}.png", (0, 200, number))
        colours.sync(album)
        colours.push(address)
    for path in album.glob("lost*.png"):
        path.unlink()
    paint(album / "after.png", (0, 0, 200))
    stale.sync(album)
    with Library.open(stale.path, encoder=ToyEncoder(), milvus=address) as restored:
        query = paint(album.parent / "query.png", (0, 0, 201))
        for how in ({}, {"rerank": False}, {"k": 100}):
            assert_same(restored.search(query, **how), restored.search(query, engine="exact", **how))


@every_server
def test_another_space_is_another_collection(tmp_path, address):
    generated.generate(tmp_path / "library", rows(600))
    with generated.opened(tmp_path / "library", DIM, milvus=address) as library:
        first = library.push()
        library.search(library.photo(1))
        (tmp_path / "copy").mkdir()
        copied(library, tmp_path / "copy" / "library.db")
        library.learn("photos")
        with pytest.raises(StorageError, match="does not hold this library as it is searched now; fill"):
            library.search(library.photo(1))
        second = library.push()
        assert second["collection"] != first["collection"]
        assert second["dropped"] == [], "copies search in what was there before"
        assert len(library.search(library.photo(1))) == 15
        assert_equal(library, address)
        # The copy, which has not learnt, must not take the place of what is newer.
        with generated.opened(tmp_path / "copy", DIM, milvus=address) as copy:
            assert len(copy.search(copy.photo(1))) == 15
            with pytest.raises(StorageError, match="newer state of this library than this copy"):
                copy.push()
            assert library.push()["dropped"] == [first["collection"]]
            copy._indexes.forget("milvus")
            with pytest.raises(StorageError, match="newer state.*; copy library.db anew from where it is"):
                copy.search(copy.photo(1))
        assert len(library.search(library.photo(1))) == 15


# How much is found


def test_of_50_000_rows_the_server_finds_98_of_100_true_neighbours(tmp_path):
    address, data = milvus_server.shared_address("milvus"), synthetic(50_000)
    generated.generate(tmp_path / "library", data.vectors)
    with generated.opened(tmp_path / "library", 128, milvus=address) as library:
        told = library.push()
        with collection_of(library, address) as collection:
            assert all(
                segment.index_name or segment.num_rows < 1_024
                for segment in collection._client.list_loaded_segments(collection.name)
            )
        assert told["recall"] >= 0.98 and told["queries"] == 200
        # Others ask than those it was measured with, at once, and what is right is worked out here.
        vectors = data.vectors.astype("<f2").astype(np.float32)
        shares = []
        for number in np.random.default_rng(1).integers(50_000, size=200).tolist():
            hits = library.search(library.photo(number + 1), rerank=False)
            scores = vectors @ vectors[number]
            scores[number] = -np.inf
            best = np.argpartition(-scores, 15)[:15] + 1
            shares.append(np.isin(best, [hit.id for hit in hits]).mean())
        assert np.mean(shares) >= 0.98
        assert abs(np.mean(shares) - told["recall"]) < 4 * told["error"] + 0.005


# The server dies


def test_killed_in_a_push_and_started_again_it_is_brought_up_to_date(tmp_path, colours, album):
    """Whoever searched waits no longer than a minute, is told in a sentence, and then goes on."""
    server = milvus_server.shared_server()
    generated.generate(tmp_path / "many", rows(MANY))
    colours.push(server.address)
    query = paint(album.parent / "query.png", (200, 0, 10))
    with (
        Library.open(colours.path, encoder=ToyEncoder(), milvus=server.address) as session,
        generated.opened(tmp_path / "many", DIM) as library,
    ):
        before = answers(session, query)

        def kill(what, done, total):
            if what == "compared and sent" and done > 5_000:
                server.kill()

        with pytest.raises(StorageError, match="no answer from the Milvus server; start it"):
            library.push(server.address, progress=kill)
        started = time.monotonic()
        with pytest.raises(StorageError, match="no answer from the Milvus server; start it"):
            session.search(query)
        assert time.monotonic() - started < 70
        server.start()
        assert until(lambda: answers(session, query) == before, seconds=180)  # it loads what it had loaded
        told = library.push(server.address)
        assert told["unchanged"] >= 4_999 and told["sent"] + told["unchanged"] == MANY
        assert_equal(library, server.address)
        assert_equal(colours, server.address)


def answers(library, query):
    """The photos that a search finds, or None while a server just started is not ready, or too busy."""
    try:
        return [hit.path for hit in library.search(query)]
    except StorageError as error:
        loads = "the server is still reading the collection into memory; try again"
        assert loads in str(error) or "no answer from the Milvus server; start it" in str(error)
        return None


# The command


def test_the_command_says_what_it_did_and_the_address_is_remembered(run, library, album, tmp_path):
    address = f"milvus://{tmp_path}/photos@home.db"
    for number in range(30):
        paint(album / f"{number}.png", (200, 8 * number, 10))
    assert run("index", album)[0] == 0
    code, out, _ = run("push", address)
    assert code == 0
    assert f"30 sent, 0 unchanged, 0 removed: 30 photos in {address}" in out
    assert "found 100.0% (± 0.0%) of the 15 true nearest of 30 photos" in out
    told = json.loads(run("push", "--json")[1])
    assert (told["sent"], told["unchanged"], told["effort"]) == (0, 30, 64)
    found = run("search", album / "3.png", "--engine", "milvus", "--paths")
    assert found == run("search", album / "3.png", "--paths") and found[0] == 0
    shutil.rmtree(tmp_path / "photos@home.db")
