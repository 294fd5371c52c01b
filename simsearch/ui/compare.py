"""Compare: the same query answered by every engine, and what LSH misses."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import streamlit as st

from simsearch import Hit, Library, SimsearchError
from simsearch.ui import ready, settings, sources, thumbs
from simsearch.ui.address import Question
from simsearch.ui.words import number, percent, say, say_count, show_error, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ASKED = "compared"
_QUERY_SIDE = 400  # pixels
_HIT_SIDE = 160
_SAME = 1e-6  # scores so close are a tie, and either photo is right

# Pictures stand in HTML, not in Streamlit's columns: those would put each in a row of its own on a phone.
_STYLE = """
<style>
  @media (min-width: 640px) { .about { min-height: 5.4em; } }
  .about { font-size: .85rem; line-height: 1.35; opacity: .8; margin-bottom: .4rem; }
  .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); gap: .6rem; }
  .pictures figure, .missed figure { margin: 0; min-width: 0; }
  .pictures img { width: 100%; height: 5.5rem; object-fit: contain; border-radius: .35rem;
      background: rgba(128, 128, 128, .08); box-sizing: border-box; margin-bottom: .15rem; }
  .pictures .wrong img { outline: 2px dashed rgba(200, 110, 0, .9); outline-offset: -2px; }
  .pictures figcaption { font-size: .75rem; line-height: 1.3; overflow-wrap: anywhere; }
  .pictures .name { display: flex; justify-content: space-between; gap: .3rem; }
  .pictures .name span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .pictures .name b { white-space: nowrap; }
  .pictures .note { font-style: italic; }
  .asked img { max-width: 100%; max-height: 15rem; border-radius: .5rem; display: block; }
  .asked figcaption { font-size: .85rem; overflow-wrap: anywhere; }
  .asked { margin: 0; }
  .missed { display: grid; gap: 1rem;
      grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); }
  .missed figure { display: flex; gap: .75rem; align-items: flex-start; }
  .missed img { flex: none; width: 6rem; height: 6rem; object-fit: contain; border-radius: .35rem;
      background: rgba(128, 128, 128, .08); }
  .missed figcaption { font-size: .85rem; line-height: 1.35; overflow-wrap: anywhere; }
</style>
"""


# It also rises when LSH is tuned.
@st.cache_data(max_entries=100, show_spinner=False)
def _compare(_library: Library, stamp: str, query: bytes | Hit, k: int) -> dict[str, Any]:
    return _library.compare(query, k)


@st.cache_data(max_entries=100, show_spinner=False)
def _preview(_library: Library, stamp: str, query: bytes | Hit) -> str:
    return thumbs.address(_library.preview(query, _QUERY_SIDE))


@st.cache_data(max_entries=2_000, show_spinner=False)
def _small(_library: Library, stamp: str, hit: Hit) -> str:
    thumbnail = _library.thumbnail(hit)
    return thumbs.address(_library.preview(thumbnail, _HIT_SIDE)) if thumbnail else ""


def show(library: Library) -> None:
    """Show the page."""
    st.html(_STYLE)
    st.subheader(say("One query, three engines"), anchor=False)
    if len(library) < 2:
        st.info(say("There is one photo only, and comparing takes at least two; index some more."))
        return
    try:
        ready.load(library)
        _show_comparison(library)
        settings.show(library)
    except SimsearchError as error:
        show_error(error)


# The query and its answers


def _show_comparison(library: Library) -> None:
    try:
        query, k = _ask(library)
        if query is None:
            st.caption(say("Its nearest photos appear here, as each engine finds them."))
            return
        with st.spinner(say("Asking every engine ...")):
            compared = _compare(library, library.stamp, query, k)
    except SimsearchError as error:  # of this query: the rest of the page does without
        show_error(error)
        return
    answers = compared["answers"]
    for column, answer in zip(st.columns(len(answers), gap="medium"), answers, strict=True):
        with column:
            _show_answer(library, answer, answers[0]["hits"])
    _show_missed(library, compared["missed"], compared["settings"], len(answers[0]["hits"]))


def _ask(library: Library) -> tuple[bytes | Hit | None, int]:
    asking, asked = st.columns([2, 1], gap="large")
    with asking:
        sources.show(library, _note)
        k = st.slider(say("Number of hits"), 4, 60, 15)
    question: Question | None = st.session_state.get(_ASKED)
    if question is None:
        return None, k
    query = sources.picture(library, question)
    with asked:
        name = sources.name_of(query)
        picture = _img(_preview(library, library.stamp, query), name)
        st.html(f'<figure class="asked">{picture}<figcaption>{html.escape(name)}</figcaption></figure>')
    return query, k


def _note(question: Question) -> None:
    st.session_state[_ASKED] = question


def _show_answer(library: Library, answer: dict[str, Any], nearest: Sequence[Hit]) -> None:
    figures = {
        say("Search alone"): _milliseconds(answer["milliseconds"]),
        say("Recall against exact"): percent(answer["recall"]),
        say("Scanned"): settings.share(answer["scanned"]),
        say("Compared exactly"): settings.share(answer["compared"]),
        say("Memory"): f"{number(answer['bytes'] / 1e6, 1)} MB",
    }
    lines = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in figures.items())
    st.markdown(f"#### {settings.engine(answer['engine'])}")
    about = told(answer["about"])
    if answer["engine"] == "lsh" and answer["scanned"] == 1:
        unlike = say("This picture is unlike all photos here, or they are few: every one was compared.")
        about = f"{about}. {unlike}"
    st.html(f'<div class="about">{html.escape(about)}</div><dl class="figures">{lines}</dl>')
    st.html(f'<div class="pictures">{"".join(_pictures(library, answer["hits"], nearest))}</div>')


def _milliseconds(value: float) -> str:
    return f"{number(value, 2 if value < 10 else 0)} ms"


def _pictures(library: Library, hits: Sequence[Hit], nearest: Sequence[Hit]) -> Iterable[str]:
    ids = {hit.id for hit in nearest}
    for hit in hits:
        # Of photos that tie for the last place, any is right.
        right = hit.id in ids or hit.score >= nearest[-1].score - _SAME
        name = html.escape(hit.path.name)
        note = "" if right else f'<div class="note">{say("not among the nearest")}</div>'
        yield (
            f'<figure class="{"right" if right else "wrong"}" title="{html.escape(str(hit.path))}">'
            f"{_img(_small(library, library.stamp, hit), hit.path.name)}"
            f'<figcaption><div class="name"><span>{name}</span><b>{number(hit.score, 2)}</b></div>'
            f"{note}</figcaption></figure>"
        )


def _img(source: str, name: str) -> str:
    return f'<img src="{source}" alt="{html.escape(name)}">' if source else ""


# What LSH missed


def _show_missed(
    library: Library, missed: Sequence[dict[str, Any]], knobs: dict[str, int], count: int
) -> None:
    st.subheader(say("What LSH missed, and why"), anchor=False)
    if not missed:
        st.write(say("Nothing: it found all {n} of the true nearest.", n=count))
        return
    st.caption(
        say(
            "{n} of the {count} true nearest. Cosines as hashed are seen from the photos' mean.",
            n=len(missed),
            count=count,
        )
    )
    cards = []
    for miss in sorted(missed, key=lambda miss: -miss["hit"].score):
        hit = miss["hit"]
        name = html.escape(hit.path.name)
        picture = _img(_small(library, library.stamp, hit), hit.path.name)
        where = say("{name} in {folder}", name=f"<b>{name}</b>", folder=html.escape(hit.path.parent.name))
        scores = {"score": number(hit.score, 2), "cosine": number(miss["cosine"], 2)}
        cards.append(
            f'<figure title="{html.escape(str(hit.path))}">{picture}<figcaption>'
            f"{where}<br>{say('score {score}, cosine as hashed {cosine}', **scores)}<br>"
            f"{_why(miss['probes_needed'], knobs)}</figcaption></figure>"
        )
    st.html(f'<div class="missed">{"".join(cards)}</div>')


def _why(needed: int | None, knobs: dict[str, int]) -> str:
    if needed is None:
        return say_count(
            knobs["hits"],
            "No number of buckets within reach meets it: its code differs from the query's in bits that are "
            "not weak.",
            "No number of buckets within reach meets it in {n} tables: its code differs from the query's in "
            "bits that are not weak.",
        )
    if needed > knobs["probes"]:
        return say_count(
            knobs["hits"],
            "Meeting it would have taken {needed} buckets; LSH looks into {probes}.",
            "Meeting it in {n} tables would have taken {needed} buckets; LSH looks into {probes}.",
            needed=needed,
            probes=knobs["probes"],
        )
    return say("It was met, but too many others had signatures more similar to the query's.")
