"""The temperature of goods that no sensor is in: one thermal mass that the air warms and cools.

    dTg/dt = (Ta - Tg) / tau        (lumped capacitance; Incropera and DeWitt, "Fundamentals of Heat and Mass Transfer", chapter 5)

tau = m c / (h A). Valid while the goods are even inside (Biot number below 0.1): single packages. In a pallet the outside is ahead
of the mean. Nothing freezes or thaws here: near -1 degree C real goods lag behind the model, for melting takes heat.

The interval holds what is not known: the time constant within a factor of TAU_FACTOR either way, and where the goods began,
START_K either way from the first value of the air, which is forgotten with the time constant; up to DELIVERY_K more after a
delivery, whose temperature nobody told; and SENSOR_K always, for the sensor and the place it hangs in.
"""

from __future__ import annotations

import math

TAU_FACTOR = 2.0
START_K, DELIVERY_K, SENSOR_K = 4.0, 2.0, 0.5
HOLD_S = 3600.0
"""A value stands for the time before it, for so long at most; what a longer gap did is not known."""


class GoodsModel:
    """Goods with a time constant of ``hours``. ``middle``, ``low``, ``high`` in degrees C; None before the first value."""

    def __init__(self, hours: float) -> None:
        self.hours = hours
        self._last = 0.0
        self._masses: list[float] = []
        self._doubt = [START_K, START_K]  # downwards, upwards

    @property
    def middle(self) -> float | None:
        """The likeliest temperature."""
        return self._masses[1] if self._masses else None

    @property
    def low(self) -> float | None:
        """The goods are hardly colder."""
        return min(self._masses) - self._doubt[0] - SENSOR_K if self._masses else None

    @property
    def high(self) -> float | None:
        """The goods are hardly warmer."""
        return max(self._masses) + self._doubt[1] + SENSOR_K if self._masses else None

    def update(self, t_s: float, air: float) -> None:
        """The air had ``air`` degrees C in the time before ``t_s`` seconds. Out of order is left out."""
        if not self._masses:
            self._masses, self._last = [air] * 3, t_s
            return
        dt = t_s - self._last
        if dt <= 0.0:
            return
        self._last = t_s
        known = min(dt, HOLD_S)
        for n, factor in enumerate((1.0 / TAU_FACTOR, 1.0, TAU_FACTOR)):
            self._masses[n] += (1.0 - math.exp(-known / (3600.0 * self.hours * factor))) * (
                air - self._masses[n]
            )
        # The doubt about the beginning goes slowly: as if the goods were the heavier ones.
        slow = 3600.0 * self.hours * TAU_FACTOR
        lost = START_K * (1.0 - math.exp(-(dt - known) / slow))
        self._doubt = [min(START_K, doubt * math.exp(-known / slow) + lost) for doubt in self._doubt]

    def delivered(self) -> None:
        """Goods came in."""
        self._doubt[1] = max(self._doubt[1], DELIVERY_K)

    def dump(self) -> list[float]:
        """State in plain JSON types."""
        return [self._last, *self._doubt, *self._masses]

    def restore(self, state: list[float]) -> None:
        """Take back what ``dump`` gave."""
        self._last, down, up, *self._masses = state
        self._doubt = [down, up]
