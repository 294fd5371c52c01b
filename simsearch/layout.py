"""Positions in two dimensions for vectors of many.

    pca    along their two main directions: there for everybody, in a second or two
    tsne   neighbours stay neighbours (openTSNE, over the graph of nearest neighbours), in half a minute for
           100,000

Both give the same positions for the same vectors. What came later is put amid its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

METHODS = ("pca", "tsne")
HOW_TO_GET_TSNE = 'pip install "simsearch[map]"'
FEWEST = 50  # photos; of fewer t-SNE makes a ring
NEIGHBOURS = (
    15  # of each photo, drawn to it; with all 20 that are known a map looks the same and takes longer
)

Progress = Callable[[int, int], None]

_FFT_FROM = 4_000  # photos; fewer are quicker with a tree of who is far away
_EARLY, _LATE = 150, 350  # steps; twice as many change little
_EARLY_DRAW = 12  # times as strongly drawn together at first, so that groups find each other
_CROWD = 20_000  # photos, that are drawn together to the end: there is room between groups, and it is quicker
_CROWD_DRAW = 2  # times; with 4 groups crumple
_STEPS_A_NOTE = 10
_SPREAD = 1e-4  # at the start: nobody is in anybody's way
_POWER = 4  # of the cosines of neighbours: the nearest count most
_ROUNDS = 20  # after which the middle moves no more
_LEAST = 1e-6


def is_installed(method: str) -> bool:
    """Whether what a method needs is there."""
    return method != "tsne" or find_spec("openTSNE") is not None


def best_method() -> str:
    """Return the best method that is there."""
    return "tsne" if is_installed("tsne") else "pca"


def main_directions(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean, (dim,) float32, and the two main directions, (dim, 2) float32, of vectors, (n, dim)."""
    if not len(vectors):
        return np.zeros(vectors.shape[1], dtype=np.float32), np.eye(vectors.shape[1], 2, dtype=np.float32)
    centre = vectors.mean(axis=0)
    apart = vectors - centre
    axes = np.linalg.eigh(apart.T @ apart)[1][:, :-3:-1]
    # A direction and its opposite are equally good: one is taken, so that no map is another's mirror image.
    largest = np.abs(axes).argmax(axis=0)
    return centre, (axes * np.sign(axes[largest, [0, 1]])).astype(np.float32)


def neighbourly(rows: np.ndarray, start: np.ndarray, progress: Progress) -> np.ndarray:
    """Return positions, (n, 2) float32, in which neighbours are near each other: by t-SNE.

    Of many it makes groups that stand apart by weak exaggeration to the end (J. Böhm, P. Berens and D. Kobak,
    "Attraction-repulsion spectrum in neighbor embeddings", 2022).

    Parameters
    ----------
    rows
        (n, k) int64: who is drawn to whom, as places, -1 for nobody.
    start
        (n, 2) float32: where they come from.
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from scipy.sparse import csr_matrix

    whose, which = np.nonzero(rows >= 0)
    if not len(whose):
        return start
    drawn = csr_matrix((np.ones(len(whose)), (whose, rows[whose, which])), (len(rows), len(rows)))
    # Copies of one photo start apart, if only a little.
    noise = np.random.default_rng(0).normal(0, _SPREAD / 100, start.shape)
    begin = noise + start / max(float(start.std()), _LEAST) * _SPREAD

    def note(step: int, *_: object) -> None:
        progress(done + step, _EARLY + _LATE)

    places = TSNEEmbedding(
        begin,
        PrecomputedAffinities((drawn + drawn.T).tocsr()),
        negative_gradient_method="fft" if len(rows) >= _FFT_FROM else "bh",
        n_jobs=1,  # two are no faster where anything else runs, and stall where much does
        random_state=0,
        callbacks=note,
        callbacks_every_iters=_STEPS_A_NOTE,
    )
    done = 0
    places = places.optimize(_EARLY, exaggeration=_EARLY_DRAW, momentum=0.5)
    done = _EARLY
    draw = _CROWD_DRAW if len(rows) >= _CROWD else 1
    places = places.optimize(_LATE, exaggeration=draw, momentum=0.8)
    return np.asarray(places, dtype=np.float32)


def amid(ids: np.ndarray, positions: np.ndarray, near: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Return where photos lie amid their neighbours, (m, 2) float32.

    It is their weighted mean, drawn to where most of them are, so that a neighbour in another corner does not
    pull a photo into the void between (the geometric median, by Weiszfeld's steps).

    Parameters
    ----------
    ids, positions
        Those of the map.
    near, cosines
        (m, k) int64 and float32: neighbours and how alike they are; some may not be on the map. Where none
        is, the place is the middle of it.
    """
    places = np.minimum(np.searchsorted(ids, near), len(ids) - 1)
    points = positions[places].astype(np.float64)
    weights = np.where(ids[places] == near, np.maximum(cosines, _LEAST), 0.0) ** _POWER
    middle = _mean(points, weights, positions)
    softness = _LEAST * max(float(np.ptp(positions, axis=0).max()), _LEAST)  # on a photo it would divide by 0
    for _ in range(_ROUNDS):
        distances = np.linalg.norm(points - middle[:, None], axis=2)
        middle = _mean(points, weights / (distances + softness), positions)
    return middle.astype(np.float32)


def _mean(points: np.ndarray, weights: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return weighted means, (m, 2), of points, (m, k, 2); without any weight that of all positions."""
    sums = weights.sum(axis=1, keepdims=True)
    means = (points * weights[:, :, None]).sum(axis=1) / np.where(sums > 0, sums, 1)
    middle: np.ndarray = np.where(sums > 0, means, positions.mean(axis=0))
    return middle


def merged(
    ids: np.ndarray, positions: np.ndarray, more_ids: np.ndarray, more: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and positions with others, by id."""
    ids, positions = np.concatenate([ids, more_ids]), np.concatenate([positions, more])
    order = np.argsort(ids, kind="stable")
    return ids[order], positions[order]
