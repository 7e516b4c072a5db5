"""Goods by their thermal mass, and what a day by day view of the compressor says."""

from __future__ import annotations

import math

import pytest

from babbitt.health.cooling import CoolingTrend
from babbitt.health.goods import DELIVERY_K, SENSOR_K, START_K, GoodsModel
from babbitt.health.room import RoomFollower
from babbitt_tools.sim.coldroom import DAY_S
from babbitt_tools.sim.roomstates import Plan, Trouble, run


def test_a_step_of_the_air_is_an_exponential_of_the_goods() -> None:
    goods = GoodsModel(3.0)
    assert goods.middle is None
    goods.update(0.0, -20.0)
    for minute in range(1, 181):
        goods.update(minute * 60.0, -10.0)
    assert goods.middle == pytest.approx(-20.0 + 10.0 * (1.0 - math.exp(-1.0)))
    assert goods.low is not None
    assert goods.high is not None
    assert goods.low < goods.middle < goods.high
    # An open interval for a factor of two in the time constant, and what is left of the doubt about the beginning.
    assert goods.high == pytest.approx(-20 + 10 * (1 - math.exp(-2)) + START_K * math.exp(-0.5) + SENSOR_K)
    assert goods.low == pytest.approx(-20 + 10 * (1 - math.exp(-0.5)) - START_K * math.exp(-0.5) - SENSOR_K)


def test_the_doubt_goes_and_comes_back() -> None:
    goods = GoodsModel(1.0)
    for minute in range(60 * 24):
        goods.update(minute * 60.0, 4.0)
    assert goods.high == pytest.approx(4.0 + SENSOR_K, abs=0.01)
    goods.delivered()
    assert goods.high == pytest.approx(4.0 + DELIVERY_K + SENSOR_K, abs=0.01)
    assert goods.low == pytest.approx(4.0 - SENSOR_K, abs=0.01)
    goods.update(60 * 1440 * 60.0, 4.0)  # 59 days without a value
    assert goods.low == pytest.approx(4.0 - SENSOR_K - START_K, abs=0.1)


@pytest.mark.parametrize(("trouble", "weak", "power"), [("none", False, 1.0), ("charge", True, 0.74)])
def test_lost_power_is_told_from_more_load(trouble: Trouble, weak: bool, power: float) -> None:
    one = run(Plan(42, 15, trouble=trouble, trouble_s=9 * DAY_S))
    follower = RoomFollower()
    for t, values in one.records(60, inputs=False):
        follower.update(t, values["air.mean"], values)
    cooling = follower.cooling
    assert cooling.weak is weak
    assert cooling.power == pytest.approx(power, abs=0.08)
    assert cooling.duty is not None
    assert 0.2 < cooling.duty < 0.9
    assert cooling.pull is not None
    assert cooling.pull > 0


def test_a_warm_summer_is_no_weak_compressor() -> None:
    trend = CoolingTrend()
    for day in range(20):
        load = 2.0 if day < 10 else 4.0  # K/h of 10 that the compressor has
        for leg in range(10):
            t = day * 86_400.0 + leg * 3600.0
            trend.ran(t, 3600.0, load / 10.0)
            trend.leg(load)
            trend.leg(load - 10.0)
    assert trend.duty == pytest.approx(0.4)
    assert trend.pull == pytest.approx(6.0)
    assert trend.power == pytest.approx(1.0)
    assert not trend.weak
