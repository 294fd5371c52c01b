"""The drawn gallery: what is in it, and that it is always the same."""

import os
from itertools import pairwise

import numpy as np
import pytest
from PIL import ExifTags, Image

from simsearch import WriteError
from simsearch.demo import KINDS, PICTURES_PER_KIND, draw_gallery, draw_picture


def pixels(picture: Image.Image) -> np.ndarray:
    """Return a picture made small, of shape (16, 16, 3), 0 to 255."""
    return np.asarray(picture.convert("RGB").resize((16, 16), Image.Resampling.BOX), float)


def test_the_gallery_has_a_folder_of_pictures_for_every_kind(gallery):
    assert sorted(path.name for path in gallery.iterdir() if path.is_dir()) == sorted(KINDS)
    for kind in KINDS:
        names = sorted(path.name for path in (gallery / kind).iterdir())
        slug = kind.replace(" ", "-")
        assert names == [f"{slug}-{number:02d}.jpg" for number in range(1, PICTURES_PER_KIND + 1)]
    assert len(KINDS) == 12
    assert len(list(gallery.rglob("*.jpg"))) >= 300


def test_a_second_call_leaves_the_files_alone_and_restores_a_missing_one(gallery):
    before = {path: path.stat().st_mtime_ns for path in gallery.rglob("*.*")}
    missing = gallery / KINDS[0] / f"{KINDS[0].replace(' ', '-')}-03.jpg"
    content = missing.read_bytes()
    missing.unlink()
    calls = []

    paths = draw_gallery(os.fspath(gallery), lambda done, total: calls.append((done, total)))

    assert missing.read_bytes() == content
    after = {path: path.stat().st_mtime_ns for path in gallery.rglob("*.*")}
    assert after.keys() == before.keys()
    assert [path for path in before if before[path] != after[path]] == [missing]
    assert paths == sorted(paths, key=lambda path: (KINDS.index(path.parent.name), path.name))
    assert calls == [(done, len(paths)) for done in range(1, len(paths) + 1)]


def test_a_picture_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WriteError, match="disk full"):
        draw_gallery(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_readme_says_that_the_pictures_are_drawn(gallery):
    text = (gallery / "README.txt").read_text()
    assert "DRAWN by simsearch" in text
    assert "not photographs" in text


def test_every_file_is_a_jpeg_with_a_date(gallery):
    dates = set()
    for path in gallery.rglob("*.jpg"):
        with Image.open(path) as picture:
            assert (picture.format, picture.mode) == ("JPEG", "RGB")
            assert 400 <= min(picture.size) <= max(picture.size) <= 700
            dates.add(picture.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal])
    assert len(dates) > 300
    assert len({date[:4] for date in dates}) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_and_a_seed_always_give_the_same_picture(kind):
    first, second = draw_picture(kind, 1000), draw_picture(kind, 1000)
    assert first.mode == "RGB"
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_a_kind_differ(gallery, kind):
    pictures = [pixels(Image.open(path)) for path in sorted((gallery / kind).iterdir())]
    assert min(np.abs(one - other).mean() for one, other in pairwise(pictures)) > 4


@pytest.mark.parametrize("kind", KINDS)
def test_mean_colours_are_those_pinned(kind):
    # A few levels of slack: other processors round differently, and decoders too.
    assert pixels(draw_picture(kind, 0)).mean(axis=(0, 1)) == pytest.approx(MEAN_COLOURS[kind], abs=3)


def test_an_unknown_kind_is_refused_with_the_names_of_the_known_ones():
    with pytest.raises(ValueError, match="unknown kind 'unicorns'.*espresso cups.*bookshelves"):
        draw_picture("unicorns", 0)


MEAN_COLOURS: dict[str, tuple[float, float, float]] = {
    "espresso cups": (106, 104, 99),
    "wall clocks": (148, 157, 147),
    "church windows": (50, 65, 62),
    "sunsets over the sea": (179, 109, 97),
    "hot-air balloons": (147, 162, 163),
    "snowy mountains": (142, 143, 146),
    "sunflowers": (130, 120, 50),
    "butterflies": (109, 119, 59),
    "pizzas": (198, 171, 146),
    "strawberries": (147, 94, 65),
    "chessboards": (149, 115, 112),
    "bookshelves": (64, 59, 56),
}
