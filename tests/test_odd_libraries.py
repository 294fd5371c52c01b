"""Libraries and queries in which there is little to see, with the real network: no nonsense, no noise."""

import logging
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from simsearch import Library
from simsearch.encoder import open_encoder
from simsearch.photos import find
from simsearch.trust import NEAR_IDENTICAL, UNRELATED, WORDS

pytestmark = pytest.mark.network
NETWORK = "efficientnet-lite0"
COLOURS = ["black", "white", "grey", "red", "navy", "#fffeff"]


@pytest.fixture(scope="module", autouse=True)
def _network():
    open_encoder(NETWORK)  # so that whatever makes it first is not measured, nor its noise heard


@pytest.fixture
def library(tmp_path, caplog, capfd):
    """A library that must neither warn, nor have its workers print anything."""
    with caplog.at_level(logging.INFO, "simsearch"):
        with Library.open(tmp_path / "library", backbone=NETWORK) as library:
            yield library
    assert [record.getMessage() for record in caplog.records] == []
    assert tuple(capfd.readouterr()) == ("", "")


def take(photos, album, count):
    """Copy so many photos, as many of one kind as of another."""
    kinds = sorted(folder for folder in (photos / "caltech40").iterdir() if folder.is_dir())[:10]
    for kind in kinds:
        for found in find(kind).photos[: count // len(kinds)]:
            shutil.copy(kind / found.path, album / f"{kind.name}-{found.path}")


def well_formed(hits, count):
    assert len(hits) == len({hit.id for hit in hits}) == count
    scores = [hit.score for hit in hits]
    assert np.isfinite(scores).all() and scores == sorted(scores, reverse=True)
    assert all(-1.001 <= hit.cosine <= 1 and hit.score <= 1 for hit in hits)
    assert {hit.trust for hit in hits} <= {*WORDS, None}
    assert all(hit.beats is None or 0 <= hit.beats < 1 for hit in hits)


def ask_everything(library, query, count):
    for how in (
        {},
        {"rerank": False},
        {"fold": True},
        {"diversity": 0.5},
        {"engine": "faiss"},
    ):
        hits = library.search(query, **how)
        if how not in ({"fold": True}, {"diversity": 0.5}):
            well_formed(hits, min(count, 15))
        assert 1 <= len(hits) <= min(count, 15)
        assert np.isfinite([(hit.score, hit.cosine) for hit in hits]).all()


@pytest.mark.parametrize("count", [30, 150, 250])
def test_fewer_photos_than_dimensions(library, album, real_photos, count):
    take(real_photos, album, count)
    report = library.sync(album, workers=1)  # which of them are altered to learn from goes by their ids
    assert report.added == len(library) == count
    right = Counter[bool]()
    for path in sorted(album.iterdir())[:: count // 10]:
        [itself] = library.search(path, k=1)
        assert itself.path == path and itself.score > 0.99 and itself.trust == NEAR_IDENTICAL
        hits = library.similar(path)
        well_formed(hits, 15)
        right.update(
            hit.path.name.split("-")[0] == path.name.split("-")[0] for hit in hits if hit.trust != UNRELATED
        )
    # Where a kind has three photos, two at most can be right of all that are called so.
    assert right[True] >= (0.45 if count == 30 else 0.8) * right.total()
    ask_everything(library, path, count)
    for colour in COLOURS:
        query = Image.new("RGB", (300, 200), colour)
        ask_everything(library, query, count)
        assert not any(hit.related for hit in library.search(query))


@pytest.mark.parametrize("count", [25, 300])
def test_photos_that_are_all_the_same(library, album, real_photos, count):
    [first, *_] = sorted((real_photos / "caltech40" / "chair").glob("*.jpg"))
    for number in range(count):
        shutil.copy(first, album / f"{number}.jpg")
    assert library.sync(album).added == count
    hits = library.search(first)
    well_formed(hits, 15)
    assert all(hit.score > 0.999 for hit in hits)
    assert {hit.trust for hit in hits} <= {NEAR_IDENTICAL, None}
    assert [hit.id for hit in hits] == list(range(1, 16)), "equal scores by id"
    [folded] = library.search(first, fold=True)
    assert len(folded.copies) >= min(count, 60) - 1
    other = sorted((real_photos / "caltech40" / "laptop").glob("*.jpg"))[0]
    for query in (other, Image.new("RGB", (300, 200), "red")):
        ask_everything(library, query, count)
        assert not {hit.trust for hit in library.search(query)} & {NEAR_IDENTICAL}
    ask_everything(library, first, count)


@pytest.mark.parametrize("count", [24, 260])
def test_photos_of_one_colour_each(library, album, count, real_photos):
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.new("RGB", (90, 60), tuple(rng.integers(0, 256, 3).tolist())).save(album / f"{number}.png")
    assert library.sync(album).added == count
    for path in sorted(album.iterdir())[:5]:
        hits = library.search(path)
        well_formed(hits, 15)
        assert hits[0].cosine > 0.999
    for colour in COLOURS:
        ask_everything(library, Image.new("RGB", (300, 200), colour), count)
    ask_everything(library, sorted((real_photos / "caltech40" / "chair").glob("*.jpg"))[0], count)
