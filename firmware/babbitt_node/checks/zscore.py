"""Rolling statistics: how many standard deviations is a value away from what is usual here?

It learns the mean and the mean absolute deviation of `learn` values (learner.py), then judges each value
before it learns from it (EWMA, weight 2^-shift). An anomaly is never learnt as normal: only values within
half the limit are learnt, and only in state N.
"""

from babbitt_node.checks import base
from babbitt_node.checks.base import HH, LL, NORMAL, STATE, H, L
from babbitt_node.checks.learner import DEV, LEARNT, MEAN, ROWS, Learner
from babbitt_node.dsp.intmath import MAX, muldiv

_Z10 = LEARNT  # distance of the last value, tenths of a standard deviation


class ZScore(Learner):
    """Settings: z10 (tenths), learn (values), shift, floor (thousandths of the mean), floor_abs, on_delay_s,
    off_delay_s.
    """

    TYPE = "zscore"
    LAYOUT = 0x201
    SIZE = LEARNT + 1
    SETTINGS = (("z10", 20, 200, 60), ("shift", 3, 10, 7)) + ROWS + base.DELAYS

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        self._z10 = self.settings["z10"]
        self._weight = 1 << self.settings["shift"]

    def _compare(self, x, dt_ms):
        s = self._s
        centre = self._centre()
        away = abs(x - centre)
        z10 = muldiv(away, 80, self._sigma8(centre))
        s[_Z10] = z10
        beyond = z10 > self._z10
        high = beyond and x > centre
        low = beyond and x < centre
        if s[STATE] == NORMAL and z10 <= self._z10 >> 1:
            self._follow(MEAN, x, self._weight)
            self._follow(DEV, away, self._weight)
        self._switch(H, HH, high, not high, dt_ms)
        self._switch(L, LL, low, not low, dt_ms)
        return self._worst()

    def evidence(self):
        """As Learner, and z in tenths."""
        found = super().evidence()
        if found:
            found["z"] = self._s[_Z10]
        return found

    def _plausible(self, source):
        return super()._plausible(source) and 0 <= source[_Z10] <= MAX
