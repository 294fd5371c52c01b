"""Photos in an object store: a real server of the S3 protocol, real workers, and the command."""

import io
import logging
import os
import re
import subprocess
import sys
import time
from typing import Any

import pytest
from PIL import Image

from simsearch import FolderError, Library, indexing, reach, servers
from simsearch.photos import find
from simsearch.remote import existing, path_of
from tests.toy import ToyEncoder

pytestmark = pytest.mark.scale
PHOTOS = "s3://bucket/photos"
COLOURS = "red lime blue yellow cyan magenta white gray orange navy tan teal".split()


@pytest.fixture(autouse=True)
def _workers():
    """Real ones, each with the server's address in its environment."""


class Server:
    """A server that keeps what it has while it is stopped."""

    def __init__(self):
        self._running: Any = None
        self.port = 0
        self.start()

    def start(self):
        moto = pytest.importorskip("moto.server")
        self._running = moto.ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._running.start()
        self.port = self._running.get_host_and_port()[1]

    def stop(self):
        self._running.stop()


@pytest.fixture(scope="module")
def server():
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def store(server, monkeypatch, caplog):
    """A client of the server, with an empty bucket."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "anything")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # else it is tried for about as long as is waited for
    monkeypatch.setattr(reach, "_silent_until", {})
    monkeypatch.setattr(servers._Server, "_known", {})
    caplog.set_level(logging.INFO, "werkzeug")  # it names every request
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    yield client
    for one in client.list_objects_v2(Bucket="bucket").get("Contents", []):
        client.delete_object(Bucket="bucket", Key=one["Key"])


def put(store, key, colour="red"):
    file = io.BytesIO()
    Image.new("RGB", (48, 32), colour).save(file, Image.registered_extensions()[key[-4:]])
    store.put_object(Bucket="bucket", Key=f"photos/{key}", Body=file.getvalue())
    return file.getvalue()


def read(caplog):
    """Return the photos that were read since the last time, by name; each takes two requests."""
    asked, names = (re.findall(rf"{verb} /bucket/photos/(\S+)", caplog.text) for verb in ("HEAD", "GET"))
    caplog.clear()
    assert not names or len(asked) <= len(names) + 1, asked
    return sorted(names)


def simsearch(*arguments):
    command = [sys.executable, "-m", "simsearch.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.network
def test_the_command_keeps_up_with_a_bucket(server, store, caplog, tmp_path):
    library = tmp_path / "library"
    for number, colour in enumerate(COLOURS):
        put(store, f"{number % 3}/{number}.png", colour)
    store.put_object(Bucket="bucket", Key="photos/0/broken.jpg", Body=b"no picture")
    query = tmp_path / "query.png"
    query.write_bytes(put(store, "0/0.png", "red"))

    def index(*folders):
        return simsearch("index", *folders, "--library", library, "--workers", "2")

    first = index(PHOTOS)
    assert "12 added, 0 updated, 0 unchanged, 0 moved, 0 skipped, 1 failed" in first.stdout, first
    assert f"{PHOTOS}/0/broken.jpg" in first.stdout and len(read(caplog)) == 13
    again = index()
    assert "0 added, 0 updated, 12 unchanged" in again.stdout and read(caplog) == []

    put(store, "1/1.png", "brown")
    put(store, "3/new.png", "gold")
    store.delete_object(Bucket="bucket", Key="photos/2/2.png")
    changed = index(PHOTOS)
    assert "1 added, 1 updated, 10 unchanged" in changed.stdout, changed
    assert "12 photos can be searched" in changed.stdout and read(caplog) == ["1/1.png", "3/new.png"]

    server.stop()
    try:
        started = time.monotonic()
        lost = index()
        assert lost.returncode != 0 and "cannot be reached" in lost.stderr, lost
        assert time.monotonic() - started < 30
        found = simsearch("search", query, "--library", library, "-k", "3", "--all")
        assert found.returncode == 0 and f"{PHOTOS}/0/0.png" in found.stdout and "offline" in found.stdout
        told = simsearch("status", "--library", library)
        assert "offline" in told.stdout and "12 photos" in told.stdout, told
    finally:
        server.start()
    back = index()
    assert "0 added, 0 updated, 12 unchanged" in back.stdout, back
    found = simsearch("search", f"{PHOTOS}/0/0.png", "--library", library, "-k", "3", "--all")
    assert f"{PHOTOS}/0/0.png" in found.stdout and "offline" not in found.stdout


def test_actors_of_ray_open_the_objects(server, store, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(indexing, "examine_all", None)
    pictures = [put(store, f"{number}.png", colour) for number, colour in enumerate(COLOURS)]
    store.put_object(Bucket="bucket", Key="photos/broken.jpg", Body=b"no picture")
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        report = library.sync(PHOTOS, on="ray", workers=2)
        assert (report.added, [path for path, _ in report.failed]) == (12, [f"{PHOTOS}/broken.jpg"])
        server.stop()
        try:
            hits = library.search(pictures[0], k=12)
            assert {str(hit.path) for hit in hits} == {f"{PHOTOS}/{number}.png" for number in range(12)}
            assert all(hit.offline for hit in hits)
        finally:
            server.start()


def test_an_object_written_in_the_same_second_is_seen_as_changed(store, tmp_path):
    put(store, "1.bmp", "red")
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        assert library.sync(PHOTOS, workers=1).added == 1
        before = find(path_of(PHOTOS)).photos[0]
        put(store, "1.bmp", "tan")
        after = find(path_of(PHOTOS)).photos[0]
        assert before.size == after.size and before.mtime_ns != after.mtime_ns
        assert library.sync().updated == 1
        store.copy_object(Bucket="bucket", Key="photos/1.bmp", CopySource="bucket/photos/1.bmp",
                          MetadataDirective="REPLACE")  # fmt: skip
        assert library.sync().unchanged == 1


def test_names_that_only_an_object_store_knows(store):
    for key in ["a.png", "sub/b.png", "ü %20 #1?.png", ".hidden/x.png", "sub//c.png", "a.png/d.png"]:
        put(store, key)
    for key in ["photos/", "photos/sub/", "photos/empty/"]:
        store.put_object(Bucket="bucket", Key=key, Body=b"")
    walk = find(path_of(PHOTOS))
    assert sorted(file.path for file in walk.photos) == ["a.png", "a.png/d.png", "sub/b.png", "ü %20 #1?.png"]
    assert sorted(walk.skipped) == [(".hidden/", "a hidden folder"), ("sub//", "a folder without a name")]
    for file in walk.photos:  # a list and a single answer agree
        facts = (path_of(PHOTOS) / file.path).stat()
        assert (facts.st_size, facts.st_mtime_ns) == (file.size, file.mtime_ns)


def test_many_are_asked_for_at_once(store, caplog):
    for number in range(60):
        put(store, f"{number}.png")
    paths = [path_of(f"{PHOTOS}/{number}.png") for number in range(0, 120, 2)]
    assert existing(paths) == set(paths[:30])


def test_the_network_is_lost_in_the_middle_of_a_run(server, store, tmp_path):
    for number, colour in enumerate(COLOURS):
        put(store, f"{number}.png", colour)
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        assert library.sync(PHOTOS, workers=1).added == 12
        for number in range(12):
            put(store, f"{number}.png", COLOURS[number - 1])
        stopped: list[object] = []

        def stop(done, total):
            if not stopped:
                stopped.append(server.stop())

        try:
            report = library.sync(workers=8, progress=stop)
        finally:
            server.start()
        assert report.failed and report.updated + len(report.failed) == 12
        assert all(reason.startswith("cannot be read (") for _, reason in report.failed)
        assert len(library) == 12 and library.missing() == []
        assert library.sync(workers=1).updated == len(report.failed) and library.failures() == []


@pytest.mark.parametrize(
    ("lacking", "address", "sentence"),
    [
        (None, "s3://nobucket/photos", "no such folder; check the spelling."),
        ("AWS_ACCESS_KEY_ID", PHOTOS, "no credentials were found; set them up as for the store's own tools."),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(store, toy_library, monkeypatch, lacking, address, sentence):
    import fsspec

    if lacking:
        monkeypatch.delenv(lacking)
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("HOME", os.devnull)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(FolderError) as caught:
        toy_library.sync(address)
    assert str(caught.value) == f"{address}: {sentence}"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
