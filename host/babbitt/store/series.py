"""Series of a channel, thinned so that no peak is lost.

Each slice of time gives its least and its greatest value (min/max decimation, as oscilloscopes do). Short
spans are read from the records, long ones from the rollups, which keep the times of their extremes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from babbitt.errors import UnknownChannel
from babbitt.store.rollup import LEVELS
from babbitt.store.tables import Tables, physical

_BODY = msgspec.json.Decoder(list[int | None])
_RAW_FACTOR = 16  # so many records for each point asked for are still read one by one

Series = tuple[NDArray[np.int64], NDArray[np.float64]]


def series(conn: sqlite3.Connection, node_id: int, channel: str, start: int, end: int, points: int) -> Series:
    """See :meth:`babbitt.store.reader.StoreReader.series`."""
    keys = conn.execute(
        "SELECT id, exp FROM channels WHERE node_id=? AND name=?", (node_id, channel)
    ).fetchall()
    if not keys:
        raise UnknownChannel(f"the node has no channel {channel}")
    points = max(2, points)
    width = max(1, -(-(end - start + 1) // max(1, points // 2)))
    level = next((n for n in range(len(LEVELS) - 1, -1, -1) if LEVELS[n] <= width), None)
    if level is None or _few(conn, node_id, start, end, points * _RAW_FACTOR):
        found = _raw(conn, node_id, channel, start, end)
    else:
        found = _rolled(conn, keys, level, start, end)
    t, v = _arrays(found)
    return (t, v) if len(t) <= points else _thin(t, v, start, width)


def _few(conn: sqlite3.Connection, node_id: int, start: int, end: int, most: int) -> bool:
    count: int = conn.execute(
        "SELECT count(*) FROM (SELECT 1 FROM installs i JOIN records r ON r.install_id=i.id"
        " WHERE i.node_id=? AND r.t BETWEEN ? AND ? LIMIT ?)",
        (node_id, start, end, most + 1),
    ).fetchone()[0]
    return count <= most


def _raw(
    conn: sqlite3.Connection, node_id: int, channel: str, start: int, end: int
) -> Iterable[tuple[int, float]]:
    for (install_id,) in conn.execute("SELECT id FROM installs WHERE node_id=?", (node_id,)).fetchall():
        tables = Tables(conn, install_id)
        for boot, seq, t, body in conn.execute(
            "SELECT boot, seq, t, body FROM records WHERE install_id=? AND t BETWEEN ? AND ? AND kind=0",
            (install_id, start, end),
        ):
            row = _BODY.decode(body)
            table = tables.find(boot, seq, len(row))
            if table is None or channel not in table.ids:
                continue
            at = table.ids.index(channel)
            value = row[at]
            if value is not None:
                yield t, physical(value, table.exps[at])


def _rolled(
    conn: sqlite3.Connection, keys: list[tuple[int, int]], level: int, start: int, end: int
) -> Iterable[tuple[int, float]]:
    for key, exp in keys:
        for low, low_t, high, high_t in conn.execute(
            "SELECT min, min_t, max, max_t FROM rollups WHERE channel_id=? AND level=? AND start BETWEEN"
            " ? AND ?",
            (key, level, start - LEVELS[level] + 1, end),
        ):
            if start <= low_t <= end:
                yield low_t, physical(low, exp)
            if high_t != low_t and start <= high_t <= end:
                yield high_t, physical(high, exp)


def _arrays(found: Iterable[tuple[int, float]]) -> Series:
    pairs = sorted(found)
    t = np.fromiter((p[0] for p in pairs), np.int64, len(pairs))
    v = np.fromiter((p[1] for p in pairs), np.float64, len(pairs))
    return t, v


def _thin(t: NDArray[np.int64], v: NDArray[np.float64], start: int, width: int) -> Series:
    """The least and the greatest of each slice of ``width`` ms, in the order they occurred."""
    slices = (t - start) // width
    edges = np.flatnonzero(np.diff(slices)) + 1
    keep = {
        int(first + pick(v[first:last]))
        for first, last in zip(np.r_[0, edges], np.r_[edges, len(t)], strict=True)
        for pick in (np.argmin, np.argmax)
    }
    at = np.array(sorted(keep), dtype=np.int64)
    return t[at], v[at]
