"""Every kind of pixel as sRGB, as a person would see it: through its colour profile, on white."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

# What a profile is for (the 17th to 20th of its bytes), by the mode of the pixels it is to explain.
_SPACES = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}
_LARGEST = 1 << 22  # bytes: printing machines' have up to 3 million, and those in use are kept
_SAME = 3  # of 255: the sRGB profiles of different makers differ by no more, and nobody sees it


def to_srgb(image: Image.Image, at_least: int) -> Image.Image:
    """Convert a loaded image of any mode to sRGB, on white where it is transparent.

    Large ones are first reduced by a whole factor to no less than ``at_least`` pixels on the longer side:
    everything after that costs next to nothing.
    """
    profile = _profile(image)
    image = _averageable(image)
    factor = max(image.size) // max(at_least, 1)
    if factor > 1:
        image = image.reduce(factor)
    if image.mode in ("I", "F"):
        image = Image.fromarray(_stretch(np.asarray(image, dtype=np.float32), deep=image.mode == "I"))
    if image.mode not in ("LA", "RGBA"):
        return _through(profile, image)
    seen = Image.new("RGB", image.size, "white")
    seen.paste(_through(profile, image.convert(image.mode[:-1])), mask=image.getchannel("A"))
    return seen


def is_srgb(image: Image.Image) -> bool:
    """Whether an RGB image's numbers mean the same without its profile."""
    profile = _profile(image)
    return profile[16:20] != _SPACES["RGB"] or _transform(profile, "RGB") is None


def _profile(image: Image.Image) -> bytes:
    """Return an image's colour profile; none at all where it is no such thing."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and len(profile) <= _LARGEST else b""


def _averageable(image: Image.Image) -> Image.Image:
    """Convert to a mode in which the mean of two pixels is between them: no palettes, no colour keys."""
    mode = image.mode
    if mode.startswith("I;16"):
        return image.convert("I")
    if image.has_transparency_data and mode not in ("I", "F"):
        wanted = "LA" if mode in ("1", "L", "LA", "La") else "RGBA"
    elif mode in ("RGB", "L", "CMYK", "LAB", "I", "F"):
        wanted = mode
    else:
        wanted = "L" if mode == "1" else "RGB"
    return image if mode == wanted else image.convert(wanted)


def _stretch(values: np.ndarray, *, deep: bool) -> np.ndarray:
    """Bring 16-bit (``deep``) or floating-point grey to 0..255 uint8."""
    values = np.nan_to_num(values)
    low, high = (0.0, 65535.0) if deep and values.max(initial=0) > 255 else (0.0, 255.0)
    if not deep:
        low, high = float(values.min(initial=0)), float(values.max(initial=1))
    scaled = (values - low) * (255.0 / max(high - low, 1e-6))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _through(profile: bytes, image: Image.Image) -> Image.Image:
    """Convert to sRGB by the profile, where it is one of the right kind, and else as Pillow does."""
    mode, transform = image.mode, None
    if mode == "LAB" or profile[16:20] == _SPACES.get(mode):
        transform = _transform(profile, mode)
    if transform:
        return transform.apply(image)
    return image if mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)  # the photos of one camera share their profile; of CMYK, making one takes 20 ms
def _transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """Return what converts pixels with a profile to sRGB; None where that changes nothing.

    None as well where the profile is broken: the picture is still there, in slightly other colours.
    """
    from PIL import ImageCms

    try:
        # The mode Lab is its own profile, whatever else the file says.
        source = ImageCms.createProfile("LAB") if mode == "LAB" else ImageCms.getOpenProfile(BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        return None if mode in ("RGB", "L") and _changes_nothing(transform, mode) else transform
    except Exception:  # profiles come from files, and are checked by nobody else
        return None


def _changes_nothing(transform: ImageCmsTransform, mode: str) -> bool:
    """Look at what it does, because every program calls its sRGB by another name."""
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 16, 3)
    image = Image.fromarray(grid if mode == "RGB" else grid[..., 0].copy())
    change = np.asarray(transform.apply(image), dtype=int) - np.asarray(image.convert("RGB"))
    return bool(np.abs(change).max() <= _SAME)
