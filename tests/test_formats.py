import json
import subprocess
import sys
from datetime import datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from simsearch import PhotoError, draft, memory, photos, pixels, raws
from simsearch.facts import Facts
from tests.conftest import paint
from tests.dng import dng
from tests.test_photos import corners, encoded

# HEIC


def heic(image, **options):
    import pillow_heif

    stream = BytesIO()
    pillow_heif.from_pillow(image).save(stream, quality=95, **options)
    return stream.getvalue()


def stored(upright, orientation):
    """Return the pixels that are upright when they are turned by ``orientation``."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    return upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def looks_like(image, expected, by=3):
    difference = np.abs(np.asarray(image, dtype=int) - np.asarray(expected, dtype=int))
    return np.median(difference) <= by and difference.mean() <= 10 * by


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["HEIC", "AVIF"])
def test_heic_and_avif_are_turned_once(format, orientation):
    """Both encoders write the orientation as a turn of the container's own, and Exif's as well."""
    upright = corners((128, 64))
    image = stored(upright, orientation)
    if format == "HEIC":
        data = heic(image, exif=exif_of(orientation))
    else:
        data = encoded(image, "AVIF", quality=95, exif=exif_of(orientation))
    picture = pixels.decode(data, "x", at_least=128)
    assert (picture.width, picture.height) == picture.image.size == (128, 64)
    assert looks_like(picture.image, upright)
    assert pixels.glance(data, "x")[:2] == (128, 64)


def test_the_words_about_an_avif_do_not_turn_it():
    """XMP may say how a picture was turned before it became an AVIF."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:d tiff:Orientation="6"/></x:xmpmeta>'
    data = encoded(corners((128, 64)), "AVIF", quality=95, xmp=xmp)
    assert pixels.decode(data, "x", at_least=128).image.size == (128, 64)


def test_heic_of_ten_bits_and_transparency():
    import pillow_heif

    stream = BytesIO()
    deep = np.full((64, 64, 3), (65535, 32768, 0), dtype=np.uint16)
    pillow_heif.encode("RGB;16", (64, 64), deep.tobytes(), stream, quality=95)
    assert looks_like(
        pixels.decode(stream.getvalue(), "x", at_least=64).image, Image.new("RGB", (64, 64), (255, 128, 0))
    )
    half = pixels.decode(heic(Image.new("RGBA", (64, 64), (255, 0, 0, 128))), "x", at_least=64).image
    assert looks_like(half, Image.new("RGB", (64, 64), (255, 127, 127)), by=6)


def test_a_heic_that_is_cut_short_is_refused():
    data = heic(corners((640, 480)))
    with pytest.raises(PhotoError):
        pixels.decode(data[: len(data) // 2], "x", at_least=64)


# Camera raws


def jpeg(image, orientation=None):
    """Return a JPEG as cameras write it: with the Exif, if any, right at the start."""
    exif = exif_of(orientation) if orientation else b""
    data = encoded(image, "JPEG", quality=95, subsampling=0, exif=exif)
    return data[:2] + data[20:] if exif else data


def test_a_raw_is_its_preview_at_the_size_of_the_raw():
    data = dng(jpeg(corners((32, 16))))
    picture = pixels.decode(data, "x", at_least=32)
    assert looks_like(picture.image, corners((32, 16)), by=8)
    assert (picture.width, picture.height, picture.plain_jpeg) == (64, 32, False)
    assert picture.facts == Facts(datetime(2021, 2, 3, 4, 5, 6), "Acme Raw 1")
    assert pixels.glance(data, "x") == (64, 32, picture.facts)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("says_so", ["the raw", "the preview", "both"])
def test_a_raw_is_upright(orientation, says_so):
    upright = corners((64, 32) if orientation < 5 else (32, 64))
    own = None if says_so == "the raw" else orientation
    data = dng(jpeg(stored(upright, orientation), own), 1 if says_so == "the preview" else orientation)
    assert looks_like(pixels.decode(data, "x", at_least=64).image, upright, by=8)


def test_a_preview_that_is_upright_already_is_not_turned_again():
    upright = corners((32, 64))
    picture = pixels.decode(dng(jpeg(upright), orientation=6), "x", at_least=64)
    assert looks_like(picture.image, upright, by=8)
    assert (picture.width, picture.height) == (32, 64)


@pytest.mark.parametrize("preview", [b"", b"no picture at all" * 9], ids=["none", "nonsense"])
def test_a_raw_without_a_usable_preview_is_refused(preview):
    with pytest.raises(PhotoError, match="raw without a preview"):
        pixels.decode(dng(preview), "x.dng", at_least=64)


@pytest.mark.parametrize(
    "start",
    [
        b"FUJIFILMCCD-RAW 0201",
        b"IIU\0",
        b"IIRO",
        b"MMOR",
        b"\0MRM",
        b"FOVb",
        b"II\x1a\0\0\0HEAPCCDR",
        b"\0\0\0\x18ftypcrx ",
        b"II*\0\x10\0\0\0CR\2\0",
        b"II*\0\x08\0\0\0IIII\x01waR",
        b"MM\0*\0\0\0\x08MMMMRaw\1",
    ],
)
def test_raws_are_known_by_their_first_bytes(start):
    data = start + bytes(100)
    assert raws.is_raw(data, "the picture")
    with pytest.raises(PhotoError):
        pixels.decode(data, "the picture", at_least=64)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "F", "I;16"])
def test_an_ordinary_tiff_is_no_raw(mode):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS 20D"
    data = encoded(Image.new(mode, (8, 8)), "TIFF", exif=exif)
    assert not raws.is_raw(data, "scan.tif")
    assert raws.is_raw(data, "scan.NEF")  # old raws may have no tag that tells


def test_a_tiff_whose_directories_run_in_a_ring_is_looked_through_once():
    ring = b"II*\0\x08\0\0\0" + b"\1\0" + b"\x4a\1\4\0\1\0\0\0\x08\0\0\0" + b"\x08\0\0\0"
    assert not raws.is_raw(ring, "x.tif")


def test_the_suffixes_of_heic_and_raws_are_looked_at():
    assert {".heic", ".heif", ".hif", ".avif", ".dng", ".nef", ".cr2", ".cr3", ".arw"} <= photos.SUFFIXES


def test_the_bytes_decide_and_not_the_name():
    data = encoded(corners(), "PNG")
    assert pixels.decode(data, "x.heic", at_least=64).image.size == (64, 32)
    assert pixels.decode(data, "x.cr2", at_least=64).image.size == (64, 32)


# In a library


def test_a_library_holds_heic_and_raws_beside_the_rest(toy_library, album):
    (album / "1.HEIC").write_bytes(heic(Image.new("RGB", (64, 64), "red")))
    (album / "2.dng").write_bytes(dng(jpeg(Image.new("RGB", (64, 32), "lime"))))
    paint(album / "2.jpg", "blue", size=(64, 32))  # what the camera wrote beside its raw
    report = toy_library.sync(album)
    assert (report.added, report.failed, report.skipped) == (3, [], [])
    query = heic(Image.new("RGB", (64, 64), "lime"))
    best = toy_library.search(query, k=1)[0]
    assert (best.path.name, best.width, best.height) == ("2.dng", 64, 32)
    assert Image.open(BytesIO(toy_library.thumbnail(best))).size == (64, 32)
    assert Image.open(BytesIO(toy_library.preview(best, 32))).size == (32, 16)


# How large


@pytest.fixture
def small_machine(monkeypatch):
    """A machine on which 1,000 pixels are fine, and 10,000 at most can be decoded."""
    monkeypatch.setattr(draft, "_ALWAYS_FINE", 1_000)
    monkeypatch.setattr(memory, "total", lambda: 2 * 17 * 10_000)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("WEBP", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG2000", {}),
    ],
)
def test_what_does_not_fit_into_memory_is_refused(small_machine, format, options):
    with pytest.raises(PhotoError, match=r"20,000 pixels, where 1 to [\d,]+ can be decoded on this machine"):
        pixels.decode(encoded(corners((200, 100)), format, **options), "x", at_least=25)


def test_of_a_jpeg_in_one_scan_only_the_pixels_decoded_have_to_fit(small_machine):
    data = encoded(corners((200, 100)), "JPEG")
    picture = pixels.decode(data, "x", at_least=25)
    assert (picture.width, picture.height, picture.image.size) == (200, 100, (25, 13))
    with pytest.raises(PhotoError, match="20,000 pixels, where 1 to 10,000 can"):
        pixels.decode(data, "x", at_least=200)


def test_a_jpeg_of_two_hundred_megapixels_is_read():
    data = encoded(Image.new("L", (16_384, 12_288), 99), "JPEG")
    picture = pixels.decode(data, "x", at_least=520)
    assert (picture.width, picture.height, picture.image.size) == (16_384, 12_288, (683, 512))


# Real ones


REFUSED = {
    "bmp__Alarm.ICO": "not a picture, or of a kind not read here",  # three arrays of OS/2 icons
    "bmp__Diag-01.ICO": "not a picture, or of a kind not read here",
    "bmp__MEMSIZE.BMP": "not a picture, or of a kind not read here",
    "gif__ImageTestSuite__5f09a896c191db3fa7ea6bdd5ebe9485.gif": "damaged",
    "heic__NegativeArraySizeException.HeifReader.processBoxes.heif": "damaged",
    "jpg2000__balloon.jpm": "damaged",  # a document of several layers
    "png__ImageTestSuite__c-m1-4bdd87fd0324f0a3d84d6905d17e1731.png": "damaged",
    "png__ImageTestSuite__f85c09bb72db5a572d24b8d3a0d56542.png": "not a picture, or of a kind not read here",
    "png__ImageTestSuite__m1-c5a372c145ce25ce712959cd3b6df35e.png": "not a picture",
    "psd__10x12x16bit-CMYK.psd": "not a picture, or of a kind not read here",  # Photoshop's own
    "psd__8x4x8bit-Grayscale.psd": "not a picture, or of a kind not read here",
    "tif__ImageTestSuite__m10-42c19f8e79e582bef107f372f18a074b.tif": "damaged",
    "tif__ImageTestSuite__m9-f0d7bcb90496c323c880a9773dfe93ff.tif": "damaged",
}

# Reads every file of a folder in a process of its own, which may crash or hang.
EXAMINE = """
import json, sys
from pathlib import Path
from simsearch import PhotoError, pixels
found = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        picture = pixels.decode(path.read_bytes(), path, at_least=520)
        assert picture.image.mode == "RGB" and picture.width and picture.height
        glance = pixels.glance(path.read_bytes(), path)
        assert glance == (picture.width, picture.height, picture.facts), path
        spread = sum(high - low for low, high in picture.image.getextrema())
        found[path.name] = [*picture.image.size, spread]
    except PhotoError as error:
        found[path.name] = error.reason
print(json.dumps(found))
"""


def examine(folder):
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE, folder], capture_output=True, text=True, timeout=300, errors="replace"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_real_photos_of_every_format_are_read_or_refused_with_a_reason(real_photos):
    found = examine(real_photos / "formats")
    refused = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    assert set(refused) == set(REFUSED)
    assert all(reason.startswith(REFUSED[name]) for name, reason in refused.items()), refused
    # Something is to be seen on all others but on a few that are nothing but one colour.
    plain = {name for name, seen in found.items() if name not in refused and seen[2] < 30}
    assert all(name == "16bit.cropped.tif" or name.startswith("blend_op_") for name in plain), plain


def test_hostile_files_are_read_or_refused_and_nothing_else(real_photos):
    found = examine(real_photos / "hostile")
    assert len(found) > 90 and all(found.values())
    assert sum(isinstance(seen, list) for seen in found.values()) >= 10


@pytest.mark.parametrize(
    ("one", "other"),
    [("hopper.avif", "hopper.jpg"), ("hopper.webp", "hopper.jpg"), ("hopper.ppm", "hopper.jpg")],
)
def test_twins_in_two_formats_look_alike(real_photos, one, other):
    one, other = [
        pixels.decode((real_photos / "formats" / name).read_bytes(), name, at_least=128).image
        for name in (one, other)
    ]
    assert looks_like(one, other, by=5)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("heic__IMG_2927.HEIC", (3024, 4032)),
        ("example.heic", (1280, 854)),
        ("heic__cheers_1440x960.heic", (1440, 960)),
    ],
)
def test_a_real_heic_is_what_its_decoder_says_in_srgb(real_photos, name, size):
    """Decoded a second time by hand, and brought to sRGB by Pillow at full size."""
    import pillow_heif
    from PIL import ImageCms

    data = (real_photos / "formats" / name).read_bytes()
    image = pillow_heif.open_heif(BytesIO(data)).to_pillow()
    if profile := image.info.get("icc_profile"):
        image = ImageCms.profileToProfile(image, BytesIO(profile), ImageCms.createProfile("sRGB"))
    picture = pixels.decode(data, name, at_least=520)
    assert (picture.width, picture.height) == size == image.size
    small = pixels.letterbox(picture.image, 64)
    assert looks_like(small, pixels.letterbox(image, 64), by=2)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_real_small_photos_are_upright_in_every_orientation(real_photos, suffix, orientation):
    folder = real_photos / "formats"
    upright = pixels.decode((folder / "hopper.jpg").read_bytes(), "x", at_least=128).image
    name = f"hopper_orientation_{orientation}.{suffix}"
    turned = pixels.decode((folder / name).read_bytes(), name, at_least=128).image
    assert looks_like(turned, upright, by=10)


@pytest.mark.parametrize("number", range(1, 9))
def test_a_real_photo_made_into_a_heic_stays_upright(real_photos, number):
    data = (real_photos / "orientation" / f"Portrait_{number}.jpg").read_bytes()
    original = Image.open(BytesIO(data))
    original.thumbnail((450, 450))
    sensor = Image.fromarray(np.asarray(original))  # without its Exif, which the encoder would carry out
    picture = pixels.decode(heic(sensor, exif=exif_of(number)), "x", at_least=450)
    upright = pixels.decode(data, "x", at_least=450).image.resize(picture.image.size)
    assert looks_like(picture.image, upright, by=6)
