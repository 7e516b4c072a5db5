"""Bringing messages into the store: what each kind of message means.

Everything here happens inside the transaction of a group of messages. Records are collected for the one blob of
the group; what follows from them is written at checkpoints (:mod:`babbitt.store.recovery` makes good what a crash
left between). If the transaction fails, ``forget`` drops what is remembered, and it is read from the store again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from babbitt.acquisition.batch import Raw
from babbitt.acquisition.clockwatch import ClockWatch
from babbitt.acquisition.known import Known, load, save
from babbitt.acquisition.lane import Lane, Lanes
from babbitt.acquisition.links import Links
from babbitt.acquisition.waves import OWN as OWN_COMMANDS
from babbitt.errors import ProtocolError, StoreError
from babbitt.protocol.limits import CHANNELS_MAX, PAYLOAD, ROWS_MAX, SEQ_MAX
from babbitt.protocol.messages import Ack, Birth, Data, Event, Message, Reported, State, Topic, Will
from babbitt.protocol.waves import Chunk
from babbitt.store import log
from babbitt.store.timebase import SIMULATED, Timebase
from babbitt.store.writer import StoreWriter

KNOWN_MAX = 16_384
"""So many installations are remembered; then all are forgotten and read again as needed."""
CHECKPOINT_S = 1.0
FEW = 32
"""So few installations with something new are written with every group, more of them at checkpoints only."""


class Doubt(Exception):
    """A message of the fast lane breaks a rule: the group must go the long way."""


class Identity(msgspec.Struct):
    """The least that tells which records a refused message held."""

    i: str
    boot: int
    seq: int
    rows: list[msgspec.Raw] = []


_IDENTITY = msgspec.json.Decoder(Identity)


class Applier:
    """Applies the messages of a group; ``finish`` puts their records into the log, before the commit.

    ``touched`` are the installations a group was about. ``simulated`` says whether simulated time is accepted.
    """

    def __init__(
        self, writer: StoreWriter, simulated: bool, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._writer = writer
        self._simulated = simulated
        self._ticks = ticks
        self._links = Links(writer)
        self._steady = ticks()  # read together with the host's clock, however long a group then takes
        self._clocks = ClockWatch(writer, lambda: self._steady)
        self._lanes = Lanes()
        self._known: dict[tuple[str, str, str], Known] = {}
        self._packed: dict[int, list[bytes]] = {}
        self._unsaved: dict[tuple[str, str, str], Known] = {}
        self._stale: set[tuple[tuple[str, str, str], int]] = set()
        self._node_ids: dict[tuple[str, str], int] = {}
        self._heard: dict[int, int] = {}
        self._latest: dict[int, int] = {}
        self._saved_at = float("-inf")
        self._log_id = 0
        self.accounted = 0
        """The key of the log up to which everything is accounted for in the store: what is beyond must stay in the log."""
        self._recovered = False
        self.touched: set[tuple[str, str, str]] = set()
        self.reached: list[tuple[Known, int, int]] = []
        """Installation, boot and last number of what the fast lane took, since somebody looked."""
        self.stored = 0
        self.duplicates = 0

    def begin(self) -> None:
        """The transaction of a group begins."""
        if not self._recovered:
            try:
                self._writer.recover()
            except (ValueError, LookupError) as error:  # a defect, and no fault of the messages in hand
                raise StoreError(f"the record log cannot be accounted for: {error}") from error
            self._recovered = True
        self._steady = self._ticks()

    def known(self, site: str, node: str, install: str) -> Known:
        """What is remembered of an installation. Inside a transaction."""
        key = (site, node, install)
        if key not in self._known:
            self._known[key] = load(self._writer, site, node, install)
        self.touched.add(key)
        return self._known[key]

    def forget(self) -> None:
        """Drop all that is remembered: the transaction was rolled back."""
        self._recovered = False
        self._log_id = 0  # that of a blob that was rolled back will be another one's
        self._links.forget()
        self._clocks.forget()
        self._lanes.clear()
        for remembered in (
            self._known, self._packed, self._unsaved, self._stale, self._node_ids, self._heard, self._latest,
            self.touched, self.reached,
        ):  # fmt: skip
            remembered.clear()

    def run(self, messages: Sequence[Raw], start: int, now: int) -> int:
        """Take messages from ``start`` on that are beyond doubt; gives the number of the first that is not."""
        return self._lanes.run(messages, start, now)

    def apply(self, topic: Topic, message: Message, raw: bytes, now: int) -> None:
        """Store one message; ``now`` is the host's time in ms. Raises ProtocolError if it contradicts a
        birth."""
        node_id = self._node_id(topic)
        if isinstance(message, Birth):
            self._settle(topic)
            self._lanes.close(_data_topic(topic))
            self._birth(self.known(topic.site, topic.node, message.i), message, raw, now)
        elif isinstance(message, Data):
            self._settle(topic)
            known = self.known(topic.site, topic.node, message.i)
            self._data(known, message, now)
            self._expect(topic, known, message)
        elif isinstance(message, Event):
            self._settle(topic)
            known = self.known(topic.site, topic.node, message.i)
            self._event(known, message, now)
        elif isinstance(message, State):
            self._state(topic, node_id, message, raw, now)
        elif isinstance(message, Will):
            if message.asleep:
                self._links.sleeps(node_id, message.every or 1, now)
            else:
                self._links.heard(node_id, "offline", now)
        elif isinstance(message, Reported):
            self._writer.reported(node_id, message, now)
        elif isinstance(message, Ack):
            self._ack(node_id, message, now)
        elif isinstance(message, Chunk):
            pass  # waveforms are files, see acquisition.waves
        else:
            raise ProtocolError("this kind of message comes from the host, not from a node", "topic")
        self._heard[node_id] = now

    def overdue(self, now: int) -> None:
        """Nodes that did not come back from their sleep are lost. Inside a transaction."""
        self._links.overdue(now)

    def refused(self, topic: Topic, payload: bytes) -> None:
        """A refused message held records that the node must not send for ever: account for them as
        refused."""
        if topic.kind not in ("data", "event") or len(payload) > 16 * PAYLOAD:
            return
        try:
            said = _IDENTITY.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        count = len(said.rows) if topic.kind == "data" else 1
        sound = 1 <= said.boot <= SEQ_MAX and said.seq >= 0 and said.seq + count - 1 <= SEQ_MAX
        if not sound or not 1 <= count <= 8 * ROWS_MAX or len(said.i) != 8:
            return
        known = self._known.get((topic.site, topic.node, said.i))
        if known is None and not self._writer.state.knows(topic.site, topic.node, said.i):
            return
        self._settle(topic)
        known = self.known(topic.site, topic.node, said.i)
        last = said.seq + count - 1
        self._writer.gap(known.id, said.boot, said.seq, last, "refused")
        self._writer.boot(known.id, said.boot)
        known.track.covered(said.boot, said.seq, last)

    def finish(self, now: int) -> None:
        """Put the records of the group into the log. What follows from them is accounted for and written at once if it
        is little, and else once a second. Inside the transaction, at its end. Raises Doubt."""
        sections = self._lanes.sections(now)
        if sections is None:
            raise Doubt
        sections += [(width, b"".join(some)) for width, some in self._packed.items() if some]
        self._packed.clear()
        if sections:
            self._log_id, count = self._writer.log(sections)
            self.stored += count
        self._note()
        ticks = self._ticks()
        busy = len(self._unsaved) + len(self._lanes.touched) > FEW
        if not busy or ticks - self._saved_at >= CHECKPOINT_S:
            self.settle(now)
            self._checkpoint(ticks)

    def settle(self, now: int) -> None:
        """Account for all that was taken. Inside a transaction, as it may have to read. ``now`` in ms."""
        for lane in self._lanes.touched:
            self._settle_lane(lane)
            lane.first = -1
            self._heard[lane.known.node_id] = now
            self._later(lane.known.node_id, lane.t)
            self.reached.append((lane.known, lane.boot, lane.next - 1))
        self._lanes.touched.clear()
        self._note()

    def _note(self) -> None:
        """Whoever was touched has something to be saved."""
        for key in self.touched:
            known = self._unsaved[key] = self._known[key]
            known.track.advance()

    def checkpoint(self) -> None:
        """Write all that is remembered only. Inside a transaction."""
        if self._unsaved or self._heard:
            self._checkpoint(self._ticks())

    @property
    def lagging(self) -> bool:
        """Whether there is something to write at the next checkpoint, and its time has come."""
        return bool(self._unsaved or self._heard) and self._ticks() - self._saved_at >= CHECKPOINT_S

    def _checkpoint(self, ticks: float) -> None:
        for known in self._unsaved.values():
            save(self._writer, known)
        self._unsaved.clear()
        for node_id, now in self._heard.items():
            self._writer.set("nodes", node_id, heard=now)
        self._heard.clear()
        for node_id, t in self._latest.items():
            self._writer.latest(node_id, t)
        self._latest.clear()
        self._saved_at = ticks
        if self._log_id:
            self._writer.meta("checkpoint", str(self._log_id))
            self.accounted = self._log_id
        if len(self._known) > KNOWN_MAX:
            self._lanes.clear()
            self._known.clear()
            self._stale.clear()

    def refill_stale(self) -> None:
        """Fill in times of events again where a better bound was found; not with every message, for it touches many
        rows."""
        for key, boot in self._stale:
            if (known := self._known.get(key)) is not None and (base := known.boots.get(boot)) is not None:
                base.stale = False
                if base.ref_u is None:
                    self._writer.refill(known.id, boot, *base.refill())
        self._stale.clear()

    @property
    def stale(self) -> bool:
        """Whether ``refill_stale`` has anything to do."""
        return bool(self._stale)

    # the fast lane

    def _settle(self, topic: Topic) -> None:
        """What the fast lane took of this node in this group comes before what is done now."""
        lane = self._lanes.get(_data_topic(topic))
        if lane is not None and lane.first >= 0:
            self._settle_lane(lane)

    def _settle_lane(self, lane: Lane) -> None:
        if lane.first < lane.next:
            lane.known.keep(lane.boot, lane.first, lane.next - 1)
            lane.first = lane.next
            self.touched.add(lane.known.key)

    def _expect(self, topic: Topic, known: Known, data: Data) -> None:
        """What the node's next data message will be like, if this one was sound."""
        name = _data_topic(topic)
        base = known.timebase(self._writer, data.boot)
        last = data.seq + len(data.rows) - 1
        if (
            base.ref_u is None
            or not 0 < data.q <= base.ref_q
            or data.q == SIMULATED
            or base.recv is None
            or known.stored[data.boot].top != last
        ):
            self._lanes.close(name)
            return
        if (lane := self._lanes.get(name)) is not None and lane.known is known and lane.boot == data.boot:
            width, first = lane.length, lane.first
            if width == len(data.rows[0]) and lane.q == data.q:
                lane.next, lane.floor = last + 1, base.recv - 1000
                if first >= 0:
                    lane.first = lane.next
                return
        if lane is not None and lane.first >= 0:
            self._lanes.touched.remove(lane)
        length = len(data.rows[0])
        out = self._lanes.packed.setdefault(length - 3, [])
        self._lanes.open(name, Lane(known, data.boot, last + 1, data.q, length, base.recv - 1000, out))

    # the kinds of message

    def _node_id(self, topic: Topic) -> int:
        key = (topic.site, topic.node)
        if key not in self._node_ids:
            self._node_ids[key] = self._writer.node(*key)
        return self._node_ids[key]

    def _ack(self, node_id: int, ack: Ack, now: int) -> None:
        """What a node says to a command stands among the events; the host's own are between the two of them."""
        if ack.id.startswith(OWN_COMMANDS):
            return
        what = f"{ack.cmd or 'a command'} ({ack.id})"
        said = {
            "taken": f"The node has begun: {what}",
            "done": f"The node has done: {what}" + (f", waveform {ack.wave}" if ack.wave else ""),
            "refused": f"The node refused: {what}: {ack.error}: {ack.reason}",
            "failed": f"The node could not do: {what}: {ack.error}: {ack.reason}",
        }[ack.state]
        severity = 1 if ack.state in ("refused", "failed") else 0
        self._writer.host_event(node_id, now, "command", ack.cmd, ack.state, severity, said)

    def _state(self, topic: Topic, node_id: int, state: State, raw: bytes, now: int) -> None:
        self._writer.set("nodes", node_id, state=raw.decode())
        self._links.heard(node_id, "online" if state.online else "offline", now)
        self._settle(topic)
        known = self.known(topic.site, topic.node, state.i)
        self._writer.set("installs", known.id, discards=state.discarded.rows + state.discarded.events)
        self._discards(known, state.discards)
        self._clocks.look(node_id, known.id, state, now)
        # Records from before the clock was set may be on their way: now their times can be told.
        base = known.timebase(self._writer, state.boot)
        fault = base.fault(state.t, state.q, now, self._simulated)
        if state.t is not None and state.q > 0 and fault is None and base.learn(state.u, state.t, state.q):
            self._writer.refill(known.id, state.boot, *base.refill())

    def _birth(self, known: Known, birth: Birth, raw: bytes, now: int) -> None:
        writer, track = self._writer, known.track
        before = writer.state.current(known.node_id)
        if before not in (None, known.id):
            text = (
                "A new installation: its flash was erased or the board was changed; earlier records are kept"
            )
            writer.host_event(known.node_id, now, "installation", "", birth.i, 0, text)
        if track.need is None:
            oldest = birth.oldest
            writer.save_boot(known.id, oldest.boot, {"first": oldest.seq})
        writer.boot(known.id, birth.boot)
        track.begins(birth.oldest.boot, birth.oldest.seq)
        track.newest = max(track.newest, birth.boot)
        need = track.need or (1, 0)
        if birth.prev is not None:
            # Only a boot this store has to do with; those before are not its business.
            ends = (
                [(birth.prev.boot, birth.prev.next, int(birth.prev.clean))]
                if birth.prev.boot >= need[0]
                else []
            )
            skipped = (
                range(max(birth.prev.boot + 1, need[0]), birth.boot) if birth.boot - need[0] < 1000 else ()
            )
            ends += [(boot, 0, 1) for boot in skipped]
            for boot, end, clean in ends:
                writer.save_boot(known.id, boot, {"end": end, "end_known": 1, "clean": clean})
                track.ended(boot, end)
            writer.ended(known.id, birth.prev.boot, birth.prev.next, birth.prev.clean)
        self._discards(known, birth.discards)
        writer.birth(known.node_id, known.id, birth, raw)
        known.tables = writer.state.tables(known.id)

    def _discards(self, known: Known, discards: Sequence[tuple[int, int, int]]) -> None:
        for boot, first, last in discards:
            self._writer.gap(known.id, boot, first, last, "discarded")
            self._writer.boot(known.id, boot)
            known.track.covered(boot, first, last)

    def _data(self, known: Known, data: Data, now: int) -> None:
        announced = known.tables.announced(data.boot)
        width = len(data.rows[0]) - 3
        if announced and width not in announced:
            said = " or ".join(str(n) for n in sorted(announced))
            raise ProtocolError(f"{width} values, the birth announced {said} channels", "rows[0]")
        if width > CHANNELS_MAX:
            raise ProtocolError(f"{width} values, {CHANNELS_MAX} are allowed", "rows[0]")
        base = known.timebase(self._writer, data.boot)
        self._received(known, base, data.boot, data.rows[-1][0] or 0, now)
        pack, packed = log.packer(width), self._packed.setdefault(width, [])
        stored = known.on_disk(self._writer, data.boot)
        for seq, row in enumerate(data.rows, data.seq):
            if seq in stored:
                self._duplicate(known, data.boot)
                continue
            u = row[0] or 0
            t, tq, err = self._time(known, base, data.boot, u, row[1], data.q, now)
            values = [log.NULL if value is None else value for value in row[3:]]
            packed.append(pack(known.id, data.boot, seq, log.ROW, tq, err, u, t, row[2], *values))
            known.keep(data.boot, seq, seq)
            self._later(known.node_id, t)

    def _event(self, known: Known, event: Event, now: int) -> None:
        base = known.timebase(self._writer, event.boot)
        self._received(known, base, event.boot, event.u, now)
        t, tq, err = self._time(known, base, event.boot, event.u, event.t, event.q, now)
        if event.seq in known.on_disk(self._writer, event.boot):
            self._duplicate(known, event.boot)
            return
        self._packed.setdefault(0, []).append(
            log.packer(0)(known.id, event.boot, event.seq, log.EVENT, tq, err, event.u, t, 0)
        )
        known.keep(event.boot, event.seq, event.seq)
        self._later(known.node_id, t)
        unit, exp = known.tables.channel(event.boot, event.seq, event.ch)
        self._writer.event(known.node_id, known.id, t, tq, err, event, unit, exp)
        name = f"babbitt/1/{known.site}/{known.node}/data".encode()
        lane = self._lanes.get(name)
        if lane is not None and lane.boot == event.boot and lane.next == event.seq and lane.known is known:
            lane.next += 1
            if lane.first >= 0:
                lane.first = lane.next

    def _duplicate(self, known: Known, boot: int) -> None:
        known.twice[boot] = known.twice.get(boot, 0) + 1
        self.duplicates += 1

    def _later(self, node_id: int, t: int) -> None:
        if t > self._latest.get(node_id, 0):
            self._latest[node_id] = t

    # time

    def _received(self, known: Known, base: Timebase, boot: int, u: int, now: int) -> None:
        base.received(u, now)
        if base.stale:
            self._stale.add((known.key, boot))

    def _time(
        self, known: Known, base: Timebase, boot: int, u: int, t: int | None, q: int, now: int
    ) -> tuple[int, int, int]:
        """(t, where it is from, error bound in ms or -1) of a record."""
        fault = base.fault(t, q, now, self._simulated)
        if fault is None and t is not None and q > 0:
            if base.learn(u, t, q):
                self._writer.refill(known.id, boot, *base.refill())
            return t, log.OWN, -1
        if fault is not None and not base.clock_bad:
            base.clock_bad, base.changed = 1, True
            text = (
                f"The time of this node is not believed: {fault}; its records are kept, their times filled in"
            )
            self._writer.host_event(known.node_id, now, "clock", "ok", "bad", 1, text)
        filled, tq, err = base.fill(u)
        return filled, tq, -1 if err is None else min(err, 2**31 - 1)


def _data_topic(topic: Topic) -> bytes:
    return f"babbitt/1/{topic.site}/{topic.node}/data".encode()
