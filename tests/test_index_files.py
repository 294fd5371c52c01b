"""Indexes as files. ``python -m tests.test_index_files`` writes the golden ones."""

import errno
import mmap
import os
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simsearch import derived
from simsearch.errors import DerivedFileError, WriteError
from simsearch.index import files
from simsearch.index.exact import ExactIndex
from simsearch.index.faiss_index import FaissIndex
from simsearch.index.files import Origin
from simsearch.index.local import LocalIndex
from simsearch.index.lsh import LshIndex
from simsearch.index.tuning import Settings
from tests.test_index import MAKERS, ORIGIN, drawn, every_engine, filled

ENGINES: dict[str, type[LocalIndex]] = {"exact": ExactIndex, "faiss": FaissIndex, "lsh": LshIndex}
every_kind = pytest.mark.parametrize("engine", ENGINES)

# Written by the version that brought index format 1. A later version must read them or refuse them as of
# another format: they are only ever rewritten together with a new name, index-2, for a new files.FORMAT,
# and then these stay to show that the old format is refused in words.
GOLDEN = Path(__file__).parent / "data"
GOLDEN_ORIGIN = Origin("golden", '{"backbone": "toy"}', 7)
GOLDEN_QUERY = np.array([[0.5, -0.25, 0.125, 0.5, -0.5, 0.25, 0.25, 0.125]], dtype=np.float32)
GOLDEN_NEAREST = [85, 4, 16, 106, 1, 94]
GOLDEN_SCORES = [0.5538683, 0.49352127, 0.4090309, 0.38046816, 0.25149143, 0.25042638]


def golden_index(engine):
    makers = {
        "exact": lambda: ExactIndex(8),
        "faiss": lambda: FaissIndex(8),
        "lsh": lambda: LshIndex(8, Settings(bits=3, tables=4, probes=32), seed=1),
    }
    index = makers[engine]()
    index.add(3 * np.arange(50) + 1, drawn(50, seed=2024))
    return index


def write_golden_files():
    for engine in ENGINES:
        golden_index(engine).save(GOLDEN / f"index-1.{engine}", GOLDEN_ORIGIN)
        print(engine, *golden_index(engine).search(GOLDEN_QUERY, 6))


@pytest.fixture(autouse=True)
def _vectors_are_put_into_buckets(monkeypatch):
    monkeypatch.setattr("simsearch.index.tables._RECENT", 10)


def load(path, origin=ORIGIN, engine=None):
    return ENGINES[engine or path.name].load(path, origin)[0]


@pytest.fixture
def saved(tmp_path):
    """Files of 60 vectors, by the names of their engines."""
    for name, engine in {"exact": "exact", "faiss": "faiss-rabitq", "lsh": "lsh"}.items():
        filled(engine, range(60), drawn(60)).save(tmp_path / name, ORIGIN)
    return tmp_path


def assert_same(index, other, k=70):
    assert (len(index), index.dim, index.engine) == (len(other), other.dim, other.engine)
    queries = drawn(4, seed=99, dim=index.dim)
    for array, expected in zip(index.search(queries, k), other.search(queries, k), strict=True):
        np.testing.assert_array_equal(array, expected)


def assert_refused(path, reason=None, origin=ORIGIN):
    with pytest.raises(DerivedFileError, match=reason) as caught:
        load(path, origin)
    assert caught.value.path == path
    assert str(path) in str(caught.value)


def forge(path, change):
    """Write the file again, with a header that was tampered with and right checksums."""
    header, payload = derived.load(path, f"{path.name} index")
    change(header)
    derived.save(path, f"{path.name} index", header, bytes(payload))


# Golden files


@every_kind
def test_files_of_earlier_versions_are_read_and_answer_as_they_did(engine):
    index, generation = ENGINES[engine].load(GOLDEN / f"index-1.{engine}", GOLDEN_ORIGIN)
    assert (len(index), index.dim, index.worn, generation) == (50, 8, False, 7)
    ids, scores = index.search(GOLDEN_QUERY, 6)
    assert ids.tolist() == [GOLDEN_NEAREST]
    assert scores[0] == pytest.approx(GOLDEN_SCORES, abs=1e-6)
    assert sorted(index.search(GOLDEN_QUERY, 50)[0][0].tolist()) == list(range(1, 151, 3))
    index.remove(np.array(GOLDEN_NEAREST[:1]))
    index.add(np.array([0]), GOLDEN_QUERY)
    assert index.search(GOLDEN_QUERY, 3)[0].tolist() == [[0, *GOLDEN_NEAREST[1:3]]]


def test_golden_files_are_of_this_format():
    assert files.FORMAT == 1, "a new format needs new golden files, under a new name"


# Round trips


@every_engine
@pytest.mark.parametrize("count", [1, 20, 600])
def test_what_is_saved_is_loaded(engine, count, tmp_path):
    index = filled(engine, np.random.default_rng(0).permutation(1_000)[:count], drawn(count))
    assert_same(index, index)
    index.save(tmp_path / "new" / "folder" / "index", ORIGIN)
    loaded, generation = type(index).load(tmp_path / "new" / "folder" / "index", ORIGIN)
    assert generation == ORIGIN.generation
    assert_same(loaded, index, 700)
    assert str(loaded) == str(index)
    np.testing.assert_allclose(loaded.scanned(drawn(5)), index.scanned(drawn(5)))


@every_engine
def test_a_loaded_index_goes_on_as_the_one_that_was_saved(engine, tmp_path):
    index = filled(engine, range(100), drawn(100))
    index.save(tmp_path / "index", ORIGIN)
    loaded = load(tmp_path / "index", engine=index.engine)
    for each in (index, loaded):
        each.remove(np.arange(20, 40))
        each.add(np.arange(500, 300, -1), drawn(200, seed=1))
        each.add(np.array([30]), drawn(1, seed=2))
    assert_same(loaded, index, 300)
    assert_same(loaded.rebuilt(), index, 300)
    loaded.save(tmp_path / "index", ORIGIN)  # over the file that it is mapped from
    assert_same(load(tmp_path / "index", engine=index.engine), index, 300)
    assert_same(loaded, index, 300)


@every_engine
@pytest.mark.parametrize("removed", [False, True])
def test_an_empty_index_is_saved_and_loaded(engine, removed, tmp_path):
    index = MAKERS[engine]()
    if removed:
        index.add(np.arange(30), drawn(30))
        index.search(drawn(1), 1)
        index.remove(np.arange(30))
    index.save(tmp_path / "index", ORIGIN)
    loaded = load(tmp_path / "index", engine=index.engine)
    assert (len(loaded), loaded.dim) == (0, 8)
    assert (loaded.search(drawn(1), 3)[0] == -1).all()
    loaded.add(np.arange(30), drawn(30))
    assert loaded.search(drawn(30), 1)[0][:, 0].tolist() == list(range(30))


@every_engine
def test_nothing_can_be_added_to_a_loaded_index(engine, tmp_path):
    index = filled(engine, range(60), drawn(60))
    index.save(tmp_path / "index", ORIGIN)
    loaded = load(tmp_path / "index", engine=index.engine)
    loaded.add(np.empty(0, dtype=np.int64), np.empty((0, 8), dtype=np.float32))
    assert_same(loaded, index)


@every_engine
def test_a_saved_index_has_no_gaps(engine, tmp_path):
    index = filled(engine, range(400, 0, -1), drawn(400))
    index.save(tmp_path / "whole", ORIGIN)
    index.remove(np.arange(1, 301))
    index.save(tmp_path / "index", ORIGIN)
    loaded = load(tmp_path / "index", engine=index.engine)
    assert (len(loaded), loaded.worn, index.worn) == (100, False, True)
    assert (tmp_path / "index").stat().st_size < (tmp_path / "whole").stat().st_size
    assert loaded.nbytes < index.nbytes
    assert_same(loaded, index, 120)
    with pytest.raises(ValueError, match="id 300 is not in the index"):
        loaded.remove(np.array([300]))


@every_engine
def test_a_loaded_index_is_not_worn_if_the_saved_one_was_not(engine, tmp_path):
    index = filled(engine, range(60), drawn(60))
    index.save(tmp_path / "index", ORIGIN)
    loaded = load(tmp_path / "index", engine=index.engine)
    assert not index.worn
    assert not loaded.worn
    assert str(loaded.rebuilt()) == str(index)


@pytest.mark.parametrize("seed", [3, 4])
def test_hyperplanes_are_those_of_the_file_and_the_seed_is_kept(seed, tmp_path):
    index = LshIndex(8, Settings(4, 6, 12, 2), seed=seed)
    index.add(np.arange(60), drawn(60))
    index.save(tmp_path / "lsh", ORIGIN)
    loaded = load(tmp_path / "lsh")
    np.testing.assert_array_equal(loaded.hyperplanes.normals, index.hyperplanes.normals)
    np.testing.assert_array_equal(loaded.hyperplanes.center, index.hyperplanes.center)
    np.testing.assert_array_equal(loaded.rebuilt().hyperplanes.normals, index.hyperplanes.normals)
    assert loaded.settings == index.settings == Settings(4, 6, 12, 2)


@every_kind
def test_arrays_are_used_where_they_lie_in_the_file(engine, saved):
    """Two processes then share the memory, and what is not read is never loaded."""
    stored = files.load(saved / engine, engine, ORIGIN)
    assert {"ids", "kept", "scales"} <= set(stored.arrays)
    for name, array in stored.arrays.items():
        assert not array.flags.writeable and not array.flags.owndata, name
        assert array.flags.aligned, name
        if array.size:
            assert array.__array_interface__["data"][0] % 64 == 0, name
        base = array
        while isinstance(base, np.ndarray) and base.base is not None:
            base = base.base
        assert isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap), name
    index = load(saved / engine)
    (vectors,) = index._rows._kept.parts()
    assert not vectors.flags.writeable
    while isinstance(vectors.base, np.ndarray):
        vectors = vectors.base
    assert isinstance(vectors.base, memoryview) and isinstance(vectors.base.obj, mmap.mmap)


def test_two_indexes_on_one_file_share_its_memory_and_not_their_changes(saved):
    one, other = load(saved / "exact"), load(saved / "exact")
    one.remove(np.arange(10))
    one.add(np.array([5]), drawn(1, seed=5))
    assert_same(other, filled("exact", range(60), drawn(60)))
    assert_same(load(saved / "exact"), other)


@every_kind
def test_a_replaced_file_does_not_change_an_index_that_is_open(engine, saved):
    index = load(saved / engine)
    makers = {"faiss": "faiss-rabitq"}
    filled(makers.get(engine, engine), range(5), drawn(5, seed=1)).save(saved / engine, ORIGIN)
    assert_same(index, filled(makers.get(engine, engine), range(60), drawn(60)))
    assert len(load(saved / engine)) == 5


# Damaged files


@every_kind
def test_a_file_truncated_anywhere_is_refused(engine, saved):
    path = saved / engine
    whole = path.read_bytes()
    for size in {*range(0, len(whole), 97), len(whole) - 1}:
        path.write_bytes(whole[:size])
        assert_refused(path)


@every_kind
@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_a_file_with_a_wrong_byte_anywhere_is_refused(engine, flip, saved):
    path = saved / engine
    whole = path.read_bytes()
    for position in {*range(64), *range(0, len(whole), 61), len(whole) - 1}:
        garbled = bytearray(whole)
        garbled[position] ^= flip
        path.write_bytes(garbled)
        assert_refused(path)


@every_kind
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "too short, 0 bytes"),
        (b"garbage" * 500, "starts with b'garbageg', not b'SIMSDERV'"),
        (b"SQLite format 3\0" + bytes(5_000), "not b'SIMSDERV'"),
        (np.random.default_rng(0).bytes(5_000), "not b'SIMSDERV'"),
    ],
)
def test_another_file_is_refused(engine, content, reason, saved):
    (saved / engine).write_bytes(content)
    assert_refused(saved / engine, reason)


@every_kind
def test_a_missing_file_is_missing(engine, tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / engine)


# Files made for something else


@pytest.mark.parametrize(("engine", "other"), [*pairwise(ENGINES), ("lsh", "exact")])
def test_another_engines_file_is_refused(engine, other, saved):
    (saved / other).rename(saved / engine)
    assert_refused(saved / engine, f"holds '{other} index', where '{engine} index' was expected")


@every_kind
def test_another_kind_of_file_is_refused(engine, tmp_path):
    derived.save(tmp_path / engine, "network", {"format": 1}, b"")
    assert_refused(tmp_path / engine, f"holds 'network', where '{engine} index' was expected")


@every_kind
def test_a_newer_container_is_refused(engine, saved):
    path = saved / engine
    whole = bytearray(path.read_bytes())
    whole[8:12] = struct.pack("<I", derived.VERSION + 1)
    path.write_bytes(whole)
    assert_refused(path, f"format {derived.VERSION + 1}; this one reads {derived.VERSION}.*upgrade simsearch")


@every_kind
@pytest.mark.parametrize("version", [0, files.FORMAT + 1, "one", None])
def test_another_index_format_is_refused(engine, version, saved):
    forge(saved / engine, lambda header: header.update(format=version))
    assert_refused(saved / engine, f"index format {version}, where {files.FORMAT} was expected; upgrade")


@every_kind
@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (ORIGIN._replace(library="other"), "made for library library, not for other"),
        (ORIGIN._replace(encoder="other"), "made with encoder encoder, not with other"),
        (ORIGIN._replace(generation=2), "from generation 3 of a library that is at 2"),
    ],
)
def test_a_file_made_from_something_else_is_refused(engine, expected, reason, saved):
    assert_refused(saved / engine, reason, expected)


@every_kind
def test_a_file_of_an_earlier_generation_says_so(engine, saved):
    index, generation = ENGINES[engine].load(saved / engine, ORIGIN._replace(generation=9))
    assert (len(index), generation) == (60, 3)


# Files with right checksums that make no sense


def without(*keys):
    def change(header):
        *path, last = keys
        for key in path:
            header = header[key]
        del header[last]

    return change


def put(*keys, value):
    def change(header):
        *path, last = keys
        for key in path:
            header = header[key]
        header[last] = value

    return change


NONSENSE = {
    "no library": without("library"),
    "no arrays": without("arrays"),
    "no ids": without("arrays", "ids"),
    "no vectors": without("arrays", "kept"),
    "no parameters": without("parameters"),
    "a generation in words": put("generation", value="three"),
    "an array of objects": put("arrays", "kept", "dtype", value="|O"),
    "an array of nothing known": put("arrays", "kept", "dtype", value="nonsense"),
    "another precision": put("arrays", "kept", "dtype", value="<f8"),
    "an array beyond the end": put("arrays", "kept", "at", value=10**9),
    "an array too large": put("arrays", "kept", "shape", value=[10**9, 8]),
    "an array of one dimension": put("arrays", "kept", "shape", value=[480]),
    "parameters that are a list": put("parameters", value=[1]),
}
UNNOTICED = {
    "arrays in a list": put("arrays", value=[]),
    "an array beyond all": put("arrays", "kept", "shape", value=[2**70, 8]),
    "fewer ids than vectors": put("arrays", "ids", "shape", value=[50]),
}


@every_kind
@pytest.mark.parametrize("what", NONSENSE)
def test_a_header_that_makes_no_sense_is_refused(engine, what, saved):
    forge(saved / engine, NONSENSE[what])
    assert_refused(saved / engine, "makes no sense")


@pytest.mark.parametrize("what", UNNOTICED)
def test_a_header_that_makes_hardly_any_sense_is_refused(what, saved):
    forge(saved / "exact", UNNOTICED[what])
    assert_refused(saved / "exact", "makes no sense")


@pytest.mark.parametrize(
    ("engine", "change"),
    [
        ("faiss", without("parameters", "tier")),
        ("faiss", without("arrays", "faiss")),
        ("faiss", put("arrays", "faiss", "shape", value=[40])),
        ("faiss", put("arrays", "faiss", "at", value=0)),
        ("faiss", put("arrays", "kept", "shape", value=[30, 16])),
        ("lsh", without("parameters", "seed")),
        ("lsh", without("parameters", "hits")),
        ("lsh", put("parameters", "bits", value=0)),
        ("lsh", put("parameters", "probes", value="many")),
        ("lsh", without("arrays", "table_rows")),
        ("lsh", put("arrays", "normals", "shape", value=[24, 8])),
    ],
)
def test_parameters_that_make_no_sense_are_refused(engine, change, saved):
    forge(saved / engine, change)
    assert_refused(saved / engine, "makes no sense")


@pytest.mark.parametrize(("knob", "value"), [("bits", 17), ("tables", 5)])
def test_settings_that_contradict_the_hyperplanes_are_refused(knob, value, saved):
    forge(saved / "lsh", put("parameters", knob, value=value))
    assert_refused(saved / "lsh", "makes no sense")


# Failing


@every_kind
@pytest.mark.parametrize(("code", "reason"), [(errno.ENOSPC, "free some space"), (errno.EROFS, "writable")])
def test_a_failed_save_leaves_the_earlier_file(engine, code, reason, saved, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def fail(handle):
        raise OSError(code, os.strerror(code))

    index = load(saved / engine)
    index.add(np.array([99]), drawn(1, seed=1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(WriteError, match=reason) as caught:
            index.save(saved / engine, ORIGIN)
    assert caught.value.path == saved / engine
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert len(index) == 61
    index.save(saved / engine, ORIGIN)
    assert_same(load(saved / engine), index)


if __name__ == "__main__":
    write_golden_files()
