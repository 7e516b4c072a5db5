"""Missing data: no value for `on_delay_s`, counted from the first record without one.

The one type for which a gap is the condition. A sensor that cannot be read is told as a fault of that sensor
anyway; this check makes a warning or an alarm of it, or a vote in a `vote`.
"""

from babbitt_node.checks import base


class Missing(base.Check):
    """Settings: on_delay_s, off_delay_s (so long with values before it ends), level. It is L, or LL with level
    alarm.
    """

    TYPE = "missing"
    LAYOUT = 0x701
    SETTINGS = (("on_delay_s", 0, 86400, 300), ("off_delay_s", 0, 86400, 0), base.LEVEL)
    GAPS = True

    def _judge(self, value, dt_ms):
        self._switch(self._low, self._low, False, True, dt_ms)
        return self._worst()

    def _absent(self, dt_ms):
        self._switch(self._low, self._low, True, False, dt_ms)
        return self._worst()

    def evidence(self):
        """gap: seconds of the gap that was told, or 0."""
        return {"gap": self.held_s if self._worst() != base.NORMAL else 0}
