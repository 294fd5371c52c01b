import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simsearch import demo, pixels
from simsearch.distortions import DISTORTIONS, FOILS, REFRAMED, SLIGHT
from simsearch.encoder import open_encoder
from simsearch.photos import find
from simsearch.trust import NEAR_IDENTICAL, SAME_KIND, SAME_SCENE, UNRELATED, WORDS, Nearest, Trust, learn

# Pairs at 0.00, 0.01 ... 0.98; a foil's best seldom exceeds 0.5, its second best 0.4, nor do the others.
KNOWN = Trust(tuple(np.arange(99) / 100), (0.5, 0.4), near=0.9, scene=0.8)

cosines = st.floats(-1, 1)


def clique(scores, cosine=0.95):
    """The arguments for hits that are all each other's neighbours."""
    count = len(scores)
    theirs = np.array([[other for other in range(count) if other != own] for own in range(count)])
    return np.array(scores), np.arange(count), theirs, np.full(theirs.shape, cosine)


def strangers(scores, cosine=0.95):
    """The arguments for hits whose neighbours the query has never met."""
    theirs = np.arange(100, 100 + 5 * len(scores)).reshape(-1, 5)
    return np.array(scores), np.arange(len(scores)), theirs, np.full(theirs.shape, cosine)


def judged(scores, ids, theirs, cosines, *, trust: Trust | None = KNOWN):
    """Judge hits that are shown in the order of their cosines."""
    nearest = Nearest(ids, scores)
    assert trust is not None
    return trust.judge(nearest, np.asarray(scores), Nearest(theirs, cosines), nearest)


def test_each_word_where_it_begins():
    verdict = judged(*clique([0.91, 0.9, 0.89, 0.8, 0.79, 0.41, 0.4, 0.1]))
    assert verdict.words == [NEAR_IDENTICAL] * 2 + [SAME_SCENE] * 2 + [SAME_KIND] * 2 + [UNRELATED] * 2
    assert verdict.meaning == 6


@pytest.mark.parametrize(
    ("scores", "meaning"),
    [
        ([0.51, 0.3], 1),  # one is nearer than a foil's best
        ([0.49, 0.41], 2),  # or the second than a foil's second best, which speaks for the first, too
        ([0.49, 0.39], 0),  # or none
        ([-1.0, -1.0], 0),
        ([0.0, 0.0], 0),  # what has no direction, as the mean of the library has none
    ],
)
def test_results_end_where_foils_come_as_near(scores, meaning):
    assert judged(*strangers(scores, cosine=0.3)).meaning == meaning


def test_hits_that_have_other_neighbours_are_of_another_kind():
    verdict = judged(*strangers([0.79, 0.7, 0.6]))
    assert verdict == ([UNRELATED] * 3, [0.78, 0.69, 0.59], 0)


def test_a_copy_needs_no_witnesses():
    assert judged(*strangers([0.95, 0.7])).words == [NEAR_IDENTICAL, UNRELATED]


def test_the_list_is_cut_where_neighbours_cease_to_be_shared():
    scores, ids, theirs, near = clique([0.7] * 6)
    theirs[4:] = 99
    assert judged(scores, ids, theirs, near).meaning == 4


def test_a_hit_without_neighbours_that_stand_out_takes_the_query_for_its_first():
    assert judged(*strangers([0.6], cosine=0.3)).meaning == 1
    scores, ids, theirs, _ = strangers([0.6])
    padded = np.full(theirs.shape, -1), np.full(theirs.shape, -np.inf)
    assert judged(scores, ids, *padded).meaning == 1
    assert judged(scores, ids, np.empty((1, 0), int), np.empty((1, 0))).meaning == 1


def test_without_hits_nothing_is_said():
    nothing = np.empty(0), np.empty(0, int), np.empty((0, 20), int), np.empty((0, 20))
    assert judged(*nothing) == ([], [], 0)


def test_shares_count_pairs_that_are_less_alike_and_promise_no_more_than_is_known():
    assert KNOWN.shares(np.array([-1, 0.0, 0.005, 0.5, 0.505, 0.975, 0.98, 1.0])) == [
        0.0, 0.0, 0.0, 0.49, 0.5, 0.97, 0.97, 0.98
    ]  # fmt: skip


@given(st.lists(cosines, max_size=25), st.integers(0, 2**32))
def test_a_higher_score_never_gets_a_lesser_word(scores, seed):
    rng = np.random.default_rng(seed)
    shape = len(scores), 6
    theirs, near = rng.integers(0, 30, shape), -np.sort(-rng.uniform(-1, 1, shape), axis=1)
    verdict = judged(np.sort(scores)[::-1], rng.permutation(30)[: len(scores)], theirs, near)
    ranks = [WORDS.index(word) for word in verdict.words]
    assert ranks == sorted(ranks)
    assert verdict.meaning == sum(word != UNRELATED for word in verdict.words)
    assert all(0 <= worse <= better < 1 for better, worse in pairwise(verdict.shares))


# Learning


def vectors(count, dim=16, seed=0):
    drawn = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def learnt(count=1_200, foils=None, sample=None, slight=0.95, reframed=0.85):
    foils = np.tile(np.linspace(0.5, 0.3, 20), (100, 1)) if foils is None else foils
    sample = vectors(100) if sample is None else sample
    return learn(sample, count, foils, np.full(50, slight), np.full(10, reframed))


def test_what_is_learnt():
    trust = learnt()
    assert trust.near == pytest.approx(0.95) and trust.scene == pytest.approx(0.85)
    assert np.allclose(trust.foils, np.linspace(0.5, 0.3, 20))
    pairs = np.sort((vectors(100) @ vectors(100).T)[np.triu_indices(100, 1)])
    for share, cosine in zip([0, 0.5, 0.98, 0.999], np.array(trust.pairs)[[0, 50, 98, 108]], strict=True):
        assert (pairs <= cosine).mean() >= share > (pairs < cosine).mean() - 1e-9
    assert len(trust.pairs) == 116  # of 4,950 pairs a 10,000th cannot be told, so nothing beyond 0.9997


def test_of_a_hundred_foils_five_pass():
    best = np.random.default_rng(0).permutation(100)[:, None] / 100
    assert learnt(foils=best).foils == (0.95,)  # conformal: the 96th of 100
    assert learnt(foils=np.repeat(best, 3, axis=1)).foils == (0.95,) * 3


def test_foils_that_pass_at_any_rank_count_once():
    first, second = np.random.default_rng(0).random((2, 1_000))
    trust = learnt(foils=np.sort([first, second], axis=0)[::-1].T)
    passing = (np.sort([first, second], axis=0)[::-1].T > trust.foils).any(axis=1).mean()
    assert 0.03 <= passing <= 0.05


def test_in_a_small_library_only_the_nearest_are_held_against_foils():
    assert [len(learnt(count).foils) for count in (20, 119, 120, 600, 1_200, 100_000)] == [
        1,
        1,
        2,
        10,
        20,
        20,
    ]


def test_the_scene_is_never_stricter_than_a_copy():
    assert learnt(slight=0.8, reframed=0.9).scene == learnt(slight=0.8, reframed=0.9).near


@pytest.mark.parametrize("count", [0, 1, 2, 10, 19])
def test_of_a_very_small_library_nothing_is_claimed(count):
    foils = np.full((2 * count, max(count - 1, 0)), 0.2)
    assert learn(vectors(count), count, foils, np.full(count, 0.9), np.full(count, 0.8)) is None


@pytest.mark.parametrize("count", [20, 30, 50, 200])
def test_of_a_small_library_something_is(count):
    verdict = judged(*clique([0.9, 0.7, 0.1]), trust=learnt(count, sample=vectors(count)))
    assert verdict.words == [SAME_SCENE, SAME_KIND, UNRELATED]


def test_too_few_foils_or_altered_photos_tell_nothing():
    assert learnt(foils=np.full((19, 5), 0.3)) is None
    assert learnt(foils=np.empty((100, 0))) is None
    assert learn(vectors(50), 50, np.full((100, 5), 0.3), np.empty(0), np.empty(0)) is None


def test_photos_that_are_all_the_same():
    same = np.repeat(vectors(1), 100, axis=0)
    trust = learnt(sample=same)  # seen from elsewhere: all at 1
    verdict = judged(*clique([1.0] * 15, cosine=1.0), trust=trust)
    assert verdict.words == [NEAR_IDENTICAL] * 15
    assert max(verdict.shares) < 1
    # Seen from their own mean they have no direction, and neither has anything made of them.
    assert learnt(sample=np.zeros_like(same), foils=np.zeros((100, 20)), slight=0.0, reframed=0.0) is None


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        learnt(foils=np.full((100, 20), np.nan))


# JSON


@given(
    st.lists(cosines, min_size=1, max_size=118).map(sorted),
    st.lists(cosines, min_size=1, max_size=20).map(lambda drawn: sorted(drawn, reverse=True)),
    st.tuples(cosines, cosines).map(sorted),
)
def test_json_round_trip(pairs, foils, marks):
    trust = Trust(tuple(pairs), tuple(foils), near=marks[1], scene=marks[0])
    assert Trust.from_json(trust.to_json()) == trust


SOUND = KNOWN._asdict()


@pytest.mark.parametrize(
    "damaged",
    [
        [],
        {},
        None,
        7,
        "text",
        {**SOUND, "more": 1},
        {**SOUND, "near": None},
        {**SOUND, "near": "0.9"},
        {**SOUND, "near": True},
        {**SOUND, "near": math.nan},
        {**SOUND, "near": 7},
        {**SOUND, "near": 0.7},
        {**SOUND, "pairs": []},
        {**SOUND, "pairs": 0.5},
        {**SOUND, "pairs": {"0": 0.5}},
        {**SOUND, "pairs": [0.2, 0.1]},
        {**SOUND, "pairs": [0.1] * 119},
        {**SOUND, "foils": []},
        {**SOUND, "foils": [0.1, 0.2]},
        {**SOUND, "foils": [0.1] * 21},
        {**SOUND, "foils": [[0.1]]},
    ],
)
def test_damaged_json_is_refused(damaged):
    with pytest.raises(ValueError, match="of a library|cosines"):
        Trust.from_json(json.dumps(damaged))


@given(st.integers(0, 200))
def test_json_cut_short_is_refused(length):
    with pytest.raises(ValueError, match="of a library"):
        Trust.from_json(KNOWN.to_json()[:length])


# Real photos

KINDS = ("Faces_easy", "Leopards", "chair", "dollar_bill", "laptop", "minaret", "schooner", "water_lilly")


@pytest.mark.network
def test_words_on_real_photos(real_photos):
    """320 photos of 8 kinds; another 40 of them ask, and 60 pictures show other things."""
    encoder = open_encoder("efficientnet-lite0")

    def encoded(image):
        return encoder.encode(pixels.letterbox(image, encoder.input_size))

    folders = [real_photos / "caltech40" / kind for kind in KINDS]
    paths = [folder / found.path for folder in folders for found in find(folder).photos]
    labels = np.array([path.parent.name for path in paths])
    images = [pixels.decode(path.read_bytes(), path, at_least=400).image for path in paths]
    raw = np.array([encoded(image) for image in images])
    asking = np.arange(len(raw)) % 9 == 0
    mean = raw[~asking].mean(axis=0)

    def placed(vectors):
        centred = np.asarray(vectors) - mean
        return centred / np.linalg.norm(centred, axis=1, keepdims=True)

    library, names = placed(raw[~asking]), labels[~asking]
    drawn = np.random.default_rng(0).choice(len(library), 60, replace=False)
    thumbnails = [images[row] for row in np.flatnonzero(~asking)[drawn]]
    foils = np.concatenate(
        [placed([encoded(foil(image)) for image in thumbnails]) for foil in FOILS.values()]
    )
    near_foils = foils @ library.T
    near_foils[np.arange(len(foils)), np.tile(drawn, len(FOILS))] = -np.inf

    def altered(names):
        changed = placed([encoded(DISTORTIONS[name](image)) for name in names for image in thumbnails])
        return (changed * np.tile(library[drawn], (len(names), 1))).sum(axis=1)

    best = -np.sort(-near_foils, axis=1)[:, :20]
    trust = learn(library, len(library), best, altered(SLIGHT), altered(REFRAMED))
    assert trust is not None
    mutual = library @ library.T
    np.fill_diagonal(mutual, -np.inf)
    theirs = np.argsort(-mutual, axis=1)[:, :20]
    cosines = np.take_along_axis(mutual, theirs, axis=1)

    def answered(vector):
        scores = library @ vector
        ids = np.argsort(-scores)[:20]
        return ids, judged(scores[ids], ids, theirs[ids], cosines[ids], trust=trust)

    right, called, there = 0, 0, 0
    for vector, name in zip(placed(raw[asking]), labels[asking], strict=True):
        ids, verdict = answered(vector)
        same = names[ids[:15]] == name
        right += same[: verdict.meaning].sum()
        called += min(verdict.meaning, 15)
        there += same.sum()
    others: list[Image.Image] = [
        Image.open(path) for path in sorted((real_photos / "cameras").glob("*PowerShot S*"))
    ]
    others += [
        demo.draw_picture(kind, seed) for kind in ("pizzas", "sunflowers") for seed in range(1_000, 1_010)
    ]
    others += [Image.new("RGB", (300, 200), (seed * 12, 90, 255 - seed * 12)) for seed in range(20)]
    noise = np.random.default_rng(0)
    others += [Image.fromarray(noise.integers(0, 256, (200, 300, 3), np.uint8)) for _ in range(20)]
    nothing = [
        answered(vector)[1].meaning == 0
        for vector in placed([encoded(pixels.decode(image, "x", at_least=400).image) for image in others])
    ]
    assert right / called >= 0.85
    assert right / there >= 0.8
    assert np.mean(nothing) >= 0.8
