"""Plots, as PNG files; matplotlib draws them, where the extra ``plot`` is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from simsearch.derived import write_error
from simsearch.errors import SimsearchError, WriteError
from simsearch.folders import expanded_path

if TYPE_CHECKING:
    import os

_DPI = 144
_MOST_LEGIBLE = 24  # letters of a label
# Where a label may stand: points to the right of its own and above it, the nearest first.
_PLACES = [
    (right * away, up * away)
    for away in (7, 14, 24, 36, 50)
    for right, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
]


class Point(NamedTuple):
    """A point of a plot: what it is called, where it is, and the standard error of y."""

    label: str
    x: float
    y: float
    error: float


def need_matplotlib() -> None:
    """Raise SimsearchError where matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        reason = "a plot needs matplotlib, which is not installed"
        raise SimsearchError(f'{reason}; pip install "simsearch[plot]".') from error


def _figure(**options: Any) -> Any:
    """Return a new figure that needs no display, and no part of pyplot."""
    need_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(**options)
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Any) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()


def place_of(file: str | os.PathLike[str]) -> Path:
    """Return where a plot is written; raise WriteError where that is not the name of a PNG."""
    path = expanded_path(file)
    if path.suffix.lower() != ".png":
        raise WriteError(path, "a plot is a PNG", "choose a name that ends in .png")
    return path


def save(file: str | os.PathLike[str], png: bytes) -> None:
    """Write a plot to a new file.

    Raises
    ------
    WriteError
        When it cannot be written, or something is there: a PNG may be somebody's photo.
    """
    path = place_of(file)
    try:
        with path.open("xb") as new:
            new.write(png)
    except OSError as error:
        raise write_error(path, error) from error


def quality_against_speed(panels: Mapping[str, Sequence[Point]]) -> bytes:
    """Draw a panel for each measure of quality, by its name: x is photos a second, y a share, 0 to 1."""
    figure = _figure(figsize=(6.4 * len(panels), 4.8), layout="constrained")
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (quality, points) in zip(all_axes, panels.items(), strict=True):
        _draw_points(axes, points)
        axes.set(title=quality, xlabel="photos indexed a second")
    figure.draw_without_rendering()  # from here on it is known where points are, and how large labels
    for axes, points in zip(all_axes, panels.values(), strict=True):
        _put_labels(axes, points)
    return _png(figure)


def _draw_points(axes: Any, points: Sequence[Point]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for number, point in enumerate(points):
        colour = f"C{number % 10}"
        axes.errorbar(point.x, point.y, point.error, color=colour, elinewidth=1, alpha=0.5)
        axes.plot(point.x, point.y, "o", color=colour, markersize=7)
    axes.set_xscale("log")
    least, most = min(point.x for point in points), max(point.x for point in points)
    axes.set_xlim(least / 1.6, most * 1.6)  # room for labels, and for ticks where all are equally quick
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g} %"))
    axes.margins(y=0.15)
    axes.grid(True, alpha=0.3)


def _put_labels(axes: Any, points: Sequence[Point]) -> None:
    """Write names beside points, each in the nearest place where it covers no other name and no point."""
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    scale = axes.figure.dpi / 72  # pixels a point of type
    spots = [axes.transData.transform((point.x, point.y)) for point in points]
    taken = [Bbox.from_bounds(x - 5 * scale, y - 5 * scale, 10 * scale, 10 * scale) for x, y in spots]
    frame = axes.get_window_extent()
    for number, (point, own) in enumerate(zip(points, list(taken), strict=True)):
        colour = f"C{number % 10}"
        label = axes.annotate(
            _shortened(point.label),
            (point.x, point.y),
            _PLACES[0],
            textcoords="offset points",
            fontsize=9,
            parse_math=False,  # a file's name may hold dollars
            path_effects=[withStroke(linewidth=3, foreground="white")],  # legible across lines
            arrowprops={"arrowstyle": "-", "color": colour, "alpha": 0.6, "shrinkA": 0, "shrinkB": 4},
        )
        boxes = {place: _box(label, place) for place in _PLACES}

        def badness(place: tuple[float, float], boxes: Mapping[Any, Any] = boxes, own: Any = own) -> float:
            box = boxes[place]
            outside = not (frame.containsx(box.x0) and frame.containsx(box.x1))
            outside |= not (frame.containsy(box.y0) and frame.containsy(box.y1))
            return float(2 * outside + sum(box.overlaps(other) for other in taken if other is not own))

        best = min(_PLACES, key=badness)  # the first of equals
        _move(label, best)
        taken.append(boxes[best])


def _box(label: Any, place: tuple[float, float]) -> Any:
    """Return what a label covers in a place, without the line to its point."""
    from matplotlib.text import Text

    _move(label, place)
    label.update_positions(label.figure.canvas.get_renderer())
    return Text.get_window_extent(label)


def _move(label: Any, place: tuple[float, float]) -> None:
    right, up = place
    label.xyann = place
    label.set_ha("left" if right > 0 else "right" if right < 0 else "center")
    label.set_va("bottom" if up > 0 else "top" if up < 0 else "center")


def _shortened(label: str) -> str:
    return label if len(label) <= _MOST_LEGIBLE else f"{label[: _MOST_LEGIBLE - 1]}…"


def learning_curve(history: Sequence[Mapping[str, float]], best: int) -> bytes:
    """Draw loss and accuracy of every epoch of a training, and mark the one that was kept."""
    figure = _figure(figsize=(9.6, 4), layout="constrained")
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    epochs = [entry["epoch"] for entry in history]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, what in ((measure, "photos learnt from"), (f"val_{measure}", "photos held out")):
            axes.plot(epochs, [entry[key] for entry in history], "o-", markersize=3, label=what)
        axes.axvline(best, color="grey", linestyle=":", label=f"its weights: epoch {best}")
        axes.set(title=measure, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(True, alpha=0.3)
        axes.legend()
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    return _png(figure)
