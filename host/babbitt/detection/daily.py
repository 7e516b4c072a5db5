"""The learnt daily pattern of a slow variable, and how far from it a value is.

Rooms breathe with the day: deliveries, defrosts, the sun. The pattern is a mean and, for each hour of the day
(UTC), an offset that is believed in the measure of how often that hour was seen. It forgets with `MEMORY_H`,
so it follows the seasons, and it learns from a value the less the farther that is from it, so that a failure
is not learnt as normal.
"""

from __future__ import annotations

import math
from typing import Any

MEMORY_H = 14.0 * 24.0
SHRINK_H = 4.0
"""Hours of evidence an hour of the day needs before half of its offset is believed."""
SIGMAS, FLOOR_K = 4.5, 2.0
"""Limit of the smoothed distance: so many spreads, at least so many kelvin."""
SMOOTH_H = 1.5
"""Time constant of the smoothing of the distance."""
LEARN_H, LEARN_N = 12.0, 60
"""Hours and values before there is a pattern."""


class DailyPattern:
    """`update` takes values and gives the distance to the pattern, 1.0 at its limit; None while it learns."""

    def __init__(self) -> None:
        self.mean, self.spread = 0.0, 0.0
        self._offset, self._weight = [0.0] * 24, [0.0] * 24
        self._hours, self._count = 0.0, 0
        self._distance = 0.0

    @property
    def learnt(self) -> bool:
        """True once there is a pattern."""
        return self._hours >= LEARN_H and self._count >= LEARN_N

    @property
    def limit(self) -> float:
        """Distance (K) that gives a score of 1.0."""
        return max(FLOOR_K, SIGMAS * self.spread)

    def usual(self, t_ms: int) -> float:
        """What the pattern says for that time (degrees C)."""
        hour = (t_ms // 3_600_000) % 24
        return self.mean + self._offset[hour] * self._weight[hour] / (self._weight[hour] + SHRINK_H)

    def update(self, t_ms: int, value: float, hours: float, wider: float = 1.0) -> float | None:
        """Take a value that stands for `hours` (> 0, at most 1); give the signed score or None. `wider`: the limit is
        multiplied by it; what is learnt, and how fast, goes by the limit itself."""
        if self._count == 0:
            self.mean = value
        distance = value - self.usual(t_ms)
        score = None
        if self.learnt:
            self._distance += (distance - self._distance) * (1.0 - math.exp(-hours / SMOOTH_H))
            score = self._distance / (self.limit * wider)
            distance = min(max(distance, -self.limit), self.limit)
            trust = hours if abs(self._distance) < self.limit else 0.1 * hours
        else:
            trust = hours
        self._hours, self._count = min(self._hours + trust, MEMORY_H), min(self._count + 1, LEARN_N)
        rate = trust / max(self._hours, 12.0 * hours)
        hour = (t_ms // 3_600_000) % 24
        self._weight[hour] = min(self._weight[hour] + trust, MEMORY_H / 24.0)
        self.mean += rate * distance
        self._offset[hour] += (
            (value - self.mean - self._offset[hour]) * min(1.0, trust / self._weight[hour]) * (trust / hours)
        )
        variance = self.spread**2 + rate * (distance**2 - self.spread**2)
        self.spread = math.sqrt(max(variance, 0.0))
        return score

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "mean": self.mean,
            "spread": self.spread,
            "offset": list(self._offset),
            "weight": list(self._weight),
            "hours": self._hours,
            "count": self._count,
            "distance": self._distance,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `dump` gave."""
        self.mean, self.spread = state["mean"], state["spread"]
        self._offset, self._weight = list(state["offset"]), list(state["weight"])
        self._hours, self._count, self._distance = state["hours"], state["count"], state["distance"]
