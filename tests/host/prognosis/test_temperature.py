"""The forecast of a temperature: better than no change, as sure as it says, causal, and whole after a restart."""

from __future__ import annotations

import json
import math
import random

import pytest

from babbitt.prognosis.temperature import DAY, STEP_MS, TemperatureForecast

T0 = 1_790_000_000_000 // STEP_MS * STEP_MS


def room(days: int, seed: int = 1, shift: float = 0.0) -> list[float]:
    """A freezer by quarters of an hour: a compressor, a defrost at six, deliveries at nine, noise."""
    rng = random.Random(seed)
    level, found = -22.0, []
    for n in range(days * DAY):
        hour = n % DAY / 4
        push = 1.5 if 6 <= hour < 6.5 else 0.8 if 9 <= hour < 9.75 else 0.0
        level += push - 0.25 * (level + 22.0 - shift) + rng.gauss(0, 0.12)
        found.append(level + 0.3 * math.sin(n * 0.9))
    return found


def run(
    values: list[float], follower: TemperatureForecast, start: int = 0
) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Forecasts by the step they were made after and the steps ahead."""
    found = {}
    for n, value in enumerate(values, start):
        if follower.update(T0 + n * STEP_MS + 1000, value):
            for one in follower.forecasts():
                found[n - 1, one.minutes // 15] = (one.low, one.middle, one.high)
    return found


@pytest.mark.parametrize("steps", [4, 8])
def test_it_is_better_than_no_change_and_covers_what_it_says(steps: int) -> None:
    values = room(40)
    found = {
        n: one
        for (n, ahead), one in run(values, TemperatureForecast()).items()
        if ahead == steps and n > 14 * DAY
    }
    judged = [(n, one) for n, one in found.items() if n + steps < len(values)]
    assert len(judged) > 2000
    error = sum(abs(values[n + steps] - one[1]) for n, one in judged)
    still = sum(abs(values[n + steps] - values[n]) for n, _ in judged)
    assert error < 0.7 * still
    cover = sum(one[0] <= values[n + steps] <= one[2] for n, one in judged) / len(judged)
    assert 0.87 < cover < 0.93


def test_forecasts_of_a_beginning_are_the_beginning_of_the_forecasts() -> None:
    values = room(12)
    whole = run(values, TemperatureForecast())
    part = run(values[: 8 * DAY], TemperatureForecast())
    assert part
    assert {key: whole[key] for key in part} == part


def test_it_goes_on_where_it_was() -> None:
    values = room(10)
    whole = run(values, TemperatureForecast())
    follower = TemperatureForecast()
    first = run(values[:700], follower)
    again = TemperatureForecast.load(json.loads(json.dumps(follower.dump())))
    assert first | run(values[700:], again, 700) == whole
    assert TemperatureForecast.load({}).forecasts() == []


def test_gaps_garbage_and_old_values_do_no_harm() -> None:
    follower = TemperatureForecast()
    values = room(12)
    for n, value in enumerate(values):
        at = T0 + n * STEP_MS
        if 5 * DAY < n < 6 * DAY:
            continue
        for bad in (None, math.nan, math.inf, 85_000.0):
            follower.update(at, bad)
            assert not follower.update(at - 7 * STEP_MS, 30.0)
        follower.update(at + 1000, value)
    found = follower.forecasts()
    assert [one.minutes for one in found] == [15, 60, 120]
    assert all(one.low < one.middle < one.high and -26 < one.middle < -18 for one in found)
    follower.update(T0 + 100 * DAY * STEP_MS, -22.0)  # a long gap: nothing before it counts
    assert follower.forecasts() == []


def test_a_value_that_is_missing_now_gives_no_forecast() -> None:
    follower = TemperatureForecast()
    run(room(8), follower)
    assert follower.forecasts()
    follower.update(T0 + (8 * DAY + 3) * STEP_MS, None)
    assert follower.forecasts() == []
