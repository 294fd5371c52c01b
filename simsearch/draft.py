"""Decoding a photo no larger than it is needed, and none that does not fit into memory."""

from __future__ import annotations

import math
import os

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from simsearch import memory
from simsearch.errors import PhotoError

# The largest cameras stay under it; Pillow itself refuses from 179 million on. Of a JPEG in one scan, the
# pixels that are decoded count: at the smallest scale, a 64th of those that are stored.
MAX_PIXELS = 150_000_000
# What a pixel takes at the worst moment of decoding, measured on 30 million of each kind: 8 to 10 bytes as
# HEIC, AVIF, PNG with transparency or a palette, TIFF, and progressive JPEG in CMYK; 16 as WebP with
# transparency; 25 as JPEG 2000 with transparency.
_BYTES_A_PIXEL = 17
_BYTES_A_PIXEL_JPEG_2000 = 25
_ALWAYS_FINE = 24_000_000  # half a gigabyte is there, and the machine need not be asked


def draft(image: Image.Image, at_least: int, name: str | os.PathLike[str]) -> None:
    """Let a JPEG be decoded small, and refuse what does not fit into memory even so.

    Raises
    ------
    PhotoError
        When the image has too many pixels, or none.
    """
    width, height = image.size
    pixels = width * height
    if image.format == "JPEG":  # a HEIC would take its thumbnail, and not be read whole
        scale = at_least / max(width, height)
        image.draft("RGB", (max(1, int(width * scale)), max(1, int(height * scale))))
    if 0 < pixels <= _ALWAYS_FINE:
        return
    held = image.width * image.height if _in_one_scan(image) else pixels
    most = _most_pixels(image.format) if held > _ALWAYS_FINE else MAX_PIXELS
    if not 0 < held <= most:
        raise PhotoError(name, too_large(pixels, most * pixels // max(held, 1)))


def affordable(width: int, height: int) -> int:
    """Return how many pixels on the longer side a JPEG of this size can be decoded at on this machine."""
    most, scale = _most_pixels(None), 1
    while math.ceil(width / scale) * math.ceil(height / scale) > most and scale < 8:  # libjpeg's scales
        scale *= 2
    return max(1, max(width, height) // scale)


def too_large(pixels: int, most: int) -> str:
    """Say that a photo has too many pixels."""
    return f"{pixels:,} pixels, where 1 to {most:,} can be decoded on this machine"


def _most_pixels(kind: str | None) -> int:
    """Return how many pixels of this kind fit into half of the memory; the rest is for everything else."""
    each = _BYTES_A_PIXEL_JPEG_2000 if kind == "JPEG2000" else _BYTES_A_PIXEL
    return max(_ALWAYS_FINE, min(MAX_PIXELS, memory.total() // 2 // each))


def _in_one_scan(image: Image.Image) -> bool:
    """Whether this is a JPEG that is decoded row by row, so that it is never in memory at its full size.

    Of one in several scans, progressive or not, the decoder keeps all there is until the last has been read.
    """
    if not isinstance(image, JpegImageFile) or image.fp is None or image.info.get("progressive"):
        return False
    # The file has been read to the end of the first scan's header: its marker, its length, how many colours
    # are in it, two bytes for each of them, and three more.
    image.fp.seek(max(image.fp.tell() - 2 * image.layers - 8, 0))
    return image.fp.read(5) == b"\xff\xda" + bytes((0, 2 * image.layers + 6, image.layers))
