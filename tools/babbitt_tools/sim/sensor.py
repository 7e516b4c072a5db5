"""Noise, reproducible sample by sample, and that of an ADXL345."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 256  # samples whose noise is drawn together
#: A burst counts as begun at the last multiple of this: the PC adds some microseconds to the clock of a virtual board, never the same,
#: and the same seed is to be the same samples. A machine does not change in 20 ms, and a window of 64 samples takes as long.
MOMENT_US = 20_000
#: rms in counts at 100 Hz data rate, x, y, z (data sheet, rev. G, table 1); it grows with the root of the
# bandwidth.
NOISE_AT_100_HZ = np.array([0.75, 0.75, 1.1])


def noise(key: tuple[int, ...], index: int, n: int) -> NDArray[np.float64]:
    """White noise of unit variance of samples `index` .. `index + n - 1`, shape (n, 3).

    The same `key` (non-negative integers) and index give the same noise, however the samples are asked for.
    """
    first, last = index // BLOCK, (index + n - 1) // BLOCK
    blocks = [np.random.default_rng((*key, b)).standard_normal((BLOCK, 3)) for b in range(first, last + 1)]
    start = index - first * BLOCK
    return np.concatenate(blocks)[start : start + n]


def adxl345_noise(key: tuple[int, ...], index: int, n: int, rate_hz: float) -> NDArray[np.float64]:
    """Noise of samples `index` .. `index + n - 1`, shape (n, 3), in counts of 1/256 g; key as in `noise`."""
    found: NDArray[np.float64] = noise(key, index, n) * NOISE_AT_100_HZ * np.sqrt(rate_hz / 100)
    return found
