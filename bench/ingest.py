"""How many records a second does the host take from a real broker into its store, and what does one cost?

    python bench/ingest.py                         QUICK=1 sends fewer

200 nodes send records of twelve values (about 250 bytes of JSON) at QoS 1 through Mosquitto as fast as it takes them.
The host (`babbitt host --no-web`) acknowledges after the commit. Processor time is that of the host's process alone,
user and system, from /proc; the keeper's and the analysis's are beside it. Beside it in the same run: mosquitto_sub (which
stores nothing), and what people write: paho-mqtt with a queue, and gmqtt, both into a wide table of SQLite, a
transaction a second or a thousand rows.

Latency is from the sender's clock in the record (ms) to the commit, seen by another process that looks at the
record log without pause; it is at 1,000 and at 20,000 records a second.

The figure is records a second with the analysis off; the ratio that counts is `cpu_ratio`, the processor time of a
record with paho's stack by that of the host. The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from load.brokers import Mosquitto  # noqa: E402

from babbitt.store import log  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
RECORDS = 120_000 if QUICK else 1_000_000
BASELINE = 30_000 if QUICK else 200_000
WARM_S = 3
LATENCY_S = 4 if QUICK else 20
NODES = 200
TICK = os.sysconf("SC_CLK_TCK")
GOALS = {
    "records_s": 60_000,
    "cpu_us": 5.0,
    "cpu_ratio": 8.0,
    "analysed_records_s": 50_000,
    "p99_ms_20k": 15.0,
}


def nodes(port: int, **plan: Any) -> subprocess.Popen[str]:
    """The nodes, in a process of their own."""
    line = [sys.executable, "-m", "load.nodes", "127.0.0.1", str(port), json.dumps({"nodes": NODES} | plan)]
    return subprocess.Popen(line, cwd=HERE, stdout=subprocess.PIPE, text=True)


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_mb(pid: int) -> float:
    """The most memory a process has had."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def since(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """What processes have used since, by name."""
    return {name: used - before.get(name, 0.0) for name, used in now.items()}


class HostProcess:
    """`babbitt host` on a store of its own."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.store = folder / "store"
        main = [sys.executable, "-c", "from babbitt.cli import main; main()"]
        line = ["host", "--store", str(self.store), "--broker", f"127.0.0.1:{port}", "--no-web", *options]
        self.process = subprocess.Popen([*main, *line], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        while "stores in" not in self.process.stdout.readline():
            pass

    @property
    def stored(self) -> int:
        """Records in the store, from its own account."""
        conn = sqlite3.connect(f"file:{self.store / 'babbitt.sqlite3'}?mode=ro", uri=True, timeout=10)
        try:
            return int(conn.execute("SELECT coalesce(sum(last - first + 1), 0) FROM runs").fetchone()[0])
        finally:
            conn.close()

    @property
    def pids(self) -> dict[str, int]:
        """The host's process and those of its children, by what they do."""
        found = {"host": self.process.pid}
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            line = Path(f"/proc/{child}/cmdline").read_text()
            for name, module in (("keeper", "babbitt.store.keeper"), ("analysis", "babbitt.analysis")):
                if module in line:
                    found[name] = int(child)
        return found

    def cpu_s(self) -> dict[str, float]:
        """Processor time of each so far."""
        return {name: cpu_s(pid) for name, pid in self.pids.items()}

    def peak_mb(self) -> dict[str, int]:
        """The most memory each has had."""
        return {name: round(peak_mb(pid)) for name, pid in self.pids.items()}

    def stop(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait(30)


def throughput(folder: Path, *options: str) -> dict[str, Any]:
    """All records as fast as they go, into a fresh store."""
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    host = HostProcess(folder, broker.port, *options)
    try:
        sender = nodes(broker.port, records=RECORDS)
        assert sender.stdout is not None
        assert broker.process is not None
        sender.stdout.readline()
        began, before, broker_before = time.monotonic(), host.cpu_s(), cpu_s(broker.process.pid)
        end = began + 300
        while host.stored < RECORDS and time.monotonic() < end:
            time.sleep(0.05)
        took = time.monotonic() - began
        stored = host.stored
        used = since(before, host.cpu_s())
        sent = json.loads(sender.stdout.readline())
        return {
            "records": stored, "records_s": round(stored / took), "cpu_us": round(used["host"] / stored * 1e6, 2),
            "children_us": {k: round(v / stored * 1e6, 2) for k, v in used.items() if k != "host"},
            "broker_us": round((cpu_s(broker.process.pid) - broker_before) / stored * 1e6, 2),
            "nodes_us": round(sent["cpu_s"] / sent["sent"] * 1e6, 2), "memory_mb": host.peak_mb(),
            "lost": sent["sent"] - stored, "analysed": analysed(host.store),
        }  # fmt: skip
    finally:
        host.stop()
        broker.kill()


def analysed(store: Path) -> int:
    """Assessments written by now."""
    conn = sqlite3.connect(f"file:{store / 'babbitt.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        return int(conn.execute("SELECT count(*) FROM assessments").fetchone()[0])
    finally:
        conn.close()


def latency(folder: Path, rate: int, *options: str) -> dict[str, Any]:
    """From the sender's clock to the commit, at a steady rate."""
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    host = HostProcess(folder, broker.port, *options)
    conn = sqlite3.connect(f"file:{host.store / 'babbitt.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        sender = nodes(broker.port, records=10**8, rate=rate, seconds=LATENCY_S + WARM_S)
        assert sender.stdout is not None
        sender.stdout.readline()
        found: list[float] = []
        newest, version, end = 0, -1, time.monotonic() + LATENCY_S + WARM_S
        warm = time.monotonic() + WARM_S
        while time.monotonic() < end:
            seen = conn.execute("PRAGMA data_version").fetchone()[0]
            if seen == version:
                time.sleep(0.0003)
                continue
            version, now = seen, time.time() * 1000
            for key, body in conn.execute("SELECT id, body FROM log WHERE id>?", (newest,)).fetchall():
                newest = key
                for section in log.decode(body):
                    if time.monotonic() > warm:
                        found += (now - section["t"]).tolist()
        found.sort()
        return {"rate": round(len(found) / LATENCY_S), "p50_ms": _at(found, 0.5), "p99_ms": _at(found, 0.99)}
    finally:
        conn.close()
        host.stop()
        broker.kill()


def _at(found: list[float], share: float) -> float:
    return round(found[int(share * (len(found) - 1))], 1) if found else -1.0


def floor(folder: Path) -> dict[str, Any]:
    """mosquitto_sub, which throws everything away."""

    def start(port: int) -> subprocess.Popen[str]:
        line = [
            "mosquitto_sub",
            "-p",
            str(port),
            "-q",
            "1",
            "-i",
            "floor",
            "-c",
            "-t",
            "babbitt/+/+/+/data",
            "-C",
            str(RECORDS),
        ]
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, text=True)
        time.sleep(0.5)
        return process

    return _baseline(folder, start, RECORDS)


def stack(folder: Path, name: str) -> dict[str, Any]:
    """What people write instead."""

    def start(port: int) -> subprocess.Popen[str]:
        line = [
            sys.executable,
            "-m",
            "load.stacks",
            name,
            str(port),
            str(BASELINE),
            str(folder / "table.sqlite3"),
        ]
        process = subprocess.Popen(line, cwd=HERE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    return _baseline(folder, start, BASELINE)


def _baseline(folder: Path, start: Callable[[int], subprocess.Popen[str]], records: int) -> dict[str, Any]:
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    try:
        process = start(broker.port)
        sender = nodes(broker.port, records=records, state=False)
        assert sender.stdout is not None
        sender.stdout.readline()
        began, before = time.monotonic(), cpu_s(process.pid)
        used = before
        while process.poll() is None and time.monotonic() < began + 300:
            try:
                used = max(used, cpu_s(process.pid))
            except (FileNotFoundError, IndexError):
                break
            time.sleep(0.02)
        took = time.monotonic() - began
        process.wait(10)
        sender.kill()
        return {"records_s": round(records / took), "cpu_us": round((used - before) / records * 1e6, 2)}
    finally:
        broker.kill()


def main() -> int:
    """Run the bench; returns the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found: dict[str, Any] = {}
        for key, run in (
            ("mosquitto_sub", lambda: floor(folder / "floor")),
            ("host", lambda: throughput(folder / "host", "--no-analysis")),
            ("paho", lambda: stack(folder / "paho", "paho")),
            ("gmqtt", lambda: stack(folder / "gmqtt", "gmqtt")),
            ("host_analysis", lambda: throughput(folder / "analysis")),
            ("latency_1k", lambda: latency(folder / "l1", 1000)),
            ("latency_20k", lambda: latency(folder / "l20", 20_000)),
        ):
            found[key] = run()
            print(key, found[key], file=sys.stderr, flush=True)
    host = found["host"]
    ratio = round(found["paho"]["cpu_us"] / host["cpu_us"], 1)
    ok = (
        host["records_s"] >= GOALS["records_s"] and host["cpu_us"] <= GOALS["cpu_us"] and ratio >= GOALS["cpu_ratio"]
        and found["host_analysis"]["records_s"] >= GOALS["analysed_records_s"]
        and found["latency_20k"]["p99_ms"] <= GOALS["p99_ms_20k"] and not host["lost"]
    )  # fmt: skip
    print(
        json.dumps(
            {
                "bench": "ingest", "figure": host["records_s"], "unit": "records/s",
                "baseline": found["paho"]["records_s"], "ratio": round(host["records_s"] / found["paho"]["records_s"], 2),
                "goal": GOALS, "ok": ok, "cpu_us": host["cpu_us"], "cpu_ratio": ratio,
                "of_floor": round(host["records_s"] / found["mosquitto_sub"]["records_s"], 2), **found,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
