"""SHT30, SHT31 or SHT35 on I2C: temperature and relative humidity, single shots of high repeatability, with CRC.

    sensor = SHT3x(board.bus("i2c0"), address=68)
    sensor.probe()                                   # NodeError no_device, wrong_identity, crc
    sensor.convert()
    await sleep_ms(sensor.convert_ms)
    sensor.read(out)                                 # out[0]: milli-degrees C, out[1]: thousandths of % RH;
                                                     # NodeError no_device, crc, range

It has no identity register: its status register, with reserved bits that are 0 and a CRC, stands for one. Commands and
formulas: Sensirion, SHT3x-DIS data sheet, version 7 (December 2022), sections 4.3 to 4.13.
"""

from babbitt_node.errors import NodeError

KIND = "scalar"
BUSES = ("i2c",)
SETTINGS = (("address", (68, 69), 68),)
QUANTITIES = (("", "degC", -3, -45000, 130000), ("rh", "%RH", -3, 0, 100000))

_BREAK = b"\x30\x93"
_STATUS = b"\xf3\x2d"
_MEASURE = b"\x24\x00"  # high repeatability, no clock stretching
_RESERVED = 0x53EC  # bits of the status that are always 0: 14, 12, 9 to 5, 3, 2


def crc8(data, at):
    """CRC-8 of two bytes from data[at] on: polynomial 0x31, start 0xff (data sheet, section 4.12)."""
    crc = 0xFF
    for i in range(at, at + 2):
        crc ^= data[i]
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


class SHT3x:
    """One sensor on `bus`. address: 68 (0x44) or 69 (0x45, ADDR high)."""

    convert_ms = 17  # 15.5 at most

    def __init__(self, bus, address=68):
        self._bus = bus
        self._address = address
        self._three = bytearray(3)
        self._six = bytearray(6)

    def _fill(self, buf):
        """Read words, each with its CRC. Raises NodeError no_device, crc."""
        self._bus.readinto(self._address, buf)
        for at in range(0, len(buf), 3):
            if crc8(buf, at) != buf[at + 2]:
                raise NodeError(
                    "crc", "SHT3x: a reading arrived damaged: check the cable's length and the resistors"
                )

    def probe(self):
        """Check who answers. Raises NodeError no_device, wrong_identity, crc."""
        self._bus.write(self._address, _BREAK)  # out of any periodic mode
        self._bus.write(self._address, _STATUS)
        self._fill(self._three)
        status = self._three[0] << 8 | self._three[1]
        if status & _RESERVED:
            raise NodeError(
                "wrong_identity",
                "SHT3x: status 0x%04x has bits that an SHT3x has not: another device at address %d"
                % (status, self._address),
            )

    def convert(self):
        """Start a measurement; the values are there `convert_ms` later. Raises NodeError no_device."""
        self._bus.write(self._address, _MEASURE)

    def read(self, out):
        """Write temperature (milli-degrees C) and humidity (thousandths of % RH) to out[0] and out[1]. Raises
        NodeError no_device (also when it has not measured), crc.
        """
        six = self._six
        self._fill(six)
        raw = six[0] << 8 | six[1]
        # -45 + 175 raw / 65535, and 100 raw / 65535, in thousandths: 175000 / 65535 = 2 + 8786 / 13107.
        out[0] = 2 * raw + (raw * 8786 + 6553) // 13107 - 45000
        raw = six[3] << 8 | six[4]
        out[1] = raw + (raw * 6893 + 6553) // 13107


DEVICE = SHT3x
