"""From the record log to the tables about it: what was committed after the last checkpoint.

The ingest writes one blob a commit at once, and what follows from it (which records of which boots are stored)
at checkpoints only. After a crash the difference is read from the log.
"""

from __future__ import annotations

import itertools
import logging
import sqlite3

import numpy as np

from babbitt.errors import DamagedLog
from babbitt.store import log
from babbitt.store.ranges import Ranges

logger = logging.getLogger(__name__)


def recover(conn: sqlite3.Connection) -> int:
    """Bring table ``runs`` up to date with the log; gives how many blobs were read. Inside a transaction.

    A damaged blob is passed over: its records count as not stored, and are asked for if their node still has them.
    """
    (checkpoint,) = conn.execute(
        "SELECT coalesce((SELECT value FROM meta WHERE key='checkpoint'), '0')"
    ).fetchone()
    newest, count = int(checkpoint), 0
    found: dict[tuple[int, int], Ranges] = {}
    latest: dict[int, int] = {}
    for key, body in conn.execute("SELECT id, body FROM log WHERE id>? ORDER BY id", (newest,)):
        newest, count = key, count + 1
        try:
            sections = log.decode(body)
        except DamagedLog as error:
            logger.error("row %d of the log is passed over, its records are asked for again: %s", key, error)
            continue
        for section in sections:
            if len(section):
                _collect(section, found, latest)
    if not count:
        return 0
    for (install_id, boot), ranges in found.items():
        for first, last in conn.execute(
            "SELECT first, last FROM runs WHERE install_id=? AND boot=?", (install_id, boot)
        ):
            ranges.add(first, last)
        conn.execute("INSERT OR IGNORE INTO boots (install_id, boot) VALUES (?,?)", (install_id, boot))
        write_runs(conn, install_id, boot, ranges)
    for install_id, t in latest.items():
        conn.execute(
            "UPDATE nodes SET last_t=max(coalesce(last_t, ?1), ?1) WHERE id=(SELECT node_id FROM installs WHERE id=?2)",
            (t, install_id),
        )
    conn.execute("INSERT OR REPLACE INTO meta VALUES ('checkpoint', ?)", (str(newest),))
    return count


def _collect(section: log.Section, found: dict[tuple[int, int], Ranges], latest: dict[int, int]) -> None:
    order = np.lexsort((section["seq"], section["boot"], section["install"]))
    install, boot, seq = (section[name][order].astype(np.int64) for name in ("install", "boot", "seq"))
    breaks = (np.diff(install) != 0) | (np.diff(boot) != 0) | (np.diff(seq) != 1)
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(section)]
    for first, end in itertools.pairwise(edges):
        key = int(install[first]), int(boot[first])
        found.setdefault(key, Ranges()).add(int(seq[first]), int(seq[end - 1]))
    for one in np.unique(install).tolist():
        t = int(section["t"][section["install"] == one].max())
        latest[one] = max(latest.get(one, t), t)


def write_runs(conn: sqlite3.Connection, install_id: int, boot: int, ranges: Ranges) -> None:
    """Replace the ranges of a boot."""
    listed = list(ranges)
    if len(listed) == 1:  # what grows at its end, as it does nearly always, is one statement
        done = conn.execute(
            "UPDATE runs SET last=? WHERE install_id=? AND boot=? AND first=?",
            (listed[0][1], install_id, boot, listed[0][0]),
        )
        if (
            done.rowcount
            and len(
                conn.execute(
                    "SELECT 1 FROM runs WHERE install_id=? AND boot=? LIMIT 2", (install_id, boot)
                ).fetchall()
            )
            == 1
        ):
            return
    conn.execute("DELETE FROM runs WHERE install_id=? AND boot=?", (install_id, boot))
    conn.executemany(
        "INSERT INTO runs VALUES (?,?,?,?)", [(install_id, boot, first, last) for first, last in listed]
    )
