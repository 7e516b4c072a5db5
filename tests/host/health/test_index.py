"""The health index: its corner points, its one direction, and limits set by people."""

from __future__ import annotations

import math

import pytest

from babbitt.health.index import health, limit_severity


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(0.0, 100.0), (1.0, 75.0), (3.0, 30.0), (6.0, 0.0), (50.0, 0.0), (math.inf, 0.0)],
)
def test_corner_points(severity: float, expected: float) -> None:
    assert health(severity) == expected


def test_never_rises_with_the_severity() -> None:
    values = [health(s / 100.0) for s in range(1000)]
    assert values == sorted(values, reverse=True)


LIMITS = {"ll": -40.0, "l": -30.0, "h": -18.0, "hh": -15.0}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-22.0, 0.0), (-18.0, 1.0), (-15.0, 3.0), (-12.0, 5.0), (-30.0, 1.0), (-40.0, 3.0)],
)
def test_limits_in_both_directions(value: float, expected: float) -> None:
    assert limit_severity(value, LIMITS) == pytest.approx(expected)


def test_where_only_one_limit_is_set() -> None:
    assert limit_severity(2.0, {"h": 1.0}) == pytest.approx(1.0 + 2.0 / 0.6)
    assert limit_severity(1.0, {"hh": 1.0}) == pytest.approx(3.0)
    assert limit_severity(0.9, {"hh": 1.0}) == 0.0
    assert limit_severity(-17.0, {"hh": -20.0}, 3.0) == pytest.approx(5.0)
    assert limit_severity(1e6, {}) == 0.0
