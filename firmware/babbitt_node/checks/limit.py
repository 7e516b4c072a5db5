"""Fixed limits: LL and L below, H and HH above, with hysteresis and delays.

A value is beyond a limit if it is strictly past it, and back inside once it is `hysteresis` inside or on it:
with hysteresis 0, on the limit is inside. Every limit runs its own delays (base.Check), so a value that jumps
past both becomes an alarm after one on-delay, and falls from HH to H as soon as it has been back inside HH
for the off-delay, and to N once it has been inside H for it. The state is the worst limit that is violated.
"""

from babbitt_node.checks.base import ACTIVE, COMMON, DELAYS, HH, LL, PREVIOUS, Check, H, L
from babbitt_node.dsp.intmath import MAX
from babbitt_node.errors import NodeError


class Limit(Check):
    """Settings: ll, l, h, hh (value or absent, at least one, ll <= l < h <= hh), hysteresis, on_delay_s,
    off_delay_s.
    """

    TYPE = "limit"
    LAYOUT = 0x101
    SIZE = COMMON
    SETTINGS = (
        ("ll", -MAX, MAX, None),
        ("l", -MAX, MAX, None),
        ("h", -MAX, MAX, None),
        ("hh", -MAX, MAX, None),
        ("hysteresis", 0, 1 << 29, 0),
    ) + DELAYS

    def __init__(self, spec, channel_index):
        super().__init__(spec, channel_index)
        names = ("ll", "l", "h", "hh")
        self._limits = tuple(self.settings[name] for name in names)
        before = None
        for name in names:
            limit = self.settings[name]
            if limit is None:
                continue
            if before is not None:
                other = self.settings[before]
                if limit < other or (limit == other and name in ("h", "hh") and before in ("ll", "l")):
                    detail = "%s: %d is not above %s %d" % (name, limit, before, other)
                    raise NodeError("config_invalid", detail)
            before = name
        if before is None:
            raise NodeError("config_invalid", "h: a limit needs at least one of ll, l, h, hh")
        # Where each limit lets go, kept within 30 bits.
        back = self.settings["hysteresis"]
        self._back = tuple(
            None if limit is None else max(-MAX, limit - back) if k >= H else min(MAX, limit + back)
            for k, limit in enumerate(self._limits)
        )

    def _judge(self, value, dt_ms):
        limits = self._limits
        back = self._back
        if limits[HH] is not None:
            self._switch(HH, HH, value > limits[HH], value <= back[HH], dt_ms)
        if limits[H] is not None:
            self._switch(H, HH, value > limits[H], value <= back[H], dt_ms)
        if limits[LL] is not None:
            self._switch(LL, LL, value < limits[LL], value >= back[LL], dt_ms)
        if limits[L] is not None:
            self._switch(L, LL, value < limits[L], value >= back[L], dt_ms)
        return self._worst()

    def _plausible(self, source):
        if not super()._plausible(source):
            return False
        # A violated limit that is not configured could never end.
        return all(limit is not None or not source[ACTIVE] >> k & 1 for k, limit in enumerate(self._limits))

    def _bound(self):
        """The limit that the state is about, see base.Check.limit."""
        state = self._reported()
        if state > HH:
            state = self._s[PREVIOUS]
        return self._limits[state] if state <= HH else None

    @property
    def limit(self):
        """See base.Check."""
        return self._bound()
