"""Clusters: by hand on a few links, against merging one pair after the other, and what they are called."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsearch.clustering import (
    _UNIT,
    GRAINS,
    Clustering,
    Members,
    Names,
    _copies,
    _degrees,
    _equal,
    _Links,
    _links,
    _merged,
    _mergers,
    _shared,
    _summed,
    communities,
    resolutions,
    told_names,
)
from simsearch.errors import DerivedFileError
from simsearch.index.graph import Graph
from tests.test_index import ORIGIN, unit

# A path of four: the outer links are four times as strong as the one between.
PATH = [(0, 1, 4), (1, 2, 1), (2, 3, 4)]


def links(*triples):
    ends, others, strengths = np.array(triples).T
    return _summed(np.append(ends, others), np.append(others, ends), np.append(strengths, strengths))


def blobs(*sizes, noise=0.3, seed=0, dim=32):
    """Vectors around so many axes, those around one behind those around another."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(np.eye(len(sizes), dim), sizes, axis=0)
    return unit(centres + noise * rng.standard_normal(centres.shape) / np.sqrt(dim))


def graph_of(vectors):
    return Graph.build(np.arange(len(vectors)), vectors)


def clustering(vectors):
    graph = graph_of(vectors)
    lists, cosines = graph.lists
    return Clustering.build(graph.ids, lists, cosines, lambda places: vectors[places])


def groups(clusters, grain="medium"):
    return [sorted(photos.tolist()) for photos in clusters.grains[grain].each()]


# Links


def test_links_are_both_ways_round_and_in_order():
    found = links((2, 0, 5), (0, 1, 1), (0, 2, 2))
    assert found.ends.tolist() == [0, 0, 1, 2] and found.others.tolist() == [1, 2, 0, 0]
    assert found.strengths.tolist() == [1, 7, 1, 7], "those between the same two are one"
    assert _degrees(found, 4).tolist() == [8, 1, 7, 0]


def test_what_profiles_share():
    mine = np.array([[0, 1, 2]])
    others = np.array([[[0, 1, 2], [1, 0, 2], [3, 4, 5], [3, -1, 0]]])
    weights = [1, 0.93, 0.93**2]
    length = sum(weight**2 for weight in weights)
    expected = [1, (2 * 0.93 + 0.93**4) / length, 0, 0.93**2 / length]
    assert _shared(mine, others)[0] == pytest.approx(expected)


def test_nobody_is_nothing_in_common():
    assert _shared(np.array([[0, -1]]), np.array([[[1, -1]]])).tolist() == [[0]]


def test_who_is_in_each_others_list_is_linked_twice():
    lists = np.array([[1, 2], [0, 2], [0, 1], [0, 1]], dtype=np.int32)
    found = _links(lists)
    pairs = dict(
        zip(zip(found.ends.tolist(), found.others.tolist(), strict=True), found.strengths, strict=True)
    )
    assert (2, 3) not in pairs and (3, 0) in pairs
    assert pairs[0, 1] > 2 * pairs[0, 3] and pairs[0, 1] == pairs[1, 0] <= 2 * _UNIT


# Mergers


@pytest.mark.parametrize(
    ("farthest", "numbers"),
    [(4.9, [0, 1, 2, 3]), (5, [0, 1, 2, 3]), (5.1, [0, 0, 1, 1])],  # 4 * 5 / 4 from each other
)
def test_those_that_are_each_others_nearest_become_one(farthest, numbers):
    path = links(*PATH)
    assert _mergers(path, _degrees(path, 4), farthest).tolist() == numbers


def test_merged_clusters_keep_their_links_to_others_and_the_strength_of_all():
    path = links(*PATH)
    merged, degrees = _merged(path, _degrees(path, 4), np.array([0, 0, 1, 1]))
    assert [part.tolist() for part in merged] == [[0, 1], [1, 0], [1, 1]]
    assert degrees.tolist() == [9, 9]


def test_of_equally_near_ones_the_first_is_meant():
    ring = links((0, 1, 1), (1, 2, 1), (2, 3, 1), (0, 3, 1))
    assert _mergers(ring, _degrees(ring, 4), 10).tolist() == [0, 0, 1, 2]


def test_without_links_nothing_is_merged():
    nothing = _Links(*np.empty((3, 0), dtype=np.int64))
    assert _mergers(nothing, np.zeros(3), 10).tolist() == [0, 1, 2]


def one_after_the_other(found, degrees, farthest):
    """Merge the nearest two of all, again and again, the slow way; return who is with whom."""
    clusters = [{place} for place in range(len(degrees))]
    strengths = {(a, b): strength for a, b, strength in zip(*(part.tolist() for part in found), strict=True)}

    def distance(one, other):
        between = sum(strengths.get((a, b), 0) for a in one for b in other)
        return degrees[[*one]].sum() * degrees[[*other]].sum() / between if between else np.inf

    while len(clusters) > 1:
        nearest = min(
            (distance(one, other), sorted([min(one), min(other)]), one, other)
            for place, one in enumerate(clusters)
            for other in clusters[:place]
        )
        if nearest[0] >= farthest:
            break
        clusters = [one for one in clusters if one not in nearest[2:]] + [nearest[2] | nearest[3]]
    return sorted(map(sorted, clusters))


@settings(max_examples=60)
@given(st.integers(4, 14), st.integers(0, 10_000), st.sampled_from([0.3, 1, 3]))
def test_all_at_once_comes_to_the_same_as_one_after_the_other(count, seed, resolution):
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a in range(count) for b in range(a) if rng.random() < 0.4] or [(1, 0)]
    found = links(*((a, b, int(rng.integers(1, 10**6))) for a, b in pairs))  # no two distances are equal
    degrees = _degrees(found, count)
    farthest = degrees.sum() / resolution
    labels, now, weights = np.arange(count), found, degrees
    while (number := _mergers(now, weights, farthest)).max() + 1 < len(weights):
        now, weights = _merged(now, weights, number)
        labels = number[labels]
    together = sorted(np.flatnonzero(labels == label).tolist() for label in range(labels.max() + 1))
    assert together == one_after_the_other(found, degrees, farthest)


# Clusters


@pytest.mark.parametrize("sizes", [(30, 20), (40, 40, 40), (60, 12, 25, 9), (100, 30, 30, 50, 20)])
@pytest.mark.parametrize("seed", range(3))
def test_things_apart_are_found_apart_largest_first(sizes, seed):
    vectors = blobs(*sizes, seed=seed)
    starts = np.cumsum([0, *sizes])
    expected = [list(range(*span)) for span in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]
    found = groups(clustering(vectors), "coarse")
    assert [len(photos) for photos in found] == sorted(map(len, found), reverse=True)
    for photos in expected:  # but for those that hardly belong there
        [group] = [group for group in found if group[0] in photos and len(group) > 0.8 * len(photos)]
        assert {*group} <= {*photos}


@settings(max_examples=25)
@given(st.integers(1, 150), st.integers(0, 1000))
def test_coarser_clusters_are_made_of_finer_ones(count, seed):
    vectors = unit(np.random.default_rng(seed).standard_normal((count, 6)))
    lists, cosines = graph_of(vectors).lists
    fine, medium, coarse = communities(lists, cosines, [8, 2, 0.5])
    for finer, coarser in ((fine, medium), (medium, coarse)):
        both = (finer >= 0) & (coarser >= 0)
        pairs = {*zip(finer[both].tolist(), coarser[both].tolist(), strict=True)}
        assert len(pairs) == len({one for one, _ in pairs})
        assert coarser.max() <= finer.max() or not both.any() or coarser.max() < count
    for labels in (fine, medium, coarse):
        sizes = np.bincount(labels[labels >= 0])
        assert (sizes > 1).all() and (np.diff(sizes) <= 0).all()


def test_the_typical_photo_is_nearest_to_the_centre_and_the_others_follow():
    angles = np.radians([0, 50, 24, 100, 70, 30, 45, 62])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    [photos] = clustering(vectors).grains["coarse"].each()
    middle = np.degrees(np.arctan2(*vectors[photos].sum(axis=0)[::-1]))
    away = abs(np.degrees(angles[photos]) - middle)
    assert photos[0] == 6 or photos[0] == 1
    assert (np.diff(away) >= 0).all()


def test_a_photo_between_all_others_belongs_nowhere():
    between = unit([[1.0] * 10 + [0] * 22])
    found = groups(clustering(np.concatenate([blobs(*[20] * 10), between])), "coarse")
    assert all(200 not in group for group in found) and sum(map(len, found)) >= 190


@pytest.mark.parametrize("count", [2, 5, 30, 200])
def test_photos_all_alike_are_one_cluster(count):
    vectors = np.tile(unit([[3, 4, 0]]), (count, 1))
    made = clustering(vectors)
    assert [groups(made, grain) for grain in GRAINS] == [[list(range(count))]] * 3


def test_copies_of_one_photo_stay_together_among_others():
    vectors = np.concatenate([np.tile(unit([[1.0] + [0] * 31]), (60, 1)), blobs(1, 40, 40)[1:]])
    assert list(range(60)) in groups(clustering(vectors.astype(np.float32)))


@pytest.mark.parametrize("count", [120, 1000])
def test_many_more_copies_than_can_be_compared_at_once_stay_together(monkeypatch, count):
    monkeypatch.setattr("simsearch.index.graph._FEW", 0)
    monkeypatch.setattr("simsearch.index.clusters._LARGEST", 50)
    copies = np.tile(unit([[1.0] + [0] * 31]), (count, 1))
    copies[::2, 1] = -1e-9  # nothing, as float16
    vectors = np.concatenate([copies, blobs(1, 40, 40)[1:]]).astype(np.float32)
    made = clustering(vectors)
    for grain in GRAINS:
        [group] = [group for group in groups(made, grain) if 0 in group]
        assert group[:count] == list(range(count)) and len(group) == count


def test_what_went_meanwhile_is_nobodys_copy():
    vectors = np.array([[0, 0], [1, 0], [0, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert _equal(5, lambda places: vectors[places]).tolist() == [0, 1, 2, 1, 4]


def test_copies_are_numbered_through_others():
    lists = np.array([[1, 2], [2, 0], [3, 1], [2, 1]], dtype=np.int32)
    cosines = np.array([[0.5, 0.1], [1, 0.5], [1, 1], [1, 0.2]], dtype=np.float32)
    assert _copies(lists, cosines).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 12])
def test_a_few_photos_are_no_trouble(count):
    made = clustering(blobs(*[1] * count))
    for grain in GRAINS:
        photos = made.grains[grain].ids.tolist()
        assert len(photos) == len({*photos}) <= count


def test_who_has_no_neighbours_belongs_nowhere():
    lists, cosines = np.full((4, 20), -1, dtype=np.int32), np.full((4, 20), -np.inf, dtype=np.float32)
    assert communities(lists, cosines, [1])[0].tolist() == [-1] * 4


def test_the_same_photos_give_the_same_clusters(monkeypatch):
    vectors = blobs(50, 30, 70, noise=1.5)
    once = clustering(vectors)
    monkeypatch.setattr("simsearch.clustering._ROWS_AT_ONCE", 7)
    again = clustering(vectors)
    assert [groups(once, grain) for grain in GRAINS] == [groups(again, grain) for grain in GRAINS]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, (0.5, 0.5, 0.25)),
        (24, (1, 1, 0.25)),
        (240, (10, 2, 0.25)),
        (2_000, (16, 2, 0.25)),
        (200_000, (160, 20, 2.5)),
    ],
)
def test_the_more_photos_the_more_is_told_apart(count, expected):
    assert tuple(resolutions(count).values()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ids", "left"),
    [
        ([1, 2, 3, 4, 5, 6, 7], [[3, 1, 2], [6, 5], [7, 4]]),
        ([1, 4, 7, 6, 99], [[7, 4], [1], [6]]),
        ([5], [[5]]),
        ([], []),
    ],
)
def test_what_is_left_among_some_photos_is_the_largest_first_and_the_best_first(ids, left):
    members = Members(np.array([3, 1, 2, 6, 5, 7, 4]), np.array([3, 2, 2]))
    some = members.among(np.array(ids, dtype=np.int64))
    assert [photos.tolist() for photos in some.each()] == left
    assert some.ids.dtype == some.sizes.dtype == np.int64


# The file


def test_clusters_survive_a_file(tmp_path):
    made = clustering(blobs(30, 20))
    made.save(tmp_path / "clusters", ORIGIN)
    loaded, generation = Clustering.load(tmp_path / "clusters", ORIGIN._replace(generation=9))
    assert generation == ORIGIN.generation
    assert [groups(loaded, grain) for grain in GRAINS] == [groups(made, grain) for grain in GRAINS]


@pytest.mark.parametrize(
    "members",
    [
        Members(np.arange(3), np.array([2])),
        Members(np.arange(3), np.array([4, -1])),
        Members(np.arange(1), np.array([1])),
        Members(np.arange(2.0), np.array([2])),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path, members):
    Clustering(dict.fromkeys(GRAINS, members)).save(tmp_path / "clusters", ORIGIN)
    with pytest.raises(DerivedFileError, match="makes no sense"):
        Clustering.load(tmp_path / "clusters", ORIGIN)


# Names


def named(*names):
    return Names(dict(enumerate(names)))


@pytest.mark.parametrize(
    ("photos", "name"),
    [
        (range(12), "cups"),
        (range(4, 16), "cups"),  # 8 of 12
        (range(6, 18), None),  # a half
        (range(1), None),  # that may be chance
        (range(12, 48), "jugs"),
    ],
)
def test_a_name_is_that_of_most_and_clearly_rarer_elsewhere(photos, name):
    assert named(*["cups"] * 12, *["jugs"] * 36).of(np.array(photos)) == name


def test_a_name_that_all_have_tells_nothing():
    assert named(*["Pictures"] * 40).of(np.arange(20)) is None


def test_photos_without_a_name_count_as_having_another():
    names = Names({photo: "cups" if photo < 5 else "jugs" for photo in range(40)})
    assert names.of(np.arange(5)) == "cups"
    assert names.of(np.array([*range(5), *range(100, 106)])) is None
    assert names.of(np.array([100, 101])) is None


@pytest.mark.parametrize(
    ("folder", "telling", "deepest"),
    [
        ("/p/cups", "cups", "cups"),
        ("/p/cups/2019-05", "cups", "2019-05"),
        ("/p/cups/DCIM/100CANON", "cups", "100CANON"),
        ("/p/cups/dcim/101_PANA", "cups", "101_PANA"),
        ("/p/2019 Rome", "2019 Rome", "2019 Rome"),
        ("/p/100roses", "100roses", "100roses"),
        ("/2019/05_01", "05_01", "05_01"),
        ("/p/Äpfel/1", "Äpfel", "1"),
    ],
)
def test_the_deepest_folder_that_tells_something_and_then_the_deepest(folder, telling, deepest):
    first, second = told_names(dict.fromkeys(range(9), folder) | dict.fromkeys(range(10, 99), "/q/others"))
    assert (first.of(np.arange(9)), second.of(np.arange(9))) == (telling, deepest)
