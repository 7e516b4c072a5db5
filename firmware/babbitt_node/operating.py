"""Off, starting, running: how the node knows when a machine may be judged by what is usual for it. Pure.

    operating = Operating(config["running"], index)
    if operating.update(value, dt_ms):       # of the channel that tells it; True: judge and learn
        ...

A value above `above` is a machine that runs, one at or below `above - hysteresis` one that is off; between them, and
without a value, it stays what it was. After it was off it is starting for `starting_s`. A change of recipe takes
`settle_s`, in which nothing is judged either. Without a channel the machine always runs.
"""

from babbitt_node.hal.compile import const

OFF = const(0)
STARTING = const(1)
RUNNING = const(2)
STATES = ("off", "starting", "running")

_MAX = const(0x3FFFFFFF)
_MAX_DT_MS = const(86400000)


class Operating:
    """spec: `running` of a validated configuration. index: place of its channel in a record, or None.

    `number` is OFF, STARTING or RUNNING; `running_s` how long it has run in all (34 years at most).
    """

    def __init__(self, spec, index):
        self.spec = spec
        self.index = index
        self.number = OFF if index is not None else RUNNING
        self.running_s = 0
        self._above = spec["above"]
        self._back = max(-_MAX, spec["above"] - spec["hysteresis"])
        self._starting_ms = spec["starting_s"] * 1000
        self._settle_ms = spec["settle_s"] * 1000
        self._started_ms = 0  # since it is starting
        self._left_ms = 0  # until a change of recipe has settled
        self._changed = False  # the recipe, since the record before
        self._ms = 0  # not yet a whole second in running_s

    @property
    def state(self):
        """One of STATES."""
        return STATES[self.number]

    def recipe_changed(self):
        """Judge nothing until it has settled, and not the record of now."""
        self._left_ms = self._settle_ms
        self._changed = True

    def update(self, value, dt_ms):
        """Take the value of a record (int or None) and the ms since the one before; whether to judge it."""
        dt_ms = max(0, min(_MAX_DT_MS, dt_ms))
        if self.number == RUNNING:
            ms = self._ms + dt_ms
            self.running_s = min(_MAX, self.running_s + ms // 1000)
            self._ms = ms % 1000
        if value is not None and self.index is not None:
            if value <= self._back:
                self.number = OFF
            elif value > self._above and self.number == OFF:
                self.number = STARTING
                self._started_ms = -dt_ms
        if self.number == STARTING:
            self._started_ms += dt_ms
            if self._started_ms >= self._starting_ms:
                self.number = RUNNING
        if self._changed:
            self._changed = False
            return False
        self._left_ms = max(0, self._left_ms - dt_ms)
        return self._left_ms == 0 and self.number == RUNNING
