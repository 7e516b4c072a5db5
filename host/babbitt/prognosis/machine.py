"""A machine: baseline, latch, health and remaining life put together as one `Analyser`.

The judgements stand side by side: the learnt baseline, and the limits people set (`Asset.limits`), which
count from the first record on. The level follows the worse of the two. Until there is a baseline, what sister machines are like
(`Asset.sisters`) takes its place, if that is known. There is a baseline for each recipe and speed (detection/points.py); wear is one
story, told by how far each record is from the baseline of its own working point, and what is latched stays latched when the
machine changes over to a product it was never seen with. A healthy machine without a trend has the remaining life that those of
others of its kind leave it (`Asset.others`), if anybody said how long they lived.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

from babbitt.detection.baseline import LEARN, Baseline, Verdict
from babbitt.detection.latch import LEVEL_NAMES, Latch
from babbitt.detection.onset import Onset
from babbitt.detection.points import Points
from babbitt.health.index import ALARM, WARNING, health, limit_severity
from babbitt.manipulation.features import ENERGY, kind, number
from babbitt.prognosis import others
from babbitt.prognosis.degradation import THRESHOLD, Degradation, Threshold
from babbitt.prognosis.slow import SlowVariables
from babbitt.protocol.assessment import Assessment, Asset

VERSION = 2
LEADING = 2
"""Features in the indicator of degradation: the mean of so many of the largest energy deviations."""


class MachineAnalyser:
    """Analyser of an asset of kind ``machine``. `learn` is the number of records of the baseline, `threshold`
    the prior of the log ratio at failure."""

    def __init__(self, asset: Asset, learn: int = LEARN, threshold: Threshold = THRESHOLD) -> None:
        self.asset = asset
        self.points = Points(learn)
        self.degradation = Degradation(threshold)
        self._anomaly_latch = Latch((WARNING, ALARM))
        self._limit_latch = Latch((WARNING, ALARM))
        self._onset = Onset()
        self._slow = SlowVariables()
        self._recipe: int | None = None
        self._learns = True

    @property
    def baseline(self) -> Baseline:
        """That of the working point in use."""
        return self.points.now

    def update(self, t_ms: int, values: Mapping[str, float | None], recipe: int = 0) -> Assessment:
        """Take one record and judge the machine. Values that are not finite or not plausible count as not
        measured."""
        one = self._judge(t_ms, values, recipe)
        since = self._onset.began if one.level in ("warning", "alarm") else None
        reaches = self._slow.now(t_ms, self.asset.limits)
        return replace(one, since_ms=since, point=self.points.at, reaches=reaches)

    def _judge(self, t_ms: int, values: Mapping[str, float | None], recipe: int) -> Assessment:
        beyond, channels = self._beyond_limits(values)
        limit_level = self._limit_latch.update(beyond)
        points = self.points
        points.tolerance = self.asset.tolerance
        points.sisters = None if self.asset.accepted else self.asset.sisters
        # A machine that is bad at one working point is not learnt as normal at another.
        bad = beyond >= WARNING or (points.learnt and self._anomaly_latch.level > 0)
        verdict = points.update(t_ms, values, recipe, self._learns and not bad, self._learns)
        self._follow(t_ms, values, recipe, verdict is None or verdict.running)
        if verdict is None:
            self._onset.update(t_ms, beyond)
        elif verdict.running or beyond >= WARNING:
            self._onset.update(t_ms, max(verdict.score, beyond))
        if verdict is not None and not points.own:
            return self._by_sisters(t_ms, verdict, beyond, (limit_level, channels))
        if verdict is None:
            # What was said stays while the machine is off, and where nothing is known of it yet.
            stays = points.sisters is not None or points.learnt
            said = max(limit_level, self._anomaly_latch.level if stays else 0)
            level = LEVEL_NAMES[said] if said else "learning"
            return Assessment(
                t_ms,
                level,
                None,
                health(beyond) if limit_level else None,
                channels,
                "beyond limit" if limit_level else "learning",
                None,
                basis="limits",
            )
        outlook, remaining = self.degradation.now(t_ms)
        if verdict.running:
            self._anomaly_latch.update(verdict.score)
            active = self._anomaly_latch.level > 0
            outlook, remaining = self.degradation.update(t_ms, indicator(verdict), active)
        if limit_level == 2:
            outlook = "beyond limit"
        level = LEVEL_NAMES[max(limit_level, self._anomaly_latch.level)]
        if outlook == "no trend" and level == LEVEL_NAMES[0]:
            remaining = others.left(self.asset.others, t_ms)
            outlook = "no trend" if remaining is None else "lives"
        drivers = tuple(dict.fromkeys(channels + verdict.drivers)) if limit_level else verdict.drivers
        return Assessment(
            t_ms, level, verdict.score, health(max(verdict.score, beyond)), drivers, outlook, remaining
        )

    def _follow(self, t_ms: int, values: Mapping[str, float | None], recipe: int, running: bool) -> None:
        """Slow variables on their way to a limit, of the machine while it runs. Another recipe is another story."""
        if recipe != self._recipe:
            self._slow.forget()
            self._recipe = recipe
        if running and self._learns:
            measured = {channel: number(values.get(channel)) for channel in self.asset.limits}
            self._slow.update(t_ms, measured, self.asset.limits)

    def _by_sisters(
        self, t_ms: int, verdict: Verdict, beyond: float, limits: tuple[int, tuple[str, ...]]
    ) -> Assessment:
        """While its own state is learnt. How it goes on cannot be told from others."""
        limit_level, channels = limits
        level = LEVEL_NAMES[max(limit_level, self._anomaly_latch.update(verdict.score))]
        drivers = tuple(dict.fromkeys(channels + verdict.drivers)) if limit_level else verdict.drivers
        outlook = "beyond limit" if limit_level == 2 else "learning"
        severity = health(max(verdict.score, beyond))
        return Assessment(t_ms, level, verdict.score, severity, drivers, outlook, None, basis="sisters")

    def _beyond_limits(self, values: Mapping[str, float | None]) -> tuple[float, tuple[str, ...]]:
        """Severity of the worst channel against the limits people set, and the channels beyond one, worst
        first."""
        found: dict[str, float] = {}
        for channel, limits in self.asset.limits.items():
            value = number(values.get(channel))
            if value is not None and (severity := limit_severity(value, limits)) > 0.0:
                found[channel] = severity
        order = sorted(found, key=lambda c: (-found[c], c))
        return max(found.values(), default=0.0), tuple(order)

    def apart(self) -> Self:
        """One that has learnt what this one has, learns nothing more, and begins with fresh latches and no trend."""
        other = type(self)(self.asset, self.points.learn, self.degradation.threshold)
        other.points = Points.load(self.points.learn, json.loads(json.dumps(self.points.dump())))
        other.points.pause()
        other._learns = False
        return other

    def dump(self) -> dict[str, Any]:
        """Whole state in plain JSON types."""
        return {
            "version": VERSION,
            "points": self.points.dump(),
            "degradation": self.degradation.dump(),
            "anomaly_latch": self._anomaly_latch.dump(),
            "limit_latch": self._limit_latch.dump(),
            "onset": self._onset.dump(),
            "slow": self._slow.dump(),
            "recipe": self._recipe,
        }

    @classmethod
    def load(cls, asset: Asset, state: dict[str, Any]) -> Self:
        """Build from what `dump` gave, or a fresh one from {}. Raises ValueError for a state of another
        version."""
        self = cls(asset)
        if not state:
            return self
        if state.get("version") == 1:
            state = _upgraded(state)
        if state.get("version") != VERSION:
            was = state.get("version")
            raise ValueError(
                f"state of a machine analyser has version {was}, not {VERSION}: replay the records"
            )
        self.points = Points.load(self.points.learn, state["points"])
        self.degradation = Degradation.load(state["degradation"])
        self._anomaly_latch.restore(state["anomaly_latch"])
        self._limit_latch.restore(state["limit_latch"])
        self._onset.restore(state.get("onset", [None, 0]))
        self._slow.restore(state.get("slow", {}))
        self._recipe = state.get("recipe")
        return self


def _upgraded(state: dict[str, Any]) -> dict[str, Any]:
    """A state of before there were working points: its baseline is that of recipe 0 without a speed."""
    old = {"recipe": 0, "speed": None, "baseline": state["baseline"]}
    points = {
        "points": [old],
        "at": None,
        "recipe": None,
        "until": 0,
        "own": False,
        "speeds": [],
        "roams": [0, False],
    }
    return {**state, "version": VERSION, "points": points}


def indicator(verdict: Verdict) -> float:
    """Degradation of one verdict: mean of the leading energy deviations, natural log of the ratio to the
    baseline."""
    energy = sorted((d for c, d in verdict.deviation.items() if kind(c) == ENERGY), reverse=True)[:LEADING]
    return sum(energy) / len(energy) if energy else 0.0
