"""pymilvus, as it is spoken to here: connected to an address, and with errors that are sentences."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simsearch.errors import StorageError
from simsearch.index.milvus_address import Address

_SECONDS_TO_CONNECT = 10.0
_SILENT = (
    "no answer from the Milvus server",
    "start it, check its address, user and password, or search on this machine: --engine exact",
)
_LOADING = "the server is still reading the collection into memory", "try again in a while"
_REFUSED = "the server refuses the user", "write milvus://USER:PASSWORD@HOST"
_GONE = "the collection is gone", "fill it with: simsearch push"
_LITE = "close what else has it open, as milvus-lite serves one process, or name another folder"
# What the messages of pymilvus, the server and milvus-lite have in them; in this order, what they mean.
_MEANINGS = (
    ("milvus-lite is required", "milvus-lite is not installed", "install it: pip install milvus-lite"),
    ("open local milvus failed", "cannot be opened", _LITE),
    ("schema file", "is damaged", "delete that folder, and push again"),
    (
        "database not found",
        "there is no such database",
        "make it in the server, or leave it out of the address",
    ),
    ("can't find collection", *_GONE),
    ("collection not found", *_GONE),
    ("auth check failure", *_REFUSED),
    ("unauthenticated", *_REFUSED),
    ("permission", *_REFUSED),
    ("collection not loaded", *_LOADING),
    ("loading", *_LOADING),
    ("memory", "the server has no memory left", "give it more, or drop collections that nobody needs"),
    ("fail connecting", *_SILENT),
    ("unavailable", *_SILENT),
    ("deadline", *_SILENT),
    ("timeout", *_SILENT),
)


def connect(shown: str, address: Address) -> Any:
    """Return a client of pymilvus; raise StorageError, with the address as it may be shown."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it talks on the terminal of how often it is asked
    try:
        from pymilvus import MilvusClient, MilvusException
    except ModuleNotFoundError:
        remedy = "install what talks to it: pip install 'simsearch[milvus]'"
        raise StorageError(shown, "pymilvus is not installed", remedy) from None
    # They print a traceback for every refusal, and then raise; what they raise is told in a sentence.
    for name in ("pymilvus", "milvus_lite"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    uri, token, database = address
    is_lite = "://" not in uri
    if is_lite:
        _check_folder(shown, Path(uri))
    how = {"uri": uri, "token": token, "db_name": database, "timeout": _SECONDS_TO_CONNECT}
    with explained(shown):
        try:
            return MilvusClient(**how)
        except MilvusException:
            if not is_lite:
                raise
        time.sleep(1)  # it has just hung up on another connection of ours, of which it had heard too much
        return MilvusClient(**how)


def _check_folder(shown: str, folder: Path) -> None:
    """Raise StorageError where milvus-lite cannot use a folder, for reasons that it would not tell."""
    if folder.is_file():
        raise StorageError(shown, "a file, not a folder of milvus-lite", "name another")
    if not folder.parent.is_dir():
        raise StorageError(shown, "there is no folder to make it in", "make that, or name another")
    if not os.access(folder if folder.is_dir() else folder.parent, os.W_OK):
        raise StorageError(shown, "cannot be written", "check its permissions, or name another")


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn the errors of pymilvus into StorageError, with the address as it may be shown."""
    from grpc import RpcError
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, RpcError) as error:
        raise StorageError(shown, *_meaning(error)) from error


def _meaning(error: Exception) -> tuple[str, str]:
    """Return what an error means, and what to do about it."""
    said = str(getattr(error, "message", "") or error).strip()
    for words, reason, remedy in _MEANINGS:
        if words in said.lower():
            return reason, remedy
    first = said.partition("\n")[0][:200]
    return f"Milvus says: {first}", "try again, or look into the server's log"
