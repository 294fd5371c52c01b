"""A box drawn on the query, to search with that part of it."""

from __future__ import annotations

from functools import partial
from io import BytesIO

import altair as alt
import streamlit as st
from PIL import Image

from simsearch.ui import thumbs
from simsearch.ui.words import noted, say

_TOGGLE = "by-part"
_TYPED, _TURN = "part-typed", "part-turn"  # the box that is given in numbers, and how often one was
_WHOLE = (0.0, 0.0, 1.0, 1.0)
_WIDTH = 270  # pixels, about as wide as the query is shown; it decides only the height
_HIGHEST = 460

# Without the first, a finger that draws would scroll the page. The chart's own tools have no use here.
STYLE = """
<style>
  .st-key-part .marks { touch-action: none; cursor: crosshair; border-radius: .5rem; }
  .st-key-part [data-testid="stElementToolbar"] { display: none; }
</style>
"""

_SIDES = {
    "left": noted("Left (%)"),
    "top": noted("Top (%)"),
    "width": noted("Width (%)"),
    "height": noted("Height (%)"),
}

Part = tuple[float, float, float, float]  # left, top, width and height, in shares of the picture


def drawn(query: str) -> Part | None:
    """Return the box that has been drawn on a query, if there is one and it is wished for."""
    if not st.session_state.get(_TOGGLE):
        return None
    box = _selected(query)
    if len(box.get("x", ())) < 2 or len(box.get("y", ())) < 2:
        return None
    left, right = _on_picture(box["x"])
    top, bottom = _on_picture(box["y"])
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _selected(query: str) -> dict[str, list[float]]:
    if typed := st.session_state.get(f"{_TYPED}-{query}"):
        left, top, width, height = typed
        return {"x": [left, left + width], "y": [top, top + height]}
    event = st.session_state.get(_key(query))
    selected: dict[str, list[float]] = event["selection"].get("box", {}) if event else {}
    return selected


def _key(query: str) -> str:
    """Return the chart's key: it is a new one whenever a box is given in numbers, so that it shows that."""
    return f"part-{query}-{st.session_state.get(f'{_TURN}-{query}', 0)}"


def _on_picture(ends: list[float]) -> tuple[float, float]:
    first, last = sorted(min(max(end, 0.0), 1.0) for end in ends)
    return round(first, 4), round(last, 4)


def show(query: str, picture: bytes, name: str) -> None:
    """Show a query and, where it is wished for, let a box be drawn on it.

    Parameters
    ----------
    query
        What tells it from others: a box stays on the picture on which it was drawn.
    picture
        It, as a JPEG.
    name
        What it is called, for those who cannot see it.
    """
    place = st.container()
    if st.toggle(say("Search with a part of it"), key=_TOGGLE):
        with place, st.container(key="part"):
            st.altair_chart(
                _chart(picture, st.session_state.get(f"{_TYPED}-{query}")),
                on_select=partial(_forget_typed, query),
                key=_key(query),
                width="stretch",
                alt=say("{name}: a box can be drawn on it, or given in numbers below", name=name),
            )
        st.caption(
            say("Searching with what is in the box.")
            if drawn(query)
            else say("Draw a box around what matters to you.")
        )
        _ask_numbers(query)
    else:
        place.image(picture, alt=name)


def _ask_numbers(query: str) -> None:
    """Let the box be given in numbers: nothing can be drawn with the keyboard."""
    box = drawn(query) or _WHOLE
    with st.expander(say("The box in numbers")), st.container(key="part-numbers", horizontal=True):
        for share, (side, label) in zip(box, _SIDES.items(), strict=True):
            key = f"part-{side}-{query}"
            st.session_state[key] = round(100 * share)
            low = 1 if side in ("width", "height") else 0
            st.number_input(
                say(label), low, 99 + low, key=key, width=104, on_change=_type, args=(query,), format="%d"
            )


def _type(query: str) -> None:
    """Have the box that the numbers give; all of the picture is none."""
    left, top, width, height = (st.session_state[f"part-{side}-{query}"] / 100 for side in _SIDES)
    box = left, top, min(width, 1 - left), min(height, 1 - top)
    st.session_state[f"{_TURN}-{query}"] = st.session_state.get(f"{_TURN}-{query}", 0) + 1
    st.session_state[f"{_TYPED}-{query}"] = box if box != _WHOLE else None


def _forget_typed(query: str) -> None:
    """Go by what is drawn, which is later than the numbers."""
    st.session_state.pop(f"{_TYPED}-{query}", None)


def _chart(picture: bytes, box: Part | None) -> alt.Chart:
    """Return a chart that is the picture, as large as there is room, on which a box can be drawn."""
    width, height = Image.open(BytesIO(picture)).size
    shape = width / height
    address = thumbs.address(picture)
    selection = alt.selection_interval(
        name="box",
        value={"x": [box[0], box[0] + box[2]], "y": [box[1], box[1] + box[3]]} if box else alt.Undefined,
        encodings=["x", "y"],
        zoom=False,  # the wheel is to scroll the page
        mark=alt.BrushConfig(fill="black", fillOpacity=0.15, stroke="#ff8c1a", strokeWidth=3),
    )
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=[{"x": 0.5, "y": 0.5, "url": address}]))
        .mark_image(width=alt.ExprRef("width"), height=alt.ExprRef("height"), tooltip=None)
        .encode(
            x=alt.X("x:Q", axis=None, scale=_scale(f"width / (height * {shape})")),
            y=alt.Y("y:Q", axis=None, scale=_scale(f"height * {shape} / width", reverse=True)),
            url="url:N",
        )
        .add_params(selection)
        .properties(height=min(round(_WIDTH / shape), _HIGHEST), padding=0)
        .configure_view(stroke=None)
    )
    return chart


def _scale(room: str, *, reverse: bool = False) -> alt.Scale:
    """Return a scale from 0 to 1 on the picture, which is in the middle where the chart has more room."""
    beside = f"max({room} - 1, 0) / 2"
    first, last = alt.ExprRef(f"-{beside}"), alt.ExprRef(f"1 + {beside}")
    return alt.Scale(domainMin=first, domainMax=last, nice=False, reverse=reverse)
