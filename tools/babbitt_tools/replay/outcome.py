"""What node and host said about a recording, held against what is known to have happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from babbitt.protocol.assessment import Assessment, Interval
from babbitt.store.views import EventView
from babbitt_tools.account import Account
from babbitt_tools.narrate import warnings
from babbitt_tools.replay.sources import Recording, TruthEvent
from babbitt_tools.session import SITE, Session

_HOUR_MS = 3_600_000
_SHARES = (0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class First:
    """A first warning: when (Unix ms), what it said, and how many hours ahead of which event (negative: after it began)."""

    t_ms: int
    text: str
    lead_h: float | None
    before: str | None


@dataclass(frozen=True, slots=True)
class Mark:
    """What the host said about the time left when `share` of the way to an event was gone, and the truth, in hours.

    `inside` tells whether the truth lies between the 10 and 90 % quantiles; None where no number was given.
    """

    share: float
    what: str
    of: str
    outlook: str
    remaining: Interval | None
    truth_h: float
    inside: bool | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a replay."""

    name: str
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
    found = warnings(session.reader.events(limit=100_000), account.node)
    by_node = [e for e in found if e.origin == "node"]
    by_host = [e for e in found if e.origin == "host"]
    span = recording.utc_start_ms, recording.end_ms + 10 * recording.interval_s * 1000
    judged = session.reader.assessments(SITE, account.node, *span, points=1_000_000)
    return Outcome(
        recording.name,
        recording.truth,
        _first(by_node, recording.truth),
        _first(by_host, recording.truth),
        len(by_node),
        len(by_host),
        tuple(_marks(recording, judged)),
        account,
        complete,
    )


def _first(events: list[EventView], truth: tuple[TruthEvent, ...]) -> First | None:
    """The first warning, and its lead on the first event that was not over by then."""
    if not events:
        return None
    first = events[0]
    ahead = next((e for e in truth if e.end_ms >= first.t), None)
    return First(
        first.t,
        first.text,
        None if ahead is None else (ahead.start_ms - first.t) / _HOUR_MS,
        None if ahead is None else ahead.name,
    )


def _marks(recording: Recording, judged: list[Assessment]) -> list[Mark]:
    """At shares of a machine's life; for a room, of the way to the first event."""
    if not recording.truth or not judged:
        return []
    event = recording.truth[-1] if recording.kind == "machine" else recording.truth[0]
    whole = event.start_ms - recording.utc_start_ms
    what, of = (
        ("remaining life", "life")
        if recording.kind == "machine"
        else ("time to the limit", f"the way to {event.name}")
    )
    marks = []
    for share in _SHARES:
        at = recording.utc_start_ms + share * whole
        said = [a for a in judged if a.t_ms <= at]
        if not said:
            continue
        last = said[-1]
        truth_h = (event.start_ms - last.t_ms) / _HOUR_MS
        inside = None if last.remaining is None else last.remaining.p10 <= truth_h <= last.remaining.p90
        marks.append(Mark(share, what, of, last.outlook, last.remaining, truth_h, inside))
    return marks
