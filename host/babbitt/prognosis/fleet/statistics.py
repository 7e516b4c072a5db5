"""Features of a history at each of its records, from that record and those before it.

Of each column: means of the last 5 to 40 records, slopes of the last 20 and 40 and of all, mean and deviation of all, the first
ten, the newest against the first, an exponential mean with its extremes; and how long the machine has run. All in one pass of
cumulative sums: the features of a beginning are the beginning of the features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WINDOWS, SLOPES = (5, 10, 20, 40), (20, 40)
FIRST, SHARE = 10, 0.1
NAMES = (
    *(f"mean of {w}" for w in WINDOWS), *(f"slope of {w}" for w in SLOPES), "mean", "deviation", "slope", "newest - first",
    "first", "smooth", "smooth highest", "smooth lowest",
)  # fmt: skip


def features(x: Floats) -> Floats:
    """Of (n, p): shape (n, 1 + 14 p), the count of records first, then by name all columns."""
    n = len(x)
    count = np.arange(1, n + 1)
    sums, squares = _sums(x), _sums(x * x)
    timed = _sums(x * np.arange(n)[:, None])

    def window(size: int) -> tuple[Floats, Floats]:
        """Mean and slope of the last ``size`` records."""
        start = np.maximum(0, count - size)
        m = (count - start)[:, None].astype(float)
        total = sums[count] - sums[start]
        middle = ((start + count - 1) / 2)[:, None]
        slope = (timed[count] - timed[start] - middle * total) / np.maximum(1.0, m * (m * m - 1) / 12)
        return total / m, slope

    parts = {w: window(w) for w in WINDOWS}
    whole = window(n)
    early = np.minimum(count, FIRST)
    first = sums[early] / early[:, None]
    deviation = np.sqrt(np.maximum(0.0, squares[count] / count[:, None] - whole[0] ** 2))
    smooth = np.empty_like(x)
    value = x[0]
    for at in range(n):
        value = value + SHARE * (x[at] - value)
        smooth[at] = value
    columns = [
        count[:, None].astype(float), *(parts[w][0] for w in WINDOWS), *(parts[w][1] for w in SLOPES), whole[0], deviation,
        whole[1], parts[10][0] - first, first, smooth, np.maximum.accumulate(smooth), np.minimum.accumulate(smooth),
    ]  # fmt: skip
    return np.hstack(columns)


def names(columns: list[str]) -> list[str]:
    """The name of each feature."""
    return ["records", *(f"{column}: {what}" for what in NAMES for column in columns)]


def _sums(x: Floats) -> Floats:
    return np.vstack([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0)])
