"""Broad-band noise that has risen: as cavitation, turbulence, rubbing or a lack of lubricant make it.

Bubbles collapse at random, many a turn: what they add has no lines and no single knocks, only a higher floor at high frequencies
(R. B. Randall, "Vibration-based Condition Monitoring", 2nd ed. 2021, chapter 2; C. E. Brennen, "Hydrodynamics of Pumps", 1994,
section 6.4). How high the floor of a machine is when it is well, nobody knows: it is judged against the same machine before only.
"""

from __future__ import annotations

import itertools

import numpy as np

from babbitt.health.evidence import Capture, Finding, Floats, Tone
from babbitt.manipulation.kurtogram import Band, cut
from babbitt.manipulation.spectra import sizes

LOW, HIGH = 0.125, 0.45
"""The band that is looked at, as shares of the rate."""
PARTS = 8
RAISED = 3.0
"""Times the floor before, as amplitudes (10 dB), in SHARE of the parts of the band and in every axis."""
SHARE = 0.75
LINES = 0.5
"""Share of the power in the band that lines may have: a line is a bin 4 times over the floor."""
KNOCKS = 4.5
"""Kurtosis in the band above which it is shocks, not noise (Gaussian: 3)."""


def noise(capture: Capture, before: Capture) -> Finding:
    """Judge the floor against that of ``before``: the same machine, same sensor, speed and load, when it was well."""
    rate = min(capture.rate_hz, before.rate_hz)
    edges = np.linspace(LOW * rate, HIGH * rate, PARTS + 1)
    least = min(x.shape[1] / one.rate_hz for one in (capture, before) for x in one.axes.values())
    if least * (edges[1] - edges[0]) < 4:
        return Finding("undetermined", (), "The windows are too short to tell a floor from lines.")
    risen: dict[str, Floats] = {}
    shares, shocks, tones = [], [], []
    for name, x in capture.axes.items():
        if name not in before.axes:
            continue
        now, lined = _floor(x, capture.rate_hz, edges)
        then, _ = _floor(before.axes[name], before.rate_hz, edges)
        risen[name] = now / np.maximum(then, 1e-12)
        shares.append(lined)
        shocks.append(_kurtosis(cut(x, capture.rate_hz, Band(float(edges[0]), float(edges[-1]), 0.0))))
        tones += [
            Tone(f"{name} floor", float((low + high) / 2), float(size), float(times))
            for low, high, size, times in zip(edges[:-1], edges[1:], now, risen[name], strict=True)
        ]
    if not risen:
        return Finding(
            "none", (), "The recording before has none of these axes: the floor cannot be compared."
        )
    floors = ", ".join(f"{name} {float(np.median(times)):.1f}" for name, times in risen.items())
    seen = f"from {edges[0]:.0f} to {edges[-1]:.0f} Hz the floor is, times what it was before: {floors}"
    up = [bool((times >= RAISED).mean() >= SHARE) for times in risen.values()]
    what = f"lines have {100 * max(shares):.0f} % of the power there, the kurtosis is {max(shocks):.1f}"
    if not all(up):
        where = "in some axes only" if any(up) else f"nowhere {RAISED:g} times"
        return Finding("none", tuple(tones), f"The floor has not risen as a whole ({where}): {seen}.")
    if max(shares) > LINES:
        return Finding("undetermined", tuple(tones), f"The floor rose, but so did lines: {seen}; {what}.")
    if max(shocks) > KNOCKS:
        return Finding(
            "undetermined", tuple(tones), f"The floor rose by knocks, not by noise: {seen}; {what}."
        )
    return Finding(
        "broadband noise", tuple(tones),
        "Broadband noise, as of cavitation, turbulence, rubbing or a lack of lubricant (or another load, or a machine that was"
        f" assembled anew): {seen}; {what}. Ruled out: lines (less than {100 * LINES:.0f} %), knocks (kurtosis below {KNOCKS:g}).",
    )  # fmt: skip


def _floor(x: Floats, rate_hz: float, edges: Floats) -> tuple[Floats, float]:
    """The floor, g RMS a root Hz, in each part of the band (the median bin); the share of lines in the power of the band."""
    size = sizes(x)
    hz = np.arange(len(size)) * rate_hz / x.shape[1]
    density = size / np.sqrt(1.5 * rate_hz / x.shape[1])
    floors, lined, whole = [], 0.0, 0.0
    for low, high in itertools.pairwise(edges):
        some = density[(hz >= low) & (hz < high)]
        floors.append(float(np.median(some)))
        lined += float((some[some > 4 * floors[-1]] ** 2).sum())
        whole += float((some**2).sum())
    return np.array(floors), lined / whole if whole > 0 else 0.0


def _kurtosis(x: Floats) -> float:
    power = float((x**2).mean())
    return float((x**4).mean()) / power**2 if power > 0 else 0.0
