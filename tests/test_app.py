"""The page, driven by Streamlit's own test harness, with the toy in place of a network."""

import io
import json
import re
from dataclasses import replace

import pytest
from PIL import Image

from simsearch import Library, StorageError
from simsearch.suggestion import Suggestion, Vote
from tests.conftest import COLOURS, paint

pytest.importorskip("streamlit")
from streamlit.util import calc_hash  # noqa: E402

from simsearch.ui import part, taste  # noqa: E402
from simsearch.ui.dropped import Dropped  # noqa: E402
from simsearch.ui.words import plain  # noqa: E402


def png(colour):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(stream, "PNG")
    return "unseen.png", stream.getvalue(), "image/png"


def ask(page, name, data, kind):
    page.file_uploader[0].upload(name, data, kind)
    page.run()
    assert not page.exception
    return page


def on_compare(page):
    return on(page, "compare")


def on(page, name):
    """Go to another page; the harness itself only switches to pages that are files."""
    page._page_hash = calc_hash(name)
    page.run()
    assert not page.exception
    return page


def press(page, label):
    next(button for button in page.button if button.label == label).click()
    page.run()
    assert not page.exception
    return page


def slider(page, label):
    return next(one for one in [*page.slider, *page.select_slider] if one.label == label)


def markup(page, words):
    """The blocks of HTML that hold some words."""
    return [block.proto.body for block in page.get("html") if words in block.proto.body]


@pytest.fixture
def shades(page, tmp_path, album):
    """A library of 80 colours, to which LSH can be set to miss many."""
    with Library.open(tmp_path / "library") as library:
        for number in range(80):
            colour = (40 + 37 * number % 200, 40 + 59 * number % 200, 40 + 83 * number % 200)
            paint(album / f"my **shade** & {number}.png", colour)
        library.sync(album)
    return page


def cards(page):
    """What is shown of each hit, in order."""
    grids = [one.proto for one in page.get("bidi_component") if one.proto.component_name == "simsearch_grid"]
    return [card for grid in grids for card in json.loads(grid.json)["cards"]]


def test_text_from_outside_stays_as_it_is_in_markdown():
    assert plain("a&copy;b *c* :d: <e>") == r"a\&copy;b \*c\* \:d\: \<e\>"


@pytest.mark.parametrize("made", [False, True])
def test_an_empty_library_explains_how_to_fill_it(page, tmp_path, made):
    if made:
        Library.open(tmp_path / "library").close()
    page.run()
    assert not page.exception
    assert [block.value for block in page.code] == ["simsearch demo"]
    assert page.text_input[0].label == "The folder with your photos"


def test_an_uploaded_picture_finds_the_most_similar_photos(filled):
    page = ask(filled, *png((255, 40, 0)))
    assert names(page) == [RED, ORANGE, SKY, BLUE]
    work = next(caption.value for caption in page.caption if "decode" in caption.value)
    total, *parts = map(int, re.findall(r"\d+", work))
    assert work.startswith(f"{total} ms: decode") and abs(total - sum(parts)) <= 2


def test_a_hit_shows_score_name_folder_and_date_as_text(filled):
    card = cards(ask(filled, *png((200, 0, 0))))[0]
    assert (card["name"], card["score"], card["where"]) == (RED, "1.00", "my **colours** · 21 July 2019")
    assert card["size"] == [8, 8] and card["path"].endswith(RED) and not card["offline"]


def go_back(page, address):
    """What a browser does: it shows the address of before."""
    page.query_params.clear()
    page.query_params.update(address)
    page.run()
    assert not page.exception
    return page


def id_of(tmp_path, name):
    with Library.open(tmp_path / "library") as library:
        return str(library.named(name)[0].id)


def test_the_query_is_in_the_address_and_back_goes_back_to_it(filled, tmp_path):
    start = dict(filled.run().query_params)
    page = ask(filled, *png((200, 0, 0)))
    dropped = dict(page.query_params)
    press(page, "More like this")
    assert names(page) == [ORANGE, SKY, BLUE] and dict(page.query_params)["like"] == id_of(tmp_path, RED)
    assert names(go_back(page, dropped)) == [RED, ORANGE, SKY, BLUE]
    assert names(press(page, r"Back to red\.jpg")) == [ORANGE, SKY, BLUE]
    assert names(press(page, "Back to the dropped picture"))[0] == RED
    go_back(page, start)
    assert page.subheader[0].value == "4 photos are ready"


def test_a_folder_that_the_library_does_not_know_is_one_sentence(filled, tmp_path):
    page = go_back(filled, {"like": id_of(tmp_path, RED), "under": "/nowhere"})
    [error] = page.error
    assert "not in this library" in error.value.replace("\\", "") and page.info
    press(page, r"*Remove filter:* /nowhere")
    assert not page.error and names(page) == [ORANGE, SKY, BLUE]


@pytest.mark.parametrize("more", [{"k": "15"}, {"k": "5000"}, {"utm_source": "x"}, {"kind": "gone"}])
def test_an_address_stays_as_it_came_until_something_is_chosen(filled, tmp_path, more):
    """Else Back would lead to what is rewritten at once, and Forward be lost."""
    came = {"like": id_of(tmp_path, RED), **more}
    page = go_back(filled, came)
    assert dict(page.query_params) == came == dict(page.run().query_params)
    ask(page, *png((200, 0, 0)))
    assert page.query_params.keys() == {"picture", *more} - {"k", "utm_source"}


@pytest.mark.parametrize(("k", "shown"), [(None, 3), ("2", 2), ("0", 3), ("-x", 3)])
def test_a_bookmark_is_answered(filled, tmp_path, k, shown):
    filled.query_params.update({"like": id_of(tmp_path, RED)} | ({"k": k} if k else {}))
    page = filled.run()
    assert not page.exception and not page.error
    assert names(page) == [ORANGE, SKY, BLUE][:shown]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ({"like": "99"}, "not in this library"),
        ({"picture": "../../etc/passwd"}, "drop it again"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence(filled, address, told):
    filled.query_params.update(address)
    page = filled.run()
    [error] = page.error
    assert not page.exception and told in error.value.replace("\\", "")


@pytest.mark.parametrize(
    "address", [{"like": "x"}, {"like": "0"}, {"like": "9" * 30}, {"k": "7"}, {"odd": ""}]
)
def test_an_address_that_asks_nothing_shows_the_start(filled, address):
    filled.query_params.update(address)
    page = filled.run()
    assert not page.exception and not page.error and page.subheader[0].value == "4 photos are ready"


def test_another_page_is_left_for_the_query_of_before(filled):
    page = ask(filled, *png((200, 0, 0)))
    dropped = dict(page.query_params)
    page.query_params.clear()
    on_compare(page)
    assert names(on(page, "")) == [RED, ORANGE, SKY, BLUE] and dict(page.query_params) == dropped


def test_the_start_shows_photos_and_finds_them_by_words(filled):
    page = filled.run()
    assert sorted(names(page)) == sorted([RED, ORANGE, SKY, BLUE]) and not any(
        card["score"] for card in cards(page)
    )
    page.text_input[0].set_value("colours RED")
    page.run()
    assert names(page) == [RED]
    page.text_input[0].set_value("nothing of it")
    page.run()
    assert not cards(page) and "No photo has these words" in page.info[0].value


def test_a_random_photo_is_asked_for(filled):
    page = press(filled.run(), "Random photo")
    assert len(cards(page)) == 3 and "like" in page.query_params


def test_auto_is_the_engine_unless_another_is_chosen(filled, monkeypatch):
    asked = []
    search = Library.search

    def noting(library, *query, engine, **options):
        asked.append(engine)
        return search(library, *query, engine=engine, **options)

    monkeypatch.setattr(Library, "search", noting)
    page = ask(filled, *png((200, 0, 0)))
    for engine in ("lsh", "faiss", "exact"):
        page.selectbox[0].set_value(engine)
        page.run()
        assert not page.exception and len(cards(page)) == 4
    assert asked == ["auto", "lsh", "faiss", "exact"]  # each anew: the answer of another is not kept for it


def test_more_like_this_asks_the_chosen_engine(filled, monkeypatch):
    page = ask(filled, *png((200, 0, 0)))
    page.selectbox[0].set_value("lsh")
    page.run()
    monkeypatch.setattr(Library, "search", lambda library, *query, engine, **options: [])
    press(page, "More like this")
    assert page.selectbox[0].value == "lsh" and not cards(page)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"this is text", "not a picture"), (png((1, 2, 3))[1][:45], "cut short")],
)
def test_a_file_that_is_no_picture_is_one_sentence(filled, data, words):
    page = ask(filled, "holiday.jpg", data, "image/jpeg")
    [error] = page.error
    assert words in error.value.replace("\\", "")
    assert not cards(page)


def test_markup_in_a_file_name_stays_text(filled, album, tmp_path):
    name = "<img src=x onerror=alert(1)>.png"
    with Library.open(tmp_path / "library") as library:
        paint(album / name, (200, 200, 200))
        library.sync(album)
    page = ask(filled, *png((200, 200, 200)))
    assert names(page)[0] == name and not markup(page, "<img src=x")


def test_a_photo_that_vanished_is_still_shown(filled, album):
    page = ask(filled, *png((200, 0, 0)))
    (album / "my **colours**" / "red.jpg").unlink()
    next(button for button in page.button if button.label == "More like this").click()
    page.run()
    assert not page.exception and not page.error
    assert len(cards(page)) == 3


def test_a_library_that_cannot_be_used_is_one_sentence_as_text(page, tmp_path, monkeypatch):
    folder = tmp_path / "my **library**"
    folder.mkdir()
    (folder / "library.db").write_bytes(b"this is text" * 100)
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(folder))
    page.run()
    assert not page.exception and not page.code and not page.title
    [error] = page.error
    assert "**" not in error.value and "restore it from a backup" in error.value.replace("\\", "")


def test_a_query_is_asked_once_however_often_the_page_runs(filled, monkeypatch):
    page = ask(filled, *png((200, 0, 0)))
    for name in ("search", "preview", "query", "suggest", "status"):
        monkeypatch.setattr(Library, name, None)
    page.run()
    assert not page.exception and len(cards(page)) == 4


def test_a_folder_that_is_unplugged_marks_its_hits(filled, album):
    page = ask(filled, *png((200, 0, 0)))
    assert not any(card["offline"] for card in cards(page))
    album.rename(album.with_name("unplugged"))
    page.run()
    assert all(card["offline"] for card in cards(page)) and len(cards(page)) == 4


def test_a_photo_that_has_changed_is_asked_with_anew(filled, album, tmp_path):
    filled.query_params["like"] = id_of(tmp_path, RED)
    assert names(filled.run()) == [ORANGE, SKY, BLUE]
    with Library.open(tmp_path / "library") as library:
        paint(album / "my **colours**" / RED, (0, 0, 190), (9, 9))
        library.sync(album)
    assert names(filled.run())[0] == BLUE


@pytest.mark.parametrize(
    ("x", "y", "found"),
    [
        ([0.6, 1.2], [0.1, 0.9], "blue"),  # drawn over the edge
        ([0.4, -0.1], [0, 1], "red"),
        ([1.1, 1.3], [0, 1], None),  # beside the picture
        ([], [], None),
    ],
)
def test_what_is_drawn_on_the_query_is_the_part_to_search_with(filled, monkeypatch, x, y, found):
    asked = []
    query = Library.query

    def noting(library, picture, *, crop=None):
        asked.append(crop)
        return query(library, picture, crop=crop)

    monkeypatch.setattr(Library, "query", noting)
    image = Image.new("RGB", (80, 40), (200, 0, 0))
    image.paste((0, 0, 200), (40, 0, 80, 40))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    page = ask(filled, "both.png", stream.getvalue(), "image/png")
    page.toggle[0].set_value(True)
    page.run()
    assert not page.exception and asked == [None]
    assert any("Draw a box" in caption.value for caption in page.caption)
    # The harness cannot draw.
    monkeypatch.setattr(part, "_selected", lambda query: {"x": x, "y": y})
    page.run()
    assert not page.exception
    assert len(asked) == (2 if found else 1)
    assert not found or names(page)[0] == f"{found}.jpg"
    assert page.session_state["asked"][1] == asked[-1], "on the map the same part lands"
    page.toggle[0].set_value(False)
    page.run()
    assert not page.exception and len(asked) == (2 if found else 1), "the whole picture's answer is kept"


def test_a_box_is_given_in_numbers_where_it_cannot_be_drawn(filled):
    image = Image.new("RGB", (80, 40), (200, 0, 0))
    image.paste((0, 0, 200), (40, 0, 80, 40))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    page = ask(filled, "both.png", stream.getvalue(), "image/png")
    page.toggle[0].set_value(True)
    page.run()
    assert [(field.label, field.value) for field in page.number_input] == [
        ("Left (%)", 0),
        ("Top (%)", 0),
        ("Width (%)", 100),
        ("Height (%)", 100),
    ]
    page.number_input[0].set_value(60)
    page.run()
    assert not page.exception and page.session_state["asked"][1] == pytest.approx((0.6, 0, 0.4, 1))
    assert names(page)[0] == "blue.jpg" and page.number_input[2].value == 40
    page.run()
    assert page.session_state["asked"][1], "it stays"
    page.number_input[0].set_value(0)
    page.run()
    page.number_input[2].set_value(100)
    page.run()
    assert not page.exception and page.session_state["asked"][1] is None, "all of it"


def test_the_query_says_what_it_is_to_those_who_cannot_see_it(filled):
    page = ask(filled, *png((200, 0, 0)))
    assert [image.proto.imgs[0].alt for image in page.image] == ["the dropped picture"]
    page.toggle[0].set_value(True)
    page.run()
    [chart] = page.get("vega_lite_chart")
    assert "dropped picture" in str(chart.proto)


# What a score means

RED, ORANGE, BLUE, SKY = (f"{name}.jpg" for name in COLOURS)
NEAR, SCENE, KIND, UNRELATED = "near-identical", "same scene", "same kind", "probably unrelated"


def names(page):
    return [card["name"] for card in cards(page)]


def captions(page):
    return " | ".join(caption.value for caption in page.caption)


def button(page, key):
    return next(button for button in page.button if button.key and re.fullmatch(key, button.key))


def click(page, key):
    button(page, key).click()
    page.run()
    assert not page.exception
    return page


@pytest.fixture
def means(monkeypatch):
    """Let hits mean what is told, by their places; and note what was asked."""
    told: dict[str, list[tuple[str, float]]] = {}
    asked = []
    search = Library.search

    def telling(library, *query, **options):
        asked.append((query, options))
        hits, words = search(library, *query, **options), told.get("words")
        return (
            hits
            if not words
            else [
                replace(hit, trust=word, beats=beats) for hit, (word, beats) in zip(hits, words, strict=False)
            ]
        )

    def tell(*words):
        told["words"] = [(word, 0.998) for word in words]
        return asked

    monkeypatch.setattr(Library, "search", telling)
    return tell


def test_a_hit_says_what_its_score_means_and_how_many_pairs_it_beats(filled, means):
    means(NEAR, SCENE, KIND, KIND)
    page = ask(filled, *png((200, 0, 0)))
    assert [(card["look"], card["word"]) for card in cards(page)] == [
        ("near", NEAR), ("scene", SCENE), ("kind", KIND), ("kind", KIND),
    ]  # fmt: skip
    assert cards(page)[0]["means"] == "closer than 99.8% of random pairs of your photos"
    assert cards(page)[0]["beats"] == "closer than 99.8% of pairs"
    assert "unrelated" not in captions(page)


def test_in_a_small_library_a_hit_shows_its_score_and_all_are_shown(filled):
    page = ask(filled, *png((200, 0, 0)))
    assert len(cards(page)) == 4 and not any(card["word"] or card["beats"] for card in cards(page))
    assert "unrelated" not in captions(page) and not [one for one in page.button if one.key == "show-rest"]


def test_hits_end_where_they_mean_nothing_and_the_others_can_be_shown(filled, means):
    means(KIND, UNRELATED, KIND, UNRELATED)
    page = ask(filled, *png((200, 0, 0)))
    assert names(page) == [RED, ORANGE, SKY], "up to the last that is related"
    assert "1 more, probably unrelated" in captions(page)
    press(page, "Show them")
    assert names(page) == [RED, ORANGE, SKY, BLUE] and not cards(page)[3]["word"]
    press(page, "Hide them")
    assert len(cards(page)) == 3
    press(page, "Show them")
    means(KIND, UNRELATED, UNRELATED)
    press(page, "More like this")
    assert names(page) == [ORANGE] and "2 more, probably unrelated" in captions(page), "of another query"


def test_nothing_similar_is_said_kindly_and_the_nearest_are_shown(shades, means):
    means(*[UNRELATED] * 60)
    page = ask(shades.run(), *png((200, 0, 0)))
    nearest = names(page)
    assert len(nearest) == 4
    assert "Nothing in your collection is similar" in [block.value for block in page.subheader]
    assert "The nearest, though probably unrelated" in captions(page)
    assert "56 more, probably unrelated" in captions(page)
    press(page, "Show them")
    assert len(cards(page)) == 4 + 15 and names(page)[:4] == nearest
    press(page, "Show 15 more")
    assert len(cards(page)) == 4 + 30
    press(page, "Hide them")
    assert names(page) == nearest


def test_where_the_nearest_few_are_all_no_others_are_offered(filled, means):
    means(*[UNRELATED] * 4)
    page = ask(filled, *png((200, 0, 0)))
    assert len(cards(page)) == 4 and "The nearest, though probably unrelated" in captions(page)
    assert not [one for one in page.button if one.key == "show-rest"]


# Near-identical photos


@pytest.fixture
def twins(filled, tmp_path, album):
    """Three more photos as red as the red one."""
    with Library.open(tmp_path / "library") as library:
        for name in ("<img src=x onerror=alert(1)>", "red again", "red, once more"):
            paint(album / "copies" / f"{name}.jpg", COLOURS["red"])
        library.sync(album)
    return filled


def test_near_identical_hits_are_one_that_names_them(twins):
    page = ask(twins, *png((200, 0, 0)))
    assert names(page) == [RED, ORANGE, SKY, BLUE]
    assert [card["fold"] for card in cards(page)] == ["+3 near-identical", "", "", ""]
    copies = [copy["name"] for copy in cards(page)[0]["copies"]]
    assert sorted(copies) == ["<img src=x onerror=alert(1)>.jpg", "red again.jpg", "red, once more.jpg"]


def test_folding_can_be_switched_off(twins):
    page = ask(twins, *png((200, 0, 0)))
    toggle(page, "Fold near-identical photos into one").set_value(False)
    page.run()
    assert len(cards(page)) == 7 and not any(card["fold"] for card in cards(page))


def toggle(page, label):
    return next(one for one in page.toggle if one.label == label)


# Likes, dislikes, and ways to rank


def ids(hits):
    return [hit.path.name for hit in hits]


def test_likes_and_dislikes_rank_anew_and_can_be_taken_back(filled, means):
    asked = means()
    page = ask(filled, *png((200, 0, 0)))
    assert names(page) == [RED, ORANGE, SKY, BLUE]
    page.button(key=f"like-{cards(page)[2]['id']}").click()
    page.run()
    assert names(page)[0] != SKY and SKY not in names(page) and len(asked) == 2
    click(page, "dislike-.*")
    (likes, _), options = asked[-1]
    assert likes[0].photo is None and ids(likes[1:]) == [SKY] and len(options["minus"]) == 1
    assert ids(options["minus"])[0] not in names(page)
    assert [text.value for text in page.markdown] == ["More like", "Less like"]
    click(page, "back-.*")
    assert len(asked) == 4 and len(asked[-1][0][0]) == 1 and ids(asked[-1][1]["minus"])
    click(page, "back-.*")
    assert names(page) == [RED, ORANGE, SKY, BLUE] and len(asked) == 4, "the first answer is kept"
    assert not page.markdown


def test_likes_are_a_query_s_own_and_come_back_with_it(filled, means):
    asked = means()
    page = click(ask(filled, *png((200, 0, 0))), "like-.*")
    assert len(asked[-1][0][0]) == 2
    press(page, "More like this")
    assert len(asked[-1][0][0]) == 1 and not page.markdown
    click(page, "dislike-.*")
    assert asked[-1][1]["minus"] and page.markdown
    press(page, "Back to the dropped picture")
    assert [text.value for text in page.markdown] == ["More like"] and len(cards(page)) == 3


def test_a_photo_of_the_library_and_a_box_go_with_likes(filled, tmp_path, means, monkeypatch):
    asked = means()
    page = press(ask(filled, *png((200, 0, 0))), "More like this")
    click(page, "like-.*")
    toggle(page, "Search with a part of it").set_value(True)
    page.run()
    monkeypatch.setattr(part, "_selected", lambda query: {"x": [0, 0.5], "y": [0, 1]})
    page.run()
    assert not page.exception and not page.error
    (likes, _), options = asked[-1]
    assert (
        likes[0].photo == int(id_of(tmp_path, RED)) and ids(likes[1:]) == [ORANGE] and len(cards(page)) == 2
    )
    assert likes[0].image.size == (4, 8), "half of it"
    press(page, "Open it")
    assert not page.error


@pytest.mark.parametrize("deed", ["like", "dislike"])
def test_a_photo_with_a_thumb_that_is_forgotten_counts_no_longer(filled, album, tmp_path, deed):
    page = click(ask(filled, *png((200, 0, 0))), f"{deed}-.*")
    with Library.open(tmp_path / "library") as library:
        library.forget(album / "my **colours**" / RED)
    page.run()
    assert not page.error and not page.exception and names(page) == [ORANGE, SKY, BLUE]
    assert page.info[0].value.startswith("1 photo with a thumb is not in the library any more")
    page.run()
    assert not page.info and not [one for one in page.button if (one.key or "").startswith("back-")]


def test_what_is_liked_is_named_as_text(filled, album, tmp_path):
    with Library.open(tmp_path / "library") as library:
        paint(album / "**bold** <img src=x onerror=alert(1)>.png", (200, 200, 200))
        library.sync(album)
    page = ask(filled, *png((200, 200, 200)))
    label = button(click(page, "like-.*"), "back-.*").label
    assert label.startswith(r"Take back \*\*bold") and r"\<img" in label


def test_variety_and_shared_neighbours_are_asked_for(filled, means):
    asked = means()
    page = ask(filled, *png((200, 0, 0)))
    assert (asked[-1][1]["diversity"], asked[-1][1]["rerank"], asked[-1][1]["fold"]) == (0, True, True)
    slider(page, "Alike … varied").set_value(0.5)
    page.run()
    assert asked[-1][1]["diversity"] == 0.5
    toggle(page, "Shared neighbours count").set_value(False)
    page.run()
    assert asked[-1][1]["rerank"] is False and len(cards(page)) == 4 and not page.exception


# What it may be of


def votes(page):
    return "".join(markup(page, 'class="votes"'))


@pytest.fixture
def kinds(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        for number in range(9):
            paint(album / "<b>cups" / f"{number}.png", (200, number, 0))
            paint(album / "deep" / "teapots" / f"{number}.png", (0, number, 200))
        paint(album / "at the top.png", (200, 20, 20))
        library.sync(album)
    return page.run()


def test_the_votes_of_the_nearest_are_told_as_text(kinds, album):
    told = votes(ask(kinds, *png((200, 0, 0))))
    assert re.search(
        r"<b>&lt;b&gt;cups/</b>: of the \d+ nearest photos, \d are related and lie there\.", told
    )
    assert "<i style=" in told and 'title="album/"' in told, "the folder itself"
    assert str(album) not in told


def test_of_a_few_votes_it_is_said_so_and_labels_are_no_folders(kinds, monkeypatch):
    asked = suggestion(Vote("a & b", 4), Vote("c", 3), *(Vote(f"{number}", 1) for number in range(3)))
    monkeypatch.setattr(Library, "suggest", lambda library, query: asked)
    told = votes(ask(kinds, *png((200, 0, 0))))
    assert "Perhaps <b>a &amp; b</b>: of the 10 nearest photos, 4 are related and labelled so." in told
    assert ">others</span>" in told and told.count('class="bar"') == 5


def suggestion(*votes):
    return Suggestion(votes[0].kind if votes else None, 0.4, 10, [*votes])


def test_a_picture_unlike_anything_is_said_to_be_so(kinds, monkeypatch):
    monkeypatch.setattr(Library, "suggest", lambda library, query: suggestion())
    assert "Unlike anything here." in votes(ask(kinds, *png((200, 0, 0))))


def test_folders_of_the_same_name_are_told_apart(kinds, album, tmp_path, monkeypatch):
    paint(tmp_path / "other" / "cups" / "1.png", (200, 0, 9))
    paint(album / "cups" / "1.png", (200, 0, 9))
    with Library.open(tmp_path / "library") as library:
        library.sync(album, tmp_path / "other")
    both = suggestion(Vote(str(album / "cups"), 6), Vote(str(tmp_path / "other" / "cups"), 4))
    monkeypatch.setattr(Library, "suggest", lambda library, query: both)
    told = votes(ask(kinds, *png((200, 0, 0))))
    assert ">album/cups/<" in told and ">other/cups/<" in told


def test_nothing_is_suggested_where_all_photos_lie_in_one_folder(filled):
    assert not votes(ask(filled, *png((200, 0, 0))))


def test_a_part_is_suggested_for_by_itself(kinds, monkeypatch):
    seen = []
    suggest = Library.suggest

    def noting(library, query):
        seen.append(query.image.size)
        return suggest(library, query)

    monkeypatch.setattr(Library, "suggest", noting)
    page = ask(kinds, *png((200, 0, 0)))
    monkeypatch.setattr(part, "_selected", lambda query: {"x": [0, 0.5], "y": [0, 1]})
    toggle(page, "Search with a part of it").set_value(True)
    page.run()
    assert not page.exception and seen == [(8, 8), (4, 8)]


# A hit, opened


def test_a_hit_is_opened(filled):
    page = ask(filled, *png((200, 0, 0)))
    press(page, "Open it")
    assert "red.jpg" in markup(page, '"opened-name"')[0] and page.button(key="opened-left").disabled
    page.run()
    assert not page.exception and not markup(page, '"opened-name"'), "once"


# Compare


@pytest.mark.parametrize("made", [False, True])
def test_compare_explains_how_to_fill_an_empty_library(page, tmp_path, made):
    if made:
        Library.open(tmp_path / "library").close()
    on_compare(page.run())
    assert [block.value for block in page.code] == ["simsearch demo"]
    assert page.text_input[0].label == "The folder with your photos"


def test_there_is_nothing_to_compare_in_one_photo(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        paint(album / "1.png", (200, 0, 0))
        library.sync(album)
    on_compare(page.run())
    [info] = page.info
    assert "one photo only" in info.value and not page.error


def test_two_photos_can_be_compared(page, tmp_path, album):
    with Library.open(tmp_path / "library") as library:
        paint(album / "1.png", (200, 0, 0))
        paint(album / "2.png", (0, 200, 0))
        library.sync(album)
    press(on_compare(page.run()), "Random photo")
    assert len(markup(page, "Recall against exact")) == 3 and not page.error


def test_every_engine_answers_an_uploaded_picture(filled):
    page = ask(on_compare(filled), *png((255, 40, 0)))
    assert [block.value for block in page.markdown] == [
        "#### Exact",
        "#### FAISS",
        "#### LSH",
        "Nothing: it found all 4 of the true nearest.",
    ]
    figures = markup(page, "Recall against exact")
    assert all(words in figures[2] for words in ("random-projection LSH", " ms<", "<dd>100%</dd>", " MB<"))
    for pictures in markup(page, 'class="pictures"'):
        assert re.findall(r'alt="(\w+)', pictures) == ["red", "orange", "sky", "blue"]
        assert "not among the nearest" not in pictures


def test_a_random_photo_stays_the_query_until_a_picture_is_uploaded(shades):
    page = press(on_compare(shades.run()), "Random photo")
    [asked] = markup(page, 'class="asked"')
    assert re.search(r'alt="my \*\*shade\*\* &amp; \d+.png"', asked)
    slider(page, "Number of hits").set_value(4)
    page.run()
    assert markup(page, 'class="asked"') == [asked]
    assert all(pictures.count("<img") == 4 for pictures in markup(page, 'class="pictures"'))
    [asked] = markup(ask(page, *png((255, 40, 0))), 'class="asked"')
    assert 'alt="the dropped picture"' in asked


def test_what_lsh_missed_is_marked_and_explained(shades, tmp_path):
    with Library.open(tmp_path / "library") as library:
        library.learn("off")
        library.tune(bits=4, tables=1, probes=1, hits=1)
    page = ask(on_compare(shades.run()), *png((200, 160, 40)))
    lsh = markup(page, 'class="pictures"')[2]
    [missed] = markup(page, 'class="missed"')
    assert lsh.count("not among the nearest") == lsh.count('class="wrong"') == missed.count("<figure") > 0
    assert re.search(r"Meeting it would have taken [24] buckets; LSH looks into 1\.", missed)
    assert "my **shade** &amp; " in missed and 'alt="my **shade**' in missed


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (None, "No number of buckets within reach meets it in 3 tables"),
        (12_345, "would have taken 12,345 buckets; LSH looks into 1,000."),
        (1_000, "It was met, but too many others had signatures more similar"),
    ],
)
def test_each_reason_to_miss_a_photo_is_a_sentence(filled, monkeypatch, needed, words):
    compare = Library.compare

    def missing(library, *query):
        compared = compare(library, *query)
        compared["settings"] = {"bits": 6, "tables": 8, "probes": 1_000, "hits": 3}
        hit = compared["answers"][0]["hits"][0]
        return {**compared, "missed": [{"hit": hit, "cosine": 0.5, "probes_needed": needed}]}

    monkeypatch.setattr(Library, "compare", missing)
    [missed] = markup(ask(on_compare(filled), *png((200, 0, 0))), 'class="missed"')
    assert words in missed and "cosine as hashed 0.50" in missed


def test_the_curve_starts_at_the_librarys_settings_and_follows_the_sliders(shades, tmp_path):
    with Library.open(tmp_path / "library") as library:
        library.tune(bits=6, tables=8, probes=33, hits=2)
    page = on_compare(shades.run())
    assert (
        page.code[0].value
        == f"simsearch tune --library {tmp_path / 'library'} --bits 6 --tables 8 --probes 33 --hits 2"
    )
    assert [metric.label for metric in page.metric] == ["Expected recall", "Expected share scanned"]
    before = [float(metric.value.rstrip("%")) for metric in page.metric]
    assert before[0] > before[1]
    slider(page, "Probes").set_value(200)
    page.run()
    after = [float(metric.value.rstrip("%")) for metric in page.metric]
    assert after > before
    slider(page, "Tables").set_value(1)
    page.run()
    assert (
        page.code[0].value
        == f"simsearch tune --library {tmp_path / 'library'} --bits 6 --tables 1 --probes 64 --hits 1"
    )  # all there are
    assert not page.exception


def test_what_the_curves_are_is_said_beside_the_chart_and_not_in_it(shades):
    """A chart's own legends and a long title do not fit a phone."""
    page = on_compare(shades.run())
    [key] = markup(page, 'class="chart-key"')
    said = ["the 15 nearest of a photo", "any others", "these settings", "the library's own"]
    assert [one for one in re.findall(r"</i>(.*?)</span>", key)] == said
    [chart] = page.get("vega_lite_chart")
    areas, lines = json.loads(chart.proto.spec)["layer"]
    assert areas["encoding"]["color"]["legend"] is None
    assert all(lines["encoding"][name]["legend"] is None for name in ("color", "strokeDash", "strokeWidth"))
    assert areas["encoding"]["x"]["title"] == ["Cosine of two photos", "seen from the mean of all"]


def test_moving_a_slider_compares_and_samples_nothing_again(shades, monkeypatch):
    page = press(on_compare(shades.run()), "Random photo")
    monkeypatch.setattr(Library, "compare", None)
    monkeypatch.setattr(Library, "lsh_similarities", None)
    monkeypatch.setattr(Library, "lsh_curve", lambda library, *settings: [(-0.2, 0.0), (1.0, 1.0)])
    slider(page, "Bits").set_value(3)
    page.run()
    assert not page.exception and len(markup(page, "Recall against exact")) == 3
    monkeypatch.setattr(Library, "lsh_curve", None)  # known by now
    page.run()
    assert not page.exception


def test_tuning_is_told_and_the_sliders_follow(shades, tmp_path):
    page = on_compare(shades.run())
    slider(page, "Share of the true nearest to find").set_value(0.8)
    press(page, "Tune")
    [told] = page.success
    assert "of the true nearest of 80 photos, scanning" in told.value
    with Library.open(tmp_path / "library") as library:
        tuned = library.status()["lsh"]
    assert tuned["recall"] >= 0.8
    assert f"--bits {tuned['settings']['bits']} " in page.code[0].value


def test_a_server_that_fails_is_one_sentence(filled, monkeypatch):
    page = on_compare(filled)

    def failing(library, *_):
        raise StorageError("redis://nowhere", "cannot be reached", "start it")

    monkeypatch.setattr(Library, "tune", failing)
    press(page, "Tune")
    assert "cannot be reached" in page.error[0].value.replace("\\", "")
    monkeypatch.setattr(Library, "compare", failing)
    ask(page, *png((255, 40, 0)))
    assert "cannot be reached" in page.error[0].value.replace("\\", "")


def test_a_file_that_is_no_picture_spares_the_rest_of_the_comparison(filled):
    page = ask(on_compare(filled), "holiday.jpg", b"this is text", "image/jpeg")
    [error] = page.error
    assert "not a picture" in error.value.replace("\\", "")
    assert page.metric and not markup(page, 'class="pictures"')


# What is kept of a visit


def test_dropped_pictures_are_kept_as_long_as_there_is_room():
    kept = Dropped(most=25)
    first, second = kept.keep(b"a" * 10), kept.keep(b"b" * 10)
    assert first == kept.keep(b"a" * 10) != second and kept.picture(first) == b"a" * 10
    third = kept.keep(b"c" * 10)
    assert kept.picture(second) is None, "not used for longest"
    assert kept.picture(first) and kept.picture(third) and kept.picture("../x") is None
    large = kept.keep(b"d" * 100)
    assert kept.picture(large) and kept.picture(first) is None and kept.picture(third) is None


def test_likes_are_kept_of_the_last_questions(monkeypatch, toy_library, album):
    paint(album / "red.png", (200, 0, 0))
    toy_library.sync(album)
    [hit] = toy_library.named("red")
    monkeypatch.setattr("streamlit.session_state", {})
    for question in range(20):
        taste.turn_to(question)
        assert taste.current() == taste.Taste()
        taste.note(hit, liked=True)
    liked = []
    for question in range(20):
        taste.turn_to(question)
        liked.append(bool(taste.current().liked))
    assert liked == [False] * 8 + [True] * 12
