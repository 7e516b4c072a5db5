"""Features of the states of a machine at each of its records, from that record and those before it.

Of each state: means of the last 5 to 40 records and of all; the line through the last 20 and 40 and through all, its slope and
where it is now; the first ten, the newest against them; an exponential mean with its extremes; and how long the machine has run.
Each record counts by its weight. All in one pass of cumulative sums: the features of a beginning are the beginning of the features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MEANS, LINES = (5, 10), (20, 40)
FIRST, SHARE = 10, 0.1
NAMES = (
    *(f"mean of {w}" for w in MEANS), *(f"{what} of {w}" for w in LINES for what in ("mean", "slope", "line")), "mean", "slope",
    "line", "first", "newest - first", "smooth", "smooth highest", "smooth lowest",
)  # fmt: skip


def features(x: Floats, weight: Floats) -> Floats:
    """Of states and their weights, (n, m): shape (n, 1 + 16 m), the count of records first, then by name all states."""
    n = len(x)
    count, t = np.arange(1, n + 1), np.arange(n, dtype=float)[:, None]
    weights, sums = _sums(weight), _sums(weight * x)
    times, squares, timed = _sums(weight * t), _sums(weight * t * t), _sums(weight * t * x)

    def window(size: int) -> tuple[Floats, Floats, Floats]:
        """Mean, slope, and the line now, of the last ``size`` records."""
        start = np.maximum(0, count - size)
        total = weights[count] - weights[start]
        mean, at = (sums[count] - sums[start]) / total, (times[count] - times[start]) / total
        spread = np.maximum((squares[count] - squares[start]) / total - at * at, 0.0)
        slope = ((timed[count] - timed[start]) / total - at * mean) / np.maximum(spread, 1e-6)
        slope = np.where(spread > 1e-6, slope, 0.0)
        return mean, slope, mean + slope * (t - at)

    means = [window(w)[0] for w in MEANS]
    early = np.minimum(count, FIRST)
    first = sums[early] / weights[early]
    smooth, value, total = np.empty_like(x), x[0], weight[0]
    for at in range(n):
        if at:
            total = (1.0 - SHARE) * total + weight[at]
            value = value + weight[at] / total * (x[at] - value)
        smooth[at] = value
    columns = [
        count[:, None].astype(float), *means, *(part for w in LINES for part in window(w)), *window(n), first, means[1] - first,
        smooth, np.maximum.accumulate(smooth), np.minimum.accumulate(smooth),
    ]  # fmt: skip
    return np.hstack(columns)


def names(states: Sequence[str]) -> list[str]:
    """The name of each feature."""
    return ["records", *(f"{state}: {what}" for what in NAMES for state in states)]


def _sums(x: Floats) -> Floats:
    return np.vstack([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0)])
