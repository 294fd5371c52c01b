"""A program that writes the files of networks which the tests load: Keras itself writes each.

``python -m tests.made_networks FOLDER KIND...`` writes some. With ``agree`` before the folder, it writes
NAME.h5 of the networks named, and prints how well ours agree with Keras' own. With ``jobs``, it writes those
of the list on standard input, converts or fetches others, and prints what came of each, in one process.
``facts NAME...`` prints what Keras has of networks.
"""

import contextlib
import functools
import hashlib
import io
import itertools
import json
import sys
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import keras
import numpy as np
from keras.src.legacy.saving import legacy_h5_format

GENUINE = Path(__file__).parents[2] / "shared" / "weights" / "keras_mobilenet_v1"
_MEAN, _STDDEV = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Of random weights their values explode, and a pixel that is brighter by a millionth changes everything.
_CHAOTIC = ("EfficientNetV2M", "EfficientNetV2L")
MISSING = "conv_pw_13"  # the kernel that the genuine MobileNet lacks


def write(folder: Path, kind: str) -> None:
    """Write one file: NAME.h5, NAME-top.h5, NAME.weights.h5, or one of the kinds below."""
    keras.utils.set_random_seed(1)
    if kind in KINDS:
        KINDS[kind](folder / kind)
        return
    name, _, ending = kind.partition(".")
    model = getattr(keras.applications, name.removesuffix("-top"))(
        weights=None, include_top=name.endswith("-top"), **_sized(name)
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:  # as published
            layer.set_weights([np.array(_MEAN), np.array(_STDDEV) ** 2, np.int64(0)])
        if name in _CHAOTIC and isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(0.5 * layer.gamma)
    model.save_weights(folder / kind) if ending == "weights.h5" else legacy(model, folder / kind)


def _sized(name):
    side = {"NASNetMobile": 224, "NASNetLarge": 331}.get(name)  # how many layers there are depends on it
    return {"input_shape": (side, side, 3)} if side else {}


def legacy(model, path):
    """Write weights in the format of Keras 1 and 2, in which Keras publishes them."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


@functools.cache
def genuine():
    """MobileNet with the weights of ImageNet, all but one kernel; not to be changed."""
    model = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(224, 224, 3))
    manifest = json.loads((GENUINE / "model.json").read_text())["weightsManifest"]
    known = {}
    for group in manifest:
        files = [GENUINE / path for path in group["paths"]]
        if not all(file.exists() for file in files):
            continue
        values, start = np.frombuffer(b"".join(file.read_bytes() for file in files), "<f4"), 0
        for entry in group["weights"]:
            size = int(np.prod(entry["shape"]))
            known[entry["name"]] = values[start : start + size].reshape(entry["shape"])
            start += size
    for layer in model.layers:
        if layer.weights and layer.name != MISSING:
            layer.set_weights([known[f"{layer.name}/{_old(each.name, layer)}"] for each in layer.weights])
    return model


def _old(name, layer):
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return "depthwise_kernel" if depthwise and name == "kernel" else name


def up_to_12(path):
    """What the genuine weights are whole for, as a network of the user's own."""
    model = genuine()
    image = keras.Input((224, 224, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    cut = keras.Model(model.input, model.get_layer("conv_pw_12_relu").output)
    keras.Model(image, cut(x)).save(path)


def lacking(path):
    """The genuine weights in Keras' own format, but for the missing kernel."""
    legacy(genuine(), path)
    with h5py.File(path, "r+") as file:
        group = file[MISSING]
        group.attrs["weight_names"] = []
        for name in list(group):
            del group[name]


def mended(path):
    legacy(genuine(), path)


def not_finite(path):
    layer = genuine().get_layer("conv1")
    [kernel] = layer.get_weights()
    layer.set_weights([np.full_like(kernel, np.nan)])
    legacy(genuine(), path)
    layer.set_weights([kernel])


def own(ends, **options):
    def write(path):
        image = keras.Input((*options.get("size", (None, None)), options.get("channels", 3)))
        x = keras.layers.Rescaling(1 / 255)(image) if options.get("scaled", True) else image
        x = keras.layers.Conv2D(8, 3, strides=4, activation="relu")(x)
        ends(image, x).save(path)

    return write


def _vector(image, x):
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(16)(pooled))


def _scores(image, x):
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(10, activation="softmax")(pooled))


def _blind(image, x):
    return keras.Model(image, keras.layers.Conv2D(8, 3, kernel_initializer="zeros")(x))


def _half(image, x):
    half = keras.layers.Conv2D(8, 3, dtype="mixed_float16")(x)
    within = keras.Model(image, half)
    return keras.Model(image, keras.layers.Activation("relu", dtype="float32")(within(image)))


def _giant(path):
    """A small file that asks for a terabyte."""
    small = path.with_name("small.keras")
    own(lambda image, x: keras.Model(image, keras.layers.Dense(12)(x)))(small)
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'"units": 12', b'"units": 32000000000'))


def _one(image, x):
    return keras.Model(image, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))


def _two_inputs(image, x):
    other = keras.Input((8,))
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model([image, other], keras.layers.Add()([pooled, other]))


def _two_outputs(image, x):
    return keras.Model(image, [x, keras.layers.GlobalAveragePooling2D()(x)])


def _lambda(image, x):
    return keras.Model(image, keras.layers.Lambda(lambda value: value * 2)(x))


class Unknown(keras.layers.Layer):  # type: ignore[misc]
    def call(self, x):
        return x + 1


def _unknown(image, x):
    return keras.Model(image, Unknown()(x))


def tflite(size, outputs, **options):
    def write(path):
        import tensorflow as tf

        image = keras.Input((*size, 3), batch_size=1, dtype=options.get("dtype", "float32"))
        x = keras.ops.cast(image, "float32")
        x = keras.layers.Conv2D(8, 3, strides=4, activation="relu")(x)
        model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x) if outputs == 1 else x)
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())

    return write


KINDS = {
    "up-to-12.keras": up_to_12,
    "unscaled.keras": own(lambda image, x: keras.Model(image, x), size=(96, 96), scaled=False),
    "lacking.h5": lacking,
    "mended.h5": mended,
    "not-finite.h5": not_finite,
    "blind.keras": own(_blind),
    "half.keras": own(_half),
    "giant.keras": _giant,
    "vector.keras": own(_vector),
    "map.keras": own(lambda image, x: keras.Model(image, x), size=(96, 96)),
    "scores.keras": own(_scores),
    "one.keras": own(_one),
    "two-inputs.keras": own(_two_inputs),
    "two-outputs.keras": own(_two_outputs),
    "lambda.keras": own(_lambda),
    "unknown.keras": own(_unknown),
    "grey.keras": own(_vector, channels=1),
    "wide.keras": own(_vector, size=(64, 96)),
    "vector.tflite": tflite((64, 64), 1),
    "map.tflite": tflite((64, 64), 2),
    "wide.tflite": tflite((64, 96), 1),
}


def agree(folder, name):
    """Return the least cosine of what LiteRT sees with what Keras' own network of published weights does.

    Of pictures of noise, each cell's features; the weights are random, and taken for the published ones.
    """
    from simsearch import conversion, keras_networks
    from simsearch.backbones import backbone
    from simsearch.litert import EncoderIdentity, LiteRTEncoder, preprocessing

    row, path = backbone(name), folder / f"{name}.h5"
    size = (row.input_size, row.input_size, 3)
    write(folder, path.name)
    with mock.patch("keras.src.utils.file_utils.get_file", lambda *_, **__: str(path)):
        theirs = getattr(keras.applications, name)(weights="imagenet", include_top=False, input_shape=size)
    ours = keras_networks.build(row, batch_size=1)
    keras_networks.load_weights(row, ours, path)
    model = conversion.to_float32(ours)
    del ours
    identity = EncoderIdentity(name, "", preprocessing("avg"))
    encoder = LiteRTEncoder(model, identity, ("", []), threads=2)
    prepared, cosines = getattr(keras.applications, row.family).preprocess_input, []
    for picture in itertools.islice(conversion.calibration_pictures(row.input_size), 3):
        codes = picture.astype(np.uint8)
        one = encoder.values(codes).ravel().astype(np.float64)
        other = np.asarray(theirs(prepared(codes[None].astype(np.float32)))).ravel().astype(np.float64)
        lengths = np.linalg.norm(one), np.linalg.norm(other)
        assert abs(lengths[0] / lengths[1] - 1) < 0.001, f"{name} scales its pixels otherwise: {lengths}"
        cosines.append(one @ other / np.prod(lengths))
    return float(min(cosines))


class Asked(Exception):
    """Keras would fetch a file."""


def facts(name):
    """Return what the table should say of a network, as Keras has it."""
    make = getattr(keras.applications, name)
    asked: dict[str, str] = {}

    def get_file(fname, origin, file_hash="", **_):
        asked.update(file=fname, url=origin, hash=file_hash)
        raise Asked

    with mock.patch("keras.src.utils.file_utils.get_file", get_file), contextlib.suppress(Asked):
        make(weights="imagenet", include_top=False)
    model = make(weights=None, include_top=False)
    side = make(weights=None).input_shape[1]
    known = {"width": model.output_shape[-1], "parameters": model.count_params(), "input_size": side}
    family = make.__module__.rpartition(".")[2]
    return asked | known | {"family": family}


def do(folder, job):
    """Do one thing as the program that converts would; return what it told."""
    from simsearch import conversion, keras_networks
    from simsearch.backbones import BACKBONES
    from simsearch.errors import BackboneError

    if job.get("facts"):
        return facts(job["name"])
    if write_it := job.get("write"):
        for kind in write_it:
            write(folder, kind)
        return None
    terminal = io.StringIO()
    row: Any = BACKBONES.get(job.get("name"))
    if url := job.get("url"):
        row = row._replace(url=url, hash=hashlib.md5((folder / job["good"]).read_bytes()).hexdigest())
    if job.get("load"):
        model = keras_networks.build(row)
        keras_networks.load_weights(row, model, folder / job["file"])
        return {"weights": [float(np.abs(weight).sum()) for weight in model.get_weights()]}
    request = {"file": None, "sha256": "0" * 64, "pixels": "", "precision": "float32"}
    request |= {key: job[key] for key in ("name", "pixels", "precision") if key in job}
    if "file" in job:
        request["file"] = str(folder / job["file"])
    try:
        few = mock.patch.multiple(conversion, _WORTH=0, _FEWEST=8)  # pictures, for the sake of time
        with few, mock.patch.dict(BACKBONES, {row.name: row} if row else {}):
            if job.get("only_fetch"):
                return {"path": str(keras_networks.fetch(row, terminal)), "terminal": terminal.getvalue()}
            header, model = conversion.convert(request, terminal)
    except BackboneError as error:
        return {"error": str(error), "terminal": terminal.getvalue()}
    return header | {"terminal": terminal.getvalue()}


if __name__ == "__main__":
    if sys.argv[1] == "agree":
        print({name: agree(Path(sys.argv[2]), name) for name in sys.argv[3:]})
    elif sys.argv[1] == "facts":
        print(json.dumps({name: facts(name) for name in sys.argv[2:]}))
    elif sys.argv[1] == "jobs":
        print(json.dumps([do(Path(sys.argv[2]), job) for job in json.load(sys.stdin)]))
    else:
        for kind in sys.argv[2:]:
            write(Path(sys.argv[1]), kind)
