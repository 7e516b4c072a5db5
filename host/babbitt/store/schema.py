"""Opening the store. The version of its tables is SQLite's ``user_version``; an older store is brought up to date
(:mod:`babbitt.store.migrations`), one of a newer program is refused, never guessed at.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from babbitt.errors import StoreError, StoreMissing, StoreVersionError
from babbitt.store.migrations import VERSION, migrate

FILE = "babbitt.sqlite3"


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
        # In the background it is done sooner (babbitt.store.checkpoint); a commit does it only if that falls behind.
        conn.execute("PRAGMA wal_autocheckpoint=4000")
        migrate(conn, _check_version(conn, folder), int(time.time() * 1000))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store in {folder} cannot be opened: {error}") from error
    return conn


def open_for_reading(folder: Path) -> sqlite3.Connection:
    """Open the store in ``folder`` read-only. Raises StoreMissing, StoreError or StoreVersionError."""
    path = folder / FILE
    try:
        there = path.is_file()
    except OSError as error:
        raise StoreError(f"the store in {folder} cannot be read: {error.strerror}") from error
    if not there:
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
