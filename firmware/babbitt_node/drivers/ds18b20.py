"""DS18B20 thermometer on a 1-Wire bus, 12 bit (1/16 degree C).

    sensor = DS18B20(board.bus("ow0"), rom=None)     # None: the only one on the bus; else 16 hex digits
    sensor.probe()                                   # NodeError no_device, wrong_identity, crc
    sensor.convert()
    await sleep_ms(sensor.convert_ms)
    sensor.read(out)                                 # out[0]: milli-degrees C; NodeError no_device, crc,
                                                     # power_on_value, range

Commands, scratchpad and timing: Maxim Integrated, DS18B20 data sheet, Rev. 6.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "scalar"
BUSES = ("onewire",)
SETTINGS = (("rom", "0123456789abcdef", 16, None),)
QUANTITIES = (("", "degC", -3, -55000, 125000),)

_FAMILY = const(0x28)
_CONVERT = b"\x44"
_READ = b"\xbe"
_WRITE_12_BIT = b"\x4e\x00\x00\x7f"  # alarm bytes 0, configuration 12 bit
_POWER_ON = const(0x0550)  # 85.000 degrees C
_LOW = const(-55000)
_HIGH = const(125000)


class DS18B20:
    """One thermometer on `bus`, an object like `hal.board.OneWireBus`."""

    convert_ms = 750

    def __init__(self, bus, rom=None):
        self._bus = bus
        self._wanted = None if rom is None else bytes(int(rom[i : i + 2], 16) for i in range(0, 16, 2))
        self._rom = self._wanted
        self._pad = bytearray(9)

    def probe(self):
        """Find the device and set it to 12 bit. Raises NodeError no_device, wrong_identity, crc."""
        if not self._bus.reset():
            raise NodeError(
                "no_device", "DS18B20: nothing answers: check the data pin, power and the 4.7 kOhm resistor"
            )
        found = self._bus.scan()
        if self._wanted is None:
            if len(found) != 1:
                names = ", ".join("".join("%02x" % b for b in rom) for rom in found)
                raise NodeError(
                    "wrong_identity" if found else "no_device",
                    "DS18B20: %d devices on the bus (%s): name one as rom" % (len(found), names),
                )
            self._rom = found[0]
        elif self._wanted not in found:
            raise NodeError(
                "no_device",
                "DS18B20: rom %s is not on the bus, %d others are"
                % ("".join("%02x" % b for b in self._wanted), len(found)),
            )
        if self._bus.crc8(self._rom):
            raise NodeError(
                "crc", "DS18B20: the identity arrived damaged: check the cable's length and the resistor"
            )
        if self._rom[0] != _FAMILY:
            raise NodeError(
                "wrong_identity", "DS18B20: family 0x%02x, not 0x28: another 1-Wire device" % self._rom[0]
            )
        self._bus.select(self._rom)
        self._bus.write(_WRITE_12_BIT)
        self._scratchpad()
        if self._pad[4] & 0x60 != 0x60:
            raise NodeError(
                "wrong_identity",
                "DS18B20: does not keep 12 bit (configuration 0x%02x): a DS18S20 or a bad copy"
                % self._pad[4],
            )

    def convert(self):
        """Start a conversion; the value is there `convert_ms` later. Raises NodeError no_device."""
        self._bus.select(self._rom)
        self._bus.write(_CONVERT)

    def read(self, out):
        """Write the last converted temperature, milli-degrees C, to out[0]. Raises NodeError no_device, crc,
        power_on_value, range.
        """
        self._scratchpad()
        pad = self._pad
        raw = ((pad[0] | pad[1] << 8) ^ 0x8000) - 0x8000
        # Byte 6 counts down from 16: a true 85.000 leaves 16 there, the value after power-on does not.
        if raw == _POWER_ON and pad[6] != 0x10:
            raise NodeError(
                "power_on_value", "DS18B20: 85 degrees C of power-on: it lost its power before it measured"
            )
        value = raw * 125 // 2
        if not _LOW <= value <= _HIGH:
            raise NodeError("range", "DS18B20: %d milli-degrees C is outside -55..125 degrees C" % value)
        out[0] = value

    def _scratchpad(self):
        """Fill the scratchpad buffer. Raises NodeError no_device, crc."""
        self._bus.select(self._rom)
        self._bus.write(_READ)
        pad = self._pad
        self._bus.readinto(pad)
        if all(b == 0xFF for b in pad):
            raise NodeError("no_device", "DS18B20: only ones on the bus: the device is gone")
        if self._bus.crc8(pad) or not any(pad):
            raise NodeError(
                "crc", "DS18B20: a reading arrived damaged: check the cable's length and the resistor"
            )


DEVICE = DS18B20
