"""The daily pattern: learns the hour of the day, is not taught by a failure, follows both directions."""

from __future__ import annotations

import math

from babbitt.detection.daily import DailyPattern

HOUR_MS = 3_600_000


def day(pattern: DailyPattern, days: float, start: float = 0.0, shift: float = 0.0) -> float | None:
    score = None
    for n in range(int(days * 96)):
        hours = start + n * 0.25
        value = -20.0 + shift + 3.0 * math.sin(2 * math.pi * hours / 24.0)
        score = pattern.update(int(hours * HOUR_MS), value, 0.25)
    return score


def test_learns_the_hours_of_the_day() -> None:
    pattern = DailyPattern()
    day(pattern, 10)
    assert pattern.usual(6 * HOUR_MS) > -18.5
    assert pattern.usual(18 * HOUR_MS) < -21.5


def test_says_nothing_before_half_a_day() -> None:
    assert day(DailyPattern(), 0.4) is None
    assert day(DailyPattern(), 1.0) is not None


def test_a_failure_is_beyond_the_limit_in_both_directions_and_is_not_learnt_in_a_day() -> None:
    for shift, sign in ((12.0, 1.0), (-12.0, -1.0)):
        pattern = DailyPattern()
        day(pattern, 10)
        score = day(pattern, 1, start=240.0, shift=shift)
        assert score is not None
        assert sign * score > 1.0
        assert abs(pattern.mean + 20.0) < 2.0


def test_a_wider_limit_makes_the_score_smaller_and_teaches_nothing_else() -> None:
    plain, wide = DailyPattern(), DailyPattern()
    day(plain, 10)
    day(wide, 10)
    for n in range(40):
        t = int((240.0 + 0.25 * n) * HOUR_MS)
        one, other = plain.update(t, -12.0, 0.25), wide.update(t, -12.0, 0.25, 1.5)
        assert one is not None
        assert other is not None
        assert math.isclose(one, 1.5 * other)
    assert plain.dump() == wide.dump()
