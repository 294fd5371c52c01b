"""What is in one photo file.

Everything that turns a file into pixels goes through :func:`decode`, so that indexing, a query and an
upload see a photo the same way: upright, sRGB, first frame, whole or not at all.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from simsearch import colour, draft, formats
from simsearch.errors import PhotoError, reason_of
from simsearch.facts import Facts
from simsearch.remote import RemotePath, path_of
from simsearch.servers import Unreachable

MAX_BYTES = 1 << 29  # a file is read whole, once, for hash and pixels alike
THUMBNAIL_SIDE = 400
_THUMBNAIL_BYTES = 1 << 16  # at twice what a thumbnail takes, a film or a colour profile may hide in it
LETTERBOX_GREY = (127, 127, 127)  # what the networks' preprocessing turns into zero

# A damaged photo is reported with its name, and its size is checked before decoding: Pillow's warnings,
# which name no file, are noise.
warnings.filterwarnings("ignore", module=r"PIL\.")

AnyPicture = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image


class Picture(NamedTuple):
    """A decoded photo.

    ``image`` is upright sRGB, possibly reduced; ``width`` and ``height`` are the original's, upright.
    ``plain_jpeg`` says that the file is an upright sRGB JPEG, which any browser shows as it is.
    """

    image: Image.Image
    width: int
    height: int
    facts: Facts
    plain_jpeg: bool


def read(path: Path) -> tuple[bytes, os.stat_result]:
    """Read a photo file whole, with the facts of exactly what was read.

    Raises
    ------
    PhotoError
        When the file is too large to be one photo.
    OSError
        When the file cannot be read.
    """
    if isinstance(path, RemotePath):
        facts = path.stat()  # before: what is written meanwhile then counts as changed, and is read again
        _check_size(path, facts)
        return path.read_bytes(), facts
    with path.open("rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        _check_size(path, facts)
        return file.readall() if stat.S_ISREG(facts.st_mode) else _drain(file, path), facts


def _check_size(path: Path, facts: os.stat_result) -> None:
    if facts.st_size > MAX_BYTES:
        raise PhotoError(path, f"{facts.st_size:,} bytes are too many for one photo")


def _drain(stream: RawIOBase, path: Path) -> bytes:
    """Read a pipe (a shell's ``<(...)``) or a device, which do not say how long they are."""
    data = bytearray()
    while part := stream.read(1 << 20):
        data += part
        if len(data) > MAX_BYTES:
            raise PhotoError(path, "there is no end to it")
    return bytes(data)


def take(image: AnyPicture) -> tuple[bytes | Image.Image, str]:
    """Return a picture's bytes, or the image that was opened elsewhere, and what to call it.

    Raises
    ------
    PhotoError
        When it is a path that cannot be read.
    """
    if isinstance(image, str | os.PathLike):
        try:
            path = path_of(image).expanduser()
            return read(path)[0], str(path)
        except Unreachable as error:
            raise PhotoError(image, reason_of(error), error.remedy) from error
        except OSError as error:
            raise PhotoError(path, reason_of(error), "check the path") from error
        except (RuntimeError, ValueError) as error:  # ~nobody; a zero byte in the name
            raise PhotoError(image, str(error).rstrip(".").lower(), "check the path") from error
    if isinstance(image, bytes):
        return image, "the picture"
    if hasattr(image, "read"):
        return image.read(), "the picture"
    return image, "the picture"


def decode(source: bytes | Image.Image, name: str | os.PathLike[str], *, at_least: int) -> Picture:
    """Decode a photo: upright, sRGB, first frame.

    Parameters
    ----------
    source
        The bytes of the file, or an image opened elsewhere, which is left as it is.
    name
        What to call the photo in an error.
    at_least
        Pixels wanted on the longer side. A JPEG is decoded at the smallest of its scales (1/1 to 1/8)
        that has them, which costs a quarter of a full decode on camera originals; anything else is
        reduced as soon as it is decoded.

    Raises
    ------
    PhotoError
        When the bytes are no picture, are damaged or cut short, or make too large a picture.
    """
    with _told(name):
        opened = formats.open(source, name) if isinstance(source, bytes) else formats.Opened(source.copy())
        image = opened.image
        stored = image.size
        draft.draft(image, at_least, name)
        drafted = image.size != stored
        image.load()
        width, height = stored if drafted else image.size  # a HEIC may find out its size only now
        turned = opened.orientation()  # only now: a TIFF is turned by Pillow as it is loaded
        rgb = colour.to_srgb(image, at_least)
        upright = rgb.transpose(_TURNS[turned]) if turned in _TURNS else rgb
        if turned >= 5:  # the photo was lying on its side
            width, height = height, width
        plain_jpeg = (
            image.format == "JPEG"
            and image.mode == "RGB"
            and not opened.raw
            and turned not in _TURNS
            and colour.is_srgb(image)
        )
        return Picture(upright, *opened.original(width, height), opened.facts(), plain_jpeg)


def glance(source: bytes | Image.Image, name: str | os.PathLike[str]) -> tuple[int, int, Facts]:
    """Return a photo's width and height, upright, and its facts, without decoding it.

    Raises
    ------
    PhotoError
        When the bytes are no picture.
    """
    with _told(name):
        opened = formats.open(source, name) if isinstance(source, bytes) else formats.Opened(source)
        width, height = opened.image.size
        # Pillow opens a TIFF with the size it will have when it has been turned.
        if opened.orientation() >= 5 and opened.image.format != "TIFF":
            width, height = height, width
        return *opened.original(width, height), opened.facts()


@contextmanager
def _told(name: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever a decoder raises into an error about the photo."""
    try:
        yield
    except (PhotoError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything at all on damaged files
        raise PhotoError(name, _reason(error)) from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UnidentifiedImageError):
        return "not a picture, or of a kind not read here"
    if isinstance(error, Image.DecompressionBombError):
        pixels = re.search(r"\d+", text)
        return draft.too_large(int(pixels[0]) if pixels else 2 * draft.MAX_PIXELS, draft.MAX_PIXELS)
    if "nsupported" in text or "not been built in" in text:  # libheif's words
        return f"of a kind not read here ({text})"
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return "cut short: the end of the file is missing"
    # Others than these are Python's own, about a variable of the decoder's that the file made absurd.
    said = text if isinstance(error, OSError | SyntaxError | ValueError) and "b'" not in text else ""
    return f"damaged ({said})" if said else "damaged"


# What sets Exif's orientations upright. Pillow's own exif_transpose also writes the Exif anew, and fails on
# photos with any odd tag in it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def letterbox(image: Image.Image, side: int) -> np.ndarray:
    """Fit an RGB image into a square, grey where it does not reach.

    The whole picture at its own proportions finds more of its kind than a crop or a squash does.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)
    """
    small = fit(image, side)
    square = Image.new("RGB", (side, side), LETTERBOX_GREY)
    square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return np.asarray(square)


def thumbnail(source: bytes, picture: Picture) -> bytes:
    """Make a JPEG of at most 400 pixels a side, to show a photo quickly or while its disk is away.

    A photo that is one already is taken as it is.
    """
    small = max(picture.width, picture.height) <= THUMBNAIL_SIDE and len(source) <= _THUMBNAIL_BYTES
    if small and picture.plain_jpeg:
        return source
    return shrink(picture.image, THUMBNAIL_SIDE)


def shrink(image: Image.Image, side: int) -> bytes:
    """Make a JPEG of at most ``side`` pixels on the longer side."""
    # Pillow would ask where the file of one just opened is, for which the current folder must be there still.
    small = fit(image, side) if max(image.size) > side else image.copy()
    stream = BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()


def fit(image: Image.Image, side: int) -> Image.Image:
    """Resize an image to ``side`` pixels on the longer side."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Reducing, Hamming takes half the time of bicubic and finds as well (precision at 1 lower by 0.2 points,
    # mean average precision higher by as much); enlarging, it shows blocks. A gap of 2 lets Pillow halve
    # large pictures cheaply first.
    kernel = Image.Resampling.HAMMING if scale < 1 else Image.Resampling.BICUBIC
    return image.resize(size, kernel, reducing_gap=2.0)
