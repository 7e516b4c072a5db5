"""ADXL345 accelerometer on SPI (mode 3, at most 5 MHz), full resolution, FIFO in stream mode.

    sensor = ADXL345(board.bus("spi0"), rate_hz=3200, range_g=16)
    sensor.probe()                       # NodeError no_device, wrong_identity
    sensor.start()
    lost = sensor.overrun()              # ask before reading: reading clears it
    count = sensor.read_fifo(x, y, z, at=0, limit=32)      # x, y, z: array('h') of counts
    sensor.stop()

One count is 1/256 g = 3906.25 micro-g (`scale_num` / `scale_den`) in every range. Registers and timing: Analog
Devices, ADXL345 data sheet, Rev. E, register map and 'FIFO' section.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "vibration"
BUSES = ("spi",)
SETTINGS = (("rate_hz", (100, 200, 400, 800, 1600, 3200), 3200), ("range_g", (2, 4, 8, 16), 16))

_DEVID = const(0x00)
_BW_RATE = const(0x2C)
_POWER_CTL = const(0x2D)
_INT_SOURCE = const(0x30)
_DATA_FORMAT = const(0x31)
_DATAX0 = const(0x32)
_FIFO_CTL = const(0x38)
_FIFO_STATUS = const(0x39)

_IDENTITY = const(0xE5)
_READ = const(0x80)
_MULTIPLE = const(0x40)
_MEASURE = const(0x08)
_FULL_RES = const(0x08)
_STREAM = const(0x80)
_OVERRUN = const(0x01)
_ENTRIES = const(0x3F)

_RATES = {3200: 0x0F, 1600: 0x0E, 800: 0x0D, 400: 0x0C, 200: 0x0B, 100: 0x0A}
_RANGES = {2: 0, 4: 1, 8: 2, 16: 3}


class ADXL345:
    """The sensor behind `bus`, an object with `transfer(tx, rx)`.

    rate_hz: 100, 200, 400, 800, 1600, 3200. range_g: 2, 4, 8, 16; `full_scale` is its limit in counts.
    `entries` is what the FIFO held when it was last read.
    """

    scale_num = 15625  # micro-g a count, exact: 10^6 / 256
    scale_den = 4
    fifo = 32

    def __init__(self, bus, rate_hz=3200, range_g=16):
        if rate_hz not in _RATES or range_g not in _RANGES:
            raise NodeError("config_invalid", "ADXL345: no rate %r Hz or range %r g" % (rate_hz, range_g))
        self._bus = bus
        self._rate = _RATES[rate_hz]
        self._format = _FULL_RES | _RANGES[range_g]
        self.full_scale = range_g * 256
        self.entries = 0
        self._tx2 = bytearray(2)
        self._rx2 = bytearray(2)
        self._tx7 = bytearray(7)
        self._tx7[0] = _READ | _MULTIPLE | _DATAX0
        self._rx7 = bytearray(7)

    def _read(self, register):
        self._tx2[0] = _READ | register
        self._tx2[1] = 0
        self._bus.transfer(self._tx2, self._rx2)
        return self._rx2[1]

    def _write(self, register, value):
        self._tx2[0] = register
        self._tx2[1] = value
        self._bus.transfer(self._tx2, self._rx2)

    def probe(self):
        """Check who answers and set it up. Raises NodeError no_device or wrong_identity."""
        found = self._read(_DEVID)
        if found in (0x00, 0xFF):
            raise NodeError(
                "no_device",
                "ADXL345: only 0x%02x on the bus: check power, the chip select and the SDO wire" % found,
            )
        if found != _IDENTITY:
            raise NodeError(
                "wrong_identity",
                "ADXL345: DEVID is 0x%02x, not 0xe5: another sensor, or SPI in the wrong mode" % found,
            )
        for register, value in (
            (_POWER_CTL, 0),
            (_BW_RATE, self._rate),
            (_DATA_FORMAT, self._format),
            (_FIFO_CTL, 0),
        ):
            self._write(register, value)
            back = self._read(register)
            if back != value:
                raise NodeError(
                    "no_device",
                    "ADXL345: register 0x%02x reads 0x%02x, not 0x%02x: check the wires, keep them short"
                    % (register, back, value),
                )

    def start(self):
        """Empty the FIFO (bypass clears it) and measure into it."""
        self._write(_POWER_CTL, 0)
        self._write(_FIFO_CTL, 0)
        self._write(_FIFO_CTL, _STREAM)
        self._write(_POWER_CTL, _MEASURE)

    def stop(self):
        """Standby: no samples, 0.1 uA."""
        self._write(_POWER_CTL, 0)

    def overrun(self):
        """Whether samples were lost since the FIFO was last read."""
        return self._read(_INT_SOURCE) & _OVERRUN != 0

    def read_fifo(self, x, y, z, at, limit):
        """Take at most `limit` samples into x, y, z (array('h'), counts) from index `at` on; returns how
        many. Allocates nothing.

        Every sample is one selection of the chip: the FIFO needs 5 us between two of them, which the
        interpreter takes anyway.
        """
        self.entries = count = self._read(_FIFO_STATUS) & _ENTRIES
        if count > limit:
            count = limit
        bus = self._bus  # not its method: a bound method would be an allocation
        tx = self._tx7
        rx = self._rx7
        end = at + count
        while at < end:
            bus.transfer(tx, rx)
            x[at] = ((rx[1] | rx[2] << 8) ^ 0x8000) - 0x8000
            y[at] = ((rx[3] | rx[4] << 8) ^ 0x8000) - 0x8000
            z[at] = ((rx[5] | rx[6] << 8) ^ 0x8000) - 0x8000
            at += 1
        return count


DEVICE = ADXL345
