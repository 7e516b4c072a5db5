"""Level and slope: follows a ramp at any spacing, fades without news, cuts spikes."""

from __future__ import annotations

import pytest

from babbitt.manipulation.trend import LevelSlope


@pytest.mark.parametrize("step", [1 / 24, 0.1, 0.25, 0.5])
def test_follows_a_ramp_whatever_the_spacing(step: float) -> None:
    trend = LevelSlope(0.75, 1000.0)
    n = int(24 / step)
    for i in range(n):
        trend.update(-20.0 + 0.5 * i * step, step)
    assert trend.slope == pytest.approx(0.5, rel=0.1)
    assert trend.level == pytest.approx(-20.0 + 0.5 * (n - 1) * step, abs=0.1)


def test_the_expected_change_fades() -> None:
    trend = LevelSlope(0.75, 4.0)
    for i in range(100):
        trend.update(0.1 * i, 0.1)
    assert 0.0 < trend.change(1.0) < trend.change(4.0) < trend.change(100.0) <= trend.slope * 4.0


def test_one_spike_hardly_moves_it() -> None:
    trend = LevelSlope(0.75, 4.0)
    for i in range(100):
        trend.update(0.1 * (i % 2), 0.1)
    before = trend.level
    trend.update(30.0, 0.1)
    assert abs(trend.level - before) < 0.2


def test_after_a_gap_it_starts_again() -> None:
    trend = LevelSlope(0.75, 4.0)
    for i in range(50):
        trend.update(1.0 * i, 0.1)
    trend.update(5.0, 100.0)
    assert (trend.level, trend.slope) == (5.0, 0.0)
