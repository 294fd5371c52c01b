"""What of a folder is here already, as a command."""

import json
import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from simsearch import Library
from simsearch.inventory import VERDICTS
from tests.conftest import paint
from tests.test_known import save, scene


@pytest.fixture
def card(run, library, album, tmp_path):
    """A folder with one file of each sort, beside a library of six photos."""
    for number in range(6):
        save(scene(number), album / f"{number}.jpg")
    save(scene(6).resize((160, 120)), album / "6.jpg")
    assert run("index", album, "--workers", 1)[0] == 0
    card = tmp_path / "card"
    card.mkdir()
    (card / "equal.jpg").write_bytes((album / "1.jpg").read_bytes())
    save(scene(2).resize((160, 120)), card / "small.jpg")
    save(scene(3).crop((60, 40, 400, 300)), card / "part.jpg")
    save(scene(6), card / "large.jpg")
    save(scene(90), card / "other.jpg")
    (card / "other again.jpg").write_bytes((card / "other.jpg").read_bytes())
    (card / "notes.txt").write_text("x")
    return card


def test_files_are_listed_by_what_is_known_and_better_ones_stand_out(run, card, album):
    code, out, _ = run("known", card, "--workers", 1)
    assert code == 0
    assert out.splitlines() == [
        f"exact       {card / 'equal.jpg'}: equal to {album / '1.jpg'}",
        f"exact       {card / 'other again.jpg'}: equal to {card / 'other.jpg'}",
        f"re-saved    {card / 'small.jpg'}: of {album / '2.jpg'} (scaled to 33%), which is better: "
        "more pixels: 480 x 360 against 160 x 120",
        f"crop        {card / 'part.jpg'}: of {album / '3.jpg'} (51% of it), which is better: "
        "shows all of it",
        f"new         {card / 'other.jpg'}",
        f"BETTER      {card / 'large.jpg'}: more pixels: 480 x 360 against 160 x 120; the library has "
        f"{album / '6.jpg'} (scaled to 33%)",
        "7 files: 2 exact, 2 re-saved, 1 crop, 0 of a burst, 1 new, 0 unreadable, 1 no photos",
        "1 file better than what the library has: BETTER, above",
    ]


def test_the_lists_are_written_and_it_is_said_how_to_copy(run, card, tmp_path):
    code, _, err = run("known", card, "--csv", tmp_path / "all.csv", "--new", tmp_path / "new.txt")
    assert code == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 7
    assert (tmp_path / "new.txt").read_text() == "./other.jpg\n"
    assert err.endswith(
        f"simsearch: 1 new file listed in {tmp_path / 'new.txt'}; to copy into a new folder: "
        f"rsync -a --files-from={tmp_path / 'new.txt'} {card}/ ~/Pictures/card-{date.today()}/\n"
        "simsearch: in no such list, so not copied: 1 perhaps better than the library's, 1 no photos\n"
    )


@pytest.mark.parametrize("null", [False, True])
def test_what_the_card_has_in_a_better_version_can_be_listed_too(run, card, tmp_path, null):
    lists = [f"--{what}={tmp_path / what}" for what in ("new", "bursts", "better")]
    code, _, err = run("known", card, *lists, *(["--null"] if null else []))
    end = "\0" if null else "\n"
    assert code == 0
    assert (tmp_path / "better").read_text() == f"./large.jpg{end}"
    assert (tmp_path / "bursts").read_text() == "" and (tmp_path / "new").read_text() == f"./other.jpg{end}"
    flag = "--from0 " if null else ""
    assert [line for line in err.splitlines() if "simsearch:" in line] == [
        *(
            f"simsearch: {files} listed in {tmp_path / what}; to copy into a new folder: rsync -a "
            f"{flag}--files-from={tmp_path / what} {card}/ ~/Pictures/card-{date.today()}/"
            for files, what in (("1 new file", "new"), ("0 files of a burst", "bursts"))
        ),
        f"simsearch: 1 file that may be better listed in {tmp_path / 'better'}; to copy into a new folder: "
        f"rsync -a {flag}--files-from={tmp_path / 'better'} {card}/ ~/Pictures/card-{date.today()}/",
        "simsearch: in no such list, so not copied: 1 no photos",
    ]


def test_what_is_in_no_list_is_told(run, card, tmp_path):
    err = run("known", card, "--better", tmp_path / "better.txt")[2]
    assert err.endswith("simsearch: in no such list, so not copied: 1 new, 1 no photos\n")
    assert "so not copied" not in run("known", card)[2]


def test_each_card_is_to_be_copied_to_a_folder_of_its_own(run, card, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (card / "notes.txt").unlink()
    (card / "large.jpg").unlink()
    for number, end in enumerate(("", "-2", "-3")):
        err = run("known", card, "--new", tmp_path / f"{number}.txt")[2]
        assert err.endswith(f" ~/Pictures/card-{date.today()}{end}/\n")
        (tmp_path / f"Pictures/card-{date.today()}{end}").mkdir(parents=True)


def test_a_list_replaces_no_file_and_is_refused_before_the_work(run, card, tmp_path, monkeypatch):
    monkeypatch.setattr(Library, "known", None)
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    for arguments, words in (
        (("--csv", kept), "there is such a file already"),
        (("--new", kept), "there is such a file already"),
        (("--better", kept), "there is such a file already"),
        (("--new", tmp_path / "one", "--bursts", tmp_path / "one"), "there is such a file already"),
        (("--csv", tmp_path / "one", "--new", tmp_path / "one"), "there is such a file already"),
        (("--new", tmp_path / "nowhere" / "new.txt"), "no such folder"),
    ):
        code, out, err = run("known", card, *arguments)
        assert (code, out) == (2, "") and words in err and "nothing was done" in err
        assert len(err.splitlines()) == 1
    assert kept.read_text() == "mine"


def test_a_name_with_a_line_break_asks_for_zero_bytes(run, card, tmp_path):
    (card / "other.jpg").rename(card / "o\nther.jpg")
    (card / "other again.jpg").unlink()
    code, out, err = run("known", card, "--csv", tmp_path / "all.csv", "--new", tmp_path / "new.txt")
    assert code == 2 and "1 new" in out and err.endswith("end names with zero bytes: --null.\n")
    assert (tmp_path / "all.csv").exists() and not (tmp_path / "new.txt").exists()
    code, _, err = run("known", card, "--new", tmp_path / "new.txt", "--null")
    assert code == 0 and "rsync -a --from0 --files-from=" in err
    assert (tmp_path / "new.txt").read_bytes() == b"./o\nther.jpg\0"


def test_json_is_one_object_a_file(run, card, album):
    code, out, err = run("known", card, "--json")
    told = {os.path.basename(one["path"]): one for one in map(json.loads, out.splitlines())}
    assert code == 0 and len(told) == 6 and "7 files: 2 exact" in err
    assert told["large.jpg"] == {
        "path": str(card / "large.jpg"),
        "verdict": "re-saved",
        "photo": str(album / "6.jpg"),
        "better": "this file",
        "reason": "more pixels: 480 x 360 against 160 x 120",
        "changes": ["scaled to 33%"],
        "offline": False,
    }
    assert told["other.jpg"]["photo"] is None
    assert told["other again.jpg"]["photo"] == str(card / "other.jpg")


def test_a_photo_that_is_not_there_just_now_is_marked(run, card, album, tmp_path):
    album.rename(tmp_path / "elsewhere")
    _, out, _ = run("known", card, "--workers", 1)
    away = "(which is not there just now)"
    assert f"{card / 'equal.jpg'}: equal to {album / '1.jpg'} {away}\n" in out
    assert f"{card / 'other again.jpg'}: equal to {card / 'other.jpg'}\n" in out
    assert out.count(away) == 4 and "; of 4 the library's photo is not there just now\n" in out
    told = [json.loads(line) for line in run("known", card, "--json")[1].splitlines()]
    assert sum(one["offline"] for one in told) == 4


def test_an_unreadable_file_is_named_and_not_well(run, card):
    (card / "broken.jpg").write_text("x")
    code, out, _ = run("known", card)
    assert code == 1
    assert f"unreadable  {card / 'broken.jpg'}: not a picture, or of a kind not read here\n" in out
    assert "1 unreadable" in out


def test_a_burst_names_the_photo_and_the_time(run, library, album, tmp_path):
    save(scene(0), album / "a.jpg", "2021:05:01 10:00:00", "Pixel 7")
    save(scene(1), tmp_path / "card" / "b.jpg", "2021:05:01 10:03:00", "Pixel 7")
    run("index", album)
    assert " 1 new," in run("known", tmp_path / "card")[1]
    _, out, err = run("known", tmp_path / "card", "--within", 5, "--new", tmp_path / "new.txt")
    assert err.endswith("simsearch: in no such list, so not copied: 1 of a burst\n")
    err = run("known", tmp_path / "card", "--within", 5, "--bursts", tmp_path / "bursts.txt")[2]
    assert (tmp_path / "bursts.txt").read_text() == "./b.jpg\n" and "1 file of a burst listed in" in err
    assert "not copied" not in err
    where = f"{tmp_path / 'card' / 'b.jpg'}: as {album / 'a.jpg'}, taken 180 s after it"
    assert out.startswith(f"burst       {where}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "no such folder"),
        (("album",), "library's own"),
        (("empty",), "holds no photos"),
        (("card", "--within", "0"), "minutes must be above 0"),
        (("card", "--within", "soon"), "must be a number, not soon"),
        (("card", "--workers", "0"), "at least 1"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(run, card, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    code, out, err = run("known", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


def test_without_a_library_or_photos_in_it_nothing_is_known(run, library, tmp_path, album):
    paint(album / "a.jpg", "red")
    assert "no library here yet" in run("known", album)[2]
    Library.open(library).close()
    code, _, err = run("known", album)
    assert code == 2 and "holds no photos yet" in err


def test_ctrl_c_lists_nothing(run, card, tmp_path, monkeypatch):
    def interrupted(self, folder, *, progress, **_):
        progress("reading", 1, 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(Library, "known", interrupted)
    code, out, err = run("known", card, "--csv", tmp_path / "all.csv")
    assert (code, out) == (130, "") and err.endswith("simsearch: stopped; nothing was listed\n")
    assert not (tmp_path / "all.csv").exists()


def test_rsync_copies_what_was_listed(run, card, tmp_path):
    save(scene(91), card / "deep" / "# new.jpg")
    run("known", card, "--new", tmp_path / "new.txt")
    try:
        files_from = f"--files-from={tmp_path / 'new.txt'}"
        subprocess.run(["rsync", "-a", files_from, f"{card}/", tmp_path / "copied"], check=True)
    except FileNotFoundError:
        pytest.skip("there is no rsync here")
    copied = tmp_path / "copied"
    assert {path.relative_to(copied).as_posix() for path in copied.rglob("*.jpg")} == {
        "other.jpg",
        "deep/# new.jpg",
    }


def test_the_verdicts_are_those_of_the_readme():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert all(f"`{verdict}`" in readme for verdict in VERDICTS)
