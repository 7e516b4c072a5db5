"""Ten thousand nodes on one PC: what does the host need, and how long until all is known again after the broker restarts?

    python bench/fleet.py                         QUICK=1 has a thousand nodes

Nodes with births, states and one record a minute each, through Mosquitto to `babbitt host --no-web`. After a while the broker
is killed and started again: all nodes reconnect at once, say birth and state, and go on. The storm is over when the host has
heard every node again.

The figure is the seconds from the start of the broker until every node was heard again; beside it the same for the first time,
when the nodes connect one after the other to an idle broker (the baseline). The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from ingest import HostProcess, since  # noqa: E402
from load.brokers import Mosquitto  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
NODES = 1000 if QUICK else 10_000
WATCH_S = 10 if QUICK else 60
LIMIT_S = 300


def heard(store: Path, since_ms: int) -> int:
    """Nodes heard since a time."""
    conn = sqlite3.connect(f"file:{store / 'babbitt.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        return int(
            conn.execute(
                "SELECT count(*) FROM nodes WHERE heard>=? AND birth IS NOT NULL", (since_ms,)
            ).fetchone()[0]
        )
    finally:
        conn.close()


def wait_for_all(store: Path, since_ms: int) -> float:
    """Seconds until all nodes were heard."""
    began = time.monotonic()
    while heard(store, since_ms) < NODES and time.monotonic() - began < LIMIT_S:
        time.sleep(0.1)
    return time.monotonic() - began


def main() -> int:
    """Run the bench; returns the exit status."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        host = HostProcess(folder, broker.port, *(["--no-analysis"] if "--no-analysis" in sys.argv else []))
        plan = {
            "nodes": NODES,
            "records": 10**9,
            "rate": NODES / 60,
            "spool": False,
            "seconds": 900,
            "interval_ms": 60_000,
        }
        began = int(time.time() * 1000)
        line = [sys.executable, "-m", "load.nodes", "127.0.0.1", str(broker.port), json.dumps(plan)]
        sender = subprocess.Popen(line, cwd=HERE, stdout=subprocess.PIPE, text=True)
        try:
            first = wait_for_all(host.store, began)
            assert sender.stdout is not None
            sender.stdout.readline()
            before, stored = host.cpu_s(), host.stored
            time.sleep(WATCH_S)
            used, rows = since(before, host.cpu_s()), host.stored - stored
            steady: dict[str, Any] = {
                "cpu_share": round(sum(used.values()) / WATCH_S, 3), "memory_mb": host.peak_mb(),
                "cpu_shares": {name: round(one / WATCH_S, 3) for name, one in used.items()},
                "records_s": round(rows / WATCH_S, 1),
            }  # fmt: skip
            broker.kill()
            before = host.cpu_s()
            restarted = int(time.time() * 1000)
            broker.start()
            storm = wait_for_all(host.store, restarted)
            storm_cpu = sum(since(before, host.cpu_s()).values())
            memory = sum(host.peak_mb().values())
            sender.terminate()
            sender.wait(30)
        finally:
            for process in (sender, host.process):
                if process.poll() is None:
                    process.kill()
                    process.wait()
            broker.kill()
    print(
        json.dumps(
            {
                "bench": "fleet", "figure": round(storm, 1), "unit": "s until every node was heard again",
                "baseline": round(first, 1), "ratio": round(storm / first, 2), "goal": None,
                "ok": storm < LIMIT_S and first < LIMIT_S, "nodes": NODES, "first_s": round(first, 1),
                "storm_cpu_s": round(storm_cpu, 1), "memory_mb": memory, "steady": steady,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
