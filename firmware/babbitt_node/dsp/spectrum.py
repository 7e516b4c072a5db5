"""The spectrum of one axis at a time, in buffers that all sensors of a node share.

    spectrum = shared(1024)                              # once, for the longest window
    spectrum.window(axis, 1024, 15625, 4, 3199712)       # array('h') of counts, scale, measured rate in mHz
    velocity = spectrum.velocity(10, 1000)               # um/s, None where nothing of 10..1000 Hz is covered
    band = spectrum.level(500, 1500)                     # micro-g
    spectrum.peaks(4, 0, 1600)                                    # .frequency[i] in mHz, .amplitude[i] in micro-g

Method: mean removed, Hann's window, transform of 32-bit integers (`fft`). RMS values are Hann's sum over the bins
of the band, over its noise bandwidth: 16/3 sum |X|^2 / n^2. Bins below FIRST are not used: Hann spreads what is
left of the mean over bins 0 and 1.
"""

import gc
from array import array

from babbitt_node.dsp import bins, fft, kernels
from babbitt_node.dsp.scaling import edges, place, scaled
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

FIRST = const(2)
MIN_SAMPLES = const(256)
MAX_SAMPLES = const(4096)
MAX_PEAKS = const(8)
BIAS = const(4096)  # of the exponent of bins.root
MIN_MHZ = 1000
MAX_MHZ = 100000000
_shared = []


def shared(n):
    """The node's Spectrum, made to hold at least n samples; n as of Spectrum."""
    if not _shared:
        _shared.append(Spectrum(n))
    elif _shared[0].size < n:
        _shared[0].resize(n)
    return _shared[0]


class Spectrum:
    """Buffers and tables for windows of 256, 512 .. n samples; n: a power of two up to 4096: 4.5 n bytes.

    Every method but `window` speaks of the last window. Not re-entrant.
    """

    def __init__(self, n):
        self.size = 0
        self.frequency = array("i", [0] * MAX_PEAKS)
        self.amplitude = array("i", [0] * MAX_PEAKS)
        self._found = array("i", [0] * MAX_PEAKS)
        self._tone = array("i", [0] * 2)
        self.pair = array("i", [0] * 2)
        self._sums = array("i", [0] * 3)
        self.n = 0
        self.resize(n)

    def resize(self, n):
        """Make room for windows of n samples. Raises NodeError `range`."""
        if n not in (256, 512, 1024, 2048, 4096):
            raise NodeError("range", "spectrum of %d samples: 256, 512, 1024, 2048 or 4096" % n)
        self.z = self.table = None
        gc.collect()
        self.z = array("i", bytes(4 * n))
        self.table = fft.quarter(n)
        self.size = n

    def load(self, axis, n, num, den, rate_mhz):
        """Take axis[0:n] (array('h') of counts of num/den micro-g) into z as n/2 complex values."""
        if not (MIN_SAMPLES <= n <= self.size and n & (n - 1) == 0 and n <= len(axis)):
            raise NodeError(
                "range", "spectrum of %d samples of %d in room for %d" % (n, len(axis), self.size)
            )
        if not (1 <= num <= 32767 and 1 <= den <= 128 and MIN_MHZ <= rate_mhz <= MAX_MHZ):
            raise NodeError("range", "scale %d/%d, rate %d mHz" % (num, den, rate_mhz))
        self.n = n
        self._num = num
        self._den = den
        self._rate = rate_mhz
        self.log = 8
        while 1 << self.log < n:
            self.log += 1
        sums = self._sums
        kernels.extent(axis, n, sums)
        mean = sums[0] // n
        self.up = fft.widen(axis, n, mean, max(mean - sums[1], sums[2] - mean), self.z)

    def window(self, axis, n, num, den, rate_mhz):
        """Compute the spectrum of axis[0:n].

        num / den: micro-g a count (1..32767 / 1..128); rate_mhz: 1000..10^8. Raises NodeError `range`.
        """
        self.load(axis, n, num, den, rate_mhz)
        z = self.z
        self.bins()
        fft.hann(z, 0, n >> 1)
        fft.magnitudes(z, 0, n >> 1)

    def bins(self):
        """Transform what `load` left in z: bin k, halved, as complex value k."""
        m = self.n >> 1
        fft.reverse(self.z, 0, m)
        fft.transform(self.z, 0, m, self.table, self.size)
        fft.split(self.z, 0, m, self.table, self.size)

    def level(self, low_hz, high_hz):
        """RMS in micro-g of the bins in low_hz..high_hz (0..50000); None if there is none."""
        pair = self.pair
        edges(low_hz, high_hz, self.log, self._rate, pair)
        first = pair[0]
        count = pair[1] - first + 1
        if count < 1:
            return None
        bins.root(self.z, first, count, pair)
        shift = pair[1] - BIAS + 1 - self.up - self.log  # bins are halved
        return scaled(pair[0], shift, self._num * 18919, self._den << 13, 1, 1)  # 4 / sqrt(3)

    def velocity(self, low_hz, high_hz):
        """Velocity RMS in um/s of the bins in low_hz..high_hz; None if there is none.

        Every bin is divided by 2 pi f (integration in the frequency domain). Hann widens a line at bin k to a
        power-weighted variance of 1/3 bin^2, which would raise the mean of 1/k^2 by 1/k^4; dividing by
        sqrt(k^2 + 1) instead of k takes that back (0.2 % left at k = 4, 3 % without).
        """
        pair = self.pair
        edges(low_hz, high_hz, self.log, self._rate, pair)
        first = pair[0]
        last = pair[1]
        if first > last:
            return None
        half = self.n >> 1
        up = bins.integrated(self.z, first, last, half)
        bins.root(self.z, half, last - first + 1, pair)
        shift = pair[1] - BIAS + 6 - up - self.up
        # 9.80665 x 1000 x 4 / sqrt(3) / (2 pi) x 8
        return scaled(pair[0], shift, self._num * 28836, self._den, 1, self._rate)

    def peaks(self, wanted, low_hz, high_hz):
        """Find the largest local maxima (1..8): `frequency` in mHz and `amplitude` (0 to peak) in micro-g.

        Returns how many there are.
        """
        pair = self.pair
        edges(low_hz, high_hz, self.log, self._rate, pair)
        last = min(pair[1], (self.n >> 1) - 3)
        return self.summits(0, pair[0], last, wanted, 3 - self.log - self.up)

    def summits(self, at, first, last, wanted, shift):
        """As `peaks`, of the Hann magnitudes from z[at] on, which are 2^-shift counts a unit."""
        bins.summits(self.z, at, first, last, wanted, self._found)
        for i in range(wanted):
            k = self._found[i]
            if k == 0:
                return i
            bins.tone(self.z, at, k, self._tone)
            self.frequency[i] = scaled(self._tone[0], -15 - self.log, self._rate, 1, 1, 1)
            self.amplitude[i] = self._height(at, k, shift)
        return wanted

    def order(self, mhz):
        """Amplitude (0 to peak) in micro-g of the line at `mhz`, looked for within 2 %; None beyond the bins.

        Where there is no local maximum it is the height of the slope.
        """
        at = place(mhz, self.log + 8, self._rate, 1 << 23)
        low = (at * 98 // 100) >> 8
        high = (at * 102 // 100 + 255) >> 8
        if at < FIRST << 8 or high > (self.n >> 1) - 3:
            return None
        bins.summits(self.z, 0, max(FIRST, low), high, 1, self._found)
        k = self._found[0]
        if k:
            bins.tone(self.z, 0, k, self._tone)
        else:
            k = (at + 128) >> 8
            self._tone[1] = 16384
        return self._height(0, k, 3 - self.log - self.up)

    def _height(self, at, k, shift):
        return scaled(self.z[at + k], shift - 14, self._tone[1], self._den, self._num, 1)
