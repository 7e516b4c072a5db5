"""The connection to the broker: paho-mqtt with acknowledgement by hand.

A message is acknowledged when the ingest has it on disk, not when it arrives. The inbox is bounded: when it
is full, the network thread waits, the broker's window fills, and the nodes keep what they have.
"""

from __future__ import annotations

import logging
import queue
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from babbitt.acquisition.batch import Batch, Raw
from babbitt.errors import BrokerError
from babbitt.protocol.messages import Command, Commit, encode

log = logging.getLogger(__name__)

INBOX = 2000
KEEPALIVE_S = 30
RECONNECT_S = (1, 10)
# The version level is a wildcard too: another major version is refused by name instead of never being heard.
KINDS = ("birth", "state", "data", "event", "reported", "ack", "wave/+")
TOPICS = tuple(f"babbitt/+/+/+/{kind}" for kind in KINDS)


class Receiver:
    """Receives from a broker into ``inbox``; ``client_id`` names the session the broker keeps for it.

    ``start`` raises BrokerError if the address makes no sense; a broker that is not there yet is waited for.
    """

    def __init__(self, host: str, port: int, client_id: str) -> None:
        self.host = host
        self.port = port
        self._inbox: queue.Queue[tuple[Raw, int]] = queue.Queue(INBOX)
        self._connection = 0
        self._granted = False
        self._stop = threading.Event()
        self._client = make_client(client_id, clean=False)
        self._client.manual_ack_set(True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    @property
    def listening(self) -> bool:
        """Whether the broker is there and has granted the subscriptions: from now on it keeps what is sent to us."""
        return self._granted and self._client.is_connected()

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        connect(self._client, self.host, self.port)

    def stop(self) -> None:
        """Disconnect; the broker keeps the session and what was not acknowledged."""
        self._stop.set()
        self._client.disconnect()
        self._client.loop_stop()

    def commit(self, site: str, node: str, commit: Commit) -> None:
        """Publish a watermark; lost without harm if there is no connection."""
        if self._client.is_connected():
            self._client.publish(f"babbitt/1/{site}/{node}/commit", encode(commit), qos=0)

    def command(self, site: str, node: str, command: Command) -> None:
        """Publish a command; whoever sends it waits for its ack and sends it again."""
        if self._client.is_connected():
            self._client.publish(f"babbitt/1/{site}/{node}/cmd", encode(command), qos=1)

    def _on_connect(
        self,
        client: mqtt.Client,
        data: object,
        flags: mqtt.ConnectFlags,
        code: ReasonCode,
        props: Properties | None,
    ) -> None:
        if code.is_failure:
            log.error("the broker %s:%d refuses the host: %s", self.host, self.port, code)
            return
        self._connection += 1
        client.subscribe([(topic, 1) for topic in TOPICS])
        log.info("connected to the broker %s:%d", self.host, self.port)

    def _on_subscribe(self, *_: object) -> None:
        self._granted = True

    def _on_disconnect(
        self,
        client: mqtt.Client,
        data: object,
        flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        props: Properties | None,
    ) -> None:
        self._granted = False
        if not self._stop.is_set():
            log.warning("lost the broker %s:%d (%s), connecting again", self.host, self.port, code)

    def _on_message(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        raw = message.topic.encode(), bytes(message.payload), message.mid if message.qos else 0
        while not self._stop.is_set():
            try:
                self._inbox.put((raw, self._connection), timeout=0.5)
            except queue.Full:
                continue
            return

    def take(self, timeout_s: float) -> Batch | None:
        """What has come, None if nothing does in time."""
        try:
            first, connection = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return None
        messages = [first]
        while len(messages) < 256 and not self._inbox.empty():
            raw, of = self._inbox.get_nowait()
            messages.append(raw if of == connection else (raw[0], raw[1], 0))
        return Batch(messages, connection)

    def ack(self, batch: Batch) -> None:
        """They are on disk."""
        for _, _, mid in batch.messages:
            # Packet ids are the connection's: an old one would acknowledge some other message of a new one.
            if mid and batch.connection == self._connection:
                self._client.ack(mid, 1)


def make_client(client_id: str, *, clean: bool) -> mqtt.Client:
    """A paho client as all of the host's are: MQTT 3.1.1, reconnecting by itself with growing pauses."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean)
    client.reconnect_delay_set(*RECONNECT_S)
    return client


def connect(client: mqtt.Client, host: str, port: int) -> None:
    """Connect a client in the background. Raises BrokerError if the address makes no sense."""
    try:
        client.connect_async(host, port, KEEPALIVE_S)
    except ValueError as error:
        raise BrokerError(f"{host}:{port} is no address of a broker: {error}") from error
    if client.loop_start() != MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise BrokerError("the network thread does not start")
