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
from babbitt_node.dsp.scaling import finish, place, start, times
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

FIRST = const(2)
MIN_SAMPLES = const(256)
MAX_SAMPLES = const(4096)
MAX_PEAKS = const(8)
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


def first_bin(hz, log, rate_mhz):
    """The first usable bin at or above `hz` (0..50000) of a window of 2^log samples."""
    return max(
        FIRST, (place(hz * 1000, log + 8, rate_mhz, 1 << 23) + 0xFE) >> 8
    )  # 1/128 of a bin below counts as reached


def last_bin(hz, log, rate_mhz):
    """The last usable bin at or below `hz` (0..50000) of a window of 2^log samples."""
    return min((1 << log - 1) - 2, (place(hz * 1000, log + 8, rate_mhz, 1 << 23) + 2) >> 8)


_pair = array("i", [0, 0])


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
        """Take axis[0:n] (array('h') of counts of num/den micro-g) into z as n/2 complex values; True if it moves."""
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
        span = max(mean - sums[1], sums[2] - mean)
        up = 0
        while span and span << (up + 1) <= 1 << (29 - self.log):
            up += 1
        self.up = up
        fft.widen(axis, n, mean, up, self.z)
        return span > 0

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
        first = first_bin(low_hz, self.log, self._rate)
        last = last_bin(high_hz, self.log, self._rate)
        if first > last:
            return None
        self.root(first, last - first + 1)
        pair = _pair
        pair[1] += 1 - self.up - self.log  # bins are halved
        times(pair, self._num * 18919, self._den << 13)  # 4 / sqrt(3)
        return finish(pair)

    def velocity(self, low_hz, high_hz):
        """Velocity RMS in um/s of the bins in low_hz..high_hz; None if there is none.

        Every bin is divided by 2 pi f (integration in the frequency domain). Hann widens a line at bin k to a
        power-weighted variance of 1/3 bin^2, which would raise the mean of 1/k^2 by 1/k^4; dividing by
        sqrt(k^2 + 1) instead of k takes that back (0.2 % left at k = 4, 3 % without).
        """
        first = first_bin(low_hz, self.log, self._rate)
        last = last_bin(high_hz, self.log, self._rate)
        if first > last:
            return None
        z = self.z
        count = last - first + 1
        top = bins.tallest(z, first, count)
        up = 11
        while up and top >> 9 << up >= 1 << 28:
            up -= 1
        half = self.n >> 1
        bins.integrated(z, 0, first, last, up, half)
        self.root(half, count)
        pair = _pair
        pair[1] += 6 - up - self.up
        times(pair, self._num * 28836, self._den)  # 9.80665 x 1000 x 4 / sqrt(3) / (2 pi) x 8
        times(pair, 1, self._rate)
        return finish(pair)

    def root(self, at, count):
        """The root of the sum of squares of z[at:at+count], in `_pair`."""
        top = bins.tallest(self.z, at, count)
        down = up = 0
        while top >> down >= 0x7FFF:
            down += 1
        while top and top << (up + 1) <= 0x7FFF:
            up += 1
        bins.energy(self.z, at, count, down, up, _pair)
        return _pair

    def peaks(self, wanted, low_hz, high_hz):
        """Find the largest local maxima (1..8): `frequency` in mHz and `amplitude` (0 to peak) in micro-g.

        Returns how many there are.
        """
        first = first_bin(low_hz, self.log, self._rate)
        last = min(last_bin(high_hz, self.log, self._rate), (self.n >> 1) - 3)
        return self.summits(0, first, last, wanted, 3 - self.log - self.up)

    def summits(self, at, first, last, wanted, shift):
        """As `peaks`, of the Hann magnitudes from z[at] on, which are 2^-shift counts a unit."""
        bins.summits(self.z, at, first, last, wanted, self._found)
        for i in range(wanted):
            k = self._found[i]
            if k == 0:
                return i
            bins.tone(self.z, at, k, self._tone)
            pair = _pair
            start(pair, self._tone[0], -15 - self.log)
            times(pair, self._rate, 1)
            self.frequency[i] = finish(pair)
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
        pair = _pair
        start(pair, self.z[at + k], shift - 14)
        times(pair, self._tone[1], self._den)
        times(pair, self._num, 1)
        return finish(pair)
