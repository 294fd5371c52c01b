"""Search: a picture in, the most similar photos out."""

from __future__ import annotations

import html
import time
from typing import Any, NamedTuple

import streamlit as st

from simsearch import Hit, Library, SimsearchError
from simsearch.ui import hits, part, taste, votes
from simsearch.ui.asked import Asked
from simsearch.ui.words import plain, show_error

ENGINES = {"auto": "Auto", "exact": "Exact", "faiss": "FAISS", "lsh": "LSH"}
_QUERY_SIDE = 800  # pixels; the query is the largest picture on the page
_VARIETY = {
    step / 10: "alike" if step == 0 else "varied" if step == 10 else f"{step}0 %" for step in range(11)
}

# The query stays in view while the hits scroll, and scrolls by itself where the window is low.
_STYLE = """
<style>
  .stMainBlockContainer { padding-top: 4.5rem; }
  @media (min-width: 640px) {
      [data-testid="stColumn"]:has(> div > .st-key-query) {
          position: sticky; top: 4rem; align-self: flex-start; max-height: calc(100vh - 4rem);
          overflow-y: auto; scrollbar-width: thin;
      }
  }
  .st-key-query img { width: 100%; max-height: 40vh; object-fit: contain; border-radius: .5rem; }
  @media (max-width: 640px) { .st-key-query img { max-height: 30vh; } }
  .st-key-dials { flex-wrap: nowrap; }
  .st-key-dials > div { min-width: 0; flex: 1 1 0; }
  .st-key-why img { max-height: 50vh; object-fit: contain; }
</style>
"""


class Answer(NamedTuple):
    """The hits of a query, and how long it took to find them."""

    hits: list[Hit]
    milliseconds: float


# The underscore keeps Streamlit from hashing the library; the generation stands for what it holds, and hits
# say whether their folder is online.
@st.cache_data(max_entries=100, show_spinner=False)
def _find(
    _library: Library,
    generation: int,
    online: list[str],
    likes: list[bytes | Hit],
    dislikes: list[Hit],
    k: int,
    options: dict[str, Any],
) -> Answer:
    started = time.perf_counter()
    found = _library.search(likes, k, minus=dislikes, **options)
    return Answer(found, (time.perf_counter() - started) * 1000)


@st.cache_data(max_entries=100, show_spinner=False)
def _preview(_library: Library, generation: int, query: bytes | Hit) -> bytes:
    return _library.preview(query, _QUERY_SIDE)


@st.cache_resource(show_spinner="Getting ready (the first time takes half a minute) ...")
def warm_up(_library: Library, folder: str) -> None:
    """Load the network and the index, once."""
    _library.load()


def show(library: Library) -> None:
    """Show the search page."""
    st.html(_STYLE + part.STYLE + votes.STYLE + taste.STYLE + hits.STYLE)
    query, found = st.columns([1, 3], gap="large")
    with query, st.container(key="query"):
        st.subheader("Find similar photos", anchor=False)
        asked = _ask(library)
    with found:
        taste.show(library, taste.Query(asked.query, asked.crop) if asked else None)
        if asked:
            hits.show(library, asked)
        elif not st.session_state.get("query"):
            _show_nothing_asked(library)


def _show_nothing_asked(library: Library) -> None:
    st.subheader(f"{len(library):,} photos are ready", anchor=False)
    if is_busy(library):
        st.caption("More are being indexed: the page Library shows how far that is.")
    st.caption("The most similar ones appear here. Nothing leaves this machine; photos are only read.")


def _ask(library: Library) -> Asked | None:
    """Show the query's side of the page and return what was found, if something was asked."""
    try:
        warm_up(library, str(library.path))
        uploaded = st.file_uploader("Drop a picture, in the collection or not", on_change=_forget_photo)
        photo: Hit | None = st.session_state.get("photo")
        query: bytes | Hit
        if photo:
            query, name = photo, f"photo-{photo.id}"
        elif uploaded:
            query, name = uploaded.getvalue(), f"upload-{uploaded.file_id}"
        else:
            _begin(None)
            st.session_state.pop("asked", None)
            return None
        _begin(name)
        shown = st.container()
        k, diversity = _turn_dials()
        options = {"diversity": diversity, "crop": part.drawn(name), **_choose_ways(library)}
        st.session_state["asked"] = query, options["crop"]  # for the map
        generation, online = library.generation, [str(root) for root in library.roots(online=True)]
        liked, disliked = taste.current()
        answer = _find(library, generation, online, [query, *liked], [*disliked], k, options)
        with shown:
            part.show(name, _preview(library, generation, query))
            if photo:
                _show_way_back(photo, "Back to the uploaded picture" if uploaded else "Clear")
            votes.show(library, query, options["crop"])
        count = hits.meaningful(answer.hits)
        st.caption(f"{count} {'hit' if count == 1 else 'hits'} in {answer.milliseconds:.0f} ms")
        return Asked(query, options["crop"], answer.hits)
    except SimsearchError as error:
        show_error(error)
        return None


def _begin(query: str | None) -> None:
    """Forget what was said of another query."""
    if st.session_state.get("query") != query:
        taste.forget()
        hits.forget()
    st.session_state["query"] = query


def _turn_dials() -> tuple[int, float]:
    """Let be chosen how many hits there are, and how different from each other."""
    with st.container(key="dials", horizontal=True, gap="medium"):
        k: int = st.slider("Number of hits", 4, 60, 15)
        diversity: float = st.select_slider(
            "Alike … varied", list(_VARIETY), format_func=_VARIETY.__getitem__
        )
    return k, diversity


def _choose_ways(library: Library) -> dict[str, Any]:
    """Let be chosen how to search; return options of :meth:`Library.search`."""
    with st.expander("Advanced"):
        engine = st.selectbox("Engine", list(ENGINES), format_func=ENGINES.__getitem__)
        if engine == "auto":
            st.caption(f"Auto is {plain(library.status()['engine'])}.")
        rerank = st.toggle("Shared neighbours count", True, help="Otherwise only the cosine ranks.")
        fold = st.toggle("Fold near-identical photos into one", True)
    return {"engine": engine, "rerank": rerank, "fold": fold}


def _show_way_back(photo: Hit, label: str) -> None:
    st.html(f'<div class="facts">More like <b>{html.escape(photo.path.name)}</b></div>')
    st.button(label, icon=":material/arrow_back:", on_click=_forget_photo)


def is_busy(library: Library) -> bool:
    """Whether a run of indexing is under way."""
    run = library.run
    return bool(run and run["running"])


def _forget_photo() -> None:
    st.session_state.pop("photo", None)
