"""What a temperature will be in a quarter of an hour, an hour and two, with an interval that keeps its promise.

A room repeats itself - compressor, defrosts, deliveries at their hours - so the change within a horizon is a linear function of
the changes just before, of what happened after the same hour on earlier days, and of the hour. The coefficients are followed by
recursive least squares with forgetting (Ljung, "System Identification", 1999, section 11.2); errors beyond one spread count less
(Huber 1964), so that a door is not learnt. A quarter of an hour's step is a few thousand multiplications; nothing is trained.

The interval is adaptive conformal (Gibbs and Candes 2021): the quantile of its own last errors at a level that is moved up after
each miss and down after each hit, so that it covers what it says whatever the distribution and however the season turns.

A forecast uses what was measured before and nothing else; a value that comes late for its quarter is not used.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP_MS = 900_000
DAY = 96
HORIZONS = (1, 4, 8)
"""Steps of a quarter of an hour."""
LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
DAYS = (1, 2, 3, 7)
KEPT = 7 * DAY + 1
FORGET = 0.9998
"""Memory of 5000 steps, some 50 days."""
PRIOR = (20.0, 1.0)
"""Weight of the prior that a coefficient is zero: of a change, of an hour."""
READY = 2 * DAY
"""Steps before there is a forecast."""
COVER = 0.9
ERRORS, LEAST_ERRORS, GAMMA = 400, 40, 0.01
"""Errors that are kept, needed, and how fast the level moves."""
PLAUSIBLE_K = 150.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The temperature ``minutes`` ahead: the middle, and the interval that holds it nine times of ten."""

    minutes: int
    low: float
    middle: float
    high: float


class _Horizon:
    """One horizon: coefficients, and how wrong it was."""

    def __init__(self, steps: int, size: int, hours: int) -> None:
        self.steps = steps
        self.coefficients = np.zeros(size)
        self.gain = np.diag(1.0 / np.r_[np.full(size - hours, PRIOR[0]), np.full(hours, PRIOR[1])])
        self.spread = 0.3
        self.alpha = 1.0 - COVER
        self.errors: list[float] = []

    def learn(self, x: NDArray[np.float64], change: float) -> None:
        """What came of a forecast from features ``x``."""
        error = change - float(x @ self.coefficients)
        if len(self.errors) >= LEAST_ERRORS:
            missed = abs(error) > self.half_width()
            self.alpha = min(0.5, max(0.001, self.alpha + GAMMA * (1.0 - COVER - missed)))
        self.errors = [*self.errors, abs(error)][-ERRORS:]
        self.spread = max(0.02, 0.995 * self.spread + 0.005 * 1.25 * min(abs(error), 4 * self.spread))
        weight = 1.0 / max(1.0, abs(error) / self.spread)
        turned = self.gain @ x
        step = turned * weight / (FORGET + weight * float(x @ turned))
        self.coefficients = self.coefficients + step * error
        gain = (self.gain - np.outer(step, turned)) / FORGET
        self.gain = 0.5 * (gain + gain.T)
        np.fill_diagonal(self.gain, np.minimum(self.gain.diagonal(), 1e4))

    def half_width(self) -> float:
        """Half of the interval at the level of now."""
        ordered = sorted(self.errors)
        return ordered[min(len(ordered) - 1, math.ceil((1.0 - self.alpha) * (len(ordered) + 1)) - 1)]


class TemperatureForecast:
    """Follows one temperature. ``update`` takes values as they come, at any pace; a step is the mean of a quarter of an
    hour."""

    def __init__(self) -> None:
        self._values = np.full(KEPT, np.nan)
        self._at: int | None = None
        self._sum, self._count, self._steps = 0.0, 0, 0
        size = len(LAGS) + 3 * len(DAYS) + 2 + 7
        self._horizons = [_Horizon(steps, size, 7) for steps in HORIZONS]
        self._asked: dict[int, list[NDArray[np.float64] | None]] = {steps: [] for steps in HORIZONS}

    def update(self, t_ms: int, value: float | None) -> bool:
        """Take a value in degrees C; True if a quarter of an hour has ended and the forecasts are new. What is no number,
        or not plausible, counts as not measured; what is older than the step is left out."""
        at = t_ms // STEP_MS
        good = value is not None and math.isfinite(value) and abs(value) <= PLAUSIBLE_K
        if self._at is None or at - self._at > KEPT:
            self._begin(at)
        assert self._at is not None
        if at < self._at:
            return False
        new = at > self._at
        while self._at < at:
            self._close()
        if good and value is not None:
            self._sum, self._count = self._sum + value, self._count + 1
        return new

    def forecasts(self) -> list[Forecast]:
        """From the last step that ended; empty until READY steps, and while it was not measured."""
        now = float(self._values[-1])
        if math.isnan(now) or self._steps < READY:
            return []
        found = []
        for horizon in self._horizons:
            asked = self._asked[horizon.steps][-1]
            if asked is None or len(horizon.errors) < LEAST_ERRORS:
                continue
            middle, half = now + float(asked @ horizon.coefficients), horizon.half_width()
            found.append(Forecast(horizon.steps * STEP_MS // 60_000, middle - half, middle, middle + half))
        return found

    def _begin(self, at: int) -> None:
        self._values[:] = np.nan
        self._at, self._sum, self._count = at, 0.0, 0
        self._asked = {steps: [] for steps in HORIZONS}

    def _close(self) -> None:
        """End a step: learn from it, and ask anew."""
        assert self._at is not None
        value = self._sum / self._count if self._count else math.nan
        self._values = np.r_[self._values[1:], value]
        self._at, self._sum, self._count, self._steps = self._at + 1, 0.0, 0, self._steps + 1
        for horizon in self._horizons:
            asked = self._asked[horizon.steps]
            if len(asked) == horizon.steps:
                x, before = asked[0], float(self._values[-1 - horizon.steps])
                if x is not None and not math.isnan(value) and self._steps > READY:
                    horizon.learn(x, value - before)
            x = None if math.isnan(value) else self._features(horizon.steps)
            self._asked[horizon.steps] = [*asked, x][-horizon.steps :]

    def _features(self, steps: int) -> NDArray[np.float64]:
        """What a change within ``steps`` depends on; what was not measured is a change of nothing."""
        assert self._at is not None
        values, now = self._values, self._values[-1]
        parts = [values[-1 - lag] - now for lag in LAGS]
        for day in DAYS:
            then = values[-1 - day * DAY]
            ahead = values[-1 - day * DAY + steps]
            parts += [ahead - then, then - now, ahead - now]
        for day in (1, 7):
            some = values[-day * DAY :]
            there = ~np.isnan(some)
            parts.append(float(some[there].mean()) - now if there.any() else 0.0)
        turn = 2 * math.pi * ((self._at - 1) % DAY) / DAY
        parts += [f(n * turn) for n in (1, 2, 3) for f in (math.sin, math.cos)]
        x: NDArray[np.float64] = np.nan_to_num(np.array([*parts, 1.0]))
        return x

    def dump(self) -> dict[str, Any]:
        """Whole state in plain JSON types."""
        return {
            "at": self._at,
            "sum": self._sum,
            "count": self._count,
            "steps": self._steps,
            "values": _packed(self._values),
            "asked": {str(k): [None if x is None else _packed(x) for x in v] for k, v in self._asked.items()},
            "horizons": [
                {
                    "coefficients": _packed(one.coefficients),
                    "gain": _packed(one.gain.ravel()),
                    "spread": one.spread,
                    "alpha": one.alpha,
                    "errors": one.errors,
                }
                for one in self._horizons
            ],
        }

    @classmethod
    def load(cls, state: dict[str, Any]) -> TemperatureForecast:
        """What ``dump`` gave; {} gives a fresh one. Raises KeyError, TypeError, ValueError for anything else."""
        self = cls()
        if not state:
            return self
        self._at, self._sum, self._count, self._steps = (state[k] for k in ("at", "sum", "count", "steps"))
        self._values = _unpacked(state["values"])
        self._asked = {
            int(k): [None if x is None else _unpacked(x) for x in v] for k, v in state["asked"].items()
        }
        for one, kept in zip(self._horizons, state["horizons"], strict=True):
            one.coefficients = _unpacked(kept["coefficients"])
            one.gain = _unpacked(kept["gain"]).reshape(one.gain.shape)
            one.spread, one.alpha, one.errors = kept["spread"], kept["alpha"], list(kept["errors"])
        return self


def _packed(values: NDArray[np.float64]) -> str:
    return base64.b64encode(values.astype("<f8").tobytes()).decode()


def _unpacked(text: str) -> NDArray[np.float64]:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f8").astype(np.float64)
