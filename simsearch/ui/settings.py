"""The settings of LSH: how likely they find a photo, and tuning them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import streamlit as st

from simsearch import Library

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PROBES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000]
_MOST_HITS = 12
_HEAPS = {"the 15 nearest of a photo": "#2b8cbe", "any others": "#8a8a8a"}
_LINES = {"these settings": "#e6550d", "the library's own": "#a567d6"}
_BINS = np.linspace(-0.5, 1, 51)
_SHOWN = "Probability of being found by LSH against cosine, over two heaps: cosines of the nearest and others"


# As in search.py: the underscore keeps Streamlit from hashing the library, whose generation stands for it.
@st.cache_data(max_entries=2, show_spinner="Looking how alike the photos are ...")
def _similarities(_library: Library, generation: int) -> tuple[list[float], list[float]]:
    nearest, others = _library.lsh_similarities()
    return nearest, others


@st.cache_data(max_entries=1_000, show_spinner="Drawing the curve ...")
def _curve(_library: Library, bits: int, tables: int, probes: int, hits: int) -> list[tuple[float, float]]:
    return _library.lsh_curve(bits, tables, probes, hits)


def show(library: Library) -> None:
    """Show the curve of the library's own settings and others, and how to tune."""
    own = library.lsh_settings()
    _show_curve(library, own, _similarities(library, library.generation))
    _show_tuning(library, own)


def share(value: float) -> str:
    """Return a share of the library as text."""
    return f"{value:.2%}" if value < 0.01 else f"{value:.0%}" if value > 0.995 else f"{value:.1%}"


@st.fragment  # moving its sliders runs nothing else
def _show_curve(library: Library, own: dict[str, int], similarities: tuple[list[float], list[float]]) -> None:
    st.subheader("How likely LSH finds a photo", anchor=False)
    st.caption(
        "Photos to the right of where the curve rises are found, those to the left are not even looked at. "
        "Good settings rise between the two heaps: the nearest lie to the right, all others to the left."
    )
    settings = _turn_knobs(own)
    curve = _curve(library, **settings)
    recall, scanned = (_mean(curve, cosines) for cosines in similarities)
    first, second = st.columns(2)
    first.metric("Expected recall", share(recall), help="Mean of the curve over the nearest.")
    second.metric("Expected share scanned", share(scanned), help="Mean of the curve over the others.")
    st.altair_chart(_chart(similarities, curve, _curve(library, **own)), width="stretch")
    st.caption("To search with these settings:")
    knobs = " ".join(f"--{name} {value}" for name, value in settings.items())
    place = shlex.quote(str(library.path))
    st.code(f"simsearch tune --library {place} {knobs}", language="shell", wrap_lines=True)


def _turn_knobs(own: dict[str, int]) -> dict[str, int]:
    # Named after the library's own settings: after tuning, the knobs start at the new ones.
    mark = "-".join(map(str, own.values()))
    columns = st.columns(4, gap="medium")
    bits = columns[0].slider("Bits", 1, 16, own["bits"], key=f"bits-{mark}", help="Hyperplanes a table")
    tables = columns[1].slider("Tables", 1, max(64, own["tables"]), own["tables"], key=f"tables-{mark}")
    return {
        "bits": bits,
        "tables": tables,
        "probes": _turn_probes(columns[2], own["probes"], tables << min(bits, 10), f"probes-{mark}"),
        "hits": _turn_hits(columns[3], own["hits"], tables, f"hits-{mark}"),
    }


def _turn_probes(column: Any, own: int, reach: int, key: str) -> int:
    """Offer round numbers of buckets up to all that can be reached."""
    options = sorted({number for number in (*_PROBES, own) if number <= reach} | {reach})
    if st.session_state.get(key, own) not in options:
        st.session_state[key] = max(number for number in options if number <= st.session_state.get(key, own))
    help_text = "Buckets looked into, over all tables"
    start = {} if key in st.session_state else {"value": own}
    probes: int = column.select_slider(
        "Probes", options, format_func="{:,}".format, key=key, help=help_text, **start
    )
    return probes


def _turn_hits(column: Any, own: int, tables: int, key: str) -> int:
    most = min(max(_MOST_HITS, own), tables)
    if most == 1:
        column.caption("Hits: 1, as there is one table.")
        return 1
    st.session_state[key] = min(st.session_state.get(key, own), most)
    hits: int = column.slider("Hits", 1, most, key=key, help="Tables that must agree")
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
        .mark_area(interpolate="step-after", opacity=0.45, clip=True)
        .encode(x, y, _series(alt.Color, "Photos (most = 100%)", _HEAPS))
    )
    lines = (
        alt.Chart(_values(dict(zip(_LINES, (curve, own), strict=True))))
        .mark_line()
        .encode(
            x,
            y,
            _series(alt.Color, "Found with", _LINES),
            _series(alt.StrokeDash, "Found with", dict(zip(_LINES, ([1, 0], [5, 4]), strict=True))),
            _series(alt.StrokeWidth, "Found with", dict(zip(_LINES, (3, 1.5), strict=True))),
        )
    )
    # A legend each.
    apart = alt.ScaleResolveMap(color="independent", strokeDash="independent", strokeWidth="independent")
    return alt.LayerChart(
        layer=[areas, lines], resolve=alt.Resolve(scale=apart), height=460, description=_SHOWN
    )


def _axes(heaps: Iterable[Sequence[tuple[float, float]]], left: float) -> tuple[alt.X, alt.Y]:
    """Return axes that begin where the first heap or the curve does."""
    lowest = min([left, *(cosine for heap in heaps for cosine, height in heap if height)])
    domain = alt.Scale(domain=[lowest, 1], nice=False)
    x = alt.X("cosine:Q", title="Cosine of two photos, seen from the mean of all", scale=domain)
    y = alt.Y("height:Q", title="Probability of being found", axis=alt.Axis(format="%"), stack=None)
    return x, y


def _series(channel: Any, title: str, looks: dict[str, Any]) -> Any:
    """Tell series apart by their looks, and say so in a legend; channels with one title share theirs."""
    scale = alt.Scale(domain=list(looks), range=list(looks.values()))
    return channel(
        "what:N", scale=scale, legend=alt.Legend(title=title, orient="bottom", direction="vertical")
    )


def _values(series: Mapping[str, Sequence[tuple[float, float]]]) -> alt.InlineData:
    return alt.InlineData(
        [
            {"what": what, "cosine": cosine, "height": height}
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
    st.subheader("Tune LSH", anchor=False)
    st.caption("Chooses bits, tables, probes and hits by the library's own photos, and keeps them.")
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    wish = left.slider("Share of the true nearest to find", 0.80, 0.99, 0.95, 0.01)
    if right.button("Tune", icon=":material/tune:", width="stretch"):
        with st.spinner("Trying settings ..."):
            st.session_state["tuned"] = wish, library.tune(wish)
        st.rerun()  # with the new settings, from the top
    wished, tuned = st.session_state.get("tuned", (0.0, None))
    if tuned and tuned["settings"] == own:  # nobody tuned it since
        _tell(wished, tuned)


def _tell(wished: float, tuned: dict[str, Any]) -> None:
    settings = ", ".join(f"{value:,} {knob}" for knob, value in tuned["settings"].items())
    told = (
        f"{settings}: found {tuned['recall']:.1%} of the true nearest of {tuned['queries']} photos, "
        f"scanning {share(tuned['scanned'])} of the library."
    )
    if tuned["recall"] < wished:
        st.warning(f"{told} That is less than the {wished:.0%} wished for.")
    else:
        st.success(told)
