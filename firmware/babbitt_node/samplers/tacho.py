"""A tachometer: speed over the record, and the lowest and highest of its parts of `every_s`.

The driver's device: `probe()`, `total()`, `speed(pulses, ms)` as in `drivers/tacho.py`.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import ticks_diff, ticks_ms
from babbitt_node.samplers import Sampler

SETTINGS = (("every_s", 1, 3600, None),)
SPEED = "rpm"  # the channel that other sensors may take as the speed of their shaft

_WRAP = const(0x3FFFFFFF)
_LEAST_MS = const(100)


def names(spec, driver):
    """See `samplers`."""
    return [SPEED, "low", "high"]


def busy_ms(spec):
    """See `samplers`: the hardware counts."""
    return 0


def check(spec, path, interval_s):
    """See `samplers`: a part at least once a record."""
    from babbitt_node.rules import every_s  # not for the measuring

    every_s(spec, path, interval_s)


class TachoSampler(Sampler):
    """One shaft. Its first record, which has no length yet, has no values."""

    def __init__(self, spec, driver, device, interval_s, quiet=None):
        super().__init__(spec, driver, device)
        self.every_s = spec["every_s"]
        self._top = spec["max_rpm"] * 1000
        self._started = False
        self._first = self._first_ms = 0  # at the begin of the record
        self._last = self._last_ms = 0  # at the last reading
        self._low = self._high = -1

    def channels(self):
        """Channel descriptions in the order of the values."""
        return [self._channel(i, "r/min", -3, 0, self._top) for i in range(3)]

    async def collect(self):
        """Count a part."""
        try:
            self._ready()
            total = self._device.total()
            now = ticks_ms()
            if not self._started:
                self._first, self._first_ms = total, now
                self._started = True
            elif ticks_diff(now, self._last_ms) >= _LEAST_MS:
                value = self._device.speed((total - self._last) & _WRAP, ticks_diff(now, self._last_ms))
                if self._low < 0 or value < self._low:
                    self._low = value
                self._high = max(self._high, value)
                self.fault = None
            else:
                return
            self._last, self._last_ms = total, now
        except NodeError as error:
            self._failed(error)
            self._started = False

    async def measure(self, out, at):
        """Close the record at its last reading, and begin the next one there."""
        for i in range(3):
            out[at + i] = None
        span = ticks_diff(self._last_ms, self._first_ms) if self._started else 0
        if span >= _LEAST_MS:
            try:
                out[at] = self._device.speed((self._last - self._first) & _WRAP, span)
                out[at + 1] = self._low
                out[at + 2] = self._high
            except NodeError as error:
                self._failed(error)
        self._first, self._first_ms = self._last, self._last_ms
        self._low = self._high = -1


SAMPLER = TachoSampler
