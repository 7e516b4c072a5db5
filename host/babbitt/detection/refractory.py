"""From a score to single alarms: one event, one alarm.

An alarm is a score that comes to its limit from below; for HOLD records after one there is none (a refractory time). `latch.py` gives
levels that people act on; this counts events.
"""

from __future__ import annotations

HOLD = 32


class Refractory:
    """`update` takes a score and says whether an alarm begins there."""

    def __init__(self, hold: int = HOLD) -> None:
        if hold < 0:
            raise ValueError(f"hold: {hold} records; use 0 or more")
        self.hold = hold
        self._wait, self._before = 0, False

    @property
    def waiting(self) -> bool:
        """True within HOLD records after an alarm."""
        return self._wait > 0

    def update(self, score: float | None, limit: float = 1.0) -> bool:
        """Take a score in (None: not judged)."""
        if self._wait:
            self._wait -= 1
            return False
        now = score is not None and score >= limit
        begins = now and not self._before
        self._before = now
        if begins:
            self._wait = self.hold
        return begins
