"""Vibration of machines with one thing wrong, from the equations of the cause: for what no recordings are at hand.

Each function gives acceleration in g of axes x, y, z, shape (n,), at ``rate_hz``, with a sensor's noise. They are simpler than any
machine: what is right on them is right by the physics that is in them, no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

G_MM_S2 = 9806.65
GRAVITY = 9.80665


@dataclass(frozen=True, slots=True)
class Rig:
    """A machine that turns at ``shaft_hz``, heard for ``seconds``; the same ``seed`` is the same machine."""

    shaft_hz: float = 24.7
    rate_hz: float = 6400.0
    seconds: float = 10.0
    seed: int = 1
    noise_g: float = 0.02

    @property
    def rng(self) -> np.random.Generator:
        """Its chance."""
        return np.random.default_rng(self.seed)

    @property
    def t(self) -> Floats:
        """Times of the samples, s."""
        return np.arange(int(self.seconds * self.rate_hz), dtype=np.float64) / self.rate_hz

    def axes(self, x: Floats, share: tuple[float, float, float] = (1.0, 0.7, 0.4)) -> dict[str, Floats]:
        """A vibration as three axes feel it, with a weak 1x (0.4 mm/s RMS) and noise."""
        rng = np.random.default_rng(self.seed + 1000)
        one = line(0.4, self.shaft_hz, self.t, rng.uniform(0, 6.28))
        return {
            name: part * (x + one) + rng.normal(0, self.noise_g, len(x))
            for name, part in zip("xyz", share, strict=True)
        }


def line(mm_s: float, hz: float, t: Floats, phase: float = 0.0) -> Floats:
    """A line of so many mm/s RMS, as acceleration in g."""
    return np.asarray(
        mm_s * np.sqrt(2) * 2 * np.pi * hz / G_MM_S2 * np.sin(2 * np.pi * hz * t + phase), np.float64
    )


def healthy(rig: Rig) -> dict[str, Floats]:
    """Nothing is wrong."""
    return rig.axes(np.zeros_like(rig.t))


def imbalance(rig: Rig, mm_s: float = 4.0) -> dict[str, Floats]:
    """A force that turns with the shaft: m e w^2."""
    return rig.axes(line(mm_s, rig.shaft_hz, rig.t))


def bent(rig: Rig, mm_s: float = 4.0) -> dict[str, Floats]:
    """A bowed shaft: 1x across it, and along it (z), for its ends tilt."""
    return rig.axes(line(mm_s, rig.shaft_hz, rig.t), (0.8, 0.6, 0.9))


def misalignment(rig: Rig, mm_s: float = 3.0) -> dict[str, Floats]:
    """A coupling that is bent twice a turn: 2x, with 1x below it."""
    return rig.axes(line(mm_s, 2 * rig.shaft_hz, rig.t) + line(0.5 * mm_s, rig.shaft_hz, rig.t))


def looseness(rig: Rig, lift: float = 0.05, push: float = 3.0) -> dict[str, Floats]:
    """A foot that lifts: x'' = -2 d w x' - k(x) w^2 x - g + F cos(2 pi f t), k = 1 in contact and ``lift`` off it; the natural
    frequency is near half the speed, where such a foot answers every other turn. The force is ``push`` times gravity."""
    fine = 8
    step = 1 / (fine * rig.rate_hz)
    natural = 2 * np.pi * rig.shaft_hz * rig.rng.uniform(0.75, 0.85)
    count = len(rig.t) * fine
    force = push * GRAVITY * np.cos(2 * np.pi * rig.shaft_hz * np.arange(count) * step) - GRAVITY
    x, v = 0.0, 0.0
    out = np.empty(count)
    square, damp = natural**2, 2 * 0.05 * natural
    for n, pushed in enumerate(force.tolist()):
        a = pushed - damp * v - (square if x < 0 else lift * square) * x
        v += a * step
        x += v * step
        out[n] = a
    settled = out.reshape(-1, fine).mean(axis=1) / GRAVITY
    return rig.axes(settled * 0.02)


def knocks(rig: Rig, order: float, strong: float = 0.4, slip: float = 0.003) -> dict[str, Floats]:
    """A resonance at 2.1 kHz struck ``order`` times a turn, with a scatter of ``slip``."""
    rng, t = rig.rng, rig.t
    x = np.zeros_like(t)
    ring = np.arange(int(0.006 * rig.rate_hz)) / rig.rate_hz
    shape = strong * np.exp(-900 * ring) * np.sin(2 * np.pi * 2100 * ring)
    at = 0.0
    while (place := int(at * rig.rate_hz)) < len(x) - len(shape):
        x[place : place + len(shape)] += shape
        at += rng.normal(1, slip) / (order * rig.shaft_hz)
    return rig.axes(x)


def gear(
    rig: Rig, teeth: int, damage: float = 0.0, driven: int | None = None, mesh_g: float = 0.3
) -> dict[str, Floats]:
    """Teeth that mesh: sum of A_m (1 + a) cos(m (2 pi z turns + b)), m = 1..3. ``damage`` is what the mesh loses, as a share and
    as radians of phase, while the bad tooth is in it (two teeth long), once a turn of its shaft: that of the driving gear, or
    of the one with ``driven`` teeth. Every gear is a little eccentric (3 %)."""
    turns = rig.shaft_hz * rig.t
    bad = turns * (teeth / driven if driven else 1.0)
    wide = 2.0 / (driven or teeth)
    away = (bad + 0.5) % 1.0 - 0.5
    bump = damage * np.exp(-0.5 * (away / (wide / 2.355)) ** 2)
    a = 0.03 * np.cos(2 * np.pi * bad) - bump
    x = sum(mesh_g / m * (1 + a) * np.cos(m * (2 * np.pi * teeth * turns + bump) + m) for m in (1, 2, 3))
    return rig.axes(np.asarray(x, np.float64))


def stator(rig: Rig, line_hz: float, mm_s: float = 3.0) -> dict[str, Floats]:
    """The pull of the air gap, B^2, at twice the line frequency."""
    flux = np.cos(2 * np.pi * line_hz * rig.t)
    pull = 2 * (flux**2 - 0.5)
    return rig.axes(np.asarray(mm_s * np.sqrt(2) * 4 * np.pi * line_hz / G_MM_S2 * pull, np.float64))


def bars(rig: Rig, line_hz: float, poles: int, depth: float = 0.4, mm_s: float = 2.0) -> dict[str, Floats]:
    """A broken bar: 1x, modulated at the pole-pass frequency."""
    passing = (2 * line_hz / poles - rig.shaft_hz) * poles
    return rig.axes(
        np.asarray(
            line(mm_s, rig.shaft_hz, rig.t) * (1 + depth * np.cos(2 * np.pi * passing * rig.t)), np.float64
        )
    )


def cavitation(rig: Rig, strong: float = 0.6, per_s: float = 20_000.0) -> dict[str, Floats]:
    """Bubbles that collapse at random (Poisson), each a pulse of a tenth of a millisecond, exponential in size; a fifth more of
    them when a blade of five passes."""
    rng, t = rig.rng, rig.t
    often = per_s / rig.rate_hz * (1 + 0.2 * np.cos(2 * np.pi * 5 * rig.shaft_hz * t))
    size = rng.gamma(np.maximum(rng.poisson(often), 1e-9)) * strong  # a sum of n exponentials
    ring = np.arange(1, 8) / rig.rate_hz
    pulse = np.exp(-ring / 1e-4) * np.cos(2 * np.pi * 0.3 * rig.rate_hz * ring)
    x = np.convolve(size - size.mean(), pulse, mode="same")
    return rig.axes(x, (1.0, 0.8, 0.8))
