"""Shelves full of books."""

import math

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import (
    BLACK,
    WHITE,
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
from simsearch.demo.shapes import Point, box, placed

_SPINES = (
    "7a2e2a b5523b d9a55a efe3c8 2f4858 4a6d6b 86a08f 332a2b",
    "e8d8c3 c9a98a 8f6b4e 5a4234 2e2a29 b0413e f3efe6",
    "1f3a5f 4f7cac c0d6df eaeaea dd6e42 e8dab2 2b2b33",
    "f2b134 ed553b 20639b 3caea3 173f5f f5efe0 8a3b5c",
    "5b2a35 7c4b3a 3a4a3b 23303f a3874f 6b5b53 cfc2a5",
)
_BOARDS = palette("5a3a22 8a5e38 c79f6e ece7dc 3b3533 a6764a")


def bookshelf(rng: np.random.Generator) -> Image.Image:
    """Draw two or three shelves full of books."""
    canvas = Canvas.framed(rng)
    board, spines = varied(rng, pick(rng, _BOARDS)), palette(pick(rng, _SPINES))
    canvas.wash(linear((0, -1), (0, 1), mix(board, BLACK, 0.55), mix(board, BLACK, 0.7)))
    grain = noise(rng, canvas.shape, (2, 70), octaves=2)
    wood = ramp(grain, [mix(board, BLACK, 0.25), mix(board, WHITE, 0.15)])
    shelves, offset = int(rng.integers(2, 4)), rng.uniform(-0.12, 0.12)
    pitch = 2 * canvas.bottom / shelves
    for shelf in range(shelves + 1):
        floor = -canvas.bottom + pitch * (shelf + 0.93) + offset
        _row(canvas, rng, floor, pitch * 0.93, spines)
        _board(canvas, floor, pitch * 0.085, board, wood)
    canvas.wash(
        linear((-canvas.right, -1), (canvas.right, 1), rgb("fff2d8"), rgb("8a7a6a"), BLACK), cover=0.17
    )
    return canvas.finish(rng)


def _board(canvas: Canvas, top: float, depth: float, tone: Array, wood: Array) -> None:
    edge = box((0, top + depth / 2), canvas.right + 0.1, depth / 2)
    canvas.shadow(edge, 0.09, 0.75)
    canvas.fill(edge, wood)
    canvas.fill(edge, linear((0, top), (0, top + depth), WHITE, tone, BLACK), 0.3)


def _row(canvas: Canvas, rng: np.random.Generator, floor: float, room: float, spines: list[Array]) -> None:
    left = -canvas.right - rng.uniform(0, 0.1)
    while left < canvas.right:
        chance = rng.random()
        if chance < 0.06:
            left += rng.uniform(0.1, 0.25)
        elif chance < 0.12:
            left += _pile(canvas, rng, (left, floor), room, spines)
        else:
            lean = 0.0 if rng.random() < 0.88 else rng.uniform(0.06, 0.2)
            width, height = rng.uniform(0.05, 0.15) * room * 1.2, room * rng.uniform(0.62, 0.9)
            left += height * math.sin(lean)
            _book(canvas, rng, (left, floor), (width, height), -lean, varied(rng, pick(rng, spines)))
            left += width / math.cos(lean) + 0.004


def _pile(canvas: Canvas, rng: np.random.Generator, corner: Point, room: float, spines: list[Array]) -> float:
    length, top = room * rng.uniform(0.6, 0.75), corner[1]
    for _ in range(int(rng.integers(2, 5))):
        thick = room * rng.uniform(0.07, 0.13)
        start = corner[0] + length + rng.uniform(-0.03, 0.0), top
        _book(
            canvas,
            rng,
            start,
            (thick, length * rng.uniform(0.9, 1)),
            -math.pi / 2,
            varied(rng, pick(rng, spines)),
        )
        top -= thick
    return length + 0.02


def _book(
    canvas: Canvas,
    rng: np.random.Generator,
    corner: Point,
    size: tuple[float, float],
    turn: float,
    colour: Array,
) -> None:
    """Stand a book with its lower left corner at the given place, then turn it about that corner."""
    width, height = size
    cosine, sine = math.cos(turn), math.sin(turn)

    def part(low: float, high: float, margin: float) -> Array:
        return placed(
            box((width / 2, -height * (low + high) / 2), width / 2 - margin, height * (high - low) / 2),
            corner,
            turn,
        )

    def across(x: Array, y: Array) -> Array:
        return ((x - corner[0]) * cosine + (y - corner[1]) * sine) / (width / 2) - 1

    canvas.shadow(part(0, 1, 0), 0.03, 0.5)
    canvas.fill(part(0, 1, 0), lambda x, y: colour * rounded(across(x, y), 0.12))
    trim = varied(rng, mix(colour, pick(rng, palette("f3e3b3 f7f3ea 1c1a1a c9a24a")), 0.75))
    style = pick(rng, ("bands", "label", "plain", "both"))
    if style in ("bands", "both"):
        bands = [part(low, low + 0.018, 0.0) for low in (0.08, 0.12, 0.85, 0.89)]
        canvas.fill(bands, lambda x, y: trim * rounded(across(x, y), 0.2))
    if style in ("label", "both"):
        low = rng.uniform(0.45, 0.6)
        canvas.fill(
            part(low, low + rng.uniform(0.12, 0.28), width * 0.14),
            lambda x, y: trim * rounded(across(x, y), 0.05),
        )
