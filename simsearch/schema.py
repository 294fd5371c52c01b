"""The tables of a library's database, and how an older one is brought up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from simsearch.errors import LibraryError, WriteError

APPLICATION_ID = 0x53494D53  # "SIMS": says that an SQLite file is one of ours

GENERATION = "(SELECT value + 1 FROM settings WHERE name = 'generation')"  # that a transaction leads to


def _note(photo_id: str, table: str = "changes") -> str:
    """Return the statements that write down that a photo changed."""
    # No OR REPLACE: the statement that sets off a trigger would impose its own on it.
    return (
        f"DELETE FROM {table} WHERE photo_id = {photo_id};"
        f"INSERT INTO {table} VALUES ({photo_id}, {GENERATION});"
    )


MARK = """INSERT OR REPLACE INTO marks SELECT CAST(value AS INTEGER), lower(hex(randomblob(8))) FROM settings
          WHERE name = 'generation'"""

# Each entry brings the schema from its position to the next and is never edited once released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "INSERT INTO settings VALUES ('generation', '0')",
        "CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE)",
        """
        CREATE TABLE photos (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again for another photo
            root_id INTEGER NOT NULL REFERENCES roots (id),
            path TEXT NOT NULL,                    -- below the root, '/' between parts
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            taken_at TEXT,                         -- ISO 8601, the camera's own clock
            missing_since REAL,                    -- seconds since 1970; its root was there, the file was not
            UNIQUE (root_id, path)
        )
        """,
        "CREATE INDEX photos_by_content ON photos (sha256)",
        """
        CREATE TABLE embeddings (
            photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE, vector BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE thumbnails (
            photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE, jpeg BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE failures (
            root_id INTEGER NOT NULL REFERENCES roots (id),
            path TEXT NOT NULL,
            size INTEGER,                          -- NULL where the next run is to try again
            mtime_ns INTEGER,
            reason TEXT NOT NULL,
            PRIMARY KEY (root_id, path)
        ) WITHOUT ROWID
        """,
    ),
    (
        # Tells derived files of this library from those of another.
        "INSERT INTO settings VALUES ('library', lower(hex(randomblob(16))))",
        # In which generation a photo last came, went, or got another embedding: what an index of an
        # earlier generation lacks. Triggers, so that no statement can forget it.
        "CREATE TABLE changes (photo_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL)",
        "CREATE INDEX changes_by_generation ON changes (generation)",
        f"INSERT INTO changes SELECT photo_id, {GENERATION} FROM embeddings",
        # A random mark for each generation: a backup that is restored grows another history under the
        # same numbers, and what was made from the lost one must not pass for it.
        "CREATE TABLE marks (generation INTEGER PRIMARY KEY, mark TEXT NOT NULL)",
        "UPDATE settings SET value = value + 1 WHERE name = 'generation'",
        MARK,
        f"CREATE TRIGGER embedding_came AFTER INSERT ON embeddings BEGIN {_note('new.photo_id')} END",
        f"CREATE TRIGGER embedding_went AFTER DELETE ON embeddings BEGIN {_note('old.photo_id')} END",
        f"""
        CREATE TRIGGER photo_went_or_came_back AFTER UPDATE OF missing_since ON photos
        WHEN (old.missing_since IS NULL) <> (new.missing_since IS NULL) BEGIN {_note("new.id")} END
        """,
    ),
    (
        "ALTER TABLE photos ADD COLUMN camera TEXT",  # make and model
        "ALTER TABLE photos ADD COLUMN latitude REAL",  # degrees
        "ALTER TABLE photos ADD COLUMN longitude REAL",
        # Which version of simsearch.facts has read them; 0: none yet, so that the next run does.
        "ALTER TABLE photos ADD COLUMN facts INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX photos_by_time ON photos (taken_at)",
        "CREATE INDEX photos_by_size ON photos (size)",  # what may be a copy of a new file
    ),
    # What was learnt from the photos, such as the space they are compared in; the settings say which holds.
    (
        "CREATE TABLE learnt (name TEXT PRIMARY KEY, content BLOB NOT NULL)",
        """
        CREATE TABLE labels (                      -- what photos are of, as the user says
            photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE, label TEXT NOT NULL
        )
        """,
    ),
    # Grouping: which photos are the same picture, what the user decided, and albums.
    (
        """
        CREATE TABLE albums (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            made_at TEXT NOT NULL                  -- ISO 8601, UTC
        )
        """,
        # The picture is kept beside its embedding: it may be of no photo of the library, or that may go.
        """
        CREATE TABLE examples (
            id INTEGER PRIMARY KEY,
            album_id INTEGER NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
            liked INTEGER NOT NULL,                -- 0: an example of what does not belong there
            photo_id INTEGER REFERENCES photos (id) ON DELETE SET NULL,
            vector BLOB NOT NULL,                  -- as in embeddings
            jpeg BLOB NOT NULL
        )
        """,
        "CREATE INDEX examples_by_album ON examples (album_id)",
        "CREATE INDEX examples_by_photo ON examples (photo_id)",
        """
        CREATE TABLE sketches (
            photo_id INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
            grey BLOB NOT NULL,                    -- see simsearch.sketches; empty where there can be none
            compared INTEGER NOT NULL DEFAULT 0    -- whether the photos that show the same were looked for
        )
        """,
        # Photos that show the same; those of equal bytes are in no pair but for the first of them.
        """
        CREATE TABLE pairs (
            whole INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            part INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            turn INTEGER NOT NULL,                 -- where the part lies, see simsearch.registration
            x REAL NOT NULL, y REAL NOT NULL, width REAL NOT NULL, height REAL NOT NULL,
            agreement REAL NOT NULL,               -- 0: they were compared, and do not show the same
            tone INTEGER NOT NULL, colour INTEGER NOT NULL, burnt REAL NOT NULL,
            checked INTEGER NOT NULL,              -- whether the files were looked at
            PRIMARY KEY (whole, part)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX pairs_by_part ON pairs (part)",
        """
        CREATE TRIGGER thumbnail_came AFTER INSERT ON thumbnails BEGIN
            DELETE FROM sketches WHERE photo_id = new.photo_id;
            DELETE FROM pairs WHERE whole = new.photo_id OR part = new.photo_id;
        END
        """,
        # One stood for all its copies when crops were looked for; without it, they are looked for anew.
        """
        CREATE TRIGGER pair_went AFTER DELETE ON pairs WHEN old.agreement > 0 BEGIN
            UPDATE sketches SET compared = min(compared, 1) WHERE photo_id IN (old.whole, old.part);
        END
        """,
        """
        CREATE TRIGGER photo_went_missing AFTER UPDATE OF missing_since ON photos
        WHEN old.missing_since IS NULL AND new.missing_since IS NOT NULL BEGIN
            UPDATE sketches SET compared = min(compared, 1) WHERE photo_id IN (
                SELECT part FROM pairs WHERE whole = new.id AND agreement > 0
                UNION ALL SELECT whole FROM pairs WHERE part = new.id AND agreement > 0);
        END
        """,
        """
        CREATE TABLE decisions (
            first INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            second INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            verdict TEXT NOT NULL,                 -- "different" or "keep"
            PRIMARY KEY (first, second), CHECK (first < second)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX decisions_by_second ON decisions (second)",
    ),
    # Other networks' embeddings beside those that serve: to be, or to go back to.
    (
        "CREATE TABLE sets (id INTEGER PRIMARY KEY, encoder TEXT NOT NULL UNIQUE)",  # an identity
        """
        CREATE TABLE spare_embeddings (
            set_id INTEGER NOT NULL REFERENCES sets (id) ON DELETE CASCADE,
            photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            vector BLOB NOT NULL,
            stand_in INTEGER NOT NULL,             -- whether it is of the thumbnail, for want of the file
            PRIMARY KEY (set_id, photo_id)
        )
        """,
        "CREATE INDEX spare_embeddings_by_photo ON spare_embeddings (photo_id)",
        "CREATE INDEX spare_embeddings_by_set ON spare_embeddings (set_id, stand_in)",  # to count them
        """
        CREATE TRIGGER photo_became_another AFTER UPDATE OF sha256 ON photos WHEN old.sha256 <> new.sha256
        BEGIN DELETE FROM spare_embeddings WHERE photo_id = new.id; END
        """,
    ),
    # In which generation last changed what filters ask of a photo: what a server that filters lacks. Apart
    # from the changes, as the indexes on this machine leave filters to the database.
    (
        "CREATE TABLE refiled (photo_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL)",
        "CREATE INDEX refiled_by_generation ON refiled (generation)",
        f"""
        CREATE TRIGGER photo_refiled AFTER UPDATE OF root_id, path, taken_at, camera, width, height ON photos
        WHEN old.width > 0 AND  -- it is 0 for a moment in a photo that is new
            (old.root_id, old.path, old.taken_at, old.camera, old.width, old.height)
            IS NOT (new.root_id, new.path, new.taken_at, new.camera, new.width, new.height)
        BEGIN {_note("new.id", "refiled")} END
        """,
        f"CREATE TRIGGER label_came AFTER INSERT ON labels BEGIN {_note('new.photo_id', 'refiled')} END",
        f"CREATE TRIGGER label_went AFTER DELETE ON labels BEGIN {_note('old.photo_id', 'refiled')} END",
    ),
)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables in an empty database, or bring an older one up to date.

    Raises
    ------
    LibraryError
        When the database is not one of ours or is newer than this program.
    """
    if not _is_current(db):
        db.execute("BEGIN IMMEDIATE")  # so that of several processes one migrates and the others wait
        try:
            _bring_up_to_date(db, path)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
    if db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        db.execute("PRAGMA journal_mode = WAL")


def _is_current(db: sqlite3.Connection) -> bool:
    ours = _value(db, "PRAGMA application_id") == APPLICATION_ID
    return ours and _value(db, "PRAGMA user_version") == len(MIGRATIONS)


def _bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    ours = _value(db, "PRAGMA application_id") == APPLICATION_ID
    if not ours and _value(db, "SELECT count(*) FROM sqlite_master"):
        raise LibraryError(path, "not a simsearch library", "choose another --library")
    version = _value(db, "PRAGMA user_version")
    if version > len(MIGRATIONS):
        reason = f"made by a newer simsearch (format {version}, this one knows {len(MIGRATIONS)})"
        raise LibraryError(path, reason, "upgrade simsearch")
    for migration in MIGRATIONS[version:]:
        for statement in migration:
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _value(db: sqlite3.Connection, sql: str) -> int:
    return int(db.execute(sql).fetchone()[0])


def explain(error: sqlite3.DatabaseError, path: Path) -> LibraryError | WriteError:
    """Say in a sentence what SQLite's error means for the library at ``path``."""
    text = str(error)
    if "disk is full" in text:
        return WriteError(path, "the disk is full", "free some space; what was indexed so far is kept")
    if "readonly" in text or "unable to open" in text:
        return WriteError(
            path, "cannot be written", "check the folder's permissions, or choose another --library"
        )
    if "locked" in text:
        return LibraryError(path, "in use by another simsearch", "wait for it to finish and try again")
    if "not a database" in text or "malformed" in text:
        return LibraryError(
            path, f"damaged or no library ({text})", "restore it from a backup, or move it away"
        )
    return LibraryError(path, f"SQLite says: {text}", "check the disk it is on")
