"""Writing the store: the only module that changes it, apart from the rollups.

One connection for the whole process, guarded by a lock: the ingest and the analysis take turns. What is
written inside ``with writer.transaction()`` is on disk when the block ends, or not at all.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from babbitt.errors import StoreError
from babbitt.protocol.assessment import Assessment
from babbitt.protocol.limits import T_MAX
from babbitt.protocol.messages import Birth, Event, Reported
from babbitt.store.rollup import roll
from babbitt.store.schema import FILE, open_for_writing

REJECTED_KEPT = 1000
REJECTED_HEAD = 200
DEFECTS = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE}
"""SQLite's codes that tell of a wrong statement, not of a failing disk: they are never tried again."""


def _file_id(folder: Path) -> tuple[int, int] | None:
    """Which file the store is, or None if there is none."""
    try:
        found = (folder / FILE).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class StoreWriter:
    """The store in a folder, opened for writing; it is made if there is none.

    Raises StoreError if the folder cannot be used or the disk fails, StoreVersionError if it is too new.
    ``conn`` is the connection, for use inside a transaction only. ``id`` is drawn once for each store.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self.conn = open_for_writing(self.path)
        self._file = _file_id(self.path)
        with self.transaction() as conn:
            conn.execute("INSERT OR IGNORE INTO meta VALUES ('id', ?)", (uuid.uuid4().hex[:8],))
            self.id: str = conn.execute("SELECT value FROM meta WHERE key='id'").fetchone()[0]

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self.conn.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything written inside is committed durably at the end, or nothing of it. Raises StoreError."""
        with self._lock:
            try:
                self.conn.execute("BEGIN IMMEDIATE")
                yield self.conn
                self._same_file()
                self.conn.execute("COMMIT")
            except sqlite3.Error as error:
                code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # wrong use has none
                if code & 0xFF in DEFECTS:
                    raise
                raise StoreError(f"the store in {self.path} cannot be written: {error}") from error
            finally:
                if self.conn.in_transaction:
                    self.conn.execute("ROLLBACK")

    def _same_file(self) -> None:
        """SQLite goes on writing to a file that was deleted or replaced: what is acknowledged then is lost."""
        if _file_id(self.path) != self._file:
            raise StoreError(f"the store in {self.path} was taken away or replaced: restart the host")

    # nodes and installations

    def node(self, site: str, node: str) -> int:
        """The key of a node, which is entered if it is new."""
        self.conn.execute("INSERT OR IGNORE INTO nodes (site, node) VALUES (?,?)", (site, node))
        found = self.conn.execute("SELECT id FROM nodes WHERE site=? AND node=?", (site, node)).fetchone()
        return int(found[0])

    def install(self, node_id: int, install: str) -> int:
        """The key of an installation of a node, which is entered if it is new."""
        self.conn.execute(
            "INSERT OR IGNORE INTO installs (node_id, install) VALUES (?,?)", (node_id, install)
        )
        sql = "SELECT id FROM installs WHERE node_id=? AND install=?"
        return int(self.conn.execute(sql, (node_id, install)).fetchone()[0])

    def set(self, table: str, key: int, **columns: object) -> None:
        """Set columns of one row of ``nodes`` or ``installs``."""
        names = ", ".join(f"{name}=?" for name in columns)
        self.conn.execute(f"UPDATE {table} SET {names} WHERE id=?", (*columns.values(), key))

    def nobody_online(self) -> None:
        """A host that starts has heard nobody yet; who is there says so. Who sleeps, sleeps on."""
        with self.transaction():
            self.conn.execute("UPDATE nodes SET online=0")

    def birth(self, node_id: int, install_id: int, birth: Birth, raw: bytes) -> None:
        """Keep a birth as the node's latest, and what its channels mean from now on."""
        self.set("nodes", node_id, install_id=install_id, boot=birth.boot, birth=raw.decode())
        said = json.loads(raw)
        for c in birth.channels:
            self.conn.execute(
                "INSERT OR IGNORE INTO channels (node_id, name, unit, exp) VALUES (?,?,?,?)",
                (node_id, c.id, c.unit, c.exp),
            )
        asset = {**said["asset"], "interval": birth.interval, "hold": birth.hold}
        row = [json.dumps(part) for part in (asset, said["channels"], said["checks"])]
        before = self.conn.execute(
            "SELECT asset, channels, checks FROM tables WHERE install_id=? AND boot=? AND since<=?"
            " ORDER BY since DESC LIMIT 1",
            (install_id, birth.boot, birth.since),
        ).fetchone()
        if before is None or list(before) != row:
            self.conn.execute(
                "INSERT OR REPLACE INTO tables (install_id, boot, since, asset, channels, checks) VALUES"
                " (?,?,?,?,?,?)",
                (install_id, birth.boot, birth.since, *row),
            )

    def reported(self, node_id: int, said: Reported, now: int) -> None:
        """Keep what the node says about its configuration."""
        self.conn.execute(
            "INSERT OR REPLACE INTO reported VALUES (?,?,?,?,?,?,?)",
            (node_id, now, said.version, said.hash, said.state, said.path, said.reason),
        )

    # boots and gaps

    def boot(self, install_id: int, boot: int) -> None:
        """Enter a boot if it is new."""
        self.conn.execute("INSERT OR IGNORE INTO boots (install_id, boot) VALUES (?,?)", (install_id, boot))

    def save_boot(self, install_id: int, boot: int, columns: dict[str, Any]) -> None:
        """Set columns of a boot, which is entered if it is new."""
        self.boot(install_id, boot)
        names = ", ".join(f"{name}=?" for name in columns)
        sql = f"UPDATE boots SET {names} WHERE install_id=? AND boot=?"
        self.conn.execute(sql, (*columns.values(), install_id, boot))

    def gap(self, install_id: int, boot: int, first: int, last: int, why: str) -> None:
        """Enter that these records will never come, and why (`discarded`, `refused`, `lost`)."""
        sql = "INSERT OR IGNORE INTO gaps VALUES (?,?,?,?,?)"
        self.conn.execute(sql, (install_id, boot, first, last, why))

    # records and events

    def record(self, row: tuple[Any, ...]) -> int:
        """Store a record ``(install_id, boot, seq, kind, u, t, tq, t_err, recipe, body)``; gives its key,
        or 0 if it is there already."""
        done = self.conn.execute(
            "INSERT OR IGNORE INTO records (install_id, boot, seq, kind, u, t, tq, t_err, recipe, body)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)",
            row,
        )
        return int(done.lastrowid or 0) if done.rowcount else 0

    def dirty(self, minutes: Iterable[tuple[int, int]]) -> None:
        """Mark ``(node_id, minute)`` for the rollups to be made again."""
        self.conn.executemany("INSERT OR IGNORE INTO dirty VALUES (?,?)", minutes)

    def event(self, node_id: int, record_id: int, t: int, event: Event, unit: str, exp: int) -> None:
        """Store the event of a node's check."""
        self.conn.execute(
            "INSERT INTO events (node_id, record_id, origin, t, name, channel, came_from, came_to, sev,"
            " value, bound,"
            " unit, exp, held_s, evidence) VALUES (?,?,'node',?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                node_id, record_id, t, event.check, event.ch, event.came_from, event.to, event.sev,
                event.value, event.limit, unit, exp, event.held, json.dumps(event.ev),
            ),
        )  # fmt: skip

    def host_event(
        self, node_id: int, t: int, name: str, came_from: str, to: str, sev: int, text: str
    ) -> None:
        """Store an event of the host itself."""
        self.conn.execute(
            "INSERT INTO events (node_id, origin, t, name, came_from, came_to, sev, text)"
            " VALUES (?,'host',?,?,?,?,?,?)",
            (node_id, t, name, came_from, to, sev, text),
        )

    def refill(
        self, node_id: int, install_id: int, boot: int, offset: int, ref_u: int, err: int | None
    ) -> None:
        """Give the records of a boot that have no time of their own the time u + ``offset``.

        ``err`` is the error in ms at ``ref_u``, to which a drift of 100 ppm is added; None marks a time
        that is known only from when the record was received.
        """
        where = "install_id=? AND boot=? AND tq>0"
        mark = f"INSERT OR IGNORE INTO dirty SELECT DISTINCT ?, t/60000 FROM records WHERE {where} AND kind=0"
        self.conn.execute(mark, (node_id, install_id, boot))
        self.conn.execute(
            f"UPDATE records SET t=min({T_MAX}, max(0, u+?)), tq=?, t_err=?+abs(u-?)/10000 WHERE {where}",
            (offset, 2 if err is None else 1, err, ref_u, install_id, boot),
        )
        self.conn.execute(mark, (node_id, install_id, boot))
        self.conn.execute(
            "UPDATE events SET t=(SELECT t FROM records r WHERE r.id=record_id) WHERE record_id IN"
            f" (SELECT id FROM records WHERE {where} AND kind=1)",
            (install_id, boot),
        )

    def reject(self, topic: str, reason: str, payload: bytes, now: int) -> None:
        """Keep the head of a refused message, count it, and forget the oldest beyond the last 1000."""
        done = self.conn.execute(
            "INSERT INTO rejected (t, topic, reason, head) VALUES (?,?,?,?)",
            (now, topic[:256], reason[:512], payload[:REJECTED_HEAD]),
        )
        self.conn.execute("DELETE FROM rejected WHERE id<=?", ((done.lastrowid or 0) - REJECTED_KEPT,))
        self.conn.execute(
            "INSERT INTO meta VALUES ('rejected', '1') ON CONFLICT (key) DO UPDATE SET value=value+1"
        )

    # analysis

    def assessment(self, node_id: int, one: Assessment) -> None:
        """Store an assessment."""
        left = one.remaining
        self.conn.execute(
            "INSERT INTO assessments (node_id, t, level, anomaly, health, drivers, outlook, p10, p50, p90)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                node_id, one.t_ms, one.level, one.anomaly, one.health, json.dumps(one.drivers), one.outlook,
                *((left.p10, left.p50, left.p90) if left else (None, None, None)),
            ),
        )  # fmt: skip

    def analyser(self, node_id: int, columns: dict[str, Any]) -> None:
        """Set columns of the row that says how far the analysis of a node has come."""
        self.conn.execute("INSERT OR IGNORE INTO analysers (node_id, cursor) VALUES (?, 0)", (node_id,))
        names = ", ".join(f"{name}=?" for name in columns)
        self.conn.execute(f"UPDATE analysers SET {names} WHERE node_id=?", (*columns.values(), node_id))

    def roll(self, most: int = 120) -> int:
        """Bring up to ``most`` minutes of the rollups up to date; gives how many there were."""
        with self.transaction() as conn:
            return roll(conn, most)
