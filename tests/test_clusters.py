"""The clusters of a library: with colours for photos, in a file, and as photos come and go."""

import threading

import numpy as np
import pytest

from simsearch import FolderError, Library
from simsearch.clustering import GRAINS, Clustering
from simsearch.errors import WriteError
from tests.conftest import paint
from tests.test_repair import offline
from tests.toy import ToyEncoder

KINDS = {"warm": (200, 0, 0), "cold": (0, 0, 200), "leafy": (0, 200, 0)}
SIZES = {"warm": 16, "cold": 12, "leafy": 8}


@pytest.fixture(autouse=True)
def _thirty_are_worth_a_file(monkeypatch):
    monkeypatch.setattr("simsearch.clusters._WORTH_A_FILE", 30)


@pytest.fixture
def album(album):
    for kind, (red, green, blue) in KINDS.items():
        for number in range(SIZES[kind]):
            paint(album / kind / f"{number:02}.png", (red + 2 * number, green + number, blue + 3 * number))
    return album


@pytest.fixture
def colours(toy_library, album):
    toy_library.sync(album)
    return toy_library


def folders(library, cluster):
    return {path.parent.name for path in library.paths(cluster.photos.tolist()).values()}


def told(clusters):
    return [
        (cluster.label, cluster.size, cluster.typical.id, cluster.photos.tolist()) for cluster in clusters
    ]


def refuse(monkeypatch):
    monkeypatch.setattr(Clustering, "build", lambda *_: pytest.fail("they were made again"))


def test_photos_that_look_alike_are_together_largest_first(colours):
    clusters = colours.clusters("coarse")
    assert [cluster.label for cluster in clusters] == ["warm", "cold", "leafy"]
    for cluster in clusters:
        assert folders(colours, cluster) == {cluster.label}
        assert cluster.size == len(cluster.photos) >= 0.8 * SIZES[cluster.label]
        assert cluster.photos.dtype == np.int64
        assert cluster.typical.id == cluster.photos[0]
        assert cluster.typical.path.parent.name == cluster.label


@pytest.mark.parametrize("grain", GRAINS)
def test_no_photo_is_in_two_clusters(colours, grain):
    photos = np.concatenate([cluster.photos for cluster in colours.clusters(grain)])
    assert len(photos) == len(np.unique(photos)) <= len(colours)


def test_medium_is_the_grain_that_is_meant(colours):
    assert told(colours.clusters()) == told(colours.clusters("medium"))


@pytest.mark.parametrize("grain", ["", "Fine", "large"])
def test_another_grain_is_an_error(colours, grain):
    with pytest.raises(ValueError, match="grain must be one of fine, medium, coarse"):
        colours.clusters(grain)


# Names


def test_labels_of_the_user_come_before_folders(colours, album, tmp_path):
    names = {"warm": "pots", "cold": "pans", "leafy": "lids"}
    rows = [f"{path},{names[path.parent.name]}" for path in album.rglob("*.png")]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    colours.learn("folders", labels=tmp_path / "labels.csv", force=True)
    assert {cluster.label for cluster in colours.clusters("coarse")} == {"pots", "pans", "lids"}


def test_photos_of_one_folder_have_no_name(toy_library, album):
    for path in album.rglob("*.png"):
        path.rename(album / f"{path.parent.name}-{path.name}")
    toy_library.sync(album)
    assert [cluster.label for cluster in toy_library.clusters("coarse")] == [None] * 3


# Which photos are told of


def test_only_photos_below_a_folder_are_told_of(colours, album):
    for _ in range(2):
        [cluster] = colours.clusters("coarse", under=album / "cold")
        assert folders(colours, cluster) == {"cold"}
    [whole] = [one for one in colours.clusters("coarse") if one.label == "cold"]
    assert cluster.photos.tolist() == whole.photos.tolist()


def test_clusters_are_in_the_order_of_the_photos_that_are_told_of(colours, album):
    paint(album / "few" / "a.png", (210, 5, 15))
    colours.sync()
    assert [one.size for one in colours.clusters("coarse", under=album / "few")] == [1]


def test_an_unknown_folder_is_an_error(colours, album):
    with pytest.raises(FolderError):
        colours.clusters(under=album / "nowhere")


# Few photos


def test_an_empty_library_has_no_clusters(toy_library):
    assert toy_library.clusters() == []


@pytest.mark.parametrize("count", [1, 2, 5, 30])
@pytest.mark.parametrize("alike", [True, False])
def test_a_few_photos_are_no_trouble(toy_library, tmp_path, count, alike):
    for number in range(count):
        colour = (9, 99, 99) if alike else (8 * number, 255 - 8 * number, 99 * (number % 3))
        paint(tmp_path / "few" / f"{number}.png", colour)
    toy_library.sync(tmp_path / "few")
    for grain in GRAINS:
        clusters = toy_library.clusters(grain)
        sizes = [cluster.size for cluster in clusters]
        assert sum(sizes) <= count and sorted(sizes, reverse=True) == sizes
        if alike and count > 1:
            assert sizes == [count]


# Kept


def test_they_are_made_once_as_long_as_no_photo_comes_or_goes(colours, monkeypatch):
    before = told(colours.clusters("fine"))
    refuse(monkeypatch)
    with colours._store.transaction():
        colours._store.set_setting("anything", "1")
    colours.clusters("coarse")
    assert told(colours.clusters("fine")) == before


def test_they_are_read_from_the_file_by_the_next(colours, monkeypatch):
    before = told(colours.clusters())
    assert (colours.path / "index.clusters").exists()
    refuse(monkeypatch)
    with Library.open(colours.path, encoder=ToyEncoder()) as other:
        assert told(other.clusters()) == before


def test_of_few_photos_none_is_written(colours, monkeypatch):
    monkeypatch.setattr("simsearch.clusters._WORTH_A_FILE", 37)
    before = told(colours.clusters())
    assert not (colours.path / "index.clusters").exists()
    with Library.open(colours.path, encoder=ToyEncoder()) as other:
        assert told(other.clusters()) == before, "the same photos give the same clusters"


def test_a_photo_that_comes_is_taken_in(colours, album):
    before = colours.clusters("coarse")
    paint(album / "new.png", (211, 6, 17))
    colours.sync()
    [new] = colours.search(album / "new.png", k=1)
    after = colours.clusters("coarse")
    assert new.id in after[0].photos and new.id not in before[0].photos


def test_a_photo_that_goes_is_in_none(colours, album):
    typical = colours.clusters("coarse")[0].typical
    colours.forget(typical.path)
    assert all(typical.id not in cluster.photos for cluster in colours.clusters("coarse"))


def test_photos_that_are_offline_stay_where_they_were(colours, album):
    before = told(colours.clusters("coarse"))
    offline(album)
    assert told(colours.clusters("coarse")) == before
    assert all(cluster.typical.offline for cluster in colours.clusters("coarse"))


def test_another_space_gives_others(colours, monkeypatch):
    monkeypatch.setattr("simsearch.space.PCA_FROM", 20)
    colours.clusters()
    colours.learn("photos")
    assert colours._store.setting("space")
    made, build = [], Clustering.build

    def counted(*given):
        made.append(given)
        return build(*given)

    monkeypatch.setattr(Clustering, "build", counted)
    with Library.open(colours.path, encoder=ToyEncoder()) as other:
        assert told(other.clusters()) == told(colours.clusters())
    assert len(made) == 1, "the other reads what the first has written"


def test_a_damaged_file_is_made_anew_and_noticed_by_the_doctor(colours, caplog):
    before = told(colours.clusters())
    path = colours.path / "index.clusters"
    path.write_bytes(path.read_bytes()[:-8])
    [finding] = [one for one in colours.check() if "index.clusters" in one.problem]
    assert "too short" in finding.problem or "holds" in finding.problem
    with Library.open(colours.path, encoder=ToyEncoder()) as other:
        assert told(other.clusters()) == before
    assert "index.clusters" in caplog.text
    assert colours.check() == []


def test_a_library_that_cannot_be_written_has_clusters_all_the_same(colours, monkeypatch):
    def full(*_):
        raise WriteError("index.clusters", "disk full", "make room")

    monkeypatch.setattr(Clustering, "save", full)
    assert len(colours.clusters("coarse")) == 3


def test_several_threads_may_ask_at_once(colours):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(told(colours.clusters()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and all(answer == answers[0] for answer in answers)


def test_paths_are_those_of_photos_that_are_there(colours, album):
    hits = colours.search(album / "warm" / "00.png", k=2)
    ids = [hits[1].id, 12345, hits[0].id]
    assert [*colours.paths(ids).items()] == [(hits[1].id, hits[1].path), (hits[0].id, hits[0].path)]
    assert len(colours.paths()) == len(colours) and colours.paths()[hits[1].id] == hits[1].path
    colours.forget(hits[1].path)
    assert [*colours.paths(ids)] == [hits[0].id] and hits[1].id not in colours.paths()


def test_paths_of_many_photos_are_one_query(colours, monkeypatch):
    asked, query = [], colours._store._all

    def noted(*sql):
        asked.append(sql)
        return query(*sql)

    monkeypatch.setattr(colours._store, "_all", noted)
    assert len(colours.paths(range(100))) == 36 and len(asked) == 1
