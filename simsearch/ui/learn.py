"""Learn: what the library has learnt and what that gains, teaching it, and asking it what a picture is."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from simsearch import Hit, LearningError, Library, SimsearchError
from simsearch.ui import lesson, queries, ready, sources, thumbs, votes
from simsearch.ui.address import Question
from simsearch.ui.lesson import Wish
from simsearch.ui.ready import is_busy
from simsearch.ui.words import day, noted, number, percent, plain, say, say_count, show_error, show_failure
from simsearch.ui.work import Desk, Work, desk

_SECONDS_A_LOOK = 0.5
_VOTED = 10  # kinds that are shown
_ASKED = "learn-asked"
_LAST = "making the index anew"
_DOING = {
    "getting ready": noted("Getting ready ..."),
    "reading embeddings": noted("Reading what the photos look like ..."),
    "trying it on photos held out": noted("Trying it on photos held out ..."),
    _LAST: noted("Making the index anew ..."),
    "reading the photos": noted("Reading the photos ..."),
    "starting TensorFlow": noted("Starting TensorFlow ..."),
    "looking at the photos": noted("Looking at the photos, as they are and altered ..."),
    "training": noted("Training, in rounds ..."),
    "converting it": noted("Converting the network ..."),
    "making the new embeddings": noted("Looking at all photos with the new network ..."),
}
_MEASURES = {
    "precision_at_1": noted("The very first hit is of the photo's kind"),
    "precision_at_15": noted("Of the first 15 hits, those of its kind"),
    "accuracy": noted("The 15 nearest vote for its kind"),
}

_STYLE = """
<style>
  .stMainBlockContainer { padding-top: 4.5rem; }
  table.gain { width: 100%; border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
  .gain caption { text-align: left; font-weight: 600; padding-bottom: .35rem; }
  .gain caption span { font-weight: 400; opacity: .75; }
  .gain th, .gain td { border: 0; padding: .3rem .6rem .3rem 0; font-weight: 400; text-align: right;
      white-space: nowrap; }
  .gain thead th { font-size: .8rem; opacity: .75; }
  .gain th:first-child { text-align: left; white-space: normal; }
  .gain td.after { font-weight: 600; }
  .gain .bar { position: relative; height: .45rem; border-radius: .25rem; margin-top: .3rem; overflow: hidden;
      background: rgba(128, 128, 128, .16); }
  .gain .bar i { position: absolute; inset: 0 auto 0 0; background: #3987b8; }
  .gain .bar b { position: absolute; top: 0; bottom: 0; width: 2px; background: currentColor; }
  .asked img { max-width: 100%; max-height: 40vh; border-radius: .5rem; }
  .st-key-asked .votes { font-size: .95rem; }
</style>
"""


def show(library: Library) -> None:
    """Show the page."""
    st.html(_STYLE + votes.STYLE)
    st.subheader(say("What the library has learnt"), anchor=False)
    learnt = library.learnt()
    _show_learnt(library, learnt)
    teach, ask = st.columns(2, gap="large")
    with teach:
        st.subheader(say("Teach it"), anchor=False)
        _show_lesson(library, learnt)
    with ask, st.container(key="asked"):
        st.subheader(say("What is it?"), anchor=False)
        _ask(library)


# What it has learnt


def _show_learnt(library: Library, learnt: dict[str, Any]) -> None:
    st.markdown(_learnt_text(learnt))
    then, count = learnt.get("library", 0), len(library)
    if 0 < then < count:
        st.caption(say("The library had {then} photos then, and has {count} now.", then=then, count=count))
    if learnt["lesson"] == "folders":
        _show_gain(learnt["gain"], st.columns(2, gap="large"))
        with st.expander(say("The kinds it knows")):
            names = votes.shown(learnt["kinds"], library.roots())
            st.markdown(" · ".join(map(plain, names)))
    _show_labels(library)


def _learnt_text(learnt: dict[str, Any]) -> str:
    when = day(datetime.fromisoformat(learnt["at"])) if "at" in learnt else ""
    if learnt["lesson"] == "off":
        return say(
            "**Nothing**, as was wished on {when}: photos are compared as the network sees them.", when=when
        )
    if learnt.get("alike"):
        return say("**Nothing yet**, as {n} photos do not differ.", n=learnt["alike"])
    if not learnt["photos"]:
        return say("**Nothing yet**, for want of photos. From 50 on it learns by itself what they differ in.")
    photos = say_count(learnt["photos"], "{n} photo", "{n} photos")
    if learnt["lesson"] == "photos":
        return say("**What your photos differ in**, from {photos}, on {when}.", photos=photos, when=when)
    told = {"n": len(learnt["kinds"]), "photos": photos, "when": when}
    if learnt["labels"]:
        return say("**What tells {n} labels apart**, from {photos}, on {when}.", **told)
    text = say("**What tells {n} folders apart**, from {photos}, on {when}.", **told)
    if learnt.get("under"):
        text += " " + say("Only those below {folder}.", folder=plain(learnt["under"]))
    return text


def _show_labels(library: Library) -> None:
    count = lesson.count_labels(library, library.stamp)
    if not count:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            say_count(
                count, "{n} photo has a label; only it votes.", "{n} photos have a label; only they vote."
            ),
            width="content",
        )
        with st.popover(say("Forget the labels"), icon=":material/label_off:"):
            st.write(say("Folders vote again then. Photos, and what was learnt, stay as they are."))
            if st.button(say("Forget them"), type="primary", disabled=is_busy(library)):
                try:
                    library.drop_labels()
                    st.rerun()
                except SimsearchError as error:
                    show_error(error)


def _show_gain(gain: dict[str, Any], places: Sequence[DeltaGenerator]) -> None:
    """Show what search gains, as two tables of figures before and after, with bars, in a place each."""
    tables = [(say("Kinds it was told"), gain["before"], gain["after"], gain["asked"])]
    if gain["others_before"] and gain["others_after"]:
        others = gain["others_before"], gain["others_after"], gain["others_asked"]
        tables.append((say("Kinds it was not told, to try it"), *others))
    for place, table in zip(places, tables, strict=False):
        place.html(_gain_table(*table))
    st.caption(say("Measured with photos that it did not learn from. The bar is after, the line before."))


def _gain_table(of: str, before: dict[str, float], after: dict[str, float], asked: int) -> str:
    rows = "".join(
        f'<tr><th scope="row">{html.escape(say(words))}{_bar(before[name], after[name])}</th>'
        f"<td>{percent(before[name], 1)}</td>"
        f'<td class="after">{percent(after[name], 1)}</td><td>{_points(after[name] - before[name])}</td></tr>'
        for name, words in _MEASURES.items()
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in (say("before"), say("after"), say("gain")))
    photos = say_count(asked, "{n} photo asked", "{n} photos asked")
    return (
        f'<table class="gain"><caption>{html.escape(of)} <span>· {photos}</span></caption>'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _bar(before: float, after: float) -> str:
    return (
        f'<div class="bar" aria-hidden="true"><i style="width: {after:.1%}"></i>'
        f'<b style="left: calc({before:.1%} - 1px)"></b></div>'
    )


def _points(change: float) -> str:
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return f"{sign}{number(abs(100 * change), 1)}"


# Teaching


def _show_lesson(library: Library, learnt: dict[str, Any]) -> None:
    place = desk(library.key, "learn")
    work = place.last
    running = bool(work and work.running)  # it may end any moment
    if work and not running:
        _show_outcome(library, place, work)
    wish = lesson.choose(library, learnt)
    if work and running:
        st.fragment(_show_progress, run_every=_SECONDS_A_LOOK)(work)
        return
    busy = is_busy(library)
    if busy:
        st.caption(say("Photos are being indexed; what is learnt then has to wait."))
    blocked = wish is None or busy
    if st.button(say("Learn"), icon=":material/school:", type="primary", disabled=blocked) and wish:
        _begin(library, place, wish)


def _begin(library: Library, place: Desk, wish: Wish) -> None:
    place.begin(wish, lambda progress: wish.learn(library, progress))
    st.rerun()


def _show_progress(work: Work[dict[str, Any]]) -> None:
    if not work.running:
        st.rerun()
    doing, done, total = work.progress
    st.progress(done / total if total else 0.0, say(_DOING[doing]))
    if isinstance(work.key, Wish) and work.key.deep is not None:
        st.caption(say("This takes minutes. It goes on when the page is left."))
    else:
        st.caption(
            say("This takes seconds, or a minute where photos are many. It goes on when the page is left.")
        )
    st.button(
        say("Stop"),
        icon=":material/stop_circle:",
        on_click=work.stop,
        help=say("Nothing has changed then."),
        disabled=doing == _LAST,  # which cannot be stopped any more
    )


def _show_outcome(library: Library, place: Desk, work: Work[dict[str, Any]]) -> None:
    error = work.error
    if isinstance(error, LearningError) and error.gain:
        st.warning(say("Search would be worse with this, so nothing was changed. This was measured:"))
        _show_gain(error.gain, [st.container(), st.container()])
        if isinstance(work.key, Wish) and st.button(say("Use it all the same"), icon=":material/warning:"):
            _begin(library, place, work.key._replace(force=True))
    elif error:
        show_failure(error)
    elif work.stopped:
        st.info(say("Stopped. Search is as it was."))
    elif work.outcome and "verdict" in work.outcome:
        _show_trained(work.outcome)
    else:
        st.success(say("Done: search and votes go by it from now on."), icon=":material/check:")
        lesson.show_unknown((work.outcome or {}).get("unknown", []))


def _show_trained(trained: dict[str, Any]) -> None:
    """Say what came of training, against what is learnt in seconds."""
    if trained["network"]:
        st.success(say("Done: the trained network serves from now on."), icon=":material/check:")
    else:
        st.warning(say("The trained network does not find clearly better, so nothing was changed."))
    after = trained["deep_folders" if trained["lesson"] == "folders" else "deep"]
    of = say("Against what is learnt in seconds")
    st.html(_gain_table(of, trained["folders"], after, trained["asked"]))
    if trained["unused"]:
        n = trained["unused"]
        st.caption(
            say_count(
                n, "{n} photo was not used, for want of room.", "{n} photos were not used, for want of room."
            )
        )
    if trained["network"] and trained["untold"]:
        st.caption(
            say_count(
                trained["untold"],
                "{n} photo is of no kind that it was told of. Such photos are found less well now: in what "
                "was measured, they lost 4 to 6 of 100 hits.",
                "{n} photos are of no kind that it was told of. Such photos are found less well now: in what "
                "was measured, they lost 4 to 6 of 100 hits.",
            )
        )
    lesson.show_unknown(trained["unknown"])


# Asking


def _ask(library: Library) -> None:
    st.caption(
        say("Hand it a picture, in the collection or not: the photos most like it vote for their kind.")
    )
    sources.show(library, _note)
    question: Question | None = st.session_state.get(_ASKED)
    if question is None:
        return
    try:
        ready.load(library)
        picture = sources.picture(library, question)
        query = queries.encoded(library, question.name, picture)
        st.html(_picture(queries.preview(library, question.name, picture, query), sources.name_of(picture)))
        if isinstance(picture, Hit):
            st.caption(plain(str(picture.path)))
        if not votes.show(library, query, _VOTED):
            st.caption(say("There are too few photos or kinds here for a vote."))
    except SimsearchError as error:
        show_error(error)


def _note(question: Question) -> None:
    st.session_state[_ASKED] = question


def _picture(jpeg: bytes, name: str) -> str:
    return f'<div class="asked"><img src="{thumbs.address(jpeg)}" alt="{html.escape(name)}"></div>'
