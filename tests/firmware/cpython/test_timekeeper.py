"""When the time server is asked: as soon as there is a network, then when it is due, and never in between."""

import asyncio
from itertools import pairwise

import pytest

from babbitt_node import app
from babbitt_node.hal import port


class Enough(Exception):
    """The test has seen what it wanted."""


class VirtualTime:
    """A clock that jumps to the end of every sleep."""

    now_ms = 0

    def ticks_us(self):
        return self.now_ms * 1000

    async def sleep_ms(self, ms):
        self.now_ms += ms
        await asyncio.sleep(0)


class Node:
    """What the timekeeper needs of a node whose network is up from `joined_ms` on."""

    def __init__(self, time, joined_ms):
        self._time = time
        self._joined_ms = joined_ms
        self.board = self
        self.quiet = asyncio.Lock()

    def network(self):
        return self

    def is_up(self):
        return self._time.now_ms >= self._joined_ms


def asked_at(monkeypatch, joined_ms, pauses_s):
    """Seconds at which the server was asked, when each round ends with the next of the pauses; and those of the beats."""
    time = VirtualTime()
    monkeypatch.setattr(port, "clock", time)
    asked, beats, failures = [], [], []

    async def keep(node, failed):
        asked.append(time.now_ms // 1000)
        failures.append(failed)
        if len(asked) > len(pauses_s):
            raise Enough
        return pauses_s[len(asked) - 1], len(asked)

    def once(module, function, *args):
        assert (module, function) == ("ntp", "keep")
        assert node.quiet.locked(), "from flash while a window may be open"
        return keep(*args)

    monkeypatch.setattr(port, "once", once)
    node = Node(time, joined_ms)
    with pytest.raises(Enough):
        asyncio.run(app.Node._keep_time(node, lambda: beats.append(time.now_ms // 1000)))
    assert failures == list(range(len(asked)))
    assert max(b - a for a, b in pairwise(beats)) <= 60, "it would be called hung"
    return asked


def test_it_waits_for_the_network_and_asks_when_it_is_due(monkeypatch):
    assert asked_at(monkeypatch, 7000, [16, 33, 14400, 86400]) == [7, 23, 56, 14456, 100856]


def test_a_network_that_is_there_is_used_at_once(monkeypatch):
    assert asked_at(monkeypatch, 0, [14400]) == [0, 14400]
