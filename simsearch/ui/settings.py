"""The settings of LSH: how likely they find a photo, and tuning them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import streamlit as st

from simsearch import Library
from simsearch.ui.words import legible, noted, number, percent, say, say_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PROBES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000]
_MOST_HITS = 12
_SHARES = [share / 100 for share in range(80, 100)]
_USUAL_SHARE = 0.95
_HEAPS = {noted("the 15 nearest of a photo"): "#2b8cbe", noted("any others"): "#8a8a8a"}
_LINES = {noted("these settings"): "#e6550d", noted("the library's own"): "#a567d6"}
_AREAS_OPACITY = 0.45
_DASHES, _WIDTHS = ([1, 0], [5, 4]), (3, 1.5)  # pixels, of the lines
_BINS = np.linspace(-0.5, 1, 51)
_SHOWN = noted(
    "Probability of being found by LSH against cosine, over two heaps: cosines of the nearest and others"
)
_STYLE = f"""
<style>
  .chart-key {{ display: flex; flex-wrap: wrap; gap: .4rem 2.5rem; font-size: .85rem; }}
  .chart-key div {{ display: flex; flex-wrap: wrap; gap: .1rem .9rem; }}
  .chart-key b {{ font-weight: 600; }}
  .chart-key span {{ white-space: nowrap; }}
  .chart-key i {{ display: inline-block; margin-right: .4rem; }}
  .chart-key .heap {{ width: .8rem; height: .8rem; border-radius: .2rem; vertical-align: -.1rem;
      opacity: {_AREAS_OPACITY}; }}
  .chart-key .line {{ width: 1.4rem; vertical-align: .25rem; }}
  @media (max-width: 640px) {{ .chart-key b {{ flex-basis: 100%; }} }}
</style>
"""
_KNOBS = {
    "bits": noted("{n} bits"),
    "tables": noted("{n} tables"),
    "probes": noted("{n} probes"),
    "hits": noted("{n} hits"),
}


@st.cache_data(max_entries=2, show_spinner=False)
def _similarities(_library: Library, stamp: str) -> tuple[list[float], list[float]]:
    nearest, others = _library.lsh_similarities()
    return nearest, others


@st.cache_data(max_entries=1_000, show_spinner=False)
def _curve(
    _library: Library, stamp: str, bits: int, tables: int, probes: int, hits: int
) -> list[tuple[float, float]]:
    return _library.lsh_curve(bits, tables, probes, hits)


def show(library: Library) -> None:
    """Show the curve of the library's own settings and others, and how to tune."""
    own = library.lsh_settings()
    with st.spinner(say("Looking how alike the photos are ...")):
        similarities = _similarities(library, library.stamp)
    _show_curve(library, own, similarities)
    _show_tuning(library, own)


def engine(name: str) -> str:
    """Return what an engine is called: FAISS and LSH in all languages."""
    return say("Exact") if name == "exact" else name.upper()


def share(value: float) -> str:
    """Return a share of the library as text."""
    return percent(value, 2 if value < 0.01 else 0 if value > 0.995 else 1)


@st.fragment  # moving its sliders runs nothing else
def _show_curve(library: Library, own: dict[str, int], similarities: tuple[list[float], list[float]]) -> None:
    st.subheader(say("How likely LSH finds a photo"), anchor=False)
    st.caption(
        say(
            "Photos to the right of where the curve rises are found, those to the left are not even looked "
            "at. Good settings rise between the two heaps: the nearest lie to the right, all others to the "
            "left."
        )
    )
    settings = _turn_knobs(own)
    with st.spinner(say("Drawing the curve ...")):
        curve = _curve(library, library.stamp, **settings)
    recall, scanned = (_mean(curve, cosines) for cosines in similarities)
    first, second = st.columns(2)
    first.metric(say("Expected recall"), share(recall), help=say("Mean of the curve over the nearest."))
    second.metric(
        say("Expected share scanned"), share(scanned), help=say("Mean of the curve over the others.")
    )
    st.html(_STYLE + _key())
    st.altair_chart(_chart(similarities, curve, _curve(library, library.stamp, **own)), width="stretch")
    st.caption(say("To search with these settings:"))
    knobs = " ".join(f"--{name} {value}" for name, value in settings.items())
    place = shlex.quote(legible(str(library.path)))
    st.code(f"simsearch tune --library {place} {knobs}", language="shell", wrap_lines=True)


def _turn_knobs(own: dict[str, int]) -> dict[str, int]:
    # Named after the library's own settings: after tuning, the knobs start at the new ones.
    mark = "-".join(map(str, own.values()))
    columns = st.columns(4, gap="medium")
    bits = columns[0].slider(
        say("Bits"), 1, 16, own["bits"], key=f"bits-{mark}", help=say("Hyperplanes a table")
    )
    tables = columns[1].slider(say("Tables"), 1, max(64, own["tables"]), own["tables"], key=f"tables-{mark}")
    return {
        "bits": bits,
        "tables": tables,
        "probes": _turn_probes(columns[2], own["probes"], tables << min(bits, 10), f"probes-{mark}"),
        "hits": _turn_hits(columns[3], own["hits"], tables, f"hits-{mark}"),
    }


def _turn_probes(column: Any, own: int, reach: int, key: str) -> int:
    """Offer round numbers of buckets up to all that can be reached."""
    options = sorted({count for count in (*_PROBES, own) if count <= reach} | {reach})
    if st.session_state.get(key, own) not in options:
        st.session_state[key] = max(count for count in options if count <= st.session_state.get(key, own))
    help_text = say("Buckets looked into, over all tables")
    start = {} if key in st.session_state else {"value": own}
    probes: int = column.select_slider(
        say("Probes"), options, format_func=number, key=key, help=help_text, **start
    )
    return probes


def _turn_hits(column: Any, own: int, tables: int, key: str) -> int:
    most = min(max(_MOST_HITS, own), tables)
    if most == 1:
        column.caption(say("Hits: 1, as there is one table."))
        return 1
    st.session_state[key] = min(st.session_state.get(key, own), most)
    hits: int = column.slider(say("Hits"), 1, most, key=key, help=say("Tables that must agree"))
    return hits


def _mean(curve: Sequence[tuple[float, float]], cosines: Sequence[float]) -> float:
    places, heights = np.array(curve).T
    return float(np.interp(cosines, places, heights).mean()) if len(cosines) else 0.0


def _chart(
    similarities: tuple[list[float], list[float]],
    curve: Sequence[tuple[float, float]],
    own: Sequence[tuple[float, float]],
) -> alt.LayerChart:
    heaps = dict(zip(_HEAPS, map(_heap, similarities), strict=True))
    x, y = _axes(heaps.values(), curve[0][0])
    areas = (
        alt.Chart(_values(heaps))
        .mark_area(interpolate="step-after", opacity=_AREAS_OPACITY, clip=True)
        .encode(x, y, _series(alt.Color, _HEAPS))
    )
    lines = (
        alt.Chart(_values(dict(zip(_LINES, (curve, own), strict=True))))
        .mark_line()
        .encode(
            x,
            y,
            _series(alt.Color, _LINES),
            _series(alt.StrokeDash, dict(zip(_LINES, _DASHES, strict=True))),
            _series(alt.StrokeWidth, dict(zip(_LINES, _WIDTHS, strict=True))),
        )
    )
    apart = alt.ScaleResolveMap(color="independent", strokeDash="independent", strokeWidth="independent")
    return alt.LayerChart(
        layer=[areas, lines], resolve=alt.Resolve(scale=apart), height=460, description=say(_SHOWN)
    )


def _axes(heaps: Iterable[Sequence[tuple[float, float]]], left: float) -> tuple[alt.X, alt.Y]:
    """Return axes that begin where the first heap or the curve does."""
    lowest = min([left, *(cosine for heap in heaps for cosine, height in heap if height)])
    domain = alt.Scale(domain=[lowest, 1], nice=False)
    title = say("Cosine of two photos, seen from the mean of all").split(", ")  # lines, for a narrow window
    x = alt.X("cosine:Q", title=title, axis=_axis(), scale=domain)
    y = alt.Y("height:Q", title=say("Probability of being found"), axis=_axis(".0%"), stack=None)
    return x, y


def _axis(form: str = ".2f") -> alt.Axis:
    """Return an axis whose numbers are written as is usual in the visitor's language."""
    written = f"format(datum.value, '{form}')"
    point, sign = number(0.1, 1)[1], percent(0)[1:]
    return alt.Axis(labelExpr=f"replace(replace({written}, '.', '{point}'), '%', '{sign}')")


def _series(channel: Any, looks: dict[str, Any]) -> Any:
    """Tell series apart by their looks."""
    scale = alt.Scale(domain=[say(name) for name in looks], range=list(looks.values()))
    return channel("what:N", scale=scale, legend=None)


def _key() -> str:
    """Say what the areas and lines are, in HTML: a chart's own legends do not fit a narrow window."""
    heaps = [
        f'<i class="heap" style="background: {colour}"></i>{say(name)}' for name, colour in _HEAPS.items()
    ]
    styles = [f"{width}px {style}" for width, style in zip(_WIDTHS, ("solid", "dashed"), strict=True)]
    lines = [
        f'<i class="line" style="border-top: {style} {colour}"></i>{say(name)}'
        for style, (name, colour) in zip(styles, _LINES.items(), strict=True)
    ]
    titled = {say("Photos (most = 100%)"): heaps, say("Found with"): lines}
    rows = [
        f"<div><b>{title}</b>{''.join(f'<span>{one}</span>' for one in series)}</div>"
        for title, series in titled.items()
    ]
    return f'<div class="chart-key">{"".join(rows)}</div>'


def _values(series: Mapping[str, Sequence[tuple[float, float]]]) -> alt.InlineData:
    return alt.InlineData(
        [
            {"what": say(what), "cosine": cosine, "height": height}
            for what, points in series.items()
            for cosine, height in points
        ]
    )


def _heap(cosines: Sequence[float]) -> list[tuple[float, float]]:
    """Return the left edges of bins and their heights, the highest 1."""
    heights, edges = np.histogram(np.clip(cosines, _BINS[0], _BINS[-1]), _BINS)
    shares = np.append(heights / max(heights.max(), 1), 0)
    return list(zip(edges.tolist(), shares.tolist(), strict=True))


# Tuning


def _show_tuning(library: Library, own: dict[str, int]) -> None:
    st.subheader(say("Tune LSH"), anchor=False)
    st.caption(say("Chooses bits, tables, probes and hits by the library's own photos, and keeps them."))
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    wish = left.select_slider(
        say("Share of the true nearest to find"), _SHARES, _USUAL_SHARE, format_func=percent
    )
    if right.button(say("Tune"), icon=":material/tune:", width="stretch"):
        with st.spinner(say("Trying settings ...")):
            st.session_state["tuned"] = wish, library.tune(wish)
        st.rerun()  # with the new settings, from the top
    wished, tuned = st.session_state.get("tuned", (0.0, None))
    if tuned and tuned["settings"] == own:  # nobody tuned it since
        _tell(wished, tuned)


def _tell(wished: float, tuned: dict[str, Any]) -> None:
    text = say_count(
        tuned["queries"],
        "{settings}: found {recall} of the true nearest of {n} photo, scanning {share} of the library.",
        "{settings}: found {recall} of the true nearest of {n} photos, scanning {share} of the library.",
        settings=", ".join(say(_KNOBS[knob], n=value) for knob, value in tuned["settings"].items()),
        recall=percent(tuned["recall"], 1),
        share=share(tuned["scanned"]),
    )
    if tuned["recall"] < wished:
        less = say("That is less than the {share} wished for.", share=percent(wished))
        st.warning(f"{text} {less}")
    else:
        st.success(text)
