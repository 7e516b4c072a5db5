"""Is what a slow channel does now new by its own history? Temperatures, loads, powers: one series at a time, no settings to find.

Of each channel five things are asked, and the most surprising counts (1.0 is the limit of each):

1. *shape*: is the last handful of values far from every earlier stretch (`lags.py`, short window)? The logarithm of that distance,
   averaged over 16 records, by its own history (`likelihood.py`).
2. *rhythm*: the distance over twice as many values, with a handicap for lags that usually foretell badly, averaged over 4 records: also
   what comes at the wrong time.
3. *change*: the logarithm of |x - the value before|, averaged over 16 records, both ways: a channel that stands still, or shivers.
4. *extremes*: a value, a recent level or a recent spread (averages of 64) well beyond the range of all before.
5. *level*: the recent level by its history, LEVEL standard deviations off. It learns slowly while it is beyond, so that
   what moved and stays is still told long after.

1 to 3 are divided by the largest that they were before (`Habit`): what happens every week is told once. Logarithms
have a floor, a sixteenth of the usual spread, so that a channel of exact repetitions does not alarm at its last digit.

It learns all the time, and knows neither units nor the time of day; a gap is as if the next value came at once. It learns faults that
are there at the beginning, and it tells what is *new*, which is not always a fault. Its limits give about one false alarm a channel
and month in records of five minutes to an hour (bench/predict/nab.py); where that is too many, use a ``limit`` above 1.
"""

from __future__ import annotations

import math
from typing import Any, Self

from babbitt.detection.detector import Values
from babbitt.detection.lags import Lags
from babbitt.detection.likelihood import BLOCK, Habit, Likelihood, Range

LEARN = 192
"""Records before a channel is judged."""
CHANNELS = 64
SHAPE, RHYTHM, CHANGE = 0.9, 3.0, 3.2
"""Limits in standard deviations of the averages."""
MARGIN, WIDE = 0.03, 15.0
"""Limit of a value beyond its range, as a share of that; an average must be so many times as far beyond its own."""
LEVEL, DOUBTFUL = 7.0, 3.0
"""Limit of a level, and from where on it is hardly learnt from, in standard deviations."""
LAG = 16
"""How slowly the ranges of averages follow."""
DOUBT = 0.1
"""Trust in such a level."""
FLOOR_LOG = 0.05
"""Least standard deviation of a logarithm."""
LEAST = 1e-15
WARM = 128
"""Records before averages have a range."""


class _Channel:
    """One series. `score` changes nothing that counts; `take` takes the value in."""

    def __init__(self) -> None:
        self.count = 0
        self.last = self.largest = 0.0
        self.told = self.new = 0.0
        self.lags = Lags()
        self.shape, self.rhythm, self.change = Likelihood(16), Likelihood(4), Likelihood(16)
        self.level, self.spread = Likelihood(64), Likelihood(64)
        self.habits = (Habit(), Habit(), Habit())
        self.ranges = (Range(), Range(), Range())
        self._asked: float | None = None
        self._found = (0.0, 0.0, 0.0, 0.0, 0.0)

    def score(self, x: float, limit: float, margin: float, floor: float) -> float:
        """The largest of all; ``new`` is that of all but the level."""
        self._asked = x
        n, level, spread = self.count + 1, self.level, self.spread
        if n == 1:
            self.last = level.mean = x
            self.ranges[0].low = self.ranges[0].high = x
        least = max(spread.usual / 16.0, 1e-9 * max(self.largest, abs(x)), floor, LEAST)
        spread.look(abs(x - level.mean), n, least)
        moved = abs(level.look(x, n, least)) / LEVEL
        near, timely = self.lags.near(x)
        shape = self.shape.look(math.log(near + least), n, FLOOR_LOG) / SHAPE
        rhythm = self.rhythm.look(timely, n, least) / RHYTHM
        change = abs(self.change.look(math.log(abs(x - self.last) + least), n, FLOOR_LOG)) / CHANGE
        value, levels, spreads = self.ranges
        a, b, c = self.habits
        new = max(
            a.news(shape), b.news(rhythm), c.news(change), value.beyond(x, least, floor) / margin,
            levels.beyond(level.ahead, least, floor) / (WIDE * margin), spreads.beyond(spread.ahead, least, floor) / (WIDE * margin),
        )  # fmt: skip
        new /= limit
        told = max(new, moved)
        self.new = new
        self._found = (told, moved, shape, rhythm, change)
        return told

    def take(self, x: float, learn: int, limit: float, margin: float, floor: float) -> None:
        """Take a value in."""
        if self._asked != x:
            self.score(x, limit, margin, floor)
        self._asked = None
        self.count = n = self.count + 1
        learnt = n > learn
        told, moved, shape, rhythm, change = self._found
        self.told = told if learnt else 0.0
        self.lags.take(x)
        self.shape.take()
        self.rhythm.take()
        self.change.take()
        self.spread.take()
        if n == self.level.recent:  # averages of few values vary more
            self.level.weight = 0.0
        self.level.take(DOUBT if learnt and moved > DOUBTFUL / LEVEL else 1.0)
        if learnt:
            a, b, c = self.habits
            a.now, b.now, c.now = max(a.now, shape), max(b.now, rhythm), max(c.now, change)
        if n % BLOCK == 0:
            for habit in self.habits:
                habit.turn()
        value, levels, spreads = self.ranges
        value.take(x)
        level, spread = self.level.mean, self.spread.mean
        if n <= WARM:
            levels.low = levels.high = level
            spreads.low = spreads.high = spread
        else:
            lag = LAG if learnt else 1
            levels.take(level, lag)
            spreads.take(spread, lag)
        self.last, self.largest = x, max(self.largest, abs(x))

    def dump(self) -> dict[str, Any]:
        return {
            "count": self.count, "last": self.last, "largest": self.largest, "told": self.told, "lags": self.lags.dump(),
            "signals": [one.dump() for one in (self.shape, self.rhythm, self.change, self.level, self.spread)],
            "habits": [one.dump() for one in self.habits],
            "ranges": [[one.low, one.high] for one in self.ranges],
        }  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        self = cls()
        self.count, self.last, self.largest = (
            int(state["count"]),
            float(state["last"]),
            float(state["largest"]),
        )
        self.told, self.lags = float(state["told"]), Lags.load(state["lags"])
        signals = [Likelihood.load(one) for one in state["signals"]]
        self.shape, self.rhythm, self.change, self.level, self.spread = signals
        a, b, c = (Habit.load(one) for one in state["habits"])
        value, levels, spreads = (Range(float(low), float(high)) for low, high in state["ranges"])
        self.habits, self.ranges = (a, b, c), (value, levels, spreads)
        return self


class Surprise:
    """At most CHANNELS channels, in the order in which they first came, each by itself; the score is that of the most surprising.

    ``learn`` records of a channel are learnt before it is judged. ``limit`` divides what is new (above 1: fewer alarms), not the
    level. ``margin`` is how far beyond all before a value may be, as a share of their
    range: 0.03 suits channels whose extremes come with their day, pure noise needs 0.15. ``floor`` is a difference (unit of the
    channels) that never matters. Raises ValueError for settings that make no sense.
    """

    def __init__(
        self, learn: int = LEARN, limit: float = 1.0, margin: float = MARGIN, floor: float = 0.0
    ) -> None:
        if learn < LEARN:
            raise ValueError(f"learn: {learn} records are too few; use at least {LEARN}")
        if not 0.0 < limit < math.inf:
            raise ValueError(f"limit: {limit} is no positive number")
        if not 0.0 <= floor < math.inf:
            raise ValueError(f"floor: {floor} is negative or no number")
        if not 0.0 < margin < math.inf:
            raise ValueError(f"margin: {margin} is no positive number")
        self.learn = learn
        self._settings = (limit, margin, floor)
        self._channels: dict[str, _Channel] = {}

    def learn_one(self, values: Values) -> None:
        """Take a record in. A channel that is not measured stays as it was."""
        for name, raw in values.items():
            if (x := _number(raw)) is None:
                if name in self._channels:
                    self._channels[name].told = 0.0
                continue
            one = self._channels.get(name)
            if one is None:
                if len(self._channels) >= CHANNELS:
                    continue
                one = self._channels[name] = _Channel()
            one.take(x, self.learn, *self._settings)

    def score_one(self, values: Values) -> float | None:
        """The largest score of the channels that have learnt; a channel that is not measured is no surprise."""
        found = None
        for name, one in self._channels.items():
            if one.count >= self.learn:
                x = _number(values.get(name))
                found = max(found or 0.0, 0.0 if x is None else one.score(x, *self._settings))
        return found

    def new_one(self, values: Values) -> float | None:
        """The same without the level: how *new* a record is. It comes to 1.0 at an event and falls while that lasts, so that the next can
        be told (`refractory.py`)."""
        found = None
        for name, one in self._channels.items():
            if one.count >= self.learn:
                x = _number(values.get(name))
                if x is not None:
                    one.score(x, *self._settings)
                found = max(found or 0.0, 0.0 if x is None else one.new)
        return found

    def drivers(self) -> tuple[str, ...]:
        """The channels by their score at the last record, at most five."""
        order = sorted(self._channels.items(), key=lambda item: -item[1].told)[:5]
        return tuple(name for name, one in order if one.told > 0.1 * order[0][1].told > 0)

    def dump(self) -> dict[str, Any]:
        """The whole state."""
        channels = {name: one.dump() for name, one in self._channels.items()}
        return {"learn": self.learn, "settings": list(self._settings), "channels": channels}

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """What ``dump`` gave."""
        self = cls(int(state["learn"]), *(float(one) for one in state["settings"]))
        self._channels = {str(name): _Channel.load(one) for name, one in state["channels"].items()}
        return self


def _number(value: float | None) -> float | None:
    return value if value is not None and -1e12 < value < 1e12 else None
