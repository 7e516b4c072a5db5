"""Flat line: a value that has not moved by more than `tolerance` for `on_delay_s` is no live measurement.

A stretch is flat as long as its greatest and its least value are at most `tolerance` apart; the first value
that breaks it begins the next stretch and ends the state at once. (A stuck sensor or a frozen signal: the
'flat line' test of the quality control of time series, IOOS QARTOD.)
"""

from babbitt_node.checks import base
from babbitt_node.checks.base import COMMON
from babbitt_node.hal.compile import const

_SEEN = const(11)
_LEAST = const(12)
_MOST = const(13)
_HALF = const((1 << 29) - 1)  # so that the difference of two values stays within 30 bits


class Flat(base.Check):
    """Settings: tolerance (unit of the channel), on_delay_s, level. It is H, or HH with level alarm."""

    TYPE = "flat"
    LAYOUT = 0x601
    SIZE = COMMON + 3
    SETTINGS = (("tolerance", 0, 1 << 29, 0), ("on_delay_s", 1, 86400, 3600), base.LEVEL)

    def _judge(self, value, dt_ms):
        s = self._s
        x = max(-_HALF, min(_HALF, value))
        least = min(s[_LEAST], x)
        most = max(s[_MOST], x)
        moved = not s[_SEEN] or most - least > self.settings["tolerance"]
        if moved:
            self._switch(self._high, self._high, False, True, dt_ms)  # the stretch before is over
            s[_SEEN] = 1
            least = most = x
        s[_LEAST] = least
        s[_MOST] = most
        self._switch(self._high, self._high, True, False, 0 if moved else dt_ms)
        return self._worst()

    def evidence(self):
        """least, most: of the present stretch, in the unit of the channel."""
        return {"least": self._s[_LEAST], "most": self._s[_MOST]}

    def _plausible(self, source):
        if not super()._plausible(source) or not 0 <= source[_SEEN] <= 1:
            return False
        return -_HALF <= source[_LEAST] <= source[_MOST] <= _HALF
