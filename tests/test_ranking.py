"""Ranking over a real store and real indexes, whose photos are vectors in clusters."""

import json
import shutil
import threading

import numpy as np
import pytest

from simsearch import rerank, space
from simsearch.among import Among
from simsearch.index.graph import Graph
from simsearch.index.tuning import usual
from simsearch.indexes import Indexes
from simsearch.photos import Found as Photo
from simsearch.ranking import Examples, Ranker, Wish
from simsearch.space import Spread
from simsearch.store import About, Content, Store
from simsearch.trust import NEAR_IDENTICAL, SAME_KIND, SAME_SCENE, UNRELATED, Trust
from simsearch.vectors import SPACE

DIM, KINDS, EACH = 32, 8, 30
ENGINES = ["exact", "faiss", "lsh"]
NONE = np.empty(0, dtype=np.int64)
# Pairs at 0.00 ... 0.98; what shows nothing is no nearer than 0.6, and then no nearer than 0.5.
TRUST = Trust(tuple(np.arange(99) / 100), (0.6, *[0.5] * 19), near=0.98, scene=0.95)
# As if somebody had tuned it: to tune takes a second.
TUNED = json.dumps({"wish": 0.95, "knobs": {}, "photos": 240, "settings": usual(240)._asdict()})


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


class Album:
    """A store whose photos are of some kinds: ids from 1, the kinds one behind the other."""

    def __init__(self, folder):
        self.rng = np.random.default_rng(0)
        self.centres = unit(self.rng.normal(size=(KINDS, DIM)))
        self.store = Store(folder)
        if self.store.roots():  # a copy of one that was made before
            [self.root], self.count = self.store.roots(), self.store.counts()["photos"]
            self.rng = np.random.default_rng(1)
            return
        with self.store.transaction():
            self.store.set_setting("encoder", "toy")
            self.store.set_setting("lsh", TUNED)
            self.root = self.store.add_root(folder / "photos")
        self.count = 0
        for kind in range(KINDS):
            self.put(self.some_of(kind, EACH))

    def some_of(self, kind, how_many, noise=0.12):
        return unit(self.centres[kind] + noise * self.rng.normal(size=(how_many, DIM)))

    def put(self, vectors):
        """Add photos; return their ids."""
        with self.store.transaction():
            for number, vector in enumerate(np.asarray(vectors, dtype="<f2"), self.count):
                content = Content(
                    f"{number:064x}", About(1, 1, None, None, None, None, 1), vector.tobytes(), b""
                )
                self.store.put(self.root, Photo(f"{number}.jpg", 1, 1), content)
        self.count += len(vectors)
        return list(range(self.count - len(vectors) + 1, self.count + 1))

    def miss(self, ids, missing=True):
        with self.store.transaction():
            self.store.set_missing(ids, missing)

    def calibrate(self, trust=TRUST):
        told = {"space": self.store.setting(SPACE) or "", "photos": self.count, "trust": trust._asdict()}
        with self.store.transaction():
            self.store.set_learnt("trust", json.dumps(told).encode())

    def switch_space(self):
        """Learn a space, as another process does."""
        learnt = space.pca(Spread(block for _, block in self.store.vectors(DIM)))
        with self.store.transaction():
            self.store.set_learnt(SPACE, learnt.to_bytes())
            self.store.set_setting(SPACE, learnt.mark)
        return learnt

    def ranker(self):
        return Ranker(self.store, Indexes(self.store))

    def cosines(self, query):
        ids, vectors = map(np.concatenate, zip(*self.store.vectors(DIM), strict=True))
        return dict(zip(ids.tolist(), (vectors @ query).tolist(), strict=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("album")
    Album(folder).store.close()
    return folder


@pytest.fixture
def album(made, tmp_path):
    shutil.copy(made / "library.db", tmp_path)
    album = Album(tmp_path)
    yield album
    album.store.close()


def ids_of(kind, among=None):
    ids = range(1 + kind * EACH, 1 + (kind + 1) * EACH)
    return [id for id in ids if among is None or id in among]


def examples(*likes, minus=(), photos=()):
    dislikes = np.array(minus, dtype=np.float32).reshape(-1, DIM)
    return Examples(np.array(likes, dtype=np.float32), dislikes, np.array(photos, dtype=np.int64))


def wish(k=15, engine="auto", reranked=True, diversity=0.0, fold=False):
    return Wish(k, engine, reranked, diversity, fold)


def ids(found):
    return [one.id for one in found]


def well_formed(found, k):
    assert len(found) == len({*ids(found)}) == k
    assert all(np.isfinite(one.score) and np.isfinite(one.cosine) for one in found)
    assert all(one.score <= 1 + 1e-3 and -1.001 <= one.cosine <= 1.001 for one in found)


# Order


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_finds_the_kind_best_first(album, engine):
    album.calibrate()
    ranker, query = album.ranker(), album.some_of(2, 1)[0]
    found = ranker.find(examples(query), wish(engine=engine), None)
    well_formed(found, 15)
    assert {*ids(found)} <= {*ids_of(2)}
    assert [one.score for one in found] == sorted([one.score for one in found], reverse=True)
    truth = album.cosines(query)
    assert found[0].id == max(truth, key=truth.__getitem__)
    assert all(one.cosine == pytest.approx(truth[one.id], abs=2e-3) for one in found)
    assert {one.trust for one in found} <= {NEAR_IDENTICAL, SAME_SCENE, SAME_KIND}
    assert all(one.beats is not None and one.beats > 0.5 for one in found)


def test_the_order_is_that_of_the_rule(album):
    """All photos scored, from a graph by comparing each with each."""
    query = album.some_of(4, 1, noise=0.3)[0]
    every, vectors = map(np.concatenate, zip(*album.store.vectors(DIM), strict=True))
    products = vectors @ vectors.T
    np.fill_diagonal(products, -np.inf)
    lists = every[np.argsort(-products, axis=1)[:, : rerank.NEIGHBOURS]]
    cosines = vectors @ query
    nearest = np.argsort(-cosines)[: rerank.NEIGHBOURS]
    scores = rerank.scores(cosines, every, lists, rerank.profile(every[nearest], lists[nearest]))
    places, falling = rerank.order(scores, cosines, every, cosines >= 0.9999)
    found = album.ranker().find(examples(query), wish(20), None)
    assert ids(found) == every[places][:20].tolist()
    assert [one.score for one in found] == pytest.approx(falling[:20].tolist(), abs=1e-5)


def test_neighbours_bring_in_what_the_cosine_alone_would_not(album):
    """A query between two kinds, a little nearer to one: cosine mixes them, neighbours do not."""
    query = unit(0.53 * album.centres[0] + 0.47 * album.centres[1])
    ranker = album.ranker()
    by_cosine, found = (
        ids(ranker.find(examples(query), wish(20, reranked=again), None)) for again in (False, True)
    )
    truth = album.cosines(query)
    assert by_cosine == sorted(truth, key=lambda id: (-truth[id], id))[:20]
    assert found[0] == by_cosine[0]
    # The neighbours of the first three decide.
    assert len({*found} & {*ids_of(0)}) != len({*by_cosine} & {*ids_of(0)})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "how", [{}, {"reranked": False}, {"fold": True}, {"diversity": 0.5}, {"fold": True, "diversity": 1.0}]
)
def test_the_same_query_twice_gives_the_same_answer(album, engine, how):
    album.calibrate()
    query, ranker = album.some_of(5, 1)[0], album.ranker()
    first = ranker.find(examples(query), wish(engine=engine, **how), None)
    well_formed(first, 15)
    assert ranker.find(examples(query), wish(engine=engine, **how), None) == first
    assert album.ranker().find(examples(query), wish(engine=engine, **how), None) == first


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("k", [1, 2, 60, 240, 1_000])
def test_there_are_as_many_as_were_asked_for(album, engine, k):
    query, ranker = album.some_of(5, 1)[0], album.ranker()
    for how in ({}, {"reranked": False}, {"diversity": 0.5}, {"fold": True}):
        well_formed(ranker.find(examples(query), wish(k, engine, **how), None), min(k, KINDS * EACH))


def test_the_first_is_the_same_however_many_are_asked_for(album):
    query, ranker = album.some_of(5, 1)[0], album.ranker()
    assert {ranker.find(examples(query), wish(k), None)[0].id for k in (1, 2, 15, 100)} == {
        max(album.cosines(query).items(), key=lambda one: one[1])[0]
    }


def test_a_library_of_few_photos_is_ranked_by_the_cosine_alone(tmp_path):
    store = Store(tmp_path)
    album = Album.__new__(Album)
    album.store, album.rng, album.count = store, np.random.default_rng(0), 0
    with store.transaction():
        store.set_setting("encoder", "toy")
        album.root = store.add_root(tmp_path / "photos")
    ranker, query = album.ranker(), unit(album.rng.normal(size=DIM))
    assert ranker.find(examples(query), wish(), None) == []
    for count in (1, 2, rerank.FEWEST - 1):
        album.put(unit(album.rng.normal(size=(count - album.count, DIM))))
        found = ranker.find(examples(query), wish(), None)
        well_formed(found, min(count, 15))
        assert [one.score for one in found] == [one.cosine for one in found]
        assert {(one.trust, one.beats) for one in found} == {(None, None)}
    album.put(unit(album.rng.normal(size=(1, DIM))))
    found = ranker.find(examples(query), wish(), None)
    assert [one.score for one in found] != [one.cosine for one in found]
    store.close()


# Examples


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reranked", [True, False])
def test_examples_that_are_photos_of_the_library_never_answer(album, engine, reranked):
    mine = ids_of(3)[:20]
    likes = [album.store.vector(id) for id in mine]
    found = album.ranker().find(examples(*likes, photos=mine), wish(30, engine, reranked), None)
    well_formed(found, 30)
    assert not {*ids(found)} & {*mine}
    assert {*ids(found)[:10]} == {*ids_of(3)} - {*mine}


def test_examples_are_no_witnesses(album):
    """With them gone from the library, the same hits have the same scores."""
    album.calibrate()
    mine = [*ids_of(3)[:12], *ids_of(4)[:3]]
    given = examples(
        *[album.store.vector(id) for id in mine[:12]],
        minus=[album.store.vector(id) for id in mine[12:]],
        photos=mine,
    )
    there = album.ranker().find(given, wish(18), None)
    album.miss(mine)
    gone = album.ranker().find(given, wish(18), None)
    before, after = ({one.id: one for one in found} for found in (there, gone))
    assert before.keys() == after.keys() == {*ids_of(3)[12:]}
    for id, one in before.items():
        assert (one.cosine, one.trust) == (pytest.approx(after[id].cosine), after[id].trust)
        # Lists of twenty are a little shorter without the examples.
        assert one.score == pytest.approx(after[id].score, abs=0.1)


def test_when_all_photos_are_examples_nobody_answers(album):
    every = list(range(1, album.count + 1))
    given = examples(*[album.store.vector(id) for id in every], photos=every)
    album.calibrate()
    for how in ({}, {"reranked": False}, {"fold": True}, {"diversity": 1.0}):
        assert album.ranker().find(given, wish(**how), None) == []
    assert album.ranker().find(given, wish(), Among(np.array([5, 6]))) == []


def test_an_example_given_twice_counts_twice_and_hides_one(album):
    vector = album.store.vector(7)
    found = album.ranker().find(examples(vector, vector, photos=[7, 7]), wish(500), None)
    assert len(found) == album.count - 1 and 7 not in ids(found)


def test_an_example_that_is_in_the_library_no_more_hides_nobody(album):
    vector = album.store.vector(7)
    album.miss([7])
    well_formed(album.ranker().find(examples(vector, photos=[7, 9_999]), wish(500), None), album.count - 1)


def test_what_is_not_wanted_is_pushed_back(album):
    between = unit(album.centres[0] + album.centres[1])
    ranker = album.ranker()
    mixed = ids(ranker.find(examples(between), wish(40), None))
    wanted = ids(ranker.find(examples(between, minus=[album.centres[1]]), wish(25), None))
    assert {*mixed} & {*ids_of(0)} and {*mixed} & {*ids_of(1)}
    assert {*wanted} <= {*ids_of(0)}


def test_several_examples_find_what_is_like_each(album):
    found = ids(album.ranker().find(examples(album.centres[0], album.centres[1]), wish(50), None))
    assert min(len({*found} & {*ids_of(kind)}) for kind in (0, 1)) >= 10


# Filters


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", [{}, {"reranked": False}, {"fold": True}, {"diversity": 0.7}])
def test_of_the_photos_that_may_answer_there_are_as_many_as_asked_for(album, engine, how):
    ranker, query = album.ranker(), album.some_of(6, 1)[0]
    for allowed in ([3], [1, 2, 40, 41, 42], ids_of(0), ids_of(6)[:7], [*ids_of(6), *ids_of(1)]):
        for k in (1, 15, 100):
            found = ranker.find(examples(query), wish(k, engine, **how), Among(np.array(allowed)))
            well_formed(found, min(k, len(allowed)))
            assert {*ids(found)} <= {*allowed}
    assert ranker.find(examples(query), wish(engine=engine, **how), Among(NONE)) == []
    assert ranker.find(examples(query), wish(engine=engine, **how), Among(np.array([9_999]))) == []


def test_examples_among_those_that_may_answer_do_not(album):
    allowed, mine = ids_of(6)[:20], ids_of(6)[:4]
    given = examples(*[album.store.vector(id) for id in mine], photos=mine)
    found = album.ranker().find(given, wish(16), Among(np.array(allowed)))
    assert {*ids(found)} == {*allowed} - {*mine}
    assert album.ranker().find(given, wish(), Among(np.array(mine))) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_filter_leaves_scores_and_words_as_they_are(album, engine):
    """The neighbours of the whole library bear witness, not only those that the filter leaves."""
    album.calibrate()
    ranker, query = album.ranker(), album.some_of(6, 1)[0]
    all_of_them = {one.id: one for one in ranker.find(examples(query), wish(album.count, engine), None)}
    allowed = [*ids_of(6)[::3], *ids_of(0)[::5]]
    found = ranker.find(examples(query), wish(100, engine), Among(np.array(allowed)))
    nearest = max(allowed, key=lambda id: all_of_them[id].cosine)
    assert found[0].id == nearest, "of those that may answer, the nearest comes first"
    for one in found[1:]:
        assert one.score == pytest.approx(all_of_them[one.id].score, abs=1e-6)
        assert (one.trust, one.beats) == all_of_them[one.id][3:5]
    related = {one.id for one in found if one.trust != UNRELATED}
    assert related <= {*ids_of(6)[::3]} and len(related) >= 9


# Copies and variety


def test_near_identical_hits_become_one(album):
    """Five of one and three of another, and the copies that a hit stands for are with it, best first."""
    query = album.some_of(1, 1)[0]
    copies = album.put(np.repeat(query[None], 5, axis=0))
    near = unit(query + 0.05 * album.rng.normal(size=DIM))
    others = album.put(np.repeat(near[None], 3, axis=0))
    found = album.ranker().find(examples(query), wish(fold=True), None)
    well_formed(found, 15)
    folded = {one.id: one.copies for one in found if one.copies}
    assert folded == {copies[0]: tuple(copies[1:]), others[0]: tuple(others[1:])}
    assert found[0].id == copies[0]
    unfolded = album.ranker().find(examples(query), wish(20), None)
    assert ids(unfolded)[:5] == copies and not any(one.copies for one in unfolded)


def test_what_counts_as_a_copy_is_what_the_library_has_learnt(album):
    query = album.some_of(1, 1)[0]
    near = unit(query + 0.02 * album.rng.normal(size=(4, DIM)))
    assert 0.98 < (near @ near.T).min() < 0.9999
    album.put(near)
    assert not any(one.copies for one in album.ranker().find(examples(query), wish(fold=True), None))
    album.calibrate()
    assert len(album.ranker().find(examples(query), wish(fold=True), None)[0].copies) == 3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reranked", [True, False])
@pytest.mark.parametrize("among", [False, True])
def test_however_many_copies_there_are_as_many_hits_as_asked_for(album, engine, reranked, among):
    """Three hundred copies would fill any list of candidates."""
    query = album.some_of(1, 1)[0]
    copies = album.put(np.repeat(query[None], 300, axis=0))
    allowed = Among(np.array([*copies, *ids_of(1)])) if among else None
    found = album.ranker().find(examples(query), wish(15, engine, reranked, 0.0, True), allowed)
    well_formed(found, 15)
    assert found[0].id == copies[0] and found[0].copies == tuple(copies[1:])
    assert {*ids(found)[1:]} <= {*ids_of(1)}


def test_a_library_of_copies_is_one_hit(album):
    album.miss(range(1, album.count + 1))
    copies = album.put(np.repeat(album.some_of(1, 1), 200, axis=0))
    query = album.centres[1]
    [one] = album.ranker().find(examples(query), wish(fold=True), None)
    assert (one.id, one.copies) == (copies[0], tuple(copies[1:]))
    assert ids(album.ranker().find(examples(query), wish(), None)) == copies[:15]


def test_diversity_brings_in_other_kinds_and_keeps_the_best(album):
    ranker, query = album.ranker(), album.some_of(2, 1)[0]

    def kinds(diversity):
        found = ranker.find(examples(query), wish(diversity=diversity), None)
        well_formed(found, 15)
        return found[0].id, len({(one.id - 1) // EACH for one in found})

    best = ids(ranker.find(examples(query), wish(), None))[0]
    assert [kinds(diversity)[0] for diversity in (0.0, 0.5, 1.0)] == [best] * 3
    assert kinds(0.0)[1] == 1 < kinds(1.0)[1]


@pytest.mark.parametrize("diversity", [0.3, 0.6, 1.0])
def test_what_is_shown_for_being_different_is_called_what_it_is(album, diversity):
    """That something related is shown behind it says nothing of it."""
    album.calibrate()
    query = album.some_of(2, 1)[0]
    album.put([query, unit(query + 0.01 * album.rng.normal(size=DIM))])
    ranker = album.ranker()
    plain = {one.id: one.trust for one in ranker.find(examples(query), wish(album.count), None)}
    found = ranker.find(examples(query), wish(album.count, diversity=diversity), None)
    assert {one.trust for one in found} > {UNRELATED}
    for one in found:
        assert one.id not in ids_of(0) or one.trust == UNRELATED
        if plain[one.id] == UNRELATED:
            assert one.trust == UNRELATED


def test_folded_and_varied_at_once(album):
    album.calibrate()
    query = album.some_of(2, 1)[0]
    copies = album.put(np.repeat(query[None], 120, axis=0))
    found = album.ranker().find(examples(query), wish(15, diversity=0.5, fold=True), None)
    well_formed(found, 15)
    assert found[0].id == copies[0] and found[0].copies == tuple(copies[1:])
    assert found[0].trust == NEAR_IDENTICAL
    folded = [*found[0].copies, *(copy for one in found[1:] for copy in one.copies)]
    assert not {*folded} & {*ids(found)} and len(folded) == len({*folded})


# Graphs that are behind


def test_a_photo_that_is_gone_is_no_candidate_though_the_graph_has_it(album, monkeypatch):
    monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    monkeypatch.setattr("simsearch.neighbourhood._FEW_CHANGES", 0)
    indexes = Indexes(album.store)
    indexes.refresh(DIM)
    gone = ids_of(2)[:10]
    album.miss(gone)
    with indexes.lock:
        graph = indexes.graph(DIM)
    assert graph is not None and len(graph) == album.count, "it must lag for this test to test anything"
    ranker = Ranker(album.store, indexes)
    for engine in ENGINES:
        found = ranker.find(examples(album.centres[2]), wish(engine=engine), None)
        well_formed(found, 15)
        assert not {*ids(found)} & {*gone}


def test_a_photo_that_the_graph_does_not_know_is_found(album, monkeypatch):
    """By its own cosine, and not behind all that the graph knows."""
    monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    monkeypatch.setattr("simsearch.neighbourhood._FEW_CHANGES", 0)
    indexes = Indexes(album.store)
    indexes.refresh(DIM)
    ranker, query = Ranker(album.store, indexes), album.some_of(2, 1)[0]
    new = album.put(unit(query + 0.05 * album.rng.normal(size=(5, DIM))))
    album.calibrate()
    found = ranker.find(examples(query), wish(), None)
    assert {*ids(found)[:5]} == {*new}
    assert all(one.score == pytest.approx(one.cosine) for one in found[1:5])
    assert {one.trust for one in found[:5]} <= {NEAR_IDENTICAL, SAME_SCENE, SAME_KIND}


@pytest.mark.parametrize("engine", ENGINES)
def test_photos_that_another_process_adds_are_found_and_ranked_at_once(album, engine):
    ranker, query = album.ranker(), album.some_of(2, 1)[0]
    ranker.find(examples(query), wish(engine=engine), None)
    with_another = Store(album.store.path.parent)
    there, album.store = album.store, with_another
    new = album.put(unit(query + 0.05 * album.rng.normal(size=(5, DIM))))
    album.miss(ids_of(2)[:5])
    album.store = there
    with_another.close()
    found = ranker.find(examples(query), wish(25, engine), None)
    assert {*ids(found)[:5]} == {*new} and not {*ids(found)} & {*ids_of(2)[:5]}
    assert found == album.ranker().find(examples(query), wish(25, engine), None)


def test_without_a_graph_the_cosine_ranks_and_there_are_shares_but_no_words(album, monkeypatch):
    monkeypatch.setattr("simsearch.neighbourhood._FEW", 10)
    album.calibrate()
    ranker, query = album.ranker(), album.some_of(2, 1)[0]
    found = ranker.find(examples(query), wish(), None)
    assert [one.score for one in found] == [one.cosine for one in found]
    assert {one.trust for one in found} == {None}
    assert all(one.beats is not None and 0 <= one.beats < 1 for one in found)
    Indexes(album.store).refresh(DIM)  # as another process does
    assert ranker.find(examples(query), wish(), None)[0].trust is not None


# Spaces


def test_a_space_that_another_process_switches_to_is_searched_in_at_once(album):
    ranker, query = album.ranker(), album.some_of(2, 1, noise=0.3)[0]
    before = ranker.find(examples(query), wish(), None)
    album.calibrate()
    learnt = album.switch_space()
    found = ranker.find(examples(query), wish(), None)
    assert found == album.ranker().find(examples(query), wish(), None) != before
    assert {one.trust for one in found} == {None}, "what was learnt in another space says nothing here"
    [direction] = learnt.project(query[None])
    for one in found:
        [own] = learnt.project(album.store.vector(one.id)[None])
        assert one.cosine == pytest.approx(float(own @ direction), abs=2e-3)


def test_a_space_that_is_switched_in_the_middle_of_a_query(album, monkeypatch):
    """Between index and graph: that query may mix what it knows, but must not fail, and the next is right."""
    album.calibrate()
    ranker, query = album.ranker(), album.some_of(2, 1)[0]
    graph = Indexes.graph
    switched: list[object] = []

    def switch(self, dim, engine):
        if not switched:
            switched.append(album.switch_space())
        return graph(self, dim, engine)

    monkeypatch.setattr(Indexes, "graph", switch)
    well_formed(ranker.find(examples(query), wish(), None), 15)
    monkeypatch.undo()
    assert switched
    assert ranker.find(examples(query), wish(), None) == album.ranker().find(examples(query), wish(), None)


@pytest.mark.parametrize("when", [1, 2, 3])
def test_photos_that_come_and_go_while_the_graph_follows(album, monkeypatch, when):
    """One that goes after it was asked what changed, and before the index is looked at."""
    ranker, query = album.ranker(), album.some_of(2, 1)[0]
    ranker.find(examples(query), wish(), None)
    album.put(album.some_of(2, 2))
    changed = Store.changed
    told: list[int] = []

    def meanwhile(self, since):
        found = changed(self, since)
        told.append(since)
        if len(told) == when:
            album.miss(ids_of(2)[:3])
            album.put(album.some_of(2, 1))
        return found

    # The index asks first, then the graph.
    monkeypatch.setattr(Store, "changed", meanwhile)
    well_formed(ranker.find(examples(query), wish(), None), 15)
    monkeypatch.undo()
    assert told
    if len(told) < when:
        album.miss(ids_of(2)[:3])
    found = ranker.find(examples(query), wish(100), None)
    assert found == album.ranker().find(examples(query), wish(100), None)
    assert not {*ids(found)} & {*ids_of(2)[:3]}


def test_many_threads_while_photos_come_and_go(album):
    album.calibrate()
    ranker, problems = album.ranker(), list[BaseException]()
    queries = [album.some_of(kind, 1)[0] for kind in range(4)]

    def search(query, engine):
        try:
            for turn in range(12):
                how = {"diversity": 0.4, "fold": True} if turn % 2 else {}
                well_formed(ranker.find(examples(query), wish(engine=engine, **how), None), 15)
        except BaseException as error:  # told below
            problems.append(error)

    threads = [
        threading.Thread(target=search, args=(query, engine))
        for query, engine in zip(queries, ["exact", "faiss", "lsh", "auto"], strict=True)
    ]
    for thread in threads:
        thread.start()
    for step in range(12):
        album.put(album.some_of(step % 4, 3))
        album.miss([step + 1])
        if step == 6:
            album.switch_space()
    for thread in threads:
        thread.join()
    assert not problems
    for query in queries:
        found, anew = (one.find(examples(query), wish(), None) for one in (ranker, album.ranker()))
        assert ids(found) == ids(anew)
        # Graphs that were made in another order round otherwise, and two neighbours may change places.
        assert [one.score for one in found] == pytest.approx([one.score for one in anew], abs=1e-2)


def test_an_embedding_that_is_damaged_by_now_does_not_stop_the_graph(album, monkeypatch, caplog):
    Indexes(album.store).refresh(DIM)
    with album.store.transaction():
        album.store._write("DROP TRIGGER IF EXISTS embedding_changed")
        album.store._write("UPDATE embeddings SET vector = x'00' WHERE photo_id = 65")
    album.put(album.some_of(2, 3))
    found = album.ranker().find(examples(album.centres[2]), wish(200), None)
    well_formed(found, 200)
    assert 65 not in ids(found)
    indexes = Indexes(album.store)
    with indexes.lock:
        graph = indexes.graph(DIM)
    assert isinstance(graph, Graph) and 65 not in graph.ids and len(graph) == album.count - 1
