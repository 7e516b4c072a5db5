"""All that a waveform tells: the bearing from its envelope, the rotor from the lines of the shaft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import NotEnough
from babbitt.health.diagnosis import Diagnosis, diagnose
from babbitt.health.rotor import Rotor, rotor

CLIPPED = 0.001
"""Share of samples at the end of the range from which nothing is said: clipping makes lines of its own."""


@dataclass(frozen=True, slots=True)
class Report:
    """``axis`` is that in which the bearing was looked for, the one with the strongest shocks."""

    axis: str
    bearing: Diagnosis
    rotor: Rotor

    @property
    def causes(self) -> tuple[str, ...]:
        """What was named; empty if nothing was."""
        return tuple(
            one for one in (self.bearing.cause, self.rotor.cause) if one not in ("none", "undetermined")
        )


def windows(samples: NDArray[np.float64], window: NDArray[np.int32]) -> NDArray[np.float64]:
    """Samples with the number of the window of each, as whole windows: shape (windows, n, axes); shorter ones are left out."""
    ends = np.flatnonzero(np.diff(window)) + 1
    parts = np.split(samples, ends)
    longest = max(len(part) for part in parts)
    return np.stack([part for part in parts if len(part) == longest])


def examine(
    axes: Mapping[str, NDArray[np.float64]],
    rate_hz: float,
    shaft_hz: float,
    orders: dict[str, float] | None = None,
    before: Rotor | None = None,
    clip: int = 0,
) -> Report:
    """Examine windows of each axis, shape (windows, n), in g. ``orders`` are those of the bearing, None if it is unknown;
    ``before`` the rotor when all was well; ``clip`` how many samples were at the end of the range. Raises NotEnough."""
    samples = sum(x.size for x in axes.values())
    if clip > CLIPPED * samples:
        raise NotEnough(
            f"{clip} of {samples} samples are at the end of the sensor's range: set a larger `range_g`"
        )
    axis = max(axes, key=lambda name: _kurtosis(axes[name]))
    bearing = diagnose(axes[axis], rate_hz, shaft_hz, orders)
    return Report(axis, bearing, rotor(axes, rate_hz, shaft_hz, before))


def _kurtosis(x: NDArray[np.float64]) -> float:
    still = x - x.mean(axis=1, keepdims=True)
    power = float((still**2).mean())
    return float((still**4).mean()) / power**2 if power > 0 else 0.0
