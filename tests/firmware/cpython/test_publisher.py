"""What comes down is checked: commits, the host's time, configurations.

On CPython only: with the client's buffers this does not fit beside a test into the small heap of the
firmware tests. The same code runs on MicroPython in the tests of the virtual board.
"""

import asyncio

import pytest

from babbitt_node import clock as clocks
from babbitt_node.clock import Clock
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
