"""A small plant of real parts: `babbitt host` in a process of its own, brokers, virtual boards, and the means to look at them."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from babbitt.store.reader import StoreReader
from babbitt.store.views import EventView, NodeView
from babbitt_tools.account import numbered
from babbitt_tools.sim.coldroom import ColdRoom
from babbitt_tools.sim.machine import Machine
from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.world import World

SITE = "plant"
START_MS = 1_789_000_000_000
MAIN = (sys.executable, "-c", "from babbitt.cli import main; main()")
UNCLEAN = "unclean end: at most one window lost"
UNSAID = "its end was never announced: at most one window lost"


def until(what: Callable[[], Any], seconds: float = 20.0, why: Callable[[], object] = lambda: "") -> Any:
    """Wait until `what()` is true and give it; fails after `seconds` and says what `why()` gives."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain; {why()}"
        time.sleep(0.02)
    return found


def command(*words: object, code: int = 0, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `babbitt WORDS...` to its end; fails if its exit status is not `code`."""
    wide = os.environ | {"COLUMNS": "200"}
    line = [*MAIN, *(str(word) for word in words)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=timeout, check=False, env=wide)
    assert done.returncode == code, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def said(*words: object, code: int = 0) -> Any:
    """What `babbitt WORDS... --json` prints."""
    return json.loads(command(*words, "--json", code=code).stdout)


def free_port() -> int:
    """A port of the loopback that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether something accepts connections on a port of the loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class HostProcess:
    """`babbitt host` with its store in `folder`/store, for simulated time. `address` and `page` hold after `start`."""

    def __init__(self, folder: Path, *options: object) -> None:
        self.store = folder / "store"
        self._log = folder / "host.log"
        self._options = [str(option) for option in options]
        self._process: subprocess.Popen[bytes] | None = None
        self.address = self.page = ""

    @property
    def port(self) -> int:
        """Of its broker."""
        return int(self.address.rpartition(":")[2])

    def start(self) -> None:
        """Start it and wait until it has said where it listens."""
        at = self._log.stat().st_size if self._log.exists() else 0
        line = [*MAIN, "host", "--store", str(self.store), "--accept-simulated-time", *self._options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT)

        def after(words: str) -> str:
            lines = self._log.read_bytes()[at:].decode().splitlines(keepends=True)
            return next(
                (li.partition(words)[2].rstrip(".\n") for li in lines if words in li and li.endswith("\n")),
                "",
            )

        self.address = until(lambda: after("nodes connect to "), 30, self.log_tail)
        if "--no-web" not in self._options:
            self.page = until(lambda: after("The page is at "), 60, self.log_tail)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ctrl-C; fails if it does not end in order."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the host does not end:\n{self.log_tail()}") from None
        assert code == 0, f"the host ended with {code}:\n{self.log_tail()}"

    def log_tail(self, lines: int = 40) -> str:
        """The last lines it printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])


class Mosquitto:
    """A Mosquitto that keeps nothing over a kill. `port` stays the same from start to start."""

    def __init__(self, folder: Path, program: str) -> None:
        self.port = free_port()
        settings = folder / "mosquitto.conf"
        settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._line = [program, "-c", str(settings)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(self._line, stderr=subprocess.DEVNULL)
        until(lambda: answers(self.port))

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Both(Machine):
    """A machine in a cold room: a world with both sensors."""

    sensors: tuple[str, ...] = ("adxl345", "ds18b20")

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._room = ColdRoom(seed=self.seed, utc_start_ms=self.utc_start_ms, days=30)

    def temperature(self, t_us: int) -> float:
        """Degrees C of the room's air."""
        return self._room.temperature(t_us)


def well(seed: int = 1) -> Machine:
    """A machine that stays well for as long as a test lasts."""
    return Machine(seed=seed, utc_start_ms=START_MS, life_h=10_000, onset_h=10_000)


def motor(name: str, interval_s: int = 10, **check: int) -> dict[str, Any]:
    """A configuration: one accelerometer with a small window; `check` are settings of a limit check on vib.x.rms."""
    limit = {"id": "x-high", "type": "limit", "channel": "vib.x.rms", **check}
    return {
        "asset": {"name": name, "kind": "machine"},
        "interval_s": interval_s,
        "sensors": [{"id": "vib", "driver": "adxl345", "bus": "spi0", "window": 128}],
        "checks": [limit] if check else [],
    }


class Plant:
    """Boards on one broker, with their flash below `folder`. `store` is the folder of the host's store."""

    def __init__(self, folder: Path, store: Path, port: int) -> None:
        self.folder, self.store, self.port = folder, store, port
        self.boards: dict[str, VirtualBoard] = {}

    def add(
        self, name: str, world: World, config: Mapping[str, Any], speed: float, **node: Any
    ) -> VirtualBoard:
        """Make a board with the real firmware and switch it on; `node` are more keys of node.json."""
        wifi, broker = {"ssid": "hall", "password": "virtual"}, {"host": "127.0.0.1", "port": self.port}
        settings = {"site": SITE, "node": name, "wifi": wifi, "broker": broker} | node
        board = VirtualBoard(name, self.flash(name), world, node=settings, config=config, speed=speed)
        self.boards[name] = board
        board.start()
        return board

    def flash(self, name: str) -> Path:
        """The flash of a board."""
        return self.folder / "boards" / name

    def close(self) -> None:
        """Switch all boards off."""
        for board in self.boards.values():
            board.stop()

    def told(self) -> str:
        """What the boards printed last, for the message of a failure."""
        return "\n".join(f"--- {name}\n{b.log_tail(25)}\n{b.error!r}" for name, b in self.boards.items())

    def wait(self, what: Callable[[], Any], seconds: float = 20.0) -> Any:
        """`until`, with what the boards say and the store holds if it fails."""
        return until(what, seconds, lambda: f"stored {self.counts()}\n{self.told()}")

    def counts(self) -> dict[str, dict[int, int]]:
        """Records stored by node and boot."""
        return {name: {boot: len(seqs) for boot, seqs in self.stored(name).items()} for name in self.boards}

    def stored(self, name: str) -> dict[int, list[int]]:
        """Every stored seq of a node by boot, ascending, straight from SQLite."""
        path = self.store / "babbitt.sqlite3"
        if not path.exists():
            return {}
        found: dict[int, list[int]] = {}
        conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            runs = conn.execute(
                "SELECT r.boot, r.first, r.last FROM runs r JOIN installs i ON i.id=r.install_id"
                " JOIN nodes n ON n.id=i.node_id WHERE n.site=? AND n.node=? ORDER BY r.boot, r.first",
                (SITE, name),
            ).fetchall()
        finally:
            conn.close()
        for boot, first, last in runs:
            found.setdefault(boot, []).extend(range(first, last + 1))
        return found

    def rows(self, name: str) -> list[list[int | None]]:
        """Every stored row of a node as on the wire: [u, t, recipe, values...]; t is what the host made of it."""
        reader = StoreReader(self.store)
        try:
            return [[r.u, r.t, r.recipe, *r.values] for r in reader.records(SITE, name)]
        finally:
            reader.close()

    def newest(self, name: str) -> tuple[int, int]:
        """(boot, seq) of the newest record on the node's own flash; (0, -1) before the first."""
        return numbered(self.flash(name)) or (0, -1)

    def delivered(self, name: str, seconds: float = 20.0) -> None:
        """Wait until every record the node has numbered by now is stored, without a hole before it in its boot."""
        boot, seq = self.newest(name)
        self.wait(lambda: self.stored(name).get(boot, [])[: seq + 1] == list(range(seq + 1)), seconds)

    def grown(self, name: str, by: int, seconds: float = 20.0) -> None:
        """Wait until the node has numbered so many more records in this boot, and they are stored."""
        boot, seq = self.newest(name)
        self.wait(lambda: self.newest(name) >= (boot or 1, seq + by), seconds)
        self.delivered(name, seconds)

    def view(self, name: str) -> NodeView:
        """The node as the store knows it."""
        reader = StoreReader(self.store)
        try:
            return reader.node(SITE, name)
        finally:
            reader.close()

    def events(self, name: str, check: str) -> list[EventView]:
        """Events of a node about one check, oldest first."""
        reader = StoreReader(self.store)
        try:
            found = reader.events(SITE, name, 10_000)
        finally:
            reader.close()
        return sorted((e for e in found if e.check == check), key=lambda e: e.id)

    def ledger(self, code: int = 0) -> list[dict[str, Any]]:
        """The rows of `babbitt ledger --json`."""
        rows: list[dict[str, Any]] = said("ledger", "--store", self.store, code=code)["rows"]
        return rows


class Wire:
    """A raw MQTT client that publishes whatever it is given."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.max_queued_messages_set(0)
        self._client.on_disconnect = self._lost
        self.losses = 0
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(self._client.is_connected)

    def _lost(self, *_: object) -> None:
        self.losses += 1

    def send(
        self, topic: str, payload: object, *, retain: bool = False, qos: int = 1, wait: float = 10.0
    ) -> None:
        """Publish (JSON unless it is bytes) and wait until the broker has it; `wait` 0 does not."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = self._client.publish(topic, raw, qos, retain)
        if wait:
            sent.wait_for_publish(wait)
            assert sent.is_published()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


class Tap(Wire):
    """A raw client that also listens to a topic."""

    def __init__(self, port: int, topic: str) -> None:
        super().__init__(port)
        self._heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._client.on_message = lambda _c, _d, m: self._heard.put((m.topic, bytes(m.payload)))
        self._client.subscribe(topic, 1)

    def first(self) -> tuple[str, bytes] | None:
        """(topic, payload) of the oldest message not taken yet, or None."""
        return None if self._heard.empty() else self._heard.get()

    def rest(self) -> list[tuple[str, bytes]]:
        """All messages not taken yet, oldest first."""
        return list(iter(self.first, None))
