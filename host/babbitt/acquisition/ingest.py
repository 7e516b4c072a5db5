"""The ingest: groups of messages, one durable transaction each, and only then an acknowledgement.

A message that breaks the protocol goes to the store's quarantine and is acknowledged; the others of its group are
not disturbed. When the disk fails nothing is acknowledged and the group is tried again until it works: the broker
and the nodes keep what is not acknowledged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from babbitt.acquisition.apply import Applier, Doubt
from babbitt.acquisition.batch import Cut, Raw, Source
from babbitt.acquisition.commits import Commits
from babbitt.acquisition.known import Known
from babbitt.acquisition.waves import Waves
from babbitt.errors import ProtocolError, StoreError, VersionError
from babbitt.protocol.messages import (
    Ack,
    Birth,
    Commit,
    Data,
    Event,
    Message,
    State,
    Topic,
    check_size,
    decode_at,
    parse_topic,
)
from babbitt.protocol.waves import Chunk
from babbitt.store.writer import StoreWriter

log = logging.getLogger(__name__)

TICK_S = 0.2
BACKOFF_S = (0.2, 5.0)


class Ingest:
    """Takes messages from ``source`` to the store in a thread of its own.

    ``publish(site, node, commit)`` sends a watermark, ``seen(site, born)`` is told of every site a node
    speaks from, and whether the node has just connected. ``store_ok`` is False while the disk fails.
    ``waves`` puts waveforms together. ``passed`` gives the key up to which nobody needs the log any more.
    ``groups`` and ``messages`` count what was committed, ``observe(seconds, messages)`` is told of every commit.
    """

    def __init__(
        self,
        writer: StoreWriter,
        source: Source,
        publish: Callable[[str, str, Commit], None],
        *,
        seen: Callable[[str, bool], None] = lambda site, born: None,
        waves: Waves | None = None,
        simulated: bool = False,
        clock: Callable[[], float] = time.time,
        passed: Callable[[], int] = lambda: 0,
        observe: Callable[[float, int], None] = lambda seconds, messages: None,
    ) -> None:
        self._writer = writer
        self._source = source
        self._seen = seen
        self._clock = clock
        self._applier = Applier(writer, simulated)
        self._commits = Commits(publish)
        self._waves = waves
        self._passed = passed
        self._observe = observe
        self._live: set[tuple[str, str, str]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="babbitt-ingest", daemon=True)
        self.store_ok = True
        self.beat = time.monotonic()
        self.groups = 0
        self.messages = 0
        self.quarantined = 0
        self.committed = threading.Event()
        """Set after every group: new records are there to be analysed."""

    @property
    def stored(self) -> int:
        """Records stored since the start."""
        return self._applier.stored

    @property
    def duplicates(self) -> int:
        """Records that came again since the start."""
        return self._applier.duplicates

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the group in hand, send the last watermarks, and end. What is left at the source stays
        unacknowledged: the broker or the node has it."""
        self._stop.set()
        self._thread.join()

    def store(self, messages: Sequence[Raw]) -> None:
        """Commit one group, as the thread does. Raises StoreError."""
        try:
            try:
                self._transact(messages, fast=True)
            except Doubt:
                self._applier.forget()
                self._transact(messages, fast=False)
        except StoreError:
            raise
        except Exception:
            # A defect of ours: find the message that shows it, so that it does not take the others with it.
            self._applier.forget()
            if len(messages) > 1:
                log.exception("a group could not be stored; its messages are tried one by one")
            self._one_by_one(messages)

    def _run(self) -> None:
        last_tick = 0.0
        while not self._stop.is_set():
            self.beat = time.monotonic()
            batch = self._source.take(TICK_S / 2)
            if batch is not None and self._persist(partial(self.store, batch.messages)):
                self._source.ack(batch)
            now = time.monotonic()
            if now - last_tick >= TICK_S:
                last_tick = now
                self._persist(self._tick)
        self._flush()

    def _persist(self, work: Callable[[], None]) -> bool:
        """Do something with the store; as long as the disk fails, again and again with growing pauses. False if it
        was not done."""
        pause, longest = BACKOFF_S
        while True:
            try:
                work()
            except StoreError as error:
                self._applier.forget()
                self.store_ok = False
                self.beat = time.monotonic()
                log.error("%s; nothing is acknowledged, trying again in %.1f s", error, pause)
                if self._stop.wait(pause):
                    return False
                pause = min(longest, pause * 2)
            except Exception:
                # A defect of ours must not end the thread: nobody would receive any more. What was in hand is not
                # acknowledged, and the node still has it.
                self._applier.forget()
                log.exception("the ingest failed and goes on")
                self._stop.wait(pause)
                return False
            else:
                if not self.store_ok:
                    log.warning("the store can be written again")
                    self.store_ok = True
                return True

    def _one_by_one(self, messages: Sequence[Raw]) -> None:
        for one in messages:
            try:
                self._transact([one], fast=False)
            except StoreError:
                raise
            except Exception:
                self._applier.forget()
                log.exception("a message on %r could not be stored", one[0][:256])
                with self._writer.transaction():
                    self._quarantine(one, "this host failed to store it; see its log")

    def _transact(self, messages: Sequence[Raw], fast: bool) -> None:
        began = time.monotonic()
        applied: list[tuple[Topic, Message]] = []
        with self._writer.transaction():
            self._applier.begin()
            now = int(self._clock() * 1000)
            n = 0
            while n < len(messages):
                if fast and (n := self._applier.run(messages, n, now)) == len(messages):
                    break
                self._apply(messages[n], now, applied)
                n += 1
            self._applier.finish(now)
        self.groups += 1
        self.messages += len(messages)
        for topic, message in applied:
            self._after(topic, message)
        self._look()
        self._observe(time.monotonic() - began, len(messages))
        self.committed.set()

    def _apply(self, one: Raw, now: int, applied: list[tuple[Topic, Message]]) -> None:
        name, payload, _ = one
        topic: Topic | None = None
        try:
            topic = parse_topic(name.decode("utf-8", "backslashreplace"))
            if isinstance(payload, Cut):
                check_size(topic.kind, payload.size)
            message = decode_at(topic, payload)
            self._applier.apply(topic, message, payload, now)
            applied.append((topic, message))
        except ProtocolError as error:
            self._quarantine(one, str(error))
            self._note_version(name, error, now)
            if topic is not None:
                self._applier.refused(topic, payload)

    def _quarantine(self, one: Raw, reason: str) -> None:
        topic = one[0].decode("utf-8", "backslashreplace")
        log.warning("refused a message on %s: %s", topic, reason)
        self.quarantined += 1
        self._writer.quarantine(topic, reason, one[1], int(self._clock() * 1000))

    def _note_version(self, topic: bytes, error: ProtocolError, now: int) -> None:
        """A node that speaks another version is named among the events, once, as long as it is known as
        such."""
        levels = topic.decode("utf-8", "backslashreplace").split("/")
        if not isinstance(error, VersionError) or len(levels) < 5:
            return
        try:
            home = parse_topic("/".join([levels[0], "1", *levels[2:4], "state"]))
        except ProtocolError:
            return
        node_id = self._writer.node(home.site, home.node)
        if not self._writer.state.told(node_id, "version", levels[1][:32]):
            text = f"It speaks protocol version {levels[1][:32]}, this host only 1: update the host"
            self._writer.host_event(node_id, now, "version", "1", levels[1][:32], 1, text)

    def _look(self) -> None:
        """Whom the watermarks are about from now on."""
        self._live |= self._applier.touched
        self._applier.touched.clear()
        for known, boot, last in self._applier.reached:
            self._seen(known.site, False)
            self._commits.received(known.key, boot, last)
        self._applier.reached.clear()

    def _after(self, topic: Topic, message: Message) -> None:
        """What a committed message means for the watermarks."""
        self._seen(topic.site, isinstance(message, Birth))
        if isinstance(message, Birth):
            self._commits.again((topic.site, topic.node, message.i))
        elif isinstance(message, State):
            key = (topic.site, topic.node, message.i)
            self._commits.claimed(key, message.boot, message.sent)
            if message.spool.records:
                self._commits.again(key)
            if self._waves is not None:
                self._waves.state(topic, message)
        elif isinstance(message, Chunk) and self._waves is not None:
            self._waves.chunk(topic, message)
        elif isinstance(message, Ack) and self._waves is not None:
            self._waves.ack(topic, message)
        elif isinstance(message, Data):
            key = (topic.site, topic.node, message.i)
            self._commits.received(key, message.boot, message.seq + len(message.rows) - 1)
        elif isinstance(message, Event):
            self._commits.received((topic.site, topic.node, message.i), message.boot, message.seq)

    def _tick(self) -> None:
        now = time.monotonic()
        over = []
        with self._writer.transaction():
            self._applier.begin()
            self._applier.settle(int(self._clock() * 1000))
            self._look()
            known = {key: self._applier.known(*key) for key in self._live}
            self._applier.overdue(int(self._clock() * 1000))
            if self._applier.stale:
                self._applier.refill_stale()
            if self._applier.lagging:
                self._applier.checkpoint()
            self._tell_waves()
            self._writer.trim(min(self._passed(), self._applier.accounted))
        self._applier.touched.clear()
        for key, one in known.items():
            if self._commits.tick(key, one, now):
                over.append(one)
            elif self._commits.quiet(key, one):
                self._live.discard(key)
        if over:
            with self._writer.transaction():
                self._applier.begin()
                for one in over:
                    self._give_up(one)
                self._applier.finish(int(self._clock() * 1000))
            self._look()

    def _tell_waves(self) -> None:
        """Send what is due to the nodes about their waveforms, and have an event for each that is on disk."""
        if self._waves is None:
            return
        self._waves.tick()
        for view in self._waves.fresh:
            text = f"Waveform {view.id}: {view.samples} samples of {view.sensor} ({view.axes}) are on disk"
            node_id = self._writer.node(view.site, view.node)
            self._writer.host_event(node_id, view.received, "waveform", view.by, view.of, 0, text)
        self._waves.fresh.clear()

    def _give_up(self, known: Known) -> None:
        known = self._applier.known(known.site, known.node, known.install)
        boot, first, last = known.track.give_up()
        when = int(self._clock() * 1000)
        if last is None:
            self._writer.save_boot(known.id, boot, {"end": first, "end_known": 2})
            return
        self._writer.gap(known.id, boot, first, last, "lost")
        text = (
            f"Records {first} to {last} of boot {boot} are missing: the node was asked and does not have them"
        )
        self._writer.host_event(known.node_id, when, "gap", "", "lost", 1, text)

    def _flush(self) -> None:
        """The last watermarks, as far as they are at hand: nothing is lost without them."""
        try:
            with self._writer.transaction():
                self._applier.begin()
                self._applier.settle(int(self._clock() * 1000))
                self._look()
                known = {key: self._applier.known(*key) for key in self._live}
                self._applier.checkpoint()
        except StoreError as error:
            log.error("%s; stopped without the last watermarks", error)
            return
        for key, one in known.items():
            self._commits.flush(key, one, time.monotonic())
