"""Readings of a slow sensor every `every_s`, given as mean, min, max of the record and slope over records.

The driver's module and device: QUANTITIES, a row (name, unit, exp, lo, hi) for each quantity it reads, the name
empty where there is one only, or a function of the sensor's spec that gives these rows; `convert_ms`, how long a
conversion takes; `probe()`, `convert()`, and `read(out)`, which writes one int a quantity to the list `out`.
"""

from babbitt_node.dsp.features import Slope
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import sleep_ms, ticks_diff, ticks_ms
from babbitt_node.samplers import Sampler

SETTINGS = (("every_s", 1, 3600, None),)

_SLOPE_RECORDS = const(16)
_MAX = const(1073741823)
_VALUES = ("mean", "min", "max", "slope")


def _rows(spec, driver):
    rows = driver.QUANTITIES
    return rows(spec) if callable(rows) else rows


def names(spec, driver):
    """See `samplers`."""
    found = []
    for row in _rows(spec, driver):
        found += ["%s.%s" % (row[0], name) if row[0] else name for name in _VALUES]
    return found


def busy_ms(spec):
    """See `samplers`: a conversion runs by itself."""
    return 0


def check(spec, path, interval_s):
    """See `samplers`: a reading at least once a record."""
    from babbitt_node.rules import every_s  # not for the measuring

    every_s(spec, path, interval_s)


class _Quantity:
    """What one quantity gave in this record."""

    def __init__(self):
        self.slope = Slope(_SLOPE_RECORDS)
        self.sum = self.count = self.min = self.max = 0

    def add(self, value):
        if self.count == 0 or value < self.min:
            self.min = value
        if self.count == 0 or value > self.max:
            self.max = value
        self.sum += value
        self.count += 1

    def close(self, out, at, interval_s):
        """Write mean, min, max, slope; without a reading the first three are None."""
        if self.count == 0:
            mean = out[at] = out[at + 1] = out[at + 2] = None
        else:
            mean = out[at] = (self.sum + self.count // 2) // self.count
            out[at + 1] = self.min
            out[at + 2] = self.max
        self.slope.add(mean)
        out[at + 3] = self.slope.per_hour(interval_s)
        self.sum = self.count = 0


class ScalarSampler(Sampler):
    """One slow sensor.

    spec: an entry of `sensors` with every_s. interval_s: seconds between records. quiet: not needed, a reading
    disturbs nobody.
    """

    def __init__(self, spec, driver, device, interval_s, quiet=None):
        super().__init__(spec, driver, device)
        self.every_s = spec["every_s"]
        self._interval_s = interval_s
        self._rows = _rows(spec, driver)
        self._quantities = [_Quantity() for _ in self._rows]
        self._read = [0] * len(self._rows)
        self._converting = False
        self._due = 0

    def channels(self):
        """Channel descriptions in the order of the values."""
        found = []
        for _, unit, exp, lo, hi in self._rows:
            for _ in range(3):
                found.append(self._channel(len(found), unit, exp, lo, hi))
            found.append(self._channel(len(found), unit + "/h", exp, -_MAX, _MAX))
        return found

    def memories(self):
        """The slopes."""
        return [quantity.slope for quantity in self._quantities]

    def begin(self):
        """Start a conversion."""
        try:
            self._ready()
            self._device.convert()
            self._due = ticks_ms()
            self._converting = True
        except NodeError as error:
            self._failed(error)

    async def collect(self):
        """Wait for the conversion that was begun and add its values."""
        if not self._converting:
            return
        left = self._device.convert_ms - ticks_diff(ticks_ms(), self._due)
        if left > 0:
            await sleep_ms(left)
        self._converting = False
        try:
            self._device.read(self._read)
        except NodeError as error:
            self._failed(error)
            return
        self.fault = None
        for i, quantity in enumerate(self._quantities):
            quantity.add(self._read[i])

    async def measure(self, out, at):
        """Close the record. Readings of the record count even if the last one failed; without any, the values
        are None.
        """
        for quantity in self._quantities:
            quantity.close(out, at, self._interval_s)
            at += len(_VALUES)


SAMPLER = ScalarSampler
