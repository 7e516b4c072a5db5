"""Hours until a slow variable reaches a limit that people set: an oil that warms from week to week, a filter that clogs, a level that falls.

Values are brought to one each BUCKET_H by their median (doors, starts and knocks are no trend); KEEP of them are kept, and when there are
more every second one is dropped and the buckets double, up to BUCKET_MAX_H: a trend of hours and one of months are seen alike. The line is
that of the shortest window that rises beyond doubt and reaches far enough (line.py), because what grows seldom grows straight, unless its
newest part has stopped; its passage is that of the next limit.

No trend, no number. What moves up and down with day and load is no trend: a window may be taken for one only if it is at least DAYS_H long
(then the residuals around its line carry day and load, and their correlation tells how little they say), or if its end is beyond all that
was there in a day or more before it began. No number is told that is more than FAR times as long as what it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from babbitt.manipulation.features import median
from babbitt.prognosis.line import LEAST, Array, Line, beyond_doubt, passage, rising
from babbitt.protocol.assessment import Interval, Reach

BUCKET_H, BUCKET_MAX_H = 1.0 / 6.0, 6.0
IN_BUCKET = 60
"""Values of a bucket that are kept for its median."""
KEEP = 256
DAYS_H = 120.0
BEFORE_H = 24.0
FAR = 3.0
PACE, SPREAD = 0.8, 0.65
"""Time it takes by the time the line says: its median (what clogs or wears gets faster more often than slower) and the spread of its
logarithm."""
GOES_ON = 0.3
NOW = 5
"""Points whose median is where it is now."""
BACKWARDS_H = 1.0
CHANNELS = 24
"""Channels of a machine that are followed at most."""
_ORDER = {"h": ("h", "hh"), "l": ("l", "ll")}


class SlowVariable:
    """Follows one variable; times in Unix ms, the value in its unit."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        """Nothing is known."""
        self._points: list[list[float]] = []  # [hours since origin, median]
        self._origin: int | None = None
        self._bucket: list[float] = []
        self._began = 0.0
        self._width = BUCKET_H
        self._found: dict[str, tuple[float, Interval]] = {}

    def update(self, t_ms: int, value: float, limits: Mapping[str, float]) -> None:
        """Take a value (finite); ``limits`` are those of its channel."""
        if self._origin is None:
            self._origin = t_ms
        hours = (t_ms - self._origin) / 3.6e6
        if hours < self._began - BACKWARDS_H:
            self._begin()
            self.update(t_ms, value, limits)
            return
        if hours - self._began >= self._width and self._bucket:
            self._close(limits)
            self._began = hours
        if not self._bucket:
            self._began = max(self._began, hours)
        if len(self._bucket) < IN_BUCKET:
            self._bucket.append(value)

    def _close(self, limits: Mapping[str, float]) -> None:
        self._points.append([self._began + self._width / 2, median(self._bucket)])
        self._bucket = []
        if len(self._points) >= KEEP:
            if self._width < BUCKET_MAX_H:
                self._points, self._width = self._points[1::2], self._width * 2
            else:
                del self._points[0]
        self._found = {}
        for side in _ORDER:
            self._look(side, limits)

    def _look(self, side: str, limits: Mapping[str, float]) -> None:
        """Whether it goes towards the next limit of a side, and when it is there."""
        if len(self._points) < LEAST:
            return
        sign = 1.0 if side == "h" else -1.0
        points = np.asarray(self._points) * (1.0, sign)
        level = float(np.median(points[-NOW:, 1]))
        name = next((n for n in _ORDER[side] if n in limits and sign * limits[n] > level), None)
        if name is None:
            return
        gap = sign * limits[name] - level
        points[:, 1] /= gap  # so that noise is small or large beside what is left

        for line, window in rising(points):
            if not beyond_doubt(line) or not _news(points, window) or _stalled(line, window):
                continue
            left = passage(line, np.ones(1), PACE, SPREAD)
            if left.p50 <= FAR * float(window[-1, 0] - window[0, 0]):
                self._found[name] = float(points[-1, 0]), left
                return

    def reaches(self, channel: str, t_ms: int, limits: Mapping[str, float]) -> list[Reach]:
        """What was found last, counted down to now."""
        if self._origin is None:
            return []
        now = (t_ms - self._origin) / 3.6e6
        return [
            Reach(
                channel, name, limits[name],
                Interval(*(max(0.0, h - max(0.0, now - at)) for h in (left.p10, left.p50, left.p90))),
            )
            for name, (at, left) in self._found.items()
            if name in limits
        ]  # fmt: skip

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {
            "points": [list(p) for p in self._points], "origin": self._origin, "bucket": list(self._bucket), "began": self._began,
            "width": self._width, "found": {n: [at, i.p10, i.p50, i.p90] for n, (at, i) in self._found.items()},
        }  # fmt: skip

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> SlowVariable:
        """What ``dump`` gave. Raises KeyError, TypeError for anything else."""
        self = cls()
        self._points, self._origin = [list(p) for p in state["points"]], state["origin"]
        self._bucket, self._began, self._width = list(state["bucket"]), state["began"], state["width"]
        self._found = {name: (at, Interval(*q)) for name, (at, *q) in state["found"].items()}
        return self


def _stalled(line: Line, window: Array) -> bool:
    """Whether the last third of a window has risen over the third before it by less than GOES_ON of what its line says."""
    third = len(window) // 3
    middle, last = window[-2 * third : -third], window[-third:]
    risen = float(np.median(last[:, 1]) - np.median(middle[:, 1]))
    return risen < GOES_ON * line[0] * float(np.median(last[:, 0]) - np.median(middle[:, 0]))


def _news(points: Array, window: Array) -> bool:
    """Whether a window may be a trend: long, or its end beyond all that was there for a day or more before it."""
    if window[-1, 0] - window[0, 0] >= DAYS_H:
        return True
    before = points[: len(points) - len(window)]
    if not len(before) or before[-1, 0] - before[0, 0] < BEFORE_H:
        return False
    return bool(np.median(window[-NOW:, 1]) > before[:, 1].max())


class SlowVariables:
    """The channels of a machine that have limits."""

    def __init__(self) -> None:
        self._channels: dict[str, SlowVariable] = {}

    def update(
        self, t_ms: int, values: Mapping[str, float | None], limits: Mapping[str, Mapping[str, float]]
    ) -> tuple[Reach, ...]:
        """Take the values (finite or None) of a record in which the machine runs; what reaches a limit, the soonest first."""
        for channel, some in limits.items():
            value = values.get(channel)
            if value is None or (channel not in self._channels and len(self._channels) >= CHANNELS):
                continue
            self._channels.setdefault(channel, SlowVariable()).update(t_ms, value, some)
        return self.now(t_ms, limits)

    def now(self, t_ms: int, limits: Mapping[str, Mapping[str, float]]) -> tuple[Reach, ...]:
        """What was found last."""
        found = [
            reach
            for channel, one in self._channels.items()
            if channel in limits
            for reach in one.reaches(channel, t_ms, limits[channel])
        ]
        return tuple(sorted(found, key=lambda one: (one.left.p50, one.channel)))

    def forget(self) -> None:
        """Begin again: what is measured from now on is something else."""
        self._channels.clear()

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        return {channel: one.dump() for channel, one in self._channels.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self._channels = {channel: SlowVariable.load(one) for channel, one in state.items()}
