"""The benchmark of size: the photos it makes, what it takes memory for, and that it runs."""

import json
import os
import time
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from scripts import bench_scale, made_photos, processes
from scripts.processes import Memory, Sample, Sampler, sum_up
from simsearch import SimsearchError
from tests import kept

MB = 1_000_000


# Photos


def test_made_photos_are_all_different_and_always_the_same():
    photos = [made_photos.draw_photo(number, 96) for number in range(1000)]
    assert len(set(photos)) == 1000
    assert photos[13] == made_photos.draw_photo(13, 96)
    assert 1_000 < min(map(len, photos)) and max(map(len, photos)) < 6_000


def test_neighbouring_photos_are_different_pictures():
    pictures = [np.asarray(Image.open(BytesIO(made_photos.draw_photo(number, 96)))) for number in range(30)]
    assert len({picture.tobytes() for picture in pictures}) == 30


def test_photos_are_made_into_folders(tmp_path):
    paths = list(made_photos.make_photos(tmp_path, 501, 16))
    assert [path.parent.name for path in (paths[0], paths[499], paths[500])] == ["0000", "0000", "0001"]
    assert all(path.is_file() for path in paths)


# Memory


def samples(*megabytes):
    return [Sample(at, size * MB, size * MB // 2, size * MB // 5) for at, size in enumerate(megabytes)]


def test_memory_is_the_peak_and_the_mean_of_the_last_quarter():
    assert sum_up([samples(10, 90, 20, 20, 40)]) == Memory(90, 30, 45, 15, 18, 6)


def test_of_several_processes_the_largest_counts_and_only_at_the_end_is_late():
    assert sum_up([samples(80, 70), samples(10, 20, 30, 40, 50)]) == Memory(80, 45, 40, 22.5, 16, 9)


def test_nothing_seen_is_nothing():
    assert sum_up([]) == sum_up([[]]) == Memory()


def test_a_process_is_sampled():
    kept.stop_all()  # those that earlier tests have left are workers, too
    with Sampler(os.getpid()) as sampler:
        ours = bytearray(b"x") * (50 * MB)
        time.sleep(0.5)
    assert sampler.parent.peak > len(ours) / MB
    assert sampler.parent.peak_anonymous > len(ours) / MB
    assert sampler.worker == Memory()


# The script


def test_a_run_that_fails_stops_it(tmp_path):
    command = ["sh", "-c", "echo no such thing >&2; exit 2"]
    with pytest.raises(SimsearchError, match="indexing failed: no such thing"):
        bench_scale.index(command, tmp_path, dict(os.environ))


def test_a_run_without_a_report_stops_it(tmp_path):
    with pytest.raises(SimsearchError, match="no report"):
        bench_scale.seconds_of_last_run(tmp_path)


@pytest.mark.network
def test_scale_prints_one_json_object(capsys, monkeypatch):
    monkeypatch.setattr(processes, "_SECONDS_A_SAMPLE", 0.02)  # its workers have little to do
    assert bench_scale.main(["--files", "40", "--repeats", "1", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["scale"]
    assert row["files"] == 40
    assert row["parent_peak"] >= row["parent_late"] > 10
    assert row["worker_peak"] > 10 and row["second_run_peak"] > 10
    assert row["library_megabytes"] > 0
    assert row["warm_milliseconds"] > row["reranking_milliseconds"]
    assert row["second_run_per_second"]["median"] > 0
