"""The keeper's own database, history.sqlite3: how far it has come, rollups, and the catalogue of Parquet files.

It is apart from the store's database so that neither waits for the other's lock. Everything a pass changes is
committed with the position in the log: each record counts exactly once.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from babbitt.errors import StoreError, StoreVersionError
from babbitt.store import expired

FILE = "history.sqlite3"
FOLDER = "history"
VERSION = 2
UNUSED_PAGES = 64
"""So many unused pages are never worth giving back."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('cursor', '0');

-- Records that are rolled up and not in a Parquet file yet; bodies as in the log. held: records whose meaning or
-- time is not known yet, of one installation each; since: when (ms) they were put aside.
CREATE TABLE recent (
    id INTEGER PRIMARY KEY, n INTEGER NOT NULL, t_min INTEGER NOT NULL, t_max INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE held (
    id INTEGER PRIMARY KEY, install_id INTEGER NOT NULL, since INTEGER NOT NULL, n INTEGER NOT NULL,
    body BLOB NOT NULL);

-- Buckets that may still change; those of blocks long over are packed. Late data is in `rollups` again until then.
CREATE TABLE rollups (
    channel_id INTEGER NOT NULL, level INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL,
    sum INTEGER NOT NULL, min INTEGER NOT NULL, min_t INTEGER NOT NULL, max INTEGER NOT NULL, max_t INTEGER NOT NULL,
    last INTEGER NOT NULL, last_t INTEGER NOT NULL, PRIMARY KEY (channel_id, level, start)) WITHOUT ROWID;
CREATE TABLE packed (
    channel_id INTEGER NOT NULL, level INTEGER NOT NULL, block INTEGER NOT NULL, body BLOB NOT NULL,
    UNIQUE (channel_id, level, block));

-- gone: when (ms) a file was replaced by another; it is deleted a while later.
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT NOT NULL, name TEXT NOT NULL UNIQUE, records INTEGER NOT NULL,
    t_min INTEGER NOT NULL, t_max INTEGER NOT NULL, bytes INTEGER NOT NULL, gone INTEGER);
CREATE INDEX files_by_time ON files (t_min, t_max);
"""


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """Open or make the keeper's database. Raises StoreError."""
    try:
        conn = sqlite3.connect(folder / FILE, timeout=30, isolation_level=None, check_same_thread=False)
        conn.execute(
            "PRAGMA page_size=8192"
        )  # of a new one; packed blocks of 1 to 2 KB leave less of a page empty
        conn.execute("PRAGMA auto_vacuum=INCREMENTAL")
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        conn.execute("PRAGMA journal_size_limit=16777216")
        (version,) = conn.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreVersionError(
                f"{folder / FILE} has version {version}, this program knows {VERSION}: use a newer program"
            )
        if version < VERSION:
            new = ("" if version else _TABLES) + expired.TABLE
            conn.executescript(f"BEGIN IMMEDIATE;\n{new}\nPRAGMA user_version={VERSION};\nCOMMIT;")
    except sqlite3.Error as error:
        raise StoreError(f"{folder / FILE} cannot be opened: {error}") from error
    return conn


def open_for_reading(folder: Path) -> sqlite3.Connection | None:
    """Open the keeper's database read-only; None if there is none yet. Raises StoreError."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        conn = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        (version,) = conn.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    if version == 0:
        conn.close()
        return None
    return conn


def give_back(conn: sqlite3.Connection, most: int = 20_000) -> bool:
    """Give up to ``most`` unused pages back to the disk if more than a sixty-fourth of the file is unused: what packing
    has emptied. The rest is soon used again. True if there is more to give back."""

    def unused() -> int:
        return int(conn.execute("PRAGMA freelist_count").fetchone()[0])

    (pages,) = conn.execute("PRAGMA page_count").fetchone()
    before = unused()
    if before <= max(UNUSED_PAGES, pages // 64):
        return False
    # A step of this pragma gives back a page, and execute() makes one step of what has no columns.
    conn.executescript(f"PRAGMA incremental_vacuum({most})")
    return unused() < before


def position(conn: sqlite3.Connection) -> int:
    """The key of the log up to which the keeper has everything."""
    return int(conn.execute("SELECT value FROM meta WHERE key='cursor'").fetchone()[0])
