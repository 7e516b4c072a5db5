"""LIS3DH accelerometer on SPI (mode 3, at most 10 MHz) or I2C, 12 bit, FIFO of 32 in stream mode.

    sensor = LIS3DH(board.bus("i2c0"), rate_hz=400, range_g=4, address=24)
    sensor.probe()                       # NodeError no_device, wrong_identity
    sensor.start()
    lost = sensor.overrun()              # ask before reading: reading clears it
    count = sensor.read_fifo(x, y, z, at=0, limit=32)      # x, y, z: array('h') of counts
    sensor.stop()

A count is 1, 2, 4 or 12 mg at 2, 4, 8 or 16 g. Its noise is below a count at 16 g (`restless`): a sensor at rest may repeat
one value there. Registers: STMicroelectronics, LIS3DH data sheet, DocID17530 Rev 2, sections 6 to 8; FIFO: application
note AN3308.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "vibration"
BUSES = ("spi", "i2c")
ADDRESS = 24  # on I2C, if the settings name none
SETTINGS = (
    ("rate_hz", (100, 200, 400, 1344), 1344),
    ("range_g", (2, 4, 8, 16), 8),
    ("address", (24, 25), None),
)

_WHO_AM_I = const(0x0F)
_CTRL_REG1 = const(0x20)
_CTRL_REG4 = const(0x23)
_CTRL_REG5 = const(0x24)
_OUT_X_L = const(0x28)
_FIFO_CTRL = const(0x2E)
_FIFO_SRC = const(0x2F)

_IDENTITY = const(0x33)
_SPI_MORE = const(0x40)
_I2C_MORE = const(0x80)
_AXES = const(0x07)
_BDU_HIGH_RESOLUTION = const(0x88)
_FIFO_EN = const(0x40)
_STREAM = const(0x80)
_OVERRUN = const(0x40)
_UNREAD = const(0x1F)

_RATES = {1344: 0x90, 400: 0x70, 200: 0x60, 100: 0x50}
_RANGES = {2: (0x00, 1000), 4: (0x10, 2000), 8: (0x20, 4000), 16: (0x30, 12000)}  # code, micro-g a count


class LIS3DH:
    """The sensor behind `bus`, SPI or I2C.

    rate_hz: 100, 200, 400, 1344. range_g: 2, 4, 8, 16. address: on I2C, 24 (0x18, the default) or 25 (0x19, SDO high).
    `entries` is what the FIFO held when it was last read.
    """

    scale_den = 1
    full_scale = 2048
    fifo = 32

    def __init__(self, bus, rate_hz=1344, range_g=8, address=None):
        from babbitt_node.hal.registers import (
            SHIFTED_4,
            Fifo,
            Registers,
        )  # not for the check of a configuration

        if rate_hz not in _RATES or range_g not in _RANGES:
            raise NodeError("config_invalid", "LIS3DH: no rate %r Hz or range %r g" % (rate_hz, range_g))
        self._ctrl1 = _RATES[rate_hz] | _AXES
        code, self.scale_num = _RANGES[range_g]
        self._ctrl4 = _BDU_HIGH_RESOLUTION | code
        self.band_hz = rate_hz // 2
        self.restless = range_g < 16
        self.entries = 0
        self._registers = Registers(bus, address or ADDRESS, "LIS3DH", _SPI_MORE, _I2C_MORE)
        # The address rolls over from the last byte of z to the first of x: one burst for many entries.
        self._fifo = Fifo(self._registers, _OUT_X_L, 6, 16, SHIFTED_4)

    def probe(self):
        """Check who answers and set it up. Raises NodeError no_device or wrong_identity."""
        self._registers.identify(_WHO_AM_I, _IDENTITY)
        self._registers.setup(
            (_CTRL_REG1, 0), (_CTRL_REG4, self._ctrl4), (_CTRL_REG5, _FIFO_EN), (_FIFO_CTRL, 0)
        )

    def start(self):
        """Empty the FIFO (bypass clears it) and measure into it."""
        self._registers.write(_CTRL_REG1, 0)
        self._registers.write(_FIFO_CTRL, 0)
        self._registers.write(_FIFO_CTRL, _STREAM)
        self._registers.write(_CTRL_REG1, self._ctrl1)

    def stop(self):
        """Power-down: no samples, 0.5 uA."""
        self._registers.write(_CTRL_REG1, 0)

    def overrun(self):
        """Whether samples were lost since the FIFO was last read."""
        return self._registers.read(_FIFO_SRC) & _OVERRUN != 0

    def read_fifo(self, x, y, z, at, limit):
        """Take at most `limit` samples into x, y, z (array('h'), counts) from index `at` on; returns how
        many. Allocates nothing.
        """
        source = self._registers.read(_FIFO_SRC)
        self.entries = count = 32 if source & _OVERRUN else source & _UNREAD
        return self._fifo.take(count if count < limit else limit, x, y, z, at)


DEVICE = LIS3DH
