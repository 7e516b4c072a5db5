"""The analysis: committed records in the order they were stored, through the analyser of each node's asset.

It follows the record log. What is found is written at once, the states of the analysers and how far they have come
a little later if they are many: after a crash some records are judged again, from the state of then and with the
same result, which is not written twice. So nothing is skipped and nothing is there twice. An analyser that fails is counted and
named among the events; its node goes on with the next record, the others are not disturbed. Rows whose birth is
still to come wait, and the log is kept from the first of them on.
"""

from __future__ import annotations

import importlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from babbitt.detection.peers import Peers
from babbitt.detection.rechecks import Rechecks
from babbitt.detection.said import Said
from babbitt.errors import StoreError
from babbitt.protocol.assessment import Analyser, Assessment, Asset
from babbitt.settings import RoomPart
from babbitt.store.readings import Reading, Rows, by_install, readings
from babbitt.store.state import State
from babbitt.store.tables import Table
from babbitt.store.writer import SLOT_MS, StoreWriter

log = logging.getLogger(__name__)

KINDS = {
    "machine": "babbitt.prognosis.machine:MachineAnalyser",
    "cold_room": "babbitt.prognosis.coldroom:ColdRoomAnalyser",
}
"""The analyser of each kind of asset, imported when the first such asset is met."""

SLICE = 20_000
PAUSE_S = 0.1
"""So long what is committed may wait to be judged, so that a fleet that trickles in is not judged record by record."""
SAVE_S = 1.0
FEW = 16
"""So many states are saved in a transaction; if there are no more, every FEW_S seconds, else every STATES_S, or after
MANY records."""
FEW_S = 2.0
STATES_S = 120.0
MANY = 500_000
LATE_MAX = 10
WAITING_MAX = 20_000
_NONE = 2**62
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
class _Subject:
    """One node under analysis; the fields are columns of the store's ``analysers``."""

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
    own: bool = False

    def columns(self) -> dict[str, Any]:
        names = ("last_t", "kind", "level", "state", "failures", "late")
        return {name: getattr(self, name) for name in names} | {"place": json.dumps(self.place)}


@dataclass(slots=True)
class _Found:
    """What a slice of records meant for a node; a note is what ``StoreWriter.host_event`` takes."""

    node_id: int
    subject: _Subject
    assessments: list[Assessment] = field(default_factory=list)
    notes: list[tuple[int, str, str, str, int, str]] = field(default_factory=list)


class Pipeline:
    """Analyses in a thread of its own; ``wake`` is set by the ingest when there is something new.

    ``kinds`` maps a kind of asset to ``module:class`` of its analyser; of the assessments of ``slot_ms`` that agree
    one is kept. Who cannot set ``wake`` looks every ``look_s``. ``rooms``: what the settings say of rooms, by ``site/node``.
    """

    def __init__(
        self,
        writer: StoreWriter,
        wake: threading.Event,
        kinds: Mapping[str, str] | None = None,
        slot_ms: int = SLOT_MS,
        look_s: float = 0.5,
        rooms: Mapping[str, RoomPart] | None = None,
    ) -> None:
        self._writer = writer
        self._slot_ms = slot_ms
        self._look_s = look_s
        self._rooms = dict(rooms or {})
        self._wake = wake
        self._hurry = threading.Event()
        self._kinds = dict(KINDS if kinds is None else kinds)
        self._subjects: dict[int, _Subject] = {}
        self._rechecks = Rechecks()
        self._peers = Peers()
        self._said = Said()
        self._waiting: list[Rows] = []
        self._waits = 0
        self._since = _NONE
        self._cursor = -1
        self._kept = -1
        self._unsaved: dict[int, _Subject] = {}
        self._saved_at = float("-inf")
        self._records = 0
        self._relearnt = -1
        self._relearns: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="babbitt-analysis", daemon=True)
        self._passes = self._wanted = 0
        self._passed = threading.Condition()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End after the slice in hand; the next start goes on from there."""
        self._stop.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join()

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that is committed now is judged; False if that takes too long."""
        with self._passed:
            # The pass in hand may have begun before the last commit: the one after it has seen everything.
            enough = self._wanted = self._passes + 2
            self._hurry.set()
            self._wake.set()
            return self._passed.wait_for(lambda: self._passes >= enough, timeout_s)

    def _run(self) -> None:
        state = State.open(self._writer.path)
        try:
            while not self._stop.is_set():
                self._wake.clear()
                began = time.monotonic()
                try:
                    busy = self.step(state)
                except (StoreError, sqlite3.Error) as error:
                    log.error("the analysis waits: %s", error)
                    self._begin_again(state)
                    self._stop.wait(1.0)
                    continue
                except Exception:  # a defect of ours: the thread must not end unheard
                    log.exception("the analysis failed and goes on")
                    self._begin_again(state)
                    self._stop.wait(1.0)
                    continue
                if busy:
                    if time.monotonic() - began < SAVE_S:
                        self._hurry.wait(PAUSE_S)
                    continue
                with self._passed:
                    self._passes += 1
                    self._passed.notify_all()
                    if self._passes >= self._wanted:
                        self._hurry.clear()
                self._wake.wait(self._look_s)
            if self._unsaved:
                self._save()
            self._rechecks.save(self._writer, ending=True)
        except StoreError as error:
            log.error("the analysis could not save where it is, and judges some records again: %s", error)
        finally:
            state.close()

    def _begin_again(self, state: State) -> None:
        """What is in memory may be ahead of the store: read all of it again."""
        self._subjects.clear()
        self._rechecks.forget()
        self._peers.forget()
        self._said.forget()
        self._waiting, self._waits, self._since = [], 0, _NONE
        state.forget()
        self._unsaved.clear()
        self._relearns.clear()
        self._cursor = self._relearnt = -1

    def step(self, state: State) -> bool:
        """Analyse what is in the log, for a second at most, and save; True if there was any work.

        ``state`` is that of the store. Raises StoreError or sqlite3.Error if the disk fails.
        """
        if self._cursor < 0:
            self._cursor = self._kept = state.analysed()
            self._relearnt, self._relearns = state.relearnt()
        for key, node_id, t in state.relearns(self._relearnt):
            self._relearns[node_id] = t
            self._relearnt = key
        for node_id, t in self._said.look(state):
            self._relearns[node_id] = t
        end = time.monotonic() + SAVE_S
        found: dict[int, _Found] = {}
        done = False
        taken = self._records
        while self._slice(state, found):
            done = True
            few, taken = self._records - taken < SLICE // 10, self._records
            if few or time.monotonic() > end or self._stop.is_set():
                break
        self._write([one for one in found.values() if one.assessments or one.notes])
        self._unsaved.update((one.node_id, one.subject) for one in found.values())
        since = time.monotonic() - self._saved_at
        if (
            self._unsaved and since > (FEW_S if len(self._unsaved) <= FEW else STATES_S)
        ) or self._records > MANY:
            self._save()
        return done

    def _slice(self, state: State, found: dict[int, _Found]) -> bool:
        newest, sections = state.scan(self._cursor, SLICE)
        fresh = state.refresh()
        work = by_install(sections)
        if fresh and self._waiting:
            work = [*self._waiting, *work]
            self._waiting, self._waits, self._since = [], 0, _NONE
        if newest == self._cursor and not work:
            return False
        for rows in work:
            self._records += len(rows)
            self._advance(state, rows, found)
        for install_id, one in self._rechecks.take(state, sections):
            before, after = ("differs", "agrees") if one.agrees else ("agrees", "differs")
            notes = self._found(state, install_id, found).notes
            notes.append((one.t, "recheck", before, after, 0 if one.agrees else 1, one.text))
        self._cursor = newest
        return True

    @property
    def passed(self) -> int:
        """The key of the log up to which the analysis needs it no more; -1 before the first step."""
        return self._kept

    def _advance(self, state: State, rows: Rows, found: dict[int, _Found]) -> None:
        current = state.whose(rows.install_id)[3]
        tables = state.meanings(rows.install_id)
        # The installation born last: rows of an earlier one that never said what they mean wait for nothing.
        if len(tables) == 0 and current in (None, rows.install_id):
            if self._waits + len(rows) <= WAITING_MAX:
                self._waiting.append(rows)
                self._waits += len(rows)
                self._since = min(self._since, self._cursor)
            return
        one = self._found(state, rows.install_id, found)
        subject = one.subject
        for reading in readings(rows, tables):
            if reading is not None and self._in_time(subject, reading):
                self._judge(state, subject, reading, one)

    def _found(self, state: State, install_id: int, found: dict[int, _Found]) -> _Found:
        node_id, site, node, _ = state.whose(install_id)
        subject = self._subjects.get(node_id) or self._load(state, node_id, site, node)
        return found.setdefault(node_id, _Found(node_id, subject))

    def _write(self, found: list[_Found]) -> None:
        if not found:
            return
        with self._writer.transaction():
            for one in found:
                for assessment in one.assessments:
                    self._writer.assessment(one.node_id, assessment, self._slot_ms)
                for note in one.notes:
                    self._writer.host_event(one.node_id, *note, once=True)

    def _save(self) -> None:
        """The states, a few at a time so that the ingest never waits long, then how far they have come."""
        subjects = list(self._unsaved.items())
        for first in range(0, len(subjects), FEW):
            some = subjects[first : first + FEW]
            for _, subject in some:
                if subject.analyser is not None:
                    subject.state = json.dumps(subject.analyser.dump())
            with self._writer.transaction():
                for node_id, subject in some:
                    self._writer.analyser(node_id, subject.columns())
        self._rechecks.save(self._writer)
        self._unsaved.clear()
        self._saved_at, self._records = time.monotonic(), 0
        keep = min(self._cursor, self._since)
        if keep != self._kept:
            with self._writer.transaction():
                self._writer.meta("analysed", str(keep))
                self._writer.meta("relearnt", json.dumps([self._relearnt, self._relearns]))
                self._writer.meta("accepted", str(self._said.accepted))
            self._kept = keep

    def _load(self, state: State, node_id: int, site: str, node: str) -> _Subject:
        subject = self._subjects[node_id] = _Subject(site, node)
        for name, value in (state.analyser(node_id) or {}).items():
            setattr(subject, name, value)
        subject.own = subject.level != "learning"
        return subject

    @staticmethod
    def _in_time(subject: _Subject, one: Reading) -> bool:
        """Whether a reading is newer than the last one judged. Late ones are counted and left out. If there
        are many in a row that were taken after it, the node's clock was set back, and time goes on from there."""
        t, place = one.t, (one.install_id, one.boot, one.seq)
        later = place > subject.place
        if t > subject.last_t or (later and subject.behind >= LATE_MAX):
            subject.last_t, subject.behind, subject.place = t, 0, place
            return True
        subject.late += 1
        subject.behind += later
        return False

    def _judge(self, state: State, subject: _Subject, reading: Reading, found: _Found) -> None:
        t = reading.t
        if found.node_id in self._relearns and t > self._relearns[found.node_id]:
            del self._relearns[found.node_id]
            subject.analyser, subject.asset, subject.state, subject.own = None, None, "{}", False
        known = self._known(state, found.node_id, subject, reading)
        try:
            analyser = self._analyser(subject, reading.table, known)
            if analyser is None:
                return
            one = analyser.update(t, reading.values)
        except Exception as error:
            subject.failures += 1
            subject.analyser = subject.asset = None
            if subject.failures == 1:
                log.exception("the analyser of %s/%s failed", subject.site, subject.node)
                what = f"{type(error).__name__}: {error}"
                text = f"The analyser failed and starts again from its last state: {what}"
                found.notes.append((t, "analyser", "ok", "failed", 1, text[:400]))
            return
        found.assessments.append(one)
        subject.own = one.basis == "own"
        if one.level != subject.level:
            # Learning turning to normal is no news; everything else is.
            if {one.level, subject.level} != {"learning", "normal"}:
                texts = _TEXTS | _UNLIKE if one.basis == "sisters" else _TEXTS
                text = texts.get(one.level, one.level)
                if one.drivers and one.level in _SEVERITY:
                    text += ", carried by " + ", ".join(one.drivers[:3])
                if one.basis == "sisters" and one.level in _SEVERITY:
                    text += "; it is not learnt as normal unless someone calls this the new normal"
                found.notes.append(
                    (t, "assessment", subject.level, one.level, _SEVERITY.get(one.level, 0), text)
                )
            subject.level = one.level

    def _known(self, state: State, node_id: int, subject: _Subject, reading: Reading) -> dict[str, Any]:
        """What is known of a machine besides its records: what people said, and its sisters until its own normal state is
        learnt."""
        if reading.table.asset["kind"] != "machine":
            return {}
        tolerance, accepted = self._said.of(node_id, reading.t)
        sisters = None
        if not subject.own and not accepted:
            sisters = self._peers.of(state, node_id, subject.site, reading.table)
        return {"tolerance": tolerance, "accepted": accepted, "sisters": sisters}

    def _analyser(self, subject: _Subject, table: Table, known: Mapping[str, Any]) -> Analyser | None:
        """The analyser for the asset of this record. A changed asset name or limit keeps the state, another
        kind of asset begins afresh. None for a kind nobody analyses."""
        about = table.asset
        asset = Asset(
            subject.site,
            subject.node,
            about["name"],
            about["kind"],
            about["interval"],
            table.limits(),
            self._rooms.get(f"{subject.site}/{subject.node}"),
            **known,
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
