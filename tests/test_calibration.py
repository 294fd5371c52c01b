"""What scores mean in a library: when it is learnt, kept, forgotten and mended."""

import json
import logging
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from simsearch import Library, calibration, trust
from simsearch.index.exact import ExactIndex
from simsearch.trust import NEAR_IDENTICAL, UNRELATED, WORDS, Trust
from simsearch.vectors import SPACE
from tests.conftest import paint
from tests.toy import ToyEncoder


@pytest.fixture(autouse=True)
def _in_one_space(monkeypatch):
    monkeypatch.setattr("simsearch.space.PCA_FROM", 200)


def calibrated(store):
    return calibration.calibrated(store, store.setting(SPACE) or "")


class SmallEncoder(ToyEncoder):
    """What a picture looks like at 8 x 8 pixels: altered a little it stays alike, scrambled it does not."""

    dim = 192
    recipe = ("tests.test_calibration:SmallEncoder", [])

    def encode(self, pixels):
        vector = pixels.reshape(-1).astype(np.float64) - 127
        vector -= vector.mean()
        if np.linalg.norm(vector) < 100:
            raise ValueError("the toy sees nothing in one colour")
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def draw(album, numbers):
    """Pictures of large coloured squares, no two alike."""
    for number in numbers:
        squares = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
        album.mkdir(exist_ok=True)
        Image.fromarray(squares).resize((64, 64), Image.Resampling.NEAREST).save(album / f"{number}.png")


@pytest.fixture
def library(tmp_path):
    with Library.open(tmp_path / "library", encoder=SmallEncoder()) as library:
        yield library


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with an album of 24 pictures and their library."""
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "album", range(24))
    with Library.open(folder / "library", encoder=SmallEncoder()) as library:
        library.sync(folder / "album", workers=1)
    return folder


@pytest.fixture
def ready(made, tmp_path):
    """A copy of that library."""
    shutil.copytree(made / "library", tmp_path / "library")
    with Library.open(tmp_path / "library", encoder=SmallEncoder()) as library:
        yield library


@pytest.fixture
def learnt(library, album, monkeypatch):
    """Have a library of so many photos; return how often it learnt."""
    times: list[int] = []
    learn = calibration._learnt

    def counted(store, *others):
        times.append(store.counts()["photos"])
        return learn(store, *others)

    monkeypatch.setattr(calibration, "_learnt", counted)

    def grow_or_shrink(count):
        there = len(list(album.iterdir()))
        draw(album, range(there, count))
        for number in range(count, there):
            (album / f"{number}.png").unlink()
        library.sync(album, workers=1)
        assert len(library) == count
        return times

    return grow_or_shrink


def told(library):
    return json.loads(library._store.learnt("trust"))


def words(library, query):
    return {hit.trust for hit in library.search(query)}


# When


def test_it_is_learnt_at_the_end_of_the_run_that_makes_the_library_large_enough(library, album, learnt):
    assert learnt(19) == []
    assert words(library, album / "3.png") == {None} and calibrated(library._store) is None
    assert {hit.beats for hit in library.search(album / "3.png")} == {None}
    assert learnt(20) == [20], "though it has not doubled since it was looked at first"
    found = calibrated(library._store)
    assert isinstance(found, Trust) and found.near > found.foils[0]
    hits = library.search(album / "3.png")
    assert hits[0].path == album / "3.png" and hits[0].trust == NEAR_IDENTICAL
    assert {hit.trust for hit in hits} <= {*WORDS}
    assert all(hit.beats is not None and 0 <= hit.beats < 1 for hit in hits)


@pytest.mark.parametrize("first", [1, 11, 19])
def test_whatever_a_library_began_with(library, learnt, first):
    learnt(first)
    assert learnt(20) == [20]


def test_it_is_learnt_again_when_photos_have_doubled_or_halved_and_not_before(learnt):
    assert learnt(30) == [30]
    assert learnt(30) == [30], "nothing changed"
    assert learnt(59) == [30]
    assert learnt(60) == [30, 60]
    assert learnt(31) == [30, 60]
    assert learnt(30) == [30, 60, 30]


def interrupting(at):
    """Progress at which somebody presses Ctrl-C after so many photos."""

    def progress(done, total):
        if done == at:
            raise KeyboardInterrupt

    return progress


def test_a_first_run_that_is_stopped_leaves_a_library_that_tells_what_it_finds(library, album):
    draw(album, range(40))
    report = library.sync(album, workers=1, progress=interrupting(24))
    assert report.interrupted and len(library) == 24
    assert None not in words(library, album / "3.png")
    before = told(library)
    assert library.sync(album, workers=1, progress=interrupting(3)).interrupted
    assert told(library) == before, "later ones end at once"


def test_a_run_that_is_stopped_while_it_learns_says_so_in_its_report(library, album, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    draw(album, range(24))
    with monkeypatch.context() as patched:
        patched.setattr(calibration, "_learnt", stop)
        report = library.sync(album, workers=1)
    assert report.interrupted and report.added == len(library) == 24
    assert library.run["report"]["interrupted"]
    assert not library.sync(album, workers=1).interrupted and None not in words(library, album / "3.png")


def test_of_a_library_that_shrank_to_a_few_nothing_is_known_any_more(library, album, learnt):
    learnt(24)
    assert learnt(19) == [24]
    assert told(library)["trust"] is None
    assert words(library, album / "3.png") == {None}
    assert learnt(20) == [24, 20]


def test_a_run_that_changes_nothing_writes_nothing(library, learnt):
    for count in (5, 30):
        learnt(count)
        generation = library.generation
        learnt(count)
        assert library.generation == generation


def test_it_is_learnt_anew_in_a_new_space(library, album, learnt, monkeypatch):
    monkeypatch.setattr("simsearch.space.PCA_FROM", 30)
    assert learnt(24) == [24]
    before = calibrated(library._store)
    assert learnt(30) == [24, 30], "it has not doubled, but is searched in its main directions now"
    assert told(library)["space"] == library._store.setting(SPACE) != ""
    after = calibrated(library._store)
    assert after != before and words(library, album / "3.png") <= {*WORDS}
    library.learn("off")
    assert told(library)["space"] == "" and learnt(30) == [24, 30, 30]
    library.learn("photos")
    assert calibrated(library._store) == after


def test_what_was_learnt_in_another_space_is_not_used(ready):
    with ready._store.transaction():
        ready._store.set_setting(SPACE, "another")
    assert calibrated(ready._store) is None


def test_photos_that_are_all_alike_tell_nothing_and_are_not_asked_again(library, album, learnt, caplog):
    for number in range(25):
        draw(album, [7])
        (album / "7.png").rename(album / f"copy-{number}.png")
    library.sync(album, workers=1)
    library.sync(album, workers=1)
    hits = library.search(album / "copy-3.png")
    assert len(hits) == 15 and {hit.trust for hit in hits} <= {None, NEAR_IDENTICAL}
    assert not caplog.records


# Damage


DAMAGED = {
    "no JSON": lambda kept: b"\xff\x00",
    "cut short": lambda kept: kept[:-20],
    "empty": lambda kept: b"",
    "a list": lambda kept: b"[]",
    "null": lambda kept: b"null",
    "nested": lambda kept: b"[" * 100_000,
    "no photos": lambda kept: json.dumps({**json.loads(kept), "photos": None}).encode(),
    "endless photos": lambda kept: kept.replace(b'"photos": 24', b'"photos": Infinity'),
    "less than no photos": lambda kept: kept.replace(b'"photos": 24', b'"photos": -24'),
    "no space": lambda kept: json.dumps({**json.loads(kept), "space": 7}).encode(),
    "another trust": lambda kept: json.dumps({**json.loads(kept), "trust": {"near": 2}}).encode(),
    "trust of NaN": lambda kept: kept.replace(b'"near": 0.', b'"near": NaN, "x": 0.'),
    "a text for a trust": lambda kept: json.dumps({**json.loads(kept), "trust": "yes"}).encode(),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_what_is_damaged_is_said_once_and_mended_by_the_next_sync(ready, made, damage, caplog):
    query = made / "album" / "3.png"
    before = calibrated(ready._store)
    assert before is not None
    sound = ready._store.learnt("trust")
    with ready._store.transaction():
        ready._store.set_learnt("trust", damage(sound))
    assert ready._store.learnt("trust") != sound
    with caplog.at_level(logging.WARNING, "simsearch"):
        for _ in range(3):
            assert words(ready, query) == {None}
    [record] = caplog.records
    assert str(ready._store.path) in record.getMessage()
    assert record.getMessage().endswith("learn it anew with: simsearch sync")
    assert len(record.getMessage()) < 400
    caplog.clear()
    ready.sync()
    assert calibrated(ready._store) == before
    assert words(ready, query) <= {*WORDS}
    generation = ready.generation
    ready.sync()
    assert ready.generation == generation and not caplog.records


def test_damage_in_a_library_of_few_photos_is_mended_too(library, album, learnt, caplog):
    learnt(5)
    with library._store.transaction():
        library._store.set_learnt("trust", b"{")
    assert words(library, album / "3.png") == {None} and len(caplog.records) == 1
    caplog.clear()
    assert learnt(5) == []
    assert words(library, album / "3.png") == {None} and not caplog.records


# What it is learnt from


def spoil_thumbnails(library, ids, jpeg):
    with library._store.transaction():
        for photo_id in ids:
            library._store._write("UPDATE thumbnails SET jpeg = ? WHERE photo_id = ?", jpeg, photo_id)


def test_thumbnails_that_are_damaged_or_show_nothing_are_left_out(ready, tmp_path):
    store, indexes = ready._store, ready._indexes
    sample = store.some_ids(trust.SAMPLE)[:20]
    altered, embeddings = calibration._altered(store, sample, SmallEncoder(), calibration._MADE)
    assert altered.tolist() == sample.tolist()
    assert embeddings.shape == (20, len(calibration._MADE), SmallEncoder.dim)
    black = paint(tmp_path / "black.jpg", "black", (64, 64)).read_bytes()
    whole = store.thumbnail(int(sample[2]))
    for photo_id, jpeg in zip(sample[:4].tolist(), [b"", b"no picture", whole[:150], black], strict=True):
        spoil_thumbnails(ready, [photo_id], jpeg)
    with store.transaction():
        store._write("DELETE FROM thumbnails WHERE photo_id = ?", int(sample[4]))
    altered, again = calibration._altered(store, sample, SmallEncoder(), calibration._MADE)
    assert altered.tolist() == sample[5:].tolist()
    assert np.array_equal(again, embeddings[5:])
    assert isinstance(calibration._learnt(store, indexes, SmallEncoder()), Trust)


def test_without_any_thumbnail_of_use_nothing_is_learnt_and_nothing_breaks(ready, made):
    spoil_thumbnails(ready, range(1, 25), b"")
    with ready._store.transaction():
        ready._store.set_learnt("trust", None)
    ready.sync()
    assert told(ready)["trust"] is None and words(ready, made / "album" / "3.png") == {None}


def test_of_a_large_library_eighty_are_altered_at_most(ready, monkeypatch):
    asked = []
    altered = calibration._altered

    def noted(store, ids, encoder, ways):
        if ways is calibration._MADE:
            asked.append(len(ids))
        return altered(store, ids, encoder, ways)

    monkeypatch.setattr(calibration, "_altered", noted)
    monkeypatch.setattr(calibration, "_ALTERED", 22)
    for share, expected in ((8, 20), (1, 22)):
        monkeypatch.setattr(calibration, "_SHARE_ALTERED", share)
        calibration._learnt(ready._store, ready._indexes, SmallEncoder())
        assert asked.pop() == expected


def test_learning_twice_gives_the_same(ready):
    parts = ready._store, ready._indexes, SmallEncoder()
    assert calibration._learnt(*parts) == calibration._learnt(*parts) == calibrated(ready._store)


def test_the_photo_that_a_foil_is_of_does_not_count(ready, monkeypatch):
    """Where foils show all of their photo, the photo itself would be their nearest, at 1."""
    monkeypatch.setattr(
        calibration, "_MADE", {name: (lambda image: image.copy()) for name in calibration._MADE}
    )
    found = calibration._learnt(ready._store, ready._indexes, SmallEncoder())
    assert found is not None and found.near > 0.99 and found.foils[0] < 0.9


def turned(*degrees):
    """Unit vectors in a plane: photos show something at 0 degrees and nothing at 90."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("photos", "doubted"),
    [
        ([0, 0, 0, 0], []),
        ([0, 0, 0, 60], []),  # less like the foils than they are like each other
        ([0, 0, 0, 90], [4]),
        ([0, 0, 90, 90], [3, 4]),
    ],
)
def test_photos_as_like_the_foils_as_those_are_like_each_other_perhaps_show_nothing(photos, doubted):
    index = ExactIndex(2)
    index.add(np.arange(1, 5), turned(*photos))
    foils, origins = turned(80, 100, 80, 100), np.array([1, 2, 1, 2])  # all pairs that count: 20 degrees
    assert calibration._doubted(index, np.arange(1, 5), foils, origins).tolist() == doubted


@pytest.mark.parametrize("most", [200, 5])
@pytest.mark.parametrize(("foil", "share"), [(lambda image: image.copy(), 1), (ImageOps.mirror, 0)])
def test_a_photo_that_a_foil_of_its_own_is_like_shows_nothing(ready, monkeypatch, most, foil, share):
    monkeypatch.setattr(calibration, "FOILS", {"a foil": foil})
    monkeypatch.setattr(calibration, "_MOST_DOUBTED", most)  # of more, all go the way of most
    monkeypatch.setattr(calibration, "_STAYS", 0.9)  # some squares are like their neighbours
    ids = np.arange(1, 25)
    blank = calibration._blank(ready._store, ready._indexes, SmallEncoder(), ids)
    assert blank.tolist() == ids[: share * 24].tolist()


@pytest.mark.parametrize("blank", [4, 20])
def test_what_most_of_a_library_shows_is_something(ready, monkeypatch, blank):
    asked = []
    search = ExactIndex.search

    def noted(index, vectors, k, among=None):
        asked.append(among)
        return search(index, vectors, k, among)

    monkeypatch.setattr(ExactIndex, "search", noted)
    monkeypatch.setattr(calibration, "_blank", lambda *_: np.arange(1, blank + 1))
    calibration._learnt(ready._store, ready._indexes, SmallEncoder())
    assert len(asked[-1]) == (20 if blank == 4 else 24)


def related(library, kinds):
    """Of how many of the first hits of one kind it is said that they are related."""
    hits = [
        (kind, hit)
        for kind, photos in kinds.items()
        for one in photos[::6]
        for hit in library.similar(one, k=10)
    ]
    return sum(bool(hit.related) for kind, hit in hits if hit.path.parent.name == kind)


def blank(number):
    """A sheet of paper, a lens cap or a wall, hardly brighter on one side, with the noise of a camera."""
    random = np.random.default_rng(number)
    levels = np.full((240, 320, 3), (250, 4, 128, 200)[number % 4]) + np.linspace(-5, 5, 320)[None, :, None]
    return Image.fromarray((levels + random.normal(0, 3, levels.shape)).clip(0, 255).astype(np.uint8))


@pytest.mark.network
def test_blank_pictures_in_a_library_do_not_make_its_photos_strangers(gallery_library, tmp_path):
    shutil.copytree(gallery_library, tmp_path / "library")
    (tmp_path / "blank").mkdir()
    for number in range(30):
        blank(number).save(tmp_path / "blank" / f"{number}.png")
    with Library.open(tmp_path / "library") as library:
        library.learn("photos")
        kinds: dict[str, list[int]] = {}
        for photo, path in sorted(library.paths().items()):
            kinds.setdefault(path.parent.name, []).append(photo)
        before = related(library, kinds)
        library.sync(tmp_path / "blank")
        library.learn("photos")
        assert related(library, kinds) >= 0.8 * before > 0  # those of mere noise are not told
        hits = library.search(blank(1_000))
        assert {hit.path.parent.name for hit in hits if hit.related} <= {"blank"}


# Other processes


def test_what_another_process_learnt_is_taken_up(library, album):
    draw(album, range(19))
    library.sync(album, workers=1)
    with Library.open(library.path, encoder=SmallEncoder()) as page:
        assert words(page, album / "3.png") == {None}
        draw(album, range(19, 24))
        library.sync(album, workers=1)
        hits = page.search(album / "3.png")
        assert hits[0].trust == NEAR_IDENTICAL and UNRELATED in {hit.trust for hit in hits}
        assert hits == library.search(album / "3.png")


def test_a_process_that_starts_knows_it_from_the_store(ready, made):
    program = (
        "import sys; from simsearch import Library; from tests.test_calibration import SmallEncoder\n"
        "with Library.open(sys.argv[1], encoder=SmallEncoder()) as library:\n"
        "    print(*[f'{hit.id}:{hit.trust}' for hit in library.search(sys.argv[2], k=5)], sep='\\n')"
    )
    arguments = [sys.executable, "-c", program, ready.path, made / "album" / "3.png"]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout
    hits = ready.search(made / "album" / "3.png", k=5)
    assert said.splitlines() == [f"{hit.id}:{hit.trust}" for hit in hits]
    assert NEAR_IDENTICAL in said
