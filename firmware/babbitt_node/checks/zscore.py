"""Rolling statistics: how many standard deviations is a value away from what is usual here?

It learns the mean and the mean absolute deviation of `learn` values, then judges each value before it learns
from it (EWMA, weight 2^-shift). The standard deviation is taken as 1.2533 x the mean absolute deviation
(exact for Gaussian noise: sqrt(pi/2)), but at least `floor` thousandths of the mean and `floor_abs`. An
anomaly is never learnt as normal: only values within half the limit are learnt, and only in state N.

Values are limited to +-2^24 (16.7 g in micro-g) for the statistics. Mean and deviation carry 16 binary places
in a second word, so that a weight of 2^-10 loses nothing.
"""

from babbitt_node.checks import base
from babbitt_node.checks.base import COMMON, HELD, HH, LEARNING, LL, NORMAL, STATE, H, L
from babbitt_node.dsp.intmath import MAX, muldiv
from babbitt_node.hal.compile import const

_COUNT = const(11)  # values learnt, up to `learn`
_MEAN = const(12)  # and its 16 binary places
_DEV = const(14)  # mean absolute deviation, and its 16 binary places
_Z10 = const(16)  # distance of the last value, tenths of a standard deviation
_LIMIT = const(1 << 24)


class ZScore(base.Check):
    """Settings: z10 (tenths), learn (values), shift, floor (thousandths of the mean), floor_abs, on_delay_s,
    off_delay_s.
    """

    TYPE = "zscore"
    LAYOUT = 0x201
    SIZE = COMMON + 6
    SETTINGS = (
        ("z10", 20, 200, 60),
        ("learn", 8, 4096, 64),
        ("shift", 3, 10, 7),
        ("floor", 1, 500, 50),
        ("floor_abs", 0, 1 << 29, 1),
    ) + base.DELAYS
    FIRST = LEARNING

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        settings = self.settings
        self._z10 = settings["z10"]
        self._learn = settings["learn"]
        self._weight = 1 << settings["shift"]
        self._floor = settings["floor"]
        self._floor_abs = min(settings["floor_abs"], 1 << 25)

    def _judge(self, value, dt_ms):
        s = self._s
        x = max(-_LIMIT, min(_LIMIT, value))
        if s[STATE] == LEARNING:
            return self._study(x, dt_ms)
        centre = self._centre()
        away = abs(x - centre)
        z10 = muldiv(away, 80, self._sigma8(centre))
        s[_Z10] = z10
        beyond = z10 > self._z10
        high = beyond and x > centre
        low = beyond and x < centre
        if s[STATE] == NORMAL and z10 <= self._z10 >> 1:
            self._follow(_MEAN, x, self._weight)
            self._follow(_DEV, away, self._weight)
        self._switch(H, HH, high, not high, dt_ms)
        self._switch(L, LL, low, not low, dt_ms)
        return self._worst()

    def _study(self, x, dt_ms):
        """Learn one value: plain running averages. The first value only sets the mean, its deviation is not
        known.
        """
        s = self._s
        count = s[_COUNT]
        if count:
            s[HELD] = base.lengthened(s[HELD], dt_ms)
            self._follow(_DEV, abs(x - self._centre()), count)
        self._follow(_MEAN, x, count + 1)
        s[_COUNT] = count + 1
        return NORMAL if count + 1 >= self._learn else LEARNING

    def _follow(self, at, x, weight):
        """Move the average at s[at] (16 binary places in s[at + 1]) by 1/weight of its distance to x."""
        s = self._s
        d = x - s[at]
        places = s[at + 1] + (((d % weight) << 16) - s[at + 1]) // weight
        s[at] += d // weight + (places >> 16)
        s[at + 1] = places & 0xFFFF

    def _centre(self):
        """The mean, rounded."""
        return self._s[_MEAN] + (self._s[_MEAN + 1] >> 15)

    def _sigma8(self, centre):
        """The standard deviation in eighths, floors included, at least 1: 1.2533 = 1 + 1/4 + 1/256 within 0.1
        %.
        """
        dev8 = (self._s[_DEV] << 3) | (self._s[_DEV + 1] >> 13)
        sigma8 = dev8 + (dev8 >> 2) + (dev8 >> 8)
        return max(sigma8, muldiv(abs(centre), self._floor, 1000) << 3, self._floor_abs << 3, 1)

    def evidence(self):
        """mean, dev (standard deviation in use) in the unit of the channel, z in tenths; empty while
        learning.
        """
        if self._s[STATE] == LEARNING:
            return {}
        centre = self._centre()
        return {"mean": centre, "dev": self._sigma8(centre) >> 3, "z": self._s[_Z10]}

    def _plausible(self, source):
        if not super()._plausible(source):
            return False
        if not (0 <= source[_COUNT] <= self._learn and 0 <= source[_Z10] <= MAX):
            return False
        if not (-_LIMIT <= source[_MEAN] <= _LIMIT and 0 <= source[_DEV] <= _LIMIT << 1):
            return False
        return 0 <= source[_MEAN + 1] <= 0xFFFF and 0 <= source[_DEV + 1] <= 0xFFFF
