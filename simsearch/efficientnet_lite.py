"""Build EfficientNet-Lite in Keras from its pretrained weights.

The architecture is Google's (https://github.com/tensorflow/tpu, models/official/efficientnet/lite):
EfficientNet without squeeze-and-excitation, with ReLU6, and with first and last stage never scaled.
Without the classifier, the network ends in its last feature map.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from simsearch.backbones import Backbone

if TYPE_CHECKING:
    import keras

# Repeats and stride of each stage; kernels and widths are what the weights' shapes say.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
BATCH_NORM_EPSILON = 1e-3


def build(row: Backbone, tensors: dict[str, np.ndarray], batch_size: int | None = 1) -> keras.Model:
    """Build the network, batch normalisation folded into the convolutions.

    Parameters
    ----------
    tensors
        The weights under their PyTorch names, such as "_blocks.0._bn1.weight".

    Returns
    -------
    A model from (batch_size, input_size, input_size, 3) float32, RGB as (value - 127) / 128, to
    (batch_size, h, w, 1280) float32.
    """
    import keras

    image = keras.Input((row.input_size, row.input_size, 3), batch_size=batch_size)
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
