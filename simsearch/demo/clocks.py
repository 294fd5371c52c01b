"""Clocks on a wall."""

import math

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import (
    BLACK,
    WHITE,
    linear,
    mix,
    palette,
    pick,
    radial,
    rgb,
    varied,
)
from simsearch.demo.shapes import Point, box, ellipse, petal, placed
from simsearch.demo.surfaces import wall

_FRAMES = palette("2b2b2d 5b3a22 8c5a32 c9a45c d9d9d6 f2efe8 7a2f28 2f4a4d 3d5a80 b9b4aa")
_FACES = palette("f7f4ec f7f4ec fffdf8 efe6d0 e4ddc9 23272b 30424a 8c2f2a dfe7e6")


def wall_clock(rng: np.random.Generator) -> Image.Image:
    """Draw a clock on a wall; any frame, any hour."""
    canvas = Canvas.framed(rng)
    wall(canvas, rng)
    centre = rng.uniform(-0.3, 0.3) * canvas.right, rng.uniform(-0.12, 0.12) * canvas.bottom
    size = rng.uniform(0.55, 0.82)
    frame, face = varied(rng, pick(rng, _FRAMES)), varied(rng, pick(rng, _FACES), 0.01)
    ink = rgb("f1ead8") if face.mean() < 0.5 else mix(pick(rng, palette("1b1b1d 33241a 22364a")), face, 0.05)
    sides = pick(rng, (0, 0, 0, 4, 8))
    if sides == 0 and rng.random() < 0.25:
        _rays(canvas, rng, centre, size, frame)
        size *= 0.66
    _case(canvas, centre, size, sides, frame, face)
    _marks(canvas, rng, centre, size * 0.84, ink)
    _hands(canvas, rng, centre, size * 0.84, ink)
    glare = ellipse((centre[0] - size * 0.3, centre[1] - size * 0.38), size * 0.42, size * 0.2, -0.7)
    canvas.fill(glare, WHITE, rng.uniform(0.05, 0.2), blur=size * 0.07)
    return canvas.finish(rng)


def _case(canvas: Canvas, centre: Point, size: float, sides: int, frame: Array, face: Array) -> None:
    def rim(share: float) -> Array:
        if sides == 4:
            return box(centre, size * share, size * share, corner=size * 0.12)
        if sides == 8:
            corners = np.arange(8) * math.tau / 8 + math.tau / 16
            return placed(np.column_stack([np.cos(corners), np.sin(corners)]), centre, 0, size * share * 1.06)
        return ellipse(centre, size * share)

    start, end = (centre[0] - size, centre[1] - size), (centre[0] + size, centre[1] + size)
    canvas.shadow(rim(1.0), 0.2, 0.3)
    canvas.shadow(rim(1.0), 0.07, 0.45)
    light, dark = mix(frame, WHITE, 0.5), mix(frame, BLACK, 0.5)
    canvas.fill(rim(1.0), linear(start, end, light, frame, dark))
    canvas.fill(rim(0.95), linear(start, end, frame, mix(frame, BLACK, 0.25)))
    canvas.fill(rim(0.89), linear(start, end, dark, frame, light))
    canvas.fill(rim(0.86), radial(centre, size, face, face, mix(face, BLACK, 0.16)))
    inner = rim(0.86)
    canvas.fill(
        np.concatenate([inner, inner[:1], (rim(0.8) + 0.035 * size)[[0, *range(len(inner) - 1, -1, -1)]]]),
        BLACK,
        0.28,
        0.03 * size,
    )


def _rays(canvas: Canvas, rng: np.random.Generator, centre: Point, size: float, colour: Array) -> None:
    count = int(pick(rng, (12, 16, 24)))
    rays = [
        placed(petal(size * (1.25 if ray % 2 else 1.08), size * 0.16, 0.6), centre, ray * math.tau / count)
        for ray in range(count)
    ]
    canvas.shadow(rays, 0.06, 0.45)
    start, end = (centre[0] - size, centre[1] - size), (centre[0] + size, centre[1] + size)
    canvas.fill(rays, linear(start, end, mix(colour, WHITE, 0.4), colour, mix(colour, BLACK, 0.3)))


def _marks(canvas: Canvas, rng: np.random.Generator, centre: Point, size: float, ink: Array) -> None:
    style = pick(rng, ("bars", "roman", "dots", "batons"))
    if rng.random() < 0.6:
        canvas.fill(
            [_radially(box((0, 0), 0.005, 0.02), centre, size * 0.95, step / 60) for step in range(60)],
            ink,
            0.8,
        )
    marks: list[Array] = []
    for hour in range(1, 13):
        strokes = _NUMERALS[hour] if style == "roman" else ((0.0, 0.0),)
        width, height = {
            "bars": (0.018, 0.075),
            "roman": (0.009, 0.085),
            "dots": (0.03, 0.03),
            "batons": (0.008, 0.06),
        }[style]
        if style in ("bars", "dots") and hour % 3 == 0:
            width *= 1.7
        for shift, slant in strokes:
            stroke = ellipse((0, 0), width) if style == "dots" else box((0, 0), width, height)
            stroke = stroke + np.column_stack([shift + slant * stroke[:, 1], np.zeros(len(stroke))])
            marks.append(_radially(stroke * size, centre, size * 0.8, hour / 12))
    canvas.fill(marks, ink)


def _roman(numeral: str) -> tuple[tuple[float, float], ...]:
    """Return the strokes of a Roman numeral: how far along each stands, and its slant."""
    strokes, at = [], 0.0
    for letter in numeral:
        slants = {"I": (0.0,), "V": (0.3, -0.3), "X": (0.5, -0.5)}[letter]
        half = 0.018 if letter == "I" else 0.045
        aside = 0.024 if letter == "V" else 0.0
        strokes += [(at + half - aside * np.sign(slant), slant) for slant in slants]
        at += 2 * half
    return tuple((float(shift - at / 2), slant) for shift, slant in strokes)


_NUMERALS = dict(enumerate(map(_roman, "I II III IIII V VI VII VIII IX X XI XII".split()), start=1))


def _radially(shape: Array, centre: Point, reach: float, turns: float) -> Array:
    """Return the shape moved out from the centre in the direction of a time on the dial."""
    return placed(shape - (0, reach), centre, turns * math.tau)


def _hands(canvas: Canvas, rng: np.random.Generator, centre: Point, size: float, ink: Array) -> None:
    minutes = int(rng.integers(720))
    width = rng.uniform(0.03, 0.05)
    hands = [
        (_hand(size * 0.5, size * width * 1.3), minutes / 720, ink),
        (_hand(size * 0.8, size * width), minutes % 60 / 60, ink),
    ]
    if rng.random() < 0.7:
        hands.append(
            (
                _hand(size * 0.86, size * 0.012),
                rng.random(),
                pick(rng, palette("c2281d c2281d d9942a 1d1d1f")),
            )
        )
    for shape, turns, colour in hands:
        hand = _radially(shape, centre, 0, turns)
        canvas.shadow(hand, 0.025, 0.35)
        canvas.fill(hand, colour)
    canvas.fill(
        ellipse(centre, size * 0.05),
        radial((centre[0] - 0.01, centre[1] - 0.01), size * 0.06, mix(ink, WHITE, 0.4), ink),
    )


def _hand(length: float, width: float) -> Array:
    return np.array(
        [[-width, length * 0.16], [width, length * 0.16], [width * 0.5, -length], [-width * 0.5, -length]]
    )
