"""The benchmarks: their arithmetic, on values to be worked out in one's head, and that each of them runs."""

import hashlib
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scripts import (
    bench_clusters,
    bench_pipeline,
    bench_quality,
    bench_report,
    bench_scale,
    bench_scale_out,
    bench_search,
    fuzz,
    torture,
)
from scripts.retrieval import average_precision, leave_one_out, precision_at, rank_others
from simsearch import FolderError, Library, PhotoError, SimsearchError, pixels
from simsearch.store import Store
from tests.conftest import paint

SCRIPTS = {
    "bench_quality": bench_quality,
    "bench_clusters": bench_clusters,
    "bench_pipeline": bench_pipeline,
    "bench_search": bench_search,
    "bench_scale": bench_scale,
    "bench_scale_out": bench_scale_out,
    "torture": torture,
    "fuzz": fuzz,
}
FOLDER = Path(__file__).parents[1] / "scripts"
BACKBONE = ["--backbone", "efficientnet-lite2"]


def ranked(text):
    """A ranking, best first: r is relevant, a dot is not."""
    return np.array([[letter == "r" for letter in line] for line in text.split()])


def at_angles(*degrees):
    """Unit vectors in the plane."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


# Metrics


@pytest.mark.parametrize(
    ("ranking", "k", "share"),
    [("r..", 1, 1), (".rr", 1, 0), (".rr", 2, 0.5), ("rr.", 3, 2 / 3), ("rr", 4, 0.5), ("..", 15, 0)],
)
def test_precision_is_the_share_of_relevant_items_among_the_first_k(ranking, k, share):
    assert precision_at(ranked(ranking), k) == [share]


@pytest.mark.parametrize(
    ("ranking", "mean"),
    [
        ("r", 1),
        ("rr..", 1),
        (".r", 1 / 2),
        ("r.r", (1 + 2 / 3) / 2),
        ("..rr", (1 / 3 + 2 / 4) / 2),
        ("..", 0),
    ],
)
def test_average_precision_is_the_mean_of_the_precision_at_each_relevant_rank(ranking, mean):
    assert average_precision(ranked(ranking)) == pytest.approx([mean])


def test_metrics_take_several_queries_at_once():
    rankings = ranked("r.. .r. ..r")
    assert precision_at(rankings, 1).tolist() == [1, 0, 0]
    assert average_precision(rankings) == pytest.approx([1, 1 / 2, 1 / 3])


# Ranking


def test_an_item_is_not_among_its_own_answers():
    order = rank_others(at_angles(0, 10, 50), np.array([0, 1, 2]))
    assert order.tolist() == [[1, 2], [0, 2], [1, 0]]


def test_equal_scores_are_ranked_by_number():
    order = rank_others(at_angles(90, 0, 0, 90, 0), np.array([2]))
    assert order.tolist() == [[1, 4, 0, 3]]


def test_only_the_queries_asked_for_are_ranked():
    assert rank_others(at_angles(0, 10, 50), np.array([2])).tolist() == [[1, 0]]


# Leave one out


def test_leave_one_out_of_two_separate_classes_is_perfect_but_for_their_size():
    quality = leave_one_out(at_angles(0, 1, 2, 90, 91, 92), np.array([0, 0, 0, 1, 1, 1]))
    assert list(quality) == pytest.approx([6, 1, 2 / 15, 1])


def test_leave_one_out_of_classes_that_are_interleaved():
    quality = leave_one_out(at_angles(0, 10, 25, 45), np.array([0, 1, 0, 1]))
    assert quality.precision_at_1 == 0
    # Each has one right answer. Its rank, seen from 0, 10, 25 and 45 degrees: 2, 3, 3, 2.
    assert quality.mean_average_precision == pytest.approx((1 / 2 + 1 / 3 + 1 / 3 + 1 / 2) / 4)
    assert quality.precision_at_15 == pytest.approx(1 / 15)


def test_an_item_alone_in_its_class_does_not_ask_but_is_in_the_way():
    quality = leave_one_out(at_angles(0, 1, 3), np.array([0, 1, 0]))
    assert quality.queries == 2
    assert quality.precision_at_1 == 0
    assert quality.mean_average_precision == pytest.approx(1 / 2)


def test_nobody_to_ask_is_an_error():
    with pytest.raises(ValueError, match="no class has two items"):
        leave_one_out(at_angles(0, 10), np.array([0, 1]))


def test_the_size_of_a_block_changes_nothing(monkeypatch):
    generator = np.random.default_rng(7)
    vectors = generator.normal(size=(40, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = generator.integers(0, 6, 40)
    whole = leave_one_out(vectors, labels)
    monkeypatch.setattr("scripts.retrieval._SCORES_AT_ONCE", 120)
    assert leave_one_out(vectors, labels) == pytest.approx(whole)


def test_the_class_is_the_folder_directly_below():
    folder = Path("/photos")
    assert bench_quality.class_of(folder / "cups" / "blue" / "1.jpg", folder) == "cups"
    assert bench_quality.class_of(folder / "1.jpg", folder) == "1.jpg"


def test_embeddings_are_read_back_by_id_at_unit_length(toy_library, album):
    red, blue = paint(album / "1.png", (200, 0, 0)), paint(album / "2.png", (10, 20, 200))
    toy_library.sync(album)
    with closing(Store(toy_library.path)) as store:
        ids, paths, vectors = bench_quality.embeddings(store, 3)
    assert sorted(paths) == [red, blue] and sorted(ids) == ids.tolist()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert vectors[paths.index(red)] == pytest.approx([1, 0, 0])


# Clusters


@pytest.mark.parametrize(
    ("labels", "clusters", "ami", "pure", "nowhere"),
    [
        ([0, 0, 0, 1, 1, 1], 2, 1, 1, 0),
        ([1, 1, 1, 0, 0, 0], 2, 1, 1, 0),
        ([0, 0, 0, 0, 0, 0], 1, 0, 1 / 2, 0),
        ([-1, -1, -1, -1, -1, -1], 0, 0, 0, 1),
        ([0, 0, 1, 1, 1, -1], 2, None, 4 / 5, 1 / 6),
    ],
)
def test_clusters_are_held_against_classes(labels, clusters, ami, pure, nowhere):
    pytest.importorskip("sklearn")
    told = bench_clusters.agreement(np.array([0, 0, 0, 1, 1, 1]), np.array(labels))
    assert (told["clusters"], told["pure"], told["nowhere"]) == pytest.approx((clusters, pure, nowhere))
    assert 0 < told["ami"] < 1 if ami is None else told["ami"] == pytest.approx(ami, abs=1e-6)


@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn")
def test_every_method_finds_what_is_far_apart():
    pytest.importorskip("sklearn")
    vectors, classes = at_angles(*range(12), *range(90, 102)), np.repeat([0, 1], 12)
    methods = dict(bench_clusters.others(vectors, 2))
    assert list(methods) == [
        "k-means, k = 2",
        "k-means, k = 5",
        *(f"HDBSCAN, {n}" for n in (5, 10, 20)),
        "Ward, k = 2",
    ]
    for name in ("k-means, k = 2", "HDBSCAN, 10", "Ward, k = 2"):
        assert bench_clusters.agreement(classes, methods[name]())["ami"] == pytest.approx(1), name
    labels, _ = bench_clusters.clusters(np.arange(24) * 3, vectors)
    assert bench_clusters.agreement(classes, labels["coarse"])["pure"] == 1


def test_without_a_folder_only_time_is_told(capsys):
    assert bench_clusters.main(["--sizes", "300", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    [row] = report["time"]
    assert row["vectors"] == 300 and row["fine"] >= row["medium"] >= row["coarse"] >= 1
    assert "agreement" not in report


def test_clusters_need_two_classes(album, capsys):
    paint(album / "one" / "1.png", "red")
    assert bench_clusters.main([str(album)]) == 2
    assert "no two classes" in capsys.readouterr().err


# Copies and decoding


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tif", "ppm", "avif", "jp2"])
def test_a_copy_is_the_same_picture_in_another_file(album, tmp_path, suffix):
    original = album / "deep" / f"1.{suffix}"
    original.parent.mkdir()
    Image.linear_gradient("L").convert("RGB").save(original)
    bench_pipeline.copy_photos([original], album, tmp_path / "copies", 2)
    copies = [tmp_path / "copies" / str(number) / "deep" / f"1.{suffix}" for number in (0, 1)]
    files = [path.read_bytes() for path in (original, *copies)]
    assert len({hashlib.sha256(data).hexdigest() for data in files}) == 3
    seen = [np.asarray(pixels.decode(data, "it", at_least=64).image) for data in files]
    assert (seen[1] == seen[0]).all() and (seen[2] == seen[0]).all()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_copy_of_a_damaged_photo_is_damaged(album, tmp_path, suffix):
    path = album / f"1.{suffix}"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-200])
    bench_pipeline.copy_photos([path], album, tmp_path / "copies", 1)
    with pytest.raises(PhotoError):
        pixels.decode((tmp_path / "copies" / "0" / path.name).read_bytes(), "it", at_least=64)


def test_decoding_alone_turns_a_photo_upright_and_letterboxes_it(album):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned to the right
    path = paint(album / "1.jpg", "red", (40, 20), exif=exif)
    square = bench_pipeline.decode_alone(path.read_bytes(), 20)
    assert square.size == (20, 20)
    assert square.getpixel((1, 10)) == (127, 127, 127)
    assert square.getpixel((10, 1)) == pytest.approx((254, 0, 0), abs=2)


def test_all_files_are_decoded_and_those_that_cannot_be_are_counted(album):
    files = [paint(album / f"{number}.png", "red") for number in range(5)]
    files[2].write_text("this is text")
    seconds, failed = bench_pipeline.time_decoding(files, 8, 2)
    assert seconds > 0
    assert failed == 1


# Reports


def test_a_spread_has_the_middle_and_both_ends():
    assert bench_report.spread([3.0, 1.0, 8.0]) == (3.0, 1.0, 8.0)
    assert str(bench_report.spread([20.0, 10.0, 1000.0])) == "20.0 (10.0 to 1,000)"


@pytest.fixture
def findings():
    rows: list[dict[str, Any]] = [
        {"what": "one", "rate": bench_report.spread([2.0, 4.0]), "hidden": None},
        {"what": "another", "rate": bench_report.spread([1200.0]), "hidden": 1},
    ]
    table = bench_report.Table("speed", {"what": "measured", "rate": "images/s"}, rows, ["A note."])
    return bench_report.Findings({"files": 1200}, [table])


def test_a_report_says_what_was_measured_and_where(findings):
    text = bench_report.as_text("bench", findings)
    assert text.startswith("bench: files 1,200\n")
    assert f"Python {sys.version.split()[0]}" in text
    assert f"numpy {np.__version__}" in text
    assert text.splitlines()[-4:] == [
        "measured                images/s",
        "one       3.000 (2.000 to 4.000)",
        "another   1,200 (1,200 to 1,200)",
        "A note.",
    ]


def test_json_has_every_value_of_every_row(findings):
    report = json.loads(json.dumps(bench_report.as_json("bench", findings)))
    assert report["benchmark"] == "bench"
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["numpy"] == np.__version__
    assert report["speed"][0] == {"what": "one", "rate": {"median": 3, "min": 2, "max": 4}, "hidden": None}


def test_unless_named_the_networks_that_come_with_simsearch_are_measured():
    parser = bench_report.Parser("A check.", "check")
    parser.add_backbones()
    assert parser.parse_args([]).backbone == ["efficientnet-lite2", "efficientnet-lite0"]
    assert parser.parse_args(["--backbone", "ResNet50"]).backbone == ["ResNet50"]


@pytest.mark.parametrize(("broken", "code"), [([], 0), (["a photo is lost"], 1)])
def test_what_is_not_as_it_must_be_is_told_and_makes_the_exit_code_1(findings, broken, code, capsys):
    parser = bench_report.Parser("A check.", "check")
    parser.prog = "check.py"
    assert bench_report.run(parser, lambda options: findings._replace(broken=broken), ["--json"]) == code
    printed = capsys.readouterr()
    assert json.loads(printed.out)["broken"] == broken
    assert printed.err == "".join(f"check.py: {sentence}\n" for sentence in broken)


# The scripts


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_tells_what_is_measured_and_gives_an_example(name, tmp_path):
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert (SCRIPTS[name].__doc__ or "?").partition("\n")[0] in done.stdout
    assert f"example: python scripts/{name}.py" in done.stdout


@pytest.mark.parametrize("name", ["bench_quality", "bench_clusters", "bench_pipeline"])
@pytest.mark.parametrize(("folder", "reason"), [("album", "holds no photos"), ("nowhere", "no such folder")])
def test_without_photos_a_script_says_so_in_one_sentence(name, folder, reason, album, capsys):
    assert SCRIPTS[name].main([str(album.parent / folder)]) == 2
    printed = capsys.readouterr()
    assert reason in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_quality_needs_classes(album, capsys):
    paint(album / "1.png", "red")
    paint(album / "2.png", "red")
    assert bench_quality.main([str(album)]) == 2
    assert "no two photos of a class" in capsys.readouterr().err


def test_search_needs_a_library_with_photos(tmp_path, capsys):
    assert bench_search.main(["--library", str(tmp_path / "none")]) == 2
    Library.open(tmp_path / "empty").close()
    assert bench_search.main(["--library", str(tmp_path / "empty")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "holds no photos" in errors[1]


@pytest.mark.parametrize("wrong", [["--backbone", "resnet"], ["--repeats", "0"]])
def test_wrong_arguments_are_named_in_one_sentence(wrong, album, capsys):
    with pytest.raises(SystemExit) as left:
        bench_pipeline.main([str(album), *wrong])
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_command_that_fails_stops_the_benchmark_with_its_last_word(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('well:\\nno such thing')"]
    with pytest.raises(SimsearchError, match="failed: no such thing"):
        bench_search.run_process(command, bench_search.child_environment(tmp_path))


def test_a_command_has_its_own_time_and_memory_taken(tmp_path):
    environment = bench_search.child_environment(tmp_path)
    ours = bytearray(b"x") * 100_000_000  # must not count as the child's
    run = bench_search.run_process([sys.executable, "-c", "bytearray(b'x') * 50_000_000"], environment)
    assert run.seconds > 0
    assert 50 < run.peak_megabytes < len(ours) / 1e6


def test_photo_files_are_those_that_indexing_looks_into(album):
    path = paint(album / "deep" / "1.png", "red")
    paint(album / ".hidden.png", "red")
    (album / "notes.txt").write_text("x")
    assert bench_report.photo_files(album) == [path]
    with pytest.raises(FolderError):
        bench_report.photo_files(path)


# End to end, with a real network


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Six drawn pictures of two kinds."""
    from simsearch.demo import KINDS, draw_picture

    folder = tmp_path_factory.mktemp("drawn")
    for kind in KINDS[:2]:
        (folder / kind).mkdir()
        for seed in range(3):
            draw_picture(kind, seed).save(folder / kind / f"{seed}.jpg")
    return folder


@pytest.mark.network
def test_quality_prints_one_json_object(drawn, capsys):
    assert bench_quality.main([str(drawn), *BACKBONE, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    row = report["quality"][0]
    assert (row["backbone"], row["photos"], row["classes"], row["queries"]) == ("efficientnet-lite2", 6, 2, 6)
    assert [row["ranking"] for row in report["quality"]] == ["raw", "space", "search"]
    assert {row["precision_at_1"] for row in report["quality"]} == {1}
    assert report["folders as labels"] == [], "there are too few to learn from"
    [words] = report["what the words mean"]
    assert words["unlike"] == 60 and words["called"] == 0, "six photos tell nothing"


@pytest.mark.network
def test_clusters_print_one_json_object(drawn, capsys):
    pytest.importorskip("sklearn")
    assert bench_clusters.main([str(drawn), *BACKBONE, "--sizes", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in report["agreement"]][:3] == [
        f"simsearch, {grain}" for grain in ("fine", "medium", "coarse")
    ]
    assert all(row["backbone"] == "efficientnet-lite2" and row["ami"] <= 1 for row in report["agreement"])
    assert "time" not in report


@pytest.mark.network
def test_pipeline_prints_one_json_object(drawn, capsys):
    assert bench_pipeline.main([str(drawn), *BACKBONE, "--repeats", "1", "--copies", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["files"], report["copies"], report["folder"]) == (12, 2, str(drawn))
    rows = {row["measured"]: row for row in report["pipeline"]}
    assert list(rows) == ["decoding alone", "indexing", "indexing, once started"]
    assert rows["decoding alone"]["share_of_decoding"] == 1
    assert rows["indexing"]["failed_to_decode"] == 0


@pytest.mark.network
def test_search_prints_one_json_object(drawn, tmp_path, capsys):
    with Library.open(tmp_path / "library") as library:
        library.sync(drawn)
    assert bench_search.main(["--library", str(tmp_path / "library"), "--repeats", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["photos"], report["queries"]) == (6, 10)
    assert report["cold"][0]["process"] == "bare imports"
    assert report["cold"][0]["times_bare"] == 1
    assert [row["step"] for row in report["warm"]] == ["decode", "encode", "find", "Library.search"]
