from datetime import date, datetime, timedelta, timezone
from typing import Unpack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsearch import FolderError, PhotoError
from simsearch.filters import Filters, condition
from simsearch.photos import Found
from simsearch.store import About, Content, Store
from tests.conftest import paint

TAKEN = {
    "old.jpg": "2019-12-31T23:59:59",
    "may/first.jpg": "2023-05-01T00:00:00+02:00",
    "may/noon.jpg": "2023-05-15T12:30:20",
    "may/last.jpg": "2023-05-31T23:59:59-08:00",
    "june.jpg": "2023-06-01T00:00:00",
    "undated.jpg": None,
}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    with store.transaction():
        root = store.add_root(tmp_path / "photos")
        other = store.add_root(tmp_path / "photos 2")
        for number, (path, taken) in enumerate(TAKEN.items(), 1):
            camera = ("Canon EOS 20D", "Google Pixel 7", None)[number % 3]
            about = About(100 * number, 50, taken, camera, None, None, 1)
            put(store, root, path, about)
        put(store, other, "may/other.jpg", About(30, 4000, "2023-05-10T10:00:00", None, None, None, 1))
    yield store
    store.close()


def put(store, root, path, about):
    packed = np.array([1, 0, 0], "<f2").tobytes()
    store.put(root, Found(path, 1, 1), Content(path, about, packed, b""))


def names(store, **filters: Unpack[Filters]):
    asked = condition(filters, store.roots())
    assert asked
    return {row.path.name for row in store.rows(store.select(*asked).tolist()).values()}


MAY = {"first.jpg", "noon.jpg", "last.jpg", "other.jpg"}


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"since": "2023-05", "until": "2023-05"}, MAY),
        ({"since": "2023-05-01", "until": "2023-05-31"}, MAY),
        ({"since": date(2023, 5, 1), "until": date(2023, 5, 31)}, MAY),
        ({"since": "2023"}, MAY | {"june.jpg"}),
        ({"until": "2019"}, {"old.jpg"}),
        ({"until": "2019-12-31 23:59"}, {"old.jpg"}),
        ({"until": datetime(2019, 12, 31, 23, 59, 58)}, set()),
        ({"until": "2019-12-31T23:59:59"}, {"old.jpg"}),
        ({"since": "2023-05-15 12:30", "until": "2023-05-15 12:30"}, {"noon.jpg"}),
        ({"since": datetime(2023, 5, 31, tzinfo=timezone(timedelta(hours=5)))}, {"last.jpg", "june.jpg"}),
        ({"until": "2023-05-01 00:00:00", "since": "2023"}, {"first.jpg"}),
        ({"since": "2023-05-15 12:30:21", "until": "2023-05-16"}, set()),
        ({"camera": "canon"}, {"undated.jpg", "noon.jpg"}),
        ({"camera": "PIXEL"}, {"old.jpg", "last.jpg"}),
        ({"camera": "%"}, set()),
        ({"camera": "google pixel 7"}, {"old.jpg", "last.jpg"}),
        ({"kind": "may"}, MAY),
        ({"kind": "photos/may"}, MAY - {"other.jpg"}),
        ({"kind": "photos 2/may/"}, {"other.jpg"}),
        ({"kind": "photos"}, {"old.jpg", "june.jpg", "undated.jpg"}),
        ({"kind": "ay"}, set()),
        ({"kind": "%"}, set()),
        ({"kind": "/may"}, set()),
        ({"kind": "may", "camera": "canon"}, {"noon.jpg"}),
        ({"min_size": 500}, {"june.jpg", "undated.jpg", "other.jpg"}),
        ({"min_size": 500, "since": "2023", "camera": None}, {"june.jpg", "other.jpg"}),
    ],
)
def test_filters_leave_what_they_say(store, filters, left):
    assert names(store, **filters) == left


def test_a_folder_leaves_what_is_below_it(store, tmp_path):
    photos = tmp_path / "photos"
    assert names(store, under=photos / "may") == {"first.jpg", "noon.jpg", "last.jpg"}
    assert names(store, under=tmp_path, camera="canon") == {"undated.jpg", "noon.jpg"}
    assert names(store, under=tmp_path / "photos 2") == {"other.jpg"}
    assert names(store, under=str(photos / "ma")) == set()
    with pytest.raises(FolderError, match="not in this library"):
        names(store, under=tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    assert names(store, under=tmp_path / "link" / "may") == {"first.jpg", "noon.jpg", "last.jpg"}
    with pytest.raises(FolderError, match="no such user"):
        names(store, under="~nobody-of-this-name/x")
    with pytest.raises(FolderError, match="not valid text"):
        names(store, under="caf\udce9")


def test_a_kind_is_the_folder_itself_and_not_what_is_below_it(store, tmp_path):
    photos = tmp_path / "photos"
    with store.transaction():
        root = store.roots()[0]
        for path in ("may/deep/1.jpg", "may0/2.jpg", "may!/3.jpg"):
            put(store, root, path, About(1, 1, None, None, None, None, 1))
    assert names(store, kind=str(photos / "may")) == MAY - {"other.jpg"}
    assert names(store, kind=str(photos)) == {"old.jpg", "june.jpg", "undated.jpg"}
    assert names(store, kind=f"{photos / 'may' / 'deep'}/") == {"1.jpg"}


def test_once_there_are_labels_they_are_the_kinds(store):
    with store.transaction():
        first, *_ = store.select("path = 'may/noon.jpg'", ()).tolist()
        store.set_labels({first: "May, in 50 %"})
    assert names(store, kind="May, in 50 %") == {"noon.jpg"}
    assert names(store, kind="may") == set()


def test_the_whole_name_of_a_camera_leaves_out_those_that_begin_like_it(store):
    with store.transaction():
        root = store.roots()[0]
        for path, camera in (("1.jpg", "Apple iPhone 12"), ("2.jpg", "Apple iPhone 12 Pro")):
            put(store, root, path, About(1, 1, None, camera, None, None, 1))
    assert names(store, camera="apple iphone 12") == {"1.jpg"}
    assert names(store, camera="iphone 12") == {"1.jpg", "2.jpg"}
    with store.transaction():
        store.set_missing(store.select("path = '1.jpg'", ()).tolist(), True)
    assert names(store, camera="apple iphone 12") == {"2.jpg"}  # there is none of that name any more


def test_no_filter_is_no_condition(store):
    assert condition({}, store.roots()) is None
    assert condition({"since": None, "under": None}, store.roots()) is None


@pytest.mark.parametrize(
    ("filters", "what"),
    [
        ({"since": "yesterday"}, "since must be a date"),
        ({"until": "2023-13"}, "until must be a date"),
        ({"until": "2023-02-30"}, "until must be a date"),
        ({"until": "0000"}, "until must be a date"),
        ({"until": "9999"}, "until must be a date"),
        ({"until": "20230501"}, "until must be a date"),
        ({"until": "2023-W18"}, "until must be a date"),
        ({"until": "2023-05-01 18"}, "until must be a date"),
        ({"until": "2023-05-01T18:00+09:00"}, "until must be a date"),
        ({"since": 2023}, "since must be a date"),
        ({"camera": "\udcff"}, "camera is not valid text"),
        ({"kind": "\udcff"}, "kind is not valid text"),
        ({"kind": "/"}, "kind must be a label, or the name of a folder"),
        ({"min_size": 0}, "min_size must be at least 1"),
        ({"colour": "red"}, "there is no filter colour"),
    ],
)
def test_what_is_no_filter_is_a_value_error(store, filters, what):
    with pytest.raises(ValueError, match=what):
        condition(filters, store.roots())


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9000, 1, 1)).map(lambda taken: taken.replace(microsecond=0)),
    st.dates(date(1, 1, 1), date(9000, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%Y-%m", "%Y"]),
    st.sampled_from(["", "+02:00", "-11:00"]),
)
def test_a_period_holds_the_moments_that_begin_like_it(taken, day, form, offset):
    """As text, so that neither months nor offsets can be forgotten."""

    def text(when):
        return when.isoformat()[: {"%Y-%m-%d": 10, "%Y-%m": 7, "%Y": 4}[form]]

    since = condition({"since": text(day)}, [])
    until = condition({"until": text(day)}, [])
    assert since and until
    stored = taken.isoformat() + offset
    assert (stored >= since.values[0]) == (text(taken) >= text(day))
    assert (stored < until.values[0]) == (text(taken) <= text(day))


# In a library


@pytest.fixture
def colours(toy_library, album):
    for number in range(40):
        shade = 5 * number
        paint(
            album / ("odd" if number % 2 else "even") / f"{number:02}.png", (200, shade, 0), (8 + number, 8)
        )
    toy_library.sync(album)
    return toy_library


@pytest.mark.parametrize("engine", ["auto", "exact", "faiss", "lsh"])
def test_a_filter_decides_before_the_search(colours, album, engine):
    query = paint(album.parent / "unseen.png", (200, 0, 0))
    hits = colours.search(query, k=15, engine=engine, under=album / "odd")
    assert [hit.path.name for hit in hits] == [f"{number:02}.png" for number in range(1, 31, 2)]
    few = colours.search(query, k=15, engine=engine, min_size=45, under=album / "odd")
    assert [hit.path.name for hit in few] == ["37.png", "39.png"]
    assert colours.search(query, engine=engine, since="2020") == []


def test_more_like_a_photo_may_be_looked_for_elsewhere(colours, album):
    hits = colours.similar(album / "even" / "00.png", k=3, under=album / "odd")
    assert [hit.path.name for hit in hits] == ["01.png", "03.png", "05.png"]
    hits = colours.similar(album / "odd" / "01.png", k=3, under=album / "odd")
    assert [hit.path.name for hit in hits] == ["03.png", "05.png", "07.png"]
    with pytest.raises(PhotoError):
        colours.similar(album / "gone.png", under=album)


def test_what_filters_leave_follows_the_library(colours, album):
    assert colours.count() == 40 and colours.count(under=album / "odd") == 20
    paint(album / "odd" / "new.png", "white")
    colours.sync(album)
    assert colours.count(under=album / "odd") == 21
    (album / "odd" / "01.png").unlink()
    colours.sync(album)
    assert colours.count(under=album / "odd") == 20
    hits = colours.similar(album / "even" / "00.png", k=40, under=album / "odd")
    assert len(hits) == 20 and "01.png" not in [hit.path.name for hit in hits]
