import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from simsearch import facts, pixels
from simsearch.facts import Facts

ORIGINAL, DIGITIZED, WRITTEN = 0x9003, 0x9004, 0x0132


def exif_of(first=(), second=(), gps=()):
    exif = Image.Exif()
    exif.update({0x0131: "simsearch", **dict(first)})
    exif.get_ifd(0x8769).update(second)
    exif.get_ifd(0x8825).update(gps)
    return exif


def facts_of(first=(), second=(), gps=()):
    """Read facts as they come out of a file, in which a value may change its type."""
    stream = BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG", exif=exif_of(first, second, gps))
    width, height, read = pixels.glance(stream.getvalue(), "x")
    assert (width, height) == (8, 8)
    assert pixels.decode(stream.getvalue(), "x", at_least=8).facts == read
    return read


# When


@pytest.mark.parametrize(
    ("first", "second", "taken_at"),
    [
        (
            {WRITTEN: "2024:01:01 00:00:00"},
            {ORIGINAL: "2019:07:21 16:05:09"},
            datetime(2019, 7, 21, 16, 5, 9),
        ),
        ({WRITTEN: "2024:01:01 00:00:00"}, {DIGITIZED: "2020:01:01 00:00:00"}, datetime(2020, 1, 1)),
        ({WRITTEN: "2024:01:01 00:00:00"}, {}, datetime(2024, 1, 1)),
        ({WRITTEN: "2024:01:01 00:00:00"}, {ORIGINAL: "0000:00:00 00:00:00"}, datetime(2024, 1, 1)),
        ({}, {ORIGINAL: "2019-07-21T16:05:09.123Z"}, datetime(2019, 7, 21, 16, 5, 9)),
        ({}, {ORIGINAL: "1903:05:01 12:00:00\0"}, datetime(1903, 5, 1, 12)),
    ],
)
def test_the_time_is_that_of_taking_before_that_of_writing(first, second, taken_at):
    assert facts_of(first, second).taken_at == taken_at


@pytest.mark.parametrize(
    ("part", "microseconds"),
    [
        ("5", 500_000),
        ("05", 50_000),
        ("123 \0", 123_000),
        ("123456789", 123_456),
        ("000", 1),  # it is told, which 0 would not say
        ("0000001", 1),
        ("", 0),
        ("-5", 0),
        ("0.5", 0),
        ("\u0665", 0),
        (5, 0),
    ],
)
@pytest.mark.parametrize(("tag", "part_tag"), [(ORIGINAL, 0x9291), (DIGITIZED, 0x9292), (WRITTEN, 0x9290)])
def test_the_part_of_a_second_is_that_of_the_time(tag, part_tag, part, microseconds):
    time = {tag: "2019:07:21 16:05:09"}
    others = {0x9290: "9", 0x9291: "9", 0x9292: "9"}
    exif = exif_of(
        time if tag == WRITTEN else (), {**others, part_tag: part, **(time if tag != WRITTEN else {})}
    )
    assert facts.read(exif).taken_at == datetime(2019, 7, 21, 16, 5, 9, microseconds)


NOON = datetime(2020, 1, 1, 12)


@pytest.mark.parametrize(
    ("one", "other", "two"),
    [
        (("Box", NOON), ("Box", NOON), False),
        (("Box", NOON), ("Box", NOON.replace(tzinfo=UTC)), False),
        (("Box", NOON), ("Box", NOON.replace(second=1)), True),
        (("Box", NOON), ("Tin", NOON), True),
        (("Box", NOON), (None, NOON.replace(hour=1)), False),
        (("Box", NOON), ("Box", None), False),
        (("Box", NOON), ("Box", NOON.replace(microsecond=5)), False),
        (("Box", NOON.replace(microsecond=1)), ("Box", NOON.replace(microsecond=5)), True),
        (("Box", NOON.replace(second=1)), ("Box", NOON.replace(microsecond=5)), True),
    ],
)
def test_two_exposures_are_told_by_what_both_tell(one, other, two):
    assert facts.are_two(facts.exposure(*one), facts.exposure(*other)) == two
    assert facts.are_two(facts.exposure(*other), facts.exposure(*one)) == two


@pytest.mark.parametrize(("tag", "offset_tag"), [(ORIGINAL, 0x9011), (DIGITIZED, 0x9012), (WRITTEN, 0x9010)])
@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        ("+02:00", timezone(timedelta(hours=2))),
        ("-03:30\0", timezone(-timedelta(hours=3.5))),
        ("Z", UTC),
        ("   :  ", None),
        ("+99:99", None),
        ("", None),
        (b"\1\2", None),
    ],
)
def test_the_time_has_the_offset_that_belongs_to_it(tag, offset_tag, offset, zone):
    times = {tag: "2019:07:21 16:05:09"}
    first, second = (times, {}) if tag == WRITTEN else ({}, times)
    # As it comes: what is wrong with an offset must not depend on what Pillow would write.
    taken_at = facts.read(exif_of(first, second | {offset_tag: offset})).taken_at
    assert taken_at == datetime(2019, 7, 21, 16, 5, 9, tzinfo=zone)
    assert taken_at.tzinfo == zone


@pytest.mark.parametrize(
    "text",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "0001:01:01 00:00:00",
        "2019:02:30 10:00:00",
        "2019:07:21 24:00:00",
        "yesterday",
        "٢٠١٩:٠٧:٢١ ١٦:٠٥:٠٩",
        "",
    ],
)
def test_no_time_comes_from_nonsense(text):
    assert facts_of({WRITTEN: text}).taken_at is None


# With what


@pytest.mark.parametrize(
    ("maker", "model", "camera"),
    [
        ("Canon", "Canon EOS 20D", "Canon EOS 20D"),
        ("NIKON CORPORATION", "NIKON D70s", "NIKON D70s"),
        ("EASTMAN KODAK COMPANY", "KODAK DX4330 DIGITAL CAMERA", "KODAK DX4330 DIGITAL CAMERA"),
        ("OLYMPUS IMAGING CORP.  ", "E-500           ", "OLYMPUS E-500"),
        ("CASIO COMPUTER CO.,LTD.", "EX-Z3", "CASIO EX-Z3"),
        ("Konica Minolta Camera, Inc.", "DiMAGE Z3", "Konica Minolta DiMAGE Z3"),
        ("Apple\0\0\0", "iPhone 11 Pro\0junk", "Apple iPhone 11 Pro"),
        ("", "E-500", "E-500"),
        ("SONY", "", "SONY"),
        ("Corp", "X", "Corp X"),
        ("\x1b[31mred\x07", "a\nb\u202e", "[31mred a b"),
        ("\0", "   ", None),
        ("A" * 5000, "B" * 5000, "A" * 80),
    ],
)
def test_the_camera_is_named_as_a_person_would(maker, model, camera):
    assert facts.read(exif_of({0x010F: maker, 0x0110: model})).camera == camera


# Where


def place(latitude, north, longitude, east, **more):
    gps = {1: north, 2: latitude, 3: east, 4: longitude} | {
        int(tag[1:]): value for tag, value in more.items()
    }
    return facts_of(gps={tag: value for tag, value in gps.items() if value is not None})[2:]


@pytest.mark.parametrize(
    ("latitude", "north", "longitude", "east", "expected"),
    [
        ((37.0, 23.0, 33.64), "N", (122.0, 2.0, 27.49), "W", (37.39267778, -122.04096944)),
        ((33.0, 52.0, 4.0), "S", (151.0, 12.0, 36.0), "E", (-33.86777778, 151.21)),
        ((48.0, 30.5, 0.0), "n", (9.0, 3.25, 0.0), "e", (48.50833333, 9.05416667)),
        ((0.0, 0.0, 0.0), "N", (9.0, 0.0, 0.0), "E", (0.0, 9.0)),
        ((90.0, 0.0, 0.0), "S", (180.0, 0.0, 0.0), "W", (-90.0, -180.0)),
    ],
)
def test_the_place_is_in_degrees_north_and_east(latitude, north, longitude, east, expected):
    assert place(latitude, north, longitude, east) == pytest.approx(expected, abs=1e-6)


HERE = (48.0, 30.0, 0.0)


@pytest.mark.parametrize(
    ("latitude", "north", "longitude", "east"),
    [
        ((0.0, 0.0, 0.0), "N", (0.0, 0.0, 0.0), "E"),
        (HERE, "N", None, None),
        (HERE, None, HERE, "E"),
        (HERE, "E", HERE, "N"),
        (HERE, "", HERE, "E"),
        ((90.0, 0.0, 1.0), "N", HERE, "E"),
        (HERE, "N", (180.0, 1.0, 0.0), "E"),
        ((IFDRational(0, 0),) * 3, "N", HERE, "E"),
        ((IFDRational(1, 0), 0.0, 0.0), "N", HERE, "E"),
    ],
)
def test_no_place_comes_from_half_a_place_or_nonsense(latitude, north, longitude, east):
    assert place(latitude, north, longitude, east) == (None, None)


def test_a_receiver_without_satellites_knows_no_place():
    assert place(HERE, "N", HERE, "E", _9="A") == pytest.approx((48.5, 48.5))
    assert place(HERE, "N", HERE, "E", _9="V") == (None, None)


@pytest.mark.parametrize(
    "parts", ["48", b"48", (), (1, 2, 3, 4), (None, 1, 2), (-1, 0, 0), (math.nan,), (math.inf,), [1, 2]]
)
def test_no_place_comes_from_the_wrong_kinds_of_numbers(parts):
    assert facts.read(exif_of(gps={1: "N", 2: parts, 3: "E", 4: (9, 0, 0)}))[2:] == (None, None)


# Anything


text = st.binary().map(lambda data: data.decode("latin-1"))  # as Pillow reads it
values = st.one_of(
    text,
    st.binary(),
    st.integers(),
    st.floats(),
    st.none(),
    st.lists(st.one_of(st.floats(), text)).map(tuple),
    st.builds(IFDRational, st.integers(-5, 5), st.integers(-5, 5)),
)


@given(
    st.dictionaries(st.sampled_from([0x010F, 0x0110, WRITTEN]), values),
    st.dictionaries(st.sampled_from([ORIGINAL, DIGITIZED, 0x9010, 0x9011, 0x9012]), values),
    st.dictionaries(st.sampled_from([1, 2, 3, 4, 9]), values),
)
def test_any_value_is_survived(first, second, gps):
    sound(facts.read(exif_of(first, second, gps)))


entries = st.builds(
    lambda tag, kind, count, value: struct.pack("<HHII", tag, kind, count, value),
    st.sampled_from([0x010F, 0x0110, WRITTEN, 0x0112, 0x8769, 0x8825, ORIGINAL, 1, 2, 3, 4]),
    st.integers(0, 20),
    st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1)),
    st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1)),
)


@given(st.lists(entries, max_size=12), st.binary(max_size=64))
def test_any_exif_is_survived(directory, rest):
    """Directories that contain themselves, counts that lie, and values that are not there."""
    exif = Image.Exif()
    packed = struct.pack("<H", len(directory)) + b"".join(directory)
    try:
        exif.load(b"Exif\0\0II*\0\x08\0\0\0" + packed + rest)
    except Exception:  # then there is none to read
        return
    sound(facts.read(exif))


def sound(read):
    assert read.taken_at is None or isinstance(read.taken_at, datetime)
    assert read.camera is None or 0 < len(read.camera) <= 80 and read.camera.isprintable()
    assert (read.latitude is None) == (read.longitude is None)
    assert read.latitude is None or -90 <= read.latitude <= 90 and -180 <= read.longitude <= 180


def test_a_photo_without_exif_says_nothing():
    assert facts_of() == Facts(None, None, None, None)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_facts_are_read_from_every_format_that_has_them(format):
    exif = exif_of({0x010F: "Acme", 0x0112: 6}, {ORIGINAL: "2019:07:21 16:05:09"}, {1: "N", 3: "E"})
    exif.get_ifd(0x8825).update({2: HERE, 4: (9.0, 0.0, 0.0)})
    stream = BytesIO()
    Image.new("RGB", (80, 40)).save(stream, format, exif=exif.tobytes())
    expected = (40, 80, Facts(datetime(2019, 7, 21, 16, 5, 9), "Acme", 48.5, 9.0))
    assert pixels.glance(stream.getvalue(), "x") == expected
    picture = pixels.decode(stream.getvalue(), "x", at_least=8)
    assert (picture.width, picture.height, picture.facts) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Canon EOS 20D (2).jpg", Facts(datetime(2005, 4, 10, 13, 4, 54), "Canon EOS 20D")),
        (
            "Nokia Lumia 800.jpg",
            Facts(datetime(2012, 6, 9, 21, 23, 38), "Nokia Lumia 800", 53.359465, -6.2582313888888885),
        ),
        ("Kodak DX4330.jpg", Facts(datetime(2003, 5, 26, 11, 14, 47), "KODAK DX4330 DIGITAL CAMERA")),
        ("Reconyx HF2 Pro Covert.jpg", Facts(datetime(2019, 4, 4, 10, 4, 12), "RECONYX HF2 PRO COVERT")),
    ],
)
def test_real_cameras_are_understood(real_photos, name, expected):
    data = (real_photos / "cameras" / name).read_bytes()
    assert pixels.glance(data, name)[2] == expected
