"""The vibration sampler with settings that ask for more than the four features."""

import asyncio
import math

from chips import Time, use_virtual_time

from babbitt_node.drivers import adxl345
from babbitt_node.samplers import Sampler
from babbitt_node.samplers.vibration import VibrationSampler

use_virtual_time()


class Line:
    """A device that has a sine of 2000 counts at 50 Hz on x and y, and one of 500 on z; 3200 samples a second."""

    fifo = 32
    full_scale = 4096
    scale_num = 15625
    scale_den = 4
    entries = 0
    band_hz = 1600
    restless = True

    def __init__(self):
        self._at = self._since = 0

    def probe(self):
        pass

    def start(self):
        self._at = 0
        self._since = Time.now

    def stop(self):
        pass

    def overrun(self):
        return False

    def read_fifo(self, x, y, z, at, limit):
        self.entries = (Time.now - self._since) * 3200 // 1000000 - self._at
        count = min(self.entries, limit)
        for i in range(at, at + count):
            v = math.sin(2 * math.pi * 50 * self._at / 3200)
            x[i] = y[i] = int(2000 * v + 2000.5) - 2000
            z[i] = int(500 * v + 1000.5) - 1000 + 256
            self._at += 1
        return count


class Speed(Sampler):
    """The sampler of a tachometer, as far as another one looks at it."""

    width = 4
    id = "tach"
    names = ("mean", "min", "max", "slope")

    def __init__(self):
        pass

    def channels(self):
        return [self._channel(i, "r/min", -1, 0, 1000000) for i in range(4)]


def sampler_of(**changes):
    sensor = {"id": "vib", "driver": "adxl345", "bus": "spi0", "rate_hz": 3200, "range_g": 16}
    sensor.update({"loose_deg": 20, "capture": 0, "window": 512})
    sensor.update(changes)
    sampler = VibrationSampler(sensor, adxl345, Line(), 10)
    sampler.bind([Speed(), sampler])
    return sampler


def measured(sampler, speed):
    out = [speed, 7, 7, 7] + [7] * sampler.width
    asyncio.run(sampler.measure(out, 4))
    assert sampler.fault is None and out[1:4] == [7] * 3
    return {channel["id"]: out[4 + i] for i, channel in enumerate(sampler.channels())}


def test_the_sampler_measures_what_is_asked():
    sampler = sampler_of(axes="xz", features=["velocity", "peak"], peaks=1, window=512)
    got = measured(sampler, None)
    # A sine of 7.8125 g at 50 Hz: its velocity is a / (2 pi f), the RMS of that / sqrt(2).
    assert abs(got["vib.x.velocity"] - 172450) < 862 and abs(got["vib.z.velocity"] - 43112) < 215
    assert abs(got["vib.x.peak"] - 7812500) < 8000 and abs(got["vib.z.peak"] - 1953125) < 8000
    assert abs(got["vib.x.amp1"] - 7812500) < 39000 and abs(got["vib.z.amp1"] - 1953125) < 9700
    assert sampler.width == 2 * 4 + 3 and sampler.describe()["velocity"] == [13, 1000]
    assert "velocity" not in sampler_of(window=64).describe()


def test_the_speed_of_the_shaft_is_that_of_the_record_before():
    sampler = sampler_of(axes="x", features=[], window=512, rpm=3000)
    assert sampler._shaft([None] * 20) == 50000
    sampler.spec["rpm"] = "tach.mean"
    sampler.bind([Speed(), sampler])
    assert sampler._shaft([14820]) == 24700  # 1482.0 r/min
    assert sampler._shaft([None]) is None and sampler._shaft([0]) is None
    got = measured(sampler, None)
    assert [got["vib.x.%dx" % i] for i in (1, 2, 3)] == [None] * 3
