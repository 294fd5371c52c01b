import numpy as np
import pytest

from simsearch.index.exact import ExactIndex
from simsearch.index.lsh import LshIndex
from simsearch.index.rows import Rows
from simsearch.index.tuning import Settings, choose, draw_sample, usual
from tests.test_index import drawn
from tests.test_index_lsh import clustered, recall

START = Settings(bits=4, tables=16, probes=64)


@pytest.fixture(autouse=True)
def _vectors_are_put_into_buckets(monkeypatch):
    monkeypatch.setattr("simsearch.index.tables._RECENT", 0)


def filled(vectors, seed=0):
    index = LshIndex(vectors.shape[1], START, seed=seed)
    index.add(np.arange(len(vectors)), vectors)
    return index


def rows_of(vectors):
    rows = Rows(vectors.shape[1])
    rows.append(np.arange(len(vectors)), vectors)
    return rows


# The sample


def test_a_sample_asks_for_the_nearest_without_the_query_itself():
    vectors = drawn(500)
    rows = rows_of(vectors)
    rows.remove(np.arange(0, 500, 7))
    sample = draw_sample(rows, seed=3)
    assert (sample.queries.shape, sample.nearest.shape) == ((200, 8), (200, 15))
    scores = vectors @ vectors.T
    scores[:, ::7] = -np.inf
    seen = set()
    for query, nearest in zip(sample.queries, sample.nearest, strict=True):
        (itself,) = np.flatnonzero((vectors == query).all(axis=1))
        assert itself % 7
        seen.add(int(itself))
        order = np.argsort(-scores[itself])
        assert sorted(nearest.tolist()) == sorted(order[order != itself][:15].tolist())
    assert len(seen) == 200


def test_a_seed_draws_the_same_sample_and_another_another():
    rows = rows_of(drawn(500))
    first, again, other = (draw_sample(rows, seed).queries for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_sample_among_copies_has_as_many_of_the_nearest_as_elsewhere():
    """Any of them may stand for the query itself."""
    sample = draw_sample(rows_of(np.repeat(drawn(2), 30, axis=0)), seed=0)
    assert sample.nearest.shape == (60, 15)
    for nearest in sample.nearest:
        assert len(set(nearest.tolist())) == 15
        assert len(set((nearest // 30).tolist())) == 1


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17])
def test_a_sample_of_few(count):
    sample = draw_sample(rows_of(drawn(count)), seed=0)
    assert sample.nearest.shape == (count, min(15, count - 1))
    for query, nearest in zip(sample.queries, sample.nearest, strict=True):
        (itself,) = np.flatnonzero((drawn(count) == query).all(axis=1))
        assert itself not in nearest


# The choice


@pytest.mark.parametrize("count", [0, 1, 100, 10_000, 10**6, 10**9])
def test_usual_settings_can_be_used(count):
    bits, tables, probes, hits = usual(count)
    assert 4 <= bits <= 16 and tables >= 1 and hits == 1
    assert tables <= probes <= tables << min(bits, 10)
    assert bits >= usual(count // 10).bits


def test_a_choice_can_be_used_and_a_greater_wish_is_met_with_more_probes():
    vectors, _ = clustered(2_000, 16)
    rows, center = rows_of(vectors), vectors.mean(axis=0)
    chosen = [choose(rows, center, wish, 0, bits=6, tables=16, hits=2) for wish in (0.8, 0.95, 0.999)]
    assert {settings._replace(probes=0) for settings in chosen} == {Settings(6, 16, 0, 2)}
    probes = [settings.probes for settings in chosen]
    assert probes == sorted(set(probes)) and 1 <= probes[0] and probes[-1] <= 16 << 6
    assert choose(rows, center, 0.95, 0, bits=6, tables=16, hits=2) == chosen[1]  # chance has no part in it


@pytest.mark.parametrize(
    "knobs", [{"bits": 7}, {"tables": 5}, {"hits": 3}, {"probes": 99}, {"bits": 3, "hits": 2}]
)
def test_a_knob_that_is_given_is_not_chosen(knobs):
    vectors, _ = clustered(300, 16)
    settings = choose(rows_of(vectors), vectors.mean(axis=0), 0.8, 0, **knobs)
    assert settings == settings._replace(**knobs)
    assert 1 <= settings.hits <= settings.tables and 1 <= settings.bits <= 16 and settings.probes >= 1


def test_more_hits_than_tables_cannot_be_chosen():
    vectors = drawn(100)
    with pytest.raises(ValueError, match="not 7"):
        choose(rows_of(vectors), vectors.mean(axis=0), 0.9, 0, tables=6, hits=7)


# Tuning


def test_a_tuned_index_finds_the_wished_share_for_queries_it_has_not_seen():
    vectors, queries = clustered(5_000, 32)
    index = filled(vectors)
    wish = 0.9
    tuning = index.tune(wish)
    assert tuning.settings == index.settings
    assert tuning.recall >= wish
    each = recall(index, vectors, queries)
    error = each.std() / np.sqrt(len(each)) + each.std() / np.sqrt(tuning.queries)
    assert each.mean() >= wish - 3 * error
    assert tuning.recall == pytest.approx(each.mean(), abs=4 * error + 0.01)
    shares = index.scanned(queries)
    assert tuning.scanned == pytest.approx(shares.mean(), abs=0.02)  # one in a hundred may be unlike all
    assert shares.mean() < 0.5


def test_what_tuning_says_is_what_is_found():
    vectors, _ = clustered(600, 16)
    index = filled(vectors, seed=4)
    tuning = index.tune(0.9)
    sample = draw_sample(rows_of(vectors), seed=5)  # that after the seed of the hyperplanes
    found = [set(row.tolist()) for row in index.search(sample.queries, 16)[0]]
    shares = [len(near & set(row)) / 15 for near, row in zip(found, sample.nearest.tolist(), strict=True)]
    assert tuning.queries == 200
    assert tuning.recall == pytest.approx(np.mean(shares))
    assert tuning.scanned == pytest.approx(index.scanned(sample.queries, 16).mean())


def test_after_tuning_everything_is_still_there():
    vectors, queries = clustered(400, 16)
    index, exact = filled(vectors), ExactIndex(16)
    exact.add(np.arange(400), vectors)
    for each in (index, exact):
        each.remove(np.arange(0, 400, 3))
    for wish in (0.5, 1.0):
        index.tune(wish)
        assert len(index) == len(exact) == 266
        for array, other in zip(index.search(queries[:5], 266), exact.search(queries[:5], 266), strict=True):
            np.testing.assert_array_equal(array, other)
        itself = np.flatnonzero(np.arange(400) % 3)[::20]
        assert index.search(vectors[itself], 1)[0][:, 0].tolist() == itself.tolist()


def test_a_wish_for_everything_is_measured_as_everything():
    vectors, _ = clustered(200, 8)
    assert filled(vectors).tune(1.0).recall == 1


@pytest.mark.parametrize("wish", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 50])
def test_few_vectors_can_be_tuned_for(count, wish):
    index = filled(drawn(count))
    tuning = index.tune(wish)
    assert tuning.queries == count
    assert wish <= tuning.recall <= 1
    assert index.search(drawn(3), 60)[0].shape == (3, 60)


def test_copies_can_be_tuned_for():
    index = filled(np.repeat(drawn(1), 100, axis=0))
    assert 0 <= index.tune(0.9).recall <= 1
    assert index.search(drawn(1), 3)[0].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("knob", ["probes", "hits"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_knob_below_one_is_refused(knob, value):
    vectors, _ = clustered(100, 8)
    with pytest.raises(ValueError, match=str(value)):
        choose(rows_of(vectors), vectors.mean(axis=0), 0.9, 0, **{knob: value})
