"""Sets of embeddings of several networks in one library, and the switch from one to another."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simsearch import BackboneError, EncoderMismatch, Library, LibraryError, deep
from simsearch import embeddings as room
from simsearch.running import sole_writer
from simsearch.store import STAND_IN
from tests.conftest import COLOURS, paint
from tests.toy import BlindEncoder, OtherEncoder, PickyEncoder, ToyEncoder


@pytest.fixture(autouse=True)
def _any_name_will_do(monkeypatch):
    monkeypatch.setattr(room, "asked_for", lambda *_: None)


@pytest.fixture
def library(toy_library, album):
    for name, colour in COLOURS.items():
        paint(album / f"{name}.png", colour)
    toy_library.sync(album)
    return toy_library


def sql(library, statement, *values):
    with sqlite3.connect(library.path / "library.db") as db:
        rows = db.execute(statement, values).fetchall()
    db.close()
    return rows


def stored(library):
    """The embeddings that serve, by the names of their photos."""
    rows = sql(library, "SELECT path, vector FROM embeddings JOIN photos ON id = photo_id")
    return {path: np.frombuffer(blob, "<f2").astype(np.float32) for path, blob in rows}


def seen(encoder, path):
    with Image.open(path) as image:
        return encoder.encode(np.asarray(image.convert("RGB").resize((8, 8))))


def told(library):
    return [(one.encoder.backbone, one.photos, one.lacking, one.serves) for one in library.embeddings.sets()]


def names(hits):
    return [hit.path.name for hit in hits]


# Switching


def test_the_new_embeddings_serve_and_the_old_wait_beside_them(library, album):
    before = stored(library)
    ids = {hit.path.name: hit.id for hit in library.search(album / "red.png")}
    done = library.embeddings.switch(OtherEncoder())
    assert done[:5] == (OtherEncoder.identity, 4, 0, 0, True)
    assert told(library) == [("other", 4, 0, True), ("toy", 4, 0, False)]
    for path, vector in stored(library).items():
        assert np.allclose(vector, seen(OtherEncoder(), album / path), atol=1e-3)
    hits = library.search(album / "red.png")
    assert hits[0].path.name == "red.png" and {hit.path.name: hit.id for hit in hits} == ids
    assert library.backbone == library.encoder.identity.backbone == "other"
    # What is back in its place was kept, and not made again.
    assert library.embeddings.switch(BlindEncoder())[1:5] == (0, 0, 0, True)
    assert {path: vector.tolist() for path, vector in stored(library).items()} == {
        path: vector.tolist() for path, vector in before.items()
    }
    assert told(library) == [("toy", 4, 0, True), ("other", 4, 0, False)]


def test_a_network_that_serves_already_has_nothing_to_do(library):
    generation = library.stamp
    assert library.embeddings.switch(BlindEncoder())[1:5] == (0, 0, 0, True)
    assert library.stamp == generation


def test_an_empty_library_takes_the_network_that_it_is_to_have(toy_library, album):
    assert told(toy_library) == []
    assert toy_library.embeddings.switch(OtherEncoder()).serves
    paint(album / "red.png", "red")
    toy_library.sync(album)
    assert told(toy_library) == [("other", 1, 0, True)]


def test_equal_files_are_encoded_once(library, album):
    shutil.copy(album / "red.png", album / "copy of red.png")
    library.sync(album)
    progress = []
    done = library.embeddings.switch(OtherEncoder(), progress=lambda *far: progress.append(far))
    assert done.encoded == 5 and progress[-1] == (4, 4)


def test_a_run_that_is_stopped_goes_on_where_it_was_and_the_old_serve_meanwhile(library, album):
    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    before = stored(library)
    done = library.embeddings.switch(OtherEncoder(), workers=1, progress=interrupt)
    assert done[1:5] == (2, 0, 2, False)
    assert told(library) == [("toy", 4, 0, True), ("other", 2, 2, False)]
    assert {**stored(library)}.keys() == before.keys() and library.backbone == "toy"
    assert names(library.search(album / "red.png", k=1)) == ["red.png"]
    paint(album / "green.png", "green")
    library.sync(album)  # what comes meanwhile is found, and is due as well
    assert told(library)[1] == ("other", 2, 3, False)
    assert library.embeddings.switch(OtherEncoder())[1:5] == (3, 0, 0, True)
    assert len(stored(library)) == 5


def test_a_photo_that_changes_meanwhile_does_not_keep_what_was_made_of_it(library, album):
    library.embeddings.switch(OtherEncoder())
    paint(album / "red.png", "green", (16, 16))
    library.sync(album)
    assert told(library)[1] == ("toy", 3, 1, False)
    library.embeddings.switch(ToyEncoder())
    assert np.allclose(stored(library)["red.png"], seen(ToyEncoder(), album / "red.png"), atol=1e-3)


def test_a_photo_that_is_forgotten_is_forgotten_in_all_sets(library, album):
    library.embeddings.switch(OtherEncoder())
    library.forget(album / "red.png")
    assert told(library) == [("other", 3, 0, True), ("toy", 3, 0, False)]


def test_photos_whose_files_are_away_are_encoded_from_thumbnails_until_they_are_back(library, album):
    album.rename(album.with_name("away"))
    assert library.embeddings.switch(OtherEncoder())[1:5] == (0, 4, 0, True)
    assert told(library) == [("other", 4, 4, True), ("toy", 4, 0, False)]
    assert len(library.search(Image.new("RGB", (8, 8), COLOURS["red"]))) == 4
    album.with_name("away").rename(album)
    report = library.sync(album)
    assert (report.updated, report.unchanged, report.failed) == (4, 0, [])
    assert told(library)[0] == ("other", 4, 0, True)
    assert library.sync(album).unchanged == 4


def test_a_stand_in_is_still_one_when_its_network_comes_back(library, album):
    album.rename(album.with_name("away"))
    library.embeddings.switch(OtherEncoder())
    library.embeddings.switch(ToyEncoder())
    assert [lacking for _, _, lacking, _ in told(library)] == [0, 4]
    assert not sql(library, "SELECT id FROM photos WHERE facts = ?", STAND_IN)
    album.with_name("away").rename(album)
    assert library.embeddings.switch(OtherEncoder())[1:5] == (4, 0, 0, True)
    assert [lacking for _, _, lacking, _ in told(library)] == [0, 0]


def test_a_file_that_was_overwritten_since_keeps_to_what_is_known_of_it(library, album):
    before = sql(library, "SELECT sha256 FROM photos WHERE path = 'red.png'")
    (album / "red.png").write_bytes(b"no picture any more")
    paint(album / "blue.png", "green", (16, 16))
    assert library.embeddings.switch(OtherEncoder())[1:5] == (2, 2, 0, True)
    assert sql(library, "SELECT sha256 FROM photos WHERE path = 'red.png'") == before
    library.sync(album)
    assert np.allclose(stored(library)["blue.png"], seen(OtherEncoder(), album / "blue.png"), atol=1e-3)


def test_a_photo_of_which_nothing_can_be_read_is_seen_to_by_the_next_run(library, album):
    path = album / "red.png"
    path.rename(album.with_name("red.png"))
    with sqlite3.connect(library.path / "library.db") as db:
        db.execute("DELETE FROM thumbnails WHERE photo_id IN (SELECT id FROM photos WHERE path = 'red.png')")
    db.close()
    assert library.embeddings.switch(OtherEncoder())[1:5] == (3, 0, 1, True)
    assert names(library.search(album / "blue.png")).count("red.png") == 0
    album.with_name("red.png").rename(path)
    assert library.sync(album).updated == 1
    assert names(library.search(path, k=1)) == ["red.png"]


def test_what_a_network_sees_nothing_in_is_hidden_while_it_serves_and_back_with_the_other(library, album):
    before = stored(library)
    assert library.embeddings.switch(PickyEncoder())[1:5] == (3, 0, 1, True)
    assert len(library) == 3 and library.sync(album).failed == [
        (str(album / "red.png"), "the toy sees nothing in red")
    ]
    assert library.sync(album).failed_before
    assert library.embeddings.switch(ToyEncoder())[1:5] == (0, 0, 0, True)
    assert len(library) == 4 and stored(library).keys() == before.keys()
    assert library.sync(album).failed == []


def test_missing_photos_have_an_embedding_when_they_come_back(library, album):
    (album / "red.png").rename(album.with_name("red.png"))
    library.sync(album)
    library.embeddings.switch(OtherEncoder())
    album.with_name("red.png").rename(album / "red.png")
    library.sync(album)
    assert names(library.search(album / "red.png", k=1)) == ["red.png"]
    assert told(library)[0] == ("other", 4, 0, True)


# What else depends on the embeddings


def test_albums_and_lessons_are_those_of_the_new_network(toy_library, album):
    random = np.random.default_rng(0)
    for kind, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        for number in range(30):
            paint(album / kind / f"{number}.png", tuple(int(c) for c in colour + random.integers(0, 30, 3)))
    library = toy_library
    library.sync(album)
    library.learn("folders", force=True)
    stranger = Image.new("RGB", (8, 8), (220, 20, 20))
    library.albums.save("reds", [album / "red" / "0.png", stranger])
    library.embeddings.switch(OtherEncoder())
    lengths = sql(library, "SELECT length(vector) FROM examples")
    assert lengths == [(8,), (8,)]
    learnt = library.learnt()
    assert learnt["lesson"] in ("folders", "photos") and learnt["photos"] == 60
    [(meaning,)] = sql(library, "SELECT content FROM learnt WHERE name = 'trust'")
    assert json.loads(meaning)["space"] == library._store.setting("space") != ""
    assert library.check() == []
    assert {path.parent.name for path in (hit.path for hit in library.search(stranger, k=20))} == {"red"}


def test_a_query_that_was_made_before_serves_on(library, album):
    query = library.query(album / "red.png")
    library.embeddings.switch(OtherEncoder())
    assert names(library.search(query, k=1)) == ["red.png"]
    assert np.allclose(library.search(query)[0].cosine, 1, atol=1e-3)


def test_a_search_during_which_another_network_comes_to_serve_is_made_again(library, album, monkeypatch):
    examples = library._searcher.examples
    asked: list[tuple[int, ...]] = []

    def switching(*pictures):
        found = examples(*pictures)
        if not asked:
            library.embeddings.switch(OtherEncoder())
        asked.append(found.likes.shape)
        return found

    monkeypatch.setattr(library._searcher, "examples", switching)
    hits = library.search(album / "red.png")
    assert asked == [(1, 3), (1, 4)]
    assert names(hits)[0] == "red.png" and len(hits) == 4


def test_another_process_that_has_the_library_open_takes_the_new_network(library, album, monkeypatch):
    from simsearch import encoder

    toys = {toy.identity: toy for toy in (ToyEncoder(), OtherEncoder())}
    monkeypatch.setattr(encoder, "stored_encoder", lambda identity, folder, say: toys[identity])
    with Library.open(library.path) as other:
        assert names(other.search(album / "red.png", k=1)) == ["red.png"]
        query = other.query(album / "blue.png")
        library.embeddings.switch(OtherEncoder())
        assert names(other.search(album / "red.png", k=1)) == ["red.png"]
        assert names(other.search(query, k=1)) == ["blue.png"]
        assert other.encoder.identity == OtherEncoder.identity


def test_searches_in_other_threads_never_see_half_of_it(library, album):
    stop, wrong = threading.Event(), []

    def search():
        while not stop.is_set():
            hits = names(library.search(album / "red.png"))
            if hits[0] != "red.png" or len(hits) != 4:
                wrong.append(hits)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for encoder in (OtherEncoder(), ToyEncoder(), OtherEncoder()):
        library.embeddings.switch(encoder)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_switch_that_fails_changes_nothing(library, monkeypatch):
    from simsearch import lessons

    before, sets = stored(library), sql(library, "SELECT count(*) FROM spare_embeddings")

    def fail(*_):
        raise RuntimeError("no memory, say")

    monkeypatch.setattr(lessons, "learn_from_others", fail)
    with pytest.raises(RuntimeError):
        library.embeddings.switch(OtherEncoder())
    assert sets == [(0,)] and told(library) == [("toy", 4, 0, True), ("other", 4, 0, False)]
    assert stored(library).keys() == before.keys() and library.backbone == "toy"


@pytest.mark.parametrize(
    "where", ["simsearch.lessons:learn_from_others", "simsearch.embeddings:_Filling._tell"]
)
def test_killed_at_any_moment_the_old_network_serves_and_the_next_run_goes_on(library, album, where):
    code = f"""
import os, signal
from importlib import import_module
from operator import attrgetter
from simsearch import Library
from tests.toy import OtherEncoder, ToyEncoder
module, name = {where!r}.split(":")
owner, _, method = name.rpartition(".")
place = import_module(module)
place = attrgetter(owner)(place) if owner else place
setattr(place, method, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
Library.open({str(library.path)!r}, encoder=ToyEncoder()).embeddings.switch(OtherEncoder(), workers=1)
"""
    before = stored(library)
    killed = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    after = stored(library)
    assert {path: vector.tolist() for path, vector in after.items()} == {
        path: vector.tolist() for path, vector in before.items()
    }
    with Library.open(library.path, encoder=ToyEncoder()) as again:
        assert told(again)[0] == ("toy", 4, 0, True)
        assert names(again.search(album / "red.png", k=1)) == ["red.png"]
        assert again.embeddings.switch(OtherEncoder()).serves
        assert told(again) == [("other", 4, 0, True), ("toy", 4, 0, False)]


def test_a_doctor_knows_embeddings_of_thumbnails_for_what_they_are(library, album, monkeypatch):
    class Doubtful(OtherEncoder):
        """It makes another vector each time."""

        def encode(self, pixels):
            return np.roll(super().encode(pixels), 1)

    album.rename(album.with_name("away"))
    library.embeddings.switch(OtherEncoder())
    album.with_name("away").rename(album)
    monkeypatch.setattr(Library, "encoder", Doubtful())
    assert library.check() == []
    monkeypatch.undo()
    library.sync(album)
    monkeypatch.setattr(Library, "encoder", Doubtful())
    assert "the network gives 4 of 4 photos other embeddings" in library.check()[0].problem


def test_training_that_is_stopped_while_embeddings_are_made_says_so(library, monkeypatch):
    kept = {"network": "/there/toy-tuned-1.keras", "lesson": "folders"}
    monkeypatch.setattr(deep, "learn", lambda *_, **__: kept)
    monkeypatch.setattr(room, "open_encoder", lambda name, **_: OtherEncoder())

    def interrupt(told):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.learn_deep(progress=interrupt)
    assert library.backbone == "toy" and told(library)[1][0] == "other"


def test_what_training_gains_is_told_by_the_photos_held_out_from_it(toy_library, album, monkeypatch):
    for kind, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        for number in range(4):
            paint(album / kind / f"{number}.png", (colour[0] + number, *colour[1:]))
    toy_library.sync(album)
    raw = {"precision_at_1": 0.5, "precision_at_15": 0.4, "accuracy": 0.3}
    deep_folders = {"precision_at_1": 0.6, "precision_at_15": 0.5, "accuracy": 0.4}
    kept = {
        "network": "/there/toy-tuned-1.keras",
        "lesson": "folders",
        "raw": raw,
        "deep_folders": deep_folders,
    }
    monkeypatch.setattr(deep, "learn", lambda *_, **__: {**kept, "asked": 7})
    monkeypatch.setattr(deep, "verdict", lambda _: "better")
    monkeypatch.setattr(room, "open_encoder", lambda name, **_: OtherEncoder())
    assert toy_library.learn_deep()["verdict"] == "better"
    gain = toy_library.learnt()["gain"]
    assert (gain["before"], gain["after"], gain["asked"], gain["others_after"]) == (
        raw,
        deep_folders,
        7,
        None,
    )


def test_the_file_that_is_named_has_to_be_the_one_that_serves(library, tmp_path):
    for name, content in (("toy.keras", b"x"), ("right.keras", b"y")):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EncoderMismatch, match="00000000.*2d711642"):
        Library.open(library.path, backbone=tmp_path / "toy.keras")
    with pytest.raises(EncoderMismatch, match="made with toy, not with right"):
        Library.open(library.path, backbone=tmp_path / "right.keras")
    Library.open(library.path, backbone="TOY").close()


def test_it_waits_for_nobody_who_indexes(library):
    with sole_writer(library.path), pytest.raises(LibraryError, match="in use by another simsearch"):
        library.embeddings.switch(OtherEncoder())


def test_an_encoder_of_ones_own_must_be_the_one_that_serves(library, album):
    library.embeddings.switch(OtherEncoder())
    with (
        Library.open(library.path, encoder=OtherEncoder()) as right,
    ):
        assert len(right.search(album / "red.png")) == 4
    with pytest.raises(EncoderMismatch, match="made with other, not with toy"):
        Library.open(library.path, encoder=ToyEncoder())


def test_a_published_network_that_was_lost_is_fetched_again_if_it_is_the_same(library, monkeypatch):
    identity = OtherEncoder.identity._replace(backbone="ResNet50")

    class Published(OtherEncoder):
        """One of the table."""

    Published.identity = identity
    library.embeddings.switch(Published())

    def lost(*_, **__):
        raise BackboneError("ResNet50", "its network is not here any more", "fetch it")

    monkeypatch.setattr(room, "stored_encoder", lost)
    monkeypatch.setattr(room, "open_encoder", lambda name, **_: Published())
    assert library.embeddings.open("resnet50").identity == identity
    monkeypatch.setattr(room, "open_encoder", lambda name, **_: OtherEncoder())
    with pytest.raises(BackboneError, match="not here any more"):
        library.embeddings.open("resnet50")


# Removing


def test_a_set_that_does_not_serve_is_removed(library):
    library.embeddings.switch(OtherEncoder())
    assert library.embeddings.remove("toy") == ToyEncoder.identity
    assert told(library) == [("other", 4, 0, True)]
    assert sql(library, "SELECT count(*) FROM spare_embeddings") == [(0,)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other", "its embeddings are the ones that serve; first have another serve"),
        ("nothing", "the library has no embeddings of it; see which it has with: simsearch status"),
    ],
)
def test_what_cannot_be_removed_is_told(library, name, reason):
    library.embeddings.switch(OtherEncoder())
    with pytest.raises(BackboneError, match=reason):
        library.embeddings.remove(name)
    assert len(told(library)) == 2


def test_of_two_networks_of_one_name_the_number_tells_which(library):
    class Retrained(OtherEncoder):
        identity = OtherEncoder.identity._replace(weights="2" * 64)

    for encoder in (OtherEncoder(), Retrained(), ToyEncoder()):
        library.embeddings.switch(encoder)
    numbers = [one.number for one in library.embeddings.sets()]
    assert len(set(numbers)) == 3
    for ask in (library.embeddings.remove, library.embeddings.open):
        with pytest.raises(BackboneError, match=f"of 2 networks .*by its number, such as {numbers[1]}"):
            ask("other")
    assert library.embeddings.remove(numbers[2]) == Retrained.identity
    assert told(library) == [("toy", 4, 0, True), ("other", 4, 0, False)]
