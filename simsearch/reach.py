"""Asks the file system, or a server, what is there just now. A network disk that is gone may never answer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from simsearch.errors import FolderError, reason_of
from simsearch.remote import RemotePath, existing, remedy
from simsearch.servers import A_SECOND

SECONDS = 1.0  # without an answer: the place is not there
_SECONDS_AWAY = 5.0  # the same of an address, whose first answer waits for a connection and credentials
_SECONDS_UNASKED = 30.0  # for which such a place is not asked again
_silent_until: dict[Path, float] = {}

_Answer = TypeVar("_Answer")


def answer(place: Path, question: Callable[[], _Answer], silence: _Answer, *, more: float = 0.0) -> _Answer:
    """Return the answer to a question about a place, or ``silence`` where there is none in time.

    Parameters
    ----------
    more
        Seconds that it may take besides.
    """
    if time.monotonic() < _silent_until.get(place, 0.0):
        return silence
    answers: SimpleQueue[_Answer] = SimpleQueue()
    threading.Thread(target=lambda: answers.put(question()), daemon=True).start()
    seconds = _SECONDS_AWAY if isinstance(place, RemotePath) else SECONDS
    try:
        return answers.get(timeout=seconds + more)
    except Empty:
        _silent_until[place] = time.monotonic() + _SECONDS_UNASKED
        return silence


def there(root: Path, paths: Iterable[Path]) -> set[Path]:
    """Return those of some paths below a root that are there."""
    if isinstance(root, RemotePath):
        asked = [*paths]
        return answer(root, lambda: _existing(asked), set[Path](), more=len(asked) / A_SECOND)
    return answer(root, lambda: {path for path in paths if os.path.lexists(path)}, set[Path]())


def is_any_there(root: Path, paths: Iterable[Path]) -> bool:
    """Whether one at least of some paths below a root is there."""
    if not isinstance(root, RemotePath):
        return answer(root, lambda: any(map(os.path.lexists, paths)), False)
    first, *others = paths  # mostly one request is enough
    return bool(there(root, [first]) or there(root, others))


def _existing(paths: Iterable[Path]) -> set[Path]:
    with suppress(OSError):
        return existing(paths)
    return set()


def holds_anything(folder: Path) -> bool:
    """Whether a folder is there and not empty, as the mount point of an absent disk is."""

    def look() -> bool:
        with suppress(OSError):
            if isinstance(folder, RemotePath):
                return bool(folder.entries())
            with os.scandir(folder) as entries:
                return any(entries)
        return False

    return answer(folder, look, False)


def need_folder(folder: Path) -> None:
    """Raise FolderError where a path is no folder that is there."""
    try:
        if folder.is_dir():
            return
    except OSError as error:
        raise FolderError(folder, reason_of(error), remedy(error)) from error
    disk = "" if isinstance(folder, RemotePath) else ", and that its disk is connected"
    raise FolderError(folder, "no such folder", f"check the spelling{disk}")


def unread(folder: Path, reason: str) -> FolderError:
    """Return the error of a folder that is there and of which nothing could be listed."""
    network = isinstance(folder, RemotePath)
    return FolderError(
        folder, reason, "check the network and the address" if network else "check its permissions"
    )


def is_gone(path: Path) -> bool:
    """Whether a file is certainly not there: of that, an unreadable folder or a failing disk says nothing."""
    try:
        path.stat() if isinstance(path, RemotePath) else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False
