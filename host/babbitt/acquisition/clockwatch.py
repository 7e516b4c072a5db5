"""The clocks of all nodes: each `state` is a look at one, for it is sent the moment it is written.

What is known of a clock is kept with the node (``nodes.clock``), in the transaction of the message.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from babbitt.acquisition.clocks import HostClock, NodeClock
from babbitt.protocol.messages import State
from babbitt.store.writer import StoreWriter

logger = logging.getLogger(__name__)

KNOWN_MAX = 16_384


class ClockWatch:
    """``ticks`` is a clock in seconds that nobody sets."""

    def __init__(self, writer: StoreWriter, ticks: Callable[[], float]) -> None:
        self._writer = writer
        self._ticks = ticks
        self._host = HostClock()
        self._nodes: dict[int, NodeClock] = {}

    def forget(self) -> None:
        """What is in memory may be ahead of the store: read it again."""
        self._nodes.clear()

    def look(self, node_id: int, install_id: int, state: State, now: int) -> None:
        """Take the times of a `state` that was received at ``now`` (ms). Inside a transaction."""
        if step := self._host.step(now, int(self._ticks() * 1000)):
            logger.warning("the clock of this host was set by %+.1f s", step / 1000)
            self._writer.audit(now, "host", "clock", stepped_ms=step)
            for clock in self._nodes.values():
                clock.host_stepped(step)
        clock = self._nodes.get(node_id) or self._load(node_id)
        for before, after, severity, text in clock.sample(
            (install_id, state.boot), now, state.u, state.t, state.q
        ):
            self._writer.host_event(node_id, now, "clock", before, after, severity, text)
        self._writer.set("nodes", node_id, clock=json.dumps(clock.view() | {"of": clock.dump()}))

    def _load(self, node_id: int) -> NodeClock:
        if len(self._nodes) >= KNOWN_MAX:
            self._nodes.clear()
        kept = self._writer.state.clock(node_id)
        clock = NodeClock()
        if kept is not None:
            try:
                clock = NodeClock.load(kept["of"])
            except (KeyError, TypeError, ValueError) as error:
                logger.warning("the clock of node %d is looked at from anew: %s", node_id, error)
        self._nodes[node_id] = clock
        return clock
