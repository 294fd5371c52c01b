"""What there is to choose from when a search is narrowed: folders, months, cameras and kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from simsearch.store import Store, parsed_time


class Choice(NamedTuple):
    """Something that photos have in common.

    Attributes
    ----------
    name
        What the filter is to be given.
    photos
        How many it leaves.
    """

    name: str
    photos: int


class Choices(NamedTuple):
    """What the filters of a search can be given, and how many photos that are there each of them leaves.

    Attributes
    ----------
    folders
        Absolute paths of the indexed folders and of those below them in or below which photos lie; a folder
        comes before those in it, and they by name.
    cameras
        By name, that of most photos first.
    kinds
        Labels or, where no photo has one, absolute paths of the folders that photos lie in; by name.
    months
        As "2023-05", those in which photos were taken, in order.
    first, last
        The days on which the first and the last photo were taken; None where no photo says when.
    undated
        How many photos do not say when they were taken.
    """

    folders: list[Choice]
    cameras: list[Choice]
    kinds: list[Choice]
    months: list[Choice]
    first: date | None
    last: date | None
    undated: int


def choices(store: Store) -> Choices:
    """Look through the photos of a library; 100,000 of them take 0.13 s."""
    tally = store.tally()
    labels = Counter(store.labels().values())
    days = {day: photos for day, photos in tally.days.items() if parsed_time(day)}
    months = Counter[str]()
    for day, photos in days.items():
        months[day[:7]] += photos
    return Choices(
        folders=_by_path(_with_those_above(tally.folders, [root.path for root in store.roots()])),
        cameras=[Choice(*one) for one in sorted(tally.cameras.items(), key=lambda one: (-one[1], one[0]))],
        kinds=_by_name(labels) if store.has_labels() else _by_path(tally.folders),
        months=_by_name(months),
        first=date.fromisoformat(min(days)) if days else None,
        last=date.fromisoformat(max(days)) if days else None,
        undated=tally.folders.total() - sum(days.values()),
    )


def _with_those_above(folders: Mapping[str, int], roots: list[Path]) -> Counter[str]:
    """Count the photos of each folder for those around it as well, up to the outermost indexed one."""
    tops = {str(root) for root in roots if not any(other in root.parents for other in roots)}
    counts = Counter[str]()
    for folder, photos in folders.items():
        above = folder
        counts[above] += photos
        while above not in tops and above != "/":
            above = above.rpartition("/")[0] or "/"
            counts[above] += photos
    return counts


def _by_path(counts: Mapping[str, int]) -> list[Choice]:
    return [Choice(name, counts[name]) for name in sorted(counts, key=lambda name: name.split("/"))]


def _by_name(counts: Mapping[str, int]) -> list[Choice]:
    return [Choice(name, counts[name]) for name in sorted(counts)]
