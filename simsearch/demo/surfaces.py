"""What is behind and beneath: table tops, walls, greenery and skies."""

import math

import numpy as np

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import BLACK, WHITE, linear, mix, noise, palette, pick, ramp, rgb, step, varied
from simsearch.demo.shapes import Point, ellipse

_WOODS = (
    "3a2416 6b4428",
    "7a5230 b98a57",
    "a97f52 dcb98a",
    "4b3a31 7d6655",
    "8d8175 c4b9aa",
    "5d2f1c 98552f",
)
_CLOTHS = ("e9e2d3", "b7c4cf", "6d8298", "d9b8a7", "8fa58d", "c9665a", "e6cf8f", "454f63")
_PAINTS = ("d8d2c4", "9fb3b8", "c7b299", "7f8f7c", "b86f52", "39495c", "e6dcc8", "c9a0a0", "5c6b5f", "d7b65d")
_LEAVES = ("16301a 3f6b2f 8fb15a", "243b1d 5f7f3a c2c878", "123033 35685a 8cb89a", "33351b 7a7a35 d8c67a")


def table(canvas: Canvas, rng: np.random.Generator) -> None:
    """Cover the canvas with a table top, lit from one side."""
    pick(rng, (wood, wood, cloth, marble, slate))(canvas, rng)
    angle = rng.uniform(0, math.tau)
    far = (1.5 * math.cos(angle), 1.5 * math.sin(angle))
    canvas.wash(linear(far, (-far[0], -far[1]), WHITE, rgb("fff4dd"), BLACK), cover=0.16)


def wood(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lay planks, across or upright."""
    tones = [varied(rng, tone) for tone in palette(pick(rng, _WOODS))]
    upright = rng.random() < 0.5
    rows, columns = canvas.shape[::-1] if upright else canvas.shape
    grain = noise(rng, (rows, columns), (2, 34), octaves=3)
    planks = int(rng.integers(3, 8))
    place = np.linspace(0, planks, rows, endpoint=False) + rng.random()
    tone = rng.uniform(-0.16, 0.16, planks + 2)[place.astype(int)][:, None]
    seam = np.minimum(place % 1, 1 - place % 1)[:, None] * rows / planks
    picture = ramp(0.2 + 0.65 * grain + tone, tones) * (0.45 + 0.55 * step(seam, 0, 2.5))[..., None]
    canvas.wash(np.swapaxes(picture, 0, 1) if upright else picture)


def cloth(canvas: Canvas, rng: np.random.Generator) -> None:
    """Spread a woven cloth, plain or checked, with soft folds."""
    colour = varied(rng, rgb(pick(rng, _CLOTHS)))
    folds = noise(rng, canvas.shape, (3, 2), octaves=2)
    weave = 0.02 * np.sin(canvas.x * 260) * np.sin(canvas.y * 260)
    canvas.wash(colour * (0.82 + 0.26 * folds + weave)[..., None])
    if rng.random() < 0.4:
        pitch, phase = rng.uniform(9, 17), rng.uniform(0, math.tau)
        bands = (np.sin(canvas.x * pitch + phase) > 0) * 0.5 + (np.sin(canvas.y * pitch) > 0) * 0.5
        canvas.wash(pick(rng, (WHITE, mix(colour, BLACK, 0.6))), cover=bands * 0.4)


def marble(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lay a pale stone with veins."""
    base, vein = pick(rng, (palette("ece9e4 9a9590"), palette("e3dccf a88f74"), palette("39423f a9b5ae")))
    clouds = noise(rng, canvas.shape, (3, 2), octaves=5)
    veins = np.exp(-np.abs(noise(rng, canvas.shape, (3, 4), octaves=5) - 0.5) * 40)
    canvas.wash(base * (0.9 + 0.13 * clouds)[..., None])
    canvas.wash(vein, cover=veins * 0.6 * clouds)


def slate(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lay a dark, rough stone."""
    tones = [
        varied(rng, tone) for tone in palette(pick(rng, ("25282b 4a4f52", "2b2a33 55535f", "3c4a52 66777d")))
    ]
    rough = noise(rng, canvas.shape, (7, 9), octaves=6)
    canvas.wash(ramp(rough, tones))


def wall(canvas: Canvas, rng: np.random.Generator) -> None:
    """Raise a wall: plaster, wallpaper, bricks or tiles, with light falling across it."""
    colour = varied(rng, rgb(pick(rng, _PAINTS)))
    rough = noise(rng, canvas.shape, (24, 18), octaves=3) - 0.5
    canvas.wash(colour * (1 + 0.1 * rough)[..., None])
    pattern = rng.random()
    if pattern < 0.25:
        stripes = step(np.sin(canvas.x * rng.uniform(14, 40)), -0.2, 0.2)
        canvas.wash(mix(colour, pick(rng, (WHITE, BLACK)), 0.3), cover=stripes * 0.55)
    elif pattern < 0.55:
        masonry(canvas, rng, mix(colour, WHITE, 0.3), rng.uniform(0.12, 0.22))
    side = pick(rng, (-1.4, 1.4))
    canvas.wash(linear((side, -1), (-side, 1), rgb("fff3da"), colour, rgb("14161c")), cover=0.26)


def masonry(canvas: Canvas, rng: np.random.Generator, mortar: Array, course: float) -> None:
    """Divide what is painted into courses of bricks or stones that differ a little in tone."""
    row = np.floor(canvas.y / course).astype(int)
    along = canvas.x / (course * 2.3) + 0.5 * (row % 2)
    column = np.floor(along).astype(int)
    tones = rng.normal(1, 0.08, (40, 40)).astype(np.float32)
    canvas.pixels *= tones[row % 40, column % 40][..., None]
    across = np.minimum(along % 1, 1 - along % 1) * 2.3
    down = np.minimum(canvas.y / course % 1, 1 - canvas.y / course % 1)
    canvas.wash(mortar, cover=(1 - step(np.minimum(across, down), 0.02, 0.09)) * 0.7)


def greenery(canvas: Canvas, rng: np.random.Generator, blossoms: str) -> None:
    """Grow an out-of-focus garden with spots of light and of the blossom colours."""
    tones = [varied(rng, tone) for tone in palette(pick(rng, _LEAVES))]
    field = noise(rng, canvas.shape, (4, 3), octaves=3)
    canvas.wash(ramp(field, tones))
    colours = [*palette(blossoms), tones[2], mix(tones[2], WHITE, 0.5)]
    for _ in range(int(rng.integers(12, 30))):
        centre = rng.uniform(-canvas.right, canvas.right), rng.uniform(-canvas.bottom, canvas.bottom)
        size = rng.uniform(0.04, 0.17)
        canvas.fill(ellipse(centre, size), pick(rng, colours), rng.uniform(0.15, 0.5), blur=0.02)
    canvas.soften(rng.uniform(0.02, 0.05))


def sky(canvas: Canvas, rng: np.random.Generator, colours: list[Array], cloudy: float) -> None:
    """Paint a day sky, top to horizon, with clouds lit from above over a share of it."""
    canvas.wash(linear((0, -canvas.bottom), (0, canvas.bottom), *colours))
    field = noise(rng, canvas.shape, (3, 5), octaves=6)
    lit = np.clip(field - np.roll(field, -14, axis=0), -0.15, 0.15) / 0.3 + 0.5
    cover = step(field, 0.95 - 0.65 * cloudy, 1.15 - 0.5 * cloudy)
    canvas.wash(ramp(lit, [mix(colours[-1], rgb("8d93a3"), 0.5), WHITE]), cover=cover * 0.85)


def plate(
    canvas: Canvas, centre: Point, radius: float, colour: Array, tilt: float = 1.0, fall: float = 0.05
) -> None:
    """Put down a plate with a raised rim; ``tilt`` is its height over its width."""

    def ring(share: float, *colours: Array) -> None:
        outline = ellipse(centre, radius * share, radius * share * tilt)
        canvas.fill(outline, linear(start, end, *colours))

    start, end = (centre[0] - radius, centre[1] - radius), (centre[0] + radius, centre[1] + radius)
    outline = ellipse(centre, radius, radius * tilt)
    canvas.shadow(outline, fall * 2, 0.35)
    canvas.shadow(outline, fall, 0.35)
    light, dark = mix(colour, WHITE, 0.4), mix(colour, BLACK, 0.3)
    ring(1.0, light, colour, dark)
    ring(0.965, mix(colour, BLACK, 0.14), colour, mix(colour, WHITE, 0.2))
    ring(0.7, mix(colour, BLACK, 0.2), colour, light)
    ring(0.685, colour, mix(colour, BLACK, 0.07))
