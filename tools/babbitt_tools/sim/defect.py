"""A localized defect in a rolling bearing: when it strikes, how hard, and what the strikes make of a structure.

Frequencies come from the geometry (`babbitt.health.bearings`). The rolling elements slip, so strikes are not periodic: the
spacing of two is Gaussian about its mean and the displacements add up, a random walk. Source: J. Antoni, R. B. Randall,
J. Vib. Acoust. 125 (2003) 282-289. A line of order h of the envelope is then a Lorentzian of the full width at half height

    2 pi (h sigma)^2 f        f the rate of the strikes, sigma the scatter of a spacing by its mean

The load on a rolling element at the angle psi from the middle of the load zone is that of Stribeck (T. A. Harris, Rolling
Bearing Analysis): q(psi) = [1 - (1 - cos psi) / (2 epsilon)]^(3/2), 0 outside; epsilon 0.5 loads half of the ring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from babbitt.health.bearings import Bearing

PARTS = ("outer race", "inner race", "ball")
BLOCK = 64  # strikes whose slip is drawn together
TAIL = 7.0  # natural logarithms down to which a strike rings: a thousandth
GAIN_SCATTER = 0.2  # of the force of a strike
INNER_SHARE = 0.7  # a ball's strike on the inner race, by that on the outer one: a longer way to the housing

Floats = NDArray[np.float64]


def load_zone(psi: Floats, epsilon: float = 0.5) -> Floats:
    """Load on a rolling element at the angle `psi` (radians) from the middle of the load zone, 1 there."""
    share = 1 - (1 - np.cos(psi)) / (2 * epsilon)
    zone: Floats = np.clip(share, 0.0, None) ** 1.5
    return zone


class Defect:
    """A defect of one part.

    Args:
        bearing: its geometry; the inner ring turns.
        part: one of `PARTS`.
        slip: scatter of the spacing of two strikes by its mean, 0 .. 0.1.

    Raises:
        ValueError: another part, a slip out of range.
    """

    def __init__(self, bearing: Bearing, part: str, slip: float) -> None:
        if part not in PARTS:
            raise ValueError(f"part={part!r} is none of {', '.join(PARTS)}")
        if not 0 <= slip <= 0.1:
            raise ValueError(f"slip={slip} is not within 0 .. 0.1")
        self.part = part
        self.order = bearing.orders()[part]
        self._cage = bearing.cage
        self._slip = slip

    def strikes(
        self, key: Sequence[int], turns: float, shaft_hz: float, first_s: float, last_s: float
    ) -> tuple[Floats, Floats]:
        """Times (s) and forces (1 in the middle of the load zone, on average) of the strikes from `first_s` to `last_s`.

        `turns` is how often the shaft has turned at 0 s. The same key, turns and speed give the same strikes, whatever
        part of them is asked for.
        """
        rate = self.order * shaft_hz
        base = self.order * turns
        blocks = range(
            min(-1, math.floor(first_s * rate / BLOCK) - 1), max(0, math.ceil(last_s * rate / BLOCK)) + 1
        )
        draws = [np.random.default_rng((*key, b + (1 << 20))).standard_normal((BLOCK, 2)) for b in blocks]
        draws_all = np.concatenate(draws)
        walk = np.cumsum(draws_all[:, 0])
        walk -= walk[-blocks[0] * BLOCK]  # the strike of number 0 is where the shaft's angle puts it
        k = np.arange(blocks[0] * BLOCK, (blocks[-1] + 1) * BLOCK)
        times = (math.ceil(base) - base + k + self._slip * walk) / rate
        force = 1 + GAIN_SCATTER * draws_all[:, 1]
        if self.part == "inner race":  # the defect turns with the shaft through the load zone
            force = force * load_zone(2 * math.pi * (turns + shaft_hz * times))
        elif self.part == "ball":  # the ball goes round with the cage, and meets the races in turn
            force = force * load_zone(2 * math.pi * self._cage * (turns + shaft_hz * times))
            force[(math.ceil(base) + k) % 2 == 1] *= INNER_SHARE
        inside = (times >= first_s) & (times <= last_s)
        return times[inside], force[inside]


def ringing(times: Floats, forces: Floats, t: Floats, resonance_hz: float, damping: float) -> Floats:
    """What strikes make of a structure with one resonance, at the equidistant times `t` (s): the impulse response of an
    oscillator, exp(-damping w t) sin(w t), once for each of them.
    """
    omega = 2 * math.pi * resonance_hz
    step = t[1] - t[0]
    length = math.ceil(tail_s(resonance_hz, damping) / step)
    out = np.zeros(len(t))
    for at, force in zip(times, forces, strict=True):
        begin = max(0, math.ceil((at - t[0]) / step))
        end = min(len(t), math.ceil((at - t[0]) / step) + length)
        if begin < end:
            since = t[begin:end] - at
            out[begin:end] += force * np.exp(-damping * omega * since) * np.sin(omega * since)
    return out


def tail_s(resonance_hz: float, damping: float) -> float:
    """How long a strike rings, s."""
    return TAIL / (damping * 2 * math.pi * resonance_hz)
