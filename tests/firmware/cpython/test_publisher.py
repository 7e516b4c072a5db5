"""What comes down is checked: commits, the host's time, configurations.

On CPython only: with the client's buffers this does not fit beside a test into the small heap of the
firmware tests. The same code runs on MicroPython in the tests of the virtual board.
"""

import asyncio

import pytest

from babbitt_node import clock as clocks
from babbitt_node.clock import Clock
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.publisher import Publisher
from babbitt_node.segment import ROW
from babbitt_node.spool import Spool


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


OWN = b"babbitt/1/hall/press-7/"
HOST = b"babbitt/1/hall/$host"
NOW = 1789000000000


class Identity:
    """The installation of these tests."""

    install = "9f3a01bc"
    boot = 3


class Board:
    """A board with a lamp and a clock that was never set."""

    clock_kind = "none"
    lamp = False

    def reset_cause(self):
        return "power_on"

    def led(self, on):
        self.lamp = on


class Node:
    """What the publisher needs of a node."""

    settings = {
        "site": "hall",
        "node": "press-7",
        "wifi": None,
        "broker": {
            "host": "h",
            "port": 1,
            "keepalive_s": 30,
            "user": None,
            "password": None,
            "tls": None,
        },
    }

    def __init__(self):
        self.identity = Identity()
        self.board = Board()
        self.clock = Clock(self.board)
        self.spool = Spool("spool", 100000, "9f3a01bc", 3)
        self.quiet = asyncio.Lock()


def made(rows=0):
    node = Node()
    for seq in range(rows):
        node.spool.append(ROW, 3, seq, b"[%d,null,0]" % seq)
    return node, Publisher(node)


def down(publisher, topic, payload, retained=False):
    publisher._on_message(topic, memoryview(payload), retained)


def step(publisher):
    return asyncio.run(publisher._step(lambda: None))


def test_malformed_messages_are_counted_and_change_nothing():
    node, publisher = made(5)
    publisher.sent = (3, 4)
    bad = (
        (OWN + b"commit", b"{"),
        (OWN + b"commit", b"\xff"),
        (OWN + b"commit", b"[]"),
        (OWN + b"commit", b"{}"),
        (OWN + b"commit", b'{"i":"9f3a01bc","boot":3}'),
        (OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":"2"}'),
        (OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":true}'),
        (OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":2.5}'),
        (OWN + b"commit", b'{"i":"00000000","boot":3,"seq":2}'),
        (OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":5}'),
        (OWN + b"commit", b'{"i":"9f3a01bc","boot":4,"seq":0}'),
        (OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":2,"resend":7}'),
        (OWN + b"commit", b" " * 5000),
        (OWN + b"desired", b" " * 9000),
        (OWN + b"elsewhere", b"{}"),
        (HOST, b"{}"),
        (HOST, b'{"online":1}'),
        (HOST, b'{"online":true,"t":1789000000000}'),
        (HOST, b'{"online":true,"session":"c0ffee12"}'),
    )
    for i, (topic, payload) in enumerate(bad):
        down(publisher, topic, payload)
        assert publisher.refused == i + 1, payload
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":2}', True)
    assert publisher.refused == len(bad) + 1
    assert not step(publisher) and node.spool.watermark == (0, -1) and not publisher.host_online


def test_a_commit_moves_the_watermark():
    node, publisher = made(5)
    publisher.sent = (3, 4)
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":1}')
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":3,"more":[1]}')
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":2}')
    assert step(publisher) and node.spool.watermark == (3, 3) and node.spool.records == 1
    assert publisher.refused == 0 and not step(publisher)


def test_records_of_boots_before_may_be_committed_before_they_are_sent_again():
    node, _ = made(5)
    node.spool.close()
    node.spool = Spool("spool", 100000, "9f3a01bc", 4)
    publisher = Publisher(node)
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":4}')
    assert step(publisher) and node.spool.records == 0 and publisher.refused == 0
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":4,"seq":0}')
    assert publisher.refused == 1


def test_the_host_comes_goes_and_starts_again():
    node, publisher = made()
    down(publisher, HOST, b'{"online":true,"t":1789000000000,"session":"c0ffee12"}', True)
    assert publisher.host_online and node.board.lamp and publisher._rewind
    assert node.clock.q == clocks.NONE  # a retained time may be old
    down(publisher, HOST, b'{"online":true,"t":1789000000000,"session":"c0ffee12"}')
    assert node.clock.q == clocks.HOST and 0 <= node.clock.t() - NOW < 5000
    step(publisher)
    assert not publisher._rewind
    down(publisher, HOST, b'{"online":true,"t":1789000010000,"session":"c0ffee12"}')
    assert not publisher._rewind
    down(publisher, HOST, b'{"online":true,"t":1789000020000,"session":"c0ffee13"}')
    assert publisher._rewind
    down(publisher, HOST, b'{"online":false}', True)
    assert not publisher.host_online and not node.board.lamp


def test_a_host_whose_clock_is_20_years_off_is_not_believed():
    node, publisher = made()
    down(publisher, HOST, b'{"online":true,"t":1157846400000,"session":"c0ffee12"}')
    assert publisher.host_online and node.clock.t() is None and publisher.refused == 1


def test_a_commit_may_pass_what_was_discarded_before_it_was_sent():
    node, publisher = made(3)
    publisher.sent = (3, 2)
    node.spool.discards.ranges = [[3, 0, 9], [2, 0, 5]]
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":10}')
    assert publisher.refused == 1 and not step(publisher)
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":3,"seq":9}')
    assert publisher.refused == 1 and step(publisher) and node.spool.watermark == (3, 9)


def test_a_host_that_has_nothing_yet_asks_for_everything():
    node, publisher = made(3)
    publisher.sent = (3, 2)
    publisher._cursor.boot, publisher._cursor.seq = 3, 2
    down(publisher, OWN + b"commit", b'{"i":"9f3a01bc","boot":0,"seq":0,"resend":1}')
    while step(publisher):
        pass
    assert publisher.refused == 0 and node.spool.records == 3 and publisher._cursor.boot == 0


def test_the_birth_of_a_configuration_comes_before_the_next_configuration():
    node, publisher = made()
    done = []

    async def desired(payload):
        done.append(payload)
        return True

    async def announce(beat):
        publisher.birth_due = False
        done.append("birth")

    async def publish(name, write):
        done.append(name)

    node.desired, node.write_reported = desired, None
    publisher._announce, publisher._publish = announce, publish
    down(publisher, OWN + b"desired", b"1")
    step(publisher)
    down(publisher, OWN + b"desired", b"2")
    while step(publisher):
        pass
    assert done == [b"1", "reported", "birth", b"2", "reported", "birth"]


# ---- connecting again


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
