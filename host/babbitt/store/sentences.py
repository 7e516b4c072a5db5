"""Measured values and events as words: the one place where page, command line and tools take them from."""

from __future__ import annotations

import math

_BEYOND = {
    "L": "below its warning limit",
    "LL": "below its alarm limit",
    "H": "above its warning limit",
    "HH": "above its alarm limit",
}


def duration(seconds: float) -> str:
    """A length of time with one unit, rounded down: ``4 s``, ``3 min``, ``5 h``, ``12 days``."""
    s = max(0, int(seconds))
    if s < 90:
        return f"{s} s"
    if s < 90 * 60:
        return f"{s // 60} min"
    if s < 48 * 3600:
        return f"{s // 3600} h"
    return f"{s // 86400} days"


def unit_text(unit: str) -> str:
    """A unit as people write it: ``degC`` becomes ``°C``; a plain number (``1``) has none."""
    known = {"degC": "°C", "C": "°C", "degC/h": "°C/h", "C/h": "°C/h", "1": "", "-": "", "ratio": ""}
    return known.get(unit, unit)


def number(value: float | None, unit: str = "") -> str:
    """A measured value with four significant digits and its unit; ``not measured`` for None or NaN."""
    if value is None or not math.isfinite(value):
        return "not measured"
    text = f"{value:.4g}" if abs(value) < 10_000 or abs(value) >= 1e9 else f"{value:,.0f}"
    return f"{text} {unit_text(unit)}".strip()


def event(
    check: str,
    channel: str | None,
    came_from: str,
    to: str,
    value: float | None,
    limit: float | None,
    unit: str,
    held_s: int,
) -> str:
    """What a node's event says, in one sentence. ``value`` and ``limit`` are in ``unit``."""
    if channel is None:
        what = check.replace("sensor.", "Sensor ", 1)
        return f"{what} works again" if to == "ok" else f"{what}: {to.replace('_', ' ')}"
    found = number(value, unit)
    if to in _BEYOND:
        usual = f"{'below' if to[0] == 'L' else 'above'} what is usual for it"
        beyond = usual if limit is None else _BEYOND[to]
        bound = "" if limit is None else f", limit {number(limit, unit)}"
        held = f", for {duration(held_s)}" if held_s else ""
        return f"{channel} is {beyond}: {found}{bound}{held}"
    if came_from == "learning":
        return f"{channel} is learnt and judged from now on, at {found}"
    if to == "N":
        return f"{channel} is back to normal: {found}"
    return f"{channel} went from {came_from} to {to}: {found}"
