"""A node that sleeps between its records, on the virtual board against a real broker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from boards import RUNTIMES, until
from numpy.typing import NDArray

from babbitt.acquisition.broker import EmbeddedBroker
from babbitt_tools.vboard import flash
from babbitt_tools.vboard.board import VirtualBoard

START_MS = 1_789_000_000_000
SHOCK_S = 1515
OWN = "babbitt/1/hut/n1/"
CONFIG: dict[str, Any] = {
    "asset": {"name": "Room 3", "kind": "cold_room"},
    "interval_s": 60,
    "sensors": [
        {"id": "vib", "driver": "adxl345", "bus": "spi0", "window": 256},
        {"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": 20},
    ],
    "checks": [
        {"id": "warm", "type": "limit", "channel": "temp.mean", "h": 5000, "on_delay_s": 180},
        {"id": "odd", "type": "zscore", "channel": "vib.x.rms", "learn": 20},
    ],
    "power": {"publish_every_s": 600},
}


class Room:
    """2 degrees C, from 12 min on 10 and rising a degree an hour; a steady hum."""

    sensors: tuple[str, ...] = ("adxl345", "ds18b20")
    utc_start_ms = START_MS
    end_us: int | None = None

    def __init__(self) -> None:
        self.faults: dict[str, Any] = {}

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        k = np.arange(index, index + n)
        return np.stack([50 * np.sin(k), 40 * np.cos(k), 256 + 30 * np.sin(k)], 1).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        hours = t_us / 3.6e9
        return 2.0 if hours < 0.2 else 9.0 + hours


class Floor(Room):
    """A room in which something falls at 25 min 15 s and rattles for a minute."""

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        counts = super().accel(burst_start_us, index, n, rate_hz)
        t = burst_start_us / 1e6 + np.arange(index, index + n) / rate_hz
        counts[(t >= SHOCK_S) & (t < SHOCK_S + 60), 0] *= 12
        return counts


class Host:
    """Online; commits everything; keeps what it is told."""

    def __init__(self, port: int) -> None:
        self.rows: dict[tuple[int, int], list[Any]] = {}
        self.events: dict[tuple[int, int], dict[str, Any]] = {}
        self.births: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(OWN + "#", 1)
        self.client.loop_start()
        self._greet()

    def _greet(self) -> None:
        self.client.publish(
            "babbitt/1/hut/$host", json.dumps({"online": True, "t": START_MS, "session": "s"}), 1, True
        )

    def _take(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        what = message.topic.rsplit("/", 1)[1]
        if what not in ("birth", "state", "data", "event") or message.retain:
            return
        doc = json.loads(message.payload)
        if what == "birth":
            self.births.append(doc)
            self._greet()  # as the host does: a resumed session does not bring the retained message again
        elif what == "state":
            self.states.append(doc)
        else:
            rows = doc["rows"] if what == "data" else [doc]
            for k, row in enumerate(rows):
                (self.rows if what == "data" else self.events)[doc["boot"], doc["seq"] + k] = row
            last = {"i": doc["i"], "boot": doc["boot"], "seq": doc["seq"] + len(rows) - 1}
            client.publish(OWN + "commit", json.dumps(last))

    @property
    def records(self) -> list[tuple[int, int]]:
        return sorted([*self.rows, *self.events])


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def host(broker: EmbeddedBroker) -> Iterator[Host]:
    host = Host(broker.port)
    yield host
    host.client.loop_stop()
    host.client.disconnect()


def node(tmp_path: Path, port: int, runtime: str, world: Room | None = None, **more: Any) -> VirtualBoard:
    wifi = {"ssid": "w", "password": "p"}
    settings = {"site": "hut", "node": "n1", "wifi": wifi, "broker": {"host": "127.0.0.1", "port": port}}
    return VirtualBoard(
        "n1",
        tmp_path / "flash",
        world or Room(),
        node=settings,
        config={**CONFIG, **more},
        speed=100.0,
        sleep_speed=1e5,
        runtime=runtime,
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_boot_goes_on_through_its_sleeps(
    tmp_path: Path, broker: EmbeddedBroker, host: Host, runtime: str
) -> None:
    board = node(tmp_path, broker.port, runtime)
    try:
        board.start()
        assert until(lambda: len(host.rows) >= 34, 120), f"{len(host.rows)} rows\n{board.log_tail(40)}"
        written = (tmp_path / "flash" / "boot.json").read_text()
        sleeping = until(lambda: board.asleep)
    finally:
        board.stop()
    assert sleeping
    # One boot, no number left out, one record a minute by the node's own time and by the calendar.
    assert host.records == [(1, seq) for seq in range(len(host.records))]
    assert json.loads(written)["boot"] == 1
    rows = [host.rows[key] for key in sorted(host.rows)]
    for before, after in pairwise(rows):
        assert 59_000 <= after[0] - before[0] <= 61_500
        assert abs((after[1] - before[1]) - (after[0] - before[0])) < 50
    # What is known from record to record is known through the sleep.
    channels = [c["id"] for c in host.births[0]["channels"]]
    slopes = [row[3 + channels.index("temp.slope")] for row in rows]
    assert slopes[0] is None
    assert None not in slopes[1:]
    assert all(800 <= slope <= 1200 for slope in slopes[30:]), slopes[30:]
    warm = [e for e in host.events.values() if e["check"] == "warm"]
    assert [(e["from"], e["to"]) for e in warm] == [("N", "H")], "one change, told once"
    assert [e["check"] for e in host.events.values() if e["check"] == "odd"] == ["odd"], "learnt once"
    # Published in batches and when something happened, not with every record; offline in between.
    assert len(host.births) <= len(rows) // 10 + 2 + len(host.events)
    assert {birth["boot"] for birth in host.births} == {1}
    assert host.births[0]["prev"] is None
    asleep = [s for s in host.states if s == {"online": False, "asleep": True, "every": 600}]
    assert len(asleep) >= len(host.births) - 1


@pytest.mark.part("micropython")
def test_without_a_broker_it_sleeps_all_the_same_and_loses_nothing(
    tmp_path: Path, broker: EmbeddedBroker, host: Host
) -> None:
    board = node(tmp_path, broker.port, "micropython", checks=[], interval_s=120)
    try:
        board.start()
        assert until(lambda: len(host.rows) >= 1, 60), board.log_tail(40)
        board.set_wifi(False)
        begun = board.now_us
        assert until(lambda: board.now_us > begun + 3_600_000_000, 90), board.log_tail(40)
        board.set_wifi(True)
        assert until(lambda: len(host.rows) >= 32, 90), f"{len(host.rows)} rows\n{board.log_tail(40)}"
    finally:
        board.stop()
    assert host.records == [(1, seq) for seq in range(len(host.records))]


@pytest.mark.part("micropython")
def test_a_power_cut_in_the_sleep_is_a_new_boot_that_says_so(
    tmp_path: Path, broker: EmbeddedBroker, host: Host
) -> None:
    board = node(tmp_path, broker.port, "micropython", checks=[])
    try:
        board.start()
        assert until(lambda: len(host.rows) >= 11, 60), board.log_tail(40)
        assert until(lambda: board.asleep)
        board.kill()
        board.start(off_s=3600)
        assert until(lambda: any(birth["boot"] == 2 for birth in host.births), 60), board.log_tail(40)
        assert until(lambda: (2, 0) in host.rows, 60), board.log_tail(40)
    finally:
        board.stop()
    second = next(birth for birth in host.births if birth["boot"] == 2)
    ended = max(seq for boot, seq in host.records if boot == 1) + 1
    assert second["prev"] == {"boot": 1, "next": ended, "clean": False}


@pytest.mark.part("micropython")
def test_sleep_comes_and_goes_with_a_configuration(
    tmp_path: Path, broker: EmbeddedBroker, host: Host
) -> None:
    board = node(tmp_path, broker.port, "micropython", checks=[], power=None)
    try:
        board.start()
        assert until(lambda: len(host.rows) >= 3, 60), board.log_tail(40)
        asleep = {**CONFIG, "checks": []}
        host.client.publish(OWN + "desired", json.dumps({"version": 1, "config": asleep}), 1, True)
        assert until(lambda: board.asleep, 60), board.log_tail(40)
        awake = {**asleep, "power": None}
        host.client.publish(OWN + "desired", json.dumps({"version": 2, "config": awake}), 1, True)
        seen = len(host.rows)
        assert until(lambda: len(host.rows) > seen + 8, 60), board.log_tail(40)
        time.sleep(0.5)
        assert not board.asleep
    finally:
        board.stop()
    boots = sorted({boot for boot, _ in host.records})
    assert boots == [1, 2, 3], "each change of the way to run is a new boot, ended by intention"
    for birth in host.births:
        assert birth["prev"] is None or birth["prev"]["clean"]


@pytest.mark.part("micropython")
def test_a_shock_in_the_sleep_is_measured_judged_and_told_at_once(
    tmp_path: Path, broker: EmbeddedBroker, host: Host
) -> None:
    vib = {**CONFIG["sensors"][0], "wake_mg": 1500}
    shock = {"id": "shock", "type": "limit", "channel": "vib.x.peak", "hh": 2_000_000}
    more = {"sensors": [vib], "checks": [shock], "interval_s": 600, "power": {"publish_every_s": 86400}}
    board = node(tmp_path, broker.port, "micropython", Floor(), **more)
    try:
        board.start()
        assert until(lambda: len(host.events) >= 2, 60), board.log_tail(40)
        assert until(lambda: board.asleep, 30)
    finally:
        board.stop()
    us = [row[0] / 1000 for _, row in sorted(host.rows.items())]
    alarm, over = (event for _, event in sorted(host.events.items()))
    assert (alarm["check"], alarm["to"], over["to"]) == ("shock", "HH", "N")
    # On the grid of 10 min until the shock, with it, and from it on again.
    shaken = min(us, key=lambda u: abs(u - SHOCK_S))
    assert SHOCK_S < shaken < SHOCK_S + 5
    assert shaken <= alarm["u"] / 1000 < shaken + 5
    gaps = [b - a for a, b in pairwise(us)]
    assert len(gaps) == 4
    assert all(abs(gap - 600) < 5 for gap in (*gaps[:2], gaps[3])), gaps
    assert {boot for boot, _ in host.records} == {1}


def test_the_firmware_for_sleep_is_not_loaded_otherwise() -> None:
    source = (flash.firmware()[0] / "app.py").read_text("utf-8")
    assert "\nfrom babbitt_node.sleeper" not in source
