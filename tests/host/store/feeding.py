"""Fills a store through the real ingest, without a network."""

from __future__ import annotations

import json
import queue
from pathlib import Path
from typing import Any

from babbitt.acquisition.batch import Batch
from babbitt.acquisition.ingest import Ingest
from babbitt.protocol.messages import Commit
from babbitt.store.keeper.keeper import Keeper
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


class Pipe:
    """A source of messages without a network; ``acked`` counts those that are on disk."""

    def __init__(self) -> None:
        self.acked = 0
        self._batches: queue.Queue[Batch] = queue.Queue()

    def put(self, kind: str, body: Any, node: str = "pump-7") -> None:
        """Let one message come in."""
        self._batches.put(Batch([raw(kind, body, node)]))

    def take(self, timeout_s: float) -> Batch | None:
        try:
            return self._batches.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def ack(self, batch: Batch) -> None:
        self.acked += len(batch.messages)


def raw(kind: str, body: Any, node: str = "pump-7") -> tuple[bytes, bytes, int]:
    """A message as the receiver hands it on."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"babbitt/1/hall/{node}/{kind}".encode(), payload, 0


class Feed:
    """An ingest with its store in ``folder``; ``put`` commits messages before it returns."""

    def __init__(self, folder: Path, node: str = "pump-7") -> None:
        self.folder, self.node = folder, node
        self.writer = StoreWriter(folder)
        self.commits: list[Commit] = []
        self.ingest = Ingest(
            self.writer,
            Pipe(),
            lambda site, node, c: self.commits.append(c),
            clock=lambda: T0 / 1000 + 86_400,
        )
        self.reader = StoreReader(folder)

    def put(self, *messages: tuple[str, Any]) -> None:
        """Store ``(kind, payload)`` messages as one group."""
        self.ingest.store([raw(kind, body, self.node) for kind, body in messages])

    def roll(self) -> None:
        """Let the keeper take in all that there is."""
        keeper = Keeper(self.folder, clock=lambda: T0 / 1000 + 86_400)
        keeper.run_until_idle()
        keeper.close()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()
