"""Rollups: what a channel did in each minute, hour and day.

A rollup is made again from the records whenever a record of its minute was stored or had its time filled
in, so it is exact however late data comes. Sums are integers in the channel's exponent: the mean of a day
is exact too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from babbitt.store.tables import Tables

LEVELS = (60_000, 3_600_000, 86_400_000)
"""Length of a bucket in ms by level: minute, hour, day."""

_BODY = msgspec.json.Decoder(list[int | None])
_COLUMNS = "channel_id, level, start, count, sum, min, min_t, max, max_t, last, last_t"


def roll(conn: sqlite3.Connection, most: int = 120) -> int:
    """Make up to ``most`` outdated minutes again, and the hours and days above them; gives how many minutes
    were.

    Call it inside a write transaction: what is read must be what is marked as done.
    """
    work = conn.execute(
        "SELECT node_id, minute FROM dirty ORDER BY minute, node_id LIMIT ?", (most,)
    ).fetchall()
    if not work:
        return 0
    tables: dict[int, Tables] = {}
    for node_id, minute in work:
        _minute(conn, tables, node_id, minute)
    for level in (1, 2):
        ratio = LEVELS[level] // LEVELS[0]
        for node_id, bucket in sorted({(node_id, minute // ratio) for node_id, minute in work}):
            _above(conn, node_id, level, bucket * LEVELS[level])
    conn.executemany("DELETE FROM dirty WHERE node_id=? AND minute=?", work)
    return len(work)


def _minute(conn: sqlite3.Connection, tables: dict[int, Tables], node_id: int, minute: int) -> None:
    start = minute * LEVELS[0]
    values: dict[int, list[tuple[int, int]]] = {}
    for (install_id,) in conn.execute("SELECT id FROM installs WHERE node_id=?", (node_id,)).fetchall():
        if install_id not in tables:
            tables[install_id] = Tables(conn, install_id)
        for boot, seq, t, body in conn.execute(
            "SELECT boot, seq, t, body FROM records WHERE install_id=? AND t>=? AND t<? AND kind=0 ORDER"
            " BY t, boot, seq",
            (install_id, start, start + LEVELS[0]),
        ).fetchall():
            row = _BODY.decode(body)
            table = tables[install_id].find(boot, seq, len(row))
            for key, value in zip(table.keys, row, strict=True) if table else ():
                if value is not None:
                    values.setdefault(key, []).append((t, value))
    _clear(conn, node_id, 0, start)
    conn.executemany(
        f"INSERT INTO rollups ({_COLUMNS}) VALUES (?,0,?,?,?,?,?,?,?,?,?)",
        [(key, start, *_summary(pairs)) for key, pairs in values.items()],
    )


def _summary(pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    pairs = sorted(pairs, key=lambda pair: pair[0])
    low = min(pairs, key=lambda pair: pair[1])
    high = max(pairs, key=lambda pair: pair[1])
    last = pairs[-1]
    return len(pairs), sum(v for _, v in pairs), low[1], low[0], high[1], high[0], last[1], last[0]


def _above(conn: sqlite3.Connection, node_id: int, level: int, start: int) -> None:
    """One bucket of a level, merged from the level below: exact, for count, sum and extremes merge
    exactly."""
    merged: dict[int, list[int]] = {}
    for key, *one in conn.execute(
        "SELECT channel_id, count, sum, min, min_t, max, max_t, last, last_t FROM rollups WHERE channel_id IN"
        " (SELECT id FROM channels WHERE node_id=?) AND level=? AND start>=? AND start<? ORDER BY"
        " channel_id, start",
        (node_id, level - 1, start, start + LEVELS[level]),
    ).fetchall():
        total = merged.setdefault(key, one)
        if total is one:
            continue
        total[0] += one[0]
        total[1] += one[1]
        if one[2] < total[2]:
            total[2:4] = one[2:4]
        if one[4] > total[4]:
            total[4:6] = one[4:6]
        total[6:8] = one[6:8]
    _clear(conn, node_id, level, start)
    conn.executemany(
        f"INSERT INTO rollups ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        [(key, level, start, *total) for key, total in merged.items()],
    )


def _clear(conn: sqlite3.Connection, node_id: int, level: int, start: int) -> None:
    conn.execute(
        "DELETE FROM rollups WHERE channel_id IN (SELECT id FROM channels WHERE node_id=?) AND level=?"
        " AND start=?",
        (node_id, level, start),
    )
