"""How long one waits on the page: from dropping a camera's original to the last thumbnail that is painted.

A library of --photos rows is generated: each has the thumbnail of a real photo, and its embedding moved by
what tells two other real photos apart, so that every picture has photos that are like it. Most are made
after the photos in FOLDER, a quarter after those of --library. Their files are there, and empty.

The page is served as `simsearch app` serves it, and driven in Chromium. The file is in the browser's memory
before the clock starts; the clock is the browser's own. It starts when the file is handed to the page, and
stops two frames after the thumbnail of every hit that Library.search finds for this very picture is decoded.
The window is so high that all of them are in view. Every upload is a file that the server has not seen, of
one of the pictures that have most hits; those that cannot be read are left out.

Before each upload the same query goes through Library.search in this process, network and index loaded.

Memory is that of the server's processes. A visit loads the page anew, as a visitor of its own, and drops the
same file; what Streamlit keeps of a visitor who has gone (for two minutes) counts as well.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil

# Run as a file, a script can import what lies in its own folder only; these need the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import simsearch
from scripts.bench_report import Findings, Parser, Table, count, photo_files, run, say
from scripts.bench_search import last_line
from scripts.made_photos import FILES_A_FOLDER, free_box
from simsearch import Hit, Library, PhotoError, SimsearchError
from simsearch.photos import Found
from simsearch.store import Content, Store

# Where things are on the page: the field for files, and what is written of each hit, which has its image
# somewhere around it. What the page says that it took: "42 ms", or "42 ms: decode 9, encode 8, ...".
_INPUT, _FACTS = "input[type=file]", ".facts"
_SAYS = re.compile(r"(\d[\d.,]*) ms(?:: (.+))?")
_PART = re.compile(r"([^\d,:]+?) (\d[\d.,]*)(?:,|$| ms)")

_FOUND, _SHOWN = 60, 15  # hits, as on the page
_WINDOW = {"width": 1400, "height": 2200}  # pixels
_SECONDS = 60  # after which a page that does not show its hits is given up
_BETWEEN = 300  # milliseconds from one upload to the next
_MOST_BASES = 300  # photos of a folder, that generated ones are made after
_OTHERNESS = 0.5, 1.2  # how far a generated embedding is moved, of length 1

# Watches the page from its first moment on, also what lies in the shadow of components.
_WATCH = """
(() => {
  const roots = [document], messages = [], files = [];
  let look = () => {};
  const watch = root => {
    const what = {subtree: true, childList: true, attributes: true, characterData: true};
    new MutationObserver(() => look()).observe(root, what);
    root.addEventListener("load", () => look(), true);
  };
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (how) {
    const root = attach.call(this, how);
    roots.push(root);
    watch(root);
    return root;
  };
  watch(document);
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      const size = data => data.byteLength ?? data.size ?? data.length;
      this.addEventListener("message", event => messages.push([performance.now(), size(event.data)]));
    }
  };
  const there = root => root === document || root.host.isConnected;
  const find = css => roots.filter(there).flatMap(root => [...root.querySelectorAll(css)]);
  const frame = () => new Promise(requestAnimationFrame);
  const imageOf = facts => {
    let around = facts;
    while (around && !around.querySelector?.("img")) around = around.parentNode;
    return around?.querySelector("img");
  };
  window.keepFile = (name, content) => {
    const bytes = Uint8Array.from(atob(content), char => char.charCodeAt(0));
    files.push(new File([bytes], name, {type: "image/jpeg"}));
  };
  window.dropFile = (input, facts, names, seconds) => new Promise((done, fail) => {
    messages.length = 0;
    performance.clearResourceTimings();
    let listed;
    const told = () => find(facts).map(one => one.textContent);
    const shows = () => {
      const shown = told();
      return shown.length === names.length && names.every((name, i) => shown[i].includes(name));
    };
    if (shows()) { fail(new Error("it shows them already")); return; }
    const giveUp = () => { look = () => {}; fail(new Error(`it shows ${told().join(" | ") || "no hits"}`)); };
    const given = new DataTransfer();
    given.items.add(files.pop());
    const field = find(input)[0];
    field.files = given.files;
    const late = setTimeout(giveUp, 1000 * seconds);
    look = async () => {
      if (!shows()) return;
      listed ??= performance.now();
      const images = find(facts).map(imageOf);
      if (!images.every(image => image?.complete && image.naturalWidth)) return;
      look = () => {};
      clearTimeout(late);
      await Promise.allSettled(images.map(image => image.decode()));  // refused where it was replaced
      const decoded = performance.now();
      await frame();
      await frame();
      const painted = performance.now();
      const sent = performance.getEntriesByType("resource").filter(one => one.name.includes("upload_file"));
      const uploaded = Math.max(start, ...sent.map(one => one.responseEnd));
      const before = messages.filter(([at]) => at <= listed);
      const told = Math.max(uploaded, ...before.map(([at]) => at));
      done({
        "upload": uploaded - start, "server": told - uploaded, "hits in the page": listed - told,
        "images decoded": decoded - listed, "painted": painted - decoded, "all": painted - start,
        "messages": before.length, "kilobytes": before.reduce((sum, [, size]) => sum + size, 0) / 1000,
      });
    };
    const start = performance.now();
    field.dispatchEvent(new Event("change", {bubbles: true}));
  });
})();
"""

_HEADINGS = {
    "photos": "photos",
    "hits": "hits",
    "page_p50": "drop to painted p50 ms",
    "page_p95": "p95 ms",
    "api_p50": "Library.search p50 ms",
    "api_p95": "p95 ms",
    "times_p50": "times p50",
    "times_p95": "times p95",
}
_STEP_HEADINGS = {"photos": "photos", "step": "of it", "p50": "p50 ms", "p95": "p95 ms"}
_MEMORY_HEADINGS = {
    "photos": "photos",
    "first": "server MB after the first",
    "uploads": "after the uploads",
    "visits": "after the visits",
    "a_visit": "MB a visit",
}
_NOTES = [
    "Hits: how many there are, on average. Times: of the page's percentile, that of Library.search.",
]
_STEP_NOTES = [
    "Server: from the file's arrival to the last message before the hits stand in the page.",
    'Those in quotes are what the page itself says; "messages" and "kilobytes" are what the server sent.',
]


class Base(NamedTuple):
    """A real photo that others are made after: what is known of it, and its embedding, (dim,) float32."""

    content: Content
    vector: np.ndarray


def read_bases(library: Path, most: int) -> list[Base]:
    """Read photos of a library, or so many of them."""
    store = Store(library)
    try:
        return [
            Base(store.content(photo_id), vector)
            for photo_id in store.some_ids(most).tolist()
            if (vector := store.vector(photo_id)) is not None
        ]
    finally:
        store.close()


def mixed(vector: np.ndarray, one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Return an embedding, (dim,) float32, moved by a share of what tells two others apart."""
    apart = one - other
    moved: np.ndarray = vector + share * apart / max(float(np.linalg.norm(apart)), 1e-6)
    moved /= np.linalg.norm(moved)
    return moved


def generate(place: Path, photos: int, dropped: list[Base], others: list[Base], backbone: str) -> Path:
    """Make a library of so many generated photos in an empty folder; return it."""
    random = np.random.default_rng(0)
    everything = [*dropped, *others]
    with Library.open(place / "library", backbone=backbone) as library:
        _ = library.encoder.identity  # its files are there before the server asks for them
    store = Store(place / "library")
    top = (place / "photos").resolve()
    try:
        with store.transaction():
            root = store.add_root(top)
            for number in range(photos):
                bases = others if others and number % 4 == 0 else dropped
                base = bases[number % len(bases)]
                one, other = (everything[place].vector for place in random.integers(len(everything), size=2))
                vector = mixed(base.vector, one, other, random.uniform(*_OTHERNESS)).astype("<f2").tobytes()
                path = f"{number // FILES_A_FOLDER:04}/{number:07}.jpg"
                (top / path).parent.mkdir(parents=True, exist_ok=True)
                (top / path).touch()
                found = Found(path, 0, (top / path).stat().st_mtime_ns)
                content = base.content._replace(sha256=f"{number:064x}", vector=vector)
                store.put(root, found, content)
    finally:
        store.close()
    with Library.open(place / "library") as library:
        library.sync()  # nothing has changed: it learns how the photos compare, and makes the index
    return place / "library"


@contextmanager
def served(library: Path) -> Iterator[tuple[str, int]]:
    """Serve the page; give its address, and the process.

    Raises
    ------
    SimsearchError
        When it does not come up.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "simsearch.cli", "app", "--library", str(library), "--port", str(port)]
    here = [str(Path(simsearch.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, here))}
    with tempfile.TemporaryFile() as errors:
        server = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
        )
        try:
            until = time.monotonic() + _SECONDS
            while not _answers(f"{address}/_stcore/health"):
                if server.poll() is not None or time.monotonic() > until:
                    raise SimsearchError(f"the page could not be served: {last_line(errors)}")
                time.sleep(0.1)
            yield address, server.pid
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser.

    Raises
    ------
    SimsearchError
        When there is none.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise SimsearchError("Playwright is not installed: pip install 'simsearch[bench]'") from error
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SimsearchError("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        # Root may not use the sandbox, and only our own page is visited.
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        try:
            browser = playwright.chromium.launch(executable_path=program, args=flags)
        except Error as error:
            raise SimsearchError(f"Chromium does not start: {str(error).splitlines()[0]}") from error
        yield browser
        browser.close()


class Visit:
    """A visitor of the page, with a browser's memory and cookies of its own."""

    def __init__(self, browser: Any, address: str) -> None:
        self._context = browser.new_context(viewport=_WINDOW)
        self._page = self._context.new_page()
        self._page.set_default_timeout(1000 * _SECONDS)
        self._page.add_init_script(_WATCH)
        self._page.goto(address)
        self._page.wait_for_selector(_INPUT, state="attached")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *exception: object) -> None:
        self._context.close()

    def drop(self, name: str, data: bytes, hits: list[Hit]) -> dict[str, float]:
        """Drop a file, and return milliseconds until its hits are painted, and of the steps to it.

        Raises
        ------
        SimsearchError
            When the page does not show these hits.
        """
        self._page.wait_for_timeout(_BETWEEN)
        self._page.evaluate("given => keepFile(...given)", [name, base64.b64encode(data).decode()])
        asked = [_INPUT, _FACTS, [hit.path.name for hit in hits], _SECONDS]
        try:
            took = dict[str, float](self._page.evaluate("given => dropFile(...given)", asked))
        except Exception as error:  # Playwright's own, which is imported where it is used only
            raise SimsearchError(f"the page does not show the hits of {name}: {error}") from error
        return {**took, **said(self._page.inner_text("body"))}


def said(text: str) -> dict[str, float]:
    """Return the milliseconds that a page says it took, and to what."""
    found = _SAYS.search(text)
    if not found:
        return {}
    parts = {f'"{name.strip()}"': _number(value) for name, value in _PART.findall(found[2] or "")}
    return {'"all"': _number(found[1]), **parts}


def _number(text: str) -> float:
    return float(re.sub(r"[.,](?=\d{3})", "", text).replace(",", "."))


def related(hits: list[Hit]) -> list[Hit]:
    """Return the hits that the page shows at first: those up to the last that means something."""
    return hits[: max((place for place, hit in enumerate(hits, 1) if hit.related), default=0)][:_SHOWN]


def most_hits(library: Library, files: list[Path]) -> list[bytes]:
    """Return the files that have most hits to show, as their bytes; no two have the same hits.

    Raises
    ------
    SimsearchError
        When there are not two.
    """
    found: dict[tuple[int, ...], Path] = {}
    for file in files:
        with suppress(PhotoError):
            found[tuple(hit.id for hit in related(library.search(file, _FOUND, fold=True)))] = file
    found.pop((), None)
    if len(found) < 2:
        raise SimsearchError("hardly anything in the library is like the photos in the folder")
    enough = min(_SHOWN, sorted(map(len, found))[-2])
    return [file.read_bytes() for ids, file in found.items() if len(ids) >= enough]


def resident(pid: int) -> float:
    """Return the megabytes of a process and those below it."""
    server = psutil.Process(pid)
    processes = [server, *server.children(recursive=True)]
    return sum(int(process.memory_info().rss) for process in processes) / 1e6


def percentiles(values: list[float]) -> tuple[float, float]:
    """Return the median, and what 95 % do not exceed."""
    p50, p95 = np.percentile(values, [50, 95]).tolist()
    return p50, p95


class Measured(NamedTuple):
    """What one library took."""

    row: dict[str, Any]
    steps: list[dict[str, Any]]
    memory: dict[str, Any]


def measure(library_folder: Path, files: list[Path], options: argparse.Namespace, browser: Any) -> Measured:
    """Drop pictures on the page of a library, one after the other, then visit it again and again."""
    photos = {"photos": options.now}
    took: dict[str, list[float]] = defaultdict(list)
    api, found = [], []
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(library_folder))
        library.load()
        address, pid = stack.enter_context(served(library_folder))
        pictures = most_hits(library, files)
        uploads = [pictures[number % len(pictures)] + free_box(number) for number in range(options.uploads)]
        first = pictures[-1]
        first_hits = related(library.search(first, _FOUND, fold=True))
        with Visit(browser, address) as visit:
            visit.drop("first.jpg", first, first_hits)
            memory = [resident(pid)]
            for number, data in enumerate(uploads):
                started = time.perf_counter()
                hits = library.search(data, _FOUND, fold=True)
                api.append(1000 * (time.perf_counter() - started))
                found.append(related(hits))
                for step, milliseconds in visit.drop(f"{number}.jpg", data, found[-1]).items():
                    took[step].append(milliseconds)
        memory.append(resident(pid))
        for _ in range(options.visits):
            with Visit(browser, address) as visit:
                visit.drop("first.jpg", first, first_hits)
        memory.append(resident(pid))
    page_p50, page_p95 = percentiles(took.pop("all"))
    api_p50, api_p95 = percentiles(api)
    return Measured(
        photos
        | {
            "hits": float(np.mean([len(hits) for hits in found])),
            "page_p50": page_p50,
            "page_p95": page_p95,
            "api_p50": api_p50,
            "api_p95": api_p95,
            "times_p50": page_p50 / api_p50,
            "times_p95": page_p95 / api_p95,
        },
        [
            photos | {"step": step, **dict(zip(("p50", "p95"), percentiles(values), strict=True))}
            for step, values in took.items()
        ],
        photos
        | dict(zip(("first", "uploads", "visits"), memory, strict=True))
        | {"a_visit": (memory[2] - memory[1]) / options.visits},
    )


def _bases_of(files: list[Path], place: Path, backbone: str) -> list[Base]:
    """Index photos into a library of their own and read them."""
    chosen = files[:: len(files) // _MOST_BASES + 1]
    for number, file in enumerate(chosen):
        (place / "photos" / str(number)).mkdir(parents=True)
        shutil.copyfile(file, place / "photos" / str(number) / file.name)
    with Library.open(place / "library", backbone=backbone) as library:
        library.sync(place / "photos")
    bases = read_bases(place / "library", _MOST_BASES)
    if not bases:
        raise SimsearchError("none of the photos can be read")
    return bases


def _measure(options: argparse.Namespace) -> Findings:
    measured = []
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simsearch-bench-"))).resolve()
        files = photo_files(options.folder)
        files = [files[number] for number in np.random.default_rng(0).permutation(len(files)).tolist()]
        browser = stack.enter_context(chromium())
        say("indexing the photos that others are made after ...")
        dropped = _bases_of(files, place / "bases", options.backbone)
        others = read_bases(options.library, 10 * _MOST_BASES) if options.library else []
        for photos in options.photos:
            options.now = photos
            say(f"generating a library of {photos:,} photos ...")
            library = generate(place / str(photos), photos, dropped, others, options.backbone)
            say(f"dropping {options.uploads} pictures, then visiting {options.visits} times ...")
            measured.append(measure(library, files, options, browser))
    subject = {"backbone": options.backbone, "uploads": options.uploads, "visits": options.visits}
    return Findings(
        subject,
        [
            Table("page", _HEADINGS, [one.row for one in measured], _NOTES),
            Table("steps", _STEP_HEADINGS, [step for one in measured for step in one.steps], _STEP_NOTES),
            Table("memory", _MEMORY_HEADINGS, [one.memory for one in measured], []),
        ],
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure the page with libraries of several sizes and print a row for each."""
    parser = Parser(__doc__, "python scripts/bench_page.py ~/Pictures --photos 1000 20000 100000")
    parser.add_folder()
    parser.add_argument(
        "--library", type=Path, metavar="DIR", help="whose photos others are made after (default: of none)"
    )
    parser.add_argument(
        "--photos", type=count, nargs="+", default=[20_000], metavar="N",
        help="photos in each library (default: 20000)",
    )  # fmt: skip
    parser.add_count("--uploads", 50, "pictures that are dropped")
    parser.add_count("--visits", 20, "visits after that")
    parser.add_backbone()
    return run(parser, _measure, arguments)


if __name__ == "__main__":
    sys.exit(main())
