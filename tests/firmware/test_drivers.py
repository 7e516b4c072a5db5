"""Drivers and samplers on buses that answer like the chips, with the defects of a bench one at a time."""

import asyncio
from array import array

from helpers import Random, node_error, without_heap

from babbitt_node.drivers import adxl345, ds18b20
from babbitt_node.drivers.adxl345 import ADXL345
from babbitt_node.drivers.ds18b20 import DS18B20
from babbitt_node.errors import NodeError
from babbitt_node.samplers.scalar import ScalarSampler
from babbitt_node.samplers.vibration import VibrationSampler


class Accelerometer:
    """Registers and FIFO of an ADXL345 on SPI; `produce` samples come with every look at its status."""

    def __init__(self, produce=16):
        self.registers = bytearray(0x3A)
        self.registers[0] = 0xE5
        self.produce = produce
        self.fifo = []
        self.taken = 0
        self.overruns = 0
        self.stuck = False
        self.dead = None
        self.offset = 256
        self._random = Random(1)

    def transfer(self, tx, rx):
        assert len(tx) == len(rx)
        if self.dead is not None:
            for i in range(len(rx)):
                rx[i] = self.dead
            return
        register = tx[0] & 0x3F
        if not tx[0] & 0x80:
            self.registers[register] = tx[1]
            if register == 0x38 and tx[1] == 0:
                self.fifo.clear()
        elif register == 0x32:
            assert tx[0] & 0x40 and len(tx) == 7
            for axis, value in enumerate(self.fifo.pop(0)):
                rx[1 + 2 * axis] = value & 0xFF
                rx[2 + 2 * axis] = value >> 8 & 0xFF
        elif register == 0x39:
            for _ in range(self.produce):
                noise = 0 if self.stuck else self._random.between(-100, 100)
                self.fifo.append((noise, -noise, noise + self.offset))
            rx[1] = len(self.fifo)
        elif register == 0x30:
            rx[1] = 0x80
            if self.overruns:
                self.overruns -= 1
                rx[1] = 0x81
        else:
            rx[1] = self.registers[register]


def vibration(bus, **changes):
    spec = {"id": "vib", "driver": "adxl345", "bus": "spi0", "rate_hz": 3200, "range_g": 16, "window": 64}
    spec.update(changes)
    return VibrationSampler(spec, adxl345, ADXL345(bus, spec["rate_hz"], spec["range_g"]), 10)


def measured(sampler):
    out = [7] * (sampler.width + 1)

    async def run():
        sampler.begin()
        await sampler.collect()
        await sampler.measure(out, 1)

    asyncio.run(run())
    assert out[0] == 7
    return out[1:]


def test_adxl345_is_set_up_as_its_data_sheet_says():
    bus = Accelerometer()
    device = ADXL345(bus, 1600, 4)
    device.probe()
    assert (bus.registers[0x2C], bus.registers[0x31]) == (0x0E, 0x09)
    device.start()
    assert bus.registers[0x38] == 0x80 and bus.registers[0x2D] == 0x08
    device.stop()
    assert bus.registers[0x2D] == 0
    node_error("config_invalid", ADXL345, bus, 1000, 4)


def test_adxl345_that_is_none():
    bus = Accelerometer()
    for answer in (0x00, 0xFF):
        bus.dead = answer
        assert "chip select" in node_error("no_device", ADXL345(bus).probe).detail
    bus.dead = None
    bus.registers[0] = 0xE6
    assert "0xe6" in node_error("wrong_identity", ADXL345(bus).probe).detail


def test_adxl345_that_forgets_what_is_written():
    bus = Accelerometer()
    real = bus.transfer

    def deaf(tx, rx):
        if tx[0] != 0x2C:
            real(tx, rx)

    bus.transfer = deaf
    assert "0x2c" in node_error("no_device", ADXL345(bus).probe).detail


def test_adxl345_reads_signed_samples_and_no_more_than_asked():
    bus = Accelerometer(produce=0)
    bus.fifo = [(-4096, 4095, -1), (0, 1, -32768), (2, 3, 4)]
    device = ADXL345(bus)
    x, y, z = array("h", [9] * 4), array("h", [9] * 4), array("h", [9] * 4)
    assert device.read_fifo(x, y, z, 1, 2) == 2 and device.entries == 3
    assert (list(x), list(y), list(z)) == ([9, -4096, 0, 9], [9, 4095, 1, 9], [9, -1, -32768, 9])
    assert device.read_fifo(x, y, z, 3, 1) == 1 and x[3] == 2


class Silent:
    """A bus that costs nothing, for the count of allocations."""

    def transfer(self, tx, rx):
        rx[1] = 16 if tx[0] == 0x80 | 0x39 else 0x80


def test_reading_a_burst_allocates_nothing():
    device = ADXL345(Silent())
    x, y, z = array("h", [0] * 64), array("h", [0] * 64), array("h", [0] * 64)

    assert without_heap(lambda: device.read_fifo(x, y, z, 0, 64)) == 16
    assert without_heap(device.overrun) is False


def test_a_window_gives_its_15_channels():
    sampler = vibration(Accelerometer())
    values = measured(sampler)
    assert sampler.fault is None and None not in values
    channels = sampler.channels()
    assert len(channels) == len(values) == sampler.width == 15
    for i, channel in enumerate(channels):
        value = values[i]
        if channel["id"] != "vib.rate":  # the bus of this test does not run in time
            assert channel["lo"] <= value <= channel["hi"], channel
    # Uniform noise in -100..100 counts: RMS 58 counts of 3906.25 micro-g, gravity removed.
    for rms in (values[0], values[4], values[8]):
        assert 180000 < rms < 275000
    assert values[12] > 0 and values[13:] == [0, 0]


def test_a_window_with_an_overrun_is_taken_again_and_a_fourth_one_is_told():
    bus = Accelerometer()
    bus.overruns = 3
    sampler = vibration(bus)
    assert measured(sampler)[13] == 0
    bus.overruns = 5
    assert measured(sampler)[13] == 2 and sampler.fault is None


def test_a_window_can_be_had_as_long_as_nothing_else_is_in_its_buffers():
    first, second = vibration(Accelerometer()), vibration(Accelerometer())
    assert first.held() is None
    measured(first)
    axes, opened, count, span, overflow, clip, num, den = first.held()
    assert len(axes) == 3 and count > 0 and span[0] > 0 and span[1] > 0
    assert (overflow, clip, num, den) == (0, 0, 15625, 4)
    before = opened
    asyncio.run(first.again())
    assert first.held()[0][0] is axes[0] and first.held()[1] >= before
    measured(second)
    assert first.held() is None and second.held() is not None
    stuck = Accelerometer()
    stuck.stuck = True
    third = vibration(stuck)
    measured(third)
    assert third.held() is None and second.held() is None


def test_clipped_samples_are_counted():
    bus = Accelerometer()
    bus.offset = 4095
    values = measured(vibration(bus))
    assert 15 < values[14] < 50


def test_a_stuck_accelerometer():
    bus = Accelerometer()
    bus.stuck = True
    sampler = vibration(bus)
    assert measured(sampler) == [None] * 15 and sampler.fault == "stuck"


def test_an_accelerometer_that_stops_is_probed_again():
    bus = Accelerometer()
    sampler = vibration(bus)
    measured(sampler)
    bus.produce = 0
    assert measured(sampler) == [None] * 15 and sampler.fault == "timeout"
    bus.dead = 0xFF
    assert measured(sampler) == [None] * 15 and sampler.fault == "no_device"
    assert sampler.describe()["fault"] == "no_device"
    bus.dead, bus.produce = None, 16
    assert measured(sampler)[0] > 0 and sampler.fault is None


def crc8(data):
    crc = 0
    for byte in data:
        for _ in range(8):
            mix = (crc ^ byte) & 1
            crc >>= 1
            if mix:
                crc ^= 0x8C
            byte >>= 1
    return crc


def with_crc(data):
    return bytes(data) + bytes([crc8(data)])


class Thermometers:
    """A 1-Wire bus with DS18B20s that all show `raw`; `pad` replaces the scratchpad."""

    def __init__(self, *roms):
        self.roms = list(roms)
        self.raw = 0x0191  # 25.0625 degrees C, from the data sheet
        self.sixth = 0x10
        self.config = 0x7F
        self.pad = None
        self.written = []

    def reset(self):
        return bool(self.roms)

    def scan(self):
        return self.roms

    def select(self, rom):
        if rom not in self.roms:
            raise NodeError("no_device", "nobody")

    def write(self, data):
        self.written.append(bytes(data))

    def readinto(self, buf):
        raw = self.raw & 0xFFFF
        pad = self.pad or with_crc([raw & 0xFF, raw >> 8, 0, 0, self.config, 0xFF, self.sixth, 0x10])
        for i in range(9):
            buf[i] = pad[i]

    def crc8(self, data):
        return crc8(data)


ROM = with_crc([0x28, 1, 2, 3, 4, 5, 6])
OTHER = with_crc([0x28, 9, 2, 3, 4, 5, 6])


def hexed(rom):
    return "".join("%02x" % b for b in rom)


def reading(device):
    out = [None]
    device.read(out)
    return out[0]


def test_ds18b20_reads_the_values_of_its_data_sheet():
    bus = Thermometers(ROM)
    device = DS18B20(bus)
    device.probe()
    assert b"\x4e\x00\x00\x7f" in bus.written
    for raw, value in (
        (0x07D0, 125000),
        (0x0191, 25062),
        (0x0008, 500),
        (0, 0),
        (-8, -500),
        (-0x0192, -25125),
        (-0x0370, -55000),
    ):
        bus.raw = raw
        assert reading(device) == value, raw


def test_ds18b20_true_85_degrees_are_a_value_and_those_of_power_on_are_none():
    bus = Thermometers(ROM)
    device = DS18B20(bus)
    device.probe()
    bus.raw = 0x0550
    assert reading(device) == 85000
    bus.sixth = 0x0C
    node_error("power_on_value", device.read, [0])


def test_ds18b20_bad_readings():
    bus = Thermometers(ROM)
    device = DS18B20(bus)
    device.probe()
    bus.raw = 0x0800
    node_error("range", device.read, [0])
    bus.pad = b"\x91\x01\x00\x00\x7f\xff\x10\x10\x00"
    node_error("crc", device.read, [0])
    bus.pad = bytes(9)
    node_error("crc", device.read, [0])
    bus.pad = b"\xff" * 9
    node_error("no_device", device.read, [0])


def test_ds18b20_finds_the_one_that_is_meant():
    assert "4.7 kOhm" in node_error("no_device", DS18B20(Thermometers()).probe).detail
    both = Thermometers(ROM, OTHER)
    error = node_error("wrong_identity", DS18B20(both).probe)
    assert hexed(ROM) in error.detail and hexed(OTHER) in error.detail
    DS18B20(both, hexed(OTHER)).probe()
    node_error("no_device", DS18B20(Thermometers(OTHER), hexed(ROM)).probe)
    node_error("wrong_identity", DS18B20(Thermometers(with_crc([0x10, 1, 2, 3, 4, 5, 6]))).probe)
    node_error("crc", DS18B20(Thermometers(ROM[:7] + b"\x00")).probe)
    coarse = Thermometers(ROM)
    coarse.config = 0x1F
    node_error("wrong_identity", DS18B20(coarse).probe)


def temperature(bus):
    device = DS18B20(bus)
    device.convert_ms = 0  # nobody waits in a test
    return ScalarSampler({"id": "temp", "driver": "ds18b20", "every_s": 5}, ds18b20, device, 10)


def test_a_record_of_temperature_is_mean_min_max_and_slope():
    bus = Thermometers(ROM)
    sampler = temperature(bus)
    out = [None] * 4

    async def record(*raws):
        for raw in raws:
            bus.raw = raw
            sampler.begin()
            await sampler.collect()
        await sampler.measure(out, 0)

    asyncio.run(record(16, 32, 48))
    assert out == [2000, 1000, 3000, None] and sampler.fault is None
    asyncio.run(record(64))
    assert out == [4000, 4000, 4000, 720000]  # 2 degrees in 10 s
    asyncio.run(record())
    assert out[:3] == [None] * 3
    assert len(sampler.channels()) == sampler.width == 4


def test_a_thermometer_that_leaves_and_returns():
    bus = Thermometers(ROM)
    sampler = temperature(bus)
    assert measured(sampler)[0] == 25062
    bus.roms = []
    assert measured(sampler)[:3] == [None] * 3 and sampler.fault == "no_device"
    bus.roms = [ROM]
    bus.pad = b"\x91\x01\x00\x00\x7f\xff\x10\x10\x00"
    assert measured(sampler)[:3] == [None] * 3 and sampler.fault == "crc"
    bus.pad = None
    assert measured(sampler)[0] == 25062 and sampler.fault is None
