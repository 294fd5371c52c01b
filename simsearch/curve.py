"""The curve of a training: how well the photos are told apart, an epoch after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from simsearch.derived import write_error
from simsearch.errors import SimsearchError, WriteError

_DPI = 144


def need_matplotlib() -> None:
    """Raise SimsearchError where matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        reason = "a plot needs matplotlib, which is not installed"
        raise SimsearchError(f'{reason}; pip install "simsearch[plot]".') from error


def place_of(file: str | os.PathLike[str]) -> Path:
    """Return where a plot can be written; raise SimsearchError where none can be drawn or written there."""
    need_matplotlib()
    path = Path(file).expanduser()
    if path.suffix.lower() != ".png":
        raise WriteError(path, "a plot is a PNG", "choose a name that ends in .png")
    if path.exists() or path.is_symlink():  # it may be somebody's photo
        raise WriteError(path, "there is such a file already", "choose another name")
    return path


def save(file: str | os.PathLike[str], png: bytes) -> None:
    """Write a plot to a new file; raise WriteError where that cannot be."""
    path = place_of(file)
    try:
        with path.open("xb") as new:
            new.write(png)
    except OSError as error:
        raise write_error(path, error) from error


def draw(history: Sequence[dict[str, float]], best: int) -> bytes:
    """Draw loss and accuracy of every epoch as a PNG; see :func:`simsearch.deep.learn`.

    Raises
    ------
    SimsearchError
        When matplotlib is not installed.
    """
    need_matplotlib()
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(9.6, 4), layout="constrained")
    epochs = [entry["epoch"] for entry in history]
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, what in ((measure, "photos learnt from"), (f"val_{measure}", "photos kept from learning")):
            axes.plot(epochs, [entry[key] for entry in history], "o-", markersize=3, label=what)
        axes.axvline(best, color="grey", linestyle=":", label=f"kept: epoch {best}")
        axes.set(title=measure, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(True, alpha=0.3)
        axes.legend()
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    file = BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()
