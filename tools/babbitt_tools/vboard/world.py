"""What the sensors of a virtual board feel, and the answering end of its link.

A `World` is a simulation or a recording. A `WorldServer` answers one board's questions from it; the questions are
described in `shim/link.py`, the one module both ends use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

#: Names a `Fault` may have, by the model that can show it.
FAULT_KINDS: Mapping[str, tuple[str, ...]] = {
    "adxl345": ("no_device", "wrong_identity", "stuck", "overrun", "rate_error", "saturated"),
    "ds18b20": ("no_device", "stuck", "crc", "power_on_value"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A defect of a sensor.

    Args:
        kind: one of `FAULT_KINDS` of the device.
        value: for `rate_error` the relative error of the data rate, e.g. -0.1 for 10 % slow; unused otherwise.
    """

    kind: str
    value: float = 0.0


Faults = Mapping[str, Fault]  # device ("adxl345" or "ds18b20") to its fault


class World(Protocol):
    """What a board's sensors feel. Times are virtual microseconds since the start of the world."""

    @property
    def utc_start_ms(self) -> int:
        """Unix time in milliseconds at the start of the world."""
        ...

    @property
    def end_us(self) -> int | None:
        """Where the world ends; from there on virtual time runs at real speed. None: it does not end."""
        ...

    @property
    def faults(self) -> Faults:
        """Sensor faults from the start on; `VirtualBoard.set_fault` changes them later."""
        ...

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """Samples `index` .. `index + n - 1` of a burst, shape (n, 3), in counts of 1/256 g, before clipping to the range.

        Args:
            burst_start_us: when the sensor was last switched to measuring.
            index: number of the first sample since then; sample k is taken k / rate_hz after the start.
            n: number of samples, at most 512.
            rate_hz: the true rate of this sensor.
        """
        ...

    def temperature(self, t_us: int) -> float | None:
        """Temperature in degrees C; None where no such sensor is fitted."""
        ...
