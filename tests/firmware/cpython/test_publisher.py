"""What comes down is checked: commits, the host's time, configurations.

On CPython only: with the client's buffers this does not fit beside a test into the small heap of the
firmware tests. The same code runs on MicroPython in the tests of the virtual board.
"""

import asyncio
import json

import pytest

from babbitt_node import clock as clocks
from babbitt_node import commands
from babbitt_node import publisher as publisher_module
from babbitt_node.capture import Captures
from babbitt_node.clock import Clock
from babbitt_node.errors import NodeError
from babbitt_node.mqtt.packets import PUBLISH_HEAD
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
    """A board with a clock that was never set."""

    clock_kind = "none"

    def reset_cause(self):
        return "power_on"


class Light:
    """Has nothing to show."""

    def look(self):
        pass


class Node:
    """What the publisher needs of a node."""

    light = Light()

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
        self.waves = Captures("9f3a01bc")
        self.taken = 0
        self.write_birth = self.write_state = self.write_reported = lambda out: out.raw(b"{}")

    async def announced(self):
        """The broker has the birth."""


def made(rows=0):
    node = Node()
    for seq in range(rows):
        node.spool.append(ROW, 3, seq, b"[%d,null,0]" % seq)
    node.publisher = Publisher(node)
    return node, node.publisher


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


def test_the_room_of_messages_grows_with_a_long_birth():
    _, publisher = made()
    short = publisher.build(lambda out: out.raw(b"{}"))
    assert bytes(short[0].view()) == b"{}" and len(short[1]) == PUBLISH_HEAD + 4096

    def long(out):
        for n in range(1000):
            out.str("%04d" % n)

    assert publisher.measure(long) == 6000 and publisher.build(lambda out: out.raw(b"{}"))[1] is short[1]
    out, room = publisher.build(long)
    assert len(room) == PUBLISH_HEAD + 6000 and bytes(out.view()) == bytes(room[PUBLISH_HEAD:])
    assert json.loads("[%s]" % bytes(out.view()).decode().replace('""', '","')) == [
        "%04d" % n for n in range(1000)
    ]
    assert publisher.build(long)[1] is room and publisher.build(lambda out: out.raw(b"{}"))[1] is room
    with pytest.raises(NodeError, match="too_large"):
        publisher.build(lambda out: out.raw(b" " * 4096).raw(b" " * 4097))


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
    assert publisher.host_online and publisher._rewind
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
    assert not publisher.host_online


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


def command(n, **more):
    return json.dumps({"i": "9f3a01bc", "boot": 3, "n": n, "id": "c%d" % n, "cmd": "report", **more}).encode()


class Wire:
    """In place of the client's publish: keeps what was published; the next `losses` do not get through."""

    def __init__(self, publisher):
        self.sent = []
        self.losses = 0
        publisher._client.publish = self.publish

    async def publish(self, topic, payload, qos=1, retain=False, room=None):
        if self.losses:
            self.losses -= 1
            raise NodeError("broker_lost", "gone")
        assert qos == 1 and retain == (payload == b"{}")
        self.sent.append((topic.rpartition("press-7/")[2], bytes(payload)))


def test_an_ack_is_kept_until_the_broker_has_it():
    node, publisher = made()
    wire = Wire(publisher)
    down(publisher, OWN + b"cmd", command(1, cmd="explode"))
    down(publisher, OWN + b"cmd", command(2))
    down(publisher, OWN + b"cmd", command(2), True)
    down(publisher, OWN + b"cmd", b"{")
    down(publisher, OWN + b"cmd", b"")
    while node.taken < 2 or publisher._commands:
        wire.losses = 0
        assert step(publisher)
    assert publisher.refused == 3
    wire.losses = 1
    with pytest.raises(NodeError):
        while True:
            step(publisher)
    while step(publisher):
        pass
    said = [json.loads(payload) for topic, payload in wire.sent if topic == "ack"]
    assert [(a["id"], a["state"]) for a in said] == [("c1", "refused"), ("c2", "done"), ("c2", "refused")]
    assert ("birth", b"{}") in wire.sent


def test_more_commands_than_can_wait_are_dropped_and_counted():
    node, publisher = made()
    for n in range(1, 12):
        down(publisher, OWN + b"cmd", command(n))
    assert publisher.refused == 3
    wire = Wire(publisher)
    while step(publisher):
        pass
    assert node.taken == 8 and [topic for topic, _ in wire.sent].count("ack") == 8


def test_commands_that_wait_take_no_more_memory_than_one_may_have():
    node, publisher = made()
    wire = Wire(publisher)
    for n in range(1, 9):
        down(publisher, OWN + b"cmd", b'{"id":"c%d","x":"' % n + b"x" * 8000 + b'"}')
    assert sum(len(payload) for payload, _ in publisher._commands) <= 8 * (commands.LARGEST + 1)
    while step(publisher):
        pass
    said = [json.loads(payload) for topic, payload in wire.sent if topic == "ack"]
    assert [(a["id"], a["error"]) for a in said] == [("c%d" % n, "too_large") for n in range(1, 9)]
    assert said[0]["reason"] == "larger than 4096 bytes" and node.taken == 0


def test_a_reboot_waits_for_its_ack():
    node, publisher = made()
    done = []
    node.stop = lambda: done.append("stop")
    node.board.restart = lambda: done.append("restart")
    wire = Wire(publisher)
    down(publisher, OWN + b"cmd", command(1, cmd="reboot"))
    step(publisher)
    publisher.state_due = False
    wire.losses = 1
    with pytest.raises(NodeError):
        step(publisher)
    assert not done
    step(publisher)
    assert wire.sent and not done
    step(publisher)
    assert done == ["stop", "restart"]


def test_parts_of_a_waveform_go_on_where_the_broker_has_them():
    node, publisher = made()
    entry = [3, 0, 4, 0]
    node.waves.kept.append(entry)
    wire = Wire(publisher)

    def chunk(module, function, owner, room):
        assert (module, function, owner) == ("waves", "chunk", node)
        room[PUBLISH_HEAD : PUBLISH_HEAD + 1] = b"%d" % entry[3]
        return (entry, entry[3], 1) if entry[3] < entry[2] else None

    before = publisher_module.port.once
    publisher_module.port.once = chunk
    try:
        assert not step(publisher)  # the host is not there
        publisher.host_online = True
        assert step(publisher) and step(publisher)
        wire.losses = 1
        with pytest.raises(NodeError):
            step(publisher)
        while step(publisher):
            pass
    finally:
        publisher_module.port.once = before
    assert wire.sent == [("wave/3-0", b"%d" % part) for part in range(4)]


def test_a_full_heap_drops_a_command_and_lets_records_go_on(monkeypatch):
    node, publisher = made()
    entry = [3, 0, 4, 0]
    node.waves.kept.append(entry)
    Wire(publisher)

    def full(module, *_):
        raise MemoryError("memory allocation failed")

    monkeypatch.setattr(publisher_module.port, "once", full)
    down(publisher, OWN + b"cmd", command(1))
    publisher.host_online = True
    assert step(publisher) and publisher.refused == 1
    assert not step(publisher) and entry[3] == 0
