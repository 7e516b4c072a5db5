"""LIS3DH, MPU-6050 / MPU-6500 and IIS3DWB on chips that sample in virtual time."""

from array import array

from chips import Accelerometer, I2c, Spi, Time, measured, use_virtual_time
from helpers import node_error, without_heap

from babbitt_node import drivers
from babbitt_node.samplers.vibration import VibrationSampler

use_virtual_time()


class Lis3dh(Accelerometer):
    RATES = {0x9: 1344000, 0x7: 400000, 0x6: 200000, 0x5: 100000}

    def __init__(self):
        super().__init__(0x40, (0x0F, 0x33), 32, 250)  # 8 g: 4 mg a count
        self.limit = 2047
        self.noise = 20

    def read(self, register, offset):
        if register == 0x2F:
            count = self.update()
            if self.loss and not self.lost:
                self.loss -= 1
                self.lost = True
                self.queue += [self.sample() for _ in range(32 - count)]
                count = 32
            return (0x40 if self.lost else 0) | min(count, 31)
        if register == 0x28:
            return self.queue[offset // 6][offset % 6 // 2] << 4 >> (offset % 2 * 8) & 0xFF
        return super().read(register, offset)

    def done(self, register, count):
        if register == 0x28:
            del self.queue[: count // 6]
            self.lost = False

    def write(self, register, value):
        super().write(register, value)
        if register == 0x20:
            self.begin(self.RATES.get(value >> 4, 0))


class Mpu(Accelerometer):
    def __init__(self, identity=0x68):
        super().__init__(0x80, (0x75, identity), 85 if identity == 0x70 else 170, 4096)  # 8 g
        self.registers[0x6B] = 0x40  # asleep

    def read(self, register, offset):
        if register == 0x3A:
            lost = self.update() > 0 and self.losing()
            self.lost = False
            return 0x10 if lost else 0
        if register == 0x72:
            return self.update() * 6 >> 8
        if register == 0x73:
            return len(self.queue) * 6 & 0xFF
        if register == 0x74:
            return self.queue[offset // 6][offset % 6 // 2] >> (8 - offset % 2 * 8) & 0xFF
        return super().read(register, offset)

    def done(self, register, count):
        if register == 0x74:
            del self.queue[: count // 6]

    def write(self, register, value):
        if self.registers[0x6B] & 0x40 and register != 0x6B:
            return
        super().write(register, value)
        if register == 0x6A and value & 0x04:
            self.registers[0x6A] &= 0xFB
            self.begin(self.rate)
        if register == 0x6A and value & 0x40:
            self.begin(1000000 // (1 + self.registers[0x19]) if self.registers[0x23] & 0x08 else 0)


class Iis3dwb(Accelerometer):
    def __init__(self):
        super().__init__(0x80, (0x0F, 0x7B), 512, 2049)  # 16 g: 488 micro-g a count
        self.tag = 0x02
        self.counting = False
        self.count = 0
        self.damage = 0  # a bit of the tag that arrives wrong

    def head(self):
        value = self.tag << 3 | (self.count & 3) << 1
        ones = sum(value >> i & 1 for i in range(8))
        return (value | (ones & 1)) ^ self.damage

    def read(self, register, offset):
        if register == 0x3A:
            self.counting = True  # the high bits follow, nobody asks for losses
            return self.update() & 0xFF
        if register == 0x3B:
            lost = not self.counting and self.update() > 0 and self.losing()
            self.counting = self.lost = False
            return len(self.queue) >> 8 | (0x48 if lost else 0)
        if register == 0x78:
            if offset % 7 == 0:
                self.count += 1
                return self.head()
            at = offset % 7 - 1
            return self.queue[offset // 7][at // 2] >> (at % 2 * 8) & 0xFF
        return super().read(register, offset)

    def done(self, register, count):
        if register == 0x78:
            del self.queue[: count // 7]

    def write(self, register, value):
        super().write(register, value)
        if register in (0x0A, 0x10):
            on = self.registers[0x10] >> 5 == 5 and self.registers[0x0A] & 7 == 6
            self.begin(26667000 if on else 0)


def cases():
    """(name, chip, bus, settings): every accelerometer on every bus it can sit on."""
    for name, make, more, address in (
        ("lis3dh", Lis3dh, 0x3F, 24),
        ("mpu6050", lambda: Mpu(0x70), 0x7F, 104),
    ):
        chip = make()
        yield name, chip, Spi(chip, more)
        chip = make()
        yield name, chip, I2c(chip, address)
    chip = Mpu(0x68)
    yield "mpu6050", chip, I2c(chip, 104)
    chip = Iis3dwb()
    yield "iis3dwb", chip, Spi(chip)


def sampler_of(name, bus, **changes):
    driver = drivers.module(name)
    spec = {"id": "vib", "driver": name, "bus": "b", "window": 256, "loose_deg": 20, "capture": 0}
    for row in driver.SETTINGS:
        spec[row[0]] = row[-1]
    spec.update(changes)
    device = driver.DEVICE(bus, *[spec[row[0]] for row in driver.SETTINGS])
    return VibrationSampler(spec, driver, device, 10)


def test_every_one_gives_a_window_with_gravity_noise_and_rate():
    for name, chip, bus in cases():
        sampler = sampler_of(name, bus)
        values = measured(sampler)
        assert sampler.fault is None, (name, sampler.fault, sampler.detail)
        # Uniform noise has an RMS of its limit / sqrt(3).
        wanted = chip.noise * 1000000 // chip.g * 100 // 173
        for rms in (values[0], values[4], values[8]):
            assert wanted * 8 // 10 < rms < wanted * 12 // 10, (name, rms, wanted)
        nominal = sampler.rate * 1000
        assert abs(values[12] - nominal) < nominal // 25, (name, values[12])
        assert values[13:] == [0, 0], name
        for i, channel in enumerate(sampler.channels()):
            assert channel["lo"] <= values[i] <= channel["hi"], channel


def test_every_one_says_what_it_is_not():
    for name, chip, bus in cases():
        device = sampler_of(name, bus)._device
        register, value = chip.identity
        chip.registers[register] = 0x5A
        assert "0x5a" in node_error("wrong_identity", device.probe).detail
        chip.registers[register] = value
        device.probe()
        if isinstance(bus, Spi):
            for bus.dead in (0x00, 0xFF):
                assert "chip select" in node_error("no_device", device.probe).detail
        else:
            bus.address += 1
            assert "nobody" in node_error("no_device", device.probe).detail
            assert drivers.module(name).DEVICE(bus, address=bus.address).probe() is None


def test_every_one_that_forgets_what_is_written_is_found():
    for name, chip, bus in cases():
        chip.write = lambda register, value: None
        assert "check the wires" in node_error("no_device", sampler_of(name, bus)._device.probe).detail


def test_every_fault_has_its_name():
    for name, chip, bus in cases():
        sampler = sampler_of(name, bus)
        good = sampler.fault, chip.noise
        for change, fault in (
            (("stuck", True), "stuck"),
            (("silent", True), "silent"),
            (("error", 200), "wrong_rate"),
            (("error", -200), "wrong_rate"),
            (("gravity", (0, 0, 40000)), "clipping"),
            (("error", 100), None),
            (("error", -100), None),
        ):
            before = getattr(chip, change[0])
            setattr(chip, change[0], change[1])
            values = measured(sampler)
            assert sampler.fault == fault, (name, change, sampler.fault, sampler.detail)
            assert (values == [None] * 15) == (fault is not None)
            setattr(chip, change[0], before)
        assert measured(sampler)[0] and (sampler.fault, chip.noise) == good


def test_a_lost_sample_begins_the_window_anew():
    for name, chip, bus in cases():
        sampler = sampler_of(name, bus)
        chip.loss = 3
        assert measured(sampler)[13] == 0, name
        chip.loss = 5
        assert measured(sampler)[13] == 2, name


def test_a_coarse_range_may_repeat_a_value_at_rest():
    chip = Lis3dh()
    chip.stuck, chip.g, chip.gravity = True, 83, (0, 0, 1000)
    sampler = sampler_of("lis3dh", Spi(chip, 0x3F), range_g=16)
    assert measured(sampler)[0] == 0 and sampler.fault is None


def test_words_that_are_no_acceleration_are_damage():
    chip = Iis3dwb()
    sampler = sampler_of("iis3dwb", Spi(chip))
    for tag, damage in ((0x03, 0), (0x02, 1), (0x02, 0x80), (0x00, 0)):
        chip.tag, chip.damage = tag, damage
        assert measured(sampler) == [None] * 15 and sampler.fault == "crc", (tag, damage)
    chip.tag, chip.damage = 0x02, 0
    assert measured(sampler)[0] and sampler.fault is None


def test_extremes_arrive_as_they_are():
    for name, chip, bus in cases():
        device = sampler_of(name, bus)._device
        device.probe()
        chip.queue = [[-chip.limit - 1, chip.limit, -1], [0, 1, -2]]
        x, y, z = array("h", [9] * 3), array("h", [9] * 3), array("h", [9] * 3)
        assert device.read_fifo(x, y, z, 1, 64) == 2 and device.entries == 2, name
        assert list(x) == [9, -chip.limit - 1, 0] and list(y) == [9, chip.limit, 1], name
        assert list(z) == [9, -1, -2], name


class Steady:
    """A bus that costs nothing: every register reads as the FIFO's count and tag."""

    def __init__(self, value):
        self.value = value

    def transfer(self, tx, rx):
        for i in range(1, len(rx)):
            rx[i] = self.value


class SteadyI2c:
    def write(self, address, data):
        pass

    def read_register(self, address, register, buf):
        for i in range(len(buf)):
            buf[i] = 0x0F


def test_bursts_allocate_nothing():
    x, y, z = array("h", [0] * 64), array("h", [0] * 64), array("h", [0] * 64)
    for name, bus in (
        ("lis3dh", Steady(0x0F)),
        ("lis3dh", SteadyI2c()),
        ("mpu6050", Steady(0)),
        ("mpu6050", SteadyI2c()),
        ("iis3dwb", Steady(0x11)),
    ):
        device = drivers.module(name).DEVICE(bus)
        without_heap(lambda device=device: device.read_fifo(x, y, z, 0, 64))
        without_heap(device.overrun)
    assert Time.now > 0


def test_no_other_rates_or_ranges():
    for name, _, bus in cases():
        node_error("config_invalid", drivers.module(name).DEVICE, bus, 123, 8)
        node_error("config_invalid", drivers.module(name).DEVICE, bus, range_g=3)


def test_the_band_ends_where_the_filter_ends_it():
    tops = {}
    for name, chip, bus in cases():
        sampler = sampler_of(name, bus)
        measured(sampler)
        tops[name, chip.identity[1]] = sampler.describe()["band"][1]
    assert tops == {
        ("lis3dh", 0x33): 672,
        ("mpu6050", 0x70): 460,
        ("mpu6050", 0x68): 184,
        ("iis3dwb", 0x7B): 6300,
    }
