"""Bringing one decoded message into the store: what each kind of message means.

Everything here happens inside the transaction of a group of messages. If that fails, ``forget`` drops what is
remembered, and it is read from the store again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from babbitt.acquisition.known import Known, load, save
from babbitt.acquisition.timebase import Timebase
from babbitt.acquisition.waves import OWN
from babbitt.errors import ProtocolError
from babbitt.protocol.limits import CHANNELS_MAX, PAYLOAD, ROWS_MAX, SEQ_MAX
from babbitt.protocol.messages import Ack, Birth, Data, Event, Message, Reported, State, Topic, Will
from babbitt.protocol.waves import Chunk
from babbitt.store.tables import Tables
from babbitt.store.writer import StoreWriter

AWAITED = 3
"""So many times its announced pause a node that sleeps is waited for."""

KNOWN_MAX = 4096
"""So many installations are remembered; then all are forgotten and read again as needed."""


class Identity(msgspec.Struct):
    """The least that tells which records a refused message held."""

    i: str
    boot: int
    seq: int
    rows: list[msgspec.Raw] = []


_IDENTITY = msgspec.json.Decoder(Identity)
_encode = msgspec.json.Encoder().encode


class Applier:
    """Applies messages one by one; ``finish`` saves what they changed in memory, before the commit.

    ``touched`` are the installations a group was about. ``simulated`` says whether simulated time is
    accepted.
    """

    def __init__(self, writer: StoreWriter, simulated: bool) -> None:
        self._writer = writer
        self._simulated = simulated
        self._known: dict[tuple[str, str, str], Known] = {}
        self._links: dict[int, str] = {}
        self._due: dict[int, int] | None = None  # of nodes that sleep; None: to be read from the store
        self._dirty: set[tuple[int, int]] = set()
        self._node_ids: dict[tuple[str, str], int] = {}
        self._heard: dict[int, int] = {}
        self.touched: set[tuple[str, str, str]] = set()

    def known(self, site: str, node: str, install: str) -> Known:
        """What is remembered of an installation. Inside a transaction."""
        key = (site, node, install)
        if key not in self._known:
            self._known[key] = load(self._writer, site, node, install)
        self.touched.add(key)
        return self._known[key]

    def forget(self) -> None:
        """Drop all that is remembered: the transaction was rolled back."""
        self._known.clear()
        self._links.clear()
        self._due = None
        self._dirty.clear()
        self._node_ids.clear()
        self._heard.clear()
        self.touched.clear()

    def apply(self, topic: Topic, message: Message, raw: bytes, now: int) -> None:
        """Store one message; ``now`` is the host's time in ms. Raises ProtocolError if it contradicts a
        birth."""
        node_id = self._node_id(topic)
        if isinstance(message, Birth):
            self._birth(self.known(topic.site, topic.node, message.i), message, raw, now)
        elif isinstance(message, Data):
            self._data(self.known(topic.site, topic.node, message.i), message, now)
        elif isinstance(message, Event):
            self._event(self.known(topic.site, topic.node, message.i), message, now)
        elif isinstance(message, State):
            self._writer.set("nodes", node_id, state=raw.decode())
            self._presence(node_id, "online" if message.online else "offline", now)
            known = self.known(topic.site, topic.node, message.i)
            total = message.discarded.rows + message.discarded.events
            self._writer.set("installs", known.id, discards=total)
            self._discards(known, message.discards)
        elif isinstance(message, Will):
            if message.asleep:
                self._sleeps(node_id, message.every or 1, now)
            else:
                self._presence(node_id, "offline", now)
        elif isinstance(message, Reported):
            self._writer.reported(node_id, message, now)
        elif isinstance(message, Ack):
            self._ack(node_id, message, now)
        elif isinstance(message, Chunk):
            pass  # waveforms are files, see acquisition.waves
        else:
            raise ProtocolError("this kind of message comes from the host, not from a node", "topic")
        self._heard[node_id] = now

    def _ack(self, node_id: int, ack: Ack, now: int) -> None:
        """What a node says to a command stands among the events; the host's own are between the two of them."""
        if ack.id.startswith(OWN):
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

    def _presence(self, node_id: int, link: str, now: int) -> None:
        """A node says that it is there (`online`), that it sleeps (`asleep`), or the broker that it is gone
        (`offline`). Going and coming back are events; the first time it is heard by this host is not, and its sleep is
        not."""
        before = self._links.get(node_id)
        self._links[node_id] = link
        self._writer.set("nodes", node_id, online=int(link == "online"))
        if link != "asleep" and self._sleepers(now).pop(node_id, None) is not None:
            self._writer.set("nodes", node_id, sleeps=None)
        if before is None or "offline" not in (before, link) or before == link:
            return
        gone = link == "offline"
        text = (
            "The node does not answer any more: power, Wi-Fi, or the broker" if gone else "The node is back"
        )
        self._writer.host_event(node_id, now, "online", before, link, int(gone), text)

    def _sleeps(self, node_id: int, every: int, now: int) -> None:
        """A node sleeps and comes back once in ``every`` seconds; it is waited for three times as long. What the
        broker kept is heard again after every break: it says nothing new before the node has been awake."""
        if self._links.get(node_id, "online") != "online":
            return
        self._presence(node_id, "asleep", now)
        self._sleepers(now)[node_id] = now + AWAITED * every * 1000
        self._writer.set("nodes", node_id, sleeps=every)

    def _sleepers(self, now: int) -> dict[int, int]:
        """Until when (ms) the host waits for the nodes that sleep; a host that starts waits anew."""
        if self._due is None:
            rows = self._writer.conn.execute("SELECT id, sleeps FROM nodes WHERE sleeps IS NOT NULL")
            self._due = {node_id: now + AWAITED * every * 1000 for node_id, every in rows.fetchall()}
        return self._due

    def overdue(self, now: int) -> None:
        """Nodes that did not come back from their sleep are lost. Inside a transaction."""
        for node_id in [key for key, due in self._sleepers(now).items() if due < now]:
            self._links[node_id] = "asleep"
            self._presence(node_id, "offline", now)

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
        if known is None:
            row = self._writer.conn.execute(
                "SELECT 1 FROM installs i JOIN nodes n ON n.id=i.node_id WHERE site=? AND node=? AND"
                " install=?",
                (topic.site, topic.node, said.i),
            ).fetchone()
            if row is None:
                return
            known = self.known(topic.site, topic.node, said.i)
        self.touched.add((topic.site, topic.node, said.i))
        last = said.seq + count - 1
        self._writer.gap(known.id, said.boot, said.seq, last, "refused")
        self._writer.boot(known.id, said.boot)
        known.track.covered(said.boot, said.seq, last)

    def finish(self) -> None:
        """Save what the messages changed. Inside the transaction, at its end."""
        for key in self.touched:
            save(self._writer, self._known[key])
        self._writer.dirty(self._dirty)
        self._dirty.clear()
        for node_id, now in self._heard.items():
            self._writer.set("nodes", node_id, heard=now)
        self._heard.clear()
        if len(self._known) > KNOWN_MAX:
            self._known.clear()

    def refill_stale(self) -> None:
        """Fill in times again where a better bound was found; not with every message, for it touches many
        rows."""
        for known in self._known.values():
            for boot, base in known.boots.items():
                if base.stale and base.ref_u is None:
                    base.stale = False
                    self._writer.refill(known.node_id, known.id, boot, *base.refill())

    @property
    def stale(self) -> bool:
        """Whether ``refill_stale`` has anything to do."""
        return any(
            b.stale and b.ref_u is None for known in self._known.values() for b in known.boots.values()
        )

    def _node_id(self, topic: Topic) -> int:
        key = (topic.site, topic.node)
        if key not in self._node_ids:
            self._node_ids[key] = self._writer.node(*key)
        return self._node_ids[key]

    def _birth(self, known: Known, birth: Birth, raw: bytes, now: int) -> None:
        writer, track = self._writer, known.track
        before = writer.conn.execute("SELECT install_id FROM nodes WHERE id=?", (known.node_id,)).fetchone()[
            0
        ]
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
            writer.conn.execute(
                "UPDATE boots SET clean=?, end=?, end_known=1 WHERE install_id=? AND boot=?",
                (birth.prev.clean, birth.prev.next, known.id, birth.prev.boot),
            )
        self._discards(known, birth.discards)
        writer.birth(known.node_id, known.id, birth, raw)
        known.tables = Tables(writer.conn, known.id)

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
        base.received(data.rows[-1][0] or 0, now)
        times = [(row[0] or 0, row[1]) for row in data.rows]
        for n, (row, (u, t)) in enumerate(zip(data.rows, times, strict=True)):
            when, tq, err = self._time(known, base, data.boot, u, t, data.q, now)
            body = _encode(row[3:]).decode()
            done = self._writer.record((known.id, data.boot, data.seq + n, 0, u, when, tq, err, row[2], body))
            if self._count(known, data.boot, done):
                self._dirty.add((known.node_id, when // 60_000))
        known.track.covered(data.boot, data.seq, data.seq + len(data.rows) - 1)

    def _event(self, known: Known, event: Event, now: int) -> None:
        base = known.timebase(self._writer, event.boot)
        base.received(event.u, now)
        when, tq, err = self._time(known, base, event.boot, event.u, event.t, event.q, now)
        done = self._writer.record((known.id, event.boot, event.seq, 1, event.u, when, tq, err, None, None))
        known.track.covered(event.boot, event.seq, event.seq)
        if self._count(known, event.boot, done):
            unit, exp = known.tables.channel(event.boot, event.seq, event.ch)
            self._writer.event(known.node_id, done, when, event, unit, exp)

    def _count(self, known: Known, boot: int, done: int) -> bool:
        known.counts.setdefault(boot, [0, 0])[0 if done else 1] += 1
        return bool(done)

    def _time(
        self, known: Known, base: Timebase, boot: int, u: int, t: int | None, q: int, now: int
    ) -> tuple[int, int, int | None]:
        fault = base.fault(t, q, now, self._simulated)
        if fault is None and t is not None and q > 0:
            if base.learn(u, t, q):
                self._writer.refill(known.node_id, known.id, boot, *base.refill())
            return t, 0, None
        if fault is not None and not base.clock_bad:
            base.clock_bad, base.changed = 1, True
            text = (
                f"The time of this node is not believed: {fault}; its records are kept, their times filled in"
            )
            self._writer.host_event(known.node_id, now, "clock", "ok", "bad", 1, text)
        return base.fill(u)
