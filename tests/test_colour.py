from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from simsearch import pixels
from tests.profiles import ADOBE_RGB, DISPLAY_P3, as_srgb, cmyk_profile, grey_profile, rgb_profile


def encoded(image, format, **options):
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def first_pixel(data, at_least=8):
    picture = pixels.decode(data, "x", at_least=at_least)
    assert picture.image.mode == "RGB"
    return picture.image.getpixel((0, 0))


def near(pixel, expected, by=2):
    return all(abs(a - b) <= by for a, b in zip(pixel, expected, strict=True))


SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COLOURS = [(200, 100, 50), (30, 180, 60), (10, 20, 120), (128, 128, 128), (0, 255, 0), (255, 255, 255)]


@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB], ids=["display-p3", "adobe-rgb"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_wider_space_comes_out_as_srgb(colour, primaries):
    data = encoded(Image.new("RGB", (8, 8), colour), "PNG", icc_profile=rgb_profile(primaries))
    assert near(first_pixel(data), as_srgb(colour, primaries), by=3)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("TIFF", {}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {"quality": 95, "subsampling": "4:4:4"}),
    ],
)
def test_the_profile_counts_in_every_format_that_has_one(format, options):
    image = Image.new("RGB", (32, 32), (200, 100, 50))
    data = encoded(image, format, icc_profile=rgb_profile(DISPLAY_P3), **options)
    assert near(first_pixel(data), as_srgb((200, 100, 50), DISPLAY_P3), by=5)


def test_the_profile_counts_in_heic():
    import pillow_heif

    stream = BytesIO()
    image = pillow_heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50)))
    image.save(stream, quality=95, icc_profile=rgb_profile(DISPLAY_P3), icc_profile_type="prof")
    assert near(first_pixel(stream.getvalue()), as_srgb((200, 100, 50), DISPLAY_P3), by=6)


def test_a_large_picture_is_reduced_before_its_profile_is_applied():
    image = Image.new("RGB", (800, 400), (200, 100, 50))
    picture = pixels.decode(encoded(image, "PNG", icc_profile=rgb_profile(ADOBE_RGB)), "x", at_least=100)
    assert (picture.width, picture.height, picture.image.size) == (800, 400, (100, 50))
    assert near(picture.image.getpixel((50, 25)), as_srgb((200, 100, 50), ADOBE_RGB), by=3)


def test_a_transparent_picture_has_its_profile_applied_and_then_white_behind():
    image = Image.new("RGBA", (8, 8), (200, 100, 50, 128))
    opaque = np.array(as_srgb((200, 100, 50), DISPLAY_P3))
    expected = (opaque * 128 + 255 * 127) / 255
    assert near(first_pixel(encoded(image, "PNG", icc_profile=rgb_profile(DISPLAY_P3))), expected, by=3)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_has_a_profile_too(mode):
    image = Image.new("L", (8, 8), 100).convert(mode if mode == "LA" else "L")
    if mode == "I;16":
        image = Image.fromarray(np.full((8, 8), 100 * 257, dtype=np.uint16))
    linear = (100 / 255) ** 1.0
    expected = round(255 * (1.055 * linear ** (1 / 2.4) - 0.055))
    assert near(first_pixel(encoded(image, "PNG", icc_profile=grey_profile(1.0))), (expected,) * 3, by=3)


def test_cmyk_goes_through_its_profile():
    """In this one's inks, cyan is a dark green, whatever anybody else thinks that cyan is."""

    def lab_of(c, m, y, k):
        return (100, 78, 160) if c and not (m or y or k) else (255 if not (m or y or k) else 0, 128, 128)

    profile = cmyk_profile(lab_of)
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    red, green, blue = first_pixel(encoded(cyan, "TIFF", icc_profile=profile))
    assert green > red + 40 and green > blue + 40
    paper = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    assert near(first_pixel(encoded(paper, "JPEG", icc_profile=profile)), (255, 255, 255), by=4)


def test_cmyk_without_a_profile_is_ink_on_paper(real_photos):
    """A real one, inverted as Adobe does it: the word RED in red on black."""
    data = (real_photos / "formats" / "pil_sample_cmyk.jpg").read_bytes()
    seen = np.asarray(pixels.decode(data, "x", at_least=100).image)
    red = seen[(seen[..., 0] > 200) & (seen[..., 1] < 80) & (seen[..., 2] < 80)]
    assert len(red) > 500 and seen[-10:].mean() < 20


def test_lab_is_its_own_profile():
    lab = Image.merge("LAB", [Image.new("L", (8, 8), value) for value in (137, 208, 195)])
    data = encoded(lab, "TIFF")
    assert near(first_pixel(data), (255, 0, 0), by=14)


@pytest.mark.parametrize(
    "profile",
    [
        SRGB_PROFILE,
        b"no profile at all",
        rgb_profile(DISPLAY_P3)[:200],
        grey_profile(1.0),
        cmyk_profile(lambda *ink: (0, 128, 128)),
    ],
    ids=["srgb", "nonsense", "cut-short", "for-grey", "for-cmyk"],
)
def test_a_profile_that_changes_nothing_or_is_broken_costs_no_photo(profile):
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    assert near(first_pixel(encoded(image, "PNG", icc_profile=profile)), (200, 100, 50))


@pytest.mark.parametrize("profile", [7, "text", (1, 2), rgb_profile(DISPLAY_P3) + bytes(5_000_000)])
def test_what_is_no_profile_costs_no_photo(profile):
    """A TIFF may call anything its profile."""
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    image.info["icc_profile"] = profile
    assert pixels.decode(image, "x", at_least=8).image.getpixel((0, 0)) == (200, 100, 50)


def test_a_colour_key_is_transparent():
    image = Image.new("RGB", (8, 8), (1, 2, 3))
    image.paste((200, 100, 50), (4, 0, 8, 8))
    picture = pixels.decode(encoded(image, "PNG", transparency=(1, 2, 3)), "x", at_least=8)
    assert picture.image.getpixel((0, 0)) == (255, 255, 255)
    assert picture.image.getpixel((7, 7)) == (200, 100, 50)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB"]
)
def test_every_mode_can_be_reduced(mode):
    image = Image.new("L", (800, 400), 200)
    image = (
        Image.new("F" if mode == "F" else mode, (800, 400)) if mode in ("F", "LAB") else image.convert(mode)
    )
    picture = pixels.decode(image, "x", at_least=100)
    assert (picture.image.size, picture.image.mode) == ((100, 50), "RGB")
    assert (picture.width, picture.height) == (800, 400)


def test_transparent_pixels_do_not_bleed_when_reduced():
    image = Image.new("RGBA", (800, 400), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 800, 201))
    reduced = pixels.decode(encoded(image, "PNG"), "x", at_least=100).image
    red, green, blue = np.asarray(reduced, dtype=int)[25, 50]
    assert blue == 255 and abs(red - green) <= 2  # blue to white: no red from what nobody sees


@pytest.mark.parametrize(
    ("profile", "kept", "colour"),
    [
        (SRGB_PROFILE, True, (200, 100, 50)),
        (rgb_profile(DISPLAY_P3), False, as_srgb((200, 100, 50), DISPLAY_P3)),
    ],
    ids=["srgb", "display-p3"],
)
def test_a_thumbnail_is_srgb(profile, kept, colour):
    image = Image.new("RGB", (64, 64), (200, 100, 50))
    data = encoded(image, "JPEG", quality=95, subsampling=0, icc_profile=profile)
    thumbnail = pixels.thumbnail(data, pixels.decode(data, "x", at_least=400))
    assert (thumbnail == data) is kept
    shown = Image.open(BytesIO(thumbnail))
    assert ("icc_profile" in shown.info) is kept
    assert near(shown.getpixel((9, 9)), colour, by=6)
