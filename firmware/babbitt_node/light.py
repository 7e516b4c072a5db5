"""What the LED tells someone who stands in front of the node, and how late the tasks run.

    light = Light(node)
    supervisor.add("light", light.run, 60)
    light.identify(30)             # blinks fast for so many seconds: 'it is me'
    light.look()                   # something may have changed
    light.take_lag()               # ms, the worst since last asked

All is well: the LED is on. Otherwise it blinks as often as the number of what is wrong, pauses, and begins again; the worst is told
first. The table for people is in docs/operations.md, 'What the LED says'.

    1 no network    2 no broker    3 no host    4 a sensor has a fault    5 a configuration was refused or rolled back

`node` gives: `board`, `publisher` (`.connected`, `.host_online`), `station` (`.faults()`), `settled`.
"""

import asyncio

from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const

WELL, NETWORK, BROKER, HOST, SENSOR, CONFIG = range(6)
LONGEST_S = const(600)
_ON_MS = const(200)
_OFF_MS = const(300)
_PAUSE_MS = const(1500)
_FAST_MS = const(100)
_LOOK_MS = const(30000)  # all is well: the longest time until it is looked at again, and the lag with it


class Light:
    """See the module."""

    def __init__(self, node):
        self._node = node
        self._lag_ms = 0
        self._until = None  # until when it identifies itself
        self._changed = asyncio.Event()

    def identify(self, seconds):
        """Blink fast for 1..600 s; 0 ends it. Raises NodeError range."""
        if type(seconds) is not int or not 0 <= seconds <= LONGEST_S:
            raise NodeError("range", "identify: expected 0..%d s, got %r" % (LONGEST_S, seconds))
        self._until = port.ticks_add(port.ticks_ms(), seconds * 1000) if seconds else None
        self._changed.set()

    def look(self):
        """What is shown may be out of date."""
        self._changed.set()

    def code(self):
        """The number of the worst that is wrong, WELL if nothing is."""
        node = self._node
        if not node.board.network().is_up():
            return NETWORK
        if not node.publisher.connected:
            return BROKER
        if not node.publisher.host_online:
            return HOST
        if node.station.faults():
            return SENSOR
        report = node.settled[3]
        if report is not None and report["state"] in ("rejected", "rolled_back"):
            return CONFIG
        return WELL

    def take_lag(self):
        """How late a task was woken at worst since this was last asked, in ms."""
        worst, self._lag_ms = self._lag_ms, 0
        return worst

    async def run(self, beat):
        """Show it, for ever."""
        led = self._node.board.led
        while True:
            beat()
            self._changed.clear()
            if self._until is not None:
                if port.ticks_diff(self._until, port.ticks_ms()) <= 0:
                    self._until = None
                    continue
                led(True)
                await self._wait(_FAST_MS)
                led(False)
                await self._wait(_FAST_MS)
                continue
            code = self.code()
            if code == WELL:
                led(True)
                await self._wait(_LOOK_MS)
                continue
            for _ in range(code):
                led(True)
                await self._wait(_ON_MS)
                led(False)
                await self._wait(_OFF_MS)
            await self._wait(_PAUSE_MS)

    async def _wait(self, ms):
        due = port.ticks_add(port.ticks_ms(), ms)
        await port.happens(self._changed, ms)
        self._lag_ms = max(self._lag_ms, port.ticks_diff(port.ticks_ms(), due))
