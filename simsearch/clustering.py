"""Clusters of photos that look alike, at three grains, from the graph of each photo's nearest.

A photo is linked to its nearest, the more strongly, the more neighbours both have in common (R. A. Jarvis and
E. A. Patrick, "Clustering using a similarity measure based on shared near neighbors", 1973). Then clusters
that are each other's nearest become one, beginning with single photos. Two are near where many of the links
that they have are between them (T. Bonald et al., "Hierarchical graph clustering using node pair sampling",
2018), and become one while those are more than chance would give, times a resolution (J. Reichardt and
S. Bornholdt, "Statistical mechanics of community detection", 2006). So nobody need say how many clusters
there are, and a coarser grain goes on where a finer one ended: its clusters are made of whole finer ones.

No merger comes nearer to a third cluster than one of the two was. So all pairs that are each other's nearest
are merged at once, to the same end as the nearest pair of all, one after the other (F. Murtagh, "A survey of
recent advances in hierarchical clustering algorithms", 1983).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simsearch.index import files
from simsearch.index.files import Origin
from simsearch.space import unit

GRAINS = ("fine", "medium", "coarse")
_ENGINE = "clusters"
_RESOLUTION = 2.0  # of the medium grain: right for 30 to 2,000 photos of 4 to 40 kinds ...
_GROWS_FROM = 2_000  # ... and more of more photos, with the root: kinds grow in number and in size
_STEP = 8  # times the resolution of the next grain: of 40 kinds 71, 40 and 29 clusters, of 27 91, 27, 15
_FINEST = 24  # photos to one of resolution, at least: less leaves most of a few dozen photos alone
_FEWEST = 12  # photos that fewer are taken for: at lower resolutions they would all be one
_NEIGHBOURS = 20  # of each photo, that are compared with those of others ...
_PART = 5  # ... but one of so many photos at most: of a kind there are hardly more
_LINKED = 2  # one of so many of them is linked to; with all, kinds that are much alike become one
_WEIGHTS = 0.93 ** np.arange(_NEIGHBOURS + 1, dtype=np.float32)  # by rank, from itself on, as hits are ranked
_UNIT = 4_096  # that a link's strength is counted in: sums of whole numbers are the same in any order
_SAME = 0.999  # cosine of equal photos, as float16 may leave it: of more than 20, not all are linked
_LOOSE = 0.2  # of the links usual in a cluster; of photos with fewer, three in four are odd or misplaced
_ROWS_AT_ONCE = 4_096
_CLEARLY = 3  # standard errors above a name's share in the library
_SAYS_NOTHING = re.compile(r"(?i:dcim)|\d{3}[A-Z0-9_]{5}|[\W\d_]*")  # 100CANON, 2019-05

Read = Callable[[np.ndarray], np.ndarray]  # from places, (m,) integers, to vectors, (m, dim) float32


class Members(NamedTuple):
    """The clusters of one grain, largest first.

    Attributes
    ----------
    ids
        (m,) int64: the photos of one after the other, those nearest to its centre first.
    sizes
        (k,) int64: how many photos each has.
    """

    ids: np.ndarray
    sizes: np.ndarray

    def each(self) -> Iterator[np.ndarray]:
        """Yield the photos of each cluster, (n,) int64."""
        ends = np.cumsum(self.sizes)
        for start, end in zip((ends - self.sizes).tolist(), ends.tolist(), strict=True):
            yield self.ids[start:end]

    def among(self, ids: np.ndarray) -> Members:
        """Return what is left of the clusters, largest first, where only some photos, (n,) int64, count."""
        there = np.isin(self.ids, ids)
        owners = np.repeat(np.arange(len(self.sizes)), self.sizes)[there]
        sizes = np.bincount(owners, minlength=len(self.sizes))
        order = np.lexsort((owners, -sizes[owners]))
        return Members(self.ids[there][order], -np.sort(-sizes[sizes > 0]))


class Clustering:
    """The clusters of photos at all grains; what is in none of a grain belongs nowhere.

    Parameters
    ----------
    grains
        Clusters by the grain's name.
    """

    def __init__(self, grains: dict[str, Members]) -> None:
        self.grains = grains

    @classmethod
    def build(cls, ids: np.ndarray, lists: np.ndarray, cosines: np.ndarray, read: Read) -> Clustering:
        """Cluster photos.

        Parameters
        ----------
        ids
            (n,) int64, ascending, at least one.
        lists, cosines
            (n, k) int32 and float32: the nearest others of each, as places in ``ids``, best first, and their
            cosines, padded with -1 and -inf.
        read
            Gives the vectors of places in ``ids``.
        """
        wanted = resolutions(len(ids))
        labels = communities(lists, cosines, [wanted[grain] for grain in GRAINS], _equal(len(ids), read))
        near = _nearness(labels, read)
        return cls({grain: _members(ids, *one) for grain, *one in zip(GRAINS, labels, near, strict=True)})

    def save(self, path: Path, origin: Origin) -> None:
        """Write them to a file.

        Raises
        ------
        WriteError
            When it cannot be written.
        """
        arrays = {
            f"{grain} {name}": [array]
            for grain, members in self.grains.items()
            for name, array in members._asdict().items()
        }
        files.save(path, _ENGINE, origin, {}, arrays)

    @classmethod
    def load(
        cls, path: Path, origin: Origin, mark_of: Callable[[int], str] | None = None
    ) -> tuple[Clustering, int]:
        """Read them from a file, as :meth:`simsearch.index.graph.Graph.load` does.

        Returns
        -------
        The clusters, and the generation that they are of.

        Raises
        ------
        FileNotFoundError
            When there is none.
        DerivedFileError
            When it is damaged, or was made from something else or by a newer version.
        """
        saved = files.load(path, _ENGINE, origin, mark_of)
        with files.explained(path):
            grains = {
                grain: Members(*(saved.arrays[f"{grain} {name}"] for name in Members._fields))
                for grain in GRAINS
            }
            for grain, members in grains.items():
                if not (members.ids.dtype == members.sizes.dtype == np.int64):
                    raise ValueError(f"{grain} clusters of {members.ids.dtype}")
                if members.sizes.min(initial=2) < 2 or members.sizes.sum() != len(members.ids):
                    raise ValueError(f"{len(members.ids):,} photos in {grain} clusters of other sizes")
            return cls(grains), saved.origin.generation


def resolutions(count: int) -> dict[str, float]:
    """Return the resolution of each grain for so many photos, the finest first."""
    medium = _RESOLUTION * max(count / _GROWS_FROM, 1) ** 0.5
    most = max(count, _FEWEST) / _FINEST
    return {
        "fine": min(medium * _STEP, most),
        "medium": min(medium, most),
        "coarse": min(medium / _STEP, most),
    }


# Clusters


class _Links(NamedTuple):
    """Links, each both ways round, by their ends: both, (l,) int32, and how strong they are, (l,) int64."""

    ends: np.ndarray
    others: np.ndarray
    strengths: np.ndarray


def communities(
    lists: np.ndarray, cosines: np.ndarray, resolutions: Iterable[float], equal: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return the clusters of photos at some resolutions, those of a lower one made of those before it.

    Parameters
    ----------
    lists, cosines
        As for :meth:`Clustering.build`.
    resolutions
        Falling.
    equal
        (n,) integers: the first place that each photo is known to equal, its own where there is none before.

    Returns
    -------
    For each the numbers of the photos' clusters, (n,) int64, from 0, the largest first; -1 where a photo is
    alone, or has hardly a link to the others of its cluster.
    """
    single = _links(lists)
    labels = _copies(lists, cosines, equal)
    links, degrees = _merged(single, _degrees(single, len(lists)), labels)
    found = []
    for resolution in resolutions:
        farthest = degrees.sum() / resolution
        while (number := _mergers(links, degrees, farthest)).max(initial=-1) + 1 < len(degrees):
            links, degrees = _merged(links, degrees, number)
            labels = number[labels]
        found.append(_numbered(labels, single))
    return found


def _links(lists: np.ndarray) -> _Links:
    """Link photos to their nearest by the neighbours they have in common."""
    count = len(lists)
    seen = min(_NEIGHBOURS, max(count // _PART, 2), lists.shape[1])
    linked = max(seen // _LINKED, 2)
    profiles = np.column_stack([np.arange(count, dtype=np.int32), lists[:, :seen]])
    shared = np.empty((count, linked), dtype=np.float32)
    for start in range(0, count, _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        shared[block] = _shared(profiles[block], profiles[lists[block, :linked]])
    known = lists[:, :linked] >= 0
    ends = np.repeat(np.arange(count, dtype=np.int32), known.sum(axis=1))
    others = lists[:, :linked][known]
    strengths = np.maximum((_UNIT * shared[known]).round().astype(np.int64), 1)
    # Who is in the other's list and has the other in its own is linked twice.
    return _summed(np.append(ends, others), np.append(others, ends), np.append(strengths, strengths))


def _shared(profiles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how much of profiles, (m, s), those of others, (m, l, s), share, (m, l) float32: 1 is all."""
    weights = _WEIGHTS[: profiles.shape[1]]
    common = np.zeros(others.shape[:2], dtype=np.float32)
    own = np.where(profiles < 0, -2, profiles)  # nobody is nobody's match
    for weight, ids in zip(weights, own.T, strict=True):
        common += weight * ((others == ids[:, None, None]) @ weights)
    shared: np.ndarray = common / (weights**2).sum()
    return shared


def _equal(count: int, read: Read) -> np.ndarray:
    """Return the first place, (count,) int64, with the vector of each.

    Of very many equal ones no list need lead from one to another: each has room for 20 of them.
    """
    hashes, there = np.empty(count, dtype=np.int64), np.empty(count, dtype=bool)
    for start in range(0, count, _ROWS_AT_ONCE):
        block = slice(start, min(start + _ROWS_AT_ONCE, count))
        rows = read(np.arange(block.start, block.stop)).astype(np.float16) + np.float16(0)  # no -0
        hashes[block] = [hash(row.tobytes()) for row in rows]
        there[block] = rows.any(axis=1)  # what went meanwhile has no vector, and is nobody's copy
    _, first, same = np.unique(hashes, return_index=True, return_inverse=True)
    places: np.ndarray = np.where(there, first[same], np.arange(count))
    return places


def _copies(lists: np.ndarray, cosines: np.ndarray, equal: np.ndarray | None = None) -> np.ndarray:
    """Return numbers of photos, (n,) int32, the same for those that are one."""
    ends, ranks = np.nonzero((cosines >= _SAME) & (lists >= 0))
    others = lists[ends, ranks]
    first = np.arange(len(lists)) if equal is None else equal.copy()
    while True:
        before = first.copy()
        np.minimum.at(first, ends, before[others])
        np.minimum.at(first, others, before[ends])
        first = first[first]
        if np.array_equal(first, before):
            return _renumbered(first)


def _renumbered(labels: np.ndarray) -> np.ndarray:
    """Return labels, (n,), without gaps, in the same order, as int32: half the memory, for the links."""
    numbers: np.ndarray = np.unique(labels, return_inverse=True)[1].astype(np.int32)
    return numbers


def _degrees(links: _Links, count: int) -> np.ndarray:
    """Return the strength of all links of each, (count,) float64: whole numbers."""
    degrees: np.ndarray = np.bincount(links.ends, weights=links.strengths, minlength=count)
    return degrees


def _mergers(links: _Links, degrees: np.ndarray, farthest: float) -> np.ndarray:
    """Return numbers of clusters, (c,) int32, the same for two that are each other's nearest.

    Of those that are equally near the first one is meant: then somebody's nearest is always so in return.
    """
    numbers = np.arange(len(degrees), dtype=np.int32)
    if not len(links.ends):
        return numbers
    starts = _starts(links.ends)
    distances = degrees[links.ends] * degrees[links.others] / links.strengths
    least = np.minimum.reduceat(distances, starts)
    nearest = np.flatnonzero(distances == np.repeat(least, np.diff(starts, append=len(distances))))
    nearest = nearest[_starts(links.ends[nearest])]
    nearest = nearest[least < farthest]
    best = np.full(len(degrees), -1)
    best[links.ends[nearest]] = links.others[nearest]
    second = np.flatnonzero((best >= 0) & (best < numbers) & (best[best] == numbers))
    numbers[second] = best[second]
    return _renumbered(numbers)


def _merged(links: _Links, degrees: np.ndarray, numbers: np.ndarray) -> tuple[_Links, np.ndarray]:
    """Return links and degrees of clusters that those with the same number, (c,) int32, were merged to."""
    ends, others = numbers[links.ends], numbers[links.others]
    between = ends != others
    merged = _summed(ends[between], others[between], links.strengths[between])
    return merged, np.bincount(numbers, weights=degrees)


def _summed(ends: np.ndarray, others: np.ndarray, strengths: np.ndarray) -> _Links:
    """Bring links in order, and make one of those that have the same ends."""
    width = int(others.max(initial=0)) + 1
    keys = ends.astype(np.int64)
    keys *= width
    keys += others
    order = np.argsort(keys, kind="stable")
    keys, strengths = keys[order], strengths[order]
    del order  # of a million photos it takes 160 MB
    starts = _starts(keys)
    sums = np.add.reduceat(strengths, starts) if len(starts) else strengths
    first, second = np.divmod(keys[starts], width)
    return _Links(first.astype(np.int32), second.astype(np.int32), sums)


def _starts(ordered: np.ndarray) -> np.ndarray:
    """Return where each of the values in an ordered array, (n,), begins."""
    begins = np.ones(len(ordered), dtype=bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    return np.flatnonzero(begins)


def _numbered(labels: np.ndarray, single: _Links) -> np.ndarray:
    """Return labels, (n,), numbered by size, and -1 for photos that belong nowhere by their own links."""
    inside = labels[single.ends] == labels[single.others]
    strengths = np.bincount(single.ends[inside], weights=single.strengths[inside], minlength=len(labels))
    usual = np.bincount(labels, weights=strengths) / np.bincount(labels)
    belongs = strengths >= _LOOSE * usual[labels]
    sizes = np.bincount(labels[belongs], minlength=len(usual))
    belongs &= sizes[labels] > 1
    places = np.empty(len(sizes), dtype=np.int64)
    places[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    numbers: np.ndarray = np.where(belongs, places[labels], -1)
    return numbers


# Typical photos


def _nearness(labels: list[np.ndarray], read: Read) -> list[np.ndarray]:
    """Return how near photos are to the centre of their cluster, (n,) float32 cosines, for each labelling."""
    count = len(labels[0])
    blocks = [np.arange(start, min(start + _ROWS_AT_ONCE, count)) for start in range(0, count, _ROWS_AT_ONCE)]
    sums = [np.zeros((one.max(initial=0) + 1, read(blocks[0][:1]).shape[1])) for one in labels]
    for rows in blocks:
        vectors = read(rows)
        for one, into in zip(labels, sums, strict=True):
            _add(into, one[rows], vectors)
    centres = [unit(one) for one in sums]
    near = [np.empty(count, dtype=np.float32) for _ in labels]
    for rows in blocks:
        vectors = read(rows)
        for one, centre, cosines in zip(labels, centres, near, strict=True):
            cosines[rows] = np.einsum("nd,nd->n", vectors, centre[one[rows]])
    return near


def _add(sums: np.ndarray, labels: np.ndarray, vectors: np.ndarray) -> None:
    """Add vectors, (n, dim), to the sums of their labels, (n,), but for those of -1, in place."""
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] >= 0]
    if len(order):
        starts = _starts(labels[order])
        sums[labels[order][starts]] += np.add.reduceat(vectors[order], starts)


def _members(ids: np.ndarray, labels: np.ndarray, near: np.ndarray) -> Members:
    """Return the clusters of photos by their labels, (n,), and how near they are to their centres, (n,)."""
    there = np.flatnonzero(labels >= 0)
    order = there[np.lexsort((-near[there], labels[there]))]
    return Members(ids[order], np.bincount(labels[there]).astype(np.int64))


# Names


class Names:
    """What groups of photos may be called by what each of them is called.

    Parameters
    ----------
    names
        By photo ids.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._counts = Counter(names.values())

    def of(self, photos: np.ndarray) -> str | None:
        """Return the name of most of some photos, (n,) int64, if they have it clearly more often than all."""
        counts = Counter(self._names[photo] for photo in photos.tolist() if photo in self._names)
        for name, count in counts.most_common(1):
            share, usual = count / len(photos), self._counts[name] / len(self._names)
            error = math.sqrt(usual * (1 - usual) / len(photos))
            return name if share > 0.5 and share - usual > _CLEARLY * error else None
        return None


def told_names(folders: Mapping[int, str]) -> list[Names]:
    """Return what photos are called by their folders, paths by photo ids; the more telling names come first.

    That is the deepest folder whose name is no date and none that cameras give; then the deepest.
    """
    telling = {folder: _telling(Path(folder)) for folder in set(folders.values())}
    return [
        Names({photo: telling[folder] for photo, folder in folders.items()}),
        Names({photo: Path(folder).name for photo, folder in folders.items()}),
    ]


def _telling(folder: Path) -> str:
    names = (part for part in reversed(folder.parts) if not _SAYS_NOTHING.fullmatch(part))
    return next(names, folder.name)
