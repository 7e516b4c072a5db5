"""The tables of the store and how an older store is brought up to date.

The version of the tables is SQLite's ``user_version``; each entry of :data:`MIGRATIONS` lifts it by one. A
store of a newer program is refused, never guessed at.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from babbitt.errors import StoreError, StoreMissing, StoreVersionError

FILE = "babbitt.sqlite3"

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE nodes (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, node TEXT NOT NULL,
    install_id INTEGER, boot INTEGER, birth TEXT, state TEXT, online INTEGER NOT NULL DEFAULT 0,
    heard INTEGER,
    UNIQUE (site, node));

-- need_boot, need_seq: the first record not yet covered by the watermark; mark_*: the last one covered.
CREATE TABLE installs (
    id INTEGER PRIMARY KEY, node_id INTEGER NOT NULL REFERENCES nodes, install TEXT NOT NULL,
    need_boot INTEGER, need_seq INTEGER, mark_boot INTEGER, mark_seq INTEGER,
    discards INTEGER NOT NULL DEFAULT 0,
    UNIQUE (node_id, install));

-- first: first seq this store can have; end: first unused seq once the boot is over; end_known 2: assumed.
-- ref_*: the reading of the node's clock that ties u to t; recv: the lowest (time received - u).
CREATE TABLE boots (
    install_id INTEGER NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL DEFAULT 0, end INTEGER,
    end_known INTEGER NOT NULL DEFAULT 0, clean INTEGER,
    received INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0,
    ref_u INTEGER, ref_t INTEGER, ref_q INTEGER, recv INTEGER, clock_bad INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (install_id, boot)) WITHOUT ROWID;

-- Records that will never come, and why: 'discarded' (the node said so), 'refused', 'lost' (given up).
CREATE TABLE gaps (
    install_id INTEGER NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    why TEXT NOT NULL, PRIMARY KEY (install_id, boot, first, last, why)) WITHOUT ROWID;

CREATE TABLE channels (
    id INTEGER PRIMARY KEY, node_id INTEGER NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL,
    exp INTEGER NOT NULL,
    UNIQUE (node_id, name, unit, exp));

-- What the values of a row mean, from seq `since` of a boot on.
CREATE TABLE tables (
    id INTEGER PRIMARY KEY, install_id INTEGER NOT NULL, boot INTEGER NOT NULL, since INTEGER NOT NULL,
    asset TEXT NOT NULL, channels TEXT NOT NULL, checks TEXT NOT NULL, UNIQUE (install_id, boot, since));

-- kind 0 row, 1 event; tq 0 the node's own time, 1 filled in from the boot's clock, 2 from the time received.
CREATE TABLE records (
    id INTEGER PRIMARY KEY, install_id INTEGER NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL,
    kind INTEGER NOT NULL, u INTEGER NOT NULL, t INTEGER NOT NULL, tq INTEGER NOT NULL, t_err INTEGER,
    recipe INTEGER, body TEXT, UNIQUE (install_id, boot, seq));
CREATE INDEX records_by_time ON records (install_id, t);
CREATE INDEX records_untimed ON records (install_id, boot) WHERE tq > 0;

CREATE TABLE events (
    id INTEGER PRIMARY KEY, node_id INTEGER NOT NULL, record_id INTEGER, origin TEXT NOT NULL,
    t INTEGER NOT NULL,
    name TEXT NOT NULL, channel TEXT, came_from TEXT NOT NULL, came_to TEXT NOT NULL, sev INTEGER NOT NULL,
    value INTEGER, bound INTEGER, unit TEXT NOT NULL DEFAULT '', exp INTEGER NOT NULL DEFAULT 0,
    held_s INTEGER NOT NULL DEFAULT 0, evidence TEXT NOT NULL DEFAULT '{}', text TEXT NOT NULL DEFAULT '');
CREATE INDEX events_by_time ON events (t, id);
CREATE INDEX events_by_record ON events (record_id);

CREATE TABLE rollups (
    channel_id INTEGER NOT NULL, level INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL,
    sum INTEGER NOT NULL, min INTEGER NOT NULL, min_t INTEGER NOT NULL, max INTEGER NOT NULL,
    max_t INTEGER NOT NULL,
    last INTEGER NOT NULL, last_t INTEGER NOT NULL, PRIMARY KEY (channel_id, level, start)) WITHOUT ROWID;
-- Minutes (t / 60000) whose rollups must be made again.
CREATE TABLE dirty (node_id INTEGER NOT NULL, minute INTEGER NOT NULL, PRIMARY KEY (node_id,
    minute)) WITHOUT ROWID;

CREATE TABLE assessments (
    id INTEGER PRIMARY KEY, node_id INTEGER NOT NULL, t INTEGER NOT NULL, level TEXT NOT NULL,
    anomaly REAL, health REAL,
    drivers TEXT NOT NULL, outlook TEXT NOT NULL, p10 REAL, p50 REAL, p90 REAL);
CREATE INDEX assessments_by_time ON assessments (node_id, t);

CREATE TABLE analysers (
    node_id INTEGER PRIMARY KEY, cursor INTEGER NOT NULL, last_t INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL DEFAULT '',
    level TEXT NOT NULL DEFAULT 'learning', state TEXT NOT NULL DEFAULT '{}',
    failures INTEGER NOT NULL DEFAULT 0,
    late INTEGER NOT NULL DEFAULT 0);

CREATE TABLE reported (
    node_id INTEGER PRIMARY KEY, t INTEGER NOT NULL, version INTEGER NOT NULL, hash TEXT NOT NULL,
    state TEXT NOT NULL,
    path TEXT NOT NULL, reason TEXT NOT NULL);

CREATE TABLE rejected (id INTEGER PRIMARY KEY AUTOINCREMENT, t INTEGER NOT NULL, topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    head BLOB NOT NULL);
"""

# sleeps: of a node that said it sleeps and is not overdue, the seconds after which it comes back; else null.
_SLEEP = "ALTER TABLE nodes ADD COLUMN sleeps INTEGER;"

MIGRATIONS = (_FIRST, _SLEEP)
VERSION = len(MIGRATIONS)


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """Open (and create or migrate) the store in ``folder``; WAL and synchronous FULL, so a commit is on disk.

    Raises StoreError when the folder cannot be used, StoreVersionError when a newer program wrote it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        conn = sqlite3.connect(folder / FILE, timeout=30, isolation_level=None, check_same_thread=False)
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        conn.execute("PRAGMA journal_size_limit=16777216")
        _migrate(conn, folder)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store in {folder} cannot be opened: {error}") from error
    return conn


def open_for_reading(folder: Path) -> sqlite3.Connection:
    """Open the store in ``folder`` read-only. Raises StoreMissing, StoreError or StoreVersionError."""
    path = folder / FILE
    if not path.is_file():
        raise StoreMissing(f"there is no store in {folder}; start one with `babbitt host --store {folder}`")
    try:
        conn = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
        )
        version = _check_version(conn, folder)
    except sqlite3.Error as error:
        raise StoreError(f"the store in {folder} cannot be read: {error}") from error
    if version == 0:  # an empty file: a host makes the tables in a moment, or never began
        conn.close()
        raise StoreMissing(f"the store in {folder} is empty; start one with `babbitt host --store {folder}`")
    if version < VERSION:
        conn.close()
        raise StoreVersionError(
            f"the store in {folder} has version {version}, this program reads {VERSION}:"
            f" `babbitt host --store {folder}` brings it up to date when it starts"
        )
    return conn


def _check_version(conn: sqlite3.Connection, folder: Path) -> int:
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreVersionError(
            f"the store in {folder} has version {version}, this program knows {VERSION}: use a newer program"
        )
    return version


def _migrate(conn: sqlite3.Connection, folder: Path) -> None:
    version = _check_version(conn, folder)
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        conn.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={number};\nCOMMIT;")
