"""Bursts: photos of one scene, taken one shortly after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from PIL import Image

from simsearch.joined import Joined

_AHEAD = 20  # photos that a photo is compared with: somebody may have turned round meanwhile
_AT_ONCE = 4_096  # photos whose vectors are read together
# At one moment two photos may be twice the angle apart, but no less alike than this cosine. Of photos that a
# hand shakes, by up to 8 % and 3 degrees, 98 in 100 are as alike, of those of different things 3 in 1,000.
_LEAST_ALIKE = 0.8
_TWICE_THE_ANGLE = 4  # times what a cosine is below 1, nearly
_TIME_TELLS = 120.0  # seconds: so long apart, two photos of one camera are no likelier to show one scene


class Shot(NamedTuple):
    """A photo's id, when it was taken by its camera's clock, and by which camera."""

    id: int
    taken_at: datetime
    camera: str | None


def longest_pause(minutes: float) -> timedelta:
    """Return the longest time between two photos of a burst.

    Raises
    ------
    ValueError
        When minutes is not above 0, or more than a day has.
    """
    if not 0 < minutes <= 24 * 60:
        raise ValueError(f"minutes must be above 0 and up to {24 * 60:,}, not {minutes:g}")
    return timedelta(minutes=minutes)


def borders(scene: float, seconds: np.ndarray, camera: str | None) -> np.ndarray:
    """Return the cosines from which photos show one scene, (n,) float64: lower, the sooner they were taken.

    Parameters
    ----------
    scene
        The cosine from which any two photos do.
    seconds
        Between the two, (n,).
    camera
        That took both; where it is not known, time tells nothing.
    """
    share = np.minimum(seconds / _TIME_TELLS, 1.0) if camera else np.ones(len(seconds))
    least = min(max(1 - _TWICE_THE_ANGLE * (1 - scene), _LEAST_ALIKE), scene)
    told: np.ndarray = least + (scene - least) * share
    return told


def bursts(
    shots: list[Shot], vectors_of: Callable[[np.ndarray], np.ndarray], scene: float, within: timedelta
) -> list[list[int]]:
    """Return the ids of the photos of each burst, in the order in which they were taken.

    Parameters
    ----------
    shots
        In any order.
    vectors_of
        Gives the vectors of ids, (m,) int64: (m, dim) float32 of unit length.
    scene
        The cosine from which any two photos show the same scene, see :func:`borders`.
    within
        The longest time from one photo to the next of the same scene.
    """
    by_camera: dict[str | None, list[Shot]] = defaultdict(list)
    for shot in sorted(shots, key=lambda shot: (shot.taken_at.replace(tzinfo=None), shot.id)):
        by_camera[shot.camera].append(shot)
    found = [
        burst
        for _, of_camera in sorted(by_camera.items(), key=lambda item: item[0] or "")
        for burst in _of_one_camera(of_camera, vectors_of, scene, within)
    ]
    return found


def _of_one_camera(
    shots: list[Shot], vectors_of: Callable[[np.ndarray], np.ndarray], scene: float, within: timedelta
) -> list[list[int]]:
    times = np.array([shot.taken_at.replace(tzinfo=None) for shot in shots], dtype="datetime64[us]")
    ids = np.array([shot.id for shot in shots], dtype=np.int64)
    joined = Joined()
    for start in range(0, len(ids), _AT_ONCE):
        block = slice(start, start + _AT_ONCE + _AHEAD)
        vectors, taken = vectors_of(ids[block]), times[block]
        for ahead in range(1, min(_AHEAD, len(vectors) - 1) + 1):
            apart = taken[ahead:] - taken[:-ahead]
            cosines = np.einsum("nd,nd->n", vectors[:-ahead], vectors[ahead:])
            alike = cosines >= borders(scene, apart / np.timedelta64(1, "s"), shots[0].camera)
            for place in np.flatnonzero(alike & (apart <= np.timedelta64(within))).tolist():
                joined.join(int(ids[start + place]), int(ids[start + place + ahead]))
    together: dict[object, list[int]] = defaultdict(list)
    for photo_id in ids.tolist():
        together[joined.of(photo_id)].append(photo_id)
    return [burst for burst in together.values() if len(burst) > 1]


def sharpness(grey: Image.Image) -> float:
    """Return how sharp a grey picture is: the variance of its Laplacian, by that of its levels.

    J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000.
    """
    from scipy.ndimage import laplace

    levels = np.asarray(grey, dtype=np.float32)
    return float(laplace(levels).var() / max(float(levels.var()), 1.0))
