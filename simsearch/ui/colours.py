"""What the points of the map are coloured by: named ways to tell the photos of a library apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from simsearch import Library
from simsearch.ui import clusters
from simsearch.ui.votes import shown
from simsearch.ui.words import noted

_MOST = 10  # kinds with a colour of their own: more are not told apart
_KINDS = (
    "#4e79a7", "#f28e2b", "#e15759", "#59a14f", "#b07aa1",
    "#17a9b5", "#d4a017", "#e377c2", "#9c755f", "#7a9a01",
)  # fmt: skip
_OTHERS, _NONE = "#8e8e93", "#b9b9be"
_PLAIN = "#3987b8"
_SCALE = ("#2b6cb0", "#7b52ab", "#c8487c", "#ef7f4d", "#f2b134")  # early to late, seen on white and on black
_STEPS = 64
_TAILS = (0.5, 99.5)  # percent of the dates: a camera whose clock was never set must not take up the scale

Kind = TypeVar("Kind", bound=Hashable)


class Colours(NamedTuple):
    """The colours of photos.

    Attributes
    ----------
    codes
        (n,) uint8: which of the palette each photo has.
    palette
        Colours as #rrggbb.
    legend
        ``kinds``, each with ``name``, ``count``, ``code``, maybe a longer ``title``, ``number`` where the
        name is a sentence of the page's about it, and ``rest`` where it is what is in none of the others;
        ``scale``, None or the ``colours`` from ``first`` to ``last``, both ordinals of days.
    hint
        What else is to be said, a sentence of the page's, or None.
    """

    codes: np.ndarray
    palette: list[str]
    legend: dict[str, Any]
    hint: str | None = None


def plain(_library: Library, ids: np.ndarray) -> Colours:
    """Colour all photos, (n,) int64, alike."""
    return Colours(np.zeros(len(ids), dtype=np.uint8), [_PLAIN], {"kinds": [], "scale": None})


def by_folder(library: Library, ids: np.ndarray) -> Colours:
    """Colour photos, (n,) int64, by the folder that they lie in."""
    folders = {photo_id: str(path.parent) for photo_id, path in library.paths(ids.tolist()).items()}
    often = [folder for folder, _ in Counter(folders.values()).most_common(_MOST)]
    told = by_kind(
        ids, folders, dict(zip(often, shown(often, library.roots()), strict=True)), noted("others")
    )
    for kind, folder in zip(told.legend["kinds"], often, strict=False):
        kind["title"] = folder
    return told


def by_kind(
    ids: np.ndarray,
    kinds: Mapping[int, Kind],
    names: Mapping[Kind, str],
    others: str,
    none: str | None = None,
) -> Colours:
    """Colour photos, (n,) int64, by what each is of: the ten most frequent kinds, and the rest.

    Parameters
    ----------
    kinds
        By the photo's id.
    names
        What to call the ten most frequent kinds.
    others, none
        What to call the photos of other kinds, and those of none, which are else among the others.
    """
    often = [kind for kind, _ in Counter(kinds.values()).most_common(_MOST)]
    code_of = {kind: code for code, kind in enumerate(often)}
    without = _MOST if none is None else _MOST + 1
    codes = np.array(
        [code_of.get(kinds[one], _MOST) if one in kinds else without for one in ids.tolist()], dtype=np.uint8
    )
    counts = np.bincount(codes, minlength=_MOST + 2).tolist()
    legend: list[dict[str, Any]] = [
        {"name": names[kind], "count": counts[code], "code": code} for kind, code in code_of.items()
    ]
    for name, code in ((others, _MOST), (none, _MOST + 1)):
        if counts[code]:
            legend.append({"name": name, "number": 0, "count": counts[code], "code": code, "rest": True})
    return Colours(codes, [*_KINDS, _OTHERS, _NONE], {"kinds": legend, "scale": None})


def by_date(library: Library, ids: np.ndarray) -> Colours:
    """Colour photos, (n,) int64, by when they were taken; grey are those that do not say."""
    dates = library.dates_of_photos()
    days = np.array([dates[one].toordinal() if one in dates else np.nan for one in ids.tolist()])
    dated = np.isfinite(days)
    codes = np.full(len(ids), _STEPS, dtype=np.uint8)
    scale = None
    if dated.any():
        first, last = np.percentile(days[dated], _TAILS, method="nearest")
        share = np.clip((days[dated] - first) / max(last - first, 1), 0, 1)
        codes[dated] = np.round(share * (_STEPS - 1)).astype(np.uint8)
        scale = {"colours": list(_SCALE), "first": int(first), "last": int(last)}
    undated = int((~dated).sum())
    kinds = [{"name": noted("undated"), "number": 0, "count": undated, "code": _STEPS}] if undated else []
    return Colours(codes, [*_blended(), _OTHERS], {"kinds": kinds, "scale": scale})


def by_cluster(library: Library, ids: np.ndarray) -> Colours:
    """Colour photos, (n,) int64, by what they look like; the largest clusters have a colour of their own."""
    found = clusters.at_hand(library, "coarse")
    if found is None:
        return plain(library, ids)._replace(hint=clusters.LATER)
    kinds = {photo: number for number, cluster in enumerate(found, 1) for photo in cluster.photos.tolist()}
    labels = Counter(cluster.label for cluster in found)
    names = {
        number: label if not label or labels[label] == 1 else f"{label} ({number})"
        for number, label in enumerate((cluster.label for cluster in found), 1)
    }
    told = by_kind(ids, kinds, names, noted("in smaller clusters"), noted("in none"))
    for kind, (number, _) in zip(told.legend["kinds"], Counter(kinds.values()).most_common(), strict=False):
        if not kind["name"]:
            kind |= {"name": noted("cluster {n}"), "number": number}
    return told


# What the page offers; another way is a line here.
WAYS: dict[str, Callable[[Library, np.ndarray], Colours]] = {
    noted("Folder"): by_folder,
    noted("Date"): by_date,
    noted("Cluster"): by_cluster,
    noted("Nothing"): plain,
}


def _blended() -> list[str]:
    """Return the colours of the scale in small steps."""
    ends = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in _SCALE])
    at = np.linspace(0, len(ends) - 1, _STEPS)
    mixed = np.column_stack([np.interp(at, range(len(ends)), channel) for channel in ends.T])
    return ["#{:02x}{:02x}{:02x}".format(*colour) for colour in mixed.round().astype(int).tolist()]
