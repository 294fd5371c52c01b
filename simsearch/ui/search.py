"""Search: a picture in, the most similar photos out."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import streamlit as st

from simsearch import Hit, Library, Query, SimsearchError
from simsearch.ui import address, hits, part, places, queries, sources, start, taste, trail, votes
from simsearch.ui.address import Question
from simsearch.ui.asked import Asked
from simsearch.ui.part import Part
from simsearch.ui.words import noted, number, percent, plain, say, show_error, told

ENGINES = {"auto": noted("Auto"), "exact": noted("Exact"), "faiss": noted("FAISS"), "lsh": noted("LSH")}
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
  .st-key-query img { width: 100%; max-height: 40vh; object-fit: contain; border-radius: .5rem; }
  @media (max-width: 640px) { .st-key-query img { max-height: 30vh; } }
</style>
"""


class _Answer(NamedTuple):
    """The hits of a query, and how long it took to find them."""

    hits: list[Hit]
    milliseconds: float


# The underscore keeps Streamlit from hashing the library; the generation stands for what it holds, and hits
# say whether their folder is online.
@st.cache_data(max_entries=100, show_spinner=False)
def _find(
    _library: Library,
    folder: str,
    generation: int,
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
def _engine(_library: Library, folder: str, generation: int) -> str:
    return str(_library.status()["engine"])


@st.cache_resource(show_spinner="Getting ready (the first time takes half a minute) ...")
def warm_up(_library: Library, folder: str) -> None:
    """Load the network and the index, once."""
    _library.load()


def show(library: Library) -> None:
    """Show the search page."""
    st.html(_STYLE + part.STYLE + votes.STYLE + taste.STYLE + hits.STYLE + trail.STYLE)
    try:
        warm_up(library, str(library.path))
    except SimsearchError as error:
        show_error(error)
        return
    if places.came():
        address.recall()
    address.remember()
    question = address.question()
    _begin(question)
    query, found = st.columns([1, 3], gap="large")
    with query, st.container(key="query"):
        sources.show(library)
        asked = _ask(library, question) if question else None
        work = st.empty()
        trail.show(question)
    with found:
        taste.show(library, taste.Query(asked.query, asked.crop) if asked else None)
        if asked:
            started = time.perf_counter()
            hits.show(library, asked, address.shown())
            thumbnails = 1000 * (time.perf_counter() - started)
            work.caption(_work({**asked.milliseconds, "thumbnails": thumbnails}))
        elif not question:
            start.show(library)


def _ask(library: Library, question: Question) -> Asked | None:
    """Show the query's side of the page and return what was found, if anything can be asked."""
    try:
        picture = sources.picture(library, question)
        name = question.name
        drawn = part.drawn(name)
        whole = queries.encoded(library, name, picture)
        query = queries.encoded(library, name, picture, drawn) if drawn else whole
        part.show(name, queries.preview(library, name, picture, whole))
        title = picture.path.name if isinstance(picture, Hit) else say("the dropped picture")
        trail.note(library, question, whole, title)
        if isinstance(picture, Hit):
            st.caption(say("More like {name}", name=plain(title)))
        votes.show(library, query)
        answer = _search(library, question, query, drawn, _choose_ways(library))
        st.session_state["asked"] = picture, drawn  # for the map
        took = {**query.milliseconds, "search": answer.milliseconds}
        return Asked(picture, drawn, answer.hits, len(answer.hits) in _FOUND[:-1], took)
    except SimsearchError as error:
        show_error(error)
        return None


def _search(
    library: Library, question: Question, query: Query, crop: Part | None, options: dict[str, Any]
) -> _Answer:
    liked, disliked = taste.current()
    online = [str(root) for root in library.roots(online=True)]
    asked = question, crop, *(tuple(hit.id for hit in hits) for hits in (liked, disliked))
    k = next(many for many in _FOUND if many >= address.shown())
    return _find(
        library, str(library.path), library.generation, online, asked, query, liked, disliked, k, options
    )


def _begin(question: Question | None) -> None:
    """Forget what was said of another query."""
    if st.session_state.get("query") != question:
        taste.forget()
        hits.forget()
    st.session_state["query"] = question


def _choose_ways(library: Library) -> dict[str, Any]:
    """Let be chosen how to search; return options of :meth:`Library.search`."""
    with st.expander(say("Advanced")):
        diversity = st.select_slider(
            say("Alike … varied"), [step / 10 for step in range(11)], format_func=_variety
        )
        engine = st.selectbox(say("Engine"), list(ENGINES), format_func=_engine_name)
        if engine == "auto":
            now = _engine(library, str(library.path), library.generation)
            st.caption(say("Auto is {engine}.", engine=plain(told(now))))
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


def is_busy(library: Library) -> bool:
    """Whether a run of indexing is under way."""
    run = library.run
    return bool(run and run["running"])
