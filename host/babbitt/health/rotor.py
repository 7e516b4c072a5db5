"""What is wrong with a rotor, from the lines at multiples of the shaft's speed: imbalance, bent shaft, misalignment, looseness.

The lines are velocities, in mm/s RMS, summed over the axes as vectors, so that it does not matter how the sensor lies. The
rules are the textbooks' (R. B. Randall, "Vibration-based Condition Monitoring", 2nd ed. 2021, chapter 2): a force that turns
with the shaft makes 1x; a kinked line of shafts 2x; play clips the motion, which makes many multiples, and halves of them.
A line counts from LIMIT on, the upper end of zone A of class II of ISO 10816-1: below it any machine has such lines.

Where it is known which axis of the sensor lies along the shaft (``axial``), 1x that is there half as strong as across it or more is
a bent shaft (its ends tilt), not an imbalance; an overhung rotor out of balance looks the same. Without, both are 'imbalance'.

What these rules cannot do: on the ADI rig misalignment and a bent shaft move no line
beyond what the healthy machine has (bench ``diagnosis``): then nothing is said, and only a comparison with the same machine
before, at the same speed and load (``before``), can help.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt.manipulation.spectra import APART_BINS, G_MM_S2, aside, sizes

LIMIT_MM_S = 1.12
OVER = 10.0
"""Times the background that a line stands."""
ALONE = 0.8
"""Share of 1x in the power of all lines that makes it an imbalance."""
TILTED = 0.5
"""1x along the shaft by 1x across it, from which on it is no imbalance."""
GROWN = 2.0
"""Times what it was before."""
SLIP = 0.03
ORDERS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A line at ``order`` times the shaft: ``mm_s`` (RMS, all axes), ``over`` the background in the axis where it is
    clearest, and in how many axes it stands clear of it."""

    order: float
    mm_s: float
    over: float
    axes: int


@dataclass(frozen=True, slots=True)
class Rotor:
    """``cause`` is `imbalance`, `bent shaft`, `misalignment`, `looseness`, `undetermined` or `none`; ``shaft_hz`` as found in the lines."""

    cause: str
    shaft_hz: float
    lines: tuple[Line, ...]
    text: str


def rotor(
    axes: Mapping[str, NDArray[np.float64]],
    rate_hz: float,
    shaft_hz: float,
    before: Rotor | None = None,
    grid_hz: float | None = None,
    axial: str | None = None,
) -> Rotor:
    """Judge windows of each axis, shape (windows, n), in g, at ``rate_hz``; the shaft turns at about ``shaft_hz``.

    ``before``: the same machine, at the same speed and load, when it was well. ``grid_hz``: a line that is not of the shaft,
    however near, and tells nothing of its speed (twice the line frequency of a motor). ``axial``: the axis along the shaft.
    """
    spectra = [sizes(x) for x in axes.values()]
    step = rate_hz / next(iter(axes.values())).shape[1]
    found = _speed(spectra, step, shaft_hz, grid_hz)
    lines = tuple(_line(spectra, step, found, order) for order in ORDERS if order * found < 0.45 * rate_hz)
    tilt = _tilt(dict(zip(axes, spectra, strict=True)), step, found, axial)
    cause, text = _judged({line.order: line for line in lines}, before, tilt)
    return Rotor(cause, found, lines, text)


def _at(size: NDArray[np.float64], place: float) -> float:
    middle = round(place)
    return float(size[max(1, middle - 1) : middle + 2].max(initial=0.0))


def _speed(spectra: list[NDArray[np.float64]], step: float, shaft_hz: float, grid_hz: float | None) -> float:
    """The speed within SLIP of the one that is said, from the strongest of the first three lines: loaded motors slip.

    Between the bins by Grandke's formula for Hann's window (1983).
    """
    size = np.sqrt(sum(one**2 for one in spectra))
    if grid_hz is not None:
        size[np.abs(np.arange(len(size)) - grid_hz / step) <= APART_BINS / 2] = 0.0
    best, found = -1.0, shaft_hz
    for order in (1, 2, 3):
        low, high = (round(order * shaft_hz * (1 + side) / step) for side in (-SLIP, SLIP))
        if low < 2 or high > len(size) - 3:
            continue
        at = low + int(np.argmax(size[low : high + 1]))
        if size[at] / order > best:
            best, found = float(size[at]) / order, (at + aside(size, at)) * step / order
    return found


def _line(spectra: list[NDArray[np.float64]], step: float, shaft_hz: float, order: float) -> Line:
    place = order * shaft_hz / step
    power, over, clear = 0.0, 0.0, 0
    for size in spectra:
        level = _at(size, place)
        reach = max(8, int(0.4 * shaft_hz / step))
        around = size[max(2, round(place) - reach) : round(place) + reach + 1]
        times = level / max(1e-12, float(np.median(around))) if len(around) else 0.0
        power += level**2
        over = max(over, times)
        clear += times >= OVER
    return Line(order, math.sqrt(power) * G_MM_S2 / (2 * math.pi * order * shaft_hz), over, clear)


def _tilt(
    spectra: Mapping[str, NDArray[np.float64]], step: float, shaft_hz: float, axial: str | None
) -> float | None:
    """1x along the shaft by 1x across it; None if it is not known which axis that is, or nothing was measured across."""
    if axial is None or axial not in spectra or len(spectra) < 2:
        return None
    once = {name: _at(size, shaft_hz / step) for name, size in spectra.items()}
    across = math.sqrt(sum(level**2 for name, level in once.items() if name != axial))
    return once[axial] / across if across > 0 else None


def _judged(lines: Mapping[float, Line], before: Rotor | None, tilt: float | None = None) -> tuple[str, str]:
    once, twice = lines[1.0], lines.get(2.0)
    powers = {order: line.mm_s**2 for order, line in lines.items() if line.over >= OVER / 3 and line.axes}
    total = sum(powers.values())
    said = ", ".join(
        f"{order:g}x {line.mm_s:.2f} mm/s {line.over:.0f} times the background"
        for order, line in lines.items()
        if order in powers
    )
    then = {line.order: line.mm_s for line in before.lines} if before is not None else {}
    halves = [order for order in powers if order % 1 and lines[order].mm_s > 0.1 * once.mm_s]
    if not total or math.sqrt(total) < LIMIT_MM_S:
        return (
            "none",
            f"The lines of the shaft are together below {LIMIT_MM_S} mm/s ({said or 'none stands out'}).",
        )
    if (
        then
        and once.mm_s < GROWN * then.get(1.0, 0.0)
        and (twice is None or twice.mm_s < GROWN * then.get(2.0, 0.0))
    ):
        return "none", f"No line of the shaft is {GROWN:g} times what it was before ({said})."
    if len(halves) >= 2:
        return "looseness", f"Looseness: lines at halves of the shaft's speed as well ({said})."
    ruled = [f"looseness: {len(halves) or 'no'} lines at halves of the speed, two are needed"]
    if twice is not None and 2.0 in powers and twice.mm_s > max(once.mm_s, LIMIT_MM_S):
        ruled.append(f"imbalance: 1x is {once.mm_s / twice.mm_s:.2f} of 2x")
        return "misalignment", f"Misalignment: 2x is above 1x ({said}). Ruled out: {'; '.join(ruled)}."
    ruled.append(
        f"misalignment: 2x is {twice.mm_s / max(once.mm_s, 1e-9):.2f} of 1x"
        if twice is not None and 2.0 in powers
        else "misalignment: 2x is no line"
    )
    share = powers.get(1.0, 0.0) / total
    if share > ALONE and once.axes >= 2 and once.mm_s >= LIMIT_MM_S:
        if tilt is not None and tilt >= TILTED:
            ruled.append(
                f"imbalance: 1x along the shaft is {tilt:.2f} of that across it, less than {TILTED:g} is expected"
            )
            return (
                "bent shaft",
                f"Bent shaft (or an overhung rotor out of balance): 1x, in {once.axes} axes, is {100 * share:.0f} % of the power"
                f" of all lines ({said}). Ruled out: {'; '.join(ruled)}.",
            )
        if tilt is not None:
            ruled.append(
                f"bent shaft: 1x along the shaft is {tilt:.2f} of that across it, {TILTED:g} is needed"
            )
        return (
            "imbalance",
            f"Imbalance{'' if tilt is not None else ' (or a bent shaft)'}: 1x, in {once.axes} axes, is {100 * share:.0f} % of the power"
            f" of all lines ({said}). Ruled out: {'; '.join(ruled)}.",
        )
    ruled.append(
        f"imbalance: 1x has {100 * share:.0f} % of the power, clear in {once.axes} axes ({100 * ALONE:.0f} % and 2 are needed)"
    )
    return (
        "undetermined",
        f"The shaft has lines above {LIMIT_MM_S} mm/s, in no pattern that names a cause ({said}). Ruled out: {'; '.join(ruled)}.",
    )
