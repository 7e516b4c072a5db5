"""Level and slope of a slow variable: a local linear trend followed by a Kalman filter, at any spacing of the
samples.

State (level, slope); the slope is a random walk that fades with the time constant `fade` (no cold room warms
for ever), the level its integral. Measurement noise is scaled to a density of one, so that `tau` alone sets
how fast the filter follows (the steady-state bandwidth of an integrated random walk is (q/r)^(1/4) = 1/tau),
whatever the sampling interval. Innovations beyond three of their usual sizes are cut to that: a door moves
the air, not the trend. What is cut time and again is news, so the usual size grows fast then. (Harvey,
'Forecasting, structural time series models and the Kalman filter', 1989, chapter 4.)
"""

from __future__ import annotations

import math
from typing import Any

_CUT, _NEWS = 3.0, 0.3
_GAP = 8.0
"""After a gap of so many `tau` the old slope says nothing: the filter starts again at the new level."""


class LevelSlope:
    """Follows one variable. `tau` and `fade` in hours; `level` in the variable's unit, `slope` per hour."""

    def __init__(self, tau: float, fade: float) -> None:
        self.tau, self.fade = tau, fade
        self.level, self.slope = 0.0, 0.0
        self._p: tuple[float, float, float] | None = None  # covariance: level, cross, slope
        self._size = 0.0

    def update(self, value: float, hours: float) -> None:
        """Take a value `hours` (> 0) after the one before."""
        if self._p is None or hours > _GAP * self.tau:
            self.level, self.slope, self._p = value, 0.0, (1.0 / self.tau, 0.0, 1.0 / self.tau**3)
            return
        keep = math.exp(-hours / self.fade)
        reach = self.fade * (1.0 - keep)
        a, b, c = self._p
        q = hours / self.tau**4
        a, b, c = a + 2 * reach * b + reach * reach * c, keep * (b + reach * c), keep * keep * c + q
        a, b = a + q * hours * hours / 3.0, b + q * hours / 2.0
        level, slope = self.level + reach * self.slope, keep * self.slope
        innovation = value - level
        usual = self._size if self._size > 0.0 else abs(innovation)
        limit = _CUT * max(usual, 1e-6)
        rate = _NEWS if abs(innovation) > limit else min(0.5, hours / (8.0 * self.tau))
        innovation = min(max(innovation, -limit), limit)
        self._size = usual + (abs(innovation) - usual) * rate
        total = a + 1.0 / hours
        gain_level, gain_slope = a / total, b / total
        self.level, self.slope = level + gain_level * innovation, slope + gain_slope * innovation
        self._p = (a * (1.0 - gain_level), b * (1.0 - gain_level), c - gain_slope * b)

    def forget(self) -> None:
        """Start again with the next value (the usual size of innovations stays)."""
        self._p = None

    def change(self, hours: float) -> float:
        """Expected change of the level in the next `hours`."""
        return self.slope * self.fade * (1.0 - math.exp(-hours / self.fade))

    def dump(self) -> list[Any]:
        """State in plain JSON types."""
        return [self.level, self.slope, None if self._p is None else list(self._p), self._size]

    def restore(self, state: list[Any]) -> None:
        """Take back what `dump` gave."""
        self.level, self.slope, p, self._size = state
        self._p = None if p is None else (p[0], p[1], p[2])
