"""A worker process: one photo file in, one row out.

It is a program of its own, started with ``python -m simsearch.worker``, not a fork: a fork would copy the
parent's threads and locks in whatever state they are, and ``multiprocessing`` would run the user's script
again unless it is guarded. Parent and child talk in frames over the child's standard input and output.
A frame is two lengths, a JSON object and a run of bytes; nothing in it can be code.

A worker whose parent is gone ends by itself: waiting or answering, because the pipe is closed; at work,
because it sets itself an alarm.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from simsearch import memory, pixels
from simsearch.errors import PhotoError, reason_of
from simsearch.facts import Facts
from simsearch.remote import path_of

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

_LENGTHS = struct.Struct("<II")


def frame(message: dict[str, Any], payload: bytes = b"") -> bytes:
    """Pack a message for :func:`send`."""
    text = json.dumps(message).encode()
    return _LENGTHS.pack(len(text), len(payload)) + text + payload


def send(stream: IO[bytes], packed: bytes) -> None:
    """Write one frame and flush it."""
    stream.write(packed)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read one frame; raise EOFError where the other side is gone."""
    lengths = _read_exactly(stream, _LENGTHS.size)
    text_size, payload_size = _LENGTHS.unpack(lengths)
    return json.loads(_read_exactly(stream, text_size)), _read_exactly(stream, payload_size)


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the other side is gone")
    return data


def examine(path: Path, known: frozenset[str], encoder: Encoder) -> tuple[dict[str, Any], bytes]:
    """Do all the work one photo needs.

    Parameters
    ----------
    known
        SHA-256 (hex) of photos of the same size whose embedding the parent has: where this file is one
        of them it is neither decoded nor encoded.

    Returns
    -------
    The facts, and the embedding (float16, little-endian) followed by the thumbnail (JPEG). A file that
    cannot be used has ``reason`` among its facts, and ``retry`` where the file itself may be fine.
    """
    try:
        return _examine(path, known, encoder)
    except PhotoError as error:
        return {"reason": error.reason, "retry": False}, b""
    except MemoryError:  # the limit is set for the photo's sake: it would not fit the next time either
        return {"reason": "reading it takes more memory than a worker may have", "retry": False}, b""
    except OSError as error:  # a disk error or a permission says nothing about the photo
        return {"reason": f"cannot be read ({reason_of(error)})", "retry": True}, b""
    except ValueError as error:  # the network makes nothing of it
        return {"reason": str(error), "retry": False}, b""


def _examine(path: Path, known: frozenset[str], encoder: Encoder) -> tuple[dict[str, Any], bytes]:
    started = time.perf_counter()
    data, file = pixels.read(path)
    facts: dict[str, Any] = {
        "size": file.st_size,
        "mtime_ns": file.st_mtime_ns,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    if facts["sha256"] in known:
        facts["about"] = _about(*pixels.glance(data, path))
        return facts, b""
    picture = pixels.decode(data, path, at_least=max(2 * encoder.input_size, pixels.THUMBNAIL_SIDE))
    vector = encoder.encode(pixels.letterbox(picture.image, encoder.input_size))
    thumbnail = pixels.thumbnail(data, picture)
    facts["about"] = _about(picture.width, picture.height, picture.facts)
    facts["seconds"] = time.perf_counter() - started
    return facts, vector.astype("<f2").tobytes() + thumbnail


def _about(width: int, height: int, facts: Facts) -> dict[str, Any]:
    taken_at = facts.taken_at and facts.taken_at.isoformat()
    return {"width": width, "height": height, **facts._asdict(), "taken_at": taken_at}


def build_encoder(recipe: tuple[str, list[str]]) -> Encoder:
    """Make the encoder that ``recipe`` names: ``("module:function", arguments)``."""
    module, _, function = recipe[0].partition(":")
    encoder: Encoder = getattr(importlib.import_module(module), function)(*recipe[1])
    return encoder


def main() -> None:
    """Serve examinations until the parent closes the pipe.

    The arguments are a recipe, a time limit (seconds) and a memory limit (bytes).
    """
    recipe, limit = json.loads(sys.argv[1]), float(sys.argv[2])
    memory.limit(int(sys.argv[3]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a decoder that prints must not print into the frames
    with _alarm(limit):
        encoder = build_encoder(recipe)
    try:
        send(replies, frame({"ready": True}))
        while True:
            task, _ = receive(requests)
            with _alarm(limit):
                answer = frame(*examine(path_of(task["path"]), frozenset(task["known"]), encoder))
            send(replies, answer)
    except (EOFError, BrokenPipeError):
        return


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """End this process if the work inside takes longer.

    The parent stops a stuck worker, unless it has been killed itself. An alarm without a handler is carried
    out by the system, so that it ends a decoder that never comes back from C, and two system calls a photo
    cost nothing.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whoever started us may have ignored it
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
