"""What is in one photo file.

Everything that turns a file into pixels goes through :func:`decode`, so that indexing, a query and an
upload see a photo the same way: upright, RGB, first frame, whole or not at all.
"""

from __future__ import annotations

import os
import stat
import warnings
from datetime import datetime
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from simsearch.errors import PhotoError, reason_of

# Only these decoders are ever tried: Pillow has others that start programs (EPS) or have no photos.
# (MPO comes with JPEG.)
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")

# 600 MB at Pillow's four bytes a pixel, and thrice that while a transparent picture is laid on white. The
# largest cameras stay under it; Pillow itself refuses from 179 million on.
MAX_PIXELS = 150_000_000
MAX_BYTES = 1 << 29  # a file is read whole, once, for hash and pixels alike
THUMBNAIL_SIDE = 400
_THUMBNAIL_BYTES = 1 << 16  # at twice what a thumbnail takes, a film or a colour profile may hide in it
LETTERBOX_GREY = (127, 127, 127)  # what the networks' preprocessing turns into zero

# A damaged photo is reported with its name, and MAX_PIXELS is checked before decoding: Pillow's warnings,
# which name no file, are noise.
warnings.filterwarnings("ignore", module=r"PIL\.")

AnyPicture = str | os.PathLike[str] | bytes | IO[bytes] | Image.Image


class Picture(NamedTuple):
    """A decoded photo.

    ``image`` is upright RGB, possibly reduced; ``width`` and ``height`` are the original's, upright.
    ``plain_jpeg`` says that the file is an upright RGB JPEG, which any browser shows as it is.
    """

    image: Image.Image
    width: int
    height: int
    taken_at: datetime | None
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
    with path.open("rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        if facts.st_size > MAX_BYTES:
            raise PhotoError(path, f"{facts.st_size:,} bytes are too many for one photo")
        return file.readall() if stat.S_ISREG(facts.st_mode) else _drain(file, path), facts


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
        path = Path(image).expanduser()
        try:
            return read(path)[0], str(path)
        except OSError as error:
            raise PhotoError(path, reason_of(error), "check the path") from error
        except ValueError as error:  # a zero byte in the name
            raise PhotoError(path, str(error), "check the path") from error
    if isinstance(image, bytes):
        return image, "the picture"
    if hasattr(image, "read"):
        return image.read(), "the picture"
    return image, "the picture"


def decode(source: bytes | Image.Image, name: str | os.PathLike[str], *, at_least: int) -> Picture:
    """Decode a photo: upright, RGB, first frame.

    Parameters
    ----------
    source
        The bytes of the file, or an image opened elsewhere, which is left as it is.
    name
        What to call the photo in an error.
    at_least
        Pixels wanted on the longer side. A JPEG is decoded at the smallest of its scales (1/1 to 1/8)
        that has them, which costs a quarter of a full decode on camera originals.

    Raises
    ------
    PhotoError
        When the bytes are no picture, are damaged or cut short, or make too large a picture.
    """
    try:
        image = Image.open(BytesIO(source), formats=FORMATS) if isinstance(source, bytes) else source.copy()
        width, height = image.size
        if not 0 < width * height <= MAX_PIXELS:
            reason = f"{width * height:,} pixels, where 1 to {MAX_PIXELS:,} can be decoded"
            raise PhotoError(name, reason)
        scale = at_least / max(width, height)
        image.draft("RGB", (max(1, int(width * scale)), max(1, int(height * scale))))
        reduced = image.size != (width, height)
        rgb = _to_rgb(image)
        exif = _exif(image)  # only now: a TIFF is turned by Pillow as it is loaded, and says so afterwards
        turned = _orientation(exif)
        upright = rgb.transpose(_TURNS[turned]) if turned in _TURNS else rgb
    except (PhotoError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything at all on damaged files
        raise PhotoError(name, _reason(error)) from error
    if not reduced:
        width, height = upright.size
    elif turned >= 5:  # the photo was lying on its side
        width, height = height, width
    plain_jpeg = image.format == "JPEG" and image.mode == "RGB" and upright is rgb
    return Picture(upright, width, height, _taken_at(exif), plain_jpeg)


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, UnidentifiedImageError):
        return "not a picture, or of a kind not read here"
    if isinstance(error, Image.DecompressionBombError):
        return f"too many pixels (more than {MAX_PIXELS:,} are not decoded)"
    if "truncated" in text or isinstance(error, EOFError):
        return "cut short: the end of the file is missing"
    return f"damaged ({text or type(error).__name__})"


# Exif's orientations, by what sets them upright. Pillow's own exif_transpose also writes the Exif anew, and
# fails on photos with any odd tag in it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _exif(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except Exception:  # Exif is written by countless programs, some of them wrongly
        return Image.Exif()


def _orientation(exif: Image.Exif) -> int:
    try:
        turned = exif.get(0x0112, 1)
    except Exception:
        return 1
    return turned if isinstance(turned, int) else 1


def _taken_at(exif: Image.Exif) -> datetime | None:
    """Return when the photo was taken, or failing that last edited, where it says so."""
    try:
        text = exif.get_ifd(0x8769).get(0x9003) or exif.get(0x0132)
        return datetime.strptime(str(text).strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
    except Exception:
        return None


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB as a person would see it: on white where it is transparent."""
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = _stretch(np.asarray(image, dtype=np.float32), deep=image.mode.startswith("I"))
        rgb = Image.fromarray(grey).convert("RGB")
    elif image.has_transparency_data:
        rgba = image.convert("RGBA")
        rgb = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    else:
        rgb = image.convert("RGB")
    return rgb


def _stretch(values: np.ndarray, *, deep: bool) -> np.ndarray:
    """Bring 16-bit (``deep``) or floating-point grey to 0..255 uint8."""
    values = np.nan_to_num(values)
    low, high = (0.0, 65535.0) if deep and values.max(initial=0) > 255 else (0.0, 255.0)
    if not deep:
        low, high = float(values.min(initial=0)), float(values.max(initial=1))
    scaled = (values - low) * (255.0 / max(high - low, 1e-6))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def letterbox(image: Image.Image, side: int) -> np.ndarray:
    """Fit an RGB image into a square, grey where it does not reach.

    The whole picture at its own proportions finds more of its kind than a crop or a squash does.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)
    """
    small = _fit(image, side)
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
    small = _fit(image, side) if max(image.size) > side else image
    stream = BytesIO()
    small.save(stream, "JPEG", quality=80)
    return stream.getvalue()


def _fit(image: Image.Image, side: int) -> Image.Image:
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Reducing, Hamming takes half the time of bicubic and finds as well (precision at 1 lower by 0.2 points,
    # mean average precision higher by as much); enlarging, it shows blocks. A gap of 2 lets Pillow halve
    # large pictures cheaply first.
    kernel = Image.Resampling.HAMMING if scale < 1 else Image.Resampling.BICUBIC
    return image.resize(size, kernel, reducing_gap=2.0)
