"""Pictures that are full of detail as photos are, drawn by number, and their thumbnails."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from simsearch import pixels
from simsearch.registration import View


@cache
def _texture(number, width, height):
    """Noise of several grains, and shapes on it, (height, width, 3) uint8."""
    rng = np.random.default_rng(number)
    levels = np.zeros((height, width, 3))
    for grain in (3, 10, 40, 100):
        noise = rng.integers(0, 256, (height // grain + 2, width // grain + 2, 3), dtype=np.uint8)
        smooth = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
        levels += np.asarray(smooth, dtype=float) * (1 + grain / 15)
    levels -= levels.mean(axis=(0, 1))
    image = Image.fromarray((120 + 45 * levels / levels.std()).clip(15, 240).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(10):
        x, y = (int(rng.integers(0, side)) for side in (width, height))
        wide, high = (int(rng.integers(side // 20, side // 5)) for side in (width, height))
        colour = tuple(int(level) for level in rng.integers(20, 235, 3))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x, y, x + wide, y + high), fill=colour)
    return image


def texture(number, size=(600, 450)):
    """Draw the picture of a number; those of different numbers have nothing in common."""
    return _texture(number, *size).copy()


def thumbnail(image):
    """Return the thumbnail that the product makes of a picture."""
    return pixels.shrink(image.convert("RGB"), pixels.THUMBNAIL_SIDE)


def view(image):
    return View(thumbnail(image))
