"""Bursts by hand-made shots: vectors are angles in the plane, times are seconds of a day."""

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from simsearch import bursts
from simsearch.bursts import Shot, sharpness
from tests.scenes import texture

NOON = datetime(2020, 2, 29, 12)
SCENE = float(np.cos(np.radians(30)))  # so many degrees apart is one scene, at any time


def shot(id, seconds, camera="Canon", offset=None):
    zone = None if offset is None else timezone(timedelta(hours=offset))
    return Shot(id, (NOON + timedelta(seconds=seconds)).replace(tzinfo=zone), camera)


def found(shots, degrees=None, scene=SCENE, seconds=60.0):
    """The bursts of shots, whose vectors have so many degrees by id, or all 0."""
    asked = []

    def vectors_of(ids):
        asked.append(ids)
        angles = np.radians([(degrees or {}).get(id, 0) for id in ids.tolist()])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    told = bursts.bursts(shots, vectors_of, scene, timedelta(seconds=seconds))
    assert all(ids.dtype == np.int64 and len(ids) for ids in asked)
    return told


@pytest.mark.parametrize("shots", [[], [shot(1, 0)]])
def test_of_no_shots_or_one_there_is_no_burst(shots):
    assert found(shots) == []


@pytest.mark.parametrize(
    ("apart", "degrees", "together"), [(60, 0, True), (60.001, 0, False), (0, 36, True), (0, 37, False)]
)
def test_a_burst_is_near_in_time_and_alike(apart, degrees, together):
    assert found([shot(1, 0), shot(2, apart)], {2: degrees}) == ([[1, 2]] if together else [])


@pytest.mark.parametrize(
    ("apart", "degrees", "together"),
    [(2, 36, True), (60, 33, True), (60, 34, False), (119, 30, True), (121, 31, False), (900, 29, True)],
)
def test_the_sooner_the_less_alike_photos_need_be(apart, degrees, together):
    """At one moment 0.8, 36.9 degrees, will do; after a minute the mean of that and 0.866, 33.6 degrees."""
    shots = [shot(1, 0), shot(2, apart)]
    assert found(shots, {2: degrees}, seconds=1000) == ([[1, 2]] if together else [])


@pytest.mark.parametrize(
    ("scene", "least"), [(0.96, 0.84), (0.99, 0.96), (1.0, 1.0), (0.9, 0.8), (0.8, 0.8), (0.6, 0.6)]
)
def test_what_a_moment_is_worth_depends_on_what_is_one_scene(scene, least):
    """Twice the angle: four times what the cosine lacks; but nothing below 0.8 that is not one scene."""
    told = bursts.borders(scene, np.array([0.0, 60.0, 120.0, 1e6]), "Canon")
    assert told == pytest.approx([least, (least + scene) / 2, scene, scene])


def test_without_a_camera_time_tells_nothing():
    """Who knows whether one took both."""
    shots = [shot(1, 0, None), shot(2, 1, None)]
    assert found(shots, {2: 31}) == [] and found(shots, {2: 29}) == [[1, 2]]


def test_a_burst_is_in_the_order_in_which_it_was_taken():
    assert found([shot(5, 20), shot(9, 0), shot(1, 10)]) == [[9, 1, 5]]
    assert found([shot(5, 0), shot(9, 0), shot(1, 0)]) == [[1, 5, 9]], "and by id within a moment"


def test_it_is_the_next_of_the_same_scene_that_counts():
    """A chain may last longer than the time between two, and another scene lie between."""
    assert found([shot(number, 50 * number) for number in range(1, 6)]) == [[1, 2, 3, 4, 5]]
    turned_round = {2: 90, 4: 90}
    shots = [shot(number, 10 * number) for number in range(1, 6)]
    assert found(shots, turned_round) == [[1, 3, 5], [2, 4]]
    assert found([shot(1, 0), shot(2, 30), shot(3, 61)], {2: 90}) == []


def test_what_is_alike_along_the_way_is_one_burst():
    """A panorama: each is like the next, the last not like the first."""
    assert found([shot(number, number) for number in range(1, 5)], {2: 25, 3: 50, 4: 75}) == [[1, 2, 3, 4]]


def test_each_camera_has_bursts_of_its_own():
    cameras = ["Canon", "Nikon", None]
    shots = [shot(number, number, cameras[number % 3]) for number in range(6)]
    assert sorted(found(shots)) == [[0, 3], [1, 4], [2, 5]]
    assert found([shot(1, 0, "Canon"), shot(2, 0, None)]) == []


@pytest.mark.parametrize("offsets", [(1, 2), (None, 9), (0, None)])
def test_the_clock_of_the_camera_counts_and_not_its_offset(offsets):
    """Some photos of a camera say what its clock is ahead by, and some do not."""
    one, other = offsets
    assert found([shot(1, 0, offset=one), shot(2, 30, offset=other)]) == [[1, 2]]
    assert found([shot(1, 0, offset=one), shot(2, 3600, offset=other)]) == []


@pytest.mark.parametrize(("between", "together"), [(19, True), (20, False)])
def test_twenty_shots_ahead_are_looked_at(between, together):
    shots = [shot(number, number / 10) for number in range(between + 2)]
    degrees = {number: 90 for number in range(1, between + 1)}
    told = found(shots, degrees)
    assert ([0, between + 1] in told) == together


@given(
    shots=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["a", "b", None]), st.sampled_from([0, 20, 55, 88])),
        max_size=40,
    ),
    block=st.integers(1, 50),
    seed=st.integers(0, 100),
)
def test_blocks_of_any_size_find_what_comparing_all_finds(shots, block, seed):
    ids = np.random.default_rng(seed).permutation(len(shots)).tolist()
    made = [shot(id, at, camera) for id, (at, camera, _) in zip(ids, shots, strict=True)]
    degrees = {id: angle for id, (*_, angle) in zip(ids, shots, strict=True)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bursts, "_AT_ONCE", block)
        told = found(made, degrees, seconds=5)
    # By the documented rule: joined are those of a camera that are alike, soon after, and 20 ahead at most.
    expected = []
    for camera in ("a", "b", None):
        row = sorted((one for one in made if one.camera == camera), key=lambda one: (one.taken_at, one.id))
        sets = [{one.id} for one in row]
        for place, one in enumerate(row):
            for other in row[place + 1 : place + 21]:
                apart = (other.taken_at - one.taken_at).total_seconds()
                least = 0.8 + (SCENE - 0.8) * apart / 120 if camera else SCENE
                angle = np.radians(degrees[one.id] - degrees[other.id])
                if apart <= 5 and np.cos(angle) >= least:
                    both = [some for some in sets if one.id in some or other.id in some]
                    sets = [some for some in sets if some not in both] + [set().union(*both)]
        order = [one.id for one in row]
        expected += [sorted(some, key=order.index) for some in sets if len(some) > 1]
    assert sorted(told) == sorted(expected)
    assert found(made[::-1], degrees, seconds=5) == told, "in whatever order they come"


# Sharpness


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_more_blurred_a_picture_is_the_less_sharp(number):
    grey = texture(number, (400, 300)).convert("L")
    rated = [sharpness(grey.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 2, 4)]
    assert rated == sorted(rated, reverse=True) and rated[0] > 2 * rated[1] > 0


def test_contrast_is_not_sharpness():
    grey = texture(1, (400, 300)).convert("L")
    assert sharpness(grey.point(lambda level: 80 + level // 2)) == pytest.approx(sharpness(grey), rel=0.15)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 300)])
def test_a_page_of_one_colour_is_not_sharp(size):
    assert sharpness(Image.new("L", size, 90)) == 0
