import numpy as np
import pytest

from simsearch.kinds import K, may_ask, precision, short_names

KINDS = {1: "cups", 2: "cups", 3: "cups", 4: "clocks", 5: "clocks", 6: "chess"}


def test_precision_by_hand():
    hits = {1: [2, 4, 3], 2: [4, 1, 3], 4: [5, 1, 2]}
    found = precision(KINDS, hits, hits.__getitem__)
    cups, clocks = found.each
    # A cup has two others: the first two hits count. A clock has one other: its first hit counts.
    assert cups.name == "cups" and cups[1:] == pytest.approx((3, 2, 0.5, 0.5, 2 / 5))
    assert clocks.name == "clocks" and clocks[1:] == pytest.approx((2, 1, 1.0, 1.0, 1 / 5))
    assert found[:4] == pytest.approx((3, 2 / 3, 2 / 3, 1 / 3))


def test_no_more_than_fifteen_hits_count():
    kinds = dict.fromkeys(range(40), "cups") | dict.fromkeys(range(40, 80), "clocks")
    found = precision(kinds, [0], lambda photo: [*range(1, 13), *range(40, 60)])
    assert K == 15 and found.precision_at_15 == pytest.approx(12 / 15)


def test_the_worst_kind_comes_first():
    hits = {1: [2, 3], 4: [1]}
    assert [kind.name for kind in precision(KINDS, hits, hits.__getitem__).each] == ["clocks", "cups"]


def test_a_photo_alone_of_its_kind_cannot_ask():
    assert may_ask(KINDS, np.array([6, 5, 9, 1])).tolist() == [5, 1]


def test_who_finds_nothing_finds_nothing_of_its_kind():
    assert precision(KINDS, [1], lambda photo: [])[:3] == (1, 0.0, 0.0)
    assert precision(KINDS, [1], lambda photo: [99, 98])[:3] == (1, 0.0, 0.0)  # new ones, of no known kind
    assert precision(KINDS, [], lambda photo: []) == (0, 0.0, 0.0, 0.0, False, [])


def mixed(count, kinds, right):
    """Photos of some kinds in turn; of each one's hits so many in ten are of its kind."""
    names = {photo: str(photo % kinds) for photo in range(count)}

    def find(photo):
        own = [other for other in names if names[other] == names[photo] and other != photo]
        others = [other for other in names if names[other] != names[photo]]
        return own[:right] + others[: 10 - right]

    return precision(names, names, find)


@pytest.mark.parametrize(
    ("count", "kinds", "right", "clear"),
    [
        (100, 5, 9, True),
        (100, 5, 4, True),  # 0.4, where chance gives 0.19: a quarter of what there is to gain
        (100, 5, 3, False),  # too little to be worth a table
        (100, 5, 2, False),
        (100, 1, 10, False),  # one kind only
        (4, 2, 9, False),  # as good as can be, but so few that it may be luck
        (22, 2, 9, True),
    ],
)
def test_kinds_mean_something_when_clearly_above_chance(count, kinds, right, clear):
    assert mixed(count, kinds, right).clear is clear


def test_random_folders_mean_nothing():
    random = np.random.default_rng(1)
    names = {photo: str(random.integers(24)) for photo in range(500)}
    found = precision(names, names, lambda photo: random.choice(500, 15, replace=False).tolist())
    assert not found.clear and found.precision_at_15 == pytest.approx(found.chance, abs=0.01)


def test_folders_are_named_by_what_tells_them_apart():
    names = short_names(["/home/me/2023/06", "/home/me/2023/07", "/home/me/cups"])
    assert [*names.values()] == ["2023/06", "2023/07", "cups"]
    assert short_names(["/home/me", "/home/me/cups"]) == {"/home/me": "me", "/home/me/cups": "cups"}
    assert short_names(["/home/me"]) == {"/home/me": "me"}
    assert short_names(["/cups", "/cupboards"]) == {"/cups": "cups", "/cupboards": "cupboards"}
    assert short_names([]) == {}
