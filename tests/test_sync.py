import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simsearch import FolderError, Library, LibraryError, child, pool
from tests.conftest import paint
from tests.toy import PerilousEncoder, ToyEncoder


def counts(report):
    return (
        report.added,
        report.updated,
        report.unchanged,
        report.moved,
        len(report.skipped),
        len(report.failed),
    )


def names(hits):
    return [hit.path.name for hit in hits]


def test_each_file_ends_in_exactly_one_state(toy_library, album):
    for name in ["1.jpg", "2.png", "deep/er/3.webp"]:
        paint(album / name, "red")
    (album / "notes.txt").write_text("x")
    (album / "not really.jpg").write_text("this is text")
    report = toy_library.sync(album)
    assert counts(report) == (3, 0, 0, 0, 1, 1)
    assert report.found == 5
    assert report.skipped == [(str(album / "notes.txt"), "not a kind of photo read here (.txt)")]
    assert report.failed == [(str(album / "not really.jpg"), "not a picture, or of a kind not read here")]
    assert str(report).startswith("3 added, 0 updated, 0 unchanged, 0 moved, 1 skipped, 1 failed (5 files in")


def test_a_second_run_looks_into_no_file(toy_library, album, monkeypatch):
    paint(album / "1.jpg", "red")
    (album / "broken.jpg").write_text("this is text")
    toy_library.sync(album)
    monkeypatch.setattr(child, "Child", None)  # no worker can be started
    assert counts(toy_library.sync(album)) == (0, 0, 1, 0, 0, 1)


def test_a_changed_photo_is_updated_and_keeps_its_id(toy_library, album):
    path = paint(album / "1.png", "red")
    toy_library.sync(album)
    before = toy_library.search(path)[0]
    paint(path, "blue", (8, 9))
    assert counts(toy_library.sync(album)) == (0, 1, 0, 0, 0, 0)
    [after] = toy_library.search(path)
    assert (after.id, after.height) == (before.id, 9)
    assert after.score > 0.999


def test_a_touched_photo_is_unchanged_and_not_looked_at_again(toy_library, album, monkeypatch):
    path = paint(album / "1.png", "red")
    toy_library.sync(album)
    os.utime(path, ns=(1, 1))
    assert counts(toy_library.sync(album)) == (0, 0, 1, 0, 0, 0)
    monkeypatch.setattr(child, "Child", None)
    assert counts(toy_library.sync(album)) == (0, 0, 1, 0, 0, 0)


def test_a_moved_photo_keeps_its_id_and_is_not_encoded_again(toy_library, album):
    path = paint(album / "a" / "1.png", "red")
    toy_library.sync(album)
    before = toy_library.search(path)[0]
    (album / "b").mkdir()
    path.rename(album / "b" / "2.png")
    toy_library._encoder.recipe = ("tests.toy:BlindEncoder", [])
    report = toy_library.sync(album)
    assert counts(report) == (0, 0, 0, 1, 0, 0)
    assert (report.missing, report.reused) == (0, 1)
    assert report.seconds_saved > 0 and "1 known from before" in str(report)
    [after] = toy_library.search(album / "b" / "2.png")
    assert (after.id, after.path) == (before.id, album / "b" / "2.png")


def test_a_photo_whose_facts_were_never_read_is_described_anew_without_being_encoded(toy_library, album):
    path = paint(album / "1.png", "red")
    toy_library.sync(album)
    with toy_library._store.transaction():
        toy_library._store._write("UPDATE photos SET facts = 0, width = 0")
    toy_library._encoder.recipe = ("tests.toy:BlindEncoder", [])
    assert counts(toy_library.sync(album)) == (0, 0, 1, 0, 0, 0)
    assert toy_library.search(path)[0].width == 8


def test_two_copies_are_two_photos(toy_library, album):
    path = paint(album / "1.png", "red")
    toy_library.sync(album)
    shutil.copy(path, album / "copy of 1.png")
    assert counts(toy_library.sync(album)) == (1, 0, 1, 0, 0, 0)
    assert names(toy_library.search(path)) == ["1.png", "copy of 1.png"]


def test_a_photo_that_leaves_and_returns_is_found_again(toy_library, album):
    path = paint(album / "1.png", "red")
    paint(album / "2.png", "blue")
    toy_library.sync(album)
    aside = album.parent / "aside.png"
    path.rename(aside)
    assert toy_library.sync(album).missing == 1
    assert names(toy_library.search(aside)) == ["2.png"]
    aside.rename(path)
    assert counts(toy_library.sync(album)) == (0, 0, 2, 0, 0, 0)
    assert names(toy_library.search(path)) == ["1.png", "2.png"]


def test_a_repaired_photo_is_indexed_and_a_failure_whose_file_is_gone_forgotten(toy_library, album):
    paint(album / "1.png", "red")
    for name in ["2.png", "3.png"]:
        (album / name).write_text("this is text")
    assert len(toy_library.sync(album).failed) == 2
    paint(album / "2.png", "blue")
    (album / "3.png").unlink()
    assert counts(toy_library.sync(album)) == (1, 0, 1, 0, 0, 0)
    assert toy_library.status()["failed"] == 0


def test_a_photo_damaged_later_stays_findable_as_it_was(toy_library, album):
    path = paint(album / "1.png", "red")
    toy_library.sync(album)
    path.write_text("this is text")
    assert counts(toy_library.sync(album)) == (0, 0, 0, 0, 0, 1)
    assert len(toy_library) == 1


def test_a_folder_that_may_not_be_read_does_not_lose_its_photos(toy_library, album, monkeypatch):
    paint(album / "1.png", "red")
    paint(album / "closed" / "2.png", "blue")
    toy_library.sync(album)
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    report = toy_library.sync(album)
    assert report.failed == [(str(album / "closed"), "folder cannot be read (permission denied)")]
    assert report.missing == 0 and len(toy_library) == 2
    assert toy_library.failures() == [(album / "closed", "folder cannot be read (permission denied)")]
    generation = toy_library.generation
    assert len(toy_library.sync(album).failed) == 1 and toy_library.generation == generation
    monkeypatch.undo()
    assert toy_library.sync(album).failed == [] and toy_library.failures() == []


def test_a_file_whose_name_is_no_text_is_listed_until_it_is_renamed(toy_library, album):
    paint(album / "1.png", "red")
    unnamed = album / os.fsdecode(b"caf\xe9.png")
    shutil.copy(album / "1.png", unnamed)
    for _ in range(2):
        assert counts(toy_library.sync(album))[-1] == 1
        [(path, reason)] = toy_library.failures()
        assert path.name == r"caf\xe9.png" and "not valid text" in reason
    unnamed.rename(album / "café.png")
    assert counts(toy_library.sync(album)) == (1, 0, 1, 0, 0, 0) and toy_library.failures() == []


def test_a_folder_inside_an_indexed_one_is_part_of_it(toy_library, album):
    paint(album / "1.png", "red")
    inner = paint(album / "inner" / "2.png", "blue").parent
    toy_library.sync(album)
    paint(inner / "3.png", "green")
    report = toy_library.sync(inner)
    assert counts(report) == (1, 0, 1, 0, 0, 0)
    assert report.missing == 0 and len(toy_library) == 3  # those outside it are not looked for
    assert toy_library.roots() == [album]


def test_a_folder_around_an_indexed_one_leaves_it_a_root_and_finds_no_photo_twice(toy_library, album):
    paint(album / "1.png", "red")
    inner = paint(album / "inner" / "2.png", "blue").parent
    toy_library.sync(inner)
    assert counts(toy_library.sync(album)) == (1, 0, 1, 0, 0, 0)
    assert toy_library.roots() == [album, inner]
    assert counts(toy_library.sync()) == (0, 0, 2, 0, 0, 0)
    assert len(toy_library) == 2 and toy_library.similar(inner / "2.png")


def test_a_disk_unplugged_inside_a_folder_keeps_its_photos(toy_library, album):
    usb = paint(album / "usb" / "1.png", "red").parent
    paint(album / "2.png", "blue")
    toy_library.sync(usb)
    (usb / "1.png").rename(album.parent / "aside.png")  # the mount point of an absent disk is empty
    for _ in range(2):
        report = toy_library.sync(album)
        assert report.missing == 0 and len(toy_library) == 2
        assert report.offline[0][0] == str(usb) and "suddenly without any" in report.offline[0][1]


def test_a_hidden_folder_named_outright_is_a_root_of_its_own(toy_library, album):
    paint(album / "1.png", "red")
    hidden = paint(album / ".private" / "2.png", "blue").parent
    toy_library.sync(album)
    assert toy_library.sync(hidden).added == 1
    assert toy_library.sync(album).missing == 0
    assert counts(toy_library.sync()) == (0, 0, 2, 0, 0, 0)


def test_folders_named_twice_or_inside_each_other_are_counted_once(toy_library, album):
    inner = paint(album / "inner" / "1.png", "red").parent
    paint(album / "2.png", "blue")
    assert toy_library.sync(inner, album, inner, album).found == 2


def test_one_folder_that_cannot_be_used_does_not_stop_the_others(toy_library, album):
    paint(album / "there" / "1.png", "red")
    paint(album / "unplugged" / "2.png", "blue")
    toy_library.sync(album / "there", album / "unplugged")
    shutil.rmtree(album / "unplugged")
    paint(album / "there" / "3.png", "green")
    report = toy_library.sync()
    assert counts(report) == (1, 0, 1, 0, 0, 0)
    assert report.offline == [(str(album / "unplugged"), "no such folder")]
    assert len(toy_library) == 3


def test_a_folder_never_indexed_that_is_not_there_is_a_failure(toy_library, album):
    paint(album / "1.png", "red")
    report = toy_library.sync(album, album.parent / "misspelt")
    assert report.failed == [(str(album.parent / "misspelt"), "no such folder")] and not report.offline


def test_hits_in_a_folder_that_is_away_are_marked_offline_and_shown_from_thumbnails(toy_library, album):
    paint(album / "here" / "1.png", "red")
    paint(album / "usb" / "2.png", "blue")
    toy_library.sync(album / "here", album / "usb")
    (album / "usb").rename(album / "unplugged")
    first, second = toy_library.search(album / "here" / "1.png")
    assert (first.offline, second.offline) == (False, True)
    assert toy_library.preview(second, 8) == toy_library.thumbnail(second)
    (album / "usb").mkdir()  # the mount point
    assert toy_library.similar(first)[0].offline
    (album / "usb").rmdir()
    (album / "unplugged").rename(album / "usb")
    assert not toy_library.similar(first)[0].offline


def test_photos_that_swap_their_names_are_both_updated(toy_library, album):
    for name, colour in {"1": "red", "2": "blue"}.items():
        paint(album / f"{name}.bmp", colour)  # bitmaps of one size
    toy_library.sync(album)
    (album / "1.bmp").rename(album / "x.bmp")
    (album / "2.bmp").rename(album / "1.bmp")
    (album / "x.bmp").rename(album / "2.bmp")
    touch_all(album)
    assert counts(toy_library.sync(album)) == (0, 2, 0, 0, 0, 0)
    assert names(toy_library.search(paint(album.parent / "unseen.png", "red"))) == ["2.bmp", "1.bmp"]


def test_a_photo_put_in_front_of_a_numbered_row(toy_library, album):
    colours = ["red", "green", "blue", "white"]
    for number, colour in enumerate(colours, 1):
        paint(album / f"{number}.bmp", colour)
    toy_library.sync(album)
    for number in (4, 3, 2, 1):
        (album / f"{number}.bmp").rename(album / f"{number + 1}.bmp")
    paint(album / "1.bmp", "yellow")
    touch_all(album)
    report = toy_library.sync(album)
    assert (report.found, report.failed) == (5, [])
    assert counts(toy_library.sync(album)) == (0, 0, 5, 0, 0, 0)
    for number, colour in enumerate(["yellow", *colours], 1):
        query = paint(album.parent / "unseen.png", colour)
        assert f"{number}.bmp" in names(toy_library.search(query, k=2))


def touch_all(folder):
    """Give every file a time of its own, as a camera's are."""
    for number, path in enumerate(sorted(folder.iterdir()), 1):
        os.utime(path, ns=(number, number))


def test_content_that_vanishes_while_a_file_waits_is_tried_again(toy_library, album, monkeypatch):
    path = paint(album / "1.png", "red")
    toy_library.sync(album)
    shutil.copy(path, album / "copy.png")
    monkeypatch.setattr("simsearch.store.Store.same_content", lambda *_: [])  # another process was faster
    assert counts(toy_library.sync(album)) == (0, 0, 1, 0, 0, 1)
    monkeypatch.undo()
    assert counts(toy_library.sync(album)) == (1, 0, 1, 0, 0, 0)


def test_a_copy_on_another_disk_that_is_away_is_no_move(toy_library, album):
    away = paint(album / "away" / "1.png", "red").parent
    here = paint(album / "here" / "2.png", "blue").parent
    toy_library.sync(away, here)
    shutil.copy(away / "1.png", here / "1.png")
    (away / "1.png").unlink()  # as the mount point of a disk that is away
    assert counts(toy_library.sync(here)) == (1, 0, 1, 0, 0, 0)
    assert len(toy_library) == 3


def test_a_moved_photo_is_known_also_among_many_of_one_size(toy_library, album, monkeypatch):
    monkeypatch.setattr("simsearch.sync.MOST_HASHES", 1)
    for name, colour in {"1": "red", "2": "blue", "3": "green"}.items():
        paint(album / f"{name}.bmp", colour)
    toy_library.sync(album)
    (album / "1.bmp").rename(album / "moved.bmp")
    report = toy_library.sync(album)
    assert counts(report) == (0, 0, 2, 1, 0, 0) and report.missing == 0


def test_a_photo_that_returns_changed_is_found_again(toy_library, album):
    path = paint(album / "1.png", "red")
    paint(album / "2.png", "blue")
    toy_library.sync(album)
    path.unlink()
    toy_library.sync(album)
    paint(path, "green")
    assert counts(toy_library.sync(album)) == (0, 1, 1, 0, 0, 0)
    assert len(toy_library) == 2


def test_a_failure_ends_with_its_repair_even_if_the_old_file_is_put_back(toy_library, album):
    path = paint(album / "1.png", "red")
    content, facts = path.read_bytes(), path.stat()
    toy_library.sync(album)
    path.write_text("this is text")
    assert len(toy_library.sync(album).failed) == 1
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert counts(toy_library.sync(album)) == (0, 0, 1, 0, 0, 0)
    assert toy_library.status()["failed"] == 0


def test_a_failure_is_looked_at_again_when_somebody_wishes_it(toy_library, album):
    path = paint(album / "1.png", "red")
    toy_library._encoder.recipe = ("tests.toy:HungryEncoder", [])
    assert len(toy_library.sync(album).failed) == 1
    toy_library._encoder.recipe = ToyEncoder.recipe
    assert len(toy_library.sync(album).failed) == 1
    assert toy_library.failures() == [(path, "reading it takes more memory than a worker may have")]
    assert counts(toy_library.sync(album, retry_failed=True)) == (1, 0, 0, 0, 0, 0)
    assert toy_library.failures() == []


# Forgetting


@pytest.fixture
def three(toy_library, album):
    """Photos red.png, deep/green.png and deep/er/blue.png, and deep/broken.png."""
    paint(album / "red.png", "red")
    paint(album / "deep" / "green.png", "green")
    paint(album / "deep" / "er" / "blue.png", "blue")
    (album / "deep" / "broken.png").write_text("x")
    toy_library.sync(album)
    return toy_library


def test_forgetting_a_photo_or_folder_drops_it_and_nothing_else(three, album):
    query = paint(album.parent / "unseen.png", "red")
    assert three.forget(album / "deep" / "er", dry_run=True) == 1 and len(three) == 3
    assert three.forget(album / "deep" / "er") == 1
    assert names(three.search(query)) == ["red.png", "green.png"]
    assert three.forget(album / "red.png") == 1
    assert names(three.search(query)) == ["green.png"]
    assert len(three.failures()) == 1
    assert three.forget(album / "deep") == 1 and three.failures() == []
    assert three.roots() == [album] and three.sync().added == 3


@pytest.mark.parametrize("part", [".", ".."])
def test_forgetting_a_root_or_what_is_around_it_forgets_the_root(three, album, part):
    assert three.forget(album / part) == 3
    assert three.roots() == [] and len(three) == 0 and three.failures() == []
    with pytest.raises(FolderError, match="name a folder of photos"):
        three.sync()


def test_what_the_library_does_not_know_cannot_be_forgotten(three, tmp_path):
    with pytest.raises(FolderError, match="not in this library"):
        three.forget(tmp_path / "elsewhere")
    assert len(three) == 3


def test_a_folder_whose_name_begins_like_another_is_not_forgotten_with_it(toy_library, album):
    for name in ["trip/1.png", "trip 2/2.png", "trip.png", "trip0/3.png"]:
        paint(album / name, "red")
    toy_library.sync(album)
    assert toy_library.forget(album / "trip") == 1
    assert len(toy_library) == 3


def test_pruning_drops_what_is_gone_and_keeps_what_is_offline(three, album):
    usb = paint(album.parent / "usb" / "4.png", "white").parent
    paint(usb / "5.png", "grey")
    three.sync(usb)
    (usb / "5.png").unlink()
    (album / "red.png").unlink()
    three.sync()
    shutil.rmtree(usb)
    assert sorted(path.name for path in three.missing()) == ["5.png", "red.png"]
    assert three.missing(prunable=True) == [album / "red.png"]
    assert three.prune() == 1
    assert three.missing() == [usb / "5.png"] and len(three) == 3
    paint(album / "red.png", "red")
    assert three.sync(album).added == 1


def test_pruning_drops_what_was_announced_and_is_still_gone(three, album):
    (album / "red.png").unlink()
    (album / "deep" / "green.png").unlink()
    three.sync()
    announced = three.missing(prunable=True)
    (album / "deep" / "er" / "blue.png").rename(album.parent / "aside.png")
    three.sync()
    paint(album / "red.png", "red")  # it is back, and nobody has looked since
    assert three.prune(announced) == 1
    assert sorted(path.name for path in three.missing()) == ["blue.png", "red.png"]


@pytest.mark.parametrize("stray", [".keep", "lost+found/x", "notes.txt"])
def test_a_mount_point_with_something_left_in_it_is_offline(toy_library, album, stray):
    usb = paint(album.parent / "usb" / "1.png", "blue").parent
    paint(album / "2.png", "red")
    toy_library.sync(album, usb)
    (usb / "1.png").rename(album.parent / "on the disk.png")
    (usb / stray).parent.mkdir(exist_ok=True)
    (usb / stray).write_text("x")
    assert [path for path, _ in toy_library.sync().offline] == [str(usb)]
    assert toy_library.missing(prunable=True) == [] and toy_library.prune() == 0
    hit = toy_library.search(album.parent / "on the disk.png")[0]
    assert hit.offline and hit.path == usb / "1.png"
    shutil.copy(album.parent / "on the disk.png", album / "copy.png")
    assert counts(toy_library.sync(album)) == (1, 0, 1, 0, 0, 0)  # a copy, as the other is not gone


@pytest.fixture
def disk(toy_library, album):
    """A folder of twelve photos, indexed beside another."""
    disk = album.parent / "disk"
    for number in range(12):
        paint(disk / "in" / f"{number}.png", (20 * number, 90, 9), (8, 8 + number))
    paint(album / "here.png", "red")
    toy_library.sync(album, disk)
    return disk


@pytest.mark.parametrize("stray", ["new.png", "broken.png"])
def test_a_stray_picture_where_a_disk_was_makes_nobody_believe_its_photos_gone(
    toy_library, album, disk, stray
):
    disk.rename(album.parent / "unplugged")
    paint(disk / stray, "white") if stray == "new.png" else (disk.mkdir(), (disk / stray).write_text("x"))
    report = toy_library.sync()
    assert [path for path, _ in report.offline] == [str(disk)] and "12 photos" in report.offline[0][1]
    assert report.missing == 0 and toy_library.prune() == 0 and len(toy_library) == 13
    shutil.rmtree(disk)
    (album.parent / "unplugged").rename(disk)
    assert counts(toy_library.sync()) == (0, 0, 13, 0, 0, 0)


def test_photos_that_are_all_in_another_folder_now_have_moved(toy_library, disk):
    (disk / "in").rename(disk / "out")
    assert counts(toy_library.sync()) == (0, 0, 1, 12, 0, 0)


@pytest.mark.parametrize("instead", ["file", "link"])
def test_what_is_no_folder_any_more_is_offline_and_stops_no_other(toy_library, album, disk, instead):
    disk.rename(album.parent / "unplugged")
    disk.write_text("x") if instead == "file" else disk.symlink_to("nowhere")
    paint(album / "new.png", "blue")
    report = toy_library.sync()
    assert counts(report) == (1, 0, 1, 0, 0, 0) and report.offline == [(str(disk), "no such folder")]


def test_what_cannot_be_looked_at_is_not_gone(three, album, monkeypatch):
    (album / "red.png").rename(album / "renamed.png")
    lstat = os.lstat

    def refuse(path):
        if Path(path).name == "red.png":
            raise PermissionError(13, "Permission denied")
        return lstat(path)

    monkeypatch.setattr(os, "lstat", refuse)
    assert three.sync().moved == 0


def test_what_may_be_the_disk_s_fault_is_tried_again(toy_library, album, monkeypatch):
    path = paint(album / "1.png", "red")
    (album / "2.png").symlink_to(path)
    examine_all = pool.examine_all

    def vanish_first(tasks, *arguments, **options):
        path.unlink()
        return examine_all(tasks, *arguments, **options)

    monkeypatch.setattr("simsearch.indexing.examine_all", vanish_first)
    report = toy_library.sync(album)
    assert [reason for _, reason in report.failed] == ["cannot be read (no such file or directory)"] * 2
    monkeypatch.undo()
    paint(path, "red")
    assert toy_library.sync(album).added == 2


def test_an_empty_folder_pins_no_network_and_prepares_none(toy_library, album, monkeypatch):
    def prepare(_):
        raise AssertionError("nothing needs the network yet")

    monkeypatch.setattr(Library, "encoder", property(prepare))
    with pytest.raises(FolderError, match="holds no photos"):
        toy_library.sync(album)
    assert toy_library._store.setting("encoder") is None


def test_two_at_once_index_one_after_the_other(toy_library, album):
    paint(album / "1.png", "red")

    def second(done, total):
        with (
            Library.open(toy_library.path, encoder=ToyEncoder()) as other,
            pytest.raises(LibraryError, match="indexed by another simsearch .process"),
        ):
            other.sync(album)

    assert toy_library.sync(album, progress=second).added == 1


def test_killing_the_indexer_loses_nothing_that_was_committed(tmp_path, album):
    for number in range(300):
        paint(album / f"{number:03}.bmp", (number % 256, 50, number // 2))
    script = (
        "import os, sys; from simsearch import Library; from tests.toy import ToyEncoder\n"
        "library = Library.open(sys.argv[1], encoder=ToyEncoder())\n"
        "def die(done, total):\n"
        "    if len(library) > 0: os.kill(os.getpid(), 9)\n"
        "import simsearch.sync; simsearch.sync.SECONDS_A_BATCH = 0.02\n"
        "library.sync(sys.argv[2], progress=die)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, tmp_path / "library", album], check=False)
    assert killed.returncode == -9
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        kept = len(library)
        assert 0 < kept < 300
        assert counts(library.sync(album)) == (300 - kept, 0, kept, 0, 0, 0)


def test_folders_with_similar_names_are_not_inside_each_other(toy_library, album):
    paint(album / "trip" / "1.png", "red")
    paint(album / "trip_2" / "2.png", "blue")
    toy_library.sync(album / "trip")
    toy_library.sync(album / "trip_2")
    assert toy_library.roots() == [album / "trip", album / "trip_2"]


def test_without_folders_the_known_ones_are_synced(toy_library, album):
    paint(album / "1.png", "red")
    with pytest.raises(FolderError, match="name a folder"):
        toy_library.sync()
    toy_library.sync(album)
    paint(album / "2.png", "red")
    assert toy_library.sync().added == 1


def test_a_folder_suddenly_without_photos_loses_nothing(toy_library, album):
    paint(album / "1.png", "red")
    toy_library.sync(album)
    shutil.rmtree(album)
    with pytest.raises(FolderError, match="no such folder"):
        toy_library.sync()
    album.mkdir()
    with pytest.raises(FolderError, match="suddenly without any of the 1 photos"):
        toy_library.sync()
    assert len(toy_library) == 1


def test_an_empty_folder_is_refused_and_not_remembered(toy_library, album):
    with pytest.raises(FolderError, match="holds no photos"):
        toy_library.sync(album)
    assert toy_library.roots() == []


def test_a_photo_changed_while_it_waits_is_stored_as_it_was_read(toy_library, album, monkeypatch):
    path = paint(album / "1.png", "red")
    examine_all = pool.examine_all

    def change_first(tasks, *arguments, **options):
        paint(path, "blue", (8, 9))
        return examine_all(tasks, *arguments, **options)

    monkeypatch.setattr("simsearch.indexing.examine_all", change_first)
    toy_library.sync(album)
    monkeypatch.undo()
    assert counts(toy_library.sync(album)) == (0, 0, 1, 0, 0, 0)
    assert toy_library.search(path)[0].height == 9


def test_a_worker_that_dies_or_hangs_costs_the_file_it_was_on(tmp_path, album, monkeypatch):
    monkeypatch.setattr(child, "SECONDS_A_FILE", 3.0)
    for number in range(12):
        paint(album / f"{number:02}.png", (0, 0, 100 + number))
    paint(album / "03 crash.png", (255, 0, 0))
    paint(album / "05 crash.png", (255, 0, 0))
    paint(album / "07 hang.png", (0, 255, 0))
    with Library.open(tmp_path / "library", encoder=PerilousEncoder()) as library:
        report = library.sync(album, workers=2)
        assert report.added == 12
        reasons = {Path(path).name: reason for path, reason in report.failed}
        assert reasons == {
            "03 crash.png": "reading it crashed the decoder (SIGABRT)",
            "05 crash.png": "reading it crashed the decoder (SIGABRT)",
            "07 hang.png": "reading it took longer than 3 seconds",
        }
        assert len(library) == 12
        monkeypatch.setattr(child, "Child", None)  # they are not tried again
        assert len(library.sync(album).failed) == 3


def test_a_worker_that_cannot_start_is_one_clear_error(toy_library, album):
    paint(album / "1.png", "red")
    toy_library._encoder.recipe = ("tests.toy:unready", [])
    with pytest.raises(Exception, match="a worker process did not start: RuntimeError: no such network"):
        toy_library.sync(album)


def test_interrupting_keeps_what_was_done_and_the_next_run_continues(toy_library, album):
    for number in range(30):
        paint(album / f"{number:02}.png", (0, 0, 100 + number))

    def interrupt(done, total):
        if done == 10:
            raise KeyboardInterrupt

    report = toy_library.sync(album, progress=interrupt)
    assert report.interrupted and report.added == len(toy_library) == 10
    assert "run it again to continue" in str(report)
    assert counts(toy_library.sync(album)) == (20, 0, 10, 0, 0, 0)


def test_photos_are_only_read(toy_library, album):
    path = paint(album / "1.jpg", "red")
    path.chmod(0o444)
    before = (path.read_bytes(), path.stat())
    toy_library.sync(album)
    after = (path.read_bytes(), path.stat())
    assert before[0] == after[0] and before[1].st_mtime_ns == after[1].st_mtime_ns
    assert list(album.iterdir()) == [path]


def test_progress_counts_the_files_looked_at(toy_library, album):
    paint(album / "0.png", "blue")
    toy_library.sync(album)
    for number in range(1, 6):
        paint(album / f"{number}.png", (100 + number, 0, 0))
    seen = []
    toy_library.sync(album, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 5) for number in range(1, 6)]


def test_hostile_files_end_in_one_state_each_within_a_minute(toy_library, real_photos):
    started = time.monotonic()
    report = toy_library.sync(real_photos / "hostile")
    assert time.monotonic() - started < 60
    assert report.found == sum(path.is_file() for path in (real_photos / "hostile").rglob("*"))
    assert len({path for path, _ in report.failed + report.skipped}) == len(report.failed + report.skipped)
    assert report.added + len(report.failed) == report.found - len(report.skipped)


def test_a_toy_library_finds_the_nearest_colour(toy_library, album):
    colours = {"red": (200, 0, 0), "rather red": (200, 60, 0), "blue": (0, 0, 200), "violet": (120, 0, 200)}
    for name, colour in colours.items():
        paint(album / f"{name}.png", colour)
    toy_library.sync(album, workers=2)
    query = paint(album.parent / "unseen.png", (255, 60, 0))
    hits = toy_library.search(query)
    assert names(hits) == ["rather red.png", "red.png", "violet.png", "blue.png"]
    expected = ToyEncoder().encode(_pixels((255, 60, 0))) @ ToyEncoder().encode(_pixels((200, 0, 0)))
    assert hits[1].score == pytest.approx(expected, abs=1e-3)


def _pixels(colour):
    import numpy as np

    return np.full((8, 8, 3), colour, dtype=np.uint8)
