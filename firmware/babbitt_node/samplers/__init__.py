"""Samplers: a sensor becomes the values of its channels, once every record.

A sampler has `channels()`, which yields or lists what the birth says of them; `begin()`, which starts what takes time (a conversion); the
coroutine `collect()`, which takes a reading between records; and the coroutine `measure(out, at)`, which
writes the values of the record (an int in +-(2^30-1) or None each) to the list out[at:at+width] and raises
nothing. `fault` is None or the name of the error that kept it from measuring, `detail` its text; the sensor
is probed again at the next record. A `windowed` one measures at the beginning of a slot, while the conversions of the others run.

A module of KINDS has, beside its class SAMPLER (made as `SAMPLER(spec, driver, device, interval_s, quiet)`):

- SETTINGS: rows of settings that all sensors of the kind have, as `rules.settings` reads them.
- `names(spec, driver)`: what the ids of its channels end with, in the order of the values.
- SPEED, if it has one: which of these names is the speed of a shaft in r/min.
- `busy_ms(spec)`: how long a window keeps everything else waiting.
- `check(spec, path, interval_s)`: raises ConfigError for what single settings do not tell; fills what depends on others.
"""

KINDS = ("vibration", "scalar", "digital", "tacho")


def module(kind):
    """The module of a kind of KINDS."""
    return __import__("babbitt_node.samplers." + kind, None, None, ("SAMPLER",))


class Sampler:
    """What all have in common: the fault and the probing.

    spec: a validated entry of `sensors`. driver: its module. device: what the module's DEVICE made.
    """

    windowed = False

    def __init__(self, spec, driver, device):
        self.spec = spec
        self.id = spec["id"]
        self.driver = spec["driver"]
        self._driver = driver
        self.width = len(self.names)
        self.fault = None
        self.detail = ""
        self._device = device
        self._probed = False

    @property
    def names(self):
        """What the ids of its channels end with; made anew each time, as they are seldom needed and take a lot of room."""
        return module(self._driver.KIND).names(self.spec, self._driver)

    def describe(self):
        """Entry of `sensors` in the birth."""
        return {"id": self.id, "driver": self.driver, "fault": self.fault}

    def bind(self, samplers):
        """Look among all samplers, in the order of the values, for what it needs of the others."""

    def memories(self):
        """What it remembers from record to record: objects with SIZE, dump and load, like those of a check."""
        return ()

    def watch(self):
        """Have the sensor wake the node; returns whether it does. Raises NodeError."""
        return False

    def begin(self):
        """Start what takes time. Raises nothing."""

    async def collect(self):
        """Take a reading between records. Raises nothing."""

    def _channel(self, at, unit, exp, lo, hi):
        """A channel's description; `at` is its place among the values."""
        return {"id": "%s.%s" % (self.id, self.names[at]), "unit": unit, "exp": exp, "lo": lo, "hi": hi}

    def _ready(self):
        if not self._probed:
            self._device.probe()
            self._probed = True

    def _failed(self, error):
        """Keep the name of an error; the sensor is probed again."""
        self.fault = error.name
        self.detail = error.detail
        self._probed = False
