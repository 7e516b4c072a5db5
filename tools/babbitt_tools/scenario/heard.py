"""What nodes and host say to each other, heard at the broker: who is there, what was told, how far the host has stored."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.client import connect, make_client

EVENTS_MAX = 1000


@dataclass(slots=True)
class Told:
    """Of one node: its last `state`, how many births of each boot (more than one: it connected again), its events as on the wire, the
    watermark (boot, seq) up to which the host has everything, and every fault of a sensor it has told of."""

    state: dict[str, Any] = field(default_factory=dict)
    births: Counter[int] = field(default_factory=Counter)
    events: list[dict[str, Any]] = field(default_factory=list)
    stored: tuple[int, int] = (0, -1)
    faults: set[str] = field(default_factory=set)

    @property
    def online(self) -> bool:
        """Whether it is connected."""
        return self.state.get("online") is True

    @property
    def reconnects(self) -> int:
        """How often it came back to the broker within a boot."""
        return sum(count - 1 for count in self.births.values())

    @property
    def discarded(self) -> int:
        """Records it had to throw away."""
        gone = self.state.get("discarded") or {}
        return int(gone.get("rows", 0)) + int(gone.get("events", 0))


class Hearer:
    """Listens to all nodes of a site. Thread-safe for reading."""

    def __init__(self, address: BrokerAddress, site: str) -> None:
        self.nodes: dict[str, Told] = {}
        self.listening = threading.Event()
        self._site = site
        self._client = make_client(address, "", clean=True)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self.listening.set()
        self._client.on_message = self._take
        connect(self._client, address)

    def of(self, node: str) -> Told:
        """What is known of a node."""
        return self.nodes.setdefault(node, Told())

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(f"babbitt/1/{self._site}/+/+", 1)

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        parts = message.topic.split("/")
        if len(parts) != 5 or parts[4] not in ("state", "birth", "event", "commit"):
            return
        try:
            said = json.loads(message.payload)
        except ValueError:  # the host puts such a one into quarantine
            return
        if isinstance(said, dict) and not (message.retain and parts[4] == "birth"):
            self._note(self.of(parts[3]), parts[4], said)

    @staticmethod
    def _note(told: Told, kind: str, said: dict[str, Any]) -> None:
        if kind == "state":
            # A will says nothing but that the node is gone.
            told.state = said if "i" in said else told.state | {"online": said.get("online")}
            told.faults |= set((said.get("faults") or {}).values())
        elif kind == "birth":
            told.births[said.get("boot", 0)] += 1
        elif kind == "commit":
            told.stored = max(told.stored, (said.get("boot", 0), said.get("seq", -1)))
        elif len(told.events) < EVENTS_MAX:
            told.events.append(said)
            if str(said.get("check", "")).startswith("sensor.") and said.get("to") != "ok":
                told.faults.add(str(said.get("to")))
