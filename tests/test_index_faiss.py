"""What only FAISS has: tiers, vectors that wait, lists."""

import numpy as np
import pytest

from simsearch.index import faiss_index
from simsearch.index.exact import ExactIndex
from simsearch.index.faiss_index import FaissIndex
from tests.test_index import ORIGIN, assert_holds, drawn, let_few_be_many
from tests.test_index_lsh import clustered, recall, some_and_those_aside


@pytest.fixture
def small_tiers(monkeypatch):
    monkeypatch.setattr(faiss_index, "RABITQ_FROM", 100)
    monkeypatch.setattr(faiss_index, "INVERTED_FROM", 400)
    monkeypatch.setattr(faiss_index, "_WAITING", 20)


def filled(vectors, tier=None, dim=8, **options):
    index = FaissIndex(vectors.shape[1], tier=tier, **options)
    index.add(np.arange(len(vectors)), vectors)
    return index


def tier_of(index):
    return str(index).split()[1].rstrip(":")


@pytest.mark.parametrize("count", [1, 99, 100, 399, 400, 1_000])
def test_the_tier_is_chosen_by_the_number_of_vectors(count, small_tiers):
    index = filled(drawn(count))
    expected = "flat" if count < 100 else "rabitq" if count < 400 else "inverted"
    assert tier_of(index) == expected
    assert not index.worn


def test_an_index_that_has_outgrown_its_tier_is_worn_and_better_when_rebuilt(small_tiers):
    vectors = drawn(500)
    index = filled(vectors[:50])
    tiers = []
    for count in (50, 120, 500):
        index.add(np.arange(len(index), count), vectors[len(index) : count])
        assert index.search(vectors[:count], 1)[0][:, 0].tolist() == list(range(count))
        assert index.worn == (count > 50)
        index = index.rebuilt()
        tiers.append(tier_of(index))
        assert not index.worn
        assert index.search(vectors[:count], 1)[0][:, 0].tolist() == list(range(count))
    assert tiers == ["flat", "rabitq", "inverted"]


def test_an_index_that_has_shrunk_is_rebuilt_into_a_lower_tier(small_tiers):
    index = filled(drawn(500))
    assert tier_of(index) == "inverted"
    index.remove(np.arange(450))
    assert index.worn
    assert tier_of(index.rebuilt()) == "flat"


@pytest.mark.parametrize("tier", ["flat", "rabitq", "inverted"])
def test_a_tier_that_is_asked_for_is_had(tier):
    index = filled(drawn(60), tier)
    assert tier_of(index) == tier_of(index.rebuilt()) == tier
    assert not index.worn


def test_an_unknown_tier_is_refused():
    with pytest.raises(ValueError, match="one of flat, rabitq, inverted, not hnsw"):
        FaissIndex(8, tier="hnsw")


@pytest.mark.parametrize("tier", ["flat", "rabitq", "inverted"])
def test_vectors_are_found_while_they_wait_and_after_faiss_got_them(tier, small_tiers):
    vectors = drawn(300)
    index = filled(vectors[:100], tier)
    waited = set()
    for row in range(100, 300):
        index.search(vectors[:1], 1)
        index.add(np.array([row]), vectors[row : row + 1])
        for number in (row, row - 15, 0):
            assert index.search(vectors[number : number + 1], 1)[0].tolist() == [[number]]
        waited.add(len(index) - index._fed)
    assert waited == set(range(21))


def test_one_of_sixty_four_may_wait(monkeypatch):
    monkeypatch.setattr(faiss_index, "_WAITING", 2)
    monkeypatch.setattr(faiss_index, "_SHARE_WAITING", 10)
    index = filled(drawn(100), "flat")
    index.search(drawn(1), 1)
    for count, fed in ((110, 100), (111, 111), (122, 111), (123, 123)):
        index.add(np.arange(len(index), count), drawn(count - len(index), seed=count))
        index.search(drawn(1), 1)
        assert index._fed == fed


def test_gaps_are_skipped_until_enough_are_found(monkeypatch):
    """All that FAISS finds first were removed, then most, then some."""
    monkeypatch.setattr(faiss_index, "_CANDIDATES", 2)
    query, others = drawn(1), drawn(400, seed=1)
    order = np.argsort(-(others @ query[0]))
    for tier in ("flat", "rabitq", "inverted"):
        index = filled(others, tier)
        index.search(query, 1)
        truth = dict(enumerate(others))
        for start in range(0, 400, 40):
            assert_holds(truth, index, query[0], 10, exactly=False)
            gone = order[start : start + 40]
            index.remove(gone)
            for row in gone.tolist():
                del truth[row]
        assert (index.search(query, 3)[0] == -1).all()


@pytest.mark.parametrize(("tier", "least"), [("flat", 1), ("rabitq", 0.99), ("inverted", 0.98)])
def test_nearly_all_of_the_nearest_are_found(tier, least):
    vectors, queries = clustered(3_000, 32)
    assert recall(filled(vectors, tier), vectors, queries).mean() >= least


@pytest.mark.parametrize(("tier", "least"), [("flat", 1), ("rabitq", 0.99), ("inverted", 0.98)])
def test_among_some_nearly_all_of_the_nearest_are_found(tier, least, monkeypatch):
    let_few_be_many(monkeypatch)
    monkeypatch.setattr(faiss_index, "_CANDIDATES", 20)  # of 3,000 ten per cent
    vectors, queries = clustered(3_000, 32)
    index = filled(vectors, tier)
    least = min(least, recall(index, vectors, queries).mean()) - 0.01
    found = [
        [
            recall(index, vectors, query[None], among=among).item()
            for among in some_and_those_aside(vectors, query)
        ]
        for query in queries[:60]
    ]
    assert np.mean(found, axis=0).min() >= least


@pytest.mark.parametrize("tier", ["flat", "rabitq", "inverted"])
def test_sign_bits_are_read_for_what_is_spread_as_all(tier, monkeypatch):
    let_few_be_many(monkeypatch)
    vectors, queries = clustered(3_000, 32)
    index = filled(vectors, tier)
    index.search(queries[:1], 15)
    index.add(np.arange(3_000, 3_100), vectors[:100])  # which wait
    half = index._rows.selection(np.arange(0, 3_100, 2))
    for query in queries[:50]:
        rows = index._candidates(query, 10, half)
        assert rows is not None and half.allowed[rows].all()
        assert len(set(rows.tolist())) == len(rows) < 1_500
        assert set(range(3_000, 3_100, 2)) <= set(rows.tolist())


def test_as_many_lists_are_read_as_it_takes(monkeypatch):
    vectors, queries = clustered(3_000, 32)
    index = filled(vectors, "inverted")
    few = recall(index, vectors, queries).mean(), index.scanned(queries).mean(), index._faiss.nprobe
    monkeypatch.setattr(faiss_index, "_MISSED", -1.0)  # never reached
    index = filled(vectors, "inverted")
    all_lists = recall(index, vectors, queries).mean(), index.scanned(queries).mean(), index._faiss.nprobe
    assert few[0] <= all_lists[0] and few[1] <= all_lists[1] == 1
    assert few[2] <= all_lists[2] == index._faiss.nlist


def test_the_share_that_is_scanned_counts_what_waits():
    vectors, queries = clustered(3_000, 32)
    index = filled(vectors, "inverted")
    before = index.scanned(queries)
    index.add(np.arange(3_000, 3_400), queries[:1] + 0.01 * drawn(400, dim=32))
    after = index.scanned(queries)
    np.testing.assert_allclose(after * 3_400, before * 3_000 + 400)
    assert (after <= 1 + 1e-9).all()


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_vectors_kept_in_less_memory_are_found_as_the_exact_index_finds_them(precision, tmp_path):
    vectors, queries = clustered(500, 16)
    index, exact = filled(vectors, precision=precision), ExactIndex(16, precision=precision)
    exact.add(np.arange(500), vectors)
    index.save(tmp_path / "faiss", ORIGIN)
    for each in (index, FaissIndex.load(tmp_path / "faiss", ORIGIN)[0]):
        for array, other in zip(each.search(queries, 15), exact.search(queries, 15), strict=True):
            np.testing.assert_array_equal(array, other)


def test_what_it_takes_is_counted():
    sizes = [filled(drawn(1_000, dim=64), tier).nbytes for tier in ("flat", "rabitq", "inverted")]
    exact = ExactIndex(64)
    exact.add(np.arange(1_000), drawn(1_000, dim=64))
    flat, rabitq, inverted = (size - exact.nbytes for size in sizes)
    assert flat == 1_000 * 64 * 2
    assert 1_000 * 8 <= rabitq < flat / 4  # a bit a number and a little
    assert inverted == pytest.approx(rabitq + 8_000, rel=0.3)
