import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsearch.index import rows as rows_module
from simsearch.index.column import Column
from simsearch.index.rows import PRECISIONS, Rows
from tests.test_index import drawn, inner_product, ranking

every_precision = pytest.mark.parametrize("precision", PRECISIONS)


def rows_of(vectors, ids=None, precision="float32"):
    rows = Rows(vectors.shape[1], precision)
    rows.append(np.arange(len(vectors)) if ids is None else np.asarray(ids), vectors)
    return rows


def kept(vectors, precision):
    """What is left of vectors, computed the long way."""
    if precision == "float32":
        return vectors
    if precision == "float16":
        return vectors.astype(np.float16).astype(np.float32)
    scales = [np.float32(max(abs(vector)) / np.float32(127)) for vector in vectors]
    return np.array(
        [
            [round(number / scale) * scale for number in vector]
            for vector, scale in zip(vectors, scales, strict=True)
        ],
        dtype=np.float32,
    )


# A column


@given(sizes=st.lists(st.integers(0, 20), max_size=12), start=st.integers(0, 5), chance=st.integers(0, 1000))
def test_a_column_holds_what_was_appended(sizes, start, chance):
    values = np.arange(2 * (start + sum(sizes)), dtype=np.float32).reshape(-1, 2)
    column = Column(values[:start].copy())
    at = start
    for size in sizes:
        column.append(values[at : at + size])
        at += size
        assert len(column) == at
    np.testing.assert_array_equal(column.whole(), values)
    np.testing.assert_array_equal(np.concatenate(column.parts()), values)
    some = np.random.default_rng(chance).integers(0, max(at, 1), 10 if at else 0)
    np.testing.assert_array_equal(column.take(some), values[some])


def test_a_column_grows_without_copying_what_it_has():
    start = np.arange(10.0)
    start.flags.writeable = False  # mapped from a file
    column = Column(start)
    for number in range(1_000):
        column.append(np.array([float(number)]))
    parts = column.parts()
    assert np.shares_memory(parts[0], start)
    assert len(parts) < 12  # a doubling each
    assert column.whole()[-1] == 999


def test_taken_rows_are_a_copy():
    column = Column(np.arange(10.0))
    column.take(np.array([0, 1]))[:] = 7
    assert column.whole().tolist() == list(range(10))


def test_nothing_can_be_appended_to_a_column_that_is_mapped():
    start = np.arange(3.0)
    start.flags.writeable = False
    column = Column(start)
    column.append(start[:0])
    assert len(column) == 3


# Precision


@every_precision
@pytest.mark.parametrize("seed", range(5))
def test_vectors_are_kept_as_precisely_as_was_asked(precision, seed):
    vectors = drawn(40, seed)
    rows = rows_of(vectors, precision=precision)
    np.testing.assert_array_equal(rows.take(np.arange(40)), kept(vectors, precision))


@pytest.mark.parametrize(("precision", "error"), [("float32", 0), ("float16", 3e-4), ("int8", 2e-3)])
def test_how_far_cosines_are_off(precision, error):
    vectors = drawn(500, dim=256)
    taken = rows_of(vectors, precision=precision).take(np.arange(500))
    assert np.abs(taken @ vectors[:50].T - vectors @ vectors[:50].T).max() <= error


@every_precision
def test_scores_are_those_of_the_vectors_as_they_are_kept(precision):
    vectors = drawn(100)
    query = drawn(1, seed=1)[0]
    ids, scores = rows_of(vectors, precision=precision).best(query, 10, None)
    expected = ranking(dict(enumerate(kept(vectors, precision))), query)[:10]
    assert list(zip(ids.tolist(), scores, strict=True)) == expected


@every_precision
def test_what_is_taken_can_be_kept_again_without_loss(precision):
    once = rows_of(drawn(200), precision=precision).take(np.arange(200))
    again = rows_of(once, precision=precision).take(np.arange(200))
    np.testing.assert_allclose(again, once, rtol=1e-6)


def test_small_precision_takes_little_memory():
    sizes = [rows_of(drawn(1000, dim=256), precision=precision).nbytes for precision in PRECISIONS]
    overhead = 1000 * 9  # ids, and whether they are live
    assert sizes == [256_000 * 4 + overhead, 256_000 * 2 + overhead, 256_000 + 4_000 + overhead]


@every_precision
def test_appending_returns_the_vectors_as_they_are_kept(precision):
    rows = Rows(8, precision)
    returned = rows.append(np.arange(20), drawn(20))
    np.testing.assert_array_equal(returned, rows.take(np.arange(20)))


@pytest.mark.parametrize("size", [1e-25, 1e-3, 0.49, 2.01, 1000, 1e25])
def test_a_vector_far_from_unit_length_is_refused(size):
    with pytest.raises(ValueError, match="has the length .*, where 1 is expected"):
        rows_of(drawn(1) * np.float32(size))


# Ranking


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 2_000),
    k=st.integers(1, 12),
    removed=st.sampled_from([0.0, 0.3, 0.99]),
    distinct=st.sampled_from([1, 3, 50, 2_000]),
)
def test_the_best_of_many_agree_with_a_full_sort(seed, count, k, removed, distinct):
    """More than k blocks of 256 and fewer; equal scores at the border; gaps that fill whole blocks."""
    rng = np.random.default_rng(seed)
    vectors = drawn(distinct, seed)[rng.integers(0, distinct, count)]
    ids = rng.permutation(5_000)[:count]
    rows = rows_of(vectors, ids)
    gone = rng.permutation(count)[: int(removed * count)]
    rows.remove(ids[gone])
    query = drawn(1, seed + 1)[0]
    left = np.delete(np.arange(count), gone)
    scores = (vectors[left].astype(np.float64) * query).sum(axis=1).astype(np.float32)
    order = np.lexsort((ids[left], -scores))[:k]
    for among in (None, left, rng.permutation(left)):
        found, found_scores = rows.best(query, k, among)
        assert found.tolist() == ids[left][order].tolist()
        assert found_scores.tolist() == scores[order].tolist()


def test_none_of_none_is_the_best():
    rows = rows_of(drawn(5))
    ids, scores = rows.best(drawn(1)[0], 3, np.empty(0, dtype=np.int64))
    assert (ids.tolist(), scores.tolist(), ids.dtype, scores.dtype) == ([], [], np.int64, np.float32)


def test_copies_at_either_end_of_a_block_have_the_same_score():
    """A matrix product may sum the last rows in another order than the others."""
    vectors = drawn(1_031, dim=100)
    places = [0, 1, 255, 256, 511, 1_028, 1_029, 1_030]
    vectors[places] = vectors[0]
    for queries in (drawn(20, seed=1, dim=100), vectors[:1]):
        for query in queries:
            ids, scores = rows_of(vectors, np.arange(1_031)[::-1]).best(query, 1_031, None)
            copies = np.isin(ids, 1_030 - np.array(places))
            assert set(scores[copies].tolist()) == {inner_product(vectors[0], query).item()}
            assert np.diff(np.flatnonzero(copies)).tolist() == [1] * (len(places) - 1)


@pytest.mark.parametrize("k", [1, 15, 100])
@every_precision
def test_the_nearest_for_many_queries_at_once_are_those_of_each(precision, k, monkeypatch):
    monkeypatch.setattr(rows_module, "_ROWS_AT_ONCE", 64)
    rows = rows_of(drawn(300), precision=precision)
    rows.remove(np.concatenate([np.arange(64, 128), np.arange(200, 300, 2)]))  # a whole block, and others
    queries = drawn(10, seed=1)
    nearest = rows.nearest(queries, k)
    assert nearest.shape == (10, k)
    for found, query in zip(nearest, queries, strict=True):
        assert sorted(found.tolist()) == sorted(rows.best(query, k, None)[0].tolist())


def test_every_float16_is_the_float32_that_numpy_makes_of_it():
    bits = np.arange(1 << 16).astype(np.uint16).view(np.float16)
    finite = bits[np.isfinite(bits)]
    converted = rows_module._float32(finite.reshape(-1, 16))
    assert converted.dtype == np.float32
    assert converted.tobytes() == finite.astype(np.float32).tobytes()


@every_precision
@pytest.mark.parametrize("share", [0.1, 0.24, 0.26, 0.9])
def test_the_best_of_any_share_are_those_of_rows_that_hold_no_others(precision, share, monkeypatch):
    monkeypatch.setattr(rows_module, "_SCANNED_AT_ONCE", 64)
    vectors = drawn(1_000)
    chosen = np.sort(np.random.default_rng(0).permutation(1_000)[: int(share * 1_000)])
    best = rows_of(vectors, precision=precision).best(drawn(1)[0], 15, chosen)
    expected = rows_of(vectors[chosen], chosen, precision).best(drawn(1)[0], 15, None)
    for array, other in zip(best, expected, strict=True):
        np.testing.assert_array_equal(array, other)


# Ids


def test_a_selection_is_of_what_is_there():
    rows = rows_of(drawn(5), [5, 3, 9, 1, 7])
    rows.remove(np.array([3]))
    selection = rows.selection(np.array([7, 3, 5, 7, 4, -1, 2**62]))
    assert selection.rows.tolist() == [0, 4]
    assert selection.allowed.tolist() == [True, False, False, False, True]
    assert selection.share == 0.4
    assert rows.selection(np.empty(0, dtype=np.int64)).rows.tolist() == []


def test_a_selection_is_aside_where_many_others_are_nearer():
    half = rows_of(drawn(10)).selection(np.arange(5))
    assert [half.is_aside(3, nearer) for nearer in (3, 12, 13)] == [False, False, True]


def test_ids_in_any_order_are_found_and_those_of_gaps_are_not():
    ids = np.array([5, 3, 9, 1, 7])
    rows = rows_of(drawn(5), ids)
    assert rows.find(np.array([1, 3, 5, 7, 9, 0, 4, 10, -1])).tolist() == [3, 1, 0, 4, 2, -1, -1, -1, -1]
    rows.remove(np.array([9, 3]))
    assert rows.find(np.array([9, 3, 7])).tolist() == [-1, -1, 4]
    rows.append(np.array([3]), drawn(1))
    assert rows.find(np.array([9, 3, 7])).tolist() == [-1, 5, 4]
    assert (len(rows), rows.count, rows.has_gaps) == (4, 6, True)


def test_gaps_are_left_out_of_blocks_and_keep_the_others_places(monkeypatch):
    monkeypatch.setattr(rows_module, "_ROWS_AT_ONCE", 4)
    vectors = drawn(10)
    rows = rows_of(vectors, np.arange(10)[::-1])
    rows.remove(np.array([9, 4, 3, 2, 1]))
    blocks = list(rows.blocks())
    assert [ids.tolist() for ids, _ in blocks] == [[8, 7, 6], [5], [0]]
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), vectors[[1, 2, 3, 4, 9]])


def test_rows_with_gaps_are_not_given_away_as_arrays():
    rows = rows_of(drawn(3))
    rows.remove(np.array([1]))
    with pytest.raises(ValueError, match="gaps"):
        rows.arrays()


@every_precision
@pytest.mark.parametrize("ids", [range(30), range(29, -1, -1)])
def test_rows_made_of_another_ones_arrays_are_the_same(precision, ids):
    rows = rows_of(drawn(20), list(ids)[:20], precision)
    rows.append(np.array(list(ids)[20:]), drawn(10, seed=1))
    arrays = {name: np.concatenate(parts) for name, parts in rows.arrays().items()}
    same = Rows.of(**arrays)
    assert (len(same), same.dim, same.precision) == (30, 8, precision)
    np.testing.assert_array_equal(same.take(np.arange(30)), rows.take(np.arange(30)))
    np.testing.assert_array_equal(same.find(np.arange(31)), rows.find(np.arange(31)))
