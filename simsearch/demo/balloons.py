"""Hot-air balloons over hills."""

import math

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import (
    BLACK,
    WHITE,
    mix,
    noise,
    palette,
    pick,
    ramp,
    rgb,
    rounded,
    step,
    varied,
)
from simsearch.demo.shapes import Point, box, ribbon, rolling
from simsearch.demo.surfaces import sky

_DAYS = (
    "2f78b7 7fb6dc e8f1ee",
    "4a8fc9 a9d3ea fbe8cf",
    "6a8fb8 d4c3c6 fbd3a5",
    "1f5fa0 5fa4d8 cfe6f2",
    "8fa9c4 f0cdb8 fff0cf",
)
_SILKS = (
    "d62839 f7f3e8 1d3557",
    "f4a261 e76f51 2a9d8f e9c46a",
    "ffd23f ee4266 3bceac 540d6e",
    "f72585 7209b7 4cc9f0",
    "e63946 ffb703 219ebc",
    "264653 e9c46a e76f51",
    "fb8500 ffb703 023047 8ecae6",
    "588157 f2e8cf bc4749",
)


def balloons(rng: np.random.Generator) -> Image.Image:
    """Draw hot-air balloons over hills."""
    canvas = Canvas.framed(rng, portrait=0.35)
    day = [varied(rng, tone, 0.02) for tone in palette(pick(rng, _DAYS))]
    sky(canvas, rng, day, rng.uniform(0, 0.6))
    land = rng.uniform(0.45, 0.95) * canvas.bottom
    _hills(canvas, rng, land, day[-1])
    canvas.soften(0.006)
    count = int(pick(rng, (1, 1, 2, 3, 4, 6)))
    for size in sorted(rng.uniform(0.1, 0.26, count - 1)):
        _balloon(
            canvas,
            rng,
            (rng.uniform(-0.9, 0.9) * canvas.right, rng.uniform(-0.85, 0.35) * canvas.bottom),
            size,
            day[-1],
        )
    nearest = rng.uniform(0.42, 0.62) if count < 4 else rng.uniform(0.32, 0.42)
    _balloon(canvas, rng, (rng.uniform(-0.4, 0.4) * canvas.right, rng.uniform(-0.35, -0.1)), nearest, day[-1])
    return canvas.finish(rng)


def _hills(canvas: Canvas, rng: np.random.Generator, land: float, haze: Array) -> None:
    green = pick(rng, palette("4f6f38 7a7a3c 3f6650 9a7b4a a0603c"))
    along = np.linspace(-canvas.right - 0.1, canvas.right + 0.1, 80)
    texture = noise(rng, canvas.shape, (9, 24), octaves=4)
    for layer in range(4):
        crest = land - 0.2 + 0.17 * layer + 0.07 * rolling(rng, along, 1.3)
        foot = np.array([[along[-1], canvas.bottom + 0.1], [along[0], canvas.bottom + 0.1]])
        tone = mix(varied(rng, green), haze, 0.75 - 0.24 * layer)
        canvas.fill(
            np.concatenate([np.column_stack([along, crest]), foot]),
            ramp(texture, [mix(tone, BLACK, 0.3), mix(tone, WHITE, 0.12)]),
        )


def _balloon(canvas: Canvas, rng: np.random.Generator, at: Point, size: float, haze: Array) -> None:
    """Draw one balloon; ``at`` is the middle of its envelope and ``size`` its radius."""
    silks, far = palette(pick(rng, _SILKS)), max(0.0, 0.4 - size)
    t = np.linspace(0, 1, 40)
    # A round crown that narrows to the mouth in a nearly straight cone.
    girth = np.where(
        t < 0.42,
        np.sqrt(np.maximum(0, 1 - (1 - t / 0.42) ** 2)),
        0.16 + 0.84 * np.cos(np.maximum(t - 0.42, 0) / 0.581 * math.pi / 2) ** 0.9,
    )
    down, half = at[1] + size * (2.35 * t - 1.0), size * girth
    outline = np.concatenate(
        [np.column_stack([at[0] + half, down]), np.column_stack([at[0] - half, down])[::-1]]
    )
    pattern, gores, phase = pick(rng, _PATTERNS), int(pick(rng, (12, 16, 20))), rng.uniform(0, 1)

    def silk(x: Array, y: Array) -> Array:
        across = np.clip((x - at[0]) / np.maximum(np.interp(y, down, half), 1e-3), -1, 1)
        around = np.arcsin(across) / math.pi * gores + phase
        along = np.broadcast_to((y - down[0]) / (down[-1] - down[0]), around.shape)
        colour = np.stack(silks)[pattern(around, along) % len(silks)]
        seam = 0.86 + 0.14 * step(np.minimum(around % 1, 1 - around % 1), 0, 0.14)
        puff = 0.94 + 0.1 * np.sin(math.pi * (around % 1))
        lit: Array = colour * rounded(across, 0.1) * (seam * puff * (1.08 - 0.3 * along))[..., None]
        return mix(lit, haze, far)

    _basket(canvas, at[0], down[-1], size, mix(rgb("5a3a1e"), haze, far))
    canvas.fill(outline, silk)


def _basket(canvas: Canvas, x: float, mouth: float, size: float, wicker: Array) -> None:
    top, half = mouth + 0.27 * size, 0.12 * size
    for side in (-1, -0.35, 0.35, 1):
        canvas.fill(
            ribbon([(x + side * 0.15 * size, mouth - 0.02), (x + side * half, top)], 0.008),
            mix(wicker, BLACK, 0.4),
        )
    canvas.fill(
        box((x, top + 0.09 * size), half, 0.1 * size, corner=0.03 * size),
        lambda px, py: wicker * rounded((px - x) / half, 0.05) * 1.15,
    )
    canvas.fill(box((x, top), half * 1.08, 0.02 * size), mix(wicker, WHITE, 0.2))
    canvas.glow((x, mouth + 0.05 * size), 0.12 * size, rgb("ffb347"), 0.6)


def _stripes(around: Array, along: Array) -> Array:
    return np.floor(around).astype(int)


def _hoops(around: Array, along: Array) -> Array:
    band: Array = np.floor(along * 6.5).astype(int)
    return band


def _chevrons(around: Array, along: Array) -> Array:
    return np.floor(along * 7 + np.abs(around % 2 - 1) * 0.9).astype(int)


def _spiral(around: Array, along: Array) -> Array:
    return np.floor(around * 0.5 + along * 5).astype(int)


def _checks(around: Array, along: Array) -> Array:
    return (np.floor(around) + np.floor(along * 8)).astype(int)


_PATTERNS = (_stripes, _stripes, _hoops, _chevrons, _spiral, _checks)
