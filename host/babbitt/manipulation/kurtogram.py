"""Which band of a vibration holds the shocks: the kurtogram on its grid of halves and thirds.

The spectral kurtosis of a band is E|y|^4 / (E|y|^2)^2 - 2, y the complex envelope of what the band lets through: 0 for Gaussian
noise, -1 for a steady line, and large where shocks ring. The grid splits the spectrum into 2, 3, 4, 6, 8, 12.. equal bands; the
bands are cut out of the transform of the window, so that a level costs n log n.

Source: J. Antoni, "Fast computation of the kurtogram for the detection of transient faults", Mech. Syst. Signal Process. 21
(2007); the spectral kurtosis: J. Antoni, R. B. Randall, Mech. Syst. Signal Process. 20 (2006).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEEPEST = 6
"""Bands are halved so often at most: a 64th of the spectrum."""


@dataclass(frozen=True, slots=True)
class Band:
    """From ``low_hz`` to ``high_hz``, with its spectral kurtosis (0: Gaussian noise)."""

    low_hz: float
    high_hz: float
    kurtosis: float


def kurtogram(x: Floats, rate_hz: float, least_hz: float) -> list[Band]:
    """The bands of all levels of windows ``x``, shape (windows, n), none narrower than ``least_hz``: an envelope shows what
    repeats up to the width of its band. The moments of the windows are averaged. Highest kurtosis first."""
    lines = np.fft.rfft(x - x.mean(axis=-1, keepdims=True), axis=-1)[:, 1:]
    found = []
    for parts in sorted(
        {2**level for level in range(DEEPEST + 1)} | {3 * 2**level for level in range(DEEPEST)}
    ):
        if parts > 1 and (rate_hz / 2 / parts < least_hz or lines.shape[1] // parts < 16):
            break
        edges = np.linspace(0, lines.shape[1], parts + 1).astype(int)
        for low, high in itertools.pairwise(edges):
            power = np.abs(np.fft.ifft(lines[:, low:high], axis=-1)) ** 2
            mean = float(power.mean())
            kurtosis = float((power**2).mean()) / mean**2 - 2 if mean > 0 else -1.0
            step = rate_hz / x.shape[-1]
            found.append(Band(float(low * step), float(high * step), kurtosis))
    return sorted(found, key=lambda band: -band.kurtosis)


def cut(x: Floats, rate_hz: float, band: Band) -> Floats:
    """Windows (rows) with what lies in the band alone."""
    lines = np.fft.rfft(x, axis=-1)
    hz = np.arange(lines.shape[-1]) * rate_hz / x.shape[-1]
    lines[:, (hz < band.low_hz) | (hz > band.high_hz)] = 0
    left: Floats = np.fft.irfft(lines, x.shape[-1], axis=-1)
    return left
