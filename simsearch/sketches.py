"""Sketches: photos as a few grey levels, in which copies are looked for before anything is decoded.

A sketch squeezes a photo into a small square. Its lowest frequencies make a print, as perceptual hashes do
(C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010), but none is cut to
a bit: how alike two prints are is a cosine. To turn or mirror a picture only swaps the two axes of its print
and changes signs, so that all eight ways are compared without turning anything, and the sums and differences
of magnitudes across the diagonal are the same for all eight: by these the nearest are found.

A part of a photo shares no frequency with it. It is slid over the whole instead, at a dozen sizes
(normalised cross-correlation, J. P. Lewis, "Fast normalized cross-correlation", 1995).
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 32  # pixels of a sketch
TURNS = 8  # ways to lay a picture on its side, or to mirror it

_FREQUENCIES = 8  # a side: of 6, one in a hundred brightened photos more is not found among 20 nearest
_FLAT = 0.25  # root grey levels, root mean square: a page of one colour has no print
_WIDTHS = (14, 15, 16, 17, 18, 19, 20, 22, 24, 26, 28, 30, 31)  # of a part: from 45 % of the whole
_BLUR = 8.0  # pixels, of what is taken away: light and shade match anywhere

_IN_WORDS = {
    1: "mirrored",
    2: "turned upside down and mirrored",
    3: "turned upside down",
    4: "rotated by 90 degrees and mirrored",
    5: "rotated by 90 degrees",
    6: "rotated by 90 degrees",
    7: "rotated by 90 degrees and mirrored",
}

_CORNERS = np.arange(4).reshape(2, 2)  # of a picture: where they come to lie tells all turns apart
_SIGNS = (-1.0) ** np.arange(_FREQUENCIES)
_UPPER = np.triu_indices(_FREQUENCIES, 1)
_DIAGONAL = np.arange(1, _FREQUENCIES)


class Place(NamedTuple):
    """Where a picture lies in another, that is 1 wide and 1 high; both upright.

    Attributes
    ----------
    turn
        How it lies there, 0 to 7: see :func:`turned`.
    x, y, width, height
        Shares of the other's sides.
    """

    turn: int
    x: float
    y: float
    width: float
    height: float


def sketch(thumbnail: bytes) -> np.ndarray:
    """Return the grey levels of a thumbnail (JPEG), (SIDE, SIDE) uint8.

    Raises
    ------
    OSError
        When it is damaged.
    """
    return np.asarray(decoded(thumbnail, "L", 2 * SIDE).resize((SIDE, SIDE), Image.Resampling.BOX))


def decoded(thumbnail: bytes, mode: str, side: int) -> Image.Image:
    """Decode a thumbnail (JPEG) to not much more than so many pixels a side, or raise OSError."""
    try:
        with Image.open(BytesIO(thumbnail)) as image:
            image.draft(mode, (side, side))
            return image.convert(mode)
    except Image.DecompressionBombError as error:  # it is its size that is damaged
        raise OSError(str(error)) from error


def prints(sketches: np.ndarray) -> np.ndarray:
    """Return the prints of sketches, (n, 8, 8) float32 of length 1; zeros where there is nothing to see.

    Parameters
    ----------
    sketches
        (n, SIDE, SIDE) uint8.
    """
    from scipy.fft import dctn

    # Roots weigh shadows and lights about alike, as the eye does: a brightened copy stays nearer.
    levels = np.sqrt(sketches, dtype=np.float32)
    lowest = dctn(levels, axes=(1, 2), norm="ortho")[:, :_FREQUENCIES, :_FREQUENCIES].copy()
    lowest[:, 0, 0] = 0  # how bright it is
    lengths = np.linalg.norm(lowest, axis=(1, 2), keepdims=True)
    lowest[lengths[:, 0, 0] < _FLAT * SIDE] = 0
    unit: np.ndarray = lowest / np.maximum(lengths, 1e-9)
    return unit


def invariants(prints: np.ndarray) -> np.ndarray:
    """Return of each print what is left however the picture is turned or mirrored, (n, 63) float32.

    No two are less alike than the prints in the way in which they fit best.
    """
    sizes = np.abs(prints)
    above = sizes[:, _UPPER[0], _UPPER[1]]
    below = sizes[:, _UPPER[1], _UPPER[0]]
    both = [(above + below) / np.sqrt(2), np.abs(above - below) / np.sqrt(2), sizes[:, _DIAGONAL, _DIAGONAL]]
    left: np.ndarray = np.concatenate(both, axis=1).astype(np.float32)
    return left


def best_turns(prints: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how alike prints are to others, one by one, turned as they fit best, and those turns.

    Parameters
    ----------
    prints, others
        (n, 8, 8) float32.

    Returns
    -------
    cosines, turns
        (n,) float32 and int64: of the others.
    """
    cosines = np.empty((TURNS, len(prints)), dtype=np.float32)
    for turn in range(TURNS):
        swapped = others.transpose(0, 2, 1) if turn & 4 else others
        signs = np.outer(_SIGNS if turn & 2 else np.ones(_FREQUENCIES), _SIGNS if turn & 1 else 1)
        cosines[turn] = np.einsum("nuv,nuv,uv->n", prints, swapped, signs)
    return cosines.max(axis=0), cosines.argmax(axis=0)


def turned(pixels: np.ndarray, turn: int) -> np.ndarray:
    """Return pixels, (height, width), with their axes swapped (4), upside down (2) and mirrored (1)."""
    pixels = pixels.T if turn & 4 else pixels
    pixels = pixels[::-1] if turn & 2 else pixels
    return pixels[:, ::-1] if turn & 1 else pixels


def back(turn: int) -> int:
    """Return the turn that undoes another."""
    return turn & 4 | (turn & 1) << 1 | (turn & 2) >> 1 if turn & 4 else turn


@lru_cache
def then(turn: int, following: int) -> int:
    """Return the turn that does what two do, one after the other."""
    twice = turned(turned(_CORNERS, turn), following)
    return next(once for once in range(TURNS) if np.array_equal(turned(_CORNERS, once), twice))


def turn_in_words(turn: int) -> str | None:
    """Return what befell a picture that fits another when it is turned so; None where nothing did."""
    return _IN_WORDS.get(turn)


def find_part(whole: np.ndarray, part: np.ndarray, ratio: float, turn: int = 0) -> tuple[float, Place]:
    """Return where a photo fits best as a part of another, and how well: a correlation up to 1.

    Parameters
    ----------
    whole, part
        (SIDE, SIDE) float32: contours, from :func:`contours`.
    ratio
        The part's height by its width, turned, divided by the whole's.
    turn
        How the part lies.
    """
    import scipy.fft

    part = np.ascontiguousarray(turned(part, turn))

    sizes = [(width, round(width * ratio)) for width in _WIDTHS]
    sizes = [(width, height) for width, height in sizes if _WIDTHS[0] <= height <= SIDE]
    templates = np.zeros((len(sizes), SIDE, SIDE), dtype=np.float32)
    for template, (width, height) in zip(templates, sizes, strict=True):
        template[:height, :width] = _template(part, width, height)
    spectrum = scipy.fft.rfft2(whole) * np.conj(scipy.fft.rfft2(templates))
    products = scipy.fft.irfft2(spectrum, s=(SIDE, SIDE))
    best, place = -1.0, Place(turn, 0, 0, 1, 1)
    sums, squares = summed(whole), summed(whole**2)
    for product, (width, height) in zip(products, sizes, strict=True):
        area = width * height
        spread = window_sums(squares, width, height) - window_sums(sums, width, height) ** 2 / area
        fits = product[: SIDE - height + 1, : SIDE - width + 1] / np.sqrt(np.maximum(spread, 1e-3))
        if fits.max() > best:
            y, x = np.unravel_index(fits.argmax(), fits.shape)
            best, place = float(fits.max()), Place(turn, x / SIDE, y / SIDE, width / SIDE, height / SIDE)
    return best, place


def contours(sketches: np.ndarray) -> np.ndarray:
    """Return sketches without light and shade, (n, SIDE, SIDE) float32, for :func:`find_part`."""
    from scipy.ndimage import gaussian_filter

    levels = np.sqrt(sketches, dtype=np.float32)
    without: np.ndarray = levels - gaussian_filter(levels, _BLUR, axes=(1, 2))
    return without


def _template(part: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a part at another size, with a mean of 0 and a length of 1, or of 0 where it is flat."""
    small = _shrinking(height) @ part @ _shrinking(width).T
    small -= small.mean()
    template: np.ndarray = small / max(float(np.linalg.norm(small)), 1e-3)
    return template


@lru_cache
def _shrinking(side: int) -> np.ndarray:
    """Return what takes SIDE pixels to fewer, each the mean of what it covers, (side, SIDE) float32."""
    edges = np.linspace(0, SIDE, side + 1)
    pixels = np.arange(SIDE)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    means: np.ndarray = (np.clip(covered, 0, 1) * side / SIDE).astype(np.float32)
    return means


def summed(pixels: np.ndarray) -> np.ndarray:
    """Return the sums of all that is above and to the left, with a row and a column of zeros before."""
    return np.pad(pixels.cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))


def window_sums(table: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the sums over all windows of a size."""
    sums: np.ndarray = (
        table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    )
    return sums
