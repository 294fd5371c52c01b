"""What learning from kinds gains, on made-up photos that it must help or cannot, and how it is measured."""

import numpy as np
import pytest

from simsearch import learning, space
from simsearch.errors import LearningError
from simsearch.learning import Gain, Quality
from simsearch.space import Spread


def made_up(kinds=12, each=20, noise=1.0, seed=0):
    """Embeddings in which four numbers tell the kinds apart, and twenty that vary more say nothing."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(kinds), each)
    telling = random.normal(size=(kinds, 4))[of] + 0.1 * random.normal(size=(len(of), 4))
    others = noise * random.normal(size=(len(of), 20))
    return space.unit(np.concatenate([telling, others], axis=1).astype(np.float32)), of


def learn(vectors, kinds):
    return learning.learn(Spread([vectors]), vectors, kinds)


def test_folders_help_where_what_tells_them_apart_is_drowned():
    vectors, kinds = made_up()
    learnt, gain = learn(vectors, kinds)
    assert learnt.kind == "folders" and learnt.takes(24)
    assert gain.after.precision_at_15 > gain.before.precision_at_15 + 0.2
    assert gain.after.accuracy > gain.before.accuracy
    # The same numbers tell other kinds apart, too, so that these gain as well.
    assert gain.others_before and gain.others_after
    assert gain.others_after.precision_at_15 > gain.others_before.precision_at_15
    assert not gain.is_loss


def test_what_is_gained_is_gained_by_photos_that_nobody_labelled():
    vectors, kinds = made_up(each=40)
    seen, unseen = np.arange(len(kinds)) % 2 == 0, np.arange(len(kinds)) % 2 == 1
    learnt, _ = learn(vectors[seen], kinds[seen])
    asked = np.flatnonzero(unseen)
    before = learning._quality(vectors, kinds, asked, seen)
    after = learning._quality(learnt.project(vectors), kinds, asked, seen)
    assert after.precision_at_15 > before.precision_at_15 + 0.2


def test_labels_that_mean_nothing_gain_nothing():
    vectors, kinds = made_up()
    gains = [learn(vectors, np.random.default_rng(seed).permutation(kinds))[1] for seed in range(4)]
    changes = [gain.after.precision_at_15 - gain.before.precision_at_15 for gain in gains]
    assert np.mean(changes) < 0.03 and max(changes) < 0.08  # where folders mean something: 0.2 and more


@pytest.mark.parametrize("kinds", [2, 3])
def test_of_two_kinds_none_can_be_left_out(kinds):
    _, gain = learn(*made_up(kinds))
    assert (gain.others_before is None) == (gain.others_after is None) == (kinds == 2)


def test_it_learns_the_same_from_the_same_photos():
    (one, gain), (other, again) = learn(*made_up()), learn(*made_up())
    assert one.to_bytes() == other.to_bytes() and gain == again


def test_kinds_of_the_fewest_photos_can_be_learnt():
    _, gain = learn(*made_up(each=learning.SMALLEST_KIND))
    assert 0 <= gain.before.precision_at_15 <= gain.after.precision_at_15 <= 1


@pytest.mark.parametrize("count", [0, 8])
def test_one_kind_teaches_nothing(count):
    vectors, _ = made_up()
    with pytest.raises(LearningError, match="one kind cannot be told from others"):
        learn(vectors[:count], np.zeros(count, dtype=np.int64))


def test_photos_that_are_all_alike_teach_nothing():
    vectors, kinds = made_up()
    with pytest.raises(LearningError, match="the photos do not differ"):
        learn(np.repeat(vectors[:1], len(kinds), axis=0), kinds)


# A loss

GOOD, WORSE = Quality(0.9, 0.8, 0.9), Quality(0.9, 0.7, 0.9)


@pytest.mark.parametrize(
    ("gain", "loss"),
    [
        (Gain(GOOD, GOOD, None, None, 400, 0), False),
        (Gain(WORSE, GOOD, None, None, 400, 0), False),
        (Gain(GOOD, WORSE, None, None, 400, 0), True),
        (Gain(WORSE, GOOD, GOOD, GOOD, 400, 400), False),
        (Gain(WORSE, GOOD, GOOD, WORSE, 400, 400), True),
        (Gain(WORSE, Quality(0.89, 0.9, 0.9), None, None, 400, 0), True),  # the first are what people see
        (Gain(GOOD, Quality(0.9, 0.9, 0.8), None, None, 400, 0), False),
        (Gain(GOOD, Quality(0.895, 0.795, 0.9), None, None, 400, 0), False),  # within what is measured
        (Gain(GOOD, Quality(0.89, 0.8, 0.9), None, None, 100, 0), False),  # one photo
        (Gain(GOOD, Quality(0.88, 0.8, 0.9), None, None, 100, 0), True),  # two
        (Gain(WORSE, GOOD, GOOD, Quality(0.895, 0.795, 0.895), 9, 400), False),
        (Gain(WORSE, GOOD, GOOD, Quality(0.88, 0.9, 0.95), 9, 400), True),
        (Gain(WORSE, GOOD, GOOD, Quality(0.88, 0.9, 0.95), 9, 50), False),
    ],
)
def test_it_is_a_loss_if_any_kinds_are_found_worse_by_more_than_a_photo(gain, loss):
    assert gain.is_loss == loss


# The measures


def on_a_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def everybody(vectors, kinds):
    asked, answers = np.arange(len(kinds)), np.ones(len(kinds), dtype=bool)
    return learning._quality(vectors, np.array(kinds), asked, answers)


def test_kinds_that_lie_apart_are_found_whole():
    # Of each kind only two others can be found, which is all that is asked of the first fifteen.
    assert everybody(on_a_circle(0, 1, 2, 90, 91, 92), [0, 0, 0, 1, 1, 1]) == (1, 1, 1)


def test_a_photo_of_a_kind_of_its_own_finds_nothing():
    # 0 and 1 find each other first; 45 has nobody to find, and votes for 1's kind.
    quality = everybody(on_a_circle(0, 1, 45), [0, 0, 1])
    assert quality == pytest.approx((2 / 3, 2 / 3, 2 / 3))


def test_the_measures_by_hand():
    # Of 0 the nearest are 10 (other), 30 (own), 90 (other); two others of its kind would be possible: at 30
    # and 91. So: first wrong; of two one right. The votes: cos 10 + cos 90 = 0.985 to cos 30 + 0 = 0.866.
    vectors, kinds = on_a_circle(0, 10, 30, 90, 91), np.array([0, 1, 0, 1, 0])
    answers = np.ones(5, dtype=bool)
    assert learning._quality(vectors, kinds, np.array([0]), answers) == (0, 0.5, 0)
    # Without the one at 10 the first is right, the second (90) wrong, and so they vote.
    answers[1] = False
    assert learning._quality(vectors, kinds, np.array([0]), answers) == (1, 0.5, 1)


def test_one_that_may_not_answer_has_all_of_its_kind_to_find():
    vectors, kinds = on_a_circle(0, 1, 2, 90), np.array([0, 0, 0, 1])
    answers = np.array([False, True, True, True])
    assert learning._quality(vectors, kinds, np.array([0]), answers) == (1, 1, 1)


def test_no_more_than_fifteen_are_asked_for():
    # Forty of a kind close together, and one stranger amid them, the third of the nearest.
    vectors = on_a_circle(0, 1, 2.5, 2, *range(4, 42))
    kinds = np.array([0, 0, 1, 0] + [0] * 38)
    quality = learning._quality(vectors, kinds, np.array([0]), np.ones(42, dtype=bool))
    assert quality == pytest.approx((1, 14 / 15, 1))


def test_of_many_photos_some_ask_evenly_chosen():
    assert len(learning._some(np.arange(399))) == 399
    some = learning._some(np.arange(4_001))
    assert len(some) <= 400 and set(np.diff(some)) == {11}
    assert not len(learning._some(np.arange(0)))


@pytest.mark.parametrize(("size", "held"), [(4, 1), (5, 1), (9, 1), (10, 2), (100, 20)])
def test_of_every_kind_a_fifth_is_held_out_but_one_at_least(size, held):
    kinds = np.append(np.repeat([0, 1], [size, 50]), [-1] * 7)
    folds = learning._folds(kinds)
    assert len(folds) == 5 and np.sum(folds, axis=0).max() == 1 and not np.any(folds, axis=0)[-7:].any()
    assert folds[0][kinds == 0].sum() == held and all(fold[kinds == 1].sum() == 10 for fold in folds)


def test_where_a_fifth_is_enough_it_is_held_out_once():
    assert len(learning._folds(np.arange(4_000) % 8)) == 1 and len(learning._folds(np.arange(1_500) % 8)) == 2


@pytest.mark.parametrize(("kinds", "told"), [(3, 2), (4, 2), (5, 2), (9, 4)])
def test_half_of_the_kinds_are_told_but_two_at_least(kinds, told):
    of = np.repeat(np.arange(kinds), 3)
    for split in learning._splits(of, 3, seed=1):
        assert len({*of[split]}) == told and not {*of[split]} & {*of[~split]}


def test_photos_of_no_kind_are_never_told():
    of = np.repeat([-1, 0, 1, 2, 3], 3)
    assert not any(split[:3].any() for split in learning._splits(of, 3, seed=1))


# Photos that nobody labelled


def test_photos_of_no_kind_answer_but_are_never_right_and_do_not_vote():
    # The same as above by hand, where 10 is of no kind.
    vectors, kinds = on_a_circle(0, 10, 30, 90, 91), np.array([0, -1, 0, 1, 0])
    quality = learning._quality(vectors, kinds, np.array([0]), np.ones(5, dtype=bool))
    assert quality == (0, 0.5, 1)


def test_what_looks_like_a_labelled_photo_counts_as_one_and_what_may_is_left_out():
    # Of kind 0 the nearest are at 1, 1, 2 and 4 degrees: half at 1.5, and all but a tenth at 3.4.
    degrees = [0, 1, 3, 7, 90, 91, 92, 93]
    vectors = on_a_circle(*degrees, -1, -3, -20, 91.5)
    kinds = np.array([0] * 4 + [1] * 4 + [-1] * 4)
    looks, sure = learning._looks(vectors, kinds)
    assert looks.tolist() == [*kinds[:8], 0, -1, -1, 1]
    assert sure.tolist() == [True] * 8 + [True, False, True, True]
    alone = learning._looks(vectors[:8], kinds[:8])
    assert alone[0].tolist() == kinds[:8].tolist() and alone[1].all()


def test_two_kinds_begin_where_few_that_nobody_labelled_are():
    vectors, of = made_up(kinds=12, each=40)
    two = np.where((of < 2) & (np.arange(len(of)) % 2 == 0), of, -1)
    learnt, gain = learn(vectors, two)
    assert gain.asked == 40 and gain.others_asked == 0
    strangers = learnt.parts(vectors[of >= 2]).membership
    border = float(learnt._arrays["border"])
    assert (strangers > border).mean() <= 0.05 or border == pytest.approx(0.7)


def test_what_is_learnt_does_not_depend_on_the_label_of_what_is_measured_with():
    vectors, of = made_up()
    trial = learning._Photos(Spread([vectors]), vectors, vectors, of, of)
    told = of < 6
    shuffled = trial._replace(kinds=np.where(told, of, 11 - of % 6), looks=np.where(told, of, 11 - of % 6))
    strangers = np.empty(0, dtype=np.float32)
    assert learning._border(trial, told, strangers) == learning._border(shuffled, told, strangers)
