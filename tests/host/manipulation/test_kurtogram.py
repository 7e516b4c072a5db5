"""The kurtogram: shocks are found in the band where they ring, noise and sines have none."""

from __future__ import annotations

import numpy as np

from babbitt.manipulation.kurtogram import cut, kurtogram

RATE = 20_000.0


def test_the_band_of_the_ringing_has_the_highest_kurtosis() -> None:
    rng = np.random.default_rng(1)
    n = 80_000
    x = rng.normal(0, 1, n) + 5 * np.sin(
        2 * np.pi * 1000 * np.arange(n) / RATE
    )  # a strong steady line elsewhere
    ring = np.arange(200) / RATE
    for at in range(500, n - 300, 1000):
        x[at : at + 200] += 6 * np.exp(-800 * ring) * np.sin(2 * np.pi * 6200 * ring)
    bands = kurtogram(x.reshape(2, -1), RATE, 300.0)
    best = bands[0]
    assert best.low_hz <= 6200 <= best.high_hz
    assert best.kurtosis > 1
    assert best.high_hz - best.low_hz < 3000
    line = min((b for b in bands if b.low_hz < 1000 < b.high_hz), key=lambda b: b.kurtosis)
    assert line.kurtosis < -0.8
    assert [b.kurtosis for b in bands] == sorted((b.kurtosis for b in bands), reverse=True)
    left = cut(x[None], RATE, best)
    hz = np.fft.rfftfreq(n, 1 / RATE)
    size = np.abs(np.fft.rfft(left[0]))
    inside = (hz >= best.low_hz) & (hz <= best.high_hz)
    assert size[~inside].max() < 1e-6 * size.max()


def test_gaussian_noise_has_none_and_no_band_is_too_narrow() -> None:
    bands = kurtogram(np.random.default_rng(2).normal(size=(4, 20_000)), RATE, 500.0)
    assert max(abs(b.kurtosis) for b in bands) < 0.5
    assert min(b.high_hz - b.low_hz for b in bands) >= 500.0
    levels = {round((RATE / 2) / (b.high_hz - b.low_hz)) for b in bands}
    assert levels == {1, 2, 3, 4, 6, 8, 12, 16}
