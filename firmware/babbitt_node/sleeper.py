"""The story of a node that sleeps: wake, take one record, judge it, publish when it is time, sleep deeply.

Loaded instead of the tasks of `app.Node.run` when the configuration has `power`. A boot goes on through the sleep:
the numbers of records, the time since boot, the checks and the slopes are those of before (`nap.py`); only after a
reset that was no waking a new boot begins. The network is used once in `publish_every_s`, and at once when a check or
a sensor changed its state; then the node stays awake until the host has everything, at most _AWAKE_MS. While it sleeps
it is offline, and has said that it sleeps.
"""

import asyncio

from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const

_AWAKE_MS = const(30000)
_LOOK_MS = const(100)


class Sleeper:
    """node: `app.Node`. published: ms since boot of the last publication, None if this boot has just begun."""

    def __init__(self, node, published):
        self._node = node
        self._every_ms = node.settled[0]["power"]["publish_every_s"] * 1000
        self._published = published

    async def run(self, beat):
        """One waking; ends in deep sleep, or in a restart when the configuration no longer sleeps."""
        node = self._node
        begun = node.clock.u()
        beat()
        before = node.recorder.next
        measured = None
        if not node.on_trial:  # what is on trial measures once its birth has arrived, as in `app`
            await node.measure()
            measured = node.station
        happened = node.recorder.next - before > 1
        if self._published is None or happened or node.on_trial or begun - self._published >= self._every_ms:
            self._published = begun
            await self._publish(beat, measured)
        if not node.sleeps():
            print("sleeper: the configuration no longer sleeps, starting anew")
            node.stop()
            node.board.restart()
        if self._published == begun:
            node.spool.save()  # the watermark is another one
        node.spool.close_files()
        async with node.quiet:
            pin = port.once("nap", "watch", node)
            port.once("nap", "remember", node, self._published)
            left = node.station.interval_s * 1000 - (node.clock.u() - begun)
            port.once("hal.sleep", "deep_sleep", max(1, left), pin)

    def _told_every_s(self):
        """Seconds between two publications."""
        config = self._node.settled[0]
        return max(config["power"]["publish_every_s"], config["interval_s"])

    async def _publish(self, beat, measured):
        """Be online until the host has every record, or for _AWAKE_MS; as long as something is on trial or a waveform is
        taken in any case.
        """
        node = self._node
        publisher = node.publisher
        task = asyncio.create_task(publisher.run(beat))
        left = _AWAKE_MS
        try:
            while left > 0:
                await port.sleep_ms(_LOOK_MS)
                beat()
                busy = await node.attend()
                if node.station is not measured and node.told:
                    measured = node.station
                    await node.measure()
                if busy:
                    continue
                left -= _LOOK_MS
                if publisher.idle():
                    break
            await publisher.say_offline(self._told_every_s() if node.sleeps() else 0)
        except NodeError as error:
            print("sleeper:", error)
        finally:
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
