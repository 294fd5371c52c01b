"""Networks from a user's own file: what must be true of it, and what should be known of it.

A ``.keras`` file is loaded in Keras' safe mode, in which it cannot run code of its own.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simsearch.errors import BackboneError
from simsearch.litert import FREE_SIDE

if TYPE_CHECKING:
    import keras

_LEAST = 2  # features of a vector
_SCORES = (1000, 1001)  # classes of ImageNet, and those with one for the background
_RANGES = ((0, 255), (0, 1), (-1, 1), (-0.5, 0.5), (-128, 127))  # of pixels, as networks are trained on
_NEAR = 0.02  # of a range: its ends vary by a code or some
_FLOATS = {"float16", "bfloat16", "float64"}
_SCALING = {"Rescaling", "Normalization"}
UNSCALED = (
    "nothing at its start scales the pixels, which it gets as they are, from 0 to 255: if it was trained on "
    "others, say so with --pixels 0..1 or --pixels=-1..1"
)
SCORES = "what it puts out looks like the scores of classes, not an embedding: search finds less with those"
DULL = (
    "it hardly tells one picture from another: perhaps it was trained on other pixels (--pixels 0..1 or "
    "--pixels=-1..1)"
)


def load_keras(name: str, path: Path) -> keras.Model:
    """Load a network in Keras' own format.

    Raises
    ------
    BackboneError
        When it cannot be loaded, or does not make one map or vector of one picture.
    MemoryError
        When it is too large for this process.
    """
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever is in the file
        if lacks_memory(error):
            raise MemoryError from error
        raise BackboneError(name, *_refusal(path, error)) from error
    inputs, outputs = getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []
    check_ends(name, path, [tuple(each.shape) for each in inputs], [tuple(each.shape) for each in outputs])
    if others := sorted({layer.compute_dtype for layer in _layers(model)} & _FLOATS):
        reason = f"{path} computes in {others[0]}, where LiteRT converts float32 alone"
        raise BackboneError(name, reason, 'build it with keras.config.set_dtype_policy("float32")')
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise BackboneError(name, f"{path}: some of its weights are no numbers", "save it again")
    return model


def lacks_memory(error: Exception) -> bool:
    """Whether there was too little memory: TensorFlow has an error of its own for that, or tells Keras."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or "OOM when allocating" in str(error)
    )


def _refusal(path: Path, error: Exception) -> tuple[str, str]:
    """Return why a file cannot be loaded, and a remedy."""
    text = " ".join(str(error).split())
    if not zipfile.is_zipfile(path):
        return f"{path} is damaged or no .keras file ({path.stat().st_size:,} bytes)", "save it again"
    if "Lambda" in text or "lambda" in text:
        reason = f"{path} holds a Lambda layer, which would run code from the file"
        return reason, "save the network with a layer of Keras in its place"
    if found := re.search(r"Could not locate \w+ '(\w+)'", text):
        reason = f"{path} holds {found[1]}, which is none of Keras' own layers"
        return reason, "save the network with layers of Keras only"
    return f"{path} cannot be loaded ({text[:150]})", "save it again with this version of Keras"


def check_ends(name: str, path: Path, inputs: list[Any], outputs: list[Any]) -> None:
    """Refuse what does not make one map or vector of one square RGB picture."""
    remedy = "save a network that makes one vector or map of one picture"
    if len(inputs) != 1 or len(outputs) != 1:
        reason = f"{path} has not one input and one output, but {len(inputs)} and {len(outputs)}"
        raise BackboneError(name, reason, remedy)
    [shape], [result] = inputs, outputs
    if len(shape) != 4 or shape[-1] != 3:
        reason = f"{path} takes {_told(shape)}, not a picture (height, width, 3)"
        raise BackboneError(name, reason, remedy)
    if shape[1] != shape[2]:
        reason = f"{path} takes pictures of {shape[2]} x {shape[1]} pixels, which are no squares"
        raise BackboneError(name, reason, "save it for squares")
    if len(result) not in (2, 4):
        raise BackboneError(name, f"{path} puts out {_told(result)}, neither a vector nor a map", remedy)
    if result[-1] is None or result[-1] < _LEAST:
        reason = f"{path} puts out {_told(result)}, which is no vector of at least {_LEAST}"
        raise BackboneError(name, reason, remedy)


def _told(shape: tuple[Any, ...]) -> str:
    return f"({', '.join('?' if side in (None, -1) else str(side) for side in shape[1:])})"


def side_of(model: keras.Model) -> int:
    """Return width and height of the pictures that a network takes."""
    return int(model.inputs[0].shape[1] or FREE_SIDE)


def scales(model: keras.Model) -> bool:
    """Whether a network has a layer that scales, itself or in a network within it."""
    return any(type(layer).__name__ in _SCALING for layer in _layers(model))


def _layers(model: keras.Model) -> Iterator[Any]:
    """Yield the layers of a network, and of the networks within it."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def load_tflite(name: str, path: Path) -> tuple[bytes, dict[str, Any], bool]:
    """Read and check a LiteRT network.

    Returns
    -------
    It, what LiteRT knows of its input, and whether that is scaled within it.

    Raises
    ------
    BackboneError
        When it cannot be used, or does not make one map or vector of one picture.
    """
    from ai_edge_litert.interpreter import Interpreter

    model = path.read_bytes()
    try:
        interpreter = Interpreter(model_content=model)
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        ends = [[_shape(each) for each in side] for side in (inputs, outputs)]
    except (RuntimeError, ValueError) as error:
        reason = f"{path} is damaged or no .tflite file ({' '.join(str(error).split())[:150]})"
        raise BackboneError(name, reason, "convert it again") from error
    check_ends(name, path, *ends)
    [source], [result] = inputs, outputs
    for which, details, types in (
        ("takes", source, (np.uint8, np.int8, np.float32)),
        ("puts out", result, (np.uint8, np.int8, np.float32)),
    ):
        if details["dtype"] not in types:
            reason = f"{path} {which} {np.dtype(details['dtype']).name}, not uint8, int8 or float32"
            raise BackboneError(name, reason, "convert it again with one of those")
    return model, source, not _starts_convolving(interpreter)


def doubts_of_codes(source: dict[str, Any]) -> list[str]:
    """Return a sentence where the codes of an input in 8 bits are hardly the bytes of pixels, from 0 to 255.

    They are where the least and the greatest stand for the ends of a usual range of pixels. Of any other,
    the file does not say which pixels it was measured on.
    """
    (step, zero), codes = source["quantization"], np.iinfo(source["dtype"])
    low, high = (codes.min - zero) * step, (codes.max - zero) * step
    if not step or any(max(abs(low - a), abs(high - b)) < _NEAR * (b - a) for a, b in _RANGES):
        return []
    usual = " or ".join(f"{a:g}..{b:g}" for a, b in _RANGES)
    return [
        f"it gets the bytes of pixels as they are, but its input stands for {low:.3g}..{high:.3g}, not for "
        f"the usual {usual}: if it was trained on those, it sees colours amiss"
    ]


def _shape(details: dict[str, Any]) -> tuple[int, ...]:
    signature = details["shape_signature"]
    shape = signature if len(signature) else details["shape"]
    return tuple(None if side == -1 else int(side) for side in shape)  # type: ignore[misc]


def _starts_convolving(interpreter: Any) -> bool:
    """Whether a network begins with a convolution, so that it scales nothing."""
    try:
        first = interpreter._get_ops_details()[0]["op_name"]
    except (AttributeError, IndexError, KeyError):  # it is not part of what LiteRT promises
        return False
    return first in ("CONV_2D", "DEPTHWISE_CONV_2D", "PAD", "PADV2")


def is_scores(values: np.ndarray) -> bool:
    """Whether vectors (n, d) look like scores of classes: a thousand of them, or shares of one."""
    shares = bool((values >= 0).all() and np.abs(values.sum(axis=1) - 1).max() < 0.1)
    return shares or values.shape[1] in _SCORES
