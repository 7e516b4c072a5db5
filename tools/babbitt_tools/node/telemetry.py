"""What a node publishes, decoded as it comes, and drawn as a line of a terminal."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt

from babbitt.acquisition.address import BrokerAddress
from babbitt.acquisition.client import connect, make_client
from babbitt.errors import ProtocolError
from babbitt.protocol.messages import Birth, Data, Event, State, decode_at, parse_topic

KEPT = 60
BARS = "▁▂▃▄▅▆▇█"


@dataclass(slots=True)
class Series:
    """The newest values of a channel, in its unit."""

    id: str
    unit: str
    exp: int
    values: deque[float | None] = field(default_factory=lambda: deque(maxlen=KEPT))

    def line(self, width: int = KEPT) -> str:
        """The newest `width` (at least 1) values as bars from the least to the greatest; a gap where there was none."""
        shown = list(self.values)[-width:]
        there = [v for v in shown if v is not None]
        if not there:
            return ""
        low, span = min(there), max(there) - min(there)
        return "".join(" " if v is None else BARS[round((v - low) / span * 7) if span else 3] for v in shown)


class Telemetry:
    """Follows one node, or the first that says its birth.

    `series` by channel once a birth was heard; `said` are lines about events and states. Call `take` in a loop.
    """

    def __init__(self, address: BrokerAddress, site: str | None, node: str | None) -> None:
        self.series: dict[str, Series] = {}
        self.name: str | None = f"{site}/{node}" if site and node else None
        self.rows = 0
        self.age = 0.0
        self._queue: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._client = make_client(address, f"babbitt-monitor-{time.monotonic_ns()}", clean=True)
        topic = f"babbitt/1/{site or '+'}/{node or '+'}/"
        wanted = [(topic + kind, 1) for kind in ("birth", "data", "event", "state")]
        self._client.on_connect = lambda client, *_: client.subscribe(wanted)
        self._client.on_message = self._message
        connect(self._client, address)

    def _message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._queue.put((message.topic, bytes(message.payload)))

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def take(
        self, timeout_s: float, row: Callable[[dict[str, Any]], None], words: Callable[[str], None]
    ) -> bool:
        """Take one message: rows as {channel: value}, everything else as a sentence. False: there was none."""
        try:
            topic, payload = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return False
        try:
            place = parse_topic(topic)
            message = decode_at(place, payload)
        except ProtocolError as error:
            words(f"{topic}: {error}")
            return True
        name = f"{place.site}/{place.node}"
        if self.name is None and isinstance(message, Birth):
            self.name = name
        if name != self.name:
            return True
        if isinstance(message, Birth):
            self.series = {c.id: Series(c.id, c.unit, c.exp) for c in message.channels}
            words(
                f"birth: {message.asset.name}, Babbitt {message.fw} on {message.board}, boot {message.boot} ({message.reset})"
            )
        elif isinstance(message, Data):
            self._rows(message, row)
        elif isinstance(message, Event):
            words(f"event: {message.check} {message.came_from} -> {message.to}")
        elif isinstance(message, State):
            words(
                f"state: rssi {message.rssi}, {message.spool.records} records wait, up {message.u // 1000} s"
            )
        return True

    def _rows(self, message: Data, row: Callable[[dict[str, Any]], None]) -> None:
        for u, t, recipe, *values in message.rows:
            if len(values) != len(self.series):
                continue  # of a configuration whose birth was not heard
            self.rows += 1
            now: dict[str, Any] = {"t": t, "u": u, "recipe": recipe}
            for series, value in zip(self.series.values(), values, strict=True):
                series.values.append(None if value is None else value * 10.0**series.exp)
                now[series.id] = series.values[-1]
            row(now)
