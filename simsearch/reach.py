"""Asks the file system what is there just now. A network disk that is gone may never answer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

SECONDS = 1.0  # without an answer: the place is not there
_SECONDS_UNASKED = 30.0  # for which such a place is not asked again
_silent_until: dict[Path, float] = {}

_Answer = TypeVar("_Answer")


def answer(place: Path, question: Callable[[], _Answer], silence: _Answer) -> _Answer:
    """Return the answer to a question about a place, or ``silence`` where there is none in time."""
    if time.monotonic() < _silent_until.get(place, 0.0):
        return silence
    answers: SimpleQueue[_Answer] = SimpleQueue()
    threading.Thread(target=lambda: answers.put(question()), daemon=True).start()
    try:
        return answers.get(timeout=SECONDS)
    except Empty:
        _silent_until[place] = time.monotonic() + _SECONDS_UNASKED
        return silence


def there(root: Path, paths: Iterable[Path]) -> set[Path]:
    """Return those of some paths below a root that are there."""
    return answer(root, lambda: {path for path in paths if os.path.lexists(path)}, set[Path]())


def holds_anything(folder: Path) -> bool:
    """Whether a folder is there and not empty, as the mount point of an absent disk is."""

    def look() -> bool:
        with suppress(OSError), os.scandir(folder) as entries:
            return any(entries)
        return False

    return answer(folder, look, False)


def is_gone(path: Path) -> bool:
    """Whether a file is certainly not there: of that, an unreadable folder or a failing disk says nothing."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False
