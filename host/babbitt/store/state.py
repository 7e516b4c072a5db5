"""What the store knows of nodes, installations and boots, for those who go on from there: the ingest and the analysis.

With :class:`~babbitt.store.writer.StoreWriter` and :class:`~babbitt.store.reader.StoreReader` this is all that other blocks
see of a store; no SQL is written outside this package.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Self

from babbitt.store import log, marks
from babbitt.store.ranges import Ranges
from babbitt.store.readings import TableCache, scan
from babbitt.store.schema import open_for_reading
from babbitt.store.tables import Tables
from babbitt.store.timebase import Timebase

Place = tuple[int, int, int]
"""Of a record: the key of its installation, boot, seq."""


class State:
    """The state of the store behind a connection. Methods raise sqlite3.Error if the disk fails, those of a writer's
    state inside its transaction."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._cache = TableCache()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The state of the store in a folder, read-only. Raises StoreError."""
        return cls(open_for_reading(folder))

    def close(self) -> None:
        """Close it."""
        self._conn.close()

    def _one(self, sql: str, *values: object) -> Any:
        return self._conn.execute(sql, values).fetchone()

    # installations and nodes

    def knows(self, site: str, node: str, install: str) -> bool:
        """Whether anything of an installation was ever stored."""
        sql = "SELECT 1 FROM installs i JOIN nodes n ON n.id=i.node_id WHERE site=? AND node=? AND install=?"
        return self._one(sql, site, node, install) is not None

    def whose(self, install: int) -> tuple[int, str, str, int | None]:
        """Of an installation: its node's key, site and name, and the installation that node was born with last."""
        sql = "SELECT n.id, n.site, n.node, n.install_id FROM installs i JOIN nodes n ON n.id=i.node_id WHERE i.id=?"
        key, site, node, current = self._one(sql, install)
        return int(key), site, node, current

    def current(self, node: int) -> int | None:
        """The installation a node was born with last."""
        current: int | None = self._one("SELECT install_id FROM nodes WHERE id=?", node)[0]
        return current

    def sleepers(self) -> dict[int, int]:
        """Nodes that said that they sleep, and after how many seconds they come back."""
        return dict(self._conn.execute("SELECT id, sleeps FROM nodes WHERE sleeps IS NOT NULL"))

    def clock(self, node: int) -> Any:
        """What was kept of a node's clock, or None."""
        kept = self._one("SELECT clock FROM nodes WHERE id=?", node)[0]
        return None if kept is None else json.loads(kept)

    def told(self, node: int, name: str, to: str) -> bool:
        """Whether there is an event of that name that ends so."""
        return (
            self._one("SELECT 1 FROM events WHERE node_id=? AND name=? AND came_to=?", node, name, to)
            is not None
        )

    # boots and records

    def timebase(self, install: int, boot: int) -> Timebase:
        """What is known of the clock of a boot."""
        sql = "SELECT ref_u, ref_t, ref_q, recv, clock_bad FROM boots WHERE install_id=? AND boot=?"
        row = self._one(sql, install, boot)
        return Timebase(row[0], row[1], row[2] or 0, row[3], row[4]) if row else Timebase()

    def stored(self, install: int, boot: int) -> Ranges:
        """Which records of a boot are stored."""
        found = Ranges()
        for first, last in self._conn.execute(
            "SELECT first, last FROM runs WHERE install_id=? AND boot=?", (install, boot)
        ):
            found.add(first, last)
        return found

    def watermark(self, install: int) -> tuple[tuple[int, int] | None, tuple[int, int] | None, int]:
        """The first (boot, seq) that is not covered, the last that is (None: not known), and the newest boot."""
        need_boot, need_seq, mark_boot, mark_seq = self._one(
            "SELECT need_boot, need_seq, mark_boot, mark_seq FROM installs WHERE id=?", install
        )
        (newest,) = self._one("SELECT coalesce(max(boot), 0) FROM boots WHERE install_id=?", install)
        need = None if need_boot is None else (need_boot, need_seq)
        return need, None if mark_boot is None else (mark_boot, mark_seq), newest

    def covered(self, install: int, since: int) -> list[tuple[int, int, int]]:
        """Records that are stored or will never come, of boots from ``since`` on: boot, first, last."""
        return [
            row
            for table in ("runs", "gaps")
            for row in self._conn.execute(
                f"SELECT boot, first, last FROM {table} WHERE install_id=? AND boot>=?", (install, since)
            )
        ]

    def ends(self, install: int, since: int) -> list[tuple[int, int]]:
        """Boots from ``since`` on that are over, and the first number they did not use."""
        sql = "SELECT boot, end FROM boots WHERE install_id=? AND boot>=? AND end IS NOT NULL"
        return self._conn.execute(sql, (install, since)).fetchall()

    def tables(self, install: int) -> Tables:
        """What the values of an installation mean, as it is now."""
        return Tables(self._conn, install)

    # the record log, followed

    def meanings(self, install: int) -> Tables:
        """As :meth:`tables`, as it was when :meth:`refresh` looked last."""
        return self._cache.get(self._conn, install)

    def refresh(self) -> bool:
        """Look whether there are new meanings; True if so."""
        return self._cache.refresh(self._conn)

    def forget(self) -> None:
        """Read all meanings again."""
        self._cache = TableCache()

    def scan(self, after: int, most: int) -> tuple[int, list[log.Section]]:
        """What came after a key of the record log (see :func:`babbitt.store.readings.scan`)."""
        return scan(self._conn, after, most)

    def said(self, place: Place) -> tuple[str, str, str] | None:
        """The event of a node that is a record: check, state before, state after."""
        sql = "SELECT name, came_from, came_to FROM events WHERE install_id=? AND boot=? AND seq=?"
        found: tuple[str, str, str] | None = self._one(sql, *place)
        return found

    # the analysis

    def analysed(self) -> int:
        """The key of the record log up to which the analysis had come when it saved."""
        row = self._one("SELECT value FROM meta WHERE key='analysed'")
        return int(row[0]) if row else 0

    def analyser(self, node: int) -> dict[str, Any] | None:
        """What the analysis of a node saved last; None if nothing yet. ``place`` (of its last record) and ``upto`` (the key of the
        record log it was saved with) are decoded."""
        row = self._one(
            "SELECT last_t, kind, level, state, failures, late, place FROM analysers WHERE node_id=?", node
        )
        if row is None:
            return None
        names = ("last_t", "kind", "level", "state", "failures", "late")
        *place, upto = [*json.loads(row[6]), -1][:4]
        return dict(zip(names, row, strict=False)) | {"place": tuple(place), "upto": upto}

    def judged(self) -> int:
        """The newest key of the record log that the analysis of any node was saved with: after a crash that is ahead of
        :meth:`analysed`."""
        return int(self._one("SELECT coalesce(max(json_extract(place, '$[3]')), -1) FROM analysers")[0])

    def relearns(self, after: int) -> list[tuple[int, int, int]]:
        """Commands to learn anew that nodes have done, with keys above ``after``: key, node, time (ms)."""
        sql = (
            "SELECT id, node_id, t FROM events WHERE id>? AND origin='host' AND name='command'"
            " AND came_from='relearn' AND came_to='done' ORDER BY id"
        )
        return self._conn.execute(sql, (after,)).fetchall()

    def relearnt(self) -> tuple[int, dict[int, int]]:
        """The key of the newest such command that the analysis knew of when it saved, and by node the times (ms) of those
        that no record has come after yet. Before it knew of any, all that are there count as followed."""
        row = self._one("SELECT value FROM meta WHERE key='relearnt'")
        if row is None:
            return int(self._one("SELECT coalesce(max(id), 0) FROM events")[0]), {}
        key, waiting = json.loads(row[0])
        return key, {int(node): t for node, t in waiting.items()}

    def newest_turn(self) -> int:
        """The key of what was said of the life of a machine last; 0 if nothing was."""
        return int(self._one("SELECT coalesce(max(id), 0) FROM turns")[0])

    def newest_mark(self) -> int:
        """The key of what was said of an alarm last; 0 if nothing was."""
        return int(self._one("SELECT coalesce(max(id), 0) FROM marks")[0])

    def marked(self, after: int) -> list[int]:
        """The nodes of whose alarms something was said with keys above ``after``."""
        return [
            node for (node,) in self._conn.execute("SELECT DISTINCT node_id FROM marks WHERE id>?", (after,))
        ]

    def moving(self, node: int) -> list[tuple[int, str, int]]:
        """What moves the thresholds of a node (see :func:`babbitt.store.marks.moving`)."""
        return marks.moving(self._conn, node)

    def accepted(self, after: int) -> list[tuple[int, int, int]]:
        """Alarms called the new normal with keys above ``after``: key, node, the time of its newest record then (ms)."""
        sql = "SELECT id, node_id, since FROM marks WHERE id>? AND verdict='new_normal' ORDER BY id"
        return self._conn.execute(sql, (after,)).fetchall()

    def accepted_upto(self) -> int:
        """The key of the newest of those that the analysis knew of when it saved."""
        row = self._one("SELECT value FROM meta WHERE key='accepted'")
        return int(row[0]) if row else 0

    def machines(self, site: str) -> list[tuple[int, Any, Any, Any, Any, Any, Any, int, float | None]]:
        """The normal states that the machines of a site have learnt, one a working point: node, asset, channels and checks as
        announced last, of what was learnt ``centre``, ``limit``, ``level_g``, and the recipe and speed it is of."""
        sql = (
            "SELECT n.id, t.asset, t.channels, t.checks, json_extract(p.value, '$.baseline.centre'),"
            " json_extract(p.value, '$.baseline.limit'), json_extract(p.value, '$.baseline.level_g'),"
            " json_extract(p.value, '$.recipe'), json_extract(p.value, '$.speed')"
            " FROM nodes n JOIN analysers a ON a.node_id=n.id JOIN tables t ON t.id=(SELECT id FROM tables"
            " WHERE install_id=n.install_id ORDER BY boot DESC, since DESC LIMIT 1), json_each(a.state, '$.points.points') p"
            " WHERE n.site=? AND a.kind='machine' AND json_extract(p.value, '$.baseline.centre')<>'{}'"
        )
        return [
            (key, *(json.loads(one) for one in parts), level, recipe, speed)
            for key, *parts, level, recipe, speed in self._conn.execute(sql, (site,))
        ]

    def recheck(self, node: int) -> tuple[bytes | None, int]:
        """The re-run of a node's checks as it was saved last, and how often they differed."""
        row = self._one("SELECT recheck, differences FROM analysers WHERE node_id=?", node)
        return (None, 0) if row is None else (row[0], row[1])
