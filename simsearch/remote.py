"""Photos at an address, such as s3://bucket/photos: in an object store, or any other place that fsspec knows.

The rest of the program takes such a place for a path like any other. What it asks of it goes over a network,
so every question has an end, and what is no answer is an error, never "it is not there".
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path, PosixPath, PurePosixPath
from typing import IO, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from simsearch import servers

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+", re.IGNORECASE)
_SECONDS_TO_READ = 45.0  # a photo; a worker that takes longer is ended, and its photo blamed
_SECONDS_TO_LIST = 3600.0  # a folder, perhaps of millions; there come a thousand names at a time


class RemotePath(PosixPath):
    """An address as a path: it is joined and taken apart as paths are, and asked through fsspec.

    The methods that ask raise FileNotFoundError where nothing is there, and other OSErrors where that cannot
    be told.
    """

    __slots__ = ()

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().partition(":/")  # paths make one of two slashes
        return f"{scheme}://{rest}" if rest else scheme

    def __fspath__(self) -> str:
        return str(self)

    def as_uri(self) -> str:
        """Return the address."""
        return str(self)

    def is_absolute(self) -> bool:
        """Whether it stands for itself: an address always does."""
        return True

    def absolute(self) -> RemotePath:
        """Return the same address."""
        return self

    def resolve(self, strict: bool = False) -> RemotePath:
        """Return the same address: what links there may be is not known."""
        return self

    def expanduser(self) -> RemotePath:
        """Return the same address."""
        return self

    def relative_to(self, *other: Any, **_: Any) -> PurePosixPath:  # type: ignore[override]
        """Return the way here from another place, which is no address."""
        return PurePosixPath(self).relative_to(PurePosixPath(*other))

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return size and time of writing, see :func:`simsearch.servers.facts`."""
        return servers.ask(str(self), lambda server, name: servers.facts(server.info(name)))

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether anything is there."""
        return self._mode() != 0

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether a folder is there."""
        return stat.S_ISDIR(self._mode())

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether a file is there."""
        return stat.S_ISREG(self._mode())

    def is_symlink(self) -> bool:
        """Whether it is a link: none is known of."""
        return False

    def _mode(self) -> int:
        try:
            return self.stat().st_mode
        except FileNotFoundError:
            return 0

    def entries(self) -> list[Entry]:
        """List a folder; what is below x//, where a name is missing, is in a folder without one."""

        def listed(server: Any, name: str) -> list[Entry]:
            found = ((one["name"].rstrip("/"), one) for one in server.ls(name, detail=True))
            return [
                self._entry("" if path == name else path.rpartition("/")[2], one)
                for path, one in found
                # An object store keeps an empty folder as an object of the folder's own name.
                if path != name or one["type"] == "directory"
            ]

        return servers.ask(str(self), listed, _SECONDS_TO_LIST)

    def _entry(self, name: str, info: dict[str, Any]) -> Entry:
        return Entry(self / name, name, servers.facts(info) if servers.says_enough(info) else None)

    def read_bytes(self) -> bytes:
        """Read a file whole."""
        data: bytes = servers.ask(str(self), lambda server, name: server.cat_file(name), _SECONDS_TO_READ)
        return data

    def open(self, mode: str = "rb", *_: Any, **__: Any) -> IO[Any]:  # type: ignore[override]
        """Return a file's bytes, read whole, as a stream; nothing is ever written."""
        if mode != "rb":
            raise OSError(errno.EROFS, "photos are never written to")
        return io.BytesIO(self.read_bytes())


class Entry(NamedTuple):
    """What is in a folder, as os.scandir tells it."""

    path: RemotePath
    name: str
    facts: os.stat_result | None

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""
        return self.facts is not None and stat.S_ISDIR(self.facts.st_mode)

    def is_symlink(self) -> bool:
        """Whether it is a link: none is known of."""
        return False

    def stat(self) -> os.stat_result:
        """Return what the list says, or ask where it does not say enough."""
        return self.facts or self.path.stat()


def path_of(path: str | os.PathLike[str], *below: str) -> Path:
    """Return what a text stands for: an address, or else a path on this machine.

    Raises
    ------
    ValueError
        When it is an address that cannot be used.
    """
    text = os.fspath(path)
    scheme, slashes, rest = text.partition("://")
    if not slashes or not _SCHEME.fullmatch(scheme):
        return Path(path, *below)
    if scheme.lower() in ("file", "local"):
        return Path(unquote(f"/{rest.partition('/')[2]}"), *below)
    if fault := _fault(text, rest):
        raise ValueError(fault)
    return RemotePath(f"{scheme.lower()}://{rest}", *below)


def _fault(text: str, rest: str) -> str | None:
    if "://" in rest or "::" in text:
        return "an address in another cannot be used"
    if not rest.partition("/")[0]:
        return "an address names a host or a bucket after its ://"
    if ".." in PurePosixPath(rest).parts:
        return "an address with .. in it cannot be used"
    if urlsplit(text).password:  # it would be kept, and shown
        return "leave the password out of the address, and give it in fsspec's settings"
    return None


def lexists(path: Path) -> bool:
    """Whether anything is at a path, be it a link to nowhere."""
    return path.exists() if isinstance(path, RemotePath) else os.path.lexists(path)


def existing(paths: Iterable[Path]) -> set[Path]:
    """Return those of some addresses of one place where something is."""
    by_address = {str(path): path for path in paths}
    return {by_address[address] for address in servers.existing([*by_address])}


def remedy(error: OSError) -> str:
    """Return what a person can do about a place that cannot be asked."""
    return error.remedy if isinstance(error, servers.Unreachable) else "check its permissions"
