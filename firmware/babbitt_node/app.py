"""The story of a node: who am I, what do I run, measure for ever, tell the host.

    node = Node(Board.load())
    asyncio.run(node.run())

Three tasks under one supervisor: the sampler (measures on a grid of `interval_s`, judges, appends records to
the spool), the publisher (spool to broker) and the housekeeper (state once a minute and on every change of a
fault).
"""

import asyncio
import gc
import json

import babbitt_node
from babbitt_node.clock import Clock
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const
from babbitt_node.identity import Identity
from babbitt_node.publisher import Publisher
from babbitt_node.records import Recorder
from babbitt_node.spool import Spool
from babbitt_node.station import Station
from babbitt_node.supervisor import Supervisor

_STATE_EVERY_MS = const(60000)
_SWEEP_BYTES = const(24576)  # garbage that may lie about: less means more sweeping, more a heap in pieces
_WATCHDOG_MS = const(120000)
_BEAT_MS = const(60000)  # the longest pause of a sampler that waits for its next slot


class Node:
    """The node on `board` (`hal.board.Board`). Its files are in the working directory.

    What it is made of is in plain attributes: `settings` (node.json), `identity`, `clock`, `spool`,
    `recorder`, `publisher`, `station`, `supervisor`; `settled` is the configuration in force as
    `settings.Settings.kept()` gives it, `since` the first seq of this boot for which it holds, `prev` what the
    birth says about the boot before.

    Raises NodeError config_invalid when node.json cannot be used: without it nobody can be told.
    """

    def __init__(self, board):
        self.board = board
        self.settings = _node_settings(board)
        kept = port.once("nap", "recall") if board.reset_cause() == "deep_sleep" else None
        self.identity = Identity(kept=kept)
        self.clock = Clock(board)
        if kept is not None:
            self.clock.go_on(kept["u"], kept["q"])
        self.quiet = asyncio.Lock()
        gc.collect()
        self.spool = Spool("spool", self.settings["spool_bytes"], self.identity.install, self.identity.boot)
        self.prev = self._previous() if kept is None else kept["prev"]
        self.recorder = Recorder(self.spool, self.clock, self.identity.install, self.identity.boot)
        self.publisher = Publisher(self)
        self.settled = port.once("settings", "load", board.bus_types())
        self.station = Station(self.settled[0], board, self.quiet)
        self.since = 0
        if kept is not None:
            boot, seq = self.spool.last
            self.recorder.next = max(kept["next"], seq + 1 if boot == self.identity.boot else 0)
            self.since = kept["since"]
            port.once("nap", "restore", self, kept)
        self._woken_at = None if kept is None else kept["published"]
        self._next_station = None
        self._replan = asyncio.Event()  # set when the sampler has a new station
        self.supervisor = Supervisor(board.watchdog(_WATCHDOG_MS))

    def _previous(self):
        """`prev` of the birth: the boot before, its first unused seq, whether it ended by intention."""
        if self.identity.before is None:
            return None
        boot, clean = self.identity.before
        last = max(self.spool.last, self.spool.watermark)
        return {"boot": boot, "next": last[1] + 1 if last[0] == boot else 0, "clean": clean}

    # ---- running

    async def run(self):
        """Run until cancelled."""
        print(
            "babbitt %s: installation %s, boot %d"
            % (babbitt_node.__version__, self.identity.install, self.identity.boot)
        )
        if hasattr(gc, "threshold"):
            gc.threshold(_SWEEP_BYTES)
        if self.sleeps():
            from babbitt_node.sleeper import Sleeper  # not loaded on a node that does not sleep

            self.supervisor.add("sleeper", Sleeper(self, self._woken_at).run, 90)
        else:
            self.supervisor.add("sampler", self._sample, 90)
            self.supervisor.add("publisher", self.publisher.run, 90)
            self.supervisor.add("housekeeper", self._keep_house, 90)
        await self.supervisor.run()

    def sleeps(self):
        """Whether the configuration in force has the node sleep between records."""
        return bool(self.settled[0] and self.settled[0]["power"])

    async def measure(self):
        """One record, now."""
        while not await self.station.slot(self.clock):
            pass
        self._record(self.station)

    def switch_if_new(self):
        """Run the new configuration from now on, if there is one."""
        if self._next_station is not None:
            self._switch()

    def stop(self):
        """End by intention: the watermark is kept and the boot is marked clean."""
        self.spool.close()
        self.identity.ended()

    async def _sample(self, beat):
        """Measure on the grid of readings and records. A slot that was missed is left out, never made up for."""
        due = port.ticks_ms()
        while True:
            beat()
            if self._next_station is not None:
                self._switch()
                due = port.ticks_ms()
            left = port.ticks_diff(due, port.ticks_ms())
            if left > 0:
                await port.happens(self._replan, min(left, _BEAT_MS))
                continue
            station = self.station
            if await station.slot(self.clock):
                self._record(station)
            due = port.ticks_add(due, station.step_ms)
            behind = port.ticks_diff(port.ticks_ms(), due)
            if behind > 0:
                missed = behind // station.step_ms + 1
                station.skip(missed)
                due = port.ticks_add(due, missed * station.step_ms)

    def _record(self, station):
        """One row, then what it means: events of sensors and checks."""
        changed = False
        if station.values:
            self.recorder.row(station.values)
        for sensor, before, after in station.fault_changes():
            changed = True
            severity = 1 if after != "ok" else 0
            self.recorder.event("sensor." + sensor, None, before, after, severity, None, None, 0, {})
        for check in station.judge():
            self.recorder.event(
                check.id,
                check.channel,
                check.previous,
                check.state,
                check.severity,
                check.value,
                check.limit,
                check.held_s,
                check.evidence(),
            )
        if changed:
            self.publisher.state_due = True
        self.publisher.wake()

    async def _keep_house(self, beat):
        """Ask for a state once a minute, or once in every interval where that is longer, with the heap swept before it."""
        due = port.ticks_ms()
        minutes = 0
        while True:
            beat()
            due = port.ticks_add(due, _STATE_EVERY_MS)
            await port.sleep_ms(max(0, port.ticks_diff(due, port.ticks_ms())))
            minutes += 1
            if minutes * 60 < self.station.interval_s:
                continue
            minutes = 0
            if self.sleeps():  # a new configuration wants it: that is another way to run
                self.stop()
                self.board.restart()
            async with self.quiet:
                gc.collect()
            self.publisher.state_due = True
            self.publisher.wake()

    # ---- configuration

    async def desired(self, payload):
        """A `desired` arrived: check it, keep it, run it from the next record. Returns whether it changed anything.

        A configuration that cannot be built here, or whose birth would be too long, is refused as a whole.
        """
        made = []

        def try_out(config, version, digest):
            station = Station(config, self.board, self.quiet)

            def birth(out):
                port.once(
                    "messages", "birth", out, self, station, config, version, digest, self.recorder.next
                )

            try:
                self.publisher.build(birth)
            except NodeError as error:
                raise ConfigError(
                    "", "the birth would be too long, use fewer or shorter names: %s" % error.detail
                )
            made.append(station)

        async with self.quiet:
            gc.collect()
            buses = self.board.bus_types()
            taken, self.settled = port.once("settings", "offer", buses, self.settled, payload, try_out)
        if not taken:
            return False
        self._next_station = made[0]
        self._replan.set()
        while self._next_station is not None:  # the rows of the old one end before the new birth
            await port.sleep_ms(100)
        return True

    def _switch(self):
        self._next_station.take_over(self.station)
        self.station = self._next_station
        self._next_station = None
        self._replan.clear()
        self.since = self.recorder.next

    # ---- what is told

    def write_birth(self, out):
        """Write the birth of now. Raises NodeError too_large."""
        config, version, digest, _ = self.settled
        port.once("messages", "birth", out, self, self.station, config, version, digest, self.since)

    def write_state(self, out):
        """Write the state of now."""
        port.once("messages", "state", out, self)

    def write_reported(self, out):
        """Write what became of the newest configuration."""
        port.once("messages", "reported", out, self.identity.install, self.settled[3])


def _node_settings(board):
    try:
        with open("node.json") as file:
            return port.once("config", "validate_node", json.load(file), board.has_wifi)
    except ConfigError as error:
        raise NodeError("config_invalid", "node.json: " + error.detail)
    except (OSError, ValueError) as error:
        raise NodeError("config_invalid", "node.json: %s; provision the board again" % error)
