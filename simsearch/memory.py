"""How much memory there is for this process, and how to give it no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

_MEMBERSHIP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def total() -> int:
    """Return the bytes this process may use: the machine's, or fewer where it is held to fewer.

    What other programs use of them at the moment does not count: it differs from one minute to the next,
    and whether a photo can be read must not.
    """
    import psutil

    machine: int = psutil.virtual_memory().total
    return min([machine, *_of_cgroups(), *_of_process()])


def limit(size: int) -> None:
    """Give this process no more than ``size`` bytes for its data, where the system can be told so.

    What asks for more gets a MemoryError in place of a machine that swaps, and then kills.
    """
    if resource:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        with suppress(ValueError, OSError):  # macOS has the call, but not for every number
            resource.setrlimit(resource.RLIMIT_DATA, (min([size, *_of_process()]), hard))


def _of_process() -> list[int]:
    if not resource:
        return []
    limits = [resource.getrlimit(kind) for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS)]
    return [soft for soft, _ in limits if soft != resource.RLIM_INFINITY]


def _of_cgroups() -> Iterator[int]:
    """Yield the limits of the control groups (a container, a service) that this process is in.

    A group is held to its parents' limits as well. A container sees its own group as the root, so that a
    path that leads nowhere is no surprise.
    """
    try:
        lines = _MEMBERSHIP.read_text().splitlines()
    except (OSError, UnicodeDecodeError):  # no Linux
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):  # version 2 has one tree for all, version 1 one for each kind
            continue
        name = "memory.limit_in_bytes" if kinds else "memory.max"
        group = PurePosixPath(path.lstrip("/"))
        for folder in (group, *group.parents):
            with suppress(OSError, ValueError):  # the root has none, and "max" is no number
                yield int((_CGROUPS / kinds / folder / name).read_text())
