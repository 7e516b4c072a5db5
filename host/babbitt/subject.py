"""One node under analysis: its analyser, where in time it is, and what comes late.

A record that is not newer than the last one judged - a gap that is filled, the spool of a board that was away, an import - does not
turn time back. It is judged by an analyser apart, which knows what was learnt and learns nothing, and its assessment is stored where it
belongs, beside those of its time; the state of now is not touched.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from babbitt.health.first import span
from babbitt.protocol.assessment import Analyser, Assessment, Asset
from babbitt.store.readings import Reading

log = logging.getLogger(__name__)

LATE_MAX = 10
"""So many records in a row that were taken after the last one and yet are older: the clock was set back."""
PAST_KEPT = 600
"""Records in time after which the analyser of late ones is given up."""
TOLD_MS = 600_000
"""What began longer before it was told is told with it."""
Note = tuple[int, str, str, str, int, str]
"""What ``StoreWriter.host_event`` takes."""
_SEVERITY = {"warning": 1, "alarm": 2}
_UNLIKE = {
    "warning": "It is not as its sister machines are",
    "alarm": "It is far from how its sister machines are",
}
_TEXTS = {
    "warning": "The host sees a change worth a look",
    "alarm": "The host sees a fault",
    "normal": "Back to normal",
    "learning": "Learning its normal state again",
}


@dataclass(slots=True)
class Subject:
    """One node under analysis; ``columns`` are those of the store's ``analysers``. ``upto``: the key of the record log that its
    state was saved with."""

    site: str
    node: str
    last_t: int = 0
    kind: str = ""
    level: str = "learning"
    state: str = "{}"
    failures: int = 0
    late: int = 0
    analyser: Analyser | None = None
    asset: Asset | None = None
    behind: int = 0
    place: tuple[int, int, int] = (0, 0, 0)
    upto: int = -1
    own: bool = False
    past: Analyser | None = None
    past_t: int = 0
    past_level: str = "normal"
    past_age: int = 0

    def columns(self) -> dict[str, Any]:
        """As the store keeps it."""
        names = ("last_t", "kind", "level", "state", "failures", "late")
        return {name: getattr(self, name) for name in names} | {"place": json.dumps([*self.place, self.upto])}

    def restore(self, columns: Mapping[str, Any]) -> None:
        """Take back what the store kept."""
        for name, value in columns.items():
            setattr(self, name, value)
        self.own = self.level != "learning"

    def in_time(self, one: Reading) -> bool:
        """Whether a reading is newer than the last one judged. If there are many in a row that were taken after that and are
        older, the node's clock was set back, and time goes on from there."""
        t, place = one.t, (one.install_id, one.boot, one.seq)
        later = place > self.place
        if t > self.last_t or (later and self.behind >= LATE_MAX):
            self.last_t, self.behind, self.place = t, 0, place
            self.past_age += 1
            if self.past_age > PAST_KEPT:
                self.past = None
            return True
        self.late += 1
        self.behind += later
        return False

    def judge_late(self, reading: Reading, notes: list[Note]) -> list[Assessment]:
        """Judge a reading of the same kind of asset that came late by what is known today. What it makes of it; nothing if there is no
        analyser, or it fails, which is told in ``notes``."""
        if self.analyser is None:
            return []
        t, self.past_age = reading.t, 0
        try:
            if self.past is None or t <= self.past_t:
                self.past, self.past_level = self.analyser.apart(), "normal"
            self.past_t = t
            one = self.past.update(t, reading.values, reading.recipe)
        except Exception as error:
            log.exception("a late record of %s/%s was not judged", self.site, self.node)
            self.past, self.failures = None, self.failures + 1
            if self.failures == 1:
                notes.append((t, "analyser", "ok", "failed", 1, failed(error)))
            return []
        if (news := changed(self.past_level, one)) is not None:
            before, to, severity, text = news
            text = f"In records that came late: {text[0].lower()}{text[1:]}"
            notes.append((t, "late", before, to, severity, text))
        self.past_level = one.level
        return [one]


@dataclass(slots=True)
class Found:
    """What a slice of records meant for a node; ``late`` are assessments of records that came late."""

    node_id: int
    subject: Subject
    assessments: list[Assessment] = field(default_factory=list)
    late: list[Assessment] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def changed(before: str, one: Assessment) -> tuple[str, str, int, str] | None:
    """Of the event of a change of level: the levels, the severity, the text. Learning turning to normal is no news; everything else
    is."""
    if one.level == before or {one.level, before} == {"learning", "normal"}:
        return None
    texts = _TEXTS | _UNLIKE if one.basis == "sisters" else _TEXTS
    text = texts.get(one.level, one.level)
    if one.drivers and one.level in _SEVERITY:
        text += ", carried by " + ", ".join(one.drivers[:3])
    if one.since_ms is not None and one.t_ms - one.since_ms >= TOLD_MS:
        text += f", begun about {span(one.t_ms - one.since_ms)} before"
    if one.basis == "sisters" and one.level in _SEVERITY:
        text += "; it is not learnt as normal unless someone calls this the new normal"
    return before, one.level, _SEVERITY.get(one.level, 0), text


def failed(error: Exception) -> str:
    """The text of the event of an analyser that failed."""
    return f"The analyser failed and starts again from its last state: {type(error).__name__}: {error}"[:400]
