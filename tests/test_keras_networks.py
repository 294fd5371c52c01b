"""Networks of Keras and of the user's own, from files that Keras writes; one process makes and tries all."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

import simsearch
from simsearch import Library, conversion, custom_networks, encoder, program
from simsearch.backbones import BACKBONES, DEFAULT_BACKBONE
from simsearch.encoder import PREPROCESSING, EncoderIdentity, keep_network, open_encoder, stored_encoder
from simsearch.errors import BackboneError, PhotoError
from tests.conftest import paint

WEIGHTS = Path(__file__).parents[2] / "shared" / "weights"
EXTRACTOR = WEIGHTS / "coral_mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
SCORES = WEIGHTS / "coral_tf2_mobilenet_v2_1.0_224_ptq.tflite"
SQUEEZENET = WEIGHTS / "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not WEIGHTS.is_dir(), reason=f"the genuine weights are not there ({WEIGHTS})"),
]

SMALL = "MobileNet"  # the quickest to build and to convert; test_architectures.py has them all
WRITTEN = [
    f"{SMALL}.h5",
    f"{SMALL}-top.h5",
    f"{SMALL}.weights.h5",
    "unscaled.keras",
    "lacking.h5",
    "mended.h5",
    "not-finite.h5",
    "blind.keras",
    "half.keras",
    "vector.keras",
    "map.keras",
    "scores.keras",
    "one.keras",
    "two-inputs.keras",
    "two-outputs.keras",
    "lambda.keras",
    "unknown.keras",
    "grey.keras",
    "wide.keras",
    "vector.tflite",
    "map.tflite",
    "wide.tflite",
]


class Serving(SimpleHTTPRequestHandler):
    """Serves a folder; below /cut/ the connection is dropped in the middle of a file."""

    def do_GET(self):
        if not self.path.startswith("/cut/"):
            return super().do_GET()
        content = Path(self.directory, self.path.rpartition("/")[2]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """What came of every job, by its name; and the folder with the files."""
    folder = tmp_path_factory.mktemp("networks")
    home = tmp_path_factory.mktemp("keras")
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *given: Serving(*given, directory=str(folder))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        jobs = _jobs(f"http://127.0.0.1:{server.server_port}")
        done = subprocess.run(
            [sys.executable, "-m", "tests.made_networks", "jobs", folder],
            input=json.dumps([*({"write": [kind]} for kind in WRITTEN), *jobs.values()]),
            capture_output=True,
            text=True,
            check=False,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                "KERAS_HOME": str(home),
                "KERAS_BACKEND": "tensorflow",
                "CUDA_VISIBLE_DEVICES": "-1",
            },
        )
        server.shutdown()
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.strip().rpartition("\n")[2])[len(WRITTEN) :]
    return dict(zip(jobs, told, strict=True)), folder


def _jobs(address):
    small = {"name": SMALL, "good": f"{SMALL}.h5", "only_fetch": True}
    return {
        "nobody there": small | {"url": "http://127.0.0.1:9/small.h5"},
        "not there": small | {"url": f"{address}/small.h5"},
        "dropped": small | {"url": f"{address}/cut/{SMALL}.h5"},
        "another": small | {"url": f"{address}/{SMALL}-top.h5"},
        "fetched": small | {"url": f"{address}/{SMALL}.h5", "only_fetch": False},
        "fetched before": small | {"url": "http://127.0.0.1:9/small.h5"},
        **{
            file: {"name": name, "file": file}
            for name, file in (
                ("MobileNetV3Small", "mended.h5"),
                ("MobileNet", "lacking.h5"),
                ("MobileNet", "not-finite.h5"),
                ("MobileNet", str(SQUEEZENET)),
                ("vector", "vector.keras"),
                ("map", "map.keras"),
                ("blind", "blind.keras"),
                ("half", "half.keras"),
                ("scores", "scores.keras"),
                ("one", "one.keras"),
                ("two", "two-inputs.keras"),
                ("two", "two-outputs.keras"),
                ("lambda", "lambda.keras"),
                ("unknown", "unknown.keras"),
                ("grey", "grey.keras"),
                ("wide", "wide.keras"),
                ("unscaled", "unscaled.keras"),
            )
        },
        "scaled by an option": {"name": "unscaled", "file": "unscaled.keras", "pixels": "-1..1"},
        "facts": {"name": SMALL, "facts": True},
        "in 8 bits": {"name": "own", "file": "vector.keras", "precision": None},
        **{
            f"load {ending}": {"name": SMALL, "file": f"{SMALL}{ending}", "load": True}
            for ending in (".h5", "-top.h5", ".weights.h5")
        },
    }


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (
            "nobody there",
            r"could not be fetched \(.*refused\); fetch http://127.0.0.1:9/.* on another",
        ),
        (
            "nobody there",
            r"put it at .*/models/mobilenet_1_0_224_tf_no_top.h5, or name it with --w",
        ),
        ("not there", r"could not be fetched \(.*not found"),
        ("dropped", r"could not be fetched \(retrieval incomplete"),
        ("another", r"its hash is another; try again, or fetch http://127"),
        (
            "mended.h5",
            r"mended.h5 is of another network: its conv1 holds 3x3x3x32, where conv of Mobi",
        ),
        (
            "lacking.h5",
            r"lacking.h5 is not complete: the weights of conv_pw_13 are missing; fetch https://sto",
        ),
        ("not-finite.h5", r"not-finite.h5 is damaged: some of its weights are no numbers; fetch"),
        ("blind.keras", r"it sees nothing: it puts out the same for every picture"),
        (
            str(SQUEEZENET),
            r"of another network: its conv1 holds 3x3x3x64 and 64, where conv1 of Mob",
        ),
        (
            "half.keras",
            r"half.keras computes in float16, where LiteRT converts float32 alone; build it with ",
        ),
        ("one.keras", r"puts out \(1\), which is no vector of at least 2"),
        ("two-inputs.keras", r"has not one input and one output, but 2 and 1"),
        ("two-outputs.keras", r"has not one input and one output, but 1 and 2"),
        ("lambda.keras", r"holds a Lambda layer, which would run code from the file; save the network with"),
        ("unknown.keras", r"holds Unknown, which is none of Keras' own layers"),
        ("grey.keras", r"takes \(\?, \?, 1\), not a picture"),
        ("wide.keras", r"takes pictures of 96 x 64 pixels, which are no squares"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(made, job, reason):
    said = made[0][job]["error"]
    assert re.search(reason, said), said
    assert "\n" not in said and "Traceback" not in said and said.startswith("backbone ")


def test_the_table_says_what_keras_does(made):
    row, facts = BACKBONES[SMALL]._asdict(), made[0]["facts"]
    assert {key: row[key] for key in facts} == facts and facts["width"] == 1024


def test_weights_are_fetched_by_keras_with_its_progress(made):
    done, _ = made
    assert "Downloading data from http://127.0.0.1" in done["fetched"]["terminal"]
    assert done["fetched"]["published"]
    assert done["fetched before"]["terminal"] == "" and "path" in done["fetched before"]


def test_weights_with_a_classifier_or_of_keras_3_are_as_good(made):
    done, _ = made
    assert done["load .h5"] == done["load .weights.h5"]
    assert done["load -top.h5"]["weights"][-1] > 0
    assert len(done["load -top.h5"]["weights"]) == len(done["load .h5"]["weights"])


def test_eight_bits_are_chosen_where_they_say_the_same(made):
    assert made[0]["in 8 bits"]["precision"] == "int8"
    assert made[0]["fetched"]["precision"] == "float32"


@pytest.mark.parametrize(
    ("job", "preprocessing", "warned"),
    [
        ("vector.keras", "letterbox-grey127-vector-v1", ""),
        ("map.keras", "letterbox-grey127-gem3-v1", ""),
        ("scores.keras", "letterbox-grey127-vector-v1", "looks like the scores of classes"),
        ("unscaled.keras", "letterbox-grey127-gem3-v1", "nothing at its start scales the pixels"),
    ],
)
def test_a_network_of_ones_own(made, job, preprocessing, warned):
    header = made[0][job]
    assert header["preprocessing"] == preprocessing
    assert warned in " ".join(header["warnings"])
    if job == "vector.keras":
        assert not [each for each in header["warnings"] if "scores" in each or "scales" in each]


def test_pixels_may_be_scaled_by_an_option(made):
    header = made[0]["scaled by an option"]
    assert header["preprocessing"] == "letterbox-grey127-minus1to1-gem3-v1"
    assert not [each for each in header["warnings"] if "scales the pixels" in each]


# Through the whole of it


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_file_of_ones_own_searches(made, cache, tmp_path):
    said: list[str] = []
    own = open_encoder(made[1] / "vector.tflite", say=said.append)
    assert own.identity.backbone == "vector" and own.dim == 8 and own.input_size == 64
    preparing, *warnings = said
    assert re.match(r"Preparing vector \(once, some seconds\): tried on pictures, kept in ", preparing)
    assert "nothing at its start scales the pixels" in warnings[0]
    said.clear()
    assert open_encoder(made[1] / "vector.tflite", say=said.append).identity == own.identity
    assert said == warnings, "it is the same network still"
    said.clear()
    assert stored_encoder(own.identity, tmp_path, say=said.append).identity == own.identity
    assert said == []
    for colour in ("red", "lime", "blue"):
        paint(tmp_path / "album" / f"{colour}.png", colour, (90, 90))
    with Library.open(tmp_path / "library", encoder=own) as library:
        assert library.sync(tmp_path / "album", workers=1).added == 3
        [hit, *_] = library.search(tmp_path / "album" / "lime.png")
        assert hit.path.name == "lime.png"
        with pytest.raises(PhotoError, match="gives no map"):
            library.why(tmp_path / "album" / "red.png", hit)


@pytest.mark.parametrize(("path", "warned"), [(EXTRACTOR, False), (SCORES, True)])
def test_genuine_networks_of_ones_own(cache, path, warned):
    said: list[str] = []
    own = open_encoder(path, say=said.append)
    assert own.cells(np.zeros((224, 224, 3), np.uint8)).shape == (1, 1, own.dim)
    assert [("scores of classes" in sentence) for sentence in said[1:]] == [True] * warned


def test_pixels_are_nothing_to_choose_of_bytes(cache):
    with pytest.raises(BackboneError, match="takes uint8, and bytes as they are; leave --pixels out"):
        open_encoder(EXTRACTOR, pixels="0..1")


@pytest.mark.parametrize(
    ("dtype", "step", "zero", "doubtful"),
    [
        (np.uint8, 1 / 128, 128, ""),  # as the genuine ones have it
        (np.uint8, 0.007843138, 127, ""),
        (np.int8, 0.007843138, -1, ""),
        (np.int8, 1 / 255, -128, ""),
        (np.int8, 1, -128, ""),
        (np.uint8, 0.0, 0, ""),  # codes that stand for nothing else
        (np.int8, 1 / 255, 0, ""),
        (np.int8, 0.02, -10, "-2.36..2.74"),
        (np.uint8, 1 / 255, 60, "-0.235..0.765"),
    ],
)
def test_of_an_input_in_bytes_it_is_looked_at_what_they_stand_for(dtype, step, zero, doubtful):
    said = custom_networks.doubts_of_codes({"dtype": dtype, "quantization": (step, zero)})
    assert [doubtful in sentence for sentence in said] == [True] * bool(doubtful)


def test_pixels_make_another_network(made, cache):
    path = made[1] / "vector.tflite"
    plain = open_encoder(path)
    signed = open_encoder(path, pixels="-1..1")
    assert plain.identity != signed.identity
    assert open_encoder(path, pixels="0..255").identity == plain.identity
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert plain.encode(picture) @ signed.encode(picture) < 0.999
    scaled = open_encoder(made[1] / "map.tflite", pixels="0..1").values(picture)
    np.testing.assert_allclose(open_encoder(made[1] / "map.tflite").values(picture) / 255, scaled, atol=1e-4)


def test_a_network_is_kept_with_a_library_and_found_there(made, cache, tmp_path):
    own = open_encoder(made[1] / "vector.tflite")
    keep_network(own, tmp_path / "library")
    keep_network(own, tmp_path / "library")
    shutil.rmtree(cache)
    back = stored_encoder(own.identity, tmp_path / "library")
    assert back.identity == own.identity and Path(back.recipe[1][0]).parent == tmp_path / "library"
    with pytest.raises(BackboneError, match=f"SHA-256 {own.identity.weights}, .*index --backbone FILE"):
        stored_encoder(own.identity, tmp_path / "other")


def test_what_can_be_had_again_is_not_kept_and_comes_back(cache, tmp_path, monkeypatch):
    identity = EncoderIdentity(DEFAULT_BACKBONE, BACKBONES[DEFAULT_BACKBONE].hash)
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "usual"))
    monkeypatch.setattr(encoder, "_converted", lambda *_: (identity._asdict(), _any_network()))
    made = stored_encoder(identity, tmp_path)
    assert made.identity == identity
    keep_network(made, tmp_path / "library")
    assert not (tmp_path / "library").exists()
    with pytest.raises(BackboneError, match="have another serve: simsearch index --backbone NAME"):
        stored_encoder(identity._replace(weights="1" * 64), tmp_path)


@pytest.mark.parametrize("damaged", ["its own", "the cache's", "both"])
def test_a_damaged_network_does_not_hide_a_sound_one(made, cache, tmp_path, damaged):
    own = open_encoder(made[1] / "vector.tflite")
    said: list[str] = []
    keep_network(own, tmp_path)
    kept = tmp_path / Path(own.recipe[1][0]).name
    for path in [kept] * (damaged != "the cache's") + [cache / kept.name] * (damaged != "its own"):
        path.write_bytes(path.read_bytes()[:-100])
    if damaged == "both":
        with pytest.raises(BackboneError, match="not here any more"):
            stored_encoder(own.identity, tmp_path, say=said.append)
        assert len(said) == 2 and not any("made anew" in sentence for sentence in said)
        return
    assert stored_encoder(own.identity, tmp_path, say=said.append).identity == own.identity
    assert said == []
    keep_network(own, tmp_path)
    assert len(kept.read_bytes()) == (cache / kept.name).stat().st_size + 100 * (damaged != "its own")


def test_nothing_is_fetched_for_weights_that_may_be_others(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    row, of = BACKBONES["ResNet50"], EncoderIdentity("ResNet50", "5" * 64)
    with pytest.raises(
        BackboneError, match=f"may be the published one, {row.url}: .* ResNet50 --weights FILE"
    ):
        stored_encoder(of, tmp_path)
    with pytest.raises(BackboneError, match="not here any more"):
        stored_encoder(of._replace(backbone="ConvNeXtTiny"), tmp_path)
    asked = []

    def converted(source, identity):
        asked.append((source.name, source.file))
        return identity._asdict(), _any_network()

    monkeypatch.setattr(encoder, "_converted", converted)
    published = of._replace(backbone="ConvNeXtTiny", weights=BACKBONES["ConvNeXtTiny"].hash)
    assert stored_encoder(published, tmp_path).identity == published
    fetched = tmp_path / "models" / row.file
    fetched.parent.mkdir()
    fetched.write_bytes(b"weights")
    fetched_before = of._replace(weights=hashlib.sha256(b"weights").hexdigest())
    assert stored_encoder(fetched_before, tmp_path).identity == fetched_before
    assert asked == [("ConvNeXtTiny", None), ("ResNet50", None)]


def _any_network():
    return EXTRACTOR.read_bytes()


def test_published_weights_are_found_again_without_their_file(cache, monkeypatch):
    row = BACKBONES["ResNet50"]
    fields = EncoderIdentity("ResNet50", "5" * 64, PREPROCESSING, "int8")._asdict()
    converted = [(fields | {"published": row.hash, "warnings": ["Beware."]}, _any_network())]
    monkeypatch.setattr(encoder, "_converted", lambda *_: converted.pop())
    said: list[str] = []
    first = open_encoder("resnet50", say=said.append)
    assert first.published == row.hash and said[1:] == ["Beware."] and row.url in said[0]
    assert open_encoder("RESNET50").identity == first.identity
    [told] = [each for each in simsearch.list_backbones() if each["here"] == "converted"]
    assert told["name"] == "ResNet50"


@pytest.mark.slow
def test_a_network_that_is_too_large_for_the_machine(cache, tmp_path):
    made = [sys.executable, "-m", "tests.made_networks", str(tmp_path), "giant.keras"]
    subprocess.run(made, check=True, capture_output=True)
    with pytest.raises(BackboneError, match="there is too little memory to convert it; close other programs"):
        open_encoder(tmp_path / "giant.keras")


@pytest.mark.parametrize(
    ("error", "file", "told"),
    [
        (MemoryError(), "net.keras", "there is too little memory to convert it"),
        (ValueError("OOM when allocating tensor"), None, "there is too little memory to convert it"),
        (ValueError("no such\nlayer"), "net.keras", "failed with ValueError: no such layer; build it of "),
        (ValueError("no such layer"), None, "failed with ValueError: no such layer; check that tensorflow"),
    ],
)
def test_how_a_conversion_fails(monkeypatch, error, file, told):
    assert told in "; ".join(conversion._failure({"file": file}, error).values())
    monkeypatch.setattr(conversion, "to_int8", mock.Mock(side_effect=error))
    model = SimpleNamespace(inputs=[SimpleNamespace(shape=(1, 8, 8, 3))])
    if "memory" not in told:
        assert conversion._coarse(model, np.zeros((1, 2)), "avg", 1) == (0.0, b"")
        return
    with pytest.raises(MemoryError):  # it is not said that LiteRT has no 8 bits for it
        conversion._coarse(model, np.zeros((1, 2)), "avg", 1)


def test_a_process_that_is_killed_is_said_to_be(cache, monkeypatch):
    suicide = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    monkeypatch.setattr(program, "command", lambda *_: suicide)
    with pytest.raises(BackboneError, match="stopped by the system, perhaps for want of memory; close other"):
        open_encoder("MobileNet")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("MobileNet", {"weights": "gone.h5"}, "gone.h5 cannot be read .no such file.*; check the spelling"),
        ("MobileNet", {"weights": "x.keras"}, "is a whole network.*; give it as the network: --backbone x.k"),
        ("efficientnet-lite0", {"weights": "x.h5"}, "comes with its weights; leave --weights out"),
        ("x.keras", {"weights": "x.h5"}, "the file holds its own weights; leave --weights out"),
        ("efficientnet-lite2.keras", {}, "lite2 is the name of another network; rename the file"),
        ("folder/resnet50.TFLITE", {}, "resnet50 is the name of another network; rename"),
        ("x.keras", {}, "x.keras cannot be read .no such file.*; check the spelling"),
        ("MobileNet", {"pixels": "0..1"}, "scales pixels as it was trained; leave --pixels out"),
        ("x.keras", {"pixels": "0..2"}, "pixels 0..2 are not known; choose one of 0..255, 0..1, -1..1"),
    ],
)
def test_what_is_asked_for_amiss(cache, name, options, reason):
    with pytest.raises(BackboneError, match=reason):
        open_encoder(name, **options)
