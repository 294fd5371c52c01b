"""Backbones compared on the same photos: by hand with toys, and the real ones on a few real photos."""

import os
import sys
import tempfile
import time
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from simsearch import BackboneError, FolderError, Library, LibraryError, NoLibrary, benchmark, plots
from simsearch.benchmark import compare_backbones
from simsearch.errors import SimsearchError, WriteError
from simsearch.kinds import is_clear, standard_error
from tests.conftest import paint
from tests.toy import RedEyedEncoder, ToyEncoder

RED, GREEN, BLUE, PURPLE = (200, 0, 0), (0, 200, 0), (0, 0, 200), (150, 0, 150)


@pytest.fixture
def toys(monkeypatch, tmp_path):
    """Toys in place of networks, and the folder in which libraries are made meanwhile."""
    known = {"toy": ToyEncoder, "red-eyed": RedEyedEncoder}

    def open_toy(name, *, say):
        if name not in known:
            raise BackboneError(name, "not known", "choose another")
        return known[name]()

    monkeypatch.setattr(benchmark, "open_encoder", open_toy)
    monkeypatch.setattr(benchmark, "_SHORTEST", 0)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return temporary


@pytest.fixture
def two_kinds(album):
    """Two folders with three photos each, warm and cold ones, of different colours."""
    for number in range(3):
        paint(album / "warm" / f"{number}.png", (200, 15 * number, 0))
        paint(album / "cold" / f"{number}.png", (20, 15 * number, 200))
    return album


# By hand


def paths(*counts):
    """Paths of so many photos in folder after folder."""
    names = [f"/{folder:03}/{one:03}.jpg" for folder, count in enumerate(counts) for one in range(count)]
    return [Path(name) for name in names]


def of_folders(sample):
    return sorted(Counter(path.parent.name for path in sample).items())


def test_of_few_photos_all_are_taken():
    assert benchmark._sampled(reversed(paths(3, 4)), 7) == paths(3, 4)


def test_a_sample_is_the_same_in_whatever_order_photos_come():
    sample = benchmark._sampled(paths(30, 30), 20)
    assert sample == benchmark._sampled(reversed(paths(30, 30)), 20) == sorted(set(sample))
    assert of_folders(sample) == [("000", 10), ("001", 10)]


def test_a_small_sample_is_of_two_folders_all_the_same():
    assert of_folders(benchmark._sampled(paths(9, 9, 9), 4))[0][1] == 2


def test_a_small_folder_gives_all_it_has_and_a_large_one_the_rest():
    assert of_folders(benchmark._sampled(paths(90, 3), 20)) == [("000", 17), ("001", 3)]


def test_of_many_folders_some_are_drawn_that_give_ten_each():
    sample = of_folders(benchmark._sampled(paths(*[30] * 50), 100))
    assert [count for _, count in sample] == [10] * 10
    assert [name for name, _ in sample] != [f"{number:03}" for number in range(10)]


def test_of_tiny_folders_as_many_are_drawn_as_it_takes():
    assert of_folders(benchmark._sampled(paths(*[2] * 50), 30))[0][1] == 2
    assert len(benchmark._sampled(paths(*[1] * 50), 30)) == 30


def test_standard_errors_by_hand():
    apart, together = np.arange(100), np.repeat([0, 1], 50)
    gains = np.repeat([1.0, 0.0], 50)
    assert standard_error(gains, apart) == pytest.approx(0.5 / 10)
    # Each half is 25 above, or below, what it should be.
    assert standard_error(gains, together) == pytest.approx(np.sqrt(2 * 25**2) / 100)
    assert is_clear(gains, apart) and not is_clear(gains, together)


def test_what_is_clear_by_hand():
    apart = np.arange(20)
    assert is_clear(np.ones(20), apart)
    assert not is_clear(np.ones(19), apart[:19]), "too few photos"
    assert not is_clear(-np.ones(20), apart) and not is_clear(np.zeros(20), apart)
    assert not is_clear(np.eye(20)[0], apart), "one photo tells nothing"


def test_the_clock_leaves_the_first_tenth_out(monkeypatch):
    clock = benchmark._Clock()
    for done in range(1, 101):
        # The first ten take a second each, the others a twentieth.
        now = float(done) if done <= 10 else 10 + (done - 10) / 20
        monkeypatch.setattr(time, "perf_counter", lambda now=now: now)
        clock.note(done, 100)
    assert clock.rate == pytest.approx(20)


def test_the_clock_goes_on_from_folder_to_folder(monkeypatch):
    clock, now = benchmark._Clock(), 0.0
    for folder in (100, 40, 1):
        now += 60  # until its workers are there
        for done in range(1, folder + 1):
            now += 1 if done <= folder // 10 + 1 else 0.01
            monkeypatch.setattr(time, "perf_counter", lambda now=now: now)
            clock.note(done, folder)
    assert clock.rate == pytest.approx(100)


def test_of_one_photo_no_speed_is_told():
    clock = benchmark._Clock()
    clock.note(1, 1)
    assert clock.rate is None


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ResNet50", ("ResNet50", None)),
        ("ResNet50=w.h5", ("ResNet50", "w.h5")),
        ("ResNet50=a=b.h5", ("ResNet50", "a=b.h5")),
        ("odd=name.keras", ("odd=name.keras", None)),
    ],
)
def test_a_name_may_have_weights(name, parts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd=name.keras").touch()
    assert benchmark._taken_apart(name) == parts


def test_weights_are_handed_on(toys, album, monkeypatch):
    asked = []

    def open_noting(name, **options):
        asked.append((name, options.get("weights")))
        raise BackboneError(name, "no", "no")

    monkeypatch.setattr(benchmark, "open_encoder", open_noting)
    paint(album / "1.png", RED)
    told = compare_backbones(["ResNet50=w.h5", "toy", "toy="], album)
    assert asked == [("ResNet50", "w.h5"), ("toy", None)]
    assert told.refused["toy="] == "backbone toy=: names no file of weights; write it as NAME=FILE.h5."


# With toys


def test_figures_by_hand(toys, album):
    for name, colour in {"1": RED, "2": GREEN, "3": BLUE}.items():
        paint(album / f"{name}.png", colour)
    [told] = compare_backbones(["toy"], album).figures
    assert (told.name, told.identity) == ("toy", str(ToyEncoder.identity))
    # As in the exam: grey is equally far from all three.
    assert told.hit_at_1 == pytest.approx((9 + 1 / 3) / 10) and told.hit_at_10 == 1
    # Three numbers of two bytes, and of four beside an id of eight and a byte that says it is there.
    assert told.bytes == {"embedding": 6, "index": 3 * 4 + 8 + 1}
    took = told.milliseconds
    assert took.keys() == {"decode", "encode", "search", "all"} and min(took.values()) > 0
    assert took["all"] >= max(took["decode"], took["encode"], took["search"])


def test_photos_find_their_folder(toys, two_kinds):
    told = compare_backbones(["toy", "red-eyed"], two_kinds)
    assert [(one.precision_at_1, one.precision_at_15) for one in told.figures] == [(1, 1), (1, 1)]
    assert (told.photos, told.collection, told.folders, told.asking) == (6, 6, 2, 6)
    assert told.chance == pytest.approx(2 / 5)
    assert all(one.behind == () for one in told.figures)


@pytest.mark.parametrize("layout", [["a"] * 4, ["a", "b", "c", "d"]])
def test_where_folders_tell_nothing_nothing_is_told(toys, album, layout):
    for number, folder in enumerate(layout):
        paint(album / folder / f"{number}.png", (200, 20 * number, 0))
    told = compare_backbones(["toy"], album)
    assert told.figures[0].precision_at_1 is told.figures[0].precision_at_15 is told.chance is None
    assert told.asking == 0 and told.figures[0].hit_at_10 == 1


def test_a_worse_network_is_clearly_behind(toys, album):
    """All are equally red, and each folder is of another yellow: who sees only red is blind to it."""
    for folder in range(10):
        for side in (8, 16, 24, 32):
            paint(album / str(folder) / f"{side}.png", (200, 20 * folder, 0), size=(side, side))
    bad, good = compare_backbones(["red-eyed", "toy"], album).figures
    assert "precision_at_15" in bad.behind and good.behind == ()
    assert good.precision_at_15 == 1 and bad.precision_at_15 == pytest.approx(0.1, abs=0.1)
    assert bad.errors["precision_at_15"] > good.errors["precision_at_15"] == 0


def test_all_are_asked_about_the_same_photos(toys, two_kinds):
    paint(two_kinds / "cold" / "unseen.png", BLUE)
    paint(two_kinds / "cold" / "broken.png", BLUE).write_bytes(b"no picture")
    told = compare_backbones(["red-eyed", "toy"], two_kinds)
    assert told.photos == 8 and told.altered == told.asking == 6
    assert [(Path(path).name, reason[:13]) for path, reason in told.failed] == [
        ("broken.png", "not a picture"),
        ("unseen.png", "it sees nothi"),
    ]


def test_what_cannot_be_had_does_not_stop_the_others(toys, two_kinds):
    told = compare_backbones(["nonsense", "toy", "toy"], two_kinds)
    assert [one.name for one in told.figures] == ["toy"]
    assert told.refused == {"nonsense": "backbone nonsense: not known; choose another."}


def test_photos_that_a_network_makes_nothing_of(toys, album):
    paint(album / "1.png", BLUE)
    told = compare_backbones(["red-eyed", "toy"], album)
    assert told.refused == {
        "red-eyed": "backbone red-eyed: makes nothing of any photo; it sees nothing that is not red."
    }
    assert told.figures[0].hit_at_10 == 1


def test_nothing_is_left_and_no_photo_is_touched(toys, two_kinds):
    before = {path: path.stat().st_mtime_ns for path in two_kinds.rglob("*")}
    compare_backbones(["toy", "red-eyed"], two_kinds)
    assert {path: path.stat().st_mtime_ns for path in two_kinds.rglob("*")} == before
    assert os.listdir(toys) == []


@pytest.mark.parametrize("when", ["indexing", "altered", "same folder"])
def test_ctrl_c_leaves_nothing(toys, two_kinds, when):
    def interrupt(doing, done, total):
        if when in doing:
            assert os.listdir(toys) != []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_backbones(["toy"], two_kinds, progress=interrupt)
    assert os.listdir(toys) == []


def test_progress_is_told_by_backbone(toys, two_kinds):
    steps = []
    compare_backbones(["toy"], two_kinds, progress=lambda *step: steps.append(step))
    assert ("reading the photos", 6, 6) in steps and ("toy: indexing", 6, 6) in steps
    assert steps[-1] == ("toy: searching for photos of the same folder", 6, 6)


def test_a_library_of_two_folders(toys, toy_library, two_kinds):
    for folder in ("warm", "cold"):
        toy_library.sync(two_kinds / folder, workers=1)
    steps = []
    told = compare_backbones(["toy"], library=toy_library.path, progress=lambda *step: steps.append(step))
    assert [step[1:] for step in steps if step[0] == "toy: indexing"] == [(done, 6) for done in range(1, 7)]
    assert (told.photos, told.folders) == (6, 2) and (told.figures[0].images_per_second or 0) > 0


def test_the_photos_of_a_library_are_used(toys, toy_library, two_kinds):
    toy_library.sync(two_kinds, workers=1)
    (two_kinds / "warm" / "2.png").unlink()
    toy_library.sync()
    told = compare_backbones(["red-eyed"], library=toy_library.path, sample=4)
    assert (told.photos, told.collection, told.folders) == (4, 5, 2)
    assert len(toy_library) == 5 and toy_library.backbone == "toy"


def test_a_photo_that_is_gone_is_told(toys, toy_library, two_kinds):
    toy_library.sync(two_kinds, workers=1)
    (two_kinds / "warm" / "2.png").unlink()
    told = compare_backbones(["toy"], library=toy_library.path)
    assert told.failed == ((str(two_kinds / "warm" / "2.png"), "its file is no longer there"),)


@pytest.fixture(autouse=True)
def _any_library(monkeypatch):
    """Libraries may be opened that no known network has made."""
    opened = Library.open.__func__  # type: ignore[attr-defined]

    def open_any(cls, /, path=None, **options):
        return opened(cls, path, **{"encoder": ToyEncoder(), **options})

    monkeypatch.setattr(Library, "open", classmethod(open_any))


def test_without_photos_there_is_one_sentence(toys, toy_library, two_kinds, tmp_path):
    with pytest.raises(LibraryError, match="holds no photos yet; index some"):
        compare_backbones(["toy"], library=toy_library.path)
    with pytest.raises(NoLibrary):
        compare_backbones(["toy"], library=tmp_path / "nowhere")
    with pytest.raises(FolderError, match="no such folder"):
        compare_backbones(["toy"], tmp_path / "nowhere")
    with pytest.raises(FolderError, match="holds no photos"):
        compare_backbones(["toy"], toys)
    toy_library.sync(two_kinds, workers=1)
    two_kinds.rename(tmp_path / "away")
    with pytest.raises(LibraryError, match="none of its folders is there just now"):
        compare_backbones(["toy"], library=toy_library.path)


def test_what_makes_no_sense_is_refused(two_kinds):
    with pytest.raises(ValueError, match="there must be a backbone"):
        compare_backbones([], two_kinds)
    with pytest.raises(ValueError, match="at least 1"):
        compare_backbones(["toy"], two_kinds, sample=0)


# Plots

POINTS = [plots.Point(f"network-{one}", 10 + 0.1 * one, 0.9 + one / 5000, 0.01) for one in range(9)]


def test_labels_do_not_overlap(monkeypatch):
    pytest.importorskip("matplotlib")
    drawn = []
    new_figure = plots._figure

    def noting(**options):
        drawn.append(new_figure(**options))
        return drawn[0]

    monkeypatch.setattr(plots, "_figure", noting)
    png = plots.quality_against_speed({"one": POINTS, "other": [*POINTS[:2], POINTS[0]]})
    assert png.startswith(b"\x89PNG")
    from matplotlib.text import Text

    for axes in drawn[0].axes:
        boxes = [Text.get_window_extent(label) for label in axes.texts]
        assert len(boxes) in (3, 9)
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_names_of_files_are_written_as_they_are():
    pytest.importorskip("matplotlib")
    assert plots.quality_against_speed({"one": [plots.Point("$\\frac{$" + 40 * "a", 1, 1, 0)]})


def test_without_matplotlib_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SimsearchError, match=r'a plot needs matplotlib.*; pip install "simsearch\[plot\]"\.'):
        plots.quality_against_speed({"one": POINTS})


def test_a_plot_takes_nothings_place(tmp_path):
    plots.save(tmp_path / "new.png", b"a plot")
    for name, reason in {"new.png": "exists", "no/new.png": "no such", "new.jpg": "a plot is a PNG"}.items():
        with pytest.raises(WriteError, match=f"(?i){reason}"):
            plots.save(tmp_path / name, b"another")
    assert (tmp_path / "new.png").read_bytes() == b"a plot" and len(os.listdir(tmp_path)) == 1


# The real ones


@pytest.mark.network
def test_the_real_networks_on_a_few_photos(real_photos, monkeypatch):
    monkeypatch.setattr(benchmark, "KNOWN_ITEMS", 3)
    monkeypatch.setattr(benchmark, "_QUERIES", 7)
    names = ["efficientnet-lite0", "efficientnet-lite2"]
    told = compare_backbones(names, real_photos / "caltech40", sample=12)
    assert (told.photos, told.collection, told.folders, told.altered) == (12, 2048, 2, 3)
    small, large = told.figures
    for one in (small, large):
        hits, kin = one.hit_at_10 or 0, one.precision_at_1 or 0
        assert hits > 0.9 and kin > 0.8 > (told.chance or 1)
        assert one.bytes["embedding"] == 2560
    assert small.milliseconds["encode"] < large.milliseconds["encode"]
