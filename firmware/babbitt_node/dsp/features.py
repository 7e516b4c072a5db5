"""Features of a vibration window and the slope of a series, in integers and without allocation.

Method: two passes, the second over deviations scaled to 15 bits, so that a signal of two counts is judged as
exactly as one at full scale and the mean is removed before anything is squared (the one-pass formulas cancel
catastrophically on top of gravity).
"""

from array import array

from babbitt_node.dsp import kernels
from babbitt_node.dsp.intmath import isqrt, muldiv
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

MAX = const(0x3FFFFFFF)
MAX_SAMPLES = const(4096)
_sums = array("i", [0] * 5)


def vibration(axis, n, scale_num, scale_den, out, at):
    """Write RMS, peak, crest factor and kurtosis of axis[0:n], its mean removed, to out[at:at+4].

    axis: array('h') of counts. scale_num / scale_den: micro-g a count (1..32767 / 1..128). RMS and peak
    (largest |x - mean|) are in micro-g, crest factor and kurtosis (fourth moment over squared variance, 3000
    for Gaussian noise) in thousandths; all at most 2^30-1. A constant signal gives 0, 0, 0, 0. Raises
    NodeError `range` if n is not in 1..4096 or a buffer is too short. Not re-entrant: the sums are in one
    shared buffer.
    """
    if not 1 <= n <= MAX_SAMPLES or n > len(axis) or at < 0 or at + 4 > len(out):
        raise NodeError("range", "vibration of %d samples of %d into %d of %d" % (n, len(axis), at, len(out)))
    if not (1 <= scale_num <= 32767 and 1 <= scale_den <= 128):
        raise NodeError("range", "scale %d/%d: 1..32767 / 1..128 allowed" % (scale_num, scale_den))
    sums = _sums
    kernels.extent(axis, n, sums)
    mean = sums[0] // n
    below = mean - sums[1]
    above = sums[2] - mean
    span = below if below > above else above
    if span == 0:
        out[at] = out[at + 1] = out[at + 2] = out[at + 3] = 0
        return
    kernels.moments(axis, n, mean, sums[0] - mean * n, span + 1, sums)
    square = sums[0]
    up = sums[2]
    down = sums[3]
    peak = span >> 1 if down else max((below << up) + sums[4], (above << up) - sums[4])
    # Root of the mean square with all the bits there are: root is 2^half times the RMS of d.
    half = 0
    while square >> (28 - half - half) == 0:
        half += 1
    root = isqrt(square << (half << 1))
    out[at] = muldiv(root << down, scale_num, scale_den << (up + half))
    out[at + 1] = muldiv(peak << down, scale_num, scale_den << up)
    out[at + 2] = muldiv(peak << half, 1000, root)
    out[at + 3] = kernels.kurtosis(square, sums[1])


class Slope:
    """Least-squares slope of the last n values of an equally spaced series; gaps (None) keep their place but
    do not count.

    n: 2..32. Values beyond +-(2^30-1) are limited to it.
    """

    def __init__(self, n):
        if not 2 <= n <= 32:
            raise NodeError("range", "slope over %d values: 2..32 allowed" % n)
        self._n = n
        self.SIZE = n + 3
        self._values = array("i", [0] * n)
        self._known = bytearray(n)
        self._next = 0
        self._bound = min((1 << 29) // (n * n * n), 1 << 17)

    def add(self, value):
        """Append a value (int) or a gap (None). Raises NodeError `internal` for anything else."""
        i = self._next
        if value is None:
            self._known[i] = 0
        else:
            if type(value) is not int:
                raise NodeError("internal", "slope of a %s, not an int" % type(value).__name__)
            self._values[i] = max(-MAX, min(MAX, value))
            self._known[i] = 1
        self._next = (i + 1) % self._n

    def dump(self, into):
        """Copy the state to into[0:SIZE] (array('i')): the next place, which places are known (16 bits each), the values."""
        into[0] = self._next
        into[1] = into[2] = 0
        for i in range(self._n):
            into[1 + i // 16] |= self._known[i] << i % 16
            into[3 + i] = self._values[i]

    def load(self, source):
        """Take back a state that `dump` wrote. Raises NodeError `range` if it is none of this length; then nothing changes."""
        if len(source) < self.SIZE or not 0 <= source[0] < self._n:
            raise NodeError("range", "slope: not a state over %d values" % self._n)
        self._next = source[0]
        for i in range(self._n):
            self._known[i] = source[1 + i // 16] >> i % 16 & 1
            self._values[i] = max(-MAX, min(MAX, source[3 + i]))

    def clear(self):
        """Forget all values."""
        for i in range(self._n):
            self._known[i] = 0

    def per_hour(self, interval_s):
        """The slope in value units an hour, `interval_s` (1..86400) seconds apart, rounded, within
        +-(2^30-1); None below two values.
        """
        n = self._n
        values = self._values
        known = self._known
        count = 0
        places = 0
        base = 0
        j = self._next
        for i in range(n):
            if known[j]:
                count += 1
                places += i
                base = values[j]
            j = (j + 1) % n
        if count < 2:
            return None
        # Values relative to the newest one, shifted right until the sum of products fits; a temperature never
        # needs it.
        widest = 0
        for j in range(n):
            if known[j]:
                widest = max(widest, abs((values[j] >> 1) - (base >> 1)))
        cut = 0
        while widest >> cut >= self._bound >> 1:
            cut += 1
        num = 0
        den = 0
        j = self._next
        for i in range(n):
            if known[j]:
                weight = count * i - places
                if cut:
                    num += weight * ((values[j] >> cut) - (base >> cut))
                else:
                    num += weight * (values[j] - base)
                den += weight * i
            j = (j + 1) % n
        hourly = muldiv(muldiv(abs(num), 3600, den), 1 << cut, interval_s)
        return hourly if num >= 0 else -hourly
