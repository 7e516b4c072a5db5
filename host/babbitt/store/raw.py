"""The measured values of a channel, wherever they lie: in Parquet files, waiting for one, or still in the log.

The places are two databases and files that are replaced now and then, so what is read is looked at again: if the
keeper went on meanwhile, it is read once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import DamagedLog
from babbitt.store import log
from babbitt.store.keeper import base
from babbitt.store.tables import Tables
from babbitt.store.times import retimed

TRIES = 5

Series = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is of a span: files, and sections of the log whose records are in none. ``unrolled`` are those that
    are not in the rollups either."""

    files: tuple[str, ...]
    waiting: tuple[log.Section, ...]
    unrolled: tuple[log.Section, ...]


def snapshot(
    hot: sqlite3.Connection,
    history: sqlite3.Connection | None,
    start: int,
    end: int,
    *,
    rolled_only: bool = False,
) -> Snapshot:
    """What there is for start <= t <= end (ms): each record once. ``rolled_only``: without what is in the rollups
    already."""
    for attempt in range(TRIES):
        cursor = 0
        files: tuple[str, ...] = ()
        waiting: list[log.Section] = []
        held: list[log.Section] = []
        if history is not None:
            history.execute("BEGIN")
            try:
                cursor = base.position(history)
                if not rolled_only:
                    files = _files(history, start, end)
                    waiting = _blobs(
                        history, "SELECT body FROM recent WHERE t_max>=? AND t_min<=? ORDER BY id", start, end
                    )
                held = _blobs(history, "SELECT body FROM held ORDER BY id")
            finally:
                history.execute("COMMIT")
        unrolled = [*held, *_blobs(hot, "SELECT body FROM log WHERE id>? ORDER BY id", cursor)]
        if history is None or base.position(history) == cursor or attempt == TRIES - 1:
            break
    return Snapshot(files, tuple(waiting), tuple(unrolled))


def _files(history: sqlite3.Connection, start: int, end: int) -> tuple[str, ...]:
    rows = history.execute(
        "SELECT name FROM files WHERE gone IS NULL AND t_max>=? AND t_min<=? ORDER BY t_min", (start, end)
    )
    return tuple(name for (name,) in rows)


def _blobs(conn: sqlite3.Connection, sql: str, *args: int) -> list[log.Section]:
    sections: list[log.Section] = []
    for (body,) in conn.execute(sql, args):
        try:
            sections += log.decode(body)
        except DamagedLog:
            continue  # the host names it in its log, `babbitt store verify` to people
    return sections


def from_sections(
    conn: sqlite3.Connection,
    installs: Sequence[int],
    sections: Sequence[log.Section],
    channel: str,
    start: int,
    end: int,
) -> Series:
    """Times and physical values of a channel of a node from sections of the log, in no order."""
    times: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float64]] = []
    tables: dict[int, Tables] = {}
    for section in sections:
        mine = (section["kind"] == log.ROW) & np.isin(section["install"], installs)
        if not mine.any():
            continue
        some = retimed(conn, section[mine])
        some = some[(some["t"] >= start) & (some["t"] <= end)]
        width = section["v"].shape[1]
        for install, boot in np.unique(some[["install", "boot"]]).tolist():
            rows = some[(some["install"] == install) & (some["boot"] == boot)]
            known = tables.setdefault(install, Tables(conn, install))
            order = np.argsort(rows["seq"], kind="stable")
            for t, v in _columns(rows[order], known, boot, width, channel):
                times.append(t)
                values.append(v)
    if not times:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    return np.concatenate(times), np.concatenate(values)


def _columns(rows: log.Section, tables: Tables, boot: int, width: int, channel: str) -> list[Series]:
    """The column of the channel, cut where another table begins."""
    found: list[Series] = []
    seqs = rows["seq"].tolist()
    first = 0
    while first < len(rows):
        table = tables.find(boot, seqs[first], width)
        end = len(rows)
        if tables.find(boot, seqs[-1], width) is not table:
            end = next(
                n for n in range(first + 1, len(rows)) if tables.find(boot, seqs[n], width) is not table
            )
        if table is not None and channel in table.ids:
            at = table.ids.index(channel)
            v = rows["v"][first:end, at]
            there = v != log.NULL
            found.append((rows["t"][first:end][there].astype(np.int64), scaled(v[there], table.exps[at])))
        first = end
    return found


def from_files(
    folder: Path, files: Sequence[str], site: str, node: str, channel: str, start: int, end: int
) -> Series:
    """Times and physical values of a channel from Parquet files. Raises StoreError for a damaged one and
    FileNotFoundError for one that was just replaced."""
    if not files:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    from babbitt.store.keeper.columns import channel_of

    parts = [channel_of(folder / name, site, node, channel, start, end) for name in files]
    return np.concatenate([t for t, _ in parts]), np.concatenate([v for _, v in parts])


def scaled(raw: NDArray[np.integer[Any]], exp: int) -> NDArray[np.float64]:
    """Whole numbers x 10^``exp``; divided for negative exponents, which rounds once only."""
    return np.asarray(raw / 10**-exp if exp < 0 else raw * float(10**exp), np.float64)
