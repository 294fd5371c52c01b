"""Sketches: the eight turns, prints that do not mind them, and parts that are found again."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simsearch import sketches
from simsearch.sketches import SIDE, TURNS, Place, back, best_turns, find_part, then, turn_in_words, turned
from tests.scenes import texture, thumbnail

SMALL = np.arange(12).reshape(3, 4)  # no turn of it is like another

# Pillow's names; what each does to a picture is its own affair, so that ours is checked against another.
TRANSPOSES = {
    0: None,
    1: Image.Transpose.FLIP_LEFT_RIGHT,
    2: Image.Transpose.FLIP_TOP_BOTTOM,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.TRANSPOSE,
    5: Image.Transpose.ROTATE_270,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
}


def transposed(image, turn):
    way = TRANSPOSES[turn]
    return image if way is None else image.transpose(way)


@cache
def sketched(number, size=(600, 450), turn=0):
    return sketches.sketch(thumbnail(transposed(texture(number, size), turn)))


def prints_of(*pictures):
    return sketches.prints(np.array(pictures))


def contours_of(image):
    return sketches.contours(sketches.sketch(thumbnail(image))[None])[0]


# The turns


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_turn_is_what_pillow_makes_of_it(turn):
    picture = Image.fromarray(SMALL.astype(np.uint8))
    assert np.array_equal(turned(SMALL, turn), np.asarray(transposed(picture, turn)))


def test_all_turns_differ_and_together_they_are_a_group():
    """One turn after another is a turn again: the symmetries of a square, of which two need not commute."""
    made = {turned(SMALL, turn).tobytes() + bytes(turned(SMALL, turn).shape): turn for turn in range(TURNS)}
    assert len(made) == TURNS
    table = {}
    for one, other in product(range(TURNS), repeat=2):
        both = turned(turned(SMALL, one), other)
        table[one, other] = made[both.tobytes() + bytes(both.shape)]
    for turn in range(TURNS):
        assert table[0, turn] == table[turn, 0] == turn
        assert sorted(table[turn, other] for other in range(TURNS)) == [*range(TURNS)]
    assert all(then(*both) == once for both, once in table.items())
    assert table[4, 1] != table[1, 4]
    assert {turn for turn in range(TURNS) if table[turn, turn] == 0} == {0, 1, 2, 3, 4, 7}


@pytest.mark.parametrize("turn", range(TURNS))
def test_back_undoes_a_turn(turn):
    assert np.array_equal(turned(turned(SMALL, turn), back(turn)), SMALL)
    assert np.array_equal(turned(turned(SMALL, back(turn)), turn), SMALL)
    assert back(back(turn)) == turn


IN_WORDS = {
    None: None,
    Image.Transpose.FLIP_LEFT_RIGHT: "mirrored",
    Image.Transpose.FLIP_TOP_BOTTOM: "turned upside down and mirrored",
    Image.Transpose.ROTATE_180: "turned upside down",
    Image.Transpose.ROTATE_90: "rotated by 90 degrees",
    Image.Transpose.ROTATE_270: "rotated by 90 degrees",
    Image.Transpose.TRANSPOSE: "rotated by 90 degrees and mirrored",
    Image.Transpose.TRANSVERSE: "rotated by 90 degrees and mirrored",
}


@pytest.mark.parametrize("befell", range(TURNS))
def test_words_say_what_befell_the_picture(befell):
    """What was turned so fits the original when that is undone."""
    assert turn_in_words(back(befell)) == IN_WORDS[TRANSPOSES[befell]]


# Sketches and prints


def test_a_sketch_holds_the_means_of_its_cells():
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    large = Image.fromarray(picture.repeat(8, axis=0).repeat(12, axis=1))  # 384 x 256
    assert np.abs(sketches.sketch(thumbnail(large)).astype(int) - picture).mean() < 3


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (7, 3), (31, 33)])
def test_a_sketch_of_any_size_is_as_large(size):
    found = sketches.sketch(thumbnail(Image.new("RGB", size, (0, 255, 0))))
    assert found.shape == (SIDE, SIDE) and found.dtype == np.uint8
    assert np.abs(found.astype(int) - 150).max() < 3  # as bright as green is: 0.587 of 255


def resized(thumbnail, size):
    """A thumbnail whose header tells another size."""
    at = thumbnail.index(b"\xff\xc0") + 5
    return thumbnail[:at] + size + thumbnail[at + 4 :]


DAMAGED = {
    "empty": b"",
    "no picture": b"no picture",
    "cut short": thumbnail(texture(1))[:3000],
    "of no size": resized(thumbnail(texture(1)), b"\0\0\0\0"),
    "immense": resized(thumbnail(texture(1)), b"\xff\xff\xff\xff"),  # Pillow has an error of its own for it
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_thumbnail_is_an_error_of_the_system(kind):
    with pytest.raises(OSError):
        sketches.sketch(DAMAGED[kind])


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_a_page_of_one_colour_has_no_print(level):
    page = np.full((SIDE, SIDE), level, dtype=np.uint8)
    noisy = page.copy()
    noisy[::2, ::2] ^= 1
    assert not prints_of(page, noisy).any()
    assert not sketches.invariants(prints_of(page)).any()


def test_a_print_has_length_one_and_does_not_tell_how_bright_it_is():
    levels = sketched(1).astype(int)
    found = prints_of(levels.astype(np.uint8), sketched(2))
    assert found.shape == (2, 8, 8) and found.dtype == np.float32
    assert np.linalg.norm(found, axis=(1, 2)) == pytest.approx([1, 1])
    assert (found[:, 0, 0] == 0).all()


def test_a_print_by_hand():
    """Light falling from left to right: all of it is in the waves along the rows."""
    ramp = np.tile(np.linspace(50, 200, SIDE), (SIDE, 1)).astype(np.uint8)
    [found] = prints_of(ramp)
    assert found[0, 1] < -0.98 and np.abs(found[1:]).max() < 1e-5
    [upright] = prints_of(ramp.T)
    assert np.allclose(upright, found.T, atol=1e-6)


def test_no_pictures_have_no_prints():
    nothing = sketches.prints(np.empty((0, SIDE, SIDE), np.uint8))
    assert nothing.shape == (0, 8, 8)
    assert sketches.invariants(nothing).shape == (0, 63)
    assert [len(column) for column in best_turns(nothing, nothing)] == [0, 0]


@pytest.mark.parametrize("turn", range(TURNS))
def test_the_turn_in_which_two_fit_is_found(turn):
    """To the bit where the sketch itself is turned, and nearly where the photo was."""
    picture = sketched(1)
    exactly = turned(picture, back(turn))
    nearly = sketched(1, turn=back(turn))
    cosines, turns = best_turns(prints_of(picture, picture), prints_of(exactly, nearly))
    assert turns.tolist() == [turn, turn]
    assert cosines[0] == pytest.approx(1, abs=1e-5) and cosines[1] > 0.99


pixels_of_a_sketch = st.integers(0, 2**32).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
)


@given(picture=pixels_of_a_sketch, other=pixels_of_a_sketch, turn=st.integers(0, TURNS - 1))
def test_invariants_are_the_same_for_all_turns_and_never_less_alike_than_prints(picture, other, turn):
    prints = prints_of(picture, turned(picture, turn), other)
    left = sketches.invariants(prints)
    assert left.shape == (3, 63) and left.dtype == np.float32
    assert np.allclose(left[0], left[1], atol=1e-5)
    assert np.linalg.norm(left, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    cosine = best_turns(prints[:1], prints[2:])[0][0]
    assert float(left[0] @ left[2]) >= cosine - 1e-5


# Parts


def edges(place):
    return place.x, place.y, place.x + place.width, place.y + place.height


@pytest.mark.parametrize("turn", range(TURNS))
@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((600, 450), (100, 90, 500, 390)),
        ((600, 450), (0, 0, 300, 225)),
        ((600, 450), (300, 225, 600, 450)),
        ((450, 600), (90, 120, 390, 380)),
        ((600, 600), (150, 30, 540, 420)),
        ((800, 400), (10, 20, 600, 370)),
        ((600, 450), (130, 0, 430, 450)),  # all of its height
    ],
)
def test_a_part_is_found_where_it_was_cut_out(size, box, turn):
    """Within a pixel of the sketch, at any edge, however it was turned."""
    whole = texture(3, size)
    part = transposed(whole.crop(box), back(turn))
    width, height = part.size if turn < 4 else part.size[::-1]
    fits, place = find_part(contours_of(whole), contours_of(part), height / width / (size[1] / size[0]), turn)
    assert fits > 0.9 and place.turn == turn
    assert edges(place) == pytest.approx(np.divide(box, (*size, *size)), abs=1 / SIDE)


def test_a_part_fits_no_other_picture_nor_another_way_round():
    whole, stranger = texture(3), texture(4)
    part = whole.crop((100, 90, 500, 390))
    assert find_part(contours_of(stranger), contours_of(part), 1)[0] < 0.6
    assert all(find_part(contours_of(whole), contours_of(part), 1, turn)[0] < 0.6 for turn in (1, 2, 3))


@pytest.mark.parametrize("ratio", [1e-6, 0.01, 0.4, 3, 100, 1e6])
def test_a_part_that_is_longer_than_the_whole_fits_nowhere(ratio):
    whole = contours_of(texture(3))
    fits, place = find_part(whole, whole, ratio)
    if ratio in (0.4, 3):  # as a squashed picture, it does not fit well
        assert fits < 0.7
    else:
        assert (fits, place) == (-1, Place(0, 0, 0, 1, 1))


@pytest.mark.parametrize(("around", "within"), [("flat", 3), (3, "flat"), ("flat", "flat")])
def test_nothing_is_found_in_a_page_of_one_colour(around, within):
    page = Image.new("RGB", (400, 300), (90, 120, 60))
    whole, part = (contours_of(page if one == "flat" else texture(one)) for one in (around, within))
    assert find_part(whole, part, 1)[0] < 0.5


@given(picture=pixels_of_a_sketch, other=pixels_of_a_sketch, ratio=st.floats(0.4, 2.5))
def test_a_fit_is_a_correlation_and_a_place_lies_in_the_whole(picture, other, ratio):
    whole, part = sketches.contours(np.array([picture, other]))
    fits, place = find_part(whole, part, ratio)
    assert -1 <= fits <= 1 + 1e-4
    assert min(place.x, place.y) >= 0 < min(place.width, place.height)
    assert max(place.x + place.width, place.y + place.height) <= 1


def test_contours_do_not_tell_how_the_light_falls():
    levels = np.sqrt(sketched(5).astype(float))
    light = np.tile(np.linspace(-1.5, 1.5, SIDE), (SIDE, 1))
    lit = ((levels + light) ** 2).clip(0, 255).astype(np.uint8)
    plain, with_light = sketches.contours(np.array([sketched(5), lit]))
    inner = (slice(4, -4),) * 2
    cosine = (plain[inner] * with_light[inner]).sum() / np.linalg.norm(plain[inner])
    assert cosine / np.linalg.norm(with_light[inner]) > 0.97
    assert np.abs(plain.mean()) < 0.05


def test_sums_over_windows_by_hand():
    table = sketches.summed(np.arange(6).reshape(2, 3))
    assert table.tolist() == [[0, 0, 0, 0], [0, 0, 1, 3], [0, 3, 8, 15]]
    assert sketches.window_sums(table, 2, 1).tolist() == [[1, 3], [7, 9]]
    assert sketches.window_sums(table, 3, 2).tolist() == [[15]]
