"""What learning checks share: mean and mean absolute deviation of the first `learn` values, and the standard
deviation made of them.

The standard deviation is taken as 1.2533 x the mean absolute deviation (exact for Gaussian noise:
sqrt(pi/2)), but at least `floor` thousandths of the mean and `floor_abs`. Values are limited to +-2^24 (16.7 g
in micro-g). Mean and deviation carry 16 binary places in a second word, so that a weight of 2^-10 loses
nothing.
"""

from babbitt_node.checks import base
from babbitt_node.checks.base import COMMON, HELD, LEARNING, NORMAL, STATE
from babbitt_node.dsp.intmath import muldiv
from babbitt_node.hal.compile import const

_COUNT = const(11)  # values learnt, up to `learn`
MEAN = const(12)  # and its 16 binary places
DEV = const(14)  # mean absolute deviation, and its 16 binary places
LEARNT = COMMON + 5
LIMIT = const(1 << 24)
ROWS = (("learn", 8, 4096, 64), ("floor", 1, 500, 50), ("floor_abs", 0, 1 << 29, 1))


class Learner(base.Check):
    """Base of checks that learn mean and deviation. Its settings: `ROWS`; its state: the first LEARNT items."""

    FIRST = LEARNING

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        settings = self.settings
        self._learn = settings["learn"]
        self._floor = settings["floor"]
        self._floor_abs = min(settings["floor_abs"], 1 << 25)

    def _judge(self, value, dt_ms):
        x = max(-LIMIT, min(LIMIT, value))
        if self._s[STATE] == LEARNING:
            return self._study(x, dt_ms)
        return self._compare(x, dt_ms)

    def _compare(self, x, dt_ms):
        """As `_judge`, for a value within LIMIT when the baseline is learnt."""
        raise NotImplementedError

    def _study(self, x, dt_ms):
        """Learn one value: plain running averages. The first value only sets the mean, its deviation is not
        known.
        """
        s = self._s
        count = s[_COUNT]
        if count:
            s[HELD] = base.lengthened(s[HELD], dt_ms)
            self._follow(DEV, abs(x - self._centre()), count)
        self._follow(MEAN, x, count + 1)
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
        return self._s[MEAN] + (self._s[MEAN + 1] >> 15)

    def _sigma8(self, centre):
        """The standard deviation in eighths, floors included, at least 1: 1.2533 = 1 + 1/4 + 1/256 within 0.1
        %.
        """
        dev8 = (self._s[DEV] << 3) | (self._s[DEV + 1] >> 13)
        sigma8 = dev8 + (dev8 >> 2) + (dev8 >> 8)
        return max(sigma8, muldiv(abs(centre), self._floor, 1000) << 3, self._floor_abs << 3, 1)

    def evidence(self):
        """mean, dev (standard deviation in use) in the unit of the channel; empty while learning."""
        if self._s[STATE] == LEARNING:
            return {}
        centre = self._centre()
        return {"mean": centre, "dev": self._sigma8(centre) >> 3}

    def _plausible(self, source):
        if not super()._plausible(source) or not 0 <= source[_COUNT] <= self._learn:
            return False
        if not (-LIMIT <= source[MEAN] <= LIMIT and 0 <= source[DEV] <= LIMIT << 1):
            return False
        return 0 <= source[MEAN + 1] <= 0xFFFF and 0 <= source[DEV + 1] <= 0xFFFF
