"""A library is damaged in every way that can be thought of: it is noticed, and mended where it can be."""

import io
import json
import os
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simsearch import Library, LibraryError, PhotoError, cli, derived, layout, space
from simsearch.backbones import BACKBONES
from simsearch.encoder import EncoderIdentity, network_path
from simsearch.indexes import Indexes
from simsearch.running import sole_writer
from tests.conftest import paint
from tests.toy import ToyEncoder

DATA = Path(__file__).parent / "data"
COLOURS = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200), "gold": (200, 180, 20)}


def packed(*numbers):
    return np.array(numbers, "<f2").tobytes()


class ConfidentEncoder(ToyEncoder):
    """It takes black for something: a colour without blue."""

    def encode(self, pixels):
        return super().encode(pixels) if pixels.any() else np.array([0.6, 0.8, 0], np.float32)


class OtherEncoder(ToyEncoder):
    """It says that it is the toy, and gives other embeddings."""

    recipe = ("tests.test_repair:OtherEncoder", [])

    def encode(self, pixels):
        return np.roll(super().encode(pixels), 1)


@pytest.fixture
def shelf(toy_library, album):
    """A library of four photos of one colour each, in an album."""
    for name, colour in COLOURS.items():
        paint(album / f"{name}.png", colour)
    toy_library.sync(album)
    return toy_library


@pytest.fixture
def ill(shelf):
    """Run SQL on the library's database as another program would."""

    def run(sql, *values):
        db = sqlite3.connect(shelf.path / "library.db")
        db.execute(sql, values)
        db.commit()
        db.close()

    return run


def red(library):
    return library._store.id_of(library.roots()[0] / "red.png")


def names(library, colour=(255, 10, 10)):
    return [hit.path.stem for hit in library.search(Image.new("RGB", (8, 8), colour))]


def problems(library):
    findings = library.check()
    assert not any(finding.mended for finding in findings)
    return [finding.problem for finding in findings]


def jpeg(width):
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((width, 8)).save(stream, "JPEG")
    return stream.getvalue()


OF_RED = "photo_id = (SELECT id FROM photos WHERE path = 'red.png')"
VECTOR = f"UPDATE embeddings SET vector = ? WHERE {OF_RED}"
JPEG = f"UPDATE thumbnails SET jpeg = ? WHERE {OF_RED}"
DAMAGES: dict[str, tuple[Any, ...]] = {
    "nan": ("an embedding with a NaN or an infinity", VECTOR, packed(np.nan, 0, 1)),
    "infinity": ("an embedding with a NaN or an infinity", VECTOR, packed(np.inf, 0, 1)),
    "too short": ("an embedding that is not 6 bytes long", VECTOR, packed(1, 0)),
    "text": ("an embedding that is not 6 bytes long", VECTOR, "abcdef"),
    "zero": ("an embedding whose length is not 1", VECTOR, packed(0, 0, 0)),
    "too long": ("an embedding whose length is not 1", VECTOR, packed(1.02, 0, 0)),
    "no embedding": ("no embedding", f"DELETE FROM embeddings WHERE {OF_RED}"),
    "another's": ("another embedding than their file gives", VECTOR, packed(0, 0.6, 0.8)),
    "no thumbnail": ("no thumbnail", f"DELETE FROM thumbnails WHERE {OF_RED}"),
    "cut short": ("a thumbnail that is no whole JPEG", JPEG, jpeg(200)[:-40]),
    "no picture": ("a thumbnail that is no whole JPEG", JPEG, b"text"),
    "large": ("a thumbnail of more than 400 pixels a side", JPEG, jpeg(401)),
    "width": (
        "a size, width or height that cannot be",
        "UPDATE photos SET width = 0 WHERE path = 'red.png'",
    ),
    "hash": (
        "a SHA-256 that cannot be",
        "UPDATE photos SET sha256 = 'x' WHERE path = 'red.png'",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_photo_is_noticed_and_made_anew_from_its_file(shelf, ill, album, damage):
    photo_id, before = red(shelf), shelf._store.content(red(shelf))
    what, *statement = DAMAGES[damage]
    ill(*statement)
    generation = shelf.generation
    [problem] = problems(shelf)
    assert problem == f"1 photo has {what} ({album / 'red.png'})"
    assert shelf.generation == generation, "looking must change nothing"
    [finding] = shelf.check(repair=True)
    assert finding == (problem, "made anew from their files", True)
    assert shelf.check() == []
    assert names(shelf)[0] == "red" and len(shelf) == 4
    assert red(shelf) == photo_id and shelf._store.content(photo_id) == before


def test_the_embedding_of_a_picture_that_was_never_decoded_is_noticed(shelf, ill, album):
    ill("UPDATE embeddings SET vector = ?", packed(0.6, 0.8, 0))
    ill(f"UPDATE thumbnails SET jpeg = ? WHERE {OF_RED}", paint(album.parent / "1.jpg", "black").read_bytes())
    shelf._encoder = ConfidentEncoder()
    problem, other = problems(shelf)
    assert problem.startswith("3 photos have the embedding of a black picture, which they are not (")
    assert "red.png" not in problem, "it looks as black as its embedding says"
    assert other.startswith("the network gives 1 of 1 photos other embeddings")
    assert shelf.check(repair=True)[0].mended
    assert names(shelf, COLOURS["blue"])[0] == "blue"


def test_all_that_is_wrong_is_mended_at_once(shelf, ill):
    for colour, damage in {"green": "no thumbnail", "blue": "nan", "gold": "width"}.items():
        _, sql, *values = DAMAGES[damage]
        ill(sql.replace("red.png", f"{colour}.png"), *values)
    assert len(problems(shelf)) == 3
    assert [finding.mended for finding in shelf.check(repair=True)] == [True] * 3
    assert shelf.check() == [] and len(shelf) == 4


def gone(album):
    (album / "red.png").unlink()


def offline(album):
    album.rename(album.with_name("elsewhere"))


def spoilt(album):
    (album / "red.png").write_text("this is text")


@pytest.mark.parametrize(
    ("happened", "obstacle", "remedy"),
    [
        (
            gone,
            "their files are gone",
            "bring them back and run: simsearch sync; or drop them: simsearch sync",
        ),
        (
            offline,
            "their folder is offline",
            "connect its disk and run: simsearch sync; until then they are not",
        ),
        (
            spoilt,
            "their files cannot be used (not a picture, or of a kind",
            "restore them from a backup and run",
        ),
    ],
)
def test_what_cannot_be_mended_stays_a_finding_until_the_file_is_back(
    shelf, ill, album, happened, obstacle, remedy
):
    photo_id, file = red(shelf), paint(album.parent / "aside.png", COLOURS["red"])
    ill(*DAMAGES["nan"][1:])
    happened(album)
    for _ in range(2):
        [finding] = shelf.check(repair=True)
        assert finding.problem.startswith("1 photo has ") and f"), and {obstacle}" in finding.problem
        assert finding.remedy.startswith(remedy) and not finding.mended
        assert problems(shelf)[0].startswith("1 photo has no embedding")
        assert "red" not in names(shelf)
    if happened is offline:
        album.with_name("elsewhere").rename(album)
    shutil.copy(file, album / "red.png")
    shelf.sync()
    assert shelf.check() == []
    assert names(shelf)[0] == "red" and red(shelf) == photo_id


def test_a_photo_whose_thumbnail_alone_is_damaged_stays_findable_while_its_disk_is_away(shelf, ill, album):
    ill(*DAMAGES["no picture"][1:])
    offline(album)
    [finding] = shelf.check(repair=True)
    assert finding.remedy == "connect its disk and run: simsearch sync"
    assert names(shelf)[0] == "red"
    assert shelf.thumbnail(shelf.search(album.with_name("elsewhere") / "red.png")[0]) is None


def test_some_photos_are_mended_while_others_cannot_be(shelf, ill, album):
    ill("DELETE FROM thumbnails")
    gone(album)
    mended, left = shelf.check(repair=True)
    assert mended.mended and mended.problem.startswith("3 photos have no thumbnail (")
    assert not left.mended and left.problem.startswith("1 photo has no thumbnail (")


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("INSERT INTO embeddings VALUES (77, x'00')", "1 embeddings are of no photo"),
        ("INSERT INTO thumbnails VALUES (77, x'00')", "1 thumbnails are of no photo"),
        ("DELETE FROM marks", "the library's generation has no mark"),
        ("DELETE FROM changes", "of 4 embeddings it is not known when they came"),
        ("UPDATE changes SET generation = 1000", "of 4 embeddings it is not known when they came"),
    ],
)
def test_rows_that_do_not_go_together_are_put_right(shelf, ill, sql, problem):
    ill(sql)
    *files, found = problems(shelf)
    assert found == problem
    # Without its mark nobody can tell whether the graph is of this history.
    assert all("index.graph" in file and "marks" in sql for file in files)
    *deleted, put_right = shelf.check(repair=True)
    assert put_right == (problem, "put right", True) and all(finding.mended for finding in deleted)
    assert shelf.check() == []
    assert len(names(shelf)) == 4


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("UPDATE photos SET root_id = 9 WHERE path = 'red.png'", "1 photos are of no indexed folder"),
        ("UPDATE settings SET value = 'x' WHERE name = 'generation'", "has lost count of its generations"),
    ],
)
@pytest.mark.parametrize("repair", [False, True])
def test_what_only_a_backup_can_mend_is_said(shelf, ill, sql, problem, repair):
    ill(sql)
    [finding] = shelf.check(repair=repair)
    assert problem in finding.problem and not finding.mended
    assert finding.remedy == "restore library.db from a backup, or move it away and index anew"


def test_a_network_that_gives_other_embeddings_is_noticed_and_nothing_is_changed(shelf):
    shelf._encoder = OtherEncoder()
    generation = shelf.generation
    for repair in (False, True):
        [finding] = shelf.check(repair=repair)
        assert finding.problem == "the network gives 4 of 4 photos other embeddings than the library's"
        assert not finding.mended
    assert shelf.generation == generation


# Files


def spoil(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def foreign(path):
    shutil.copy(DATA / f"index-1{path.suffix}", path)


@pytest.mark.parametrize("damage", [spoil, foreign])
@pytest.mark.parametrize("engine", ["faiss", "lsh"])
def test_a_bad_index_file_is_deleted_and_made_anew(shelf, engine, damage):
    shelf._indexes.current(engine, 3)
    path = shelf.path / f"index.{engine}"
    assert path.exists() and shelf.check() == []
    damage(path)
    [problem] = problems(shelf)
    assert problem.startswith(f"{path} cannot be used (") and path.exists()
    assert shelf.check(repair=True) == [(problem, "deleted", True)]
    assert shelf.check() == []
    assert len(Indexes(shelf._store).current(engine, 3)) == 4


@pytest.mark.parametrize("name", ["clusters", "map-pca", "map-tsne"])
def test_a_bad_file_of_clusters_or_of_a_map_is_deleted_and_made_anew(shelf, name, monkeypatch):
    monkeypatch.setattr("simsearch.clusters._WORTH_A_FILE", 0)
    monkeypatch.setattr("simsearch.layout.FEWEST", 0)
    if name == "map-tsne" and not layout.is_installed("tsne"):
        pytest.skip("openTSNE is not installed")
    make = shelf.clusters if name == "clusters" else lambda: shelf.map(name.removeprefix("map-"))
    make()
    path = shelf.path / f"index.{name}"
    assert path.exists() and shelf.check() == []
    _flip(path)
    [problem] = problems(shelf)
    assert problem.startswith(f"{path} cannot be used (") and path.exists()
    assert shelf.check(repair=True) == [(problem, "deleted", True)]
    assert not path.exists() and shelf.check() == []
    with Library.open(shelf.path, encoder=ToyEncoder()) as again:
        assert again.map().ids.size == 4


def _flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_unfinished_files_are_left_alone_while_they_may_be_written_and_then_deleted(shelf):
    path = shelf.path / ".index.faiss.0123.unfinished"
    path.write_text("half of it")
    assert shelf.check() == []
    os.utime(path, (1, 1))
    assert problems(shelf) == [f"1 unfinished files were left by programs that were stopped ({path})"]
    assert shelf.check(repair=True)[0].mended
    assert not path.exists()


def test_a_bad_network_file_is_noticed_not_touched_and_deleted_by_a_repair(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "cache"))
    path = network_path(EncoderIdentity("efficientnet-lite2", BACKBONES["efficientnet-lite2"].hash))
    derived.save(path, "network", {}, b"x")
    spoil(path)
    with Library.open(tmp_path / "library") as library:
        [problem] = problems(library)
        assert problem.startswith(f"{path} cannot be used (") and path.exists()
        monkeypatch.setattr("simsearch.encoder.open_encoder", lambda *_, **__: ToyEncoder())
        assert library.check(repair=True) == [(problem, "deleted", True)]
        assert not path.exists()


# What was learnt

LEARNT = {
    "cut": "UPDATE learnt SET content = substr(content, 1, 90)",
    "empty": "UPDATE learnt SET content = x''",
    "text": "UPDATE learnt SET content = 'text'",
    "gone": "DELETE FROM learnt",
    "another": "UPDATE settings SET value = '0123' WHERE name = 'space'",
}


@pytest.fixture
def taught(shelf, album, monkeypatch):
    """The shelf with four more photos in a second folder, and its main directions learnt."""
    monkeypatch.setattr("simsearch.space.PCA_FROM", 8)
    for name, (red, green, blue) in COLOURS.items():
        paint(album / "pale" / f"{name}.png", (red // 2 + 90, green // 2 + 90, blue // 2 + 90))
    shelf.sync(album)
    assert shelf.learnt()["photos"] == 8
    return shelf


@pytest.mark.parametrize("damage", LEARNT)
def test_main_directions_that_are_damaged_are_noticed_and_learnt_anew(taught, ill, damage):
    expected = [(hit.id, hit.score) for hit in taught.similar(1)]
    ill(LEARNT[damage])
    generation = taught.generation
    [problem] = problems(taught)
    assert problem.startswith("what was learnt from the photos cannot be used (")
    assert taught.check()[0].remedy == "run: simsearch doctor --repair" and taught.generation == generation
    assert taught.check(repair=True) == [(problem, "learnt anew from the photos", True)]
    assert taught.check() == [] and taught.learnt()["photos"] == 8
    assert [(hit.id, hit.score) for hit in taught.similar(1)] == expected


@pytest.mark.parametrize(("labels", "option"), [(False, ""), (True, " --labels FILE")])
def test_folders_that_are_damaged_are_dropped_and_what_to_run_is_said(taught, ill, album, labels, option):
    file = album.parent / "labels.csv"
    file.write_text("".join(f"{path},{path.parent.name}\n" for path in album.glob("**/*.png")))
    taught.learn("folders", force=True, labels=file if labels else None)
    ill(LEARNT["cut"])
    [finding] = taught.check(repair=True)
    assert finding.mended
    assert finding.remedy == f"dropped; to learn it anew, run: simsearch learn folders{option}"
    assert taught.check() == [] and taught.learnt()["lesson"] == "photos" and taught.learnt()["photos"] == 8
    assert len(taught.similar(1)) == 7


def test_what_cannot_be_learnt_anew_is_dropped(taught, ill):
    ill(LEARNT["gone"])
    ill("DELETE FROM photos WHERE id > 4")
    assert taught.check(repair=True)[0].mended and taught.check() == []
    assert taught.learnt()["photos"] == 0


def test_what_was_learnt_for_another_network_is_noticed(taught, ill):
    wider = space.pca(space.Spread([np.eye(5, dtype=np.float32)]))
    ill("UPDATE learnt SET content = ?", wider.to_bytes())
    ill("UPDATE settings SET value = ? WHERE name = 'space'", wider.mark)
    [problem] = problems(taught)
    assert problem.endswith("(it is not for embeddings of 3 numbers)")
    assert taught.check(repair=True)[0].mended and taught.check() == []


# Libraries that are well


def test_a_healthy_library_has_no_findings(shelf, album, tmp_path):
    shutil.copy(album / "red.png", album / "copy of red.png")
    (album / "broken.jpg").write_text("this is text")
    away = paint(tmp_path / "away" / "teal.png", "teal").parent
    shelf.sync(album, away)
    (album / "blue.png").unlink()
    shelf.sync(album)
    away.rename(tmp_path / "unplugged")
    seen: list[tuple[int, int]] = []
    assert shelf.check(progress=lambda *at: seen.append(at)) == []
    assert seen == [(number, 6) for number in range(1, 7)]
    generation = shelf.generation
    assert shelf.check(repair=True) == []
    assert shelf.generation == generation


@pytest.mark.parametrize("earlier", [None, *sorted(DATA.glob("library-*.db"))])
def test_a_library_that_is_empty_or_of_an_earlier_format_has_no_findings(tmp_path, earlier):
    if earlier:
        shutil.copy(earlier, tmp_path / "library.db")
    with Library.open(tmp_path, encoder=ToyEncoder()) as library:
        for repair in (False, True):
            assert library.check(repair=repair) == []
        assert (library._store.setting("encoder") is None) == (earlier is None)


def test_photos_that_arrive_meanwhile_raise_no_false_alarm(shelf, album):
    for number in range(60):
        paint(album / f"{number:02}.png", (number * 4, 99, 9))
    writer = Library.open(shelf.path, encoder=ToyEncoder())
    indexing = threading.Thread(target=lambda: writer.sync(album, workers=1))
    indexing.start()
    checks = 0
    while indexing.is_alive() or not checks:
        assert shelf.check() == []
        checks += 1
    writer.close()
    assert shelf.check() == [] and len(shelf) == 64


def test_a_repair_waits_for_nobody(shelf):
    with sole_writer(shelf.path), pytest.raises(LibraryError, match="in use by another simsearch"):
        shelf.check(repair=True)


# Before the repair


@pytest.mark.parametrize("engine", ["exact", "faiss", "lsh"])
@pytest.mark.parametrize("vector", [packed(np.nan, 0, 1), packed(0, 0, 0), packed(1), b"x"])
def test_a_damaged_embedding_does_not_break_search(shelf, ill, album, engine, vector, caplog, monkeypatch):
    ill(VECTOR, vector)
    index = Indexes(shelf._store).current(engine, 3)
    assert len(index) == 3
    assert "1 photos have a damaged embedding and are not found; make it anew with" in caplog.text
    monkeypatch.setattr(Indexes, "_built", lambda *_: pytest.fail("it was built anew"))
    if engine != "exact":  # so few are not kept in a file
        assert len(Indexes(shelf._store).current(engine, 3)) == 3


def test_a_photo_damaged_while_an_index_serves_leaves_it(shelf):
    assert names(shelf)[0] == "red"
    with shelf._store.transaction():
        sql = "INSERT OR REPLACE INTO embeddings VALUES (?, ?)"
        shelf._store._db.execute(sql, (red(shelf), packed(np.nan, 0, 0)))
    assert sorted(names(shelf)) == ["blue", "gold", "green"]


def test_photos_like_a_damaged_one_cannot_be_told(shelf, ill):
    ill(*DAMAGES["nan"][1:])
    with pytest.raises(PhotoError, match="its embedding is damaged; make it anew with: simsearch doctor"):
        shelf.similar(red(shelf))


# The command


@pytest.fixture
def doctor(shelf, monkeypatch, capsys):
    """Run the command on the shelf; return exit code, standard output and standard error."""
    open_library = Library.open.__func__  # type: ignore[attr-defined]

    def open_with_toy(cls, path=None, **options):
        return open_library(cls, path, encoder=ToyEncoder(), **options)

    monkeypatch.setattr(Library, "open", classmethod(open_with_toy))  # type: ignore[arg-type]
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(shelf.path))
    return lambda *options: (cli.main(["doctor", *options]), *capsys.readouterr())


def test_doctor_says_that_all_is_well(doctor):
    assert doctor()[:2] == (0, "all is well\n")
    assert doctor("--json")[:2] == (0, "")
    assert doctor("--repair")[:2] == (0, "all is well\n")


def test_doctor_names_what_is_wrong_and_mends_it_where_that_is_wished_for(doctor, ill, album):
    ill(*DAMAGES["no thumbnail"][1:])
    problem = f"1 photo has no thumbnail ({album / 'red.png'})"
    assert doctor()[:2] == (1, f"wrong   {problem}; run: simsearch doctor --repair\n")
    code, out, _ = doctor("--json")
    told = {"problem": problem, "remedy": "run: simsearch doctor --repair", "mended": False}
    assert (code, json.loads(out)) == (1, told)
    assert doctor("--repair")[:2] == (0, f"mended  {problem}; made anew from their files\n")
    assert doctor()[0] == 0


def test_doctor_is_not_content_while_a_file_is_gone(doctor, ill, album):
    ill(*DAMAGES["no embedding"][1:])
    gone(album)
    assert doctor("--repair")[0] == 1
    assert doctor("--repair")[0] == 1


@pytest.mark.parametrize("page", [0, 1, 2, -1])
@pytest.mark.parametrize("repair", [[], ["--repair"]])
def test_a_garbled_database_is_one_sentence(doctor, shelf, page, repair):
    shelf.close()
    path = shelf.path / "library.db"
    data = bytearray(path.read_bytes())
    start = page % (len(data) // 4096) * 4096
    start += 100 if page == 0 else 0  # the header is left as it is
    data[start : start + 3000] = bytes([0xA5]) * 3000
    path.write_bytes(data)
    code, out, err = doctor(*repair)
    assert code == 1
    assert (out + err).count("damaged") == 1 and "backup" in out + err and "Traceback" not in err


def test_nothing_of_use_is_taken_from_photos_that_are_away(shelf, tmp_path):
    [root] = shelf.roots()
    with shelf._store.transaction():
        shelf._store._write("UPDATE photos SET width = 0")
        shelf._store._write("UPDATE embeddings SET vector = ?", np.array([1.04, 0, 0], "<f2").tobytes())
    before = shelf._store._all("SELECT * FROM photos"), shelf._store._all("SELECT * FROM embeddings")
    root.rename(tmp_path / "unplugged")
    found = len(shelf)
    findings = shelf.check(repair=True)
    assert findings and not any(finding.mended for finding in findings)
    assert all("offline" in finding.problem for finding in findings)
    assert before == (
        shelf._store._all("SELECT * FROM photos"),
        shelf._store._all("SELECT * FROM embeddings"),
    )
    assert len(shelf) == found
    (tmp_path / "unplugged").rename(root)
    assert all(finding.mended for finding in shelf.check(repair=True)) and shelf.check() == []


@pytest.mark.parametrize(
    ("change", "what"),
    [("taken_at = '2023-99'", "a time"), ("latitude = 'north', longitude = 1.0", "a place")],
)
def test_a_fact_that_cannot_be_is_found_and_stops_no_search(shelf, change, what):
    with shelf._store.transaction():
        shelf._store._write(f"UPDATE photos SET {change} WHERE id = 1")
    assert shelf.similar(2)
    assert f"1 photo has {what} that cannot be" in problems(shelf)[0]
    assert shelf.check(repair=True)[0].mended and shelf.check() == []


def test_damaged_meanings_of_scores_are_noticed_and_learnt_anew(tmp_path, monkeypatch):
    from tests.test_calibration import SmallEncoder, draw

    monkeypatch.setattr("simsearch.space.PCA_FROM", 200)
    draw(tmp_path / "album", range(30))
    with Library.open(tmp_path / "library", encoder=SmallEncoder()) as library:
        library.sync(tmp_path / "album")
        before = [hit.trust for hit in library.search(tmp_path / "album" / "3.png")]
        assert before[0] == "near-identical"
        with library._store.transaction():
            library._store.set_learnt("trust", b"damaged")
        [finding] = library.check()
        assert finding.problem.startswith("what scores mean cannot be used") and not finding.mended
        [finding] = library.check(repair=True)
        assert (finding.remedy, finding.mended) == ("learnt anew", True)
        assert library.check() == []
        assert [hit.trust for hit in library.search(tmp_path / "album" / "3.png")] == before
