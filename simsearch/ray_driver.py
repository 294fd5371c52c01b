"""The process that speaks to Ray: tasks from its parent (see ray_pool.py) go to actors, answers come back."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

import pyarrow as pa
import ray
import ray.data
import ray.exceptions

from simsearch import child
from simsearch.ray_actor import ASKED, PROBLEM, Examiner
from simsearch.worker import frame, receive, send

# Half of what an actor uses: half of the nodes may die, and their actors find room on the others.
_CPUS_AN_ACTOR = 0.5
# With smaller ones less is lost with a node and progress is smoother, but each costs Ray a millisecond.
_MOST_FILES_A_BLOCK = 64
_BLOCKS_A_WORKER = 32
# Longer than a block of files that all hang: what else takes so long is an actor that finds no node.
_SECONDS_WITHOUT_PROGRESS = 2 * _MOST_FILES_A_BLOCK * child.SECONDS_A_FILE

_Inbox = SimpleQueue[dict[str, Any] | None]


def examined(
    rows: list[dict[str, Any]], recipe: tuple[str, list[str]], workers: int
) -> Generator[tuple[int, str, bytes], None, None]:
    """Have some actors examine files; yield number, facts and payload, perhaps of some files twice."""
    size = min(math.ceil(len(rows) / (workers * _BLOCKS_A_WORKER)), _MOST_FILES_A_BLOCK)
    blocks = [pa.Table.from_pylist(rows[at : at + size], schema=ASKED) for at in range(0, len(rows), size)]
    files = {argument: _shipped(argument) for argument in recipe[1] if _is_file(argument)}
    nodes = sum(node["Alive"] for node in ray.nodes())
    answers = ray.data.from_arrow(blocks).map_batches(
        Examiner,
        fn_constructor_args=[recipe, files, math.ceil(workers / nodes)],
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
        num_cpus=_CPUS_AN_ACTOR,
        batch_size=None,
        batch_format="pyarrow",
    )
    for block in answers.iter_batches(batch_size=None, batch_format="pyarrow"):
        for row in block.to_pylist():
            yield row["number"], row["facts"], row["payload"]


def _is_file(argument: str) -> bool:
    return os.path.isabs(argument) and os.path.isfile(argument)


def _shipped(path: str) -> tuple[str, Any]:
    data = Path(path).read_bytes()
    return hashlib.sha256(data).hexdigest(), ray.put(data)


def _join(address: str, workers: int, folder: str) -> int:
    """Join a cluster, or start one in a folder; return how many workers there are to be."""
    if address:
        ray.init(address=address, log_to_driver=False)
    else:
        ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False, _temp_dir=folder)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = _SECONDS_WITHOUT_PROGRESS
    return workers or max(sum(_suitable(node["Resources"]) for node in ray.nodes() if node["Alive"]), 1)


def _suitable(resources: dict[str, float]) -> int:
    """Return how many workers suit a node: as on one machine, one a core with a gigabyte of memory each."""
    return int(min(resources.get("CPU", 0), max(resources.get("memory", 0) / (1 << 30), 1)))


def _do(job: dict[str, Any], inbox: _Inbox, replies: IO[bytes]) -> None:
    """Take the files of a job, and answer each."""
    rows: list[dict[str, Any]] = []
    while tasks := inbox.get():
        for path, known in tasks["tasks"]:
            rows.append({"number": len(rows), "path": path, "known": known})
    with closing(examined(rows, job["recipe"], job["workers"])) as answers:
        for number, facts, payload in answers:
            if number == PROBLEM:
                send(replies, frame({"problem": facts}))
                return
            send(replies, frame({"number": number, "facts": json.loads(facts)}, payload))
    send(replies, frame({}))


@contextmanager
def _explained(replies: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:  # whatever Ray may raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        # The first says it, but for an error on a node, which is told as a traceback.
        words = lines[-1 if isinstance(error, ray.exceptions.RayTaskError) else 0]
        send(replies, frame({"failed": words.strip(". ")}))


def _listen(requests: IO[bytes], inbox: _Inbox) -> None:
    """Take in what the parent says; once it is gone, interrupt whatever is being done, if anything is."""
    try:
        while True:
            inbox.put(receive(requests)[0])
    except (EOFError, ValueError):
        # In this order: it must not interrupt what is done in the end.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        inbox.put(None)  # Ray may catch the interrupt and go on


def _serve(address: str, workers: int, folder: str) -> None:
    """Join a cluster and do one job after the other, until the parent is gone."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Ray prints
    inbox: _Inbox = SimpleQueue()
    threading.Thread(target=_listen, args=[requests, inbox], daemon=True).start()
    with _explained(replies):
        send(replies, frame({"workers": _join(address, workers, folder)}))
    while job := inbox.get():
        with _explained(replies):
            _do(job, inbox, replies)


def main() -> None:
    """Serve until the parent closes the pipe.

    The arguments are an address, a number of workers (0 for as many as suit), and where there is no address,
    the folder for Ray of this machine, which is removed in the end.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may have ignored it
    address, workers, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    try:
        _serve(address, workers, folder)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)  # Ray may still write there


if __name__ == "__main__":
    main()
