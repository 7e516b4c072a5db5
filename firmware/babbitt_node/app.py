"""The story of a node: who am I, what do I run, measure for ever, tell the host.

    node = Node(Board.load())
    asyncio.run(node.run())

Four tasks under one supervisor: the sampler (measures on a grid of `interval_s`, judges, appends records to
the spool), the publisher (spool to broker) and the housekeeper (state once a minute and on every change of a
fault, trials) and the light. A node with a time server has a fifth, the timekeeper.
"""

import asyncio
import gc

import babbitt_node
from babbitt_node import clock as clocks
from babbitt_node.capture import Captures
from babbitt_node.clock import Clock
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal import port
from babbitt_node.hal.compile import const
from babbitt_node.identity import Identity
from babbitt_node.light import Light
from babbitt_node.publisher import Publisher
from babbitt_node.records import Recorder
from babbitt_node.spool import Spool
from babbitt_node.station import Station
from babbitt_node.supervisor import Supervisor

_STATE_EVERY_MS = const(60000)
_SWEEP_BYTES = const(24576)  # garbage that may lie about: less means more sweeping, more a heap in pieces
_WATCHDOG_MS = const(120000)
_TRIAL_S = const(300)  # a trial reaches the broker within this time after it began, or it is rolled back
_TRIAL_LOOK_MS = const(2000)
_FREE_MS = const(
    120000
)  # time for a window where no record waits: the longest takes 41 s, and twice that is asked for
_BEAT_MS = const(60000)  # the longest pause of a sampler that waits for its next slot


class Node:
    """The node on `board` (`hal.board.Board`). Its files are in the working directory.

    What it is made of is in plain attributes: `settings` (node.json), `identity`, `clock`, `spool`,
    `recorder`, `publisher`, `station`, `supervisor`, `light`; `crash` the newest crash as a line, or None;
    `settled` is the configuration in force as `settings.Settings.kept()` gives it (its last part: what kind of
    document is on trial, or None), `since` the first seq of this boot for which it holds, `prev` what the birth
    says about the boot before.

    Raises NodeError config_invalid when node.json cannot be used: without it nobody can be told.
    """

    def __init__(self, board):
        self.board = board
        # Before anything that a trial could break: this counts its starts.
        self.settled, self.settings = _settled(board)
        kept = port.once("nap", "recall") if board.reset_cause() == "deep_sleep" else None
        self.identity = Identity(kept=kept)
        self.clock = Clock(board)
        if kept is not None:
            self.clock.go_on(kept["u"], kept["q"])
        self.quiet = asyncio.Lock()
        gc.collect()
        self.spool = Spool(
            "spool",
            self.settings["spool_bytes"],
            self.identity.install,
            self.identity.boot,
            self.settings["spool_hold_s"],
        )
        self.prev = self._previous() if kept is None else kept["prev"]
        self.recorder = Recorder(self.spool, self.clock, self.identity.install, self.identity.boot)
        self.publisher = Publisher(self)
        self.station = self._first_station()
        self.since = 0
        self.taken = 0  # the number of the last command
        self.waves = Captures(self.identity.install)
        self._woken = None if kept is None else kept["published"]
        if kept is not None:
            boot, seq = self.spool.last
            self.recorder.next = max(kept["next"], seq + 1 if boot == self.identity.boot else 0)
            port.once("nap", "restore", self, kept)
        self._on_new_network = self.settled[4] == "network"
        self._next_station = None
        self._announced = False  # whether a birth has reached the broker since the trial began
        self._trial_began = port.ticks_ms()
        self._look = asyncio.Event()  # set when the housekeeper has a trial to look after
        self._replan = asyncio.Event()  # set when the sampler has a new station, or may begin
        self.crash = port.once("crash", "untold")
        self._crash_told = self.crash is None
        self.light = Light(self)
        self.supervisor = Supervisor(board.watchdog(_WATCHDOG_MS), self._crashed)

    def _first_station(self):
        """The station of the configuration in force. One that this board cannot build is refused, and the node goes on
        without sensors: it says why, and can be given another one.
        """
        try:
            return Station(self.settled[0], self.board, self.quiet)
        except ConfigError as error:
            if self.on_trial:
                raise  # this start counts, and a later one goes back
            none = (None, 0, "0" * 16, None, None)
            version, digest = self.settled[1:3]
            self.settled = port.once("settings", "refuse", none, version, digest, error)
            return Station(None, self.board, self.quiet)

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

            self.supervisor.add("sleeper", Sleeper(self, self._woken).run, 90)
        else:
            self.supervisor.add("sampler", self._sample, 90)
            self.supervisor.add("publisher", self.publisher.run, 90)
            self.supervisor.add("housekeeper", self._keep_house, 90)
        if self.settings["ntp"] is not None and self.clock.q != clocks.SIMULATED:
            self.supervisor.add("timekeeper", self._keep_time, 120)
        self.supervisor.add("light", self.light.run, 90)
        await self.supervisor.run()

    def sleeps(self):
        """Whether the configuration in force has the node sleep between records."""
        return bool(self.settled[0] and self.settled[0]["power"])

    @property
    def on_trial(self):
        """Whether a configuration has yet to show that it works."""
        return self.settled[4] is not None

    @property
    def told(self):
        """Whether the birth of what runs has reached the broker in this waking."""
        return self._announced

    async def measure(self):
        """One record, now, and on flash."""
        while not await self.station.slot(self.clock):
            pass
        self._record(self.station)
        self.spool.flush()

    async def attend(self):
        """What else the tasks of a node that is awake see to; returns whether it keeps the node awake."""
        if self._next_station is not None:
            self._switch()
        if self.waves.job is not None:
            await self.waves.step(self, _FREE_MS)
        if self.settled[4] is not None:
            await self._judge_trial()
        return self.waves.job is not None or self.settled[4] is not None

    def stop(self):
        """End by intention: what was learnt and the watermark are kept and the boot is marked clean."""
        self.station.close()
        self.spool.close()
        self.identity.ended()

    async def _sample(self, beat):
        """Measure on the grid of readings and records. A slot that was missed is left out, never made up for.

        A configuration on trial measures nothing before its birth has reached the broker: should it be rolled back
        unheard, there are no records that nobody could read.
        """
        due = port.ticks_ms()
        while True:
            beat()
            self._replan.clear()
            if self._next_station is not None:
                self._switch()
                due = port.ticks_ms()
            if self.settled[4] == "config" and not self._announced:
                await port.happens(self._replan, _BEAT_MS)
                due = port.ticks_ms()
                continue
            left = port.ticks_diff(due, port.ticks_ms())
            if self.waves.job is not None and await self.waves.step(self, left):
                continue
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
            self.recorder.row(station.values, station.recipe, station.last_u)
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
            if check.severity == 2:
                self.waves.alarm(self, check)
        if changed:
            self.publisher.state_due = True
            self.light.look()
        self.publisher.wake()

    async def _keep_house(self, beat):
        """Ask for a state once a minute, or once in every interval where that is longer, with the heap swept before it; look
        after what is on trial.
        """
        due = port.ticks_add(port.ticks_ms(), _STATE_EVERY_MS)
        minutes = 0
        while True:
            beat()
            left = port.ticks_diff(due, port.ticks_ms())
            if self.settled[4] is not None:
                await self._judge_trial()
                left = min(left, _TRIAL_LOOK_MS)
            if left > 0:
                self._look.clear()
                await port.happens(self._look, left)
                continue
            due = port.ticks_add(due, _STATE_EVERY_MS)
            async with self.quiet:
                self._flush()  # a sampler that died left rows behind
            minutes += 1
            if minutes * 60 < self.station.interval_s:
                continue
            minutes = 0
            if (
                self.sleeps() and not self.on_trial
            ):  # a new configuration wants it: that is another way to run
                self.stop()
                self.board.restart()
            async with self.quiet:
                gc.collect()
            self.publisher.state_due = True
            self.publisher.wake()

    async def _keep_time(self, beat):
        """Ask the time server whenever it is due and there is a network."""
        network = self.board.network()
        left_s = failures = 0
        while True:
            beat()
            if left_s <= 0 and network.is_up():
                async with self.quiet:  # from flash
                    asked = port.once("ntp", "keep", self, failures)
                left_s, failures = await asked
            pause_s = max(1, min(_BEAT_MS // 1000, left_s))
            await port.sleep_ms(pause_s * 1000)
            left_s -= pause_s

    def replan(self):
        """Have the sampler look at once what there is to do."""
        self._replan.set()

    # ---- configuration

    async def desired(self, payload):
        """A `desired` arrived: check it, keep it, run it from the next record. Returns whether it changed anything.

        A configuration that cannot be built here, or whose birth would be too long, is refused as a whole.
        """

        def try_out(config, version, digest):
            station = Station(config, self.board, self.quiet, self.station)

            def birth(out):
                port.once(
                    "messages", "birth", out, self, station, config, version, digest, self.recorder.next
                )

            try:
                self.publisher.measure(birth)
            except NodeError as error:
                raise ConfigError(
                    "", "the birth would be too long, use fewer or shorter names: %s" % error.detail
                )
            return station

        if self._on_new_network:
            await self._confirm()  # over this very network the document came
        on_trial = self.settled[4]
        async with self.quiet:
            gc.collect()
            buses, wifi = self.board.bus_types(), self.board.has_wifi
            made, self.settled = port.once("offers", "offer", buses, wifi, self.settled, payload, try_out)
            if made is not None:
                self._announced = False
        if self.settled[4] != on_trial or made is not None:
            self._trial_began = port.ticks_ms()
            self._look.set()
        if made is None:
            return False
        self._next_station = made
        self._replan.set()
        while self._next_station is not None:  # the rows of the old one end before the new birth
            await port.sleep_ms(100)
        return True

    def _flush(self):
        try:
            self.spool.flush()
        except NodeError as error:
            print("spool:", error)  # what is held stays held

    def _switch(self):
        self._flush()  # the next row may come much later
        self._next_station.take_over(self.station)
        self.station = self._next_station
        self._next_station = None
        self.since = self.recorder.next

    async def announced(self):
        """The broker has the birth, the state and the `reported` of now."""
        if not self._announced:
            self._announced = True
            self._replan.set()
        if not self._crash_told:
            self._crash_told = True
            async with self.quiet:
                port.once("crash", "told")

    def identify(self, seconds):
        """Blink fast for 0..600 s. Raises NodeError range."""
        self.light.identify(seconds)

    def _crashed(self, text):
        """Keep a traceback for people and for the next birth. Raises nothing: it comes from where something went wrong."""
        try:
            self.crash = port.once("crash", "keep", text, self.settings)
            self._crash_told = False
        except (MemoryError, OSError, ImportError) as error:
            print("crash.txt:", error)

    async def _judge_trial(self):
        """Confirm what is on trial, restart into it, or roll it back."""
        kind = self.settled[4]
        passed = port.ticks_diff(port.ticks_ms(), self._trial_began)
        if kind == "network" and not self._on_new_network:
            if passed > _TRIAL_LOOK_MS:  # time for `reported` to get away
                self._restart("a new network is tried")
        elif self._announced and (kind == "network" or self._measured(passed)):
            await self._confirm()
        elif passed > _TRIAL_S * 1000:
            reason = "the broker was not reached within %d s"
            if self._announced:
                reason = "nothing was measured within %d s"
            port.once("settings", "give_up", reason % _TRIAL_S)
            self._restart("a trial is rolled back")

    def _measured(self, passed_ms):
        """Whether a record of the configuration on trial is on flash; the host, if it is there, has it or had time for it."""
        if self.spool.last < (self.identity.boot, self.since):
            return False
        stored = self.spool.watermark >= (self.identity.boot, self.since)
        return stored or not self.publisher.host_online or passed_ms > _TRIAL_S * 1000

    async def _confirm(self):
        try:
            async with self.quiet:
                self.settled = port.once("settings", "confirm", self.board.has_wifi, self.settled)
        except (OSError, NodeError, MemoryError) as error:
            print("config: it stays on trial:", error)
            return
        self._on_new_network = False
        self.publisher.reported_due = True
        self.publisher.wake()

    def _restart(self, why):
        print("restart:", why)
        try:
            self.stop()
        finally:
            self.board.restart()

    # ---- what is told

    def write_birth(self, out):
        """Write the birth of now. Raises NodeError too_large."""
        config, version, digest = self.settled[:3]
        port.once("messages", "birth", out, self, self.station, config, version, digest, self.since)

    def write_state(self, out):
        """Write the state of now."""
        port.once("messages", "state", out, self)

    def write_reported(self, out):
        """Write what became of the newest configuration."""
        port.once("messages", "reported", out, self.identity.install, self.settled[3])


def _settled(board):
    """(what is kept of the configuration, node settings). Raises NodeError config_invalid."""
    gc.collect()
    return port.once("settings", "load", board.bus_types(), board.has_wifi)
