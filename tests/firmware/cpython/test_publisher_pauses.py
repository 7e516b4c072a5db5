"""When the publisher tries again: longer and longer, never in step with others, anew after a connection that lasted."""

import asyncio

import pytest
from test_publisher import NOW, made

from babbitt_node import clock as clocks
from babbitt_node.errors import NodeError
from babbitt_node.hal import port


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class VirtualTime:
    """A clock that jumps to the end of every sleep."""

    def __init__(self):
        self.now_ms = 0

    def ticks_us(self):
        return self.now_ms * 1000

    async def sleep_ms(self, ms):
        self.now_ms += ms
        await asyncio.sleep(0)

    def utc_ms(self):
        return NOW + self.now_ms

    def set_utc_ms(self, ms):
        """Nobody asks this clock for the date."""


class Network:
    """A network that is up unless it was left."""

    def __init__(self):
        self.left = 0
        self.joined = 0
        self._up = True

    def is_up(self):
        return self._up

    def down(self):
        self.left += 1
        self._up = False

    async def up(self, ssid, password):
        self.joined += 1
        self._up = True


class Broker:
    """In place of the client: refuses, or keeps a connection for `lasts_ms[n]` at the n-th attempt."""

    connected = False
    refused = 0

    def __init__(self, time, lasts_ms, look):
        self._time = time
        self._look = look
        self._lasts_ms = lasts_ms
        self.began = []  # when every attempt began
        self.ended = []  # and when it was over

    async def connect(self):
        self.began.append(self._time.now_ms)
        lasts_ms = self._lasts_ms[len(self.began) - 1]
        if lasts_ms is None:
            raise NodeError("network_down", "nobody there")

    async def publish(self, *_):
        left_ms = self._lasts_ms[len(self.began) - 1]
        while left_ms > 0:
            self._time.now_ms += min(left_ms, 86_400_000)
            left_ms -= 86_400_000
            self._look()  # as every record does
        raise NodeError("broker_lost", "gone")

    async def close(self):
        self.ended.append(self._time.now_ms)


def attempts(lasts_ms, monkeypatch):
    """The pauses in ms after the attempts, and the network."""
    time = VirtualTime()
    monkeypatch.setattr(port, "clock", time)
    node, publisher = made()
    network = Network()
    node.board.network = lambda: network
    node.write_birth = lambda out: out.raw(b"{}")
    broker = publisher._client = Broker(time, lasts_ms, node.clock.u)

    async def run():
        with pytest.raises(IndexError):
            await publisher.run(lambda: None)

    asyncio.run(run())
    return [b - e for b, e in zip(broker.began[1:], broker.ended, strict=False)], network


def grown_as(pauses_ms, factors_s):
    """Whether the pauses are these, each shortened to a half or lengthened by a half at random."""
    assert len(pauses_ms) == len(factors_s)
    return all(500 * f <= p <= 1520 * f for p, f in zip(pauses_ms, factors_s, strict=True))


def test_the_pauses_double_to_a_minute_with_jitter(monkeypatch):
    seen, network = attempts([None] * 12, monkeypatch)
    assert grown_as(seen, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]), seen
    assert network.left == network.joined == 3  # every fourth time the network itself is tried anew
    again, _ = attempts([None] * 12, monkeypatch)
    assert seen != again, "no jitter"
    assert len(set(seen[6:])) > 1, "no jitter"


def test_a_broker_that_throws_us_out_at_once_is_not_asked_every_second(monkeypatch):
    seen, network = attempts([5000] * 8, monkeypatch)
    assert grown_as(seen, [1, 2, 4, 8, 16, 32, 60, 60]), seen
    assert network.left == 0


def test_after_a_connection_of_a_minute_the_pauses_begin_anew(monkeypatch):
    seen, _ = attempts([None, None, None, 120_000, None, None], monkeypatch)
    assert grown_as(seen, [1, 2, 4, 1, 2, 4]), seen
    eleven_days = 11 * 86_400_000  # beyond half the period of the ticks
    seen, _ = attempts([None, None, None, eleven_days, None], monkeypatch)
    assert grown_as(seen, [1, 2, 4, 1, 2]), seen


def test_tls_waits_for_the_date(monkeypatch):
    node, publisher = made()
    node.board.network = Network
    publisher._tls = True
    with pytest.raises(NodeError) as caught:
        asyncio.run(publisher._join(0))
    assert caught.value.name == "no_time"
    node.clock.offer(NOW, clocks.NTP)
    asyncio.run(publisher._join(0))
