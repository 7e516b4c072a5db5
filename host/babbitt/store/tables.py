"""What the values of a row mean.

A node announces its channels at birth. They are kept for each (installation, boot, first seq), so that a
changed configuration never re-interprets old rows. Rows of a boot that never reached a broker (no birth was
heard) take the table of the next boot that did: a configuration changes over the air only, which needs a
birth first.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babbitt.protocol.limits import VALUE_MAX


def physical(value: int, exp: int) -> float:
    """``value`` x 10^``exp``, divided rather than multiplied for negative exponents: that rounds once
    only."""
    return value / 10**-exp if exp < 0 else float(value * 10**exp)


@dataclass(frozen=True, slots=True)
class Table:
    """The channels of a row, in order: ids, units, exponents, the keys of the store's ``channels`` table and what the
    sensor can deliver (``lo``, ``hi``, as on the wire). ``asset`` holds ``interval``, ``hold`` and ``running``, too."""

    ids: tuple[str, ...]
    units: tuple[str, ...]
    exps: tuple[int, ...]
    keys: tuple[int, ...]
    asset: Mapping[str, Any]
    checks: tuple[Mapping[str, Any], ...]
    ranges: tuple[tuple[int, int], ...] = ()

    def values(self, body: list[int | None]) -> dict[str, float | None]:
        """The values of one row by channel id, in physical units."""
        return {
            name: None if value is None else physical(value, exp)
            for name, value, exp in zip(self.ids, body, self.exps, strict=True)
        }

    def limits(self) -> dict[str, dict[str, float]]:
        """The limits of the limit checks by channel id, in physical units. Without the lower limits that hold
        while the machine runs (``when``): whether it does is not in a row, and what stands is below them."""
        checks = [
            {k: v for k, v in check.items() if k not in {"l", "ll"}}
            if check.get("when") == "running"
            else check
            for check in self.checks
        ]
        return limits_of(checks, dict(zip(self.ids, self.exps, strict=True)))


def limits_of(checks: Any, exps: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Limits (``ll``, ``l``, ``h``, ``hh``) of the limit checks by channel in physical units; of several checks
    the first that has one."""
    out: dict[str, dict[str, float]] = {}
    for check in checks:
        channel = check.get("channel")
        # The limits of a `rate` have the same names, and another unit.
        if channel not in exps or check.get("type") != "limit":
            continue
        for key in ("ll", "l", "h", "hh"):
            if type(value := check.get(key)) is int and abs(value) <= VALUE_MAX:
                out.setdefault(channel, {}).setdefault(key, physical(value, exps[channel]))
    return out


class Tables:
    """All channel tables of one installation; ``find`` picks the right one for a row."""

    def __init__(self, conn: sqlite3.Connection, install_id: int) -> None:
        self._starts: list[tuple[int, int]] = []
        self._tables: list[Table] = []
        said = conn.execute(
            "SELECT boot, since, asset, channels, checks FROM tables WHERE install_id=? ORDER BY boot, since",
            (install_id,),
        ).fetchall()
        # After the tables: a birth that is stored meanwhile must not name channels that are not read yet.
        keys = {
            (name, unit, exp): key
            for key, name, unit, exp in conn.execute(
                "SELECT c.id, name, unit, exp FROM channels c JOIN installs i USING (node_id) WHERE i.id=?",
                (install_id,),
            )
        }
        for boot, since, asset, channels, checks in said:
            listed = json.loads(channels)
            self._starts.append((boot, since))
            self._tables.append(
                Table(
                    tuple(c["id"] for c in listed),
                    tuple(c["unit"] for c in listed),
                    tuple(c["exp"] for c in listed),
                    tuple(keys[c["id"], c["unit"], c["exp"]] for c in listed),
                    json.loads(asset),
                    tuple(json.loads(checks)),
                    tuple((c["lo"], c["hi"]) for c in listed),
                )
            )

    def __len__(self) -> int:
        return len(self._tables)

    def announced(self, boot: int) -> set[int]:
        """The numbers of channels announced in that boot; empty if no birth of it was heard."""
        return {len(t.ids) for (b, _), t in zip(self._starts, self._tables, strict=True) if b == boot}

    def find(self, boot: int, seq: int, count: int) -> Table | None:
        """The table for a row of ``count`` values (None where there is none): of the same boot the last
        that had begun, else a later one of that boot; then the next boot's first, then the one before."""
        at = bisect_left(self._starts, (boot, seq + 1))
        order = [at - 1] if at and self._starts[at - 1][0] == boot else []
        order += [i for i, (b, _) in enumerate(self._starts) if b == boot and i not in order]
        order += [i for i in range(at, len(self._starts)) if i not in order]
        order += [i for i in range(at - 1, -1, -1) if i not in order]
        return next((self._tables[i] for i in order if len(self._tables[i].ids) == count), None)

    def channel(self, boot: int, seq: int, name: str | None) -> tuple[str, int]:
        """Unit and exponent of a channel at a record; ("", 0) if nobody announced it."""
        at = bisect_left(self._starts, (boot, seq + 1))
        for table in (*self._tables[max(0, at - 1) :], *self._tables[: max(0, at - 1)]):
            if name in table.ids:
                n = table.ids.index(name)
                return table.units[n], table.exps[n]
        return "", 0
