"""Groups of files that show the same, by hand: files and pairs are made up, nothing is looked at."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsearch.copies import CROP, EXACT, RESAVED, File, Group, changes, grouped
from simsearch.pairs import Pair
from simsearch.registration import Match
from simsearch.sketches import TURNS, Place, back
from simsearch.versions import Version, advantage

WHOLE = Place(0, 0.0, 0.0, 1.0, 1.0)
SAME = Match(WHOLE, 1.0, False, False)
PART = Match(Place(0, 0.1, 0.1, 0.5, 0.5), 1.0, False, False)
YEAR = 365 * 24 * 3600 * 10**9


def file(id, content=None, name=None, width=400, height=300, size=1000, year=10, told=0):
    path = PurePosixPath("/photos", name or f"{id}.jpg")
    return File(id, content or f"bytes of {id}", Version(path, width, height, size, year * YEAR, told))


def never(one, other):
    pytest.fail(f"{one} and {other} were compared")


class Asked:
    """Compares: those of some couples show the same, and notes who was asked about."""

    def __init__(self, *pairs):
        self.pairs = {frozenset(pair[:2]): pair for pair in pairs}
        self.couples = []

    def __call__(self, one, other):
        assert one != other
        self.couples.append((one, other))
        return self.pairs.get(frozenset((one, other)))


def short(groups):
    """Of each group the id of the best, and each other's with how it is one."""
    return [(group.best, {same.id: same.relation for same in group.copies}) for group in groups]


def sort(files, pairs=(), different=(), compare=None):
    return short(grouped(files, pairs, set(different), compare or Asked()))


# Equal bytes


def test_without_files_there_are_no_groups():
    assert sort([], compare=never) == []
    assert sort([file(1)], compare=never) == []
    assert sort([file(1), file(2)], compare=never) == [], "no group of one"


def test_files_of_equal_bytes_are_exact_copies():
    files = [file(1, "a", "b/x.jpg"), file(2, "b"), file(3, "a", "x.jpg"), file(4, "a", "x copy.jpg")]
    [group] = grouped(files, [], set(), never)
    assert short([group]) == [(3, {1: EXACT, 4: EXACT})]
    assert [same.reason for same in group.copies] == ["fewer folders deep", "the shorter name"]
    assert {same.changes for same in group.copies} == {()}


def test_what_shows_the_same_is_listed_with_all_that_have_its_bytes():
    """A pair is of the first of equal bytes, whichever is the best of them."""
    files = [file(1, "a", "d/1.jpg"), file(2, "a", "2.jpg"), file(3, "b", size=10), file(4, "b", size=10)]
    assert sort(files, [Pair(1, 3, SAME)], compare=never) == [(2, {1: EXACT, 3: RESAVED, 4: RESAVED})]


@pytest.mark.parametrize(("match", "relation"), [(SAME, RESAVED), (PART, CROP)])
def test_of_copies_with_the_same_bytes_all_but_the_best_name_it(match, relation):
    """What each of them is to the best of all stays the same."""
    files = [file(1, width=800, height=600), *(file(id, "b", f"b/{id}.jpg") for id in (2, 3)), file(4, "b")]
    [group] = grouped(files, [Pair(1, 2, match)], set(), never)
    assert short([group]) == [(1, {2: relation, 3: relation, 4: relation})]
    assert {same.id: same.equal_to for same in group.copies} == {2: 4, 3: 4, 4: None}


def test_what_has_the_bytes_of_the_picture_beside_the_raw_names_that():
    files = [file(1, name="deep/x.nef"), file(2, "b", "deep/x.jpg"), file(3, "b", "x.jpg")]
    [group] = grouped(files, [Pair(1, 2, SAME)], set(), never)
    assert short([group]) == [(1, {3: RESAVED})] and group.copies[0].equal_to == 2


def test_equal_bytes_of_the_best_need_no_other_name():
    files = [file(1, "a"), file(2, "a"), file(3, "b", size=10)]
    [group] = grouped(files, [Pair(1, 3, SAME)], set(), never)
    assert {same.id: same.equal_to for same in group.copies} == {2: None, 3: None}


# The best


@pytest.mark.parametrize(
    ("better", "reason"),
    [
        ({"width": 440}, "more pixels"),
        ({"name": "9.dng"}, "a camera raw"),
        ({"told": 1}, "tells more in its Exif"),
        ({"name": "9.png"}, "saved without loss, as PNG"),
        ({"size": 1100}, "compressed less"),
        ({"year": 9}, "the older file"),
        ({"name": "9.jp"}, "the shorter name"),
        ({"name": "0.jpg"}, "the first by name"),
    ],
)
@pytest.mark.parametrize("relation", [EXACT, RESAVED])
@pytest.mark.parametrize("turned_about", [False, True])
def test_the_best_is_so_for_a_reason(better, reason, relation, turned_about):
    content = "same" if relation == EXACT else None
    files = [file(1, content), file(9, content, **better)]
    pairs = [] if relation == EXACT else [Pair(1, 9, SAME) if turned_about else Pair(9, 1, SAME)]
    [group] = grouped(files, pairs, set(), never)
    assert short([group]) == [(9, {1: relation})]
    assert group.copies[0].reason.startswith(reason)


@pytest.mark.parametrize("edit", [{"tone": True}, {"colour": True}, {"place": WHOLE._replace(turn=1)}])
def test_of_an_original_and_its_edited_copy_the_older_is_the_best(edit):
    files = [file(1, year=5), file(2, year=6, size=9000)]
    assert sort(files, [Pair(2, 1, SAME)], compare=never) == [(2, {1: RESAVED})]
    assert sort(files, [Pair(2, 1, SAME._replace(**edit))], compare=never) == [(1, {2: RESAVED})]


@pytest.mark.parametrize(("whole", "part", "burnt"), [(1, 2, -0.2), (2, 1, 0.2)])
def test_what_is_less_burnt_out_is_the_best(whole, part, burnt):
    files = [file(1, year=5), file(2, year=6)]
    assert sort(files, [Pair(whole, part, SAME._replace(tone=True))], compare=never) == [(1, {2: RESAVED})]
    less = SAME._replace(tone=True, burnt=burnt)
    [group] = grouped(files, [Pair(whole, part, less)], set(), never)
    assert short([group]) == [(2, {1: RESAVED})] and group.copies[0].reason == "less of it burnt out"


# More than two


def test_a_chain_is_no_group():
    """2 is like 1 and like 3, which are not alike: 3 is asked about, and is in no group with 1."""
    files = [file(1, width=800, height=600), file(2), file(3)]
    asked = Asked()
    pairs = [Pair(1, 2, SAME), Pair(2, 3, SAME)]
    assert sort(files, pairs, compare=asked) == [(1, {2: RESAVED})]
    assert asked.couples == [(1, 3)]
    assert sort(files, pairs, compare=Asked(Pair(1, 3, SAME))) == [(1, {2: RESAVED, 3: RESAVED})]


def test_what_is_not_like_the_best_may_be_a_group_of_its_own():
    files = [file(1, width=800, height=600), file(2), file(3), file(4)]
    pairs = [Pair(1, 2, SAME), Pair(2, 3, SAME), Pair(3, 4, SAME)]
    assert sorted(sort(files, pairs)) == [(1, {2: RESAVED}), (3, {4: RESAVED})]


def test_a_star_is_a_group_around_the_best():
    files = [file(5, width=800, height=600), *map(file, range(1, 5))]
    pairs = [Pair(5, other, SAME) for other in range(1, 5)]
    assert sort(files, pairs, compare=never) == [(5, dict.fromkeys(range(1, 5), RESAVED))]


def test_a_star_around_one_that_is_not_the_best_is_asked_about():
    files = [file(5), file(1, width=800, height=600), file(2), file(3)]
    pairs = [Pair(1, 5, SAME), Pair(5, 2, SAME), Pair(5, 3, SAME)]
    asked = Asked(Pair(1, 2, SAME))
    assert sort(files, pairs, compare=asked) == [(1, {2: RESAVED, 5: RESAVED})]
    assert {(1, 2), (1, 3)} <= set(asked.couples)


@pytest.mark.parametrize(("agreement", "groups"), [(0.85, [(1, {2: RESAVED})]), (0.95, [(2, {3: RESAVED})])])
def test_a_copy_is_with_the_one_that_it_agrees_with_most(agreement, groups):
    """2 is like both 1 and 3, which are two shots of one scene."""
    files = [file(1, width=800, height=600), file(2), file(3)]
    pairs = [Pair(1, 2, SAME._replace(agreement=0.9)), Pair(3, 2, SAME._replace(agreement=agreement))]
    assert sort(files, pairs) == groups


def test_a_copy_is_rather_with_a_whole_than_with_what_it_is_a_part_of():
    files = [file(1, width=800, height=600), file(2), file(3, told=1)]
    pairs = [Pair(1, 2, PART), Pair(3, 2, SAME._replace(agreement=0.85))]
    assert sort(files, pairs) == [(3, {2: RESAVED})]


def test_crops_of_crops_are_crops_of_the_whole_where_they_prove_to_be():
    """The part has more pixels than the whole, and is a part all the same."""
    files = [file(1), file(2, width=800, height=600), file(3, width=900, height=700)]
    pairs = [Pair(1, 2, PART), Pair(2, 3, PART)]
    assert sort(files, pairs, compare=Asked(Pair(1, 3, PART))) == [(1, {2: CROP, 3: CROP})]
    assert sort(files, pairs) == [(1, {2: CROP})]


def test_two_crops_of_one_picture_are_not_compared_with_each_other():
    files = [file(1), file(2), file(3)]
    assert sort(files, [Pair(1, 2, PART), Pair(1, 3, PART)], compare=never) == [(1, {2: CROP, 3: CROP})]


def test_a_crop_of_a_copy_is_a_crop_of_the_best():
    files = [file(1, width=800, height=600), file(2), file(3, width=1000, height=900)]
    pairs = [Pair(2, 1, SAME), Pair(2, 3, PART)]
    asked = Asked(Pair(1, 3, PART))
    [group] = grouped(files, pairs, set(), asked)
    assert short([group]) == [(1, {2: RESAVED, 3: CROP})]
    assert group.copies[1].reason == "shows all of it"


def test_where_each_is_a_part_of_another_one_is_the_best_all_the_same():
    files = [file(1), file(2, width=800, height=600)]
    assert sort(files, [Pair(1, 2, PART), Pair(2, 1, PART)], compare=never) == [(2, {1: CROP})]


def test_of_many_contents_only_those_known_to_be_alike_are_together():
    """Fifty are asked about, however they came there; more would be asked about for hours."""
    best, others = file(1, width=800, height=600), [file(number) for number in range(2, 61)]
    chain = [Pair(number, number + 1, SAME) for number in range(1, 60)]
    asked = Asked(*(Pair(1, number, SAME) for number in range(2, 61)))
    assert sort([best, *others[:49]], chain, compare=asked) == [(1, dict.fromkeys(range(2, 51), RESAVED))]
    assert asked.couples == [(1, number) for number in range(3, 51)]
    [first] = (group for group in sort([best, *others[:50]], chain, compare=Asked()) if group[0] == 1)
    assert first == (1, {2: RESAVED})
    asked = Asked()
    sort([best, *others], chain, compare=asked)
    assert all(1 not in couple for couple in asked.couples)
    star = [Pair(1, number, SAME) for number in range(2, 61)]
    assert sort([best, *others], star, compare=never) == [(1, dict.fromkeys(range(2, 61), RESAVED))]


def test_of_very_many_contents_each_is_weighed_a_few_times_alone(monkeypatch):
    """A slideshow may link thousands; to weigh each two would take minutes."""
    weighed = []

    def advantage_counted(*versions, **options):
        weighed.append(versions)
        return advantage(*versions, **options)

    monkeypatch.setattr("simsearch.copies.advantage", advantage_counted)
    files = [file(number, size=1000 + number) for number in range(1, 1001)]
    groups = sort(files, [Pair(number, number + 1, SAME) for number in range(1, 1000)], compare=never)
    assert len(weighed) < 1000 * 30
    linked = {frozenset((best, other)) for best, others in groups for other in others}
    assert all(max(couple) - min(couple) == 1 for couple in linked)
    assert len(linked) > 450


def test_of_very_many_a_part_is_no_best_beside_its_whole():
    files = [file(1, width=100), *(file(number, width=800, height=600) for number in range(2, 62))]
    [group] = sort(files, [Pair(1, number, PART) for number in range(2, 62)], compare=never)
    assert group == (1, dict.fromkeys(range(2, 62), CROP))


# A raw and its picture


def test_a_raw_and_the_picture_beside_it_are_no_copies():
    files = [file(1, name="x.NEF"), file(2, name="x.jpg")]
    assert sort(files, [Pair(1, 2, SAME)], compare=never) == []


def test_other_copies_of_a_raw_are():
    files = [file(1, name="x.NEF"), file(2, name="x.jpg"), file(3, name="sent/x.jpg"), file(4, name="y.jpg")]
    pairs = [Pair(1, other, SAME) for other in (2, 3, 4)]
    assert sort(files, pairs, compare=never) == [(1, {3: RESAVED, 4: RESAVED})]


def test_of_equal_bytes_the_one_beside_the_raw_is_no_copy():
    files = [file(1, name="x.NEF"), file(2, "a", "x.jpg"), file(3, "a", "elsewhere/x.jpg")]
    assert sort(files, [Pair(1, 2, SAME)], compare=never) == [(1, {3: RESAVED})]


# Decisions


def test_what_is_said_to_differ_is_not_together():
    files = [file(1, width=800, height=600), file(2), file(3)]
    pairs = [Pair(1, 2, SAME), Pair(1, 3, SAME), Pair(2, 3, SAME)]
    assert sort(files, pairs, {(1, 2)}, never) == [(1, {3: RESAVED})]
    assert sort(files, pairs, {(2, 3)}, never) == [(1, {2: RESAVED, 3: RESAVED})], "each is like the best"
    assert sort(files, pairs, {(1, 2), (1, 3)}, never) == [(2, {3: RESAVED})]
    assert sort(files, pairs, {(1, 2), (1, 3), (2, 3)}, never) == []


def test_what_is_said_to_differ_is_not_asked_about():
    files = [file(1, width=800, height=600), file(2), file(3)]
    pairs = [Pair(1, 2, SAME), Pair(2, 3, SAME)]
    assert sort(files, pairs, {(1, 3)}, never) == [(1, {2: RESAVED})]


def test_it_holds_for_all_files_of_equal_bytes():
    files = [file(1, "a"), file(2, "b"), file(3, "a"), file(4, "b")]
    assert sorted(sort(files, [Pair(1, 2, SAME)], {(3, 4)}, never)) == [(1, {3: EXACT}), (2, {4: EXACT})]


@pytest.mark.parametrize("different", [{(1, 99)}, {(98, 99)}])
def test_decisions_about_other_photos_do_not_matter(different):
    files = [file(1), file(2)]
    assert sort(files, [Pair(1, 2, SAME)], different, never) == [(1, {2: RESAVED})]


def test_pairs_of_photos_that_came_meanwhile_do_not_matter():
    """Another process may find some between the reading of files and of pairs."""
    files = [file(1), file(2)]
    pairs = [Pair(1, 2, SAME), Pair(2, 3, SAME), Pair(8, 9, SAME)]
    assert sort(files, pairs, compare=never) == [(1, {2: RESAVED})]


# What was done


@pytest.mark.parametrize(
    ("match", "other", "words"),
    [
        (SAME, {}, ("saved again",)),
        (SAME, {"width": 100, "height": 75}, ("scaled to 25%",)),
        (SAME, {"width": 395, "height": 296}, ("saved again",)),
        (SAME, {"width": 800, "height": 600}, ("in more pixels: 200%",)),
        (SAME, {"name": "2.PNG"}, ("saved as PNG",)),
        (SAME, {"name": "2.JPG"}, ("saved again",)),
        (SAME._replace(tone=True), {}, ("other brightness",)),
        (SAME._replace(tone=True, colour=True), {}, ("other brightness", "other colours")),
        (SAME._replace(place=WHOLE._replace(turn=1)), {}, ("mirrored",)),
        (
            SAME._replace(place=WHOLE._replace(turn=5)),
            {"width": 300, "height": 400},
            ("rotated by 90 degrees",),
        ),
        (PART, {"width": 200, "height": 150}, ("25% of it",)),
        (PART, {"width": 100, "height": 75}, ("25% of it", "scaled to 50%")),
        (
            PART._replace(place=PART.place._replace(turn=6)),
            {"width": 75, "height": 100, "name": "2.webp"},
            ("25% of it", "scaled to 50%", "rotated by 90 degrees", "saved as WEBP"),
        ),
    ],
)
def test_what_was_done_is_told_in_words(match, other, words):
    assert changes(file(1).version, file(2, **other).version, match) == words


@pytest.mark.parametrize("turn", range(TURNS))
def test_how_a_copy_was_turned_is_told_as_it_lies_on_the_best(turn):
    """Whichever of the two the pair calls the whole."""
    files = [file(1, width=800, height=600), file(2)]
    one, other = (
        grouped(files, [pair], set(), never)[0].copies[0].changes
        for pair in (
            Pair(1, 2, SAME._replace(place=WHOLE._replace(turn=turn))),
            Pair(2, 1, SAME._replace(place=WHOLE._replace(turn=back(turn)))),
        )
    )
    assert one == other and one[0] == "scaled to 50%" and len(one) == (2 if turn else 1)


def test_in_a_group_equal_bytes_come_first_and_crops_last_each_by_id():
    files = [file(1, "a"), file(8, "a"), file(3), file(7), file(2), file(6)]
    pairs = [Pair(1, 7, SAME), Pair(1, 3, SAME), Pair(1, 6, PART), Pair(1, 2, PART)]
    [group] = grouped(files, pairs, set(), never)
    assert [same.id for same in group.copies] == [8, 3, 7, 2, 6]
    assert [same.relation for same in group.copies] == [EXACT, RESAVED, RESAVED, CROP, CROP]


# Whatever they are


@st.composite
def collections(draw):
    """Files, some of equal bytes, pairs among them, decisions, and what proves the same when asked."""
    count = draw(st.integers(0, 12))
    contents = draw(st.lists(st.sampled_from("abcdefgh"), min_size=count, max_size=count))
    about = {
        content: (
            draw(st.sampled_from([400, 404, 408, 412, 800])),
            draw(st.sampled_from([100, 104, 108, 112])),
        )
        for content in sorted(set(contents))
    }
    suffixes = [".jpg", ".png", ".NEF"]
    files = [
        file(
            id,
            content,
            name=f"{draw(st.sampled_from(['', 'd/']))}{id % 5}{draw(st.sampled_from(suffixes))}"
            + "x" * (id // 5),
            width=about[content][0],
            size=about[content][1],
            year=draw(st.integers(1, 3)),
        )
        for id, content in enumerate(contents, 1)
    ]
    matches = st.builds(
        lambda whole, tone, turn: Match(
            (WHOLE if whole else PART.place)._replace(turn=turn), 1.0, tone, False
        ),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0, 0, 5]),
    )
    couples = st.lists(st.permutations(range(1, count + 1)).map(lambda ids: tuple(ids[:2])), max_size=12)
    pairs = [
        [Pair(one, other, draw(matches)) for one, other in draw(couples)] if count > 1 else []
        for _ in range(2)
    ]
    different = {tuple(sorted(couple)) for couple in draw(couples)} if count > 1 else set()
    return files, pairs[0], different, pairs[1]


@settings(max_examples=150)
@given(collection=collections(), order=st.randoms(use_true_random=False))
def test_whatever_the_order_groups_are_the_same_and_no_file_is_in_two(collection, order):
    files, pairs, different, others = collection

    def told(files, pairs):
        compare = Asked(*sorted(others, key=lambda pair: pair[:2]))
        return sorted(grouped(files, pairs, different, compare))

    groups = told(files, pairs)
    for shuffled in (files, pairs):
        order.shuffle(shuffled)
    assert told(files, pairs) == groups
    ids = [id for group in groups for id in (group.best, *(same.id for same in group.copies))]
    assert len(ids) == len(set(ids)) and set(ids) <= {file.id for file in files}
    assert all(group.copies for group in groups)
    by_id = {file.id: file for file in files}
    for group in groups:
        for same in group.copies:
            equal = by_id[group.best].content == by_id[same.id].content
            assert equal == (same.relation == EXACT) == (same.changes == ())
            if same.relation != EXACT:
                assert tuple(sorted((group.best, same.id))) not in different
            else:
                assert same.reason == advantage(by_id[group.best].version, by_id[same.id].version)


def test_all_files_of_equal_bytes_are_in_a_group():
    files = [file(id, str(id % 3)) for id in range(1, 10)]
    groups = grouped(files, [], set(), never)
    assert [isinstance(group, Group) for group in groups] == [True] * 3
    assert sorted(len(group.copies) for group in groups) == [2, 2, 2]
