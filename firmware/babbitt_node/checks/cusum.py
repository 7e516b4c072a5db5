"""Cumulative sums: has the mean moved, although no single value is remarkable?

Two-sided tabular CUSUM (Page, Biometrika 41, 1954; Montgomery, Introduction to Statistical Quality Control,
chapter 9) on z = (x - mean) / s, mean and s learnt of `learn` values and then kept (learner.py):

    up = max(0, up + z - k)         down = max(0, down - z - k)         beyond: a sum > h

z is limited to +-8, so that one wild value is not a shift, and a sum to 2h, so that it comes down again; back
inside is a sum of at most h/2. The sums are in hundredths of a standard deviation. Records between false
alarms of independent Gaussian values, two-sided (Siegmund 1985): (exp(2kb) - 2kb - 1) / (4 k^2), b = h +
1.166; a shift of d > k is found after about h / (d - k) records.
"""

from babbitt_node.checks import base
from babbitt_node.checks.learner import LEARNT, ROWS, Learner
from babbitt_node.dsp.intmath import muldiv
from babbitt_node.hal.compile import const

_UP = LEARNT  # the sums, hundredths of a standard deviation
_DOWN = LEARNT + 1
_Z_MAX = const(800)


class Cusum(Learner):
    """Settings: k10, h10 (tenths of a standard deviation), learn, floor, floor_abs as `zscore`, level,
    on_delay_s, off_delay_s.
    """

    TYPE = "cusum"
    LAYOUT = 0x501
    SIZE = LEARNT + 2
    SETTINGS = (("k10", 1, 50, 10), ("h10", 20, 1000, 200)) + ROWS + (base.LEVEL,) + base.DELAYS

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        self._k = self.settings["k10"] * 10
        self._h = self.settings["h10"] * 10

    def _compare(self, x, dt_ms):
        s = self._s
        h = self._h
        centre = self._centre()
        z = min(_Z_MAX, muldiv(abs(x - centre), 800, self._sigma8(centre)))
        if x < centre:
            z = -z
        up = s[_UP] = max(0, min(h << 1, s[_UP] + z - self._k))
        down = s[_DOWN] = max(0, min(h << 1, s[_DOWN] - z - self._k))
        self._switch(self._high, self._high, up > h, up <= h >> 1, dt_ms)
        self._switch(self._low, self._low, down > h, down <= h >> 1, dt_ms)
        return self._worst()

    def evidence(self):
        """As Learner, and the sums `up` and `down` in tenths of a standard deviation."""
        found = super().evidence()
        if found:
            found["up"], found["down"] = self._s[_UP] // 10, self._s[_DOWN] // 10
        return found

    def _calm(self, state):
        state[_UP] = state[_DOWN] = 0

    def _plausible(self, source):
        top = self._h << 1
        return super()._plausible(source) and 0 <= source[_UP] <= top and 0 <= source[_DOWN] <= top
