import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from simsearch import Library, child, cli, demo, pool
from tests import kept
from tests.toy import ToyEncoder

PHOTOS = Path(__file__).parents[2] / "shared" / "photos"
MEMORY_DISK = Path("/dev/shm")
# How long anything takes is for the benchmarks: a machine may be busy with something else.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure():
    """Write into memory, where there is enough of it: every library waits for the disk twenty times."""
    if os.access(MEMORY_DISK, os.W_OK) and shutil.disk_usage(MEMORY_DISK).free > 2 << 30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY_DISK))


@pytest.fixture(autouse=True)
def _nobody_elses_library(monkeypatch):
    monkeypatch.delenv("SIMSEARCH_LIBRARY", raising=False)


@pytest.fixture(autouse=True)
def _workers(monkeypatch, _idle_workers):
    """Workers outlast a test; where they are what is tested, a module has a fixture of this name."""
    monkeypatch.setattr(child, "Child", kept.worker)
    monkeypatch.setattr(pool, "SECONDS_A_LOOK", 0.002)


@pytest.fixture(scope="session")
def _idle_workers():
    yield
    kept.stop_all()


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


@pytest.fixture(scope="session")
def gallery_library(gallery, tmp_path_factory):
    """The folder of a library of the gallery, made with the network once; to change it, take a copy."""
    folder = tmp_path_factory.mktemp("gallery-library")
    with Library.open(folder) as library:
        assert library.sync(gallery).added == len(demo.KINDS) * demo.PICTURES_PER_KIND
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


# The command


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The commands' library, with the toy in place of a network."""
    open_library = Library.open.__func__  # type: ignore[attr-defined]

    def open_with_toy(cls, path=None, *, backbone=None, **options):
        return open_library(cls, path, encoder=ToyEncoder(), **options)

    monkeypatch.setattr(Library, "open", classmethod(open_with_toy))  # type: ignore[arg-type]
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(tmp_path / "library"))
    return tmp_path / "library"


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code, standard output and standard error."""

    def run(*arguments):
        try:
            code: object = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


# The page

COLOURS = {"red": (200, 0, 0), "orange": (200, 90, 0), "blue": (0, 0, 200), "sky": (60, 90, 200)}


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page on a library in a temporary folder, with the toy in place of a network."""
    st = pytest.importorskip("streamlit")
    from streamlit.components.v2 import manifest_scanner
    from streamlit.testing.v1 import AppTest

    from simsearch.ui import grid

    # The harness looks for components into every package there is, once a test; the page's are its own.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list, raising=False)

    open_library = Library.open.__func__  # type: ignore[attr-defined]
    opened = []

    def open_with_toy(cls, /, path=None, **options):
        opened.append(open_library(cls, path, encoder=ToyEncoder(), **options))
        return opened[-1]

    monkeypatch.setattr(Library, "open", classmethod(open_with_toy))
    monkeypatch.setattr(grid, "show", _with_buttons(grid.show))
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(tmp_path / "library"))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield AppTest.from_file("../app.py", default_timeout=30)
    for library in opened:
        library.close()


def _with_buttons(show):
    """A grid that has its deeds as buttons, too: the harness does not reach into a component."""

    def showing(library, hits, key, deeds, **marks):
        import streamlit as st

        from simsearch.ui.words import plain

        show(library, hits, key, deeds, **marks)
        for hit in hits:
            for name, deed in deeds.items():
                label = f"{name.capitalize()} {plain(hit.path.name)}" if "like" in name else deed.hint
                st.button(label, key=f"{name}-{hit.id}", on_click=deed.do, args=(hit,))

    return showing


@pytest.fixture
def filled(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        exif = Image.Exif()
        exif[0x0132] = "2019:07:21 16:05:09"
        for name, colour in COLOURS.items():
            paint(album / "my **colours**" / f"{name}.jpg", colour, exif=exif)
        library.sync(album)
    return page.run()


# The page in a real browser


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            # Root may not use the sandbox, and only the page under test is visited.
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-sync",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield browser
        browser.close()
