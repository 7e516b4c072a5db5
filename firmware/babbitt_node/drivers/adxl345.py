"""ADXL345 accelerometer on SPI (mode 3, at most 5 MHz) or I2C, full resolution, FIFO in stream mode.

    sensor = ADXL345(board.bus("spi0"), rate_hz=3200, range_g=16)
    sensor.probe()                       # NodeError no_device, wrong_identity
    sensor.start()
    lost = sensor.overrun()              # ask before reading: reading clears it
    count = sensor.read_fifo(x, y, z, at=0, limit=32)      # x, y, z: array('h') of counts
    sensor.stop()
    sensor.watch()                       # INT1 goes up when it is shaken by more than `wake_mg`

One count is 1/256 g = 3906.25 micro-g (`scale_num` / `scale_den`) in every range. On I2C (400 kHz) at most 800 Hz: more
does not pass. Registers and timing: Analog Devices, ADXL345 data sheet, Rev. E, register map and 'FIFO' section.
"""

from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal.compile import const

KIND = "vibration"
BUSES = ("spi", "i2c")
ADDRESS = 83  # on I2C, if the settings name none
SETTINGS = (
    ("rate_hz", (100, 200, 400, 800, 1600, 3200), 3200),
    ("range_g", (2, 4, 8, 16), 16),
    ("address", (29, 83), None),
    ("wake_mg", 0, 15937, 0),
)

_DEVID = const(0x00)
_THRESH_ACT = const(0x24)
_ACT_INACT_CTL = const(0x27)
_BW_RATE = const(0x2C)
_POWER_CTL = const(0x2D)
_INT_ENABLE = const(0x2E)
_INT_MAP = const(0x2F)
_INT_SOURCE = const(0x30)
_DATA_FORMAT = const(0x31)
_DATAX0 = const(0x32)
_FIFO_CTL = const(0x38)
_FIFO_STATUS = const(0x39)

_IDENTITY = const(0xE5)
_SPI_MORE = const(0x40)
_MEASURE = const(0x08)
_FULL_RES = const(0x08)
_STREAM = const(0x80)
_OVERRUN = const(0x01)
_ENTRIES = const(0x3F)
_ACTIVITY = const(0x10)
_CHANGES_OF_XYZ = const(
    0xF0
)  # activity, ac-coupled (what it was at the start, gravity, does not count), all axes
_SLOW = const(0x1A)  # 100 Hz, low power: 50 uA

_RATES = {3200: 0x0F, 1600: 0x0E, 800: 0x0D, 400: 0x0C, 200: 0x0B, 100: 0x0A}
_RANGES = {2: 0, 4: 1, 8: 2, 16: 3}


def check(spec, path, bus):
    """See `drivers`."""
    if bus == "i2c" and spec["rate_hz"] > 800:
        raise ConfigError(path + ".rate_hz", "at most 800 on I2C, got %d" % spec["rate_hz"])


class ADXL345:
    """The sensor behind `bus`, SPI or I2C.

    rate_hz: 100, 200, 400, 800, 1600, 3200. range_g: 2, 4, 8, 16; `full_scale` is its limit in counts. address: on
    I2C, 83 (0x53, the default) or 29 (0x1d, SDO high). wake_mg: of `watch`, 0..15937; a step is 62.5, and the next
    one above is taken. `entries` is what the FIFO held when it was last read.
    """

    scale_num = 15625  # micro-g a count, exact: 10^6 / 256
    scale_den = 4
    fifo = 32
    restless = True

    def __init__(self, bus, rate_hz=3200, range_g=16, address=None, wake_mg=0):
        from babbitt_node.hal.registers import Fifo, Registers  # not for the check of a configuration

        if rate_hz not in _RATES or range_g not in _RANGES:
            raise NodeError("config_invalid", "ADXL345: no rate %r Hz or range %r g" % (rate_hz, range_g))
        self._rate = _RATES[rate_hz]
        self._format = _FULL_RES | _RANGES[range_g]
        self.full_scale = range_g * 256
        self.band_hz = rate_hz // 2
        self.entries = 0
        self._threshold = (wake_mg * 2 + 124) // 125  # of 62.5 mg, never less than asked for
        self._registers = Registers(bus, address or ADDRESS, "ADXL345", _SPI_MORE)
        # Every entry is one read: the FIFO needs 5 us between two of them, which the interpreter takes anyway.
        self._fifo = Fifo(self._registers, _DATAX0, 6, 1)

    def probe(self):
        """Check who answers and set it up. Raises NodeError no_device or wrong_identity."""
        self._registers.identify(_DEVID, _IDENTITY)
        self._registers.setup(
            (_POWER_CTL, 0), (_BW_RATE, self._rate), (_DATA_FORMAT, self._format), (_FIFO_CTL, 0)
        )

    def watch(self):
        """Put INT1 up, and leave it there, once an axis changes by more than `wake_mg` from now on; `probe` ends it.
        Returns whether it does: not at 0. Raises NodeError no_device.
        """
        if not self._threshold:
            return False
        self._registers.setup(
            (_POWER_CTL, 0),
            (_FIFO_CTL, 0),
            (_BW_RATE, _SLOW),
            (_THRESH_ACT, self._threshold),
            (_ACT_INACT_CTL, _CHANGES_OF_XYZ),
            (_INT_MAP, 0),
            (_INT_ENABLE, _ACTIVITY),
            (_POWER_CTL, _MEASURE),
        )
        self._registers.read(_INT_SOURCE)  # takes INT1 down
        return True

    def start(self):
        """Empty the FIFO (bypass clears it) and measure into it."""
        self._registers.write(_POWER_CTL, 0)
        self._registers.write(_FIFO_CTL, 0)
        self._registers.write(_FIFO_CTL, _STREAM)
        self._registers.write(_POWER_CTL, _MEASURE)

    def stop(self):
        """Standby: no samples, 0.1 uA."""
        self._registers.write(_POWER_CTL, 0)

    def overrun(self):
        """Whether samples were lost since the FIFO was last read."""
        return self._registers.read(_INT_SOURCE) & _OVERRUN != 0

    def read_fifo(self, x, y, z, at, limit):
        """Take at most `limit` samples into x, y, z (array('h'), counts) from index `at` on; returns how
        many. Allocates nothing.
        """
        self.entries = count = self._registers.read(_FIFO_STATUS) & _ENTRIES
        return self._fifo.take(count if count < limit else limit, x, y, z, at)


DEVICE = ADXL345
