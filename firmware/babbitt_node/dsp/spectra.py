"""The part of a plan that needs a spectrum: velocity, bands, peaks, orders, envelope."""

from array import array

from babbitt_node.dsp.spectrum import MAX_MHZ, MIN_MHZ, shared
from babbitt_node.hal.compile import const

VELOCITY_LOW = const(10)  # Hz: ISO 20816-1, broad-band vibration
VELOCITY_HIGH = const(1000)
_TOP = const(50000)


class Spectra:
    """What the settings of a sensor ask of the spectrum of each axis.

    spec, num, den: as of plan.Plan.
    """

    def __init__(self, spec, num, den):
        self._n = spec["window"]
        self._num = num
        self._den = den
        self._spectrum = shared(self._n)
        self._velocity = "velocity" in (spec.get("features") or ())
        self._bands = array("H", [hz for band in spec.get("bands") or () for hz in band])
        self._peaks = spec.get("peaks") or 0
        self._orders = 3 if spec.get("rpm") is not None else 0
        self._direct = self._velocity or len(self._bands) or self._peaks or self._orders
        self._envelope = None
        envelope = spec.get("envelope")
        if envelope:
            from babbitt_node.dsp import envelope as module

            self._envelope = module
            self._low = envelope["lo"]
            self._high = envelope["hi"]
            self._lines = envelope["peaks"]

    def write(self, axis, rate_mhz, shaft_mhz, out, at):
        """As plan.Plan.write: velocity, bands, peaks, orders, envelope."""
        if rate_mhz is None or not MIN_MHZ <= rate_mhz <= MAX_MHZ:
            for i in range(at, at + self._width()):
                out[i] = None
            return
        spectrum = self._spectrum
        if self._direct:
            spectrum.window(axis, self._n, self._num, self._den, rate_mhz)
        if self._velocity:
            out[at] = spectrum.velocity(VELOCITY_LOW, VELOCITY_HIGH)
            at += 1
        bands = self._bands
        for i in range(0, len(bands), 2):
            out[at] = spectrum.level(bands[i], bands[i + 1])
            at += 1
        if self._peaks:
            self._lines_of(spectrum.peaks(self._peaks, 0, _TOP), self._peaks, out, at)
            at += 2 * self._peaks
        for order in range(1, self._orders + 1):
            out[at] = spectrum.order(order * shaft_mhz) if shaft_mhz is not None else None
            at += 1
        if self._envelope is not None:
            out[at] = self._envelope.envelope(
                spectrum, axis, self._n, self._num, self._den, rate_mhz, self._low, self._high
            )
            if self._lines:
                found = 0 if out[at] is None else self._envelope.envelope_peaks(spectrum, self._lines)
                self._lines_of(found, self._lines, out, at + 1)

    def _width(self):
        width = (1 if self._velocity else 0) + len(self._bands) // 2 + 2 * self._peaks + self._orders
        return width + (1 + 2 * self._lines if self._envelope is not None else 0)

    def _lines_of(self, found, wanted, out, at):
        """Write the frequencies and amplitudes of `found` peaks of the `wanted` ones."""
        spectrum = self._spectrum
        for i in range(wanted):
            out[at] = spectrum.frequency[i] if i < found else None
            out[at + 1] = spectrum.amplitude[i] if i < found else None
            at += 2
