"""Reading the store: what the page, the command line and the analysis see.

All times are Unix milliseconds, all values physical units. A reader may be used from any number of threads
(each gets its own read-only connection); it never blocks the writer.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from babbitt.errors import StoreError, UnknownEvent, UnknownNode
from babbitt.protocol.assessment import Assessment, Interval, Point, Reach
from babbitt.protocol.cause import Examined
from babbitt.protocol.room import Room
from babbitt.store import acknowledged as acknowledged_
from babbitt.store import ledger as ledger_
from babbitt.store import lives as lives_
from babbitt.store import marks as marks_
from babbitt.store import overview as overview_
from babbitt.store import proof as proof_
from babbitt.store import records as records_
from babbitt.store import sentences
from babbitt.store import series as series_
from babbitt.store import table as table_
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.fresh import Fresh
from babbitt.store.keeper import base
from babbitt.store.overview import Overview
from babbitt.store.proof import Proof
from babbitt.store.readings import Reading
from babbitt.store.records import Record
from babbitt.store.schema import open_for_reading
from babbitt.store.tables import limits_of, physical
from babbitt.store.views import (
    AcknowledgedView,
    Channel,
    EventView,
    Glance,
    HostView,
    LedgerRow,
    LifeView,
    MarkView,
    NodeView,
    QuarantineView,
    ReportedView,
    Tally,
)

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_ROOM = msgspec.json.Decoder(Room)
_REACHES = msgspec.json.Decoder(tuple[Reach, ...])
_RANK = "CASE level WHEN 'alarm' THEN 3 WHEN 'warning' THEN 2 WHEN 'normal' THEN 1 ELSE 0 END"
_ASSESSMENT = "t, s.level, anomaly, health, drivers, outlook, p10, p50, p90, room, basis, s.since, recipe, speed, reaches"
_NODES = (
    "SELECT site, node, birth, n.state, online, sleeps, heard, n.last_t, coalesce(a.differences, 0), clock,"
    f" s.{_ASSESSMENT} FROM nodes n LEFT JOIN analysers a ON a.node_id=n.id"
    " LEFT JOIN latest l ON l.node_id=n.id LEFT JOIN assessments s ON s.id=l.assessment_id"
)
_EVENT = (
    "e.id, e.t, e.t_err, n.site, n.node, e.origin, e.name, e.channel, e.came_from, e.came_to, e.sev, e.value, e.bound,"
    " e.unit, e.exp, e.held_s, e.evidence, e.text"
)
_GLANCE = (
    "SELECT site, node, online, sleeps, heard, n.last_t,"
    f" s.{_ASSESSMENT}"
    " FROM nodes n LEFT JOIN latest l ON l.node_id=n.id LEFT JOIN assessments s ON s.id=l.assessment_id"
)


class StoreReader:
    """Read-only view of the store in a folder.

    Raises StoreMissing if there is no store in the folder, StoreVersionError if it is too new. Methods that
    name a node raise UnknownNode, those that name a channel UnknownChannel, and all raise StoreError if the
    disk fails.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._connection()

    def close(self) -> None:
        """Close all connections; the reader is of no use afterwards."""
        with self._lock:
            for conn in self._open:
                conn.close()
            self._open.clear()

    def nodes(
        self, site: str | None = None, after: tuple[str, str] | None = None, limit: int | None = None
    ) -> list[NodeView]:
        """All nodes ever heard, ordered by site and node; or those of a site, those after (site, node), so many at
        most."""
        past = after or ("", "")
        rows = self._all(
            f"{_NODES} WHERE (?1 IS NULL OR site=?1) AND (site, node) > (?2, ?3) ORDER BY site, node LIMIT ?4",
            site, *past, -1 if limit is None else limit,
        )  # fmt: skip
        return [_node(*row) for row in rows]

    def node(self, site: str, node: str) -> NodeView:
        """One node. Raises UnknownNode."""
        for row in self._all(f"{_NODES} WHERE site=? AND node=?", site, node):
            return _node(*row)
        raise UnknownNode(f"the store knows no node {site}/{node}")

    def channels(self, site: str, node: str) -> list[Channel]:
        """The channels the node announced last, in its order; empty before its first birth. Raises
        UnknownNode."""
        (birth,) = self._row("birth", site, node)
        if birth is None:
            return []
        said = json.loads(birth)
        limits = limits_of(said["checks"], {c["id"]: c["exp"] for c in said["channels"]})
        return [
            Channel(
                c["id"],
                c["unit"],
                c["exp"],
                physical(c["lo"], c["exp"]),
                physical(c["hi"], c["exp"]),
                limits.get(c["id"], {}),
            )
            for c in said["channels"]
        ]

    def series(
        self, site: str, node: str, channel: str, start: int, end: int, points: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Values of a channel for start <= t <= end: times (ms, ascending) and physical values.

        At most about ``points`` of them (>= 2): where there are more, each slice of time gives its least
        and its greatest value at the times they occurred, so that no peak is lost. Values 'not measured'
        are left out. Raises UnknownNode, UnknownChannel.
        """
        (node_id,) = self._row("id", site, node)

        def query(conn: sqlite3.Connection) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
            where = series_.Where(conn, self._history(), self.path)
            return series_.series(where, node_id, (site, node), channel, start, end, points)

        return self._guard(query)

    def overview(self, channel: str, start: int, end: int) -> list[Overview]:
        """One channel of all nodes that have it, for start <= t <= end (ms): the latest, the least and the greatest
        value, from the rollups. Ordered by site and node."""
        return self._guard(lambda conn: overview_.overview(conn, self._history(), channel, start, end))

    def records(self, site: str, node: str) -> list[Record]:
        """All rows of a node as they were sent, in order; for small stores. Raises UnknownNode."""
        (node_id,) = self._row("id", site, node)
        where = node_id, site, node
        return self._guard(lambda conn: records_.records(conn, self._history(), self.path, where))

    @contextmanager
    def table(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB connection with all measured values as the view ``history`` (see :mod:`babbitt.store.table`)."""
        conn = self._guard(lambda one: one)
        with table_.history(conn, self._history(), self.path) as found:
            yield found

    def replay(
        self, site: str, node: str, start: int, end: int
    ) -> Iterator[tuple[int, dict[str, float | None], int]]:
        """The records of a node as time (ms), values by channel and recipe, for start <= t <= end, by time; None: not measured."""
        with self.table() as conn:
            yield from table_.replay(conn, site, node, start, end)

    def prove(self, progress: Callable[[int, int], None] = lambda done, of: None) -> Proof:
        """Read all records again and compare them with the ledger (see :mod:`babbitt.store.proof`)."""
        return self._guard(lambda conn: proof_.prove(conn, self._history(), self.path, progress))

    def assessments(self, site: str, node: str, start: int, end: int, points: int) -> list[Assessment]:
        """Assessments for start <= t <= end, ascending, at most about ``points``: of each slice of time the
        worst. Raises UnknownNode."""
        (node_id,) = self._row("id", site, node)
        width = max(1, -(-(end - start + 1) // max(1, points)))
        rows = self._all(
            f"SELECT {_ASSESSMENT}, max({_RANK} * 1e9 + min(coalesce(anomaly, 0), 1e8)) FROM assessments s"
            " WHERE node_id=? AND t BETWEEN ? AND ? GROUP BY (t - ?) / ? ORDER BY t",
            node_id, start, end, start, width,
        )  # fmt: skip
        return [_assessment(row[:-1]) for row in rows]

    def events(
        self,
        site: str | None = None,
        node: str | None = None,
        limit: int = 100,
        after: int | None = None,
        *,
        before: tuple[int, int] | None = None,
        severity: int = 0,
    ) -> list[EventView]:
        """Events of the nodes and of the host, newest first by time; of one site or node if named; only those with an
        ``id`` greater than ``after``, those older than the event at ``before`` (t, id), those at least so severe."""
        rows = self._all(
            f"SELECT {_EVENT} FROM events e JOIN nodes n ON n.id=e.node_id WHERE (?1 IS NULL OR n.site=?1) AND (?2 IS NULL OR n.node=?2)"
            " AND e.id > ?3 AND (e.t, e.id) < (?4, ?5) AND e.sev >= ?6 ORDER BY e.t DESC, e.id DESC LIMIT ?7",
            site, node, -1 if after is None else after, *(before or (2**62, 0)), severity, limit,
        )  # fmt: skip
        return [_event(row) for row in rows]

    def event(self, key: int) -> EventView:
        """One event. Raises UnknownEvent."""
        rows = self._all(f"SELECT {_EVENT} FROM events e JOIN nodes n ON n.id=e.node_id WHERE e.id=?", key)
        if not rows:
            raise UnknownEvent(
                f"the store has no event {key}; `babbitt mark SITE NODE` lists those that can be marked"
            )
        return _event(rows[0])

    def marks(
        self, site: str | None = None, node: str | None = None, limit: int = -1, before: int | None = None
    ) -> list[MarkView]:
        """What people said of alarms, newest first: of each event what was said last; and resets. ``before``: those said
        before the one of that ``id``."""
        return self._guard(lambda conn: marks_.marks(conn, site, node, limit, before))

    def acknowledged(
        self, site: str | None = None, node: str | None = None, limit: int = -1, before: int | None = None
    ) -> list[AcknowledgedView]:
        """Which alarms people have seen, the last first. ``before``: those before the one of that ``id``."""
        return self._guard(lambda conn: acknowledged_.acknowledged(conn, site, node, limit, before))

    def tallies(self, site: str | None = None, node: str | None = None) -> list[Tally]:
        """How many alarms of each node were marked and how, and how long it was judged, by site and node."""
        return self._guard(lambda conn: marks_.tallies(conn, site, node))

    def lives(self, site: str | None = None, node: str | None = None) -> list[LifeView]:
        """The lives of machines as people told them, by site, node and time; of a node that has values."""
        return self._guard(lambda conn: lives_.lives(conn, self._history(), site, node))

    def newest_turn(self) -> int:
        """Grows with whatever is said of the life of a machine; 0 if nothing was."""
        return int(self._all("SELECT coalesce(max(id), 0) FROM turns")[0][0])

    def hours(
        self, site: str, node: str, channels: Sequence[tuple[str, str]], start: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The mean of each hour that begins at start <= t <= end (ms) of channels given by name and unit: the hours (n,),
        ascending, and values (n, channels); NaN where a channel has none. Raises UnknownNode."""
        (node_id,) = self._row("id", site, node)
        return self._guard(lambda conn: lives_.hours(conn, self._history(), node_id, channels, start, end))

    def diagnoses(self, site: str, node: str, limit: int = 1, after: str | None = None) -> list[Examined]:
        """What the waveforms of a node told, newest waveform first; ``after``: only of those older than that one. Raises UnknownNode."""
        self._row("id", site, node)
        return DiagnosisShelf(self.path).newest(site, node, limit, after)

    def glance(self) -> list[Glance]:
        """All nodes without their messages: quick, for those who look every second."""
        return [
            Glance(
                site, node, bool(online), not online and sleeps is not None, heard, last,
                None if said[0] is None else _assessment(said),
            )
            for site, node, online, sleeps, heard, last, *said in self._all(_GLANCE)
        ]  # fmt: skip

    def newest_event(self) -> int:
        """The greatest ``id`` of an event; 0 if there is none."""
        return int(self._all("SELECT coalesce(max(id), 0) FROM events")[0][0])

    def newest_blob(self) -> int:
        """The key of the newest blob of the record log, where a ``Fresh`` begins."""
        return int(self._all("SELECT coalesce(max(id), 0) FROM log")[0][0])

    def fresh(self, follower: Fresh, nodes: Collection[tuple[str, str]]) -> list[tuple[str, str, Reading]]:
        """What these nodes measured since ``follower`` looked last (see :mod:`babbitt.store.fresh`)."""
        return self._guard(lambda conn: follower.take(conn, nodes))

    def ledger(self) -> list[LedgerRow]:
        """The account of every boot of every node, ordered by site, node, installation and boot."""
        return self._guard(ledger_.ledger)

    def never_came(self) -> dict[str, int]:
        """How many records will never come, by why: `discarded`, `refused`, `lost`."""
        return dict(self._all("SELECT why, sum(last - first + 1) FROM gaps GROUP BY why"))

    def quarantine(self, limit: int = 100) -> list[QuarantineView]:
        """The newest refused messages, newest first; the store keeps the last 1000."""
        rows = self._all("SELECT id, t, topic, reason, head FROM quarantine ORDER BY id DESC LIMIT ?", limit)
        return [
            QuarantineView(i, t, topic, why, head.decode("utf-8", "backslashreplace"))
            for i, t, topic, why, head in rows
        ]

    def quarantine_total(self) -> int:
        """How many messages were refused since the store was made."""
        rows = self._all("SELECT value FROM meta WHERE key='quarantined'")
        return int(rows[0][0]) if rows else 0

    def reported(self, site: str, node: str) -> ReportedView | None:
        """What the node last reported about its configuration, or None. Raises UnknownNode."""
        (node_id,) = self._row("id", site, node)
        rows = self._all(
            "SELECT t, version, hash, state, path, reason FROM reported WHERE node_id=?", node_id
        )
        return ReportedView(*rows[0]) if rows else None

    def _row(self, columns: str, site: str, node: str) -> Any:
        rows = self._all(f"SELECT {columns} FROM nodes WHERE site=? AND node=?", site, node)
        if not rows:
            raise UnknownNode(f"the store knows no node {site}/{node}; `babbitt status` lists those it knows")
        return rows[0]

    def _all(self, sql: str, *args: object) -> list[Any]:
        return self._guard(lambda conn: list(conn.execute(sql, args)))

    def _guard(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return query(self._connection())
        except sqlite3.Error as error:
            raise StoreError(f"the store in {self.path} cannot be read: {error}") from error

    def counts(self) -> tuple[int, int, int, str]:
        """Nodes known, nodes online, rows of the record log the keeper has not passed, and what keeps it from its work
        (empty: nothing)."""
        ((nodes, online),) = self._all("SELECT count(*), coalesce(sum(online), 0) FROM nodes")
        ((unkept,),) = self._all("SELECT count(*) FROM log WHERE id>?", self.keeper_position())
        history = self._history()
        row = history.execute("SELECT value FROM meta WHERE key='state'").fetchone() if history else None
        return nodes, online, unkept, json.loads(row[0])["error"] if row else ""

    def host(self) -> HostView | None:
        """Where the host that worked on the store last had its broker; None before the first."""
        rows = self._all("SELECT value FROM meta WHERE key='host'")
        return HostView(**json.loads(rows[0][0])) if rows else None

    def analysed(self) -> int:
        """Key of the log up to which the analysis has saved."""
        rows = self._all("SELECT value FROM meta WHERE key='analysed'")
        return int(rows[0][0]) if rows else 0

    def keeper_position(self) -> int:
        """The key of the record log up to which the keeper has everything; 0 before it has begun."""
        conn = self._history()
        return 0 if conn is None else self._guard(lambda _: base.position(conn))

    def _history(self) -> sqlite3.Connection | None:
        """The keeper's database, None as long as there is none."""
        conn: sqlite3.Connection | None = getattr(self._local, "history", None)
        if conn is None and (conn := base.open_for_reading(self.path)) is not None:
            self._local.history = conn
            with self._lock:
                self._open.append(conn)
        return conn

    def _connection(self) -> sqlite3.Connection:
        conn: sqlite3.Connection | None = getattr(self._local, "conn", None)
        if conn is None:
            conn = open_for_reading(self.path)
            self._local.conn = conn
            with self._lock:
                self._open.append(conn)
        return conn


def _node(
    site: str,
    node: str,
    birth: str | None,
    state: str | None,
    online: int,
    sleeps: int | None,
    heard: int | None,
    last: int | None,
    differences: int,
    clock: str | None,
    *assessment: Any,
) -> NodeView:
    said = json.loads(birth) if birth else None
    asset = said["asset"] if said else {"name": "", "kind": ""}
    return NodeView(
        site, node, asset["name"], asset["kind"], bool(online), last, heard,
        json.loads(state) if state else None, said, None if assessment[0] is None else _assessment(assessment),
        not online and sleeps is not None, differences, **_clock(clock),
    )  # fmt: skip


def _clock(kept: str | None) -> dict[str, Any]:
    return {name: value for name, value in json.loads(kept or "{}").items() if name != "of"}


def _assessment(row: Any) -> Assessment:
    t, level, anomaly, health, drivers, outlook, p10, p50, p90, room, basis, since, recipe, speed, reaches = (
        row
    )
    remaining = None if p50 is None else Interval(p10, p50, p90)
    inside = None if room is None else _ROOM.decode(room)
    return Assessment(
        t, level, anomaly, health, tuple(json.loads(drivers)), outlook, remaining, inside, basis, since,
        None if recipe is None else Point(recipe, speed), () if reaches is None else _REACHES.decode(reaches),
    )  # fmt: skip


def _event(row: Any) -> EventView:
    *head, value, bound, unit, exp, held, evidence, text = row
    key, t, t_err, site, node, origin, name, channel, came_from, came_to, sev = head
    found = None if value is None else physical(value, exp)
    limit = None if bound is None else physical(bound, exp)
    seen = json.loads(evidence)
    rate = physical(seen["rate"], exp) if "rate" in seen else None
    said = text or sentences.event(name, channel, came_from, came_to, found, limit, unit, held, seen, rate)
    return EventView(
        key, t, t_err, site, node, origin, name, channel, came_from, came_to, sev,
        found, limit, unit, held, seen, said,
    )  # fmt: skip
