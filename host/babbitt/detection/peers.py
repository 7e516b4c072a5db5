"""The sisters of a node: who they are, and what they are like together, read from the store and kept for a while.

Sisters are the machines of the same site whose nodes announce the same kind of asset, the same channels in the same units and the same
checks, limits included: who watches two machines by the same limits takes them for the same kind. What they are like is asked for one
working point: the same recipe, and about the same speed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from babbitt.detection.points import BAND, alike
from babbitt.detection.sisters import Learnt, pooled
from babbitt.protocol.assessment import Point, Sisters
from babbitt.store.state import State
from babbitt.store.tables import Table

KEPT_S = 300.0
"""So long what is read of a site is kept: normal states are learnt seldom."""


_PLAIN = Point(0)
_STEP = math.log(BAND) / 10


class Peers:
    """What is known of the machines of all sites that were asked for."""

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self.forget()

    def forget(self) -> None:
        """Read all of it again."""
        self._sites: dict[str, tuple[float, dict[str, list[tuple[int, Point, Learnt]]]]] = {}
        self._pools: dict[tuple[str, str, int, int, int | None], Sisters | None] = {}
        self._families: dict[int, tuple[Table, str]] = {}

    def of(self, state: State, node: int, site: str, table: Table, at: Point = _PLAIN) -> Sisters | None:
        """What the sisters of a node are like at a working point; None if they are too few."""
        self._look(state, site)
        _, families = self._sites[site]
        name = self._family(table)
        members = families.get(name, [])
        # Speeds that differ by a tenth of the band are one: the pool is kept.
        step = None if at.speed is None else round(math.log(at.speed) / _STEP)
        key = site, name, node, at.recipe, step
        if key not in self._pools:
            speed = None if step is None else math.exp(step * _STEP)
            found = {
                other: one for other, point, one in members
                if other != node and point.recipe == at.recipe and alike(point.speed, speed)
            }  # fmt: skip
            self._pools[key] = pooled(list(found.values()))
        return self._pools[key]

    def _look(self, state: State, site: str) -> None:
        now = time.monotonic()
        kept = self._sites.get(site)
        if kept is not None and now - kept[0] < self._kept_s:
            return
        families: dict[str, list[tuple[int, Point, Learnt]]] = {}
        for node, asset, channels, checks, centre, limit, level, recipe, speed in state.machines(site):
            units = [(one["id"], one["unit"]) for one in channels]
            families.setdefault(family(asset["kind"], units, checks), []).append(
                (node, Point(recipe, speed), Learnt(centre, limit, level))
            )
        self._sites[site] = now, families
        self._pools = {key: pool for key, pool in self._pools.items() if key[0] != site}

    def _family(self, table: Table) -> str:
        """That of a table, which is kept: it is asked for with every record."""
        kept = self._families.get(id(table))
        if kept is None or kept[0] is not table:
            if len(self._families) > 1000:
                self._families.clear()
            units = list(zip(table.ids, table.units, strict=True))
            kept = table, family(table.asset["kind"], units, table.checks)
            self._families[id(table)] = kept
        return kept[1]


def family(kind: str, channels: Sequence[tuple[str, str]], checks: Sequence[Mapping[str, Any]]) -> str:
    """What sisters have in common, as text."""
    return json.dumps([kind, sorted(channels), sorted(json.dumps(one, sort_keys=True) for one in checks)])
