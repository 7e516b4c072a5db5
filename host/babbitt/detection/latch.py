"""From a score to a level that does not flap.

A level rises when the score has stayed at its limit for some time, and falls only after the score has stayed
well below for longer (deadband, on-delay and off-delay of ISA-18.2). Time is what the caller says each score
stands for: 1 a record where records count, hours where they come at any pace.
"""

from __future__ import annotations

from typing import Any

LEVEL_NAMES = ("normal", "warning", "alarm")


class Latch:
    """Level 0 normal, 1 warning, 2 alarm of a score that is 1.0 at the limit of warning.

    `limits` are the scores that raise to warning and to alarm, `back` the share of a limit the score must
    fall below, `on` and `off` how long it takes, in the unit of `step`.
    """

    def __init__(
        self, limits: tuple[float, float], back: float = 0.75, on: float = 3.0, off: float = 10.0
    ) -> None:
        self.limits, self.back, self.on, self.off = limits, back, on, off
        self.level = 0
        self._above = [0.0, 0.0]
        self._below = 0.0

    def update(self, score: float, step: float = 1.0) -> int:
        """Take one score (finite, >= 0) that stands for `step` and give the level."""
        for n, limit in enumerate(self.limits):
            self._above[n] = min(self._above[n] + step, self.on) if score >= limit else 0.0
            if self._above[n] >= self.on and self.level <= n:
                self.level, self._below = n + 1, 0.0
        if self.level and score < self.back * self.limits[self.level - 1]:
            self._below += step
            if self._below >= self.off:
                self.level, self._below = self.level - 1, 0.0
        else:
            self._below = 0.0
        return self.level

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types (settings are not part of it)."""
        return {"level": self.level, "above": list(self._above), "below": self._below}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `dump` gave."""
        self.level, self._above, self._below = state["level"], list(state["above"]), state["below"]
