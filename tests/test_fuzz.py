"""The fuzzer: each way to damage a file on bytes made by hand, what it takes for a fault, and real runs."""

import json
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from scripts import fuzz
from scripts.bench_report import photo_files
from scripts.fuzz import DAMAGES, Fault, Outcome, faults
from scripts.processes import Memory
from simsearch import FolderError
from tests.conftest import paint

DATA = bytes(range(256)) * 20


def size_of(path):
    with Image.open(path) as image:
        return image.size


# Ways to damage


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("data", [DATA, b"\xff\xd8ab", b"x", b""], ids=["long", "four", "one", "empty"])
def test_damage_takes_any_bytes_and_is_the_same_for_a_seed(name, data):
    for seed in range(20):
        once, again = DAMAGES[name](data, Random(seed)), DAMAGES[name](data, Random(seed))
        assert isinstance(once, bytes) and once == again


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_done(name):
    assert any(DAMAGES[name](DATA, Random(seed)) != DATA for seed in range(5))


def damaged(damage):
    return [damage(DATA, Random(seed)) for seed in range(50)]


def test_flipped_bytes_leave_the_length():
    for data in damaged(fuzz.flip_bytes):
        assert len(data) == len(DATA)
        assert 0 < sum(one != other for one, other in zip(data, DATA, strict=True)) <= 30


def test_what_is_cut_short_is_a_beginning():
    for data in damaged(fuzz.cut_short):
        assert len(data) < len(DATA) and DATA.startswith(data)


def test_a_zeroed_span_is_one_piece():
    for data in damaged(fuzz.zero_span):
        different = [place for place in range(len(DATA)) if data[place] != DATA[place]]
        assert len(data) == len(DATA)
        assert not any(data[different[0] : different[-1] + 1]) if different else data == DATA


def test_a_doubled_span_adds_nothing_new():
    for data in damaged(fuzz.double_span):
        assert len(data) > len(DATA) and data.endswith(DATA[-1:]) and data.startswith(DATA[:1])


def test_extreme_fields_leave_the_length():
    for data in damaged(fuzz.extreme_fields):
        assert len(data) == len(DATA)
        assert sum(one != other for one, other in zip(data, DATA, strict=True)) <= 16


def test_swapped_pieces_are_the_same_bytes():
    for data in damaged(fuzz.swap_pieces):
        assert sorted(data) == sorted(DATA) and data[:4] == DATA[:4]


@pytest.mark.parametrize("suffix", ["jpg", "webp", "png", "bmp"])
def test_grown_metadata_leave_the_picture(tmp_path, suffix):
    path = paint(tmp_path / f"1.{suffix}", "red")
    for seed in range(10):
        data = fuzz.grow_metadata(path.read_bytes(), Random(seed))
        assert len(data) > path.stat().st_size
        (tmp_path / f"2.{suffix}").write_bytes(data)
        if suffix != "png":  # whose checksum is wrong, as intended
            assert size_of(tmp_path / f"2.{suffix}") == (8, 8)


def test_another_start_is_put_over_or_before():
    for data in damaged(fuzz.change_start):
        start = next(start for start in fuzz._STARTS if data.startswith(start))
        assert data in (start + DATA, start + DATA[len(start) :])


# The files


def test_pictures_of_all_formats_are_drawn_and_can_be_read(tmp_path):
    paths = fuzz.draw_good(tmp_path)
    assert {path.suffix[1:] for path in paths} == set(fuzz._SUFFIXES)
    assert sorted(photo_files(tmp_path)) == sorted(paths)
    assert {size_of(path) for path in paths} == {(200, 200)}


def test_a_seed_makes_the_same_files(album, tmp_path):
    good = fuzz.draw_good(album)
    made = []
    for number in range(2):
        folder = tmp_path / str(number)
        fuzz.make_files(folder, good, 25, Random(5))
        files = fuzz.files_below(folder)
        made.append({path.removeprefix(str(folder)): Path(path).read_bytes() for path in files})
    assert made[0] == made[1]
    assert 25 < len(made[0]) <= 25 + len(fuzz._NAMES)
    assert any("\n" in name for name in made[0])


def test_other_folders_are_taken_in_whole(album, tmp_path):
    paint(album / "deep" / "1.png", "red")
    (tmp_path / "to").mkdir()
    fuzz.take_in(tmp_path / "to", [album, album])
    assert len(fuzz.files_below(tmp_path / "to")) == 2
    with pytest.raises(FolderError):
        fuzz.take_in(tmp_path / "to", [tmp_path / "nowhere"])


# What is a fault


def told(**changes):
    states = {"added": 1, "updated": 0, "unchanged": 0, "moved": 0, "skipped": [], "failed": [["/f", "bad"]]}
    facts = {"seconds": {}, "workers": 0, "deaths": []}
    facts |= {key: changes.pop(key) for key in list(changes) if key in facts}
    return facts | {"report": states | changes}


def outcome(trouble=None, outlived=0, **changes):
    return Outcome(told(**changes), trouble, 1.0, Memory(), Memory(), outlived)


AGAIN = {"added": 0, "unchanged": 1}
FILES = {"/p", "/f"}


def test_a_good_run_and_an_idle_second_one_have_no_fault():
    assert faults(outcome(workers=2), outcome(**AGAIN), FILES, {"/p"}) == []


@pytest.mark.parametrize(
    ("first", "files", "known", "expected"),
    [
        (
            {}, FILES | {"/lost"}, {"/p"},
            [("1 files are in no state", ["/lost"]), ("2 files are counted in place of 3", [])],
        ),
        ({}, FILES, {"/p", "/f"}, [("1 files are in more than one state", ["/f"])]),
        ({"outlived": 2}, FILES, {"/p"}, [("2 processes outlived the first run", [])]),
        ({"added": 5}, FILES, {"/p"}, [("6 files are counted in place of 2", [])]),
        (
            {}, {"/f"}, {"/p"},
            [("1 files are reported that are not there", ["/p"]), ("2 files are counted in place of 1", [])],
        ),
        ({"trouble": "did not end"}, FILES, set(), [("the first run did not end", [])]),
    ],
)  # fmt: skip
def test_faults_of_the_first_run(first, files, known, expected):
    assert faults(outcome(**first), None, files, known) == [Fault(*one) for one in expected]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"workers": 1, "seconds": {"/f": 1.0}}, ("the second run looked into 1 files", ["/f"])),
        ({"failed": [["/f", "other"]]}, ("1 failed files differ in the second run", ["/f"])),
        ({"skipped": [["/x", "hidden"]]}, ("1 skipped files differ in the second run", ["/x"])),
        ({"unchanged": 0}, ("0 of 1 photos are unchanged in the second run", [])),
        ({"trouble": "ended with exit code -11: "}, ("the second run ended with exit code -11: ", [])),
    ],
)
def test_faults_of_the_second_run(second, expected):
    assert faults(outcome(), outcome(**AGAIN | second), FILES, {"/p"}) == [Fault(*expected)]


def test_reasons_are_counted_whatever_the_numbers_in_them():
    counts = fuzz.grouped([("/1", "12 pixels, not 1,000"), ("/2", "3 pixels, not 4"), ("/3", "no 'x' here")])
    assert counts == {"N pixels, not N": 2, "no ... here": 1}


def test_files_in_question_are_kept(album, tmp_path):
    guilty, dead = paint(album / "1.png", "red"), paint(album / "2.png", "red")
    fuzz.keep([Fault("wrong", [str(guilty)])], [[str(dead), "SIGSEGV"]], album, tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["1.png", "2.png"]
    fuzz.keep([Fault("crashed", [])], [], album, tmp_path / "kept")
    assert (tmp_path / "kept" / "all" / "1.png").exists()


def test_names_no_terminal_likes_are_told_in_plain_letters(tmp_path):
    sentence = fuzz._sentence(Fault("wrong", [str(tmp_path / "\u202ea\n.jpg")]), tmp_path)
    assert sentence.isascii() and sentence.isprintable()


# Runs


def test_a_run_is_told_in_full(album, tmp_path):
    paint(album / "1.png", "red")
    (album / "2.png").write_text("this is text")
    library = tmp_path / "library"
    first = fuzz.index(album, library, "tests.toy:ToyEncoder", 1, 60)
    assert (first.trouble, first.outlived) == (None, 0)
    assert (first.told["report"]["added"], first.told["workers"], first.told["deaths"]) == (1, 1, [])
    assert set(first.told["seconds"]) == {str(album / "1.png"), str(album / "2.png")}
    second = fuzz.index(album, library, "tests.toy:ToyEncoder", 1, 60)
    assert second.told["workers"] == 0
    assert faults(first, second, fuzz.files_below(album), fuzz.known_photos(library)) == []


def test_a_worker_that_dies_is_told_with_its_file(album, tmp_path):
    deadly = paint(album / "1.png", (255, 0, 0))
    paint(album / "2.png", "blue")
    run = fuzz.index(album, tmp_path / "library", "tests.toy:PerilousEncoder", 1, 60)
    assert run.trouble is None
    assert run.told["deaths"] == [[str(deadly), "SIGABRT"]] * 2  # it is tried twice


def test_a_run_that_hangs_is_ended_with_its_workers(album, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "_SECONDS_FOR_WORKERS", 0.1)  # it would not end by itself for two minutes
    paint(album / "1.png", (0, 255, 0))
    run = fuzz.index(album, tmp_path / "library", "tests.toy:PerilousEncoder", 1, 2)
    assert (run.trouble, run.outlived) == ("did not end in 2 seconds", 1)


def test_a_run_that_fails_says_why(album, tmp_path):
    run = fuzz.index(album, tmp_path / "library", "tests.toy:ToyEncoder", 1, 60)
    assert run.trouble and "exit code 1" in run.trouble and "holds no photos" in run.trouble


@pytest.mark.network
def test_a_little_fuzzing_breaks_nothing(capsys):
    code = fuzz.main(["--files", "40", "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    result = json.loads(printed.out)
    assert sum(row["files"] for row in result["states"]) == result["files"] > 40


@pytest.mark.slow
@pytest.mark.network
def test_much_fuzzing_of_real_photos_breaks_nothing(real_photos, capsys):
    others = [f"--with={real_photos / name}" for name in ("hostile", "formats")]
    assert fuzz.main([str(real_photos / "cameras"), "--files", "1000", *others]) == 0, capsys.readouterr().err
