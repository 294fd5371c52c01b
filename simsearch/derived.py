"""Files made from something else: converted networks, indexes. Losing one costs the time to make it again.

    8 bytes   magic, "SIMSDERV"
    4 bytes   format version              little-endian, as all numbers here
    4 bytes   size of the JSON text
    4 bytes   CRC-32 of the JSON text
    JSON      what kind of file this is, the maker's header, size and CRC-32 of the payload;
              filled up with spaces so that the payload starts at a multiple of 64 bytes
    payload   to the end of the file

A file is written under another name and then moved into place, so that whoever opens it finds the old
one or the new one, whole. It is read without trust: what is damaged raises, and never gives other data.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from simsearch.errors import DerivedFileError, WriteError, reason_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

MAGIC = b"SIMSDERV"
VERSION = 1
_PREFIX = struct.Struct("<8sIII")
_ALIGNMENT = 64  # a cache line: an array in the payload can be used where it lies
_YOUNG = 5.0  # seconds in which a file may not be locked yet by whoever writes it
_FULL = (errno.ENOSPC, errno.EDQUOT)
_ZEROS = 1 << 20  # bytes that are written at once
_ABANDONED_AFTER = 3600.0  # seconds, where files cannot be locked: no write takes as long


def save(path: Path, kind: str, header: dict[str, Any], *payload: bytes | memoryview) -> None:
    """Write a derived file; its folder is made where there is none.

    Parameters
    ----------
    kind
        What the file is, such as "network"; :func:`load` refuses another kind.
    header
        Anything JSON can hold.
    payload
        Contiguous; parts are written one behind the other.

    Raises
    ------
    WriteError
        When it cannot be written. A file of that name which was there before is then still there.
    """
    size, checksum = 0, 0
    for part in payload:
        size, checksum = size + memoryview(part).nbytes, zlib.crc32(part, checksum)
    entries = {"kind": kind, "header": header, "payload_size": size, "payload_crc32": checksum}
    text = json.dumps(entries).encode()
    text += b" " * (-(_PREFIX.size + len(text)) % _ALIGNMENT)
    write_atomically(path, _PREFIX.pack(MAGIC, VERSION, len(text), zlib.crc32(text)) + text, *payload)


def load(path: Path, kind: str) -> tuple[dict[str, Any], memoryview]:
    """Read a derived file.

    Returns
    -------
    The maker's header, and the payload: read-only, and mapped from the file where the file system can.

    Raises
    ------
    FileNotFoundError
        When there is none.
    DerivedFileError
        When it is damaged, not ours, of another kind or from a newer version.
    """
    header, size, checksum, payload = _parts(path, kind)
    if payload.nbytes != size:
        raise DerivedFileError(path, f"holds {payload.nbytes} bytes of data, where its header says {size}")
    if zlib.crc32(payload) != checksum:
        raise DerivedFileError(path, "damaged: the checksum of its data is wrong")
    return header, payload


def header(path: Path, kind: str) -> dict[str, Any]:
    """Read only the maker's header; raise as :func:`load`, though not where the payload is damaged."""
    return _parts(path, kind)[0]


def _parts(path: Path, kind: str) -> tuple[dict[str, Any], int, int, memoryview]:
    """Return the maker's header, the payload's size and CRC-32 as they should be, and the payload."""
    content = _content(path)
    entries, start = _entries(path, content)
    try:
        found, header = entries["kind"], {**entries["header"]}
        size, checksum = entries["payload_size"], entries["payload_crc32"]
    except (KeyError, TypeError):
        raise DerivedFileError(path, "its header lacks something") from None
    if found != kind:
        raise DerivedFileError(path, f"holds {found!r}, where {kind!r} was expected")
    return header, size, checksum, content[start:]


def _content(path: Path) -> memoryview:
    try:
        with open(path, "rb") as file:
            try:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except (OSError, ValueError):  # a file system that maps no files; an empty file
                return memoryview(file.read())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DerivedFileError(path, f"cannot be read ({reason_of(error)})") from error


def _entries(path: Path, content: memoryview) -> tuple[Any, int]:
    """Check all that stands before the payload; return the JSON's object and where the payload starts."""
    if content.nbytes < _PREFIX.size:
        raise DerivedFileError(path, f"too short, {content.nbytes} bytes")
    magic, version, size, checksum = _PREFIX.unpack_from(content)
    if magic != MAGIC:
        raise DerivedFileError(path, f"not one of simsearch's files: it starts with {magic!r}, not {MAGIC!r}")
    if version > VERSION:
        reason = f"written by a newer simsearch (format {version}; this one reads {VERSION})"
        raise DerivedFileError(path, reason, "upgrade simsearch, or delete it; it is made anew")
    if version < VERSION:
        raise DerivedFileError(path, f"has format {version}, where {VERSION} was expected")
    start = _PREFIX.size + size
    if content.nbytes < start:
        raise DerivedFileError(path, f"too short, {content.nbytes} bytes, for a header that ends at {start}")
    if zlib.crc32(content[_PREFIX.size : start]) != checksum:
        raise DerivedFileError(path, "damaged: the checksum of its header is wrong")
    try:
        return json.loads(bytes(content[_PREFIX.size : start])), start
    except ValueError:
        raise DerivedFileError(path, "its header is not JSON") from None


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file whole or not at all, whatever happens: error, Ctrl-C, power cut.

    Raises
    ------
    WriteError
        When it cannot be written.
    """
    with writing(path) as file:
        for part in parts:
            file.write(part)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to be written whole or not at all, as :func:`write_atomically` does; raise as it does."""
    make_folder(path.parent)
    unfinished = path.with_name(f".{path.name}.{os.urandom(6).hex()}.unfinished")
    try:
        _remove_abandoned(path)
        try:
            with open(unfinished, "xb") as file:
                _lock(file)
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise write_error(path, error) from error
    with contextlib.suppress(OSError):  # the file is whole; Windows and network drives cannot do this
        _sync_folder(path.parent)


def scratch_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> np.memmap[Any, Any]:
    """Make an array in a new ``.npy`` file, all of whose room is taken at once.

    On a disk that is full later, writing to an array that lies in a file would kill the process.

    Raises
    ------
    OSError
        When there is no room.
    """
    import numpy as np

    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    with open(path, "r+b") as file:
        _take_room(file, array.offset, array.nbytes)
    return array


def _take_room(file: IO[bytes], start: int, size: int) -> None:
    """Have the disk keep room for a part of a file that nothing is written to yet."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), start, size)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # of file systems that cannot do it
                raise
    file.seek(start)
    for written in range(0, size, _ZEROS):
        file.write(bytes(min(_ZEROS, size - written)))


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[None]:
    """Raise WriteError with a remedy where a folder for what is only needed meanwhile has no room left."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        remedy = "free some space, or point TMPDIR elsewhere"
        raise WriteError(folder, f"cannot be written ({reason_of(error)})", remedy) from error


def make_folder(folder: Path) -> None:
    """Make a folder where there is none.

    Raises
    ------
    WriteError
        When it cannot be made, or is there but cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise write_error(folder, error) from error


def abandoned(folder: Path, name: str) -> list[Path]:
    """Return what killed processes left of attempts at files of this name, which may be a pattern ("*")."""
    left = []
    for path in sorted(folder.glob(f".{name}.*.unfinished")):
        with contextlib.suppress(OSError), open(path, "rb") as file:  # someone else was faster
            old = _YOUNG if _lock(file) else _ABANDONED_AFTER
            if time.time() - os.fstat(file.fileno()).st_mtime > old:
                left.append(path)
    return left


def _lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed; return whether nobody else has, False as well where none can be."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    for other in abandoned(path.parent, glob.escape(path.name)):
        with contextlib.suppress(OSError):
            other.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the new name in the folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_error(path: Path, error: OSError) -> WriteError:
    """Say what an operating system error on writing means, and what to do about it."""
    remedy = "free some space" if error.errno in _FULL else "make the folder writable"
    return WriteError(path, f"cannot be written ({reason_of(error)})", remedy)
