"""Rate of change over the last `records` values, against limits a minute or an hour.

The rate is (mean of the newer half - mean of the older half) / (time between the middles of the halves):
the method of grouping (Wald, Annals of Mathematical Statistics 11, 1940), which needs three quarters of the
noise-free accuracy of least squares and no products beyond 30 bits. Nothing is judged before the window is
full. The time of a gap counts, so a jump across a gap is as slow as the gap is long.

Values are limited to +-(2^24 - 1); times are in tenths of a second, a step at most a day.
"""

from babbitt_node.checks.base import COMMON, STATE
from babbitt_node.checks.limit import Limit
from babbitt_node.dsp.intmath import MAX, muldiv
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

_RECORDS = const(11)  # the setting, so that a window of another length is not taken for this one
_FILL = const(12)  # values in the window
_NEXT = const(13)  # place of the next one
_CARRY = const(14)  # ms not yet in a tenth
_TIME = const(15)  # tenths since the value before
_RATE = const(16)
_RING = const(17)  # `records` values, then the tenths before each
_LIMIT = const((1 << 24) - 1)
_STEP_MAX = const(864000)
_TENTHS = {"hour": 36000, "minute": 600}


class Rate(Limit):
    """Settings: per (hour or minute), records (even); ll, l, h, hh, hysteresis in the unit of the channel per
    hour or minute; on_delay_s, off_delay_s.
    """

    TYPE = "rate"
    LAYOUT = 0x401
    SIZE = COMMON + 6
    SETTINGS = (("per", ("hour", "minute"), None, "hour"), ("records", 2, 64, 16)) + Limit.SETTINGS

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        self._records = self.settings["records"]
        if self._records & 1:
            raise NodeError("config_invalid", "records: %d is not even" % self._records)
        self._tenths = _TENTHS[self.settings["per"]]

    def _room(self, settings):
        return settings["records"] * 2

    def _clear(self):
        super()._clear()
        self._s[_RECORDS] = self.settings["records"]

    def _judge(self, value, dt_ms):
        s = self._s
        n = self._records
        self._pass(dt_ms)
        at = s[_NEXT]
        s[_RING + at] = max(-_LIMIT, min(_LIMIT, value))
        s[_RING + n + at] = s[_TIME]
        s[_TIME] = 0
        s[_NEXT] = at + 1 if at + 1 < n else 0
        if s[_FILL] < n:
            s[_FILL] += 1
        if s[_FILL] < n:
            return self._worst()
        s[_RATE] = self._slope()
        return Limit._judge(self, s[_RATE], dt_ms)

    def _absent(self, dt_ms):
        self._pass(dt_ms)
        return self._s[STATE]

    def _pass(self, dt_ms):
        """Time goes by."""
        s = self._s
        ms = s[_CARRY] + dt_ms
        s[_TIME] = min(_STEP_MAX, s[_TIME] + ms // 100)
        s[_CARRY] = ms % 100

    def _slope(self):
        """The rate of the full window. The middles are sum(min(i, n - i) * step i) / (n/2) tenths apart, and the
        n/2 cancels: sums of both are enough. 32 x 2^25 and 32^2 x 864000 are within 30 bits.
        """
        s = self._s
        n = self._records
        half = n >> 1
        at = s[_NEXT]
        change = 0
        time = 0
        for i in range(n):
            if i < half:
                change -= s[_RING + at]
                time += i * s[_RING + n + at]
            else:
                change += s[_RING + at]
                time += (n - i) * s[_RING + n + at]
            at = at + 1 if at + 1 < n else 0
        away = abs(change)
        if time > 1 << 29:
            time >>= 1
            away >>= 1
        if time == 0:
            return 0
        rate = muldiv(away, self._tenths, time)
        return -rate if change < 0 else rate

    @property
    def limit(self):
        """None: the limit is not in the unit of the value; it is in the evidence."""
        return None

    def evidence(self):
        """rate, and the limit in question, in the unit of the channel in `per` seconds (3600 or 60)."""
        found = {"rate": self._s[_RATE], "per": self._tenths // 10}
        bound = self._bound()
        if bound is not None:
            found["limit"] = bound
        return found

    def _plausible(self, source):
        n = self._records
        if not super()._plausible(source) or source[_RECORDS] != n:
            return False
        if not (0 <= source[_FILL] <= n and 0 <= source[_NEXT] < n and 0 <= source[_CARRY] < 100):
            return False
        if not (0 <= source[_TIME] <= _STEP_MAX and -MAX <= source[_RATE] <= MAX):
            return False
        places = range(_RING, _RING + n)
        return all(-_LIMIT <= source[k] <= _LIMIT and 0 <= source[k + n] <= _STEP_MAX for k in places)
