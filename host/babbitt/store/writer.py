"""Writing the store: the only module that changes babbitt.sqlite3, apart from migrations and recovery.

One connection for the whole process, guarded by a lock: the ingest and the analysis take turns. What is
written inside ``with writer.transaction()`` is on disk when the block ends, or not at all.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from babbitt.errors import StoreError
from babbitt.protocol.assessment import Assessment
from babbitt.protocol.limits import T_MAX
from babbitt.protocol.messages import Birth, Event, Reported
from babbitt.store import acknowledged, lives, marks
from babbitt.store.log import encode, record_type
from babbitt.store.ranges import Ranges
from babbitt.store.recovery import recover, write_runs
from babbitt.store.schema import FILE, open_for_writing
from babbitt.store.state import State

QUARANTINE_KEPT = 1000
SLOT_MS = 60_000
"""Of so many ms one assessment is kept, if they agree."""
QUARANTINE_HEAD = 200
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
    ``state`` tells what is there, inside a transaction. ``conn`` is the connection, for this package only. ``id`` is drawn once for each store.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self.conn = open_for_writing(self.path)
        self.state = State(self.conn)
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
        asset = {
            **said["asset"],
            "interval": birth.interval,
            "hold": birth.hold,
            "running": said.get("running"),
        }
        self.table(install_id, birth.boot, birth.since, asset, said["channels"], said["checks"])

    def table(self, install_id: int, boot: int, since: int, *parts: object) -> None:
        """Keep what the values of a boot mean from a record on: asset, channels and checks, unless it is known."""
        row = [json.dumps(part) for part in parts]
        before = self.conn.execute(
            "SELECT asset, channels, checks FROM tables WHERE install_id=? AND boot=? AND since<=?"
            " ORDER BY since DESC LIMIT 1",
            (install_id, boot, since),
        ).fetchone()
        if before is None or list(before) != row:
            self.conn.execute(
                # A key that was never used: readers look whether there is a greater one than they know.
                "INSERT OR REPLACE INTO tables (id, install_id, boot, since, asset, channels, checks)"
                " SELECT coalesce(max(id), 0) + 1, ?,?,?,?,?,? FROM tables",
                (install_id, boot, since, *row),
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

    def ended(self, install_id: int, boot: int, end: int, clean: bool) -> None:
        """A boot is over, by the word of the one after it; only if it is known."""
        self.conn.execute(
            "UPDATE boots SET clean=?, end=?, end_known=1 WHERE install_id=? AND boot=?",
            (clean, end, install_id, boot),
        )

    def twice(self, install_id: int, boot: int, count: int) -> None:
        """So many records of a boot came again."""
        self.boot(install_id, boot)
        self.conn.execute(
            "UPDATE boots SET duplicates=duplicates+? WHERE install_id=? AND boot=?",
            (count, install_id, boot),
        )

    # records and events

    def recover(self) -> int:
        """Bring the account up to date with the record log, after a crash; gives how many blobs were read."""
        return recover(self.conn)

    def log(self, sections: Sequence[tuple[int, bytes]]) -> tuple[int, int]:
        """Append a blob with ``(width, packed records)`` to the record log; gives its key and how many they are."""
        count = sum(len(packed) // record_type(width).itemsize for width, packed in sections)
        done = self.conn.execute("INSERT INTO log (n, body) VALUES (?,?)", (count, encode(sections)))
        return int(done.lastrowid or 0), count

    def runs(self, install_id: int, boot: int, ranges: Ranges) -> None:
        """Set which records of a boot are stored."""
        write_runs(self.conn, install_id, boot, ranges)

    def trim(self, upto: int, most: int = 200) -> int:
        """Delete at most ``most`` of the blobs up to key ``upto``, oldest first; gives how many. Nobody needs them any
        more: history and analysis have passed them."""
        done = self.conn.execute(
            "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE id<=? ORDER BY id LIMIT ?)", (upto, most)
        )
        return done.rowcount

    def latest(self, node_id: int, t: int) -> None:
        """The time of a node's newest record."""
        self.conn.execute("UPDATE nodes SET last_t=max(coalesce(last_t, ?1), ?1) WHERE id=?2", (t, node_id))

    def meta(self, key: str, value: str) -> None:
        """Set one of the store's own values."""
        self.conn.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))

    def retention(self, days: Mapping[str, int | None], now: int) -> None:
        """Set how long what is kept, in days (None: for ever); a change of it is in the audit log."""
        said = json.dumps(dict(days))
        with self.transaction() as conn:
            before = conn.execute("SELECT value FROM meta WHERE key='retention'").fetchone()
            if before is None or before[0] != said:
                self.meta("retention", said)
                self.audit(now, "host", "retention", **days)

    def audit(self, now: int, who: str, what: str, **detail: object) -> None:
        """Enter who changed what."""
        self.conn.execute(
            "INSERT INTO audit (t, who, what, detail) VALUES (?,?,?,?)", (now, who, what, json.dumps(detail))
        )

    def event(
        self,
        node_id: int,
        install_id: int,
        t: int,
        tq: int,
        t_err: int,
        event: Event,
        unit: str,
        exp: int,
    ) -> None:
        """Store the event of a node's check, whose number is in the log; ``t_err`` -1: none."""
        self.conn.execute(
            "INSERT INTO events (node_id, install_id, boot, seq, u, tq, t_err, origin, t, name, channel, came_from,"
            " came_to, sev, value, bound, unit, exp, held_s, evidence)"
            " VALUES (?,?,?,?,?,?,?,'node',?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                node_id, install_id, event.boot, event.seq, event.u, tq, None if t_err < 0 else t_err, t,
                event.check, event.ch, event.came_from, event.to, event.sev,
                event.value, event.limit, unit, exp, event.held, json.dumps(event.ev),
            ),
        )  # fmt: skip

    def host_event(
        self,
        node_id: int,
        t: int,
        name: str,
        came_from: str,
        to: str,
        sev: int,
        text: str,
        *,
        once: bool = False,
    ) -> None:
        """Store an event of the host itself; ``once``: unless it is there."""
        there = "SELECT 1 FROM events WHERE t=? AND node_id=? AND name=? AND came_to=? AND origin='host'"
        if once and self.conn.execute(there, (t, node_id, name, to)).fetchone():
            return
        self.conn.execute(
            "INSERT INTO events (node_id, origin, t, name, came_from, came_to, sev, text)"
            " VALUES (?,'host',?,?,?,?,?,?)",
            (node_id, t, name, came_from, to, sev, text),
        )

    def mark(self, event: int, verdict: str, now: int, who: str = "", note: str = "") -> None:
        """Keep what a person says of an alarm. Raises UnknownEvent, MarkRefused."""
        marks.mark(self.conn, event, verdict, now, who, note)
        self.audit(now, who, "mark", event=event, verdict=verdict, note=note)

    def acknowledge(self, event: int, now: int, who: str, note: str = "") -> None:
        """Keep that a person has seen an alarm. Raises UnknownEvent, MarkRefused."""
        acknowledged.acknowledge(self.conn, event, now, who, note)
        self.audit(now, who, "acknowledge", event=event, note=note)

    def reset_marks(self, site: str, node: str, now: int, who: str = "", note: str = "") -> None:
        """What was said of a node's alarms so far moves no threshold any more. Raises UnknownNode."""
        marks.reset(self.conn, site, node, now, who, note)
        self.audit(now, who, "reset", site=site, node=node, note=note)

    def turn(
        self, site: str, node: str, what: str, t: int | None, now: int, who: str = "", note: str = ""
    ) -> int:
        """Keep what a person says of the life of a machine; gives the time (ms) it is of. Raises UnknownNode, MarkRefused."""
        t = lives.turn(self.conn, site, node, what, t, now, who, note)
        self.audit(now, who, what, site=site, node=node, t=t, note=note)
        return t

    def refill(self, install_id: int, boot: int, offset: int, ref_u: int, err: int | None) -> None:
        """Give the events of a boot that have no time of their own the time u + ``offset``; rows get theirs when
        they are read.

        ``err`` is the error in ms at ``ref_u``, to which a drift of 100 ppm is added; None marks a time
        that is known only from when the record was received.
        """
        self.conn.execute(
            f"UPDATE events SET t=min({T_MAX}, max(0, u+?)), tq=?, t_err=?+abs(u-?)/10000"
            " WHERE install_id=? AND boot=? AND tq>0",
            (offset, 2 if err is None else 1, err, ref_u, install_id, boot),
        )

    def quarantine(self, topic: str, reason: str, payload: bytes, now: int) -> None:
        """Keep the head of a refused message, count it, and forget the oldest beyond the last 1000."""
        done = self.conn.execute(
            "INSERT INTO quarantine (t, topic, reason, head) VALUES (?,?,?,?)",
            (now, topic[:256], reason[:512], payload[:QUARANTINE_HEAD]),
        )
        self.conn.execute("DELETE FROM quarantine WHERE id<=?", ((done.lastrowid or 0) - QUARANTINE_KEPT,))
        self.conn.execute(
            "INSERT INTO meta VALUES ('quarantined', '1') ON CONFLICT (key) DO UPDATE SET value=value+1"
        )

    # analysis

    def assessment(self, node_id: int, one: Assessment, slot_ms: int = SLOT_MS, late: bool = False) -> None:
        """Store an assessment. Those of the same slot of time that say the same level and outlook are one row, the last
        of them; one that is there already is left. ``late``: it is not what the node is like now."""
        first = one.t_ms - one.t_ms % slot_ms
        there = self.conn.execute(
            "SELECT id, t, level, outlook FROM assessments WHERE node_id=? AND t BETWEEN ? AND ? ORDER BY t",
            (node_id, first, first + slot_ms - 1),
        ).fetchall()
        same = None
        for key, t, level, outlook in there:
            alike = (level, outlook) == (one.level, one.outlook)
            if t >= one.t_ms:
                if alike or t == one.t_ms:
                    return
                break
            same = key if alike else None
        left = one.remaining
        columns = (
            one.t_ms, one.level, one.anomaly, one.health, json.dumps(one.drivers), one.outlook,
            *((left.p10, left.p50, left.p90) if left else (None, None, None)),
            msgspec.json.encode(one.room).decode() if one.room else None,
            one.basis, one.since_ms, *((one.point.recipe, one.point.speed) if one.point else (None, None)),
            msgspec.json.encode(one.reaches).decode() if one.reaches else None,
        )  # fmt: skip
        if same is not None:
            self.conn.execute(
                "UPDATE assessments SET t=?, level=?, anomaly=?, health=?, drivers=?, outlook=?, p10=?, p50=?, p90=?, room=?, basis=?,"
                " since=?, recipe=?, speed=?, reaches=?"
                " WHERE id=?",
                (*columns, same),
            )
        else:
            same = self.conn.execute(
                "INSERT INTO assessments (t, level, anomaly, health, drivers, outlook, p10, p50, p90, room, basis, since, recipe,"
                " speed, reaches, node_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (*columns, node_id),
            ).lastrowid
        if late:
            return
        self.conn.execute(
            "INSERT INTO latest (node_id, assessment_id) VALUES (?,?)"
            " ON CONFLICT (node_id) DO UPDATE SET assessment_id=excluded.assessment_id",
            (node_id, same),
        )

    def analyser(self, node_id: int, columns: dict[str, Any]) -> None:
        """Set columns of the row that says how far the analysis of a node has come."""
        self.conn.execute("INSERT OR IGNORE INTO analysers (node_id) VALUES (?)", (node_id,))
        names = ", ".join(f"{name}=?" for name in columns)
        self.conn.execute(f"UPDATE analysers SET {names} WHERE node_id=?", (*columns.values(), node_id))
