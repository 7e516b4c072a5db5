"""A runner can put a virtual clock under the node on CPython."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from babbitt_node.errors import NodeError
from babbitt_node.hal import port


class Jumping:
    """A sleep takes no time but moves the clock."""

    def __init__(self) -> None:
        self.us = 0
        self.utc = 1_789_000_000_000

    def ticks_us(self) -> int:
        return self.us

    async def sleep_ms(self, ms: int) -> None:
        await asyncio.sleep(0)
        self.us += ms * 1000
        self.utc += ms

    def utc_ms(self) -> int:
        return self.utc

    def set_utc_ms(self, ms: int) -> None:
        self.utc = ms


@pytest.fixture
def clock() -> Iterator[Jumping]:
    before = port.clock
    clock = Jumping()
    port.set_clock(clock)
    yield clock
    port.set_clock(before)


def test_all_of_time_is_the_clocks(clock):
    hour = 3_600_000
    start = port.ticks_ms()
    asyncio.run(port.sleep_ms(hour))
    assert port.ticks_diff(port.ticks_ms(), start) == hour
    assert port.utc_ms() == 1_789_000_000_000 + hour
    port.set_utc_ms(5)
    assert clock.utc == 5


def test_ticks_wrap_as_on_an_esp32(clock):
    clock.us = (1 << 30) * 1000 - 1000
    before = port.ticks_ms()
    clock.us += 3000
    after = port.ticks_ms()
    assert (before, after) == ((1 << 30) - 1, 2)
    assert port.ticks_diff(after, before) == 3


def test_a_time_out_is_in_the_clocks_time(clock):
    async def wait() -> None:
        await port.wait_for_ms(asyncio.Event().wait(), 86_400_000)

    with pytest.raises(NodeError, match="timeout"):
        asyncio.run(wait())
    assert clock.us == 86_400_000_000
