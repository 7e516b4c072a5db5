"""The health index: 0..100 out of a severity.

A severity is 0 at the learnt normal, 1 at the limit of warning, 3 at the limit of alarm. Health is the
straight lines through

    severity   0    1    3    6 and above
    health   100   75   30    0

It depends on nothing else, so it never rises unless the severity fell. Severities of several judges (own
baseline, limits set by people) are combined by their maximum: a machine is as ill as its worst finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

WARNING, ALARM = 1.0, 3.0
"""Severity at the limit of warning and of alarm."""
_LINE = ((0.0, 100.0), (WARNING, 75.0), (ALARM, 30.0), (6.0, 0.0))
WIDTH = 0.6
"""Where one of the two limits is not set: the alarm limit is so much of the warning limit's size beyond it
(ISO 20816 zone boundaries C/D and B/C of classes I to IV are at a ratio of 1.6 to 2.6)."""


def health(severity: float) -> float:
    """Health 0..100 of a severity >= 0 (inf gives 0)."""
    for (s0, h0), (s1, h1) in pairwise(_LINE):
        if severity < s1:
            return h0 + (h1 - h0) * (max(severity, 0.0) - s0) / (s1 - s0)
    return 0.0


def limit_severity(value: float, limits: Mapping[str, float], width: float | None = None) -> float:
    """Severity of a value against the limits ``ll``, ``l``, ``h``, ``hh`` of its channel (any may be
    missing), same unit.

    0 inside, 1 at a warning limit, 3 at an alarm limit, linear from there on; at an alarm limit without a
    warning limit it starts with 3. `width` is the distance of the two limits where only one is set; None
    takes `WIDTH` of the limit's size, which suits quantities with a natural zero (vibration) but not
    temperatures.
    """
    return max(
        _beyond(value, limits.get("h"), limits.get("hh"), width),
        _beyond(-value, _minus(limits.get("l")), _minus(limits.get("ll")), width),
    )


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _beyond(value: float, warn: float | None, alarm: float | None, width: float | None) -> float:
    first = warn if warn is not None else alarm
    if first is None or value < first:
        return 0.0
    if warn is not None and alarm is not None:
        width = alarm - warn
    elif width is None:
        width = WIDTH * abs(first)
    start = WARNING if warn is not None else ALARM
    return start + (ALARM - WARNING) * (value - first) / max(width, 1e-3)
