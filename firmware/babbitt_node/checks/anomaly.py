"""A streaming anomaly detector: is what a channel does now unlikely, by its own longer history?

Three signals of the values x: level (x), change (|x - the one before|), spread (|x - recent level|). Of each
the recent mean m (EWMA, weight 2^-recent), and of m the usual mean and mean absolute deviation (EWMA, weight
2^-11): z = |m - usual| / deviation, and the likelihood is the two-sided Gaussian tail probability of z, in
tenths of a decade (100: one in 10^10). This is the anomaly likelihood of Lavin and Ahmad (ICMLA 2015, 'Evaluating
Real-time Anomaly Detection Algorithms') on signals that need no model. The deviation is at least a
sixteenth of the usual spread and `floor_abs`.

A new extreme counts as well: a value more than `margin` per cent of the range so far beyond it, or a recent
level or spread more than 16 x `margin` per cent beyond its own range, which follows with a lag of a quarter of
2^recent. The score is the largest of all, in per cent of its limit. After an alarm nothing is judged for `hold`
values (a refractory latch), then the state falls with the score. It learns all the time: a change that stays
becomes usual within some 2000 values.

Without unit or scale: values are taken relative to the first one and scaled so that the largest excursion
takes 20 bits (block floating point; beyond the largest so far they saturate and the scale widens, at once
while learning, by one bit a value later). At the finest, one step of the channel is 2^16 of them. Values are
limited to +-(2^29-1). Means carry 8 binary places.
"""

from array import array

from babbitt_node.checks import base
from babbitt_node.checks.base import HELD, HH, LEARNING, LL, NORMAL, STATE, H, L
from babbitt_node.dsp.intmath import muldiv
from babbitt_node.hal.compile import const

_COUNT = const(11)  # values seen, up to 4096
_ORIGIN = const(12)  # the first value
_SCALE = const(13)  # y = (x - origin) * 2^scale, |y| <= 2^20
_HOLD = const(14)  # values that are still not judged after an alarm
_SCORE = const(15)  # of the last value, per cent of the limit
_CAUSE = const(16)  # of the last score, 0: nothing; negative: downwards
_BEFORE = const(17)  # y before; the first place that is in the scale of y, all places from here on are
_LOW = const(18)  # range of y
_HIGH = const(19)
_LEVEL = const(20)  # three signals, each: recent mean, usual mean, deviation (8 binary places)
_CHANGE = const(23)
_SPREAD = const(26)
_EXTREMES = const(29)  # range of the recent level, range of the recent spread
_SIZE = const(33)

_FULL = const(1 << 20)
_FINEST = const(16)
_COARSEST = const(-10)
_LIMIT = const((1 << 29) - 1)
_LONG = const(2048)
_MOST = const(4096)

# -10 log10 erfc(z / sqrt(2)), the two-sided Gaussian tail, for z = 0, 1/2 .. 12.
_DECADES = array("H", (0, 2, 5, 9, 13, 19, 26, 33, 42, 52, 62, 74, 87, 101, 116, 132, 149,
                       167, 186, 207, 228, 251, 274, 299, 324))  # fmt: skip


class Anomaly(base.Check):
    """Settings: limit (tenths of a decade), margin (per cent of the range), learn (values), recent (shift),
    hold (values), floor_abs, on_delay_s, off_delay_s.
    """

    TYPE = "anomaly"
    LAYOUT = 0xA01
    SIZE = _SIZE
    SETTINGS = (
        ("limit", 20, 300, 100),
        ("margin", 1, 100, 3),
        ("learn", 16, 4096, 192),
        ("recent", 2, 7, 6),
        ("hold", 0, 4096, 32),
        ("floor_abs", 0, 1 << 29, 1),
    ) + base.DELAYS
    FIRST = LEARNING

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        settings = self.settings
        self._limit = settings["limit"]
        self._margin = settings["margin"]
        self._recent = 1 << settings["recent"]
        # The range of a recent mean means something only after some lengths of it.
        self._learn = max(settings["learn"], 3 * self._recent)
        self._hold = settings["hold"]
        self._floor = settings["floor_abs"]
        # The finest scale at which 16 times the floor, and one step of the channel, still fit.
        scale = _FINEST
        while scale > _COARSEST and (self._floor << scale if scale >= 0 else self._floor >> -scale) > 1 << 16:
            scale -= 1
        self._finest = scale

    def _judge(self, value, dt_ms):
        s = self._s
        x = max(-_LIMIT, min(_LIMIT, value))
        n = s[_COUNT]
        if n == 0:
            s[_ORIGIN] = x
            s[_SCALE] = self._finest
        if n < _MOST:
            s[_COUNT] = n = n + 1
        self._follow(self._scaled(x), n)
        if s[STATE] == LEARNING:
            s[HELD] = base.lengthened(s[HELD], dt_ms) if n > 1 else 0
            return NORMAL if n >= self._learn else LEARNING
        if s[_HOLD]:
            s[_HOLD] -= 1
            return s[STATE]
        beyond = s[_SCORE] > 100
        high = beyond and s[_CAUSE] > 0
        low = beyond and s[_CAUSE] < 0
        self._switch(H, HH, high, not high, dt_ms)
        self._switch(L, LL, low, not low, dt_ms)
        state = self._worst()
        if state != NORMAL and state != s[STATE]:
            s[_HOLD] = self._hold
        return state

    def _scaled(self, x):
        """y of a value; widens the scale if it does not fit."""
        s = self._s
        d = x - s[_ORIGIN]
        size = abs(d)
        while s[_SCALE] > _COARSEST and size > (
            _FULL >> s[_SCALE] if s[_SCALE] >= 0 else _FULL << -s[_SCALE]
        ):
            s[_SCALE] -= 1
            for i in range(_BEFORE, _SIZE):
                s[i] >>= 1
            if s[STATE] != LEARNING:
                break
        e = s[_SCALE]
        if e < 0:
            d >>= -e
        elif size > _FULL >> e:
            return _FULL if d > 0 else -_FULL
        else:
            d <<= e
        return max(-_FULL, min(_FULL, d))

    def _follow(self, y, n):
        """Take the n-th value into all signals, and find the score and its cause."""
        s = self._s
        s[_SCORE] = s[_CAUSE] = 0
        e = s[_SCALE]
        floor = self._floor
        if e < 0:
            floor >>= -e
        else:
            floor <<= e
        least = max(floor << 8, s[_SPREAD + 1] >> 4, 1)
        if n == 1:
            s[_BEFORE] = s[_LOW] = s[_HIGH] = y
            s[_LEVEL] = y << 8
        away = abs((y << 8) - s[_LEVEL])
        self._learn_signal(_LEVEL, y << 8, n, least, 1)
        self._learn_signal(_CHANGE, abs(y - s[_BEFORE]) << 8, n, least, 2)
        self._learn_signal(_SPREAD, away, n, least, 3)
        s[_BEFORE] = y
        self._learn_range(_LOW, y, floor, max(1, least >> 8), self._margin, 1, 4)
        if n <= self._recent << 1:
            s[_EXTREMES] = s[_EXTREMES + 1] = s[_LEVEL]
            s[_EXTREMES + 2] = s[_EXTREMES + 3] = s[_SPREAD]
            return
        lag = 1 if s[STATE] == LEARNING else self._recent >> 2
        self._learn_range(_EXTREMES, s[_LEVEL], floor << 8, least, self._margin << 4, lag, 5)
        self._learn_range(_EXTREMES + 2, s[_SPREAD], floor << 8, least, self._margin << 4, lag, 6)

    def _learn_signal(self, at, v, n, least, cause):
        """Judge and learn the signal at s[at] (v with 8 binary places)."""
        s = self._s
        s[at] += (v - s[at]) // (n if n < self._recent else self._recent)
        d = s[at] - s[at + 1]
        far = abs(d)
        dev = s[at + 2]
        sigma = max(dev + (dev >> 2), least)
        self._count(100 * decades(far, sigma) // self._limit, cause if d > 0 else -cause)
        weight = n if n < _LONG else _LONG
        s[at + 1] += d // weight
        s[at + 2] += (far - dev) // weight

    def _learn_range(self, at, v, floor, least, margin, lag, cause):
        """Judge v against the range s[at]..s[at + 1] and widen that, by 1/lag of what is missing. margin: per
        cent of the range.
        """
        s = self._s
        low = s[at]
        high = s[at + 1]
        if v > high:
            over = v - high - floor
            s[at + 1] = high + (v - high) // lag
        elif v < low:
            over = low - v - floor
            s[at] = low - (low - v) // lag
            cause = -cause
        else:
            return
        if over > 0:
            share = muldiv(over, 1000, max(high - low, least))
            self._count(min(share, 10000) * 10 // margin, cause)

    def _count(self, score, cause):
        s = self._s
        if score > s[_SCORE]:
            s[_SCORE] = score
            s[_CAUSE] = cause

    def evidence(self):
        """score (per cent of the limit), cause (1 level, 2 change, 3 spread, 4 extreme value, 5 extreme level,
        6 extreme spread; negative: downwards), recent and usual (means of that signal, unit of the channel).
        """
        s = self._s
        if s[STATE] == LEARNING or not s[_CAUSE]:
            return {}
        cause = abs(s[_CAUSE])
        at = (_LEVEL, _CHANGE, _SPREAD, _LEVEL, _LEVEL, _SPREAD)[cause - 1]
        origin = s[_ORIGIN] if at == _LEVEL else 0
        return {
            "score": s[_SCORE],
            "cause": s[_CAUSE],
            "recent": origin + self._unscaled(s[at]),
            "usual": origin + self._unscaled(s[at + 1]),
        }

    def _unscaled(self, v):
        """A mean (8 binary places, scale of y) in the unit of the channel, rounded."""
        shift = self._s[_SCALE] + 8
        if shift > 0:
            return ((v >> (shift - 1)) + 1) >> 1
        return v << -shift

    def _calm(self, state):
        """The recent means belong to the last values: a baseline starts with the usual ones."""
        state[_HOLD] = state[_SCORE] = state[_CAUSE] = 0
        for at in (_LEVEL, _CHANGE, _SPREAD):
            state[at] = state[at + 1]

    def _plausible(self, source):
        if not super()._plausible(source):
            return False
        if not (0 <= source[_COUNT] <= _MOST and 0 <= source[_HOLD] <= _MOST):
            return False
        if not (-_LIMIT <= source[_ORIGIN] <= _LIMIT and _COARSEST <= source[_SCALE] <= max(0, self._finest)):
            return False
        if not (0 <= source[_SCORE] <= 100000 and -6 <= source[_CAUSE] <= 6):
            return False
        if not all(-_FULL <= source[i] <= _FULL for i in range(_BEFORE, _LEVEL)):
            return False
        if not all(-_LIMIT - 1 <= source[i] <= _LIMIT + 1 for i in range(_LEVEL, _SIZE)):
            return False
        return all(source[at] >= 0 for at in (_LEVEL + 2, _CHANGE + 2, _SPREAD + 2))


def decades(far, sigma):
    """How unlikely it is that a Gaussian value lies `far` or more from its mean, on either side: -10 log10 of
    the probability (tenths of a decade), 0..324 (that of 12 sigma). 0 <= far <= 2^29, 0 < sigma < 2^30.
    """
    if far // 12 >= sigma:
        return _DECADES[24]
    if far > 1 << 25:
        far >>= 4
        sigma >>= 4
    z16 = (far << 4) // sigma
    i = z16 >> 3
    return _DECADES[i] + ((_DECADES[i + 1] - _DECADES[i]) * (z16 & 7) >> 3)
