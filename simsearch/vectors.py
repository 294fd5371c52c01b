"""What photos are compared by: the embeddings in the store, seen in the space that the library has learnt."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from simsearch.index.rows import usable
from simsearch.space import Space
from simsearch.store import Store

_log = logging.getLogger("simsearch")

SPACE = "space"  # what it is learnt as; the setting of that name holds its mark


class SearchVectors:
    """The search vectors of a library, all in one space; another space makes others.

    Parameters
    ----------
    dim
        Width of the embeddings.
    """

    def __init__(self, store: Store, dim: int) -> None:
        self._store = store
        self.dim = dim
        self._named, content = _kept(store)
        self._encoder = store.setting("encoder")
        self._damaged: bytes | None = None
        try:
            self.space = _read(self._named, content, dim)
        except ValueError as error:
            self.space, self._damaged = Space(), content or b""
            _log.warning(
                "%s: what was learnt from the photos cannot be used (%s); learn it anew with: "
                "simsearch learn photos",
                store.path,
                error,
            )
        self.mark = self.space.mark
        self.width = self.space.width(dim)

    def hold(self, dim: int) -> bool:
        """Whether embeddings are of this width, and of this network and space the library is searched by."""
        if self.dim != dim or self._named != (self._store.setting(SPACE) or ""):
            return False
        if self._encoder != self._store.setting("encoder"):
            return False
        # Learnt anew from the same photos it has the name that it had before.
        return self._damaged is None or self._damaged == (self._store.learnt(SPACE) or b"")

    def of(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the search vectors, (n, width) float32, of embeddings, (n, dim) float32."""
        return self.space.project(embeddings)

    def blocks(self, since: int = -1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield ids, (n,) int64, and search vectors, (n, width) float32, as :meth:`Store.vectors` does."""
        for ids, embeddings in sound_embeddings(self._store, self.dim, since=since):
            yield ids, self.space.project(embeddings)


def sound_embeddings(store: Store, dim: int, since: int = -1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield ids and embeddings as the store does, without the damaged: one must not stop every search."""
    for ids, embeddings in store.vectors(dim, since=since):
        sound = usable(embeddings)
        if damaged := len(sound) - int(sound.sum()):
            _log.warning(
                "%s: %d photos have a damaged embedding and are not found; "
                "make it anew with: simsearch doctor --repair",
                store.path,
                damaged,
            )
        yield ids[sound], embeddings[sound]


def space_fault(store: Store, dim: int | None) -> str | None:
    """Return why what the library has learnt cannot be used, or None.

    Parameters
    ----------
    dim
        Width of the embeddings, or None where that is not known.
    """
    try:
        named, content = _kept(store)
        _read(named, content, dim)
    except ValueError as error:
        return str(error)
    return None


def _kept(store: Store) -> tuple[str, bytes | None]:
    """Return the mark of the space that is searched in, and what is kept of it."""
    while True:
        named = store.setting(SPACE) or ""
        content = store.learnt(SPACE)
        if named == (store.setting(SPACE) or ""):  # else another process has just chosen another
            return named, content


def _read(named: str, content: bytes | None, dim: int | None) -> Space:
    """Return a space for embeddings of a width; raise ValueError where it is not the one that was named."""
    if not named:
        return Space()
    if content is None:
        raise ValueError("it is not there")
    space = Space.from_bytes(content)
    if space.mark != named:
        raise ValueError("it is another than was chosen")
    if dim is not None and not space.takes(dim):
        raise ValueError(f"it is not for embeddings of {dim} numbers")
    return space
