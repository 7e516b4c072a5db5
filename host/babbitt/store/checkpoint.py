"""Moves what was committed from SQLite's write-ahead log into the database, so that no commit has to wait for it.

A commit is on disk when the log is (synchronous FULL). Moving it on takes tens of milliseconds at a high rate; left to
SQLite it is the commit that fills the log which pays.

Source: https://www.sqlite.org/wal.html, section 3 (checkpoints of kind PASSIVE wait for nobody and hold up nobody).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

from babbitt.store.schema import FILE

log = logging.getLogger(__name__)

EVERY_S = 0.25


class Checkpointer:
    """Works in a thread of its own, on a connection of its own."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="babbitt-checkpoint", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after the checkpoint in hand."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        conn = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        conn.execute("PRAGMA synchronous=FULL")
        try:
            while not self._stop.wait(EVERY_S):
                try:
                    conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                except sqlite3.Error as error:  # the disk fails: the ingest says so, and tries again
                    log.info("no checkpoint: %s", error)
        finally:
            conn.close()
