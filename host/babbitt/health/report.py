"""All that a waveform tells: the bearing from its envelope, the rotor from the lines of the shaft, and, where the machine's
facts are given, its gears, its motor and its noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import NotEnough
from babbitt.health.diagnosis import SLIP, Diagnosis, diagnose
from babbitt.health.electrical import ROTOR, Motor, electrical
from babbitt.health.evidence import Capture, Finding
from babbitt.health.gears import gears
from babbitt.health.noise import noise
from babbitt.health.rotor import Rotor, rotor
from babbitt.manipulation.kurtogram import Band, kurtogram
from babbitt.manipulation.spectra import Lines, Velocity, spectrum, velocity

CLIPPED = 0.001
"""Share of samples at the end of the range from which nothing is said: clipping makes lines of its own."""
BAND_ORDERS = 20.0
"""The band of the shocks is at least so many times the shaft's speed wide: an envelope shows what repeats up to its width."""
NO_CAUSE = ("none", "undetermined")


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of a machine. ``orders`` of its bearing (None: searched for); ``teeth`` of the gear on its shaft and those
    of the one it ``driven``; its ``motor``; ``axial`` the axis of the sensor along its shaft. What is not known is not looked for."""

    orders: Mapping[str, float] | None = None
    teeth: int | None = None
    driven: int | None = None
    motor: Motor | None = None
    axial: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """``axis`` is that in which the bearing was looked for, the one with the strongest shocks, and ``band`` where in its
    spectrum they are. ``findings`` by what was looked for (`gears`, `electrical`, `noise`), ``missing`` what was not, and what
    it needs. ``velocity`` by axis, ``lines`` of all axes together, g RMS."""

    axis: str
    bearing: Diagnosis
    rotor: Rotor
    band: Band
    velocity: Mapping[str, Velocity]
    lines: Lines
    findings: Mapping[str, Finding] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def causes(self) -> tuple[str, ...]:
        """What was named; empty if nothing was."""
        said = (self.bearing.cause, self.rotor.cause, *(one.cause for one in self.findings.values()))
        return tuple(cause for cause in said if cause not in NO_CAUSE)


def windows(samples: NDArray[np.float64], window: NDArray[np.int32]) -> NDArray[np.float64]:
    """Samples with the number of the window of each, as whole windows: shape (windows, n, axes); shorter ones are left out."""
    ends = np.flatnonzero(np.diff(window)) + 1
    parts = np.split(samples, ends)
    longest = max(len(part) for part in parts)
    return np.stack([part for part in parts if len(part) == longest])


def examine(
    capture: Capture,
    shaft_hz: float,
    machine: Machine | None = None,
    before: Capture | None = None,
    clip: int = 0,
    steady: bool = True,
) -> Report:
    """Examine a waveform whose shaft turns at ``shaft_hz``. ``before``: the same machine, at the same speed and load, when it
    was well; ``clip`` how many samples were at the end of the range; ``steady``: the capture is as it was taken, not read at
    equal angles (then the grid has no lines in it). Raises NotEnough."""
    machine = machine or Machine()
    axes, rate_hz = capture.axes, capture.rate_hz
    samples = sum(x.size for x in axes.values())
    if clip > CLIPPED * samples:
        raise NotEnough(
            f"{clip} of {samples} samples are at the end of the sensor's range: set a larger `range_g`"
        )
    axis = max(axes, key=lambda name: _kurtosis(axes[name]))
    orders = dict(machine.orders) if machine.orders is not None else None
    bearing = _cage_or_shaft(diagnose(axes[axis], rate_hz, shaft_hz, orders), machine)
    grid_hz = 2 * machine.motor.line_hz if machine.motor is not None and steady else None
    then = (
        rotor(before.axes, before.rate_hz, shaft_hz, None, grid_hz, machine.axial)
        if before is not None
        else None
    )
    turning = rotor(axes, rate_hz, shaft_hz, then, grid_hz, machine.axial)
    findings, missing = {}, {}
    if machine.teeth is None:
        missing["gears"] = "the teeth (--teeth)"
    else:
        findings["gears"] = gears(capture, turning.shaft_hz, machine.teeth, machine.driven, before)
    if machine.motor is None:
        missing["electrical"] = "the line frequency (--line-hz)"
    elif not steady:
        missing["electrical"] = "a constant speed"
    else:
        findings["electrical"] = electrical(capture, shaft_hz, machine.motor, before)
        turning = _two_names(turning, findings["electrical"])
    if before is None:
        missing["noise"] = "a waveform of when all was well (--before)"
    else:
        findings["noise"] = _explained(noise(capture, before), bearing, findings.get("gears"))
    bands = kurtogram(np.atleast_2d(axes[axis]), rate_hz, min(BAND_ORDERS * shaft_hz, rate_hz / 4))
    return Report(
        axis, bearing, turning, bands[0], {name: velocity(x, rate_hz) for name, x in axes.items()},
        spectrum(axes.values(), rate_hz, 4 * shaft_hz), findings, missing,
    )  # fmt: skip


def _two_names(turning: Rotor, motor: Finding) -> Rotor:
    """A line with two names has none: 2x of the shaft that cannot be told from twice the line is no misalignment, 1x that the
    slip of the motor modulates is no imbalance."""
    second = motor.tones[1].name if len(motor.tones) > 1 else ""
    if turning.cause == "misalignment" and motor.cause == "undetermined" and second == "2x shaft":
        why = "Not called misalignment, as 2x of the shaft cannot be told from twice the line frequency."
    elif turning.cause == "imbalance" and motor.cause == ROTOR:
        why = "Not called imbalance, as 1x has the sidebands of a broken bar."
    else:
        return turning
    return replace(turning, cause="undetermined", text=f"{why} {turning.text}")


def _cage_or_shaft(bearing: Diagnosis, machine: Machine) -> Diagnosis:
    """A cage turns about as fast as the shaft of a driven gear may."""
    if bearing.cause != "cage" or machine.teeth is None or machine.driven is None:
        return bearing
    driven = machine.teeth / machine.driven
    if abs(bearing.seen[0].family.hz / bearing.shaft_hz / driven - 1) > 2 * SLIP:
        return bearing
    why = f"Not called the cage, as the shaft of the driven gear turns at order {driven:.3f}."
    return replace(bearing, cause="undetermined", text=f"{why} {bearing.text}")


def _explained(heard: Finding, bearing: Diagnosis, mesh: Finding | None) -> Finding:
    """Noise that a bearing or a gear makes, which was named, has no cause of its own."""
    known = [one.cause for one in (bearing, mesh) if one is not None and one.cause not in NO_CAUSE]
    if heard.cause != "broadband noise" or not known:
        return heard
    return replace(
        heard, cause="undetermined", text=f"It may come from the {' and '.join(known)}. {heard.text}"
    )


def _kurtosis(x: NDArray[np.float64]) -> float:
    still = x - x.mean(axis=1, keepdims=True)
    power = float((still**2).mean())
    return float((still**4).mean()) / power**2 if power > 0 else 0.0
