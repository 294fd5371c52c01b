import math
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from simsearch.index import tables as tables_module
from simsearch.index.hyperplanes import Aim, Hyperplanes, found_probability
from simsearch.index.lsh import LshIndex
from simsearch.index.tables import SortedTables
from simsearch.index.tuning import Settings
from tests.test_index import assert_holds, drawn, let_few_be_many, unit

SHAPES = [(1, 1), (3, 4), (2, 8), (3, 9), (2, 16)]  # tables and bits


def collision_probability(cosine: np.ndarray, bits: int, tables: int) -> np.ndarray:
    """Return how likely two vectors share a bucket in some table: 1 - (1 - p ** bits) ** tables.

    Parameters
    ----------
    cosine
        Of the angle between the two, both seen from the centre.
    """
    one_bit = 1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi
    probability: np.ndarray = 1 - (1 - one_bit**bits) ** tables
    return probability


every_shape = pytest.mark.parametrize(("tables", "bits"), SHAPES)


def slow_code(normals, vector):
    """The code of a vector in one table, from its definition."""
    sides = [math.fsum(map(float.__mul__, normal, vector.tolist())) > 0 for normal in normals.tolist()]
    return sum(1 << place for place, side in enumerate(sides) if side)


def slow_costs(planes, query):
    """What each bucket within reach costs, by table and code: squares of the distances that are crossed.

    Of more than ten bits only the ten nearest to the query may be crossed.
    """
    costs = {}
    for table, normals in enumerate(planes.normals.tolist()):
        away = (query - planes.center).tolist()
        distances = [math.fsum(map(float.__mul__, normal, away)) for normal in normals]
        code = sum(1 << place for place, distance in enumerate(distances) if distance > 0)
        weak = sorted(range(len(distances)), key=lambda place: abs(distances[place]))[:10]
        for choice in range(1 << len(weak)):
            crossed = [place for number, place in enumerate(weak) if choice >> number & 1]
            mask = sum(1 << place for place in crossed)
            costs[table, code ^ mask] = sum(distances[place] ** 2 for place in crossed)
    return costs


def drawn_tables(tables, bits, count, seed=0):
    """Sorted tables, and what they hold as a dictionary of lists."""
    codes = np.random.default_rng(seed).integers(0, 1 << bits, (count, tables)).astype(np.uint16)
    table, buckets = SortedTables.empty(tables, bits), defaultdict(list)
    for row, row_codes in enumerate(codes.tolist()):
        for number, code in enumerate(row_codes):
            buckets[number, code].append(row)
    return table, codes, buckets


def clustered(count, dim, seed=0):
    """Vectors as photos' embeddings are: clusters, and a mean that all share. And fresh ones of the same."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((40, dim)) + 1.5 * rng.standard_normal(dim)
    both = centers[rng.integers(0, 40, count + 300)] + 0.6 * rng.standard_normal((count + 300, dim))
    return unit(both[:count]), unit(both[count:])


def recall(index, vectors, queries, k=15, among=None):
    """The share of the true nearest, among some or all, that was found, for each query."""
    scores = queries @ vectors.T
    if among is not None:
        scores[:, ~np.isin(np.arange(len(vectors)), among)] = -1
    truth = np.argsort(-scores, axis=1)[:, :k]
    found = index.search(queries, k, among)[0]
    return np.array([np.isin(*pair).mean() for pair in zip(truth, found, strict=True)])


# Hyperplanes


def test_a_seed_gives_the_same_hyperplanes_and_another_others():
    first, again, other = (Hyperplanes.draw(32, 4, 8, seed).normals for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (np.abs(np.einsum("tbd,tbd->tb", first, other)) < 0.9).all()


def test_the_seed_of_an_index_is_that_of_its_hyperplanes():
    indexes = [LshIndex(16, Settings(4, 4, 4), seed=seed) for seed in (1, 1, 2)]
    normals = [index.hyperplanes.normals for index in indexes]
    np.testing.assert_array_equal(normals[0], normals[1])
    assert not np.array_equal(normals[0], normals[2])
    np.testing.assert_array_equal(normals[2], indexes[2].rebuilt().hyperplanes.normals)


@pytest.mark.parametrize(("dim", "tables", "bits"), [(8, 1, 8), (8, 5, 4), (6, 7, 5), (32, 2, 3), (1, 2, 2)])
def test_hyperplanes_are_orthogonal_in_blocks_of_dim(dim, tables, bits):
    planes = Hyperplanes.draw(dim, tables, bits, 77)
    assert (planes.tables, planes.bits, planes.dim) == (tables, bits, dim)
    assert planes.normals.dtype == np.float32
    assert planes.center.tolist() == [0] * dim
    normals = planes.normals.reshape(-1, dim)
    for start in range(0, len(normals), dim):
        block = normals[start : start + dim]
        np.testing.assert_allclose(block @ block.T, np.eye(len(block)), atol=1e-5)


def test_normals_point_everywhere_alike():
    """A rotation from QR alone has a first column that points to one side more often than to the other."""
    normals = np.concatenate([Hyperplanes.draw(4, 1, 4, seed).normals[0] for seed in range(500)])
    assert np.abs(normals.mean(axis=0)).max() < 4 * 0.5 / math.sqrt(2_000)
    for place in range(4):  # each of a block by itself
        assert np.abs(normals[place::4].mean(axis=0)).max() < 4 * 0.5 / math.sqrt(500)


@every_shape
def test_codes_are_those_of_a_slow_computation(tables, bits):
    center = np.float32(0.3) * drawn(1, seed=1, dim=12)[0]
    planes = Hyperplanes.draw(12, tables, bits, 3).through(center)
    vectors = drawn(50, seed=2, dim=12)
    codes = planes.codes(vectors)
    assert codes.dtype == np.uint16
    assert codes.shape == (50, tables)
    expected = [[slow_code(normals, vector - center) for normals in planes.normals] for vector in vectors]
    assert codes.tolist() == expected
    assert [planes.aim(vector).code.tolist() for vector in vectors] == expected


def test_codes_come_in_blocks_and_none_of_none(monkeypatch):
    planes = Hyperplanes.draw(12, 3, 9, 77)
    vectors = drawn(50, dim=12)
    whole = planes.codes(vectors)
    monkeypatch.setattr("simsearch.index.hyperplanes._VECTORS_AT_ONCE", 7)
    np.testing.assert_array_equal(planes.codes(vectors), whole)
    assert planes.codes(vectors[:0]).shape == (0, 3)


@pytest.mark.parametrize("bits", [17, 40])
def test_more_bits_than_a_code_has_are_refused(bits):
    for make in (lambda: Hyperplanes.draw(8, 4, bits, 77), lambda: LshIndex(8, Settings(bits, 4, 4))):
        with pytest.raises(ValueError, match=f"bits must be from 1 to 16, not {bits}"):
            make()


@pytest.mark.parametrize("bits", [0, -1])
def test_hyperplanes_without_bits_are_refused(bits):
    with pytest.raises(ValueError, match=f"bits must be from 1 to 16, not {bits}"):
        Hyperplanes.draw(8, 4, bits, 77)


@pytest.mark.parametrize("knob", Settings._fields)
@pytest.mark.parametrize("value", [0, -1])
def test_settings_below_one_are_refused(knob, value):
    with pytest.raises(ValueError, match=f"{knob} must be from 1 to .*, not {value}"):
        LshIndex(8, Settings(4, 4, 4)._replace(**{knob: value}))


def test_more_hits_than_tables_are_refused():
    with pytest.raises(ValueError, match="hits must be from 1 to 8, not 9"):
        LshIndex(8, Settings(4, 8, 16, hits=9))


# Probes


@every_shape
def test_the_cheapest_buckets_are_probed_and_the_querys_own_first(tables, bits):
    planes = Hyperplanes.draw(20, tables, bits, 77).through(np.float32(0.2) * drawn(1, dim=20)[0])
    query = drawn(1, seed=1, dim=20)[0]
    costs, aim = slow_costs(planes, query), planes.aim(query)
    assert aim.reach == planes.reach == len(costs)
    ordered = sorted(costs.values())
    for count in {1, tables, tables + 1, 7, 100, aim.reach - 1, aim.reach, aim.reach + 9}:
        if count < 1:
            continue
        probed = list(zip(*(array.tolist() for array in aim.probes(count)), strict=True))
        assert len(set(probed)) == len(probed) == min(count, aim.reach)
        assert set(probed) <= set(costs)
        np.testing.assert_allclose(sorted(costs[bucket] for bucket in probed), ordered[:count], atol=1e-6)
    own = set(enumerate(aim.code.tolist()))
    assert set(zip(*(array.tolist() for array in aim.probes(tables)), strict=True)) == own


@settings(max_examples=50)
@given(
    shape=st.sampled_from([(1, 3), (4, 3), (8, 4), (3, 11), (2, 16)]),
    hits=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_as_many_probes_are_needed_as_it_really_takes(shape, hits, seed):
    """A code is met in so many tables with p probes if p are enough, and with fewer it is not."""
    tables, bits = shape
    hits = min(hits, tables)
    planes = Hyperplanes.draw(10, tables, bits, seed)
    query = drawn(1, seed + 5_000, dim=10)[0]
    aim = planes.aim(query)
    codes = planes.codes(unit(query + 0.4 * drawn(12, seed + 7_000, dim=10)))
    sorted_tables = SortedTables.empty(tables, bits)
    sorted_tables.add(np.arange(12), codes)
    sorted_tables.sort_in()

    def met(probes):
        return np.bincount(sorted_tables.look(*aim.probes(probes)), minlength=12)

    needed = aim.probes_needed(codes, hits)
    costs = np.sort(list(slow_costs(planes, query).values()))
    for row, probes in enumerate(needed.tolist()):
        if probes > aim.reach:
            assert met(aim.reach)[row] < hits
            continue
        assert met(probes)[row] >= hits
        cheaper = int(np.searchsorted(costs, costs[probes - 1] * (1 - 1e-4) - 1e-9))
        assert not cheaper or met(cheaper)[row] < hits  # buckets that cost the same are left out


def test_how_many_tables_meet_a_code_is_what_looking_finds():
    planes = Hyperplanes.draw(16, 12, 5, 77)
    codes = planes.codes(drawn(300, dim=16))
    tables = SortedTables.empty(12, 5)
    tables.add(np.arange(300), codes)
    tables.sort_in()
    for query in drawn(5, seed=1, dim=16):
        aim = planes.aim(query)
        for probes in (1, 12, 50, 200, aim.reach, aim.reach + 1):
            met = np.bincount(tables.look(*aim.probes(probes)), minlength=300)
            # Where the query's own buckets are not all probed, those that are left cost the same.
            expected = (aim.crossing_costs(codes) <= aim.dearest(max(probes, 12))).sum(axis=1)
            assert (met <= expected).all()
            if probes >= 12:
                assert (met != expected).sum() <= 3


def test_a_query_on_a_hyperplane_does_no_harm():
    """Its distance is zero: both sides cost the same, and neither must be lost."""
    planes = Hyperplanes.draw(8, 4, 3, 77)
    query = planes.normals[0, 1].copy()  # orthogonal to the other hyperplanes of its block
    query = unit([query - sum(query @ normal * normal for normal in planes.normals[0, [0, 2]])])[0]
    index = LshIndex(8, Settings(3, 4, 6))
    vectors = unit(query + 0.05 * drawn(60, dim=8))
    index.add(np.arange(60), vectors)
    for center in (index.hyperplanes.center, query, vectors[0]):  # on all hyperplanes at once
        index.hyperplanes = index.hyperplanes.through(center)
        assert_holds(dict(enumerate(vectors)), index, query, 60, exactly=True)
        assert_holds(dict(enumerate(vectors)), index, query, 5, exactly=False)
        needed = index.hyperplanes.aim(query).probes_needed(index.hyperplanes.codes(vectors))
        assert ((needed >= 1) & (needed <= index.hyperplanes.reach + 1)).all()


def test_a_margin_of_zero_is_probed_among_the_first():
    aim = Aim(np.array([[0.5, 0.0], [0.3, -0.4]], dtype=np.float32))
    assert aim.code.tolist() == [1, 1]
    tables, codes = aim.probes(3)
    assert sorted(zip(tables.tolist(), codes.tolist(), strict=True)) == [(0, 1), (0, 3), (1, 1)]
    codes = np.array([[1, 2], [3, 2], [2, 1], [0, 2], [0, 3], [2, 2]], dtype=np.uint16)
    assert aim.probes_needed(codes).tolist() == [3, 3, 3, 8, 5, 8]


# Tables


@given(
    tables=st.integers(1, 5),
    bits=st.sampled_from([1, 4, 9, 16]),
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    recent=st.integers(0, 20),
    seed=st.integers(0, 1000),
)
def test_sorted_tables_give_the_rows_of_a_dictionary_of_lists(tables, bits, sizes, recent, seed):
    count = sum(sizes)
    table, codes, buckets = drawn_tables(tables, bits, count, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables_module, "_RECENT", recent)
        start = 0
        for size in sizes:
            table.add(np.arange(start, start + size), codes[start : start + size])
            start += size
            assert len(table.recent) <= max(recent, start // 64)
    waiting = set(table.recent.tolist())
    asked = [*buckets, *((number, 0) for number in range(tables))]
    for bucket in asked:
        found = table.look(np.array(bucket[:1]), np.array(bucket[1:])).tolist()
        assert found == [row for row in buckets.get(bucket, []) if row not in waiting]
    many = np.array(asked).T
    expected = [row for bucket in asked for row in buckets.get(bucket, []) if row not in waiting]
    assert table.look(*many).tolist() == expected
    arrays = {name: np.concatenate(parts) for name, parts in table.arrays().items()}  # sorts in what waits
    again = SortedTables(arrays["table_rows"], arrays["table_starts"])
    assert len(table.recent) == len(again.recent) == 0
    for same in (table, again):
        assert sorted(same.look(*many).tolist()) == sorted(row for b in asked for row in buckets.get(b, []))


def test_looking_nowhere_finds_nothing():
    table, codes, _ = drawn_tables(2, 3, 20)
    none = np.empty(0, dtype=np.int64)
    assert table.look(none, none).tolist() == []
    table.add(np.arange(20), codes)
    table.arrays()
    assert table.look(none, none).tolist() == []


def test_rows_are_found_while_they_wait_and_after_they_were_sorted_in(monkeypatch):
    monkeypatch.setattr(tables_module, "_RECENT", 20)
    index = LshIndex(8, Settings(4, 4, 4))
    vectors = drawn(300)
    index.add(np.arange(100), vectors[:100])
    seen = set()
    for row in range(100, 300):
        index.add(np.array([row]), vectors[row : row + 1])
        waiting = len(index._tables.recent)
        seen.add(waiting)
        for number in (row, row - 30, 0):
            assert index.search(vectors[number : number + 1], 1)[0].tolist() == [[number]]
    assert seen == set(range(21))


def test_buckets_are_those_of_datasketch():
    """The same codes as bands of one hash value each, in a library that many use."""
    tables, bits = 6, 5
    planes = Hyperplanes.draw(16, tables, bits, 77)
    vectors = drawn(500, seed=4, dim=16)
    codes = planes.codes(vectors)
    ours = SortedTables.empty(tables, bits)
    ours.add(np.arange(500), codes)
    ours.arrays()
    theirs = MinHashLSH(num_perm=tables, params=(tables, 1))
    hashes = [MinHash(num_perm=tables) for _ in range(500)]
    for minhash, code in zip(hashes, codes, strict=True):
        minhash.hashvalues = code.astype(np.uint64)
    for row, minhash in enumerate(hashes):
        theirs.insert(row, minhash)
    sizes = []
    for code, minhash, vector in zip(codes, hashes, vectors, strict=True):
        expected = set(theirs.query(minhash))
        assert set(ours.look(np.arange(tables), code.astype(np.int64)).tolist()) == expected
        assert set(ours.look(*planes.aim(vector).probes(tables)).tolist()) == expected
        sizes.append(len(expected))
    assert 10 < np.mean(sizes) < 250  # neither nothing nor everything


# Probabilities


@cache
def many_hyperplanes(bits, tables):
    return [Hyperplanes.draw(128, tables, bits, seed) for seed in range(8)]


@pytest.mark.parametrize(("bits", "tables"), [(4, 4), (8, 8)])
@pytest.mark.parametrize("cosine", [0.95, 0.8, 0.5, 0.0])
def test_vectors_collide_as_often_as_the_formula_says(bits, tables, cosine):
    """In 128 numbers, where orthogonal hyperplanes are as good as independent ones."""
    rng = np.random.default_rng(1_234)  # none of the hyperplanes' seeds
    met = []
    for planes in many_hyperplanes(bits, tables):
        one = unit(rng.standard_normal((200, 128)))
        across = rng.standard_normal((200, 128))
        across = unit(across - (across * one).sum(axis=1, keepdims=True) * one)
        other = (cosine * one + math.sqrt(1 - cosine**2) * across).astype(np.float32)
        met.append((planes.codes(one) == planes.codes(other)).any(axis=1))
    expected = float(collision_probability(np.array(cosine), bits, tables))
    assert np.mean(met) == pytest.approx(expected, abs=3.5 * math.sqrt(expected * (1 - expected) / 1_600))


def test_the_formula_at_its_ends():
    cosines = np.array([1.0, 0.0, -1.0, 1.0000001, -1.0000001])
    np.testing.assert_allclose(collision_probability(cosines, 1, 1), [1, 0.5, 0, 1, 0], atol=1e-7)
    np.testing.assert_allclose(collision_probability(np.array(0.0), 3, 2), 1 - (7 / 8) ** 2)


@pytest.mark.parametrize(("bits", "tables"), [(4, 4), (8, 6)])
def test_with_a_probe_a_table_as_many_are_found_as_collide(bits, tables):
    cosines = np.array([0.95, 0.7, 0.2])
    expected = collision_probability(cosines, bits, tables)
    found = found_probability(cosines, bits, tables, probes=tables, hits=1)
    assert (np.abs(found - expected) <= 3.5 * np.sqrt(expected * (1 - expected) / 400)).all()


def test_more_probes_find_more_and_more_hits_find_less():
    cosines = np.array([0.8, 1.0, 1.0000001])
    found = [found_probability(cosines, 8, 6, probes, 1)[0] for probes in (1, 6, 30, 200, 6 << 8)]
    assert found == sorted(found) and found[0] < 0.5 and found[-1] == 1
    found = [found_probability(cosines, 8, 6, 60, hits)[0] for hits in range(1, 7)]
    assert found == sorted(found, reverse=True) and found[0] > found[-1]
    assert found_probability(cosines, 8, 6, 6, hits=6)[1:].tolist() == [1, 1]


def test_probes_beyond_all_there_are_find_no_more_than_all():
    cosines = np.array([0.0, 0.3])
    beyond, all_there_are = (found_probability(cosines, 16, 1, probes, 1) for probes in (2_000, 1_024))
    assert beyond.tolist() == all_there_are.tolist()
    assert beyond[0] < 0.5


# The index


def test_hyperplanes_go_through_the_mean_and_move_when_the_index_has_outgrown_it():
    index = LshIndex(16, Settings(4, 6, 12))
    first, second = (unit(drawn(100, seed, dim=16) + shift) for seed, shift in ((0, 0.5), (1, -0.5)))
    index.add(np.arange(100), first)
    np.testing.assert_allclose(index.hyperplanes.center, first.mean(axis=0), atol=1e-6)
    index.add(np.arange(100, 400), np.repeat(second, 3, axis=0))  # four times as many: not yet
    np.testing.assert_allclose(index.hyperplanes.center, first.mean(axis=0), atol=1e-6)
    before = index.search(second[:3], 3)
    last = drawn(1, seed=2, dim=16)
    index.add(np.array([400]), last)
    center = np.concatenate([first, np.repeat(second, 3, axis=0), last]).mean(axis=0)
    np.testing.assert_allclose(index.hyperplanes.center, center, atol=1e-6)
    for array, other in zip(before, index.search(second[:3], 3), strict=True):
        np.testing.assert_array_equal(array, other)
    for number in (0, 50, 99):
        assert index.search(first[number : number + 1], 1)[0].tolist() == [[number]]
    assert len(index) == 401


def test_after_the_hyperplanes_moved_the_codes_are_those_of_the_new_ones():
    index = LshIndex(16, Settings(4, 6, 12))
    vectors = unit(drawn(700, dim=16) + 0.4)
    for start in range(0, 700, 70):
        index.add(np.arange(start, start + 70), vectors[start : start + 70])
    assert isinstance(index._tables, SortedTables)
    index._tables.arrays()
    codes = index.hyperplanes.codes(vectors)
    for row in range(0, 700, 13):
        for table in range(6):
            found = index._tables.look(np.array([table]), codes[row, [table]].astype(np.int64))
            assert found.tolist() == np.flatnonzero(codes[:, table] == codes[row, table]).tolist()


@pytest.mark.parametrize(("hits", "probes"), [(1, [8, 12, 20, 40, 80, 256]), (3, [60, 80, 120, 180, 256])])
def test_more_probes_never_find_less(hits, probes, monkeypatch):
    """Where enough is met: where it is too little, a search widens by itself, and may find more."""
    monkeypatch.setattr(tables_module, "_RECENT", 0)
    vectors, queries = clustered(450, 16)  # so few that all that is met is ranked exactly
    index = LshIndex(16, Settings(5, 8, 1, hits))
    index.add(np.arange(450), vectors)
    recalls, shares = [], []
    for count in probes:
        index.settings = Settings(5, 8, count, hits)
        scanned = index.scanned(queries)
        enough = scanned * 450 >= 15
        recalls.append(recall(index, vectors, queries))
        shares.append(np.where(enough, scanned, np.nan))
    steps = zip(zip(recalls, shares, strict=True), zip(recalls[1:], shares[1:], strict=True), strict=False)
    for (some, share), (more, larger) in steps:
        there = ~np.isnan(share)
        assert there.mean() > 0.3
        assert (more >= some)[there].all()
        assert (larger >= share)[there].all()
    assert (recalls[-1] == 1).all() and (shares[-1] == 1).all()
    assert recalls[0].mean() < 0.99 and np.nanmean(shares[0]) < 0.6


@pytest.mark.parametrize("hits", [5, 6, 9])
def test_fewer_entries_met_than_hits_are_asked_for(hits, monkeypatch):
    monkeypatch.setattr(tables_module, "_RECENT", 0)
    vectors = drawn(4)
    for seed in range(20):
        index = LshIndex(8, Settings(6, 16, 16, hits), seed=seed)
        index.add(np.arange(4), vectors)
        for query in drawn(20, seed=1):
            assert_holds(dict(enumerate(vectors)), index, query, 2, exactly=False)


def test_probes_needed_for_ids_say_which_are_missed(monkeypatch):
    monkeypatch.setattr(tables_module, "_RECENT", 0)
    vectors = drawn(300, dim=16)
    index = LshIndex(16, Settings(5, 6, 12))
    ids = np.random.default_rng(0).permutation(1_000)[:300]
    index.add(ids, vectors)
    for query in drawn(10, seed=1, dim=16):
        needed = index.probes_needed(query, ids)
        assert needed.dtype == np.int64
        assert needed.shape == (300,)
        scanned = index.scanned(query[None])[0] * 300
        assert (needed <= 12).sum() == pytest.approx(scanned, abs=4)  # of equal costs one may be the last


def test_probes_needed_for_an_id_that_is_not_there_are_refused():
    index = LshIndex(8, Settings(4, 4, 4))
    index.add(np.arange(20), drawn(20))
    with pytest.raises(ValueError, match="99"):
        index.probes_needed(drawn(1)[0], np.array([99]))


def test_where_much_is_found_the_likelier_of_it_is_ranked(monkeypatch):
    monkeypatch.setattr("simsearch.index.lsh._RERANKED_AT_LEAST", 50)
    monkeypatch.setattr("simsearch.index.lsh._RERANKED", 3)
    vectors, queries = clustered(2_000, 32)
    index = LshIndex(32, Settings(8, 16, 16 << 8))
    index.add(np.arange(2_000), vectors)
    assert index.scanned(queries[:1]).tolist() == [1]
    for k, ranked in ((15, 50), (20, 60)):
        rows = index._candidates(queries[0], k, None)
        assert rows is not None and len(set(rows.tolist())) == len(rows) == ranked
    assert recall(index, vectors, queries).mean() > 0.6  # of 2,000 one in 40 by 128 bits


def some_and_those_aside(vectors, query):
    """Ids of a random half, of those nearer to a query than half are, and of all but those near to it."""
    order = np.argsort(-(vectors @ query))
    half = len(vectors) // 2
    yield np.random.default_rng(0).permutation(len(vectors))[:half]
    yield order[:half]
    yield from (order[near:] for near in (15, 45, 200, half))


def test_among_some_as_much_is_found_as_among_all(monkeypatch):
    let_few_be_many(monkeypatch)
    monkeypatch.setattr(tables_module, "_RECENT", 0)
    monkeypatch.setattr("simsearch.index.lsh._RERANKED_AT_LEAST", 300)
    vectors, queries = clustered(3_000, 32)
    index = LshIndex(32, Settings(8, 16, 400))
    index.add(np.arange(3_000), vectors)
    index.settle()
    among_all = recall(index, vectors, queries).mean()
    assert among_all > 0.9
    found = [
        [recall(index, vectors, query[None], among=among).item() for query in queries[:100]]
        for among in some_and_those_aside(vectors, queries[0])
    ]
    assert np.mean(found, axis=1).min() >= among_all - 0.01
    aside = [list(some_and_those_aside(vectors, query))[2:] for query in queries[:60]]
    found = [
        [recall(index, vectors, query[None], among=among).item() for among in choices]
        for query, choices in zip(queries, aside, strict=False)
    ]
    assert np.mean(found, axis=0).min() >= among_all - 0.01


def test_what_is_spread_as_all_is_looked_for_in_buckets(monkeypatch):
    let_few_be_many(monkeypatch)
    monkeypatch.setattr(tables_module, "_RECENT", 0)
    vectors, queries = clustered(3_000, 32)
    index = LshIndex(32, Settings(8, 16, 100))
    index.add(np.arange(3_000), vectors)
    half = index._rows.selection(np.arange(0, 3_000, 2))
    found = [index._candidates(query, 15, half) for query in queries[:50]]
    assert np.mean([rows is None for rows in found]) < 0.1
    for rows in found:
        assert rows is None or (half.allowed[rows].all() and len(set(rows.tolist())) == len(rows) < 1_500)


@pytest.mark.parametrize("tables", [1, 3, 4, 5, 16])
def test_signatures_differ_in_as_many_bits_as_the_codes(tables):
    from simsearch.index.lsh import _signatures

    codes = np.random.default_rng(0).integers(0, 1 << 16, (20, tables)).astype(np.uint16)
    words = _signatures(codes)
    assert words.dtype == np.uint64
    assert words.shape == (20, -(-tables // 4))
    differing = np.bitwise_count(words[1:] ^ words[:1]).sum(axis=1)
    expected = [
        sum((one ^ other).bit_count() for one, other in zip(row, codes[0].tolist(), strict=True))
        for row in codes[1:].tolist()
    ]
    assert differing.tolist() == expected


def test_it_says_what_it_does():
    said = str(LshIndex(8, Settings(8, 6, 1234)))
    assert "8 bits x 6 tables" in said and "1,234 buckets" in said
    assert "met in 3 of them" in str(LshIndex(8, Settings(5, 6, 12, 3)))
