"""What can go wrong that a user can mend, as one small tree.

    SimsearchError
    ├── PhotoError          a picture that cannot be read           source, reason
    ├── FolderError         a folder of photos that cannot be used  path, reason
    ├── BackboneError       a network that cannot be had or built   backbone, reason
    ├── DerivedFileError    a cached or built file that is damaged  path, reason
    ├── WriteError          a folder that cannot be written         path, reason
    ├── StorageError        a Redis or Milvus server, likewise      address, reason
    ├── ClusterError        a Ray cluster that cannot be used       address, reason
    ├── LearningError       photos that nothing can be learnt from  reason
    ├── AlbumError          an album that is not there, or cannot be so  name, reason
    └── LibraryError        a library that cannot be opened or used path, reason
        ├── NoLibrary       there is none yet                       path, reason
        └── EncoderMismatch two networks in one library             stored, asked

``str(error)`` is one sentence: what happened, then what to do about it.
The library raises; only commands and pages print.
"""

from __future__ import annotations

from os import PathLike
from typing import Any


class SimsearchError(Exception):
    """Base of all errors raised on purpose; catch it to turn any of them into one line for a person."""


def reason_of(error: OSError) -> str:
    """Say in lower case what the operating system said, for use inside a sentence."""
    return (error.strerror or str(error) or type(error).__name__).lower()


class _Subject(SimsearchError):
    """An error about one thing: ``what: reason; remedy``."""

    def __init__(self, subject: str | PathLike[str], reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{subject}: {reason}; {remedy}.")


class PhotoError(_Subject):
    """A picture that cannot be read: not a picture, truncated, too large, gone."""

    def __init__(self, source: str | PathLike[str], reason: str, remedy: str = "try another picture") -> None:
        self.source = source
        super().__init__(source, reason, remedy)


class FolderError(_Subject):
    """A folder of photos that is missing, is no folder, or may not be read."""

    def __init__(self, path: str | PathLike[str], reason: str, remedy: str) -> None:
        self.path = path
        super().__init__(path, reason, remedy)


class BackboneError(_Subject):
    """A backbone that is unknown, or whose weights are missing or not the ones expected."""

    def __init__(self, backbone: str, reason: str, remedy: str) -> None:
        self.backbone = backbone
        super().__init__(f"backbone {backbone}", reason, remedy)


class DerivedFileError(_Subject):
    """A file made from something else (a converted network, an index) that is damaged or foreign."""

    def __init__(
        self, path: str | PathLike[str], reason: str, remedy: str = "delete it; it is made anew"
    ) -> None:
        self.path = path
        super().__init__(path, reason, remedy)


class WriteError(_Subject):
    """A folder that cannot be written: no permission, disk full, read-only."""

    def __init__(self, path: str | PathLike[str], reason: str, remedy: str) -> None:
        self.path = path
        super().__init__(path, reason, remedy)


class StorageError(_Subject):
    """A server that is to hold the tables of LSH, or the vectors, and cannot be reached or used."""

    def __init__(self, address: str, reason: str, remedy: str) -> None:
        self.address = address
        super().__init__(address, reason, remedy)


class ClusterError(_Subject):
    """A Ray cluster that is to encode photos and cannot be reached or used."""

    def __init__(self, address: str, reason: str, remedy: str) -> None:
        self.address = address
        super().__init__(address, reason, remedy)


class LearningError(_Subject):
    """Photos or labels that nothing can be learnt from: too few, all alike, of one kind only.

    Where search would be worse, ``gain`` is what was measured, as in :meth:`Library.learnt`; else None.
    """

    def __init__(self, reason: str, remedy: str, gain: dict[str, Any] | None = None) -> None:
        self.gain = gain
        super().__init__("nothing can be learnt", reason, remedy)


class AlbumError(_Subject):
    """An album that is not there, or cannot be made or changed as was wished."""

    def __init__(self, name: str, reason: str, remedy: str) -> None:
        self.name = name
        super().__init__(f"album {name}", reason, remedy)


class LibraryError(_Subject):
    """A library that is missing, is not one of ours, is newer than this program, or is in the way."""

    def __init__(self, path: str | PathLike[str], reason: str, remedy: str) -> None:
        self.path = path
        super().__init__(path, reason, remedy)


class NoLibrary(LibraryError):
    """There is no library in this folder yet."""

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__(path, "no library here yet", "make one with: simsearch index FOLDER")


class EncoderMismatch(LibraryError):
    """The library holds embeddings of another network than the one asked for.

    Embeddings of two networks cannot be compared, so they are never mixed, and what is there is never
    wiped to make room.
    """

    def __init__(self, path: str | PathLike[str], stored: object, asked: object) -> None:
        self.stored = stored
        self.asked = asked
        super().__init__(
            path,
            f"made with {stored}, not with {asked}",
            "open it without a backbone, or have the other one serve: simsearch index --backbone NAME",
        )
