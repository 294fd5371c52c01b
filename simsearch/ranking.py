"""From embeddings to ranked photos: candidates from an index, a better order, and what the scores mean."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np

from simsearch import rerank
from simsearch.among import Among
from simsearch.calibration import calibrated
from simsearch.errors import StorageError
from simsearch.index import MILVUS
from simsearch.indexes import Indexes
from simsearch.space import Space, unit
from simsearch.store import Store
from simsearch.trust import UNRELATED, Nearest, Trust
from simsearch.vectors import SPACE, SearchVectors

_TWICE = 2  # as many as are wanted are candidates, besides the neighbours of the query's neighbours
_VARIED = 4  # times as many as are wanted, to choose different ones from; and as many again where too few are
_SAME = 0.9999  # cosine of what is taken for one picture where nothing is known of this library


class Searched(Protocol):
    """What candidates come from: an index on this machine, or a projection in Milvus.

    Both do what :class:`simsearch.index.local.LocalIndex` says; the one may be narrowed to ids, (n,) int64,
    the other to :class:`Among`.
    """

    @property
    def engine(self) -> str:
        """Its name."""

    def __len__(self) -> int: ...

    def holds(self, ids: np.ndarray) -> np.ndarray:
        """Return which of some ids are there."""

    def vectors(self, ids: np.ndarray) -> np.ndarray:
        """Return the vectors of some ids."""

    def scores(self, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the inner products of a query with some ids."""

    def search(self, vectors: np.ndarray, k: int, among: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Return ids and scores of the nearest."""


class Neighbours(Protocol):
    """What tells of photos the nearest others, as :class:`simsearch.index.graph.Graph` does."""

    def __len__(self) -> int: ...

    def neighbours(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return their ids and cosines."""


class Wish(NamedTuple):
    """How to rank.

    Attributes
    ----------
    k
        How many hits.
    engine
        What looks for candidates.
    rerank
        Whether shared neighbours count; otherwise only the cosine does.
    diversity
        From 0, the best first, to 1, as different from each other as can be.
    fold
        Whether near-identical hits become one.
    """

    k: int
    engine: str
    rerank: bool
    diversity: float
    fold: bool


class Found(NamedTuple):
    """A photo that was found.

    Attributes
    ----------
    id
        The photo's.
    score
        What it was ranked by.
    cosine
        With the query.
    trust, beats
        What that means in this library, and the share of random pairs that are less alike; None where
        that is not known.
    copies
        The near-identical photos, by their ids, that were folded into it.
    """

    id: int
    score: float
    cosine: float
    trust: str | None = None
    beats: float | None = None
    copies: tuple[int, ...] = ()


class Ranking(NamedTuple):
    """Candidates, best first: ids, (n,) int64, cosines with the query and scores, (n,) float32."""

    ids: np.ndarray
    cosines: np.ndarray
    scores: np.ndarray


class Examples(NamedTuple):
    """What is looked for.

    Attributes
    ----------
    likes, dislikes
        (n, dim) and (m, dim) float32: embeddings of what it is like, at least one, and what it is not like.
    photos
        (p,) int64: ids of those that are photos of the library, which do not answer.
    """

    likes: np.ndarray
    dislikes: np.ndarray
    photos: np.ndarray


class Ranker:
    """Finds and ranks photos; may be used from several threads."""

    def __init__(self, store: Store, indexes: Indexes) -> None:
        self._store = store
        self._indexes = indexes
        # A generation, the mark of a space, and what scores mean in them.
        self._trust: tuple[int, str, Trust | None] = (-1, "", None)
        self._lock = threading.Lock()

    def find(self, examples: Examples, wish: Wish, among: Among | None) -> list[Found]:
        """Return the photos most like examples, best first.

        Parameters
        ----------
        among
            The photos that alone may answer; None stands for all.

        Raises
        ------
        StorageError
            When the Milvus server, or the Redis server with the tables of LSH, cannot be used.
        """
        if not self._store.counts()["photos"]:
            return []
        try:
            with self._sources(wish.engine, examples.likes.shape[1]) as (index, graph, vectors):
                if not len(index):
                    return []
                likes, dislikes = (vectors.of(some) for some in examples[:2])
                search = _Search(index, graph, vectors.space, likes, dislikes, examples.photos)
                return search.found(wish, among, self._known_trust(vectors.mark))
        except StorageError:  # the next search connects, and fills, anew
            self._indexes.forget(wish.engine)
            raise

    @contextmanager
    def _sources(self, engine: str, dim: int) -> Iterator[tuple[Searched, Neighbours | None, SearchVectors]]:
        """Give what candidates come from, what tells their neighbours, and what both compare."""
        if engine == MILVUS:
            projection = self._indexes.projection(dim)
            with projection.lock:
                projection.keep_up()
                yield projection, projection, projection.made_for
        else:
            with self._indexes.lock:
                index, graph = self._indexes.current(engine, dim), self._indexes.graph(dim, engine)
                yield index, graph, self._indexes.vectors(dim)

    @property
    def knows_scores(self) -> bool:
        """Whether it is known what scores mean, see :mod:`simsearch.calibration`."""
        return self._known_trust(self._store.setting(SPACE) or "") is not None

    def _known_trust(self, space: str) -> Trust | None:
        generation = self._store.generation
        with self._lock:
            if self._trust[:2] != (generation, space):
                self._trust = generation, space, calibrated(self._store, space)
            return self._trust[2]


class _Search:
    """One query in one index and one graph; photos that are examples of it do not answer.

    Parameters
    ----------
    likes, dislikes
        (n, width) and (m, width) float32: search vectors.
    examples
        (p,) int64: ids.
    """

    def __init__(
        self,
        index: Searched,
        graph: Neighbours | None,
        space: Space,
        likes: np.ndarray,
        dislikes: np.ndarray,
        examples: np.ndarray,
    ) -> None:
        self._index = index
        self._graph = graph if graph is not None and len(graph) else None
        self._space = space
        self._likes = likes
        self._query = rerank.query_vector(likes, dislikes)
        self._is_one = len(likes) == 1 and not len(dislikes)
        self._examples = examples

    def found(self, wish: Wish, among: Among | None, trust: Trust | None) -> list[Found]:
        more = wish.rerank or wish.fold or wish.diversity > 0
        times = _VARIED if wish.diversity else _TWICE
        count = max(rerank.POOL, times * wish.k) if more else max(wish.k, rerank.NEIGHBOURS)
        copies_from = trust.near if trust else _SAME
        anywhere = None if among is None else self._nearest(rerank.NEIGHBOURS, None)
        while True:
            near = self._nearest(count, among)
            around = Nearest(*(column[: rerank.NEIGHBOURS] for column in anywhere or near))
            ranked = Ranking(near.ids, near.cosines, near.cosines)
            if wish.rerank and self._graph is not None and len(self._graph) >= rerank.FEWEST:
                ranked = self._reranked(near, around, among, copies_from)
            ranked = Ranking(*(column[:count] for column in ranked))
            first, copies = (
                self._folded(ranked.ids, copies_from) if wish.fold else (np.arange(len(ranked.ids)), {})
            )
            if len(first) >= wish.k or len(near.ids) < count:
                break
            count *= _VARIED  # so many were near-identical
        ranked = Ranking(*(column[first] for column in ranked))
        if not self._is_one:
            ranked, around = self._by_nearest_example(ranked, around)
        words, shares = self._judged(ranked, around, trust)
        columns = (column.tolist() for column in (ranked.ids, ranked.scores, ranked.cosines))
        hits = [
            Found(photo_id, score, cosine, word, share, copies.get(photo_id, ()))
            for photo_id, score, cosine, word, share in zip(*columns, words, shares, strict=True)
        ]
        return [hits[place] for place in self._shown(ranked, words, wish).tolist()]

    def _by_nearest_example(self, ranked: Ranking, around: Nearest) -> tuple[Ranking, Nearest]:
        """Return hits, and the query's neighbours, with the cosines of the example that each is most like.

        What scores mean was learnt from pictures; the mean of several, less others, is none.
        """
        near = self._likeness(around.ids)
        nearest = np.argsort(-near, kind="stable")
        return ranked._replace(cosines=self._likeness(ranked.ids)), Nearest(
            around.ids[nearest], near[nearest]
        )

    def _shown(self, ranked: Ranking, words: list[str | None], wish: Wish) -> np.ndarray:
        """Return the places of the hits that are shown, in their order: those that mean nothing come last."""
        if not wish.diversity:
            return np.arange(min(wish.k, len(ranked.ids)))
        meaning = sum(word != UNRELATED for word in words)
        places = np.arange(len(ranked.ids))
        parts = []
        for part in (places[:meaning], places[meaning:]):
            vectors = self._index.vectors(ranked.ids[part])
            parts.append(part[rerank.varied(vectors, ranked.scores[part], wish.k, wish.diversity)])
        return np.concatenate(parts)[: wish.k]

    def _nearest(self, count: int, among: Among | None) -> Nearest:
        """Return the nearest by cosine, so many at least where there are so many."""
        narrowed = among if among is None or self._index.engine == MILVUS else among.ids
        count = min(count + len(self._examples), len(self._index))
        ids, cosines = (found[0] for found in self._index.search(self._query[None], count, narrowed))
        answers = (ids >= 0) & ~np.isin(ids, self._examples)
        return Nearest(ids[answers], cosines[answers])

    def _likeness(self, ids: np.ndarray) -> np.ndarray:
        """Return the cosines of photos, (n,) int64, with the example that each is most like, (n,) float32."""
        likeness: np.ndarray = (self._index.vectors(ids) @ self._likes.T).max(axis=1, initial=-1)
        return likeness

    def _looks(self, ids: np.ndarray) -> np.ndarray:
        """Return how alike photos, (n,) int64, and the nearest example look, whatever they are of, (n,)."""
        looks = self._space.looks(self._index.vectors(ids)) @ self._space.looks(self._likes).T
        nearest: np.ndarray = looks.max(axis=1, initial=-1)
        return nearest

    def _lists(self, ids: np.ndarray) -> Nearest:
        """Return of photos, (n,) int64, their nearest but for the examples, (n, K)."""
        if self._graph is None:
            raise ValueError("there is no graph")
        lists = Nearest(*self._graph.neighbours(ids))
        if not len(self._examples):
            return lists
        gone = np.isin(lists.ids, self._examples)
        places = np.argsort(gone, axis=1, kind="stable")
        ids, cosines = np.where(gone, -1, lists.ids), np.where(gone, -np.inf, lists.cosines)
        return Nearest(np.take_along_axis(ids, places, 1), np.take_along_axis(cosines, places, 1))

    def _reranked(self, near: Nearest, around: Nearest, among: Among | None, copies_from: float) -> Ranking:
        """Return the nearest and their neighbours, best first."""
        lists = self._lists(around.ids).ids
        # By a set: NumPy's own imports a part of it that takes as long as half the query of a command.
        ids = np.array(sorted({*near.ids.tolist(), *lists[lists >= 0].tolist()}), dtype=np.int64)
        ids = ids[self._index.holds(ids)]
        if among is not None:
            ids = ids[among.hold(ids)]
        cosines = self._index.scores(self._query, ids)
        profile = rerank.profile(around.ids, lists)
        scores = rerank.scores(cosines, ids, self._lists(ids).ids, profile)
        order, falling = rerank.order(scores, cosines, ids, self._looks(ids) >= copies_from)
        return Ranking(ids[order], cosines[order], falling)

    def _folded(self, ids: np.ndarray, copies_from: float) -> tuple[np.ndarray, dict[int, tuple[int, ...]]]:
        """Return the places of photos, (n,) int64, that stand for themselves, and by id whom else for."""
        # Rounded, they are not quite of length 1, and then a copy would be none.
        stands = rerank.folded(unit(self._space.looks(self._index.vectors(ids))), copies_from)
        alone = stands == np.arange(len(stands))
        copies: dict[int, list[int]] = {}
        for first, copy in zip(ids[stands[~alone]].tolist(), ids[~alone].tolist(), strict=True):
            copies.setdefault(first, []).append(copy)
        return np.flatnonzero(alone), {first: tuple(others) for first, others in copies.items()}

    def _judged(
        self, ranked: Ranking, around: Nearest, trust: Trust | None
    ) -> tuple[list[str | None], list[float | None]]:
        """Return what hits mean, best first, and the share of random pairs that each is more alike than.

        All candidates are judged, however few are shown, so that a word does not depend on how many are.
        """
        if trust is None:
            return [None] * len(ranked.ids), [None] * len(ranked.ids)
        if self._graph is None:
            return [None] * len(ranked.ids), [*trust.shares(ranked.cosines)]
        hits, looks = Nearest(ranked.ids, ranked.cosines), self._looks(ranked.ids)
        judgement = trust.judge(hits, looks, self._lists(ranked.ids), around)
        return [*judgement.words], [*judgement.shares]
