"""The benchmark of indexes: what counts as right, its data sets, and runs that go on where others ended."""

import csv
import importlib.util
import json
import subprocess
import sys
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest

from scripts import bench_index
from scripts.bench_index import hold_out, kth_scores, project, recall, synthetic, true_scores
from simsearch import FolderError
from simsearch.index.lsh import LshIndex
from tests.conftest import paint

SCRIPT = Path(__file__).parents[1] / "scripts" / "bench_index.py"
SMALL = ["--sizes", "2000", "--queries", "20"]


def at_cosines(*cosines):
    """Unit vectors in the plane whose inner products with the first axis are these."""
    first = np.array(cosines)
    return np.stack([first, np.sqrt(1 - first**2)], axis=1).astype(np.float32)


AXIS = np.array([1, 0], dtype=np.float32)


# What is right


@pytest.mark.parametrize(
    ("cosines", "share"),
    [
        ((1, 0.8, 0.6), 1),
        ((1, 0.8, 0), 2 / 3),
        ((1, 0.6, 0.6), 1),  # another one of several that are equally near is as good
        ((1, 0.8), 2 / 3),  # too few
        ((1, 0.8, 0.5999995), 1),  # float32 is not more exact than that
        ((), 0),
    ],
)
def test_an_answer_is_right_where_it_is_as_near_as_the_kth(cosines, share):
    assert recall(np.array(cosines), 0.6, k=3) == share


def test_any_of_equal_vectors_will_do():
    vectors = at_cosines(1, 0.6, 0, 0.6, 0.6)
    [kth] = kth_scores(vectors, AXIS[None], k=2)
    assert kth == pytest.approx(0.6)
    for ids in ([0, 1], [0, 3], [4, 0], [3, 4]):
        assert recall(true_scores(vectors, AXIS, np.array(ids)), kth, k=2) == 1
    assert recall(true_scores(vectors, AXIS, np.array([0, 2])), kth, k=2) == 1 / 2


def test_the_truth_does_not_depend_on_the_size_of_a_block(monkeypatch):
    data = synthetic(500)
    whole = kth_scores(data.vectors, data.queries[:20])
    products = data.queries[:20].astype(np.float64) @ data.vectors.astype(np.float64).T
    assert whole == pytest.approx(np.sort(products, axis=1)[:, -15])
    monkeypatch.setattr(bench_index, "_TRUTH_AT_ONCE", 7)
    assert kth_scores(data.vectors, data.queries[:20]) == pytest.approx(whole)


def test_scores_are_computed_here_and_none_stands_for_no_answer():
    assert true_scores(at_cosines(0, 0.6, 1), AXIS, np.array([2, 1, -1, -1])) == pytest.approx([1, 0.6])


@pytest.mark.parametrize(
    ("ids", "reason"), [([1, 0, 1], "comes twice"), ([0, 3], "no such ids"), ([-2], "no such")]
)
def test_ids_that_cannot_be_are_errors(ids, reason):
    with pytest.raises(ValueError, match=reason):
        true_scores(at_cosines(0, 0.6, 1), AXIS, np.array(ids))


def test_an_index_that_gives_an_id_twice_is_found_out(monkeypatch):
    monkeypatch.setattr(bench_index.FaissFlat, "search", lambda self, query, k: np.zeros(k, dtype=np.int64))
    data = synthetic(200)
    flat = bench_index.contenders(200, 0)[1]
    with pytest.raises(ValueError, match="comes twice"):
        bench_index._measure_contender(flat, flat.queries, data, kth_scores(data.vectors, data.queries[:3]))


# Data sets


def test_synthetic_vectors_are_the_same_for_the_same_seed_and_at_any_size():
    small, large = synthetic(300), synthetic(bench_index._VECTORS_AT_ONCE + 300)
    assert (large.vectors[:300] == small.vectors).all()
    assert (large.queries == small.queries).all()
    assert len(large.vectors) == bench_index._VECTORS_AT_ONCE + 300
    assert (synthetic(300).vectors == small.vectors).all()
    assert (synthetic(300, seed=1).vectors != small.vectors).any()


def test_synthetic_vectors_are_of_unit_length_and_none_asks_for_itself():
    data = synthetic(1000)
    for vectors in data:
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert (data.queries @ data.vectors.T).max() < 0.99999


def test_a_tenth_is_held_out():
    vectors = np.arange(50, dtype=np.float32)[:, None]
    data = hold_out(vectors)
    assert (len(data.vectors), len(data.queries)) == (45, 5)
    assert sorted(np.concatenate(data).ravel()) == list(range(50))
    assert (hold_out(vectors).queries == data.queries).all()


def test_main_directions_are_those_of_the_indexed_vectors():
    rng = np.random.default_rng(3)
    flat = np.zeros((40, 5), dtype=np.float32)
    flat[:, [1, 3]] = rng.normal(size=(40, 2))
    flat[:, 4] = 7  # the same in all: gone with the mean
    projected = project(bench_index.Data(flat, flat[:3]), width=2)
    centered = flat - flat.mean(axis=0)
    cosines = bench_index.unit(centered) @ bench_index.unit(centered).T
    assert projected.vectors @ projected.vectors.T == pytest.approx(cosines, abs=1e-5)
    assert projected.queries == pytest.approx(projected.vectors[:3], abs=1e-5)


def test_photos_make_two_data_sets(monkeypatch, tmp_path):
    vectors = bench_index.unit(np.random.default_rng(4).normal(size=(200, 160)))
    monkeypatch.setattr(bench_index, "_photo_vectors", lambda folder, out: vectors)
    raw, projected = bench_index._photo_sets(tmp_path, tmp_path, asked=500)
    assert [(set.name, set.n, set.queries) for set in (raw, projected)] == [
        ("real", 180, 20),
        ("real-pca128", 180, 20),
    ]
    assert raw.load().vectors.shape == (180, 160)
    assert projected.load().vectors.shape == (180, 128)
    monkeypatch.setattr(bench_index, "_photo_vectors", lambda folder, out: vectors[:50])
    with pytest.raises(FolderError, match="name one of 112 or more"):
        bench_index._photo_sets(tmp_path, tmp_path, asked=500)


def test_a_hundred_and_twelve_photos_are_enough(monkeypatch, tmp_path):
    vectors = bench_index.unit(np.random.default_rng(4).normal(size=(112, 8)))
    monkeypatch.setattr(bench_index, "_photo_vectors", lambda folder, out: vectors)
    [raw] = bench_index._photo_sets(tmp_path, tmp_path, asked=500)  # too narrow for 128 directions
    assert raw.n == 101


# From end to end


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("bench") / "deep" / "out"
    with pytest.MonkeyPatch.context() as patch:
        # Left to itself, tuning takes longer than all the others together.
        tune = partialmethod(LshIndex.tune, bits=8, tables=16, hits=3)
        patch.setattr(LshIndex, "tune", tune)
        assert bench_index.main([*SMALL, "--out", str(out)]) == 0
    return out


@pytest.fixture
def built(monkeypatch):
    """What is built, as a list that grows."""
    names: list[str] = []
    measure = bench_index._measure_contender

    def watched(contender, queries, *rest):
        names.append(f"{contender.engine} {contender.build}: {' '.join(queries)}")
        return measure(contender, queries, *rest)

    monkeypatch.setattr(bench_index, "_measure_contender", watched)
    return names


def test_a_run_leaves_a_row_for_each_engine_and_query_setting(finished):
    rows = {(row["engine"], row["build"], row["query"]): row for row in read(finished / "results.csv")}
    expected = bench_index.contenders(2000, 2000)
    assert {engine for engine, _, _ in rows} == {"exact", "FAISS flat", "faiss", "LSH", "HNSW"}
    for one in expected:
        assert all((one.engine, one.build, query) in rows for query in one.queries)
    for key in [("exact", "float32", "-"), ("FAISS flat", "IndexFlatIP", "-"), ("faiss", "flat", "-")]:
        assert float(rows[key]["recall"]) == 1
        assert float(rows[key]["scanned"]) == 1
        assert float(rows[key]["bytes_a_vector"]) >= 512
    for row in rows.values():
        assert (
            0
            < float(row["p50_milliseconds"])
            <= float(row["p95_milliseconds"])
            <= float(row["p99_milliseconds"])
        )
        assert 0 < float(row["recall"]) <= 1
        assert 0 < float(row["scanned"]) <= 1
    hnsw = [float(rows["HNSW", "M 32, efC 40", f"efSearch {ef}"]["scanned"]) for ef in (32, 64, 128, 256)]
    assert hnsw == sorted(hnsw)


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib is not installed")
def test_a_run_leaves_a_plot(finished):
    assert (finished / "recall.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_run_measures_nothing_again_and_tells_the_same(finished, built, capsys):
    before = (finished / "results.csv").read_bytes()
    assert bench_index.main([*SMALL, "--out", str(finished), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert built == []
    assert (finished / "results.csv").read_bytes() == before
    rows = report["synthetic-2000"]
    assert rows[0]["engine"] == "exact" and rows[0]["times_exact"] == 1
    assert [str(row["recall"]) for row in rows] == [row["recall"] for row in read(finished / "results.csv")]
    assert report["numpy_threads"] >= 1 and report["faiss_threads"] >= 1


def test_only_what_is_missing_is_measured(finished, built, tmp_path, capsys):
    lines = (finished / "results.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if "efSearch 64" not in line and "IndexFlatIP" not in line]
    (tmp_path / "results.csv").write_text("".join(kept), encoding="utf-8")
    assert bench_index.main([*SMALL, "--out", str(tmp_path)]) == 0
    assert built == ["FAISS flat IndexFlatIP: -", "HNSW M 32, efC 40: efSearch 64"]
    assert len(read(tmp_path / "results.csv")) == len(lines) - 1
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if line.startswith("exact ")]


def test_fresh_rows_take_the_place_of_old_ones_one_by_one(tmp_path):
    row = dict.fromkeys(bench_index._COLUMNS, 1)
    bench_index.Results(tmp_path / "results.csv").put([{**row, "recall": 0.5}, {**row, "n": 2}])
    fresh = bench_index.Results(tmp_path / "results.csv", fresh=True)
    assert fresh.find(row) is None
    fresh.put([{**row, "recall": 0.75}])
    again = bench_index.Results(tmp_path / "results.csv")
    found = [again.find({**row, "n": n}) or {} for n in (1, 2)]
    assert [there["recall"] for there in found] == [0.75, 1]
    assert again.find({**row, "where": "another machine"}) is None


def test_a_file_that_is_not_ours_is_left_alone(tmp_path, capsys):
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    assert bench_index.main([*SMALL, "--out", str(tmp_path)]) == 2
    assert "has other columns" in capsys.readouterr().err
    assert (tmp_path / "results.csv").read_text() == "a,b\n1,2\n"


def test_without_matplotlib_there_is_a_note_in_place_of_a_plot(
    finished, built, tmp_path, monkeypatch, capsys
):
    (tmp_path / "results.csv").write_bytes((finished / "results.csv").read_bytes())
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert bench_index.main([*SMALL, "--hnsw-up-to", "1999", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "There is no plot" in printed
    assert "HNSW is left out above 1,999 vectors" in printed
    assert "efSearch" not in printed
    assert not (tmp_path / "recall.png").exists()


def test_tiers_are_forced_where_it_is_not_the_one_it_chooses_itself():
    builds = {
        n: [one.build for one in bench_index.contenders(n, 200_000) if one.engine == "faiss"]
        for n in (10_000, 100_000)
    }
    assert builds == {
        10_000: ["flat", "rabitq", "compact (int8)"],
        100_000: ["flat", "rabitq", "inverted", "compact (int8)"],
    }
    assert not [one for one in bench_index.contenders(1_000_000, 200_000) if one.engine == "HNSW"]
    assert [one for one in bench_index.contenders(1_000_000, 1_000_000) if one.engine == "HNSW"]


# Arguments


@pytest.mark.parametrize("wrong", [["--sizes", "99"], ["--sizes", "many"], ["--queries", "0"]])
def test_wrong_arguments_are_named_in_one_sentence(wrong, capsys):
    with pytest.raises(SystemExit) as left:
        bench_index.main(wrong)
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_nothing_to_measure_is_an_error(tmp_path, capsys):
    assert bench_index.main(["--out", str(tmp_path), "--sizes"]) == 2
    assert "name a folder of photos, or --sizes" in capsys.readouterr().err


@pytest.mark.parametrize(("folder", "reason"), [("album", "holds no photos"), ("nowhere", "no such folder")])
def test_without_photos_it_says_so(folder, reason, album, tmp_path, capsys):
    assert bench_index.main([str(album.parent / folder), "--out", str(tmp_path), "--sizes"]) == 2
    assert reason in capsys.readouterr().err


def test_help_tells_what_is_measured_and_gives_an_example(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (bench_index.__doc__ or "?").partition("\n")[0] in done.stdout
    assert "example: python scripts/bench_index.py" in done.stdout


@pytest.mark.network
def test_photos_are_indexed_once_and_read_back(album, tmp_path, capsys):
    for number in range(3):
        paint(album / f"{number}.png", (80 * number, 0, 0))
    first = bench_index._photo_vectors(album, tmp_path)
    assert first.shape == (3, 1280)
    assert np.linalg.norm(first, axis=1) == pytest.approx(1, abs=1e-6)
    assert (bench_index._photo_vectors(album, tmp_path) == first).all()
