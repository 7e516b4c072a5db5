"""Is anything lost, or stored twice, when the host and the broker are killed again and again?

    python bench/kill.py                         QUICK=1 kills less often

Nodes with a spool send through Mosquitto to `babbitt host`; the host is ended by kill -9 at random moments, and so is the
broker, and once the disk of the store is full for a while (a small file system in memory, if this runs as root on
Linux). Afterwards the nodes' own counts, the ledger and a proof that reads every record again must agree.

The figure is records lost plus records stored twice plus unexplained gaps. The baseline is what people write (paho-mqtt
with its automatic acknowledgement, a queue, a table) with the same kills of the host alone: records lost.

The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
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
from load.nodes import SITE  # noqa: E402

from babbitt.store.reader import StoreReader  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
RECORDS, HOST_KILLS, BROKER_KILLS = (15_000, 5, 2) if QUICK else (200_000, 50, 20)
NODES = 20
SECONDS = 15 if QUICK else 120
BASELINE = 5_000 if QUICK else 50_000
DISK_MB = 64
MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]


def launch_host(store: Path, port: int) -> subprocess.Popen[bytes]:
    """`babbitt host` in a process of its own."""
    line = [*MAIN, "host", "--store", str(store), "--broker", f"127.0.0.1:{port}", "--no-web"]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def nodes(port: int, **plan: Any) -> subprocess.Popen[str]:
    """The nodes, in a process of their own."""
    line = [sys.executable, "-m", "load.nodes", "127.0.0.1", str(port), json.dumps({"nodes": NODES} | plan)]
    process = subprocess.Popen(line, cwd=HERE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


class SmallDisk:
    """A file system in memory of a few megabytes, if we may mount one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        line = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
        self.there = subprocess.run(line, capture_output=True, check=False).returncode == 0
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room."""
        with self._filler.open("wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount it, when the children of the last host that was killed have closed their files."""
        end = time.monotonic() + 30
        while self.there and time.monotonic() < end:
            done = subprocess.run(["umount", str(self.folder)], capture_output=True, check=False)
            self.there = done.returncode != 0
            time.sleep(0.2)


def run(folder: Path) -> dict[str, Any]:
    """The host, killed."""
    rng = random.Random(7)
    disk = SmallDisk(folder / "disk")
    store = disk.folder / "store"
    broker = Mosquitto(folder)
    broker.start()
    host = launch_host(store, broker.port)
    sender = nodes(broker.port, records=RECORDS, spool=True, window=50, seconds=1500, rate=RECORDS / SECONDS)
    kills = {"host": 0, "broker": 0, "disk": 0}
    plan = ["host"] * HOST_KILLS + ["broker"] * BROKER_KILLS + (["disk"] if disk.there else [])
    rng.shuffle(plan)
    try:
        for what in plan:
            if sender.poll() is not None:
                break
            time.sleep(rng.uniform(0.3, 1.2 if QUICK else 2.5))
            if what == "host":
                host.send_signal(signal.SIGKILL)
                host.wait()
                host = launch_host(store, broker.port)
            elif what == "broker":
                broker.kill()
                time.sleep(rng.uniform(0, 0.5))
                broker.start()
            else:
                disk.fill()
                time.sleep(5)
                disk.free()
            kills[what] += 1
            print(f"{sum(kills.values())} of {len(plan)} kills", file=sys.stderr, flush=True)
        said = json.loads(sender.communicate(timeout=1500)[0].splitlines()[-1])
        host.send_signal(signal.SIGTERM)
        host.wait(30)
        reader = StoreReader(store)
        rows = [row for row in reader.ledger() if row.site == SITE]
        proof = reader.prove()
        reader.close()
        return {
            "kills": kills, "numbered": said["sent"], "resent": said["resent"], "seconds": said["seconds"],
            "stored": sum(row.received for row in rows), "duplicates_on_the_wire": sum(row.duplicates for row in rows),
            "lost": said["sent"] - sum(row.received for row in rows), "twice": proof.twice,
            "absent": proof.absent + proof.unaccounted, "unexplained": sum(row.missing for row in rows),
            "proved": proof.records, "errors": proof.errors, "covered": said["covered"], "done": said["done"],
        }  # fmt: skip
    finally:
        for process in (host, sender):
            if process.poll() is None:
                process.kill()
                process.wait()
        broker.kill()
        disk.remove()


def baseline(folder: Path) -> dict[str, Any]:
    """paho-mqtt acknowledging by itself, killed as often in proportion."""
    folder.mkdir()
    rng = random.Random(7)
    broker = Mosquitto(folder)
    broker.start()
    kills = max(2, HOST_KILLS * BASELINE // RECORDS)

    def launch() -> subprocess.Popen[str]:
        line = [
            sys.executable,
            "-m",
            "load.stacks",
            "paho",
            str(broker.port),
            str(BASELINE),
            str(folder / "t.sqlite3"),
        ]
        process = subprocess.Popen(line, cwd=HERE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    process = launch()
    sender = nodes(broker.port, records=BASELINE, state=False, rate=BASELINE / 15)
    try:
        for _ in range(kills):
            time.sleep(rng.uniform(0.3, 15 / kills))
            process.kill()
            process.wait()
            process = launch()
        sender.wait(120)
        _steady(lambda: _count(folder / "t.sqlite3"))
        return {"records": BASELINE, "kills": kills, "lost": BASELINE - _count(folder / "t.sqlite3")}
    finally:
        process.kill()
        process.wait()
        broker.kill()


def _count(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as conn:
        return int(conn.execute("SELECT count(*) FROM records").fetchone()[0])


def _steady(value: Callable[[], int]) -> None:
    """Wait until nothing more is stored."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 3:
        if (now := value()) != before:
            before, since = now, time.monotonic()
        time.sleep(0.2)


def main() -> int:
    """Run the bench; returns the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beside = baseline(folder / "paho")
        found = run(folder)
    bad = found["lost"] + found["twice"] + found["absent"] + found["unexplained"]
    print(
        json.dumps(
            {
                "bench": "kill", "figure": bad, "unit": "records lost, doubled or unexplained",
                "baseline": beside["lost"], "ratio": None if not beside["lost"] else bad / beside["lost"], "goal": 0,
                "ok": bad == 0 and found["done"] and not found["errors"], "paho": beside, **found,
            }
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
