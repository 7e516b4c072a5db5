"""How a store of an older version is brought up to date: one step a version, each in a transaction of its own.

A step is never changed once it was released; tests/host/store/test_migrations.py opens stores of every version.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from babbitt.store import log

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

_LOG = """
-- The records of one commit; see babbitt.store.log. Rows go when history and analysis have passed them.
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL, body BLOB NOT NULL);

-- Which records of a boot are stored, as ranges of seq: events and rows, wherever they lie now.
CREATE TABLE runs (
    install_id INTEGER NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (install_id, boot, first)) WITHOUT ROWID;

-- Which record an event is (null: the host's own), and how well its time is known, as in the log.
ALTER TABLE events ADD COLUMN install_id INTEGER;
ALTER TABLE events ADD COLUMN boot INTEGER;
ALTER TABLE events ADD COLUMN seq INTEGER;
ALTER TABLE events ADD COLUMN u INTEGER;
ALTER TABLE events ADD COLUMN tq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN t_err INTEGER;
CREATE INDEX events_by_place ON events (install_id, boot, seq) WHERE install_id IS NOT NULL;
CREATE INDEX events_untimed ON events (install_id, boot) WHERE tq > 0;
UPDATE events SET (install_id, boot, seq, u, tq, t_err) =
    (SELECT r.install_id, r.boot, r.seq, r.u, r.tq, r.t_err FROM records r WHERE r.id=events.record_id)
    WHERE record_id IS NOT NULL;
DROP INDEX events_by_record;
ALTER TABLE events DROP COLUMN record_id;

-- place: installation, boot and seq of the last row judged.
ALTER TABLE analysers ADD COLUMN place TEXT NOT NULL DEFAULT '[0,0,0]';
-- The re-run of the node's checks: its state, and how often node and host differed.
ALTER TABLE analysers ADD COLUMN recheck BLOB;
ALTER TABLE analysers ADD COLUMN differences INTEGER NOT NULL DEFAULT 0;

ALTER TABLE nodes ADD COLUMN last_t INTEGER;
-- What is known of the node's clock against this host's, as JSON.
ALTER TABLE nodes ADD COLUMN clock TEXT;
UPDATE nodes SET last_t =
    (SELECT max(r.t) FROM installs i JOIN records r ON r.install_id=i.id WHERE i.node_id=nodes.id);

INSERT INTO meta SELECT 'quarantined', value FROM meta WHERE key='rejected';
DELETE FROM meta WHERE key='rejected';
ALTER TABLE rejected RENAME TO quarantine;

-- Who changed what in this store, and when.
CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, t INTEGER NOT NULL, who TEXT NOT NULL,
    what TEXT NOT NULL, detail TEXT NOT NULL);
"""

_DROP = """
DROP TABLE records;
DROP TABLE rollups;
DROP TABLE dirty;
ALTER TABLE analysers DROP COLUMN cursor;
ALTER TABLE boots DROP COLUMN received;
"""

_BODY = msgspec.json.Decoder(list[int | None])
_BLOB = 2000


def _to_log(conn: sqlite3.Connection) -> None:
    """Version 3: one row a record becomes one blob a commit; the keeper makes the rollups again from it."""
    _script(conn, _LOG)
    (analysed,) = conn.execute(
        "SELECT coalesce(min(cursor), 0) FROM (SELECT coalesce(a.cursor, 0) AS cursor FROM installs i LEFT JOIN"
        " analysers a USING (node_id) WHERE EXISTS (SELECT 1 FROM records r WHERE r.install_id=i.id))"
    ).fetchone()
    done = 0
    for some in _slices(conn):
        body = log.encode([(width, b"".join(packed)) for width, packed in _packed(some)])
        at = conn.execute("INSERT INTO log (n, body) VALUES (?,?)", (len(some), body)).lastrowid or 0
        if some[-1][0] <= analysed:
            done = at
    conn.execute(
        "INSERT INTO runs SELECT install_id, boot, min(seq), max(seq) FROM (SELECT install_id, boot, seq,"
        " seq - row_number() OVER (PARTITION BY install_id, boot ORDER BY seq) AS island FROM records)"
        " GROUP BY install_id, boot, island"
    )
    (newest,) = conn.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()
    conn.executemany("INSERT INTO meta VALUES (?,?)", [("checkpoint", str(newest)), ("analysed", str(done))])
    _script(conn, _DROP)


def _slices(conn: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    last = 0
    while some := conn.execute(
        "SELECT id, install_id, boot, seq, kind, tq, coalesce(t_err, -1), u, t, coalesce(recipe, 0), body"
        " FROM records WHERE id>? ORDER BY id LIMIT ?",
        (last, _BLOB),
    ).fetchall():
        last = some[-1][0]
        yield some


def _packed(some: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, list[bytes]]]:
    rows = []
    for _, *head, body in some:
        values = [log.NULL if v is None else v for v in _BODY.decode(body)] if body else []
        rows.append((len(values), log.packer(len(values))(*head, *values)))
    for width, group in groupby(sorted(rows, key=lambda row: row[0]), lambda row: row[0]):
        yield width, [packed for _, packed in group]


def _script(conn: sqlite3.Connection, text: str) -> None:
    """As executescript, but inside the transaction that is open."""
    statement = ""
    for line in text.splitlines():
        if line.lstrip().startswith("--"):
            continue
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            conn.execute(statement)
            statement = ""


_LATEST = """
-- The newest assessment of each node, to be found without reading others. thinned: of those before (ms) one an hour is left.
CREATE TABLE latest (node_id INTEGER PRIMARY KEY, assessment_id INTEGER NOT NULL, thinned INTEGER NOT NULL DEFAULT 0);
INSERT INTO latest (node_id, assessment_id) SELECT node_id, max(id) FROM assessments GROUP BY node_id;

-- Events that were deleted because they were too old, as ranges of seq.
CREATE TABLE expired (
    install_id INTEGER NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (install_id, boot, first)) WITHOUT ROWID;
"""

# What a cold room does, its goods and its cooling, as JSON; null for machines and for assessments of before.
_ROOM = "ALTER TABLE assessments ADD COLUMN room TEXT;"

_MARKS = """
-- What people say of alarms; of an event the newest row counts. It knows of the event what is needed once that has expired.
-- verdict: right, wrong, unsure, new_normal; reset (of no event): what was said before moves no threshold any more.
-- at: when it was said (ms); since: the time of the node's newest record then.
CREATE TABLE marks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, node_id INTEGER NOT NULL, event_id INTEGER, t INTEGER, origin TEXT NOT NULL,
    name TEXT NOT NULL, channel TEXT, came_to TEXT NOT NULL, sev INTEGER NOT NULL, verdict TEXT NOT NULL,
    at INTEGER NOT NULL, since INTEGER NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX marks_by_node ON marks (node_id, id);
CREATE INDEX marks_by_event ON marks (event_id, id);
CREATE INDEX events_by_node ON events (node_id, t) WHERE sev > 0;

-- What an assessment goes by: limits, sisters, own.
ALTER TABLE assessments ADD COLUMN basis TEXT NOT NULL DEFAULT 'own';
"""

# Since when what is told showed (ms), and at which recipe and speed (r/min) the machine worked.
_SINCE = """
ALTER TABLE assessments ADD COLUMN since INTEGER;
ALTER TABLE assessments ADD COLUMN recipe INTEGER;
ALTER TABLE assessments ADD COLUMN speed REAL;
"""

_ACKNOWLEDGED = """
-- That a person has seen an alarm: at (ms) and who; t is the time of the event, which may have expired.
CREATE TABLE acknowledged (
    id INTEGER PRIMARY KEY AUTOINCREMENT, node_id INTEGER NOT NULL, event_id INTEGER NOT NULL UNIQUE, t INTEGER NOT NULL,
    at INTEGER NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX acknowledged_by_node ON acknowledged (node_id, id);
"""

_TURNS = """
-- What people say of the lives of machines: failed, repaired (or replaced), withdrawn (of what was said of that time before).
-- Nothing is overwritten; of a node and a time the newest row counts. t: when it happened, at: when it was said (ms).
CREATE TABLE turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT, node_id INTEGER NOT NULL, t INTEGER NOT NULL, what TEXT NOT NULL,
    at INTEGER NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL);
CREATE INDEX turns_by_node ON turns (node_id, t);
"""

# Channels on their way to a limit, as JSON; null if there are none.
_REACHES = "ALTER TABLE assessments ADD COLUMN reaches TEXT;"

Step = str | Callable[[sqlite3.Connection], None]

MIGRATIONS: tuple[Step, ...] = (
    _FIRST, _SLEEP, _to_log, _LATEST, _ROOM, _MARKS, _SINCE, _ACKNOWLEDGED, _TURNS, _REACHES,
)  # fmt: skip
VERSION = len(MIGRATIONS)


def migrate(conn: sqlite3.Connection, version: int, now_ms: int) -> None:
    """Bring a store from ``version`` to :data:`VERSION`; what fails leaves it at the version before."""
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        conn.execute("BEGIN IMMEDIATE")
        try:
            if isinstance(step, str):
                _script(conn, step)
            else:
                step(conn)
            if version and number >= 3:
                conn.execute(
                    "INSERT INTO audit (t, who, what, detail) VALUES (?, 'host', 'migration', ?)",
                    (now_ms, json.dumps({"from": number - 1, "to": number})),
                )
            conn.execute(f"PRAGMA user_version={number}")
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise
