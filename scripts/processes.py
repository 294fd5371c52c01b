"""The processes of a run, seen from outside: which there are, and what memory they take."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from statistics import fmean
from typing import Any, NamedTuple

import psutil

_MARK = "SIMSEARCH_SCRIPT_RUN"
_SECONDS_A_SAMPLE = 0.2


def marked(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment by which all processes of one run, however deep, are known."""
    return environment | {_MARK: uuid.uuid4().hex}


def alive(environment: dict[str, str]) -> list[psutil.Process]:
    """Return the processes that run in an environment that was :func:`marked`; the dead do not count."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            its_mark = process.environ().get(_MARK)
            if its_mark == environment[_MARK] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def outlived(environment: dict[str, str], seconds: float) -> list[psutil.Process]:
    """Wait until all processes of a run have ended by themselves; return those that have not, ended now."""
    until = time.monotonic() + seconds
    while (left := alive(environment)) and time.monotonic() < until:
        time.sleep(0.05)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    return left


class Sample(NamedTuple):
    """Memory of a process at a moment, in bytes.

    ``proportional`` shares out what several processes have in common; ``anonymous`` is without what is mapped
    from files, which the system may take back at any time.
    """

    at: float
    resident: int
    proportional: int
    anonymous: int


class Memory(NamedTuple):
    """Megabytes of a process: the peaks, and the means over the last quarter of the time."""

    peak: float = 0.0
    late: float = 0.0
    peak_proportional: float = 0.0
    late_proportional: float = 0.0
    peak_anonymous: float = 0.0
    late_anonymous: float = 0.0


class Sampler:
    """Looks at the memory of a process and of those below it, while it is the context."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._samples: dict[int, list[Sample]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_SECONDS_A_SAMPLE):
            with suppress(psutil.Error, OSError):
                parent = psutil.Process(self._pid)
                for process in (parent, *parent.children(recursive=True)):
                    with suppress(psutil.Error, OSError):
                        self._samples.setdefault(process.pid, []).append(sample(process))

    @property
    def parent(self) -> Memory:
        """The memory of the process itself."""
        return sum_up([self._samples.get(self._pid, [])])

    @property
    def worker(self) -> Memory:
        """The largest of the figures of those below it."""
        return sum_up(samples for pid, samples in self._samples.items() if pid != self._pid)


def sample(process: Any) -> Sample:
    """Look at a process; what the system does not tell is put as high as it can be."""
    full = process.memory_full_info()
    own = getattr(full, "uss", full.rss)
    return Sample(
        time.monotonic(), full.rss, getattr(full, "pss", own), full.rss - getattr(full, "shared", 0)
    )


def sum_up(processes: Iterable[list[Sample]]) -> Memory:
    """Return the largest peaks and the largest late means of some processes."""
    runs = [samples for samples in processes if samples]
    if not runs:
        return Memory()
    start, end = min(samples[0].at for samples in runs), max(samples[-1].at for samples in runs)
    late = [[one for one in samples if one.at >= end - (end - start) / 4] for samples in runs]
    late = [samples for samples in late if samples]
    figures = []
    for kind in range(1, len(Sample._fields)):
        figures.append(max(one[kind] for samples in runs for one in samples) / 1e6)
        figures.append(max(fmean(one[kind] for one in samples) for samples in late) / 1e6)
    return Memory(*figures)


def index_command(
    python: str, folders: Iterable[os.PathLike[str]], library: os.PathLike[str], *more: str
) -> list[str]:
    """Return the command that indexes folders into a library."""
    names = [os.fspath(folder) for folder in folders]
    return [python, "-P", "-m", "simsearch.cli", "index", *names, "--library", os.fspath(library), *more]
