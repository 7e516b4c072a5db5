"""Remaining life where nothing grows, from how long others of the kind lived.

The logarithms of lives are taken as normal with unknown mean and spread: the next one then is a Student t around their mean
(the predictive distribution of normal theory, Meeker and Escobar 1998, chapter 12), and what is left is that, given that this
one still runs. It knows nothing of the machine but its age, so it is given only while nothing else can be said: a trend of its own
says more, and one that is warned is no longer as others usually are at that age.

How often such an interval is right depends on how one counts. By the hour, a machine that lives long is asked more often than one that
fails early, and what is left is as said above. By the machine, each being asked as often as any other, each hour of a life counts as one
over that life (the correction for length-biased sampling, Cox 1969), so short lives weigh more. A person wants both: the low end and the
middle are by the machine, the high end is by the hour. Then no more truths lie outside than said, whichever way they are counted
(bench/predict/pronostia.py and tests/host/prognosis/test_lives_of_others.py count both).

Of those that did not fail it is known that they last longer than they have: mean and spread are the most likely ones given that
(censored normal data; in the mean over the spread and one over the spread their likelihood is concave, Burridge 1981, so Newton's
steps find its top). Without them a young fleet, of which only the weakest have
failed, would look as if all were weak.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, stdtr, stdtrit

from babbitt.prognosis.line import LONGEST_H
from babbitt.protocol.assessment import Interval, Others

Floats = NDArray[np.float64]
OUTLIVED = 0.99
"""A machine that is older than this share of the distribution is no machine of that kind: nothing is said."""
ROUNDS = 200
"""Of Newton's steps at most; some twenty are enough."""
PARTS = 400
"""The distribution is taken in so many parts of like probability."""


def left(lives: Others | None, t_ms: int) -> Interval | None:
    """Hours that are left at a time (Unix ms), or None if no lives are known, it was not in service yet, or outlived them."""
    if lives is None or t_ms <= lives.since_ms:
        return None
    found = within(lives.hours, (t_ms - lives.since_ms) / 3.6e6, 0.8, lives.unfailed)
    return None if found is None else Interval(*(min(LONGEST_H, h) for h in found))


def within(
    hours: Sequence[float], age: float, share: float, unfailed: Sequence[float] = ()
) -> tuple[float, float, float] | None:
    """Low end, middle and high end of the hours left at an age (hours, > 0); None if it outlived the others, or fewer than two failed.

    ``hours`` are lives, ``unfailed`` ages at which others had not failed; ``share`` of the truths are to be inside, by the hour and by
    the machine.
    """
    if len(hours) < 2:
        return None
    logs, n = np.log(hours), len(hours)
    centre, spread = _normal(tuple(hours), tuple(unfailed))
    scale = max(spread * math.sqrt(1.0 + 1.0 / n), 1e-3)
    alive = stdtr(n - 1.0, (centre - math.log(age)) / scale)
    if alive < 1.0 - OUTLIVED:
        return None
    # Upper tails, from those that fail next to those that live longest; the last one is the high end by the hour.
    tails = alive * np.append(1.0 - (np.arange(PARTS) + 0.5) / PARTS, (1.0 - share) / 2.0)
    life = np.minimum(centre - scale * stdtrit(n - 1.0, tails), 700.0)
    # None weighs more than the shortest that is known: without that a new machine would be about to fail, being so rarely asked so young.
    weight = np.cumsum(np.exp(float(logs.min()) - np.maximum(life[:-1], float(logs.min()))))
    at = np.searchsorted(weight, weight[-1] * np.array([(1.0 - share) / 2.0, 0.5]))
    low, middle, high = np.maximum(np.exp(np.append(life[at], life[-1])) - age, 0.0).tolist()
    return low, middle, max(middle, high)


@lru_cache(maxsize=256)
def _normal(hours: tuple[float, ...], unfailed: tuple[float, ...]) -> tuple[float, float]:
    """Mean and spread of the logarithms of lives."""
    logs = np.log(hours)
    n, centre, spread = len(logs), float(logs.mean()), max(float(logs.std()), 1e-3)
    if unfailed:
        delta, gamma = _likeliest((logs - centre) / spread, (np.log(unfailed) - centre) / spread)
        centre, spread = centre + spread * delta / gamma, spread / gamma
    return centre, spread * math.sqrt(n / (n - 1))


def _likeliest(x: Floats, c: Floats) -> tuple[float, float]:
    """Mean over spread and one over spread, of normal values ``x`` and others of which it is known that they are more than ``c``."""
    n = len(x)

    def likelihood(at: Floats) -> float:
        delta, gamma = at
        return float(
            n * math.log(gamma) - 0.5 * ((gamma * x - delta) ** 2).sum() + log_ndtr(delta - gamma * c).sum()
        )

    at = np.array([0.0, 1.0])
    best = likelihood(at)
    for _ in range(ROUNDS):
        u, v = at[1] * x - at[0], at[1] * c - at[0]
        hazard = np.exp(-0.5 * v * v - 0.5 * math.log(2.0 * math.pi) - log_ndtr(-v))
        bend = np.maximum(hazard * (hazard - v), 0.0)
        slope = np.array([u.sum() + hazard.sum(), n / at[1] - (u * x).sum() - (hazard * c).sum()])
        across = -x.sum() - (bend * c).sum()
        curve = np.array(
            [[n + bend.sum(), across], [across, n / at[1] ** 2 + (x * x).sum() + (bend * c * c).sum()]]
        )
        step = np.linalg.solve(curve, slope)
        while at[1] + step[1] <= 0.0 or (found := likelihood(at + step)) < best - 1e-12:
            step = 0.5 * step
            if np.abs(step).max() < 1e-12:
                return float(at[0]), float(at[1])
        at, best = at + step, found
        if np.abs(step).max() < 1e-9:
            break
    return float(at[0]), float(at[1])
