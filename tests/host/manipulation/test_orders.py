"""Order tracking: a run-up that smears over time is sharp over angle, where the angle is the integral of the speed."""

from __future__ import annotations

import numpy as np
import pytest

from babbitt.errors import NotEnough
from babbitt.manipulation.orders import (
    SPARE,
    Profile,
    at_constant_speed,
    equal_angles,
)
from babbitt.manipulation.spectra import spectrum

RATE = 6400.0
T = np.arange(int(8 * RATE)) / RATE
RUN_UP = Profile(np.array([0.0, 8.0]), np.array([20.0, 32.0]))
TURNS = 20 * T + 0.75 * T**2
"""The integral of the run-up."""


def test_the_angle_of_a_profile_is_its_integral() -> None:
    assert RUN_UP.turns(T) == pytest.approx(TURNS, abs=1e-9)
    bent = Profile(np.array([1.0, 2.0, 4.0]), np.array([10.0, 20.0, 0.0]))
    at = np.array([0.0, 1.0, 1.5, 2.0, 4.0, 6.0])
    assert bent.turns(at) == pytest.approx([0, 10, 16.25, 25, 45, 45])
    assert bent.turns(np.array([3.0, 5.0])) == pytest.approx([40, 45])
    later = Profile(np.array([-5.0, 5.0]), np.array([10.0, 20.0]))
    assert later.turns(np.array([0.0, 2.0])) == pytest.approx([0.0, 2 * 16.0])


def test_a_run_up_is_sharp_over_angle_and_smeared_over_time() -> None:
    x = np.sqrt(2) * np.sin(2 * np.pi * 3.2 * TURNS) + 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 40.5 * TURNS)
    x += np.random.default_rng(1).normal(0, 0.02, len(x))
    read, each = equal_angles(x, TURNS)
    found = spectrum([read[None]], each, 4.0)  # samples a turn instead of a second: orders instead of Hz
    assert found.height(3.2)[0] == pytest.approx(1.0, rel=0.15)
    assert found.height(40.5)[0] == pytest.approx(0.1, rel=0.15)
    strongest = int(np.argmax(found.size))
    assert strongest * found.step == pytest.approx(3.2, abs=found.step)
    over_time = spectrum([x[None]], RATE, 100.0)
    assert over_time.size.max() < 0.3


def test_samples_are_read_where_the_angle_is() -> None:
    """What is a sine over angle is read as that sine, to 60 dB; with fewer samples a turn only if asked for."""
    x = np.sin(2 * np.pi * 10 * TURNS)
    read, each = equal_angles(x, TURNS)
    assert each == int(np.ceil(1 / np.diff(TURNS).min()))
    first = np.ceil(TURNS[SPARE] * each) / each
    truth = np.sin(2 * np.pi * 10 * (first + np.arange(len(read)) / each))
    inner = slice(100, -100)
    assert np.sqrt(((read - truth)[inner] ** 2).mean()) < 1e-3
    both, fewer = equal_angles(np.stack([x, -x], axis=1), TURNS, 128)
    assert (both.shape[1], fewer) == (2, 128)
    assert both[:, 0] == pytest.approx(-both[:, 1], abs=1e-9)


def test_windows_with_gaps_are_read_at_one_speed() -> None:
    starts = np.array([0.0, 1.9, 4.7])
    time_s = starts[:, None] + np.arange(8192) / RATE
    x = np.sin(2 * np.pi * 5 * RUN_UP.turns(time_s.ravel())).reshape(time_s.shape)[:, :, None]
    read, rate_hz, shaft_hz = at_constant_speed(x, time_s, RUN_UP)
    assert shaft_hz == pytest.approx(RUN_UP.at(time_s).mean())
    assert read.shape[0] == 3
    lines = spectrum([read[:, :, 0]], rate_hz, 100.0)
    assert int(np.argmax(lines.size)) * lines.step == pytest.approx(5 * shaft_hz, abs=lines.step)
    assert lines.height(5 * shaft_hz)[0] == pytest.approx(np.sqrt(0.5), rel=0.15)


@pytest.mark.parametrize(
    ("turns", "word"),
    [
        (np.zeros(1000), "stands"),
        (-np.arange(1000.0), "stands"),
        (np.full(1000, np.nan), "stands"),
        (np.arange(1000) / 5000, "less than one turn"),
    ],
)
def test_what_has_no_angle_is_refused(turns: np.ndarray, word: str) -> None:
    with pytest.raises(NotEnough, match=word):
        equal_angles(np.ones(1000), turns)
