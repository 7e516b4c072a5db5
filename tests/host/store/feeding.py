"""Fills a store through the real ingest, without a network."""

from __future__ import annotations

import json
import queue
from pathlib import Path
from typing import Any

from babbitt.acquisition.ingest import Incoming, Ingest
from babbitt.protocol.messages import Commit
from babbitt.store.reader import StoreReader
from babbitt.store.writer import StoreWriter

T0 = 1_789_000_000_000


def birth(**changes: Any) -> dict[str, Any]:
    """A birth with two channels."""
    return {
        "i": "9f3a01bc", "fw": "0.1.0", "board": "virtual", "boot": 1, "reset": "power_on", "prev": None,
        "oldest": {"boot": 1, "seq": 0}, "discards": [], "q": 3,
        "asset": {"name": "Pump 7", "kind": "machine"}, "interval": 10,
        "channels": [{"id": "a.x", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000},
                     {"id": "b.y", "unit": "degC", "exp": -3, "lo": -55_000, "hi": 125_000}],
        "sensors": [], "config": {"version": 1, "hash": "0123456789abcdef"},
        "checks": [{"id": "h", "type": "limit", "channel": "a.x", "h": 1_500_000, "hh": 2_000_000}],
    } | changes  # fmt: skip


def rows(
    seq: int, values: list[list[int | None]], *, t: int = T0, step: int = 10_000, **more: Any
) -> dict[str, Any]:
    """A data message; row n is ``step`` ms after the one before, seq 0 at ``t``."""
    listed = [[(seq + n) * step, t + (seq + n) * step, 0, *one] for n, one in enumerate(values)]
    return {"i": "9f3a01bc", "boot": 1, "seq": seq, "q": 3, "rows": listed} | more


class Feed:
    """An ingest with its store in ``folder``; ``put`` commits messages before it returns."""

    def __init__(self, folder: Path, node: str = "pump-7") -> None:
        self.folder, self.node = folder, node
        self.writer = StoreWriter(folder)
        self.commits: list[Commit] = []
        self.acked = 0
        self.inbox: queue.Queue[Incoming] = queue.Queue()
        self.ingest = Ingest(
            self.writer,
            self.inbox,
            lambda site, node, c: self.commits.append(c),
            clock=lambda: T0 / 1000 + 86_400,
        )
        self.reader = StoreReader(folder)

    def put(self, *messages: tuple[str, Any]) -> None:
        """Store ``(kind, payload)`` messages as one group."""
        group = [
            Incoming(
                f"babbitt/1/hall/{self.node}/{kind}",
                body if isinstance(body, bytes) else json.dumps(body).encode(),
                self._ack,
            )
            for kind, body in messages
        ]
        self.ingest._store(group)

    def roll(self) -> None:
        while self.writer.roll():
            pass

    def _ack(self) -> None:
        self.acked += 1

    def close(self) -> None:
        self.reader.close()
        self.writer.close()
