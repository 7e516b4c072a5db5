"""Does a node's memory hold for a week? A simulated week of the unmodified firmware, and the curve of its heap.

    python bench/soak.py [--days D] [--heap 256k] [--svg FILE]        QUICK=1 runs seven hours

The node (MicroPython on the virtual board, the configuration FULL of bench/heap.py with a record every five minutes)
works against a real broker, behind a proxy that cuts its connection a hundred times; every tenth time the radio
link goes instead. Ten times the host goes offline for a while and comes back as another session; fourteen times
the node is given another configuration. Time is compressed: the virtual board jumps over what the node sleeps.

The curve is what the node itself publishes in `state`: free bytes after a collection, and the largest block that
can be had in one piece. The time is cut into seven parts (days, if it is a week). The figure is the growth of
what is allocated, in bytes a day: median of the last part less that of the second, by the days between. The
baseline is the same for the same firmware with a deliberate leak of one small list a record, over a shorter time:
so the bench would see a leak. `ok` asks besides: no MemoryError, no restart of a task or of the board, and every
record numbered by the node received.

The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import heap
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DAY_MS = 86_400_000
INTERVAL_S = 300
PARTS = 7
GOAL = 200  # bytes a day: an ESP32 has some 50 kB to spare, which lasts the better part of a year
STEP = 256  # bytes; memory is given out in blocks of 32
CUTS, DESIRES, ABSENCES = 100, 14, 10
LEAK = """
from babbitt_node.records import Recorder
class _Leak:
    kept = None
    row = Recorder.row
def _leaking(self, *values):
    _Leak.kept = [_Leak.kept]
    return _Leak.row(self, *values)
Recorder.row = _leaking
"""


class Machine(heap.Shaking):
    """A machine that shakes more for an hour every six hours."""

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> np.ndarray:
        """Counts, int16, shape (n, 3)."""
        size = 400.0 if burst_start_us // 3_600_000_000 % 6 == 5 else 60.0
        return self._random.normal((0, 0, 256), size, (n, 3)).clip(-4096, 4095).astype(np.int16)


class Proxy:
    """Passes TCP connections on to the broker until they are cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                node, _ = self._server.accept()
                broker = socket.create_connection(("127.0.0.1", self._to))
                self._open = [node, broker]
                self.connections += 1
                for ends in ((node, broker), (broker, node)):
                    ends[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End the connection that is open."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """No more connections."""
        self.cut()
        self._server.close()


class Host(heap.Listener):
    """The listener of bench/heap.py that keeps account and can be away."""

    def __init__(self, port: int) -> None:
        self.seen: set[tuple[int, int]] = set()
        self.records = 0
        self.states: list[dict[str, Any]] = []
        self.boots: set[int] = set()
        self.session = 1
        super().__init__(port)

    def host(self) -> dict[str, Any]:
        """What `$host` says."""
        return {"online": True, "t": heap.START_MS, "session": f"bench{self.session}"}

    def take(self, what: str, doc: dict[str, Any]) -> None:
        """Count records, keep states."""
        if what in ("data", "event"):
            rows = len(doc["rows"]) if what == "data" else 1
            self.records += rows
            self.seen.update((doc["boot"], doc["seq"] + k) for k in range(rows))
        elif what == "state" and doc.get("online"):
            self.states.append(doc)
        elif what == "birth":
            self.boots.add(doc["boot"])


def week(folder: Path, broker: int, windows: int, heap_size: str, leak: bool) -> dict[str, Any]:
    """One node for so many windows; what it published and what became of it."""
    from babbitt_tools.vboard import flash
    from babbitt_tools.vboard.board import VirtualBoard

    image = folder / "image"
    image.mkdir(parents=True)
    firmware = flash.firmware()[1]
    (image / "boot.py").write_bytes((firmware / "boot.py").read_bytes())
    story = (firmware / "main.py").read_text("utf-8")
    (image / "main.py").write_text(LEAK + story if leak else story, "utf-8")
    proxy = Proxy(broker)
    wifi = {"ssid": "bench", "password": "bench"}
    node = {
        "site": "bench",
        "node": "node",
        "broker": {"host": "127.0.0.1", "port": proxy.port},
        "wifi": wifi,
    }
    config = {**heap.FULL, "interval_s": INTERVAL_S}
    host = Host(broker)
    board = VirtualBoard(
        "node", folder / "flash", Machine(), node=node, config=config, speed=1e5, heap=heap_size,
        runtime="micropython", image=image,
    )  # fmt: skip
    share = windows / (7 * DAY_MS / 1000 / INTERVAL_S)
    cuts, desires, absences = (max(3, round(n * min(1, share))) for n in (CUTS, DESIRES, ABSENCES))
    done = {"cut": 0, "desired": 0, "absent": 0}
    radio_back = away_until = 0
    began = time.monotonic()
    last = (0, time.monotonic())
    try:
        board.start()
        while host.rows < windows and board.alive:
            rows = host.rows
            if rows != last[0]:
                last = (rows, time.monotonic())
            if time.monotonic() - last[1] > 60:
                break  # it stands still: the account will say so
            if radio_back and time.monotonic() > radio_back:
                board.set_wifi(True)
                radio_back = 0
            if rows >= windows * (done["cut"] + 0.5) / cuts and not radio_back:
                done["cut"] += 1
                if done["cut"] % 10 == 0:
                    board.set_wifi(False)
                    radio_back = time.monotonic() + 0.3
                else:
                    proxy.cut()
            if rows >= windows * (done["desired"] + 0.5) / desires:
                done["desired"] += 1
                asset = {"name": f"Pump {done['desired']}", "kind": "machine"}
                host.desire(done["desired"], {**config, "asset": asset})
            if host.away and time.monotonic() > away_until:
                host.session += 1
                host.back()
            if rows >= windows * (done["absent"] + 0.5) / absences and not host.away:
                done["absent"] += 1
                host.leave()
                away_until = time.monotonic() + 0.3
            time.sleep(0.005)
        board.set_wifi(True)
        if host.away:
            host.back()
        end = time.monotonic() + 15
        states = 0
        while time.monotonic() < end and board.alive:  # until a state says that all it names has arrived
            if len(host.states) > states:
                states = len(host.states)
                if missing(host) == 0:
                    break
            time.sleep(0.01)
        if not host.states:
            raise SystemExit(f"the node told nothing:\n{board.log_tail()}")
        log = (folder / "flash.run" / "log.txt").read_text("utf-8", "replace")
        alive = board.alive
        return {
            "host": host,
            "alive": alive,
            "memory_errors": log.count("MemoryError") + log.count("memory allocation failed"),
            "restarts": sum(host.states[-1]["restarts"].values()) + len(host.boots) - 1,
            "missing": missing(host),
            "seconds": round(time.monotonic() - began, 1),
            "connections": proxy.connections,
            "done": done,
            "tail": log.splitlines()[-25:],
            "total": board.heap_bytes,
        }
    finally:
        board.stop()
        host.close()
        proxy.close()


def missing(host: Host) -> int:
    """Records that the newest state has numbered and that did not arrive."""
    newest = host.states[-1]
    return sum((newest["boot"], seq) not in host.seen for seq in range(newest["next"]))


def parts(states: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The states, cut into PARTS equal spans of the node's time."""
    span = (states[-1]["u"] + 1) / PARTS
    cut: list[list[dict[str, Any]]] = [[] for _ in range(PARTS)]
    for state in states:
        cut[int(state["u"] / span)].append(state)
    return cut


def growth(run: dict[str, Any]) -> tuple[float, list[dict[str, Any]]]:
    """Bytes a day, and a row for every part: minimum, median and maximum allocated, smallest largest block."""
    states = run["host"].states
    rows = []
    for part in parts(states):
        used = [run["total"] - s["heap_free"] for s in part]
        if not used:
            continue
        rows.append(
            {
                "from_h": round(part[0]["u"] / 3.6e6, 1),
                "states": len(part),
                "min": min(used),
                "median": int(statistics.median(used)),
                "max": max(used),
                "block": min(s["heap_block"] for s in part),
            }
        )
    days = states[-1]["u"] / DAY_MS / PARTS * (len(rows) - 2)
    return (rows[-1]["median"] - rows[1]["median"]) / days, rows


def svg(run: dict[str, Any], path: Path) -> None:
    """Draw what is allocated over the time."""
    states = run["host"].states
    used = [run["total"] - s["heap_free"] for s in states]
    last = states[-1]["u"]
    points = " ".join(
        f"{40 + 740 * s['u'] / last:.1f},{260 - 240 * u / run['total']:.1f}"
        for s, u in zip(states, used, strict=True)
    )
    days = last / DAY_MS
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 300" font-family="sans-serif" font-size="12">'
        '<rect width="800" height="300" fill="white"/><path d="M40 20V260H780" fill="none" stroke="#888"/>'
        f'<text x="44" y="16">heap {run["total"] / 1024:.0f} kB</text><text x="36" y="264" text-anchor="end">0</text>'
        f'<text x="780" y="280" text-anchor="end">{days:.1f} days</text>'
        f'<polyline points="{points}" fill="none" stroke="#1769aa" stroke-width="1"/>'
        f'<text x="44" y="280">allocated after a collection, as the node publishes it</text></svg>\n',
        "utf-8",
    )


def main() -> int:
    """Run the bench; returns the exit status."""
    quick = bool(os.environ.get("QUICK"))
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    words.add_argument("--days", type=float, default=0.3 if quick else 7.0, help="simulated days")
    words.add_argument(
        "--heap", default=None, help="heap of the node; the default is that of the virtual board"
    )
    words.add_argument("--svg", type=Path, help="draw the curve into this file")
    words.add_argument("--data", help="not needed: nothing is read")
    said = words.parse_args()
    sys.path[:0] = [str(ROOT / "firmware"), str(ROOT / "tools"), str(ROOT / "host")]
    from babbitt.acquisition.broker import EmbeddedBroker
    from babbitt_tools.vboard.board import HEAP

    windows = round(said.days * DAY_MS / 1000 / INTERVAL_S)
    size = said.heap or HEAP
    broker = EmbeddedBroker()
    broker.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            run = week(Path(name) / "week", broker.port, windows, size, leak=False)
            leaky = week(Path(name) / "leak", broker.port, min(windows, 84), size, leak=True)
    finally:
        broker.stop()
    for each, name in ((run, "node"), (leaky, "leaking node")):
        if len(each["host"].states) < 2 * PARTS:
            print("\n".join(each["tail"]), file=sys.stderr)
            raise SystemExit(f"the {name} told {len(each['host'].states)} states")
    figure, rows = growth(run)
    baseline, _ = growth(leaky)
    host = run["host"]
    for row in rows:
        bar = "#" * round(40 * row["median"] / run["total"])
        print(
            f"from {row['from_h']:6.1f} h {row['min']:8} {row['median']:8} {row['max']:8}  {bar:40} block {row['block']}",
            file=sys.stderr,
        )
    if said.svg:
        svg(run, said.svg)
    distinct = len(host.seen)
    few = (
        rows[-1]["median"] - rows[1]["median"] <= STEP
    )  # in a short run a block or two are more than the goal
    ok = (figure <= GOAL or few) and baseline > 10 * GOAL and run["alive"]
    ok = ok and not (run["memory_errors"] or run["restarts"] or run["missing"])
    if not ok:
        print("\n".join(run["tail"]), file=sys.stderr)
    print(
        json.dumps(
            {
                "bench": "soak",
                "figure": round(figure),
                "unit": "bytes of growth a day",
                "baseline": round(baseline),
                "ratio": round(figure / baseline, 4) if baseline else None,
                "goal": GOAL,
                "ok": ok,
                "baseline_is": "the same firmware with a leak of one small list a record",
                "simulated_days": round(host.states[-1]["u"] / DAY_MS, 2),
                "windows": host.rows,
                "reconnections": run["connections"] - 1,
                "configurations": run["done"]["desired"],
                "host_absences": run["done"]["absent"],
                "records": {
                    "numbered": host.states[-1]["next"],
                    "received": distinct,
                    "missing": run["missing"],
                },
                "received_twice": host.records - distinct,
                "discarded": host.states[-1]["discarded"],
                "memory_errors": run["memory_errors"],
                "restarts": run["restarts"],
                "heap": run["total"],
                "curve": rows,
                "seconds": run["seconds"],
            }
        )
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
