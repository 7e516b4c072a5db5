"""TMP117 thermometer on I2C, 16 bit (1/128 degree C), one-shot with eight averages.

    sensor = TMP117(board.bus("i2c0"), address=72)
    sensor.probe()                                   # NodeError no_device, wrong_identity
    sensor.convert()
    await sleep_ms(sensor.convert_ms)
    sensor.read(out)                                 # out[0]: milli-degrees C; NodeError no_device, timeout,
                                                     # power_on_value, range

Registers: Texas Instruments, TMP117 data sheet, SNOSD82D, section 8.6.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "scalar"
BUSES = ("i2c",)
SETTINGS = (("address", (72, 73, 74, 75), 72),)
QUANTITIES = (("", "degC", -3, -55000, 150000),)

_RESULT = const(0x00)
_CONFIG = const(0x01)
_DEVICE_ID = const(0x0F)
_IDENTITY = const(0x117)
_ONE_SHOT = b"\x01\x0c\x20"  # register 1: one-shot, eight averages
_READY = const(0x2000)
_POWER_ON = const(-32768)


class TMP117:
    """One thermometer on `bus`. address: 72 to 75 (0x48 to 0x4b)."""

    convert_ms = 140  # 125 and a tenth: its oscillator

    def __init__(self, bus, address=72):
        self._bus = bus
        self._address = address
        self._two = bytearray(2)

    def _word(self, register):
        self._bus.read_register(self._address, register, self._two)
        return self._two[0] << 8 | self._two[1]

    def probe(self):
        """Check who answers. Raises NodeError no_device or wrong_identity."""
        found = self._word(_DEVICE_ID)
        if found & 0xFFF != _IDENTITY:
            raise NodeError(
                "wrong_identity",
                "TMP117: identity 0x%04x, not 0x0117: another device at address %d" % (found, self._address),
            )

    def convert(self):
        """Start a conversion; the value is there `convert_ms` later. Raises NodeError no_device."""
        self._bus.write(self._address, _ONE_SHOT)

    def read(self, out):
        """Write the last converted temperature, milli-degrees C, to out[0]. Raises NodeError no_device, timeout,
        power_on_value, range.
        """
        if not self._word(_CONFIG) & _READY:
            raise NodeError("timeout", "TMP117: it has not converted in time: it was reset, check its supply")
        raw = (self._word(_RESULT) ^ 0x8000) - 0x8000
        if raw == _POWER_ON:
            raise NodeError(
                "power_on_value", "TMP117: -256 degrees C of power-on: it lost its power before it measured"
            )
        value = raw * 125 // 16
        if not -55000 <= value <= 150000:
            raise NodeError("range", "TMP117: %d milli-degrees C is outside -55..150 degrees C" % value)
        out[0] = value


DEVICE = TMP117
