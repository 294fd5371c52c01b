"""The page Groups, driven as in test_app, on pictures that the toy sees alike."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from simsearch import Library, LibraryError
from tests.test_app import markup, on, press

pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


def scene(seed, size=(320, 240)):
    """A picture of patches, unlike those of other seeds."""
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def shoot(path, seed, *, at=None, size=(320, 240), quality=95):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if at:
        exif[0x0132] = at
        exif[0x0110] = "Box 3"
    scene(seed, size).save(path, quality=quality, exif=exif)
    return path


@pytest.fixture
def index(page, tmp_path, album):
    """Index the album."""

    def index():
        with Library.open(tmp_path / "library") as library:
            return library.sync(album, workers=1)  # so that their order is always the same

    return index


@pytest.fixture
def copied(page, album, index):
    """The page Groups on six scenes: of one there is a copy of other size, of another two of equal bytes."""
    for seed in range(6):
        shoot(album / f"{seed}.jpg", seed)
    shoot(album / "small *and* poor" / HOSTILE, 0, size=(160, 120), quality=70)
    for name in ("again", "and again"):
        shutil.copy(album / "1.jpg", album / f"{name}.jpg")
    index()
    return found(page)


def found(page):
    """Open the page, and wait until the hunt has ended."""
    on(page, "groups")
    for _ in range(30):
        if not page.get("progress"):
            return page
        page.run()
    raise AssertionError("the hunt did not end")


def anew():
    """Open the page in another session."""
    return found(AppTest.from_file("../app.py", default_timeout=30))


def versions(page):
    """Of each version shown: whether it is the best, and its name."""
    return [
        ('class="version best"' in body, re.search(r'class="name">(.*?)</span>', body)[1])  # type: ignore[index]
        for body in markup(page, "<figure")
    ]


def choices(page):
    return [group for group in page.button_group if group.label.startswith("Decide about")]


def options(group):
    return [option.content for option in group.proto.options]


def decide(page, place, word):
    choices(page)[place].set_value(word)
    page.run()
    assert not page.exception
    return page


def summary(page):
    return page.markdown[0].value


def test_copies_are_shown_best_first_with_what_was_done_to_each(copied):
    assert versions(copied) == [
        (True, "1.jpg"), (False, "again.jpg"), (False, "and again.jpg"),
        (True, "0.jpg"), (False, "&lt;img src=x onerror=alert(1)&gt;.jpg"),
    ]  # fmt: skip
    assert summary(copied).startswith("**2 groups, 3 copies**;")
    [small] = markup(copied, "Scaled to 50%")
    assert "The best: more pixels: 320 x 240 against 160 x 120." in small and ">re-saved<" in small
    assert "album/small *and* poor" in small and "160 x 120 · " in small and " kB" in small
    assert "<img src=x" not in "".join(block.proto.body for block in copied.get("html"))
    assert any("Nothing is deleted or moved here" in caption.value for caption in copied.caption)


def test_every_picture_has_a_text(copied):
    pictures = re.findall(r"<img [^>]*>", "".join(markup(copied, "<figure")))
    assert len(pictures) == 5 and all('alt="' in picture for picture in pictures)


def test_not_the_same_holds_at_once_and_for_good(copied):
    page = decide(copied, 2, "different")
    assert len(versions(page)) == 5 and len(markup(page, "version decided")) == 1  # it stays in its place
    assert summary(anew()).startswith("**1 group, 2 copies**")


def test_a_decision_is_taken_back_where_it_was_made(copied, tmp_path):
    page = decide(decide(copied, 2, "different"), 2, None)
    assert not markup(page, "version decided")
    assert summary(anew()).startswith("**2 groups, 3 copies**")


def test_of_equal_bytes_nobody_says_that_they_are_not_the_same(copied):
    assert [options(group) for group in choices(copied)] == [
        ["Keep both"], ["Keep both"], ["Keep both", "Not the same"],
    ]  # fmt: skip


def test_a_whole_group_is_kept_and_taken_back(copied):
    page = press(copied, "Keep all")
    assert len(markup(page, "version decided")) == 2
    press(page, "Take back")
    assert not markup(page, "version decided")
    press(page, "Keep all")
    assert [name for is_best, name in versions(anew()) if is_best] == ["0.jpg"]


def test_what_was_decided_before_is_listed_and_taken_back(copied):
    decide(copied, 2, "different")
    page = anew()
    assert page.toggle[0].label == "Show what you decided: 1 pair"
    page.toggle[0].set_value(True)
    page.run()
    assert markup(page, "<b>Not the same</b>")
    press(page, "Take back")
    assert summary(found(page)).startswith("**2 groups, 3 copies**")


def test_where_all_is_decided_it_says_so(copied):
    for place in range(3):
        decide(copied, place, "keep")
    assert anew().info[0].value == "No copies that you have not decided about found among 9 photos."


def test_groups_are_narrowed_to_a_relation_and_a_folder(copied, album):
    page = copied
    page.button_group[1].set_value("exact")
    page.run()
    assert summary(page).startswith("**1 group, 2 copies**")
    page.button_group[1].set_value(None)
    page.selectbox[0].set_value(str(album / "small *and* poor"))
    page.run()
    assert [name for is_best, name in versions(page) if is_best] == ["0.jpg"]


def test_identical_ones_are_found_where_neither_is_the_best(copied, album, index):
    shutil.copy(album / "small *and* poor" / HOSTILE, album / "small *and* poor" / "twin.jpg")
    for name in ("again", "and again"):
        (album / f"{name}.jpg").unlink()
    index()
    page = anew()
    page.button_group[1].set_value("exact")
    page.run()
    assert summary(page).startswith("**1 group, 1 copy**")
    [one] = markup(page, "It has the bytes of")
    assert "It has the bytes of small *and* poor/twin.jpg." in one and ">re-saved<" in one


def test_where_no_group_is_left_nothing_is_offered(copied):
    page = copied
    assert len(page.get("download_button")) == 2
    page.button_group[1].set_value("crop")
    page.run()
    assert summary(page) == "**0 groups, 0 copies**." and not page.get("download_button")


def test_many_copies_and_many_groups_are_shown_by_and_by(page, album, index):
    for seed in range(25):
        shoot(album / f"{seed}.jpg", seed)
        shutil.copy(album / f"{seed}.jpg", album / f"copy of {seed}.jpg")
    for number in range(20):
        shutil.copy(album / "0.jpg", album / f"copy {number:02} of 0.jpg")
    index()
    page = found(page)
    assert len(versions(page)) == 1 + 12 + 19 * 2
    assert "and 9 more" in [caption.value for caption in page.caption]
    press(page, "Show 9")
    assert len(versions(page)) == 1 + 21 + 19 * 2
    press(page, "Next")
    assert "21 to 25 of 25" in [text.value for text in page.markdown] and len(versions(page)) == 10
    press(page, "Previous")
    assert len(versions(page)) > 10


def test_the_list_and_the_script_know_what_is_decided_when_they_are_asked_for(copied, monkeypatch):
    offered = {}

    def note(label, data, *_, **__):
        offered[label] = data

    monkeypatch.setattr("streamlit.download_button", note)
    copied.run()
    table, script = offered.values()
    assert table().count(b"\n") == 4 and script().count(b"\nmove ") == 3
    decide(copied, 2, "different")
    press(copied, "Keep all")
    assert table().count(b",yes") == 2 and table().count(b"\n") == 3
    assert b"\nmove " not in script()


def test_a_copy_is_compared_with_the_best(copied):
    page = press(copied, "Compare it")
    [sides] = markup(page, "<b>Best</b>")
    assert sides.count("<img ") == 2 and "<b>Copy</b>" in sides
    assert markup(page, '<span class="chip exact">exact</span> Equal bytes. The best: ')


def test_without_copies_it_says_so(page, album, index):
    for seed in range(3):
        shoot(album / f"{seed}.jpg", seed)
    index()
    assert found(page).info[0].value == "No copies found among 3 photos."


def test_without_photos_it_says_how_to_have_some(page, tmp_path):
    Library.open(tmp_path / "library").close()
    assert on(page, "groups").title[0].value == "Which of your photos are like this one?"


def test_what_goes_wrong_is_one_sentence_and_is_tried_again(page, album, index, monkeypatch):
    shoot(album / "0.jpg", 0)
    index()

    def failing(*_, **__):
        raise LibraryError("here", "is [damaged]", "mend it")

    from simsearch.groups import Groups

    with monkeypatch.context() as patch:
        patch.setattr(Groups, "copies", failing)
        assert found(page).error[0].value.replace("\\", "") == "here: is [damaged]; mend it."
    assert found(page).info[0].value == "No copies found among 1 photo."


def test_a_photo_that_has_left_meanwhile_is_one_sentence(copied, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        library.forget(album / "again.jpg")
    labels = [group.label for group in choices(copied)]
    page = decide(copied, labels.index("Decide about again.jpg"), "keep")
    assert "in this library" in page.error[0].value
    assert any("has changed since" in caption.value for caption in page.caption)
    press(page, "Look again")
    assert summary(found(page)).startswith("**2 groups, 2 copies**")


def test_a_hunt_shows_how_far_it_is_and_can_be_stopped(page, album, index, monkeypatch):
    from simsearch.groups import Groups
    from simsearch.ui import hunt

    monkeypatch.setattr(hunt, "_PATIENCE", 0.05)
    shoot(album / "0.jpg", 0)
    index()

    def endless(groups, *, progress):
        while True:
            progress("looking for copies", 200, 1_000)

    with monkeypatch.context() as patch:
        patch.setattr(Groups, "copies", endless)
        on(page, "groups")
        page.run()
        assert page.get("progress")[0].proto.text == "Looking for copies: 200 of 1,000 photos ..."
        press(page, "Stop")
        while page.get("progress"):
            page.run()
        assert page.info[0].value.startswith("Stopped before")
    press(page, "Go on")
    assert found(page).info[0].value == "No copies found among 1 photo."


# Bursts


@pytest.fixture
def burst(page, album, index):
    """The page Groups with a burst of three, a photo of another day, and one that says nothing."""
    for second in range(3):
        shoot(album / f"{second}.jpg", second, at=f"2023:06:01 12:00:{second:02}")
    shoot(album / "later.jpg", 7, at="2023:07:01 12:00:00")
    shoot(album / HOSTILE, 8)
    index()
    return found(page)


def on_bursts(page):
    page.button_group[0].set_value("Bursts")
    page.run()
    assert not page.exception
    return page


def test_bursts_are_strips_in_order_of_time(burst):
    page = on_bursts(burst)
    assert page.markdown[0].value == "**1 burst, 3 photos**"
    assert markup(page, "<b>3 photos</b> <span>1 June 2023, 12:00:00 · Box 3</span>")
    frames = markup(page, 'class="frame')
    assert [re.search(r'class="name">(.*?)<', frame)[1] for frame in frames] == [  # type: ignore[index]
        "0.jpg", "1.jpg", "2.jpg",
    ]  # fmt: skip
    assert sum(">sharpest<" in frame for frame in frames) == 1
    assert page.caption[0].value == "1 photo does not say when it was taken, and is in no burst."


def test_the_minutes_can_be_chosen(burst):
    page = on_bursts(burst)
    page.select_slider[0].set_value(60.0)
    page.run()
    assert page.markdown[0].value == "**1 burst, 3 photos**"


def test_without_bursts_it_says_so(page, album, index):
    shoot(album / "0.jpg", 0)
    index()
    page = on_bursts(found(page))
    assert page.info[0].value == "No bursts found among 0 photos that say when they were taken."


def test_a_photo_of_a_burst_leads_to_the_search(burst, tmp_path, album, monkeypatch):
    gone = []
    monkeypatch.setattr("streamlit.switch_page", lambda to, **address: gone.append((to.title, address)))
    press(on_bursts(burst), "More like this")
    with Library.open(tmp_path / "library") as library:
        photo = library.photo(album / "0.jpg")
    assert gone == [("Search", {"query_params": {"like": str(photo.id)}})]


# Clusters


@pytest.fixture
def clustered(page, album, index):
    """The view Clusters on 24 photos of four kinds, each in a folder of its own."""
    for number in range(6):
        for kind, colour in (
            ("red", (220, 20 + number, 20)),
            ("blue", (20, 20 + number, 220)),
            ("green", (20, 220, 20 + number)),
            ("grey", (120, 120, 120 + number)),
        ):
            (album / kind).mkdir(exist_ok=True)
            Image.new("RGB", (40, 30), colour).save(album / kind / f"{number}.png")
    index()
    on(page, "groups")
    choose(page, "Groups of", "Clusters")
    return page


def choose(page, label, value):
    next(one for one in page.get("button_group") if one.label == label).set_value(value)
    page.run()
    assert not page.exception


def test_clusters_are_shown_with_their_names_and_a_typical_photo(clustered):
    assert any("**4 clusters, 24 photos**" in text.value for text in clustered.markdown)
    heads = markup(clustered, 'class="strip-head"')
    assert sorted(re.findall(r"<b>(.*?)</b> <span>(.*?)</span>", " ".join(heads))) == [
        (kind, "6 photos") for kind in ("blue", "green", "grey", "red")
    ]
    frames = markup(clustered, 'class="frame')
    assert len(frames) == 24 and sum(">typical<" in frame for frame in frames) == 4


@pytest.mark.parametrize("grain", ["coarse", "fine", None])
def test_another_grain_can_be_chosen(clustered, grain):
    choose(clustered, "Clusters", grain)
    assert markup(clustered, 'class="frame')


def test_while_photos_are_indexed_the_last_clusters_are_shown(clustered, monkeypatch, album, index):
    monkeypatch.setattr("simsearch.ui.ready.is_busy", lambda _: True)
    monkeypatch.setattr(Library, "clusters", lambda *_: pytest.fail("they were looked for"))
    Image.new("RGB", (40, 30), (220, 220, 20)).save(album / "new.png")
    index()
    clustered.run()
    assert not clustered.exception
    assert any("**4 clusters, 24 photos**" in text.value for text in clustered.markdown)
    choose(clustered, "Clusters", "fine")
    assert any("once all photos are indexed" in info.value for info in clustered.info)


def test_a_photo_of_a_cluster_leads_to_the_search_with_it(clustered, tmp_path, monkeypatch):
    gone = []
    monkeypatch.setattr("streamlit.switch_page", lambda to, **address: gone.append((to.title, address)))
    press(clustered, "More like this")
    [(page, address)] = gone
    with Library.open(tmp_path / "library") as library:
        photo = library.photo(int(address["query_params"]["like"]))
    assert page == "Search" and photo.path.parent.name in ("blue", "green", "grey", "red")
