"""The DS18B20 and the sampler of slow sensors on a bus that answers like the chip, with the defects of a bench one at a time."""

import asyncio

from chips import crc8, measured
from helpers import node_error

from babbitt_node.drivers import ds18b20
from babbitt_node.drivers.ds18b20 import DS18B20
from babbitt_node.errors import NodeError
from babbitt_node.samplers.scalar import ScalarSampler


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
