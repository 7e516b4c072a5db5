"""Simulated nodes that cost nearly nothing: packets made before, of which only number and times are patched.

    python -m load.nodes HOST PORT '{"nodes": 200, "records": 100000, "rate": 0}'

Run from bench/. Each node has a connection of its own, says its birth and state, and sends `data` messages of one
record with twelve values at QoS 1 (about 250 bytes), so many ahead of the broker's acknowledgements. With `spool` a
node keeps what it sent until the host's watermark covers it, and sends again from there after every reconnection,
when the host comes back, and when it is asked to. The last line of the output is a JSON object: what was sent, what
is covered, seconds, and the processor time of the nodes.
"""

from __future__ import annotations

import json
import random
import selectors
import socket
import sys
import time
from typing import Any

from babbitt_node.mqtt import decoder as codec
from babbitt_node.mqtt.hello import encode_connect, encode_subscribe
from babbitt_node.mqtt.packets import encode_publish

INSTALL = "9f3a01bc"
SEQ0 = 100_000_000
"""Numbers begin here, so that all have nine digits and can be patched in place."""
VALUES = 12
TEMPLATES = 8
SITE = "bench"
_DEFAULT: dict[str, Any] = {
    "nodes": 200, "records": 100_000, "rate": 0, "window": 100, "spool": False, "seconds": 300, "first": 0,
    "interval_ms": 0, "state": True, "ahead": 400,
}  # fmt: skip


def birth(node: int) -> bytes:
    """The birth of a node with twelve channels."""
    channels = [
        {"id": f"vib.{axis}.{feature}", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000}
        for axis in "xyz" for feature in ("rms", "peak", "crest", "kurt")
    ]  # fmt: skip
    return json.dumps(
        {
            "i": INSTALL, "fw": "0.1.0", "board": "bench", "boot": 1, "reset": "power_on", "prev": None,
            "oldest": {"boot": 1, "seq": SEQ0}, "discards": [], "q": 3,
            "asset": {"name": f"Machine {node}", "kind": "machine"}, "interval": 10, "channels": channels,
            "sensors": [{"id": "vib", "driver": "adxl345", "fault": None}], "checks": [],
            "config": {"version": 1, "hash": "0123456789abcdef"},
        }
    ).encode()  # fmt: skip


def state(sent: int) -> bytes:
    """The state of a node that has handed over its records up to ``sent``."""
    return json.dumps(
        {
            "online": True, "i": INSTALL, "boot": 1, "u": 1000, "t": None, "q": 0, "rssi": -60, "heap_free": 90_000,
            "heap_block": 60_000, "next": sent + 1, "sent": sent, "spool": {"records": 0, "bytes": 0},
            "discarded": {"rows": 0, "events": 0}, "discards": [], "faults": {}, "refused": 0, "restarts": {},
        }
    ).encode()  # fmt: skip


def row_template(node: int, n: int) -> bytes:
    """A data message with places for number, uptime (ms) and time (Unix ms)."""
    rng = random.Random(node * 1000 + n)
    values = ",".join(str(rng.randrange(1_000_000, 4_000_000)) for _ in range(VALUES))
    return (
        b'{"i":"%s","boot":1,"seq":%%09d,"q":3,"rows":[[%%012d,%%013d,0,%s]]}'
        % (INSTALL.encode(), values.encode())
    ).replace(b"%012d", b"1%011d")


def publish(topic: str, payload: bytes, qos: int, packet_id: int = 0, retain: bool = False) -> bytes:
    """A PUBLISH packet."""
    buf = bytearray(len(topic) + len(payload) + 16)
    return bytes(buf[: encode_publish(buf, topic.encode(), payload, qos, retain, False, packet_id)])


class Node:
    """One node: its socket, what it has sent and what is acknowledged."""

    def __init__(self, number: int, plan: dict[str, Any]) -> None:
        self.number = number
        self.name = f"n{number}"
        self.root = f"babbitt/1/{SITE}/{self.name}/"
        self.plan = plan
        self.sock: socket.socket | None = None
        self.next = SEQ0
        self.mark = SEQ0 - 1
        self.flying = 0
        self.resent = 0
        self.out = b""
        self.ready = False
        self.host_session = ""
        self.began = time.time()
        self.retry_at = 0.0
        self.watching = False
        self._decoder = codec.Decoder(2048)
        probe = publish(self.root + "data", row_template(number, 0) % (SEQ0, 0, 0), 1, 1)
        head = probe[: len(probe) - len(row_template(number, 0) % (SEQ0, 0, 0))]
        self._head = head[:-2].replace(b"%", b"%%") + b"\x00\x07"
        self._templates = [self._head + row_template(number, n) for n in range(TEMPLATES)]

    def connect(self, host: str, port: int) -> bool:
        """Connect and say hello; False if the broker is not there."""
        try:
            sock = socket.create_connection((host, port), 5)
        except OSError:
            return False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buf = bytearray(512)
        hello = bytes(buf[: encode_connect(buf, f"bench-{self.name}", 300, True)])
        if self.plan["spool"]:
            filters = [(self.root + "commit", 0), (f"babbitt/1/{SITE}/$host", 1)]
            hello += bytes(buf[: encode_subscribe(buf, 1, filters)])
        hello += publish(self.root + "birth", birth(self.number), 1, 2, True)
        if self.plan["state"]:
            hello += publish(self.root + "state", state(self.next - 1), 1, 3, True)
        try:
            sock.sendall(hello)
        except OSError:
            sock.close()
            return False
        sock.setblocking(False)
        self._decoder.reset()
        self.sock, self.flying, self.out = sock, 0, b""
        self.ready = True
        if self.plan["spool"]:
            self.back()
        return True

    def back(self) -> None:
        """Send again from the watermark on."""
        self.resent += max(0, self.next - self.mark - 1)
        self.next = self.mark + 1

    def packets(self, count: int, now: int) -> bytes:
        """The next ``count`` data packets."""
        step = self.plan["interval_ms"]
        first, templates, parts = self.next, self._templates, []
        for seq in range(first, first + count):
            n = seq - SEQ0
            t = now if not step else int(self.began * 1000) + n * step
            parts.append(templates[seq % TEMPLATES] % (seq, t - int(self.began * 1000) + 100_000, t))
        self.next = first + count
        self.flying += count
        return b"".join(parts)

    def heard(self, data: bytes) -> None:
        """Bytes from the broker. Without a spool they are acknowledgements only, which have four bytes each."""
        if not self.plan["spool"]:
            self.flying = max(0, self.flying - len(data) // 4)
            return
        for kind in self._decoder.feed(data):
            if kind == codec.PUBACK:
                if self._decoder.packet_id == 7:
                    self.flying = max(0, self.flying - 1)
            elif kind == codec.PUBLISH:
                self._told(self._decoder.topic, json.loads(bytes(self._decoder.payload)))

    def _told(self, topic: bytes, said: dict[str, Any]) -> None:
        if topic.endswith(b"$host"):
            if said["online"] and said.get("session") != self.host_session:
                if self.host_session:
                    self.back()
                self.host_session = said.get("session", "")
        elif said["i"] == INSTALL and said["boot"] == 1:
            self.mark = max(self.mark, said["seq"])
            self.next = max(self.next, self.mark + 1)
            if said.get("resend"):
                self.back()

    def gone(self) -> None:
        """The connection is lost."""
        if self.sock is not None:
            self.sock.close()
        self.sock, self.ready, self.out = None, False, b""
        self.retry_at = time.monotonic() + random.uniform(0.2, 1.0)


class Fleet:
    """All nodes of one process, and the loop that drives them."""

    def __init__(self, host: str, port: int, plan: dict[str, Any]) -> None:
        self.host, self.port = host, port
        self.plan = _DEFAULT | plan
        self.nodes = [
            Node(n, self.plan) for n in range(self.plan["first"], self.plan["first"] + self.plan["nodes"])
        ]
        self.each = -(-self.plan["records"] // len(self.nodes))
        self._selector = selectors.DefaultSelector()
        self._first = 0
        self._down: set[Node] = set()
        self._able: set[Node] = set(self.nodes)

    def run(self) -> dict[str, Any]:
        """Send everything; gives the account."""
        for node in self.nodes:
            while not node.connect(self.host, self.port):
                time.sleep(0.05)
            self._watch(node)
        time.sleep(self.plan.get("settle", 0.5))
        print("connected", flush=True)
        began, cpu = time.monotonic(), time.process_time()
        end = began + self.plan["seconds"]
        sent, rate, allowed = 0, self.plan["rate"], 0.0
        last = began
        while time.monotonic() < end and not self._done():
            now = time.monotonic()
            allowed = min(allowed + (now - last) * rate, max(rate * 0.05, 50)) if rate else float("inf")
            last = now
            progress = self._send(int(allowed) if rate else 10**9)
            sent += progress
            allowed -= progress
            if not rate and not self.plan["spool"]:
                time.sleep(0.001)  # several acknowledgements at once
            self._listen(0.001)
        return {
            "sent": sum(node.next - SEQ0 for node in self.nodes),
            "covered": sum(node.mark + 1 - SEQ0 for node in self.nodes), "messages": sent,
            "resent": sum(node.resent for node in self.nodes), "seconds": round(time.monotonic() - began, 3),
            "cpu_s": round(time.process_time() - cpu, 3), "done": self._done(),
        }  # fmt: skip

    def _done(self) -> bool:
        last = SEQ0 + self.each
        if self.plan["spool"]:
            return all(node.mark + 1 >= last for node in self.nodes)
        return all(node.next >= last and not node.flying and not node.out for node in self.nodes)

    def _send(self, allowed: int) -> int:
        for node in [one for one in self._down if time.monotonic() >= one.retry_at]:
            self._again(node)
        now, sent, last = int(time.time() * 1000), 0, SEQ0 + self.each
        window, ahead, spool = self.plan["window"], self.plan["ahead"], self.plan["spool"]
        share = max(1, allowed // len(self.nodes)) if self.plan["rate"] else 64
        least = 1 if self.plan["rate"] or spool else window // 2
        for node in self._order():
            if sent >= allowed:
                break
            if not node.ready:
                continue
            count = min(share, window - node.flying, last - node.next, allowed - sent)
            if spool:
                count = min(count, node.mark + 1 + ahead - node.next)
            if count > 0 and not node.out and (count >= least or node.next + count == last):
                node.out = node.packets(count, now)
                sent += count
            if node.out:
                self._flush(node)
            if not node.out:
                self._able.discard(node)
        return sent

    def _order(self) -> list[Node]:
        """All nodes, each time beginning with another one if not all may get their turn."""
        if not self.plan["rate"]:
            return self.nodes if self.plan["spool"] else list(self._able)
        self._first = (self._first + 37) % len(self.nodes)
        return [*self.nodes[self._first :], *self.nodes[: self._first]]

    def _flush(self, node: Node) -> None:
        assert node.sock is not None
        try:
            done = node.sock.send(node.out)
        except BlockingIOError:
            return
        except OSError:
            self._lost(node)
            return
        node.out = node.out[done:]

    def _listen(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            node = key.data
            try:
                data = node.sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                node.heard(data)
                self._able.add(node)
            else:
                self._lost(node)

    def _again(self, node: Node) -> None:
        if node.connect(self.host, self.port):
            self._down.discard(node)
            self._watch(node)
        else:
            node.gone()

    def _watch(self, node: Node) -> None:
        assert node.sock is not None
        self._selector.register(node.sock, selectors.EVENT_READ, node)

    def _lost(self, node: Node) -> None:
        if node.sock is not None:
            self._selector.unregister(node.sock)
        node.gone()
        self._down.add(node)


if __name__ == "__main__":
    print(json.dumps(Fleet(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])).run()), flush=True)
