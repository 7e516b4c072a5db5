"""A world whose sensor has a loose contact: single readings far beside the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from babbitt_tools.sim.sensor import MOMENT_US
from babbitt_tools.vboard.world import COUNTS_PER_G, Faults, World

RATE = 0.005  # share of the samples of an accelerometer that are spikes
SPIKE_G = 8.0
READINGS = 0.2  # share of the readings of a thermometer
SPIKE_C = 25.0


class Spiky:
    """Another world, with spikes while `on`: +-8 g on single samples of all axes, or +-25 K on single readings, drawn from the seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.on = False
        self.sensors = world.sensors
        self.utc_start_ms = world.utc_start_ms
        self.end_us = world.end_us
        self._world = world
        self._seed = seed

    @property
    def faults(self) -> Faults:
        """Those of the other world."""
        return self._world.faults

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        """See `World.accel`."""
        found = self._world.accel(burst_start_us, index, n, rate_hz)
        if not self.on:
            return found
        sign = np.zeros((n, 1))
        for k in range(n):  # sample by sample: the same ones however they are asked for
            draw = np.random.default_rng((self._seed, 7, burst_start_us // MOMENT_US, index + k)).uniform()
            sign[k] = 0 if draw >= RATE else 1 if draw < RATE / 2 else -1
        return np.clip(found + sign * SPIKE_G * COUNTS_PER_G, -32768, 32767).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        """See `World.temperature`."""
        true = self._world.temperature(t_us)
        if not self.on:
            return true
        draw, sign = np.random.default_rng((self._seed, 8, t_us // 1_000_000)).uniform(size=2)
        return true if draw >= READINGS else true + (SPIKE_C if sign < 0.5 else -SPIKE_C)
