"""A rotating machine whose bearing wears out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.vboard.world import Faults


class Machine:
    """A world; see `World`. Args: seed, `life_h` hours from the first defect's incipience to failure, `onset_h` hours before it.

    Attributes: `failure_at_ms` (Unix ms, the truth), `utc_start_ms`, `end_us`, `faults`.
    """

    def __init__(self, *, seed: int, utc_start_ms: int, life_h: float, onset_h: float = 0.0, speed_rpm: float = 1500.0) -> None:
        raise NotImplementedError

    utc_start_ms: int
    end_us: int | None
    faults: Faults
    failure_at_ms: int

    def wear(self, t_us: int) -> float:
        """Wear, 0 new .. 1 failed."""
        raise NotImplementedError

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """See `World.accel`."""
        raise NotImplementedError

    def temperature(self, t_us: int) -> float | None:
        """No temperature sensor: None."""
        return None
