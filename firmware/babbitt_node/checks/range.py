"""Range: a value outside what is physically possible, which is a fault of the measurement and not of the
machine.

The bounds are `lo` and `hi`; one that is absent is what the sensor can deliver (`know`). On a bound is
inside.
"""

from babbitt_node.checks import base
from babbitt_node.checks.base import HH, PREVIOUS, H
from babbitt_node.dsp.intmath import MAX
from babbitt_node.errors import NodeError


class Range(base.Check):
    """Settings: lo, hi (unit of the channel, absent: of the sensor), level, on_delay_s, off_delay_s. It is L
    or H, with level alarm LL or HH.
    """

    TYPE = "range"
    LAYOUT = 0x801
    SETTINGS = (("lo", -MAX, MAX, None), ("hi", -MAX, MAX, None), base.LEVEL) + base.DELAYS

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        self._lo = self._hi = None
        self.know(-MAX, MAX)
        if self._lo > self._hi:
            raise NodeError("config_invalid", "hi: %d is below lo %d" % (self._hi, self._lo))

    def know(self, low, high):
        """See base.Check; `lo` and `hi` of the configuration come first."""
        lo, hi = self.settings["lo"], self.settings["hi"]
        self._lo = low if lo is None else lo
        self._hi = high if hi is None else hi

    def _judge(self, value, dt_ms):
        self._switch(self._high, self._high, value > self._hi, value <= self._hi, dt_ms)
        self._switch(self._low, self._low, value < self._lo, value >= self._lo, dt_ms)
        return self._worst()

    @property
    def limit(self):
        """The bound that was or is passed."""
        state = self._reported()
        if state > HH:
            state = self._s[PREVIOUS]
        if state > HH:
            return None
        return self._hi if state >= H else self._lo
