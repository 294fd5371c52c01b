"""What a photo says of itself: when it was taken, with which camera, and where.

Exif is written by countless programs, some of them wrongly, and by some people with malice. A fact that
cannot be trusted to be one is None; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from numbers import Real
from typing import Any, NamedTuple

from PIL import Image

_EXIF, _GPS = 0x8769, 0x8825  # the directories below the first

# Of each of the three times that Exif knows, the best first: its directory, its tag, and the tags of its
# offset and of its part of a second. The last is when the file was written, which is as near as a scanner or
# an old phone comes.
_TIMES = (
    (_EXIF, 0x9003, 0x9011, 0x9291),
    (_EXIF, 0x9004, 0x9012, 0x9292),
    (None, 0x0132, 0x9010, 0x9290),
)
# Colons everywhere says the standard; not all programs do.
_TIME = re.compile(r"(\d{4})\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)", re.ASCII)
_PART = re.compile(r"\d+", re.ASCII)  # the digits after the point, however many
_MICROSECONDS = 6  # digits
_FIRST_PHOTO = 1826  # programs write the year 1 where they know none

# What a company is, not what it is called: "OLYMPUS IMAGING CORP." made the "OLYMPUS E-500".
_COMPANY = re.compile(
    r"[ ,]+(corp|corporation|company|co|inc|ltd|gmbh|ag|imaging|optical|electric|electronics|camera|computer)"
    r"\b.*",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_NAME = 80

VERSION = 2  # raised when more is read, or better: every library then looks into its photos once more


class Facts(NamedTuple):
    """What a photo says of itself; None where it does not.

    ``taken_at`` is the camera's own clock, with an offset from UTC and a part of a second where it tells
    them; a part of 0 is kept as a millionth, as 0 is none. ``camera`` is maker and model as a person would
    write them. ``latitude`` and ``longitude`` are degrees, north and east positive (WGS 84, as all but a few
    old phones mean it).
    """

    taken_at: datetime | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Exposure(NamedTuple):
    """What tells two shots apart: the camera, and when it took them by its own clock, without an offset."""

    camera: str
    taken_at: datetime


def exposure(camera: str | None, taken_at: datetime | None) -> Exposure | None:
    """Return the exposure that a photo is of, or None where it does not say both."""
    return Exposure(camera, taken_at.replace(tzinfo=None)) if camera and taken_at else None


def are_two(one: Exposure | None, other: Exposure | None) -> bool:
    """Whether two photos are certainly of two exposures, so that neither can be a copy of the other.

    Programs that save a photo again may lose the part of a second: it counts where both tell it.
    """
    if one is None or other is None:
        return False
    times = one.taken_at, other.taken_at
    if not all(time.microsecond for time in times):
        times = times[0].replace(microsecond=0), times[1].replace(microsecond=0)
    return one.camera != other.camera or times[0] != times[1]


def read(exif: Image.Exif) -> Facts:
    """Take the facts from a photo's Exif."""
    if not len(exif):
        return Facts()
    first = _tags(exif, None, (0x010F, 0x0110, 0x0132))
    second = _tags(exif, _EXIF, {tag for time in _TIMES for tag in time[1:]})
    gps = _tags(exif, _GPS, (1, 2, 3, 4, 9))
    return Facts(_taken_at(first, second), _camera(first), *_place(gps))


def either(first: Facts, second: Facts) -> Facts:
    """Fill the gaps of the first with the second."""
    return first._replace(**{k: v for k, v in second._asdict().items() if getattr(first, k) is None})


def _tags(exif: Image.Exif, directory: int | None, tags: Iterable[int]) -> dict[int, Any]:
    """Return those values of a directory that can be read: they are decoded as they are asked for."""
    values = {}
    with suppress(Exception):
        source = exif if directory is None else exif.get_ifd(directory)
        for tag in tags:
            with suppress(Exception):
                values[tag] = source.get(tag)
    return values


def _taken_at(first: dict[int, Any], second: dict[int, Any]) -> datetime | None:
    for directory, tag, offset_tag, part_tag in _TIMES:
        time = _time((second if directory else first).get(tag), second.get(offset_tag))
        if time:
            return time.replace(microsecond=_microseconds(second.get(part_tag)))
    return None


def _time(text: object, offset: object) -> datetime | None:
    found = _TIME.match(_clean(text))
    if not found:
        return None
    with suppress(ValueError):
        time = datetime(*(int(number) for number in found.groups()))  # type: ignore[arg-type]
        if time.year < _FIRST_PHOTO:
            return None
        with suppress(ValueError):
            time = time.replace(tzinfo=datetime.strptime(_clean(offset), "%z").tzinfo)
        return time
    return None


def _microseconds(part: object) -> int:
    """Return the part of a second that follows the point, "5" being a half; 0 where there is none."""
    digits = _clean(part)
    return max(int(digits[:_MICROSECONDS].ljust(_MICROSECONDS, "0")), 1) if _PART.fullmatch(digits) else 0


def _camera(first: dict[int, Any]) -> str | None:
    maker, model = _COMPANY.sub("", _clean(first.get(0x010F))), _clean(first.get(0x0110))
    # "Canon" made the "Canon EOS 20D", and "EASTMAN KODAK" the "KODAK DX4330".
    named = {word.lower() for word in maker.split()} & {word.lower() for word in model.split()[:1]}
    name = model if named else f"{maker} {model}"
    return name.strip()[:_LONGEST_NAME].strip() or None


def _clean(text: object) -> str:
    """Return what a person sees of a text: up to the first zero, without control characters."""
    if not isinstance(text, str):
        return ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text.partition("\0")[0]).split())


def _place(gps: dict[int, Any]) -> tuple[float | None, float | None]:
    """Return latitude and longitude, both or neither.

    Neither where a half is missing, where the receiver had lost the satellites (status V), and at 0, 0:
    there is no land there, but it is what programs write that know no place.
    """
    latitude = _degrees(gps.get(2), gps.get(1), "NS", 90)
    longitude = _degrees(gps.get(4), gps.get(3), "EW", 180)
    lost = _clean(gps.get(9)).upper() == "V"
    if latitude is None or longitude is None or lost or latitude == longitude == 0:
        return None, None
    return latitude, longitude


def _degrees(parts: Any, side: object, sides: str, most: int) -> float | None:
    """Add up degrees, minutes and seconds, of which the last may be missing."""
    letter = _clean(side).upper()[:1]
    if not letter or letter not in sides:
        return None
    parts = parts if isinstance(parts, tuple) else (parts,)
    if not 1 <= len(parts) <= 3 or not all(isinstance(part, Real) and float(part) >= 0 for part in parts):
        return None
    degrees: float = sum(float(part) / 60**power for power, part in enumerate(parts))
    if not degrees <= most:  # neither where a part is 0/0, which is no number
        return None
    return -degrees if letter == sides[1] else degrees
