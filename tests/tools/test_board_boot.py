"""The real firmware on the virtual board against a real broker: it is born, delivers, and survives a power
cut.
"""

from __future__ import annotations

import json
import queue
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import iotcore
import numpy as np
import paho.mqtt.client as mqtt
import pytest

from babbitt_tools.sim.coldroom import ColdRoom
from babbitt_tools.sim.machine import Machine
from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.flash import virtual_board
from babbitt_tools.vboard.world import Fault

RUNTIMES = [pytest.param("micropython", marks=pytest.mark.part("micropython")), "cpython"]
START_MS = 1_789_000_000_000
VIBRATION = {
    "asset": {"name": "Pump 7", "kind": "machine"},
    "interval_s": 10,
    "sensors": [{"id": "vib", "driver": "adxl345", "bus": "spi0"}],
    "checks": [],
}
ROOM = {
    "asset": {"name": "Room 3", "kind": "cold_room"},
    "interval_s": 60,
    "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": 5}],
    "checks": [],
}


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free: int = probe.getsockname()[1]
    iotcore.Broker(port=free, listen="127.0.0.1").start()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", free), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return free
    raise AssertionError("the broker does not listen")


class Host:
    """A host that is online, says so, and confirms what it gets; `inbox` holds (topic's last part,
    payload).
    """

    def __init__(self, port: int, site: str) -> None:
        self.root = f"babbitt/1/{site}/"
        self.inbox: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(
            [(self.root + "n1/" + t, 1) for t in ("birth", "state", "data", "event", "reported")]
        )
        self.client.loop_start()
        self._said = 0.0
        self._online()

    def _online(self) -> None:
        """Say so, at most twice a second: a resumed session does not bring the retained copy."""
        if time.monotonic() - self._said < 0.5:
            return
        self._said = time.monotonic()
        live = {"online": True, "t": START_MS, "session": "c0ffee12"}
        self.client.publish(self.root + "$host", json.dumps(live), 1, True)

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        kind = message.topic.rsplit("/", 1)[1]
        payload = json.loads(message.payload)
        if kind in ("data", "event"):
            last = payload["seq"] + len(payload.get("rows", [0])) - 1
            confirm = {"i": payload["i"], "boot": payload["boot"], "seq": last}
            client.publish(self.root + "n1/commit", json.dumps(confirm))
        self.inbox.put((kind, payload))

    def expect(self, kind: str, board: VirtualBoard, **fields: Any) -> dict[str, Any]:
        """The next message of a kind with these fields."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            self._online()
            try:
                got, payload = self.inbox.get(timeout=0.2)
            except queue.Empty:
                continue
            if got == kind and all(payload.get(k) == v for k, v in fields.items()):
                return payload
        raise AssertionError(f"no {kind} with {fields}; the board says:\n{board.log_tail()}\n{board.error!r}")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def made() -> Iterator[list[Any]]:
    things: list[Any] = []
    yield things
    for thing in reversed(things):
        thing.close() if isinstance(thing, Host) else thing.stop()


def boot(
    made: list[Any],
    tmp_path: Path,
    port: int,
    runtime: str,
    world: Any,
    config: dict[str, Any],
    speed: float = 200,
    board_json: dict[str, Any] | None = None,
) -> tuple[Host, VirtualBoard]:
    site = tmp_path.name.replace("_", "-").lower()[-32:].strip("-")
    site = "".join(c for c in site if c.isalnum() or c == "-")
    host = Host(port, site)
    node = {
        "site": site,
        "node": "n1",
        "wifi": {"ssid": "barn", "password": "hay"},
        "broker": {"host": "127.0.0.1", "port": port},
    }
    board = VirtualBoard(
        "n1",
        tmp_path / "flash",
        world,
        node=node,
        config=config,
        speed=speed,
        runtime=runtime,
        board=board_json,
    )
    made.extend((board, host))
    board.start()
    return host, board


def machine(**changes: Any) -> Machine:
    return Machine(**{"seed": 1, "utc_start_ms": START_MS, "life_h": 10.0, "onset_h": 2.0, **changes})


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_node_is_born_and_its_windows_are_what_the_world_is(
    made: list[Any], tmp_path: Path, port: int, runtime: str
) -> None:
    host, board = boot(made, tmp_path, port, runtime, machine(), VIBRATION)
    birth = host.expect("birth", board)
    assert (birth["board"], birth["boot"], birth["reset"], birth["q"]) == ("virtual", 1, "power_on", 4)
    assert birth["sensors"][0]["fault"] is None
    names = [c["id"] for c in birth["channels"]]
    rows: list[list[Any]] = []
    while len(rows) < 12:
        rows += host.expect("data", board)["rows"]
    for row in rows:
        values = dict(zip(names, row[3:], strict=True))
        assert 0 <= row[1] - START_MS < 3_600_000
        assert abs(values["vib.rate"] - 3_200_000) < 16_000
        assert values["vib.overflow"] == values["vib.clip"] == 0
        assert 40_000 < values["vib.x.rms"] < 150_000
    spacing = [b[0] - a[0] for a, b in pairwise(rows)]
    assert max(abs(gap - 10_000) for gap in spacing) < 500


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_cold_room_and_a_broken_wire(made: list[Any], tmp_path: Path, port: int, runtime: str) -> None:
    world = ColdRoom(seed=1, utc_start_ms=START_MS, days=2.0)
    host, board = boot(made, tmp_path, port, runtime, world, ROOM, speed=1000)
    names = [c["id"] for c in host.expect("birth", board)["channels"]]
    row = host.expect("data", board)["rows"][-1]
    mean = dict(zip(names, row[3:], strict=True))["temp.mean"]
    assert mean == pytest.approx(1000 * world.temperature((row[1] - START_MS - 30_000) * 1000), abs=700)
    board.set_fault("ds18b20", Fault("crc"))
    event = host.expect("event", board, check="sensor.temp")
    assert (event["from"], event["to"]) == ("ok", "crc")
    board.set_fault("ds18b20", None)
    assert host.expect("event", board, check="sensor.temp")["to"] == "ok"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_configuration_that_this_board_cannot_build_is_told_and_no_end(
    made: list[Any], tmp_path: Path, port: int, runtime: str
) -> None:
    board_json = virtual_board()
    del board_json["babbitt"]["buses"]["ow0"]["pin"]
    world = ColdRoom(seed=1, utc_start_ms=START_MS, days=2.0)
    world.sensors = ()
    host, board = boot(made, tmp_path, port, runtime, world, ROOM, board_json=board_json)
    birth = host.expect("birth", board)
    assert (birth["boot"], birth["sensors"], birth["config"]["version"]) == (1, [], 0)
    told = host.expect("reported", board)
    assert (told["state"], told["path"]) == ("rejected", "sensors[0].bus")
    assert "babbitt.buses.ow0" in told["reason"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_after_a_power_cut_it_goes_on_in_the_next_boot(
    made: list[Any], tmp_path: Path, port: int, runtime: str
) -> None:
    host, board = boot(made, tmp_path, port, runtime, machine(), VIBRATION)
    first = host.expect("data", board)
    board.kill()
    board.start(off_s=60)
    birth = host.expect("birth", board, boot=2)
    assert birth["i"] == first["i"]
    assert birth["prev"]["boot"] == 1
    assert birth["prev"]["clean"] is False
    second = host.expect("data", board, boot=2)
    assert second["rows"][-1][1] >= first["rows"][-1][1] + 60_000


class Tones:
    """A rotor at 1482 r/min: 0.5 g at once, 0.1 g at twice a turn, and 0.02 g at 803 Hz; x, half of it on z."""

    sensors: tuple[str, ...] = ("adxl345", "ds18b20")
    utc_start_ms = START_MS
    end_us: int | None = None

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> np.ndarray:
        t = (index + np.arange(n)) / rate_hz
        g = sum(a * np.sin(2 * np.pi * hz * t + hz) for a, hz in ((0.5, 24.7), (0.1, 49.4), (0.02, 803.0)))
        return np.round(256 * np.stack([g, 0 * t, 1 + g / 2], 1)).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        return 40.0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_spectra_of_known_lines(made: list[Any], tmp_path: Path, port: int, runtime: str) -> None:
    sensor = {
        "id": "vib", "driver": "adxl345", "bus": "spi0", "axes": "xz", "window": 2048, "rpm": 1482, "peaks": 3,
        "features": ["rms", "mean", "velocity"], "bands": [[700, 900]], "envelope": {"lo": 700, "hi": 900},
    }  # fmt: skip
    host, board = boot(made, tmp_path, port, runtime, Tones(), VIBRATION | {"sensors": [sensor]})
    birth = host.expect("birth", board)
    assert birth["sensors"][0]["velocity"] == [11, 1000]
    names = [c["id"] for c in birth["channels"]]
    units = {c["id"]: (c["unit"], c["exp"]) for c in birth["channels"]}
    assert units["vib.x.velocity"] == ("mm/s", -3)
    assert units["vib.z.freq1"] == ("Hz", -3)
    row = host.expect("data", board)["rows"][-1]
    got = {n: v * 10.0 ** units[n][1] for n, v in zip(names, row[3:], strict=True)}
    root = 2**-0.5
    velocity = (
        sum((9806.65 * a / (2 * np.pi * hz)) ** 2 / 2 for a, hz in ((0.5, 24.7), (0.1, 49.4), (0.02, 803)))
        ** 0.5
    )
    for axis, share in (("x", 1.0), ("z", 0.5)):
        wanted = {
            "rms": (0.5**2 + 0.1**2 + 0.02**2) ** 0.5 * root, "velocity": velocity, "band1": 0.02 * root, "env": 0.02,
            "amp1": 0.5, "amp2": 0.1, "amp3": 0.02, "1x": 0.5, "2x": 0.1,
        }  # fmt: skip
        for name, value in wanted.items():  # the last lines are 5 counts and 2.5 counts
            allowed = 0.03 if name in ("band1", "env", "amp3") else 0.006
            assert got[f"vib.{axis}.{name}"] == pytest.approx(value * share, rel=allowed), (axis, name)
        for i, hz in enumerate((24.7, 49.4, 803.0)):
            assert got[f"vib.{axis}.freq{i + 1}"] == pytest.approx(hz, rel=0.0005), (axis, hz)
    assert got["vib.x.mean"] == pytest.approx(0, abs=0.02)
    assert got["vib.z.mean"] == pytest.approx(1, abs=0.02)
    assert got["vib.rate"] == pytest.approx(3200, rel=0.005)
