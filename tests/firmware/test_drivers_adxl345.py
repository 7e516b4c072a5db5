"""The ADXL345 and the vibration sampler on a chip that samples in virtual time, with the defects of a bench one at a time."""

import asyncio
from array import array

from chips import Accelerometer, I2c, Spi, Time, measured, use_virtual_time
from helpers import node_error, without_heap

from babbitt_node.drivers import adxl345
from babbitt_node.drivers.adxl345 import ADXL345
from babbitt_node.samplers.plausible import chord
from babbitt_node.samplers.vibration import VibrationSampler

use_virtual_time()


class Chip(Accelerometer):
    """Registers and FIFO of an ADXL345."""

    def __init__(self):
        super().__init__(0x3A, (0x00, 0xE5), 32, 256)
        self.limit = 4095
        self.even = False  # the lowest bit is 0, as at 1600 and 3200 Hz

    def sample(self):
        return [v & -2 if self.even else v for v in super().sample()]

    def read(self, register, offset):
        if register == 0x30:
            self.update()
            return 0x81 if self.losing() else 0x80
        if register == 0x39:
            return self.update()
        if register == 0x32:
            return self.queue[0][offset // 2] >> (offset % 2 * 8) & 0xFF
        return super().read(register, offset)

    def done(self, register, count):
        if register == 0x32:
            assert count == 6
            self.queue.pop(0)
            self.lost = False

    def write(self, register, value):
        super().write(register, value)
        if register == 0x2D:
            code = self.registers[0x2C] & 0x0F
            self.begin(3200000 >> 15 - code if value & 8 else 0)


def spi(chip):
    return Spi(chip, 0x3F)


def vibration(chip, **changes):
    spec = {"id": "vib", "driver": "adxl345", "bus": "spi0", "rate_hz": 3200, "range_g": 16, "window": 64}
    spec["loose_deg"], spec["capture"] = 20, 0
    spec.update(changes)
    return VibrationSampler(spec, adxl345, ADXL345(spi(chip), spec["rate_hz"], spec["range_g"]), 10)


def failed(sampler, fault):
    """One record, in which the sensor has a fault."""
    values = measured(sampler)
    assert sampler.fault == fault, (sampler.fault, sampler.detail)
    assert values == [None] * 15
    return sampler.detail


def fine(sampler):
    values = measured(sampler)
    assert sampler.fault is None, sampler.detail
    return values


def test_it_is_set_up_as_its_data_sheet_says():
    chip = Chip()
    for bus, address in ((spi(chip), None), (I2c(chip, 83), None), (I2c(chip, 29), 29)):
        device = ADXL345(bus, 1600, 4, address)
        device.probe()
        assert (chip.registers[0x2C], chip.registers[0x31]) == (0x0E, 0x09)
        device.start()
        assert chip.registers[0x38] == 0x80 and chip.registers[0x2D] == 0x08
        device.stop()
        assert chip.registers[0x2D] == 0
    node_error("config_invalid", ADXL345, spi(chip), 1000, 4)


def test_one_that_is_none():
    bus = spi(Chip())
    for answer in (0x00, 0xFF):
        bus.dead = answer
        assert "chip select" in node_error("no_device", ADXL345(bus).probe).detail
    bus.dead = None
    bus.chip.registers[0] = 0xE6
    assert "0xe6" in node_error("wrong_identity", ADXL345(bus).probe).detail
    assert "29" in node_error("no_device", ADXL345(I2c(Chip(), 83), address=29).probe).detail


def test_one_that_forgets_what_is_written():
    chip = Chip()
    chip.write = lambda register, value: None
    assert "0x2c" in node_error("no_device", ADXL345(spi(chip)).probe).detail


def test_it_reads_signed_samples_and_no_more_than_asked():
    for make in (spi, lambda chip: I2c(chip, 83)):
        chip = Chip()
        chip.queue = [(-4096, 4095, -1), (0, 1, -32768), (2, 3, 4)]
        device = ADXL345(make(chip))
        x, y, z = array("h", [9] * 4), array("h", [9] * 4), array("h", [9] * 4)
        assert device.read_fifo(x, y, z, 1, 2) == 2 and device.entries == 3
        assert (list(x), list(y), list(z)) == ([9, -4096, 0, 9], [9, 4095, 1, 9], [9, -1, -32768, 9])
        assert device.read_fifo(x, y, z, 3, 1) == 1 and x[3] == 2


class Silent:
    """Buses that cost nothing, for the count of allocations."""

    def transfer(self, tx, rx):
        rx[1] = 16 if tx[0] == 0x80 | 0x39 else 0x80


class SilentI2c:
    def write(self, address, data):
        pass

    def read_register(self, address, register, buf):
        buf[0] = 16


def test_reading_a_burst_allocates_nothing():
    x, y, z = array("h", [0] * 64), array("h", [0] * 64), array("h", [0] * 64)
    for bus in (Silent(), SilentI2c()):
        device = ADXL345(bus)
        assert without_heap(lambda device=device: device.read_fifo(x, y, z, 0, 64)) == 16
        assert without_heap(device.overrun) is False


def test_a_window_gives_its_15_channels():
    sampler = vibration(Chip())
    values = fine(sampler)
    channels = list(sampler.channels())
    assert len(channels) == len(values) == sampler.width == 15
    for i, channel in enumerate(channels):
        assert channel["lo"] <= values[i] <= channel["hi"], channel
    # Uniform noise in -100..100 counts: RMS 58 counts of 3906.25 micro-g, gravity removed.
    for rms in (values[0], values[4], values[8]):
        assert 180000 < rms < 275000
    assert 3100000 < values[12] < 3300000 and values[13:] == [0, 0]


def test_a_window_with_an_overrun_is_taken_again_and_a_fourth_one_is_told():
    chip = Chip()
    chip.loss = 3
    sampler = vibration(chip)
    assert fine(sampler)[13] == 0
    chip.loss = 5
    assert fine(sampler)[13] == 2


def test_a_window_can_be_had_as_long_as_nothing_else_is_in_its_buffers():
    first, second = vibration(Chip()), vibration(Chip())
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
    stuck = Chip()
    stuck.stuck = True
    third = vibration(stuck)
    measured(third)
    assert third.held() is None and second.held() is None


def test_clipped_samples_are_counted_and_too_many_are_a_fault():
    chip = Chip()
    sampler = vibration(chip)
    chip.gravity = (0, 0, 15640)
    values = fine(sampler)
    assert 0 < values[14] <= 6
    chip.gravity = (0, 0, 16000)
    assert "at the limit" in failed(sampler, "clipping")
    chip.even = True  # clipped at 4094 then
    failed(sampler, "clipping")
    chip.gravity = (0, 0, 1000)
    assert fine(sampler)[14] == 0


def test_a_stuck_accelerometer():
    chip = Chip()
    chip.stuck = True
    assert "64 equal samples" in failed(vibration(chip), "stuck")


def test_a_rate_within_15_percent_is_measured_and_beyond_it_a_fault():
    chip = Chip()
    sampler = vibration(chip, window=512)
    for error in (-100, 100):
        chip.error = error
        assert abs(fine(sampler)[12] - 3200 * (1000 + error)) < 32000
    for error in (-200, 200):
        chip.error = error
        assert "3200 Hz set" in failed(sampler, "wrong_rate")


def test_one_that_stops_is_probed_again():
    chip = Chip()
    sampler = vibration(chip)
    bus = sampler._device._registers.bus
    fine(sampler)
    chip.silent = True
    assert "stays empty" in failed(sampler, "silent")
    bus.dead = 0xFF
    failed(sampler, "no_device")
    assert sampler.describe()["fault"] == "no_device"
    bus.dead, chip.silent = None, False
    chip.registers[0] = 0xE6
    failed(sampler, "wrong_identity")
    chip.registers[0] = 0xE5
    assert fine(sampler)[0] > 0


def test_quiet_windows_tell_whether_gravity_is_what_the_sensor_feels():
    chip = Chip()
    chip.noise = 3
    sampler = vibration(chip)
    for gravity in ((0, 0, 1300), (0, 0, 700), (-600, 600, 500)):
        chip.gravity = gravity
        fine(vibration(chip))
    for gravity in ((0, 0, 0), (0, 0, 600), (1500, 0, 0), (900, 900, 900)):
        chip.gravity = gravity
        assert "gravity is 1000" in failed(sampler, "range")
    chip.noise = 100  # what shakes is not judged anew
    failed(sampler, "range")
    chip.noise, chip.gravity = 3, (0, 0, 1000)
    fine(sampler)
    chip.noise, chip.gravity = 100, (0, 0, 1800)
    fine(sampler)


def test_a_sensor_that_lies_otherwise_twice_is_loose():
    chip = Chip()
    chip.noise = 3
    sampler = vibration(chip)
    fine(sampler)
    chip.gravity = (300, 0, 954)  # 17 degrees
    fine(sampler)
    fine(sampler)
    chip.gravity = (0, 500, 866)  # 30 degrees: once may be a hand on the machine
    fine(sampler)
    assert "tighten" in failed(sampler, "loose")
    chip.noise = 100
    failed(sampler, "loose")  # nobody can tell while it shakes
    chip.noise, chip.gravity = 3, (0, 0, 1000)
    fine(sampler)
    turning = vibration(chip, loose_deg=0)
    for gravity in ((0, 0, 1000), (0, 0, -1000), (1000, 0, 0)):
        chip.gravity = gravity
        fine(turning)
        fine(turning)


def test_the_chord_of_an_angle():
    for degrees, length in ((0, 0), (10, 174), (20, 347), (45, 765), (60, 1000), (90, 1414)):
        assert abs(chord(degrees) - length) <= 4, degrees


def test_the_band_ends_where_the_filter_ends_it():
    assert vibration(Chip()).describe()["band"] == [50, 1600]
    assert Time.now > 0


def test_it_watches_for_a_shock_and_measures_on_afterwards():
    for wanted, threshold in ((1, 1), (62, 1), (63, 2), (1000, 16), (15937, 255)):
        chip = Chip()
        sensor = ADXL345(spi(chip), 3200, 16, None, wanted)
        assert sensor.watch()
        known = {0x24: threshold, 0x27: 0xF0, 0x2C: 0x1A, 0x2D: 0x08, 0x2E: 0x10, 0x2F: 0, 0x38: 0}
        assert {register: chip.registers[register] for register in known} == known
    sampler = vibration(chip)
    measured(sampler)
    assert sampler.fault is None, sampler.detail
    assert not sampler.watch() and not ADXL345(spi(chip)).watch()
    chip.registers[0x24] = 0
    chip.write = lambda register, value: None  # the wires
    node_error("no_device", sensor.watch)
