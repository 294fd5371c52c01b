"""Indexes as files: what they were made from, their parameters, and arrays that are used where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simsearch import derived
from simsearch.errors import DerivedFileError

FORMAT = 1
_ALIGNMENT = 64


class Origin(NamedTuple):
    """What an index was made from.

    Attributes
    ----------
    library
        The library's own mark; each has another.
    encoder
        Identity of what made the embeddings, as JSON.
    generation
        That of the library when it held what the index holds.
    mark
        The library's own of that generation, which is another in a history that took another turn.
    space
        Mark of the space that embeddings were projected to; empty where they are as they were.
    """

    library: str
    encoder: str
    generation: int
    mark: str = ""
    space: str = ""


class AnotherSpace(DerivedFileError):
    """Made before the library learnt to compare otherwise or took another network: it is merely outdated."""


class Saved(NamedTuple):
    """What a file holds: parameters as given to :func:`save`, and read-only arrays by name."""

    origin: Origin
    parameters: dict[str, Any]
    arrays: dict[str, np.ndarray]


def save(
    path: Path, engine: str, origin: Origin, parameters: dict[str, Any], arrays: dict[str, list[np.ndarray]]
) -> None:
    """Write an index; an array may come in parts that belong one behind the other.

    Raises
    ------
    WriteError
        When it cannot be written.
    """
    places, at = {}, 0
    payload: list[bytes | memoryview] = []
    for name, parts in arrays.items():
        shape = (sum(map(len, parts)), *parts[0].shape[1:])
        places[name] = {"dtype": parts[0].dtype.str, "shape": shape, "at": at}
        blocks: list[memoryview] = [
            np.ascontiguousarray(part).reshape(-1).view(np.uint8).data for part in parts
        ]
        size = sum(block.nbytes for block in blocks)
        filling = -size % _ALIGNMENT
        payload += [*blocks, bytes(filling)]
        at += size + filling
    header = {"format": FORMAT, **origin._asdict(), "parameters": parameters, "arrays": places}
    derived.save(path, f"{engine} index", header, *payload)


def load(path: Path, engine: str, origin: Origin, mark_of: Callable[[int], str] | None = None) -> Saved:
    """Read an index; its arrays are mapped from the file where the file system can.

    Parameters
    ----------
    origin
        What is expected; the generation of the file may be an earlier one.
    mark_of
        Tells the mark of an earlier generation; by default none is checked.

    Raises
    ------
    FileNotFoundError
        When there is none.
    AnotherSpace
        When it was made before the library learnt to compare otherwise, or took another network.
    DerivedFileError
        When it is damaged, or was made from something else or by a newer version.
    """
    header, payload = derived.load(path, f"{engine} index")
    if header.get("format") != FORMAT:
        reason = f"has index format {header.get('format')}, where {FORMAT} was expected"
        raise DerivedFileError(path, reason, "upgrade simsearch, or delete it; it is made anew")
    with explained(path):
        found = Origin(**{name: header[name] for name in Origin._fields if name in header})
        _check_origin(path, found, origin)
        if mark_of and (mark := mark_of(found.generation)) != found.mark:
            reason = (
                f"made from generation {found.generation} marked {found.mark}, which is {mark or 'gone'} here"
            )
            raise DerivedFileError(path, reason)
        arrays = {name: _array(payload, **place) for name, place in header["arrays"].items()}
        return Saved(found, {**header["parameters"]}, arrays)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what a file with the right checksum, but not by us, can cause into our error."""
    try:
        yield
    except (AttributeError, LookupError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise DerivedFileError(path, f"its content makes no sense ({error})") from error


def _array(payload: memoryview, dtype: str, shape: list[int], at: int) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(payload, np.dtype(dtype), count, at).reshape(shape)


def _check_origin(path: Path, found: Origin, expected: Origin) -> None:
    if found.library != expected.library:
        raise DerivedFileError(path, f"made for library {found.library}, not for {expected.library}")
    if found.encoder != expected.encoder:
        raise AnotherSpace(path, f"made with encoder {found.encoder}, not with {expected.encoder}")
    if found.space != expected.space:
        raise AnotherSpace(path, "made in another space than the library is searched in now")
    if found.generation > expected.generation:
        reason = f"made from generation {found.generation} of a library that is at {expected.generation}"
        raise DerivedFileError(path, reason)
