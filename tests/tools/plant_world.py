"""A world with every kind of sensor, whose quantities a test sets, and a program that prints what the node makes of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from boards import until
from numpy.typing import NDArray

from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.world import Fault, Faults

PROGRAM = """
import json
from babbitt_node.config import validate
from babbitt_node.hal.board import Board
from babbitt_node.station import Station
board = Board.load()
with open("config.json") as file:
    config = validate(json.load(file), board.bus_types())
station = Station(config, board, None)
class Clock:
    def u(self):
        return ticks_ms()
async def main():
    clock = Clock()
    names = [c["id"] for s in station.samplers for c in s.channels()]
    print("channels " + json.dumps(names))
    while True:
        if await station.slot(clock):
            station.fault_changes()
            print("row " + json.dumps([station.faults(), station.values]))
        await sleep_ms(station.step_ms)
asyncio.run(main())
"""


class Everything:
    """Gravity on z with a noise of 20 mg and a 50 Hz hum of 50 mg; other quantities as `values` says, by device or by name."""

    utc_start_ms = 1_789_000_000_000
    end_us: int | None = None

    def __init__(self, *sensors: str) -> None:
        self.sensors = sensors
        self.faults: Faults = {}
        self.gravity = np.array([0.0, 0.0, 1.0])
        self.values: dict[str, float] = {}
        self.period_us = 4_000_000  # of the contact, closed for a quarter of it

    def vibration(
        self, device: str, burst_start_us: int, index: int, n: int, rate_hz: float
    ) -> NDArray[np.float64]:
        k = np.arange(index, index + n)
        noise = np.random.default_rng((burst_start_us, index)).uniform(-0.02, 0.02, (n, 3))
        hum = 0.05 * np.sin(2 * np.pi * 50 * k / rate_hz)
        return noise + hum[:, None] + self.gravity

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        g = self.vibration("adxl345", burst_start_us, index, n, rate_hz)
        return np.rint(g * 256).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        return self.measure("ds18b20", "temperature", t_us)

    def measure(self, device: str, quantity: str, t_us: int) -> float:
        if quantity == "contact":
            return float(t_us % self.period_us < self.period_us // 4)
        return self.values.get(device, self.values.get(quantity, 0.0))

    def next_change(self, device: str, t_us: int) -> int | None:
        part = t_us % self.period_us
        begun = t_us - part
        return begun + (self.period_us // 4 if part < self.period_us // 4 else self.period_us)


class Reader:
    """What a board with PROGRAM prints."""

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        assert until(lambda: "channels [" in self.board.log_tail(200)), board.log_tail(200)
        line = next(one for one in board.log_tail(200).splitlines() if one.startswith("channels "))
        self.names: list[str] = json.loads(line[9:])

    def rows(self) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """(faults, value by channel) of the rows that are still in the log."""
        found = []
        for line in self.board.log_tail(200).splitlines():
            if line.startswith("row ") and line.endswith("]]"):
                faults, values = json.loads(line[4:])
                found.append((faults, dict(zip(self.names, values, strict=True))))
        return found

    def fresh(self, seconds: float = 20.0) -> tuple[dict[str, str], dict[str, Any]]:
        """The third row from now on."""
        before = self.board.now_us
        assert until(lambda: self.board.now_us > before + 3_500_000, seconds), self.board.log_tail(20)
        assert self.board.error is None
        return self.rows()[-1]

    def faults(self, wanted: dict[str, str], seconds: float = 20.0) -> dict[str, Any]:
        """Wait until exactly these sensors have these faults; returns the values."""
        assert until(lambda: bool(self.rows()) and self.rows()[-1][0] == wanted, seconds), (
            f"wanted {wanted}:\n{self.board.log_tail(12)}"
        )
        return self.rows()[-1][1]

    def each(self, devices: dict[str, str], kind: str, fault: str, value: float = 0.0) -> None:
        """Give all devices (name to sensor) a fault, see it named, heal them."""
        for device in devices:
            self.board.set_fault(device, Fault(kind, value))
        values = self.faults(dict.fromkeys(devices.values(), fault))
        for sensor in devices.values():
            own = {n: v for n, v in values.items() if n.split(".")[0] == sensor and not n.endswith("slope")}
            assert set(own.values()) == {None}, own
        for device in devices:
            self.board.set_fault(device, None)
        self.faults({})
