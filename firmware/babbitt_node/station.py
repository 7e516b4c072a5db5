"""What one configuration makes the node do: its samplers, its checks, and when each is due.

    station = Station(config, board, quiet)
    while True:
        if await station.slot(clock):        # every `step_ms`; True: a record is complete in `station.values`
            for check in station.judge():
                ...                          # its state changed

A slot that could not be kept is left out by `skip`.
"""

from babbitt_node import drivers, samplers
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal.port import once
from babbitt_node.judge import Judge


class Station:
    """Samplers and checks of a validated configuration (None: no sensors).

    `samplers`; `values` of the newest record, in the order of the channels; `step_ms` between slots; `judges`, the
    checks (`judge.Judge`). Raises
    ConfigError when a sensor or check cannot be built.

    before: the station that runs, to be followed by this one (`take_over`). What stays the same is shared with it from the
    beginning, for the memory that a second one would take.
    """

    def __init__(self, config, board, quiet, before=None):
        self.samplers = []
        self.interval_s = config["interval_s"] if config else 10
        ids = ()
        if config:
            for i, spec in enumerate(config["sensors"]):
                sampler = before and before.same(spec, self.interval_s)
                if sampler:
                    config["sensors"][i] = sampler.spec  # equal, and there already
                else:
                    try:
                        sampler = _sampler(spec, board, quiet, self.interval_s)
                    except NodeError as error:
                        raise ConfigError("sensors[%d].bus" % i, error.detail)
                self.samplers.append(sampler)
            ids = ["%s.%s" % (s.id, name) for s in self.samplers for name in s.names]
        self.judges = Judge(*once("assembly", "build", config, ids, self.samplers, before))
        if before is None:
            self._bind()
        self.values = [None] * sum(s.width for s in self.samplers)
        # The longest step that meets every reading and every record.
        step = self.interval_s
        for sampler in self.samplers:
            step = _gcd(step, sampler.every_s)
        self.step_ms = step * 1000
        self._steps = self.interval_s // step
        self._at = 0
        self._faults = {s.id: "ok" for s in self.samplers}
        self._last_u = None
        self._dt_ms = 0

    def take_over(self, before):
        """Go on where another station stops: samplers and checks whose settings are the same keep what they know."""
        for i, sampler in enumerate(self.samplers):
            other = before.same(sampler.spec, self.interval_s)
            if other is not None:
                self.samplers[i] = other
                self._faults[other.id] = before._faults[other.id]
        specs = [sampler.spec for sampler in before.samplers]
        kept = [s.id for s in self.samplers if s.spec in specs]
        self.judges.take_over(before.judges, kept)
        self._last_u = before._last_u
        self._bind()

    def same(self, spec, interval_s):
        """The sampler that does what an entry of `sensors` asks for, or None."""
        if interval_s == self.interval_s:
            for sampler in self.samplers:
                if sampler.spec == spec:
                    return sampler
        return None

    def _bind(self):
        for sampler in self.samplers:
            sampler.bind(self.samplers)

    def skip(self, slots):
        """Leave out slots that could not be kept."""
        self._at += slots

    async def slot(self, clock):
        """Do what this slot asks for; True if it completed a record. The first slot does.

        Conversions of slow sensors run while the windows of accelerometers are taken.
        """
        complete = self._at % self._steps == 0
        if complete:
            self.judges.begin()
        second = self._at * (self.step_ms // 1000)
        self._at += 1
        for sampler in self.samplers:
            if second % sampler.every_s == 0:
                sampler.begin()
        if complete:
            await self._measure(True)
        for sampler in self.samplers:
            await sampler.collect()
        if complete:
            await self._measure(False)
            u = clock.u()
            self._dt_ms = 0 if self._last_u is None else u - self._last_u
            self._last_u = u
        return complete

    async def _measure(self, windowed):
        at = 0
        for sampler in self.samplers:
            if sampler.windowed == windowed:
                await sampler.measure(self.values, at)
            at += sampler.width

    @property
    def last_u(self):
        """When the newest record was complete, ms since boot; None before the first."""
        return self._last_u

    def go_on(self, last_u):
        """The newest record was complete at `last_u`, before a sleep."""
        self._last_u = last_u

    @property
    def checks(self):
        """The checks, in the order of the configuration."""
        return self.judges.checks

    def know_fault(self, sensor, name):
        """This fault (`ok`: none) of a sensor was told already."""
        self._faults[sensor] = name

    def fault_changes(self):
        """(sensor id, before, after) of every sensor whose fault is another one than when last asked; `ok`
        is none.
        """
        changed = []
        for sampler in self.samplers:
            now = sampler.fault or "ok"
            if now != self._faults[sampler.id]:
                if sampler.fault:
                    print("sensor %s: %s: %s" % (sampler.id, now, sampler.detail))
                changed.append((sampler.id, self._faults[sampler.id], now))
                self._faults[sampler.id] = now
        return changed

    def faults(self):
        """{sensor id: error name} of those that have one."""
        return {s.id: s.fault for s in self.samplers if s.fault}

    def judge(self):
        """Give every check its part of the record; yields those that changed their state."""
        return self.judges.judge(self.values, self._dt_ms)

    @property
    def recipe(self):
        """The recipe of the newest record, 0..255."""
        return self.judges.recipe

    def set_recipe(self, recipe):
        """See Judge."""
        self.judges.set_recipe(recipe)

    def relearn(self, ids=None):
        """See Judge."""
        return self.judges.relearn(ids)

    def release(self, ids=None):
        """See Judge."""
        return self.judges.release(ids)

    def close(self):
        """A clean end. Raises nothing."""
        self.judges.close()


def _sampler(spec, board, quiet, interval_s):
    driver = drivers.module(spec["driver"])
    settings = [spec[row[0]] for row in driver.SETTINGS]
    device = driver.DEVICE(board.bus(spec["bus"]), *settings)
    return samplers.module(driver.KIND).SAMPLER(spec, driver, device, interval_s, quiet)


def _gcd(a, b):
    while b:
        a, b = b, a % b
    return a
