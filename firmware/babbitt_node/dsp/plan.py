"""What is computed of each axis of a vibration sensor, as its settings say.

    plan = Plan(spec, names, 15625, 4)           # a validated entry of `sensors`, asked.names(spec); micro-g a count
    plan.write(axis, rate_mhz, shaft_mhz, out, at)

Only a plan that asks for a spectrum loads what computes one.
"""

from array import array

from babbitt_node.dsp.features import vibration

_PLACES = ("rms", "peak", "crest", "kurt", "mean", "p2p")


class Plan:
    """The features of one sensor.

    num / den: micro-g a count (1..32767 / 1..128). Raises MemoryError where the spectrum's buffers find no room.
    """

    def __init__(self, spec, names, num, den):
        self._n = spec["window"]
        self._num = num
        self._den = den
        self._values = array("i", [0] * 6)
        self._places = bytes([_PLACES.index(name) for name in names if name in _PLACES])
        self._shape = any(place < 4 for place in self._places)
        self._levels = self._spectra = None
        if "mean" in names or "p2p" in names:
            from babbitt_node.dsp.levels import levels

            self._levels = levels
        if len(names) > len(self._places):
            from babbitt_node.dsp.spectra import Spectra

            self._spectra = Spectra(spec, num, den)

    def write(self, axis, rate_mhz, shaft_mhz, out, at):
        """Write the values of axis[0:window] to the list `out` from `at` on; an int or None each.

        axis: array('h') of counts. rate_mhz: the measured rate, or None: then there is no spectrum. shaft_mhz:
        revolutions of the shaft in 1000 s, or None. Allocates nothing.
        """
        values = self._values
        if self._shape:
            vibration(axis, self._n, self._num, self._den, values, 0)
        if self._levels is not None:
            self._levels(axis, self._n, self._num, self._den, values, 4)
        for place in self._places:
            out[at] = values[place]
            at += 1
        if self._spectra is not None:
            self._spectra.write(axis, rate_mhz, shaft_mhz, out, at)
