"""When will a slow variable pass a limit: a trend whose uncertainty comes from its own past errors.

For each horizon h the forecaster remembers what it expected (the change f of the level within h) and, when h
has passed, looks at the highest value really reached, relative to the level then: a. A forgetting regression
a = m + g f + e over the past gives the offset m, how much of a trend usually comes true (g, between 0 and 1:
in a room that breathes most of a rise is gone an hour later), and the spread of e. Since a is a highest
value, P(m + g f + e >= distance) is the probability that the limit is passed *within* h: a first-passage
distribution without assumptions about the path. Two trends, a fast and a slow one, share the horizons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from babbitt.manipulation.trend import LevelSlope
from babbitt.protocol.assessment import Interval

FAST = (0.5, 1.0, 2.0, 4.0)
SLOW = (8.0, 16.0, 32.0)
"""Horizons, hours."""
MEMORY = 200.0
"""Forecasts after which past errors are forgotten (e-folding)."""
PRIOR = 6.0
"""Forecasts the starting belief is worth."""
SHARE = 8
"""A horizon is forecast anew after this part of it, so that at most so many forecasts of one horizon wait."""
FARTHEST = 10.0
"""A quantile beyond the last horizon is extrapolated at most so many times as far."""
CAME = 0.75
"""Share of what was foreseen in rooms in use that came: most rises of an hour end by themselves (docs/how-it-decides.md)."""


def tail(z: float) -> float:
    """P(Student t with 5 degrees of freedom > z): the errors have heavier tails than a Gaussian.

    Closed form for odd degrees of freedom (Abramowitz and Stegun, 26.7.3); a hundred times as fast as the
    general one.
    """
    angle = math.atan(z / math.sqrt(5.0))
    c = math.cos(angle)
    return 0.5 - (angle + math.sin(angle) * c * (1.0 + 2.0 / 3.0 * c * c)) / math.pi


class _Horizon:
    """One horizon: waiting forecasts and what past ones taught. `start_k` is the spread believed at first,
    K."""

    def __init__(self, hours: float, start_k: float) -> None:
        self.hours = hours
        self.waiting: list[list[float]] = []  # [made at, level then, expected change, highest since]
        self.sums = [0.0] * 6  # n, f, ff, a, fa, aa
        self.start_k = start_k

    def learn(self, now: float, value: float) -> None:
        for one in self.waiting:
            one[3] = max(one[3], value)
        while self.waiting and now - self.waiting[0][0] >= self.hours:
            made, level, f, highest = self.waiting.pop(0)
            if now - made > 1.5 * self.hours + 0.5:
                continue  # a gap: what happened in between is not known
            a = highest - level
            keep = math.exp(-1.0 / MEMORY)
            new = (1.0, f, f * f, a, f * a, a * a)
            self.sums = [keep * s + x for s, x in zip(self.sums, new, strict=True)]

    def forecast(self, now: float, level: float, change: float, value: float) -> None:
        if not self.waiting or now - self.waiting[-1][0] >= self.hours / SHARE:
            self.waiting.append([now, level, change, value])

    def probability(self, distance: float, change: float) -> float:
        """That a limit `distance` above the level is passed within the horizon, the trend saying `change`."""
        n, sf, sff, sa, sfa, saa = self.sums
        weight = n + PRIOR
        mf, ma = sf / weight, sa / weight
        vff = sff / weight - mf * mf
        prior = PRIOR / weight * self.start_k**2
        gain = min(max((sfa / weight - mf * ma + prior) / (vff + prior), 0.0), 1.0)
        offset = ma - gain * mf
        rest = saa / weight - ma * ma - 2 * gain * (sfa / weight - mf * ma) + gain * gain * vff
        spread = math.sqrt(max(rest, 0.0) + prior + 0.01)
        return tail((distance - offset - gain * change) / spread)


class Passage:
    """Watches one variable against upward passage (a caller turns the sign for the other direction).

    `spread_k` is the spread of the change within an hour believed at first; it grows with the root of the
    horizon.
    """

    def __init__(self, spread_k: float = 0.5) -> None:
        self._trends = (LevelSlope(0.75, 4.0), LevelSlope(6.0, 48.0))
        self._horizons = tuple(
            tuple(_Horizon(h, spread_k * math.sqrt(h)) for h in hours) for hours in (FAST, SLOW)
        )

    def update(self, now: float, value: float, step: float) -> None:
        """Take a value at `now` hours, `step` hours after the one before."""
        for trend, horizons in zip(self._trends, self._horizons, strict=True):
            trend.update(value, step)
            for horizon in horizons:
                horizon.learn(now, value)
                horizon.forecast(now, trend.level, trend.change(horizon.hours), value)

    def curve(self, limit: float) -> list[tuple[float, float]]:
        """(hours, probability that `limit` is passed within them), both not falling."""
        out, highest = [], 0.0
        for trend, horizons in zip(self._trends, self._horizons, strict=True):
            for horizon in horizons:
                p = horizon.probability(limit - trend.level, trend.change(horizon.hours))
                highest = max(highest, p)
                out.append((horizon.hours, highest))
        return out

    def forget_path(self) -> None:
        """After a gap: trends and waiting forecasts go, what was learnt of errors stays."""
        for trend, horizons in zip(self._trends, self._horizons, strict=True):
            trend.forget()
            for horizon in horizons:
                horizon.waiting = []

    def trending(self) -> bool:
        """True where one of the trends points up."""
        return any(t.slope > 0.0 for t in self._trends)

    def rising(self) -> bool:
        """True where the variable rises now: the fast trend points up."""
        return self._trends[0].slope > 0.0

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "trends": [t.dump() for t in self._trends],
            "horizons": [[[[list(w) for w in h.waiting], list(h.sums)] for h in hs] for hs in self._horizons],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `dump` gave."""
        for trend, saved in zip(self._trends, state["trends"], strict=True):
            trend.restore(saved)
        for horizons, group in zip(self._horizons, state["horizons"], strict=True):
            for horizon, (waiting, sums) in zip(horizons, group, strict=True):
                horizon.waiting, horizon.sums = [list(w) for w in waiting], list(sums)


def probability_within(curve: Sequence[tuple[float, float]], hours: float) -> float:
    """Probability of passage within `hours`: the curve, log-linear between its horizons, through 0 at 0."""
    before = (0.0, 0.0)
    for at, p in curve:
        if hours <= at:
            part = hours / at if before[0] == 0.0 else math.log(hours / before[0]) / math.log(at / before[0])
            return before[1] + (p - before[1]) * part
        before = (at, p)
    return before[1]


def in_use(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The curve of a room that is as usual: CAME of each probability."""
    return [(hours, CAME * p) for hours, p in curve]


def interval(curve: Sequence[tuple[float, float]]) -> Interval | None:
    """10/50/90 % quantiles of the time of passage, or None where passage is less likely than not within the
    last horizon."""
    if curve[-1][1] < 0.5:
        return None
    return Interval(*(_quantile(curve, q) for q in (0.1, 0.5, 0.9)))


def _quantile(curve: Sequence[tuple[float, float]], q: float) -> float:
    before = (0.0, 0.0)
    for at, p in curve:
        if p >= q:
            return before[0] + (at - before[0]) * (q - before[1]) / (p - before[1])
        before = (at, p)
    last, p = curve[-1]
    # Beyond the last horizon: the hazard that carried it there goes on.
    return min(last * math.log(1.0 - q) / math.log(1.0 - min(p, 0.999)), FARTHEST * last)
