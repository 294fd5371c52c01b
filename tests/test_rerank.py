"""Re-ranking against the rule that it documents, computed here with dictionaries."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsearch import rerank
from simsearch.rerank import FEWEST, NEIGHBOURS, POOL, folded, order, profile, query_vector, scores, varied

# The documented rule: a neighbour counts 0.93 of the one before it; the own neighbours of the query's first
# three count as well, with 1, 0.7 and 0.49; half of a score is the cosine, half what both have in common.
FADING, EXPANSION = 0.93, (1.0, 0.7, 0.49)

NOBODY = np.empty((0, 2), dtype=np.float32)


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float32)


def at(*degrees):
    """Unit vectors in the plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def lists_of(*rows, width=NEIGHBOURS):
    return np.array([[*row, *[-1] * (width - len(row))] for row in rows], dtype=np.int64).reshape(-1, width)


def expected_profile(nearest, graph):
    """The photos around a query, as a dictionary of length 1."""
    weights: dict[int, float] = {}
    for rank, photo in enumerate(nearest[:20]):
        weights[photo] = weights.get(photo, 0) + FADING**rank
    for photo, share in zip(nearest, EXPANSION, strict=False):
        for rank, other in enumerate(graph.get(photo, [])[:20]):
            weights[other] = weights.get(other, 0) + share * FADING**rank
    length = math.hypot(*weights.values())
    return {photo: weight / length for photo, weight in weights.items()}


def expected_score(cosine, photo, graph, query):
    own = {photo: 1.0, **{other: FADING**rank for rank, other in enumerate(graph[photo])}}
    shared = sum(weight * query.get(other, 0) for other, weight in own.items()) / math.hypot(*own.values())
    return 0.5 * cosine + 0.5 * (shared if graph[photo] else cosine)


# The query


def test_one_example_is_the_query():
    assert np.allclose(query_vector(at(40), NOBODY), at(40)[0])


def test_several_examples_are_their_mean():
    query = query_vector(at(0, 60), NOBODY)
    assert np.allclose(query, at(30)[0], atol=1e-6) and query.dtype == np.float32


def test_what_is_not_wanted_counts_half():
    """Likes at 0 degrees, dislikes at 90 and at 90: (1, -0.5), at length 1."""
    assert np.allclose(query_vector(at(0), at(90)), [2 / 5**0.5, -1 / 5**0.5])
    assert np.allclose(query_vector(at(0), at(90, 90)), [2 / 5**0.5, -1 / 5**0.5])
    assert np.allclose(query_vector(at(0, 90), at(90)), [1, 0])


def test_liked_and_disliked_is_liked():
    assert np.allclose(query_vector(at(25), at(25)), at(25)[0], atol=1e-6)


def test_examples_that_cancel_each_other_are_a_direction_all_the_same():
    query = query_vector(floats([1, 0], [-1, 0]).reshape(2, 2), NOBODY)
    assert np.isfinite(query).all() and np.linalg.norm(query) == pytest.approx(1)


# Profile and scores


GRAPH = {
    1: [2, 3, 4],
    2: [1, 3],
    3: [1, 2, 5],
    4: [5, 1],
    5: [4, 3, 6],
    6: [5],
    7: [8],
    8: [7],
    9: [],
}
NEAREST = [1, 2, 4, 3]


def known():
    return profile(ints(*NEAREST), lists_of(*(GRAPH[photo] for photo in NEAREST)))


def test_a_profile_by_hand():
    """Photo 5 is in it for being the first neighbour of the third: 0.49 of 1."""
    found = known()
    expected = expected_profile(NEAREST, GRAPH)
    assert found.ids.tolist() == sorted(expected) == [1, 2, 3, 4, 5]
    assert np.allclose(found.weights, [expected[photo] for photo in found.ids.tolist()])
    assert np.linalg.norm(found.weights) == pytest.approx(1)
    length = found.weights[1] / (FADING + 1 * 1)  # photo 2: second, and first neighbour of the first
    assert found.weights[4] == pytest.approx(0.49 * length)


def test_weights_by_hand():
    found = known()
    assert np.allclose(found.of(ints(5, 1)), [found.weights[4], found.weights[0]])
    assert found.of(ints(-1, 0, 6, 99)).tolist() == [0, 0, 0, 0]
    assert found.of(np.array([[1, -1], [7, 5]])).shape == (2, 2)


def test_scores_by_hand():
    ids, cosines = ints(1, 2, 3, 4, 5, 6, 7), floats(0.9, 0.8, 0.7, 0.75, 0.6, 0.5, 0.65)
    found = scores(cosines, ids, lists_of(*(GRAPH[photo] for photo in ids.tolist())), known())
    query = expected_profile(NEAREST, GRAPH)
    by_hand = [expected_score(*one, GRAPH, query) for one in zip(cosines.tolist(), ids.tolist(), strict=True)]
    assert np.allclose(found, by_hand, atol=1e-6)
    assert found.dtype == np.float32
    assert found[4] > found[6], "it shares neighbours, and the other is a little nearer but shares none"
    assert found[6] == pytest.approx(0.65 / 2)


def test_a_photo_that_the_graph_does_not_know_keeps_its_cosine():
    """A new one must not be hidden by those that are known."""
    assert scores(floats(0.6), ints(9), lists_of([]), known()).tolist() == pytest.approx([0.6])
    assert scores(floats(0.6), ints(1), lists_of([]), known()).tolist() == pytest.approx([0.6])


def test_the_query_itself_would_score_one():
    """With a photo's own place first in its profile, as that of a photo that is the query."""
    others = list(range(2, 21))
    query = profile(ints(1, *others), np.empty((0, NEIGHBOURS), dtype=np.int64))
    graph = {1: others}
    [score] = scores(floats(1), ints(1), lists_of(others), query)
    assert score == pytest.approx(expected_score(1, 1, graph, expected_profile([1, *others], {})))
    assert 0.99 < score <= 1


def test_one_neighbour_is_enough():
    query = profile(ints(5), lists_of([]))
    assert (query.ids.tolist(), query.weights.tolist()) == ([5], [1])
    assert scores(floats(0.4), ints(7), lists_of([5]), query)[0] == pytest.approx(0.2 + 0.5 / 2**0.5)
    query = profile(ints(5), lists_of([6]))
    assert np.allclose(query.weights, [1 / 2**0.5] * 2)


def test_padding_says_nothing():
    """Neither in the profile nor in a candidate's list, wherever it stands."""
    query = profile(ints(1, 2), lists_of([2, -1, 3], []))
    assert query.ids.tolist() == [1, 2, 3]
    assert query.weights[2] / query.weights[0] == pytest.approx(FADING**2)
    holed, whole = lists_of([-1, 3]), lists_of([8, 3])
    [with_hole], [with_stranger] = (scores(floats(0), ints(9), rows, query) for rows in (holed, whole))
    assert with_hole > with_stranger


def test_without_candidates_there_are_no_scores():
    found = scores(floats(), ints(), lists_of(), known())
    assert found.shape == (0,) and found.dtype == np.float32
    places, falling = order(found, floats(), ints(), floats() > 0)
    assert places.tolist() == falling.tolist() == []


def test_lists_may_be_shorter_or_longer_than_is_looked_at():
    short = profile(ints(1, 2), np.array([[3], [4]]))
    assert short.ids.tolist() == [1, 2, 3, 4]
    long = profile(np.arange(30), np.arange(100, 160).reshape(2, 30))
    assert long.ids.tolist() == [*range(20), *range(100, 120), *range(130, 150)]


def test_the_knobs_fit_each_other():
    assert NEIGHBOURS == 20 <= POOL < FEWEST
    assert rerank._WEIGHTS[0] == 1 and rerank._WEIGHTS[-1] == pytest.approx(1 / 4, abs=0.01)


@st.composite
def neighbourhoods(draw):
    """Candidates with lists, best first, of others, and the nearest of a query among them."""
    count = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    ids = np.sort(rng.choice(200, count, replace=False)).astype(np.int64)
    lists = np.full((count, NEIGHBOURS), -1)
    for row, photo in enumerate(ids.tolist()):
        others = rng.permutation(ids[ids != photo])[: rng.integers(0, NEIGHBOURS + 1)]
        lists[row, : len(others)] = others
    # Few different cosines, so that some are equal.
    cosines = draw(
        st.lists(st.integers(-10, 10).map(lambda tenths: tenths / 10), min_size=count, max_size=count)
    )
    return np.array(cosines, dtype=np.float32), ids, lists


def ranked(cosines, ids, lists, copies_from=0.95):
    nearest = np.lexsort((ids, -cosines))[:NEIGHBOURS]
    found = scores(cosines, ids, lists, profile(ids[nearest], lists[nearest]))
    places, falling = order(found, cosines, ids, cosines >= copies_from)
    return found, places, falling


@given(neighbourhoods())
def test_scores_are_by_the_rule_whatever_the_graph(candidates):
    cosines, ids, lists = candidates
    graph = {
        photo: [other for other in row if other >= 0]
        for photo, row in zip(ids.tolist(), lists.tolist(), strict=True)
    }
    nearest = ids[np.lexsort((ids, -cosines))].tolist()[:NEIGHBOURS]
    query = expected_profile(nearest, graph)
    by_hand = [expected_score(*one, graph, query) for one in zip(cosines.tolist(), ids.tolist(), strict=True)]
    found = ranked(*candidates)[0]
    assert np.allclose(found, by_hand, atol=1e-5)
    assert (found <= 1 + 1e-6).all() and (found >= -1 - 1e-6).all()


@given(neighbourhoods(), st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_come_changes_nothing(candidates, random):
    cosines, ids, lists = candidates
    _, places, falling = ranked(*candidates)
    shuffled = list(range(len(ids)))
    random.shuffle(shuffled)
    _, again, falling_again = ranked(cosines[shuffled], ids[shuffled], lists[shuffled])
    assert ids[shuffled][again].tolist() == ids[places].tolist()
    assert np.array_equal(falling, falling_again)


@given(neighbourhoods(), st.sampled_from([0.5, 0.95, 2.0]))
def test_whatever_the_crowd_says_the_nearest_comes_first(candidates, copies_from):
    cosines, ids, lists = candidates
    found, places, falling = ranked(cosines, ids, lists, copies_from=copies_from)
    assert sorted(places.tolist()) == list(range(len(ids)))
    assert cosines[places[0]] == cosines.max()
    copies = int((cosines >= min(copies_from, cosines.max())).sum())
    assert (np.diff(cosines[places[:copies]]) <= 0).all(), "copies come first, the nearest of them first"
    assert (cosines[places[copies:]] < copies_from).all()
    assert (np.diff(falling) <= 0).all()
    rest = places[copies:]
    keys = list(zip((-found[rest]).tolist(), ids[rest].tolist(), strict=True))
    assert keys == sorted(keys), "by score, and equal scores by id"
    assert np.array_equal(falling[copies:], found[rest])


def test_the_nearest_comes_first_and_scores_fall_all_the_same():
    places, falling = order(
        floats(0.2, 0.9, 0.5), floats(0.7, 0.6, 0.5), ints(1, 2, 3), np.zeros(3, dtype=bool)
    )
    assert places.tolist() == [0, 1, 2]
    assert falling.tolist() == pytest.approx([0.9, 0.9, 0.5])


def test_copies_come_before_the_crowd_in_the_order_of_their_cosines():
    cosines = floats(0.95, 0.99, 0.6, 0.99)
    places, falling = order(floats(0.1, 0.2, 0.9, 0.2), cosines, ints(1, 8, 3, 7), cosines >= 0.95)
    assert places.tolist() == [3, 1, 0, 2]  # 7 before 8
    assert falling.tolist() == pytest.approx([0.99, 0.99, 0.95, 0.9])


def test_several_nearest_come_first_by_id():
    assert order(floats(0, 1, 0), floats(0.5, 0.4, 0.5), ints(9, 1, 4), np.zeros(3, dtype=bool))[
        0
    ].tolist() == [2, 0, 1]


def test_equal_scores_are_ordered_by_id():
    same = np.full(6, 0.5, dtype=np.float32)
    cosines = floats(0.1, 0.1, 0.1, 0.1, 0.1, 0.2)
    assert order(same, cosines, ints(5, 3, 9, 1, 7, 8), cosines >= 0.95)[0].tolist() == [5, 3, 1, 0, 4, 2]


# Variety


FAN = at(0, 1, 2, 40, 41, 80)
FALLING = floats(0.9, 0.8, 0.7, 0.6, 0.5, 0.4)


def test_without_diversity_the_order_is_as_it_is():
    assert varied(FAN, FALLING, 4, 0.0).tolist() == [0, 1, 2, 3]


def test_duplicates_are_pushed_back():
    assert varied(FAN, FALLING, 6, 0.5).tolist()[:3] == [0, 5, 3]
    twins = np.repeat(at(0, 90), 3, axis=0)
    assert varied(twins, FALLING, 6, 0.5).tolist() == [0, 3, 1, 2, 4, 5]


def test_the_most_diverse_begins_with_the_best_and_asks_for_no_score():
    # Of 1, 2, 40, 41 and 80 degrees the farthest from 0; then the one in the middle.
    assert varied(FAN, FALLING, 3, 1.0).tolist() == [0, 5, 3]


def test_all_of_them_are_there_once_where_more_are_wanted():
    for diversity in (0.0, 0.3, 1.0):
        assert sorted(varied(FAN, FALLING, 100, diversity).tolist()) == list(range(6))
    assert varied(FAN[:0], FALLING[:0], 3, 0.5).tolist() == []
    assert varied(FAN[:1], FALLING[:1], 3, 1.0).tolist() == [0]


@given(st.integers(1, 12), st.integers(1, 15), st.floats(0, 1), st.integers(0, 2**32))
def test_each_is_the_best_of_those_that_are_left(count, k, diversity, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    falling = -np.sort(-rng.uniform(-1, 1, count)).astype(np.float32)
    chosen = varied(vectors, falling, k, diversity).tolist()
    assert len(chosen) == len({*chosen}) == min(k, count)
    assert chosen[0] == 0
    for place, one in enumerate(chosen):

        def gain(candidate, before=tuple(chosen[:place])):
            nearest = max([0.0, *(float(vectors[candidate] @ vectors[other]) for other in before)])
            return (1 - diversity) * float(falling[candidate]) - diversity * nearest

        assert gain(one) >= max(gain(other) for other in {*range(count)} - {*chosen[:place]}) - 1e-5


# Near-identical ones


def test_a_chain_is_cut_where_its_first_does_not_reach():
    """0 is like 1 and 1 like 2, but 0 is not like 2, which therefore stands for itself."""
    assert folded(at(0, 5, 10), math.cos(math.radians(6))).tolist() == [0, 0, 2]
    assert folded(at(0, 10, 5), math.cos(math.radians(6))).tolist() == [0, 1, 0]


def test_one_that_is_represented_stands_for_nobody():
    assert folded(at(0, 5, 10, 14), math.cos(math.radians(6))).tolist() == [0, 0, 2, 2]


def test_different_ones_stand_for_themselves_and_same_ones_for_the_first():
    assert folded(at(0, 90, 180), 0.9).tolist() == [0, 1, 2]
    assert folded(np.repeat(at(33), 40, axis=0), 0.9999).tolist() == [0] * 40
    assert folded(at(0)[:0], 0.9).tolist() == []


@given(st.integers(0, 30), st.floats(-0.5, 1), st.integers(0, 2**32))
def test_everybody_is_represented_once_by_a_near_one_before_it(count, copies_from, seed):
    rng = np.random.default_rng(seed)
    vectors = at(*rng.integers(0, 24, count) * 15)
    first = folded(vectors, copies_from)
    for place, stands in enumerate(first.tolist()):
        assert stands <= place and first[stands] == stands
        if stands != place:
            assert vectors[stands] @ vectors[place] >= copies_from - 1e-6
        else:
            before = [other for other in range(place) if first[other] == other]
            assert all(vectors[other] @ vectors[place] < copies_from + 1e-6 for other in before)
