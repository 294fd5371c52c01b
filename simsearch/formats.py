"""The kinds of photo file: which decoder a file's bytes call for, and what is known before they are decoded.

The bytes decide, not the file's name. The libraries for HEIC and for raws are loaded by the first photo that
needs them.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from simsearch import facts, raws
from simsearch.facts import Facts

# Only these of Pillow's decoders are ever tried: it has others that start programs (EPS) or have no photos.
_PILLOW = ("PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}  # what is inside, the other brands say
_ORIENTATION, _SOFTWARE = 0x0112, 0x0131


class Opened(NamedTuple):
    """A photo that is open, but not yet decoded; of a raw, its preview."""

    image: Image.Image
    raw: raws.Raw | None = None

    def exif(self) -> Image.Exif:
        """Return the image's own Exif."""
        try:
            return self.image.getexif()
        except Exception:  # Exif is written by countless programs, some of them wrongly
            return Image.Exif()

    def orientation(self) -> int:
        """Return how the pixels are to be turned, as Exif counts it.

        HEIC and AVIF have turns of their own, and ignore Exif's. libheif has carried them out already, and
        both plugins have made the Exif say what is left to do.
        """
        try:
            exif = self.exif()
            turned = exif.get(_ORIENTATION)
            # A preview without Exif is given some by LibRaw, with the raw's orientation.
            own = not str(exif.get(_SOFTWARE)).startswith("dcraw")
        except Exception:
            return 1
        if self.raw and not (turned and own):
            turned = self._orientation_of_raw(self.raw)
        return turned if isinstance(turned, int) else 1

    def _orientation_of_raw(self, raw: raws.Raw) -> int:
        """Return the raw's orientation, unless the preview's proportions show that it is upright already."""
        alike = (self.image.width < self.image.height) == (raw.width < raw.height)
        return 1 if raw.orientation >= 5 and alike and raw.width != raw.height else raw.orientation

    def original(self, width: int, height: int) -> tuple[int, int]:
        """Return the photo's own size, upright, given the image's: a preview may be smaller."""
        return (self.raw.width, self.raw.height) if self.raw and self.raw.width else (width, height)

    def facts(self) -> Facts:
        """Return what the photo says of itself: a raw itself, and failing that its preview."""
        of_image = facts.read(self.exif())
        if not self.raw or not self.raw.exif:
            return of_image
        return facts.either(facts.read(self.raw.exif), of_image)


def open(data: bytes, name: str | os.PathLike[str]) -> Opened:
    """Open a photo by its bytes; ``name`` says what to call it in an error.

    Raises
    ------
    PhotoError
        When it is a raw that cannot be used. Of damaged files, decoders raise anything.
    """
    if raws.is_raw(data, name):
        raw = raws.read(data, name)
        return Opened(raw.preview if isinstance(raw.preview, Image.Image) else _picture(raw.preview), raw)
    return Opened(_picture(data))


def _picture(data: bytes) -> Image.Image:
    if data.startswith(b"\xff\xd8\xff"):
        # Not Image.open: it refuses by the pixels that are stored, not by those that are decoded of them,
        # and looks for the further frames of an MPO.
        try:
            return JpegImageFile(BytesIO(data))
        except SyntaxError as error:
            raise UnidentifiedImageError from error
    if _is_heif(data):
        return _heif(data)
    image = Image.open(BytesIO(data), formats=_PILLOW)
    if image.format == "AVIF":
        image.info.pop("xmp", None)  # its orientation is not valid here, and Pillow would go by it
    return image


def _is_heif(data: bytes) -> bool:
    """Whether libheif is to read it: AVIF is the same container, but Pillow reads it itself."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[start : start + 4] for start in range(16, end, 4))}
    if data[8:12] in _HEIC_BRANDS:
        return True
    return not brands & _AVIF_BRANDS and bool(brands & (_HEIC_BRANDS | _HEIF_BRANDS))


def _heif(data: bytes) -> Image.Image:
    from pillow_heif import HeifImageFile

    try:
        image: Image.Image = HeifImageFile(BytesIO(data))
        return image
    except SyntaxError as error:  # which to Pillow means "not mine", but nobody else reads these
        if "not identified" in str(error):
            raise UnidentifiedImageError from error
        raise ValueError(str(error)) from error
