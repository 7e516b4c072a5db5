"""A machine and a room in which nothing happens: what the sensors of a bare board on the bench feel."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.vboard import flash
from babbitt_tools.vboard.world import COUNTS_PER_G, Fault

_NOISE_COUNTS = 1.0
_VALUES = {
    "temperature": 21.5,
    "humidity": 45.0,
    "current": 12.0,
    "voltage": 1.2,
    "contact": 1.0,
    "speed": 0.0,
}
_FIRST = {
    "spi": "adxl345",
    "onewire": "ds18b20",
    "i2c": "tmp117",
    "adc": "loop",
    "pin": "contact",
    "counter": "shaft",
}


class Rest:
    """One sensor on every bus of a board: an accelerometer lies flat (1 g on z, a count of noise), it is 21.5 degrees C,
    a door is closed, a shaft stands still.

    Args:
        board: content of board.json; of several buses of a type each has a sensor.
        seed: of the noise.
    """

    end_us: int | None = None

    def __init__(self, board: Mapping[str, Any], seed: int = 1) -> None:
        buses = board["babbitt"]["buses"]
        self.sensors = tuple(f"{_FIRST[bus['type']]}@{name}" for name, bus in buses.items())
        self.faults: dict[str, Fault] = {}
        self.utc_start_ms = time.time_ns() // 1_000_000
        self._seed = seed
        flash.devices(board, self.sensors)

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """Samples `index` .. `index + n` of a burst, (n, 3) counts of 1/256 g."""
        noise = np.random.default_rng((self._seed, burst_start_us, index)).normal(0, _NOISE_COUNTS, (n, 3))
        noise[:, 2] += COUNTS_PER_G
        return np.rint(noise).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        """Degrees C."""
        return _VALUES["temperature"]

    def measure(self, device: str, quantity: str, t_us: int) -> float:
        """Any quantity of `vlink.QUANTITIES`."""
        return _VALUES[quantity]

    def vibration(
        self, device: str, burst_start_us: int, index: int, n: int, rate_hz: float
    ) -> NDArray[np.float64]:
        """As `accel`, in g."""
        return self.accel(burst_start_us, index, n, rate_hz) / COUNTS_PER_G

    def next_change(self, device: str, t_us: int) -> int | None:
        """Nothing changes."""
        return None
