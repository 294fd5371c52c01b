from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from simsearch.distortions import DISTORTIONS, FOILS

EVERY = {**DISTORTIONS, **FOILS}


def picture(width=120, height=80):
    """A picture without any symmetry: red grows to the right, green downwards."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)[None, :]
    pixels[..., 1] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    pixels[..., 2] = 60
    return Image.fromarray(pixels)


@pytest.mark.parametrize("name", EVERY)
def test_it_changes_the_picture_the_same_way_each_time_and_leaves_the_original_alone(name):
    original = picture()
    before = original.tobytes()
    once, again = EVERY[name](original), EVERY[name](original)
    assert original.tobytes() == before
    assert once.mode == "RGB" and once.tobytes() == again.tobytes()
    assert once.size != original.size or ImageChops.difference(once, original).getbbox()


@given(width=st.integers(1, 40), height=st.integers(1, 40), name=st.sampled_from(sorted(EVERY)))
def test_no_picture_is_too_small(width, height, name):
    assert min(EVERY[name](picture(width, height)).size) >= 1


@pytest.mark.parametrize(
    ("name", "size"),
    [("cropped to 70 %", (84, 56)), ("cropped to 50 %", (60, 40)), ("quarter size", (30, 20))],
)
def test_the_size_that_is_left(name, size):
    assert DISTORTIONS[name](picture()).size == size


def test_a_crop_keeps_the_middle():
    assert DISTORTIONS["cropped to 50 %"](picture()).getpixel((30, 20)) == picture().getpixel((60, 40))


def test_a_quarter_turn_and_a_mirror():
    assert DISTORTIONS["rotated by 90 degrees"](picture()).size == (80, 120)
    assert DISTORTIONS["mirrored"](picture()).getpixel((0, 5)) == picture().getpixel((119, 5))


def test_a_slight_turn_keeps_size_and_middle():
    turned = DISTORTIONS["rotated slightly"](picture())
    assert turned.size == (120, 80)
    assert np.allclose(np.asarray(turned)[40, 60], np.asarray(picture())[40, 60], atol=4)


def test_brightness_and_colour():
    plain = Image.new("RGB", (8, 8), (60, 90, 120))
    assert DISTORTIONS["brighter"](plain).getpixel((0, 0)) == (90, 135, 180)
    assert DISTORTIONS["darker"](plain).getpixel((0, 0)) == (40, 60, 80)
    assert len(np.unique(np.asarray(DISTORTIONS["grey"](plain)))) == 1


def test_recompressing_costs_detail():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    file = BytesIO()
    noise.save(file, "JPEG", quality=30)
    assert DISTORTIONS["recompressed"](noise).tobytes() == Image.open(BytesIO(file.getvalue())).tobytes()
