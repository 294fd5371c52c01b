"""Exam: how well the library's own photos are found, at a glance."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import streamlit as st

from simsearch import Library
from simsearch.ui import settings
from simsearch.ui.words import (
    duration,
    noted,
    number,
    percent,
    plain,
    say,
    say_count,
    show_failure,
    told,
)
from simsearch.ui.work import Progress, Work, desk

_SAMPLES = (30, 100, 300)
_USUAL = 100
_PATIENCE = 1.0  # seconds; an exam that is as quick needs no progress shown
_SECONDS_A_LOOK = 0.5
_KINDS_AT_ONCE = 12  # the others are a click away
_ALTERED = {
    "cropped to 70 %": noted("cropped to 70%"),
    "cropped to 50 %": noted("cropped to 50%"),
    "rotated by 90 degrees": noted("turned by 90 degrees"),
    "rotated slightly": noted("turned slightly"),
    "mirrored": noted("mirrored"),
    "recompressed": noted("saved again as a poor JPEG"),
    "quarter size": noted("scaled down to a quarter"),
    "brighter": noted("made brighter"),
    "darker": noted("made darker"),
    "grey": noted("turned grey"),
}
_FOILS = {
    "a detail": noted("enlarged from a detail"),
    "scrambled": noted("scrambled beyond recognition"),
}
_KINDS = {"folders": noted("Folders"), "labels": noted("Labels")}

# Rows of one grid, so that all bars begin at the same place; on a phone the bar goes below its name.
_STYLE = """
<style>
  .bars { display: grid; grid-template-columns: max-content minmax(4rem, 1fr) max-content;
      gap: .35rem .9rem; align-items: center; font-size: .95rem; max-width: 60rem; }
  .bars .name { overflow-wrap: anywhere; max-width: 24rem; }
  .bars .count { text-align: right; font-variant-numeric: tabular-nums; font-weight: 600; }
  .bars .count span { font-weight: 400; opacity: .75; }
  .bars .bar { position: relative; height: .8rem; border-radius: .4rem; overflow: hidden;
      background: rgba(128, 128, 128, .2); }
  .bars .bar i { position: absolute; inset: 0 auto 0 0; background: #2b8cbe; }
  .bars .bar i.more { background: rgba(43, 140, 190, .5); }
  .bars .bar b { position: absolute; top: 0; bottom: 0; width: 3px; background: #e6820d; }
  .key { display: flex; flex-wrap: wrap; gap: .2rem .9rem; font-size: .85rem; opacity: .85; }
  .key i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .35rem;
      vertical-align: -.1rem; background: #2b8cbe; }
  .key i.more { background: rgba(43, 140, 190, .5); }
  .key i.chance { background: #e6820d; width: 3px; }
  .bars > div { display: contents; }
  @media (max-width: 640px) {
      .bars { display: block; }
      .bars > div { display: grid; grid-template-columns: 1fr max-content; gap: .15rem .9rem;
          margin-bottom: .6rem; }
      .bars .bar { grid-row: 2; grid-column: 1 / -1; }
  }
</style>
"""


def show(library: Library) -> None:
    """Show the page."""
    st.html(_STYLE)
    st.subheader(say("How well are your photos found?"), anchor=False)
    st.caption(
        say(
            "Photos of this library, chosen at random, are altered and searched for as if somebody had "
            "handed you the altered copy. Your photos are only read."
        )
    )
    work = desk(library.key, "exam").last
    _offer(library, bool(work and work.running))
    if work is None:
        return
    work.wait(_PATIENCE)
    if work.running:
        st.fragment(_show_progress, run_every=_SECONDS_A_LOOK)(work)
    elif work.error:
        show_failure(work.error)
    elif work.stopped:
        st.info(say("Stopped before all was looked at."))
    else:
        _show_outcome(library, work)


def begin(library: Library, sample: int = _USUAL) -> None:
    """Begin an exam with so many photos where none is under way; it goes on when the page is left."""

    def examine(progress: Progress) -> dict[str, Any]:
        return library.exam(sample, progress=progress)

    desk(library.key, "exam").begin(library.stamp, examine)


def _offer(library: Library, running: bool) -> None:
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    sample = left.select_slider(say("Photos to ask for"), _SAMPLES, _USUAL)
    if right.button(
        say("Examine"), icon=":material/fact_check:", type="primary", width="stretch", disabled=running
    ):
        begin(library, sample)
        st.rerun()


def _show_progress(work: Work[dict[str, Any]]) -> None:
    if not work.running:
        st.rerun()
    doing, done, total = work.progress
    doing = told(doing)
    st.progress(done / total if total else 0.0, f"{doing[0].upper()}{doing[1:]} ...")
    st.button(say("Stop"), icon=":material/stop_circle:", on_click=work.stop)


def _show_outcome(library: Library, work: Work[dict[str, Any]]) -> None:
    found = work.outcome or {}
    if work.key != library.stamp:
        st.info(say("The library has changed since this exam."))
    _show_altered(found)
    _show_foils(found)
    _show_engines(found["engines"])
    _show_kinds(found["kinds"])
    st.caption(
        say(
            "{asked} of {photos} photos asked for, in {time}.",
            asked=found["asked"],
            photos=found["photos"],
            time=duration(found["seconds"]),
        )
    )


# What came of it


def _show_altered(found: dict[str, Any]) -> None:
    rows, overall = found["distortions"], found["overall"]
    hardest = min(rows, key=lambda row: row["hit_at_1"])
    st.subheader(say("Altered photos"), anchor=False)
    sentence = say_count(
        _count(overall, "hit_at_1"),
        "Of {altered}, **{n} is found first**.",
        "Of {altered}, **{n} are found first**.",
        altered=say_count(overall["asked"], "{n} altered photo", "{n} altered photos"),
    )
    if hardest["hit_at_1"] < 1:
        hard = say_count(
            _count(hardest, "hit_at_1"),
            "The hardest: of {photos} {altered}, {n} is.",
            "The hardest: of {photos} {altered}, {n} are.",
            photos=say_count(hardest["asked"], "{n} photo", "{n} photos"),
            altered=_named(hardest),
        )
        sentence = f"{sentence} {hard}"
    st.markdown(sentence)
    st.html(
        f'<div class="key"><span><i></i>{say("found first")}</span> '
        f'<span><i class="more"></i>{say("among ten")}</span></div>'
    )
    _show_bars(
        _bar(
            _named(row),
            _of(row, "hit_at_1"),
            f"{_filled(row['hit_at_10'], 'more')}{_filled(row['hit_at_1'])}",
        )
        for row in rows
    )
    if found["skipped"]:
        st.caption(
            say_count(
                found["skipped"],
                "{n} more is damaged: `simsearch doctor` says how.",
                "{n} more are damaged: `simsearch doctor` says how.",
            )
        )
    if overall["near_identical"] is not None:
        st.markdown(
            say(
                "Of these, {identical} are called near-identical to their photo, and {scene} the same scene.",
                identical=percent(overall["near_identical"]),
                scene=percent(overall["same_scene"]),
            )
        )


def _show_foils(found: dict[str, Any]) -> None:
    st.subheader(say("Pictures that show nothing"), anchor=False)
    known = [foil for foil in found["foils"] if foil["nothing_similar"] is not None]
    if not known:
        st.caption(say("What scores mean is not known yet: it is learnt after indexing, from 20 photos on."))
        return
    st.markdown(say("A search should say that nothing is similar to them. It does so for:"))
    _show_bars(
        _bar(
            say(_FOILS[foil["foil"]]) if foil["foil"] in _FOILS else foil["foil"],
            _of(foil, "nothing_similar"),
            _filled(foil["nothing_similar"]),
        )
        for foil in known
    )


def _show_engines(engines: list[dict[str, Any]]) -> None:
    st.subheader(say("Engines"), anchor=False)
    st.markdown(say("How many of the 15 nearest each finds, and how quickly."))
    for column, row in zip(st.columns(len(engines), gap="medium"), engines, strict=True):
        figures = {
            say("Found"): settings.share(row["recall"]),
            say("Half the searches within"): f"{number(row['milliseconds_p50'], 2)} ms",
            say("95 of 100 within"): f"{number(row['milliseconds_p95'], 2)} ms",
            say("Looks at"): settings.share(row["scanned"]),
            say("Memory"): f"{number(row['bytes'] / 1e6, 1)} MB",
        }
        lines = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in figures.items())
        column.markdown(f"#### {settings.engine(row['engine'])}")
        column.html(f'<dl class="figures">{lines}</dl>')


def _show_kinds(kinds: dict[str, Any]) -> None:
    st.subheader(say(_KINDS[kinds["by"]]), anchor=False)
    st.markdown(plain(told(kinds["said"])))
    if not kinds["each"]:
        return
    st.html(
        f'<div class="key"><span><i></i>{say("of the first 15 hits, those of the same kind")}</span> '
        f'<span><i class="chance"></i>{say("what chance would give")}</span></div>'
    )
    bars = [
        _bar(
            kind["name"],
            percent(kind["precision_at_15"]),
            f'{_filled(kind["precision_at_15"])}<b style="left: {kind["chance"]:.1%}"></b>',
        )
        for kind in kinds["each"]
    ]
    _show_bars(bars[:_KINDS_AT_ONCE])
    if len(bars) > _KINDS_AT_ONCE:
        with st.expander(say("{n} more, which do better", n=len(bars) - _KINDS_AT_ONCE)):
            _show_bars(bars[_KINDS_AT_ONCE:])


# Words and bars


def _count(row: dict[str, Any], name: str) -> int:
    return int(round(row[name] * row["asked"]))


def _of(row: dict[str, Any], name: str) -> str:
    return f"{number(_count(row, name))} <span>{say('of {n}', n=row['asked'])}</span>"


def _named(row: dict[str, Any]) -> str:
    name: str = row["distortion"]
    return say(_ALTERED[name]) if name in _ALTERED else name


def _filled(share: float, kind: str = "") -> str:
    return f'<i class="{kind}" style="width: {share:.1%}"></i>'


def _bar(name: str, count: str, inside: str) -> str:
    return (
        f'<div><div class="name">{html.escape(name)}</div><div class="bar">{inside}</div>'
        f'<div class="count">{count}</div></div>'
    )


def _show_bars(bars: Iterable[str]) -> None:
    st.html(f'<div class="bars">{"".join(bars)}</div>')
