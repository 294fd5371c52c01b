"""Colours and paints: gradients, shaded solids and smooth noise."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array
from simsearch.demo.shapes import Point

Option = TypeVar("Option")
Shader = Callable[[Array, Array], Array]

WHITE = np.ones(3, np.float32)
BLACK = np.zeros(3, np.float32)
_LIGHT = np.array([-0.45, -0.6, 0.66], np.float32)  # from upper left, towards the viewer


def rgb(code: str) -> Array:
    """Return the colour of six hex digits."""
    return np.array([int(code[at : at + 2], 16) / 255 for at in (0, 2, 4)], np.float32)


def palette(codes: str) -> list[Array]:
    """Return the colours of a line of hex codes."""
    return [rgb(code) for code in codes.split()]


def pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """Return one of the options."""
    return options[int(rng.integers(len(options)))]


def mix(one: Array, other: Array, share: float) -> Array:
    """Return the colour that lies ``share`` of the way from one to the other."""
    return one + (other - one) * np.float32(share)


def varied(rng: np.random.Generator, colour: Array, amount: float = 0.03) -> Array:
    """Return nearly the same colour."""
    return np.clip(colour + rng.normal(0, amount, 3) + rng.normal(0, amount), 0, 1).astype(np.float32)


def ramp(t: Array, colours: Sequence[Array]) -> Array:
    """Return the colours along evenly spaced stops; ``t`` of any shape, 0 to 1, gains an axis of 3."""
    stops = np.linspace(0, 1, len(colours))
    fine = np.linspace(0, 1, 512)
    table = np.column_stack([np.interp(fine, stops, channel) for channel in np.stack(colours, axis=1)])
    at = (np.clip(np.asarray(t, np.float32), 0, 1) * np.float32(511)).astype(np.intp)
    return np.take(table.astype(np.float32), at, axis=0)


def linear(start: Point, end: Point, *colours: Array) -> Shader:
    """Return a gradient along the line from start to end."""
    step = np.subtract(end, start)
    step = (step / (step @ step)).astype(np.float32)
    return lambda x, y: ramp((x - start[0]) * step[0] + (y - start[1]) * step[1], colours)


def radial(centre: Point, radius: float, *colours: Array) -> Shader:
    """Return a gradient from the centre outwards."""
    return lambda x, y: ramp(np.hypot(x - centre[0], y - centre[1]) / radius, colours)


def ball(centre: Point, across: float, down: float, colour: Array, gloss: float = 0.4) -> Shader:
    """Return the shading of a ball of one colour under a soft light."""

    def shade(x: Array, y: Array) -> Array:
        east, south = (x - centre[0]) / across, (y - centre[1]) / down
        towards = np.sqrt(np.maximum(0, 1 - east**2 - south**2))
        facing = np.clip(east * _LIGHT[0] + south * _LIGHT[1] + towards * _LIGHT[2], 0, 1)
        lit: Array = colour * (0.38 + 0.72 * facing[..., None]) + gloss * (facing**18)[..., None]
        return lit

    return shade


def rounded(across: Array, gloss: float = 0.25) -> Array:
    """Return the brightness over an upright cylinder, from -1 at its left edge to 1 at its right."""
    across = np.clip(across, -1, 1)
    facing = np.clip(0.66 * np.sqrt(1 - across**2) - 0.62 * across + 0.1, 0, 1)
    lit: Array = 0.35 + 0.75 * facing + gloss * np.exp(-(((across + 0.5) / 0.13) ** 2))
    return lit[..., None]


def noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float], octaves: int = 4
) -> Array:
    """Return smooth noise in 0 to 1; ``cells`` is about how many bumps there are across and down."""
    grid = np.zeros((2, 2), np.float32)
    for octave in range(octaves):
        across, down = (max(2, math.ceil(count * 2**octave)) for count in cells)
        finer = rng.random((down, across), np.float32) - 0.5
        grid = _stretched(grid, (down, across)) + finer * 0.55**octave
    field = _stretched(grid, shape)
    low, high = field.min(), field.max()
    evened: Array = (field - low) / max(high - low, 1e-6)
    return evened


def step(values: Array, low: float, high: float) -> Array:
    """Return 0 below low, 1 above high, and an eased rise between them."""
    t = np.clip((values - low) / (high - low), 0, 1)
    eased: Array = t * t * (3 - 2 * t)
    return eased


def _stretched(grid: Array, shape: tuple[int, int]) -> Array:
    image = Image.fromarray(np.asarray(grid, np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)
