"""Pizzas and strawberries, seen from above."""

import math
from collections.abc import Callable

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
    radial,
    ramp,
    rgb,
    step,
    varied,
)
from simsearch.demo.shapes import Point, ellipse, petal, placed, ribbon, smooth, wobbly
from simsearch.demo.surfaces import plate, table


def pizza(rng: np.random.Generator) -> Image.Image:
    """Draw a pizza with a few toppings, often cut, sometimes with a slice gone."""
    canvas = Canvas.framed(rng)
    table(canvas, rng)
    centre, radius = (rng.uniform(-0.2, 0.2), rng.uniform(-0.08, 0.08)), rng.uniform(0.74, 0.95)
    if rng.random() < 0.7:
        plate(canvas, centre, radius * 1.13, pick(rng, palette("b98a57 8a5d36 f1ede4 2d2f33 cfae7d")))
    beneath = canvas.pixels.copy()
    _dough(canvas, rng, centre, radius)
    for chosen in rng.permutation(len(_TOPPINGS))[: int(rng.integers(1, 4))]:
        for at in _scattered(rng, centre, radius * 0.74, int(rng.integers(10, 17))):
            _TOPPINGS[chosen](canvas, rng, at)
    if rng.random() < 0.65:
        _cut(canvas, rng, centre, radius * 1.04, beneath)
    return canvas.finish(rng)


def _dough(canvas: Canvas, rng: np.random.Generator, centre: Point, radius: float) -> None:
    crust = wobbly(rng, centre, radius, 0.008)
    canvas.shadow(crust, 0.05, 0.6)
    baked = noise(rng, canvas.shape, (14, 12), octaves=4)
    tones = [varied(rng, tone, 0.02) for tone in palette("5d2c0e b8742f dda658 f3d598")]
    away = np.hypot(canvas.x - centre[0], canvas.y - centre[1]) / radius
    swell = np.exp(-(((away - 0.92) / 0.05) ** 2))
    light = (canvas.x - centre[0] + canvas.y - centre[1]) / radius * (away - 0.93) * 4
    canvas.fill(crust, ramp(0.22 + 0.42 * baked + 0.3 * swell - 0.3 * light, tones))
    sauce = wobbly(rng, centre, radius * 0.86, 0.012)
    canvas.fill(sauce, ramp(baked, palette("7a1d0c b8351a d4552a")), 0.95, blur=0.012)
    melt = noise(rng, canvas.shape, (9, 8), octaves=5)
    cheese = step(melt, 0.34, 0.48) * (1 - step(away, 0.76, 0.85))
    shine = np.clip((melt - np.roll(melt, (-3, -3), (0, 1))) * 5 + 0.55, 0, 1)
    tones = [varied(rng, tone, 0.02) for tone in palette("c98a2f f0c766 fbe9b4 fff8dc")]
    canvas.wash(ramp(0.65 * shine + 0.3 * baked, tones), cover=cheese)
    canvas.wash(rgb("8a4a16"), cover=step(baked * melt, 0.4, 0.6) * cheese * 0.7)


def _scattered(rng: np.random.Generator, centre: Point, radius: float, count: int) -> list[Point]:
    """Return points spread evenly over a disc, as a careful cook would."""
    angle = np.arange(count) * 2.39996 + rng.uniform(0, math.tau)
    reach = radius * np.sqrt((np.arange(count) + 0.4) / count)
    jitter = rng.normal(0, radius * 0.05, (count, 2))
    spread = np.column_stack([reach * np.cos(angle), reach * np.sin(angle)]) + centre + jitter
    return [(float(x), float(y)) for x, y in spread]


def _salami(canvas: Canvas, rng: np.random.Generator, at: Point) -> None:
    size = rng.uniform(0.095, 0.125)
    slice_ = wobbly(rng, at, size, 0.02)
    canvas.shadow(slice_, 0.02, 0.5)
    canvas.fill(slice_, radial(at, size, *palette("c8442c b8331f a52a1a 6b140c")))
    for _ in range(6):
        fleck = np.array(at) + rng.normal(0, size * 0.4, 2)
        canvas.fill(ellipse((fleck[0], fleck[1]), size * 0.12), rgb("e58a6a"), 0.55, blur=0.006)
    canvas.fill(
        ellipse((at[0] - size * 0.35, at[1] - size * 0.35), size * 0.3, size * 0.12, -0.7), WHITE, 0.3, 0.015
    )


def _basil(canvas: Canvas, rng: np.random.Generator, at: Point) -> None:
    turn, length = rng.uniform(0, math.tau), rng.uniform(0.16, 0.24)
    leaf = placed(petal(length, length * 0.55, 0.42), at, turn)
    canvas.shadow(leaf, 0.02, 0.5)
    end = at[0] - length * 0.3 * math.sin(turn), at[1] + length * 0.3 * math.cos(turn)
    canvas.fill(leaf, linear(at, end, *palette("5d9a3c 3a7a2a 1f4f1c")))
    canvas.fill(placed(ribbon([(0, 0), (length * 0.9, 0)], 0.008), at, turn), rgb("8fbf63"), 0.8)


def _olive(canvas: Canvas, rng: np.random.Generator, at: Point) -> None:
    size = rng.uniform(0.045, 0.06)
    canvas.shadow(ellipse(at, size), 0.015, 0.5)
    canvas.fill(ellipse(at, size), ball(at, size, size, rgb("35322f"), 0.6))
    canvas.fill(ellipse(at, size * 0.45), radial(at, size * 0.45, *palette("d9a24a b8671f")))


def _tomato(canvas: Canvas, rng: np.random.Generator, at: Point) -> None:
    size = rng.uniform(0.085, 0.11)
    canvas.shadow(ellipse(at, size), 0.02, 0.5)
    canvas.fill(ellipse(at, size), radial(at, size, *palette("f0866a e2553a d8432b c22a18")))
    for spoke in np.arange(3) * math.tau / 3 + rng.uniform(0, 2):
        seed = at[0] + size * 0.5 * math.cos(spoke), at[1] + size * 0.5 * math.sin(spoke)
        canvas.fill(ellipse(seed, size * 0.3, size * 0.2, spoke + 1.57), rgb("f4b56b"), 0.8, 0.006)


def _mushroom(canvas: Canvas, rng: np.random.Generator, at: Point) -> None:
    profile = [
        (-1, 0.1),
        (-0.7, -0.7),
        (0, -0.95),
        (0.7, -0.7),
        (1, 0.1),
        (0.3, 0.15),
        (0.3, 0.9),
        (-0.3, 0.9),
        (-0.3, 0.15),
    ]
    cap = placed(smooth(profile, 4), at, rng.uniform(0, math.tau), rng.uniform(0.08, 0.1))
    canvas.shadow(cap, 0.02, 0.5)
    canvas.fill(cap, rgb("a98a67"))
    canvas.fill((cap - at) * 0.86 + at, radial(at, 0.1, *palette("d8c3a3 f1e4cd efe1c8")))


_TOPPINGS: tuple[Callable[[Canvas, np.random.Generator, Point], None], ...] = (
    _salami,
    _basil,
    _olive,
    _tomato,
    _mushroom,
)


def _cut(canvas: Canvas, rng: np.random.Generator, centre: Point, radius: float, beneath: Array) -> None:
    """Cut the pizza in six or eight; often a slice has been taken."""
    parts, first = int(pick(rng, (6, 8))), rng.uniform(0, math.tau)
    for angle in first + np.arange(parts) * math.tau / parts:
        edge = centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)
        canvas.fill(ribbon([centre, edge], 0.016), rgb("7a3d16"), 0.75, blur=0.004)
    if rng.random() < 0.55:
        arc = np.linspace(first, first + math.tau / parts, 12)
        rim = np.column_stack([np.cos(arc), np.sin(arc)]) * radius * 1.08
        slice_ = np.concatenate([np.zeros((1, 2)), rim]) + centre
        canvas.fill(slice_, beneath)
        canvas.fill(ribbon(slice_[:2], 0.05) + 0.01, BLACK, 0.3, blur=0.02)


def strawberries(rng: np.random.Generator) -> Image.Image:
    """Draw strawberries: loose on the table or heaped in a bowl."""
    canvas = Canvas.framed(rng)
    table(canvas, rng)
    if rng.random() < 0.5:
        centre, radius = (rng.uniform(-0.15, 0.15), rng.uniform(-0.05, 0.05)), rng.uniform(0.8, 0.9)
        china = pick(rng, palette("f4f1ea f4f1ea 7b9aa8 38485c e0c9a6"))
        plate(canvas, centre, radius, china, fall=0.07)
        places = _scattered(rng, centre, radius * 0.68, int(rng.integers(12, 20)))
        size = rng.uniform(0.21, 0.25)
    else:
        count = int(rng.integers(2, 9))
        places = _scattered(rng, (0, 0), 0.68, count)
        places = [(x * canvas.right, y * canvas.bottom) for x, y in places]
        size = min(0.46, 0.72 / math.sqrt(count)) * rng.uniform(0.9, 1.1)
    for at in places[::-1]:
        _strawberry(canvas, rng, at, size * rng.uniform(0.88, 1.12))
    return canvas.finish(rng)


def _strawberry(canvas: Canvas, rng: np.random.Generator, at: Point, size: float) -> None:
    turn, plump = rng.uniform(0, math.tau), rng.uniform(0.78, 1.0)
    heart = [(0, -0.85), (0.6, -0.88), (0.95, -0.45), (0.8, 0.2), (0.4, 0.85), (0, 1.12)]
    outline = np.array(heart + [(-x, y) for x, y in heart[-2:0:-1]]) * (plump, 1)
    berry = placed(smooth(outline), at, turn, size)
    canvas.shadow(berry, 0.16 * size, 0.55)
    red = varied(rng, rgb(pick(rng, ("cf1f24", "c4161c", "d9302a", "b5121b"))), 0.02)
    canvas.fill(berry, ball(at, size * 1.15, size * 1.15, red, 0.35))
    canvas.fill(placed(berry - at, at, 0, 0.8), mix(red, rgb("ff7a4d"), 0.5), 0.25, blur=0.1 * size)
    seed = ellipse((0, 0), 0.036, 0.062)[::4]
    seeds = placed(seed + _seed_places(plump)[:, None], at, turn, size)
    canvas.fill(list(seeds), rgb("7d0a10"), 0.75)
    inner = placed(0.66 * seed + _seed_places(plump)[:, None], at, turn, size)
    canvas.fill(list(inner + (0, 0.012 * size)), rgb("f2c75c"))
    canvas.fill(
        ellipse((at[0] - 0.36 * size, at[1] - 0.42 * size), 0.2 * size, 0.1 * size, -0.75),
        WHITE,
        0.5,
        0.05 * size,
    )
    _calyx(canvas, rng, placed(np.array([[0.0, -0.84]]), at, turn, size)[0], turn, size)


def _seed_places(plump: float) -> Array:
    """Return where the seeds sit on a berry, of shape (n, 2), closer together towards its sides."""
    places = []
    for row in range(-2, 4):
        down = 0.235 * row
        half = plump * (0.86 - 0.5 * max(0.0, down) ** 1.4)
        columns = np.arange(-4, 5) * 0.25 + 0.125 * (row % 2)
        columns = columns[np.abs(columns) < 0.86 * half]
        places += [(half * math.sin(1.2 * column / half) / 0.98, down) for column in columns]
    return np.array(places)


def _calyx(canvas: Canvas, rng: np.random.Generator, at: Array, turn: float, size: float) -> None:
    centre = float(at[0]), float(at[1])
    leaves = [
        placed(
            petal(size * rng.uniform(0.5, 0.72), size * 0.26, 0.4), centre, turn + angle + rng.normal(0, 0.15)
        )
        for angle in np.linspace(-0.35, math.pi + 0.35, 7)
    ]
    canvas.shadow(leaves, 0.05 * size, 0.45)
    for leaf in leaves:
        canvas.fill(
            leaf, linear(centre, (float(leaf[13, 0]), float(leaf[13, 1])), *palette("2f5f22 5a9a38 9ac763"))
        )
    stem = ribbon(placed(np.array([[0, 0], [0.04, -0.2], [0.12, -0.42]]), centre, turn, size), 0.09 * size)
    canvas.fill(stem, rgb("7fae4c"))
