"""What is wrong with an induction motor electrically: the line at twice the line frequency, and sidebands at the pole-pass frequency.

The pull of the air gap goes with the square of the flux, so that it changes at twice the line frequency; a stator that is loose or
short-circuited, or an eccentric gap, makes that line strong. A rotor with a broken bar slips past each pole once in a pole-pass period
(slip frequency x poles): 1x gets sidebands at that distance. Twice the line is close to a multiple of the shaft's speed, which a
motor almost keeps: they are told apart by the length of the window alone, and where it is too short nothing is said.

Sources: R. B. Randall, "Vibration-based Condition Monitoring", 2nd ed. 2021, section 2.2.4; W. R. Finley, M. M. Hodowanec, W. G. Holter, "An
analytical approach to solving motor vibration problems", IEEE Trans. Ind. Appl. 36 (2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from babbitt.errors import NotEnough
from babbitt.health.evidence import Capture, Finding, Tone, said
from babbitt.health.rotor import GROWN, LIMIT_MM_S, OVER
from babbitt.manipulation.spectra import APART_BINS, G_MM_S2, Lines, aside, spectrum

STATOR, ROTOR = "electrical (stator)", "electrical (rotor)"
LINE_SLIP = 0.002
"""A grid keeps its frequency to within so much."""
SHAFT_SLIP = 0.01
"""So near to the speed that is said 1x is looked for, which tells it better."""
SIDE_SHARE = 0.1
"""Of 1x that the sidebands of a broken bar have at least, each."""
SYNCHRONOUS = 1.002
"""No motor turns faster than so many times its synchronous speed."""


@dataclass(frozen=True, slots=True)
class Motor:
    """An induction motor at ``line_hz`` (behind a converter: its output) with ``poles``; None: as many as fit the speed."""

    line_hz: float
    poles: int | None = None

    def pole_pass_hz(self, shaft_hz: float) -> float:
        """Slip frequency times poles. Raises NotEnough if the shaft is faster than the field."""
        poles = self.poles or 2 * int(SYNCHRONOUS * self.line_hz / shaft_hz)
        if poles < 2 or shaft_hz > SYNCHRONOUS * 2 * self.line_hz / poles:
            field = 120 * self.line_hz / max(2, poles)
            raise NotEnough(
                f"a motor of {max(2, poles)} poles at {self.line_hz:g} Hz turns at most {field:.0f} r/min, the shaft turns at"
                f" {60 * shaft_hz:.0f}: correct the line frequency (behind a converter: its output), --poles or the speed"
            )
        return max(0.0, 2 * self.line_hz / poles - shaft_hz) * poles


def electrical(capture: Capture, shaft_hz: float, motor: Motor, before: Capture | None = None) -> Finding:
    """Judge a motor whose shaft turns at about ``shaft_hz``; 1x tells it better. Raises NotEnough if the shaft is faster than
    the field of such a motor. ``before``: the same machine, same speed and load, when it was well."""
    if 2 * motor.line_hz > 0.45 * capture.rate_hz:
        return Finding(
            "undetermined", (),
            f"Twice the line is {2 * motor.line_hz:g} Hz; a rate of {capture.rate_hz:.0f} Hz shows lines up to"
            f" {0.45 * capture.rate_hz:.0f} Hz: set a higher `rate_hz`.",
        )  # fmt: skip
    lines = spectrum(capture.axes.values(), capture.rate_hz, 2 * shaft_hz)
    at = lines.bin_of(shaft_hz, SHAFT_SLIP * shaft_hz)
    if at > 1 and lines.size[at] >= OVER * lines.floor[at]:
        shaft_hz = (at + aside(lines.size, at)) * lines.step
    passing = motor.pole_pass_hz(shaft_hz)
    seconds = 1 / lines.step
    twice = _tone("2x line", lines, 2 * motor.line_hz, LINE_SLIP * 2 * motor.line_hz)
    once = _tone("1x", lines, shaft_hz)
    multiple = max(1, round(twice.hz / shaft_hz))
    away = abs(2 * motor.line_hz - multiple * shaft_hz)
    near = _tone(f"{multiple}x shaft", lines, multiple * shaft_hz)
    strong = twice.over >= OVER and twice.height >= LIMIT_MM_S
    then = 0.0
    if before is not None:
        then_lines = spectrum(before.axes.values(), before.rate_hz, 2 * shaft_hz)
        then = _tone("", then_lines, 2 * motor.line_hz, LINE_SLIP * 2 * motor.line_hz).height
    tones = [twice, near, once]
    ruled: list[str] = []
    if passing >= APART_BINS * lines.step:
        sides = [
            _tone(f"1x {sign}pole pass", lines, shaft_hz + side)
            for sign, side in (("-", -passing), ("+", passing))
        ]
        tones += sides
        if all(tone.over >= OVER and tone.height >= SIDE_SHARE * once.height for tone in sides):
            why = f"Electrical, the rotor: 1x has sidebands at the pole-pass frequency, {passing:.2f} Hz away (a broken bar or ring)."
            return _found(ROTOR, why, tones, ruled)
        ruled.append(f"broken bars: no sidebands {passing:.2f} Hz (pole pass) beside 1x")
    else:
        ruled.append(
            f"broken bars cannot be told: sidebands {passing:.2f} Hz (pole pass) beside 1x need windows of"
            f" {_needed(passing)}, these have {seconds:.2f} s"
        )
    if not strong:
        ruled.append(f"stator or air gap: twice the line is below {LIMIT_MM_S} mm/s or no line")
        return _found("none", "No electrical line is strong.", tones, ruled)
    if away < APART_BINS * lines.step:
        why = (
            f"A line at {twice.hz:.2f} Hz is twice the line frequency or {multiple}x of the shaft, {away:.2f} Hz apart: that needs windows"
            f" of {_needed(away)}, these have {seconds:.2f} s."
        )
        return _found("undetermined", why, tones, ruled)
    if then and twice.height < GROWN * then:
        return _found("none", f"Twice the line is not {GROWN:g} times what it was before.", tones, ruled)
    ruled.append(f"{multiple}x of the shaft: it is {away:.2f} Hz away and told apart")
    return _found(STATOR, "Electrical, stator or air gap: twice the line frequency is strong.", tones, ruled)


def _found(cause: str, why: str, tones: list[Tone], ruled: list[str]) -> Finding:
    text = f"{why} Lines: {said(tuple(tones), 'mm/s')}." + (
        f" Ruled out: {'; '.join(ruled)}." if ruled else ""
    )
    return Finding(cause, tuple(tones), text)


def _needed(hz: float) -> str:
    return f"{APART_BINS / hz:.1f} s" if hz > 1e-3 else "any length in vain"


def _tone(name: str, lines: Lines, hz: float, reach_hz: float = 0.0) -> Tone:
    """A line as velocity, mm/s RMS."""
    size, over = lines.height(hz, reach_hz)
    return Tone(name, hz, size * G_MM_S2 / (2 * math.pi * hz), over)
