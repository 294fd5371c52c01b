"""A part of a picture: a box on it, and only the pixels inside.

A box is (x, y, width, height) on the upright picture, counted from its top left corner: in pixels or, where
no number is above 1, in shares of the picture. That leaves nothing open, for a part of a single pixel is of
no use; and so (0, 0, 1, 1) is the whole picture.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from numbers import Real

from PIL import Image

from simsearch import draft, pixels

Box = Sequence[float]

_FORM = "four numbers x, y, width, height: pixels, as 40, 30, 200, 150, or shares, as 0.1, 0.1, 0.5, 0.5"


def _checked(box: Box) -> tuple[float, float, float, float]:
    numbers = [] if isinstance(box, str) else list(box)
    fine = len(numbers) == 4 and all(isinstance(number, Real) and math.isfinite(number) for number in numbers)
    if not fine or min(numbers) < 0 or not (numbers[2] and numbers[3]):
        raise ValueError(f"crop must be {_FORM}, not {box}")
    x, y, width, height = (float(number) for number in numbers)
    return x, y, width, height


def shares(box: Box, width: int, height: int) -> tuple[float, float, float, float]:
    """Return a box in shares of a picture, cut to the picture where it sticks out.

    Parameters
    ----------
    width, height
        The picture's, in pixels, upright.

    Raises
    ------
    ValueError
        When it is no box, or none of it is on the picture.
    """
    numbers = _checked(box)
    across, down = (width, height) if max(numbers) > 1 else (1, 1)
    left, top = numbers[0] / across, numbers[1] / down
    if left >= 1 or top >= 1:
        shown = ",".join(f"{number:g}" for number in numbers)
        raise ValueError(
            f"crop must be on the picture, which is {width} x {height} pixels, and {shown} is beside it"
        )
    return left, top, min(numbers[2] / across, 1 - left), min(numbers[3] / down, 1 - top)


def decode(
    source: bytes | Image.Image, name: str | os.PathLike[str], box: Box | None, *, at_least: int
) -> Image.Image:
    """Decode a picture as :func:`simsearch.pixels.decode` does, or only a part of it.

    Parameters
    ----------
    box
        The part; None for the whole picture.
    at_least
        Pixels wanted on the longer side of the part. Where they do not fit into memory with all around them,
        there are fewer.

    Raises
    ------
    PhotoError
        When the picture cannot be read.
    ValueError
        When it is no box, or none of it is on the picture.
    """
    if box is None:
        return pixels.decode(source, name, at_least=at_least).image
    width, height, _ = pixels.glance(source, name)
    part = shares(box, width, height)
    longer = at_least * max(width, height) / max(part[2] * width, part[3] * height)
    most = draft.affordable(width, height)
    image = pixels.decode(source, name, at_least=min(math.ceil(longer), most)).image
    return image.crop(_corners(part, image.width, image.height))


def _corners(part: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in pixels: of all that are touched, so that there is one."""
    left, top = math.floor(part[0] * width + _ROUNDING), math.floor(part[1] * height + _ROUNDING)
    right = math.ceil((part[0] + part[2]) * width - _ROUNDING)
    bottom = math.ceil((part[1] + part[3]) * height - _ROUNDING)
    return left, top, max(right, left + 1), max(bottom, top + 1)


_ROUNDING = 1e-6  # of a pixel: 3 / 10 * 10 is a little more than 3
