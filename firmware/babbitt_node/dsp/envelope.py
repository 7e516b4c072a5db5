"""The envelope of a band: knocks that ring in it show at the rate at which they come.

    rms = envelope(spectrum, axis, 1024, 15625, 4, 3199712, 500, 1500)     # micro-g, or None
    count = envelope_peaks(spectrum, 3)          # spectrum.frequency[i] in mHz, .amplitude[i] in micro-g

Method: the magnitude of the analytic signal of the band. The transform of the whole window keeps only the bins of
the band; moved down to bin 0 (which leaves the magnitude as it is) they are transformed back with half the points,
so the envelope has n/2 samples at half the rate (Randall and Antoni, 'Rolling element bearing diagnostics - a
tutorial', MSSP 25, 2011, section 4.3). Its spectrum has its mean removed and Hann's window.
"""

from babbitt_node.dsp import bins, fft
from babbitt_node.dsp.scaling import edges, scaled
from babbitt_node.dsp.spectrum import BIAS, FIRST


def envelope(spectrum, axis, n, num, den, rate_mhz, low_hz, high_hz):
    """RMS of the envelope of low_hz..high_hz (its mean included: the level of the band times the root of 2).

    None if the band has no bin. Arguments and errors as of Spectrum.window, whose results it overwrites.
    """
    spectrum.load(axis, n, num, den, rate_mhz)
    pair = spectrum.pair
    edges(low_hz, high_hz, spectrum.log, rate_mhz, pair)
    first = pair[0]
    count = pair[1] - first + 1
    if count < 1:
        return None
    z = spectrum.z
    m = n >> 1
    spectrum.bins()
    down = bins.baseband(z, first, count, m)
    fft.reverse(z, 0, m)
    fft.transform(z, 0, m, spectrum.table, spectrum.size)
    fft.magnitudes(z, 0, m)
    # Counts an unit: twice the bins over n, which are halved.
    spectrum.shift = 2 + down - spectrum.up - spectrum.log
    bins.root(z, 0, m, pair)
    shift = pair[1] - BIAS + spectrum.shift - (spectrum.log >> 1)
    if spectrum.log & 1:
        return scaled(pair[0], shift, num, den, 1, 1)
    return scaled(pair[0], shift, 741455, 524288, num, den)  # the root of 2


def envelope_peaks(spectrum, wanted):
    """Find the largest local maxima (1..8) of the spectrum of the last envelope, from bin 2 up to a quarter of the
    rate: `spectrum.frequency` and `.amplitude` (0 to peak). Returns how many there are. Once for each envelope.
    """
    z = spectrum.z
    m = spectrum.n >> 1
    down = bins.lift(z, m, 1 << (30 - spectrum.log))
    fft.reverse(z, m, m >> 1)
    fft.transform(z, m, m >> 1, spectrum.table, spectrum.size)
    fft.split(z, m, m >> 1, spectrum.table, spectrum.size)
    fft.hann(z, m, m >> 1)
    fft.magnitudes(z, m, m >> 1)
    shift = spectrum.shift + 4 - spectrum.log + down
    return spectrum.summits(m, FIRST, (m >> 1) - 3, wanted, shift)
