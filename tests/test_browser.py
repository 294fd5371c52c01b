"""The whole way in a real browser: upload an unseen picture, see its kind, ask for more like a hit."""

import os
import re
import shutil

import pytest
from PIL import Image

from simsearch import Library, demo
from tests.browser import at_rest, awaited, cards, names, upload
from tests.conftest import paint
from tests.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.network]
KIND = "espresso cups"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Three kinds of the demo gallery, and a photo whose name is markup: too few to tell what scores mean."""
    folder = tmp_path_factory.mktemp("browser")
    for kind in (KIND, "wall clocks", "sunflowers"):
        for seed in range(1, 7):
            path = folder / "photos" / kind / f"{seed}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            demo.draw_picture(kind, seed).save(path)
    paint(folder / "photos" / "odd" / "<img src=x onerror=alert(1)>.png", (120, 130, 140), (300, 200))
    with Library.open(folder / "library") as library:
        library.sync(folder / "photos")
    return folder / "library"


@pytest.fixture(scope="module")
def address(library):
    with served(library) as address:
        yield address


@pytest.fixture
def page(chromium, address):
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.alerts = []
    page.on("dialog", lambda dialog: (page.alerts.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    page.wait_for_selector("input[type=file]", state="attached")
    yield page
    page.close()


def test_in_a_frame_of_another_page_there_is_no_page(chromium, address):
    around = chromium.new_page()
    around.set_content(f'<iframe src="{address}" width="800" height="600"></iframe>')
    frame = around.frame_locator("iframe")
    frame.locator("html:not(:has(*))").wait_for(state="attached", timeout=60_000)
    around.close()


def test_an_unseen_picture_shows_its_kind_in_the_first_row(page, tmp_path):
    demo.draw_picture(KIND, 1000).save(tmp_path / "unseen.jpg")
    upload(page, tmp_path / "unseen.jpg")
    assert all(KIND in card for card in cards(page, 15)[:3])
    awaited(page, ".card img.there", 15)
    assert re.search(r"\d+ ms: decode \d+, encode \d+, search \d+, thumbnails \d+", page.inner_text("body"))
    # The query and the first row are in view without scrolling.
    tops = [image.bounding_box()["y"] for image in page.query_selector_all(".card img")[:3]]
    assert max(tops) < 500


def test_more_like_this_and_back(page, tmp_path):
    demo.draw_picture("wall clocks", 1000).save(tmp_path / "unseen.jpg")
    upload(page, tmp_path / "unseen.jpg")
    cards(page, 15)
    first = names(page)[0]
    page.get_by_role("button", name=re.compile("^More like ")).first.click()
    page.wait_for_selector(f"text=/^More like {re.escape(first)}/")
    assert all("wall clocks" in card for card in cards(page, 15)[:3])
    bookmark = page.url
    assert "like=" in bookmark
    page.go_back()
    page.wait_for_selector(".st-key-query >> text=/^More like/", state="detached")
    assert at_rest(page) and names(page)[0] == first
    page.reload()  # another session, which still has the picture
    assert cards(page, 15) and names(page)[0] == first
    page.goto(bookmark)
    page.wait_for_selector(f"text=/^More like {re.escape(first)}/")
    assert all("wall clocks" in card for card in cards(page, 15)[:3])


@pytest.mark.parametrize("wide", [True, False])
def test_a_box_drawn_on_the_query_searches_with_what_is_in_it(chromium, address, tmp_path, wide):
    """The kind on the right is asked for by drawing around it, with the mouse and with a finger."""
    both = Image.new("RGB", (800, 400))
    both.paste(demo.draw_picture("wall clocks", 1000).resize((400, 400)), (0, 0))
    both.paste(demo.draw_picture("sunflowers", 1000).resize((400, 400)), (400, 0))
    both.save(tmp_path / "both.jpg")
    size = {"width": 1400, "height": 1000} if wide else {"width": 390, "height": 844}
    context = chromium.new_context(viewport=size, has_touch=not wide)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector("input[type=file]", state="attached")
    upload(page, tmp_path / "both.jpg")
    cards(page, 15)
    first = page.locator(".facts:has(.score)").first.get_attribute("title")
    page.click("text=Search with a part of it")
    page.wait_for_selector("text=Draw a box around what matters")
    chart = page.wait_for_selector("[data-testid=stVegaLiteChart] .marks")
    box = settled(page, chart)
    height = min(box["width"] / 2, box["height"])  # the picture is in the middle of the chart
    left, top = box["x"] + box["width"] / 2 - height, box["y"] + (box["height"] - height) / 2
    ways = [(left + 2 * height * x, top + height * y) for x, y in ((0.52, 0.04), (0.75, 0.5), (0.98, 0.96))]
    (drag if wide else swipe)(context, page, ways)
    page.wait_for_selector("text=Searching with what is in the box")
    first_are(page, "sunflowers")
    page.click("text=Search with a part of it")
    page.wait_for_selector("[data-testid=stVegaLiteChart]", state="detached")
    page.wait_for_selector(f':nth-match(.facts:has(.score), 1)[title="{first}"]')
    context.close()


def first_are(page, kind):
    for place in range(1, 6):
        page.wait_for_selector(f":nth-match(.facts:has(.score), {place}):has-text('{kind}')")


def settled(page, chart):
    """Where the chart is, once it has taken its width and is drawn again."""
    box = None
    while box != (box := chart.bounding_box()):
        page.wait_for_timeout(1000)
    return box


def drag(context, page, ways):
    page.mouse.move(*ways[0])
    page.mouse.down()
    for way in ways[1:]:
        page.mouse.move(*way, steps=5)
    page.mouse.up()


def swipe(context, page, ways):
    session = context.new_cdp_session(page)
    for kind, (x, y) in zip(["touchStart", "touchMove", "touchMove"], ways, strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(100)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_likes_are_taken_back_and_what_is_unrelated_is_shown(chromium, gallery_library, tmp_path):
    shutil.copytree(gallery_library, tmp_path / "library")
    with served(tmp_path / "library") as address:
        page = chromium.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_selector("input[type=file]", state="attached")
        paint(tmp_path / "nothing.png", (250, 90, 250), (300, 200))
        upload(page, tmp_path / "nothing.png")
        page.wait_for_selector("text=Nothing in your collection is similar")
        page.wait_for_selector("text=Unlike anything here.")
        nearest = cards(page, 4)
        page.click("text=Show them")
        assert cards(page, 4 + 15)[:4] == nearest
        demo.draw_picture("sunflowers", 1000).save(tmp_path / "unseen.jpg")
        upload(page, tmp_path / "unseen.jpg")
        page.wait_for_selector("text=/Looks like sunflowers/")
        page.wait_for_selector("text=Hide them", state="detached")
        related = at_rest(page)
        assert 0 < len(related) < 15
        assert all("sunflowers" in card and "same" in card for card in related)
        page.click("text=Show them")
        before = cards(page, 15 + len(related))
        for thumb, strip in {"Like": "More like", "Dislike": "Less like"}.items():
            page.get_by_role("button", name=re.compile(f"^{thumb} ")).nth(4).click()
            page.wait_for_selector(f".st-key-taste >> text={strip}")
        assert at_rest(page) != before
        for left in (1, 0):
            page.get_by_role("button", name=re.compile("^Take back ")).first.click()
            page.wait_for_function(f"document.querySelectorAll('[class*=st-key-tasted-]').length === {left}")
        assert at_rest(page) == before
        page.close()


def test_what_is_liked_is_saved_as_an_album_that_a_thumb_changes(chromium, gallery_library, tmp_path):
    shutil.copytree(gallery_library, tmp_path / "library")
    demo.draw_picture(KIND, 1000).save(tmp_path / "unseen.jpg")
    with served(tmp_path / "library") as address:
        page = chromium.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_selector("input[type=file]", state="attached")
        upload(page, tmp_path / "unseen.jpg")
        page.wait_for_selector("text=/Looks like/")
        page.get_by_role("button", name=re.compile("^Like ")).nth(1).click()
        page.wait_for_selector(".st-key-taste >> text=More like")
        page.get_by_role("button", name="Save as album").click()
        page.get_by_label("Name", exact=True).fill("<img src=x onerror=alert(1)> *cups*")
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_selector("[data-testid=stAlert] >> text=/^<img src=x.* .cups.: [0-9]+ photos$/")
        page.get_by_role("link", name="Albums").first.click()
        page.wait_for_url("**/albums")
        page.wait_for_function(
            "[...document.querySelectorAll('.cover img')]"
            ".filter(image => image.naturalWidth > 0).length === 4"
        )
        at_rest(page)
        page.wait_for_function(  # the whole card opens it, as soon as its style is there
            "() => { const box = document.querySelector('.cover').getBoundingClientRect();"
            " return document.elementFromPoint(box.x + 30, box.y + 30).tagName === 'BUTTON'; }"
        )
        page.get_by_role("button", name="*cups*").click()
        page.wait_for_selector("h3:has-text('<img src=x onerror=alert(1)> *cups*')")
        page.wait_for_selector(".facts .score")
        before = at_rest(page)
        assert len(before) >= 12 and all(KIND in card for card in before[:12])
        page.get_by_role("button", name=re.compile("^Dislike ")).nth(len(before) - 1).click()
        page.wait_for_selector("text=Less like")
        assert len(at_rest(page)) < len(before)
        page.get_by_role("button", name="Take back Less like 1").click()
        page.wait_for_selector("text=Less like", state="detached")
        assert at_rest(page) == before
        page.close()
    with Library.open(tmp_path / "library", create=False) as library:
        [album] = library.albums
        assert (album.likes, album.dislikes) == (2, 0)


def test_photos_stay_and_are_sent_once_whatever_is_selected(page, tmp_path):
    """Three are selected with the keys, faster than the page runs; nothing is drawn or sent again."""
    demo.draw_picture("wall clocks", 1000).save(tmp_path / "unseen.jpg")
    frames: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    page.reload()
    page.wait_for_selector(".card img.there")
    at_rest(page)
    start = set(page.locator(".card .facts").evaluate_all("all => all.map((one) => one.title)"))
    upload(page, tmp_path / "unseen.jpg")
    awaited(page, ".card img.there", 15)
    at_rest(page)
    found = set(page.locator(".card .facts").evaluate_all("all => all.map((one) => one.title)"))
    assert len(found) == 15
    assert sum(frame.count(b"data:image/jpeg") for frame in frames) == len(start | found)
    frames.clear()
    page.locator(".card").first.evaluate("node => { node.marked = true }")
    page.locator(".card .open").first.focus()
    for key in ("Space", "ArrowRight", "Space", "End", "Space", "Home"):
        page.keyboard.press(key)
    page.wait_for_selector("text=3 selected")
    awaited(page, ".card.selected", 3)
    at_rest(page)
    assert page.locator(".card").first.evaluate("node => node.marked && node.matches(':focus-within')")
    assert frames and not any(b"data:image/jpeg" in frame for frame in frames)
    page.keyboard.press("ArrowDown")
    below = page.locator(".card:focus-within .name").inner_text()
    assert below == names(page)[page.evaluate(PLACE_BELOW)]
    page.keyboard.press("m")
    page.wait_for_selector(f"text=/^More like {re.escape(below)}/")
    page.wait_for_selector("text=3 selected", state="detached")


# The first card of the second row.
PLACE_BELOW = """(() => {
    const host = [...document.querySelectorAll('*')].find((one) => one.shadowRoot?.querySelector('.card'));
    const tops = [...host.shadowRoot.querySelectorAll('.card')].map((one) => one.offsetTop);
    return tops.findIndex((top) => top > tops[0]);
})()"""


def test_a_hit_is_opened_leafed_through_and_explained(page, tmp_path):
    demo.draw_picture("wall clocks", 1000).save(tmp_path / "unseen.jpg")
    upload(page, tmp_path / "unseen.jpg")
    cards(page, 15)
    page.locator(".card .open").first.click()
    page.wait_for_function("document.querySelector('.st-key-opened-picture img')?.naturalWidth > 0")
    page.wait_for_selector("[role=dialog] >> text='1 of 15'")
    at_rest(page)
    for key, place in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        page.keyboard.press(key)
        page.wait_for_selector(f"[role=dialog] >> text='{place} of 15'")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy path").click()
    page.get_by_role("button", name="Copied").wait_for()
    path = page.evaluate("navigator.clipboard.readText()")
    assert path.endswith(page.inner_text(".opened-name")) and os.path.isfile(path)
    page.get_by_role("button", name="Show what is alike").click()
    page.wait_for_function(
        "[...document.querySelectorAll('.opened-alike img')]"
        ".filter(image => image.naturalWidth > 0 && image.alt).length === 2"
    )
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[role=dialog] >> text='3 of 15'")
    page.keyboard.press("Escape")
    page.wait_for_selector("[role=dialog]", state="detached")
    page.wait_for_selector(".card .open:focus", state="attached")
    assert page.alerts == []


def test_a_broken_file_is_one_sentence_and_no_stack_trace(page, tmp_path):
    (tmp_path / "holiday.jpg").write_text("this is text")
    upload(page, tmp_path / "holiday.jpg")
    page.wait_for_selector("text=not a picture, or of a kind not read here")
    assert "Traceback" not in page.inner_text("body")


def test_markup_in_a_file_name_is_shown_as_text(page, tmp_path):
    paint(tmp_path / "grey.png", (121, 130, 140), (300, 200))
    upload(page, tmp_path / "grey.png")
    assert "<img src=x onerror=alert(1)>.png" in " ".join(cards(page, 15))
    assert page.alerts == []


def test_three_engines_answer_for_a_random_photo(page):
    page.click("text=Compare")
    page.wait_for_url("**/compare")
    page.click("text=Random photo")
    page.wait_for_function("document.querySelectorAll('.figures').length === 3")
    for engine in ("Exact", "FAISS", "LSH"):
        page.wait_for_selector(f"h4:has-text('{engine}')")
    page.wait_for_function(
        "[...document.querySelectorAll('.pictures img')]"
        ".filter(image => image.naturalWidth > 0 && image.alt).length === 45"
    )
    page.wait_for_selector("[data-testid=stVegaLiteChart] .marks")
    assert "Traceback" not in page.inner_text("body") and page.alerts == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(  # what the heaps and the lines are is said in full on a phone
        "(() => { const boxes = [...document.querySelectorAll('.chart-key span')]"
        ".map((one) => one.getBoundingClientRect());"
        " return boxes.length === 4 && boxes.every((box) => box.left > 0 && box.right < innerWidth) })()"
    )


@pytest.mark.parametrize("wide", [True, False])
def test_photos_on_the_map_are_looked_at_and_opened(chromium, address, tmp_path, wide):
    """With the mouse and with a finger: a closer look at each, and on to the search with one."""
    size = {"width": 1400, "height": 1000} if wide else {"width": 390, "height": 844}
    context = chromium.new_context(viewport=size, has_touch=not wide)
    page = context.new_page()
    page.set_default_timeout(60_000)
    alerts: list[object] = []
    page.on("dialog", lambda dialog: alerts.extend([dialog.message, dialog.dismiss()]))
    page.goto(f"{address}/map")
    canvas = on_the_map(page, 19)
    kinds = [name.inner_text() for name in page.query_selector_all(".legend .name")]
    assert sorted(kinds) == sorted(f"{kind}/" for kind in (KIND, "wall clocks", "sunflowers", "odd"))
    demo.draw_picture("sunflowers", 1000).save(tmp_path / "unseen.jpg")
    upload(page, tmp_path / "unseen.jpg")
    page.wait_for_selector("text=/It lands at the cross; ringed are .* of sunflowers/")
    canvas.scroll_into_view_if_needed()
    at_rest(page)
    name, sought = "", "<img src=x onerror=alert(1)>.png"
    for x, y in places_of_photos(page, canvas):
        (page.mouse.move if wide else page.touchscreen.tap)(x, y)
        page.wait_for_function(
            "tip().dataset.place >= 0 && tip().dataset.place === map().dataset.meant"
            " && tip().querySelector('img').naturalWidth > 0"
        )
        if (name := page.inner_text(".tip .name")) == sought:
            break
    assert name == sought
    if wide:  # a finger has opened it already
        page.mouse.click(x, y)
    page.wait_for_selector(".st-key-opened >> text=<img src=x onerror=alert(1)>.png")
    at_rest(page)
    page.get_by_role("button", name="More like this").click()
    page.wait_for_selector("text=/^More like <img src=x/")
    assert len(cards(page, 15)) == 15 and alerts == []
    context.close()


def test_the_map_is_zoomed_moved_and_left_to_the_keys(chromium, address):
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.goto(f"{address}/map")
    canvas = on_the_map(page, 19)
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    for _ in range(8):
        page.mouse.wheel(0, -200)
    page.wait_for_selector(".map:not([data-zoom='1.00'])")
    far = float(page.get_attribute(".map", "data-zoom"))
    assert far > 10 and int(page.get_attribute(".map", "data-in-view")) < 19
    page.mouse.dblclick(*middle)
    page.wait_for_selector(".map[data-zoom='1.00'][data-in-view='19']")
    drag(None, page, [middle, (middle[0] + 300, middle[1]), (middle[0] + 700, middle[1])])
    page.wait_for_function("Number(map().dataset.inView) < 19")
    page.get_by_role("button", name="Show all of it").click()
    page.wait_for_selector(".map[data-in-view='19']")
    canvas.focus()
    for key in ("+", "ArrowLeft", "-", "0"):
        page.keyboard.press(key)
    page.wait_for_function("live().textContent.length > 0")
    name = page.inner_text(".live").split(",")[0]
    page.keyboard.press("Enter")
    page.wait_for_selector(f".st-key-opened >> text={name}")
    page.close()


def test_the_map_is_used_with_nothing_but_the_keys(chromium, address):
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.goto(f"{address}/map")
    on_the_map(page, 19)
    at_rest(page)
    for _ in range(40):  # from the menu through the page
        page.keyboard.press("Tab")
        if page.evaluate("map().getRootNode().activeElement === map().querySelector('canvas')"):
            break
    assert int(page.get_attribute(".map", "data-meant")) >= 0
    page.wait_for_function("live().textContent.length > 0")
    name = page.inner_text(".live").split(",")[0]
    page.keyboard.press("Enter")
    page.wait_for_selector(f".st-key-opened >> text={name}")
    at_rest(page)
    page.focus(".legend button >> nth=1")
    for pressed in ("true", "false"):
        page.keyboard.press("Enter")
        page.wait_for_selector(f".legend button:focus[aria-pressed={pressed}] >> nth=0")
    page.close()


def test_pictures_stay_on_the_map_when_a_photo_comes(chromium, tmp_path):
    """In the browser they are known by the photo, whatever its place among the others is."""
    for number in range(3, 9):
        paint(tmp_path / "photos" / f"{number}.png", (number * 20, 40 + number, 90))
    with Library.open(tmp_path / "library") as library:
        library.sync(tmp_path / "photos")
        gone = library.photo(tmp_path / "photos" / "3.png")
        with served(tmp_path / "library") as address:
            page = chromium.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(60_000)
            page.goto(f"{address}/map")
            on_the_map(page, 6)
            known = (
                "[...globalThis[Symbol.for('simsearch.map')].pictures].map(([id, { name }]) => [id, name])"
            )
            before = page.evaluate(known)
            assert len(before) == 6 and [gone.id, "3.png"] in before
            page.evaluate(
                "globalThis[Symbol.for('simsearch.map')].pictures.forEach((one) => { one.old = true })"
            )
            gone.path.unlink()
            paint(tmp_path / "photos" / "9.png", (250, 250, 250))
            library.sync(tmp_path / "photos")
            page.get_by_role("radio", name="Nothing").click()
            page.wait_for_function(
                "(() => { const all = [...globalThis[Symbol.for('simsearch.map')].pictures.values()];"
                " return all.length === 7 && all.filter((one) => one.old).length === 6 })()"
            )
            page.wait_for_selector(".map[data-awaited='0']")
            page.close()


def test_enter_opens_what_is_in_the_middle_also_after_the_pointer_left(chromium, address):
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.goto(f"{address}/map")
    canvas = on_the_map(page, 19)
    canvas.focus()
    page.mouse.move(5, 5)
    page.evaluate(
        "map().querySelector('canvas').dispatchEvent("
        "new PointerEvent('pointerleave', { pointerType: 'mouse' }))"
    )
    page.wait_for_selector(".map[data-meant='-1']")
    page.keyboard.press("Enter")
    page.wait_for_selector(".st-key-opened img")
    page.close()


def on_the_map(page, count):
    """The canvas of the map, once so many photos are drawn; its parts get names in the page."""
    page.wait_for_selector(f".map[data-in-view='{count}'][data-awaited='0']")  # pictures cover points
    page.evaluate(
        """() => {
            const found = (root, what) => {
                for (const one of root.querySelectorAll('*')) {
                    const inside = one.matches(what) ? one : one.shadowRoot && found(one.shadowRoot, what);
                    if (inside) return inside;
                }
            };
            globalThis.map = () => found(document, '.map');
            globalThis.tip = () => map().querySelector('.tip');
            globalThis.live = () => map().querySelector('.live');
        }"""
    )
    return page.wait_for_selector(".map canvas")


def places_of_photos(page, canvas):
    """Where photos are on the screen: where the pointer, moved all over the map, finds one."""
    box, found = canvas.bounding_box(), {}
    for across in range(12, int(box["width"]) - 12, 12):
        for down in range(12, int(box["height"]) - 12, 12):
            x, y = box["x"] + across, box["y"] + down
            if page.evaluate(
                """([x, y]) => {
                    const canvas = map().querySelector('canvas');
                    const at = { clientX: x, clientY: y, pointerType: 'mouse', bubbles: true };
                    canvas.dispatchEvent(new PointerEvent('pointermove', at));
                    return canvas.matches('.on-photo');
                }""",
                [x, y],
            ):
                found[across // 60, down // 60] = x, y
    return found.values()


def test_a_folder_is_indexed_from_the_first_page_on_and_its_progress_survives_a_reload(chromium, tmp_path):
    for number in range(1500):
        paint(tmp_path / "photos" / f"{number}.png", (number % 256, number // 8, 90), (60, 40))
    (tmp_path / "photos" / "broken.png").write_text("x")
    with served(tmp_path / "library") as address:
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_selector("text=Nothing leaves this machine")
        folder = page.get_by_label("The folder with your photos")
        folder.fill(str(tmp_path / "photo"))
        page.get_by_role("button", name="Index it").click()
        page.wait_for_selector(
            f"[data-testid=stAlert] >> text='{tmp_path / 'photo'}: no such folder; check the spelling, "
            "and that its disk is connected.'"
        )
        folder.fill(str(tmp_path / "photos"))
        page.get_by_role("button", name="Index it").click()
        page.wait_for_selector("text=/ of 1,501 photos/")
        assert not re.search("DeltaGenerator|Traceback", page.inner_text("body"))
        page.wait_for_selector("text=/^[0-9,]+ photos? (is|are) ready/")  # the first ones
        awaited(page, ".card img.there", 18)
        first = page.inner_text("h3")
        page.wait_for_function("first => document.querySelector('h3')?.innerText !== first", arg=first)
        assert page.is_visible("text=/ of 1,501 photos/")  # it went on while photos came
        page.close()
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(f"{address}/library")
        page.wait_for_selector("text=/ of 1,501 photos/")
        page.wait_for_selector("text=/1,500 added, 1 failed/", timeout=240_000)
        page.wait_for_selector("text=1 file could not be used")
        page.close()
    with Library.open(tmp_path / "library", create=False) as library:
        assert len(library) == 1500 and not (library.run or {})["running"]


def test_copies_that_are_not_the_same_stay_away(chromium, tmp_path):
    photos = tmp_path / "photos"
    for seed in range(1, 4):
        for kind in (KIND, "sunflowers"):
            (photos / kind).mkdir(parents=True, exist_ok=True)
            demo.draw_picture(kind, seed).save(photos / kind / f"{seed}.jpg", quality=95)
    small = demo.draw_picture("sunflowers", 1)
    small = small.resize((small.width // 2, small.height // 2))
    small.save(photos / "<img src=x onerror=alert(1)>.jpg", quality=80)
    shutil.copy(photos / KIND / "2.jpg", photos / "again.jpg")
    with Library.open(tmp_path / "library") as library:
        library.sync(photos)
    with served(tmp_path / "library") as address:
        page = chromium.new_page(viewport={"width": 1200, "height": 1000})
        page.set_default_timeout(60_000)
        page.alerts = []
        page.on("dialog", lambda dialog: (page.alerts.append(dialog.message), dialog.dismiss()))
        page.goto(f"{address}/groups")
        page.wait_for_selector("text=2 groups, 2 copies")
        page.wait_for_selector(".version .name >> text=onerror=alert(1)")
        page.wait_for_function(
            "[...document.querySelectorAll('.version img')]"
            ".filter(image => image.naturalWidth > 0 && image.alt).length === 4"
        )
        at_rest(page)
        page.get_by_role("button", name="Compare it").last.click()
        page.wait_for_selector("[role=dialog] >> text=Scaled to 50%")
        page.get_by_role("dialog").get_by_role("button", name="Keep both").click()
        page.wait_for_selector("[role=dialog]", state="detached")
        page.wait_for_selector(".version.decided")
        page.get_by_role("radio", name="Not the same").click()
        page.wait_for_selector("[role=radio][aria-checked=true] >> text=Not the same")
        page.reload()
        page.wait_for_selector("text=1 group, 1 copy")
        awaited(page, ".version .name", 2)
        assert sorted(page.locator(".version .name").all_inner_texts()) == ["2.jpg", "again.jpg"]
        page.get_by_text("Show what you decided: 1 pair").click()
        page.get_by_role("button", name="Take back").last.click()
        page.wait_for_selector("text=2 groups, 2 copies")
        assert "Traceback" not in page.inner_text("body") and page.alerts == []
        page.close()
