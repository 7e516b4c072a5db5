"""Whether a window of an accelerometer is a measurement at all: faults of the sensor, told apart from those of the machine.

    clipped = Plausible("vib", device, 3200, 20).judge(axes, 512, 3190000)     # NodeError says what is wrong

| fault | rule |
|---|---|
| `wrong_rate` | the measured rate is more than 15 % off the nominal one (a sensor within its tolerance is at most 10 % off) |
| `clipping` | more than a tenth of the samples of an axis are at the limit of the range |
| `stuck` | no axis changes in the whole window, though the noise of the sensor must move the lowest bit |
| `range` | in a quiet window the constant acceleration is not gravity: not 0.65 to 1.35 g |
| `loose` | in two quiet windows in a row gravity comes from a side more than `loose_deg` off the first one seen |

The constant acceleration is the mean of the window. It is judged only in quiet windows, those in which no axis moves by
more than 0.5 g from its lowest to its highest sample: then the mean is at most 0.25 g off on any axis, however few
periods of the vibration the window holds. The 0.35 g leave room for the offset of the cheapest sensor (ADXL345:
0.25 g). Between quiet windows the last verdict holds.

What these rules cannot see: a machine that never has a quiet window is not judged for `range` and `loose`; a sensor that
came loose but lies as before, or turns about the vertical; what happened while the node was off, because the first
quiet window after a start says how the sensor lies. A machine that turns or tips by itself needs `loose_deg` 0, which
leaves `loose` out.
"""

from array import array

from babbitt_node.dsp.intmath import isqrt, muldiv
from babbitt_node.dsp.samples import survey
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

_RATE_PERCENT = const(15)
_CLIPPED = const(10)  # one in so many
_QUIET_UG = const(500000)
_LOW_MG = const(650)
_HIGH_MG = const(1350)
_UNIT = const(1000)
_WINDOWS = const(2)


def chord(degrees):
    """Length of the chord of an angle, 0..90 degrees, in a circle of radius 1000. Method: Bhaskara's sine, within 1.5."""
    t = degrees * (360 - degrees)
    return 8 * _UNIT * t // (162000 - t)


class Plausible:
    """The judge of one sensor.

    name: for texts. device: an accelerometer's driver. rate_hz: nominal. loose_deg: 0..90, 0 for none.
    """

    def __init__(self, name, device, rate_hz, loose_deg):
        self._name = name
        self._device = device
        self._rate = rate_hz * 1000
        self._limit = chord(loose_deg)
        self._out = array("i", [0] * 5)
        self._mean = array("i", [0] * 3)  # mg, then a vector of length 1000
        self._first = array("i", [0] * 3)
        self._known = False
        self._turned = 0  # quiet windows in a row that lie otherwise
        self._size = 0  # constant acceleration, mg, if it is not gravity

    def judge(self, axes, n, rate):
        """Look at a window of three axes (array('h')) of n samples, measured at `rate` mHz (None: not known); returns how
        many samples are clipped. Raises NodeError wrong_rate, stuck, clipping, range, loose.
        """
        device = self._device
        if rate is not None and abs(rate - self._rate) > muldiv(self._rate, _RATE_PERCENT, 100):
            raise NodeError(
                "wrong_rate",
                "%s: %d Hz measured, %d Hz set: the sensor's clock is off, or it was reset"
                % (self._name, rate // 1000, self._rate // 1000),
            )
        clipped = worst = moved = 0
        quiet = True
        out = self._out
        for axis in range(3):
            # Two below the limit: at some rates the lowest bit of a sensor is always 0.
            survey(axes[axis], n, device.full_scale - 2, out)
            clipped += out[3]
            worst = max(worst, out[3])
            moved += out[4]
            if muldiv(out[2] - out[1], device.scale_num, device.scale_den) > _QUIET_UG:
                quiet = False
            half = n // 2 if out[0] >= 0 else -(n // 2)
            mean = (abs(out[0] + half)) // n
            mg = muldiv(mean, device.scale_num, device.scale_den * 1000)
            self._mean[axis] = mg if out[0] >= 0 else -mg
        if worst * _CLIPPED > n:
            raise NodeError(
                "clipping",
                "%s: %d of %d samples of an axis at the limit: a larger range_g, or the sensor is broken"
                % (self._name, worst, n),
            )
        if moved == 0 and device.restless:
            raise NodeError(
                "stuck",
                "%s: %d equal samples on all axes: the sensor hangs or its data line is broken"
                % (self._name, n),
            )
        if quiet:
            self._size = self._lies()
        if self._size:
            raise NodeError(
                "range",
                "%s: %d mg of constant acceleration, gravity is 1000: the sensor or its data line is broken"
                % (self._name, self._size),
            )
        if self._turned >= _WINDOWS:
            raise NodeError(
                "loose",
                "%s: it does not lie as when it was started: tighten it; if it was mounted anew, restart the node"
                % self._name,
            )
        return clipped

    def _lies(self):
        """Look how the sensor lies; returns the constant acceleration, mg, if it is not gravity, else 0."""
        x, y, z = self._mean
        size = isqrt(x * x + y * y + z * z)
        if not _LOW_MG <= size <= _HIGH_MG:
            return max(size, 1)
        off = 0
        for axis in range(3):
            turned = self._mean[axis] * _UNIT // size
            if not self._known:
                self._first[axis] = turned
            off += (turned - self._first[axis]) * (turned - self._first[axis])
        self._known = True
        self._turned = self._turned + 1 if self._limit and isqrt(off) > self._limit else 0
        return 0
