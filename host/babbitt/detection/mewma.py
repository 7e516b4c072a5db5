"""Several channels together: have their smoothed values moved away from where they were learnt, as they vary together?

A multivariate exponentially weighted moving average (Lowry et al., Technometrics 34, 1992): each channel is smoothed with SHARE,
and the distance of Mahalanobis of all of them is compared with the largest in the learning period. Small shifts of several
channels add up; a single wild value does not count. It is for channels whose normal state is steady - pressures, currents, flows
at one working point - and knows nothing of recipes: learn one for each.
"""

from __future__ import annotations

import base64
import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from babbitt.detection.detector import Values

Floats = NDArray[np.float64]
LEARN = 400
"""Records that are learnt."""
SHARE = 0.05
WARM = 30
"""Records after which the average has forgotten its beginning."""
SHRINK = 0.1
"""Towards the diagonal of the covariance, of smoothed values that are few when they are independent."""
LIMIT = 3.5
"""Times the largest distance while learning."""
SPREAD = 1e-4
"""Least spread of a smoothed channel, as a share of that of its values: a channel that stands still tells little, not all."""
CHANNELS = 64


class Mewma:
    """Learns `learn` records, then judges. At most CHANNELS channels, in the order of their names; those that were measured
    in less than half of the learning period are left out. The average of a channel that is not measured stays where it
    is."""

    def __init__(self, learn: int = LEARN) -> None:
        if learn < 2 * WARM:
            raise ValueError(f"learn: {learn} records are too few; use at least {2 * WARM}")
        self.learn = learn
        self._rows: list[dict[str, float]] = []
        self._names: tuple[str, ...] = ()
        self._centre = self._smooth = np.empty(0)
        self._factor = np.empty((0, 0))
        self._limit = 0.0

    def learn_one(self, values: Values) -> None:
        """Take a record in: learnt from while there are fewer than `learn`, followed afterwards."""
        if not self._names:
            row = {name: value for name, raw in values.items() if (value := _number(raw)) is not None}
            if row:
                self._rows.append(row)
            if len(self._rows) >= self.learn:
                self._settle()
            return
        self._smooth = self._next(values)

    def score_one(self, values: Values) -> float | None:
        """Distance by the limit."""
        return self._distance(self._next(values)) / self._limit if self._names else None

    def drivers(self) -> tuple[str, ...]:
        """The channels by their share of the distance of now, at most five."""
        if not self._names:
            return ()
        d = self._smooth - self._centre
        share = d * (self._factor @ (self._factor.T @ d))
        order = np.argsort(-share)[:5]
        return tuple(self._names[n] for n in order.tolist() if share[n] > 0.1 * share[order[0]] > 0)

    def _next(self, values: Values) -> Floats:
        row = [_number(values.get(name)) for name in self._names]
        return np.array(
            [
                at if one is None else at + SHARE * (one - at)
                for one, at in zip(row, self._smooth.tolist(), strict=True)
            ]
        )

    def _distance(self, smooth: Floats) -> float:
        turned = self._factor.T @ (smooth - self._centre)
        return float(np.sqrt(turned @ turned))

    def _settle(self) -> None:
        """Make a baseline of the learning period."""
        seen: dict[str, int] = {}
        for row in self._rows:
            for name in row:
                seen[name] = seen.get(name, 0) + 1
        names = sorted(name for name, count in seen.items() if 2 * count >= len(self._rows))[:CHANNELS]
        if not names:
            self._rows = self._rows[self.learn // 2 :]
            return
        x = np.array([[row.get(name, math.nan) for name in names] for row in self._rows])
        smooth = np.empty_like(x)
        at = np.nanmean(x[: max(WARM, 1 + int(np.isfinite(x).argmax(axis=0).max()))], axis=0)
        for n, row_ in enumerate(x):
            at = at + SHARE * np.nan_to_num(row_ - at)
            smooth[n] = at
        part = smooth[WARM:]
        centre, cov = part.mean(axis=0), np.atleast_2d(np.cov(part, rowvar=False))
        least = (SPREAD * np.maximum(np.nanstd(x, axis=0), 1e-9 * np.maximum(1.0, np.abs(centre)))) ** 2
        # Averages overlap: a few hundred are worth a few. What independent values would give is added.
        steady = np.where(np.isfinite(x), x, centre)
        cov = cov + SHARE / (2 - SHARE) * np.atleast_2d(np.cov(steady, rowvar=False))
        cov = (1 - SHRINK) * cov + SHRINK * np.diag(np.diag(cov)) + np.diag(least)
        scale = np.sqrt(np.diag(cov))
        inverse = np.linalg.inv(cov / np.outer(scale, scale)) / np.outer(scale, scale)
        self._names, self._centre, self._smooth = tuple(names), centre, smooth[-1]
        self._factor = np.linalg.cholesky(inverse)
        largest = max(self._distance(one) for one in part)
        self._limit, self._rows = LIMIT * max(largest, math.sqrt(len(names))), []

    def dump(self) -> dict[str, Any]:
        """The whole state."""
        arrays = {"centre": self._centre, "smooth": self._smooth, "factor": self._factor}
        return {
            "learn": self.learn, "rows": [dict(row) for row in self._rows], "names": list(self._names), "limit": self._limit,
            **{name: base64.b64encode(one.astype("<f8").tobytes()).decode() for name, one in arrays.items()},
        }  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """What ``dump`` gave."""
        self = cls(state["learn"])
        self._rows, self._names = [dict(row) for row in state["rows"]], tuple(state["names"])
        self._limit, count = float(state["limit"]), len(self._names)

        def array(name: str) -> Floats:
            return np.frombuffer(base64.b64decode(state[name], validate=True), "<f8").astype(np.float64)

        self._centre, self._smooth = array("centre"), array("smooth")
        self._factor = array("factor").reshape(count, count)
        return self


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) and abs(value) < 1e12 else None
