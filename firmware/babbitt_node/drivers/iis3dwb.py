"""IIS3DWB wide-band vibration sensor on SPI (mode 3, at most 10 MHz): 26.667 kHz, flat to 6.3 kHz, FIFO of 512 words.

    sensor = IIS3DWB(board.bus("spi0"), rate_hz=26667, range_g=16)
    sensor.probe()                       # NodeError no_device, wrong_identity
    sensor.start()
    lost = sensor.overrun()              # ask before reading: reading clears it
    count = sensor.read_fifo(x, y, z, at=0, limit=256)     # x, y, z: array('h') of counts; NodeError crc
    sensor.stop()

A word is a tag and three values; a word whose tag is not that of an acceleration, or whose parity is wrong, arrived damaged.
Half a FIFO takes 1.5 ms of SPI at 10 MHz, of the 9.6 ms in which it fills: take a bus of 8 MHz or more. Registers:
STMicroelectronics, IIS3DWB data sheet, DS12569 Rev 7, sections 8 and 9 (tags: section 9.38).
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "vibration"
BUSES = ("spi",)
SETTINGS = (("rate_hz", (26667,), 26667), ("range_g", (2, 4, 8, 16), 16))

_FIFO_CTRL3 = const(0x09)
_FIFO_CTRL4 = const(0x0A)
_WHO_AM_I = const(0x0F)
_CTRL1_XL = const(0x10)
_CTRL3_C = const(0x12)
_FIFO_STATUS1 = const(0x3A)
_FIFO_STATUS2 = const(0x3B)
_FIFO_DATA_OUT_TAG = const(0x78)

_IDENTITY = const(0x7B)
_BDU_INCREMENT = const(0x44)
_BATCH = const(0x0A)  # accelerations at 26.667 kHz
_CONTINUOUS = const(0x06)
_ENABLE = const(0xA0)
_LOST = const(0x48)  # overrun now, or since last read
_TAG = const(0x02)
_WORD = const(7)

_RANGES = {2: (0x00, 61), 4: (0x08, 122), 8: (0x0C, 244), 16: (0x04, 488)}  # code, micro-g a count


class IIS3DWB:
    """The sensor behind `bus`, SPI. rate_hz: 26667. range_g: 2, 4, 8, 16. `entries` is what the FIFO held when it was
    last read.
    """

    scale_den = 1
    full_scale = 32768
    fifo = 512
    band_hz = 6300  # -3 dB
    restless = True

    def __init__(self, bus, rate_hz=26667, range_g=16):
        from babbitt_node.hal.registers import Fifo, Registers  # not for the check of a configuration

        if rate_hz != 26667 or range_g not in _RANGES:
            raise NodeError("config_invalid", "IIS3DWB: no rate %r Hz or range %r g" % (rate_hz, range_g))
        self._range, self.scale_num = _RANGES[range_g]
        self.entries = 0
        self._registers = Registers(bus, None, "IIS3DWB")
        self._fifo = Fifo(self._registers, _FIFO_DATA_OUT_TAG, _WORD, 64, _WORD, _TAG)

    def probe(self):
        """Check who answers and set it up. Raises NodeError no_device or wrong_identity."""
        self._registers.identify(_WHO_AM_I, _IDENTITY)
        self._registers.setup(
            (_CTRL1_XL, self._range), (_CTRL3_C, _BDU_INCREMENT), (_FIFO_CTRL3, _BATCH), (_FIFO_CTRL4, 0)
        )

    def start(self):
        """Empty the FIFO (bypass clears it) and measure into it."""
        self._registers.write(_CTRL1_XL, self._range)
        self._registers.write(_FIFO_CTRL4, 0)
        self._registers.read(_FIFO_STATUS2)
        self._registers.write(_FIFO_CTRL4, _CONTINUOUS)
        self._registers.write(_CTRL1_XL, _ENABLE | self._range)

    def stop(self):
        """Power-down: no samples, 21 uA."""
        self._registers.write(_CTRL1_XL, self._range)

    def overrun(self):
        """Whether words were lost since last asked."""
        return self._registers.read(_FIFO_STATUS2) & _LOST != 0

    def read_fifo(self, x, y, z, at, limit):
        """Take at most `limit` samples into x, y, z (array('h'), counts) from index `at` on; returns how
        many. Allocates nothing. Raises NodeError crc.
        """
        low = self._registers.read(_FIFO_STATUS1)
        self.entries = count = low | (self._registers.read(_FIFO_STATUS2) & 3) << 8
        return self._fifo.take(count if count < limit else limit, x, y, z, at)


DEVICE = IIS3DWB
