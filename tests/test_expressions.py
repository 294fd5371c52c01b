"""Filters as expressions of Milvus: what they say and, marked "scale", that they leave what SQL leaves."""

from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Unpack

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from simsearch import FolderError
from simsearch.among import Filtered
from simsearch.expressions import UNKNOWN, expression, seconds
from simsearch.filters import Filters, condition
from simsearch.index.milvus_collection import Collection
from simsearch.photos import Found
from simsearch.pushing import _Push
from simsearch.store import About, Content, Store
from simsearch.vectors import SearchVectors
from tests import milvus_server
from tests.toy import ToyEncoder

every_server = pytest.mark.parametrize(
    "server", [pytest.param(name, marks=pytest.mark.scale) for name in ("milvus", "milvus-lite")]
)
MAY = "2023-05-10T10:00:00"
SECOND = seconds(datetime.fromisoformat(MAY))

BELOW_A_PHOTO = 'folder >= "/photos/b/1.jpg/" and folder < "/photos/b/1.jpg0"'


def put(store, root, path, taken=None, camera=None, size=(1, 1)):
    about = About(size[0], size[1], taken, camera, None, None, 1)
    store.put(root, Found(path, 1, 1), Content(path, about, np.ones(3, "<f2").tobytes(), b""))


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    with store.transaction():
        store.set_setting("encoder", ToyEncoder.identity.to_json())
    yield store
    store.close()


# What they say


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({}, ""),
        ({"since": None, "camera": None}, ""),
        ({"since": "2023-05-10 10:00:00"}, f"(taken >= {SECOND})"),
        ({"until": "2023-05-10 10:00:00"}, f"(taken > {UNKNOWN} and taken < {SECOND + 1})"),
        ({"until": date(1969, 12, 31)}, f"(taken > {UNKNOWN} and taken < 0)"),
        ({"min_size": 500}, "(side >= 500)"),
        ({"min_size": 5, "since": "1970"}, "(taken >= 0) and (side >= 5)"),
        ({"camera": "canon"}, '(camera in ["Canon \\"EOS\\"", "Canon\\\\"])'),
        ({"camera": "nikon"}, "(id < 0)"),
        ({"under": "/photos"}, '(folder >= "/photos/" and folder < "/photos0")'),
        ({"under": "/photos/a b/"}, '(folder >= "/photos/a b/" and folder < "/photos/a b0")'),
        ({"under": "/"}, '(folder >= "/" and folder < "0")'),
        ({"under": "/photos/b/1.jpg"}, f'(({BELOW_A_PHOTO}) or id == 2)'),
        ({"kind": "b"}, '(folder in ["/photos/b/"])'),
        ({"kind": "photos"}, '(folder in ["/photos/"])'),
        ({"kind": "c"}, "(id < 0)"),
    ],
)  # fmt: skip
def test_an_expression_says_what_filters_ask(store, filters, said):
    with store.transaction():
        root = store.add_root(Path("/photos"))
        put(store, root, "1.jpg", camera='Canon "EOS"')
        put(store, root, "b/1.jpg", camera="Canon\\")
    assert expression(filters, store) == said


def test_once_there_are_labels_they_are_what_is_asked_for(store):
    with store.transaction():
        put(store, store.add_root(Path("/photos")), "b/1.jpg")
        store.set_labels({1: "b"})
    assert expression({"kind": 'a "b" \\ c'}, store) == '(label == "a \\"b\\" \\\\ c")'


@pytest.mark.parametrize(
    ("taken", "number"),
    [
        (None, UNKNOWN),
        (datetime(1970, 1, 1), 0),
        (datetime(1970, 1, 2, 0, 0, 1), 86_401),
        (datetime(1969, 12, 31, 23, 59, 59, 1), -1),
        (datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=-8))), 0),  # by the camera's clock
    ],
)
def test_a_time_is_whole_seconds_of_the_camera_s_clock(taken, number):
    assert seconds(taken) == number


# In Milvus


@cache
def collection_of(server):
    collection = Collection(milvus_server.shared_address(server), "simsearch_test_filters")
    collection.create(3, shards=1)
    return collection


def sent(store, server):
    """Make a collection equal to a store, but for its name."""
    collection = collection_of(server)
    push = _Push(store, SearchVectors(store, 3), collection, lambda *_: None)
    push._reconcile(push._sample())
    return collection


def assert_same(store, collection, **filters: Unpack[Filters]):
    """Milvus leaves those that SQL leaves."""
    asked = condition(filters, store.roots())
    assert asked
    left = sorted(collection.matching(said := expression(filters, store))[0])
    assert left == store.select(*asked).tolist(), said
    return set(left)


@every_server
def test_milvus_leaves_what_sql_leaves_by_the_table(store, server):
    """The photos and the filters of tests/test_filters.py."""
    from tests import test_filters

    with store.transaction():
        root, other = store.add_root(Path("/of/photos")), store.add_root(Path("/of/photos 2"))
        for number, (path, taken) in enumerate(test_filters.TAKEN.items(), 1):
            camera = ("Canon EOS 20D", "Google Pixel 7", None)[number % 3]
            put(store, root, path, taken, camera, (100 * number, 50))
        put(store, other, "may/other.jpg", MAY, None, (30, 4000))
        put(store, root, "may/deep/1.jpg", "0001-01-01T00:00:00")
        put(store, root, "may0/2.jpg", "9999-12-31T23:59:59", "Canon EOS 20D Mark 2")
        put(store, root, "may!/3.jpg", "2023-05-01T00:00:00.5", "canon")
        put(store, root, "gone.jpg", MAY, "Canon", (9_000, 9_000))
        store.set_missing([store.last_id()], True)
    collection = sent(store, server)
    [table] = test_filters.test_filters_leave_what_they_say.pytestmark
    places = ("/", "/of", "/of/photos", "/of/photos/may", "/of/photos/ma", "/of/photos/may/noon.jpg")
    for filters in (
        *(filters for filters, _ in table.args[1]),
        *({"under": place} for place in places),
        *({"under": place, "since": "2023-05", "camera": "canon", "min_size": 1} for place in places),
        *({"kind": kind} for kind in ("/of/photos", "/of/photos/may/", "deep", "photos 2", "x' or 1=1")),
        {"since": "0001"},
        {"until": "9998"},
        {"camera": "canon eos 20d"},
    ):
        assert_same(store, collection, **filters)
    with store.transaction():
        store.set_labels({1: "may", 2: "May, in 50 %", 3: 'a "b"'})
    collection = sent(store, server)
    for label in ("may", "May, in 50 %", "photos"):
        assert_same(store, collection, kind=label)
    assert assert_same(store, collection, kind='a "b"') == {3}


NASTY = "\"'\\%_\n\r\t{}[]()*?&|<>=~ .,;:#$äÄßéＡ日😀\u0301\u200b\u2028\x01\x1f\x7fabAB0"
signs = st.sampled_from(NASTY) | st.characters(exclude_categories=["Cs"], exclude_characters="\0")
text = st.text(signs, min_size=1, max_size=9)
name = text.filter(lambda part: "/" not in part and part not in (".", ".."))
photo = st.tuples(st.lists(name, max_size=2), st.none() | text, st.none() | text)


@every_server
@settings(max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(photo, min_size=1, max_size=8), st.booleans(), text)
@example([(["a\\", '"'], '\\"', "\\"), (["a\\"], "'", "'")], True, "x")
@example([(["{a}", "%"], "{b}", "{c}"), (["_"], "}", "}")], False, "{")
def test_whatever_folders_cameras_and_labels_are_called(server, tmp_path_factory, photos, labelled, other):
    store = Store(tmp_path_factory.mktemp("library"))
    try:
        with store.transaction():
            store.set_setting("encoder", ToyEncoder.identity.to_json())
            root = store.add_root(Path("/photos") / photos[0][0][0] if photos[0][0] else Path("/photos"))
            for number, (folders, camera, _) in enumerate(photos):
                put(store, root, "/".join([*folders, f"{number}.jpg"]), MAY, camera)
            if labelled:
                store.set_labels({place: kind for place, (_, _, kind) in enumerate(photos, 1) if kind})
        collection = sent(store, server)
        for folders, camera, label in (*photos, ([other], other, other)):
            asked: list[Filters] = [{"under": "/".join([str(root.path), *folders])}]
            asked += [{"camera": camera}, {"kind": label}, *[Filters(kind=folder) for folder in folders]]
            for filters in asked:
                try:
                    is_one = condition(filters, store.roots()) is not None
                except (FolderError, ValueError):  # no such folder; "/" is no kind
                    continue
                if is_one:
                    assert_same(store, collection, **filters)
    finally:
        store.close()


@every_server
def test_absurdly_long_names_are_told_apart_by_the_catalog(store, server):
    long = "ä" * 3_000
    with store.transaction():
        root = store.add_root(Path("/photos"))
        for number, name in enumerate((long, f"{long}1", "short", None)):
            put(store, root, f"{number}.jpg", camera=name)
        store.set_labels({1: long, 2: f"{long}1", 3: "short"})
    collection = sent(store, server)
    for filters in (Filters(kind=long), Filters(camera=long)):
        asked = condition(filters, store.roots())
        assert asked
        assert sorted(collection.matching(expression(filters, store))[0]) == [1, 2]
        assert Filtered(store, filters, asked).hold(np.array([1, 2])).tolist() == [True, False]


moments = st.datetimes().map(lambda taken: taken.replace(microsecond=0))


@every_server
@settings(max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    st.lists(st.none() | moments, min_size=1, max_size=8),
    st.lists(st.sampled_from(["", "+02:00", "-11:00", ".25"]), min_size=8, max_size=8),
    st.sampled_from([4, 7, 10, 16, 19]),
)  # fmt: skip
def test_whenever_photos_were_taken(server, tmp_path_factory, taken, ends, digits):
    store = Store(tmp_path_factory.mktemp("library"))
    try:
        with store.transaction():
            store.set_setting("encoder", ToyEncoder.identity.to_json())
            root = store.add_root(Path("/photos"))
            for number, (moment, end) in enumerate(zip(taken, ends, strict=False)):
                put(store, root, f"{number}.jpg", moment and moment.isoformat() + end)
        collection = sent(store, server)
        known = [moment for moment in taken if moment and moment.year < 9999]
        assume(known)
        for moment in known:
            when = moment.isoformat()[:digits]
            for filters in ({"since": when}, {"until": when}, {"since": when, "until": when}):
                assert_same(store, collection, **filters)
    finally:
        store.close()
