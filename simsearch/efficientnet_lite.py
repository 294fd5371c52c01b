"""Build EfficientNet-Lite in Keras from its pretrained weights, and convert it to 8-bit LiteRT.

The architecture is Google's (https://github.com/tensorflow/tpu, models/official/efficientnet/lite):
EfficientNet without squeeze-and-excitation, with ReLU6, and with first and last stage never scaled.
Without the classifier, the network ends in its last feature map.

This is a program too, ``python -m simsearch.efficientnet_lite NAME``, which writes the converted network
to standard output: TensorFlow takes seconds and half a gigabyte, which its process gives back at its end.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from simsearch.backbones import Backbone, backbone, weights_path
from simsearch.torch_file import read_tensors

if TYPE_CHECKING:
    import keras

# Repeats and stride of each stage; kernels and widths are what the weights' shapes say.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
BATCH_NORM_EPSILON = 1e-3
CALIBRATION_PICTURES = 150


def build(row: Backbone, tensors: dict[str, np.ndarray]) -> keras.Model:
    """Build the network, batch normalisation folded into the convolutions.

    Parameters
    ----------
    tensors
        The weights under their PyTorch names, such as "_blocks.0._bn1.weight".

    Returns
    -------
    A model from (1, input_size, input_size, 3) float32, RGB as (value - 127) / 128, to
    (1, h, w, 1280) float32.
    """
    import keras

    image = keras.Input((row.input_size, row.input_size, 3), batch_size=1)
    x = keras.layers.ReLU(6.0)(_convolution(image, tensors, "_conv_stem", "_bn0", stride=2))
    for number, stride in enumerate(_block_strides(row.depth)):
        x = _block(x, tensors, f"_blocks.{number}.", stride)
    return keras.Model(image, keras.layers.ReLU(6.0)(_convolution(x, tensors, "_conv_head", "_bn1")))


def _block_strides(depth: float) -> Iterator[int]:
    """Yield the stride of every block: only the first of a stage may shrink the map."""
    for number, (repeats, stride) in enumerate(STAGES):
        scaled = repeats if number in (0, len(STAGES) - 1) else math.ceil(repeats * depth)
        yield from [stride] + [1] * (scaled - 1)


def _block(x: Any, tensors: dict[str, np.ndarray], prefix: str, stride: int) -> Any:
    """Add an inverted residual block: widen, convolve each channel by itself, narrow."""
    import keras

    y = x
    if f"{prefix}_expand_conv.weight" in tensors:
        y = keras.layers.ReLU(6.0)(_convolution(y, tensors, f"{prefix}_expand_conv", f"{prefix}_bn0"))
    y = _convolution(y, tensors, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride)
    y = keras.layers.ReLU(6.0)(y)
    y = _convolution(y, tensors, f"{prefix}_project_conv", f"{prefix}_bn2")
    return keras.layers.Add()([x, y]) if x.shape == y.shape else y


def _convolution(x: Any, tensors: dict[str, np.ndarray], name: str, norm: str, stride: int = 1) -> Any:
    """Add a convolution whose weights are ``name``'s with the batch normalisation ``norm`` folded in."""
    import keras

    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
    kernel = tensors[f"{name}.weight"] * scale[:, None, None, None]
    options = {"strides": stride, "padding": "same", "data_format": "channels_last", "dtype": "float32"}
    if kernel.shape[1] == 1:  # each channel by itself: (channel, 1, y, x) -> (y, x, channel, 1)
        kernel = kernel.transpose(2, 3, 0, 1)
        layer = keras.layers.DepthwiseConv2D(kernel.shape[0], **options)
    else:  # (output, input, y, x) -> (y, x, input, output)
        kernel = kernel.transpose(2, 3, 1, 0)
        layer = keras.layers.Conv2D(kernel.shape[-1], kernel.shape[0], **options)
    y = layer(x)
    layer.set_weights([kernel, bias])
    return y


def normalised(pixels: np.ndarray) -> np.ndarray:
    """Turn pixels (..., 3) of 0 to 255 into the float32 that the network was trained on."""
    return ((pixels - np.float32(127)) / np.float32(128)).astype(np.float32)


def calibration_pictures(size: int) -> Iterator[np.ndarray]:
    """Draw the pictures that the value range of every layer is measured on.

    Random shapes on random gradients, more or less blurred and noisy, the same on every machine: they
    spread the layers' values as photos do, and two machines make the same network of them.

    Yields
    ------
    (size, size, 3) float32 from 0 to 255. The first picture holds both ends, so that the range of the
    input is exactly that of a byte.
    """
    random = np.random.default_rng(0)
    for number in range(CALIBRATION_PICTURES):
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


def convert(row: Backbone) -> bytes:
    """Build a backbone and convert it to LiteRT, all in 8 bits.

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
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [normalised(picture)[None]] for picture in calibration_pictures(row.input_size)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def main() -> None:
    """Write a converted backbone to standard output."""
    reply = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # TensorFlow prints
    with reply:
        reply.write(convert(backbone(sys.argv[1])))


if __name__ == "__main__":
    main()
