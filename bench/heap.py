"""How much of the heap does a running node take, and what takes it?

    python bench/heap.py [--smallest] [--windows N] [--firmware DIR]        QUICK=1 runs fewer windows

A node with a 512-sample accelerometer, a thermometer and three checks runs on the virtual board (MicroPython,
64 bits) against a real broker. A few lines before its own main.py have it tell, every ten seconds, the bytes
allocated after a collection. The figure is the highest of these after the birth has arrived at the broker,
less what the shim in place of the hardware takes and those few lines. The baseline is the same for the
firmware of BEFORE, recorded then; `--firmware DIR` measures another version (a folder with `babbitt_node` and
main.py), and so can measure it anew.

`details.modules`: for every module the bytes of its .mpy and what its import leaves on the heap, in the order
of imports; a module that is thrown away after use has `kept: false`.
`--smallest` also looks for the smallest heap in which the node runs all its windows without a MemoryError.

The last line of the output is one JSON object. Exit status 1 if the figure is above the goal.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

ROOT = Path(__file__).resolve().parent.parent
GOAL = 100_000
BEFORE = ("b87a919", 202400)
"""The commit before the node was made to fit, and the figure of this script for it."""
START_MS = 1_789_000_000_000
OWN = "babbitt/1/bench/node/"
INTERVAL_S = 10
ROOMY = 1 << 20
CONFIG = {
    "asset": {"name": "Pump 7", "kind": "machine"},
    "interval_s": INTERVAL_S,
    "sensors": [
        {"id": "vib", "driver": "adxl345", "bus": "spi0", "window": 512},
        {"id": "temp", "driver": "ds18b20", "bus": "ow0"},
    ],
    "checks": [
        {"id": "vib.x.high", "type": "limit", "channel": "vib.x.rms", "h": 1500000, "hh": 3000000},
        {"id": "vib.x.odd", "type": "zscore", "channel": "vib.x.rms"},
        {"id": "temp.high", "type": "limit", "channel": "temp.mean", "h": 70000},
    ],
}
PROBE = """
import asyncio, gc
gc.collect()
_before = gc.mem_alloc()
class _Told:
    def __init__(self, run):
        self.run = run
    async def tell(self):
        from sys import modules
        while True:
            gc.collect()
            print("@heap", gc.mem_alloc() - _probe)
            for name in sorted(modules):
                print("@loaded", name) if name.startswith("babbitt") else None
            await asyncio.sleep(10)
    async def __call__(self):
        asyncio.create_task(self.tell())
        await self.run()
gc.collect()
_probe = gc.mem_alloc() - _before
"""
IMPORTS = """
import gc, sys
sys.path[:] = [{path!r}, ".frozen"]
import asyncio, array, binascii, errno, hashlib, io, json, os, select, socket, struct, time
class _Machine:
    RTC = None
sys.modules["machine"] = _Machine
for name in {names!r}:
    gc.collect()
    before = gc.mem_alloc()
    __import__(name)
    gc.collect()
    print(name, gc.mem_alloc() - before)
"""


class Shaking:
    """A machine in a warm room: noise on three axes, with a blow now and then."""

    sensors: tuple[str, ...] = ("adxl345", "ds18b20")
    utc_start_ms = START_MS
    end_us: int | None = None

    def __init__(self) -> None:
        self.faults: dict[str, Any] = {}
        self._random = np.random.default_rng(7)

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> np.ndarray:
        """Counts, int16, shape (n, 3)."""
        size = 400.0 if burst_start_us // 200_000_000 % 2 else 60.0
        return self._random.normal((0, 0, 256), size, (n, 3)).clip(-4096, 4095).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        """Degrees C."""
        return 45.0 + t_us / 3.6e9


class Listener:
    """A host as far as the node needs one: online, and it commits everything at once."""

    def __init__(self, port: int) -> None:
        self.rows = self.births = self.events = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(OWN + "#", 1)
        self._client.loop_start()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._say, daemon=True)
        self._thread.start()

    def _say(self) -> None:
        while not self._ended.wait(0.2):
            host = {"online": True, "t": START_MS, "session": "bench"}
            self._client.publish("babbitt/1/bench/$host", json.dumps(host), 1, True)

    def _take(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        what = message.topic.rsplit("/", 1)[1]
        if what == "birth":
            self.births += 1
        elif what in ("data", "event"):
            doc = json.loads(message.payload)
            rows = len(doc["rows"]) if what == "data" else 1
            self.rows += rows if what == "data" else 0
            self.events += what == "event"
            last = {"i": doc["i"], "boot": doc["boot"], "seq": doc["seq"] + rows - 1}
            client.publish(OWN + "commit", json.dumps(last))

    def close(self) -> None:
        """Leave."""
        self._ended.set()
        self._client.loop_stop()
        self._client.disconnect()


def run(folder: Path, port: int, heap: int, windows: int) -> dict[str, Any]:
    """One node on a heap of `heap` bytes, the shim's share added, until it has told `windows` rows or failed.

    Returns the rows, the births, the highest allocation it told, the shim's share, and its last words.
    """
    from babbitt_tools.vboard import flash
    from babbitt_tools.vboard.board import VirtualBoard

    image = folder / "image"
    image.mkdir(parents=True)
    story = (flash.firmware()[1] / "main.py").read_text("utf-8")
    story = story.replace("asyncio.run(node.run())", "asyncio.run(_Told(node.run)())")
    assert "_Told" in story, "main.py does not run the node as this bench expects"
    (image / "main.py").write_text(PROBE + story, "utf-8")
    boot = flash.firmware()[1] / "boot.py"
    if boot.exists():
        (image / "boot.py").write_bytes(boot.read_bytes())
    wifi = {"ssid": "bench", "password": "bench"}
    node = {"site": "bench", "node": "node", "broker": {"host": "127.0.0.1", "port": port}, "wifi": wifi}
    listener = Listener(port)
    board = VirtualBoard(
        "node", folder / "flash", Shaking(), node=node, config=CONFIG, speed=1000.0,
        heap=str(heap), runtime="micropython", image=image,
    )  # fmt: skip
    try:
        board.start()
        end = time.monotonic() + 20 + windows * 0.15
        failed = False
        while listener.rows < windows and time.monotonic() < end and board.alive and not failed:
            time.sleep(0.05)
            failed = any(word in board.log_tail(200) for word in ("MemoryError", "memory allocation"))
        log = (folder / "flash.run" / "log.txt").read_text("utf-8").splitlines()
        told = [int(line.split()[1]) for line in log if line.startswith("@heap")]
        return {
            "ok": listener.rows >= windows and listener.births > 0 and not failed,
            "rows": listener.rows,
            "events": listener.events,
            "highest": max(told[1:], default=0),  # the first word comes before the node has connected
            "shim": board.shim_bytes,
            "loaded": {line.split()[1] for line in log if line.startswith("@loaded")},
            "tail": [line for line in log if not line.startswith("@")][-12:],
        }
    finally:
        board.stop()
        listener.close()


def in_order(package: Path) -> list[str]:
    """Names of the modules of a package, each behind what it imports."""
    files = {
        ".".join(f.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"): f
        for f in sorted(package.rglob("*.py"))
    }
    found: list[str] = []

    def visit(name: str) -> None:
        if name in found or name not in files or name in open_now:
            return
        open_now.append(name)
        if "." in name:
            visit(name.rpartition(".")[0])
        for node in ast.parse(files[name].read_text("utf-8")).body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    visit(alias.name)
            elif isinstance(node, ast.ImportFrom):
                package = files[name].name == "__init__.py"
                parts = [*name.split("."), "__init__"] if package else name.split(".")
                module = ".".join([*parts[: -node.level], node.module or ""]) if node.level else node.module
                visit(str(module).strip("."))
                for alias in node.names:
                    visit(f"{module}.{alias.name}")
        found.append(name)

    open_now: list[str] = []
    for name in files:
        visit(name)
    return found


def modules(folder: Path) -> dict[str, list[int]]:
    """For each module the bytes of its .mpy and of its import, in the order of imports."""
    from babbitt_tools.vboard import flash, runtime

    package = flash.firmware()[0]
    runtime.install(package, folder / "babbitt_node", compiled=True)
    names = in_order(package)
    program = folder / "imports.py"
    program.write_text(IMPORTS.format(path=str(folder), names=names), "utf-8")
    binary = str(runtime.find_tool("micropython"))
    done = subprocess.run(
        [binary, "-X", f"heapsize={ROOMY}", str(program)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the modules cannot be imported:\n{done.stdout}{done.stderr}")
    table = {}
    for line in done.stdout.splitlines():
        name, taken = line.split()
        file = folder / Path(*name.split("."))
        file = file / "__init__.mpy" if file.is_dir() else file.with_suffix(".mpy")
        table[name] = [file.stat().st_size, int(taken)]
    return table


def smallest(folder: Path, port: int, windows: int) -> int:
    """The smallest heap, in steps of 1 KiB, in which the node runs its windows; bytes, the shim's share apart."""
    low, high = 64, 512
    while high - low > 1:
        middle = (low + high) // 2
        if run(folder / f"heap{middle}", port, middle * 1024, windows)["ok"]:
            high = middle
        else:
            low = middle
    return high * 1024


def main() -> int:
    """Run the bench; returns the exit status."""
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    words.add_argument("--smallest", action="store_true", help="look for the smallest heap as well")
    words.add_argument("--windows", type=int, default=20 if os.environ.get("QUICK") else 100)
    words.add_argument("--firmware", type=Path, default=ROOT / "firmware")
    words.add_argument("--data", help="not needed: nothing is read")
    asked = words.parse_args()
    sys.path[:0] = [str(asked.firmware), str(ROOT / "tools"), str(ROOT / "host")]
    from babbitt.acquisition.broker import EmbeddedBroker

    started = time.monotonic()
    broker = EmbeddedBroker()
    broker.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            node = run(folder / "node", broker.port, ROOMY, asked.windows)
            if not node["ok"]:
                print("\n".join(node["tail"]), file=sys.stderr)
                raise SystemExit(f"the node told {node['rows']} of {asked.windows} windows")
            table = modules(folder / "modules")
            least = smallest(folder, broker.port, asked.windows) if asked.smallest else None
    finally:
        broker.stop()
    figure = node["highest"] - node["shim"]
    result = {
        "bench": "heap",
        "figure": figure,
        "unit": "bytes",
        "baseline": BEFORE[1],
        "ratio": round(figure / BEFORE[1], 3),
        "goal": GOAL,
        "ok": figure <= GOAL,
        "baseline_is": f"the same for the firmware of commit {BEFORE[0]}, recorded; --firmware measures it anew",
        "measured": "gc.mem_alloc() in the node on the virtual board, 64 bits, at a real broker",
        "shim_bytes": node["shim"],
        "windows": node["rows"],
        "events": node["events"],
        "smallest_heap": least,
        "all_modules": {
            "mpy": sum(m[0] for m in table.values()),
            "import": sum(m[1] for m in table.values()),
        },
        "modules": {k: {"mpy": v[0], "import": v[1], "kept": k in node["loaded"]} for k, v in table.items()},
        "seconds": round(time.monotonic() - started, 1),
    }
    for module, (size, taken) in table.items():
        kept = "" if module in node["loaded"] else "  loaded when needed"
        print(f"{module:36}{size:7}{taken:7}{kept}", file=sys.stderr)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
