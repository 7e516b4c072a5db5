"""A line through what grows, and whether it grows at all; and when a line that is known so well reaches a threshold.

Least squares with the noise of a smoothed signal: it is correlated, so the effective number of points is n (1 - r) / (1 + r) with r
the lag-1 correlation of the residuals. Of windows that end now, their lengths growing by GROWTH, the one with the largest t value
counts, so that a fast end after a long quiet life is not averaged away and a steady rise uses all it has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from babbitt.protocol.assessment import Interval

Array = NDArray[np.floating[Any]]
Line = tuple[float, float, float]
"""Slope per hour, its standard error, degrees of freedom."""

SIGNIFICANCE = 0.001
"""Of a rise, one-sided."""
LEAST, GROWTH = 12, 1.4
"""Points in the shortest window, and how the lengths of windows grow."""
DISCREPANCY = 0.5
"""Spread of the logarithm of (time it takes / time the line says): growth speeds up, stalls."""
LONGEST_H = 10.0 * 365.25 * 24.0
"""No time beyond ten years is claimed."""
NODES: Array = (np.arange(21) + 0.5) / 21.0
"""Mid-points of 21 equally likely slices of a distribution."""


def rising(points: Array) -> Iterator[tuple[Line, Array]]:
    """(n, 2) hours and value -> the windows that end now and have a line, the shortest first: line and window."""
    length = float(LEAST)
    while int(length) <= len(points):
        window = points[-int(length) :]
        line = fit(window)
        if line is not None:
            yield line, window
        length = (
            length * GROWTH if length * GROWTH < len(points) or length >= len(points) else float(len(points))
        )


def beyond_doubt(line: Line) -> bool:
    """Whether a slope is positive, by a one-sided t test at SIGNIFICANCE."""
    return bool(stats.t.sf(line[0] / line[1], line[2]) <= SIGNIFICANCE)


def best_line(points: Array) -> Line | None:
    """(n, 2) hours and value -> the line of the window with the most significant rise; None where none is significant."""
    best = max((line for line, _ in rising(points)), key=lambda line: line[0] / line[1], default=None)
    return best if best is not None and beyond_doubt(best) else None


def fit(points: Array) -> Line | None:
    """Least-squares line with the error for correlated residuals; None where time does not spread."""
    x, y = points[:, 0], points[:, 1]
    n, dx = len(x), x - x.mean()
    sxx = float(dx @ dx)
    if sxx <= 1e-12:
        return None
    slope = float(dx @ (y - y.mean())) / sxx
    residual = y - y.mean() - slope * dx
    power = float(residual @ residual)
    r = float(residual[1:] @ residual[:-1]) / power if power > 1e-12 else 0.0
    effective = max(n * (1.0 - r) / (1.0 + r) if r > 0.0 else float(n), 3.0)
    dof = max(effective - 2.0, 1.0)
    error = math.sqrt(max(power, 1e-9) / n * effective / dof / sxx * (n / effective))
    return slope, max(error, 1e-12), dof


def passage(line: Line, gaps: Array, pace: float = 1.0, spread: float = DISCREPANCY) -> Interval:
    """Hours until a rising line has gone each of some equally likely ways ``gaps`` (>= 0): 10, 50, 90 %. The posterior of the slope
    (Student t, flat prior) is cut off at zero, for the test has passed; the time gets a log-normal factor of median ``pace`` and
    ``spread`` (of the logarithm)."""
    slope, error, dof = line
    none = stats.t.cdf(-slope / error, dof)  # share of the posterior without growth
    slopes: Array = slope + error * stats.t.ppf(none + (1.0 - none) * NODES, dof)
    factors = pace * np.exp(spread * stats.norm.ppf(NODES))
    times = (gaps[:, None, None] / np.maximum(slopes, 1e-9)[None, :, None]) * factors[None, None, :]
    p10, p50, p90 = np.quantile(np.minimum(times, LONGEST_H), (0.1, 0.5, 0.9))
    return Interval(float(p10), float(p50), float(p90))
