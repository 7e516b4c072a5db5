"""Channels to features: kinds, garbage, and the sensor's own noise."""

from __future__ import annotations

import math

import pytest

from babbitt.manipulation.features import (
    ENERGY,
    SHAPE,
    TEMPERATURE,
    features,
    kind,
    median,
    number,
    overall_rms,
)


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("vib.x.rms", ENERGY),
        ("a7.z.peak", ENERGY),
        ("vib.y.crest", SHAPE),
        ("vib.y.kurt", SHAPE),
        ("temp.mean", TEMPERATURE),
        ("temp.slope", None),
        ("vib.rate", None),
        ("vib.x.mean", None),
        ("air.rh.mean", None),
        ("loop.value.mean", None),
        ("shaft.rpm", None),
        ("door.closed", None),
        ("mean", None),
        ("", None),
    ],
)
def test_kind_of_a_channel(channel: str, expected: str | None) -> None:
    assert kind(channel) == expected


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, 1e7, -1e300])
def test_garbage_is_not_measured(value: float | None) -> None:
    assert number(value) is None
    assert features({"vib.x.rms": value, "temp.mean": value}) == {}


def test_logs_and_what_has_no_log() -> None:
    out = features({"vib.x.rms": -1.0, "vib.x.kurt": 0.0, "vib.y.rms": 1.0, "temp.mean": -20.0})
    assert out == {"vib.y.rms": pytest.approx(0.0, abs=1e-4), "temp.mean": -20.0}


def test_an_axis_that_only_shows_noise_cannot_double() -> None:
    quiet, doubled = features({"vib.z.rms": 0.001})["vib.z.rms"], features({"vib.z.rms": 0.002})["vib.z.rms"]
    assert doubled - quiet < math.log(1.1)


def test_overall_rms_is_the_root_of_the_sum_of_squares() -> None:
    assert overall_rms(
        {"vib.x.rms": 3.0, "vib.y.rms": 4.0, "vib.z.rms": None, "vib.x.peak": 9.0}
    ) == pytest.approx(5.0)
    assert overall_rms({"vib.x.peak": 9.0}) is None


def test_median() -> None:
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert median([4.0, 1.0, 2.0, 3.0]) == 2.5
