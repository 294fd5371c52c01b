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
        self.mark = store.setting(SPACE) or ""
        self.space = _space(store, dim) if self.mark else Space()
        self.width = self.space.width(dim)

    def hold(self, dim: int) -> bool:
        """Whether embeddings are of this width, and the library is still searched in this space."""
        return self.dim == dim and self.mark == (self._store.setting(SPACE) or "")

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


def _space(store: Store, dim: int) -> Space:
    """Return the space in the store; the identity, with a word, where that is damaged."""
    try:
        space = Space.from_bytes(store.learnt(SPACE) or b"")
        if space.takes(dim):
            return space
        reason = f"not for embeddings of {dim} numbers"
    except ValueError as error:
        reason = str(error)
    _log.warning(
        "%s: what was learnt from the photos cannot be used (%s); learn it anew with: simsearch learn photos",
        store.path,
        reason,
    )
    return Space()
