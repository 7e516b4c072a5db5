"""The activity interrupt of a virtual accelerometer while its board sleeps and no process runs."""

from __future__ import annotations

import numpy as np

from babbitt_tools.vboard.world import World

RATE_HZ = 100.0  # at which the firmware has the sensor watch
_CHUNK = 512


class Watch:
    """Looks from `start_us` (virtual) on for the first sample that is off the first one of all by more than `counts` of
    1/256 g on any axis, as an ADXL345 does with ac-coupled activity (data sheet, ACT_INACT_CTL).
    """

    def __init__(self, world: World, start_us: int, counts: int) -> None:
        self._world = world
        self._start_us = start_us
        self._counts = counts
        self._at = 0
        self._passed_us = 0
        self._first = world.accel(start_us, 0, 1, RATE_HZ)[0].astype(int)

    def within(self, us: int) -> int | None:
        """How many microseconds of the next `us` pass until it is found; None: it is not within them."""
        began_us, self._passed_us = self._passed_us, self._passed_us + us
        end = int(self._passed_us * RATE_HZ / 1e6)
        while self._at < end:
            n = min(_CHUNK, end - self._at)
            samples = self._world.accel(self._start_us, self._at, n, RATE_HZ)
            beyond = np.abs(samples.astype(int) - self._first).max(axis=1) > self._counts
            if beyond.any():
                found_us = round((self._at + int(beyond.argmax())) * 1e6 / RATE_HZ)
                return max(0, found_us - began_us)
            self._at += n
        return None
