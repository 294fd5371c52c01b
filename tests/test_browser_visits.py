"""Visits in a real browser: each way to ask, to keep what was found and to come back, by whoever is there."""

import csv
import io
import re
import shutil
import struct
import threading
import zipfile
import zlib
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from PIL import Image

from simsearch import Library, demo
from tests.browser import at_rest, awaited, cards, names, upload
from tests.serving import started

pytestmark = [pytest.mark.browser, pytest.mark.network]
KINDS = ("espresso cups", "wall clocks", "sunflowers", "butterflies")
EACH = 14
MARKUP = "<img src=x onerror=alert(1)>.jpg"
CAMERAS = (("Google", "Pixel 8"), ("Canon", "EOS R6"))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Four kinds of the demo gallery, by two cameras in two years, and a photo whose name is markup."""
    folder = tmp_path_factory.mktemp("visits")
    for place, kind in enumerate(KINDS):
        (folder / "photos" / kind).mkdir(parents=True)
        for seed in range(EACH):
            exif = Image.Exif()
            exif[0x010F], exif[0x0110] = CAMERAS[seed % 2]
            exif[0x0132] = f"{2022 + place // 2}:05:{seed + 1:02} 12:00:00"
            path = folder / "photos" / kind / f"{kind} {seed}.jpg"
            demo.draw_picture(kind, seed).save(path, exif=exif)
    demo.draw_picture("bookshelves", 1).save(folder / "photos" / MARKUP)
    with Library.open(folder / "library") as library:
        library.sync(folder / "photos")
    return folder / "library"


@pytest.fixture(scope="module")
def server(library):
    with started(library) as server:
        yield server


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    """A picture of each kind that is not in the library."""
    folder = tmp_path_factory.mktemp("unseen")
    for kind in KINDS:
        demo.draw_picture(kind, 1000).save(folder / f"{kind}.jpg")
    return folder


@pytest.fixture
def visit(chromium, server):
    """Begin a visit; at the end of each, nothing has been fetched from elsewhere and nothing went wrong."""
    contexts: list[Any] = []
    troubles: list[str] = []

    def note(trouble, is_one=True):
        if is_one:
            troubles.append(trouble)

    def watch(page):
        page.set_default_timeout(60_000)
        page.on("console", lambda said: note(said.text, said.type == "error"))
        page.on("pageerror", lambda error: note(str(error)))
        page.on("dialog", lambda dialog: (note(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: note(request.url, not is_here(request.url)))
        page.on("websocket", lambda socket: note(socket.url, not is_here(socket.url)))

    def begin(address="", size=(1400, 1000), **options):
        width, height = size
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.on("page", watch)
        contexts.append(context)
        page = context.new_page()
        page.goto(server[0] + address)
        page.wait_for_selector("input[type=file]", state="attached")
        return page

    yield begin
    for context in contexts:
        for page in context.pages:
            note(text := page.inner_text("body"), "Traceback" in text)
        context.close()
    assert troubles == []


def is_here(url):
    return urlsplit(url).hostname == "127.0.0.1" or url.startswith(("data:", "blob:"))


def found(page, kind, first=2):
    """Wait until the first hits are of a kind."""
    for place in range(1, first + 1):
        page.wait_for_selector(f":nth-match(.facts:has(.score), {place}):has-text('{kind}')")
    return at_rest(page)


def asked_for(page):
    return {name: value for name, [value] in parse_qs(urlsplit(page.url).query).items()}


# Ways to ask


def test_a_picture_is_pasted_from_the_clipboard(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    picture = io.BytesIO()
    demo.draw_picture("wall clocks", 1000).resize((300, 300)).save(picture, "PNG")
    page.evaluate(
        """async (bytes) => {
            const picture = new Blob([new Uint8Array(bytes)], { type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
        }""",
        list(picture.getvalue()),
    )
    at_rest(page)
    page.keyboard.press("Control+v")
    found(page, "wall clocks")


def test_a_picture_is_dropped_anywhere(visit, unseen):
    page = visit()
    page.wait_for_selector(".card img.there")
    at_rest(page)
    files = page.evaluate_handle(
        """(bytes) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(bytes)], "<b>dropped.jpg", { type: "image/jpeg" }));
            return files;
        }""",
        list((unseen / "sunflowers.jpg").read_bytes()),
    )
    page.dispatch_event("h3", "dragover", {"dataTransfer": files})
    page.wait_for_selector("body.simsearch-over", state="attached")
    page.dispatch_event("h3", "drop", {"dataTransfer": files})
    found(page, "sunflowers", 1)
    page.wait_for_selector("body:not(.simsearch-over)", state="attached")


def test_a_picture_is_taken_with_the_camera(visit):
    """Of the browser's stand-in for one, which shows a green field with a clock: it is like nothing here."""
    page = visit(permissions=["camera"])
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("document.querySelector('[data-testid=stCameraInput] video')?.readyState > 2")
    page.get_by_role("button", name="Take a picture").click()
    page.wait_for_url("**picture=**")
    page.wait_for_selector("text=/ ms: decode /")
    shown = page.wait_for_selector(".st-key-query [data-testid=stImage] img")
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


def test_a_random_photo_and_one_by_its_name_are_asked_with(visit):
    page = visit()
    page.get_by_role("button", name="Random photo").click()
    page.wait_for_selector("text=/^More like /")
    assert int(asked_for(page)["like"]) > 0
    page.goto(page.url.split("?")[0])
    page.get_by_label("Or start from one of yours").fill("wall clocks 7")
    page.keyboard.press("Enter")
    awaited(page, ".card", 1)
    page.locator(".card .open").click()
    page.wait_for_selector("text='More like wall clocks 7.jpg'")
    page.wait_for_selector("text=/ ms: decode /")


# What is asked stays


def test_queries_are_gone_back_to_by_the_browser_and_by_their_pictures(visit, unseen):
    page = visit()
    for kind in KINDS[:2]:
        upload(page, unseen / f"{kind}.jpg")
        found(page, kind)
    second = page.url
    page.get_by_role("button", name=re.compile("^More like ")).first.click()
    page.wait_for_selector("text=/^More like wall clocks/")
    page.go_back()
    page.wait_for_selector("text=/^More like /", state="detached")
    assert page.url == second
    page.go_back()
    found(page, KINDS[0])
    page.go_forward()
    found(page, KINDS[1])
    page.wait_for_selector("text=Asked before")
    awaited(page, "[class*=st-key-step-] button", 3)
    page.get_by_role("button", name="Back to the dropped picture").first.click()
    found(page, KINDS[0])
    page.reload()
    found(page, KINDS[0])


def test_filters_are_in_the_address_and_are_taken_back(visit, unseen):
    page = visit()
    upload(page, unseen / "wall clocks.jpg")
    whole = found(page, "wall clocks")
    page.get_by_role("button", name="Filters").click()
    for label, choice in (("Kind", "wall clocks"), ("Camera", "Canon EOS R6")):
        page.get_by_role("combobox", name=label).click()
        page.get_by_role("option", name=choice).click()
        page.wait_for_selector(f"[class*=st-key-filtered-] >> text={choice}")
    page.keyboard.press("Escape")
    page.wait_for_selector(f"text={left(EACH // 2)}")
    narrowed = found(page, "wall clocks", 1)
    assert narrowed != whole and asked_for(page)["camera"] == "Canon EOS R6"

    other = visit(urlsplit(page.url)._replace(scheme="", netloc="").geturl())  # a bookmark
    other.wait_for_selector(f"text={left(EACH // 2)}")
    assert found(other, "wall clocks", 1) == narrowed
    other.get_by_role("button", name="Clear all").click()
    other.wait_for_selector("text=/photos are left/", state="detached")
    assert found(other, "wall clocks") == whole and [*asked_for(other)] == ["picture"]
    other.go_back()
    other.wait_for_selector(f"text={left(EACH // 2)}")
    assert found(other, "wall clocks", 1) == narrowed
    other.get_by_role("button", name="Canon EOS R6").click()
    other.wait_for_selector(f"text={left(EACH)}")

    page.get_by_role("button", name="Canon EOS R6").click()  # where it was chosen, in fields now put away
    page.wait_for_selector(f"text={left(EACH)}")
    page.get_by_text("Search with a part of it").click()
    page.wait_for_selector("text=Draw a box around what matters")
    at_rest(page)
    assert page.is_visible(f"text={left(EACH)}") and [*asked_for(page)] == ["kind", "picture"]


def left(count):
    return f"{count} of {len(KINDS) * EACH + 1} photos are left"


def test_more_are_shown_without_another_search(visit, unseen):
    """What took time stays as it was, and no picture that is shown comes a second time."""
    page = visit()
    frames: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    page.reload()
    page.wait_for_selector(".card img.there")
    upload(page, unseen / "butterflies.jpg")
    found(page, "butterflies")
    page.click("text=Show them")
    page.wait_for_selector(".faint .card img.there")
    before = at_rest(page)
    searched = page.inner_text("text=/ ms: decode /").partition(": ")[2].rpartition(", ")[0]
    frames.clear()
    page.get_by_role("button", name="Show 15 more").click()
    page.wait_for_function("document.location.search.includes('k=30')")
    awaited(page, ".facts .score", len(before) + 15)
    assert at_rest(page)[: len(before)] == before
    assert page.inner_text("text=/ ms: decode /").partition(": ")[2].rpartition(", ")[0] == searched
    assert sum(frame.count(b"data:image/jpeg") for frame in frames) <= 15


# What is done with hits


def test_selected_hits_are_taken_along(visit, unseen, library, tmp_path):
    page = visit(accept_downloads=True)
    upload(page, unseen / "espresso cups.jpg")
    found(page, "espresso cups")
    chosen = [name for name in names(page)[:3]]
    for name in chosen:
        page.get_by_role("button", name=f"Select {name}", exact=True).click()
    page.wait_for_selector("text=3 selected")
    at_rest(page)
    taken = {}
    for label in ("Photos (ZIP", "List (CSV)", "Contact sheet (PDF)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        taken[label] = tmp_path / download.value.suggested_filename
        download.value.save_as(taken[label])
    archive, table, sheet = taken.values()
    folder = library.parent / "photos" / "espresso cups"
    with zipfile.ZipFile(archive) as photos:
        assert photos.testzip() is None and sorted(photos.namelist()) == sorted(chosen)
        assert all(photos.read(name) == (folder / name).read_bytes() for name in chosen)
    rows = list(csv.reader(io.StringIO(table.read_text("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == [str(folder / name) for name in chosen]
    assert sheet.read_bytes().startswith(b"%PDF") and sheet.stat().st_size > 10_000
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(ROWS_OF_THE_BAR)
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_selector("text=3 selected", state="detached")


# Of what floats over the hits, on a phone: what is selected and Clear in one, the downloads in the other.
ROWS_OF_THE_BAR = """() => {
    const top = (one) => Math.round(one.getBoundingClientRect().top);
    const [selected, ...downloads] = [...document.querySelectorAll('.st-key-taking p')].map(top);
    const clear = downloads.pop();
    const near = (one, other) => Math.abs(one - other) < 10;
    const [first, second, third] = downloads;
    return near(selected, clear) && near(first, second) && near(first, third);
}"""


def test_a_search_with_nothing_but_the_keys(visit, unseen):
    page = visit()
    page.wait_for_selector(".card img.there")
    at_rest(page)
    with page.expect_file_chooser() as chooser:
        to(page, "document.activeElement.closest('.st-key-drop')")
        page.keyboard.press("Enter")
    chooser.value.set_files(str(unseen / "butterflies.jpg"))
    found(page, "butterflies")
    to(page, "document.activeElement.shadowRoot?.activeElement?.matches('.open')")
    page.keyboard.press("ArrowRight")
    second = page.locator(".card:focus-within .name").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector(f".opened-name >> text='{second}'")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[role=dialog] >> text=/^3 of /")
    page.keyboard.press("Escape")
    page.wait_for_selector("[role=dialog]", state="detached")
    page.wait_for_selector(".card .open:focus", state="attached")
    page.keyboard.press("l")
    page.wait_for_selector(".st-key-taste >> text=More like")


def to(page, there):
    """Press Tab until the focus is where it is wanted."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(f"Boolean({there})"):
            return
    raise AssertionError("the keyboard does not get there")


# Whoever comes


def test_two_visitors_do_not_get_in_each_others_way(visit, unseen):
    one, other = visit(), visit()
    for page, kind in ((one, KINDS[0]), (other, KINDS[1])):
        upload(page, unseen / f"{kind}.jpg")
    found(one, KINDS[0])
    before = found(other, KINDS[1])
    one.get_by_role("button", name=re.compile("^Like ")).nth(3).click()
    one.wait_for_selector(".st-key-taste >> text=More like")
    other.get_by_role("button", name=re.compile("^Select ")).first.click()
    other.wait_for_selector("text=1 selected")
    assert at_rest(other) == before and not other.is_visible("[class*=st-key-tasted-]")
    assert all(KINDS[0] in card for card in at_rest(one)[:5]) and not one.is_visible("text=1 selected")
    awaited(one, ".card.selected", 0)


def test_the_page_speaks_german_to_those_who_read_it(visit, unseen):
    page = visit(locale="de-DE")
    page.wait_for_selector(f"text={len(KINDS) * EACH + 1} Fotos sind bereit")
    upload(page, unseen / "wall clocks.jpg")
    found(page, "wall clocks")
    page.wait_for_selector("text=/ weitere, wohl ohne Bezug/")
    assert re.search(r"0,\d\d", cards(page, len(at_rest(page)))[0])
    assert not re.search(r"More like|Show |near-identical|Filters", page.inner_text("body"))
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("combobox", name="Kamera").fill("zzz")
    page.wait_for_selector("text=Nichts gefunden")
    labels = page.evaluate(LABELS)
    assert {"Zum Inhalt springen", "Seiten", "Öffnen"} <= {*labels}
    assert not [label for label in labels if re.search(r"Help for|Fullscreen|Open|Choose|Skip|pages", label)]
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Bibliothek").click()
    page.wait_for_selector("text=Nach Änderungen sehen")
    page.get_by_label("Ordner mit Fotos hinzufügen").fill("~")
    page.wait_for_selector("text=Mit Enter absenden")


# What is read out of what Streamlit shows, and the text of the link for those who hear the page.
LABELS = """[
    ...[...document.querySelectorAll('[aria-label]')].map((one) => one.ariaLabel),
    ...[...document.querySelectorAll('[placeholder]')].map((one) => one.placeholder),
    document.querySelector('[data-testid=stSkipToContent]').textContent,
]"""


# What is handed over to do harm


def test_two_hundred_megapixels_are_refused_before_they_are_decoded(visit, server, tmp_path):
    (tmp_path / "bomb.png").write_bytes(white_png(20_000, 10_000))
    assert (tmp_path / "bomb.png").stat().st_size < 1e6
    page = visit()
    page.wait_for_selector(".card img.there")
    at_rest(page)
    with watched(server[1].pid) as sizes:
        upload(page, tmp_path / "bomb.png")
        page.wait_for_selector("[data-testid=stAlert] >> text=/200,000,000 pixels.*150,000,000/")
        at_rest(page)
    assert max(sizes) - sizes[0] < 100e6  # decoded it takes twice that at the least
    assert len(page.query_selector_all("[data-testid=stAlert]")) == 1


def white_png(width, height):
    """A PNG of a bit a pixel, of many that are alike."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * (-(-width // 8))) * height, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@contextmanager
def watched(pid):
    """The memory that a process takes, in bytes, fifty times a second."""
    process, end = psutil.Process(pid), threading.Event()
    sizes = [process.memory_info().rss]

    def look():
        while not end.wait(0.02):
            sizes.append(process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield sizes
    finally:
        end.set()
        looking.join()


def test_a_file_named_as_markup_is_text_wherever_it_is_shown(visit, tmp_path):
    """As what is uploaded, and as what is found, selected, opened, asked with and liked."""
    demo.draw_picture("bookshelves", 1).save(tmp_path / MARKUP)
    page = visit()
    upload(page, tmp_path / MARKUP)
    page.wait_for_selector(f":nth-match(.facts:has(.score), 1):has-text('{MARKUP}')")
    at_rest(page)
    page.get_by_role("button", name=f"Select {MARKUP}", exact=True).click()
    page.wait_for_selector("text=1 selected")
    page.locator(".card .open").first.click()
    page.wait_for_selector(f".opened-name:has-text('{MARKUP}')")
    at_rest(page)
    page.get_by_role("dialog").get_by_role("button", name="Like", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Like", exact=True).and_(
        page.locator("[kind=primary], [data-testid=stBaseButton-primary]")
    ).wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Take back {MARKUP}").wait_for()
    page.goto(page.url.split("?")[0])
    page.get_by_label("Or start from one of yours").fill("onerror")
    page.keyboard.press("Enter")
    awaited(page, ".card", 1)
    page.locator(".card .open").click()
    page.wait_for_selector(f"text='More like {MARKUP}'")
    assert page.locator("img[src='x']").count() == 0


# A whole collection, from the first visit on


@pytest.mark.parametrize("count", [60, pytest.param(2_048, marks=pytest.mark.slow)])
def test_real_photos_are_indexed_from_the_page_and_found(chromium, real_photos, tmp_path, count):
    """From the welcome to a hit, with a picture cut out of one of them."""
    photos = sorted((real_photos / "caltech40").rglob("*.jpg"))
    chosen = photos[:: len(photos) // count][:count]
    if count < len(photos):
        for number, path in enumerate(chosen):
            folder = tmp_path / "photos" / path.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / f"{number}.jpg")
    sought = chosen[count // 2]
    part = Image.open(sought).convert("RGB")
    width, height = part.size
    part.crop((width // 10, height // 10, width, height)).save(tmp_path / "part.png")
    with started(tmp_path / "library") as (address, _):
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)
        folder = tmp_path / "photos" if count < len(photos) else real_photos / "caltech40"
        page.get_by_label("The folder with your photos").fill(str(folder))
        page.get_by_role("button", name="Index it").click()
        page.wait_for_selector(".card img.there")  # the first ones
        page.goto(f"{address}/library")
        page.wait_for_selector(f"text=/{count:,} added/", timeout=600_000)
        page.goto(address)
        page.wait_for_selector(f"text={count:,} photos are ready")
        upload(page, tmp_path / "part.png")
        name = sought.name if count == len(photos) else f"{count // 2}.jpg"
        page.wait_for_selector(f":nth-match(.facts:has(.score), 1):has-text('{name}')")
        page.close()
