"""The spaces that photos are compared in, some of them computed by hand in two or three dimensions."""

import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from simsearch import space
from simsearch.errors import LearningError
from simsearch.space import Space, Spread


def rows(*numbers):
    return np.array(numbers, dtype=np.float32)


def by_hand(border=0.5):
    """A space of three numbers: the third tells two kinds apart, the others are what there is besides."""
    return Space(
        "folders",
        center=np.zeros(3),
        axes=np.eye(3)[:, :2],
        kinds_center=np.zeros(3),
        white=np.eye(3),
        apart=rows([0], [0], [1]),
        means=rows([1], [-1]),
        border=np.array(border),
    )


def crowd(count=60, dim=8, kinds=3, seed=0):
    """Unit vectors of some kinds, and the kinds."""
    random = np.random.default_rng(seed)
    of = np.arange(count) % kinds
    vectors = 2 * np.eye(dim)[of] + random.normal(size=(count, dim))
    return space.unit(vectors.astype(np.float32)), of


# Identity


def test_the_identity_leaves_embeddings_as_they_are():
    identity, embeddings = Space(), rows([0.6, 0.8])
    assert identity.project(embeddings) is embeddings
    assert identity.width(7) == 7 and identity.takes(7) and identity.mark == ""


# The main directions


def test_two_photos_differ_in_one_direction():
    learnt = space.pca(Spread([rows([1, 0], [0, 1])]))
    assert learnt.width(2) == 1 and learnt.takes(2) and not learnt.takes(3)
    one, other, between = learnt.project(rows([1, 0], [0, 1], [0.9, 0.2]))[:, 0]
    assert one == -other and abs(one) == 1
    assert between == one  # on the same side of the mean


def test_main_directions_are_seen_from_the_mean_and_a_tenth_of_their_spread_is_taken_out():
    # From their mean, (5, 5): variances of 2 and 1/2.
    learnt = space.pca(Spread([rows([7, 5], [3, 5]), rows([5, 6], [5, 4])]))
    factor = 4**0.05  # the root of (2 / 0.5) ** 0.1
    expected = np.array([1, factor]) / np.hypot(1, factor)
    assert np.abs(learnt.project(rows([6, 6]))) == pytest.approx(expected[None], abs=1e-6)


def test_blocks_are_measured_as_the_whole():
    vectors, _ = crowd()
    whole, parts = Spread([vectors]), Spread([vectors[:7], vectors[7:7], vectors[7:]])
    assert whole.count == parts.count == 60
    assert whole.mean == pytest.approx(vectors.mean(axis=0), abs=1e-6)
    assert whole.covariance == pytest.approx(np.cov(vectors.T, bias=True), abs=1e-6)
    assert whole.covariance == pytest.approx(parts.covariance, abs=1e-6)


def test_the_mean_itself_has_a_place():
    learnt = space.pca(Spread([rows([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1])]))
    assert learnt.project(rows([0.5, 0.5, 0.5])).tolist() == [[1, 0, 0]]
    assert by_hand().project(rows([0, 0, 0]))[0] == pytest.approx([1, 0, 0], abs=0.01)


def test_of_fewer_photos_than_dimensions_as_many_directions_are_kept_as_they_can_have():
    vectors, kinds = crowd(count=10, dim=40)
    assert space.pca(Spread([vectors])).width(40) == 9
    learnt = space.folders(Spread([vectors]), vectors, kinds, 0.5)
    assert learnt.width(40) == 9 + 2
    assert np.linalg.norm(learnt.project(vectors), axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("blocks", [[], [rows([0.6, 0.8])], [rows([0.6, 0.8])] * 30])
def test_photos_that_do_not_differ_teach_nothing(blocks):
    spread = Spread(blocks)
    with pytest.raises(LearningError, match="the photos do not differ; index photos of several things"):
        space.pca(spread)
    with pytest.raises(LearningError, match="the photos do not differ"):
        space.folders(spread, np.repeat(rows([0.6, 0.8]), 8, axis=0), np.arange(8) % 2, 0.5)


# Kinds


@pytest.mark.parametrize("kinds", [[], [0, 0, 0, 0]])
def test_it_takes_two_kinds(kinds):
    vectors, _ = crowd(count=4)
    with pytest.raises(LearningError, match="one kind cannot be told from others"):
        space.folders(Spread([vectors]), vectors[: len(kinds)], np.array(kinds, dtype=np.int64), 0.5)


def test_kinds_of_the_same_photos_do_not_differ():
    vectors, _ = crowd(count=30)
    twice, kinds = np.concatenate([vectors, vectors]), np.repeat([0, 1], 30)
    with pytest.raises(LearningError, match="the kinds do not differ"):
        space.folders(Spread([twice]), twice, kinds, 0.5)


def test_kinds_of_copies_alone_are_told_apart():
    one_each = rows([1, 0, 0], [0.8, 0.6, 0], [0, 0.6, 0.8])
    vectors, kinds = np.repeat(one_each, 4, axis=0), np.repeat([0, 1, 2], 4)
    learnt = space.folders(Spread([vectors]), vectors, kinds, 0.5)
    found = learnt.project(vectors)
    assert np.isfinite(found).all()
    assert (found @ found.T > 0.99).tolist() == (kinds[:, None] == kinds).tolist()


def test_the_direction_that_tells_kinds_apart_is_found_across_a_larger_spread():
    # The first number says nothing and varies most; the second is the kind's.
    random = np.random.default_rng(0)
    kinds = np.arange(200) % 2
    vectors = np.stack([random.normal(size=200), kinds + 0.1 * random.normal(size=200)], axis=1)
    learnt = space.folders(Spread([vectors.astype(np.float32)]), vectors.astype(np.float32), kinds, 0.5)
    apart = learnt.parts(vectors.astype(np.float32)).apart[:, 0]
    assert (apart == np.where(kinds == kinds[apart > 0][0], 1, -1)).all()


def test_membership_decides_how_long_both_parts_are():
    member, stranger = by_hand().parts(rows([0, 0, -1], [0.6, 0.8, 0])).membership
    assert (member, stranger) == (1, 0)
    of_member, of_stranger = by_hand().project(rows([0, 0, -1], [0.6, 0.8, 0]))
    trust = 0.9 / (1 + np.exp(-0.5 / 0.08))
    assert of_member == pytest.approx([np.sqrt(1 - trust**2), 0, -trust], abs=1e-6)
    assert of_stranger == pytest.approx([0.6, 0.8, 0], abs=0.003)


@pytest.mark.parametrize("border", [0.3, 0.5, 0.7])
def test_at_the_border_a_photo_is_half_trusted(border):
    embedding = rows([np.sqrt(1 - border**2), 0, border])
    assert by_hand(border).project(embedding)[0, 2] == pytest.approx(0.45, abs=1e-5)


@given(
    arrays.arrays(
        np.float32, (5, 3), elements=st.floats(-1, 1, width=32).map(lambda x: x if abs(x) > 1e-9 else 0.0)
    )
)
def test_search_vectors_have_unit_length(embeddings):
    vectors, kinds = crowd(dim=3, kinds=2)
    spread = Spread([vectors])
    for learnt in (by_hand(), space.pca(spread), space.folders(spread, vectors, kinds, 0.5)):
        found = learnt.project(embeddings)
        assert found.dtype == np.float32 and found.shape == (5, learnt.width(3))
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


# Written down


def same(one, other):
    return one.kind == other.kind and all(
        np.array_equal(array, other._arrays[name]) for name, array in one._arrays.items()
    )


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 4), st.floats(0, 1))
def test_what_is_written_down_is_read_as_it_was(seed, dim, kinds, border):
    vectors, of = crowd(count=20, dim=dim, kinds=min(kinds, dim), seed=seed)
    spread = Spread([vectors])
    spaces = [Space(), space.pca(spread), space.folders(spread, vectors, of, border)]
    for learnt in spaces:
        read = Space.from_bytes(learnt.to_bytes())
        assert same(read, learnt) and read.mark == learnt.mark
        assert np.array_equal(read.project(vectors), learnt.project(vectors))
    assert len({learnt.mark for learnt in spaces}) == 3


def npz(**members):
    stream = io.BytesIO()
    np.savez(stream, **members)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


PCA = {"kind": np.array("pca"), "center": np.zeros(3), "axes": np.eye(3)[:, :2]}
FOREIGN = {
    "nothing": b"",
    "text": b"this is text",
    "a pickle": pickle.dumps({"kind": "pca"}),
    "one array": npy(np.eye(3)),
    "a pickled array": npz(**{**PCA, "center": np.array([1, "a", None], dtype=object)}),
    "no kind": npz(center=np.zeros(3), axes=np.eye(3)),
    "another kind": npz(**{**PCA, "kind": np.array("map")}),
    "too little": npz(kind=np.array("pca"), center=np.zeros(3)),
    "too much": npz(**PCA, border=np.array(0.5)),
    "NaN": npz(**{**PCA, "center": np.array([0, np.nan, 0])}),
    "infinity": npz(**{**PCA, "axes": np.full((3, 2), np.inf)}),
    "text for numbers": npz(**{**PCA, "center": np.array(["a", "b", "c"])}),
    "another width": npz(**{**PCA, "center": np.zeros(4)}),
    "a row too many": npz(**{**PCA, "center": np.zeros((2, 3))}),
    "one axis": npz(**{**PCA, "axes": np.zeros(3)}),
    "no axes": npz(**{**PCA, "axes": np.zeros((3, 0))}),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_space_is_refused(content):
    with pytest.raises(ValueError, match="damaged"):
        Space.from_bytes(content)


def test_a_number_too_large_for_float32_is_refused():
    with pytest.raises(ValueError, match="damaged"):
        Space.from_bytes(npz(**{**PCA, "center": np.array([0, 1e300, 0])}))


@given(st.data())
def test_damage_is_noticed_or_harmless(data):
    learnt = by_hand()
    content = bytearray(learnt.to_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    try:
        read = Space.from_bytes(bytes(content))
    except ValueError:
        return
    assert same(read, learnt)


def test_a_space_is_made_of_what_its_kind_needs():
    with pytest.raises(ValueError, match="a space of the kind pca is not made of center"):
        Space("pca", center=np.zeros(3))
    with pytest.raises(ValueError, match="not made of nothing"):
        Space("folders")
