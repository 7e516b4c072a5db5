"""TMP117, SHT3x and MAX31865 on buses that answer like the chips, with the defects of a bench one at a time."""

from chips import Spi, measured, use_virtual_time
from helpers import node_error

from babbitt_node import drivers
from babbitt_node.drivers import max31865
from babbitt_node.drivers.max31865 import MAX31865, celsius, ratio
from babbitt_node.drivers.sht3x import SHT3x, crc8
from babbitt_node.drivers.tmp117 import TMP117
from babbitt_node.errors import NodeError
from babbitt_node.samplers.scalar import ScalarSampler

use_virtual_time()


def reading(device, count=1):
    out = [None] * count
    device.convert()
    device.read(out)
    return out if count > 1 else out[0]


def sampler_of(name, bus, **changes):
    driver = drivers.module(name)
    spec = {"id": "temp", "driver": name, "bus": "b", "every_s": 5}
    for row in driver.SETTINGS:
        spec[row[0]] = row[-1]
    spec.update(changes)
    device = driver.DEVICE(bus, *[spec[row[0]] for row in driver.SETTINGS])
    return ScalarSampler(spec, driver, device, 10)


class Tmp117:
    """Words behind I2C at 72."""

    def __init__(self):
        self.words = {0x0F: 0x0117, 0x01: 0x0220, 0x00: 0x8000}
        self.raw = 0x0C80  # 25 degrees C
        self.address = 72
        self.slow = False

    def write(self, address, data):
        self._known(address)
        assert bytes(data) == b"\x01\x0c\x20"
        if not self.slow:
            self.words[1] |= 0x2000
            self.words[0] = self.raw & 0xFFFF

    def read_register(self, address, register, buf):
        self._known(address)
        buf[0], buf[1] = self.words[register] >> 8, self.words[register] & 0xFF
        if register == 1:
            self.words[1] &= 0xDFFF

    def _known(self, address):
        if address != self.address:
            raise NodeError("no_device", "I2C address %d: nobody answers" % address)


def test_tmp117_reads_the_values_of_its_data_sheet():
    bus = Tmp117()
    device = TMP117(bus)
    device.probe()
    for raw, value in ((0x0C80, 25000), (0x3200, 100000), (1, 7), (0, 0), (-1, -8), (-0x1B80, -55000)):
        bus.raw = raw
        assert reading(device) == value


def test_tmp117_defects():
    bus = Tmp117()
    device = TMP117(bus)
    bus.raw = -32768
    node_error("power_on_value", reading, device)
    bus.raw = 0x7FFF
    node_error("range", reading, device)
    bus.slow = True
    node_error("timeout", reading, device)
    bus.words[0x0F] = 0x0118
    node_error("wrong_identity", device.probe)
    bus.words[0x0F] = 0x3117  # the revision does not matter
    device.probe()
    node_error("no_device", TMP117(bus, 73).probe)


class Sht3x:
    """Commands behind I2C at 68."""

    def __init__(self):
        self.status = 0x8010
        self.raw = (0x6666, 0x8000)
        self.answer = None
        self.flip = 0

    def write(self, address, data):
        if address != 68:
            raise NodeError("no_device", "nobody")
        command = bytes(data)
        words = {b"\xf3\x2d": (self.status,), b"\x24\x00": self.raw}.get(command)
        self.answer = None if words is None else b"".join(self._word(word) for word in words)

    def _word(self, word):
        data = bytes([word >> 8, word & 0xFF])
        return data + bytes([crc8(data, 0) ^ self.flip])

    def readinto(self, address, buf):
        if self.answer is None:
            raise NodeError("no_device", "it does not acknowledge")
        for i in range(len(buf)):
            buf[i] = self.answer[i]
        self.answer = None


def test_sht3x_crc_is_that_of_its_data_sheet():
    assert crc8(b"\xbe\xef", 0) == 0x92


def test_sht3x_is_within_a_thousandth_of_its_formulas():
    bus = Sht3x()
    device = SHT3x(bus)
    device.probe()
    for raw in (0, 1, 0x6666, 12345, 0x8000, 54321, 0xFFFF):
        bus.raw = (raw, raw)
        temperature, humidity = reading(device, 2)
        assert abs(temperature * 65535 - (175000 * raw - 45000 * 65535)) <= 65535
        assert abs(humidity * 65535 - 100000 * raw) <= 65535
    assert [c["id"] for c in sampler_of("sht3x", bus).channels()] == [
        "temp.mean", "temp.min", "temp.max", "temp.slope",
        "temp.rh.mean", "temp.rh.min", "temp.rh.max", "temp.rh.slope",
    ]  # fmt: skip


def test_sht3x_defects():
    bus = Sht3x()
    device = SHT3x(bus)
    node_error("no_device", SHT3x(bus, 69).probe)
    node_error("no_device", device.read, [0, 0])  # it has not measured
    bus.flip = 1
    node_error("crc", device.probe)
    node_error("crc", reading, device, 2)
    bus.flip, bus.status = 0, 0x9010
    node_error("wrong_identity", device.probe)


class Max31865:
    """Registers behind SPI; bit 7 of the address writes."""

    def __init__(self):
        self.registers = bytearray(b"\x00\x00\x00\xff\xff\x00\x00\x00")
        self.code = 8192
        self.fault = 0
        self.keeps = True
        self.stays = 0  # bits of the configuration that never clear
        self.bias = []

    def read(self, register, offset):
        register += offset
        if register in (1, 2):
            word = self.code << 1 | (1 if self.fault else 0)
            return word >> 8 if register == 1 else word & 0xFF
        if register == 7:
            return self.fault
        if register == 0:
            value = self.registers[0]
            self.registers[0] &= 0xF3 | self.stays
            return value
        return self.registers[register]

    def write(self, register, value):
        if self.keeps:
            self.registers[register] = value & 0xFD if register == 0 else value
            if register == 0:
                self.bias.append(value >> 7)

    def done(self, register, count):
        pass


class Bus(Spi):
    """Its read and write are the other way round."""

    def transfer(self, tx, rx):
        if self.dead is None:
            tx = bytes([tx[0] ^ 0x80]) + bytes(tx[1:])
        super().transfer(tx, rx)


def within(millionths, milli, tolerance):
    found = celsius(millionths)
    assert abs(found - milli) <= tolerance, (millionths, found, milli)


def test_platinum_is_within_two_hundredths_of_iec_60751():
    # Degrees C and millionths of R0, by the formula of IEC 60751:2008 in double precision.
    for degrees, millionths in (
        (-200, 185201), (-190, 228255), (-150, 397232), (-100, 602558), (-60, 763278), (-50, 803063), (-10, 960859), (-5, 980444),
        (0, 1000000), (5, 1019527), (10, 1039025), (25, 1097347), (50, 1193971), (100, 1385055), (155, 1591912),
        (200, 1758560), (300, 2120515), (400, 2470920), (500, 2809775), (650, 3296401), (800, 3757040), (850, 3904811),
    ):  # fmt: skip
        within(millionths, degrees * 1000, 20)
    last = celsius(ratio(-20))
    for millionths in range(ratio(-20), ratio(85), 997):
        now = celsius(millionths)
        assert 0 <= now - last < 350
        last = now


def test_codes_of_the_converter():
    chip = Max31865()
    for settings, code, milli in (
        (("pt100", 3, 50, None), 7620, 0),  # 100 of 430 ohms
        (("pt1000", 4, 60, None), 7620, 0),
        (("pt100", 2, 50, 400000), 8192, 0),
        (("pt100", 2, 50, 400000), 11346, 100000),
        (("pt100", 2, 50, 400000), 6579, -50000),
        (("pt100", 3, 50, None), 32767, 999999),
    ):
        device = MAX31865(Bus(chip), *settings)
        device.probe()
        chip.code = code
        if milli == 999999:
            node_error("range", reading, device)
        else:
            assert abs(reading(device) - milli) < 20, (settings, code)
        wanted = (0x10 if settings[1] == 3 else 0) | (1 if settings[2] == 50 else 0)
        assert chip.registers[0] == wanted and chip.bias[-4:] == [1, 1, 1, 0]
    assert max31865.QUANTITIES[0][3:] == (-200000, 850000)


def test_max31865_defects():
    chip = Max31865()
    bus = Bus(chip)
    sampler = sampler_of("max31865", bus)
    for fault, name, word in (
        (0x80, "wire_break", "element or a lead"),
        (0x40, "short_circuit", "shorted"),
        (0x20, "wire_break", "REFIN-"),
        (0x10, "wire_break", "FORCE-"),
        (0x08, "wire_break", "RTDIN-"),
        (0x04, "overrange", "voltage"),
    ):
        chip.fault = fault
        assert measured(sampler)[:3] == [None] * 3 and sampler.fault == name and word in sampler.detail
    chip.fault = 0
    assert measured(sampler)[0] is not None and sampler.fault is None
    chip.stays = 0x0C
    assert measured(sampler)[0] is None and "does not end" in sampler.detail
    chip.stays = 0
    for bus.dead in (0x00, 0xFF):
        assert measured(sampler)[0] is None and sampler.fault == "no_device"
    bus.dead = None
    chip.registers[3:6] = b"\x12\x34\x56"
    chip.keeps = False
    node_error("wrong_identity", MAX31865(bus, "pt100", 2, 60).probe)


def test_a_converter_that_forgets_its_setting_is_found():
    chip = Max31865()
    device = MAX31865(Bus(chip))
    device.probe()
    device.convert()
    chip.registers[0] = 0
    assert "forgot" in node_error("no_device", device.read, [0]).detail
