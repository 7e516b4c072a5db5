"""The lives of machines: when they began and ended, by the word of people, and what was measured meanwhile, hour by hour.

A life begins with the first record, or when someone said that the machine was repaired or replaced. It ends when someone said
that it failed, or, without a failure, with a repair; between a failure and the repair there is none. Nothing is overwritten: of a
node and a time the newest word counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import MarkRefused, UnknownNode
from babbitt.store.keeper.rollups import BLOCKS, read
from babbitt.store.marks import check_texts
from babbitt.store.raw import scaled
from babbitt.store.views import LifeView

TURNS = ("failed", "repaired", "withdrawn")
HOUR = 1
"""The level of the rollups that is read."""
LATE_MS = 86_400_000
"""So far after now or the newest record a time may be that is said: clocks differ."""
_SAID = "(SELECT what FROM turns l WHERE l.node_id=t.node_id AND l.t=t.t ORDER BY l.id DESC LIMIT 1)"


def turn(
    conn: sqlite3.Connection, site: str, node: str, what: str, t: int | None, now: int, who: str, note: str
) -> int:
    """Keep what is said of a machine at ``t`` (ms), None: at its newest record, or of `withdrawn` at the last time something was
    said of. Gives the time. Raises UnknownNode, MarkRefused."""
    if what not in TURNS:
        raise MarkRefused(f"{what[:40]!r} is nothing that is kept of a life: say {', '.join(TURNS)}")
    check_texts(who, note)
    row = conn.execute("SELECT id, last_t FROM nodes WHERE site=? AND node=?", (site, node)).fetchone()
    if row is None:
        raise UnknownNode(f"the store knows no node {site}/{node}; `babbitt status` lists those it knows")
    key, last = row
    said = [at for at, word in _turns(conn, key)]
    if what == "withdrawn":
        t = t if t is not None else max(said, default=None)
        if t not in said:
            raise MarkRefused(
                f"nothing was said of the life of {site}/{node} at that time: `babbitt lives {site} {node}`"
            )
    elif last is None:
        raise MarkRefused(f"{site}/{node} has no record yet: there is no life of it to speak of")
    t = last if t is None else t
    if not 0 < t <= max(now, last or 0) + LATE_MS:
        raise MarkRefused("that time is still to come: say when it happened")
    conn.execute(
        "INSERT INTO turns (node_id, t, what, at, who, note) VALUES (?,?,?,?,?,?)",
        (key, t, what, now, who, note),
    )
    return int(t)


def _turns(conn: sqlite3.Connection, node_id: int) -> list[tuple[int, str]]:
    """What counts of what was said of a node, by time: failed, repaired."""
    return conn.execute(
        f"SELECT DISTINCT t, {_SAID} AS said FROM turns t WHERE node_id=? AND said<>'withdrawn' ORDER BY t",
        (node_id,),
    ).fetchall()


def lives(
    conn: sqlite3.Connection, history: sqlite3.Connection | None, site: str | None, node: str | None
) -> list[LifeView]:
    """See ``StoreReader.lives``."""
    nodes = conn.execute(
        "SELECT id, site, node FROM nodes WHERE (?1 IS NULL OR site=?1) AND (?2 IS NULL OR node=?2) ORDER BY site, node",
        (site, node),
    ).fetchall()
    return [
        LifeView(home, name, number, *one)
        for key, home, name in nodes
        if history is not None and (first := _first(conn, history, key)) is not None
        for number, one in enumerate(_spans(first, _turns(conn, key)), 1)
    ]


def _spans(first: int, turns: Sequence[tuple[int, str]]) -> list[tuple[int, int | None, bool]]:
    """Begin, end and whether it failed, of each life. What failed cannot fail again before it was repaired."""
    found: list[tuple[int, int | None, bool]] = []
    begin: int | None = first
    for t, what in turns:
        if begin is not None and t > begin:
            found.append((begin, t, what == "failed"))
            begin = None
        if what == "repaired":
            begin = t if begin is None else begin
    return found if begin is None else [*found, (begin, None, False)]


def _first(conn: sqlite3.Connection, history: sqlite3.Connection, node_id: int) -> int | None:
    """The first hour (ms) of a node that is kept."""
    found = []
    for (key,) in conn.execute("SELECT id FROM channels WHERE node_id=?", (node_id,)):
        ((fresh,),) = history.execute(
            "SELECT min(start) FROM rollups WHERE channel_id=? AND level=?", (key, HOUR)
        )
        ((block,),) = history.execute(
            "SELECT min(block) FROM packed WHERE channel_id=? AND level=?", (key, HOUR)
        )
        if block is not None and len(rows := read(history, key, HOUR, block, block + BLOCKS[HOUR] - 1)):
            found.append(int(rows[0, 0]))
        found += [] if fresh is None else [int(fresh)]
    return min(found, default=None)


def hours(
    conn: sqlite3.Connection,
    history: sqlite3.Connection | None,
    node_id: int,
    channels: Sequence[tuple[str, str]],
    start: int,
    end: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """See ``StoreReader.hours``."""
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64], int]] = []
    for n, (name, unit) in enumerate(channels):
        keys = conn.execute(
            "SELECT id, exp FROM channels WHERE node_id=? AND name=? AND unit=?", (node_id, name, unit)
        ).fetchall()
        for key, exp in keys:
            if history is None:
                continue
            rows = read(history, key, HOUR, start, end)
            parts.append((rows[:, 0], scaled(rows[:, 2], exp) / np.maximum(rows[:, 1], 1), n))
    times = np.unique(np.concatenate([np.empty(0, np.int64), *(t for t, _, _ in parts)]))
    values = np.full((len(times), len(channels)), np.nan)
    for t, mean, n in parts:
        values[np.searchsorted(times, t), n] = mean
    return times, values
