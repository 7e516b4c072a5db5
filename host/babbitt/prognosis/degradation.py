"""Remaining useful life from a degradation that grows, or no number where nothing grows.

Model (exponential degradation, Gebraeel et al. 2005, 'Residual-life distributions from component degradation
signals'): the log ratio of the leading vibration features to the baseline is a straight line in time, d(t) =
theta + beta t + noise, and the asset fails when d first reaches a threshold D. Neither beta nor D is known:

- beta: posterior of a least-squares line under a flat prior, a Student t distribution (line.py).
- D: machines fail at very different ratios. The prior is the predictive Student t of what was seen on the
  learning bearings (`THRESHOLD`), given that D is above the present level, since the machine still runs.
- the line itself is wrong in the long run (growth speeds up, stalls): the time gets a log-normal factor.

First passage of every combination of fixed quantiles of the three (a deterministic quadrature) gives the
10/50/90 % quantiles.

No trend, no number. A trend needs (1) the caller's `active` (the anomaly is latched), (2) an indicator beyond
`RISE` upwards, and (3) a line whose slope is positive by a one-sided t test. (Looking at several windows makes the test
weaker than its nominal level; (1) and (2) carry most of the protection.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from babbitt.prognosis.line import NODES, Array, best_line, passage
from babbitt.protocol.assessment import Interval


@dataclass(frozen=True, slots=True)
class Threshold:
    """Prior of the log ratio at failure: Student t with `dof` degrees of freedom, centre `mean`, `scale`."""

    mean: float
    scale: float
    dof: float


def threshold_from(ends: list[float]) -> Threshold:
    """Predictive distribution of the next machine's log ratio at failure from those of at least three others
    (normal theory)."""
    if len(ends) < 3:
        raise ValueError(f"ends: {len(ends)} failures are too few for a spread; give at least 3")
    n = len(ends)
    return Threshold(float(np.mean(ends)), float(np.std(ends, ddof=1)) * math.sqrt(1.0 + 1.0 / n), n - 1.0)


LEARNING_ENDS = {"1_2": 1.98, "2_1": 2.10, "2_2": 1.80, "3_1": 0.78, "3_2": 2.39}
"""Indicator at the end of five PRONOSTIA bearings as a node would see them (bench/predict_first.py measures
them). Accelerated tests ended by a 20 g rule on one rig: a start, not a truth about other machines; hence the
width, and Asset.limits where set."""
THRESHOLD = threshold_from(list(LEARNING_ENDS.values()))
FAR = 0.97
"""Where so much of the prior of the threshold lies below the indicator, there is no number any more."""

RISE = math.log(1.3)
"""Least indicator that can be a trend, natural log of the ratio to the baseline."""
KEEP = 256
"""Points kept; when full every second one is dropped, so that memory is bounded and a slow trend keeps its
start."""
REFIT = 4
"""Records between fits; in between the interval counts down."""
BACKWARDS_MS = 3_600_000
"""A clock set back by more starts the history again; within it late records are left out."""


class Degradation:
    """Follows the indicator of one machine; `update` gives (outlook, remaining)."""

    def __init__(self, threshold: Threshold = THRESHOLD) -> None:
        self.threshold = threshold
        self._points: list[list[float]] = []  # [hours since origin, indicator]
        self._origin: int | None = None
        self._stride, self._since, self._count = 1, 0, 0
        self._beyond = False
        self._fit: tuple[float, Interval] | None = None  # hours since origin, and what was found then

    def update(self, t_ms: int, indicator: float, active: bool) -> tuple[str, Interval | None]:
        """Take one judged record: Unix ms, log ratio of the leading features, and whether the anomaly is
        latched.

        Gives ('trend', interval in hours), ('no trend', None), or ('beyond limit', None) where the indicator is
        higher than nearly all thresholds of the prior: that the machine still runs says then that the prior
        is not its own, and conditioning on it would give it more life the worse it gets.
        """
        if self._origin is None:
            self._origin = t_ms
        hours = (t_ms - self._origin) / 3.6e6
        if self._points and hours < self._points[-1][0] - BACKWARDS_MS / 3.6e6:
            self._points, self._fit, self._origin, self._stride, hours = [], None, t_ms, 1, 0.0
        if not self._points or hours > self._points[-1][0]:
            self._keep(hours, indicator)
        self._count += 1
        if not active or indicator < RISE:
            self._fit, self._beyond = None, False
        elif self._fit is None or self._count >= REFIT:
            self._count = 0
            self._beyond = self._passed(indicator) > FAR
            found = self._first_passage(indicator)
            self._fit = None if found is None else (hours, found)
        return self.now(t_ms)

    def now(self, t_ms: int) -> tuple[str, Interval | None]:
        """What was found last, counted down to `t_ms`."""
        if self._beyond:
            return "beyond limit", None
        if self._fit is None or self._origin is None:
            return "no trend", None
        at, found = self._fit
        gone = max(0.0, (t_ms - self._origin) / 3.6e6 - at)
        return "trend", Interval(*(max(0.0, h - gone) for h in (found.p10, found.p50, found.p90)))

    def _keep(self, hours: float, indicator: float) -> None:
        self._since += 1
        if self._since < self._stride:
            return
        self._since = 0
        self._points.append([hours, indicator])
        if len(self._points) >= KEEP:
            self._points, self._stride = self._points[1::2], self._stride * 2

    def _first_passage(self, level: float) -> Interval | None:
        found = best_line(np.asarray(self._points))
        if found is None:
            return None
        prior, below = self.threshold, self._passed(level)
        ends: Array = prior.mean + prior.scale * stats.t.ppf(below + (1.0 - below) * NODES, prior.dof)
        return passage(found, np.maximum(ends - level, 0.0))

    def _passed(self, level: float) -> float:
        """Share of the prior of the threshold that lies below `level`."""
        prior = self.threshold
        return float(stats.t.cdf((level - prior.mean) / prior.scale, prior.dof))

    def dump(self) -> dict[str, Any]:
        """Whole state in plain JSON types, at most `KEEP` points."""
        fit = (
            None
            if self._fit is None
            else [self._fit[0], self._fit[1].p10, self._fit[1].p50, self._fit[1].p90]
        )
        return {
            "points": [list(p) for p in self._points],
            "origin": self._origin,
            "stride": self._stride,
            "since": self._since,
            "count": self._count,
            "fit": fit,
            "beyond": self._beyond,
        }

    @classmethod
    def load(cls, state: dict[str, Any], threshold: Threshold = THRESHOLD) -> Degradation:
        """Build from what `dump` gave; {} gives a fresh one. Raises KeyError, TypeError for anything else."""
        self = cls(threshold)
        if not state:
            return self
        self._points, self._origin = [list(p) for p in state["points"]], state["origin"]
        self._stride, self._since, self._count = state["stride"], state["since"], state["count"]
        self._beyond = state["beyond"]
        if state["fit"] is not None:
            at, *quantiles = state["fit"]
            self._fit = (at, Interval(*quantiles))
        return self
