"""Convert a network to LiteRT: in 8 bits where its embeddings stay what they were, else in 32.

This is a program, ``python -m simsearch.conversion REQUEST``, which writes a line of JSON and the converted
network to standard output: TensorFlow takes seconds and gigabytes, which its process gives back at its end.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from simsearch import custom_networks, keras_networks, memory
from simsearch.backbones import BACKBONES, Backbone, backbone, weights_path
from simsearch.efficientnet_lite import build, normalised
from simsearch.errors import BackboneError
from simsearch.litert import AVERAGE, GEM, VECTOR, EncoderIdentity, LiteRTEncoder, preprocessing
from simsearch.torch_file import read_tensors

if TYPE_CHECKING:
    import keras

CALIBRATION_PICTURES = 150
# Multiplications to spend on the pictures of a costly network, and the fewest of those. All 150 are for up to
# 2e9 a picture; VGG16 has 15e9, ConvNeXtXLarge 60e9.
_WORTH, _FEWEST = 3e11, 25
# Mean cosine of the embeddings in 8 bits with those in 32, over the calibration pictures. Not the least: it
# is 0.949 for Lite2 (mean 0.991), though that retrieves as well as in 32 bits. MobileNet as trained has 0.980
# (mean 0.994); networks of random weights, of which 8 bits may leave nothing, have means from 0.0 on.
LEAST_AGREEMENT = 0.98
# Of this machine's memory: the largest, ConvNeXtXLarge, takes 21 GB. A file could ask for any amount.
_SHARE = 0.9
LOWEST = -0.4  # of a map that is pooled by GeM; hard swish never goes below -0.375
_SAME = 1e-6  # of a cosine; a network of random weights tells pictures apart by a hundred times that
_DULL = 0.01


def float_model(name: str, weights: str | os.PathLike[str] | None = None) -> keras.Model:
    """Build a backbone as it is before it is converted, to be trained further.

    Parameters
    ----------
    name, weights
        As for :func:`simsearch.encoder.open_encoder`; of Keras' networks the weights are fetched where they
        are not there.

    Returns
    -------
    A model from (batch, side, side, 3) float32, RGB from 0 to 255, to its map (batch, rows, columns, width),
    or to whatever a .keras file puts out.

    Raises
    ------
    BackboneError
        When it cannot be built.
    """
    import keras

    if Path(name).suffix.lower() == ".keras":
        return custom_networks.load_keras(Path(name).stem, Path(name))
    row = backbone(name)
    if not row.package:
        model = keras_networks.build(row)
        path = Path(weights) if weights else keras_networks.fetch(row, sys.stderr)
        keras_networks.load_weights(row, model, path)
        return model
    network = build(row, read_tensors(weights_path(row)), batch_size=None)
    image = keras.Input((row.input_size, row.input_size, 3))
    return keras.Model(image, network(keras.layers.Rescaling(1 / 128, -127 / 128)(image)))


def calibration_pictures(size: int, count: int = CALIBRATION_PICTURES) -> Iterator[np.ndarray]:
    """Draw the pictures that the value range of every layer is measured on.

    Random shapes on random gradients, more or less blurred and noisy, the same on every machine: they
    spread the layers' values as photos do, and two machines make the same network of them.

    Yields
    ------
    (size, size, 3) float32 from 0 to 255. The first picture holds both ends, so that the range of the
    input is exactly that of a byte.
    """
    random = np.random.default_rng(0)
    for number in range(count):
        noise = random.normal(0, random.uniform(0, 30), (size, size, 3))
        picture = np.clip(_shapes(random, size) + noise, 0, 255).astype(np.float32)
        if number == 0:
            picture[0, 0], picture[0, 1] = 0, 255
        yield picture


def _shapes(random: np.random.Generator, size: int) -> np.ndarray:
    """Draw one picture (size, size, 3) uint8."""
    from PIL import Image, ImageDraw, ImageFilter

    coarse = random.integers(0, 256, (*random.integers(2, 12, 2), 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(3, 25)):
        x, y = random.integers(-20, size, 2).tolist()
        width, height = random.integers(5, size, 2).tolist()
        shape = draw.ellipse if random.integers(2) else draw.rectangle
        shape([x, y, x + width, y + height], fill=tuple(random.integers(0, 256, 3).tolist()))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(random.uniform(0, 3))))


# Converting


def convert_embedded(row: Backbone) -> bytes:
    """Build an embedded backbone and convert it to LiteRT, all in 8 bits.

    Returns
    -------
    A LiteRT model from (1, input_size, input_size, 3) uint8, the pixels as they are, to (1, h, w, 1280)
    int8.

    Raises
    ------
    BackboneError
        When its weights are not installed, or not the ones expected.
    """
    model = build(row, read_tensors(weights_path(row)))
    return to_int8(model, lambda: map(normalised, calibration_pictures(row.input_size)))


def to_int8(model: keras.Model, pictures: Callable[[], Iterator[np.ndarray]]) -> bytes:
    """Convert a network to 8 bits.

    Parameters
    ----------
    pictures
        Yields what it takes; the value range of every layer is measured on that.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[None]] for picture in pictures())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def to_float32(model: keras.Model) -> bytes:
    """Convert a network that takes RGB from 0 to 255 as it is, but that it takes bytes."""
    import keras
    import tensorflow as tf

    image = keras.Input(model.inputs[0].shape[1:], batch_size=1, dtype="uint8")
    whole = keras.Model(image, model(keras.ops.cast(image, "float32")))
    return bytes(tf.lite.TFLiteConverter.from_keras_model(whole).convert())


def multiplications(model: keras.Model) -> float:
    """Return about how many multiplications a network needs for one picture."""
    total, layers = 0.0, [*model.layers]
    while layers:
        layer = layers.pop()
        if within := getattr(layer, "layers", None):
            layers += within
            continue
        kernels = [weight.shape for weight in layer.weights if len(weight.shape) > 1]
        shape = getattr(getattr(layer, "output", None), "shape", ()) if kernels else ()
        cells = np.prod([side or 1 for side in shape[1:3]]) if len(shape) == 4 else 1
        total += sum(float(np.prod(kernel)) for kernel in kernels) * float(cells)
    return total


class _Looks:
    """What a converted network sees in the calibration pictures."""

    def __init__(self, model: bytes, pooling: str, pixels: str, count: int = CALIBRATION_PICTURES) -> None:
        identity = EncoderIdentity("", "", preprocessing(pooling, pixels or "0..255"))
        self._encoder = LiteRTEncoder(model, identity, ("", []), threads=os.cpu_count() or 1)
        pictures = calibration_pictures(self._encoder.input_size, count)
        self.values = [self._encoder.values(picture.astype(np.uint8)) for picture in pictures]
        self.is_map = self.values[0].ndim == 3 and self.values[0].shape[:2] != (1, 1)

    def pooling(self) -> str:
        """Return which way of pooling suits what it puts out."""
        if not self.is_map:
            return VECTOR
        return GEM if min(float(values.min()) for values in self.values) >= LOWEST else AVERAGE

    def embeddings(self, pooling: str) -> np.ndarray:
        """Return (n, dim) unit vectors, 0 where it sees nothing."""
        rows = [values.reshape(-1, values.shape[-1]).astype(np.float64) for values in self.values]
        pooled = np.array(
            [np.cbrt((row**3).mean(axis=0)) if pooling == GEM else row.mean(axis=0) for row in rows]
        )
        lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
        return pooled / np.where(lengths > 0, lengths, 1)


def convert(request: dict[str, Any], terminal: IO[str]) -> tuple[dict[str, Any], bytes]:
    """Convert what :mod:`simsearch.encoder` asks for.

    Returns
    -------
    The fields of its identity, with "published" and "warnings" where there are any; and the network.

    Raises
    ------
    BackboneError
        When it cannot be had, built or used.
    """
    name, file = request["name"], request["file"] and Path(request["file"])
    row = BACKBONES.get(name) if not file or file.suffix.lower() not in (".keras", ".tflite") else None
    if row and row.package:
        identity = EncoderIdentity(name, row.hash)
        return identity._asdict(), convert_embedded(row)
    header: dict[str, Any] = {"backbone": name, "weights": request["sha256"], "warnings": []}
    if row:
        weights = file or keras_networks.fetch(row, terminal)
        model = keras_networks.build(row, batch_size=1)
        keras_networks.load_weights(row, model, weights)
        if not file or keras_networks.is_published(row, file):
            header["published"] = row.hash or row.file
        header["weights"] = header["weights"] or _sha256(weights)
        return _converted(model, header, request)
    if file.suffix.lower() == ".tflite":
        return take_as_it_is(name, file, header, request)
    return _converted(_custom(name, file, header, request), header, request)


def _sha256(path: Path) -> str:
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _custom(name: str, file: Path, header: dict[str, Any], request: dict[str, Any]) -> keras.Model:
    """Load a .keras file as a model of one picture, RGB from 0 to 255."""
    import keras

    model = custom_networks.load_keras(name, file)
    if not request["pixels"] and not custom_networks.scales(model):
        header["warnings"].append(f"{name}: {custom_networks.UNSCALED}.")
    side = custom_networks.side_of(model)
    image = keras.Input((side, side, 3), batch_size=1)
    scaled = {"0..1": (1 / 255, 0), "-1..1": (1 / 127.5, -1)}.get(request["pixels"])
    x = keras.layers.Rescaling(*scaled)(image) if scaled else image
    return keras.Model(image, model(keras.ops.cast(x, model.inputs[0].dtype)))


def take_as_it_is(
    name: str, file: Path, header: dict[str, Any], request: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """Check a .tflite file, which is taken as it is."""
    model, source, scaled = custom_networks.load_tflite(name, file)
    kind = np.dtype(source["dtype"]).name
    if kind != "float32":
        if request["pixels"] not in ("", "0..255"):
            raise BackboneError(name, f"{file} takes {kind}, and bytes as they are", "leave --pixels out")
        header["warnings"] += [f"{name}: {each}." for each in custom_networks.doubts_of_codes(source)]
    elif not scaled and not request["pixels"]:
        header["warnings"].append(f"{name}: {custom_networks.UNSCALED}.")
    try:
        looks = _Looks(model, VECTOR, request["pixels"])
    except (RuntimeError, ValueError) as error:
        reason = f"{file} cannot be run by LiteRT ({' '.join(str(error).split())[:150]})"
        raise BackboneError(name, reason, "convert it again") from error
    pooling = looks.pooling()
    _judge(name, looks, pooling, header)
    header["preprocessing"] = preprocessing(pooling, request["pixels"] or "0..255")
    return header | {"precision": kind}, model


def _converted(
    model: keras.Model, header: dict[str, Any], request: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """Convert a network that takes one picture, RGB from 0 to 255."""
    count = int(np.clip(_WORTH / max(multiplications(model), 1), _FEWEST, CALIBRATION_PICTURES))
    exact = to_float32(model)
    looks = _Looks(exact, VECTOR, "", count)
    pooling = looks.pooling()
    _judge(header["backbone"], looks, pooling, header)
    header["preprocessing"] = preprocessing(pooling, request["pixels"] or "0..255")
    wanted = request["precision"]
    if wanted != "float32":
        agreement, coarse = _coarse(model, looks.embeddings(pooling), pooling, count)
        if coarse and (wanted == "int8" or agreement >= LEAST_AGREEMENT):
            return header | {"precision": "int8"}, coarse
        told = (
            f"its embeddings would have a cosine of {agreement:.2f} with the exact ones"
            if coarse
            else ("LiteRT has no 8 bits for some of its layers")
        )
        header["warnings"].append(
            f"{header['backbone']} is kept in 32 bits, which is slower: in 8 bits {told}."
        )
    return header | {"precision": "float32"}, exact


def _coarse(model: keras.Model, exact: np.ndarray, pooling: str, count: int) -> tuple[float, bytes]:
    """Convert to 8 bits; return the mean cosine of its embeddings with the exact ones, and the network."""
    try:
        side = model.inputs[0].shape[1]
        coarse = to_int8(model, lambda: calibration_pictures(side, count))
        found = _Looks(coarse, VECTOR, "", count).embeddings(pooling)
    except Exception as error:  # the converter has many; where it is not about 8 bits, 32 have failed before
        if custom_networks.lacks_memory(error):  # with more of it, it would be another network
            raise MemoryError from error
        return 0.0, b""
    return float((exact * found).sum(axis=1).mean()), coarse


def _judge(name: str, looks: _Looks, pooling: str, header: dict[str, Any]) -> None:
    """Refuse a network that sees nothing, and warn of one that is not meant for this."""
    if not all(np.isfinite(values).all() for values in looks.values):
        raise BackboneError(name, "it puts out what are no numbers", "check its weights")
    embeddings = looks.embeddings(pooling)
    mean = embeddings.mean(axis=0)
    length = np.linalg.norm(mean)
    spread = 1 - float((embeddings @ mean).min()) / length if length else 0.0
    if spread < _SAME:
        reason = "it sees nothing: it puts out the same for every picture"
        raise BackboneError(name, reason, "check its weights, or take another network")
    if name in BACKBONES:
        return
    if float((embeddings @ mean).mean()) > length * (1 - _DULL):
        header["warnings"].append(f"{name}: {custom_networks.DULL}.")
    if not looks.is_map and custom_networks.is_scores(np.array([each.ravel() for each in looks.values])):
        header["warnings"].append(f"{name}: {custom_networks.SCORES}.")


def _failure(request: dict[str, Any], error: Exception) -> dict[str, str]:
    """Say what an error of Keras, TensorFlow or LiteRT comes to."""
    if custom_networks.lacks_memory(error):
        remedy = "close other programs and try again, or choose a smaller network"
        return {"reason": "there is too little memory to convert it", "remedy": remedy}
    told = " ".join(str(error).split())[:150]
    reason = f"building it failed with {type(error).__name__}: {told}"
    if (request["file"] or "").lower().endswith(".keras"):
        return {"reason": reason, "remedy": "build it of layers that LiteRT has as well"}
    return {"reason": reason, "remedy": "check that tensorflow can be imported, and try again"}


def main() -> None:
    """Write a converted network to standard output."""
    reply, terminal = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(2), "w")
    with open(os.devnull, "wb") as nowhere:  # TensorFlow prints
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    request = json.loads(sys.argv[1])
    model = b""
    memory.limit(int(memory.total() * _SHARE))
    try:
        header, model = convert(request, terminal)
    except BackboneError as error:
        header = {"reason": error.reason, "remedy": error.remedy}
    except ImportError as error:
        reason = f"TensorFlow, which builds it, cannot be imported ({type(error).__name__}: {error})"
        header = {"reason": reason, "remedy": "pip install --upgrade tensorflow"}
    except Exception as error:
        header = _failure(request, error)
    with reply:
        reply.write(json.dumps(header).encode() + b"\n")
        reply.write(model)


if __name__ == "__main__":
    main()
