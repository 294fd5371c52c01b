"""A converted network ready to run: pixels in, an embedding out.

Most networks give a map, 9 x 9 cells of 1280 features for Lite2. The embedding is the generalised mean of
the cells, the cube root of the mean cube, which lets strong features outweigh the empty background that
an average would count in full (GeM pooling: F. Radenovic, G. Tolias and O. Chum, "Fine-tuning CNN image
retrieval with no human annotation", 2018; here with their p = 3). Where features go clearly below zero, as
behind a layer normalisation, a cube means nothing, and the cells are averaged. A network of the user's own
may give a vector: that is the embedding.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

# Everything that decides an embedding besides the weights; another way of doing any of it is another name.
PREPROCESSING = "letterbox-grey127-gem3-v1"
PRECISION = "int8"
GEM, AVERAGE, VECTOR = "gem3", "avg", "vector"
# What the pixels are made into before a network sees them, and how an identity says so.
PIXELS = {"0..255": "", "0..1": "-0to1", "-1..1": "-minus1to1"}
FREE_SIDE = 224  # of the pictures for a network that takes any size


class EncoderIdentity(NamedTuple):
    """What made an embedding; embeddings of two identities cannot be compared.

    ``weights`` is the SHA-256, in hex, of the file of weights.
    """

    backbone: str
    weights: str
    preprocessing: str = PREPROCESSING
    precision: str = PRECISION

    def __str__(self) -> str:
        other = f", {self.preprocessing}" if self.preprocessing != PREPROCESSING else ""
        return f"{self.backbone} ({self.precision}, {self.weights[:8]}{other})"

    def to_json(self) -> str:
        """Write it down as a JSON object."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> EncoderIdentity:
        """Read what :meth:`to_json` wrote; raise ValueError for anything else."""
        fields = json.loads(text)
        if not isinstance(fields, dict) or sorted(fields) != sorted(cls._fields):
            raise ValueError(f"not an encoder's identity: {text}")
        return cls(**fields)


def preprocessing(pooling: str, pixels: str = "0..255") -> str:
    """Return what an identity calls a way of pooling, behind pixels made into such a range."""
    return f"letterbox-grey127{PIXELS[pixels]}-{pooling}-v1"


class LiteRTEncoder:
    """A converted network ready to run; a :class:`simsearch.encoder.Encoder`.

    It may be shared by threads, which then take turns.

    Parameters
    ----------
    model
        From (1, side, side, 3) pixels to (1, rows, columns, dim), (1, dim) or (1, 1, 1, dim). Where the
        input is uint8 or int8 it gets the pixels' codes, where it is float32 what the identity says.
    published
        What tells the file of weights that anybody can fetch again, None where the weights are only here.
    threads
        To run it on.

    Raises
    ------
    RuntimeError, ValueError
        When LiteRT cannot use it, or it is not like that.
    """

    def __init__(
        self,
        model: bytes,
        identity: EncoderIdentity,
        recipe: tuple[str, list[str]],
        published: str | None = None,
        threads: int = 1,
    ) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.identity = identity
        self.recipe = recipe
        self.published = published
        self._pooling = identity.preprocessing.split("-")[-2]
        if self._pooling not in (GEM, AVERAGE, VECTOR):
            raise ValueError(f"unknown pooling in {identity.preprocessing}")
        self._lock = threading.Lock()
        self._interpreter = Interpreter(model_content=model, num_threads=threads)
        [source], [result] = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if -1 in source["shape_signature"]:
            sides = [FREE_SIDE if side == -1 else side for side in source["shape_signature"][1:3]]
            self._interpreter.resize_tensor_input(source["index"], [1, *sides, 3])
        with _quiet():
            self._interpreter.allocate_tensors()
        [source], [result] = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._input, self._output = source["index"], result["index"]
        self._dtype = source["dtype"]
        self._shift, self._scale = 0.0, 1.0
        if "-0to1-" in identity.preprocessing:
            self._scale = 1 / 255
        elif "-minus1to1-" in identity.preprocessing:
            self._shift, self._scale = 127.5, 1 / 127.5
        self.input_size = int(source["shape"][1])
        self.dim = int(result["shape"][-1])
        self._zero_point = result["quantization"][1]
        self._step = result["quantization"][0]

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Turn a picture into its embedding; see :meth:`simsearch.encoder.Encoder.encode`."""
        features = self.cells(pixels).reshape(-1, self.dim)
        # The number of cells only scales the whole vector: its length is 1.
        if self._pooling == GEM:
            pooled = np.cbrt(np.einsum("cf,cf,cf->f", features, features, features))
        else:
            pooled = features.sum(axis=0)
        length = np.linalg.norm(pooled)
        if not 0 < length < np.inf:
            raise ValueError("the network sees nothing in it")
        vector: np.ndarray = pooled / length
        return vector

    def cells(self, pixels: np.ndarray) -> np.ndarray:
        """Return what it sees in each cell of a picture; see :meth:`simsearch.encoder.Encoder.cells`.

        A network that gives a vector sees one cell.
        """
        codes = self.output(pixels)
        # Left in steps of the codes: how large one is scales the whole picture alike.
        features = codes.astype(np.float32)
        if codes.dtype != np.float32:
            features -= self._zero_point
        elif 0 < (largest := np.abs(features).max()) < np.inf:
            features /= largest  # cubes of the tiny or huge would leave the range of numbers
        return features if features.ndim == 3 else features.reshape(1, 1, self.dim)

    def output(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the network puts out for a picture, in its own type."""
        with self._lock:
            self._interpreter.set_tensor(self._input, self._seen(pixels)[None])
            self._interpreter.invoke()
            codes: np.ndarray = self._interpreter.get_tensor(self._output)[0]
        return codes

    def values(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the network puts out for a picture as the float32 it stands for."""
        codes = self.output(pixels)
        if codes.dtype != np.float32:
            codes = (codes.astype(np.float32) - self._zero_point) * np.float32(self._step)
        return codes

    def _seen(self, pixels: np.ndarray) -> np.ndarray:
        if self._dtype == np.float32:
            shifted: np.ndarray = pixels.astype(np.float32) - np.float32(self._shift)
            return shifted * np.float32(self._scale)
        if self._dtype == np.int8:
            return (pixels.astype(np.int16) - 128).astype(np.int8)
        return pixels


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep LiteRT from announcing its CPU delegate on the terminal.

    It writes from C, to file descriptor 2, and has no setting for it. For these milliseconds the
    descriptor leads nowhere; errors are raised in Python and so are not lost.
    """
    with _redirecting:  # two threads at once would each take the other's for the real one
        try:
            terminal = os.dup(2)
        except OSError:  # there is no standard error, so nobody to disturb
            yield
            return
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


_redirecting = threading.Lock()
