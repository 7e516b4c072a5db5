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
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal.compile import const
from babbitt_node.hal.port import once, sleep_ms, ticks_diff, ticks_ms, ticks_us
from babbitt_node.samplers import Sampler

_ASKED = (("axes", "xyz"), ("features", None), ("bands", []), ("peaks", 0), ("envelope", None), ("rpm", None))
SETTINGS = (
    ("window", (64, 128, 256, 512, 1024, 2048, 4096), 512),
    ("loose_deg", 0, 90, 20),
    ("capture", 0, 16384, 0),
) + _ASKED

_WINDOWS = const(64)  # of a waveform, as in `waves.py`
_RESTARTS = const(3)
_EMPTY_BURSTS = const(20)
_FEATURES = ["rms", "peak", "crest", "kurt"]
_axes = []  # three array('h'), as long as the longest window so far; windows never overlap
_holder = [None]  # the sampler whose whole window they hold


def names(spec, driver):
    """See `samplers`."""
    own = _FEATURES if _plain(spec) else once("dsp.asked", "names", spec)
    found = ["%s.%s" % (axis, name) for axis in spec.get("axes", "xyz") for name in own]
    return found + ["rate", "overflow", "clip"]


def busy_ms(spec):
    """See `samplers`."""
    return spec["window"] * 1000 // spec["rate_hz"] + 1


def check(spec, path, interval_s):
    """See `samplers`."""
    if spec["capture"] > _WINDOWS * spec["window"]:
        reason = "at most %d windows of %d samples, got %d" % (_WINDOWS, spec["window"], spec["capture"])
        raise ConfigError(path + ".capture", reason)
    for row in _ASKED:
        if spec[row[0]] is not row[1]:
            once("samplers.features", "check", spec, path)
            return
    spec["features"] = _FEATURES


def _plain(spec):
    """Whether it has no other features than those of every sensor, so that their code is not needed."""
    if spec.get("features") not in (None, _FEATURES):
        return False
    return not any(spec.get(key) for key in ("bands", "peaks", "envelope", "rpm"))


def _shared(n):
    if not _axes or len(_axes[0]) < n:
        _axes.clear()
        _holder[0] = None
        gc.collect()
        _axes.extend([array("h", bytes(2 * n)) for _ in range(3)])
    return _axes


class VibrationSampler(Sampler):
    """One accelerometer.

    spec: an entry of `sensors` with rate_hz, range_g and the SETTINGS above. interval_s: seconds between records. quiet:
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
        self._quiet = quiet
        # Half of the FIFO, and at least four bursts a window: without two of them no rate could be told.
        self._pause = max(1, min(device.fifo // 2, self._n // 4) * 1000 // spec["rate_hz"])
        self._plausible = Plausible(self.id, device, spec["rate_hz"], spec["loose_deg"])
        self._measured = None  # rate, mHz
        self._axes = ["xyz".index(axis) for axis in spec.get("axes", "xyz")]
        own = [name[2:] for name in self.names[: (self.width - 3) // len(self._axes)]]
        self._step = len(own)
        self._out = array("i", [0] * 4)
        self._plan = None
        if not _plain(spec):
            from babbitt_node.dsp.plan import Plan

            self._plan = Plan(spec, own, device.scale_num, device.scale_den)
        self._speed = None
        self._overflow = self._clip = self._span_us = self._span = self._first = self._opened = 0
        _shared(self._n)

    def channels(self):
        """Channel descriptions in the order of the values, each made when it is asked for."""
        return once("dsp.asked", "channels", self.id, self.names, self.spec)

    def describe(self):
        """Entry of `sensors` in the birth. The band ends at half the rate, or where the filter of the sensor ends it."""
        low = max(1, (self.rate + self._n - 1) // self._n)  # one period in the window
        found = super().describe()
        found.update(
            {"rate": self.rate, "window": self._n, "band": [low, min(self.rate // 2, self._device.band_hz)]}
        )
        if "velocity" in (self.spec.get("features") or ()):
            found["velocity"] = once(
                "dsp.asked", "covered", 10, min(1000, self._device.band_hz), self._n, self.rate
            )
        return found

    def watch(self):
        """See Sampler."""
        return bool(self.spec.get("wake_mg")) and self._device.watch()

    def bind(self, samplers):
        """Find the channel that gives the speed of the shaft."""
        if self.spec.get("rpm") is not None:
            self._speed = once("dsp.asked", "source", self.spec["rpm"], samplers)

    def _shaft(self, values):
        """Revolutions in 1000 s: from the settings, or those of the record before."""
        if self._speed is None:
            return None
        at, num, den = self._speed
        speed = 1 if at < 0 else values[at]
        return speed * num // den if speed and 0 < speed < 1000000 else None

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
        rate_mhz = None if self._overflow else self._measured  # lost samples have no rate
        shaft_mhz = self._shaft(out)
        axes = _shared(self._n)
        for axis in self._axes:
            if self._plan is not None:
                self._plan.write(axes[axis], rate_mhz, shaft_mhz, out, at)
            else:
                vibration(axes[axis], self._n, self._device.scale_num, self._device.scale_den, self._out, 0)
                for i in range(4):
                    out[at + i] = self._out[i]
            at += self._step
        out[at] = self._measured
        out[at + 1] = self._overflow
        out[at + 2] = self._clip

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
