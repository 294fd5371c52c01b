"""The graph of a library beside its indexes: made where that is quick, else by the indexing run; its file."""

import logging
import shutil

import numpy as np
import pytest

from simsearch import Library
from simsearch.errors import WriteError
from simsearch.index import files
from simsearch.index.graph import Graph, K
from simsearch.indexes import Indexes
from simsearch.store import Store
from tests.conftest import paint
from tests.test_indexes import DIM, Shelf, spoil_bytes, spoil_library, spoil_size
from tests.toy import ToyEncoder

COUNT = 60


@pytest.fixture(autouse=True)
def _sixty_are_worth_a_file(monkeypatch):
    monkeypatch.setattr("simsearch.neighbourhood._WORTH_A_FILE", 1)


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.put(COUNT)
    yield shelf
    shelf.store.close()


@pytest.fixture
def _many(monkeypatch):
    """Sixty are many, and five changes are many."""
    monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    monkeypatch.setattr("simsearch.neighbourhood._FEW_CHANGES", 4)


def graph_of(indexes):
    with indexes.lock:
        graph = indexes.graph(DIM)
        assert graph is None or isinstance(graph, Graph)
        return graph


def path_of(shelf):
    return shelf.store.path.with_name("index.graph")


def is_right(graph, shelf):
    """Whether a graph is that of comparing each photo with each."""
    ids, vectors = map(np.concatenate, zip(*shelf.store.vectors(DIM), strict=True))
    products = vectors @ vectors.T
    np.fill_diagonal(products, -np.inf)
    best = np.argsort(-products, axis=1)[:, : min(K, len(ids) - 1)]
    found, cosines = graph.neighbours(ids)
    width = best.shape[1]
    return (
        graph.ids.tolist() == ids.tolist()
        and np.allclose(np.take_along_axis(products, best, axis=1), cosines[:, :width], atol=1e-6)
        and (found[:, width:] == -1).all()
        and (found[:, :width] != ids[best]).sum() <= 0.01 * best.size  # some are as near as each other
    )


def refuse(monkeypatch):
    monkeypatch.setattr(Graph, "update", lambda *_: pytest.fail("it was made or followed here"))


# Few


def test_of_few_photos_it_is_made_at_once_and_not_written_by_a_search(shelf):
    graph = graph_of(Indexes(shelf.store))
    assert graph is not None and is_right(graph, shelf)
    assert not path_of(shelf).exists()


def test_it_is_the_same_one_as_long_as_nothing_changes(shelf, monkeypatch):
    indexes = Indexes(shelf.store)
    graph = graph_of(indexes)
    refuse(monkeypatch)
    monkeypatch.setattr(Graph, "load", lambda *_: pytest.fail("it was read again"))
    assert graph_of(indexes) is graph


@pytest.mark.parametrize("change", [lambda s: s.put(5), lambda s: s.put(40), lambda s: s.put(3, first=7)])
def test_of_few_photos_it_follows_every_change(shelf, change):
    indexes = Indexes(shelf.store)
    graph_of(indexes)
    change(shelf)
    shelf.miss([11, 12, 13])
    assert is_right(graph_of(indexes), shelf)
    shelf.miss([12], missing=False)
    assert is_right(graph_of(indexes), shelf)
    shelf.miss(range(1, 60))
    assert is_right(graph_of(indexes), shelf)


def test_of_no_photos_or_one_there_is_not_much(tmp_path):
    shelf = Shelf(tmp_path)
    indexes = Indexes(shelf.store)
    assert not len(graph_of(indexes))
    indexes.refresh(DIM)
    assert not len(graph_of(Indexes(shelf.store)))
    shelf.put(1)
    graph = graph_of(indexes)
    assert graph.ids.tolist() == [1] and (graph.neighbours(np.array([1, 2]))[0] == -1).all()
    shelf.put(1)
    assert graph_of(indexes).neighbours(np.array([1, 2]))[0][:, 0].tolist() == [2, 1]
    shelf.miss([1, 2])
    assert not len(graph_of(indexes))
    shelf.store.close()


# Many


@pytest.mark.usefixtures("_many")
def test_of_many_photos_it_is_made_by_whoever_indexes_and_others_take_it_up(shelf):
    searching, indexing = Indexes(shelf.store), Indexes(shelf.store)
    assert graph_of(searching) is None
    indexing.refresh(DIM)
    graph = graph_of(searching)
    assert graph is not None, "the file came, though nothing changed in the library since"
    assert is_right(graph, shelf)


@pytest.mark.usefixtures("_many")
def test_the_next_process_loads_it(shelf, monkeypatch):
    Indexes(shelf.store).refresh(DIM)
    refuse(monkeypatch)
    assert is_right(graph_of(Indexes(shelf.store)), shelf)


@pytest.mark.usefixtures("_many")
def test_it_follows_few_changes_from_the_file(shelf):
    Indexes(shelf.store).refresh(DIM)
    shelf.put(2)
    shelf.miss([3])
    assert is_right(graph_of(Indexes(shelf.store)), shelf)


@pytest.mark.usefixtures("_many")
def test_many_changes_are_left_to_whoever_indexes(shelf, monkeypatch):
    searching, indexing = Indexes(shelf.store), Indexes(shelf.store)
    indexing.refresh(DIM)
    before = graph_of(searching)
    shelf.put(20)
    with monkeypatch.context() as patch:
        refuse(patch)
        assert graph_of(searching) is before and len(before) == COUNT
        assert len(graph_of(Indexes(shelf.store))) == COUNT
    indexing.refresh(DIM)
    refuse(monkeypatch)
    after = graph_of(searching)
    assert after is not before and is_right(after, shelf)


@pytest.mark.usefixtures("_many")
def test_a_newer_file_is_followed_to_the_end(shelf):
    searching, indexing = Indexes(shelf.store), Indexes(shelf.store)
    indexing.refresh(DIM)
    graph_of(searching)
    shelf.put(20)
    indexing.refresh(DIM)
    shelf.put(1)
    assert is_right(graph_of(searching), shelf)


@pytest.mark.usefixtures("_many")
def test_a_file_that_is_older_than_what_there_is_is_not_taken(shelf):
    searching = Indexes(shelf.store)
    Indexes(shelf.store).refresh(DIM)
    for _ in range(3):
        shelf.put(2)
        graph = graph_of(searching)
    assert len(graph) == COUNT + 6
    shelf.put(20)
    assert len(graph_of(searching)) == COUNT + 6


@pytest.mark.usefixtures("_many")
def test_the_file_is_never_so_old_that_others_would_not_follow(shelf):
    """Of a hundred photos a twentieth, five, is more than the four that are followed."""
    shelf.put(140)
    indexing = Indexes(shelf.store)
    indexing.refresh(DIM)
    before = path_of(shelf).stat().st_mtime_ns
    shelf.put(4)
    indexing.refresh(DIM)
    assert path_of(shelf).stat().st_mtime_ns == before, "four changes are not worth a file"
    shelf.put(4)  # a twentieth of 200 would be ten
    indexing.refresh(DIM)
    assert path_of(shelf).stat().st_mtime_ns != before
    assert is_right(graph_of(Indexes(shelf.store)), shelf)


@pytest.mark.usefixtures("_many")
def test_of_very_many_photos_nobody_but_the_indexer_follows(shelf, monkeypatch):
    monkeypatch.setattr("simsearch.neighbourhood._MANY", 50)
    indexing = Indexes(shelf.store)
    indexing.refresh(DIM)
    shelf.put(2)
    with monkeypatch.context() as patch:
        refuse(patch)
        assert len(graph_of(Indexes(shelf.store))) == COUNT
    indexing.refresh(DIM)
    assert is_right(graph_of(indexing), shelf)
    assert len(graph_of(Indexes(shelf.store))) == COUNT, "for two of sixty the file is not written"
    shelf.put(2)
    indexing.refresh(DIM)
    assert is_right(graph_of(Indexes(shelf.store)), shelf)


# Files that do not fit


def switch_space(shelf):
    """As another process that learnt and was stopped before it made the indexes anew."""
    from simsearch import space
    from simsearch.space import Spread
    from simsearch.vectors import SPACE

    learnt = space.pca(Spread(block for _, block in shelf.store.vectors(DIM)))
    with shelf.store.transaction():
        shelf.store.set_learnt(SPACE, learnt.to_bytes())
        shelf.store.set_setting(SPACE, learnt.mark)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_library, "not for another"),
        (spoil_bytes, "checksum"),
        (spoil_size, "bytes"),
        (lambda shelf, path: path.write_bytes(b""), "too short"),
        (lambda shelf, path: path.write_bytes(b"nothing of ours, but long enough"), "simsearch's files"),
    ],
)
def test_a_file_that_does_not_fit_is_made_anew_and_that_is_said(
    shelf, spoil, words, many, caplog, monkeypatch
):
    if many:
        monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    Indexes(shelf.store).refresh(DIM)
    spoil(shelf, path_of(shelf))
    indexes = Indexes(shelf.store)
    with caplog.at_level(logging.WARNING, "simsearch"):
        graph = graph_of(indexes)
        assert graph is None if many else is_right(graph, shelf)
        graph_of(indexes)
    [record] = [one for one in caplog.records if "index.graph" in one.getMessage()]
    assert words in record.getMessage() and record.getMessage().endswith("; it is made anew.")
    caplog.clear()
    Indexes(shelf.store).refresh(DIM)
    caplog.clear()
    monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    assert is_right(graph_of(Indexes(shelf.store)), shelf)
    assert graph_of(indexes) is not None, "whoever had none takes it"
    assert not caplog.records, "the new file must be good"


@pytest.mark.parametrize("many", [False, True])
def test_a_file_of_another_space_is_made_anew_without_a_word(shelf, many, caplog, monkeypatch):
    if many:
        monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    indexes = Indexes(shelf.store)
    indexes.refresh(DIM)
    before = graph_of(indexes)
    switch_space(shelf)
    assert graph_of(Indexes(shelf.store)) is None if many else graph_of(indexes) is not before
    Indexes(shelf.store).refresh(DIM)
    monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    there = np.arange(1, COUNT + 1)
    after = graph_of(indexes).neighbours(there)
    assert np.array_equal(graph_of(Indexes(shelf.store)).neighbours(there)[0], after[0])
    assert not np.allclose(after[1], before.neighbours(there)[1])
    assert not caplog.records


def test_the_file_of_another_library_is_refused(shelf, tmp_path, caplog):
    (tmp_path / "other").mkdir()
    other = Shelf(tmp_path / "other", seed=5)
    other.put(COUNT)
    Indexes(other.store).refresh(DIM)
    shutil.copy(path_of(other), path_of(shelf))
    assert is_right(graph_of(Indexes(shelf.store)), shelf)
    assert "made for library" in caplog.text
    other.store.close()


def test_a_library_in_which_nothing_can_be_written_is_ranked_all_the_same(shelf, monkeypatch, caplog):
    def refuse_to_save(*_):
        raise WriteError(path_of(shelf), "cannot be written", "make it writable")

    monkeypatch.setattr(files, "save", refuse_to_save)
    indexes = Indexes(shelf.store)
    indexes.refresh(DIM)
    assert is_right(graph_of(indexes), shelf)
    monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    shelf.put(2)
    assert is_right(graph_of(indexes), shelf)
    assert graph_of(Indexes(shelf.store)) is None
    assert not path_of(shelf).exists()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_folder_in_place_of_the_file(shelf, caplog):
    path_of(shelf).mkdir()
    indexes = Indexes(shelf.store)
    indexes.refresh(DIM)
    assert is_right(graph_of(indexes), shelf)
    assert is_right(graph_of(Indexes(shelf.store)), shelf)
    assert "is made anew" in caplog.text


def test_ctrl_c_in_the_middle_leaves_the_graph_as_it_was(shelf, monkeypatch):
    indexes = Indexes(shelf.store)
    graph_of(indexes)
    shelf.put(5)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("simsearch.index.graph._complete", interrupt)
        with pytest.raises(KeyboardInterrupt):
            graph_of(indexes)
    shelf.put(2)
    assert is_right(graph_of(indexes), shelf)


# The doctor


@pytest.fixture
def photos(toy_library, album):
    rng = np.random.default_rng(0)
    for number in range(12):
        paint(album / f"{number}.png", tuple(rng.integers(1, 256, 3).tolist()))
    toy_library.sync(album)
    return toy_library


@pytest.mark.parametrize("damage", [spoil_bytes, spoil_size])
def test_the_doctor_names_a_damaged_graph_and_takes_it_away_and_it_comes_back(photos, album, damage):
    path = photos.path / "index.graph"
    sound = path.read_bytes()
    assert photos.check() == []
    damage(None, path)
    [finding] = photos.check()
    assert str(path) in finding.problem and not finding.mended and "--repair" in finding.remedy
    assert path.read_bytes() != sound
    [finding] = photos.check(repair=True)
    assert str(path) in finding.problem and finding.mended
    assert photos.check() == []
    photos.sync()
    assert path.exists()
    assert photos.check() == []
    assert len(photos.search(album / "1.png")) == 12


def test_a_graph_that_somebody_deletes_comes_back_with_the_next_sync_of_the_same_process(photos):
    path = photos.path / "index.graph"
    path.unlink()
    photos.sync()
    assert path.exists()


def test_a_damaged_graph_does_not_stop_a_search_nor_a_sync(photos, album, caplog):
    path = photos.path / "index.graph"
    spoil_bytes(None, path)
    with Library.open(photos.path, encoder=ToyEncoder()) as library:
        assert len(library.search(album / "1.png")) == 12
        assert "index.graph" in caplog.text
        library.sync()
    caplog.clear()
    with Library.open(photos.path, encoder=ToyEncoder()) as library:
        assert len(library.search(album / "1.png")) == 12
        assert library.check() == []
    assert not caplog.records


def test_two_processes_over_one_store(shelf):
    """Whatever the one does, the other's graph is right."""
    with_another = Store(shelf.store.path.parent)
    one, other = Indexes(shelf.store), Indexes(with_another)
    for step in range(6):
        shelf.put(3)
        shelf.miss([step + 1])
        assert is_right(graph_of(other), shelf)
        (one if step % 2 else other).refresh(DIM)
        assert is_right(graph_of(one), shelf)
    with_another.close()


@pytest.mark.usefixtures("_many")
def test_a_file_that_is_written_while_it_is_looked_for_is_no_reason_to_complain(shelf, monkeypatch, caplog):
    """It is of a generation that the library had not yet when that was asked."""
    load = Graph.load.__func__  # type: ignore[attr-defined]
    written: list[bool] = []

    def meanwhile(cls, *arguments):
        if not written:
            shelf.put(20)
            written.append(True)
            Indexes(shelf.store).refresh(DIM)
        return load(cls, *arguments)

    monkeypatch.setattr(Graph, "load", classmethod(meanwhile))
    assert is_right(graph_of(Indexes(shelf.store)), shelf)
    assert not caplog.records
