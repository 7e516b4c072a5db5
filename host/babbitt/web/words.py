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
from babbitt.store.sentences import duration, number, unit_text

__all__ = ["duration", "number", "unit_text"]

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


def size(n: int | None) -> str:
    """Bytes as ``512 B`` or ``140.2 kB``; ``unknown`` for None."""
    if n is None:
        return "unknown"
    return f"{n} B" if n < 1000 else f"{n / 1000:,.1f} kB"


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
    first = assessment.reaches[0] if assessment.reaches else None
    if first is not None and (assessment.remaining is None or first.left.p50 < assessment.remaining.p50):
        return f"{first.channel} at its limit {first.at:g} in {span_of(first.left)}"
    if assessment.remaining is not None:
        what = "time to limit" if kind == "cold_room" else "useful life"
        if assessment.outlook == "lives":
            what = "no trend; by the lives of others"
        return f"{what} {span_of(assessment.remaining)}"
    if assessment.outlook == "trend":
        return "trend, no estimate yet"
    return assessment.outlook


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
