"""One small MQTT 3.1.1 client for asyncio, on MicroPython and CPython.

    def on_message(topic, payload, retained):      # plain function; payload is valid only until it returns
        print(topic, bytes(payload), retained)

    client = Client("192.168.1.2", 1883, "press-7", keepalive_s=30, on_message=on_message,
                    will=("babbitt/1/hall/press-7/state", b'{"online":false}', 1, True))
    while True:                                    # the client never reconnects by itself
        try:
            session_present = await client.connect()
            await client.subscribe("babbitt/1/hall/press-7/desired")
            await client.publish("babbitt/1/hall/press-7/birth", birth, retain=True)   # returns after PUBACK
            await client.send("babbitt/1/hall/press-7/data", row)      # returns once it is on its way
            await client.drain()                                       # every send() is acknowledged
            await client.run()                     # waits for the end of the connection, which it raises
        except NodeError as error:
            print(error)
        finally:
            await client.close()
        await port.sleep_ms(back_off_ms)

`connect()` starts a reading task and a watching task of its own: nothing else has to run for `publish`,
`subscribe` or `drain` to get their answers, and `run()` may be awaited in another task or not at all.
All calls may be made from several tasks of one event loop. `on_message` must not block and cannot await; an
exception it raises ends the connection and comes out of `run()` unchanged.

What only the beginning of a connection needs is imported then (`hal.dial`, `mqtt.hello`); the owner may have it
forgotten afterwards. The client keeps no copy of a message: what was not acknowledged when a connection ended is the caller's to
send again (the spool does). The watching task is the one place where time is kept: an answer that is overdue,
a write that does not get through, or silence for 1.5 x keepalive ends the connection with an error that every
waiting call raises.

Errors (NodeError names): `network_down` the broker cannot be reached; `timeout` it did not answer the
connection; `broker_refused` CONNACK or SUBACK says no (the detail gives the code); `broker_lost` the
connection ended, was closed, or there is none; `bad_message` the broker broke the protocol; `too_large` the
packet does not fit into the buffer (nothing was sent, the connection stays).
"""

import asyncio

from ..errors import NodeError
from ..hal.compile import const
from ..hal.port import sleep_ms, ticks_diff, ticks_ms
from .decoder import CONNACK, CONNACK_TEXT, PINGRESP, PUBACK, PUBLISH, SUBACK, TOO_LARGE
from .inflight import InFlight
from .link import Link
from .packets import encode_disconnect, encode_puback, encode_publish

_BUFFER = const(8448)  # 8.25 KiB: the largest payload of the protocol (8,192) with topic and header
_GOODBYE_MS = const(1000)


class Client(Link):
    """An MQTT client with one window of messages in flight and fixed buffers.

    host, port: the broker. client_id: str, 1..23 characters are portable. keepalive_s: 1..65535 seconds.
    user, password: str or None. will: (topic, payload, qos, retain) or None.
    on_message: function(topic: bytes, payload: memoryview, retained: bool) or None. on_end: function() that is
    called when a connection ends, or None; it must neither block nor raise.
    window: largest number of QoS 1 messages in flight. tx_size: bytes of the buffer, taken here once, for packets
    that bring no room of their own. rx_size: bytes of the largest packet that is accepted. answer_ms: longest
    wait for the TCP connection, the TLS handshake, a CONNACK, a SUBACK or a PUBACK. tls: None, or the files of
    `hal.tls.secure`. gate: asyncio.Lock held by what cannot be divided while connecting (a name being resolved, a step of
    the handshake), or None.

    Attributes to read: `connected` bool; `in_flight` messages without PUBACK; `refused` packets from the
    broker that were larger than rx_size and thrown away, since construction.
    """

    def __init__(
        self,
        host,
        port,
        client_id,
        keepalive_s=30,
        user=None,
        password=None,
        will=None,
        on_message=None,
        on_end=None,
        window=8,
        tx_size=_BUFFER,
        rx_size=_BUFFER,
        answer_ms=20000,
        tls=None,
        gate=None,
    ):
        if not 1 <= keepalive_s <= 65535 or not 1 <= window <= 1024:
            raise NodeError("range", "keepalive_s %d or window %d" % (keepalive_s, window))
        keepalive_ms = keepalive_s * 1000
        super().__init__(keepalive_ms, min(keepalive_ms, answer_ms), tx_size, rx_size)
        self._host = host
        self._port = port
        self._hello = (client_id, keepalive_s, False, user, password, will)
        self._answer_ms = answer_ms
        self._tls = tls
        self._gate = gate or asyncio.Lock()
        self._on_message = on_message
        self._on_end = on_end
        self.refused = 0
        self._window = InFlight(window)
        self._ask_lock = asyncio.Lock()  # one CONNECT or SUBSCRIBE at a time
        self._asked = 0  # the packet type that must answer it, 0 for none
        self._asked_id = 0
        self._asked_at = 0
        self._answer = asyncio.Event()
        self._session_present = False
        self._granted = 0

    @property
    def in_flight(self):
        """QoS 1 messages without PUBACK."""
        return self._window.count

    # -- what the owner calls --------------------------------------------------------------------------

    async def connect(self):
        """Connect and return whether the broker kept our session (True: subscriptions are still there).

        Asks for a lasting session (clean session 0). Raises NodeError network_down, timeout, broker_refused,
        broker_lost, bad_message, tls_error; `internal` when there is a connection already.
        """
        if self._conn is not None:
            raise NodeError("internal", "connect() on a connected client: close() it first")
        from ..hal.dial import open_tcp
        from . import hello

        size = hello.encode_connect(self._tx, *self._hello)
        conn = await open_tcp(self._host, self._port, self._answer_ms, self._gate)
        if self._tls is not None:
            from ..hal.tls import secure

            first = self._tx[:size]
            conn = await secure(conn, self._tls, self._host, first, self._answer_ms, self._gate)
            size = 0  # the handshake took it along
        self._window.reset()
        self._begin(conn)
        done = False
        try:
            async with self._ask_lock:
                await self._ask(conn, CONNACK, 0, lambda: size)
            done = True
        finally:
            if not done:
                self._end(conn, NodeError("broker_lost", "connecting was interrupted"))
        return self._session_present

    async def publish(self, topic, payload, qos=1, retain=False, room=None):
        """Publish and return after the PUBACK (QoS 1) or once it is written (QoS 0).

        topic: str or bytes. payload: bytes, bytearray or memoryview; copied, so it may change after the call.
        room: memoryview to build the packet in instead of the client's own buffer. The payload may lie in it
        from `packets.PUBLISH_HEAD` on: then a large message takes one buffer, not two.
        Raises NodeError broker_lost (send it again later), too_large, bad_message (an invalid topic or QoS).
        """
        conn = self._live()
        if qos == 1:
            packet_id = await self._start(conn, topic, payload, retain, room)
            while self._conn is conn and self._window.slot_of(packet_id) >= 0:
                await self._window.change()
            if self._conn is not conn:
                raise self._gone()
        elif qos == 0:
            async with self._tx_lock:
                room = room or self._tx
                await self._write(conn, encode_publish(room, topic, payload, 0, retain), room)
            await sleep_ms(0)  # a loop of these must not keep the reader from its work
        else:
            raise NodeError("bad_message", "QoS %d: the node speaks 0 and 1" % qos)

    async def send(self, topic, payload, retain=False, room=None):
        """Publish at QoS 1 and return as soon as it is written; waits only for a place in the window.

        Arguments and errors as in `publish`. Whether it arrived is known after `drain()`.
        """
        await self._start(self._live(), topic, payload, retain, room)

    async def drain(self):
        """Wait until every message has its PUBACK. Raises NodeError broker_lost if the connection ends first."""
        conn = self._live()
        while self._window.count and self._conn is conn:
            await self._window.change()
        if self._conn is not conn:
            raise self._gone()

    async def subscribe(self, topic, qos=1):
        """Subscribe one filter and wait for the SUBACK; returns the granted QoS.

        Raises NodeError broker_refused, broker_lost, too_large, bad_message (an invalid filter or QoS).
        """
        if qos not in (0, 1):
            raise NodeError("bad_message", "QoS %d: the node speaks 0 and 1" % qos)
        from . import hello

        async with self._ask_lock:
            conn = self._live()
            packet_id = self._window.next_id(0)
            filters = ((topic, qos),)
            await self._ask(
                conn, SUBACK, packet_id, lambda: hello.encode_subscribe(self._tx, packet_id, filters)
            )
            granted = self._granted
        if granted == 128:
            raise NodeError("broker_refused", "subscription to %s" % topic)
        return granted

    async def run(self):
        """Wait for the end of the connection and raise what ended it.

        Raises NodeError (broker_lost after close() as well), or the exception of on_message.
        """
        await self._ended.wait()
        if isinstance(self._error, NodeError):
            raise self._gone()
        raise self._error

    async def close(self):
        """Say DISCONNECT (so that no will is sent) and close. Harmless without a connection; raises nothing."""
        conn = self._conn
        if conn is None:
            return
        try:
            if self.connected and not self._tx_lock.locked():
                async with self._tx_lock:
                    await conn.write(self._tx[: encode_disconnect(self._tx)], _GOODBYE_MS)
        except NodeError:
            pass  # it is gone already; there is nobody left to say goodbye to
        finally:
            self._end(conn, NodeError("broker_lost", "closed by the node"))

    # -- sending ---------------------------------------------------------------------------------------

    async def _start(self, conn, topic, payload, retain, room):
        """Take a place in the window and write a QoS 1 message; returns its packet id."""
        window = self._window
        slot = window.slot_of(0)
        while slot < 0:
            await window.change()
            if self._conn is not conn:
                raise self._gone()
            slot = window.slot_of(0)
        packet_id = window.next_id(self._asked_id)
        window.take(slot, packet_id)
        written = False
        try:
            async with self._tx_lock:
                room = room or self._tx
                size = encode_publish(room, topic, payload, 1, retain, False, packet_id)
                window.written(slot)
                written = True  # from here on only a PUBACK or the end of the connection frees the place
                await self._write(conn, size, room)
        finally:
            if not written and self._conn is conn:
                window.free(slot)
        return packet_id

    async def _ask(self, conn, kind, packet_id, encode):
        """Write what `encode()` puts into _tx and wait for its answer; the watching task limits the wait."""
        async with self._tx_lock:
            size = encode()
            self._asked = kind
            self._asked_id = packet_id
            self._asked_at = ticks_ms()
            self._answer.clear()
            try:
                await self._write(conn, size, self._tx)
            except NodeError:
                self._asked = 0
                raise
        await self._answer.wait()
        if self._conn is not conn:
            raise self._gone()

    # -- what Link asks for ----------------------------------------------------------------------------

    def _take(self, conn, kind):
        """Act on one packet."""
        packet = self._decoder
        if kind == CONNACK or not self.connected:
            if kind != CONNACK or self.connected:
                raise NodeError("bad_message", "packet type %d instead of one CONNACK" % packet.kind)
            if packet.code:
                why = "code %d: %s" % (packet.code, CONNACK_TEXT[packet.code])
                raise NodeError("broker_refused", why)
            self._session_present = packet.session_present
            self.connected = True
            self._asked = 0
            self._answer.set()
        elif kind == PUBACK:
            slot = self._window.slot_of(packet.packet_id)
            if slot >= 0:  # a PUBACK for nothing in flight does no harm
                self._window.free(slot)
        elif kind == PUBLISH or (kind == TOO_LARGE and packet.kind == PUBLISH):
            if packet.qos == 2:
                raise NodeError("bad_message", "a QoS 2 message; only 0 and 1 were asked for")
            if kind == TOO_LARGE:
                self.refused += 1
            elif self._on_message is not None:
                self._on_message(packet.topic, packet.payload, packet.retain)
            if packet.packet_id:
                self._control_len = encode_puback(self._control, packet.packet_id, self._control_len)
        elif kind == SUBACK:
            if self._asked == SUBACK and self._asked_id == packet.packet_id:
                self._granted = packet.codes[0]
                self._asked = 0
                self._answer.set()
        elif kind != PINGRESP:
            raise NodeError("bad_message", "packet type %d was not asked for" % packet.kind)

    def _overdue(self, now):
        """An error for an answer that did not come in time, or None."""
        if self._asked and ticks_diff(now, self._asked_at) > self._answer_ms:
            if self._asked == CONNACK:
                return NodeError("timeout", "no CONNACK for %d ms" % self._answer_ms)
            return NodeError("broker_lost", "no SUBACK for %d ms" % self._answer_ms)
        if self._window.longest(now) > self._answer_ms:
            return NodeError("broker_lost", "no PUBACK for %d ms" % self._answer_ms)
        return None

    def _patience(self, now):
        """Milliseconds until an answer can be overdue; for none that is awaited as long as one would take."""
        age = max(0, self._window.longest(now))
        if self._asked:
            age = max(age, ticks_diff(now, self._asked_at))
        return self._answer_ms - age

    def _wake(self):
        """Let everybody look at the connection that ended."""
        self._asked = 0
        self._window.wake()
        self._answer.set()
        if self._on_end is not None:
            self._on_end()
