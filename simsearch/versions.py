"""Which of two files that show the same is the better one, and why."""

from __future__ import annotations

from pathlib import PurePath
from typing import NamedTuple

from simsearch.photos import RAW_SUFFIXES

RAW, WITHOUT_LOSS, WITH_LOSS = 2, 1, 0
_WITHOUT_LOSS = frozenset([".bmp", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff"])
_MORE_PIXELS = 1.02  # times as many: less is rounding, where a side was scaled
_MORE_BYTES = 1.05  # times as many; Exif alone may be a few kilobytes
_BURNT = 0.01  # of the pixels; a poor JPEG moves fewer over the edge
BUT = "; but the other "  # in a reason: the other is better in another way
_SAME_TIME = 2_000_000_000  # nanoseconds: the clock of FAT is that coarse


class Version(NamedTuple):
    """What is known of a file that shows something.

    Attributes
    ----------
    path
        Where it is.
    width, height
        Pixels, upright.
    size
        Bytes.
    mtime_ns
        When it was last written, in nanoseconds since 1970.
    told
        How much its Exif tells: when, with what and where it was taken, 0 to 3.
    """

    path: PurePath
    width: int
    height: int
    size: int
    mtime_ns: int
    told: int

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.width * self.height

    @property
    def kind(self) -> int:
        """How its format keeps a picture: ``RAW``, ``WITHOUT_LOSS`` or ``WITH_LOSS``, by its name."""
        suffix = self.path.suffix.lower()
        return RAW if suffix in RAW_SUFFIXES else WITHOUT_LOSS if suffix in _WITHOUT_LOSS else WITH_LOSS


def advantage(
    one: Version, other: Version, *, edited: bool = False, burnt: float = 0.0, settle: bool = True
) -> str | None:
    """Return in a few words why a version is better than another that shows as much, or None if it is not.

    What cannot be made good later counts first: pixels, and what only the camera's own file has. Pixels may
    have been made up, though: where the other is a raw or tells more, the reason says so too, after ``BUT``.
    A file without loss may have been made from the poor one; so may one of more bytes. Where the poor one is
    older than one without loss, it is better, and the reason says both.

    Parameters
    ----------
    edited
        Whether one of them was turned, or has other tones: then the older is better, however many bytes the
        edited one was given. Of equal age the other may be the better one, which the reason says.
    burnt
        What share more of the one is black or white without detail.
    settle
        Whether to prefer one of two that are as good: by their age, their folders and their names.
    """
    if one.pixels > _MORE_PIXELS * other.pixels:
        return f"more pixels: {_size(one)} against {_size(other)}{_doubt(one, other)}"
    if other.pixels > _MORE_PIXELS * one.pixels:
        return None
    later = other.mtime_ns - one.mtime_ns
    age = later > _SAME_TIME, later < -_SAME_TIME, "the older file"
    surely = (
        (one.kind == RAW, other.kind == RAW, "a camera raw"),
        (one.told, other.told, "tells more in its Exif: when, where or with what it was taken"),
        (burnt < -_BURNT, burnt > _BURNT, "less of it burnt out"),
        *([age] if edited else []),
    )
    perhaps = (
        (
            age[0] and one.kind < other.kind,
            age[1] and other.kind < one.kind,
            f"the older file{BUT}is saved without loss",
        ),
        (one.kind, other.kind, f"saved without loss, as {one.path.suffix[1:].upper()}"),
        (
            one.size > _MORE_BYTES * other.size,
            other.size > _MORE_BYTES * one.size,
            f"compressed less: {_sizes(one.size, other.size)}",
        ),
        *([age, *_by_place(one, other)] if settle else []),
        *([(str(one.path) < str(other.path), 0, "the first by name")] if settle else []),
    )
    doubt = f"{BUT}may be the one that was not edited" if edited else ""
    for reasons, but in ((surely, ""), (perhaps, doubt)):
        for better, worse, reason in reasons:
            if better != worse:
                return f"{reason}{but}" if better > worse else None
    return None


def _doubt(larger: Version, other: Version) -> str:
    """Say what a version of fewer pixels has that cannot be made up."""
    if other.kind == RAW > larger.kind:
        return f"{BUT}is a camera raw"
    return f"{BUT}tells more in its Exif" if other.told > larger.told else ""


def _by_place(one: Version, other: Version) -> list[tuple[int, int, str]]:
    return [
        (-len(one.path.parts), -len(other.path.parts), "fewer folders deep"),
        (-len(one.path.name), -len(other.path.name), "the shorter name"),
    ]


def are_raw_and_picture(one: Version, other: Version) -> bool:
    """Whether two files are one shot as a camera keeps it: a raw, and beside it the same as a picture."""
    return (one.kind == RAW) != (other.kind == RAW) and (
        (one.path.parent, one.path.stem.lower()) == (other.path.parent, other.path.stem.lower())
    )


def _size(version: Version) -> str:
    return f"{version.width:,} x {version.height:,}"


def _sizes(one: int, other: int) -> str:
    """Say two numbers of bytes, with as many digits as tell them apart where they differ."""
    digits = 1
    while one != other and _bytes(one, digits) == _bytes(other, digits):
        digits += 1
    return f"{_bytes(one, digits)} against {_bytes(other, digits)}"


def _bytes(count: int, digits: int) -> str:
    return f"{count / 1e6:.{digits}f} MB" if count >= 1_000_000 else f"{count / 1e3:.{digits}f} kB"
