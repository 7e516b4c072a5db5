"""Moves what was committed from SQLite's write-ahead log into the database, so that no commit has to wait for it.

A commit is on disk when the log is (synchronous FULL). Moving it on takes tens of milliseconds at a high rate; left to
SQLite it is the commit that fills the log which pays.

The log is begun anew when all of it was moved and nobody reads from it. Where many read and write that may not come about by
itself: a log that has grown to LONG pages is emptied by holding up commits for as long as the readers of the moment take.

Source: https://www.sqlite.org/wal.html, section 3 (checkpoints of kind PASSIVE wait for nobody and hold up nobody; those of
kind RESTART hold up writers and wait for readers).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

from babbitt.store.schema import FILE

log = logging.getLogger(__name__)

EVERY_S = 0.25
LONG = 8000
"""Pages of 4 KB."""
WAIT_MS, BEGIN_WAIT_MS = 200, 2000
"""So long readers are waited for: while the host works, and before it begins."""


class Checkpointer:
    """Works in a thread of its own, on a connection of its own."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="babbitt-checkpoint", daemon=True)

    def start(self) -> None:
        """Empty what a host that was killed has left in the log, and start the thread."""
        conn = self._connect()
        self._move(conn, "TRUNCATE", BEGIN_WAIT_MS)
        conn.close()
        self._thread.start()

    def stop(self) -> None:
        """End after the checkpoint in hand."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        conn = self._connect()
        try:
            while not self._stop.wait(EVERY_S):
                if self._move(conn, "PASSIVE", 0) > LONG:
                    self._move(conn, "RESTART", WAIT_MS)
        finally:
            conn.close()

    def _connect(self) -> sqlite3.Connection:
        conn = sqlite3.connect(self._path, isolation_level=None)
        conn.execute("PRAGMA synchronous=FULL")
        return conn

    @staticmethod
    def _move(conn: sqlite3.Connection, kind: str, wait_ms: int) -> int:
        """One checkpoint; gives the pages in the log."""
        try:
            conn.execute(f"PRAGMA busy_timeout={wait_ms}")
            return int(conn.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()[1])
        except sqlite3.Error as error:  # the disk fails: the ingest says so, and tries again
            log.info("no checkpoint: %s", error)
            return 0
