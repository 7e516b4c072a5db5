"""What is wrong with a bearing, from a waveform and the speed of its shaft, with the evidence.

Two spectra of the squared envelope, of the signal as it is and of the pre-whitened one, are asked for the families of lines
that defects make. A cause is named only if its lines stand clearly over the background in both, and clearly above those of
every other cause; otherwise the answer is 'undetermined', with what was seen. Nothing is learnt: it works on a machine that
is met for the first time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import NotEnough
from babbitt.manipulation.envelope import Family, Spectrum, envelope_spectrum, family, whitened
from babbitt.manipulation.kurtogram import Band, cut

SLIP = 0.02
CLEAR, WEAK = 8.0, 3.0
"""The lines of a cause stand clearly, or weakly, over the background (geometric mean of the harmonics, in both spectra) if
they are higher than 1 + so much by the root of the number of windows: the background of an average scatters so much less."""
LEAST = 2.5
"""Times the background that a clear line has at least."""
APART = 1.5
"""So many times stronger than those of the next cause."""
TURNS_MIN, WINDOW_TURNS = 20, 10
"""Turns of the shaft in a waveform and in each of its windows."""
CAGE_TURNS = 40
"""Turns in a window below which the lines of a cage, less than half an order apart, are not looked for."""
SIDES = 3.0
"""Times the background that sidebands are told from."""
SEARCH = (2.2, 12.3)
"""Orders among which the family of an unknown bearing is searched."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The lines of one possible cause: the ``order`` that was expected, the family that was found. ``sides``: how high the
    two sidebands of its fundamental stand that the cause would make, by the speed of the part that carries it through the
    load (a ball: the cage's; an inner race: the shaft's; a cage: itself, beside the line of the outer race); None: it makes none.
    They are evidence, no condition."""

    cause: str
    order: float
    family: Family
    sides: float | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``cause`` is `outer race`, `inner race`, `ball`, `cage`, `bearing` (an unknown one, whose order was found), `undetermined`
    (something is seen, or several things) or `none`. ``seen``: all that was looked for, strongest first. ``text``: why, in
    plain words. ``spectrum``: of the pre-whitened signal, to draw."""

    cause: str
    shaft_hz: float
    seen: tuple[Seen, ...]
    text: str
    spectrum: Spectrum


def diagnose(
    x: NDArray[np.float64],
    rate_hz: float,
    shaft_hz: float,
    orders: dict[str, float] | None = None,
    band: Band | None = None,
) -> Diagnosis:
    """Diagnose one axis: ``x``, any unit, at ``rate_hz`` (Hz), in one piece (n,) or in windows with gaps between them
    (windows, n); the shaft turns at ``shaft_hz`` (Hz).

    ``orders`` names the order of each cause (:meth:`babbitt.health.bearings.Bearing.orders`); None searches the order of
    the strongest family. ``band``: the first of the two spectra is of this band alone; of the whole signal otherwise, which
    names as many faults in long recordings and more in short ones (bench ``diagnosis``). Raises NotEnough if the waveform is
    shorter than TURNS_MIN turns or its windows than WINDOW_TURNS, if it holds a value that is no number, or does not change.
    """
    x = np.atleast_2d(x)
    _check(x, rate_hz, shaft_hz)
    still = x - x.mean(axis=1, keepdims=True)
    spectra = (
        envelope_spectrum(cut(still, rate_hz, band) if band else still, rate_hz, shaft_hz),
        envelope_spectrum(whitened(still), rate_hz, shaft_hz),
    )
    if orders is None:
        seen = [_searched(spectra, shaft_hz)]
    else:
        long = x.shape[1] * shaft_hz / rate_hz >= CAGE_TURNS
        asked = {name: order for name, order in orders.items() if long or name != "cage"}
        seen = [_seen(spectra, shaft_hz, name, asked) for name in asked]
        seen.sort(key=lambda one: -one.family.strength)
    scatter = len(x) ** -0.5
    cause, text = _judged(seen, shaft_hz, max(LEAST, 1 + CLEAR * scatter), 1 + WEAK * scatter)
    if orders is not None and "cage" in orders and not any(one.cause == "cage" for one in seen):
        text += f" The cage was not looked for: that needs windows of {CAGE_TURNS} turns."
    return Diagnosis(cause, shaft_hz, tuple(seen), text, spectra[1])


def _seen(spectra: tuple[Spectrum, ...], shaft_hz: float, cause: str, orders: dict[str, float]) -> Seen:
    found = family(spectra, orders[cause] * shaft_hz, SLIP)
    away = {"ball": orders.get("cage"), "inner race": 1.0, "cage": orders.get("cage")}.get(cause)
    middle = found.hz if cause != "cage" else orders.get("outer race", 0.0) * shaft_hz
    if away is None or not middle:
        return Seen(cause, orders[cause], found)
    away *= shaft_hz if cause != "cage" else found.hz / orders["cage"]
    levels = [one.at(middle + side) for one in spectra for side in (-away, away)]
    return Seen(cause, orders[cause], found, float(np.prod(levels) ** (1 / len(levels))))


def _check(x: NDArray[np.float64], rate_hz: float, shaft_hz: float) -> None:
    if not (np.isfinite(x).all() and rate_hz > 0 and shaft_hz > 0):
        raise NotEnough("the waveform, its rate or the speed holds what is no number")
    each = x.shape[1] * shaft_hz / rate_hz
    if each < WINDOW_TURNS:
        raise NotEnough(
            f"a window has {each:.1f} turns of the shaft, {WINDOW_TURNS} are needed: set a longer `window`, or a lower"
            " `rate_hz`"
        )
    if each * len(x) < TURNS_MIN:
        raise NotEnough(
            f"the waveform has {each * len(x):.0f} turns of the shaft, {TURNS_MIN} are needed: capture more samples"
        )
    if float(np.ptp(x)) == 0:
        raise NotEnough("the waveform does not change: the sensor is stuck, or the machine is off")


def _searched(spectra: tuple[Spectrum, ...], shaft_hz: float) -> Seen:
    """The strongest family of an order between SEARCH that is no multiple of the shaft, nor of a half of it."""
    best = Family(0.0, (0.0,), 0.0)
    step = 0.5 * spectra[0].step / shaft_hz
    for order in np.arange(*SEARCH, step).tolist():
        if abs(2 * order - round(2 * order)) < 0.06:
            continue
        found = family(spectra, order * shaft_hz, 0.0)
        if found.strength > best.strength:
            best = found
    return Seen("bearing", best.hz / shaft_hz, best)


def _judged(seen: list[Seen], shaft_hz: float, clear: float, weak: float) -> tuple[str, str]:
    first = seen[0]
    strength = first.family.strength
    lines = ", ".join(
        f"{n} x {first.family.hz:.2f} Hz {level:.1f}" for n, level in enumerate(first.family.harmonics, 1)
    )
    if first.sides is not None and first.sides >= SIDES:
        lines += f"; sidebands {first.sides:.1f}"
    order = first.family.hz / shaft_hz
    others = "; ".join(f"{one.cause}: {one.family.strength:.1f}" for one in seen[1:])
    ruled = f" Ruled out: {others} times the background." if others else ""
    if strength < weak:
        return (
            "none",
            f"No family of lines stands out ({first.cause}: {strength:.1f} times the background).{ruled}",
        )
    said = f"lines of order {order:.3f} stand {strength:.1f} times over the background ({lines})."
    if strength < clear:
        return "undetermined", f"Weak signs of {first.cause}: {said}{ruled}"
    if len(seen) > 1 and strength < APART * seen[1].family.strength:
        return "undetermined", f"{first.cause} and {seen[1].cause} are as likely: {said}{ruled}"
    return first.cause, f"{first.cause[0].upper()}{first.cause[1:]}: {said}{ruled}"
