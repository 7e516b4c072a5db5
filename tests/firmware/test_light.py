"""The LED says what is wrong, the worst first, and which node this is; how late tasks run is measured on the way."""

import asyncio

from helpers import node_error

from babbitt_node import light as module
from babbitt_node.hal import port
from babbitt_node.light import BROKER, CONFIG, HOST, NETWORK, SENSOR, WELL, Light


class Everything:
    """A node, its board, its network, its publisher and its station in one."""

    def __init__(self):
        self.up = self.connected = self.host_online = True
        self.fault = {}
        self.settled = (None, 0, "", {"state": "applied"}, None)
        self.board = self.publisher = self.station = self
        self.seen = []

    def network(self):
        return self

    def is_up(self):
        return self.up

    def faults(self):
        return self.fault

    def led(self, on):
        self.seen.append(on)


class Clock:
    """The light's port: a wait passes at once, `late` ms later than asked, and is written down."""

    def __init__(self, node, late=0):
        self.node = node
        self.late = late
        self.now = (1 << 30) - 1000  # it wraps on the way

    def ticks_ms(self):
        return self.now % (1 << 30)

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % (1 << 30)

    def ticks_diff(self, end, start):
        return (end - start + (1 << 29)) % (1 << 30) - (1 << 29)

    async def happens(self, event, ms):
        self.node.seen.append(ms)
        self.now += ms + self.late
        await port.sleep_ms(0)


def play(node, light, waits, late=0):
    """Run the light for so many waits; what the LED did and for how long, as a list."""
    node.seen = []
    clock = Clock(node, late)
    module.port = clock

    async def main():
        task = asyncio.create_task(light.run(lambda: None))
        while sum(type(x) is int for x in node.seen) < waits:
            await port.sleep_ms(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    try:
        asyncio.run(main())
    finally:
        module.port = port
    return node.seen


def test_the_worst_is_told_first():
    node = Everything()
    light = Light(node)
    assert light.code() == WELL
    node.settled = (None, 0, "", {"state": "rolled_back"}, None)
    assert light.code() == CONFIG
    node.settled = (None, 0, "", {"state": "rejected"}, None)
    assert light.code() == CONFIG
    node.fault = {"temp": "crc"}
    assert light.code() == SENSOR
    node.host_online = False
    assert light.code() == HOST
    node.connected = False
    assert light.code() == BROKER
    node.up = False
    assert light.code() == NETWORK
    assert (WELL, NETWORK, BROKER, HOST, SENSOR, CONFIG) == (0, 1, 2, 3, 4, 5)


def test_on_while_all_is_well_and_as_many_blinks_as_the_number():
    node = Everything()
    assert play(node, Light(node), 1)[:2] == [True, 30000]
    for code, change in ((1, "up"), (2, "connected"), (3, "host_online")):
        node = Everything()
        setattr(node, change, False)
        seen = play(node, Light(node), 2 * code + 1)
        assert seen[: 4 * code + 1] == [True, 200, False, 300] * code + [1500], code


def test_it_identifies_itself_for_so_long_and_goes_back():
    node = Everything()
    light = Light(node)
    module.port = Clock(node)  # the same start for both
    light.identify(1)
    module.port = port
    seen = play(node, light, 12)
    assert seen[:20] == [True, 100, False, 100] * 5 and seen[20:22] == [True, 30000]
    light.identify(600)
    light.identify(0)
    assert play(node, light, 1)[:2] == [True, 30000]
    for bad in (-1, 601, None, "5", 1.5, True):
        node_error("range", light.identify, bad)


def test_the_worst_lag_is_told_once():
    node = Everything()
    light = Light(node)
    play(node, light, 3, late=70)
    assert light.take_lag() == 70 and light.take_lag() == 0


def test_a_change_is_shown_at_once():
    node = Everything()
    light = Light(node)

    async def main():
        task = asyncio.create_task(light.run(lambda: None))
        await port.sleep_ms(20)
        assert node.seen == [True]
        node.connected = False
        light.look()
        for _ in range(2000):
            await port.sleep_ms(1)
            if False in node.seen:
                break
        assert node.seen[:3] == [True, True, False]
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    asyncio.run(main())
