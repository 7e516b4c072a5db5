"""How far several features together are from how they usually vary together.

The distance of Mahalanobis (1936) by the number of features, with the covariance shrunk towards its diagonal by SHRINK (after
Ledoit and Wolf 2004, with a fixed share) and FLOOR added to every spread: sixty records say little about thirty features, and
no machine stays as even as it was for an hour. It finds what no single feature shows: an rms that stays while the bands under it
change places.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHRINK = 0.6
FLOOR = 0.1
"""In natural logs: ten per cent."""
LIMIT = 3.0
"""Distance at the limit."""
LEAST = 4
"""Features below which there is no pattern."""
MOST = 40
"""Features that are used at most, in the order of their names."""


class Pattern:
    """What was learnt of some features: their centre is zero, so it takes deviations (natural logs)."""

    def __init__(self, names: Sequence[str], factor: NDArray[np.float64]) -> None:
        self.names = tuple(names)
        self._factor = factor

    @classmethod
    def learnt(cls, rows: Sequence[Mapping[str, float]], centre: Mapping[str, float]) -> Pattern | None:
        """The pattern of the features in ``centre``, from rows of features; None for less than LEAST features."""
        names = sorted(centre)[:MOST]
        if len(names) < LEAST or len(rows) < 2:
            return None
        x = np.array([[row.get(name, centre[name]) - centre[name] for name in names] for row in rows])
        cov = np.cov(x, rowvar=False)
        cov = (1 - SHRINK) * cov + SHRINK * np.diag(np.diag(cov)) + FLOOR**2 * np.eye(len(names))
        # A factor L of the inverse: the distance is |L' d|.
        return cls(names, np.linalg.cholesky(np.linalg.inv(cov)).astype("<f4").astype(np.float64))

    def score(self, deviation: Mapping[str, float]) -> float:
        """Distance by the limit: 1.0 is the limit. A feature that is not there counts as usual."""
        d = np.array([deviation.get(name, 0.0) for name in self.names])
        turned = self._factor.T @ d
        return float(np.sqrt(turned @ turned / len(d))) / LIMIT

    def dump(self) -> dict[str, Any]:
        """Plain JSON types: the lower triangle as single-precision floats in base 64."""
        low = self._factor[np.tril_indices(len(self.names))].astype("<f4")
        return {"names": list(self.names), "factor": base64.b64encode(low.tobytes()).decode()}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Pattern:
        """What ``dump`` gave. Raises KeyError, TypeError, ValueError for anything else."""
        names = state["names"]
        factor = np.zeros((len(names), len(names)))
        low = np.frombuffer(base64.b64decode(state["factor"], validate=True), "<f4")
        factor[np.tril_indices(len(names))] = low
        return cls(names, factor)
