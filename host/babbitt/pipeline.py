"""The analysis: committed records in the order they were stored, through the analyser of each node's asset.

How far it has come, the state of the analyser and what it found are written in one transaction: after a
restart nothing is skipped and nothing judged twice. An analyser that fails is counted and named among the
events; its node goes on with the next record, the others are not disturbed.
"""

from __future__ import annotations

import importlib
import json
import logging
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from babbitt.errors import StoreError
from babbitt.protocol.assessment import Analyser, Assessment, Asset
from babbitt.store.schema import open_for_reading
from babbitt.store.tables import Table, Tables
from babbitt.store.writer import StoreWriter

log = logging.getLogger(__name__)

KINDS = {
    "machine": "babbitt.prognosis.machine:MachineAnalyser",
    "cold_room": "babbitt.prognosis.coldroom:ColdRoomAnalyser",
}
"""The analyser of each kind of asset, imported when the first such asset is met."""

SLICE = 500
LATE_MAX = 10
_BODY = msgspec.json.Decoder(list[int | None])
_SEVERITY = {"warning": 1, "alarm": 2}
_TEXTS = {
    "warning": "The host sees a change worth a look",
    "alarm": "The host sees a fault",
    "normal": "Back to normal",
    "learning": "Learning its normal state again",
}


@dataclass(slots=True)
class _Subject:
    """One node under analysis; the fields are columns of the store's ``analysers``."""

    site: str
    node: str
    cursor: int = 0
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

    def columns(self) -> dict[str, Any]:
        names = ("cursor", "last_t", "kind", "level", "state", "failures", "late")
        return {name: getattr(self, name) for name in names}


class Pipeline:
    """Analyses in a thread of its own; ``wake`` is set by the ingest when there is something new.

    ``kinds`` maps a kind of asset to ``module:class`` of its analyser.
    """

    def __init__(
        self, writer: StoreWriter, wake: threading.Event, kinds: Mapping[str, str] | None = None
    ) -> None:
        self._writer = writer
        self._wake = wake
        self._kinds = dict(KINDS if kinds is None else kinds)
        self._subjects: dict[int, _Subject] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="babbitt-analysis", daemon=True)
        self._passes = 0
        self._passed = threading.Condition()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after the slice in hand; the next start goes on from there."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that is committed now is judged and rolled up; False if that takes too long."""
        with self._passed:
            # The pass in hand may have begun before the last commit: the one after it has seen everything.
            enough = self._passes + 2
            self._wake.set()
            return self._passed.wait_for(lambda: self._passes >= enough, timeout_s)

    def _run(self) -> None:
        conn = open_for_reading(self._writer.path)
        try:
            while not self._stop.is_set():
                self._wake.clear()
                try:
                    busy = self.step(conn)
                except (StoreError, sqlite3.Error) as error:
                    log.error("the analysis waits: %s", error)
                    self._subjects.clear()
                    self._stop.wait(1.0)
                    continue
                except Exception:  # a defect of ours: the thread must not end unheard
                    log.exception("the analysis failed and goes on")
                    self._subjects.clear()
                    self._stop.wait(1.0)
                    continue
                if not busy:
                    with self._passed:
                        self._passes += 1
                        self._passed.notify_all()
                    self._wake.wait(0.5)
        finally:
            conn.close()

    def step(self, conn: sqlite3.Connection) -> bool:
        """Analyse one slice of records of every node and roll up a slice of minutes; True if there was any
        work.

        ``conn`` reads the store. Raises StoreError or sqlite3.Error if the disk fails.
        """
        busy = self._writer.roll() > 0
        for node_id, site, node in conn.execute("SELECT id, site, node FROM nodes").fetchall():
            if self._stop.is_set():
                return False
            busy = self._advance(conn, node_id, site, node) or busy
        return busy

    def _advance(self, conn: sqlite3.Connection, node_id: int, site: str, node: str) -> bool:
        subject = self._subjects.get(node_id) or self._load(conn, node_id, site, node)
        rows = conn.execute(
            "SELECT r.id, r.install_id, r.boot, r.seq, r.t, r.body FROM records r WHERE r.id>? AND r.kind=0"
            " AND r.install_id IN (SELECT id FROM installs WHERE node_id=?) ORDER BY r.id LIMIT ?",
            (subject.cursor, node_id, SLICE),
        ).fetchall()
        if not rows:
            return False
        # The installation born last: rows of an earlier one that never said what they mean wait for nothing.
        (current,) = conn.execute("SELECT install_id FROM nodes WHERE id=?", (node_id,)).fetchone()
        tables: dict[int, Tables] = {}
        before = subject.cursor
        found: list[Assessment] = []
        notes: list[tuple[int, str, str, str, int, str]] = []
        for key, install_id, boot, seq, t, body in rows:
            values = _BODY.decode(body)
            if install_id not in tables:
                tables[install_id] = Tables(conn, install_id)
            table = tables[install_id].find(boot, seq, len(values))
            if table is None and len(tables[install_id]) == 0 and current in (None, install_id):
                break  # its birth is still to come: these records wait for it
            subject.cursor = key
            if table is not None and self._in_time(subject, t, (install_id, boot, seq)):
                self._judge(subject, table, t, table.values(values), found, notes)
        if subject.cursor == before:
            return False
        if subject.analyser is not None:
            subject.state = json.dumps(subject.analyser.dump())
        try:
            with self._writer.transaction():
                for one in found:
                    self._writer.assessment(node_id, one)
                for note in notes:
                    self._writer.host_event(node_id, *note)
                self._writer.analyser(node_id, subject.columns())
        except StoreError:
            self._subjects.pop(node_id, None)
            raise
        return bool(found) or len(rows) == SLICE

    def _load(self, conn: sqlite3.Connection, node_id: int, site: str, node: str) -> _Subject:
        row = conn.execute(
            "SELECT cursor, last_t, kind, level, state, failures, late FROM analysers WHERE node_id=?",
            (node_id,),
        ).fetchone()
        self._subjects[node_id] = _Subject(site, node, *(row or ()))
        return self._subjects[node_id]

    @staticmethod
    def _in_time(subject: _Subject, t: int, place: tuple[int, int, int]) -> bool:
        """Whether a record is newer than the last one judged. Late ones are counted and left out. If there
        are many in a row that were taken after it (``place``: installation, boot, seq), the node's clock was
        set back, and time goes on from there."""
        later = place > subject.place
        if t > subject.last_t or (later and subject.behind >= LATE_MAX):
            subject.last_t, subject.behind, subject.place = t, 0, place
            return True
        subject.late += 1
        subject.behind += later
        return False

    def _judge(
        self,
        subject: _Subject,
        table: Table,
        t: int,
        values: dict[str, float | None],
        found: list[Assessment],
        notes: list[tuple[int, str, str, str, int, str]],
    ) -> None:
        try:
            analyser = self._analyser(subject, table)
            if analyser is None:
                return
            one = analyser.update(t, values)
        except Exception as error:
            subject.failures += 1
            subject.analyser = subject.asset = None
            if subject.failures == 1:
                log.exception("the analyser of %s/%s failed", subject.site, subject.node)
                what = f"{type(error).__name__}: {error}"
                text = f"The analyser failed and starts again from its last state: {what}"
                notes.append((t, "analyser", "ok", "failed", 1, text[:400]))
            return
        found.append(one)
        if one.level != subject.level:
            # Learning turning to normal is no news; everything else is.
            if {one.level, subject.level} != {"learning", "normal"}:
                text = _TEXTS.get(one.level, one.level)
                if one.drivers and one.level in _SEVERITY:
                    text += ", carried by " + ", ".join(one.drivers[:3])
                notes.append((t, "assessment", subject.level, one.level, _SEVERITY.get(one.level, 0), text))
            subject.level = one.level

    def _analyser(self, subject: _Subject, table: Table) -> Analyser | None:
        """The analyser for the asset of this record. A changed asset name or limit keeps the state, another
        kind of asset begins afresh. None for a kind nobody analyses."""
        about = table.asset
        asset = Asset(
            subject.site, subject.node, about["name"], about["kind"], about["interval"], table.limits()
        )
        if subject.analyser is not None and asset == subject.asset:
            return subject.analyser
        where = self._kinds.get(asset.kind)
        if where is None:
            return None
        if subject.analyser is not None:
            subject.state = json.dumps(subject.analyser.dump())
        if subject.kind != asset.kind:
            subject.kind, subject.state = asset.kind, "{}"
        module, name = where.split(":")
        maker = getattr(importlib.import_module(module), name)
        analyser: Analyser
        try:
            analyser = maker.load(asset, json.loads(subject.state))
        except (KeyError, TypeError, ValueError) as error:
            if subject.state == "{}":
                raise
            # A state of another version would fail for ever: learning again is what is left.
            log.warning(
                "%s/%s is learnt again, its state cannot be used: %s", subject.site, subject.node, error
            )
            subject.state = "{}"
            analyser = maker.load(asset, {})
        subject.analyser, subject.asset = analyser, asset
        return analyser
