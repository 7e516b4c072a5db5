"""Spool to broker, watermark back: the only owner of the network and of the send cursor.

    publisher = Publisher(node)
    supervisor.add("publisher", publisher.run, 120)

After every connection: birth, state, reported, then the subscriptions, then records while `$host` is online,
at most 256 beyond the watermark. What was handed out and is not covered by a commit is handed out again after
a reconnection, a new host session or a `resend`.

`node` gives: `settings` (node.json), `board`, `clock`, `spool`, `identity`, `quiet` (a lock that is held
while nothing may touch the flash), the coroutine `desired(payload)` and plain `write_birth(out)`,
`write_state(out)`, `write_reported(out)`, `stop()`, `light`; and what `commands.py` asks of it.
"""

import asyncio
import gc

from babbitt_node import clock as clocks
from babbitt_node.errands import Errands
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const
from babbitt_node.mqtt.client import Client
from babbitt_node.mqtt.packets import PUBLISH_HEAD
from babbitt_node.records import Batch
from babbitt_node.segment import EVENT
from babbitt_node.wire import Endless, get_int, get_str, read_object

AHEAD = const(256)
_BIRTH_MAX = const(8192)
_DESIRED_MAX = const(8192)
_OTHER_MAX = const(4096)
_TX = const(
    384
)  # CONNECT with its will (377 at most) and SUBSCRIBE; messages are built in the room of the batches
_LONGEST_S = const(60)
_BEAT_MS = const(60000)  # the longest silence of a publisher that has nothing to do
_CONNECTING = ("hal.dial", "mqtt.hello")  # what only the beginning of a connection needs
_SEALING = ("hal.tls",)  # and what TLS needs as well
_STEADY_MS = const(60000)  # a connection that lasted so long ends the growth of the pauses
_WILL = b'{"online":false}'
_ASLEEP = '{"online":false,"asleep":true,"every":%d}'


class Publisher(Errands):
    """See the module. Attributes: `sent` (boot, seq) of the newest record ever handed out or known from
    before this boot; `refused` downward messages; `host_online`; `state_due`, `reported_due`, `birth_due` ask for a new
    state, reported or birth (with state and reported). `reboot_due`: see `errands.py`.
    """

    def __init__(self, node):
        super().__init__()
        self._node = node
        settings = node.settings
        self._wake = asyncio.Event()
        root = "babbitt/1/%s/" % settings["site"]
        own = root + settings["node"] + "/"
        self._own = own
        self._topics = {
            (own + "commit").encode(): self._on_commit,
            (own + "desired").encode(): self._on_desired,
            (own + "cmd").encode(): self._on_command,
            (root + "$host").encode(): self._on_host,
        }
        broker = settings["broker"]
        self._client = Client(
            broker["host"],
            broker["port"],
            "%s.%s" % (settings["site"], settings["node"]),
            keepalive_s=broker["keepalive_s"],
            user=broker["user"],
            password=broker["password"],
            will=(own + "state", _WILL, 1, True),
            on_message=self._on_message,
            on_end=self.wake,
            tx_size=_TX,
            tls=broker["tls"],
            gate=node.quiet,
        )
        self._tls = broker["tls"] is not None
        self._take_room(_OTHER_MAX)
        self._cursor = node.spool.cursor()
        self._probe = node.spool.cursor()
        self._session = None
        self._desired = None
        self._commit = None
        self._rewind = False
        self._beyond = 0
        self._refused = 0
        self.sent = node.spool.last
        self.host_online = False
        self.state_due = self.birth_due = self.reported_due = False

    @property
    def connected(self):
        """Whether there is a connection to the broker."""
        return self._client.connected

    @property
    def refused(self):
        """Downward messages refused since boot."""
        return self._refused + self._client.refused + self._node.clock.refused

    def idle(self):
        """Whether the broker is there, the host has every record and nothing is to be told."""
        due = self.birth_due or self.state_due or self.reported_due
        asked = self._desired is not None or self._commit is not None
        if due or asked or self._errands() or not self._client.connected or self._node.spool.records:
            return False
        return all(entry[3] >= entry[2] for entry in self._node.waves.kept)

    async def say_offline(self, every_s):
        """Say on `state` that the node sleeps and comes back once in `every_s` seconds; 0: that it is gone, as the will
        would. Raises NodeError.
        """
        if self._client.connected:
            said = (_ASLEEP % every_s).encode() if every_s else _WILL
            await self._client.publish(self._own + "state", said, 1, True)

    def wake(self):
        """There is something to do: a record, a state."""
        self._wake.set()

    def measure(self, write):
        """Bytes of the message that `write(out)` writes. To be called in the publisher's task, between two of its messages.
        Raises NodeError too_large beyond _BIRTH_MAX.
        """
        out = self._out.reset()
        write(out)
        if out.size > _BIRTH_MAX:
            raise NodeError("too_large", "%d bytes, %d are allowed" % (out.size, _BIRTH_MAX))
        return out.size

    def build(self, write):
        """Have `write(out)` write a message; returns (Writer, memoryview in which it lies at PUBLISH_HEAD).

        The room is that of the batches, and grows with the longest birth. Called as `measure`.
        """
        size = self.measure(write)
        if size > self._out.length:
            self._grow(size)
            write(self._out)
        return self._out, self._room

    def _grow(self, size):
        """Make the room larger. It stays: a heap that has been in use for long may have no such piece any more."""
        try:
            self._take_room(size)
        except MemoryError:
            self._take_room(_OTHER_MAX)
            raise

    def _take_room(self, size):
        """The room of all messages, one of them at a time; the one before is given back first."""
        self._room = self._batch = self._out = None
        gc.collect()
        self._room = memoryview(bytearray(PUBLISH_HEAD + size))
        body = self._room[PUBLISH_HEAD:]
        self._batch = Batch(body[:_OTHER_MAX], self._node.identity.install)
        self._out = Endless(body)

    async def run(self, beat):
        """Connect, serve, connect again; for ever. The pause between attempts doubles from 1 s to 60 s, with
        jitter; it begins anew after a connection of a minute.
        """
        pause_s = 1
        failures = 0
        needed = _CONNECTING + _SEALING if self._tls else _CONNECTING
        while True:
            beat()
            begun = self._node.clock.u()
            try:
                await self._join(failures)
                async with self._node.quiet:  # from flash, so not while a window is open
                    port.fetch(*needed)
                await self._client.connect()
                beat()
                begun = self._node.clock.u()
                failures = 0
                await self._serve(beat, needed)
            except NodeError as error:
                print("publisher:", error)
            finally:
                if failures == 0 and self._node.clock.u() - begun > _STEADY_MS:
                    pause_s = 1
                self.host_online = False
                self._node.light.look()
                await self._client.close()
                port.forget(*needed)
            failures += 1
            jitter = port.unique_bytes(1)[0]
            for _ in range(pause_s):
                beat()
                await port.sleep_ms(500 + jitter * 4)
            pause_s = min(_LONGEST_S, pause_s * 2)

    async def _join(self, failures):
        """Join the network anew if it is down, or if it says it is up and yet nothing came through three
        times.
        """
        network = self._node.board.network()
        if failures % 4 == 3:
            network.down()
        if not network.is_up():
            wifi = self._node.settings["wifi"] or {"ssid": None, "password": None}
            await network.up(wifi["ssid"], wifi["password"])
        if self._tls and self._node.clock.t() is None:
            raise NodeError("no_time", "TLS waits for the date; does the time server of `ntp` answer?")

    async def _serve(self, beat, needed):
        self._session = None
        await self._announce(beat)
        await self._client.subscribe(self._own + "commit", 0)
        await self._client.subscribe(self._own + "desired", 1)
        await self._client.subscribe(self._own + "cmd", 1)
        await self._client.subscribe(self._own.rsplit("/", 2)[0] + "/$host", 1)
        port.forget(*needed)
        self._restart()
        while self._client.connected:
            beat()
            self._wake.clear()
            if not await self._step(beat):
                await port.happens(self._wake, _BEAT_MS)
        await self._client.run()

    async def _step(self, beat):
        """Do one thing; False when there is nothing to do."""
        node = self._node
        if self._commit is not None:
            commit, self._commit = self._commit, None
            async with node.quiet:
                self._beyond -= node.spool.commit(commit[0], commit[1])
            if node.spool.watermark >= (self._cursor.boot, self._cursor.seq):
                self._restart()
            return True
        if self.birth_due:  # before the next configuration: rows of this one need their birth
            await self._announce(beat)
            return True
        if self._desired is not None:
            payload, self._desired = self._desired, None
            self.birth_due = await node.desired(payload) or self.birth_due
            await self._publish("reported", node.write_reported)
            return True
        if self.reported_due:
            self.reported_due = False
            await self._publish("reported", node.write_reported)
            return True
        if self.state_due:
            self.state_due = False
            await self._publish("state", node.write_state)
            return True
        if await self._errand():
            return True
        if self._rewind:
            self._restart()
        if not self.host_online:
            return False
        return (self._beyond < AHEAD and await self._send()) or await self._send_wave()

    async def _announce(self, beat):
        self.birth_due = self.state_due = self.reported_due = False
        await self._publish("birth", self._node.write_birth)
        beat()
        await self._publish("state", self._node.write_state)
        await self._publish("reported", self._node.write_reported)
        await self._node.announced()

    async def _publish(self, name, write, retain=True):
        """One message, built in the buffer of the batches, acknowledged by the broker."""
        async with self._node.quiet:
            out, room = self.build(write)
        await self._client.publish(self._own + name, out.view(), 1, retain, room)

    async def _send(self):
        """Hand out the next batch or event. Returns False at the end of the spool."""
        batch = self._batch
        async with self._node.quiet:
            batch.build(self._node.spool, self._cursor, self._probe, AHEAD - self._beyond)
        if not batch.count:
            return False
        self._beyond += batch.count
        # Before the writing: once the first byte has left, the host may have the record.
        self.sent = max(self.sent, batch.last)
        topic = self._own + ("event" if batch.what == EVENT else "data")
        await self._client.send(topic, batch.out.view(), False, self._room)
        return True

    def _restart(self):
        """Start again right behind the watermark."""
        self._rewind = False
        self._cursor = self._node.spool.cursor()
        self._beyond = 0

    # ---- what comes down: called by the client, must neither wait nor raise

    def _on_message(self, topic, payload, retained):
        handler = self._topics.get(bytes(topic))
        try:
            if handler is None:
                raise NodeError("bad_message", "a topic that was not subscribed")
            handler(payload, retained)
        except NodeError as error:
            self._refused += 1
            print("publisher: refused %s: %s" % (bytes(topic).decode(), error))
        self._wake.set()

    def _on_commit(self, payload, retained):
        doc = read_object(payload, _OTHER_MAX)
        if retained:
            raise NodeError("bad_message", "commit: retained, it may be old")
        if get_str(doc, "i", 8) != self._node.identity.install:
            raise NodeError("bad_message", "commit: of another installation")
        key = (get_int(doc, "boot", 0, 0x7FFFFFFF), get_int(doc, "seq", -1, 0x7FFFFFFF))
        newest = self.sent
        for boot, _, last in self._node.spool.discards.ranges:  # the host passes what it was told is gone
            newest = max(newest, (boot, last))
        if key > newest:
            raise NodeError("bad_message", "commit: %r was never sent, the newest is %r" % (key, newest))
        if doc.get("resend", 0) != 0:
            get_int(doc, "resend", 0, 1)
            self._rewind = True
        if self._commit is None or key > self._commit:
            self._commit = key

    def _on_desired(self, payload, retained):
        if len(payload) > _DESIRED_MAX:
            raise NodeError("too_large", "desired: %d bytes, at most %d" % (len(payload), _DESIRED_MAX))
        if len(payload):  # an empty one is how a retained message is removed
            try:
                self._desired = bytes(payload)
            except MemoryError:
                raise NodeError("memory", "desired: %d bytes take more memory than is free" % len(payload))

    def _on_host(self, payload, retained):
        doc = read_object(payload, _OTHER_MAX)
        online = doc.get("online")
        if online is not True:
            if online is not False:
                raise NodeError("bad_message", "$host: online: true or false is expected")
            self._host(False)
            return
        session = get_str(doc, "session", 32)
        t = get_int(doc, "t", 0, 9007199254740991)
        if session != self._session:
            self._session = session
            self._rewind = True
        self._host(True)
        if not retained:
            self._node.clock.offer(t, clocks.HOST)

    def _host(self, online):
        if online and not self.host_online:
            self._rewind = True
        if online != self.host_online:
            self._node.light.look()
        self.host_online = online
