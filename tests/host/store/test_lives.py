"""Hosts that are killed again and again, in whatever they are doing: each record is stored once, whatever is sent again."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from feeding import T0, Pipe, birth, raw, rows

from babbitt.acquisition.ingest import Ingest
from babbitt.protocol.messages import Commit
from babbitt.store import log
from babbitt.store.reader import StoreReader
from babbitt.store.writer import StoreWriter


class Plant:
    """Nodes that send from what was covered on, in any order, now and then again, with a birth in between."""

    def __init__(self, nodes: int, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names = [f"n{n}" for n in range(nodes)]
        self.next = dict.fromkeys(self.names, 0)
        self.mark = dict.fromkeys(self.names, -1)
        self.sent = dict.fromkeys(self.names, -1)

    def told(self, _site: str, node: str, commit: Commit) -> None:
        if commit.boot:
            self.mark[node] = commit.seq

    def group(self, size: int) -> list[tuple[bytes, bytes, int]]:
        messages = []
        for _ in range(size):
            node = self.rng.choice(self.names)
            if self.rng.random() < 0.03:
                messages.append(raw("birth", birth(), node))
                self.next[node] = max(0, self.next[node] - self.rng.randrange(1, 3))
            if self.rng.random() < 0.05:
                self.next[node] = max(self.mark[node] + 1, self.next[node] - self.rng.randrange(20))
            messages.append(raw("data", rows(self.next[node], [[self.next[node], 7]], step=1), node))
            self.sent[node] = max(self.sent[node], self.next[node])
            self.next[node] += 1
        return messages


@pytest.mark.parametrize(("nodes", "seed"), [(3, 1), (3, 2), (50, 3), (50, 4), (50, 5)])
def test_every_record_is_there_once_through_many_lives(tmp_path: Path, nodes: int, seed: int) -> None:
    plant = Plant(nodes, seed)
    for life in range(6):
        writer = StoreWriter(tmp_path)
        ingest = Ingest(writer, Pipe(), plant.told, clock=lambda: T0 / 1000 + 3600)
        plant.next = {node: mark + 1 for node, mark in plant.mark.items()}
        if life == 0:
            ingest.store([raw("birth", birth(), node) for node in plant.names])
        for _ in range(40):
            ingest.store(plant.group(plant.rng.choice([1, 5, 80])))
            if plant.rng.random() < 0.1:
                ingest._tick()
        writer.conn.close()  # as kill -9 does: nothing is written on the way out
    writer = StoreWriter(tmp_path)
    there: Counter[tuple[int, int]] = Counter()
    for (body,) in writer.conn.execute("SELECT body FROM log"):
        for section in log.decode(body):
            there.update(zip(section["install"].tolist(), section["seq"].tolist(), strict=True))
    assert set(there.values()) == {1}
    # What the account says after the last recovery is what is there.
    Ingest(writer, Pipe(), plant.told, clock=lambda: T0 / 1000 + 3600).store([raw("birth", birth(), "n0")])
    writer.close()
    reader = StoreReader(tmp_path)
    assert sum(row.received for row in reader.ledger()) == len(there)
    assert reader.prove().sound
    assert len(there) > 1000
    reader.close()
