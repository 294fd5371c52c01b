"""Learning what scores mean in a library, from its own thumbnails, and keeping it; see simsearch.trust."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from simsearch import pixels, trust
from simsearch.distortions import DISTORTIONS, FOILS, REFRAMED, SLIGHT
from simsearch.errors import PhotoError
from simsearch.indexes import Indexes
from simsearch.store import Store
from simsearch.trust import Trust
from simsearch.vectors import SPACE

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

_log = logging.getLogger("simsearch")

_NAME = "trust"  # what it is learnt as
_FEWEST = 20  # photos; see trust.learn
_ALTERED = 50  # photos at most that are altered: eight pictures of each are encoded, in three seconds
_SHARE_ALTERED = 8  # one of so many, where there are few
_GROWN = 2  # times as many photos: what was learnt from fewer is out of date
_MADE = {name: (DISTORTIONS | FOILS)[name] for name in (*SLIGHT, *REFRAMED, *FOILS)}


def calibrated(store: Store) -> Trust | None:
    """Return what scores mean in the space that the library is searched in; None where it is not known."""
    told = _told(store)
    if told["trust"] is None or told["space"] != (store.setting(SPACE) or ""):
        return None
    try:
        return Trust.from_json(json.dumps(told["trust"]))
    except ValueError as error:
        _log.warning("%s: %s; learn it anew with: simsearch learn photos", store.path, error)
        return None


def keep_up(store: Store, indexes: Indexes, encoder: Encoder) -> None:
    """Learn what scores mean where that is due: in a new space, and when photos have doubled or halved."""
    told, count = _told(store), store.counts()["photos"]
    space = store.setting(SPACE) or ""
    same = told["space"] == space and told["photos"] < _GROWN * count
    if same and count < _GROWN * told["photos"]:
        return
    learnt = _learnt(store, indexes, encoder) if count >= _FEWEST else None
    told = {"space": space, "photos": count, "trust": learnt and json.loads(learnt.to_json())}
    with store.transaction():
        store.set_learnt(_NAME, json.dumps(told).encode())


def _told(store: Store) -> dict[str, Any]:
    try:
        told = json.loads(store.learnt(_NAME) or b"{}")
        return {"space": told["space"], "photos": int(told["photos"]), "trust": told["trust"]}
    except (KeyError, TypeError, ValueError):
        return {"space": None, "photos": 0, "trust": None}


def _learnt(store: Store, indexes: Indexes, encoder: Encoder) -> Trust | None:
    with indexes.lock:
        sample = store.some_ids(trust.SAMPLE)
        sample = sample[indexes.current("auto", encoder.dim).holds(sample)]
    most = min(_ALTERED, max(_FEWEST, store.counts()["photos"] // _SHARE_ALTERED))
    altered, embeddings = _altered(store, sample[:most], encoder)
    if not len(altered):
        return None
    with indexes.lock:
        index = indexes.current("auto", encoder.dim)
        made = {name: indexes.projected(embeddings[:, number]) for number, name in enumerate(_MADE)}
        own, sample = index.vectors(altered), index.vectors(sample)
        foils = np.concatenate([made[name] for name in FOILS])
        # One more than is looked at, for the photo that the foil was made of.
        ids, scores = index.search(foils, min(trust.NEIGHBOURS + 1, len(index)))
    itself = ids == np.tile(altered, len(FOILS))[:, None]
    itself[:, -1] |= ~itself.any(axis=1)
    others = scores[~itself].reshape(len(foils), -1)

    def cosines(names: Iterable[str]) -> np.ndarray:
        return np.concatenate([(made[name] * own).sum(axis=1) for name in names])

    return trust.learn(sample, len(index), others, cosines(SLIGHT), cosines(REFRAMED))


def _altered(store: Store, ids: np.ndarray, encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """Alter the thumbnails of photos, (n,) int64; return which could be, (m,), and what became of them.

    Returns
    -------
    (m,) int64, and embeddings, (m, len(_MADE), dim) float32.
    """
    usable, embeddings = [], []
    for photo_id in ids.tolist():
        try:
            side = encoder.input_size
            image = pixels.decode(store.thumbnail(photo_id) or b"", str(photo_id), at_least=2 * side).image
            made = [encoder.encode(pixels.letterbox(alter(image), side)) for alter in _MADE.values()]
        except (PhotoError, ValueError):  # a damaged thumbnail; a picture in which nothing can be seen
            continue
        usable.append(photo_id)
        embeddings.append(np.array(made))
    return np.array(usable, dtype=np.int64), np.array(embeddings)
