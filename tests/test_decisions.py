"""What the user decided: it stays for as long as the photos are known, and show what they showed."""

from io import BytesIO
from itertools import combinations

import pytest
from PIL import Image

from simsearch import LibraryError
from simsearch.decisions import DIFFERENT, KEEP, Decisions
from simsearch.photos import Found
from simsearch.store import About, Content, Store
from tests.textures import texture

CONTENT = Content("ab" * 32, About(40, 30, None, None, None, None, 1), b"\0\0" * 3, b"jpeg")


@pytest.fixture
def store(tmp_path):
    """A store of photos 1 to 6."""
    store = Store(tmp_path)
    with store.transaction():
        root = store.add_root(tmp_path)
        for number in range(1, 7):
            store.put(root, Found(f"{number}.jpg", 10, 20), CONTENT)
    yield store
    store.close()


def test_a_decision_is_of_each_two_photos_the_smaller_id_first(store):
    decisions = Decisions(store)
    assert decisions.all() == {}
    assert decisions.decide([5, 2, 3], DIFFERENT) == 3
    assert decisions.all() == {(2, 3): DIFFERENT, (2, 5): DIFFERENT, (3, 5): DIFFERENT}
    assert list(decisions.all()) == sorted(decisions.all())


@pytest.mark.parametrize(("ids", "count"), [([1, 2], 1), ([2, 1, 2, 1], 1), ([3], 0), ([3, 3], 0), ([], 0)])
@pytest.mark.parametrize("verdict", [KEEP, DIFFERENT])
def test_a_photo_named_twice_counts_once(store, ids, count, verdict):
    assert Decisions(store).decide(iter(ids), verdict) == count
    assert Decisions(store).all() == ({(1, 2): verdict} if count else {})


def told(decisions, ids=range(1, 7)):
    """What was decided of each two photos."""
    verdicts = decisions.all()
    return {pair: verdict for pair in combinations(ids, 2) if (verdict := verdicts.of(*pair[::-1]))}


def test_of_photos_to_keep_each_is_kept_with_every_other(store):
    decisions = Decisions(store)
    assert decisions.decide([5, 2, 3], KEEP) == 3
    assert told(decisions) == dict.fromkeys([(2, 3), (2, 5), (3, 5)], KEEP)
    assert len(decisions.all()) == 2
    decisions.decide([3, 1], KEEP)
    assert set(told(decisions)) == set(combinations([1, 2, 3, 5], 2)), "whichever of them is the best"


def test_the_last_decision_holds(store):
    decisions = Decisions(store)
    decisions.decide([1, 2, 3], KEEP)
    assert decisions.decide([3, 2], DIFFERENT) == 1
    assert told(decisions) == {(1, 2): KEEP, (1, 3): KEEP, (2, 3): DIFFERENT}
    decisions.decide([1, 2, 3], KEEP)
    assert set(told(decisions).values()) == {KEEP}
    decisions.decide([3, 1, 2], DIFFERENT)
    assert told(decisions) == dict.fromkeys(combinations([1, 2, 3], 2), DIFFERENT)


@pytest.mark.parametrize(
    ("ids", "count", "left"),
    [
        ([3, 1], 1, [(1, 2), (1, 4), (2, 4)]),  # the first named held them together
        ([1, 3], 1, [(1, 2), (1, 4), (2, 4)]),
        ([3, 2], 1, [(1, 3), (1, 4), (3, 4)]),
        ([1, 2, 3], 3, [(1, 4)]),
        ([1, 2, 3, 4], 6, []),
        ([1, 2, 3, 4, 5, 6], 6, []),
        ([1, 5], 0, list(combinations([1, 2, 3, 4], 2))),
    ],
)
def test_a_decision_can_be_taken_back(store, ids, count, left):
    decisions = Decisions(store)
    decisions.decide([1, 2, 3, 4], KEEP)
    assert decisions.decide(ids, None) == count
    assert told(decisions) == dict.fromkeys(left, KEEP)


def test_what_differs_is_taken_back_of_those_named_alone(store):
    decisions = Decisions(store)
    decisions.decide([1, 2, 3], DIFFERENT)
    assert decisions.decide([3, 1], None) == 1
    assert told(decisions) == {(1, 2): DIFFERENT, (2, 3): DIFFERENT}
    assert decisions.decide([1, 2, 3, 4], None) == 2, "of six pairs two were decided"
    assert decisions.all() == {}


def test_decisions_are_there_when_the_library_is_opened_again(store, tmp_path):
    Decisions(store).decide([1, 2], KEEP)
    store.close()
    again = Store(tmp_path)
    assert Decisions(again).all() == {(1, 2): KEEP}
    again.close()


def thumbnail(image, **options):
    file = BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


@pytest.fixture
def shown(store):
    """The same, where each photo shows a picture of its own."""
    [root] = store.roots()
    with store.transaction():
        for number in range(1, 7):
            content = CONTENT._replace(thumbnail=thumbnail(texture(number)))
            store.put(root, Found(f"{number}.jpg", 10, 20), content)
    return store


@pytest.mark.parametrize(
    ("now", "stays"),
    [
        (lambda image: thumbnail(image), True),
        (lambda image: thumbnail(image, quality=40), True),
        (lambda image: thumbnail(image.resize((160, 120))), True),
        (lambda image: thumbnail(image.transpose(Image.Transpose.ROTATE_90)), True),
        (lambda image: thumbnail(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), True),
        (lambda image: thumbnail(image.crop((0, 0, 120, 90))), False),
        (lambda image: thumbnail(texture(50)), False),
        (lambda image: thumbnail(Image.new("RGB", (240, 180), "grey")), False),
        (lambda image: b"no JPEG", True),
    ],
)
def test_a_file_that_was_overwritten_keeps_what_was_decided_only_if_it_shows_the_same(shown, now, stays):
    decisions = Decisions(shown)
    decisions.decide([1, 2], KEEP)
    decisions.decide([2, 3], DIFFERENT)
    decisions.decide([3, 4], DIFFERENT)
    decisions.overwritten(2, now(texture(2)))
    assert decisions.all() == {
        **({(1, 2): KEEP, (2, 3): DIFFERENT} if stays else {}),
        (3, 4): DIFFERENT,
    }


@pytest.mark.parametrize("overwritten", [1, 2, 3, 4])
def test_what_was_kept_with_an_overwritten_photo_stays_kept_together(shown, overwritten):
    decisions = Decisions(shown)
    decisions.decide([1, 2, 3, 4], KEEP)
    decisions.overwritten(overwritten, thumbnail(texture(50)))
    left = [number for number in (1, 2, 3, 4) if number != overwritten]
    assert told(decisions) == dict.fromkeys(combinations(left, 2), KEEP)


def test_what_differs_is_not_kept_together_by_an_overwritten_photo(shown):
    decisions = Decisions(shown)
    decisions.decide([1, 2, 3], KEEP)
    decisions.decide([2, 3], DIFFERENT)
    decisions.overwritten(1, thumbnail(texture(50)))
    assert decisions.all() == {(2, 3): DIFFERENT}


def test_what_differs_from_one_stays_kept_with_the_others(shown):
    decisions = Decisions(shown)
    decisions.decide([1, 2, 3, 4], KEEP)
    decisions.decide([2, 3], DIFFERENT)
    decisions.overwritten(1, thumbnail(texture(50)))
    assert told(decisions) == {(2, 3): DIFFERENT, (2, 4): KEEP, (3, 4): KEEP}


def test_a_picture_with_little_to_see_that_is_saved_again_shows_the_same(shown):
    decisions = Decisions(shown)
    root, sky = shown.roots()[0], Image.linear_gradient("L")
    with shown.transaction():
        shown.put(root, Found("1.jpg", 10, 20), CONTENT._replace(thumbnail=thumbnail(sky, quality=85)))
    decisions.decide([1, 2], KEEP)
    decisions.overwritten(1, thumbnail(sky, quality=50))
    assert decisions.all() == {(1, 2): KEEP}


def test_without_a_thumbnail_nobody_knows_and_the_decision_stays(shown):
    decisions = Decisions(shown)
    decisions.decide([1, 2], KEEP)
    with shown.transaction():
        shown.doubt([1], "thumbnails")
    decisions.overwritten(1, thumbnail(texture(50)))
    assert decisions.all() == {(1, 2): KEEP}


def test_they_go_with_a_photo_and_stay_when_it_moves_or_is_missing(store, tmp_path):
    decisions = Decisions(store)
    decisions.decide([1, 3, 2], KEEP)
    decisions.decide([1, 2], KEEP)
    decisions.decide([4, 5], DIFFERENT)
    [root] = store.roots()
    with store.transaction():
        store.move(1, root, Found("elsewhere.jpg", 10, 20))
        store.set_missing([2, 5], True)
        store.drop([3])
    assert decisions.all() == {(1, 2): KEEP, (4, 5): DIFFERENT}
    with store.transaction():
        store.drop([5])
    assert decisions.all() == {(1, 2): KEEP}


def fill(store, count):
    [root] = store.roots()
    with store.transaction():
        for number in range(7, count + 1):
            store.put(root, Found(f"{number}.jpg", 10, 20), CONTENT)


@pytest.mark.parametrize("verdict", [KEEP, DIFFERENT])
def test_of_many_it_is_decided_of_each_two(store, verdict):
    fill(store, 205)
    ids, pairs = range(205, 0, -1), 205 * 204 // 2
    assert Decisions(store).decide(ids, verdict) == pairs
    assert told(Decisions(store), range(1, 206)) == dict.fromkeys(combinations(range(1, 206), 2), verdict)
    assert Decisions(store).decide(ids, None) == pairs
    assert Decisions(store).all() == {}


def test_too_many_to_differ_are_refused_and_not_half_decided(store):
    with pytest.raises(ValueError, match="1,001 photos are too many to differ at once, of 1,000 at most"):
        Decisions(store).decide(range(1, 1_002), DIFFERENT)
    assert Decisions(store).all() == {}


def test_deciding_is_no_change_that_a_search_would_notice(store):
    generation = store.generation
    Decisions(store).decide([1, 2], KEEP)
    assert store.generation == generation


def test_a_decision_fails_whole_or_not_at_all(store):
    """Of a photo that another process has dropped meanwhile."""
    with pytest.raises(LibraryError, match="FOREIGN KEY"):
        Decisions(store).decide([1, 2, 999], KEEP)
    assert Decisions(store).all() == {}
