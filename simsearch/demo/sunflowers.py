"""Sunflowers against the sky or a garden."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import BLACK, linear, mix, palette, pick, radial, rgb, varied
from simsearch.demo.shapes import Point, ellipse, petal, placed, ribbon, smooth
from simsearch.demo.surfaces import greenery, sky

_GOLDEN = math.pi * (3 - math.sqrt(5))
_RAYS = (
    "c96a08 f5a614 ffd23c",
    "d98a06 ffbe1a ffe35a",
    "8c2f0e d9731a f9b93a",
    "b5520a f08c12 ffc233",
    "d9a50c f9d22e fff08a",
)


def sunflowers(rng: np.random.Generator) -> Image.Image:
    """Draw one to four sunflowers against the sky or a garden."""
    canvas = Canvas.framed(rng, portrait=0.3)
    if rng.random() < 0.5:
        sky(
            canvas,
            rng,
            palette(pick(rng, ("2f7fc4 8cc3e8 d9edf2", "7fa6c9 f0d9c0 ffe7b8", "5a9bd0 a8d4ec eef3e6"))),
            rng.uniform(0.1, 0.6),
        )
        canvas.soften(0.03)
    else:
        greenery(canvas, rng, "f2c230 d9971a 3f6b2f 2c4a22")
    count = int(pick(rng, (1, 1, 1, 2, 3, 4)))
    rays = [varied(rng, tone, 0.02) for tone in palette(pick(rng, _RAYS))]
    size = (0.68, 0.44, 0.37, 0.33)[count - 1] * rng.uniform(0.9, 1.15)
    first = rng.uniform(-0.15, 0.15) if count == 1 else -canvas.right * 0.58
    for flower in range(count):
        x = first + 2 * canvas.right * 0.58 * flower / max(count - 1, 1)
        at = x + rng.normal(0, 0.04), rng.uniform(-0.15, 0.12) if count == 1 else rng.uniform(-0.45, 0.35)
        _stalk(canvas, rng, at, size)
        _sunflower(canvas, rng, at, size * rng.uniform(0.9, 1.1), rays)
    return canvas.finish(rng)


def _stalk(canvas: Canvas, rng: np.random.Generator, at: Point, size: float) -> None:
    foot = at[0] + rng.normal(0, 0.12), canvas.bottom + 0.1
    path = smooth([at, ((at[0] + foot[0]) / 2 + 0.04, (at[1] + foot[1]) / 2), foot], 10)[:20]
    canvas.fill(
        ribbon(path, size * 0.12),
        linear((at[0] - size * 0.06, 0), (at[0] + size * 0.06, 0), *palette("a3bf5a 5f8a35 2b4a1e")),
    )
    for side in (-1, 1):
        turn = (0.0 if side > 0 else math.pi) - side * rng.uniform(-0.1, 0.6)
        start = path[int(rng.integers(11, 17))]
        long = size * rng.uniform(0.8, 1.1)
        leaf = placed(petal(long, long * 0.62, 0.36), (start[0], start[1]), turn)
        canvas.shadow(leaf, 0.04, 0.3)
        canvas.fill(
            leaf,
            linear((start[0], start[1] - 0.2), (start[0], start[1] + 0.2), *palette("9cc255 4f8a36 2a5424")),
        )
        canvas.fill(
            placed(ribbon([(0, 0), (long * 0.95, 0)], 0.012), (start[0], start[1]), turn), rgb("a9c86a"), 0.7
        )


def _sunflower(canvas: Canvas, rng: np.random.Generator, at: Point, size: float, rays: list[Array]) -> None:
    squash, lean = rng.uniform(0.78, 1.0), rng.uniform(0, math.pi)

    def facing(shape: Array) -> Array:
        return placed(placed(shape, (0, 0), -lean) * (1, squash), at, lean)

    count = int(rng.integers(17, 24))
    for layer in range(2):
        for ray in rng.permutation(count):
            long = size * rng.uniform(0.86, 1.05) * (1.0 - 0.1 * layer)
            turn = (ray + 0.5 * layer) * math.tau / count + rng.normal(0, 0.06)
            outline = facing(placed(petal(long, size * 0.24, 0.62), (0, 0), turn))
            tip = at[0] + long * math.cos(turn), at[1] + long * math.sin(turn)
            canvas.shadow(outline, 0.022, 0.28)
            canvas.fill(
                outline,
                linear(at, tip, mix(rays[0], BLACK, 0.25), rays[0], rays[1], varied(rng, rays[2], 0.02)),
            )
            vein = facing(
                placed(
                    ribbon([(long * 0.4, 0), (long * 0.9, 0)], size * np.array([0.014, 0.004])), (0, 0), turn
                )
            )
            canvas.fill(vein, rays[0], 0.5)
    _seeds(canvas, rng, at, size * rng.uniform(0.4, 0.5), facing)


def _seeds(
    canvas: Canvas, rng: np.random.Generator, at: Point, radius: float, facing: Callable[[Array], Array]
) -> None:
    disc = facing(ellipse((0, 0), radius))
    canvas.shadow(disc, 0.03, 0.5)
    core, brown, rim = (varied(rng, tone, 0.02) for tone in palette("5a5a22 3a1d0c 8a4f14"))
    canvas.fill(disc, radial(at, radius, core, brown, mix(brown, BLACK, 0.5), brown, rim))
    number = 330
    order = np.arange(number) + 0.5
    reach, angle = radius * np.sqrt(order / number), order * _GOLDEN + rng.uniform(0, 6)
    places = np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
    grain = ellipse((0, 0), radius * 0.04)[::8]
    for low, tone in ((0.0, "b3a545"), (0.3, "6b3a14"), (0.62, "a8681c"), (0.86, "e8ad2c")):
        ring = (reach >= low * radius) & (reach < (low + 0.33) * radius)
        canvas.fill(list(facing(grain + places[ring][:, None])), rgb(tone), 0.75)
    canvas.fill(facing(ellipse((0.25 * radius, 0.3 * radius), radius * 0.7)), BLACK, 0.22, blur=radius * 0.25)
