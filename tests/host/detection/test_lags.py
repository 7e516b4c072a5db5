"""Nearest earlier shapes: against the definition, and across the end of what is kept."""

from __future__ import annotations

import json
import math
import random

import pytest

from babbitt.detection.lags import APART_LONG, APART_SHORT, EVERY, LENGTH, LONG, SHORT, Lags


def by_definition(values: list[float], apart: int, window: int) -> float:
    """Of the last value: the root of the smallest weighted sum of squares over all lags that count."""
    n, keep = len(values) - 1, 1 - 1 / window
    found = []
    for lag in range(apart + 1, min(LENGTH, n - apart) + 1):
        terms = (
            keep**k * (values[n - k] - values[max(0, n - k - lag)]) ** 2
            for k in range(min(n + 1, 12 * window))
        )
        found.append(sum(terms))
    return math.sqrt(min(found) / window)


def play(lags: Lags, values: list[float]) -> list[tuple[float, float]]:
    found = []
    for x in values:
        found.append(lags.near(x))
        lags.take(x)
    return found


@pytest.mark.parametrize("count", [60, 300, LENGTH + 40])
def test_the_short_distance_is_that_of_the_definition(count: int) -> None:
    rng = random.Random(count)
    values = [1000 + rng.gauss(0, 1) for _ in range(count)]
    found = play(Lags(), values)
    for n in (count - 1, count - 7):
        assert found[n][0] == pytest.approx(by_definition(values[: n + 1], APART_SHORT, SHORT), rel=1e-3)


def test_the_long_distance_has_no_handicap_before_the_first_look() -> None:
    rng = random.Random(3)
    values = [rng.gauss(0, 1) for _ in range(EVERY - 1)]
    found = play(Lags(), values)[-1][1]
    assert found == pytest.approx(by_definition(values, APART_LONG, LONG), rel=1e-3)
    assert LONG > SHORT


def test_what_comes_at_the_wrong_time_is_far_in_the_long_window_only() -> None:
    day = [0.0] * 60 + [10.0] * 40
    rng = random.Random(5)
    values = [x + rng.gauss(0, 0.1) for x in day * 12]
    usual, still = Lags(), Lags()
    play(usual, values)
    play(still, values)
    right = play(usual, [x + rng.gauss(0, 0.1) for x in day])
    wrong = play(still, [rng.gauss(0, 0.1) for _ in day])  # the peak of this day does not come
    assert max(short for short, _ in wrong[75:95]) < 1.0
    assert max(long for _, long in right) < 1.0
    assert min(long for _, long in wrong[75:95]) > 3.0


def test_asking_changes_nothing_and_it_goes_on_across_the_end_of_its_memory() -> None:
    rng = random.Random(6)
    values = [rng.gauss(0, 1) for _ in range(2 * LENGTH + 200)]
    whole, asked = Lags(), Lags()
    expected = play(whole, values)
    for x in values[: 2 * LENGTH - 30]:
        asked.near(x + 1)
        asked.take(x)
    again = Lags.load(json.loads(json.dumps(asked.dump())))
    assert play(again, values[2 * LENGTH - 30 :]) == expected[2 * LENGTH - 30 :]
    assert again.dump() == whole.dump()


@pytest.mark.parametrize("change", [{"values": "?"}, {"short": ""}, {"count": None}])
def test_what_is_no_state_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Lags.load(Lags().dump() | change)
