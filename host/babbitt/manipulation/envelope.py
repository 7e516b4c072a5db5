"""Spectra of the envelope, and lines in them: what repeats in a vibration, and how far it stands out.

A rolling-element bearing with a defect rings at its resonances each time an element passes it. The rate of the ringing is in
the spectrum of the squared envelope. Cepstrum pre-whitening gives every frequency the same weight first, so that no band has
to be chosen and strong gear or electrical lines hide nothing.

Sources: R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", Mech. Syst. Signal Process. 25 (2011);
P. Borghesani et al., "Application of cepstrum pre-whitening for the diagnosis of bearing faults under variable speed
conditions", Mech. Syst. Signal Process. 36 (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt.manipulation.spectra import background

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Amplitudes over frequencies that are ``step`` Hz apart, from 0 on; ``level`` is relative to the background, which is
    1: the running median over some lines of the shaft."""

    step: float
    level: Floats

    def at(self, hz: float) -> float:
        """The level at a frequency: the highest of the bin and its neighbours, 0 beyond the end."""
        bin_ = round(hz / self.step)
        return float(self.level[bin_ - 1 : bin_ + 2].max()) if 1 <= bin_ < len(self.level) - 1 else 0.0


def whitened(x: Floats) -> Floats:
    """Windows (rows) with all frequencies equally strong: only their phases are left."""
    lines = np.fft.rfft(x, axis=-1)
    size = np.abs(lines)
    least = 1e-12 * size.max(axis=-1, keepdims=True) + 1e-300
    flat: Floats = np.fft.irfft(lines / np.maximum(size, least), x.shape[-1], axis=-1)
    return flat


def envelope_spectrum(x: Floats, rate_hz: float, shaft_hz: float, top: float = 45.0) -> Spectrum:
    """The spectrum of the squared envelope up to ``top`` times the shaft's speed, over its background.

    ``x``: windows of one axis, shape (windows, n), at ``rate_hz``; the powers of their spectra are averaged (Welch 1967), so
    that there may be gaps between them. Lines of the shaft itself are taken out: they are of the rotor, not of a bearing.
    """
    count = x.shape[-1]
    lines = np.zeros(x.shape, np.complex128)
    half = np.fft.rfft(x - x.mean(axis=-1, keepdims=True), axis=-1)
    lines[:, : half.shape[1]] = 2 * half
    lines[:, 0] = 0
    squared = np.abs(np.fft.ifft(lines, axis=-1)) ** 2
    squared -= squared.mean(axis=-1, keepdims=True)
    powers = np.abs(np.fft.rfft(squared * np.hanning(count), axis=-1)) ** 2
    size = np.sqrt(powers.mean(axis=0))
    step = rate_hz / count
    size = size[: max(8, min(len(size), int(top * shaft_hz / step)))]
    level = size / background(size, max(9, int(2 * shaft_hz / step)))
    for n in range(1, int(len(level) * step / shaft_hz) + 1):
        at = round(n * shaft_hz / step)
        level[max(0, at - 2) : at + 3] = np.minimum(level[max(0, at - 2) : at + 3], 1.0)
    level[: int(0.3 * shaft_hz / step)] = 1.0
    return Spectrum(step, level)


@dataclass(frozen=True, slots=True)
class Family:
    """A fundamental and its harmonics: where it was found (Hz), how high each harmonic stands over the background, and
    their geometric mean."""

    hz: float
    harmonics: tuple[float, ...]
    strength: float


def family(spectra: tuple[Spectrum, ...], hz: float, slip: float, harmonics: int = 4) -> Family:
    """The strongest family of lines whose fundamental is within ``slip`` (a share) of ``hz``, in all spectra together:
    a line must be in each of them. Rolling elements slip, so that a fault's frequency is some tenths of a percent off."""
    end = min(len(one.level) * one.step for one in spectra)
    count = max(1, min(harmonics, int(end / (hz * (1 + slip))) if hz > 0 else 1))
    step = min(one.step for one in spectra)
    tries = hz * np.linspace(1 - slip, 1 + slip, max(3, int(2 * slip * hz * count / step) * 2 | 1))
    best = Family(hz, (0.0,) * count, 0.0)
    for one in tries.tolist():
        levels = tuple(
            float(np.prod([spectrum.at(n * one) for spectrum in spectra]) ** (1 / len(spectra)))
            for n in range(1, count + 1)
        )
        strength = float(np.exp(np.mean(np.log(np.maximum(levels, 1e-3)))))
        if strength > best.strength:
            best = Family(one, levels, strength)
    return best
