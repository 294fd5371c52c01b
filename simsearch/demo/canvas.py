"""The picture being painted: soft-edged shapes, shadows, glows and the finishing touches."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.floating[Any]]
Paint = Array | Callable[[Array, Array], Array]
"""A colour (3,), a picture as large as the canvas (height, width, 3), or a function of x and y."""

_EDGE_SAMPLES = 3
_BLACK = np.zeros(3, np.float32)
_LANDSCAPES = ((640, 480), (640, 448), (672, 480), (640, 427))


class Canvas:
    """A picture in the making, measured from its centre; its shorter side runs from -1 to 1.

    Attributes
    ----------
    pixels : float32 array of shape (height, width, 3), RGB, 0 is black and 1 is white
    x, y : positions of the pixels, of shapes (1, width) and (height, 1)
    right, bottom : the largest x and y
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.scale = min(width, height) / 2
        self.right, self.bottom = width / 2 / self.scale, height / 2 / self.scale
        self.x: Array = ((np.arange(width, dtype=np.float32) + 0.5) / self.scale - self.right)[None, :]
        self.y: Array = ((np.arange(height, dtype=np.float32) + 0.5) / self.scale - self.bottom)[:, None]
        self.pixels: Array = np.zeros((height, width, 3), np.float32)

    @classmethod
    def framed(cls, rng: np.random.Generator, portrait: float = 0.2) -> Self:
        """Return a blank canvas: most are landscapes, the given share are portraits, and some are square."""
        width, height = _LANDSCAPES[rng.integers(len(_LANDSCAPES))]
        chance = rng.random()
        if chance < portrait:
            return cls(height, width)
        return cls(560, 560) if chance < portrait + 0.12 else cls(width, height)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    def wash(self, paint: Paint, cover: Array | float = 1.0) -> None:
        """Paint the whole canvas, as thickly as ``cover`` (rows, columns) says."""
        thickness = np.broadcast_to(np.asarray(cover, np.float32), self.shape)
        self._lay(slice(None), slice(None), thickness, paint)

    def fill(
        self, outlines: Array | Sequence[Array], paint: Paint, opacity: float = 1.0, blur: float = 0.0
    ) -> None:
        """Fill one outline (n, 2), or several at once, with softened edges."""
        shapes = _listed(outlines)
        window = self._window(shapes, 3 * blur)
        if window is not None:
            rows, columns = window
            self._lay(rows, columns, self._coverage(shapes, rows, columns, blur) * opacity, paint)

    def shadow(self, outlines: Array | Sequence[Array], fall: float, strength: float = 0.5) -> None:
        """Cast a shadow of the outlines, as from something ``fall`` above the ground, lit from upper left."""
        moved = [shape + np.array([0.7 * fall, fall]) for shape in _listed(outlines)]
        self.fill(moved, _BLACK, strength, blur=0.7 * fall)

    def glow(self, centre: tuple[float, float], radius: float, colour: Array, strength: float = 1.0) -> None:
        """Add light that fades away from the centre."""
        distance = ((self.x - centre[0]) ** 2 + (self.y - centre[1]) ** 2) / np.float32(radius**2)
        fade = strength * np.exp(-distance)
        for channel in range(3):
            layer = self.pixels[..., channel]
            layer += fade * colour[channel] * np.maximum(1.15 - layer, 0)

    def soften(self, radius: float) -> None:
        """Put all that is painted so far out of focus."""
        self.pixels = _blurred(self.pixels, radius * self.scale)

    def finish(self, rng: np.random.Generator, bloom: float = 0.15, vignette: float = 0.16) -> Image.Image:
        """Return the picture as a camera would give it: bloom, darker corners, a cast and a little grain."""
        light = np.clip(_blurred(self.pixels, 0.07 * self.scale) - 0.45, 0, 1)
        corners = 1 - vignette * ((self.x / self.right) ** 2 + (self.y / self.bottom) ** 2) / 1.4
        cast = rng.normal(1, 0.015, 3).astype(np.float32) * np.float32(rng.uniform(0.96, 1.05))
        grain = rng.standard_normal(self.shape, np.float32) * 0.011
        picture = np.empty((*self.shape, 3), np.uint8)
        for channel in range(3):
            seen = (self.pixels[..., channel] + bloom * light[..., channel]) * (
                corners * cast[channel]
            ) + grain
            picture[..., channel] = np.clip(seen, 0, 1) * 255 + 0.5
        return Image.fromarray(picture)

    def _lay(self, rows: slice, columns: slice, cover: Array, paint: Paint) -> None:
        patch = self.pixels[rows, columns]
        if callable(paint):
            colour = paint(self.x[:, columns], self.y[rows])
        else:
            colour = paint if paint.ndim == 1 else paint[rows, columns]
        # Channel by channel: NumPy is several times slower where the innermost axis is only 3 long.
        for channel in range(3):
            layer = patch[..., channel]
            layer += (colour[..., channel] - layer) * cover

    def _window(self, shapes: list[Array], margin: float) -> tuple[slice, slice] | None:
        points = np.concatenate(shapes)
        low = (points.min(axis=0) - margin + (self.right, self.bottom)) * self.scale
        high = (points.max(axis=0) + margin + (self.right, self.bottom)) * self.scale
        left, top = (max(0, int(value) - 1) for value in low)
        right, bottom = min(self.width, int(high[0]) + 2), min(self.height, int(high[1]) + 2)
        if left >= right or top >= bottom:
            return None
        return slice(top, bottom), slice(left, right)

    def _coverage(self, shapes: list[Array], rows: slice, columns: slice, blur: float) -> Array:
        """Return how much of each pixel of the window the shapes cover, 0 to 1."""
        width, height = columns.stop - columns.start, rows.stop - rows.start
        radius = blur * self.scale
        # A blurred edge has no detail to lose, so the mask may be small; a sharp one needs several samples.
        detail = min(1.0, 4 / radius) if radius else _EDGE_SAMPLES
        size = max(1, round(width * detail)), max(1, round(height * detail))
        mask = Image.new("L", size)
        draw = ImageDraw.Draw(mask)
        origin = np.array([columns.start, rows.start])
        for shape in shapes:
            at = ((shape + (self.right, self.bottom)) * self.scale - origin) * detail - 0.5
            draw.polygon(at.ravel().tolist(), fill=255)
        if radius:
            mask = mask.filter(ImageFilter.GaussianBlur(radius * detail))
            mask = mask.resize((width, height), Image.Resampling.BILINEAR)
        else:
            mask = mask.reduce(_EDGE_SAMPLES)
        return np.asarray(mask, np.float32) / np.float32(255)


def _listed(outlines: Array | Sequence[Array]) -> list[Array]:
    return [outlines] if isinstance(outlines, np.ndarray) and outlines.ndim == 2 else list(outlines)


def _blurred(pixels: Array, radius: float) -> Array:
    height, width = pixels.shape[:2]
    shrink = max(1, int(radius / 2))
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8), "RGB").reduce(shrink)
    image = image.filter(ImageFilter.GaussianBlur(radius / shrink))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255
