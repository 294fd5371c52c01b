"""Exam: how well the library's own photos are found, at a glance."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import streamlit as st

from simsearch import Library, SimsearchError
from simsearch.ui import search, settings
from simsearch.ui.words import plain, show_error

_SAMPLES = (30, 100, 300)
_KINDS_AT_ONCE = 12  # the others are a click away
_ALTERED = {
    "rotated by 90 degrees": "turned by 90 degrees",
    "rotated slightly": "turned slightly",
    "recompressed": "saved again as a poor JPEG",
    "quarter size": "scaled down to a quarter",
    "brighter": "made brighter",
    "darker": "made darker",
    "grey": "turned grey",
}
_FOILS = {
    "a detail": "enlarged from a detail",
    "scrambled": "scrambled beyond recognition",
}

# Rows of one grid, so that all bars begin at the same place; on a phone the bar goes below its name.
_STYLE = """
<style>
  .stMainBlockContainer { padding-top: 4.5rem; }
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
  div > dl.engine { display: grid; grid-template-columns: 1fr auto; gap: .1rem .75rem; font-size: .9rem;
      margin: 0; padding: 0; }
  .engine dt { font-weight: 400; margin: 0; padding: 0; }
  .engine dd { margin: 0; padding: 0; font-weight: 600; text-align: right;
      font-variant-numeric: tabular-nums; }
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
    st.subheader("How well are your photos found?", anchor=False)
    st.caption(
        "Photos of this library, chosen at random, are altered and searched for as if somebody had handed "
        "you the altered copy. Your photos are only read."
    )
    _offer(library)
    generation, told = st.session_state.get("exam", (None, None))
    if told is None:
        return
    if generation != library.generation:
        st.info("The library has changed since this exam.")
    _show_altered(told)
    _show_foils(told)
    _show_engines(told["engines"])
    _show_kinds(told["kinds"])
    st.caption(f"{told['asked']:,} of {told['photos']:,} photos asked for, in {told['seconds']:.0f} s.")


def _offer(library: Library) -> None:
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    sample = left.select_slider("Photos to ask for", _SAMPLES, 100)
    if not right.button("Examine", icon=":material/fact_check:", type="primary", width="stretch"):
        return
    bar = st.progress(0.0, "Getting ready ...")

    def tell(doing: str, done: int, total: int) -> None:
        bar.progress(done / total, f"{doing[0].upper()}{doing[1:]} ...")

    try:
        search.warm_up(library, str(library.path))
        generation = library.generation
        st.session_state["exam"] = generation, library.exam(sample, progress=tell)
    except SimsearchError as error:
        show_error(error)
    finally:
        bar.empty()


# What came of it


def _show_altered(told: dict[str, Any]) -> None:
    rows, overall = told["distortions"], told["overall"]
    hardest = min(rows, key=lambda row: row["hit_at_1"])
    st.subheader("Altered photos", anchor=False)
    sentence = (
        f"Of {_times(overall['asked'], 'altered photo')}, **{_count(overall, 'hit_at_1')} "
        f"{_are(overall, 'hit_at_1')} found first**."
    )
    if hardest["hit_at_1"] < 1:
        sentence += (
            f" The hardest: of {_times(hardest['asked'], 'photo')} {_named(hardest)}, "
            f"{_count(hardest, 'hit_at_1')} {_are(hardest, 'hit_at_1')}."
        )
    st.markdown(sentence)
    st.html(
        '<div class="key"><span><i></i>found first</span> <span><i class="more"></i>among ten</span></div>'
    )
    _show_bars(
        _bar(
            _named(row),
            f"{_count(row, 'hit_at_1')} <span>of {row['asked']:,}</span>",
            f"{_filled(row['hit_at_10'], 'more')}{_filled(row['hit_at_1'])}",
        )
        for row in rows
    )
    if told["skipped"]:
        st.caption(f"{told['skipped']:,} more are damaged: `simsearch doctor` says how.")
    if overall["near_identical"] is not None:
        st.markdown(
            f"Of these, {overall['near_identical']:.0%} are called near-identical to their photo, and "
            f"{overall['same_scene']:.0%} the same scene."
        )


def _show_foils(told: dict[str, Any]) -> None:
    st.subheader("Pictures that show nothing", anchor=False)
    known = [foil for foil in told["foils"] if foil["nothing_similar"] is not None]
    if not known:
        st.caption("What scores mean is not known here: there are too few photos to learn it from.")
        return
    st.markdown("A search should say that nothing is similar to them. It does so for:")
    _show_bars(
        _bar(
            _FOILS.get(foil["foil"], foil["foil"]),
            f"{_count(foil, 'nothing_similar')} <span>of {foil['asked']:,}</span>",
            _filled(foil["nothing_similar"]),
        )
        for foil in known
    )


def _show_engines(engines: list[dict[str, Any]]) -> None:
    st.subheader("Engines", anchor=False)
    st.markdown("How many of the 15 nearest each finds, and how quickly.")
    for column, row in zip(st.columns(len(engines), gap="medium"), engines, strict=True):
        figures = {
            "Found": settings.share(row["recall"]),
            "Half the searches within": f"{row['milliseconds_p50']:.2f} ms",
            "95 of 100 within": f"{row['milliseconds_p95']:.2f} ms",
            "Looks at": settings.share(row["scanned"]),
            "Memory": f"{row['bytes'] / 1e6:,.1f} MB",
        }
        lines = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in figures.items())
        column.markdown(f"#### {search.ENGINES[row['engine']]}")
        column.html(f'<dl class="engine">{lines}</dl>')


def _show_kinds(kinds: dict[str, Any]) -> None:
    st.subheader(kinds["by"].capitalize(), anchor=False)
    st.markdown(plain(kinds["said"]))
    if not kinds["each"]:
        return
    st.html(
        '<div class="key"><span><i></i>of the first 15 hits, those of the same kind</span> '
        '<span><i class="chance"></i>what chance would give</span></div>'
    )
    bars = [
        _bar(
            kind["name"],
            f"{kind['precision_at_15']:.0%}",
            f'{_filled(kind["precision_at_15"])}<b style="left: {kind["chance"]:.1%}"></b>',
        )
        for kind in kinds["each"]
    ]
    _show_bars(bars[:_KINDS_AT_ONCE])
    if len(bars) > _KINDS_AT_ONCE:
        with st.expander(f"{len(bars) - _KINDS_AT_ONCE:,} more, which do better"):
            _show_bars(bars[_KINDS_AT_ONCE:])


# Words and bars


def _count(row: dict[str, Any], name: str) -> str:
    return f"{round(row[name] * row['asked']):,}"


def _are(row: dict[str, Any], name: str) -> str:
    return "is" if round(row[name] * row["asked"]) == 1 else "are"


def _times(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _named(row: dict[str, Any]) -> str:
    name: str = row["distortion"]
    return _ALTERED.get(name, name)


def _filled(share: float, kind: str = "") -> str:
    return f'<i class="{kind}" style="width: {share:.1%}"></i>'


def _bar(name: str, count: str, inside: str) -> str:
    return (
        f'<div><div class="name">{html.escape(name)}</div><div class="bar">{inside}</div>'
        f'<div class="count">{count}</div></div>'
    )


def _show_bars(bars: Iterable[str]) -> None:
    st.html(f'<div class="bars">{"".join(bars)}</div>')
