"""Photos at addresses, by what fsspec keeps in memory; tests/test_object_store.py asks a real store."""

import io
import os
import pickle
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simsearch import (
    FolderError,
    Library,
    LibraryError,
    PhotoError,
    child,
    photos,
    pixels,
    reach,
    servers,
    survey,
    worker,
)
from simsearch.remote import RemotePath, existing, path_of
from tests.toy import ToyEncoder

PHOTOS = "memory://bucket/photos"


class AtHome:
    """A worker in this process, where alone its memory can be read."""

    def __init__(self, recipe, memory_limit):
        self.due, self._tasks = 0, []
        self._encoder = worker.build_encoder(recipe)

    def send(self, task):
        self._tasks.append(task)
        self.due += 1
        return True

    def receive(self):
        self.due -= 1
        task = self._tasks.pop(0)
        return worker.examine(path_of(str(task.path)), task.known, self._encoder)

    def await_ready(self): ...
    def tick(self): ...
    def kill(self): ...
    def stop(self): ...


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """What fsspec keeps in memory, empty."""
    monkeypatch.setattr(child, "Child", AtHome)
    monkeypatch.setattr(reach, "_silent_until", {})
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def offline(monkeypatch):
    """Stands in for a network that is down: nothing of the memory can be asked."""

    def refuse(*_, **__):
        raise ConnectionError("no route to host")

    def turn(off):
        for name in ("info", "ls", "cat_file"):
            if off:
                monkeypatch.setattr(type(fsspec.filesystem("memory")), name, refuse)
        if not off:
            monkeypatch.undo()
            monkeypatch.setattr(child, "Child", AtHome)
            monkeypatch.setattr(reach, "_silent_until", {})

    return turn


def put(path, colour="red", size=(8, 8)):
    """Paint a picture of one colour at an address."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    fsspec.filesystem("memory").pipe_file(f"{PHOTOS}/{path}", file.getvalue())
    return file.getvalue()


def take(path):
    fsspec.filesystem("memory").rm_file(f"{PHOTOS}/{path}")


# Paths

PART = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1).filter(
    lambda part: part not in (".", "..") and "::" not in part and not part.endswith(":")
)


@given(st.sampled_from(["s3", "gs", "memory", "sftp"]), st.sampled_from(["b", "me@host:22"]), st.lists(PART))
def test_an_address_is_what_it_says(scheme, host, parts):
    text = "/".join([f"{scheme}://{host}", *parts])
    path = path_of(text)
    assert isinstance(path, RemotePath) and str(path) == os.fspath(path) == path.as_posix() == text
    assert path_of(str(path)) == path_of(path) == path == path_of(f"{scheme}://{host}", *parts)
    assert hash(path) == hash(path_of(text)) and pickle.loads(pickle.dumps(path)) == path
    assert path.absolute() is path.resolve() is path.expanduser() is path and path.is_absolute()
    joined = path / "x" / "y.JPG"
    assert isinstance(joined, RemotePath) and str(joined) == f"{text}/x/y.JPG"
    assert joined.parent.parent == path and joined.suffix == ".JPG"
    assert joined.is_relative_to(path) and path in joined.parents and not path.is_relative_to(joined)
    assert joined.relative_to(path) == PurePosixPath("x/y.JPG")


def test_addresses_and_paths_keep_apart(tmp_path):
    address = path_of("s3://b/x")
    assert not address.is_relative_to(tmp_path) and not tmp_path.is_relative_to(address)
    assert sorted([address / "y", tmp_path, address]) == [tmp_path, address, address / "y"]
    assert type(path_of(tmp_path)) is type(path_of(tmp_path, "a/b")) is type(Path())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:///a/b%20c.jpg", "/a/b c.jpg"),
        ("file://localhost/a", "/a"),
        ("~/x", "~/x"),
        ("./s3:/b", "s3:/b"),
        ("/a/http://b", "/a/http:/b"),
        ("c://b", "c:/b"),
    ],
)
def test_what_is_no_address_is_a_path_here(text, path):
    assert type(path_of(text)) is type(Path()) and str(path_of(text)) == path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("zip://a.jpg::s3://b/c.zip", "an address in another"),
        ("simplecache://x/s3://b/c", "an address in another"),
        ("s3://b/../c", "with .. in it"),
        ("s3:///b", "names a host or a bucket"),
        ("memory://", "names a host or a bucket"),
        ("sftp://me:secret@host/x", "leave the password out"),
    ],
)
def test_what_cannot_be_an_address_is_told(toy_library, text, why):
    with pytest.raises(FolderError, match=why):
        toy_library.sync(text)
    with pytest.raises(PhotoError, match=why):
        toy_library.search(text)


# Files


def test_files_are_found_as_in_a_folder(tmp_path):
    for path in ["b.jpg", "a/2.PNG", "a/1.txt", ".hidden/x.jpg", "a/.x.jpg", "other/3.jpg", "ü %20#?.jpg"]:
        put(path)
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    for part in ("", "a", "b.jpg", "nowhere"):
        here = photos.find(tmp_path, part, without=frozenset(["other"]))
        there = photos.find(path_of(PHOTOS), part, without=frozenset(["other"]))
        assert [file.path for file in there.photos] == [file.path for file in here.photos]
        assert there[1:] == here[1:]


def test_a_folder_of_which_an_object_says_that_it_is_there_holds_what_is_in_it(memory, monkeypatch):
    put("1.jpg")
    info = {"size": 1, "created": 0.0}
    listed = [
        {"name": "/bucket/photos/", "type": "file", "size": 0},  # an empty folder, as object stores keep it
        {"name": "/bucket/photos/", "type": "directory", "size": 0},  # photos//x.jpg
        {"name": "/bucket/photos/1.jpg", "type": "file", **info},
    ]
    monkeypatch.setattr(type(memory), "ls", lambda *_, **__: listed)
    walk = photos.find(path_of(PHOTOS))
    assert [file.path for file in walk.photos] == ["1.jpg"]
    assert walk.skipped == [("/", "a folder without a name")]


def test_a_file_is_read_with_its_facts():
    data = put("1.png")
    path = path_of(PHOTOS) / "1.png"
    read, facts = pixels.read(path)
    [found] = photos.find(path_of(PHOTOS)).photos
    assert (read, facts.st_size, facts.st_mtime_ns) == (data, found.size, found.mtime_ns)
    assert abs(datetime.now(UTC).timestamp() - facts.st_mtime) < 60
    assert path.is_file() and not path.is_dir() and path.parent.is_dir() and path.open("rb").read() == data
    assert existing([path, path.parent / "2.png"]) == {path}
    with pytest.raises(FileNotFoundError):
        (path.parent / "2.png").read_bytes()
    with pytest.raises(OSError, match="never written"):
        path.open("wb")


def test_a_file_that_is_too_large_is_not_read(monkeypatch):
    put("1.png")
    monkeypatch.setattr(pixels, "MAX_BYTES", 9)
    monkeypatch.setattr(RemotePath, "read_bytes", None)
    with pytest.raises(PhotoError, match="too many for one photo"):
        pixels.read(path_of(PHOTOS) / "1.png")


SECOND = 1_700_000_000


@pytest.mark.parametrize(
    "told",
    [
        {"LastModified": datetime.fromtimestamp(SECOND, UTC)},
        {"last_modified": datetime(2023, 11, 14, 22, 13, 20)},
        {"updated": "2023-11-14T22:13:20.000Z"},
        {"modify": "20231114221320"},
        {"mtime": float(SECOND)},
        {"mtime": None, "created": SECOND},
        {"LastModified": datetime.fromtimestamp(SECOND + 0.7, UTC), "ETag": '"abc"'},
    ],
)
def test_all_ways_to_tell_a_time_are_read(told):
    facts = servers.facts({"type": "file", "size": 5, **told})
    assert (facts.st_size, facts.st_mtime_ns // 10**9) == (5, SECOND)


def test_a_tag_tells_contents_of_one_second_apart():
    def facts(tag, **more):
        return servers.facts({"type": "file", "size": 5, "ETag": tag, **more}).st_mtime_ns

    assert facts('"a"') == facts("a") == facts('W/"a"') != facts('"b"')
    assert servers.facts({"type": "file", "size": 5, "mtime": "odd"}).st_mtime_ns == 0
    at = datetime(2023, 11, 14, 22, 13, 20, 123_000)
    assert facts("a", LastModified=at) == facts("a", LastModified=at.replace(microsecond=0))


# Libraries


def test_an_address_is_indexed_like_a_folder(toy_library):
    for number, colour in enumerate(["red", "lime", "blue"]):
        put(f"{number % 2}/{number}.png", colour)
    report = toy_library.sync(PHOTOS)
    assert (report.added, report.failed) == (3, []) and toy_library.sync().unchanged == 3
    [hit] = toy_library.search(f"{PHOTOS}/0/0.png", k=1)
    assert str(hit.path) == f"{PHOTOS}/0/0.png" and isinstance(hit.path, Path) and not hit.offline
    assert [len(toy_library.search(put("x", "red"), under=f"{PHOTOS}/{n}")) for n in (0, 1)] == [2, 1]
    assert toy_library.count(kind="photos/1") == toy_library.count(kind=f"{PHOTOS}/1") == 1
    assert toy_library.folders() == {f"{PHOTOS}/0": 2, f"{PHOTOS}/1": 1}
    [folder] = toy_library.status()["folders"]
    assert (folder["path"], folder["online"], folder["photos"]) == (PHOTOS, True, 3)
    assert toy_library.forget(f"{PHOTOS}/0") == 2 and len(toy_library) == 1


def test_changes_are_seen_and_what_is_unchanged_is_not_read(toy_library, monkeypatch):
    for name, colour in (("same", "red"), ("changed", "lime"), ("gone", "blue")):
        put(f"{name}.png", colour)
    toy_library.sync(PHOTOS)
    put("changed.png", "yellow")
    take("gone.png")
    put("new.png", "white")
    read = []
    read_bytes = RemotePath.read_bytes

    def noted(path):
        read.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(RemotePath, "read_bytes", noted)
    report = toy_library.sync()
    assert (report.added, report.updated, report.unchanged, report.missing) == (1, 1, 1, 1)
    assert sorted(read) == ["changed.png", "new.png"]
    put("elsewhere/gone.png", "blue")
    assert toy_library.sync().moved == 1 and not toy_library.missing()


def test_a_network_that_is_down_takes_nothing_away(toy_library, offline):
    put("1.png", "red")
    query = put("2.png", "lime")
    toy_library.sync(PHOTOS)
    offline(True)
    with pytest.raises(FolderError, match=r"cannot be reached \(no route to host\); check the network"):
        toy_library.sync()
    assert toy_library.missing() == [] and len(toy_library) == 2
    hits = toy_library.search(query)
    assert [hit.offline for hit in hits] == [True, True] and toy_library.thumbnail(hits[0])
    assert toy_library.search(hits[0])  # by its thumbnail
    assert not toy_library.status()["folders"][0]["online"] and toy_library.prune() == 0
    assert [one for one in toy_library.check() if "folder" in str(one)] == []
    offline(False)
    assert toy_library.sync().unchanged == 2 and not toy_library.search(query)[0].offline


def test_a_folder_that_cannot_be_listed_keeps_its_photos(toy_library, memory, monkeypatch):
    put("1.png", "red")
    put("deep/2.png", "lime")
    toy_library.sync(PHOTOS)
    ls = type(memory).ls

    def listed(self, path, **more):
        if path.endswith("deep"):
            raise TimeoutError("read timeout")
        return ls(self, path, **more)

    monkeypatch.setattr(type(memory), "ls", listed)
    report = toy_library.sync()
    assert report.unchanged == 1 and len(toy_library) == 2 and toy_library.missing() == []
    assert report.failed == [(f"{PHOTOS}/deep", "folder cannot be read (cannot be reached (read timeout))")]


def test_a_server_that_hangs_is_waited_for_no_longer_than_a_moment(memory, monkeypatch):
    from threading import Event

    put("1.png")
    hung = Event()
    monkeypatch.setattr(type(memory), "info", lambda *_: hung.wait(20))
    monkeypatch.setattr(servers.ask, "__defaults__", (0.05,))
    with pytest.raises(OSError, match="no answer within 0 seconds"):
        path_of(PHOTOS).is_dir()
    monkeypatch.undo()
    assert path_of(PHOTOS).is_dir()  # by another connection
    hung.set()


def test_a_connection_that_was_cut_is_made_anew(memory, monkeypatch):
    put("1.png")
    info = type(memory).info
    cut: Iterator[Exception] = iter([BrokenPipeError()])

    def answer(self, path, **more):
        for error in cut:
            raise error
        return info(self, path, **more)

    assert path_of(PHOTOS).is_dir()
    monkeypatch.setattr(type(memory), "info", answer)
    assert path_of(PHOTOS).is_dir() and next(cut, None) is None
    cut = iter([EOFError()])
    assert len(existing([path_of(f"{PHOTOS}/1.png"), path_of(f"{PHOTOS}/2.png")])) == 1
    assert next(cut, None) is None


def test_a_store_that_is_emptied_is_not_believed(toy_library, memory):
    for number in range(12):
        put(f"{number}.png", (number, 9, 9))
    toy_library.sync(PHOTOS)
    memory.rm(PHOTOS, recursive=True)
    with pytest.raises(FolderError, match="no such folder; check the spelling."):
        toy_library.sync()
    memory.pipe_file(f"{PHOTOS}/note.txt", b"x")
    with pytest.raises(FolderError, match="suddenly without any of the 12 photos"):
        toy_library.sync()
    assert len(toy_library) == 12 and toy_library.missing() == []


def test_addresses_and_folders_in_one_library(toy_library, album):
    from tests.conftest import paint

    put("1.png", "red")
    put("inner/2.png", "lime")
    paint(album / "3.png", "blue")
    toy_library.sync(f"{PHOTOS}/inner", album)
    assert toy_library.sync(PHOTOS).added == 1  # what is indexed by itself stays so
    assert [str(root) for root in toy_library.roots()] == [str(album), PHOTOS, f"{PHOTOS}/inner"]
    assert survey.online_disks(toy_library._store) == {album}


def test_photos_of_an_address_go_into_an_archive(toy_library):
    from simsearch.export import write_zip

    data = put("1.png", "red")
    toy_library.sync(PHOTOS)
    file = io.BytesIO()
    assert write_zip(toy_library.search(data), file) == []
    with zipfile.ZipFile(file) as archive:
        assert archive.read("1.png") == data and archive.infolist()[0].date_time[0] >= 2026


@pytest.mark.parametrize("create", [True, False])
def test_a_library_is_in_a_folder(create):
    with pytest.raises(LibraryError, match=r"memory://b/library: an address, .*; name a folder"):
        Library.open("memory://b/library", create=create)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nosuch://b/x", "nosuch:// is no kind of address known here; check the spelling."),
        ("memory://nowhere/x", "no such folder; check the spelling."),
        ("ftp://localhost:1/x", r"cannot be reached \(\[Errno 111\] Connection refused\); check the network"),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_sentence(toy_library, address, sentence):
    with pytest.raises(FolderError, match=f"{address}: (?i:{sentence})"):
        toy_library.sync(address)


@pytest.mark.parametrize(
    ("package", "address", "extra"), [("fsspec", "memory://b/x", "objects"), ("s3fs", "s3://b/x", "s3")]
)
def test_a_package_that_is_missing_is_named(monkeypatch, package, address, extra):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(servers._Server, "_known", {})
    with pytest.raises(FolderError) as caught:
        reach.need_folder(path_of(address))
    why = f"{address}: the package {package} is not installed; pip install 'simsearch[{extra}]'."
    assert str(caught.value) == why


def test_a_watch_says_what_it_cannot_follow(tmp_path, album, caplog):
    from tests.conftest import paint

    put("1.png")
    paint(album / "2.png", "blue")
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        reports = library.watch(PHOTOS, album)
        assert next(reports).added == 2
        paint(album / "3.png", "lime")
        assert next(reports).added == 1
    assert [r.getMessage() for r in caplog.records if "cannot be followed" in r.getMessage()] == [
        f"{PHOTOS} cannot be followed; to look for changes there, run: simsearch sync"
    ]
