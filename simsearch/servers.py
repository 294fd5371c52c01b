"""What answers for addresses: servers that fsspec knows, asked over a network, so every question has an end.

fsspec is imported by the first address that is asked for anything.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

_SECONDS = 10.0  # for a short answer
A_SECOND = 100  # short answers that can be waited for
_WRITTEN = ("LastModified", "last_modified", "updated", "mtime", "modified", "modify", "created")
_TAGS = ("ETag", "etag")

_Answer = TypeVar("_Answer")


class Unreachable(OSError):
    """A place that gave no answer, or none that helps; ``remedy`` is what a person can do."""

    def __init__(self, reason: str, remedy: str = "check the network and the address") -> None:
        self.remedy = remedy
        super().__init__(errno.EHOSTUNREACH, reason)


def ask(address: str, question: Callable[[Any, str], _Answer], seconds: float = _SECONDS) -> _Answer:
    """Put a question to the server of an address: it gets that, and what the server calls the address.

    Raises
    ------
    FileNotFoundError
        When nothing is there.
    Unreachable
        When there is no other answer in time.
    """
    server = _Server.of(address)
    answers: SimpleQueue[_Answer | Exception] = SimpleQueue()

    def put() -> None:
        try:
            answers.put(server.ask(question, address))
        except Exception as error:  # every server has errors of its own
            answers.put(error)

    threading.Thread(target=put, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        server.let_go()
        raise Unreachable(f"no answer within {seconds:.0f} seconds") from None
    if isinstance(answer, FileNotFoundError | NotADirectoryError):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), address) from answer
    if isinstance(answer, Exception):
        raise _explained(answer, server.scheme) from answer
    return answer


def existing(addresses: list[str]) -> set[str]:
    """Return those of some addresses of one server where something is; all are asked for at once."""
    if not addresses:
        return set()

    def look(server: Any, _: str) -> set[str]:
        names = [server._strip_protocol(address) for address in addresses]
        told = zip(addresses, _infos(server, names), strict=True)
        return {address for address, info in told if info}

    return ask(addresses[0], look, _SECONDS + len(addresses) / A_SECOND)


def _infos(server: Any, names: list[str]) -> list[bool]:
    """Return of some names whether a server says anything of them."""

    def one(name: str) -> bool:
        try:
            return bool(server.info(name))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return False

    if not server.async_impl:
        return [one(name) for name in names]
    from asyncio import gather

    from fsspec.asyn import sync

    async def all_of_them() -> list[Any]:  # no more at a time than it keeps connections
        return await gather(*(server._info(name) for name in names), return_exceptions=True)

    return [isinstance(info, dict) for info in sync(server.loop, all_of_them)]


class _Server:
    """What answers for all addresses of one scheme and host, or bucket."""

    _known: dict[str, _Server] = {}

    def __init__(self, key: str) -> None:
        self.scheme = key.partition(":")[0]
        self._key = key
        self._system: Any = None
        # Only what is asynchronous inside may be asked by several threads at once.
        self._alone: AbstractContextManager[object] = threading.Lock()

    @classmethod
    def of(cls, address: str) -> _Server:
        key = "/".join(address.split("/")[:3])
        return cls._known.setdefault(key, cls(key))

    def ask(self, question: Callable[[Any, str], _Answer], address: str) -> _Answer:
        with self._alone:
            may_be_stale = self._system is not None
            try:
                return self._put(question, address)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                raise
            except Exception:
                self._system = None
                # Who was idle for long has been cut off. What is asynchronous connects anew by itself.
                if not may_be_stale or isinstance(self._alone, nullcontext):
                    raise
                return self._put(question, address)

    def _put(self, question: Callable[[Any, str], _Answer], address: str) -> _Answer:
        system = self._system = self._system or self._connected()
        system.invalidate_cache()  # what was listed before may be old
        return question(system, system._strip_protocol(address))

    def _connected(self) -> Any:
        from fsspec.core import url_to_fs

        # Unless it reads whole, S3 is asked for a photo's size once more before each.
        options = {"max_concurrency": 1} if self.scheme in ("s3", "s3a") else {}
        system = url_to_fs(f"{self._key}/", skip_instance_cache=True, **options)[0]
        if system.async_impl:
            self._alone = nullcontext()
        return system

    def let_go(self) -> None:
        """Begin with a new connection the next time: somebody may wait on this one for ever."""
        self._known.pop(self._key, None)


def _explained(error: Exception, scheme: str) -> Unreachable:
    """Say in a few words what a store's error means, and what a person can do."""
    if isinstance(error, Unreachable):
        return error
    if isinstance(error, ImportError):
        if error.name and error.name.partition(".")[0] == "fsspec":
            return Unreachable("the package fsspec is not installed", "pip install 'simsearch[objects]'")
        if scheme in ("s3", "s3a"):
            return Unreachable("the package s3fs is not installed", "pip install 'simsearch[s3]'")
        return Unreachable(f"a package is not installed ({error})", "install it")
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return Unreachable(f"{scheme}:// is no kind of address known here", "check the spelling")
    if "Credential" in type(error).__name__:
        return Unreachable("no credentials were found", "set them up as for the store's own tools")
    if isinstance(error, PermissionError):
        return Unreachable("access is denied", "check that its credentials may list and read it")
    said = " ".join(str(error).split()) or type(error).__name__
    return Unreachable(f"cannot be reached ({said.rstrip('.')})")


def says_enough(info: dict[str, Any]) -> bool:
    """Whether a list tells of a file what it takes to know it again; those of web servers do not."""
    return info["type"] == "directory" or info.get("size") is not None


def facts(info: dict[str, Any]) -> os.stat_result:
    """Return what a server says of a file, as the system says it.

    Where it gives a tag of the content, that stands for the fraction of a second: stores tell times in whole
    seconds, or round them differently in a list than alone.
    """
    mode = stat.S_IFDIR if info["type"] == "directory" else stat.S_IFREG
    written = next((at for name in _WRITTEN if (at := _nanoseconds(info.get(name))) is not None), 0)
    if tag := next((str(info[name]) for name in _TAGS if info.get(name)), None):
        digest = hashlib.sha256(tag.removeprefix("W/").strip('"').encode()).digest()
        written = written // 10**9 * 10**9 + int.from_bytes(digest[:8], "big") % 10**9
    times = [written // 10**9] * 3
    status = [mode | 0o444, 0, 0, 1, 0, 0, info.get("size") or 0, *times]
    return os.stat_result(status, {"st_mtime_ns": written})


def _nanoseconds(moment: object) -> int | None:
    """Return a moment, as one of the servers tells it, since 1970; None where it is none."""
    if isinstance(moment, str):
        try:
            if moment[:14].isdigit():  # as in FTP
                moment = datetime.strptime(moment[:14], "%Y%m%d%H%M%S")
            else:
                moment = datetime.fromisoformat(moment)
        except ValueError:
            return None
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
    return int(moment * 1_000_000) * 1_000 if isinstance(moment, int | float) else None
