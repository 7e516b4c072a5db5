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
from typing import Any

from babbitt.detection.peers import Peers
from babbitt.detection.points import shaft_speed
from babbitt.detection.rechecks import Rechecks
from babbitt.detection.said import Said
from babbitt.errors import StoreError
from babbitt.prognosis.spans import Spans
from babbitt.protocol.assessment import Analyser, Asset, Others, Point
from babbitt.settings import MachinePart, RoomPart
from babbitt.store.readings import Reading, Rows, by_install, readings
from babbitt.store.state import State
from babbitt.store.tables import Table
from babbitt.store.writer import SLOT_MS, StoreWriter
from babbitt.subject import Found, Subject, changed, failed

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
WAITING_MAX = 20_000
_NONE = 2**62


class Pipeline:
    """Analyses in a thread of its own; ``wake`` is set by the ingest when there is something new.

    ``kinds`` maps a kind of asset to ``module:class`` of its analyser; of the assessments of ``slot_ms`` that agree
    one is kept. Who cannot set ``wake`` looks every ``look_s``. ``rooms``, ``machines``: what the settings say
    of them, by ``site/node``.
    """

    def __init__(
        self,
        writer: StoreWriter,
        wake: threading.Event,
        kinds: Mapping[str, str] | None = None,
        slot_ms: int = SLOT_MS,
        look_s: float = 0.5,
        rooms: Mapping[str, RoomPart] | None = None,
        machines: Mapping[str, MachinePart] | None = None,
    ) -> None:
        self._writer = writer
        self._slot_ms = slot_ms
        self._look_s = look_s
        self._rooms = dict(rooms or {})
        self._lives = {
            name: Others(part.since_ms, tuple(part.lives_h))
            for name, part in (machines or {}).items()
            if part.lives_h
        }
        self._wake = wake
        self._hurry = threading.Event()
        self._kinds = dict(KINDS if kinds is None else kinds)
        self._subjects: dict[int, Subject] = {}
        self._rechecks = Rechecks()
        self._peers = Peers()
        self._said = Said()
        self._spans = Spans(writer.path)
        self._waiting: list[Rows] = []
        self._waits = 0
        self._since = _NONE
        self._kept_waiting: set[int] = set()
        self._cursor = self._ahead = -1
        self._kept = -1
        self._unsaved: dict[int, Subject] = {}
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
            self._spans.close()
            state.close()

    def _begin_again(self, state: State) -> None:
        """What is in memory may be ahead of the store: read all of it again."""
        self._subjects.clear()
        self._rechecks.forget()
        self._peers.forget()
        self._said.forget()
        self._waiting, self._waits, self._since = [], 0, _NONE
        self._kept_waiting.clear()
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
            self._ahead = state.judged()
            self._relearnt, self._relearns = state.relearnt()
        for key, node_id, t in state.relearns(self._relearnt):
            self._relearns[node_id] = t
            self._relearnt = key
        for node_id, t in self._said.look(state):
            self._relearns[node_id] = t
        self._spans.look(state.newest_turn())
        end = time.monotonic() + SAVE_S
        found: dict[int, Found] = {}
        done = False
        taken = self._records
        while self._slice(state, found):
            done = True
            few, taken = self._records - taken < SLICE // 10, self._records
            if (few and self._cursor >= self._ahead) or time.monotonic() > end or self._stop.is_set():
                break
        self._write([one for one in found.values() if one.assessments or one.late or one.notes])
        self._unsaved.update((one.node_id, one.subject) for one in found.values())
        since = time.monotonic() - self._saved_at
        if (
            self._unsaved and since > (FEW_S if len(self._unsaved) <= FEW else STATES_S)
        ) or self._records > MANY:
            self._save()
        return done

    def _slice(self, state: State, found: dict[int, Found]) -> bool:
        # What may have been judged before a crash is read blob by blob: each node knows up to which.
        newest, sections = state.scan(self._cursor, 1 if self._cursor < self._ahead else SLICE)
        fresh = state.refresh()
        work = by_install(sections)
        if fresh and self._waiting:
            work = [*self._waiting, *work]
            self._waiting, self._waits, self._since = [], 0, _NONE
            self._kept_waiting.clear()
        if newest == self._cursor and not work:
            return False
        for rows in work:
            self._records += len(rows)
            self._advance(state, rows, found, newest)
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

    def _advance(self, state: State, rows: Rows, found: dict[int, Found], newest: int) -> None:
        current = state.whose(rows.install_id)[3]
        tables = state.meanings(rows.install_id)
        # The installation born last: rows of an earlier one that never said what they mean wait for nothing.
        if len(tables) == 0 and current in (None, rows.install_id):
            if self._waits + len(rows) <= WAITING_MAX:
                self._waiting.append(rows)
                self._waits += len(rows)
                self._since = min(self._since, self._cursor)
                self._kept_waiting.add(state.whose(rows.install_id)[0])
            return
        one = self._found(state, rows.install_id, found)
        subject = one.subject
        if newest <= subject.upto:
            return  # before a crash its state was saved with these
        for reading in readings(rows, tables):
            if reading is None:
                continue
            if subject.in_time(reading):
                self._judge(state, subject, reading, one)
            elif reading.t != subject.last_t and reading.table.asset["kind"] == subject.kind:
                if subject.analyser is None:
                    self._analyser(subject, reading.table, {})
                one.late += subject.judge_late(reading, one.notes)

    def _found(self, state: State, install_id: int, found: dict[int, Found]) -> Found:
        node_id, site, node, _ = state.whose(install_id)
        subject = self._subjects.get(node_id) or self._load(state, node_id, site, node)
        return found.setdefault(node_id, Found(node_id, subject))

    def _write(self, found: list[Found]) -> None:
        if not found:
            return
        with self._writer.transaction():
            for one in found:
                for assessment in one.assessments:
                    self._writer.assessment(one.node_id, assessment, self._slot_ms)
                for assessment in one.late:
                    self._writer.assessment(one.node_id, assessment, self._slot_ms, late=True)
                for note in one.notes:
                    self._writer.host_event(one.node_id, *note, once=True)

    def _save(self) -> None:
        """The states, a few at a time so that the ingest never waits long, then how far they have come."""
        subjects = list(self._unsaved.items())
        for first in range(0, len(subjects), FEW):
            some = subjects[first : first + FEW]
            for key, subject in some:
                if subject.analyser is not None:
                    subject.state = json.dumps(subject.analyser.dump())
                # What waits for its birth was not judged.
                subject.upto = self._since if key in self._kept_waiting else self._cursor
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

    def _load(self, state: State, node_id: int, site: str, node: str) -> Subject:
        subject = self._subjects[node_id] = Subject(site, node)
        subject.restore(state.analyser(node_id) or {})
        return subject

    def _judge(self, state: State, subject: Subject, reading: Reading, found: Found) -> None:
        t = reading.t
        if found.node_id in self._relearns and t > self._relearns[found.node_id]:
            del self._relearns[found.node_id]
            subject.analyser, subject.asset, subject.state, subject.own = None, None, "{}", False
        known = self._known(state, found.node_id, subject, reading)
        try:
            analyser = self._analyser(subject, reading.table, known)
            if analyser is None:
                return
            one = analyser.update(t, reading.values, reading.recipe)
        except Exception as error:
            subject.failures += 1
            subject.analyser = subject.asset = None
            if subject.failures == 1:
                log.exception("the analyser of %s/%s failed", subject.site, subject.node)
                found.notes.append((t, "analyser", "ok", "failed", 1, failed(error)))
            return
        found.assessments.append(one)
        subject.own = one.basis == "own"
        if (news := changed(subject.level, one)) is not None:
            found.notes.append((t, "assessment", *news))
        subject.level = one.level

    def _known(self, state: State, node_id: int, subject: Subject, reading: Reading) -> dict[str, Any]:
        """What is known besides records: what people said, and of a machine its sisters until its own normal state is
        learnt."""
        tolerance, accepted = self._said.of(node_id, reading.t)
        if reading.table.asset["kind"] != "machine":
            return {"tolerance": tolerance}
        sisters = None
        if not subject.own and not accepted:
            at = Point(reading.recipe, shaft_speed(reading.values))
            sisters = self._peers.of(state, node_id, subject.site, reading.table, at)
        others = self._lives.get(f"{subject.site}/{subject.node}") or self._spans.of(
            subject.site, subject.node
        )
        return {"tolerance": tolerance, "accepted": accepted, "sisters": sisters, "others": others}

    def _analyser(self, subject: Subject, table: Table, known: Mapping[str, Any]) -> Analyser | None:
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
