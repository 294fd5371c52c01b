"""Notices what happens in folders, and tells of it once it has calmed down."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simsearch.photos import SUFFIXES

_log = logging.getLogger("simsearch")

SECONDS_QUIET = 1.0  # after the last event of a file: it may still be written
SECONDS_A_LOOK = 0.25
SECONDS_A_ROUND = 600.0  # after which everything is looked at: network disks tell nothing, queues overflow
SECONDS_BLIND = 60.0  # the same where the system tells nothing
SECONDS_A_DISK = 5.0  # between two looks at whether folders are there


class Watch:
    """Follows folders.

    Parameters
    ----------
    online
        Tells which; asked again and again, as they may come and go.
    """

    def __init__(self, online: Callable[[], set[Path]]) -> None:
        from watchdog.observers import Observer

        # That a folder was moved out and back is told to a person by a warning about callbacks.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")
        self._online = online
        self._observer: Any = Observer()
        # Its watch, None where the system cannot follow it, and what tells it from another of its name.
        self._followed: dict[Path, tuple[Any, object]] = {}
        self._lock = threading.Lock()
        self._touched: dict[Path, float] = {}  # what something happened to, and when
        self._next_round = time.monotonic() + SECONDS_A_ROUND

    @contextmanager
    def following(self) -> Iterator[Watch]:
        """Follow the folders meanwhile; what happens from now on is noticed."""
        self._observer.start()
        try:
            self._follow()
            yield self
        finally:
            self._observer.stop()
            self._observer.join()

    def batches(self) -> Iterator[set[Path]]:
        """Yield, for ever, the paths to which something happened and that are quiet now.

        A folder that was not there and is, and all folders now and then, are among them.
        """
        next_look = 0.0
        while True:
            if time.monotonic() > next_look:
                self._follow()
                next_look = time.monotonic() + SECONDS_A_DISK
            if quiet := self._quiet():
                yield quiet
            else:
                time.sleep(SECONDS_A_LOOK)

    def _follow(self) -> None:
        """Follow the folders that are there, and let go of the others."""
        there = {root: _identity(root) for root in self._online()}
        for root, (watch, identity) in list(self._followed.items()):
            if there.get(root) != identity:  # away, or it was and is another disk's now
                del self._followed[root]
                if root not in there:
                    _log.warning("%s is offline; its photos are still found.", root)
                if watch:
                    self._observer.unschedule(watch)
        for root in there.keys() - self._followed.keys():
            self._followed[root] = self._scheduled(root), there[root]
            self._touch(root)
        if time.monotonic() > self._next_round:
            for root in there:
                self._touch(root)
            blind = any(watch is None for watch, _ in self._followed.values())
            self._next_round = time.monotonic() + (SECONDS_BLIND if blind else SECONDS_A_ROUND)

    def _scheduled(self, root: Path) -> Any:
        try:
            return self._observer.schedule(_Handler(root, self._touch), str(root), recursive=True)
        except OSError as error:  # Linux watches so many folders and no more
            _log.warning(
                "%s: cannot be followed (%s); it is looked at every minute instead. On Linux a higher "
                "fs.inotify.max_user_watches helps.",
                root,
                error,
            )
            self._next_round = min(self._next_round, time.monotonic() + SECONDS_BLIND)
            return None

    def _touch(self, path: Path) -> None:
        with self._lock:
            self._touched[path] = time.monotonic()

    def _quiet(self) -> set[Path]:
        """Take out the paths to which nothing has happened for a moment."""
        with self._lock:
            before = time.monotonic() - SECONDS_QUIET
            quiet = {path for path, at in self._touched.items() if at < before}
            for path in quiet:
                del self._touched[path]
            return quiet


def _identity(root: Path) -> object:
    try:
        facts = os.stat(root)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


class _Handler:
    """What watchdog calls."""

    def __init__(self, root: Path, touch: Callable[[Path], None]) -> None:
        self._root = root
        self._touch = touch

    def dispatch(self, event: Any) -> None:
        if event.event_type not in ("created", "deleted", "modified", "moved", "closed"):
            return  # opened, read
        if event.is_directory and event.event_type == "modified":
            return  # of what changed in it there is an event, too
        for name in (event.src_path, event.dest_path):
            if name and self._concerns_photos(Path(name), event.is_directory):
                self._touch(Path(name))

    def _concerns_photos(self, path: Path, is_folder: bool) -> bool:
        """Whether it can be a photo or hold some; a library may lie in a hidden folder of what it indexes."""
        if any(part.startswith(".") for part in path.relative_to(self._root).parts):
            return False
        return is_folder or path.suffix.lower() in SUFFIXES
