"""The record of a day of a cold room: extremes, mean, mean kinetic temperature, time beyond limits, time without a value.

Mean kinetic temperature is the one temperature that would have done as much harm as the day did: warm hours count more. With the
activation energy that is usual for it, 83.144 kJ/mol, dH/R is 10,000 K (J. D. Haynes, J. Pharm. Sci. 60, 1971). Not for frozen goods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OVER_R_K = 10_000.0
ZERO_K = 273.15
GAP_MS = 3_600_000
"""A value stands for the time until the next one, for so long at most."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Day:
    """One day (UTC) of one temperature, degrees C; hours ``beyond`` by limit (those that are set), hours ``missing``."""

    day: int
    values: int
    low: float
    mean: float
    high: float
    kinetic: float
    beyond: Mapping[str, float]
    missing: float


def kinetic_c(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Mean kinetic temperature in degrees C of temperatures (n,) that lasted ``weights`` each."""
    share = weights / weights.sum()
    harm = float((share * np.exp(-OVER_R_K / (values + ZERO_K))).sum())
    return float(OVER_R_K / -np.log(harm) - ZERO_K)


def days(
    t: NDArray[np.int64], values: NDArray[np.float64], limits: Mapping[str, float], end: int
) -> list[Day]:
    """Days of values at times (ms, ascending), up to ``end`` (ms). A value stands until the next one, over midnight as well."""
    if not len(t):
        return []
    until = np.minimum(np.append(t[1:], max(end, int(t[-1]))), t + GAP_MS)
    found = []
    for day in range(int(t[0]) // DAY_MS, int(until[-1] - 1) // DAY_MS + 1):
        begin, over = day * DAY_MS, (day + 1) * DAY_MS
        lasted = (np.clip(until, begin, over) - np.clip(t, begin, over)).astype(float)
        here = lasted > 0
        if not here.any():
            continue
        some, weights = values[here], lasted[here]
        beyond = {}
        for name, limit in limits.items():
            out = some > limit if name.startswith("h") else some < limit
            beyond[name] = float(weights[out].sum()) / 3.6e6
        whole = min(over, end) - max(begin, int(t[0]))
        found.append(
            Day(
                begin, int(((t >= begin) & (t < over)).sum()), float(some.min()), float((some * weights).sum() / weights.sum()),
                float(some.max()), kinetic_c(some, weights), beyond, max(0.0, (whole - weights.sum()) / 3.6e6),
            )
        )  # fmt: skip
    return found
