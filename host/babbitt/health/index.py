"""The health index: 0..100 out of a severity.

A severity is 0 at the learnt normal, 1 at the limit of warning, 3 at the limit of alarm. Health is the straight lines through

    severity   0    1    3    6 and above
    health   100   75   30    0

It depends on nothing else, so it never rises unless the severity fell. Severities of several judges (own baseline, limits set by
people) are combined by their maximum: a machine is as ill as its worst finding.
"""

from __future__ import annotations

from collections.abc import Mapping

WARNING, ALARM = 1.0, 3.0
"""Severity at the limit of warning and of alarm."""
_LINE = ((0.0, 100.0), (WARNING, 75.0), (ALARM, 30.0), (6.0, 0.0))
WIDTH = 0.6
"""Where one of the two limits is not set: the alarm limit is so much of the warning limit's size beyond it (ISO 20816 zone
boundaries C/D and B/C of classes I to IV are at a ratio of 1.6 to 2.6)."""


def health(severity: float) -> float:
    """Health 0..100 of a severity >= 0 (inf gives 0)."""
    for (s0, h0), (s1, h1) in zip(_LINE, _LINE[1:], strict=False):
        if severity < s1:
            return h0 + (h1 - h0) * (max(severity, 0.0) - s0) / (s1 - s0)
    return 0.0


def limit_severity(value: float, limits: Mapping[str, float]) -> float:
    """Severity of a value against the limits ``ll``, ``l``, ``h``, ``hh`` of its channel (any may be missing), same unit.

    0 inside, 1 at a warning limit, 3 at an alarm limit, linear from there on; at an alarm limit without a warning limit it
    starts with 3.
    """
    return max(
        _beyond(value, limits.get("h"), limits.get("hh")),
        _beyond(-value, _minus(limits.get("l")), _minus(limits.get("ll"))),
    )


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _beyond(value: float, warn: float | None, alarm: float | None) -> float:
    if warn is None:
        if alarm is None or value < alarm:
            return 0.0
        return ALARM + (ALARM - WARNING) * (value - alarm) / max(WIDTH * abs(alarm), 1e-3)
    if value < warn:
        return 0.0
    width = max(alarm - warn if alarm is not None else WIDTH * abs(warn), 1e-3)
    return WARNING + (ALARM - WARNING) * (value - warn) / width
