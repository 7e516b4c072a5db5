"""Vibration of machines that were never built: a shaft with its lines, a bearing with a defect, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 6400.0
SHAFT = 29.6
G_MM_S2 = 9806.65


def knocks(
    order: float,
    seconds: float = 4.0,
    slip: float = 0.003,
    strong: float = 0.6,
    seed: int = 1,
    turning: bool = False,
) -> NDArray[np.float64]:
    """A resonance at 2.1 kHz, struck ``order`` times a turn with a scatter of ``slip``; ``turning``: the place that is
    struck turns through the load, as on an inner race."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    x = rng.normal(0, 0.05, count)
    at = 0.0
    ring = np.arange(int(0.004 * RATE)) / RATE
    shape = np.exp(-900 * ring) * np.sin(2 * np.pi * 2100 * ring)
    while (place := int(at * RATE)) < count - len(shape):
        load = 1 + 0.8 * np.cos(2 * np.pi * SHAFT * at) if turning else 1.0
        x[place : place + len(shape)] += strong * load * shape
        at += rng.normal(1, slip) / (order * SHAFT)
    return x


def lines(amplitudes: dict[float, float], seconds: float = 4.0, seed: int = 1) -> NDArray[np.float64]:
    """Lines of the shaft: mm/s RMS by order, as acceleration in g, with noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    x = rng.normal(0, 0.004, len(t))
    for order, mm_s in amplitudes.items():
        hz = order * SHAFT
        x += mm_s * np.sqrt(2) * 2 * np.pi * hz / G_MM_S2 * np.sin(2 * np.pi * hz * t + order)
    return x
