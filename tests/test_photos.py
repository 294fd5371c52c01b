import os
import struct
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simsearch import PhotoError, photos, pixels
from tests.conftest import paint


def encoded(image, format, **options):
    stream = BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def corners(size=(64, 32)):
    """Red at the top left, green at the top right, blue at the bottom left, white at the bottom right."""
    image = Image.new("RGB", (2, 2))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)])
    return image.resize(size, Image.Resampling.NEAREST)


# find


def test_find_lists_photos_by_name_with_their_facts(album):
    for name in ["b.jpg", "a/z.PNG", "a/ä ö.webp", "c.Tiff"]:
        paint(album / name, "red")
    walk = photos.find(album)
    assert [found.path for found in walk.photos] == ["b.jpg", "c.Tiff", "a/z.PNG", "a/ä ö.webp"]
    facts = (album / "b.jpg").stat()
    assert walk.photos[0] == photos.Found("b.jpg", facts.st_size, facts.st_mtime_ns)


def test_find_looks_at_a_single_file_and_finds_nothing_where_it_is_gone(album):
    paint(album / "a" / "x.jpg", "red")
    paint(album / "a" / "x.jpg.png", "red")
    assert [found.path for found in photos.find(album, "a/x.jpg").photos] == ["a/x.jpg"]
    assert photos.find(album, "a/gone.jpg") == photos.Walk([], [], [], [])


def test_find_below_a_folder_names_paths_from_the_root(album):
    paint(album / "a" / "b" / "x.jpg", "red")
    paint(album / "y.jpg", "red")
    assert [found.path for found in photos.find(album, "a").photos] == ["a/b/x.jpg"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".hidden.jpg", "hidden"),
        ("film.mov", "not a kind of photo read here (.mov)"),
        ("README", "not a kind of photo read here (no suffix)"),
    ],
)
def test_find_says_why_a_file_is_skipped(album, name, reason):
    (album / name).write_bytes(b"x")
    assert photos.find(album).skipped == [photos.Refused(name, reason)]


def test_find_leaves_hidden_folders_and_links_to_folders_alone(album):
    paint(album / ".thumbnails" / "x.jpg", "red")
    (album / "loop").symlink_to(album)
    walk = photos.find(album)
    assert walk.photos == []
    assert walk.skipped == [
        (".thumbnails/", "a hidden folder"),
        ("loop", "a link to a folder; index that folder itself"),
    ]


def test_a_link_that_leads_to_itself_costs_only_itself(album):
    (album / "circle.jpg").symlink_to(album / "circle.jpg")
    (album / "circle").symlink_to(album / "circle")
    paint(album / "a.jpg", "red")
    walk = photos.find(album)
    assert [photo.path for photo in walk.photos] == ["a.jpg"]
    [failed], [skipped] = walk.failed, walk.skipped
    assert failed.path == "circle.jpg" and "cannot be read" in failed.reason
    assert skipped.path == "circle"


def test_find_survives_broken_links_pipes_and_names_that_are_no_text(album):
    (album / "gone.jpg").symlink_to(album / "nowhere.jpg")
    os.mkfifo(album / "pipe.jpg")
    (album / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    walk = photos.find(album)
    assert walk.photos == []
    assert {refused.path: refused.reason for refused in walk.skipped} == {"pipe.jpg": "not a regular file"}
    reasons = sorted(refused.reason for refused in walk.failed)
    assert reasons == [
        "cannot be read (no such file or directory)",
        "the file's name is not valid text; rename it",
    ]


# decode


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_decode_is_upright_whatever_the_exif_orientation(format, orientation):
    upright = corners()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that the orientation reverses
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if format in ("JPEG", "WEBP") else {}
    picture = pixels.decode(encoded(stored, format, exif=exif, **options), "x", at_least=64)
    assert (picture.width, picture.height) == picture.image.size == (64, 32)
    difference = np.abs(np.asarray(picture.image, dtype=int) - np.asarray(upright, dtype=int))
    assert np.median(difference) <= 3


@pytest.mark.parametrize(
    ("image", "format", "pixel"),
    [
        (Image.new("L", (4, 4), 100), "PNG", (100, 100, 100)),
        (Image.new("1", (4, 4), 1), "PNG", (255, 255, 255)),
        (Image.new("P", (4, 4), 0), "GIF", (0, 0, 0)),
        (Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("LA", (4, 4), (0, 128)), "PNG", (127, 127, 127)),
        (Image.fromarray(np.full((4, 4), 32768, dtype=np.uint16)), "PNG", (127, 127, 127)),
        (Image.fromarray(np.full((4, 4), 65535, dtype=np.uint16)), "TIFF", (255, 255, 255)),
        (Image.fromarray(np.eye(4, dtype=np.float32)), "TIFF", (255, 255, 255)),
    ],
)
def test_decode_makes_rgb_of_every_mode(image, format, pixel):
    picture = pixels.decode(encoded(image, format), "x", at_least=4)
    assert picture.image.mode == "RGB"
    assert picture.image.getpixel((0, 0)) == pixel


def test_decode_takes_the_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixels.decode(data, "x", at_least=4).image.getpixel((0, 0)) == (255, 0, 0)


def test_decode_reduces_large_jpegs_but_not_below_what_is_wanted():
    picture = pixels.decode(encoded(corners((1600, 1200)), "JPEG"), "x", at_least=300)
    assert (picture.width, picture.height) == (1600, 1200)
    assert picture.image.size == (400, 300)


def test_decode_leaves_a_given_image_as_it_is():
    image = Image.new("L", (4, 4), 7)
    picture = pixels.decode(image, "x", at_least=4)
    assert (image.mode, picture.image.mode) == ("L", "RGB")


@pytest.mark.parametrize("tag", [0x011A, 0x0100, 0x0111])
def test_one_odd_exif_tag_costs_no_photo(tag):
    """Text where a number belongs, as broken programs write it; Pillow itself would not."""
    entries = sorted([struct.pack("<HHII", 0x0112, 3, 1, 6), struct.pack("<HHI4s", tag, 2, 4, b"odd")])
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)
    picture = pixels.decode(encoded(corners(), "JPEG", exif=exif), "x", at_least=64)
    assert picture.image.size == (32, 64)


def test_decode_refuses_an_image_without_pixels():
    with pytest.raises(PhotoError, match="0 pixels"):
        pixels.decode(Image.new("RGB", (0, 0)), "x", at_least=4)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a picture"),
        (b"this is text", "not a picture"),
        (encoded(corners((400, 300)), "JPEG")[:-200], "cut short"),
        (encoded(corners((400, 300)), "PNG")[:200], "cut short"),
        (encoded(Image.new("1", (20_000, 20_000)), "PNG"), "pixels"),
    ],
)
def test_decode_says_why_a_picture_cannot_be_read(data, reason):
    with pytest.raises(PhotoError, match=reason) as raised:
        pixels.decode(data, "holiday.jpg", at_least=4)
    assert raised.value.source == "holiday.jpg"
    assert "holiday.jpg" in str(raised.value)


def test_decode_refuses_what_pillow_would_hand_to_another_program():
    with pytest.raises(PhotoError, match="not a picture"):
        pixels.decode(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "x.jpg", at_least=4
        )


@pytest.mark.parametrize("size", [(12_500, 12_500), (20_000, 20_000)])
def test_decode_says_the_limit_that_is_kept(size):
    with pytest.raises(PhotoError, match="150,000,000"):
        pixels.decode(encoded(Image.new("1", size), "PNG"), "x", at_least=4)


def test_read_takes_a_pipe_to_its_end_but_no_endless_one(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"x" * 3_000_000))
    writer.start()
    assert pixels.read(tmp_path / "pipe")[0] == b"x" * 3_000_000
    writer.join()
    monkeypatch.setattr(pixels, "MAX_BYTES", 1 << 21)
    with pytest.raises(PhotoError, match="no end"):
        pixels.read(Path("/dev/zero"))


def test_find_leaves_out_what_it_is_told_to(album):
    for name in ["1.jpg", "inner/2.jpg", "inner too/3.jpg"]:
        paint(album / name, "red")
    walk = photos.find(album, without=frozenset(["inner"]))
    assert [found.path for found in walk.photos] == ["1.jpg", "inner too/3.jpg"]


def test_read_refuses_a_file_too_large_to_be_one_photo(album, monkeypatch):
    monkeypatch.setattr(pixels, "MAX_BYTES", 100)
    with pytest.raises(PhotoError, match="too many for one photo"):
        pixels.read(paint(album / "x.bmp", "red"))


# Made from pixels


def test_letterbox_keeps_proportions_and_fills_with_grey():
    square = pixels.letterbox(Image.new("RGB", (40, 20), (200, 10, 10)), 8)
    assert square.shape == (8, 8, 3) and square.dtype == np.uint8
    assert (square[:2] == 127).all() and (square[6:] == 127).all()
    assert (square[2:6] == (200, 10, 10)).all()


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (1, 1)])
def test_letterbox_takes_any_proportions(size):
    assert pixels.letterbox(Image.new("RGB", size), 16).shape == (16, 16, 3)


@pytest.mark.parametrize(("size", "shrunk"), [((800, 600), (400, 300)), ((30, 20), (30, 20))])
def test_shrink_never_enlarges(size, shrunk):
    assert Image.open(BytesIO(pixels.shrink(Image.new("RGB", size), 400))).size == shrunk


def test_a_small_photo_is_shrunk_where_the_current_folder_is_gone(tmp_path, monkeypatch):
    data = encoded(Image.new("RGB", (8, 8)), "PNG")
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert pixels.thumbnail(data, pixels.decode(data, "x", at_least=8))


@pytest.mark.parametrize(
    ("image", "format", "kept"),
    [
        (corners((400, 300)), "JPEG", True),
        (corners((401, 300)), "JPEG", False),
        (corners((40, 30)), "PNG", False),
        (corners((40, 30)).convert("CMYK"), "JPEG", False),
        (corners((40, 30)).convert("L"), "JPEG", False),
    ],
)
def test_a_photo_that_is_a_thumbnail_already_is_kept_as_it_is(image, format, kept):
    data = encoded(image, format)
    thumbnail = pixels.thumbnail(data, pixels.decode(data, "x", at_least=400))
    assert (thumbnail == data) is kept
    shown = Image.open(BytesIO(thumbnail))
    assert (shown.format, shown.mode) == ("JPEG", "RGB") and max(shown.size) <= 400


def test_a_turned_or_heavy_photo_is_no_thumbnail():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(corners((40, 30)), "JPEG", exif=exif)
    assert Image.open(BytesIO(pixels.thumbnail(data, pixels.decode(data, "x", at_least=40)))).size == (30, 40)
    data = encoded(corners((40, 30)), "JPEG") + bytes(100_000)  # as a film hidden behind a photo
    assert len(pixels.thumbnail(data, pixels.decode(data, "x", at_least=40))) < 5_000


# Real ones


@pytest.mark.parametrize(
    "name", [f"{way}_{turn}.jpg" for way in ("Landscape", "Portrait") for turn in range(9)]
)
def test_real_photos_are_upright_in_every_orientation(real_photos, name):
    folder = real_photos / "orientation"
    upright = pixels.letterbox(decode_file(folder / f"{name.split('_')[0]}_1.jpg"), 32)
    turned = pixels.letterbox(decode_file(folder / name), 32)
    assert np.abs(upright.astype(int) - turned.astype(int)).mean() < 6


def decode_file(path):
    return pixels.decode(path.read_bytes(), path, at_least=64).image
