"""The commands about copies and bursts, and what they hand to the user."""

import csv
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
from io import StringIO

import pytest
from PIL import Image, ImageOps

from tests.conftest import paint
from tests.textures import save, texture


@pytest.fixture
def collection(run, library, album):
    """Three pictures; of the first an equal file, a small one, a mirrored one and a crop."""
    first = texture(1)
    for number in (1, 2, 3):
        save(texture(number), album / f"{number}.png")
    (album / "deeper").mkdir()
    shutil.copy(album / "1.png", album / "deeper" / "1.png")
    save(first.resize((120, 90)), album / "small.jpg", quality=80)
    save(ImageOps.mirror(first), album / "mirrored.jpg", quality=90)
    save(first.crop((40, 20, 210, 150)), album / "crop.jpg", quality=90)
    for file in album.rglob("*.*"):
        later = 60 if file.name == "mirrored.jpg" else 0  # of the others none is the older one
        os.utime(file, (1_700_000_000 + later, 1_700_000_000 + later))
    assert run("index", album)[0] == 0
    return album


def groups_of(run, *options):
    code, out, _ = run("groups", "copies", "--json", *options)
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def told(group, album):
    return {
        os.path.relpath(copy["path"], album): (copy["relation"], *copy["changes"]) for copy in group["copies"]
    }


def test_copies_are_told_apart_and_the_best_is_named_with_its_reason(run, collection):
    (group,) = groups_of(run)
    assert group["best"] == str(collection / "1.png")
    assert told(group, collection) == {
        "deeper/1.png": ("exact",),
        "small.jpg": ("re-saved", "scaled to 50%", "saved as JPG"),
        "mirrored.jpg": ("re-saved", "mirrored", "saved as JPG"),
        "crop.jpg": ("crop", "51% of it", "saved as JPG"),
    }
    reasons = {os.path.basename(copy["path"]): copy["reason"] for copy in group["copies"]}
    assert reasons == {
        "1.png": "fewer folders deep",
        "small.jpg": "more pixels: 240 x 180 against 120 x 90",
        "mirrored.jpg": "the older file",
        "crop.jpg": "shows all of it",
    }


def test_a_person_reads_which_is_the_best_and_what_to_do(run, collection):
    code, out, _ = run("groups", "copies")
    assert code == 0
    assert f"best      {collection / '1.png'}  240 x 180\n" in out
    assert f"re-saved  {collection / 'small.jpg'}  (scaled to 50%, saved as JPG)\n" in out
    assert "1 picture with 4 copies (1 exact, 2 re-saved, 1 crop)" in out
    assert "Nothing was changed." in out


@pytest.mark.parametrize("relation", ["exact", "re-saved", "crop"])
def test_only_some_relations_can_be_asked_for(run, collection, relation):
    (group,) = groups_of(run, "--only", relation)
    assert {copy["relation"] for copy in group["copies"]} == {relation}


@pytest.fixture
def doubled(run, collection):
    """The same, and the small one and the crop once more."""
    (collection / "deeper").mkdir(exist_ok=True)
    for name in ("small.jpg", "crop.jpg"):
        shutil.copy2(collection / name, collection / "deeper" / name)
    run("index", collection)
    return collection


def test_copies_with_the_bytes_of_another_copy_count_as_exact(run, doubled, tmp_path):
    (group,) = groups_of(run, "--only", "exact", "--csv", tmp_path / "exact.csv")
    expected = {
        "deeper/1.png": ("exact", None),
        "deeper/small.jpg": ("re-saved", str(doubled / "small.jpg")),
        "deeper/crop.jpg": ("crop", str(doubled / "crop.jpg")),
    }
    told = {
        os.path.relpath(copy["path"], doubled): (copy["relation"], copy["equal_to"])
        for copy in group["copies"]
    }
    assert told == expected
    rows = csv.DictReader(StringIO((tmp_path / "exact.csv").read_text()))
    assert {row["copy"]: row["equal to"] for row in rows} == {
        str(doubled / name): equal or "" for name, (_, equal) in expected.items()
    }
    out = run("groups", "copies", "--only", "exact")[1]
    assert f"{'':<10}equal to {doubled / 'small.jpg'}\n" in out
    assert "1 picture with 3 copies (1 exact, 1 re-saved, 1 crop; 2 equal to another copy)" in out


def test_where_only_copies_of_copies_are_exact_their_group_is_listed(run, doubled):
    (doubled / "deeper" / "1.png").unlink()
    run("index", doubled)
    (group,) = groups_of(run, "--only", "exact")
    assert set(told(group, doubled)) == {"deeper/small.jpg", "deeper/crop.jpg"}
    run("decide", "keep", doubled / "1.png", doubled / "deeper/small.jpg", doubled / "deeper/crop.jpg")
    assert groups_of(run, "--only", "exact") == [] != groups_of(run, "--only", "exact", "--all")


def test_the_script_leaves_crops_alone_whatever_has_their_bytes(run, doubled, tmp_path):
    groups_of(run, "--only", "exact", "--script", tmp_path / "aside.sh")
    assert run_script(tmp_path / "aside.sh", tmp_path / "aside").returncode == 0
    assert moved(tmp_path / "aside", doubled) == ["deeper/1.png", "deeper/small.jpg"]


def test_one_copy_is_one(run, collection):
    assert "1 picture with 1 copy (1 crop), " in run("groups", "copies", "--only", "crop")[1]


def test_of_some_relations_what_is_kept_is_not_listed_again(run, collection):
    run("decide", "keep", collection / "1.png", collection / "crop.jpg")
    assert groups_of(run, "--only", "crop") == []
    assert len(groups_of(run, "--only", "crop", "--all")) == 1
    (group,) = groups_of(run, "--only", "crop", "exact")
    assert [copy["kept"] for copy in group["copies"]] == [False, True]


def test_without_copies_it_says_so(run, library, album):
    save(texture(1), album / "1.png")
    run("index", album)
    assert run("groups", "copies")[1] == "no copies among 1 photo\n"


@pytest.mark.parametrize(
    "command",
    ["groups copies", "groups bursts", "groups clusters", "map", "map --json", "search {}", "suggest {}"],
)
def test_an_empty_library_is_the_same_error_everywhere(run, library, album, tmp_path, command):
    run("index", album)
    picture = paint(tmp_path / "a.png", "red")
    assert run(*(word.format(picture) for word in command.split())) == (
        2,
        "",
        f"simsearch: {library}: holds no photos yet; index some: simsearch index FOLDER.\n",
    )


def test_what_is_to_be_kept_is_not_listed_again(run, collection):
    files = [collection / name for name in ("1.png", "small.jpg")]
    assert run("decide", "keep", *files) == (0, "decided of 1 pair\n", "")
    (group,) = groups_of(run)
    assert [copy["path"] for copy in group["copies"] if copy["kept"]] == [str(files[1])]
    run(
        "decide",
        "keep",
        *(collection / name for name in ("1.png", "deeper/1.png", "mirrored.jpg", "crop.jpg")),
    )
    assert groups_of(run) == []
    assert len(groups_of(run, "--all")[0]["copies"]) == 4


def test_what_is_to_be_kept_beside_another_copy_is_not_moved(run, collection, tmp_path):
    run("decide", "keep", *(collection / name for name in ("small.jpg", "mirrored.jpg")))
    groups_of(run, "--script", tmp_path / "aside.sh")
    lines = (tmp_path / "aside.sh").read_text().splitlines()
    [live] = [line for line in lines if line.startswith("move ")]
    assert "deeper/1.png" in live
    assert sum(line.endswith("  # to be kept beside another copy") for line in lines) == 2


def test_what_is_not_the_same_is_no_copy_until_that_is_taken_back(run, collection):
    files = [collection / name for name in ("1.png", "crop.jpg")]
    run("decide", "different", *files)
    assert "crop.jpg" not in told(groups_of(run)[0], collection)
    code, out, _ = run("decide")
    assert (code, out) == (0, f"different {files[0]}  {files[1]}\n")
    assert run("decide", "undecided", *files) == (0, "taken back of 1 pair\n", "")
    assert run("decide") == (0, "", "")
    assert "crop.jpg" in told(groups_of(run)[0], collection)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["keep", "1.png"], "name two photos or more"),
        (["keep", "1.png", "none.png"], "not in this library"),
        (["maybe", "1.png", "2.png"], "invalid choice"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(run, collection, monkeypatch, arguments, sentence):
    monkeypatch.chdir(collection)
    code, _, err = run("decide", *arguments)
    assert code == 2 and sentence in err and err.count("\n") == 1


def test_the_table_has_a_line_a_copy(run, collection, tmp_path):
    groups_of(run, "--csv", tmp_path / "copies.csv")
    rows = list(csv.DictReader(StringIO((tmp_path / "copies.csv").read_text())))
    assert [row["relation"] for row in rows] == ["exact", "re-saved", "re-saved", "crop"]
    assert {row["best"] for row in rows} == {str(collection / "1.png")}
    assert {row["kept"] for row in rows} == {"no"}


@pytest.mark.parametrize("option", ["--csv", "--script"])
def test_a_photo_is_never_written_over(run, collection, option):
    before = (collection / "2.png").read_bytes()
    code, _, err = run("groups", "copies", option, collection / "2.png")
    assert code == 2 and "there is such a file already" in err
    assert (collection / "2.png").read_bytes() == before
    code, _, err = run("groups", "copies", option, collection / "new.png")
    assert code == 2 and "the name of a photo" in err
    assert not (collection / "new.png").exists()


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("groups copies", ["--csv", "mine"], "there is such a file already"),
        ("groups copies", ["--script", "mine"], "there is such a file already"),
        ("groups copies", ["--csv", "new", "--script", "new"], "there is such a file already"),
        ("groups copies", ["--script", "nowhere/new"], "no such folder"),
        ("groups clusters", ["--csv", "mine"], "there is such a file already"),
        ("map", ["--csv", "mine"], "there is such a file already"),
    ],
)
def test_no_file_is_written_over_and_that_is_said_before_the_work(
    run, collection, tmp_path, monkeypatch, command, arguments, words
):
    monkeypatch.chdir(tmp_path)
    for module in ("grouping", "clustering", "mapping"):
        monkeypatch.setattr(f"simsearch.cli.{module}.open_library", None)
    (tmp_path / "mine").write_text("mine")
    code, out, err = run(*command.split(), *arguments)
    assert (code, out) == (2, "") and words in err and "nothing was done" in err
    assert (tmp_path / "mine").read_text() == "mine" and not (tmp_path / "new").exists()


# The script


SHELLS = [shell for shell in ("dash", "bash", "busybox sh", "sh") if shutil.which(shell.split()[0])]


def run_script(script, *arguments, shell="sh", **options):
    command = [*shell.split(), script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def script(run, collection, tmp_path):
    groups_of(run, "--script", tmp_path / "aside.sh")
    return tmp_path / "aside.sh"


def moved(aside, album):
    return sorted(os.path.relpath(file, f"{aside}{album}") for file in aside.rglob("*") if file.is_file())


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_moves_the_worse_versions_and_leaves_crops(script, collection, tmp_path, shell):
    contents = {file: file.read_bytes() for file in collection.rglob("*.*")}
    aside = tmp_path / "put aside"
    done = run_script(script, aside, shell=shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert moved(aside, collection) == ["deeper/1.png", "mirrored.jpg", "small.jpg"]
    assert (collection / "crop.jpg").exists() and (collection / "1.png").exists()
    for file, content in contents.items():  # nothing is lost
        there = file if file.exists() else aside / file.relative_to("/")
        assert there.read_bytes() == content


def test_the_script_needs_a_folder(script, collection):
    done = run_script(script)
    assert done.returncode != 0 and "name a folder" in done.stderr
    assert (collection / "small.jpg").exists()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["aside", "-aside"])
def test_a_folder_is_meant_from_here_whatever_its_name(script, collection, tmp_path, shell, name):
    (tmp_path / "elsewhere" / name).mkdir(parents=True)
    environment = os.environ | {"CDPATH": str(tmp_path / "elsewhere")}
    assert run_script(script, name, shell=shell, cwd=tmp_path, env=environment).returncode == 0
    assert len(moved(tmp_path / name, collection)) == 3
    assert not list((tmp_path / "elsewhere" / name).iterdir())


def is_gone(album):
    (album / "1.png").unlink()


def is_another(album):
    (album / "1.png").write_bytes(b"another")


def is_another_of_the_same_size(album):
    size = (album / "1.png").stat().st_size
    (album / "1.png").write_bytes(bytes(size))


def are_all_others_of_the_same_bytes(album):
    for name in ("small.jpg", "mirrored.jpg", "deeper/1.png", "1.png"):
        (album / name).write_bytes(b"one and the same")


def was_changed(album):
    for name in ("small.jpg", "mirrored.jpg", "deeper/1.png"):
        (album / name).write_bytes(bytes((album / name).stat().st_size))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (is_gone, "the better one is not there"),
        (is_another, "the better one changed meanwhile"),
        (is_another_of_the_same_size, "the better one changed meanwhile"),
        (are_all_others_of_the_same_bytes, "changed meanwhile"),
        (was_changed, "changed meanwhile"),
    ],
)
def test_the_script_leaves_what_changed_meanwhile(script, collection, tmp_path, shell, meanwhile, reason):
    meanwhile(collection)
    done = run_script(script, tmp_path / "aside", shell=shell)
    assert done.returncode == 0
    assert moved(tmp_path / "aside", collection) == []
    assert sorted(done.stderr.splitlines()) == sorted(
        f"left: {collection / name} ({reason})" for name in ("deeper/1.png", "mirrored.jpg", "small.jpg")
    )


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("is_link", [False, True])
def test_the_script_overwrites_nothing(script, collection, tmp_path, shell, is_link):
    there = tmp_path / "aside" / (collection / "small.jpg").relative_to("/")
    there.parent.mkdir(parents=True)
    there.symlink_to("nowhere") if is_link else there.write_text("mine")
    done = run_script(script, tmp_path / "aside", shell=shell)
    assert done.stderr == f"left: {collection / 'small.jpg'} (there is one already where it would go)\n"
    assert os.readlink(there) == "nowhere" if is_link else there.read_text() == "mine"
    assert (collection / "small.jpg").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_what_cannot_be_moved_does_not_keep_the_script_from_the_rest(script, collection, tmp_path, shell):
    blocked = tmp_path / "aside" / (collection / "deeper").relative_to("/")
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file, where a folder is wanted")
    done = run_script(script, tmp_path / "aside", shell=shell)
    assert done.returncode == 0
    assert f"left: {collection / 'deeper/1.png'} (could not be moved)\n" in done.stderr
    assert (collection / "deeper" / "1.png").exists()
    assert {"mirrored.jpg", "small.jpg"} < set(moved(tmp_path / "aside", collection))


def test_what_has_no_known_bytes_is_left_to_the_user(run, collection, library, tmp_path):
    with sqlite3.connect(library / "library.db") as db:
        db.execute("UPDATE photos SET sha256 = '' WHERE path = 'small.jpg'")
    groups_of(run, "--script", tmp_path / "aside.sh")
    line = f"# move {collection / 'small.jpg'} ? {collection / '1.png'} "
    assert line in (tmp_path / "aside.sh").read_text()
    assert run_script(tmp_path / "aside.sh", tmp_path / "aside").returncode == 0
    assert moved(tmp_path / "aside", collection) == ["deeper/1.png", "mirrored.jpg"]


def test_the_script_never_moves_a_file_that_is_the_better_one_by_another_name(script, collection, tmp_path):
    (collection / "deeper" / "1.png").unlink()
    (collection / "deeper" / "1.png").hardlink_to(collection / "1.png")
    done = run_script(script, tmp_path / "aside")
    assert "it is the same file" in done.stderr
    assert (collection / "deeper" / "1.png").exists()


@pytest.mark.parametrize(
    "name", ["it's.jpg", "$(touch oops).jpg", "-rf.jpg", "a\nb.jpg", "`x`;.jpg", "ü \\ .jpg"]
)
@pytest.mark.parametrize("is_crop", [False, True])
def test_no_name_means_anything_to_the_shell(run, library, album, tmp_path, name, is_crop):
    image = texture(1)
    save(image, album / "1.png")
    small = image.crop((40, 20, 210, 150)) if is_crop else image.resize((120, 90))
    save(small, album / name, quality=90)
    run("index", album)
    assert len(groups_of(run, "--script", tmp_path / "aside.sh")) == 1
    done = run_script(tmp_path / "aside.sh", tmp_path / "aside")
    assert (done.returncode, done.stderr) == (0, "")
    assert moved(tmp_path / "aside", album) == ([] if is_crop else [name])
    assert not list(tmp_path.rglob("oops"))
    assert shlex.quote(str(album / name)).split("\n")[0] in (tmp_path / "aside.sh").read_text()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("small", "camera = 'Nikon', width = 30, height = 40", "; but the other tells more in its Exif"),
        ("small", "width = 240, height = 180, mtime_ns = 1", None),
        ("mirrored", "mtime_ns = 17e17", "; but the other may be the one that was not edited"),
    ],
)
def test_what_is_better_in_another_way_is_left_to_the_user(
    run, collection, library, tmp_path, name, change, reason
):
    with sqlite3.connect(library / "library.db") as db:
        db.execute(f"UPDATE photos SET {change} WHERE path = '{name}.jpg'")
    (group,) = groups_of(run, "--script", tmp_path / "aside.sh")
    if reason is None:
        reason = "the older file; but the other is saved without loss"
        assert group["best"] == str(collection / "small.jpg")
    assert any(copy["reason"].endswith(reason) for copy in group["copies"])
    lines = (tmp_path / "aside.sh").read_text().splitlines()
    held = [
        line for line in lines if line.startswith("# move ") and line.endswith("  # better in another way")
    ]
    assert len(held) == sum(copy["reason"].endswith(reason) for copy in group["copies"])


def test_what_has_other_colours_is_left_to_the_user(run, collection, library, tmp_path):
    run("groups", "copies")
    with sqlite3.connect(library / "library.db") as db:
        db.execute("UPDATE pairs SET colour = 1")
    groups_of(run, "--script", tmp_path / "aside.sh")
    moves = [line for line in (tmp_path / "aside.sh").read_text().splitlines() if "move " in line[:7]]
    [live] = [line for line in moves if line.startswith("move ")]
    assert "deeper/1.png" in live, "it has the same bytes"
    assert sum(line.endswith("  # its colours are others") for line in moves) >= 1


# What is not there


@pytest.mark.parametrize(
    ("gone", "words", "left"),
    [("1.png", "best", []), ("small.jpg", "copy", ["deeper/1.png", "mirrored.jpg"])],
)
def test_what_is_not_there_now_is_called_so_and_moves_nothing(run, collection, tmp_path, gone, words, left):
    (collection / gone).rename(tmp_path / "kept.png")
    _, out, _ = run("groups", "copies", "--csv", tmp_path / "copies.csv", "--script", tmp_path / "aside.sh")
    [line] = (line for line in out.splitlines() if line.endswith("  (not there now)"))
    assert str(collection / gone) in line
    (group,) = groups_of(run)
    assert group["offline"] == (words == "best")
    offline = [copy["path"] for copy in group["copies"] if copy["offline"]]
    assert offline == ([] if words == "best" else [str(collection / gone)])
    rows = list(csv.DictReader(StringIO((tmp_path / "copies.csv").read_text())))
    assert sum(row["not there now"] == words for row in rows) == (4 if words == "best" else 1)
    (tmp_path / "kept.png").rename(collection / gone)
    assert run_script(tmp_path / "aside.sh", tmp_path / "aside").returncode == 0
    assert moved(tmp_path / "aside", collection) == left


# Bursts


@pytest.fixture
def afternoon(run, library, album):
    """Two shots a few seconds apart, one of an hour later, and one that does not say when."""
    for name, seed, at in (
        ("a", 1, "2023:05:01 18:30:00"),
        ("b", 1, "2023:05:01 18:30:05"),
        ("c", 1, "2023:05:01 19:30:00"),
        ("d", 1, None),
    ):
        exif = Image.Exif()
        if at:
            exif.get_ifd(0x8769)[0x9003] = at
        image = texture(seed)
        image.putpixel((0, ord(name) % 9), (255, 0, 0))
        save(image, album / f"{name}.jpg", quality=92 if name != "b" else 90, exif=exif)
    assert run("index", album)[0] == 0
    return album


def test_shots_of_one_scene_within_minutes_are_a_burst(run, afternoon):
    code, out, err = run("groups", "bursts", "--json")
    (burst,) = map(json.loads, out.splitlines())
    assert code == 0
    assert [photo["path"] for photo in burst["photos"]] == [
        str(afternoon / "a.jpg"),
        str(afternoon / "b.jpg"),
    ]
    assert burst["sharpest"] in {photo["path"] for photo in burst["photos"]}
    assert "1 photo left out" in err


def test_a_longer_time_makes_longer_bursts(run, afternoon):
    code, out, _ = run("groups", "bursts", "--within", "60")
    assert code == 0 and "1 burst, 3 photos" in out and "2023-05-01 19:30:00" in out


@pytest.mark.parametrize("minutes", ["0", "-1", "soon", "nan", "1441"])
def test_minutes_that_make_no_sense_are_refused(run, afternoon, minutes):
    code, out, err = run("groups", "bursts", f"--within={minutes}")
    assert (code, out) == (2, "") and "--help" in err
