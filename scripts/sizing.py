"""What a library of many photos takes, computed: the table of deploy/README.md.

Every line says whether it follows from what was measured on 2 cores, or from an assumption as well. None was
tried at that size.
"""

from __future__ import annotations

import math
from typing import NamedTuple

PHOTOS = {"1 M": 10**6, "100 M": 10**8, "1 B": 10**9}

# Measured, on 2 cores
EMBEDDING = 2_560  # bytes in the catalog
THUMBNAIL = (10_000, 25_000)
GRAPH = 200  # bytes of a photo's 20 nearest, in index.graph
SMALL, ORIGINALS = 305, 74  # photos a second: of 300 pixels, and as a camera makes them
SENT, INDEXED = 24_800, 3_000  # vectors of 256 numbers a second, that Milvus 2.3.5 took up and made HNSW of
# Of SQLite as Debian 12 has it: pages of 4,096 bytes
LARGEST_DATABASE = 1_073_741_823 * 4_096

# Assumed
ONE_MACHINE = 20_000_000  # photos, that it serves
LINKS = 256  # bytes a vector for HNSW with M 32, besides the vector itself; a tenth more is allowed for
NODE = 128e9 * 0.9  # bytes of memory for vectors on a query node
NODE_A_MONTH = 735  # dollars, from memory, not looked up
COORDINATION = {"1 M": (0, 0), "100 M": (1_000, 2_000), "1 B": (2_000, 4_000)}  # dollars a month
SHARDS = {"1 M": 1, "100 M": 2, "1 B": 8}
SLOWER = 2  # times, that an index of segments of a gigabyte takes longer to make
CORES = 64  # of a job on Ray; that they do 32 times the work of two is assumed
COPIED = 200e6  # bytes a second

COMPUTED, ASSUMED = "computed", "computed, with an assumption"


class Line(NamedTuple):
    """A line of the table: what it is, its value for every number of photos, and how that is known."""

    name: str
    values: list[str]
    known: str = COMPUTED


def hnsw(photos: int, dim: int) -> float:
    """Return the bytes of memory that vectors of so many numbers take, with their index."""
    return 1.1 * photos * (4 * dim + LINKS)


def query_nodes(photos: int, dim: int) -> int:
    """Return how many machines of 128 GB hold that, and one to spare; 0 where the user's own does."""
    return math.ceil(hnsw(photos, dim) / NODE) + 1 if photos > ONE_MACHINE else 0


def monthly(name: str, dim: int) -> str:
    """Return the price of a month, in dollars."""
    nodes = query_nodes(PHOTOS[name], dim) * NODE_A_MONTH
    low, high = (_rounded(nodes + extra) for extra in COORDINATION[name])
    return f"${low} to {high}" if nodes else "$0"


def catalog(photos: int) -> tuple[float, float]:
    """Return the bytes of library.db, with small thumbnails and with large ones."""
    low, high = (photos * (EMBEDDING + thumbnail) for thumbnail in THUMBNAIL)
    return float(low), float(high)


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit, least in (("TB", 1e12), ("GB", 1e9)):
        if count >= least:
            return f"{_rounded(count / least)} {unit}"
    return f"{_rounded(count / 1e6)} MB"


def _rounded(number: float) -> str:
    return f"{float(f'{number:.2g}'):,g}"


def lasting(seconds: float) -> str:
    """Return a duration for people."""
    for unit, length in (("days", 86_400), ("h", 3_600)):
        if seconds >= 2 * length:
            return f"{_rounded(seconds / length)} {unit}"
    return f"{_rounded(seconds / 60)} min"


def _storage() -> list[Line]:
    counts = list(PHOTOS.values())
    catalogs = [catalog(count) for count in counts]
    return [
        Line("catalog, `library.db`", [f"{size(low)} to {size(high)}" for low, high in catalogs]),
        Line(
            "as one SQLite file",
            ["fits" if high < LARGEST_DATABASE else "does not fit" for _, high in catalogs],
        ),
        Line("copied in", [lasting(high / COPIED) for _, high in catalogs], ASSUMED),
        Line("`index.graph`, 20 neighbours of each", [size(GRAPH * count) for count in counts]),
    ]


def _server(dim: int) -> list[Line]:
    vectors = f"{dim} numbers"
    memory = [hnsw(count, dim) for count in PHOTOS.values()]
    raw = [4.0 * dim * count for count in PHOTOS.values()]
    return [
        Line(f"vectors alone, {vectors}", [size(each) for each in raw]),
        Line(f"memory of Milvus, HNSW, {vectors}", [size(each) for each in memory], ASSUMED),
        Line(
            f"disk of Milvus, {vectors}",
            [size(one + other) for one, other in zip(raw, memory, strict=True)],
            ASSUMED,
        ),
        Line(
            f"query nodes of 128 GB, {vectors}",
            [str(query_nodes(count, dim)) for count in PHOTOS.values()],
            ASSUMED,
        ),
        Line(f"a month, {vectors}", [monthly(name, dim) for name in PHOTOS], ASSUMED),
    ]


def _times() -> list[Line]:
    counts = list(PHOTOS.values())
    ready = [count * (1 / SENT + (SLOWER if count > ONE_MACHINE else 1) / INDEXED) for count in counts]
    rates = (("small photos", SMALL), ("a camera's originals", ORIGINALS))
    encoding = [
        Line(f"encode {what}, {cores} cores", [lasting(count / rate / cores * 2) for count in counts], known)
        for cores, known in ((2, COMPUTED), (CORES, ASSUMED))
        for what, rate in rates
    ]
    return [
        *encoding,
        Line("push, 256 numbers, until all is indexed, 2 cores", [*map(lasting, ready)], ASSUMED),
    ]


def lines() -> list[Line]:
    """Return the lines of the table."""
    shards = Line("shards", [str(count) for count in SHARDS.values()], "assumption")
    return [*_storage(), *_server(128), *_server(256), shards, *_times()]


def table() -> str:
    """Return the table in Markdown."""
    rows = [["", *PHOTOS, "known by"], ["---"] * (len(PHOTOS) + 2)]
    rows += [[line.name, *line.values, line.known] for line in lines()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    print(table())
