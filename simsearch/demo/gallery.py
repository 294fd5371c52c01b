"""The kinds of pictures there are, and the folder of them that is drawn for a visitor."""

import os
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from simsearch.demo.balloons import balloons
from simsearch.demo.bookshelves import bookshelf
from simsearch.demo.butterflies import butterfly
from simsearch.demo.chess import chessboard
from simsearch.demo.clocks import wall_clock
from simsearch.demo.cups import espresso_cup
from simsearch.demo.food import pizza, strawberries
from simsearch.demo.mountains import mountains
from simsearch.demo.sunflowers import sunflowers
from simsearch.demo.sunsets import sunset
from simsearch.demo.windows import church_window
from simsearch.derived import write_atomically

Painter = Callable[[np.random.Generator], Image.Image]

_PAINTERS: dict[str, Painter] = {
    "espresso cups": espresso_cup,
    "wall clocks": wall_clock,
    "church windows": church_window,
    "sunsets over the sea": sunset,
    "hot-air balloons": balloons,
    "snowy mountains": mountains,
    "sunflowers": sunflowers,
    "butterflies": butterfly,
    "pizzas": pizza,
    "strawberries": strawberries,
    "chessboards": chessboard,
    "bookshelves": bookshelf,
}

KINDS = tuple(_PAINTERS)
PICTURES_PER_KIND = 26

_README = """The pictures in these folders are DRAWN by simsearch; they are not photographs.

A program drew every one of them, and the dates they carry are made up. They are here so
that simsearch can be tried without a photo collection. Delete this folder whenever you like.
"""


def draw_picture(kind: str, seed: int) -> Image.Image:
    """Draw one RGB picture; the same kind and seed (0 or more) always give the same picture.

    Raises
    ------
    ValueError
        If there is no such kind; the message names those there are.
    """
    if kind not in _PAINTERS:
        raise ValueError(f"unknown kind {kind!r}; the kinds are: {', '.join(KINDS)}")
    return _PAINTERS[kind](_generator(kind, seed))


def draw_gallery(
    folder: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Draw the pictures of every kind into ``folder/<kind>/`` and say in a README.txt what they are.

    Files that are already there are left as they are.

    Parameters
    ----------
    folder : created if need be
    progress : called after each picture with how many are there and how many there will be

    Returns
    -------
    The paths of all the pictures, kind by kind.

    Raises
    ------
    WriteError
        When the folder cannot be written.
    """
    top = Path(folder)
    if not (top / "README.txt").exists():
        write_atomically(top / "README.txt", _README.encode())
    paths = []
    for kind in KINDS:
        for number in range(1, PICTURES_PER_KIND + 1):
            path = top / kind / f"{kind.replace(' ', '-')}-{number:02d}.jpg"
            if not path.exists():
                write_atomically(path, _jpeg(kind, number))
            paths.append(path)
            if progress is not None:
                progress(len(paths), len(KINDS) * PICTURES_PER_KIND)
    return paths


def _generator(*parts: str | int) -> np.random.Generator:
    # Not hash(): it differs from run to run.
    return np.random.default_rng(
        [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in parts]
    )


def _jpeg(kind: str, seed: int) -> bytes:
    """Return a picture as a JPEG file that carries the date and time it might have been taken."""
    minutes = int(_generator(kind, seed, "date").integers(4 * 365 * 24 * 60))
    taken = datetime(2020, 3, 1) + timedelta(minutes=minutes)
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
    file = BytesIO()
    draw_picture(kind, seed).save(file, "JPEG", quality=90, exif=exif)
    return file.getvalue()
