"""The indexes of a library against what its store holds."""

import logging
import threading
import time

import numpy as np
import pytest

from simsearch.index import EXACT_BELOW, files
from simsearch.index.column import Column
from simsearch.index.faiss_index import INVERTED_FROM
from simsearch.index.lsh import LshIndex
from simsearch.indexes import Indexes
from simsearch.photos import Found
from simsearch.store import About, Content, Store

DIM = 16
ENGINES = ["exact", "faiss", "lsh"]


class Shelf:
    """A store with random unit vectors, and what its indexes must find there."""

    def __init__(self, folder, seed=0):
        self.store = Store(folder)
        self.rng = np.random.default_rng(seed)
        with self.store.transaction():
            self.store.set_setting("encoder", "toy")
            self.root = self.store.add_root(folder / "photos")
        self.count = 0

    def put(self, how_many, first=None):
        """Add photos, or give those from number ``first`` on another embedding."""
        start = self.count if first is None else first
        with self.store.transaction():
            for number in range(start, start + how_many):
                vector = self.rng.normal(size=DIM)
                packed = (vector / np.linalg.norm(vector)).astype("<f2").tobytes()
                content = Content(f"{number:064x}", About(1, 1, None, None, None, None, 1), packed, b"")
                self.store.put(self.root, Found(f"{number}.jpg", 1, 1), content)
        self.count = max(self.count, start + how_many)

    def miss(self, ids, missing=True):
        with self.store.transaction():
            self.store.set_missing(ids, missing)

    def nearest(self, query, k=5):
        ids, vectors = map(np.concatenate, zip(*self.store.vectors(DIM), strict=True))
        return ids[np.argsort(-(vectors @ query), kind="stable")][:k].tolist()

    def query(self):
        vector = self.rng.normal(size=DIM).astype(np.float32)
        return vector / np.linalg.norm(vector)


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.put(400)
    yield shelf
    shelf.store.close()


def found(indexes, engine, query, k=5):
    with indexes.lock:
        return indexes.current(engine, DIM).search(query[None], k)[0][0].tolist()


def overlap(shelf, indexes, engine, queries=20):
    """The mean share of the true nearest that an engine finds."""
    asked = [shelf.query() for _ in range(queries)]
    return np.mean([len({*found(indexes, engine, query)} & {*shelf.nearest(query)}) / 5 for query in asked])


@pytest.mark.parametrize("engine", ENGINES)
def test_an_index_follows_the_store(shelf, engine):
    indexes = Indexes(shelf.store)
    assert overlap(shelf, indexes, engine) >= 0.9
    shelf.put(50)
    shelf.put(20, first=100)
    shelf.miss([1, 2, 3])
    index = indexes.current(engine, DIM)
    assert len(index) == 447
    assert overlap(shelf, indexes, engine) >= 0.9
    shelf.miss([2], missing=False)
    assert indexes.current(engine, DIM) is index, "a change must not rebuild it"
    assert index.holds(np.array([1, 2, 3])).tolist() == [False, True, False]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_photo_with_another_embedding_is_found_by_the_new_one_alone(shelf, engine):
    indexes = Indexes(shelf.store)
    before = shelf.store.vector(7)
    assert found(indexes, engine, before, 1) == [7]
    shelf.put(1, first=6)  # ids start at 1
    after = shelf.store.vector(7)
    assert found(indexes, engine, after, 1) == [7]
    assert found(indexes, engine, before, 1) != [7]


@pytest.mark.parametrize("engine", ["faiss", "lsh"])
def test_the_next_process_loads_the_file_and_catches_up(shelf, engine, monkeypatch):
    Indexes(shelf.store).current(engine, DIM)
    assert shelf.store.path.with_name(f"index.{engine}").exists()
    shelf.put(3)
    shelf.miss([5])
    monkeypatch.setattr(Indexes, "_built", lambda *_: pytest.fail("it was built anew"))
    indexes = Indexes(shelf.store)
    assert len(indexes.current(engine, DIM)) == 402
    assert found(indexes, engine, shelf.store.vector(403), 1) == [403]


def test_a_small_exact_index_needs_no_file(shelf):
    Indexes(shelf.store).current("exact", DIM)
    assert not shelf.store.path.with_name("index.exact").exists()


def spoil_generation(shelf, path):
    """As if library.db had been restored from a backup that is older than the index."""
    shelf.put(1)
    Indexes(shelf.store).refresh(DIM)
    with shelf.store.transaction():
        shelf.store.set_setting("generation", "0")


def spoil_library(shelf, path):
    with shelf.store.transaction():
        shelf.store.set_setting("library", "another")


def spoil_encoder(shelf, path):
    with shelf.store.transaction():
        shelf.store.set_setting("encoder", "another")


def spoil_bytes(shelf, path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def spoil_size(shelf, path):
    path.write_bytes(path.read_bytes()[:-100])


def spoil_count(shelf, path):
    """Photos that no change tells of."""
    with shelf.store.transaction():
        shelf.store._write("DELETE FROM embeddings WHERE photo_id = 9")
        shelf.store._write("DELETE FROM photos WHERE id = 9")
        shelf.store._write("DELETE FROM changes WHERE photo_id = 9")


def test_an_index_of_a_history_that_is_lost_is_made_anew(shelf, tmp_path, caplog):
    """A restored backup grows again, with other photos, to the generation of the index."""
    shelf.store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = shelf.store.path.read_bytes()
    shelf.put(50)
    Indexes(shelf.store).current("lsh", DIM)
    shelf.store.close()
    for name in ("library.db", "library.db-wal", "library.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shelf.store.path.write_bytes(backup)
    shelf.store = Store(tmp_path)
    shelf.put(50, first=400)
    indexes = Indexes(shelf.store)
    assert found(indexes, "lsh", shelf.store.vector(420), 1) == [420]
    assert "made from generation 4 marked" in caplog.text


def test_lsh_that_was_made_for_few_is_made_anew_for_many(shelf):
    Indexes(shelf.store).current("lsh", DIM)
    shelf.put(2_000)
    Indexes(shelf.store).refresh(DIM)
    index = Indexes(shelf.store).current("lsh", DIM)
    assert isinstance(index, LshIndex) and not index.worn
    assert index._settled_with == 2_400


def test_tuning_of_few_is_repeated_for_many(shelf):
    Indexes(shelf.store).tune(DIM, 0.8, {"tables": 12}, None)
    shelf.put(2_000)
    indexes = Indexes(shelf.store)
    indexes.refresh(DIM)
    told = indexes.tuned or {}
    assert (told["photos"], told["wish"], told["knobs"]) == (2_400, 0.8, {"tables": 12})
    assert told["settings"]["tables"] == 12


def test_a_catch_up_that_is_interrupted_leaves_nothing_half_done(shelf, monkeypatch):
    indexes = Indexes(shelf.store)
    indexes.current("exact", DIM)
    shelf.put(5)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Column, "append", interrupt)
        with pytest.raises(KeyboardInterrupt):
            indexes.current("exact", DIM)
    assert found(indexes, "exact", shelf.store.vector(403), 1) == [403]


def test_a_refused_knob_changes_nothing(shelf):
    indexes = Indexes(shelf.store)
    with pytest.raises(ValueError, match="bits"):
        indexes.tune(DIM, 0.9, {"bits": 20}, True)
    assert indexes.tuned is None
    assert indexes.current("faiss", DIM).precision == "float16"


@pytest.mark.parametrize("engine", ["faiss", "lsh"])
def test_a_file_of_another_network_is_outdated_and_made_anew_in_silence(shelf, engine, caplog, monkeypatch):
    monkeypatch.setattr("simsearch.index.tuning._QUERIES", 20)
    Indexes(shelf.store).current(engine, DIM)
    path = shelf.store.path.with_name(f"index.{engine}")
    before = path.read_bytes()
    spoil_encoder(shelf, path)
    with caplog.at_level(logging.WARNING, "simsearch"):
        assert len(Indexes(shelf.store).current(engine, DIM)) == shelf.store.counts()["photos"]
    assert not caplog.records and path.read_bytes() != before


@pytest.mark.parametrize("engine", ["faiss", "lsh"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_generation, "from generation 3 of a library that is at 1"),
        (spoil_library, "not for another"),
        (spoil_bytes, "checksum"),
        (spoil_size, "bytes"),
        (spoil_count, "holds 400 photos, where there are 399"),
    ],
)
def test_a_file_that_does_not_fit_is_made_anew_and_that_is_said(
    shelf, engine, spoil, words, caplog, monkeypatch
):
    monkeypatch.setattr("simsearch.index.tuning._QUERIES", 20)  # it need not be tuned well
    Indexes(shelf.store).current(engine, DIM)
    spoil(shelf, shelf.store.path.with_name(f"index.{engine}"))
    caplog.clear()
    indexes = Indexes(shelf.store)
    with caplog.at_level(logging.WARNING, "simsearch"):
        assert len(indexes.current(engine, DIM)) == shelf.store.counts()["photos"]
    [record] = caplog.records
    assert words in record.getMessage()
    assert record.getMessage().endswith("; it is made anew.")
    caplog.clear()
    Indexes(shelf.store).current(engine, DIM)
    assert not caplog.records, "the new file must be good"


def test_a_library_that_cannot_be_written_is_searched_all_the_same(shelf, monkeypatch):
    from simsearch.errors import WriteError

    def refuse(*_):
        raise WriteError(shelf.store.path, "cannot be written", "make it writable")

    monkeypatch.setattr(files, "save", refuse)
    assert found(Indexes(shelf.store), "lsh", shelf.store.vector(4), 1) == [4]


def test_auto_is_exact_for_few_and_faiss_for_many(shelf, monkeypatch):
    indexes = Indexes(shelf.store)
    assert indexes.chosen("auto") == "exact"
    assert indexes.reason() == f"exact: every photo is compared, as there are fewer than {EXACT_BELOW:,}"
    many = {"photos": EXACT_BELOW, "missing": 0, "failed": 0}
    monkeypatch.setattr(Store, "counts", lambda self: many)
    assert indexes.chosen("auto") == "exact", "the generation is the same"
    shelf.put(1)
    assert indexes.chosen("auto") == "faiss"
    assert indexes.reason().startswith("FAISS rabitq: ")
    many["photos"] = INVERTED_FROM
    assert indexes.reason().startswith("FAISS inverted: ")
    assert indexes.reason().endswith("as there are 300,000 or more")


def test_many_gaps_have_a_small_index_built_anew(shelf):
    indexes = Indexes(shelf.store)
    worn = indexes.current("faiss", DIM)
    shelf.miss(range(1, 202))
    assert indexes.current("faiss", DIM) is not worn
    assert len(indexes.current("faiss", DIM)) == 199


def test_a_large_index_is_rebuilt_beside_the_one_that_serves(shelf, monkeypatch):
    monkeypatch.setattr("simsearch.indexes._SECONDS_TO_BUILD", 0)
    indexes = Indexes(shelf.store)
    worn = indexes.current("lsh", DIM)
    may_go_on = threading.Event()
    build = Indexes._built

    def slowly(self, name, dim):
        may_go_on.wait(10)
        return build(self, name, dim)

    monkeypatch.setattr(Indexes, "_built", slowly)
    shelf.miss(range(1, 202))
    assert indexes.current("lsh", DIM) is worn
    shelf.put(1)  # while it is being built
    assert found(indexes, "lsh", shelf.store.vector(401), 1) == [401]
    may_go_on.set()
    deadline = time.monotonic() + 10
    while indexes.current("lsh", DIM) is worn and time.monotonic() < deadline:
        time.sleep(0.01)
    fresh = indexes.current("lsh", DIM)
    assert fresh is not worn
    assert len(fresh) == 200
    assert not fresh.worn


def test_closing_while_an_index_is_rebuilt_does_no_harm(shelf, monkeypatch):
    monkeypatch.setattr("simsearch.indexes._SECONDS_TO_BUILD", 0)
    indexes = Indexes(shelf.store)
    indexes.current("lsh", DIM)
    shelf.miss(range(1, 202))
    indexes.current("lsh", DIM)
    shelf.store.close()
    deadline = time.monotonic() + 10
    while indexes._rebuilding and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not indexes._rebuilding


def test_tuning_is_kept_and_others_take_it_up(shelf):
    elsewhere = Indexes(shelf.store)
    before = elsewhere.current("lsh", DIM)
    tuning = Indexes(shelf.store).tune(DIM, 0.9, {"bits": 5, "tables": 12}, None)
    assert tuning.settings[:2] == (5, 12)
    assert tuning.recall >= 0.9
    after = elsewhere.current("lsh", DIM)
    assert after is not before
    assert isinstance(after, LshIndex) and after.settings == tuning.settings
    fresh = Indexes(shelf.store).current("lsh", DIM)
    assert isinstance(fresh, LshIndex) and fresh.settings == tuning.settings
    told = {"wish": 0.9, "knobs": {"bits": 5, "tables": 12}, "photos": 400, "space": "", "encoder": "toy"}
    assert elsewhere.tuned == {**told, **tuning._asdict(), "settings": tuning.settings._asdict()}


def test_compact_keeps_eight_bits_a_number_in_all_but_exact(shelf):
    indexes = Indexes(shelf.store)
    assert indexes.current("faiss", DIM).precision == "float16"
    indexes.tune(DIM, 0.9, {}, True)
    assert [indexes.current(engine, DIM).precision for engine in ENGINES] == ["float32", "int8", "int8"]
    assert Indexes(shelf.store).current("faiss", DIM).precision == "int8"
    assert overlap(shelf, indexes, "faiss") >= 0.9
    indexes.tune(DIM, 0.9, {}, False)
    assert indexes.current("lsh", DIM).precision == "float16"


def test_searching_from_several_threads_while_photos_come_and_go(shelf):
    indexes = Indexes(shelf.store)
    problems: list[Exception] = []

    def search():
        try:
            for _ in range(60):
                ids = found(indexes, "lsh", queries[0])
                assert len({*ids}) == 5
        except Exception as error:  # told below
            problems.append(error)

    queries = [shelf.query()]
    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for step in range(20):
        shelf.put(5)
        shelf.miss([step + 1])
    for thread in threads:
        thread.join()
    assert not problems
    assert len(indexes.current("lsh", DIM)) == 400 + 100 - 20
