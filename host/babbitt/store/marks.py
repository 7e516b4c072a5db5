"""What people say of alarms: right, wrong, unsure, or the new normal. Nothing is overwritten; of an event the newest row counts."""

from __future__ import annotations

import sqlite3
from typing import Any

from babbitt.errors import MarkRefused, UnknownEvent, UnknownNode
from babbitt.store.views import Count, MarkView, Tally

VERDICTS = ("right", "wrong", "unsure", "new_normal")
RESET = "reset"
WHO_MAX, NOTE_MAX = 64, 400
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_NEWEST = "(m.event_id IS NULL OR m.id=(SELECT max(id) FROM marks WHERE event_id=m.event_id))"
_ALARM = "e.sev > 0 AND (e.origin='node' OR e.name='assessment')"
"""Alarms of a node's checks and of the host's judgement; a gap or a step of a clock is a fact."""

# From day to day by the index, not over all assessments: of ten thousand nodes that would take minutes.
_JUDGED = f"""
WITH RECURSIVE days(t) AS (SELECT min(t) FROM assessments WHERE node_id=?1
    UNION ALL SELECT (SELECT min(t) FROM assessments WHERE node_id=?1 AND t>=(days.t / {DAY_MS} + 1) * {DAY_MS})
    FROM days WHERE days.t IS NOT NULL)
SELECT count(t), min(t), (SELECT max(t) FROM assessments WHERE node_id=?1) FROM days
"""


def mark(conn: sqlite3.Connection, event: int, verdict: str, now: int, who: str, note: str) -> None:
    """Keep what is said of an event. Raises UnknownEvent, MarkRefused."""
    if verdict not in VERDICTS:
        raise MarkRefused(f"{verdict[:40]!r} is no verdict: say {', '.join(VERDICTS)}")
    check_texts(who, note)
    found = conn.execute(
        f"SELECT node_id, t, origin, name, channel, came_to, sev, {_ALARM} FROM events e WHERE id=?", (event,)
    ).fetchone()
    if found is None:
        raise UnknownEvent(
            f"the store has no event {event}; `babbitt mark SITE NODE` lists those that can be marked"
        )
    *what, alarm = found
    if not alarm:
        raise MarkRefused(f"event {event} is no alarm: only a warning or an alarm is right or wrong")
    if verdict == "new_normal" and what[2:4] != ["host", "assessment"]:
        raise MarkRefused(
            f"event {event} is of a check of the node: what it learnt is learnt anew by `babbitt command SITE NODE relearn`"
        )
    _add(conn, event, what, verdict, now, who, note)


def reset(conn: sqlite3.Connection, site: str, node: str, now: int, who: str, note: str) -> None:
    """What was said so far moves no threshold any more. Raises UnknownNode."""
    check_texts(who, note)
    found = conn.execute("SELECT id FROM nodes WHERE site=? AND node=?", (site, node)).fetchone()
    if found is None:
        raise UnknownNode(f"the store knows no node {site}/{node}")
    _add(conn, None, [found[0], None, "host", "assessment", None, "", 0], RESET, now, who, note)


def check_texts(who: str, note: str) -> None:
    """Names and notes as people give them. Raises MarkRefused."""
    for name, text, most in (("who", who, WHO_MAX), ("note", note, NOTE_MAX)):
        if len(text) > most or not text.isprintable():
            raise MarkRefused(f"{name} is text of at most {most} characters that can be printed")


def _add(
    conn: sqlite3.Connection, event: int | None, what: list[Any], verdict: str, now: int, who: str, note: str
) -> None:
    conn.execute(
        "INSERT INTO marks (event_id, node_id, t, origin, name, channel, came_to, sev, verdict, at, since, who, note)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,(SELECT coalesce(last_t, 0) FROM nodes WHERE id=?),?,?)",
        (event, *what, verdict, now, what[0], who, note),
    )


def marks(
    conn: sqlite3.Connection, site: str | None, node: str | None, limit: int, before: int | None
) -> list[MarkView]:
    """See ``StoreReader.marks``."""
    rows = conn.execute(
        "SELECT m.id, n.site, n.node, m.event_id, m.t, m.origin, m.name, m.channel, m.came_to, m.sev, m.verdict, m.at,"
        f" m.since, m.who, m.note FROM marks m JOIN nodes n ON n.id=m.node_id WHERE {_NEWEST}"
        " AND (?1 IS NULL OR n.site=?1) AND (?2 IS NULL OR n.node=?2) AND m.id < ?3 ORDER BY m.id DESC LIMIT ?4",
        (site, node, 2**62 if before is None else before, limit),
    )
    return [MarkView(*row) for row in rows]


def moving(conn: sqlite3.Connection, node_id: int) -> list[tuple[int, str, int]]:
    """What moves the host's thresholds of a node: time of the event, verdict, and the node's time when it was said;
    since the last reset, in the order it was said."""
    return conn.execute(
        f"SELECT t, verdict, since FROM marks m WHERE node_id=?1 AND {_NEWEST} AND origin='host' AND name='assessment'"
        " AND event_id IS NOT NULL AND id > (SELECT coalesce(max(id), 0) FROM marks WHERE node_id=?1 AND event_id IS NULL)"
        " ORDER BY id",
        (node_id,),
    ).fetchall()


def tallies(conn: sqlite3.Connection, site: str | None, node: str | None) -> list[Tally]:
    """See ``StoreReader.tallies``."""
    nodes = conn.execute(
        "SELECT id, site, node, last_t FROM nodes WHERE (?1 IS NULL OR site=?1) AND (?2 IS NULL OR node=?2)"
        " ORDER BY site, node",
        (site, node),
    ).fetchall()
    return [_tally(conn, *one) for one in nodes]


def _tally(conn: sqlite3.Connection, key: int, site: str, node: str, last_t: int | None) -> Tally:
    counts: dict[str, dict[str, int]] = {"host": {}, "node": {}}
    said = conn.execute(
        f"SELECT origin, verdict, count(*) FROM marks m WHERE node_id=? AND event_id IS NOT NULL AND {_NEWEST}"
        " GROUP BY origin, verdict",
        (key,),
    )
    silent = conn.execute(
        f"SELECT origin, 'unmarked', count(*) FROM events e WHERE node_id=? AND {_ALARM}"
        " AND NOT EXISTS (SELECT 1 FROM marks m WHERE m.event_id=e.id) GROUP BY origin",
        (key,),
    )
    for origin, verdict, count in (*said, *silent):
        name = "wrong" if verdict == "new_normal" else verdict
        counts[origin][name] = counts[origin].get(name, 0) + count
    days, first, last = conn.execute(_JUDGED, (key,)).fetchone()
    # Of the first and the last day only what is between them and the judgements.
    hours = -(-(days * DAY_MS - first % DAY_MS - (DAY_MS - last % DAY_MS)) // HOUR_MS) if days else 0
    moves = tuple((t, verdict) for t, verdict, _ in moving(conn, key))
    return Tally(
        site, node, Count(**counts["host"]), Count(**counts["node"]), max(hours, min(days, 1)), last_t, moves
    )
