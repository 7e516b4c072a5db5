"""What goes wrong with a node while it runs: its network, its clock, its sensor. When, is drawn from the seed, in simulated time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from babbitt_tools.scenario.file import ClockJump, FlakyWifi, SensorFaults
from babbitt_tools.scenario.relay import Relay
from babbitt_tools.sim.disturbed import Spiky
from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.world import Fault, World

HOUR_US = 3_600_000_000
NEVER_US = 1 << 62
CALM_US = 600_000_000
LOST_CLOCK_MS = 946_684_800_000  # 2000-01-01 UTC: what a clock says that had no power
LOST_FACTOR = (0.5, 1.5)  # of the mean length of an outage

#: What is wrong with a sensor, as the model of the device shows it, and what the node calls it (None: it cannot tell).
SHOWN: dict[str, dict[str, tuple[Fault | None, str | None]]] = {
    "adxl345": {
        "disconnected": (Fault("no_device"), "no_device"),
        "stuck": (Fault("stuck"), "stuck"),
        "saturated": (Fault("saturated"), "clipping"),
        "silent": (Fault("silent"), "silent"),
        "slow": (Fault("rate_error", -0.2), "wrong_rate"),
        "spikes": (None, None),
    },
    "ds18b20": {
        "disconnected": (Fault("no_device"), "no_device"),
        "stuck": (Fault("stuck"), None),
        "crc": (Fault("crc"), "crc"),
        "power_on_value": (Fault("power_on_value"), "power_on_value"),
        "spikes": (None, None),
    },
}


class Trouble(Protocol):
    """Something that goes wrong now and then."""

    def step(self, board: VirtualBoard) -> None:
        """Do what is due; called every 50 ms or so."""
        ...

    def heal(self, board: VirtualBoard) -> None:
        """Make all well, for good."""
        ...


class Outages:
    """The network goes away every `every_h` of simulated time on average (exponential), for 0.5 to 1.5 times `outage_s` real seconds - a
    network keeps its real time on a virtual board - and with it every connection.

    `end_us` is when the world ends (None: never): in the ten minutes before there are none, so that what waits can be delivered while time is
    still fast.

    Attributes: `count` of outages so far; `relay`, the way to the broker, which the fleet puts here.
    """

    def __init__(self, part: FlakyWifi, seed: int, end_us: int | None = None) -> None:
        self._last_us = NEVER_US if end_us is None else end_us - CALM_US
        self._drawn = _outages(part, seed)
        self._next_us, self._length_s = next(self._drawn)
        self._until: float | None = None
        self.count = 0
        self.relay: Relay | None = None

    def step(self, board: VirtualBoard) -> None:
        """See `Trouble`."""
        if self._until is not None:
            if time.monotonic() >= self._until or board.now_us >= self._last_us:
                self._switch(board, True)
                self._until = None
        elif self._next_us <= board.now_us < self._last_us:
            self._switch(board, False)
            self.count += 1
            self._until = time.monotonic() + self._length_s
            while self._next_us <= board.now_us:
                self._next_us, self._length_s = next(self._drawn)

    def heal(self, board: VirtualBoard) -> None:
        """See `Trouble`."""
        self._next_us = NEVER_US
        self._until = None
        self._switch(board, True)

    def _switch(self, board: VirtualBoard, up: bool) -> None:
        board.set_wifi(up)
        if self.relay is not None:
            self.relay.switch(up)


def _outages(part: FlakyWifi, seed: int) -> Iterator[tuple[int, float]]:
    """When outages begin (us), and how long they last (s)."""
    rng = np.random.default_rng((seed, 20))
    at = 0.0
    while True:
        at += rng.exponential(part.every_h)
        yield round(at * HOUR_US), part.outage_s * float(rng.uniform(*LOST_FACTOR))


class WrongClock:
    """A power cut after which the clock is wrong, and a second one after which it is right again."""

    def __init__(self, part: ClockJump, world: World) -> None:
        self._part = part
        self._world = world
        self._right_ms = world.utc_start_ms
        self._cuts = [round(part.at_h * HOUR_US), round((part.at_h + part.for_h) * HOUR_US)]

    def step(self, board: VirtualBoard) -> None:
        """See `Trouble`."""
        if not self._cuts or board.now_us < self._cuts[0]:
            return
        self._cuts.pop(0)
        jump_s = self._part.jump_s
        wrong_ms = LOST_CLOCK_MS - board.now_us // 1000
        if jump_s is not None:
            wrong_ms = self._right_ms + round(jump_s * 1000)
        self._restart(board, wrong_ms if self._cuts else self._right_ms)

    def heal(self, board: VirtualBoard) -> None:
        """See `Trouble`."""
        if len(self._cuts) == 1:
            self._restart(board, self._right_ms)
        self._cuts.clear()

    def _restart(self, board: VirtualBoard, utc_start_ms: int) -> None:
        board.kill()
        self._world.utc_start_ms = utc_start_ms  # type: ignore[misc]
        board.start(off_s=2)


class Failing:
    """The faults of a sensor, one after another, round and round."""

    def __init__(self, part: SensorFaults, device: str, world: Spiky | None) -> None:
        self.faults = tuple(part.faults or SHOWN[device])
        self._part = part
        self._device = device
        self._world = world
        self._now: str | None = None

    def at(self, t_us: int) -> str | None:
        """What is wrong at a moment."""
        turn, within = divmod(t_us - round(self._part.first_h * HOUR_US), round(self._part.every_h * HOUR_US))
        if turn < 0 or within >= self._part.for_h * HOUR_US:
            return None
        return self.faults[turn % len(self.faults)]

    def step(self, board: VirtualBoard) -> None:
        """See `Trouble`."""
        self._become(board, self.at(board.now_us))

    def heal(self, board: VirtualBoard) -> None:
        """See `Trouble`."""
        self._become(board, None)

    def _become(self, board: VirtualBoard, fault: str | None) -> None:
        if fault == self._now:
            return
        self._now = fault
        shown = None if fault is None else SHOWN[self._device][fault][0]
        board.set_fault(self._device, shown)
        if self._world is not None:
            self._world.on = fault == "spikes"
