"""The benchmark of the page: the library it makes, what it takes for painted, and that it runs."""

import json
import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scripts import bench_page
from scripts.bench_page import Base, mixed, percentiles, related, said
from simsearch import Library, PhotoError, SimsearchError, demo, facts
from simsearch.store import About, Content
from tests.conftest import paint
from tests.toy import ToyEncoder

# The library


def test_an_embedding_is_moved_by_what_tells_two_others_apart():
    vector, one, other = np.eye(3, dtype=np.float32)
    moved = mixed(vector, one, other, 1.0)
    assert np.linalg.norm(moved) == pytest.approx(1)
    assert moved @ vector == pytest.approx(1 / np.sqrt(2))
    assert mixed(vector, one, one, 1.0).tolist() == vector.tolist()


@pytest.fixture
def opened_with_toy(monkeypatch):
    open_library = Library.open.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        Library, "open", classmethod(lambda cls, path, **_: open_library(cls, path, encoder=ToyEncoder()))
    )


def test_the_library_is_of_generated_photos_that_pass_for_indexed(tmp_path, opened_with_toy):
    bases = [
        Base(
            Content("", About(4, 3, None, None, None, None, facts.VERSION), b"", thumbnail),
            vector.astype(np.float32),
        )
        for vector, thumbnail in zip(np.eye(3), (b"a", b"b", b"c"), strict=True)
    ]
    with Library.open(bench_page.generate(tmp_path, 60, bases[:1], bases[1:], "toy")) as library:
        library.sync()
        assert len(library) == 60 and not library.missing() and not library.failures()
        thumbnails = [library.thumbnail(library.photo(photo)) for photo in library.paths()]
        assert [thumbnails.count(base.content.thumbnail) for base in bases] == [45, 15, 0]
        first = library.photo(min(library.paths()))
        assert not first.offline and first.path.name == "0000000.jpg"


def test_photos_of_a_library_are_read(toy_library, album):
    paint(album / "1.png", (200, 0, 0))
    toy_library.sync(album)
    [base] = bench_page.read_bases(toy_library.path, 5)
    assert base.vector.tolist() == [1, 0, 0] and base.content.thumbnail.startswith(b"\xff\xd8")


# Queries


class Hits:
    """What stands for a library: a file says which of its hits mean something."""

    def search(self, file, k, fold):
        meaning = json.loads(file.read_bytes())
        if meaning is None:
            raise PhotoError(str(file), "broken")
        return [type("Hit", (), {"related": bool(one), "id": one}) for one in meaning]


HITS: Any = Hits()


def files(folder, *contents):
    for number, content in enumerate(contents):
        (folder / str(number)).write_text(content)
    return sorted(folder.iterdir())


def test_pictures_with_most_hits_are_dropped(tmp_path):
    given = files(tmp_path, "[1, 0, 0]", "null", "[1, 0, 2]", "[0]", "[1, 2, 3]", "[1,2,3]")
    assert bench_page.most_hits(HITS, given) == [b"[1, 0, 2]", b"[1,2,3]"]
    assert bench_page.most_hits(HITS, [given[0], given[2]]) == [b"[1, 0, 0]", b"[1, 0, 2]"]
    assert len(related(HITS.search(given[2], 15, fold=True))) == 3
    with pytest.raises(SimsearchError, match="hardly anything in the library"):
        bench_page.most_hits(HITS, [given[1], given[3]])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("15 hits in 42 ms", {'"all"': 42}),
        (
            "x\n1,042 ms: decode 9, encode 8.5, near duplicates 2\ny 7",
            {'"all"': 1042, '"decode"': 9, '"encode"': 8.5, '"near duplicates"': 2},
        ),
        ("1.042 ms: dekodieren 9,5", {'"all"': 1042, '"dekodieren"': 9.5}),
        ("nothing yet", {}),
    ],
)
def test_what_the_page_says_of_itself_is_read(text, found):
    assert said(text) == found


def test_percentiles():
    assert percentiles([1.0] * 19 + [100.0]) == pytest.approx((1, 5.95))


# The script


@pytest.mark.parametrize("arguments", [["nowhere"], [".", "--photos", "0"], [".", "--uploads", "x"], []])
def test_what_cannot_be_measured_is_said_in_a_sentence(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    try:
        code: object = bench_page.main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1


DELAYED = """
<input type=file><main></main>
<script>
  const card = name => `<div><img src="${name === "slow" ? SLOW : QUICK}"><p class=facts>${name}</p></div>`;
  const QUICK = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAAC", SLOW = "/slow";
  document.querySelector("input").addEventListener("change", event => {
    const main = document.querySelector("main");
    const show = names => { main.innerHTML = names.map(card).join(""); };
    setTimeout(() => show(["old", "fast"]), 10);
    setTimeout(() => show(["slow", "fast"]), 150);
  });
</script>
"""


@pytest.fixture
def has_browser():
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")


@pytest.fixture
def browser(has_browser):
    with bench_page.chromium() as browser:
        yield browser


@pytest.mark.browser
@pytest.mark.parametrize("shadow", [False, True])
def test_painted_is_when_the_last_image_of_this_query_is_there(browser, shadow, tmp_path):
    """Not when hits of another query are, nor when an image is still on its way."""
    page = browser.new_page()
    page.add_init_script(bench_page._WATCH)
    picture = tmp_path / "slow.png"
    Image.new("RGB", (9, 9)).save(picture)
    markup = DELAYED
    if shadow:
        markup = markup.replace("<main></main>", "<article></article>").replace(
            'document.querySelector("main")',
            "(root => root.firstChild ?? root.appendChild(document.createElement('main')))"
            '((host => host.shadowRoot ?? host.attachShadow({mode: "open"}))'
            '(document.querySelector("article")))',
        )
    page.route("**/page", lambda route: route.fulfill(body=markup, content_type="text/html"))

    def slowly(route):
        page.wait_for_timeout(200)
        route.fulfill(path=picture)

    page.route("**/slow", slowly)
    page.goto("http://127.0.0.1:9/page")
    page.evaluate("given => keepFile(...given)", ["x.jpg", "eA=="])
    took = page.evaluate("given => dropFile(...given)", ["input[type=file]", ".facts", ["slow", "fast"], 10])
    assert took["server"] + took["hits in the page"] >= 140 and took["images decoded"] >= 150
    steps = ("upload", "server", "hits in the page", "images decoded", "painted")
    assert took["all"] == pytest.approx(sum(took[step] for step in steps))
    page.evaluate("given => keepFile(...given)", ["x.jpg", "eA=="])
    with pytest.raises(Exception, match="it shows them already"):
        page.evaluate("given => dropFile(...given)", ["input[type=file]", ".facts", ["slow", "fast"], 10])
    with pytest.raises(Exception, match=r"it shows slow \| fast"):
        page.evaluate("given => dropFile(...given)", ["input[type=file]", ".facts", ["another"], 0.5])
    page.close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.network
def test_the_page_prints_one_json_object(tmp_path, capsys, has_browser):
    for seed in range(3):
        demo.draw_picture("sunflowers", seed).save(tmp_path / f"{seed}.jpg")
    arguments = [str(tmp_path), "--photos", "60", "--uploads", "1", "--visits", "1", "--json"]
    assert bench_page.main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    [row], [memory] = told["page"], told["memory"]
    assert row["photos"] == 60 and row["hits"] >= 1
    assert row["page_p95"] >= row["page_p50"] > row["api_p50"] > 0
    assert row["times_p50"] == pytest.approx(row["page_p50"] / row["api_p50"])
    assert {"upload", "server", "images decoded"} <= {step["step"] for step in told["steps"]}
    assert min(memory[when] for when in ("first", "uploads", "visits")) > 50
