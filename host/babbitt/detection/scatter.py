"""Does a machine vary as much from record to record as it did when it was learnt?

An unbalanced fan may keep its mean vibration and lose the beat that made it come and go; something loose makes it come and go. Of
each energy the robust spread of the last LONG records is set against that of the learning records, FLOOR added to both (no machine
stays as even as it was for an hour); the score is the mean of the logarithms of these ratios by that of FACTOR, in either direction.

It says that something is different, not that something is wrong: it counts MOST at the most, which is below what raises a level and
below what holds one (``latch.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from babbitt.manipulation.features import median

LONG = 30
"""Records whose spread is taken: that of fewer is known to no better than a fifth."""
EVERY = 5
"""Records between comparisons: the spread of LONG changes little with each."""
FLOOR = 0.1
"""In natural logs: ten per cent."""
FACTOR = math.log(3.0)
MOST = 0.7
_PLACES = 5


class Scatter:
    """What was learnt of some features' spreads, and their last LONG values."""

    def __init__(self, usual: Mapping[str, float]) -> None:
        self.usual = dict(usual)
        self.forget()

    def forget(self) -> None:
        """After a stop: what comes now is not compared with what was before it."""
        self._recent: dict[str, list[float]] = {channel: [] for channel in self.usual}
        self._since, self._score = 0, 0.0

    def update(self, now: Mapping[str, float]) -> float:
        """Take the features of one judged record; the score, 0 while there are fewer than LONG."""
        for channel, recent in self._recent.items():
            if channel in now:
                recent.append(round(now[channel], _PLACES))
                del recent[:-LONG]
        self._since += 1
        if self._since >= EVERY:
            self._since, self._score = 0, self._compared()
        return self._score

    def _compared(self) -> float:
        ratios = [
            math.log(math.hypot(spread(recent), FLOOR) / math.hypot(self.usual[channel], FLOOR))
            for channel, recent in self._recent.items()
            if len(recent) == LONG
        ]
        return min(MOST, abs(sum(ratios)) / len(ratios) / FACTOR) if ratios else 0.0

    def dump(self) -> dict[str, Any]:
        """Plain JSON types, at most LONG numbers a feature."""
        return {
            "usual": dict(self.usual), "recent": {c: list(r) for c, r in self._recent.items()}, "since": self._since,
            "score": self._score,
        }  # fmt: skip

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Scatter:
        """What ``dump`` gave. Raises KeyError, TypeError for anything else."""
        self = cls(state["usual"])
        self._recent = {c: list(state["recent"][c]) for c in self.usual}
        self._since, self._score = state["since"], state["score"]
        return self


def spread(column: Sequence[float]) -> float:
    """Robust standard deviation: the larger of MAD and the 10..90 % range (which sees two loads where MAD may not)."""
    centre, ordered = median(column), sorted(column)
    mad = 1.4826 * median([abs(v - centre) for v in column])
    n = len(ordered)
    return max(mad, (ordered[(9 * n) // 10] - ordered[n // 10]) / 2.563)
