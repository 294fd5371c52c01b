"""Why two pictures are alike to the network: which cells of each are like the other as a whole.

A cell is taken for an embedding of its own, and its heat is the cosine with the other picture's embedding,
seen from the mean of many photos: at a heat of 0 it is as like the other as any photo is. Seen from zero, any
thing is warm, for all things share much: of two different ones pasted into the same background, their cells
were the warmer 79 % of the time, and are 49 % of the time from the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

from simsearch import pixels
from simsearch.encoder import Encoder

Project = Callable[[np.ndarray], np.ndarray]  # (n, dim) float32 embeddings to (n, dim2) unit vectors

SIDE = 700  # pixels on the longer side of what is shown
_PALEST = (
    0.3  # of the two pictures' cells, where none is warmer: nothing is to glow where hardly anything matches
)
_ALPHA = 0.6  # of the warmest colour; the photo stays recognisable
# Five colours of the map "plasma" (matplotlib, CC0): ever lighter, and told apart with any colour vision.
_COLOURS = np.array([(13, 8, 135), (126, 3, 168), (204, 71, 120), (248, 149, 64), (240, 249, 33)])

_BORDER = 0.25  # an outer quarter on each side: three quarters of the area
# With more than 70 % of the heat the border is spoken of. That have 52 % of 220 pairs with one background and
# two different things pasted into its middle, 7 % of 220 with one kind of thing and two backgrounds, and 3 %
# of 350 photos with their nearest of the same kind (Caltech-101), of things that fill their picture. Seen in
# 256 or 128 main directions, 50 or 42 %, 6 or 3 %, and 3 % have.
_EXCESS = -0.05
NOTE = (
    "What matches lies at the edges more than in the middle: it may be the background, not what stands "
    "before it. To leave that out, search with a part of the picture."
)


class Why(NamedTuple):
    """What two pictures have in common.

    ``query`` and ``hit`` are the two, upright JPEGs, the cells that are like the other picture the brighter,
    on one scale for both; ``note`` is a sentence on it, or None where nothing is remarkable.
    """

    query: bytes
    hit: bytes
    note: str | None


class Extent(NamedTuple):
    """Where a letterboxed picture lies on its map, in cells."""

    left: float
    top: float
    right: float
    bottom: float


def explain(query: Image.Image, hit: Image.Image, encoder: Encoder, project: Project | None) -> Why:
    """Show which parts of two upright sRGB pictures are like the other.

    Parameters
    ----------
    project
        Turns embeddings, (n, dim) float32, into unit vectors seen from the mean of many photos. Without,
        they are taken as they are: heat is then counted from the coldest cell, and there is no note.

    Raises
    ------
    ValueError
        When the encoder sees nothing in one of them, or no parts of them.
    """
    images = (query, hit)
    squares = [pixels.letterbox(image, encoder.input_size) for image in images]
    embeddings = [encoder.encode(square) for square in squares]
    cells = [encoder.cells(square) for square in squares]
    if cells[0].shape[:2] == (1, 1):
        raise ValueError("the library's network gives no map of a picture, so that no part can be shown")
    maps = [
        heat(seen, other, project or _unit) for seen, other in zip(cells, reversed(embeddings), strict=True)
    ]
    places = [extent(image.size, found.shape) for image, found in zip(images, maps, strict=True)]
    maps = [_on_picture(found, place) for found, place in zip(maps, places, strict=True)]
    places = [_within(place) for place in places]
    coldest = 0.0 if project else min(float(found.min()) for found in maps)
    strongest = max(coldest + _PALEST, *(float(found.max()) for found in maps))
    shown = [
        overlay(image, (found - coldest) / (strongest - coldest), place)
        for image, found, place in zip(images, maps, places, strict=True)
    ]
    excess = np.mean([border_excess(found, place) for found, place in zip(maps, places, strict=True)])
    return Why(shown[0], shown[1], NOTE if project and excess > _EXCESS else None)


def heat(cells: np.ndarray, other: np.ndarray, project: Project) -> np.ndarray:
    """Return the cosine of each cell with another picture's embedding.

    Parameters
    ----------
    cells
        (rows, columns, dim) float32, of any scale.
    other
        (dim,) float32.

    Returns
    -------
    (rows, columns) float32, from -1 to 1; 0 where a cell holds nothing.
    """
    rows, columns, dim = cells.shape
    flat = _unit(cells.reshape(-1, dim))
    cosines: np.ndarray = project(flat) @ project(other[None])[0]
    return np.where(flat.any(axis=1), cosines, 0).reshape(rows, columns).astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Bring vectors (n, dim) to length 1, but for those that are zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = vectors / np.where(lengths > 0, lengths, 1)
    return unit


def centred(mean: np.ndarray) -> Project:
    """Return what turns embeddings into unit vectors seen from a mean, (dim,) float32."""
    return lambda vectors: _unit(vectors - mean)


def extent(size: tuple[int, int], shape: tuple[int, ...]) -> Extent:
    """Return where a letterboxed picture of a size (width, height) lies on a map of (rows, columns)."""
    rows, columns = shape
    across, down = (side / max(size) for side in size)
    left, top = columns * (1 - across) / 2, rows * (1 - down) / 2
    return Extent(left, top, columns - left, rows - top)


def _on_picture(found: np.ndarray, place: Extent) -> np.ndarray:
    """Return the cells that lie on the picture, at least in part; the others only saw the letterbox."""
    rows = slice(math.floor(place.top), math.ceil(place.bottom))
    return found[rows, math.floor(place.left) : math.ceil(place.right)]


def _within(place: Extent) -> Extent:
    """Return where the picture lies on the cells that :func:`_on_picture` leaves."""
    left, top = math.floor(place.left), math.floor(place.top)
    return Extent(place.left - left, place.top - top, place.right - left, place.bottom - top)


def border_excess(found: np.ndarray, place: Extent) -> float:
    """Return by how much the border's share of a picture's heat exceeds its share of the area.

    Parameters
    ----------
    found
        (rows, columns) float32; what is below zero does not count.
    place
        Where the picture lies on it.

    Returns
    -------
    From -0.75, all heat in the middle (or none at all), over 0, spread evenly, to 0.25, all on the border.
    """
    width, height = place.right - place.left, place.bottom - place.top
    inner = Extent(
        place.left + _BORDER * width,
        place.top + _BORDER * height,
        place.right - _BORDER * width,
        place.bottom - _BORDER * height,
    )
    whole, middle = _covered(found.shape, place), _covered(found.shape, inner)
    warm = np.maximum(found, 0)
    total = float((warm * whole).sum())
    inside = float((warm * middle).sum()) / total if total > 0 else 1.0
    return float(middle.sum() / whole.sum()) - inside


def _covered(shape: tuple[int, ...], place: Extent) -> np.ndarray:
    """Return how much of each cell lies in a place, (rows, columns) from 0 to 1."""
    rows, columns = (np.arange(count) for count in shape)
    down = np.minimum(rows + 1, place.bottom) - np.maximum(rows, place.top)
    across = np.minimum(columns + 1, place.right) - np.maximum(columns, place.left)
    covered: np.ndarray = np.clip(down, 0, 1)[:, None] * np.clip(across, 0, 1)[None]
    return covered


def overlay(image: Image.Image, found: np.ndarray, place: Extent) -> bytes:
    """Draw heat over a picture.

    Parameters
    ----------
    found
        (rows, columns) float32; 0 and below is left as it is, 1 is brightest.
    place
        Where the picture lies on it.

    Returns
    -------
    A JPEG of at most SIDE pixels, of the picture's own proportions.
    """
    image = pixels.fit(image, SIDE)
    # Cubic, so that cells do not show; it overshoots.
    smooth = Image.fromarray(found.astype(np.float32)).resize(image.size, Image.Resampling.BICUBIC, box=place)
    strength = np.clip(np.asarray(smooth), 0, 1)
    steps = np.linspace(0, 1, len(_COLOURS))
    colours = np.stack([np.interp(strength, steps, channel) for channel in _COLOURS.T], axis=-1)
    alpha = Image.fromarray((255 * _ALPHA * strength).astype(np.uint8))
    grey = image.convert("L").convert("RGB")  # else the photo's own colours would pass for heat
    shown = Image.composite(Image.fromarray(colours.astype(np.uint8)), grey, alpha)
    stream = BytesIO()
    shown.save(stream, "JPEG", quality=88)
    return stream.getvalue()
