"""That a person has seen an alarm (ISA-18.2: acknowledged): who, when, with what note. The first one counts, and stays."""

from __future__ import annotations

import sqlite3

from babbitt.errors import MarkRefused, UnknownEvent
from babbitt.store.marks import check_texts
from babbitt.store.views import AcknowledgedView

_ALARM = "e.sev > 0 AND (e.origin='node' OR e.name='assessment')"


def acknowledge(conn: sqlite3.Connection, event: int, now: int, who: str, note: str) -> None:
    """Keep that ``who`` has seen an alarm. Raises UnknownEvent, MarkRefused: it is none, nobody is named, or someone had seen it."""
    check_texts(who, note)
    if not who.strip():
        raise MarkRefused("who has seen the alarm? An acknowledgement has a name")
    found = conn.execute(f"SELECT node_id, t, {_ALARM} FROM events e WHERE id=?", (event,)).fetchone()
    if found is None:
        raise UnknownEvent(
            f"the store has no event {event}; `babbitt acknowledge SITE NODE` lists those that nobody has seen"
        )
    node, t, alarm = found
    if not alarm:
        raise MarkRefused(f"event {event} is no alarm: only a warning or an alarm is acknowledged")
    before = conn.execute("SELECT who FROM acknowledged WHERE event_id=?", (event,)).fetchone()
    if before is not None:
        raise MarkRefused(f"event {event} was acknowledged by {before[0]} already; the first one stays")
    conn.execute(
        "INSERT INTO acknowledged (node_id, event_id, t, at, who, note) VALUES (?,?,?,?,?,?)",
        (node, event, t, now, who, note),
    )


def acknowledged(
    conn: sqlite3.Connection, site: str | None, node: str | None, limit: int, before: int | None
) -> list[AcknowledgedView]:
    """See ``StoreReader.acknowledged``."""
    rows = conn.execute(
        "SELECT a.id, n.site, n.node, a.event_id, a.t, a.at, a.who, a.note FROM acknowledged a JOIN nodes n ON n.id=a.node_id"
        " WHERE (?1 IS NULL OR n.site=?1) AND (?2 IS NULL OR n.node=?2) AND a.id < ?3 ORDER BY a.id DESC LIMIT ?4",
        (site, node, 2**62 if before is None else before, limit),
    )
    return [AcknowledgedView(*row) for row in rows]
