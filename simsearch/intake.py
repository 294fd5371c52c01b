"""Files that are in no library: read by workers as for indexing, and kept aside to be compared."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from simsearch import sketches
from simsearch.child import Answer
from simsearch.facts import Exposure, exposure
from simsearch.pairs import Sketch
from simsearch.remote import path_of
from simsearch.store import parsed_time
from simsearch.versions import Version


class Taken(NamedTuple):
    """A file that could be read.

    Attributes
    ----------
    sha256
        Of its bytes.
    version
        What makes it better or worse than others.
    taken_at, camera
        When it was taken, by its camera's clock, and by which camera; None where it does not say.
    """

    sha256: str
    version: Version
    taken_at: datetime | None
    camera: str | None

    @property
    def shot(self) -> Exposure | None:
        """The camera, and when it took it, where the file says both."""
        return exposure(self.camera, self.taken_at)

    @property
    def path(self) -> Path:
        """Where it is."""
        return path_of(self.version.path)


class Intake:
    """Files by numbers below 0, which no photo of a library has.

    Embeddings and thumbnails lie in a temporary file, as those of a large card may not fit into memory. Those
    of equal files are kept once.

    Parameters
    ----------
    vector_bytes
        Length of an embedding.
    """

    def __init__(self, vector_bytes: int) -> None:
        self.files: dict[int, Taken] = {}
        self._vector_bytes = vector_bytes
        self._payloads = tempfile.TemporaryFile()
        self._parts: dict[str, tuple[int, int]] = {}  # by content: where its payload starts, and its length
        self._sketches: dict[str, np.ndarray] = {}

    def __enter__(self) -> Intake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._payloads.close()

    def take(self, number: int, answer: Answer) -> None:
        """Keep what a worker said of a file that it could read."""
        told, about, sha256 = answer.facts, answer.facts["about"], answer.facts["sha256"]
        told_of_it = sum(about[fact] is not None for fact in ("taken_at", "camera", "latitude"))
        version = Version(
            answer.task.path, about["width"], about["height"], told["size"], told["mtime_ns"], told_of_it
        )
        self.files[number] = Taken(sha256, version, parsed_time(about["taken_at"]), about["camera"])
        if sha256 not in self._parts:
            self._parts[sha256] = self._payloads.seek(0, 2), len(answer.payload)
            self._payloads.write(answer.payload)
            self._sketches[sha256] = sketches.sketch(answer.payload[self._vector_bytes :])

    def firsts(self) -> np.ndarray:
        """Return the numbers, (n,) int64 ascending, of one file of each content."""
        first: dict[str, int] = {}
        for number in sorted(self.files):
            first.setdefault(self.files[number].sha256, number)
        return np.array(sorted(first.values()), dtype=np.int64)

    def sketch(self, number: int) -> Sketch:
        """Return a file's sketch, and its height by its width."""
        file = self.files[number]
        return self._sketches[file.sha256], file.version.height / file.version.width

    def prints(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return files, (n,) int64, and their prints, (n, 8, 8) float32, without the blank ones."""
        if not len(numbers):
            return numbers, np.empty((0, 8, 8), np.float32)
        prints = sketches.prints(np.stack([self.sketch(number)[0] for number in numbers.tolist()]))
        seen = prints.any(axis=(1, 2))
        return numbers[seen], prints[seen]

    def thumbnail(self, number: int) -> bytes:
        """Return a file's thumbnail (JPEG)."""
        return self._payload(number)[self._vector_bytes :]

    def vectors(self, numbers: np.ndarray) -> np.ndarray:
        """Return the embeddings of files, (n,) int64: (n, dim) float32."""
        packed = b"".join(self._payload(number)[: self._vector_bytes] for number in numbers.tolist())
        return np.frombuffer(packed, "<f2").reshape(len(numbers), -1).astype(np.float32)

    def _payload(self, number: int) -> bytes:
        start, length = self._parts[self.files[number].sha256]
        self._payloads.seek(start)
        return self._payloads.read(length)
