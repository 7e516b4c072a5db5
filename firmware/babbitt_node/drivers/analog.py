"""An analog input: a transmitter of 4-20 mA over a shunt, a resistance (NTC) in a divider, or a voltage, by a table of points.

    sensor = Analog(board.bus("adc0"), "current", 100000, 10000, 3300, "bar", [[4000, 0], [20000, 16000]])
    sensor.probe()
    sensor.convert()
    sensor.read(out)                   # out[0]: thousandths of the unit; NodeError wire_break, overrange,
                                       # short_circuit, range

`input` says what the points begin with: microamperes (`current`), ohms (`resistance`, from the pin to ground, with
`series_ohm` from the pin to `supply_mv`) or millivolts (`voltage`). Between two points lies a line. A current is judged by
NAMUR NE 43 (2003): below 3.6 mA is `wire_break`, above 21 mA `overrange`; from 3.6 to 21 mA the outer lines go on. Elsewhere a
value beyond the table is `range`. Without points: per cent of the span of 4-20 mA; volts; or degrees C of the usual
NTC of 10 kilohms, B 3950 (every 5 K of R = 10000 exp(3950 (1/T - 1/298.15)); the lines are within 0.25 K of it).
"""

from babbitt_node.dsp.intmath import MAX, muldiv
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal.compile import const

KIND = "scalar"
BUSES = ("adc",)
SETTINGS = (
    ("input", ("current", "resistance", "voltage"), "current"),
    ("shunt_mohm", 1000, 1000000, 100000),
    ("series_ohm", 10, 10000000, 10000),
    ("supply_mv", 500, 5500, 3300),
    ("unit", ("%", "degC", "V", "A", "mA", "bar", "Pa", "mm/s", "l/min", "kW", "Hz", "ppm"), None),
    ("points", None),
)

_BREAK_UA = const(3600)
_OVER_UA = const(21000)

_UNITS = {"current": "%", "resistance": "degC", "voltage": "V"}
_POINTS = {
    "current": ((4000, 0), (20000, 100000)),
    "voltage": ((0, 0), (5500, 5500)),
    "resistance": (
        (359, 125000), (407, 120000), (463, 115000), (529, 110000), (606, 105000), (698, 100000),
        (805, 95000), (934, 90000), (1087, 85000), (1270, 80000), (1492, 75000), (1760, 70000),
        (2086, 65000), (2486, 60000), (2978, 55000), (3588, 50000), (4348, 45000), (5301, 40000),
        (6506, 35000), (8037, 30000), (10000, 25000), (12535, 20000), (15837, 15000), (20175, 10000),
        (25925, 5000), (33621, 0), (44026, -5000), (58246, -10000), (77898, -15000), (105385, -20000),
        (144317, -25000), (200204, -30000), (281577, -35000), (401860, -40000),
    ),
}  # fmt: skip


def curve(found, path):
    """Check a list of 2 to 32 points [x, y] of integers within +-2^29, each x above the one before. Raises ConfigError."""
    from babbitt_node.rules import a_list, shown

    a_list(found, path, 2, 32)
    before = None
    for i, point in enumerate(found):
        here = "%s[%d]" % (path, i)
        a_list(point, here, 2, 2)
        for value in point:
            if type(value) is not int or not -536870912 <= value <= 536870912:
                raise ConfigError(here, "expected two integers within +-2^29, got %s" % shown(point))
        if before is not None and point[0] <= before:
            raise ConfigError(here, "%d does not rise: x was %d before" % (point[0], before))
        before = point[0]


def check(spec, path, bus):
    """See `drivers`: the points, and what depends on `input`."""
    if spec["points"] is not None:
        curve(spec["points"], path + ".points")
    if spec["unit"] is None:
        spec["unit"] = "%" if spec["points"] else _UNITS[spec["input"]]


def quantities(spec):
    """See `samplers/scalar.py`. A temperature has no name of its own, as that of every thermometer."""
    values = [point[1] for point in spec["points"] or _POINTS[spec["input"]]]
    low, high = min(values), max(values)
    beyond = (high - low) // 15 + 1  # 3.6 and 21 mA are 2.5 and 6.25 % beyond the span
    name = "" if spec["unit"] == "degC" else "value"
    return ((name, spec["unit"], -3, low - beyond, high + beyond),)


QUANTITIES = quantities


def on_line(x, x0, y0, x1, y1):
    """The value at x of the line through (x0, y0) and (x1, y1), x0 < x1, rounded and within +-(2^30-1); x may lie a little
    outside.
    """
    rise = y1 - y0
    up = (x >= x0) == (rise >= 0)
    found = muldiv(abs(x - x0), abs(rise), x1 - x0)
    if up:
        return MAX if y0 > MAX - found else y0 + found
    return -MAX if y0 < found - MAX else y0 - found


class Analog:
    """The input at `bus`, an object with `microvolts()`. Settings as at the top."""

    convert_ms = 0

    def __init__(
        self, bus, input, shunt_mohm=100000, series_ohm=10000, supply_mv=3300, unit=None, points=None
    ):
        self._bus = bus
        self._input = input
        self._shunt = shunt_mohm
        self._series = series_ohm
        self._supply = supply_mv * 1000
        self._points = points or _POINTS[input]

    def probe(self):
        """Nothing to ask: a pin has no identity."""

    def convert(self):
        """Nothing to start."""

    def read(self, out):
        """Write the value, thousandths of the unit, to out[0]. Raises NodeError wire_break, overrange, short_circuit,
        range.
        """
        uv = self._bus.microvolts()
        points = self._points
        if self._input == "current":
            x = muldiv(uv, 1000, self._shunt)
            if x < _BREAK_UA:
                raise NodeError(
                    "wire_break",
                    "analog: %d microamperes, below 3.6 mA: a wire or the transmitter's supply" % x,
                )
            if x > _OVER_UA:
                raise NodeError(
                    "overrange", "analog: %d microamperes, above 21 mA: the transmitter reports a failure" % x
                )
        elif self._input == "resistance":
            if uv >= self._supply - self._supply // 64:
                raise NodeError(
                    "wire_break", "analog: %d mV, the supply: the sensor or a wire is open" % (uv // 1000)
                )
            if uv <= self._supply // 256:
                raise NodeError(
                    "short_circuit", "analog: %d mV: the sensor or its wires are shorted" % (uv // 1000)
                )
            x = muldiv(self._series, uv, self._supply - uv)
        else:
            x = uv // 1000
        if self._input != "current" and not points[0][0] <= x <= points[-1][0]:
            raise NodeError(
                "range", "analog: %d is outside the points, %d to %d" % (x, points[0][0], points[-1][0])
            )
        at = 1
        while at < len(points) - 1 and points[at][0] < x:
            at += 1
        out[0] = on_line(x, points[at - 1][0], points[at - 1][1], points[at][0], points[at][1])


DEVICE = Analog
