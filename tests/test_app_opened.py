"""A hit that is opened on the page, hits that are taken elsewhere, and the file manager."""

import io
import stat
import sys
from dataclasses import replace
from types import SimpleNamespace
from zipfile import ZipFile

import pytest

from simsearch import Library, PhotoError, SimsearchError, why
from tests.conftest import paint

pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest  # noqa: E402

from simsearch.ui import opened, reveal, taking, words  # noqa: E402
from tests.test_app import markup, press  # noqa: E402

ODD = "<img src=x onerror=alert(1)>.png"
NAMES = {
    ODD: (200, 0, 0),
    "**bold** $x$ :red[a].png": (200, 90, 0),
    "blue.png": (0, 0, 200),
}


def script():
    import streamlit as st

    from simsearch import Library
    from simsearch.ui import opened
    from simsearch.ui.asked import Asked

    library = st.cache_resource(lambda: Library.open())()
    query = next(hit for hit in map(library.photo, library.paths()) if hit.path.name == "query.png")
    hits = library.search(query, 9)
    st.session_state.setdefault("opened-place", 0)
    opened._show(library, hits, Asked(query, None, hits, False, {}))


@pytest.fixture
def shown(page, tmp_path, album):
    """The inside of the dialog, whose first hit was searched with the photo below "query"."""
    with Library.open(tmp_path / "library") as library:
        paint(album / "query" / "query.png", (200, 10, 0))
        library.sync(album)
        for name, colour in NAMES.items():
            paint(album / name, colour, (1_200, 900))
        library.sync(album)
    return AppTest.from_function(script, default_timeout=30).run()


def labels(page):
    return [button.label for button in page.button]


def test_a_hit_is_shown_large_with_its_facts_as_text(shown, album):
    assert not shown.exception
    [picture] = markup(shown, "<img")
    assert 'alt="&lt;img src=x onerror=alert(1)&gt;.png" width="1200" height="900"' in picture
    [name] = markup(shown, '"opened-name"')
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in name and "from 20 photos on" in name
    [facts] = markup(shown, '"opened-facts"')
    assert f"<dt>Folder</dt><dd>{album}</dd>" in facts
    assert "1200 × 900 pixels (1.1 MP)" in facts and " kB" in facts
    assert not any("http" in block.proto.body for block in shown.get("html"))


def test_hits_are_leafed_through(shown):
    assert shown.button(key="opened-left").disabled
    press(shown, "Next")
    assert "**bold** $x$ :red[a].png" in markup(shown, '"opened-name"')[0]
    press(shown, "Next")
    assert "blue.png" in markup(shown, '"opened-name"')[0] and shown.button(key="opened-right").disabled
    press(shown, "Previous")
    assert any(text.value == "2 of 3" for text in shown.markdown)


def test_what_is_alike_is_worked_out_only_when_asked_for(shown, monkeypatch):
    asked = []
    explain = Library.why

    def noting(library, query, hit, **options):
        asked.append(hit.path.name)
        return explain(library, query, hit, **options)._replace(note=why.NOTE)

    monkeypatch.setattr(Library, "why", noting)
    press(shown, "Next")
    assert not asked
    for _ in range(2):
        press(shown, "Show what is alike")
        assert len(asked) == 1 and "What you asked with" in markup(shown, '"opened-alike"')[-1]
        assert shown.info[0].value == why.NOTE
        press(shown, "Show the photo")
    assert markup(shown, 'width="1200"')


def test_what_cannot_be_shown_is_one_sentence(shown, monkeypatch):
    def failing(*_, **__):
        raise PhotoError("red.png", "gone")

    monkeypatch.setattr(Library, "why", failing)
    press(shown, "Show what is alike")
    assert shown.error[0].value.replace("\\", "") == "red.png: gone; try another picture."
    assert "Next" in labels(shown)


def test_a_photo_whose_file_is_away_is_shown_from_its_thumbnail(shown, album):
    (album / ODD).unlink()
    shown.run()
    assert not shown.exception and 'width="400"' in markup(shown, "<img")[0]
    assert any("this is its thumbnail" in caption.value for caption in shown.caption)
    assert "Open folder" not in labels(shown)


def tasted(page):
    [taste] = page.session_state["tastes"].values()
    return taste


def test_a_like_is_shown_and_taken_back_by_a_second_press(shown):
    press(shown, "Like")
    assert [hit.path.name[:4] for hit in tasted(shown).liked] == ["<img"]
    press(shown, "Dislike")
    assert not tasted(shown).liked and len(tasted(shown).disliked) == 1
    press(shown, "Dislike")
    assert not any(tasted(shown))


def test_more_like_this_makes_it_the_query(shown, tmp_path):
    press(shown, "Next")
    press(shown, "More like this")
    with Library.open(tmp_path / "library") as library:
        photo = library.photo(int(shown.query_params["like"]))
    assert photo.path.name.startswith("**bold**")


@pytest.mark.parametrize(
    ("beats", "said"),
    [(0.5, "than 50% of"), (0.995, "than 99.5% of"), (0.9995, "than 99.95% of"), (None, "meaning")],
)
def test_it_is_said_what_a_score_means(toy_library, album, beats, said):
    paint(album / "a.png", "red")
    toy_library.sync(album)
    hit = replace(toy_library.photo(1), trust="same kind", beats=beats, copies=())
    text = opened._said(hit)
    assert "<b>same kind</b>" in text and "Both are nearest to the same photos" in text
    assert (said in text) == (beats is not None)


def test_place_time_and_size_are_said_in_the_visitors_language(toy_library, album, monkeypatch):
    exif_time = "2019:07:21 16:05:09"
    from PIL import Image

    exif = Image.Exif()
    exif[0x0132] = exif_time
    paint(album / "a.jpg", "red", exif=exif)
    toy_library.sync(album)
    hit = replace(toy_library.photo(1), latitude=-52.5, longitude=13.25, camera="<b>Cam")
    told = dict(opened._told(toy_library, hit))
    assert told["Taken"] == "21 July 2019, 16:05" and told["Place"] == "52.5000° S, 13.2500° E"
    assert "<dd>&lt;b&gt;Cam</dd>" in opened._facts(toy_library, hit)
    monkeypatch.setattr(words, "is_german", lambda: True)
    told = dict(opened._told(toy_library, hit))
    assert told["Aufgenommen"] == "21. Juli 2019, 16:05" and told["Ort"] == "52,5000° S, 13,2500° O"


def test_copies_folded_into_a_hit_are_shown(toy_library, album):
    for name in ("a.png", "b.png"):
        paint(album / name, "red")
    toy_library.sync(album)
    hit = replace(toy_library.photo(album / "a.png"), copies=(album / "b.png", album / "<gone>.png"))
    there, gone = opened._figures(toy_library, hit)
    assert '<img src="data:image/jpeg' in there and "b.png</figcaption>" in there
    assert "<img" not in gone and "&lt;gone&gt;.png</figcaption>" in gone


# The file manager


@pytest.fixture
def desktop(monkeypatch, tmp_path):
    """A desktop whose programs note what they are called with; those that fail are named in FAIL."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("xdg-open", "dbus-send"):
        program = programs / name
        program.write_text(
            f"#!{sys.executable}\nimport os, sys\n"
            f"open({str(tmp_path / 'calls')!r}, 'a').write(repr(['{name}', *sys.argv[1:]]) + '\\n')\n"
            f"sys.exit('{name}' in os.environ.get('FAIL', ''))\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("DISPLAY", ":9")
    return lambda: [eval(line) for line in (tmp_path / "calls").read_text().splitlines()]


@pytest.fixture
def photo(toy_library, album):
    path = paint(album / "--help, 'é' & $(touch x).png", "red")
    toy_library.sync(album)
    return toy_library.photo(path)


def test_the_file_manager_marks_the_photo(desktop, toy_library, photo):
    reveal.show_in_folder(toy_library, photo)
    [call] = desktop()
    name = "--help%2C%20%27%C3%A9%27%20%26%20%24%28touch%20x%29.png"
    assert call[0] == "dbus-send" and call[-3] == "org.freedesktop.FileManager1.ShowItems"
    assert call[-2:] == [f"array:string:file://{photo.path.parent}/{name}", "string:"]


def test_without_such_a_file_manager_the_folder_is_opened(desktop, toy_library, photo, monkeypatch):
    monkeypatch.setenv("FAIL", "dbus-send")
    reveal.show_in_folder(toy_library, photo)
    assert desktop()[-1] == ["xdg-open", str(photo.path.parent)]


def test_a_photo_is_opened_by_its_whole_path(desktop, toy_library, photo):
    reveal.open_photo(toy_library, photo)
    assert desktop() == [["xdg-open", str(photo.path)]]


def test_what_does_not_open_is_one_sentence(desktop, toy_library, photo, monkeypatch):
    monkeypatch.setenv("FAIL", "dbus-send xdg-open")
    for do in (reveal.show_in_folder, reveal.open_photo):
        with pytest.raises(SimsearchError, match="nothing here could open it; copy its path"):
            do(toy_library, photo)


def test_only_photos_of_the_library_that_are_there_are_opened(desktop, toy_library, photo, tmp_path):
    elsewhere = replace(photo, path=paint(tmp_path / "secret.png", "black"))
    reveal.open_photo(toy_library, elsewhere)
    assert desktop() == [["xdg-open", str(photo.path)]]
    with pytest.raises(PhotoError, match="not in this library"):
        reveal.open_photo(toy_library, replace(photo, id=99))
    photo.path.unlink()
    with pytest.raises(SimsearchError, match="not there just now"):
        reveal.show_in_folder(toy_library, photo)
    assert len(desktop()) == 1


@pytest.mark.parametrize(
    ("address", "headers", "screen", "offered"),
    [
        (None, {}, ":0", True),
        ("127.0.0.1", {}, ":0", True),
        ("::1", {}, ":0", True),
        ("192.168.1.7", {}, ":0", False),
        ("nonsense", {}, ":0", False),
        (None, {"X-Forwarded-For": "203.0.113.9"}, ":0", False),
        (None, {}, "", False),
    ],
)
def test_it_is_offered_where_the_visitor_sits(desktop, monkeypatch, address, headers, screen, offered):
    context = SimpleNamespace(ip_address=address, headers=headers)
    monkeypatch.setattr("streamlit.context", context)
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert reveal.is_offered() is offered


def test_the_page_opens_the_folder(shown, desktop, monkeypatch, album):
    assert "Open folder" not in labels(shown)
    monkeypatch.setattr(reveal, "is_offered", lambda: True)
    press(shown, "Next")
    press(shown, "Open folder")
    assert desktop()[-1][-2].endswith("%3Ared%5Ba%5D.png")
    monkeypatch.setenv("FAIL", "dbus-send xdg-open")
    press(shown, "Open photo")
    assert "nothing here could open it" in shown.error[0].value.replace("\\", "")


# Taking hits elsewhere


def take():
    import streamlit as st

    from simsearch import Library
    from simsearch.ui import taking

    library = st.cache_resource(lambda: Library.open())()
    selected = [library.photo(path) for path in st.session_state["chosen"]]
    in_sight = {library.photo(path).id for path in st.session_state["in_sight"]}
    taking.show(library, selected, lambda: st.session_state.update(chosen=[]), shown=in_sight)


def taken(shown, album, *names, in_sight=None):
    page = AppTest.from_function(take, default_timeout=30)
    page.session_state["chosen"] = [album / name for name in names]
    page.session_state["in_sight"] = [album / name for name in (names if in_sight is None else in_sight)]
    return page.run()


def downloads(page):
    return {button.label: button.disabled for button in page.get("download_button")}


def test_selected_hits_can_be_taken_and_cleared(shown, album):
    page = taken(shown, album, "blue.png", ODD)
    assert not page.exception and page.markdown[0].value == "**2 selected**"
    zipped, *others = downloads(page)
    assert zipped.startswith("Photos (ZIP, ") and others == ["List (CSV)", "Contact sheet (PDF)"]
    press(page, "Clear")
    assert not page.markdown and not page.get("download_button")


@pytest.mark.parametrize(
    ("in_sight", "said"),
    [
        (["blue.png"], "2 selected, 1 not shown"),
        ([], "2 selected, not shown"),
        (["blue.png", ODD], "2 selected"),
    ],
)
def test_it_is_said_how_many_of_the_selected_are_not_in_sight(shown, album, in_sight, said):
    page = taken(shown, album, "blue.png", ODD, in_sight=in_sight)
    assert page.markdown[0].value == f"**{said}**"


def test_what_is_away_is_said_to_be_left_out(shown, album):
    (album / ODD).unlink()
    page = taken(shown, album, "blue.png", ODD)
    assert page.caption[0].value == "1 is not there just now, and will not be among the photos."
    page = taken(shown, album, ODD)
    assert [*downloads(page).values()] == [True, False, False]


def test_too_much_for_a_download_is_refused_with_a_way_out(shown, album, monkeypatch):
    monkeypatch.setattr(Library, "bytes_of", lambda *_: 3_200_000_000)
    page = taken(shown, album, "blue.png")
    assert [*downloads(page).values()] == [True, False, False]
    assert page.caption[0].value.startswith("3.2 GB are too much for one download, which may have 1.0 GB")


def test_what_was_forgotten_is_selected_no_more(toy_library, album):
    photos = [toy_library.photo(path) for path in indexed(toy_library, album)]
    toy_library.forget(photos[0].path)
    assert taking._known(toy_library, photos) == photos[1:]


def indexed(library, album):
    paths = [paint(album / f"{name}.png", "red") for name in ("a", "b")]
    library.sync(album)
    return paths


def test_what_is_downloaded_is_what_was_selected(toy_library, album):
    photos = [toy_library.photo(path) for path in indexed(toy_library, album)]
    assert ZipFile(io.BytesIO(taking._as_zip(toy_library, photos))).namelist() == ["a.png", "b.png"]
    assert taking._as_csv(toy_library, photos).count(b"\n") == 3
    assert taking._as_contact_sheet(toy_library, photos).startswith(b"%PDF")
