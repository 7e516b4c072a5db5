"""A window of an accelerometer with a FIFO, and its features.

The driver's module and device: the settings `rate_hz` and `range_g`; `full_scale` (counts at which a sample is
clipped), `scale_num` / `scale_den` (micro-g a count: 1..32767 / 1..128), `fifo` (samples its FIFO holds), `band_hz` (where
its filter ends the band), `restless` (its noise moves the lowest bit, so that equal samples are a fault); `probe()`,
`start()`, `stop()`, `overrun()`, `read_fifo(x, y, z, at, limit)` and `entries` as in `drivers/adxl345.py`.

Faults of the sensor, told apart from those of the machine, are found by `samplers/plausible.py`.

No allocation and no float from the opening of a window to its end: the buffers are made once and shared by
all windows.
"""

import gc
from array import array

from babbitt_node.dsp.features import vibration
from babbitt_node.dsp.intmath import muldiv
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import sleep_ms, ticks_diff, ticks_ms, ticks_us
from babbitt_node.samplers import Sampler

SETTINGS = (
    ("window", (64, 128, 256, 512, 1024), 512),
    ("loose_deg", 0, 90, 20),
    ("capture", 0, 16384, 0),
)

_RESTARTS = const(3)
_EMPTY_BURSTS = const(20)
_FEATURES = ("rms", "peak", "crest", "kurt")
_axes = []  # three array('h'), as long as the longest window so far; windows never overlap
_holder = [None]  # the sampler whose whole window they hold


def names(spec, driver):
    """See `samplers`."""
    found = ["%s.%s" % (axis, name) for axis in "xyz" for name in _FEATURES]
    return found + ["rate", "overflow", "clip"]


def busy_ms(spec):
    """See `samplers`."""
    return spec["window"] * 1000 // spec["rate_hz"] + 1


def check(spec, path, interval_s):
    """See `samplers`."""


def _shared(n):
    if not _axes or len(_axes[0]) < n:
        _axes.clear()
        _holder[0] = None
        gc.collect()
        _axes.extend([array("h", [0] * n) for _ in range(3)])
    return _axes


class VibrationSampler(Sampler):
    """One accelerometer.

    spec: an entry of `sensors` with rate_hz, range_g, window. interval_s: seconds between records. quiet:
    asyncio.Lock that keeps flash and network away while the window is open, or None.
    """

    windowed = True

    def __init__(self, spec, driver, device, interval_s, quiet=None):
        # Not before there is a sensor: a configuration is checked with less memory than it runs in.
        from babbitt_node.samplers.plausible import Plausible

        super().__init__(spec, driver, device)
        self._n = spec["window"]
        self.rate = spec["rate_hz"]
        self.every_s = interval_s
        self._range = spec["range_g"]
        self._quiet = quiet
        # Half of the FIFO, and at least four bursts a window: without two of them no rate could be told.
        self._pause = max(1, min(device.fifo // 2, self._n // 4) * 1000 // spec["rate_hz"])
        self._plausible = Plausible(self.id, device, spec["rate_hz"], spec["loose_deg"])
        self._out = array("i", [0] * 4)
        self._measured = None  # rate, mHz
        self._overflow = self._clip = self._span_us = self._span = self._first = self._opened = 0
        _shared(self._n)

    def channels(self):
        """Channel descriptions in the order of the values."""
        full = self._range * 1000000
        found = []
        for _ in range(3):
            found.append(self._channel(len(found), "g", -6, 0, full))
            found.append(self._channel(len(found), "g", -6, 0, 2 * full))
            found.append(self._channel(len(found), "", -3, 0, 32000))
            found.append(self._channel(len(found), "", -3, 0, self._n * 1000))
        found.append(self._channel(12, "Hz", -3, 0, self.rate * 2000))
        found.append(self._channel(13, "", 0, 0, self._n))
        found.append(self._channel(14, "", 0, 0, 3 * self._n))
        return found

    def describe(self):
        """Entry of `sensors` in the birth. The band ends at half the rate, or where the filter of the sensor ends it."""
        low = max(1, (self.rate + self._n - 1) // self._n)  # one period in the window
        found = super().describe()
        found.update(
            {"rate": self.rate, "window": self._n, "band": [low, min(self.rate // 2, self._device.band_hz)]}
        )
        return found

    async def measure(self, out, at):
        """Take a window and write its values; None each while the sensor has a fault."""
        for i in range(self.width):
            out[at + i] = None
        try:
            await self.again()
        except NodeError as error:
            self._failed(error)
            return
        self.fault = None
        axes = _shared(self._n)
        for axis in range(3):
            vibration(axes[axis], self._n, self._device.scale_num, self._device.scale_den, self._out, 0)
            for i in range(4):
                out[at + axis * 4 + i] = self._out[i]
        out[at + 12] = self._measured
        out[at + 13] = self._overflow
        out[at + 14] = self._clip

    async def again(self):
        """Take a window. Raises NodeError."""
        self._ready()
        gc.collect()
        _holder[0] = None
        if self._quiet is None:
            await self._window()
        else:
            async with self._quiet:
                await self._window()
        span = self._span_us
        self._measured = muldiv(self._span * 1000, 1000000, span) if span > 0 else None
        # Where samples were lost their number says nothing about the rate.
        rate = None if self._overflow else self._measured
        self._clip = self._plausible.judge(_shared(self._n), self._n, rate)
        _holder[0] = self

    def held(self):
        """The window in the buffers, if it is whole and of this sensor, or None: (three array('h'), ticks_ms of its
        first burst, samples of that, (samples, microseconds) between bursts, overruns, clipped samples, micro-g a
        count: numerator, denominator).
        """
        if _holder[0] is not self:
            return None
        span = (self._span, self._span_us)
        scale = self._device
        return (
            _axes,
            self._opened,
            self._first,
            span,
            self._overflow,
            self._clip,
            scale.scale_num,
            scale.scale_den,
        )

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
        self._span = self._span_us = 0
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
                if self._overflow > _EMPTY_BURSTS:
                    raise NodeError(
                        "fifo_overflow",
                        "%s: the FIFO runs over whenever it is read: a lower rate_hz, a faster bus" % self.id,
                    )
                if empty > _EMPTY_BURSTS:
                    raise NodeError(
                        "silent",
                        "%s: the FIFO stays empty: check the supply; the sensor may have been reset"
                        % self.id,
                    )
                continue
            if got == 0:
                begun = now
                first = self._first = count
                self._opened = ticks_ms()
            # What the FIFO held counts, not what was taken of it: the last burst takes only what the window
            # needs.
            self._span = got + device.entries - first
            self._span_us = ticks_diff(now, begun)
            got += count
        return True


SAMPLER = VibrationSampler
