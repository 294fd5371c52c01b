"""Search: a picture in, the most similar photos out."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from simsearch import Filters, Hit, Library, Query, SimsearchError
from simsearch.ui import (
    address,
    filters,
    hits,
    part,
    places,
    queries,
    ready,
    sources,
    start,
    taste,
    trail,
    votes,
)
from simsearch.ui.address import Question
from simsearch.ui.asked import Asked
from simsearch.ui.words import noted, number, percent, plain, say, show_error, told

ENGINES = {
    "auto": noted("Auto"),
    "exact": noted("Exact"),
    "faiss": noted("FAISS"),
    "lsh": noted("LSH"),
    "milvus": noted("Milvus"),  # where the library was pushed to a server
}
_FILTERED = "filters-in-address"
_FOUND = (60, 240, address.MOST)  # hits looked for at once; the next number when more are to be shown
_VARIETY = {0.0: noted("alike"), 1.0: noted("varied")}

# The query stays in view while the hits scroll, and scrolls by itself where the window is low.
_STYLE = """
<style>
  @media (min-width: 640px) {
      [data-testid="stColumn"]:has(> div > .st-key-query) {
          position: sticky; top: 4rem; align-self: flex-start; max-height: calc(100vh - 4rem);
          overflow-y: auto; scrollbar-width: thin;
      }
  }
  .st-key-tools { align-items: center; }
  .st-key-tools > :not(:has(> .st-key-taste)) { flex: 0 1 auto; width: auto; }
  .st-key-query img { width: 100%; max-height: 40vh; object-fit: contain; border-radius: .5rem; }
  @media (max-width: 640px) {
      .st-key-query img { max-height: 22vh; }
      .st-key-tools > :has([class*="st-key-tasted-"]) { flex-basis: 100%; }
      /* The hits come right below the query, and what is said of it below them. */
      [data-testid="stColumn"]:has(.st-key-aside), [data-testid="stColumn"]:has(.st-key-aside) > div,
      [data-testid="stColumn"]:has(.st-key-aside) > div > div:has(> .st-key-query),
      .st-key-query:has(.st-key-aside) { display: contents; }
      .st-key-query:has(.st-key-aside) > * { flex: 1 1 100%; min-width: 0; }
      .st-key-query > div:has(> .st-key-aside) { order: 1; }
      [data-testid="stHorizontalBlock"]:has(> div > div > div > .st-key-query .st-key-aside) { gap: 1rem; }
  }
</style>
"""


class _Answer(NamedTuple):
    """The hits of a query, and how long it took to find them."""

    hits: list[Hit]
    milliseconds: float


# The underscore keeps Streamlit from hashing the library, here and elsewhere: its stamp stands for what it
# holds. Hits say whether their folder is online.
@st.cache_data(max_entries=100, show_spinner=False)
def _find(
    _library: Library,
    stamp: str,
    online: list[str],
    asked: tuple[Any, ...],
    _query: Query,
    _liked: tuple[Hit, ...],
    _disliked: tuple[Hit, ...],
    k: int,
    options: dict[str, Any],
) -> _Answer:
    started = time.perf_counter()
    found = _library.search([_query, *_liked], k, minus=[*_disliked], **options)
    return _Answer(found, (time.perf_counter() - started) * 1000)


@st.cache_data(max_entries=4, show_spinner=False)
def _engines(_library: Library, stamp: str) -> tuple[list[str], str]:
    """Return the engines that can be chosen, and what "auto" stands for."""
    status = _library.status()
    return [name for name in ENGINES if name != "milvus" or status["milvus"]], status["engine"]


def show(library: Library) -> None:
    """Show the search page."""
    st.html(_STYLE + part.STYLE + votes.STYLE + taste.STYLE + filters.STYLE + hits.STYLE + trail.STYLE)
    try:
        ready.load(library)
    except SimsearchError as error:
        show_error(error)
        return
    if places.came():
        address.recall()
    address.remember()
    question = address.question()
    _begin(question)
    left, right = st.columns([1, 3], gap="large")
    if question:
        _answer(library, question, left, right)
        return
    with left, st.container(key="query"):
        sources.show(library, address.ask)
        trail.show(None)
    with right:
        start.show(library)


def _answer(library: Library, question: Question, left: DeltaGenerator, right: DeltaGenerator) -> None:
    """Show what is asked on the left and what is found on the right: first the hits, which one waits for."""
    with left, st.container(key="query"):
        sources.show(library, address.ask)
        shown = st.container()
        with st.container(key="aside"):
            about = st.container()
            ways = _choose_ways(library)
            work, before = st.empty(), st.container()
    with right:
        tools, found = st.container(key="tools", horizontal=True, gap="small"), st.container()
    try:
        with tools:
            ways |= _filter(library)
        picture = sources.picture(library, question)
        with found:
            taste.leave_out_gone(library)
        asked = _search(library, question, picture, ways)
        with found:
            started = time.perf_counter()
            hits.show(library, asked, address.shown())
            thumbnails = 1000 * (time.perf_counter() - started)
        work.caption(_work({**asked.milliseconds, "thumbnails": thumbnails}))
        with tools:
            taste.show(library, taste.Query(picture, asked.crop))
        with shown:
            _show_query(library, question, asked)
        with about:
            votes.show(library, queries.encoded(library, question.name, picture, asked.crop))
    except SimsearchError as error:
        with shown:
            show_error(error)
        with tools:
            taste.show(library, None)
    with before:
        trail.show(question)


def _filter(library: Library) -> Filters:
    """Let filters be chosen, and have those in the address that are."""
    if address.filters() != st.session_state.get(_FILTERED):  # a bookmark, or Back
        filters.use(filters.from_address(address.filters()))
    chosen = filters.choose(library)
    address.filter_by(filters.to_address(chosen))
    st.session_state[_FILTERED] = address.filters()
    return chosen


def _search(library: Library, question: Question, picture: bytes | Hit, ways: dict[str, Any]) -> Asked:
    """Find the photos most like a picture, or the part of it that is drawn."""
    crop = part.drawn(question.name)
    query = queries.encoded(library, question.name, picture, crop)
    liked, disliked = taste.current()
    key = question, crop, *(tuple(hit.id for hit in hits) for hits in (liked, disliked))
    stamp = library.stamp, [str(root) for root in library.roots(online=True)]
    k = next(many for many in _FOUND if many >= address.shown())
    answer = _find(library, *stamp, key, query, liked, disliked, k, ways)
    st.session_state["asked"] = picture, crop  # for the map
    took = {**query.milliseconds, "search": answer.milliseconds}
    return Asked(picture, crop, answer.hits, len(answer.hits) == k < _FOUND[-1], took)


def _show_query(library: Library, question: Question, asked: Asked) -> None:
    """Show what was asked."""
    name, picture = question.name, asked.query
    whole = queries.encoded(library, name, picture)
    title = sources.name_of(picture)
    part.show(name, queries.preview(library, name, picture, whole), title)
    if isinstance(picture, Hit):
        st.caption(say("More like {name}", name=plain(title)))
    trail.note(library, question, whole, title)


def _begin(question: Question | None) -> None:
    """Forget what was said of another query."""
    taste.turn_to(question)
    if st.session_state.get("query") != question:
        hits.forget()
    st.session_state["query"] = question


def _choose_ways(library: Library) -> dict[str, Any]:
    """Let be chosen how to search; return options of :meth:`Library.search`."""
    with st.expander(say("Advanced")):
        diversity = st.select_slider(
            say("Alike … varied"), [step / 10 for step in range(11)], format_func=_variety
        )
        engines, auto = _engines(library, library.stamp)
        engine = st.selectbox(say("Engine"), engines, format_func=_engine_name)
        if engine == "auto":
            st.caption(say("Auto is {engine}.", engine=plain(told(auto))))
        rerank = st.toggle(say("Shared neighbours count"), True, help=say("Otherwise only the cosine ranks."))
        fold = st.toggle(say("Fold near-identical photos into one"), True)
    return {"diversity": diversity, "engine": engine, "rerank": rerank, "fold": fold}


def _variety(diversity: float) -> str:
    return say(_VARIETY[diversity]) if diversity in _VARIETY else percent(diversity)


def _engine_name(engine: str) -> str:
    return say(ENGINES[engine])


def _work(milliseconds: dict[str, float]) -> str:
    """Say how long it took, and with what."""
    took = {step: number(time) for step, time in milliseconds.items()}
    return say(
        "{total} ms: decode {decode}, encode {encode}, search {search}, thumbnails {thumbnails}",
        total=number(sum(milliseconds.values())),
        **took,
    )
