"""The benchmark of groups: what it counts, by hand, and that it runs."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from scripts import bench_groups
from simsearch import CopyGroup
from simsearch.index.graph import Graph
from tests.textures import save, texture


def group(best, *others):
    photos = [SimpleNamespace(path=Path(name)) for name in (best, *others)]
    return CopyGroup(photos[0], 1, tuple(SimpleNamespace(photo=photo) for photo in photos[1:]))  # type: ignore[misc, arg-type]


def test_a_copy_is_found_where_it_is_in_one_group_with_its_original():
    groups = [
        group("original/1.png", "mirrored/1.jpg", "cropped/2.jpg"),
        group("rotated/2.jpg", "original/2.png", "mirrored/2.jpg"),
    ]
    found = bench_groups.found_copies(groups, 2)
    assert found == dict.fromkeys(bench_groups.CHANGES, 0) | {"mirrored": 1, "rotated": 0.5}


def test_pairs_of_different_originals_are_false():
    groups = [
        group("original/1.png", "original/3.png", "mirrored/9.jpg", "original/2.png"),
        group("original/4.png"),
    ]
    assert bench_groups.false_pairs(groups) == {("1", "2"), ("1", "3"), ("2", "3")}


def test_six_copies_are_made_of_each_photo(tmp_path):
    photos = [save(texture(seed, (80, 60)), tmp_path / f"{seed}.jpg") for seed in (1, 2)]
    bench_groups.make_copies(photos, tmp_path / "made")
    sizes = {}
    for name in ("original", *bench_groups.CHANGES):
        files = sorted((tmp_path / "made" / name).iterdir())
        assert len(files) == 2
        with Image.open(files[0]) as image:
            sizes[name] = image.size
    assert sizes == dict.fromkeys(sizes, (80, 60)) | {
        "quarter size": (20, 15),
        "cropped": (56, 42),
        "rotated": (60, 80),
    }


def test_near_pairs_are_told_once_the_smaller_id_first():
    vectors = np.eye(4, dtype=np.float32)
    vectors[3] = [0.8, 0, 0, 0.6]
    graph = Graph.build(np.array([2, 4, 6, 8]), vectors)
    assert bench_groups.near_pairs(graph, 0.75).tolist() == [[2, 8]]
    assert bench_groups.near_pairs(graph, 0.85).tolist() == []


def test_a_tenth_of_the_vectors_are_near_copies():
    vectors = bench_groups.with_copies(1_000)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(1_000), abs=1e-5)
    cosines = vectors @ vectors.T - np.eye(1_000)
    assert 100 <= (cosines.max(axis=1) > 0.96).sum() <= 250
    assert bench_groups.timed(1_000)["recall"] == 1


@pytest.mark.network
def test_it_finds_the_copies_of_a_few_photos(tmp_path, capsys):
    for seed in range(4):
        save(texture(seed), tmp_path / "photos" / f"{seed}.jpg")
    files = ["--sheet", str(tmp_path / "sheet.png"), "--plot", str(tmp_path / "plot.png")]
    code = bench_groups.main([str(tmp_path / "photos"), "--sizes", "300", "600", "--json", *files])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    ours = told["copies"][0]
    assert ours["false"] == 0
    assert {name: ours[name] >= (0.5 if name == "cropped" else 1) for name in bench_groups.CHANGES} == (
        dict.fromkeys(bench_groups.CHANGES, True)
    )
    assert [row["vectors"] for row in told["pairs"]] == [300, 600]
    assert all(Path(file).stat().st_size for file in files[1::2])


@pytest.mark.parametrize("arguments", [["nowhere"], [".", "--photos", "1"], ["--sizes", "0"]])
def test_what_cannot_be_measured_is_said_in_a_sentence(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    try:
        code: object = bench_groups.main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
