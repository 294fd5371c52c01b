"""Albums: named examples, and the photos that belong together with them."""

import io
import logging
import shutil
import sqlite3
import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from simsearch import AlbumError, Library, PhotoError, albums, membership
from simsearch.index.graph import Graph
from simsearch.ranking import Ranker
from simsearch.trust import Trust
from tests.conftest import paint
from tests.toy import ToyEncoder

# In the toy's space: what is red is red, and what is a little less so is no copy.
TRUST = Trust(pairs=(0.0,), foils=(0.9,), near=0.99999, scene=0.9999)


@pytest.fixture(autouse=True)
def _known_scores(monkeypatch):
    monkeypatch.setattr(Ranker, "_known_trust", lambda ranker, space: TRUST)


@pytest.fixture
def colours(toy_library, album):
    """A library of five reds, five greens and five blues."""
    for number in range(5):
        paint(album / f"red-{number}.png", (200, 12 * number, 0))
        paint(album / f"green-{number}.png", (0, 200, 12 * number))
        paint(album / f"blue-{number}.png", (12 * number, 0, 200))
    toy_library.sync(album, workers=1)  # equal scores are ordered by ids
    return toy_library


def photo(library, name):
    return library.photo(library.roots()[0] / f"{name}.png")


def names(library, name="Mine"):
    return [hit.path.stem for hit in library.albums.photos(name)]


def reds(*numbers):
    return [f"red-{number}" for number in numbers]


def png(colour):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(stream, "PNG")
    return stream.getvalue()


# Which photos belong


def test_an_album_holds_what_is_liked_first_and_all_of_its_kind(colours):
    made = colours.albums.save("Mine", photo(colours, "red-3"))
    assert made[:3] == ("Mine", 1, 0) and made.made_at is not None
    assert names(colours)[0] == "red-3" and sorted(names(colours)) == reds(0, 1, 2, 3, 4)
    first, *others = colours.albums.photos("Mine")
    assert colours.albums.photos("Mine", most=2) == [first, others[0]] and colours.albums.count("Mine") == 5
    assert (first.score, first.trust) == (1.0, "near-identical")
    assert [hit.score for hit in others] == sorted((hit.score for hit in others), reverse=True)
    assert {hit.trust for hit in others} <= {"same scene", "same kind"}


def test_examples_of_several_sorts_have_photos_of_all(colours):
    colours.albums.save("Mine", [photo(colours, "red-0"), photo(colours, "blue-0")])
    assert set(names(colours)[:2]) == {"blue-0", "red-0"}
    assert {name.split("-")[0] for name in names(colours)} == {"red", "blue"} and len(names(colours)) == 10


def test_what_is_disliked_never_belongs_and_what_is_liked_always_does(colours):
    colours.albums.save("Mine", photo(colours, "red-0"), photo(colours, "red-4"))
    assert names(colours)[0] == "red-0" and "red-4" not in names(colours)
    colours.albums.like("Mine", photo(colours, "green-2"))
    colours.albums.dislike("Mine", photo(colours, "green-3"))
    assert "green-2" in names(colours)[:2] and "green-3" not in names(colours)


def test_what_is_clearly_more_like_a_dislike_does_not_belong(colours, monkeypatch):
    monkeypatch.setattr(membership, "_CLEARLY", 0.0)
    colours.albums.save("Mine", photo(colours, "red-0"), photo(colours, "red-4"))
    assert names(colours) == reds(0, 1)


@pytest.mark.parametrize("kind", ["path", "bytes", "open file", "image"])
def test_an_example_may_be_a_picture_of_any_sort_outside_the_library(colours, tmp_path, kind):
    path = paint(tmp_path / "other.png", (190, 20, 3))
    data = path.read_bytes()
    pictures = {"path": path, "bytes": data, "open file": io.BytesIO(data)}
    colours.albums.save("Mine", pictures.get(kind, Image.open(io.BytesIO(data))), png((190, 60, 60)))
    path.unlink()
    assert sorted(names(colours)) == reds(0, 1, 2, 3, 4)
    liked, disliked = colours.albums.examples("mine")
    assert (liked.liked, liked.photo, disliked.liked) == (True, None, False)
    assert Image.open(io.BytesIO(liked.jpeg)).size == (8, 8)


def test_photos_that_arrive_are_taken_up_and_those_that_go_leave(colours, album):
    colours.albums.save("Mine", photo(colours, "red-0"))
    paint(album / "red-5.png", (200, 0, 12))
    colours.sync()
    assert sorted(names(colours)) == reds(0, 1, 2, 3, 4, 5)
    (album / "red-1.png").unlink()
    colours.sync()
    assert sorted(names(colours)) == reds(0, 2, 3, 4, 5)


def test_a_photo_that_moves_stays_liked_and_one_that_goes_leaves_its_picture(colours, album):
    colours.albums.save("Mine", photo(colours, "red-0"))
    (album / "red-0.png").rename(album / "moved.png")
    colours.sync()
    assert names(colours)[0] == "moved"
    [before] = colours.albums.examples("Mine")
    colours.forget(album / "moved.png")
    assert sorted(names(colours)) == reds(1, 2, 3, 4)
    [after] = colours.albums.examples("Mine")
    assert after == before._replace(photo=None)


def test_a_photo_that_is_away_returns_to_its_album(colours, album):
    colours.albums.save("Mine", photo(colours, "red-0"))
    kept = (album / "red-0.png").read_bytes()
    (album / "red-0.png").unlink()
    colours.sync()
    assert sorted(names(colours)) == reds(1, 2, 3, 4)
    (album / "red-0.png").write_bytes(kept)
    colours.sync()
    assert names(colours)[0] == "red-0"


def test_albums_are_there_when_the_library_is_opened_again(colours, tmp_path):
    colours.albums.save("Mine", photo(colours, "red-0"), photo(colours, "red-4"))
    before = names(colours)
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as again:
        assert names(again) == before and [album[:3] for album in again.albums] == [("Mine", 1, 1)]


def test_the_photos_are_found_once_until_something_changes(colours, album, monkeypatch):
    asked = []

    def members(*given):
        asked.append(given)
        return membership.members(*given)

    monkeypatch.setattr(albums, "members", members)
    colours.albums.save("Mine", photo(colours, "red-0"))
    assert names(colours) == names(colours) and len(asked) == 1
    colours.albums.like("Mine", photo(colours, "red-1"))
    assert names(colours)[:2] == reds(0, 1) and len(asked) == 2
    paint(album / "new.png", (200, 0, 12))
    colours.sync()
    assert "new" in names(colours) and len(asked) == 3


def test_of_many_photos_all_that_belong_are_found(colours, album, monkeypatch):
    monkeypatch.setattr(membership, "_AT_FIRST", 2)
    colours.albums.save("Mine", photo(colours, "red-0"))
    assert sorted(names(colours)) == reds(0, 1, 2, 3, 4)


def test_where_it_is_not_known_what_scores_mean_only_what_is_liked_belongs(colours, monkeypatch):
    monkeypatch.setattr(Ranker, "_known_trust", lambda ranker, space: None)
    colours.albums.save("Mine", [photo(colours, "red-0"), png((0, 0, 200))])
    assert names(colours) == reds(0)
    assert colours.albums.photos("Mine")[0].trust is None


def test_an_album_of_an_empty_library_is_empty(toy_library):
    toy_library.albums.save("Mine", png((200, 0, 0)))
    assert names(toy_library) == []


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 39), unique=True),
    st.lists(st.integers(0, 39), unique=True),
)
def test_neighbours_join_and_nobody_else(seed, belong, never):
    vectors = np.random.default_rng(seed).normal(size=(40, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    graph = Graph.build(np.arange(40), vectors)
    belong = np.setdiff1d(belong, never).astype(np.int64)
    ids, shares = membership._with_neighbours(graph, belong, np.array(never, dtype=np.int64))
    assert np.isin(belong, ids).all() and not np.isin(never, ids).any() and (np.diff(ids) > 0).all()
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()
    assert (shares[~np.isin(ids, belong)] >= 3 / 8).all()


def test_a_kind_of_many_photos_joins_neighbour_by_neighbour_and_no_other_does():
    vectors = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    vectors[:100, 0] += 8
    vectors[100:, 1] += 8
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    graph = Graph.build(np.arange(200), vectors)
    ids, _ = membership._with_neighbours(graph, np.arange(40), np.array([98, 99]))
    assert ids.max() < 100 and not np.isin([98, 99], ids).any() and len(ids) > 90


# Names


@pytest.mark.parametrize("name", ["", "   "])
def test_no_name_is_one_sentence(colours, name):
    with pytest.raises(AlbumError) as raised:
        colours.albums.save(name, photo(colours, "red-0"))
    assert str(raised.value) == "album '': that is no name; choose one of 1 to 100 characters."


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[0m", "\u202eabc", "x" * 101, "\udcff"])
def test_a_name_that_cannot_be_one_is_refused(colours, name):
    with pytest.raises(AlbumError, match="a name has 1 to 100 characters, all of which can be printed"):
        colours.albums.save(name, photo(colours, "red-0"))
    colours.albums.save("Mine", photo(colours, "red-0"))
    with pytest.raises(AlbumError, match="choose another name"):
        colours.albums.rename("Mine", name)
    assert [album.name for album in colours.albums] == ["Mine"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(min_size=1, max_size=60).filter(lambda name: name.strip() and name.strip().isprintable()))
def test_a_name_is_kept_as_it_is_and_found_however_it_is_typed(toy_library, name):
    made = toy_library.albums.save(f"  {name} ", png((200, 0, 0)))
    assert made.name == unicodedata.normalize("NFC", name.strip())
    for typed in (name.casefold(), unicodedata.normalize("NFD", name), f" {name}"):
        assert typed in toy_library.albums
        assert toy_library.albums[typed] == made
    with pytest.raises(AlbumError, match="there is one already"):
        toy_library.albums.save(name.casefold(), png((0, 200, 0)))
    toy_library.albums.drop(name)
    assert name not in toy_library.albums and not [*toy_library.albums]


def test_umlauts_are_found_in_any_case_and_albums_come_by_name(colours):
    for name in ("Übung", "ärger", "Zoo", "apfel"):
        colours.albums.save(name, photo(colours, "red-0"))
    assert [album.name for album in colours.albums] == ["apfel", "Zoo", "ärger", "Übung"]
    assert colours.albums["ÜBUNG"].name == "Übung"


def test_an_album_that_is_not_there_is_told_with_those_that_are(colours):
    with pytest.raises(AlbumError) as raised:
        colours.albums.photos("cups")
    assert (
        str(raised.value)
        == "album cups: there is none of that name; make it with: simsearch album NAME --like PICTURE."
    )
    for number in range(7):
        colours.albums.save(f"a{number}", photo(colours, "red-0"))
    with pytest.raises(AlbumError, match="there are a0, a1, a2, a3, a4 and 2 more") as raised:
        colours.albums.drop("cups")
    assert raised.value.name == "cups"


# Changing them


def test_another_album_of_a_name_is_refused(colours):
    colours.albums.save("Mine", photo(colours, "red-0"), photo(colours, "red-4"))
    with pytest.raises(AlbumError, match="there is one already"):
        colours.albums.save("mine", photo(colours, "blue-0"))
    assert "red-0" in names(colours) and len([*colours.albums]) == 1


def test_examples_are_added_all_or_none(colours, tmp_path):
    colours.albums.save("Mine", photo(colours, "red-0"))
    with pytest.raises(PhotoError):
        colours.albums.extend("Mine", [photo(colours, "blue-0"), tmp_path / "nope.png"])
    with pytest.raises(AlbumError, match="like another photo first"):
        colours.albums.extend("Mine", minus=[photo(colours, "blue-0"), photo(colours, "red-0")])
    assert colours.albums["Mine"][1:3] == (1, 0)
    added = colours.albums.extend("mine", [photo(colours, "blue-0"), png((0, 200, 0))], png((9, 9, 9)))
    assert added == colours.albums["Mine"] and added[:3] == ("Mine", 3, 1)
    with pytest.raises(AlbumError, match="there is none of that name"):
        colours.albums.extend("cups", tmp_path / "nope.png")


def test_an_example_that_is_not_there_cannot_be_taken_back(colours):
    colours.albums.save("Mine", [photo(colours, "red-0"), photo(colours, "red-1")])
    colours.albums.save("Other", photo(colours, "red-0"))
    [other] = colours.albums.examples("Other")
    for example in (other.id, 999):
        with pytest.raises(AlbumError, match=f"it has no example {example}"):
            colours.albums.take_back("Mine", example)
    assert colours.albums["Mine"].likes == 2 and colours.albums["Other"].likes == 1


def test_an_album_is_found_with_one_query_and_one_that_is_dropped_meanwhile_is_told(colours, monkeypatch):
    for number in range(5):
        colours.albums.save(f"a{number}", photo(colours, "red-0"))
    asked, query = [], colours._store.query

    def noted(*sql):
        asked.append(sql)
        return query(*sql)

    monkeypatch.setattr(colours._store, "query", noted)
    assert colours.albums["A4"].name == "a4" and len(asked) == 1
    colours.albums.count("a4")
    colours.albums.drop("a4")
    assert not colours.albums._found
    monkeypatch.setattr(albums.Albums, "_number", lambda *_: 5)  # it was there just before
    with pytest.raises(AlbumError, match="there is none of that name"):
        colours.albums["a4"]


def test_an_album_without_a_like_is_refused_and_nothing_is_kept_of_it(colours):
    with pytest.raises(AlbumError, match="nothing would tell what belongs there"):
        colours.albums.save("Mine", [], photo(colours, "red-0"))
    assert not [*colours.albums]
    colours.albums.save("Mine", photo(colours, "red-0"))
    for lose in (
        lambda: colours.albums.dislike("Mine", photo(colours, "red-0")),
        lambda: colours.albums.take_back("Mine", colours.albums.examples("Mine")[0].id),
    ):
        with pytest.raises(AlbumError, match="like another photo first"):
            lose()
        assert colours.albums["Mine"][:3] == ("Mine", 1, 0) and names(colours)[0] == "red-0"


def test_what_was_said_last_of_a_photo_holds(colours, tmp_path):
    colours.albums.save("Mine", [photo(colours, "red-0"), photo(colours, "red-0").path])
    assert colours.albums["Mine"].likes == 1, "a path of a photo is that photo"
    other = paint(tmp_path / "other.png", (190, 20, 3))
    for _ in range(2):
        colours.albums.like("Mine", other)
    assert colours.albums["Mine"][1:3] == (2, 0)
    colours.albums.dislike("Mine", photo(colours, "red-0"))
    assert colours.albums["Mine"][1:3] == (1, 1) and "red-0" not in names(colours)
    disliked = next(example for example in colours.albums.examples("Mine") if not example.liked)
    colours.albums.take_back("Mine", disliked.id)
    assert colours.albums["Mine"][1:3] == (1, 0) and "red-0" in names(colours)


def test_copies_are_examples_of_their_own(colours, album):
    shutil.copy(album / "red-0.png", album / "copy.png")
    colours.sync()
    colours.albums.save("Mine", [photo(colours, "red-0"), photo(colours, "copy")])
    assert colours.albums["Mine"].likes == 2 and set(names(colours)[:2]) == {"copy", "red-0"}


def test_an_album_is_renamed_unless_the_name_is_another_s(colours):
    colours.albums.save("Mine", photo(colours, "red-0"))
    colours.albums.save("Blue", photo(colours, "blue-0"))
    before = names(colours)
    colours.albums.rename("mine", " MINE ")
    assert names(colours, "MINE") == before and colours.albums["mine"].name == "MINE"
    with pytest.raises(AlbumError, match="there is one already"):
        colours.albums.rename("mine", "BLUE")


def test_what_cannot_be_read_changes_nothing(colours, tmp_path):
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(PhotoError):
        colours.albums.save("Mine", [photo(colours, "red-0"), tmp_path / "text.jpg"])
    assert not [*colours.albums]


def test_search_and_indexes_do_not_notice(colours):
    generation = colours.generation
    colours.albums.save("Mine", photo(colours, "red-0"))
    colours.albums.like("Mine", photo(colours, "red-1"))
    colours.albums.rename("Mine", "Yours")
    colours.albums.drop("Yours")
    assert colours.generation == generation
    assert colours._store.query("SELECT count(*) FROM examples") == [(0,)]


# Damage


@pytest.fixture
def damage(colours):
    """Make the embeddings of an album's examples useless."""

    def damage(vector, which="TRUE"):
        db = sqlite3.connect(colours.path / "library.db")
        db.execute(f"UPDATE examples SET vector = ? WHERE {which}", (vector,))
        db.commit()
        db.close()

    return damage


@pytest.mark.parametrize("vector", [b"", b"12345", np.array([np.nan, 0, 1], "<f2").tobytes(), "text"])
def test_a_damaged_example_stops_nothing_and_is_made_anew(colours, damage, caplog, vector):
    colours.albums.save("Mine", [photo(colours, "red-0"), png((0, 0, 200))])
    before = names(colours)
    damage(vector)
    with caplog.at_level(logging.WARNING, "simsearch"):
        assert sorted(names(colours)) == reds(0, 1, 2, 3, 4), "a photo has its own embedding"
    assert "album Mine: 1 of 2 examples damaged and left out" in caplog.text
    [finding] = colours.check()
    assert finding.problem == "of 2 examples of albums the embedding is damaged" and not finding.mended
    assert colours.check(repair=True) == [(finding.problem, "made anew", True)]
    assert sorted(names(colours)) == sorted(before) and colours.check() == []


def test_an_example_of_which_nothing_is_left_is_said_to_be_lost(colours, damage):
    colours.albums.save("Mine", [photo(colours, "red-0"), png((0, 0, 200))])
    damage(b"", "photo_id IS NULL")
    db = sqlite3.connect(colours.path / "library.db")
    db.execute("UPDATE examples SET jpeg = 'text' WHERE photo_id IS NULL")
    db.commit()
    db.close()
    [finding] = colours.check(repair=True)
    assert finding.problem == "of 1 example of albums the embedding is damaged"
    assert (finding.remedy, finding.mended) == ("take them back on the page Albums", False)
    assert sorted(names(colours)) == reds(0, 1, 2, 3, 4)
    assert [bool(example.jpeg) for example in colours.albums.examples("Mine")] == [True, False]
    colours.albums.take_back("Mine", colours.albums.examples("Mine")[1].id)
    assert colours.check() == []
