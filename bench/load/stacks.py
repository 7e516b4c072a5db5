"""What people write instead of the host: a client of the library of their choice, json, a table with a column a value.

    python -m load.stacks paho|gmqtt PORT COUNT DATABASE

Run from bench/. It ends when it has stored COUNT records, and prints a JSON object with its processor time.
"""

from __future__ import annotations

import asyncio
import json
import queue
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

COLUMNS = ", ".join(f"v{n}" for n in range(12))
BATCH, PERIOD_S = 1000, 1.0


class Table:
    """A wide table with a unique index, a transaction for every thousand rows or second."""

    def __init__(self, path: str) -> None:
        self._conn = sqlite3.connect(path, check_same_thread=False)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._conn.execute("PRAGMA synchronous=FULL")
        self._conn.execute(
            f"CREATE TABLE IF NOT EXISTS records (node TEXT, boot INTEGER, seq INTEGER, t INTEGER, {COLUMNS},"
            " PRIMARY KEY (node, boot, seq))"
        )
        self.count = int(self._conn.execute("SELECT count(*) FROM records").fetchone()[0])

    def insert(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Store rows that are not there yet."""
        with self._conn:
            marks = ",".join("?" * 16)
            done = self._conn.executemany(f"INSERT OR IGNORE INTO records VALUES ({marks})", rows)
        self.count += done.rowcount


def row(topic: str, payload: bytes) -> tuple[Any, ...] | None:
    """What a message becomes."""
    if not topic.endswith("/data"):
        return None
    said = json.loads(payload)
    _, t, _, *values = said["rows"][0]
    return topic, said["boot"], said["seq"], t, *values


def with_paho(port: int, count: int, table: Table) -> None:
    """paho-mqtt, a queue, and a thread that writes."""
    import paho.mqtt.client as mqtt

    inbox: queue.Queue[tuple[str, bytes]] = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="stack", clean_session=False)
    client.on_connect = lambda c, *_: c.subscribe("babbitt/#", 1)
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.on_message = lambda _c, _d, m: inbox.put((m.topic, m.payload))
    client.connect("127.0.0.1", port)
    client.loop_start()
    rows: list[tuple[Any, ...]] = []
    due = time.monotonic() + PERIOD_S
    while table.count < count:
        try:
            one = row(*inbox.get(timeout=0.05))
            if one is not None:
                rows.append(one)
        except queue.Empty:
            pass
        if len(rows) >= BATCH or (rows and time.monotonic() > due):
            table.insert(rows)
            rows, due = [], time.monotonic() + PERIOD_S
    client.disconnect()


def with_gmqtt(port: int, count: int, table: Table) -> None:
    """gmqtt, and a task that writes."""
    from gmqtt import Client
    from gmqtt.mqtt.constants import MQTTv311

    async def run() -> None:
        rows: list[tuple[Any, ...]] = []

        async def on_message(_c: Any, topic: str, payload: bytes, _q: int, _p: Any) -> int:
            one = row(topic, payload)
            if one is not None:
                rows.append(one)
            return 0

        client = Client("stack", clean_session=False)
        client.on_message = on_message
        client.on_connect = lambda c, *_: c.subscribe("babbitt/#", qos=1)
        client.on_subscribe = lambda *_: print("subscribed", flush=True)
        await client.connect("127.0.0.1", port, version=MQTTv311)
        due = time.monotonic() + PERIOD_S
        while table.count < count:
            await asyncio.sleep(0.01)
            if len(rows) >= BATCH or (rows and time.monotonic() > due):
                some, rows[:] = rows[:], []
                await asyncio.to_thread(table.insert, some)
                due = time.monotonic() + PERIOD_S
        await client.disconnect()

    asyncio.run(run())


def main() -> None:
    """Run one stack."""
    name, port, count, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    table = Table(path)
    before = resource.getrusage(resource.RUSAGE_SELF)
    {"paho": with_paho, "gmqtt": with_gmqtt}[name](port, count, table)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"stored": table.count, "cpu_s": cpu, "memory_kb": used.ru_maxrss}), flush=True)
    threading.Event().wait(0.1)


if __name__ == "__main__":
    main()
