"""Whether a library is well, all but its photos: its database as such, and the files made from it.

Nothing is changed here, and the database is read from a snapshot, so that what is written meanwhile raises no
false alarm.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from simsearch import derived
from simsearch.encoder import load_encoder
from simsearch.errors import DerivedFileError, LibraryError
from simsearch.indexes import Indexes, Load
from simsearch.store import Store
from simsearch.vectors import space_fault

_FROM_BACKUP = "restore library.db from a backup, or move it away and index anew"
_REPAIR = "run: simsearch doctor --repair"


class Finding(NamedTuple):
    """Something that is or was wrong: ``problem`` and ``remedy`` are parts of one sentence.

    The remedy is what was done where it was ``mended``, else what a person can do.
    """

    problem: str
    remedy: str
    mended: bool


class Problem(NamedTuple):
    """One kind of thing that is wrong, and what of it can be mended.

    Attributes
    ----------
    what
        All of a sentence, or where there are photos what they "have".
    remedy
        What a person can do about it.
    photos
        Ids of those to examine anew.
    drop
        What of them is to be made anew: "embeddings", "thumbnails" or nothing.
    useless
        Whether nobody can use what there is of that, so that it is dropped even where the file is away.
    files
        To be deleted; they are made anew where they are needed.
    rows
        Whether :meth:`simsearch.store.Store.tidy` mends it.
    """

    what: str
    remedy: str = _REPAIR
    photos: tuple[int, ...] = ()
    drop: str = ""
    useless: bool = False
    files: tuple[Path, ...] = ()
    rows: bool = False


# The database


def examine_database(store: Store) -> list[Problem]:
    """Return what is wrong with the database as such, which nothing here can mend."""
    try:
        with store.snapshot() as db:
            said = [str(row[0]) for row in db.execute("PRAGMA integrity_check(1)")]
            counted = str(_value(db, "SELECT value FROM settings WHERE name = 'generation'")).isdecimal()
    except LibraryError as error:  # too damaged to be read through
        said, counted = [error.reason], True
    if said != ["ok"]:
        reason = " ".join(" ".join(said).split())
        return [Problem(f"{store.path} is damaged ({reason})", _FROM_BACKUP)]
    return [] if counted else [Problem(f"{store.path} has lost count of its generations", _FROM_BACKUP)]


def examine_rows(store: Store) -> Iterator[Problem]:
    """Yield what does not go together in the database."""
    with store.snapshot() as db:
        strays = """SELECT "table", count(*) FROM pragma_foreign_key_check
                    WHERE parent = 'roots' GROUP BY "table" """
        for table, count in db.execute(strays).fetchall():
            yield Problem(f"{count:,} {table} are of no indexed folder", _FROM_BACKUP)
        for table in ("embeddings", "thumbnails"):
            sql = f"SELECT count(*) FROM {table} WHERE photo_id NOT IN (SELECT id FROM photos)"
            if count := _value(db, sql):
                yield Problem(f"{count:,} {table} are of no photo", rows=True)
        if count := _value(db, "SELECT count(*) FROM photos WHERE typeof(missing_since) IN ('text', 'blob')"):
            yield Problem(f"of {count:,} photos it is not known whether they are there", rows=True)
        generation = "(SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'generation')"
        if not _value(db, f"SELECT count(*) FROM marks WHERE generation = {generation}"):
            yield Problem("the library's generation has no mark", rows=True)
        sql = f"""SELECT count(*) FROM embeddings JOIN photos ON id = photo_id
                  LEFT JOIN changes USING (photo_id)
                  WHERE changes.generation IS NULL OR changes.generation > {generation}"""
        if count := _value(db, sql):
            yield Problem(f"of {count:,} embeddings it is not known when they came", rows=True)


def examine_learnt(store: Store, dim: int | None) -> list[Problem]:
    """Return what is wrong with what was learnt; ``dim`` is the width of the embeddings, where known."""
    reason = space_fault(store, dim)
    what = f"what was learnt from the photos cannot be used ({reason})"
    return [Problem(what)] if reason else []


def _value(db: sqlite3.Connection, sql: str) -> Any:
    row = db.execute(sql).fetchone()
    return row[0] if row else None


# Files


def examine_files(
    store: Store, indexes: Indexes, files: Iterable[tuple[Path, Load]], network: Path | None
) -> Iterator[Problem]:
    """Yield what is wrong with files that can be made anew.

    Parameters
    ----------
    files
        Those made from the store, which need not be there, and what loads each.
    network
        The converted network's.
    """
    for path, load in files:
        if reason := indexes.fault(path, load):
            yield Problem(f"{path} cannot be used ({reason})", files=(path,))
    try:
        if network:
            load_encoder(network)
    except FileNotFoundError:
        pass
    except DerivedFileError as error:
        remedy = f"{_REPAIR}, which can then look at the embeddings as well"
        yield Problem(f"{network} cannot be used ({error.reason})", remedy, files=(Path(error.path),))
    abandoned = derived.abandoned(store.path.parent, "*")
    abandoned += derived.abandoned(network.parent, "*.network") if network else []
    if abandoned:
        names = ", ".join(str(path) for path in abandoned[:3])
        what = f"{len(abandoned):,} unfinished files were left by programs that were stopped ({names})"
        yield Problem(what, files=tuple(abandoned))
