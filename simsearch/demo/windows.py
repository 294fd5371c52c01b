"""Church windows: pointed, round-headed and rose windows of stained glass in a dark wall."""

import math

import numpy as np
from PIL import Image

from simsearch.demo.canvas import Array, Canvas
from simsearch.demo.paints import BLACK, WHITE, linear, mix, noise, palette, pick, ramp, rgb, step, varied
from simsearch.demo.shapes import Point, ellipse, placed
from simsearch.demo.surfaces import masonry

_GLASSES = (
    "1b3fa0 2e6bd1 c21f2b e9b72f 1f7a54 f1e6c0",
    "0f2f78 2247b0 6a2a8c b3202c d98b1f 3aa0c9",
    "a81c1c d9531e f0a92b f6dd8a 27408b 5b1f5e",
    "0d6b5e 2ba48a 8ccf9f e3d36a 2055a5 c94f3b",
    "6d2c91 a44fc0 e07ab0 f3c14b 2f57b5 8fd0e8",
)


def church_window(rng: np.random.Generator) -> Image.Image:
    """Draw one large window, seen from the dim inside of a church."""
    canvas = Canvas.framed(rng, portrait=0.5)
    _stone(canvas, rng)
    glass = _glass(canvas, rng, palette(pick(rng, _GLASSES)))
    stone = varied(rng, pick(rng, palette("6b6459 7d7466 54504d 877a68")))
    if rng.random() < 0.35:
        lights, size = _rose(rng)
    else:
        lights, size = _arches(canvas, rng)
    hue = glass.mean(axis=(0, 1))
    canvas.glow((0, 0), 1.1 * size, hue, 0.32)
    for opening in _frame(lights, 0.1):
        canvas.fill(opening, linear((-1, -1), (1, 1), mix(stone, BLACK, 0.1), mix(stone, BLACK, 0.55)))
    for opening in _frame(lights, 0.045):
        canvas.fill(opening, linear((-1, -1), (1, 1), mix(stone, BLACK, 0.62), mix(stone, WHITE, 0.22)))
    canvas.fill(lights, rgb("0b0a0c"))
    canvas.fill(_frame(lights, -0.014), glass)
    _beams(canvas, rng, hue)
    return canvas.finish(rng, bloom=0.5, vignette=0.3)


def _stone(canvas: Canvas, rng: np.random.Generator) -> None:
    tone = varied(rng, pick(rng, palette("4a443d 3a3b40 5a4d40 2f2b2b 554f4b")))
    rough = noise(rng, canvas.shape, (10, 8), octaves=5)
    canvas.wash(ramp(rough, [mix(tone, BLACK, 0.45), mix(tone, WHITE, 0.1)]))
    masonry(canvas, rng, mix(tone, BLACK, 0.5), rng.uniform(0.2, 0.34))


def _frame(outlines: list[Array], wider: float) -> list[Array]:
    """Return the outlines with their borders moved outwards (or inwards, if negative)."""
    grown: list[Array] = []
    for outline in outlines:
        along = np.roll(outline, -1, axis=0) - np.roll(outline, 1, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        grown.append(outline + wider * np.column_stack([along[:, 1], -along[:, 0]]))
    return grown


def _arch(centre: float, half: float, floor: float, spring: float, point: float) -> Array:
    """Return a window from floor to springing line under two arcs; ``point`` 1 is round, more is pointed."""
    radius = half * point
    reach = math.acos(1 - 1 / point) if point > 1 else math.pi / 2
    angles = np.linspace(0, reach, 20)
    side = np.column_stack([half - radius + radius * np.cos(angles), -radius * np.sin(angles)])
    upright = np.column_stack([np.full(12, half), np.linspace(floor - spring, 0, 12, endpoint=False)])
    right = np.concatenate([upright, side])
    sill = np.column_stack([np.linspace(-half, half, 10)[1:-1], np.full(8, floor - spring)])
    return np.concatenate([right, right[::-1] * (-1, 1), sill])[::-1] + (centre, spring)


def _arches(canvas: Canvas, rng: np.random.Generator) -> tuple[list[Array], float]:
    """Return one to five lights side by side, the middle one tallest, perhaps with a roundel above."""
    count, point = int(rng.integers(1, 5)), pick(rng, (1.0, 1.5, 2.0, 2.4))
    tall = canvas.bottom * rng.uniform(0.76, 0.86)
    pitch = min(1.6 * canvas.right / count, 0.62 if count > 1 else 1.0)
    half, stepped = pitch * 0.41, rng.uniform(0, 0.18)
    lights = []
    for light in range(count):
        away = abs(light - (count - 1) / 2)
        top = -tall + stepped * away + half * math.sqrt(max(2 * point - 1, 1))
        top += 0.42 if count == 2 else 0.0
        lights.append(_arch((light - (count - 1) / 2) * pitch, half, tall, top, point))
    if count == 2:
        lights.append(ellipse((0, -tall + 0.33), 0.24))
    return lights, 1.0


def _rose(rng: np.random.Generator) -> tuple[list[Array], float]:
    """Return a round window of petals about a roundel."""
    petals, size = int(pick(rng, (6, 8, 10, 12, 16))), rng.uniform(0.78, 0.9)
    lights = [ellipse((0, 0), size * 0.2)]
    gap = math.pi / petals
    for petal in range(petals):
        middle = size * 0.68
        bulb = middle * math.sin(gap) * 0.88
        round_end = np.linspace(-math.pi / 2, math.pi / 2, 16)
        outer = np.column_stack([middle + bulb * np.cos(round_end), bulb * np.sin(round_end)])
        inner = np.array([[size * 0.27, bulb * 0.3], [size * 0.27, -bulb * 0.3]])
        lights.append(placed(np.concatenate([outer, inner]), (0, 0), 2 * gap * petal))
        if petals < 16:
            angle = 2 * gap * (petal + 0.5)
            spot = size * 0.9 * math.cos(angle), size * 0.9 * math.sin(angle)
            lights.append(ellipse(spot, size * 0.42 / petals + 0.02))
    return lights, size


def _glass(canvas: Canvas, rng: np.random.Generator, colours: list[Array]) -> Array:
    """Return a picture of leaded glass with daylight behind it."""
    cell, edge = pick(rng, (_lattice, _shards, _rings))(canvas, rng)
    table = np.stack([varied(rng, pick(rng, colours), 0.05) for _ in range(97)])
    patchy = noise(rng, canvas.shape, (30, 30), octaves=2)
    sun = rng.uniform(-0.6, 0.6), rng.uniform(-0.8, 0.0)
    day = 0.75 + 0.75 * np.exp(-((canvas.x - sun[0]) ** 2 + (canvas.y - sun[1]) ** 2) / 0.9)
    glass = table[cell % 97] * (day * (0.72 + 0.45 * patchy))[..., None]
    return np.asarray(glass * step(edge, 0.004, 0.016)[..., None], np.float32)


def _lattice(canvas: Canvas, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the number of each pixel's pane and its distance from the lead: diamonds."""
    pitch, slope = rng.uniform(0.11, 0.18), rng.uniform(1.0, 1.6)
    down, up = (canvas.x * slope + canvas.y) / pitch, (canvas.x * slope - canvas.y) / pitch
    edge = np.minimum(np.minimum(down % 1, 1 - down % 1), np.minimum(up % 1, 1 - up % 1))
    return np.floor(down).astype(int) * 31 + np.floor(up).astype(int) * 17, edge * pitch * 0.8


def _shards(canvas: Canvas, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return pane numbers and distances from the lead: irregular pieces, alike left and right."""
    count = int(rng.integers(45, 80))
    points = np.column_stack([rng.uniform(0, 0.9, count), rng.uniform(-1, 1, count) * canvas.bottom])
    x, y = np.abs(canvas.x[:, ::2]), canvas.y[::2]
    apart = np.stack([(x - a) ** 2 + (y - b) ** 2 for a, b in points.astype(np.float32)])
    nearest, least = apart.argmin(axis=0), apart.min(axis=0)
    np.put_along_axis(apart, nearest[None], np.inf, axis=0)
    second = apart.argmin(axis=0)
    between = np.linalg.norm(points[second] - points[nearest], axis=-1)
    edge = (apart.min(axis=0) - least) / np.maximum(2 * between, 1e-6)
    rows, columns = canvas.shape
    return _doubled(nearest)[:rows, :columns], _doubled(edge)[:rows, :columns]


def _doubled(field: Array) -> Array:
    return np.repeat(np.repeat(field, 2, axis=0), 2, axis=1)


def _rings(canvas: Canvas, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return pane numbers and distances from the lead: rings cut by spokes."""
    centre: Point = (0.0, pick(rng, (0.0, 0.0, -0.35, 0.3)))
    away = np.hypot(canvas.x - centre[0], canvas.y - centre[1])
    turns = np.arctan2(canvas.y - centre[1], canvas.x - centre[0]) / math.tau + 0.5
    width, spokes = rng.uniform(0.1, 0.17), int(pick(rng, (16, 24, 32)))
    ring, spoke = away / width, turns * spokes + 0.5 * (np.floor(away / width) % 2)
    edge = np.minimum(
        np.minimum(ring % 1, 1 - ring % 1) * width,
        np.minimum(spoke % 1, 1 - spoke % 1) * away * math.tau / spokes,
    )
    return np.floor(ring).astype(int) * 7 + np.floor(spoke).astype(int) % 4 % spokes, edge


def _beams(canvas: Canvas, rng: np.random.Generator, hue: Array) -> None:
    """Let some coloured daylight fall through the dusty air."""
    lean = rng.uniform(-0.9, 0.9)
    for _ in range(int(rng.integers(0, 4))):
        top, half = rng.uniform(-0.4, 0.4), rng.uniform(0.05, 0.14)
        beam = np.array(
            [
                [top - half, -0.5],
                [top + half, -0.5],
                [top + lean + 2 * half, 1.6],
                [top + lean - 2 * half, 1.6],
            ]
        )
        canvas.fill(beam, mix(hue, WHITE, 0.5), 0.09, blur=0.08)
