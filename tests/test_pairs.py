"""Finding what shows the same in a library: photos are drawn, what becomes of them is planted, and found."""

import threading
from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest

from simsearch import pairs as pairs_module
from simsearch.closer import OPENED
from simsearch.indexes import Indexes
from simsearch.pairs import Pair, Pairs, in_tiles
from simsearch.photos import Found
from simsearch.registration import Match
from simsearch.sketches import SIDE, Place, sketch
from simsearch.store import About, Content, Store
from tests.scenes import texture, thumbnail
from tests.test_sketches import transposed

DIM = 3
NEW_BOX = (100, 90, 500, 390)


class Album:
    """A store of photos by name; all are near to each other, as far as their embeddings tell."""

    def __init__(self, folder):
        self.store = Store(folder)
        self.pairs = Pairs(self.store, Indexes(self.store))
        with self.store.transaction():
            if not self.store.roots():
                self.store.set_setting("encoder", "toy")
                self.store.add_root(folder / "photos")
        [self.root] = self.store.roots()
        self.compared: list[tuple[int, int]] = []

    def put(self, name, image, content=None, jpeg=None, taken_at=None):
        """Add a photo, or replace it; return its id."""
        jpeg = thumbnail(image) if jpeg is None else jpeg
        rng = np.random.default_rng(len(name))
        vector = np.array([1, 0, 0]) + 0.1 * rng.normal(size=DIM)
        packed = (vector / np.linalg.norm(vector)).astype("<f2").tobytes()
        about = About(image.width, image.height, taken_at, taken_at and "Box 3", None, None, 1)
        with self.store.transaction():
            found = Found(name, 1, 1)
            self.store.put(self.root, found, Content(content or f"bytes of {name}", about, packed, jpeg))
        return self.store.id_of(self.root.path / name)

    def drop(self, *ids):
        with self.store.transaction():
            self.store.drop(ids)

    def miss(self, *ids, missing=True):
        with self.store.transaction():
            self.store.set_missing(ids, missing)

    def keep_up(self, progress=lambda *_: None):
        """Look for pairs; return the couples that were laid over each other meanwhile."""
        before = len(self.compared)
        self.pairs.keep_up(DIM, progress)
        return {(min(couple), max(couple)) for couple in self.compared[before:]}

    @property
    def known(self):
        return {(pair.whole, pair.part) for pair in self.pairs.known()}


@pytest.fixture
def album(tmp_path, monkeypatch):
    album = Album(tmp_path)

    class Comparing(pairs_module.Comparing):
        def copy(self, one, other, turn):
            album.compared.append((one, other))
            return super().copy(one, other, turn)

        def crop(self, one, other, turn):
            album.compared.append((one, other))
            return super().crop(one, other, turn)

    monkeypatch.setattr(pairs_module, "Comparing", Comparing)
    yield album
    album.store.close()


def small(image):
    return image.resize((200, 150))


@pytest.fixture
def planted(album):
    """1: a photo, 2: another, 3: 1 in small, 4: a part of 1, 5: 2 turned, 6: alone."""
    first, second = texture(1), texture(2)
    pictures = [first, second, small(first), first.crop(NEW_BOX), transposed(second, 6), texture(3)]
    for number, picture in enumerate(pictures, 1):
        assert album.put(f"{number}.jpg", picture) == number
    return album


ALL = Place(0, 0.0, 0.0, 1.0, 1.0)
FOUND = {(1, 3), (1, 4), (2, 5)}


def test_two_shots_are_not_even_compared(album):
    """Until it is told that they are one after all."""
    for number in range(3):
        album.put(f"{number}.jpg", texture(1), taken_at=f"2023-05-01T18:30:0{number}")
    assert not album.keep_up() and not album.known
    album.put("3.jpg", small(texture(1)), taken_at="2023-05-01T18:30:01+02:00")
    assert album.keep_up() == {(2, 4)} and album.known == {(2, 4)}
    with album.store.transaction():
        album.store.describe(3, About(600, 450, "2023-05-01T18:30:01", "Box 3", None, None, 1))
    assert (2, 3) in album.keep_up() and (2, 3) in album.known
    with album.store.transaction():
        album.store.describe(3, About(600, 450, "2023-05-01T18:30:09", "Box 3", None, None, 1))
    assert album.pairs.stand_ins() == {2: (2, 0), 4: (2, 0)} and album.keep_up() == set()
    assert album.known == {(2, 4)}


def test_few_files_are_opened_again_where_all_are_alike():
    pairs = [Pair(one, other, Match(ALL, 1.0, False, False)) for one, other in combinations(range(45), 2)]
    opened: list[int] = []
    take = lru_cache(OPENED)(opened.append)
    for pair in in_tiles(pairs):
        take(pair.whole)
        take(pair.part)
    assert sorted(in_tiles(pairs)) == pairs
    assert len(opened) < len(pairs) / 3


def test_copies_and_crops_are_found(planted):
    planted.keep_up()
    assert planted.known == FOUND
    by_part = {pair.part: pair.match for pair in planted.pairs.known()}
    assert by_part[3].is_whole and by_part[3].agreement > 0.9
    assert by_part[5].is_whole and by_part[5].place.turn == 5
    place = by_part[4].place
    assert not by_part[4].is_whole
    assert place[1:] == pytest.approx((1 / 6, 1 / 5, 2 / 3, 2 / 3), abs=0.01)
    assert not any(match.tone or match.colour for match in by_part.values())


def test_pairs_are_the_same_in_a_library_that_is_opened_again(planted, tmp_path):
    planted.keep_up()
    known = planted.pairs.known()
    again = Album(tmp_path)
    assert again.pairs.known() == known
    again.store.close()


def test_nothing_is_compared_twice(planted):
    assert planted.keep_up()
    told = []
    assert planted.keep_up(lambda *what: told.append(what)) == set()
    assert told == [] and planted.known == FOUND


def test_a_new_photo_is_compared_with_others_and_they_are_not(planted):
    planted.keep_up()
    new = planted.put("7.jpg", transposed(texture(3), 3))
    couples = planted.keep_up()
    assert couples and all(new in couple for couple in couples)
    assert planted.known == FOUND | {(6, new)}


def test_nothing_of_it_is_a_change_that_a_search_would_notice(planted):
    before = planted.store.generation
    planted.keep_up()
    planted.pairs.compare(1, 6)
    assert planted.store.generation == before


@pytest.mark.parametrize("photos", [0, 1])
def test_of_hardly_any_photos_there_is_no_pair(album, photos):
    for number in range(photos):
        album.put(f"{number}.jpg", texture(1))
    assert album.keep_up() == set() and album.known == set()


# Photos that change, go and come back


def test_a_photo_that_becomes_another_loses_its_pairs_and_finds_new_ones(planted):
    planted.keep_up()
    planted.put("3.jpg", texture(3).crop((0, 0, 400, 300)), content="other bytes")
    assert planted.known == FOUND - {(1, 3)}, "at once, before anybody looks"
    couples = planted.keep_up()
    assert planted.known == FOUND - {(1, 3)} | {(6, 3)}
    assert couples


def test_pairs_go_with_a_photo_that_is_dropped(planted):
    planted.keep_up()
    planted.drop(3, 2)
    assert planted.known == {(1, 4)}
    assert planted.keep_up() is not None and planted.known == {(1, 4)}


def test_pairs_of_missing_photos_are_not_known_until_they_are_back(planted):
    planted.keep_up()
    planted.miss(1)
    assert planted.known == {(2, 5)}
    planted.keep_up()
    assert planted.known >= {(2, 5)} and not any(1 in pair for pair in planted.known)
    planted.miss(1, missing=False)
    assert planted.known >= FOUND
    planted.keep_up()
    assert planted.known >= FOUND


@pytest.mark.parametrize("go", [Album.drop, Album.miss])
def test_when_the_best_goes_its_copies_take_its_place(planted, go):
    """Of three copies one was laid over the crop in place of all; the crop is a part of the others, too."""
    planted.put("7.jpg", texture(1).resize((560, 420)))
    planted.keep_up()
    assert (1, 4) in planted.known and (7, 4) not in planted.known
    go(planted, 1)
    planted.keep_up()
    assert planted.known == {(7, 4), (3, 7), (2, 5)}
    assert planted.keep_up() == set()


def test_when_the_best_becomes_another_picture_its_copies_take_its_place(planted):
    planted.put("7.jpg", texture(1).resize((560, 420)))
    planted.keep_up()
    planted.put("1.jpg", texture(9), content="other bytes")
    planted.keep_up()
    assert planted.known == {(7, 4), (3, 7), (2, 5)}


def test_new_copies_of_what_has_crops_are_not_laid_over_them(planted):
    planted.keep_up()
    planted.put("7.jpg", texture(1).resize((300, 225)))
    couples = planted.keep_up()
    assert (1, 7) in planted.known and (4, 7) not in couples


# Files of equal bytes


def test_of_files_of_equal_bytes_one_is_compared(planted):
    """They are known to show the same, and what one shows, all do."""
    for number in range(10, 40):
        planted.put(f"{number}.jpg", texture(1), content="bytes of 1.jpg")
    couples = planted.keep_up()
    assert planted.known == FOUND
    assert {photo for couple in couples for photo in couple} <= set(range(1, 7))


def test_the_next_of_equal_bytes_is_compared_when_the_first_goes(planted):
    twin = planted.put("twin.jpg", texture(1), content="bytes of 1.jpg")
    planted.keep_up()
    planted.drop(1)
    planted.keep_up()
    assert planted.known == {(3, twin), (twin, 4), (2, 5)}


def test_photos_whose_bytes_are_in_doubt_are_not_taken_for_equal(planted):
    with planted.store.transaction():
        planted.store.doubt([1, 3, 4], "")
    planted.keep_up()
    assert planted.known == FOUND


# Stopped, or disturbed


def test_it_can_be_stopped_anywhere_and_goes_on(planted, monkeypatch):
    """After each step of its way, again and again; nothing is lost, and none is done twice."""
    for name in ("_SKETCHED_AT_ONCE", "_COMPARED_AT_ONCE"):
        monkeypatch.setattr(pairs_module, name, 1)
    steps, grown = [], []

    def stop_at_the_third(doing, done, all_of_it):
        steps.append(doing)
        assert 0 <= done <= all_of_it
        if len(steps) % 3 == 0:
            raise KeyboardInterrupt

    for _ in range(30):
        try:
            planted.keep_up(stop_at_the_third)
            break
        except KeyboardInterrupt:
            grown.append(planted.known)
    assert planted.known == FOUND and len(grown) > 5
    assert all(before <= after for before, after in zip(grown, grown[1:], strict=False))
    assert list(dict.fromkeys(steps)) == ["sketching", "looking for copies", "looking for crops"]
    done = len(steps)
    planted.keep_up(stop_at_the_third)
    assert len(steps) == done


def test_how_far_it_is_is_told(planted):
    told = []
    planted.keep_up(lambda *what: told.append(what))
    assert list(dict.fromkeys(told)) == [
        ("sketching", 0, 6),
        *((doing, done, 6) for doing in ("looking for copies", "looking for crops") for done in (0, 6)),
    ]


@pytest.mark.parametrize("damaged", [b"", b"no picture", "cut short", "immense"])
@pytest.mark.parametrize("sketched", [False, True])
def test_damaged_thumbnails_do_not_stop_it(planted, damaged, sketched):
    """Whether they were damaged from the start, or after they were sketched."""
    if sketched:
        planted.pairs._sketch(lambda *_: None)
    whole = planted.store.thumbnail(3)
    if damaged == "cut short":
        damaged = whole[: len(whole) // 2]
    elif damaged == "immense":
        at = whole.index(b"\xff\xc0") + 5
        damaged = whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]
    with planted.store.aside() as db:
        db.execute("UPDATE thumbnails SET jpeg = ? WHERE photo_id = 3", (damaged,))
    planted.keep_up()
    assert planted.known == FOUND - {(1, 3)}
    planted.put("3.jpg", small(texture(1)), content="bytes of 3.jpg")
    planted.keep_up()
    assert planted.known == FOUND, "mended"


def test_a_photo_without_a_thumbnail_or_a_sketch_that_is_damaged_is_left_out(planted):
    planted.pairs._sketch(lambda *_: None)
    with planted.store.aside() as db:
        db.execute("DELETE FROM thumbnails WHERE photo_id = 3")
        db.execute("UPDATE sketches SET grey = x'0102' WHERE photo_id = 5")
    planted.keep_up()
    assert planted.known == {(1, 4)}


def test_blank_pictures_are_no_copies(album):
    for number, level in enumerate((0, 128, 128, 255)):
        album.put(f"{number}.jpg", texture(1).point(lambda _, level=level: level))
    assert album.keep_up() is not None and album.known == set()


@pytest.mark.parametrize("what", ["drop", "change"])
@pytest.mark.parametrize("stage", ["copy", "crop"])
def test_a_photo_that_goes_or_changes_while_it_is_compared_is_no_pair(
    planted, tmp_path, monkeypatch, what, stage
):
    """Another process works on the library, between the comparison and the note of it."""
    done: list[int] = []
    kept = Pairs._keep

    def keep(self, found, *rest):
        part = {"copy": 3, "crop": 4}[stage]
        if not done and any(pair.part == part for pair in found):
            done.append(part)
            other = Album(tmp_path)
            if what == "drop":
                other.drop(part)
            else:
                other.put(f"{part}.jpg", texture(8), content="other bytes")
            other.store.close()
        kept(self, found, *rest)

    monkeypatch.setattr(Pairs, "_keep", keep)
    planted.keep_up()
    assert done and planted.known == FOUND - {(1, done[0])}
    planted.keep_up()
    assert planted.known == FOUND - {(1, done[0])}


def test_a_photo_that_changes_while_it_is_sketched_is_sketched_anew(planted, monkeypatch):
    """Its old sketch would stay for as long as the photo does."""
    before, become = thumbnail(texture(1)), texture(9)
    sketch_of = pairs_module._sketch_of

    def disturbed(jpeg):
        monkeypatch.setattr(pairs_module, "_sketch_of", sketch_of)
        planted.put(name, become)
        return sketch_of(jpeg)

    [(name, photo_id)] = planted.store.query("SELECT path, id FROM photos ORDER BY id LIMIT 1")
    monkeypatch.setattr(pairs_module, "_sketch_of", disturbed)
    planted.keep_up()
    planted.keep_up()
    grey, _ = planted.pairs.sketch(photo_id)
    assert (grey == sketch(thumbnail(become))).all()
    assert (grey != sketch(before)).any()


def test_several_may_look_at_once(planted, tmp_path):
    """Two programs that have the library open, and two threads of one of them."""
    other, errors = Album(tmp_path), []

    def look(album):
        try:
            album.pairs.keep_up(DIM, lambda *_: None)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=look, args=(one,)) for one in (planted, planted, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert planted.known == other.known == FOUND
    assert planted.keep_up() == set()
    other.store.close()


# Asked of two


def test_two_that_were_no_candidates_can_be_compared(planted):
    """As a part that lies turned: no candidate is looked for so."""
    turned = planted.put("7.jpg", transposed(texture(3).crop(NEW_BOX), 5))
    planted.keep_up()
    assert planted.known == FOUND
    pair = planted.pairs.compare(turned, 6)
    assert pair is not None and (pair.whole, pair.part) == (6, turned) and pair.match.place.turn == 6
    assert planted.known == FOUND | {(6, turned)}


def test_of_a_run_of_comparisons_nothing_is_read_twice(planted, monkeypatch):
    planted.keep_up()
    ids = [photo_id for (photo_id,) in planted.store.query("SELECT id FROM photos ORDER BY id")]
    read, asked = [], []
    thumbnail_of, query = planted.store.thumbnail, planted.store.query

    def noted_thumbnail(one):
        read.append(one)
        return thumbnail_of(one)

    def noted_query(sql, *values):
        asked.append(sql)
        return query(sql, *values)

    monkeypatch.setattr(planted.store, "thumbnail", noted_thumbnail)
    monkeypatch.setattr(planted.store, "query", noted_query)
    compare = planted.pairs.comparer()
    with planted.store.aside() as db:
        db.execute("DELETE FROM pairs")
    for _ in range(2):
        for other in ids[1:]:
            compare(ids[0], other)
    assert len(read) == len(set(read)) > 1
    assert sum("agreement = 0" in sql for sql in asked) == 1


def test_what_is_not_the_same_is_remembered_and_no_pair(planted):
    planted.keep_up()
    assert planted.pairs.compare(6, 1) is None
    assert planted.known == FOUND
    before = len(planted.compared)
    assert planted.pairs.compare(6, 1) is None and planted.pairs.compare(1, 6) is None
    assert len(planted.compared) == before
    planted.put("6.jpg", small(texture(1)), content="other bytes")
    assert planted.pairs.compare(6, 1) is None, "it is not sketched yet"
    planted.keep_up()
    assert (1, 6) in planted.known


# Stand-ins


def test_of_copies_the_one_of_most_pixels_stands_for_all(album):
    photo = texture(1)
    for name, picture in (("1", small(photo)), ("2", photo), ("3", transposed(photo, 6)), ("4", texture(2))):
        album.put(name, picture)
    twin = album.put("twin", texture(2), content="bytes of 4")
    album.keep_up()
    assert album.pairs.stand_ins() == {1: (2, 0), 2: (2, 0), 3: (2, 5), 4: (4, 0), twin: (4, 0)}
    album.miss(2)
    assert album.pairs.stand_ins() == {3: (3, 0), 1: (3, 6), 4: (4, 0), twin: (4, 0)}
    album.drop(4)
    assert twin not in album.pairs.stand_ins()


def test_crops_have_no_stand_in(planted):
    planted.keep_up()
    stand_ins = planted.pairs.stand_ins()
    assert {photo for photo, (best, _) in stand_ins.items() if photo != best} == {3, 5}
    assert stand_ins[4] == (4, 0)


# What is kept


def test_a_pair_comes_back_as_it_was_kept(planted):
    match = Match(Place(5, 0.125, 0.25, 0.5, 0.375), 0.875, True, False, -0.125)
    planted.keep_up()
    planted.pairs._keep([Pair(6, 1, match)])
    assert [pair for pair in planted.pairs.known() if pair.whole == 6] == [Pair(6, 1, match)]


def test_a_sketch_is_kept_for_each_photo_that_is_there(planted):
    planted.miss(6)
    planted.keep_up()
    rows = planted.store.query("SELECT photo_id, length(grey), compared FROM sketches")
    assert rows == [(number, SIDE**2, 2) for number in range(1, 6)]
