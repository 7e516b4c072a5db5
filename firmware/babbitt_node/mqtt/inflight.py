"""The window: QoS 1 messages that were sent and have no PUBACK yet, and the packet ids they hold."""

import asyncio
from array import array

from ..hal.port import ticks_diff, ticks_ms


class InFlight:
    """`size` places, each with a packet id and the time of writing.

    count: places taken. last_id: the packet id given out last.
    """

    def __init__(self, size):
        self._ids = array("H", [0] * size)  # 0: the place is free
        self._since = [0] * size
        self._changed = asyncio.Event()
        self.count = 0
        self.last_id = 0

    def reset(self):
        """A new connection: nothing is in flight."""
        self.count = 0
        for slot in range(len(self._ids)):
            self._ids[slot] = 0

    def slot_of(self, packet_id):
        """The slot of a message in flight, of a free place for 0; -1 for none."""
        for slot in range(len(self._ids)):
            if self._ids[slot] == packet_id:
                return slot
        return -1

    def next_id(self, avoid):
        """The next packet id, 1..65535 in turn, that no message in flight holds and that is not `avoid`."""
        while True:
            self.last_id = self.last_id % 65535 + 1
            if self.last_id != avoid and self.slot_of(self.last_id) < 0:
                return self.last_id

    def take(self, slot, packet_id):
        """Fill a free place."""
        self._ids[slot] = packet_id
        self._since[slot] = ticks_ms()
        self.count += 1

    def written(self, slot):
        """The time for its PUBACK runs from now."""
        self._since[slot] = ticks_ms()

    def free(self, slot):
        """Its PUBACK came, or it was never sent."""
        self._ids[slot] = 0
        self.count -= 1
        self._changed.set()

    async def change(self):
        """Wait until a place is freed or the connection ends; look again afterwards what it was."""
        self._changed.clear()
        await self._changed.wait()

    def longest(self, now):
        """Milliseconds that the oldest message has waited for its PUBACK, 0 for none."""
        age = 0
        for slot in range(len(self._ids)):
            if self._ids[slot]:
                age = max(age, ticks_diff(now, self._since[slot]))
        return age

    def wake(self):
        """Let everybody look: the connection ended."""
        self._changed.set()
