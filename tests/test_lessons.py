"""When a library learns, from what, and that its searches follow."""

import json
import sqlite3

import numpy as np
import pytest

from simsearch import FolderError, LearningError, Library, LibraryError, lessons, space
from simsearch.indexes import Indexes
from simsearch.photos import Found
from simsearch.running import sole_writer
from simsearch.store import About, Content
from tests.conftest import paint
from tests.test_learning import made_up
from tests.toy import ToyEncoder

DIM = 24


class WideEncoder(ToyEncoder):
    """As wide as the photos of the shelf; it sees in a picture its first colour."""

    dim = DIM

    def encode(self, pixels):
        return space.unit(np.eye(1, DIM, dtype=np.float32) + pixels[4, 4].max() / 1e3)[0]


class Shelf:
    """A library of made-up photos, in folders ``kind-0``, ``kind-1`` and so on below ``photos``."""

    def __init__(self, folder):
        self.folder = folder
        self.photos = folder / "photos"
        self.library = Library.open(folder / "library", encoder=WideEncoder())
        self.store = self.library._store
        with self.store.transaction():
            self.store.set_setting("encoder", WideEncoder.identity.to_json())
            self.root = self.store.add_root(self.photos)
        self.count = 0

    def put(self, vectors, kinds):
        with self.store.transaction():
            for vector, kind in zip(vectors, kinds, strict=True):
                self.count += 1
                packed = vector.astype("<f2").tobytes()
                content = Content(f"{self.count:064x}", About(1, 1, None, None, None, None, 1), packed, b"")
                self.store.put(self.root, Found(self.name(kind, self.count), 1, 1), content)

    def name(self, kind, number):
        return f"kind-{kind}/{number}.jpg"

    def fill(self, **made):
        """Put made-up photos on it; return their kinds, by their ids less 1."""
        vectors, kinds = made_up(**made)
        self.put(vectors, kinds)
        return kinds

    def embeddings(self):
        return self.store._all("SELECT * FROM embeddings ORDER BY photo_id")

    def labels(self, lines, **written):
        path = self.folder / "labels.csv"
        path.write_text("\n".join(lines), **{"encoding": "utf-8", **written})
        return path


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.library.close()


@pytest.fixture
def few(monkeypatch):
    """A library learns from twenty photos on."""
    monkeypatch.setattr(space, "PCA_FROM", 20)


def learnt(library):
    told = library.learnt()
    return told["lesson"], told["photos"]


def nearest(library, photo, k=5):
    return [hit.id for hit in library.similar(photo, k)]


def precision(library, kinds, k=10):
    """The share of the nearest photos that are of the photo's kind, for some."""
    asked = range(1, len(kinds) + 1, 7)
    return np.mean(
        [np.mean(kinds[np.array(nearest(library, one, k)) - 1] == kinds[one - 1]) for one in asked]
    )


# By itself


def test_a_library_learns_by_itself_at_some_photos_and_again_when_they_have_doubled(toy_library, album, few):
    seen = []
    for step in ((0, 19), (19, 20), (20, 39), (39, 40), (40, 41)):
        for number in range(*step):
            paint(album / f"{number:02}.png", (5 * number, 250 - 3 * number, number * number % 200))
        toy_library.sync(album)
        seen.append(learnt(toy_library))
    assert seen == [("photos", 0), ("photos", 20), ("photos", 20), ("photos", 40), ("photos", 40)]
    assert toy_library.similar(toy_library.random())


def test_nothing_is_written_where_nothing_is_due(shelf, few):
    shelf.fill()
    lessons.keep_up(shelf.store, DIM)
    generation = shelf.store.generation
    lessons.keep_up(shelf.store, DIM)
    assert shelf.store.generation == generation


def test_photos_that_are_alike_are_looked_at_again_when_they_have_doubled(shelf, few):
    vectors, kinds = made_up(2, each=20)
    shelf.put(np.repeat(vectors[:1], 20, axis=0), kinds[:20])
    lessons.keep_up(shelf.store, DIM)
    generation, told = shelf.store.generation, shelf.library.learnt()
    assert (told["lesson"], told["photos"], told["alike"]) == ("photos", 0, 20)
    assert shelf.store.learnt("space") is None
    shelf.put(vectors[:19], kinds[:19])
    lessons.keep_up(shelf.store, DIM)
    assert shelf.library.learnt() == told and shelf.store.generation == generation + 1
    with pytest.raises(LearningError, match="the photos do not differ"):
        shelf.store._db.execute("UPDATE embeddings SET vector = (SELECT vector FROM embeddings LIMIT 1)")
        shelf.library.learn("photos")
    shelf.put(vectors[19:21], kinds[19:21])
    lessons.keep_up(shelf.store, DIM)
    assert learnt(shelf.library) == ("photos", 41)


@pytest.mark.parametrize("lesson", ["off", "folders"])
def test_what_the_user_chose_stays_when_photos_come(shelf, few, lesson):
    shelf.fill()
    before = shelf.library.learn(lesson)
    shelf.fill(seed=1, each=9)
    lessons.keep_up(shelf.store, DIM)
    assert shelf.library.learnt() == {key: before[key] for key in shelf.library.learnt()}
    assert learnt(shelf.library)[0] == lesson


def test_folders_are_learnt_anew_when_half_as_many_photos_have_come(shelf):
    shelf.fill()
    shelf.library.learn("folders", under=shelf.photos)
    was, before = shelf.store.learnt("space"), shelf.library.learnt()
    assert (before["library"], before["under"]) == (240, str(shelf.photos))
    shelf.fill(each=9)
    lessons.keep_up(shelf.store, DIM)
    assert shelf.store.learnt("space") == was
    shelf.fill(each=1)
    lessons.keep_up(shelf.store, DIM)
    told = shelf.library.learnt()
    assert (told["lesson"], told["photos"], told["library"]) == ("folders", 360, 360)
    assert told["under"] == str(shelf.photos) and shelf.store.learnt("space") != was


def test_folders_that_no_longer_help_are_dropped_and_it_is_said(shelf, monkeypatch, caplog):
    shelf.fill()
    shelf.library.learn("folders", under=shelf.photos)
    shelf.fill(each=20)
    monkeypatch.setattr("simsearch.learning.Gain.is_loss", True)
    lessons.keep_up(shelf.store, DIM)
    assert learnt(shelf.library) == ("photos", 480)
    assert "the library has grown, and what told its folders apart cannot be learnt anew" in caplog.text
    assert "search would be worse" in caplog.text
    assert f"simsearch learn folders --under {shelf.photos} --force" in caplog.text


def test_labels_are_learnt_anew_and_stay(labelled, monkeypatch, caplog):
    shelf, names = labelled
    path = shelf.labels([f"all/{name},{label}" for name, label in names])
    shelf.library.learn("folders", labels=path, force=True)
    with shelf.store.transaction():
        shelf.store.set_missing([1], True)
    monkeypatch.setattr("simsearch.learning.Gain.is_loss", False)
    shelf.put(made_up(1, each=20)[0], [0] * 20)
    lessons.keep_up(shelf.store, DIM)
    told = shelf.library.learnt()
    assert (told["labels"], told["photos"], told["library"]) == (True, 23, 43)
    with shelf.store.transaction():
        shelf.store.set_missing([1], False)
    assert len(shelf.store.labels()) == 24 and caplog.text == ""


@pytest.mark.parametrize("lesson", ["off", "folders"])
def test_the_way_back_is_open_to_a_small_library(shelf, lesson):
    shelf.fill(kinds=3, each=10)
    shelf.library.learn(lesson, force=lesson == "folders")
    told = shelf.library.learn("photos")
    assert (told["lesson"], told["photos"]) == ("photos", 0)
    assert shelf.store.learnt("space") is None


# Folders and labels


def test_folders_are_told_apart_and_the_small_ones_named(shelf):
    kinds = shelf.fill()
    before = precision(shelf.library, kinds)
    shelf.put(made_up(1, each=3)[0], ["few"] * 3)
    told = shelf.library.learn("folders")
    assert told["kinds"] == sorted(str(shelf.photos / f"kind-{kind}") for kind in range(12))
    assert told["small"] == [str(shelf.photos / "kind-few")] and told["unknown"] == []
    assert told["photos"] == 240 and told["labels"] is False
    assert told["gain"]["after"]["precision_at_15"] > told["gain"]["before"]["precision_at_15"]
    assert precision(shelf.library, np.append(kinds, [12] * 3)) > before + 0.2


def test_only_the_folders_below_one_are_told_apart(shelf):
    shelf.fill(kinds=4)
    for place, words in {
        "photos/kind-9": "nothing of it is in the library",
        "x": "not in this library",
    }.items():
        with pytest.raises(FolderError, match=words):
            shelf.library.learn("folders", under=shelf.folder / place)
    with pytest.raises(LearningError, match="one folder has 4 photos or more, and it takes two"):
        shelf.library.learn("folders", under=shelf.photos / "kind-1")
    assert len(shelf.library.learn("folders", under=shelf.photos, force=True)["kinds"]) == 4


def test_folders_in_which_nothing_is_alike_are_refused_unless_forced(shelf, monkeypatch):
    vectors, kinds = made_up()
    shelf.put(vectors, np.random.default_rng(0).permutation(kinds))
    monkeypatch.setattr("simsearch.learning.Gain.is_loss", True)
    generation = shelf.store.generation
    with pytest.raises(
        LearningError, match=r"search would be worse \(.*of the first 15 .*use --force"
    ) as told:
        shelf.library.learn("folders")
    assert str(told.value).count("before") == 4 and shelf.store.generation == generation
    assert learnt(shelf.library) == ("photos", 0)
    assert shelf.library.learn("folders", force=True)["lesson"] == "folders"


def test_photos_without_a_sound_embedding_do_not_count(shelf):
    shelf.fill(kinds=3, each=5)
    with shelf.store.transaction():
        shelf.store._write("UPDATE embeddings SET vector = x'00' WHERE photo_id IN (1, 2)")
        shelf.store.set_missing([6, 7], True)
    with pytest.raises(LearningError, match="one folder has 4 photos or more"):
        shelf.library.learn("folders")


def test_of_very_many_photos_the_large_folders_give_some():
    kinds = dict(enumerate(["a"] * 5 + ["b"] * 100 + ["c"] * 12))
    chosen = lessons.chosen(kinds, 30)
    names = [kinds[photo] for photo in chosen.tolist()]
    assert names.count("a") == 5 and len(names) <= 30 and sorted(chosen) == chosen.tolist()
    assert abs(names.count("b") - names.count("c")) <= 1
    assert len({*chosen.tolist()}) == len(chosen) and not len(lessons.chosen({}, 30))


@pytest.fixture
def labelled(shelf):
    """A shelf whose photos are all in one folder, and their labels by name."""
    vectors, kinds = made_up(3, each=8)
    shelf.name = lambda kind, number: f"all/{number}.jpg"
    shelf.put(vectors, kinds)
    return shelf, [(f"{number + 1}.jpg", f"thing {kind}") for number, kind in enumerate(kinds)]


WAYS = {
    "absolute paths": lambda shelf, name, label: f"{shelf.photos}/all/{name},{label}",
    "below the file's folder": lambda shelf, name, label: f"photos/all/{name},{label}",
    "below an indexed folder": lambda shelf, name, label: f"all/{name},{label}",
    "with dots": lambda shelf, name, label: f"photos/../photos/./all/{name},{label}",
    "quoted": lambda shelf, name, label: f'"all/{name}","{label}"',
    "with semicolons": lambda shelf, name, label: f'"all/{name}";{label}; more, and, more',
    "with tabs": lambda shelf, name, label: f"all/{name}\t{label}\tmore; and, more",
    "with more columns": lambda shelf, name, label: f"all/{name}, {label} ,more,and more",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("head", "encoding"), [([], "utf-8"), (["Path, Label"], "utf-8-sig")])
def test_labels_are_read_as_people_write_them(labelled, way, head, encoding):
    shelf, names = labelled
    path = shelf.labels([*head, *(WAYS[way](shelf, *pair) for pair in names)], encoding=encoding)
    told = shelf.library.learn("folders", labels=path, force=True)
    assert told["kinds"] == ["thing 0", "thing 1", "thing 2"] and told["photos"] == 24
    assert told["labels"] is True and told["unknown"] == told["small"] == []
    assert shelf.store.labels() == {number + 1: label for number, (_, label) in enumerate(names)}


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_heading_of_a_spreadsheet_is_no_photo(labelled, separator):
    shelf, names = labelled
    lines = [separator.join(row) for row in [("Path", "Label"), *((f"all/{n}", label) for n, label in names)]]
    told = shelf.library.learn("folders", labels=shelf.labels(lines), force=True)
    assert told["unknown"] == [] and told["photos"] == 24


def test_commas_within_paths_and_labels_part_nothing_in_a_file_with_semicolons(labelled):
    shelf, names = labelled
    shelf.name = lambda kind, number: f"all/here, there/{number}.jpg"
    shelf.put(*made_up(1, each=4))
    lines = [f"all/{name};{label}, whole" for name, label in names]
    lines += [f"all/here, there/{number}.jpg;thing 3, whole" for number in range(25, 29)]
    told = shelf.library.learn("folders", labels=shelf.labels(lines), force=True)
    assert told["kinds"] == [f"thing {kind}, whole" for kind in range(4)] and told["unknown"] == []


def test_paths_that_are_not_in_the_library_are_named_and_others_used(labelled):
    shelf, names = labelled
    strange = ["all/nowhere.jpg", "~/x.jpg", "a\0b", "x" * 5_000, "", "/", "ünknown.jpg"]
    lines = [f"all/{name},{label}" for name, label in names] + [f"{name},thing 9" for name in strange]
    told = shelf.library.learn(
        "folders", labels=shelf.labels([*lines, "", "alone", "unlabelled,"]), force=True
    )
    assert told["unknown"] == strange and told["photos"] == 24


def test_labels_of_a_photo_or_two_teach_nothing(labelled):
    shelf, names = labelled
    lines = [f"all/{name},{label}" for name, label in names[1:]] + [f"all/{names[0][0]},a thing of its own"]
    told = shelf.library.learn("folders", labels=shelf.labels(lines), force=True)
    assert told["small"] == ["a thing of its own"] and told["photos"] == 23
    assert 1 in shelf.store.labels()  # it is known all the same
    shelf.library.learn("off")
    with pytest.raises(LearningError, match="no label has 4 photos or more"):
        shelf.library.learn("folders", labels=shelf.labels(lines[:3] + lines[-1:]))


def test_labels_stay_until_others_come(labelled):
    shelf, names = labelled
    path = shelf.labels([f"all/{name},{label}" for name, label in names])
    shelf.library.learn("folders", labels=path, force=True)
    shelf.name = lambda kind, number: f"{kind}/{number}.jpg"
    shelf.fill(kinds=3, each=8)
    kept = shelf.store.labels()
    assert shelf.library.learn("folders", force=True)["labels"] is False
    for lesson in ("photos", "off"):
        shelf.library.learn(lesson)
    assert shelf.store.labels() == kept and len(kept) == 24
    path = shelf.labels([f"all/{name},{label}s" for name, label in names[:-1]])
    shelf.library.learn("folders", labels=path, force=True)
    assert shelf.store.labels() == {number + 1: f"{label}s" for number, (_, label) in enumerate(names[:-1])}


# Kinds that were named one by one


def test_photos_and_folders_are_named_in_place_of_a_file(shelf):
    shelf.fill(kinds=4, each=8)
    folder = {kind: shelf.photos / f"kind-{kind}" for kind in range(4)}
    names = {folder[0]: "cups", str(folder[1]): " cups ", folder[2]: "clocks"}
    told = shelf.library.learn("folders", labels=names, force=True)
    assert (told["labels"], told["kinds"], told["photos"]) == (True, ["clocks", "cups"], 24)
    assert sorted(shelf.library.labels().values()) == ["clocks"] * 8 + ["cups"] * 16
    one, other = [number for number, path in shelf.store.paths().items() if "kind-0/" in path][:2]
    hit = shelf.library.photo(other)
    told = shelf.library.kinds_to_learn(
        labels={shelf.photos: "rest", folder[0]: "cups", one: "lost", hit: "", 999: "x", "/nowhere": "y"}
    )
    assert told["sizes"] == {"rest": 24, "cups": 6, "lost": 1}
    assert (told["small"], told["unknown"]) == (["lost"], ["999", "/nowhere"])
    with pytest.raises(LearningError, match="no photo of the library is named; name a few"):
        shelf.library.learn("folders", labels={})


def test_photos_that_come_to_a_named_folder_get_its_label(shelf):
    kinds = shelf.fill(kinds=3, each=8)
    names = {shelf.photos / f"kind-{kind}": f"thing {kind}" for kind in range(2)}
    unnamed = 1 + kinds.tolist().index(0)
    shelf.library.learn("folders", labels={**names, unnamed: ""}, force=True)
    before = shelf.library.labels()
    shelf.put(made_up(1, each=1)[0].repeat(3, axis=0), [0, 1, 2])
    lessons.keep_up(shelf.store, DIM)
    assert shelf.library.labels() == {**before, 25: "thing 0", 26: "thing 1"} and unnamed not in before
    shelf.library.drop_labels()
    shelf.put(made_up(1, each=1)[0], [0])
    lessons.keep_up(shelf.store, DIM)
    assert shelf.library.labels() == {}


def test_photos_that_move_into_a_named_folder_get_its_label(shelf):
    kinds = shelf.fill(kinds=3, each=8).tolist()
    names = {shelf.photos / f"kind-{kind}": f"thing {kind}" for kind in range(2)}
    unnamed, moving = 1 + kinds.index(0), 1 + kinds.index(2)
    shelf.library.learn("folders", labels={**names, unnamed: ""}, force=True)
    before = shelf.library.labels()
    with shelf.store.transaction():
        shelf.store.move(moving, shelf.store.roots()[0], Found("kind-0/moved.png", 1, 1))
    lessons.keep_up(shelf.store, DIM)
    assert shelf.library.labels() == {**before, moving: "thing 0"} and unnamed not in before


def test_what_would_be_learnt_from_is_told_before(labelled):
    shelf, names = labelled
    path = shelf.labels([f"all/{name},{label}" for name, label in names] + ["nowhere.jpg,cup"])
    told = shelf.library.kinds_to_learn(labels=path)
    assert told["unknown"] == ["nowhere.jpg"] and sum(told["sizes"].values()) == len(names)
    assert shelf.library.kinds_to_learn()["sizes"] == shelf.library.folders() == {f"{shelf.photos}/all": 24}
    assert learnt(shelf.library) == ("photos", 0)


def test_labels_can_be_dropped(labelled):
    shelf, _ = labelled
    shelf.library.learn("folders", labels={n: "ab"[n % 2] for n in range(1, 15)}, force=True)
    generation = shelf.library.generation
    assert shelf.library.drop_labels() == 14 and shelf.library.labels() == {}
    assert shelf.library.generation > generation


def test_learning_says_how_far_it_is_and_what_it_raises_ends_it(shelf):
    shelf.fill(kinds=4, each=8)
    told = []
    shelf.library.learn("folders", force=True, progress=lambda *step: told.append(step))
    assert [*dict.fromkeys(doing for doing, _, _ in told)] == [
        "reading embeddings", "trying it on photos held out", "making the index anew",
    ]  # fmt: skip
    trials = [step[1:] for step in told if step[2]]
    assert trials == [(number, len(trials)) for number in range(len(trials))]
    before = shelf.library.learnt()

    def stop(*_):
        raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        shelf.library.learn("folders", labels={1: "x"}, progress=stop)
    assert shelf.library.learnt() == before and shelf.library.labels() == {}


@pytest.mark.parametrize("lesson", ["photos", "folders", "off"])
def test_any_lesson_can_be_stopped_until_its_last_step(shelf, lesson):
    shelf.fill(kinds=2, each=30)
    before = shelf.library.learnt(), shelf.library.generation

    def stop(doing, *_):
        if doing == "making the index anew":
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        shelf.library.learn(lesson, progress=stop, **({"force": True} if lesson == "folders" else {}))
    assert (shelf.library.learnt(), shelf.library.generation) == before


def test_a_loss_says_what_was_measured(shelf, monkeypatch):
    shelf.fill(kinds=4, each=8)
    monkeypatch.setattr("simsearch.learning.Gain.is_loss", True)
    with pytest.raises(LearningError) as refused:
        shelf.library.learn("folders")
    told = shelf.library.learn("folders", force=True)
    assert refused.value.gain == told["gain"]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", LearningError, "labels.csv holds no labels; give one path and one label a line"),
        (b"path,label\n", LearningError, "labels.csv holds no labels"),
        (b"all/1.jpg:cup\n", LearningError, "holds no labels; .* parted by a comma, a semicolon or a tab"),
        (b"x, y.jpg;cup\nz.jpg;cup\n", LearningError, "none of the 2 paths in"),
        (b"x.jpg,cup\ny.jpg,cup\n", LearningError, "none of the 2 paths in .*labels.csv is in the library"),
        (b"caf\xe9.jpg,cup\n", FolderError, "cannot be read .*give a CSV file in UTF-8"),
        (b"\x00\x01\x02" * 99, LearningError, "holds no labels"),
        (b"x" * 200_000 + b",cup", FolderError, "cannot be read"),
        (None, FolderError, "labels.csv: cannot be read .no such file or directory.; give a CSV file"),
    ],
)
def test_a_file_without_labels_is_one_sentence(labelled, content, error, words):
    shelf, _ = labelled
    if content is not None:
        (shelf.folder / "labels.csv").write_bytes(content)
    with pytest.raises(error, match=words) as told:
        shelf.library.learn("folders", labels=shelf.folder / "labels.csv")
    assert "\n" not in str(told.value) and learnt(shelf.library) == ("photos", 0)


@pytest.mark.parametrize(
    ("lesson", "options", "words"),
    [
        ("everything", {}, 'lesson must be "photos", "folders" or "off"'),
        ("photos", {"force": True}, "are for the lesson"),
        ("off", {"under": "x"}, "are for the lesson"),
        ("photos", {"labels": "x"}, "are for the lesson"),
        ("folders", {"labels": "x", "under": "y"}, "labels or under, not both"),
    ],
)
def test_a_lesson_that_makes_no_sense_is_refused(shelf, lesson, options, words):
    with pytest.raises(ValueError, match=words):
        shelf.library.learn(lesson, **options)


def test_nothing_is_learnt_while_another_process_indexes(shelf):
    with sole_writer(shelf.library.path), pytest.raises(LibraryError, match="in use by another simsearch"):
        shelf.library.learn("off")


# Searches follow


def test_a_switch_leaves_the_embeddings_as_they_are_and_back_is_as_it_was(shelf, few):
    kinds = shelf.fill()
    raw, before = shelf.embeddings(), [nearest(shelf.library, photo) for photo in (1, 50, 200)]
    found: dict[str, list[list[int]]] = {}
    for lesson in ("photos", "folders", "photos", "off", "folders", "off"):
        shelf.library.learn(lesson)
        hits = [nearest(shelf.library, photo) for photo in (1, 50, 200)]
        assert found.setdefault(lesson, hits) == hits
        assert shelf.embeddings() == raw
    assert found["off"] == before
    assert found["folders"] != before and len(kinds) == len(shelf.library)


@pytest.mark.parametrize("engine", ["exact", "faiss", "lsh"])
def test_an_index_of_another_space_is_neither_used_nor_warned_of(shelf, few, engine, monkeypatch, caplog):
    monkeypatch.setattr("simsearch.indexes._WORTH_A_FILE", 1)
    shelf.fill()
    shelf.library.similar(1, engine=engine)
    path = shelf.library.path / f"index.{engine}"
    old = path.read_bytes()
    assert "photos" == shelf.library.learn("photos")["lesson"]
    assert path.read_bytes() != old, "it is made anew at once"
    expected = nearest(shelf.library, 1)
    path.write_bytes(old)  # as if somebody had been killed in between
    with Library.open(shelf.library.path, encoder=WideEncoder()) as other:
        assert not any(other._indexes.fault(*file) for file in other._indexes.files())
        found = [hit.id for hit in other.similar(1, 5, engine=engine)]
        assert found == expected if engine != "lsh" else len(found) == 5
    assert caplog.text == ""
    assert path.read_bytes() != old


def test_another_process_follows_at_its_next_search(shelf, few):
    shelf.fill()
    with Library.open(shelf.library.path, encoder=WideEncoder()) as other:
        raw = nearest(other, 1)
        for lesson in ("folders", "photos", "off"):
            shelf.library.learn(lesson)
            assert nearest(other, 1) == nearest(shelf.library, 1)
            assert other.learnt() == shelf.library.learnt()
        assert nearest(other, 1) == raw


@pytest.mark.parametrize("lesson", ["photos", "folders"])
@pytest.mark.parametrize("engine", ["exact", "faiss", "lsh"])
def test_photos_that_come_after_the_switch_are_seen_in_the_same_space(shelf, few, lesson, engine):
    shelf.fill()
    shelf.library.learn(lesson)
    shelf.library.similar(1, engine=engine)
    shelf.put(made_up(each=1)[0][:1], ["new"])
    first = shelf.library.similar(241, k=5, engine=engine)
    with shelf.library._indexes.lock:
        index = shelf.library._indexes.current(engine, DIM)
        vectors = shelf.library._indexes._vectors
    assert len(index) == 241 and index.dim == vectors.width != 0
    projected = np.concatenate([block for _, block in vectors.blocks()])
    scores = projected @ projected[240]
    for hit in first:
        assert hit.cosine == pytest.approx(scores[hit.id - 1], abs=2e-3)


def test_lsh_is_tuned_anew_in_another_space(shelf, few):
    shelf.fill()
    shelf.library.tune(0.9, tables=3)
    before = shelf.library.status()["lsh"]
    shelf.library.learn("folders")
    after = shelf.library.status()["lsh"]
    assert before["space"] == "" and after["space"] == shelf.store.setting("space") != ""
    assert (after["wish"], after["knobs"]) == (0.9, {"tables": 3})
    shelf.library._indexes.refresh(DIM)
    assert shelf.library.status()["lsh"] == after


# Damage


def cut(content):
    return content[:-100]


DAMAGES = {
    "cut": cut,
    "gone": lambda content: None,
    "text": lambda content: "text",
    "for others": lambda content: space.pca(space.Spread([made_up()[0][:, :5]])).to_bytes(),
    "another": lambda content: space.pca(space.Spread([made_up(seed=9)[0]])).to_bytes(),
}


def damage(shelf, how):
    content = DAMAGES[how](shelf.store.learnt("space"))
    db = sqlite3.connect(shelf.store.path)
    with db:
        if content is None:
            db.execute("DELETE FROM learnt WHERE name = 'space'")
        else:
            db.execute("UPDATE learnt SET content = ? WHERE name = 'space'", (content,))
    db.close()


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_space_is_said_and_search_goes_on_without(shelf, few, how, caplog):
    shelf.fill()
    raw = nearest(shelf.library, 1)
    shelf.library.learn("photos")
    expected = nearest(shelf.library, 1)
    damage(shelf, how)
    with Library.open(shelf.library.path, encoder=WideEncoder()) as other:
        assert nearest(other, 1) == raw
        assert "what was learnt from the photos cannot be used" in caplog.text
        assert "simsearch learn photos" in caplog.text
        caplog.clear()
        shelf.fill(kinds=1, each=1)
        assert len(nearest(other, 1)) == 5 and caplog.text == "", "once is enough"
        shelf.store.drop([241])
        shelf.library.learn("photos")
        assert nearest(other, 1) == expected, "it is noticed when it was learnt anew, of the same name"
    with Library.open(shelf.library.path, encoder=WideEncoder()) as third:
        assert nearest(third, 1) == expected
    assert caplog.text == ""


def test_what_was_made_without_a_damaged_space_is_not_taken_for_what_is_made_in_it(
    shelf, few, monkeypatch, caplog
):
    monkeypatch.setattr("simsearch.indexes._WORTH_A_FILE", 1)
    shelf.fill()
    shelf.library.learn("photos")
    content, expected = shelf.store.learnt("space"), nearest(shelf.library, 1)
    damage(shelf, "cut")
    Indexes(shelf.store).refresh(DIM)
    with shelf.store.transaction():
        shelf.store.set_learnt("space", content)
    caplog.clear()
    with Library.open(shelf.library.path, encoder=WideEncoder()) as other:
        assert nearest(other, 1) == expected
    assert caplog.text == ""


# The command


@pytest.fixture
def command(shelf, monkeypatch, run):
    open_library = Library.open.__func__  # type: ignore[attr-defined]

    def open_with_toy(cls, path=None, **options):
        return open_library(cls, path, encoder=WideEncoder(), **options)

    monkeypatch.setattr(Library, "open", classmethod(open_with_toy))  # type: ignore[arg-type]
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(shelf.library.path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    return run


def test_learn_folders_says_what_it_gains(command, shelf):
    shelf.fill()
    shelf.put(made_up(1, each=3)[0], ["few"] * 3)
    code, out, err = command("learn", "folders")
    gain = shelf.library.learnt()["gain"]
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].startswith("learnt: what tells 12 folders apart, from 240 photos, on 20")
    assert lines[1] == f"small: {shelf.photos}/kind-few (too few photos to learn from)"
    assert lines[2] == "for photos that it did not learn from:"
    after, before = gain["after"]["precision_at_15"], gain["before"]["precision_at_15"]
    own = "of the first 15 hits are of the photo's own kind"
    assert lines[3] == f"  {after:.1%} {own} ({before:.1%} before)"
    voted = "of the photos are of the kind that most of their 15 nearest are of"
    after, before = gain["after"]["accuracy"], gain["before"]["accuracy"]
    assert lines[4] == f"  {after:.1%} {voted} ({before:.1%} before)"
    assert lines[5] == "for kinds that it was not told of, to try it:"
    assert len(lines) == 8 and own in lines[6] and voted in lines[7]
    assert command("learn")[1].splitlines()[0] == lines[0]
    assert f"learnt:    {lines[0][8:]}" in command("status")[1].splitlines()


def test_learn_says_when_the_library_was_smaller(command, shelf):
    shelf.fill()
    command("learn", "folders")
    shelf.fill(each=1)
    assert command("learn")[1].splitlines()[0].endswith(", when the library had 240 photos of its 252")
    assert "when the library had 240 photos of its 252" in command("status")[1]


def test_learn_folders_names_a_few_unknown_paths_and_counts_the_others(command, shelf):
    kinds = shelf.fill(kinds=3, each=8)
    lines = [f"kind-{kind}/{number + 1}.jpg,thing {kind}" for number, kind in enumerate(kinds)]
    path = shelf.labels(lines + [f"no-{number}.jpg,x" for number in range(1_203)])
    code, out, _ = command("learn", "folders", "--force", "--labels", path)
    assert code == 0 and "learnt: what tells 3 labels apart, from 24 photos" in out
    assert "unknown: no-0.jpg, no-1.jpg, no-2.jpg, 1,200 more (not in the library)\n" in out


def test_of_two_folders_nothing_is_said_of_others(command, shelf):
    shelf.fill(kinds=2)
    assert "not told of" not in command("learn", "folders", "--force")[1]


def test_learn_says_what_is_learnt(command, shelf, few):
    assert command("learn")[1] == "learnt: nothing yet, for want of photos; then by itself\n"
    shelf.fill()
    code, out, _ = command("learn", "photos")
    assert code == 0 and out.startswith("learnt: the main directions, from 240 photos, on 20")
    assert command("learn")[1] == out
    assert command("learn", "off")[1].startswith("learnt: nothing, as wished on 20")
    with shelf.store.transaction():
        shelf.store.set_setting("learnt", json.dumps({"lesson": "photos", "photos": 0, "alike": 240}))
    assert command("learn")[1] == "learnt: nothing yet, as 240 photos do not differ\n"


def test_learn_as_json(command, shelf):
    shelf.fill()
    code, out, _ = command("learn", "folders", "--json")
    told = json.loads(out)
    assert code == 0 and told == {**shelf.library.learnt(), "small": [], "unknown": []}
    assert json.loads(command("learn", "--json")[1]) == shelf.library.learnt()
    assert json.loads(command("status", "--json")[1])["learnt"] == shelf.library.learnt()


def test_a_loss_is_refused_in_a_sentence_that_says_how_to_have_it(command, shelf, monkeypatch):
    shelf.fill()
    monkeypatch.setattr("simsearch.learning.Gain.is_loss", True)
    code, out, err = command("learn", "folders")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert "search would be worse" in err and "use --force to have it all the same" in err
    assert command("learn", "folders", "--force")[0] == 0


@pytest.mark.parametrize("lesson", [[], ["photos"], ["off"]])
@pytest.mark.parametrize("option", [["--force"], ["--under", "x"], ["--labels", "x"], ["--labels", ""]])
def test_options_of_another_lesson_are_one_sentence(command, lesson, option):
    code, out, err = command("learn", *lesson, *option)
    assert (code, out) == (2, "")
    assert err == (
        'simsearch: labels, under and force are for the lesson "folders" alone; see simsearch learn --help\n'
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("everything",), "invalid choice"),
        (("folders",), "nothing can be learnt: no folder has 4 photos or more, and it takes two; give"),
        (("folders", "--labels", "nowhere.csv"), "nowhere.csv: cannot be read (no such file or directory)"),
        (("folders", "--labels", ""), "no path"),
        (("folders", "--under", "nowhere"), "nowhere: not in this library"),
    ],
)
def test_what_cannot_be_learnt_is_one_sentence(command, arguments, words):
    code, out, err = command("learn", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1
