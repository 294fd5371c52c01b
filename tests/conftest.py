from pathlib import Path

import pytest
from PIL import Image

from simsearch import Library, demo
from tests.toy import ToyEncoder

PHOTOS = Path(__file__).parents[2] / "shared" / "photos"


@pytest.fixture(autouse=True)
def _nobody_elses_library(monkeypatch):
    monkeypatch.delenv("SIMSEARCH_LIBRARY", raising=False)


@pytest.fixture
def album(tmp_path):
    """An empty folder for photos."""
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


@pytest.fixture
def toy_library(tmp_path):
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        yield library


@pytest.fixture(scope="session")
def gallery(tmp_path_factory):
    """The demo gallery, drawn once for all tests."""
    folder = tmp_path_factory.mktemp("gallery")
    demo.draw_gallery(folder)
    return folder


def paint(path, colour, size=(8, 8), **save):
    """Save a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **save)
    return path


@pytest.fixture(scope="session")
def real_photos():
    """The folder of real photos beside the repository; tests that need it are skipped without."""
    if not PHOTOS.is_dir():
        pytest.skip(f"the real photos are not there ({PHOTOS})")
    return PHOTOS
