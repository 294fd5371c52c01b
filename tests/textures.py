"""Pictures with enough in them to tell one from another, drawn the same every time."""

from functools import cache

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


def texture(seed, size=(240, 180)):
    """Return clouds of colour with sharp-edged shapes before them."""
    return _texture(seed, size).copy()


@cache
def _texture(seed, size):
    rng = np.random.default_rng(seed)
    width, height = size
    noise = rng.normal(size=(height, width, 3))
    clouds = sum(scale * gaussian_filter(noise, (scale, scale, 0)) for scale in (2, 6, 18))
    low, high = clouds.min(axis=(0, 1)), clouds.max(axis=(0, 1))
    levels = 40 + 170 * (clouds - low) / (high - low)
    for _ in range(8):
        left, top = rng.integers(0, width - 30), rng.integers(0, height - 30)
        levels[top : top + rng.integers(8, 30), left : left + rng.integers(8, 30)] = rng.uniform(40, 210, 3)
    return Image.fromarray(levels.astype(np.uint8))


def save(image, path, **options):
    """Save a picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path
