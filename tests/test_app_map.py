"""The page Map, driven as in test_app; what the browser does with it is in test_browser."""

import base64
import io
import json
import types
from datetime import date
from threading import Event

import numpy as np
import pytest
from PIL import Image

from simsearch import Library, Map, SimsearchError
from tests.conftest import COLOURS, paint
from tests.test_app import ask, markup, on, png, press
from tests.test_layout import shades
from tests.toy import ToyEncoder

pytest.importorskip("streamlit")
from simsearch.ui import assets, colours, main  # noqa: E402
from simsearch.ui import map as map_page  # noqa: E402

HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def mapped(page, tmp_path, album):
    """The page on two folders of two colours."""
    with Library.open(tmp_path / "library") as library:
        shades(album, range(12))
        paint(album / "cold" / HOSTILE, (10, 10, 200))
        library.sync(album)
    return on(page.run(), "map")


def sent(page, name):
    """What a component was sent."""
    [component] = [one.proto for one in page.get("bidi_component") if one.proto.component_name == name]
    return json.loads(component.json)


def plot(page):
    return sent(page, "simsearch_map")


def marks(page):
    return sent(page, "simsearch_pictures")["marks"]


def opened(page, place):
    """Have the photo at a place opened; return its name and folder."""
    photo_id, path = sorted(Library.open(None).paths().items())[place]
    page.session_state["map-opened"] = photo_id
    page.run()
    assert not page.exception
    return path.name, path.parent.name


def test_every_photo_is_a_point_with_a_colour(mapped):
    data = plot(mapped)
    points = np.frombuffer(base64.b64decode(data["points"]), "<u2").reshape(-1, 2)
    codes = np.frombuffer(base64.b64decode(data["codes"]), np.uint8)
    assert len(points) == 13 and np.bincount(codes).tolist() == [7, 6]
    assert points.max() == 65535 or data["size"][0] == 65535
    assert np.frombuffer(base64.b64decode(data["ids"]), "<u4").tolist() == list(range(1, 14))
    assert [(kind["name"], kind["count"]) for kind in data["legend"]["kinds"]] == [("cold/", 7), ("warm/", 6)]
    assert marks(mapped) == {"mark": data["mark"], "query": None, "opened": -1}
    words = next(block.value for block in mapped.markdown if "13 photos in all" in block.value)
    assert "cold/: 7 photos, on the" in words.replace("\\", "")
    assert any("by their two main directions" in caption.value for caption in mapped.caption)


def test_nothing_is_in_the_way_of_a_few_photos(page, tmp_path, album):
    for number, (name, colour) in enumerate(COLOURS.items()):
        with Library.open(tmp_path / "library") as library:
            paint(album / f"{name}.png", colour)
            library.sync(album)
        if number in (0, 2):
            shown = on(page.run(), "map")
            assert len(base64.b64decode(plot(shown)["points"])) == 4 * (number + 1)
            assert not shown.error


def test_an_empty_library_explains_how_to_fill_it(page, tmp_path):
    Library.open(tmp_path / "library").close()
    shown = on(page.run(), "map")
    assert shown.text_input[0].label == "The folder with your photos"


def test_colours_can_be_chosen(mapped):
    by = next(one for one in mapped.get("button_group") if one.label == "Colour by")
    by.set_value("Nothing")
    mapped.run()
    assert not mapped.exception
    data = plot(mapped)
    assert set(base64.b64decode(data["codes"])) == {0} and data["legend"]["kinds"] == []


def test_clusters_can_be_told_by_colour(mapped, tmp_path):
    by = next(one for one in mapped.get("button_group") if one.label == "Colour by")
    by.set_value("Cluster")
    mapped.run()
    assert not mapped.exception
    kinds = plot(mapped)["legend"]["kinds"]
    assert sum(kind["count"] for kind in kinds) == 13
    codes = np.frombuffer(base64.b64decode(plot(mapped)["codes"]), np.uint8)
    with Library.open(tmp_path / "library") as library:
        folders = [path.parent.name for _, path in sorted(library.paths().items())]
    clustered = {(folder, code) for folder, code in zip(folders, codes.tolist(), strict=True) if code < 10}
    assert {folder for folder, _ in clustered} == {"warm", "cold"}
    assert len({code for _, code in clustered}) == len(clustered), "red and blue are in one cluster"
    assert {kind["code"] for kind in kinds if not kind.get("rest")} == {code for _, code in clustered}


def test_no_clusters_are_looked_for_while_photos_are_indexed(mapped, monkeypatch, album, tmp_path):
    busy, looked = [True], []
    whole = Library.clusters

    def noting(library, grain):
        looked.append(library.generation)
        return whole(library, grain)

    monkeypatch.setattr(Library, "clusters", noting)
    monkeypatch.setattr("simsearch.ui.ready.is_busy", lambda _: busy[0])
    by = next(one for one in mapped.get("button_group") if one.label == "Colour by")
    by.set_value("Cluster")
    mapped.run()
    assert not mapped.exception and not looked and plot(mapped)["legend"]["kinds"] == []
    assert any("once all photos are indexed" in caption.value for caption in mapped.caption)
    busy[0] = False
    mapped.run()
    kinds = plot(mapped)["legend"]["kinds"]
    assert len(looked) == 1 and kinds
    busy[0] = True
    with Library.open(tmp_path / "library") as library:
        shades(album, [13])
        library.sync(album)
    mapped.run()
    assert not mapped.exception and len(looked) == 1
    assert sum(kind["count"] for kind in plot(mapped)["legend"]["kinds"]) == 14


def test_an_uploaded_picture_lands_among_its_like(mapped):
    page = ask(mapped, *png((200, 45, 5)))
    query = marks(page)["query"]
    assert 0 <= query["x"] <= plot(page)["size"][0] and len(query["near"]) == 12
    assert any("It lands at the cross; ringed are" in caption.value for caption in page.caption)


def test_the_query_of_the_search_page_lands_too(filled):
    on(ask(filled, *png((255, 40, 0))), "map")
    assert marks(filled)["query"] is not None
    assert any("of the page Search" in text.value.replace("\\", "") for text in filled.caption)


@pytest.mark.parametrize("box", [None, (0.0, 0.0, 0.5, 1.0)])
def test_a_picture_is_encoded_once_and_its_part_lands_where_it_belongs(mapped, monkeypatch, box):
    image = Image.new("RGB", (80, 40), (10, 60, 200))
    image.paste((200, 60, 10), (0, 0, 40, 40))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    if box:
        mapped.session_state["asked"] = stream.getvalue(), box
    encoded = []
    encode = ToyEncoder.encode

    def noting(toy, pixels):
        encoded.append(pixels)
        return encode(toy, pixels)

    monkeypatch.setattr(ToyEncoder, "encode", noting)
    page = mapped.run() if box else ask(mapped, "both.png", stream.getvalue(), "image/png")
    assert not page.exception and not page.error and len(encoded) == 1
    points = np.frombuffer(base64.b64decode(plot(page)["points"]), "<u2").reshape(-1, 2)
    codes = np.frombuffer(base64.b64decode(plot(page)["codes"]), np.uint8)  # 0 is cold, 1 is warm
    query = marks(page)["query"]
    apart = np.linalg.norm(points - np.array([query["x"], query["y"]]), axis=1)
    if box:
        assert (codes[apart.argsort()[:4]] == 1).all()


def test_a_part_of_the_only_photo_lands_in_the_middle():
    found = Map(np.array([3, 5]), np.array([[0, 0], [2, 4]], dtype=np.float32), "pca", False)
    assert found.amid([], []) == (1, 2)
    assert found.amid([5, 9], [0.9, 0.9]) == (2, 4)


def test_a_broken_picture_is_one_sentence_and_the_map_stays(mapped):
    page = ask(mapped, "holiday.jpg", b"this is text", "image/jpeg")
    assert "not a picture" in page.error[0].value
    assert marks(page)["query"] is None


def test_an_opened_photo_leads_to_the_search_with_it(mapped, tmp_path, album, monkeypatch):
    name, folder = opened(mapped, 0)
    assert marks(mapped)["opened"] == 0
    [about] = markup(mapped, 'class="about-photo"')
    assert f"<b>{name}</b>" in about and folder in about
    gone = []
    monkeypatch.setattr("streamlit.switch_page", lambda to, **address: gone.append((to.title, address)))
    press(mapped, "More like this")
    with Library.open(tmp_path / "library") as library:
        photo = library.photo(album / folder / name)
    assert gone == [("Search", {"query_params": {"like": str(photo.id)}})]


def test_a_hostile_name_is_shown_as_text(mapped, tmp_path):
    with Library.open(tmp_path / "library") as library:
        paths = library.paths()
    place = next(at for at, one in enumerate(sorted(paths)) if paths[one].name == HOSTILE)
    assert opened(mapped, place)[0] == HOSTILE
    [about] = markup(mapped, 'class="about-photo"')
    assert "&lt;img src=x" in about and "<img" not in about


def test_an_opened_photo_that_has_gone_is_one_sentence(mapped):
    mapped.session_state["map-opened"] = 10_000
    mapped.run()
    assert not mapped.exception and "not in this library" in mapped.error[0].value.replace("\\", "")


def test_an_error_is_one_sentence(mapped, monkeypatch):
    def failing(*_, **__):
        raise SimsearchError("the map is torn.")

    monkeypatch.setattr(Library, "map", failing)
    mapped.run()
    assert not mapped.exception and "the map is torn" in mapped.error[0].value.replace("\\", "")


# A large library


def awaited():
    thread = map_page._maker(main._library().key).thread
    assert thread
    thread.join(20)


def test_a_large_map_is_made_beside_the_page(mapped, monkeypatch):
    """What there is is shown with how far it is, and the better one when it is ready."""
    ready, asked = Event(), []
    whole = Library.map

    def rough(library, **options):
        return whole(library, **options)._replace(due=not ready.is_set())

    def slow(library):
        asked.append(library.path)
        assert ready.wait(20)

    monkeypatch.setattr(Library, "map", rough)
    monkeypatch.setattr(Library, "make_map", slow)
    monkeypatch.setattr(map_page, "_FEW", 0)
    page = on(mapped, "map")
    page.run()
    assert len(asked) == 1 and plot(page)["mark"].endswith("True")
    assert [bar.proto.text[:29] for bar in page.get("progress")] == ["A better map is being made, w"]
    ready.set()
    awaited()
    page.run()
    assert not page.get("progress") and plot(page)["mark"].endswith("False") and len(asked) == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SimsearchError("no room for a map."), "no room for a map."),
        (OSError(12, "No memory"), "map: cannot be made (no memory); try again later."),
    ],
)
def test_a_map_that_cannot_be_made_is_told_and_what_there_is_shown(mapped, monkeypatch, error, told):
    whole, asked = Library.map, []

    def failing(library):
        asked.append(library)
        raise error

    monkeypatch.setattr(Library, "map", lambda library, **_: whole(library, at_hand=True)._replace(due=True))
    monkeypatch.setattr(Library, "make_map", failing)
    monkeypatch.setattr(map_page, "_FEW", 0)
    on(mapped, "map")
    awaited()
    mapped.run()
    mapped.run()
    assert [error.value.replace("\\", "") for error in mapped.error] == [told]
    assert plot(mapped)["points"] and len(asked) == 1


def test_no_map_is_made_while_photos_are_indexed(mapped, monkeypatch):
    whole, busy = Library.map, [True]

    def due(library, at_hand=False):
        return whole(library, at_hand=at_hand)._replace(due=at_hand)

    monkeypatch.setattr("simsearch.ui.ready.is_busy", lambda _: busy[0])
    for few in (0, 5_000):
        monkeypatch.setattr(map_page, "_FEW", few)
        monkeypatch.setattr(Library, "map", due)
        monkeypatch.setattr(Library, "make_map", lambda _: pytest.fail("it was made"))
        on(mapped, "map")
        assert map_page._maker(main._library().key).thread is None
        assert plot(mapped)["mark"].endswith("True") and not mapped.get("progress")
    busy[0] = False
    assert plot(mapped.run())["mark"].endswith("False")


def test_each_library_has_a_maker_of_its_own(mapped):
    one = map_page._maker("one")
    assert one is map_page._maker("one") and one is not map_page._maker("another")


@pytest.mark.parametrize("name", ["map.js", "map.css", "pictures.js"])
def test_the_browser_fetches_nothing(name):
    text = assets.text(name)
    assert [word for word in ("://", "import ", "fetch(", "url(") if word in text] == []


# What the browser asks for


def laid_out(count=3):
    positions = np.array([[0, 0], [1, 2], [4, 1]], dtype=np.float32)[:count]
    found = Map(np.array([3, 5, 8])[:count], positions, "pca", False)
    plot: map_page._Plot = map_page._laid_out(found, f"test {count}")
    return plot


def test_positions_become_steps_with_y_downwards():
    plot = laid_out()
    assert plot.size == (65_535, 32_768)
    assert plot.points.tolist() == [[0, 32_768], [16_384, 0], [65_535, 16_384]]
    assert np.allclose(plot.steps(np.array([[1, 2], [-5, 9]])), np.array([[16_383.75, 0], [0, 0]]))
    assert plot.places([8, 4, 3, 99]) == [2, 0]


def test_one_photo_is_in_the_middle():
    plot = laid_out(1)
    width, height = plot.size
    assert np.abs(plot.points[0] - np.array([width, height]) / 2).max() <= 1


@pytest.mark.parametrize(
    "asked",
    [
        None,
        "x",
        {},
        {"mark": "another", "places": [1]},
        {"mark": "test 3", "places": [-1, 3, "1", None, 2.5]},
    ],
)
def test_what_makes_no_sense_is_not_answered(asked):
    assert map_page._asked_for(laid_out(), asked) == []


def test_what_is_asked_for_is_answered():
    assert map_page._asked_for(laid_out(), {"mark": "test 3", "places": [2, 0]}) == [2, 0]
    assert len(map_page._asked_for(laid_out(), {"mark": "test 3", "places": [1] * 500})) == 60


def test_a_picture_comes_with_name_folder_and_date(toy_library, album, monkeypatch):
    exif = Image.Exif()
    exif[0x0132] = "2019:07:21 16:05:09"
    path = paint(album / "beach" / "a.jpg", (200, 0, 0), (400, 300), exif=exif)
    toy_library.sync(album)
    photo_id = toy_library.photo(path).id
    told = map_page._picture(toy_library, photo_id)
    assert (told["name"], told["where"]) == ("a.jpg", "beach · 21 July 2019")
    picture = Image.open(io.BytesIO(base64.b64decode(told["url"].partition(",")[2])))
    assert max(picture.size) == 200
    monkeypatch.setattr(toy_library, "preview", lambda *_: pytest.fail("it was shrunk again"))
    paint(album / "b.jpg", (0, 200, 0))
    toy_library.sync(album)
    assert map_page._picture(toy_library, photo_id) == told, "also in another generation"
    assert map_page._picture(toy_library, photo_id + 9)["name"] == "no longer here"


# Colours


def test_ten_folders_have_colours_and_the_others_one(toy_library, album):
    for number in range(13):
        for copy in range(3 if number == 12 else 1):
            paint(album / f"{number:02}" / f"{copy}.png", (10 * number, copy, 90))
    toy_library.sync(album)
    ids = toy_library.map().ids
    told = colours.by_folder(toy_library, ids)
    kinds = told.legend["kinds"]
    assert [kinds[0][name] for name in ("name", "count", "code")] == ["12/", 3, 0]
    assert len(kinds) == 11 and kinds[-1] == {
        "name": "others",
        "number": 0,
        "count": 3,
        "code": 10,
        "rest": True,
    }
    assert kinds[0]["title"].endswith("/12") and "title" not in kinds[-1]
    assert np.bincount(told.codes).tolist() == [3, *[1] * 9, 3] and max(told.codes) < len(told.palette)


def test_a_folder_may_be_called_others(toy_library, album):
    for number in range(12):
        for copy in range(3 if number == 11 else 1):
            paint(
                album / ("others" if number == 11 else f"{number:02}") / f"{copy}.png",
                (10 * number, copy, 90),
            )
    toy_library.sync(album)
    found = toy_library.map()
    told = colours.by_folder(toy_library, found.ids)
    told.legend["kinds"][0]["name"] = "others"  # where it is the indexed folder itself, say
    words = map_page._in_words(map_page._laid_out(found, "others"), told)
    assert len(words) == 11 and words[1].startswith("others: 3 photos, ")


def test_smaller_clusters_and_photos_in_none_are_told_apart(toy_library, monkeypatch):
    labels = [None, "cups", "cups", "others", *map(str, range(8))]
    found = [
        types.SimpleNamespace(label=label, photos=np.array([2 * place, 2 * place + 1]))
        for place, label in enumerate(labels)
    ]
    monkeypatch.setattr("simsearch.ui.clusters.at_hand", lambda *_: found)
    told = colours.by_cluster(toy_library, np.arange(25))
    kinds = told.legend["kinds"]
    assert [kind["name"] for kind in kinds[:4]] == ["cluster {n}", "cups (2)", "cups (3)", "others"]
    assert [(kind["name"], kind["count"], kind["code"]) for kind in kinds[10:]] == [
        ("in smaller clusters", 4, 10),
        ("in none", 1, 11),
    ]
    assert told.codes[24] == 11 and len({*told.palette}) == 12


def test_dates_are_a_scale_and_undated_photos_grey(toy_library, album):
    for year in (2001, 2019, 2020, 2021):
        exif = Image.Exif()
        exif[0x0132] = f"{year}:07:21 16:05:09"
        paint(album / f"{year}.jpg", (200, year % 100, 0), exif=exif)
    paint(album / "undated.jpg", (0, 0, 200))
    toy_library.sync(album)
    ids = toy_library.map().ids
    told = colours.by_date(toy_library, ids)
    names = [toy_library.photo(one).path.stem for one in ids.tolist()]
    code = dict(zip(names, told.codes.tolist(), strict=True))
    assert code["2001"] == 0 < code["2019"] < code["2020"] < code["2021"] == 63 and code["undated"] == 64
    assert (told.legend["scale"]["first"], told.legend["scale"]["last"]) == tuple(
        date(year, 7, 21).toordinal() for year in (2001, 2021)
    )
    assert told.legend["kinds"] == [{"name": "undated", "number": 0, "count": 1, "code": 64}]
    assert all(len(colour) == 7 for colour in told.palette) and len(told.palette) == 65


def test_without_dates_there_is_no_scale(toy_library, album):
    paint(album / "undated.jpg", (0, 0, 200))
    toy_library.sync(album)
    told = colours.by_date(toy_library, toy_library.map().ids)
    assert told.legend["scale"] is None and told.codes.tolist() == [64]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (0.1, 0.1, "on the upper left"),
        (0.9, 0.5, "on the right"),
        (0.5, 0.9, "at the bottom"),
        (0.5, 0.1, "at the top"),
        (0.5, 0.5, "in the middle"),
    ],
)
def test_whereabouts_are_words(x, y, words):
    assert map_page._whereabouts(x, y) == words
