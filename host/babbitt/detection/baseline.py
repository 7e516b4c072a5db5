"""The learnt baseline of one machine, and how far a record is from it.

Learning keeps the features of the first records of the *running* machine and takes, of each, the median and a
robust spread. The limit of a feature is `SIGMAS` spreads, but never less than a relative floor: a new machine
that runs very evenly must not be reported for a change of ten per cent. Afterwards a record's deviation is
smoothed by a median over the last records, so that single spikes (a dropped tool) do not count, and divided
by the limit: 1.0 is the limit. Both directions count, because clogged fans and some faults vibrate less than
a healthy machine.

Energy (rms, peak) carries the score (`score.py`): each by itself, and all of them and the bands together
(`pattern.Pattern`); how much it varies counts below the limit (`scatter.Scatter`).

A machine that is off is not judged and not learnt. A baseline is refused while the machine trends strongly
(run-in, or a fault that grows already) or is beyond limits set by people; after `PATIENCE` refusals a
trending one is taken with the trend as spread.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from babbitt.detection.pattern import Pattern
from babbitt.detection.scatter import Scatter, spread
from babbitt.detection.score import combined, widened
from babbitt.detection.sisters import compared, unlike
from babbitt.manipulation.features import (
    ENERGY,
    PART,
    SHAPE,
    TEMPERATURE,
    features,
    kind,
    median,
    overall_rms,
)
from babbitt.protocol.assessment import Sisters

LEARN = 60
"""Records of the running machine that make a baseline."""
SIGMAS = 4.0
"""Limit of a smoothed deviation in spreads of a single record, before the tolerance of `_tolerance`."""
FLOOR = {ENERGY: math.log(1.3), PART: math.log(2.0), SHAPE: math.log(2.0), TEMPERATURE: 12.0}
"""Least limit: a factor of 1.3 of energy, 2 of shape, 12 K of a machine's temperature (summer and winter,
load)."""
PEAK_FLOOR = math.log(1.6)
"""That of a peak: the highest sample of a window scatters."""
SMOOTH = 7
"""Records in the median of a deviation."""
OFF = 0.25
"""A running machine vibrates at least so much of its usual level."""
OFF_G = 0.015
"""Vibration below which a machine whose level is not known yet counts as off, g rms of all axes (sensor
noise)."""
QUIET_AFTER = 4
"""A machine that stays below `OFF_G` for so many learning periods is a quiet machine, not one that is off."""
SETTLE = 3
"""Records not judged after the machine came back on (run-up)."""
RUN_UP, RUN_UP_MAX, STEADY = 16, 120, math.log(1.08)
"""It still runs up while the vibration of the newer half of the last `RUN_UP` records is so far (natural log) from that of the
older half, `RUN_UP_MAX` records at most."""
TREND = math.log(1.2)
"""Change between the halves of the learning period above which a baseline is refused."""
PATIENCE = 4
"""Refusals for trend before it is taken nevertheless."""
BACK = 0.75
"""A state that was refused because of the sisters is accepted once it is within so much of their limits."""
PRESENT = 0.8
"""Share of the learning period a feature must have been measured in."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one record compares with the baseline.

    `running` False: the machine is off or runs up, and the rest is that of the last judged record. `score`
    1.0 is the limit. `drivers` are channels at half their limit or beyond, strongest first, at most five.
    `deviation` is the smoothed distance by channel, signed, in natural logs (K for temperatures).
    """

    running: bool
    score: float
    drivers: tuple[str, ...]
    deviation: Mapping[str, float]


class Baseline:
    """Learns, then judges; `update` gives None while it learns. `learn` is the number of records (>= 8).

    To be set: `tolerance` is a factor of the limits, `sisters` what machines of the kind are like, if that is known: until the
    own state is learnt they judge, and a state that is not like theirs is not accepted; `unlike` names its channels.
    """

    def __init__(self, learn: int = LEARN) -> None:
        if learn < 8:
            raise ValueError(f"learn: {learn} records are too few for a baseline; use at least 8")
        self.learn = learn
        self.tolerance = 1.0
        self.sisters: Sisters | None = None
        self._start_again()

    def _start_again(self) -> None:
        """Forget everything learnt."""
        self.level_g = 0.0
        self._rows: list[dict[str, float]] = []
        self._quiet = 0
        self._refused = 0
        self._centre: dict[str, float] = {}
        self._limit: dict[str, float] = {}
        self._recent: dict[str, list[float]] = {}
        self._settle = 0
        self._start: list[dict[str, float]] | None = None
        self._since = 0
        self._pattern: Pattern | None = None
        self._scatter: Scatter | None = None
        self._recent_rows: list[Mapping[str, float]] = []
        self.unlike: tuple[str, ...] = ()
        self._last = Verdict(False, 0.0, (), {})

    @property
    def learnt(self) -> bool:
        """True once there is a baseline."""
        return bool(self._centre)

    @property
    def verdict(self) -> Verdict:
        """The last verdict (score 0 and no deviation before the first)."""
        return self._last

    def limit(self, channel: str) -> float | None:
        """Limit of the deviation of a channel, or None for one that is not judged."""
        found = self._limit.get(channel)
        return None if found is None else widened(channel, found, self.tolerance)

    def update(self, values: Mapping[str, float | None], acceptable: bool = True) -> Verdict | None:
        """Take one record. `acceptable` False: it is beyond limits set by people and must not be learnt."""
        if not self.learnt:
            return self._learn(values, acceptable)
        now = {c: v for c, v in features(values).items() if c in self._centre}
        level = overall_rms(values)
        if level is not None and level < OFF * self.level_g:
            self._settle, self._start, self._since = SETTLE, [], 0
            if self._scatter is not None:
                self._scatter.forget()
            return self.idle()
        if self.level_g < OFF_G and level is not None and level > OFF_G / OFF:
            self._start_again()  # what was learnt was the machine at rest
            return self._learn(values, acceptable)
        if not now or self._settle:
            self._settle = max(0, self._settle - 1)
            return self.idle()
        if self._runs_up(now):
            return self.idle()
        for channel, value in now.items():
            recent = self._recent.setdefault(channel, [])
            recent.append(value - self._centre[channel])
            del recent[:-SMOOTH]
        if all(2 * len(recent) <= SMOOTH for recent in self._recent.values()):
            return self.idle()
        return self._judge(now)

    def learn_one(self, values: Mapping[str, float | None]) -> None:
        """Take one record in: :meth:`update` by the contract of every detector (detector.py)."""
        self.update(values)

    def score_one(self, values: Mapping[str, float | None]) -> float | None:
        """The score :meth:`update` would give with a record; changes nothing. None while it learns."""
        asked = copy.copy(self)
        asked._rows, asked._recent = list(self._rows), {c: list(r) for c, r in self._recent.items()}
        asked._scatter = copy.deepcopy(self._scatter)
        verdict = asked.update(values)
        return None if verdict is None else verdict.score

    def drivers(self) -> tuple[str, ...]:
        """The channels that carry the last score, strongest first."""
        return self._last.drivers

    def resume(self) -> None:
        """Go on after a pause in which something else was judged: the records to come are no neighbours of the last ones."""
        self._recent, self._recent_rows, self._settle, self._start, self._since = {}, [], 0, None, 0
        if self._scatter is not None:
            self._scatter.forget()

    def _runs_up(self, now: Mapping[str, float]) -> bool:
        """Whether the machine, which came back on, has not reached the vibration of all its axes yet."""
        if self._start is None:
            return False
        self._start = [*self._start, {c: v for c, v in now.items() if c.endswith(".rms")}][-RUN_UP:]
        self._since += 1
        half = len(self._start) // 2
        moves = half < SETTLE or self._step() > STEADY
        if moves and self._since < RUN_UP_MAX:
            return True
        self._start, self._recent = None, {}
        return False

    def _step(self) -> float:
        """The largest step of an axis between the halves of what came since the start."""
        start = self._start or []
        half, steps = len(start) // 2, [0.0]
        for channel in start[-1]:
            parts = [
                [row[channel] for row in some if channel in row] for some in (start[:half], start[half:])
            ]
            if all(parts):
                steps.append(abs(median(parts[1]) - median(parts[0])))
        return max(steps)

    def idle(self) -> Verdict:
        """What was judged last, as that of a record that is not judged."""
        return Verdict(False, self._last.score, self._last.drivers, self._last.deviation)

    def _judge(self, now: Mapping[str, float]) -> Verdict:
        deviation = {c: median(r) for c, r in self._recent.items() if len(r) * 2 > SMOOTH}
        limit = {c: widened(c, self._limit[c], self.tolerance) for c in deviation}
        together = self._pattern.score(deviation) / self.tolerance if self._pattern is not None else 0.0
        lively = self._scatter.update(now) if self._scatter is not None else 0.0
        self._last = Verdict(True, *combined(deviation, limit, together, lively), deviation)
        return self._last

    def _by_sisters(self, row: Mapping[str, float]) -> Verdict | None:
        """How a record that was learnt compares with the sisters; None as long as they cannot tell."""
        sisters = self.sisters
        if sisters is None:
            return None
        self._recent_rows = [*self._recent_rows, row][-SMOOTH:]
        running = [r for r in self._recent_rows if r.get("level", math.inf) >= OFF * sisters.level_g]
        if 2 * len(running) <= SMOOTH or running[-1] is not row:
            return None
        score, drivers, deviation = compared(running, sisters, self.tolerance)
        if self.unlike and score < 1.0:
            score, drivers = 1.0, self.unlike[:5]
        return Verdict(True, score, drivers, deviation)

    def _learn(self, values: Mapping[str, float | None], acceptable: bool) -> Verdict | None:
        row, level = features(values), overall_rms(values)
        if not row or not acceptable:
            return None
        if level is not None:
            if level < OFF_G and self._quiet < QUIET_AFTER * self.learn:
                self._quiet += 1
                return None
            row["level"] = level
        self._rows.append(row)
        verdict = self._by_sisters(row)
        if len(self._rows) >= self.learn:
            self._try()
        return verdict

    def _try(self) -> None:
        """There are enough records; those of the machine at rest do not count."""
        usual = sorted(r.get("level", 0.0) for r in self._rows)[3 * len(self._rows) // 4]
        self._rows = [r for r in self._rows if r.get("level", usual) >= OFF * usual]
        if len(self._rows) >= self.learn:
            self._settle_on(usual)

    def _settle_on(self, usual: float) -> None:
        """Turn the learning period into a baseline, or refuse it and keep its newer half."""
        half = len(self._rows) // 2
        centre, limit, worst = {}, {}, 0.0
        for channel in sorted({c for r in self._rows for c in r} - {"level"}):
            column = [r[channel] for r in self._rows if channel in r]
            if len(column) < PRESENT * len(self._rows):
                continue
            what = kind(channel) or SHAPE
            step = abs(median(column[half:]) - median(column[:half]))
            usual_spread = spread(column)
            if what == ENERGY:
                # The newer half tells the scatter: the trend itself would hide in that of the whole.
                worst = max(worst, step / max(TREND, 2.0 * spread(column[half:])))
            centre[channel] = median(column)
            floor = PEAK_FLOOR if channel.endswith((".peak", ".p2p")) else FLOOR[what]
            limit[channel] = max(floor, SIGMAS * max(usual_spread * _tolerance(column), 0.5 * step))
        if worst > 1.0 and self._refused < PATIENCE:
            self._refused += 1
            self._rows = self._rows[half:]
            return
        # As long as there are sisters, what is learnt is doubted by them; only a person ends that.
        if self.sisters is not None:
            self.unlike = unlike(centre, self.sisters, self.tolerance * (BACK if self.unlike else 1.0))
        else:
            self.unlike = ()
        if self.unlike:
            self._rows = self._rows[half:]
            return
        self.level_g = median([r["level"] for r in self._rows if "level" in r] or [usual])
        self._centre, self._limit = _without_noise_shape(centre), limit
        energy = {c: v for c, v in self._centre.items() if kind(c) in (ENERGY, PART)}
        self._pattern = Pattern.learnt(self._rows, energy)
        self._scatter = Scatter(
            {c: spread([r[c] for r in self._rows if c in r]) for c in self._centre if kind(c) == ENERGY}
        )
        self._rows = []

    def dump(self) -> dict[str, Any]:
        """Whole state in plain JSON types; its size is bounded by `learn` records of features."""
        return {
            "learn": self.learn,
            "level_g": self.level_g,
            "rows": [dict(r) for r in self._rows],
            "quiet": self._quiet,
            "refused": self._refused,
            "centre": dict(self._centre),
            "limit": dict(self._limit),
            "recent": {c: list(r) for c, r in self._recent.items()},
            "settle": self._settle,
            "recent_rows": [dict(r) for r in self._recent_rows],
            "unlike": list(self.unlike),
            "start": self._start,
            "since": self._since,
            "pattern": self._pattern.dump() if self._pattern is not None else None,
            "scatter": self._scatter.dump() if self._scatter is not None else None,
            "score": self._last.score,
            "drivers": list(self._last.drivers),
            "deviation": dict(self._last.deviation),
        }

    @classmethod
    def load(cls, state: dict[str, Any]) -> Baseline:
        """Build from what `dump` gave; {} gives a fresh one. Raises KeyError, TypeError for anything else."""
        if not state:
            return cls()
        self = cls(state["learn"])
        self.level_g, self._quiet, self._refused = state["level_g"], state["quiet"], state["refused"]
        self._rows = [dict(r) for r in state["rows"]]
        self._centre, self._limit = dict(state["centre"]), dict(state["limit"])
        self._recent = {c: list(r) for c, r in state["recent"].items()}
        self._settle = state["settle"]
        self._start, self._since = state.get("start"), state.get("since", 0)
        self._recent_rows, self.unlike = [*state.get("recent_rows", [])], tuple(state.get("unlike", ()))
        if kept := state.get("pattern"):
            self._pattern = Pattern.load(kept)
        if kept := state.get("scatter"):
            self._scatter = Scatter.load(kept)
        self._last = Verdict(False, state["score"], tuple(state["drivers"]), dict(state["deviation"]))
        return self


def _tolerance(column: list[float]) -> float:
    """Factor from the spread of a learning period to one it stays below with 99 % confidence.

    Records of a load that wanders slowly resemble each other: sixty of them may be worth ten. The effective
    number is n (1 - r) / (1 + r) with r the lag-1 correlation, and the factor that of a one-sided chi-squared
    bound of the variance (1.3 for 60 independent records, 2.1 for ten), with the uncertainty of the centre.
    """
    x = np.asarray(column) - np.mean(column)
    power = float(x @ x)
    r = float(x[1:] @ x[:-1]) / power if power > 1e-12 else 0.0
    effective = max(5.0, len(x) * (1.0 - r) / (1.0 + r) if r > 0.0 else float(len(x)))
    return float(
        math.sqrt((effective - 1.0) / stats.chi2.ppf(0.01, effective - 1.0) * (1.0 + 1.0 / effective))
    )


def _without_noise_shape(centre: dict[str, float]) -> dict[str, float]:
    """Leave out the shape of axes that show little more than sensor noise: it says nothing about the
    machine."""
    quiet = {c[: -len("rms")] for c, v in centre.items() if c.endswith(".rms") and v < math.log(0.01)}
    return {c: v for c, v in centre.items() if kind(c) != SHAPE or c.rpartition(".")[0] + "." not in quiet}
