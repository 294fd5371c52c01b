"""One run of indexing as a program of its own, which tells what each file took; for scripts/fuzz.py.

    python -m scripts.one_run LIBRARY NETWORK FOLDER WORKERS

NETWORK is the name of a backbone, or "module:function" that makes an encoder. It prints one JSON object: the
report, seconds by path from when a worker took a file up to its answer, how many workers were started, and
for each that died before its time the file it was on and how it ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from dataclasses import asdict
from typing import Any

from simsearch import Library, child, worker


class WatchedChild(child.Child):
    """A worker process whose answers are timed."""

    started = 0
    seconds: dict[str, float] = {}
    deaths: list[tuple[str, str]] = []

    def __init__(self, recipe: tuple[str, list[str]], memory_limit: int) -> None:
        WatchedChild.started += 1
        self._owed: deque[str] = deque()
        self._since = 0.0
        super().__init__(recipe, memory_limit)

    def send(self, task: child.Task) -> bool:
        """Hand over a task as ever."""
        if not self._owed:
            self._since = time.perf_counter()
        sent = super().send(task)
        if sent:
            self._owed.append(str(task.path))
        return sent

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for the next answer as ever, and note what it took."""
        try:
            answer = super().receive()
        except child.Gone as gone:
            self.deaths.append((self._owed[0] if self._owed else "", gone.how))
            raise
        finally:
            now = time.perf_counter()
            if self._owed:
                path = self._owed.popleft()
                self.seconds[path] = max(now - self._since, self.seconds.get(path, 0.0))
            self._since = now
        return answer


def index(place: str, network: str, folder: str, workers: int) -> dict[str, Any]:
    """Index a folder and return all there is to tell."""
    child.Child = WatchedChild  # type: ignore[misc]
    own = worker.build_encoder((network, [])) if ":" in network else None
    with Library.open(place, backbone=None if own else network, encoder=own) as library:
        report = asdict(library.sync(folder, workers=workers))
    return {
        "report": report,
        "seconds": WatchedChild.seconds,
        "workers": WatchedChild.started,
        "deaths": WatchedChild.deaths,
    }


if __name__ == "__main__":
    place, network, folder, workers = sys.argv[1:]
    print(json.dumps(index(place, network, folder, int(workers))))
