"""Espresso cups on their saucers, seen from above."""

import math

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import (
    BLACK,
    WHITE,
    ball,
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
from simsearch.demo.shapes import Point, ellipse, placed, ribbon, smooth
from simsearch.demo.surfaces import plate, table

_CHINA = palette("f4f1ea f4f1ea f4f1ea 2f3a45 b5452f 3f6f73 d9a441 7b9aa8 e3b7a6 4d5b3d 8a4f6d")


def espresso_cup(rng: np.random.Generator) -> Image.Image:
    """Draw one or two cups of espresso."""
    canvas = Canvas.framed(rng)
    table(canvas, rng)
    tilt = rng.uniform(0.72, 0.97)
    if rng.random() < 0.22 and canvas.right > 1.2:
        china = pick(rng, _CHINA)
        for side in (-0.62, 0.62):
            _cup(canvas, rng, (side, rng.uniform(-0.15, 0.15)), rng.uniform(0.5, 0.56), tilt, china)
    else:
        centre = rng.uniform(-0.25, 0.25) * canvas.right, rng.uniform(-0.12, 0.12)
        _cup(canvas, rng, centre, rng.uniform(0.66, 0.88), tilt, pick(rng, _CHINA))
    if rng.random() < 0.5:
        _beans(canvas, rng)
    return canvas.finish(rng)


def _cup(
    canvas: Canvas, rng: np.random.Generator, centre: Point, size: float, tilt: float, china: Array
) -> None:
    china = varied(rng, china, 0.015)
    saucer = china if rng.random() < 0.7 else pick(rng, _CHINA)
    plate(canvas, centre, size, saucer, tilt)
    handle, spoon = rng.uniform(-0.5, 0.9), rng.uniform(1.5, 4.6)
    if rng.random() < 0.75:
        _spoon(canvas, centre, size, tilt, spoon)
    height = size * 0.75 * math.sqrt(1 - tilt**2)
    rim = centre[0], centre[1] - height
    radius = size * 0.52
    way = math.cos(handle), math.sin(handle) * tilt
    grip = [
        (rim[0] + way[0] * reach * size, rim[1] + way[1] * reach * size + height * 0.35)
        for reach in (0.4, 0.6, 0.83)
    ]
    band = smooth(ribbon(grip, np.array([0.17, 0.11, 0.13]) * size), 6)
    canvas.shadow(band, 0.07 * size, 0.45)
    canvas.fill(
        band,
        linear(
            grip[0], (grip[0][0], grip[0][1] + 0.2 * size), mix(china, WHITE, 0.35), mix(china, BLACK, 0.3)
        ),
    )
    foot = ellipse((centre[0], centre[1]), radius * 0.75, radius * 0.75 * tilt)
    body = [
        ellipse(
            (centre[0], centre[1] - height * t),
            radius * (0.75 + 0.25 * t**0.6),
            radius * tilt * (0.75 + 0.25 * t**0.6),
        )
        for t in np.linspace(0, 1, 9)
    ]
    canvas.shadow([foot, body[-1]], 0.12 * size, 0.5)
    canvas.fill(
        body,
        linear(
            (rim[0] - radius, 0), (rim[0] + radius, 0), mix(china, WHITE, 0.3), china, mix(china, BLACK, 0.5)
        ),
    )
    _coffee(canvas, rng, rim, radius, tilt, china)


def _coffee(
    canvas: Canvas, rng: np.random.Generator, rim: Point, radius: float, tilt: float, china: Array
) -> None:
    inside = china if rng.random() < 0.3 else rgb("f2eee6")
    left, right = (
        (rim[0] - radius * 0.8, rim[1] - radius * 0.8),
        (rim[0] + radius * 0.8, rim[1] + radius * 0.8),
    )
    canvas.fill(
        ellipse(rim, radius, radius * tilt), linear(left, right, WHITE, china, mix(china, BLACK, 0.25))
    )
    canvas.fill(
        ellipse(rim, radius * 0.93, radius * 0.93 * tilt),
        linear(left, right, mix(inside, BLACK, 0.55), mix(inside, WHITE, 0.3)),
    )
    level = rim[0] + radius * 0.01, rim[1] + radius * 0.05
    dark, brown, gold = (varied(rng, tone, 0.02) for tone in palette("2a1408 8a4f1f d39a55"))
    swirl = noise(rng, canvas.shape, (7, 6), octaves=4)
    edge = np.hypot(canvas.x - level[0], (canvas.y - level[1]) / tilt) / (radius * 0.84)
    crema = np.clip(swirl * rng.uniform(0.5, 0.9) + 0.55 * edge**4 + rng.uniform(-0.1, 0.25), 0, 1)
    surface = (1 - step(edge, 0.985, 1.0)) * (1 - 0.5 * step(edge, 0.9, 1.0))
    canvas.wash(dark, cover=1 - step(edge, 0.985, 1.005))
    canvas.wash(ramp(crema, [dark, brown, gold]), cover=surface)
    if rng.random() < 0.35:
        _milk_heart(canvas, rng, level, radius * 0.55, tilt)
    canvas.fill(
        ellipse(
            (level[0] - radius * 0.35, level[1] - radius * 0.4 * tilt), radius * 0.25, radius * 0.1, -0.7
        ),
        WHITE,
        0.28,
        blur=radius * 0.06,
    )


def _milk_heart(canvas: Canvas, rng: np.random.Generator, centre: Point, size: float, tilt: float) -> None:
    t = np.linspace(0, math.tau, 60, endpoint=False)
    across = 16 * np.sin(t) ** 3
    down = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    heart = placed(np.column_stack([across, down]) / 17, (0, 0), rng.uniform(0, math.tau))
    for ring, colour in ((1.0, rgb("f3dfc0")), (0.72, rgb("9c6433")), (0.55, rgb("f5e6cd"))):
        canvas.fill(heart * (size * ring, size * ring * tilt) + centre, colour, 0.85, blur=0.008)


def _spoon(canvas: Canvas, centre: Point, size: float, tilt: float, angle: float) -> None:
    steel = palette("f7f7f5 9a9c9f e8e8e6 6b6d70")
    aside = (
        placed(np.array([[-0.72, 0.74], [0.1, 0.74], [0.75, 0.74]]) * size, (0, 0), angle) * (1, tilt)
        + centre
    )
    handle = ribbon(aside, np.array([0.035, 0.05, 0.075]) * size)
    bowl = ellipse((aside[0][0], aside[0][1]), size * 0.16, size * 0.1, angle)
    canvas.shadow([handle, bowl], 0.03, 0.5)
    across = (-math.sin(angle) * 0.1 * size, math.cos(angle) * 0.1 * size)
    for shape in (handle, bowl):
        middle = shape.mean(axis=0)
        canvas.fill(
            shape,
            linear(
                (middle[0] - across[0], middle[1] - across[1]),
                (middle[0] + across[0], middle[1] + across[1]),
                *steel,
            ),
        )


def _beans(canvas: Canvas, rng: np.random.Generator) -> None:
    side = pick(rng, (-1, 1)), pick(rng, (-1, 1))
    for _ in range(int(rng.integers(5, 16))):
        at = (
            side[0] * (canvas.right - abs(rng.normal(0, 0.22))),
            side[1] * (canvas.bottom - abs(rng.normal(0, 0.2))),
        )
        turn, size = rng.uniform(0, math.pi), rng.uniform(0.05, 0.06)
        bean = ellipse(at, size, size * 0.68, turn)
        canvas.shadow(bean, 0.02, 0.5)
        canvas.fill(bean, ball(at, size, size, varied(rng, rgb("5b3219"), 0.02), 0.3))
        canvas.fill(
            placed(
                ribbon(
                    [(-size * 0.9, 0), (-size * 0.3, 0.006), (size * 0.3, -0.006), (size * 0.9, 0)], 0.012
                ),
                at,
                turn,
            ),
            rgb("1f0f06"),
            0.8,
        )
