"""Which photos are compared at all, against comparing each with each."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsearch import candidates, sketches
from simsearch.candidates import NEAR, Candidates
from simsearch.sketches import TURNS, turned

NONE = np.empty(0, dtype=np.int64)


def ints(*values):
    return np.array(values, dtype=np.int64)


def prints_like(*wanted):
    """Prints, one for each (number, turn, blur): those of a number are the same but for turn and blur."""
    made: list[np.ndarray] = []
    for number, turn, blur in wanted:
        picture = np.random.default_rng(number).normal(size=(8, 8))
        signs = (-1.0) ** np.arange(8)
        picture = picture.T if turn & 4 else picture
        picture = picture * np.outer(signs if turn & 2 else np.ones(8), signs if turn & 1 else np.ones(8))
        picture = picture + blur * np.random.default_rng(100 + len(made)).normal(size=(8, 8))
        picture[0, 0] = 0
        made.append(picture / np.linalg.norm(picture))
    return np.array(made, dtype=np.float32).reshape(-1, 8, 8)


def rows(found):
    return list(zip(*(column.tolist() for column in found), strict=True))


def expected(ids, prints, pending):
    """The documented rule: pairs of which one is pending and that are alike when turned."""
    pairs = []
    for one, other in combinations(range(len(ids)), 2):
        cosines, turns = sketches.best_turns(prints[[one]], prints[[other]])
        owners = [id for id in (ids[one], ids[other]) if id in pending]
        if cosines[0] >= 0.8 and owners:
            pairs.append((owners[0], ids[one], ids[other], int(turns[0])))
    return sorted(pairs, key=lambda pair: pair[:3])


# Copies


def test_copies_by_hand():
    """3 and 8 are alike, 9 is 3 upside down; 5 is like nobody. Each pair is there once, the smaller first."""
    ids, prints = ints(3, 5, 8, 9), prints_like((1, 0, 0), (2, 0, 0), (1, 0, 0.05), (1, 3, 0))
    found = candidates.copies(ids, prints, ids)
    assert rows(found) == [(3, 3, 8, 0), (3, 3, 9, 3), (8, 8, 9, 3)]
    assert all(column.dtype == np.int64 for column in found)


@pytest.mark.parametrize(
    ("pending", "owners"),
    [([3], [3, 3]), ([8], [8, 8]), ([9], [9, 9]), ([5], []), ([8, 9], [8, 8, 9]), ([3, 5, 9], [3, 3, 9])],
)
def test_a_pair_belongs_to_the_first_of_it_that_is_pending(pending, owners):
    ids, prints = ints(3, 5, 8, 9), prints_like((1, 0, 0), (2, 0, 0), (1, 0, 0), (1, 0, 0))
    found = candidates.copies(ids, prints, ints(*pending))
    assert found.owners.tolist() == owners
    assert set(zip(found.ones.tolist(), found.others.tolist(), strict=True)) == {
        pair for pair in [(3, 8), (3, 9), (8, 9)] if not set(pair).isdisjoint(pending)
    }


@pytest.mark.parametrize("turn", range(TURNS))
def test_the_turn_is_that_of_the_other_on_the_one(turn):
    """As sketches.turned takes it, so that a picture fits when it is turned so."""
    picture = np.random.default_rng(5).integers(0, 256, (sketches.SIDE,) * 2, dtype=np.uint8)
    other = turned(picture, sketches.back(turn))
    prints = sketches.prints(np.array([picture, other]))
    assert rows(candidates.copies(ints(1, 2), prints, ints(1))) == [(1, 1, 2, turn)]


@pytest.mark.parametrize(("count", "pending"), [(0, []), (1, [1]), (1, []), (2, [1, 2]), (2, [2])])
def test_of_hardly_any_photos_there_are_hardly_any_pairs(count, pending):
    ids, prints = np.arange(1, count + 1), prints_like(*[(1, 0, 0)] * count)
    found = candidates.copies(ids, prints, ints(*pending))
    assert rows(found) == ([(pending[0], 1, 2, 0)] if count == 2 else [])


def test_pending_photos_without_a_print_have_no_pairs():
    """They are blank, and are not handed over, but pending they are."""
    ids, prints = ints(1, 2), prints_like((1, 0, 0), (1, 0, 0))
    assert rows(candidates.copies(ids, prints, ints(7, 8))) == []
    assert rows(candidates.copies(NONE, prints[:0], ints(7, 8))) == []
    assert rows(candidates.copies(ids, prints, ints(2, 7))) == [(2, 1, 2, 0)]


@settings(max_examples=60)
@given(
    kinds=st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 7), st.sampled_from([0, 0.3, 0.7])), max_size=18
    ),
    seed=st.integers(0, 2**32),
    gaps=st.integers(1, 5),
)
def test_copies_are_those_of_comparing_each_with_each(kinds, seed, gaps):
    rng = np.random.default_rng(seed)
    ids, prints = np.cumsum(rng.integers(1, gaps + 1, len(kinds))), prints_like(*kinds)
    pending = ids[rng.random(len(ids)) < rng.random()]
    found = rows(candidates.copies(ids, prints, pending))
    assert sorted(pair[:3] for pair in found) == [
        pair[:3] for pair in expected(ids, prints, set(pending.tolist()))
    ]
    assert [pair[0] for pair in found] == sorted(pair[0] for pair in found)
    for _, one, other, turn in found:
        cosine = sketches.best_turns(prints[ids == one], prints[ids == other])
        assert turn == cosine[1][0]


@pytest.fixture
def crowd():
    """A hundred and twenty photos: forty alone, and forty twice, once turned."""
    alone = [(number, 0, 0.0) for number in range(40)]
    twice = [(100 + number, turn, 0.1) for number in range(40) for turn in (0, number % 8)]
    return np.arange(10, 130), prints_like(*alone, *twice)


@pytest.mark.parametrize("few", [0, 1, 20, 10_000])
def test_a_few_pending_photos_find_the_pairs_that_many_do(crowd, monkeypatch, few):
    """Whether they are compared with all, or all with all through a graph."""
    monkeypatch.setattr(candidates, "_FEW", few)
    monkeypatch.setattr(candidates, "_ROWS_AT_ONCE", 7)
    ids, prints = crowd
    everybody = rows(candidates.copies(ids, prints, ids))
    assert [pair[1:3] for pair in everybody] == [(one, one + 1) for one in range(50, 130, 2)]
    some = ids[::3]
    found = rows(candidates.copies(ids, prints, some))
    assert found == expected(ids, prints, set(some.tolist()))


def test_pairs_are_looked_at_in_parts_of_any_size(crowd, monkeypatch):
    ids, prints = crowd
    whole = rows(candidates.copies(ids, prints, ids))
    monkeypatch.setattr(candidates, "_PAIRS_AT_ONCE", 3)
    assert rows(candidates.copies(ids, prints, ids)) == whole


# A block of owners


def test_the_candidates_of_some_owners():
    found = Candidates(ints(3, 3, 8, 11), ints(3, 3, 8, 4), ints(5, 9, 9, 11), ints(0, 1, 2, 3))
    assert rows(found.of(ints(3))) == [(3, 3, 5, 0), (3, 3, 9, 1)]
    assert rows(found.of(ints(4, 8, 10))) == [(8, 8, 9, 2)]
    assert rows(found.of(ints(4, 5))) == []
    assert rows(found.of(ints(1, 100))) == rows(found)


# Crops


def crops(ids, near, cosines, pending, stand_ins=None):
    width = max(map(len, near), default=0)
    padded = np.array([[*row, *[-1] * (width - len(row))] for row in near], dtype=np.int64)
    padded_cosines = [[*row, *[-np.inf] * (width - len(row))] for row in cosines]
    return rows(
        candidates.crops(
            ints(*ids),
            padded.reshape(len(ids), -1),
            np.array(padded_cosines, dtype=np.float32).reshape(len(ids), -1),
            ints(*pending),
            stand_ins or {},
        )
    )


def test_crops_by_hand(monkeypatch):
    """Each pair once, though both are near each other; not what is too far; never turned."""
    monkeypatch.setattr(candidates, "_NEAREST", 1)
    near, cosines = [[2, 7], [1], [1, 2]], [[0.9, 0.6], [0.9], [0.6, 0.49]]
    assert crops([1, 2, 7], near, cosines, [1, 2, 7]) == [(1, 1, 2, 0), (1, 1, 7, 0)]
    assert crops([1, 2, 7], near, cosines, [7]) == [(7, 1, 7, 0)]
    assert crops([1, 2, 7], near, cosines, []) == []


@pytest.mark.parametrize("one_sided", [[[2], []], [[], [1]]])
def test_it_is_enough_that_one_is_near_the_other(one_sided):
    assert crops([1, 2], one_sided, [[0.7] * len(row) for row in one_sided], [2]) == [(2, 1, 2, 0)]


@pytest.mark.parametrize(("cosine", "count"), [(0.5, 7), (0.499, 5), (-0.3, 5)])
def test_what_is_too_far_is_no_candidate_but_for_the_nearest_few(cosine, count):
    near, cosines = [[2, 3, 4, 5, 6, 7, 8]], [[cosine] * 7]
    assert len(crops([1], near, cosines, [1])) == count


def test_of_copies_the_stand_in_is_compared_once():
    """2 and 3 are copies of 1, all near to 9 and to each other."""
    near = [[2, 3, 9], [1, 3, 9], [1, 2, 9], [1, 2, 3]]
    cosines = [[0.9] * 3] * 4
    stand_ins = {1: (1, 0), 2: (1, 0), 3: (1, 0)}
    assert crops([1, 2, 3, 9], near, cosines, [1, 2, 3, 9], stand_ins) == [(1, 1, 9, 0)]
    assert crops([1, 2, 3, 9], near, cosines, [9], stand_ins) == [(9, 1, 9, 0)]
    assert crops([1, 2, 3, 9], near, cosines, [3], stand_ins) == [], "the one for it was compared before"
    assert crops([1, 2, 3, 9], near, cosines, [1, 9], {1: (9, 0), 9: (9, 0)}) == [(9, 2, 9, 0), (9, 3, 9, 0)]


def test_a_stand_in_need_not_be_near_anything_itself():
    assert crops([1, 9], [[9], [1]], [[0.9], [0.9]], [40], {1: (40, 0)}) == [(40, 9, 40, 0)]


@pytest.mark.parametrize("ids", [(3, 4), (4, 3)])
def test_what_lies_beside_turned_copies_is_laid_on_their_stand_ins_as_they_are(ids):
    """2 is upright in 1; of each a turned copy is compared: the one is turned back, then as the other."""
    picture = np.arange(12).reshape(3, 4)
    for one, other in product(range(TURNS), repeat=2):
        instead = {1: (ids[0], one), 2: (ids[1], other)}
        [(_, first, second, turn)] = crops([1, 2], [[2], [1]], [[0.9], [0.9]], [3, 4], instead)
        assert (first, second) == (3, 4)
        stand_ins = {ids[0]: turned(picture, one), ids[1]: turned(picture, other)}
        assert np.array_equal(turned(stand_ins[second], turn), stand_ins[first])


def test_each_way_to_lie_is_a_candidate_of_its_own():
    near, cosines = [[9], [9], [1, 2]], [[0.9], [0.9], [0.9, 0.9]]
    assert crops([1, 2, 9], near, cosines, [1], {1: (1, 0), 2: (1, 3)}) == [(1, 1, 9, 0), (1, 1, 9, 3)]


@pytest.mark.parametrize("count", [0, 1])
def test_a_photo_alone_is_no_crop(count):
    empty = np.empty((count, NEAR), dtype=np.int64) * 0 - 1
    found = candidates.crops(np.arange(count), empty, np.full(empty.shape, -np.inf), np.arange(count), {})
    assert rows(found) == []
