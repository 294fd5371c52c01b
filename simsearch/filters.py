"""Which photos may answer a search: by folder, date, camera, kind and size."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from simsearch.errors import FolderError
from simsearch.folders import absolute_path
from simsearch.store import Root, ways_to_be_below

_FORMS = "2023, 2023-05, 2023-05-01, 2023-05-01 18:30 or 2023-05-01 18:30:05"
LARGEST = 2**31  # pixels; no photo has as many, and SQLite has an end to its numbers
_MOMENT = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[ T](\d\d?):(\d\d)(?::(\d\d))?)?)?)?", re.ASCII)


class Filters(TypedDict, total=False):
    """What :meth:`simsearch.Library.search` takes to choose the photos that may answer.

    A photo must meet all of those that are given and are not None.

    Attributes
    ----------
    under
        A folder that it is below.
    since, until
        When it was taken, both included, by the clock of the camera: a date, a datetime, or text such as
        "2023", "2023-05", "2023-05-01", "2023-05-01 18:30" or "2023-05-01 18:30:05". A photo that does not
        say when is left out.
    camera
        Name of the camera, or a part of it, its plain letters in any case: "canon", "pixel 7". One camera's
        whole name stands for that one alone: "Apple iPhone 12" leaves out the "Apple iPhone 12 Pro".
    kind
        What it is of, as :meth:`simsearch.Library.suggest` says it: its label or, where no photo has one, the
        folder that it lies in, which may be named by the end of its path: "cup", "2023/cup".
    min_size
        Pixels that its longer side has at least.
    """

    under: str | os.PathLike[str] | None
    since: str | date | None
    until: str | date | None
    camera: str | None
    kind: str | None
    min_size: int | None


class Condition(NamedTuple):
    """An SQL condition on the table photos, and the values for its question marks."""

    sql: str
    values: tuple[Any, ...]


def condition(filters: Filters, roots: Iterable[Root]) -> Condition | None:
    """Return what filters ask of a photo; None where they ask nothing.

    Raises
    ------
    FolderError
        When nothing below a folder is in the library.
    ValueError
        When there is no such filter, or one is no date or no size.
    """
    roots = list(roots)
    if unknown := filters.keys() - Filters.__annotations__.keys():
        raise ValueError(f"there is no filter {min(unknown)}: only {', '.join(Filters.__annotations__)}")
    camera, kind = filters.get("camera"), filters.get("kind")
    parts = [
        part
        for part in (
            _under(filters.get("under"), roots),
            _since(filters.get("since")),
            _until(filters.get("until")),
            None if camera is None else camera_condition(camera),
            None if kind is None else kind_condition(kind, roots),
            _min_size(filters.get("min_size")),
        )
        if part
    ]
    if not parts:
        return None
    return _joined(" AND ", parts)


def below(folder: Path, roots: Iterable[Root]) -> Condition:
    """Return the condition of being ``folder`` or below it (absolute, without links)."""
    parts = []
    for root in roots:
        if root.path.is_relative_to(folder):
            parts.append(Condition("root_id = ?", (root.id,)))
        elif folder.is_relative_to(root.path):
            way = folder.relative_to(root.path).as_posix()
            parts += [
                Condition(f"root_id = ? AND {at_or_below}", (root.id, *values))
                for at_or_below, values in ways_to_be_below(way)
            ]
    if not parts:
        raise FolderError(folder, "not in this library", "name a folder that is indexed, or one inside it")
    return _joined(" OR ", parts)


def _joined(word: str, parts: list[Condition]) -> Condition:
    values = tuple(value for part in parts for value in part.values)
    return Condition(word.join(f"({part.sql})" for part in parts), values)


def _under(folder: str | os.PathLike[str] | None, roots: Iterable[Root]) -> Condition | None:
    return None if folder is None else below(absolute_path(folder), roots)


# Times are stored as ISO 8601 text that may end in an offset. As text they are ordered by the camera's own
# clock, and a shorter text comes before all that begin like it.


def _since(since: str | date | None) -> Condition | None:
    return None if since is None else Condition("taken_at >= ?", (span("since", since)[0].isoformat(),))


def _until(until: str | date | None) -> Condition | None:
    return None if until is None else Condition("taken_at < ?", (span("until", until)[1].isoformat(),))


def span(name: str, when: str | date) -> tuple[datetime, datetime]:
    """Return when a year, month, day, minute or second begins, and when the next one does."""
    if isinstance(when, date):
        # A moment, or a day; an offset is left aside, as photos are compared by their cameras' own clocks.
        moment = when.replace(microsecond=0, tzinfo=None) if isinstance(when, datetime) else when
        when = moment.isoformat()
    found = _MOMENT.fullmatch(when.strip()) if isinstance(when, str) else None
    try:
        if found:
            parts = [int(part) for part in found.groups() if part]
            first = datetime(*(parts + [1, 1])[: max(len(parts), 3)])  # type: ignore[arg-type]
            return first, _next(first, len(parts))
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be a date such as {_FORMS}, not {when}")


def _next(first: datetime, parts: int) -> datetime:
    """Return when the year, month, day, minute or second (1, 2, 3, 5, 6 parts) after that one begins."""
    if parts < 3:  # 31 days after the first of a month, or of December, is always in the next
        month = first.month if parts == 2 else 12
        return (first.replace(month=month) + timedelta(days=31)).replace(day=1)
    return first + {3: timedelta(days=1), 5: timedelta(minutes=1), 6: timedelta(seconds=1)}[parts]


def camera_condition(camera: str) -> Condition:
    """Return the condition of being taken by a camera; see :class:`Filters`."""
    _check_text("camera", camera)
    # instr, not LIKE: no sign in it has a meaning.
    whole = "lower(camera) = lower(?)"
    part = "instr(lower(camera), lower(?)) > 0"
    any_whole = f"EXISTS (SELECT 1 FROM photos WHERE missing_since IS NULL AND {whole})"
    return Condition(f"{whole} OR ({part} AND NOT {any_whole})", (camera,) * 3)


def kind_condition(kind: str, roots: Iterable[Root]) -> Condition:
    """Return the condition of being of a kind; see :class:`Filters`."""
    _check_text("kind", kind)
    if not kind.strip("/"):
        raise ValueError("kind must be a label, or the name of a folder")
    in_folder = _joined(" OR ", [_lies_in(kind.rstrip("/"), root) for root in roots])
    labelled = "id IN (SELECT photo_id FROM labels WHERE label = ?)"
    no_labels = "NOT EXISTS (SELECT 1 FROM labels)"
    return Condition(
        f"{labelled} OR ({no_labels} AND ({in_folder.sql or 'FALSE'}))", (kind, *in_folder.values)
    )


def _lies_in(kind: str, root: Root) -> Condition:
    """Return the condition of lying in a folder of a root, not below it; at a path, or one that ends so."""
    top = root.path.as_posix().rstrip("/")
    if not (kind.startswith("/") or "://" in kind):
        folder = "? || rtrim(path, replace(path, '/', ''))"  # all up to the last slash
        return Condition(
            f"root_id = ? AND substr({folder}, -?) = ?", (root.id, f"{top}/", len(kind) + 2, f"/{kind}/")
        )
    if kind == top:
        return Condition("root_id = ? AND instr(path, '/') = 0", (root.id,))
    if not kind.startswith(f"{top}/"):
        return Condition("FALSE", ())
    way = kind[len(top) + 1 :]
    return Condition(  # "0" follows "/"; between them the index over root and path finds it
        "root_id = ? AND path >= ? AND path < ? AND instr(substr(path, ?), '/') = 0",
        (root.id, f"{way}/", f"{way}0", len(way) + 2),
    )


def _check_text(name: str, text: str) -> None:
    if text != text.encode(errors="replace").decode():
        raise ValueError(f"{name} is not valid text")


def _min_size(pixels: int | None) -> Condition | None:
    if pixels is None:
        return None
    if pixels < 1:
        raise ValueError(f"min_size must be at least 1, not {pixels}")
    return Condition("max(width, height) >= ?", (min(pixels, LARGEST),))
