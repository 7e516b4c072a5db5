"""Remaining life: a number where something grows, none where nothing does, and an interval that holds the
truth."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from babbitt.prognosis.degradation import KEEP, THRESHOLD, Degradation, Threshold, threshold_from
from babbitt.protocol.assessment import Interval

STEP_MS = 30_000


def grow(rate: float, n: int, noise: float = 0.05, seed: int = 0) -> tuple[Degradation, Interval | None]:
    """`n` points 30 s apart, starting at 0.3 and growing by `rate` an hour."""
    rng = np.random.default_rng(seed)
    model = Degradation()
    found = None
    for i in range(n):
        _, found = model.update(i * STEP_MS, 0.3 + rate * i * STEP_MS / 3.6e6 + rng.normal(0.0, noise), True)
    return model, found


def test_growth_gives_an_interval_around_the_mean_passage() -> None:
    _, found = grow(0.5, 200)
    assert found is not None
    expected = (THRESHOLD.mean - 0.3 - 0.5 * 200 / 120.0) / 0.5
    assert found.p10 < expected < found.p90
    assert found.p50 == pytest.approx(expected, rel=0.4)


@pytest.mark.parametrize("rate", [0.0, -0.5])
@pytest.mark.parametrize("seed", range(5))
def test_no_growth_gives_no_number(rate: float, seed: int) -> None:
    _, found = grow(rate, 200, seed=seed)
    assert found is None


def test_no_number_without_an_anomaly_or_below_the_rise() -> None:
    model = Degradation()
    for i in range(200):
        assert model.update(i * STEP_MS, 0.01 * i, False) == ("no trend", None)
    model = Degradation()
    for i in range(200):
        assert model.update(i * STEP_MS, 0.001 * i, True) == ("no trend", None)


def test_faster_growth_means_less_time() -> None:
    slow, fast = grow(0.3, 100)[1], grow(1.0, 100)[1]
    assert slow is not None
    assert fast is not None
    assert fast.p50 < slow.p50


def test_a_fast_end_after_a_long_quiet_life_is_not_averaged_away() -> None:
    model = Degradation()
    rng = np.random.default_rng(1)
    found = None
    for i in range(400):
        value = rng.normal(0.0, 0.05) + (0.03 * (i - 360) if i > 360 else 0.0)
        _, found = model.update(i * STEP_MS, value, i > 370)
    assert found is not None
    assert found.p50 < 0.5


def test_the_interval_counts_down_between_fits() -> None:
    model, found = grow(0.5, 200)
    assert found is not None
    outlook, later = model.now(199 * STEP_MS + 3_600_000)
    assert outlook == "trend"
    assert later is not None
    assert later.p90 < found.p90
    assert model.now(199 * STEP_MS + 10**12) == ("trend", Interval(0.0, 0.0, 0.0))


def test_memory_is_bounded_and_a_slow_trend_keeps_its_start() -> None:
    model = Degradation()
    found = None
    for i in range(5000):
        _, found = model.update(i * STEP_MS, 0.3 + 0.0002 * i + 0.03 * math.sin(i), True)
    assert found is not None
    points = json.loads(json.dumps(model.dump()))["points"]
    assert len(points) < KEEP
    assert points[0][0] < 1.0


def test_a_clock_set_back_starts_again_and_late_records_are_left_out() -> None:
    model, _ = grow(0.5, 200)
    kept = len(model.dump()["points"])
    model.update(100 * STEP_MS, 9.0, True)
    assert len(model.dump()["points"]) == kept
    assert model.update(-(10**9), 1.0, True) == ("no trend", None)
    assert len(model.dump()["points"]) == 1


def test_threshold_is_a_predictive_distribution() -> None:
    prior = threshold_from([1.0, 2.0, 3.0])
    assert prior == Threshold(2.0, pytest.approx(math.sqrt(4.0 / 3.0)), 2.0)
    with pytest.raises(ValueError, match="2 failures are too few"):
        threshold_from([1.0, 2.0])


def test_the_worse_it_gets_the_less_life_it_has_and_far_beyond_all_that_is_known_there_is_no_number() -> None:
    model = Degradation()
    said = []
    rng = np.random.default_rng(3)
    for i in range(900):
        outlook, found = model.update(i * STEP_MS, 0.3 + i * 0.008 + rng.normal(0.0, 0.02), True)
        said.append((outlook, None if found is None else found.p50))
    medians = [p50 for outlook, p50 in said if p50 is not None]
    assert len(medians) > 200
    assert medians[-1] < medians[0] / 2
    first = next(i for i, (outlook, _) in enumerate(said) if outlook == "beyond limit")
    assert 0.3 + first * 0.008 > THRESHOLD.mean + 2 * THRESHOLD.scale
    assert {outlook for outlook, _ in said[first:]} == {"beyond limit"}
