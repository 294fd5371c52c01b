"""Training a network on the library's kinds: what it gains, and that nothing is left where it fails."""

import errno
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simsearch import Library, deep, derived, embeddings, learning, lessons, pixels, plots, program
from simsearch.deep_training import Best, Task, _chosen
from simsearch.encoder import EncoderIdentity, network_path
from simsearch.errors import LearningError, WriteError
from tests.conftest import paint
from tests.test_learning import made_up
from tests.toy import OtherEncoder, ToyEncoder

SIDE = 32
EACH = 30
# What is tried where TensorFlow may stay, with a folder for what comes of it.
TINY = """
import hashlib, json, sys
import keras
import numpy as np
from pathlib import Path
from simsearch import deep_training
from simsearch.deep_training import Task

folder = Path(sys.argv[1])
keras.utils.set_random_seed(1)
layers = keras.layers
image = x = keras.Input((32, 32, 3))
x = layers.Rescaling(1 / 128, offset=-1)(x)
for channels in (8, 16):
    x = layers.Conv2D(channels, 5, 2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
y = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
y = layers.Conv2D(16, 3, padding="same", activation="relu")(y)
y = layers.Conv2D(16, 3, padding="same")(y)
x = layers.Add()([x, y])
tiny = keras.Model(image, x)
tiny.save(folder / "tiny.keras")
keras.Model(image, layers.GlobalAveragePooling2D()(x)).save(folder / "vector.keras")

random = np.random.default_rng(0)
pictures = random.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
pictures[:12, ::4] = 255
kinds = [0] * 12 + [1] * 12
facts = {}

deep_training._WARM_UP = 1
deep_training._SEEN_BYTES = 24 * 2 * 8 * 8 * 16 * 2  # two views of each
task = Task(str(folder / "tiny.keras"), list(range(24)), kinds, [0, 1, 22, 23], 1, 2, 7)
first = deep_training.train(task, pictures, folder, lambda **told: None)
digest = hashlib.sha256()
for weight in first.model.get_weights():
    digest.update(weight.tobytes())
facts["digest"] = digest.hexdigest()
(folder / "task").mkdir()
np.save(folder / "task" / "pictures.npy", pictures)
(folder / "task" / "task.json").write_text(json.dumps(task._asdict()))
sys.argv[1] = str(folder / "task")
deep_training.main()

# Of the other kind than those it learns from: the more it learns, the less it knows of them.
wrong = task._replace(unfreeze=0, epochs=12, kinds=[1, 1] + kinds[2:22] + [0, 0])
wild = deep_training.train(wrong, pictures, folder, lambda **told: None)
facts["losses"] = [entry["val_loss"] for entry in wild.history]
facts["best"] = wild.best

frozen = deep_training.trunk(str(folder / "tiny.keras"))
x = pictures[:2].astype(np.float32)
tails = {}
for blocks in (0, 1, 2):
    stem, tail = deep_training.cut(frozen, blocks)
    made = stem(x) if tail is None else tail(stem(x))
    same = bool(np.abs(made - frozen(x)).max() < 1e-5)
    tails[blocks] = [same, 0 if tail is None else sum("kernel" in w.path for w in tail.weights)]
facts["tails"] = tails
weighted = [layer for layer in deep_training._layers_of(tail) if layer.weights]
deep_training._freeze(tail)
facts["frozen"] = [type(layer).__name__ for layer in weighted if not layer.trainable]
deep_training._unfreeze(tail)
facts["unfrozen"] = [type(layer).__name__ for layer in weighted if layer.trainable]
of_wild = wild.model(x).numpy()
facts["old features kept"] = bool(np.allclose(of_wild[..., :16], frozen(x), atol=1e-4))
facts["map"] = list(of_wild.shape)

change = deep_training.augmentation(5)
changed = change(x, training=True).numpy()
ends = float(changed.min()), float(changed.max())
facts["changed"] = [list(changed.shape), *ends, bool((changed != x).any())]
try:
    deep_training.trunk(str(folder / "vector.keras"))
except ValueError as error:
    facts["refused"] = str(error)
(folder / "facts.json").write_text(json.dumps(facts))
"""


class Larger(ToyEncoder):
    """The mean colour of larger pictures, which says nothing of the way that stripes run."""

    identity = EncoderIdentity("toy", "0" * 64, "mean-colour", "exact")
    input_size = SIDE
    recipe = ("tests.test_deep:Larger", [])

    def cells(self, pixels):
        return pixels.astype(np.float32)


@pytest.fixture(scope="session")
def tried(tmp_path_factory):
    """A folder with a tiny network, and what came of what was tried with it."""
    folder = tmp_path_factory.mktemp("tiny")
    settings = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    ends = os.pipe()  # while the writing end is open, training goes on
    done = subprocess.run(
        [sys.executable, "-c", TINY, str(folder)],
        env=program.environment(**settings),
        stdin=ends[0],
        capture_output=True,
        text=True,
        check=False,
    )
    for end in ends:
        os.close(end)
    assert not done.returncode, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return folder, json.loads((folder / "facts.json").read_text()) | {"told": told}


def stripes(kind, random):
    """A picture of stripes, which run down or across, thin or thick, in two random colours."""
    down, width = kind % 2, (3, 8)[kind // 2]
    line = (np.arange(SIDE) + random.integers(8)) // width % 2
    which = np.broadcast_to(line, (SIDE, SIDE))
    colours = random.integers(0, 256, (2, 3))
    return Image.fromarray(colours[which if down else which.T].astype(np.uint8))


@pytest.fixture(scope="session")
def striped_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("striped")
    random = np.random.default_rng(0)
    for kind in range(4):
        (folder / "photos" / str(kind)).mkdir(parents=True)
        for number in range(EACH):
            stripes(kind, random).save(folder / "photos" / str(kind) / f"{number}.png")
    with Library.open(folder / "library", encoder=Larger()) as library:
        assert library.sync(folder / "photos").added == 4 * EACH
    return folder


@pytest.fixture
def striped(striped_folder, tmp_path):
    shutil.copytree(
        striped_folder / "library", tmp_path / "library", ignore=shutil.ignore_patterns("networks")
    )
    with Library.open(tmp_path / "library", encoder=Larger()) as library:
        yield library


def learn(library, network, **wishes):
    """Train on the kinds that folders are, as if the library's embeddings were of a network."""
    store, networks = library._store, library.path / "networks"
    networks.mkdir(exist_ok=True)
    shutil.copy(network, networks / "toy.keras")
    encoder = Larger()
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    encoder.identity = encoder.identity._replace(weights=digest)
    return deep.learn(store, encoder, lessons.kinds_of_folders(store, None), library.path, **wishes)


def kept(library_folder):
    return [file.name for file in (library_folder / "networks").glob("*-tuned-*")]


def some_file(folder):
    file = folder / "any.keras"
    file.write_text("x")
    return file


class Eye(Larger):
    """It sees how often colours change from left to right and from top to bottom."""

    identity = EncoderIdentity("toy-tuned-12345678", "2" * 64, "changes", "exact")

    def encode(self, pixels):
        grey = pixels.astype(np.float32).mean(axis=2)
        changes = [np.abs(np.diff(grey, axis=axis)).mean() / (grey.std() + 1) for axis in (0, 1)]
        return np.array([1, *changes], dtype=np.float32) / np.float32(np.hypot(1, np.hypot(*changes)))


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """No training, and what should come of it: the tasks, and the network that there is then."""
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "cache"))
    tasks, encoders = [], [Eye()]
    history = [{"epoch": 1, "val_loss": 1.0}]

    def train(place, task, progress):
        tasks.append(task)
        progress({"doing": "training", "done": 1, "total": 1, "seconds_left": 0.0, **history[0]})
        (place / "network.keras").write_bytes(b"weights")
        return {"photos": len(task["rows"]), "history": history, "best": 1, "digest": "12345678" * 8}

    def open_encoder(network):
        file = network_path(encoders[0].identity)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(network.read_bytes())
        return encoders[0]

    monkeypatch.setattr(deep, "_train", train)
    monkeypatch.setattr(deep, "open_encoder", open_encoder)
    return tasks, encoders


def converted(folder):
    return [file.name for file in (folder / "cache").glob("*")]


def test_a_network_that_finds_better_is_kept(striped, quick, tmp_path):
    tasks, told = quick[0], list[dict[str, Any]]()
    result = learn(striped, some_file(tmp_path), unfreeze=1, epochs=8, progress=told.append)
    assert result["better"]
    best = result["deep_folders" if result["lesson"] == "folders" else "deep"]
    assert best["precision_at_15"] > result["folders"]["precision_at_15"] + 0.05
    assert (result["photos"], result["asked"]) == (96, 24)
    assert (result["unused"], result["untold"], result["small"]) == (0, 0, [])
    assert deep.verdict(result).startswith("the trained network finds better than learn folders")
    network = Path(result["network"])
    assert network == striped.path / "networks" / "toy-tuned-12345678.keras"
    assert network.read_bytes() == b"weights" and len(converted(tmp_path)) == 1
    [task] = tasks
    assert (task["unfreeze"], task["epochs"], Path(task["backbone"]).name) == (1, 8, "toy.keras")
    assert Counter(task["kinds"]) == dict.fromkeys(range(4), 24)
    assert Counter(np.array(task["kinds"])[task["validating"]].tolist()) == dict.fromkeys(range(4), 4)
    assert list(dict.fromkeys(one["doing"] for one in told)) == [
        "reading the photos",
        "training",
        "converting it",
        "trying it on photos held out",
    ]
    assert [(one["done"], one["total"]) for one in told if "trying" in one["doing"]][-1] == (120, 120)


@pytest.mark.parametrize("force", [False, True])
def test_a_network_that_does_not_is_dropped_but_where_that_is_wished(striped, quick, tmp_path, force):
    quick[1][0] = other = Larger()
    other.identity = Eye.identity
    result = learn(striped, some_file(tmp_path), force=force)
    assert not result["better"] and "does not find clearly better" in deep.verdict(result)
    assert len(kept(striped.path)) == len(converted(tmp_path)) == force
    assert (result["network"] is not None) == force
    # Both networks are the same, and measured on the same pictures.
    assert result["deep"] == result["raw"] and result["deep_folders"] == result["folders"]


def test_interrupted_where_it_is_tried_it_leaves_nothing(striped, quick, tmp_path):
    def interrupt(told: dict[str, Any]) -> None:
        if told["doing"] == "trying it on photos held out":
            assert converted(tmp_path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(striped, some_file(tmp_path), progress=interrupt)
    assert not converted(tmp_path) and not kept(striped.path)


def test_those_who_pay_for_it_are_told_of(striped, quick, tmp_path):
    kinds = lessons.kinds_of_folders(striped._store, None)
    told = {photo_id: kind for photo_id, kind in kinds.items() if not kind.endswith("3")}
    (striped.path / "networks").mkdir()
    file = some_file(striped.path / "networks").rename(striped.path / "networks" / "toy.keras")
    encoder = Larger()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    encoder.identity = encoder.identity._replace(weights=digest)
    result = deep.learn(striped._store, encoder, told, striped.path)
    assert (result["photos"], result["untold"]) == (72, 30)
    assert "of which the library may have 30 photos, lose: 4 to 6 of 100 hits" in deep.verdict(result)


@pytest.mark.slow
@pytest.mark.network
def test_what_mean_colours_cannot_tell_apart_a_trained_network_can(tried, striped, tmp_path, monkeypatch):
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "cache"))
    told: list[dict[str, Any]] = []
    result = learn(striped, tried[0] / "tiny.keras", unfreeze=1, epochs=8, progress=told.append)
    assert result["better"]
    best = result["deep_folders" if result["lesson"] == "folders" else "deep"]
    assert best["precision_at_15"] > result["folders"]["precision_at_15"] + 0.05
    assert (result["photos"], result["asked"]) == (96, 24)
    network = Path(result["network"])
    assert network.name.startswith("toy-tuned-") and [network.name] == kept(striped.path)
    assert list(dict.fromkeys(one["doing"] for one in told)) == [
        "reading the photos",
        "starting TensorFlow",
        "looking at the photos",
        "training",
        "converting it",
        "trying it on photos held out",
    ]


@pytest.mark.network
def test_the_program_trains_what_a_folder_says(tried):
    folder, facts = tried
    result = json.loads((folder / "task" / "result.json").read_text())
    assert result["photos"] == 24 and [entry["epoch"] for entry in result["history"]] == [1, 2]
    losses = [entry["val_loss"] for entry in result["history"]]
    assert result["best"] == 1 + int(np.argmin(losses))
    with zipfile.ZipFile(folder / "task" / "network.keras") as archive:  # as Keras writes it
        assert "model.weights.h5" in archive.namelist()
    doing = list(dict.fromkeys(one["doing"] for one in facts["told"]))
    assert doing == ["starting TensorFlow", "looking at the photos", "training"]
    looks = [one for one in facts["told"] if one["doing"] == "looking at the photos"]
    assert looks[-1]["done"] == looks[-1]["total"] == 48  # each twice: there is no room for more
    assert all(one["seconds_left"] >= 0 for one in facts["told"] if "epoch" in one)


@pytest.mark.network
def test_the_same_seed_gives_the_same_network(tried):
    assert len(tried[1]["digest"]) == 64
    assert json.loads((tried[0] / "task" / "result.json").read_text())["digest"] == tried[1]["digest"]


@pytest.mark.network
def test_the_last_epoch_need_not_be_the_best(tried):
    losses, best = tried[1]["losses"], tried[1]["best"]
    assert best == 1 + int(np.argmin(losses)) and losses[-1] > min(losses)
    assert len(losses) < 12  # it stopped


@pytest.mark.network
def test_a_network_is_parted_between_blocks(tried):
    # The residual block has three kernels; before it there are two layers.
    assert tried[1]["tails"] == {"0": [True, 0], "1": [True, 3], "2": [True, 5]}


@pytest.mark.network
def test_what_normalisations_have_measured_stays(tried):
    assert sorted(tried[1]["frozen"]) == ["BatchNormalization"] * 2 + ["Conv2D"] * 5
    assert tried[1]["unfrozen"] == ["Conv2D"] * 5


@pytest.mark.network
def test_what_a_frozen_trunk_knew_stands_beside_what_is_new(tried):
    assert tried[1]["old features kept"]
    assert tried[1]["map"] == [2, 8, 8, 16 + 512]


@pytest.mark.network
def test_augmented_pictures_are_pictures(tried):
    shape, least, most, changed = tried[1]["changed"]
    assert shape == [2, SIDE, SIDE, 3] and least >= 0 and most <= 255 and changed


@pytest.mark.network
def test_a_network_without_a_map_is_refused(tried):
    assert "does not put out a map" in tried[1]["refused"]


class Weights:
    """A model whose weights are a number."""

    def __init__(self):
        self.weights = [0]

    def get_weights(self):
        return list(self.weights)

    def set_weights(self, weights):
        self.weights = weights


@pytest.mark.parametrize(
    ("losses", "epochs", "best"),
    [
        ([3, 2, 1], 3, 3),
        ([1, 2, 3, 4, 5], 3, 1),  # two without progress
        ([3, 1, 2, 0.5, 2, 2, 2], 6, 4),
        ([2, float("nan"), 1], 2, 1),
    ],
)
def test_training_stops_where_it_makes_no_progress(losses, epochs, best):
    model, kept = Weights(), Best(patience=2)
    for epoch, loss in enumerate(losses, 1):
        model.weights = [epoch]
        if not kept.see(epoch, loss, model):
            break
    kept.restore(model)
    assert (epoch, kept.epoch, model.weights) == (epochs, best, [best])


def test_interrupted_it_leaves_nothing(striped, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    started = []
    popen = subprocess.Popen

    def start(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)

    def interrupt(told):
        if told["doing"] == "starting TensorFlow":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(striped, some_file(tmp_path), progress=interrupt)
    assert not list((tmp_path / "temporary").iterdir()) and not kept(striped.path)
    [child] = started
    assert child.poll() is not None


def test_it_ends_with_its_parent(tmp_path):
    folder = tmp_path / "task"
    folder.mkdir()
    os.mkfifo(folder / "task.json")  # it waits for its task, which nobody gives it
    child = subprocess.Popen(
        program.command("deep_training", str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=program.environment(),
    )
    child.communicate(timeout=60)  # closes its standard input
    assert child.returncode == 1
    assert not folder.exists()


def test_a_failure_is_a_sentence(striped, tmp_path, monkeypatch):
    failing = [sys.executable, "-c", "import sys; sys.exit('first line\\nOOM')"]
    monkeypatch.setattr(program, "command", lambda *arguments: failing)
    with pytest.raises(LearningError, match="training failed with exit code 1: OOM; check that tensorflow"):
        learn(striped, some_file(tmp_path))
    assert not kept(striped.path)


def test_two_kinds_of_a_few_photos_it_takes(striped, monkeypatch):
    monkeypatch.setattr(deep, "_trainable", lambda *_: "toy")
    ids = list(striped._store.folders())
    kinds = {ids[0]: "a", ids[1]: "a", ids[2]: "a"} | dict.fromkeys(ids[3:9], "b")
    with pytest.raises(LearningError, match="one kind has 4 photos or more, and it takes two"):
        deep.learn(striped._store, striped.encoder, kinds, striped.path)


@pytest.mark.parametrize(
    ("preprocessing", "reason"),
    [
        (
            "letterbox-grey127-gem3-v1",
            "toy was made from a file that is not here; put its .keras file at .*toy",
        ),
        ("letterbox-grey127-vector-v1", "toy makes a vector, where a head needs a map"),
        ("letterbox-grey127-minus1to1-gem3-v1", "toy takes pixels that are scaled outside of it"),
    ],
)
def test_what_cannot_be_trained_is_told(striped, preprocessing, reason):
    encoder = Larger()
    encoder.identity = encoder.identity._replace(preprocessing=preprocessing)
    with pytest.raises(LearningError, match=reason):
        deep.learn(striped._store, encoder, {}, striped.path)


def test_pictures_are_thumbnails_and_damaged_ones_are_left_out(striped, tmp_path):
    store = striped._store
    kinds = lessons.kinds_of_folders(store, None)
    labelled = {photo_id: kind for photo_id, kind in kinds.items() if not kind.endswith("3")}
    with store.transaction():
        store._write("UPDATE thumbnails SET jpeg = ? WHERE photo_id = ?", b"nothing", min(labelled))
    photos = deep._photos(store, striped.encoder, labelled, tmp_path, lambda told: None)
    assert photos.pictures.shape == (120, SIDE, SIDE, 3) and photos.embeddings.shape == (119, 3)
    assert photos.rows.tolist() == list(range(1, 120))
    assert (photos.kinds >= 0).sum() == 89  # those that nobody labelled as well
    for row, embedding in zip(photos.rows, photos.embeddings, strict=True):
        assert striped.encoder.encode(photos.pictures[row]) @ embedding > 0.99


def test_pictures_take_no_more_room_than_they_may(striped, tmp_path, monkeypatch):
    monkeypatch.setattr(deep, "_PICTURES_BYTES", 40 * 3 * SIDE**2 + 1)
    store = striped._store
    kinds = lessons.kinds_of_folders(store, None)
    photos = deep._photos(store, striped.encoder, kinds, tmp_path, lambda told: None)
    assert 20 < len(photos.pictures) <= 40
    sizes = Counter(photos.kinds[photos.kinds >= 0].tolist())
    assert len(sizes) == 4 and max(sizes.values()) == min(sizes.values())


def test_of_very_many_kinds_some_are_left_out():
    kinds = {number: f"kind {number // 4}" for number in range(4_000)}
    wanted = deep._wanted([*kinds], kinds, 100)
    assert len(set(wanted.tolist())) == len(wanted) <= 100
    assert Counter(Counter(photo // 4 for photo in wanted.tolist()).values())[4] == 20


def test_as_many_of_each_kind_are_trained_with_as_there_is_room_for():
    kinds = np.repeat([0, 1, 2], [60, 30, 10]).tolist()
    validating = [*range(12), *range(60, 66), 90, 91]
    task = Task("toy", list(range(100)), kinds, validating, 0, 1, seed=5)
    assert _chosen(task, 1_000).tolist() == list(range(100))
    chosen = _chosen(task, 50)
    learnt = [one for one in chosen.tolist() if one not in validating]
    assert (len(chosen), len(learnt)) == (50, 40)
    assert Counter(kinds[one] for one in learnt) == {0: 16, 1: 16, 2: 8}
    assert _chosen(task, 50).tolist() == chosen.tolist()
    assert _chosen(task._replace(seed=6), 50).tolist() != chosen.tolist()


def test_copies_are_kept_from_training_together(tmp_path):
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    images = [Image.fromarray(one).resize((90, 60), Image.Resampling.BICUBIC) for one in coarse]
    images[4].save(tmp_path / "again.jpg", quality=40)
    with Image.open(tmp_path / "again.jpg") as again:
        images += [images[1], again.resize((60, 40))]
        pictures = np.array([pixels.letterbox(image, SIDE) for image in images])
    groups = deep._copies(pictures, np.arange(8)).tolist()
    assert groups == [0, 1, 2, 3, 4, 5, 1, 4]


def test_the_same_share_of_every_kind_is_held_out():
    kinds = np.repeat([0, 1, 2, -1], [20, 10, 4, 7])
    held = learning.held_out(kinds, np.arange(41))
    assert Counter(kinds[held].tolist()) == {0: 4, 1: 2, 2: 1}


def test_what_is_held_out_has_no_copies_among_the_others():
    kinds, groups = np.repeat([0, 1, 2], [20, 20, 4]), np.arange(44)
    groups[1:20:2] = groups[0:20:2]  # all twice
    groups[40:] = 40  # four of the same
    held = learning.held_out(kinds, groups)
    assert not set(groups[held]) & set(groups[~held])
    assert Counter(kinds[held].tolist()) == {0: 4, 1: 4}


def test_copies_of_one_picture_teach_nothing(striped, quick, tmp_path, monkeypatch):
    monkeypatch.setattr(deep, "_copies", lambda pictures, rows: np.zeros(len(rows), dtype=np.int64))
    with pytest.raises(LearningError, match="the photos of each kind are all copies of one another"):
        learn(striped, some_file(tmp_path))


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


REMEDY = "free some space, or point TMPDIR elsewhere"


def test_a_full_disk_is_a_sentence(striped, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(WriteError, match=f"{tmp_path}: cannot be written .no space left.*; {REMEDY}"):
        learn(striped, some_file(tmp_path))
    assert not list(tmp_path.glob("simsearch-*"))


def test_a_disk_that_is_full_where_it_trains_is_a_sentence(striped, tmp_path, monkeypatch):
    code = (
        "import errno, sys; from simsearch import deep_training\n"
        "def full(*_): raise OSError(errno.ENOSPC, 'No space')\n"
        "deep_training.train = full; deep_training.main()"
    )
    command = program.command
    monkeypatch.setattr(program, "command", lambda _, folder: [*command("")[:2], "-c", code, folder])
    with pytest.raises(WriteError, match=f"{REMEDY}"):
        learn(striped, some_file(tmp_path))
    assert not kept(striped.path)


@pytest.mark.parametrize("where", ["everywhere", "not on this file system", "nowhere"])
def test_the_room_of_an_array_is_taken_at_once(tmp_path, monkeypatch, where):
    def cannot(*_):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    if where == "nowhere":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif where == "not on this file system":
        monkeypatch.setattr(os, "posix_fallocate", cannot, raising=False)
    array = derived.scratch_array(tmp_path / "array.npy", (3, 500, 1_000), np.uint8)
    assert array.shape == (3, 500, 1_000) and not array.any()
    assert (tmp_path / "array.npy").stat().st_blocks * 512 >= 1_500_000
    array[:] = 7
    array.flush()
    assert (np.load(tmp_path / "array.npy") == 7).all()


def test_embeddings_are_compared_on_the_photos_held_out():
    worse, kinds = made_up(noise=3)
    better, _ = made_up(noise=0.1)
    held = learning.held_out(kinds, np.arange(len(kinds)))
    old, new = learning.compare(worse, better, kinds, held)
    assert old.kinds.tolist() == new.kinds.tolist() == kinds[held].tolist()
    assert learning.mean(new.before)[1] > learning.mean(old.before)[1] + 0.2
    assert learning.is_better(old.after, new.after, old.kinds)
    assert not learning.is_better(new.after, old.after, old.kinds)
    again = learning.compare(worse, worse, kinds, held)[1]
    assert (again.after == old.after).all() and not learning.is_better(old.after, again.after, old.kinds)


def found(first, first_15):
    """What 200 photos find: so many right first, and of the first 15 their shares in turns."""
    return np.column_stack([np.arange(200) < first, np.resize(first_15, 200), np.ones(200)]).astype(float)


@pytest.mark.parametrize(
    ("after", "better"),
    [
        (found(180, [0.82, 0.83]), True),
        (found(180, [0.805, 0.804]), True),  # little, but of every photo
        (found(180, [0.8]), False),
        (found(180, [0.0, 1.0] * 4 + [1.0]), False),  # more on average, by chance
        (found(180, [*[0.8] * 199, 1.0]), False),  # one photo
        (found(178, [0.9]), False),  # the very first is wrong more often
        (found(179, [0.9]), True),
    ],
)
def test_better_is_more_of_the_first_15_and_no_less_of_the_first(after, better):
    assert learning.is_better(found(180, [0.8]), after, np.arange(200) % 40) is better


def test_what_one_kind_of_many_gains_is_no_gain_of_all():
    before, kinds = found(180, [0.8]), np.arange(200) // 20
    after = before + (kinds == 3)[:, None] * [0, 0.2, 0]
    assert not learning.is_better(before, after, kinds)


def test_the_curve_is_drawn_to_a_new_file(tmp_path):
    pytest.importorskip("matplotlib")
    entry = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.2, "val_accuracy": 0.4, "seconds": 1.0}
    png = plots.learning_curve([{"epoch": epoch, **entry} for epoch in (1, 2, 3)], 2)
    plots.save(tmp_path / "curve.png", png)
    with Image.open(tmp_path / "curve.png") as image:
        assert image.format == "PNG" and image.width > image.height


def test_without_matplotlib_nothing_is_trained_for_a_curve(run, two_folders, training, monkeypatch):
    fake = training()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = run("learn", "folders", "--deep", "--plot", "curve.png")
    assert code == 2 and "a plot needs matplotlib, which is not installed" in err and not fake.asked


@pytest.mark.slow
@pytest.mark.network
def test_it_finds_real_photos_better(real_photos, tmp_path):
    for kind in ("cougar_body", "cougar_face", "crocodile_head", "beaver", "platypus", "wild_cat", "crab"):
        shutil.copytree(real_photos / "caltech40" / kind, tmp_path / "photos" / kind)
    with Library.open(tmp_path / "library") as library:
        library.sync(tmp_path / "photos")
        result = library.learn_deep(unfreeze=1, epochs=8)
    trained = max(result[key]["precision_at_15"] for key in ("deep", "deep_folders"))
    assert trained > result["raw"]["precision_at_15"] + 0.02
    assert result["photos"] + result["asked"] == sum(1 for _ in (tmp_path / "photos").rglob("*.jpg"))


# The command


class FakeTraining:
    """What training gives, without training."""

    def __init__(self, better):
        quality = {"precision_at_1": 0.9, "precision_at_15": 0.8, "accuracy": 0.85}
        entry = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.2, "val_accuracy": 0.4, "seconds": 1.0}
        self.asked: dict[str, Any] = {}
        self.entry = {"epoch": 1, **entry}
        self.result = {
            "network": "/there/toy-tuned-12345678.keras" if better else None,
            "better": better,
            "lesson": "folders",
            "backbone": "toy",
            "photos": 20,
            "asked": 5,
            **dict.fromkeys(("raw", "folders", "deep"), quality),
            "deep_folders": quality | {"precision_at_15": 0.95},
            "history": [self.entry],
            "best": 1,
            "small": [],
            "unused": 3,
            "untold": 0,
        }

    def __call__(self, store, encoder, kinds, folder, *, progress, **wishes):
        self.asked = {"kinds": sorted(set(kinds.values())), **wishes}
        progress({"doing": "training", "done": 1, "total": 15, "seconds_left": 14.0, **self.entry})
        return self.result


@pytest.fixture
def training(monkeypatch):
    def give(better=True):
        fake = FakeTraining(better)
        monkeypatch.setattr(deep, "learn", fake)
        monkeypatch.setattr(embeddings, "open_encoder", lambda name, **_: OtherEncoder())
        monkeypatch.setattr(embeddings, "asked_for", lambda *_: None)
        return fake

    return give


@pytest.fixture
def two_folders(run, library, album):
    for folder, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
        for number in range(4):
            paint(album / folder / f"{number}.png", colour, size=(8, 9 + number))
    assert run("index", album)[0] == 0
    return album


def test_the_command_says_how_it_goes_and_whether_it_is_better(run, two_folders, training):
    fake = training()
    code, out, err = run("learn", "folders", "--deep", "--unfreeze", "--epochs", "3", "--seed", "7")
    assert code == 0
    assert "epoch 1 of at most 15" in err and "14 s left at most" in err
    lines = out.splitlines()
    assert lines[0].split() == ["5", "photos", "held", "out", "first", "first", "15", "kind"]
    assert lines[4].split()[-3:] == ["90.0%", "95.0%", "85.0%"]
    assert lines[5] == "not used: 3 photos of these kinds, for want of room"
    assert lines[6].startswith("the trained network finds better than learn folders does without it: 95.0%")
    assert lines[6].endswith("it serves now, kept as /there/toy-tuned-12345678.keras")
    assert lines[7] == "To go back: simsearch index --backbone toy"
    assert (fake.asked["unfreeze"], fake.asked["epochs"], fake.asked["seed"]) == (1, 3, 7)
    assert fake.asked["kinds"] == [str(two_folders / "blue"), str(two_folders / "red")]


def test_the_command_says_that_it_is_not_better(run, two_folders, training):
    training(better=False)
    code, out, _ = run("learn", "folders", "--deep")
    assert code == 1
    assert "does not find clearly better" in out and out.endswith("; nothing has changed\n")


def test_the_command_draws_the_curve_and_gives_the_numbers(run, two_folders, training, tmp_path):
    pytest.importorskip("matplotlib")
    fake = training()
    file = tmp_path / "curve.png"
    code, out, _ = run("learn", "folders", "--deep", "--plot", file, "--json", "--under", two_folders)
    assert code == 0 and file.read_bytes().startswith(b"\x89PNG")
    assert json.loads(out)["history"] == [fake.entry]
    assert fake.asked["kinds"] == [str(two_folders / "blue"), str(two_folders / "red")]
    code, _, err = run("learn", "folders", "--deep", "--plot", file)
    assert code == 2 and "there is such a file already" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--deep"], "--deep is for folders alone"),
        (["photos", "--deep"], "--deep is for folders alone"),
        (["off", "--deep"], "--deep is for folders alone"),
        (["folders", "--unfreeze"], "--unfreeze is for --deep alone"),
        (["folders", "--epochs", "3"], "--epochs is for --deep alone"),
        (["folders", "--plot", "curve.png"], "--plot is for --deep alone"),
        (["folders", "--deep", "--epochs", "0"], "unfreeze must be 0 or more, and epochs 1 or more"),
        (["folders", "--deep", "--labels", "a.csv", "--under", "b"], "give labels or under, not both"),
        (["folders", "--deep", "--plot", "curve.jpg"], "a plot is a PNG"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(run, two_folders, training, arguments, sentence):
    fake = training()
    code, out, err = run("learn", *arguments)
    assert code == 2 and not out and sentence in err and len(err.splitlines()) == 1
    assert not fake.asked


def test_without_tensorflow_it_says_what_to_install(run, two_folders, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find(name)
    )
    code, _, err = run("learn", "folders", "--deep")
    assert code == 2 and "TensorFlow is not installed; install it: pip install tensorflow." in err
