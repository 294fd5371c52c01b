"""Which of two versions is the better one: each reason by hand, and that there is always one."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsearch.versions import RAW, WITH_LOSS, WITHOUT_LOSS, Version, advantage, are_raw_and_picture

SECOND = 10**9
PLAIN = Version(PurePosixPath("/photos/b.jpg"), 4000, 3000, 2_000_000, 1_600_000_000 * SECOND, 1)


def but(**other):
    path = PurePosixPath(other.pop("path", PLAIN.path))
    return PLAIN._replace(path=path, **other)


LATER = PLAIN.mtime_ns + 10 * SECOND

BETTER = [
    (but(width=4400), PLAIN, "more pixels: 4,400 x 3,000 against 4,000 x 3,000"),
    (but(path="/photos/b.dng"), but(told=3, path="/photos/b.tif"), "a camera raw"),
    (but(told=2), PLAIN, "tells more in its Exif: when, where or with what it was taken"),
    (but(path="/photos/b.PNG"), PLAIN, "saved without loss, as PNG"),
    (but(path="/photos/b.tiff", size=10), PLAIN, "saved without loss, as TIFF"),
    (but(size=2_200_000), PLAIN, "compressed less: 2.2 MB against 2.0 MB"),
    (but(size=22_000), but(size=20_000), "compressed less: 22.0 kB against 20.0 kB"),
    (but(size=143_200), but(size=95_000), "compressed less: 143.2 kB against 95.0 kB"),
    (but(size=1_000_000), but(size=912_000), "compressed less: 1.0 MB against 912.0 kB"),
    (but(size=1_240_000), but(size=1_160_000), "compressed less: 1.24 MB against 1.16 MB"),
    (but(size=106), but(size=98), "compressed less: 0.11 kB against 0.10 kB"),
    (PLAIN, but(mtime_ns=LATER), "the older file"),
    (PLAIN, but(path="/photos/copies/b.jpg"), "fewer folders deep"),
    (PLAIN, but(path="/photos/b (1).jpg"), "the shorter name"),
    (but(path="/photos/a.jpg"), PLAIN, "the first by name"),
    (but(path="/old/b.jpg"), PLAIN, "the first by name"),
]


@pytest.mark.parametrize(("better", "worse", "reason"), BETTER)
def test_a_version_is_better_for_a_reason(better, worse, reason):
    assert advantage(better, worse) == reason
    assert advantage(worse, better) is None


@pytest.mark.parametrize(("better", "worse"), [pair[:2] for pair in BETTER[1:]])
def test_pixels_count_first_and_then_each_reason_before_the_next(better, worse):
    assert str(advantage(worse._replace(width=5000), better)).startswith("more pixels")
    place = [pair[:2] for pair in BETTER].index((better, worse))
    if place in (1, 2, 5):  # the older file counts less than what is in it
        assert advantage(better._replace(mtime_ns=LATER), worse) == BETTER[place][2]


@pytest.mark.parametrize(
    "almost",
    [
        but(width=4060),  # a side was rounded: not even 2 % more pixels
        but(size=2_090_000),  # a few bytes of Exif
        but(mtime_ns=PLAIN.mtime_ns + SECOND),  # the clock of a memory card tells two
    ],
)
def test_a_little_more_is_no_reason(almost):
    named = almost._replace(path=PurePosixPath("/photos/z.jpg"))
    assert advantage(named, PLAIN) is None
    assert advantage(PLAIN, named) == "the first by name"


@pytest.mark.parametrize(("better", "worse", "reason"), BETTER)
def test_of_two_as_old_the_one_that_was_edited_may_have_more(better, worse, reason):
    told = advantage(better, worse, edited=True)
    surely = ("more pixels", "a camera raw", "tells more", "the older file")
    assert told == (
        reason if reason.startswith(surely) else f"{reason}; but the other may be the one that was not edited"
    )
    assert advantage(worse, better, edited=True) is None


@pytest.mark.parametrize(
    "edited", [but(mtime_ns=LATER, size=9_000_000), but(mtime_ns=LATER, path="/photos/b.png")]
)
def test_where_one_was_edited_the_older_is_better(edited):
    assert advantage(PLAIN, edited, edited=True) == "the older file"
    assert advantage(edited, PLAIN, edited=True) is None
    assert advantage(PLAIN, edited) != "the older file"
    assert str(advantage(edited._replace(told=2), PLAIN, edited=True)).startswith("tells more")
    assert str(advantage(edited._replace(width=8000), PLAIN, edited=True)).startswith("more pixels")


@pytest.mark.parametrize(
    ("other", "doubt"),
    [
        ({"told": 2}, "; but the other tells more in its Exif"),
        ({"path": "/photos/b.nef"}, "; but the other is a camera raw"),
        ({"told": 0}, ""),
        ({"path": "/photos/b.png", "mtime_ns": 0}, ""),
    ],
)
def test_more_pixels_may_be_made_up(other, doubt):
    """Somebody enlarged the camera's own picture."""
    larger = but(width=8000, height=6000)
    assert advantage(larger, but(**other)) == f"more pixels: 8,000 x 6,000 against 4,000 x 3,000{doubt}"
    assert advantage(but(**other), larger) is None


@pytest.mark.parametrize("settle", [False, True])
@pytest.mark.parametrize("suffix", ["png", "TIF"])
def test_what_was_made_from_a_lossy_file_is_not_better_for_having_no_loss(suffix, settle):
    later, as_old = (but(path=f"/photos/b.{suffix}", mtime_ns=at) for at in (LATER, PLAIN.mtime_ns))
    reason = "the older file; but the other is saved without loss"
    assert advantage(PLAIN, later, settle=settle) == reason
    assert advantage(later, PLAIN, settle=settle) is None
    assert str(advantage(as_old, PLAIN, settle=settle)).startswith("saved without loss")
    assert str(advantage(as_old, but(mtime_ns=LATER), settle=settle)).startswith("saved without loss")


@pytest.mark.parametrize(("burnt", "better"), [(-0.02, True), (-0.005, False), (0.0, False), (0.02, False)])
def test_less_burnt_out_is_better_than_older(burnt, better):
    later = but(mtime_ns=LATER)
    told = advantage(later, PLAIN, edited=True, burnt=burnt)
    assert told == ("less of it burnt out" if better else None)
    assert (advantage(PLAIN, later, edited=True, burnt=-burnt) is None) == better


@pytest.mark.parametrize(
    ("name", "kind"),
    [("x.jpg", WITH_LOSS), ("x.HEIC", WITH_LOSS), ("x.png", WITHOUT_LOSS), ("x.TIF", WITHOUT_LOSS)]
    + [("x.NEF", RAW), ("x.dng", RAW), ("x", WITH_LOSS), (".png", WITH_LOSS)],
)
def test_the_kind_is_told_by_the_name(name, kind):
    assert but(path=f"/photos/{name}").kind == kind


versions = st.builds(
    Version,
    st.lists(st.sampled_from(["a", "b", "b.jpg", "c.png", "c.NEF", "c.jpg"]), min_size=1, max_size=3).map(
        lambda parts: PurePosixPath("/", *parts)
    ),
    st.sampled_from([1, 100, 101, 102, 103, 4000]),
    st.sampled_from([1, 100, 101]),
    st.sampled_from([0, 100, 104, 105, 106, 10**7]),
    st.sampled_from([0, 1, 2 * SECOND, 3 * SECOND, 10**18]),
    st.integers(0, 3),
)


@given(one=versions, other=versions, edited=st.booleans(), burnt=st.sampled_from([0, -0.5, 0.01, 0.2]))
def test_of_two_files_one_is_better_and_never_both(one, other, edited, burnt):
    told = advantage(one, other, edited=edited, burnt=burnt)
    back = advantage(other, one, edited=edited, burnt=-burnt)
    assert told is None or back is None
    if one.path != other.path:
        assert told or back
    assert advantage(one, one, edited=edited) is None


@pytest.mark.parametrize(
    ("one", "other", "are"),
    [
        ("/a/x.NEF", "/a/x.jpg", True),
        ("/a/x.nef", "/a/X.JPG", True),
        ("/a/x.NEF", "/a/x.tif", True),
        ("/a/x.NEF", "/b/x.jpg", False),
        ("/a/x.NEF", "/a/y.jpg", False),
        ("/a/x.NEF", "/a/x.dng", False),  # two raws
        ("/a/x.png", "/a/x.jpg", False),
    ],
)
def test_a_raw_and_the_picture_beside_it(one, other, are):
    assert are_raw_and_picture(but(path=one), but(path=other)) == are
    assert are_raw_and_picture(but(path=other), but(path=one)) == are
