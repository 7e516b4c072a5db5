"""How unlikely the recent mean of a signal is by its own longer history, and what of it is old news.

`Likelihood` is the anomaly likelihood of Lavin and Ahmad ('Evaluating Real-time Anomaly Detection Algorithms', ICMLA 2015) on any
signal: of the recent mean its usual value and mean absolute deviation are followed over MEMORY records. How far it is off, in standard
deviations, says the same as their tail probability and costs no logarithm. `Habit` divides a score by the largest that it had before: an event
that was told is not told again unless it is worse (conformal in spirit: what counts is to be stranger than what was there before).
"""

from __future__ import annotations

import math
from typing import Self

MEMORY = 2048
"""Records over which what is usual is followed."""
BLOCK = 64
"""Records after which a score is part of the past: one event does not hide itself."""
FORGET = math.exp(-BLOCK / 4096.0)
"""In a block."""


class Likelihood:
    """Of one signal; ``recent`` records are averaged. `look` changes nothing that counts; `take` takes in what `look` saw."""

    __slots__ = ("_ahead", "deviation", "mean", "recent", "usual", "weight")

    def __init__(self, recent: int) -> None:
        self.recent = recent
        self.mean = self.usual = self.deviation = self.weight = self._ahead = 0.0

    def look(self, value: float, count: int, least: float) -> float:
        """How far (signed) the recent mean would be from the usual one after ``value``, the ``count``-th record (from 1), in standard
        deviations of at least ``least``."""
        mean = self.mean
        self._ahead = mean = mean + (value - mean) / (self.recent if count > self.recent else count)
        sigma = 1.25 * self.deviation
        return (mean - self.usual) / (sigma if sigma > least else least)

    @property
    def ahead(self) -> float:
        """The recent mean that `look` found."""
        return self._ahead

    def take(self, trust: float = 1.0) -> None:
        """Take that mean in; ``trust`` below 1 learns less from it."""
        self.mean = mean = self._ahead
        if self.weight == 0.0:
            self.usual, self.deviation = mean, 0.0
        if self.weight < MEMORY:
            self.weight = min(self.weight + trust, float(MEMORY))
        share = trust / (self.weight if self.weight > 1.0 else 1.0)
        off = mean - self.usual
        self.usual += off * share
        self.deviation += (abs(off) - self.deviation) * share

    def dump(self) -> list[float]:
        """State in plain JSON types."""
        return [self.recent, self.mean, self.usual, self.deviation, self.weight]

    @classmethod
    def load(cls, state: list[float]) -> Self:
        """What `dump` gave. Raises TypeError, ValueError for anything else."""
        recent, mean, usual, deviation, weight = state
        self = cls(int(recent))
        self.mean, self.usual, self.deviation, self.weight = (
            float(v) for v in (mean, usual, deviation, weight)
        )
        return self


class Habit:
    """The largest score of the past, which is forgotten slowly. `turn` is for every BLOCK-th record."""

    __slots__ = ("before", "now", "peak")

    def __init__(self) -> None:
        self.peak = self.before = self.now = 0.0

    def news(self, score: float) -> float:
        """The score by the largest of the past, if that was above 1; changes nothing."""
        return score / self.peak if self.peak > 1.0 else score

    def turn(self) -> None:
        """What was before this block is past now."""
        self.peak = max(self.peak * FORGET, self.before)
        self.before, self.now = self.now, 0.0

    def dump(self) -> list[float]:
        """State in plain JSON types."""
        return [self.peak, self.before, self.now]

    @classmethod
    def load(cls, state: list[float]) -> Self:
        """What `dump` gave. Raises TypeError, ValueError for anything else."""
        self = cls()
        self.peak, self.before, self.now = (float(v) for v in state)
        return self


class Range:
    """The smallest and largest value so far, and how far beyond them another is."""

    __slots__ = ("high", "low")

    def __init__(self, low: float = 0.0, high: float = 0.0) -> None:
        self.low, self.high = low, high

    def beyond(self, value: float, least: float, floor: float) -> float:
        """The part of a value outside by more than ``floor``, by the width of the range (at least ``least``); 0 or less inside."""
        low, high = self.low, self.high
        if low <= value <= high:
            return 0.0
        return (max(value - high, low - value) - floor) / max(high - low, least)

    def take(self, value: float, lag: int = 1) -> None:
        """Widen the range towards a value outside, by 1/lag of what is missing."""
        if value > self.high:
            self.high += (value - self.high) / lag
        elif value < self.low:
            self.low += (value - self.low) / lag
