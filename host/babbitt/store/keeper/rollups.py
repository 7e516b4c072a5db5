"""Rollups: what a channel did in each minute, hour and day.

Buckets of new records are made with numpy and merged into those that are there: count, sum and extremes merge
exactly, in whole numbers of the channel's exponent, however late data comes. A bucket is
``(start, count, sum, min, min_t, max, max_t, last, last_t)``. Where two values are equal the earlier is the extreme.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVELS = (60_000, 3_600_000, 86_400_000)
"""Length of a bucket in ms by level: minute, hour, day."""
BLOCKS = (4 * 3_600_000, 8 * 86_400_000, 32 * 86_400_000)
"""Length in ms of what is packed together, by level."""
LATE_MS = 2 * 3_600_000
"""So long after its end a block is packed."""
MINUTES_BELOW_S = 30
"""Minutes are kept of nodes that measure more often than this only."""

_COLUMNS = 9
_PAIR = b"n"
"""A column without bytes of its own: both times of extremes are in a byte at the end."""
_MERGE = """
INSERT INTO rollups VALUES (?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (channel_id, level, start) DO UPDATE SET
    count=count+excluded.count, sum=sum+excluded.sum,
    min_t=CASE WHEN excluded.min<min OR (excluded.min=min AND excluded.min_t<min_t) THEN excluded.min_t ELSE min_t END,
    min=min(min, excluded.min),
    max_t=CASE WHEN excluded.max>max OR (excluded.max=max AND excluded.max_t<max_t) THEN excluded.max_t ELSE max_t END,
    max=max(max, excluded.max),
    last=CASE WHEN excluded.last_t>=last_t THEN excluded.last ELSE last END,
    last_t=max(last_t, excluded.last_t)
"""
Buckets = NDArray[np.int64]
"""Shape (n, 9), ascending by start."""
Block = tuple[int, int, int]
"""Level, channel and start (ms) of what is packed together."""


def summarise(
    channels: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.int64], level: int
) -> tuple[NDArray[np.int64], Buckets]:
    """The channel of each bucket and the buckets of measured values, given as equally long arrays, one channel after
    the other and by time within it; if a channel comes again, its buckets do too."""
    if not len(values):
        return channels, np.empty((0, _COLUMNS), np.int64)
    starts = times - times % LEVELS[level]
    edges = np.r_[0, np.flatnonzero((np.diff(channels) != 0) | (np.diff(starts) != 0)) + 1]
    counts = np.diff(np.r_[edges, len(values)])
    low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
    never = np.iinfo(np.int64).max
    low_t = np.minimum.reduceat(np.where(values == np.repeat(low, counts), times, never), edges)
    high_t = np.minimum.reduceat(np.where(values == np.repeat(high, counts), times, never), edges)
    ends = edges + counts - 1
    columns = (
        starts[edges], counts, np.add.reduceat(values, edges), low, low_t, high, high_t, values[ends], times[ends],
    )  # fmt: skip
    return channels[edges], np.stack(columns, axis=1)


def longer(channels: NDArray[np.int64], buckets: Buckets, level: int) -> tuple[NDArray[np.int64], Buckets]:
    """Buckets of the level below as buckets of ``level``."""
    starts = buckets[:, 0] - buckets[:, 0] % LEVELS[level]
    order = np.lexsort((buckets[:, 0], starts, channels))
    rows, starts, channels = buckets[order], starts[order], channels[order]
    edges = np.r_[0, np.flatnonzero((np.diff(channels) != 0) | (np.diff(starts) != 0)) + 1]
    merged_rows = _merge(rows, edges)
    merged_rows[:, 0] = starts[edges]
    return channels[edges], merged_rows


def merge_into(conn: sqlite3.Connection, level: int, channels: NDArray[np.int64], buckets: Buckets) -> None:
    """Merge buckets into those that are there. Inside a transaction."""
    rows = np.column_stack((channels, np.full(len(channels), level), buckets))
    conn.executemany(_MERGE, rows.tolist())


def merged(parts: Sequence[Buckets]) -> Buckets:
    """Buckets of several lists as one, those of the same start merged."""
    rows = np.concatenate(parts) if parts else np.empty((0, _COLUMNS), np.int64)
    if len(parts) < 2 or len(rows) < 2:
        return rows
    rows = rows[np.lexsort((rows[:, 8], rows[:, 0]))]
    edges = np.r_[0, np.flatnonzero(np.diff(rows[:, 0])) + 1]
    return rows if len(edges) == len(rows) else _merge(rows, edges)


def _merge(rows: Buckets, edges: NDArray[np.int64]) -> Buckets:
    """Rows that are ordered by time as one from each edge to the next."""
    counts = np.diff(np.r_[edges, len(rows)])
    never = np.iinfo(np.int64).max
    low, high = np.minimum.reduceat(rows[:, 3], edges), np.maximum.reduceat(rows[:, 5], edges)
    low_t = np.minimum.reduceat(np.where(rows[:, 3] == np.repeat(low, counts), rows[:, 4], never), edges)
    high_t = np.minimum.reduceat(np.where(rows[:, 5] == np.repeat(high, counts), rows[:, 6], never), edges)
    ends = edges + counts - 1
    columns = (
        rows[edges, 0], np.add.reduceat(rows[:, 1], edges), np.add.reduceat(rows[:, 2], edges), low, low_t, high,
        high_t, rows[ends, 7], rows[ends, 8],
    )  # fmt: skip
    return np.stack(columns, axis=1)


def read(conn: sqlite3.Connection, channel_id: int, level: int, start: int, end: int) -> Buckets:
    """The buckets of a channel that begin from ``start`` to ``end`` ms, ascending."""
    fresh = conn.execute(
        "SELECT start, count, sum, min, min_t, max, max_t, last, last_t FROM rollups"
        " WHERE channel_id=? AND level=? AND start BETWEEN ? AND ? ORDER BY start",
        (channel_id, level, start, end),
    ).fetchall()
    parts = [unpack(body, level) for (body,) in conn.execute(
        "SELECT body FROM packed WHERE channel_id=? AND level=? AND block BETWEEN ? AND ? ORDER BY block",
        (channel_id, level, start - start % BLOCKS[level], end),
    )]  # fmt: skip
    if fresh:
        parts.append(np.array(fresh, np.int64))
    rows = merged(parts)
    return rows[(rows[:, 0] >= start) & (rows[:, 0] <= end)]


def ended(now: int) -> tuple[int, ...]:
    """By level: what begins before this (ms) is in blocks that are over and may be packed; ``now`` in ms."""
    return tuple((now - LATE_MS) // length * length for length in BLOCKS)


def unpacked(conn: sqlite3.Connection, level: int, before: int) -> list[Block]:
    """The blocks with buckets from before a time (ms) that are not packed: reads through all buckets."""
    found = conn.execute(
        "SELECT DISTINCT channel_id, start - start % ?1 FROM rollups WHERE level=?2 AND start<?3",
        (BLOCKS[level], level, before),
    )
    return [(level, channel_id, block) for channel_id, block in found]


def pack_blocks(conn: sqlite3.Connection, blocks: Sequence[Block]) -> None:
    """Pack blocks. Inside a transaction."""
    for level, channel_id, block in blocks:
        end = block + BLOCKS[level]
        rows = read(conn, channel_id, level, block, end - 1)
        conn.execute(
            "INSERT OR REPLACE INTO packed (channel_id, level, block, body) VALUES (?,?,?,?)",
            (channel_id, level, block, pack(rows, level)),
        )
        conn.execute(
            "DELETE FROM rollups WHERE channel_id=? AND level=? AND start>=? AND start<?",
            (channel_id, level, block, end),
        )


def pack(rows: Buckets, level: int) -> bytes:
    """Buckets as few bytes: each column against what is expected of it, in the narrowest integers, compressed. The
    times of the extremes are kept to a 16th of the bucket, both in one byte."""
    part = LEVELS[level] // 16
    start, count, total, low, low_t, high, high_t, last, last_t = rows.T
    columns = (
        np.diff(start, prepend=0), count, total - count * ((low + high) >> 1), last - low, None, high - last, None,
        np.diff(last, prepend=0), last_t - start,
    )  # fmt: skip
    kinds, parts = b"", []
    for column in columns:
        if column is None:
            kinds += _PAIR
            continue
        head, rest = int(column[0]), column[1:]
        kind = next(k for k in "bhiq" if not len(rest) or _fits(rest, k))
        kinds += kind.encode()
        narrow = rest.astype(f"<i{struct.calcsize(kind)}")
        # The low bytes of all numbers, then the next: equal high bytes compress to nothing.
        parts.append(
            struct.pack("<q", head) + narrow.view(np.uint8).reshape(len(rest), narrow.itemsize).T.tobytes()
        )
    pairs = (low_t - start) // part * 16 + (high_t - start) // part
    parts.append(pairs.astype(np.uint8).tobytes())
    return struct.pack("<I9s", len(rows), kinds) + zlib.compress(b"".join(parts), 9)


def _fits(column: NDArray[np.int64], kind: str) -> bool:
    limit = 2 ** (8 * struct.calcsize(kind) - 1)
    return bool(column.min() >= -limit and column.max() < limit)


def unpack(body: bytes, level: int) -> Buckets:
    """The buckets of :func:`pack`; also of its first form, which kept the times of the extremes to a 256th."""
    n, kinds = struct.unpack_from("<I9s", body)
    raw, at = zlib.decompress(body[13:]), 0
    columns = []
    for kind in kinds.decode():
        column = np.zeros(n, np.int64)
        if kind != _PAIR.decode():
            size = struct.calcsize(kind)
            (column[0],) = struct.unpack_from("<q", raw, at)
            if n > 1:
                planes = np.frombuffer(raw, np.uint8, (n - 1) * size, at + 8).reshape(size, n - 1)
                column[1:] = np.ascontiguousarray(planes.T).view(f"<i{size}").ravel()
            at += 8 + (n - 1) * size
        columns.append(column)
    start, count, total, low, low_t, high, high_t, last, last_t = columns
    start, last = np.cumsum(start), np.cumsum(last)
    low, high = last - low, high + last
    if _PAIR in kinds:
        pairs, part = np.frombuffer(raw, np.uint8, n, at).astype(np.int64), LEVELS[level] // 16
        low_t, high_t, total = pairs // 16 * part, pairs % 16 * part, total + count * ((low + high) >> 1)
    else:
        low_t, high_t = ((column + 128) * (LEVELS[level] // 256) for column in (low_t, high_t))
        total = total + count * last
    rows: Buckets = np.stack(
        (start, count, total, low, low_t + start, high, high_t + start, last, last_t + start), axis=1
    )
    return rows


def forget(conn: sqlite3.Connection, level: int, before: int) -> None:
    """Delete what is older than ``before`` (ms). Inside a transaction."""
    conn.execute("DELETE FROM rollups WHERE level=? AND start<?", (level, before))
    conn.execute("DELETE FROM packed WHERE level=? AND block<?", (level, before - BLOCKS[level]))
