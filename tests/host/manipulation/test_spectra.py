"""Lines, their background and ISO velocity, against sines of known height."""

from __future__ import annotations

import numpy as np
import pytest

from babbitt.manipulation.spectra import G_MM_S2, aside, sizes, spectrum, velocity

RATE = 3200.0


def sine(hz: float, rms_g: float, n: int = 4096, windows: int = 3) -> np.ndarray:
    t = np.arange(n * windows) / RATE
    return (rms_g * np.sqrt(2) * np.sin(2 * np.pi * hz * t)).reshape(windows, n)


@pytest.mark.parametrize("hz", [50.0, 100.3, 777.7])
def test_velocity_of_a_sine_is_its_acceleration_over_its_frequency(hz: float) -> None:
    found = velocity(sine(hz, 0.1), RATE)
    assert found.mm_s == pytest.approx(0.1 * G_MM_S2 / (2 * np.pi * hz), rel=0.01)
    assert (found.low_hz, found.high_hz, found.whole) == (10.0, 1000.0, True)


def test_velocity_says_which_band_it_covers_and_counts_nothing_beyond() -> None:
    slow = velocity(sine(50.0, 0.1, n=256), RATE)
    assert slow.low_hz == pytest.approx(2 * RATE / 256)
    assert not slow.whole
    few = velocity(np.random.default_rng(1).normal(size=(1, 1024)), 1000.0)
    assert few.high_hz == 500.0
    assert not few.whole
    beyond = velocity(sine(1400.0, 1.0), RATE)
    assert beyond.mm_s < 0.02 * G_MM_S2 / (2 * np.pi * 1400)


def test_a_line_has_its_height_and_place_and_stands_over_the_noise() -> None:
    rng = np.random.default_rng(2)
    hz = 200.4 * RATE / 4096 + 0.0
    x = sine(hz, 0.3) + rng.normal(0, 0.05, (3, 4096))
    lines = spectrum([x, 0.0 * x + rng.normal(0, 0.05, x.shape)], RATE, 100.0)
    at = lines.bin_of(hz, 3.0)
    assert (at + aside(lines.size, at)) * lines.step == pytest.approx(hz, abs=0.02 * lines.step)
    height, over = lines.height(hz)
    assert height == pytest.approx(0.3, rel=0.12)
    floor = np.sqrt(2) * 0.05 * np.sqrt(1.5 / 2048)  # two axes of white noise, a Hann bin is 1.5 wide
    assert over == pytest.approx(height / floor, rel=0.25)
    assert lines.height(10 * RATE) == (0.0, 0.0)


def test_powers_of_windows_are_averaged() -> None:
    rng = np.random.default_rng(3)
    one, many = sizes(rng.normal(size=(1, 1024)))[5:-5], sizes(rng.normal(size=(64, 1024)))[5:-5]
    assert many.std() / many.mean() < 0.2 * one.std() / one.mean()
