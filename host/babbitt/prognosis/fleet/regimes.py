"""Takes the operating conditions out of measured values: what is left is the state of the machine.

Machines that are flown, pumped or milled in a few conditions jump between them, and a sensor moves more by that than by wear. If
the settings fall into a few tight groups (k-means; at most MOST, if they explain all but TIGHT of the variance) each group gets a
mean and a spread of its own, after Wang et al., "A similarity-based prognostics approach for remaining useful life estimation",
PHM 2008.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST, TIGHT = 12, 0.001
CONSTANT = 1e-6
FEW = 20


class Regimes:
    """``centres`` (k, s) in standardised settings, ``mean`` and ``spread`` (k, p) of the values, ``kept``: the columns
    that move in every group."""

    def __init__(self, shift: Floats, scale: Floats, centres: Floats, mean: Floats, spread: Floats) -> None:
        self.shift, self.scale, self.centres, self.mean, self.spread = shift, scale, centres, mean, spread
        least = np.maximum(CONSTANT, CONSTANT * np.abs(mean))
        self.kept = np.flatnonzero((spread > least).all(axis=0))

    @classmethod
    def learn(cls, settings: Floats, values: Floats) -> Regimes:
        """From all records, shapes (n, s) and (n, p)."""
        shift, scale = settings.mean(axis=0), settings.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        centres = _groups((settings - shift) / scale)
        one = cls(shift, scale, centres, np.zeros((len(centres), 1)), np.ones((len(centres), 1)))
        group = one.group(settings)
        parts = [values[group == n] for n in range(len(centres))]
        mean = np.stack([part.mean(axis=0) for part in parts])
        spread = np.stack([part.std(axis=0) for part in parts])
        # A condition that was met a few times does not tell how much the channels move in it: there they move as elsewhere.
        known = np.array([len(part) >= FEW for part in parts])
        if known.any():
            spread[~known] = np.sqrt((spread[known] ** 2).mean(axis=0))
        return cls(shift, scale, centres, mean, spread)

    def group(self, settings: Floats) -> NDArray[np.int64]:
        """The group of each record."""
        if len(self.centres) == 1:
            return np.zeros(len(settings), np.int64)
        x = (settings - self.shift) / self.scale
        nearest: NDArray[np.int64] = ((x[:, None] - self.centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        return nearest

    def normal(self, settings: Floats, values: Floats) -> Floats:
        """The columns that are kept, in spreads from the mean of their group."""
        group = self.group(settings)
        whole: Floats = (values - self.mean[group]) / np.maximum(self.spread[group], 1e-300)
        return whole[:, self.kept]

    def arrays(self) -> dict[str, Floats]:
        """What it is made of."""
        return {k: getattr(self, k) for k in ("shift", "scale", "centres", "mean", "spread")}

    @classmethod
    def of(cls, arrays: dict[str, Any]) -> Regimes:
        """From ``arrays``."""
        return cls(
            *(np.asarray(arrays[k], np.float64) for k in ("shift", "scale", "centres", "mean", "spread"))
        )


def _groups(x: Floats) -> Floats:
    from sklearn.cluster import KMeans

    one = np.zeros((1, x.shape[1]))
    total = float((x**2).sum())
    if not x.shape[1] or total == 0:
        return one
    some = x[:: max(1, len(x) // 5000)]
    share = len(some) / len(x)
    for count in range(2, MOST + 1):
        found = KMeans(count, n_init=10, random_state=0).fit(some)
        if found.inertia_ < TIGHT * total * share:
            centres: Floats = found.cluster_centers_
            return centres
    return one
