"""The page Learn."""

import io

import numpy as np
import pytest
from PIL import Image

from simsearch import Library, LibraryError
from simsearch.albums import Album
from simsearch.learning import Gain
from tests.conftest import paint
from tests.test_app import markup, on, press

pytest.importorskip("streamlit")
from simsearch.ui.lesson import Wish  # noqa: E402

KINDS = {"rust": (200, 40, 20), "moss": (40, 190, 30), "sea": (20, 60, 200)}


@pytest.fixture
def taught(page, tmp_path, album):
    """A page on three folders of six photos and one of one, in which any gain will do."""
    random = np.random.default_rng(0)
    for kind, colour in KINDS.items():
        for number in range(6):
            near = np.clip(np.array(colour) + random.integers(-20, 20, 3), 0, 255)
            paint(album / kind / f"{number}.png", tuple(near.tolist()))
    paint(album / "few" / "1.png", (90, 90, 90))
    with Library.open(tmp_path / "library") as library:
        library.sync(album)
    return on(page, "learn")


@pytest.fixture
def any_gain(monkeypatch):
    monkeypatch.setattr(Gain, "is_loss", False)


def learn(page):
    """Press the button, and wait until what is begun has ended."""
    button(page, "Learn").click()
    page.run()
    return ended(page)


def ended(page):
    for _ in range(300):
        assert not page.exception
        if not page.get("progress"):
            return page
        page.run()
    raise AssertionError("it did not end")


def button(page, label):
    return next(one for one in page.button if one.label == label)


def choose(page, label):
    next(one for one in page.radio if label in one.options).set_value(
        next(value for value in [*VALUES] if VALUES[value] == label)
    )
    page.run()
    assert not page.exception
    return page


VALUES = {
    "photos": "Only what your photos differ in",
    "off": "Nothing",
    "under": "The folders below one",
    "folders": "Chosen folders",
    "albums": "Albums",
    "file": "A list in a file",
}


def texts(page):
    return " ".join(one.value for one in [*page.markdown, *page.caption, *page.info, *page.success])


def test_it_says_what_is_learnt_and_what_would_be(taught):
    assert "**Nothing yet**, for want of photos" in texts(taught)
    assert "**3 kinds**, 18 photos" in texts(taught)
    assert "1 kind has fewer than 4 photos and teaches nothing: few/" in texts(taught)
    assert "Albums" not in next(one for one in taught.radio if "All folders" in one.options).options


def test_folders_are_learnt_and_what_that_gains_is_shown(taught, any_gain):
    page = learn(taught)
    assert "Done: search and votes go by it" in page.success[0].value
    assert "**What tells 3 folders apart**, from 18 photos" in texts(page)
    tables = markup(page, 'class="gain"')
    assert "Kinds it was told" in tables[0] and "photos asked" in tables[0]
    assert "Kinds it was not told" in tables[1] and tables[1].count("<tr>") == 4
    on(page, "map")
    assert "Done:" in texts(on(page, "learn"))  # whoever comes back sees what came of it


def test_nothing_can_be_learnt_and_by_itself(taught, any_gain):
    page = learn(choose(taught, "Nothing"))
    assert "**Nothing**, as was wished on" in texts(page)
    page = learn(choose(page, "Only what your photos differ in"))
    assert "**Nothing yet**" in texts(page)


def test_folders_below_one_are_kinds(taught, album):
    page = choose(taught, "The folders below one")
    assert page.selectbox[0].options[0].endswith("/ · 19")
    page.selectbox[0].set_value(str(album / "sea"))
    page.run()
    assert "**1 kind**, 6 photos" in texts(page) and "It takes two kinds of 4" in page.info[0].value
    assert button(page, "Learn").disabled


def test_chosen_folders_are_named_and_two_of_one_name_are_one_kind(taught, album, any_gain, tmp_path):
    page = choose(taught, "Chosen folders")
    assert button(page, "Learn").disabled
    page.multiselect[0].set_value([str(album / name) for name in ("moss", "rust", "sea")])
    page.run()
    assert [one.value for one in page.text_input] == ["moss", "rust", "sea"]
    page.text_input[1].set_value("moss")
    page.run()
    assert "**2 kinds**, 18 photos" in texts(page)
    page = learn(page)
    assert "**What tells 2 labels apart**" in texts(page) and "18 photos have a label" in texts(page)
    with Library.open(tmp_path / "library") as library:
        assert sorted(set(library.labels().values())) == ["moss", "sea"]
    assert "The labels that 18 photos have are replaced." in texts(page)
    press(page, "Forget them")
    assert "have a label" not in texts(page)


def test_albums_are_kinds(page, taught, any_gain, tmp_path, album, monkeypatch):
    belong = {"warm": ["rust", "sea"], "cold": ["moss", "sea"]}
    with Library.open(tmp_path / "library") as library:
        hits = {kind: [library.photo(path) for path in sorted((album / kind).iterdir())] for kind in KINDS}
        for name, kinds in belong.items():
            library.albums.save(name, [hits[kinds[0]][0]])
    monkeypatch.setattr(
        "simsearch.albums.Albums.photos",
        lambda albums, name: [hit for kind in belong[name] for hit in hits[kind]],
    )
    page = choose(taught.run(), "Albums")
    page.multiselect[0].set_value(["warm", "cold"])
    page.run()
    assert "6 photos are in several of them and left out." in texts(page)
    page = learn(page)
    assert "**What tells 2 labels apart**, from 12 photos" in texts(page)


def test_a_run_of_the_page_goes_through_no_photos(taught, any_gain, tmp_path, album, monkeypatch):
    with Library.open(tmp_path / "library") as library:
        library.albums.save("warm", library.sample(1))
    page = choose(taught.run(), "Albums")
    page.multiselect[0].set_value(["warm"])
    page.run()
    assert not page.exception
    for name in ("labels", "kinds_to_learn", "folders", "paths"):
        monkeypatch.delattr(Library, name)
    page.run()
    assert not page.exception


def test_albums_stand_for_their_photos():
    one, other = (Album(name, 1, 0, None) for name in ("one", "other"))
    wish = Wish("folders", tuple((number, "one") for number in range(9)), albums=(one,))
    assert wish.key.labels is None and wish.key != wish._replace(albums=(one, other)).key
    assert Wish("folders", ((1, "x"),)).key.labels == ((1, "x"),)


def test_a_list_in_a_file_is_learnt(taught, any_gain):
    page = choose(taught, "A list in a file")
    lines = [f"{kind}/{number}.png;{kind.upper()}" for kind in KINDS for number in range(6)]
    uploader = next(one for one in page.file_uploader if one.label == "A CSV file")
    uploader.upload("../../odd.csv", "\n".join([*lines, "nowhere.png;x"]).encode(), "text/csv")
    page.run()
    assert "**3 kinds**, 18 photos" in texts(page)
    assert "1 path is not in the library: nowhere\\.png" in texts(page)
    assert "**What tells 3 labels apart**" in texts(learn(page))


@pytest.mark.parametrize("content", [b"caf\xe9.jpg,cup\n", b"nowhere.jpg,cup\n"])
def test_a_list_that_cannot_be_used_is_called_the_list(taught, content):
    page = choose(taught, "A list in a file")
    uploader = next(one for one in page.file_uploader if one.label == "A CSV file")
    uploader.upload("labels.csv", content, "text/csv")
    page.run()
    [error] = [one.value for one in page.error]
    assert "the list" in error and "labels" not in error and "tmp" not in error


def test_a_list_of_nothing_is_one_sentence(taught):
    page = choose(taught, "A list in a file")
    uploader = next(one for one in page.file_uploader if one.label == "A CSV file")
    uploader.upload("labels.csv", b"nothing", "text/csv")
    page.run()
    assert "the list holds no labels" in page.error[0].value and button(page, "Learn").disabled


def test_a_loss_is_refused_with_its_figures_and_can_be_had_all_the_same(taught, monkeypatch):
    monkeypatch.setattr(Gain, "is_loss", True)
    page = learn(taught)
    assert "Search would be worse with this" in page.warning[0].value
    assert markup(page, 'class="gain"') and "**Nothing yet**" in texts(page)
    button(page, "Use it all the same").click()
    page.run()
    assert "**What tells 3 folders apart**" in texts(ended(page))


def test_learning_shows_how_far_it_is_and_can_be_stopped(taught, monkeypatch):
    def endless(library, lesson, *, progress, **_):
        while True:
            progress("trying it on photos held out", 1, 4)

    with monkeypatch.context() as patch:
        patch.setattr(Library, "learn", endless)
        button(taught, "Learn").click()
        page = taught.run()
        while "Trying" not in page.get("progress")[0].proto.text:
            page.run()
        assert page.get("progress")[0].proto.value == 25
        button(page, "Stop").click()
        page.run()
        page = ended(page)
    assert "Stopped. Search is as it was." in texts(page)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LibraryError("lib", "in use", "wait"), "in use; wait"),
        (KeyError("secret"), "Something went wrong that should not have (KeyError)"),
    ],
)
def test_what_goes_wrong_is_one_sentence(taught, monkeypatch, error, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Library, "learn", fail)
    page = learn(taught)
    assert words in page.error[0].value and "secret" not in page.error[0].value


def test_a_picture_is_voted_about(taught):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (30, 60, 190)).save(stream, "PNG")
    uploader = next(one for one in taught.file_uploader if "Drop a picture" in one.label)
    uploader.upload("unseen.png", stream.getvalue(), "image/png")
    page = taught.run()
    assert not page.exception
    assert "sea/" in markup(page, 'class="votes"')[0]
    assert 'alt="the dropped picture"' in markup(page, 'class="asked"')[0]
    press(page, "Random photo")
    assert '.png"' in markup(page, 'class="asked"')[0] and markup(page, 'class="votes"')


def test_a_picture_that_is_none_is_one_sentence(taught):
    uploader = next(one for one in taught.file_uploader if "Drop a picture" in one.label)
    uploader.upload("x.png", b"x", "image/png")
    page = taught.run()
    assert not page.exception and "not a picture" in page.error[0].value


@pytest.mark.parametrize(
    ("network", "words"),
    [("/there/toy-tuned.keras", "the trained network serves from now on"), (None, "not find clearly better")],
)
def test_a_network_is_trained_where_that_is_wished_for(taught, monkeypatch, network, words):
    asked = []
    quality = {"precision_at_1": 0.9, "precision_at_15": 0.8, "accuracy": 0.85}

    def train(library, *, progress, **wishes):
        asked.append(wishes)
        progress({"doing": "training", "done": 1, "total": 15})
        told = {"network": network, "lesson": "folders", "verdict": "...", "asked": 7, "unknown": []}
        told |= {"unused": 2, "untold": 3}
        return {**told, "folders": quality, "deep_folders": quality | {"precision_at_15": 0.9}}

    monkeypatch.setattr(Library, "learn_deep", train)
    next(one for one in taught.radio if one.label == "How it is learnt").set_value(1).run()
    page = learn(taught)
    assert asked == [{"under": None, "unfreeze": 1, "force": False}]
    assert words in " ".join(element.value for element in [*page.success, *page.warning])
    [table] = markup(page, "Against what is learnt in seconds")
    assert "7 photos asked" in table and "+10.0" in table
    captions = " ".join(element.value for element in page.caption)
    assert "2 photos were not used" in captions
    assert ("3 photos are of no kind that it was told of" in captions) == bool(network)
