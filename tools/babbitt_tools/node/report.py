"""Whether a node reports: its birth on the broker that its node.json names, as seen from this PC."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import paho.mqtt.client as mqtt

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.client import make_client
from babbitt.errors import BrokerError

CONNECT_S = 3.0


class Watch:
    """Listens to a node's births from now on. `reachable` says whether this PC gets to the broker at all.

    Args:
        document: node.json.
        address: the broker as this PC reaches it; None: the node's own address, without a login.
    """

    def __init__(self, document: Mapping[str, Any], address: BrokerAddress | None = None) -> None:
        broker = document["broker"]
        self.address = address or BrokerAddress(broker["host"], broker.get("port") or 1883)
        self.topic = f"babbitt/1/{document['site']}/{document['node']}/birth"
        self._heard = threading.Event()
        self._client = make_client(self.address, f"babbitt-watch-{time.monotonic_ns()}", clean=True)
        self._client.on_message = self._message
        self.reachable = self._connect()

    def _connect(self) -> bool:
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_connect = lambda client, *_: client.subscribe(self.topic, 1)
        try:
            self._client.connect(self.address.host, self.address.port, 30)
        except (OSError, ValueError, BrokerError):
            return False
        self._client.loop_start()
        return ready.wait(CONNECT_S)

    def _message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        if not message.retain:
            self._heard.set()

    def reported(self, timeout_s: float) -> bool:
        """Wait for a birth."""
        return self._heard.wait(timeout_s)

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()
