"""LSH tables in a real Redis server, shared by several processes."""

import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from simsearch import StorageError
from simsearch.index.lsh import LshIndex
from simsearch.index.redis_tables import RedisTables
from simsearch.index.tuning import Settings
from simsearch.indexes import Indexes
from tests.test_indexes import DIM, Shelf, found

SETTINGS = Settings(bits=6, tables=8, probes=40, hits=2)


@pytest.fixture(autouse=True)
def _tried_again_at_once(monkeypatch):
    monkeypatch.setattr("redis.retry.sleep", lambda seconds: None)  # four seconds, until it gives up


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a Redis server of our own."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = tmp_path_factory.mktemp("redis")
    command = [program, "--port", str(port), "--dir", str(place), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def redis(server):
    from redis import Redis

    with Redis.from_url(server) as client:
        client.flushall()
        yield client


def unit(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def index_of(vectors):
    index = LshIndex(DIM, SETTINGS)
    index.add(np.arange(len(vectors)) + 1, vectors)
    return index


def test_shared_tables_find_what_tables_in_memory_find(redis, server):
    vectors, queries = unit(600, 1), unit(40, 2)
    local, shared = index_of(vectors), index_of(vectors)
    shared.share(server, "test")
    # Those in memory hold the latest apart; put them into the tables, too.
    local._tables.arrays()
    assert local.search(queries, 10)[0].tolist() == shared.search(queries, 10)[0].tolist()
    assert local.scanned(queries).tolist() == shared.scanned(queries).tolist()


def test_adding_and_removing_takes_effect_in_the_server(redis, server):
    vectors = unit(300, 3)
    index = index_of(vectors[:200])
    index.share(server, "test")
    index.add(np.arange(201, 301), vectors[200:])
    assert index.search(vectors[250:251], 1)[0].tolist() == [[251]]
    index.remove(np.array([251]))
    assert index.search(vectors[250:251], 1)[0].tolist() != [[251]]
    names = redis.keys("simsearch-test-*_keys")
    assert redis.hlen(names[0]) == 299
    assert (251).to_bytes(8, "big") not in redis.hkeys(names[0])


def test_nothing_in_the_server_is_a_pickle(redis, server):
    index = index_of(unit(50, 4))
    index.share(server, "test")
    [name] = redis.keys("simsearch-test-*_keys")
    assert sorted(redis.hkeys(name)) == [number.to_bytes(8, "big") for number in range(1, 51)]
    [bucket, *_] = redis.keys("simsearch-test-*_bucket_*\x00\x00*")
    assert all(len(member) == 8 for member in redis.smembers(bucket))


def test_what_another_process_has_put_there_is_not_put_again(redis, server):
    vectors = unit(100, 5)
    index_of(vectors).share(server, "test")
    before = redis.info("stats")["total_net_input_bytes"]
    second = index_of(vectors)
    second.share(server, "test")
    assert redis.info("stats")["total_net_input_bytes"] - before < 20_000, "it was written again"
    assert second.search(vectors[7:8], 1)[0].tolist() == [[8]]


def test_a_photo_that_only_another_process_knows_is_left_out(redis, server):
    vectors = unit(100, 6)
    mine, others = index_of(vectors[:99]), index_of(vectors[:99])
    mine.share(server, "test")
    others.share(server, "test")
    others.add(np.array([100]), vectors[99:])
    assert 100 not in mine.search(vectors[99:], 5)[0]
    mine.add(np.array([100]), vectors[99:])
    assert mine.search(vectors[99:], 1)[0].tolist() == [[100]]


def test_another_embedding_takes_the_place_of_the_old_one(redis, server):
    vectors = unit(102, 7)
    mine, others = index_of(vectors[:100]), index_of(vectors[:100])
    mine.share(server, "test")
    others.share(server, "test")
    for index in (mine, others):  # each follows the store in its own time
        index.remove(np.array([50]))
        index.add(np.array([50]), vectors[101:])
        assert index.search(vectors[101:], 1)[0].tolist() == [[50]]
    assert redis.hlen(redis.keys("simsearch-test-*_keys")[0]) == 100


def test_libraries_and_hyperplanes_do_not_mix(redis, server):
    index_of(unit(30, 8)).share(server, "one")
    index_of(unit(30, 8)).share(server, "two")
    index_of(unit(30, 9)).share(server, "two")  # another mean
    assert len(redis.keys("simsearch-one-*_keys")) == 1
    assert len(redis.keys("simsearch-two-*_keys")) == 2


def test_a_shared_index_is_saved_with_its_tables(redis, server, tmp_path):
    from simsearch.index.files import Origin

    vectors = unit(80, 10)
    index = index_of(vectors)
    index.share(server, "test")
    origin = Origin("library", "encoder", 1)
    index.save(tmp_path / "index.lsh", origin)
    redis.flushall()
    loaded, _ = LshIndex.load(tmp_path / "index.lsh", origin)
    assert loaded.search(vectors, 1)[0].ravel().tolist() == list(range(1, 81))


def test_two_processes_share_the_tables_of_a_library(redis, server, tmp_path):
    shelf = Shelf(tmp_path)
    shelf.put(300)
    indexes = Indexes(shelf.store, server)
    assert found(indexes, "lsh", shelf.store.vector(9), 1) == [9]
    code = f"""
import sys
from pathlib import Path
from simsearch.indexes import Indexes
from simsearch.store import Store
store = Store(Path({str(tmp_path)!r}))
index = Indexes(store, {server!r}).current("lsh", {DIM})
print(len(index), index.search(store.vector(9)[None], 1)[0][0][0], type(index._tables).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["300", "9", "RedisTables"]
    assert len(redis.keys("*_keys")) == 1, "the other has drawn hyperplanes of its own"
    shelf.put(5)
    assert found(indexes, "lsh", shelf.store.vector(303), 1) == [303]
    shelf.store.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("redis://127.0.0.1:1", "refused"),
        ("http://127.0.0.1:6379", "not the address of a Redis server"),
        ("redis://127.0.0.1:port", "not the address of a Redis server"),
        ("nonsense", "not the address of a Redis server"),
    ],
)
def test_a_server_that_cannot_be_used_is_named(address, words):
    with pytest.raises(StorageError, match=words) as caught:
        index_of(unit(10, 11)).share(address, "test")
    assert str(caught.value).startswith(f"{address}: ")


def test_a_server_that_refuses_is_named(server):
    """Redis is told to refuse commands, as one that is shutting down or full does."""
    from redis import Redis

    vectors = unit(20, 12)
    index = index_of(vectors)
    index.share(server, "test")
    with Redis.from_url(server) as client:
        client.config_set("maxmemory", "1")
        client.config_set("maxmemory-policy", "noeviction")
        try:
            with pytest.raises(StorageError, match="(?i)memory"):
                index.add(np.array([100]), unit(1, 13))
        finally:
            client.config_set("maxmemory", "0")


def test_without_the_redis_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StorageError, match=r"pip install redis"):
        index_of(unit(10, 14)).share("redis://127.0.0.1:1", "test")


def test_indexing_goes_on_without_the_server(tmp_path, caplog):
    shelf = Shelf(tmp_path)
    shelf.put(300)
    Indexes(shelf.store).current("lsh", DIM)
    shelf.put(50)
    Indexes(shelf.store, "redis://127.0.0.1:1").refresh(DIM)
    assert "redis://127.0.0.1:1: " in caplog.text
    shelf.store.close()


def test_an_index_without_gaps_is_shared_as_the_one_before_was(redis, server, tmp_path):
    """Writing the file closes gaps, for which the index is made anew."""
    shelf = Shelf(tmp_path)
    shelf.put(300)
    indexes = Indexes(shelf.store, server)
    indexes.current("lsh", DIM)
    shelf.miss(range(1, 31))
    indexes.refresh(DIM)
    index = indexes.current("lsh", DIM)
    assert isinstance(index, LshIndex) and not index.has_gaps
    assert isinstance(index._tables, RedisTables)
    assert found(indexes, "lsh", shelf.store.vector(200), 1) == [200]
    shelf.store.close()
