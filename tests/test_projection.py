"""Searching in Milvus, the real server and milvus-lite: what is found is what is found on this machine."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from simsearch import Library, StorageError
from tests import milvus_server
from tests.conftest import paint
from tests.toy import ToyEncoder

pytestmark = pytest.mark.scale
REPOSITORY = Path(__file__).parents[1]
every_server = pytest.mark.parametrize("server", ["milvus", "milvus-lite"])
PHOTOS = 400


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A library of photos of any colour, in seven folders; to change it, take a copy."""
    place = tmp_path_factory.mktemp("colours")
    colours = np.random.default_rng(0).integers(1, 255, (PHOTOS, 3)).tolist()
    for number, colour in enumerate(colours):
        paint(place / "album" / str(number % 7) / f"{number:03}.png", tuple(colour))
        if number % 50 == 0:  # a copy of it
            paint(place / "album" / "copies" / f"{number:03}.png", tuple(colour))
    with Library.open(place / "library", encoder=ToyEncoder()) as library:
        library.sync(place / "album")
    return place


@pytest.fixture
def colours(made, server):
    """That library, opened with a server that it was pushed to; it is pushed once a server."""
    address = f"milvus://{made}/lite.db" if server == "milvus-lite" else milvus_server.shared_address(server)
    with Library.open(made / "library", encoder=ToyEncoder(), milvus=address) as library:
        library.push(recall=1)
        yield library


@pytest.fixture
def changing(toy_library, album, server, tmp_path):
    """A library of 120 photos that was pushed."""
    for number in range(120):
        paint(album / "ab"[number % 2] / f"{number:02}.png", (200, 2 * number, 10))
    toy_library.sync(album)
    lite = f"milvus://{tmp_path}/lite.db"
    address = lite if server == "milvus-lite" else milvus_server.shared_address(server)
    toy_library.push(address)
    with Library.open(toy_library.path, encoder=ToyEncoder(), milvus=address) as library:
        yield library


WAYS: dict[str, dict[str, object]] = {
    "as it is": {},
    "by cosine": {"rerank": False},
    "folded": {"fold": True, "rerank": False},
    "all": {"k": 1_000, "rerank": False},
    "one": {"k": 1},
    "in a folder": {"under": "3", "rerank": False},
    "of a kind": {"kind": "4", "k": 100, "rerank": False},
}


@every_server
@pytest.mark.parametrize("way", WAYS)
def test_the_same_is_found_as_on_this_machine(colours, made, way):
    options = dict(WAYS[way])
    if "under" in options:
        options["under"] = made / "album" / str(options["under"])
    asked = [colours.photo(number) for number in range(1, PHOTOS, 27)]
    examples = [*asked, asked[:3], paint(made / "query.png", (90, 91, 30))]
    for example in examples:
        for minus in ([], [colours.photo(50)]):
            here, there = (
                colours.search(example, engine=engine, minus=minus, **options)
                for engine in ("exact", "milvus")
            )
            assert_same(there, here)


def assert_same(there, here):
    """The same hits and words; which of some nearly equal ones is whose neighbour, rounding says."""
    assert len(there) == len(here)
    scores = {hit.id: hit.score for hit in here}
    for hit, place in zip(there, here, strict=True):
        assert hit.score == pytest.approx(scores.get(hit.id, here[-1].score), abs=1e-2)
        assert hit.score == pytest.approx(place.score, abs=1e-2)
    known = {hit.id: hit for hit in here}
    for hit in there:
        same = known.get(hit.id, hit)
        assert (hit.trust, hit.beats, set(hit.copies)) == (same.trust, same.beats, set(same.copies))
        assert hit.cosine == pytest.approx(same.cosine, abs=1e-6)


@every_server
def test_what_changes_after_the_push_is_seen_at_once(changing, album):
    query = paint(album.parent / "query.png", (200, 0, 10))

    def found(**options):
        hits = changing.search(query, **{"k": 200, **options})
        return [hit.path.relative_to(album).as_posix() for hit in hits]

    assert len(found()) == 120 and found()[0] == "a/00.png"
    paint(album / "c" / "new.png", (200, 0, 10))
    (album / "a" / "00.png").unlink()
    (album / "a" / "02.png").rename(album / "c" / "02.png")
    paint(album / "a" / "28.png", (200, 1, 10))
    changing.sync(album)
    assert set(found(rerank=False)[:4]) == {"c/new.png", "a/28.png", "b/01.png", "c/02.png"}
    assert len(found()) == 120 and "a/00.png" not in found()
    assert sorted(found(under=album / "c")) == ["c/02.png", "c/new.png"]
    assert "c/02.png" not in found(under=album / "a")
    with changing._store.transaction():
        changing._store.set_labels({changing.photo(album / "b" / "05.png").id: "five"})
    assert found(kind="five") == ["b/05.png"]


@every_server
@pytest.mark.parametrize("blob", [b"\xff\x7f" * 3, b"\0" * 6, b"short"], ids=["NaN", "zero", "short"])
def test_a_damaged_embedding_stops_no_search(changing, album, blob, server):
    damaged = changing.photo(album / "a" / "04.png").id
    with changing._store.transaction():
        changing._store._write("UPDATE embeddings SET vector = ? WHERE photo_id = ?", blob, damaged)
    for options in ({}, {"rerank": False}, {"diversity": 0.5}, {"fold": True}, {"under": album / "a"}):
        hits = changing.search(album / "a" / "06.png", **options)
        assert len(hits) == 15 and damaged not in [hit.id for hit in hits]
    assert changing.push()["photos"] == 119


# What cannot be used


@pytest.mark.parametrize(
    ("user", "path", "what"),
    [
        ("root:wrong", "", "check its address, user and password"),  # it does not answer them
        ("nobody:Milvus", "", "check its address, user and password"),
        ("", "", "check its address, user and password"),
        (milvus_server.USER, "/elsewhere", "there is no such database"),
    ],
)
def test_who_may_not_is_told_so(toy_library, album, user, path, what):
    paint(album / "1.png", "red")
    toy_library.sync(album)
    host = milvus_server.shared_server().address.rpartition("@")[2]
    started = time.monotonic()
    with pytest.raises(StorageError, match=what) as caught:
        toy_library.push(f"milvus://{user}@{host}{path}")
    assert time.monotonic() - started < 20 and "wrong" not in str(caught.value)


def test_where_nobody_answers_one_is_told_so(toy_library, album):
    paint(album / "1.png", "red")
    toy_library.sync(album)
    started = time.monotonic()
    with pytest.raises(StorageError, match="no answer from the Milvus server"):
        toy_library.push("milvus://127.0.0.1:1")
    assert time.monotonic() - started < 20


def test_a_folder_that_another_process_has_open_is_one_sentence(toy_library, album, tmp_path):
    paint(album / "1.png", "red")
    toy_library.sync(album)
    address = f"milvus://{tmp_path}/lite.db"
    code = f"""
from simsearch.index.milvus_collection import Collection
collection = Collection({address!r}, "any")
print("open", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin and other.stdout
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StorageError, match="cannot be opened; close what else has it open"):
            toy_library.push(address)
        other.stdin.write(b"\n")


@pytest.mark.parametrize("server", ["milvus"])
def test_several_search_at_once(colours, made):
    """In this process from several threads, and in another one."""
    code = f"""
from simsearch import Library
from tests.toy import ToyEncoder
address = {milvus_server.shared_server().address!r}
with Library.open({str(made / "library")!r}, encoder=ToyEncoder(), milvus=address) as library:
    for _ in range(5):
        for number in range(1, 101):
            print(*[hit.id for hit in library.search(library.photo(number))])
"""

    def answers(number):
        return [hit.id for hit in colours.search(colours.photo(number))]

    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE) as other:
        with ThreadPoolExecutor(4) as pool:
            here = list(pool.map(answers, [*range(1, 101)] * 5))
        assert other.stdout
        there = [[int(key) for key in line.split()] for line in other.stdout]
    assert other.returncode == 0
    assert here == there == 5 * here[:100]
