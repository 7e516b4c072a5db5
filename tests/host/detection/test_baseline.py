"""The learnt baseline: what it learns, what it refuses, and in which direction it judges."""

from __future__ import annotations

import math

import numpy as np
import pytest

import synthetic
from babbitt.detection.baseline import LEARN, QUIET_AFTER, SMOOTH, Baseline

Values = dict[str, float | None]


def steady(n: int, factor: float = 1.0, seed: int = 0) -> list[Values]:
    """`n` records of one even machine, its vibration times `factor`."""
    rng = np.random.default_rng(seed)
    rows: list[Values] = []
    for _ in range(n):
        rms = 0.2 * factor * math.exp(rng.normal(0.0, 0.03))
        rows.append({"vib.x.rms": rms, "vib.x.peak": 3.2 * rms, "vib.x.crest": 3.2, "vib.x.kurt": 3.0})
    return rows


def learnt(rows: list[Values]) -> Baseline:
    baseline = Baseline()
    for row in rows:
        baseline.update(row)
    assert baseline.learnt
    return baseline


def score(baseline: Baseline, rows: list[Values]) -> float:
    verdicts = [baseline.update(row) for row in rows]
    assert verdicts[-1] is not None
    return verdicts[-1].score


@pytest.mark.parametrize(
    ("factor", "beyond"), [(1.0, False), (1.15, False), (1.6, True), (0.87, False), (0.6, True)]
)
def test_both_directions_with_a_relative_floor(factor: float, beyond: bool) -> None:
    assert (score(learnt(steady(LEARN)), steady(20, factor, seed=1)) >= 1.0) is beyond


def test_a_single_spike_does_not_count_but_a_lasting_one_does() -> None:
    baseline = learnt(steady(LEARN))
    assert score(baseline, steady(SMOOTH)) < 1.0
    assert score(baseline, steady(1, 20.0)) < 1.0
    assert score(baseline, steady(SMOOTH, 20.0)) > 3.0


def test_drivers_are_strongest_first() -> None:
    baseline = learnt([{"vib.x.rms": 0.2, "vib.y.rms": 0.2, "vib.z.rms": 0.2} for _ in range(LEARN)])
    for _ in range(SMOOTH):
        verdict = baseline.update({"vib.x.rms": 0.3, "vib.y.rms": 0.9, "vib.z.rms": 0.2})
    assert verdict is not None
    assert verdict.drivers == ("vib.y.rms", "vib.x.rms")


def test_shape_alone_stays_below_the_limit_and_counts_with_energy() -> None:
    rows = steady(SMOOTH)
    for row in rows:
        row["vib.x.kurt"] = 40.0
    assert 0.5 < score(learnt(steady(LEARN)), rows) < 1.0
    for row in rows:
        row["vib.x.rms"] = 0.2 * 1.25
    assert score(learnt(steady(LEARN)), rows) > 1.0


def test_a_machine_that_is_off_is_not_learnt_and_not_judged() -> None:
    off = steady(30, 0.02)
    baseline = learnt(steady(20) + off + steady(LEARN - 20, seed=2))
    assert baseline.level_g == pytest.approx(0.2, rel=0.05)
    verdict = baseline.update(off[0])
    assert verdict is not None
    assert not verdict.running
    assert score(baseline, off) < 0.5
    assert score(baseline, steady(20, seed=3)) < 0.5


def test_a_baseline_that_trends_is_refused_and_the_settled_machine_learnt() -> None:
    run_in = [row for n in range(LEARN) for row in steady(1, 2.5 * math.exp(-n / 20.0) + 1.0, seed=n)]
    baseline = Baseline()
    for row in run_in:
        assert baseline.update(row) is None
    assert not baseline.learnt
    for row in steady(3 * LEARN, seed=5):
        baseline.update(row)
    assert baseline.learnt
    assert baseline.level_g == pytest.approx(0.2, rel=0.1)


def test_records_beyond_limits_are_not_learnt() -> None:
    baseline = Baseline()
    for row in steady(2 * LEARN, 5.0):
        assert baseline.update(row, acceptable=False) is None
    for row in steady(LEARN):
        baseline.update(row)
    assert baseline.level_g == pytest.approx(0.2, rel=0.05)


def test_what_was_learnt_of_a_machine_at_rest_is_given_up_when_it_starts() -> None:
    baseline = learnt(steady((QUIET_AFTER + 1) * LEARN, 0.04))
    assert baseline.update(steady(1)[0]) is None
    for row in steady(LEARN):
        baseline.update(row)
    assert baseline.level_g == pytest.approx(0.2, rel=0.05)


def test_a_load_that_wanders_slowly_widens_the_limit() -> None:
    wander = [values for _, values in synthetic.machine(LEARN, 0, failing=False)]
    even = learnt(steady(LEARN)).limit("vib.x.rms")
    wide = learnt(wander).limit("vib.x.rms")
    assert even == pytest.approx(math.log(1.3))
    assert wide is not None
    assert wide > 1.5 * even


def test_too_short_a_learning_period_is_refused() -> None:
    with pytest.raises(ValueError, match="learn: 5 records are too few"):
        Baseline(5)
