"""The graph of nearest neighbours, against comparing each vector with each."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from simsearch import derived
from simsearch.errors import DerivedFileError
from simsearch.index import ranked
from simsearch.index.clusters import Clusters, _visited
from simsearch.index.exact import ExactIndex
from simsearch.index.graph import Graph, K
from tests.test_index import DIM, ORIGIN, drawn, few_ids, unit, vectors

CIRCLE_IDS = np.array([2, 3, 5, 7, 11])
CIRCLE = unit([[np.cos(angle), np.sin(angle)] for angle in np.radians([0, 10, 30, 70, 150])])
NONE = np.empty(0, dtype=np.int64)


@pytest.fixture
def _everything_is_clustered(monkeypatch):
    monkeypatch.setattr("simsearch.index.graph._FEW", 30)
    monkeypatch.setattr("simsearch.index.clusters._CLUSTER", 20)
    monkeypatch.setattr("simsearch.index.clusters._LARGEST", 60)


def make_blocks_small(monkeypatch):
    for name, value in {
        "graph._LISTS_AT_ONCE": 3,
        "graph._ROWS_AT_ONCE": 4,
        "ranked._PRODUCTS_AT_ONCE": 16,
        "clusters._ROWS_AT_ONCE": 8,
    }.items():
        monkeypatch.setattr(f"simsearch.index.{name}", value)


def bent(count, seed=0, dim=16):
    """Vectors of few true dimensions, as embeddings are."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((count, 5)) @ np.random.default_rng(7).standard_normal((5, dim))
    return unit(np.sin(mixed / 2) + 0.1 * rng.standard_normal((count, dim)))


def reader(truth):
    """What a graph reads the vectors of a dictionary through."""
    return lambda ids: np.array([truth[id] for id in ids.tolist()], dtype=np.float32)


def by_id(ids, block):
    return dict(zip(np.asarray(ids).tolist(), block, strict=True))


def graph_of(truth):
    graph = Graph.build(NONE, np.empty((0, DIM), dtype=np.float32))
    graph.update(np.array(list(truth), dtype=np.int64), NONE, reader(truth))
    return graph


def assert_right(graph, truth, at_least=1.0):
    """The lists are those of comparing each vector with each, but for a share of their members.

    Cosines may differ as sums in another order do, and so may the order of what is equally near.
    """
    everybody = np.array(sorted(truth), dtype=np.int64)
    size = len(everybody)
    there = min(K, max(size - 1, 0))
    ids, cosines = graph.neighbours(everybody)
    assert (len(graph), ids.shape, cosines.shape) == (size, (size, K), (size, K))
    assert (ids.dtype, cosines.dtype) == (np.int64, np.float32)
    assert (ids[:, there:] == -1).all() and (cosines[:, there:] == -np.inf).all()
    if not there:
        return
    ids, cosines = ids[:, :there], cosines[:, :there]
    assert np.isin(ids, everybody).all() and (ids != everybody[:, None]).all()
    assert (np.diff(np.sort(ids, axis=1), axis=1) > 0).all(), "an id comes twice"
    assert ((cosines[:, :-1] > cosines[:, 1:]) | (ids[:, :-1] < ids[:, 1:])).all()
    assert (cosines[:, :-1] >= cosines[:, 1:]).all()
    block = reader(truth)(everybody).astype(np.float64)
    every_cosine = block @ block.T
    np.fill_diagonal(every_cosine, -np.inf)
    true = np.take_along_axis(every_cosine, np.searchsorted(everybody, ids), axis=1)
    np.testing.assert_allclose(cosines, true, atol=1e-6)
    last = np.sort(every_cosine, axis=1)[:, -there]
    assert (true >= last[:, None] - 1e-6).mean() >= at_least


# What is found


def test_neighbours_are_those_one_sees():
    ids, cosines = Graph.build(CIRCLE_IDS, CIRCLE).neighbours(np.array([5, 11]))
    assert ids[:, :4].tolist() == [[3, 2, 7, 11], [7, 5, 3, 2]]
    expected = np.cos(np.radians([[20, 30, 40, 120], [80, 120, 140, 150]]))
    np.testing.assert_allclose(cosines[:, :4], expected, atol=1e-6)
    assert (ids[:, 4:] == -1).all() and (cosines[:, 4:] == -np.inf).all()


def test_all_lists_at_once_name_places():
    graph = Graph.build(CIRCLE_IDS, CIRCLE)
    places, cosines = graph.lists
    ids, expected = graph.neighbours(CIRCLE_IDS)
    assert places.dtype == np.int32 and places.shape == (5, K)
    assert np.where(places < 0, -1, CIRCLE_IDS[places]).tolist() == ids.tolist()
    assert (cosines == expected).all()


def test_the_unknown_have_no_neighbours():
    ids, cosines = Graph.build(CIRCLE_IDS, CIRCLE).neighbours(np.array([12, 2, 4, -1, 0, 2]))
    unknown = [0, 2, 3, 4]
    assert (ids[unknown] == -1).all() and (cosines[unknown] == -np.inf).all()
    assert ids[[1, 5], :4].tolist() == [[3, 5, 7, 11]] * 2


@pytest.mark.parametrize("count", [0, 1, 2, 3, *range(19, 27), 100])
@pytest.mark.parametrize("dim", [1, 3, 8])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_any_number_of_vectors(count, dim, dtype):
    ids, block = np.arange(count) * 7 + 3, drawn(count, dim=dim).astype(dtype)
    graph = Graph.build(ids, block)
    assert_right(graph, by_id(ids, block))
    assert (graph.neighbours(np.array([1]))[0] == -1).all()
    assert graph.neighbours(NONE)[0].shape == (0, K)


@pytest.mark.parametrize("count", [5, 300])
def test_of_equal_ones_the_smallest_ids_are_kept_and_come_first(count):
    ids = np.arange(count) * 2
    found, cosines = Graph.build(ids, np.repeat(unit([[1, 0, 0]]), count, axis=0)).neighbours(ids)
    for id, row in zip(ids, found, strict=True):
        assert row[row >= 0].tolist() == [other for other in ids.tolist() if other != id][:K]
    assert (cosines[found >= 0] == 1).all()


@pytest.mark.usefixtures("_everything_is_clustered")
def test_clustered_vectors_find_nearly_all():
    ids = np.arange(3_000) * 2
    graph = Graph.build(ids, bent(3_000))
    assert_right(graph, by_id(ids, bent(3_000)), at_least=0.97)
    again = Graph.build(ids, bent(3_000))
    for array, expected in zip(again.neighbours(ids), graph.neighbours(ids), strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.usefixtures("_everything_is_clustered")
@pytest.mark.parametrize("different", [1, 2, 700])
def test_clusters_of_copies_are_divided(different):
    ids = np.arange(700)
    block = np.repeat(drawn(different), 700 // different, axis=0)
    assert_right(Graph.build(ids, block), by_id(ids, block), at_least=0.9)
    parts = Clusters(_visited(lambda rows: block[rows], len(block)))
    members = [parts.members(number).tolist() for number in range(parts.count)]
    assert sorted(sum(members, [])) == ids.tolist()
    assert max(map(len, members)) <= 60


@given(count=st.integers(0, 70), different=st.integers(1, 70), dim=st.integers(1, 5), seed=st.integers(0, 99))
@pytest.mark.parametrize("blocks", ["as they are", "small"])
def test_agrees_with_a_full_sort_even_among_copies(blocks, count, different, dim, seed):
    rng = np.random.default_rng(seed)
    block = drawn(different, seed, dim)[rng.integers(0, different, count)]
    ids = np.sort(rng.choice(10**12, count, replace=False))
    with pytest.MonkeyPatch.context() as patch:
        if blocks == "small":
            make_blocks_small(patch)
        assert_right(Graph.build(ids, block), by_id(ids, block))


@given(
    pairs=st.lists(
        st.tuples(st.floats(width=32, allow_nan=False), st.integers(0, 2**31 - 1)), min_size=1, unique=True
    )
)
def test_keys_are_in_the_order_of_cosines_and_then_rows(pairs):
    cosines = np.array([cosine for cosine, _ in pairs], dtype=np.float32)
    rows = np.array([row for _, row in pairs])
    keys = ranked.encoded(cosines, rows)
    back = ranked.decoded(keys)
    assert back[0].tolist() == rows.tolist() and back[1].tolist() == cosines.tolist()
    assert back[0].dtype == np.int32 and back[1].dtype == np.float32
    order = np.argsort(-keys, kind="stable")
    np.testing.assert_array_equal(cosines[order], cosines[np.lexsort((rows, -cosines))])
    np.testing.assert_array_equal(rows[order], rows[np.lexsort((rows, -cosines))])
    assert (keys > ranked.NOBODY).all()


# What comes and goes


def test_a_new_one_has_neighbours_and_is_one():
    truth = by_id(CIRCLE_IDS, CIRCLE)
    graph = graph_of(truth)
    truth[4] = unit([[np.cos(np.radians(75)), np.sin(np.radians(75))]])[0]
    graph.update(np.array([4]), NONE, reader(truth))
    assert graph.neighbours(np.array([4, 7, 2]))[0][:, :5].tolist() == [
        [7, 5, 3, 2, 11],
        [4, 5, 3, 2, 11],
        [3, 5, 7, 4, 11],
    ]


def test_one_that_went_is_nobodys_neighbour():
    graph = graph_of(by_id(CIRCLE_IDS, CIRCLE))
    graph.update(NONE, np.array([3, 99]), reader(by_id(CIRCLE_IDS, CIRCLE)))
    ids, _ = graph.neighbours(np.array([2, 3, 5]))
    assert ids[:, :4].tolist() == [[5, 7, 11, -1], [-1] * 4, [2, 7, 11, -1]]


def test_one_encoded_anew_keeps_its_id_and_loses_its_place():
    truth = by_id(CIRCLE_IDS, CIRCLE)
    graph = graph_of(truth)
    truth[3] = -truth[2]
    for removed in (np.array([3]), NONE):
        graph.update(np.array([3]), removed, reader(truth))
        assert graph.neighbours(np.array([2, 3, 11]))[0][:, :4].tolist() == [
            [5, 7, 11, 3],
            [11, 7, 5, 2],
            [3, 7, 5, 2],
        ]


def test_what_cannot_be_read_changes_nothing():
    graph = graph_of(by_id(CIRCLE_IDS, CIRCLE))
    index = ExactIndex(2)
    index.add(CIRCLE_IDS, CIRCLE)
    before = graph.neighbours(CIRCLE_IDS)
    with pytest.raises(ValueError, match="id 12 is not in the index"):
        graph.update(np.array([12]), np.array([2, 3]), index.vectors)
    for array, expected in zip(graph.neighbours(CIRCLE_IDS), before, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.usefixtures("_everything_is_clustered")
def test_after_many_changes_nearly_all_are_found():
    """Recall neither starts low nor wears off."""
    truth = by_id(range(1_500), bent(1_500))
    graph = graph_of(truth)
    chance = random.Random(0)
    for step in range(25):
        gone = chance.sample(sorted(truth), 20)
        anew = chance.sample(sorted(truth.keys() - set(gone)), 3)
        added = [*anew, *range(10_000 + 100 * step, 10_000 + 100 * step + chance.choice([0, 1, 17]))]
        for id in gone:
            del truth[id]
        truth.update(by_id(added, bent(len(added), seed=step + 1)))
        graph.update(np.array(added, dtype=np.int64), np.array([*gone, *anew]), reader(truth))
        assert_right(graph, truth, at_least=0.97)


class Collection(RuleBasedStateMachine):
    """A graph beside a dictionary that says what is in it."""

    folder: Path

    def __init__(self):
        super().__init__()
        self.truth: dict[int, np.ndarray] = {}
        self.graph = graph_of(self.truth)

    @rule(ids=few_ids, data=st.data())
    def add(self, ids, data):
        """Some of them are there already."""
        added = data.draw(st.lists(vectors, min_size=len(ids), max_size=len(ids)))
        self.truth.update(zip(ids, added, strict=True))
        self.graph.update(np.array(ids, dtype=np.int64), NONE, reader(self.truth))

    @rule(count=st.integers(0, 40), start=st.integers(0, 500), seed=st.integers(0, 99))
    def change_many(self, count, start, seed):
        ids = np.arange(start, start + count)
        gone = np.array(sorted(self.truth)[::3], dtype=np.int64)
        self.truth = {id: vector for id, vector in self.truth.items() if id not in gone}
        self.truth.update(by_id(ids, drawn(count, seed)))
        self.graph.update(ids, gone, reader(self.truth))

    @rule(amount=st.integers(1, 40), chance=st.integers(0, 1000))
    def remove(self, amount, chance):
        gone = random.Random(chance).sample(sorted(self.truth), min(amount, len(self.truth)))
        for id in gone:
            del self.truth[id]
        self.graph.update(NONE, np.array(gone, dtype=np.int64), reader(self.truth))

    @rule()
    def save_and_load(self):
        self.graph.save(self.folder / "graph", ORIGIN)
        self.graph, _ = Graph.load(self.folder / "graph", ORIGIN)

    @invariant()
    def is_right(self):
        assert_right(self.graph, self.truth)


@pytest.mark.parametrize("blocks", ["as they are", "small"])
def test_whatever_comes_and_goes_agrees_with_comparing_all(blocks, tmp_path, monkeypatch):
    if blocks == "small":
        make_blocks_small(monkeypatch)
    machine = type("Machine", (Collection,), {"folder": tmp_path})
    run_machine(machine, settings=settings(max_examples=40, stateful_step_count=15))


def test_reads_the_vectors_of_an_index():
    index = ExactIndex(DIM)
    index.add(np.arange(90, 30, -1), drawn(60))
    graph = Graph.build(NONE, drawn(0))
    graph.update(np.arange(31, 91), NONE, index.vectors)
    index.remove(np.arange(40, 50))
    index.add(np.array([7, 45]), drawn(2, seed=1))
    graph.update(np.array([7, 45]), np.arange(40, 50), index.vectors)
    there = np.array([7, *range(31, 40), 45, *range(50, 91)])
    assert_right(graph, by_id(there, index.vectors(there)))


# As a file


@pytest.fixture
def saved(tmp_path):
    Graph.build(np.arange(30) * 7, drawn(30)).save(tmp_path / "graph", ORIGIN)
    return tmp_path / "graph"


def assert_refused(path, reason=None, origin=ORIGIN, mark_of=None):
    with pytest.raises(DerivedFileError, match=reason) as caught:
        Graph.load(path, origin, mark_of)
    assert caught.value.path == path


def forge(path, change):
    """Write the file again, with a header that was tampered with and right checksums."""
    header, payload = derived.load(path, "graph index")
    change(header)
    derived.save(path, "graph index", header, bytes(payload))


@pytest.mark.parametrize("count", [0, 1, 30])
def test_what_is_saved_is_loaded(count, tmp_path):
    ids = np.arange(count) * 7
    graph = Graph.build(ids, drawn(count))
    graph.save(tmp_path / "new" / "graph", ORIGIN)
    loaded, generation = Graph.load(tmp_path / "new" / "graph", ORIGIN._replace(generation=9))
    assert (generation, len(loaded), loaded.nbytes) == (ORIGIN.generation, count, graph.nbytes)
    for array, expected in zip(loaded.neighbours(ids), graph.neighbours(ids), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_a_loaded_graph_uses_its_arrays_where_they_lie_and_changes_no_file(saved):
    before = saved.read_bytes()
    graph, _ = Graph.load(saved, ORIGIN)
    assert not graph._lists.flags.writeable and not graph._lists.flags.owndata
    truth = by_id(np.arange(30) * 7, drawn(30)) | {1: drawn(1, seed=1)[0]}
    graph.update(np.array([1]), NONE, reader(truth))
    assert_right(graph, truth)
    assert saved.read_bytes() == before


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Graph.load(tmp_path / "graph", ORIGIN)


def test_a_truncated_file_is_refused(saved):
    whole = saved.read_bytes()
    for size in {*range(0, len(whole), 97), len(whole) - 1}:
        saved.write_bytes(whole[:size])
        assert_refused(saved)


@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_a_file_with_a_wrong_byte_anywhere_is_refused(flip, saved):
    whole = saved.read_bytes()
    for position in {*range(64), *range(0, len(whole), 61), len(whole) - 1}:
        garbled = bytearray(whole)
        garbled[position] ^= flip
        saved.write_bytes(garbled)
        assert_refused(saved)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (ORIGIN._replace(library="other"), "made for library library, not for other"),
        (ORIGIN._replace(encoder="other"), "made with encoder encoder, not with other"),
        (ORIGIN._replace(generation=2), "from generation 3 of a library that is at 2"),
    ],
)
def test_a_file_made_from_something_else_is_refused(expected, reason, saved):
    assert_refused(saved, reason, expected)


def test_a_file_of_a_generation_that_never_was_is_refused(saved):
    assert_refused(saved, "made from generation 3 marked , which is gone here", mark_of=lambda _: "gone")


def test_an_index_is_no_graph(saved):
    index = ExactIndex(DIM)
    index.save(saved, ORIGIN)
    assert_refused(saved, "holds 'exact index', where 'graph index' was expected")


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["arrays"].pop("ids"),
        lambda header: header["arrays"]["ids"].update(shape=[29]),
        lambda header: header["arrays"]["ids"].update(dtype="<u8"),
        lambda header: header["arrays"]["lists"].update(shape=[60, 12]),
        lambda header: header["arrays"]["lists"].update(dtype="<f8"),
        lambda header: header["arrays"]["lists"].update(at=10**9),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(change, saved):
    forge(saved, change)
    assert_refused(saved, "makes no sense")
