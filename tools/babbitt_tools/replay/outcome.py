"""What node and host said about a recording, held against what is known to have happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from babbitt.protocol.assessment import Assessment, Interval
from babbitt.store.views import EventView
from babbitt_tools.account import Account
from babbitt_tools.narrate import lasting, warnings
from babbitt_tools.replay.sources import Recording, TruthEvent
from babbitt_tools.session import SITE, Session

_HOUR_MS = 3_600_000
_SHARES = (0.5, 0.7, 0.9)
_HOURS = (6, 3, 1)


@dataclass(frozen=True, slots=True)
class First:
    """The first warning of an event, or the first of all where it belongs to none.

    `t_ms` when (Unix ms), `text` what it said, `lead_h` how many hours ahead of `event` (negative: after it began), `earlier` how many
    warnings had come and gone before.
    """

    t_ms: int
    text: str
    lead_h: float | None
    event: str | None
    earlier: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What the host said about the time left at a moment named by `at`, and the truth, in hours.

    `inside` tells whether the truth lies between the 10 and 90 % quantiles; None where no number was given.
    """

    at: str
    outlook: str
    remaining: Interval | None
    truth_h: float
    inside: bool | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a replay."""

    name: str
    kind: str
    truth: tuple[TruthEvent, ...]
    by_node: First | None
    by_host: First | None
    warnings_node: int
    warnings_host: int
    marks: tuple[Mark, ...]
    account: Account
    complete: bool

    def plain(self) -> dict[str, Any]:
        """The outcome in plain JSON types."""
        return asdict(self)


def outcome(recording: Recording, session: Session, *, complete: bool) -> Outcome:
    """Judge a finished replay from its store and the board's flash."""
    (account,) = session.accounts()
    events = session.reader.events(limit=100_000)
    found = warnings(events, account.node)
    by_node = [e for e in found if e.origin == "node"]
    by_host = [e for e in found if e.origin == "host"]
    span = recording.utc_start_ms, recording.end_ms + 10 * recording.interval_s * 1000
    judged = session.reader.assessments(SITE, account.node, *span, points=1_000_000)
    return Outcome(
        recording.name,
        recording.kind,
        recording.truth,
        _first(by_node, events, recording.truth),
        _first(by_host, events, recording.truth),
        len(by_node),
        len(by_host),
        tuple(_marks(recording, judged)),
        account,
        complete,
    )


def _first(found: list[EventView], events: list[EventView], truth: tuple[TruthEvent, ...]) -> First | None:
    """The first warning that was still there when an event began, else the first within an event, else the first of all."""
    if not found:
        return None
    for event in truth:
        before = [e for e in found if e.t <= event.start_ms]
        within = [e for e in found if event.start_ms < e.t <= event.end_ms]
        for one in (lasting(before, events, event.start_ms) or within)[:1]:
            lead_h = (event.start_ms - one.t) / _HOUR_MS
            return First(one.t, one.text, lead_h, event.name, sum(e.t < one.t for e in found))
    return First(found[0].t, found[0].text, None, None, 0)


def _marks(recording: Recording, judged: list[Assessment]) -> list[Mark]:
    """At shares of a machine's life; for a room that has a limit, at hours before its first event."""
    limited = any(check["type"] == "limit" for check in recording.config["checks"])
    if not recording.truth or not judged or not (limited or recording.kind == "machine"):
        return []
    if recording.kind == "machine":
        end = recording.truth[-1].start_ms
        life = end - recording.utc_start_ms
        moments = [(f"{share:.0%} of life", recording.utc_start_ms + share * life) for share in _SHARES]
    else:
        end = recording.truth[0].start_ms
        moments = [(f"{h} h before", end - h * _HOUR_MS) for h in _HOURS]
    marks = []
    for name, at in moments:
        said = [a for a in judged if a.t_ms <= at]
        if not said:
            continue
        last = said[-1]
        truth_h = (end - last.t_ms) / _HOUR_MS
        inside = None if last.remaining is None else last.remaining.p10 <= truth_h <= last.remaining.p90
        marks.append(Mark(name, last.outlook, last.remaining, truth_h, inside))
    return marks
