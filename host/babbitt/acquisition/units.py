"""Units of measured values of before, and how they become those that Babbitt knows."""

from __future__ import annotations

FACTORS: dict[str, tuple[str, float, float]] = {
    "°C": ("degC", 1.0, 0.0), "C": ("degC", 1.0, 0.0), "K": ("degC", 1.0, -273.15),
    "degF": ("degC", 5 / 9, -160 / 9), "°F": ("degC", 5 / 9, -160 / 9), "F": ("degC", 5 / 9, -160 / 9),
    "mg": ("g", 1e-3, 0.0), "m/s2": ("g", 1 / 9.80665, 0.0), "m/s^2": ("g", 1 / 9.80665, 0.0),
    "m/s²": ("g", 1 / 9.80665, 0.0), "m/s": ("mm/s", 1e3, 0.0), "in/s": ("mm/s", 25.4, 0.0),
    "um/s": ("mm/s", 1e-3, 0.0), "rpm": ("r/min", 1.0, 0.0), "kHz": ("Hz", 1e3, 0.0), "psi": ("bar", 0.0689475729, 0.0),
    "kPa": ("bar", 0.01, 0.0), "%": ("%", 1.0, 0.0), "": ("1", 1.0, 0.0),
}  # fmt: skip
"""unit: (what it becomes, factor, offset). Any other unit is kept as it is."""


def converted(unit: str) -> tuple[str, float, float]:
    """What a unit becomes, and value x factor + offset."""
    return FACTORS.get(unit, (unit, 1.0, 0.0))
