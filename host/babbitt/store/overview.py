"""One channel of the whole fleet at a glance."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from babbitt.store.keeper.rollups import LEVELS, read
from babbitt.store.tables import physical


@dataclass(frozen=True, slots=True)
class Overview:
    """A channel of a node in a span: the latest value and when (ms), the least and the greatest, in ``unit``."""

    site: str
    node: str
    unit: str
    t: int
    last: float
    low: float
    high: float


def overview(
    hot: sqlite3.Connection, history: sqlite3.Connection | None, channel: str, start: int, end: int
) -> list[Overview]:
    """See :meth:`babbitt.store.reader.StoreReader.overview`. Whole hours: one that has begun before ``start`` counts."""
    if history is None:
        return []
    found: dict[tuple[str, str], Overview] = {}
    for key, site, node, unit, exp in hot.execute(
        "SELECT c.id, n.site, n.node, c.unit, c.exp FROM channels c JOIN nodes n ON n.id=c.node_id WHERE c.name=?"
        " ORDER BY n.site, n.node",
        (channel,),
    ).fetchall():
        rows = read(history, key, 1, start - start % LEVELS[1], end)
        if not len(rows):
            continue
        last = int(np.argmax(rows[:, 8]))
        one = Overview(
            site, node, unit, int(rows[last, 8]), physical(int(rows[last, 7]), exp),
            physical(int(rows[:, 3].min()), exp), physical(int(rows[:, 5].max()), exp),
        )  # fmt: skip
        before = found.get((site, node))
        if before is None or before.t < one.t:  # after a change of unit there are two: the newer one
            found[site, node] = one
    return list(found.values())
