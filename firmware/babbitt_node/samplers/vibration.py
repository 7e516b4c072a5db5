"""A window of an accelerometer with a FIFO, and its features.

The driver's module and device: RATES (Hz, what `rate_hz` may be), `full_scale` (counts at which a sample is
clipped), `scale_num` / `scale_den` (micro-g a count: 1..32767 / 1..128), `fifo` (samples its FIFO holds); `probe()`,
`start()`, `stop()`, `overrun()`, `read_fifo(x, y, z, at, limit)` and `entries` as in `drivers/adxl345.py`.

No allocation and no float from the opening of a window to its end: the buffers are made once and shared by
all windows.
"""

import gc
from array import array

from babbitt_node.dsp.features import vibration
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import sleep_ms, ticks_diff, ticks_us
from babbitt_node.samplers import Sampler

SETTINGS = (("window", (64, 128, 256, 512, 1024), 512),)

_RESTARTS = const(3)
_EMPTY_BURSTS = const(20)
_FEATURES = ("rms", "peak", "crest", "kurt")
_axes = []  # three array('h'), as long as the longest window so far; windows never overlap


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
        super().__init__(spec, driver, device)
        self._n = spec["window"]
        self.rate = spec["rate_hz"]
        self.every_s = interval_s
        self._range = spec["range_g"]
        self._quiet = quiet
        self._pause = max(1, device.fifo * 500 // spec["rate_hz"])  # half of the FIFO
        self._out = array("i", [0] * 4)
        self._overflow = self._clip = self._span_us = self._span = 0
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
        """Entry of `sensors` in the birth. The band ends at half the rate, the filter of the sensor."""
        low = max(1, (self.rate + self._n - 1) // self._n)  # one period in the window
        found = super().describe()
        found.update({"rate": self.rate, "window": self._n, "band": [low, self.rate // 2]})
        return found

    async def measure(self, out, at):
        """Take a window and write its values; None each while the sensor has a fault."""
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
            vibration(axes[axis], self._n, self._device.scale_num, self._device.scale_den, self._out, 0)
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


SAMPLER = VibrationSampler
