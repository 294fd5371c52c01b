"""Search: a picture in, the most similar photos out."""

from __future__ import annotations

import html
import time
from typing import Any, NamedTuple

import streamlit as st

from simsearch import Hit, Library, SimsearchError
from simsearch.ui import part
from simsearch.ui.words import plain, show_error

ENGINES = {"auto": "Auto", "exact": "Exact", "faiss": "FAISS", "lsh": "LSH"}
_COLUMNS = 3
_QUERY_SIDE = 800  # pixels; the query is the largest picture on the page

# The query stays in view while the hits scroll. Rows of hits have one height, photos their own proportions.
_STYLE = """
<style>
  .stMainBlockContainer { padding-top: 4.5rem; }
  @media (min-width: 640px) {
      [data-testid="stColumn"]:has(> div > .st-key-query) {
          position: sticky; top: 4rem; align-self: flex-start;
      }
  }
  [class*="st-key-hit-"] img {
      height: 15rem; object-fit: contain; border-radius: .5rem; background: rgba(128, 128, 128, .08);
  }
  .st-key-query img { width: 100%; max-height: 60vh; object-fit: contain; border-radius: .5rem; }
  .st-key-why img { max-height: 50vh; object-fit: contain; }
  .facts { font-size: .85rem; line-height: 1.35; overflow-wrap: anywhere; }
  .facts .name { display: flex; justify-content: space-between; gap: .5rem; }
  .facts .score { font-weight: 600; }
  .facts .where { opacity: .7; }
</style>
"""


class Answer(NamedTuple):
    """A query as it is shown (JPEG), its hits, and how long it took to find them."""

    query: bytes
    hits: list[Hit]
    milliseconds: float


class Asked(NamedTuple):
    """What was asked, with which part of it, and the answer."""

    query: bytes | Hit
    crop: part.Part | None
    answer: Answer


# The underscore keeps Streamlit from hashing the library; the generation stands for what it holds, and hits
# say whether their folder is online.
@st.cache_data(max_entries=100, show_spinner="Looking ...")
def _find(
    _library: Library,
    generation: int,
    online: list[str],
    query: bytes | Hit,
    k: int,
    engine: str,
    crop: part.Part | None,
) -> Answer:
    started = time.perf_counter()
    cropped: dict[str, Any] = {"crop": crop} if crop else {}
    if isinstance(query, Hit):
        hits = _library.similar(query, k, engine=engine, **cropped)
    else:
        hits = _library.search(query, k, engine=engine, **cropped)
    milliseconds = (time.perf_counter() - started) * 1000
    return Answer(_library.preview(query, _QUERY_SIDE), hits, milliseconds)


@st.cache_resource(show_spinner="Getting ready (the first time takes half a minute) ...")
def warm_up(_library: Library, folder: str) -> None:
    """Load the network and the index, once."""
    _library.load()


def show(library: Library) -> None:
    """Show the search page."""
    st.html(_STYLE + part.STYLE)
    query, hits = st.columns([1, 3], gap="large")
    with query, st.container(key="query"):
        st.subheader("Find similar photos", anchor=False)
        asked = _ask(library)
    with hits:
        if asked:
            _show_hits(library, asked)
        else:
            st.subheader(f"{len(library):,} photos are ready", anchor=False)
            if is_busy(library):
                st.caption("More are being indexed: the page Library shows how far that is.")
            st.caption(
                "The most similar ones appear here. Nothing leaves this machine; photos are only read."
            )


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
            return None
        shown = st.container()
        k = st.slider("Number of hits", 4, 60, 15)
        online = [str(root) for root in library.roots(online=True)]
        crop = part.drawn(name)
        answer = _find(library, library.generation, online, query, k, _choose_engine(library), crop)
        with shown:
            part.show(name, answer.query)
            if photo:
                _show_way_back(photo, "Back to the uploaded picture" if uploaded else "Clear")
        st.caption(f"{len(answer.hits)} hits in {answer.milliseconds:.0f} ms")
        return Asked(query, crop, answer)
    except SimsearchError as error:
        show_error(error)
        return None


def _choose_engine(library: Library) -> str:
    with st.expander("Advanced"):
        engine = st.selectbox("Engine", list(ENGINES), format_func=ENGINES.__getitem__)
        if engine == "auto":
            st.caption(f"Auto is {plain(library.status()['engine'])}.")
    return engine


def _show_way_back(photo: Hit, label: str) -> None:
    st.html(f'<div class="facts">More like <b>{html.escape(photo.path.name)}</b></div>')
    st.button(label, icon=":material/arrow_back:", on_click=_forget_photo)


def is_busy(library: Library) -> bool:
    """Whether a run of indexing is under way."""
    run = library.run
    return bool(run and run["running"])


def _show_hits(library: Library, asked: Asked) -> None:
    hits = asked.answer.hits
    for start in range(0, len(hits), _COLUMNS):
        for column, hit in zip(st.columns(_COLUMNS), hits[start : start + _COLUMNS], strict=False):
            with column, st.container(key=f"hit-{hit.id}"):
                _show_hit(library, hit, asked)


def _show_hit(library: Library, hit: Hit, asked: Asked) -> None:
    thumbnail = library.thumbnail(hit)
    if thumbnail:
        st.image(thumbnail, width="stretch")
    taken = f" · {hit.taken_at.day} {hit.taken_at:%B %Y}" if hit.taken_at else ""
    away = " · offline" if hit.offline else ""
    st.html(
        f'<div class="facts" title="{html.escape(str(hit.path))}">'
        f'<div class="name">{html.escape(hit.path.name)}<span class="score">{hit.score:.2f}</span></div>'
        f'<div class="where">{html.escape(hit.path.parent.name)}{taken}{away}</div></div>'
    )
    with st.container(horizontal=True, gap="medium"):
        st.button(
            "More like this",
            key=f"more-{hit.id}",
            type="tertiary",
            icon=":material/image_search:",
            on_click=_choose_photo,
            args=(hit,),
        )
        if st.button("Why this one?", key=f"why-{hit.id}", type="tertiary", icon=":material/help:"):
            _show_why(library, hit, asked)


@st.dialog("Why this one?", width="medium")
def _show_why(library: Library, hit: Hit, asked: Asked) -> None:
    try:
        why = library.why(asked.query, hit, crop=asked.crop)
    except SimsearchError as error:
        show_error(error)
        return
    with st.container(key="why"):
        query, found = st.columns(2)
        query.image(why.query, caption="What you asked with")
        found.image(why.hit, caption=plain(hit.path.name))
    if why.note:
        st.info(why.note, icon=":material/frame_inspect:")
    st.caption(
        "The brighter, the more like the other picture it is to the network; grey is no more than chance."
    )


def _choose_photo(hit: Hit) -> None:
    st.session_state["photo"] = hit


def _forget_photo() -> None:
    st.session_state.pop("photo", None)
