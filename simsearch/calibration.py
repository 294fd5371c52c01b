"""Learning what scores mean in a library, from its own thumbnails, and keeping it; see simsearch.trust."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simsearch import pixels, trust
from simsearch.distortions import DISTORTIONS, FOILS, REFRAMED, SLIGHT, Distortion
from simsearch.errors import PhotoError
from simsearch.indexes import Indexes
from simsearch.store import Store
from simsearch.trust import Trust
from simsearch.vectors import SPACE

if TYPE_CHECKING:
    from simsearch.encoder import Encoder
    from simsearch.index.local import LocalIndex

_log = logging.getLogger("simsearch")

_NAME = "trust"  # what it is learnt as
_FEWEST = 20  # photos; see trust.learn
_ALTERED = 50  # photos at most that are altered: eight pictures of each are encoded, in three seconds
_SHARE_ALTERED = 8  # one of so many, where there are few
_GROWN = 2  # times as many photos: what was learnt from fewer is out of date
# Cosine with a foil of its own: blank pictures have 0.97 and more, pages of text 0.55 to 0.67, others 0.49 at
# most, of 60 photos that are as near to foils.
_STAYS = 0.5
_MOST_DOUBTED = 200  # that are looked at: two pictures of each are encoded, in two seconds
_MOST_LEFT_OUT = 0.5  # of the photos: what most of a library shows is something
_SAME_SCENE = 0.8  # cosine, where too few photos are there to learn from what the same scene has
_MADE = {name: (DISTORTIONS | FOILS)[name] for name in (*SLIGHT, *REFRAMED, *FOILS)}


class _Told(NamedTuple):
    """What was learnt: in which space (its mark), from how many photos, and what; None where too little."""

    space: str
    photos: int
    trust: Trust | None


def calibrated(store: Store, space: str) -> Trust | None:
    """Return what scores mean in a space, by its mark; None where that is not known."""
    try:
        told = _told(store)
    except ValueError as error:
        _log.warning("%s: %s; learn it anew with: simsearch sync", store.path, error)
        return None
    return told.trust if told and told.space == space else None


def same_scene(store: Store) -> float:
    """Return the cosine from which two photos of a library show the same scene."""
    known = calibrated(store, store.setting(SPACE) or "")
    return known.scene if known else _SAME_SCENE


def fault(store: Store) -> str | None:
    """Return why what is known of scores cannot be used, or None."""
    try:
        _told(store)
    except ValueError as error:
        return str(error)
    return None


def is_lacking(store: Store) -> bool:
    """Whether nothing was learnt of scores as photos are compared now, though there are enough photos."""
    return _learnt_from(store) < _FEWEST <= store.counts()["photos"]


def keep_up(store: Store, indexes: Indexes, encoder: Encoder) -> None:
    """Learn what scores mean where that is due.

    In a new space, when photos have doubled or halved, once there are enough, and when it was damaged.
    """
    space, count = store.setting(SPACE) or "", store.counts()["photos"]
    if not _is_due(_learnt_from(store), count):
        return
    learnt = _learnt(store, indexes, encoder) if count >= _FEWEST else None
    kept = {"space": space, "photos": count, "trust": learnt and json.loads(learnt.to_json())}
    with store.transaction():
        store.set_learnt(_NAME, json.dumps(kept).encode())


def forget(store: Store) -> None:
    """Forget what scores mean, as of embeddings of another network (inside a transaction)."""
    store.set_learnt(_NAME, None)


def _learnt_from(store: Store) -> int:
    """Return from how many photos it was learnt in this space; 0 if never, -1 where that is damaged."""
    try:
        told = _told(store)
    except ValueError:
        return -1
    return told.photos if told and told.space == (store.setting(SPACE) or "") else 0


def _is_due(before: int, count: int) -> bool:
    """Tell whether to learn from so many photos, after so many before; -1 where that was damaged."""
    if min(before, count) < _FEWEST:  # of fewer nothing is learnt
        return before < 0 or max(before, count) >= _FEWEST
    return before >= _GROWN * count or count >= _GROWN * before


def _told(store: Store) -> _Told | None:
    """Return what was learnt, or None where nothing was; raise ValueError where it is damaged."""
    content = store.learnt(_NAME)
    if content is None:
        return None
    try:
        told = json.loads(content)
        space, photos, kept = told["space"], told["photos"], told["trust"]
        if not (isinstance(space, str) and isinstance(photos, int) and photos >= 0):
            raise ValueError("no space, or no number of photos")
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"not what was learnt of a library ({error})") from error
    return _Told(space, photos, None if kept is None else Trust.from_json(json.dumps(kept)))


def _learnt(store: Store, indexes: Indexes, encoder: Encoder) -> Trust | None:
    with indexes.lock:
        sample = store.some_ids(trust.SAMPLE)
        sample = sample[indexes.current("auto", encoder.dim).holds(sample)]
    most = min(_ALTERED, max(_FEWEST, store.counts()["photos"] // _SHARE_ALTERED))
    asked, embeddings = _altered(store, sample[:most], encoder, _MADE)
    if len(asked) < 2:  # one photo's foils tell nothing of what foils have in common
        return None
    with indexes.lock:
        index, looks = indexes.current("auto", encoder.dim), indexes.vectors(encoder.dim).space.looks
        made = {name: indexes.projected(embeddings[:, number]) for number, name in enumerate(_MADE)}
        own, sample = index.vectors(asked), index.vectors(sample)
        foils = np.concatenate([made[name] for name in FOILS])
        photos = store.select("TRUE", ())
        photos = photos[index.holds(photos)]
        origins = np.tile(asked, len(FOILS))
        doubted = _doubted(index, photos, foils, origins)
        shown = np.setdiff1d(photos, _blank(store, indexes, encoder, doubted))
        if len(shown) < (1 - _MOST_LEFT_OUT) * len(photos):
            shown = photos
        # One more than is looked at, for the photo that the foil was made of.
        ids, scores = index.search(foils, min(trust.NEIGHBOURS + 1, len(shown)), shown)
    itself = ids == origins[:, None]
    itself[:, -1] |= ~itself.any(axis=1)
    others = scores[~itself].reshape(len(foils), -1)

    def cosines(names: Iterable[str]) -> np.ndarray:
        return np.concatenate([(looks(made[name]) * looks(own)).sum(axis=1) for name in names])

    return trust.learn(sample, len(index), others, cosines(SLIGHT), cosines(REFRAMED))


def _doubted(index: LocalIndex, ids: np.ndarray, foils: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Return those of some photos, (m,) int64, in which perhaps nothing can be seen.

    A blank sheet, or a lens cap, is found by foils because it shows nothing either: how near they come to it
    is no measure of how near nothing comes to photos. It is as near to the foils, on average, as one of them
    is to the others.

    Parameters
    ----------
    ids
        (n,) int64.
    foils
        (f, width) float32: their search vectors.
    origins
        (f,) int64: the photos that they were made of, two at least.
    """
    others = origins[:, None] != origins
    border = ((foils @ foils.T * others).sum(axis=1) / others.sum(axis=1)).min()
    doubted: np.ndarray = ids[index.scores(foils.mean(axis=0), ids) >= border]
    return doubted


def _blank(store: Store, indexes: Indexes, encoder: Encoder, ids: np.ndarray) -> np.ndarray:
    """Return those of some photos, (n,) int64, that a foil of their own is still like.

    Of very many some are looked at, and all go the way of most of these.
    """
    some = ids[:: max(1, -(-len(ids) // _MOST_DOUBTED))]
    looked_at, foils = _altered(store, some, encoder, FOILS)
    if not len(looked_at):
        return looked_at
    index, looks = indexes.current("auto", encoder.dim), indexes.vectors(encoder.dim).space.looks
    own = looks(index.vectors(looked_at))
    made = np.stack([looks(indexes.projected(foils[:, number])) for number in range(len(FOILS))])
    stays = (made * own).sum(axis=2).max(axis=0) > _STAYS
    if len(some) < len(ids):
        return ids if stays.mean() > _MOST_LEFT_OUT else ids[:0]
    blank: np.ndarray = looked_at[stays]
    return blank


def _altered(
    store: Store, ids: np.ndarray, encoder: Encoder, ways: Mapping[str, Distortion]
) -> tuple[np.ndarray, np.ndarray]:
    """Alter the thumbnails of photos, (n,) int64; return which could be, (m,), and what became of them.

    Returns
    -------
    (m,) int64, and embeddings, (m, len(ways), dim) float32.
    """
    made = {photo_id: altered(store, photo_id, encoder, ways) for photo_id in ids.tolist()}
    usable = {photo_id: embeddings for photo_id, embeddings in made.items() if embeddings is not None}
    return np.array([*usable], dtype=np.int64), np.array([*usable.values()])


def altered(
    store: Store, photo_id: int, encoder: Encoder, ways: Mapping[str, Distortion]
) -> np.ndarray | None:
    """Return the embeddings, (len(ways), dim) float32, of a photo's thumbnail altered in each of some ways.

    None where the thumbnail is damaged, or nothing can be seen in what becomes of it.
    """
    side = encoder.input_size
    try:
        image = pixels.decode(store.thumbnail(photo_id) or b"", str(photo_id), at_least=2 * side).image
        return np.array([encoder.encode(pixels.letterbox(alter(image), side)) for alter in ways.values()])
    except (PhotoError, ValueError):
        return None
