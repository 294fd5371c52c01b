"""A part of a picture: which box, and which pixels."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from simsearch import draft, parts
from tests.conftest import paint


def jpeg(image, **options):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ((20, 10, 50, 25), (0.1, 0.1, 0.25, 0.25)),
        ((0.1, 0.1, 0.25, 0.25), (0.1, 0.1, 0.25, 0.25)),
        ((0, 0, 1, 1), (0, 0, 1, 1)),
        ((0, 0, 2, 1), (0, 0, 0.01, 0.01)),
        ((100, 50, 500, 51), (0.5, 0.5, 0.5, 0.5)),  # sticks out
        ((0.5, 0.5, 0.6, 0.6), (0.5, 0.5, 0.5, 0.5)),
        (np.array([20, 10, 50, 25]), (0.1, 0.1, 0.25, 0.25)),
    ],
)
def test_pixels_and_shares_say_the_same(box, share):
    assert parts.shares(box, 200, 100) == pytest.approx(share)
    assert parts.shares(parts.shares(box, 200, 100), 40, 20) == pytest.approx(share)


@pytest.mark.parametrize(
    "box",
    [
        (),
        (1, 2, 3),
        (1, 2, 3, 4, 5),
        (-1, 0, 5, 5),
        (0, 0, 5, 0),
        (0, 0, 0, 5),
        (0, 0, -5, 5),
        (0, 0, math.nan, 5),
        (0, 0, math.inf, 5),
        ("0", "0", "5", "5"),
        "1234",
    ],
)
def test_what_is_no_box_is_refused_with_what_would_be(box):
    with pytest.raises(ValueError, match="crop must be four numbers x, y, width, height: pixels, as"):
        parts.shares(box, 200, 100)


@pytest.mark.parametrize("box", [(200, 0, 5, 5), (0, 100, 5, 5), (1, 0, 0.5, 0.5), (0, 1, 1, 1)])
def test_a_box_beside_the_picture_is_refused(box):
    with pytest.raises(ValueError, match="on the picture, which is 200 x 100 pixels, and .* is beside it"):
        parts.shares(box, 200, 100)


def test_the_pixels_are_those_of_the_box():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8))
    part = parts.decode(image, "x", (3, 10, 7, 5), at_least=1000)
    assert np.array_equal(np.asarray(part), np.asarray(image)[10:15, 3:10])


@pytest.mark.parametrize("box", [(39, 29, 1, 2), (0.999, 0.999, 0.001, 0.001), (5.2, 5.2, 0.1, 0.1)])
def test_a_part_has_at_least_a_pixel(tmp_path, box):
    assert parts.decode(Image.new("RGB", (40, 30)), "x", box, at_least=10).size == (1, 1)


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_box_is_on_the_upright_picture(turned):
    upright = Image.new("RGB", (640, 320), "white")
    upright.paste((200, 0, 0), (480, 160, 640, 320))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # as Pillow numbers what undoes each
    stored = upright.transpose(Image.Transpose(back[turned])) if turned > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = turned
    part = parts.decode(jpeg(stored, exif=exif), "x", (480, 160, 160, 160), at_least=40)
    inner = np.asarray(part.resize((8, 8)), dtype=int)[1:-1, 1:-1]
    assert np.abs(inner - (200, 0, 0)).max() < 12


@pytest.mark.parametrize(("width", "has"), [(1600, 400), (800, 400), (400, 400), (200, 200)])
def test_a_part_of_a_jpeg_has_the_pixels_wanted_where_there_are_so_many(width, has):
    data = jpeg(Image.new("RGB", (1600, 1200)))
    assert parts.decode(data, "x", (0, 0, width, 100), at_least=400).width == has


def test_memory_for_all_of_a_picture_limits_the_pixels_of_its_part(monkeypatch):
    data = jpeg(Image.new("RGB", (1600, 1200)))
    monkeypatch.setattr(draft, "MAX_PIXELS", 500_000)
    monkeypatch.setattr(draft, "_ALWAYS_FINE", 500_000)
    assert parts.decode(data, "x", (0, 0, 100, 100), at_least=400).size == (50, 50)
    assert draft.affordable(1600, 1200) == 800
    assert draft.affordable(800, 600) == 800
    assert draft.affordable(100_000, 100_000) == 12_500, "there is no smaller scale: decode says so"


def test_a_part_of_a_real_photo_is_sharp(real_photos):
    path = real_photos / "orientation" / "Portrait_6.jpg"
    whole = parts.decode(path.read_bytes(), path, None, at_least=10_000)
    box = (whole.width // 2, whole.height // 4, 120, 160)
    part = parts.decode(path.read_bytes(), path, box, at_least=320)
    assert part.size == (120, 160)
    same = whole.crop((box[0], box[1], box[0] + 120, box[1] + 160))
    assert np.abs(np.asarray(part, dtype=int) - np.asarray(same)).mean() < 1


def test_the_part_of_a_file(tmp_path):
    path = paint(tmp_path / "x.tif", "red", (60, 40))
    assert parts.decode(path.read_bytes(), path, (10, 10, 20, 20), at_least=100).size == (20, 20)
