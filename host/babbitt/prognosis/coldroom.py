"""A cold room: hours to the limit, or 'stable', as one `Analyser`.

Each temperature (`<sensor>.mean`) is followed by itself and the worst one speaks for the room:

1. Compressor cycles, doors and defrosts are taken out by a median over `DECYCLE_H` hours.
2. `DailyPattern` says how far the room is from what it usually does at this hour, in both directions.
3. `Passage` gives the probability that the limit is passed within so many hours, one for the upper and one
   for the lower limit.

Beside it `RoomFollower` (health/room.py) says what the room does, how warm the goods are and how well it is cooled,
and, in a fault, when the goods leave their limit. A fault for half an hour and a compressor that has lost power for
days warn as well.

The limits are those of `Asset.limits`; a channel without any gets its typical daily maximum plus a margin,
learnt. Warning: passage within `WITHIN_H` hours is more likely than `LIKELY`, or the pattern is left for
long, or a warning limit is passed. Alarm: an alarm limit is passed for longer than a door stays open (the
only limit that is set counts as alarm limit; a learnt one warns).

What people said of the room's alarms (`Asset.tolerance`) moves the limit of the pattern, up to the nearest limit that people set,
and the odds from which on a passage is foreseen; limits that people set, faults and lost power do not move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from babbitt.detection.daily import DailyPattern
from babbitt.detection.latch import LEVEL_NAMES, Latch
from babbitt.detection.onset import Onset
from babbitt.health.index import ALARM, WARNING, health, limit_severity
from babbitt.manipulation.features import TEMPERATURE, kind, median, number
from babbitt.prognosis.inside import Inside
from babbitt.prognosis.passage import Passage, in_use, interval, probability_within
from babbitt.protocol.assessment import LEVELS, Assessment, Asset, Interval

VERSION = 1
DECYCLE_H = 1.0
BUCKET_MS = 150_000
"""Faster records are averaged to this spacing first: a room is slow, and memory is bounded."""
GAP_H = 6.0
"""A pause in which the room may have become another: trends start again."""
BACKWARDS_MS = 3_600_000
"""A clock set back by more starts the trends again; within it late records are left out."""
WITHIN_H, LIKELY = 4.0, 0.5
"""Warn of a passage expected within so many hours with so much probability; a time begins to be told under the same condition, unless the
room is in a fault or not as it usually is at that hour: what is farther seldom comes in a room in use."""
BEYOND_K = 3.0
"""Distance in which health falls further beyond an only limit (short excursions allowed by 89/108/EEC)."""
MARGIN_K, MARGIN_SIGMAS = 2.0, 3.0
"""A learnt limit is so far above the typical daily maximum: kelvin, and spreads of daily maxima."""
DAYS = 14.0
"""Daily maxima that make 'typical' (e-folding)."""
MOST = 8
"""Temperatures followed at most (a node has at most 8 sensors)."""


class ColdRoomAnalyser:
    """Analyser of an asset of kind ``cold_room``."""

    def __init__(self, asset: Asset) -> None:
        self.asset = asset
        self._watches: dict[str, _Watch] = {}
        self._inside: dict[str, Inside] = {}
        self._onset = Onset()

    def update(self, t_ms: int, values: Mapping[str, float | None], recipe: int = 0) -> Assessment:
        """Take one record and judge the room. Values that are not finite or not plausible count as not
        measured. A room has no recipes."""
        for channel, raw in values.items():
            value = number(raw)
            if value is None or kind(channel) != TEMPERATURE:
                continue
            if channel not in self._watches and len(self._watches) < MOST:
                self._watches[channel] = _Watch(dict(self.asset.limits.get(channel, {})))
                self._inside[channel] = Inside(self.asset.room, self._watches[channel].limits)
        for channel, inside in self._inside.items():
            value, watch = number(values.get(channel)), self._watches[channel]
            inside.update(t_ms, value, values)
            if value is not None and inside.excused:
                watch.leave_out(t_ms)
            elif value is not None:
                watch.update(t_ms, value, self.asset.tolerance, inside.failing)
        verdicts = [(c, w, *self._inside[c].verdict(w)) for c, w in self._watches.items()]
        found = sorted(verdicts, key=lambda one: (-LEVELS.index(one[2]), -one[3], one[0]))
        if not found:
            return Assessment(t_ms, "learning", None, None, (), "learning", None)
        channel, worst, level, severity = found[0]
        drivers = tuple(c for c, _, _, s in found if s >= 0.5)
        self._onset.update(t_ms, severity)
        return Assessment(
            t_ms,
            level,
            worst.anomaly,
            None if level == "learning" else health(severity),
            drivers,
            worst.outlook,
            worst.remaining,
            self._inside[channel].room(channel),
            since_ms=self._onset.began if level in ("warning", "alarm") else None,
        )

    def apart(self) -> Self:
        """One that knows what is usual in this room, and nothing of the time since."""
        other = type(self)(self.asset)
        other._watches = {c: w.apart() for c, w in self._watches.items()}
        other._inside = {c: one.apart(other._watches[c].limits) for c, one in self._inside.items()}
        return other

    def dump(self) -> dict[str, Any]:
        """Whole state in plain JSON types."""
        return {
            "version": VERSION,
            "watches": {c: w.dump() for c, w in self._watches.items()},
            "inside": {c: one.dump() for c, one in self._inside.items()},
            "onset": self._onset.dump(),
        }

    @classmethod
    def load(cls, asset: Asset, state: dict[str, Any]) -> Self:
        """Build from what `dump` gave, or a fresh one from {}. Raises ValueError for a state of another
        version."""
        self = cls(asset)
        if not state:
            return self
        if state.get("version") != VERSION:
            was = state.get("version")
            raise ValueError(
                f"state of a cold-room analyser has version {was}, not {VERSION}: replay the records"
            )
        self._onset.restore(state.get("onset", [None, 0]))
        for channel, saved in state["watches"].items():
            watch = self._watches[channel] = _Watch(dict(asset.limits.get(channel, {})))
            watch.restore(saved)
            inside = self._inside[channel] = Inside(asset.room, watch.limits)
            if channel in state.get("inside", {}):  # a state of before there was any has none
                inside.restore(state["inside"][channel])
        return self


def _with_alarm(limits: Mapping[str, float]) -> dict[str, float]:
    """Limits in which the only limit of a side is its alarm limit."""
    out = dict(limits)
    for warn, alarm in (("h", "hh"), ("l", "ll")):
        if warn in out and alarm not in out:
            out[alarm] = out.pop(warn)
    return out


class _Watch:
    """One temperature of the room; the results of the last update are its attributes."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self.limits = _with_alarm(limits)
        self.level, self.outlook, self.severity = "learning", "learning", 0.0
        self.anomaly: float | None = None
        self.remaining: Interval | None = None
        self._pattern = DailyPattern()
        self._up, self._down = Passage(), Passage()
        self._watches_below = "l" in limits or "ll" in limits
        # The limit itself, its expected passage, and the pattern: hours to rise and to fall.
        self._latches = (
            Latch((WARNING, ALARM), 1.0, 1.0, 1.0),
            Latch((WARNING, 1e9), 0.6, 0.4, 2.0),
            Latch((WARNING, 1e9), 0.75, 0.5, 2.0),
        )
        self._bucket = [0.0, 0.0]  # sum, count
        self._recent: list[list[float]] = []  # [hours since origin, value]
        self._origin: int | None = None
        self._now = self._seen = 0.0
        self._told = [False, False]  # a time, to the upper and to the lower limit
        self._returning = [0, 0]  # from beyond the upper and the lower limit
        self._max = [0.0, 0.0, 0.0, -1e9]  # typical daily maximum, its spread, days seen, highest today
        self._day: int | None = None

    def update(self, t_ms: int, value: float, tolerance: float = 1.0, failing: bool = False) -> None:
        """Take one temperature, degrees C; ``tolerance`` as of the asset; whether the room is in a fault."""
        if self._origin is None:
            self._origin = t_ms - BUCKET_MS
        elif t_ms < self._origin + int(self._now * 3.6e6) - BACKWARDS_MS:
            self._restart(t_ms)
            self._bucket = [0.0, 0.0]
        self._bucket[0] += value
        self._bucket[1] += 1.0
        now = (t_ms - (self._origin or 0)) / 3.6e6
        step = now - self._now
        if step * 3.6e6 < BUCKET_MS - 1:
            return
        if step > GAP_H:
            self._restart(t_ms)
            now = step = BUCKET_MS / 3.6e6
            self._bucket = [value, 1.0]
        value = self._bucket[0] / self._bucket[1]
        self._bucket = [0.0, 0.0]
        self._now = self._seen = now
        self._recent = [r for r in self._recent if r[0] > now - DECYCLE_H] + [[now, value]]
        self._judge(t_ms, median([r[1] for r in self._recent]), now, step, tolerance, failing)

    def leave_out(self, t_ms: int) -> None:
        """What is measured now is a door's, a delivery's or a defrost's doing. The hour of the median waits meanwhile: it is of the
        room itself, and the first value after a door does not stand for it alone."""
        if self._origin is None:
            return
        now = (t_ms - self._origin) / 3.6e6
        if 0.0 < now - self._seen < GAP_H:
            self._recent = [[t + now - self._seen, value] for t, value in self._recent]
            self._bucket = [0.0, 0.0]
            self._seen = now

    def _restart(self, t_ms: int) -> None:
        """After a gap or a clock set back: what was learnt of the pattern stays, trends and times start
        again."""
        self._origin, self._now, self._seen, self._recent = t_ms - BUCKET_MS, 0.0, 0.0, []
        self._up.forget_path()
        self._down.forget_path()

    def apart(self) -> _Watch:
        """One with the same pattern, trends and daily maximum, at no time yet."""
        other = _Watch(self.limits)
        other._pattern.restore({**self._pattern.dump(), "distance": 0.0})
        for mine, its in ((self._up, other._up), (self._down, other._down)):
            its.restore(mine.dump())
            its.forget_path()
        other._max = [*self._max[:3], -1e9]
        return other

    def _judge(
        self, t_ms: int, value: float, now: float, step: float, tolerance: float, failing: bool
    ) -> None:
        likely_from = tolerance / (
            tolerance + 1.0 / LIKELY - 1.0
        )  # the odds follow, so it stays a probability
        score = self._pattern.update(t_ms, value, min(step, 1.0), self._wider(t_ms, tolerance))
        self.anomaly = None if score is None else abs(score)
        self._up.update(now, value, step)
        if self._watches_below:
            self._down.update(now, -value, step)
        self._learn_maximum(t_ms, value)
        beyond = limit_severity(value, self.limits, BEYOND_K)
        upper, lower = self._target(value)
        soon, self.remaining, likely = 0.0, None, False
        sides = (upper, self._up, 1.0), (None if lower is None else -lower, self._down, -1.0)
        for side, (limit, passage, sign) in enumerate(sides):
            over = any(sign * value > sign * one for one in self._limits_of(sign))
            self._follow_return(side, over, passage.rising())
            if limit is None:
                continue
            curve = passage.curve(limit)
            soon = max(soon, probability_within(curve, WITHIN_H))
            unusual = failing or abs(score or 0.0) >= WARNING
            if not unusual:
                curve = in_use(curve)
            expected = interval(curve) if passage.trending() else None
            likely = likely or expected is not None
            near = unusual or probability_within(curve, WITHIN_H) >= LIKELY
            self._told[side] = expected is not None and (near or self._told[side])
            if expected is None or self._returning[side] or not self._told[side]:
                continue
            if self.remaining is None or expected.p50 < self.remaining.p50:
                self.remaining = expected
        warm = min(step, 0.25)
        at_limit, ahead, pattern = self._latches
        at_limit.update(beyond, warm)
        if score is not None:
            ahead.update(soon / likely_from, warm)
            pattern.update(abs(score), warm)
        number_of = max(latch.level for latch in self._latches)
        self.level = LEVEL_NAMES[number_of] if number_of or score is not None else "learning"
        self.severity = max(beyond, abs(score or 0.0), soon / likely_from if score is not None else 0.0)
        if beyond >= WARNING:
            self.outlook = "beyond limit"
        elif score is None:
            self.outlook, self.remaining = "learning", None
        else:
            self.outlook = "trend" if likely else "stable"

    def _target(self, value: float) -> tuple[float | None, float | None]:
        """The upper and the lower limit whose passage is to be foreseen: the first not passed yet, or a
        learnt upper one."""
        upper, lower = self._limits_of(1.0), self._limits_of(-1.0)
        if not upper and not lower:
            typical, spread, days, _ = self._max
            return (typical + MARGIN_K + MARGIN_SIGMAS * spread if days >= 1.0 else None), None
        return next((v for v in upper if v > value), None), next((v for v in lower if v < value), None)

    def _wider(self, t_ms: int, tolerance: float) -> float:
        """By how much the limit of the pattern is multiplied: never so much that it goes beyond a limit that people set."""
        usual, limit = self._pattern.usual(t_ms), self._pattern.limit
        left = [abs(one - usual) for one in self.limits.values()]
        return min(tolerance, max(1.0, min(left) / limit)) if left else tolerance

    def _follow_return(self, side: int, over: bool, rising: bool) -> None:
        """After it was beyond, as by a defrost, the trend still has the rise in it that carried it there (2), then it comes back (1).
        Only where it rises again (0) is there a time to be told."""
        phase = self._returning[side]
        if over:
            self._returning[side] = 2
        elif (phase, rising) in ((2, False), (1, True)):
            self._returning[side] = phase - 1

    def _limits_of(self, sign: float) -> list[float]:
        """The upper (1) or the lower (-1) limits, the inner one first."""
        return [
            self.limits[name] for name in (("h", "hh") if sign > 0 else ("l", "ll")) if name in self.limits
        ]

    def _learn_maximum(self, t_ms: int, value: float) -> None:
        """Typical highest de-cycled value of a day (UTC) and its spread; days of a warning are left out."""
        day = t_ms // 86_400_000
        if self._day is None or day != self._day:
            typical, spread, days, highest = self._max
            if self._day is not None and highest > -1e8:
                rate = 1.0 / min(days + 1.0, DAYS)
                distance = highest - typical if days else 0.0
                typical = highest if not days else typical + rate * distance
                spread = max(0.0, spread + rate * (abs(distance) * 1.25 - spread))
                days += 1.0
            self._max, self._day = [typical, spread, days, value], day
        elif not any(latch.level for latch in self._latches):
            self._max[3] = max(self._max[3], value)

    def dump(self) -> dict[str, Any]:
        """State in plain JSON types."""
        left = self.remaining
        return {
            "level": self.level,
            "outlook": self.outlook,
            "severity": self.severity,
            "anomaly": self.anomaly,
            "remaining": None if left is None else [left.p10, left.p50, left.p90],
            "pattern": self._pattern.dump(),
            "up": self._up.dump(),
            "down": self._down.dump(),
            "latches": [latch.dump() for latch in self._latches],
            "bucket": list(self._bucket),
            "recent": [list(r) for r in self._recent],
            "origin": self._origin,
            "now": self._now,
            "seen": self._seen,
            "returning": list(self._returning),
            "told": list(self._told),
            "max": list(self._max),
            "day": self._day,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `dump` gave."""
        self.level, self.outlook, self.severity, self.anomaly = (
            state["level"],
            state["outlook"],
            state["severity"],
            state["anomaly"],
        )
        self.remaining = None if state["remaining"] is None else Interval(*state["remaining"])
        self._pattern.restore(state["pattern"])
        self._up.restore(state["up"])
        self._down.restore(state["down"])
        for latch, saved in zip(self._latches, state["latches"], strict=True):
            latch.restore(saved)
        self._bucket, self._recent = list(state["bucket"]), [list(r) for r in state["recent"]]
        self._origin, self._now = state["origin"], state["now"]
        self._seen = state.get("seen", self._now)  # a state of before it was kept has none
        self._returning = list(state.get("returning", (0, 0)))
        self._told = list(state.get("told", (False, False)))
        self._max, self._day = list(state["max"]), state["day"]
