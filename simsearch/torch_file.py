"""Read PyTorch's old file format (``torch.save`` before 1.6) without PyTorch, and without running its code.

The file is five pickles (magic number, protocol, facts about the machine, the tensors, the names of their
storages) and then the storages: of each the number of elements, and the elements as they lay in memory.
A tensor is a view of a storage: offset, shape and strides, all counted in elements.

A pickle can run any function it names. This reader lets it name the few that such a file needs. It can
still ask for much memory, so a file from nowhere is not for it.
"""

from __future__ import annotations

import math
import os
import pickle
from collections import OrderedDict
from typing import IO, Any, NamedTuple

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read all tensors of a file.

    Returns
    -------
    By name, contiguous, float32 or int64.

    Raises
    ------
    ValueError
        When this is no such file, when it is damaged, or when it asks for anything but tensors.
    """
    with open(path, "rb") as file:
        if _unpickle(file) != _MAGIC_NUMBER:
            raise ValueError("not a PyTorch file of the old format: the magic number is wrong")
        if (protocol := _unpickle(file)) != _PROTOCOL:
            raise ValueError(f"has protocol {protocol}, where {_PROTOCOL} was expected")
        machine = _unpickle(file)
        if not isinstance(machine, dict) or machine.get("little_endian") is not True:
            raise ValueError("was not written on a little-endian machine")
        tensors, keys = _unpickle(file), _unpickle(file)
        if not isinstance(tensors, dict) or not all(isinstance(item, _Tensor) for item in tensors.values()):
            raise ValueError("holds something else than tensors by name")
        storages = _read_storages(file, keys, {tensor.storage for tensor in tensors.values()})
    return {str(name): _view(tensor, storages) for name, tensor in tensors.items()}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return name
        raise ValueError(f"it asks for {module}.{name}, which no file of tensors needs")

    def persistent_load(self, identity: Any) -> _Storage:
        _, kind, key, *_ = identity
        if kind not in _STORAGES or not isinstance(key, str):
            raise ValueError("a storage has no type or no name")
        return _Storage(key, _STORAGES[kind])


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: object) -> _Tensor:
    """Stand in for torch's function of that place; the arguments left out are for training."""
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise ValueError("a tensor is not described as one")
    if not all(isinstance(number, int) for number in (offset, *shape, *strides)):
        raise ValueError("a tensor's offset, shape and strides are not whole numbers")
    return _Tensor(storage, offset, shape, strides)


def _unpickle(file: IO[bytes]) -> Any:
    try:
        return _Unpickler(file).load()
    except Exception as error:  # a damaged pickle can raise anything
        raise ValueError(f"cannot be read: {error}") from error


def _read_storages(file: IO[bytes], keys: Any, wanted: set[_Storage]) -> dict[_Storage, np.ndarray]:
    """Read the storages, which follow one another in the order of ``keys``.

    Returns
    -------
    Each as an array (elements,).
    """
    by_key = {storage.key: storage for storage in wanted}
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(by_key) or len(by_key) != len(wanted):
        raise ValueError("its tensors and its storages do not belong together")
    storages = {}
    for key in keys:
        storage = by_key[str(key)]
        size = int.from_bytes(file.read(8), "little") * storage.dtype.itemsize
        if size > os.fstat(file.fileno()).st_size - file.tell():
            raise ValueError("truncated: it ends within a storage")
        storages[storage] = np.frombuffer(file.read(size), storage.dtype)
    return storages


def _view(tensor: _Tensor, storages: dict[_Storage, np.ndarray]) -> np.ndarray:
    """Return a tensor's elements, having made sure that they lie within its storage."""
    storage = storages[tensor.storage]
    _, offset, shape, strides = tensor
    if len(shape) != len(strides) or min((offset, *strides)) < 0 or min(shape, default=1) < 1:
        raise ValueError(f"a tensor has shape {shape}, strides {strides} and offset {offset}")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    # The count matters too: with strides of 0 a few bytes could pretend to be terabytes.
    if last >= storage.size or math.prod(shape) > storage.size:
        raise ValueError(f"a tensor reaches to element {last} of a storage that has {storage.size}")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
