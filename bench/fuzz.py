"""A million messages, sound, mutated and random, through packets, decoder and ingest into a real store.

    python bench/fuzz.py                         QUICK=1 sends fewer

The messages are packed into PUBLISH packets, the stream is cut anywhere, and what comes out is committed in groups. The
model beside it is independent and simple: Python's own json. What must hold: every row of a sound message is stored; every
stored row is word for word one that was sent under its number; nothing crashes; memory does not grow with the number of
messages (the second half against the first).

The figure is rows that are wrong or missing. The baseline is what a store without validation would have taken: messages
that Python's json can read and that break a rule. The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babbitt.acquisition.batch import Batch, Raw
from babbitt.acquisition.ingest import Ingest
from babbitt.acquisition.stream import Stream
from babbitt.store.reader import StoreReader
from babbitt.store.writer import StoreWriter
from babbitt_node.mqtt.packets import encode_publish

QUICK = bool(os.environ.get("QUICK"))
MESSAGES = 30_000 if QUICK else 1_000_000
NODES = 30
GROUP = 400
INSTALL = "9f3a01bc"
WIDTH = 4
NASTY = (
    b"null", b"-1", b"1e400", b"1.5", b"true", b'"x"', b"[]", b"{}", b"9" * 40, b"2147483648", b"-2147483649", b"\xff\xfe",
    b"1073741824", b"00", b"NaN", b"[" * 50, b'"\\u0000"',
)  # fmt: skip


class Nobody:
    """A source from which nothing comes by itself."""

    def take(self, timeout_s: float) -> Batch | None:
        """Nothing."""
        time.sleep(timeout_s)
        return None

    def ack(self, batch: Batch) -> None:
        """Nobody waits for it."""


def birth() -> bytes:
    """A birth with four channels."""
    channels = [{"id": f"c.{n}", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000} for n in range(WIDTH)]
    return json.dumps(
        {
            "i": INSTALL, "fw": "0.1.0", "board": "fuzz", "boot": 1, "reset": "power_on", "prev": None,
            "oldest": {"boot": 1, "seq": 0}, "discards": [], "q": 3, "asset": {"name": "M", "kind": "machine"},
            "interval": 1, "channels": channels, "sensors": [], "checks": [],
            "config": {"version": 1, "hash": "0123456789abcdef"},
        }
    ).encode()  # fmt: skip


class Sender:
    """Makes messages; ``sound`` has the rows that must be stored, ``told`` all rows anything readable has said."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.next = [0] * NODES
        self.sound: dict[tuple[int, int], tuple[Any, ...]] = {}
        self.told: dict[tuple[int, int], set[tuple[Any, ...]]] = {}
        self.readable = 0
        self.now = int(time.time() * 1000)

    def message(self) -> tuple[str, bytes]:
        """One message: topic and payload."""
        kind = self.rng.random()
        node = self.rng.randrange(NODES)
        topic = f"babbitt/1/fuzz/n{node}/data"
        if kind < 0.02:
            return f"babbitt/1/fuzz/n{node}/birth", birth()
        if kind < 0.05:
            junk = self.rng.randbytes(self.rng.randrange(200))
            return self.rng.choice(
                [topic, f"babbitt/1/fuzz/n{node}/state", "babbitt/7/x/y/z", "else/where"]
            ), junk
        seq = self.next[node]
        if self.rng.random() < 0.05:
            seq = max(0, seq - self.rng.randrange(50))
        rows = []
        for n in range(self.rng.choice([1, 1, 1, 4])):
            values = [
                None if self.rng.random() < 0.02 else self.rng.randrange(-(2**30) + 1, 2**30)
                for _ in range(WIDTH)
            ]
            rows.append([seq + n, self.now - 10**8 + seq + n, self.rng.randrange(3), *values])
        payload = json.dumps({"i": INSTALL, "boot": 1, "seq": seq, "q": 3, "rows": rows}).encode()
        if kind < 0.35:
            payload = self._mutate(payload)
            self._note(node, payload)
            return topic, payload
        for n, row in enumerate(rows):
            self.told.setdefault((node, seq + n), set()).add(tuple(row))
            self.sound.setdefault((node, seq + n), tuple(row))
        self.next[node] = max(self.next[node], seq + len(rows))
        return topic, payload

    def _mutate(self, payload: bytes) -> bytes:
        rng, data = self.rng, bytearray(payload)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            what = rng.randrange(4)
            if what == 0:
                data[at] = rng.randrange(256)
            elif what == 1:
                del data[at : at + rng.randrange(1, 20)]
            elif what == 2:
                data[at:at] = rng.choice(NASTY)
            else:
                digits = [n for n, byte in enumerate(data) if 48 <= byte <= 57]
                if digits:
                    data[rng.choice(digits)] = rng.randrange(48, 58)
            if not data:
                return b""
        return bytes(data)

    def _note(self, node: int, payload: bytes) -> None:
        """Whatever a mutated message can be read as: if it is taken, this is what must be stored."""
        try:
            said = json.loads(payload)
            rows = [(int(said["seq"]) + n, tuple(row)) for n, row in enumerate(said["rows"])]
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            return
        self.readable += 1
        for seq, row in rows:
            self.told.setdefault((node, seq), set()).add(row)


def packets(sender: Sender, count: int) -> Iterator[list[Raw]]:
    """Groups of messages, through packets and a stream that is cut anywhere."""
    stream, rest, group = Stream(), b"", []
    for n in range(count):
        topic, payload = sender.message()
        buf = bytearray(len(topic) + len(payload) + 16)
        rest += bytes(buf[: encode_publish(buf, topic.encode(), payload, 1, False, False, n % 65_535 + 1)])
        if len(rest) > 8192 or n == count - 1:
            at = len(rest) if n == count - 1 else sender.rng.randrange(len(rest))
            for _ in stream.feed(rest[:at], group):
                raise AssertionError("a packet that nobody sent")
            rest = rest[at:]
        if len(group) >= GROUP or n == count - 1:
            yield group
            group = []


def main() -> int:
    """Run the bench; returns the exit status."""
    logging.disable(logging.WARNING)
    crashes: list[str] = []
    logging.getLogger("babbitt.acquisition.ingest").addFilter(
        lambda record: not crashes.append(record.getMessage())
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = StoreWriter(folder)
        ingest = Ingest(writer, Nobody(), lambda *_: None)
        ingest.store([(f"babbitt/1/fuzz/n{n}/birth".encode(), birth(), 0) for n in range(NODES)])
        sender = Sender(11)
        began, done, half = time.monotonic(), 0, 0
        for group in packets(sender, MESSAGES):
            ingest.store(group)
            ingest._tick()
            done += len(group)
            if half == 0 and done >= MESSAGES // 2:
                half = _model_free(sender)
        grown = _model_free(sender) - half
        took = time.monotonic() - began
        writer.close()
        reader = StoreReader(folder)
        wrong = missing = stored = 0
        for node in range(NODES):
            there = {record.seq: record for record in reader.records("fuzz", f"n{node}")}
            stored += len(there)
            for seq, record in there.items():
                row = (record.u, record.t, record.recipe, *record.values)
                said = {
                    (one[0], one[1] if one[1] is not None else row[1], *one[2:])
                    for one in sender.told.get((node, seq), ())
                }
                wrong += row not in said and not (
                    record.tq and (row[0], *row[2:]) in {(o[0], *o[2:]) for o in said}
                )
            missing += sum(1 for n, seq in sender.sound if n == node and seq not in there)
        proof = reader.prove()
        reader.close()
    bad = wrong + missing + proof.twice + len(crashes)
    print(
        json.dumps(
            {
                "bench": "fuzz", "figure": bad, "unit": "rows wrong, missing or twice, and crashes",
                "baseline": sender.readable, "ratio": bad / max(1, sender.readable), "goal": 0, "ok": bad == 0 and grown < 40_000,
                "messages": MESSAGES, "stored": stored, "quarantined": ingest.quarantined, "duplicates": ingest.duplicates,
                "wrong": wrong, "missing": missing, "twice": proof.twice, "crashes": crashes[:5],
                "grown_kb": grown, "messages_s": round(MESSAGES / took),
            }
        )
    )  # fmt: skip
    return 0


def _model_free(sender: Sender) -> int:
    """Peak memory in kB without what the model itself must remember, roughly."""
    model = (len(sender.sound) * 400 + len(sender.told) * 700) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - model


if __name__ == "__main__":
    sys.exit(main())
