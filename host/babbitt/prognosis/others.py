"""Remaining life where nothing grows, from how long others of the kind lived.

The logarithms of lives are taken as normal with unknown mean and spread: the next one then is a Student t around their mean
(the predictive distribution of normal theory, Meeker and Escobar 1998, chapter 12), and what is left is that, given that this
one still runs. It knows nothing of the machine but its age, so it is given only while nothing else can be said: a trend of its own
says more, and one that is warned is no longer as others usually are at that age.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from babbitt.prognosis.line import LONGEST_H
from babbitt.protocol.assessment import Interval, Others

OUTLIVED = 0.99
"""A machine that is older than this share of the distribution is no machine of that kind: nothing is said."""


def left(lives: Others | None, t_ms: int) -> Interval | None:
    """Hours that are left at a time (Unix ms), or None if no lives are known, it was not in service yet, or outlived them."""
    if lives is None or t_ms <= lives.since_ms:
        return None
    found = quantiles(lives.hours, (t_ms - lives.since_ms) / 3.6e6, (0.1, 0.5, 0.9))
    return None if found is None else Interval(*(min(LONGEST_H, h) for h in found.tolist()))


def quantiles(hours: Sequence[float], age: float, q: Sequence[float]) -> NDArray[np.float64] | None:
    """Quantiles of the hours left at an age (hours, > 0) by at least two lives; None if it outlived them."""
    logs = np.log(hours)
    n, centre = len(logs), float(logs.mean())
    scale = max(float(logs.std(ddof=1)) * math.sqrt(1.0 + 1.0 / n), 1e-3)
    alive = stdtr(n - 1.0, (centre - math.log(age)) / scale)
    if alive < 1.0 - OUTLIVED:
        return None
    z = stdtrit(n - 1.0, alive * (1.0 - np.asarray(q)))
    found: NDArray[np.float64] = np.exp(np.minimum(centre - scale * z, 700.0)) - age
    return np.maximum(found, 0.0)
