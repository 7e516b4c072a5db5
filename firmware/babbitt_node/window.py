"""Samplers: a sensor becomes the values of its channels, once every record.

A sampler has `channels()`, the list of the birth; `begin()`, which starts what takes time (a conversion); the
coroutine `collect()`, which takes a reading between records; and the coroutine `measure(out, at)`, which
writes the values of the record (an int in +-(2^30-1) or None each) to the list out[at:at+width] and raises
nothing. `fault` is None or the name of the error that kept it from measuring, `detail` its text; the sensor
is probed again at the next record.

No allocation and no float from the opening of a window to its end: the buffers are made once and shared by
all windows.
"""

import gc
from array import array

from babbitt_node.drivers import adxl345, ds18b20
from babbitt_node.dsp.features import Slope, vibration
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import sleep_ms, ticks_diff, ticks_ms, ticks_us

_RESTARTS = const(3)
_EMPTY_BURSTS = const(20)
_SLOPE_RECORDS = const(16)
_axes = []  # three array('h'), as long as the longest window so far; windows never overlap


def _shared(n):
    if not _axes or len(_axes[0]) < n:
        _axes.clear()
        gc.collect()
        _axes.extend([array("h", [0] * n) for _ in range(3)])
    return _axes


class _Sampler:
    """What both have in common: the fault and the probing."""

    def __init__(self, spec, device):
        self.spec = spec
        self.id = spec["id"]
        self.driver = spec["driver"]
        self.fault = None
        self.detail = ""
        self._device = device
        self._probed = False

    def begin(self):
        """Start what takes time. Raises nothing."""

    async def collect(self):
        """Take a reading between records. Raises nothing."""

    def _ready(self):
        if not self._probed:
            self._device.probe()
            self._probed = True

    def _failed(self, error):
        """Keep the name of an error; the sensor is probed again."""
        self.fault = error.name
        self.detail = error.detail
        self._probed = False


class VibrationSampler(_Sampler):
    """A window of an accelerometer with a FIFO: 15 channels.

    spec: an entry of `sensors` with rate_hz, range_g, window. device: an `ADXL345` or what behaves like it.
    interval_s: seconds between records. quiet: asyncio.Lock that keeps flash and network away while the
    window is open, or None.
    """

    width = 15

    def __init__(self, spec, device, interval_s, quiet=None):
        super().__init__(spec, device)
        self._n = spec["window"]
        self.rate = spec["rate_hz"]
        self.every_s = interval_s
        self._range = spec["range_g"]
        self._quiet = quiet
        self._pause = 16000 // spec["rate_hz"]  # half of the FIFO's 32 entries
        self._out = array("i", [0] * 4)
        self._overflow = self._clip = self._span_us = self._span = 0
        _shared(self._n)

    def channels(self):
        """Channel descriptions in the order of the values."""
        full = self._range * 1000000
        found = []
        for axis in "xyz":
            name = "%s.%s." % (self.id, axis)
            found.append({"id": name + "rms", "unit": "g", "exp": -6, "lo": 0, "hi": full})
            found.append({"id": name + "peak", "unit": "g", "exp": -6, "lo": 0, "hi": 2 * full})
            found.append({"id": name + "crest", "unit": "", "exp": -3, "lo": 0, "hi": 32000})
            found.append({"id": name + "kurt", "unit": "", "exp": -3, "lo": 0, "hi": self._n * 1000})
        found.append({"id": self.id + ".rate", "unit": "Hz", "exp": -3, "lo": 0, "hi": self.rate * 2000})
        found.append({"id": self.id + ".overflow", "unit": "", "exp": 0, "lo": 0, "hi": self._n})
        found.append({"id": self.id + ".clip", "unit": "", "exp": 0, "lo": 0, "hi": 3 * self._n})
        return found

    def describe(self):
        """Entry of `sensors` in the birth. The band ends at half the rate, the filter of the sensor."""
        low = max(1, (self.rate + self._n - 1) // self._n)  # one period in the window
        return {
            "id": self.id,
            "driver": self.driver,
            "fault": self.fault,
            "rate": self.rate,
            "window": self._n,
            "band": [low, self.rate // 2],
        }

    async def measure(self, out, at):
        """Take a window and write its 15 values; None each while the sensor has a fault."""
        for i in range(self.width):
            out[at + i] = None
        try:
            self._ready()
            gc.collect()
            if self._quiet is None:
                await self._window()
            else:
                async with self._quiet:
                    await self._window()
            self._judge()
        except NodeError as error:
            self._failed(error)
            return
        self.fault = None
        axes = _shared(self._n)
        for axis in range(3):
            vibration(axes[axis], self._n, adxl345.SCALE_NUM, adxl345.SCALE_DEN, self._out, 0)
            for i in range(4):
                out[at + axis * 4 + i] = self._out[i]
        out[at + 12] = self._span * 1000000000 // self._span_us if self._span_us > 0 else None
        out[at + 13] = self._overflow
        out[at + 14] = self._clip

    async def _window(self):
        """Fill the axes. A window that lost samples is begun again; the fourth is taken as it is, with the
        count of its overruns.
        """
        device = self._device
        x, y, z = _shared(self._n)
        for attempt in range(_RESTARTS + 1):
            self._overflow = 0
            try:
                device.start()
                if await self._fill(device, x, y, z, attempt == _RESTARTS):
                    return
            finally:
                device.stop()

    async def _fill(self, device, x, y, z, last_try):
        n = self._n
        pause = self._pause
        got = first = empty = 0
        begun = 0
        while got < n:
            await sleep_ms(pause)
            if device.overrun():
                self._overflow += 1
                if not last_try:
                    return False
            now = ticks_us()
            count = device.read_fifo(x, y, z, got, n - got)
            if count == 0:
                empty += 1
                if empty > _EMPTY_BURSTS:
                    raise NodeError(
                        "timeout",
                        "%s: the FIFO stays empty: check the supply; the sensor may have been reset"
                        % self.id,
                    )
                continue
            if got == 0:
                begun = now
                first = count
            # What the FIFO held counts, not what was taken of it: the last burst takes only what the window
            # needs.
            self._span = got + device.entries - first
            self._span_us = ticks_diff(now, begun)
            got += count
        return True

    def _judge(self):
        """Count clipped samples. Raises NodeError stuck when no axis moved at all."""
        limit = self._device.full_scale
        high = limit - 1
        low = -limit
        clip = 0
        moved = False
        for axis in _shared(self._n):
            before = axis[0]
            for i in range(self._n):
                v = axis[i]
                if v != before:
                    moved = True
                if v >= high or v <= low:
                    clip += 1
        self._clip = clip
        if not moved:
            raise NodeError(
                "stuck",
                "%s: %d equal samples on all axes: the sensor hangs or its data line is broken"
                % (self.id, self._n),
            )


class TemperatureSampler(_Sampler):
    """Readings of a thermometer every `every_s`, given as mean, min, max and slope of the record: 4 channels.

    spec: an entry of `sensors` with every_s. device: a `DS18B20` or what behaves like it. interval_s: seconds
    between records.
    """

    width = 4

    def __init__(self, spec, device, interval_s):
        super().__init__(spec, device)
        self.every_s = spec["every_s"]
        self._interval_s = interval_s
        self._slope = Slope(_SLOPE_RECORDS)
        self._converting = False
        self._due = 0
        self._sum = self._count = self._min = self._max = 0

    def channels(self):
        """Channel descriptions in the order of the values."""
        found = [
            {"id": "%s.%s" % (self.id, name), "unit": "degC", "exp": -3, "lo": -55000, "hi": 125000}
            for name in ("mean", "min", "max")
        ]
        found.append(
            {"id": self.id + ".slope", "unit": "degC/h", "exp": -3, "lo": -1073741823, "hi": 1073741823}
        )
        return found

    def describe(self):
        """Entry of `sensors` in the birth."""
        return {"id": self.id, "driver": self.driver, "fault": self.fault}

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
        """Wait for the conversion that was begun and add its value."""
        if not self._converting:
            return
        left = ds18b20.CONVERT_MS - ticks_diff(ticks_ms(), self._due)
        if left > 0:
            await sleep_ms(left)
        self._converting = False
        try:
            value = self._device.read()
        except NodeError as error:
            self._failed(error)
            return
        self.fault = None
        if self._count == 0 or value < self._min:
            self._min = value
        if self._count == 0 or value > self._max:
            self._max = value
        self._sum += value
        self._count += 1

    async def measure(self, out, at):
        """Close the record. Readings of the record count even if the last one failed; without any, all
        values are None.
        """
        if self._count == 0:
            mean = out[at] = out[at + 1] = out[at + 2] = None
        else:
            mean = out[at] = (self._sum + self._count // 2) // self._count
            out[at + 1] = self._min
            out[at + 2] = self._max
        self._slope.add(mean)
        out[at + 3] = self._slope.per_hour(self._interval_s)
        self._sum = self._count = 0
