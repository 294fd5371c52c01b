"""The command groups clusters: what it prints and writes."""

import csv
import errno
import json
import re

import pytest

from simsearch import Library
from tests.conftest import paint


@pytest.fixture
def indexed(run, library, album):
    for number in range(14):
        paint(album / "warm" / f"{number:02}.png", (200, 5 * number, 0))
    for number in range(10):
        paint(album / "cold" / f"{number:02}.png", (0, 5 * number, 200))
    assert run("index", album)[0] == 0
    return album


def test_it_prints_label_number_and_typical_photo(run, indexed):
    code, out, err = run("groups", "clusters", "--grain", "coarse")
    assert code == 0
    first, second = out.splitlines()
    assert re.fullmatch(rf"warm  1\d  {indexed}/warm/\d\d\.png", first)
    assert re.fullmatch(rf"cold +\d+  {indexed}/cold/\d\d\.png", second)
    told = sum(int(line.split()[1]) for line in (first, second))
    assert err == ("" if told == 24 else f"simsearch: {24 - told} photos belong to no cluster\n")


def test_without_a_label_there_is_a_dash(run, library, album):
    for number in range(5):
        paint(album / f"{number}.png", (200, number, 0))
    run("index", album)
    code, out, err = run("groups", "clusters")
    assert (code, err) == (0, "") and out.startswith(f"-  5  {album}/")


def test_json_is_one_object_a_line_with_all_paths(run, indexed):
    code, out, err = run("groups", "clusters", "--grain", "coarse", "--json")
    clusters = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [one["label"] for one in clusters] == ["warm", "cold"]
    for one in clusters:
        assert list(one) == ["label", "photos", "typical", "paths"]
        assert one["typical"] == one["paths"][0] and len({*one["paths"]}) == one["photos"]
        assert all(path.startswith(f"{indexed}/{one['label']}/") for path in one["paths"])


def test_only_the_largest_are_shown_unless_all_are_asked_for(run, indexed, monkeypatch):
    monkeypatch.setattr("simsearch.cli.clustering._SHOWN", 1)
    _, out, err = run("groups", "clusters", "--grain", "coarse")
    assert len(out.splitlines()) == 1 and "simsearch: 1 more cluster; --all shows them\n" in err
    _, out, err = run("groups", "clusters", "--grain", "coarse", "--all")
    assert len(out.splitlines()) == 2 and "more cluster" not in err
    assert len(run("groups", "clusters", "--grain", "coarse", "--json")[1].splitlines()) == 2


def test_below_a_folder(run, indexed):
    _, out, _ = run("groups", "clusters", "--grain", "coarse", "--under", indexed / "cold")
    [line] = out.splitlines()
    assert f"{indexed}/cold/" in line


def test_a_csv_file_holds_every_photo_and_can_be_learnt_from(run, indexed, tmp_path):
    file = tmp_path / "clusters.csv"
    code, out, _ = run("groups", "clusters", "--grain", "coarse", "--csv", file)
    head, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
    assert code == 0 and len(out.splitlines()) == 2
    assert head == ["path", "label", "cluster"]
    assert {(label, number) for _, label, number in rows} <= {("warm", "1"), ("cold", "2"), ("", "")}
    assert all(f"/{label}/" in path for path, label, _ in rows if label)
    assert sorted(path for path, _, _ in rows) == sorted(str(path) for path in indexed.rglob("*.png"))
    assert run("learn", "folders", "--labels", file, "--force")[0] == 0


def test_photos_in_no_cluster_are_in_the_csv_file_without_one(run, indexed, tmp_path, monkeypatch):
    def largest(self, *given, **filters):
        return clusters(self, *given, **filters)[:1]

    clusters = Library.clusters
    monkeypatch.setattr(Library, "clusters", largest)
    for arguments, count in (((), 24), (("--under", indexed / "cold"), 10)):
        file = tmp_path / f"clusters of {count}.csv"
        run("groups", "clusters", "--grain", "coarse", "--csv", file, *arguments)
        rows = [*csv.reader(file.read_text().splitlines())][1:]
        assert len({path for path, _, _ in rows}) == len(rows) == count
        assert {(label, number) for path, label, number in rows if "/cold/" in path} == (
            {("cold", "1")} if arguments else {("", "")}
        )


@pytest.mark.parametrize("command", [("groups", "clusters"), ("map", "--method", "pca")])
def test_a_csv_file_is_written_whole_where_it_was_named_and_over_no_photo(
    run, indexed, tmp_path, monkeypatch, command
):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(*command, "--csv", "~/told.csv")[0] == 0
    before = (tmp_path / "told.csv").read_bytes()
    assert before.startswith(b"path,")
    photo = indexed / "warm" / "00.png"
    code, out, err = run(*command, "--csv", photo)
    assert (code, out) == (2, "") and "the name of a photo; choose another name" in err
    assert photo.read_bytes().startswith(b"\x89PNG")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    code, out, err = run(*command, "--csv", "~/again.csv")
    assert (code, out) == (2, "") and "no space left" in err and len(err.splitlines()) == 1
    assert (tmp_path / "told.csv").read_bytes() == before
    assert [path.name for path in tmp_path.glob("*again*")] == []


def test_a_csv_file_that_cannot_be_written_is_one_sentence(run, indexed, tmp_path):
    code, out, err = run("groups", "clusters", "--csv", tmp_path)
    assert (code, out) == (2, "") and "there is such a file already" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clusters", "--grain", "huge"), "invalid choice"),
        (("clusters", "--under", "/nowhere"), "not in this library"),
        ((), "GROUPS"),
        (("heaps",), "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(run, indexed, arguments, words):
    code, out, err = run("groups", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_help_shows_an_example(run):
    assert "example: simsearch groups clusters --grain coarse" in run("groups", "clusters", "--help")[1]
    assert "example: simsearch groups copies" in run("groups", "--help")[1]
    assert "example: simsearch search cup.jpg -k 5" in run("search", "--help")[1]
