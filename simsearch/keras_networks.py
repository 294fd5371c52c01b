"""Build the networks of ``keras.applications`` with the weights that Keras publishes, or a file like those.

Each takes RGB from 0 to 255: what its family does to pixels first is part of the network.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from simsearch.backbones import Backbone, keras_folders
from simsearch.errors import BackboneError

if TYPE_CHECKING:
    import h5py
    import keras

_STDDEV = (0.229, 0.224, 0.225)  # of ImageNet's red, green and blue, as Keras has them
_HDF5 = b"\x89HDF\r\n\x1a\n"
Shapes = list[tuple[str, list[tuple[int, ...]]]]  # of the layers that have weights, in order


def build(row: Backbone, batch_size: int | None = None, top: bool = False) -> keras.Model:
    """Build a network, its weights random.

    Parameters
    ----------
    top
        Whether with its classifier, in place of ending in its last map.

    Returns
    -------
    A model from (batch_size, input_size, input_size, 3) float32, RGB from 0 to 255.
    """
    import keras

    image = keras.Input((row.input_size, row.input_size, 3), batch_size=batch_size)
    scaled = getattr(keras.applications, row.family).preprocess_input(image)
    made = getattr(keras.applications, row.name)
    if top:  # only to read weights
        return made(weights=None, input_shape=(row.input_size, row.input_size, 3))
    return made(weights=None, include_top=False, input_tensor=scaled)


def load_weights(row: Backbone, model: keras.Model, path: Path) -> None:
    """Give a network the weights in a file: as Keras publishes them, with or without a top, or Keras 3's.

    Raises
    ------
    BackboneError
        When the file is damaged, or of another network.
    """
    with _opened(row, path) as file:
        group = file.get("model_weights", file)
        legacy = "layer_names" in group.attrs
        found = _shapes_in(group) if legacy else []
        if not legacy and "layers" not in file and "_layer_checkpoint_dependencies" not in file:
            raise _wrong(row, path, "an HDF5 file, but not one of a network's weights")
    expected = _shapes_of(model)
    source = model
    if legacy and _forms(found[: len(expected)]) == _forms(expected) and len(found) > len(expected):
        source = build(row, top=True)
    elif legacy and _forms(found) != _forms(expected):
        raise _wrong(row, path, _difference(row, found, expected))
    elif not legacy and not path.name.endswith(".weights.h5"):
        remedy = f"rename it to {path.name.split('.')[0]}.weights.h5"
        raise BackboneError(row.name, f"{path} is of Keras 3, which knows such files by their name", remedy)
    try:
        source.load_weights(path)
        if source is not model:
            _copy(source, model)
    except (KeyError, OSError, ValueError) as error:
        raise _wrong(row, path, f"not for this network ({_first_line(error)})") from error
    _scale_as_published(row, model)
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise _wrong(row, path, "damaged: some of its weights are no numbers")


@contextlib.contextmanager
def _opened(row: Backbone, path: Path) -> Iterator[h5py.File]:
    import h5py

    try:
        with open(path, "rb") as raw:
            ours = raw.read(len(_HDF5)) == _HDF5
        with h5py.File(path) as file:
            yield file
    except OSError as error:
        what = "damaged or not complete" if ours else "not an HDF5 file"
        raise _wrong(row, path, f"{what} ({path.stat().st_size:,} bytes)") from error


def _wrong(row: Backbone, path: Path, what: str) -> BackboneError:
    if path.parent in keras_folders():
        remedy = f"delete it and try again, or fetch {row.url} on another machine and put it there"
    else:
        remedy = f"fetch {row.url} and give that, or another file for {row.name}"
    return BackboneError(row.name, f"{path} is {what}", remedy)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _shapes_in(group: h5py.Group) -> Shapes:
    """Return what a file in the format of Keras 1 and 2 holds."""

    def names(of: h5py.Group, kind: str) -> list[str]:
        parts = [of.attrs[kind]] if kind in of.attrs else []
        while f"{kind}{len(parts)}" in of.attrs:  # too long for one attribute
            parts.append(of.attrs[f"{kind}{len(parts)}"])
        return [name if isinstance(name, str) else name.decode() for part in parts for name in part]

    layers = [
        (name, [group[name][weight].shape for weight in names(group[name], "weight_names")])
        for name in names(group, "layer_names")
    ]
    return [(name, shapes) for name, shapes in layers if shapes]


def _weighted(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if layer.weights]


def _shapes_of(model: keras.Model) -> Shapes:
    return [(layer.name, [tuple(each.shape) for each in layer.weights]) for layer in _weighted(model)]


def _forms(layers: Shapes) -> list[list[tuple[int, ...]]]:
    """Return the shapes without names, in no order within a layer: versions of Keras differ in both."""
    return [sorted(shapes) for _, shapes in layers]


def _difference(row: Backbone, found: Shapes, expected: Shapes) -> str:
    """Say how a file differs from what was expected: a part is missing, or it is another network's."""
    names = {name for name, _ in found}
    lacking = [name for name, _ in expected if name not in names]
    if len(found) < len(expected) and lacking and len(expected) - len(lacking) == len(found):
        told = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        return f"not complete: the weights of {told} are missing"
    for (name, one), (other, shapes) in zip(found, expected, strict=False):
        if sorted(one) != sorted(shapes):
            if name == other and len(one) < len(shapes):
                return f"not complete: of {name} there are {len(one)} of {len(shapes)} weights"
            ours = f"{other} of {row.name} has {_told(shapes)}"
            return f"of another network: its {name} holds {_told(one)}, where {ours}"
    return (
        f"of another network: it holds {len(found)} layers with weights, where {row.name} has {len(expected)}"
    )


def _told(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join("x".join(map(str, shape)) or "1" for shape in shapes[:2])


def _copy(source: keras.Model, model: keras.Model) -> None:
    """Give a network the weights that one with a classifier has, which comes behind the rest."""
    for theirs, ours in zip(_weighted(source), _weighted(model), strict=False):
        ours.set_weights(theirs.get_weights())
        if hasattr(ours, "finalize_state"):
            ours.finalize_state()


def _scale_as_published(row: Backbone, model: keras.Model) -> None:
    """Do what Keras does in EfficientNet B0 to B7 only where it fetches the weights itself.

    It divides the normalised pixels by the square roots of ImageNet's standard deviations, as the weights
    were trained (https://github.com/tensorflow/tensorflow/issues/49930). That is a normalisation by another
    variance.
    """
    import keras

    if row.family != "efficientnet":
        return
    [layer] = [layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)]
    mean, variance, count = layer.get_weights()
    layer.set_weights([mean, variance * np.array(_STDDEV, variance.dtype), count])
    layer.finalize_state()


def fetch(row: Backbone, terminal: IO[str]) -> Path:
    """Return the published weights' file, fetched by Keras where it is not there.

    Parameters
    ----------
    terminal
        Gets Keras' progress bar.

    Raises
    ------
    BackboneError
        When it cannot be had, or is not the one that Keras expects.
    """
    import keras

    place = keras_folders()[0] / row.file
    damaged = place.is_file() and not is_published(row, place)
    try:
        with contextlib.redirect_stdout(terminal):
            kept = keras.utils.get_file(
                row.file, origin=row.url, file_hash=row.hash or None, cache_subdir="models"
            )
    except Exception as error:  # Keras raises the class itself
        elsewhere = (
            f"fetch {row.url} on another machine and put it at {place}, or name it with --weights FILE"
        )
        if "corrupted" in str(error):
            with contextlib.suppress(OSError):
                place.unlink()
            reason = f"what came from {row.url} is not what Keras published: its hash is another"
            raise BackboneError(row.name, reason, f"try again, or {elsewhere}") from error
        if damaged:
            reason = f"{place} is damaged or not complete, and could not be fetched again ({_why(error)})"
            raise BackboneError(row.name, reason, elsewhere) from error
        reason = f"its weights could not be fetched ({_why(error)})"
        raise BackboneError(row.name, reason, elsewhere) from error
    return Path(kept)


def _why(error: Exception) -> str:
    """Return what the system said: Keras puts it behind the address and a number."""
    return _first_line(error).rpartition(" -- ")[2]


def is_published(row: Backbone, path: Path) -> bool:
    """Whether a file is the one that Keras publishes; where it publishes no hash, nobody can tell."""
    if not row.hash:
        return False
    with open(path, "rb") as file:
        kind = "md5" if len(row.hash) == 32 else "sha256"
        return hashlib.file_digest(file, kind).hexdigest() == row.hash
