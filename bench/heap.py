"""In how small a heap does a node run, and what takes it?

    python bench/heap.py [--full] [--windows N] [--firmware DIR]        QUICK=1 runs fewer windows

A node runs on the virtual board (MicroPython, 64 bits) against a real broker: a 512-sample accelerometer, a
thermometer and three checks, or with `--full` the FULL configuration below. Half-way it is given a new
configuration. The figure is the smallest heap, to 1 KiB (QUICK: 4) and the shim's share apart, in which it sends
all its windows and takes the configuration over without a MemoryError; firmware and shim lie in ROMFS images
outside the heap, as on an ESP32 with a ROMFS partition. The baseline is the same for the firmware as bytecode in
the file system, as an official MicroPython image of an ESP32 runs it: its import copies the code to the heap.

`details.allocated`: with a large heap a few lines before the node's own main.py have it tell, every ten seconds,
the bytes allocated after a collection; the highest of these once the birth has arrived at the broker, less the
shim's share and those few lines. `buffers`: how much of it is data of bytearrays and arrays, which is as large on
32 bits; everything else is made of words, of which 32 bits need half. `estimate_32_bits` is worked out from that.
It is no measurement; on a board the heap is one of the things tried first.
`details.modules`: for every module the bytes of its .mpy and what its import leaves on the heap, run in place and
copied, in the order of imports; a module that is thrown away after use has `kept: false`.

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

ROOT = Path(__file__).resolve().parent.parent
GOAL = 100 * 1024
START_MS = 1_789_000_000_000
OWN = "babbitt/1/bench/node/"
INTERVAL_S = 10
ROOMY = 1 << 20
CONFIG: dict[str, Any] = {
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
FULL: dict[str, Any] = {
    "asset": {"name": "Pump 7", "kind": "machine"},
    "interval_s": INTERVAL_S,
    "sensors": [
        {
            "id": "vib",
            "driver": "adxl345",
            "bus": "spi0",
            "window": 1024,
            "peaks": 2,
            "rpm": 1480,
            "features": ["rms", "peak", "crest", "kurt", "velocity"],
            "bands": [[10, 200], [200, 1000]],
            "envelope": {"lo": 500, "hi": 1500, "peaks": 1},
        },
        {"id": "temp", "driver": "ds18b20", "bus": "ow0"},
    ],
    "checks": [
        {"id": "temp.high", "type": "limit", "channel": "temp.mean", "h": 70000},
        {"id": "temp.fast", "type": "rate", "channel": "temp.mean", "h": 20000},
        {"id": "temp.flat", "type": "flat", "channel": "temp.mean", "on_delay_s": 36000},
        {"id": "temp.gone", "type": "missing", "channel": "temp.mean"},
        {"id": "vib.x.odd", "type": "zscore", "channel": "vib.x.rms"},
        {"id": "vib.y.odd", "type": "zscore", "channel": "vib.y.rms"},
        {"id": "vib.z.worn", "type": "cusum", "channel": "vib.z.rms"},
        {"id": "vib.two", "type": "vote", "of": ["vib.x.odd", "vib.y.odd", "vib.z.worn"], "k": 2},
    ],
}
"""All a node can be asked for at once: settings that later versions bring belong here."""
PROBE = """
import asyncio, gc
gc.collect()
_before = gc.mem_alloc()
def _data(what, seen, found, depth=0):
    # (address, bytes) of the bytearrays and arrays that can be reached from an object, into `found`
    from array import array
    from uctypes import addressof
    if isinstance(what, (bytearray, array, memoryview)):
        found.append((addressof(what), len(bytes(what))))
    elif isinstance(what, (list, tuple)):
        for item in what:
            _data(item, seen, found, depth + 1)
    elif depth < 12:
        if not isinstance(what, dict):
            if id(what) in seen or not hasattr(what, "__dict__"):
                return
            seen.add(id(what))
            what = what.__dict__
        for item in list(what.values()):
            _data(item, seen, found, depth + 1)
def _buffers(node, modules):
    found = []
    # The shim and its models of sensors lie behind modules that are imported, and behind the buses.
    shim = {id(bus) for bus in node.board._buses.values()}
    shim.update(id(module) for module in modules.values())
    _data(node, set(shim), found)
    for name in modules:
        if name.startswith("babbitt"):
            _data(modules[name].__dict__, set(shim), found)
    total = end = 0
    for at, size in sorted(found):
        total += max(0, at + size - max(at, end))
        end = max(end, at + size)
    return total
class _Told:
    def __init__(self, node):
        self.node = node
    async def tell(self):
        from sys import modules
        for beat in range(1000000):
            gc.collect()
            print("@heap", gc.mem_alloc() - _probe)
            if beat < 6:
                for name in sorted(modules):
                    print("@loaded", name) if name.startswith("babbitt") else None
            if beat == 6:
                print("@data", _buffers(self.node, modules))
            await asyncio.sleep(10)
    async def __call__(self):
        asyncio.create_task(self.tell())
        await self.node.run()
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
if {rom!r}:
    import vrom
    vrom.mount("node_rom", "/rom")
    sys.path[0] = "/rom"
for name in {names!r}:
    gc.collect()
    before = gc.mem_alloc()
    try:
        __import__(name)
    except ImportError:  # a module for CPython alone
        continue
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
        self.reported: dict[str, Any] = {}
        self.away = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(OWN + "#", 1)
        self._client.loop_start()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._say, daemon=True)
        self._thread.start()

    def host(self) -> dict[str, Any]:
        """What `$host` says."""
        return {"online": True, "t": START_MS, "session": "bench"}

    def _say(self) -> None:
        while not self._ended.wait(0.2):
            if not self.away:
                self._client.publish("babbitt/1/bench/$host", json.dumps(self.host()), 1, True)

    def leave(self) -> None:
        """Go offline: nothing is committed any more."""
        self.away = True
        self._client.publish("babbitt/1/bench/$host", '{"online":false}', 1, True)

    def back(self) -> None:
        """Be online again."""
        self.away = False
        self._client.publish("babbitt/1/bench/$host", json.dumps(self.host()), 1, True)

    def take(self, what: str, doc: dict[str, Any]) -> None:
        """A message of the node arrived."""

    def _take(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        if message.retain:
            return  # of a node before this one
        what = message.topic.rsplit("/", 1)[1]
        if what not in ("birth", "reported", "state", "data", "event") or not message.payload:
            return
        doc = json.loads(message.payload)
        self.take(what, doc)
        if what == "birth":
            self.births += 1
        elif what == "reported":
            self.reported = doc
        elif what in ("data", "event"):
            rows = len(doc["rows"]) if what == "data" else 1
            self.rows += rows if what == "data" else 0
            self.events += what == "event"
            if not self.away:
                last = {"i": doc["i"], "boot": doc["boot"], "seq": doc["seq"] + rows - 1}
                client.publish(OWN + "commit", json.dumps(last))

    def desire(self, version: int, config: dict[str, Any]) -> None:
        """Ask for a configuration."""
        document = json.dumps({"version": version, "config": config})
        self._client.publish(OWN + "desired", document, 1, True)

    def close(self) -> None:
        """Leave, and take the wish back."""
        self._client.publish(OWN + "desired", b"", 1, True).wait_for_publish(5)
        self._ended.set()
        self._client.loop_stop()
        self._client.disconnect()


@dataclass(frozen=True)
class Asked:
    """What is run: settings, windows, and where the firmware lies."""

    config: dict[str, Any]
    port: int
    windows: int
    rom: bool = True


def run(folder: Path, asked: Asked, heap: int, *, probe: bool) -> dict[str, Any]:
    """One node on a heap of `heap` bytes, the shim's share added, until it has told its windows or failed.

    With `probe` it tells what it takes: the highest allocation, the data of buffers, the modules loaded.
    """
    from babbitt_tools.vboard import flash
    from babbitt_tools.vboard.board import VirtualBoard

    image = folder / "image"
    image.mkdir(parents=True)
    story = (flash.firmware()[1] / "main.py").read_text("utf-8")
    if probe:
        story = PROBE + story.replace("asyncio.run(node.run())", "asyncio.run(_Told(node)())")
        assert "_Told(node)" in story, "main.py does not run the node as this bench expects"
    (image / "main.py").write_text(story, "utf-8")
    boot = flash.firmware()[1] / "boot.py"
    if boot.exists():
        (image / "boot.py").write_bytes(boot.read_bytes())
    wifi = {"ssid": "bench", "password": "bench"}
    node = {
        "site": "bench",
        "node": "node",
        "broker": {"host": "127.0.0.1", "port": asked.port},
        "wifi": wifi,
    }
    listener = Listener(asked.port)
    board = VirtualBoard(
        "node", folder / "flash", Shaking(), node=node, config=asked.config, speed=1000.0,
        heap=str(heap), runtime="micropython", image=image, rom=asked.rom,
    )  # fmt: skip
    wish = {**asked.config, "asset": {"name": "Pump 8", "kind": "machine"}}
    wished = False
    try:
        board.start()
        end = time.monotonic() + 20 + asked.windows * 0.15
        failed = taken = False
        while time.monotonic() < end and board.alive and not failed:
            if listener.rows >= asked.windows and taken:
                break
            if listener.rows > asked.windows // 2 and not wished:
                listener.desire(2, wish)
                wished = True
            time.sleep(0.02)
            answer = (listener.reported.get("version"), listener.reported.get("state"))
            taken = answer == (2, "applied")
            failed = answer == (2, "rejected") or any(
                word in board.log_tail(200) for word in ("MemoryError", "memory allocation")
            )
        board.stop()
        log = (folder / "flash.run" / "log.txt").read_text("utf-8").splitlines()
        told = {
            what: [line.split()[1] for line in log if line.startswith(what + " ") and len(line.split()) == 2]
            for what in ("@heap", "@data", "@loaded")
        }
        heaps = [int(value) for value in told["@heap"]]
        return {
            "ok": listener.rows >= asked.windows and taken and not failed,
            "rows": listener.rows,
            "reported": listener.reported,
            "events": listener.events,
            "highest": max(heaps[1:], default=0),  # the first word comes before the node has connected
            "data": int(told["@data"][0]) if told["@data"] else 0,
            "shim": board.shim_bytes,
            "loaded": set(told["@loaded"]),
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


def modules(folder: Path, rom: bool) -> dict[str, list[int]]:
    """For each module the bytes of its .mpy and of its import, in the order of imports."""
    from babbitt_tools.vboard import flash, runtime

    package = flash.firmware()[0]
    files = {f"babbitt_node/{name}": data for name, data in runtime.modules(package).items()}
    names = in_order(package)
    program = folder / "imports.py"
    program.parent.mkdir(parents=True)
    program.write_text(IMPORTS.format(path=str(folder), names=names, rom=rom), "utf-8")
    runtime.write(files, folder)
    if rom:
        vrom = runtime.bytecode(runtime.SHIM / "vrom.py", "vrom.py")
        runtime.write({"vrom.mpy": vrom, "node_rom.mpy": runtime.carrier(files)}, folder)
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


def smallest(folder: Path, asked: Asked, allocated: int, step: int) -> int:
    """The smallest heap, to `step` KiB, in which the node runs; bytes, the shim's share apart."""
    low, high = allocated // 1024, allocated * 2 // 1024
    while high - low > step:
        middle = (low + high) // 2
        if run(folder / f"heap{middle}", asked, middle * 1024, probe=False)["ok"]:
            high = middle
        else:
            low = middle
    return high * 1024


def main() -> int:
    """Run the bench; returns the exit status."""
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    words.add_argument("--full", action="store_true", help="the FULL configuration")
    words.add_argument("--windows", type=int, default=10 if os.environ.get("QUICK") else 60)
    words.add_argument("--firmware", type=Path, default=ROOT / "firmware")
    words.add_argument("--data", help="not needed: nothing is read")
    said = words.parse_args()
    sys.path[:0] = [str(said.firmware), str(ROOT / "tools"), str(ROOT / "host")]
    from babbitt.acquisition.broker import EmbeddedBroker

    started = time.monotonic()
    step = 4 if os.environ.get("QUICK") else 1
    broker = EmbeddedBroker()
    broker.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            nodes, least, tables = {}, {}, {}
            for rom in (True, False):
                where = "rom" if rom else "copied"
                asked = Asked(FULL if said.full else CONFIG, broker.port, said.windows, rom)
                node = nodes[where] = run(folder / where, asked, ROOMY, probe=True)
                if not node["ok"]:
                    print("\n".join(node["tail"]), file=sys.stderr)
                    raise SystemExit(f"the node told {node['rows']} of {asked.windows} windows")
                tables[where] = modules(folder / f"modules-{where}", rom)
                asked = replace(asked, windows=min(said.windows, 20))
                least[where] = smallest(
                    folder / f"least-{where}", asked, node["highest"] - node["shim"], step
                )
    finally:
        broker.stop()
    node, table = nodes["rom"], tables["rom"]
    allocated = {where: each["highest"] - each["shim"] for where, each in nodes.items()}
    code = sum(size for size, _ in table.values())
    result = {
        "bench": "heap",
        "figure": least["rom"],
        "unit": "bytes of heap",
        "baseline": least["copied"],
        "ratio": round(least["rom"] / least["copied"], 3),
        "goal": GOAL,
        "ok": least["rom"] <= GOAL,
        "configuration": "full" if said.full else "small",
        "baseline_is": "the same firmware as bytecode in the file system: importing copies it to the heap",
        "measured": "on the virtual board, 64 bits, at a real broker",
        "allocated": allocated,
        "buffers": node["data"],
        "estimate_32_bits": {
            "allocated": (allocated["rom"] + node["data"]) // 2,
            "heap": (least["rom"] + node["data"]) // 2,
            "heap_copied": (
                least["copied"] + min(code, allocated["copied"] - allocated["rom"]) + node["data"]
            )
            // 2,
        },
        "shim_bytes": node["shim"],
        "windows": node["rows"],
        "events": node["events"],
        "all_modules": {
            "mpy": code,
            "in_place": sum(m[1] for m in table.values()),
            "copied": sum(m[1] for m in tables["copied"].values()),
        },
        "modules": {
            k: {"mpy": v[0], "in_place": v[1], "copied": tables["copied"][k][1], "kept": k in node["loaded"]}
            for k, v in table.items()
        },
        "seconds": round(time.monotonic() - started, 1),
    }
    print(f"{'module':36}{'.mpy':>7}{'heap':>7}{'copied':>7}", file=sys.stderr)
    for module, row in result["modules"].items():
        kept = "" if row["kept"] else "  loaded when needed"
        print(f"{module:36}{row['mpy']:7}{row['in_place']:7}{row['copied']:7}{kept}", file=sys.stderr)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
