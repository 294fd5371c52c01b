"""Map: the whole library at a glance, photos that are alike close together."""

from __future__ import annotations

import base64
import html
import math
import threading
import time
from collections import Counter
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from simsearch import Hit, Library, Map, PhotoError, SimsearchError
from simsearch.ui import assets, colours, places, ready, sources, thumbs
from simsearch.ui.address import Question
from simsearch.ui.part import Part
from simsearch.ui.words import day, duration, noted, number, plain, say, say_count, show_error, told

_OPENED, _ANSWER, _PICTURES, _PLOT = "map-opened", "map-answer", "map-pictures", "map-plot"
_ASKED = "map-asked"
_FEW = 5_000  # photos; their map is made while the page waits, in three seconds
_SECONDS_A_LOOK = 1.0
_PHOTOS_A_SECOND = 4_000  # that are laid out, by one core
_LARGEST = 65_535  # what 16 bits hold, of the longer side of the map
_NARROWEST = 0.25  # of it, that the other side has at least
_NEAR = 12  # photos nearest to the query that are marked
_SIDE = 200  # pixels of a picture on the map
_OPENED_SIDE = 800
_AT_ONCE = 60  # pictures in one answer
_IN_WORDS = 10  # groups

_STYLE = """
<style>
  .st-key-opened img, .st-key-landed img { max-height: 45vh; object-fit: contain; border-radius: .5rem; }
  .st-key-landed img { max-height: 12rem; }
  .about-photo { font-size: .85rem; line-height: 1.4; overflow-wrap: anywhere; }
  .about-photo .where { opacity: .75; }
  .st-key-map-pictures { display: none; }
</style>
"""

# A keyboard's user is told by the canvas what the keys do, and what is in its middle. What it says comes with
# the data, as it is in the visitor's language.
_HTML = """
<div class="map">
  <div class="plot">
    <canvas tabindex="0" role="application" aria-describedby="keys"></canvas>
    <div class="tools">
      <button type="button" data-do="in">+</button>
      <button type="button" data-do="out">&minus;</button>
      <button type="button" data-do="all">
        <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4"/></svg>
      </button>
      <button type="button" data-do="pictures" aria-pressed="false">
        <svg viewBox="0 0 20 20" aria-hidden="true"><rect x="3" y="4" width="14" height="12" rx="2"/>
          <path d="m4 14 4-4 3 3 2-2 4 3"/></svg>
      </button>
    </div>
    <div class="tip"><img alt=""><div class="name"></div><div class="where"></div></div>
  </div>
  <div class="legend" role="group"></div>
  <div class="unseen" id="keys"></div>
  <div class="unseen live" aria-live="polite"></div>
</div>
"""


# Where on the map: the top row from left to right, and so on.
_PLACES = (
    (noted("on the upper left"), noted("at the top"), noted("on the upper right")),
    (noted("on the left"), noted("in the middle"), noted("on the right")),
    (noted("on the lower left"), noted("at the bottom"), noted("on the lower right")),
)


class _Plot(NamedTuple):
    """A map as the browser gets it.

    Attributes
    ----------
    mark
        Tells it from others.
    ids
        (n,) int64: photos by their place.
    corner, unit
        What becomes 0, (2,), and how large a step of 1 is.
    size
        Width and height, in such steps.
    points
        (n, 2) uint16, x to the right and y downwards.
    """

    mark: str
    ids: np.ndarray
    corner: np.ndarray
    unit: float
    size: tuple[int, int]
    points: np.ndarray

    def steps(self, positions: np.ndarray) -> np.ndarray:
        """Return positions of the map, (m, 2), in steps, (m, 2) float64; outside is moved to the edge."""
        steps: np.ndarray = np.clip((positions * [1, -1] - self.corner) / self.unit, 0, self.size)
        return steps

    def places(self, ids: list[int]) -> list[int]:
        """Return the places of photos, without those that have none."""
        place_of = np.minimum(np.searchsorted(self.ids, ids), max(len(self.ids) - 1, 0))
        return [int(place) for place, one in zip(place_of, ids, strict=True) if self.ids[place] == one]


def show(library: Library) -> None:
    """Show the page."""
    st.html(_STYLE)
    st.subheader(say("Your photos on a map"), anchor=False)
    try:
        ready.load(library)
        found = _current(library)
        if not len(found.ids):
            st.info(say("None of the photos can be laid out; `simsearch doctor` says why."))
            return
        plot = _laid_out(found, f"{library.stamp}-{found.method}-{found.due}")
        left, right = st.columns([3, 1], gap="large")
        with right:
            landed = _ask(library, found, plot)
        with left:
            _show_map(library, found, plot)
            opened = plot.places([st.session_state[_OPENED]] if _OPENED in st.session_state else [])
            marks = {"mark": plot.mark, "query": landed, "opened": opened[0] if opened else -1}
            _serve_pictures(library, plot, marks)
        with right:
            _show_opened(library)
    except SimsearchError as error:
        show_error(error)


# The map


def _current(library: Library) -> Map:
    """Return the map; where a better one takes a while, what there is, with how far the better one is."""
    found = library.map(at_hand=True)
    maker = _maker(library.key)
    if not found.due or (ready.is_busy(library) and not maker.running):  # more photos are about to come
        return found
    if len(library) <= _FEW:
        with st.spinner(say("Laying out the photos ...")):
            return library.map()
    if maker.start(library):
        st.fragment(_show_making, run_every=_SECONDS_A_LOOK)(maker, len(library))
    elif maker.problem:
        show_error(maker.problem)
    return found


class _Maker:
    """Has the map of a library made, for all sessions, and waits for it in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = ""  # the stamp of the library that it was made of
        self.thread: threading.Thread | None = None
        self.started = 0.0
        self.problem: SimsearchError | None = None

    @property
    def running(self) -> bool:
        """Whether it is at it."""
        return self.thread is not None and self.thread.is_alive()

    def start(self, library: Library) -> bool:
        """Have the map made, if it was not of the library as it is now; return whether it is being made."""
        with self._lock:
            if not self.running and self._asked != library.stamp:
                self._asked, self.started, self.problem = library.stamp, time.monotonic(), None
                self.thread = threading.Thread(target=self._make, args=(library,), daemon=True)
                self.thread.start()
            return self.running

    def _make(self, library: Library) -> None:
        try:
            library.make_map()
        except SimsearchError as error:
            self.problem = error
        except OSError as error:  # no memory for another process, say
            reason = (error.strerror or str(error)).lower()
            self.problem = SimsearchError(f"map: cannot be made ({reason}); try again later.")


@st.cache_resource(max_entries=1, show_spinner=False)
def _maker(key: str) -> _Maker:
    return _Maker()


def _show_making(maker: _Maker, photos: int) -> None:
    if maker.running:
        expected = max(photos / _PHOTOS_A_SECOND, 1.0)
        passed = time.monotonic() - maker.started
        st.progress(
            1 - math.exp(-1.5 * passed / expected),  # however long it takes on this machine, it moves on
            say(
                "A better map is being made, which takes about {time}; here is a rougher one.",
                time=duration(expected),
            ),
        )
    else:
        st.rerun()


@st.cache_data(max_entries=4, show_spinner=False)
def _laid_out(_found: Map, mark: str) -> _Plot:
    positions = _found.positions.astype(np.float64) * [1, -1]  # a screen's y goes down
    low, high = positions.min(axis=0), positions.max(axis=0)
    longest = float((high - low).max()) or 1.0
    size = np.maximum(high - low, _NARROWEST * longest)
    corner, unit = (low + high - size) / 2, longest / _LARGEST
    width, height = (size / unit).round().astype(int).tolist()
    points = np.round((positions - corner) / unit).clip(0, _LARGEST).astype(np.uint16)
    return _Plot(mark, _found.ids, corner, unit, (width, height), points)


# While photos are indexed the clusters may be old ones.
@st.cache_data(max_entries=8, show_spinner=False)
def _coloured(_library: Library, mark: str, busy: bool, way: str, _ids: np.ndarray) -> colours.Colours:
    return colours.WAYS[way](_library, _ids)


def _show_map(library: Library, found: Map, plot: _Plot) -> None:
    way = st.segmented_control(say("Colour by"), list(colours.WAYS), default="Folder", format_func=say)
    with st.spinner(say("Colouring the photos ...")):
        coloured = _coloured(library, plot.mark, ready.is_busy(library), way or "Nothing", plot.ids)
    count = say_count(len(plot.ids), "{n} photo", "{n} photos")
    data = {
        "mark": plot.mark,
        "points": _packed(plot.points.astype("<u2")),
        "ids": _packed(plot.ids.astype("<u4")),
        "size": plot.size,
        "codes": _packed(coloured.codes),
        "palette": coloured.palette,
        "legend": _legend(coloured),
        "texts": _texts(count),
    }
    component = st.components.v2.component(
        "simsearch_map", html=_HTML, css=assets.text("map.css"), js=assets.text("map.js")
    )
    component(key=_PLOT, data=data, on_opened_change=lambda: _open(plot))
    pca = found.method == "pca"
    made = say("by their two main directions") if pca else say("neighbours together (t-SNE)")
    st.caption(
        say(
            "{photos}, {made}. Drag to move, turn the wheel or pinch to zoom, click to open; a double click "
            "shows all. Directions mean nothing, only what lies close together does.",
            photos=count,
            made=made,
        )
    )
    if coloured.hint:
        st.caption(say(coloured.hint))
    if found.hint:
        st.caption(plain(told(found.hint)))
    with st.expander(say("The map in words")):
        st.markdown("\n".join(f"- {plain(line)}" for line in _in_words(plot, coloured)))


def _texts(count: str) -> dict[str, Any]:
    """Return what the map says by itself, in the visitor's language; ``tools`` are names and longer ones."""
    return {
        "label": say("Map of {photos}. Below, it is told in words.", photos=count),
        "role": say("map"),
        "keys": say(
            "Arrows move, plus and minus zoom, 0 shows all of it, Enter opens the photo in the middle."
        ),
        "colours": say("Colours"),
        "tools": {
            "in": [say("Closer"), say("Closer (+)")],
            "out": [say("Farther"), say("Farther (-)")],
            "all": [say("Show all of it"), say("All of it (0)")],
            "pictures": [say("Pictures also from afar")] * 2,
        },
    }


def _legend(coloured: colours.Colours) -> dict[str, Any]:
    """Return the legend as the browser shows it."""
    scale = coloured.legend["scale"]
    if scale:
        scale = scale | {end: day(date.fromordinal(scale[end])) for end in ("first", "last")}
    kinds = [
        kind | {"name": _name_of(kind), "counted": number(kind["count"])} for kind in coloured.legend["kinds"]
    ]
    return {"kinds": kinds, "scale": scale}


def _name_of(kind: dict[str, Any]) -> str:
    """Return what a kind is called: by the user, or in a sentence of ours about its number."""
    name: str = kind["name"]
    return say(name, n=kind["number"]) if "number" in kind else name


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def _open(plot: _Plot) -> None:
    """Open the photo that was clicked on."""
    for place in _asked_for(plot, st.session_state[_PLOT].get("opened")):
        st.session_state[_OPENED] = int(plot.ids[place])


def _asked_for(plot: _Plot, asked: Any) -> list[int]:
    """Return the places that the browser asked for; none where it still shows another map."""
    if not isinstance(asked, dict) or asked.get("mark") != plot.mark:
        return []
    places = [place for place in asked.get("places", ()) if isinstance(place, int)]
    return [place for place in places if 0 <= place < len(plot.ids)][:_AT_ONCE]


def _in_words(plot: _Plot, coloured: colours.Colours) -> list[str]:
    """Return where the groups of the legend lie."""
    groups = [kind for kind in coloured.legend["kinds"] if not kind.get("rest")][:_IN_WORDS]
    middles = {
        kind["code"]: np.median(plot.points[coloured.codes == kind["code"]], axis=0) / plot.size
        for kind in groups
    }
    lines = [say_count(len(plot.ids), "{n} photo in all.", "{n} photos in all.")]
    name_of = {kind["code"]: _name_of(kind) for kind in groups}
    for kind in groups:
        middle = middles[kind["code"]]
        apart = {
            code: float(np.hypot(*(middle - at))) for code, at in middles.items() if code != kind["code"]
        }
        values = {
            "name": name_of[kind["code"]],
            "photos": say_count(kind["count"], "{n} photo", "{n} photos"),
            "where": _whereabouts(*middle.tolist()),
        }
        if apart:
            nearest = name_of[min(apart, key=apart.__getitem__)]
            lines.append(say("{name}: {photos}, {where}, nearest to {nearest}.", **values, nearest=nearest))
        else:
            lines.append(say("{name}: {photos}, {where}.", **values))
    return lines


def _whereabouts(x: float, y: float) -> str:
    across, down = (0 if share < 1 / 3 else 2 if share > 2 / 3 else 1 for share in (x, y))
    return say(_PLACES[down][across])


# Pictures, as the browser asks for them


@st.fragment
def _serve_pictures(library: Library, plot: _Plot, marks: dict[str, Any]) -> None:
    """Send marks and pictures to the map; only this is run again for pictures."""
    component = st.components.v2.component(
        "simsearch_pictures", html="<i></i>", js=assets.text("pictures.js")
    )
    component(
        key=_PICTURES,
        data={"marks": marks, "pictures": st.session_state.pop(_ANSWER, [])},
        on_wanted_change=lambda: _answer(library, plot),
    )


def _answer(library: Library, plot: _Plot) -> None:
    places = _asked_for(plot, st.session_state[_PICTURES].get("wanted"))
    st.session_state[_ANSWER] = [
        {"photo": int(plot.ids[place]), **_picture(library, int(plot.ids[place]))} for place in places
    ]


def _picture(library: Library, photo_id: int) -> dict[str, str]:
    try:
        hit = library.photo(photo_id)
        thumbnail = library.thumbnail(hit)
        small = _shrunk(library, thumbnail) if thumbnail else b""
    except PhotoError:
        return {"name": say("no longer here"), "where": "", "url": ""}
    address = thumbs.address(small) if small else ""
    return {"name": hit.path.name, "where": _where(hit), "url": address}


@st.cache_data(max_entries=5_000, show_spinner=False)
def _shrunk(_library: Library, thumbnail: bytes) -> bytes:
    return _library.preview(thumbnail, _SIDE)


def _where(hit: Hit) -> str:
    taken = day(hit.taken_at) if hit.taken_at else ""
    away = say("offline") if hit.offline else ""
    return " · ".join(filter(None, (hit.path.parent.name, taken, away)))


# The query, and the photo that was opened


def _ask(library: Library, found: Map, plot: _Plot) -> dict[str, Any] | None:
    """Ask for a picture; return where it lands, in steps, and the places of the photos nearest to it."""
    st.markdown(say("Where does a picture land?"))
    sources.show(library, _note)
    asked: bytes | Hit | None
    crop: Part | None
    question: Question | None = st.session_state.get(_ASKED)
    try:
        if question:
            asked, crop = sources.picture(library, question), None
        else:
            asked, crop = st.session_state.get("asked", (None, None))
        if asked is None:
            return None
        (x, y), near = _landed(library, found, library.stamp, plot.mark, asked, crop)
    except SimsearchError as error:
        show_error(error)
        return None
    with st.container(key="landed"):
        shown = _preview(library, library.stamp, asked, _OPENED_SIDE // 2, crop)
        st.image(shown, alt=sources.name_of(asked))
    names = Counter(hit.path.parent.name for hit in near).most_common(3)
    among = ", ".join(f"{name} ({number(count)})" for name, count in names)
    if not question:
        st.caption(say("This is the picture of the page Search."))
    if near:
        lands = say("It lands at the cross; ringed are the photos most like it, of {folders}.", folders=among)
        st.caption(plain(lands))
    else:
        st.caption(say("It lands at the cross, but nothing here is similar."))
    [[across, down]] = plot.steps(np.array([[x, y]])).tolist()
    return {"x": across, "y": down, "near": plot.places([hit.id for hit in near])}


def _note(question: Question) -> None:
    st.session_state[_ASKED] = question


@st.cache_data(max_entries=50, show_spinner=False)
def _landed(
    _library: Library, _found: Map, stamp: str, mark: str, asked: bytes | Hit, crop: Part | None
) -> tuple[tuple[float, float], list[Hit]]:
    hits = _library.search(asked, _NEAR, crop=crop)
    if isinstance(asked, Hit) and crop is None:
        where = _library.place(asked)
    else:
        where = _found.amid([hit.id for hit in hits], [hit.cosine for hit in hits])
    return where, [hit for hit in hits if hit.related]


@st.cache_data(max_entries=50, show_spinner=False)
def _preview(_library: Library, stamp: str, asked: bytes | Hit, side: int, crop: Part | None = None) -> bytes:
    return _library.preview(asked, side, crop)


def _show_opened(library: Library) -> None:
    if _OPENED not in st.session_state:
        st.caption(say("Click on a photo of the map to see it here."))
        return
    try:
        hit = library.photo(st.session_state[_OPENED])
        shown = _preview(library, library.stamp, hit, _OPENED_SIDE)
    except SimsearchError as error:
        del st.session_state[_OPENED]
        show_error(error)
        return
    with st.container(key="opened"):
        st.image(shown, alt=hit.path.name)
        st.html(
            f'<div class="about-photo" title="{html.escape(str(hit.path))}">'
            f'<b>{html.escape(hit.path.name)}</b><div class="where">{html.escape(_where(hit))}</div></div>'
        )
        if st.button(say("More like this"), icon=":material/image_search:", type="primary"):
            places.search_like(hit)
