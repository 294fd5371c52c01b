"""Chessboards with turned pieces, seen at a slant."""

import math

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import (
    BLACK,
    WHITE,
    Shader,
    linear,
    mix,
    noise,
    palette,
    pick,
    ramp,
    rgb,
    rounded,
    varied,
)
from simsearch.demo.shapes import ellipse
from simsearch.demo.surfaces import table

_BOARDS = (
    "f0d9b5 a8703f 5a3418",
    "eeeed2 6f9452 3d4f2e",
    "e8e4da 3b3b3f 1c1c1f",
    "dfe6ec 5b7fa3 2c3e50",
    "ecd2a0 6b3420 3a1a10",
    "f3e6d8 b0524a 5c2320",
)
_MEN = ("f3e6c8 3a2418", "faf7ef 1f1f22", "e9c98f 5a1f18", "fff4dc 2a3b2c")

# Profiles from the foot up: pairs of height and radius, in squares.
_FOOT = ((0, 0.34), (0.08, 0.35), (0.13, 0.29), (0.2, 0.27), (0.26, 0.19))
_PIECES = {
    "pawn": (
        *_FOOT,
        (0.55, 0.12),
        (0.62, 0.2),
        (0.66, 0.12),
        (0.72, 0.17),
        (0.82, 0.2),
        (0.92, 0.15),
        (0.98, 0.0),
    ),
    "rook": (*_FOOT, (0.75, 0.17), (0.85, 0.25), (0.9, 0.26), (1.12, 0.27), (1.13, 0.2), (1.14, 0.0)),
    "bishop": (
        *_FOOT,
        (0.85, 0.12),
        (0.92, 0.22),
        (0.97, 0.12),
        (1.1, 0.18),
        (1.25, 0.16),
        (1.4, 0.05),
        (1.44, 0.07),
        (1.5, 0.0),
    ),
    "queen": (
        *_FOOT,
        (1.0, 0.13),
        (1.08, 0.24),
        (1.13, 0.14),
        (1.45, 0.24),
        (1.5, 0.2),
        (1.55, 0.08),
        (1.6, 0.09),
        (1.66, 0.0),
    ),
    "king": (
        *_FOOT,
        (1.1, 0.14),
        (1.18, 0.26),
        (1.23, 0.15),
        (1.55, 0.23),
        (1.62, 0.15),
        (1.66, 0.06),
        (1.75, 0.1),
        (1.85, 0.0),
    ),
}


class _View:
    """A camera above the board: maps board places, in squares from its middle, to the canvas."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.turn = rng.uniform(0, math.tau)
        self.slope = rng.uniform(0.5, 0.85)  # sine of the height of the eye
        self.away = rng.uniform(9, 15)
        self.zoom = rng.uniform(0.16, 0.3) * self.away
        self.middle = rng.uniform(-0.12, 0.12), rng.uniform(0.0, 0.15)

    def project(self, board: Array, height: Array | float = 0.0) -> Array:
        """Return where board places (n, 2) at some height above it are seen."""
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        east, south = board @ np.array([cosine, -sine]), board @ np.array([sine, cosine])
        lift = math.sqrt(1 - self.slope**2)
        depth = self.away - south * lift - height * self.slope
        seen: Array = (
            self.zoom / depth[:, None] * np.column_stack([east, south * self.slope - height * lift])
            + self.middle
        )
        return seen

    def board(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return the board places, east and south, that are seen at canvas positions."""
        lift = math.sqrt(1 - self.slope**2)
        x, y = x - self.middle[0], y - self.middle[1]
        south = y * self.away / (self.zoom * self.slope + y * lift)
        east = x * (self.away - south * lift) / self.zoom
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        return east * cosine + south * sine, south * cosine - east * sine


def chessboard(rng: np.random.Generator) -> Image.Image:
    """Draw a board with some of the pieces on it."""
    canvas = Canvas.framed(rng, portrait=0.15)
    table(canvas, rng)
    canvas.soften(0.008)
    view = _View(rng)
    _board(canvas, rng, view)
    men = [varied(rng, tone, 0.02) for tone in palette(pick(rng, _MEN))]
    squares = rng.permutation(64)[: int(rng.integers(4, 18))]
    names = ("pawn", "pawn", "pawn", "rook", "bishop", "queen", "king")
    placed = [
        (np.array([[square % 8 - 3.5, square // 8 - 3.5]]), pick(rng, names), pick(rng, men))
        for square in squares
    ]
    for at, name, colour in sorted(placed, key=lambda man: float(view.project(man[0])[0, 1])):
        _piece(canvas, view, at, np.array(_PIECES[name]), colour)
    return canvas.finish(rng)


def _board(canvas: Canvas, rng: np.random.Generator, view: _View) -> None:
    light, dark, edge = (varied(rng, tone, 0.02) for tone in palette(pick(rng, _BOARDS)))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    border = rng.uniform(4.3, 4.7)
    outer = view.project(corners * border)
    canvas.shadow(outer, 0.09, 0.55)
    side = view.project(corners * border, -0.35)
    canvas.fill(
        [side, *(np.stack([outer[a], outer[a - 1], side[a - 1], side[a]]) for a in range(4))],
        mix(edge, BLACK, 0.45),
    )
    canvas.fill(outer, linear((-1, -1), (1, 1), mix(edge, WHITE, 0.2), edge))
    grain = noise(rng, canvas.shape, (5, 60), octaves=2)

    def squares(x: Array, y: Array) -> Array:
        column, row = view.board(x, y)
        # Crossing a line over the width of a pixel keeps the edges of the squares smooth.
        across, down = (np.clip(np.sin(place * math.pi) * 28, -1, 1) for place in (column, row))
        colour: Array = light + (dark - light) * (0.5 + 0.5 * across * down)[..., None]
        return colour

    canvas.fill(view.project(corners * 4.06), mix(edge, BLACK, 0.5))
    canvas.fill(view.project(corners * 4), squares)
    canvas.fill(view.project(corners * 4), ramp(grain, [BLACK, WHITE]), 0.07)
    shine = rng.uniform(-0.8, 0.8), rng.uniform(-0.9, -0.2)
    canvas.fill(ellipse(shine, 0.9, 0.25, -0.3), rgb("fff6e0"), 0.16, blur=0.15)


def _piece(canvas: Canvas, view: _View, at: Array, profile: Array, colour: Array) -> None:
    """Stand a turned piece on its square: its outline widened by its radius at each height."""
    heights = np.linspace(0, profile[-1, 0], 40)
    radii = np.interp(heights, profile[:, 0], profile[:, 1])
    axis = np.concatenate([view.project(at, height) for height in heights])
    unit = view.zoom / (view.away - heights * view.slope)
    unit = unit * float(
        np.linalg.norm(np.diff(view.project(np.concatenate([at, at + (0.01, 0)])), axis=0)) / 0.01 / unit[0]
    )
    half = np.maximum(radii * unit, 0.004)
    discs = [ellipse((x, y), reach, reach * view.slope) for (x, y), reach in zip(axis, half, strict=True)]
    canvas.shadow(discs[0] * 1.0, 0.05, 0.55)
    lean = np.concatenate(
        [discs[0], discs[13] + (0.3 * unit[0], 0.12 * unit[0]), discs[27] + (0.5 * unit[0], 0.2 * unit[0])]
    )
    canvas.fill(lean, BLACK, 0.22, blur=0.05)
    # Where it widens downwards it faces the sky and is brighter.
    facing = np.clip(-np.gradient(radii, heights), -0.6, 0.8) * 0.28
    canvas.fill(discs, _turned(axis, half, colour, facing))


def _turned(axis: Array, half: Array, colour: Array, facing: Array) -> Shader:
    """Return the shading of a turned piece, given where it is, how wide and how bright from foot to top."""
    rows = axis[::-1, 1]

    def shade(x: Array, y: Array) -> Array:
        middle, reach, bright = (np.interp(y, rows, along[::-1]) for along in (axis[:, 0], half, facing))
        lit: Array = colour * (rounded((x - middle) / reach, 0.3) * (1 + bright)[..., None])
        return lit

    return shade
