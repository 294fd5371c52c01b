"""Laying one picture over another: what is the same, and what only looks like it."""

from functools import cache
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from simsearch.registration import View, match
from simsearch.sketches import TURNS, Place, back
from tests.scenes import texture, view
from tests.test_sketches import DAMAGED, edges, transposed

WHOLE = Place(0, 0.0, 0.0, 1.0, 1.0)
WIDTH, HEIGHT = 600, 450
PICTURE = texture(1)


@cache
def seen(number, size=(WIDTH, HEIGHT)):
    return view(texture(number, size))


def saved(image, quality):
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def brightened(factor):
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def scaled(factor):
    return lambda image: image.resize([round(side * factor) for side in image.size])


def grey(image):
    return image.convert("L").convert("RGB")


def tinted(image):
    red, green, blue = image.split()
    return Image.merge("RGB", (red.point(lambda level: min(level + 40, 255)), green, blue))


def drawing(*words):
    """Something like a page of text, black on white, (400, 300)."""
    image = Image.new("RGB", (400, 300), "white")
    for place, word in enumerate(words):
        rng = np.random.default_rng(word)
        draw = ImageDraw.Draw(image)
        for x in range(20, 360, 24):
            top = 20 + place * 50 + int(rng.integers(0, 12))
            draw.rectangle(
                (x, top, x + int(rng.integers(4, 20)), top + int(rng.integers(6, 24))), fill="black"
            )
    return image


# The same


@pytest.mark.parametrize(
    ("change", "tone", "colour"),
    [
        (lambda image: image, False, False),
        (lambda image: saved(image, 30), False, False),
        (lambda image: saved(image, 15), False, False),
        (scaled(0.5), False, False),
        (scaled(0.25), False, False),
        (scaled(2), False, False),
        (brightened(1.5), True, True),
        (brightened(0.6), True, True),
        (grey, False, True),
        (tinted, True, True),
        (lambda image: saved(scaled(0.4)(grey(image)), 30), False, True),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_it_stays_the_same_picture(change, tone, colour, number):
    original = texture(number)
    found = match(seen(number), view(change(original)), WHOLE)
    assert found is not None and found.is_whole and found.agreement > 0.9
    assert found.place == WHOLE
    assert (found.tone, found.colour) == (tone, colour)
    other_way = match(view(change(original)), seen(number), WHOLE)
    assert other_way is not None and (other_way.tone, other_way.colour) == (tone, colour)
    assert other_way.burnt == pytest.approx(-found.burnt, abs=0.005)


def test_contrast_alone_is_another_tone():
    flat = ImageEnhance.Contrast(grey(PICTURE)).enhance(0.5)
    found = match(view(grey(PICTURE)), view(flat), WHOLE)
    assert found is not None and (found.tone, found.colour) == (True, False)


@pytest.mark.parametrize(("factor", "sign"), [(1.6, 1), (1, 0), (0.7, 0)])
def test_what_is_burnt_out_is_counted(factor, sign):
    """A photo of which a tenth is nearly white, brightened: the tenth is lost in the copy alone."""
    photo = texture(1)
    photo.paste(ImageEnhance.Brightness(texture(2, (270, 100))).enhance(1.3), (40, 60))
    found = match(view(photo), view(brightened(factor)(photo)), WHOLE)
    assert found is not None
    assert (found.burnt > 0.015) == (sign > 0) and found.burnt > -0.005


@pytest.mark.parametrize("turn", range(TURNS))
def test_it_is_the_same_however_it_was_turned(turn):
    """And where it is asked with another turn it is not."""
    part = view(saved(transposed(PICTURE, back(turn)), 60))
    found = match(seen(1), part, WHOLE._replace(turn=turn))
    assert found is not None and found.place == WHOLE._replace(turn=turn) and found.agreement > 0.95
    assert not found.tone and not found.colour
    for other in set(range(TURNS)) - {turn}:
        assert match(seen(1), part, WHOLE._replace(turn=other)) is None


def test_colours_are_compared_where_the_turned_picture_lies():
    """Half of it is tinted, so that it is seen whether the right halves are compared."""
    half = PICTURE.copy()
    half.paste(tinted(PICTURE.crop((300, 0, 600, 450))), (300, 0))
    for turn in range(TURNS):
        same = match(view(half), view(transposed(half, back(turn))), WHOLE._replace(turn=turn))
        assert same is not None and not same.tone and not same.colour


TRIMMED = [(24, 0, 0, 0), (0, 0, 24, 0), (0, 18, 0, 0), (0, 0, 0, 18), (15, 0, 15, 0), (15, 11, 15, 11)]


def cut(image, box):
    left, top, right, bottom = box
    return image.crop((left, top, image.width - right, image.height - bottom))


@pytest.mark.parametrize("box", TRIMMED)
@pytest.mark.parametrize("turn", [0, 3, 5])
def test_an_edge_may_have_been_cut_off(box, turn):
    """It is told as what it is, a part; or as the whole where so little is gone that it fits all the same."""
    part = view(transposed(cut(PICTURE, box), back(turn)))
    found = match(seen(1), part, WHOLE._replace(turn=turn))
    assert found is not None and found.agreement > 0.8
    if found.place[1:] != WHOLE[1:]:
        trimmed = np.divide(box, (WIDTH, HEIGHT, WIDTH, HEIGHT)) * (1, 1, -1, -1) + (0, 0, 1, 1)
        assert edges(found.place) == pytest.approx(trimmed, abs=0.01)
        assert found.agreement > 0.95


CROPS = [
    (100, 90, 500, 390),
    (0, 0, 400, 300),
    (200, 150, 600, 450),
    (0, 200, 320, 450),
    (260, 0, 600, 200),
    (120, 0, 440, 450),
    (0, 60, 600, 390),
]


@pytest.mark.parametrize("box", CROPS)
@pytest.mark.parametrize("change", [lambda image: image, lambda image: saved(scaled(0.5)(image), 40)])
@pytest.mark.parametrize("off", [0, 1 / 40])
def test_a_part_is_laid_where_it_was_cut_out(box, change, off):
    """Within a hundredth, though it was supposed a little elsewhere."""
    left, top, right, bottom = np.divide(box, (WIDTH, HEIGHT, WIDTH, HEIGHT)).tolist()
    width, height = right - left, bottom - top
    start = Place(0, min(left + off, 1 - width), max(top - off, 0.0), width, height)
    found = match(seen(1), view(change(PICTURE.crop(box))), start)
    assert found is not None and not found.is_whole and found.agreement > 0.9
    assert edges(found.place) == pytest.approx((left, top, right, bottom), abs=0.01)
    assert not found.tone and not found.colour


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_part_may_be_turned(turn):
    box = (150, 30, 540, 330)
    shares = np.divide(box, (WIDTH, HEIGHT, WIDTH, HEIGHT)).tolist()
    part = view(transposed(brightened(0.6)(PICTURE.crop(box)), back(turn)))
    start = Place(turn, shares[0] + 0.01, shares[1], shares[2] - shares[0], shares[3] - shares[1])
    found = match(seen(1), part, start)
    assert found is not None and found.place.turn == turn and found.tone
    assert edges(found.place) == pytest.approx(shares, abs=0.02)
    assert match(seen(1), part, start._replace(turn=turn ^ 1)) is None


@settings(max_examples=40)
@given(
    left=st.floats(0, 0.5),
    top=st.floats(0, 0.5),
    width=st.floats(0.45, 1),
    height=st.floats(0.45, 1),
    number=st.integers(1, 3),
)
def test_any_part_is_laid_where_it_was_cut_out(left, top, width, height, number):
    right, bottom = min(left + width, 1.0), min(top + height, 1.0)
    box = [round(edge) for edge in (left * WIDTH, top * HEIGHT, right * WIDTH, bottom * HEIGHT)]
    left, top, right, bottom = np.divide(box, (WIDTH, HEIGHT, WIDTH, HEIGHT)).tolist()
    found = match(
        seen(number), view(texture(number).crop(box)), Place(0, left, top, right - left, bottom - top)
    )
    assert found is not None
    assert edges(found.place) == pytest.approx((left, top, right, bottom), abs=0.02)


# Not the same


def scene(x, y):
    """A background with something on it that is elsewhere in the next shot."""
    image = PICTURE.copy()
    image.paste(texture(77, (180, 200)), (x, y))
    return image


@pytest.mark.parametrize(("x", "y"), [(300, 200), (400, 100), (100, 240), (20, 20)])
def test_a_shot_in_which_something_moved_is_another(x, y):
    assert match(view(scene(120, 30)), view(scene(120, 30)), WHOLE) is not None
    assert match(view(scene(120, 30)), view(scene(x, y)), WHOLE) is None


@pytest.mark.parametrize("turn", range(TURNS))
def test_pictures_without_anything_in_common_are_not_the_same(turn):
    for number in range(2, 6):
        assert match(seen(1), seen(number), WHOLE._replace(turn=turn)) is None
        assert match(seen(1), seen(number), Place(turn, 0.2, 0.2, 0.5, 0.5)) is None


@pytest.mark.parametrize("turn", range(1, TURNS))
def test_a_page_of_text_turned_is_only_the_same_when_turned_back(turn):
    page = drawing(1, 2, 3, 4, 5)
    other = view(transposed(page, turn))
    assert match(view(page), other, WHOLE) is None
    assert match(view(page), other, WHOLE._replace(turn=back(turn))) is not None


def test_another_page_of_text_is_not_the_same():
    assert match(view(drawing(1, 2, 3, 4, 5)), view(drawing(6, 7, 8, 9, 10)), WHOLE) is None
    assert match(view(drawing(1, 2, 3, 4, 5)), view(drawing(5, 1, 2, 3, 4)), WHOLE) is None


def test_the_negative_is_not_the_same():
    assert match(seen(1), view(PICTURE.point(lambda level: 255 - level)), WHOLE) is None


@pytest.mark.parametrize("colour", ["white", "black", (120, 110, 90)])
def test_where_there_is_nothing_to_see_nothing_is_the_same(colour):
    page = view(Image.new("RGB", (WIDTH, HEIGHT), colour))
    noise = np.random.default_rng(0).integers(-2, 3, (HEIGHT, WIDTH, 3)) + 120
    noisy = view(Image.fromarray(noise.astype(np.uint8)))
    for one, other in ((page, page), (page, noisy), (noisy, noisy), (page, seen(1)), (seen(1), page)):
        assert match(one, other, WHOLE) is None
        assert match(one, other, Place(0, 0.25, 0.25, 0.5, 0.5)) is None


SIZES = {
    (1, 4000): False,
    (4000, 1): False,
    (1, 1): False,
    (7, 7): False,
    (8, 8): True,
    (11, 400): False,
    (100, 400): True,
    (2000, 100): False,
    (400, 401): True,
}


@pytest.mark.parametrize(("size", "seen_at_all"), SIZES.items())
@pytest.mark.parametrize("start", [WHOLE, WHOLE._replace(turn=5), Place(0, 0.55, 0.55, 0.45, 0.45)])
def test_pictures_of_any_size_can_be_compared(size, seen_at_all, start):
    odd = Image.fromarray(np.random.default_rng(3).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
    for other in (seen(1), seen(2, (450, 600))):
        assert match(view(odd), other, start) is None
        assert match(other, view(odd), start) is None
    assert (match(view(odd), view(odd), WHOLE) is not None) == seen_at_all, "of a few pixels nothing is said"


@pytest.mark.parametrize("start", [Place(0, 0.5, 0.5, 0.001, 0.001), Place(0, 0.99, 0.99, 0.01, 0.01)])
def test_what_would_lie_on_a_few_pixels_is_no_part(start):
    assert match(seen(1), view(PICTURE.crop((300, 225, 303, 228))), start) is None
    assert match(seen(1), seen(2), start) is None


@settings(max_examples=60)
@given(
    one=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    other=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    x=st.floats(0, 0.9),
    y=st.floats(0, 0.9),
    turn=st.integers(0, 7),
    seed=st.integers(0, 3),
)
def test_whatever_is_laid_over_whatever_the_answer_is_in_order(one, other, x, y, turn, seed):
    rng = np.random.default_rng(seed)
    whole, part = (
        view(Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)))
        for width, height in (one, other)
    )
    found = match(whole, part, Place(turn, x, y, 1 - x, 1 - y))
    if found is not None:
        assert 0.8 <= found.agreement <= 1 and found.place.turn == turn
        left, top, right, bottom = edges(found.place)
        assert -0.01 <= left < right <= 1.01 and -0.01 <= top < bottom <= 1.01


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_thumbnail_is_an_error_of_the_system(kind):
    with pytest.raises(OSError):
        View(DAMAGED[kind])
