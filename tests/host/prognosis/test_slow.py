"""Slow variables: a number when something grows towards its limit, none when it only moves with day and load."""

from __future__ import annotations

import json
import math

import numpy as np

from babbitt.prognosis.machine import MachineAnalyser
from babbitt.prognosis.slow import BUCKET_MAX_H, KEEP, SlowVariable, SlowVariables
from babbitt.protocol.assessment import Asset, Reach

HOUR = 3_600_000
LIMITS = {"h": 70.0, "hh": 90.0, "l": 10.0}


def run(
    values: np.ndarray, every_h: float = 0.25, limits: dict[str, float] = LIMITS
) -> tuple[SlowVariable, int]:
    one, t = SlowVariable(), 0
    for n, value in enumerate(values.tolist()):
        t = round(n * every_h * HOUR)
        one.update(t, value, limits)
    return one, t


def reaches(values: np.ndarray, every_h: float = 0.25) -> list[Reach]:
    one, t = run(values, every_h)
    return one.reaches("oil.mean", t, LIMITS)


def day(hours: np.ndarray, swing: float = 3.0, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.3, len(hours))
    return swing * np.sin(2 * np.pi * hours / 24) + noise


def test_what_grows_towards_a_limit_says_when_it_is_there() -> None:
    hours = np.arange(0, 20 * 24, 0.25)
    grows = np.maximum(0.0, hours - 240) * 0.05  # 1.2 K a day from the tenth day on
    (found,) = reaches(50 + day(hours) + grows)
    assert (found.channel, found.limit, found.at) == ("oil.mean", "h", 70.0)
    truth = (70 - 50 - grows[-1]) / 0.05  # the level is there; peaks of the day are before
    assert found.left.p10 < truth < found.left.p90
    assert found.left.p10 <= found.left.p50 <= found.left.p90


def test_what_falls_is_held_against_the_lower_limit_and_what_passed_one_against_the_next() -> None:
    hours = np.arange(0, 20 * 24, 0.25)
    falls = np.maximum(0.0, hours - 240) * 0.05
    (found,) = reaches(30 + day(hours) - falls)
    assert found.limit == "l"
    (found,) = reaches(66 + day(hours) + falls)
    assert (found.limit, found.at) == ("hh", 90.0)


def test_day_week_load_and_a_warm_up_are_no_trend() -> None:
    hours = np.arange(0, 30 * 24, 0.25)
    load = np.repeat(np.random.default_rng(3).normal(0, 2, len(hours) // 24 + 1), 24)[: len(hours)]
    told = 0
    one = SlowVariable()
    for n, value in enumerate((50 + day(hours, 6.0) + load).tolist()):
        one.update(round(hours[n] * HOUR), value, LIMITS)
        told += bool(one.reaches("oil.mean", round(hours[n] * HOUR), LIMITS))
    assert told < 0.01 * len(hours)
    warm = np.arange(0, 10, 0.05)  # a cold machine in its first hours: nothing is known of what is usual
    assert reaches(20 + 30 * (1 - np.exp(-warm / 3)) + day(warm, 0.0), 0.05) == []


def test_a_number_counts_down_and_goes_when_the_growth_does() -> None:
    hours = np.arange(0, 20 * 24, 0.25)
    one, t = run(50 + day(hours) + np.maximum(0.0, hours - 240) * 0.05)
    (now,) = one.reaches("oil.mean", t, LIMITS)
    (later,) = one.reaches("oil.mean", t + 5 * HOUR, LIMITS)
    assert math.isclose(now.left.p50 - later.left.p50, 5.0)
    for n, value in enumerate((62 + day(np.arange(0, 30 * 24, 0.25), seed=2)).tolist()):
        one.update(t + round((n + 1) * 0.25 * HOUR), value, LIMITS)
    assert one.reaches("oil.mean", t + 720 * HOUR, LIMITS) == []


def test_memory_is_bounded_and_it_goes_on_after_a_restart() -> None:
    hours = np.arange(0, 400 * 24, 1.0)
    one, t = run(50 + day(hours), 1.0)
    state = one.dump()
    assert len(state["points"]) <= KEEP
    assert state["width"] > BUCKET_MAX_H / 2
    again = SlowVariable.load(json.loads(json.dumps(state)))
    for n in range(200):
        for each in (one, again):
            each.update(t + n * HOUR, 50.0 + 0.1 * n, LIMITS)
    assert again.dump() == one.dump()


def test_a_clock_that_was_set_back_begins_again() -> None:
    hours = np.arange(0, 20 * 24, 0.25)
    one, t = run(50 + day(hours) + np.maximum(0.0, hours - 240) * 0.05)
    one.update(t - 48 * HOUR, 50.0, LIMITS)
    assert one.reaches("oil.mean", t - 48 * HOUR, LIMITS) == []


def test_a_machine_tells_it_while_it_runs_and_begins_again_with_another_product() -> None:
    limits = {"oil.mean": {"h": 70.0}}
    one, rng = MachineAnalyser(Asset("hall", "m", "Press", "machine", 900, limits)), np.random.default_rng(5)
    said = []
    for n in range(20 * 96):
        off = n % 96 < 8  # two hours a night, in which the oil is cold
        oil = (20.0 if off else 50 + max(0, n - 960) * 0.0125) + rng.normal(0, 0.3)
        rms = 0.003 if off else 0.2 * math.exp(rng.normal(0, 0.03))
        said.append(one.update(n * 900_000, {"vib.x.rms": rms, "oil.mean": oil}))
    assert said[-1].reaches
    assert said[-1].reaches[0].channel == "oil.mean"
    assert all(not one.reaches for one in said[:960])
    again = MachineAnalyser.load(one.asset, json.loads(json.dumps(one.dump())))
    t, values = 20 * 96 * 900_000, {"vib.x.rms": 0.2, "oil.mean": 62.0}
    assert again.update(t, values).reaches == one.update(t, values).reaches != ()
    assert one.update(t + 900_000, values, recipe=2).reaches == ()


def test_channels_are_followed_by_themselves_the_soonest_first() -> None:
    hours = np.arange(0, 20 * 24, 0.25)
    grows = np.maximum(0.0, hours - 240) * 0.05
    many, limits = SlowVariables(), {"a.mean": LIMITS, "b.mean": LIMITS, "c.mean": LIMITS}
    for n, hour in enumerate(hours.tolist()):
        values = {"a.mean": 45 + grows[n], "b.mean": 52 + grows[n], "c.mean": None}
        found = many.update(round(hour * HOUR), values, limits)
    assert [one.channel for one in found] == ["b.mean", "a.mean"]
