"""Small photos to try things with, made quickly: each another picture, and the same at every run."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

FILES_A_FOLDER = 500  # about what cameras put into one


def draw_photo(number: int, side: int, quality: int = 60) -> bytes:
    """Draw the photo of a number as a JPEG: one of a few grounds with a spot where no other has it."""
    image = _ground(number % 7, side).copy()
    x, y = number // 7 % side, number // (7 * side) % side
    colour = number * 37 % 256, number * 101 % 256, number // 256 % 256
    ImageDraw.Draw(image).ellipse((x - side // 5, y - side // 5, x + side // 5, y + side // 5), fill=colour)
    data = BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue() + free_box(number)  # the spots of two numbers may look alike


@cache
def _ground(kind: int, side: int) -> Image.Image:
    """Return a gradient and grain of one hue; seven kinds."""
    grain = Image.frombytes("L", (12, 12), Random(kind).randbytes(144)).resize((side, side))
    slope = Image.linear_gradient("L").resize((side, side)).rotate(50 * kind)
    return Image.merge("HSV", (Image.new("L", (side, side), 36 * kind), slope, grain)).convert("RGB")


def free_box(number: int) -> bytes:
    """Return 12 bytes that make another file of a photo and no other picture.

    Formats made of boxes (AVIF, JPEG 2000) are told to pass over a "free" box, the others do not look past
    their end.
    """
    return struct.pack(">I4sI", 12, b"free", number % (1 << 32))


def make_photos(folder: Path, count: int, side: int, quality: int = 60) -> Iterator[Path]:
    """Write the photos of the first numbers into folders of ``FILES_A_FOLDER``; yield each path."""
    for number in range(count):
        path = folder / f"{number // FILES_A_FOLDER:04}" / f"{number:07}.jpg"
        if not number % FILES_A_FOLDER:
            path.parent.mkdir(parents=True)
        path.write_bytes(draw_photo(number, side, quality))
        yield path
