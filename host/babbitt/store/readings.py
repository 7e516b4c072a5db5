"""From the record log to readings: the rows of each installation in order, in physical units.

Records of an installation that lie within one second are averaged to one reading: what is judged is the state of a
machine, which does not change faster, and a node that sends hundreds of records a second costs no more than one
that sends one.
"""

from __future__ import annotations

import itertools
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import DamagedLog
from babbitt.store import log
from babbitt.store.tables import Table, Tables

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one installation in the order they were taken, all with one number of values: a section of the log."""

    install_id: int
    section: log.Section

    def __len__(self) -> int:
        return len(self.section)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a node measured at one time, for which recipe: ``values`` by channel id in physical units, None where nothing was."""

    install_id: int
    boot: int
    seq: int
    t: int
    table: Table
    values: dict[str, float | None]
    recipe: int = 0


def by_install(sections: Sequence[log.Section]) -> list[Rows]:
    """The rows (not the event markers) of a slice of the log, one installation and one width after the other, each in
    the order of boot and seq."""
    found: list[Rows] = []
    for width in sorted({section["v"].shape[1] for section in sections}):
        same = [section for section in sections if section["v"].shape[1] == width]
        rows = np.concatenate(same) if len(same) > 1 else same[0]
        rows = rows[rows["kind"] == log.ROW]
        if not len(rows):
            continue
        rows = rows[np.lexsort((rows["seq"], rows["boot"], rows["install"]))]
        install = rows["install"]
        edges = [0, *(np.flatnonzero(np.diff(install)) + 1).tolist(), len(rows)]
        for first, end in itertools.pairwise(edges):
            found.append(Rows(int(install[first]), rows[first:end]))
    # After a change of configuration in the middle of a slice a node has rows of two widths.
    return sorted(found, key=lambda one: (one.install_id, one.section["boot"][0], one.section["seq"][0]))


def readings(rows: Rows, tables: Tables) -> Iterator[Reading | None]:
    """The readings of some rows, in order; None where no table says what the values mean."""
    section = rows.section
    width = section["v"].shape[1]
    boots, seqs, times, recipes = (section[name].astype(np.int64) for name in ("boot", "seq", "t", "recipe"))
    first, last = (tables.find(int(boots[at]), int(seqs[at]), width) for at in (0, -1))
    if first is last and len(section) > 1 and len(np.unique(times // 1000)) < len(section):
        yield from _averaged(rows.install_id, section, boots, seqs, times, first)
        return
    for n, raw in enumerate(section["v"].tolist()):
        boot, seq = int(boots[n]), int(seqs[n])
        table = first if first is last else tables.find(boot, seq, width)
        if table is None:
            yield None
            continue
        values = [None if value == log.NULL else value for value in raw]
        yield Reading(rows.install_id, boot, seq, int(times[n]), table, table.values(values), int(recipes[n]))


def _averaged(
    install_id: int,
    section: log.Section,
    boots: NDArray[np.int64],
    seqs: NDArray[np.int64],
    times: NDArray[np.int64],
    table: Table | None,
) -> Iterator[Reading | None]:
    if table is None:
        yield None
        return
    seconds, recipes = times // 1000, section["recipe"].astype(np.int64)
    starts = np.r_[0, np.flatnonzero(np.diff(seconds) | np.diff(boots) | np.diff(recipes)) + 1]
    ends = np.r_[starts[1:], len(section)] - 1
    raw = section["v"].astype(np.float64)
    there = section["v"] != log.NULL
    counts = np.add.reduceat(there, starts, axis=0, dtype=np.int64)
    sums = np.add.reduceat(np.where(there, raw, 0.0), starts, axis=0)
    scale = np.array([10.0**exp for exp in table.exps])
    means = sums / np.maximum(counts, 1) * scale
    for n, end in enumerate(ends.tolist()):
        values: dict[str, float | None] = {
            name: value if count else None
            for name, value, count in zip(table.ids, means[n].tolist(), counts[n].tolist(), strict=True)
        }
        yield Reading(
            install_id, int(boots[end]), int(seqs[end]), int(times[end]), table, values, int(recipes[end])
        )


class TableCache:
    """The tables of all installations, read again when a birth has changed any."""

    def __init__(self) -> None:
        self._seen = -1
        self._tables: dict[int, Tables] = {}

    def refresh(self, conn: sqlite3.Connection) -> bool:
        """Look whether there are new tables; True if so. What is not new stays: of ten thousand nodes one is born."""
        (newest,) = conn.execute("SELECT coalesce(max(id), 0) FROM tables").fetchone()
        if newest == self._seen:
            return False
        for (install_id,) in conn.execute("SELECT install_id FROM tables WHERE id>?", (self._seen,)):
            self._tables.pop(install_id, None)
        self._seen = newest
        return True

    def get(self, conn: sqlite3.Connection, install_id: int) -> Tables:
        """The tables of an installation."""
        if install_id not in self._tables:
            self._tables[install_id] = Tables(conn, install_id)
        return self._tables[install_id]


def scan(conn: sqlite3.Connection, after: int, most: int) -> tuple[int, list[log.Section]]:
    """The next blobs of the log after key ``after``, with about ``most`` records at most: the key of the last one, and
    their sections in order. A damaged blob is passed over and named in the host's log."""
    sections: list[log.Section] = []
    count, newest = 0, after
    for key, n, body in conn.execute(
        "SELECT id, n, body FROM log WHERE id>? ORDER BY id LIMIT 500", (after,)
    ):
        if count and count + n > most:
            break
        newest, count = key, count + n
        try:
            sections += log.decode(body)
        except DamagedLog as error:
            logger.error("row %d of the log with %d records is passed over: %s", key, n, error)
    return newest, sections
