"""Numbers, ages, times and judgements as words: pure functions, so that every sentence on the page can
be tested.

Nothing here knows the page or the store. A missing value is always said ('no record yet'), never left blank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babbitt.protocol.assessment import Assessment, Interval
from babbitt.store.views import EventView

LEVEL_WORDS = {"learning": "Learning", "normal": "Normal", "warning": "Warning", "alarm": "Alarm"}
"""The word for each level of an assessment."""

NOT_JUDGED = "Not judged yet"
"""The word for a node that no assessment was made for."""

SEVERITY_WORDS = {0: "Information", 1: "Warning", 2: "Alarm"}
"""The word for each severity of an event."""

LIMIT_WORDS = {"ll": "low alarm", "l": "low warning", "h": "warning", "hh": "alarm"}
"""The word for each limit of a check."""

CLOCK_WORDS = {
    0: "no trusted clock",
    1: "kept over a reset",
    2: "set by the host",
    3: "NTP",
    4: "simulated",
}
"""The word for each clock quality ``q`` of the protocol."""

KIND_WORDS = {"machine": "Machine", "cold_room": "Cold room"}
"""The word for each kind of asset."""

_DAY_H = 24.0
_DAYS_FROM_H = 14 * _DAY_H
_ENDLESS_H = 10 * 365 * _DAY_H


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


def size(n: int | None) -> str:
    """Bytes as ``512 B`` or ``140.2 kB``; ``unknown`` for None."""
    if n is None:
        return "unknown"
    return f"{n} B" if n < 1000 else f"{n / 1000:,.1f} kB"


def number(value: float | None, unit: str = "") -> str:
    """A measured value with four significant digits and its unit; ``not measured`` for None or NaN."""
    if value is None or not math.isfinite(value):
        return "not measured"
    text = f"{value:.4g}" if abs(value) < 10_000 or abs(value) >= 1e9 else f"{value:,.0f}"
    return f"{text} {unit_text(unit)}".strip()


def unit_text(unit: str) -> str:
    """A unit as people write it: ``degC`` becomes ``°C``; a plain number (``1``) has none."""
    known = {"degC": "°C", "C": "°C", "degC/h": "°C/h", "C/h": "°C/h", "1": "", "-": "", "ratio": ""}
    return known.get(unit, unit)


def health(value: float | None) -> str:
    """Health 0..100 as a whole number, or a dash where none can be given."""
    return "–" if value is None or not math.isfinite(value) else f"{min(100.0, max(0.0, value)):.0f}"


def level(assessment: Assessment | None) -> str:
    """The word for how a node is; also for one that was not judged."""
    return NOT_JUDGED if assessment is None else LEVEL_WORDS.get(assessment.level, assessment.level)


def span_of(interval: Interval) -> str:
    """A remaining time as ``120–340 h (median 200 h)``, in days from two weeks on."""
    unit, scale, digits = "h", 1.0, 0
    if interval.p50 >= _DAYS_FROM_H:
        unit, scale = "days", _DAY_H
    elif interval.p90 < 10:
        digits = 1

    def text(hours: float) -> str:
        return f"{hours / scale:,.{digits}f}"

    median = f"(median {text(interval.p50)} {unit})"
    if not math.isfinite(interval.p50) or interval.p50 > _ENDLESS_H:
        return "more than 10 years"
    if not math.isfinite(interval.p90) or interval.p90 > _ENDLESS_H:
        return f"at least {text(interval.p10)} {unit} {median}"
    return f"{text(interval.p10)}–{text(interval.p90)} {unit} {median}"


def outlook(kind: str, assessment: Assessment | None) -> str:
    """One phrase for the time to come: a remaining time with its 10-90 % range, or why there is none."""
    if assessment is None:
        return "no assessment yet"
    if assessment.outlook == "beyond limit":
        return "beyond its limit now"
    if assessment.remaining is not None:
        what = "time to limit" if kind == "cold_room" else "useful life"
        return f"{what} {span_of(assessment.remaining)}"
    if assessment.outlook == "trend":
        return "trend, no estimate yet"
    return assessment.outlook


_BEYOND = {
    "L": "below its warning limit",
    "LL": "below its alarm limit",
    "H": "above its warning limit",
    "HH": "above its alarm limit",
}


def event(one: EventView) -> str:
    """What happened, in one sentence: the store's own if it has one, else made from the check's states."""
    if one.text:
        return one.text
    if one.channel is None:
        what = one.check.replace("sensor.", "Sensor ", 1)
        return f"{what} works again" if one.to == "ok" else f"{what}: {one.to.replace('_', ' ')}"
    found = number(one.value, one.unit)
    if one.to in _BEYOND:
        limit = "" if one.limit is None else f", limit {number(one.limit, one.unit)}"
        held = f", for {duration(one.held_s)}" if one.held_s else ""
        return f"{one.channel} is {_BEYOND[one.to]}: {found}{limit}{held}"
    if one.to == "N":
        return f"{one.channel} is back to normal: {found}"
    return f"{one.channel} went from {one.came_from} to {one.to}: {found}"


def halves(outlook: str) -> tuple[str, str]:
    """An outlook before and from its bracket on, so that a line is broken there and nowhere else."""
    before, bracket, after = outlook.partition(" (")
    return before, bracket.strip() + after


def sentence(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class TimeWords:
    """Writes instants in one time zone and always says which: the viewer's where known, else UTC."""

    zone: tzinfo
    name: str

    @classmethod
    def for_zone(cls, name: str | None) -> TimeWords:
        """Times in the IANA zone ``name`` (as the browser reports it), or in UTC if it is not known here."""
        if name:
            try:
                return cls(ZoneInfo(name), name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                return cls(UTC, "UTC")
        return cls(UTC, "UTC")

    @property
    def is_utc(self) -> bool:
        """True where times are shown in UTC (and the charts have to do the same)."""
        return self.zone is UTC

    def instant(self, t_ms: int | None) -> str:
        """``2026-05-12 14:03:20``, or ``no time`` for None."""
        if t_ms is None:
            return "no time"
        return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")
