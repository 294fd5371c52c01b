"""Photos taken elsewhere: archives, tables and contact sheets."""

import csv
import io
import os
import re
import tracemalloc
import unicodedata
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PureWindowsPath
from zipfile import ZIP_STORED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simsearch import Hit, PhotoError, WriteError, export, sheet
from tests.conftest import paint

TAKEN = datetime(2019, 7, 21, 16, 5)


def hit(path, number=1, *, offline=False, camera=None, trust="same kind", taken=TAKEN):
    return Hit(Path(path), 0.75, number, 8, 6, taken, camera, 52.5, None, offline, 0.5, trust, 0.99)


def zipped(photos):
    file = io.BytesIO()
    left_out = export.write_zip(photos, file)
    return ZipFile(file), left_out


@pytest.fixture
def indexed(toy_library, album):
    for name in ("2019/IMG_1.png", "2020/img_1.png", "2020/other.png"):
        paint(album / name, "red" if "2019" in name else "blue")
    toy_library.sync(album)
    return [toy_library.photo(album / name) for name in ("2019/IMG_1.png", "2020/img_1.png")]


def test_an_archive_holds_the_files_as_they_are(indexed, album):
    at = datetime(2001, 2, 3, 4, 5, 6)
    os.utime(album / "2019" / "IMG_1.png", (at.timestamp(), at.timestamp()))
    archive, left_out = zipped(indexed)
    assert left_out == [] and archive.testzip() is None
    first, second = archive.infolist()
    assert (first.filename, second.filename) == ("IMG_1.png", "img_1 (2).png")
    assert first.date_time == (2001, 2, 3, 4, 5, 6) and first.compress_type == ZIP_STORED
    assert archive.read(second) == (album / "2020" / "img_1.png").read_bytes()


def test_what_is_away_or_cannot_be_read_is_left_out_and_named(indexed, album, monkeypatch):
    away = replace(indexed[0], offline=True)
    gone = replace(indexed[0], id=7, path=album / "gone\nnow.png")
    os.mkfifo(album / "pipe.png")
    pipe = replace(indexed[0], id=8, path=album / "pipe.png")
    archive, left_out = zipped([away, gone, indexed[1], pipe])
    assert left_out == [away, gone, pipe]
    assert archive.namelist() == ["img_1.png", "left out.txt"]
    assert archive.read("left out.txt").decode().splitlines() == [
        f"{away.path}: not there just now",
        f"{album}/gone now.png: no such file or directory",
        f"{album}/pipe.png: not a regular file",
    ]


def test_a_file_that_breaks_off_is_not_in_the_archive(indexed, monkeypatch):
    def break_off(source, path):
        yield b"the beginning"
        raise PhotoError(path, "input/output error")

    pieces = export._pieces
    monkeypatch.setattr(
        export,
        "_pieces",
        lambda source, path: (break_off if path.name == "IMG_1.png" else pieces)(source, path),
    )
    archive, left_out = zipped(indexed)
    assert left_out == indexed[:1] and archive.testzip() is None
    assert archive.namelist() == ["img_1 (2).png", "left out.txt"]


def test_a_large_file_is_not_held_in_memory(tmp_path, album):
    with open(album / "large.jpg", "wb") as large:
        large.truncate(100 << 20)
    with open(tmp_path / "a.zip", "wb") as file:
        tracemalloc.start()
        export.write_zip([hit(album / "large.jpg")], file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 20


@settings(max_examples=300)
@given(st.lists(st.text(st.characters()), min_size=1, max_size=8))
def test_any_names_become_distinct_ones_that_every_system_takes(names):
    taken: set[str] = set()
    unique = [export.unique_name(name, taken) for name in names]
    folded = {unicodedata.normalize("NFC", name).casefold() for name in unique}
    assert len(folded) == len(names)
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        for name in unique:
            archive.writestr(name, b"")
    assert ZipFile(file).namelist() == unique
    for name in unique:
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', name) and len(name.encode()) < 255
        assert name == name.strip(" ").rstrip(".") and name not in ("", ".", "..") and name[0] != "."
        assert Path(name).name == PureWindowsPath(name).name == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("CON.jpg", "_CON.jpg"),
        ("com1.tar.jpg", "_com1.tar.jpg"),
        ("../../x.jpg", "_.._.._x.jpg"),
        ("<img src=x onerror=alert(1)>.jpg", "_img src=x onerror=alert(1)_.jpg"),
        ("caf\udce9.jpg", "caf_.jpg"),
        ("日本 été 😀.jpg", "日本 été 😀.jpg"),
    ],
)
def test_names_are_kept_where_they_can_be(name, safe):
    assert export.unique_name(name, set()) == safe


def test_a_table_says_what_is_known_and_starts_no_formula():
    photos = [hit("/photos/a, b.jpg", camera="=HYPERLINK(1)"), hit("/photos/ü.jpg", offline=True, taken=None)]
    head, first, second = csv.reader(io.StringIO(export.as_csv(photos).decode()))
    assert dict(zip(head, first, strict=True)) == {
        "path": "/photos/a, b.jpg",
        "score": "0.75",
        "trust": "same kind",
        "taken": "2019-07-21T16:05:00",
        "camera": "'=HYPERLINK(1)",
        "width": "8",
        "height": "6",
        "latitude": "52.5",
        "longitude": "",
        "not there now": "",
    }
    assert second[0] == "/photos/ü.jpg" and second[-1] == "yes"


def thumbnail(_):
    file = io.BytesIO()
    Image.new("RGB", (400, 300), "red").save(file, "JPEG")
    return file.getvalue()


def test_a_contact_sheet_has_twenty_photos_on_a_page():
    pdf = sheet.contact_sheet([hit(f"/{number}.jpg", number) for number in range(41)], thumbnail)
    assert pdf.startswith(b"%PDF") and re.findall(rb"/Count (\d+)", pdf)[-1] == b"3"
    with pytest.raises(ValueError, match="there must be a photo"):
        sheet.contact_sheet([], thumbnail)


@pytest.mark.parametrize(
    "name", ["日本 صورة 😀 \udcff\x00 e\u0301.jpg", "\u0301.jpg", "n" * 300, "", "\u202egpj.exe"]
)
@pytest.mark.parametrize("jpeg", [thumbnail(None), None, b"damaged"])
@pytest.mark.parametrize("only_own_font", [False, True])
def test_a_photo_is_drawn_whatever_its_name_and_thumbnail(name, jpeg, only_own_font, monkeypatch):
    if only_own_font:
        monkeypatch.setattr(sheet, "_FONTS", ())
    sheet._fonts.cache_clear()
    sheet._font_of.cache_clear()
    [page] = sheet._pages([hit(f"/{name}")], lambda _: jpeg)
    colours = page.crop((0, 0, 500, 500)).getcolors(1 << 24)
    assert len(colours or ()) > 3  # the photo or what stands for it, and letters
    sheet._fonts.cache_clear()
    sheet._font_of.cache_clear()


def test_a_long_name_is_shown_by_its_ends():
    shown = sheet._fitting("Urlaub auf Sylt 2019, Strand mit Anna und allen anderen.jpg", 300)
    assert re.fullmatch(r"Urlaub.*….*\.jpg", shown) and sheet._length(shown) <= 300


def test_a_library_writes_what_is_asked_for(toy_library, indexed, tmp_path):
    files = {"zip": tmp_path / "a.zip", "csv": tmp_path / "a.csv", "contact_sheet": tmp_path / "a.pdf"}
    assert toy_library.export([indexed[0].id, indexed[1]], **files) == []
    assert ZipFile(files["zip"]).namelist() == ["IMG_1.png", "img_1 (2).png"]
    assert len(files["csv"].read_text().splitlines()) == 3
    assert files["contact_sheet"].read_bytes().startswith(b"%PDF")
    stream = io.BytesIO()
    toy_library.export(indexed[:1], zip=stream)
    assert ZipFile(stream).namelist() == ["IMG_1.png"]
    assert toy_library.bytes_of(indexed) == sum(photo.path.stat().st_size for photo in indexed)


def test_a_library_gives_out_only_its_own_photos_and_overwrites_none(toy_library, indexed, tmp_path):
    secret = paint(tmp_path / "secret.png", "black")
    with pytest.raises(PhotoError, match="not in this library"):
        toy_library.export([secret], zip=tmp_path / "a.zip")
    with pytest.raises(WriteError, match="the name of a photo"):
        toy_library.export(indexed, contact_sheet=tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="there must be a photo"):
        toy_library.export([], csv=tmp_path / "a.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"album", "library", "secret.png"}


def test_what_a_library_forgot_is_given_out_no_more(toy_library, indexed):
    kept, lost = indexed
    toy_library.forget(lost.path)
    for photos in ([lost], indexed):
        for kind in ("zip", "csv", "contact_sheet"):
            with pytest.raises(PhotoError, match="not in this library"):
                toy_library.export(photos, **{kind: io.BytesIO()})
    for show in (lambda: toy_library.preview(lost, 100), lambda: toy_library.why(kept, lost)):
        with pytest.raises(PhotoError, match="not in this library"):
            show()


def test_a_hit_gives_out_the_file_of_its_photo_alone(toy_library, indexed, tmp_path):
    secret = paint(tmp_path / "secret.png", "black", (9, 9))
    forged = replace(indexed[0], path=secret)
    assert toy_library.preview(forged, 100) == toy_library.preview(indexed[0], 100)
    toy_library.export([forged], zip=(stream := io.BytesIO()))
    assert ZipFile(stream).namelist() == [indexed[0].path.name]


def test_an_archive_that_cannot_be_finished_is_not_there(toy_library, indexed, tmp_path, monkeypatch):
    def fail(photos, file):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "write_zip", fail)
    (tmp_path / "a.zip").write_bytes(b"before")
    with pytest.raises(WriteError, match="no space left on device"):
        toy_library.export(indexed, zip=tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == b"before"
    assert not list(tmp_path.glob(".*unfinished"))
