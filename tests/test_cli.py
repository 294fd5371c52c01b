import importlib.util
import json
import os
import runpy
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from simsearch import Library, ui
from tests.conftest import paint

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def indexed(run, library, album):
    for name, colour in {"red": (200, 0, 0), "blue": (0, 0, 200)}.items():
        paint(album / f"{name}.png", colour)
    assert run("index", album)[0] == 0
    return album


def test_index_reports_every_file(run, library, album):
    paint(album / "1.png", "red")
    (album / "2.jpg").write_text("this is text")
    (album / "3.mov").write_text("x")
    code, out, err = run("index", album)
    assert code == 1
    assert f"failed  {album / '2.jpg'}: not a picture, or of a kind not read here" in out
    assert f"skipped  {album / '3.mov'}: not a kind of photo read here (.mov)" in out
    assert "1 added, 0 updated, 0 unchanged, 0 moved, 1 skipped, 1 failed" in out
    assert f"1 photo can be searched in {library}" in out
    assert "photo/s" in err and "<" in err  # rate and time left


def test_index_again_has_nothing_to_do_and_shows_no_bar(run, indexed):
    code, out, err = run("index", indexed)
    assert (code, err) == (0, "")
    assert "2 unchanged" in out


def test_index_names_few_skipped_files_and_counts_many(run, library, album):
    paint(album / "1.png", "red")
    for number in range(25):
        (album / f"{number:02}.mov").write_text("x")
    _, out, _ = run("index", album)
    assert out.count(".mov:") == 3 and "22 more: not a kind of photo read here (.mov)" in out
    _, out, _ = run("index", album, "--verbose")
    assert out.count(".mov:") == 25


def test_index_without_folders_follows_the_known_ones(run, indexed):
    paint(indexed / "green.png", "green")
    assert "1 added" in run("index")[1]


def test_search_prints_score_and_path(run, indexed, tmp_path):
    query = paint(tmp_path / "unseen.png", (255, 20, 0))
    code, out, err = run("search", query)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith(f"  {indexed / 'red.png'}") and 0.99 < float(lines[0].split()[0]) <= 1
    assert lines[1].endswith(f"  {indexed / 'blue.png'}") and float(lines[1].split()[0]) == 0


def test_search_prints_one_json_object_a_line(run, indexed, tmp_path):
    query = paint(tmp_path / "unseen.png", (255, 20, 0))
    hits = [json.loads(line) for line in run("search", query, "--json")[1].splitlines()]
    facts = ["width", "height", "taken_at", "camera", "latitude", "longitude", "offline"]
    meaning = ["cosine", "trust", "beats", "copies"]
    assert [list(hit) for hit in hits] == [["path", "score", *meaning, "id", *facts]] * 2
    assert hits[0]["path"] == str(indexed / "red.png")
    assert (hits[0]["width"], hits[0]["height"], hits[0]["taken_at"]) == (8, 8, None)


def test_search_prints_only_paths(run, indexed, tmp_path):
    query = paint(tmp_path / "unseen.png", (255, 20, 0))
    assert run("search", query, "--paths", "-k", "1")[1] == f"{indexed / 'red.png'}\n"


def test_names_cannot_write_to_the_terminal(run, library, album):
    paint(album / "red\x1b[31m.png", "red")
    run("index", album)
    assert "\x1b" not in run("search", album / "red\x1b[31m.png")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["index", "{tmp}/nowhere"], "nowhere: no such folder; check the spelling"),
        (["index", "{tmp}/empty"], "empty: holds no photos; choose the folder they are in."),
        (["index", "{tmp}/text.jpg"], "text.jpg: not a folder; name the folder the photos are in."),
        (["index"], "no library here yet; make one with: simsearch index FOLDER."),
        (["search", "{tmp}/text.jpg"], "no library here yet"),
        (["status"], "no library here yet"),
        (["search", "x.jpg", "-k", "0"], "argument -k: must be a whole number of at least 1, not 0"),
        (["search", "x.jpg", "-k", "many"], "argument -k: must be a whole number of at least 1, not many"),
        (["search", "x.jpg", "--json", "--paths"], "not allowed with argument"),
        (["search", "x.jpg", "--crop", "a,b"], "argument --crop: must be four numbers such as 40,30,200,150"),
        (["index", "{tmp}/empty", "--workers", "0"], "argument --workers: must be a whole number"),
        (["search", "x.jpg", "--engine", "magic"], "argument --engine: invalid choice: 'magic'"),
        (["tune", "--recall", "1.5"], "argument --recall: must be a number above 0 and up to 1, not 1.5"),
        (["tune", "--recall", "all"], "argument --recall: must be a number above 0 and up to 1, not all"),
        (["tune", "--bits", "0"], "argument --bits: must be a whole number of at least 1, not 0"),
        (["tune"], "no library here yet"),
        (["app", "--port", "99999"], "argument --port: must be at most 65535, not 99999"),
        (["index", os.fsdecode(b"caf\xe9")], r"caf\xe9: no such folder; check the spelling"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_mistake_is_one_sentence_on_standard_error_and_exit_code_2(
    run, library, tmp_path, arguments, sentence
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("this is text")
    code, out, err = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert (code, out) == (2, "")
    assert sentence in err and err.count("\n") == 1
    assert not library.exists() or not (library / "library.db").exists() or arguments[0] == "index"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("gone.jpg", None, "gone.jpg: no such file or directory; check the path."),
        (
            "text.jpg",
            "this is text",
            "text.jpg: not a picture, or of a kind not read here; try another picture.",
        ),
    ],
)
def test_a_picture_that_cannot_be_read_is_one_sentence(run, indexed, tmp_path, name, content, sentence):
    if content:
        (tmp_path / name).write_text(content)
    code, out, err = run("search", tmp_path / name)
    assert (code, out) == (2, "") and sentence in err and err.count("\n") == 1


def test_search_with_a_part_of_a_picture(run, indexed, tmp_path):
    query = Image.new("RGB", (20, 10), (200, 0, 0))
    query.paste((0, 0, 200), (10, 0, 20, 10))
    query.save(tmp_path / "both.png")
    for crop, found in {"10,0,10,10": "blue", "0,0,0.5,1": "red"}.items():
        code, out, err = run("search", tmp_path / "both.png", "--crop", crop, "--paths", "-k", 1)
        assert (code, out, err) == (0, f"{indexed / found}.png\n", "")


@pytest.mark.parametrize("crop", ["1,2,3", "0,0,0,5", "0,-1,5,5", "nan,0,5,5", "20,0,5,5", "1,0,0.5,1"])
def test_a_part_that_is_none_is_one_sentence(run, indexed, tmp_path, crop):
    paint(tmp_path / "x.png", "red", (20, 10))
    code, out, err = run("search", tmp_path / "x.png", "--crop", crop)
    assert (code, out) == (2, "") and err.startswith("simsearch: crop must be ") and err.count("\n") == 1
    assert err.endswith("; see simsearch search --help\n")


@pytest.mark.parametrize("engine", ["auto", "exact", "faiss", "lsh"])
def test_every_engine_finds_the_same_among_few(run, indexed, tmp_path, engine):
    query = paint(tmp_path / "unseen.png", (255, 20, 0))
    code, out, err = run("search", query, "--engine", engine, "--paths")
    assert (code, err) == (0, "")
    assert out == f"{indexed / 'red.png'}\n{indexed / 'blue.png'}\n"


def test_tune_says_what_it_chose_and_status_remembers(run, library, album):
    for number in range(40):
        paint(album / f"{number}.png", (5 * number, 255 - 5 * number, 3 * number))
    run("index", album)
    assert "lsh:" not in run("status")[1]
    code, out, err = run("tune", "--recall", "0.9", "--bits", "4", "--tables", "8")
    assert (code, err) == (0, "")
    assert out.startswith("4 bits, 8 tables, ")
    assert "of the 15 true nearest of 40 photos, scanning " in out
    assert out.endswith("To search with it: simsearch search PICTURE --engine lsh\n")
    assert f"lsh:       {out.splitlines()[0]}" in run("status")[1]
    tuned = json.loads(run("tune", "--json")[1])
    assert tuned["recall"] >= 0.95
    assert json.loads(run("status", "--json")[1])["lsh"]["settings"] == tuned["settings"]


def test_tune_says_where_a_knob_cannot_be_turned_so_far(run, indexed):
    for knobs, words in (
        (["--bits", "17"], "bits must be from 1 to 16, not 17"),
        (["--tables", "4", "--hits", "5"], "hits must be from 1 to 4, not 5"),
    ):
        code, out, err = run("tune", *knobs)
        assert (code, out) == (2, "") and words in err and err.count("\n") == 1


def test_tune_says_where_the_wish_is_not_met(run, library, album):
    for number in range(60):
        paint(album / f"{number}.png", (4 * number, 255 - 4 * number, (37 * number) % 256))
    run("index", album)
    run("learn", "off")
    code, _, err = run("tune", "--bits", "8", "--tables", "4", "--probes", "1", "--hits", "4")
    assert code == 0
    assert err == "simsearch: that is less than the recall of 0.95 wished for\n"


def test_a_redis_server_that_is_not_there_is_one_sentence(run, indexed, monkeypatch):
    if importlib.util.find_spec("redis"):
        monkeypatch.setattr("redis.retry.sleep", lambda seconds: None)  # it tries again for four seconds
    address = "redis://127.0.0.1:1"
    code, out, err = run("search", indexed / "red.png", "--engine", "lsh", "--lsh-storage", address)
    assert (code, out) == (2, "") and err.startswith(f"simsearch: {address}: ") and err.count("\n") == 1
    assert run("search", indexed / "red.png", "--lsh-storage", address)[0] == 0, "only lsh needs it"


def test_an_empty_library_says_how_to_fill_it(run, library, tmp_path):
    Library.open(library).close()
    code, out, err = run("search", paint(tmp_path / "x.png", "red"))
    assert (code, out) == (2, "") and "holds no photos yet; index some: simsearch index FOLDER" in err
    code, out, err = run("tune")
    assert (code, out) == (2, "") and "holds no photos yet; index some: simsearch index FOLDER" in err


def test_an_unknown_backbone_is_refused(run, tmp_path, album):
    code, _, err = run("index", album, "--backbone", "resnet9000", "--library", tmp_path / "library")
    assert code == 2 and "resnet9000: not known; choose one of ResNet50, " in err


def test_status_for_people_and_for_programs(run, indexed, library):
    code, out, _ = run("status")
    assert code == 0 and "photos:    2\n" in out and str(indexed) in out
    status = json.loads(run("status", "--json")[1])
    assert (status["photos"], status["library"]) == (2, str(library))


@pytest.mark.parametrize("command", ["index", "search", "tune", "status", "app", "demo"])
def test_every_command_has_help_that_ends_in_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"example: simsearch {command}" in " ".join(out.split("\n\n")[-1].split())


def test_the_demo_has_a_library_of_its_own(run, indexed, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "simsearch.demo.draw_gallery", lambda folder, progress: paint(folder / "1.png", "red")
    )
    code, out, _ = run("demo", tmp_path / "my demo")
    assert code == 0 and f"1 photo can be searched in {tmp_path / 'my demo' / 'library'}" in out
    assert out.endswith(f"To look at them: simsearch app --library '{tmp_path / 'my demo' / 'library'}'\n")
    assert json.loads(run("status", "--json")[1])["photos"] == 2


def test_ctrl_c_is_a_sentence(run, library, album, monkeypatch):
    paint(album / "1.png", "red")

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("simsearch.photos.find", interrupt)
    code, _, err = run("index", album)
    assert code == 130 and err == "simsearch: stopped; what was done so far is kept.\n"


def simsearch(*arguments, **options):
    """Run a command as a process of its own, with the toy in place of a network."""
    code = (
        "from simsearch import Library, cli; from tests.toy import ToyEncoder\n"
        "open_library = Library.open\n"
        "Library.open = lambda path, **options: open_library(path, encoder=ToyEncoder())\n"
        "cli.run()"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, **options)


def test_a_reader_that_has_enough_is_no_error(indexed, library, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # small output is then written at the very end
    reader, writer = os.pipe()
    os.close(reader)
    done = simsearch("search", indexed / "red.png", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("form", [[], ["--paths"]])
def test_a_terminal_that_lacks_a_letter_is_no_error(run, library, album, monkeypatch, form):
    paint(album / "Käse.png", "yellow")
    run("index", album)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = simsearch("search", album / "Käse.png", *form, stdout=subprocess.PIPE)
    assert done.returncode == 0 and b"K?se.png" in done.stdout


def test_more_hits_than_there_are_photos(run, indexed):
    code, out, err = run("search", indexed / "red.png", "-k", 10**11)
    assert (code, err) == (0, "") and len(out.splitlines()) == 2


def test_names_cannot_write_to_the_terminal_in_errors_either(run, indexed):
    code, _, err = run("search", "x\x1b[31m\ny.jpg")
    assert code == 2 and "\x1b" not in err and err.count("\n") == 1


def test_the_bar_starts_anew_for_each_folder(run, library, tmp_path, album):
    paint(album / "1.png", "red")
    for number in range(3):
        paint(tmp_path / "other" / f"{number}.png", (100 + number, 0, 0))
    err = run("index", album, tmp_path / "other")[2]
    assert "1/1" in err and "3/3" in err


def test_the_page_ends_with_the_command_that_serves_it(library):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "simsearch.cli", "app", "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    assert server.stderr and f"http://127.0.0.1:{port}".encode() in server.stderr.readline()
    for _ in range(200):
        with socket.socket() as visitor:
            if visitor.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    taken = subprocess.run(command, capture_output=True, text=True, check=False)
    assert taken.returncode == 2 and "Address already in use); choose another with --port." in taken.stderr
    server.terminate()
    server.communicate(timeout=20)
    with socket.socket() as visitor:
        assert visitor.connect_ex(("127.0.0.1", port)) != 0


def test_the_checkout_s_settings_are_those_of_the_command():
    settings = tomllib.loads((SCRIPTS.parent / ".streamlit" / "config.toml").read_text())
    flat = {f"{part}.{name}": value for part, values in settings.items() for name, value in values.items()}
    assert flat.pop("server.port") == 8501
    assert flat.pop("server.allowedHosts") == ui.SETTINGS["server.allowedHosts"]
    assert {name: str(value).lower() for name, value in flat.items()} == {
        name: value.lower() for name, value in ui.SETTINGS.items() if isinstance(value, str)
    }


@pytest.mark.parametrize(("broken", "code"), [(False, 0), (True, 1)])
def test_the_batch_script_is_the_same_pipeline(indexed, library, monkeypatch, broken, code):
    if broken:
        (indexed / "broken.jpg").write_text("x")
    monkeypatch.setattr(sys, "argv", ["index_photos.py", str(indexed)])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(SCRIPTS / "index_photos.py"), run_name="__main__")
    assert stop.value.code == code
