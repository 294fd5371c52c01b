"""Camera raws, through the preview that the camera put into them. They are never developed."""

from __future__ import annotations

import os
from contextlib import suppress
from io import BytesIO
from typing import NamedTuple

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from simsearch.errors import PhotoError
from simsearch.photos import RAW_SUFFIXES

# Fujifilm, Panasonic and Leica, Olympus (three), Minolta, Sigma, and Canon before 2004.
_MAGICS = (b"FUJIFILMCCD", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"\0MRM", b"FOVb", b"II\x1a\0\0\0HEAPCCDR")
_TIFF = (b"II*\0", b"MM\0*")  # all others are TIFFs as well, made to be told from others by their tags
_DNG_VERSION, _LEAF, _SUB_DIRECTORIES = 0xC612, 0x8606, 0x014A
_COMPRESSION, _PHOTOMETRIC = 0x0103, 0x0106
_SENSOR = {32803, 34892}  # photometric interpretations: a colour filter array, or what was made of one
_PACKED = {32767, 32769, 32770, 34713, 65000, 65535}  # Sony's, Epson's, Samsung's, Nikon's, Kodak's, Pentax's
_MOST_DIRECTORIES = 16  # real ones have up to ten; a malicious one may have a ring of them

# LibRaw's turns, as the Exif orientation that sets the same upright.
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}


class Raw(NamedTuple):
    """What is in a raw: a preview (a JPEG's bytes, or pixels), and what is known without it.

    ``width`` and ``height`` are the raw's, upright; ``orientation`` is Exif's, for a preview that does not
    say its own; ``exif`` is the raw's, where it has any that can be read.
    """

    preview: bytes | Image.Image
    width: int
    height: int
    orientation: int
    exif: Image.Exif | None


def is_raw(data: bytes, name: str | os.PathLike[str]) -> bool:
    """Whether these are the bytes of a camera raw.

    The name counts only where the bytes are those of a TIFF that may be either.
    """
    if data.startswith(_MAGICS) or data[4:12] == b"ftypcrx ":
        return True
    if not data.startswith(_TIFF):
        return False
    canon = data[8:10] == b"CR"
    phase_one = data[8:15] == b"MMMMRaw" or (data[8:12] == b"IIII" and data[13:16] == b"waR")
    named = os.path.splitext(name)[1].lower() in RAW_SUFFIXES
    return canon or phase_one or named or _from_a_sensor(data)


def _from_a_sensor(data: bytes) -> bool:
    """Look through a TIFF's directories for one of pixels as a sensor has them."""
    with suppress(Exception):  # whatever it is, it is no raw that could be read
        first = ImageFileDirectory_v2(data[:8])
        pending, seen = [first.next], set[int]()
        while pending and len(seen) < _MOST_DIRECTORIES:
            offset = pending.pop()
            if offset in seen or not 0 < offset < len(data):
                continue
            seen.add(offset)
            tags = _directory(data, offset)
            if _DNG_VERSION in tags or _LEAF in tags or tags.get(_PHOTOMETRIC) in _SENSOR:
                return True
            if tags.get(_COMPRESSION) in _PACKED:
                return True
            below = tags.get(_SUB_DIRECTORIES, ())
            pending += [tags.next, *(below if isinstance(below, tuple) else (below,))]
    return False


def _directory(data: bytes, offset: int) -> ImageFileDirectory_v2:
    file, tags = BytesIO(data), ImageFileDirectory_v2(data[:8])
    file.seek(offset)
    tags.load(file)
    return tags


def read(data: bytes, name: str | os.PathLike[str]) -> Raw:
    """Take the largest preview out of a raw.

    Raises
    ------
    PhotoError
        When it has none, or is of a kind that LibRaw does not know.
    """
    import rawpy

    try:
        with rawpy.imread(BytesIO(data)) as raw:
            sizes, preview = raw.sizes, raw.extract_thumb()
    except rawpy.LibRawFileUnsupportedError as error:
        raise PhotoError(name, "a camera raw of a kind not read here, or damaged") from error
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise PhotoError(name, "a camera raw without a preview, and raws are not developed here") from error
    except rawpy.LibRawUnsufficientMemoryError as error:
        raise MemoryError from error
    shown = preview.data if isinstance(preview.data, bytes) else Image.fromarray(preview.data)
    width, height = sizes.width, sizes.height
    if sizes.flip in (5, 6):
        width, height = height, width
    return Raw(shown, width, height, _ORIENTATIONS.get(sizes.flip, 1), _exif(data))


def _exif(data: bytes) -> Image.Exif | None:
    """Return the Exif of a raw that is a TIFF."""
    with suppress(Exception):
        exif = Image.Exif()
        exif.load_from_fp(BytesIO(data))
        return exif
    return None
