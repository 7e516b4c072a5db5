"""How fast are questions to a store with years in it, and how much room does a record take?

    python bench/query.py                         QUICK=1 makes a smaller store

A year of a thousand machines with twelve values a record: vibration-like numbers with a daily cycle, a trend and noise.
Feeding so much through the broker would take hours: the records are handed to the keeper's own functions day by
day, which make the same Parquet files and rollups as for a running host (said plainly: the way through the log is
measured by `ingest`). Then, of machines and days drawn at random, one channel of the last day, month and year at 1,000 points,
and the fleet overview: latest value, least and greatest of the last day of one channel of all machines.

In a QUICK run all is so young that its rollups are not packed yet: then the bytes a record are printed and not judged.

Beside it a plain table of SQLite, a row a record, with a unique index and one by time: as many rows as fit the time.
The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from babbitt.protocol.messages import Birth, decode_kind
from babbitt.store import log
from babbitt.store.keeper.keeper import Keeper, Limits
from babbitt.store.keeper.spread import Meant
from babbitt.store.reader import StoreReader
from babbitt.store.tables import Tables
from babbitt.store.writer import StoreWriter

QUICK = bool(os.environ.get("QUICK"))
MACHINES = 1000
ROWS = 2_000_000 if QUICK else 50_000_000
PLAIN = 300_000 if QUICK else 3_000_000
ASKED = 20 if QUICK else 100
DAYS = 5 if QUICK else 365
DAY = 86_400_000
END = 1_789_000_000_000 // DAY * DAY
VALUES = 12
GOALS = {"day_ms": 5.0, "year_ms": 100.0, "bytes": 45.0}


def birth() -> bytes:
    """The birth of a machine."""
    channels = [
        {"id": f"vib.{axis}.{feature}", "unit": "g", "exp": -6, "lo": 0, "hi": 16_000_000}
        for axis in "xyz" for feature in ("rms", "peak", "crest", "kurt")
    ]  # fmt: skip
    return json.dumps(
        {
            "i": "9f3a01bc", "fw": "0.1.0", "board": "bench", "boot": 1, "reset": "power_on", "prev": None,
            "oldest": {"boot": 1, "seq": 0}, "discards": [], "q": 3, "asset": {"name": "M", "kind": "machine"},
            "interval": DAYS * 86_400 * MACHINES // ROWS, "channels": channels, "sensors": [], "checks": [],
            "config": {"version": 1, "hash": "0123456789abcdef"},
        }
    ).encode()  # fmt: skip


def day_of(machine: int, day: int, count: int, install: int, rng: np.random.Generator) -> log.Section:
    """The records of a machine on a day."""
    rows = np.zeros(count, log.record_type(VALUES))
    step = DAY // count
    t = END - (DAYS - day) * DAY + np.arange(count) * step + rng.integers(0, 40, count)
    phase = 2 * np.pi * (t % DAY) / DAY
    level = 150_000 + 1000 * (machine % 97) + 40 * day
    for k in range(VALUES):
        rows["v"][:, k] = level * (1 + 0.1 * k) + 2000 * np.sin(phase) + rng.normal(0, 60, count)
    rows["install"], rows["boot"], rows["seq"] = install, 1, np.arange(day * count, (day + 1) * count)
    rows["u"], rows["t"], rows["t_err"] = t - END + DAYS * DAY, t, -1
    return rows


def fill(folder: Path) -> None:
    """A store with a year of all machines."""
    writer = StoreWriter(folder)
    said = decode_kind("birth", birth())
    assert isinstance(said, Birth)
    installs = []
    with writer.transaction():
        for n in range(MACHINES):
            node = writer.node("hall", f"m{n:04d}")
            installs.append(writer.install(node, "9f3a01bc"))
            writer.birth(node, installs[-1], said, birth())
    tables = {install: Tables(writer.conn, install) for install in installs}
    per_day = ROWS // MACHINES // DAYS
    rng = np.random.default_rng(3)
    now = END - DAYS * DAY
    keeper = Keeper(folder, Limits(records=10**9), clock=lambda: now / 1000)
    began = time.monotonic()
    for day in range(DAYS):
        parts = []
        for n, install in enumerate(installs):
            section = day_of(n, day, per_day, install, rng)
            table = tables[install].find(1, 0, VALUES)
            assert table is not None
            parts.append(Meant(table, section))
        keeper.put(parts)
        now += DAY
        keeper.run_until_idle()
        print(f"day {day + 1} of {DAYS}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    keeper.close()
    # What a keeper does once a minute it does at once when it starts.
    keeper = Keeper(folder, clock=lambda: END / 1000 + 3 * 86_400)
    keeper.run_until_idle()
    keeper.close()
    with writer.transaction():
        for n in range(MACHINES):
            writer.latest(n + 1, END)
    writer.close()


def plain(path: Path) -> dict[str, Any]:
    """A table with a column a value, and what the same questions take."""
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA journal_mode=WAL")
    names = ", ".join(f"v{k} INTEGER" for k in range(VALUES))
    conn.execute(f"CREATE TABLE records (node INTEGER, seq INTEGER, t INTEGER, {names}, UNIQUE (node, seq))")
    conn.execute("CREATE INDEX by_time ON records (node, t)")
    rng = np.random.default_rng(3)
    per_day = ROWS // MACHINES // DAYS
    machines = max(1, PLAIN // (per_day * DAYS))
    for n in range(machines):
        for day in range(DAYS):
            rows = day_of(n, day, per_day, 1, rng)
            packed = np.column_stack((np.full(per_day, n), rows["seq"], rows["t"], rows["v"]))
            marks = ",".join("?" * (3 + VALUES))
            conn.executemany(f"INSERT INTO records VALUES ({marks})", packed.tolist())
        conn.commit()
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ask(span: int) -> None:
        n = random.randrange(machines)
        end = END - 1
        width = max(1, span // 500)
        conn.execute(
            "SELECT min(v0), max(v0), (t - ?) / ? AS b FROM records WHERE node=? AND t BETWEEN ? AND ? GROUP BY b",
            (end - span, width, n, end - span, end),
        ).fetchall()

    found = {name: timed(lambda s=span: ask(s), 10) for name, span in SPANS.items()}
    rows = per_day * DAYS * machines
    size = path.stat().st_size
    conn.close()
    return {"rows": rows, "bytes": round(size / rows, 1), **found}


SPANS = {"day": DAY, "month": min(30, DAYS) * DAY, "year": DAYS * DAY}


def timed(ask: Callable[[], object], count: int) -> dict[str, float]:
    """p50 and p99 in ms; the first is not counted."""
    ask()
    took = []
    for _ in range(count):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    return {"p50_ms": round(took[len(took) // 2], 2), "p99_ms": round(took[int(0.99 * (len(took) - 1))], 2)}


def main() -> int:
    """Run the bench; returns the exit status."""
    random.seed(5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        began = time.monotonic()
        fill(folder)
        filled = time.monotonic() - began
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        reader = StoreReader(folder)

        def ask(span: int) -> None:
            node = f"m{random.randrange(MACHINES):04d}"
            channel = random.choice(["vib.x.rms", "vib.y.peak", "vib.z.kurt"])
            t, _ = reader.series("hall", node, channel, END - span, END - 1, 1000)
            assert 0 < len(t) <= 1000, len(t)

        found = {key: timed(lambda s=span: ask(s), ASKED) for key, span in SPANS.items()}
        found["overview"] = timed(lambda: reader.overview("vib.x.rms", END - DAY, END - 1), 5)
        reader.close()
        beside = plain(Path(name) / "plain.sqlite3")
    rows = ROWS // MACHINES // DAYS * DAYS * MACHINES
    each = round(size / rows, 1)
    print(
        json.dumps(
            {
                "bench": "query", "figure": found["day"]["p50_ms"], "unit": "ms for a day of one channel",
                "baseline": beside["day"]["p50_ms"], "ratio": round(found["day"]["p50_ms"] / beside["day"]["p50_ms"], 2),
                "goal": GOALS, "rows": rows, "days": DAYS, "machines": MACHINES, "bytes_a_record": each,
                "ok": found["day"]["p50_ms"] <= GOALS["day_ms"] and found["year"]["p50_ms"] <= GOALS["year_ms"]
                and (QUICK or each <= GOALS["bytes"]), **found, "plain": beside, "fill_s": round(filled),
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
