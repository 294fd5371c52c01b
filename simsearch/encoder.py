"""From pixels to an embedding: EfficientNet-Lite on LiteRT, and generalised mean pooling.

The network gives a map, 9 x 9 cells of 1280 features for Lite2. The embedding is the generalised mean of
the cells, the cube root of the mean cube, which lets strong features outweigh the empty background that
an average would count in full (GeM pooling: F. Radenovic, G. Tolias and O. Chum, "Fine-tuning CNN image
retrieval with no human annotation", 2018; here with their p = 3).

TensorFlow is needed once in a machine's life, to convert the network; a process of its own does that.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from simsearch import derived, program
from simsearch.backbones import Backbone, backbone, weights_path
from simsearch.errors import BackboneError, DerivedFileError, WriteError

# Everything that decides an embedding besides the weights; another way of doing any of it is another name.
PREPROCESSING = "letterbox-grey127-gem3-v1"
PRECISION = "int8"
_KIND = "network"
_redirecting = threading.Lock()


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


class Encoder(Protocol):
    """What turns pixels into embeddings; a library takes any object like this.

    Attributes
    ----------
    identity
        What an embedding of it must not be mixed with another's for.
    recipe
        Function ("module:name") and arguments by which another process makes the same encoder.
    input_size
        Width and height of the pictures it takes.
    dim
        Length of an embedding.
    """

    identity: EncoderIdentity
    recipe: tuple[str, list[str]]
    input_size: int
    dim: int

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Turn a picture into its embedding.

        Parameters
        ----------
        pixels
            (input_size, input_size, 3) uint8, RGB; see :func:`simsearch.pixels.letterbox`.

        Returns
        -------
        (dim,) float32 of length 1.

        Raises
        ------
        ValueError
            When it sees nothing in the picture.
        """

    def cells(self, pixels: np.ndarray) -> np.ndarray:
        """Return what it sees in each cell of a picture, before that is made into one embedding.

        Parameters
        ----------
        pixels
            As for :meth:`encode`.

        Returns
        -------
        (rows, columns, dim) float32, the rows from the top; of any scale, but one for the whole picture.
        """


class LiteRTEncoder:
    """A converted network ready to run, on one thread; an :class:`Encoder`.

    It may be shared by threads, which then take turns.
    """

    def __init__(self, model: bytes, identity: EncoderIdentity, recipe: tuple[str, list[str]]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.identity = identity
        self.recipe = recipe
        self._lock = threading.Lock()
        self._interpreter = Interpreter(model_content=model, num_threads=1)
        with _quiet():
            self._interpreter.allocate_tensors()
        source, result = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        self._input, self._output = source["index"], result["index"]
        self.input_size = int(source["shape"][1])
        self.dim = int(result["shape"][-1])
        self._zero_point = result["quantization"][1]

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Turn a picture into its embedding; see :meth:`Encoder.encode`."""
        features = self.cells(pixels).reshape(-1, self.dim)
        # The number of cells only scales the whole vector: its length is 1.
        pooled = np.cbrt(np.einsum("cf,cf,cf->f", features, features, features))
        length = np.linalg.norm(pooled)
        if not 0 < length < np.inf:
            raise ValueError("the network sees nothing in it")
        vector: np.ndarray = pooled / length
        return vector

    def cells(self, pixels: np.ndarray) -> np.ndarray:
        """Return what it sees in each cell of a picture; see :meth:`Encoder.cells`."""
        with self._lock:
            self._interpreter.set_tensor(self._input, pixels[None])
            self._interpreter.invoke()
            codes: np.ndarray = self._interpreter.get_tensor(self._output)[0]
        # Left in steps of the codes: how large one is scales the whole picture alike.
        features = codes.astype(np.float32)
        features -= self._zero_point
        return features


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


def open_encoder(name: str, *, say: Callable[[str], None] | None = None) -> LiteRTEncoder:
    """Load a backbone's encoder; build and keep it where this machine has none yet, or a damaged one.

    Parameters
    ----------
    say
        Called with a sentence before something that takes a while.

    Raises
    ------
    BackboneError
        When there is no such backbone, or it cannot be built.
    WriteError
        When it cannot be kept.
    """
    row, path = backbone(name), network_path(name)
    identity = EncoderIdentity(row.name, row.sha256)
    tell = say or (lambda sentence: None)
    try:
        encoder = load_encoder(path)
        if encoder.identity == identity:
            return encoder
        tell(f"{path}: holds {encoder.identity}; it is made anew.")
    except FileNotFoundError:
        pass
    except DerivedFileError as error:
        tell(f"{path}: {error.reason}; it is made anew.")
    tell(f"Preparing {name} (once, about 20 s): built in Keras, converted to LiteRT, kept in {path}.")
    _prepare(row, identity, path)
    return load_encoder(path)


def load_encoder(path: str | os.PathLike[str]) -> LiteRTEncoder:
    """Load an encoder from the file that :func:`open_encoder` keeps.

    Raises
    ------
    FileNotFoundError
        When there is none.
    DerivedFileError
        When it is damaged.
    """
    path = Path(path).absolute()
    header, model = derived.load(path, _KIND)
    try:
        identity = EncoderIdentity.from_json(json.dumps(header))
        return LiteRTEncoder(bytes(model), identity, ("simsearch.encoder:load_encoder", [str(path)]))
    except (RuntimeError, ValueError) as error:
        raise DerivedFileError(path, f"LiteRT cannot use it ({error})") from error


def network_path(name: str) -> Path:
    """Return where the converted network of a backbone is kept."""
    row = backbone(name)
    return cache_folder() / f"{row.name}-{PRECISION}-{row.sha256[:8]}-{PREPROCESSING}.network"


def cache_folder() -> Path:
    """Return the folder of the converted networks: $SIMSEARCH_CACHE, or the system's place for such files."""
    if chosen := os.environ.get("SIMSEARCH_CACHE"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("simsearch", appauthor=False)


def _prepare(row: Backbone, identity: EncoderIdentity, path: Path) -> None:
    try:
        derived.make_folder(path.parent)  # where this fails, better before the wait than after it
        derived.save(path, _KIND, identity._asdict(), _converted(row))
    except WriteError as error:
        remedy = f"{error.remedy}, or set SIMSEARCH_CACHE to another folder"
        raise WriteError(error.path, error.reason, remedy) from error


def _converted(row: Backbone) -> bytes:
    """Convert a backbone in a process of its own."""
    import subprocess

    weights_path(row)  # its errors tell more than a child's
    settings = {
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",  # the same network on every machine, with or without a GPU
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors
    }
    child = subprocess.run(
        program.command("efficientnet_lite", row.name),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=program.environment(**settings),
    )
    if child.returncode:
        last = (child.stderr.decode(errors="replace").strip() or "it said nothing").splitlines()[-1]
        reason = f"building it failed with exit code {child.returncode}: {last}"
        raise BackboneError(row.name, reason, "check that tensorflow can be imported, and try again")
    return child.stdout
