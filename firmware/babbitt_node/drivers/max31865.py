"""MAX31865 on SPI (mode 1 or 3, at most 5 MHz): a PT100 or PT1000 with 2, 3 or 4 wires.

    sensor = MAX31865(board.bus("spi1"), rtd="pt100", wires=3, mains_hz=50, ref_mohm=None)
    sensor.probe()                                   # NodeError no_device, wrong_identity
    sensor.convert()
    await sleep_ms(sensor.convert_ms)
    sensor.read(out)                                 # out[0]: milli-degrees C; NodeError wire_break,
                                                     # short_circuit, overrange, range, no_device

The bias current flows only from `convert` to `read`: the sensor does not heat itself. There is no identity register: what is
written must read back. Registers: Maxim Integrated, MAX31865 data sheet, 19-6478 Rev 3. Resistance to temperature:
Callendar-Van Dusen, IEC 60751:2008, in integers, within 0.02 K of the formula from -200 to 850 degrees C.
"""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

KIND = "scalar"
BUSES = ("spi",)
SETTINGS = (
    ("rtd", ("pt100", "pt1000"), "pt100"),
    ("wires", (2, 3, 4), 3),
    ("mains_hz", (50, 60), 50),
    ("ref_mohm", 100000, 10000000, None),
)
QUANTITIES = (("", "degC", -3, -200000, 850000),)

_WRITE = const(0x80)
_CONFIG = const(0x00)
_RTD_MSB = const(0x01)
_HIGH_MSB = const(0x03)
_FAULTS = const(0x07)

_BIAS = const(0x80)
_AUTO = const(0x40)
_THREE_WIRES = const(0x10)
_DETECT = const(0x04)
_DETECTING = const(0x0C)
_CLEAR = const(0x02)
_50_HZ = const(0x01)
_LOOKS = const(50)

_BITS = (
    (0x80, "wire_break", "RTD high threshold: the element or a lead is open"),
    (0x40, "short_circuit", "RTD low threshold: the element is shorted"),
    (0x20, "wire_break", "REFIN- above 0.85 VBIAS: a lead at FORCE- is open"),
    (0x10, "wire_break", "REFIN- below 0.85 VBIAS: FORCE- is open or shorted"),
    (0x08, "wire_break", "RTDIN- below 0.85 VBIAS: FORCE- is open or shorted"),
    (0x04, "overrange", "over- or undervoltage at an input"),
)


def ratio(ten):
    """Resistance of a platinum element over that at 0 degrees C, in millionths, at 10 * `ten` degrees C, -20..85.

    1 + A T + B T^2 + C (T - 100) T^3, the last term below 0 only (IEC 60751: A 3.9083e-3, B -5.775e-7,
    C -4.183e-12), with T = 10 * ten, so that every product stays below 2^30.
    """
    found = 1000000 + 39083 * ten - 5775 * ten * ten // 100
    if ten < 0:
        found -= 4183 * (ten - 10) * ten * ten * ten // 100000
    return found


def celsius(millionths):
    """The temperature, milli-degrees C, at which `ratio` is so many millionths: between tens of degrees a line, and
    the bend of the curve as its second difference.
    """
    ten = (millionths - 1000000) // 38500
    ten = -20 if ten < -20 else 84 if ten > 84 else ten
    while ten > -20 and ratio(ten) > millionths:
        ten -= 1
    while ten < 84 and ratio(ten + 1) <= millionths:
        ten += 1
    low = ratio(ten)
    step = ratio(ten + 1) - low
    part = (millionths - low) * 10000 // step
    bend = step - (low - ratio(ten - 1)) if ten > -20 else -370
    return 10000 * ten + part + part * (10000 - part) // 20000 * bend // step


class MAX31865:
    """The converter behind `bus`.

    rtd: pt100, pt1000. wires: 2, 3, 4. mains_hz: 50, 60, what its filter takes out. ref_mohm: the reference resistor,
    milliohms; None takes that of the usual boards, 430 ohms for a PT100, 4300 for a PT1000.
    """

    convert_ms = 130  # bias settles in 10, the first conversion of automatic mode takes 63, the others 20

    def __init__(self, bus, rtd="pt100", wires=3, mains_hz=50, ref_mohm=None):
        self._bus = bus
        self._setup = (_THREE_WIRES if wires == 3 else 0) | (_50_HZ if mains_hz == 50 else 0)
        if rtd == "pt100":
            self._full = (
                ref_mohm or 430000
            ) * 10  # millionths of the resistance at 0 degrees C at full scale
        else:
            self._full = ref_mohm or 4300000
        self._two = bytearray(2)
        self._back = bytearray(2)
        self._ask = bytearray(3)
        self._answer = bytearray(3)

    def _write(self, register, value):
        self._two[0] = _WRITE | register
        self._two[1] = value
        self._bus.transfer(self._two, self._back)

    def _read(self, register):
        self._two[0] = register
        self._two[1] = 0
        self._bus.transfer(self._two, self._back)
        return self._back[1]

    def probe(self):
        """Check that it keeps what is written, and set its thresholds. Raises NodeError no_device, wrong_identity."""
        self._write(_CONFIG, self._setup | _CLEAR)
        rows = ((_CONFIG, self._setup), (_HIGH_MSB, 0xFF), (_HIGH_MSB + 1, 0xFE), (_HIGH_MSB + 2, 0x01))
        for register, value in rows:
            if register != _CONFIG:
                self._write(register, value)
            back = self._read(register)
            if back == value:
                continue
            if back in (0x00, 0xFF):
                raise NodeError(
                    "no_device",
                    "MAX31865: only 0x%02x on the bus: check power, the chip select and the SDO wire" % back,
                )
            raise NodeError(
                "wrong_identity",
                "MAX31865: register %d reads 0x%02x, not 0x%02x: another device, or SPI not in mode 1 or 3"
                % (register, back, value),
            )

    def convert(self):
        """Switch the bias on, look for broken wires, and start to convert. Raises NodeError no_device."""
        self._write(_CONFIG, self._setup | _BIAS | _CLEAR)
        self._write(_CONFIG, self._setup | _BIAS | _DETECT)
        for _ in range(_LOOKS):
            if not self._read(_CONFIG) & _DETECTING:
                break
        else:
            raise NodeError("no_device", "MAX31865: its look for broken wires does not end: check its supply")
        self._write(_CONFIG, self._setup | _BIAS | _AUTO)

    def read(self, out):
        """Write the last converted temperature, milli-degrees C, to out[0], and switch the bias off. Raises NodeError
        wire_break, short_circuit, overrange, range, no_device.
        """
        self._ask[0] = _RTD_MSB
        self._bus.transfer(self._ask, self._answer)
        value = self._answer[1] << 8 | self._answer[2]
        faults = self._read(_FAULTS)
        setup = self._read(_CONFIG)
        self._write(_CONFIG, self._setup)
        if setup != self._setup | _BIAS | _AUTO:
            raise NodeError("no_device", "MAX31865: it forgot its setting (0x%02x): check its supply" % setup)
        if value & 1:
            for bit, name, text in _BITS:
                if faults & bit:
                    raise NodeError(name, "MAX31865: %s (fault register 0x%02x)" % (text, faults))
        # code / 32768 of the reference, by parts: code * full does not fit.
        code = value >> 1
        whole = self._full // 32768
        millionths = code * whole + (code * (self._full - whole * 32768)) // 32768
        if not ratio(-20) <= millionths <= ratio(85):
            raise NodeError("range", "MAX31865: no platinum element has that resistance (code %d)" % code)
        out[0] = celsius(millionths)


DEVICE = MAX31865
