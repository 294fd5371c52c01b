"""Butterflies before flowers out of focus."""

import math

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import BLACK, WHITE, linear, mix, palette, pick, radial, rgb, varied
from simsearch.demo.shapes import Point, ellipse, petal, placed, ribbon, smooth
from simsearch.demo.surfaces import greenery

_WINGS = (
    ("2a1208 b5410c f58a1f ffc46b", "fdf6e3"),
    ("071530 0d3f9e 2f8fe8 8fd8ff", "dff3ff"),
    ("1a1408 c99a12 f7d544 fff3a8", "e8632a"),
    ("1c0f10 8c1c1c d9452c f59a5a", "6fb7e8"),
    ("16201a 1f7a5a 4cc38a c8f2c0", "f7f3c8"),
    ("241430 5b2a8c a45fd0 e8b8f2", "fbe7ff"),
    ("2e2a26 b9b0a0 f1ece0 ffffff", "d98a2c"),
)
_FORE = [
    (0.02, -0.1),
    (0.3, -0.55),
    (0.72, -0.93),
    (1.08, -0.98),
    (1.06, -0.62),
    (0.9, -0.2),
    (0.55, 0.06),
    (0.05, 0.06),
]
_HIND = [
    (0.03, 0.0),
    (0.4, 0.02),
    (0.78, 0.14),
    (0.86, 0.45),
    (0.66, 0.78),
    (0.4, 0.86),
    (0.2, 0.6),
    (0.04, 0.25),
]


def butterfly(rng: np.random.Generator) -> Image.Image:
    """Draw a butterfly, or two, before flowers out of focus."""
    canvas = Canvas.framed(rng)
    greenery(
        canvas,
        rng,
        pick(
            rng,
            ("e86fa0 f7c6d9 b04a8c", "f2c14e e8743b fbe3a1", "8c7be0 c9c2f5 f0f0ff", "ffffff f5d76e e3e8d0"),
        ),
    )
    blossom = varied(rng, pick(rng, palette("e06a9a b48ae0 f4f0ff f2b23a e8563f")))
    if rng.random() < 0.65:
        _blossoms(canvas, rng, blossom)
    if rng.random() < 0.2 and canvas.right > 1.2:
        places, size = [(-0.62, rng.uniform(-0.3, 0.3)), (0.62, rng.uniform(-0.3, 0.3))], 0.52
    else:
        places, size = [(rng.uniform(-0.2, 0.2), rng.uniform(-0.1, 0.1))], rng.uniform(0.65, 0.85)
    for at in places:
        _butterfly(canvas, rng, at, size)
    return canvas.finish(rng)


def _blossoms(canvas: Canvas, rng: np.random.Generator, colour: Array) -> None:
    for _ in range(int(rng.integers(3, 7))):
        at = rng.uniform(-1, 1) * canvas.right, rng.uniform(0.2, 1.0) * canvas.bottom
        size, petals = rng.uniform(0.2, 0.36), int(rng.integers(5, 11))
        canvas.fill(ribbon([at, (at[0] + 0.1, canvas.bottom + 0.2)], 0.03), rgb("4a7a34"), blur=0.01)
        for angle in np.arange(petals) * math.tau / petals + rng.uniform(0, 1):
            outline = placed(petal(size, size * 0.6, 0.6), at, angle)
            canvas.fill(
                outline,
                radial(at, size, mix(colour, BLACK, 0.35), colour, mix(colour, WHITE, 0.35)),
                0.9,
                blur=0.008,
            )
        canvas.fill(ellipse(at, size * 0.22), radial(at, size * 0.25, *palette("ffe27a c98a1a")), blur=0.008)
    canvas.soften(0.012)


def _butterfly(canvas: Canvas, rng: np.random.Generator, at: Point, size: float) -> None:
    codes, spot = pick(rng, _WINGS)
    tones, turn, spread = (
        [varied(rng, tone, 0.02) for tone in palette(codes)],
        rng.normal(0, 0.45),
        rng.uniform(0.72, 1.0),
    )
    shape = rng.normal(0, 0.035, (8, 2))
    wings = [(np.array(_HIND) + shape, 0.45), (np.array(_FORE) + shape[::-1], -0.6)]
    marked, eyes = rng.random() < 0.75, rng.random() < 0.5
    for corners, aim in wings:
        for side in (-1, 1):
            fold = (side * spread * (1.0 if side > 0 else rng.uniform(0.9, 1.0)), 1)
            _wing(
                canvas,
                smooth(corners),
                aim,
                (fold[0] * size, size),
                (at, turn),
                tones,
                rgb(spot) if marked else tones[3],
                eyes,
            )
    _body(canvas, at, turn, size, mix(tones[0], BLACK, 0.4))


def _wing(
    canvas: Canvas,
    outline: Array,
    aim: float,
    stretch: tuple[float, float],
    pose: tuple[Point, float],
    tones: list[Array],
    spot: Array,
    eyes: bool,
) -> None:
    """Paint one wing: a dark margin with spots, a glowing field, veins, and perhaps an eye."""

    def there(shape: Array) -> Array:
        return placed(shape * stretch, *pose)

    root, heart = outline[0], outline.mean(axis=0)
    whole = there(outline)
    canvas.shadow(whole, 0.09 * abs(stretch[1]), 0.4)
    canvas.fill(whole, mix(tones[0], BLACK, 0.25))
    field = there((outline - (root * 0.35 + heart * 0.65)) * 0.83 + (root * 0.35 + heart * 0.65))
    centre = there(root[None])[0]
    canvas.fill(
        field,
        radial(
            (centre[0], centre[1]), abs(stretch[1]) * 1.25, tones[1], tones[2], tones[3], tones[2], tones[1]
        ),
        blur=0.006,
    )
    veins = [
        there(
            ribbon(
                [root, root + (heart - root) * 0.7, end * 0.97 + heart * 0.03],
                np.array([0.028, 0.018, 0.008]),
            )
        )
        for end in outline[8:-8:6]
    ]
    canvas.fill(veins, tones[0], 0.75)
    rim = [there(ellipse((x, y), 0.028, 0.022)) for x, y in (outline * 0.93 + heart * 0.07)[14:-14:3]]
    canvas.fill(rim, spot, 0.9)
    if eyes:
        eye = heart + (0.14, 0.3 * math.sin(aim))
        for reach, tone in ((0.13, tones[0]), (0.1, spot), (0.06, mix(tones[1], BLACK, 0.5)), (0.022, WHITE)):
            canvas.fill(there(ellipse((eye[0], eye[1]), reach)), tone, 0.92)
    sheen = there(ellipse((heart[0] - 0.05, heart[1] - 0.08), 0.3, 0.12, aim))
    canvas.fill(sheen, WHITE, 0.16, blur=0.05)


def _body(canvas: Canvas, at: Point, turn: float, size: float, colour: Array) -> None:
    path = np.column_stack([np.zeros(12), np.linspace(-0.3, 0.62, 12)])
    width = np.array([0.05, 0.1, 0.11, 0.13, 0.14, 0.12, 0.09, 0.09, 0.085, 0.075, 0.06, 0.02])
    body = placed(ribbon(path, width) * size, at, turn)
    canvas.shadow(body, 0.03, 0.5)
    left = at[0] - 0.06 * size * math.cos(turn), at[1] - 0.06 * size * math.sin(turn)
    right = at[0] + 0.06 * size * math.cos(turn), at[1] + 0.06 * size * math.sin(turn)
    canvas.fill(body, linear(left, right, mix(colour, WHITE, 0.35), mix(colour, WHITE, 0.1), BLACK))
    t = np.linspace(0, 1, 12)
    for side in (-1, 1):
        feeler = np.column_stack([side * (0.02 + 0.3 * t**1.3), -0.28 - 0.42 * t**0.8]) * size
        canvas.fill(placed(ribbon(feeler, 0.014 * size), at, turn), colour)
        canvas.fill(ellipse((0, 0), 0.022 * size) + placed(feeler[-1:], at, turn)[0], colour)
