"""A library's collections in Milvus servers: what they are called, and what they were last made equal to."""

from __future__ import annotations

import hashlib
import json
import re
from typing import NamedTuple

import numpy as np

from simsearch.index.milvus_address import without_password
from simsearch.index.milvus_collection import Collection, Pushed
from simsearch.litert import EncoderIdentity
from simsearch.store import Store
from simsearch.vectors import SPACE, SearchVectors

ADDRESS = "milvus"  # the setting with the server that was pushed to last, without a password
_LAST = "pushed"  # and of what was pushed to it
NEWER = "holds a newer state of this library than this copy of it knows"


def remember(store: Store, address: str, generation: int) -> None:
    """Write down in the catalog to where it was pushed, and as it was at which generation."""
    searched_by = store.setting("encoder"), store.setting(SPACE)
    with store.aside():  # what other processes hold of the library stays as it is
        store.set_setting(ADDRESS, without_password(address))
        store.set_setting(_LAST, json.dumps([generation, *searched_by]))


def lacking(store: Store) -> int | None:
    """Return how many photos changed since the last push; None where all have to be pushed."""
    generation, *searched_by = json.loads(store.setting(_LAST) or "[-1]")
    if searched_by != [store.setting("encoder"), store.setting(SPACE)]:
        return None
    return len(changed_since(store, generation))


def changed_since(store: Store, generation: int) -> np.ndarray:
    """Return ids, (n,) int64, of photos of which a row in a server may not be right any more."""
    changed: np.ndarray = np.union1d(store.changed(generation), store.refiled(generation))
    return changed


class Names(NamedTuple):
    """What collections are called.

    Attributes
    ----------
    library
        What the names of all of one library begin with.
    collection
        That for the network and the space that it is searched by now: vectors of others do not belong there.
    """

    library: str
    collection: str


def names(store: Store, vectors: SearchVectors) -> Names:
    """Return what the collections of a library are called in every server."""
    encoder = store.setting("encoder") or ""
    backbone = re.sub(r"\W", "_", EncoderIdentity.from_json(encoder).backbone, flags=re.ASCII)[:60]
    made_by = hashlib.sha256(encoder.encode()).hexdigest()[:8]
    library = f"simsearch_{(store.setting('library') or '')[:12]}_"
    space = vectors.mark[:8] or "plain"
    return Names(library, f"{library}{backbone}_{vectors.width}_{made_by}_{space}")


def opened(store: Store, vectors: SearchVectors, address: str, seconds: float) -> Collection:
    """Return a library's collection, which need not be there yet."""
    return Collection(address, names(store, vectors).collection, seconds)


def pushed_states(collection: Collection, prefix: str) -> dict[str, Pushed]:
    """Return what collections were made equal to whose names begin so, but for unfinished ones."""
    told = {name: collection.pushed(name) for name in collection.names(prefix)}
    return {name: pushed for name, pushed in told.items() if pushed}


def common(store: Store, pushed: Pushed) -> int | None:
    """Return the newest generation that a catalog and a collection have in common, or None.

    A backup that was restored, or a copy that went its own way, has the marks of before that.
    """
    shared = [generation for generation, mark in pushed.states if mark and store.mark(generation) == mark]
    return max(shared, default=None)
