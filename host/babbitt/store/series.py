"""Series of a channel, thinned so that no peak is lost.

Each slice of time gives its least and its greatest value (min/max decimation, as oscilloscopes do). Short
spans are read from the measured values, long ones from the rollups, which keep the times of their extremes.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import UnknownChannel
from babbitt.store import raw
from babbitt.store.keeper.rollups import LEVELS, read
from babbitt.store.raw import Series, scaled

_RAW_FACTOR = 1  # so many records for each point asked for are still read one by one


class Where:
    """What a series is read from: the store's database, the keeper's (None: there is none yet), and the folder."""

    def __init__(self, hot: sqlite3.Connection, history: sqlite3.Connection | None, folder: Path) -> None:
        self.hot = hot
        self.history = history
        self.folder = folder


def series(
    where: Where, node_id: int, home: tuple[str, str], channel: str, start: int, end: int, points: int
) -> Series:
    """See :meth:`babbitt.store.reader.StoreReader.series`; ``home``: site and node."""
    keys = where.hot.execute(
        "SELECT id, exp FROM channels WHERE node_id=? AND name=?", (node_id, channel)
    ).fetchall()
    if not keys:
        raise UnknownChannel(f"the node has no channel {channel}")
    installs = [key for (key,) in where.hot.execute("SELECT id FROM installs WHERE node_id=?", (node_id,))]
    points = max(2, points)
    width = max(1, -(-(end - start + 1) // max(1, points // 2)))
    level = next((n for n in range(len(LEVELS) - 1, -1, -1) if LEVELS[n] <= width), None)
    if level is not None and where.history is not None:
        level = _level(where.history, keys, level, start, end, points * _RAW_FACTOR)
    if level is None or where.history is None:
        t, v = _measured(where, installs, home, channel, start, end)
    else:
        there = raw.snapshot(where.hot, where.history, start, end, rolled_only=True)
        tail = raw.from_sections(where.hot, installs, there.unrolled, channel, start, end)
        parts = [*(_rolled(where.history, key, exp, level, start, end) for key, exp in keys), tail]
        t, v = np.concatenate([t for t, _ in parts]), np.concatenate([v for _, v in parts])
    order = np.argsort(t, kind="stable")
    t, v = t[order], v[order]
    return (t, v) if len(t) <= points else _thin(t, v, start, width)


def _measured(
    where: Where, installs: list[int], home: tuple[str, str], channel: str, start: int, end: int
) -> Series:
    for attempt in range(raw.TRIES):
        there = raw.snapshot(where.hot, where.history, start, end)
        try:
            parts = [
                raw.from_files(where.folder, there.files, *home, channel, start, end),
                raw.from_sections(
                    where.hot, installs, (*there.waiting, *there.unrolled), channel, start, end
                ),
            ]
        except FileNotFoundError:  # just replaced by another
            if attempt == raw.TRIES - 1:
                raise
            continue
        return np.concatenate([t for t, _ in parts]), np.concatenate([v for _, v in parts])
    raise AssertionError("unreachable")


def _level(
    history: sqlite3.Connection, keys: list[tuple[int, int]], level: int, start: int, end: int, most: int
) -> int | None:
    """The level to read: None (the values themselves) if there are few; where minutes are not kept because the node
    measures seldom hours, if they are enough to draw."""
    coarse = max(1, level)
    buckets = [read(history, key, coarse, start - LEVELS[coarse] + 1, end) for key, _ in keys]
    count = int(sum(rows[:, 1].sum() for rows in buckets))
    if count <= most:
        return None
    if level == 0 and not any(
        history.execute(
            "SELECT 1 FROM rollups WHERE channel_id=?1 AND level=0 UNION ALL SELECT 1 FROM packed"
            " WHERE channel_id=?1 AND level=0 LIMIT 1",
            (key,),
        ).fetchone()
        for key, _ in keys
    ):
        return 1 if sum(map(len, buckets)) >= most // 4 else None
    return level


def _rolled(history: sqlite3.Connection, key: int, exp: int, level: int, start: int, end: int) -> Series:
    rows = read(history, key, level, start - LEVELS[level] + 1, end)
    t = np.concatenate((rows[:, 4], rows[:, 6]))
    v = np.concatenate((rows[:, 3], rows[:, 5]))
    once = np.ones(len(t), bool)
    once[len(rows) :] = rows[:, 4] != rows[:, 6]
    inside = once & (t >= start) & (t <= end)
    return t[inside], scaled(v[inside], exp)


def _thin(t: NDArray[np.int64], v: NDArray[np.float64], start: int, width: int) -> Series:
    """The least and the greatest of each slice of ``width`` ms, in the order they occurred."""
    slices = (t - start) // width
    edges = np.r_[0, np.flatnonzero(np.diff(slices)) + 1]
    order = np.lexsort((v, slices))
    ends = np.r_[edges[1:], len(t)] - 1
    at = np.unique(np.concatenate((order[edges], order[ends])))
    return t[at], v[at]
