"""Snowy mountains: a range of noise seen from afar, with its light, rocks, haze and foreground."""

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import BLACK, WHITE, mix, noise, palette, pick, ramp, rgb, step, varied
from simsearch.demo.surfaces import sky

_DEPTHS = 220
_SKIES = (
    "2f7cc8 86bce8 e4f0f6",
    "1f4e8c 4f8cc8 b9d7ec",
    "56719c b7a7b8 f6cdb0",
    "4f6aa0 a79cc0 f7c9ad",
    "8fa6bc c3d0da eef1f2",
)


def mountains(rng: np.random.Generator) -> Image.Image:
    """Draw snowy peaks above a forest, a lake or a snowfield."""
    canvas = Canvas.framed(rng, portrait=0.12)
    air = [varied(rng, tone, 0.02) for tone in palette(pick(rng, _SKIES))]
    sky(canvas, rng, air, rng.uniform(0, 0.55))
    shore = rng.uniform(0.35, 0.8) * canvas.bottom
    heights = _range(canvas, rng)
    colours = _snow_and_rock(rng, heights, air)
    _look(canvas, heights, colours, shore)
    canvas.soften(0.0022)
    foreground = rng.random()
    if foreground < 0.4:
        _lake(canvas, rng, shore, air)
    if foreground > 0.25:
        _firs(canvas, rng, shore, mix(rgb("16251f"), air[1], 0.12))
    return canvas.finish(rng)


def _range(canvas: Canvas, rng: np.random.Generator) -> Array:
    """Return the height of the land, of shape (depths, width): row 0 is nearest, 1 is a summit."""
    shape = (_DEPTHS, canvas.width)
    total = np.zeros(shape, np.float32)
    for layer in range(4):
        cells = 1.6 * 1.9**layer * canvas.right, 1.5 * 1.9**layer
        fold = 1 - np.abs(2 * noise(rng, shape, cells, octaves=3) - 1)
        total += fold**1.3 * 0.48**layer * (0.35 + 0.65 * total if layer else 1)
    total = (total - total.min()) / (total.max() - total.min())
    distance = np.linspace(0, 1, _DEPTHS, dtype=np.float32)[:, None]
    land: Array = total * (0.1 + 0.9 * step(distance, 0.0, 0.8)) + 0.1 * distance
    return land


def _snow_and_rock(rng: np.random.Generator, heights: Array, air: list[Array]) -> Array:
    """Return the lit colour of each piece of land, of shape (depths, width, 3)."""
    east = np.gradient(heights, axis=1) * 55
    away = np.gradient(heights, axis=0) * 20
    side = pick(rng, (-1, 1))
    rough = noise(rng, heights.shape, (60, 40), octaves=2)
    light = (side * east - 0.25 * away + 0.55) / np.sqrt(1 + east**2 + away**2) + 0.35 * (rough - 0.5)
    snowline = rng.uniform(0.02, 0.2)
    steep = np.hypot(east, away)
    cliff = float(np.quantile(steep, rng.uniform(0.62, 0.86)))
    snow = step(heights + 0.12 * (rough - 0.5), snowline, snowline + 0.1) * (
        1 - 0.75 * step(steep + 0.5 * (rough - 0.5), cliff, cliff * 1.6)
    )
    warm = mix(WHITE, pick(rng, palette("ffe2bf ffffff ffd0b0 fff4e0")), 0.8)
    shade = mix(air[0], rgb("8ea3c8"), 0.55)
    rocks = palette(pick(rng, ("23252b 5d574f 8d8275", "2b2530 66564f a08672", "1f2a2a 4e5a52 7f8674")))
    white = ramp(light * 1.0 + 0.13, [mix(shade, BLACK, 0.35), shade, warm, warm])
    bare = ramp(light * 0.7 + 0.25 * rough - 0.05, [mix(rocks[0], air[0], 0.2), rocks[1], rocks[2]])
    wooded = step(snowline - heights, -0.03, 0.06)[..., None]
    bare = bare + (ramp(rough, palette("22352a 3f5a44 6d8060")) - bare) * wooded
    colour = bare + (white - bare) * snow[..., None]
    haze = np.linspace(0, 0.36, len(heights), dtype=np.float32)[:, None, None] ** 1.3
    return colour + (mix(air[1], air[2], 0.5) - colour) * haze


def _look(canvas: Canvas, heights: Array, colours: Array, shore: float) -> None:
    """Project the land on the canvas: each pixel shows the nearest land that reaches its height."""
    scale = (shore + canvas.bottom * 0.62) * canvas.scale
    foot = (shore + canvas.bottom) * canvas.scale
    rise = np.linspace(0, 0.28, len(heights))[:, None]
    reach = np.maximum.accumulate((heights * 0.8 + rise) * scale, axis=0)
    levels = foot - np.arange(canvas.height)
    seen = np.stack([np.searchsorted(column, levels) for column in reach.T], axis=1)
    column = np.broadcast_to(np.arange(canvas.width), seen.shape)
    edge = np.clip(reach[-1] - levels[:, None], 0, 1)
    picture = colours[np.minimum(seen, len(heights) - 1), column]
    canvas.wash(picture, cover=edge)


def _lake(canvas: Canvas, rng: np.random.Generator, shore: float, air: list[Array]) -> None:
    """Mirror the land in still water."""
    line = int((shore + canvas.bottom) * canvas.scale)
    below = np.arange(canvas.height - line)
    ripple = noise(rng, (len(below), canvas.width), (6, 40), octaves=2) - 0.5
    source = np.clip(line - 1 - below[:, None] - ripple * (2 + below[:, None] * 0.12), 0, line - 1).astype(
        int
    )
    mirror = canvas.pixels[source, np.arange(canvas.width)[None, :]]
    depth = (0.12 + 0.4 * below / max(len(below), 1))[:, None, None]
    tone = mix(air[0], rgb("123a4a"), 0.6)
    canvas.pixels[line:] = mirror + (tone - mirror) * depth + 0.05 * ripple[..., None]


def _firs(canvas: Canvas, rng: np.random.Generator, shore: float, colour: Array) -> None:
    """Plant rows of firs from edge to edge, darker and larger towards the viewer."""
    slope = rng.uniform(-0.25, 0.25)
    for row in range(4):
        floor = shore + 0.04 + row * 0.5 * (canvas.bottom - shore + 0.12) / 2
        size = 0.1 + 0.075 * row
        trees = []
        for x in np.arange(-canvas.right - 0.1, canvas.right + 0.1, size * 0.24):
            tall = size * rng.uniform(0.6, 1.5)
            trees.append(_fir(x + rng.normal(0, 0.02), floor + slope * x * 0.4 + rng.normal(0, 0.01), tall))
        ground = np.array(
            [[-2, floor - 2 * slope * 0.4 - 0.02], [2, floor + 2 * slope * 0.4 - 0.02], [2, 3], [-2, 3]]
        )
        canvas.fill([*trees, ground], mix(colour, rgb("7d95a5"), 0.4 - 0.13 * row))


def _fir(x: float, floor: float, tall: float) -> Array:
    tiers = np.linspace(0, 1, 7)
    out = np.column_stack([0.2 * tiers + 0.015, tiers - 1])
    back = out * (0.55, 1) + (0, 0.01)
    right = np.stack([out, back], axis=1).reshape(-1, 2)
    return np.concatenate([right, right[::-1] * (-1, 1)]) * tall + (x, floor)
