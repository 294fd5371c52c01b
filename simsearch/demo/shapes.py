"""Outlines: arrays of points of shape (n, 2), in canvas units, x to the right and y down."""

import math
from collections.abc import Sequence

import numpy as np

from simsearch.demo.canvas import Array

Point = tuple[float, float]


def ellipse(centre: Point, across: float, down: float | None = None, turn: float = 0.0) -> Array:
    """Return an ellipse of the given half-axes; a circle if ``down`` is left out."""
    angles = np.linspace(0, math.tau, 64, endpoint=False)
    points = np.column_stack([across * np.cos(angles), (across if down is None else down) * np.sin(angles)])
    return placed(points, centre, turn)


def box(centre: Point, across: float, down: float, corner: float = 0.0) -> Array:
    """Return a rectangle of the given half-sides, its corners rounded to the given radius."""
    corner = min(corner, across, down)
    angles = np.linspace(0, math.pi / 2, 6 if corner else 1)
    arc = corner * np.column_stack([np.cos(angles), np.sin(angles)])
    quarters = []
    for quarter, (side_x, side_y) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        middle = (side_x * (across - corner), side_y * (down - corner))
        quarters.append(placed(arc, middle, quarter * math.pi / 2))
    return np.concatenate(quarters) + centre


def placed(points: Array, centre: Point, turn: float = 0.0, size: float = 1.0) -> Array:
    """Return the points enlarged and turned about the origin, then moved to the centre."""
    cosine, sine = size * math.cos(turn), size * math.sin(turn)
    moved: Array = points @ np.array([[cosine, sine], [-sine, cosine]]) + centre
    return moved


def smooth(points: Sequence[Point] | Array, steps: int = 8) -> Array:
    """Return the closed curve that passes through all the points (Catmull-Rom)."""
    here = np.asarray(points, float)[:, None]
    before, after, beyond = (np.roll(here, shift, axis=0) for shift in (1, -1, -2))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    straight, bend = after - before, 2 * before - 5 * here + 4 * after - beyond
    twist = 3 * (here - after) + beyond - before
    curve: Array = here + 0.5 * t * (straight + t * (bend + t * twist))
    return curve.reshape(-1, 2)


def ribbon(path: Sequence[Point] | Array, width: float | Array) -> Array:
    """Return a band along the path; the width, one or one for each point, is from edge to edge."""
    points = np.asarray(path, float)
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    aside = np.column_stack([-along[:, 1], along[:, 0]]) * np.reshape(width, (-1, 1)) / 2
    return np.concatenate([points + aside, (points - aside)[::-1]])


def petal(length: float, width: float, tip: float = 0.5) -> Array:
    """Return a leaf from the origin along +x; ``tip`` says how far out it is widest."""
    t = np.linspace(0, 1, 14)
    half = width / 2 * np.sin(math.pi * t ** (math.log(0.5) / math.log(tip))) ** 0.8
    path = np.column_stack([t * length, np.zeros_like(t)])
    return ribbon(path, 2 * half)


def wobbly(rng: np.random.Generator, centre: Point, radius: float, amount: float) -> Array:
    """Return a circle drawn by an unsteady hand."""
    angles = np.linspace(0, math.tau, 96, endpoint=False)
    bumps = np.zeros_like(angles)
    for wave in range(2, 8):
        bumps += rng.normal(0, amount / wave**0.5) * np.sin(wave * angles + rng.uniform(0, math.tau))
    reach = radius * (1 + bumps)
    return np.column_stack([reach * np.cos(angles), reach * np.sin(angles)]) + centre


def rolling(rng: np.random.Generator, along: Array, pitch: float) -> Array:
    """Return the height of a gentle skyline, roughly -2 to 2, at each place along it."""
    heights = np.zeros_like(along)
    for wave in (1, 2, 4, 9):
        heights += rng.uniform(0.2, 1) / wave * np.sin(along * wave * pitch + rng.uniform(0, math.tau))
    return heights
