"""Bearings: which lines a defect of each part makes, from the geometry, and a catalogue of some by number.

Orders are frequencies by the shaft's speed, for an inner ring that turns. Source of the formulas: R. B. Randall, J. Antoni,
Mech. Syst. Signal Process. 25 (2011), section 2. A bearing is in the catalogue only if its geometry is published with a
data set; any other is given by its geometry, and orders that are unknown are searched for.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from babbitt.errors import UnknownBearing


@dataclass(frozen=True, slots=True)
class Bearing:
    """``balls`` rolling elements of ``ball_mm`` on a pitch circle of ``pitch_mm``, contact angle in degrees."""

    name: str
    balls: int
    ball_mm: float
    pitch_mm: float
    angle_deg: float = 0.0
    source: str = ""

    @property
    def _ratio(self) -> float:
        return self.ball_mm / self.pitch_mm * math.cos(math.radians(self.angle_deg))

    @property
    def outer(self) -> float:
        """Order of a defect of the outer race (BPFO)."""
        return self.balls / 2 * (1 - self._ratio)

    @property
    def inner(self) -> float:
        """Order of a defect of the inner race (BPFI)."""
        return self.balls / 2 * (1 + self._ratio)

    @property
    def ball(self) -> float:
        """Order of a defect of a ball, which meets a race twice a turn (2 x BSF)."""
        return self.pitch_mm / self.ball_mm * (1 - self._ratio**2)

    @property
    def cage(self) -> float:
        """Order of the cage (FTF)."""
        return (1 - self._ratio) / 2

    def orders(self) -> dict[str, float]:
        """The order of each part that has lines of its own."""
        return {"outer race": self.outer, "inner race": self.inner, "ball": self.ball, "cage": self.cage}


CATALOGUE = {
    one.name: one
    for one in (
        Bearing("6203", 8, 6.746, 28.499, 0.0, "CWRU bearing data center, fan end"),
        Bearing("6205", 9, 7.940, 39.040, 0.0, "CWRU bearing data center, drive end"),
        Bearing("6804", 13, 3.5, 25.6, 0.0, "FEMTO PRONOSTIA, NSK 6804RS"),
        Bearing("ZA-2115", 16, 8.407, 71.501, 15.17, "NASA IMS, Rexnord ZA-2115"),
        Bearing("MFPT", 8, 5.969, 31.623, 0.0, "MFPT fault data sets, NICE bearing"),
    )
}


def bearing(text: str) -> Bearing:
    """A bearing by its number, or by ``balls/ball_mm/pitch_mm`` or ``balls/ball_mm/pitch_mm/angle_deg``.

    Raises UnknownBearing.
    """
    number = (
        re.sub(r"[\s-].*$", "", text.strip().upper())
        if text.strip().upper() not in CATALOGUE
        else text.strip().upper()
    )
    if number in CATALOGUE:
        return CATALOGUE[number]
    parts = text.split("/")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if (
        len(numbers) in (3, 4)
        and 3 <= numbers[0] <= 60
        and 0 < numbers[1] < numbers[2]
        and int(numbers[0]) == numbers[0]
    ):
        angle = numbers[3] if len(numbers) == 4 else 0.0
        return Bearing(text, int(numbers[0]), numbers[1], numbers[2], angle)
    raise UnknownBearing(
        f"{text!r} is not in the catalogue ({', '.join(CATALOGUE)}); give its geometry as balls/ball mm/pitch mm/angle, as"
        " 9/7.94/39.04/0"
    )
