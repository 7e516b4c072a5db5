"""What the lives of others leave: calibrated on lives like theirs, longer the older, nothing for one that outlived them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_ndtr

import synthetic
from babbitt.prognosis.fleet.foretold import Beside, Foretold, first
from babbitt.prognosis.line import LONGEST_H
from babbitt.prognosis.machine import MachineAnalyser
from babbitt.prognosis.others import _normal, left, within
from babbitt.protocol.assessment import Assessment, Asset, Interval, Others

HOUR = 3_600_000


@pytest.mark.parametrize("others", [3, 6, 20])
@pytest.mark.parametrize("kind", ["log-normal", "Weibull"])
def test_eight_of_ten_truths_are_inside_by_the_hour_and_by_the_machine(others: int, kind: str) -> None:
    rng = np.random.default_rng(others)
    by_hour: list[bool] = []
    by_machine: list[bool] = []
    below: list[bool] = []
    for _ in range(800):
        drawn = (
            np.exp(rng.normal(7.0, 0.6, others + 1))
            if kind == "log-normal"
            else 1000.0 * rng.weibull(2.0, others + 1)
        )
        *known, own = drawn.tolist()
        # By the hour: asked at any age, as machines are that are met in service; longer lives are met more often.
        by_hour.extend(
            found[0] <= own - age <= found[2]
            for age in np.arange(rng.uniform(0, 300), own, 300.0).tolist()
            if (found := within(known, max(age, 1.0), 0.8)) is not None
        )
        # By the machine: each is asked once, at any share of its life.
        age = rng.uniform() * own
        if (found := within(known, age, 0.8)) is not None:
            by_machine.append(found[0] <= own - age <= found[2])
            below.append(own - age <= found[1])
    assert 0.76 <= np.mean(by_hour) <= 0.90
    assert 0.76 <= np.mean(by_machine) <= 0.90
    assert 0.42 <= np.mean(below) <= 0.62


def test_it_is_the_distribution_of_those_that_still_run() -> None:
    lives = np.exp(np.random.default_rng(1).normal(2.0, 0.5, 4000))
    still = lives[lives > 9.0] - 9.0
    found = within(lives.tolist(), 9.0, 0.8)
    assert found is not None
    order, weight = np.sort(still), 1.0 / (np.sort(still) + 9.0)
    share = np.cumsum(weight) / weight.sum()
    expected = [*(order[np.searchsorted(share, q)] for q in (0.1, 0.5)), np.quantile(still, 0.9)]
    assert found == pytest.approx(expected, rel=0.1)


def test_a_new_machine_is_not_about_to_fail() -> None:
    new = within((6000.0, 9000.0, 14000.0), 1.0, 0.8)
    assert new is not None
    assert 1000 < new[0] < 6000 < new[1] < 9000 < new[2]


def test_nothing_is_said_before_service_or_of_one_that_outlived_them() -> None:
    lives = Others(1000 * HOUR, (100.0, 110.0, 120.0, 105.0))
    assert left(None, 1) is None
    assert left(lives, 999 * HOUR) is None
    assert left(Others(0, (9.0,)), HOUR) is left(Others(0, ()), HOUR) is None
    new = left(lives, 1010 * HOUR)
    assert new is not None
    assert 80 < new.p10 < new.p50 < new.p90 < 130
    assert left(lives, 1000 * HOUR + 300 * HOUR) is None
    alike = left(Others(0, (50.0, 50.0, 50.0)), 10 * HOUR)
    assert alike is not None
    assert alike.p50 == pytest.approx(40.0, abs=0.01)
    far = left(Others(0, (1.0, 1e6, 1e6)), HOUR)
    assert far is not None
    assert far.p90 == LONGEST_H


def test_the_lives_of_others_alone_are_no_trend_of_its_own() -> None:
    beside = Beside(0, 0, None, None, "own")
    fleet = Foretold("s", "n", 1, "fleet", 1, 1, "12 lives", beside, remaining=Interval(1.0, 2.0, 3.0))
    own = Assessment(1, "normal", 0.1, 99.0, (), "lives", Interval(1.0, 2.0, 3.0))
    assert first(own, fleet) == "fleet"
    assert first(replace(own, outlook="trend"), fleet) == "own"
    assert first(own, None) == "own"


def test_a_healthy_machine_has_it_a_trend_takes_its_place() -> None:
    asset = Asset("plant", "n1", "Pump 7", "machine", 30, {}, others=Others(0, (20.0, 30.0, 25.0, 40.0)))
    records = synthetic.machine(500, 1, failing=True)
    start = records[0][0] - 2 * HOUR
    asset = Asset("plant", "n1", "Pump 7", "machine", 30, {}, others=Others(start, (20.0, 30.0, 25.0, 40.0)))
    plain = MachineAnalyser(Asset("plant", "n1", "Pump 7", "machine", 30, {}))
    known = MachineAnalyser(asset)
    seen = set()
    for t, values in records:
        without, given = plain.update(t, values), known.update(t, values)
        seen.add(given.outlook)
        if given.outlook == "lives":
            assert (without.outlook, given.level) == ("no trend", "normal")
            assert given.remaining == left(asset.others, t)
        else:
            assert given == without
    assert {"learning", "lives", "trend"} <= seen
    assert math.isfinite(given.anomaly or 0.0)


def test_those_that_have_not_failed_yet_count() -> None:
    """A fleet of twelve that began together is asked when three to nine have failed: of one that runs."""
    rng = np.random.default_rng(9)
    inside: dict[bool, list[bool]] = {True: [], False: []}
    above: dict[bool, list[bool]] = {True: [], False: []}
    while len(inside[True]) < 500:
        lives = np.exp(rng.normal(7.0, 0.5, 12))
        now = float(np.quantile(lives, rng.uniform(0.25, 0.75)))
        failed, runs = lives[lives <= now].tolist(), lives[lives > now]
        if not 3 <= len(failed) <= 9:
            continue
        own = float(rng.choice(runs)) - now
        for counted in (True, False):
            rest = [now] * (len(runs) - 1) if counted else []
            if (found := within(failed, now, 0.8, rest)) is None:
                above[counted].append(True)
                inside[counted].append(False)
                continue
            inside[counted].append(found[0] <= own <= found[2])
            above[counted].append(own > found[2])
    assert 0.72 <= np.mean(inside[True]) <= 0.92
    assert np.mean(above[True]) < 0.2
    assert np.mean(inside[False]) < np.mean(inside[True]) - 0.1
    assert np.mean(above[False]) > 0.3


def test_one_that_lasts_says_nothing_if_it_is_young_and_much_if_it_is_old() -> None:
    failed = (100.0, 120.0, 90.0, 110.0)
    plain = within(failed, 50.0, 0.8)
    young = within(failed, 50.0, 0.8, (5.0, 3.0))
    old = within(failed, 50.0, 0.8, (400.0, 500.0))
    assert plain is not None
    assert young is not None
    assert old is not None
    assert young == pytest.approx(plain, rel=0.01)
    assert old[2] > 2 * plain[2]


@pytest.mark.parametrize(("unfailed", "times"), [(150.0, 9), (300.0, 200), (1e6, 50), (1.0, 10)])
def test_the_most_likely_mean_and_spread_are_found_however_many_have_not_failed(
    unfailed: float, times: int
) -> None:
    failed = np.array([90.0, 100.0, 120.0])
    centre, spread = _normal(tuple(failed.tolist()), (unfailed,) * times)
    spread *= math.sqrt(2.0 / 3.0)

    def likelihood(mean: float, sd: float) -> float:
        z, late = (np.log(failed) - mean) / sd, (math.log(unfailed) - mean) / sd
        return float(-3.0 * math.log(sd) - 0.5 * (z * z).sum() + times * log_ndtr(-late))

    best = likelihood(centre, spread)
    for shift, factor in (
        (1e-3, 1.0),
        (-1e-3, 1.0),
        (0.0, 1.001),
        (0.0, 0.999),
        (spread, 1.2),
        (-spread, 0.8),
    ):
        assert likelihood(centre + shift * spread, spread * factor) < best
