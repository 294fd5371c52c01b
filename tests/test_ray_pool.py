"""Encoding on Ray: what needs none; and marked "scale", real clusters of one node and two, all here."""

import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from scripts import bench_scale_out
from simsearch import ClusterError, Library, SimsearchError, indexing, ray_pool
from simsearch.encoder import network_path, open_encoder
from tests.conftest import paint
from tests.test_pool import lives, until
from tests.toy import OtherEncoder, PerilousEncoder, SleepyEncoder, ToyEncoder

REPOSITORY = Path(__file__).parents[1]
UNUSED = "127.0.0.1:1"
QUICK_CHECKS = {"initial_delay": 0, "period": 500, "timeout": 1000}  # a dead node is missed after 3, not 15 s


# What needs no Ray


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.parametrize(
    ("on", "address"),
    [
        ("ray", None),
        ("ray://head", "head:6379"),
        ("ray://10.0.0.7:6380/", "10.0.0.7:6380"),
        ("ray://[::1]:6380", "[::1]:6380"),
    ],
)
def test_an_address_names_the_head_and_its_port(on, address):
    assert ray_pool.address_of(on) == address


@pytest.mark.parametrize(
    ("named", "address"), [("", None), ("local", None), ("head", "head:6379"), ("head:1", "head:1")]
)
def test_without_an_address_the_environment_s_is_meant(monkeypatch, named, address):
    monkeypatch.setenv("RAY_ADDRESS", named)
    assert ray_pool.address_of("ray") == address
    assert ray_pool.address_of("ray://other") == "other:6379"


@pytest.mark.parametrize(
    "on", ["spark", "ray:", "ray://", "ray://h:x", "ray://h:99999", "ray://u@h", "ray://h/x"]
)
def test_what_is_no_address_is_one_sentence_and_nothing_happens(run, library, album, on):
    paint(album / "1.png", "red")
    code, out, words = run("index", album, "--on", on)
    assert (code, out, words.count("\n")) == (2, "", 1)
    assert f"{on}: not the address of a Ray cluster; write ray for this machine, or ray://HOST:6379" in words


def test_an_address_of_the_environment_that_is_none_is_one_sentence(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ClusterError, match=r"^RAY_ADDRESS=ray://head:10001: not the ad.* set it to HOST"):
        ray_pool.address_of("ray")


@pytest.mark.parametrize("package", ["ray", "pyarrow"])
def test_a_package_that_is_missing_is_one_sentence(toy_library, album, monkeypatch, package):
    monkeypatch.setitem(sys.modules, "ray", None if package == "ray" else sys)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    paint(album / "1.png", "red")
    sentence = f"^ray: the Python package {package} is missing; .*: pip install 'simsearch\\[ray\\]'.$"
    with pytest.raises(ClusterError, match=sentence):
        toy_library.sync(album, on="ray")


def test_what_is_watched_is_not_encoded_elsewhere(run, library, album):
    code, _, words = run("index", album, "--watch", "--on", "ray")
    assert code == 2 and "index with --on first, then follow the folders with --watch alone" in words


# What needs it


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of one core each on this machine; this process is no part of them."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'simsearch[ray]'")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        quick = {f"health_check_{name}_ms": number for name, number in QUICK_CHECKS.items()}
        head = {"num_cpus": 1, "include_dashboard": False, "_system_config": quick}
        cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        cluster.other = cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def on(nodes):
    """The address of two nodes; the one that a test before this one killed is replaced."""
    if nodes.other.all_processes["raylet"][0].process.poll() is not None:
        nodes.remove_node(nodes.other)
        nodes.other = nodes.add_node(num_cpus=1)
    return f"ray://{nodes.address}"


def shades(album, count):
    """So many pictures, no two alike, and two files that are none."""
    for number in range(count):
        paint(album / f"{number % 7}" / f"{number}.png", (number % 200 + 50, number // 2, 90), (9, 9))
    (album / "text.jpg").write_text("this is text")
    whole = (album / "0" / "0.png").read_bytes()
    (album / "cut.png").write_bytes(whole[: len(whole) // 2])
    return album


def catalog(library):
    """All that is known of the photos and files of a library, but for ids."""
    with closing(sqlite3.connect(library.path / "library.db")) as db:
        photos = db.execute(
            """SELECT path, size, mtime_ns, sha256, width, height, taken_at, camera, facts, vector, jpeg
               FROM photos JOIN embeddings ON embeddings.photo_id = photos.id
               JOIN thumbnails ON thumbnails.photo_id = photos.id ORDER BY path"""
        ).fetchall()
        failures = db.execute("SELECT path, size, mtime_ns, reason FROM failures ORDER BY path").fetchall()
        return photos, failures


def assert_whole(library, report, photos, failed):
    """Each photo and each failure is in the catalog once, and was counted once."""
    known, failures = catalog(library)
    assert len({path for path, *_ in known}) == len(known) == photos
    assert len(failures) == len(report.failed) == failed
    assert all(reason for *_, reason in failures)


@pytest.mark.scale
def test_ray_on_this_machine_makes_the_catalog_that_processes_make(tmp_path, real_photos, album):
    pytest.importorskip("ray")
    shades(album / "shades", 110)
    for kind in ("Faces", "Leopards"):
        (album / kind).mkdir()
        for photo in sorted((real_photos / "caltech40" / kind).iterdir())[:45]:
            (album / kind / photo.name).symlink_to(photo)
    seen = []
    with Library.open(tmp_path / "here") as here, Library.open(tmp_path / "ray") as there:
        expected = here.sync(album)
        report = there.sync(album, on="ray", workers=2, progress=lambda *state: seen.append(state))
        assert (report.added, report.failed) == (expected.added, expected.failed)
        assert report.added == 200 and len(report.failed) == 2
        assert catalog(there) == catalog(here)
        assert seen == [(number, 202) for number in range(1, 203)]


@pytest.mark.scale
def test_a_file_that_kills_the_worker_is_blamed_alone(tmp_path, album, on):
    shades(album, 20)
    paint(album / "deadly.png", (255, 0, 0))
    with Library.open(tmp_path / "library", encoder=PerilousEncoder()) as library:
        report = library.sync(album, on=on, workers=2)
        assert_whole(library, report, photos=20, failed=3)
        assert (str(album / "deadly.png"), "reading it crashed the decoder (SIGABRT)") in report.failed


@pytest.mark.scale
def test_another_network_s_embeddings_are_made_there_too(tmp_path, album, on, monkeypatch):
    shades(album, 30)
    with (
        Library.open(tmp_path / "here", encoder=ToyEncoder()) as here,
        Library.open(tmp_path / "ray", encoder=ToyEncoder()) as there,
    ):
        here.sync(album)
        there.sync(album)
        expected = here.embeddings.switch(OtherEncoder())
        monkeypatch.setattr(indexing, "examine_all", None)
        assert there.embeddings.switch(OtherEncoder(), on=on, workers=2)[:5] == expected[:5]
        assert expected.encoded == 30 and catalog(there) == catalog(here)


class Drowsy(SleepyEncoder):
    """It takes its time, so that there is some in which to be killed."""

    def __init__(self, diary):
        super().__init__("0.03", diary)
        self.recipe = "tests.toy:SleepyEncoder", ["0.03", str(diary)]


@pytest.mark.scale
def test_a_node_that_is_killed_costs_no_photo(tmp_path, album, nodes, on):
    shades(album, 200)
    diary = tmp_path / "diary"
    victims: list[int] = []

    def kill_the_other(done, total):
        if done >= 40 and not victims and len(workers := set(diary.read_text().split())) == 2:
            nodes.other.all_processes["raylet"][0].process.kill()
            victims.extend(map(int, workers))

    with Library.open(tmp_path / "library", encoder=Drowsy(diary)) as library:
        report = library.sync(album, on=on, workers=2, progress=kill_the_other)
        assert_whole(library, report, photos=200, failed=2)
    assert any(not lives(worker) for worker in victims)
    assert len(set(diary.read_text().split())) > 2  # another took its place


@pytest.mark.scale
@pytest.mark.parametrize(("number", "there"), [(signal.SIGKILL, True), (signal.SIGINT, False)])
def test_a_job_that_is_stopped_is_continued_by_the_next(tmp_path, album, on, number, there):
    shades(album, 150)
    diary = tmp_path / "diary"
    code = """
import sys
from simsearch import Library, sync
from tests.test_ray_pool import Drowsy
sync.SECONDS_A_BATCH = 0.1
with Library.open(sys.argv[1], encoder=Drowsy(sys.argv[2])) as library:
    library.sync(sys.argv[3], on=sys.argv[4], workers=2, progress=lambda *state: print(*state, flush=True))
"""
    arguments = [tmp_path / "library", diary, album, on]
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as program:
        assert program.stdout
        while not program.stdout.readline().startswith("40 "):
            pass
        program.send_signal(number)
    workers = [int(line) for line in set(diary.read_text().split())]
    assert until(lambda: not any(map(lives, workers)), 20)  # nothing is left behind
    with Library.open(tmp_path / "library", encoder=Drowsy(diary)) as library:
        before = len(catalog(library)[0])
        report = library.sync(album, on=on if there else None)
        assert 0 < before == 150 - report.added
        assert_whole(library, report, photos=150, failed=2)


@pytest.mark.scale
def test_a_head_that_is_killed_ends_the_run_and_leaves_nothing_behind(tmp_path, album, monkeypatch):
    pytest.importorskip("ray")
    for name, number in QUICK_CHECKS.items():
        monkeypatch.setenv(f"RAY_health_check_{name}_ms", str(number))
    folders = set(Path("/tmp").glob("simsearch-ray-*"))
    shades(album, 150)
    started: list[int] = []

    def kill_the_head(done, total):
        if done >= 40 and not started:
            [driver] = [one for one in psutil.Process().children() if "simsearch.ray_driver" in one.cmdline()]
            processes = driver.children(recursive=True)
            started.extend(process.pid for process in processes)
            [raylet] = [process for process in processes if process.name() == "raylet"]
            raylet.kill()

    with Library.open(tmp_path / "library", encoder=Drowsy(tmp_path / "diary")) as library:
        with pytest.raises(
            ClusterError, match=r"^ray: Ray ended \(exit code 1\); run it again; what is done is k"
        ):
            library.sync(album, on="ray", workers=2, progress=kill_the_head)
        assert 40 <= len(catalog(library)[0]) < 150
    assert until(lambda: not any(map(lives, started)), 20)
    assert set(Path("/tmp").glob("simsearch-ray-*")) <= folders


@pytest.mark.scale
def test_a_head_that_nobody_answers_for_is_one_sentence(run, library, album):
    pytest.importorskip("ray")
    paint(album / "1.png", "red")
    code, out, words = run("index", album, "--on", f"ray://{UNUSED}")
    assert (code, out, words.count("\n")) == (2, "", 1)
    assert f"ray://{UNUSED}: no Ray answers there (connection refused); start Ray there with: ray st" in words


@pytest.mark.scale
def test_what_answers_and_is_no_head_is_one_sentence(toy_library, album, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(ray_pool, "_SECONDS_TO_JOIN", 3)
    paint(album / "1.png", "red")
    with socket.create_server(("127.0.0.1", 0)) as server:
        on = f"ray://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(
            ClusterError, match=f"^{on}: Ray did not start .*; check the address and RAY_AUTH"
        ):
            toy_library.sync(album, on=on)


@pytest.mark.scale
def test_an_encoder_that_cannot_be_built_is_one_sentence(tmp_path, album, on):
    class Unready(ToyEncoder):
        recipe = ("tests.toy:unready", [])

    paint(album / "1.png", "red")
    with Library.open(tmp_path / "library", encoder=Unready()) as library:
        with pytest.raises(SimsearchError, match="a worker process did not start: RuntimeError: no such net"):
            library.sync(album, on=on)


@pytest.mark.scale
def test_the_benchmark_tells_each_way_and_number_of_workers(album, capsys):
    pytest.importorskip("ray")
    shades(album, 30)
    assert bench_scale_out.main(["--json", "ray", str(album), "--workers", "1", "--repeats", "1"]) == 0
    rows = json.loads(capsys.readouterr().out)["ray"]
    assert [(row["encoded"], row["workers"]) for row in rows] == [("locally", 1), ("on Ray", 1)]
    assert all(0 < row["startup_seconds"]["median"] < row["seconds"]["median"] for row in rows)


@pytest.mark.scale
def test_a_file_that_a_node_lacks_travels_with_the_recipe(tmp_path, album, monkeypatch, nodes):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    from simsearch import ray_actor, ray_driver

    network = tmp_path / "here" / "some.network"
    network.parent.mkdir()
    shutil.copy(network_path(open_encoder("efficientnet-lite0").identity), network)
    row = {"number": 7, "path": str(paint(album / "1.png", "red")), "known": []}
    block = ray_actor.ASKED.empty_table().from_pylist([row], schema=ray_actor.ASKED)
    monkeypatch.setenv("SIMSEARCH_CACHE", str(tmp_path / "there"))
    ray.init(nodes.address, log_to_driver=False)
    try:
        files = {str(network): ray_driver._shipped(str(network))}
        network.unlink()  # as on another machine
        for _ in range(2):  # the second finds it
            actor = ray_actor.Examiner(("simsearch.encoder:load_encoder", [str(network)]), files, 1)
            [answer] = actor(block).to_pylist()
            assert answer["number"] == 7 and len(answer["payload"]) > 2 * 1280
            actor._ready().stop()
    finally:
        ray.shutdown()
    assert len(list((tmp_path / "there").iterdir())) == 1
