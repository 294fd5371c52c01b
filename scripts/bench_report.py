"""What the benchmark scripts share: their arguments, where they ran, medians, a table or one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, NoReturn

from simsearch import FolderError, SimsearchError

# Under the public names, because a benchmark must measure the very files that indexing would look at, and
# by default with the networks that come with it.
from simsearch.backbones import BACKBONES, EMBEDDED
from simsearch.photos import find

_PACKAGES = ("simsearch", "numpy", "pillow", "ai-edge-litert", "faiss-cpu")


class Spread(NamedTuple):
    """Several measurements of one thing."""

    median: float
    min: float
    max: float

    def __str__(self) -> str:
        return f"{_cell(self.median)} ({_cell(self.min)} to {_cell(self.max)})"


class Table(NamedTuple):
    """Rows of results; ``headings`` says which of their values are printed, and under what."""

    name: str
    headings: dict[str, str]
    rows: list[dict[str, Any]]
    notes: list[str]


class Findings(NamedTuple):
    """What a benchmark has to tell: what it was run on, its tables, and what was not as it must be."""

    subject: dict[str, Any]
    tables: list[Table]
    broken: Sequence[str] = ()


class Parser(argparse.ArgumentParser):
    """Arguments of a benchmark: shows its whole docstring as help, and says what is wrong in one sentence."""

    def __init__(self, doc: str | None, example: str) -> None:
        super().__init__(
            description=doc,
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument("--json", action="store_true", help="print one JSON object instead of tables")

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def add_folder(self) -> None:
        """Add the folder of photos, which comes first."""
        self.add_argument("folder", type=Path, metavar="FOLDER", help="the photos to measure with")

    def add_backbones(self) -> None:
        """Add the networks to measure, by default those that come with simsearch."""
        self.add_argument(
            "--backbone", nargs="+", choices=list(BACKBONES), default=list(EMBEDDED), metavar="NAME",
            help=f"the networks to measure (default: {' '.join(EMBEDDED)})",
        )  # fmt: skip

    def add_backbone(self) -> None:
        """Add the one network to use, by default the quicker one: speed and size are not the point."""
        quick = "efficientnet-lite0"
        self.add_argument("--backbone", choices=list(BACKBONES), default=quick, help=f"default: {quick}")

    def add_count(self, option: str, default: int, meaning: str) -> None:
        """Add an option that is a whole number of at least 1."""
        explained = f"{meaning} (default: {default})"
        self.add_argument(option, type=count, default=default, metavar="N", help=explained)


def count(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text}")
    return int(text)


def run(
    parser: Parser, measure: Callable[[argparse.Namespace], Findings], arguments: Sequence[str] | None = None
) -> int:
    """Measure and print; return the exit code: 0, 1 (something broke), 2 (could not run), 130 (stopped)."""
    options = parser.parse_args(arguments)
    try:
        findings = measure(options)
    except SimsearchError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped.", file=sys.stderr)
        return 130
    name = Path(parser.prog).stem
    print(json.dumps(as_json(name, findings)) if options.json else as_text(name, findings))
    for sentence in findings.broken:
        print(f"{parser.prog}: {sentence}", file=sys.stderr)
    return 1 if findings.broken else 0


def say(text: str) -> None:
    """Tell whoever waits what is being done."""
    print(text, file=sys.stderr, flush=True)


def photo_files(folder: Path) -> list[Path]:
    """List the files below a folder that indexing looks into.

    Raises
    ------
    FolderError
        When the folder is missing or has none.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise FolderError(folder, "no such folder", "name a folder of photos")
    files = [folder / photo.path for photo in find(folder).photos]
    if not files:
        raise FolderError(folder, "holds no photos", "name a folder of photos")
    return files


def spread(values: Sequence[float]) -> Spread:
    """Sum up repeated measurements."""
    return Spread(median(values), min(values), max(values))


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str | None]:
    """Return the versions of what does the work; None for what runs without being installed."""
    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def as_json(name: str, findings: Findings) -> dict[str, Any]:
    """Return everything as plain values, the rows of a table under its name."""
    tables = {
        table.name: [{key: _plain(value) for key, value in row.items()} for row in table.rows]
        for table in findings.tables
    }
    about = {"benchmark": name, "machine": machine(), "versions": versions(), **findings.subject}
    return {**about, **tables, "broken": list(findings.broken)}


def _plain(value: Any) -> Any:
    return value._asdict() if isinstance(value, Spread) else value


def as_text(name: str, findings: Findings) -> str:
    """Return everything as text: where it was measured, the tables, their notes."""
    here = machine()
    about = [
        f"{name}: " + ", ".join(f"{key} {_cell(value)}" for key, value in findings.subject.items()),
        f"{here['processor']}, {here['cores']} cores, {here['system']}, Python {here['python']}",
        ", ".join(f"{package} {number or '(not installed)'}" for package, number in versions().items()),
    ]
    return "\n\n".join(["\n".join(about), *map(table_text, findings.tables)])


def table_text(table: Table) -> str:
    """Lay out a table: text to the left, figures to the right."""
    cells = [[_cell(row.get(key, "")) for key in table.headings] for row in table.rows]
    lines = [list(table.headings.values()), *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    to_left = [all(isinstance(row.get(key, ""), str) for row in table.rows) for key in table.headings]
    laid_out = [
        "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(line, widths, to_left, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join(laid_out + table.notes)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
