"""Vibration channels to features on a logarithmic scale.

Energy multiplies: a bearing that wears does not add 0.1 g, it doubles. On a log scale the same relative
change is the same distance whatever the machine, scatter is near symmetric, and exponential growth is a
straight line.

A feature is *energy* (``rms``, ``peak``, ``p2p``, ``velocity``, ``env``, ``envamp1``), a *part* of it (``band1`` to ``band8``), *shape*
(``crest``, ``kurt``) or *temperature* (``mean``). What a
sensor shows when nothing moves is added under the root, so that an axis that only shows noise cannot double
by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

SENSOR_NOISE_G = 0.005
"""Noise of one axis of an ADXL345, g rms (about 1.3 counts of 3.9 mg)."""
PEAK_OF_NOISE = 3.0
"""Peak of a window of Gaussian noise, in rms."""
PLAUSIBLE = 1e6
"""No quantity of a node is as large in g, degrees C or as a ratio; beyond it a value is garbage."""

ENERGY, PART, SHAPE, TEMPERATURE = "energy", "part", "shape", "temperature"
_KINDS = {
    "rms": ENERGY,
    "peak": ENERGY,
    "p2p": ENERGY,
    "velocity": ENERGY,
    "env": ENERGY,
    "envamp1": ENERGY,
    "crest": SHAPE,
    "kurt": SHAPE,
} | {f"band{n}": PART for n in range(1, 9)}
_NOISE = {
    "peak": PEAK_OF_NOISE * SENSOR_NOISE_G, "p2p": 2 * PEAK_OF_NOISE * SENSOR_NOISE_G, "velocity": 0.05, "envamp1": 0.0005,
}  # fmt: skip
"""What a sensor shows when nothing moves: g, mm/s."""


def number(value: float | None) -> float | None:
    """`value` if it is a finite number of plausible size, else None ('not measured')."""
    if value is None or not math.isfinite(value) or abs(value) > PLAUSIBLE:
        return None
    return float(value)


def kind(channel: str) -> str | None:
    """Kind of the feature a channel carries, or None for a channel that is no feature (rate, overflow, clip,
    min, max, slope; humidity, a current, speed, a contact).

    Vibration channels have three parts (``vib.x.rms``), those of a temperature two (``temp.mean``).
    """
    parts = channel.split(".")
    if len(parts) == 3:
        return _KINDS.get(parts[2])
    return TEMPERATURE if len(parts) == 2 and parts[1] == "mean" else None


def features(values: Mapping[str, float | None]) -> dict[str, float]:
    """Channels of a record (g, ratios, degrees C) -> features by channel: natural logs, temperatures as they
    are.

    Channels that are None, not finite, or not positive where they must be are left out.
    """
    out: dict[str, float] = {}
    for channel, raw in values.items():
        what, value = kind(channel), number(raw)
        if what is None or value is None:
            continue
        if what == TEMPERATURE:
            out[channel] = value
        elif what in (ENERGY, PART) and value >= 0.0:
            noise = _NOISE.get(channel.rpartition(".")[2], SENSOR_NOISE_G)
            out[channel] = math.log(math.hypot(value, noise))
        elif what == SHAPE and value > 0.0:
            out[channel] = math.log(value)
    return out


def overall_rms(values: Mapping[str, float | None]) -> float | None:
    """Vibration of all axes together, g rms, or None where no axis was measured."""
    total, seen = 0.0, False
    for channel, raw in values.items():
        value = number(raw)
        if value is not None and value >= 0.0 and channel.endswith(".rms"):
            total, seen = total + value * value, True
    return math.sqrt(total) if seen else None


def median(values: Sequence[float]) -> float:
    """Median of a non-empty sequence (pure Python: for the handful of values of one record it beats numpy
    tenfold)."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle])
