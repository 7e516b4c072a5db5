"""K of N: beyond when at least `k` of other checks are. One odd sensor is a rumour, two of three are a finding
(voting of redundant channels, as in ANSI/API 670 and IEC 61511).

The checks are named in `of` and judged before it. H when `k` of them are at a warning or worse, HH when `k` are at an
alarm. A check that learns or that is not judged now votes with the state it has.

`update` takes the votes as one number, as `count` and `reading` give it: those at a warning or worse + 256 x
those at an alarm. So it keeps the contract of base.Check: what it says depends on what it was given alone.
"""

from babbitt_node.checks import base
from babbitt_node.checks.base import COMMON, HH, H
from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

_WARNINGS = const(11)
_ALARMS = const(12)
_MOST = const(16)


def count(voters):
    """The votes of checks as one number."""
    votes = 0
    for voter in voters:
        level = voter.severity
        if level:
            votes += 1 if level == 1 else 257
    return votes


class Vote(base.Check):
    """Settings: of (ids of other checks), k, on_delay_s, off_delay_s."""

    TYPE = "vote"
    LAYOUT = 0x901
    SIZE = COMMON + 2
    SETTINGS = (("of", 2, _MOST, ()), ("k", 1, _MOST, 2)) + base.DELAYS
    CHANNEL = False

    def __init__(self, spec, channel_index):
        super().__init__(spec, None)
        self._n = len(self.settings["of"])
        self._k = self.settings["k"]
        if self._k > self._n:
            raise NodeError("config_invalid", "k: %d of %d checks is never reached" % (self._k, self._n))
        self._voters = ()

    def join(self, checks):
        """Find the voters among `checks` that come before this one. Raises NodeError `config_invalid`."""
        before = {}
        for check in checks:
            if check is self:
                break
            before[check.id] = check
        for name in self.settings["of"]:
            if name not in before:
                raise NodeError("config_invalid", "of: there is no check %r before %s" % (name, self.id))
        self._voters = [before[name] for name in self.settings["of"]]

    def reading(self, values):
        """See base.Check; the votes of now."""
        return count(self._voters)

    def _judge(self, value, dt_ms):
        s = self._s
        votes = max(0, value)
        s[_ALARMS] = min(self._n, votes >> 8 & 0xFF)
        s[_WARNINGS] = min(self._n, votes & 0xFF)
        alarm = s[_ALARMS] >= self._k
        warning = s[_WARNINGS] >= self._k
        self._switch(HH, HH, alarm, not alarm, dt_ms)
        self._switch(H, HH, warning, not warning, dt_ms)
        return self._worst()

    @property
    def value(self):
        """How many voters are at a warning or worse."""
        return self._s[_WARNINGS] if self._known() else None

    @property
    def limit(self):
        """None: beyond is `k` of them or more, see the evidence."""
        return None

    def evidence(self):
        """warnings (or worse) and alarms among the `n` checks, of which `k` are needed."""
        return {"warnings": self._s[_WARNINGS], "alarms": self._s[_ALARMS], "n": self._n, "k": self._k}

    def _plausible(self, source):
        if not super()._plausible(source):
            return False
        return 0 <= source[_WARNINGS] <= self._n and 0 <= source[_ALARMS] <= self._n
