"""What filters ask of a photo, as an expression of Milvus over the columns that a push writes.

The catalog says the same in SQL (:mod:`simsearch.filters`). What needs all photos to be answered, such as
which cameras have a word in their name, is asked of the catalog, and Milvus is given the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from simsearch.filters import LARGEST, Condition, Filters, camera_condition, kind_condition, span
from simsearch.folders import absolute_path
from simsearch.index.milvus_collection import COLUMNS
from simsearch.store import Store

UNKNOWN = -(1 << 62)  # in place of a time: the photo does not say; Milvus 2.3 has no NULL
# Milvus knows more of them, milvus-lite only these; whatever else is in a name stands for itself.
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
_EPOCH = datetime(1970, 1, 1)
_LAST = chr(ord("/") + 1)  # a text that begins with "a/" is from "a/" to before "a0"


def seconds(taken_at: datetime | None) -> int:
    """Return a time as whole seconds on the camera's own clock since 1970, or UNKNOWN."""
    return UNKNOWN if taken_at is None else int((taken_at.replace(tzinfo=None) - _EPOCH).total_seconds() // 1)


def cut(text: str) -> str:
    """Return as much of a camera's name or a label as Milvus is given: all, but for absurd ones.

    Those that begin alike the catalog tells apart.
    """
    return text.encode()[: COLUMNS["label"]].decode(errors="ignore")


def expression(filters: Filters, store: Store) -> str:
    """Return what Milvus is to ask of a photo; "" where filters ask nothing.

    Filters make sense: :func:`simsearch.filters.condition` was made of them.
    """
    parts = []
    if (folder := filters.get("under")) is not None:
        parts.append(_under(absolute_path(folder), store))
    if (since := filters.get("since")) is not None:
        parts.append(f"taken >= {seconds(span('since', since)[0])}")
    if (until := filters.get("until")) is not None:
        parts.append(f"taken > {UNKNOWN} and taken < {seconds(span('until', until)[1])}")
    if (camera := filters.get("camera")) is not None:
        parts.append(_one_of("camera", map(cut, _distinct(store, "camera", camera_condition(camera)))))
    if (kind := filters.get("kind")) is not None:
        parts.append(_kind(kind, store))
    if (pixels := filters.get("min_size")) is not None:
        parts.append(f"side >= {min(int(pixels), LARGEST)}")
    return " and ".join(f"({part})" for part in parts)


def _under(folder: Path, store: Store) -> str:
    top, photo = folder.as_posix().rstrip("/"), store.id_of(folder)
    below = f"folder >= {_quoted(f'{top}/')} and folder < {_quoted(top + _LAST)}"
    return below if photo is None else f"({below}) or id == {photo}"


def _kind(kind: str, store: Store) -> str:
    if store.has_labels():
        return f"label == {_quoted(cut(kind))}"
    folder = "root_id || ' ' || rtrim(path, replace(path, '/', ''))"  # all up to the last slash
    tops = {root.id: str(root.path).rstrip("/") for root in store.roots()}
    found = (text.partition(" ") for text in _distinct(store, folder, kind_condition(kind, store.roots())))
    return _one_of("folder", [f"{tops[int(root)]}/{way}" for root, _, way in found])


def _distinct(store: Store, what: str, condition: Condition) -> list[Any]:
    sql = f"SELECT DISTINCT {what} FROM photos WHERE missing_since IS NULL AND ({condition.sql})"
    return [value for (value,) in store.query(sql, *condition.values)]


def _one_of(column: str, texts: Iterable[str]) -> str:
    chosen = ", ".join(map(_quoted, texts))
    return f"{column} in [{chosen}]" if chosen else "id < 0"  # nobody


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'
