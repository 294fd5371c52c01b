import io
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simsearch import Library, LibraryError, schema
from simsearch.photos import Found
from simsearch.running import recorded, sole_writer
from simsearch.store import About, Content, Store
from tests.toy import ToyEncoder

TAKEN_AT = datetime(2019, 7, 21, 16, 5, 9, tzinfo=timezone(timedelta(hours=2)))
ABOUT = About(40, 30, TAKEN_AT.isoformat(), "Canon EOS 20D", 48.1, -11.5, 1)
CONTENT = Content("ab" * 32, ABOUT, np.ones(3, "<f2").tobytes(), b"jpeg")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def put(store, root, path, vector=(1, 0, 0), content=CONTENT):
    packed = np.asarray(vector, "<f2").tobytes()
    store.put(root, Found(path, 10, 20), content._replace(vector=packed))


def test_a_photo_comes_back_as_it_was_put(store, tmp_path):
    with store.transaction():
        root = store.add_root(tmp_path / "photos")
        put(store, root, "a/1.jpg")
    photo_id = store.id_of(tmp_path / "photos" / "a" / "1.jpg")
    row = store.rows([photo_id])[photo_id]
    assert (row.path, row.root) == (tmp_path / "photos/a/1.jpg", tmp_path / "photos")
    assert row.about == (40, 30, TAKEN_AT, "Canon EOS 20D", 48.1, -11.5)
    assert store.thumbnail(photo_id) == b"jpeg"
    assert store.content(photo_id) == CONTENT._replace(vector=np.asarray([1, 0, 0], "<f2").tobytes())


def test_what_fails_halfway_leaves_nothing(store, tmp_path):
    generation = store.generation
    with pytest.raises(RuntimeError), store.transaction():
        put(store, store.add_root(tmp_path), "1.jpg")
        raise RuntimeError
    assert store.roots() == [] and store.counts()["photos"] == 0
    assert store.generation == generation


def test_generation_rises_with_every_change_also_of_another_process(store, tmp_path):
    before = store.generation
    other = Store(tmp_path)
    with other.transaction():
        other.add_root(tmp_path)
    other.close()
    assert store.generation == before + 1


def test_ids_are_never_used_again(store, tmp_path):
    with store.transaction():
        root = store.add_root(tmp_path)
        put(store, root, "1.jpg")
    first = store.id_of(tmp_path / "1.jpg")
    with sqlite3.connect(store.path) as db:
        db.execute("DELETE FROM photos")
    db.close()
    with store.transaction():
        put(store, root, "2.jpg")
    assert store.id_of(tmp_path / "2.jpg") > first


def test_one_process_at_a_time_may_index_and_others_may_read(store, tmp_path):
    other = Store(tmp_path)
    with sole_writer(tmp_path), recorded(tmp_path) as run:
        run.progress(3, 1200)
        run.note()
        who = rf"by another simsearch \(process {os.getpid()}, since \d\d:\d\d, 3 of 1,200 files\)"
        with pytest.raises(LibraryError, match=who), sole_writer(tmp_path):
            pass
        assert other.counts()["photos"] == 0
    with sole_writer(tmp_path):
        pass
    other.close()


def test_what_is_committed_survives_a_power_cut(store):
    assert store._value("PRAGMA synchronous") == 2  # FULL
    assert store._value("PRAGMA journal_mode") == "wal"
    assert store._value("PRAGMA foreign_keys") == 1


def test_many_processes_may_open_a_new_library_at_once(tmp_path):
    code = "import sys, pathlib; from simsearch.store import Store; Store(pathlib.Path(sys.argv[1])).close()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    openings = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    assert [opening.communicate()[1] for opening in openings] == [""] * 6


def test_many_threads_may_read_while_one_writes(store, tmp_path):
    with store.transaction():
        root = store.add_root(tmp_path)
    errors = []

    def read():
        try:
            for _ in range(50):
                assert store.counts()["photos"] in (0, 50)
                assert sum(len(ids) for ids, _ in store.vectors(3)) in (0, 50)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    with store.transaction():
        for number in range(50):
            put(store, root, f"{number}.jpg")
    for thread in threads:
        thread.join()
    assert not errors


@settings(max_examples=30)
@given(
    rows=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        st.lists(st.floats(-1, 1, width=16), min_size=4, max_size=4),
        min_size=1,
        max_size=12,
    )
)
def test_any_path_and_vector_round_trips(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder)
    with store.transaction():
        root = store.add_root(folder)
        for path, vector in rows.items():
            put(store, root, path, vector)
    store.close()
    store = Store(folder)
    known = store.known(root)
    assert set(known) == set(rows)
    [(ids, vectors)] = list(store.vectors(4))
    by_id = dict(zip(ids.tolist(), vectors.tolist(), strict=True))
    assert {path: by_id[known[path].id] for path in rows} == rows
    store.close()


# Files that are not ours, or not whole


def test_a_newer_library_is_refused(store, tmp_path):
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(LibraryError, match=r"newer simsearch \(format 99, this one knows \d+\); upgrade"):
        Store(tmp_path)


def test_another_program_s_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "library.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE notes (text)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="not a simsearch library"):
        Store(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is text" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_garbled_library_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "library.db"
    path.write_bytes(content)
    with pytest.raises(LibraryError, match="restore it from a backup"):
        Store(tmp_path)
    assert path.read_bytes() == content


def test_a_library_in_use_says_so(store, tmp_path):
    other = Store(tmp_path)
    other._db.execute("PRAGMA busy_timeout = 50")
    with store.transaction():
        store.set_setting("x", "1")
        with pytest.raises(LibraryError, match="in use by another simsearch"), other.transaction():
            pass
    other.close()


# Files of earlier versions: one of each format is kept, and must always open


@pytest.mark.parametrize("version", range(1, len(schema.MIGRATIONS) + 1))
def test_a_library_of_every_format_opens_with_what_it_holds(version, tmp_path):
    """Made by indexing red.png and more/blue.png, of one colour each, and a broken.png, with the toy."""
    shutil.copy(Path(__file__).parent / "data" / f"library-{version}.db", tmp_path / "library.db")
    with Library.open(tmp_path, encoder=ToyEncoder()) as library:
        hits = library.search(Image.new("RGB", (8, 8), (200, 0, 0)))
        assert [str(hit.path) for hit in hits] == ["/photos/red.png", "/photos/more/blue.png"]
        assert [hit.score for hit in hits] == [1, 0]
        assert Image.open(io.BytesIO(library.thumbnail(hits[1]) or b"")).size == (8, 8)
        assert library.status()["failed"] == 1
