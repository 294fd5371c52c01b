"""What every engine promises: see simsearch/index/local.py. What only one of them does has its own file."""

import math
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from simsearch.index import ENGINES, suitable_engine
from simsearch.index.exact import ExactIndex
from simsearch.index.faiss_index import FaissIndex
from simsearch.index.files import Origin
from simsearch.index.local import LocalIndex
from simsearch.index.lsh import LshIndex
from simsearch.index.tuning import Settings
from tests import milvus_server

DIM = 8
ORIGIN = Origin("library", "encoder", 3)
MAKERS = {
    "exact": lambda dim=DIM: ExactIndex(dim),
    "exact-float16": lambda dim=DIM: ExactIndex(dim, precision="float16"),
    "exact-int8": lambda dim=DIM: ExactIndex(dim, precision="int8"),
    "faiss-flat": lambda dim=DIM: FaissIndex(dim, tier="flat"),
    "faiss-rabitq": lambda dim=DIM: FaissIndex(dim, tier="rabitq"),
    "faiss-inverted": lambda dim=DIM: FaissIndex(dim, tier="inverted"),
    "lsh": lambda dim=DIM: LshIndex(dim, Settings(bits=4, tables=6, probes=10), seed=77),
    "lsh-hits": lambda dim=DIM: LshIndex(dim, Settings(bits=3, tables=8, probes=20, hits=2), seed=78),
    "lsh-everywhere": lambda dim=DIM: LshIndex(dim, Settings(bits=3, tables=4, probes=32), seed=79),
}
FLOAT32 = [name for name in MAKERS if "16" not in name and "int8" not in name]
EXHAUSTIVE = [
    "exact",
    "faiss-flat",
    "faiss-rabitq",
    "lsh-everywhere",
]  # all is a candidate while it is little

# These keep the promises of searching, adding and removing, and have no more in common with the others.
SERVED = [pytest.param(name, marks=pytest.mark.scale) for name in ("milvus", "milvus-lite")]

every_engine = pytest.mark.parametrize("engine", MAKERS)
every_index = pytest.mark.parametrize("engine", [*MAKERS, *SERVED])
every_float32_engine = pytest.mark.parametrize("engine", FLOAT32)
every_float32_index = pytest.mark.parametrize("engine", [*FLOAT32, *SERVED])


@pytest.fixture(autouse=True)
def _few_vectors_are_put_into_buckets(monkeypatch):
    """LSH would otherwise compare with all of the first 512."""
    monkeypatch.setattr("simsearch.index.tables._RECENT", 10)


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def drawn(count, seed=0, dim=DIM):
    return unit(np.random.default_rng(seed).standard_normal((count, dim)))


def made(engine, dim=DIM):
    """An empty index."""
    return MAKERS[engine](dim) if engine in MAKERS else milvus_server.empty_index(engine, dim)


def filled(engine, ids, vectors):
    index = made(engine, vectors.shape[1])
    index.add(np.asarray(ids, dtype=np.int64), vectors)
    return index


def inner_product(left, right):
    """As exact as can be: the products of float32 have no rounding in float64, nor has their sum here."""
    pairs = zip(left.tolist(), right.tolist(), strict=True)
    return np.float32(math.fsum(one * other for one, other in pairs))


def ranking(truth, query):
    """All there is, best first, equal scores by id; ``truth`` has vectors by ids."""
    pairs = [(-inner_product(vector, query), key) for key, vector in truth.items()]
    return [(key, -score) for score, key in sorted(pairs)]


def assert_holds(truth, index, query, k, *, exactly, among=None):
    """A search gave what it promises; ``exactly`` where it must find what comparing with all would."""
    (ids,), (scores,) = index.search(query[None], k, among)
    if among is not None:
        truth = {key: truth[key] for key in set(among.tolist()) & truth.keys()}
    assert (ids.dtype, scores.dtype, len(ids), len(scores)) == (np.int64, np.float32, k, k)
    there = min(k, len(truth))
    found = list(zip(ids[:there].tolist(), scores[:there], strict=True))
    assert (ids[there:] == -1).all() and (scores[there:] == -np.inf).all()
    assert len(dict(found)) == there, "an id comes twice"
    assert [score for _, score in found] == [inner_product(truth[key], query) for key, _ in found]
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    best = ranking(truth, query)[:there]
    if exactly:
        assert found == best
    assert all(score <= other for (_, score), (_, other) in zip(found, best, strict=True))


# What is found


@every_index
def test_finds_the_nearest_first(engine):
    index = filled(engine, [7, 8, 9], unit([[1, 0], [1, 1], [0, 1]]))
    ids, scores = index.search(unit([[1, 0.1]]), 2)
    assert ids.tolist() == [[7, 8]]
    assert scores[0] == pytest.approx([1 / np.sqrt(1.01), 1.1 / np.sqrt(2.02)], abs=1e-2)
    assert (ids.dtype, scores.dtype) == (np.int64, np.float32)


@every_index
def test_pads_where_there_are_fewer_than_k(engine):
    ids, scores = filled(engine, [3], unit([[1, 0]])).search(unit([[1, 0], [0, 1]]), 3)
    assert ids.tolist() == [[3, -1, -1], [3, -1, -1]]
    assert scores.tolist() == [[1, -np.inf, -np.inf], [0, -np.inf, -np.inf]]


@every_engine
def test_an_empty_index_finds_nothing(engine):
    index = MAKERS[engine](2)
    ids, scores = index.search(unit([[1, 0]]), 2)
    assert (ids.tolist(), scores.tolist()) == ([[-1, -1]], [[-np.inf, -np.inf]])
    assert (len(index), index.dim, index.worn) == (0, 2, False)
    assert len(index.rebuilt()) == 0
    assert index.scanned(unit([[1, 0]])).shape == (1,)
    assert index.nbytes >= 0
    assert str(index)


@every_engine
def test_nothing_asked_nothing_answered(engine):
    index = filled(engine, range(20), drawn(20))
    ids, scores = index.search(np.empty((0, DIM), dtype=np.float32), 3)
    assert (ids.shape, scores.shape) == ((0, 3), (0, 3))
    assert index.scanned(np.empty((0, DIM), dtype=np.float32)).shape == (0,)


@every_index
def test_no_vectors_can_be_added_and_removed(engine):
    index = made(engine)
    for _ in range(2):
        index.add(np.empty(0, dtype=np.int64), np.empty((0, DIM), dtype=np.float32))
        index.remove(np.empty(0, dtype=np.int64))
        index.add(len(index) + np.arange(20), drawn(20))
    assert len(index) == 40


@every_float32_index
@pytest.mark.parametrize("k", [1, 15, 299, 300, 301, 1000])
def test_scores_are_exact_and_there_are_k_wherever_there_are_k_vectors(engine, k):
    vectors = drawn(300)
    ids = np.random.default_rng(1).permutation(10_000)[:300]
    index = filled(engine, ids, vectors)
    truth = dict(zip(ids.tolist(), vectors, strict=True))
    for query in drawn(3, seed=2):
        assert_holds(truth, index, query, k, exactly=engine == "exact")


@every_index
def test_all_are_found_where_all_are_asked_for(engine):
    index = filled(engine, range(200), drawn(200))
    ids, scores = index.search(drawn(2, seed=1), 200)
    assert np.sort(ids, axis=1).tolist() == [list(range(200))] * 2
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("engine", EXHAUSTIVE)
def test_equal_scores_come_by_id_where_everything_is_a_candidate(engine):
    ids = np.random.default_rng(0).permutation(1_000)[:60]
    index = filled(engine, ids, np.repeat(drawn(3), 20, axis=0))
    query = drawn(1, seed=3)
    expected = [
        key
        for key, _ in ranking(dict(zip(ids.tolist(), np.repeat(drawn(3), 20, axis=0), strict=True)), query[0])
    ]
    for k in (1, 7, 20, 45, 60):
        assert index.search(query, k)[0][0].tolist() == expected[:k]


@every_index
def test_equal_vectors_have_equal_scores_whatever_else_is_there(engine):
    """Copies of a photo must not be ranked by where they lie in memory."""
    copy = drawn(1, seed=5)
    vectors = np.concatenate([copy, drawn(99), copy, drawn(98, seed=1), copy, copy])
    index = filled(engine, np.arange(201, 0, -1)[: len(vectors)], vectors)
    ids, scores = index.search(np.concatenate([copy, drawn(5, seed=6)]), 201)
    copies = [201, 101, 2, 1]
    for row in range(len(ids)):
        places = np.flatnonzero(np.isin(ids[row], copies))
        assert len(set(scores[row][places].tolist())) == 1
        assert ids[row][places].tolist() == sorted(copies)


@every_index
def test_thousands_of_removed_copies_are_in_nobodys_way(engine):
    """They are all nearer than what is left, and an approximate engine meets them first."""
    query, others = drawn(1, seed=1), drawn(30, seed=2)
    index = filled(engine, range(5_000), np.repeat(query, 5_000, axis=0))
    index.add(np.arange(5_000, 5_030), others)
    assert index.search(query, 3)[1][0] == pytest.approx(1, abs=1e-2)
    index.remove(np.arange(5_000))
    ids, _ = index.search(query, 40)
    assert len(index) == 30
    assert sorted(ids[0][:30].tolist()) == list(range(5_000, 5_030))
    assert (ids[0][30:] == -1).all()
    few, _ = index.search(query, 3)
    assert (few >= 5_000).all() and len(set(few[0].tolist())) == 3


@every_index
def test_what_is_added_is_found_at_once_and_what_is_removed_is_gone_at_once(engine):
    index = filled(engine, range(100, 200), drawn(100))
    vector = drawn(1, seed=7)
    assert 5 not in index.search(vector, 10)[0]
    index.add(np.array([5]), vector)
    assert index.search(vector, 1)[0].tolist() == [[5]]
    index.remove(np.array([5]))
    assert 5 not in index.search(vector, 101)[0]
    index.add(np.array([5]), -vector)  # a photo may change
    assert index.search(-vector, 1)[0].tolist() == [[5]]
    assert index.search(vector, 101)[0][0, -1] == 5


@every_engine
def test_all_can_be_removed_and_others_added(engine):
    index = filled(engine, range(50), drawn(50))
    index.search(drawn(1), 1)
    index.remove(np.random.default_rng(0).permutation(50))
    assert (index.search(drawn(1), 2)[0] == -1).all()
    assert index.worn
    assert len(index.rebuilt()) == 0
    index.add(np.arange(49, -1, -1), drawn(50))
    assert index.search(drawn(50), 1)[0][:, 0].tolist() == list(range(49, -1, -1))


@every_index
def test_all_can_be_removed_before_the_first_search(engine):
    index = filled(engine, range(50), drawn(50))
    index.remove(np.arange(50))
    assert str(index)
    index.add(np.arange(50), drawn(50))
    assert index.search(drawn(50), 1)[0][:, 0].tolist() == list(range(50))


@pytest.mark.parametrize("count", [1, 2, 15])
def test_inverted_lists_of_few_vectors(count):
    index = filled("faiss-inverted", range(count), drawn(count))
    assert index.search(drawn(1), 1)[0].tolist() == [[0]]


@every_index
def test_results_do_not_change_when_the_callers_arrays_do(engine):
    ids, vectors = np.arange(50), drawn(50)
    index = filled(engine, ids, vectors)
    before = index.search(drawn(3), 50)
    ids += 1000
    vectors[:] = 7
    for array, other in zip(before, index.search(drawn(3), 50), strict=True):
        np.testing.assert_array_equal(array, other)


@every_index
def test_searching_twice_gives_the_same_and_one_query_what_many_give(engine):
    index = filled(engine, range(100), drawn(100))
    queries = drawn(5, seed=1)
    ids, scores = index.search(queries, 7)
    for row, query in enumerate(queries):
        alone = index.search(query[None], 7)
        assert (alone[0][0].tolist(), alone[1][0].tolist()) == (ids[row].tolist(), scores[row].tolist())


@every_index
@pytest.mark.parametrize("kind", ["<f8", ">f4", "fortran", "strided"])
def test_vectors_of_another_layout_are_as_good(engine, kind):
    vectors = drawn(40)
    others = {
        "fortran": np.asfortranarray(vectors),
        "strided": np.repeat(vectors, 2, axis=1)[:, ::2],
    }
    other = others[kind] if kind in others else vectors.astype(kind)
    index = made(engine)
    index.add(np.arange(40, dtype=np.int32), other)
    for array, expected in zip(
        index.search(other[:3], 5), filled(engine, range(40), vectors).search(vectors[:3], 5), strict=True
    ):
        np.testing.assert_array_equal(array, expected)


@every_engine
def test_no_more_than_everything_is_scanned(engine):
    index = filled(engine, range(100), drawn(100))
    index.remove(np.arange(0, 100, 10))
    shares = index.scanned(drawn(20, seed=1))
    assert (shares.shape, shares.dtype) == ((20,), np.float64)
    assert ((shares >= 0) & (shares <= 1)).all()


@every_engine
def test_a_rebuilt_index_has_the_same_vectors_and_leaves_the_old_one_as_it_was(engine):
    ids = np.random.default_rng(0).permutation(300)
    index = filled(engine, ids, drawn(300))
    index.remove(ids[::2])
    queries = drawn(4, seed=1)
    before = index.search(queries, 150)
    new = index.rebuilt()
    assert (type(new), len(new), new.worn, index.worn) == (type(index), 150, False, True)
    assert new.nbytes < index.nbytes
    for array, other, old in zip(before, new.search(queries, 150), index.search(queries, 150), strict=True):
        np.testing.assert_array_equal(array, other)
        np.testing.assert_array_equal(array, old)


@every_engine
def test_an_index_is_worn_when_more_than_a_quarter_are_gaps(engine):
    index = filled(engine, range(100), drawn(100))
    index.remove(np.arange(25))
    assert not index.worn
    index.remove(np.array([99]))
    assert index.worn


@every_index
def test_large_ids(engine):
    ids = np.array([2**62, 0, *range(2**40, 2**40 + 20)])
    index = filled(engine, ids, drawn(22))
    assert index.search(drawn(22), 1)[0][:, 0].tolist() == ids.tolist()
    index.remove(ids[:1])
    assert 2**62 not in index.search(drawn(22), 21)[0]


def test_the_largest_id_of_all():
    index = filled("exact", [2**63 - 1], drawn(1))
    index.add(np.array([1]), drawn(1))
    assert index.search(drawn(1), 2)[0].tolist() == [[1, 2**63 - 1]]


def test_the_engine_is_chosen_by_the_number_of_vectors():
    assert [suitable_engine(count) for count in (0, 19_999, 20_000, 10**7)] == [
        "exact",
        "exact",
        "faiss",
        "faiss",
    ]
    assert {MAKERS[name]().engine for name in MAKERS} == set(ENGINES)


# Searching among some


def let_few_be_many(monkeypatch):
    """Let an engine search as it does among tens of thousands; otherwise all of so few are compared."""
    monkeypatch.setattr("simsearch.index.local._FEW", 0)
    monkeypatch.setattr("simsearch.index.local._SHARE_FEW", 2**40)


PRECISE: dict[str, Callable[..., LocalIndex]] = {
    "exact": ExactIndex,
    "faiss": partial(FaissIndex, tier="rabitq"),
    "lsh": lambda dim, precision: LshIndex(dim, Settings(3, 8, 20), precision=precision),
}
CHOICES = {
    "one": lambda ids: ids[7:8],
    "k - 1": lambda ids: ids[:14],
    "a few": lambda ids: ids[5:60],
    "half": lambda ids: ids[::2],
    "all": lambda ids: ids,
    "none": lambda ids: ids[:0],
    "unknown": lambda ids: np.arange(10_000, 10_100),
    "some unknown": lambda ids: np.concatenate([[-1, 2**62], ids[:200], np.arange(10_000, 10_100)]),
    "twice": lambda ids: np.repeat(ids[:100], 2),
}


@pytest.mark.parametrize("engine", PRECISE)
@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
@pytest.mark.parametrize("chosen", CHOICES)
def test_among_few_all_are_compared(engine, precision, chosen):
    ids, vectors = np.random.default_rng(1).permutation(1_000)[:300], drawn(300)
    index, alone = PRECISE[engine](DIM, precision=precision), ExactIndex(DIM, precision=precision)
    index.add(ids, vectors)
    index.remove(ids[90:110])
    among = CHOICES[chosen](ids)
    left = np.isin(ids, among) & ~np.isin(ids, ids[90:110])
    alone.add(ids[left], vectors[left])
    for array, expected in zip(
        index.search(drawn(4, seed=2), 15, among), alone.search(drawn(4, seed=2), 15), strict=True
    ):
        np.testing.assert_array_equal(array, expected)


@every_float32_index
@pytest.mark.parametrize("chosen", CHOICES)
def test_among_some_as_many_are_found_as_there_are(engine, chosen, monkeypatch):
    let_few_be_many(monkeypatch)
    ids, vectors = np.random.default_rng(1).permutation(1_000)[:300], drawn(300)
    index = filled(engine, ids[:250], vectors[:250])
    index.search(drawn(1), 1)
    index.add(ids[250:], vectors[250:])  # which may wait
    index.remove(ids[:20])
    truth = dict(zip(ids[20:].tolist(), vectors[20:], strict=True))
    for query in drawn(3, seed=2):
        for k in (1, 15, 400):
            exactly = engine in EXHAUSTIVE or k == 400
            assert_holds(truth, index, query, k, exactly=exactly, among=CHOICES[chosen](ids))


@every_index
def test_among_all_the_same_is_found_as_without_saying_so(engine):
    index = filled(engine, range(100), drawn(100))
    for array, other in zip(
        index.search(drawn(5, seed=1), 100), index.search(drawn(5, seed=1), 100, np.arange(100)), strict=True
    ):
        np.testing.assert_array_equal(array, other)


@every_index
def test_ids_of_another_kind_are_as_good(engine):
    index = filled(engine, range(100), drawn(100))
    for among in (np.array([9, 3], dtype=np.int32), np.array([3, 9], dtype=np.uint64)):
        assert sorted(index.search(drawn(1, seed=1), 2, among)[0][0].tolist()) == [3, 9]
    assert index.search(drawn(1, seed=1), 1, np.array([]))[0].tolist() == [[-1]]


@every_index
def test_an_empty_index_finds_nothing_among_some(engine):
    assert made(engine).search(drawn(2), 2, np.arange(5))[0].tolist() == [[-1, -1]] * 2


# What is kept


@every_index
def test_gives_the_vectors_back_as_they_are_kept(engine):
    index = filled(engine, [9, 4, 6], drawn(3))
    index.remove(np.array([4]))
    vectors = index.vectors(np.array([6, 9, 6]))
    assert (vectors.dtype, vectors.shape) == (np.float32, (3, DIM))
    np.testing.assert_allclose(vectors, drawn(3)[[2, 0, 2]], atol=1e-2)
    for query, id in zip(vectors, [6, 9, 6], strict=True):
        assert index.search(query[None], 1)[1][0] == inner_product(query, query)
        assert index.scores(query, np.array([id])) == inner_product(query, query)
    assert index.vectors(np.empty(0, dtype=np.int64)).shape == (0, DIM)
    with pytest.raises(ValueError, match="id 4 is not in the index"):
        index.vectors(np.array([6, 4]))


# What is refused

GOOD = drawn(2, seed=8)


def but(row, value):
    vectors = GOOD.copy()
    vectors[row] = value
    return vectors


def adding(vectors, index):
    index.add(IDS, vectors)


def searching(vectors, index, k=3):
    index.search(vectors, k)


def size_of(index):
    return index.nbytes if isinstance(index, LocalIndex) else None


IDS = np.array([70, 71])
NAN_ROW = [0.5, np.nan, *[0.5] * 6]
UNUSABLE = {
    "NaN": (but(1, NAN_ROW), "vector 1 has a NaN or an infinity"),
    "infinity": (but(0, np.inf), "vector 0 has a NaN or an infinity"),
    "minus infinity": (but(1, -np.inf), "vector 1 has a NaN or an infinity"),
    "zero": (but(1, 0), "vector 1 is zero"),
    "narrow": (GOOD[:, :7], r"shape \(n, 8\), not \(2, 7\)"),
    "wide": (np.ones((2, 9), dtype=np.float32), r"shape \(n, 8\), not \(2, 9\)"),
    "1-D": (GOOD[0], r"shape \(n, 8\), not \(8,\)"),
    "3-D": (GOOD[None], r"shape \(n, 8\), not \(1, 2, 8\)"),
}
REFUSED: dict[str, tuple[Callable[..., None], str]] = {
    **{f"add {what}": (partial(adding, vectors), reason) for what, (vectors, reason) in UNUSABLE.items()},
    **{
        f"search {what}": (partial(searching, vectors), reason)
        for what, (vectors, reason) in UNUSABLE.items()
    },
    "k of 0": (partial(searching, GOOD, k=0), "k must be at least 1, not 0"),
    "k of -1": (partial(searching, GOOD, k=-1), "k must be at least 1, not -1"),
    "add twice in one call": (lambda index: index.add(np.array([70, 70]), GOOD), "id 70 comes twice"),
    "add what is there": (lambda index: index.add(np.array([70, 13]), GOOD), "id 13 is in the index already"),
    "add negative": (
        lambda index: index.add(np.array([70, -4]), GOOD),
        f"must be from 0 to {2**63 - 1}, not -4",
    ),
    "add float ids": (lambda index: index.add(np.array([70.0, 71.0]), GOOD), "2 whole numbers, not float64"),
    "add bool ids": (lambda index: index.add(np.array([True, False]), GOOD), "2 whole numbers, not bool"),
    "add too few ids": (lambda index: index.add(IDS[:1], GOOD), r"2 whole numbers.*shape \(1,\)"),
    "add too many ids": (lambda index: index.add(np.arange(70, 73), GOOD), r"2 whole numbers.*shape \(3,\)"),
    "add ids in a column": (lambda index: index.add(IDS[:, None], GOOD), r"2 whole numbers.*shape \(2, 1\)"),
    "remove what is not there": (lambda index: index.remove(np.array([12, 99])), "id 99 is not in the index"),
    "remove what is gone": (lambda index: index.remove(np.array([12, 5])), "id 5 is not in the index"),
    "remove twice in one call": (lambda index: index.remove(np.array([13, 12, 13])), "id 13 comes twice"),
    "remove negative": (
        lambda index: index.remove(np.array([12, -1])),
        f"must be from 0 to {2**63 - 1}, not -1",
    ),
    "remove float ids": (lambda index: index.remove(np.array([12.0])), "1 whole numbers, not float64"),
}


@every_index
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_done_is_refused_and_changes_nothing(engine, what):
    index = filled(engine, range(40), drawn(40))
    index.remove(np.array([5]))
    queries = drawn(3, seed=9)
    before, size = index.search(queries, 45), size_of(index)
    call, reason = REFUSED[what]
    with pytest.raises(ValueError, match=reason):
        call(index)
    assert (len(index), size_of(index)) == (39, size)
    for array, other in zip(before, index.search(queries, 45), strict=True):
        np.testing.assert_array_equal(array, other)
    index.add(IDS, GOOD)  # what was refused has taken no id
    index.remove(np.array([12, 13]))
    assert index.search(GOOD, 1)[0].tolist() == [[70], [71]]


@every_engine
@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_searched_for_cannot_be_measured_either(engine, what):
    queries, reason = UNUSABLE[what]
    with pytest.raises(ValueError, match=reason):
        filled(engine, range(40), drawn(40)).scanned(queries)


@every_index
@pytest.mark.parametrize("ids", [[0], [3, 4], [-1]])
def test_nothing_can_be_removed_from_an_empty_index(engine, ids):
    with pytest.raises(ValueError, match=str(ids[0])):
        made(engine).remove(np.array(ids))


def test_an_id_beyond_int64_is_named_as_it_is():
    with pytest.raises(ValueError, match=str(2**63 + 1)):
        filled("exact", [], drawn(0)).add(np.array([2**63 + 1], dtype=np.uint64), drawn(1))


@pytest.mark.parametrize(
    "make",
    [ExactIndex, FaissIndex, lambda dim, precision: LshIndex(dim, Settings(4, 4, 4), precision=precision)],
)
def test_an_unknown_precision_is_refused(make):
    with pytest.raises(ValueError, match="one of float32, float16, int8, not float8"):
        make(8, precision="float8")


# Anything in any order

palette = drawn(3, seed=10)
vectors = st.one_of(
    st.sampled_from(range(3)).map(lambda place: palette[place]),  # copies
    st.lists(st.sampled_from([-0.375, 0.375]), min_size=DIM, max_size=DIM).map(  # of nearly unit length:
        lambda numbers: np.array(numbers, dtype=np.float32)  # scores that are equal though vectors are not
    ),
    st.integers(0, 2**32 - 1).map(lambda seed: drawn(1, seed)[0]),
)
few_ids = st.lists(st.integers(0, 40), unique=True, max_size=12)
orders = st.sampled_from([sorted, lambda ids: sorted(ids, reverse=True), list])


class Collection(RuleBasedStateMachine):
    """An index beside a dictionary that says what is in it."""

    engine: str
    folder: Path

    def __init__(self):
        super().__init__()
        self.index = MAKERS[self.engine]()
        self.truth: dict[int, np.ndarray] = {}

    @initialize(count=st.sampled_from([0, 0, 30]))
    def begin(self, count):
        self.put(list(range(1000, 1000 + count)), list(drawn(count, seed=11)))

    def put(self, ids, added):
        block = np.array(added, dtype=np.float32).reshape(-1, DIM)
        self.index.add(np.array(ids, dtype=np.int64), block)
        self.truth.update(zip(ids, block, strict=True))

    @rule(ids=few_ids, order=orders, data=st.data())
    def add(self, ids, order, data):
        new = order([number for number in ids if number not in self.truth])
        self.put(new, data.draw(st.lists(vectors, min_size=len(new), max_size=len(new))))

    @rule(ids=few_ids, vector=vectors)
    def add_copies(self, ids, vector):
        new = [number for number in ids if number not in self.truth]
        self.put(new, [vector] * len(new))

    @rule(amount=st.integers(1, 30), chance=st.integers(0, 1000))
    def remove(self, amount, chance):
        can = min(amount, len(self.truth))
        gone = random.Random(chance).sample(sorted(self.truth), can)
        self.index.remove(np.array(gone, dtype=np.int64))
        for number in gone:
            del self.truth[number]

    @rule()
    def save_and_load(self):
        self.index.save(self.folder / self.engine, ORIGIN)
        self.index, generation = type(self.index).load(self.folder / self.engine, ORIGIN)
        assert generation == ORIGIN.generation

    @rule()
    def rebuild(self):
        self.index = self.index.rebuilt()

    @precondition(lambda self: self.truth)
    @rule(k=st.integers(1, 70), query=vectors)
    def search(self, k, query):
        assert_holds(self.truth, self.index, query, k, exactly=self.engine == "exact")

    @rule(k=st.integers(1, 70), query=vectors, chosen=few_ids, more=st.integers(1000, 1030))
    def search_among(self, k, query, chosen, more):
        among = np.array([*chosen, *range(1000, more)], dtype=np.int64)
        assert_holds(self.truth, self.index, query, k, exactly=self.engine == "exact", among=among)

    @invariant()
    def counts(self):
        assert len(self.index) == len(self.truth)

    def teardown(self):
        if self.truth:
            assert_holds(self.truth, self.index, palette[0], 5, exactly=self.engine == "exact")


def make_thresholds_small(monkeypatch):
    """Let few vectors do what otherwise takes tens of thousands: wait, be sorted in, come in blocks."""
    for name, value in {
        "local._FEW": 3,
        "local._SHARE_FEW": 10,
        "rows._ROWS_AT_ONCE": 8,
        "rows._SCANNED_AT_ONCE": 8,
        "rows._BLOCK": 4,
        "tables._RECENT": 6,
        "lsh._RERANKED": 2,
        "lsh._RERANKED_AT_LEAST": 3,
        "lsh._HASHED_AT_ONCE": 8,
        "lsh._SAMPLE": 10,
        "hyperplanes._VECTORS_AT_ONCE": 8,
        "faiss_index._WAITING": 6,
        "faiss_index._CANDIDATES": 2,
        "faiss_index._ROWS_AT_ONCE": 8,
        "faiss_index._QUERIES": 8,
    }.items():
        monkeypatch.setattr(f"simsearch.index.{name}", value)


@every_float32_engine
@pytest.mark.parametrize("thresholds", ["as they are", "small"])
def test_whatever_is_done_in_whatever_order_agrees_with_a_dictionary(
    engine, thresholds, tmp_path, monkeypatch
):
    if thresholds == "small":
        make_thresholds_small(monkeypatch)
    machine = type("Machine", (Collection,), {"engine": engine, "folder": tmp_path})
    # As they are, few of the thresholds are reached, whatever is done.
    examples = {"as they are": 8, "small": 20}[thresholds]
    budget = settings(max_examples=examples, stateful_step_count=15)
    run_machine(machine, settings=budget)


@given(data=st.data(), count=st.integers(1, 60), k=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("engine", EXHAUSTIVE)
def test_agrees_with_a_full_sort_even_among_copies(engine, data, count, k, seed):
    """Many equal vectors, as copies of a photo are: the best k, ties by id, whatever order they came in."""
    rng = np.random.default_rng(seed)
    distinct = drawn(data.draw(st.integers(1, 6)), seed)
    copies = distinct[rng.integers(0, len(distinct), count)]
    ids = rng.permutation(1000)[:count]
    index = filled(engine, ids, copies)
    truth = dict(zip(ids.tolist(), copies, strict=True))
    assert_holds(truth, index, unit(rng.normal(size=(1, DIM)))[0], k, exactly=True)


@given(data=st.data(), count=st.integers(1, 60), k=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("engine", EXHAUSTIVE)
@pytest.mark.parametrize("few", [0, 20])
def test_among_some_copies_it_agrees_with_a_full_sort(engine, few, data, count, k, seed):
    rng = np.random.default_rng(seed)
    copies = drawn(6, seed)[rng.integers(0, data.draw(st.integers(1, 6)), count)]
    ids = rng.permutation(1000)[:count]
    index = filled(engine, ids, copies)
    truth = dict(zip(ids.tolist(), copies, strict=True))
    chosen = data.draw(st.integers(0, count + 10))
    among = rng.permutation(np.concatenate([ids, np.arange(1000, 1010)]))[:chosen]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simsearch.index.local._FEW", few)
        patch.setattr("simsearch.index.local._SHARE_FEW", 2**40)
        assert_holds(truth, index, unit(rng.normal(size=(1, DIM)))[0], k, exactly=True, among=among)
