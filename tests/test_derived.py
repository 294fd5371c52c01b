import errno
import json
import os
import struct
import time
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsearch import derived
from simsearch.errors import DerivedFileError, WriteError

HEADER = {"dim": 3, "seed": None, "name": "Käse"}
PAYLOAD = bytes(range(200))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "thing.derived"
    derived.save(path, "thing", HEADER, PAYLOAD)
    return path


def load(path, kind="thing"):
    header, payload = derived.load(path, kind)
    return header, bytes(payload)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def file_of(entries, *, version=derived.VERSION):
    """A file with correct checksums around an arbitrary JSON text."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<8sIII", b"SIMSDERV", version, len(text), zlib.crc32(text)) + text


@given(st.dictionaries(st.text(), json_values, max_size=5), st.binary(max_size=300), st.text(min_size=1))
def test_what_is_saved_is_loaded(header, payload, kind):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "thing"
        derived.save(path, kind, header, payload)
        assert load(path, kind) == (header, payload)
        assert names(path.parent) == ["thing"]
        assert path.read_bytes().endswith(payload)
        assert (path.stat().st_size - len(payload)) % 64 == 0


def test_an_array_is_saved_from_its_memory_and_used_where_it_lies(tmp_path):
    array = np.arange(12, dtype="<f4").reshape(3, 4)
    derived.save(tmp_path / "array", "array", {}, array.data)
    _, payload = derived.load(tmp_path / "array", "array")
    assert payload.readonly
    loaded = np.frombuffer(payload, "<f4").reshape(3, 4)
    assert loaded.flags.aligned
    np.testing.assert_array_equal(loaded, array)


def test_saving_again_replaces(saved):
    held = derived.load(saved, "thing")[1]
    derived.save(saved, "thing", {"dim": 4}, b"new")
    assert load(saved) == ({"dim": 4}, b"new")
    assert held == PAYLOAD  # whoever had it open still has the old one


def test_truncated_anywhere(saved):
    whole = saved.read_bytes()
    for size in range(len(whole)):
        saved.write_bytes(whole[:size])
        with pytest.raises(DerivedFileError):
            derived.load(saved, "thing")


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_garbled_anywhere(saved, flip):
    whole = saved.read_bytes()
    for position in range(len(whole)):
        garbled = bytearray(whole)
        garbled[position] ^= flip
        saved.write_bytes(garbled)
        with pytest.raises(DerivedFileError):
            derived.load(saved, "thing")


@given(st.binary(max_size=400))
def test_anything_else_is_refused(content):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "thing"
        for start in (b"", b"SIMSDERV", b"SIMSDERV" + struct.pack("<I", derived.VERSION)):
            path.write_bytes(start + content)
            with pytest.raises(DerivedFileError):
                derived.load(path, "thing")


GOOD = {"kind": "thing", "header": {}, "payload_size": 0, "payload_crc32": 0}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "too short, 0 bytes"),
        (b"SQLite format 3\0" + bytes(100), "not one of simsearch's files"),
        (file_of(GOOD, version=2), "newer simsearch .format 2; this one reads 1."),
        (file_of(GOOD, version=0), "format 0, where 1 was expected"),
        (file_of({**GOOD, "kind": "index"}), "holds 'index', where 'thing' was expected"),
        (file_of(GOOD) + b"more", "holds 4 bytes of data, where its header says 0"),
        (file_of({**GOOD, "payload_crc32": 1}), "checksum of its data"),
        (file_of(b"not JSON"), "not JSON"),
        (file_of(b"\xff\xfe\xff"), "not JSON"),
        (file_of([1, 2]), "lacks something"),
        (file_of({"kind": "thing"}), "lacks something"),
        (file_of({**GOOD, "header": 7}), "lacks something"),
    ],
)
def test_the_reason_names_what_was_found(tmp_path, content, reason):
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(DerivedFileError, match=reason) as caught:
        derived.load(path, "thing")
    assert caught.value.path == path
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        derived.load(tmp_path / "none", "thing")


def test_a_folder_of_that_name(tmp_path):
    with pytest.raises(DerivedFileError, match="cannot be read"):
        derived.load(tmp_path, "thing")
    with pytest.raises(WriteError):
        derived.save(tmp_path, "thing", {}, b"")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "reason", "remedy"),
    [(errno.ENOSPC, "no space", "free some space"), (errno.EROFS, "read-only", "make the folder writable")],
)
def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(saved, monkeypatch, code, reason, remedy):
    def fail(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WriteError, match=reason) as caught:
        derived.save(saved, "thing", {}, b"new")
    assert caught.value.remedy == remedy
    assert caught.value.path == saved
    assert load(saved) == (HEADER, PAYLOAD)
    assert names(saved.parent) == [saved.name]


def test_an_interrupted_write_leaves_nothing(saved, monkeypatch):
    def interrupt(*names):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        derived.save(saved, "thing", {}, b"new")
    assert load(saved) == (HEADER, PAYLOAD)
    assert names(saved.parent) == [saved.name]


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    def fail(folder):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(derived, "_sync_folder", fail)
    derived.save(tmp_path / "thing", "thing", {}, b"new")
    assert load(tmp_path / "thing") == ({}, b"new")


def test_a_file_where_the_folder_should_be(saved):
    with pytest.raises(WriteError, match="cannot be written"):
        derived.save(saved / "thing", "thing", {}, b"")


def test_a_folder_without_permission(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(WriteError, match="permission denied"):
        derived.save(folder / "thing", "thing", {}, b"")


def test_a_folder_that_says_it_is_not_writable(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(WriteError, match="permission denied.*make the folder writable"):
        derived.save(tmp_path / "thing", "thing", {}, b"")
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_removed_later(saved):
    old = saved.with_name(f".{saved.name}.abcdef.unfinished")
    recent = saved.with_name(f".{saved.name}.012345.unfinished")
    slow = saved.with_name(f".{saved.name}.67890.unfinished")
    other = saved.with_name(".another.abcdef.unfinished")
    for path in (old, recent, slow, other):
        path.write_bytes(b"half")
    for path in (old, slow, other):
        os.utime(path, (time.time() - 60,) * 2)
    with slow.open("rb") as writing:
        assert derived._lock(writing)
        derived.save(saved, "thing", {}, b"")
    assert names(saved.parent) == sorted([saved.name, recent.name, slow.name, other.name])
