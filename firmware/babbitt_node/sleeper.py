"""The story of a node that sleeps: wake, take one record, judge it, publish when it is time, sleep deeply.

Loaded instead of the tasks of `app.Node.run` when the configuration has `power`. A boot goes on through the sleep:
the numbers of records, the time since boot, the checks and the slopes are those of before (`nap.py`); only after a
reset that was no waking a new boot begins. The network is used once in `publish_every_s`, and at once when a check or
a sensor changed its state; then the node stays awake until the host has everything, at most _AWAKE_MS. While it sleeps
it is offline, and says so.
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
        await node.measure()
        records = node.recorder.next - before
        if self._published is None or records > 1 or begun - self._published >= self._every_ms:
            self._published = begun
            await self._publish(beat)
        if not node.sleeps():
            print("sleeper: the configuration no longer sleeps, starting anew")
            node.stop()
            node.board.restart()
        if self._published == begun:
            node.spool.close()
        else:
            node.spool.close_files()  # the watermark is as it was: nothing to be written
        async with node.quiet:
            port.once("nap", "remember", node, self._published)
            left = node.station.interval_s * 1000 - (node.clock.u() - begun)
            port.once("hal.sleep", "deep_sleep", max(1, left))

    async def _publish(self, beat):
        """Be online until the host has every record, or for _AWAKE_MS."""
        node = self._node
        publisher = node.publisher
        task = asyncio.create_task(publisher.run(beat))
        try:
            for _ in range(_AWAKE_MS // _LOOK_MS):
                await port.sleep_ms(_LOOK_MS)
                beat()
                node.switch_if_new()
                if publisher.idle():
                    break
            await publisher.say_offline()
        except NodeError as error:
            print("sleeper:", error)
        finally:
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
