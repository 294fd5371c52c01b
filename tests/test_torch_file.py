import io
import os
import pickle
import struct
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest

from simsearch.torch_file import read_tensors

MAGIC, PROTOCOL, MACHINE = 0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class Storage:
    def __init__(self, torch_type, key, data):
        self.identity = ("storage", torch_type, key, "cpu", len(data), None)
        self.key, self.data = key, data


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        return thing.identity if isinstance(thing, Storage) else None


@pytest.fixture
def torch(monkeypatch):
    """As much of PyTorch as its files name."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage", "HalfStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("only ever named")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    torch._utils = utils  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


@pytest.fixture
def floats(torch):
    return Storage(torch.FloatStorage, "94", np.arange(24, dtype="<f4"))


@pytest.fixture
def write(tmp_path, torch):
    def write(tensors, storages=(), *, magic=MAGIC, protocol=PROTOCOL, machine=MACHINE, keys=None):
        buffer = io.BytesIO()
        keys = [storage.key for storage in storages] if keys is None else keys
        for part in (magic, protocol, machine, tensors, keys):
            Pickler(buffer, 2).dump(part)
        for storage in storages:
            buffer.write(struct.pack("<q", len(storage.data)) + storage.data.tobytes())
        path = tmp_path / "weights.pth"
        path.write_bytes(buffer.getvalue())
        return path

    return write


@pytest.fixture
def tensor(torch):
    def tensor(storage, offset, shape, strides):
        return Call(torch._utils._rebuild_tensor_v2, storage, offset, shape, strides, False, OrderedDict())

    return tensor


def test_offsets_and_strides_are_honoured(torch, write, tensor, floats):
    longs = Storage(torch.LongStorage, "7", np.array([5, 6], dtype="<i8"))
    plain, transposed = tensor(floats, 0, (4, 6), (6, 1)), tensor(floats, 0, (6, 4), (1, 6))
    tail, scalar = tensor(floats, 21, (3,), (1,)), tensor(longs, 1, (), ())
    tensors = OrderedDict(plain=plain, transposed=transposed, tail=tail, scalar=scalar)
    found = read_tensors(write(tensors, [longs, floats]))
    assert list(found) == list(tensors)
    expected = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(found["plain"], expected)
    np.testing.assert_array_equal(found["transposed"], expected.T)
    np.testing.assert_array_equal(found["tail"], [21, 22, 23])
    assert found["scalar"].shape == () and found["scalar"] == 6
    assert found["plain"].dtype == np.float32 and found["scalar"].dtype == np.int64
    assert all(array.flags.c_contiguous for array in found.values())


def test_state_beside_the_tensors_is_left_alone(write, tensor, floats):
    tensors = OrderedDict(a=tensor(floats, 0, (2,), (1,)))
    tensors._metadata = OrderedDict(version=1)  # type: ignore[attr-defined]
    assert list(read_tensors(write(tensors, [floats]))) == ["a"]


@pytest.mark.parametrize("place", ["magic", "machine", "tensors", "keys"])
def test_no_other_function_is_called(write, tmp_path, place):
    folder = tmp_path / "made by a pickle"
    parts = {"tensors": {}, place: Call(os.mkdir, str(folder))}
    with pytest.raises(ValueError, match=r"it asks for \w+.mkdir, which no file of tensors needs"):
        read_tensors(write(parts.pop("tensors"), **parts))
    assert not folder.exists()


@pytest.mark.parametrize("function", [os.system, eval, getattr, pickle.loads, np.load, dict])
def test_neither_are_the_usual_suspects(write, function):
    with pytest.raises(ValueError, match="it asks for"):
        read_tensors(write({"a": Call(function, "x")}))


def test_another_type_of_storage_is_refused(torch, write, tensor):
    halves = Storage(torch.HalfStorage, "1", np.zeros(4, "<f2"))
    with pytest.raises(ValueError, match="it asks for torch.HalfStorage"):
        read_tensors(write({"a": tensor(halves, 0, (4,), (1,))}, [halves]))


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (25,), (1,)),
        (1, (24,), (1,)),
        (24, (), ()),
        (0, (4, 6), (7, 1)),
        (0, (2,), (2**62,)),
        (2**70, (1,), (1,)),
        (0, (1 << 40, 1 << 40), (0, 0)),  # terabytes out of one element
        (-1, (2,), (1,)),
        (5, (2,), (-1,)),
        (0, (-1,), (1,)),
        (0, (0,), (1,)),
        (0, (2, 3), (1,)),
        (0, (2.0,), (1,)),
        (0, [2], (1,)),
        (None, (2,), (1,)),
    ],
)
def test_a_tensor_stays_within_its_storage(write, tensor, floats, offset, shape, strides):
    with pytest.raises(ValueError, match="a tensor"):
        read_tensors(write({"a": tensor(floats, offset, shape, strides)}, [floats]))


def test_truncated_anywhere(write, tensor, floats):
    path = write({"a": tensor(floats, 0, (2,), (1,))}, [floats])
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError):
            read_tensors(path)


def test_a_storage_that_claims_more_than_the_file_has(write, tensor, floats):
    path = write({"a": tensor(floats, 0, (2,), (1,))}, [floats])
    whole = path.read_bytes()
    path.write_bytes(whole[: -8 - floats.data.nbytes] + b"\xff" * 8 + floats.data.tobytes())
    with pytest.raises(ValueError, match="truncated"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"magic": 1}, "magic number"),
        ({"protocol": 1002}, "protocol 1002"),
        ({"machine": {"little_endian": False}}, "little-endian"),
        ({"machine": None}, "little-endian"),
        ({"tensors": [1]}, "something else"),
        ({"tensors": {"a": 1}}, "something else"),
        ({"keys": ["1"]}, "belong together"),
        ({"keys": ["94", "94"]}, "belong together"),
        ({"keys": None}, "belong together"),
    ],
)
def test_what_is_no_such_file_is_refused(write, tensor, floats, parts, reason):
    parts = {"tensors": {"a": tensor(floats, 0, (2,), (1,))}, **parts}
    if "keys" in parts and parts["keys"] is None:
        parts["keys"] = 7
    with pytest.raises(ValueError, match=reason):
        read_tensors(write(parts.pop("tensors"), [floats], **parts))


@pytest.mark.parametrize("identity", ["94", ("storage",), ("storage", "x", "94"), 7])
def test_a_storage_without_type_or_name_is_refused(write, tensor, floats, identity):
    floats.identity = identity
    with pytest.raises(ValueError, match="cannot be read"):
        read_tensors(write({"a": tensor(floats, 0, (2,), (1,))}, [floats]))


def test_two_types_for_one_storage_are_refused(torch, write, tensor, floats):
    longs = Storage(torch.LongStorage, "94", floats.data)
    tensors = {"a": tensor(floats, 0, (2,), (1,)), "b": tensor(longs, 0, (2,), (1,))}
    with pytest.raises(ValueError, match="belong together"):
        read_tensors(write(tensors, [floats]))


def test_a_file_that_is_missing_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none")
