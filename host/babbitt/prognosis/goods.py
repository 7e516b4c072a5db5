"""When do the goods leave their limit: the thermal model says how far they go, its own past errors say how sure that is.

The air as it is now and its trend, through the model of the goods (health/goods.py), give a change within each horizon; in a fault,
or when the air is above its band for no reason that is known, the goods go on towards it as now, for nothing holds it. What the
goods then reached at most, less that change, is an error; their mean and spread, with a memory of MEMORY forecasts, and RELATIVE of
the change itself (the time constant is not known well) give the probability that the limit is passed within the horizon, as a Student
t with 5 degrees of freedom. Unlike in :mod:`babbitt.prognosis.passage` the change is never learnt to come to nothing, for it is
physics: an air that is suddenly warm shows at once in the hours that the goods have left, long before they are any warmer.
"""

from __future__ import annotations

import math
from typing import Any

from babbitt.health.goods import GoodsModel
from babbitt.prognosis.passage import Passage, interval, tail
from babbitt.protocol.assessment import Interval

HORIZONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
MEMORY, PRIOR, SHARE = 100.0, 6.0, 8
SPREAD_K, LEAST_K = 0.2, 0.05
"""Spread of the error within an hour believed at first, and the least."""
RELATIVE = 0.35


class _Horizon:
    """Errors of one horizon."""

    def __init__(self, hours: float) -> None:
        self.hours = hours
        self.waiting: list[list[float]] = []  # [made at, level then, change, highest since]
        self.sums = [0.0, 0.0, 0.0]  # n, e, ee

    def learn(self, now: float, level: float, change: float) -> None:
        for one in self.waiting:
            one[3] = max(one[3], level)
        while self.waiting and now - self.waiting[0][0] >= self.hours:
            made, then, f, highest = self.waiting.pop(0)
            if now - made <= 1.5 * self.hours + 0.5:
                error = highest - then - max(0.0, f)
                keep = math.exp(-1.0 / MEMORY)
                self.sums = [
                    keep * s + x for s, x in zip(self.sums, (1.0, error, error * error), strict=True)
                ]
        if not self.waiting or now - self.waiting[-1][0] >= self.hours / SHARE:
            self.waiting.append([now, level, change, level])

    def probability(self, distance: float, change: float) -> float:
        n, e, ee = self.sums
        weight = n + PRIOR
        mean = e / weight
        spread = (
            ee / weight - mean * mean + PRIOR / weight * SPREAD_K**2 * self.hours + (RELATIVE * change) ** 2
        )
        return tail((distance - mean - change) / math.sqrt(max(spread, 0.0) + LEAST_K**2))


class GoodsOutlook:
    """Goods against an upper (``sign`` 1) or a lower limit (-1)."""

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self._horizons = tuple(_Horizon(h) for h in HORIZONS)
        self._level = 0.0
        self._changes = [0.0] * len(HORIZONS)

    def update(self, now: float, goods: GoodsModel, air: Passage, failing: float | None) -> None:
        """At ``now`` hours, with the trends of the air. ``failing``: nothing holds the air, which has so many degrees C."""
        if goods.middle is None:
            return
        self._level = self._sign * goods.middle
        level = air.level
        for n, horizon in enumerate(self._horizons):
            if failing is None:
                slope = air.change(horizon.hours) / horizon.hours
                change = goods.change(level, slope, horizon.hours)
            else:
                change = goods.rises(failing, horizon.hours)
            self._changes[n] = self._sign * change
            horizon.learn(now, self._level, self._changes[n])

    def to_limit(self, limit: float) -> Interval | None:
        """Hours until the goods pass ``limit``; zero if they have; None: less likely than not within the last horizon."""
        distance = self._sign * limit - self._level
        if distance <= 0.0:
            return Interval(0.0, 0.0, 0.0)
        if self._changes[-1] <= 0.0:
            return None
        curve, highest = [], 0.0
        for horizon, change in zip(self._horizons, self._changes, strict=True):
            highest = max(highest, horizon.probability(distance, change))
            curve.append((horizon.hours, highest))
        return interval(curve)

    def forget_path(self) -> None:
        """After a gap: waiting forecasts go."""
        for horizon in self._horizons:
            horizon.waiting = []

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "level": self._level, "changes": list(self._changes),
            "horizons": [[[list(w) for w in h.waiting], list(h.sums)] for h in self._horizons],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self._level, self._changes = state["level"], list(state["changes"])
        for horizon, (waiting, sums) in zip(self._horizons, state["horizons"], strict=True):
            horizon.waiting, horizon.sums = [list(w) for w in waiting], list(sums)
