"""Order tracking: a vibration over the angle of the shaft, so that what turns with it stands still while the speed changes.

The angle at each sample is the integral of the speed, which a tachometer has told at some times; the waveform is then read at
equal angles. Its spectrum has lines at orders (multiples of the shaft), as sharp as at constant speed.

Source: K. R. Fyfe, E. D. S. Munck, "Analysis of computed order tracking", Mech. Syst. Signal Process. 11 (1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import resample_poly

from babbitt.errors import NotEnough

Floats = NDArray[np.float64]

FINER = 4
"""The waveform is sampled so many times finer before it is read between the samples by a cubic spline."""
SPARE = 8
"""Samples at either end that are left out: what is read there is made up by the filter."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The speed of a shaft, ``hz`` at ``time_s`` (rising), straight lines between and constant beyond the ends."""

    time_s: Floats
    hz: Floats

    def at(self, time_s: Floats) -> Floats:
        """The speed in Hz at some times."""
        return np.interp(time_s, self.time_s, self.hz)

    def turns(self, time_s: Floats) -> Floats:
        """Turns of the shaft since time 0 at some times: the integral of the speed, exact for straight lines."""
        first, last = min(float(time_s.min()), self.time_s[0], 0.0), max(float(time_s.max()), self.time_s[-1])
        knots = np.unique(np.concatenate([[first, 0.0, last], self.time_s, time_s]))
        speed = self.at(knots)
        sums = np.concatenate([[0.0], np.cumsum(np.diff(knots) * (speed[1:] + speed[:-1]) / 2)])
        whole: Floats = np.interp(time_s, knots, sums) - np.interp(0.0, knots, sums)
        return whole


def equal_angles(x: Floats, turns: Floats, per_turn: int | None = None) -> tuple[Floats, int]:
    """Read samples ``x`` (n,) or (n, axes), evenly spaced in time, at equal angles; ``turns`` (n,) is the angle at each, rising.

    Returns the samples over angle and how many there are a turn: by default so many as there are samples in the slowest
    turn, so that nothing folds back; with fewer, what lies above half of them does. Raises NotEnough if the shaft turns back
    or stands, or if less than a turn is there.
    """
    if not (np.isfinite(turns).all() and bool((np.diff(turns) > 0).all())):
        raise NotEnough("the shaft stands or turns back: there are no equal angles")
    inner = slice(SPARE, len(turns) - SPARE)
    each = per_turn or int(np.ceil(1 / float(np.diff(turns).min())))
    first, last = np.ceil(turns[inner][0] * each), np.floor(turns[inner][-1] * each)
    if last - first < each:
        raise NotEnough("less than one turn of the shaft is in the waveform")
    fine = resample_poly(x, FINER, 1, axis=0, padtype="line")
    # The grid of angles in samples: where in time each angle is passed.
    places = np.interp(np.arange(first, last + 1) / each, turns, np.arange(len(turns), dtype=float))
    read: Floats = CubicSpline(np.arange(len(fine)) / FINER, fine)(places)
    return read, each


def at_constant_speed(x: Floats, time_s: Floats, profile: Profile) -> tuple[Floats, float, float]:
    """Windows ``x``, shape (windows, n, axes), with the time of each sample, shape (windows, n), as if the shaft had turned at
    its mean speed all the time: what turns with the shaft has constant frequencies then (and what does not, has not).

    Returns the windows, cut to whole samples of the shortest one, their rate in Hz and the mean speed in Hz. Raises NotEnough.
    """
    mean = float(profile.at(time_s).mean())
    turns = [profile.turns(one) for one in time_s]
    each = int(np.ceil(1 / min(float(np.diff(one).min()) for one in turns)))
    read = [equal_angles(one, angle, each)[0] for one, angle in zip(x, turns, strict=True)]
    least = min(len(one) for one in read)
    return np.stack([one[:least] for one in read]), each * mean, mean
