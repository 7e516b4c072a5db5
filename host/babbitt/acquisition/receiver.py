"""The connection to the broker: an asyncio client of our own, for receiving is what the host does most.

A message is acknowledged when the ingest has it on disk, not when it arrives. What has come and is not taken yet is
bounded: beyond the mark nothing is read from the socket, the broker's window fills, and the nodes keep what they
have. The connection is made again by itself for ever; the broker keeps the session.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable

import numpy as np

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.batch import Batch, Raw
from babbitt.acquisition.stream import Stream
from babbitt.errors import BrokerError
from babbitt.protocol.messages import Command, Commit, encode
from babbitt_node.mqtt import decoder as codec
from babbitt_node.mqtt.hello import encode_connect, encode_subscribe
from babbitt_node.mqtt.packets import encode_publish

log = logging.getLogger(__name__)

PENDING = 20_000
PENDING_BYTES = 16 * 2**20
BATCH = 4096
LINGER_S = 0.005
BUSY = 4000
"""From so many messages a second on a batch waits a little for more."""
PIECE = 32_768
PAUSE_S = 0.001
KEEPALIVE_S = 30
ANSWER_S = 15.0
RECONNECT_S = (1.0, 10.0)
OUTGOING = 1 << 20
"""Bytes that wait to be sent; beyond it watermarks are dropped, for they are said again."""
# The version level is a wildcard too: another major version is refused by name instead of never being heard.
KINDS = ("birth", "state", "data", "event", "reported", "ack", "wave/+")
TOPICS = tuple(f"babbitt/+/+/+/{kind}" for kind in KINDS)

_ACK = np.dtype([("head", ">u2"), ("id", ">u2")])
_PING = b"\xc0\x00"
_BYE = b"\xe0\x00"


class Receiver:
    """Receives from a broker; ``client_id`` names the session the broker keeps for it.

    A broker that is not there yet is waited for. ``connections`` counts how often there was one, ``listens(forgotten)``
    is called when it has granted the subscriptions; ``forgotten``: it has kept no session, and what was sent meanwhile
    is lost. Raises BrokerError if files for TLS are wrong.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        listens: Callable[[bool], None] = lambda forgotten: None,
    ) -> None:
        self.address = address
        self.listens = listens
        self.connections = 0
        self.trouble = "it has not connected yet"
        self._client_id = client_id
        self._tls = None if address.tls is None else address.tls.context()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="babbitt-receiver", daemon=True)
        self._stop = threading.Event()
        self._there = threading.Event()
        self._lock = threading.Lock()
        self._pending: list[Raw] = []
        self._bytes = 0
        self._link: _Link | None = None
        self._rate = 0.0
        self._count = 0
        self._since = 0.0

    @property
    def listening(self) -> bool:
        """Whether the broker is there and has granted the subscriptions: from now on it keeps what is sent to us."""
        link = self._link
        return link is not None and link.granted

    @property
    def waiting(self) -> int:
        """Messages that have come and are not taken yet."""
        return len(self._pending)

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect; the broker keeps the session and what was not acknowledged."""
        self._stop.set()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._close)
            self._thread.join()

    def take(self, timeout_s: float) -> Batch | None:
        """What has come, None if nothing does in time. At a high rate it waits up to 5 ms for more, as long as more
        is coming: a broker that sends only so much ahead is not kept waiting."""
        if not self._there.wait(timeout_s):
            return None
        if self.busy:
            end, before = time.monotonic() + LINGER_S, -1
            while before < (now := len(self._pending)) < BATCH and time.monotonic() < end:
                before = now
                time.sleep(0.001)
        with self._lock:
            link = self._link
            messages = self._pending[:BATCH]
            del self._pending[:BATCH]
            self._bytes = self._bytes - sum(len(one[1]) for one in messages) if self._pending else 0
            if not self._pending:
                self._there.clear()
            connection = self.connections
        if link is not None and link.paused and self._low():
            self._loop.call_soon_threadsafe(link.resume)
        self._measure(len(messages))
        return Batch(messages, connection)

    def _measure(self, count: int) -> None:
        """Messages a second, over tenths of a second."""
        self._count += count
        now = time.monotonic()
        if now - self._since >= 0.1:
            self._rate, self._count, self._since = self._count / (now - self._since), 0, now

    def ack(self, batch: Batch) -> None:
        """It is on disk: tell the broker, in one piece."""
        ids = [one[2] for one in batch.messages if one[2]]
        acks = np.empty(len(ids), _ACK)
        acks["head"], acks["id"] = 0x4002, ids
        self._send(acks.tobytes(), batch.connection)

    def commit(self, site: str, node: str, commit: Commit) -> None:
        """Publish a watermark; lost without harm if there is no connection."""
        self._publish(f"babbitt/1/{site}/{node}/commit", encode(commit), 0)

    def command(self, site: str, node: str, command: Command) -> None:
        """Publish a command; whoever sends it waits for its ack and sends it again."""
        self._publish(f"babbitt/1/{site}/{node}/cmd", encode(command), 1)

    def _publish(self, topic: str, payload: bytes, qos: int) -> None:
        link = self._link
        if link is None or not link.granted:
            return
        buf = bytearray(len(topic) + len(payload) + 16)
        # Whoever sends a command waits for the node's answer: the broker's PUBACK is not looked at.
        length = encode_publish(buf, topic.encode(), payload, qos, False, False, link.next_id() if qos else 0)
        self._send(bytes(buf[:length]), self.connections, spare=qos == 0)

    def _send(self, data: bytes, connection: int, spare: bool = False) -> None:
        def send() -> None:
            link = self._link
            # Packet ids are the connection's: an old one would acknowledge some other message of a new one.
            if (
                link is not None
                and connection == self.connections
                and not (spare and link.outgoing > OUTGOING)
            ):
                link.write(data)

        if data and not self._stop.is_set():
            self._loop.call_soon_threadsafe(send)

    @property
    def busy(self) -> bool:
        """Whether much is coming."""
        return self._rate > BUSY

    def received(self, messages: list[Raw]) -> bool:
        """Called by the connection: these have come. False: no more for now."""
        with self._lock:
            self._pending += messages
            self._bytes += sum([len(one[1]) for one in messages])
        self._there.set()
        return len(self._pending) < PENDING and self._bytes < PENDING_BYTES

    def _low(self) -> bool:
        return len(self._pending) < PENDING // 2 and self._bytes < PENDING_BYTES // 2

    def _close(self) -> None:
        if self._link is not None:
            self._link.goodbye()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._keep_connected())
        finally:
            self._loop.close()

    async def _keep_connected(self) -> None:
        pause, longest = RECONNECT_S
        said = ""
        while not self._stop.is_set():
            began = time.monotonic()
            why = await self._connection()
            self._link = None
            if self._stop.is_set():
                return
            lasted = time.monotonic() - began
            if lasted > 60:
                pause = RECONNECT_S[0]
            self.trouble = why
            if why != said or lasted > 60:
                log.warning("no connection to the broker %s: %s; trying again and again", self.address, why)
            said = why
            end = time.monotonic() + pause * random.uniform(0.7, 1.3)
            while time.monotonic() < end and not self._stop.is_set():
                await asyncio.sleep(0.1)
            pause = min(longest, pause * 2)

    async def _connection(self) -> str:
        """Be connected as long as it lasts; gives why it does not any more."""
        host, port = self.address.host, self.address.port
        link = _Link(self, self._client_id)
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._loop.create_connection(
                    lambda: link, host, port, ssl=self._tls, server_hostname=host if self._tls else None
                )
                self._link = link
                await link.ready
            log.info("connected to the broker %s", self.address)
            return await link.ended
        except TimeoutError:
            link.abort()
            return f"it does not answer within {ANSWER_S:.0f} s"
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not to be trusted ({error.verify_message}): see the authority file, its name, its dates"
        except ssl.SSLError as error:
            return f"TLS fails ({error.reason or error})"
        except OSError as error:
            return str(error.strerror or error)
        except BrokerError as error:
            link.abort()
            return str(error)

    def connected(self) -> None:
        """Called by the connection: from now on there is one, and packet ids are its own."""
        with self._lock:
            self.connections += 1
            # What is waiting came over another one; the broker sends it again if it is not acknowledged.
            self._pending, self._bytes = [], 0
            self._there.clear()
        self.trouble = ""


class _Link(asyncio.Protocol):
    """One connection, from CONNECT to its end. ``ready``: the subscriptions are granted; ``ended``: why it ended."""

    def __init__(self, receiver: Receiver, client_id: str) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.granted = False
        self.paused = False
        self._forgotten = False
        self._receiver = receiver
        self._client_id = client_id
        self._transport: asyncio.Transport | None = None
        self._stream = Stream()
        self._heard = time.monotonic()
        self._id = 0
        self._beat: asyncio.TimerHandle | None = None

    @property
    def outgoing(self) -> int:
        """Bytes that wait to be sent."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def next_id(self) -> int:
        """A packet id of ours; 1 is that of the subscription."""
        self._id = self._id % 65_000 + 1
        return self._id + 1

    def write(self, data: bytes) -> None:
        """Send, if the connection is there."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def resume(self) -> None:
        """Read again."""
        if self.paused and self._transport is not None:
            self.paused = False
            self._transport.resume_reading()

    def _go_on(self) -> None:
        if not self.paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def goodbye(self) -> None:
        """End it in order."""
        self.write(_BYE)
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there: say who we are."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        address = self._receiver.address
        buf = bytearray(1024)
        length = encode_connect(buf, self._client_id, KEEPALIVE_S, False, address.user, address.password)
        self.write(bytes(buf[:length]))
        self._beat = asyncio.get_running_loop().call_later(KEEPALIVE_S / 2, self._keep_alive)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._heard = time.monotonic()
        messages: list[Raw] = []
        try:
            for packet in self._stream.feed(data, messages):
                self._packet(packet)
        except BrokerError as error:
            self._fail(error)
        if not messages or self._transport is None:
            return
        if not self._receiver.received(messages):
            self.paused = True
            self._transport.pause_reading()
            # The ingest may have taken everything between the two lines.
            if self._receiver.waiting == 0:
                self.resume()
        elif self._receiver.busy and len(data) < PIECE and not self.paused:
            # Much comes in small pieces: a moment's pause makes one of them, which costs as much as each of them does.
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(PAUSE_S, self._go_on)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        if self._beat is not None:
            self._beat.cancel()
        self.granted = False
        why = "it closed the connection" if error is None else str(error)
        if not self.ready.done():
            self.ready.set_exception(BrokerError(f"{why} before it let us in"))
            self.ready.exception()
        if not self.ended.done():
            self.ended.set_result(why)

    def _packet(self, packet: codec.Decoder) -> None:
        if packet.kind == codec.CONNACK:
            if packet.code:
                raise BrokerError(codec.CONNACK_TEXT.get(packet.code, f"it refuses with code {packet.code}"))
            self._forgotten = not packet.session_present
            self._receiver.connected()
            buf = bytearray(512)
            length = encode_subscribe(buf, 1, [(topic, 1) for topic in TOPICS])
            self.write(bytes(buf[:length]))
        elif packet.kind == codec.SUBACK:
            refused = [topic for topic, code in zip(TOPICS, packet.codes, strict=False) if code == 128]
            if refused:
                raise BrokerError(
                    f"it does not allow the host to subscribe to {', '.join(refused)}: see its access rules"
                )
            self.granted = True
            self._receiver.listens(self._forgotten)
            if not self.ready.done():
                self.ready.set_result(None)

    def _fail(self, error: BrokerError) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()
        if not self.ended.done():
            self.ended.set_result(str(error))
        self.abort()

    def _keep_alive(self) -> None:
        if time.monotonic() - self._heard > 1.5 * KEEPALIVE_S and not self.paused:
            self._fail(BrokerError(f"nothing was heard of it for {1.5 * KEEPALIVE_S:.0f} s"))
            return
        self.write(_PING)
        self._beat = asyncio.get_running_loop().call_later(KEEPALIVE_S / 2, self._keep_alive)
