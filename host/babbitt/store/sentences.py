"""Measured values and events as words: the one place where page, command line and tools take them from."""

from __future__ import annotations

import math
from collections.abc import Mapping

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
    evidence: Mapping[str, int] | None = None,
    rate: float | None = None,
) -> str:
    """What a node's event says, in one sentence. ``value`` and ``limit`` are in ``unit``, ``rate`` (of a check
    of that type) in ``unit`` per hour or minute."""
    seen = evidence or {}
    if channel is None and {"k", "n", "warnings"} <= seen.keys():
        counted = f"{seen['warnings']} of {seen['n']} checks are beyond their limits, {seen.get('alarms', 0)} in alarm"
        return f"{check} {'is back to normal' if to == 'N' else 'speaks'}: {counted}"
    if channel is None:
        what = check.replace("sensor.", "Sensor ", 1)
        return f"{what} works again" if to == "ok" else f"{what}: {to.replace('_', ' ')}"
    found = number(value, unit)
    if to in _BEYOND and (measured := _of_the_measurement(channel, found, held_s, seen)):
        return measured
    if to in _BEYOND and rate is not None:
        of = "a minute" if seen.get("per") == 60 else "an hour"
        rising = "falls" if rate < 0 else "rises"
        return f"{channel} {rising} by {number(abs(rate), unit)} {of}, to {found}"
    if to in _BEYOND:
        usual = f"{'below' if to[0] == 'L' else 'above'} what is usual for it"
        beyond = usual if limit is None else _BEYOND[to]
        bound = "" if limit is None else f", limit {number(limit, unit)}"
        held = f", for {duration(held_s)}" if held_s else ""
        return f"{channel} is {beyond}: {found}{bound}{held}"
    if to == "learning":
        return f"{channel} learns anew what is usual for it"
    if came_from == "learning":
        return f"{channel} is learnt and judged from now on, at {found}"
    if to == "N":
        return f"{channel} is back to normal: {found}"
    return f"{channel} went from {came_from} to {to}: {found}"


def _of_the_measurement(channel: str, found: str, held_s: int, seen: Mapping[str, int]) -> str:
    """What a check on the measurement itself found; empty for a check on the machine."""
    if "gap" in seen:
        return f"{channel} has had no value for {duration(held_s)}"
    if "least" in seen:
        return f"{channel} has not moved for {duration(held_s)}: {found}"
    return ""
