"""What is wrong with a pair of gears, from the mesh frequency and its sidebands.

Teeth meet z times a turn of a shaft whose gear has z teeth: every pair of gears has a line there, and its harmonics. One bad tooth, a
crack, or an eccentric gear changes the mesh once a turn of its shaft, and sidebands at the speed of that shaft appear. Their sum
over the height of the mesh is the sideband energy ratio; from about 1 on it is damage.

Sources: R. B. Randall, "A new method of modeling gear faults", J. Mech. Des. 104 (1982); J. Hanna, C. Hatch, M. Kalb, A. Weiss, H. Luo,
"Detection of wind turbine gear tooth defects using sideband energy ratio", China Wind Power (2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from babbitt.health.evidence import Capture, Finding, Tone, said
from babbitt.manipulation.spectra import APART_BINS, Lines, aside, spectrum

HARMONICS = 3
SIDEBANDS = 6
"""On either side of the mesh."""
CLEAR, SEEN = 10.0, 5.0
"""Times the background: of the mesh, and of a sideband that counts."""
RATIO = 1.0
"""Sideband energy ratio from which on it is damage, with no recording before."""
NEWS = 0.25
"""The same for sidebands that have grown."""
PAIRS = 2
"""So many sidebands on each side at least."""
GROWN = 2.0
"""Times what it was before."""
SLIP = 0.02
TOP = 0.45
"""Share of the rate up to which lines are looked for."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh as measured: its harmonics, the highest of them, the spacing of the sidebands of each gear (Hz), those that stand
    out, and why some cannot be told."""

    harmonics: tuple[Tone, ...]
    middle: Tone
    spacing: dict[str, float]
    sides: dict[str, tuple[Tone, ...]]
    blurred: tuple[str, ...]

    def together(self, gear: str) -> float:
        """All sidebands of a gear, heights summed."""
        return sum(tone.height for tone in self.sides.get(gear, ()))

    def ratio(self, gear: str) -> float:
        """The sideband energy ratio of a gear."""
        return self.together(gear) / max(1e-12, self.middle.height)

    def pairs(self, gear: str) -> int:
        """How many sidebands the side with fewer has."""
        lower = sum(tone.hz < self.middle.hz for tone in self.sides[gear])
        return min(lower, len(self.sides[gear]) - lower)

    @property
    def clear(self) -> bool:
        """Whether the teeth are heard at all: two of the harmonics, or the only one."""
        return sum(tone.over >= CLEAR for tone in self.harmonics) >= min(2, len(self.harmonics))


def gears(
    capture: Capture, shaft_hz: float, teeth: int, driven: int | None = None, before: Capture | None = None
) -> Finding:
    """Judge the mesh of a gear of ``teeth`` on the shaft that turns at ``shaft_hz`` (as exactly as it is known) with one of
    ``driven`` teeth, if that is known. ``before``: the same machine, same speed and load, when it was well."""
    now = _mesh(capture, shaft_hz, teeth, driven)
    if now is None:
        return Finding(
            "undetermined", (),
            f"The mesh of {teeth} teeth is at {teeth * shaft_hz:.0f} Hz; a rate of {capture.rate_hz:.0f} Hz shows lines up to"
            f" {TOP * capture.rate_hz:.0f} Hz: set a higher `rate_hz`.",
        )  # fmt: skip
    then = _mesh(before, shaft_hz, teeth, driven) if before is not None else None
    if then is not None and not then.clear:  # what was not heard before cannot have grown
        then = None
    cause, why, ruled = "none", "", list(now.blurred)
    for gear in now.sides:
        ratio, pairs = now.ratio(gear), now.pairs(gear)
        said_so = f"{pairs} pairs of sidebands at the speed of the {gear} ({now.spacing[gear]:.2f} Hz), together {ratio:.2f} times the mesh"
        least = RATIO if then is None else NEWS
        if not now.clear or ratio < least:
            ruled.append(f"{gear}: {said_so} ({least:g} is needed)")
        elif then is not None and now.together(gear) < GROWN * then.together(gear):
            ruled.append(f"{gear}: {said_so}, not {GROWN:g} times what they were before")
        elif pairs >= PAIRS:
            cause, why = (
                "gear mesh",
                f"Gear mesh: {said_so}: a tooth, a crack or an eccentricity of that gear.",
            )
            break
        else:
            cause, why = "undetermined", f"Weak signs of a gear: {said_so}; {PAIRS} pairs are needed."
    if cause == "none" and now.clear and then is not None and now.middle.height >= GROWN * then.middle.height:
        cause = "gear mesh"
        why = f"Gear mesh: {now.middle.height / then.middle.height:.1f} times what it was before: wear, or more load."
    if cause == "none":
        why = (
            "The gears mesh as gears do."
            if now.clear
            else f"The mesh does not stand {CLEAR:g} times over the background."
        )
    strongest = tuple(
        sorted((t for some in now.sides.values() for t in some), key=lambda tone: -tone.height)[:6]
    )
    shown = f"; strongest sidebands: {said(strongest[:2], 'g')}" if strongest else ""
    text = f"{why} Lines: {said(now.harmonics, 'g')}{shown}." + (
        f" Ruled out: {'; '.join(ruled)}." if ruled else ""
    )
    return Finding(cause, (*now.harmonics, *strongest), text)


def _mesh(capture: Capture, shaft_hz: float, teeth: int, driven: int | None) -> Mesh | None:
    """The mesh, or None if it is above what the rate shows."""
    top = TOP * capture.rate_hz
    if teeth * shaft_hz * (1 + SLIP) + shaft_hz > top:
        return None
    lines = spectrum(capture.axes.values(), capture.rate_hz, 4 * shaft_hz)
    hz = _frequency(lines, shaft_hz, teeth, top)
    harmonics = tuple(
        Tone("mesh" if n == 1 else f"mesh x{n}", n * hz, *lines.height(n * hz))
        for n in range(1, HARMONICS + 1)
        if n * hz < top
    )
    middle = max(harmonics, key=lambda tone: tone.height)
    spacing = {"driving gear": hz / teeth} | ({"driven gear": hz / driven} if driven else {})
    sides = {
        gear: _sidebands(lines, middle.hz, gear, spacing)
        for gear, away in spacing.items()
        if away >= APART_BINS * lines.step
    }
    blurred = tuple(
        f"{gear}: its sidebands, {away:.2f} Hz apart, need windows of {APART_BINS / away:.2f} s, these have {1 / lines.step:.2f} s"
        for gear, away in spacing.items()
        if gear not in sides
    )
    return Mesh(harmonics, middle, spacing, sides, blurred)


def _frequency(lines: Lines, shaft_hz: float, teeth: int, top: float) -> float:
    """The mesh frequency: where its harmonics are highest, less than half a sideband from where it is to be."""
    most = min(SLIP, 0.45 / teeth)
    reach = most * teeth * shaft_hz
    tries = teeth * shaft_hz + np.linspace(-reach, reach, max(3, int(8 * reach / lines.step) | 1))
    heights = [
        [lines.height(n * hz)[0] for n in range(1, HARMONICS + 1) if n * hz < top] for hz in tries.tolist()
    ]
    scores = [float(np.mean(np.log(np.maximum(some, 1e-9)))) for some in heights]
    best = np.flatnonzero(np.array(scores) >= max(scores) - 1e-9)
    found = float(tries[best].mean())
    strongest = max(range(1, len(heights[0]) + 1), key=lambda n: lines.height(n * found)[0])
    at = lines.bin_of(strongest * found)
    return (at + aside(lines.size, at)) * lines.step / strongest


def _sidebands(lines: Lines, middle: float, gear: str, spacing: dict[str, float]) -> tuple[Tone, ...]:
    """Sidebands of one gear that stand out; those that fall on one of the other are nobody's."""
    away = [abs(hz) for other, hz in spacing.items() if other != gear]
    found = []
    for k in [*range(-SIDEBANDS, 0), *range(1, SIDEBANDS + 1)]:
        hz = k * spacing[gear]
        if any(
            round(abs(hz) / one) and abs(abs(hz) - round(abs(hz) / one) * one) < 2 * lines.step
            for one in away
        ):
            continue
        height, over = lines.height(middle + hz)
        if over >= SEEN:
            found.append(Tone(f"{gear} {k:+d}", middle + hz, height, over))
    return tuple(found)
