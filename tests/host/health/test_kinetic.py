"""The record of a day: mean kinetic temperature by its formula, time by the clock, gaps, limits, midnight."""

from __future__ import annotations

import math

import numpy as np
import pytest

from babbitt.health.kinetic import DAY_MS, GAP_MS, days, kinetic_c

HOUR = 3_600_000
T0 = 20_000 * DAY_MS


def test_kinetic_temperature_is_that_of_the_formula() -> None:
    some, weights = np.array([5.0, 25.0]), np.array([1.0, 1.0])
    by_hand = 10_000 / -math.log((math.exp(-10_000 / 278.15) + math.exp(-10_000 / 298.15)) / 2) - 273.15
    assert kinetic_c(some, weights) == pytest.approx(by_hand)
    assert kinetic_c(some, weights) > 15.0
    assert kinetic_c(np.array([4.0, 4.0, 4.0]), np.array([1.0, 5.0, 2.0])) == pytest.approx(4.0)
    assert kinetic_c(some, np.array([3.0, 1.0])) < kinetic_c(some, weights)


def test_a_day_is_weighed_by_time_and_split_at_midnight() -> None:
    t = T0 + np.array([0, 6, 6.5, 23.5]) * HOUR
    first, second = days(
        t.astype(np.int64), np.array([2.0, 10.0, 4.0, 8.0]), {"h": 5.0, "ll": 3.0}, T0 + 25 * HOUR
    )
    assert (first.day, first.values, first.low, first.high) == (T0, 4, 2.0, 10.0)
    # 2 for an hour (a value stands for no longer), 10 for half an hour, 4 for an hour, 8 for half an hour
    assert first.mean == pytest.approx((2 + 5 + 4 + 4) / 3)
    assert first.beyond == pytest.approx({"h": 1.0, "ll": 1.0})
    assert first.missing == pytest.approx(21.0)
    assert (second.values, second.mean) == (0, 8.0)
    assert second.beyond["h"] == pytest.approx(0.5)
    assert GAP_MS == HOUR


def test_nothing_and_one_value() -> None:
    assert days(np.empty(0, np.int64), np.empty(0), {}, T0) == []
    (only,) = days(np.array([T0 + HOUR]), np.array([3.0]), {}, T0 + HOUR + 1000)
    assert (only.values, only.kinetic, only.missing) == (1, pytest.approx(3.0), pytest.approx(0.0))
