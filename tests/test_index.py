import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsearch.index.faiss_index import FlatIndex


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def filled(ids, vectors):
    index = FlatIndex(vectors.shape[1])
    index.add(np.asarray(ids, dtype=np.int64), vectors)
    return index


def test_finds_the_nearest_first():
    index = filled([7, 8, 9], unit([[1, 0], [1, 1], [0, 1]]))
    ids, scores = index.search(unit([[1, 0.1]]), 2)
    assert ids.tolist() == [[7, 8]]
    assert scores[0] == pytest.approx([1 / np.sqrt(1.01), 1.1 / np.sqrt(2.02)], abs=1e-6)
    assert (ids.dtype, scores.dtype) == (np.int64, np.float32)


def test_pads_where_there_are_fewer_than_k():
    ids, scores = filled([3], unit([[1, 0]])).search(unit([[1, 0], [0, 1]]), 3)
    assert ids.tolist() == [[3, -1, -1], [3, -1, -1]]
    assert scores.tolist() == [[1, -np.inf, -np.inf], [0, -np.inf, -np.inf]]


def test_an_empty_index_finds_nothing():
    ids, _ = FlatIndex(2).search(unit([[1, 0]]), 2)
    assert ids.tolist() == [[-1, -1]]


@pytest.mark.parametrize("k", [0, -1])
def test_refuses_k_below_one(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, not {k}"):
        FlatIndex(2).search(unit([[1, 0]]), k)


@pytest.mark.parametrize("shape", [(2,), (1, 3), (1, 1, 2)])
def test_refuses_vectors_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"shape \(n, 2\), not"):
        FlatIndex(2).search(np.ones(shape, dtype=np.float32), 1)


@settings(deadline=None)
@given(data=st.data(), count=st.integers(1, 60), k=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
def test_agrees_with_a_full_sort_even_among_copies(data, count, k, seed):
    """Many equal vectors, as copies of a photo are: the best k, ties by id, whatever order they came in."""
    rng = np.random.default_rng(seed)
    distinct = unit(rng.normal(size=(data.draw(st.integers(1, 6)), 8)))
    vectors = distinct[rng.integers(0, len(distinct), count)]
    ids = rng.permutation(1000)[:count].astype(np.int64)
    query = unit(rng.normal(size=(1, 8)))
    found, scores = filled(ids, vectors).search(query, k)
    exact = np.array([vector @ query[0] for vector in vectors])
    # Copies must tie in the oracle too, so it ranks them by the score of their first occurrence.
    first = {vector.tobytes(): score for vector, score in zip(vectors[::-1], exact[::-1], strict=True)}
    tied = np.array([first[vector.tobytes()] for vector in vectors])
    expected = ids[np.lexsort((ids, -tied))][:k]
    assert found[0][: len(expected)].tolist() == expected.tolist()
    assert (found[0][len(expected) :] == -1).all()
    assert scores[0][: len(expected)] == pytest.approx(np.sort(exact)[::-1][:k], abs=1e-5)
