"""The graph of nearest neighbours, against comparing each vector with each."""

import numpy as np
import pytest

from simsearch.index.graph import Graph, K
from tests.test_index import ORIGIN, drawn, unit

CIRCLE = unit([[np.cos(angle), np.sin(angle)] for angle in np.radians([0, 10, 30, 70, 150])])


def cosine_of(vectors, ids):
    return {int(id): vector.astype(np.float64) for id, vector in zip(ids, vectors, strict=True)}


def assert_right(graph, truth, at_least=1.0):
    """The lists of a graph are those of comparing each vector, by id in ``truth``, with each.

    Cosines may differ as sums in another order do, and so may the order of what is as near.
    """
    everybody = np.array(sorted(truth), dtype=np.int64)
    assert len(graph) == len(everybody)
    ids, cosines = graph.neighbours(everybody)
    assert (ids.dtype, cosines.dtype, ids.shape, cosines.shape) == (
        np.int64,
        np.float32,
        (len(everybody), K),
        (len(everybody), K),
    )
    if not len(everybody):
        return
    vectors = np.array([truth[id] for id in everybody.tolist()])
    all_cosines = vectors @ vectors.T
    np.fill_diagonal(all_cosines, -np.inf)
    best = -np.sort(-all_cosines, axis=1)[:, :K]
    there = best.shape[1] - (best.shape[1] == len(everybody))
    assert (ids[:, there:] == -1).all() and (cosines[:, there:] == -np.inf).all()
    ids, cosines, best = ids[:, :there], cosines[:, :there], best[:, :there]
    assert np.isin(ids, everybody).all() and (ids != everybody[:, None]).all()
    assert (np.diff(np.sort(ids, axis=1), axis=1) > 0).all(), "one comes twice"
    ordered = (np.diff(cosines, axis=1) < 0) | ((np.diff(cosines, axis=1) == 0) & (np.diff(ids, axis=1) > 0))
    assert ordered.all()
    rows = np.searchsorted(everybody, ids)
    np.testing.assert_allclose(cosines, np.take_along_axis(all_cosines, rows, axis=1), atol=1e-6)
    found = np.take_along_axis(all_cosines, rows, axis=1) >= best[:, -1:] - 1e-6
    assert not found.size or found.mean() >= at_least


# What is found


def test_neighbours_are_those_one_would_see():
    graph = Graph.build(np.array([2, 3, 5, 7, 11]), CIRCLE)
    ids, cosines = graph.neighbours(np.array([5, 11]))
    assert ids[:, :4].tolist() == [[3, 2, 7, 11], [7, 5, 3, 2]]
    expected = np.cos(np.radians([[20, 30, 40, 120], [80, 120, 140, 150]]))
    np.testing.assert_allclose(cosines[:, :4], expected, atol=1e-6)
    assert (ids[:, 4:] == -1).all() and (cosines[:, 4:] == -np.inf).all()


def test_the_unknown_have_no_neighbours():
    graph = Graph.build(np.array([2, 3, 5, 7, 11]), CIRCLE)
    ids, cosines = graph.neighbours(np.array([12, 2, 4, -1, 0]))
    assert (ids[[0, 2, 3, 4]] == -1).all() and (cosines[[0, 2, 3, 4]] == -np.inf).all()
    assert ids[1, :4].tolist() == [3, 5, 7, 11]


@pytest.mark.parametrize("count", [0, 1, 2, 3, *range(19, 27), 100])
@pytest.mark.parametrize("dim", [3, 8])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_any_number_of_vectors(count, dim, dtype):
    ids, vectors = np.arange(count) * 7 + 3, drawn(count, dim=dim).astype(dtype)
    graph = Graph.build(ids, vectors)
    assert_right(graph, cosine_of(vectors, ids))
    nobody, none = graph.neighbours(np.array([1]))
    assert (nobody == -1).all() and (none == -np.inf).all() and nobody.shape == (1, K)
    assert graph.neighbours(ids[:0])[0].shape == (0, K)


@pytest.mark.parametrize("count", [5, 300])
def test_among_equal_ones_the_smallest_ids_come_first(count):
    ids = np.arange(count) * 2
    graph = Graph.build(ids, np.repeat(unit([[1, 0, 0]]), count, axis=0))
    found, cosines = graph.neighbours(ids)
    for id, row in zip(ids, found, strict=True):
        assert row[row >= 0].tolist() == [other for other in ids.tolist() if other != id][:K]
    assert (cosines[found >= 0] == 1).all()


# As a file


@pytest.mark.parametrize("count", [0, 1, 30])
def test_what_is_saved_is_loaded(count, tmp_path):
    ids = np.arange(count) * 7
    graph = Graph.build(ids, drawn(count))
    graph.save(tmp_path / "new" / "graph", ORIGIN)
    loaded, generation = Graph.load(tmp_path / "new" / "graph", ORIGIN._replace(generation=9))
    assert (generation, len(loaded)) == (ORIGIN.generation, count)
    for array, expected in zip(loaded.neighbours(ids), graph.neighbours(ids), strict=True):
        np.testing.assert_array_equal(array, expected)
