"""Which records were deleted because they were older than what is to be kept: the account knows them still.

Both databases have a table for their own: the store's for events, the keeper's for rows.
"""

from __future__ import annotations

import itertools
import sqlite3

import numpy as np
from numpy.typing import NDArray

from babbitt.store.ranges import Ranges

TABLE = """
-- Rows that were deleted because they were too old, as ranges of seq.
CREATE TABLE expired (
    install_id INTEGER NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (install_id, boot, first)) WITHOUT ROWID;
"""


def add(conn: sqlite3.Connection, numbers: NDArray[np.int64]) -> None:
    """Enter records: ``numbers`` has shape (n, 3), installation, boot and seq of each. Inside a transaction."""
    if not len(numbers):
        return
    numbers = np.unique(numbers, axis=0)
    new = (np.diff(numbers[:, :2], axis=0) != 0).any(axis=1) | (np.diff(numbers[:, 2]) != 1)
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), len(numbers)]
    found: dict[tuple[int, int], Ranges] = {}
    for first, end in itertools.pairwise(edges):
        install, boot, seq = numbers[first].tolist()
        found.setdefault((install, boot), Ranges()).add(seq, int(numbers[end - 1, 2]))
    for (install, boot), ranges in found.items():
        for first, last in conn.execute(
            "SELECT first, last FROM expired WHERE install_id=? AND boot=?", (install, boot)
        ):
            ranges.add(first, last)
        conn.execute("DELETE FROM expired WHERE install_id=? AND boot=?", (install, boot))
        rows = [(install, boot, first, last) for first, last in ranges]
        conn.executemany("INSERT INTO expired VALUES (?,?,?,?)", rows)


def read(conn: sqlite3.Connection | None) -> dict[tuple[int, int], Ranges]:
    """What was deleted, by installation and boot."""
    found: dict[tuple[int, int], Ranges] = {}
    if conn is not None and conn.execute("SELECT 1 FROM sqlite_master WHERE name='expired'").fetchone():
        for install, boot, first, last in conn.execute("SELECT install_id, boot, first, last FROM expired"):
            found.setdefault((install, boot), Ranges()).add(first, last)
    return found
