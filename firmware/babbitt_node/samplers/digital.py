"""A contact: the share of a record in which it was closed, and how often it changed.

The driver's device: `probe()`, `take(out)` as in `drivers/digital.py`.
"""

from array import array

from babbitt_node.errors import NodeError
from babbitt_node.samplers import Sampler

SETTINGS = ()

_MAX = 0x3FFFFFFF


def names(spec, driver):
    """See `samplers`."""
    return ["closed", "changes"]


def busy_ms(spec):
    """See `samplers`: interrupts watch."""
    return 0


def check(spec, path, interval_s):
    """See `samplers`."""


class DigitalSampler(Sampler):
    """One contact. Its first record, which has no length yet, says how it is now."""

    def __init__(self, spec, driver, device, interval_s, quiet=None):
        super().__init__(spec, driver, device)
        self.every_s = interval_s
        self._out = array("i", [0] * 3)

    def channels(self):
        """Channel descriptions in the order of the values."""
        return [self._channel(0, "", -3, 0, 1000), self._channel(1, "", 0, 0, _MAX)]

    async def measure(self, out, at):
        """Close the record: thousandths of it that the contact was closed, and changes."""
        out[at] = out[at + 1] = None
        try:
            self._ready()
            self._device.take(self._out)
        except NodeError as error:
            self._failed(error)
            return
        self.fault = None
        closed, total, changes = self._out
        if total > 0:
            while total > 1000000:  # products stay below 2^30
                total >>= 1
                closed >>= 1
            out[at] = (closed * 1000 + total // 2) // total
            out[at + 1] = changes


SAMPLER = DigitalSampler
