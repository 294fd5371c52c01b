"""Sunsets over the sea."""

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import (
    BLACK,
    linear,
    mix,
    noise,
    palette,
    pick,
    ramp,
    rgb,
    step,
    varied,
)
from simsearch.demo.shapes import Point, box, ellipse, ribbon, rolling, smooth

_EVENINGS = (
    "1d2b53 5d3a6e c2556a f58b4c ffd27a",
    "2b1d3a 6b2d5c d1495b f79256 fbd1a2",
    "3a5a8c 8f8fb5 e8a598 f7b267 ffe0a3",
    "14213d 3f4a7a a85c7a ee7b5a fcbf5d",
    "4a2545 99375a e3603f f9a03f ffd966",
    "274060 5b85aa e6b89c fe938c ffd5a8",
    "5a1a2b a62639 e0562b f7941d ffdb70",
)


def sunset(rng: np.random.Generator) -> Image.Image:
    """Draw the sun going down over the sea."""
    canvas = Canvas.framed(rng, portrait=0.15)
    colours = [varied(rng, tone, 0.025) for tone in palette(pick(rng, _EVENINGS))]
    horizon = rng.uniform(-0.05, 0.35) * canvas.bottom
    radius = rng.uniform(0.08, 0.17)
    sun = rng.uniform(-0.6, 0.6) * canvas.right, horizon - radius * rng.uniform(-0.5, 3.2)
    canvas.wash(linear((0, -canvas.bottom), (0, horizon), *colours))
    canvas.glow(sun, 0.9, colours[3], 0.35)
    canvas.glow(sun, 0.35, colours[4], 0.4)
    _evening_clouds(canvas, rng, horizon, sun, colours)
    canvas.fill(
        ellipse(sun, radius),
        linear(
            (0, sun[1] - radius), (0, sun[1] + radius), rgb("fffbe6"), mix(colours[4], rgb("fff0b0"), 0.4)
        ),
        blur=0.008,
    )
    canvas.glow(sun, radius * 1.7, colours[4], 0.45)
    if rng.random() < 0.4:
        _headland(canvas, rng, horizon, mix(colours[0], colours[2], 0.35))
    _sea(canvas, rng, horizon, sun, colours)
    for silhouette in (_boat, _pier, _birds):
        if rng.random() < 0.3:
            silhouette(canvas, rng, horizon, mix(colours[0], BLACK, 0.65))
    return canvas.finish(rng, bloom=0.3)


def _evening_clouds(
    canvas: Canvas, rng: np.random.Generator, horizon: float, sun: Point, colours: list[Array]
) -> None:
    """Draw out long clouds that the sun lights from below."""
    field = noise(rng, canvas.shape, (2, 9), octaves=6)
    high = rng.uniform(0.5, 0.72)
    cover = step(field, high, high + 0.22) * (canvas.y < horizon)
    below = np.clip((field - np.roll(field, 9, axis=0)) * 4 + 0.45, 0, 1)
    near = np.exp(-((canvas.x - sun[0]) ** 2 * 0.5 + (canvas.y - sun[1]) ** 2 * 2))
    canvas.wash(
        ramp(
            0.55 * below + 0.5 * near, [mix(colours[0], colours[1], 0.6), colours[2], colours[3], colours[4]]
        ),
        cover=cover * 0.85,
    )


def _headland(canvas: Canvas, rng: np.random.Generator, horizon: float, colour: Array) -> None:
    side = pick(rng, (-1, 1))
    for layer in range(int(rng.integers(1, 4))):
        along = np.linspace(0, canvas.right * rng.uniform(0.7, 1.2), 40)
        height = (0.2 - 0.04 * layer + 0.05 * rolling(rng, along, 2.5)) * np.linspace(1, 0, 40) ** 0.7
        crest = np.column_stack([side * (canvas.right - along), horizon - np.maximum(height, 0)])
        foot = np.array([[crest[-1, 0], horizon + 0.02], [crest[0, 0], horizon + 0.02]])
        canvas.fill(np.concatenate([crest, foot]), mix(colour, BLACK, 0.2 * layer))


def _sea(canvas: Canvas, rng: np.random.Generator, horizon: float, sun: Point, colours: list[Array]) -> None:
    """Mirror the sky in waves that grow towards the viewer, with a glittering path below the sun."""
    depth = np.clip((canvas.y - horizon) / (canvas.bottom - horizon), 0, 1)
    water = np.asarray(canvas.y > horizon, np.float32) * np.ones_like(canvas.x)
    waves = _waves(canvas, rng, horizon)
    shades = [
        mix(colours[4], colours[3], 0.5),
        mix(colours[3], colours[2], 0.4),
        mix(colours[1], colours[2], 0.3),
        mix(colours[0], BLACK, 0.3),
    ]
    canvas.wash(ramp(depth**0.6 * 0.75 + 0.45 * (waves - 0.5) * (0.35 + depth), shades), cover=water)
    width = 0.08 + 0.45 * depth
    path = np.exp(-(((canvas.x - sun[0]) / width) ** 2))
    glints = step(waves * (0.45 + 0.55 * path), 0.42 + 0.08 * depth, 0.5 + 0.14 * depth) * path
    canvas.wash(mix(colours[4], rgb("fff6d0"), 0.5), cover=water * glints * (0.9 - 0.35 * depth))
    canvas.fill(box((0, horizon), canvas.right, 0.004), mix(colours[1], colours[3], 0.5), 0.5, blur=0.004)


def _waves(canvas: Canvas, rng: np.random.Generator, horizon: float) -> Array:
    """Return noise in 0 to 1 whose ripples widen from the horizon down, as perspective makes them."""
    ripples = noise(rng, (512, canvas.width), (11, 120), octaves=2)
    away = 1 / (np.maximum(canvas.y[:, 0] - horizon, 0) * 1.6 + 0.3)
    rows = (away - away.min()) / (away.max() - away.min()) * 511
    seen: Array = ripples[rows.astype(int)]
    return seen


def _boat(canvas: Canvas, rng: np.random.Generator, horizon: float, colour: Array) -> None:
    at, size = rng.uniform(-0.7, 0.7) * canvas.right, rng.uniform(0.12, 0.3)
    way, floor = pick(rng, (-1, 1)), horizon + size * 0.25
    hull = smooth([(-0.55, -0.02), (0.6, -0.04), (0.42, 0.13), (-0.42, 0.13)], 4)
    sails = [
        np.array([[0.03, -1.25], [0.03, -0.1], [0.5, -0.12]]),
        np.array([[-0.03, -1.15], [-0.03, -0.1], [-0.42, -0.1]]),
    ]
    mast = box((0, -0.65), 0.012, 0.66)
    for shape in (hull, *sails, mast):
        canvas.fill(shape * (way * size, size) + (at, floor), colour, 0.95)
        canvas.fill(shape * (way * size, -size * 0.6) + (at, floor + size * 0.26), colour, 0.3, blur=0.012)


def _pier(canvas: Canvas, rng: np.random.Generator, horizon: float, colour: Array) -> None:
    side, deep = pick(rng, (-1, 1)), canvas.bottom * 0.85
    far, near = (side * canvas.right * 0.3, horizon + 0.03), (side * canvas.right * 1.05, deep)
    canvas.fill(ribbon([far, near], np.array([0.015, 0.14])), colour)
    for along in np.linspace(0.05, 1, 9) ** 1.8:
        x, y = far[0] + (near[0] - far[0]) * along, far[1] + (near[1] - far[1]) * along
        canvas.fill(box((x, y + 0.14 * along), 0.003 + 0.014 * along, 0.01 + 0.2 * along), colour)


def _birds(canvas: Canvas, rng: np.random.Generator, horizon: float, colour: Array) -> None:
    flock = rng.uniform(-0.6, 0.6), horizon - rng.uniform(0.4, 0.9)
    t = np.linspace(-1, 1, 11)
    for _ in range(int(rng.integers(3, 9))):
        size = rng.uniform(0.02, 0.04)
        wings = np.column_stack([t, -np.abs(np.sin(t * 2.2)) * rng.uniform(0.3, 0.6)]) * size
        at = np.array(flock) + rng.normal(0, 0.14, 2)
        canvas.fill(ribbon(wings + at, 0.3 * size * (1.05 - np.abs(t))), colour)
