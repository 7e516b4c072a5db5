"""A node as docs/protocol.md describes it, on paho-mqtt: keeps every record until the watermark covers it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt

INSTALL = "9f3a01bc"
AHEAD = 256


def birth(**changes: Any) -> dict[str, Any]:
    """A birth with three channels; ``changes`` replace fields."""
    return {
        "i": INSTALL, "fw": "0.1.0", "board": "virtual", "boot": 1, "reset": "power_on", "prev": None,
        "oldest": {"boot": 1, "seq": 0}, "discards": [], "q": 3,
        "asset": {"name": "Pump 7", "kind": "machine"}, "interval": 1,
        "channels": [
            {"id": "vib.x.rms", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000},
            {"id": "vib.x.crest", "unit": "", "exp": -3, "lo": 0, "hi": 100_000},
            {"id": "temp.mean", "unit": "degC", "exp": -3, "lo": -55_000, "hi": 125_000},
        ],
        "sensors": [{"id": "vib", "driver": "adxl345", "fault": None}],
        "checks": [{"id": "vib.x.high", "type": "limit", "channel": "vib.x.rms", "h": 1_500_000}],
        "config": {"version": 1, "hash": "0123456789abcdef"},
    } | changes  # fmt: skip


def state(**changes: Any) -> dict[str, Any]:
    """A state; ``changes`` replace fields."""
    return {
        "online": True, "i": INSTALL, "boot": 1, "u": 1000, "t": None, "q": 0, "rssi": -60,
        "heap_free": 90_000, "heap_block": 60_000, "next": 0, "sent": -1, "spool": {"records": 0, "bytes": 0},
        "discarded": {"rows": 0, "events": 0}, "discards": [], "faults": {}, "refused": 0, "restarts": {},
    } | changes  # fmt: skip


def row(seq: int, t: int | None, *values: int | None) -> list[int | None]:
    """A row one second after the one before."""
    return [seq * 1000, t, 0, *(values or (1000 + seq, 3000, 21_000))]


def data(seq: int, rows: list[list[int | None]], **changes: Any) -> dict[str, Any]:
    """A data message."""
    return {"i": INSTALL, "boot": 1, "seq": seq, "q": 3, "rows": rows} | changes


def until(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for something to become true, and give it; fails if it does not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


class Wire:
    """A raw client: publishes payloads as a node would and collects what is sent to that node."""

    def __init__(self, port: int, node: str = "n1", site: str = "hall") -> None:
        self.root = f"babbitt/1/{site}/{node}/"
        self.commits: list[dict[str, Any]] = []
        self.host: list[dict[str, Any]] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"test-{site}-{node}")
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([(self.root + "commit", 0), (f"babbitt/1/{site}/$host", 1)])
        self._client.loop_start()

    def _take(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        into = self.commits if message.topic.endswith("commit") else self.host
        into.append(json.loads(message.payload))

    def send(self, kind: str, payload: object, topic: str | None = None) -> None:
        """Publish at QoS 1 and wait until the broker has it; birth and state are retained."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = self._client.publish(topic or self.root + kind, raw, 1, retain=kind in ("birth", "state"))
        sent.wait_for_publish(10)

    def committed(self, boot: int, seq: int) -> dict[str, Any]:
        """Wait for a watermark that covers a record."""
        return until(lambda: next((c for c in self.commits if (c["boot"], c["seq"]) >= (boot, seq)), None))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Node:
    """A node with a spool: sends in order, at most 256 beyond the watermark, again from there after every
    reconnection, whenever the host comes online and when it is asked to."""

    def __init__(self, port: int, node: str, count: int, start_t: int) -> None:
        self.spool = {seq: row(seq, start_t + seq * 1000) for seq in range(count)}
        self.count, self.mark, self.next = count, -1, 0
        self._online = False
        self._lock = threading.Lock()
        self._root = f"babbitt/1/hall/{node}/"
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"node-{node}")
        client.reconnect_delay_set(1, 1)
        client.max_inflight_messages_set(16)
        client.on_connect = self._hello
        client.on_disconnect = self._gone
        client.on_message = self._take
        self._client = client
        client.connect_async("127.0.0.1", port, 5)
        client.loop_start()

    def _hello(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe([(self._root + "commit", 1), ("babbitt/1/hall/$host", 1)])
        oldest = {"boot": 1, "seq": self.mark + 1}
        client.publish(self._root + "birth", json.dumps(birth(oldest=oldest)), 1, retain=True)
        with self._lock:
            self._online, self.next = False, self.mark + 1

    def _gone(self, *_: object) -> None:
        with self._lock:
            self._online = False

    def _take(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        said = json.loads(message.payload)
        with self._lock:
            if message.topic.endswith("$host"):
                if said["online"] and (not self._online or said["session"] != self._session):
                    self.next = self.mark + 1
                self._online, self._session = said["online"], said.get("session")
            elif said["i"] == INSTALL and said["boot"] == 1 and self.mark < said["seq"] < self.count:
                for seq in range(self.mark + 1, said["seq"] + 1):
                    del self.spool[seq]
                self.mark = said["seq"]
                self.next = max(self.next, self.mark + 1)
            if said.get("resend"):
                self.next = self.mark + 1

    def step(self) -> bool:
        """Send one batch if the rules allow it; True when everything is covered by the watermark."""
        with self._lock:
            if self.mark == self.count - 1:
                return True
            upto = min(self.count, self.next + 8, self.mark + 1 + AHEAD)
            if not self._online or self.next >= upto:
                return False
            message = data(self.next, [self.spool[seq] for seq in range(self.next, upto)])
            self.next = upto
        self._client.publish(self._root + "data", json.dumps(message), 1)
        return False

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
