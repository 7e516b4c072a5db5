"""The demo's story: the same whenever it is told."""

from __future__ import annotations

from datetime import UTC, datetime

from babbitt_node.config import validate
from babbitt_tools.story import DAY_MS, DAYS, assets, evening_before

BUSES = {"spi0": "spi", "ow0": "onewire"}


def test_it_begins_in_the_evening_before_whatever_the_hour() -> None:
    for hour in (0, 11, 23):
        now = datetime(2026, 11, 22, hour, 59, tzinfo=UTC).timestamp()
        began = datetime.fromtimestamp(evening_before(now) / 1000, UTC)
        assert began == datetime(2026, 11, 21, 18, tzinfo=UTC)


def test_two_assets_fail_before_the_end_and_one_does_not() -> None:
    start = evening_before(1_790_000_000)
    worn, well, room = assets(start)
    end = start + round(DAYS * DAY_MS)
    assert worn.failure_ms is not None
    assert room.failure_ms is not None
    assert start + DAY_MS < worn.failure_ms < end
    assert start + DAY_MS < room.failure_ms < end
    assert (well.failure_ms, well.healthy) == (None, True)


def test_the_configurations_are_valid_for_the_node() -> None:
    for asset in assets(0):
        assert validate(dict(asset.config), BUSES)["asset"]["name"] == asset.name
