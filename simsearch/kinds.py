"""How many of a photo's first hits are of its own kind, kind by kind, and what chance would give.

Kinds are folders or labels. Folders may mean anything: things, places, or only when photos were taken; so
it is measured whether they mean something to whoever looks at the photos, before more is said of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

K = 15  # hits that are looked at: as many as a search gives
_CLEARLY = 3  # standard errors above chance, or of a difference
_FEWEST = 20  # photos; of fewer no difference is clear
# Of the way from chance to all: folders of things come to 0.76 (groceries) and 0.91 (Caltech-101), months at
# random to 0, and to 0.18 where every photo was taken in a row of five that are much alike.
_MUCH = 0.2


class Kind(NamedTuple):
    """How well photos of one kind find each other.

    Attributes
    ----------
    name
        Of the folder, or the label.
    photos
        How many are of this kind.
    asked
        How many of them asked.
    precision_at_1, precision_at_15
        The share of the first, or of the first 15, that are of the kind of the photo that asked; where the
        kind has fewer others, of so many.
    chance
        The share that photos drawn at random would give.
    """

    name: str
    photos: int
    asked: int
    precision_at_1: float
    precision_at_15: float
    chance: float


class Precision(NamedTuple):
    """How well photos find their kind.

    Attributes
    ----------
    asked, precision_at_1, precision_at_15, chance
        As for one kind, on average over the photos that asked; 0 where none did.
    clear
        Whether that is clearly above chance.
    each
        The kinds of which photos asked, the worst first.
    """

    asked: int
    precision_at_1: float
    precision_at_15: float
    chance: float
    clear: bool
    each: list[Kind]


def may_ask(kinds: Mapping[int, str], photos: np.ndarray) -> np.ndarray:
    """Return which of some photos, (n,) int64, have others of their kind, (m,) int64, in the same order."""
    sizes = Counter(kinds.values())
    return np.array([one for one in photos.tolist() if one in kinds and sizes[kinds[one]] > 1], np.int64)


def precision(
    kinds: Mapping[int, str], asked: Iterable[int], find: Callable[[int], Sequence[int]]
) -> Precision:
    """Measure how well photos find their kind.

    Parameters
    ----------
    kinds
        Names by photo ids.
    asked
        The photos that ask; each has others of its kind.
    find
        Gives the ids of the ``K`` photos of known kind that are most like one, best first, without itself.
    """
    sizes = Counter(kinds.values())
    names, figures = [], []
    for photo_id in asked:
        name = kinds[photo_id]
        right = [kinds.get(hit) == name for hit in find(photo_id)[: min(K, sizes[name] - 1)]]
        names.append(name)
        figures.append(
            (right[0], np.mean(right), (sizes[name] - 1) / (len(kinds) - 1)) if right else (0, 0, 0)
        )
    table = np.array(figures, dtype=np.float64).reshape(-1, 3)
    at_1, at_15, chance = table.mean(axis=0).tolist() if len(table) else (0.0, 0.0, 0.0)
    each = [
        Kind(name, sizes[name], len(own), *own.mean(axis=0).tolist())
        for name in sorted(set(names))
        for own in [table[[other == name for other in names]]]
    ]
    each.sort(key=lambda kind: kind.precision_at_15)
    return Precision(len(table), at_1, at_15, chance, _is_above_chance(at_15, table[:, 2]), each)


def _is_above_chance(found: float, chances: np.ndarray) -> bool:
    """Whether a mean precision is clearly above what chance would give those that asked, (n,) float64."""
    if not len(chances) or (chance := float(chances.mean())) >= 1:
        return False
    # As if all hits of a photo were of its kind or none: they come in flocks.
    error = float(np.sqrt((chances * (1 - chances)).mean() / len(chances)))
    return found - chance > _CLEARLY * error and (found - chance) / (1 - chance) >= _MUCH


def is_clear(gains: np.ndarray, groups: np.ndarray, errors: float = _CLEARLY) -> bool:
    """Whether the mean of what was gained with each photo, (n,) float64, is above 0 beyond chance.

    Parameters
    ----------
    groups
        (n,) integers: photos of one group gain or lose together, maybe.
    errors
        Standard errors that chance is taken for.
    """
    return (
        len(gains) >= _FEWEST
        and float(gains.mean()) > 0
        and float(gains.mean()) > errors * standard_error(gains, groups)
    )


def standard_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Return the standard error of a mean of some values, (n,) float64; see :func:`is_clear`."""
    away = values - values.mean()
    # As if photos were drawn one by one, or in whole groups: whatever says less.
    together = np.bincount(groups, weights=away)
    return float(np.sqrt(max((away**2).sum(), (together**2).sum()))) / len(values)


def short_names(folders: Iterable[str]) -> dict[str, str]:
    """Return of folders, absolute paths, what tells them apart: their paths below the one they all share."""
    parts = {folder: Path(folder).parts for folder in folders}
    common = len(os.path.commonprefix([*parts.values()]))
    if not common:  # one is an address, and another is not
        return {folder: folder for folder in parts}
    return {folder: "/".join(part[common:]) or part[-1] for folder, part in parts.items()}
