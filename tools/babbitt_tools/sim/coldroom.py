"""A cold room whose compressor fades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.vboard.world import Faults


class ColdRoom:
    """A world; see `World`. Args: seed, set point and limit in degrees C, `fade_start_h`, `fade_h` (hours until the compressor has no capacity left).

    Attributes: `limit_c`, `crossed_at_ms` (product above the limit for good, Unix ms, or None), `utc_start_ms`, `end_us`, `faults`.
    """

    def __init__(self, *, seed: int, utc_start_ms: int, days: float, set_point_c: float = -22.0, limit_c: float = -18.0,
                 fade_start_h: float | None = None, fade_h: float = 96.0) -> None:
        raise NotImplementedError

    utc_start_ms: int
    end_us: int | None
    faults: Faults
    limit_c: float

    @property
    def crossed_at_ms(self) -> int | None:
        """When the product passes the limit for good."""
        raise NotImplementedError

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """No accelerometer: zeros."""
        raise NotImplementedError

    def temperature(self, t_us: int) -> float | None:
        """Air temperature in degrees C."""
        raise NotImplementedError
