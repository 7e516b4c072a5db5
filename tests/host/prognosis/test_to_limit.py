"""Hours that the goods have left: in a fault only, never less than none, sooner in warmer air."""

from __future__ import annotations

import numpy as np
import pytest

from babbitt.prognosis.coldroom import ColdRoomAnalyser
from babbitt.prognosis.goods import FARTHEST_H, LEAST, LEAST_K_H, MIDDLE, MOST, NEAR_K, to_limit
from babbitt.protocol.assessment import Asset, Interval
from babbitt.settings import RoomPart
from babbitt_tools.sim.coldroom import DAY_S, STEP_S
from babbitt_tools.sim.roomstates import Plan, run


def test_the_formula() -> None:
    left = to_limit(-20.0, -14.0, 5.0, -18.0)
    hours = (2.0 + NEAR_K) / (6.0 / 5.0 + LEAST_K_H)
    assert left is not None
    assert (left.p10, left.p50, left.p90) == pytest.approx((LEAST * hours, MIDDLE * hours, MOST * hours))


def test_only_in_a_fault_and_only_what_is_near() -> None:
    assert to_limit(-20.0, None, 5.0, -18.0) is None
    assert to_limit(-17.9, None, 5.0, -18.0) == Interval(0.0, 0.0, 0.0)
    assert to_limit(-22.0, -22.0, 5.0, -22.0 + FARTHEST_H * LEAST_K_H / MIDDLE) is None
    assert to_limit(-22.0, -22.0, 5.0, -18.1) is not None


def test_air_that_is_colder_than_the_goods_warms_nothing() -> None:
    assert to_limit(-20.0, -24.0, 5.0, -18.0) == to_limit(-20.0, -20.0, 5.0, -18.0)


@pytest.mark.parametrize("seed", [60, 61])
def test_a_compressor_that_stops(seed: int) -> None:
    """The hours are said from the fault on and nowhere before it, and hold the truth most of the time."""
    begin = 4.5 * DAY_S
    one = run(Plan(seed, 6, trouble="fade", trouble_s=begin, fade_s=600))
    limit = -18.0
    over = np.flatnonzero((one.product > limit) & (np.arange(len(one.product)) * STEP_S > begin))[0] * STEP_S
    asset = Asset("s", "n", "", "cold_room", 60, {"air.mean": {"h": limit}}, RoomPart(goods_hours=5.6))
    analyser, inside, before = ColdRoomAnalyser(asset), [], 0
    for t, values in one.records(60, inputs=False):
        said = analyser.update(t, values)
        s = (t - one.start_ms) / 1000
        if s >= over or said.room is None or said.room.goods is None:
            continue
        left = said.room.goods.to_limit
        before += left is not None and s < begin
        if left is not None and left.p50 > 0:
            inside.append(left.p10 <= (over - s) / 3600 <= left.p90)
    assert before == 0
    assert len(inside) > 60
    assert np.mean(inside) > 0.7
