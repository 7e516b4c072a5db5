"""Passage of a limit: tails, curves, quantiles, and what past errors teach."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from babbitt.prognosis.passage import SHARE, Passage, _Horizon, in_use, interval, probability_within, tail


def test_the_closed_form_is_the_student_t() -> None:
    for z in (-8.0, -1.0, 0.0, 0.5, 3.0, 40.0):
        assert tail(z) == pytest.approx(stats.t.sf(z, 5.0), abs=1e-12)


CURVE = [(1.0, 0.1), (2.0, 0.3), (4.0, 0.6), (8.0, 0.8)]


def test_quantiles_of_a_curve() -> None:
    found = interval(CURVE)
    assert found is not None
    assert found.p10 == pytest.approx(1.0)
    assert 2.0 < found.p50 < 4.0
    assert 8.0 < found.p90 <= 80.0
    assert interval([(1.0, 0.1), (8.0, 0.49)]) is None


def test_probability_within() -> None:
    assert probability_within(CURVE, 4.0) == pytest.approx(0.6)
    assert 0.3 < probability_within(CURVE, 3.0) < 0.6
    assert probability_within(CURVE, 0.5) == pytest.approx(0.05)
    assert probability_within(CURVE, 99.0) == 0.8


def test_where_trends_never_come_true_they_are_not_believed() -> None:
    rng = np.random.default_rng(3)
    restless, fresh = _Horizon(2.0, 0.7), _Horizon(2.0, 0.7)
    for n in range(2000):
        value = float(rng.normal(0.0, 1.0))
        restless.learn(n * 0.25, value)
        restless.forecast(n * 0.25, 0.0, float(rng.normal(0.0, 1.0)), value)
    assert fresh.probability(2.5, 2.5) == pytest.approx(0.5)
    assert restless.probability(2.5, 2.5) < 0.3
    assert len(restless.waiting) <= SHARE + 1


def test_the_curve_never_falls() -> None:
    passage = Passage()
    rng = np.random.default_rng(4)
    for n in range(400):
        passage.update(n * 0.25, float(rng.normal(0.0, 1.0)), 0.25)
        curve = [p for _, p in passage.curve(2.0)]
        assert curve == sorted(curve)
        assert 0.0 <= curve[0] <= curve[-1] <= 1.0


def test_coverage_of_the_hits_it_forecasts() -> None:
    """A random walk: of the chances given for passing within two hours, about as many come true."""
    rng = np.random.default_rng(5)
    walk, passage = 0.0, Passage()
    path: list[float] = []
    said: list[float] = []
    for n in range(6000):
        walk = 0.98 * walk + rng.normal(0.0, 0.3)
        path.append(walk)
        passage.update(n * 0.25, walk, 0.25)
        said.append(dict(passage.curve(1.5))[2.0])
    chosen = [n for n in range(1000, 5900) if path[n] < 1.5 and 0.3 < said[n] < 0.7]
    came = np.mean([max(path[n + 1 : n + 9]) >= 1.5 for n in chosen])
    assert len(chosen) > 100
    assert came == pytest.approx(np.mean([said[n] for n in chosen]), abs=0.2)


def test_of_a_room_in_use_a_part_of_what_is_foreseen_is_believed() -> None:
    curve = [(1.0, 0.2), (4.0, 0.6), (32.0, 0.9)]
    assert np.array(in_use(curve)) == pytest.approx(np.array([(1.0, 0.15), (4.0, 0.45), (32.0, 0.675)]))
    plain, believed = interval(curve), interval(in_use(curve))
    assert plain is not None
    assert believed is not None
    assert plain.p10 < believed.p10
    assert plain.p50 < 4.0 < believed.p50
    assert plain.p90 < believed.p90
