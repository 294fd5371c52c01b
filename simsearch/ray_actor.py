"""The actor that examines photos on a node of a Ray cluster, with one worker process as it is locally.

A file that crashes or hangs the worker is a row with a reason. An actor or a node that dies is Ray's concern:
its blocks are done again elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray

from simsearch import child, derived
from simsearch.child import Task
from simsearch.encoder import cache_folder
from simsearch.errors import SimsearchError
from simsearch.remote import path_of
from simsearch.supervisor import Supervisor, watch

ASKED = pa.schema([("number", pa.int64()), ("path", pa.string()), ("known", pa.list_(pa.string()))])
ANSWERED = pa.schema([("number", pa.int64()), ("facts", pa.string()), ("payload", pa.binary())])
PROBLEM = -1  # in place of a number: why there is no worker


class Examiner:
    """An actor: one worker process, for a block of files after the other.

    Parameters
    ----------
    recipe
        How the worker builds the encoder.
    files
        Those that the recipe names: SHA-256 and, in Ray's object store, content.
    neighbours
        How many actors share the memory of a node.
    """

    def __init__(
        self, recipe: tuple[str, list[str]], files: dict[str, tuple[str, Any]], neighbours: int
    ) -> None:
        self._recipe = recipe
        self._files = files
        self._neighbours = neighbours
        self._supervisor: Supervisor | None = None

    def __call__(self, block: pa.Table) -> pa.Table:
        """Examine a block of files; what no file is to blame for is a row, too, as Ray would try for ever."""
        rows = block.to_pylist()
        tasks = (Task(path_of(row["path"]), frozenset(row["known"])) for row in rows)
        try:
            answers = list(self._ready().examine(tasks))
        except SimsearchError as error:
            return _table([(PROBLEM, str(error), b"")])
        return _table(
            (row["number"], json.dumps(answer.facts), answer.payload)
            for row, answer in zip(rows, answers, strict=True)
        )

    def _ready(self) -> Supervisor:
        if self._supervisor is None:
            function, arguments = self._recipe
            here = function, [self._at_hand(argument) for argument in arguments]
            self._supervisor = Supervisor(here, child.memory_limit(self._neighbours))
            never = threading.Event()
            threading.Thread(target=watch, args=[[self._supervisor], never], daemon=True).start()
        return self._supervisor

    def _at_hand(self, argument: str) -> str:
        """Return an argument as it is to be on this node: a file that is not here is kept in the cache."""
        if argument not in self._files:
            return argument
        sha256, content = self._files[argument]
        for path in (Path(argument), kept := cache_folder() / f"{sha256[:16]}-{Path(argument).name}"):
            if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
                return str(path)
        derived.write_atomically(kept, ray.get(content))
        return str(kept)


def _table(rows: Iterable[tuple[int, str, bytes]]) -> pa.Table:
    names = ANSWERED.names
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=ANSWERED)
