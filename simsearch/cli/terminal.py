"""What the commands share: exit codes, opening a library, and printing for a person."""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch.errors import LibraryError

if TYPE_CHECKING:
    from simsearch import Library

OK, NOT_WELL, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130
NAMES_SHOWN = 3  # of files skipped for one reason; a folder of videos should not hide the rest


class ProgressBar:
    """A bar with rate and time left on standard error, shown once there is something to do."""

    def __init__(self, unit: str = "photo") -> None:
        self._unit = unit
        self._bar: Any = None
        self._doing: str | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the bar; the next update begins another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def update(self, done: int, total: int, doing: str | None = None) -> None:
        """Show how much is done of how much, and what is done just now."""
        if self._bar is None or done < self._bar.n or total != self._bar.total:
            from tqdm import tqdm

            self.close()
            # Where nobody watches (cron, a log file), a line now and then is enough.
            often = 0.1 if sys.stderr.isatty() else 30
            self._bar = tqdm(desc=doing, total=total, unit=self._unit, mininterval=often)
        if doing != self._doing:
            self._doing = doing
            self._bar.set_description(doing)
        self._bar.update(done - self._bar.n)


def print_refused(state: str, refused: Iterable[tuple[str | Path, str]], *, limit: int | None = None) -> None:
    """Print files and why they were not used, by reason; of each no more than ``limit``."""
    by_reason = defaultdict(list)
    for path, reason in refused:
        by_reason[reason].append(path)
    for reason, paths in sorted(by_reason.items()):
        for path in paths[:limit]:
            print(f"{state}  {printable(path)}: {printable(reason)}")
        if limit is not None and len(paths) > limit:
            print(f"{state}  {len(paths) - limit:,} more: {printable(reason)} (--verbose names them)")


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their head: the first column to the left, numbers to the right."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        print("  ".join([f"{first:<{widths[0]}}", *cells]))


def use_one_thread() -> None:
    """Have numbers crunched in one thread: one query is over before more threads have started.

    To be called before anything else: the libraries look at it as they are loaded.
    """
    for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(pool, "1")


def open_library(options: argparse.Namespace) -> Library:
    """Open the library that options name, which must be there already."""
    from simsearch import Library

    servers = {name: getattr(options, name, None) for name in ("lsh_storage", "milvus")}
    return Library.open(options.library, create=False, **servers)


def expect_room(*files: str | Path | None) -> None:
    """Refuse to write where something is, or nothing can be, before the work is done.

    Raises
    ------
    WriteError
        When a file is there already, is named twice, or would be in no folder.
    """
    paths = [Path(file).expanduser() for file in files if file]
    for path in paths:
        if os.path.lexists(path) or paths.count(path) > 1:
            raise _no_room(path, "there is such a file already", "choose another name; nothing was done")
        if not path.parent.is_dir():
            raise _no_room(path.parent, "no such folder", "make it first; nothing was done")


def _no_room(path: Path, reason: str, remedy: str) -> Exception:
    from simsearch.errors import WriteError

    return WriteError(path, reason, remedy)


def need_photos(library: Library) -> None:
    """Raise LibraryError where a library is empty."""
    if not len(library):
        raise LibraryError(library.path, "holds no photos yet", "index some: simsearch index FOLDER")


def complain(sentence: str) -> None:
    """Print a sentence on standard error, in the program's name."""
    print(f"simsearch: {sentence}", file=sys.stderr)


def agreed(question: str, *, yes: bool) -> bool:
    """Whether the user agrees: said so before, or is there and says so now."""
    if yes:
        return True
    if not is_terminal():
        complain("nobody is here to agree to that; nothing was done. Add --yes to do it unasked.")
        return False
    print(f"{question} [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print("nothing was dropped")
    return False


def is_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def printable(path: str | Path) -> str:
    """Make a file's name fit for a terminal: no control characters, no broken text."""
    text = str(path)
    with suppress(UnicodeEncodeError):  # bytes that are no text, as the library lists them: \\xff
        text = os.fsencode(text).decode(errors="backslashreplace")
    return "".join(char if char.isprintable() else "?" for char in text)


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Say how many there are of something; its plural has an s unless it is named."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def some(names: list[str]) -> str:
    """Name a few of many things, and count the others."""
    more = [f"{len(names) - NAMES_SHOWN:,} more"] if len(names) > NAMES_SHOWN else []
    return ", ".join([*map(printable, names[:NAMES_SHOWN]), *more])
