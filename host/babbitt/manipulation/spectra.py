"""Spectra of vibration: lines with their height, the background they stand on, and velocity as ISO 20816 asks for it.

Hann's window, the powers of the windows averaged (P. D. Welch, IEEE Trans. Audio Electroacoust. 15, 1967). Heights between the
bins are true to within 0.4 dB near the middle of a bin and 1.4 dB at its edge, as Hann's window has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

Floats = NDArray[np.float64]

G_MM_S2 = 9806.65
LOW_HZ, HIGH_HZ = 10.0, 1000.0
"""The band of broad-band velocity, ISO 20816-1."""
APART_BINS = 4.0
"""Two lines so many bins apart have no part of Hann's main lobe in common."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A spectrum with a line every ``step`` Hz from 0 on: ``size`` is the RMS height of each, in the unit of the samples,
    ``floor`` that of the background there (the running median)."""

    step: float
    size: Floats
    floor: Floats

    def bin_of(self, hz: float, reach_hz: float = 0.0) -> int:
        """The highest bin within ``reach_hz`` of a frequency, its neighbours included; -1 beyond the end."""
        low, high = (round((hz + side) / self.step) for side in (-reach_hz, reach_hz))
        low, high = max(1, low - 1), min(len(self.size) - 2, high + 1)
        return low + int(np.argmax(self.size[low : high + 1])) if low <= high else -1

    def height(self, hz: float, reach_hz: float = 0.0) -> tuple[float, float]:
        """The RMS height of the line near ``hz``, and how many times over the background it stands; zeros beyond the end."""
        at = self.bin_of(hz, reach_hz)
        return (float(self.size[at]), float(self.size[at] / self.floor[at])) if at > 0 else (0.0, 0.0)


def aside(size: Floats, at: int) -> float:
    """How many bins beside bin ``at``, the highest around, a line really is: Grandke's formula for Hann's window ("Interpolation
    algorithms for discrete Fourier transforms of weighted signals", IEEE Trans. Instrum. Meas. 32, 1983)."""
    up = size[at + 1] > size[at - 1]
    ratio = float(size[at + 1 if up else at - 1] / max(1e-300, size[at]))
    beside = (2 * ratio - 1) / (ratio + 1)
    return beside if up else -beside


def background(size: Floats, width: int) -> Floats:
    """The running median over ``width`` bins, at every fiftieth of them and between."""
    skip = max(1, width // 50)
    some = median_filter(size[::skip], size=max(3, (width // skip) | 1), mode="nearest")
    whole = np.interp(np.arange(len(size)), np.arange(len(size))[::skip], some)
    above: Floats = np.maximum(whole, 1e-30)
    return above


def sizes(x: Floats) -> Floats:
    """RMS heights of the lines of windows ``x``, shape (windows, n): (n // 2 + 1,), the powers of the windows averaged."""
    window = np.hanning(x.shape[1])
    lines = np.fft.rfft((x - x.mean(axis=1, keepdims=True)) * window, axis=1)
    size: Floats = np.sqrt((np.abs(lines) ** 2).mean(axis=0)) * math.sqrt(2) / window.sum()
    return size


def spectrum(axes: Iterable[Floats], rate_hz: float, wide_hz: float) -> Lines:
    """The spectrum of all axes together (vectors: it does not matter how the sensor lies), each in windows (windows, n).
    ``wide_hz`` is the width over which the background is taken."""
    parts = [(sizes(x), x.shape[1]) for x in axes]
    step = rate_hz / parts[0][1]
    size = np.sqrt(np.sum([one**2 for one, _ in parts], axis=0))
    return Lines(step, size, background(size, max(9, int(wide_hz / step))))


@dataclass(frozen=True, slots=True)
class Velocity:
    """``mm_s`` RMS between ``low_hz`` and ``high_hz``; ``whole`` if that is the band of ISO 20816-1: only then may it be held
    against the zones of the standard."""

    mm_s: float
    low_hz: float
    high_hz: float

    @property
    def whole(self) -> bool:
        return self.low_hz <= LOW_HZ and self.high_hz >= HIGH_HZ


def velocity(x: Floats, rate_hz: float) -> Velocity:
    """Broad-band velocity of windows ``x`` in g, shape (windows, n), for the part of 10 to 1000 Hz that they cover: from two
    periods a window up to half the rate. A bin k is divided by 2 pi f, with sqrt(k^2 + 1) for k: what Hann's line has
    beside its middle counts with its own frequency (docs/how-it-decides.md, section 1)."""
    n = x.shape[1]
    step = rate_hz / n
    low, high = max(LOW_HZ, 2 * step), min(HIGH_HZ, rate_hz / 2)
    power = sizes(x) ** 2 / 1.5  # of a line Hann's window has 1.5 times the power in all bins together
    k = np.arange(len(power))
    inside = (k * step >= low - step / 2) & (k * step <= high + step / 2) & (k > 0)
    speed = power[inside] * (G_MM_S2 / (2 * math.pi * step)) ** 2 / (k[inside] ** 2 + 1)
    return Velocity(float(math.sqrt(speed.sum())), float(low), float(high))
