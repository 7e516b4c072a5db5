"""MPU-6050 (I2C) or MPU-6500 (I2C, or SPI of at most 1 MHz) as an accelerometer, 16 bit, FIFO of bytes.

    sensor = MPU6050(board.bus("i2c0"), rate_hz=1000, range_g=8, address=104)
    sensor.probe()                       # NodeError no_device, wrong_identity
    sensor.start()
    lost = sensor.overrun()              # ask before reading
    count = sensor.read_fifo(x, y, z, at=0, limit=64)      # x, y, z: array('h') of counts
    sensor.stop()

The identity register tells the two apart: 0x68 is an MPU-6050, 0x70 an MPU-6500. The low-pass filter ends the band at 184 Hz (6050:
with a wider one the accelerometer's samples would be doubled) or 460 Hz (6500). Registers: InvenSense, MPU-6000/MPU-6050
Register Map and Descriptions, Revision 4.2, and MPU-6500 Register Map and Descriptions, Revision 2.1. A FIFO that was
full has lost bytes, not samples: `overrun` empties it, so that x stays x.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "vibration"
BUSES = ("i2c", "spi")
ADDRESS = 104  # on I2C, if the settings name none
SETTINGS = (
    ("rate_hz", (100, 200, 250, 500, 1000), 1000),
    ("range_g", (2, 4, 8, 16), 8),
    ("address", (104, 105), None),
)

_SMPLRT_DIV = const(0x19)
_CONFIG = const(0x1A)
_ACCEL_CONFIG = const(0x1C)
_ACCEL_CONFIG2 = const(0x1D)
_FIFO_EN = const(0x23)
_INT_ENABLE = const(0x38)
_INT_STATUS = const(0x3A)
_USER_CTRL = const(0x6A)
_PWR_MGMT_1 = const(0x6B)
_FIFO_COUNT_H = const(0x72)
_FIFO_COUNT_L = const(0x73)
_FIFO_R_W = const(0x74)
_WHO_AM_I = const(0x75)

_MPU6050 = const(0x68)
_MPU6500 = const(0x70)
_PLL = const(0x01)
_SLEEP = const(0x41)
_ACCEL = const(0x08)
_OVERFLOW = const(0x10)
_FIFO_ON = const(0x40)
_FIFO_RESET = const(0x04)
_I2C_OFF = const(0x10)

_RANGES = {2: (0x00, 7813, 128), 4: (0x08, 15625, 128), 8: (0x10, 15625, 64), 16: (0x18, 15625, 32)}


class MPU6050:
    """The sensor behind `bus`, I2C or SPI.

    rate_hz: 100, 200, 250, 500, 1000. range_g: 2, 4, 8, 16. address: on I2C, 104 (0x68, the default) or 105 (0x69, AD0
    high). `entries` is what the FIFO held when it was last read.
    """

    full_scale = 32768
    fifo = 85  # 512 bytes of an MPU-6500; an MPU-6050 has 1024
    restless = True

    def __init__(self, bus, rate_hz=1000, range_g=8, address=None):
        from babbitt_node.hal.registers import (
            HIGH_FIRST,
            Fifo,
            Registers,
        )  # not for the check of a configuration

        if rate_hz not in (100, 200, 250, 500, 1000) or range_g not in _RANGES:
            raise NodeError("config_invalid", "MPU6050: no rate %r Hz or range %r g" % (rate_hz, range_g))
        self._divider = 1000 // rate_hz - 1
        self._range, self.scale_num, self.scale_den = _RANGES[range_g]
        self._top_hz = rate_hz // 2
        self.band_hz = min(self._top_hz, 184)
        self.entries = 0
        self._registers = Registers(bus, address or ADDRESS, "MPU6050")
        self._on = _FIFO_ON | (_I2C_OFF if self._registers.spi else 0)
        self._fifo = Fifo(self._registers, _FIFO_R_W, 6, 32, HIGH_FIRST)

    def probe(self):
        """Check who answers and set it up. Raises NodeError no_device or wrong_identity."""
        registers = self._registers
        found = registers.identify(_WHO_AM_I, _MPU6050, _MPU6500)
        registers.setup((_PWR_MGMT_1, _PLL))  # first: asleep it takes nothing else
        registers.setup(
            (_CONFIG, 0x01),  # the sample clock is 1 kHz
            (_SMPLRT_DIV, self._divider),
            (_ACCEL_CONFIG, self._range),
            (_INT_ENABLE, _OVERFLOW),
            (_FIFO_EN, 0),
        )
        if found == _MPU6500:
            registers.setup((_ACCEL_CONFIG2, 0x00))
            self.band_hz = min(self._top_hz, 460)

    def start(self):
        """Empty the FIFO and measure into it."""
        self._registers.write(_PWR_MGMT_1, _PLL)
        self._registers.write(_FIFO_EN, _ACCEL)
        self._empty()

    def stop(self):
        """Sleep: no samples, 5 uA."""
        self._registers.write(_FIFO_EN, 0)
        self._registers.write(_PWR_MGMT_1, _SLEEP)

    def _empty(self):
        self._registers.write(_USER_CTRL, self._on & ~_FIFO_ON)
        self._registers.write(_USER_CTRL, self._on & ~_FIFO_ON | _FIFO_RESET)
        self._registers.write(_USER_CTRL, self._on)
        self._registers.read(_INT_STATUS)  # reading clears it

    def overrun(self):
        """Whether samples were lost since last asked; if so, the FIFO is empty now."""
        if self._registers.read(_INT_STATUS) & _OVERFLOW == 0:
            return False
        self._empty()
        return True

    def read_fifo(self, x, y, z, at, limit):
        """Take at most `limit` samples into x, y, z (array('h'), counts) from index `at` on; returns how
        many. Allocates nothing.
        """
        high = self._registers.read(_FIFO_COUNT_H)  # latches the low byte
        self.entries = count = (high << 8 | self._registers.read(_FIFO_COUNT_L)) // 6
        return self._fifo.take(count if count < limit else limit, x, y, z, at)


DEVICE = MPU6050
