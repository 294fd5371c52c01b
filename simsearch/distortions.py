"""What may befall a picture on its way, in two small tables.

Under a distortion it stays the same picture: calibration learns from them how like itself a photo of this
library stays, and the self-exam whether it is still found. A foil is made of a photo too, with its light,
its colours and its camera's noise, but shows nothing of what the photo shows: calibration learns from them
how alike to a library a picture may seem that has nothing to do with it.

All are deterministic, and take a thumbnail as well as an original.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageEnhance

from simsearch.pixels import LETTERBOX_GREY

Distortion = Callable[[Image.Image], Image.Image]
"""From an RGB picture to a new one; the picture itself is left as it is."""

_QUALITY = 30  # of JPEG: blocks can be seen, as in what was passed on by messengers
_DEGREES = 5.0  # of a camera held askew, or a scan laid on askew
_DETAIL = 8  # of each side: an eighth, a 64th of the picture
_STOPS = 1.5  # times as bright: half a stop more, as by an exposure corrected afterwards


def _cropped(share: float) -> Distortion:
    def crop(image: Image.Image) -> Image.Image:
        width, height = (max(1, round(side * share)) for side in image.size)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))

    return crop


def _rotated(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_90)


def _askew(image: Image.Image) -> Image.Image:
    return image.rotate(_DEGREES, Image.Resampling.BILINEAR, fillcolor=LETTERBOX_GREY)


def _mirrored(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _recompressed(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    with Image.open(file) as again:
        return again.convert("RGB")


def _quarter_size(image: Image.Image) -> Image.Image:
    size = (max(1, round(image.width / 4)), max(1, round(image.height / 4)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _brightened(factor: float) -> Distortion:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def _grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _detail(image: Image.Image) -> Image.Image:
    """Return a detail so small that only texture is left of what it belonged to."""
    width, height = (max(1, side // _DETAIL) for side in image.size)
    left, top = (image.width - width) // 3, (image.height - height) // 3
    return image.resize(image.size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))


def _scrambled(image: Image.Image) -> Image.Image:
    """Return a picture of the same spectrum, its waves shifted at random: no edge meets another.

    What a picture shows is in the phases (A. V. Oppenheim and J. S. Lim, "The importance of phase in
    signals", 1981).
    """
    channels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1)
    size = channels.shape[1:]
    noise = np.random.default_rng(0).normal(size=size).astype(np.float32)
    waves = np.fft.rfft2(np.ascontiguousarray(channels)) * np.exp(1j * np.angle(np.fft.rfft2(noise)))
    scrambled = np.fft.irfft2(waves, s=size).clip(0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(scrambled.transpose(1, 2, 0)))


DISTORTIONS: dict[str, Distortion] = {
    "cropped to 70 %": _cropped(0.7),
    "cropped to 50 %": _cropped(0.5),
    "rotated by 90 degrees": _rotated,
    "rotated slightly": _askew,
    "mirrored": _mirrored,
    "recompressed": _recompressed,
    "quarter size": _quarter_size,
    "brighter": _brightened(_STOPS),
    "darker": _brightened(1 / _STOPS),
    "grey": _grey,
}
SLIGHT = ("rotated slightly", "mirrored", "recompressed", "brighter", "darker")
"""Those after which a person would call it the same photo, hardly changed."""
REFRAMED = ("cropped to 70 %",)
"""Those after which it is the same scene from elsewhere."""

FOILS: dict[str, Distortion] = {
    "a detail": _detail,
    "scrambled": _scrambled,
}
